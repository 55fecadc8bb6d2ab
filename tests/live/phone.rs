//! A scripted telephone: caller or agent, with every message under the test's control.
//!
//! **Invariant:** nothing is sent that the test did not ask for, except 200 to an OPTIONS ping.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::clock::{SOON, left, now};
use crate::digest;
use crate::line::Line;
use crate::media::{KEY_PAYLOAD, Media};
use crate::ports;
use crate::sound::Codec;
use crate::wire::{Message, parameter, sdp};

pub(crate) const BOTH: &[Codec] = &[Codec::Ulaw, Codec::Alaw];

pub(crate) struct Phone {
    pub name: String,
    pub media: Media,
    /// The laws this phone knows, the one it likes first.
    pub codecs: Vec<Codec>,
    /// Headers of every request, beside those a request must have.
    pub more: Vec<(&'static str, &'static str)>,
    pub line: Line,
    /// Where the sound is wanted, if it is not where `media` is.
    pub described: Option<SocketAddr>,
    /// Knows no telephone-events: its keys are tones.
    has_tone_keys: bool,
    host: IpAddr,
    port: u16,
    /// Where everything is sent: the server, or a proxy before it.
    pub server: SocketAddr,
    counter: u32,
    /// Read from the socket but not yet asked for.
    unread: VecDeque<Message>,
    /// Everything that came, for the message of a failing test.
    log: Vec<String>,
}

/// One call as this phone sees it.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    pub call_id: String,
    /// Our side and theirs, as they stand in From and To of our requests.
    pub local: String,
    pub remote: String,
    /// Where our requests go: their Contact.
    pub target: String,
    /// By way of these proxies, the nearest one first.
    pub routes: Vec<String>,
    pub sequence: u32,
    /// Of our INVITE.
    pub branch: String,
    sdp_version: u32,
}

impl Phone {
    pub(crate) fn new(name: &str, server: SocketAddr) -> Self {
        Self::on(Line::udp(), name, server)
    }

    pub(crate) fn on(line: Line, name: &str, server: SocketAddr) -> Self {
        let (host, port) = (line.local().ip(), line.local().port());
        Self {
            name: name.to_owned(),
            // The port after it is that of RTCP, and nobody's: a report is no other phone's sound.
            media: Media::at(*ports::row(2).start()),
            codecs: BOTH.to_vec(),
            more: Vec::new(),
            line,
            described: None,
            has_tone_keys: false,
            host,
            port,
            server,
            counter: 0,
            unread: VecDeque::new(),
            log: Vec::new(),
        }
    }

    /// Of another server from now on.
    pub(crate) fn turn_to(&mut self, server: SocketAddr) {
        self.server = server;
    }

    /// Knows no telephone-events from now on: its keys are tones in the sound.
    pub(crate) fn press_tones(&mut self) {
        self.has_tone_keys = true;
        self.media.press_tones();
    }

    /// Where it can be reached.
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    pub(crate) fn uri(&self) -> String {
        let transport = if self.line.transport() == "TCP" { ";transport=tcp" } else { "" };
        format!("sip:{}@{}:{}{transport}", self.name, self.host, self.port)
    }

    fn unique(&mut self, what: &str) -> String {
        self.counter += 1;
        format!("{what}{}x{}x{}", std::process::id(), self.port, self.counter)
    }

    // ---- calling ----

    /// A dialog to `to`, before its INVITE.
    pub(crate) fn dialog(&mut self, to: &str) -> Dialog {
        let target = format!("sip:{to}@{}", self.server);
        let tag = self.unique("t");
        Dialog {
            call_id: self.unique("call"),
            local: format!("<sip:{}@127.0.0.1>;tag={tag}", self.name),
            remote: format!("<{target}>"),
            target,
            routes: Vec::new(),
            sequence: 1,
            branch: format!("z9hG4bK{}", self.unique("b")),
            sdp_version: 1,
        }
    }

    /// Sends an INVITE and returns the dialog it may become.
    pub(crate) fn invite(&mut self, to: &str) -> Dialog {
        let dialog = self.dialog(to);
        self.send_invite(&dialog);
        dialog
    }

    /// Sends the INVITE of this dialog (again: as a retransmission would be).
    pub(crate) fn send_invite(&mut self, dialog: &Dialog) {
        let offer = sdp(self.media.port, dialog.sdp_version, &self.codecs, "sendrecv");
        let invite = self.request("INVITE", dialog, dialog.sequence, &dialog.branch, &offer);
        self.send(&invite);
    }

    /// Calls, waits for the answer, acknowledges it, and aims the sound.
    #[track_caller]
    pub(crate) fn call(&mut self, to: &str) -> Dialog {
        let mut dialog = self.invite(to);
        self.answered(&mut dialog);
        self.ack(&dialog);
        dialog
    }

