//! The tag of a From or To that was checked when the message was read.
//!
//! A request in a dialog is found by two tags; taking them out of the text costs a tenth of parsing
//! both addresses again.
//!
//! **Invariant:** the same as [`NameAddr::tag`](crate::sip::message::NameAddr::tag) for each value
//! that can be parsed.
//!
//! **Deliberately absent:** telling what is wrong with a value.

use crate::sip::message::{Headers, Name};

/// The tag in the value of `name`.
pub(super) fn tag_in(headers: &Headers, name: Name) -> Option<&str> {
    let value = headers.get(name)?;
    let params = match value.rfind('>') {
        Some(end) => &value[end..],
        None => value.find(';').map_or("", |from| &value[from..]),
    };
    params.split(';').skip(1).find_map(|param| {
        let (name, tag) = param.split_once('=')?;
        name.trim().eq_ignore_ascii_case("tag").then(|| tag.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::NameAddr;

    #[test]
    fn it_reads_what_the_parser_reads() {
        for (value, tag) in [
            ("<sip:a@h>;tag=1", Some("1")),
            ("\"x;tag=9>\" <sip:a@h;tag=8>;x=y ; TAG = 1 ;z", Some("1")),
            ("sip:a@h;tag=1", Some("1")),
            ("sip:a@h", None),
            ("<sip:a@h;tag=8>", None),
            ("tel:+14155550100;tag=1", Some("1")),
        ] {
            let mut headers = Headers::new();
            headers.push(Name::To, value);
            assert_eq!(tag_in(&headers, Name::To), tag, "{value}");
            assert_eq!(NameAddr::parse("To", value).unwrap().tag(), tag, "{value}");
        }
    }
}
