//! Telnyx's Call Control as a peer: its REST interface, and signed webhooks to the server's door.
//!
//! **Invariant:** what it plays lasts until a test wants to hear the next; nothing else passes the
//! time. An event is sent before anything happens that comes after it.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

use crate::call_control::{self, Did, Doing, Event, Line, Platform, Sound};
use crate::clock::{SOON, left, now};
use crate::platform::Answer;
use crate::webhooks::carrier::{CALLER, NUMBER};
use crate::webhooks::http::{self, Sent, Told, decode};
use crate::webhooks::sign::unix_s;

/// A caller's leg.
pub(crate) const CALL: &str = "v3:call_1-A";
const CONNECTION: &str = "con-0001";
const TOKEN: &str = "KEY-of-the-tests";
/// How long a sound is: no test waits for it.
const SOUND_MS: u64 = 1_000;
/// Of one leg, before the next command.
const ENDS_MAX: usize = 50;

/// How events come to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Once,
    /// Each twice, the second under a signature of its own.
    Twice,
    /// Those of one moment the last first, and all before the answer to the command that caused
    /// them.
    Crossed,
}

impl Manner {
    pub(crate) const ALL: [Self; 3] = [Self::Once, Self::Twice, Self::Crossed];
}

/// A command as it came.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub reference: String,
    pub name: String,
    pub id: String,
    pub body: Value,
    /// What it was answered with.
    pub status: u16,
}

/// The next command of this name is answered with that status.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub name: &'static str,
    pub status: u16,
    /// And done all the same.
    pub is_done: bool,
}

pub(crate) struct Control {
    shared: Arc<Shared>,
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    door: SocketAddr,
    manner: Manner,
    state: Mutex<State>,
    changed: Condvar,
}

