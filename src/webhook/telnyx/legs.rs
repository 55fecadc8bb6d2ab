//! All legs: events and documents in, commands and requests out. [`Commanded`] has the contract.
//!
//! **Invariant:** the end of a sound and gathered keys count only with the mark of the leg's step,
//! or, after a restart, of a step beyond all that is known; recordings, answers and ends count
//! once, and a fall out of a conference only while the leg is in it. So a late, repeated or foreign
//! event changes nothing.
//!
//! **Deliberately absent:** the disk. The next event of a leg that was not saved names its link by
//! itself, and the rest of its document is skipped.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::id::{CallId, LegId};
use crate::time::{Timers, Timestamp};
use crate::webhook::commanded::{Commanded, LegOrder, LegSaving, Split};
use crate::webhook::document::Document;
use crate::webhook::fields::{Fields, LegEventKind, LegState, Recorded};
use crate::webhook::form;
use crate::webhook::link::Link;
use crate::webhook::render_context::RenderContext;
use crate::webhook::rest::RestOutcome;
use crate::webhook::telnyx::leg::{Doing, Leg, Progress, Role, UNKNOWN};
use crate::webhook::telnyx::plan::{Body, Todo, next, plan};
use crate::words::Cause;

/// A leg whose commands fail this many times in a row is hung up, so that no loop of them goes on
/// for ever.
const FAILURES_MAX: u32 = 10;
/// How many commands to hang up a leg gets.
const ENDS_MAX: u32 = 10;
/// And the time between two of them.
const END_AGAIN: Duration = Duration::from_secs(5);
/// How long Telnyx may take to answer a call.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// What names the leg in the mark of a recording.
pub(super) const RECORDED: &str = "r";
/// The action after which two legs hear each other.
pub(super) const BRIDGE: &str = "bridge";
/// The end of a mark that a party's leg has.
pub(super) const PARTY: &str = "&d=1";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wake {
    /// The leg's step is over, or should be.
    Due(String),
    /// The leg tries to enter its conference once more.
    Enter(String),
    /// The leg tries to leave a conference once more.
    Leave(String),
    /// The leg was commanded to hang up, and should be gone.
    End(String),
    /// The end of a leg is reported, even if what should come first has not come.
    ReportEnd(String),
    Forget(String),
}

#[derive(Debug)]
pub(super) struct Legs {
    pub(super) context: RenderContext,
    /// How long a piece of waiting music is.
    piece: Duration,
    /// By the provider's name for them.
    pub(super) legs: BTreeMap<String, Leg>,
    /// Parties that were dialed and have no name yet: by their mark, the caller's name.
    pub(super) dialed: BTreeMap<String, String>,
    pub(super) timers: Timers<Wake>,
    pub(super) requests: VecDeque<(Link, Fields)>,
    pub(super) orders: VecDeque<LegOrder>,
    /// Parties that could not be split from their callers.
    pub(super) unsplit: VecDeque<LegId>,
    /// Legs to save, or to forget.
    pub(super) unsaved: BTreeSet<String>,
}

impl Legs {
    /// `piece`: how long a piece of waiting music is.
    #[must_use]
    pub(super) fn new(context: RenderContext, piece: Duration) -> Self {
        Self {
            context,
            piece,
            legs: BTreeMap::new(),
            dialed: BTreeMap::new(),
            timers: Timers::default(),
            requests: VecDeque::new(),
            orders: VecDeque::new(),
            unsplit: VecDeque::new(),
            unsaved: BTreeSet::new(),
        }
    }

    /// A leg that may change, and so will be saved.
    pub(super) fn leg(&mut self, reference: &str) -> Option<&mut Leg> {
        let leg = self.legs.get_mut(reference)?;
        if !self.unsaved.contains(reference) {
            self.unsaved.insert(reference.to_owned());
        }
        Some(leg)
    }
}

impl Commanded for Legs {
    fn context(&self) -> RenderContext {
        self.context.clone()
    }

    fn set_context(&mut self, context: RenderContext) {
        self.context = context;
    }

