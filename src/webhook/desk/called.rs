//! Legs of parties: an agent outside, or whoever a transfer dials.
//!
//! ```text
//!  dialed ──► answered ──► accepted (bridged) ──► over
//!     └─────────┴── busy, no answer, declined, no accept key ──► failed
//! ```
//!
//! **Invariant:** the center is told once that a party accepted or failed, and once that it is
//! over, whichever news comes first: the callee's own request, its state, or the result of the
//! dialing.

use crate::id::LegId;
use crate::time::Timestamp;
use crate::webhook::desk::commands::Taken;
use crate::webhook::desk::hear::{accepts, hang_up};
use crate::webhook::desk::room::Place;
use crate::webhook::desk::session::{Carried, PartyLeg};
use crate::webhook::desk::{Ask, AskWhat, Desk, Heard, Ticket};
use crate::webhook::document::{Action, Callee, Document, Sound};
use crate::webhook::fields::{DialResult, Fields, LegState};
use crate::webhook::link::Link;
use crate::words::{Cause, Event, Listen};

use std::time::Duration;

/// How often the whisper is said before nobody is there to press the key: a voicemail.
const WHISPERS_MAX: u32 = 2;
/// After each of them.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(5);
/// A refused leg is kept so long for a command that ends it.
const REFUSAL_MS: u32 = 10_000;

impl Desk {
    /// The callee's leg asks what to do: it answered, or pressed a key, or did not.
    pub(super) fn party_asks(
        &mut self,
        now: Timestamp,
        leg: LegId,
        n: u32,
        fields: &Fields,
    ) -> Heard {
        let link = Link::Leg { leg, n };
        self.name_party(leg, &fields.reference);
        let Some(session) = self.sessions.get_mut(&leg.call) else { return Heard::Unknown };
        let setup = self.setup.providers.get(&session.provider).cloned().unwrap_or_default();
        let Some(party) = session.parties.get_mut(&leg.n) else { return Heard::Unknown };
        if let Some(document) = party.answers.find(&link).cloned() {
            if link.is_elsewhere() && !party.ended {
                self.came(leg);
            }
            return Heard::Known(document);
        }
        if link.is_elsewhere() {
            return self.party_comes(now, leg, n, fields);
        }
        if party.ended || session.is_over {
            return Heard::Known(self.refuse(leg));
        }
        let was_answered = std::mem::replace(&mut party.answered, true);
        let accepted = match setup.accept_key {
            None => true,
            Some(key) => was_answered && accepts(fields, key),
        };
        if accepted || party.accepted {
            if !std::mem::replace(&mut party.accepted, true) {
                self.events.push_back(Event::Answered { leg });
            }
            self.touch(leg.call);
            return Heard::Asked(Ticket { call: leg.call, link });
        }
        if n >= WHISPERS_MAX {
            return Heard::Known(self.nobody_accepts(leg, link));
        }
        let said = Sound::Say {
            language: setup.whisper_language.as_str().into(),
            text: setup.whisper.as_str().into(),
        };
        let listen = Listen {
            keys_max: 1,
            finish: None,
            timeout: ACCEPT_TIMEOUT,
            inter_digit: ACCEPT_TIMEOUT,
            barge_in: true,
            secret: false,
        };
        let next = Link::Leg { leg, n: n + 1 };
        let document =
            Document { actions: vec![Action::Gather { sounds: vec![said], listen, next }] };
        party.answers.keep(link, document.clone());
        Heard::Known(document)
    }

