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

use serde::{Deserialize, Serialize};

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

/// In the order of [`Judged::scopes`].
const SCOPES: [(Scope, &str); 2] =
    [(Scope::AnyReason, ANY_REASON), (Scope::SameIntent, SAME_INTENT)];

/// When the caller's last contact before, and first after, arrived. None where it cannot be judged.
pub type Near = Option<(Option<Timestamp>, Option<Timestamp>)>;

/// A handled call, and within which windows contacts of the same caller came before and after it:
/// all that `FCR_repeat` needs of it, whatever the time of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Judged {
    pub(super) arrived_at: Timestamp,
    pub(super) scopes: [Around; SCOPES.len()],
}

/// The shortest window that has the contact before, and the one after, in one number; 0 where it
/// cannot be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Around(u8);

/// In no window: there is no such contact, or it is further away.
const FAR: usize = FCR_WINDOWS.len();

impl Judged {
    pub(super) fn of(arrived_at: Timestamp, near: [Near; SCOPES.len()]) -> Self {
        Self { arrived_at, scopes: near.map(|near| Around::of(arrived_at, near)) }
    }
}

impl Around {
    fn of(at: Timestamp, near: Near) -> Self {
        let Some((before, after)) = near else { return Self(0) };
        let window = |away: Option<Duration>| {
            let within = |away| FCR_WINDOWS.iter().position(|(_, window)| away <= *window);
            away.and_then(within).unwrap_or(FAR)
        };
        let before = window(before.map(|before| at.since(before)));
        let after = window(after.map(|after| after.since(at)));
        Self(u8::try_from(1 + before * (FAR + 1) + after).expect("there are few windows"))
    }

    /// The windows of the contacts before and after; [`FAR`] where there is none in any.
    fn windows(self) -> Option<(usize, usize)> {
        let both = usize::from(self.0).checked_sub(1)?;
        Some((both / (FAR + 1), both % (FAR + 1)))
    }
}

/// The sums of `FCR_repeat`, for every scope and window.
#[derive(Clone, Debug, Default)]
pub(super) struct Repeats([[Sum; FCR_WINDOWS.len()]; SCOPES.len()]);

impl Repeats {
    /// Adds a handled call, as known at `now`; contacts up to `gone_until` may not be known.
    pub(super) fn add(&mut self, call: Judged, now: Timestamp, gone_until: Option<Timestamp>) {
        let at = call.arrived_at;
        for (sums, around) in self.0.iter_mut().zip(call.scopes) {
            let windows = around.windows();
            for (n, (sum, (_, window))) in sums.iter_mut().zip(FCR_WINDOWS).enumerate() {
                let near = windows.map(|(before, after)| (before <= n, after <= n));
                let cut = gone_until.is_some_and(|gone| at - window <= gone);
                sum.add(near, (at + window > now).then_some(at + window), cut);
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
    /// `near`: whether a contact came before, and after, within the window; `open_until`: when
    /// that will be final, where it is not.
    fn add(&mut self, near: Option<(bool, bool)>, open_until: Option<Timestamp>, cut: bool) {
        let Some((before, after)) = near else {
            self.left_out += 1;
            return;
        };
        if before {
            self.repeats += 1;
            return;
        }
        self.issues += 1;
        self.cut += u64::from(cut);
        if after {
            return;
        }
        self.resolved += 1;
        self.provisional += u64::from(open_until.is_some());
        self.until = self.until.max(open_until);
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
