//! The document that brings a leg into a conference, as each platform reads it.

use std::collections::BTreeMap;
use std::time::Duration;

use attendant::time::Timestamp;
use attendant::webhook::provider_info::SplitSupport;
use attendant::webhook::{Provider, RenderContext};

use super::{links, recorded, samples};
use crate::platform::{Answer, Line, Who, tongue};

#[test]
fn whoever_is_brought_to_a_conference_stays_there_and_asks_for_nothing() {
    let executes = |(provider, _): &(&'static dyn Provider, _)| {
        provider.info().split != SplitSupport::None && !provider.is_commanded()
    };
    let mut read = 0;
    for (provider, _) in recorded().filter(executes) {
        let context = RenderContext { links: links(provider), voices: BTreeMap::new() };
        let conferences =
            samples::all().into_iter().filter(|(name, _)| name.starts_with("conference"));
        for (name, document) in conferences {
            let reply = provider.render(&document, &context);
            let who =
                Who { reference: "CA1".to_owned(), parent: None, from: None, to: String::new() };
            let mut line = Line::new(who, |_| Duration::ZERO);
            line.load(tongue(provider.name()).read(&Answer {
                status: reply.status,
                content_type: reply.content_type.to_owned(),
                body: reply.body,
            }));
            line.run(Timestamp::from_millis(0));
            let name = format!("{} {name}", provider.name());
            assert_eq!(line.conference(), Some("room-1-00ff"), "{name}");
            assert!(line.wants.is_empty() && line.due().is_none() && !line.is_over, "{name}");
            read += 1;
        }
    }
    assert_eq!(read, 14, "two documents of seven providers");
}
