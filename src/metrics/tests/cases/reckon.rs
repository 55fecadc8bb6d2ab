//! Works out what is written: `(60 + 10) / 2`; `none` is nothing to count.

/// # Panics
///
/// Where it is no arithmetic: it is written in a test.
pub(super) fn reckon(text: &str) -> Option<f64> {
    if text == "none" {
        return None;
    }
    let mut rest = text;
    let value = sum(&mut rest);
    assert!(rest.trim().is_empty(), "{text}: {rest}");
    Some(value)
}

fn sum(rest: &mut &str) -> f64 {
    let mut value = product(rest);
    loop {
        match next(rest, &['+', '-']) {
            Some('+') => value += product(rest),
            Some(_) => value -= product(rest),
            None => return value,
        }
    }
}

fn product(rest: &mut &str) -> f64 {
    let mut value = factor(rest);
    loop {
        match next(rest, &['×', '/']) {
            Some('×') => value *= factor(rest),
            Some(_) => value /= factor(rest),
            None => return value,
        }
    }
}

fn factor(rest: &mut &str) -> f64 {
    if next(rest, &['(']).is_some() {
        let value = sum(rest);
        assert!(next(rest, &[')']).is_some(), "{rest}");
        return value;
    }
    let text = rest.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    *rest = &text[end..];
    text[..end].parse().unwrap_or_else(|_| panic!("{text}"))
}

fn next(rest: &mut &str, of: &[char]) -> Option<char> {
    let text = rest.trim_start();
    let first = text.chars().next().filter(|c| of.contains(c))?;
    *rest = &text[first.len_utf8()..];
    Some(first)
}

#[test]
fn arithmetic_is_worked_out() {
    assert_eq!(reckon("(60 + 10 × 2 - 5) / 3 + 1"), Some(26.0));
    assert_eq!(reckon("none"), None);
}
