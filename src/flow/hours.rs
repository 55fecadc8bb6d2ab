//! Opening hours: which minutes of the week are open, and which days are holidays.
//!
//! **Invariant:** the answer depends on the time given and the time-zone database in the binary,
//! never on the machine's own zone.
//!
//! **Deliberately absent:** a clock, and holidays that need the moon.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use toml::de::DeValue;

use crate::flow::build::Build;
use crate::flow::code;
use crate::flow::diagnostic::suggest;
use crate::flow::option::{Entries, Flag, Opt, Schema, Value};
use crate::flow::read::{Item, Section};
use crate::time::Timestamp;

/// Ranges one table of hours may have.
const RANGES_MAX: usize = 100;
/// Closed for less than this many minutes, it is a slip and no break.
const GAP_MIN: u16 = 15;

pub(in crate::flow) const TABLE: Schema =
    Schema { name: "hours", groups: &[&[&ZONE, &OPEN, &HOLIDAYS]] };
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
const HOLIDAYS: Opt<Entries> = Opt::entries(
    "holidays",
    "`{ \"2026-12-25\" = \"NAME\" }`",
    "Days that are holidays, each with a name, and sets of them by rule.",
)
.of(&HOLIDAYS_TABLE);

const HOLIDAYS_TABLE: Schema = Schema { name: "hours.holidays", groups: &[&[&RULE_US, &DAY]] };
const RULE_US: Opt<Flag> = Opt::flag(
    "rule:US",
    false,
    "The federal holidays of the USA, on the day they are kept (5 U.S.C. 6103).",
);
/// Stands for keys that the author chooses.
const DAY: Opt<Value> = Opt::value(
    "YYYY-MM-DD",
    "a name",
    "This day is a holiday of this name, from midnight to midnight.",
);

/// The holidays of `rule:US`, by the names that `holiday.NAME` has for them.
pub(in crate::flow) fn us_names() -> impl Iterator<Item = &'static str> {
    US_FEDERAL.iter().map(|(name, _)| *name)
}

pub(in crate::flow) struct Hours {
    zone: TimeZone,
    open: Vec<Open>,
    holidays: BTreeMap<Date, Arc<str>>,
    us_federal: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::flow) enum State {
    Open,
    Closed,
    Holiday(Arc<str>),
}

/// "Mon-Fri 09:00-17:30". When `to` is not after `from`, the range goes on after midnight.
#[derive(Debug, PartialEq, Eq)]
struct Open {
    /// Monday first.
    days: [bool; 7],
    from_min: u16,
    to_min: u16,
}

