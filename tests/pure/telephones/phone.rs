//! A telephone that speaks SIP: transactions, dialogs and retransmissions as RFC 3261 has them.
//!
//! ```text
//!   people ──► dial, ring, answer, hold, hang up ──► Phone ──► datagrams
//!   people ◄── News ◄─────────────────────────────── Phone ◄── datagrams
//! ```
//!
//! **Invariant:** each request is sent again until it is answered, each 2xx until it is
//! acknowledged; what is never answered or acknowledged is a fault of the server's
//! ([`Phone::faults`]), because the network does not lose a message for ever.
//!
//! **Deliberately absent:** what the person at it wants: `people`.

mod incoming;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use attendant::time::Timestamp;

use super::SERVER;
use super::message::{Message, sdp};

/// T1, T2 and 64·T1 of RFC 3261 §17.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
const GIVE_UP: Duration = Duration::from_secs(32);
/// An INVITE that was heard of is answered within this: the server's own limit is 180 s.
const ANSWERED_WITHIN: Duration = Duration::from_secs(200);

/// A call at one telephone, by its number there.
pub(super) type CallNo = u32;

#[derive(Debug)]
pub(super) struct Phone {
    pub(super) at: SocketAddr,
    pub(super) user: String,
    /// Without power: hears nothing and says nothing.
    pub(super) is_dead: bool,
    pub(super) calls: BTreeMap<CallNo, PhoneCall>,
    /// What is sent again until it is answered, by branch and method.
    sent: BTreeMap<(String, String), Sent>,
    /// The last answer to each request, for when it is repeated.
    answers: BTreeMap<(String, String), String>,
    /// The ACK to each final answer to an INVITE, by Call-ID and CSeq.
    acks: BTreeMap<(String, u32), String>,
    counter: u32,
    pub(super) outbox: VecDeque<String>,
    pub(super) news: VecDeque<News>,
    /// What the server should have done and did not.
    pub(super) faults: Vec<String>,
}

/// What a person hears and sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Rings(CallNo),
    /// Both ends are connected.
    Up(CallNo),
    /// It is over, or nothing came of it; with the status where the server refused it.
    Over(CallNo, Option<u16>),
    /// The other end refused hold or resume.
    NotHeld(CallNo),
}

#[derive(Clone, Debug)]
pub(super) struct PhoneCall {
    pub(super) state: PhoneState,
    pub(super) sound: SocketAddr,
    /// Where the server wants the sound.
    pub(super) theirs: Option<SocketAddr>,
    /// The person put the other end on hold.
    pub(super) holds: bool,
    call_id: String,
    local: String,
    remote: String,
    target: String,
    sequence: u32,
    /// The INVITE: theirs to be answered, or ours to be withdrawn.
    invite: Message,
    /// A re-INVITE of ours is on its way, and what it is for.
    asks: Option<bool>,
    /// A 2xx of ours is not acknowledged yet.
    is_unacknowledged: bool,
    /// The person hung up, and waits for that.
    leaves: bool,
    version: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PhoneState {
    /// We call, and whether the server was heard of.
    Calling {
        is_heard: bool,
        is_withdrawn: bool,
    },
    Rings,
    Up,
    Over,
}

/// What is sent again.
#[derive(Clone, Debug)]
struct Sent {
    call: CallNo,
    text: String,
    next: Timestamp,
    interval: Duration,
    /// From T2 on the interval stays.
    is_capped: bool,
    until: Timestamp,
}

impl Phone {
    pub(super) fn new(at: SocketAddr, user: &str) -> Self {
        Self {
            at,
            user: user.to_owned(),
            is_dead: false,
            calls: BTreeMap::new(),
            sent: BTreeMap::new(),
            answers: BTreeMap::new(),
            acks: BTreeMap::new(),
            counter: 0,
            outbox: VecDeque::new(),
            news: VecDeque::new(),
            faults: Vec::new(),
        }
    }

