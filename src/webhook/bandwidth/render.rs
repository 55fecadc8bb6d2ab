//! A document as BXML.
//!
//! **Invariant:** what asks is last: Bandwidth ignores what follows a verb that comes back. It
//! comes back from a `Gather` with and without digits. A document fits into
//! [`DOCUMENT_BYTES_MAX`]: sounds that would not fit are left out, and what the caller is asked
//! stays.
//!
//! **Deliberately absent:** a tone before a message and a limit of the talk, because BXML has
//! neither; silence inside a `Gather`, which may hold speech and files only (at its end it is added
//! to the time for the first key).

use std::time::Duration;

use crate::webhook::bandwidth::support::locale;
use crate::webhook::document::{Action, Callee, Dial, Document, Sound};
use crate::webhook::link::Link;
use crate::webhook::render_context::RenderContext;
use crate::webhook::request::Reply;
use crate::webhook::xml::{Attributes, Xml};
use crate::words::Listen;

/// What Bandwidth reads of one document.
pub(super) const DOCUMENT_BYTES_MAX: usize = 64_000;
/// The most verbs inside one `Gather`; earlier sounds are played ahead of it.
const NESTED_MAX: usize = 20;
/// Keys of one `Gather`.
pub(super) const KEYS_MAX: u8 = 50;
/// Seconds a `Gather` waits for a key, at most.
const WAIT_S_MAX: f64 = 60.0;
/// Seconds between keys, at least.
const BETWEEN_S_MIN: f64 = 1.0;
/// Seconds of a `Pause`, at least.
const PAUSE_S_MIN: f64 = 0.1;
/// Seconds a party rings, at most.
const RING_S_MAX: f64 = 300.0;
/// Seconds of a recording, at most.
const RECORD_S_MAX: f64 = 10_800.0;

pub(super) fn render(document: &Document, context: &RenderContext) -> Reply {
    let mut writer = BxmlWriter { xml: Xml::new("Response"), context };
    if document.actions.is_empty() {
        // Bandwidth takes an empty response for a `Hangup`, and bridges a party at this one.
        writer.pause(0);
    }
    for action in &document.actions {
        writer.act(action);
    }
    Reply::ok("application/xml", writer.xml.finish())
}

struct BxmlWriter<'a> {
    xml: Xml,
    context: &'a RenderContext,
}

