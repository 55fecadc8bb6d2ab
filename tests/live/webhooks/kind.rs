//! The providers that execute documents: what is written into the configuration for each, and how
//! each takes a command about a call.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::platform::{Tongue, tongue};
use crate::webhooks::carrier::SECRET;
use crate::webhooks::http::{RestMock, Told, field};
use crate::webhooks::sign;

/// Counts for a while after [`SECRET`] took its place.
pub(crate) const OLDER_SECRET: &str = "an-older-token";
/// The user of providers that come with a password.
pub(crate) const USER: &str = "ivr";
/// The account there, and what commands are sent with.
pub(crate) const ACCOUNT: &str = "AC0001";
const TOKEN: &str = "a-token";
pub(crate) const PRIVATE_KEY: &str = include_str!("../../data/rs256.pem");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bandwidth,
    Jambonz,
    Plivo,
    SignalWire,
    Texml,
    Twilio,
    Vonage,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bandwidth => "bandwidth",
            Self::Jambonz => "jambonz",
            Self::Plivo => "plivo",
            Self::SignalWire => "signalwire",
            Self::Texml => "texml",
            Self::Twilio => "twilio",
            Self::Vonage => "vonage",
        }
    }

    pub(crate) fn tongue(self) -> &'static dyn Tongue {
        tongue(self.name())
    }

    /// Its section, with the address of its REST interface where commands can be sent.
    pub(crate) fn section(self, rest: Option<SocketAddr>) -> String {
        let secret = |secret: &str| match self {
            Self::Bandwidth => format!("{USER}:{secret}"),
            Self::Texml => sign::public_key(secret),
            Self::Jambonz | Self::Plivo | Self::SignalWire | Self::Twilio | Self::Vonage => {
                secret.to_owned()
            }
        };
        // Bandwidth is told to come with the first.
        let secrets = [secret(SECRET), secret(OLDER_SECRET)];
        let mut section = format!(
            "[providers.{}]\nsecrets = {secrets:?}\nprefixes = [\"+1415555\"]\n\
             whisper = \"A call for you.\"\n",
            self.name()
        );
        if self == Self::Vonage {
            section += &format!("application = \"{ACCOUNT}\"\n");
        }
        let Some(rest) = rest else {
            // Vonage refuses a party by REST only.
            return section + if self == Self::Vonage { "" } else { "accept_key = \"1\"\n" };
        };
        let from = PRIVATE_KEY.find("-----BEGIN").expect("a key in PEM");
        let token = if self == Self::Vonage { PRIVATE_KEY[from..].trim() } else { TOKEN };
        section
            + &format!(
                "accept_key = \"1\"\naccount = \"{ACCOUNT}\"\ntoken = '''{token}'''\n\
                 rest_url = \"http://{rest}\"\n"
            )
    }

    /// A command of our server's about a call, as this provider takes it: where the call is to
    /// come.
    #[track_caller]
    pub(crate) fn moved(self, rest: &RestMock, sid: &str) -> String {
        let (method, path) = self.call_address(sid);
        let told = rest.expect(&format!("{sid} is to come"), |told| {
            let moves = told.what == format!("{method} {path}") && self.target(told).is_some();
            moves.then(|| told.clone())
        });
        self.assert_authorized(&told);
        let kind = match self {
            Self::SignalWire | Self::Texml | Self::Twilio => "application/x-www-form-urlencoded",
            Self::Bandwidth | Self::Jambonz | Self::Plivo | Self::Vonage => "application/json",
        };
        assert_eq!(told.content_type, kind, "{told:?}");
        self.target(&told).expect("looked at before")
    }

    /// The same for a call, or a party's leg, that is to end. Of Vonage only: it alone has no word
    /// for that in its documents.
    #[track_caller]
    pub(crate) fn ended(self, rest: &RestMock, sid: &str) {
        let (method, path) = self.call_address(sid);
        let told = rest.expect(&format!("{sid} is to end"), |told| {
            let body: Option<Value> = serde_json::from_str(&told.body).ok();
            let ends = body == Some(json!({ "action": "hangup" }));
            (ends && told.what == format!("{method} {path}")).then(|| told.clone())
        });
        self.assert_authorized(&told);
    }

    fn call_address(self, sid: &str) -> (&'static str, String) {
        match self {
            Self::Bandwidth => ("POST", format!("/api/v2/accounts/{ACCOUNT}/calls/{sid}")),
            Self::Jambonz => ("PUT", format!("/v1/Accounts/{ACCOUNT}/Calls/{sid}")),
            Self::Plivo => ("POST", format!("/v1/Account/{ACCOUNT}/Call/{sid}/")),
            Self::SignalWire => {
                ("POST", format!("/api/laml/2010-04-01/Accounts/{ACCOUNT}/Calls/{sid}"))
            }
            Self::Texml => ("POST", format!("/v2/texml/Accounts/{ACCOUNT}/Calls/{sid}")),
            Self::Twilio => ("POST", format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{sid}.json")),
            Self::Vonage => ("PUT", format!("/v1/calls/{sid}")),
        }
    }

    #[track_caller]
    fn assert_authorized(self, told: &Told) {
        let basic = || format!("Basic {}", STANDARD.encode(format!("{ACCOUNT}:{TOKEN}")));
        let expected = match self {
            Self::Vonage => return sign::assert_application_token(&told.authorization, ACCOUNT),
            Self::Jambonz | Self::Texml => format!("Bearer {TOKEN}"),
            Self::Bandwidth | Self::Plivo | Self::SignalWire | Self::Twilio => basic(),
        };
        assert_eq!(told.authorization, expected, "{told:?}");
    }

    /// Where a call is to come, if this is what it says: every word of the body is known.
    fn target(self, told: &Told) -> Option<String> {
        if let Self::SignalWire | Self::Texml | Self::Twilio = self {
            let names = told.body.split('&').filter_map(|pair| pair.split('=').next());
            let is_move = names.eq(["Url", "Method"]);
            assert!(!is_move || field(&told.body, "Method").as_deref() == Some("POST"));
            return field(&told.body, "Url").filter(|_| is_move);
        }
        let body: Value = serde_json::from_str(&told.body).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (url, expected) = match self {
            Self::Bandwidth => {
                let url = text(&body["redirectUrl"])?;
                let body = json!({
                    "state": "active", "redirectUrl": url, "redirectMethod": "POST",
                    "username": USER, "password": SECRET,
                });
                (url, body)
            }
            Self::Jambonz => {
                let url = text(&body["call_hook"]["url"])?;
                (url.clone(), json!({ "call_hook": { "url": url, "method": "POST" } }))
            }
            Self::Plivo => {
                let url = text(&body["aleg_url"])?;
                (url.clone(), json!({ "legs": "aleg", "aleg_url": url, "aleg_method": "POST" }))
            }
            _ => {
                let url = text(&body["destination"]["url"][0])?;
                let to = json!({ "type": "ncco", "url": [url] });
                (url, json!({ "action": "transfer", "destination": to }))
            }
        };
        assert_eq!(body, expected);
        // With what it is to come with, as an address has it.
        let access = format!("https://{USER}:{SECRET}@");
        Some(if self == Self::Bandwidth { url.replacen("https://", &access, 1) } else { url })
    }
}