    fn handle_event(&mut self, now: Timestamp, fields: &Fields) {
        let Some(event) = &fields.leg_event else { return };
        // The event of a recording does not name the leg as commands do; the mark does.
        let recorded =
            (event.kind == LegEventKind::Saved).then(|| recorded_leg(&event.mark)).flatten();
        let reference = recorded.as_deref().unwrap_or(&fields.reference);
        if !self.legs.contains_key(reference) && !self.unknown_leg(now, reference, fields) {
            return;
        }
        let Some(leg) = self.legs.get(reference) else { return };
        if leg.was_away && self.is_ahead(leg, event) {
            return self.catch_up(reference, fields);
        }
        let is_now = !leg.is_over() && leg.mark == event.mark;
        match (event.kind, &leg.doing) {
            (LegEventKind::Ended | LegEventKind::Dropped, _) => self.over(now, reference, fields),
            (LegEventKind::Answered, _) => self.answered(now, reference, fields),
            (LegEventKind::Sounded, Doing::Sound) if is_now => {
                self.done(now, reference, Fields::default())
            }
            (LegEventKind::Collected, Doing::Keys { is_last }) if is_now => {
                let is_last = *is_last;
                self.collected(now, reference, is_last, fields);
            }
            (LegEventKind::Key, Doing::Record { finish: Some(finish), .. })
                if fields.keys.as_ref().is_some_and(|keys| keys.contains(finish)) =>
            {
                self.order(reference, "record_stop", Body::new());
            }
            (LegEventKind::Saved, _) if leg.saved == event.mark => {}
            (LegEventKind::Saved, Doing::Record { .. }) if is_now => {
                self.saved(reference, &event.mark);
                let recorded = fields.recorded.clone();
                self.done(now, reference, Fields { recorded, ..Fields::default() });
            }
            (LegEventKind::Saved, _) => self.saved_late(now, reference, fields),
            (LegEventKind::Bridged, _) => self.bridged(now, reference),
            (LegEventKind::LeftConference, _) => self.fell_out(now, reference),
            (
                LegEventKind::Arrived
                | LegEventKind::Called
                | LegEventKind::Key
                | LegEventKind::Sounded
                | LegEventKind::Collected
                | LegEventKind::Other,
                _,
            ) => {}
        }
    }

    fn execute(
        &mut self,
        now: Timestamp,
        reference: &str,
        link: &Link,
        document: Option<&Document>,
    ) {
        let asks = matches!(link, Link::Voice | Link::Step { .. } | Link::Leg { .. });
        let todo = document.map(|document| plan(document, &self.context, self.piece));
        let todo = todo.unwrap_or_default();
        let Some(leg) = self.leg(reference).filter(|leg| asks && !leg.is_over()) else {
            return;
        };
        let Some(document) = document else { return self.hang_up(reference) };
        leg.begin(link);
        if document.actions.is_empty() && !link.is_elsewhere() {
            if let (Role::Party { caller, .. }, Link::Leg { .. }) = (&leg.role, link) {
                let caller = caller.clone();
                self.bridge(now, &caller, reference);
            }
            return;
        }
        leg.next = next(document);
        if let Some(next) = leg.next.clone() {
            leg.begin(&next);
        }
        leg.todo = todo.into();
        let ends = matches!(leg.todo.front(), Some(Todo::End { .. }));
        if leg.was_answered() || ends {
            leg.doing = Doing::Nothing;
            return self.go_on(now, reference, Fields::default());
        }
        if !matches!(leg.doing, Doing::Answering) {
            leg.doing = Doing::Answering;
            self.wait(now, reference, ANSWERS_WITHIN);
            let mark = self.mark(reference);
            self.start(reference, "answer", Body::new(), mark);
        }
    }

    fn execute_instead(&mut self, now: Timestamp, reference: &str, document: &Document) {
        let Some(leg) = self.leg(reference) else { return };
        leg.unsay();
        let id = leg.id;
        self.orders.retain(|order| order.leg != id);
        self.wait_no_more(reference);
        self.execute(now, reference, &Link::Voice, Some(document));
    }

    fn move_to(&mut self, now: Timestamp, reference: &str, to: &Link) {
        if !self.legs.contains_key(reference) {
            self.insert(now, reference, Leg::caller(UNKNOWN, Progress::Up));
        }
        let Some(leg) = self.leg(reference).filter(|leg| !leg.is_over()) else { return };
        leg.begin(to);
        leg.todo.clear();
        leg.next = None;
        if !matches!(leg.doing, Doing::Answering) {
            self.stop(reference);
        }
        let fields = Fields { reference: reference.to_owned(), ..Fields::default() };
        self.requests.push_back((to.clone(), fields));
    }

    fn hang_up(&mut self, reference: &str) {
        let Some(leg) = self.leg(reference).filter(|leg| !leg.is_over()) else { return };
        leg.todo.clear();
        leg.next = None;
        self.order(reference, "hangup", Body::new());
    }

    fn split(&mut self, now: Timestamp, reference: &str, leg: LegId, split: Split) {
        self.split_by_conference(now, reference, leg, split);
    }

    fn handle_rest_result(
        &mut self,
        now: Timestamp,
        reference: &str,
        id: &str,
        outcome: &RestOutcome,
    ) {
        let Some(leg) = self.leg(reference) else { return };
        let Some(command) = leg.sent(id) else { return };
        if let Some(conference) = command.conference() {
            self.handle_conference_result(now, reference, command.name, conference, outcome);
            self.expect_end(now, reference);
            return self.send(reference);
        }
        let is_now = leg.command == id && !leg.is_over();
        let doing = leg.doing.clone();
        match outcome {
            RestOutcome::Done => {
                let leg = self.leg(reference).filter(|_| is_now);
                leg.into_iter().for_each(|leg| leg.failures = 0);
            }
            RestOutcome::Gone => self.gone(now, reference, doing, is_now),
            RestOutcome::Busy(_) | RestOutcome::Refused(_) if is_now => {
                self.failed(now, reference, doing);
            }
            RestOutcome::Busy(_) | RestOutcome::Refused(_) => {}
        }
        if command.name.0 == BRIDGE {
            self.enters_after_bridge(reference);
        }
        self.expect_end(now, reference);
        self.send(reference);
    }

