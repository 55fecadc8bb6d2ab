//! What of a flow the calls of its transcripts have seen: each step, and each way from one step to
//! another.
//!
//! A way is a pair of steps. Exits of one step that lead to the same step are one way: what a call
//! has walked does not tell them apart.
//!
//! **Invariant:** only a call that is over counts, by the path in its record.

use std::collections::{BTreeMap, BTreeSet};

use crate::flow::Flow;
use crate::words::CallRecord;

/// The ways that calls took.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    entered: BTreeSet<String>,
    walked: BTreeSet<(String, String)>,
}

/// How much of a flow was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Steps that a call came to, of all in the file.
    pub steps: (usize, usize),
    /// Ways that a call took, of all.
    pub ways: (usize, usize),
    /// What no call has seen, in the order of the file.
    pub unseen: Vec<Unseen>,
}

/// A step that no call came to, or a way that none took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Of the step, counted from 1.
    pub line: u32,
    pub step: String,
    /// The exits, and the step they lead to; `None` for the step itself.
    pub way: Option<(Vec<String>, String)>,
}

impl Coverage {
    pub(super) fn walk(&mut self, record: &CallRecord) {
        let path = &record.path;
        self.entered.extend(path.iter().map(|entry| entry.step.clone()));
        // To the first step of `on_hangup` leads no exit of the step the caller left at.
        let by_exit = path.windows(2).filter(|pair| pair[0].after_hangup == pair[1].after_hangup);
        self.walked.extend(by_exit.map(|pair| (pair[0].step.clone(), pair[1].step.clone())));
    }

    pub(super) fn add(&mut self, other: Self) {
        self.entered.extend(other.entered);
        self.walked.extend(other.walked);
    }

    /// Of a flow, or of another version of it.
    #[must_use]
    pub fn of(&self, flow: &Flow) -> Covered {
        let mut covered = Covered { steps: (0, 0), ways: (0, 0), unseen: Vec::new() };
        for step in flow.steps().filter(|step| step.line > 0) {
            let is_entered = self.entered.contains(step.name);
            covered.steps.0 += usize::from(is_entered);
            covered.steps.1 += 1;
            let unseen = |way| Unseen { line: step.line, step: step.name.to_owned(), way };
            if !is_entered {
                covered.unseen.push(unseen(None));
            }
            let mut ways: BTreeMap<&str, Vec<String>> = BTreeMap::new();
            for (label, to) in &step.exits {
                ways.entry(to).or_default().push(label.clone());
            }
            for (to, exits) in ways {
                let is_walked = self.walked.contains(&(step.name.to_owned(), to.to_owned()));
                covered.ways.0 += usize::from(is_walked);
                covered.ways.1 += 1;
                // A step that no call came to says it for all of its ways.
                if is_entered && !is_walked {
                    covered.unseen.push(unseen(Some((exits, to.to_owned()))));
                }
            }
        }
        covered
    }
}

impl Covered {
    /// Of steps and ways together; all of nothing is 100.
    #[must_use]
    pub fn percent(&self) -> f64 {
        let (seen, all) = (self.steps.0 + self.ways.0, self.steps.1 + self.ways.1);
        if all == 0 { 100.0 } else { seen as f64 * 100.0 / all as f64 }
    }
}
