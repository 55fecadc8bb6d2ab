//! The life of a leg: how it becomes known, answers, is bridged and ends.
//!
//! **Invariant:** a party is bridged to the leg that waits for it, or joins that leg's conference;
//! one for which no leg waits is hung up. A caller stays when the party has gone.

use std::time::Duration;

use serde_json::json;

use crate::id::LegId;
use crate::time::Timestamp;
use crate::webhook::commanded::Commanded;
use crate::webhook::document::Dial;
use crate::webhook::fields::{DialResult, Fields, LegEventKind, LegState};
use crate::webhook::link::Link;
use crate::webhook::telnyx::leg::{Doing, Held, Leg, Progress, Role, UNKNOWN};
use crate::webhook::telnyx::legs::{BRIDGE, Legs, PARTY, Wake};
use crate::webhook::telnyx::plan::{Body, body};
use crate::words::Cause;

/// The most legs known at once, ended ones included. Events of a further one are ignored, and its
/// call is not answered.
const LEGS_MAX: usize = 50_000;
/// How long an ended leg is known, for late events.
const ENDED_KEPT: Duration = Duration::from_secs(120);
/// How long the end of a caller waits for the report of their message.
const SAVED_MAX: Duration = Duration::from_secs(15);
/// How long the end of a dropped party waits for that of its caller, and how long the consulted
/// party of an agent who hung up may stay without the caller.
const CROSSED_MAX: Duration = Duration::from_secs(3);
/// No leg lasts longer than this: Telnyx ends it after four hours.
const LEG_MAX: Duration = Duration::from_secs(5 * 60 * 60);

/// The life of a leg.
impl Legs {
    /// An event of a leg that is not known. `false`: the event needs nothing further.
    pub(super) fn unknown_leg(&mut self, now: Timestamp, reference: &str, fields: &Fields) -> bool {
        let Some(event) = &fields.leg_event else { return false };
        if let Some(caller) = self.dialed.remove(&event.mark) {
            return self.new_party(now, reference, &caller, &event.mark);
        }
        let named = self.named(&event.mark);
        let is_party = event.mark.ends_with(PARTY);
        match (event.kind, named) {
            (LegEventKind::Arrived, _) => {
                let leg = Leg::caller(UNKNOWN, Progress::Ringing);
                if self.insert(now, reference, leg) {
                    self.requests.push_back((Link::Voice, fields.clone()));
                }
            }
            // The party is no longer wanted, or we were away while it was dialed.
            (LegEventKind::Called | LegEventKind::Answered | LegEventKind::Bridged, Some(link))
                if is_party =>
            {
                self.insert(now, reference, Leg::caller(UNKNOWN, Progress::Up));
                self.hang_up(reference);
                let state = Some(LegState::Ended(Cause::NORMAL_CLEARING));
                self.tell_party(link, Fields { state, ..fields.clone() });
            }
            (LegEventKind::Ended | LegEventKind::Dropped, Some(link)) if is_party => {
                self.tell_party(link, fields.clone())
            }
            (LegEventKind::Ended | LegEventKind::Dropped, _) => {
                let mut leg = Leg::caller(UNKNOWN, Progress::Up);
                leg.over();
                self.insert(now, reference, leg);
                self.ended(now, reference);
                self.requests.push_back((Link::Events, fields.clone()));
            }
            (LegEventKind::Saved, Some(Link::Recording { call, n })) => {
                let leg = Leg::caller(call, Progress::Up);
                let link = Link::Step { call, n: n + 1 };
                let reference = reference.to_owned();
                let then = (link, Fields { reference, ..fields.clone() });
                self.known_again(now, leg, then, Some(&event.mark));
            }
            // We were away: the mark says where the leg was.
            (
                LegEventKind::Answered | LegEventKind::Sounded | LegEventKind::Collected,
                Some(link @ (Link::Step { .. } | Link::Leg { .. })),
            ) => {
                let leg = Leg::caller(UNKNOWN, Progress::Up);
                let reference = reference.to_owned();
                self.known_again(now, leg, (link, Fields { reference, ..fields.clone() }), None);
            }
            _ => {}
        }
        false
    }

    /// Takes in a leg that was forgotten, with the message that it left, and asks what follows.
    fn known_again(
        &mut self,
        now: Timestamp,
        leg: Leg,
        (link, fields): (Link, Fields),
        saved: Option<&str>,
    ) {
        if !self.insert(now, &fields.reference, leg) {
            return;
        }
        if let Some(mark) = saved {
            self.saved(&fields.reference, mark);
        }
        self.requests.push_back((link, fields));
    }

    pub(super) fn tell_party(&mut self, link: Link, fields: Fields) {
        if let Link::LegStatus { .. } = link {
            self.requests.push_back((link, fields));
        }
    }

