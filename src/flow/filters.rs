//! The filters and tests of templates: each with what it does and with a sentence.
//!
//! **Invariant:** the engine has those of these two tables and no other; the check of a flow and
//! the reference go by the same tables.

use minijinja::value::Value;
use minijinja::{Environment, filters, tests};

use crate::flow::say_as;

/// A word that templates may use.
pub(in crate::flow) struct Word {
    pub(in crate::flow) name: &'static str,
    /// What it gives, or when it holds.
    pub(in crate::flow) help: &'static str,
    pub(in crate::flow) add: fn(&mut Environment<'static>, &'static str),
}

/// Filters, after `|`.
#[rustfmt::skip]
pub(in crate::flow) const FILTERS: [Word; 24] = [
    Word {
        name: "abs",
        help: "A number without its sign.",
        add: |env, name| env.add_filter(name, filters::abs),
    },
    Word {
        name: "capitalize",
        help: "The first letter large, the others small.",
        add: |env, name| env.add_filter(name, filters::capitalize),
    },
    Word {
        name: "date",
        help: "A day with its weekday: `2026-12-24` is \"Thursday, December 24, 2026\".",
        add: |env, name| env.add_filter(name, say_as::date),
    },
    Word {
        name: "default",
        help: "Another value where it is not known: `{{ a|default('none') }}`.",
        add: |env, name| env.add_filter(name, filters::default),
    },
    Word {
        name: "digits",
        help: "Digit by digit: `407` is \"4 0 7\".",
        add: |env, name| env.add_filter(name, digits),
    },
    Word {
        name: "duration",
        help: "Seconds in words: `125` is \"2 minutes and 5 seconds\".",
        add: |env, name| env.add_filter(name, say_as::duration),
    },
    Word {
        name: "first",
        help: "The first character, or the first of a list.",
        add: |env, name| env.add_filter(name, filters::first),
    },
    Word {
        name: "float",
        help: "As a number with a fraction.",
        add: |env, name| env.add_filter(name, filters::float),
    },
    Word {
        name: "int",
        help: "As a whole number.",
        add: |env, name| env.add_filter(name, filters::int),
    },
    Word {
        name: "join",
        help: "A list as one text: `{{ list|join(', ') }}`.",
        add: |env, name| env.add_filter(name, filters::join),
    },
    Word {
        name: "last",
        help: "The last character, or the last of a list.",
        add: |env, name| env.add_filter(name, filters::last),
    },
    Word {
        name: "length",
        help: "How many characters, or how many in a list.",
        add: |env, name| env.add_filter(name, filters::length),
    },
    Word {
        name: "lower",
        help: "All letters small.",
        add: |env, name| env.add_filter(name, filters::lower),
    },
    Word {
        name: "max",
        help: "The greatest of a list.",
        add: |env, name| env.add_filter(name, filters::max),
    },
    Word {
        name: "min",
        help: "The least of a list.",
        add: |env, name| env.add_filter(name, filters::min),
    },
    Word {
        name: "money",
        help: "An amount in words: `{{ 12.5|money('USD') }}`; also EUR, GBP, CHF and MXN.",
        add: |env, name| env.add_filter(name, say_as::money),
    },
    Word {
        name: "ordinal",
        help: "`2` is \"2nd\".",
        add: |env, name| env.add_filter(name, say_as::ordinal),
    },
    Word {
        name: "phone",
        help: "A telephone number digit by digit, in groups.",
        add: |env, name| env.add_filter(name, say_as::phone),
    },
    Word {
        name: "replace",
        help: "With other words in it: `{{ name|replace('St.', 'Saint') }}`.",
        add: |env, name| env.add_filter(name, filters::replace),
    },
    Word {
        name: "round",
        help: "Rounded; with the number of places: `{{ price|round(2) }}`.",
        add: |env, name| env.add_filter(name, filters::round),
    },
    Word {
        name: "string",
        help: "As a text.",
        add: |env, name| env.add_filter(name, filters::string),
    },
    Word {
        name: "time",
        help: "A time of day: `14:30` is \"2:30 PM\".",
        add: |env, name| env.add_filter(name, say_as::time),
    },
    Word {
        name: "trim",
        help: "Without spaces at both ends.",
        add: |env, name| env.add_filter(name, filters::trim),
    },
    Word {
        name: "upper",
        help: "All letters large.",
        add: |env, name| env.add_filter(name, filters::upper),
    },
];

/// Tests, after `is`.
#[rustfmt::skip]
pub(in crate::flow) const TESTS: [Word; 13] = [
    Word {
        name: "boolean",
        help: "It is true or false.",
        add: |env, name| env.add_test(name, tests::is_boolean),
    },
    Word {
        name: "defined",
        help: "It is known; a variable is set.",
        add: |env, name| env.add_test(name, tests::is_defined),
    },
    Word {
        name: "divisibleby",
        help: "It can be divided: `n is divisibleby(3)`.",
        add: |env, name| env.add_test(name, tests::is_divisibleby),
    },
    Word {
        name: "endingwith",
        help: "The text ends so: `account is endingwith('00')`.",
        add: |env, name| env.add_test(name, tests::is_endingwith),
    },
    Word {
        name: "even",
        help: "It is an even number.",
        add: |env, name| env.add_test(name, tests::is_even),
    },
    Word {
        name: "integer",
        help: "It is a whole number.",
        add: |env, name| env.add_test(name, tests::is_integer),
    },
    Word {
        name: "luhn",
        help: "Its check digit is right, as of cards (ISO/IEC 7812-1).",
        add: |env, name| env.add_test(name, is_luhn),
    },
    Word {
        name: "none",
        help: "It is `none`.",
        add: |env, name| env.add_test(name, tests::is_none),
    },
    Word {
        name: "number",
        help: "It is a number; what a caller typed is a text.",
        add: |env, name| env.add_test(name, tests::is_number),
    },
    Word {
        name: "odd",
        help: "It is an odd number.",
        add: |env, name| env.add_test(name, tests::is_odd),
    },
    Word {
        name: "startingwith",
        help: "The text begins so: `caller.number is startingwith('+1')`.",
        add: |env, name| env.add_test(name, tests::is_startingwith),
    },
    Word {
        name: "string",
        help: "It is a text.",
        add: |env, name| env.add_test(name, tests::is_string),
    },
    Word {
        name: "undefined",
        help: "It is not known; no step has set it.",
        add: |env, name| env.add_test(name, tests::is_undefined),
    },
];

pub(in crate::flow) fn names(words: &'static [Word]) -> impl Iterator<Item = &'static str> {
    words.iter().map(|word| word.name)
}

/// "407" → "4 0 7": digit by digit, as numbers of accounts are spoken.
fn digits(value: &Value) -> String {
    let mut text = String::new();
    for c in value.to_string().chars().filter(|c| c.is_alphanumeric()) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push(c);
    }
    text
}

/// The check digit of card and many account numbers (ISO/IEC 7812-1 annex B).
fn is_luhn(value: &Value) -> bool {
    let text = value.to_string();
    let Some(digits) = text.chars().map(|c| c.to_digit(10)).collect::<Option<Vec<u32>>>() else {
        return false;
    };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    digits.len() > 1 && sum.is_multiple_of(10)
}
