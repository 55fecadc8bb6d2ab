//! The same worlds where each action is commanded: Telnyx's platform, and a wire between it and us
//! on which events and commands are late, lost, doubled and crossed.
//!
//! Now and then the server's end of it is killed, and goes on with what was written down.

use std::collections::BTreeMap;
use std::time::Duration;

use attendant::id::{CallId, LegId};
use attendant::time::Timestamp;
use attendant::webhook::front::{Saving, WebhookResult};
use attendant::webhook::sign::from_base64;
use attendant::webhook::{
    Account, Fields, Link, Links, RenderContext, RestAnswer, RestCommand, RestOutcome, RestResult,
};
use attendant::words::AgentRequest;
use serde_json::Value;

use super::judge::Talk;
use super::line::{Side, ms};
use super::overheard::{Answered, Overheard};
use super::platform::PROVIDER;
use super::world::{Deed, LineId, Request, World};
use crate::call_control::{self, Did, Platform, Sound};
use crate::webhooks::platform::telnyx::{self, parsed};

/// A piece of waiting music.
const PIECE: Duration = Duration::from_secs(8);
/// No caller listens longer to nothing.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Between two keys of one person.
const BETWEEN_KEYS: Duration = Duration::from_millis(300);

pub(super) struct Control {
    legs: Overheard,
    pub(super) platform: Platform,
    links: Links,
    /// What the server has written down of its legs.
    saved: BTreeMap<String, String>,
    /// The party it called; `None` is a telephone of ours.
    pub(super) parties: BTreeMap<String, Option<LegId>>,
    pub(super) talk_since: BTreeMap<String, Timestamp>,
    /// Parties that bring a caller's sound to us.
    handoffs: BTreeMap<String, CallId>,
    /// Callers on hold who hear nothing, and since when.
    pub(super) silent: BTreeMap<LineId, Timestamp>,
}

#[derive(Clone, Debug)]
pub(super) enum ControlDeed {
    /// An event reaches the server.
    Event(Box<Fields>),
    /// A command reaches the platform.
    Command(LegId, RestCommand),
    Press(String, char),
    Speaks(String, Duration),
    Answers(String),
    Fails(String, &'static str),
    HangsUp(String),
    /// A party that answered hears no leg.
    GivesUp(String),
    /// An agent who talks asks for it, if it can be had.
    Holds(String, Duration),
    /// Asks for another party meanwhile, and later for what should become of it.
    Consults(String),
    AsksOf(String, AgentRequest),
    /// The provider ends the conference this leg is in.
    EndsConference(String),
    /// Where the wire is not too bad, a leg on hold hears none, and the two who talk hear
    /// each other.
    Looks(String, bool),
    /// A caller's sound reaches us by SIP.
    HandsOff(String),
    /// The server is killed, and begins anew.
    Restart,
}

fn context() -> RenderContext {
    let voices = [("en".to_owned(), "en".to_owned())].into();
    RenderContext { links: Links::new("https://ivr.example.com", telnyx::NAME, [9; 32]), voices }
}

impl Control {
    pub(super) fn new() -> Self {
        let lasts = |sound: &Sound| match sound {
            Sound::Text { text, .. } => 50 * text.chars().count() as u64,
            Sound::File(_) => ms(PIECE),
        };
        let context = context();
        Self {
            links: context.links.clone(),
            legs: Overheard::new(context, PIECE),
            platform: Platform::new(lasts),
            saved: BTreeMap::new(),
            parties: BTreeMap::new(),
            talk_since: BTreeMap::new(),
            handoffs: BTreeMap::new(),
            silent: BTreeMap::new(),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        let lines = self.platform.lines.values().filter_map(|line| line.due());
        lines.map(Timestamp::from_millis).min()
    }

    /// The way to them, for the front.
    pub(super) fn legs(&self) -> Box<Overheard> {
        Box::new(self.legs.clone())
    }

    /// Writes a leg down, or forgets it.
    pub(super) fn save(&mut self, saving: Saving) {
        let own =
            |name: &str| name.split_once('/').expect("the provider's name first").1.to_owned();
        match saving {
            Saving::KeepLeg(name, text) => drop(self.saved.insert(own(&name), text)),
            Saving::ForgetLeg(name) => drop(self.saved.remove(&own(&name))),
            Saving::KeepCall(..) | Saving::ForgetCall(_) => {}
        }
    }

    /// What the server knows is what was written down.
    fn restart(&mut self, now: Timestamp) {
        self.legs.restart(now, context(), PIECE, &self.saved);
    }

    /// The leg of a party, as the mark says that it was called with.
    fn leg_of(&self, party: &str) -> Option<LegId> {
        let state = &self.platform.lines[party].state;
        let mark = String::from_utf8(from_base64(state)?).ok()?;
        let (path, query) = mark.split_once('?')?;
        match self.links.read(path, query)? {
            Link::LegStatus { leg } => Some(leg),
            _ => None,
        }
    }

    /// The caller a leg belongs to; a consulted party's is the agent's.
    fn caller_of<'a>(&'a self, reference: &'a str) -> &'a str {
        let caller = self.platform.lines.get(reference).and_then(|line| line.caller.as_deref());
        caller.map_or(reference, |caller| self.caller_of(caller))
    }
}

impl World {
    pub(super) fn control(&mut self) -> &mut Control {
        self.control.as_mut().expect("each action is commanded")
    }

