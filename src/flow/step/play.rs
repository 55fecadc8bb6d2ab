//! `play`: play sound files, then go on. What `say` does with words.

use crate::flow::Input;
use crate::flow::build::Build;
use crate::flow::read::Section;
use crate::flow::run::{Run, Turn};
use crate::flow::step::say::Say;
use crate::flow::step::{Exit, Next};
use crate::flow::text::Speech;

pub(in crate::flow) struct Play(Say);

impl Play {
    pub(in crate::flow) fn read<'a>(build: &Build<'a>, section: &Section<'a>) -> Self {
        Self(Say::read_key(build, section, "file"))
    }

    pub(in crate::flow) fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        self.0.enter(run, turn)
    }

    pub(in crate::flow) fn input(&self, run: &mut Run, input: Input) -> Next {
        self.0.input(run, input)
    }

    pub(in crate::flow) fn exits(&self) -> Vec<Exit> {
        self.0.exits()
    }

    pub(in crate::flow) const fn barge_in(&self) -> bool {
        self.0.barge_in()
    }

    pub(in crate::flow) fn speech(&self) -> &Speech {
        self.0.speech()
    }
}
