//! What a table of the language may hold: each option once, for reading and for the reference.
//!
//! ```text
//! const TIMEOUT: Opt<Seconds> = Opt::seconds("timeout_s", 5, 1..=120, "How long …");
//! let timeout = section.seconds(&TIMEOUT);      // in `read`
//! ```
//!
//! **Invariant:** the name, the default and the range that a
//! [`Section`](crate::flow::read::Section) goes by are those the reference prints, because both
//! have them from one [`Opt`]. An option that its [`Schema`] does not list cannot be read (a debug
//! assertion), and one that is listed and never read fails a test. A default out of its range does
//! not compile.
//!
//! **Deliberately absent:** reading, which is `read.rs`, and what a page looks like, which is
//! `reference/page.rs`.

use std::ops::RangeInclusive;

use serde_json::{Value as Json, json};

/// The options a table has, in the order of the reference.
pub(in crate::flow) type Options = &'static [&'static dyn Described];

/// A table of the file.
pub(in crate::flow) struct Schema {
    /// As the reference names it: `menu`, `queue.relax`.
    pub(in crate::flow) name: &'static str,
    /// Its own, and those it shares with other tables.
    pub(in crate::flow) groups: &'static [Options],
}

impl Schema {
    /// A table whose keys the author of a flow chooses: skills, variables, languages.
    pub(in crate::flow) const FREE: Self = Self { name: "", groups: &[] };

    pub(in crate::flow) fn options(&self) -> impl Iterator<Item = &'static dyn Described> + use<> {
        self.groups.iter().copied().flatten().copied()
    }

    pub(in crate::flow) fn has(&self, name: &str) -> bool {
        self.options().any(|option| option.name() == name)
    }
}

/// What every step may have.
pub(in crate::flow) const STEP: Options = &[&ON_ERROR];
pub(in crate::flow) const ON_ERROR: Opt<ExitTo> =
    Opt::exit("on_error", "The step could not do its work, and no exit of its own is for that.")
        .without("that of `[flow]`");

/// One option: how it is written, what it may be, and what it is for.
#[derive(Clone, Copy)]
pub(in crate::flow) struct Opt<K> {
    pub(in crate::flow) name: &'static str,
    pub(in crate::flow) kind: K,
    /// What it does, in one sentence; for an exit, when it is taken.
    help: &'static str,
    without: Without,
}

/// What holds where an option is not there.
#[derive(Clone, Copy)]
enum Without {
    /// What its kind has as the default.
    Default,
    /// Nothing good: it must be there. With what to write, where that is not plain.
    Required(Option<&'static str>),
    /// Something that follows from other things.
    Follows(&'static str),
}

/// What a value may be.
pub(in crate::flow) trait Kind: Copy + Sync {
    /// "seconds, 1 to 120".
    fn is(&self) -> String;

    /// As the file would have it.
    fn default(&self) -> Option<String> {
        None
    }

    /// The entries of a value that is a table, or a list of them.
    fn table(&self) -> Option<&'static Schema> {
        None
    }

    fn leads(&self) -> Leads {
        Leads::Nowhere
    }

    /// What a value may be, for JSON Schema: as narrow as the kind is, and no narrower.
    fn json(&self) -> Json {
        json!({})
    }
}

/// Whether the call may go on where an option says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) enum Leads {
    Nowhere,
    /// An exit of this name.
    ByName,
    /// One exit per entry, as this says of its name.
    ByEntry(&'static str),
}

/// An option of any kind, as the reference looks at it.
pub(in crate::flow) trait Described: Sync {
    fn name(&self) -> &'static str;
    fn help(&self) -> &'static str;
    /// What may be written.
    fn is(&self) -> String;
    /// What holds without it: a value, "required", a sentence, or nothing.
    fn without(&self) -> String;
    fn table(&self) -> Option<&'static Schema>;
    fn leads(&self) -> Leads;
    /// What a value may be, for JSON Schema.
    fn json(&self) -> Json;
    /// Whether it must be there.
    fn is_required(&self) -> bool;
}

impl<K: Kind> Described for Opt<K> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn is(&self) -> String {
        self.kind.is()
    }