    /// The provider's name for the leg, from now on.
    fn name_party(&mut self, leg: LegId, reference: &str) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        if session.reference == reference {
            return; // news of the leg, told of the caller's
        }
        let key = (session.provider.clone(), reference.to_owned());
        if self.parties_by_reference.contains_key(&key) {
            return; // or of who dialed it
        }
        let Some(party) = session.party(leg).filter(|it| it.reference.is_none()) else { return };
        party.reference = Some(reference.to_owned());
        self.parties_by_reference.insert(key, leg);
    }

    /// A voicemail, for instance.
    fn nobody_accepts(&mut self, leg: LegId, link: Link) -> Document {
        let document = self.refuse(leg);
        let Some(session) = self.sessions.get_mut(&leg.call) else { return document };
        if let Some(party) = session.party(leg) {
            party.answers.keep(link, document.clone());
            party.ended = true;
        }
        session.done_with(leg);
        self.events.push_back(Event::DialFailed { leg, cause: Cause::NO_ANSWER });
        self.touch(leg.call);
        document
    }

    /// What ends a party's leg. Where a document cannot, it keeps the leg from being bridged until
    /// the provider was told to end it.
    pub(super) fn refuse(&mut self, leg: LegId) -> Document {
        let refused = Document { actions: vec![hang_up()] };
        let Some(session) = self.sessions.get(&leg.call) else { return refused };
        let Some(setup) = self.setup.providers.get(&session.provider) else { return refused };
        let party = session.parties.get(&leg.n);
        let reference = party.and_then(|party| party.reference.clone());
        let Some(reference) = reference.filter(|_| setup.ends_parties && setup.has_rest) else {
            return refused;
        };
        self.asks.push_back(Ask {
            provider: session.provider.clone(),
            leg,
            reference,
            region: session.region.clone(),
            what: AskWhat::End,
        });
        Document { actions: vec![Action::Sound(Sound::Pause { ms: REFUSAL_MS }), hang_up()] }
    }

    /// News of the callee's leg.
    pub(super) fn party_status(&mut self, now: Timestamp, leg: LegId, fields: &Fields) -> Heard {
        let known = Heard::Known(Document::default());
        self.name_party(leg, &fields.reference);
        let Some(session) = self.sessions.get_mut(&leg.call) else { return Heard::Unknown };
        let setup = self.setup.providers.get(&session.provider).cloned().unwrap_or_default();
        let Some(party) = session.party(leg) else { return Heard::Unknown };
        let is_number = matches!(party.carried, Carried::Provider(Callee::Number(_)));
        let asks = is_number || !setup.only_numbers_ask;
        let accept_key = setup.accept_key.filter(|_| asks);
        if party.ended {
            return known;
        }
        match fields.state {
            Some(LegState::Ringing) if !party.answered => {
                self.events.push_back(Event::Ringing { leg });
            }
            // Where the news is of the dialing, that has ended because the party was moved.
            Some(LegState::Ended(_))
                if setup.waits_for_key && matches!(party.place, Place::Told | Place::Coming) => {}
            Some(LegState::Ended(cause)) => {
                party.comes = true;
                let at = fields.at.or(party.left_at);
                // Whether the key was pressed is said by the dialing's result, which comes next:
                // news of it may be later than this.
                let is_open = party.place == Place::Dialed && party.answered && !party.accepted;
                match setup.waits_for_key && is_open {
                    true => self.expect_back(leg, now),
                    false => self.party_over(now, leg, cause, at),
                }
            }
            // A provider that waits for the key itself tells here that it was pressed. Where none
            // is needed, this may be all that comes of the answer.
            Some(LegState::Answered) if accept_key.is_none_or(|key| accepts(fields, key)) => {
                party.answered = true;
                if !std::mem::replace(&mut party.accepted, true) {
                    self.events.push_back(Event::Answered { leg });
                }
            }
            Some(LegState::Initiated | LegState::Ringing | LegState::Answered) | None => {}
        }
        self.touch(leg.call);
        known
    }

    /// The provider says how dialing somebody ended, and the caller is back.
    pub(super) fn dial_over(&mut self, now: Timestamp, leg: LegId, result: Option<DialResult>) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let Some(party) = session.party(leg).filter(|party| !party.ended) else { return };
        if party.place != Place::Dialed {
            return; // it is over because the party was taken out of it
        }
        // Not a result of the dialing: we told the provider to come.
        let Some(result) = result else { return };
        party.comes = true;
        self.note_talk(now, leg, Some(result));
        self.party_over(now, leg, result.failed.unwrap_or(Cause::NORMAL_CLEARING), None);
    }

    /// The result of a dialing tells of a talk whose beginning was not told: it began then.
    pub(super) fn note_talk(&mut self, now: Timestamp, leg: LegId, result: Option<DialResult>) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let setup = self.setup.providers.get(&session.provider);
        let is_certain = setup.is_some_and(|setup| setup.waits_for_key);
        // Who answered was asked for the key, and its own leg says whether it was pressed.
        let is_open =
            |it: &&mut PartyLeg| !it.ended && !it.accepted && (is_certain || !it.answered);
        let Some(party) = session.party(leg).filter(is_open) else { return };
        let talked = result.filter(|result| result.failed.is_none()).and_then(|it| it.talked);
        let Some(talked) = talked else { return };
        party.answered = true;
        party.accepted = true;
        let news = Box::new(Event::Answered { leg });
        self.events.push_back(Event::Late { at: now - talked, news });
    }

    pub(super) fn party_over(
        &mut self,
        now: Timestamp,
        leg: LegId,
        cause: Cause,
        at: Option<Timestamp>,
    ) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let Some(party) = session.parties.get_mut(&leg.n) else { return };
        if std::mem::replace(&mut party.ended, true) {
            return;
        }
        party.is_gone = true;
        let event = match (party.accepted, party.answered) {
            (true, _) => Event::HungUp { leg, cause },
            // It answered, and let the time for the key pass, or put down.
            (false, true) if cause == Cause::NO_ANSWER => Event::DialFailed { leg, cause },
            (false, true) => Event::DialFailed { leg, cause: Cause::CALL_REJECTED },
            (false, false) if cause == Cause::NORMAL_CLEARING => {
                Event::DialFailed { leg, cause: Cause::NO_ANSWER }
            }
            (false, false) => Event::DialFailed { leg, cause },
        };
        session.done_with(leg);
        self.expect_back(leg, now);
        self.tell_center(now, at, event);
        self.touch(leg.call);
    }

    /// The center gives a party up.
    pub(super) fn hang_up_party(&mut self, leg: LegId, cause: Cause) -> Taken {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return Taken::BySip };
        let Some(party) = session.parties.get_mut(&leg.n) else { return Taken::BySip };
        if party.carried == Carried::Sip {
            party.ended = true;
            session.hearing.forget(leg);
            return Taken::BySip;
        }
        if !std::mem::replace(&mut party.ended, true) {
            self.events.push_back(Event::HungUp { leg, cause });
        }
        // Without REST the provider lets it ring to the end it was told.
        let until = (!party.accepted).then_some(party.until);
        session.done_with(leg);
        if let Some(until) = until {
            self.expect_back(leg, until);
        }
        self.touch(leg.call);
        Taken::Here
    }
}
