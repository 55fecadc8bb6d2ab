//! What is read from strangers, one entry per reader: any bytes in, and what must hold of them.
//!
//! `cargo fuzz` calls an entry with bytes it makes up (`fuzz/`), the tests in `tests/pure/fuzz.rs`
//! with those of `fuzz/corpus`, so both judge alike.
//!
//! **Invariant:** an entry fails by a panic alone, and needs no clock, socket or file.
//!
//! **Deliberately absent:** which bytes are interesting. The corpus knows.

mod flow;
mod import;
mod journal;
mod media;
mod requests;
mod sip;

/// Takes any bytes; panics where a reader does not keep what it promises.
pub(crate) type Entry = fn(&[u8]);

/// Every entry by the name of its target and of the folder of its corpus.
pub(crate) const ALL: &[(&str, Entry)] = &[
    ("sip_message", sip::message),
    ("sip_frames", sip::frames),
    ("sip_description", sip::description),
    ("rtp", media::rtp),
    ("rtcp", media::rtcp),
    ("wav", media::wav),
    ("flow", flow::flow),
    ("journal", journal::journal),
    ("import", import::import),
    ("bandwidth", requests::bandwidth),
    ("jambonz", requests::jambonz),
    ("plivo", requests::plivo),
    ("signalwire", requests::signalwire),
    ("telnyx", requests::telnyx),
    ("texml", requests::texml),
    ("twilio", requests::twilio),
    ("vonage", requests::vonage),
];

/// Runs the target of this name.
///
/// # Panics
///
/// Where there is none, or where it finds something.
pub(crate) fn run(name: &str, bytes: &[u8]) {
    let found = ALL.iter().find(|(target, _)| *target == name);
    let (_, entry) = found.unwrap_or_else(|| panic!("no target is called {name}"));
    entry(bytes);
}
