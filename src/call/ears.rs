//! What each leg hears, and whose hold time runs: functions of what is known of a call.
//!
//! A telephone that puts us on hold and an agent who asks for hold are two things: caller and agent
//! hear each other again when neither lasts. A telephone that holds is heard by no leg and hears
//! none, in a conference as well; a leg that it leaves alone hears music. Where a provider mixes
//! sound, holds are unknown. While the agent of a conference consults the next party, the others go
//! on hearing each other.
//!
//! A supervisor hears all legs that are up, also where those do not hear each other. The mode says
//! which legs hear the supervisor; a whisper is heard by the agent alone, never by an outside
//! party.
//!
//! A recorder hears the caller, and whom the caller hears: nothing in a pause, nor in a call that
//! may have none any more, and the caller not while on hold.
//!
//! **Invariant:** both are functions of what is known of the call now, so the order of holds and
//! their ends changes nothing.
//!
//! **Deliberately absent:** what the flow plays. Commands: `center` carries out the changes that
//! [`Call::change_ears`] lists.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::call::few::{Few, FewOf};
use crate::call::{Call, Fact, Leg, Recorder, Role, Stage};
use crate::flow;
use crate::id::LegId;
use crate::time::Timestamp;
use crate::words::SupervisorMode;

/// What one leg hears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ear {
    Hears(FewOf<LegId>),
    Plays(Music),
}

/// What is heard in place of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Music {
    OnHold,
    /// A consulted party's telephone rings.
    Ringing,
}

impl Music {
    /// As those who play it know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnHold => "default",
            Self::Ringing => "ring",
        }
    }
}

/// What the legs hear of each other; a leg that is not in it hears none.
pub type Ears = Few<LegId, Ear>;

/// What is to change of what a leg hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Hear { leg: LegId, from: BTreeSet<LegId> },
    Play { leg: LegId, music: Music },
    StopPlay { leg: LegId },
}

/// The same of all legs.
#[derive(Default)]
struct Changes {
    less: Vec<Change>,
    music: Vec<Change>,
    more: Vec<Change>,
}

impl Call {
    /// What the legs should hear now. A caller who hears that the call will be recorded hears
    /// nothing else; no leg hears a caller who keys a secret, whatever the others are there
    /// for. Who rings hears nothing yet, and is not heard.
    #[must_use]
    pub fn ears(&self) -> Ears {
        let mut ears = self.talk_ears();
        if let Some((leg, mode)) = self.supervises() {
            self.add_supervisor(&mut ears, leg, mode);
        }
        if self.recordings.is_announcing() {
            ears.remove(&self.caller_leg());
        }
        let keeps = |it: &Recorder| !it.is_paused && self.may_have_recorder();
        if let Some(recorder) = self.recorder().filter(keeps) {
            self.add_recorder(&mut ears, recorder.leg);
        }
        let unheard = self.is_secret().then(|| self.caller_leg());
        let is_up = |leg: &LegId| self.legs.get(leg).is_some_and(Leg::is_up);
        ears.retain(|leg, ear| {
            let Ear::Hears(from) = ear else { return is_up(leg) };
            from.retain(|leg| is_up(leg) && Some(*leg) != unheard);
            is_up(leg) && !from.is_empty()
        });
        ears
    }

    /// The supervisor who is there; a telephone that holds is not.
    fn supervises(&self) -> Option<(LegId, SupervisorMode)> {
        let (id, leg) = self.supervisor()?;
        let Role::Supervisor { mode, .. } = leg.role else { return None };
        (leg.is_up() && !leg.holds).then_some((id, mode))
    }

    fn add_supervisor(&self, ears: &mut Ears, supervisor: LegId, mode: SupervisorMode) {
        let heard_by: FewOf<LegId> = match mode {
            SupervisorMode::Listen | SupervisorMode::TakeOver => FewOf::new(),
            SupervisorMode::Whisper => self.whispered_to().into_iter().collect(),
            // A caller on hold stays there: to join is not to take back what the agent wanted.
            SupervisorMode::Barge => {
                let talk = ears.iter().filter(|(_, ear)| matches!(ear, Ear::Hears(_)));
                talk.map(|(leg, _)| *leg).chain(self.whispered_to()).collect()
            }
        };
        for leg in heard_by.iter() {
            let mut from = heard(ears.get(&leg)).clone();
            from.insert(supervisor);
            ears.insert(leg, Ear::Hears(from));
        }
        let speaks = |leg: &Leg| !leg.is_supervisor() && !leg.is_recorder();
        let is_heard = |leg: &Leg| leg.is_up() && !leg.holds && speaks(leg);
        let up = self.legs.iter().filter(|(_, leg)| is_heard(leg));
        let from: FewOf<_> = up.map(|(leg, _)| *leg).collect();
        if !from.is_empty() {
            ears.insert(supervisor, Ear::Hears(from));
        }
    }

