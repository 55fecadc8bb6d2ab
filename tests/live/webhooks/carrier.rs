//! A provider: it signs, asks, executes what it is answered, and does nothing by itself.
//!
//! **Invariant:** sounds take no time here; where a caller would wait, a test waits for an event.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};

use crate::clock::{SOON, left, now};
use crate::webhooks::http::{Answer, RestMock, Sent, decode, field, form};
use crate::webhooks::verbs::{self, Dial, Verb};

/// What the provider and we both know.
pub(crate) const SECRET: &str = "an-auth-token-of-the-tests";
pub(crate) const PUBLIC_URL: &str = "https://ivr.example.com";
/// The caller's number, and ours.
pub(crate) const CALLER: &str = "+14155550111";
pub(crate) const NUMBER: &str = "+14155550100";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Twilio,
    Jambonz,
}

/// What a request is about.
pub(crate) enum News<'a> {
    /// A call, or: it was told to come.
    Arrived,
    /// Keys that were asked for; empty: in vain.
    Keys(&'a str),
    /// How dialing somebody ended.
    Dialed { status: &'a str, talked_s: u64 },
    /// A message of so many seconds.
    Recorded { url: &'a str, length_s: u64 },
    /// The state of the leg, with the provider's number and time of the message.
    State { status: &'a str, sequence: u64, at_s: u64 },
}

#[derive(Clone, Copy)]
pub(crate) struct Carrier {
    pub kind: Kind,
    /// Where our server listens.
    pub door: SocketAddr,
}

/// A leg of a call there.
pub(crate) struct Leg {
    carrier: Carrier,
    pub sid: String,
    parent: Option<String>,
    from: String,
    to: String,
    /// The document that is executed.
    pub verbs: Vec<Verb>,
    /// Everything that was played or said, in its order.
    pub heard: Vec<String>,
    /// The last request.
    pub last: Option<Sent>,
}

pub(crate) fn unix_s() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "signatures carry the time of the day")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Twilio, Self::Jambonz];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Jambonz => "jambonz",
        }
    }

    /// What signs a request like this.
    pub(crate) fn sign(self, secret: &str, url: &str, body: &str, at_s: u64) -> (String, String) {
        match self {
            Self::Twilio => {
                let mut fields: Vec<(String, String)> = body
                    .split('&')
                    .filter_map(|pair| pair.split_once('='))
                    .map(|(name, value)| (decode(name), decode(value)))
                    .collect();
                fields.sort();
                let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes()).expect("a key");
                mac.update(url.as_bytes());
                for (name, value) in fields {
                    mac.update(name.as_bytes());
                    mac.update(value.as_bytes());
                }
                ("X-Twilio-Signature".to_owned(), STANDARD.encode(mac.finalize().into_bytes()))
            }
            Self::Jambonz => {
                let mut mac =
                    Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
                mac.update(format!("{at_s}.{body}").as_bytes());
                let bytes = mac.finalize().into_bytes();
                let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
                ("Jambonz-Signature".to_owned(), format!("t={at_s},v1={hex}"))
            }
        }
    }

    /// A command of our server's about a call: the call, and where it is to come, if anywhere.
    pub(crate) fn moved(self, rest: &RestMock, sid: &str) -> String {
        rest.expect(&format!("{sid} is to come"), |told| {
            let about = told.what.rsplit('/').next()?.trim_end_matches(".json") == sid;
            let (method, authorization) = match self {
                Self::Twilio => ("POST", format!("Basic {}", STANDARD.encode("AC0001:a-token"))),
                Self::Jambonz => ("PUT", "Bearer a-token".to_owned()),
            };
            assert!(told.what.starts_with(method), "{told:?}");
            assert_eq!(told.authorization, authorization);
            let url = match self {
                Self::Twilio => field(&told.body, "Url"),
                Self::Jambonz => {
                    serde_json::from_str::<Value>(&told.body).ok()?["call_hook"]["url"]
                        .as_str()
                        .map(str::to_owned)
                }
            };
            url.filter(|_| about)
        })
    }
}

impl Carrier {
    /// A signed request, not sent yet.
    pub(crate) fn request(self, url: &str, body: String) -> Sent {
        let signature = self.kind.sign(SECRET, url, &body, unix_s());
        let kind = match self.kind {
            Kind::Twilio => "application/x-www-form-urlencoded",
            Kind::Jambonz => "application/json",
        };
        let headers = vec![("Content-Type".to_owned(), kind.to_owned()), signature];
        let path = url.strip_prefix(PUBLIC_URL).unwrap_or_else(|| panic!("not ours: {url}"));
        Sent { method: "POST", path: path.to_owned(), headers, body: body.into_bytes() }
    }

