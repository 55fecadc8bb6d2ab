//! One leg at a platform, executing a document: a caller's, or that of a dialed party.
//!
//! **Invariant:** what the line wants is in the order in which the platform does it.

use std::collections::VecDeque;
use std::time::Duration;

use attendant::time::Timestamp;
use attendant::webhook::document::Callee;
use attendant::words::Cause;

use super::{Dialing, Gather, Instruction, ProviderEvent, Recording, Who};

/// How long whoever was dialed has for the key the platform itself waits for.
const CONFIRM: Duration = Duration::from_secs(15);

pub(crate) struct Line {
    pub(crate) who: Who,
    /// How long a sound is heard.
    length: fn(&Instruction) -> Duration,
    /// What dialed it, if it is no caller's.
    dialed_by: Option<Dialing>,
    todo: VecDeque<Instruction>,
    doing: Doing,
    /// What the platform is to do for the line, in this order.
    pub(crate) wants: VecDeque<Want>,
    /// What follows when everything else of the moment was done.
    later: Vec<Want>,
    /// An answer is on its way, or it is bridged.
    awaits: bool,
    pub(crate) is_over: bool,
}

#[derive(Debug)]
pub(crate) enum Want {
    Hear(Instruction),
    /// The answer is this line's next document.
    Ask(String, ProviderEvent),
    /// The answer does not matter.
    Tell(Who, String, ProviderEvent),
    Recording,
    /// A party is dialed now.
    Ring,
    /// It was dialed, and hears the caller now.
    Bridged,
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
    InConference {
        name: String,
    },
    Recording {
        recording: Recording,
        began: Timestamp,
        spoken: Duration,
        until: Timestamp,
    },
    Confirming {
        key: char,
        until: Timestamp,
    },
}

struct Gathering {
    gather: Gather,
    sounds: VecDeque<Instruction>,
    keys: String,
    is_sounding: bool,
    until: Timestamp,
}

impl Line {
    /// A call that has asked for nothing yet.
    pub(crate) fn new(who: Who, length: fn(&Instruction) -> Duration) -> Self {
        Self {
            who,
            length,
            dialed_by: None,
            todo: VecDeque::new(),
            doing: Doing::Nothing,
            wants: VecDeque::new(),
            later: Vec::new(),
            awaits: true,
            is_over: false,
        }
    }

    /// The leg of the party being dialed. No document waits for what is said there.
    pub(crate) fn party(&self) -> Option<Self> {
        let dialing = self.dialing()?;
        let line = Self::new(self.party_of(dialing), |_| Duration::ZERO);
        Some(Self { dialed_by: Some(dialing.clone()), ..line })
    }

    fn party_of(&self, dialing: &Dialing) -> Who {
        let (Callee::Number(to) | Callee::Sip(to) | Callee::Client(to)) = &dialing.to;
        Who {
            reference: format!("{}-party", self.who.reference),
            parent: Some(self.who.reference.clone()),
            from: self.who.from.clone(),
            to: to.clone(),
        }
    }

    pub(crate) fn dialing(&self) -> Option<&Dialing> {
        match &self.doing {
            Doing::Dialing { dialing, .. } => Some(dialing),
            _ => None,
        }
    }

    /// The conference it is in.
    pub(crate) fn conference(&self) -> Option<&str> {
        match &self.doing {
            Doing::InConference { name } => Some(name),
            _ => None,
        }
    }

    /// Whether a key would be heard.
    pub(crate) fn listens(&self) -> bool {
        matches!(self.doing, Doing::Gathering(_) | Doing::Confirming { .. })
    }

    pub(crate) fn load(&mut self, instructions: Vec<Instruction>) {
        self.todo = instructions.into();
        self.doing = Doing::Nothing;
        self.awaits = false;
    }

    fn stop(&mut self) {
        self.load(Vec::new());
        self.awaits = true;
    }

    /// A command has come: whatever it does, it stops.
    pub(crate) fn interrupt(&mut self) {
        if let Doing::Dialing { dialing, bridged: None, .. } = &self.doing {
            self.give_up(&dialing.clone(), Cause::NORMAL_CLEARING);
        }
        self.stop();
    }

    pub(crate) fn due(&self) -> Option<Timestamp> {
        match &self.doing {
            _ if self.is_over => None,
            Doing::Nothing | Doing::InConference { .. } => None,
            Doing::Sounding { until }
            | Doing::Recording { until, .. }
            | Doing::Confirming { until, .. } => Some(*until),
            Doing::Gathering(gathering) => Some(gathering.until),
            Doing::Dialing { until, bridged, .. } => Some(*until).filter(|_| bridged.is_none()),
        }
    }

