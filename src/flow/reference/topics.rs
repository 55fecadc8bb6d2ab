//! What is no verb: the file, hours, texts, prompts, secrets, keys.
//!
//! **Invariant:** names and numbers come from the tables and limits that the language goes by.

use crate::flow::build::{PARTS_MAX, SPEECH_LEN_MAX};
use crate::flow::check::AFTER_HANGUP;
use crate::flow::expr::TEXT_LEN_MAX;
use crate::flow::filters::{FILTERS, TESTS, Word};
use crate::flow::hours::{self, rules::COUNTRIES};
use crate::flow::known::{CALL_FIELDS, CALLER_FIELDS, Fact, QUEUE_FIELDS, WORDS};
use crate::flow::late::LATE_FINISH;
use crate::flow::parse::{FILE_LEN_MAX, HEAD, STEPS_MAX};
use crate::flow::reference::fronts::{Front, otherwise};
use crate::flow::reference::page::{Block, Page};
use crate::flow::reference::verbs;
use crate::flow::run::{FAILURES_MAX, STEPS_PER_INPUT_MAX, TYPE_AHEAD_MAX};
use crate::words::Need;

pub(super) struct Topic {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    blocks: fn(&[Front<'_>]) -> Vec<Block>,
}

#[rustfmt::skip]
pub(super) const TOPICS: &[Topic] = &[
    Topic { name: "file", title: "`[flow]`, steps, and what goes wrong", blocks: file },
    Topic { name: "hours", title: "opening hours and holidays", blocks: opening },
    Topic { name: "templates", title: "what is filled in, and conditions", blocks: templates },
    Topic { name: "prompts", title: "texts, sounds and languages", blocks: prompts },
    Topic { name: "keys", title: "keys, and keys typed ahead", blocks: keys },
    Topic { name: "secrets", title: "what must not be written down", blocks: secrets },
    Topic { name: "providers", title: "what providers do otherwise", blocks: providers },
];

impl Topic {
    pub(super) fn page(&self, fronts: &[Front<'_>]) -> Page {
        let title = self.title.to_owned();
        Page { name: self.name, title, blocks: (self.blocks)(fronts) }
    }
}

pub(super) fn preface() -> &'static str {
    "A flow says what a caller hears, presses and reaches. It is one TOML file; each table\n\
     `[verb.name]` is one step. `attendant check FILE` says what is wrong with it, with place and\n\
     suggestion, and `attendant simulate FILE` plays days of calls through it.\n"
}

fn file(_: &[Front<'_>]) -> Vec<Block> {
    let mut blocks = vec![Block::text(
        "Each table `[verb.name]` is one step: the verb says what happens there, and the name is \
         yours: letters, digits, `_` and `-`, each name once in a file. An exit of a step names the \
         step where the call goes on. The name of the file, without `.toml`, is that of the flow.",
    )];
    blocks.extend(verbs::described(&HEAD));
    blocks.extend([
        Block::text(format!(
            "Where a step cannot do its work, as a queue that is full and has no exit `full`, the \
             call goes to the step's `on_error`, or else to that of `[flow]`. Without either, and \
             after {FAILURES_MAX} failures in one call, the caller hears an apology and the call \
             ends. When the caller hangs up, `on_hangup` runs; it leads through {AFTER_HANGUP} only, \
             because nobody is there to hear or to press.",
        )),
        Block::text(format!(
            "A file has at most {FILE_LEN_MAX} bytes and {STEPS_MAX} steps. A loop must wait for the \
             caller, an agent or a party somewhere, or go through a step `loop`, and every step that asks must have a way to a \
             queue, a transfer or a hangup: the check says where one does not. More than \
             {STEPS_PER_INPUT_MAX} steps without waiting are a failure. A call keeps the flow it \
             began with, whatever is reloaded meanwhile.",
        )),
    ]);
    blocks
}

fn opening(_: &[Front<'_>]) -> Vec<Block> {
    let mut blocks = vec![
        Block::text(
            "`[hours.NAME]` says when it is open, and `hours_check` goes by it. There may be several, \
             of other departments or other zones. Two times of one day are two entries of `open`: that \
             makes a break. A range that ends at or before its beginning goes on after midnight; \
             `24:00` is the end of a day. All times are those of the clock on the wall: on the day on \
             which it is put forward an hour is missing, and on the day on which it is put back one \
             counts twice.",
        ),
        Block::text(
            "A day that is in `days` has hours of its own, in place of those of the week: half a day, \
             or a Sunday that is worked. A day that is in `holidays` is a holiday from midnight to \
             midnight, whatever `open` says of it, and the night of a holiday does not begin; where it \
             is in `days`, too, it is open in those hours, and a holiday in all others. A day is \
             written `\"2026-12-24\"`, several are `\"2026-12-24/2026-12-31\"`, and without a year both \
             are of every year: `\"12-24\"`, `\"12-24/01-02\"`. Of several that have a day a date comes \
             first, then dates, then a day of every year, then several of every year.",
        ),
    ];
    blocks.extend(verbs::described(&hours::TABLE));
    let holidays = COUNTRIES.iter().map(|country| {
        let names: Vec<String> = country.days.iter().map(|(name, _)| format!("`{name}`")).collect();
        (format!("\"{}\" = true", country.option.name), format!("{}.", names.join(", ")))
    });
    blocks.push(Block::text(
        "The holidays of a rule, by the names that `holiday.NAME` of an `hours_check` may use. One of \
         the USA that falls on a Saturday is kept on the Friday before, too, and one on a Sunday on the \
         Monday after. Holidays of a state or a town are written by date.",
    ));
    blocks.push(Block::Names(holidays.collect()));
    blocks.push(Block::code(
        "[hours.office]\ntimezone = \"America/New_York\"\n\
         open     = [\"Mon-Fri 09:00-12:30\", \"Mon-Fri 13:30-17:30\", \"Sat 10:00-14:00\"]\n\
         days     = { \"12-24\" = [\"09:00-12:00\"], \"2026-12-27\" = [\"10:00-16:00\"] }\n\
         holidays = { \"rule:US\" = true, \"12-24\" = \"ChristmasEve\", \"12-27/12-31\" = \"Year\" }",
    ));
    blocks
}

fn templates(_: &[Front<'_>]) -> Vec<Block> {
    let mut known = fields("caller.", &CALLER_FIELDS);
    known.extend(fields("call.", &CALL_FIELDS));
    known.extend(fields("queue.", &QUEUE_FIELDS));
    known.extend(fields("", &WORDS));
    vec![
        Block::text(
            "In a text, `{{ … }}` is filled in for each caller, and `{% if … %}`, `{% elif … %}`, \
             `{% else %}` and `{% endif %}` choose words. What is not known is filled in as \
             nothing. What was filled in is not looked at again: a caller whose name has braces is \
             greeted with them.",
        ),
        Block::code(
            "text = \"Welcome{% if caller.name %}, {{ caller.name }}{% endif %}.\"\n\
             text = \"Your account is {{ account|digits }}.\"",
        ),
        Block::text(format!(
            "A text is cut at {TEXT_LEN_MAX} bytes once it is filled in. There are no loops, \
             functions or assignments: a flow has steps for those.",
        )),
        Block::part("What can be named"),
        Block::Names(known),
        Block::text(
            "Beside these: each further field of `[callers]` as `caller.NAME`, and the variables \
             that `set`, `collect`, `record` and `lookup` set. `queue.position` and \
             `queue.waiting` belong into what a queue announces. The check says where a variable \
             is not set on some way to a step: look first, as in `{% if account is defined %}`, or \
             write `{{ account|default('none') }}`.",
        ),
        Block::part("Filters, as in `{{ account|digits }}`"),
        Block::text(
            "`date`, `duration`, `money`, `ordinal` and `time` speak English, Spanish, German and \
             French: the language of the voice that says the text. What they cannot read, and what \
             another language has to say, is said as it is written; a duration in English.",
        ),
        Block::Names(words(&FILTERS)),
        Block::part("Tests, as in `account is defined`"),
        Block::Names(words(&TESTS)),
        Block::part("Conditions"),
        Block::text(
            "`if` of a `branch`, `valid` of a `collect` and `{% if … %}` have conditions: `==` `!=` \
             `<` `<=` `>` `>=`, `and`, `or`, `not`, `in`, tests after `is`, `+` `-` `*` `/` `//` `%`, \
             `~` to join texts, and `a if condition else b`. A comparison with something that is not \
             known does not hold. What a caller typed is a text: `account == '007'`, and \
             `account|int > 7` where it counts as a number.",
        ),
    ]
}

fn fields(before: &str, fields: &[Fact]) -> Vec<(String, String)> {
    let named =
        fields.iter().map(|field| (format!("{before}{}", field.name), field.help.to_owned()));
    named.collect()
}

fn words(words: &[Word]) -> Vec<(String, String)> {
    words.iter().map(|word| (word.name.to_owned(), word.help.to_owned())).collect()
}

fn prompts(_: &[Front<'_>]) -> Vec<Block> {
    vec![
        Block::text(format!(
            "What is said is a text, or a list of at most {PARTS_MAX} that are said one after \
             another; one text has at most {SPEECH_LEN_MAX} bytes. A text that is nothing but the \
             name of a `.wav` file is played from the folder of prompts. In `no_input` and its like \
             a list has one text for each time it happens, and the last for all further times.",
        )),
        Block::code(
            "text    = [\"welcome.wav\", \"Please listen carefully.\"]\n\
             text.en = \"Your PIN, please.\"\n\
             text.es = \"Su PIN, por favor.\"",
        ),
        Block::text(
            "A list may change the language from text to text, for callers of whom it is not known \
             yet: `text = [{ en = \"For English, press 1.\" }, { es = \"Para español, oprima el \
             dos.\" }]`.",
        ),
        Block::text(
            "A flow that speaks several languages lists them in `languages` of `[flow]`, and has a \
             text for each, as above; where one is missing, the caller hears that of the first \
             language, and the check warns. A text that is the same for all languages stands alone. \
             A call begins in `caller.language`, if the flow speaks it, and else in the first one; \
             `set` changes it with `language`, and `say` may speak another one for once. The voice \
             of each language is in `[voices]` of the configuration.",
        ),
    ]
}

fn keys(_: &[Front<'_>]) -> Vec<Block> {
    vec![
        Block::text(format!(
            "A key pressed while something is said stops it (unless `barge_in = false`) and is \
             answered by the step that asks. Callers who know the way type ahead: up to \
             {TYPE_AHEAD_MAX} keys wait for the steps that ask for them, and whatever would be said \
             before is skipped. What was typed ahead is forgotten by a failed try, by `clear_keys`, \
             and where a call is handed to people (`queue`, `transfer`) or a message is recorded.",
        )),
        Block::text(format!(
            "People end an input with `#` by habit. A `#` that comes within {} s after an input was \
             complete without it (or `inter_digit_s`, where the step names the key) belongs to that \
             input, and no later step acts on it, unless that step lists `#` as a key of its own.",
            LATE_FINISH.as_secs()
        )),
        Block::text(
            "In TOML, `*` and `#` need quotes: `keys = { 1 = \"billing\", \"*\" = \"main\" }`.",
        ),
    ]
}

fn secrets(_: &[Front<'_>]) -> Vec<Block> {
    vec![
        Block::text(
            "With `secret = true` on a step that asks, the keys pressed there are in no log, record \
             or journal, and nobody who listens or records hears them; neither are keys typed ahead \
             of it. A variable that it sets may decide conditions, and the `body` of a `lookup` may \
             send it. It cannot be said, shown or copied: the check refuses that.",
        ),
        Block::text(
            "A variable of a `lookup` is secret with `{ path = \"…\", secret = true }`. A secret that \
             a service wants to see stands in `[lookup.secrets]` of the configuration, and a header \
             names it: `{ before = \"Bearer \", secret = \"crm\" }`.",
        ),
        Block::code(
            "[collect.pin]\ntext    = \"Please enter your PIN.\"\ninto    = \"typed\"\nsecret  = true\n\
             next    = \"compare\"\ngive_up = \"people\"\n\n[branch.compare]\n\
             cases = [{ if = \"typed == pin\", next = \"account\" }]\nelse  = \"people\"",
        ),
    ]
}

fn providers(fronts: &[Front<'_>]) -> Vec<Block> {
    let words = [Need::Language("tlh".to_owned())];
    let voices = otherwise("", &words, fronts);
    let voices =
        voices.into_iter().map(|(_, how)| ("a language it has no voice for".to_owned(), how));
    vec![
        Block::text(
            "Calls by SIP are carried out as this reference says. A provider that asks what to do by \
             webhook differs where its documents cannot say the same. Each verb lists what; \
             `attendant check --provider NAME` shows it at the lines of your flows.",
        ),
        Block::Names(voices.collect()),
    ]
}
