//! What steps need of a front.

use super::*;
use crate::flow::code;
use crate::words::Need;

const FLOW: &str = r##"
[flow]
numbers = ["*"]
start = "a"
languages = ["en", "es"]
[menu.a]
text = { en = "Press 1.", es = "Marque 1." }
keys = { 1 = "b" }
give_up = "z"
[collect.b]
text = { en = "Your PIN.", es = "Su PIN." }
into = "pin"
digits_max = 6
terminator = "#"
timeout_s = 5
inter_digit_s = 5
barge_in = false
secret = true
give_up = "z"
next = "c"
[queue.c]
queue = "billing"
exit_key = "9"
exit = "z"
next = "z"
[hangup.z]
"##;

#[test]
fn each_step_says_what_it_needs_and_where_it_is() {
    let flow = flow(FLOW);
    let needs: Vec<(&str, Need)> =
        flow.needs().into_iter().map(|needed| (needed.step, needed.need)).collect();
    assert_eq!(
        needs,
        [
            ("", Need::Language("en".to_owned())),
            ("", Need::Language("es".to_owned())),
            ("a", Need::Keys),
            ("b", Need::Keys),
            // One more than an answer has, so that too many keys are seen.
            ("b", Need::KeysMax(7)),
            ("b", Need::FinishKey(Digit::new('#').unwrap())),
            ("b", Need::NoBargeIn),
            ("b", Need::Secret),
            ("c", Need::Queue),
            ("c", Need::ExitKey),
            ("z", Need::HangUp),
        ]
    );
    let needs = flow.needs().into_iter();
    let said = |needed| flow.remark(&code::PROVIDER_DIFFERS, &needed, "here".to_owned(), None);
    let places: Vec<String> = needs.map(|needed| said(needed).to_string()).collect();
    assert_eq!(places[0], "test.toml:5:1: warning[F0702]: here");
    assert_eq!(places[4], "test.toml:10:10: warning[F0702]: here");
}
