//! The verbs, one file each, and the step of a flow that is one of them.
//!
//! **Invariant:** a step holds what the file says and nothing about a call; what a call does at a
//! step is in [`Doing`], which belongs to the [`Run`].

pub(in crate::flow) mod ask;
pub(in crate::flow) mod branch;
pub(in crate::flow) mod collect;
pub(in crate::flow) mod hangup;
pub(in crate::flow) mod hours_check;
pub(in crate::flow) mod menu;
mod needs;
pub(in crate::flow) mod play;
pub(in crate::flow) mod queue;
pub(in crate::flow) mod record;
pub(in crate::flow) mod say;
pub(in crate::flow) mod set;
pub(in crate::flow) mod transfer;

use crate::flow::Input;
use crate::flow::build::Build;
use crate::flow::read::Section;
use crate::flow::run::{Run, Turn};
use crate::flow::text::Speech;
use crate::words::{Listen, Prompt};

/// A step, by its place in the file. Only the flow that made it can look it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::flow) struct StepId(pub(in crate::flow) usize);

/// A name that resolved to nothing. No flow that loaded holds one.
impl Default for StepId {
    fn default() -> Self {
        Self(usize::MAX)
    }
}

/// Every verb of the language. `[say.greeting]` is `Step::Say` with the name `greeting`.
pub(in crate::flow) enum Step {
    Say(say::Say),
    Play(play::Play),
    Menu(Box<menu::Menu>),
    Collect(Box<collect::Collect>),
    Branch(branch::Branch),
    Set(set::Set),
    HoursCheck(hours_check::HoursCheck),
    Queue(Box<queue::Queue>),
    Transfer(transfer::Transfer),
    Record(Box<record::Record>),
    Hangup(hangup::Hangup),
}

/// As they are written in a file.
pub(in crate::flow) const VERBS: [&str; 11] = [
    "say",
    "play",
    "menu",
    "collect",
    "branch",
    "set",
    "hours_check",
    "queue",
    "transfer",
    "record",
    "hangup",
];

/// What a step wants after an input.
pub(in crate::flow) enum Next {
    Goto(StepId),
    /// Stay here until the next input.
    Wait,
    /// The call is over, as far as the flow is concerned.
    End,
    /// The step could not do its work.
    Fail(String),
}

/// What a call is doing at its step.
#[derive(Clone, Debug, Default)]
pub(in crate::flow) enum Doing {
    #[default]
    Nothing,
    Speaking,
    Collecting(ask::Collecting),
    Queueing,
    Transferring,
    Recording(record::End),
}

/// One way out of a step.
pub(in crate::flow) struct Exit {
    pub(in crate::flow) label: String,
    pub(in crate::flow) to: StepId,
    /// Whether the step waits for the caller or an agent before this way is taken.
    pub(in crate::flow) waited: bool,
}

impl Exit {
    pub(in crate::flow) fn at_once(label: impl Into<String>, to: StepId) -> Self {
        Self { label: label.into(), to, waited: false }
    }

    pub(in crate::flow) fn waited(label: impl Into<String>, to: StepId) -> Self {
        Self { label: label.into(), to, waited: true }
    }
}

