//! First contact resolution, as repeat calls show it, as agents say it, and both together.
//!
//! # Definition
//!
//! A *contact* is a call of a customer's that reached us (refused at the door does not count) from
//! a caller who is known: by the account of the directory, else by the number. A transfer is the
//! same call, so the same contact. A contact is *served* when an agent or supervisor talked to the
//! caller and the call did not end by our own doing. Contacts of one caller are in the same *scope*
//! always (`any_reason`), when they waited last in the same queue (`same_queue`), or when their
//! intents are equal (`same_intent`; the intent is what the flow found, corrected by the agent).
//!
//! An *issue* begins with a call that an agent handled and that has no earlier served contact of
//! the same caller in the same scope that arrived within `W` before it. It is *resolved* when no
//! later contact follows: none arrives within `W` after it arrived, be it handled, abandoned or
//! contained. `FCR_repeat(W, scope)` = resolved ÷ issues. A contact *before* that nobody served
//! resolved nothing and failed nothing: it is an attempt, and the issue counts `after_attempts`.
//!
//! `FCR_blend`: an issue (any reason, 7 d) is resolved when its last disposition says so; where no
//! agent said anything, when no contact follows. So a withheld number with a disposition counts.
//!
//! Until `W` has passed an issue counts as resolved, provisionally: `provisional_n` of them, the
//! last until `provisional_until`. A caller who is in a call at this moment counts when it ends.
//!
//! **Invariant:** each handled call in the period is exactly one of: an issue, a repeat, or left
//! out, by cause; their counts add up.
//!
//! **Deliberately absent:** guesses. Two phones of one person are two callers unless the directory
//! has one account for both; a family is one. What surveys say, until a flow can ask.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::metrics::near::{Arrivals, Near};
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
    SameQueue,
    SameIntent,
}

/// `FCR_repeat` for one window and scope.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FcrRepeat {
    pub window: &'static str,
    pub scope: Scope,
    /// Resolved issues ÷ issues; `n` is the number of issues.
    pub fcr: Measured,
    #[serde(flatten)]
    pub judged: Judgement,
}

/// `FCR_blend`: the agents' word where there is one, else what repeats show.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FcrBlend {
    pub window: &'static str,
    /// Of the issues, those that a disposition judged.
    pub by_disposition: u64,
    #[serde(flatten)]
    pub judged: Judgement,
}

/// What handled calls were judged to be, and why some were not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// Handled calls that were repeats of an earlier contact themselves.
    pub repeats: u64,
    /// Issues whose caller had tried before, within the window, and been served by nobody.
    pub after_attempts: u64,
    /// Handled calls that could not be judged.
    pub left_out: LeftOut,
    /// Share of the handled calls that could be judged, in percent; none without handled calls.
    pub coverage_percent: Option<f64>,
    pub provisional_n: u64,
    /// When the last of them will be final.
    pub provisional_until: Option<Timestamp>,
}

/// Why handled calls were not judged: the first of these that is true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// It ended by our own doing: the server, an operator, or the line to the caller.
    pub cut_off: u64,
    /// The caller sent no number that tells them apart.
    pub withheld: u64,
    /// No queue, or no intent, to compare.
    pub no_scope: u64,
}

impl LeftOut {
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.cut_off + self.withheld + self.no_scope
    }
}

/// How it is defined, by scope.
const ANY_REASON: &str = "issues with no later contact of the same caller within W ÷ issues";
const SAME_QUEUE: &str =
    "issues with no later contact of the same caller in the same queue within W ÷ issues";
const SAME_INTENT: &str =
    "issues with no later contact of the same caller with the same intent within W ÷ issues";
pub(super) const BLEND: &str = "issues that the last disposition calls resolved or, without one, \
                                that no contact of the same caller follows within 7 d ÷ issues";

/// In the order of [`Judged::scopes`].
pub(super) const SCOPES: [(Scope, &str); 3] = [
    (Scope::AnyReason, ANY_REASON),
    (Scope::SameQueue, SAME_QUEUE),
    (Scope::SameIntent, SAME_INTENT),
];

/// A handled call, and within which windows contacts of the same caller came before and after it:
/// all that first contact resolution needs of it, whatever the time of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Judged {
    pub(super) arrived_at: Timestamp,
    pub(super) seen: Seen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen {
    scopes: [Reach; SCOPES.len()],
    /// The shortest window that has an attempt; [`FAR`] without one.
    attempt: u8,
    /// What the last disposition says.
    said: Option<bool>,
    is_cut_off: bool,
}

