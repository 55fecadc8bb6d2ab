//! Who hears whom, and whose hold time runs: functions of what is known of a call.
//!
//! A telephone that puts us on hold and an agent who asks for hold are two things: the two hear
//! each other again when neither lasts. A telephone that holds is heard by nobody and hears nobody;
//! whom it leaves alone hears music. Where a provider mixes sound, no telephone is heard of.
//!
//! A supervisor hears all who are there, also where they do not hear each other. By whom they are
//! heard is the mode; who whispers is heard by the agent alone, and never by anybody outside.
//!
//! **Invariant:** both are functions of what is known of the call now, so the order in which holds
//! and their ends were told changes nothing.
//!
//! **Deliberately absent:** what the flow plays. Commands: `center` carries out the changes that
//! [`Call::change_ears`] lists.

use std::collections::{BTreeMap, BTreeSet};

use crate::call::{Call, Consult, Fact, Leg, Role, Stage};
use crate::flow;
use crate::id::LegId;
use crate::time::Timestamp;
use crate::words::SupervisorMode;

/// What one leg hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ear {
    Hears(BTreeSet<LegId>),
    Plays(&'static str),
}

/// What the legs hear of each other; who is not in it hears nobody.
pub type Ears = BTreeMap<LegId, Ear>;

/// What is to change of what a leg hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Hear { leg: LegId, from: BTreeSet<LegId> },
    Play { leg: LegId, music: &'static str },
    StopPlay { leg: LegId },
}

/// What is heard on hold.
const HOLD_MUSIC: &str = "default";
/// What an agent hears until the guest answers.
const RINGING: &str = "ring";

impl Call {
    /// What the legs should hear now. A caller who hears that the call will be recorded hears
    /// nothing else.
    #[must_use]
    pub fn ears(&self) -> Ears {
        let mut ears = self.talk_ears();
        if let Some((leg, mode)) = self.supervises() {
            self.add_supervisor(&mut ears, leg, mode);
        }
        if self.recordings.is_announcing() {
            ears.remove(&self.caller_leg());
        }
        ears
    }

    /// The supervisor who is there; a telephone that holds is not.
    fn supervises(&self) -> Option<(LegId, SupervisorMode)> {
        let (id, leg) = self.supervisor()?;
        let Role::Supervisor { mode, .. } = leg.role else { return None };
        (leg.is_up() && !leg.holds).then_some((id, mode))
    }

    fn add_supervisor(&self, ears: &mut Ears, supervisor: LegId, mode: SupervisorMode) {
        let heard_by = match mode {
            SupervisorMode::Listen | SupervisorMode::TakeOver => BTreeSet::new(),
            SupervisorMode::Whisper => self.whispered_to().into_iter().collect(),
            // Who is on hold stays it: to join is not to take back what the agent wanted.
            SupervisorMode::Barge => {
                let talk = ears.iter().filter(|(_, ear)| matches!(ear, Ear::Hears(_)));
                talk.map(|(leg, _)| *leg).chain(self.whispered_to()).collect()
            }
        };
        for leg in heard_by {
            let mut from = heard(ears.get(&leg));
            from.insert(supervisor);
            ears.insert(leg, Ear::Hears(from));
        }
        let is_heard = |leg: &Leg| leg.is_up() && !leg.holds && !leg.is_supervisor();
        let up = self.legs.iter().filter(|(_, leg)| is_heard(leg));
        let hushed = self.is_secret().then(|| self.caller_leg());
        let from: BTreeSet<_> =
            up.map(|(leg, _)| *leg).filter(|leg| Some(*leg) != hushed).collect();
        if !from.is_empty() {
            ears.insert(supervisor, Ear::Hears(from));
        }
    }

    /// The agent whom a supervisor may whisper to.
    fn whispered_to(&self) -> Option<LegId> {
        let leg = self.talk()?.leg;
        let is_agents = self.party(leg).is_some_and(|leg| leg.agent().is_some() && !leg.holds);
        is_agents.then_some(leg)
    }

