//! The figures, tested: days small enough to reckon by hand, and random days against the oracle.

pub(crate) mod cases;

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use crate::id::{AgentId, CallId, LegId, QueueId};
use crate::metrics::calls::CALLS_KEPT_MAX;
use crate::metrics::oracle::{Oracle, disagreements};
use crate::metrics::*;
use crate::time::Timestamp;
use crate::words::{Activity, CallOutcome, OfferOutcome, Overflow, QueueExit};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
const START: u64 = 100 * DAY;

/// A day written down: facts in order, and the fold of them.
struct Book {
    facts: Vec<(Timestamp, Fact)>,
    targets: Vec<Target>,
}

impl Book {
    fn new() -> Self {
        Self { facts: Vec::new(), targets: vec![Target::default(); 2] }
    }

    fn at(&mut self, ms: u64, fact: Fact) {
        self.facts.push((Timestamp(START + ms), fact));
    }

    /// A whole call: waits, is answered by agent 1 from queue 0, talked to, wrapped up.
    fn handled(&mut self, call: u64, at: u64, who: &str, intent: &str, ms: [u64; 4]) {
        let [wait_ms, talk_ms, hold_ms, acw_ms] = ms;
        let leg = LegId { call: CallId(call), n: 1 };
        let (agent, queue) = (AgentId(1), QueueId(0));
        self.at(at, Fact::Arrived { call: CallId(call), by_agent: None });
        let answered = at + wait_ms;
        let outcome = OfferOutcome::Accepted;
        self.at(answered, Fact::OfferEnded { call: CallId(call), queue, agent, outcome });
        self.left(call, answered, wait_ms, QueueExit::Answered);
        let ended = answered + talk_ms + hold_ms;
        self.at(
            ended,
            Fact::LegEnded { leg, agent, queue: Some(queue), talk_ms, hold_ms, sent: None },
        );
        self.ended(call, ended, who, intent, CallOutcome::Handled);
        self.wrapped(call, ended + acw_ms, acw_ms, None);
    }

    fn left(&mut self, call: u64, at: u64, wait_ms: u64, left: QueueExit) {
        let queue = QueueId(0);
        self.at(at, Fact::LeftQueue { call: CallId(call), queue, wait_ms, left });
    }

    fn wrapped(&mut self, call: u64, at: u64, acw_ms: u64, resolved: Option<bool>) {
        let leg = LegId { call: CallId(call), n: 1 };
        let agent = AgentId(1);
        self.at(at, Fact::WrapUpEnded { leg, agent, acw_ms, resolved, intent: None });
    }

    fn ended(&mut self, call: u64, at: u64, who: &str, intent: &str, outcome: CallOutcome) {
        let some = |text: &str| (!text.is_empty()).then(|| Arc::from(text));
        let (caller, intent) = (some(who), some(intent));
        let call = CallId(call);
        let (outside, is_cut_off, self_service) = (false, false, None);
        self.at(
            at,
            Fact::CallEnded { call, caller, intent, outcome, outside, is_cut_off, self_service },
        );
    }

    /// The report of everything up to `now`, agreed to by the oracle.
    fn report(&mut self, now: u64) -> Report {
        self.facts.sort_by_key(|(at, _)| *at);
        let mut metrics = Metrics::new(self.targets.clone());
        for (at, fact) in &self.facts {
            metrics.fold(*at, fact.clone());
        }
        let (from, to) = (Timestamp(START), Timestamp(START + 40 * DAY));
        let now = Timestamp(START + now);
        let report = metrics.report(now, from, to);
        let oracle = Oracle { facts: &self.facts, targets: &self.targets, now, from, to };
        assert_eq!(disagreements(&report, oracle), Vec::<String>::new());
        report
    }
}

fn close(figure: &Measured, value: f64, n: u64) {
    let said = figure.value.unwrap_or(f64::NAN);
    assert!((said - value).abs() < 1e-9, "{said} instead of {value}: {}", figure.definition);
    assert_eq!(figure.n, n, "{}", figure.definition);
}

