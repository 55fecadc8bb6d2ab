//! Documents as Plivo XML.
//!
//! A whisper is not a document of the party's leg here: Plivo fetches a sound, plays it and waits
//! for the key itself. So the accept key stands at the `Dial`, and a [`Gather`](Action::Gather)
//! that leads to [`Link::Leg`] is written as its sounds only.
//!
//! **Invariant:** what asks for something is followed by a redirect to the same next step. A
//! document fits into [`DOCUMENT_BYTES_MAX`]: sounds that would not fit are left out, and what the
//! caller is asked stays.

use std::time::Duration;

use crate::webhook::document::{Action, Callee, Dial, Document, Sound};
use crate::webhook::link::Link;
use crate::webhook::plivo::parse::{ACCEPT, NO_INPUT};
use crate::webhook::plivo::support::{LANGUAGES, is_finish_key};
use crate::webhook::render_context::RenderContext;
use crate::webhook::request::Reply;
use crate::webhook::value::{bare_number, language, whole_seconds, with_parameter};
use crate::webhook::xml::{Attributes, Xml};
use crate::words::{Cause, Digit, Listen};

/// What Plivo reads of one document.
pub(super) const DOCUMENT_BYTES_MAX: usize = 100_000;
/// How long a party has to press the accept key, from its answer.
const CONFIRM_TIMEOUT_S: u64 = 15;
/// Where Plivo's own endpoints are registered.
const CLIENT_HOST: &str = "phone.plivo.com";
/// What may be typed while keys are collected.
const VALID_KEYS: &str = "1234567890*#";
/// Plivo hangs up a call after a day in any case.
const TIME_LIMIT_MAX: Duration = Duration::from_secs(86_399);

pub(super) fn render(document: &Document, context: &RenderContext) -> Reply {
    let mut writer = PlivoXmlWriter { xml: Xml::new("Response"), context };
    for action in &document.actions {
        writer.action(action);
    }
    Reply::ok("application/xml", writer.xml.finish())
}

struct PlivoXmlWriter<'a> {
    xml: Xml,
    context: &'a RenderContext,
}

