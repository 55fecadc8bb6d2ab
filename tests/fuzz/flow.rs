//! A flow file, and a caller who walks through it.

use std::sync::Arc;
use std::time::Duration;

use attendant::flow::{Context, Effect, Facts, Flow, Input, Known, Run, explain, parse};
use attendant::time::Timestamp;
use attendant::words::Digit;

/// Inputs that a run is given: enough to leave every kind of step.
const INPUTS: usize = 200;

/// The file, up to the first byte 0; after it the caller's inputs, one per byte.
pub(super) fn flow(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let Ok(source) = std::str::from_utf8(&bytes[..end]) else { return };
    match parse("flows/fuzz.toml", source, &Known::anything()) {
        Ok(flow) => {
            look(&flow);
            walk(Arc::new(flow), bytes.get(end + 1..).unwrap_or_default());
        }
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty(), "a refusal says why");
            assert!(!explain(&diagnostics).is_empty());
        }
    }
}

/// A flow that loads names only what is there.
fn look(flow: &Flow) {
    let names: Vec<&str> = flow.step_names().collect();
    assert!(names.contains(&flow.start()), "{} is no step", flow.start());
    let _ = (flow.needs().len(), flow.dialed().len(), flow.queues().len(), flow.skills().len());
    let _ = (flow.static_prompts().len(), flow.phrases().count(), flow.steps().count());
    let _ = explain(flow.warnings());
}

/// Whatever the caller does, the run ends, or waits for a time or for people.
fn walk(flow: Arc<Flow>, inputs: &[u8]) {
    let mut run = Run::new(flow, Facts::default());
    let (mut now, mut out) = (Timestamp::from_millis(1_767_600_000_000), Vec::new());
    run.handle(&Context { now, ..Context::default() }, Input::Start, &mut out);
    for byte in inputs.iter().take(INPUTS) {
        now = now + Duration::from_millis(u64::from(*byte) * 50);
        let input = match byte % 16 {
            event @ 0..=11 => Input::Digit(Digit::from_event(event).expect("one of twelve keys")),
            12 => Input::PromptDone,
            13 | 14 => Input::Timer,
            _ => Input::HungUp,
        };
        out.clear();
        let context = Context { now, position: Some(1), waiting: Some(2) };
        run.handle(&context, input, &mut out);
        let hands_over = |effect: &Effect| {
            matches!(effect, Effect::Enqueue(_) | Effect::Transfer(_) | Effect::Record(_))
        };
        let with_people = out.iter().any(hands_over);
        let waits = run.deadline().is_some() || run.at().is_some();
        assert!(run.is_over() || waits || with_people, "it stands still");
        let _ = (run.listens(), run.vars(), run.look_ahead(&context));
    }
}