    fn new_party(&mut self, now: Timestamp, reference: &str, caller: &str, mark: &str) -> bool {
        let Some(of) = self.leg(caller) else { return false };
        let call = of.id.call;
        let Doing::Dialing { dial, party, .. } = &mut of.doing else { return false };
        *party = Some(reference.to_owned());
        let dial = dial.clone();
        let id = match dial.told {
            Some(Link::LegStatus { leg }) => leg,
            _ => LegId { call, n: u16::MAX },
        };
        if let Some(told) = dial.told.clone() {
            let state = Some(LegState::Ringing);
            let fields = Fields { reference: reference.to_owned(), state, ..Fields::default() };
            self.requests.push_back((told, fields));
        }
        let mut leg = Leg::party(id, caller, dial);
        mark.clone_into(&mut leg.state);
        self.insert(now, reference, leg)
    }

    /// `false`: there are too many legs.
    pub(super) fn insert(&mut self, now: Timestamp, reference: &str, leg: Leg) -> bool {
        if self.legs.len() >= LEGS_MAX {
            tracing::warn!("more than {LEGS_MAX} legs at Telnyx: this one is left alone");
            return false;
        }
        self.timers.set(Wake::Forget(reference.to_owned()), now + LEG_MAX);
        self.legs.insert(reference.to_owned(), leg);
        self.unsaved.insert(reference.to_owned());
        true
    }

    pub(super) fn answered(&mut self, now: Timestamp, reference: &str, fields: &Fields) {
        let Some(leg) = self.leg(reference) else { return };
        if !leg.answer() {
            return;
        }
        if let Role::Party { caller, dial } = &leg.role {
            let (caller, answered) = (caller.clone(), dial.answered.clone());
            self.wait_no_more(&caller);
            match answered {
                Some(link) => {
                    self.requests.push_back((link, Fields { keys: None, ..fields.clone() }));
                }
                None => self.bridge(now, &caller, reference),
            }
        } else if matches!(leg.doing, Doing::Answering) {
            self.done(now, reference, Fields::default());
        }
    }

    pub(super) fn over(&mut self, now: Timestamp, reference: &str, fields: &Fields) {
        let Some(leg) = self.leg(reference) else { return };
        if leg.is_over() {
            return;
        }
        let doing = std::mem::replace(&mut leg.doing, Doing::Nothing);
        let (is_caller, was_told) = (leg.is_caller(), leg.ends > 0);
        leg.over();
        leg.held = Some(Held::new(now, fields));
        self.timers.cancel(&Wake::Due(reference.to_owned()));
        self.timers.cancel(&Wake::End(reference.to_owned()));
        match self.consulted(&doing).filter(|_| !was_told) {
            Some(consulted) => self.timers.set(Wake::End(consulted), now + CROSSED_MAX),
            None => self.release(reference, &doing),
        }
        self.ended(now, reference);
        let is_dropped =
            fields.leg_event.as_ref().is_some_and(|event| event.kind == LegEventKind::Dropped);
        if !is_caller {
            return match is_dropped && self.talks(reference) {
                true => self.timers.set(Wake::ReportEnd(reference.to_owned()), now + CROSSED_MAX),
                false => self.tell_end(now, reference),
            };
        }
        match doing {
            Doing::Record { .. } => {
                self.timers.set(Wake::ReportEnd(reference.to_owned()), now + SAVED_MAX);
            }
            Doing::Dialing { party: Some(party), .. } => {
                self.tell_end(now, reference);
                // It was dropped because of this caller, and its event came first.
                self.tell_end(now, &party);
            }
            Doing::Nothing
            | Doing::Answering
            | Doing::Sound
            | Doing::Pause
            | Doing::Keys { .. }
            | Doing::Dialing { party: None, .. }
            | Doing::InConference
            | Doing::Consulted
            | Doing::Splitting(_) => self.tell_end(now, reference),
        }
    }

    /// The consulted party of a leg that does this, which stays in the conference when that leg has
    /// gone: the caller may be brought there.
    fn consulted(&self, doing: &Doing) -> Option<String> {
        let Doing::Dialing { party: Some(party), .. } = doing else { return None };
        let consulted = self.legs.get(party).filter(|leg| matches!(leg.doing, Doing::Consulted));
        consulted.map(|_| party.clone())
    }

    /// Goes on with a consulted party whose agent hung up before a restart.
    pub(super) fn take_up_consulted(&mut self, now: Timestamp, reference: &str) {
        let Some(leg) = self.legs.get(reference) else { return };
        let (Doing::Consulted, Role::Party { caller, .. }) = (&leg.doing, &leg.role) else {
            return;
        };
        if self.legs.get(caller).is_none_or(|leg| leg.is_over()) {
            self.timers.set(Wake::End(reference.to_owned()), now + CROSSED_MAX);
        }
    }

