//! What the events of a `queue_log` make of a call.
//!
//! A call may wait in several queues: after an exit the dialplan goes on with it, which no line
//! says. So a call is over when none of its lines came for [`RETURNS_WITHIN`], or no file follows.
//!
//! **Invariant:** times are those of the lines, whole seconds; where a line says how long a wait or
//! a talk was, and that is not how far apart its lines are, the call is left out. At most
//! [`OPEN_CALLS_MAX`] calls are in memory.
//!
//! **Deliberately absent:** after-call work, menus, and who a caller was sent to by number: no line
//! says any of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::id::{AgentId, CallId, LegId};
use crate::import::queue_log::Logged;
use crate::import::{ImportItem, LineRemark, Sink, fields};
use crate::time::Timestamp;
use crate::words::{
    CallOutcome, Cause, EndedBy, LegOutcome, Overflow, Party, PartyLeg, QueueExit, QueueVisit,
};

/// Calls in memory; past it the one that would be over first is.
pub const OPEN_CALLS_MAX: usize = 100_000;
/// A call that left a queue may enter another within this.
const RETURNS_WITHIN: Duration = Duration::from_secs(2 * 3_600);
/// A call that waits or is talked to for longer has lost its last line.
const LASTS_MAX: Duration = Duration::from_secs(24 * 3_600);
/// How far a duration in a line may be from how far apart its lines are.
const TOLERANCE_S: u64 = 5;
/// Visits and legs of one call.
const PARTS_MAX: usize = 128;
/// What a call's variable calls the one to whom an agent sent the caller.
const TRANSFERRED_TO: &str = "import.transferred_to";
/// Whom a call came for or went to is no longer, in bytes; longer ones are not kept.
const TARGET_LEN_MAX: usize = 200;

#[derive(Debug, Default)]
pub(super) struct QueueCalls {
    open: BTreeMap<String, OpenCall>,
    /// When each of them is over, if no line of it comes.
    due: BTreeSet<(Timestamp, String)>,
}

#[derive(Debug)]
struct OpenCall {
    file: Arc<str>,
    line: u64,
    arrived_at: Timestamp,
    last_at: Timestamp,
    from: Option<String>,
    to: Option<String>,
    visits: Vec<QueueVisit>,
    legs: Vec<PartyLeg>,
    transferred_to: Option<String>,
    stage: QueueStage,
    /// One of its lines was refused.
    is_left_out: bool,
}

/// Where the call stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum QueueStage {
    /// In no queue yet.
    New,
    Waits {
        queue: String,
        since: Timestamp,
    },
    /// With the agent of the last leg.
    Talks {
        since: Timestamp,
        held_since: Option<Timestamp>,
        hold_ms: u64,
    },
    Left {
        at: Timestamp,
        outcome: CallOutcome,
        by: EndedBy,
    },
}

impl QueueCalls {
    /// Takes the next event of a call.
    pub(super) fn on(&mut self, logged: &Logged<'_>, into: &mut Sink) {
        self.close_due(logged.at, into);
        let name = logged.call.to_owned();
        let call = self.open.entry(name.clone()).or_insert_with(|| OpenCall::new(logged.at, into));
        self.due.remove(&(call.due(), name.clone()));
        if call.is_left_out {
            into.beside("lines of calls that are left out");
            call.last_at = call.last_at.max(logged.at);
        } else if let Err(why) = call.step(logged, into) {
            call.is_left_out = true;
            into.skip(format!("{}: {why}: call {name} is left out", logged.event));
        }
        self.due.insert((call.due(), name));
        if self.open.len() > OPEN_CALLS_MAX {
            self.close_first(into);
        }
    }

    /// No line follows.
    pub(super) fn finish(&mut self, into: &mut Sink) {
        while !self.due.is_empty() {
            self.close_first(into);
        }
    }

    fn close_due(&mut self, now: Timestamp, into: &mut Sink) {
        while self.due.first().is_some_and(|(due, _)| *due < now) {
            self.close_first(into);
        }
    }

    fn close_first(&mut self, into: &mut Sink) {
        let Some((_, name)) = self.due.pop_first() else { return };
        if let Some(call) = self.open.remove(&name) {
            call.close(&name, into);
        }
    }
}

