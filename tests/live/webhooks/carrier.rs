//! A provider at work: it signs and asks, and its platform executes what it is answered.
//!
//! **Invariant:** the platform's time passes only when nothing happens, and then at once;
//! where a person would wait, a test waits for an event.

use std::net::SocketAddr;
use std::time::Duration;

use attendant::time::Timestamp;
use attendant::words::Cause;

use crate::clock::{SOON, left, now};
use crate::platform::{
    Answer, Dialing, Instruction, Line, ProviderEvent, ProviderRequest, Want, Who,
};
use crate::webhooks::http::{Sent, decode};
use crate::webhooks::kind::{Kind, USER};
use crate::webhooks::sign::{unix_s, wall_clock};

/// What the provider and we both know.
pub(crate) const SECRET: &str = "an-auth-token-of-the-tests";
pub(crate) const PUBLIC_URL: &str = "https://ivr.example.com";
/// The caller's number, and ours.
pub(crate) const CALLER: &str = "+14155550111";
pub(crate) const NUMBER: &str = "+14155550100";

#[derive(Clone, Copy)]
pub(crate) struct Carrier {
    pub kind: Kind,
    /// Where our server listens.
    pub door: SocketAddr,
}

/// What the network does to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Once,
    Twice,
    /// The connection is cut when the answer begins, and the provider asks again.
    AnswerLost,
}

/// What a platform did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Did {
    Heard,
    Asked,
    Told,
    Rang,
    Recorded,
    Bridged,
    Over,
    /// Time passed.
    Waited,
    /// And nothing will happen by itself.
    Nothing,
}

/// A leg of a call there.
pub(crate) struct Leg {
    carrier: Carrier,
    line: Line,
    /// The platform's time.
    now: Timestamp,
    /// Everything that was played or said, in its order.
    pub heard: Vec<String>,
    /// The last request.
    pub last: Option<Sent>,
    pub delivery: Delivery,
    /// ProviderEvent that is kept back.
    pub held: Option<Vec<Sent>>,
    is_bridged: bool,
    /// Why the platform ended it.
    ended: Option<Cause>,
}

impl Carrier {
    /// A signed request, not sent yet.
    #[track_caller]
    pub(crate) fn request(self, asked: &ProviderRequest) -> Sent {
        let (url, access) = without_access(&asked.url);
        let path = url.strip_prefix(PUBLIC_URL).unwrap_or_else(|| panic!("not ours: {url}"));
        let kind = ("Content-Type".to_owned(), asked.content_type.to_owned());
        let mut request = Sent {
            method: if asked.is_get { "GET" } else { "POST" },
            path: path.to_owned(),
            headers: if asked.content_type.is_empty() { Vec::new() } else { vec![kind] },
            body: asked.body.clone().into_bytes(),
        };
        let secret = access.unwrap_or_else(|| SECRET.to_owned());
        let signature = self.kind.sign(&secret, &url, &request, unix_s());
        request.headers.extend(signature);
        request
    }

    pub(crate) fn url(self, what: &str) -> String {
        format!("{PUBLIC_URL}/webhooks/{}/{what}", self.kind.name())
    }

    /// A leg that has asked for nothing yet.
    pub(crate) fn leg(self, sid: &str) -> Leg {
        let who = Who {
            reference: sid.to_owned(),
            parent: None,
            from: Some(CALLER.to_owned()),
            to: NUMBER.to_owned(),
        };
        self.of(Line::new(who, |_| Duration::ZERO))
    }

    fn of(self, line: Line) -> Leg {
        Leg {
            carrier: self,
            line,
            now: Timestamp::from_millis(0),
            heard: Vec::new(),
            last: None,
            delivery: Delivery::Once,
            held: None,
            is_bridged: false,
            ended: None,
        }
    }

    /// A call arrives.
    #[track_caller]
    pub(crate) fn call(self, sid: &str) -> Leg {
        let mut leg = self.leg(sid);
        leg.arrive();
        leg
    }
}

/// An address as it is asked, and the password to ask it with.
#[track_caller]
fn without_access(url: &str) -> (String, Option<String>) {
    let Some((access, rest)) = url.strip_prefix("https://").and_then(|url| url.split_once('@'))
    else {
        return (url.to_owned(), None);
    };
    let (user, password) = access.split_once(':').expect("a user and a password");
    assert_eq!(user, USER);
    (format!("https://{rest}"), Some(password.to_owned()))
}

/// The name of the file behind an address of ours, or the address.
fn file(url: &str) -> String {
    let path = url.split('?').next().unwrap_or(url);
    path.split_once("/audio/").map_or_else(|| url.to_owned(), |(_, name)| decode(name))
}

impl Leg {
    pub(crate) fn sid(&self) -> &str {
        &self.line.who.reference
    }

    // ---- requests ----

