//! Conferences, which split legs and bring them together again.
//!
//! ```text
//!  caller ══bridge══ agent         caller ─ music                  caller ─┐
//!                          split                           join            ├─ conference
//!                         ─────►   agent ── conference    ─────►   agent ──┤
//!                                                               consulted ─┘
//! ```
//!
//! Telnyx has no command that undoes a bridge. A leg that enters a conference leaves its bridge,
//! and the other leg is parked, as the bridge was made. So the agent goes first. The consulted
//! party joins the agent there, and hears the caller as soon as that leg enters.
//!
//! **Invariant:** Telnyx has confirmed that a leg is in its conference, or out of it; or [`Legs`]
//! repeats the command; or the leg is hung up after about a minute. So no leg stays in silence, and
//! none hears for long what it should not. Parties whose split failed hear each other as before.
//! Where Telnyx neither lets a leg in nor makes a conference of that name, the leg counts as in.
//!
//! **Deliberately absent:** Telnyx's own hold of a conference, which plays the provider's music to
//! the caller, and not ours.

use std::time::Duration;

use serde_json::json;

use crate::id::LegId;
use crate::time::Timestamp;
use crate::webhook::commanded::{Commanded, Split};
use crate::webhook::fields::{Fields, LegState};
use crate::webhook::rest::RestOutcome;
use crate::webhook::telnyx::leg::{Admission, At, Conference, Doing, Leaving, Tried, Whereabouts};
use crate::webhook::telnyx::legs::{BRIDGE, Legs, Wake};
use crate::webhook::telnyx::plan::{Body, Name, Todo, body};
use crate::webhook::telnyx::rest::{self, CONFERENCE, CONFERENCE_NAME, JOIN, LEAVE};
use crate::words::Cause;

/// How often a leg waits to enter a conference, or to leave one, before it is hung up: about a
/// minute in all.
const WAITS_MAX: u32 = 7;
/// The same for a party that still talks and enters for a hold; after these waits the split has
/// failed.
const SPLIT_WAITS_MAX: u32 = 2;
/// The wait before the second try. It doubles with each further try, unless the provider asks for
/// more.
const WAIT: Duration = Duration::from_secs(1);
/// The longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_secs(15);
/// A leg that left its conference has mostly hung up: its end is reported within this time.
const FELL_OUT: Duration = Duration::from_secs(2);
/// A leg that falls out again within this time after it entered does so in a row.
const STAYS: Duration = Duration::from_secs(60);
/// A leg that falls out more than this many times in a row is hung up.
const FALLS_MAX: u32 = 3;

impl Legs {
    /// Brings a party into its conference, out of the talk with the leg that dialed it.
    pub(super) fn split_by_conference(
        &mut self,
        now: Timestamp,
        reference: &str,
        id: LegId,
        split: Split,
    ) {
        if self.legs.get(reference).is_some_and(|leg| leg.ends == 0) {
            self.timers.cancel(&Wake::End(reference.to_owned())); // it stays
        }
        let Some(leg) = self.leg(reference) else { return self.unsplit.push_back(id) };
        if leg.is_over() {
            return;
        }
        if let Doing::Splitting(known) = &leg.doing
            && known.to == split.to
        {
            return; // repeated after a restart
        }
        leg.begin(&split.to);
        let is_there = leg.is_in(&split.conference);
        if !is_there {
            leg.conference = Some(Conference::new(&split.conference, true));
        }
        let caller = split.caller.clone();
        leg.doing = Doing::Splitting(Box::new(split));
        match is_there {
            true => self.split_done(now, reference),
            false if self.is_bridging(&caller) => {} // or the bridge would come after it
            false => self.enter(reference),
        }
    }

    fn is_bridging(&self, caller: &str) -> bool {
        self.legs.get(caller).is_some_and(|leg| leg.is_told_to(BRIDGE))
    }

    /// Commands to two legs may overtake each other, so a leg that leaves a bridge waits until the
    /// bridge is made.
    pub(super) fn enters_after_bridge(&mut self, caller: &str) {
        let Some(leg) = self.legs.get(caller) else { return };
        let Doing::Dialing { party: Some(party), .. } = &leg.doing else { return };
        let party = party.clone();
        if let Some(leg) = self.legs.get(&party)
            && matches!(leg.doing, Doing::Splitting(_))
        {
            self.enter_again(&party);
        }
    }

    fn split_done(&mut self, now: Timestamp, reference: &str) {
        let Some(Doing::Splitting(split)) = self.take_split(reference) else { return };
        let fields = Fields { reference: reference.to_owned(), ..Fields::default() };
        self.requests.push_back((split.to, fields));
        // What it dialed goes on without it from here.
        if let Some(leg) = self.leg(&split.caller)
            && matches!(&leg.doing, Doing::Dialing { party: Some(party), .. } if party == reference)
        {
            leg.doing = Doing::Nothing;
        }
        self.move_to(now, &split.caller, &split.caller_to);
    }

