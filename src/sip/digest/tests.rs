//! A phone and a server, and whoever stands between them.

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::sip::message::{Method, Name, Request, Response, StatusCode};
use crate::sip::wire::Uri;
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn request() -> Request {
    Request::new(Method::REGISTER, Uri::parse("sip:ivr.example").unwrap())
}

fn login(user: &str, password: &str, md5: bool) -> Login {
    Login { user: user.into(), password: password.into(), realm: None, md5 }
}

fn here() -> IpAddr {
    "192.0.2.7".parse().unwrap()
}

struct Server {
    verifier: Verifier,
    alice: Secret,
    old: Secret,
}

impl Server {
    fn new(md5: bool) -> Self {
        Self {
            verifier: Verifier::new("ivr", [7; 32], md5),
            alice: Secret::new("alice", "ivr", "correct horse", false),
            old: Secret::new("old", "ivr", "battery", true),
        }
    }

    fn refuse(&mut self, now: Timestamp, source: IpAddr, stale: bool) -> Response {
        self.refuse_user(now, source, stale, "alice")
    }

    fn refuse_user(&mut self, now: Timestamp, source: IpAddr, stale: bool, user: &str) -> Response {
        let mut response = Response::new(StatusCode::Unauthorized);
        let secret = match user {
            "alice" => Some(&self.alice),
            "old" => Some(&self.old),
            _ => None,
        };
        let challenge = self.verifier.challenge(now, source, stale, user, secret);
        response.headers.push(Name::WwwAuthenticate, challenge);
        response
    }

    fn verify(&mut self, now: Timestamp, source: IpAddr, request: &Request) -> Verdict {
        self.verifier.verify(now, source, request, |user| match user {
            "alice" => Some(&self.alice),
            "old" => Some(&self.old),
            _ => None,
        })
    }
}

fn answered(refused: &Response, login: &Login) -> Request {
    let (name, value) =
        Client::new().answer(refused, &request(), login, "c0ffee").expect("a challenge we answer");
    request().with(name, value)
}

const STALE: Verdict = Verdict::Refused(Doubt::Stale);

/// Wrong credentials of this user, on a nonce of ours.
fn wrong(user: &str, fault: Fault) -> Verdict {
    Verdict::Refused(Doubt::Wrong { user: user.into(), fault })
}

#[test]
fn the_right_password_opens_once_for_each_nonce_count() {
    let mut server = Server::new(false);
    let refused = server.refuse(NOW, here(), false);
    let good = answered(&refused, &login("alice", "correct horse", false));
    assert_eq!(server.verify(NOW, here(), &good), Verdict::Accepted { user: "alice".into() });
    assert_eq!(server.verify(NOW, here(), &good), STALE, "replayed");
}

#[test]
fn a_nonce_is_bound_to_its_address_and_time() {
    let mut server = Server::new(false);
    let refused = server.refuse(NOW, here(), false);
    let good = answered(&refused, &login("alice", "correct horse", false));
    assert_eq!(server.verify(NOW, "192.0.2.8".parse().unwrap(), &good), STALE);
    assert_eq!(server.verify(NOW + NONCE_LIFE, here(), &good), STALE);
    let mut other = Server { verifier: Verifier::new("ivr", [8; 32], false), ..Server::new(false) };
    assert_eq!(other.verify(NOW, here(), &good), STALE, "a nonce of before the restart");
}

#[test]
fn fault_02_only_an_answer_to_a_question_of_that_address_says_anything_of_it() {
    let mut server = Server::new(false);
    let refused = server.refuse(NOW, here(), false);
    let guess = answered(&refused, &login("alice", "guess", false));
    let elsewhere: IpAddr = "192.0.2.8".parse().unwrap();
    assert_eq!(server.verify(NOW, elsewhere, &guess), STALE, "asked of another address");
    assert_eq!(server.verify(NOW + NONCE_LIFE, here(), &guess), STALE, "too long ago");
    let header = guess.headers.get(Name::Authorization).unwrap().to_owned();
    let (before, nonce) = header.split_once("nonce=\"").unwrap();
    let (nonce, after) = nonce.split_once('"').unwrap();
    for invented in [String::new(), "0".repeat(nonce.len()), format!("{nonce}0")] {
        let forged = format!("{before}nonce=\"{invented}\"{after}");
        let forged = request().with(Name::Authorization, forged);
        assert_eq!(server.verify(NOW, here(), &forged), STALE, "{invented}");
    }
    assert_eq!(server.verify(NOW, here(), &guess), wrong("alice", Fault::Password));
    // A stale header beside it hides no guess, whichever comes first.
    let stale = format!("{before}nonce=\"\"{after}");
    for (first, second) in [(&stale, &header), (&header, &stale)] {
        let both = request().with(Name::Authorization, first.clone());
        let both = both.with(Name::Authorization, second.clone());
        assert_eq!(server.verify(NOW, here(), &both), wrong("alice", Fault::Password));
    }
}