#[test]
fn aht_by_call_and_by_leg() {
    let mut book = Book::new();
    book.handled(1, 0, "+14155550101", "", [1000, 60_000, 10_000, 20_000]);
    book.handled(2, 9000, "+14155550102", "", [3000, 30_000, 0, 0]);
    // The second call came to another agent as well: one call, two legs.
    let leg = LegId { call: CallId(2), n: 2 };
    let agent = AgentId(2);
    let queue = Some(QueueId(0));
    let (talk_ms, hold_ms, sent) = (40_000, 5000, None);
    book.at(30_000, Fact::LegEnded { leg, agent, queue, talk_ms, hold_ms, sent });
    let (acw_ms, resolved, intent) = (5000, Some(true), None);
    book.at(45_000, Fact::WrapUpEnded { leg, agent, acw_ms, resolved, intent });
    let report = book.report(DAY);
    close(&report.figures["aht_call_s"], (90.0 + 80.0) / 2.0, 2);
    close(&report.figures["aht_leg_s"], (90.0 + 30.0 + 50.0) / 3.0, 3);
    close(&report.figures["handle_call_p50_s"], 80.0, 2);
    close(&report.figures["handle_call_p90_s"], 90.0, 2);
    close(&report.figures["hold_leg_s"], 5.0, 3);
    close(&report.figures["transfer_rate_agent"], 0.5, 2);
    close(&report.figures["asa_s"], 2.0, 2);
    close(&report.figures["fcr_agent"], 1.0, 1);
    assert_eq!(report.handling.fcr_agent_coverage_percent, Some(50.0));
    // By agent: each has the legs that are theirs.
    close(&report.agents[0].figures["aht_call_s"], 60.0, 2);
    close(&report.agents[1].figures["aht_leg_s"], 50.0, 1);
}

#[test]
fn an_open_wrap_up_is_provisional_until_it_ends() {
    let mut book = Book::new();
    book.handled(1, 0, "+14155550101", "", [0, 60_000, 0, 10_000]);
    book.handled(2, 0, "+14155550102", "", [0, 30_000, 0, 20_000]);
    let wrap_up = book.facts.pop().unwrap();
    let report = book.report(DAY);
    close(&report.figures["aht_call_s"], 70.0, 1);
    assert_eq!((report.handling.handled_calls, report.handling.provisional_calls), (2, 1));
    assert_eq!(report.handling.provisional_legs, 1);
    book.facts.push(wrap_up);
    let report = book.report(DAY);
    close(&report.figures["aht_call_s"], 60.0, 2);
    assert_eq!(report.handling.provisional_calls, 0);
}

#[test]
fn service_level_has_many_definitions() {
    // The published example: 1000 answered, 860 of them within X; 60 abandoned, 20 of them within
    // X. 12 of those are short, which the example leaves open.
    let mut book = Book::new();
    let visits = (0..1060).map(|n| match n {
        0..860 => (10_000, QueueExit::Answered),
        860..1000 => (30_000, QueueExit::Answered),
        1000..1012 => (4_000, QueueExit::Abandoned),
        1012..1020 => (10_000, QueueExit::Abandoned),
        _ => (30_000, QueueExit::Abandoned),
    });
    for (call, (wait_ms, left)) in (1..).zip(visits) {
        book.at(0, Fact::Arrived { call: CallId(call), by_agent: None });
        book.left(call, wait_ms, wait_ms, left);
        book.ended(call, wait_ms, "", "", CallOutcome::Abandoned);
    }
    let report = book.report(DAY);
    let met = 860.0;
    for (name, arithmetic, n) in [
        ("sl_1_all_within", (met + 20.0) / (1000.0 + 60.0), 1060), // 83.0 %
        ("sl_2_answered", met / 1000.0, 1000),                     // 86.0 %
        ("sl_3_all_abandons", met / (1000.0 + 60.0), 1060),        // 81.1 %
        ("sl_4_late_abandons", met / (1000.0 + 40.0), 1040),       // 82.7 %
        ("sl_5_short_abandons", (met + 12.0) / (1000.0 + 60.0), 1060), // 82.3 %
        ("service_level", met / (1000.0 + 40.0), 1040),
        // Left the queue within X, but not because we ended the call.
        ("sl_connect", (met + 20.0) / 1060.0, 1060),
        // Short ones nowhere; of the 20 within X, 8 are not short.
        ("sl_cisco_ignore", met / (1060.0 - 12.0 - 8.0), 1040),
        ("sl_cisco_negative", met / (1060.0 - 12.0), 1048),
        ("sl_cisco_positive", (met + 8.0) / (1060.0 - 12.0), 1048),
        ("sl_genesys", met / (1000.0 + 60.0), 1060),
        ("sl_genesys_without_short", met / (1060.0 - 12.0), 1048),
        ("sl_genesys_with_flow_outs", met / 1060.0, 1060),
        ("abandonment_rate", 60.0 / 1060.0, 1060),
        ("abandonment_rate_without_short", 48.0 / 1048.0, 1048),
    ] {
        close(&report.figures[name], arithmetic, n);
    }
    let percent = |name: &str| (report.figures[name].value.unwrap() * 1000.0).round() / 10.0;
    let published = [83.0, 86.0, 81.1, 82.7];
    let variants = ["sl_1_all_within", "sl_2_answered", "sl_3_all_abandons", "sl_4_late_abandons"]
        .map(percent);
    assert_eq!(variants, published);
    // Of the answered 860 waited 10 s and 140 waited 30 s.
    close(&report.figures["asa_s"], (860.0 * 10.0 + 140.0 * 30.0) / 1000.0, 1000);
    close(&report.figures["asa_offered_s"], 12_800.0 / 1060.0, 1060);
    close(&report.figures["asa_delayed_s"], 12_800.0 / 1000.0, 1000);
    close(&report.figures["abandon_wait_s"], (12.0 * 4.0 + 8.0 * 10.0 + 40.0 * 30.0) / 60.0, 60);
}

