//! Telnyx's Call Control platform: it does one command after another, and tells events.
//!
//! The same one for tests in virtual time and for live ones. Its driver brings the time,
//! carries its events to the server, and the server's commands here as they came over the wire.
//!
//! **Invariant:** nothing of the server's own code is used: commands and events are JSON.
//!
//! **Deliberately absent:** HTTP and signatures; Telnyx's queues.

#[path = "call_control_conferences.rs"]
mod conferences;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

pub(crate) use conferences::addressed;

/// Telnyx's numbers for what it refuses.
const UNKNOWN: Refused = Refused { status: 404, code: "10005" };
const ENDED: Refused = Refused { status: 422, code: "90018" };
const NOT_ANSWERED: Refused = Refused { status: 422, code: "90034" };

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sound {
    Text { voice: String, text: String },
    File(String),
}

/// What the platform does, in its order.
#[derive(Clone, Debug)]
pub(crate) enum Did {
    /// Reports on their way to the server.
    Event(Event),
    Plays {
        reference: String,
        sound: Sound,
    },
    Records(String),
    /// This leg, for another.
    Dials(String),
    Bridges {
        caller: String,
        party: String,
    },
    /// A conference.
    Enters {
        reference: String,
        conference: String,
    },
    Leaves {
        reference: String,
        conference: String,
    },
    /// Because it was commanded.
    Ends {
        reference: String,
        cause: &'static str,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub kind: &'static str,
    pub payload: Value,
}

/// A command that is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub status: u16,
    pub code: &'static str,
}

impl Refused {
    pub(crate) fn body(self) -> Value {
        json!({"errors": [{"code": self.code, "title": "refused"}]})
    }
}

pub(crate) struct Platform {
    /// How long a sound lasts, in milliseconds.
    length_ms: Box<dyn Fn(&Sound) -> u64 + Send>,
    pub(crate) lines: BTreeMap<String, Line>,
    /// Commands that were done, by leg.
    done: BTreeSet<(String, String)>,
    did: VecDeque<Did>,
}

/// A leg of a call.
#[derive(Debug)]
pub(crate) struct Line {
    from: String,
    pub(crate) to: String,
    /// What the last command left to be sent with every event.
    pub(crate) state: String,
    is_answered: bool,
    pub(crate) is_over: bool,
    pub(crate) doing: Doing,
    /// The call it was dialed for.
    pub(crate) caller: Option<String>,
    /// The leg it is bridged to, and whether it stays when that ends.
    pub(crate) with: Option<String>,
    parks: bool,
    /// The conference it is in.
    pub(crate) conference: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Doing {
    Nothing,
    Rings { until: u64 },
    Sounds { until: u64, sound: Sound },
    Gathers(Gather),
    Records { until: u64, silence_ms: u64, began: u64, spoken_ms: u64 },
}

#[derive(Debug)]
pub(crate) struct Gather {
    until: u64,
    asked: Value,
    keys: String,
    /// What is heard now, and sentences that were not said yet.
    pub(crate) sound: Option<Sound>,
    words: VecDeque<String>,
}

impl Platform {
    pub(crate) fn new(length_ms: impl Fn(&Sound) -> u64 + Send + 'static) -> Self {
        Self {
            length_ms: Box::new(length_ms),
            lines: BTreeMap::new(),
            done: BTreeSet::new(),
            did: VecDeque::new(),
        }
    }

    pub(crate) fn poll_did(&mut self) -> Option<Did> {
        self.did.pop_front()
    }

    // ---- people ----

    pub(crate) fn call(&mut self, reference: &str, from: &str, to: &str) {
        self.lines.insert(reference.to_owned(), Line::new(from, to, None, Doing::Nothing));
        self.tell(reference, "call.initiated", &json!({"direction": "incoming"}));
    }

    pub(crate) fn press(&mut self, now: u64, reference: &str, key: char) {
        self.tell(reference, "call.dtmf.received", &json!({"digit": key.to_string()}));
        let Doing::Gathers(gather) = &mut self.line(reference).doing else { return };
        gather.sound = None;
        gather.words.clear();
        gather.until = now + gather.millis("inter_digit_timeout_millis");
        let is_end = gather.asked["terminating_digit"] == key.to_string();
        if !is_end {
            gather.keys.push(key);
        }
        let is_full = gather.keys.len() as u64 == gather.millis("maximum_digits");
        if is_end || is_full {
            self.gathered(reference, "valid");
        }
    }