impl Hours {
    pub(in crate::flow) fn read(build: &Build<'_>, section: &Section<'_>) -> Self {
        let mut hours = Self {
            zone: read_zone(section),
            open: Vec::new(),
            holidays: BTreeMap::new(),
            us_federal: false,
        };
        if let Some(item) = section.required(&OPEN) {
            hours.read_open(section, item);
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
            let after = near(other.to_min, open.from_min).then_some((other.to_min, open.from_min));
            let before = near(open.to_min, other.from_min).then_some((open.to_min, other.from_min));
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
        let local = self.zone.to_datetime(instant);
        if let Some(name) = self.holiday(local.date()) {
            return State::Holiday(name);
        }
        let minute =
            u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let today = index(local.date().weekday());
        if self.open.iter().any(|open| open.contains(today, minute)) {
            State::Open
        } else {
            State::Closed
        }
    }

    pub(in crate::flow) fn has_holidays(&self) -> bool {
        self.us_federal || !self.holidays.is_empty()
    }

    /// Every name `holiday.<Name>` may use.
    pub(in crate::flow) fn holiday_names(&self) -> BTreeSet<&str> {
        let own = self.holidays.values().map(|name| &**name);
        let federal = US_FEDERAL.iter().map(|(name, _)| *name).filter(|_| self.us_federal);
        own.chain(federal).collect()
    }

    fn holiday(&self, date: Date) -> Option<Arc<str>> {
        if let Some(name) = self.holidays.get(&date) {
            return Some(Arc::clone(name));
        }
        if self.us_federal { us_federal(date).map(Arc::from) } else { None }
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
        if items.is_empty() {
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

    fn read_holidays(&mut self, section: &Section<'_>) {
        self.us_federal = section.boolean(&RULE_US);
        for (key, span, item) in section.entries().filter(|(key, ..)| *key != RULE_US.name) {
            let Some(date) = parse_date(key) else {
                section.problems.report(
                    &code::HOURS_UNREADABLE,
                    span,
                    format!("{}: `{key}` is not a date", section.what),
                    "a holiday is a whole day: write \"2026-12-25\" = \"Christmas\", or \
                     \"rule:US\" = true; hours of a day belong into `open`"
                        .to_owned(),
                );
                continue;
            };
            match section.as_string(key, item) {
                Some((name, span)) if name.trim().is_empty() => {
                    let message = format!("`{key}` needs the name of the holiday");
                    section.report(&code::HOURS_UNREADABLE, span, message);
                }
                Some((name, _)) => {
                    self.holidays.insert(date, name.into());
                }
                None => {}
            }
        }
    }
}

impl Open {
    fn parse(text: &str) -> Option<Self> {
        let (days, times) = text.trim().split_once(char::is_whitespace)?;
        let (from, to) = times.trim().split_once('-')?;
        let open = Self { days: parse_days(days)?, from_min: minutes(from)?, to_min: minutes(to)? };
        (open.from_min < 24 * 60 && open.from_min != open.to_min).then_some(open)
    }

    fn contains(&self, today: usize, minute: u16) -> bool {
        let yesterday = (today + 6) % 7;
        if self.from_min < self.to_min {
            return self.days[today] && (self.from_min..self.to_min).contains(&minute);
        }
        self.days[today] && minute >= self.from_min || self.days[yesterday] && minute < self.to_min
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

/// A day as ISO 8601 writes it, and nothing beside it: the parser by itself would take a date with
/// a time for the whole day.
fn parse_date(text: &str) -> Option<Date> {
    let plain = |(at, c): (usize, char)| match at {
        4 | 7 => c == '-',
        _ => c.is_ascii_digit(),
    };
    let shape = text.len() == "2026-12-25".len() && text.chars().enumerate().all(plain);
    text.parse().ok().filter(|_| shape)
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

/// How a holiday falls: on a date, or on the n-th weekday of a month (-1 = the last).
enum Rule {
    On(i8, i8),
    Nth(i8, i8, Weekday),
}

/// 5 U.S.C. §6103(a).
const US_FEDERAL: [(&str, Rule); 11] = [
    ("NewYear", Rule::On(1, 1)),
    ("MartinLutherKing", Rule::Nth(1, 3, Weekday::Monday)),
    ("Presidents", Rule::Nth(2, 3, Weekday::Monday)),
    ("Memorial", Rule::Nth(5, -1, Weekday::Monday)),
    ("Juneteenth", Rule::On(6, 19)),
    ("Independence", Rule::On(7, 4)),
    ("Labor", Rule::Nth(9, 1, Weekday::Monday)),
    ("Columbus", Rule::Nth(10, 2, Weekday::Monday)),
    ("Veterans", Rule::On(11, 11)),
    ("Thanksgiving", Rule::Nth(11, 4, Weekday::Thursday)),
    ("Christmas", Rule::On(12, 25)),
];

/// The federal holiday kept on a day: the day itself, or the working day beside it when the holiday
/// falls on a weekend (Saturday: the Friday before, Sunday: the Monday after).
fn us_federal(date: Date) -> Option<&'static str> {
    if let Some(name) = us_holiday_on(date) {
        return Some(name);
    }
    let beside: Span = match date.weekday() {
        Weekday::Friday => 1.day(),
        Weekday::Monday => -1.day(),
        Weekday::Tuesday
        | Weekday::Wednesday
        | Weekday::Thursday
        | Weekday::Saturday
        | Weekday::Sunday => return None,
    };
    us_holiday_on(date.checked_add(beside).ok()?)
}

fn us_holiday_on(date: Date) -> Option<&'static str> {
    let falls = |rule: &Rule| match *rule {
        Rule::On(month, day) => date.month() == month && date.day() == day,
        Rule::Nth(month, nth, weekday) => {
            date.month() == month
                && date.nth_weekday_of_month(nth, weekday).is_ok_and(|found| found == date)
        }
    };
    US_FEDERAL.iter().find(|(_, rule)| falls(rule)).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str) -> Option<&'static str> {
        us_federal(text.parse().unwrap())
    }

    #[test]
    fn federal_holidays_of_2026_and_their_observed_days() {
        assert_eq!(on("2026-01-01"), Some("NewYear"));
        assert_eq!(on("2026-01-19"), Some("MartinLutherKing"));
        assert_eq!(on("2026-05-25"), Some("Memorial"));
        assert_eq!(on("2026-07-04"), Some("Independence")); // a Saturday
        assert_eq!(on("2026-07-03"), Some("Independence")); // the Friday before
        assert_eq!(on("2026-07-06"), None);
        assert_eq!(on("2026-11-26"), Some("Thanksgiving"));
        assert_eq!(on("2027-12-31"), Some("NewYear")); // 2028-01-01 is a Saturday
        assert_eq!(on("2027-06-18"), Some("Juneteenth"));
        assert_eq!(on("2021-12-27"), None); // Christmas was a Saturday: Friday, not Monday
    }

    #[test]
    fn ranges_read_as_people_write_them() {
        let open = Open::parse("Fri-Mon 9:00-17:30").unwrap();
        assert_eq!(open.days, [true, false, false, false, true, true, true]);
        assert!(open.contains(0, 540) && !open.contains(0, 1050) && !open.contains(1, 600));
        let night = Open::parse("Sat 22:00-02:00").unwrap();
        assert!(night.contains(5, 1330) && night.contains(6, 119) && !night.contains(5, 60));
        for wrong in ["", "Mon", "Mon 9-17", "Mon 25:00-26:00", "Mun 09:00-10:00", "Mon 9:00-9:00"]
        {
            assert_eq!(Open::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn daylight_saving_moves_the_opening_in_utc() {
        let hours = Hours {
            zone: TimeZone::get("America/New_York").unwrap(),
            open: vec![Open::parse("Mon-Fri 09:00-17:30").unwrap()],
            holidays: BTreeMap::new(),
            us_federal: false,
        };
        let at = |text: &str| {
            let ms = text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
            hours.state(Timestamp::from_millis(u64::try_from(ms).unwrap()))
        };
        assert_eq!(at("2026-01-06T13:59:59Z"), State::Closed);
        assert_eq!(at("2026-01-06T14:00:00Z"), State::Open);
        assert_eq!(at("2026-07-07T12:59:59Z"), State::Closed);
        assert_eq!(at("2026-07-07T13:00:00Z"), State::Open);
        assert_eq!(at("2026-07-07T21:30:00Z"), State::Closed);
    }
}