impl BxmlWriter<'_> {
    fn act(&mut self, action: &Action) {
        match action {
            Action::Sound(sound) => self.sound(sound),
            Action::Gather { sounds, listen, next } => self.gather(sounds, listen, next),
            Action::Record { length_max, silence, finish, beep: _, next, told } => {
                let finish = finish.map(|digit| digit.to_string()).unwrap_or_default();
                let attributes = Attributes::new()
                    .with("recordCompleteUrl", self.context.url(next))
                    .with("recordingAvailableUrl", self.context.url(told))
                    .with("terminatingDigits", finish)
                    .with("maxDuration", seconds(*length_max, 1.0, RECORD_S_MAX).ceil())
                    .with("silenceTimeout", seconds(*silence, 0.0, RECORD_S_MAX));
                let attributes = self.access(attributes);
                self.xml.leaf("Record", attributes);
            }
            Action::Dial(call) => self.dial(call),
            // It has no host: a leg left alone hears nothing, and the end of the other one is
            // reported.
            Action::Conference { name, is_host: _, next } => {
                self.xml.text("Conference", Attributes::new(), name);
                self.redirect(next);
            }
            Action::Goto(next) => self.redirect(next),
            // Before it answers, Bandwidth refuses with it.
            Action::HangUp { .. } | Action::Reject { .. } => {
                self.xml.leaf("Hangup", Attributes::new());
            }
        }
    }

    fn redirect(&mut self, next: &Link) {
        let attributes = Attributes::new().with("redirectUrl", self.context.url(next));
        let attributes = self.access(attributes);
        self.xml.leaf("Redirect", attributes);
    }

    fn gather(&mut self, sounds: &[Sound], listen: &Listen, next: &Link) {
        let (sounds, quiet_ms) = match sounds {
            [before @ .., Sound::Pause { ms }] => (before, *ms),
            all => (all, 0),
        };
        let inside = if listen.barge_in { sounds.len().min(NESTED_MAX) } else { 0 };
        let (before, inside) = sounds.split_at(sounds.len() - inside);
        for sound in before {
            self.sound(sound);
        }
        let first = listen.timeout + Duration::from_millis(u64::from(quiet_ms));
        let attributes = Attributes::new()
            .with("gatherUrl", self.context.url(next))
            .with("maxDigits", listen.keys_max.clamp(1, KEYS_MAX))
            .maybe("terminatingDigits", listen.finish)
            .with("firstDigitTimeout", seconds(first, 0.0, WAIT_S_MAX))
            .with("interDigitTimeout", seconds(listen.inter_digit, BETWEEN_S_MIN, WAIT_S_MAX));
        let attributes = self.access(attributes);
        self.xml.open("Gather", attributes);
        for sound in inside {
            if !matches!(sound, Sound::Pause { .. }) {
                self.sound(sound);
            }
        }
        self.xml.close();
    }

    fn dial(&mut self, call: &Dial) {
        let attributes = Attributes::new()
            .maybe("transferCallerId", call.caller_id.as_deref())
            .with("callTimeout", seconds(call.ring_timeout, 1.0, RING_S_MAX))
            .with("transferCompleteUrl", self.context.url(&call.next));
        let attributes = self.access(attributes);
        self.xml.open("Transfer", attributes);
        let url = |link: &Option<Link>| link.as_ref().map(|link| self.context.url(link));
        let attributes = Attributes::new()
            .maybe("transferAnswerUrl", url(&call.answered))
            .maybe("transferDisconnectUrl", url(&call.told));
        let attributes = self.access(attributes);
        match &call.to {
            Callee::Number(number) => self.xml.text("PhoneNumber", attributes, number),
            // There is no client of Bandwidth's own to call: a name is an address, if anything.
            Callee::Sip(uri) => self.xml.text("SipUri", attributes, uri),
            Callee::Client(name) => {
                let uri = if name.contains(':') { name.clone() } else { format!("sip:{name}") };
                self.xml.text("SipUri", attributes, &uri);
            }
        }
        self.xml.close();
    }

    fn fits(&self, text: &str) -> bool {
        self.xml.fits(text, DOCUMENT_BYTES_MAX)
    }

    fn sound(&mut self, sound: &Sound) {
        match sound {
            Sound::Say { text, .. } if !self.fits(text) => {}
            Sound::Play { link } if !self.fits(&self.context.url(link)) => {}
            // Bandwidth refuses an empty text.
            Sound::Say { text, .. } if text.trim().is_empty() => {}
            Sound::Say { language, text } => {
                let attributes = match self.context.voice(language) {
                    Some(voice) => Attributes::new().with("voice", voice),
                    None => Attributes::new().maybe("locale", locale(language)),
                };
                self.xml.text("SpeakSentence", attributes, text);
            }
            Sound::Play { link } => {
                self.xml.text("PlayAudio", Attributes::new(), &self.context.url(link));
            }
            Sound::Pause { ms } => self.pause(*ms),
        }
    }

    fn pause(&mut self, ms: u32) {
        let duration = (f64::from(ms) / 1000.0).max(PAUSE_S_MIN);
        self.xml.leaf("Pause", Attributes::new().with("duration", duration));
    }

    /// Adds the user and password with which Bandwidth comes to the addresses of this verb.
    fn access(&self, attributes: Attributes) -> Attributes {
        match self.context.links.access() {
            Some((user, password)) => attributes.with("username", user).with("password", password),
            None => attributes,
        }
    }
}

fn seconds(time: Duration, min: f64, max: f64) -> f64 {
    time.as_secs_f64().clamp(min, max)
}
