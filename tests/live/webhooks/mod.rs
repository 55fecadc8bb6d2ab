//! Providers at the real server: they ask over HTTP, their callers' sound comes by SIP.
//!
//! **Invariant:** what is tested is spoken to in a second hand: signatures, documents and REST are
//! read and written here without any code of the server's.

mod calls;
mod carrier;
mod commanded;
mod commanded_faults;
mod commanded_restart;
mod control;
mod faults;
mod http;
mod outside;
mod readme;
mod sdk;
mod trust;
mod verbs;

use crate::flows::{ALICE, SUPPORT};
use crate::ports;
use crate::rig::{Plan, Rig};

use carrier::{Carrier, Kind, NUMBER, PUBLIC_URL, SECRET};
use http::RestMock;

/// The flow of all these tests, at the number the providers bring.
fn flow() -> String {
    SUPPORT.replace("\"1000\"", &format!("\"{NUMBER}\""))
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
        let credentials = match has_rest {
            true => format!(
                "account = \"AC0001\"\ntoken = \"a-token\"\nrest_url = \"http://{}\"\n",
                rest.address
            ),
            false => String::new(),
        };
        let provider = format!(
            "[providers.{}]\nsecrets = [\"an-older-token\", \"{SECRET}\"]\n\
             prefixes = [\"+1415555\"]\naccept_key = \"1\"\nwhisper = \"A call for you.\"\n\
             {credentials}",
            kind.name()
        );
        let rig = Plan::new(&(provider + people))
            .set("webhooks.public_url", &format!("\"{PUBLIC_URL}\""))
            .set("webhooks.listen", &format!("\"{door}\""))
            .set("webhooks.sip_host", "\"sip.example.com\"")
            .set("webhooks.music_piece_s", "2")
            .flow("provider.toml", flow)
            .start();
        Self { rig, carrier: Carrier { kind, door }, rest }
    }

    /// Where a caller is to come who was told to.
    #[track_caller]
    fn moved(&self, sid: &str) -> String {
        self.carrier.kind.moved(&self.rest, sid)
    }
}