pub(crate) struct State {
    pub platform: Platform,
    pub commands: Vec<Command>,
    faults: Vec<Fault>,
    /// In milliseconds; it passes when a sound ends.
    now: u64,
    /// What was sent while no server was there to take it.
    untold: Vec<Event>,
    told: Vec<Event>,
    /// Everything that happened, for whoever reads why a test failed.
    story: Vec<String>,
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

/// A webhook with this body, signed by `key` at that time.
pub(crate) fn signed(key: &SigningKey, at_s: u64, body: &str) -> Sent {
    let signature = key.sign(format!("{at_s}|{body}").as_bytes());
    let header = |name: &str, value: String| (name.to_owned(), value);
    Sent {
        method: "POST",
        path: "/webhooks/telnyx/voice".to_owned(),
        headers: vec![
            header("Content-Type", "application/json".to_owned()),
            header("telnyx-timestamp", at_s.to_string()),
            header("telnyx-signature-ed25519", STANDARD.encode(signature.to_bytes())),
        ],
        body: body.as_bytes().to_vec(),
    }
}

/// A webhook as Telnyx sends it.
pub(crate) fn webhook(event: &Event) -> Sent {
    signed(&key(), unix_s(), &body(event))
}

pub(crate) fn body(event: &Event) -> String {
    let at = i64::try_from(unix_s()).expect("a time of our age");
    let at = jiff::Timestamp::from_second(at).expect("a time of our age").to_string();
    let data = json!({
        "record_type": "event", "id": "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0",
        "event_type": event.kind, "occurred_at": at, "payload": event.payload,
    });
    json!({"data": data, "meta": {"attempt": 1}}).to_string()
}

impl Control {
    pub(crate) fn start(door: SocketAddr, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let state = State {
            platform: Platform::new(|_: &Sound| SOUND_MS),
            commands: Vec::new(),
            faults: Vec::new(),
            now: unix_s() * 1_000,
            untold: Vec::new(),
            told: Vec::new(),
            story: Vec::new(),
        };
        let (state, changed) = (Mutex::new(state), Condvar::new());
        let shared = Arc::new(Shared { door, manner, state, changed });
        let is_over = Arc::new(AtomicBool::new(false));
        let (peer, ends) = (Arc::clone(&shared), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                peer.serve(stream);
            }
        });
        Self { shared, address, is_over, thread: Some(thread) }
    }

    /// The server's configuration of this provider.
    pub(crate) fn section(&self) -> String {
        let public = STANDARD.encode(key().verifying_key().as_bytes());
        format!(
            "[providers.telnyx]\nsecrets = [\"{public}\"]\nprefixes = [\"+1415555\"]\n\
             accept_key = \"1\"\nwhisper = \"A call for you.\"\naccount = \"{CONNECTION}\"\n\
             token = \"{TOKEN}\"\nrest_url = \"http://{}\"\n",
            self.address
        )
    }

    /// Does something at the platform, and tells the server what comes of it.
    pub(crate) fn at<T>(&self, act: impl FnOnce(&mut Platform, u64) -> T) -> T {
        let mut state = self.shared.state();
        let now = state.now;
        let result = act(&mut state.platform, now);
        self.shared.tell(&mut state);
        result
    }

    /// Waits until this gives something.
    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, mut ready: impl FnMut(&mut State) -> Option<T>) -> T {
        let deadline = now() + SOON;
        let mut state = self.shared.state();
        loop {
            if let Some(found) = ready(&mut state) {
                return found;
            }
            let Some(left) = left(deadline) else {
                panic!("never: {what}; what happened:\n{}", state.story.join("\n"));
            };
            self.shared.tell(&mut state);
            state = self.shared.changed.wait_timeout(state, left).expect("no panics").0;
        }
    }

    /// Where the server listens.
    pub(crate) fn door(&self) -> SocketAddr {
        self.shared.door
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.shared.state().faults.push(fault);
    }

    /// Commands so far, of this name.
    pub(crate) fn commands(&self, name: &str) -> Vec<Command> {
        let state = self.shared.state();
        state.commands.iter().filter(|it| it.name == name).cloned().collect()
    }

    /// Everything that was sent so far.
    pub(crate) fn told(&self) -> Vec<Event> {
        self.shared.state().told.clone()
    }

    /// Tells an event, whether or not it is true.
    #[track_caller]
    pub(crate) fn tell(&self, event: &Event) {
        let answer = webhook(event).send(self.shared.door);
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{event:?}");
    }

    /// What could not be sent is sent again.
    #[track_caller]
    pub(crate) fn tell_again(&self) {
        let untold = std::mem::take(&mut self.shared.state().untold);
        assert!(!untold.is_empty(), "everything was heard");
        untold.iter().for_each(|event| self.tell(event));
    }

    /// What could not be sent never will be.
    pub(crate) fn forget(&self) {
        self.shared.state().untold.clear();
    }

    // ---- people ----

    pub(crate) fn call(&self, reference: &str) {
        self.at(|platform, _| platform.call(reference, CALLER, NUMBER));
    }

    pub(crate) fn press(&self, reference: &str, key: char) {
        self.at(|platform, now| platform.press(now, reference, key));
    }

    pub(crate) fn hang_up(&self, reference: &str) {
        self.at(|platform, now| platform.hangs_up(now, reference));
    }

    /// What is heard ends.
    pub(crate) fn end_sound(&self, reference: &str) {
        self.at(|platform, _| {
            let due = platform.lines[reference].due().expect("something is heard");
            platform.wake(due, reference);
            // Then keys have their time yet.
            if let Some(due) = platform.lines[reference].due() {
                platform.wake(due, reference);
            }
        });
    }

    pub(crate) fn answer(&self, party: &str) {
        self.at(|platform, _| platform.answers(party));
    }

    /// Listens until this is heard, and leaves the leg there.
    #[track_caller]
    pub(crate) fn hear(&self, reference: &str, wanted: &str) {
        self.go_on(reference, &format!("{wanted} is heard"), |state| {
            state.hears(reference, wanted)
        });
    }

    /// Lets what the leg does come to its end, one after another, until this gives something.
    #[track_caller]
    pub(crate) fn go_on<T>(
        &self,
        reference: &str,
        what: &str,
        mut ready: impl FnMut(&mut State) -> Option<T>,
    ) -> T {
        self.until(what, |state| {
            for _ in 0..ENDS_MAX {
                if let Some(found) = ready(state) {
                    return Some(found);
                }
                let due = state.platform.lines.get(reference)?.due()?;
                state.now = state.now.max(due);
                state.platform.wake(due, reference);
                self.shared.tell(state);
            }
            panic!("it goes on for ever: {what}");
        })
    }

    /// The party it dials for this caller: its name for them, and where they are.
    #[track_caller]
    pub(crate) fn rings(&self, caller: &str) -> (String, String) {
        self.until("somebody is dialed", |state| {
            let mut lines = state.platform.lines.iter();
            let found = lines.find(|(_, it)| it.caller.as_deref() == Some(caller) && !it.is_over);
            found.map(|(name, line)| (name.clone(), line.to.clone()))
        })
    }

    #[track_caller]
    pub(crate) fn expect_bridged(&self, reference: &str) {
        let is_bridged = |state: &mut State| {
            let line = state.platform.lines.get(reference)?;
            (line.with.is_some() && !line.is_over).then_some(())
        };
        self.until(&format!("{reference} talks"), is_bridged);
    }

    /// These legs are in one conference, and no others.
    #[track_caller]
    pub(crate) fn expect_conference(&self, legs: &[&str]) {
        self.until(&format!("{legs:?} meet"), |state| {
            let lines = &state.platform.lines;
            let conference = lines.get(legs[0])?.conference.clone()?;
            let is_in = |(name, line): (&String, &Line)| {
                (line.conference.as_ref() == Some(&conference)).then(|| name.clone())
            };
            let there: BTreeSet<String> = lines.iter().filter_map(is_in).collect();
            (there == legs.iter().map(|&leg| leg.to_owned()).collect()).then_some(())
        });
    }

    /// The caller is on hold: it hears the music, and is in no conference.
    #[track_caller]
    pub(crate) fn expect_held(&self, reference: &str) {
        self.hear(reference, "music/");
        self.at(|platform, _| assert!(platform.lines[reference].is_alone(), "{reference}"));
    }

    /// The server hangs up.
    #[track_caller]
    pub(crate) fn expect_over(&self, reference: &str) {
        let is_over = |state: &mut State| (!state.platform.is_up(reference)).then_some(());
        self.until(&format!("{reference} ends"), is_over);
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panics")
    }

    fn serve(&self, stream: TcpStream) {
        let Some((told, stream)) = http::take(stream) else { return };
        let mut state = self.state();
        let answer = state.command(&told);
        if self.manner == Manner::Crossed {
            self.tell(&mut state);
        }
        http::answer(stream, answer.status, &answer.body);
        self.tell(&mut state);
        drop(state);
        self.changed.notify_all();
    }

    /// Tells the server what has happened.
    fn tell(&self, state: &mut State) {
        let mut events: Vec<Event> = Vec::new();
        while let Some(did) = state.platform.poll_did() {
            state.story.push(match did {
                Did::Event(event) => {
                    let story = format!("{} of {}", event.kind, event.payload["call_leg_id"]);
                    events.push(event);
                    story
                }
                Did::Plays { reference, sound } => format!("{reference} hears {sound:?}"),
                Did::Records(reference) => format!("{reference} is recorded"),
                Did::Dials(party) => format!("{party} is called"),
                Did::Bridges { caller, party } => format!("{caller} talks to {party}"),
                Did::Enters { reference, conference } => format!("{reference} enters {conference}"),
                Did::Leaves { reference, conference } => format!("{reference} leaves {conference}"),
                Did::Ends { reference, cause } => format!("{reference} is ended: {cause}"),
            });
        }
        match self.manner {
            Manner::Once => {}
            Manner::Twice => events = events.into_iter().flat_map(|it| [it.clone(), it]).collect(),
            Manner::Crossed => events.reverse(),
        }
        for event in events {
            match http::exchange(self.door, &webhook(&event).bytes()) {
                Some(Answer { status: 200, body, .. }) => {
                    assert_eq!(body, "", "{event:?}");
                    state.told.push(event);
                }
                Some(other) => panic!("{other:?} to {event:?}"),
                None => state.untold.push(event),
            }
        }
    }
}