    /// Calls as an agent does from the own phone, and waits for the answer.
    #[track_caller]
    pub(crate) fn call_with_password(&mut self, to: &str, password: &str) -> Dialog {
        let mut dialog = self.invite_with_password(to, password);
        self.answered(&mut dialog);
        self.ack(&dialog);
        dialog
    }

    /// Sends an INVITE as an agent does from the own phone: asked for a password, gives it.
    #[track_caller]
    pub(crate) fn invite_with_password(&mut self, to: &str, password: &str) -> Dialog {
        let mut dialog = self.invite(to);
        let challenge = self.final_of("INVITE", &dialog);
        assert_eq!(challenge.status(), Some(401), "{challenge}");
        self.ack_failure(&dialog, &challenge);
        dialog.sequence += 1;
        dialog.branch = format!("z9hG4bK{}", self.unique("b"));
        let offer = sdp(self.media.port, 1, &self.codecs, "sendrecv");
        let mut invite = self.request("INVITE", &dialog, dialog.sequence, &dialog.branch, &offer);
        let asked = challenge.header("WWW-Authenticate");
        let answer = digest::answer(asked, &self.name, password, "INVITE", &dialog.target);
        invite.headers.push(("Authorization".to_owned(), answer));
        self.send(&invite);
        dialog
    }

    /// Waits for the 200 to the INVITE of this dialog.
    #[track_caller]
    pub(crate) fn answered(&mut self, dialog: &mut Dialog) -> Message {
        let answer = self.final_of("INVITE", dialog);
        assert_eq!(answer.status(), Some(200), "{answer}");
        answer.header("To").clone_into(&mut dialog.remote);
        answer.contact().clone_into(&mut dialog.target);
        dialog.routes = answer.routes().map(str::to_owned).collect();
        dialog.routes.reverse();
        let (target, codec) = answer.sdp();
        self.media.aim(target, codec);
        answer
    }

    pub(crate) fn ack(&mut self, dialog: &Dialog) {
        let branch = format!("z9hG4bK{}", self.unique("b"));
        let ack = self.request("ACK", dialog, dialog.sequence, &branch, "");
        self.send(&ack);
    }

    /// Acknowledges a failure: same branch and target as the INVITE, their tag in To.
    pub(crate) fn ack_failure(&mut self, dialog: &Dialog, response: &Message) {
        let mut dialog = dialog.clone();
        response.header("To").clone_into(&mut dialog.remote);
        let ack = self.request("ACK", &dialog, dialog.sequence, &dialog.branch, "");
        self.send(&ack);
    }

    pub(crate) fn cancel(&mut self, dialog: &Dialog) {
        let cancel = self.request("CANCEL", dialog, dialog.sequence, &dialog.branch, "");
        self.send(&cancel);
    }

    /// Hangs up and waits for the 200.
    #[track_caller]
    pub(crate) fn bye(&mut self, dialog: &mut Dialog) {
        let status = self.in_dialog("BYE", dialog, "");
        assert_eq!(status.status(), Some(200), "{status}");
    }

    /// Re-INVITE with this direction; returns the answer, acknowledged.
    #[track_caller]
    pub(crate) fn reinvite(&mut self, dialog: &mut Dialog, direction: &str) -> Message {
        dialog.sdp_version += 1;
        let offer = sdp(self.media.port, dialog.sdp_version, &self.codecs, direction);
        let answer = self.in_dialog("INVITE", dialog, &offer);
        assert_eq!(answer.status(), Some(200), "{answer}");
        self.ack(dialog);
        answer
    }

    /// A request within the dialog; waits for its final response.
    #[track_caller]
    pub(crate) fn in_dialog(&mut self, method: &str, dialog: &mut Dialog, body: &str) -> Message {
        dialog.sequence += 1;
        let branch = format!("z9hG4bK{}", self.unique("b"));
        let request = self.request(method, dialog, dialog.sequence, &branch, body);
        self.send(&request);
        self.final_of(method, dialog)
    }

    /// Presses a key by INFO.
    #[track_caller]
    pub(crate) fn press_by_info(&mut self, dialog: &mut Dialog, key: char) {
        let answer = self.in_dialog("INFO", dialog, &format!("Signal={key}\r\nDuration=100\r\n"));
        assert_eq!(answer.status(), Some(200), "{answer}");
    }

