//! What comes to a telephone: requests, which it answers, and answers to its own.
//!
//! **Invariant:** a request that is repeated gets the answer of before, and a final answer to an
//! INVITE that is repeated its ACK.

use attendant::time::Timestamp;

use super::{ANSWERED_WITHIN, CallNo, News, Phone, PhoneState, Sent};
use crate::telephones::message::{Message, parameter};

impl Phone {
    /// # Panics
    ///
    /// If it is nothing that a telephone could read.
    pub(in crate::telephones) fn receive(&mut self, now: Timestamp, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let message = Message::parse(bytes).unwrap_or_else(|| panic!("unreadable:\n{text}"));
        match message.status() {
            Some(status) => self.answered(now, status, &message),
            None if message.method() == "ACK" => self.acknowledged(now, &message),
            None => self.asked(now, &message),
        }
    }

    fn asked(&mut self, now: Timestamp, request: &Message) {
        let key = (request.branch().to_owned(), request.method().to_owned());
        if let Some(answer) = self.answers.get(&key) {
            return self.outbox.push_back(answer.clone());
        }
        let is_within = parameter(request.header("To"), "tag").is_some();
        let no = self.call_of(request);
        let up = no.filter(|no| self.calls[no].state == PhoneState::Up);
        match (request.method(), no, up) {
            ("INVITE", _, _) if !is_within => self.called(request),
            ("INVITE", _, Some(no)) => self.reinvited(now, no, request),
            ("CANCEL", Some(no), _) => self.cancelled(now, no, request),
            ("BYE", Some(no), Some(_)) => {
                self.calls.get_mut(&no).expect("it is up").state = PhoneState::Over;
                self.reply(request, "200 OK");
                self.over(no, None);
            }
            ("UPDATE", Some(_), Some(no)) => {
                let call = &self.calls[&no];
                let mut answer =
                    Message::response(request, "200 OK", "").with("Contact", self.contact());
                if request.sound().is_some() {
                    answer = answer.with_body("application/sdp", call.description());
                }
                self.answer_with(request, &answer);
            }
            ("OPTIONS", _, _) => self.reply(request, "200 OK"),
            ("INVITE" | "BYE" | "CANCEL" | "UPDATE", _, _) => {
                self.reply(request, "481 Call/Transaction Does Not Exist");
            }
            (other, _, _) => self.faults.push(format!("a telephone is sent {other}")),
        }
    }

    fn called(&mut self, invite: &Message) {
        let Some(theirs) = invite.sound() else {
            return self.faults.push(format!("nothing is offered:\n{invite}"));
        };
        let no = self.next();
        let mut call = self.new_call(PhoneState::Rings, invite.clone());
        invite.header("From").clone_into(&mut call.remote);
        invite.contact().clone_into(&mut call.target);
        call.theirs = Some(theirs);
        call.sequence = 100;
        self.calls.insert(no, call);
        self.answer_with(invite, &Message::response(invite, "100 Trying", ""));
        self.news.push_back(News::Rings(no));
    }

    fn reinvited(&mut self, now: Timestamp, no: CallNo, request: &Message) {
        let call = self.calls.get_mut(&no).expect("it is up");
        if call.asks.is_some() || call.is_unacknowledged {
            let answer = Message::response(request, "491 Request Pending", "");
            return self.answer_again_and_again(now, no, request, &answer);
        }
        call.theirs = request.sound().or(call.theirs);
        call.is_unacknowledged = true;
        let answer = Message::response(request, "200 OK", "")
            .with_body("application/sdp", call.description())
            .with("Contact", self.contact());
        self.answer_again_and_again(now, no, request, &answer);
    }

    fn cancelled(&mut self, now: Timestamp, no: CallNo, request: &Message) {
        self.reply(request, "200 OK");
        let call = self.calls.get_mut(&no).expect("it was found");
        if call.state == PhoneState::Rings {
            call.state = PhoneState::Over;
            let invite = call.invite.clone();
            let answer = Message::response(&invite, "487 Request Terminated", &format!("t{no}"));
            self.answer_again_and_again(now, no, &invite, &answer);
            self.over(no, Some(487));
        }
    }

