//! Answers: the document for what the center wants of a leg now.
//!
//! **Invariant:** a document for the caller's leg ends, or comes back to the next step.

use std::collections::VecDeque;
use std::time::Duration;

use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::calls::answers::Answers;
use crate::webhook::calls::conference::conference_name;
use crate::webhook::calls::consult::{Stage, Wanted};
use crate::webhook::calls::handoff::handoff_address;
use crate::webhook::calls::party::ProviderLeg;
use crate::webhook::calls::requests::hang_up;
use crate::webhook::calls::session::{Bridging, Executing, MessageRecording, Program, Session};
use crate::webhook::calls::whereabouts::Whereabouts;
use crate::webhook::calls::{ProviderCalls, ProviderCallsSetup, ProviderSetup, Unwritten, Wake};
use crate::webhook::document::{Action, Callee, Dial, Document, Sound};
use crate::webhook::link::Link;
use crate::words::{Listen, LookAhead, Prompt};

/// The provider ends a talk that lasts longer.
const TALK_MAX: Duration = Duration::from_secs(4 * 60 * 60);
/// A party rings at least this long.
const RING_MIN: Duration = Duration::from_secs(5);
/// And at most this long.
const RING_MAX: Duration = Duration::from_secs(300);
/// How long the provider may take to bring the caller's sound to an agent who has answered.
const HAND_OFF_RING: Duration = Duration::from_secs(10);
/// What providers and networks may take between two requests, beyond what is heard.
const GRACE: Duration = Duration::from_secs(20);
/// The slowest speech, per character.
const SPOKEN_SLOWEST: Duration = Duration::from_millis(120);
/// The longest sound file.
const FILE_MAX: Duration = Duration::from_secs(600);
/// A document that plays nothing and collects no keys comes back after this time.
const IDLE_MS: u32 = 1_000;

/// An answer in place of one that has not left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again {
    pub provider: String,
    /// The provider's name for the caller's leg.
    pub reference: String,
    pub document: Document,
}

impl ProviderCalls {
    /// The answer to the request with which a call came, in place of one that has not left;
    /// commands about the call are dropped. `None`: no provider carries this call.
    pub fn write_again(&mut self, now: Timestamp, call: CallId) -> Option<Again> {
        let session = self.sessions.get_mut(&call)?;
        session.answers = Answers::default();
        session.caller = Whereabouts::AtProvider; // also where the answer was that it is over
        let (provider, reference) = (session.provider.clone(), session.reference.clone());
        self.control.retain(|it| it.leg.call != call);
        let document = self.write(now, &Unwritten { call, link: Link::Voice }, None);
        Some(Again { provider, reference, document })
    }

    /// The answer to a request, once the center has dealt with its events. `look_ahead` is what the
    /// center will say to the call next.
    pub fn write(
        &mut self,
        now: Timestamp,
        ticket: &Unwritten,
        look_ahead: Option<LookAhead>,
    ) -> Document {
        if let Link::Leg { leg, .. } = ticket.link {
            return self.write_party(now, leg, &ticket.link);
        }
        let Some(session) = self.sessions.get_mut(&ticket.call) else {
            return Document { actions: vec![hang_up()] };
        };
        if let Some(document) = session.answers.find(&ticket.link) {
            return document.clone();
        }
        session.follow = None;
        let none = ProviderSetup::default();
        let provider = self.setup.providers.get(&session.provider).unwrap_or(&none);
        let written = DocumentWriter { call: ticket.call, session, setup: &self.setup, provider }
            .write(now, look_ahead.unwrap_or_default());
        session.executing = written.executing;
        session.answers.keep(ticket.link.clone(), written.document.clone());
        if !session.caller.is_over() && !session.caller.is_with_us() {
            session.caller.come();
            session.lost_at = now + written.lasts + GRACE;
            self.timers.set(Wake::Lost(ticket.call), session.lost_at);
        }
        if matches!(session.executing, Executing::End) && session.caller.leave() {
            self.timers.cancel(&Wake::Lost(ticket.call));
            self.timers.set(Wake::Forget(ticket.call), now + crate::webhook::calls::ENDED_KEPT);
        }
        self.touch(ticket.call);
        written.document
    }

