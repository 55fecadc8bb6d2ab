//! The options that all input steps share, and what the reference says of them together.

use crate::flow::option::{ExitTo, Flag, OneKey, Opt, Options, Seconds, Value, Whole};
use crate::words::{Digit, Need};

pub(in crate::flow) const TEXT: Opt<Value> = Opt::speech("text", "What is asked.").required();
pub(super) const NO_INPUT: Opt<Value> = Opt::speech(
    "no_input",
    "Said when no key came: one text for each time, the last for all more.",
);
pub(super) const PARTIAL: Opt<Value> =
    Opt::speech("partial", "Said when an answer was begun and not ended, as `no_input`.");
pub(super) const NO_MATCH: Opt<Value> =
    Opt::speech("no_match", "Said when the answer is none of those asked for, as `no_input`.");
pub(super) const TOO_MANY: Opt<Value> =
    Opt::speech("too_many", "Said when there are more digits than `digits_max`, as `no_input`.");
pub(super) const REPROMPT: Opt<Flag> =
    Opt::flag("reprompt", true, "`text` follows the words of a failed try.");
pub(super) const TRIES_MAX: Opt<Whole> = Opt::whole(
    "tries_max",
    3,
    1..=10,
    "After this number of failed tries, of all kinds together, comes `give_up`.",
);
pub(super) const TIMEOUT: Opt<Seconds> =
    Opt::seconds("timeout_s", 5, 1..=120, "How long the step waits for the first key.");
pub(super) const INTER_DIGIT: Opt<Seconds> =
    Opt::seconds("inter_digit_s", 3, 1..=30, "How long it waits for one more key.");
pub(super) const BARGE_IN: Opt<Flag> =
    Opt::flag("barge_in", true, "A key stops the words; without, keys count when these are over.");
pub(super) const CLEAR_KEYS: Opt<Flag> =
    Opt::flag("clear_keys", false, "Forgets what was typed ahead: the caller must hear this.");
pub(in crate::flow) const SECRET: Opt<Flag> =
    Opt::flag("secret", false, "No log, record or journal has the keys; see `secrets`.");
pub(in crate::flow) const REPEAT: Opt<OneKey> =
    Opt::key("repeat", "The key that says `text` again, pressed first; that is no failed try.");
pub(super) const NO_INPUT_NEXT: Opt<ExitTo> =
    Opt::exit("no_input_next", "No key came; in place of `no_input` and another try.")
        .without(ANEW);
pub(super) const PARTIAL_NEXT: Opt<ExitTo> =
    Opt::exit("partial_next", "The answer was not ended; in place of `partial` and another try.")
        .without(ANEW);
pub(super) const NO_MATCH_NEXT: Opt<ExitTo> = Opt::exit(
    "no_match_next",
    "The answer is a wrong one; in place of `no_match` and another try.",
)
.without(ANEW);
pub(super) const TOO_MANY_NEXT: Opt<ExitTo> =
    Opt::exit("too_many_next", "Too many digits; in place of `too_many` and another try.")
        .without(ANEW);
pub(super) const GIVE_UP: Opt<ExitTo> = Opt::exit("give_up", "`tries_max` tries have failed.")
    .required_or(
        "a caller who presses nothing would stay here for ever; name the step to go to after \
     `tries_max` tries",
    );
const ANEW: &str = "it asks again";

/// What all input steps have in common, beside [`TEXT`].
pub(in crate::flow) const ASKING: Options = &[
    &NO_INPUT,
    &PARTIAL,
    &NO_MATCH,
    &REPROMPT,
    &TRIES_MAX,
    &TIMEOUT,
    &INTER_DIGIT,
    &BARGE_IN,
    &CLEAR_KEYS,
    &SECRET,
    &REPEAT,
    &NO_INPUT_NEXT,
    &PARTIAL_NEXT,
    &NO_MATCH_NEXT,
    &GIVE_UP,
];

/// Of those whose answers have a greatest length.
pub(in crate::flow) const COUNTING: Options = &[&TOO_MANY, &TOO_MANY_NEXT];

/// Of the reference: what input steps do with what is no answer.
pub(in crate::flow) const TRIES: &str = "What is no answer is a failed try: `no_input` when no key \
    came within `timeout_s`, `partial` when an answer was begun and not ended, `no_match` when it is \
    none of those asked for. The caller hears the words of that kind, if there are any, then `text` \
    again (unless `reprompt = false`), and has another try, until `tries_max` of them have failed. \
    With `no_input_next` and its like the call goes there at once, and that is no try. A failed try \
    forgets what was typed ahead.";

/// All that an input step may need of a front.
pub(in crate::flow) fn may_need() -> Vec<Need> {
    let keys = ['#', '*', 'A'].into_iter().filter_map(Digit::new);
    let mut needs = vec![Need::Keys, Need::KeysMax(KEYS_MAX)];
    needs.extend(keys.map(Need::FinishKey));
    needs.extend([Need::TwoTimeouts, Need::NoBargeIn, Need::Secret]);
    needs
}

/// The most keys that one input of a flow can have: an answer of `collect`, and one key more.
const KEYS_MAX: u8 = 41;
