//! Legs of parties that the provider dials: an agent outside, or the target of a transfer.
//!
//! ```text
//!  dialed ──► answered ──► accepted (bridged) ──► over
//!     └─────────┴── busy, no answer, declined, no accept key ──► failed
//! ```
//!
//! **Invariant:** the center gets one event when a party accepts or fails, and one when it is over,
//! whichever comes first: the party's own request, a report of its state, or the result of the
//! dialing.

use crate::id::LegId;
use crate::time::Timestamp;
use crate::webhook::calls::commands::Taken;
use crate::webhook::calls::party::ProviderLeg;
use crate::webhook::calls::party_state::{EndReport, PartyState};
use crate::webhook::calls::requests::{accepts, hang_up};
use crate::webhook::calls::{Control, ControlCommand, ProviderCalls, Unwritten, WebhookResult};
use crate::webhook::document::{Action, Callee, Document, Sound};
use crate::webhook::fields::{DialResult, Fields, LegState};
use crate::webhook::link::Link;
use crate::words::{Cause, Event, Listen};

use std::time::Duration;

/// After this many whispers without the key, the party counts as a voicemail.
const WHISPERS_MAX: u32 = 2;
/// How long the key may take after each of them.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a refused leg is kept for the command that ends it.
const REFUSAL_MS: u32 = 10_000;

impl ProviderCalls {
    /// The party's leg asks for a document: it answered, or pressed a key, or let the time for it
    /// pass.
    pub(super) fn party_asks(
        &mut self,
        now: Timestamp,
        leg: LegId,
        n: u32,
        fields: &Fields,
    ) -> WebhookResult {
        let link = Link::Leg { leg, n };
        self.name_party(leg, &fields.reference);
        let Some(session) = self.sessions.get_mut(&leg.call) else { return WebhookResult::Unknown };
        let setup = self.setup.providers.get(&session.provider).cloned().unwrap_or_default();
        let is_over = session.caller.is_over();
        let Some(party) = session.party_mut(leg.n) else { return WebhookResult::Unknown };
        if let Some(document) = party.answers.find(&link).cloned() {
            if link.is_elsewhere() && party.state.is_up() {
                self.came(leg);
                self.has_document(leg);
            }
            return WebhookResult::Known(document);
        }
        if link.is_elsewhere() {
            return self.party_comes(now, leg, n, fields);
        }
        if !party.state.is_up() || is_over {
            return WebhookResult::Known(self.refuse(leg));
        }
        let was_answered = party.state.answer();
        if setup.accept_key.is_none_or(|key| was_answered && accepts(fields, key)) {
            self.events.extend(party.state.accept(leg));
        }
        if party.state.is_accepted() {
            self.touch(leg.call);
            return WebhookResult::Pending(Unwritten { call: leg.call, link });
        }
        if n >= WHISPERS_MAX {
            return WebhookResult::Known(self.nobody_accepts(leg, link));
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
        WebhookResult::Known(document)
    }

    /// Notes the provider's name for the leg.
    fn name_party(&mut self, leg: LegId, reference: &str) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        if session.reference == reference {
            return; // a report of the leg under the caller's name
        }
        let key = (session.provider.clone(), reference.to_owned());
        if self.parties_by_reference.contains_key(&key) {
            return; // or under that of the leg which dialed it
        }
        let Some(party) = session.party_mut(leg.n).filter(|it| it.reference.is_none()) else {
            return;
        };
        party.reference = Some(reference.to_owned());
        self.parties_by_reference.insert(key, leg);
    }

    /// The party takes no call: a voicemail, for instance.
    fn nobody_accepts(&mut self, leg: LegId, link: Link) -> Document {
        let document = self.refuse(leg);
        let Some(session) = self.sessions.get_mut(&leg.call) else { return document };
        if let Some(party) = session.party_mut(leg.n) {
            party.answers.keep(link, document.clone());
            self.events.push_back(party.state.refuse(leg));
        }
        session.done_with(leg);
        self.touch(leg.call);
        document
    }

    /// What ends a party's leg. Where a document cannot, it keeps the leg from being bridged until
    /// a command ends it.
    pub(super) fn refuse(&mut self, leg: LegId) -> Document {
        let refused = Document { actions: vec![hang_up()] };
        let Some(session) = self.sessions.get(&leg.call) else { return refused };
        let Some(setup) = self.setup.providers.get(&session.provider) else { return refused };
        let reference = session.party(leg.n).and_then(|party| party.reference.clone());
        let Some(reference) = reference.filter(|_| setup.ends_parties && setup.has_rest) else {
            return refused;
        };
        self.control.push_back(ControlCommand {
            provider: session.provider.clone(),
            leg,
            reference,
            region: session.region.clone(),
            what: Control::End,
        });
        Document { actions: vec![Action::Sound(Sound::Pause { ms: REFUSAL_MS }), hang_up()] }
    }

