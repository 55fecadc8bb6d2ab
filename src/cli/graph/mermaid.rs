//! A flow in Mermaid, which code hosts and many editors draw.
//!
//! **Invariant:** nothing a file holds is read as Mermaid: names of steps are letters, digits, `_`
//! and `-`, and stand in quotes.

use std::fmt::Write as _;

use super::Picture;

pub(super) fn drawn(picture: &Picture) -> String {
    let mut text = format!("flowchart TD\n    %% {}\n", escaped(&picture.name));
    writeln!(text, "    start(( )) --> s{}", picture.start).expect("a string takes all");
    for (at, step) in picture.steps.iter().enumerate() {
        let (name, verb) = (escaped(&step.name), step.verb);
        writeln!(text, "    s{at}[\"<b>{name}</b><br/>{verb}\"]").expect("a string takes all");
    }
    for arrow in &picture.arrows {
        let (from, to, label) = (arrow.from, arrow.to, escaped(&arrow.label));
        writeln!(text, "    s{from} -- \"{label}\" --> s{to}").expect("a string takes all");
    }
    text
}

/// A key `#` and quotes mean something to Mermaid.
fn escaped(text: &str) -> String {
    text.replace('#', "#35;").replace('"', "#quot;").replace(['\n', '\r'], " ")
}
