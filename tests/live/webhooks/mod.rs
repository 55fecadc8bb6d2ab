//! Providers at the real server: they ask over HTTP, their callers' sound comes by SIP.
//!
//! A [`Carrier`] is a provider of some [`Kind`]: it signs what it asks, and executes what it is
//! answered with the lines of [`platform`](crate::platform).
//!
//! **Invariant:** what is tested is spoken to in a second hand: signatures, documents and REST are
//! read and written here without any code of the server's.

mod calls;
mod carrier;
mod commanded;
mod commanded_faults;
mod commanded_holds;
mod commanded_lookup;
mod commanded_restart;
mod control;
mod edits;
mod faults;
mod holds;
mod http;
mod kills;
pub(crate) mod kind;
mod lookup;
mod outside;
mod readme;
mod reloads;
mod sdk;
mod selftest;
mod sign;
mod talks;
mod trust;

use std::net::SocketAddr;

use crate::flows::{ALICE, SUPPORT};
use crate::ports;
use crate::rig::{Plan, Rig};

use carrier::{Carrier, NUMBER, PUBLIC_URL};
use http::RestMock;
use kind::Kind;

/// One test per provider, so that a failure names it: each case is a function of the [`Kind`].
macro_rules! at_each_provider {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            $crate::webhooks::at_each_provider! { @ $case:
                bandwidth Bandwidth, jambonz Jambonz, plivo Plivo, signalwire SignalWire,
                texml Texml, twilio Twilio, vonage Vonage
            }
        })+
    };
    (@ $case:ident: $($name:ident $kind:ident),+) => {
        $(#[test]
        fn $name() {
            super::$case($crate::webhooks::kind::Kind::$kind);
        })+
    };
}
use at_each_provider;

/// The flow of all these tests, at the number the providers bring.
fn flow() -> String {
    SUPPORT.replace("\"1000\"", &format!("\"{NUMBER}\""))
}

/// An agent at a number that the provider calls.
const DAVE: &str = r#"
[agents.dave]
skills = { tech = 3 }
outside = { trunk = "PROVIDER", number = "+14155550199" }
auto_login = true
auto_ready = true

[queues.tech]
wrap_up = "until_done"
ring_timeout_s = 30
"#;

/// Dave, and Alice, who is asked after him.
fn dave_and_alice() -> String {
    let dave = DAVE.split("[queues").next().unwrap_or_default();
    format!("{ALICE}{dave}")
        .replace("skills = { tech = 3 }", "skills = { tech = 9 }")
        .replace("[queues.tech]", "[queues.tech]\nstrategy = \"most_skilled\"")
}

/// The server with one provider, whose section this is; its agents are at that provider.
#[track_caller]
fn server(provider: &str, door: SocketAddr, section: &str, people: &str, flow: &str) -> Rig {
    let people = people.replace("PROVIDER", provider);
    Plan::new(&format!("{section}{people}"))
        .set("webhooks.public_url", &format!("\"{PUBLIC_URL}\""))
        .set("webhooks.listen", &format!("\"{door}\""))
        .set("webhooks.sip_host", "\"sip.example.com\"")
        .set("webhooks.music_piece_s", "2")
        .flow("provider.toml", flow)
        .start()
}

/// A server with one provider, and that provider.
struct Site {
    rig: Rig,
    carrier: Carrier,
    rest: RestMock,
}

impl Site {
    /// With the provider's credentials, so that a waiting caller is moved at once.
    #[track_caller]
    fn new(kind: Kind) -> Self {
        Self::with(kind, true, ALICE, &flow())
    }

    #[track_caller]
    fn with(kind: Kind, has_rest: bool, people: &str, flow: &str) -> Self {
        let (rest, door) = (RestMock::start(), ports::one());
        let provider = kind.section(has_rest.then_some(rest.address));
        let rig = server(kind.name(), door, &provider, people, flow);
        Self { rig, carrier: Carrier { kind, door }, rest }
    }

    /// Where the document sends the caller.
    #[track_caller]
    fn moved(&self, sid: &str) -> String {
        self.carrier.kind.moved(&self.rest, sid)
    }
}
