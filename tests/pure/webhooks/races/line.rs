//! One caller's line at the platform, and the person on it.
//!
//! The platform executes a [`Document`] as it is: sounds take their time, keys are collected,
//! a party is dialed. What happens next is said as an [`Act`], to be done at its time unless the
//! line has got another order since (`epoch`).

use std::time::Duration;

use attendant::id::LegId;
use attendant::sim::Random;
use attendant::time::Timestamp;
use attendant::webhook::document::{Action, Dial, Document, Sound};
use attendant::webhook::{Fields, Link, Recorded};
use attendant::words::{Digit, Listen};

/// What the line does next by itself.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Ask(Link, Box<Fields>),
    /// A message was left, or nothing was said.
    Recorded {
        next: Link,
        told: Link,
        made: Option<Recorded>,
    },
    Dial(Box<Dial>),
    /// In a conference, until it ends: then this is asked.
    Conference {
        next: Link,
    },
    HangUp,
}

/// What waits for the answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Caller,
    Callee,
    /// A callee who was taken out of the dialing.
    Moved(LegId),
    /// ProviderEvent only: the answer does not matter.
    Nobody,
}

/// A party that the platform calls for this line.
#[derive(Clone, Debug)]
pub(super) struct Dialing {
    pub(super) dial: Dial,
    /// The request whose answer the callee's leg waits for.
    pub(super) asks: Option<u64>,
    pub(super) answered_at: Option<Timestamp>,
    /// Bridged since then.
    pub(super) talks_since: Option<Timestamp>,
    /// When the callee will hang up.
    pub(super) talks_until: Option<Timestamp>,
    /// Caller and agent, where the caller's sound is with us by SIP.
    pub(super) handoff: Option<(LegId, LegId)>,
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) reference: String,
    pub(super) person: Random,
    /// Counts the orders to the line; an older plan is void.
    pub(super) epoch: u32,
    /// The request whose answer the line waits for.
    pub(super) asks: Option<u64>,
    pub(super) dialing: Option<Dialing>,
    /// Where it is asked when the conference ends in which the caller is.
    pub(super) conference: Option<Link>,
    pub(super) is_over: bool,
    pub(super) over_at: Option<Timestamp>,
    /// When we last heard of it, and whether it was dialing or talking to a party then.
    pub(super) heard_last: Option<(Timestamp, bool)>,
    /// Learned from the addresses it was given.
    pub(super) call: Option<attendant::id::CallId>,
    /// What the person presses first, one entry per question, the last one first; then nothing.
    pub(super) script: Vec<&'static str>,
    pub(super) is_scripted: bool,
    /// Says when things happened.
    pub(super) has_clock: bool,
}

impl Line {
    /// Begins a document: what comes next, and after how long.
    pub(super) fn load(&mut self, document: &Document) -> (Duration, Act) {
        self.epoch += 1;
        self.asks = None;
        self.dialing = None;
        self.conference = None;
        let mut after = Duration::ZERO;
        for action in &document.actions {
            match action {
                Action::Sound(sound) => after += length(sound),
                Action::Gather { sounds, listen, next } => {
                    self.learn(next);
                    let said = sounds.iter().map(length).sum::<Duration>();
                    let (taken, fields) = self.answer(said, listen);
                    return (after + taken, Act::Ask(next.clone(), Box::new(fields)));
                }
                Action::Record { length_max, next, told, .. } => {
                    self.learn(next);
                    let (taken, made) = self.speak(*length_max);
                    let act = Act::Recorded { next: next.clone(), told: told.clone(), made };
                    return (after + taken, act);
                }
                Action::Dial(dial) => {
                    self.learn(&dial.next);
                    return (after, Act::Dial(dial.clone()));
                }
                Action::Conference { next, .. } => {
                    self.learn(next);
                    return (after, Act::Conference { next: next.clone() });
                }
                Action::Goto(next) => {
                    self.learn(next);
                    return (after, Act::Ask(next.clone(), Box::default()));
                }
                Action::HangUp { .. } | Action::Reject { .. } => return (after, Act::HangUp),
            }
        }
        (after, Act::HangUp) // nothing left to do ends the call
    }

    fn learn(&mut self, link: &Link) {
        if let Link::Step { call, .. } = link {
            self.call = Some(*call);
        }
    }

    /// The person presses something, or listens in vain.
    fn answer(&mut self, said: Duration, listen: &Listen) -> (Duration, Fields) {
        let in_vain = said + listen.timeout;
        let (text, at) = match self.is_scripted {
            true => (self.script.pop().unwrap_or_default().to_owned(), in_vain / 2),
            false => {
                let text = match self.person.below(10) {
                    0..4 => String::new(),
                    4..8 => self.person.pick(&["1", "2", "2", "0", "3", "4"]).unwrap().to_string(),
                    _ => self.person.pick(&["*", "#", "4711", "12#", "9"]).unwrap().to_string(),
                };
                (text, self.person.ms(0, ms(in_vain)))
            }
        };
        let all: Vec<Digit> = text.chars().filter_map(Digit::new).collect();
        if all.is_empty() || (at < said && !listen.barge_in) {
            return (in_vain, Fields { keys: Some(Vec::new()), ..Fields::default() });
        }
        let mut fields = Fields::default();
        let mut keys = Vec::new();
        for key in all {
            if listen.finish == Some(key) {
                fields.finished_by = Some(key);
                break;
            }
            keys.push(key);
            if keys.len() == usize::from(listen.keys_max) {
                break;
            }
        }
        let is_enough = fields.finished_by.is_some() || keys.len() == usize::from(listen.keys_max);
        fields.keys = Some(keys);
        (if is_enough { at } else { at + listen.inter_digit }, fields)
    }

    fn speak(&mut self, length_max: Duration) -> (Duration, Option<Recorded>) {
        let length = self.person.ms(0, 25_000).min(length_max);
        let made = Recorded {
            reference: format!("RE-{}-{}", self.reference, self.epoch),
            url: Some("https://acme.example/RE".to_owned()),
            length: Some(length),
            failed: false,
        };
        (length, self.person.chance(0.8).then_some(made))
    }
}

fn length(sound: &Sound) -> Duration {
    match sound {
        Sound::Say { text, .. } => Duration::from_millis(50) * text.chars().count() as u32,
        Sound::Play { .. } => Duration::from_secs(8),
        Sound::Pause { ms } => Duration::from_millis(u64::from(*ms)),
    }
}

pub(super) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("short")
}