#[test]
fn what_is_wrong_cannot_be_told_from_the_answer() {
    let mut server = Server::new(true);
    let refused = server.refuse(NOW, here(), false);
    for (bad, fault) in [
        (login("alice", "x", false), Fault::Password),
        (login("nobody", "correct horse", false), Fault::UnknownUser),
    ] {
        let verdict = server.verify(NOW, here(), &answered(&refused, &bad));
        assert_eq!(verdict, wrong(&bad.user, fault));
    }
    let none = server.verify(NOW, here(), &request());
    assert_eq!(none, Verdict::Refused(Doubt::Missing));
    let mut twins = (Server::new(true), Server::new(true));
    assert_eq!(twins.0.refuse(NOW, here(), false), twins.1.refuse(NOW, here(), false));
}

#[test]
fn md5_is_for_those_who_may() {
    let mut server = Server::new(true);
    let strong = server.refuse_user(NOW, here(), false, "alice");
    assert!(strong.headers.get(Name::WwwAuthenticate).unwrap().contains("algorithm=SHA-256"));
    let weak = server.refuse_user(NOW, here(), false, "old");
    let asked: Vec<&str> = weak.headers.all(Name::WwwAuthenticate).collect();
    assert!(asked.len() == 1 && asked[0].contains("algorithm=MD5"), "{asked:?}");
    let old = answered(&weak, &login("old", "battery", true));
    assert_eq!(server.verify(NOW, here(), &old), Verdict::Accepted { user: "old".into() });
    let downgraded = answered(&weak, &login("alice", "correct horse", true));
    assert_eq!(server.verify(NOW, here(), &downgraded), wrong("alice", Fault::Algorithm));
    let strict = login("old", "battery", false);
    let given_up = Client::new().answer(&weak, &request(), &strict, "c");
    assert_eq!(given_up, Err(GiveUp::Algorithm));
    let mut none_may = Server::new(false);
    let refused = none_may.refuse_user(NOW, here(), false, "old");
    assert!(refused.headers.get(Name::WwwAuthenticate).unwrap().contains("algorithm=SHA-256"));
}

#[test]
fn the_algorithm_does_not_tell_who_is_known() {
    let mut server = Server::new(true);
    let mut asked = |user: &str| {
        let refused = server.refuse_user(NOW, here(), false, user);
        refused.headers.get(Name::WwwAuthenticate).unwrap().contains("algorithm=MD5")
    };
    let first: Vec<bool> = (0..64).map(|n| asked(&format!("nobody{n}"))).collect();
    let again: Vec<bool> = (0..64).map(|n| asked(&format!("nobody{n}"))).collect();
    assert_eq!(first, again);
    assert!(first.contains(&true) && first.contains(&false));
}

#[test]
fn what_was_not_asked_for_is_no_answer() {
    let mut server = Server::new(false);
    let refused = server.refuse(NOW, here(), false);
    let good = answered(&refused, &login("alice", "correct horse", false));
    let value = good.headers.get(Name::Authorization).unwrap().to_owned();
    for (from, to, fault) in [
        ("qop=auth, nc=00000001, cnonce=\"c0ffee\"", "", Fault::Unusable),
        ("qop=auth,", "qop=auth-int,", Fault::Unusable),
        ("nc=00000001", "nc=+0000001", Fault::Unusable),
        ("uri=\"sip:ivr.example\"", "uri=\"sip:elsewhere\"", Fault::Unusable),
        ("algorithm=SHA-256", "algorithm=MD5", Fault::Algorithm),
        ("algorithm=SHA-256", "algorithm=NEW", Fault::Algorithm),
    ] {
        assert!(value.contains(from), "{value}");
        let bad = request().with(Name::Authorization, value.replace(from, to));
        let verdict = server.verify(NOW, here(), &bad);
        assert_eq!(verdict, wrong("alice", fault), "{from} → {to}");
    }
    for ignored in ["NoOneKnowsThisScheme opaque-data=here", "Digest realm=\"other\"", ""] {
        let bad = request().with(Name::Authorization, ignored);
        assert_eq!(server.verify(NOW, here(), &bad), Verdict::Refused(Doubt::Missing));
    }
}