    /// A report of the party's leg.
    pub(super) fn party_status(
        &mut self,
        now: Timestamp,
        leg: LegId,
        fields: &Fields,
    ) -> WebhookResult {
        let known = WebhookResult::Known(Document::default());
        self.name_party(leg, &fields.reference);
        let Some(session) = self.sessions.get_mut(&leg.call) else { return WebhookResult::Unknown };
        let setup = self.setup.providers.get(&session.provider).cloned().unwrap_or_default();
        let Some(party) = session.party_mut(leg.n) else { return WebhookResult::Unknown };
        let asks = matches!(party.to, Callee::Number(_)) || !setup.only_numbers_ask;
        let accept_key = setup.accept_key.filter(|_| asks);
        if !party.state.is_up() {
            return known;
        }
        match fields.state {
            Some(LegState::Ringing) if party.state == PartyState::Ringing => {
                self.events.push_back(Event::Ringing { leg });
            }
            // Here the report is about the dialing, which ended because the party was moved.
            Some(LegState::Ended(_)) if setup.waits_for_key && party.state.is_on_the_way() => {}
            Some(LegState::Ended(_)) if setup.waits_for_key && party.state.return_undecided() => {
                self.expect_back(leg, now);
            }
            Some(LegState::Ended(cause)) => {
                let at = fields.at.or(party.state.left_at());
                self.party_over(now, leg, cause, at, EndReport::Returning);
            }
            // A provider that waits for the key itself reports here that it was pressed. Where none
            // is needed, this may be the only report of the answer.
            Some(LegState::Answered) if accept_key.is_none_or(|key| accepts(fields, key)) => {
                self.events.extend(party.state.accept(leg));
            }
            Some(LegState::Initiated | LegState::Ringing | LegState::Answered) | None => {}
        }
        self.touch(leg.call);
        known
    }

    /// The caller is back, with the result of the dialing.
    pub(super) fn dial_over(&mut self, now: Timestamp, leg: LegId, result: Option<DialResult>) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        if !session.state_of(leg.n).is_some_and(PartyState::is_dialed) {
            return; // it ended because a split took the party out of it
        }
        // No result: a command of ours brought the provider here.
        let Some(result) = result else { return };
        self.note_talk(now, leg, Some(result));
        let cause = result.failed.unwrap_or(Cause::NORMAL_CLEARING);
        self.party_over(now, leg, cause, None, EndReport::Returning);
    }

    /// The result of a dialing may be the first report of a talk: it then says when the talk began.
    pub(super) fn note_talk(&mut self, now: Timestamp, leg: LegId, result: Option<DialResult>) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let setup = self.setup.providers.get(&session.provider);
        let is_certain = setup.is_some_and(|setup| setup.waits_for_key);
        // A party that answered was asked for the key, and its own leg says whether it pressed it.
        let is_open = |it: &&mut ProviderLeg| is_certain || it.state == PartyState::Ringing;
        let Some(party) = session.party_mut(leg.n).filter(is_open) else { return };
        let talked = result.filter(|result| result.failed.is_none()).and_then(|it| it.talked);
        let Some(talked) = talked else { return };
        if let Some(event) = party.state.accept(leg) {
            self.events.push_back(Event::Late { at: now - talked, event: Box::new(event) });
        }
    }

    /// A party is over, at `at` where that is known.
    pub(super) fn party_over(
        &mut self,
        now: Timestamp,
        leg: LegId,
        cause: Cause,
        at: Option<Timestamp>,
        how: EndReport,
    ) {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return };
        let Some(party) = session.party_mut(leg.n) else { return };
        let Some(event) = party.state.over(leg, cause, how) else { return };
        session.done_with(leg);
        self.expect_back(leg, now);
        self.tell_center(now, at, event);
        self.touch(leg.call);
    }

    /// The center gives a party up.
    pub(super) fn hang_up_party(&mut self, leg: LegId, cause: Cause) -> Taken {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return Taken::BySip };
        let Some(party) = session.party_mut(leg.n) else {
            session.hearing.forget(leg);
            return Taken::BySip;
        };
        // Without REST the provider lets it ring for the whole ring time.
        let until = (!party.state.is_accepted()).then_some(party.until);
        let event = party.state.give_up(leg, cause);
        session.done_with(leg);
        if let Some(event) = event {
            self.events.push_back(event);
            until.into_iter().for_each(|until| self.expect_back(leg, until));
        }
        self.touch(leg.call);
        Taken::Here
    }
}
