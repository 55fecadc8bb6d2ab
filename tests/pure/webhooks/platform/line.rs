//! One caller's leg at a platform, executing a document.

use std::collections::VecDeque;
use std::time::Duration;

use attendant::center::{Cause, Prompt};
use attendant::id::LegId;
use attendant::sim::world::length;
use attendant::time::Timestamp;
use attendant::webhook::document::Callee;

use super::{Dialing, Gather, Instruction, News, PIECE, Who};

pub(super) struct Line {
    pub(super) who: Who,
    todo: VecDeque<Instruction>,
    doing: Doing,
    /// What the platform is to do for the line, in this order.
    pub(super) wants: VecDeque<Want>,
    pub(super) is_over: bool,
}

pub(super) enum Want {
    Hear(Prompt),
    Audio(String),
    Ask(String, News),
    Recording,
    Ring(Dialing),
    Over(Cause),
}

enum Doing {
    /// The next instruction, or an answer that is on its way.
    Nothing,
    Sounding {
        until: Timestamp,
    },
    Gathering(Gathering),
    Dialing {
        dialing: Dialing,
        until: Timestamp,
        bridged: Option<Timestamp>,
    },
    Recording {
        url: String,
        silence: Duration,
        began: Timestamp,
        spoken: Duration,
        until: Timestamp,
    },
}

struct Gathering {
    gather: Gather,
    sounds: VecDeque<Instruction>,
    keys: String,
    until: Timestamp,
}

impl Line {
    pub(super) fn new(who: Who) -> Self {
        Self {
            who,
            todo: VecDeque::new(),
            doing: Doing::Nothing,
            wants: VecDeque::new(),
            is_over: false,
        }
    }

    /// The callee of the last dialing, for requests about it.
    pub(super) fn party(&self) -> Who {
        Who {
            reference: format!("{}-party", self.who.reference),
            from: self.who.from.clone(),
            to: match self.dialing().map(|dialing| &dialing.to) {
                Some(Callee::Number(to) | Callee::Sip(to) | Callee::Client(to)) => to.clone(),
                None => String::new(),
            },
        }
    }

    pub(super) fn dialing(&self) -> Option<&Dialing> {
        match &self.doing {
            Doing::Dialing { dialing, .. } => Some(dialing),
            _ => None,
        }
    }

    pub(super) fn load(&mut self, instructions: Vec<Instruction>) {
        self.todo = instructions.into();
        self.doing = Doing::Nothing;
    }

    /// A command has come: whatever it does, it stops.
    pub(super) fn interrupt(&mut self) {
        self.load(Vec::new());
    }

    pub(super) fn due(&self) -> Option<Timestamp> {
        match &self.doing {
            _ if self.is_over => None,
            Doing::Nothing => None,
            Doing::Sounding { until } | Doing::Recording { until, .. } => Some(*until),
            Doing::Gathering(gathering) => Some(gathering.until),
            Doing::Dialing { until, bridged, .. } => Some(*until).filter(|_| bridged.is_none()),
        }
    }

    /// Starts what comes next, until something takes time.
    pub(super) fn run(&mut self, now: Timestamp) {
        while !self.is_over && matches!(self.doing, Doing::Nothing) {
            let Some(next) = self.todo.pop_front() else { return };
            self.start(now, next);
        }
    }

    fn start(&mut self, now: Timestamp, instruction: Instruction) {
        match instruction {
            Instruction::Gather(gather) => {
                let sounds = gather.sounds.clone().into();
                let gathering = Gathering { gather, sounds, keys: String::new(), until: now };
                self.doing = Doing::Gathering(gathering);
                self.next_sound(now);
            }
            Instruction::Redirect { url } => self.ask(url, News::GoOn),
            Instruction::Dial(dialing) => {
                self.wants.push_back(Want::Ring(dialing.clone()));
                let until = now + dialing.timeout;
                self.doing = Doing::Dialing { dialing, until, bridged: None };
            }
            Instruction::Record { silence, length_max: _, finish: _, url } => {
                self.wants.push_back(Want::Recording);
                let spoken = Duration::ZERO;
                self.doing =
                    Doing::Recording { url, silence, began: now, spoken, until: now + silence };
            }
            Instruction::HangUp => self.over(Cause::NORMAL_CLEARING),
            Instruction::Reject => self.over(Cause::CALL_REJECTED),
            sound => {
                let until = now + self.hear(&sound);
                self.doing = Doing::Sounding { until };
            }
        }
    }

    fn over(&mut self, cause: Cause) {
        self.is_over = true;
        self.wants.push_back(Want::Over(cause));
    }

