//! The figures of a period, out of every kind of database: as rollups and records have them, as the
//! rows one by one, and as the oracle finds them in facts.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

use super::common::*;
use crate::center::names::Names;
use crate::metrics::oracle::{Oracle, disagreements};
use crate::metrics::{CallRow, Fact, Gathering, Judging, Metrics, Report, Target, Times};
use crate::store::database::RolledUp;
use crate::store::rollup::{Interning, Span};
use crate::words::{EndedBy, LegOutcome, Overflow, QueueExit, SentTo};

const QUARTER: u64 = Span::Quarter.ms();
const DAY: u64 = Span::Day.ms();
/// Midnight, and the periods of the tests are around it.
const START: u64 = 20_000 * DAY;

const OUTCOMES: usize = CallOutcome::OF_CUSTOMERS.len();

/// A call at random: who, about what, how it went.
#[derive(Clone, Debug)]
struct Drawn {
    who: u8,
    intent: u8,
    arrived_ms: u64,
    length_ms: u64,
    outcome: usize,
    by_agent: bool,
    is_cut_off: bool,
    /// Queue, wait, how it was left.
    visits: Vec<(u8, u64, usize)>,
    /// Agent and queue; talk, hold, answered.
    legs: Vec<(u8, u8, u64, u64, bool)>,
    /// Leg, after-call work, resolved, another intent.
    wrap_ups: Vec<(Index, u64, Option<bool>, Option<u8>)>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let visit = (0u8..3, 0u64..60_000, 0usize..6);
    let leg = (0u8..3, 0u8..4, 0u64..300_000, 0u64..60_000, any::<bool>());
    let wrap_up = (any::<Index>(), 0u64..90_000, any::<Option<bool>>(), any::<Option<bool>>());
    let wrap_up =
        wrap_up.prop_map(|(leg, acw, resolved, other)| (leg, acw, resolved, other.map(u8::from)));
    // Some hours around midnights, so that quarters and days have several calls and edges some.
    let arrived_ms = prop_oneof![0..6 * QUARTER, DAY - 2 * QUARTER..DAY + QUARTER, 0..33 * DAY];
    let how = (0u8..7, 0u8..3, arrived_ms, 1u64..3 * QUARTER, 0..OUTCOMES, 0u8..8);
    let visits = proptest::collection::vec(visit, 0..3);
    let legs = proptest::collection::vec(leg, 0..3);
    let wrap_ups = proptest::collection::vec(wrap_up, 0..3);
    (how, visits, legs, wrap_ups).prop_map(
        |((who, intent, arrived_ms, length_ms, outcome, by), visits, legs, wrap_ups)| Drawn {
            who,
            intent,
            arrived_ms,
            length_ms,
            outcome,
            by_agent: by == 0,
            is_cut_off: by == 1,
            visits,
            // Whom we refuse nobody talks to.
            legs: if CallOutcome::ALL[outcome] == CallOutcome::Refused { Vec::new() } else { legs },
            wrap_ups,
        },
    )
}

fn sent_to(talk_ms: u64) -> Option<SentTo> {
    let to = ["step", "agent", "number"].map(str::to_owned);
    let [step, agent, number] = to;
    match talk_ms % 8 {
        0 => Some(SentTo::Step(step)),
        1 => Some(SentTo::Agent(agent)),
        2 => Some(SentTo::Number(number)),
        _ => None,
    }
}

fn intent(n: u8) -> Option<String> {
    (n > 0).then(|| format!("intent {n}"))
}

impl Drawn {
    fn record(&self, call: u64) -> CallRecord {
        let arrived_at = Timestamp(START + self.arrived_ms);
        let ended_at = Timestamp(arrived_at.0 + self.length_ms);
        let mut record = *record(call, ended_at.0);
        record.arrived_at = arrived_at;
        record.from = (self.who > 0).then(|| format!("+1415555010{}", self.who));
        // One caller has an account, and two numbers; another sends zeros.
        record.account = (self.who > 4).then(|| "smith".to_owned());
        if self.who == 4 {
            record.from = Some("000000".to_owned());
        }
        if self.is_cut_off {
            record.ended_by = EndedBy::ServerLost;
        }
        record.intent = intent(self.intent);
        record.outcome = CallOutcome::ALL[self.outcome];
        if self.by_agent {
            record.via = NamedVia::Agent("agent 1".to_owned());
        }
        let exits = [
            QueueExit::Answered,
            QueueExit::Abandoned,
            QueueExit::ExitKey,
            QueueExit::TakenOver,
            QueueExit::Ended,
            QueueExit::Overflowed(Overflow::Timeout),
        ];
        let visit = |(queue, wait_ms, left): &(u8, u64, usize)| QueueVisit {
            queue: format!("queue {queue}"),
            consulted: wait_ms % 7 == 0,
            entered_at: arrived_at,
            left_at: Timestamp(arrived_at.0 + wait_ms),
            left: exits[*left],
            ..record.queued[0].clone()
        };
        record.queued = self.visits.iter().map(visit).collect();
        let like = record.legs[0].clone();
        let leg = |(n, leg): (u16, &(u8, u8, u64, u64, bool))| {
            let (agent, queue, talk_ms, hold_ms, answered) = *leg;
            let answered_at = answered.then_some(arrived_at);
            crate::words::PartyLeg {
                leg: LegId { call: CallId(call), n },
                party: Party::Agent { id: AgentId(9), name: format!("agent {agent}") },
                queue: (queue > 0).then(|| format!("queue {queue}")),
                answered_at,
                outcome: if answered { LegOutcome::Accepted } else { LegOutcome::NoAnswer },
                talk_ms,
                hold_ms,
                sent_to: sent_to(talk_ms),
                wrap_up: None,
                ..like.clone()
            }
        };
        record.legs = (1..).zip(&self.legs).map(leg).collect();
        record
    }

