//! Why a waiting call is not with an agent yet, in words.

use crate::acd::{Considered, Verdict};
use crate::center::ContactCenter;
use crate::id::SkillId;

impl ContactCenter {
    /// One agent, as considered for one call: name, verdict, sentence.
    pub(super) fn explained(&self, one: &Considered) -> (String, &'static str, String) {
        let (word, why) = match &one.verdict {
            Verdict::Offered => ("offered", "the phone rings for this call".to_owned()),
            Verdict::LoggedOut => ("logged_out", "is not logged in".to_owned()),
            Verdict::LacksSkill { skill, needs, has } => {
                if let Some(origin) = self.skills.origin(*skill) {
                    ("elsewhere", format!("cannot be reached from a call by way of {origin}"))
                } else {
                    let skill = self.skill_name(*skill);
                    ("lacks_skill", format!("has {skill} {has}, and {needs} is needed"))
                }
            }
            Verdict::Excluded { until } => {
                let how = one.tried.map(|(outcome, at)| format!(" ({outcome} at {at})"));
                let how = how.unwrap_or_default();
                let why =
                    format!("did not take this call{how}; may be offered it again at {until}");
                ("excluded", why)
            }
            Verdict::HeldFor { agent, until } => {
                let held_for = self.agent_name(*agent);
                ("held_for", format!("the call is held for {held_for} until {until}"))
            }
            Verdict::NotReady { reason } => ("not_ready", format!("is not ready: {reason}")),
            Verdict::Unreachable => ("unreachable", "the phone cannot be reached".to_owned()),
            Verdict::Busy { call } => ("busy", format!("is busy with {call}")),
            Verdict::Behind => ("behind", "another agent was first".to_owned()),
        };
        (self.agent_name(one.agent).to_owned(), word, why)
    }

    fn skill_name(&self, skill: SkillId) -> &str {
        self.skills.name(skill).unwrap_or("a skill that nobody has")
    }
}