impl OpenCall {
    fn new(at: Timestamp, sink: &Sink) -> Self {
        Self {
            file: Arc::clone(&sink.file),
            line: sink.line,
            arrived_at: at,
            last_at: at,
            from: None,
            to: None,
            visits: Vec::new(),
            legs: Vec::new(),
            transferred_to: None,
            stage: QueueStage::New,
            is_left_out: false,
        }
    }

    fn due(&self) -> Timestamp {
        self.last_at
            + match self.stage {
                QueueStage::Waits { .. } | QueueStage::Talks { .. } => LASTS_MAX,
                QueueStage::New | QueueStage::Left { .. } => RETURNS_WITHIN,
            }
    }

    fn step(&mut self, it: &Logged<'_>, sink: &Sink) -> Result<(), String> {
        if it.at < self.last_at {
            return Err("its time is before that of the call's last line: name files in the \
                        order of their times"
                .to_owned());
        }
        self.last_at = it.at;
        match it.event {
            "DID" => {
                self.to = it.param(0).filter(|did| did.len() <= TARGET_LEN_MAX).map(str::to_owned);
                Ok(())
            }
            "ENTERQUEUE" => self.enter(it, sink),
            "CONNECT" => self.connect(it),
            "COMPLETEAGENT" => self.complete(it, EndedBy::Agent, it.param(1)),
            "COMPLETECALLER" => self.complete(it, EndedBy::Caller, it.param(1)),
            "BLINDTRANSFER" | "TRANSFER" => {
                let to = [it.param(0), it.param(1)].into_iter().flatten();
                self.transfer(it, to.collect::<Vec<_>>().join("@"), it.param(3))
            }
            "ATTENDEDTRANSFER" => {
                let (to, times) = it.params.split_at(it.params.len().saturating_sub(3));
                self.transfer(it, to.join(" "), times.get(1).copied())
            }
            "ABANDON" => self.leave(it, QueueExit::Abandoned, CallOutcome::Abandoned, it.param(2)),
            "EXITWITHTIMEOUT" => self.overflow(it, Overflow::Timeout),
            "EXITEMPTY" => self.overflow(it, Overflow::NoAgents),
            "EXITWITHKEY" => self.leave(it, QueueExit::ExitKey, CallOutcome::Exited, it.param(3)),
            "SYSCOMPAT" => self.leave(it, QueueExit::Ended, CallOutcome::Failed, None),
            "RINGNOANSWER" => self.rang(it, LegOutcome::NoAnswer),
            "RINGCANCELED" => self.rang(it, LegOutcome::Withdrawn),
            "AGENTDUMP" => self.rang(it, LegOutcome::Rejected),
            "HOLD" | "UNHOLD" => self.hold(it),
            _ => Ok(()),
        }
    }

    fn enter(&mut self, it: &Logged<'_>, sink: &Sink) -> Result<(), String> {
        match &self.stage {
            QueueStage::New => self.arrived_at = it.at,
            QueueStage::Left { .. } => {}
            QueueStage::Waits { queue, .. } => {
                return Err(format!(
                    "the call waits in queue {queue}, and no line says how it left"
                ));
            }
            QueueStage::Talks { .. } => {
                return Err("an agent talks to the caller, and no line says how that ended".into());
            }
        }
        if self.visits.len() >= PARTS_MAX {
            return Err(format!("the call has more than {PARTS_MAX} visits to queues"));
        }
        if self.from.is_none() {
            self.from = it.param(1).and_then(|raw| sink.caller(raw));
        }
        self.stage = QueueStage::Waits { queue: it.queue.to_owned(), since: it.at };
        Ok(())
    }

    /// The queue that the call waits in, and since when.
    fn waits(&self, it: &Logged<'_>) -> Result<Timestamp, String> {
        match &self.stage {
            QueueStage::Waits { queue, since } if queue == it.queue => Ok(*since),
            QueueStage::Waits { queue, .. } => {
                Err(format!("the call waits in queue {queue}, and the line is of {}", it.queue))
            }
            QueueStage::New => Err(String::from(
                "no ENTERQUEUE of the call comes before it: name the file before this one, too",
            )),
            QueueStage::Talks { .. } | QueueStage::Left { .. } => {
                Err("the call does not wait in a queue".to_owned())
            }
        }
    }

