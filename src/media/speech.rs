//! Playing prompts of which some are not there yet: render first, never leave silence.
//!
//! **Invariant:** each `play` ends as the center expects: done, failed, replaced or stopped; no
//! leg hears a render that comes too late.
//!
//! **Deliberately absent:** knowing which play is current. The leg's own thread knows
//! (`Session::play_awaited`), so there is nothing here to get out of step.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::id::{LegId, PlayId};
use crate::media::io::MediaEngine;
use crate::media::prompt::Sound;
use crate::media::prompt_store::{PromptError, PromptStore};
use crate::words::Prompt;

/// The prompts' way to the engine. Dropping it waits for the renders that are under way.
pub struct Speech {
    engine: Arc<MediaEngine>,
    store: Arc<PromptStore>,
    jobs: Option<SyncSender<Job>>,
    workers: Vec<JoinHandle<()>>,
}

struct Job {
    leg: LegId,
    play: PlayId,
    prompts: Vec<Prompt>,
    repeat: bool,
}

impl Speech {
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn start(engine: Arc<MediaEngine>, store: Arc<PromptStore>) -> io::Result<Self> {
        let (jobs, inbox) = sync_channel(JOBS_MAX);
        let inbox = Arc::new(Mutex::new(inbox));
        let workers = (0..WORKERS)
            .map(|n| {
                let (engine, store) = (Arc::clone(&engine), Arc::clone(&store));
                let inbox = Arc::clone(&inbox);
                let builder = std::thread::Builder::new().name(format!("speech-{n}"));
                builder.spawn(move || work(&engine, &store, &inbox))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { engine, store, jobs: Some(jobs), workers })
    }

    /// Plays prompts in place of what plays on the leg. `PromptDone` or `PromptFailed` follows,
    /// unless another play replaces this one or it is stopped. Never waits.
    pub fn play(&self, leg: LegId, play: PlayId, prompts: Vec<Prompt>, repeat: bool) {
        let ready: Option<Vec<Arc<Sound>>> =
            prompts.iter().map(|prompt| self.store.ready(prompt)).collect();
        if let Some(sounds) = ready {
            self.engine.play(leg, play, sounds, repeat);
            return;
        }
        self.engine.await_sound(leg, play, self.store.waiting(), PATIENCE);
        let job = Job { leg, play, prompts, repeat };
        let taken = self.jobs.as_ref().is_some_and(|jobs| jobs.try_send(job).is_ok());
        if !taken {
            tracing::warn!(%leg, "more than {JOBS_MAX} prompts wait for their voice");
            self.engine.fail_awaited(leg, play);
        }
    }
}

impl Drop for Speech {
    fn drop(&mut self) {
        self.jobs = None;
        for worker in self.workers.drain(..) {
            // A panic there was printed there.
            let _ = worker.join();
        }
    }
}

/// Until the sender is gone.
fn work(engine: &MediaEngine, store: &PromptStore, inbox: &Mutex<Receiver<Job>>) {
    loop {
        let job = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { leg, play, prompts, repeat }) = job else { return };
        let sounds: Result<Vec<_>, PromptError> =
            prompts.iter().map(|prompt| store.render(prompt)).collect();
        match sounds {
            Ok(sounds) => engine.play_awaited(leg, play, sounds, repeat),
            Err(error) => {
                let why = error.without_words();
                tracing::warn!(%leg, "a prompt could not be played: {why}");
                engine.fail_awaited(leg, play);
            }
        }
    }
}

/// Threads that render. Most of them wait for a service, where one is configured.
const WORKERS: usize = 4;
/// Plays that wait for a worker; one more fails at once.
const JOBS_MAX: usize = 256;
/// How long a caller hears nothing before a waiting sound.
const PATIENCE: Duration = Duration::from_millis(800);

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, UdpSocket};
    use std::sync::mpsc::channel;

    use super::*;
    use crate::id::CallId;
    use crate::media::fact::Fact;
    use crate::media::format::AudioFormat;
    use crate::media::g711::Law;
    use crate::media::io::{Facts, MediaConfig};
    use crate::media::session::{Limits, RemoteMedia};
    use crate::media::source::Origins;
    use crate::media::tts::{Voice, VoiceError, Voices};
    use crate::media::wav::Pcm;
    use crate::time::Timestamp;
    use crate::words::{Codec, Direction};

    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const TIMEOUT: Duration = Duration::from_secs(10);

    /// Speaks when the test says so, one text after another.
    struct Slow(Mutex<Receiver<bool>>);

    impl Voice for Slow {
        fn name(&self) -> &'static str {
            "slow"
        }

        fn render(&self, text: &str) -> Result<Pcm, VoiceError> {
            if self.0.lock().unwrap().recv_timeout(TIMEOUT).unwrap() {
                return Ok(Pcm { rate_hz: 8_000, samples: vec![9_000; text.len() * 160] });
            }
            let [voice, why, fix] = ["slow", "told to fail", "tell it not to"].map(str::to_owned);
            Err(VoiceError::Failed { voice, why, fix })
        }
    }

    fn say(text: &str) -> Vec<Prompt> {
        vec![Prompt::Text { language: "en".into(), text: text.into() }]
    }

    #[test]
    fn prompts_are_rendered_then_heard_and_failures_are_told() {
        let (fact_sender, facts) = channel();
        let fact_sender: Facts = Arc::new(move |fact| {
            let _ = fact_sender.send(fact);
        });
        let limits = Limits { silence: None, silence_on_hold: None, transmit_silence: false };
        let config = MediaConfig { threads: 1, ports: 0..=0, limits, recordings: None };
        let engine = MediaEngine::start(&config, Timestamp(1_000), &fact_sender).unwrap();
        let engine = Arc::new(engine);
        let (speak, told) = channel();
        let mut voices = Voices::default();
        voices.set("en", Arc::new(Slow(Mutex::new(told))));
        let store = Arc::new(PromptStore::new(voices, "none".into(), None));
        let speech = Speech::start(Arc::clone(&engine), store).unwrap();

        let phone = UdpSocket::bind((LOCAL, 0)).unwrap();
        phone.set_read_timeout(Some(TIMEOUT)).unwrap();
        let leg = LegId::caller(CallId(1));
        engine.open(leg, LOCAL).unwrap();
        let remote = RemoteMedia {
            rtp: phone.local_addr().unwrap(),
            rtcp: None,
            rtcp_mux: false,
            format: AudioFormat::new(Codec::Pcmu, 20),
            payload_type: 0,
            also: None,
            telephone_event: Some(101),
            direction: Direction::SendRecv,
        };
        engine.configure(leg, remote, Origins::default());

        // The first is replaced before it is spoken: only the second is reported.
        speech.play(leg, PlayId(1), say("first"), false);
        speech.play(leg, PlayId(2), say("second"), false);
        speak.send(true).unwrap();
        speak.send(true).unwrap();
        assert_eq!(facts.recv_timeout(TIMEOUT), Ok(Fact::PromptDone { leg, play: PlayId(2) }));
        let mut packet = [0; 200];
        let (len, _) = phone.recv_from(&mut packet).unwrap();
        assert_eq!(packet[12..len], [Law::Mu.encode(9_000); 160]);

        speech.play(leg, PlayId(3), say("second"), false);
        assert_eq!(facts.recv_timeout(TIMEOUT), Ok(Fact::PromptDone { leg, play: PlayId(3) }));
        speech.play(leg, PlayId(4), say("third"), false);
        speak.send(false).unwrap();
        assert_eq!(facts.recv_timeout(TIMEOUT), Ok(Fact::PromptFailed { leg, play: PlayId(4) }));
    }
}
