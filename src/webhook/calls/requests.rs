//! Requests: which call and step they are about, and which events they become.
//!
//! **Invariant:** the events of a request are in the order in which things happened: prompts that
//! ended, then keys.

use std::collections::VecDeque;
use std::time::Duration;

use crate::id::CallId;
use crate::time::Timestamp;
use crate::webhook::calls::answers::Answers;
use crate::webhook::calls::session::{Executing, Follow, Program, Session};
use crate::webhook::calls::whereabouts::Whereabouts;
use crate::webhook::calls::{Control, ProviderCalls, Unwritten, Wake, WebhookResult, caller};
use crate::webhook::document::{Action, Document};
use crate::webhook::fields::{Fields, LegState};
use crate::webhook::link::Link;
use crate::words::{Cause, Digit, Event, From, Hearing, Via};

/// How long a call may be silent before its first document is answered, and where no length is
/// known.
const UNHEARD_MAX: Duration = Duration::from_secs(60);

impl ProviderCalls {
    /// Takes a verified request. `next_call` numbers a call that arrives, and is then counted up.
    pub fn handle_request(
        &mut self,
        now: Timestamp,
        provider: &str,
        link: &Link,
        fields: &Fields,
        next_call: &mut CallId,
    ) -> WebhookResult {
        match *link {
            Link::Voice => self.voice(now, provider, fields, next_call),
            Link::Events => {
                let key = (provider.to_owned(), fields.reference.clone());
                if let Some(&call) = self.by_reference.get(&key) {
                    return self.status(now, call, fields);
                }
                match self.parties_by_reference.get(&key) {
                    Some(&leg) => self.party_status(now, leg, fields),
                    None => WebhookResult::Unknown,
                }
            }
            Link::Step { call, n } => self.step(now, call, n, fields),
            Link::Status { call } => self.status(now, call, fields),
            Link::Leg { leg, n } => self.party_asks(now, leg, n, fields),
            Link::LegStatus { leg } => self.party_status(now, leg, fields),
            Link::Recording { call, n } => self.recorded(call, n, fields),
            Link::Audio { .. } => WebhookResult::Unknown,
        }
    }

    fn voice(
        &mut self,
        now: Timestamp,
        provider: &str,
        fields: &Fields,
        next_call: &mut CallId,
    ) -> WebhookResult {
        let key = (provider.to_owned(), fields.reference.clone());
        if let Some(&call) = self.by_reference.get(&key) {
            return self.again(call, &Link::Voice);
        }
        if self.seen_set.contains(&key) || fields.state.is_some_and(LegState::is_ended) {
            // A copy of an old request, or a call that ended before its first request came.
            return WebhookResult::Known(Document { actions: vec![hang_up()] });
        }
        if self.former.contains(provider) {
            let reject = Action::Reject { cause: Cause::CALL_REJECTED };
            return WebhookResult::Known(Document { actions: vec![reject] });
        }
        let from = From { number: fields.from.clone(), name: fields.from_name.clone() };
        let to = fields.to.clone().unwrap_or_default();
        if self.is_full {
            if self.is_first_refusal(key) {
                self.refused.push_back((from, to, Via::Provider(provider.to_owned())));
            }
            let reject = Action::Reject { cause: Cause::CONGESTION };
            return WebhookResult::Known(Document { actions: vec![reject] });
        }
        let call = *next_call;
        *next_call = call.next();
        let session = Session {
            provider: provider.to_owned(),
            reference: fields.reference.clone(),
            region: fields.region.clone(),
            next: 1,
            program: Program::Silent,
            bridging: None,
            executing: Executing::Writing,
            parties: std::collections::BTreeMap::new(),
            consult: None,
            hearing: Hearing::default(),
            recordings: std::collections::BTreeMap::new(),
            made: None,
            piece: 0,
            lost_at: now + UNHEARD_MAX,
            caller: Whereabouts::AtProvider,
            answers: Answers::default(),
            moved: None,
            follow: None,
        };
        self.timers.set(Wake::Lost(call), session.lost_at);
        self.sessions.insert(call, session);
        self.by_reference.insert(key, call);
        self.touch(call);
        if self.setup.providers.get(provider).is_some_and(|setup| setup.has_rest) {
            self.order(call, Control::Watch { to: Link::Status { call } });
        }
        self.events.push_back(Event::CallArrived {
            call,
            from,
            to,
            via: Via::Provider(provider.to_owned()),
        });
        WebhookResult::Pending(Unwritten { call, link: Link::Voice })
    }

