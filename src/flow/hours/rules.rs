//! The holidays of countries, by rule.
//!
//! **Invariant:** each is fixed by a law of the whole country, which is named; nothing is guessed
//! of a year.
//!
//! **Deliberately absent:** holidays of a state, a community or a town, days that a government
//! moves for one year, and calendars of the moon other than Easter: those are written by date.

use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};

use crate::flow::option::{Flag, Opt};

/// A country's holidays, and the option that switches them on.
pub(in crate::flow) struct Country {
    pub(in crate::flow) option: Opt<Flag>,
    pub(in crate::flow) days: &'static [(&'static str, Rule)],
    /// One on a Saturday is kept on the Friday before, too, one on a Sunday on the Monday after.
    is_moved_from_weekends: bool,
}

/// How a holiday falls.
pub(in crate::flow) enum Rule {
    /// Month and day.
    On(i8, i8),
    /// The n-th weekday of a month; -1 is the last.
    Nth(i8, i8, Weekday),
    /// This number of days after Easter Sunday.
    Easter(i64),
}

pub(in crate::flow) const COUNTRIES: [&Country; 4] = [&DE, &ES, &FR, &US];

const DE: Country = Country {
    option: Opt::flag(
        "rule:DE",
        false,
        "The holidays of all states of Germany (their laws; Einigungsvertrag, article 2).",
    ),
    is_moved_from_weekends: false,
    days: &[
        ("NewYear", Rule::On(1, 1)),
        ("GoodFriday", Rule::Easter(-2)),
        ("EasterMonday", Rule::Easter(1)),
        ("MayDay", Rule::On(5, 1)),
        ("Ascension", Rule::Easter(39)),
        ("WhitMonday", Rule::Easter(50)),
        ("GermanUnity", Rule::On(10, 3)),
        ("Christmas", Rule::On(12, 25)),
        ("SecondChristmas", Rule::On(12, 26)),
    ],
};

const ES: Country = Country {
    option: Opt::flag(
        "rule:ES",
        false,
        "The national holidays of Spain, Epiphany with them (Real Decreto 2001/1983, article 45).",
    ),
    is_moved_from_weekends: false,
    days: &[
        ("NewYear", Rule::On(1, 1)),
        ("Epiphany", Rule::On(1, 6)),
        ("GoodFriday", Rule::Easter(-2)),
        ("MayDay", Rule::On(5, 1)),
        ("Assumption", Rule::On(8, 15)),
        ("NationalDay", Rule::On(10, 12)),
        ("AllSaints", Rule::On(11, 1)),
        ("Constitution", Rule::On(12, 6)),
        ("ImmaculateConception", Rule::On(12, 8)),
        ("Christmas", Rule::On(12, 25)),
    ],
};

const FR: Country = Country {
    option: Opt::flag(
        "rule:FR",
        false,
        "The legal holidays of France (Code du travail, article L3133-1).",
    ),
    is_moved_from_weekends: false,
    days: &[
        ("NewYear", Rule::On(1, 1)),
        ("EasterMonday", Rule::Easter(1)),
        ("MayDay", Rule::On(5, 1)),
        ("VictoryDay", Rule::On(5, 8)),
        ("Ascension", Rule::Easter(39)),
        ("WhitMonday", Rule::Easter(50)),
        ("NationalDay", Rule::On(7, 14)),
        ("Assumption", Rule::On(8, 15)),
        ("AllSaints", Rule::On(11, 1)),
        ("Armistice", Rule::On(11, 11)),
        ("Christmas", Rule::On(12, 25)),
    ],
};

const US: Country = Country {
    option: Opt::flag(
        "rule:US",
        false,
        "The federal holidays of the USA, on the day they are kept (5 U.S.C. 6103).",
    ),
    is_moved_from_weekends: true,
    days: &[
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
    ],
};

impl Country {
    /// The holiday that is kept on a day.
    pub(in crate::flow) fn holiday(&self, day: Date) -> Option<&'static str> {
        let on = self.on(day);
        if on.is_some() || !self.is_moved_from_weekends {
            return on;
        }
        let beside: Span = match day.weekday() {
            Weekday::Friday => 1.day(),
            Weekday::Monday => -1.day(),
            Weekday::Tuesday
            | Weekday::Wednesday
            | Weekday::Thursday
            | Weekday::Saturday
            | Weekday::Sunday => return None,
        };
        self.on(day.checked_add(beside).ok()?)
    }

    fn on(&self, day: Date) -> Option<&'static str> {
        self.days.iter().find(|(_, rule)| rule.falls_on(day)).map(|(name, _)| *name)
    }
}