    /// Keeps the leg for late events, for a while.
    pub(super) fn ended(&mut self, now: Timestamp, reference: &str) {
        self.timers.set(Wake::Forget(reference.to_owned()), now + ENDED_KEPT);
    }

    /// Whether a party and the leg that dialed it talk.
    fn talks(&self, reference: &str) -> bool {
        let Some(Leg { role: Role::Party { caller, .. }, .. }) = self.legs.get(reference) else {
            return false;
        };
        let of = self.legs.get(caller).map(|leg| &leg.doing);
        matches!(of, Some(Doing::Dialing { party: Some(party), talks_since: Some(_), .. })
            if party == reference)
    }

    /// Reports that a leg has ended, once.
    pub(super) fn tell_end(&mut self, now: Timestamp, reference: &str) {
        let Some(leg) = self.leg(reference) else { return };
        let Some(held) = leg.held.take() else { return };
        let (role, was_answered) = (leg.role.clone(), leg.was_answered());
        self.timers.cancel(&Wake::ReportEnd(reference.to_owned()));
        let fields = held.fields(reference);
        let Role::Party { caller, dial } = role else {
            return self.requests.push_back((Link::Events, fields));
        };
        if let Some(told) = dial.told.clone() {
            self.requests.push_back((told, fields));
        }
        let cause = match held.cause {
            Cause::NORMAL_CLEARING if !was_answered => Cause::NO_ANSWER,
            cause => cause,
        };
        let of = self.legs.get(&caller).map(|leg| &leg.doing);
        if let Some(Doing::Dialing { party: Some(party), .. }) = of
            && party == reference
        {
            self.dial_over(now, &caller, &dial, cause);
        }
    }

    /// The dialing is over: the party is done, or was not reached.
    pub(super) fn dial_over(&mut self, now: Timestamp, caller: &str, dial: &Dial, cause: Cause) {
        let Some(leg) = self.legs.get(caller) else { return };
        let Doing::Dialing { talks_since, .. } = leg.doing else { return };
        let talked = talks_since.map(|since| now.since(since));
        let result = DialResult { failed: talked.is_none().then_some(cause), talked };
        if dial.next != leg.next.clone().unwrap_or(Link::Events) {
            return;
        }
        self.done(now, caller, Fields { dial: Some(result), ..Fields::default() });
    }

    pub(super) fn bridge(&mut self, now: Timestamp, caller: &str, party: &str) {
        let mark = self.mark(caller);
        let Some(leg) = self.leg(caller).filter(|leg| !leg.is_over()) else {
            return self.hang_up(party);
        };
        let conference = leg.conference.as_ref().map(|conference| conference.name.clone());
        match &mut leg.doing {
            Doing::Dialing { party: Some(known), talks_since, .. } if known == party => {
                *talks_since = Some(now);
            }
            Doing::Nothing
            | Doing::Answering
            | Doing::Sound
            | Doing::Pause
            | Doing::Keys { .. }
            | Doing::Record { .. }
            | Doing::Dialing { .. }
            | Doing::InConference
            | Doing::Consulted
            | Doing::Splitting(_) => return self.hang_up(party),
        }
        if let Some(conference) = conference {
            return self.joins(party, &conference);
        }
        self.start(caller, BRIDGE, with(party), mark);
    }

    /// The two may no longer hear each other: they are bridged once more, and it is the same talk.
    pub(super) fn bridge_again(&mut self, caller: &str, party: &str) {
        let mark = self.mark(caller);
        self.start(caller, BRIDGE, with(party), mark);
    }

    /// The two hear each other from here on.
    pub(super) fn bridged(&mut self, now: Timestamp, reference: &str) {
        let leg = self.leg(reference).map(|leg| &mut leg.doing);
        if let Some(Doing::Dialing { talks_since: Some(since), .. }) = leg {
            *since = now.max(*since);
        }
    }

    /// Notes that a message was reported.
    pub(super) fn saved(&mut self, reference: &str, mark: &str) {
        if let Some(leg) = self.leg(reference) {
            mark.clone_into(&mut leg.saved);
        }
    }

    /// A message that is reported after its caller has gone on.
    pub(super) fn saved_late(&mut self, now: Timestamp, reference: &str, fields: &Fields) {
        let Some(event) = &fields.leg_event else { return };
        let Some(link @ Link::Recording { .. }) = self.named(&event.mark) else { return };
        self.saved(reference, &event.mark);
        let is_over = self.legs.get(reference).is_some_and(|leg| leg.is_over());
        let state = is_over.then_some(LegState::Ended(Cause::NORMAL_CLEARING));
        self.requests.push_back((link, Fields { state, ..fields.clone() }));
        self.tell_end(now, reference);
    }
}

/// The caller stays when the party has gone.
fn with(party: &str) -> Body {
    body(json!({"call_control_id": party, "park_after_unbridge": "self"}))
}
