//! Looks at the code inside a template for words the engine does not have.
//!
//! The engine itself finds an unknown filter only when a caller reaches it; a flow should not load
//! with one. What the engine's parser refuses never comes here.
//!
//! **Deliberately absent:** a second parser. This knows names, strings and brackets, no grammar.

use std::ops::Range;

use crate::flow::code::{self, Code};
use crate::flow::diagnostic::suggest;
use crate::flow::filters::{FILTERS, TESTS, Word, names};

pub(in crate::flow) struct Finding {
    pub(in crate::flow) code: &'static Code,
    pub(in crate::flow) range: Range<usize>,
    pub(in crate::flow) message: String,
    pub(in crate::flow) help: Option<String>,
}

/// Whether a text is a template at all.
pub(in crate::flow) fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// The expression of a text that is nothing but `{{ expression }}`.
pub(in crate::flow) fn only_expression(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix('-').unwrap_or(inner);
    let inner = inner.strip_suffix('-').unwrap_or(inner);
    (!inner.contains("{{") && !inner.contains("}}") && !inner.contains("{%")).then_some(inner)
}

/// Unknown filters, tests, functions and statements of a template.
pub(in crate::flow) fn scan_template(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('{').map(|found| at + found) {
        at = open + 1;
        let rest = &text[at..];
        if rest.starts_with('#') {
            at += rest.find("#}").map_or(rest.len(), |end| end + 2);
        } else if rest.starts_with('{') || rest.starts_with('%') {
            let statement = rest.starts_with('%');
            let close = if statement { "%}" } else { "}}" };
            let end = code_end(text, open + 2, close);
            let tokens = tokens(text, open + 2..end);
            let skip = if statement { check_statement(&tokens, &mut findings) } else { 0 };
            check_tokens(&tokens[skip..], &mut findings);
            at = end;
        }
    }
    findings
}

/// The same for a condition, which is one expression.
pub(in crate::flow) fn scan_expression(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    check_tokens(&tokens(text, 0..text.len()), &mut findings);
    findings
}

/// An operator of another language in a text the engine has refused.
pub(in crate::flow) fn foreign_operator(text: &str) -> Option<Finding> {
    if text.trim_start().starts_with("{{") && only_expression(text).is_none() && !is_closed(text) {
        return None; // the engine reports braces that do not match
    }
    code_pieces(text).into_iter().find_map(|range| foreign_in(&tokens(text, range)))
}

fn is_closed(text: &str) -> bool {
    text.matches("{{").count() == text.matches("}}").count()
}

fn foreign_in(tokens: &[Token<'_>]) -> Option<Finding> {
    tokens.iter().enumerate().find_map(|(at, token)| {
        let next = tokens.get(at + 1).filter(|next| next.at == token.at + token.text.len());
        let next = next.map_or("", |next| next.text);
        let before = at.checked_sub(1).map_or("", |at| tokens[at].text);
        let (len, right) = match (token.text, next) {
            ("&", "&") => (2, "and"),
            ("&", _) => (1, "and"),
            ("|", "|") => (2, "or"),
            ("!", next) if next != "=" => (1, "not"),
            ("=", next) if next != "=" && !["=", "!", "<", ">"].contains(&before) => (1, "=="),
            ("?", _) => (1, "a if condition else b"),
            ("AND" | "And", _) => (token.text.len(), "and"),
            ("OR" | "Or", _) => (token.text.len(), "or"),
            ("NOT" | "Not", _) => (token.text.len(), "not"),
            _ => return None,
        };
        let written = if len == 2 { token.text.repeat(2) } else { token.text.to_owned() };
        Some(Finding {
            code: &code::FOREIGN_OPERATOR,
            range: token.at..token.at + len,
            message: format!("`{written}` is not part of the language of conditions"),
            help: Some(format!("write `{right}`")),
        })
    })
}

/// The pieces of code in a template; an expression is code as a whole.
fn code_pieces(text: &str) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    if !is_template(text) {
        pieces.push(0..text.len());
        return pieces;
    }
    let mut at = 0;
    while let Some(open) = text[at..].find('{').map(|found| at + found) {
        at = open + 1;
        let close = match text[at..].chars().next() {
            Some('{') => "}}",
            Some('%') => "%}",
            _ => continue,
        };
        let end = code_end(text, open + 2, close);
        pieces.push(open + 2..end);
        at = end;
    }
    pieces
}

/// Whether a text looks itself whether a name is set before it uses it.
pub(in crate::flow) fn is_guarded(text: &str, name: &str) -> bool {
    code_pieces(text).into_iter().any(|range| {
        let tokens = tokens(text, range);
        let words: Vec<&str> = tokens.iter().map(|token| token.text).collect();
        let parts: Vec<&str> = name.split('.').flat_map(|part| [".", part]).skip(1).collect();
        let found = words.windows(parts.len()).enumerate().filter(|(_, at)| **at == parts[..]);
        found.map(|(at, _)| at).any(|at| {
            let after = &words[at + parts.len()..];
            let looks = matches!(after, ["is", ..] | ["|", "default", ..]);
            looks || words[..at].iter().any(|word| ["if", "elif"].contains(word))
        })
    })
}

/// The variables that are set where this condition holds.
pub(in crate::flow) fn implied(condition: &str) -> Vec<&str> {
    let tokens = tokens(condition, 0..condition.len());
    let negates = |token: &Token<'_>| {
        ["or", "not", "if", "<", ">", "!", "|", "undefined", "none", "None"].contains(&token.text)
    };
    if tokens.iter().any(negates) {
        return Vec::new();
    }
    let names = tokens.iter().enumerate().filter(|(at, token)| {
        let before = at.checked_sub(1).map_or("", |at| tokens[at].text);
        token.is_name() && ![".", "is"].contains(&before) && !KEYWORDS.contains(&token.text)
    });
    names.map(|(_, token)| token.text).collect()
}