    /// The kept answer, for a request that came before. After a restart the last one is written
    /// anew: an empty one would end the call.
    fn again(&mut self, call: CallId, link: &Link) -> WebhookResult {
        let Some(session) = self.sessions.get_mut(&call) else { return WebhookResult::Unknown };
        if let Some(document) = session.answers.find(link) {
            return WebhookResult::Known(document.clone());
        }
        let last = match link {
            Link::Step { n, .. } => n + 1 == session.next,
            Link::Voice
            | Link::Events
            | Link::Status { .. }
            | Link::Leg { .. }
            | Link::LegStatus { .. }
            | Link::Recording { .. }
            | Link::Audio { .. } => session.next == 1,
        };
        let is_over = session.caller.is_over();
        if session.executing.is_being_written() || last && !is_over {
            session.executing = match session.executing {
                Executing::Conference | Executing::WritingAnew => Executing::WritingAnew,
                Executing::Nothing
                | Executing::Writing
                | Executing::Sounds { .. }
                | Executing::Dial { .. }
                | Executing::Record { .. }
                | Executing::HandOff { .. }
                | Executing::End => Executing::Writing,
            };
            return WebhookResult::Pending(Unwritten { call, link: link.clone() });
        }
        // Older than all kept answers: a leg that really waits for it comes for the next step.
        let next = Action::Goto(Link::Step { call, n: session.next });
        let action = if is_over { hang_up() } else { next };
        WebhookResult::Known(Document { actions: vec![action] })
    }

    fn step(&mut self, now: Timestamp, call: CallId, n: u32, fields: &Fields) -> WebhookResult {
        let link = Link::Step { call, n };
        let Some(session) = self.sessions.get_mut(&call) else { return WebhookResult::Unknown };
        if n < session.next {
            return self.again(call, &link);
        }
        // A command brought it here without a result: what was on the air was cut off, and is said
        // again. The same where its step is ahead of ours, because we were lost in between.
        let has_result =
            fields.keys.is_some() || fields.dial.is_some() || fields.recorded.is_some();
        let is_expected = n == session.next && (session.moved != Some(n) || has_result);
        session.next = n + 1;
        let came = session.moved == Some(n);
        session.moved = session.moved.filter(|to| n < *to);
        let executing = std::mem::replace(&mut session.executing, Executing::Writing);
        self.touch(call);
        if came {
            self.order(call, Control::Came);
        }
        if let Some(LegState::Ended(cause)) = fields.state {
            match executing {
                Executing::Record { .. } => self.cut_message(call, executing, fields),
                Executing::Dial { leg } => self.note_talk(now, leg, fields.dial),
                Executing::Nothing
                | Executing::Writing
                | Executing::WritingAnew
                | Executing::Sounds { .. }
                | Executing::HandOff { .. }
                | Executing::Conference
                | Executing::End => {}
            }
            self.caller_gone(now, call, fields.at, cause);
        } else if is_expected {
            self.came_back(now, call, executing, fields);
        }
        WebhookResult::Pending(Unwritten { call, link })
    }

    /// The provider has done what the last document said.
    fn came_back(&mut self, now: Timestamp, call: CallId, executing: Executing, fields: &Fields) {
        match executing {
            Executing::Sounds { play, followed_by, listen, waits } => {
                let mut keys = fields.keys.clone().unwrap_or_default();
                // A finish key alone ends no input here; it may end the one before, which the flow
                // knows.
                let ends = |key: &Digit| listen.is_some_and(|it| it.finish == Some(*key));
                let any = !keys.is_empty();
                keys.extend(fields.finished_by.filter(|key| any || ends(key)));
                let interrupts = listen.is_some_and(|listen| listen.barge_in);
                let leg = caller(call);
                if !keys.is_empty() && interrupts {
                    return self.events.push_back(Event::Keys { leg, keys });
                }
                if let Some(play) = play.filter(|_| !waits) {
                    self.events.push_back(Event::PromptDone { leg, play });
                }
                if !keys.is_empty() {
                    return self.events.push_back(Event::Keys { leg, keys });
                }
                self.follow(call, followed_by, listen.is_some() && !waits);
            }
            Executing::Dial { leg } => self.dial_over(now, leg, fields.dial),
            Executing::Record { recording } => self.record_over(call, recording, fields),
            Executing::HandOff { leg } if fields.dial.is_some() => self.handoff_missed(call, leg),
            Executing::Conference => self.conference_over(now, call),
            Executing::HandOff { .. } | Executing::Nothing | Executing::End => {}
            Executing::Writing | Executing::WritingAnew => {}
        }
    }

    /// The caller also heard what the document had after its first play.
    fn follow(&mut self, call: CallId, plays: VecDeque<Vec<crate::words::Prompt>>, in_vain: bool) {
        let Some(session) = self.sessions.get_mut(&call) else { return };
        if !plays.is_empty() {
            session.follow = Some(Follow { plays, in_vain });
        } else if in_vain {
            self.events.push_back(Event::Keys { leg: caller(call), keys: Vec::new() });
        }
    }

    fn status(&mut self, now: Timestamp, call: CallId, fields: &Fields) -> WebhookResult {
        if let Some(LegState::Ended(cause)) = fields.state {
            self.caller_gone(now, call, fields.at, cause);
        }
        WebhookResult::Known(Document::default())
    }
}

pub(super) const fn hang_up() -> Action {
    Action::HangUp { cause: Cause::NORMAL_CLEARING }
}

/// Whether a party pressed the key that takes the call.
pub(super) fn accepts(fields: &Fields, key: Digit) -> bool {
    fields.keys.as_ref().is_some_and(|keys| keys.contains(&key))
}
