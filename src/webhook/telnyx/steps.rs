//! The steps of a leg, one after another, and where their result goes.
//!
//! **Invariant:** a leg does one step at a time; when it is stopped, its further steps are dropped.

use std::time::Duration;

use serde_json::json;

use crate::time::Timestamp;
use crate::webhook::commanded::Commanded;
use crate::webhook::document::{Callee, Dial};
use crate::webhook::fields::Fields;
use crate::webhook::form;
use crate::webhook::link::{Link, PREFIX};
use crate::webhook::telnyx::leg::{Conference, Doing};
use crate::webhook::telnyx::legs::{Legs, PARTY, RECORDED, Wake};
use crate::webhook::telnyx::plan::{Body, Todo, body};
use crate::webhook::telnyx::rest::DIAL;
use crate::webhook::value::{whole_seconds, with_parameter};

/// What network and provider may take beyond the length of a sound.
const GRACE: Duration = Duration::from_secs(10);
/// How long a recording may take to be reported once it is over.
const SAVED_WITHIN: Duration = Duration::from_secs(15);

/// Steps, one after another.
impl Legs {
    pub(super) fn collected(
        &mut self,
        now: Timestamp,
        reference: &str,
        is_last: bool,
        fields: &Fields,
    ) {
        let keys = fields.keys.clone().unwrap_or_default();
        if !keys.is_empty()
            && let Some(leg) = self.leg(reference)
        {
            leg.todo.clear();
        }
        let is_result = is_last || !keys.is_empty();
        let keys = is_result.then_some(keys);
        self.done(now, reference, Fields { keys, ..Fields::default() });
    }

    /// The leg's step is over.
    pub(super) fn done(&mut self, now: Timestamp, reference: &str, result: Fields) {
        let Some(leg) = self.leg(reference).filter(|leg| !leg.is_over()) else { return };
        leg.doing = Doing::Nothing;
        leg.mark.clear();
        self.wait_no_more(reference);
        self.go_on(now, reference, result);
    }

    /// Sets when the event about the leg's step counts as lost: after this time and some more.
    pub(super) fn wait(&mut self, now: Timestamp, reference: &str, lasts: Duration) {
        self.wait_until(reference, now + lasts + GRACE);
    }

    pub(super) fn wait_until(&mut self, reference: &str, until: Timestamp) {
        if let Some(leg) = self.leg(reference) {
            leg.until = Some(until);
            self.timers.set(Wake::Due(reference.to_owned()), until);
        }
    }

    pub(super) fn wait_no_more(&mut self, reference: &str) {
        self.timers.cancel(&Wake::Due(reference.to_owned()));
        if let Some(leg) = self.leg(reference) {
            (leg.until, leg.current, leg.was_away) = (None, None, false);
        }
    }

    /// The leg's step is over, or its event is overdue.
    pub(super) fn due(&mut self, now: Timestamp, reference: &str) {
        let Some(leg) = self.legs.get(reference).filter(|leg| !leg.is_over()) else { return };
        let doing = leg.doing.clone();
        match doing {
            Doing::Nothing | Doing::InConference | Doing::Consulted | Doing::Splitting(_) => {}
            Doing::Pause | Doing::Answering => self.done(now, reference, Fields::default()),
            Doing::Sound | Doing::Keys { .. } if leg.was_away && leg.current.is_some() => {
                tracing::info!(leg = %leg.id, "nothing was heard since the restart: once more");
                self.once_more(now, reference);
            }
            Doing::Sound | Doing::Keys { .. } | Doing::Record { .. } | Doing::Dialing { .. } => {
                tracing::warn!(leg = %leg.id, "an event was lost: the leg goes on without it");
                self.failed(now, reference, doing);
            }
        }
    }

    fn once_more(&mut self, now: Timestamp, reference: &str) {
        let Some(leg) = self.leg(reference) else { return };
        let current = leg.current.take();
        self.stop(reference);
        if let Some(leg) = self.leg(reference) {
            leg.todo.extend(current);
            leg.todo.rotate_right(1);
        }
        self.go_on(now, reference, Fields::default());
    }

    pub(super) fn go_on(&mut self, now: Timestamp, reference: &str, result: Fields) {
        self.leave(reference);
        let mark = self.mark(reference);
        let Some(leg) = self.leg(reference) else { return };
        let Some(todo) = leg.todo.pop_front() else {
            if let Some(next) = leg.next.take() {
                let fields = Fields { reference: reference.to_owned(), ..result };
                self.requests.push_back((next, fields));
            }
            return;
        };
        leg.current = Some(todo.clone());
        match todo {
            Todo::Sound { name, body, lasts } => {
                leg.doing = Doing::Sound;
                self.wait(now, reference, lasts);
                self.start(reference, name.0, body, mark);
            }
            Todo::Pause { ms } => {
                leg.doing = Doing::Pause;
                self.wait_until(reference, now + Duration::from_millis(u64::from(ms)));
            }
            Todo::Keys { name, body, lasts, is_last } => {
                leg.doing = Doing::Keys { is_last };
                self.wait(now, reference, lasts);
                self.start(reference, name.0, body, mark);
            }
            Todo::Record { body, lasts, finish, told } => {
                let mark = format!("{}&{RECORDED}={}", self.text(&told), form::encode(reference));
                if let Some(leg) = self.leg(reference) {
                    leg.doing = Doing::Record { finish };
                }
                self.wait(now, reference, lasts + SAVED_WITHIN);
                self.start(reference, "record_start", body, mark);
            }
            Todo::Dial(dial) => self.dial(now, reference, dial),
            Todo::Conference { name } => {
                (leg.doing, leg.current) = (Doing::InConference, None);
                if !leg.is_in(&name) {
                    leg.conference = Some(Conference::new(&name, false));
                    self.enter(reference);
                }
            }
            Todo::End { name, body } => {
                leg.todo.clear();
                self.order(reference, name.0, body);
            }
        }
    }