#[test]
fn targets_are_the_queues_own_and_short_abandons_are_cut() {
    let mut book = Book::new();
    let target = |s, short| Target {
        answer_within: Duration::from_secs(s),
        short_abandon: Duration::from_secs(short),
    };
    book.targets = vec![target(20, 5), target(60, 90)];
    for (call, queue, wait_ms, left) in [
        (1, 0, 30_000, QueueExit::Answered),  // late in queue 0
        (2, 1, 30_000, QueueExit::Answered),  // in time in queue 1
        (3, 1, 80_000, QueueExit::Abandoned), // after X, and still short there
        (4, 0, 25_000, QueueExit::Abandoned), // late
        (5, 0, 1000, QueueExit::Overflowed(Overflow::Timeout)),
    ] {
        let (call, queue) = (CallId(call), QueueId(queue));
        book.at(0, Fact::Arrived { call, by_agent: None });
        book.at(wait_ms, Fact::LeftQueue { call, queue, wait_ms, left });
        book.ended(call.0, wait_ms, "", "", CallOutcome::Overflowed);
    }
    let report = book.report(DAY);
    close(&report.figures["service_level"], 1.0 / 3.0, 3);
    close(&report.queues[0].figures["service_level"], 0.0, 2);
    close(&report.queues[1].figures["service_level"], 1.0, 1);
    let queueing = &report.queueing;
    assert_eq!(
        queueing.offered,
        queueing.answered
            + queueing.abandoned
            + queueing.overflowed
            + queueing.exited
            + queueing.cut_off
    );
    close(&report.figures["abandonment_rate_without_short"], 0.25, 4);
}

#[test]
fn a_repeat_within_the_window_spoils_the_issue_and_is_none_itself() {
    let mut book = Book::new();
    let talk = [0, 1000, 0, 0];
    book.handled(1, 0, "+14155550101", "billing", talk);
    book.handled(2, 2 * DAY, "+14155550101", "billing", talk); // a repeat
    book.handled(3, 3 * DAY, "+14155550101", "tech", talk); // a repeat, for another reason
    book.handled(4, DAY, "+14155550102", "billing", talk); // once
    book.handled(5, DAY, "", "billing", talk); // withheld
    book.handled(6, DAY, "+14155550103", "", talk); // no intent
    let report = book.report(30 * DAY + DAY);
    let fcr = |window, scope| {
        let mut all = report.handling.fcr_repeat.iter();
        all.find(|fcr| fcr.window == window && fcr.scope == scope).unwrap()
    };
    // 7 days: issues 1, 4, 6; 2 and 3 repeat.
    close(&report.figures["fcr_repeat_any_reason"], 2.0 / 3.0, 3);
    let week = fcr("7d", Scope::AnyReason);
    assert_eq!((week.judged.repeats, week.judged.left_out.withheld), (2, 1));
    assert_eq!(week.judged.coverage_percent, Some(500.0 / 6.0));
    assert_eq!((week.judged.provisional_n, week.judged.provisional_until), (0, None));
    // Same intent: issues 1 (spoiled by 2), 3, 4.
    close(&report.figures["fcr_repeat_same_intent"], 2.0 / 3.0, 3);
    let left_out = fcr("7d", Scope::SameIntent).judged.left_out;
    assert_eq!((left_out.withheld, left_out.no_scope), (1, 1));
    // 24 hours: 3 arrives exactly a day after 2 and still counts.
    close(&fcr("24h", Scope::AnyReason).fcr, 3.0 / 4.0, 4);
    assert_eq!(fcr("24h", Scope::AnyReason).judged.repeats, 1);
    // 30 days: 4 and 6 are older than 30 days minus nothing: still open.
    let month = fcr("30d", Scope::AnyReason);
    assert_eq!(month.judged.provisional_n, 0);
    assert_eq!(report.withheld, 1);
}

