//! `hours_check`: is it open, closed, or a holiday?
//!
//! A holiday without an exit of its own counts as closed.
//!
//! Options: `hours` `open` `closed` `holiday.<Name>`, or `holiday` for any.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::de::DeValue;

use crate::flow::build::Build;
use crate::flow::diagnostic::suggest;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::hours::{Hours, State};
use crate::flow::read::{Item, Section};
use crate::flow::run::{Run, Turn};
use crate::flow::text::Speech;
use crate::flow::verb::{Nature, Verb};
use crate::words::Need;

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
        let open = build.required_exit(section, "open", "say where the call goes when it is open");
        let help = "say where the call goes when it is closed";
        let closed = build.required_exit(section, "closed", help);
        let holiday = section.get("holiday");
        let mut check =
            Self { hours: hours?, open, closed, any_holiday: None, holidays: BTreeMap::new() };
        if let Some(item) = holiday {
            check.read_holidays(build, section, item);
        }
        Some(check)
    }

    fn read_holidays<'a>(&mut self, build: &Build<'a>, section: &Section<'a>, item: Item<'a>) {
        if let DeValue::String(_) = item.get_ref() {
            self.any_holiday = Some(build.step(section, "holiday", item));
            return;
        }
        let what = format!("{}, `holiday`", section.what);
        let span = section.key_span("holiday");
        let Some(table) = Section::new(build.problems, what, span, item) else { return };
        let known = self.hours.holiday_names();
        for (name, span, item) in table.entries() {
            if !known.contains(name) {
                let message = format!("{}: no holiday is named `{name}`", table.what);
                build.problems.error_help(span, message, suggest(name, known.iter().copied()));
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
    let item = section.required("hours")?;
    let (name, span) = section.as_string("hours", item)?;
    let hours = build.hours.get(name);
    if hours.is_none() {
        let message = format!("{}: there is no `[hours.{name}]`", section.what);
        let help = suggest(name, build.hours.keys().copied());
        build.problems.error_help(span, message, help);
    }
    hours.cloned()
}