    /// An empty document bridges a party that was accepted; one that is no longer wanted hangs up.
    fn write_party(&mut self, now: Timestamp, leg: LegId, link: &Link) -> Document {
        if let Link::Leg { n, .. } = *link
            && link.is_elsewhere()
        {
            return self.write_elsewhere(now, leg, n);
        }
        let talks = Some(Bridging::Talking { leg });
        let hears = |it: &Session| {
            let joined =
                it.consult.is_some_and(|it| it.consulted == leg.n && it.stage >= Stage::Joined);
            (it.bridging == talks || joined) && it.is_up(leg.n)
        };
        let document = match self.sessions.get(&leg.call).is_some_and(hears) {
            true => Document::default(),
            false => self.refuse(leg),
        };
        if let Some(party) = self.sessions.get_mut(&leg.call).and_then(|it| it.party_mut(leg.n)) {
            party.answers.keep(link.clone(), document.clone());
        }
        document
    }
}

impl ProviderCalls {
    /// The document of a party that a split has moved: its conference, or the consulted party to
    /// dial.
    fn write_elsewhere(&mut self, now: Timestamp, leg: LegId, n: u32) -> Document {
        if let Some(party) = self.sessions.get_mut(&leg.call).and_then(|it| it.party_mut(leg.n)) {
            party.state.answered();
        }
        if !self.sessions.get(&leg.call).is_some_and(|it| it.is_up(leg.n)) {
            return self.refuse(leg);
        }
        let Some(session) = self.sessions.get_mut(&leg.call) else { return Document::default() };
        let setup = self.setup.providers.get(&session.provider).cloned().unwrap_or_default();
        let next = Link::Leg { leg, n: n + 1 };
        let document = match session.wanted(leg.n) {
            Wanted::Consulted(consulted) => {
                let consulted_leg = LegId { call: leg.call, n: consulted };
                let party = session.party(consulted);
                let dial = party.map(|party| dial_of(now, consulted_leg, party, &setup, next));
                if let Some(party) = session.party_mut(leg.n) {
                    party.dials = Some(consulted);
                }
                Document {
                    actions: dial.map(|dial| Action::Dial(Box::new(dial))).into_iter().collect(),
                }
            }
            Wanted::Conference | Wanted::There => {
                let name = conference_name(&self.setup.key, leg.call);
                let is_host = !session.is_among_three(leg.n);
                if let Some(party) = session.party_mut(leg.n) {
                    party.dials = None;
                }
                Document { actions: vec![Action::Conference { name, is_host, next }] }
            }
        };
        if let Some(party) = session.party_mut(leg.n) {
            party.answers.keep(Link::Leg { leg, n }, document.clone());
        }
        document
    }
}

/// The dialing of a party, as its provider is asked for it.
fn dial_of(
    now: Timestamp,
    leg: LegId,
    party: &ProviderLeg,
    provider: &ProviderSetup,
    next: Link,
) -> Dial {
    Dial {
        to: party.to.clone(),
        caller_id: provider.caller_id.clone().or_else(|| party.shown.clone()),
        ring_timeout: party.until.since(now).clamp(RING_MIN, RING_MAX),
        time_limit: TALK_MAX,
        answered: Some(Link::Leg { leg, n: 0 }),
        accept_key: provider.accept_key,
        told: Some(Link::LegStatus { leg }),
        next,
    }
}

struct DocumentWriter<'a> {
    call: CallId,
    session: &'a mut Session,
    setup: &'a ProviderCallsSetup,
    provider: &'a ProviderSetup,
}

struct Written {
    document: Document,
    executing: Executing,
    /// The longest it can take until the provider is back.
    lasts: Duration,
}

impl Written {
    fn new(actions: Vec<Action>, executing: Executing, lasts: Duration) -> Self {
        Self { document: Document { actions }, executing, lasts }
    }
}