    /// Speaks for this time, if it is recorded.
    pub(crate) fn says(&mut self, now: u64, reference: &str, length_ms: u64) -> bool {
        let doing = &mut self.line(reference).doing;
        let Doing::Records { until, silence_ms, began, spoken_ms } = doing else { return false };
        *spoken_ms = now - *began + length_ms;
        *until = now + length_ms + *silence_ms;
        true
    }

    pub(crate) fn answers(&mut self, reference: &str) {
        let line = self.line(reference);
        (line.is_answered, line.doing) = (true, Doing::Nothing);
        self.tell(reference, "call.answered", &json!({}));
    }

    /// A party that is busy, does not want to, or is not there.
    pub(crate) fn fails(&mut self, reference: &str, cause: &str) {
        self.ends(reference, cause, "callee");
    }

    pub(crate) fn hangs_up(&mut self, now: u64, reference: &str) {
        let source = if self.line(reference).caller.is_none() { "caller" } else { "callee" };
        self.ends(reference, "normal_clearing", source);
        self.saved(now, reference);
    }

    // ---- what is known ----

    pub(crate) fn is_up(&self, reference: &str) -> bool {
        self.lines.get(reference).is_some_and(|line| !line.is_over)
    }

    // ---- time ----

    /// What the leg does is over.
    pub(crate) fn wake(&mut self, now: u64, reference: &str) {
        let line = self.line(reference);
        match &mut line.doing {
            Doing::Nothing => {}
            Doing::Sounds { .. } => self.sounded(reference, "completed"),
            Doing::Records { .. } => self.saved(now, reference),
            Doing::Rings { .. } => self.ends(reference, "timeout", "unknown"),
            Doing::Gathers(gather) => match gather.words.pop_front() {
                Some(text) => {
                    let mut more = gather.asked.clone();
                    more["payload"] = text.into();
                    let sound = self.plays(reference, &more);
                    let heard = now + sound.as_ref().map_or(0, &*self.length_ms);
                    if let Doing::Gathers(gather) = &mut self.line(reference).doing {
                        (gather.until, gather.sound) = (heard, sound);
                    }
                }
                None if gather.sound.take().is_some() => {
                    gather.until = now + gather.millis("timeout_millis");
                }
                None => self.gathered(reference, "timeout"),
            },
        }
    }

    // ---- commands ----

    /// Does what is commanded, once for each `command_id`. The name of the action that calls
    /// a party is `dial`, and its reference is that of the leg it is linked to.
    pub(crate) fn command(
        &mut self,
        now: u64,
        reference: &str,
        name: &str,
        body: &Value,
    ) -> Result<Value, Refused> {
        let line = self.lines.get_mut(reference).ok_or(UNKNOWN)?;
        let id = body["command_id"].as_str().expect("every command has an id");
        // Of all conferences, a command of one name is done once.
        let whose = if conferences::is_about_conference(name) { "" } else { reference };
        let key = (whose.to_owned(), id.to_owned());
        if self.done.contains(&key) {
            return Ok(json!({"data": {"result": "ok"}}));
        }
        if line.is_over {
            return Err(ENDED);
        }
        let is_early = ["answer", "reject", "hangup", "client_state_update"].contains(&name);
        if !line.is_answered && !is_early {
            return Err(NOT_ANSWERED);
        }
        if let Some(state) = body["client_state"].as_str().filter(|_| name != "dial") {
            state.clone_into(&mut line.state);
        }
        self.act(now, reference, name, body)?;
        self.done.insert(key);
        Ok(json!({"data": {"result": "ok"}}))
    }

