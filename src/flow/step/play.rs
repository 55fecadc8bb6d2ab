//! `play`: play sound files, then go on. What `say` does with words.

use crate::flow::build::Build;
use crate::flow::option::{Opt, STEP, Schema, Value};
use crate::flow::read::Section;
use crate::flow::reference::entry::{Group, Reference};
use crate::flow::step::say::{SAYING, Say};
use crate::flow::verb::Verb;
use crate::words::Need;

const FILE: Opt<Value> = Opt::value(
    "file",
    "a file, or a list",
    "WAV files of the prompts folder; one for each language as in `file.en`.",
)
.required();

pub(in crate::flow) const REFERENCE: Reference = Reference {
    group: Group::Speak,
    summary: "plays sound files, then goes on",
    about: &["What `say` does with words. A file that is not in the folder of prompts \
         (`server.prompts`) is reported when the flow is checked. A sound may also stand where other \
         steps have words: a text that is nothing but the name of a `.wav` file is played."],
    table: Schema { name: "play", groups: &[&[&FILE], SAYING, STEP] },
    needs: || vec![Need::PlayFile],
    example: r#"
[flow]
numbers = ["*"]
start   = "jingle"

[play.jingle]
file     = ["jingle.wav", "welcome.wav"]
barge_in = false
next     = "end"

[hangup.end]
"#,
};

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    Some(Box::new(Say::read(build, section, (&FILE, None), Need::PlayFile)))
}
