//! Opening hours: which minutes of the week are open, which days have hours of their own, and which
//! are holidays.
//!
//! **Invariant:** the answer depends on the time given and the time-zone database in the binary,
//! never on the machine's own zone. Hours are those of the clock on the wall: where it is put
//! forward an hour is missing, where it is put back an hour counts twice.
//!
//! **Deliberately absent:** a clock.

mod days;
pub(in crate::flow) mod rules;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use toml::de::DeValue;

use crate::flow::build::Build;
use crate::flow::code;
use crate::flow::diagnostic::suggest;
use crate::flow::hours::days::Days;
use crate::flow::hours::rules::{COUNTRIES, Country};
use crate::flow::option::{Entries, Opt, Schema, Value};
use crate::flow::read::{Item, Section};
use crate::time::Timestamp;

/// Ranges one table of hours may have.
const RANGES_MAX: usize = 100;
/// Days with hours of their own, and holidays by date, that one table may have each.
const DAYS_MAX: usize = 1_000;

pub(in crate::flow) const TABLE: Schema =
    Schema { name: "hours", groups: &[&[&ZONE, &OPEN, &DAYS, &HOLIDAYS]] };
const ZONE: Opt<Value> = Opt::value(
    "timezone",
    "an IANA name",
    "Where these hours hold: `America/New_York`; daylight saving is observed.",
)
.required();
const OPEN: Opt<Value> = Opt::value(
    "open",
    "a list of ranges",
    "When it is open: `Mon-Fri 09:00-17:30`, `Sat,Sun 22:00-02:00`, `daily 00:00-24:00`.",
)
.required();
const DAYS: Opt<Entries> = Opt::entries(
    "days",
    "`{ \"2026-12-24\" = [\"09:00-12:00\"] }`",
    "Days with hours of their own, in place of `open`; an empty list is closed all day.",
);
const HOLIDAYS: Opt<Entries> = Opt::entries(
    "holidays",
    "`{ \"2026-12-25\" = \"NAME\" }`",
    "Days that are holidays, each with a name, and sets of them by rule.",
)
.of(&HOLIDAYS_TABLE);

const HOLIDAYS_TABLE: Schema = Schema {
    name: "hours.holidays",
    groups: &[&[
        &COUNTRIES[0].option,
        &COUNTRIES[1].option,
        &COUNTRIES[2].option,
        &COUNTRIES[3].option,
        &DAY,
    ]],
};
/// Stands for keys that the author chooses.
const DAY: Opt<Value> = Opt::value(
    "YYYY-MM-DD",
    "a name",
    "This day, or these days, are holidays of this name, from midnight to midnight.",
);

/// Closed for less than this many minutes, it is a slip and no break.
const GAP_MIN: u16 = 15;

/// How days are written, for messages.
const DAY_FORMS: &str = "write \"2026-12-24\", \"2026-12-24/2026-12-31\", \"12-24\" for each \
                         year, or \"12-24/01-02\"";

pub(in crate::flow) struct Hours {
    zone: TimeZone,
    open: Vec<Open>,
    days: Vec<(Days, Vec<Times>)>,
    holidays: Vec<(Days, Arc<str>)>,
    countries: Vec<&'static Country>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::flow) enum State {
    Open,
    Closed,
    Holiday(Arc<str>),
}

/// "Mon-Fri 09:00-17:30".
#[derive(Debug, PartialEq, Eq)]
struct Open {
    /// Monday first.
    days: [bool; 7],
    times: Times,
}

/// "09:00-17:30", in minutes since midnight. When `to` is not after `from`, the range goes on after
/// midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    from_min: u16,
    to_min: u16,
}