impl Step {
    /// Reads the options of one step. `verb` is one of [`VERBS`].
    pub(in crate::flow) fn read<'a>(
        build: &Build<'a>,
        verb: &str,
        name: &str,
        section: &Section<'a>,
    ) -> Option<Self> {
        Some(match verb {
            "say" => Step::Say(say::Say::read(build, section)),
            "play" => Step::Play(play::Play::read(build, section)),
            "menu" => Step::Menu(Box::new(menu::Menu::read(build, section))),
            "collect" => Step::Collect(Box::new(collect::Collect::read(build, section)?)),
            "branch" => Step::Branch(branch::Branch::read(build, section)),
            "set" => Step::Set(set::Set::read(build, section)),
            "hours_check" => Step::HoursCheck(hours_check::HoursCheck::read(build, section)?),
            "queue" => Step::Queue(Box::new(queue::Queue::read(build, name, section))),
            "transfer" => Step::Transfer(transfer::Transfer::read(build, section)?),
            "record" => Step::Record(Box::new(record::Record::read(build, section))),
            "hangup" => Step::Hangup(hangup::Hangup::read(build, section)),
            _ => return None,
        })
    }

    pub(in crate::flow) fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        match self {
            Step::Say(step) => step.enter(run, turn),
            Step::Play(step) => step.enter(run, turn),
            Step::Menu(step) => ask::enter(&**step, run, turn),
            Step::Collect(step) => ask::enter(&**step, run, turn),
            Step::Branch(step) => step.enter(run, turn),
            Step::Set(step) => step.enter(run, turn),
            Step::HoursCheck(step) => step.enter(turn),
            Step::Queue(step) => step.enter(run, turn),
            Step::Transfer(step) => step.enter(run, turn),
            Step::Record(step) => step.enter(run, turn),
            Step::Hangup(step) => step.enter(run, turn),
        }
    }

    /// Steps that never wait see no input.
    pub(in crate::flow) fn input(&self, run: &mut Run, turn: &mut Turn<'_>, input: Input) -> Next {
        match self {
            Step::Say(step) => step.input(run, input),
            Step::Play(step) => step.input(run, input),
            Step::Menu(step) => ask::input(&**step, run, turn, input),
            Step::Collect(step) => ask::input(&**step, run, turn, input),
            Step::Queue(step) => step.input(run, turn, input),
            Step::Transfer(step) => step.input(turn, input),
            Step::Record(step) => step.input(run, turn, input),
            Step::Hangup(step) => step.input(turn, input),
            Step::Branch(_) | Step::Set(_) | Step::HoursCheck(_) => Next::Wait,
        }
    }

    /// The keys this step waits for, or will.
    pub(in crate::flow) fn listens(&self, doing: &Doing) -> Option<Listen> {
        match (self, doing) {
            (Step::Menu(step), Doing::Collecting(collecting)) => {
                Some(ask::listens(&**step, collecting))
            }
            (Step::Collect(step), Doing::Collecting(collecting)) => {
                Some(ask::listens(&**step, collecting))
            }
            (Step::Queue(step), Doing::Queueing) => step.listens(),
            (Step::Record(_), Doing::Speaking) => Some(Listen::SKIP),
            _ => None,
        }
    }

    /// Whether a key stops what the step says.
    pub(in crate::flow) fn barge_in(&self) -> bool {
        match self {
            Step::Say(step) => step.barge_in(),
            Step::Play(step) => step.barge_in(),
            Step::Menu(step) => ask::InputStep::ask(&**step).barge_in,
            Step::Collect(step) => ask::InputStep::ask(&**step).barge_in,
            Step::Queue(_) | Step::Record(_) => true,
            Step::Branch(_)
            | Step::Set(_)
            | Step::HoursCheck(_)
            | Step::Transfer(_)
            | Step::Hangup(_) => false,
        }
    }

    /// Whether a call can stay here for a while.
    pub(in crate::flow) fn waits(&self) -> bool {
        !matches!(self, Step::Branch(_) | Step::Set(_) | Step::HoursCheck(_))
    }

    /// Whether this key, pressed first, is one of those this step asks for. The exit key of a queue
    /// is none: no caller has waited there yet.
    pub(in crate::flow) fn lists(&self, key: char) -> bool {
        match self {
            Step::Menu(step) => step.lists(key),
            Step::Collect(step) => step.lists(key),
            Step::Say(_)
            | Step::Play(_)
            | Step::Branch(_)
            | Step::Set(_)
            | Step::HoursCheck(_)
            | Step::Queue(_)
            | Step::Transfer(_)
            | Step::Record(_)
            | Step::Hangup(_) => false,
        }
    }

    pub(in crate::flow) fn verb(&self) -> &'static str {
        match self {
            Step::Say(_) => "say",
            Step::Play(_) => "play",
            Step::Menu(_) => "menu",
            Step::Collect(_) => "collect",
            Step::Branch(_) => "branch",
            Step::Set(_) => "set",
            Step::HoursCheck(_) => "hours_check",
            Step::Queue(_) => "queue",
            Step::Transfer(_) => "transfer",
            Step::Record(_) => "record",
            Step::Hangup(_) => "hangup",
        }
    }

    pub(in crate::flow) fn exits(&self) -> Vec<Exit> {
        match self {
            Step::Say(step) => step.exits(),
            Step::Play(step) => step.exits(),
            Step::Menu(step) => step.exits(),
            Step::Collect(step) => step.exits(),
            Step::Branch(step) => step.exits(),
            Step::Set(step) => step.exits(),
            Step::HoursCheck(step) => step.exits(),
            Step::Queue(step) => step.exits(),
            Step::Transfer(step) => step.exits(),
            Step::Record(step) => step.exits(),
            Step::Hangup(_) => Vec::new(),
        }
    }

    pub(in crate::flow) fn speeches(&self) -> Vec<&Speech> {
        match self {
            Step::Say(step) => vec![step.speech()],
            Step::Play(step) => vec![step.speech()],
            Step::Menu(step) => ask::InputStep::ask(&**step).speeches(),
            Step::Collect(step) => ask::InputStep::ask(&**step).speeches(),
            Step::Queue(step) => vec![step.announcement()],
            Step::Record(step) => step.speech().into_iter().collect(),
            Step::Hangup(step) => step.speech().into_iter().collect(),
            Step::Branch(_) | Step::Set(_) | Step::HoursCheck(_) | Step::Transfer(_) => Vec::new(),
        }
    }

    /// What the caller hears while waiting.
    pub(in crate::flow) fn sound(&self) -> Option<Prompt> {
        match self {
            Step::Queue(step) => Some(step.sound().prompt()),
            Step::Transfer(step) => Some(step.sound().prompt()),
            Step::Say(_)
            | Step::Play(_)
            | Step::Menu(_)
            | Step::Collect(_)
            | Step::Branch(_)
            | Step::Set(_)
            | Step::HoursCheck(_)
            | Step::Record(_)
            | Step::Hangup(_) => None,
        }
    }

    /// The input step, if this is one.
    pub(in crate::flow) fn ask(&self) -> Option<&ask::Ask> {
        match self {
            Step::Menu(step) => Some(ask::InputStep::ask(&**step)),
            Step::Collect(step) => Some(ask::InputStep::ask(&**step)),
            Step::Say(_)
            | Step::Play(_)
            | Step::Branch(_)
            | Step::Set(_)
            | Step::HoursCheck(_)
            | Step::Queue(_)
            | Step::Transfer(_)
            | Step::Record(_)
            | Step::Hangup(_) => None,
        }
    }

    /// Whether a key pressed here may be answered by a later step: it was typed ahead.
    pub(in crate::flow) fn passes_keys_on(&self) -> bool {
        match self {
            Step::Say(_) | Step::Play(_) | Step::Branch(_) | Step::Set(_) | Step::HoursCheck(_) => {
                true
            }
            Step::Menu(step) => {
                let ask = ask::InputStep::ask(&**step);
                step.is_ambiguous() || !ask.barge_in && !ask.clear_keys
            }
            Step::Collect(step) => {
                let ask = ask::InputStep::ask(&**step);
                !ask.barge_in && !ask.clear_keys
            }
            Step::Queue(_) | Step::Transfer(_) | Step::Record(_) | Step::Hangup(_) => false,
        }
    }

    /// Whether a call can end its flow here, or is handed to people.
    pub(in crate::flow) fn is_way_out(&self) -> bool {
        match self {
            Step::Queue(_) | Step::Transfer(_) | Step::Hangup(_) => true,
            Step::Say(_)
            | Step::Play(_)
            | Step::Menu(_)
            | Step::Collect(_)
            | Step::Branch(_)
            | Step::Set(_)
            | Step::HoursCheck(_)
            | Step::Record(_) => false,
        }
    }

    /// Whether the step makes sense without a caller on the line.
    pub(in crate::flow) fn needs_no_caller(&self) -> bool {
        match self {
            Step::Branch(_) | Step::Set(_) | Step::HoursCheck(_) | Step::Hangup(_) => true,
            Step::Say(_)
            | Step::Play(_)
            | Step::Menu(_)
            | Step::Collect(_)
            | Step::Queue(_)
            | Step::Transfer(_)
            | Step::Record(_) => false,
        }
    }
}
