//! What happens while a caller talks to somebody: holds, and what the agent asks for meanwhile.
//!
//! **Invariant:** after each change the legs hear what [`Call::ears_wanted`] says, and the record
//! has the hold times that [`Call::holding_wanted`] says.
//!
//! **Deliberately absent:** what an agent may ask for: `asks` says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::call::{Call, Consult, Ear, Ears, Fact, Leg, Role, Stage, State};
use crate::center::{ContactCenter, Wake};
use crate::flow;
use crate::flow::Input;
use crate::id::{AgentId, CallId, LegId};
use crate::time::Timestamp;
use crate::words::{AgentRequest, Cause, Command, EndedBy, LegOutcome, Party, Prompt, SentTo};

/// How long a guest's telephone rings: as for a `transfer` that does not say.
const RING_TIMEOUT: Duration = Duration::from_secs(flow::RING_TIMEOUT_S);

impl ContactCenter {
    /// An agent asks for something about the call that goes on.
    pub(super) fn asked_about_talk(&mut self, now: Timestamp, agent: AgentId, ask: AgentRequest) {
        let leg = match self.may_ask(agent, &ask).and_then(|()| self.talk_of(agent)) {
            Ok((_, leg)) => leg,
            Err(why) => return tracing::debug!(ask = ask.name(), %why, "refused"),
        };
        match ask {
            AgentRequest::Hold => self.park(now, leg.call),
            AgentRequest::Resume => {
                self.dismiss_guest(now, leg.call);
                self.back_to_caller(now, leg.call);
            }
            AgentRequest::Transfer { step, vars } => self.send_on(now, leg, &step, vars),
            AgentRequest::Consult { number, trunk } => {
                self.consult(now, agent, &number, trunk.as_deref());
            }
            AgentRequest::Complete => {
                let cause = Cause::NORMAL_CLEARING;
                self.commands.push_back(Command::HangUp { leg, cause });
                self.hand_over(now, leg, cause);
            }
            AgentRequest::Conference => self.confer(now, leg.call),
            AgentRequest::LogIn
            | AgentRequest::LogOut
            | AgentRequest::Ready
            | AgentRequest::NotReady { .. }
            | AgentRequest::EndWrapUp { .. } => unreachable!("these are about no call"),
        }
    }

    fn park(&mut self, now: Timestamp, id: CallId) {
        if self.calls.get_mut(&id).is_some_and(Call::park) {
            self.arrange(now, id);
        }
    }