    fn without(&self) -> String {
        match self.without {
            Without::Default => self.kind.default().map(|it| format!("`{it}`")).unwrap_or_default(),
            Without::Required(_) => "required".to_owned(),
            Without::Follows(what) => what.to_owned(),
        }
    }

    fn table(&self) -> Option<&'static Schema> {
        self.kind.table()
    }

    fn leads(&self) -> Leads {
        self.kind.leads()
    }

    fn json(&self) -> Json {
        self.kind.json()
    }

    fn is_required(&self) -> bool {
        matches!(self.without, Without::Required(_))
    }
}

/// Something in words: what its verb makes of it, its verb checks.
#[derive(Clone, Copy)]
pub(in crate::flow) struct Value(&'static str, Form);

/// What TOML a value in words is written as, where that is fixed.
#[derive(Clone, Copy)]
enum Form {
    Any,
    Text,
    /// A text, a list of them, or a table with one of both for each language.
    Speech,
}

/// A time.
#[derive(Clone, Copy)]
pub(in crate::flow) struct Seconds {
    pub(in crate::flow) default: u64,
    range: Range,
}

/// A time that is not there where it is not given.
#[derive(Clone, Copy)]
pub(in crate::flow) struct MaySeconds(Range);

/// A whole number.
#[derive(Clone, Copy)]
pub(in crate::flow) struct Whole {
    pub(in crate::flow) default: u64,
    range: Range,
}

/// `true` or `false`.
#[derive(Clone, Copy)]
pub(in crate::flow) struct Flag(pub(in crate::flow) bool);

/// One telephone key.
#[derive(Clone, Copy)]
pub(in crate::flow) struct OneKey {
    pub(in crate::flow) default: Option<char>,
    /// `""` means that there is none.
    pub(in crate::flow) may_be_none: bool,
}

/// One of a few words, each with what it means to the verb.
#[derive(Clone, Copy)]
pub(in crate::flow) struct Choice<T: 'static> {
    default: &'static str,
    pub(in crate::flow) words: &'static [(&'static str, T)],
}

/// One of the names of something else.
#[derive(Clone, Copy)]
pub(in crate::flow) struct OneOf {
    pub(in crate::flow) default: &'static str,
    pub(in crate::flow) names: fn() -> Vec<&'static str>,
}

/// The name of a step.
#[derive(Clone, Copy)]
pub(in crate::flow) struct ExitTo;

/// A table, or a list of them.
#[derive(Clone, Copy)]
pub(in crate::flow) struct Entries {
    is: &'static str,
    table: Option<&'static Schema>,
    leads: Leads,
}

/// Both ends belong to it.
#[derive(Clone, Copy)]
struct Range(u64, u64);

impl Range {
    const fn new(range: &RangeInclusive<u64>) -> Self {
        Self(*range.start(), *range.end())
    }

    fn json(self, kind: &str) -> Json {
        json!({ "type": kind, "minimum": self.0, "maximum": self.1 })
    }
}

impl<K: Kind> Opt<K> {
    const fn new(name: &'static str, kind: K, help: &'static str) -> Self {
        Self { name, kind, help, without: Without::Default }
    }

    /// It must be there.
    pub(in crate::flow) const fn required(mut self) -> Self {
        self.without = Without::Required(None);
        self
    }

    /// It must be there; where it is not, this says what to write.
    pub(in crate::flow) const fn required_or(mut self, help: &'static str) -> Self {
        self.without = Without::Required(Some(help));
        self
    }

    /// What holds without it, where that is no fixed value.
    pub(in crate::flow) const fn without(mut self, what: &'static str) -> Self {
        self.without = Without::Follows(what);
        self
    }

    /// What to write where it must be there and is not.
    pub(in crate::flow) fn missing_help(&self) -> Option<&'static str> {
        match self.without {
            Without::Required(help) => help,
            Without::Default | Without::Follows(_) => None,
        }
    }
}