    pub(super) fn control_calls(&mut self, line: LineId, from: &str, to: &str) {
        let reference = self.lines[line].reference.clone();
        self.control().platform.call(&reference, from, to);
        self.carry();
    }

    pub(super) fn control_leaves(&mut self, line: LineId) {
        let reference = self.lines[line].reference.clone();
        self.control_does(ControlDeed::HangsUp(reference));
    }

    /// The telephone that had the caller's sound is gone.
    pub(super) fn control_drops(&mut self, call: CallId) {
        let mut handoffs = self.control().handoffs.iter();
        let party = handoffs.find(|(_, it)| **it == call).map(|(party, _)| party.clone());
        party.into_iter().for_each(|party| self.control_does(ControlDeed::HangsUp(party)));
    }

    pub(super) fn control_wakes(&mut self) {
        let now = self.now;
        let control = self.control();
        let is_due = |due: Option<u64>| due.is_some_and(|due| due <= now.as_millis());
        let due = control.platform.lines.iter().filter(|(_, line)| is_due(line.due()));
        let due: Vec<String> = due.map(|(name, _)| name.clone()).collect();
        for reference in due {
            control.platform.wake(now.as_millis(), &reference);
        }
        self.carry();
    }

    pub(super) fn control_does(&mut self, deed: ControlDeed) {
        let now = self.now;
        let at = now.as_millis();
        let control = self.control();
        let is_up = |control: &Control, reference: &str| control.platform.is_up(reference);
        match deed {
            ControlDeed::Event(fields) => {
                let next = &mut self.next_call;
                let known = self.front.handle_request(now, PROVIDER, &Link::Voice, &fields, next);
                assert!(matches!(known, WebhookResult::Known(_)), "{known:?}");
            }
            ControlDeed::Command(leg, command) => return self.obeys_command(leg, &command),
            ControlDeed::Press(reference, key) if is_up(control, &reference) => {
                control.platform.press(at, &reference, key);
            }
            ControlDeed::Speaks(reference, length) if is_up(control, &reference) => {
                control.platform.says(at, &reference, ms(length));
            }
            ControlDeed::Answers(party) if is_up(control, &party) => {
                control.platform.answers(&party);
                self.plan(SILENCE_MAX, Deed::Control(ControlDeed::GivesUp(party)));
            }
            ControlDeed::GivesUp(party) if is_up(control, &party) => {
                if control.platform.lines[&party].is_alone() {
                    control.platform.hangs_up(at, &party);
                }
            }
            ControlDeed::Fails(party, cause) if is_up(control, &party) => {
                control.platform.fails(&party, cause);
            }
            ControlDeed::HangsUp(reference) if is_up(control, &reference) => {
                control.platform.hangs_up(at, &reference);
            }
            ControlDeed::HandsOff(party) if is_up(control, &party) => return self.brings(&party),
            ControlDeed::Holds(party, lasts) => return self.control_holds(&party, lasts),
            ControlDeed::Consults(party) => return self.control_consults(&party),
            ControlDeed::AsksOf(party, ask) => self.asks_of(&party, ask),
            ControlDeed::EndsConference(party) => {
                if let Some(conference) = control.platform.lines[&party].conference.clone() {
                    control.platform.ends_conference(&conference);
                }
            }
            ControlDeed::Looks(party, is_held) => self.looks(&party, is_held),
            ControlDeed::Restart => control.restart(now),
            ControlDeed::Press(..)
            | ControlDeed::Speaks(..)
            | ControlDeed::Answers(_)
            | ControlDeed::Fails(..)
            | ControlDeed::HangsUp(_)
            | ControlDeed::GivesUp(_)
            | ControlDeed::HandsOff(_) => {}
        }
        self.carry();
    }