impl Hours {
    pub(in crate::flow) fn read(build: &Build<'_>, section: &Section<'_>) -> Self {
        let mut hours = Self {
            zone: read_zone(section),
            open: Vec::new(),
            days: Vec::new(),
            holidays: Vec::new(),
            countries: Vec::new(),
        };
        if let Some(item) = section.required(&OPEN) {
            hours.read_open(section, item);
        }
        if let Some(item) = section.get(&DAYS) {
            let what = format!("{}, `{}`", section.what, DAYS.name);
            let span = section.key_span(DAYS.name);
            if let Some(days) = Section::free(build.problems, what, span, item) {
                hours.read_days(&days);
            }
        }
        if let Some(item) = section.get(&HOLIDAYS) {
            let what = format!("{}, `{}`", section.what, HOLIDAYS.name);
            let span = section.key_span(HOLIDAYS.name);
            let table = Section::new(build.problems, what, span, item, &HOLIDAYS_TABLE);
            if let Some(holidays) = table {
                hours.read_holidays(&holidays);
            }
        }
        section.finish();
        hours
    }

    /// A few closed minutes between this range and one before it are a slip.
    fn check_gap(&self, section: &Section<'_>, open: &Open, span: Range<usize>) {
        let near = |end: u16, begin: u16| end < begin && begin - end < GAP_MIN;
        let is_of = |other: &Open| open.days.iter().zip(other.days).any(|(own, its)| *own && its);
        let gap = self.open.iter().filter(|other| is_of(other)).find_map(|other| {
            let (own, its) = (open.times, other.times);
            let after = near(its.to_min, own.from_min).then_some((its.to_min, own.from_min));
            let before = near(own.to_min, its.from_min).then_some((own.to_min, its.from_min));
            after.or(before)
        });
        let Some((from, to)) = gap else { return };
        let clock = |min: u16| format!("{:02}:{:02}", min / 60, min % 60);
        let message = format!("{}: closed from {} to {}", section.what, clock(from), clock(to));
        let help = "let the one begin when the other ends, or make one range of both".to_owned();
        section.problems.report(&code::HOURS_GAP, span, message, help);
    }

    pub(in crate::flow) fn state(&self, now: Timestamp) -> State {
        let ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let Ok(instant) = jiff::Timestamp::from_millisecond(ms) else {
            return State::Closed; // past the year 9999
        };
        self.state_at(self.zone.to_datetime(instant))
    }

    /// By the clock on the wall.
    fn state_at(&self, local: DateTime) -> State {
        let day = local.date();
        let minute =
            u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let holiday = self.holiday(day);
        let has_hours = holiday.is_none() || self.own_hours(day).is_some();
        let begun = || self.hours_of(day).any(|times| times.contains(minute));
        let goes_on = || {
            let before = day.yesterday().ok();
            before.into_iter().flat_map(|day| self.hours_of(day)).any(|times| times.spills(minute))
        };
        if has_hours && (begun() || goes_on()) {
            return State::Open;
        }
        holiday.map_or(State::Closed, State::Holiday)
    }

    /// The hours that begin on a day.
    fn hours_of(&self, day: Date) -> impl Iterator<Item = Times> {
        let own = self.own_hours(day);
        let is_usual = own.is_none() && self.holiday(day).is_none();
        let weekday = index(day.weekday());
        let usual = self.open.iter().filter(move |open| is_usual && open.days[weekday]);
        own.into_iter().flatten().copied().chain(usual.map(|open| open.times))
    }

    fn own_hours(&self, day: Date) -> Option<&Vec<Times>> {
        days::find(&self.days, day)
    }

    pub(in crate::flow) fn has_holidays(&self) -> bool {
        !self.countries.is_empty() || !self.holidays.is_empty()
    }

    /// Every name `holiday.<Name>` may use.
    pub(in crate::flow) fn holiday_names(&self) -> BTreeSet<&str> {
        let own = self.holidays.iter().map(|(_, name)| &**name);
        let of_countries = self.countries.iter().flat_map(|country| country.days);
        own.chain(of_countries.map(|(name, _)| *name)).collect()
    }

    fn holiday(&self, day: Date) -> Option<Arc<str>> {
        let own = days::find(&self.holidays, day).map(Arc::clone);
        let of_country = || self.countries.iter().find_map(|country| country.holiday(day));
        own.or_else(|| of_country().map(Arc::from))
    }