/// The shortest window that has the contact before, and the one after, in one number; 0 where it
/// cannot be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Reach(u8);

/// In no window: there is no such contact, or it is further away.
const FAR: usize = FCR_WINDOWS.len();

impl Judged {
    pub(super) fn of(
        arrived_at: Timestamp,
        near: Near,
        said: Option<bool>,
        is_cut_off: bool,
    ) -> Self {
        // What is left out whatever was around it must not change with it.
        let near = if is_cut_off { Near::default() } else { near };
        let attempt = window(near.attempt.map(|at| arrived_at.since(at)));
        let attempt = u8::try_from(attempt).expect("there are few windows");
        let scopes = near.scopes.map(|around| Reach::of(arrived_at, around));
        Self { arrived_at, seen: Seen { scopes, attempt, said, is_cut_off } }
    }

    /// A contained call: of what was around it, only whether the caller came again within the
    /// shortest window, so that nothing else changes it.
    pub(super) fn contained(arrived_at: Timestamp, near: Near) -> Self {
        let (_, window) = FCR_WINDOWS[0];
        let again = |around: Arrivals| around.after.filter(|at| at.since(arrived_at) <= window);
        let around = near.scopes[0].map(|it| Arrivals { before: None, after: again(it) });
        let near = Near { scopes: [around, None, None], attempt: None };
        Self::of(arrived_at, near, None, false)
    }

    fn had_attempt(&self, window: usize) -> bool {
        usize::from(self.seen.attempt) <= window
    }
}

/// The shortest that is as long as this.
fn window(away: Option<Duration>) -> usize {
    let within = |away| FCR_WINDOWS.iter().position(|(_, window)| away <= *window);
    away.and_then(within).unwrap_or(FAR)
}

impl Reach {
    fn of(at: Timestamp, around: Option<Arrivals>) -> Self {
        let Some(Arrivals { before, after }) = around else { return Self(0) };
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

/// The scopes, and a number for the rest: attempt, disposition, cut off.
impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let said = match self.said {
            None => 0,
            Some(false) => 1,
            Some(true) => 2,
        };
        let rest = (u8::from(self.is_cut_off) * 3 + said) * 8 + self.attempt;
        (self.scopes, rest).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (scopes, rest) = Deserialize::deserialize(deserializer)?;
        let rest: u8 = rest;
        let said = [None, Some(false), Some(true)][usize::from(rest / 8 % 3)];
        Ok(Self { scopes, attempt: rest % 8, said, is_cut_off: rest / 24 > 0 })
    }
}

/// The sums of first contact resolution, for every scope and window.
#[derive(Clone, Debug, Default)]
pub(super) struct Repeats {
    sums: [[Sum; FCR_WINDOWS.len()]; SCOPES.len()],
    blend: Sum,
    by_disposition: u64,
}

impl Repeats {
    /// Adds a handled call, as known at `now`.
    pub(super) fn add(&mut self, call: Judged, now: Timestamp) {
        let at = call.arrived_at;
        for (scope, (sums, reach)) in self.sums.iter_mut().zip(call.seen.scopes).enumerate() {
            let windows = reach.windows();
            for (n, (sum, (_, window))) in sums.iter_mut().zip(FCR_WINDOWS).enumerate() {
                let seen = match windows {
                    _ if call.seen.is_cut_off => Verdict::CutOff,
                    None if scope == 0 || call.seen.scopes[0].0 == 0 => Verdict::Withheld,
                    None => Verdict::NoScope,
                    Some((before, _)) if before <= n => Verdict::Repeat,
                    Some((_, after)) => Verdict::issue(after > n, at + window, now),
                };
                sum.add(seen, call.had_attempt(n));
            }
        }
        self.add_to_blend(call, now);
    }

    fn add_to_blend(&mut self, call: Judged, now: Timestamp) {
        let (at, n) = (call.arrived_at, window(Some(WINDOW_DEFAULT)));
        let seen = match (call.seen.scopes[0].windows(), call.seen.said) {
            _ if call.seen.is_cut_off => Verdict::CutOff,
            (Some((before, _)), _) if before <= n => Verdict::Repeat,
            (_, Some(is_resolved)) => {
                self.by_disposition += 1;
                Verdict::Issue { is_resolved, open_until: None }
            }
            (Some((_, after)), None) => Verdict::issue(after > n, at + WINDOW_DEFAULT, now),
            (None, None) => Verdict::Withheld,
        };
        self.blend.add(seen, call.had_attempt(n));
    }

