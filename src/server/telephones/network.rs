//! Between the sockets and the user agent, both ways.
//!
//! **Deliberately absent:** when: the driver takes what has come once per turn, and sends when what
//! the turn noted is written.

use crate::server::telephones::Telephones;
use crate::sip::io::{Arrival, Sockets};
use crate::time::Timestamp;

impl Telephones {
    /// Gives the user agent everything that has come.
    pub(in crate::server) fn take_network(&mut self, now: Timestamp, sockets: &mut Sockets) {
        let Self { ua, plane, .. } = self;
        sockets.drain(|arrival| match arrival {
            Arrival::Message(received) => {
                if ua.wants_own_addresses(received.path)
                    && let Some(addresses) = plane.local.own.fresh(now)
                {
                    ua.set_own_addresses(addresses);
                }
                ua.receive(now, received);
            }
            Arrival::Ended(path) => ua.connection_ended(now, path),
            Arrival::Lost(path) => ua.transport_failed(now, path),
        });
        sockets.admit(now, |path| ua.is_known(path));
    }

    /// Sends everything that the user agent has to say.
    pub(in crate::server) fn send_all(&mut self, sockets: &mut Sockets) {
        while let Some(transmit) = self.ua.poll_transmit() {
            sockets.send(transmit);
        }
    }
}