impl PlivoXmlWriter<'_> {
    fn action(&mut self, action: &Action) {
        match action {
            Action::Sound(sound) => self.sound(sound),
            Action::Gather { sounds, listen: _, next: Link::Leg { .. } } => {
                sounds.iter().for_each(|sound| self.sound(sound));
            }
            Action::Gather { sounds, listen, next } => self.gather(sounds, listen, next),
            Action::Record { length_max, silence, finish, beep, next, told } => {
                let key = finish.filter(|key| is_finish_key(*key)).map_or('#', Digit::as_char);
                let next = self.context.url(next);
                let attributes = asking(&next)
                    .with("maxLength", whole_seconds(*length_max))
                    .with("timeout", whole_seconds(*silence))
                    .with("finishOnKey", key)
                    .with("playBeep", beep)
                    .with("redirect", "true")
                    .with("callbackUrl", self.context.url(told))
                    .with("callbackMethod", "POST");
                self.xml.leaf("Record", attributes);
                self.redirect(&next);
            }
            Action::Dial(dial) => self.dial(dial),
            Action::Conference { name, is_host, next } => {
                let next = self.context.url(next);
                let attributes = Attributes::new()
                    .with("startConferenceOnEnter", "true")
                    .with("endConferenceOnExit", is_host)
                    .with("stayAlone", "true")
                    .with("action", &next)
                    .with("method", "POST")
                    .with("redirect", "true");
                self.xml.text("Conference", attributes, name);
                self.redirect(&next);
            }
            Action::Goto(next) => self.redirect(&self.context.url(next)),
            Action::HangUp { .. } => self.xml.leaf("Hangup", Attributes::new()),
            Action::Reject { cause } => {
                let reason = if *cause == Cause::USER_BUSY { "busy" } else { "rejected" };
                self.xml.leaf("Hangup", Attributes::new().with("reason", reason));
            }
        }
    }

    fn redirect(&mut self, url: &str) {
        self.xml.text("Redirect", Attributes::new().with("method", "POST"), url);
    }

    fn fits(&self, text: &str) -> bool {
        self.xml.fits(text, DOCUMENT_BYTES_MAX)
    }

    fn sound(&mut self, sound: &Sound) {
        match sound {
            Sound::Say { text, .. } if !self.fits(text) => {}
            Sound::Play { link } if !self.fits(&self.context.url(link)) => {}
            Sound::Say { language: tag, text } => {
                let attributes = Attributes::new()
                    .maybe("language", language(LANGUAGES, tag))
                    .maybe("voice", self.context.voice(tag));
                self.xml.text("Speak", attributes, text);
            }
            Sound::Play { link } => {
                self.xml.text("Play", Attributes::new(), &self.context.url(link));
            }
            Sound::Pause { ms: 0 } => {}
            Sound::Pause { ms } => {
                let length = whole_seconds(Duration::from_millis(u64::from(*ms)));
                self.xml.leaf("Wait", Attributes::new().with("length", length));
            }
        }
    }

    /// A pause cannot stand inside: the ones before the first sound stand in front, and those
    /// between sounds are left out.
    fn gather(&mut self, sounds: &[Sound], listen: &Listen, next: &Link) {
        let is_pause = |sound: &&Sound| matches!(sound, Sound::Pause { .. });
        let outside = match listen.barge_in {
            true => sounds.iter().take_while(is_pause).count(),
            false => sounds.len(),
        };
        let (before, inside) = sounds.split_at(outside);
        before.iter().for_each(|sound| self.sound(sound));
        let after = inside.iter().rev().take_while(is_pause).map(|sound| match sound {
            Sound::Pause { ms } => Duration::from_millis(u64::from(*ms)),
            Sound::Say { .. } | Sound::Play { .. } => Duration::ZERO,
        });
        let timeout = listen.timeout + after.sum::<Duration>();
        let finish = listen.finish.filter(|key| is_finish_key(*key));
        let url = self.context.url(next);
        let attributes = asking(&url)
            .with("timeout", whole_seconds(timeout))
            .with("digitTimeout", whole_seconds(listen.inter_digit))
            .with("finishOnKey", finish.map_or("none".to_owned(), |key| key.to_string()))
            .with("numDigits", listen.keys_max.max(1))
            .with("retries", "1")
            .with("redirect", "true")
            .with("validDigits", VALID_KEYS)
            .with("log", !listen.secret);
        self.xml.open("GetDigits", attributes);
        inside.iter().filter(|sound| !is_pause(sound)).for_each(|sound| self.sound(sound));
        self.xml.close();
        self.redirect(&with_parameter(&url, NO_INPUT, ""));
    }

    fn dial(&mut self, dial: &Dial) {
        let next = self.context.url(&dial.next);
        let mut attributes = asking(&next)
            .with("timeout", whole_seconds(dial.ring_timeout))
            .with("timeLimit", whole_seconds(dial.time_limit.min(TIME_LIMIT_MAX)))
            .with("redirect", "true")
            .maybe("callerId", dial.caller_id.as_deref().and_then(bare_number));
        let accept = dial.accept_key.filter(|key| is_finish_key(*key));
        if let Some(told) = &dial.told {
            let url = self.context.url(told);
            let url = match accept {
                Some(key) => with_parameter(&url, ACCEPT, &key.to_string()),
                None => url,
            };
            attributes = attributes.with("callbackUrl", url).with("callbackMethod", "POST");
        }
        if let Some(answered) = &dial.answered {
            attributes = attributes.with("confirmSound", self.context.url(answered));
        }
        if let Some(key) = accept.filter(|_| dial.answered.is_some()) {
            attributes =
                attributes.with("confirmKey", key).with("confirmTimeout", CONFIRM_TIMEOUT_S);
        }
        self.xml.open("Dial", attributes);
        let none = Attributes::new();
        match &dial.to {
            Callee::Number(number) => {
                self.xml.text("Number", none, bare_number(number).unwrap_or(number));
            }
            Callee::Sip(uri) => self.xml.text("User", none, uri),
            Callee::Client(name) => {
                self.xml.text("User", none, &format!("sip:{name}@{CLIENT_HOST}"));
            }
        }
        self.xml.close();
        self.redirect(&next);
    }
}

/// For an element that comes back to this address.
fn asking(url: &str) -> Attributes {
    Attributes::new().with("action", url).with("method", "POST")
}
