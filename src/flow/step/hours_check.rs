//! `hours_check`: is it open, closed, or a holiday?

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::de::DeValue;

use crate::flow::build::Build;
use crate::flow::code;
use crate::flow::diagnostic::suggest;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::hours::{Hours, State};
use crate::flow::option::{Entries, ExitTo, Opt, STEP, Schema, Value};
use crate::flow::read::{Item, Section};
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::run::{Run, Turn};
use crate::flow::text::Speech;
use crate::flow::verb::{Nature, Verb};
use crate::words::Need;

const HOURS: Opt<Value> =
    Opt::value("hours", "a name", "Which `[hours.NAME]` of this file is looked at.").required();
const OPEN: Opt<ExitTo> =
    Opt::exit("open", "It is open.").required_or("say where the call goes when it is open");
const CLOSED: Opt<ExitTo> =
    Opt::exit("closed", "It is closed, or a holiday that has no exit of its own.")
        .required_or("say where the call goes when it is closed");
const HOLIDAY: Opt<Entries> = Opt::entries(
    "holiday",
    "a step, or `holiday.NAME` = a step each",
    "It is a holiday: any, or the one of this name.",
)
.without("as `closed`")
.leads_by("`holiday`, `holiday.NAME`");

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Decide,
    summary: "goes on by the opening hours: open, closed or a holiday",
    about: &[
        "The call goes on at once, by the time of day in the zone of `[hours.NAME]`, which is \
         described under `hours`. A day that is a holiday is one from midnight to midnight, whatever \
         `open` says of it. `holiday` is one step for any holiday, or a table with a step for each \
         by name; a holiday that has none counts as closed.",
    ],
    table: Schema { name: "hours_check", groups: &[&[&HOURS, &OPEN, &CLOSED, &HOLIDAY], STEP] },
    needs: Vec::new,
    example: r#"
[flow]
numbers = ["*"]
start   = "open_now"

[hours.office]
timezone = "America/New_York"
open     = ["Mon-Fri 09:00-17:30", "Sat 10:00-14:00"]
holidays = { "rule:US" = true, "2026-12-24" = "ChristmasEve" }

[hours_check.open_now]
hours  = "office"
open   = "people"
closed = "night"
holiday.ChristmasEve = "eve"

[queue.people]
on_error = "night"

[hangup.night]
text = "We are closed. Please call again between nine and half past five."

[hangup.eve]
text = "Happy holidays! We are here again on Monday."
"#,
};

struct HoursCheck {
    hours: Arc<Hours>,
    open: StepId,
    closed: StepId,
    /// `holiday = "step"`: any holiday without an exit of its own.
    any_holiday: Option<StepId>,
    holidays: BTreeMap<String, StepId>,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    Some(Box::new(HoursCheck::new(build, section)?))
}

impl HoursCheck {
    fn new<'a>(build: &Build<'a>, section: &Section<'a>) -> Option<Self> {
        let hours = read_hours(build, section);
        let open = build.required_exit(section, &OPEN);
        let closed = build.required_exit(section, &CLOSED);
        let holiday = section.get(&HOLIDAY);
        let mut check =
            Self { hours: hours?, open, closed, any_holiday: None, holidays: BTreeMap::new() };
        match holiday {
            Some(item) => check.read_holidays(build, section, item),
            None if check.hours.has_holidays() => {
                let message = format!("{}: on a holiday callers go on at `closed`", section.what);
                let help = "write `holiday = \"STEP\"`, or `holiday.NAME = \"STEP\"`".to_owned();
                let span = section.span.clone();
                build.problems.report(&code::HOLIDAY_UNTOLD, span, message, help);
            }
            None => {}
        }
        Some(check)
    }

    fn read_holidays<'a>(&mut self, build: &Build<'a>, section: &Section<'a>, item: Item<'a>) {
        if let DeValue::String(_) = item.get_ref() {
            self.any_holiday = Some(build.step(section, HOLIDAY.name, item));
            return;
        }
        let what = format!("{}, `{}`", section.what, HOLIDAY.name);
        let span = section.key_span(HOLIDAY.name);
        let Some(table) = Section::free(build.problems, what, span, item) else { return };
        let known = self.hours.holiday_names();
        for (name, span, item) in table.entries() {
            if !known.contains(name) {
                let message = format!("{}: no holiday is named `{name}`", table.what);
                let help = suggest(name, known.iter().copied());
                build.problems.report(&code::HOLIDAY_UNKNOWN, span, message, help);
            }
            self.holidays.insert(name.to_owned(), build.step(&table, name, item));
        }
    }
}

impl Verb for HoursCheck {
    fn enter(&self, _run: &mut Run, turn: &mut Turn<'_>) -> Next {
        Next::Goto(match self.hours.state(turn.context.now) {
            State::Open => self.open,
            State::Closed => self.closed,
            State::Holiday(name) => {
                self.holidays.get(&*name).copied().or(self.any_holiday).unwrap_or(self.closed)
            }
        })
    }

    fn exits(&self) -> Vec<Exit> {
        let mut exits =
            vec![Exit::at_once("open", self.open), Exit::at_once("closed", self.closed)];
        exits.extend(self.any_holiday.map(|to| Exit::at_once("holiday", to)));
        let named = self.holidays.iter();
        exits.extend(named.map(|(name, to)| Exit::at_once(format!("holiday.{name}"), *to)));
        exits
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

fn read_hours<'a>(build: &Build<'a>, section: &Section<'a>) -> Option<Arc<Hours>> {
    let item = section.required(&HOURS)?;
    let (name, span) = section.as_string(HOURS.name, item)?;
    let hours = build.hours.get(name);
    if hours.is_none() {
        let message = format!("{}: there is no `[hours.{name}]`", section.what);
        let help = suggest(name, build.hours.keys().copied());
        build.problems.report(&code::HOURS_UNKNOWN, span, message, help);
    }
    hours.cloned()
}