/// RFC 7616 §3.4 wants these without quotes; rsipstack puts them around `qop`.
#[test]
fn quotes_where_none_belong_are_borne() {
    let mut server = Server::new(false);
    let refused = server.refuse(NOW, here(), false);
    let good = answered(&refused, &login("alice", "correct horse", false));
    let mut value = good.headers.get(Name::Authorization).unwrap().to_owned();
    for plain in ["qop=auth", "nc=00000001", "algorithm=SHA-256"] {
        assert!(value.contains(plain), "{value}");
        value = value.replace(plain, &(plain.replace('=', "=\"") + "\""));
    }
    let quoted = request().with(Name::Authorization, value);
    let accepted = Verdict::Accepted { user: "alice".into() };
    assert_eq!(server.verify(NOW, here(), &quoted), accepted);
}

#[test]
fn what_is_beyond_the_bound_is_missing() {
    let read = |before: usize| {
        let header = format!("Digest {}nonce=\"n\"", "x=1, ".repeat(before));
        DigestParams::parse(&header).unwrap().get("nonce").map(|nonce| nonce.into_owned())
    };
    assert_eq!(read(PARAMS_MAX - 1).as_deref(), Some("n"));
    assert_eq!(read(PARAMS_MAX), None);
}

#[test]
fn nonce_counts_are_hex_and_go_up() {
    let mut server = Server::new(false);
    let refused = server.refuse(NOW, here(), false);
    let challenge =
        DigestParams::parse(refused.headers.get(Name::WwwAuthenticate).unwrap()).unwrap();
    let nonce = challenge.get("nonce").unwrap();
    let mut with = |nc: &str| {
        let question = Question {
            method: "REGISTER",
            uri: "sip:ivr.example",
            nonce: &nonce,
            qop: Some((Qop::Auth, nc, "c")),
            body: &[],
        };
        let ha1 = Algorithm::Sha256.ha1("alice", "ivr", "correct horse");
        let response = response(Algorithm::Sha256, &ha1, &question);
        let value = format!(
            "Digest username=\"alice\",realm=\"ivr\",nonce=\"{nonce}\",uri=\"sip:ivr.example\",\
             response=\"{}\",algorithm=SHA-256,qop=auth,nc={nc},cnonce=\"c\"",
            response.to_uppercase()
        );
        server.verify(NOW, here(), &request().with(Name::Authorization, value))
    };
    let accepted = Verdict::Accepted { user: "alice".into() };
    assert_eq!(with("00000009"), accepted);
    assert_eq!(with("0000000a"), accepted);
    assert_eq!(with("00000010"), accepted);
    assert_eq!(with("0000000f"), STALE);
}

#[test]
fn a_client_gives_up_on_a_peer_that_asks_for_ever() {
    let mut server = Server::new(false);
    let alice = login("alice", "wrong", false);
    let mut client = Client::new();
    let mut ask = |stale| {
        let refused = server.refuse(NOW, here(), stale);
        client.answer(&refused, &request(), &alice, "c").map(|(name, _)| name)
    };
    assert_eq!(ask(false), Ok(Name::Authorization));
    assert_eq!(ask(true), Ok(Name::Authorization), "once more for a stale nonce");
    assert_eq!(ask(true), Err(GiveUp::AskedAgain));

    let elsewhere = Login { realm: Some("trunk".into()), ..alice };
    let refused = server.refuse(NOW, here(), false);
    assert_eq!(Client::new().answer(&refused, &request(), &elsewhere, "c"), Err(GiveUp::Realm));
}

#[test]
fn memory_is_bounded_and_forgetting_asks_again() {
    let mut server = Server::new(false);
    server.verifier.nonces_max = 100;
    let alice = login("alice", "correct horse", false);
    let mut first = None;
    for n in 0..101 {
        let refused = server.refuse(NOW, here(), false);
        let good = answered(&refused, &alice);
        assert!(matches!(server.verify(NOW, here(), &good), Verdict::Accepted { .. }), "{n}");
        first.get_or_insert(good);
    }
    assert_eq!(server.verify(NOW, here(), &first.unwrap()), STALE);
    let later = NOW + NONCE_LIFE + Duration::from_secs(1);
    let refused = server.refuse(later, here(), false);
    let good = answered(&refused, &alice);
    assert!(matches!(server.verify(later, here(), &good), Verdict::Accepted { .. }));
}

#[test]
fn secrets_do_not_print() {
    let secret = format!("{:?}", Secret::new("a", "r", "hunter2", true));
    let login = format!("{:?}", login("a", "hunter2", true));
    assert_eq!((secret.as_str(), login.as_str()), ("Secret { .. }", "Login { .. }"));
}
