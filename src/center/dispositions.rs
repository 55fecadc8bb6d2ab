//! What agents say of calls: resolved or not, what it was about, a note.
//!
//! It belongs to the call in talk; else to the call that the agent has after-call work for; else to
//! the last one they talked on, for as long after that work as its queue allows.
//!
//! **Invariant:** what is accepted reaches that call's record and adds to what the agent said of it
//! before. What cannot belong to any call is refused with the reason.
//!
//! **Deliberately absent:** after-call work itself, which is the queue's.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::acd;
use crate::acd::AgentInput;
use crate::call::{Leg, Role};
use crate::center::agent_requests::Refused;
use crate::center::flows::millis;
use crate::center::setup::WRAP_UP_LATE_MAX;
use crate::center::{ContactCenter, Setup};
use crate::id::{AgentId, CallId, LegId};
use crate::time::Timestamp;
use crate::words::{Command, Disposition, Fact, WrapUp};

/// What one agent may say something of.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct WriteUp {
    #[serde(serialize_with = "unless_learned")]
    last: Option<LastCall>,
    /// What the agent says of the call in talk, while they talk.
    of_talk: Option<(LegId, Disposition)>,
}

/// The call that an agent talked on last, and what was said of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct LastCall {
    /// It is as the records have it: see [`ContactCenter::learn_last_call`].
    is_learned: bool,
    leg: LegId,
    /// Of which queue's rules it is.
    queue: Option<String>,
    work: Work,
    said: Disposition,
}

/// What the records say is learned of them again.
fn unless_learned<S: Serializer>(last: &Option<LastCall>, to: S) -> Result<S::Ok, S::Error> {
    last.as_ref().filter(|last| !last.is_learned).serialize(to)
}

/// After-call work.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Work {
    GoesOn,
    Done { took: Duration, at: Timestamp },
}

/// A call that an agent talked on before this process began, as its record has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TalkedOn {
    pub wrap_up: WrapUp,
    pub queue: Option<String>,
    /// When after-call work ended.
    pub done_at: Timestamp,
}

/// Which call something that an agent says belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Belongs {
    ToTalk(LegId),
    ToWork,
    ToLast,
    /// Nothing is said, and no call is named.
    Nowhere,
}

impl WriteUp {
    /// The talk on this leg is over. What was said during it is said of it.
    fn talked(&mut self, leg: LegId, queue: Option<String>, work: Work) {
        let said = self.said_of(leg).unwrap_or_default();
        let last = LastCall { is_learned: false, leg, queue, work, said };
        *self = Self { last: Some(last), of_talk: None };
    }

    /// Takes what was said during the talk on this leg.
    fn said_of(&mut self, leg: LegId) -> Option<Disposition> {
        self.of_talk.take_if(|(of, _)| *of == leg).map(|(_, said)| said)
    }
}

impl LastCall {
    fn late_max(&self, setup: &Setup) -> Duration {
        let id = self.queue.as_deref().and_then(|queue| setup.names.queue(queue));
        let queue = id.and_then(|id| setup.queues.get(id.0 as usize));
        queue.map_or(WRAP_UP_LATE_MAX, |queue| queue.wrap_up_late_max)
    }
}

impl ContactCenter {
    /// What the records say of the last call of an agent, who may still say more. Call this before
    /// the first input, and that of a center which goes on from a checkpoint.
    pub fn learn_last_call(&mut self, agent: AgentId, talked_on: TalkedOn) {
        let TalkedOn { wrap_up, queue, done_at } = talked_on;
        let Some(write_up) = self.write_ups.get_mut(agent.0 as usize) else { return };
        if write_up.last.as_ref().is_some_and(|last| !last.is_learned) {
            return; // they talked since
        }
        let WrapUp { leg, acw_ms, resolved, intent, note } = wrap_up;
        let work = Work::Done { took: Duration::from_millis(acw_ms), at: done_at };
        let said = Disposition { resolved, intent, note };
        write_up.last = Some(LastCall { is_learned: true, leg, queue, work, said });
    }

    /// Whether an agent may say something of a call now.
    pub(super) fn may_write_up(
        &self,
        now: Timestamp,
        agent: AgentId,
        call: Option<CallId>,
        said: &Disposition,
    ) -> Result<(), Refused> {
        self.belongs(now, agent, call, said).map(drop)
    }