    fn changes(&self, call: u64) -> Vec<Change> {
        let legs = self.legs.len();
        let wrap_ups = self.wrap_ups.iter().filter(|_| legs > 0);
        let wrap_ups = wrap_ups.map(|(leg, acw_ms, resolved, other)| {
            let leg = LegId { call: CallId(call), n: u16::try_from(leg.index(legs)).unwrap() + 1 };
            let (acw_ms, resolved) = (*acw_ms, *resolved);
            let (intent, note) = (other.and_then(intent), None);
            let wrap_up = WrapUp { leg, acw_ms, resolved, intent, note };
            Change::Keep(Kept::WrapUp { call: CallId(call), wrap_up })
        });
        std::iter::once(close(self.record(call))).chain(wrap_ups).collect()
    }
}

/// The facts of a row that is at its end.
fn facts(row: &CallRow) -> Vec<(Timestamp, Fact)> {
    let (call, at) = (row.call, row.ended_at);
    let mut facts = vec![(row.arrived_at, Fact::Arrived { call, by_agent: row.by_agent })];
    for visit in &row.visits {
        let (queue, wait_ms, left) = (visit.queue, visit.wait_ms, visit.left);
        facts.push((at, Fact::LeftQueue { call, queue, wait_ms, left }));
    }
    for offer in &row.offers {
        let (queue, agent, outcome) = (offer.queue, offer.agent, offer.outcome);
        facts.push((at, Fact::OfferEnded { call, queue, agent, outcome }));
    }
    for leg in &row.legs {
        let (agent, queue, talk_ms, hold_ms) = (leg.agent, leg.queue, leg.talk_ms, leg.hold_ms);
        let (n, resolved, sent) = (leg.n, leg.resolved, leg.sent);
        let leg_id = LegId { call, n };
        facts.push((at, Fact::LegEnded { leg: leg_id, agent, queue, talk_ms, hold_ms, sent }));
        if let Some(acw_ms) = leg.acw_ms {
            let intent = None;
            facts.push((at, Fact::WrapUpEnded { leg: leg_id, agent, acw_ms, resolved, intent }));
        }
    }
    let (caller, intent) = (row.caller.clone(), row.intent.clone());
    let (outcome, outside, is_cut_off) = (row.outcome, row.outside, row.is_cut_off);
    let self_service = row.self_service;
    facts.push((
        at,
        Fact::CallEnded { call, caller, intent, outcome, outside, is_cut_off, self_service },
    ));
    facts
}

fn targets() -> Vec<Target> {
    let of = |s| Target { answer_within: std::time::Duration::from_secs(s), ..Target::default() };
    vec![of(10), of(30)]
}

fn gathered(reader: &dyn RecordReader, names: &mut Names, now: u64, period: [u64; 2]) -> Report {
    let [from, to] = period.map(Timestamp);
    let mut gathered = Gathering::new(Timestamp(now));
    reader.gather(from..to, names, &mut gathered).unwrap();
    let target = |queue| Judging::default().target(&targets(), queue);
    Report::of_records(gathered, (from, to), target, &Times::default())
}