    /// Does a command as it goes over the wire, unless it is lost on the way.
    fn obeys_command(&mut self, leg: LegId, command: &RestCommand) {
        let back = self.wire.rest(self.now);
        let RestCommand::Action { reference, id, name, .. } = command else { panic!("an action") };
        let told = |outcome| {
            let action = Some((reference.clone(), id.clone()));
            Deed::RestTold(RestResult { provider: PROVIDER, leg, action, outcome })
        };
        if self.wire.loses_rest(self.now) {
            return self.plan(back, told(RestOutcome::Busy(None)));
        }
        let account = Account { id: "con".to_owned(), ..Account::default() };
        let call = telnyx::provider().rest(&account, command).expect("a command");
        let mut body: Value = serde_json::from_str(&call.body).unwrap();
        let path = call.url.strip_prefix("https://api.telnyx.com").expect("Telnyx");
        let addressed = call_control::addressed(path, &mut body);
        assert_eq!(addressed, (reference.clone(), (*name).to_owned()));
        let at = self.now.as_millis();
        let done = self.control().platform.command(at, reference, name, &body);
        let (status, text) = match done {
            Ok(answer) => (200, answer.to_string()),
            Err(refused) => (refused.status, refused.body().to_string()),
        };
        if status == 200 && name.starts_with("gather") && *name != "gather_stop" {
            self.listens(reference, &body);
        }
        self.carry();
        let outcome = match self.wire.loses_rest(self.now) {
            true => RestOutcome::Busy(None), // done all the same
            false => {
                telnyx::provider().outcome(&RestAnswer { status, body: text, retry_after: None })
            }
        };
        self.plan(back, told(outcome));
    }

    /// Keys are waited for: a caller presses anything, a party the key that takes the call.
    fn listens(&mut self, reference: &str, body: &Value) {
        let line = self.lines.iter_mut().find(|line| line.reference == reference);
        let (text, at) = match line {
            None => match self.people.below(10) {
                0..8 => ("1", Duration::from_millis(1_500)),
                _ if self.manners.is_steady => ("1", Duration::from_millis(1_500)),
                8 => return, // no leg is there
                _ => {
                    let after = self.people.ms(100, 4_000);
                    let deed = ControlDeed::HangsUp(reference.to_owned());
                    return self.plan(after, Deed::Control(deed));
                }
            },
            Some(line) if line.is_scripted => {
                (line.script.pop().unwrap_or_default(), Duration::from_secs(1))
            }
            Some(line) => {
                let text = match line.person.below(10) {
                    0..4 => "",
                    4..8 => line.person.pick(&["1", "2", "2", "0", "3", "4"]).unwrap(),
                    _ => line.person.pick(&["*", "#", "4711", "12#", "9"]).unwrap(),
                };
                let most = body["timeout_millis"].as_u64().unwrap_or(5_000) + 3_000;
                (text, line.person.ms(0, most))
            }
        };
        let mut after = at;
        for key in text.chars() {
            let deed = ControlDeed::Press(reference.to_owned(), key);
            self.plan(after, Deed::Control(deed));
            after += BETWEEN_KEYS;
        }
    }

