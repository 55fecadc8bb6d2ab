//! What a caller types as a secret stays one, whichever step hears it.

use crate::flow::{Context, Effect, Facts, Known, Run};

const FLOW: &str = r#"
    [flow]
    numbers = ["100"]
    start = "account"

    [collect.account]
    text = "Your account?"
    digits_min = 1
    digits_max = 8
    into = "account"
    barge_in = false
    give_up = "bye"
    next = "pin"

    [collect.pin]
    text = "Your PIN?"
    digits_min = 4
    digits_max = 4
    into = "pin"
    secret = true
    give_up = "bye"
    next = "bye"

    [hangup.bye]
"#;

/// A caller who knows the flow types on, and how much of it is the PIN no step can know before.
#[test]
fn keys_that_a_secret_step_may_get_are_in_no_result() {
    let flow = std::sync::Arc::new(super::flow(FLOW));
    let mut run = Run::new(flow, Facts::default());
    let mut out = Vec::new();
    for act in
        ["start", "key 1", "key 2", "key #", "key 4", "key 7", "key 1", "key 1", "done", "done"]
    {
        run.handle(&Context::default(), super::input(act), &mut out);
    }
    let results: Vec<_> = out
        .iter()
        .filter_map(|effect| match effect {
            Effect::InputResult { step, keys, .. } => Some((&**step, keys.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(results, [("account", None), ("pin", None)]);
}

#[test]
fn a_variable_is_secret_at_every_step_that_hears_it_or_at_none() {
    let again = FLOW.replace("next = \"bye\"", "next = \"again\"")
        + "[collect.again]\ntext = \"Once more?\"\ninto = \"pin\"\n"
        + "give_up = \"bye\"\nnext = \"bye\"\n";
    let told = super::told(&again, &Known::anything());
    assert!(
        told.contains("`pin` is secret in another step: write `secret = true` here, too"),
        "{told}"
    );
    let right = again.replace("into = \"pin\"\ngive_up", "into = \"pin\"\nsecret = true\ngive_up");
    assert!(!super::told(&right, &Known::anything()).contains("is secret in another step"));
}