    fn read_open(&mut self, section: &Section<'_>, item: Item<'_>) {
        let DeValue::Array(items) = item.get_ref() else {
            section.wrong_type(OPEN.name, "a list such as [\"Mon-Fri 09:00-17:30\"]", item);
            return;
        };
        if items.len() > RANGES_MAX {
            let message = format!("more than {RANGES_MAX} ranges");
            section.report(&code::LIMIT, item.span(), message);
            return;
        }
        if items.is_empty() && section.get(&DAYS).is_none() {
            let message = format!("{}: `open` lists no hours: it is never open", section.what);
            section.problems.report(&code::NEVER_OPEN, item.span(), message, None);
        }
        for item in items {
            let Some((text, span)) = section.as_string(OPEN.name, item) else { continue };
            match Open::parse(text) {
                Some(open) => {
                    self.check_gap(section, &open, span);
                    self.open.push(open);
                }
                None => section.problems.report(
                    &code::HOURS_UNREADABLE,
                    span,
                    format!("{}: `{text}` is not a range of hours", section.what),
                    "write \"Mon-Fri 09:00-17:30\", \"Sat,Sun 10:00-14:00\" or \
                     \"daily 00:00-24:00\"; two times of one day are two entries"
                        .to_owned(),
                ),
            }
        }
    }

    fn read_days(&mut self, section: &Section<'_>) {
        for (key, span, item) in section.entries() {
            if self.days.len() == DAYS_MAX {
                section.report(&code::LIMIT, span, format!("more than {DAYS_MAX} days"));
                break;
            }
            let Some(days) = Days::parse(key) else {
                not_days(section, key, span);
                continue;
            };
            self.days.push((days, read_times(section, key, item)));
        }
    }

    fn read_holidays(&mut self, section: &Section<'_>) {
        let is_observed = |country: &&Country| section.boolean(&country.option);
        self.countries = COUNTRIES.into_iter().filter(is_observed).collect();
        let is_rule = |key: &str| COUNTRIES.iter().any(|country| country.option.name == key);
        for (key, span, item) in section.entries().filter(|(key, ..)| !is_rule(key)) {
            if self.holidays.len() == DAYS_MAX {
                section.report(&code::LIMIT, span, format!("more than {DAYS_MAX} days"));
                break;
            }
            let Some(days) = Days::parse(key) else {
                not_holidays(section, key, span);
                continue;
            };
            match section.as_string(key, item) {
                Some((name, span)) if name.trim().is_empty() => {
                    let message = format!("`{key}` needs the name of the holiday");
                    section.report(&code::HOURS_UNREADABLE, span, message);
                }
                Some((name, _)) => self.holidays.push((days, name.into())),
                None => {}
            }
        }
    }
}

fn not_days(section: &Section<'_>, key: &str, span: Range<usize>) {
    let message = format!("{}: `{key}` is not a day", section.what);
    section.problems.report(&code::HOURS_UNREADABLE, span, message, DAY_FORMS.to_owned());
}

fn not_holidays(section: &Section<'_>, key: &str, span: Range<usize>) {
    let message = format!("{}: `{key}` is not a date", section.what);
    let help = if key.starts_with("rule:") {
        let rules = COUNTRIES.iter().map(|country| country.option.name);
        suggest(key, rules).unwrap_or_default()
    } else {
        format!("a holiday is a whole day: {DAY_FORMS}; hours of a day belong into `days`")
    };
    section.problems.report(&code::HOURS_UNREADABLE, span, message, help);
}

/// A range, or a list of them.
fn read_times(section: &Section<'_>, key: &str, item: Item<'_>) -> Vec<Times> {
    let items: Vec<Item<'_>> = match item.get_ref().as_array() {
        Some(items) if items.len() > RANGES_MAX => {
            section.report(&code::LIMIT, item.span(), format!("more than {RANGES_MAX} ranges"));
            return Vec::new();
        }
        Some(items) => items.iter().collect(),
        None => vec![item],
    };
    let texts = items.into_iter().filter_map(|item| section.as_string(key, item));
    let times = texts.filter_map(|(text, span)| {
        let times = Times::parse(text);
        if times.is_none() {
            let message = format!("{}, `{key}`: `{text}` is not a range of hours", section.what);
            let help = "write \"09:00-12:30\"; a list with nothing in it is closed all day";
            section.problems.report(&code::HOURS_UNREADABLE, span, message, help.to_owned());
        }
        times
    });
    times.collect()
}

