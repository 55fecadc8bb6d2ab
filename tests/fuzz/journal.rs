//! A journal, as a later run or a newcomer's tool reads it.

use attendant::center::journal::{Entry, Header};
use attendant::sim::journal;

/// Lines of text, each a head or an input.
pub(super) fn journal(bytes: &[u8]) {
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(header) = serde_json::from_slice::<Header>(line) {
            let text = serde_json::to_string(&header).expect("a head is JSON");
            assert_eq!(serde_json::from_str::<Header>(&text).ok(), Some(header), "{text}");
        }
        if let Ok(entry) = serde_json::from_slice::<Entry>(line) {
            let text = serde_json::to_string(&entry).expect("an input is JSON");
            assert_eq!(serde_json::from_str::<Entry>(&text).ok(), Some(entry), "{text}");
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match journal::parse(text) {
        Ok((_, entries)) => {
            let in_order = entries.windows(2).all(|two| two[0].at <= two[1].at);
            assert!(in_order, "time goes back");
            let numbered = entries.windows(2).all(|two| two[0].seq + 1 == two[1].seq);
            assert!(numbered, "an input is missing");
        }
        Err(why) => assert!(!why.to_string().is_empty()),
    }
}
