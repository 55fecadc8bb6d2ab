//! `caller_in_list`: is the caller's number one of these?

use std::collections::BTreeSet;

use crate::flow::build::Build;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::option::{ExitTo, Opt, STEP, Schema, Value};
use crate::flow::read::Section;
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::text::{Speech, Text};
use crate::flow::verb::{Nature, Verb};
use crate::words::Need;

/// Digits of a number (E.164), and of the prefix of one.
const DIGITS_MAX: usize = 15;
/// Numbers that a flow may list itself.
const LISTED_MAX: usize = 1_000;

const LIST: Opt<Value> = Opt::value(
    "list",
    "a file, or a list of numbers",
    "The `.csv` or `.txt` file in the folder of the flow, or the numbers themselves.",
)
.required();
const NUMBER: Opt<Value> =
    Opt::template("number", "The number that is looked for.").without("the caller's");
const LISTED: Opt<ExitTo> = Opt::exit("listed", "The number is in the list.")
    .required_or("say where a caller goes whose number is listed");
const NOT_LISTED: Opt<ExitTo> = Opt::exit("not_listed", "The number is not in the list.")
    .required_or("say where all other callers go");
const WITHHELD: Opt<ExitTo> =
    Opt::exit("withheld", "There is no number to look for.").without("`not_listed`");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Decide,
    summary: "goes on by whether the caller's number is one of a list",
    about: &[
        "A number is written as `+14155550123`; spaces, hyphens, dots and brackets in it do not count. \
         One that ends in `*` stands for all that begin so: `+4930*`. In a file the first column counts, \
         a line that begins with `#` does not, and nor does a first line without a digit, which names \
         the columns. The file is read when the flow is loaded, and again when it changes; a call keeps \
         what it began with.",
    ],
    table: Schema {
        name: "caller_in_list",
        groups: &[&[&LIST, &NUMBER, &LISTED, &NOT_LISTED, &WITHHELD], STEP],
    },
    needs: Vec::new,
    example: r#"
[flow]
numbers = ["*"]
start   = "blocked"

[caller_in_list.blocked]
list       = "blocked.txt"
listed     = "no_thanks"
not_listed = "nearby"

[caller_in_list.nearby]
list       = ["+1415*", "+1 510 555 0100"]
listed     = "local"
not_listed = "people"
withheld   = "people"

[say.local]
text = "We are open for you at the corner of Fifth and Main, too."
next = "people"

[queue.people]
on_error = "end"

[hangup.no_thanks]
cause = "call_rejected"

[hangup.end]
text = "Please call again."
"#,
};

struct CallerInList {
    list: Numbers,
    number: Option<Text>,
    listed: StepId,
    not_listed: StepId,
    withheld: Option<StepId>,
}

/// Whole numbers, and what others begin with; both without the `+`.
#[derive(Default)]
struct Numbers {
    whole: BTreeSet<String>,
    prefixes: BTreeSet<String>,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let list = read_list(build, section);
    let number = section.string(&NUMBER);
    let number = number.map(|(text, span)| build.choice_text(section, NUMBER.name, text, span));
    let listed = build.required_exit(section, &LISTED);
    let not_listed = build.required_exit(section, &NOT_LISTED);
    let withheld = build.exit(section, &WITHHELD);
    Some(Box::new(CallerInList { list, number, listed, not_listed, withheld }))
}

impl Verb for CallerInList {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        let number = match self.number.as_ref().map(|text| run.render(turn, text)).transpose() {
            Ok(number) => number.unwrap_or_else(|| run.caller_number()),
            Err(why) => return Next::Fail(why),
        };
        Next::Goto(match digits(&number) {
            None if number.is_empty() => self.withheld.unwrap_or(self.not_listed),
            Some(digits) if self.list.has(&digits) => self.listed,
            Some(_) | None => self.not_listed,
        })
    }

    fn exits(&self) -> Vec<Exit> {
        let withheld = self.withheld.map(|to| Exit::at_once("withheld", to));
        let exits =
            [Exit::at_once("listed", self.listed), Exit::at_once("not_listed", self.not_listed)];
        exits.into_iter().chain(withheld).collect()
    }

    fn nature(&self) -> Nature {
        Nature::PASSED_THROUGH
    }

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn speeches(&self) -> Vec<&Speech> {
        Vec::new()
    }
}

impl Numbers {
    /// `None`: it is no number.
    fn add(&mut self, text: &str) -> Option<()> {
        let (number, list) = match text.trim().strip_suffix('*') {
            Some(prefix) => (prefix, &mut self.prefixes),
            None => (text, &mut self.whole),
        };
        list.insert(digits(number)?);
        Some(())
    }

    fn has(&self, digits: &str) -> bool {
        let begins = || (1..=digits.len()).any(|len| self.prefixes.contains(&digits[..len]));
        self.whole.contains(digits) || begins()
    }
}

/// The digits of a number that is written with its country.
fn digits(number: &str) -> Option<String> {
    let plain = |c: &char| !c.is_whitespace() && !"-.()/".contains(*c);
    let number: String = number.trim().strip_prefix('+')?.chars().filter(plain).collect();
    let is_number = number.chars().all(|c| c.is_ascii_digit());
    (is_number && (1..=DIGITS_MAX).contains(&number.len())).then_some(number)
}

fn read_list<'a>(build: &Build<'a>, section: &Section<'a>) -> Numbers {
    let mut numbers = Numbers::default();
    let Some(item) = section.required(&LIST) else { return numbers };
    let Some(items) = item.get_ref().as_array() else {
        let file = section.as_string(LIST.name, item);
        let Some(file) = file.and_then(|file| build.beside(section, file)) else { return numbers };
        file.rows(section, |line, row| {
            let first = row.first().map(|first| first.trim()).unwrap_or_default();
            let is_head = line == 1 && !first.contains(|c: char| c.is_ascii_digit());
            if first.is_empty() || first.starts_with('#') || is_head {
                return Ok(());
            }
            numbers.add(first).ok_or_else(|| format!("`{first}` is no number: {FORM}"))
        });
        return numbers;
    };
    if items.is_empty() || items.len() > LISTED_MAX {
        section.error(item.span(), format!("`list` has 1 to {LISTED_MAX} numbers"));
    }
    for item in items.iter().take(LISTED_MAX) {
        let Some((text, span)) = section.as_string(LIST.name, item) else { continue };
        if numbers.add(text).is_none() {
            let message = format!("{}: `{text}` is no number", section.what);
            section.problems.error_help(span, message, FORM.to_owned());
        }
    }
    numbers
}

const FORM: &str = "write +14155550123, or +1415* for all that begin so";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_listed_whole_or_by_how_it_begins() {
        let mut list = Numbers::default();
        for number in ["+14155550123", "+49 (30) 1234-5", " +1900* ", "+4*"] {
            assert!(list.add(number).is_some(), "{number}");
        }
        let has = |number: &str| list.has(&digits(number).unwrap());
        assert!(has("+14155550123") && has("+1 415 555.0123") && has("+493012345"));
        assert!(!has("+141555501234") && !has("+1415555012"));
        assert!(has("+19005550100") && has("+1900") && !has("+190"));
        assert!(has("+41441234567") && has("+4"));
        for wrong in ["", "+", "*", "+*", "0415", "14155550123", "+1415x", "+1234567890123456"] {
            assert!(list.add(wrong).is_none(), "{wrong}");
        }
    }
}
