//! Amounts, dates, times and numbers as they are said in English, Spanish, German and French.
//!
//! **Invariant:** nothing here fails: what is no date is said as it is written, and so is all of it
//! in a language that is not among these. The language is that of the voice, not of the caller: a
//! prompt may be in several.
//!
//! **Deliberately absent:** numbers in words. Voices read digits well, and better than a table of
//! ours where a number has a gender.

use jiff::civil::{Date, Time, Weekday};
use minijinja::State;
use minijinja::value::Value;

use crate::flow::expr::VOICE;

/// Larger amounts are said as they are written.
const AMOUNT_MAX: f64 = 1e12;

/// A language that these filters speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tongue {
    English,
    Spanish,
    German,
    French,
}

impl Tongue {
    fn of(state: &State<'_, '_>) -> Option<Self> {
        let voice = state.lookup(VOICE).map(|voice| voice.to_string()).unwrap_or_default();
        Self::named(&voice)
    }

    fn named(tag: &str) -> Option<Self> {
        match tag.split('-').next()?.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "es" => Some(Self::Spanish),
            "de" => Some(Self::German),
            "fr" => Some(Self::French),
            _ => None,
        }
    }

    /// In the order of the tables.
    const fn index(self) -> usize {
        match self {
            Self::English => 0,
            Self::Spanish => 1,
            Self::German => 2,
            Self::French => 3,
        }
    }
}

/// 12.5 → "12 dollars and 50 cents".
pub(in crate::flow) fn money(state: &State<'_, '_>, amount: &Value, currency: &str) -> String {
    amount_of(Tongue::of(state), &amount.to_string(), currency)
}

/// "2026-12-24" → "Thursday, December 24, 2026".
pub(in crate::flow) fn date(state: &State<'_, '_>, day: &Value) -> String {
    date_of(Tongue::of(state), &day.to_string())
}

/// "14:30" → "2:30 PM".
pub(in crate::flow) fn time(state: &State<'_, '_>, time: &Value) -> String {
    time_of(Tongue::of(state), &time.to_string())
}

/// 2 → "2nd".
pub(in crate::flow) fn ordinal(state: &State<'_, '_>, number: i64) -> String {
    ordinal_of(Tongue::of(state), number)
}

/// 125 → "2 minutes and 5 seconds".
pub(in crate::flow) fn duration(state: &State<'_, '_>, seconds: f64) -> String {
    duration_of(Tongue::of(state), seconds)
}

/// "+14155550123" → "1, 4 1 5, 5 5 5, 0 1 2 3": digits one by one, in groups, as voices pause at
/// commas.
pub(in crate::flow) fn phone(number: &Value) -> String {
    let text = number.to_string();
    let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() {
        return text;
    }
    let is_american = text.trim_start().starts_with("+1") && digits.len() == 11;
    let groups: Vec<&[char]> = if is_american {
        vec![&digits[..1], &digits[1..4], &digits[4..7], &digits[7..]]
    } else {
        digits.chunks(3).collect()
    };
    let groups = groups.into_iter().map(|group| {
        let digits: Vec<String> = group.iter().map(ToString::to_string).collect();
        digits.join(" ")
    });
    groups.collect::<Vec<_>>().join(", ")
}

/// One and several of a unit and of its hundredth.
struct Coins {
    unit: (&'static str, &'static str),
    part: (&'static str, &'static str),
}

const fn coins(unit: (&'static str, &'static str), part: (&'static str, &'static str)) -> Coins {
    Coins { unit, part }
}