/// In periods that begin and end at, just before and just after quarters and days, and anywhere.
fn agree(reader: &dyn RecordReader, moments: &[u64]) -> Result<(), TestCaseError> {
    let (mut names, mut rows) = (Names::default(), Vec::new());
    let row = &mut |record: CallRecord| {
        rows.extend(CallRow::of(&record, &mut Interning(&mut names)));
    };
    reader.each_ended(ALL_TIME, row).unwrap();
    let mut facts: Vec<_> = rows.iter().flat_map(facts).collect();
    facts.sort_by_key(|(at, _)| *at);
    let metrics = Metrics::restore(targets(), rows);
    for pair in moments.windows(3) {
        let now = pair[2];
        let (from, to) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
        let mut report = gathered(reader, &mut names, now, [from, to]);
        let (now, from, to) = (Timestamp(now), Timestamp(from), Timestamp(to));
        let oracle = Oracle { facts: &facts, targets: &targets(), now, from, to };
        prop_assert_eq!(disagreements(&report, oracle), Vec::<String>::new());
        let row_by_row = metrics.report(now, from, to);
        report.kept = row_by_row.kept.clone(); // the store keeps no row in memory
        prop_assert_eq!(report, row_by_row);
    }
    Ok(())
}

fn moments() -> impl Strategy<Value = Vec<u64>> {
    let at_an_edge = (0u64..3 * DAY / QUARTER, 0u64..3).prop_map(|(n, by)| n * QUARTER + by);
    let moment = prop_oneof![at_an_edge, 0..34 * DAY, Just(DAY), Just(33 * DAY)];
    proptest::collection::vec(moment.prop_map(|ms| START - 1 + ms), 6..12)
}

/// Over databases that `fresh` makes, each in a folder of its own; `as_before` turns one into that
/// of an earlier attendant.
pub(in crate::store) fn hold<D: Database, F>(fresh: impl Fn() -> (F, D), as_before: impl Fn(&D)) {
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() };
    let calls = proptest::collection::vec(drawn(), 1..30);
    let order = proptest::collection::vec(any::<Index>(), 0..40);
    let strategy = (calls, order, 1usize..9, moments(), any::<bool>());
    let shown = TestRunner::new(config).run(&strategy, |(calls, order, batch, moments, aged)| {
        let (_folder, database) = fresh();
        // No record of an earlier attendant has an account.
        let who = |who| if aged { who % 5 } else { who };
        let calls = calls.into_iter().map(|call| Drawn { who: who(call.who), ..call });
        let calls: Vec<Drawn> = calls.collect();
        let numbered = (1..).zip(&calls);
        let mut changes: Vec<Change> = numbered.flat_map(|(n, call)| call.changes(n)).collect();
        // Calls end in another order than they came in; after-call work follows its own call.
        for swap in &order {
            let at = swap.index(changes.len());
            let next = (at + 1) % changes.len();
            if call_of(&changes[at]) != call_of(&changes[next]) && next > at {
                changes.swap(at, next);
            }
        }
        let half = changes.len() / 2;
        let mut writer = writer(&database);
        for some in changes[..half].chunks(batch) {
            writer.apply(some).unwrap();
        }
        if aged {
            drop(writer);
            as_before(&database);
            agree(&*database.reader().unwrap(), &moments)?;
            writer = self::writer(&database);
        }
        agree(&*database.reader().unwrap(), &moments)?;
        for some in changes[half..].chunks(batch) {
            writer.apply(some).unwrap();
            writer.roll_up().unwrap();
        }
        agree(&*database.reader().unwrap(), &moments)?;
        while writer.roll_up().unwrap() != RolledUp::All {}
        agree(&*database.reader().unwrap(), &moments)
    });
    shown.unwrap();
}

const fn call_of(change: &Change) -> Option<CallId> {
    match change {
        Change::Close(record) => Some(record.call),
        Change::Keep(Kept::WrapUp { call, .. }) => Some(*call),
        _ => None,
    }
}

/// What was wrong: only the last 35 days were read.
pub(super) fn a_day_long_ago_has_its_calls(database: &dyn Database) {
    let mut writer = writer(database);
    let ago = |days: u64| START - days * DAY;
    let calls = [(1, ago(250) + 5_000), (2, ago(250) + DAY - 1), (3, ago(249)), (4, START)];
    writer.apply(&calls.map(|(call, ended_at)| close(*record(call, ended_at)))).unwrap();
    let reader = database.reader().unwrap();
    let of = |from, to| gathered(&*reader, &mut Names::default(), START + DAY, [from, to]);
    let day = of(ago(250), ago(249));
    assert_eq!((day.calls, day.figures["aht_leg_s"].n), (2, 0), "after-call work goes on");
    assert_eq!(day.handling.provisional_legs, 2);
    assert_eq!(of(ago(250) + 5_001, ago(249) + 1).calls, 2);
    assert_eq!(of(0, u64::MAX).calls, 4);
    // The repeats of that day: the second call follows the first, the third the second.
    let repeats = &day.handling.fcr_repeat[0];
    assert_eq!((repeats.fcr.n, repeats.fcr.value, repeats.judged.repeats), (1, Some(0.0), 1));
    // And of the last: nothing came before within a month.
    let month = &of(START, START + 1).handling.fcr_repeat[3];
    assert_eq!((month.window, month.fcr.n, month.judged.repeats), ("30d", 1, 0));
}
