//! `confirm`: ask for a yes or a no.

use crate::flow::build::Build;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::input_step::{self, InputOptions, InputStep, Verdict};
use crate::flow::option::{ExitTo, OneKey, Opt, STEP, Schema};
use crate::flow::read::Section;
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::verb::Verb;
use crate::words::InputOutcome;

const YES_KEY: Opt<OneKey> = Opt::key("yes_key", "The key that means yes.").or('1');
const NO_KEY: Opt<OneKey> = Opt::key("no_key", "The key that means no.").or('2');
const YES: Opt<ExitTo> =
    Opt::exit("yes", "The caller said yes.").required_or("say where a yes leads");
const NO: Opt<ExitTo> = Opt::exit("no", "The caller said no.").required_or("say where a no leads");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Ask,
    summary: "asks for a yes or a no",
    about: &[
        "A `menu` of two keys whose exits have a name: the words must say which key is which. To have \
         what was typed confirmed, say it in `text`, as in `{{ account|digits }}`, and let `no` lead \
         back to the step that asked.",
        input_step::TRIES,
    ],
    table: Schema {
        name: "confirm",
        groups: &[&[&input_step::TEXT, &YES_KEY, &NO_KEY, &YES, &NO], input_step::ASKING, STEP],
    },
    needs: input_step::may_need,
    example: r#"
[flow]
numbers = ["*"]
start   = "sure"

[confirm.sure]
text    = "Shall we end your contract? For yes, press 1. For no, press 2."
yes     = "ended"
no      = "people"
give_up = "people"

[note.ended]
note = "Wants the contract ended."
next = "people"

[queue.people]
on_error = "end"

[hangup.end]
text = "Please call again."
"#,
};

struct Confirm {
    options: InputOptions,
    yes_key: Option<char>,
    no_key: Option<char>,
    yes: StepId,
    no: StepId,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let confirm = Confirm {
        options: InputOptions::read(build, section),
        yes_key: section.key(&YES_KEY),
        no_key: section.key(&NO_KEY),
        yes: build.required_exit(section, &YES),
        no: build.required_exit(section, &NO),
    };
    let means = |key: Option<char>, what: &str| {
        let Some(key) = key.filter(|_| key == confirm.no_key) else { return };
        section.error(section.key_span(NO_KEY.name), format!("`{key}` means {what} and no"));
    };
    means(confirm.yes_key, "yes");
    means(confirm.options.repeat, "to repeat");
    if confirm.options.repeat.is_some() && confirm.options.repeat == confirm.yes_key {
        let span = section.key_span(input_step::REPEAT.name);
        section.error(span, "the `repeat` key means yes, too");
    }
    Some(Box::new(confirm))
}

impl Confirm {
    fn meant(&self, key: char) -> Option<StepId> {
        let key = Some(key);
        let is_no = (key == self.no_key).then_some(self.no);
        (key == self.yes_key).then_some(self.yes).or(is_no)
    }
}

impl InputStep for Confirm {
    fn options(&self) -> &InputOptions {
        &self.options
    }

    fn key(&self, _entered: &str, key: char) -> Verdict {
        match self.meant(key) {
            Some(_) => Verdict::Done,
            None => Verdict::Not(InputOutcome::NoMatch),
        }
    }

    fn silence(&self, _entered: &str) -> Result<(), InputOutcome> {
        Err(InputOutcome::Partial)
    }

    fn keys_max(&self, _entered: &str) -> usize {
        1
    }

    fn finish(&self) -> Option<char> {
        None
    }

    fn terminator(&self) -> Option<char> {
        None
    }

    fn habit(&self) -> Option<char> {
        let is_free = self.meant('#').is_none() && self.options.repeat != Some('#');
        is_free.then_some('#')
    }

    fn answer(
        &self,
        _run: &mut Run,
        _turn: &mut Turn<'_>,
        entered: &str,
    ) -> Result<Next, InputOutcome> {
        let to = entered.chars().next().and_then(|key| self.meant(key));
        to.map(Next::Goto).ok_or(InputOutcome::NoMatch)
    }

    fn answers(&self) -> Vec<Exit> {
        vec![Exit::waited("yes", self.yes), Exit::waited("no", self.no)]
    }

    fn begins(&self, key: char) -> bool {
        self.options.repeat == Some(key) || self.meant(key).is_some()
    }
}
