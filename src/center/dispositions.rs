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

/// The call an agent may still say something about, and what was said.
#[derive(Clone, Debug, Default)]
pub(super) struct LastCall {
    leg: Option<LegId>,
    /// Of which queue's rules it is.
    queue: Option<String>,
    /// Length of the after-call work of `leg`, and when it ended, once it did.
    work: Option<(Duration, Timestamp)>,
    said: Disposition,
    /// What the agent says while they talk on another call.
    of_talk: Option<(LegId, Disposition)>,
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

impl LastCall {
    fn begin(&mut self, leg: LegId, queue: Option<String>) {
        let of_talk = self.of_talk.take().filter(|(of, _)| *of == leg);
        let said = of_talk.map(|(_, said)| said).unwrap_or_default();
        *self = Self { leg: Some(leg), queue, said, ..Self::default() };
    }

    fn late_max(&self, setup: &Setup) -> Duration {
        let id = self.queue.as_deref().and_then(|queue| setup.names.queue(queue));
        let queue = id.and_then(|id| setup.queues.get(id.0 as usize));
        queue.map_or(WRAP_UP_LATE_MAX, |queue| queue.wrap_up_late_max)
    }
}

impl ContactCenter {
    /// What the records say of the last call of an agent, who may still say more. Call this before
    /// the first input.
    pub fn learn_last_call(&mut self, agent: AgentId, talked_on: TalkedOn) {
        let TalkedOn { wrap_up, queue, done_at } = talked_on;
        let Some(last) = self.last_calls.get_mut(agent.0 as usize) else { return };
        let WrapUp { leg, acw_ms, resolved, intent, note } = wrap_up;
        *last = LastCall {
            leg: Some(leg),
            queue,
            work: Some((Duration::from_millis(acw_ms), done_at)),
            said: Disposition { resolved, intent, note },
            of_talk: None,
        };
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
        let last = &self.last_calls[agent.0 as usize];
        let is_it = |leg: LegId| call.is_none_or(|call| call == leg.call);
        let talk = self.talk_leg(agent);
        if let Some(leg) = talk.filter(|leg| is_it(*leg)) {
            return Ok(Belongs::ToTalk(leg));
        }
        if said.is_empty() && call.is_none() {
            return Ok(if last.work.is_none() { Belongs::ToWork } else { Belongs::Nowhere });
        }
        let name = || self.name_of(agent);
        let leg = match (last.leg, call) {
            (Some(leg), _) if is_it(leg) => leg,
            (Some(_) | None, Some(call)) => {
                return Err(Refused::NotTheirLast { agent: name(), call });
            }
            (Some(_) | None, None) => return Err(Refused::NothingToWriteUp { agent: name() }),
        };
        let Some((_, done_at)) = last.work else { return Ok(Belongs::ToWork) };
        let max = last.late_max(&self.setup);
        if now.since(done_at) > max {
            let max_s = max.as_secs();
            return Err(Refused::WrittenUpTooLate { agent: name(), call: leg.call, max_s });
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
        let last = &mut self.last_calls[agent.0 as usize];
        match belongs {
            Belongs::ToTalk(leg) => {
                let of_talk = last.of_talk.take().filter(|(of, _)| *of == leg);
                let mut all = of_talk.map(|(_, said)| said).unwrap_or_default();
                all.add(said);
                last.of_talk = Some((leg, all));
            }
            Belongs::ToWork => {
                last.said.add(said);
                self.ask_queue(agent, AgentInput::EndWrapUp);
            }
            Belongs::ToLast => {
                last.said.add(said);
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
                let last = &mut self.last_calls[agent.0 as usize];
                // After-call work that goes on comes first: its record still waits for it.
                if last.leg.is_none() || last.work.is_some() {
                    last.begin(leg, None);
                    last.work = Some((Duration::ZERO, now));
                    if !last.said.is_empty() {
                        self.amend(now, agent);
                    }
                } else if let Some((_, said)) = last.of_talk.take_if(|(of, _)| *of == leg) {
                    let Disposition { resolved, intent, note } = said;
                    self.say(now, WrapUp { leg, acw_ms: 0, resolved, intent, note });
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
        self.last_calls[agent.0 as usize].begin(leg, queue);
        self.queue_inputs.push_back(acd::Input::TalkEnded { agent, call: leg.call });
    }

    pub(super) fn wrap_up_ended(
        &mut self,
        now: Timestamp,
        agent: AgentId,
        call: CallId,
        acw: Duration,
    ) {
        let last = &mut self.last_calls[agent.0 as usize];
        if last.leg.is_some_and(|leg| leg.call == call) {
            last.work = Some((acw, now));
            self.amend(now, agent);
        }
    }

    fn amend(&mut self, now: Timestamp, agent: AgentId) {
        let last = &self.last_calls[agent.0 as usize];
        let (Some(leg), Some((acw, _))) = (last.leg, last.work) else { return };
        let Disposition { resolved, intent, note } = last.said.clone();
        self.say(now, WrapUp { leg, acw_ms: millis(acw), resolved, intent, note });
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
