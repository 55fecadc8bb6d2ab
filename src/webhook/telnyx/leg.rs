//! One leg: what it does now, what comes next, and its commands.
//!
//! **Invariant:** of the commands to a leg one is under way at a time, so that they arrive in their
//! order; the name of each follows from call, step and place, and is never used twice for a leg.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::commanded::{LegOrder, Split};
use crate::webhook::document::Dial;
use crate::webhook::fields::{Fields, LegState};
use crate::webhook::link::Link;
use crate::webhook::rest::RestCommand;
use crate::webhook::sign::base64;
use crate::webhook::telnyx::plan::{Body, Name, Todo};
use crate::webhook::telnyx::rest::{CONFERENCE, CONFERENCE_NAME, JOIN, LEAVE};
use crate::words::{Cause, Digit};

/// Of a leg, until a document says of which call it is.
pub(super) const UNKNOWN: CallId = CallId(0);
/// How many commands may wait for the one under way; a further one is left out. A document has at
/// most those that stop the last one, and its first.
const WAITING_MAX: usize = 16;

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
    /// In its conference, with the other legs there.
    #[serde(rename = "Room")]
    InConference,
    /// In the conference of the leg that dialed it.
    #[serde(rename = "Guest")]
    Consulted,
    /// On its way out of the talk with the leg that dialed it.
    #[serde(rename = "Parting")]
    Splitting(Box<Split>),
}

/// The conference to which a leg belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Conference {
    pub(super) name: String,
    /// The leg makes it, and does not join it.
    pub(super) is_new: bool,
    pub(super) at: At,
    /// How often in a row the leg fell out of it soon after it entered.
    pub(super) falls: u32,
}

/// Where a leg is that belongs to a conference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum At {
    /// On the way in: the command to enter is under way, or follows soon.
    Entering {
        /// How many waits there were after commands that failed.
        waits: u32,
        #[serde(rename = "has_turned")]
        tried: Tried,
        #[serde(rename = "is_unsure")]
        whereabouts: Whereabouts,
        #[serde(rename = "is_refused")]
        admission: Admission,
    },
    In {
        since: Timestamp,
    },
    /// It was in, and fell out; it enters again soon, if it is still up.
    Fallen,
}

impl At {
    const FIRST: Self = Self::Entering {
        waits: 0,
        tried: Tried::One,
        whereabouts: Whereabouts::Outside,
        admission: Admission::Open,
    };
}

/// Which of the two commands were tried since the last wait: to make the conference, and to join
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
pub(super) enum Tried {
    One,
    Both,
}

/// Where a leg is whose command to enter did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
pub(super) enum Whereabouts {
    Outside,
    /// The command may have been carried out all the same, or the leg may not have left yet.
    Unknown,
}

/// What a conference that is there said to a leg that would join it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
pub(super) enum Admission {
    /// Nothing, as far as we know.
    Open,
    Refused,
}

/// Legs are saved with a flag for each.
macro_rules! saved_as_flag {
    ($type:ident, $off:ident, $on:ident) => {
        impl From<bool> for $type {
            fn from(flag: bool) -> Self {
                if flag { Self::$on } else { Self::$off }
            }
        }

        impl From<$type> for bool {
            fn from(it: $type) -> Self {
                it == $type::$on
            }
        }
    };
}

saved_as_flag!(Tried, One, Both);
saved_as_flag!(Whereabouts, Outside, Unknown);
saved_as_flag!(Admission, Open, Refused);

impl Conference {
    pub(super) fn new(name: &str, is_new: bool) -> Self {
        Self { name: name.to_owned(), is_new, at: At::FIRST, falls: 0 }
    }

    /// A command to enter leaves. `is_leaving`: the leg may not have left the conference yet.
    pub(super) const fn enter(&mut self, is_leaving: bool) {
        if !matches!(self.at, At::Entering { .. }) {
            self.at = At::FIRST;
        }
        if let At::Entering { whereabouts, .. } = &mut self.at
            && is_leaving
        {
            *whereabouts = Whereabouts::Unknown;
        }
    }
}

/// The conference that a leg was commanded to leave, until it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leaving {
    #[serde(rename = "room")]
    pub(super) conference: String,
    /// The leg was there, as far as we know.
    pub(super) was_in: bool,
    /// How many waits there were after commands that failed.
    pub(super) waits: u32,
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
    pub(super) name: Name,
    body: Body,
}

impl Waiting {
    /// The conference that it is about.
    pub(super) fn conference(&self) -> Option<&str> {
        let is_about_one = matches!(self.name.0, CONFERENCE | JOIN | LEAVE);
        self.body.get(CONFERENCE_NAME).and_then(Value::as_str).filter(|_| is_about_one)
    }
}

/// How far a leg has come. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Flags", into = "Flags")]
pub(super) enum Progress {
    Ringing,
    Up,
    Over { was_up: bool },
}

/// [`Progress`] as it is saved, and always was.
#[derive(Serialize, Deserialize)]
struct Flags {
    is_answered: bool,
    is_over: bool,
}

impl From<Flags> for Progress {
    fn from(flags: Flags) -> Self {
        match flags {
            Flags { is_answered, is_over: true } => Self::Over { was_up: is_answered },
            Flags { is_answered: true, is_over: false } => Self::Up,
            Flags { is_answered: false, is_over: false } => Self::Ringing,
        }
    }
}