impl Open {
    fn parse(text: &str) -> Option<Self> {
        let (days, times) = text.trim().split_once(char::is_whitespace)?;
        Some(Self { days: parse_days(days)?, times: Times::parse(times)? })
    }
}

impl Times {
    fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.trim().split_once('-')?;
        let times = Self { from_min: minutes(from)?, to_min: minutes(to)? };
        (times.from_min < 24 * 60 && times.from_min != times.to_min).then_some(times)
    }

    /// On the day on which it begins.
    const fn contains(self, minute: u16) -> bool {
        let is_before_end = self.to_min <= self.from_min || minute < self.to_min;
        minute >= self.from_min && is_before_end
    }

    /// On the day after.
    const fn spills(self, minute: u16) -> bool {
        self.to_min <= self.from_min && minute < self.to_min
    }
}

fn read_zone(section: &Section<'_>) -> TimeZone {
    let Some(item) = section.required(&ZONE) else { return TimeZone::UTC };
    let Some((name, span)) = section.as_string(ZONE.name, item) else { return TimeZone::UTC };
    TimeZone::get(name).unwrap_or_else(|_| {
        let message = format!("{}: there is no time zone `{name}`", section.what);
        let all: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
        let help = suggest(name, all.iter().map(String::as_str))
            .or_else(|| Some("write an IANA name such as \"America/New_York\"".to_owned()));
        section.problems.report(&code::ZONE_UNKNOWN, span, message, help);
        TimeZone::UTC
    })
}

fn parse_days(text: &str) -> Option<[bool; 7]> {
    let mut days = [false; 7];
    if text.eq_ignore_ascii_case("daily") {
        return Some([true; 7]);
    }
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (parse_day(first)?, parse_day(last)?);
        let length = (last + 7 - first) % 7;
        for offset in 0..=length {
            days[(first + offset) % 7] = true;
        }
    }
    Some(days)
}

fn parse_day(text: &str) -> Option<usize> {
    let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    names.iter().position(|name| text.trim().eq_ignore_ascii_case(name))
}

/// Minutes since midnight; 24:00 is the end of the day.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if !(digits(hour) && digits(minute)) || hour.len() > 2 || minute.len() != 2 {
        return None;
    }
    let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
    let total = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && total <= 24 * 60).then_some(total)
}