    /// Starts what comes next, until something takes time.
    pub(crate) fn run(&mut self, now: Timestamp) {
        while !self.is_over && matches!(self.doing, Doing::Nothing) {
            match self.todo.pop_front() {
                Some(next) => self.start(now, next),
                None if self.awaits => break,
                None => self.ended(now),
            }
        }
        self.wants.extend(self.later.drain(..));
    }

    /// The document is at its end: a call is over there, and whoever was dialed is bridged.
    fn ended(&mut self, now: Timestamp) {
        match self.dialed_by.as_ref().map(|dialing| dialing.confirm) {
            None => self.over(Cause::NORMAL_CLEARING),
            Some(None) => self.bridge(),
            Some(Some(key)) => self.doing = Doing::Confirming { key, until: now + CONFIRM },
        }
    }

    fn start(&mut self, now: Timestamp, instruction: Instruction) {
        match instruction {
            Instruction::Gather(gather) => {
                let sounds = gather.sounds.clone().into();
                let (keys, is_sounding) = (String::new(), false);
                let gathering = Gathering { gather, sounds, keys, is_sounding, until: now };
                self.doing = Doing::Gathering(gathering);
                self.next_sound(now);
            }
            Instruction::Redirect { url, carries } => self.ask(url, ProviderEvent::GoOn(carries)),
            Instruction::Dial(dialing) => {
                self.wants.push_back(Want::Ring);
                self.tell_of_party(&dialing, ProviderEvent::PartyRings);
                let until = now + dialing.timeout;
                self.doing = Doing::Dialing { dialing, until, bridged: None };
            }
            Instruction::Record(recording) => {
                self.wants.push_back(Want::Recording);
                let (spoken, until) = (Duration::ZERO, now + recording.silence);
                self.doing = Doing::Recording { recording, began: now, spoken, until };
            }
            Instruction::Conference { name, url: _ } => self.doing = Doing::InConference { name },
            Instruction::HangUp => self.over(Cause::NORMAL_CLEARING),
            Instruction::Reject => self.over(Cause::CALL_REJECTED),
            sound @ (Instruction::Say { .. }
            | Instruction::Play { .. }
            | Instruction::Pause { .. }) => {
                let until = now + self.hear(sound);
                self.doing = Doing::Sounding { until };
            }
        }
    }

    fn over(&mut self, cause: Cause) {
        self.is_over = true;
        self.tell_of_self(ProviderEvent::PartyEnded(cause, Duration::ZERO));
        self.wants.push_back(Want::Over(cause));
    }

    /// Lets a sound be heard, and says how long it is.
    fn hear(&mut self, sound: Instruction) -> Duration {
        let length = (self.length)(&sound);
        if !matches!(sound, Instruction::Pause { .. }) {
            self.wants.push_back(Want::Hear(sound));
        }
        length
    }

    /// The next sound of a gather, or the time after the last.
    fn next_sound(&mut self, now: Timestamp) {
        let Doing::Gathering(gathering) = &mut self.doing else { return };
        let next = gathering.sounds.pop_front();
        gathering.is_sounding = next.is_some();
        let timeout = gathering.gather.timeout;
        let lasts = next.map_or(timeout, |sound| self.hear(sound));
        if let Doing::Gathering(gathering) = &mut self.doing {
            gathering.until = now + lasts;
        }
    }