impl Opt<Value> {
    /// `is` says in words what may be written.
    pub(in crate::flow) const fn value(
        name: &'static str,
        is: &'static str,
        help: &'static str,
    ) -> Self {
        Self::new(name, Value(is, Form::Any), help)
    }

    /// Words or sounds that the caller hears.
    pub(in crate::flow) const fn speech(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Value("words, sounds, or a list", Form::Speech), help)
    }

    /// A text that may hold `{{ … }}`.
    pub(in crate::flow) const fn template(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Value("a text, filled in", Form::Text), help)
    }

    pub(in crate::flow) const fn condition(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Value("a condition", Form::Text), help)
    }

    pub(in crate::flow) const fn variable(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Value("a name: a-z, 0-9, _", Form::Text), help)
    }
}

impl Opt<Seconds> {
    pub(in crate::flow) const fn seconds(
        name: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
        help: &'static str,
    ) -> Self {
        assert!(*range.start() <= default && default <= *range.end(), "the default is in range");
        Self::new(name, Seconds { default, range: Range::new(&range) }, help)
    }

    pub(in crate::flow) const fn range(&self) -> RangeInclusive<u64> {
        self.kind.range.0..=self.kind.range.1
    }
}

impl Opt<MaySeconds> {
    /// Has no default of its own: say with [`Self::without`] or [`Self::required`] what holds.
    pub(in crate::flow) const fn may_seconds(
        name: &'static str,
        range: RangeInclusive<u64>,
        help: &'static str,
    ) -> Self {
        Self::new(name, MaySeconds(Range::new(&range)), help)
    }

    pub(in crate::flow) const fn range(&self) -> RangeInclusive<u64> {
        let Range(least, most) = self.kind.0;
        least..=most
    }
}

impl Opt<Whole> {
    pub(in crate::flow) const fn whole(
        name: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
        help: &'static str,
    ) -> Self {
        assert!(*range.start() <= default && default <= *range.end(), "the default is in range");
        Self::new(name, Whole { default, range: Range::new(&range) }, help)
    }

    pub(in crate::flow) const fn range(&self) -> RangeInclusive<u64> {
        self.kind.range.0..=self.kind.range.1
    }
}

impl Opt<Flag> {
    pub(in crate::flow) const fn flag(
        name: &'static str,
        default: bool,
        help: &'static str,
    ) -> Self {
        Self::new(name, Flag(default), help)
    }
}

impl Opt<OneKey> {
    pub(in crate::flow) const fn key(name: &'static str, help: &'static str) -> Self {
        Self::new(name, OneKey { default: None, may_be_none: false }, help)
    }

    /// `""` takes the default away.
    pub(in crate::flow) const fn key_or_none(
        name: &'static str,
        default: char,
        help: &'static str,
    ) -> Self {
        Self::new(name, OneKey { default: Some(default), may_be_none: true }, help)
    }
}

impl<T: Copy + Sync> Opt<Choice<T>> {
    /// `default` is one of the words.
    pub(in crate::flow) const fn choice(
        name: &'static str,
        default: &'static str,
        words: &'static [(&'static str, T)],
        help: &'static str,
    ) -> Self {
        Self::new(name, Choice { default, words }, help)
    }
}

impl<T: Copy> Choice<T> {
    pub(in crate::flow) fn of(&self, word: &str) -> Option<T> {
        self.words.iter().find(|(name, _)| *name == word).map(|(_, meant)| *meant)
    }

    /// # Panics
    ///
    /// If the default is none of the words, which a test looks at.
    pub(in crate::flow) fn meant(&self) -> T {
        self.of(self.default).expect("the default is one of the words")
    }
}

impl Opt<OneOf> {
    pub(in crate::flow) const fn one_of(
        name: &'static str,
        default: &'static str,
        names: fn() -> Vec<&'static str>,
        help: &'static str,
    ) -> Self {
        Self::new(name, OneOf { default, names }, help)
    }
}

impl Opt<ExitTo> {
    /// `taken` says when the call goes there.
    pub(in crate::flow) const fn exit(name: &'static str, taken: &'static str) -> Self {
        Self::new(name, ExitTo, taken)
    }
}