    fn act(&mut self, now: u64, reference: &str, name: &str, body: &Value) -> Result<(), Refused> {
        match name {
            "client_state_update" => {}
            "answer" => self.answers(reference),
            "speak" | "playback_start" => {
                let sound = self.plays(reference, body).expect("words or a file");
                let until = now + (self.length_ms)(&sound);
                self.line(reference).doing = Doing::Sounds { until, sound };
            }
            "gather" | "gather_using_speak" | "gather_using_audio" => {
                self.gather(now, reference, body);
            }
            "playback_stop" => self.sounded(reference, "cancelled"),
            "gather_stop" => self.gathered(reference, "cancelled"),
            "record_start" => {
                let seconds = |name: &str| 1_000 * body[name].as_u64().expect("seconds");
                let (silence_ms, most) = (seconds("timeout_secs"), seconds("max_length"));
                self.line(reference).doing =
                    Doing::Records { until: now + most, silence_ms, began: now, spoken_ms: 0 };
                self.did.push_back(Did::Records(reference.to_owned()));
            }
            "record_stop" => self.saved(now, reference),
            "dial" => self.dial(now, reference, body),
            "bridge" => self.bridge(reference, body)?,
            "conference" | "join" | "leave" => self.act_in_conference(reference, name, body)?,
            "hangup" | "reject" => {
                let cause = if name == "reject" { "call_rejected" } else { "normal_clearing" };
                let reference = reference.to_owned();
                self.did.push_back(Did::Ends { reference: reference.clone(), cause });
                self.ends(&reference, cause, "unknown");
                self.saved(now, &reference);
            }
            other => panic!("no action: {other}"),
        }
        Ok(())
    }

    fn gather(&mut self, now: u64, reference: &str, body: &Value) {
        let text = body["payload"].as_str().unwrap_or_default();
        let mut words: VecDeque<String> =
            text.split_inclusive(". ").map(|said| said.trim().to_owned()).collect();
        let mut first = body.clone();
        if let Some(said) = words.pop_front() {
            first["payload"] = said.into();
        }
        let sound = self.plays(reference, &first);
        let wait = body["initial_timeout_millis"].as_u64();
        let until = now + wait.unwrap_or_else(|| sound.as_ref().map_or(0, &*self.length_ms));
        let (asked, keys) = (body.clone(), String::new());
        self.line(reference).doing = Doing::Gathers(Gather { until, asked, keys, sound, words });
    }

    fn dial(&mut self, now: u64, caller: &str, body: &Value) {
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        assert_eq!(body["link_to"], caller);
        assert!(text("connection_id").is_some(), "{body}");
        let shown = text("from").unwrap_or_else(|| self.lines[caller].from.clone());
        let until = now + 1_000 * body["timeout_secs"].as_u64().expect("seconds");
        let to = text("to").expect("whom to call");
        let party = format!("{caller}-{}", self.lines.len());
        let mut line = Line::new(&shown, &to, Some(caller.to_owned()), Doing::Rings { until });
        line.state = text("client_state").unwrap_or_default();
        self.lines.insert(party.clone(), line);
        self.did.push_back(Did::Dials(party.clone()));
        self.tell(&party, "call.initiated", &json!({"direction": "outgoing"}));
    }

    fn bridge(&mut self, caller: &str, body: &Value) -> Result<(), Refused> {
        assert_eq!(body["park_after_unbridge"], "self", "the caller stays: {body}");
        let party = body["call_control_id"].as_str().expect("with whom").to_owned();
        if !self.is_up(&party) {
            return Err(ENDED);
        }
        for (leg, other, parks) in [(caller, party.as_str(), true), (&party, caller, false)] {
            if self.line(leg).with.as_deref() != Some(other) {
                self.unbridges(leg);
            }
            self.leaves(leg);
            let line = self.line(leg);
            (line.with, line.parks) = (Some(other.to_owned()), parks);
        }
        let both = Did::Bridges { caller: caller.to_owned(), party: party.clone() };
        self.did.push_back(both);
        self.tell(&party, "call.bridged", &json!({}));
        self.tell(caller, "call.bridged", &json!({}));
        Ok(())
    }

    // ---- what comes of it ----

    fn line(&mut self, reference: &str) -> &mut Line {
        self.lines.get_mut(reference).expect("a line of that name")
    }