    /// Whether what the caller keys now may be part of a secret: then nobody hears the caller.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.is_flows() && self.run.as_ref().is_some_and(flow::Run::secret)
    }

    /// What the parties should hear of each other.
    fn talk_ears(&self) -> Ears {
        let Some(talk) = self.talk() else { return Ears::new() };
        let (caller, party) = (self.caller_leg(), talk.leg);
        let Some(Consult { guest, stage, .. }) = talk.consult else {
            return self.pair(caller, party, talk.agent_hold);
        };
        let mut ears = match stage {
            Stage::Ringing => {
                let rings = (!self.holds(party)).then_some((party, Ear::Plays(RINGING)));
                rings.into_iter().collect()
            }
            Stage::Talking => self.pair(party, guest, false),
            Stage::Conference => {
                let there = [caller, party, guest].into_iter().filter(|leg| self.has_leg(*leg));
                return self.conference(&there.collect::<Vec<_>>());
            }
        };
        if self.has_leg(caller) {
            ears.insert(caller, Ear::Plays(HOLD_MUSIC));
        }
        ears
    }

    /// Whom this leg may hear now.
    #[must_use]
    pub fn heard_by(&self, leg: LegId) -> BTreeSet<LegId> {
        self.ears().get(&leg).map(Ear::heard).unwrap_or_default()
    }

    /// Two who hear each other unless one of them holds: then the other hears music.
    fn pair(&self, a: LegId, b: LegId, b_asked: bool) -> Ears {
        let (a_holds, b_holds) = (self.holds(a), self.holds(b) || b_asked);
        if !a_holds && !b_holds {
            return circle(&[a, b]);
        }
        let listeners = [(a, b_holds), (b, a_holds)].into_iter().filter(|(_, hears)| *hears);
        listeners.map(|(leg, _)| (leg, Ear::Plays(HOLD_MUSIC))).collect()
    }

    /// Each of these hears all the others but those who hold; whom they leave alone hears music.
    fn conference(&self, legs: &[LegId]) -> Ears {
        let ear = |leg: LegId| {
            let others = legs.iter().copied().filter(|other| *other != leg);
            let from: BTreeSet<_> = others.filter(|other| !self.holds(*other)).collect();
            match from.is_empty() {
                true => Some(Ear::Plays(HOLD_MUSIC)),
                false => (!self.holds(leg)).then_some(Ear::Hears(from)),
            }
        };
        legs.iter().filter_map(|leg| Some((*leg, ear(*leg)?))).collect()
    }

    /// What to ask for, so that the legs hear what they should. First whoever is to hear less, then
    /// music, then whoever is to hear more: nobody hears on the way what they hear neither before
    /// nor after.
    pub fn change_ears(&mut self) -> Vec<Change> {
        let wanted = self.ears();
        let asked = std::mem::replace(&mut self.asked, wanted.clone());
        let mut legs: BTreeSet<LegId> = asked.keys().chain(wanted.keys()).copied().collect();
        legs.retain(|leg| self.has_leg(*leg));
        let (mut less, mut music, mut more) = (Vec::new(), Vec::new(), Vec::new());
        for leg in legs {
            let (before, now) = (asked.get(&leg), wanted.get(&leg));
            let (heard, from) = (heard(before), heard(now));
            // Who ended is heard by nobody, without a word.
            let heard_there = heard.iter().filter(|other| self.has_leg(**other)).count();
            if heard != from && heard_there + from.len() > 0 {
                let hears_more = from.is_superset(&heard);
                (if hears_more { &mut more } else { &mut less }).push(Change::Hear { leg, from });
            }
            match (before, now) {
                (_, Some(Ear::Plays(name))) if before != now => {
                    music.push(Change::Play { leg, music: name });
                }
                (Some(Ear::Plays(_)), None) => music.push(Change::StopPlay { leg }),
                (_, Some(Ear::Plays(_) | Ear::Hears(_))) | (Some(Ear::Hears(_)) | None, None) => {}
            }
        }
        less.into_iter().chain(music).chain(more).collect()
    }

    /// What the flow plays now replaces what the caller was to hear.
    pub fn forget_music(&mut self) {
        let caller = self.caller_leg();
        if matches!(self.asked.get(&caller), Some(Ear::Plays(_))) {
            self.asked.remove(&caller);
        }
    }

    /// What the legs hear, as asked for last.
    #[must_use]
    pub const fn asked(&self) -> &Ears {
        &self.asked
    }

    /// The parties whose hold time should run now. Who is put on hold by somebody else talks on.
    #[must_use]
    pub fn holding_wanted(&self) -> BTreeSet<LegId> {
        let Some(talk) = self.talk() else { return BTreeSet::new() };
        let asked = match talk.consult.map(|consult| consult.stage) {
            None => talk.agent_hold,
            Some(Stage::Ringing | Stage::Talking) => self.has_leg(self.caller_leg()),
            Some(Stage::Conference) => false,
        };
        let meet = talk.consult.is_some_and(|consult| consult.stage == Stage::Conference);
        // A telephone that holds while the others talk keeps nobody on hold.
        let is_music = |ear: &Ear| *ear == Ear::Plays(HOLD_MUSIC);
        let is_hold = !meet || self.talk_ears().values().any(is_music);
        let holds = |leg: LegId| is_hold && self.holds(leg);
        let guest = self.guest_there().filter(|guest| holds(*guest));
        let agent = (asked || holds(talk.leg)).then_some(talk.leg);
        agent.into_iter().chain(guest).collect()
    }

    /// The parties whose hold time runs, as noted last.
    #[must_use]
    pub const fn holding(&self) -> &BTreeSet<LegId> {
        &self.holding
    }

    /// Notes whose hold time runs from now on, and whose does not.
    pub fn note_holds(&mut self, now: Timestamp) {
        let wanted = self.holding_wanted();
        let was = std::mem::replace(&mut self.holding, wanted.clone());
        for &leg in was.difference(&wanted) {
            self.note(now, Fact::Resumed { leg });
        }
        for &leg in wanted.difference(&was) {
            self.note(now, Fact::Held { leg });
        }
    }
}

impl Ear {
    fn heard(&self) -> BTreeSet<LegId> {
        match self {
            Self::Hears(from) => from.clone(),
            Self::Plays(_) => BTreeSet::new(),
        }
    }
}

fn heard(ear: Option<&Ear>) -> BTreeSet<LegId> {
    ear.map(Ear::heard).unwrap_or_default()
}

/// Each of these hears all the others.
fn circle(legs: &[LegId]) -> Ears {
    let others = |leg: &LegId| legs.iter().copied().filter(|other| other != leg).collect();
    legs.iter().map(|leg| (*leg, Ear::Hears(others(leg)))).collect()
}
