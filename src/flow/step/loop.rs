//! `loop`: go round again, a few times at most.
//!
//! **Invariant:** `again` is taken at most `times` times before the call leaves by another exit, so
//! a circle through this step ends, whatever else is on it.

use std::sync::Arc;

use minijinja::value::Value;

use crate::flow::build::Build;
use crate::flow::code;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::expr::{Expression, Variable};
use crate::flow::option::{ExitTo, Opt, STEP, Schema, Value as Written, Whole};
use crate::flow::read::{Item, Section, check_variable, option};
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::scan::implied;
use crate::flow::text::Speech;
use crate::flow::verb::{Nature, Verb};
use crate::words::Need;

const TIMES: Opt<Whole> = Opt::whole("times", 3, 1..=50, "How often `again` is taken, at most.");
const UNTIL: Opt<Written> = Opt::condition(
    "until",
    "Once this holds, the call goes on at `next`, however often it went round.",
);
const INTO: Opt<Written> =
    Opt::variable("into", "The variable that says how often `again` was taken: 1 the first time.");
const AGAIN: Opt<ExitTo> =
    Opt::exit("again", "One more round.").required_or("name the first step of what is done again");
const NEXT: Opt<ExitTo> =
    Opt::exit("next", "`until` holds; without `until`, it went round `times` times.")
        .required_or("say where the call goes on after the last round");
const EXHAUSTED: Opt<ExitTo> =
    Opt::exit("exhausted", "It went round `times` times, and `until` still does not hold.")
        .without("`next`");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Decide,
    summary: "goes round again, a few times at most",
    about: &[
        "The steps to do again lead to the `loop`, and its exit `again` leads back to the first of \
         them: three rounds are those steps once, and `again` twice. When the call leaves by `next` or \
         `exhausted`, the count begins anew. Elsewhere a circle of steps must wait for the caller, an \
         agent or a party; a circle through a `loop` need not, because it ends.",
    ],
    table: Schema {
        name: "loop",
        groups: &[&[&TIMES, &UNTIL, &INTO, &AGAIN, &NEXT, &EXHAUSTED], STEP],
    },
    needs: Vec::new,
    example: r#"
[flow]
numbers = ["*"]
start   = "tries"

[loop.tries]
times     = 3
until     = "state == 'ready'"
into      = "try"
again     = "look"
next      = "pick_up"
exhausted = "people"

[lookup.look]
url    = "https://shop.example/v1/orders/{{ caller.number }}"
set    = { state = "state" }
ok     = "hold"
none   = "hold"
failed = "people"

[say.hold]
text = "One moment, please. This was try {{ try }}."
next = "tries"

[hangup.pick_up]
text = "Your order is ready. Goodbye."

[queue.people]
on_error = "end"

[hangup.end]
text = "Please call again."
"#,
};

struct Loop {
    times: u64,
    until: Option<Until>,
    into: Option<Arc<str>>,
    again: StepId,
    next: StepId,
    exhausted: Option<StepId>,
}

struct Until {
    text: String,
    condition: Expression,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    let until = section.get(&UNTIL);
    let has_until = until.is_some();
    let into =
        section.string(&INTO).filter(|(name, span)| check_variable(section, name, span.clone()));
    let step = Loop {
        times: section.whole(&TIMES),
        until: until.and_then(|item| {
            let condition = build.condition(section, UNTIL.name, item)?;
            Some(Until { text: item.get_ref().as_str()?.to_owned(), condition })
        }),
        into: into.map(|(name, _)| name.into()),
        again: build.required_exit(section, &AGAIN),
        next: build.required_exit(section, &NEXT),
        exhausted: build.exit(section, &EXHAUSTED),
    };
    if step.exhausted.is_some() && !has_until {
        let message = format!("{}: without `until` no call goes to `exhausted`", section.what);
        let help =
            "say what the rounds are for, as in until = \"found\", or take it out".to_owned();
        let span = section.key_span(EXHAUSTED.name);
        section.problems.report(&code::CONTRADICTION, span, message, help);
    }
    Some(Box::new(step))
}

/// The variable it sets.
pub(in crate::flow) fn names<'a>(item: Item<'a>) -> Vec<(&'a str, bool)> {
    let into = option(item, INTO.name).and_then(|into| into.get_ref().as_str());
    into.into_iter().map(|name| (name, false)).collect()
}

impl Verb for Loop {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        let step = run.step_name();
        match self.until.as_ref().map(|until| run.holds(turn, &until.condition)).transpose() {
            Ok(Some(true)) => {
                run.rounds.remove(&step);
                return Next::Goto(self.next);
            }
            Ok(Some(false) | None) => {}
            Err(why) => return Next::Fail(why),
        }
        let rounds = run.rounds.get(&step).copied().unwrap_or(0);
        if rounds >= self.times {
            run.rounds.remove(&step);
            return Next::Goto(self.exhausted.unwrap_or(self.next));
        }
        let rounds = rounds + 1;
        run.rounds.insert(step, rounds);
        if let Some(into) = &self.into {
            run.set_var(into, Some(Variable { value: Value::from(rounds), secret: false }));
        }
        Next::Goto(self.again)
    }

    fn exits(&self) -> Vec<Exit> {
        let exhausted = self.exhausted.map(|to| Exit::at_once("exhausted", to));
        let exits = [Exit::counted("again", self.again), Exit::at_once("next", self.next)];
        exits.into_iter().chain(exhausted).collect()
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

    fn sets(&self, exit: &str) -> Vec<&str> {
        match exit {
            "again" => self.into.as_deref().into_iter().collect(),
            // Without `exhausted` it also leads on where the condition never held.
            "next" if self.exhausted.is_some() => {
                self.until.as_ref().map(|until| implied(&until.text)).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }
}
