//! `play`: play sound files, then go on. What `say` does with words.
//!
//! Options: `file` `repeat` `barge_in` `next`.

use crate::flow::build::Build;
use crate::flow::read::Section;
use crate::flow::step::say::Say;
use crate::flow::verb::Verb;
use crate::words::Need;

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    _name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    Some(Box::new(Say::read_key(build, section, "file", Need::PlayFile)))
}