fn index(day: Weekday) -> usize {
    usize::from(day.to_monday_zero_offset().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_read_as_people_write_them() {
        let open = Open::parse("Fri-Mon 9:00-17:30").unwrap();
        assert_eq!(open.days, [true, false, false, false, true, true, true]);
        let times = open.times;
        assert!(times.contains(540) && !times.contains(1050) && !times.spills(600));
        let night = Open::parse("Sat 22:00-02:00").unwrap().times;
        assert!(night.contains(1330) && night.spills(119) && !night.contains(60));
        for wrong in ["", "Mon", "Mon 9-17", "Mon 25:00-26:00", "Mun 09:00-10:00", "Mon 9:00-9:00"]
        {
            assert_eq!(Open::parse(wrong), None, "{wrong}");
        }
    }

    fn hours(open: &[&str], days: &[(&str, &[&str])], holidays: &[(&str, &str)]) -> Hours {
        let times = |texts: &[&str]| texts.iter().map(|it| Times::parse(it).unwrap()).collect();
        let days = days.iter().map(|(day, it)| (Days::parse(day).unwrap(), times(it)));
        let holidays = holidays.iter().map(|(day, it)| (Days::parse(day).unwrap(), (*it).into()));
        Hours {
            zone: TimeZone::get("America/New_York").unwrap(),
            open: open.iter().map(|it| Open::parse(it).unwrap()).collect(),
            days: days.collect(),
            holidays: holidays.collect(),
            countries: Vec::new(),
        }
    }

    fn at(hours: &Hours, local: &str) -> String {
        match hours.state_at(local.parse().unwrap()) {
            State::Open => "open".to_owned(),
            State::Closed => "closed".to_owned(),
            State::Holiday(name) => name.to_string(),
        }
    }

    #[test]
    fn daylight_saving_moves_the_opening_in_utc() {
        let hours = hours(&["Mon-Fri 09:00-17:30", "Sun 01:30-02:30"], &[], &[]);
        let at = |text: &str| {
            let ms = text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
            hours.state(Timestamp::from_millis(u64::try_from(ms).unwrap()))
        };
        assert_eq!(at("2026-01-06T13:59:59Z"), State::Closed);
        assert_eq!(at("2026-01-06T14:00:00Z"), State::Open);
        assert_eq!(at("2026-07-07T12:59:59Z"), State::Closed);
        assert_eq!(at("2026-07-07T13:00:00Z"), State::Open);
        assert_eq!(at("2026-07-07T21:30:00Z"), State::Closed);
        // 8 March 2026: after 01:59 comes 03:00, so it is open for half an hour.
        assert_eq!(at("2026-03-08T06:30:00Z"), State::Open);
        assert_eq!(at("2026-03-08T06:59:59Z"), State::Open);
        assert_eq!(at("2026-03-08T07:00:00Z"), State::Closed);
        // 1 November 2026: 01:00 to 01:59 comes twice, and it is open in both second halves.
        assert_eq!(at("2026-11-01T05:30:00Z"), State::Open);
        assert_eq!(at("2026-11-01T06:00:00Z"), State::Closed);
        assert_eq!(at("2026-11-01T06:30:00Z"), State::Open);
        assert_eq!(at("2026-11-01T07:30:00Z"), State::Closed);
    }

    #[test]
    fn days_of_their_own_replace_the_week_and_open_a_holiday_for_some_hours() {
        let hours = hours(
            &["Mon-Fri 09:00-12:30", "Mon-Fri 13:30-17:30"],
            &[
                ("12-24", &["09:00-12:00"]),
                ("2026-12-27", &["10:00-16:00"]), // a Sunday
                ("2026-08-03/2026-08-14", &["09:00-11:00", "15:00-16:00"]),
                ("2026-08-05", &[]),
            ],
            &[("12-24", "ChristmasEve"), ("12-25/12-26", "Christmas")],
        );
        for (local, expected) in [
            ("2026-12-22T12:45", "closed"), // the break
            ("2026-12-22T13:30", "open"),
            ("2026-12-24T09:00", "open"),
            ("2026-12-24T12:00", "ChristmasEve"),
            ("2027-12-24T11:59", "open"),
            ("2026-12-25T10:00", "Christmas"),
            ("2026-12-26T10:00", "Christmas"),
            ("2026-12-27T10:00", "open"),
            ("2026-12-27T16:00", "closed"),
            ("2026-12-28T10:00", "open"),
            ("2026-08-04T10:59", "open"),
            ("2026-08-04T11:00", "closed"),
            ("2026-08-04T15:30", "open"),
            ("2026-08-05T10:00", "closed"),
            ("2026-08-17T11:00", "open"),
            ("2027-08-04T11:00", "open"),
        ] {
            assert_eq!(at(&hours, local), expected, "{local}");
        }
    }

    #[test]
    fn a_night_goes_on_into_the_next_day_unless_that_is_a_holiday() {
        let hours = hours(
            &["Thu-Sat 22:00-02:00"],
            &[("2026-12-30", &["20:00-03:00"]), ("2027-01-15", &["10:00-11:00"])],
            &[("2026-12-25", "Christmas")],
        );
        for (local, expected) in [
            ("2026-12-18T23:00", "open"),
            ("2026-12-19T01:59", "open"),
            ("2026-12-19T02:00", "closed"),
            ("2026-12-24T23:59", "open"),
            ("2026-12-25T00:00", "Christmas"),
            ("2026-12-25T23:00", "Christmas"),
            ("2026-12-26T01:00", "closed"), // the night of the holiday did not begin
            ("2026-12-26T23:00", "open"),
            ("2026-12-30T19:59", "closed"),
            ("2026-12-31T02:59", "open"), // the night of a day with hours of its own
            ("2026-12-31T03:00", "closed"),
            ("2027-01-15T01:00", "open"), // the night before, on a day with hours of its own
            ("2027-01-15T10:30", "open"),
            ("2027-01-15T23:00", "closed"),
        ] {
            assert_eq!(at(&hours, local), expected, "{local}");
        }
    }
}
