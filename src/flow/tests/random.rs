//! What must hold for any file and any caller.

use std::sync::Arc;

use proptest::prelude::*;

use super::flow;
use crate::flow::run::STEPS_PER_INPUT_MAX;
use crate::flow::{
    Context, Effect, Facts, Input, Known, QueueOutcome, Run, TransferOutcome, explain, parse,
};
use crate::time::Timestamp;
use crate::words::{Digit, Overflow};

const SUPPORT: &str = include_str!("../../../flows/support.toml");

fn any_input() -> impl Strategy<Value = Input> {
    let key = |event| Input::Digit(Digit::from_event(event).unwrap());
    prop_oneof![
        8 => (0..12_u8).prop_map(key),
        6 => Just(Input::PromptDone),
        6 => Just(Input::Timer),
        1 => Just(Input::Start),
        1 => Just(Input::Queue(QueueOutcome::Handled)),
        1 => Just(Input::Queue(QueueOutcome::Overflowed(Overflow::Timeout))),
        1 => Just(Input::Queue(QueueOutcome::Overflowed(Overflow::Full))),
        1 => Just(Input::Queue(QueueOutcome::Overflowed(Overflow::NoAgents))),
        1 => Just(Input::Transfer(TransferOutcome::Busy)),
        1 => Just(Input::Sent { step: "tech".into(), vars: [("n".to_owned(), 1.into())].into() }),
        1 => Just(Input::HungUp),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_damaged_file_is_explained_never_a_panic(
        at in 0..SUPPORT.len(),
        len in 0..40_usize,
        insert in "[\\[\\]{}\"'=.,# \na-z0-9é%|]{0,6}",
    ) {
        let keep = |at: usize| (0..=at).rev().find(|at| SUPPORT.is_char_boundary(*at)).unwrap_or(0);
        let (from, to) = (keep(at), keep((at + len).min(SUPPORT.len())));
        let source = format!("{}{insert}{}", &SUPPORT[..from], &SUPPORT[to..]);
        if let Err(diagnostics) = parse("flows/support.toml", &source, &Known::anything()) {
            prop_assert!(!diagnostics.is_empty());
            prop_assert!(!explain(&diagnostics).is_empty());
        }
    }

    #[test]
    fn a_run_stays_in_its_budget_and_never_stands_still(
        inputs in prop::collection::vec((0..12_000_u64, any_input()), 1..60),
    ) {
        let mut run = Run::new(Arc::new(flow(SUPPORT)), Facts::default());
        let mut out = Vec::new();
        let mut now = 1_767_600_000_000;
        run.handle(&Context { now: Timestamp(now), ..Context::default() }, Input::Start, &mut out);
        for (later, input) in inputs {
            now += later;
            let context = Context { now: Timestamp(now), position: Some(1), waiting: Some(2) };
            out.clear();
            run.handle(&context, input, &mut out);
            let entered = out.iter().filter(|effect| matches!(effect, Effect::Entered { .. }));
            prop_assert!(entered.count() <= 2 * STEPS_PER_INPUT_MAX as usize + 1);
            let at = run.at().map(ToString::to_string).unwrap_or_default();
            let with_people = ["billing", "tech", "operator"].contains(&&*at);
            prop_assert!(run.is_over() || run.deadline().is_some() || with_people, "stuck at {at}");
        }
    }
}

#[test]
fn a_deep_file_does_not_exhaust_the_stack() {
    for deep in ["a = ", "[flow]\nnumbers = "] {
        let source = format!("{deep}{}{}", "[".repeat(50_000), "]".repeat(50_000));
        assert!(parse("deep.toml", &source, &Known::anything()).is_err());
    }
    let expression = format!(
        "[flow]\nstart = \"a\"\n[say.a]\ntext = \"{{{{ {}1{} }}}}\"\nnext = \"a\"",
        "(".repeat(5_000),
        ")".repeat(5_000)
    );
    assert!(parse("deep.toml", &expression, &Known::anything()).is_err());
}