    /// The agent leaves, and the call goes on at this step.
    fn send_on(
        &mut self,
        now: Timestamp,
        leg: LegId,
        step: &str,
        vars: BTreeMap<String, serde_json::Value>,
    ) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let cause = Cause::NORMAL_CLEARING;
        self.commands.push_back(Command::HangUp { leg, cause });
        call.note(now, Fact::SentOn { leg, to: SentTo::Step(step.to_owned()) });
        let Some(ended) = call.leg_ended(now, leg, LegOutcome::Accepted, Some(cause)) else {
            return;
        };
        self.end_talk(now, leg, &ended);
        let input = Input::Sent { step: step.into(), vars };
        self.drive_after(now, leg.call, input, EndedBy::Flow);
    }

    /// The caller waits, and somebody outside is dialed for the agent.
    fn consult(&mut self, now: Timestamp, agent: AgentId, number: &str, trunk: Option<&str>) {
        let Ok((call, _)) = self.talk_of(agent) else { return };
        let id = call.id();
        let Ok(route) = self.may_consult(agent, number, trunk) else { return };
        let dialed = self.dial_outside(now, id, route, RING_TIMEOUT, Role::Consulted);
        let Some((guest, dial)) = dialed else { return };
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.talk.parked = false; // the consultation is the hold now
        call.talk.consult = Some(Consult { guest, stage: Stage::Ringing, since: now });
        self.arrange(now, id);
        self.commands.push_back(dial); // once the two are parted
    }

    pub(super) fn guest_answered(&mut self, now: Timestamp, guest: LegId) {
        let Some(call) = self.calls.get_mut(&guest.call) else { return };
        call.talk.consult = Some(Consult { guest, stage: Stage::Talking, since: now });
        call.note(now, Fact::Bridged { leg: guest });
        self.arrange(now, guest.call);
    }

    fn confer(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(consult) = &mut call.talk.consult else { return };
        if consult.stage == Stage::Talking {
            (consult.stage, consult.since) = (Stage::Conference, now);
            self.arrange(now, id);
        }
    }

    /// The agent has left or leaves, and the caller goes on with the guest, who has answered.
    pub(super) fn hand_over(&mut self, now: Timestamp, leg: LegId, cause: Cause) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let Some(guest) = call.guest_there() else { return };
        let dialed = call.party(guest).and_then(|leg| leg.dialed.as_ref());
        if let Some(Party::Outside { number, .. }) = dialed {
            let to = SentTo::Number(number.clone());
            call.note(now, Fact::SentOn { leg, to });
        }
        let Some(ended) = call.leg_ended(now, leg, LegOutcome::Accepted, Some(cause)) else {
            return;
        };
        call.state = State::Talking { leg: guest, since: now };
        call.talk.consult = None;
        call.talk.parked = false;
        let times = call.leg_times(leg);
        if let Some((_, agent)) = ended.offer() {
            self.talk_ended(now, leg, agent, times);
        }
        self.arrange(now, leg.call);
    }

    /// The agent has nobody left to consult.
    pub(super) fn back_to_caller(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.talk.consult = None;
        call.talk.parked = false;
        self.arrange(now, id);
    }

    fn dismiss_guest(&mut self, now: Timestamp, id: CallId) {
        let consult = self.calls.get(&id).and_then(|call| call.talk.consult);
        if let Some(Consult { guest, .. }) = consult {
            self.dismiss(now, guest);
        }
    }

    /// Ends the leg of a guest.
    pub(super) fn dismiss(&mut self, now: Timestamp, guest: LegId) {
        let Some(call) = self.calls.get_mut(&guest.call) else { return };
        let Some(outcome) = call.party(guest).map(Leg::ended_by_us) else { return };
        let cause = Cause::NORMAL_CLEARING;
        if call.leg_ended(now, guest, outcome, Some(cause)).is_some() {
            self.timers.cancel(&Wake::RingOut(guest));
            self.commands.push_back(Command::HangUp { leg: guest, cause });
        }
    }

    /// A telephone put us on hold.
    pub(super) fn held(&mut self, now: Timestamp, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        if call.hold(leg) {
            self.arrange(now, leg.call);
        }
    }

    /// What held is taken back, whoever asked for it; and nobody is consulted while the caller
    /// listens.
    pub(super) fn hold_failed(&mut self, now: Timestamp, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let was_held = call.hold_over(leg);
        let talks = call.talks_on(leg) && call.caller().is_some();
        let was_parked = talks && std::mem::take(&mut call.talk.parked);
        let parted = |consult: Consult| talks && consult.stage != Stage::Conference;
        if call.talk.consult.is_some_and(parted) {
            tracing::warn!(%leg, "the caller could not be put on hold: nobody is consulted");
            self.dismiss_guest(now, leg.call);
            return self.back_to_caller(now, leg.call);
        }
        if was_held || was_parked {
            tracing::warn!(%leg, "hold could not be had");
            self.arrange(now, leg.call);
        }
    }

    pub(super) fn resumed(&mut self, now: Timestamp, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        if call.hold_over(leg) {
            self.arrange(now, leg.call);
        }
    }

    /// Lets the legs of a talk hear what they should, and notes whose hold time runs.
    pub(super) fn arrange(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if !matches!(call.state, State::Talking { .. }) {
            return;
        }
        note_holds(now, call);
        let wanted = call.ears_wanted();
        let was = std::mem::replace(&mut call.talk.ears, wanted.clone());
        self.commands.extend(changes(call, &was, &wanted));
    }
}

/// What to ask for so that the legs hear what is wanted. First whoever is to hear less, then music,
/// then whoever is to hear more: nobody hears on the way what they hear neither before nor after.
fn changes(call: &mut Call, was: &Ears, wanted: &Ears) -> Vec<Command> {
    let heard = |ears: &Ears, leg: LegId| match ears.get(&leg) {
        Some(Ear::Hears(from)) => from.clone(),
        Some(Ear::Plays(_)) | None => BTreeSet::new(),
    };
    let mut legs: BTreeSet<LegId> = was.keys().chain(wanted.keys()).copied().collect();
    legs.retain(|leg| call.has_leg(*leg));
    let (mut less, mut music, mut more) = (Vec::new(), Vec::new(), Vec::new());
    for leg in legs {
        let (before, from) = (heard(was, leg), heard(wanted, leg));
        let hears_more = from.is_superset(&before);
        if before != from {
            let to = if hears_more { &mut more } else { &mut less };
            to.push(Command::Hear { leg, from });
        }
        let played = was.get(&leg).filter(|ear| matches!(ear, Ear::Plays(_)));
        match wanted.get(&leg) {
            Some(Ear::Plays(name)) if played != wanted.get(&leg) => {
                let prompts = vec![Prompt::Music { name: (*name).into() }];
                let play = call.next_play();
                music.push(Command::Play { leg, play, prompts, repeat: true });
            }
            None if played.is_some() => music.push(Command::StopPlay { leg }),
            Some(Ear::Plays(_) | Ear::Hears(_)) | None => {}
        }
    }
    less.into_iter().chain(music).chain(more).collect()
}

fn note_holds(now: Timestamp, call: &mut Call) {
    let wanted = call.holding_wanted();
    let was = std::mem::replace(&mut call.talk.holding, wanted.clone());
    for &leg in was.difference(&wanted) {
        call.note(now, Fact::Resumed { leg });
    }
    for &leg in wanted.difference(&was) {
        call.note(now, Fact::Held { leg });
    }
}
