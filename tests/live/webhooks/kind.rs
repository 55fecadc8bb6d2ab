//! The providers that execute documents: what is written into the configuration for each, and how
//! each takes a command about a call.

use std::cell::RefCell;
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
        // Bandwidth's console has the first.
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

    /// A command that splits two legs of whom `caller` dialed `party`: where the party is to come,
    /// and the caller, where the provider moves both at once.
    #[track_caller]
    pub(crate) fn split(
        self,
        rest: &RestMock,
        caller: &str,
        party: &str,
    ) -> (String, Option<String>) {
        rest.expect(&format!("{party} is to come"), |told| self.splits(told, caller, party))
    }

    /// Such a command, and one for `waiting` to come; they are sent side by side.
    #[track_caller]
    pub(crate) fn split_and_moved(
        self,
        rest: &RestMock,
        (caller, party): (&str, &str),
        waiting: &str,
    ) -> ((String, Option<String>), String) {
        let (split, moved) = (RefCell::new(None), RefCell::new(None));
        rest.expect(&format!("{party} and {waiting} are to come"), |told| {
            if let Some(found) = self.splits(told, caller, party) {
                split.replace(Some(found));
            } else if self.is_for(told, waiting) {
                moved.replace(self.target(told));
            }
            split.borrow().clone().zip(moved.borrow().clone())
        })
    }

    fn is_for(self, told: &Told, sid: &str) -> bool {
        let (method, path) = self.call_address(sid);
        told.what == format!("{method} {path}")
    }

    fn splits(self, told: &Told, caller: &str, party: &str) -> Option<(String, Option<String>)> {
        if !matches!(self, Self::Jambonz | Self::Plivo) {
            let to = self.target(told).filter(|_| self.is_for(told, party))?;
            self.assert_authorized(told);
            return Some((to, None));
        }
        let body: Value = serde_json::from_str(&told.body).ok()?;
        let names = match self {
            Self::Plivo => ["bleg_url", "aleg_url"].map(|name| body[name].as_str()),
            _ => ["child_call_hook", "call_hook"].map(|name| body[name]["url"].as_str()),
        };
        let [Some(to), Some(caller_to)] = names else { return None };
        if !self.is_for(told, caller) {
            return None;
        }
        self.assert_authorized(told);
        let hook = |url: &str| json!({ "url": url, "method": "POST" });
        let expected = match self {
            Self::Plivo => json!({
                "legs": "both", "aleg_url": caller_to, "aleg_method": "POST",
                "bleg_url": to, "bleg_method": "POST",
            }),
            _ => json!({ "call_hook": hook(caller_to), "child_call_hook": hook(to) }),
        };
        assert_eq!(body, expected);
        Some((to.to_owned(), Some(caller_to.to_owned())))
    }

    /// The same for a call, or a party's leg, that is to end.
    #[track_caller]
    pub(crate) fn ended(self, rest: &RestMock, sid: &str) {
        let (method, path) = self.call_address(sid);
        let (method, body) = match self {
            Self::Bandwidth => (method, r#"{"state":"completed"}"#),
            Self::Jambonz => (method, r#"{"call_status":"completed"}"#),
            Self::Plivo => ("DELETE", ""),
            Self::SignalWire | Self::Texml | Self::Twilio => (method, "Status=completed"),
            Self::Vonage => (method, r#"{"action":"hangup"}"#),
        };
        let told = rest.expect(&format!("{sid} is to end"), |told| {
            let is_it = told.what == format!("{method} {path}") && told.body == body;
            is_it.then(|| told.clone())
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