    fn tell(&mut self, reference: &str, kind: &'static str, more: &Value) {
        let line = &self.lines[reference];
        let mut payload = json!({
            "call_control_id": reference,
            "call_leg_id": format!("leg of {reference}"),
            "client_state": line.state,
            "from": line.from,
            "to": line.to,
        });
        if kind == "call.recording.saved" {
            payload.as_object_mut().expect("an object").remove("call_control_id");
        }
        for (name, value) in more.as_object().expect("an object") {
            payload[name] = value.clone();
        }
        self.did.push_back(Did::Event(Event { kind, payload }));
    }

    fn plays(&mut self, reference: &str, body: &Value) -> Option<Sound> {
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let sound = match (text("payload"), text("audio_url")) {
            (Some(said), _) => Sound::Text { voice: text("voice").expect("a voice"), text: said },
            (None, Some(url)) => Sound::File(url),
            (None, None) => return None,
        };
        let reference = reference.to_owned();
        self.did.push_back(Did::Plays { reference, sound: sound.clone() });
        Some(sound)
    }

    fn sounded(&mut self, reference: &str, status: &str) {
        let line = self.line(reference);
        let Doing::Sounds { sound, .. } = &line.doing else { return };
        let kind = match sound {
            Sound::Text { .. } => "call.speak.ended",
            Sound::File(_) => "call.playback.ended",
        };
        line.doing = Doing::Nothing;
        self.tell(reference, kind, &json!({"status": status}));
    }

    fn gathered(&mut self, reference: &str, status: &str) {
        let line = self.line(reference);
        let Doing::Gathers(gather) = &line.doing else { return };
        let keys = gather.keys.clone();
        line.doing = Doing::Nothing;
        self.tell(reference, "call.gather.ended", &json!({"digits": keys, "status": status}));
    }

    fn saved(&mut self, now: u64, reference: &str) {
        let line = self.line(reference);
        let Doing::Records { began, spoken_ms, .. } = line.doing else { return };
        line.doing = Doing::Nothing;
        let more = json!({
            "recording_urls": {"wav": format!("https://recordings.example.com/{reference}")},
            "recording_started_at": time(began),
            "recording_ended_at": time(began + spoken_ms.min(now - began)),
        });
        self.tell(reference, "call.recording.saved", &more);
    }

    /// A leg ends. Whoever it was bridged to is parked or ends, as it was bridged. `source`: of the
    /// two on this leg, who ended it.
    fn ends(&mut self, reference: &str, cause: &str, source: &str) {
        let line = self.line(reference);
        if std::mem::replace(&mut line.is_over, true) {
            return;
        }
        self.gathered(reference, "call_hangup");
        self.sounded(reference, "call_hangup");
        self.leaves(reference);
        self.tell(
            reference,
            "call.hangup",
            &json!({"hangup_cause": cause, "hangup_source": source}),
        );
        self.unbridges(reference);
    }

    fn unbridges(&mut self, reference: &str) {
        let Some(other) = self.line(reference).with.take() else { return };
        let line = self.line(&other);
        line.with = None;
        if !std::mem::take(&mut line.parks) {
            self.ends(&other, "normal_clearing", "caller");
        }
    }
}

impl Line {
    fn new(from: &str, to: &str, caller: Option<String>, doing: Doing) -> Self {
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            state: String::new(),
            is_answered: false,
            is_over: false,
            doing,
            caller,
            with: None,
            parks: false,
            conference: None,
        }
    }

    /// It hears no leg.
    pub(crate) fn is_alone(&self) -> bool {
        self.with.is_none() && self.conference.is_none()
    }

    /// When what it does is over.
    pub(crate) fn due(&self) -> Option<u64> {
        match &self.doing {
            _ if self.is_over => None,
            Doing::Nothing => None,
            Doing::Gathers(gather) => Some(gather.until),
            Doing::Rings { until } | Doing::Sounds { until, .. } | Doing::Records { until, .. } => {
                Some(*until)
            }
        }
    }
}

impl Gather {
    fn millis(&self, name: &str) -> u64 {
        self.asked[name].as_u64().unwrap_or_else(|| panic!("no {name}: {}", self.asked))
    }
}

fn time(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).expect("a time of our age");
    jiff::Timestamp::from_millisecond(at).expect("a time of our age").to_string()
}
