//! Skill levels: what a call demands and what an agent has, in one type.
//!
//! **Invariant:** sorted by skill, each skill once, no level 0. Two lists that mean the same are
//! equal, so a demand set can be a map key.
//!
//! **Deliberately absent:** any preference between agents who suffice; that is a rank (`agent.rs`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::SkillId;

/// A call may weaken its demands this often; later steps are not applied.
pub(super) const RELAX_STEPS_MAX: usize = 32;

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Levels(Vec<(SkillId, u8)>);

impl Levels {
    /// Level 0 means "not at all"; of a skill named twice the higher level counts.
    pub(super) fn new(pairs: &[(SkillId, u8)]) -> Self {
        let mut sorted: Vec<_> = pairs.iter().copied().filter(|&(_, level)| level > 0).collect();
        sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        sorted.dedup_by_key(|pair| pair.0);
        Self(sorted)
    }

    /// These demands after one relax step: each pair replaces the level of its skill.
    fn relaxed(&self, step: &[(SkillId, u8)]) -> Self {
        let named = |skill| step.iter().any(|&(other, _)| other == skill);
        let kept = self.0.iter().copied().filter(|&(skill, _)| !named(skill));
        Self::new(&kept.chain(step.iter().copied()).collect::<Vec<_>>())
    }

    /// These and this one; of two levels the higher counts.
    pub(super) fn with(&self, demand: (SkillId, u8)) -> Self {
        Self::new(&self.0.iter().copied().chain([demand]).collect::<Vec<_>>())
    }

    pub(super) fn level(&self, skill: SkillId) -> u8 {
        self.0.binary_search_by_key(&skill, |pair| pair.0).map_or(0, |at| self.0[at].1)
    }

    /// The first demand that these skills do not meet.
    pub(super) fn unmet(&self, demands: &Self) -> Option<(SkillId, u8)> {
        demands.0.iter().copied().find(|&(skill, level)| self.level(skill) < level)
    }

    pub(super) fn meet(&self, demands: &Self) -> bool {
        self.unmet(demands).is_none()
    }

    /// Sum of the levels in the demanded skills.
    pub(super) fn sum_of(&self, demands: &Self) -> u32 {
        demands.0.iter().map(|&(skill, _)| u32::from(self.level(skill))).sum()
    }

    pub(super) fn sum(&self) -> u32 {
        self.0.iter().map(|&(_, level)| u32::from(level)).sum()
    }

    pub(super) fn pairs(&self) -> &[(SkillId, u8)] {
        &self.0
    }
}

/// The demands of a call over its wait: as asked, then after each relax step.
pub(super) fn stages(
    asked: &[(SkillId, u8)],
    relax: &[(Duration, Vec<(SkillId, u8)>)],
) -> Vec<(Duration, Levels)> {
    let mut steps: Vec<_> = relax.iter().collect();
    steps.sort_by_key(|step| step.0);
    let mut stages = vec![(Duration::ZERO, Levels::new(asked))];
    for (after, step) in steps.into_iter().take(RELAX_STEPS_MAX) {
        let weaker = stages[stages.len() - 1].1.relaxed(step);
        stages.push((*after, weaker));
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(pairs: &[(u32, u8)]) -> Levels {
        Levels::new(&pairs.iter().map(|&(s, l)| (SkillId(s), l)).collect::<Vec<_>>())
    }

    #[test]
    fn the_same_demands_written_differently_are_equal() {
        assert_eq!(levels(&[(2, 3), (1, 5), (3, 0)]), levels(&[(1, 5), (2, 3)]));
        assert_eq!(levels(&[(1, 2), (1, 4)]), levels(&[(1, 4)]));
    }

    #[test]
    fn a_demand_is_a_least_level() {
        let agent = levels(&[(1, 3), (2, 1)]);
        assert!(agent.meet(&levels(&[(1, 3)])));
        assert!(agent.meet(&levels(&[])));
        assert_eq!(agent.unmet(&levels(&[(1, 4)])), Some((SkillId(1), 4)));
        assert_eq!(agent.unmet(&levels(&[(9, 1)])), Some((SkillId(9), 1)));
    }

    #[test]
    fn relax_steps_replace_drop_and_add_in_order_of_time() {
        let s = Duration::from_secs;
        let relax = [
            (s(90), vec![(SkillId(2), 0)]),
            (s(45), vec![(SkillId(1), 2)]),
            (s(120), vec![(SkillId(7), 1)]),
        ];
        let stages = stages(&[(SkillId(1), 5), (SkillId(2), 1)], &relax);
        let expected = [
            (s(0), levels(&[(1, 5), (2, 1)])),
            (s(45), levels(&[(1, 2), (2, 1)])),
            (s(90), levels(&[(1, 2)])),
            (s(120), levels(&[(1, 2), (7, 1)])),
        ];
        assert_eq!(stages, expected);
    }
}