    /// Carries what the platform does to those whom it concerns.
    fn carry(&mut self) {
        while let Some(did) = self.control().platform.poll_did() {
            match did {
                Did::Event(event) => {
                    let mut fields = parsed(&self.control().links, &event);
                    fields.at = Some(self.now);
                    for after in self.wire.request(self.now).arrivals {
                        let deed = ControlDeed::Event(Box::new(fields.clone()));
                        self.plan(after, Deed::Control(deed));
                    }
                    if event.kind == "call.hangup" {
                        self.control_over(&fields.reference);
                    }
                }
                Did::Records(reference) => {
                    if self.people.chance(0.8) {
                        let length = self.people.ms(0, 25_000);
                        let deed = ControlDeed::Speaks(reference, length);
                        self.plan(Duration::ZERO, Deed::Control(deed));
                    }
                }
                Did::Dials(party) => self.party_rings(party),
                Did::Bridges { caller: _, party } => {
                    let now = self.now;
                    self.control().talk_since.insert(party.clone(), now);
                    if !self.control().handoffs.contains_key(&party) {
                        let talk = self.talk();
                        self.plan_control_hold(&party, talk);
                        self.plan(talk, Deed::Control(ControlDeed::HangsUp(party)));
                    }
                }
                Did::Enters { reference, conference } => {
                    self.judge.tell(self.now, "enters", &(&reference, conference));
                    self.consulted_enters(reference);
                }
                Did::Leaves { reference, conference } => {
                    self.judge.tell(self.now, "leaves", &(reference, conference));
                }
                Did::Plays { .. } | Did::Ends { .. } => {}
            }
        }
    }

    fn party_rings(&mut self, party: String) {
        let leg = self.control().leg_of(&party);
        let to = self.control().platform.lines[&party].to.clone();
        let is_busy = |(name, line): (&String, &crate::call_control::Line)| {
            *name != party && line.caller.is_some() && !line.is_over && line.to == to
        };
        let is_busy = self.control().platform.lines.iter().any(is_busy);
        self.control().parties.insert(party.clone(), leg);
        let (after, deed) = match self.people.below(10) {
            _ if leg.is_none() => (self.people.ms(50, 400), ControlDeed::HandsOff(party)),
            _ if is_busy => (self.people.ms(50, 900), ControlDeed::Fails(party, "user_busy")),
            _ if self.manners.is_steady => (Duration::from_secs(4), ControlDeed::Answers(party)),
            0..7 => (self.people.ms(500, 12_000), ControlDeed::Answers(party)),
            7 => (self.people.ms(500, 9_000), ControlDeed::Fails(party, "call_rejected")),
            _ => return, // it rings out
        };
        self.plan(after, Deed::Control(deed));
    }

    /// The caller's sound comes to us; no leg may be there for it any more.
    fn brings(&mut self, party: &str) {
        let to = self.control().platform.lines[party].to.clone();
        let Some((caller, _)) = self.arrives_by_sip(&to) else {
            self.control().platform.fails(party, "not_found");
            return self.carry();
        };
        self.control().handoffs.insert(party.to_owned(), caller.call);
        self.control().platform.answers(party);
        self.carry();
    }

    fn control_over(&mut self, reference: &str) {
        let now = self.now;
        if let Some(line) = self.lines.iter_mut().find(|line| line.reference == reference) {
            (line.is_over, line.over_at) = (true, Some(now));
            return;
        }
        let control = self.control();
        let leg = control.parties.get(reference).copied().flatten();
        let since = control.talk_since.remove(reference);
        let handoff = control.handoffs.remove(reference);
        if let Some((leg, from)) = leg.zip(since) {
            self.judge.talks.push(Talk { leg, from, to: now });
        }
        if let Some(call) = handoff {
            self.sound_ends(call);
        }
    }

    /// A leg's request was answered; `call` is the one that arrived with it, or is meant.
    pub(super) fn control_answered(&mut self, call: Option<CallId>, caused: usize) {
        let now = self.now;
        while let Some(Answered { link, fields, document }) = self.control().legs.poll_answered() {
            let reference = fields.reference.clone();
            let caller = self.control().caller_of(&reference).to_owned();
            // The event of a recording has another name of the leg.
            let caller = caller.trim_start_matches("leg of ");
            let line = self.lines.iter().position(|line| line.reference == caller);
            let line = line.expect("a line");
            self.lines[line].call = call.or(self.lines[line].call);
            let Some(document) = document else { continue };
            self.judge.log(now, "answer", &document);
            let is_new = self.judge.answered(&reference, &link, &document, caused);
            let is_bridged = is_new && document.actions.is_empty();
            if let Link::Leg { leg, .. } = link
                && is_bridged
            {
                self.is_bridged(leg);
            }
            let side = Side::Nobody;
            let request = Request { id: 0, line, side, link, fields, is_repeat: false };
            self.note_heard(&request, &document, is_new || caused > 0);
        }
    }
}