    fn visited(
        &mut self,
        it: &Logged<'_>,
        left: QueueExit,
        said: Option<&str>,
    ) -> Result<(), String> {
        let since = self.waits(it)?;
        agrees("of wait", said, (since, it.at))?;
        self.visits.push(QueueVisit {
            queue: it.queue.to_owned(),
            entered_at: since,
            left_at: it.at,
            left,
            priority: 0,
            in_line_since: None,
            consulted: false,
        });
        Ok(())
    }

    fn connect(&mut self, it: &Logged<'_>) -> Result<(), String> {
        let since = self.waits(it)?;
        let rang = it.param(2).map(fields::seconds).transpose()?.unwrap_or_default();
        self.visited(it, QueueExit::Answered, it.param(0))?;
        let dialed_at = (it.at - rang).max(since);
        self.leg(it, (dialed_at, None), LegOutcome::Accepted)?;
        self.stage = QueueStage::Talks { since: it.at, held_since: None, hold_ms: 0 };
        Ok(())
    }

    fn leg(
        &mut self,
        it: &Logged<'_>,
        (dialed_at, ended_at): (Timestamp, Option<Timestamp>),
        outcome: LegOutcome,
    ) -> Result<(), String> {
        if it.agent.is_empty() || it.agent == "NONE" {
            return Err("the line names no agent: the fourth field is their name".to_owned());
        }
        if self.legs.len() >= PARTS_MAX {
            return Err(format!("the call has more than {PARTS_MAX} offers"));
        }
        let answered_at = (outcome == LegOutcome::Accepted).then_some(it.at);
        let n = u16::try_from(self.legs.len() + 1).unwrap_or(u16::MAX);
        let agent = it.agent.to_owned();
        self.legs.push(agents_leg(n, (agent, Some(it.queue.to_owned())), dialed_at, outcome));
        if let Some(leg) = self.legs.last_mut() {
            (leg.answered_at, leg.ended_at) = (answered_at, ended_at);
        }
        Ok(())
    }

    /// An offer came to nothing; milliseconds say how long it rang.
    fn rang(&mut self, it: &Logged<'_>, outcome: LegOutcome) -> Result<(), String> {
        if matches!(self.stage, QueueStage::Talks { .. } | QueueStage::Left { .. }) {
            return Ok(()); // others who rang: the call is with an agent, or gone
        }
        let since = self.waits(it)?;
        let rang = it.param(0).map(fields::seconds).transpose()?.unwrap_or_default() / 1_000;
        self.leg(it, ((it.at - rang).max(since), Some(it.at)), outcome)
    }

    fn hold(&mut self, it: &Logged<'_>) -> Result<(), String> {
        let QueueStage::Talks { held_since, hold_ms, .. } = &mut self.stage else { return Ok(()) };
        if it.event == "HOLD" {
            held_since.get_or_insert(it.at);
        } else if let Some(since) = held_since.take() {
            *hold_ms += fields::between(since, it.at);
        }
        Ok(())
    }

    fn complete(&mut self, it: &Logged<'_>, by: EndedBy, said: Option<&str>) -> Result<(), String> {
        let (since, held_since, hold_ms) = match self.stage {
            QueueStage::Talks { since, held_since, hold_ms } => (since, held_since, hold_ms),
            // The agent's talk ended with the transfer.
            QueueStage::Left { .. } if self.transferred_to.is_some() => return Ok(()),
            QueueStage::New => return self.waits(it).map(drop),
            QueueStage::Waits { .. } | QueueStage::Left { .. } => {
                return Err("no agent talks to the caller".to_owned());
            }
        };
        agrees("of talk", said, (since, it.at))?;
        let Some(leg) = self.legs.last_mut() else { return Err("no agent was connected".into()) };
        if !matches!(&leg.party, Party::Agent { name, .. } if name == it.agent) {
            return Err(format!("{} did not connect to the caller", it.agent));
        }
        let hold_ms = hold_ms + held_since.map_or(0, |held| fields::between(held, it.at));
        leg.ended_at = Some(it.at);
        leg.hold_ms = hold_ms;
        leg.talk_ms = fields::between(since, it.at) - hold_ms;
        self.stage = QueueStage::Left { at: it.at, outcome: CallOutcome::Handled, by };
        Ok(())
    }

