//! Paths written down, and what is seen in them.

use super::*;
use crate::id::CallId;
use crate::metrics::tests::cases;
use crate::words::StepInput;

/// A call that came to the menu at 0 s; tries as (second, outcome, keys), and when it left, hung up
/// or gone on to `next`.
fn call(tries: &[(u64, InputOutcome, &str)], left_s: u64, hangs_up: bool) -> CallRecord {
    let line = ["+1 03-02T09:00:00 contained"];
    let mut record = cases::records(&line).remove(0);
    let at = |s: u64| Timestamp(record.arrived_at.0 + s * 1_000);
    let inputs = tries.iter().map(|(s, outcome, keys)| StepInput {
        at: at(*s),
        outcome: *outcome,
        keys: (!keys.is_empty()).then(|| (*keys).to_owned()),
    });
    let entry = |s, step: &str, inputs| PathEntry {
        at: at(s),
        step: step.to_owned(),
        inputs,
        failed: false,
        after_hangup: false,
    };
    let mut path = vec![entry(0, "greeting", Vec::new()), entry(0, "menu", inputs.collect())];
    if !hangs_up {
        path.push(entry(left_s, "next", Vec::new()));
    }
    (record.path, record.ended_at) = (path, at(left_s));
    record.call = CallId(left_s);
    record
}

use InputOutcome::{Matched, NoInput, NoMatch};

fn report(calls: impl IntoIterator<Item = CallRecord>) -> WaterfallReport {
    let mut waterfall = Waterfall::of("support");
    calls.into_iter().for_each(|call| waterfall.take(&call));
    waterfall.report()
}

#[test]
fn each_who_came_pressed_gave_up_or_hung_up() {
    let report = report([
        call(&[(4, Matched, "1")], 4, false),
        call(&[(8, NoInput, ""), (15, Matched, "2")], 15, false),
        call(&[(3, NoMatch, "9"), (9, NoMatch, "9"), (20, NoInput, "")], 20, false),
        call(&[], 6, true),
        call(&[(5, Matched, "123456789")], 5, false),
    ]);
    let [step] = &report.steps[..] else { panic!("{report:?}") };
    assert_eq!((report.calls, step.step.as_str(), step.entered), (5, "menu", 5));
    assert_eq!((step.matched, step.gave_up, step.hung_up), (3, 1, 1));
    assert_eq!((step.no_input, step.no_match), (2, 2));
    // (4 + 15 + 20 + 6 + 5) / 5
    assert!((step.spent_s - 10.0).abs() < 1e-9);
    let keys: Vec<_> =
        step.keys.iter().map(|it| (it.key.as_str(), it.matched, it.no_match)).collect();
    assert_eq!(keys, [("1", 1, 0), ("2", 1, 0), ("other", 1, 0), ("9", 0, 2)]);
    assert_eq!(step.keys[0].after_s, Some(4.0));
    assert!(report.suggestions.is_empty(), "five calls show nothing");
}

#[test]
fn the_most_used_option_that_is_said_last_should_be_first() {
    // 10 press 1 after 4 s, 90 press 3 after 12 s: the other way round it is 90 × 4 + 10 × 12 in
    // place of 10 × 4 + 90 × 12 seconds.
    let few = (0..10).map(|_| call(&[(4, Matched, "1")], 4, false));
    let many = (0..90).map(|_| call(&[(12, Matched, "3")], 12, false));
    let report = report(few.chain(many));
    let [order] = &report.suggestions[..] else { panic!("{report:?}") };
    assert_eq!((order.kind, order.key.as_deref()), (SuggestionKind::Order, Some("3")));
    assert!((order.saves_all_s - (1_120.0 - 480.0)).abs() < 1e-9, "{order:?}");
    assert!((order.saves_s - 6.4).abs() < 1e-9, "{order:?}");
}

#[test]
fn silence_and_keys_that_mean_nothing_are_pointed_out() {
    let good = (0..40).map(|_| call(&[(4, Matched, "1")], 4, false));
    let silent = (0..12).map(|_| call(&[(9, NoInput, ""), (12, Matched, "1")], 12, false));
    let zero = (0..10).map(|_| call(&[(2, NoMatch, "0"), (6, Matched, "1")], 6, false));
    let report = report(good.chain(silent).chain(zero));
    let kinds: Vec<_> =
        report.suggestions.iter().map(|it| (it.kind, it.key.as_deref(), it.saves_all_s)).collect();
    // 12 of 62 + 12 + 10 tries are silent, 14 %: no suggestion; 10 of 62 callers press 0 for 2 s.
    assert_eq!(kinds, [(SuggestionKind::WrongKey, Some("0"), 20.0)]);
}

#[test]
fn other_flows_and_agents_own_calls_are_left_out_and_steps_are_bounded() {
    let mut of_another = call(&[(4, Matched, "1")], 4, false);
    of_another.flow = Some("sales@1".to_owned());
    let mut many = call(&[], 4, false);
    let like = call(&[(4, Matched, "1")], 4, false).path[1].clone();
    let step = |n: usize| PathEntry { step: format!("step {n}"), ..like.clone() };
    many.path = (0..STEPS_MAX + 3).map(step).collect();
    let report = report([of_another, many]);
    assert_eq!((report.calls, report.steps.len(), report.beyond), (1, STEPS_MAX, 3));
}

/// What was wrong: the step of `on_hangup` was taken for the way on.
#[test]
fn a_hang_up_is_one_whatever_on_hangup_led_to() {
    let noted = |mut record: CallRecord| {
        let (at, step) = (record.ended_at, "note".to_owned());
        let (inputs, failed, after_hangup) = (Vec::new(), false, true);
        record.path.push(PathEntry { at, step, inputs, failed, after_hangup });
        record
    };
    let report = report([
        noted(call(&[], 6, true)),
        noted(call(&[(3, NoMatch, "9")], 9, true)),
        noted(call(&[(4, Matched, "1")], 4, false)),
    ]);
    let [step] = &report.steps[..] else { panic!("{report:?}") };
    assert_eq!((step.entered, step.matched, step.gave_up, step.hung_up), (3, 1, 0, 2));
    // (6 + 9 + 4) / 3
    assert!((step.spent_s - 6.333).abs() < 1e-9, "(6 + 9 + 4) / 3, to the millisecond");
}

#[test]
fn silence_is_of_all_tries() {
    let silent = (0..12).map(|_| call(&[(9, NoInput, ""), (12, Matched, "1")], 12, false));
    let zero = (0..28).map(|_| call(&[(2, NoMatch, "0"), (6, Matched, "1")], 6, false));
    let report = report(silent.chain(zero));
    // 12 of 40 + 12 + 28 tries, 15 %.
    let [wrong] = &report.suggestions[..] else { panic!("{report:?}") };
    assert_eq!(wrong.kind, SuggestionKind::WrongKey);
    assert!(wrong.text.starts_with("28 presses of 0 at `menu`"), "{}", wrong.text);
}

#[test]
fn a_step_that_asks_for_a_number_says_no_options() {
    let few = (0..10).map(|_| call(&[(4, Matched, "7")], 4, false));
    let many = (0..90).map(|_| call(&[(12, Matched, "42")], 12, false));
    assert!(report(few.chain(many)).suggestions.is_empty());
}
