//! The figures follow the facts: which of them the figures are made of, and the fold of those.
//!
//! A call is counted when it ends, from its record, as one that ended before this process began; so
//! a live figure, one after a restart and a report of records are one fold.
//!
//! **Invariant:** a [`Counter`] knows the names of the last roster; a row has no other ids.
//!
//! **Deliberately absent:** making a record of the facts of a call. Whoever follows has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::id::{AgentId, QueueId};
use crate::metrics::agents::Agents;
use crate::metrics::{CallRow, Fact as FigureFact, Metrics, Naming, Report, Target};
use crate::time::Timestamp;
use crate::words::{Activity, CallFact, CallRecord, Fact, Numbered, Roster, WrapUp};

/// What a fact is to the figures.
#[derive(Clone, Debug)]
pub enum Counted {
    /// What the queues promise from now on.
    Targets(Vec<Target>),
    /// An agent does this from now on. Of one who never did anything else, that they are logged out
    /// is no news.
    Agent {
        at: Timestamp,
        agent: AgentId,
        activity: Activity,
    },
    /// Facts were lost until then: what agents did before is not known.
    Gap {
        at: Timestamp,
    },
    Ended(Box<CallRow>),
    Amended {
        at: Timestamp,
        wrap_up: Arc<WrapUp>,
    },
}

/// From facts to what the figures take.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    agents: BTreeMap<Arc<str>, AgentId>,
    queues: BTreeMap<Arc<str>, QueueId>,
}

impl Naming for Counter {
    fn queue(&mut self, name: &str) -> Option<QueueId> {
        self.queues.get(name).copied()
    }

    fn agent(&mut self, name: &str) -> Option<AgentId> {
        self.agents.get(name).copied()
    }
}

impl Counter {
    #[must_use]
    pub fn of(roster: &Roster) -> Self {
        let mut counter = Self::default();
        counter.learn(roster);
        counter
    }

    fn learn(&mut self, roster: &Roster) {
        self.agents = roster.agents.iter().map(|it| (Arc::clone(&it.name), it.agent)).collect();
        let ids = (0..).map(QueueId);
        self.queues = roster.queues.iter().map(Arc::clone).zip(ids).collect();
    }

    /// What this fact is to the figures; `record` is that of the call, where it is its last.
    pub fn count(&mut self, numbered: &Numbered, record: Option<&CallRecord>) -> Option<Counted> {
        let Numbered { at, fact, .. } = numbered;
        let at = *at;
        match fact {
            Fact::Roster(roster) => {
                self.learn(roster);
                Some(Counted::Targets(roster.targets.clone()))
            }
            Fact::AgentMoved { agent, state, .. } => {
                Some(Counted::Agent { at, agent: *agent, activity: state.activity() })
            }
            Fact::AgentStands(stands) => {
                let (agent, activity) = (stands.agent, stands.state.activity());
                Some(Counted::Agent { at, agent, activity })
            }
            Fact::RecordAmended { wrap_up, .. } => {
                Some(Counted::Amended { at, wrap_up: Arc::clone(wrap_up) })
            }
            Fact::Call { happened: CallFact::Closed(_), .. } => self.ended(record?),
            Fact::Draining { .. }
            | Fact::CallBegan(_)
            | Fact::Call { .. }
            | Fact::CallStands { .. }
            | Fact::OfferEnded { .. }
            | Fact::RecordingAmended { .. } => None,
        }
    }

    /// A call that ended.
    pub fn ended(&mut self, record: &CallRecord) -> Option<Counted> {
        Some(Counted::Ended(Box::new(CallRow::of(record, self)?)))
    }
}

/// Figures that follow the facts of one center.
#[derive(Clone, Debug)]
pub struct Follower {
    pub counter: Counter,
    pub metrics: Metrics,
}

impl Follower {
    #[must_use]
    pub fn new(roster: &Roster) -> Self {
        Self { counter: Counter::of(roster), metrics: Metrics::new(roster.targets.clone()) }
    }

    /// Of a center that others came before: what agents did before this is not known.
    #[must_use]
    pub fn since(roster: &Roster, at: Timestamp) -> Self {
        let mut follower = Self::new(roster);
        follower.metrics.count(Counted::Gap { at });
        follower
    }

    /// Takes in a fact; `record` is that of the call, where it is its last.
    pub fn fold(&mut self, numbered: &Numbered, record: Option<&CallRecord>) {
        if let Some(counted) = self.counter.count(numbered, record) {
            self.metrics.count(counted);
        }
    }

    /// Takes in a call that ended before the facts began.
    pub fn ended(&mut self, record: &CallRecord) {
        if let Some(counted) = self.counter.ended(record) {
            self.metrics.count(counted);
        }
    }
}

impl Metrics {
    /// Takes in what a fact is to the figures. Facts come in order of time.
    pub fn count(&mut self, counted: Counted) {
        match counted {
            Counted::Targets(targets) => self.set_targets(targets),
            Counted::Agent { at, agent, activity } => {
                if activity != Activity::LoggedOut || self.agents.knows(agent) {
                    self.fold(at, FigureFact::AgentChanged { agent, activity });
                }
            }
            Counted::Gap { at } => self.agents = Agents::since(at),
            Counted::Ended(row) => {
                let at = row.ended_at;
                self.calls.insert_ended(*row);
                self.expire(at);
            }
            Counted::Amended { at, wrap_up } => {
                self.calls.amend(&wrap_up);
                self.expire(at);
            }
        }
    }
}

/// A report as JSON, with the names of the queues and agents it is of, by their ids.
#[must_use]
pub fn named<'a>(
    report: &Report,
    agents: impl Iterator<Item = &'a str>,
    queues: impl Iterator<Item = &'a str>,
) -> Value {
    let mut report = serde_json::to_value(report).unwrap_or_default();
    let (agents, queues): (Vec<&str>, Vec<&str>) = (agents.collect(), queues.collect());
    for (list, key, names) in [("agents", "agent", agents), ("queues", "queue", queues)] {
        for entry in report[list].as_array_mut().into_iter().flatten() {
            let index = entry[key].as_u64().and_then(|index| usize::try_from(index).ok());
            let name = index.and_then(|index| names.get(index));
            entry["name"] = name.map_or(Value::Null, |&name| name.into());
        }
    }
    report
}
