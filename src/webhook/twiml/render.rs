//! Documents as TwiML.
//!
//! **Invariant:** a document fits into [`DOCUMENT_BYTES_MAX`]: sounds that would not fit are left
//! out, and what the caller is asked stays.

use std::time::Duration;

use crate::webhook::document::{Action, Callee, Dial, Document, Sound};
use crate::webhook::link::Link;
use crate::webhook::render_context::RenderContext;
use crate::webhook::request::Reply;
use crate::webhook::twiml::{ClientNoun, Dialect, languages};
use crate::webhook::xml::{Attributes, Xml};
use crate::words::{Cause, Digit, Listen};

/// What Twilio and SignalWire read of one document.
pub const DOCUMENT_BYTES_MAX: usize = 64_000;
/// What one `<Say>` may hold.
const SAY_CHARS_MAX: usize = 4_000;
/// The parameter of the address to which a caller without keys goes on.
pub(super) const EMPTY: &str = "empty";

#[must_use]
pub fn render(dialect: &Dialect, document: &Document, context: &RenderContext) -> Reply {
    let mut writer = TwimlWriter { dialect, context, xml: Xml::new("Response") };
    for action in &document.actions {
        writer.action(action);
    }
    Reply::ok("text/xml", writer.xml.finish())
}

struct TwimlWriter<'a> {
    dialect: &'a Dialect,
    context: &'a RenderContext,
    xml: Xml,
}