    pub(crate) fn wake(&mut self, now: Timestamp) {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Gathering(gathering) if gathering.is_sounding => {
                self.doing = Doing::Gathering(gathering);
                self.next_sound(now);
            }
            Doing::Gathering(gathering) => self.gathered(gathering.gather, gathering.keys, None),
            Doing::Dialing { dialing, .. } => {
                self.give_up(&dialing, Cause::NO_ANSWER);
                self.dialed(dialing, Some(Cause::NO_ANSWER), Duration::ZERO);
            }
            Doing::Recording { recording, spoken, .. } => self.message_over(recording, spoken),
            Doing::Confirming { .. } => self.over(Cause::NO_ANSWER),
            Doing::Sounding { .. } | Doing::InConference { .. } | Doing::Nothing => {}
        }
    }

    fn gathered(&mut self, gather: Gather, keys: String, finish: Option<char>) {
        if keys.is_empty() && finish.is_none() && !gather.is_asked_without_keys {
            return; // on with what follows
        }
        self.ask(gather.url, ProviderEvent::Keys(keys, finish));
    }

    /// Stops, and asks.
    fn ask(&mut self, url: String, event: ProviderEvent) {
        self.stop();
        self.wants.push_back(Want::Ask(url, event));
    }

    pub(crate) fn press(&mut self, now: Timestamp, pressed: char) {
        match &mut self.doing {
            Doing::Confirming { key, .. } if *key == pressed => self.bridge(),
            Doing::Recording { recording, began, spoken, .. }
                if recording.finish == Some(pressed) =>
            {
                let (recording, length) = (recording.clone(), (*spoken).min(now.since(*began)));
                self.doing = Doing::Nothing;
                self.message_over(recording, length);
            }
            Doing::Gathering(gathering) => {
                gathering.sounds.clear();
                gathering.is_sounding = false;
                let is_end = gathering.gather.finish == Some(pressed);
                if !is_end {
                    gathering.keys.push(pressed);
                }
                gathering.until = now + gathering.gather.between;
                let is_full = gathering.gather.keys_max == Some(gathering.keys.len());
                if is_end || is_full {
                    let (gather, keys) = (gathering.gather.clone(), gathering.keys.clone());
                    self.doing = Doing::Nothing;
                    self.gathered(gather, keys, is_end.then_some(pressed));
                }
            }
            _ => {}
        }
    }

    /// Something is said into a message; `false` where none is recorded.
    pub(crate) fn says(&mut self, now: Timestamp, length: Duration) -> bool {
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
            let event = ProviderEvent::Kept { url: url.clone(), length };
            self.later.push(Want::Tell(self.who.clone(), told, event));
        }
        if let Some(next) = recording.url {
            self.ask(next, ProviderEvent::Recorded { url, length, is_over: false });
        }
    }

    fn kept(&self) -> String {
        format!("https://recordings.example.com/{}", self.who.reference)
    }

    /// The caller hangs up; a message is kept.
    pub(crate) fn cut(&mut self, now: Timestamp) {
        self.is_over = true;
        let Doing::Recording { recording, began, spoken, .. } = &self.doing else { return };
        let length = (*spoken).min(now.since(*began));
        if length == Duration::ZERO {
            return;
        }
        let (recording, url) = (recording.clone(), self.kept());
        if let Some(next) = recording.url {
            let event = ProviderEvent::Recorded { url: url.clone(), length, is_over: true };
            self.wants.push_back(Want::Tell(self.who.clone(), next, event));
        }
        if let Some(told) = recording.told {
            let event = ProviderEvent::Kept { url, length };
            self.wants.push_back(Want::Tell(self.who.clone(), told, event));
        }
    }

    // ---- who dials ----

    pub(crate) fn is_bridged(&mut self, now: Timestamp) {
        if let Doing::Dialing { bridged, .. } = &mut self.doing {
            *bridged = Some(now);
        }
    }

    pub(crate) fn talked(&self, now: Timestamp) -> Duration {
        match &self.doing {
            Doing::Dialing { bridged: Some(since), .. } => now.since(*since),
            _ => Duration::ZERO,
        }
    }

    /// The one who was dialed is done, or was not reached.
    pub(crate) fn dial_over(&mut self, now: Timestamp, failed: Option<Cause>) {
        let talked = self.talked(now);
        let Doing::Dialing { dialing, .. } = &self.doing else { return };
        let dialing = dialing.clone();
        self.doing = Doing::Nothing;
        self.dialed(dialing, failed, talked);
    }

    fn dialed(&mut self, dialing: Dialing, failed: Option<Cause>, talked: Duration) {
        if let Some(url) = dialing.url {
            self.ask(url, ProviderEvent::Dialed { failed, talked });
        }
    }

    /// The dialed party rang for too long, or is wanted no more.
    fn give_up(&mut self, dialing: &Dialing, cause: Cause) {
        self.tell_of_party(dialing, ProviderEvent::PartyEnded(cause, Duration::ZERO));
    }

    fn tell_of_party(&mut self, dialing: &Dialing, event: ProviderEvent) {
        let who = self.party_of(dialing);
        self.wants.extend(dialing.told.clone().map(|told| Want::Tell(who, told, event)));
    }

    // ---- who was dialed ----

    pub(crate) fn answers(&mut self) {
        self.tell_of_self(ProviderEvent::PartyAnswered);
        match self.dialed_by.as_ref().and_then(|dialing| dialing.answered.clone()) {
            Some(url) => self.ask(url, ProviderEvent::PartyAsks),
            None => self.load(Vec::new()),
        }
    }

    fn bridge(&mut self) {
        self.stop();
        self.tell_of_self(ProviderEvent::PartyConnected);
        self.wants.push_back(Want::Bridged);
    }

    /// It does not answer, or does not take the call.
    pub(crate) fn fails(&mut self, cause: Cause) {
        self.over(cause);
    }

    /// It hangs up after a talk of that length.
    pub(crate) fn leaves(&mut self, talked: Duration) {
        self.is_over = true;
        self.tell_of_self(ProviderEvent::PartyEnded(Cause::NORMAL_CLEARING, talked));
    }

    fn tell_of_self(&mut self, event: ProviderEvent) {
        let told = self.dialed_by.as_ref().and_then(|dialing| dialing.told.clone());
        self.wants.extend(told.map(|told| Want::Tell(self.who.clone(), told, event)));
    }
}