    /// A signed request of this leg's, not sent yet.
    #[track_caller]
    pub(crate) fn prepare(&self, url: &str, event: &ProviderEvent) -> Sent {
        self.prepare_at(url, event, wall_clock())
    }

    /// About something that happened then.
    #[track_caller]
    pub(crate) fn prepare_at(&self, url: &str, event: &ProviderEvent, at: Timestamp) -> Sent {
        let asked = self.carrier.kind.tongue().request(url, &self.line.who, event, Some(at));
        self.carrier.request(&asked.unwrap_or_else(|| panic!("no address takes {event:?}")))
    }

    #[track_caller]
    pub(crate) fn arrive(&mut self) {
        self.ask(&self.carrier.url("voice"), &ProviderEvent::Arrived);
    }

    /// Asks, and takes the answer for the document to execute.
    #[track_caller]
    fn ask(&mut self, url: &str, event: &ProviderEvent) {
        let request = self.prepare(url, event);
        let answer = self.deliver(&request);
        self.last = Some(request);
        self.take(&answer);
    }

    /// Told by a command to ask there, whatever it does.
    #[track_caller]
    pub(crate) fn come(&mut self, url: &str) {
        self.line.interrupt();
        self.ask(url, &ProviderEvent::Moved);
    }

    #[track_caller]
    fn deliver(&self, request: &Sent) -> Answer {
        let door = self.carrier.door;
        match self.delivery {
            Delivery::Once => request.send(door),
            Delivery::Twice => {
                let first = request.send(door);
                assert_eq!(request.send(door), first, "a second delivery is answered alike");
                first
            }
            Delivery::AnswerLost => {
                request.send_and_cut(door);
                request.send(door)
            }
        }
    }

    /// An answer is the document to execute.
    #[track_caller]
    pub(crate) fn take(&mut self, answer: &Answer) {
        assert!(matches!(answer.status, 200 | 204), "{answer:?}");
        self.line.load(self.carrier.kind.tongue().read(answer));
        self.line.run(self.now);
    }

    /// ProviderEvent that wants no document, or that is kept back.
    #[track_caller]
    fn tell(&mut self, who: &Who, url: &str, event: &ProviderEvent) {
        let tongue = self.carrier.kind.tongue();
        let Some(asked) = tongue.request(url, who, event, Some(wall_clock())) else { return };
        let request = self.carrier.request(&asked);
        if let Some(held) = &mut self.held {
            return held.push(request);
        }
        let answer = self.deliver(&request);
        assert!(matches!(answer.status, 200 | 204), "{answer:?}");
    }

    /// The state of the leg, to the address a person typed in.
    #[track_caller]
    pub(crate) fn tell_state(&mut self, event: &ProviderEvent) {
        let (who, url) = (self.line.who.clone(), self.carrier.url("events"));
        self.tell(&who, &url, event);
    }

    // ---- the platform ----

    /// Does what comes next.
    #[track_caller]
    fn step(&mut self) -> Did {
        if let Some(want) = self.line.wants.pop_front() {
            return self.fulfill(want);
        }
        let due = self.line.due().filter(|_| self.line.dialing().is_none());
        let Some(due) = due else { return Did::Nothing };
        self.now = self.now.max(due);
        self.line.wake(self.now);
        self.line.run(self.now);
        Did::Waited
    }

    #[track_caller]
    fn fulfill(&mut self, want: Want) -> Did {
        match want {
            Want::Hear(Instruction::Play { url }) => {
                self.heard.push(file(&url));
                Did::Heard
            }
            Want::Hear(Instruction::Say { text, .. }) => {
                self.heard.push(text);
                Did::Heard
            }
            Want::Hear(other) => panic!("{other:?} is nothing to hear"),
            Want::Ask(url, event) => {
                self.ask(&url, &event);
                Did::Asked
            }
            Want::Tell(who, url, event) => {
                self.tell(&who, &url, &event);
                Did::Told
            }
            Want::Recording => Did::Recorded,
            Want::Ring => Did::Rang,
            Want::Bridged => {
                self.is_bridged = true;
                Did::Bridged
            }
            Want::Over(cause) => {
                self.ended = Some(cause);
                if self.line.who.parent.is_none() {
                    self.tell_state(&ProviderEvent::Ended);
                }
                Did::Over
            }
        }
    }

    /// Everything that takes no time.
    #[track_caller]
    fn settle(&mut self) {
        while !self.line.wants.is_empty() {
            self.step();
        }
    }

    /// Goes on until the platform has done this.
    #[track_caller]
    fn until(&mut self, what: &str, wanted: impl Fn(&Self, Did) -> bool) {
        let deadline = now() + SOON;
        while left(deadline).is_some() {
            let did = self.step();
            if wanted(self, did) {
                return;
            }
            assert!(
                did != Did::Nothing,
                "{what}: never, and nothing happens after {:?}",
                self.heard
            );
        }
        let last = self.heard.len().saturating_sub(10);
        panic!("{what}: not soon, but {:?}", &self.heard[last..]);
    }