impl Opt<Entries> {
    /// `is` shows what a value looks like.
    pub(in crate::flow) const fn entries(
        name: &'static str,
        is: &'static str,
        help: &'static str,
    ) -> Self {
        Self::new(name, Entries { is, table: None, leads: Leads::Nowhere }, help)
    }

    /// Its entries have options of their own.
    pub(in crate::flow) const fn of(mut self, table: &'static Schema) -> Self {
        self.kind.table = Some(table);
        self
    }

    /// Each entry is an exit, and this says what it is called.
    pub(in crate::flow) const fn leads_by(mut self, label: &'static str) -> Self {
        self.kind.leads = Leads::ByEntry(label);
        self
    }
}

impl Kind for Value {
    fn is(&self) -> String {
        self.0.to_owned()
    }

    fn json(&self) -> Json {
        let text = json!({ "type": "string" });
        match self.1 {
            Form::Any => json!({}),
            Form::Text => text,
            Form::Speech => {
                let words = json!([text, { "type": "array", "items": text, "minItems": 1 }]);
                let each = json!({ "anyOf": words });
                let by_language = json!({ "type": "object", "additionalProperties": each });
                json!({ "anyOf": [words[0], words[1], by_language] })
            }
        }
    }
}

impl Kind for Seconds {
    fn is(&self) -> String {
        MaySeconds(self.range).is()
    }

    fn json(&self) -> Json {
        self.range.json("number")
    }

    fn default(&self) -> Option<String> {
        Some(self.default.to_string())
    }
}

impl Kind for MaySeconds {
    fn is(&self) -> String {
        format!("seconds, {} to {}", self.0.0, self.0.1)
    }

    fn json(&self) -> Json {
        self.0.json("number")
    }
}

impl Kind for Whole {
    fn is(&self) -> String {
        format!("{} to {}", self.range.0, self.range.1)
    }

    /// Some verbs take a text that comes to a number as well.
    fn json(&self) -> Json {
        let mut json = self.range.json("integer");
        json["type"] = json!(["integer", "string"]);
        json
    }

    fn default(&self) -> Option<String> {
        Some(self.default.to_string())
    }
}

impl Kind for Flag {
    fn is(&self) -> String {
        "true or false".to_owned()
    }

    fn json(&self) -> Json {
        json!({ "type": "boolean" })
    }

    fn default(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

impl Kind for OneKey {
    fn is(&self) -> String {
        let none = if self.may_be_none { ", or \"\" for none" } else { "" };
        format!("one key{none}")
    }

    fn json(&self) -> Json {
        let count = if self.may_be_none { "?" } else { "" };
        json!({ "type": "string", "pattern": format!("^[0-9*#A-Da-d]{count}$") })
    }

    fn default(&self) -> Option<String> {
        self.default.map(|key| format!("\"{key}\""))
    }
}

impl<T: Copy + Sync> Kind for Choice<T> {
    fn is(&self) -> String {
        one_of(self.words.iter().map(|(word, _)| *word))
    }

    fn json(&self) -> Json {
        json!({ "enum": self.words.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
    }

    fn default(&self) -> Option<String> {
        Some(format!("\"{}\"", self.default))
    }
}

impl Kind for OneOf {
    fn is(&self) -> String {
        one_of((self.names)())
    }

    fn json(&self) -> Json {
        json!({ "enum": (self.names)() })
    }

    fn default(&self) -> Option<String> {
        Some(format!("\"{}\"", self.default))
    }
}

impl Kind for ExitTo {
    fn is(&self) -> String {
        "a step".to_owned()
    }

    fn json(&self) -> Json {
        json!({ "type": "string" })
    }

    fn leads(&self) -> Leads {
        Leads::ByName
    }
}

impl Kind for Entries {
    fn is(&self) -> String {
        self.is.to_owned()
    }

    fn table(&self) -> Option<&'static Schema> {
        self.table
    }

    fn leads(&self) -> Leads {
        self.leads
    }
}

fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("\"{word}\"")).collect();
    words.join(", ")
}