#[test]
fn the_last_days_are_provisional() {
    let mut book = Book::new();
    book.handled(1, 0, "+14155550101", "billing", [0, 1000, 0, 0]);
    book.handled(2, 5 * DAY, "+14155550102", "billing", [0, 1000, 0, 0]);
    let report = book.report(8 * DAY);
    let week = &report.handling.fcr_repeat[2];
    assert_eq!((week.window, week.judged.provisional_n), ("7d", 1));
    assert_eq!(week.judged.provisional_until, Some(Timestamp(START + 12 * DAY)));
    assert_eq!(report.handling.fcr_repeat[0].judged.provisional_n, 0);
}

/// What was wrong: a contained call of a moment ago counted as one whose caller stayed away.
#[test]
fn a_contained_call_is_judged_when_its_day_is_over() {
    let mut book = Book::new();
    let calls = [(0, "+14155550101"), (HOUR, "+14155550102"), (2 * HOUR, "+14155550101")];
    for (call, (at, who)) in (1..).zip(calls) {
        book.at(at, Fact::Arrived { call: CallId(call), by_agent: None });
        book.ended(call, at + 1, who, "", CallOutcome::Contained);
    }
    let n = |report: &Report| report.figures["true_containment_rate"].n;
    assert_eq!(n(&book.report(DAY - 1)), 0);
    close(&book.report(DAY).figures["true_containment_rate"], 0.0, 1);
    close(&book.report(DAY + HOUR).figures["true_containment_rate"], 0.5, 2);
    close(&book.report(3 * DAY).figures["true_containment_rate"], 2.0 / 3.0, 3);
}

#[test]
fn our_own_abandon_is_a_contact_a_refused_call_is_not() {
    let mut book = Book::new();
    book.handled(1, 0, "+14155550101", "billing", [0, 1000, 0, 0]);
    book.at(DAY, Fact::Arrived { call: CallId(2), by_agent: None });
    book.ended(2, DAY + 1, "+14155550101", "billing", CallOutcome::Abandoned);
    book.handled(3, 0, "+14155550102", "billing", [0, 1000, 0, 0]);
    book.at(DAY, Fact::Arrived { call: CallId(4), by_agent: None });
    book.ended(4, DAY + 1, "+14155550102", "billing", CallOutcome::Refused);
    let report = book.report(20 * DAY);
    close(&report.figures["fcr_repeat_any_reason"], 0.5, 2);
    close(&report.figures["containment_rate"], 0.0, 3);
}

#[test]
fn an_agent_may_correct_the_intent() {
    let mut book = Book::new();
    book.handled(1, 0, "+14155550101", "billing", [0, 1000, 0, 0]);
    book.handled(2, DAY, "+14155550101", "tech", [0, 1000, 0, 0]);
    close(&book.report(20 * DAY).figures["fcr_repeat_same_intent"], 1.0, 2);
    let Some((_, Fact::WrapUpEnded { intent, .. })) = book.facts.last_mut() else {
        panic!("the last fact is a wrap-up");
    };
    *intent = Some(Arc::from("billing"));
    close(&book.report(20 * DAY).figures["fcr_repeat_same_intent"], 0.0, 1);
}

