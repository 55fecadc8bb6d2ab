//! What a verb of the language is: the contract of each file in `step/`.
//!
//! **Invariant:** what guards callers has no default: where a step leads, its [`Nature`], what it
//! needs and says. The rest is nothing, unless the verb says so. A step holds what the file says
//! and nothing about a call; what a call does at a step is in the [`Run`].
//!
//! **Deliberately absent:** names and reading. A line of [`VERBS`](crate::flow::step::VERBS) has
//! both.

use std::ops::Range;

use serde_json::Value;

use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::kept::Kept;
use crate::flow::port::{QueueOutcome, QueueRequest, RecordOutcome, TransferOutcome};
use crate::flow::run::{Run, Turn};
use crate::flow::text::Speech;
use crate::words::{Digit, Listen, Need, Prompt, Reply};

/// What guards callers at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) struct Nature {
    /// A call can stay here for a while.
    pub(in crate::flow) waits: bool,
    /// A call can end its flow here, or is handed to people.
    pub(in crate::flow) is_way_out: bool,
    /// The step makes sense without a caller on the line.
    pub(in crate::flow) needs_no_caller: bool,
    /// A key stops what the step says.
    pub(in crate::flow) barge_in: bool,
    /// A key pressed here may be answered by a later step: it was typed ahead.
    pub(in crate::flow) passes_keys_on: bool,
    /// What is pressed here must not be written down.
    pub(in crate::flow) is_secret: bool,
}

impl Nature {
    /// Decides or sets something, and the call goes on at once.
    pub(in crate::flow) const PASSED_THROUGH: Self = Self {
        waits: false,
        is_way_out: false,
        needs_no_caller: true,
        barge_in: false,
        passes_keys_on: true,
        is_secret: false,
    };
}

/// A step of a flow, as the file has it.
pub(in crate::flow) trait Verb: Send + Sync {
    /// A call comes to the step.
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next;

    /// What a call keeps at the step, of what was written down of it. A verb that keeps anything
    /// says how; `None`: that was not kept here.
    fn resume(&self, _: Value) -> Option<Kept> {
        None
    }

    /// Where the step may lead.
    fn exits(&self) -> Vec<Exit>;

    /// What guards callers here.
    fn nature(&self) -> Nature;

    /// What the step needs of the front that carries the call.
    fn needs(&self) -> Vec<Need>;

    /// Everything the step may say.
    fn speeches(&self) -> Vec<&Speech>;

    // What may happen while a call waits at the step. It stays there, unless the verb says more.

    fn key_pressed(&self, _run: &mut Run, _turn: &mut Turn<'_>, _digit: Digit) -> Next {
        Next::Wait
    }

    /// The prompts of the last [`Effect::Play`](crate::flow::Effect::Play) were heard.
    fn prompt_done(&self, _run: &mut Run, _turn: &mut Turn<'_>) -> Next {
        Next::Wait
    }

    /// The time that the step asked for has passed.
    fn time_passed(&self, _run: &mut Run, _turn: &mut Turn<'_>) -> Next {
        Next::Wait
    }

    fn left_queue(&self, _run: &mut Run, _turn: &mut Turn<'_>, _outcome: QueueOutcome) -> Next {
        Next::Wait
    }

    fn transferred(&self, _run: &mut Run, _turn: &mut Turn<'_>, _end: TransferOutcome) -> Next {
        Next::Wait
    }

    fn recorded(&self, _run: &mut Run, _turn: &mut Turn<'_>, _outcome: RecordOutcome) -> Next {
        Next::Wait
    }

    fn replied(&self, _run: &mut Run, _turn: &mut Turn<'_>, _reply: Reply) -> Next {
        Next::Wait
    }

    // What else a step may be or have.

    /// Whether it collects keys and gives a result.
    fn is_input(&self) -> bool {
        false
    }

    /// The keys this step waits for, or will.
    fn listens(&self, _run: &Run) -> Option<Listen> {
        None
    }

    /// Whether this key, pressed first, is one of those this step asks for. The exit key of a queue
    /// is none: nobody has waited there yet.
    fn lists(&self, _key: char) -> bool {
        false
    }

    /// What the caller hears while waiting.
    fn wait_sound(&self) -> Option<Prompt> {
        None
    }

    /// Whether a call that is here has an open question.
    fn awaits_reply(&self) -> bool {
        false
    }

    /// The variables that are set once a call has left by this exit.
    fn sets(&self, _exit: &str) -> Vec<&str> {
        Vec::new()
    }

    /// The variables that no longer are, whichever exit a call has left by.
    fn unsets(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The variables that may be set when the caller hangs up here.
    fn sets_at_hangup(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The variable that is there already when the step's own condition looks at it.
    fn sets_before_condition(&self) -> Option<&str> {
        None
    }

    /// How many digits the step asks for, at least and at most, and the key that ends them.
    fn digits(&self) -> Option<(usize, usize, Option<char>)> {
        None
    }

    /// The keys that callers choose by, and where each leads.
    fn choices(&self) -> &[(String, StepId)] {
        &[]
    }

    /// What callers may say here: the step it leads to, and the phrases.
    fn phrases(&self) -> &[(StepId, Vec<String>)] {
        &[]
    }

    /// The number that the step dials, where it is the same for everybody.
    fn dials(&self) -> Option<FixedNumber<'_>> {
        None
    }

    /// The queue that the step enters.
    fn enters(&self) -> Option<&dyn EntersQueue> {
        None
    }
}

/// A number outside as a file has it.
pub(in crate::flow) struct FixedNumber<'a> {
    pub(in crate::flow) to: &'a str,
    pub(in crate::flow) trunk: Option<&'a str>,
    pub(in crate::flow) place: Range<usize>,
}

/// A step that enters a queue.
pub(in crate::flow) trait EntersQueue {
    fn queue(&self) -> &str;

    /// The intent it stands for, where that is the same for everybody.
    fn intent(&self) -> Option<&str>;

    /// Skills that are the same for every caller.
    fn skills(&self) -> Vec<&str>;

    /// Whether a template names one of its skills, so that it may be any.
    fn asks_any_skill(&self) -> bool;

    /// What an agent who talks to the caller asks of this queue: what the caller would ask, for
    /// nobody in particular. What cannot be said of a caller who did not come this way is left out.
    fn consult_request(&self, run: &Run, turn: &Turn<'_>) -> QueueRequest;
}