impl DocumentWriter<'_> {
    fn write(&mut self, now: Timestamp, look_ahead: LookAhead) -> Written {
        if self.session.caller.is_over() {
            return Written::new(vec![hang_up()], Executing::End, Duration::ZERO);
        }
        if self.session.moved.is_some() && self.session.is_awaited() {
            return self.hold_back(look_ahead.listen);
        }
        match self.session.bridging {
            Some(Bridging::Dial { leg }) => return self.dial(now, leg),
            Some(Bridging::HandOff { leg }) => return self.hand_off(leg),
            // Bridged, and yet it asks: the report of what ended the talk is on its way.
            Some(Bridging::Talking { .. }) => return self.silent(None),
            Some(Bridging::Conference { .. }) => return self.conference(),
            None => {}
        }
        match self.session.program.clone() {
            Program::Play { play, prompts, repeat: false } => self.say(play, &prompts, look_ahead),
            // A piece of music would outlast the answer, and a prompt is worth no command by REST.
            Program::Play { repeat: true, .. } if look_ahead.is_brief => {
                self.silent(look_ahead.listen)
            }
            Program::Play { prompts, repeat: true, .. } => self.wait(&prompts, look_ahead.listen),
            Program::Silent => self.silent(look_ahead.listen),
            Program::Record(recording) => self.record(&recording),
            Program::HangUp { cause } => {
                Written::new(vec![Action::HangUp { cause }], Executing::End, Duration::ZERO)
            }
            Program::Reject { cause } => {
                Written::new(vec![Action::Reject { cause }], Executing::End, Duration::ZERO)
            }
        }
    }

    const fn next(&self) -> Link {
        Link::Step { call: self.call, n: self.session.next }
    }

    fn say(&self, play: crate::id::PlayId, prompts: &[Prompt], look_ahead: LookAhead) -> Written {
        // A prompt without barge-in stands alone, so that no key reaches past it.
        let alone =
            look_ahead.no_barge_in && look_ahead.listen.is_none_or(|listen| listen.barge_in);
        let (plays, listen) = match alone {
            true => (Vec::new(), None),
            false => (look_ahead.plays, look_ahead.listen),
        };
        let all: Vec<&Prompt> = prompts.iter().chain(plays.iter().flatten()).collect();
        let lasts = all.iter().map(|prompt| longest(prompt)).sum::<Duration>();
        let sounds: Vec<Sound> = all.into_iter().map(|prompt| self.sound(prompt)).collect();
        let executing = Executing::Sounds {
            play: Some(play),
            followed_by: VecDeque::from(plays),
            listen,
            waits: false,
        };
        self.sounds(sounds, listen, executing, lasts)
    }

    /// One piece of what the caller hears in the queue, or while a party outside rings.
    fn wait(&mut self, prompts: &[Prompt], listen: Option<Listen>) -> Written {
        self.session.piece = (self.session.piece + 1) % self.setup.pieces.max(1);
        let piece = self.session.piece;
        let sounds = prompts.iter().map(|prompt| match prompt {
            Prompt::Music { name } => Sound::Play { link: music(name, piece) },
            Prompt::Silence { .. } => Sound::Pause { ms: millis(self.setup.piece) },
            Prompt::Text { .. } | Prompt::File { .. } => self.sound(prompt),
        });
        let sounds = sounds.collect();
        let lasts = prompts.iter().map(longest).sum::<Duration>() + self.setup.piece;
        let executing =
            Executing::Sounds { play: None, followed_by: VecDeque::new(), listen, waits: true };
        self.sounds(sounds, listen, executing, lasts)
    }

    /// A command is bringing the provider for the next step, and would cut off what began now.
    fn hold_back(&mut self, listen: Option<Listen>) -> Written {
        let prompts = match &self.session.program {
            Program::Play { prompts, repeat: true, .. } => prompts.clone(),
            Program::Silent
            | Program::Play { repeat: false, .. }
            | Program::Record(_)
            | Program::HangUp { .. }
            | Program::Reject { .. } => vec![Prompt::Silence { ms: 0 }],
        };
        self.wait(&prompts, listen)
    }

    /// Nothing to play: keys may be on their way, or the center waits for an event.
    fn silent(&self, listen: Option<Listen>) -> Written {
        let waits = listen.is_none();
        let executing =
            Executing::Sounds { play: None, followed_by: VecDeque::new(), listen, waits };
        let sounds = if waits { vec![Sound::Pause { ms: IDLE_MS }] } else { Vec::new() };
        self.sounds(sounds, listen, executing, Duration::from_secs(1))
    }

    fn sounds(
        &self,
        sounds: Vec<Sound>,
        listen: Option<Listen>,
        executing: Executing,
        lasts: Duration,
    ) -> Written {
        let next = self.next();
        let Some(listen) = listen else {
            let mut actions: Vec<Action> = sounds.into_iter().map(Action::Sound).collect();
            actions.push(Action::Goto(next));
            return Written::new(actions, executing, lasts);
        };
        let keys = listen.timeout + listen.inter_digit * u32::from(listen.keys_max);
        let actions = vec![Action::Gather { sounds, listen, next }];
        Written::new(actions, executing, lasts + keys)
    }

    fn dial(&mut self, now: Timestamp, leg: LegId) -> Written {
        let next = self.next();
        let Some(party) = self.session.party(leg.n) else { return self.silent(None) };
        let dial = dial_of(now, leg, party, self.provider, next);
        let actions = vec![Action::Dial(Box::new(dial))];
        Written::new(actions, Executing::Dial { leg }, RING_MAX + TALK_MAX)
    }

    fn record(&mut self, wanted: &MessageRecording) -> Written {
        let n = self.session.next - 1;
        self.session.recordings.insert(n, wanted.clone());
        let action = Action::Record {
            length_max: wanted.length_max,
            silence: wanted.silence,
            finish: wanted.finish,
            beep: wanted.beep,
            next: self.next(),
            told: Link::Recording { call: self.call, n },
        };
        let executing = Executing::Record { recording: wanted.id };
        Written::new(vec![action], executing, wanted.length_max + wanted.silence)
    }

    fn conference(&self) -> Written {
        let mut actions = Vec::new();
        if self.session.executing == Executing::WritingAnew {
            actions.push(Action::Sound(Sound::Pause { ms: IDLE_MS }));
        }
        let name = conference_name(&self.setup.key, self.call);
        actions.push(Action::Conference { name, is_host: false, next: self.next() });
        Written::new(actions, Executing::Conference, TALK_MAX)
    }

    fn hand_off(&self, leg: LegId) -> Written {
        let user = handoff_address(&self.setup.key, self.call, self.session.next - 1);
        let host = self.provider.sip_host.as_deref().unwrap_or_default();
        let dial = Dial {
            to: Callee::Sip(format!("sip:{user}@{host}")),
            caller_id: None,
            ring_timeout: HAND_OFF_RING,
            time_limit: TALK_MAX,
            answered: None,
            accept_key: None,
            told: None,
            next: self.next(),
        };
        let actions = vec![Action::Dial(Box::new(dial))];
        Written::new(actions, Executing::HandOff { leg }, HAND_OFF_RING + GRACE)
    }

    fn sound(&self, prompt: &Prompt) -> Sound {
        match prompt {
            Prompt::Text { language, text } if self.setup.is_ours => {
                Sound::Play { link: Link::Audio { name: format!("say/{language}/{text}") } }
            }
            Prompt::Text { language, text } => {
                Sound::Say { language: language.clone(), text: text.clone() }
            }
            Prompt::File { path } => {
                Sound::Play { link: Link::Audio { name: format!("file/{path}") } }
            }
            Prompt::Music { name } => Sound::Play { link: music(name, 0) },
            Prompt::Silence { ms } => Sound::Pause { ms: *ms },
        }
    }
}

fn music(name: &str, piece: u32) -> Link {
    Link::Audio { name: format!("music/{name}/{piece}") }
}

fn longest(prompt: &Prompt) -> Duration {
    match prompt {
        Prompt::Text { text, .. } => {
            SPOKEN_SLOWEST * u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
        }
        Prompt::File { .. } => FILE_MAX,
        Prompt::Music { .. } => Duration::ZERO,
        Prompt::Silence { ms } => Duration::from_millis(u64::from(*ms)),
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