    fn belongs(
        &self,
        now: Timestamp,
        agent: AgentId,
        call: Option<CallId>,
        said: &Disposition,
    ) -> Result<Belongs, Refused> {
        let last = self.write_ups[agent.0 as usize].last.as_ref();
        let is_it = |leg: LegId| call.is_none_or(|call| call == leg.call);
        let talk = self.talk_leg(agent);
        if let Some(leg) = talk.filter(|leg| is_it(*leg)) {
            return Ok(Belongs::ToTalk(leg));
        }
        let done = last.and_then(|last| match last.work {
            Work::GoesOn => None,
            Work::Done { at, .. } => Some(at),
        });
        if said.is_empty() && call.is_none() {
            return Ok(if done.is_none() { Belongs::ToWork } else { Belongs::Nowhere });
        }
        let name = || self.name_of(agent);
        let last = match (last, call) {
            (Some(last), _) if is_it(last.leg) => last,
            (Some(_) | None, Some(call)) => {
                return Err(Refused::NotTheirLast { agent: name(), call });
            }
            (Some(_) | None, None) => return Err(Refused::NothingToWriteUp { agent: name() }),
        };
        let Some(done_at) = done else { return Ok(Belongs::ToWork) };
        let max = last.late_max(&self.setup);
        if now.since(done_at) > max {
            let (call, max_s) = (last.leg.call, max.as_secs());
            return Err(Refused::WrittenUpTooLate { agent: name(), call, max_s });
        }
        Ok(Belongs::ToLast)
    }

    pub(super) fn end_wrap_up(
        &mut self,
        now: Timestamp,
        agent: AgentId,
        call: Option<CallId>,
        said: Disposition,
    ) {
        // It may have crossed what takes its reason away: then whoever asked was answered before.
        let Ok(belongs) = self.belongs(now, agent, call, &said) else { return };
        let write_up = &mut self.write_ups[agent.0 as usize];
        match belongs {
            Belongs::ToTalk(leg) => {
                let mut all = write_up.said_of(leg).unwrap_or_default();
                all.add(said);
                write_up.of_talk = Some((leg, all));
            }
            Belongs::ToWork => {
                if let Some(last) = &mut write_up.last {
                    last.said.add(said);
                }
                self.ask_queue(agent, AgentInput::EndWrapUp);
            }
            Belongs::ToLast => {
                if let Some(last) = &mut write_up.last {
                    last.said.add(said);
                }
                self.amend(now, agent);
            }
            Belongs::Nowhere => {}
        }
    }

    /// The agent or supervisor of this leg talks no more: an agent has after-call work, and may say
    /// something of the call; so may a supervisor who took it over, without such work.
    pub(super) fn stopped_talking(
        &mut self,
        now: Timestamp,
        leg: LegId,
        ended: &Leg,
        queue: Option<String>,
    ) {
        match ended.role {
            Role::Agent { agent, .. } => self.talk_ended(leg, agent, queue),
            Role::TookOver => {
                let Some(agent) = ended.agent() else { return };
                let write_up = &mut self.write_ups[agent.0 as usize];
                match &write_up.last {
                    // After-call work that goes on comes first: its record still waits for it.
                    Some(LastCall { work: Work::GoesOn, .. }) => {
                        if let Some(said) = write_up.said_of(leg) {
                            let Disposition { resolved, intent, note } = said;
                            self.say(now, WrapUp { leg, acw_ms: 0, resolved, intent, note });
                        }
                    }
                    Some(LastCall { work: Work::Done { .. }, .. }) | None => {
                        let work = Work::Done { took: Duration::ZERO, at: now };
                        write_up.talked(leg, None, work);
                        if write_up.last.as_ref().is_some_and(|last| !last.said.is_empty()) {
                            self.amend(now, agent);
                        }
                    }
                }
            }
            Role::Caller
            | Role::Called
            | Role::Consulted { .. }
            | Role::Supervisor { .. }
            | Role::Recorder { .. } => {}
        }
    }

    /// The agent stops talking on this leg; after-call work may begin.
    fn talk_ended(&mut self, leg: LegId, agent: AgentId, queue: Option<String>) {
        self.write_ups[agent.0 as usize].talked(leg, queue, Work::GoesOn);
        self.queue_inputs.push_back(acd::Input::TalkEnded { agent, call: leg.call });
    }

    pub(super) fn wrap_up_ended(
        &mut self,
        now: Timestamp,
        agent: AgentId,
        call: CallId,
        acw: Duration,
    ) {
        let last = self.write_ups[agent.0 as usize].last.as_mut();
        if let Some(last) = last.filter(|last| last.leg.call == call) {
            last.work = Work::Done { took: acw, at: now };
            self.amend(now, agent);
        }
    }

    /// The record of the last call gets all that was said of it, once after-call work is over.
    fn amend(&mut self, now: Timestamp, agent: AgentId) {
        let Some(last) = &self.write_ups[agent.0 as usize].last else { return };
        let Work::Done { took, .. } = last.work else { return };
        let Disposition { resolved, intent, note } = last.said.clone();
        let (leg, acw_ms) = (last.leg, millis(took));
        self.say(now, WrapUp { leg, acw_ms, resolved, intent, note });
    }

    /// Gives what was said to its call, or to the record that the call left.
    fn say(&mut self, now: Timestamp, wrap_up: WrapUp) {
        let call = wrap_up.leg.call;
        match self.calls.get_mut(&call) {
            // The caller stayed after the talk: the record is still to be made.
            Some(call) => call.written_up(now, wrap_up),
            None => {
                self.facts.tell(now, |_| Fact::RecordAmended {
                    call,
                    wrap_up: Arc::new(wrap_up.clone()),
                });
                self.commands.push_back(Command::AmendRecord { call, wrap_up });
            }
        }
    }
}
