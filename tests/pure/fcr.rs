//! First contact resolution against a truth: callers of whom it is known whether the first agent
//! solved what they called for, and calls as a server would have recorded them.
//!
//! The callers withhold numbers, share them, call from a second one; they give up, try again after
//! an abandoned call, are cut off by us, and call about other things. The estimate is `fcr_repeat`
//! of 7 days and the same intent.

use std::collections::BTreeMap;
use std::time::Duration;

use attendant::id::{AgentId, CallId, LegId, QueueId};
use attendant::metrics::{CallRow, FcrRepeat, Metrics, Naming, Scope};
use attendant::time::Timestamp;
use attendant::words::{
    CallOutcome, CallRecord, Cause, EndedBy, LegOutcome, NamedVia, Party, PartyLeg, QueueExit,
    QueueVisit, WrapUp,
};

const DAY_MS: u64 = 24 * 3_600_000;
const START: u64 = 20_000 * DAY_MS;
/// Issues that begin in these days are judged.
const DAYS: u64 = 30;
const PEOPLE: u64 = 12_000;
const SEEDS: u64 = 20;
/// What the estimate may be off, in points of a hundred.
const POINTS: f64 = 1.0;

/// What is true of all callers, as shares.
const SOLVED: f64 = 0.78;
const CALLS_AGAIN: f64 = 0.97;
const WITHHELD: f64 = 0.05;
const SHARED: f64 = 0.04;
const SECOND_NUMBER: f64 = 0.03;
const ABANDONED: f64 = 0.05;
const CUT_OFF: f64 = 0.01;
const WRONG_INTENT: f64 = 0.01;
const INTENTS: u64 = 8;
/// Between two issues of one person, and between an unsolved call and the next, in days.
const BETWEEN_ISSUES_D: f64 = 75.0;
const COMES_BACK_D: f64 = 1.2;

/// xorshift64*: the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// Exponential, in milliseconds.
    fn after_ms(&mut self, mean_d: f64) -> u64 {
        (-(1.0 - self.unit()).ln() * mean_d * DAY_MS as f64) as u64
    }
}

/// How a person appears to the server.
struct Person {
    number: Option<String>,
    second: Option<String>,
    account: Option<String>,
}