    fn add_recorder(&self, ears: &mut Ears, recorder: LegId) {
        let caller = self.caller_leg();
        let mut from = heard(ears.get(&caller)).clone();
        // Who talks to others and hears none of them is on hold.
        let on_hold = self.holds(caller) || (self.talk().is_some() && from.is_empty());
        if !on_hold {
            from.insert(caller);
        }
        ears.insert(recorder, Ear::Hears(from));
    }

    /// The agent whom a supervisor may whisper to.
    fn whispered_to(&self) -> Option<LegId> {
        let leg = self.talk()?.leg;
        let is_agents = self.party(leg).is_some_and(|leg| leg.agent().is_some() && !leg.holds);
        is_agents.then_some(leg)
    }

    /// Whether what the caller keys now may be part of a secret: then no leg hears the caller.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.is_flows() && self.run.as_ref().is_some_and(flow::Run::secret)
    }

    /// What the parties should hear of each other.
    fn talk_ears(&self) -> Ears {
        let Some(talk) = self.talk() else { return Ears::new() };
        let (caller, party) = (self.caller_leg(), talk.leg);
        let Some(consult) = talk.consult else {
            return self.pair(caller, party, talk.agent_hold);
        };
        let waits_with = |music| {
            let hears = (!self.holds(party)).then_some((party, Ear::Plays(music)));
            hears.into_iter().collect::<Ears>()
        };
        // Those whom the agent leaves while they consult a party.
        let left = [caller].into_iter().chain(self.met().iter().copied());
        let mut left: Vec<_> = left.filter(|leg| self.has_leg(*leg)).collect();
        let mut ears = match (consult.stage, consult.consulted()) {
            (Stage::Waiting, _) if !self.is_consult_offered() => waits_with(Music::OnHold),
            (Stage::Waiting | Stage::Ringing, _) | (_, None) => waits_with(Music::Ringing),
            (Stage::Talking, Some(consulted)) => self.pair(party, consulted, false),
            (Stage::Conference, Some(consulted)) => {
                left.extend([party, consulted].into_iter().filter(|leg| self.has_leg(*leg)));
                return self.conference(&left);
            }
        };
        match left[..] {
            [alone] => drop(ears.insert(alone, Ear::Plays(Music::OnHold))),
            _ => ears.extend(self.conference(&left)),
        }
        ears
    }

    /// Whom this leg may hear now.
    #[must_use]
    pub fn heard_by(&self, leg: LegId) -> FewOf<LegId> {
        heard(self.ears().get(&leg)).clone()
    }

    /// Two who hear each other unless one of them holds: then the other hears music.
    fn pair(&self, a: LegId, b: LegId, b_asked: bool) -> Ears {
        let (a_holds, b_holds) = (self.holds(a), self.holds(b) || b_asked);
        if !a_holds && !b_holds {
            return circle(&[a, b]);
        }
        let listeners = [(a, b_holds), (b, a_holds)].into_iter().filter(|(_, hears)| *hears);
        listeners.map(|(leg, _)| (leg, Ear::Plays(Music::OnHold))).collect()
    }

    /// Each of these hears all the others but those that hold; one that they leave alone hears
    /// music.
    fn conference(&self, legs: &[LegId]) -> Ears {
        let ear = |leg: LegId| {
            let others = legs.iter().copied().filter(|other| *other != leg);
            let from: FewOf<_> = others.filter(|other| !self.holds(*other)).collect();
            match from.is_empty() {
                true => Some(Ear::Plays(Music::OnHold)),
                false => (!self.holds(leg)).then_some(Ear::Hears(from)),
            }
        };
        legs.iter().filter_map(|leg| Some((*leg, ear(*leg)?))).collect()
    }

    /// What to ask for, so that the legs hear what they should. First the legs that will hear less,
    /// then music, then those that will hear more: on the way no leg hears what it hears neither
    /// before nor after.
    pub fn change_ears(&mut self) -> impl Iterator<Item = Change> + use<> {
        let wanted = self.ears();
        let changes = match wanted == self.asked {
            true => Changes::default(), // as it is after most inputs
            false => {
                let asked = std::mem::replace(&mut self.asked, wanted);
                self.changes_from(&asked)
            }
        };
        changes.less.into_iter().chain(changes.music).chain(changes.more)
    }

    /// What the legs hear now in place of this.
    fn changes_from(&self, asked: &Ears) -> Changes {
        let wanted = &self.asked;
        let mut legs: FewOf<_> = asked.iter().chain(wanted.iter()).map(|(leg, _)| *leg).collect();
        legs.retain(|leg| self.has_leg(*leg));
        let mut changes = Changes::default();
        for leg in legs.iter() {
            let (before, now) = (asked.get(&leg), wanted.get(&leg));
            let (heard, from) = (heard(before), heard(now));
            // A leg that ended is heard by none without a command.
            let heard_there = heard.iter().filter(|other| self.has_leg(*other)).count();
            if heard != from && heard_there + from.len() > 0 {
                let hears_more = from.is_superset(heard);
                let which = if hears_more { &mut changes.more } else { &mut changes.less };
                which.push(Change::Hear { leg, from: from.iter().collect() });
            }
            match (before, now) {
                (_, Some(Ear::Plays(music))) if before != now => {
                    let music = *music;
                    changes.music.push(Change::Play { leg, music });
                }
                (Some(Ear::Plays(_)), None) => changes.music.push(Change::StopPlay { leg }),
                (_, Some(Ear::Plays(_) | Ear::Hears(_))) | (Some(Ear::Hears(_)) | None, None) => {}
            }
        }
        changes
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

    /// The parties whose hold time should run now: that of the one who holds, not of the other.
    #[must_use]
    pub fn holding_wanted(&self) -> FewOf<LegId> {
        let Some(talk) = self.talk() else { return FewOf::new() };
        let asked = match talk.consult.map(|consult| consult.stage) {
            None => talk.agent_hold,
            Some(Stage::Waiting | Stage::Ringing | Stage::Talking) => {
                self.has_leg(self.caller_leg())
            }
            Some(Stage::Conference) => false,
        };
        let meet = talk.consult.is_some_and(|consult| consult.stage == Stage::Conference);
        // A telephone that holds while the others talk keeps no leg on hold.
        let is_music = |ear: &Ear| *ear == Ear::Plays(Music::OnHold);
        let is_hold = !meet || self.talk_ears().iter().any(|(_, ear)| is_music(ear));
        let holds = |leg: LegId| is_hold && self.holds(leg);
        let consulted = self.consulted_parties_there().filter(|consulted| holds(*consulted));
        let agent = (asked || holds(talk.leg)).then_some(talk.leg);
        agent.into_iter().chain(consulted).collect()
    }

    /// The parties whose hold time runs, as noted last.
    #[must_use]
    pub const fn holding(&self) -> &FewOf<LegId> {
        &self.holding
    }

    /// Notes whose hold time runs from now on, and whose does not.
    pub fn note_holds(&mut self, now: Timestamp) {
        let wanted = self.holding_wanted();
        if wanted == self.holding {
            return;
        }
        let was = std::mem::replace(&mut self.holding, wanted.clone());
        for leg in was.without(&wanted) {
            self.note(now, Fact::Resumed { leg });
        }
        for leg in wanted.without(&was) {
            self.note(now, Fact::Held { leg });
        }
    }
}

fn heard(ear: Option<&Ear>) -> &FewOf<LegId> {
    static NOBODY: FewOf<LegId> = FewOf::new();
    match ear {
        Some(Ear::Hears(from)) => from,
        Some(Ear::Plays(_)) | None => &NOBODY,
    }
}

/// Each of these hears all the others.
fn circle(legs: &[LegId]) -> Ears {
    let others = |leg: &LegId| legs.iter().copied().filter(|other| other != leg).collect();
    legs.iter().map(|leg| (*leg, Ear::Hears(others(leg)))).collect()
}
