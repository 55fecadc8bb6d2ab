//! SIP (RFC 3261 and friends) without sockets: bytes in, [`UaEvent`]s out, and back.
//!
//! [`Ua`] is the door. The shell feeds it datagrams and the time, and asks it to answer, dial and
//! hang up legs; it hands back what to transmit and what happened.
//!
//! **Invariant:** only `io` touches a socket; everything else is a function of its inputs, the
//! time passed in and one seed.
//!
//! **Deliberately absent:** routing. Which flow answers and which agent is called is the center's.

pub mod acl;
pub mod cause;
pub mod dialog;
pub mod digest;
#[cfg(feature = "server")]
pub mod io;
pub mod locate;
pub mod message;
pub mod path;
pub mod peer;
pub mod registrar;
pub mod rng;
pub mod sdp;
pub mod transaction;
pub mod ua;
pub mod wire;
pub mod write;

pub use path::{ConnectionId, Path, Received, Transmit, Transport};
pub use peer::{PeerId, PeerNames};
pub use ua::{Ua, UaEvent};