impl Person {
    fn of(n: u64, random: &mut Random) -> Self {
        let number = |n: u64| format!("+1415{n:07}");
        if random.chance(WITHHELD) {
            // Networks write it in more than one way.
            let zeros = random.chance(0.5).then(|| "000000".to_owned());
            return Self { number: zeros, second: None, account: None };
        }
        let own = if random.chance(SHARED) { number(n ^ 1) } else { number(n) };
        let has_second = random.chance(SECOND_NUMBER);
        let is_known = has_second && random.chance(0.5);
        Self {
            number: Some(own),
            second: has_second.then(|| number(n + PEOPLE)),
            account: is_known.then(|| format!("account {n}")),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum How {
    Handled,
    CutOff,
    Abandoned,
}

#[derive(Default)]
struct Month {
    records: Vec<CallRecord>,
    issues: u64,
    solved_at_first: u64,
}

impl Month {
    fn of(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut month = Self::default();
        for n in 0..PEOPLE {
            let person = Person::of(n, &mut random);
            let mut at = random.after_ms(BETWEEN_ISSUES_D);
            while at < DAYS * DAY_MS {
                month.issue(&person, at, &mut random);
                at += random.after_ms(BETWEEN_ISSUES_D);
            }
        }
        month
    }

    /// From the first call about something to the last.
    fn issue(&mut self, person: &Person, mut at: u64, random: &mut Random) {
        let intent = random.next() % INTENTS;
        self.issues += 1;
        if random.chance(ABANDONED) {
            self.call(person, at, intent, How::Abandoned, random);
            at += 10 * 60_000;
        }
        if random.chance(CUT_OFF) {
            self.call(person, at, intent, How::CutOff, random);
            at += 2 * 60_000;
        }
        let mut is_first = true;
        for _ in 0..4 {
            self.call(person, at, intent, How::Handled, random);
            let is_solved = random.chance(SOLVED);
            self.solved_at_first += u64::from(is_solved && is_first);
            if is_solved || !random.chance(CALLS_AGAIN) {
                return;
            }
            is_first = false;
            at += 60_000 + random.after_ms(COMES_BACK_D);
        }
    }

    fn call(&mut self, person: &Person, at: u64, intent: u64, how: How, random: &mut Random) {
        let call = CallId(self.records.len() as u64 + 1);
        let use_second = person.second.is_some() && random.chance(0.3);
        let from = if use_second { person.second.clone() } else { person.number.clone() };
        let intent = if random.chance(WRONG_INTENT) { (intent + 1) % INTENTS } else { intent };
        self.records.push(CallRecord {
            from,
            account: person.account.clone(),
            intent: Some(format!("intent {intent}")),
            ..record(call, Timestamp(START + at), how)
        });
    }
}

fn record(call: CallId, arrived_at: Timestamp, how: How) -> CallRecord {
    let (answered_at, ended_at) =
        (arrived_at + Duration::from_secs(10), arrived_at + Duration::from_secs(60));
    let leg = LegId { call, n: 1 };
    let is_handled = how != How::Abandoned;
    let left = if is_handled { QueueExit::Answered } else { QueueExit::Abandoned };
    let leg = PartyLeg {
        leg,
        party: Party::Agent { id: AgentId(0), name: "ann".to_owned() },
        queue: Some("help".to_owned()),
        dialed_at: arrived_at,
        answered_at: Some(answered_at),
        ended_at: Some(ended_at),
        outcome: LegOutcome::Accepted,
        cause: None,
        talk_ms: 50_000,
        hold_ms: 0,
        wrap_up: Some(WrapUp { leg, acw_ms: 0, resolved: None, intent: None, note: None }),
        sent_to: None,
        consulted: false,
        handed_over: None,
        role: None,
        by: None,
        modes: Vec::new(),
    };
    let visit = QueueVisit {
        queue: "help".to_owned(),
        entered_at: arrived_at,
        left_at: answered_at,
        left,
        priority: 5,
        in_line_since: None,
        consulted: false,
    };
    CallRecord {
        call,
        from: None,
        from_name: None,
        account: None,
        segment: None,
        to: "100".to_owned(),
        via: NamedVia::Trunk("acme".to_owned()),
        flow: None,
        language: None,
        intent: None,
        arrived_at,
        answered_at: Some(arrived_at),
        caller_left_at: None,
        ended_at,
        outcome: if is_handled { CallOutcome::Handled } else { CallOutcome::Abandoned },
        ended_by: if how == How::CutOff { EndedBy::Network } else { EndedBy::Caller },
        cause: Cause::NORMAL_CLEARING,
        path: Vec::new(),
        queued: vec![visit],
        legs: if is_handled { vec![leg] } else { Vec::new() },
        vars: BTreeMap::new(),
        recordings: Vec::new(),
        outbound: None,
    }
}

/// There is one queue and one agent.
struct One;

impl Naming for One {
    fn queue(&mut self, _: &str) -> Option<QueueId> {
        Some(QueueId(0))
    }

    fn agent(&mut self, _: &str) -> Option<AgentId> {
        Some(AgentId(0))
    }
}

fn estimate(month: &Month) -> FcrRepeat {
    let rows = month.records.iter().filter_map(|record| CallRow::of(record, &mut One));
    let metrics = Metrics::restore(Vec::new(), rows);
    let at = |day: u64| Timestamp(START + day * DAY_MS);
    let report = metrics.report(at(90), at(0), at(DAYS));
    let wanted = |it: &FcrRepeat| it.window == "7d" && it.scope == Scope::SameIntent;
    report.handling.fcr_repeat.into_iter().find(wanted).expect("it is always there")
}

#[test]
fn the_estimate_is_within_a_point_of_the_truth() {
    let mut off = Vec::new();
    for seed in 1..=SEEDS {
        let month = Month::of(seed);
        let truth = month.solved_at_first as f64 / month.issues as f64;
        let fcr = estimate(&month);
        let said = fcr.fcr.value.expect("there are issues");
        let points = (said - truth) * 100.0;
        // Of a sample of this size: what chance alone may do to the share itself.
        let interval = 196.0 * (said * (1.0 - said) / fcr.fcr.n as f64).sqrt();
        assert!(
            points.abs() <= POINTS,
            "seed {seed}: {points:.2} points, ±{interval:.2} by chance"
        );
        assert!((0.9..4.0).contains(&interval), "{interval}");
        let left_out = fcr.judged.left_out;
        assert!(left_out.withheld > 0 && left_out.cut_off > 0 && fcr.judged.after_attempts > 0);
        assert!(fcr.judged.coverage_percent.is_some_and(|it| (90.0..97.0).contains(&it)));
        assert_eq!(fcr.judged.provisional_n, 0);
        off.push(points);
    }
    let mean = off.iter().sum::<f64>() / off.len() as f64;
    assert!(mean.abs() <= 0.8, "{mean:.2} points on the mean of {SEEDS} months: {off:.2?}");
}