    pub(crate) fn url(self, what: &str) -> String {
        format!("{PUBLIC_URL}/webhooks/{}/{what}", self.kind.name())
    }

    /// A leg that has asked for nothing yet.
    pub(crate) fn leg(self, sid: &str, from: &str, to: &str) -> Leg {
        Leg {
            carrier: self,
            sid: sid.to_owned(),
            parent: None,
            from: from.to_owned(),
            to: to.to_owned(),
            verbs: Vec::new(),
            heard: Vec::new(),
            last: None,
        }
    }

    /// A call arrives.
    #[track_caller]
    pub(crate) fn call(self, sid: &str) -> Leg {
        let mut leg = self.leg(sid, CALLER, NUMBER);
        leg.ask(&self.url("voice"), &News::Arrived);
        leg
    }
}

impl Leg {
    /// A leg that this one dials.
    pub(crate) fn child(&self, sid: &str, number: &str) -> Self {
        let mut leg = self.carrier.leg(sid, &self.from, number);
        leg.parent = Some(self.sid.clone());
        leg
    }

    fn body(&self, news: &News<'_>) -> String {
        match self.carrier.kind {
            Kind::Twilio => form(&self.twilio(news)),
            Kind::Jambonz => self.jambonz(news).to_string(),
        }
    }

