//! Telephones and trunks at the driver: the front of SIP over the media engine, with its sockets.
//!
//! **Deliberately absent:** what is done about a leg: `sip_front`, which knows neither sockets nor
//! threads.

mod engine_plane;
mod network;
mod start;

pub(super) use engine_plane::EnginePlane;
pub(super) use start::start;

use std::collections::VecDeque;

use crate::center::ContactCenter;
use crate::server::calls::Calls;
use crate::server::fronts::{Leaves, ServerFront};
use crate::sip_front::SipFront;
use crate::time::Timestamp;
use crate::words::Event;

/// The front of telephones, as the server has it.
pub(super) type Telephones = SipFront<EnginePlane>;

impl ServerFront for Telephones {
    fn leaves(&self) -> Leaves {
        Leaves::AtOnce
    }

    /// The next thing the user agent says.
    fn hear_next(
        &mut self,
        now: Timestamp,
        center: &ContactCenter,
        calls: &mut Calls,
        _events: &mut VecDeque<Event>,
    ) -> bool {
        self.hear_user_agent(now, &|to, via| center.knows_number(to, via), &mut calls.arrivals)
    }
}
