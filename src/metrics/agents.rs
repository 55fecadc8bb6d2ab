//! What agents spent their time on.
//!
//! **Invariant:** the changes of one agent are in order of time; together they are at most
//! [`CHANGES_KEPT_MAX`], the oldest went first.
//!
//! **Deliberately absent:** calls. Talk time on a call is counted by its legs; here it is the
//! agent's day that is cut up.

use std::collections::{BTreeMap, VecDeque};

use crate::id::AgentId;
use crate::time::Timestamp;
use crate::words::Activity;

/// Changes in memory, of all agents together; 16 MB. Past it the oldest is dropped, and times
/// before it are not reported.
const CHANGES_KEPT_MAX: usize = 1_000_000;

/// Old changes looked at for each new one; two would do to keep up.
const EXPIRE_STEPS_MAX: usize = 4;

#[derive(Clone, Debug, Default)]
pub(super) struct Agents {
    days: BTreeMap<AgentId, VecDeque<(Timestamp, Activity)>>,
    /// One entry per change, oldest first; of an agent who does the same since long, at the end.
    order: VecDeque<AgentId>,
    /// Times before this are not known.
    pub(super) gone_until: Option<Timestamp>,
}

/// What each agent spent their time on.
#[derive(Clone, Debug, Default)]
pub struct Times {
    pub(super) spent: BTreeMap<AgentId, Spent>,
    /// Times before this are not known.
    pub(super) gone_until: Option<Timestamp>,
}

/// Milliseconds by activity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spent {
    pub(super) not_ready: u64,
    pub(super) ready: u64,
    pub(super) on_own_call: u64,
    pub(super) reserved: u64,
    pub(super) talking: u64,
    pub(super) after_call: u64,
}

impl Agents {
    /// Of which nothing before this is known.
    pub(super) fn since(at: Timestamp) -> Self {
        Self { gone_until: Some(at), ..Self::default() }
    }

    pub(super) fn changed(&mut self, at: Timestamp, agent: AgentId, activity: Activity) {
        let day = self.days.entry(agent).or_default();
        if day.back().is_some_and(|(_, last)| *last == activity) {
            return;
        }
        day.push_back((at, activity));
        self.order.push_back(agent);
        if self.order.len() > CHANGES_KEPT_MAX {
            self.drop_first();
        }
    }

    /// Lets go of changes before this, except the last of each agent, which says what they do
    /// since.
    pub(super) fn expire(&mut self, before: Timestamp) {
        for _ in 0..EXPIRE_STEPS_MAX {
            let oldest = self.order.front().and_then(|agent| self.days.get(agent)?.front());
            if oldest.is_none_or(|(at, _)| *at >= before) {
                return;
            }
            self.drop_first();
        }
    }

    /// Whether the agent ever did anything that is kept.
    pub(super) fn knows(&self, agent: AgentId) -> bool {
        self.days.contains_key(&agent)
    }

    /// Of every agent, within `from..to` and as far as all times are known.
    pub(super) fn times(&self, from: Timestamp, to: Timestamp) -> Times {
        let from = from.max(self.gone_until.unwrap_or_default());
        let spent = self.days.keys().map(|agent| (*agent, self.spent(*agent, from, to)));
        Times { spent: spent.collect(), gone_until: self.gone_until }
    }

    /// Time by activity within `from..to`.
    fn spent(&self, agent: AgentId, from: Timestamp, to: Timestamp) -> Spent {
        let mut spent = Spent::default();
        let Some(day) = self.days.get(&agent) else { return spent };
        let first = day.partition_point(|(at, _)| *at <= from).saturating_sub(1);
        let ends = day.iter().skip(first + 1).map(|(at, _)| *at).chain([to]);
        for ((at, activity), end) in day.iter().skip(first).zip(ends) {
            if *at >= to {
                break;
            }
            let ms = end.min(to).as_millis().saturating_sub((*at).max(from).as_millis());
            spent.spend(*activity, ms);
        }
        spent
    }

    fn drop_first(&mut self) {
        let Some(agent) = self.order.pop_front() else { return };
        let Some(day) = self.days.get_mut(&agent) else { return };
        let Some((next, _)) = day.get(1) else {
            self.order.push_back(agent); // what they do now; it goes when they do something else
            return;
        };
        self.gone_until = self.gone_until.max(Some(*next));
        day.pop_front();
    }
}

impl Times {
    /// Adds time of an agent's.
    pub fn add(&mut self, agent: AgentId, activity: Activity, ms: u64) {
        if ms > 0 && activity != Activity::LoggedOut {
            self.spent.entry(agent).or_default().spend(activity, ms);
        }
    }

    /// Times before this are not known.
    pub fn lack(&mut self, until: Timestamp) {
        self.gone_until = self.gone_until.max(Some(until));
    }

    /// Since when times are known, for whoever knows those before and adds them.
    pub fn take_lack(&mut self) -> Option<Timestamp> {
        self.gone_until.take()
    }

    /// Of this agent, in milliseconds: logged in, and talking or in after-call work.
    #[must_use]
    pub fn logged_in_and_occupied(&self, agent: AgentId) -> (u64, u64) {
        let spent = self.spent.get(&agent).copied().unwrap_or_default();
        (spent.logged_in(), spent.occupied())
    }
}

impl Spent {
    fn spend(&mut self, activity: Activity, ms: u64) {
        match activity {
            Activity::LoggedOut => {}
            Activity::NotReady => self.not_ready += ms,
            Activity::Ready => self.ready += ms,
            Activity::OnOwnCall => self.on_own_call += ms,
            Activity::Reserved => self.reserved += ms,
            Activity::Talking => self.talking += ms,
            Activity::AfterCallWork => self.after_call += ms,
        }
    }

    /// With a call: talking (hold is part of it) and after-call work.
    pub(super) fn occupied(self) -> u64 {
        self.talking + self.after_call
    }

    /// With a call, ringing, or waiting for one.
    pub(super) fn available(self) -> u64 {
        self.occupied() + self.ready + self.reserved
    }

    pub(super) fn logged_in(self) -> u64 {
        self.available() + self.not_ready + self.on_own_call
    }

    pub(super) fn add(&mut self, other: Self) {
        self.not_ready += other.not_ready;
        self.ready += other.ready;
        self.on_own_call += other.on_own_call;
        self.reserved += other.reserved;
        self.talking += other.talking;
        self.after_call += other.after_call;
    }
}