    pub(super) fn dial(&mut self, now: Timestamp, reference: &str, dial: Box<Dial>) {
        self.wait(now, reference, dial.ring_timeout);
        let mark = self.text(dial.told.as_ref().unwrap_or(&dial.next)) + PARTY;
        let to = match &dial.to {
            Callee::Number(to) | Callee::Sip(to) => to.clone(),
            // A credential of Telnyx's own: its clients register by SIP.
            Callee::Client(name) => format!("sip:{name}@sip.telnyx.com"),
        };
        let mut asked = body(json!({
            "to": to,
            "link_to": reference,
            "timeout_secs": whole_seconds(dial.ring_timeout).clamp(5, 600),
            "time_limit_secs": whole_seconds(dial.time_limit).clamp(60, 14_400),
        }));
        match &dial.caller_id {
            Some(number) => drop(asked.insert("from".to_owned(), number.as_str().into())),
            // The caller's own number is shown.
            None => drop(asked.insert("bridge_intent".to_owned(), true.into())),
        }
        self.dialed.insert(mark.clone(), reference.to_owned());
        if let Some(leg) = self.leg(reference) {
            leg.doing = Doing::Dialing { dial, party: None, talks_since: None };
        }
        self.start(reference, DIAL, asked, mark);
    }

    /// Stops the leg's step, for another one.
    pub(super) fn stop(&mut self, reference: &str) {
        let Some(leg) = self.leg(reference) else { return };
        leg.mark.clear();
        leg.command.clear();
        let doing = std::mem::replace(&mut leg.doing, Doing::Nothing);
        self.wait_no_more(reference);
        self.release(reference, &doing);
        match doing {
            Doing::Sound => self.order(reference, "playback_stop", all()),
            Doing::Keys { .. } => {
                self.order(reference, "gather_stop", Body::new());
                self.order(reference, "playback_stop", all());
            }
            Doing::Record { .. } => self.order(reference, "record_stop", Body::new()),
            Doing::Nothing
            | Doing::Answering
            | Doing::Pause
            | Doing::Dialing { .. }
            | Doing::InConference
            | Doing::Consulted
            | Doing::Splitting(_) => {}
        }
    }

    /// Releases the party, or the dialing, of a leg that stops in the middle of a step.
    pub(super) fn release(&mut self, reference: &str, doing: &Doing) {
        match doing {
            Doing::Dialing { party: Some(party), .. } => self.hang_up(party),
            Doing::Dialing { party: None, .. } => {
                self.dialed.retain(|_, caller| caller != reference);
            }
            Doing::Nothing
            | Doing::Answering
            | Doing::Pause
            | Doing::Sound
            | Doing::Keys { .. }
            | Doing::Record { .. }
            | Doing::InConference
            | Doing::Consulted
            | Doing::Splitting(_) => {}
        }
    }

    pub(super) fn start(&mut self, reference: &str, name: &'static str, body: Body, mark: String) {
        if let Some(leg) = self.leg(reference) {
            leg.start(name, body, mark);
        }
        self.send(reference);
    }

    pub(super) fn order(&mut self, reference: &str, name: &'static str, body: Body) {
        if let Some(leg) = self.leg(reference) {
            leg.order(name, body);
        }
        self.send(reference);
    }

    pub(super) fn send(&mut self, reference: &str) {
        let order = self.leg(reference).and_then(|leg| leg.send(reference));
        self.orders.extend(order);
    }

    /// The mark of the leg's next command, for its events: the link it leads to, signed, and its
    /// place.
    pub(super) fn mark(&self, reference: &str) -> String {
        let Some(leg) = self.legs.get(reference) else { return String::new() };
        let link = leg.next.as_ref().unwrap_or(&Link::Voice);
        with_parameter(&self.text(link), "i", &(leg.count + 1).to_string())
    }

    /// A link without the part that is the same for all.
    pub(super) fn text(&self, link: &Link) -> String {
        let links = &self.context.links;
        let url = links.url(link);
        let before = format!("{}{PREFIX}{}/", links.base(), links.provider());
        url.strip_prefix(&before).unwrap_or(&url).to_owned()
    }

    /// The link of a mark, if it is ours.
    pub(super) fn named(&self, mark: &str) -> Option<Link> {
        let (path, query) = mark.split_once('?')?;
        self.context.links.read(path, query)
    }
}

fn all() -> Body {
    body(json!({"stop": "all"}))
}
