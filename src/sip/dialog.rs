//! A dialog (RFC 3261 §12): who talks to whom, in which order, along which proxies.
//!
//! **Invariant:** the sequence number of each request we send is one more than the last; a request
//! from the other end with a lower one than its last is never acted on.
//!
//! **Deliberately absent:** media, transactions, and dialogs by SUBSCRIBE or REFER.

use std::fmt;

use crate::sip::path::Path;
use crate::sip::write::MessageWriter;

/// Proxies a dialog may insist on; more are refused when it begins.
pub const ROUTES_MAX: usize = 16;

#[derive(Clone, Debug)]
pub struct Dialog {
    pub call_id: Box<str>,
    pub local_tag: u64,
    /// `None` from a peer of RFC 2543, and before the first response with a tag.
    pub remote_tag: Option<Box<str>>,
    pub local_seq: u32,
    /// `None` until the other end sent its first request.
    pub remote_seq: Option<u32>,
    /// Our side as in From or To, without its tag.
    pub local: Box<str>,
    /// Their side as in From or To, without its tag.
    pub remote: Box<str>,
    /// The URI of their Contact.
    pub remote_target: Box<str>,
    /// Route header values, nearest proxy first.
    pub routes: Vec<Box<str>>,
    /// Where requests go.
    pub path: Path,
}

/// A request came out of order (RFC 3261 §12.2.2): answer 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfOrder;

impl Dialog {
    /// Whether a message with this Call-ID and tag of theirs belongs to the dialog.
    #[must_use]
    pub fn is_of(&self, call_id: &str, remote_tag: Option<&str>) -> bool {
        *self.call_id == *call_id && self.remote_tag.as_deref() == remote_tag
    }

    /// Takes the number of a request from the other end.
    ///
    /// # Errors
    /// [`OutOfOrder`] when it is not higher than the last one.
    pub fn receive(&mut self, seq: u32) -> Result<(), OutOfOrder> {
        if self.remote_seq.is_some_and(|last| seq <= last) {
            return Err(OutOfOrder);
        }
        self.remote_seq = Some(seq);
        Ok(())
    }

    /// Begins the next request in the dialog, up to and including CSeq.
    pub fn request(&mut self, method: &str, via: impl fmt::Display) -> MessageWriter {
        self.local_seq += 1;
        let seq = self.local_seq;
        self.request_with(method, seq, via)
    }

    /// As [`Dialog::request`] with a number in use: an ACK has that of its INVITE.
    #[must_use]
    pub fn request_with(&self, method: &str, seq: u32, via: impl fmt::Display) -> MessageWriter {
        match &self.remote_tag {
            Some(tag) => self.write(method, seq, via, format_args!("{};tag={tag}", self.remote)),
            None => self.write(method, seq, via, format_args!("{}", self.remote)),
        }
    }

    /// The ACK to a failure: To is that of the response (RFC 3261 §17.1.1.3).
    #[must_use]
    pub fn acknowledgement(&self, seq: u32, via: impl fmt::Display, to: &str) -> MessageWriter {
        self.write("ACK", seq, via, format_args!("{to}"))
    }

    fn write(
        &self,
        method: &str,
        seq: u32,
        via: impl fmt::Display,
        to: fmt::Arguments<'_>,
    ) -> MessageWriter {
        let strict = self.routes.first().filter(|route| !is_loose(route));
        let target = strict.map_or(&*self.remote_target, |route| uri_of(route));
        let mut writer = MessageWriter::request(method, target);
        writer.header("Via", via).header("Max-Forwards", 70);
        for route in self.routes.iter().skip(usize::from(strict.is_some())) {
            writer.header("Route", route);
        }
        if strict.is_some() {
            // A strict router (RFC 2543) puts the last Route back into the Request-URI.
            writer.header("Route", format_args!("<{}>", self.remote_target));
        }
        writer.header("From", format_args!("{};tag={:016x}", self.local, self.local_tag));
        writer.header("To", to);
        writer.header("Call-ID", &self.call_id);
        writer.header("CSeq", format_args!("{seq} {method}"));
        writer
    }
}

/// The URI inside a Route value: `<sip:proxy;lr>` → `sip:proxy;lr`.
#[must_use]
pub fn uri_of(route: &str) -> &str {
    let inside = route.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or(route, |(uri, _)| uri)
}

fn is_loose(route: &str) -> bool {
    uri_of(route).split(';').skip(1).any(|parameter| {
        let name = parameter.split_once('=').map_or(parameter, |(name, _)| name);
        name.trim().eq_ignore_ascii_case("lr")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialog(routes: &[&str]) -> Dialog {
        let address = "192.0.2.1:5060".parse().unwrap();
        Dialog {
            call_id: "abc@192.0.2.2".into(),
            local_tag: 0x1f,
            remote_tag: Some("r1".into()),
            local_seq: 0,
            remote_seq: None,
            local: "<sip:100@192.0.2.1>".into(),
            remote: "\"Ann\" <sip:ann@192.0.2.2>".into(),
            remote_target: "sip:ann@192.0.2.9:5070".into(),
            routes: routes.iter().map(|route| Box::from(*route)).collect(),
            path: Path::udp(address, address),
        }
    }

    fn printed(dialog: &mut Dialog) -> String {
        let bytes = dialog.request("BYE", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1").finish();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn a_request_follows_loose_routes() {
        let text = printed(&mut dialog(&["<sip:p1.example;lr>", "<sip:p2.example;lr>"]));
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "BYE sip:ann@192.0.2.9:5070 SIP/2.0",
                "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
                "Max-Forwards: 70",
                "Route: <sip:p1.example;lr>",
                "Route: <sip:p2.example;lr>",
                "From: <sip:100@192.0.2.1>;tag=000000000000001f",
                "To: \"Ann\" <sip:ann@192.0.2.2>;tag=r1",
                "Call-ID: abc@192.0.2.2",
                "CSeq: 1 BYE",
                "Content-Length: 0",
                "",
            ]
        );
    }

    #[test]
    fn a_strict_router_gets_its_own_uri_first_and_the_target_last() {
        let text = printed(&mut dialog(&["<sip:old.example>", "<sip:p2.example;lr>"]));
        assert!(text.starts_with("BYE sip:old.example SIP/2.0\r\n"), "{text}");
        let routes: Vec<_> = text.lines().filter(|line| line.starts_with("Route")).collect();
        assert_eq!(routes, ["Route: <sip:p2.example;lr>", "Route: <sip:ann@192.0.2.9:5070>"]);
    }

    #[test]
    fn numbers_only_go_up() {
        let mut dialog = dialog(&[]);
        assert_eq!(dialog.receive(7), Ok(()));
        assert_eq!(dialog.receive(7), Err(OutOfOrder));
        assert_eq!(dialog.receive(6), Err(OutOfOrder));
        assert_eq!(dialog.receive(9), Ok(()), "gaps are allowed");
        assert!(dialog.is_of("abc@192.0.2.2", Some("r1")));
        assert!(!dialog.is_of("abc@192.0.2.2", Some("R1")));
        assert!(!dialog.is_of("abc@192.0.2.2", None));
    }
}