    fn take_split(&mut self, reference: &str) -> Option<Doing> {
        let leg = self.leg(reference)?;
        let is_splitting = matches!(leg.doing, Doing::Splitting(_));
        is_splitting.then(|| std::mem::replace(&mut leg.doing, Doing::Nothing))
    }

    /// A party joins the leg that dialed it in its conference.
    pub(super) fn joins(&mut self, reference: &str, conference: &str) {
        if let Some(leg) = self.leg(reference).filter(|leg| !leg.is_over()) {
            leg.doing = Doing::Consulted;
            leg.conference = Some(Conference::new(conference, false));
            self.enter(reference);
        }
    }

    /// Commands a leg into its conference.
    pub(super) fn enter(&mut self, reference: &str) {
        let Some(leg) = self.leg(reference).filter(|leg| !leg.is_over()) else { return };
        let Some(conference) = &mut leg.conference else { return };
        let leaving = leg.leaving.take();
        conference.enter(leaving.is_some());
        let name = if conference.is_new { CONFERENCE } else { JOIN };
        let with = about(&conference.name, json!({"beep_enabled": "never"}));
        self.timers.cancel(&Wake::Leave(reference.to_owned()));
        self.order(reference, name, with);
    }

    pub(super) fn enter_again(&mut self, reference: &str) {
        if self.legs.get(reference).is_some_and(|leg| !leg.is_over() && !leg.is_entering()) {
            self.enter(reference);
        }
    }

    /// A leg that goes on to something else leaves its conference first. A party that dials stays,
    /// and lets the consulted party in.
    pub(super) fn leave(&mut self, reference: &str) {
        let Some(leg) = self.leg(reference) else { return };
        let stays = match leg.todo.front() {
            None | Some(Todo::End { .. }) => true,
            Some(Todo::Conference { name }) => leg.is_in(name),
            Some(Todo::Dial(_)) => !leg.is_caller(),
            Some(
                Todo::Sound { .. } | Todo::Pause { .. } | Todo::Keys { .. } | Todo::Record { .. },
            ) => false,
        };
        if let Some(conference) = leg.conference.take_if(|_| !stays) {
            let was_in = matches!(conference.at, At::In { .. });
            leg.leaving = Some(Leaving { conference: conference.name, was_in, waits: 0 });
            self.timers.cancel(&Wake::Enter(reference.to_owned()));
            self.leave_again(reference);
        }
    }

    pub(super) fn leave_again(&mut self, reference: &str) {
        let leg = self.legs.get(reference).filter(|leg| !leg.is_over() && !leg.is_told_to(LEAVE));
        if let Some(leaving) = leg.and_then(|leg| leg.leaving.as_ref()) {
            let with = about(&leaving.conference, json!({}));
            self.order(reference, LEAVE, with);
        }
    }

    /// Takes the outcome of a command to leave. Until it is done, the leg hears the conference.
    fn told_of_leave(&mut self, now: Timestamp, reference: &str, outcome: &RestOutcome) {
        let Some(leg) = self.leg(reference).filter(|leg| !leg.is_told_to(LEAVE)) else { return };
        let Some(leaving) = &mut leg.leaving else { return };
        let waits = leaving.waits;
        let is_out = match outcome {
            RestOutcome::Done | RestOutcome::Gone => true,
            RestOutcome::Refused(_) => !leaving.was_in,
            RestOutcome::Busy(_) => false,
        };
        if is_out {
            leg.leaving = None;
        } else if waits < WAITS_MAX {
            leaving.waits += 1;
            self.timers.set(Wake::Leave(reference.to_owned()), now + wait(waits, outcome));
        } else {
            tracing::warn!(leg = %leg.id, "this leg cannot leave its conference: it is hung up");
            leg.leaving = None;
            self.hang_up(reference);
        }
    }

    /// Takes the outcome of a command about a conference.
    pub(super) fn handle_conference_result(
        &mut self,
        now: Timestamp,
        reference: &str,
        Name(name): Name,
        conference: &str,
        outcome: &RestOutcome,
    ) {
        let Some(leg) = self.leg(reference).filter(|leg| !leg.is_over()) else { return };
        let is_wanted = leg.is_in(conference);
        match (name, outcome) {
            (LEAVE, outcome) => self.told_of_leave(now, reference, outcome),
            (CONFERENCE, RestOutcome::Gone) => {
                let state = Some(LegState::Ended(Cause::NORMAL_CLEARING));
                let fields = Fields { reference: reference.to_owned(), state, ..Fields::default() };
                self.over(now, reference, &fields);
            }
            _ if !is_wanted => {}
            _ if leg.is_entering() => {} // the outcome of the next one counts
            (_, RestOutcome::Done) => self.entered(now, reference),
            (_, outcome) => {
                self.not_entered(now, reference, name, outcome);
            }
        }
    }

    fn entered(&mut self, now: Timestamp, reference: &str) {
        if let Some(conference) = self.leg(reference).and_then(|leg| leg.conference.as_mut()) {
            (conference.is_new, conference.at) = (false, At::In { since: now });
        }
        self.split_done(now, reference);
    }

