//! A scene that is played while it is written: what one person does, and what comes of it.
//!
//! Time stands still between two lines: a key that is pressed at once interrupts what is said.
//! What was done and what came of it is a transcript.
//!
//! **Invariant:** [`Rehearsal::transcript`], played anew, says the same.
//!
//! **Deliberately absent:** a terminal. Lines come in, lines go out.

use std::sync::Arc;
use std::time::Duration;

use crate::flow::Flow;
use crate::sim::transcript::TranscriptError;
use crate::sim::transcript::scene::Scene;
use crate::sim::transcript::script::{Cast, Deed};
use crate::time::Timestamp;

/// How long nothing may happen before waiting for it is given up.
const SILENCE_MAX: Duration = Duration::from_secs(60 * 60);

pub struct Rehearsal {
    scene: Scene,
    cast: Cast,
    /// As it was written.
    people: String,
    now: Timestamp,
    /// Bytes of what the scene says that were given out.
    told: usize,
}

impl Rehearsal {
    /// `people` are the lines before the first scene of a transcript: agents, callers, queues.
    ///
    /// # Errors
    ///
    /// The first line that is not understood.
    pub fn new(flow: &Arc<Flow>, people: &str) -> Result<Self, TranscriptError> {
        let mut cast = Cast::default();
        for (line, text) in (1..).zip(people.lines()) {
            let text = text.trim();
            if !text.is_empty() && !text.starts_with('#') {
                cast.read(text).map_err(|problem| TranscriptError { line, problem })?;
            }
        }
        let scene = Scene::new(flow, &cast, None);
        let scene = scene.map_err(|problem| TranscriptError { line: 1, problem })?;
        let now = scene.start();
        Ok(Self { scene, cast, people: people.to_owned(), now, told: 0 })
    }

    /// Whether a person of this scene has the name, so that a line may begin with it.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.cast.agents.iter().any(|agent| agent.name == name)
            || self.cast.callers.contains_key(name)
            || ["outside", "service"].contains(&name)
    }

    /// A person does something now: `alice presses 1`.
    ///
    /// # Errors
    ///
    /// What is wrong with it. Nothing has happened then.
    pub fn act(&mut self, deed: &str) -> Result<(), String> {
        // What is due at this moment comes before what people do in it.
        self.scene.play_until(self.now, 1).map_err(|error| error.problem)?;
        let before = self.scene.out.len();
        let done = Deed::read(deed, &self.cast).and_then(|deed| self.scene.act(self.now, &deed));
        if done.is_err() {
            self.scene.out.truncate(before);
        }
        done
    }

    /// Lets this much time pass.
    ///
    /// # Errors
    ///
    /// More happened than one scene may hold.
    pub fn wait(&mut self, time: Duration) -> Result<(), TranscriptError> {
        self.now = self.now + time;
        self.scene.play_until(self.now, 1)
    }

    /// Lets time pass until something comes of it; whether anything did.
    ///
    /// # Errors
    ///
    /// As [`Self::wait`].
    pub fn wait_for_more(&mut self) -> Result<bool, TranscriptError> {
        let (before, latest) = (self.scene.out.len(), self.now + SILENCE_MAX);
        while self.scene.out.len() == before {
            let next = self.scene.next_at().filter(|next| *next <= latest);
            let Some(next) = next else { return Ok(false) };
            self.now = self.now.max(next);
            self.scene.play_until(self.now, 1)?;
        }
        Ok(true)
    }

    /// What was done and what came of it since this was asked last, in lines of a transcript.
    pub fn said(&mut self) -> String {
        let said = self.scene.out.get(self.told..).unwrap_or_default().to_owned();
        self.told = self.scene.out.len();
        said
    }

    /// Whether a caller is on a line.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.scene.center.calls_live() > 0
    }

    /// All of it, with one scene of this title.
    #[must_use]
    pub fn transcript(&self, title: &str) -> String {
        let people = self.people.trim_end();
        format!("{people}\n\n== {title}\n\n{}\n", self.scene.out.trim_end())
    }
}