/// Where a name stands in a text, as a whole word.
pub(in crate::flow) fn find_name(text: &str, name: &str) -> Option<Range<usize>> {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.');
    text.match_indices(name).map(|(at, _)| at..at + name.len()).find(|range| {
        !is_part(text[..range.start].chars().next_back())
            && !text[range.end..].chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[derive(Clone, Copy)]
struct Token<'a> {
    at: usize,
    text: &'a str,
}

impl Token<'_> {
    fn range(self) -> Range<usize> {
        self.at..self.at + self.text.len()
    }

    fn is_name(self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

fn check_statement(tokens: &[Token<'_>], findings: &mut Vec<Finding>) -> usize {
    let Some((at, keyword)) = tokens.iter().enumerate().find(|(_, token)| token.is_name()) else {
        return 0;
    };
    if !STATEMENTS.contains(&keyword.text) {
        findings.push(Finding {
            code: &code::TEMPLATE_WORD_UNKNOWN,
            range: keyword.range(),
            message: format!("`{{% {} %}}` is not part of the flow language", keyword.text),
            help: Some("a template has `if`, `elif`, `else` and `endif`".to_owned()),
        });
    }
    at + 1
}

fn check_tokens(tokens: &[Token<'_>], findings: &mut Vec<Finding>) {
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.is_name()) {
        let before = |n: usize| at.checked_sub(n).map_or("", |at| tokens[at].text);
        let called = tokens.get(at + 1).is_some_and(|next| next.text == "(");
        let is_test =
            before(1) == "is" && token.text != "not" || before(1) == "not" && before(2) == "is";
        if before(1) == "|" {
            check_word("filter", *token, &FILTERS, findings);
        } else if is_test {
            if !KEYWORDS.contains(&token.text) {
                check_word("test", *token, &TESTS, findings);
            }
        } else if called && (before(1) == "." || !KEYWORDS.contains(&token.text)) {
            findings.push(Finding {
                code: &code::TEMPLATE_WORD_UNKNOWN,
                range: token.range(),
                message: format!("there is no function `{}`", token.text),
                help: Some(format!("filters are written `value|name`: {}", listed(&FILTERS))),
            });
        }
    }
}

fn listed(words: &'static [Word]) -> String {
    names(words).collect::<Vec<_>>().join(", ")
}

fn check_word(kind: &str, token: Token<'_>, words: &'static [Word], findings: &mut Vec<Finding>) {
    if names(words).any(|name| name == token.text) {
        return;
    }
    findings.push(Finding {
        code: &code::TEMPLATE_WORD_UNKNOWN,
        range: token.range(),
        message: format!("there is no {kind} `{}`", token.text),
        help: suggest(token.text, names(words)),
    });
}

/// Where the code that begins at `from` ends; brackets inside strings do not count.
fn code_end(text: &str, from: usize, close: &str) -> usize {
    let mut at = from;
    while at < text.len() {
        if text[at..].starts_with(close) {
            return at;
        }
        at = token_end(text, at, text.len());
    }
    text.len()
}

fn tokens(text: &str, range: Range<usize>) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let end = token_end(text, at, range.end);
        let token = &text[at..end];
        if !token.trim().is_empty() {
            tokens.push(Token { at, text: token });
        }
        at = end;
    }
    tokens
}

/// The end of the name, number, string or single sign that begins at `at`.
fn token_end(text: &str, at: usize, limit: usize) -> usize {
    let rest = &text[at..limit];
    let Some(first) = rest.chars().next() else { return limit };
    if first == '"' || first == '\'' {
        let mut escaped = false;
        for (offset, c) in rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == first => return at + offset + 1,
                _ => {}
            }
        }
        return limit;
    }
    let in_name = |c: char| c.is_alphanumeric() || c == '_';
    if in_name(first) {
        return at + rest.find(|c| !in_name(c)).unwrap_or(rest.len());
    }
    at + first.len_utf8()
}

const STATEMENTS: [&str; 4] = ["if", "elif", "else", "endif"];

const KEYWORDS: [&str; 13] = [
    "and", "else", "false", "if", "in", "is", "none", "not", "or", "true", "False", "None", "True",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        scan_template(text).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn words_the_engine_lacks_are_found_without_running_it() {
        let none: [String; 0] = [];
        assert_eq!(
            found("{% if caller.name is defined and (a or b) %}{{ a|digits }}{% endif %}"),
            none
        );
        assert_eq!(found("{{ a|shout }}"), ["there is no filter `shout`"]);
        assert_eq!(found("{{ a is not odddd }}"), ["there is no test `odddd`"]);
        assert_eq!(found("{{ a.upper() }}"), ["there is no function `upper`"]);
        assert_eq!(found("{{ range(9) }}"), ["there is no function `range`"]);
        assert_eq!(found("{{ 'a|b() }}' }}"), none);
        assert_eq!(
            found("{% for x in y %}{% endfor %}"),
            [
                "`{% for %}` is not part of the flow language",
                "`{% endfor %}` is not part of the flow language"
            ]
        );
    }

    #[test]
    fn a_text_that_is_one_expression_keeps_its_type() {
        assert_eq!(only_expression("{{ tries + 1 }}"), Some(" tries + 1 "));
        assert_eq!(only_expression("{{ a }} {{ b }}"), None);
        assert_eq!(only_expression("number {{ a }}"), None);
    }
}
