//! What a telephone on rsipstack 0.7.14 must mend to register with SHA-256.
//!
//! RFC 7616 §3.3 (as RFC 8760 §2.1 for SIP) spells the algorithm `SHA-256`. rsipstack knows
//! `SHA256` only (`sip::headers::auth::Algorithm`), so it neither reads the challenge nor would be
//! understood. Nothing but the spelling is changed: what is computed is rsipstack's. It also puts
//! `qop` in quotes, which RFC 7616 §3.4 forbids; that is sent as it is, for servers bear it.

use rsipstack::sip::{Header, SipMessage};
use rsipstack::transaction::endpoint::MessageInspector;
use rsipstack::transport::SipAddr;

const RIGHT: &str = "algorithm=SHA-256";
const THEIRS: &str = "algorithm=SHA256";

pub(crate) struct Spelling;

impl MessageInspector for Spelling {
    fn before_send(&self, message: SipMessage, _to: Option<&SipAddr>) -> SipMessage {
        respell(message, THEIRS, RIGHT)
    }

    fn after_received(&self, message: SipMessage, _from: Option<&SipAddr>) -> SipMessage {
        respell(message, RIGHT, THEIRS)
    }
}

fn respell(mut message: SipMessage, from: &str, to: &str) -> SipMessage {
    let headers = match &mut message {
        SipMessage::Request(request) => &mut request.headers,
        SipMessage::Response(response) => &mut response.headers,
    };
    for header in headers.iter_mut() {
        match header {
            Header::Authorization(value) => value.replace(value.value().replace(from, to)),
            Header::WwwAuthenticate(value) => value.replace(value.value().replace(from, to)),
            _ => {}
        }
    }
    message
}