#[test]
fn occupancy_cuts_the_day_at_the_period() {
    let mut metrics = Metrics::new(Vec::new());
    let agent = AgentId(3);
    for (s, activity) in [
        (0, Activity::NotReady),
        (100, Activity::Ready),
        (200, Activity::Reserved),
        (210, Activity::Talking),
        (270, Activity::AfterCallWork),
        (300, Activity::Ready),
        (700, Activity::OnOwnCall),
        (800, Activity::Ready),
        (1000, Activity::LoggedOut),
    ] {
        metrics.fold(Timestamp(s * 1000), Fact::AgentChanged { agent, activity });
    }
    let report = metrics.report(Timestamp(9_000_000), Timestamp(150_000), Timestamp(400_000));
    close(&report.figures["occupancy"], 90.0 / 250.0, 250);
    let whole = metrics.report(Timestamp(9_000_000), Timestamp(0), Timestamp(9_000_000));
    assert_eq!((whole.time.not_ready_s, whole.time.logged_in_s), (Some(100.0), Some(1000.0)));
    assert_eq!((whole.time.own_call_s, whole.figures["occupancy"].n), (Some(100.0), 800));
    // What is not over yet counts up to now.
    metrics.fold(Timestamp(2_000_000), Fact::AgentChanged { agent, activity: Activity::Ready });
    let now = metrics.report(Timestamp(2_030_000), Timestamp(2_000_000), Timestamp(9_000_000));
    assert_eq!(now.time.ready_s, Some(30.0));
}

#[test]
fn fault_26_calls_of_agents_are_in_no_figure_but_their_own_count() {
    let mut book = Book::new();
    book.handled(1, 0, "ada", "billing", [9_000, 60_000, 0, 5_000]);
    book.handled(2, HOUR, "ada", "billing", [90_000, 600_000, 0, 5_000]);
    book.at(2 * HOUR, Fact::Arrived { call: CallId(3), by_agent: Some(AgentId(1)) });
    book.ended(3, 2 * HOUR, "ada", "billing", CallOutcome::Contained);
    for (_, fact) in &mut book.facts {
        if let Fact::Arrived { call: CallId(2), by_agent } = fact {
            *by_agent = Some(AgentId(1));
        }
    }
    let report = book.report(20 * DAY);
    assert_eq!((report.calls, report.agent_calls), (1, 2));
    close(&report.figures["aht_call_s"], 65.0, 1);
    close(&report.figures["service_level"], 1.0, 1);
    close(&report.figures["containment_rate"], 0.0, 1);
    close(&report.figures["fcr_repeat_any_reason"], 1.0, 1);
    let agents: Vec<_> = report.agents.iter().map(|one| (one.agent, one.own_calls)).collect();
    assert_eq!(agents, [(AgentId(1), 2)]);
}

#[test]
fn offers_and_misses() {
    let mut book = Book::new();
    book.at(0, Fact::Arrived { call: CallId(1), by_agent: None });
    for outcome in [
        OfferOutcome::NoAnswer,
        OfferOutcome::Rejected,
        OfferOutcome::Withdrawn,
        OfferOutcome::Accepted,
    ] {
        let (queue, agent) = (QueueId(0), AgentId(0));
        book.at(1, Fact::OfferEnded { call: CallId(1), queue, agent, outcome });
    }
    book.ended(1, 2, "", "", CallOutcome::Handled);
    let report = book.report(DAY);
    close(&report.figures["rona_rate"], 1.0 / 3.0, 3);
    close(&report.figures["rona_rate_with_withdrawn"], 0.25, 4);
    close(&report.figures["agent_answer_rate"], 1.0 / 3.0, 3);
    assert_eq!(report.agents[0].presenting.offers, 4);
}

#[test]
fn rows_taken_out_and_put_back_give_the_same_report() {
    let mut book = Book::new();
    book.handled(1, 0, "+14155550101", "billing", [1000, 1000, 0, 0]);
    book.handled(2, DAY, "+14155550101", "billing", [3000, 1000, 0, 500]);
    let mut metrics = Metrics::new(Vec::new());
    for (at, fact) in &book.facts {
        metrics.fold(*at, fact.clone());
    }
    let (from, to) = (Timestamp(0), Timestamp(START + 9 * DAY));
    let rows: Vec<_> = metrics.rows(from, to).cloned().collect();
    assert_eq!(rows.len(), 2);
    let restored = Metrics::restore(Vec::new(), rows.into_iter().rev());
    assert_eq!(restored.report(to, from, to), metrics.report(to, from, to));
}