/// By ISO 4217, in the languages' order.
const CURRENCIES: [(&str, [Coins; 4]); 5] = [
    (
        "USD",
        [
            coins(("dollar", "dollars"), ("cent", "cents")),
            coins(("dólar", "dólares"), ("centavo", "centavos")),
            coins(("Dollar", "Dollar"), ("Cent", "Cent")),
            coins(("dollar", "dollars"), ("cent", "cents")),
        ],
    ),
    (
        "EUR",
        [
            coins(("euro", "euros"), ("cent", "cents")),
            coins(("euro", "euros"), ("céntimo", "céntimos")),
            coins(("Euro", "Euro"), ("Cent", "Cent")),
            coins(("euro", "euros"), ("centime", "centimes")),
        ],
    ),
    (
        "GBP",
        [
            coins(("pound", "pounds"), ("penny", "pence")),
            coins(("libra", "libras"), ("penique", "peniques")),
            coins(("Pfund", "Pfund"), ("Penny", "Pence")),
            coins(("livre", "livres"), ("penny", "pence")),
        ],
    ),
    (
        "CHF",
        [
            coins(("franc", "francs"), ("centime", "centimes")),
            coins(("franco", "francos"), ("céntimo", "céntimos")),
            coins(("Franken", "Franken"), ("Rappen", "Rappen")),
            coins(("franc", "francs"), ("centime", "centimes")),
        ],
    ),
    (
        "MXN",
        [
            coins(("peso", "pesos"), ("centavo", "centavos")),
            coins(("peso", "pesos"), ("centavo", "centavos")),
            coins(("Peso", "Pesos"), ("Centavo", "Centavos")),
            coins(("peso", "pesos"), ("centavo", "centavos")),
        ],
    ),
];

fn amount_of(tongue: Option<Tongue>, amount: &str, currency: &str) -> String {
    let as_written = || format!("{amount} {currency}").trim().to_owned();
    let parsed = amount.trim().parse::<f64>().ok().filter(|it| it.abs() < AMOUNT_MAX);
    let known = CURRENCIES.iter().find(|(code, _)| code.eq_ignore_ascii_case(currency));
    let (Some(tongue), Some(value), Some((_, coins))) = (tongue, parsed, known) else {
        return as_written();
    };
    let Coins { unit, part } = &coins[tongue.index()];
    let cents = format!("{:.0}", value.abs() * 100.0).parse::<u64>().unwrap_or(0);
    let counted = |n: u64, (one, many): &(&str, &str)| {
        let is_one = n == 1 || n == 0 && tongue == Tongue::French;
        format!("{n} {}", if is_one { one } else { many })
    };
    let (and, minus) = match tongue {
        Tongue::English => ("and", "minus"),
        Tongue::Spanish => ("con", "menos"),
        Tongue::German => ("und", "minus"),
        Tongue::French => ("et", "moins"),
    };
    let said = match (cents / 100, cents % 100) {
        (0, part_n) if part_n > 0 => counted(part_n, part),
        (units, 0) => counted(units, unit),
        (units, part_n) => format!("{} {and} {}", counted(units, unit), counted(part_n, part)),
    };
    if value < 0.0 && cents > 0 { format!("{minus} {said}") } else { said }
}

