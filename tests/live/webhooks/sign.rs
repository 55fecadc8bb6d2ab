//! Each provider's own signature, made by hand.
//!
//! **Deliberately absent:** any code of the server's; the providers' SDKs sign in `sdk`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use attendant::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::webhooks::http::{Sent, decode};
use crate::webhooks::kind::{ACCOUNT, Kind, USER};

/// What only one request has.
static ONCE: AtomicU64 = AtomicU64::new(1);

pub(crate) fn wall_clock() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "signatures carry the time of the day")]
    let now = SystemTime::now();
    let ms = now.duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    Timestamp::from_millis(u64::try_from(ms).expect("not that late"))
}

pub(crate) fn unix_s() -> u64 {
    wall_clock().as_millis() / 1_000
}

fn hmac<M: Mac + KeyInit>(secret: &str, text: &str) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Telnyx signs with a key pair; the secret is what it is made of.
fn key_pair(secret: &str) -> SigningKey {
    SigningKey::from_bytes(&Sha256::digest(secret.as_bytes()).into())
}

pub(crate) fn public_key(secret: &str) -> String {
    STANDARD.encode(key_pair(secret).verifying_key().as_bytes())
}

/// Names and values, read and in order.
fn sorted(pairs: &str) -> Vec<(String, String)> {
    let pairs = pairs.split('&').filter(|pair| !pair.is_empty());
    let mut read: Vec<_> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect();
    read.sort();
    read
}

fn joined(pairs: &str, equals: &str, between: &str) -> String {
    let pairs = sorted(pairs);
    let pairs = pairs.iter().map(|(name, value)| format!("{name}{equals}{value}"));
    pairs.collect::<Vec<_>>().join(between)
}

impl Kind {
    /// The headers that say that a request to `url` is this provider's.
    pub(crate) fn sign(
        self,
        secret: &str,
        url: &str,
        request: &Sent,
        at_s: u64,
    ) -> Vec<(String, String)> {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let once = || ONCE.fetch_add(1, Ordering::Relaxed);
        let headers = match self {
            Self::Twilio | Self::SignalWire => {
                let name = if self == Self::Twilio {
                    "X-Twilio-Signature"
                } else {
                    "X-SignalWire-Signature"
                };
                let text = format!("{url}{}", joined(&body, "", ""));
                vec![(name, STANDARD.encode(hmac::<Hmac<sha1::Sha1>>(secret, &text)))]
            }
            Self::Texml => {
                let signature = key_pair(secret).sign(format!("{at_s}|{body}").as_bytes());
                vec![
                    ("Telnyx-Signature-Ed25519", STANDARD.encode(signature.to_bytes())),
                    ("Telnyx-Timestamp", at_s.to_string()),
                ]
            }
            Self::Plivo => {
                let (address, query) = url.split_once('?').unwrap_or((url, ""));
                let parts = [joined(query, "=", "&"), joined(&body, "", "")];
                let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                let mark = if parts.is_empty() { "" } else { "?" };
                let nonce = format!("nonce-{}", once());
                let text = format!("{address}{mark}{}.{nonce}", parts.join("."));
                vec![
                    ("X-Plivo-Signature-V3", STANDARD.encode(hmac::<Hmac<Sha256>>(secret, &text))),
                    ("X-Plivo-Signature-V3-Nonce", nonce),
                ]
            }
            Self::Vonage => {
                let header = json!({ "typ": "JWT", "alg": "HS256" });
                let mut claims = json!({
                    "iat": at_s, "jti": format!("jti-{}", once()), "iss": "Vonage",
                    "application_id": ACCOUNT, "api_key": "abcd1234",
                });
                if request.method == "POST" {
                    claims["payload_hash"] = json!(hex(&Sha256::digest(body.as_bytes())));
                }
                let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
                let text = format!("{}.{}", part(header), part(claims));
                let signature = URL_SAFE_NO_PAD.encode(hmac::<Hmac<Sha256>>(secret, &text));
                vec![("Authorization", format!("Bearer {text}.{signature}"))]
            }
            Self::Jambonz => {
                let signature = hmac::<Hmac<Sha256>>(secret, &format!("{at_s}.{body}"));
                vec![("Jambonz-Signature", format!("t={at_s},v1={}", hex(&signature)))]
            }
            Self::Bandwidth => {
                let access = STANDARD.encode(format!("{USER}:{secret}"));
                vec![("Authorization", format!("Basic {access}"))]
            }
        };
        headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Whether the signature covers the body, and the time.
    pub(crate) const fn signs_body(self) -> bool {
        !matches!(self, Self::Bandwidth)
    }

    pub(crate) const fn signs_time(self) -> bool {
        matches!(self, Self::Jambonz | Self::Texml | Self::Vonage)
    }
}

/// A token of our application's, signed with its private key (RFC 7518 §3.3).
#[cfg(feature = "tls")]
#[track_caller]
pub(crate) fn assert_application_token(authorization: &str, application: &str) {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};

    use crate::webhooks::kind::PRIVATE_KEY;

    let token = authorization.strip_prefix("Bearer ").expect("a token");
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let pem = PRIVATE_KEY.lines().filter(|line| !line.contains(['-', ' ']));
    let der = STANDARD.decode(pem.collect::<String>()).expect("base64");
    let pair = RsaKeyPair::from_pkcs8(&der).expect("a private key");
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public().as_ref());
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    public.verify(signed.as_bytes(), &signature).expect("signed with our key");
    let claims = signed.split_once('.').expect("two parts").1;
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    let claims: Value = serde_json::from_slice(&claims).expect("claims");
    assert_eq!(claims["application_id"], application);
    assert!(claims["iat"].as_u64().is_some_and(|iat| iat.abs_diff(unix_s()) < 60), "{claims}");
    assert!(claims["exp"].as_u64() > claims["iat"].as_u64(), "{claims}");
    assert!(claims["jti"].as_str().is_some_and(|once| !once.is_empty()), "{claims}");
}

#[cfg(not(feature = "tls"))]
pub(crate) fn assert_application_token(_: &str, _: &str) {
    panic!("without the feature tls no token is made");
}