impl Rule {
    fn falls_on(&self, day: Date) -> bool {
        match *self {
            Self::On(month, of_month) => day.month() == month && day.day() == of_month,
            Self::Nth(month, nth, weekday) => {
                day.month() == month
                    && day.nth_weekday_of_month(nth, weekday).is_ok_and(|found| found == day)
            }
            Self::Easter(after) => {
                let easter = easter(day.year());
                easter.and_then(|easter| easter.checked_add(after.days()).ok()) == Some(day)
            }
        }
    }
}

/// Easter Sunday of the Gregorian calendar, by the algorithm that Nature printed on 20 April 1876.
fn easter(year: i16) -> Option<Date> {
    let year = i32::from(year);
    let (golden, century, of_century) = (year % 19, year / 100, year % 100);
    let corrected = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - corrected + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * late + 114;
    let (month, day) = (days / 31, days % 31 + 1);
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(country: &Country, day: &str) -> Option<&'static str> {
        country.holiday(day.parse().unwrap())
    }

    #[test]
    fn federal_holidays_of_2026_and_their_observed_days() {
        assert_eq!(on(&US, "2026-01-01"), Some("NewYear"));
        assert_eq!(on(&US, "2026-01-19"), Some("MartinLutherKing"));
        assert_eq!(on(&US, "2026-05-25"), Some("Memorial"));
        assert_eq!(on(&US, "2026-07-04"), Some("Independence")); // a Saturday
        assert_eq!(on(&US, "2026-07-03"), Some("Independence")); // the Friday before
        assert_eq!(on(&US, "2026-07-06"), None);
        assert_eq!(on(&US, "2026-11-26"), Some("Thanksgiving"));
        assert_eq!(on(&US, "2027-12-31"), Some("NewYear")); // 2028-01-01 is a Saturday
        assert_eq!(on(&US, "2027-06-18"), Some("Juneteenth"));
        assert_eq!(on(&US, "2021-12-27"), None); // Christmas was a Saturday: Friday, not Monday
    }

    /// As almanacs have it, early and late, in leap years and after the turn of a century.
    #[test]
    fn easter_falls_as_almanacs_say() {
        for day in [
            "1818-03-22",
            "1900-04-15",
            "1943-04-25",
            "2000-04-23",
            "2008-03-23",
            "2019-04-21",
            "2024-03-31",
            "2025-04-20",
            "2026-04-05",
            "2027-03-28",
            "2038-04-25",
            "2100-03-28",
        ] {
            let day: Date = day.parse().unwrap();
            assert_eq!(easter(day.year()), Some(day));
        }
    }

    #[test]
    fn holidays_of_europe_move_with_easter_and_not_from_weekends() {
        for (country, day, name) in [
            (&DE, "2026-04-03", Some("GoodFriday")),
            (&DE, "2026-04-06", Some("EasterMonday")),
            (&DE, "2026-05-14", Some("Ascension")),
            (&DE, "2026-05-25", Some("WhitMonday")),
            (&DE, "2026-10-03", Some("GermanUnity")), // a Saturday
            (&DE, "2026-10-02", None),
            (&DE, "2026-12-26", Some("SecondChristmas")),
            (&FR, "2026-04-03", None),
            (&FR, "2026-04-06", Some("EasterMonday")),
            (&FR, "2026-05-08", Some("VictoryDay")),
            (&FR, "2026-07-14", Some("NationalDay")),
            (&FR, "2026-12-26", None),
            (&ES, "2026-01-06", Some("Epiphany")),
            (&ES, "2026-04-03", Some("GoodFriday")),
            (&ES, "2026-04-06", None),
            (&ES, "2026-10-12", Some("NationalDay")),
            (&ES, "2026-12-08", Some("ImmaculateConception")),
        ] {
            assert_eq!(on(country, day), name, "{day} {}", country.option.name);
        }
    }
}