    /// Lets a sound be heard, and says how long it is.
    fn hear(&mut self, sound: &Instruction) -> Duration {
        match sound {
            Instruction::Say { language, text } => {
                // Platforms want a country; flows mostly say a language.
                let language = language.split('-').next().unwrap_or(language);
                let prompt = Prompt::Text { language: language.into(), text: text.as_str().into() };
                let length = length(&prompt);
                self.wants.push_back(Want::Hear(prompt));
                length
            }
            Instruction::Play { url } => {
                self.wants.push_back(Want::Audio(url.clone()));
                if url.contains("/music/") || url.contains("music%2F") {
                    return PIECE;
                }
                length(&Prompt::File { path: "".into() })
            }
            Instruction::Pause { ms } => Duration::from_millis(*ms),
            other => panic!("{other:?} is no sound"),
        }
    }

    /// The next sound of a gather, or the time after the last.
    fn next_sound(&mut self, now: Timestamp) {
        let Doing::Gathering(gathering) = &mut self.doing else { return };
        let Some(sound) = gathering.sounds.pop_front() else {
            gathering.until = now + gathering.gather.timeout;
            gathering.sounds.clear();
            return;
        };
        let until = now + self.hear(&sound);
        if let Doing::Gathering(gathering) = &mut self.doing {
            gathering.until = until;
            gathering.sounds.push_front(Instruction::Pause { ms: 0 });
            gathering.sounds.rotate_left(0);
        }
    }

    pub(super) fn wake(&mut self, now: Timestamp) {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Gathering(mut gathering) => {
                // A mark stands for the sound that just ended.
                if gathering.sounds.pop_front().is_some() {
                    self.doing = Doing::Gathering(gathering);
                    return self.next_sound(now);
                }
                self.gathered(gathering.gather, gathering.keys, None);
            }
            Doing::Dialing { dialing, .. } => {
                let news = News::Dialed { failed: Some(Cause::NO_ANSWER), talked: Duration::ZERO };
                self.ask(dialing.url, news);
            }
            Doing::Recording { url, spoken, .. } => self.message_over(url, spoken),
            Doing::Sounding { .. } | Doing::Nothing => {}
        }
    }

    fn gathered(&mut self, gather: Gather, keys: String, finish: Option<char>) {
        if keys.is_empty() && finish.is_none() && !gather.is_asked_without_keys {
            return; // on with what follows
        }
        self.ask(gather.url, News::Keys(keys, finish));
    }

    fn ask(&mut self, url: String, news: News) {
        self.load(Vec::new());
        self.wants.push_back(Want::Ask(url, news));
    }

    pub(super) fn press(&mut self, now: Timestamp, key: char) {
        let Doing::Gathering(gathering) = &mut self.doing else { return };
        gathering.sounds.clear();
        let is_end = gathering.gather.finish == Some(key);
        if !is_end {
            gathering.keys.push(key);
        }
        gathering.until = now + gathering.gather.timeout;
        let is_full = gathering.gather.keys_max == Some(gathering.keys.len());
        if is_end || is_full {
            let (gather, keys) = (gathering.gather.clone(), gathering.keys.clone());
            self.doing = Doing::Nothing;
            self.gathered(gather, keys, is_end.then_some(key));
        }
    }

    pub(super) fn says(&mut self, now: Timestamp, length: Duration) -> bool {
        let Doing::Recording { silence, began, spoken, until, .. } = &mut self.doing else {
            return false;
        };
        *spoken = now.since(*began) + length;
        *until = now + length + *silence;
        true
    }

    fn message_over(&mut self, url: String, spoken: Duration) {
        if spoken == Duration::ZERO {
            return; // nothing was said: on with what follows
        }
        let kept = format!("https://recordings.example.com/{}", self.who.reference);
        self.ask(url, News::Recorded { url: kept, length: spoken, is_gone: false });
    }

    /// The message that a caller who hangs up has left.
    pub(super) fn cut_message(&mut self, now: Timestamp) -> Option<(String, News)> {
        let Doing::Recording { url, began, spoken, .. } = &self.doing else { return None };
        let length = (*spoken).min(now.since(*began));
        let kept = format!("https://recordings.example.com/{}", self.who.reference);
        (length > Duration::ZERO)
            .then(|| (url.clone(), News::Recorded { url: kept, length, is_gone: true }))
    }

    pub(super) fn is_bridged(&mut self, now: Timestamp, _party: Option<LegId>) {
        if let Doing::Dialing { bridged, .. } = &mut self.doing {
            *bridged = Some(now);
        }
    }

    /// The one who was dialed is done, or was not reached.
    pub(super) fn dial_over(&mut self, now: Timestamp, failed: Option<Cause>) {
        let Doing::Dialing { dialing, bridged, .. } = &self.doing else { return };
        let talked = bridged.map_or(Duration::ZERO, |since| now.since(since));
        let url = dialing.url.clone();
        self.ask(url, News::Dialed { failed, talked });
    }
}