#[test]
fn a_fact_told_twice_or_about_nobody_changes_no_figure() {
    let mut book = Book::new();
    book.handled(1, 0, "+14155550101", "billing", [1000, 1000, 0, 300]);
    let report = book.report(DAY);
    let again: Vec<_> = book.facts[3..].to_vec();
    let mut metrics = Metrics::new(book.targets.clone());
    for (at, fact) in book.facts.iter().chain(&again) {
        metrics.fold(*at, fact.clone());
    }
    book.wrapped(99, DAY, 5, None);
    let (at, about_nobody) = book.facts[6].clone();
    metrics.fold(at, about_nobody);
    let after = metrics.report(report.at, report.from, report.to);
    assert_eq!(after.handling, report.handling);
    assert_eq!((after.kept.calls, after.kept.late_facts), (1, 2));
}

#[test]
fn memory_is_bounded_and_says_what_went() {
    let mut metrics = Metrics::new(Vec::new());
    let end = |metrics: &mut Metrics, n: u64, at: u64| {
        let call = CallId(n);
        metrics.fold(Timestamp(at), Fact::Arrived { call, by_agent: None });
        let (caller, intent, outcome) = (None, None, CallOutcome::Contained);
        let (outside, is_cut_off, self_service) = (false, false, None);
        metrics.fold(
            Timestamp(at),
            Fact::CallEnded { call, caller, intent, outcome, outside, is_cut_off, self_service },
        );
    };
    let extra = 5;
    for n in 0..CALLS_KEPT_MAX as u64 + extra {
        end(&mut metrics, n, START + n);
    }
    let all = (Timestamp(0), Timestamp(u64::MAX));
    let report = metrics.report(Timestamp(START + DAY), all.0, all.1);
    assert_eq!((report.calls, report.kept.dropped), (CALLS_KEPT_MAX as u64, extra));
    assert_eq!(report.kept.calls_gone_until, Some(Timestamp(START + extra - 1)));
    // Age takes them without counting them as dropped.
    end(&mut metrics, 1 << 40, START + 36 * DAY);
    let report = metrics.report(Timestamp(START + 36 * DAY), all.0, all.1);
    assert_eq!((report.calls, report.kept.dropped), (1, extra));
}

#[test]
fn old_changes_of_agents_go_but_not_what_they_do_now() {
    let mut metrics = Metrics::new(Vec::new());
    let mut change = |at: u64, agent, activity| {
        metrics.fold(Timestamp(at), Fact::AgentChanged { agent: AgentId(agent), activity });
    };
    change(0, 1, Activity::Ready);
    for n in 0..100 {
        change(n, 2, if n % 2 == 0 { Activity::Ready } else { Activity::NotReady });
    }
    for n in 0..60 {
        change(36 * DAY + n, 3, if n % 2 == 0 { Activity::Ready } else { Activity::NotReady });
    }
    let (from, to) = (Timestamp(36 * DAY), Timestamp(37 * DAY));
    let report = metrics.report(to, from, to);
    assert_eq!(report.agents[0].time.ready_s, Some(86_400.0));
    assert_eq!(report.agents[1].time.not_ready_s, Some(86_400.0));
    assert_eq!(report.kept.agent_times_gone_until, Some(Timestamp(99)));
}

/// One random call: caller, intent, arrival, visits, offers, legs, outcome, outside.
type RandomCall =
    (u8, u8, u64, Vec<(u32, u64, u8)>, Vec<(u32, u8)>, Vec<[u64; 4]>, (u8, bool, bool));

fn random_call() -> impl Strategy<Value = RandomCall> {
    (
        0u8..5,
        0u8..4,
        0..40 * DAY,
        proptest::collection::vec((0u32..3, 0u64..60_000, 0u8..5), 0..3),
        proptest::collection::vec((0u32..3, 0u8..6), 0..4),
        proptest::collection::vec([0u64..300_000, 0u64..60_000, 0u64..90_000, 0u64..8], 0..3),
        (0u8..7, any::<bool>(), any::<bool>()),
    )
}

