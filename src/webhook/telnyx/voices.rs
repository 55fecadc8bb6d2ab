//! Voices for languages, where the configuration names none: Telnyx wants one for every text.
//!
//! **Invariant:** every one of them speaks its language without an account elsewhere.

/// By the first part of a BCP 47 tag.
const USUAL: [(&str, &str); 15] = [
    ("da", "AWS.Polly.Naja"),
    ("de", "AWS.Polly.Vicki"),
    ("en", "AWS.Polly.Joanna"),
    ("es", "AWS.Polly.Lupe"),
    ("fr", "AWS.Polly.Lea"),
    ("it", "AWS.Polly.Bianca"),
    ("ja", "AWS.Polly.Mizuki"),
    ("nb", "AWS.Polly.Liv"),
    ("nl", "AWS.Polly.Lotte"),
    ("pl", "AWS.Polly.Ewa"),
    ("pt", "AWS.Polly.Camila"),
    ("ru", "AWS.Polly.Tatyana"),
    ("sv", "AWS.Polly.Astrid"),
    ("tr", "AWS.Polly.Filiz"),
    ("zh", "AWS.Polly.Zhiyu"),
];
/// For any other language: badly spoken is better than silent.
pub(super) const LAST: &str = "AWS.Polly.Joanna";

pub(super) fn usual(language: &str) -> Option<&'static str> {
    let primary = language.split('-').next().unwrap_or(language).to_ascii_lowercase();
    USUAL.iter().find(|(known, _)| *known == primary).map(|(_, voice)| *voice)
}