impl State {
    /// Whether this is what is heard.
    fn hears(&self, reference: &str, wanted: &str) -> Option<()> {
        let words = match self.sounding(reference)? {
            Sound::Text { text, .. } => text.clone(),
            Sound::File(url) => decode(url.split('?').next().unwrap_or_default()),
        };
        words.contains(wanted).then_some(())
    }

    fn sounding(&self, reference: &str) -> Option<&Sound> {
        match &self.platform.lines.get(reference)?.doing {
            Doing::Sounds { sound, .. } => Some(sound),
            Doing::Gathers(gather) => gather.sound.as_ref(),
            Doing::Nothing | Doing::Rings { .. } | Doing::Records { .. } => None,
        }
    }

    pub(crate) fn is_recording(&self, reference: &str) -> bool {
        let line = self.platform.lines.get(reference);
        line.is_some_and(|line| matches!(line.doing, Doing::Records { .. }))
    }

    /// Does a command as it came over the wire.
    fn command(&mut self, told: &Told) -> Answer {
        assert_eq!(told.authorization, format!("Bearer {TOKEN}"));
        let mut body: Value = serde_json::from_str(&told.body).expect("JSON");
        let path = told.what.strip_prefix("POST ").expect("a command");
        let (reference, name) = call_control::addressed(path, &mut body);
        if name == "dial" {
            assert_eq!(body["connection_id"], CONNECTION);
        }
        let fault = self.faults.iter().position(|it| it.name == name);
        let fault = fault.map(|at| self.faults.remove(at));
        let done = match fault.as_ref().is_none_or(|it| it.is_done) {
            true => self.platform.command(self.now, &reference, &name, &body),
            false => Ok(json!({})),
        };
        let (status, answer) = match (fault, done) {
            (Some(fault), _) => (fault.status, json!({"errors": [{"code": "10007"}]})),
            (None, Ok(answer)) => (200, answer),
            (None, Err(refused)) => (refused.status, refused.body()),
        };
        let id = body["command_id"].as_str().expect("a name").to_owned();
        self.story.push(format!("{status} to {id}"));
        self.commands.push(Command { reference, name, id, body, status });
        Answer { status, content_type: "application/json".to_owned(), body: answer.to_string() }
    }
}
