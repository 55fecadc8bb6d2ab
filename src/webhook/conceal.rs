//! Text that may hold a secret of ours, made fit to be shown.
//!
//! A document names the password that a provider comes with, and a provider may send back what it
//! got. Such a text passes through here before it is printed.
//!
//! **Invariant:** neither a secret, nor the half of it behind a colon, nor the password in an
//! address is in the result: as it is, in base64, escaped for XML, JSON or an address.
//!
//! **Deliberately absent:** telling a secret by its looks. Only those that are given are found.

use serde_json::Value;

use crate::webhook::form;
use crate::webhook::sign::base64;

/// What stands in place of it.
const HIDDEN: &str = "***";

/// `text` without any of `secrets`. To be called before a text is cut, or the beginning of one
/// could stay.
#[must_use]
pub fn conceal<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    let mut forms: Vec<String> = secrets.into_iter().flat_map(forms).collect();
    // The longest first, or a part of one would be left of it.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    let hidden = forms.iter().fold(text.to_owned(), |text, form| text.replace(form, HIDDEN));
    without_passwords(&hidden)
}

/// The ways a secret is written.
fn forms(secret: &str) -> Vec<String> {
    let secret = secret.trim();
    let half = secret.split_once(':').map(|(_, half)| half);
    let mut forms = vec![base64(secret.as_bytes())];
    for plain in [Some(secret), half].into_iter().flatten() {
        let json = Value::from(plain).to_string();
        let json = json.trim_start_matches('"').trim_end_matches('"').to_owned();
        let xml = plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let quoted = xml.replace('"', "&quot;").replace('\'', "&apos;");
        forms.extend([plain.to_owned(), json, xml, quoted, form::encode(plain)]);
    }
    forms.retain(|form| !form.is_empty());
    forms
}

/// `https://user:password@host` as `https://user:***@host`.
fn without_passwords(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Bounded: each turn goes past one `://`.
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let is_end = |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '<' | '>');
        let authority = &after[..after.find(is_end).unwrap_or(after.len())];
        let credentials = authority.rsplit_once('@').and_then(|(all, _)| all.split_once(':'));
        rest = after;
        if let Some((user, password)) = credentials {
            out.push_str(user);
            out.push(':');
            out.push_str(HIDDEN);
            rest = &after[user.len() + 1 + password.len()..];
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_09_a_secret_is_found_in_every_way_of_writing_it() {
        let secret = "ivr:a\"b&c/ü";
        let base = base64(secret.as_bytes());
        let text = format!(
            "{secret} {base} a\"b&c/ü a&quot;b&amp;c/ü {} {} Basic {base}",
            Value::from("a\"b&c/ü"),
            form::encode("a\"b&c/ü"),
        );
        let shown = conceal(&text, [secret]);
        assert_eq!(shown, "*** *** *** *** \"***\" *** Basic ***");
        assert_eq!(conceal("nothing of it", ["", "other"]), "nothing of it");
    }

    #[test]
    fn fault_09_the_password_of_an_address_is_not_shown() {
        for (text, want) in [
            ("see https://ann:hush@h.example/x?a=b", "see https://ann:***@h.example/x?a=b"),
            ("https://ann:hu@sh@h and http://b:c@d:80", "https://ann:***@h and http://b:***@d:80"),
            ("https://h.example:443/a:b@c", "https://h.example:443/a:b@c"),
            ("https://ann@h", "https://ann@h"),
        ] {
            assert_eq!(conceal(text, []), want);
        }
    }
}