    pub(crate) fn request(
        &self,
        method: &str,
        dialog: &Dialog,
        seq: u32,
        branch: &str,
        sdp: &str,
    ) -> Message {
        let Dialog { call_id, local, remote, target, routes, .. } = dialog;
        let (host, port, transport) = (self.host, self.port, self.line.transport());
        let mut headers = vec![
            ("Via", format!("SIP/2.0/{transport} {host}:{port};branch={branch};rport")),
            ("Max-Forwards", "70".to_owned()),
            ("From", local.clone()),
            ("To", remote.clone()),
            ("Call-ID", call_id.clone()),
            ("CSeq", format!("{seq} {method}")),
            ("Contact", format!("<{}>", self.uri())),
        ];
        headers.extend(routes.iter().map(|route| ("Route", route.clone())));
        headers.extend(self.more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let kind = if sdp.starts_with("v=") { "application/sdp" } else { "application/dtmf-relay" };
        if !sdp.is_empty() {
            headers.push(("Content-Type", kind.to_owned()));
        }
        message(format!("{method} {target} SIP/2.0"), headers, &self.as_described(sdp))
    }

    // ---- registering ----

    /// Registers for 300 s and returns the final status.
    pub(crate) fn register(&mut self, password: &str) -> u16 {
        self.register_for(password, 300)
    }

    pub(crate) fn register_for(&mut self, password: &str, expires_s: u32) -> u16 {
        let registrar = format!("sip:{}", self.server);
        let mut dialog = self.dialog(&self.name.clone());
        dialog.target.clone_from(&registrar);
        dialog.local = format!("<sip:{}@{}>;tag=r{}", self.name, self.server, dialog.call_id);
        dialog.remote = format!("<sip:{}@{}>", self.name, self.server);
        let mut authorization = None;
        for sequence in 1..=2 {
            let branch = format!("z9hG4bK{}", self.unique("b"));
            let mut register = self.request("REGISTER", &dialog, sequence, &branch, "");
            register.headers.push(("Expires".to_owned(), expires_s.to_string()));
            if let Some(value) = authorization.take() {
                register.headers.push(("Authorization".to_owned(), value));
            }
            self.send(&register);
            let response = self.expect_final("REGISTER");
            let status = response.status().expect("a response");
            if status != 401 || sequence == 2 {
                return status;
            }
            let challenge = response.header("WWW-Authenticate");
            let answer = digest::answer(challenge, &self.name, password, "REGISTER", &registrar);
            authorization = Some(answer);
        }
        unreachable!("the second answer was returned")
    }

    // ---- being called ----

    /// Waits for an INVITE and says it rings.
    #[track_caller]
    pub(crate) fn ring(&mut self) -> Message {
        let invite = self.expect_request("INVITE");
        self.reply(&invite, "180 Ringing");
        invite
    }

    /// Answers an INVITE with 200 and waits for the ACK.
    #[track_caller]
    pub(crate) fn answer(&mut self, invite: &Message) -> Dialog {
        let dialog = self.answer_without_ack(invite);
        self.expect_request("ACK");
        dialog
    }

    pub(crate) fn answer_without_ack(&mut self, invite: &Message) -> Dialog {
        let (target, codec) = invite.sdp();
        let mut codecs = self.codecs.clone();
        codecs.retain(|known| *known == codec || self.codecs.len() == 1);
        self.media.aim(target, codecs[0]);
        let mut response = self.response(invite, "200 OK");
        response.headers.push(("Content-Type".to_owned(), "application/sdp".to_owned()));
        response.body = self.as_described(&sdp(self.media.port, 1, &codecs, "sendrecv"));
        let local = response.header("To").to_owned();
        self.send(&response);
        Dialog {
            call_id: invite.header("Call-ID").to_owned(),
            local,
            remote: invite.header("From").to_owned(),
            target: invite.contact().to_owned(),
            routes: invite.routes().map(str::to_owned).collect(),
            sequence: 100,
            branch: String::new(),
            sdp_version: 1,
        }
    }

    /// A response without a body.
    pub(crate) fn reply(&mut self, request: &Message, status: &str) {
        self.reply_with(request, status, &[]);
    }

    pub(crate) fn reply_with(&mut self, request: &Message, status: &str, more: &[(&str, &str)]) {
        let mut response = self.response(request, status);
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        response.headers.extend(more);
        self.send(&response);
    }

    fn response(&self, request: &Message, status: &str) -> Message {
        let copied = ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"];
        let mut headers: Vec<(String, String)> = request
            .headers
            .iter()
            .filter(|(name, _)| copied.iter().any(|copy| name.eq_ignore_ascii_case(copy)))
            .cloned()
            .collect();
        for (name, value) in &mut headers {
            if name.eq_ignore_ascii_case("To") && parameter(value, "tag").is_none() {
                value.push_str(&format!(";tag=a{}", self.port));
            }
        }
        headers.push(("Contact".to_owned(), format!("<{}>", self.uri())));
        Message { start: format!("SIP/2.0 {status}"), headers, body: String::new() }
    }

    /// A description of ours, with another address in it where the sound is wanted elsewhere, and
    /// without telephone-events where keys are tones.
    fn as_described(&self, sdp: &str) -> String {
        let mut sdp = sdp.to_owned();
        if self.has_tone_keys {
            let lines = sdp.split_inclusive("\r\n").filter(|line| !line.contains(":101 "));
            sdp = lines.collect::<String>().replacen(&format!(" {KEY_PAYLOAD}\r\n"), "\r\n", 1);
        }
        let Some(described) = self.described else { return sdp };
        let audio = format!("m=audio {} ", self.media.port);
        sdp.replace("c=IN IP4 127.0.0.1", &format!("c=IN IP4 {}", described.ip()))
            .replace(&audio, &format!("m=audio {} ", described.port()))
    }

    /// Waits for a BYE and confirms it.
    #[track_caller]
    pub(crate) fn expect_bye(&mut self) {
        let bye = self.expect_request("BYE");
        self.reply(&bye, "200 OK");
    }

    // ---- the wire ----

    pub(crate) fn send(&mut self, message: &Message) {
        self.send_bytes(message.to_string().as_bytes());
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.log.push(format!("> {}", String::from_utf8_lossy(bytes).lines().next().unwrap_or("")));
        self.line.send(bytes, self.server);
    }

    /// A request of a kind these tests have no method for, from nowhere in particular.
    pub(crate) fn send_request(&mut self, method: &str, to: &str) {
        let mut dialog = self.dialog(to);
        dialog.target = format!("sip:{to}@{}", self.server);
        let request = self.request(method, &dialog, 1, &dialog.branch, "");
        self.send(&request);
    }

    /// The next message that satisfies `wanted`; others are kept for later.
    pub(crate) fn receive(
        &mut self,
        within: Duration,
        wanted: impl Fn(&Message) -> bool,
    ) -> Option<Message> {
        if let Some(at) = self.unread.iter().position(&wanted) {
            return self.unread.remove(at);
        }
        let deadline = now() + within;
        while let Some(left) = left(deadline) {
            let Some(bytes) = self.line.receive(left) else { continue };
            let Some(message) = Message::parse(&bytes) else { continue };
            if message.is_request("OPTIONS") {
                self.reply(&message, "200 OK");
                continue;
            }
            self.log.push(format!("< {} ({})", message.start, message.method()));
            if wanted(&message) {
                return Some(message);
            }
            self.unread.push_back(message);
        }
        None
    }

    #[track_caller]
    pub(crate) fn expect_request(&mut self, method: &str) -> Message {
        let found = self.receive(SOON, |message| message.is_request(method));
        found.unwrap_or_else(|| panic!("{}: no {method}; the wire:\n{}", self.name, self.wire()))
    }

    #[track_caller]
    pub(crate) fn expect_final(&mut self, method: &str) -> Message {
        let found = self.receive(SOON, |message| {
            message.status().is_some_and(|status| status >= 200) && message.method() == method
        });
        found.unwrap_or_else(|| {
            panic!("{}: no answer to {method}; the wire:\n{}", self.name, self.wire())
        })
    }

    /// The final response to this dialog's latest request of this method.
    #[track_caller]
    pub(crate) fn final_of(&mut self, method: &str, dialog: &Dialog) -> Message {
        let found = self.receive(SOON, |message| {
            message.status().is_some_and(|status| status >= 200)
                && message.method() == method
                && message.find("Call-ID") == Some(&dialog.call_id)
                && message.sequence() == dialog.sequence
        });
        found.unwrap_or_else(|| {
            panic!("{}: no answer to {method}; the wire:\n{}", self.name, self.wire())
        })
    }

    /// Forgets what came and was not asked for, such as a request that was sent twice.
    pub(crate) fn forget(&mut self) {
        self.unread.clear();
    }

    /// Reads for this long and asserts that no such message comes.
    #[track_caller]
    pub(crate) fn expect_none(&mut self, time: Duration, wanted: impl Fn(&Message) -> bool) {
        if let Some(message) = self.receive(time, wanted) {
            panic!("{}: unexpected:\n{message}\nthe wire:\n{}", self.name, self.wire());
        }
    }

    /// Everything that was sent and came, a line each.
    pub(crate) fn wire(&self) -> String {
        self.log.join("\n")
    }
}

fn message(start: String, headers: Vec<(&str, String)>, body: &str) -> Message {
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Message { start, headers, body: body.to_owned() }
}