    fn poll_request(&mut self) -> Option<(Link, Fields)> {
        self.requests.pop_front()
    }

    fn poll_unsplit(&mut self) -> Option<LegId> {
        self.unsplit.pop_front()
    }

    fn poll_order(&mut self) -> Option<LegOrder> {
        self.orders.pop_front()
    }

    fn poll_saving(&mut self) -> Option<LegSaving> {
        self.next_saving()
    }

    fn restore(
        &mut self,
        now: Timestamp,
        saved: &BTreeMap<String, String>,
        goes_on: &dyn Fn(CallId) -> bool,
    ) -> Vec<String> {
        self.take_up_all(now, saved, goes_on)
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.timers.next().map(|(at, _)| at)
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(wake) = self.timers.pop_due(now) {
            match wake {
                Wake::Leave(reference) => self.leave_again(&reference),
                Wake::Due(reference) => self.due(now, &reference),
                Wake::Enter(reference) => self.enter_again(&reference),
                Wake::End(reference) => self.hang_up(&reference),
                Wake::ReportEnd(reference) => self.tell_end(now, &reference),
                Wake::Forget(reference) => {
                    self.legs.remove(&reference);
                    self.unsaved.insert(reference);
                }
            }
        }
    }
}

impl Legs {
    /// Repeats the command to hang up where no event follows: the command failed, or its event was
    /// lost.
    pub(super) fn expect_end(&mut self, now: Timestamp, reference: &str) {
        let leg = self.legs.get(reference).filter(|leg| !leg.is_over() && leg.is_heard());
        if leg.is_some_and(|leg| (1..ENDS_MAX).contains(&leg.ends)) {
            self.timers.set(Wake::End(reference.to_owned()), now + END_AGAIN);
        }
    }

    /// The provider knows no such leg: the commanded one, or the other one of a bridge. `is_now`:
    /// the command began the leg's step.
    fn gone(&mut self, now: Timestamp, reference: &str, doing: Doing, is_now: bool) {
        match doing {
            Doing::Dialing { party: Some(_), .. } if is_now => self.failed(now, reference, doing),
            // The leg that dialed; if it is up after all, this ends it.
            Doing::Dialing { party: None, .. } if is_now => self.hang_up(reference),
            Doing::Nothing
            | Doing::Answering
            | Doing::Sound
            | Doing::Pause
            | Doing::Keys { .. }
            | Doing::Record { .. }
            | Doing::Dialing { .. }
            | Doing::InConference
            | Doing::Consulted
            | Doing::Splitting(_) => {
                let state = Some(LegState::Ended(Cause::NORMAL_CLEARING));
                let fields = Fields { reference: reference.to_owned(), state, ..Fields::default() };
                self.over(now, reference, &fields);
            }
        }
    }

    pub(super) fn failed(&mut self, now: Timestamp, reference: &str, doing: Doing) {
        let Some(leg) = self.leg(reference) else { return };
        leg.failures += 1;
        if leg.failures >= FAILURES_MAX {
            tracing::warn!(leg = %leg.id, "nothing can be done with this leg: it is hung up");
            return self.hang_up(reference);
        }
        match doing {
            Doing::Sound => self.done(now, reference, Fields::default()),
            Doing::Keys { is_last } => {
                let none = Fields { keys: Some(Vec::new()), ..Fields::default() };
                self.collected(now, reference, is_last, &none);
            }
            Doing::Record { .. } => {
                let reference_of = reference.to_owned();
                let recorded =
                    Recorded { reference: reference_of, url: None, length: None, failed: true };
                let fields = Fields { recorded: Some(recorded), ..Fields::default() };
                self.done(now, reference, fields);
            }
            // Neither dialed nor bridged.
            Doing::Dialing { dial, party, .. } => {
                if let Some(party) = party {
                    let leg = self.leg(reference).map(|leg| &mut leg.doing);
                    if let Some(Doing::Dialing { talks_since, .. }) = leg {
                        *talks_since = None;
                    }
                    return self.hang_up(&party);
                }
                self.dialed.retain(|_, caller| caller != reference);
                self.dial_over(now, reference, &dial, Cause::NETWORK_OUT_OF_ORDER);
            }
            // Not answered: the provider ends it, and says so.
            Doing::Answering | Doing::Nothing | Doing::Pause => {}
            // Not by commands to the leg itself.
            Doing::InConference | Doing::Consulted | Doing::Splitting(_) => {}
        }
    }
}

/// The leg to whose recording a mark belongs.
fn recorded_leg(mark: &str) -> Option<String> {
    let (_, query) = mark.split_once('?')?;
    form::find(&form::parse(query), RECORDED).map(str::to_owned)
}