    /// There is no conference of that name yet, or there is one already, or the command failed for
    /// another reason.
    fn not_entered(&mut self, now: Timestamp, reference: &str, name: &str, outcome: &RestOutcome) {
        let Some(leg) = self.leg(reference) else { return };
        let is_splitting = matches!(leg.doing, Doing::Splitting(_));
        let waits_max = if is_splitting { SPLIT_WAITS_MAX } else { WAITS_MAX };
        let Some(conference) = &mut leg.conference else { return };
        let At::Entering { waits, tried, whereabouts, admission } = &mut conference.at else {
            return;
        };
        match outcome {
            RestOutcome::Busy(_) => (*whereabouts, *tried) = (Whereabouts::Unknown, Tried::Both),
            RestOutcome::Refused(said) if name == CONFERENCE && rest::is_taken(said) => {
                // It fell out as far as we know only, or no other try is left: it stays where it
                // is.
                let may_be_in = *whereabouts == Whereabouts::Unknown || conference.falls > 0;
                let is_in = may_be_in || *waits >= waits_max;
                if *admission == Admission::Refused && is_in && !is_splitting {
                    tracing::warn!(leg = %leg.id, "this leg's conference is there, and does not \
                        let it in: it counts as in it already");
                    conference.falls = conference.falls.saturating_sub(1);
                    return self.entered(now, reference);
                }
                conference.is_new = false;
            }
            RestOutcome::Done | RestOutcome::Gone | RestOutcome::Refused(_) => {
                let is_refused = name == JOIN && matches!(outcome, RestOutcome::Refused(_));
                *admission = if is_refused { Admission::Refused } else { Admission::Open };
                conference.is_new = name == JOIN;
            }
        }
        if std::mem::replace(tried, Tried::Both) == Tried::One {
            return self.enter(reference);
        }
        if *waits >= waits_max {
            return self.give_up(reference);
        }
        let after = wait(*waits, outcome);
        (*waits, *tried) = (*waits + 1, Tried::One);
        self.timers.set(Wake::Enter(reference.to_owned()), now + after);
    }

    fn give_up(&mut self, reference: &str) {
        let Some(leg) = self.leg(reference) else { return };
        tracing::warn!(leg = %leg.id, "this leg cannot be brought into its conference");
        let (id, conference) = (leg.id, leg.conference.take());
        let Some(Doing::Splitting(split)) = self.take_split(reference) else {
            return self.hang_up(reference);
        };
        self.unsplit.push_back(id);
        let caller = self.legs.get(&split.caller).map(|leg| &leg.doing);
        let talk =
            matches!(caller, Some(Doing::Dialing { party: Some(it), .. }) if it == reference);
        // The party may be in the conference all the same, and the caller alone.
        let may_be_in = |conference: Conference| match conference.at {
            At::Entering { whereabouts, .. } => whereabouts == Whereabouts::Unknown,
            At::In { .. } | At::Fallen => false,
        };
        if talk && conference.is_some_and(may_be_in) {
            self.bridge_again(&split.caller, reference);
        }
    }

    /// The leg left its conference without a command of ours: it hung up, or the conference ended.
    pub(super) fn fell_out(&mut self, now: Timestamp, reference: &str) {
        let Some(leg) = self.leg(reference).filter(|leg| !leg.is_over() && !leg.is_entering())
        else {
            return;
        };
        let Some(conference) = &mut leg.conference else { return };
        let At::In { since } = conference.at else { return }; // that is known, or not there yet
        conference.at = At::Fallen;
        conference.falls = if now.since(since) < STAYS { conference.falls + 1 } else { 1 };
        if conference.falls > FALLS_MAX {
            tracing::warn!(leg = %leg.id, "this leg's conference does not keep it: it is hung up");
            return self.hang_up(reference);
        }
        self.timers.set(Wake::Enter(reference.to_owned()), now + FELL_OUT);
    }

    /// Goes on with conferences after a restart: a try that was to follow later is made at once.
    pub(super) fn take_up_conference(&mut self, reference: &str) {
        self.leave_again(reference);
        let Some(leg) = self.legs.get(reference) else { return };
        let is_in = |conference: &Conference| matches!(conference.at, At::In { .. });
        let is_outside = leg.conference.as_ref().is_some_and(|conference| !is_in(conference));
        let split = if let Doing::Splitting(split) = &leg.doing { Some(split) } else { None };
        let waits = split.is_some_and(|split| self.is_bridging(&split.caller));
        if is_outside && !waits {
            self.enter_again(reference);
        }
    }
}

/// The time before a command that failed is repeated, after `waits` earlier waits.
fn wait(waits: u32, outcome: &RestOutcome) -> Duration {
    let asked = match outcome {
        RestOutcome::Busy(Some(after)) => *after,
        RestOutcome::Busy(None)
        | RestOutcome::Done
        | RestOutcome::Gone
        | RestOutcome::Refused(_) => Duration::ZERO,
    };
    (WAIT * (1 << waits.min(8))).max(asked).min(WAIT_MAX)
}

fn about(conference: &str, more: serde_json::Value) -> Body {
    let mut body = body(more);
    body.insert(CONFERENCE_NAME.to_owned(), conference.into());
    body
}
