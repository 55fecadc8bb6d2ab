//! What happens while a caller talks to somebody: holds, and what the agent asks for meanwhile.
//!
//! **Invariant:** after each change the legs hear what [`Call::sound_wanted`] says, and the record
//! has the hold times that [`Call::holding_wanted`] says.
//!
//! **Deliberately absent:** who may ask. The HTTP interface knows its tokens.

use crate::acd::AgentState;
use crate::call::{Call, Fact, Sound, State};
use crate::center::{AgentAsk, Command, ContactCenter, Prompt};
use crate::id::{AgentId, CallId, LegId};
use crate::time::Timestamp;

/// Why an agent cannot do that with a call now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{agent} talks to nobody")]
    TalksToNobody { agent: String },
    #[error("the telephone of {agent} holds this call; its hold key ends that")]
    HeldByTelephone { agent: String },
    #[error("this call was put on hold too often")]
    TooManyHolds,
}

impl ContactCenter {
    /// Whether an agent may ask for this now. What is refused here changes nothing when it is told
    /// all the same.
    ///
    /// # Errors
    ///
    /// Why not.
    ///
    /// # Panics
    ///
    /// If there is no such agent.
    pub fn may_ask(&self, agent: AgentId, ask: &AgentAsk) -> Result<(), Refused> {
        match ask {
            AgentAsk::LogIn
            | AgentAsk::LogOut
            | AgentAsk::Ready
            | AgentAsk::NotReady { .. }
            | AgentAsk::EndWrapUp { .. } => Ok(()),
            AgentAsk::Hold => {
                let (call, _) = self.talk_of(agent)?;
                let may = call.talk.parked || call.may_hold();
                may.then_some(()).ok_or(Refused::TooManyHolds)
            }
            AgentAsk::Resume => {
                let (call, leg) = self.talk_of(agent)?;
                let by_telephone = !call.talk.parked && call.held.contains(&leg);
                let name = || self.agent_name(agent).to_owned();
                (!by_telephone)
                    .then_some(())
                    .ok_or_else(|| Refused::HeldByTelephone { agent: name() })
            }
        }
    }

    /// The call this agent talks on, and the agent's leg.
    fn talk_of(&self, agent: AgentId) -> Result<(&Call, LegId), Refused> {
        let talk = || {
            let AgentState::Talking { call } = &self.acd.agent(agent).state else { return None };
            let call = self.calls.get(call)?;
            let State::Talking { leg, .. } = call.state else { return None };
            let party = call.legs.get(&leg)?;
            party.offer.is_some_and(|(_, id)| id == agent).then_some((call, leg))
        };
        talk().ok_or_else(|| Refused::TalksToNobody { agent: self.agent_name(agent).to_owned() })
    }

    /// An agent asks for something about the call that goes on.
    pub(super) fn asked_about_talk(&mut self, now: Timestamp, agent: AgentId, ask: &AgentAsk) {
        let leg = match self.may_ask(agent, ask).and_then(|()| self.talk_of(agent)) {
            Ok((_, leg)) => leg,
            Err(why) => return tracing::debug!(?ask, %why, "refused"),
        };
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        match ask {
            AgentAsk::Hold => {
                call.park();
            }
            AgentAsk::Resume => call.talk.parked = false,
            AgentAsk::LogIn
            | AgentAsk::LogOut
            | AgentAsk::Ready
            | AgentAsk::NotReady { .. }
            | AgentAsk::EndWrapUp { .. } => unreachable!("these are about no call"),
        }
        self.arrange(now, leg.call);
    }

    /// A telephone put us on hold.
    pub(super) fn held(&mut self, now: Timestamp, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        if call.hold(leg) {
            self.arrange(now, leg.call);
        }
    }

    pub(super) fn resumed(&mut self, now: Timestamp, leg: LegId) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        if call.held.remove(&leg) {
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
        let wanted = call.sound_wanted();
        let was = std::mem::replace(&mut call.talk.sound, wanted.clone());
        let parted: Vec<LegId> =
            was.joined.iter().copied().filter(|leg| call.has_leg(*leg)).collect();
        if let [a, b, ..] = parted[..]
            && !parted.iter().all(|leg| wanted.joined.contains(leg))
        {
            self.commands.push_back(Command::Unbridge { a, b });
        }
        for &leg in was.plays.keys().filter(|leg| call.has_leg(**leg)) {
            if !wanted.plays.contains_key(&leg) && !wanted.joined.contains(&leg) {
                self.commands.push_back(Command::StopPlay { leg });
            }
        }
        for (&leg, &name) in &wanted.plays {
            if was.plays.get(&leg) != Some(&name) {
                let prompts = vec![Prompt::Music { name: name.into() }];
                let play = call.next_play();
                self.commands.push_back(Command::Play { leg, play, prompts, repeat: true });
            }
        }
        if wanted.joined != was.joined {
            self.commands.extend(joined(&wanted));
        }
    }
}

fn joined(sound: &Sound) -> Option<Command> {
    match sound.joined[..] {
        [a, b] => Some(Command::Bridge { a, b }),
        _ => None,
    }
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
