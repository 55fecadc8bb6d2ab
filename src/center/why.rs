//! Why a waiting call is not with an agent yet, and what its queue goes by, for the facts.

use std::sync::Arc;

use crate::acd::{Considered, Verdict};
use crate::center::ContactCenter;
use crate::id::{CallId, SkillId};
use crate::words::{Demanded, HeldFor, Search, Why};

impl ContactCenter {
    /// One agent, as considered for one call.
    pub(super) fn explained(&self, one: &Considered) -> (Arc<str>, Why) {
        let why = match &one.verdict {
            Verdict::Offered => Why::Offered,
            Verdict::LoggedOut => Why::LoggedOut,
            Verdict::LacksSkill { skill, needs, has } => match self.demanded(*skill, *needs) {
                Demanded::Origin(origin) => Why::Elsewhere { origin },
                Demanded::Skill { skill, level } => {
                    Why::LacksSkill { skill, needs: level, has: *has }
                }
            },
            Verdict::Excluded { until } => Why::Excluded { tried: one.tried, until: *until },
            Verdict::HeldFor { agent, until } => {
                Why::HeldFor { agent: self.facts.agent_name(*agent), until: *until }
            }
            Verdict::NotReady { reason } => Why::NotReady { reason: reason.clone() },
            Verdict::Unreachable => Why::Unreachable,
            Verdict::Busy { call } => Why::Busy { call: *call },
            Verdict::Behind => Why::Behind,
        };
        (self.facts.agent_name(one.agent), why)
    }

    /// What the queue goes by for a call that waits in it.
    pub(super) fn search(&self, call: CallId) -> Option<Search> {
        let search = self.acd.search(call)?;
        let held = |(agent, until)| {
            let name = self.facts.agent_name(agent);
            HeldFor { agent, name, until }
        };
        Some(Search {
            tried: search.tried,
            demands: search.demands.iter().map(|&(skill, n)| self.demanded(skill, n)).collect(),
            offered_to: search.offered_to,
            held_for: search.held_for.map(held),
        })
    }

    fn demanded(&self, skill: SkillId, level: u8) -> Demanded {
        if let Some(origin) = self.skills.origin(skill) {
            return Demanded::Origin(origin.into());
        }
        let skill = self.skills.name(skill).unwrap_or("a skill that no agent has").into();
        Demanded::Skill { skill, level }
    }
}
