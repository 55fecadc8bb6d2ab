//! The languages the voices of the three are asked for.
//!
//! **Deliberately absent:** voices by name. They differ by account and by year, so they are set in
//! the configuration ([`RenderContext::voices`](crate::webhook::RenderContext)).

/// A language as flows may name it (BCP 47), and as `<Say language>` wants it when the flow names
/// no country.
const LOCALES: &[(&str, &str)] = &[
    ("ar", "arb"),
    ("ca", "ca-ES"),
    ("cs", "cs-CZ"),
    ("cy", "cy-GB"),
    ("da", "da-DK"),
    ("de", "de-DE"),
    ("el", "el-GR"),
    ("en", "en-US"),
    ("es", "es-ES"),
    ("fi", "fi-FI"),
    ("fr", "fr-FR"),
    ("he", "he-IL"),
    ("hi", "hi-IN"),
    ("hu", "hu-HU"),
    ("id", "id-ID"),
    ("is", "is-IS"),
    ("it", "it-IT"),
    ("ja", "ja-JP"),
    ("ko", "ko-KR"),
    ("nb", "nb-NO"),
    ("nl", "nl-NL"),
    ("pl", "pl-PL"),
    ("pt", "pt-PT"),
    ("ro", "ro-RO"),
    ("ru", "ru-RU"),
    ("sk", "sk-SK"),
    ("sv", "sv-SE"),
    ("th", "th-TH"),
    ("tr", "tr-TR"),
    ("uk", "uk-UA"),
    ("vi", "vi-VN"),
    ("zh", "cmn-CN"),
];

/// The locale for a language without a country. `None`: it has one, or is not known here, and goes
/// out as it stands.
#[must_use]
pub fn locale(language: &str) -> Option<&'static str> {
    LOCALES.iter().find(|(known, _)| known.eq_ignore_ascii_case(language)).map(|(_, to)| *to)
}

/// Whether there is a voice for a language, with or without a country.
#[must_use]
pub fn is_known(language: &str) -> bool {
    locale(language.split('-').next().unwrap_or(language)).is_some()
}