    /// The power is cut: whatever it knew is lost.
    pub(super) fn dies(&mut self) {
        let (at, user, counter) = (self.at, std::mem::take(&mut self.user), self.counter);
        let faults = std::mem::take(&mut self.faults);
        *self = Self { is_dead: true, counter, faults, ..Self::new(at, &user) };
    }

    fn next(&mut self) -> u32 {
        self.counter += 1;
        self.counter
    }

    fn branch(&mut self) -> String {
        format!("z9hG4bKp{}x{}", self.at.ip(), self.next())
    }

    fn new_call(&mut self, state: PhoneState, invite: Message) -> PhoneCall {
        let n = self.next() as u16;
        PhoneCall {
            state,
            sound: (self.at.ip(), 20_000 + 2 * n).into(),
            theirs: None,
            holds: false,
            call_id: invite.header("Call-ID").to_owned(),
            local: String::new(),
            remote: String::new(),
            target: String::new(),
            sequence: 1,
            invite,
            asks: None,
            is_unacknowledged: false,
            leaves: false,
            version: 1,
        }
    }

    // ---- what the person does ----

    /// Calls a number; without `offers` the server's answer is the offer.
    pub(super) fn dial(&mut self, now: Timestamp, to: &str, offers: bool) -> CallNo {
        let (no, target) = (self.next(), format!("sip:{to}@{SERVER}"));
        let via = self.via();
        let from = format!("<sip:{}@{}>;tag=f{no}", self.user, self.at);
        let invite = Message {
            start: format!("INVITE {target} SIP/2.0"),
            headers: vec![],
            body: String::new(),
        }
        .with("Via", via)
        .with("Max-Forwards", "70")
        .with("From", from.clone())
        .with("To", format!("<{target}>"))
        .with("Call-ID", format!("c{no}@{}", self.at))
        .with("CSeq", "1 INVITE")
        .with("Contact", self.contact())
        .with("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE");
        let state = PhoneState::Calling { is_heard: false, is_withdrawn: false };
        let mut call = self.new_call(state, invite);
        if offers {
            call.invite = call.invite.with_body("application/sdp", sdp(call.sound, 1, "sendrecv"));
        }
        (call.local, call.remote, call.target) = (from, format!("<{target}>"), target);
        let invite = call.invite.clone();
        self.calls.insert(no, call);
        self.send(now, no, &invite, false);
        no
    }

    pub(super) fn ring(&mut self, no: CallNo) {
        self.reply_to_invite(no, "180 Ringing");
    }

    pub(super) fn answer(&mut self, now: Timestamp, no: CallNo) {
        let Some(call) = self.calls.get_mut(&no).filter(|it| it.state == PhoneState::Rings) else {
            return;
        };
        call.state = PhoneState::Up;
        call.is_unacknowledged = true;
        let answer = Message::response(&call.invite, "200 OK", &format!("t{no}"))
            .with("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE")
            .with("Contact", format!("<sip:{}@{}>", self.user, self.at))
            .with_body("application/sdp", sdp(call.sound, 1, "sendrecv"));
        answer.header("To").clone_into(&mut call.local);
        let request = call.invite.clone();
        self.answer_again_and_again(now, no, &request, &answer);
    }

    /// Refuses a call that rings.
    pub(super) fn refuse(&mut self, now: Timestamp, no: CallNo, status: &str) {
        let Some(call) = self.calls.get_mut(&no).filter(|it| it.state == PhoneState::Rings) else {
            return;
        };
        call.state = PhoneState::Over;
        let request = call.invite.clone();
        let answer = Message::response(&request, status, &format!("t{no}"));
        self.answer_again_and_again(now, no, &request, &answer);
        self.news.push_back(News::Over(no, None));
    }