fn write(book: &mut Book, call: u64, random: RandomCall) {
    let (who, intent, at, visits, offers, legs, (outcome, outside, late_wrap_up)) = random;
    let text = |kind: &str, n: u8| (n > 0).then(|| Arc::from(format!("{kind}{n}")));
    let id = CallId(call);
    let outcomes = [
        CallOutcome::Handled,
        CallOutcome::Abandoned,
        CallOutcome::Overflowed,
        CallOutcome::Transferred,
        CallOutcome::Contained,
        CallOutcome::Refused,
        CallOutcome::Failed,
    ];
    let lefts = [
        QueueExit::Answered,
        QueueExit::Abandoned,
        QueueExit::Overflowed(Overflow::Timeout),
        QueueExit::ExitKey,
        QueueExit::Ended,
    ];
    let ends = [
        OfferOutcome::Accepted,
        OfferOutcome::Rejected,
        OfferOutcome::Busy,
        OfferOutcome::NoAnswer,
        OfferOutcome::DeviceError,
        OfferOutcome::Withdrawn,
    ];
    // Some call themselves.
    let by_agent = (call % 5 == 4).then_some(AgentId(1));
    // And some we begin.
    let arrived = match call % 7 {
        6 => Fact::Began { call: id },
        _ => Fact::Arrived { call: id, by_agent },
    };
    book.at(at, arrived);
    for (queue, wait_ms, left) in visits {
        let (queue, left) = (QueueId(queue), lefts[left as usize]);
        book.at(at + 1, Fact::LeftQueue { call: id, queue, wait_ms, left });
    }
    for (queue, outcome) in offers {
        let (queue, agent, outcome) = (QueueId(queue), AgentId(queue), ends[outcome as usize]);
        book.at(at + 2, Fact::OfferEnded { call: id, queue, agent, outcome });
    }
    let done = at + 5;
    let legs = if outcomes[outcome as usize] == CallOutcome::Refused { Vec::new() } else { legs };
    for (n, [talk_ms, hold_ms, acw_ms, more]) in (1..).zip(legs) {
        let leg = LegId { call: id, n };
        let agent = AgentId(more as u32 % 3);
        let queue = (more > 0).then_some(QueueId(more as u32 % 3));
        let sent = [None, Some(Sent::ToFlow), Some(Sent::ToAgent), Some(Sent::Outside)];
        let sent = sent[(talk_ms % 4) as usize];
        book.at(at + 3, Fact::LegEnded { leg, agent, queue, talk_ms, hold_ms, sent });
        if more == 7 {
            continue; // after-call work goes on
        }
        let when = if late_wrap_up { done + acw_ms } else { at + 4 };
        let resolved = [None, Some(true), Some(false)][more as usize % 3];
        let intent = (more == 5).then(|| Arc::from("intent1"));
        book.at(when, Fact::WrapUpEnded { leg, agent, acw_ms, resolved, intent });
    }
    let (caller, intent) = (text("caller", who), text("intent", intent));
    let outcome = match outcomes[outcome as usize] {
        CallOutcome::Refused if call % 7 == 6 => CallOutcome::NotReached,
        outcome => outcome,
    };
    let is_cut_off = call % 6 == 5;
    let self_service = (call % 7 > 2).then_some(call.is_multiple_of(2));
    book.at(
        done,
        Fact::CallEnded { call: id, caller, intent, outcome, outside, is_cut_off, self_service },
    );
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn the_fold_and_the_oracle_agree_on_random_months(
        calls in proptest::collection::vec(random_call(), 0..40),
        changes in proptest::collection::vec((0u64..34 * DAY, 0u32..3, 0u8..7), 0..60),
        from in 0u64..34 * DAY, length in 0u64..34 * DAY, ahead in 0u64..2 * DAY,
    ) {
        let mut book = Book::new();
        for (n, call) in (1..).zip(calls) {
            // The window forgets; within it nothing may be lost.
            let at = call.2 % (34 * DAY);
            write(&mut book, n, (call.0, call.1, at, call.3, call.4, call.5, call.6));
        }
        let activities = [
            Activity::LoggedOut, Activity::NotReady, Activity::Ready,
            Activity::Reserved, Activity::Talking, Activity::AfterCallWork, Activity::OnOwnCall,
        ];
        for (at, agent, activity) in changes {
            let activity = activities[activity as usize];
            book.at(at, Fact::AgentChanged { agent: AgentId(agent), activity });
        }
        book.facts.sort_by_key(|(at, _)| *at);
        let mut metrics = Metrics::new(book.targets.clone());
        for (at, fact) in &book.facts {
            metrics.fold(*at, fact.clone());
        }
        let last = book.facts.last().map_or(START, |(at, _)| at.0);
        let now = Timestamp(last) + Duration::from_millis(ahead);
        let (from, to) = (Timestamp(START + from), Timestamp(START + from + length));
        let report = metrics.report(now, from, to);
        let oracle = Oracle { facts: &book.facts, targets: &book.targets, now, from, to };
        prop_assert_eq!(disagreements(&report, oracle), Vec::<String>::new());
        prop_assert_eq!(report.kept.late_facts, 0);
    }
}