    /// Resolved issues ÷ issues.
    pub(super) fn fcr(&self, window: Duration, scope: Scope) -> Ratio {
        let sums = SCOPES.iter().zip(&self.sums).find(|((name, _), _)| *name == scope);
        let sums = sums.into_iter().flat_map(|(_, sums)| FCR_WINDOWS.iter().zip(sums));
        let sum = sums.into_iter().find(|((_, length), _)| *length == window);
        sum.map_or(Ratio::share(0, 0), |(_, sum)| sum.fcr())
    }

    pub(super) fn blend(&self) -> Ratio {
        self.blend.fcr()
    }

    /// One entry for every window and scope, of this many handled calls.
    pub(super) fn report(&self, handled: u64) -> Vec<FcrRepeat> {
        let scopes = SCOPES.iter().zip(&self.sums);
        let all = scopes.flat_map(|((scope, definition), sums)| {
            let windows = FCR_WINDOWS.iter().zip(sums);
            windows.map(move |((window, _), sum)| {
                let Ratio { value, n } = sum.fcr();
                let fcr = Measured { value, n, definition };
                FcrRepeat { window, scope: *scope, fcr, judged: sum.judgement(handled) }
            })
        });
        all.collect()
    }

    pub(super) fn report_of_blend(&self, handled: u64) -> FcrBlend {
        FcrBlend {
            window: FCR_WINDOWS[window(Some(WINDOW_DEFAULT))].0,
            by_disposition: self.by_disposition,
            judged: self.blend.judgement(handled),
        }
    }
}

/// What became of contained calls whose caller is known, once a day has passed since they
/// arrived: until then it is open whether the caller comes again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Contained {
    told: u64,
    stayed_away: u64,
}

impl Contained {
    pub(super) fn add(&mut self, call: Judged, now: Timestamp) {
        let (_, window) = FCR_WINDOWS[0];
        let Some((_, after)) = call.seen.scopes[0].windows() else { return };
        if call.arrived_at + window <= now {
            self.told += 1;
            self.stayed_away += u64::from(after > 0);
        }
    }

    pub(super) fn stayed_away(&self) -> Ratio {
        Ratio::share(self.stayed_away, self.told)
    }
}

/// What a handled call is to one figure.
#[derive(Clone, Copy, Debug)]
enum Verdict {
    Repeat,
    /// `open_until`: when it will be final that nobody calls again, where it is not.
    Issue {
        is_resolved: bool,
        open_until: Option<Timestamp>,
    },
    CutOff,
    Withheld,
    NoScope,
}

impl Verdict {
    fn issue(is_resolved: bool, final_at: Timestamp, now: Timestamp) -> Self {
        let open_until = (is_resolved && final_at > now).then_some(final_at);
        Self::Issue { is_resolved, open_until }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    issues: u64,
    resolved: u64,
    repeats: u64,
    after_attempts: u64,
    left_out: LeftOut,
    provisional: u64,
    until: Option<Timestamp>,
}

impl Sum {
    fn add(&mut self, verdict: Verdict, had_attempt: bool) {
        match verdict {
            Verdict::Repeat => self.repeats += 1,
            Verdict::CutOff => self.left_out.cut_off += 1,
            Verdict::Withheld => self.left_out.withheld += 1,
            Verdict::NoScope => self.left_out.no_scope += 1,
            Verdict::Issue { is_resolved, open_until } => {
                self.issues += 1;
                self.resolved += u64::from(is_resolved);
                self.after_attempts += u64::from(had_attempt);
                self.provisional += u64::from(open_until.is_some());
                self.until = self.until.max(open_until);
            }
        }
    }

    fn fcr(&self) -> Ratio {
        Ratio::share(self.resolved, self.issues)
    }

    fn judgement(&self, handled: u64) -> Judgement {
        let judged = handled - self.left_out.total();
        Judgement {
            repeats: self.repeats,
            after_attempts: self.after_attempts,
            left_out: self.left_out,
            coverage_percent: (handled > 0).then(|| judged as f64 * 100.0 / handled as f64),
            provisional_n: self.provisional,
            provisional_until: self.until,
        }
    }
}