    fn acknowledged(&mut self, now: Timestamp, ack: &Message) {
        // A 2xx is acknowledged in a transaction of its own, so what counts is call and CSeq.
        let (call_id, sequence) = (ack.header("Call-ID").to_owned(), ack.sequence());
        let is_meant = |sent: &Sent| {
            let answer = Message::parse(sent.text.as_bytes()).expect("we wrote it");
            answer.status().is_some()
                && (answer.header("Call-ID"), answer.sequence()) == (&call_id, sequence)
        };
        let found = self.sent.iter().find(|(_, sent)| is_meant(sent));
        let Some((key, call)) = found.map(|(key, sent)| (key.clone(), sent.call)) else { return };
        self.sent.remove(&key);
        let no = call;
        let Some(call) = self.calls.get_mut(&no) else { return };
        let is_first = sequence == call.invite.sequence();
        if !std::mem::take(&mut call.is_unacknowledged) || call.state != PhoneState::Up {
            return;
        }
        if is_first {
            self.news.push_back(News::Up(no));
        }
        if self.calls[&no].leaves {
            self.hang_up(now, no);
        }
    }

    fn answered(&mut self, now: Timestamp, status: u16, response: &Message) {
        let method = response.method().to_owned();
        let key = (response.branch().to_owned(), method.clone());
        let invite = (response.header("Call-ID").to_owned(), response.sequence());
        let Some(sent) = self.sent.get_mut(&key) else {
            if status >= 200
                && method == "INVITE"
                && let Some(ack) = self.acks.get(&invite)
            {
                self.outbox.push_back(ack.clone());
            }
            return;
        };
        let no = sent.call;
        if status < 200 {
            if method == "INVITE" {
                sent.next = now + ANSWERED_WITHIN;
                sent.until = now + ANSWERED_WITHIN;
                self.heard(now, no);
            }
            return;
        }
        self.sent.remove(&key);
        if method != "INVITE" {
            return;
        }
        let call = &self.calls[&no];
        let is_first = matches!(call.state, PhoneState::Calling { .. });
        let ack = self.ack(no, status, response, &key.0);
        self.acks.insert(invite, ack.clone());
        self.outbox.push_back(ack);
        match (is_first, status) {
            (true, 200..300) => self.connected(now, no),
            (true, _) => {
                self.calls.get_mut(&no).expect("it is there").state = PhoneState::Over;
                self.over(no, Some(status));
            }
            (false, _) => self.hold_answered(now, no, status),
        }
    }

    fn heard(&mut self, now: Timestamp, no: CallNo) {
        let call = self.calls.get_mut(&no).expect("it is there");
        if let PhoneState::Calling { is_heard, is_withdrawn } = &mut call.state {
            let is_due = !std::mem::replace(is_heard, true) && *is_withdrawn;
            if is_due {
                self.cancel(now, no);
            }
        }
    }

    fn connected(&mut self, now: Timestamp, no: CallNo) {
        let call = self.calls.get_mut(&no).expect("it is there");
        let is_withdrawn = matches!(call.state, PhoneState::Calling { is_withdrawn: true, .. });
        call.state = PhoneState::Up;
        self.news.push_back(News::Up(no));
        if is_withdrawn {
            self.hang_up(now, no);
        }
    }

    fn hold_answered(&mut self, now: Timestamp, no: CallNo, status: u16) {
        let call = self.calls.get_mut(&no).expect("it is there");
        let Some(on) = call.asks.take() else { return };
        match status {
            200..300 => call.holds = on,
            // The dialog is gone at the other end (RFC 3261 §12.2.1.2).
            408 | 481 => self.hang_up(now, no),
            _ => self.news.push_back(News::NotHeld(no)),
        }
    }

    /// What acknowledges a final answer, and takes up what it says of the call.
    fn ack(&mut self, no: CallNo, status: u16, response: &Message, branch: &str) -> String {
        let is_success = (200..300).contains(&status);
        let call = self.calls.get_mut(&no).expect("it is there");
        if is_success {
            response.header("To").clone_into(&mut call.remote);
            response.contact().clone_into(&mut call.target);
            call.theirs = response.sound().or(call.theirs);
        }
        let offered = call.invite.body.is_empty() && call.sequence == 1;
        let body = (is_success && offered).then(|| call.description());
        let sequence = response.sequence();
        let to = response.header("To").to_owned();
        let branch = if is_success { self.branch() } else { branch.to_owned() };
        let call = &self.calls[&no];
        let ack = Message {
            start: format!("ACK {} SIP/2.0", call.target),
            headers: vec![],
            body: String::new(),
        }
        .with("Via", format!("SIP/2.0/UDP {};branch={branch};rport", self.at))
        .with("Max-Forwards", "70")
        .with("From", call.local.clone())
        .with("To", to)
        .with("Call-ID", call.call_id.clone())
        .with("CSeq", format!("{sequence} ACK"));
        match body {
            Some(body) => ack.with_body("application/sdp", body).to_string(),
            None => ack.to_string(),
        }
    }
}
