//! What an administrator should read about a peer: once per peer and kind in a while.
//!
//! **Invariant:** a peer that does the same thing in every call is remarked on once per
//! [`REMARK_EVERY`]; at [`REMARKS_MAX`] peers all is forgotten, and said again.
//!
//! **Deliberately absent:** strangers. Only what an admitted peer does comes here.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::sip::sdp::NotAcceptable;
use crate::sip::ua::Ua;
use crate::time::Timestamp;

const REMARK_EVERY: Duration = Duration::from_secs(60);
const REMARKS_MAX: usize = 1024;

/// Kinds of things to say, each once per peer in [`REMARK_EVERY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    NamedHost,
    /// By the number of its warning (RFC 3261 §20.43).
    NotAcceptable(u16),
}

#[derive(Debug, Default)]
pub(super) struct Remarks {
    said: BTreeMap<(IpAddr, Kind), Timestamp>,
}

impl Remarks {
    /// Whether this is to be said now.
    fn is_news(&mut self, now: Timestamp, peer: IpAddr, kind: Kind) -> bool {
        let last = self.said.get(&(peer, kind));
        if last.is_some_and(|last| now.since(*last) < REMARK_EVERY) {
            return false;
        }
        if self.said.len() >= REMARKS_MAX {
            self.said.clear();
        }
        self.said.insert((peer, kind), now);
        true
    }
}

impl Ua {
    /// A description of sound that we cannot use.
    pub(super) fn remark_refused(&mut self, now: Timestamp, peer: IpAddr, why: NotAcceptable) {
        if self.remarks.is_news(now, peer, Kind::NotAcceptable(why.warning())) {
            tracing::warn!(
                %peer,
                %why,
                "a call is refused for its description of sound: let this peer offer PCMU or \
                 PCMA as plain RTP (RTP/AVP), at an address of the IP version we are called at"
            );
        }
    }

    /// A description that names a host in place of an address.
    pub(super) fn remark_named(&mut self, now: Timestamp, peer: IpAddr) {
        if self.remarks.is_news(now, peer, Kind::NamedHost) {
            tracing::info!(
                %peer,
                "a description names a host in `c=`: its sound is expected at the address that \
                 its signaling came from"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_remarked_on_once_in_a_while_and_all_are_forgotten_at_the_bound() {
        let mut remarks = Remarks::default();
        let mut is_news = |at, last: u8, kind| {
            remarks.is_news(Timestamp(at), IpAddr::from([192, 0, 2, last]), kind)
        };
        assert!(is_news(0, 1, Kind::NamedHost));
        assert!(!is_news(59_999, 1, Kind::NamedHost));
        assert!(is_news(59_999, 1, Kind::NotAcceptable(305)));
        assert!(is_news(59_999, 2, Kind::NamedHost));
        assert!(is_news(60_000, 1, Kind::NamedHost));
        for code in 0..1_020 {
            assert!(is_news(60_000, 3, Kind::NotAcceptable(code)), "{code}");
        }
        assert!(!is_news(60_001, 1, Kind::NamedHost));
        assert!(is_news(60_001, 4, Kind::NamedHost), "one more than there is room for");
        assert!(is_news(60_001, 4, Kind::NotAcceptable(1)));
        assert!(is_news(60_001, 1, Kind::NamedHost), "forgotten, and so said again");
    }
}