    fn twilio(&self, news: &News<'_>) -> Vec<(String, String)> {
        let mut fields = vec![
            ("AccountSid", "AC0001".to_owned()),
            ("ApiVersion", "2010-04-01".to_owned()),
            ("CallSid", self.sid.clone()),
            ("Direction", "inbound".to_owned()),
            ("From", self.from.clone()),
            ("To", self.to.clone()),
        ];
        if let Some(parent) = &self.parent {
            fields.push(("ParentCallSid", parent.clone()));
        }
        let mut status = "in-progress";
        match *news {
            News::Arrived => status = if self.last.is_none() { "ringing" } else { status },
            News::Keys("") => fields.push(("Digits", String::new())),
            News::Keys(keys) => {
                fields.push(("Digits", keys.to_owned()));
                fields.push(("msg", "Gather End".to_owned()));
            }
            News::Dialed { status, talked_s } => {
                fields.push(("DialCallStatus", status.to_owned()));
                fields.push(("DialBridged", (status == "completed").to_string()));
                if status == "completed" {
                    fields.push(("DialCallDuration", talked_s.to_string()));
                }
            }
            News::Recorded { url, length_s } => {
                fields.push(("RecordingUrl", url.to_owned()));
                fields.push(("RecordingSid", "RE0001".to_owned()));
                fields.push(("RecordingDuration", length_s.to_string()));
            }
            News::State { status: state, sequence, at_s } => {
                status = state;
                fields.push(("SequenceNumber", sequence.to_string()));
                fields.push(("CallbackSource", "call-progress-events".to_owned()));
                fields.push(("Timestamp", rfc2822(at_s)));
            }
        }
        fields.push(("CallStatus", status.to_owned()));
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn jambonz(&self, news: &News<'_>) -> Value {
        let mut body = json!({
            "call_sid": self.sid, "account_sid": "acct", "direction": "inbound",
            "from": self.from, "to": self.to, "call_status": "in-progress", "sip_status": 200,
        });
        if let Some(parent) = &self.parent {
            body["parent_call_sid"] = json!(parent);
        }
        match *news {
            News::Arrived => {}
            News::Keys("") => body["reason"] = json!("timeout"),
            News::Keys(keys) => {
                body["reason"] = json!("dtmfDetected");
                body["digits"] = json!(keys);
            }
            News::Dialed { status, talked_s: _ } => {
                body["dial_call_status"] = json!(status);
                body["dial_call_sid"] = json!(format!("{}-dialed", self.sid));
                body["dial_sip_status"] = json!(if status == "completed" { 200 } else { 480 });
            }
            News::Recorded { .. } => panic!("jambonz is not asked to record"),
            News::State { status, .. } => {
                body["call_status"] = json!(status);
                body["call_termination_by"] = json!("caller");
            }
        }
        body
    }

    pub(crate) fn prepare(&self, url: &str, news: &News<'_>) -> Sent {
        self.carrier.request(url, self.body(news))
    }

    /// Asks, and takes the answer for the document to execute.
    #[track_caller]
    pub(crate) fn ask(&mut self, url: &str, news: &News<'_>) {
        let request = self.prepare(url, news);
        self.last = Some(request.clone());
        let answer = request.send(self.carrier.door);
        self.take(&answer);
    }

    #[track_caller]
    pub(crate) fn take(&mut self, answer: &Answer) {
        assert!(matches!(answer.status, 200 | 204), "{answer:?}");
        self.verbs = match self.carrier.kind {
            Kind::Twilio => verbs::twiml(&answer.body),
            Kind::Jambonz => verbs::jambonz(&answer.body),
        };
    }

    /// News that wants no document.
    #[track_caller]
    pub(crate) fn tell(&self, url: &str, news: &News<'_>) {
        let answer = self.prepare(url, news).send(self.carrier.door);
        assert!(matches!(answer.status, 200 | 204), "{answer:?}");
    }

    /// The leg's state, to the address a person typed in.
    #[track_caller]
    pub(crate) fn tell_state(&self, status: &str, sequence: u64) {
        let news = News::State { status, sequence, at_s: unix_s() };
        self.tell(&self.carrier.url("events"), &news);
    }

    fn play(&mut self) {
        for verb in &self.verbs {
            match verb {
                Verb::Sound(sound) => self.heard.push(sound.clone()),
                Verb::Gather { sounds, .. } => self.heard.extend(sounds.iter().cloned()),
                Verb::Redirect(_)
                | Verb::Dial(_)
                | Verb::Record { .. }
                | Verb::Hangup
                | Verb::Reject => return,
            }
        }
    }

    /// Executes the document while the caller does nothing, and asks for what follows. Its first
    /// verb that asks is where a provider stops reading.
    #[track_caller]
    pub(crate) fn go_on(&mut self) {
        self.play();
        let asks = self.verbs.iter().find(|verb| !matches!(verb, Verb::Sound(_))).cloned();
        match asks {
            Some(Verb::Gather { action, .. }) => self.ask(&action, &News::Keys("")),
            Some(Verb::Redirect(url)) => self.ask(&url, &News::Arrived),
            other => panic!("the document does not go on by itself: {other:?}"),
        }
    }

    /// Goes on until this is heard, and stays in its document.
    #[track_caller]
    pub(crate) fn hear(&mut self, wanted: &str) {
        for _ in 0..20 {
            let before = self.heard.len();
            self.play();
            let says = self.heard[before..].iter().any(|sound| sound.contains(wanted));
            self.heard.truncate(before);
            if says {
                return;
            }
            self.go_on();
        }
        panic!("never heard {wanted}, but {:?}", self.heard);
    }

    /// The address keys are waited for by, after what is heard before.
    #[track_caller]
    pub(crate) fn gather(&self) -> String {
        let action = self.verbs.iter().find_map(|verb| match verb {
            Verb::Gather { action, .. } => Some(action.clone()),
            _ => None,
        });
        action.unwrap_or_else(|| panic!("no keys are waited for: {:?}", self.verbs))
    }

    #[track_caller]
    pub(crate) fn press(&mut self, keys: &str) {
        self.play();
        let action = self.gather();
        self.ask(&action, &News::Keys(keys));
    }

    /// Goes on until a document has such a verb.
    #[track_caller]
    pub(crate) fn until<T>(&mut self, what: &str, wanted: impl Fn(&Verb) -> Option<T>) -> T {
        let deadline = now() + SOON;
        while left(deadline).is_some() {
            if let Some(found) = self.verbs.iter().find_map(&wanted) {
                return found;
            }
            self.go_on();
        }
        panic!("never: {what}, but {:?}", self.verbs);
    }

    /// Goes on until somebody is to be dialed.
    #[track_caller]
    pub(crate) fn until_dial(&mut self) -> Dial {
        self.until("somebody is dialed", |verb| match verb {
            Verb::Dial(dial) => Some(dial.clone()),
            _ => None,
        })
    }

    /// Goes on until the provider ends the call by itself.
    #[track_caller]
    pub(crate) fn until_hangup(&mut self) {
        for _ in 0..20 {
            if self.verbs.last() == Some(&Verb::Hangup) {
                return self.play();
            }
            self.go_on();
        }
        panic!("no end: {:?}", self.heard);
    }
}

fn rfc2822(at_s: u64) -> String {
    let at = jiff::Timestamp::from_second(at_s as i64).expect("a time");
    jiff::fmt::rfc2822::to_string(&at.to_zoned(jiff::tz::TimeZone::UTC)).expect("a date")
}
