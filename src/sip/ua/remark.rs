//! What an administrator should read about a peer: once per peer and kind in a while.
//!
//! **Invariant:** a peer that does the same thing in every call is remarked on once per
//! [`REMARK_EVERY`], with how often it did it since; of each kind of thing at most [`PEERS_MAX`]
//! remarks are made within that time.
//!
//! **Deliberately absent:** strangers. Only what an admitted peer does comes here.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::sip::sdp::NotAcceptable;
use crate::sip::ua::Ua;
use crate::time::{Throttle, Timestamp, Unsaid};

const REMARK_EVERY: Duration = Duration::from_secs(60);
/// Peers of which one kind of thing is said within that time.
const PEERS_MAX: usize = 64;

/// One table for each kind of thing to say.
#[derive(Debug)]
pub(super) struct Remarks {
    named: Throttle<IpAddr>,
    /// By the number of the warning, too (RFC 3261 §20.43).
    refused: Throttle<(IpAddr, u16)>,
    /// Addresses of trunks, by position.
    failed: Throttle<(usize, SocketAddr)>,
    silent: Throttle<SocketAddr>,
}

impl Default for Remarks {
    fn default() -> Self {
        Self {
            named: Throttle::new(REMARK_EVERY, PEERS_MAX),
            refused: Throttle::new(REMARK_EVERY, PEERS_MAX),
            failed: Throttle::new(REMARK_EVERY, PEERS_MAX),
            silent: Throttle::new(REMARK_EVERY, PEERS_MAX),
        }
    }
}

impl Ua {
    /// A description of sound that we cannot use.
    pub(super) fn remark_refused(&mut self, now: Timestamp, peer: IpAddr, why: NotAcceptable) {
        let unsaid = self.remarks.refused.say(now, (peer, why.warning()));
        let Some(Unsaid { same, others }) = unsaid else { return };
        tracing::warn!(
            %peer,
            %why,
            more = same,
            of_others = others,
            "a call is refused for its description of sound: let this peer offer PCMU or PCMA as \
             plain RTP (RTP/AVP), at an address of the IP version we are called at"
        );
    }

    /// A description that names a host in place of an address.
    pub(super) fn remark_named(&mut self, now: Timestamp, peer: IpAddr) {
        let Some(Unsaid { same, others }) = self.remarks.named.say(now, peer) else { return };
        tracing::info!(
            %peer,
            more = same,
            of_others = others,
            "a description names a host in `c=`: its sound is expected at the address that its \
             signaling came from"
        );
    }

    /// A server of a trunk that did not take a call, and is left out for a while.
    pub(super) fn remark_failed(
        &mut self,
        now: Timestamp,
        (trunk, remote): (usize, SocketAddr),
        cooldown: Duration,
    ) {
        let unsaid = self.remarks.failed.say(now, (trunk, remote));
        let Some(Unsaid { same, others }) = unsaid else { return };
        let (trunk, cooldown_s) = (&self.setup.trunks[trunk].name, cooldown.as_secs());
        tracing::warn!(
            %trunk,
            %remote,
            cooldown_s,
            more = same,
            of_others = others,
            "trunk failed"
        );
    }

    /// A telephone that does not answer at all.
    pub(super) fn remark_silent(&mut self, now: Timestamp, remote: SocketAddr) {
        let Some(Unsaid { same, others }) = self.remarks.silent.say(now, remote) else { return };
        tracing::warn!(
            %remote,
            more = same,
            of_others = others,
            "a telephone says nothing to a call, not even 100"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_16_a_peer_is_remarked_on_once_in_a_while_and_no_flood_makes_it_more() {
        let mut remarks = Remarks::default();
        let peer = |last: u32| IpAddr::V4((0x0a00_0000 + last).into());
        let mut refuse = |at, last, kind| {
            remarks.refused.say(Timestamp(at), (peer(last), kind)).map(|unsaid| unsaid.same)
        };
        assert_eq!(refuse(0, 1, 305), Some(0));
        assert_eq!([refuse(1, 1, 305), refuse(59_999, 1, 305)], [None; 2]);
        assert_eq!(refuse(59_999, 1, 304), Some(0), "something else is wrong with it");
        assert_eq!(refuse(60_000, 1, 305), Some(2));
        let said = (2..10_000).filter(|last| refuse(60_001, *last, 305).is_some());
        assert_eq!(said.count(), PEERS_MAX - 2);
        assert_eq!(refuse(60_002, 1, 305), None, "the flood makes nothing be said again");
        assert!(remarks.named.say(Timestamp(60_002), peer(1)).is_some(), "nor hides another kind");
    }
}
