//! One leg: what it does now, what comes after that, and its commands.
//!
//! **Invariant:** of the commands to a leg one is under way at a time, so that they arrive in their
//! order; the name of each follows from call, step and place, and is never used twice for a leg.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::center::{Cause, Digit};
use crate::id::LegId;
use crate::time::Timestamp;
use crate::webhook::document::Dial;
use crate::webhook::fields::{Fields, LegState};
use crate::webhook::link::Link;
use crate::webhook::rest::RestCommand;
use crate::webhook::sign::base64;
use crate::webhook::telnyx::plan::{Body, Name, Todo};

/// Commands that wait for the one under way. A document has no more at once than what stops the
/// last one, and its first.
const WAITING_MAX: usize = 16;

/// A command that is to be sent, and whose outcome is to be told to [`Legs`](super::Legs).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Whom it is about, for whoever reads the log.
    pub leg: LegId,
    pub command: RestCommand,
}

/// What a leg does, and so which event it waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Doing {
    /// A document, or its end.
    Nothing,
    Answering,
    Sound,
    Pause,
    Keys {
        is_last: bool,
    },
    Record {
        finish: Option<Digit>,
    },
    Dialing {
        dial: Box<Dial>,
        party: Option<String>,
        talks_since: Option<Timestamp>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Role {
    Caller,
    /// Called for the caller with this reference.
    Party {
        caller: String,
        dial: Box<Dial>,
    },
}

/// How and when a leg ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) at: Timestamp,
    pub(super) cause: Cause,
}

impl Held {
    pub(super) fn new(now: Timestamp, fields: &Fields) -> Self {
        let cause = match fields.state {
            Some(LegState::Ended(cause)) => cause,
            _ => Cause::NORMAL_UNSPECIFIED,
        };
        Self { at: fields.at.unwrap_or(now), cause }
    }

    pub(super) fn fields(self, reference: &str) -> Fields {
        let state = Some(LegState::Ended(self.cause));
        Fields { reference: reference.to_owned(), state, at: Some(self.at), ..Fields::default() }
    }
}

/// A command of a leg.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) id: String,
    name: Name,
    body: Body,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Leg {
    pub(super) id: LegId,
    pub(super) role: Role,
    pub(super) is_answered: bool,
    pub(super) is_over: bool,
    pub(super) todo: VecDeque<Todo>,
    pub(super) next: Option<Link>,
    pub(super) doing: Doing,
    /// What was to be done so, where it can be done once more.
    pub(super) current: Option<Todo>,
    /// The event about it is there by then, unless it was lost.
    pub(super) until: Option<Timestamp>,
    /// We were away, and that event may have been lost meanwhile.
    #[serde(skip)]
    pub(super) was_away: bool,
    /// What an event has that is about what the leg does now.
    pub(super) mark: String,
    /// What Telnyx was told last to send with every event of the leg.
    pub(super) state: String,
    /// The name of the command that started it.
    pub(super) command: String,
    /// The step, for the names of commands.
    pub(super) step: String,
    /// Commands of that step.
    pub(super) count: u32,
    /// Commands that could not be done, one after another.
    pub(super) failures: u32,
    /// It was told to hang up, so often.
    pub(super) ends: u32,
    /// The mark of the message that was told last.
    pub(super) saved: String,
    /// Its end, until it is told: after the message the caller left, or the caller's own end.
    pub(super) held: Option<Held>,
    waiting: VecDeque<Waiting>,
    under_way: Option<Waiting>,
}

impl Leg {
    pub(super) fn new(id: LegId, role: Role, is_answered: bool) -> Self {
        Self {
            id,
            role,
            is_answered,
            is_over: false,
            todo: VecDeque::new(),
            next: None,
            doing: Doing::Nothing,
            current: None,
            until: None,
            was_away: false,
            mark: String::new(),
            state: String::new(),
            command: String::new(),
            step: "first".to_owned(),
            count: 0,
            failures: 0,
            ends: 0,
            saved: String::new(),
            held: None,
            waiting: VecDeque::new(),
            under_way: None,
        }
    }

    pub(super) const fn is_caller(&self) -> bool {
        matches!(self.role, Role::Caller)
    }

    /// From here on commands are of the step that `link` names.
    pub(super) fn begin(&mut self, link: &Link) {
        let step = match link {
            Link::Step { call, n } | Link::Recording { call, n } => {
                self.id = if self.is_caller() { LegId::caller(*call) } else { self.id };
                format!("{}.{n}", call.0)
            }
            Link::Leg { leg, n } => format!("{}.{}.{n}", leg.call.0, leg.n),
            Link::LegStatus { leg } => format!("{}.{}", leg.call.0, leg.n),
            Link::Voice | Link::Events | Link::Status { .. } | Link::Audio { .. } => return,
        };
        if step != self.step {
            self.step = step;
            self.count = 0;
        }
    }

    /// A command about which events are waited for: they will have `mark`.
    pub(super) fn start(&mut self, name: &'static str, body: Body, mark: String) {
        let mut body = body;
        body.insert("client_state".to_owned(), base64(mark.as_bytes()).into());
        if !matches!(self.doing, Doing::Dialing { party: None, .. }) {
            self.state.clone_from(&mark);
        }
        self.mark = mark;
        self.command = self.order(name, body);
    }

    /// Returns the command's name.
    pub(super) fn order(&mut self, name: &'static str, body: Body) -> String {
        self.count += 1;
        self.ends += u32::from(matches!(name, "hangup" | "reject"));
        let id = format!("{}.{}.{name}", self.step, self.count);
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(Waiting { id: id.clone(), name: Name(name), body });
        } else {
            tracing::warn!(leg = %self.id, "too many commands wait for this leg: one is left out");
        }
        id
    }

    /// What can be sent now.
    pub(super) fn send(&mut self, reference: &str) -> Option<Order> {
        if self.under_way.is_some() {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.under_way = Some(next.clone());
        let Waiting { id, name: Name(name), body } = next;
        let command = RestCommand::Action { reference: reference.to_owned(), id, name, body };
        Some(Order { leg: self.id, command })
    }

    /// The provider answered to a command. `false`: that one is not under way.
    pub(super) fn sent(&mut self, id: &str) -> bool {
        self.under_way.take_if(|command| command.id == id).is_some()
    }

    /// The outcome of the command under way will not be told: it is to be sent again.
    pub(super) fn again(&mut self) {
        self.under_way.take().into_iter().for_each(|first| self.waiting.push_front(first));
    }

    /// Whether every command was confirmed.
    pub(super) fn is_heard(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_none()
    }

    pub(super) fn drop_commands(&mut self) {
        self.waiting.clear();
    }

    /// Nothing can be told to it any more.
    pub(super) fn over(&mut self) {
        self.is_over = true;
        self.todo.clear();
        self.waiting.clear();
        self.next = None;
        self.doing = Doing::Nothing;
        self.current = None;
        self.until = None;
    }
}