impl From<Progress> for Flags {
    fn from(progress: Progress) -> Self {
        let (is_answered, is_over) = match progress {
            Progress::Ringing => (false, false),
            Progress::Up => (true, false),
            Progress::Over { was_up } => (was_up, true),
        };
        Self { is_answered, is_over }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Leg {
    /// Of [`UNKNOWN`] until a document says of which call the leg is.
    pub(super) id: LegId,
    pub(super) role: Role,
    #[serde(flatten)]
    progress: Progress,
    pub(super) todo: VecDeque<Todo>,
    pub(super) next: Option<Link>,
    pub(super) doing: Doing,
    /// The step it does, where that can be done once more.
    pub(super) current: Option<Todo>,
    /// An event about that step that has not come by now was lost.
    pub(super) until: Option<Timestamp>,
    /// We were away, and that event may have been lost in the meantime. It says how much we know,
    /// whatever the leg does, and so is no part of what it does.
    #[serde(skip)]
    pub(super) was_away: bool,
    /// The mark of events about what the leg does now.
    pub(super) mark: String,
    /// What Telnyx sends with every event of the leg, by the last command.
    pub(super) state: String,
    /// The name of the command that started what the leg does now.
    pub(super) command: String,
    /// The step, for the names of commands.
    pub(super) step: String,
    /// Commands of that step.
    pub(super) count: u32,
    /// How many commands have failed in a row.
    pub(super) failures: u32,
    /// How many commands to hang up it has had.
    pub(super) ends: u32,
    /// The mark of the last message that was reported.
    pub(super) saved: String,
    #[serde(default, rename = "room", skip_serializing_if = "Option::is_none")]
    pub(super) conference: Option<Conference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) leaving: Option<Leaving>,
    /// Its end, until it is reported: after the message that the caller left, or after the end of
    /// the caller.
    pub(super) held: Option<Held>,
    waiting: VecDeque<Waiting>,
    under_way: Option<Waiting>,
}

impl Leg {
    /// A party that rings, called for the caller with this reference.
    pub(super) fn party(id: LegId, caller: &str, dial: Box<Dial>) -> Self {
        Self::new(id, Role::Party { caller: caller.to_owned(), dial }, Progress::Ringing)
    }

    /// A caller, or a leg of whom no more is known than its name.
    pub(super) fn caller(call: CallId, progress: Progress) -> Self {
        Self::new(LegId::caller(call), Role::Caller, progress)
    }

    fn new(id: LegId, role: Role, progress: Progress) -> Self {
        Self {
            id,
            role,
            progress,
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
            conference: None,
            leaving: None,
            held: None,
            waiting: VecDeque::new(),
            under_way: None,
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.progress, Progress::Over { .. })
    }

    /// It was answered, whether or not it is over by now.
    pub(super) const fn was_answered(&self) -> bool {
        matches!(self.progress, Progress::Up | Progress::Over { was_up: true })
    }

    /// It is answered; `false` where that changes nothing.
    pub(super) fn answer(&mut self) -> bool {
        let rings = self.progress == Progress::Ringing;
        if rings {
            self.progress = Progress::Up;
        }
        rings
    }

    pub(super) const fn is_caller(&self) -> bool {
        matches!(self.role, Role::Caller)
    }

    /// From here on commands belong to the step that `link` names.
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

    /// Starts a command whose events will have `mark`.
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
        let mut command = Waiting { id: String::new(), name: Name(name), body };
        let id = match command.conference() {
            // Of all commands to conferences, Telnyx does those of one name once.
            Some(conference) => format!("{conference}.{}.{}.{name}", self.step, self.count),
            None => format!("{}.{}.{name}", self.step, self.count),
        };
        if self.waiting.len() < WAITING_MAX {
            command.id.clone_from(&id);
            self.waiting.push_back(command);
        } else {
            tracing::warn!(leg = %self.id, "too many commands wait for this leg: one is left out");
        }
        id
    }

    /// What can be sent now.
    pub(super) fn send(&mut self, reference: &str) -> Option<LegOrder> {
        if self.under_way.is_some() {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.under_way = Some(next.clone());
        let Waiting { id, name: Name(name), body } = next;
        let command = RestCommand::Action { reference: reference.to_owned(), id, name, body };
        Some(LegOrder { leg: self.id, command })
    }

    /// The command that was under way and is now answered; `None` for another one.
    pub(super) fn sent(&mut self, id: &str) -> Option<Waiting> {
        self.under_way.take_if(|command| command.id == id)
    }

    pub(super) fn is_in(&self, conference: &str) -> bool {
        self.conference.as_ref().is_some_and(|it| it.name == conference)
    }

    /// The outcome of the command under way is lost: it is sent again.
    pub(super) fn again(&mut self) {
        self.under_way.take().into_iter().for_each(|first| self.waiting.push_front(first));
    }

    /// Whether every command was confirmed.
    pub(super) fn is_heard(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_none()
    }

    /// Whether such a command is under way or waits.
    pub(super) fn is_told_to(&self, name: &str) -> bool {
        self.under_way.iter().chain(&self.waiting).any(|it| it.name.0 == name)
    }

    pub(super) fn is_entering(&self) -> bool {
        self.is_told_to(CONFERENCE) || self.is_told_to(JOIN)
    }

    pub(super) fn drop_commands(&mut self) {
        self.waiting.clear();
    }

    /// Takes its commands back, none of which has left.
    pub(super) fn unsay(&mut self) {
        self.under_way = None;
        self.waiting.clear();
        self.todo.clear();
        self.next = None;
        self.doing = Doing::Nothing;
    }

    /// It has ended, and takes no more commands.
    pub(super) fn over(&mut self) {
        self.progress = Progress::Over { was_up: self.was_answered() };
        self.todo.clear();
        self.waiting.clear();
        self.next = None;
        self.doing = Doing::Nothing;
        self.current = None;
        self.until = None;
        (self.conference, self.leaving) = (None, None);
    }
}