    /// Ends a call, however far it has come.
    pub(super) fn hang_up(&mut self, now: Timestamp, no: CallNo) {
        let Some(call) = self.calls.get_mut(&no) else { return };
        match &mut call.state {
            PhoneState::Calling { is_heard, is_withdrawn } => {
                let is_due = !std::mem::replace(is_withdrawn, true) && *is_heard;
                if is_due {
                    self.cancel(now, no);
                }
            }
            PhoneState::Rings => self.refuse(now, no, "486 Busy Here"),
            // No BYE before the ACK (RFC 3261 §15).
            PhoneState::Up if call.is_unacknowledged => call.leaves = true,
            PhoneState::Up => {
                call.state = PhoneState::Over;
                let bye = self.request(no, "BYE");
                self.send(now, no, &bye, true);
                self.over(no, None);
            }
            PhoneState::Over => {}
        }
    }

    /// Puts the other end on hold, or takes it off.
    pub(super) fn hold(&mut self, now: Timestamp, no: CallNo, on: bool) {
        let is_free = |call: &&mut PhoneCall| {
            call.state == PhoneState::Up && call.asks.is_none() && !call.is_unacknowledged
        };
        let Some(call) = self.calls.get_mut(&no).filter(is_free) else { return };
        call.asks = Some(on);
        call.version += 1;
        let sdp = sdp(call.sound, call.version, if on { "sendonly" } else { "sendrecv" });
        let invite = self.request(no, "INVITE").with_body("application/sdp", sdp);
        self.send(now, no, &invite, false);
    }

    /// Presses a key that travels in the signaling; one at a time. Whether it did.
    pub(super) fn press_by_info(&mut self, now: Timestamp, no: CallNo, key: char) -> bool {
        let is_up = |call: &&PhoneCall| call.state == PhoneState::Up && !call.is_unacknowledged;
        if self.calls.get(&no).filter(is_up).is_none() || self.is_asking(no, "INFO") {
            return false;
        }
        let body = format!("Signal={key}\r\nDuration=100\r\n");
        let info = self.request(no, "INFO").with_body("application/dtmf-relay", body);
        self.send(now, no, &info, true);
        true
    }

    /// Asks for what the server does not do, as telephones with a transfer key do.
    pub(super) fn refer(&mut self, now: Timestamp, no: CallNo) {
        if self.calls.get(&no).is_some_and(|call| call.state == PhoneState::Up) {
            let refer = self.request(no, "REFER").with("Refer-To", format!("<sip:900@{SERVER}>"));
            self.send(now, no, &refer, true);
        }
    }

    fn is_asking(&self, no: CallNo, method: &str) -> bool {
        self.sent.iter().any(|((_, it), sent)| it == method && sent.call == no)
    }

    fn cancel(&mut self, now: Timestamp, no: CallNo) {
        let invite = &self.calls[&no].invite;
        let copied = ["Via", "Max-Forwards", "From", "To", "Call-ID"];
        let headers = invite.headers.iter().filter(|(name, _)| copied.contains(&name.as_str()));
        let cancel = Message {
            start: invite.start.replacen("INVITE", "CANCEL", 1),
            headers: headers.cloned().collect(),
            body: String::new(),
        };
        let sequence = invite.sequence();
        self.send(now, no, &cancel.with("CSeq", format!("{sequence} CANCEL")), true);
    }

    // ---- how it is sent ----

    fn via(&mut self) -> String {
        let branch = self.branch();
        format!("SIP/2.0/UDP {};branch={branch};rport", self.at)
    }

    fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.user, self.at)
    }

    /// A request within a call.
    fn request(&mut self, no: CallNo, method: &str) -> Message {
        let (via, contact) = (self.via(), self.contact());
        let call = self.calls.get_mut(&no).expect("it is there");
        call.sequence += 1;
        let start = format!("{method} {} SIP/2.0", call.target);
        Message { start, headers: vec![], body: String::new() }
            .with("Via", via)
            .with("Max-Forwards", "70")
            .with("From", call.local.clone())
            .with("To", call.remote.clone())
            .with("Call-ID", call.call_id.clone())
            .with("CSeq", format!("{} {method}", call.sequence))
            .with("Contact", contact)
    }

    fn send(&mut self, now: Timestamp, call: CallNo, request: &Message, is_capped: bool) {
        let key = (request.branch().to_owned(), request.method().to_owned());
        self.repeat(now, call, key, request.to_string(), is_capped);
    }

    fn repeat(
        &mut self,
        now: Timestamp,
        call: CallNo,
        key: (String, String),
        text: String,
        is_capped: bool,
    ) {
        self.outbox.push_back(text.clone());
        let (next, until) = (now + T1, now + GIVE_UP);
        self.sent.insert(key, Sent { call, text, next, interval: T1, is_capped, until });
    }

    fn reply(&mut self, request: &Message, status: &str) {
        let tag = format!("t{}", self.counter);
        self.answer_with(request, &Message::response(request, status, &tag));
    }

    fn reply_to_invite(&mut self, no: CallNo, status: &str) {
        let Some(call) = self.calls.get(&no).filter(|it| it.state == PhoneState::Rings) else {
            return;
        };
        let answer = Message::response(&call.invite, status, &format!("t{no}"))
            .with("Contact", self.contact());
        let request = call.invite.clone();
        self.answer_with(&request, &answer);
    }

    fn answer_with(&mut self, request: &Message, answer: &Message) {
        let key = (request.branch().to_owned(), request.method().to_owned());
        self.answers.insert(key, answer.to_string());
        self.outbox.push_back(answer.to_string());
    }

    /// A final answer to an INVITE, until it is acknowledged.
    fn answer_again_and_again(
        &mut self,
        now: Timestamp,
        no: CallNo,
        request: &Message,
        answer: &Message,
    ) {
        let key = (request.branch().to_owned(), request.method().to_owned());
        self.answers.insert(key, answer.to_string());
        let key = (request.branch().to_owned(), "answer".to_owned());
        self.repeat(now, no, key, answer.to_string(), true);
    }

    fn call_of(&self, message: &Message) -> Option<CallNo> {
        let call_id = message.header("Call-ID");
        self.calls.iter().find(|(_, call)| call.call_id == call_id).map(|(no, _)| *no)
    }

    /// What was asked in the call is still answered.
    fn over(&mut self, no: CallNo, status: Option<u16>) {
        self.news.push_back(News::Over(no, status));
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        self.sent.values().map(|sent| sent.next.min(sent.until)).min()
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp) {
        let due = self.sent.iter().filter(|(_, sent)| sent.next.min(sent.until) <= now);
        for key in due.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            let Some(sent) = self.sent.get_mut(&key) else { continue };
            if sent.until <= now {
                let line = sent.text.lines().next().unwrap_or_default();
                self.faults.push(format!("{}: nothing came of {line:?} ({key:?})", self.user));
                self.sent.remove(&key);
                continue;
            }
            self.outbox.push_back(sent.text.clone());
            sent.interval *= 2;
            if sent.is_capped {
                sent.interval = sent.interval.min(T2);
            }
            sent.next = now + sent.interval;
        }
    }

    /// Whether it is in no call, and waits for nothing.
    pub(super) fn is_at_rest(&self) -> bool {
        self.sent.is_empty() && self.calls.values().all(|call| call.state == PhoneState::Over)
    }

    /// From where it sends sound.
    pub(super) fn sounds(&self) -> impl Iterator<Item = SocketAddr> {
        let is_heard = |call: &&PhoneCall| call.state == PhoneState::Up;
        let calls = self.calls.values().filter(|_| !self.is_dead);
        calls.filter(is_heard).map(|call| call.sound)
    }
}

impl PhoneCall {
    /// Nothing was said to the server's INVITE that would end it.
    pub(super) fn is_ringing(&self) -> bool {
        self.state == PhoneState::Rings
    }

    /// Our side as it stands.
    fn description(&self) -> String {
        sdp(self.sound, self.version, if self.holds { "sendonly" } else { "sendrecv" })
    }
}