/// January first, then the days from Monday.
const NAMES: [([&str; 12], [&str; 7]); 4] = [
    (
        [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    ),
    (
        [
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ],
        ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
    ),
    (
        [
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ],
        ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
    ),
    (
        [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ],
        ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
    ),
];

fn date_of(tongue: Option<Tongue>, text: &str) -> String {
    let parsed = text.trim().get(.."2026-12-24".len()).and_then(|day| day.parse::<Date>().ok());
    let (Some(tongue), Some(date)) = (tongue, parsed) else { return text.to_owned() };
    let (months, weekdays) = &NAMES[tongue.index()];
    let month = months[usize::from(date.month().unsigned_abs()) - 1];
    let weekday = weekdays[index(date.weekday())];
    let (day, year) = (date.day(), date.year());
    match tongue {
        Tongue::English => format!("{weekday}, {month} {day}, {year}"),
        Tongue::Spanish => format!("{weekday} {day} de {month} de {year}"),
        Tongue::German => format!("{weekday}, {day}. {month} {year}"),
        Tongue::French if day == 1 => format!("{weekday} 1er {month} {year}"),
        Tongue::French => format!("{weekday} {day} {month} {year}"),
    }
}

fn index(day: Weekday) -> usize {
    usize::from(day.to_monday_zero_offset().unsigned_abs())
}

fn time_of(tongue: Option<Tongue>, text: &str) -> String {
    let trimmed = text.trim();
    let (day, clock) = trimmed.split_once(['T', ' ']).unwrap_or(("", trimmed));
    let is_dated = day.is_empty() || day.parse::<Date>().is_ok();
    let parsed = clock.get(.."14:30".len()).filter(|_| is_dated);
    let parsed = parsed.and_then(|clock| clock.parse::<Time>().ok());
    let (Some(tongue), Some(time)) = (tongue, parsed) else { return text.to_owned() };
    let (hour, minute) = (time.hour(), time.minute());
    let with = |hours: String, between: &str, whole: &str| match minute {
        0 => format!("{hours}{whole}"),
        _ => format!("{hours}{between}{minute}"),
    };
    match tongue {
        Tongue::English => {
            let half = if hour < 12 { "AM" } else { "PM" };
            let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
            match minute {
                0 => format!("{hour} {half}"),
                _ => format!("{hour}:{minute:02} {half}"),
            }
        }
        Tongue::Spanish => {
            let article = if hour == 1 { "la" } else { "las" };
            with(format!("{article} {hour}"), " y ", "")
        }
        Tongue::German => with(format!("{hour} Uhr"), " ", ""),
        Tongue::French => {
            let word = if hour < 2 { "heure" } else { "heures" };
            with(format!("{hour} {word}"), " ", "")
        }
    }
}

fn ordinal_of(tongue: Option<Tongue>, number: i64) -> String {
    match tongue {
        Some(Tongue::English) => {
            let suffix = match (number % 100, number % 10) {
                (11..=13, _) => "th",
                (_, 1) => "st",
                (_, 2) => "nd",
                (_, 3) => "rd",
                _ => "th",
            };
            format!("{number}{suffix}")
        }
        Some(Tongue::Spanish) => format!("{number}.º"),
        Some(Tongue::French) if number == 1 => "1er".to_owned(),
        Some(Tongue::French) => format!("{number}e"),
        Some(Tongue::German) | None => format!("{number}."),
    }
}

fn duration_of(tongue: Option<Tongue>, seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.clamp(0.0, 1e9).round() } else { 0.0 };
    let whole = format!("{seconds:.0}").parse::<u64>().unwrap_or(0);
    let (and, units) = match tongue {
        Some(Tongue::Spanish) => {
            ("y", [("hora", "horas"), ("minuto", "minutos"), ("segundo", "segundos")])
        }
        Some(Tongue::French) => {
            ("et", [("heure", "heures"), ("minute", "minutes"), ("seconde", "secondes")])
        }
        Some(Tongue::German) => {
            ("und", [("Stunde", "Stunden"), ("Minute", "Minuten"), ("Sekunde", "Sekunden")])
        }
        Some(Tongue::English) | None => {
            ("and", [("hour", "hours"), ("minute", "minutes"), ("second", "seconds")])
        }
    };
    let amounts = [whole / 3600, whole / 60 % 60, whole % 60];
    let parts: Vec<String> = amounts
        .iter()
        .zip(units)
        .filter(|(amount, _)| **amount > 0)
        .map(|(amount, (one, many))| format!("{amount} {}", if *amount == 1 { one } else { many }))
        .collect();
    match parts.as_slice() {
        [] => format!("0 {}", units[2].1),
        [first @ .., last] if !first.is_empty() => format!("{} {and} {last}", first.join(", ")),
        [only, ..] => only.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// English, Spanish, German, French.
    fn each(say: impl Fn(Option<Tongue>) -> String) -> [String; 4] {
        ["en-GB", "es", "de-AT", "FR"].map(|tag| say(Tongue::named(tag)))
    }

    #[test]
    fn money_is_said_in_units_and_hundredths() {
        for (amount, currency, said) in [
            (
                "12.5",
                "USD",
                [
                    "12 dollars and 50 cents",
                    "12 dólares con 50 centavos",
                    "12 Dollar und 50 Cent",
                    "12 dollars et 50 cents",
                ],
            ),
            (
                "1.01",
                "eur",
                [
                    "1 euro and 1 cent",
                    "1 euro con 1 céntimo",
                    "1 Euro und 1 Cent",
                    "1 euro et 1 centime",
                ],
            ),
            ("0", "EUR", ["0 euros", "0 euros", "0 Euro", "0 euro"]),
            ("0.99", "GBP", ["99 pence", "99 peniques", "99 Pence", "99 pence"]),
            ("1000", "MXN", ["1000 pesos", "1000 pesos", "1000 Pesos", "1000 pesos"]),
            (
                "-3.005",
                "CHF",
                ["minus 3 francs", "menos 3 francos", "minus 3 Franken", "moins 3 francs"],
            ),
            ("soon", "USD", ["soon USD", "soon USD", "soon USD", "soon USD"]),
            ("7", "JPY", ["7 JPY", "7 JPY", "7 JPY", "7 JPY"]),
            ("", "USD", ["USD", "USD", "USD", "USD"]),
        ] {
            assert_eq!(each(|tongue| amount_of(tongue, amount, currency)), said, "{amount}");
        }
        assert_eq!(amount_of(Tongue::named("it"), "12.5", "EUR"), "12.5 EUR");
    }

    #[test]
    fn dates_are_said_with_their_day_of_the_week() {
        for (day, said) in [
            (
                "2026-12-24",
                [
                    "Thursday, December 24, 2026",
                    "jueves 24 de diciembre de 2026",
                    "Donnerstag, 24. Dezember 2026",
                    "jeudi 24 décembre 2026",
                ],
            ),
            (
                "2027-01-01T10:00:00Z",
                [
                    "Friday, January 1, 2027",
                    "viernes 1 de enero de 2027",
                    "Freitag, 1. Januar 2027",
                    "vendredi 1er janvier 2027",
                ],
            ),
            ("soon", ["soon", "soon", "soon", "soon"]),
            ("2026-13-01", ["2026-13-01", "2026-13-01", "2026-13-01", "2026-13-01"]),
            ("", ["", "", "", ""]),
        ] {
            assert_eq!(each(|tongue| date_of(tongue, day)), said, "{day}");
        }
        assert_eq!(date_of(Tongue::named("it"), "2026-12-24"), "2026-12-24");
    }

    #[test]
    fn times_are_said_as_the_clock_is_read() {
        for (time, said) in [
            ("14:30", ["2:30 PM", "las 14 y 30", "14 Uhr 30", "14 heures 30"]),
            ("09:05", ["9:05 AM", "las 9 y 5", "9 Uhr 5", "9 heures 5"]),
            ("01:00", ["1 AM", "la 1", "1 Uhr", "1 heure"]),
            ("00:00:00", ["12 AM", "las 0", "0 Uhr", "0 heure"]),
            ("12:15", ["12:15 PM", "las 12 y 15", "12 Uhr 15", "12 heures 15"]),
            ("2026-12-24T23:59:00Z", ["11:59 PM", "las 23 y 59", "23 Uhr 59", "23 heures 59"]),
            ("at noon", ["at noon", "at noon", "at noon", "at noon"]),
            ("25:00", ["25:00", "25:00", "25:00", "25:00"]),
        ] {
            assert_eq!(each(|tongue| time_of(tongue, time)), said, "{time}");
        }
    }

    #[test]
    fn ordinals_and_durations_follow_the_language() {
        for (number, said) in [
            (1, ["1st", "1.º", "1.", "1er"]),
            (2, ["2nd", "2.º", "2.", "2e"]),
            (3, ["3rd", "3.º", "3.", "3e"]),
            (11, ["11th", "11.º", "11.", "11e"]),
            (21, ["21st", "21.º", "21.", "21e"]),
            (112, ["112th", "112.º", "112.", "112e"]),
        ] {
            assert_eq!(each(|tongue| ordinal_of(tongue, number)), said);
        }
        for (seconds, said) in [
            (0.0, ["0 seconds", "0 segundos", "0 Sekunden", "0 secondes"]),
            (60.0, ["1 minute", "1 minuto", "1 Minute", "1 minute"]),
            (
                3_725.4,
                [
                    "1 hour, 2 minutes and 5 seconds",
                    "1 hora, 2 minutos y 5 segundos",
                    "1 Stunde, 2 Minuten und 5 Sekunden",
                    "1 heure, 2 minutes et 5 secondes",
                ],
            ),
        ] {
            assert_eq!(each(|tongue| duration_of(tongue, seconds)), said);
        }
    }

    #[test]
    fn telephone_numbers_are_said_digit_by_digit_in_groups() {
        let phone = |text: &str| phone(&Value::from(text));
        assert_eq!(phone("+14155550123"), "1, 4 1 5, 5 5 5, 0 1 2 3");
        assert_eq!(phone("+49 30 1234567"), "4 9 3, 0 1 2, 3 4 5, 6 7");
        assert_eq!(phone("600"), "6 0 0");
        assert_eq!((phone(""), phone("withheld")), (String::new(), "withheld".to_owned()));
    }
}