    fn transfer(&mut self, it: &Logged<'_>, to: String, said: Option<&str>) -> Result<(), String> {
        self.complete(it, EndedBy::Agent, said)?;
        let to = Some(to).filter(|to| to.len() <= TARGET_LEN_MAX);
        self.transferred_to = Some(to.unwrap_or_default());
        Ok(())
    }

    fn leave(
        &mut self,
        it: &Logged<'_>,
        left: QueueExit,
        outcome: CallOutcome,
        said: Option<&str>,
    ) -> Result<(), String> {
        self.visited(it, left, said)?;
        let by = match left {
            QueueExit::Abandoned => EndedBy::Caller,
            QueueExit::Ended => EndedBy::Server,
            // The dialplan has the call.
            QueueExit::Answered
            | QueueExit::ExitKey
            | QueueExit::TakenOver
            | QueueExit::Withdrawn
            | QueueExit::Overflowed(_) => EndedBy::Flow,
        };
        self.stage = QueueStage::Left { at: it.at, outcome, by };
        Ok(())
    }

    fn overflow(&mut self, it: &Logged<'_>, why: Overflow) -> Result<(), String> {
        let left = QueueExit::Overflowed(why);
        self.leave(it, left, CallOutcome::Overflowed, it.param(2))
    }

    fn close(self, name: &str, into: &mut Sink) {
        if self.is_left_out {
            return;
        }
        let (ended_at, outcome, by) = match self.stage {
            QueueStage::Left { at, outcome, by } => (at, outcome, by),
            QueueStage::New => return into.beside("calls that entered no queue"),
            QueueStage::Waits { .. } | QueueStage::Talks { .. } => {
                let text = format!(
                    "call {name} entered a queue here, and no line says how it ended: if the \
                     next file does, name both, and import again"
                );
                let remark = LineRemark { file: self.file, line: self.line, text };
                return into.items.push_back(ImportItem::Skipped(remark));
            }
        };
        let key = format!("{name}@{}", self.arrived_at.as_millis() / 1_000);
        let mut record = into.record(key, self.arrived_at, ended_at);
        let is_handled = self.legs.iter().any(|leg| leg.outcome == LegOutcome::Accepted);
        record.outcome = if is_handled { CallOutcome::Handled } else { outcome };
        record.ended_by = by;
        record.cause = match by {
            EndedBy::Caller | EndedBy::Agent => Cause::NORMAL_CLEARING,
            EndedBy::Party
            | EndedBy::Flow
            | EndedBy::Operator
            | EndedBy::Network
            | EndedBy::Server
            | EndedBy::ServerLost => Cause::NORMAL_UNSPECIFIED,
        };
        record.from = self.from;
        record.to = self.to.unwrap_or_default();
        record.queued = self.visits;
        record.legs = self.legs;
        let to = self.transferred_to.filter(|to| !to.is_empty());
        record.vars.extend(to.map(|to| (TRANSFERRED_TO.to_owned(), to)));
        into.call(record);
    }
}

/// A leg to an agent as it is before more is known.
pub(super) fn agents_leg(
    n: u16,
    (agent, queue): (String, Option<String>),
    dialed_at: Timestamp,
    outcome: LegOutcome,
) -> PartyLeg {
    PartyLeg {
        leg: LegId { call: CallId::FIRST_IMPORTED, n },
        party: Party::Agent { id: AgentId(u32::MAX), name: agent },
        queue,
        dialed_at,
        answered_at: None,
        ended_at: None,
        outcome,
        cause: None,
        talk_ms: 0,
        hold_ms: 0,
        wrap_up: None,
        sent_to: None,
        consulted: false,
        handed_over: None,
        role: None,
        by: None,
        modes: Vec::new(),
    }
}

/// Whether what a line says of a duration is how far apart two lines are.
fn agrees(
    what: &str,
    said: Option<&str>,
    (from, to): (Timestamp, Timestamp),
) -> Result<(), String> {
    let Some(said) = said else { return Ok(()) };
    let (said_s, is_s) = (fields::seconds(said)?.as_secs(), fields::between(from, to) / 1_000);
    if said_s.abs_diff(is_s) <= TOLERANCE_S {
        return Ok(());
    }
    Err(format!("it says {said_s} s {what}, and the lines are {is_s} s apart"))
}
