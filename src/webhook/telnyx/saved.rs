//! Legs as they are saved, so that a restart does not lose them.
//!
//! **Invariant:** a command that was not confirmed is repeated under its name. One that was
//! confirmed is waited for, and repeated where no event of it comes. So no step of a document is
//! skipped.
//!
//! **Deliberately absent:** the disk.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::CallId;
use crate::time::Timestamp;
use crate::webhook::commanded::{Commanded, LegSaving};
use crate::webhook::fields::{Fields, LegEvent, LegEventKind};
use crate::webhook::form;
use crate::webhook::link::Link;
use crate::webhook::sign::base64;
use crate::webhook::telnyx::leg::{Doing, Leg};
use crate::webhook::telnyx::legs::Legs;
use crate::webhook::telnyx::plan::Body;

/// Telnyx repeats the events it could not deliver while we were away within this time, or they are
/// lost.
const RETOLD_WITHIN: Duration = Duration::from_secs(15);

impl Legs {
    /// The next leg that has changed.
    pub(super) fn next_saving(&mut self) -> Option<LegSaving> {
        let reference = self.unsaved.pop_first()?;
        let Some(leg) = self.legs.get(&reference) else {
            return Some(LegSaving::Forget(reference));
        };
        let text = serde_json::to_string(leg).expect("a leg has no map but by text");
        Some(LegSaving::Keep(reference, text))
    }

    /// Reads all legs first, because one names the other; then each goes on.
    pub(super) fn take_up_all(
        &mut self,
        now: Timestamp,
        saved: &BTreeMap<String, String>,
        goes_on: &dyn Fn(CallId) -> bool,
    ) -> Vec<String> {
        let (mut unreadable, mut known) = (Vec::new(), Vec::new());
        for (reference, text) in saved {
            match serde_json::from_str::<Leg>(text) {
                Ok(mut leg) => {
                    leg.again();
                    known.extend(self.insert(now, reference, leg).then_some(reference));
                }
                Err(_) => unreadable.push(reference.clone()),
            }
        }
        for reference in known {
            self.take_up(now, reference, goes_on);
        }
        unreadable
    }

    fn take_up(&mut self, now: Timestamp, reference: &str, goes_on: &dyn Fn(CallId) -> bool) {
        let Some(leg) = self.leg(reference) else { return };
        if leg.is_over() {
            self.ended(now, reference);
            return self.tell_end(now, reference);
        }
        if !goes_on(leg.id.call) {
            leg.drop_commands();
            return self.hang_up(reference);
        }
        leg.was_away = true;
        let is_heard = leg.is_heard();
        let (doing, until, mark) = (leg.doing.clone(), leg.until, leg.mark.clone());
        match (doing, until) {
            (Doing::Dialing { party: None, .. }, until) => {
                self.dialed.insert(mark, reference.to_owned());
                until.into_iter().for_each(|until| self.wait_until(reference, until));
            }
            // Our end of the telephone's leg is lost.
            (Doing::Dialing { dial, party: Some(party), .. }, _) if dial.told.is_none() => {
                self.hang_up(&party);
            }
            (Doing::Sound | Doing::Keys { .. }, Some(until)) if is_heard => {
                self.wait_until(reference, until.min(now + RETOLD_WITHIN));
            }
            (_, Some(until)) => self.wait_until(reference, until),
            (_, None) => {}
        }
        self.take_up_conference(reference);
        self.take_up_consulted(now, reference);
        if is_heard {
            self.ask_after(reference);
        }
        self.expect_end(now, reference);
        self.send(reference);
    }

    /// Asks whether the leg is still up: its end may have been reported while we were away.
    fn ask_after(&mut self, reference: &str) {
        let Some(leg) = self.leg(reference) else { return };
        let state = leg.state.clone();
        let mut body = Body::new();
        body.insert("client_state".to_owned(), base64(state.as_bytes()).into());
        leg.order("client_state_update", body);
    }

    /// Whether an event is about a step beyond all that is known of a leg, because we were lost
    /// before that was saved.
    pub(super) fn is_ahead(&self, leg: &Leg, event: &LegEvent) -> bool {
        if leg.is_over() || !matches!(event.kind, LegEventKind::Sounded | LegEventKind::Collected) {
            return false;
        }
        let next = leg.next.as_ref().and_then(number).map(|n| (n, 0));
        let known = self.place(&leg.state).max(next);
        self.place(&event.mark).is_some_and(|place| Some(place) > known)
    }

    /// Goes on at the step that an event names.
    pub(super) fn catch_up(&mut self, reference: &str, fields: &Fields) {
        let mark = fields.leg_event.as_ref().map(|event| event.mark.as_str()).unwrap_or_default();
        let Some(link) = self.named(mark) else { return };
        self.wait_no_more(reference);
        let Some(leg) = self.leg(reference) else { return };
        (leg.doing, leg.next) = (Doing::Nothing, None);
        leg.todo.clear();
        leg.mark.clear();
        self.requests.push_back((link, fields.clone()));
    }

    /// The step of a mark, and the command's number in it.
    fn place(&self, mark: &str) -> Option<(u32, u32)> {
        let n = number(&self.named(mark)?)?;
        let (_, query) = mark.split_once('?')?;
        let count = form::find(&form::parse(query), "i").and_then(|count| count.parse().ok());
        Some((n, count.unwrap_or_default()))
    }
}

const fn number(link: &Link) -> Option<u32> {
    match link {
        Link::Step { n, .. } | Link::Leg { n, .. } => Some(*n),
        Link::Voice
        | Link::Events
        | Link::Status { .. }
        | Link::LegStatus { .. }
        | Link::Recording { .. }
        | Link::Audio { .. } => None,
    }
}
