//! What plays on a leg: frames at their time, the end of a prompt, and the wait for one that is
//! still being spoken by a voice.
//!
//! **Invariant:** a play ends in one way only: done, replaced, stopped, or failed; a sound that was
//! rendered for a play that is over is not heard.
//!
//! **Deliberately absent:** rendering. A leg learns that a sound is on its way, then gets it.

use std::sync::Arc;
use std::time::Duration;

use crate::id::PlayId;
use crate::media::format::AudioFormat;
use crate::media::prompt::{Sequence, Sound};
use crate::media::rtp::HEADER_LEN;
use crate::media::session::{Buffer, Output, Session};
use crate::time::Timestamp;

#[derive(Debug, Default)]
pub(super) struct Playing {
    player: Option<Player>,
    awaited: Option<Awaited>,
    gaps: u64,
}

#[derive(Debug)]
struct Player {
    /// `None` for a waiting sound or a tone, whose end is not awaited.
    play: Option<PlayId>,
    sequence: Sequence,
    due: Timestamp,
}

/// A play whose sound is not there yet.
#[derive(Debug)]
struct Awaited {
    play: PlayId,
    /// Heard from `waiting_at` on, should it take that long and nothing else play.
    waiting: Arc<Sound>,
    waiting_at: Timestamp,
}

impl Session {
    /// Plays these one after another, in place of whatever plays. The first frame goes at once,
    /// unless the last one of the stream is not over yet.
    pub fn play(&mut self, now: Timestamp, play: PlayId, sounds: Vec<Arc<Sound>>, repeat: bool) {
        let sequence = Sequence::new(sounds, repeat);
        let due = self.outgoing.earliest(now);
        self.playing.awaited = None;
        self.playing.player = Some(Player { play: Some(play), sequence, due });
    }

    /// Plays a sound whose end is not awaited, in place of whatever plays.
    pub(super) fn play_tone(&mut self, now: Timestamp, tone: Arc<Sound>) {
        let due = self.outgoing.earliest(now);
        let sequence = Sequence::new(vec![tone], false);
        self.playing.awaited = None;
        self.playing.player = Some(Player { play: None, sequence, due });
    }

    /// A play begins whose sound is still being made. Music goes on meanwhile; a prompt stops; and
    /// after `patience` the caller hears `waiting` rather than nothing.
    pub fn await_sound(
        &mut self,
        now: Timestamp,
        play: PlayId,
        waiting: Arc<Sound>,
        patience: Duration,
    ) {
        self.playing.player.take_if(|player| !player.sequence.repeats());
        self.playing.awaited = Some(Awaited { play, waiting, waiting_at: now + patience });
    }

    /// The sound of an awaited play is there. Ignored when the play is over.
    pub fn play_awaited(
        &mut self,
        now: Timestamp,
        play: PlayId,
        sounds: Vec<Arc<Sound>>,
        repeat: bool,
    ) {
        if self.playing.awaited.as_ref().is_some_and(|awaited| awaited.play == play) {
            self.play(now, play, sounds, repeat);
        }
    }

    /// The sound of an awaited play could not be made. `true` when the play was still awaited.
    pub fn fail_awaited(&mut self, play: PlayId) -> bool {
        let awaited = self.playing.awaited.take_if(|awaited| awaited.play == play);
        if awaited.is_some() {
            self.playing.player.take_if(|player| player.play.is_none());
        }
        awaited.is_some()
    }

    /// Ends what plays, and what was to play.
    pub fn stop(&mut self) {
        self.playing.player = None;
        self.playing.awaited = None;
    }

    /// Another leg is heard from now on, or a mix, or none. `pressed`: how many keys that leg has
    /// pressed so far.
    pub fn listen_to_another(&mut self, pressed: u32) {
        self.pressed_before = pressed;
        self.outgoing.restart_relay();
        self.mixed.clear();
    }

    /// What is due of the prompt, if anything.
    pub(super) fn play_frame(&mut self, now: Timestamp, buffer: &mut Buffer) -> Option<Output> {
        self.playing.begin_waiting_sound(now, self.outgoing.earliest(now));
        let media = self.remote.as_ref()?.media;
        let player = self.playing.player.as_mut().filter(|player| player.due <= now)?;
        if now.since(player.due) > CATCH_UP_MAX {
            // Not a burst of stale packets: the stream skips what was not heard in time.
            player.due = now;
            self.playing.gaps += 1;
        }
        let due = player.due;
        let len = media.format.packet_samples();
        let mut decoded = [0; AudioFormat::PACKET_SAMPLES_MAX];
        let law = media.format.law();
        let is_on = match law {
            // A sound is kept in G.711, a byte a sample.
            Some(law) => player.sequence.next_frame(law, &mut buffer[HEADER_LEN..HEADER_LEN + len]),
            None => player.sequence.next_samples(&mut decoded[..len]),
        };
        if !is_on {
            let play = player.play;
            self.playing.player = None;
            return play.map(Output::PromptDone);
        }
        player.due = due + media.format.ptime();
        let (to, len) = match law {
            Some(_) => self.frame(due, len, buffer)?,
            None => self.encode(due, &decoded, buffer)?,
        };
        Some(Output::Rtp { to, len })
    }
}

impl Playing {
    pub(super) fn is_audible(&self) -> bool {
        self.player.is_some()
    }

    pub(super) fn gaps(&self) -> u64 {
        self.gaps
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match (&self.player, &self.awaited) {
            (Some(player), _) => Some(player.due),
            (None, Some(awaited)) => Some(awaited.waiting_at),
            (None, None) => None,
        }
    }

    /// Sending was not possible and is again: no frame is due before `at`.
    pub(super) fn resume(&mut self, at: Timestamp) {
        if let Some(player) = &mut self.player {
            player.due = player.due.max(at);
        }
    }

    fn begin_waiting_sound(&mut self, now: Timestamp, due: Timestamp) {
        let Some(awaited) = &self.awaited else { return };
        if self.player.is_none() && awaited.waiting_at <= now {
            let sequence = Sequence::new(vec![Arc::clone(&awaited.waiting)], true);
            self.player = Some(Player { play: None, sequence, due });
        }
    }
}

/// Frames overdue by no more than this are sent at once, then on schedule.
const CATCH_UP_MAX: Duration = Duration::from_millis(100);
