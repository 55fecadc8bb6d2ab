//! First contact resolution, as repeat calls show it.
//!
//! # Definition
//!
//! A *contact* is a call that reached us (refused at the door does not count; our own abandon
//! does) from a usable caller number. Transfers are the same call, so the same contact. Contacts of
//! one caller are in the same *scope* always (`any_reason`), or when their intents are equal
//! (`same_intent`; the intent is what the flow found, corrected by the agent).
//!
//! An *issue* begins with a handled call that has no earlier contact of the same caller in the same
//! scope that arrived within `W` before it. It is *resolved* when no later contact follows: none
//! arrives within `W` after it arrived. `FCR_repeat(W, scope)` = resolved ÷ issues.
//!
//! Until `W` has passed an issue counts as resolved, provisionally: `provisional_n` of them, the
//! last until `provisional_until`. A caller who is in a call at this moment counts when it ends.
//!
//! **Invariant:** each handled call in the period is exactly one of: an issue, a repeat, or left
//! out (number withheld; intent unknown, in scope `same_intent`); the three are counted.
//!
//! **Deliberately absent:** guesses. Two phones of one person are two callers, a family is one.

use std::time::Duration;

use serde::Serialize;

use crate::metrics::CallRow;
use crate::metrics::calls::Calls;
use crate::metrics::ratio::{Measured, Ratio};
use crate::time::Timestamp;

const HOUR: u64 = 3600;

/// The windows, by name.
pub const FCR_WINDOWS: [(&str, Duration); 4] = [
    ("24h", Duration::from_secs(24 * HOUR)),
    ("72h", Duration::from_secs(72 * HOUR)),
    ("7d", WINDOW_DEFAULT),
    ("30d", Duration::from_secs(30 * 24 * HOUR)),
];

pub(super) const WINDOW_DEFAULT: Duration = Duration::from_secs(7 * 24 * HOUR);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    AnyReason,
    SameIntent,
}

/// `FCR_repeat` for one window and scope.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FcrRepeat {
    pub window: &'static str,
    pub scope: Scope,
    /// Resolved issues ÷ issues; `n` is the number of issues.
    pub fcr: Measured,
    /// Handled calls that were repeats of an earlier contact themselves.
    pub repeats: u64,
    /// Handled calls that could not be judged: no caller number, or no intent to compare.
    pub left_out: u64,
    /// Share of the handled calls that could be judged, in percent; none without handled calls.
    pub coverage_percent: Option<f64>,
    pub provisional_n: u64,
    /// When the last of them will be final.
    pub provisional_until: Option<Timestamp>,
    /// Issues for which the calls we keep do not reach back a whole window.
    pub look_back_cut_n: u64,
}

/// How it is defined, by scope.
pub(super) const ANY_REASON: &str =
    "issues with no later contact of the same caller within W ÷ issues";
pub(super) const SAME_INTENT: &str =
    "issues with no later contact of the same caller with the same intent within W ÷ issues";

/// In the order of [`Handled::near`].
const SCOPES: [(Scope, &str); 2] =
    [(Scope::AnyReason, ANY_REASON), (Scope::SameIntent, SAME_INTENT)];

/// A handled call and, by scope, the contacts just before and after it.
///
/// Found once a call: the report adds it up for the whole, for each queue and for each agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handled<'a> {
    pub(super) row: &'a CallRow,
    near: [Near; 2],
    now: Timestamp,
    gone_until: Option<Timestamp>,
}

/// When the caller's last contact before, and first after, arrived. None where it cannot be judged.
pub(super) type Near = Option<(Option<Timestamp>, Option<Timestamp>)>;

impl<'a> Handled<'a> {
    pub(super) fn of(calls: &Calls, row: &'a CallRow, now: Timestamp) -> Self {
        let near = [calls.neighbors(row, false), calls.neighbors(row, true)];
        Self { row, near, now, gone_until: calls.gone_until }
    }
}

/// The sums of `FCR_repeat`, for every scope and window.
#[derive(Debug, Default)]
pub(super) struct Repeats([[Sum; FCR_WINDOWS.len()]; SCOPES.len()]);

impl Repeats {
    pub(super) fn add(&mut self, call: &Handled<'_>) {
        for (sums, near) in self.0.iter_mut().zip(call.near) {
            for (sum, (_, window)) in sums.iter_mut().zip(FCR_WINDOWS) {
                sum.add(call.now, call.row.arrived_at, near, window, call.gone_until);
            }
        }
    }

    /// Resolved issues ÷ issues.
    pub(super) fn fcr(&self, window: Duration, scope: Scope) -> Ratio {
        let sums = SCOPES.iter().zip(&self.0).find(|((name, _), _)| *name == scope);
        let sums = sums.into_iter().flat_map(|(_, sums)| FCR_WINDOWS.iter().zip(sums));
        let sum = sums.into_iter().find(|((_, length), _)| *length == window);
        sum.map_or(Ratio::share(0, 0), |(_, sum)| sum.fcr())
    }

    /// One entry for every window and scope, of this many handled calls.
    pub(super) fn report(&self, handled: u64) -> Vec<FcrRepeat> {
        let scopes = SCOPES.iter().zip(&self.0);
        let all = scopes.flat_map(|(scope, sums)| {
            let windows = FCR_WINDOWS.iter().zip(sums);
            windows.map(move |((name, _), sum)| sum.report(name, *scope, handled))
        });
        all.collect()
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    issues: u64,
    resolved: u64,
    repeats: u64,
    left_out: u64,
    provisional: u64,
    until: Option<Timestamp>,
    cut: u64,
}

impl Sum {
    fn add(
        &mut self,
        now: Timestamp,
        at: Timestamp,
        near: Near,
        window: Duration,
        gone_until: Option<Timestamp>,
    ) {
        let Some((before, after)) = near else {
            self.left_out += 1;
            return;
        };
        if before.is_some_and(|before| at.since(before) <= window) {
            self.repeats += 1;
            return;
        }
        self.issues += 1;
        self.cut += u64::from(gone_until.is_some_and(|gone| at - window <= gone));
        if after.is_some_and(|after| after.since(at) <= window) {
            return;
        }
        self.resolved += 1;
        if at + window > now {
            self.provisional += 1;
            self.until = self.until.max(Some(at + window));
        }
    }

    fn fcr(&self) -> Ratio {
        Ratio::share(self.resolved, self.issues)
    }

    fn report(
        &self,
        window: &'static str,
        (scope, definition): (Scope, &'static str),
        handled: u64,
    ) -> FcrRepeat {
        let Ratio { value, n } = self.fcr();
        let judged = handled - self.left_out;
        FcrRepeat {
            window,
            scope,
            fcr: Measured { value, n, definition },
            repeats: self.repeats,
            left_out: self.left_out,
            coverage_percent: (handled > 0).then(|| judged as f64 * 100.0 / handled as f64),
            provisional_n: self.provisional,
            provisional_until: self.until,
            look_back_cut_n: self.cut,
        }
    }
}
