//! Telephony providers, by recordings: what they send, and what they are answered.
//!
//! `tests/data/<provider>/*.http` are requests as they come, signed with the test secrets below;
//! beside each is what it means (`.fields`). `*.doc` are the documents of [`samples`] as the
//! provider reads them. `UPDATE_EXPECT=1 cargo test --test pure webhooks` writes the expectations
//! anew.
//!
//! **Deliberately absent:** signatures by the providers' own SDKs; those are in the live tests.

mod commanded;
mod conferences;
mod garbage;
mod platform;
mod races;
mod recording;
mod samples;
mod transcripts;

use std::fs;
use std::path::{Path, PathBuf};

use attendant::time::Timestamp;
use attendant::webhook::{Keys, Links, Provider, Refusal, provider};

use recording::Recording;

/// The time of all recordings.
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// By provider, what its recordings are signed with; several are separated by spaces.
const SECRETS: &[(&str, &str)] = &[
    ("bandwidth", "ivr:bw-test-password"),
    ("jambonz", "wh_secret_example"),
    ("plivo", "my_auth_token"),
    ("signalwire", "PSK_test_key_of_no_account"),
    // The public half of the seed SHA-256("emulate telnyx test key").
    ("telnyx", "FOpSQ/oNU56MHuCkRcDt6nQXxkhrUe8aD/be46FEDkA="),
    ("texml", "FOpSQ/oNU56MHuCkRcDt6nQXxkhrUe8aD/be46FEDkA="),
    ("twilio", "12345 webhooks_sharedkey_test:s3cret-of-the-shared-key"),
    ("vonage", "vonage-signature-secret-of-32-by"),
];

/// The providers that have recordings here, and their test keys.
fn recorded() -> impl Iterator<Item = (&'static dyn Provider, Keys)> {
    SECRETS.iter().map(|(name, secret)| {
        let secrets = secret.split(' ').map(str::to_owned).collect();
        (provider(name).expect("listed"), Keys { secrets, application: None, window_s: 300 })
    })
}

fn links(provider: &dyn Provider) -> Links {
    let links = Links::new("https://ivr.example.com", provider.name(), [7; 32]);
    links.with_access("ivr:bw-test-password")
}

fn folder(provider: &dyn Provider) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(provider.name())
}

fn recordings(provider: &dyn Provider) -> Vec<(PathBuf, Recording)> {
    let files = fs::read_dir(folder(provider)).expect("a folder of recordings");
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "http"));
    paths.sort();
    assert!(!paths.is_empty(), "{} has no recordings", provider.name());
    paths.into_iter().map(|path| (path.clone(), Recording::read(&path))).collect()
}

/// Compares with a file, or writes it.
fn expect(path: &Path, actual: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(actual, expected, "{} (UPDATE_EXPECT=1 writes it anew)", path.display());
}

#[test]
fn every_recording_is_verified_and_means_what_is_written_beside_it() {
    for (provider, keys) in recorded() {
        for (path, recording) in recordings(provider) {
            let request = &recording.request;
            provider.verify(&keys, request, NOW).unwrap_or_else(|refusal| {
                panic!("{}: {refusal}\n{}", path.display(), provider.signed(&keys, request))
            });
            let link = recording.link(&links(provider)).expect("a link of ours");
            let fields = provider.parse(&link, request).unwrap();
            let text = format!("{link:?}\n{}", recording::text(&fields));
            expect(&path.with_extension("fields"), &text);
        }
    }
}

#[test]
fn nothing_is_taken_without_a_key_or_a_header() {
    for (provider, keys) in recorded() {
        for (path, recording) in recordings(provider) {
            let none = Keys::default();
            let refused = provider.verify(&none, &recording.request, NOW);
            assert_eq!(refused, Err(Refusal::NoKey), "{}", path.display());
            let mut bare = recording.request.clone();
            bare.headers.clear();
            assert!(provider.verify(&keys, &bare, NOW).is_err());
        }
    }
}

#[test]
fn documents_are_written_as_the_provider_reads_them() {
    for (provider, _) in recorded() {
        for (name, document) in samples::all() {
            let context = samples::context(provider);
            let reply = provider.render(&document, &context);
            assert_eq!(reply, provider.render(&document, &context), "the same bytes each time");
            let text = match provider.is_commanded() {
                true => commanded::text(provider, &document, &context),
                false => format!("{} {}\n\n{}\n", reply.status, reply.content_type, reply.body),
            };
            expect(&folder(provider).join(name).with_extension("doc"), &text);
        }
    }
}

#[test]
fn every_address_of_a_document_is_one_of_ours() {
    for (provider, _) in recorded() {
        let links = links(provider);
        for (name, document) in samples::all() {
            let body = provider.render(&document, &samples::context(provider)).body;
            let body = body.replace("&amp;", "&");
            for (at, base) in body.match_indices("https://ivr.example.com") {
                let rest = &body[at + base.len()..];
                let url = &rest[..rest.find(['"', '\'', '<', ' ']).unwrap_or(rest.len())];
                let read = recording::link(&links, url);
                assert!(read.is_some(), "{} {name}: {url}", provider.name());
            }
        }
    }
}
