//! A page of the reference, and the two ways it is written: Markdown, and lines of a terminal.
//!
//! **Invariant:** both ways say the same words.

use std::fmt::Write as _;

use crate::flow::option::{Described, Leads, Options, Schema};

/// Columns of a terminal.
const WIDTH: usize = 80;
/// Columns of a name in a list; a longer one has a line of its own.
const NAME_WIDTH: usize = 18;

pub(super) struct Page {
    /// As `attendant help flow` takes it.
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) blocks: Vec<Block>,
}

pub(super) enum Block {
    Text(String),
    Part(String),
    Options(Vec<&'static dyn Described>),
    /// Names with a sentence each.
    Names(Vec<(String, String)>),
    /// A file, or lines of one.
    Code(String),
}

impl Block {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn part(title: impl Into<String>) -> Self {
        Self::Part(title.into())
    }

    pub(super) fn code(code: &str) -> Self {
        Self::Code(code.trim().to_owned())
    }
}

impl Page {
    /// A line of the contents.
    pub(super) fn link(&self) -> String {
        format!("- [{0}](#{0}): {1}\n", self.name, self.title)
    }

    pub(super) fn markdown(&self) -> String {
        let mut text = format!("\n## {}\n\n{}\n", self.name, self.title);
        for block in &self.blocks {
            match block {
                Block::Text(words) => write!(text, "\n{words}\n"),
                Block::Part(title) => write!(text, "\n### {title}\n"),
                Block::Options(options) => write!(text, "\n{}", option_table(options)),
                Block::Names(names) => write!(text, "\n{}", bullets(names)),
                Block::Code(code) => write!(text, "\n```toml\n{code}\n```\n"),
            }
            .expect("writing to a string cannot fail");
        }
        text
    }

    pub(super) fn terminal(&self) -> String {
        let mut text = filled(&self.title, 0);
        for block in &self.blocks {
            let block = match block {
                Block::Text(words) => filled(words, 0),
                Block::Part(title) => format!("{title}:\n"),
                Block::Options(options) => options.iter().map(|it| option_lines(*it)).collect(),
                Block::Names(list) => names(list.iter().cloned()),
                Block::Code(code) => code.lines().map(indented).collect(),
            };
            // What belongs to a heading stands right below it.
            let gap = if text.ends_with(":\n") { "" } else { "\n" };
            text.push_str(gap);
            text.push_str(&block);
        }
        text
    }
}

pub(in crate::flow) fn indented(line: &str) -> String {
    if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }
}

/// Options first, then exits, each in the order of the verb.
fn option_table(options: &[&'static dyn Described]) -> String {
    let is_exit = |option: &&&'static dyn Described| option.leads() == Leads::ByName;
    let mut text = String::new();
    let plain: Vec<_> = options.iter().filter(|option| !is_exit(option)).collect();
    if !plain.is_empty() {
        text.push_str("| option | is | without it | |\n|---|---|---|---|\n");
    }
    for option in plain {
        let row = [option.is(), option.without(), option.help().to_owned()].map(|it| cell(&it));
        text.push_str(&format!("| `{}` | {} |\n", option.name(), row.join(" | ")));
    }
    let exits: Vec<_> = options.iter().filter(is_exit).collect();
    if !exits.is_empty() {
        let gap = if text.is_empty() { "" } else { "\n" };
        text.push_str(&format!("{gap}| exit | taken when | without it |\n|---|---|---|\n"));
    }
    for exit in exits {
        let row = [exit.help().to_owned(), exit.without()].map(|it| cell(&it));
        text.push_str(&format!("| `{}` | {} |\n", exit.name(), row.join(" | ")));
    }
    text
}

/// A cell ends at a bar, also inside of code.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn bullets(names: &[(String, String)]) -> String {
    names.iter().map(|(name, help)| format!("- `{name}`: {help}\n")).collect()
}

/// A sentence, and below it what may be written and what holds otherwise.
fn option_lines(option: &dyn Described) -> String {
    let mut text = names([(option.name().to_owned(), option.help().to_owned())]);
    let is = Some(option.is()).filter(|_| option.leads() != Leads::ByName);
    let without = match option.without().as_str() {
        "" => None,
        "required" => Some("required".to_owned()),
        other => Some(format!("without it: {other}")),
    };
    let also: Vec<String> = is.into_iter().chain(without).collect();
    if !also.is_empty() {
        text.push_str(&filled(&also.join("; "), NAME_WIDTH + 4));
    }
    text
}

/// A list: each name, and beside it what it is.
pub(in crate::flow) fn names(list: impl IntoIterator<Item = (String, String)>) -> String {
    let mut text = String::new();
    for (name, help) in list {
        let help = filled(&help, NAME_WIDTH + 2);
        match name.chars().count() {
            0..NAME_WIDTH => {
                let column = NAME_WIDTH;
                writeln!(text, "  {name:<column$}{}", help.trim())
            }
            _ => writeln!(text, "  {name}\n{}", help.trim_end()),
        }
        .expect("writing to a string cannot fail");
    }
    text
}

/// The words in lines that fit a terminal, each indented.
pub(in crate::flow) fn filled(words: &str, indent: usize) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in words.split_whitespace() {
        let len = word.chars().count();
        if column > 0 && column + 1 + len > WIDTH {
            text.push('\n');
            column = 0;
        }
        if column == 0 {
            text.push_str(&" ".repeat(indent));
            column = indent;
        } else {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += len;
    }
    text.push('\n');
    text
}

/// Options of a table, for a block.
pub(super) fn options(groups: &'static [Options]) -> Block {
    Block::Options(groups.iter().copied().flatten().copied().collect())
}

/// The options of a table, a line each, and its exits.
pub(in crate::flow) fn listing(table: &Schema) -> String {
    let lines = |is_exit: bool| {
        let wanted = move |leads| (leads == Leads::ByName) == is_exit;
        let options = table.options().filter(move |option| wanted(option.leads()));
        names(options.map(|option| (option.name().to_owned(), option.help().to_owned())))
    };
    let (options, exits) = (lines(false), lines(true));
    let exits = if exits.is_empty() { exits } else { format!("and these lead to steps:\n{exits}") };
    format!("`{}` may have\n{options}{exits}", table.name)
}