impl TwimlWriter<'_> {
    fn action(&mut self, action: &Action) {
        match action {
            Action::Sound(sound) => self.sound(sound),
            Action::Gather { sounds, listen, next } => self.gather(sounds, listen, next),
            Action::Record { length_max, silence, finish, beep, next, told } => {
                let url = self.context.url(next);
                let attributes = asking(&url)
                    .with("maxLength", seconds(*length_max, (1, 14_400)))
                    .with("timeout", seconds(*silence, self.dialect.gather_timeout_s))
                    .with("finishOnKey", key(*finish))
                    .with("playBeep", beep)
                    .with("recordingStatusCallback", self.context.url(told))
                    .with("recordingStatusCallbackMethod", "POST")
                    .with("recordingStatusCallbackEvent", "completed absent");
                self.xml.leaf("Record", attributes);
                // Nothing was heard: then no action is asked for.
                self.redirect(&url);
            }
            Action::Dial(dial) => self.dial(dial),
            Action::Conference { name, is_host, next } => {
                self.xml.open("Dial", asking(&self.context.url(next)));
                let attributes = Attributes::new()
                    .with("startConferenceOnEnter", "true")
                    .with("endConferenceOnExit", is_host)
                    .with("beep", "false")
                    .with("waitUrl", "");
                self.xml.text("Conference", attributes, name);
                self.xml.close();
            }
            Action::Goto(next) => self.redirect(&self.context.url(next)),
            Action::HangUp { cause: _ } => self.xml.leaf("Hangup", Attributes::new()),
            Action::Reject { cause } => {
                let reason = if *cause == Cause::USER_BUSY { "busy" } else { "rejected" };
                self.xml.leaf("Reject", Attributes::new().with("reason", reason));
            }
        }
    }

    fn sound(&mut self, sound: &Sound) {
        match sound {
            Sound::Say { language, text } => {
                let voice = self.context.voice(language);
                let language = languages::locale(language).unwrap_or(language);
                for part in parts(text) {
                    if !self.xml.fits(part, DOCUMENT_BYTES_MAX) {
                        return;
                    }
                    let attributes =
                        Attributes::new().maybe("voice", voice).with("language", language);
                    self.xml.text("Say", attributes, part);
                }
            }
            Sound::Play { link } => {
                let url = self.context.url(link);
                if self.xml.fits(&url, DOCUMENT_BYTES_MAX) {
                    self.xml.text("Play", Attributes::new(), &url);
                }
            }
            Sound::Pause { ms: 0 } => {}
            Sound::Pause { ms } => {
                let length = seconds(Duration::from_millis(u64::from(*ms)), (1, 600));
                self.xml.leaf("Pause", Attributes::new().with("length", length));
            }
        }
    }

    /// One time-out serves both for the first key and between keys, so it is the longer one.
    fn gather(&mut self, sounds: &[Sound], listen: &Listen, next: &Link) {
        let timeout = listen.timeout.max(listen.inter_digit);
        let empty = self.dialect.action_on_empty.then_some("true");
        let mut url = self.context.url(next);
        let attributes = asking(&url)
            .with("input", "dtmf")
            .with("timeout", seconds(timeout, self.dialect.gather_timeout_s))
            .maybe("numDigits", (listen.keys_max > 0).then_some(listen.keys_max))
            .with("finishOnKey", key(listen.finish))
            .maybe("actionOnEmptyResult", empty);
        if listen.barge_in {
            self.xml.open("Gather", attributes);
            for sound in sounds {
                self.sound(sound);
            }
            self.xml.close();
        } else {
            for sound in sounds {
                self.sound(sound);
            }
            self.xml.leaf("Gather", attributes);
        }
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(EMPTY);
        url.push_str("=1");
        self.redirect(&url);
    }

    fn dial(&mut self, dial: &Dial) {
        let Dialect { ring_timeout_s, time_limit_s, .. } = *self.dialect;
        let ringing = self.dialect.answer_on_bridge.then_some("true");
        let attributes = asking(&self.context.url(&dial.next))
            .with("timeout", seconds(dial.ring_timeout, ring_timeout_s))
            .with("timeLimit", seconds(dial.time_limit, time_limit_s))
            .maybe("callerId", dial.caller_id.as_deref())
            .maybe("answerOnBridge", ringing);
        self.xml.open("Dial", attributes);
        let (noun, whom) = match (&dial.to, &self.dialect.client) {
            (Callee::Number(number), _) => ("Number", number.clone()),
            (Callee::Sip(uri), _) => ("Sip", uri.clone()),
            (Callee::Client(name), ClientNoun::Element(noun)) => (*noun, name.clone()),
            (Callee::Client(name), ClientNoun::Sip(host)) => ("Sip", format!("sip:{name}@{host}")),
        };
        let mut attributes = Attributes::new();
        if let Some(answered) = &dial.answered {
            attributes = attributes.with("url", self.context.url(answered)).with("method", "POST");
        }
        if let Some(told) = &dial.told {
            attributes = attributes
                .with("statusCallback", self.context.url(told))
                .with("statusCallbackMethod", "POST")
                .with("statusCallbackEvent", "initiated ringing answered completed");
        }
        self.xml.text(noun, attributes, &whom);
        self.xml.close();
    }

    fn redirect(&mut self, url: &str) {
        self.xml.text("Redirect", Attributes::new().with("method", "POST"), url);
    }
}

/// For an element that comes back to this address.
fn asking(url: &str) -> Attributes {
    Attributes::new().with("action", url).with("method", "POST")
}

/// Whole seconds, rounded up, within what the provider takes.
fn seconds(duration: Duration, (least, most): (u64, u64)) -> u64 {
    let whole = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    whole.clamp(least, most)
}

/// Empty is "no key ends it"; without the attribute it would be `#`.
fn key(finish: Option<Digit>) -> String {
    finish.map(|digit| digit.as_char().to_string()).unwrap_or_default()
}

/// A text in pieces of at most [`SAY_CHARS_MAX`], cut at spaces where there are any.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((end, _)) = rest.char_indices().nth(SAY_CHARS_MAX) {
        let at = rest[..end].rfind(' ').filter(|at| *at > 0).unwrap_or(end);
        parts.push(&rest[..at]);
        rest = rest[at..].trim_start_matches(' ');
    }
    if !rest.trim().is_empty() {
        parts.push(rest);
    }
    parts
}
