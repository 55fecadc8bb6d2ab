//! F02: names of steps, variables, languages and hours.

use super::kind::{Code, codes};

codes! {
    STEP_UNKNOWN = Code::error(
        201,
        "an exit leads to a step that is not there",
        "Exits name steps of the same file. Where several exits name the same missing step, the \
         first is shown, with the lines of the others.",
    )
    .wrong(r#"
[say.a]
text = "Hello."
next = "ned"

[hangup.end]
"#)
    .right(r#"
[say.a]
text = "Hello."
next = "end"

[hangup.end]
"#);
    STEP_TWICE = Code::error(
        202,
        "two steps of one name",
        "A step is named in exits without its verb, so the name alone must tell it from all others \
         of the file.",
    )
    .wrong(r#"
[say.a]
text = "Hello."
next = "b"

[play.b]
file = "x.wav"
next = "end"

[hangup.b]

[hangup.end]
"#)
    .right(r#"
[say.a]
text = "Hello."
next = "b"

[play.b]
file = "x.wav"
next = "end"

[hangup.end]
"#);
    NAME_UNUSABLE = Code::error(
        203,
        "a name that no step may have",
        "Names of steps stand in records, reports and pictures: letters, digits, `_` and `-`, at \
         most 64 characters.",
    )
    .wrong(r#"
[say.a]
text = "Hello."
next = "the end"

[hangup."the end"]
"#)
    .right(r#"
[say.a]
text = "Hello."
next = "the_end"

[hangup.the_end]
"#);
    VARIABLE_UNUSABLE = Code::error(
        204,
        "a name that no variable may have",
        "A variable is written in small letters, digits and `_`, and does not begin with a digit. \
         What the language itself uses, such as `caller` and `language`, is taken.",
    )
    .wrong(r#"
[set.a]
vars = { caller = "Ada" }
next = "end"

[hangup.end]
"#)
    .right(r#"
[set.a]
vars = { customer = "Ada" }
next = "end"

[hangup.end]
"#);
    LANGUAGE_UNKNOWN = Code::error(
        205,
        "a language that the flow does not speak",
        "`languages` of `[flow]` lists what the flow speaks. Words in another language would never \
         be heard.",
    )
    .wrong(r#"
[hangup.a]
text.en = "Goodbye."
text.es = "Adiós."
"#)
    .right(r#"
[flow]
numbers   = ["600"]
start     = "a"
languages = ["en", "es"]

[hangup.a]
text.en = "Goodbye."
text.es = "Adiós."
"#);
    LANGUAGE_UNREADABLE = Code::error(
        206,
        "`languages` that cannot be read",
        "A language is a tag of BCP 47: two or three letters, and where it matters a region, as in \
         `pt-BR`. Each is there once. The first is the one that every text needs.",
    )
    .wrong(r#"
[flow]
numbers   = ["600"]
start     = "a"
languages = ["english"]

[hangup.a]
"#)
    .right(r#"
[flow]
numbers   = ["600"]
start     = "a"
languages = ["en"]

[hangup.a]
"#);
    HOURS_UNKNOWN = Code::error(
        207,
        "opening hours that are not there",
        "A step that asks for opening hours names a table `[hours.NAME]` of the same file.",
    )
    .wrong(r#"
[hours_check.a]
hours  = "office"
open   = "end"
closed = "end"

[hangup.end]
"#)
    .right(r#"
[hours.office]
timezone = "Europe/Berlin"
open     = ["Mon-Fri 09:00-17:00"]

[hours_check.a]
hours  = "office"
open   = "end"
closed = "end"

[hangup.end]
"#);
    HOURS_UNREADABLE = Code::error(
        208,
        "a range of hours or a holiday that cannot be read",
        "A range is days and a time: `Mon-Fri 09:00-17:30`, `Sat,Sun 22:00-02:00`, \
         `daily 00:00-24:00`. A holiday is a date with a name, `\"2026-12-25\" = \"Christmas\"`, \
         or a rule, `\"rule:US\" = true`.",
    )
    .wrong(r#"
[hours.office]
timezone = "UTC"
open     = ["Mon-Fri 9-17"]

[hangup.a]
"#)
    .right(r#"
[hours.office]
timezone = "UTC"
open     = ["Mon-Fri 09:00-17:00"]

[hangup.a]
"#);
    ZONE_UNKNOWN = Code::error(
        209,
        "a time zone that is not there",
        "`timezone` is a name of the IANA time zone database: a continent and a city, as in \
         `America/New_York`. An abbreviation such as `EST` has no daylight saving.",
    )
    .wrong(r#"
[hours.office]
timezone = "Berlin"
open     = ["Mon-Fri 09:00-17:00"]

[hangup.a]
"#)
    .right(r#"
[hours.office]
timezone = "Europe/Berlin"
open     = ["Mon-Fri 09:00-17:00"]

[hangup.a]
"#);
    HOLIDAY_UNKNOWN = Code::error(
        210,
        "a holiday that the hours do not have",
        "`holiday.NAME` leads somewhere on the holiday of this name, which `holidays` of the hours \
         declares.",
    )
    .wrong(r#"
[hours.office]
timezone = "UTC"
open     = ["Mon-Fri 09:00-17:00"]
holidays = { "2026-12-25" = "Christmas" }

[hours_check.a]
hours  = "office"
open   = "end"
closed = "end"
holiday.Xmas = "end"

[hangup.end]
"#)
    .right(r#"
[hours.office]
timezone = "UTC"
open     = ["Mon-Fri 09:00-17:00"]
holidays = { "2026-12-25" = "Christmas" }

[hours_check.a]
hours  = "office"
open   = "end"
closed = "end"
holiday.Christmas = "end"

[hangup.end]
"#);
    NEVER_OPEN = Code::warning(
        211,
        "hours that are never open",
        "An empty list of hours is closed all week. Where that is meant, a step that does not ask \
         for hours says it better.",
    )
    .wrong(r#"
[hours.office]
timezone = "UTC"
open     = []

[hangup.a]
"#)
    .right(r#"
[hours.office]
timezone = "UTC"
open     = ["daily 00:00-24:00"]

[hangup.a]
"#);
    HOURS_GAP = Code::warning(
        212,
        "hours that are closed for a few minutes",
        "Between two ranges of one day a gap of less than a quarter of an hour is probably a slip: \
         callers in it hear that it is closed.",
    )
    .wrong(r#"
[hours.office]
timezone = "UTC"
open     = ["Mon-Fri 09:00-12:00", "Mon-Fri 12:01-17:00"]

[hangup.a]
"#)
    .right(r#"
[hours.office]
timezone = "UTC"
open     = ["Mon-Fri 09:00-12:00", "Mon-Fri 12:00-17:00"]

[hangup.a]
"#);
    HOLIDAY_UNTOLD = Code::warning(
        213,
        "hours with holidays, and a step that has nothing to say on them",
        "On a holiday callers go on at `closed`, where words such as `call again at nine` \
         would be wrong. Lead them somewhere with `holiday`, or with `holiday.NAME` for one of \
         them.",
    )
    .wrong(r#"
[hours.office]
timezone = "UTC"
open     = ["Mon-Fri 09:00-17:00"]
holidays = { "2026-12-25" = "Christmas" }

[hours_check.a]
hours  = "office"
open   = "end"
closed = "end"

[hangup.end]
"#)
    .right(r#"
[hours.office]
timezone = "UTC"
open     = ["Mon-Fri 09:00-17:00"]
holidays = { "2026-12-25" = "Christmas" }

[hours_check.a]
hours   = "office"
open    = "end"
closed  = "end"
holiday = "christmas"

[hangup.end]

[hangup.christmas]
text = "We are closed for Christmas."
"#);
}
