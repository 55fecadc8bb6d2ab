//! One caller's leg at a platform, executing a document.

use std::collections::VecDeque;
use std::time::Duration;

use attendant::center::{Cause, Prompt};
use attendant::sim::world::length;
use attendant::time::Timestamp;
use attendant::webhook::document::Callee;

use super::{Dialing, Gather, Instruction, News, PIECE, Recording, Who};

pub(super) struct Line {
    pub(super) who: Who,
    todo: VecDeque<Instruction>,
    doing: Doing,
    /// What the platform is to do for the line, in this order.
    pub(super) wants: VecDeque<Want>,
    /// What follows when everything else of the moment was done.
    later: Vec<Want>,
    /// An answer is on its way.
    awaits: bool,
    pub(super) is_over: bool,
}

pub(super) enum Want {
    Hear(Prompt),
    Audio(String),
    Ask(String, News),
    Tell(String, News),
    PartyOver(Dialing, Cause),
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
        recording: Recording,
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
            later: Vec::new(),
            awaits: true,
            is_over: false,
        }
    }

    /// The callee of a dialing, for requests about it.
    pub(super) fn party_of(&self, dialing: &Dialing) -> Who {
        let (Callee::Number(to) | Callee::Sip(to) | Callee::Client(to)) = &dialing.to;
        Who {
            reference: format!("{}-party", self.who.reference),
            parent: Some(self.who.reference.clone()),
            from: self.who.from.clone(),
            to: to.clone(),
        }
    }

    pub(super) fn party(&self) -> Who {
        self.party_of(self.dialing().expect("somebody is dialed"))
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
        self.awaits = false;
    }

    fn stop(&mut self) {
        self.load(Vec::new());
        self.awaits = true;
    }

    /// A command has come: whatever it does, it stops.
    pub(super) fn interrupt(&mut self) {
        if let Doing::Dialing { dialing, bridged: None, .. } = &self.doing {
            let cause = Cause::NORMAL_CLEARING;
            self.wants.push_back(Want::PartyOver(dialing.clone(), cause));
        }
        self.stop();
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
            match self.todo.pop_front() {
                Some(next) => self.start(now, next),
                None if self.awaits => break,
                // A call is over where its document ends.
                None => self.over(Cause::NORMAL_CLEARING),
            }
        }
        self.wants.extend(self.later.drain(..));
    }

    fn start(&mut self, now: Timestamp, instruction: Instruction) {
        match instruction {
            Instruction::Gather(gather) => {
                let sounds = gather.sounds.clone().into();
                let gathering = Gathering { gather, sounds, keys: String::new(), until: now };
                self.doing = Doing::Gathering(gathering);
                self.next_sound(now);
            }
            Instruction::Redirect { url, carries } => self.ask(url, News::GoOn(carries)),
            Instruction::Dial(dialing) => {
                self.wants.push_back(Want::Ring(dialing.clone()));
                let until = now + dialing.timeout;
                self.doing = Doing::Dialing { dialing, until, bridged: None };
            }
            Instruction::Record(recording) => {
                self.wants.push_back(Want::Recording);
                let (spoken, until) = (Duration::ZERO, now + recording.silence);
                self.doing = Doing::Recording { recording, began: now, spoken, until };
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
                self.wants.push_back(Want::PartyOver(dialing.clone(), Cause::NO_ANSWER));
                self.dialed(dialing, Some(Cause::NO_ANSWER), Duration::ZERO);
            }
            Doing::Recording { recording, spoken, .. } => self.message_over(recording, spoken),
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
        self.stop();
        self.wants.push_back(Want::Ask(url, news));
    }

    pub(super) fn press(&mut self, now: Timestamp, key: char) {
        if let Doing::Recording { recording, began, spoken, .. } = &self.doing
            && recording.finish == Some(key)
        {
            let (recording, length) = (recording.clone(), (*spoken).min(now.since(*began)));
            self.doing = Doing::Nothing;
            return self.message_over(recording, length);
        }
        let Doing::Gathering(gathering) = &mut self.doing else { return };
        gathering.sounds.clear();
        let is_end = gathering.gather.finish == Some(key);
        if !is_end {
            gathering.keys.push(key);
        }
        gathering.until = now + gathering.gather.between;
        let is_full = gathering.gather.keys_max == Some(gathering.keys.len());
        if is_end || is_full {
            let (gather, keys) = (gathering.gather.clone(), gathering.keys.clone());
            self.doing = Doing::Nothing;
            self.gathered(gather, keys, is_end.then_some(key));
        }
    }

    pub(super) fn says(&mut self, now: Timestamp, length: Duration) -> bool {
        let Doing::Recording { recording, began, spoken, until } = &mut self.doing else {
            return false;
        };
        *spoken = now.since(*began) + length;
        *until = now + length + recording.silence;
        true
    }

    fn message_over(&mut self, recording: Recording, length: Duration) {
        if length == Duration::ZERO && !recording.is_asked_without_words {
            return; // nothing was said: on with what follows
        }
        let url = self.kept();
        if let Some(told) = recording.told {
            self.later.push(Want::Tell(told, News::Kept { url: url.clone(), length }));
        }
        if let Some(next) = recording.url {
            self.ask(next, News::Recorded { url, length, is_over: false });
        }
    }

    fn kept(&self) -> String {
        format!("https://recordings.example.com/{}", self.who.reference)
    }

    /// The caller hangs up; a message is kept.
    pub(super) fn cut(&mut self, now: Timestamp) {
        self.is_over = true;
        let Doing::Recording { recording, began, spoken, .. } = &self.doing else { return };
        let length = (*spoken).min(now.since(*began));
        if length == Duration::ZERO {
            return;
        }
        let (recording, url) = (recording.clone(), self.kept());
        if let Some(next) = recording.url {
            let news = News::Recorded { url: url.clone(), length, is_over: true };
            self.wants.push_back(Want::Tell(next, news));
        }
        if let Some(told) = recording.told {
            self.wants.push_back(Want::Tell(told, News::Kept { url, length }));
        }
    }

    pub(super) fn is_bridged(&mut self, now: Timestamp) {
        if let Doing::Dialing { bridged, .. } = &mut self.doing {
            *bridged = Some(now);
        }
    }

    pub(super) fn talked(&self, now: Timestamp) -> Duration {
        match &self.doing {
            Doing::Dialing { bridged: Some(since), .. } => now.since(*since),
            _ => Duration::ZERO,
        }
    }

    /// The one who was dialed is done, or was not reached.
    pub(super) fn dial_over(&mut self, now: Timestamp, failed: Option<Cause>) {
        let talked = self.talked(now);
        let Doing::Dialing { dialing, .. } = &self.doing else { return };
        let dialing = dialing.clone();
        self.doing = Doing::Nothing;
        self.dialed(dialing, failed, talked);
    }

    fn dialed(&mut self, dialing: Dialing, failed: Option<Cause>, talked: Duration) {
        if let Some(url) = dialing.url {
            self.ask(url, News::Dialed { failed, talked });
        }
    }
}