    /// Goes on until this is heard.
    #[track_caller]
    pub(crate) fn hear(&mut self, wanted: &str) {
        self.until(wanted, |leg, did| {
            did == Did::Heard && leg.heard.last().is_some_and(|heard| heard.contains(wanted))
        });
    }

    /// Goes on for this number of requests.
    #[track_caller]
    pub(crate) fn go_on(&mut self, requests: usize) {
        for _ in 0..requests {
            self.until("it asks", |_, did| did == Did::Asked);
        }
    }

    #[track_caller]
    fn types(&mut self, keys: &str) {
        while !self.line.wants.is_empty() || !self.line.listens() {
            assert!(self.step() != Did::Nothing, "no keys are waited for: {:?}", self.heard);
        }
        for key in keys.chars() {
            self.line.press(self.now, key);
        }
        self.line.run(self.now);
    }

    /// The conference it is in by now.
    #[track_caller]
    pub(crate) fn enters_conference(&mut self) -> String {
        self.settle();
        self.line.conference().expect("it is in a conference").to_owned()
    }

    /// Presses keys, and takes what comes of it.
    #[track_caller]
    pub(crate) fn press(&mut self, keys: &str) {
        self.types(keys);
        self.until("a key counts", |leg, did| did == Did::Asked || leg.is_bridged);
    }

    /// Presses keys; the request stays on the way, and its answer is [taken](Self::take) later.
    #[track_caller]
    pub(crate) fn press_unsent(&mut self, keys: &str) -> Sent {
        self.types(keys);
        let deadline = now() + SOON;
        while left(deadline).is_some() {
            if let Some(Want::Ask(url, event)) = self.line.wants.front() {
                let request = self.prepare(&url.clone(), &event.clone());
                self.line.wants.pop_front();
                return request;
            }
            self.step();
        }
        panic!("nothing is asked");
    }

    /// Goes on until a party is dialed.
    #[track_caller]
    pub(crate) fn until_dial(&mut self) -> Dialing {
        self.until("somebody is dialed", |leg, _| leg.line.dialing().is_some());
        self.settle();
        self.line.dialing().expect("just seen").clone()
    }

    /// Goes on until a message is recorded.
    #[track_caller]
    pub(crate) fn until_recording(&mut self) {
        self.until("a message is recorded", |_, did| did == Did::Recorded);
    }

    /// Goes on until the provider ends the call by itself.
    #[track_caller]
    pub(crate) fn until_hangup(&mut self) -> Cause {
        self.until("it hangs up", |_, did| did == Did::Over);
        self.settle();
        self.ended.expect("it is over")
    }

    /// Says something that lasts this long.
    #[track_caller]
    pub(crate) fn say(&mut self, length: Duration) {
        assert!(self.line.says(self.now, length), "nobody records it");
    }

    /// The caller hangs up.
    #[track_caller]
    pub(crate) fn hang_up(&mut self) {
        self.line.cut(self.now);
        self.settle();
        self.tell_state(&ProviderEvent::Ended);
    }

    // ---- whom it dials ----

    /// The leg of whoever is being dialed.
    #[track_caller]
    pub(crate) fn party(&self) -> Self {
        let line = self.line.party().expect("somebody is dialed");
        let mut party = self.carrier.of(line);
        party.delivery = self.delivery;
        party.held = self.held.as_ref().map(|_| Vec::new());
        party
    }

    #[track_caller]
    pub(crate) fn answer(&mut self) {
        self.line.answers();
        self.line.run(self.now);
        self.settle_asking();
    }

    /// Up to the first sound of its document.
    #[track_caller]
    fn settle_asking(&mut self) {
        while matches!(self.line.wants.front(), Some(Want::Tell(..) | Want::Ask(..))) {
            self.step();
        }
    }

    /// It hears the caller, and the caller hears it.
    #[track_caller]
    pub(crate) fn talk_to(&mut self, party: &mut Self) {
        while !party.is_bridged {
            assert!(party.step() != Did::Nothing, "never bridged: {:?}", party.heard);
        }
        party.settle();
        self.line.is_bridged(self.now);
    }

    /// Does not answer, or does not take the call.
    #[track_caller]
    pub(crate) fn fail(&mut self, cause: Cause) {
        self.line.fails(cause);
        self.settle();
    }

    /// Hangs up after a talk of that length.
    #[track_caller]
    pub(crate) fn leave(&mut self, talked: Duration) {
        self.line.leaves(talked);
        self.settle();
    }

    /// The dialing is over, and the platform comes back with the caller.
    #[track_caller]
    pub(crate) fn back(&mut self, failed: Option<Cause>, talked: Duration) {
        self.now = self.now + talked;
        self.line.dial_over(self.now, failed);
        self.line.run(self.now);
        self.until("it comes back", |_, did| did == Did::Asked);
    }
}
