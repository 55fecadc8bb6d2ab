//! SIP (RFC 3261 and friends) without sockets: bytes in, [`UaEvent`]s out, and back.
//!
//! [`Ua`] is the door. The shell feeds it datagrams and the time, and asks it to answer, dial and
//! hang up legs; it hands back what to transmit and what happened.
//!
//! # The loop around the user agent
//!
//! ```
//! # use attendant::id::{CallId, LegId};
//! # use attendant::sip::sdp::LocalMedia;
//! # use attendant::sip::ua::{Bound, Trunk, UaSetup};
//! # use attendant::sip::{Path, Received, Transmit, Transport, Ua, UaEvent};
//! # use attendant::time::Timestamp;
//! # use attendant::words::{Codec, Direction, Event};
//! # let (ours, theirs) = (([192, 0, 2, 5], 5060).into(), ([198, 51, 100, 7], 5060).into());
//! # let trunk = Trunk {
//! #     name: "acme".into(),
//! #     networks: vec!["198.51.100.0/24".parse().unwrap()],
//! #     this_machine: false,
//! #     trusted: false,
//! #     uri: None,
//! #     servers: Vec::new(),
//! #     login: None,
//! #     caller_id: None,
//! #     channels_max: 10,
//! # };
//! # let listen = vec![(Transport::Udp, ours)];
//! # let setup = UaSetup { listen, trunks: vec![trunk], ..UaSetup::default() };
//! # let media = || LocalMedia {
//! #     address: [192, 0, 2, 5].into(),
//! #     port: 10_000,
//! #     codecs: vec![Codec::Pcmu],
//! #     telephone_event: Some(101),
//! #     rtcp_mux: true,
//! #     ptime_ms: 20,
//! #     direction: Direction::SendRecv,
//! # };
//! # let sdp = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n\
//! #     m=audio 4000 RTP/AVP 0\r\n";
//! # let invite = format!("INVITE sip:100@ivr.example SIP/2.0\r\n\
//! #     Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
//! #     From: <sip:+14155550123@peer.example>;tag=1\r\nTo: <sip:100@ivr.example>\r\n\
//! #     Call-ID: one\r\nCSeq: 1 INVITE\r\nContact: <sip:198.51.100.7>\r\n\
//! #     Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
//! let mut ua = Ua::new(setup, [7; 32]);
//! let mut center = Vec::new(); // the shell's side: the center,
//! let mut sent: Vec<Transmit> = Vec::new(); // and the sockets
//!
//! // An input: a datagram, a command of the center, or the time.
//! let now = Timestamp::from_millis(1_000);
//! ua.receive(now, Received { path: Path::udp(ours, theirs), bytes: invite.as_bytes() });
//!
//! // Then drain: events may ask for more, so they come first.
//! while let Some(event) = ua.poll_event() {
//!     match event {
//!         UaEvent::Incoming { dialog, from, to, via, .. } => {
//!             let (call, leg) = (CallId(41), LegId::caller(CallId(41)));
//!             match ua.bind(now, dialog, leg, media()) {
//!                 Bound::Fits => center.push(Event::CallArrived { call, from, to, via }),
//!                 Bound::Offers => center.push(Event::CallOpening { call, from, to, via }),
//!                 Bound::Unfit(_) | Bound::Gone => {} // refused, and there is no leg
//!             }
//!             ua.answer(now, leg); // as the center commands, a turn later
//!         }
//!         UaEvent::Ended { leg, cause } => center.push(Event::HungUp { leg, cause }),
//!         UaEvent::Lost { leg, cause, how } => {
//!             center.push(Event::LegLost { leg, cause, how });
//!         }
//!         UaEvent::Media { .. } => {} // where the media thread sends its packets
//!         other => panic!("{other:?}"), // and so on for each
//!     }
//! }
//! sent.extend(std::iter::from_fn(|| ua.poll_transmit()));
//!
//! // It wants to be called again: without an ACK the 200 is repeated.
//! let (due, _) = ua.poll_timeout().expect("a transaction waits");
//! ua.handle_timeout(due);
//! sent.extend(std::iter::from_fn(|| ua.poll_transmit()));
//! assert!(sent.len() >= 2 && sent.iter().all(|sent| sent.bytes.starts_with(b"SIP/2.0 ")));
//! assert!(matches!(center[..], [Event::CallArrived { .. }]));
//! ```
//!
//! **Invariant:** only `io` touches a socket; everything else is a function of its inputs, the
//! time passed in and one seed.
//!
//! **Deliberately absent:** routing. Which flow answers and which agent is called is the center's.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

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
