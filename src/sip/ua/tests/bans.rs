//! Penalties need a proof of address: what a stranger can send in a peer's name shuts no peer out.

use std::time::Duration;

use super::calls::answered;
use super::phones::{CYD, authorization, cyd, register, register_with_password, stranger};
use super::*;
use crate::sip::digest::Login;
use crate::words::{From, Target};

/// Where cyd's telephone is, and whoever else is behind the same router.
const HOME: &str = "203.0.113.20:5060";
const NEIGHBOR: &str = "203.0.113.20:40000";

fn guess() -> Login {
    Login { password: "guess".into(), ..cyd() }
}

/// REGISTERs with credentials on a nonce that we never gave, as anybody can send in anybody's name;
/// each must be asked again as if nothing had been said.
fn forge(rig: &mut Rig, from: &str, count: u32) {
    rig.path.remote = address(from);
    rig.receive(&register(9000, from, ""));
    let (_, challenge) = rig.sent.pop().expect("a stranger is asked for a password");
    for seq in 0..count {
        let again = register(9001 + seq, from, "");
        let with = authorization(&challenge, &again, &guess());
        let (before, rest) = with.split_once("nonce=\"").unwrap();
        let (nonce, after) = rest.split_once('"').unwrap();
        let forged = format!("{before}nonce=\"{}\"{after}", "0".repeat(nonce.len()));
        rig.receive(&register(9001 + seq, from, &forged));
        let (_, answer) = rig.sent.pop().expect("an answer");
        assert_eq!(status(&answer), "401");
        assert!(header(&answer, "WWW-Authenticate").ends_with(", stale=true"), "{answer}");
    }
}

/// Wrong passwords from a peer that is really there, until there is no answer.
fn guess_until_banned(rig: &mut Rig, from: &str) {
    rig.path.remote = address(from);
    for seq in 0..=10 {
        rig.receive(&register(2 * seq + 7000, from, ""));
        let Some((_, challenge)) = rig.sent.pop() else { return };
        let again = register(2 * seq + 7001, from, "");
        let with = authorization(&challenge, &again, &guess());
        rig.receive(&register(2 * seq + 7001, from, &with));
        assert_eq!(status(&rig.only()), "401");
    }
    panic!("not banned");
}

#[test]
fn fault_02_a_forged_source_gets_nobody_banned() {
    let mut rig = stranger(HOME);
    forge(&mut rig, HOME, 40);
    assert_eq!(rig.ua.banned(rig.now).count(), 0);
    let refused = |event: &UaEvent| matches!(event, UaEvent::Refused { .. });
    assert!(!rig.events().iter().any(refused), "nor is it held against anybody in the log");
    register_with_password(&mut rig, HOME);
    forge(&mut rig, NEIGHBOR, 40);
    rig.path.remote = address(HOME);
    assert_answers(&mut rig, CYD);
}

/// It answers a call of ours.
fn assert_answers(rig: &mut Rig, agent: AgentId) {
    rig.forget();
    rig.ua.dial(rig.now, leg(1), &Target::Agent(agent), &From::default(), &local_media(10_000));
    rig.drain();
    let invite = rig.only();
    rig.receive(&super::dialing::respond(&invite, "180 Ringing", "x", "", ""));
    assert_eq!(rig.events(), [UaEvent::Ringing { leg: leg(1) }]);
}

/// A registered telephone registers once more.
fn assert_registers(rig: &mut Rig, seq: u32) {
    rig.path.remote = address(HOME);
    rig.receive(&register(seq, HOME, ""));
    let challenge = rig.only();
    let with = authorization(&challenge, &register(seq + 1, HOME, ""), &cyd());
    rig.receive(&register(seq + 1, HOME, &with));
    assert_eq!(status(&rig.only()), "200");
}

#[test]
fn fault_02_guessing_from_a_registered_address_is_banned_and_who_is_registered_is_not() {
    let mut setup = setup();
    let at = PhoneAt::Registers { password: "horse".into(), md5: false };
    setup.phones.push(Phone { user: "dee".into(), at });
    let mut rig = Rig::with(setup);
    register_with_password(&mut rig, HOME);
    rig.path.remote = address(NEIGHBOR);
    let dee = |seq, more: &str| register(seq, NEIGHBOR, more).replace("sip:cyd@", "sip:dee@");
    let as_dee = Login { user: "dee".into(), ..guess() };
    let mut challenge = String::new();
    for seq in (7000..7020).step_by(2) {
        rig.receive(&dee(seq, ""));
        challenge = rig.only();
        let with = authorization(&challenge, &dee(seq + 1, ""), &as_dee);
        rig.receive(&dee(seq + 1, &with));
        assert_eq!(status(&rig.only()), "401");
    }
    assert_eq!(rig.ua.banned(rig.now).count(), 1);
    rig.receive(&dee(7100, ""));
    // Nor in the name of the telephone that is there, and behind its credentials.
    let guessed = authorization(&challenge, &dee(7101, ""), &as_dee);
    rig.receive(&register(7101, NEIGHBOR, &guessed));
    let named = authorization(&challenge, &dee(7102, ""), &guess());
    rig.receive(&register(7102, NEIGHBOR, &format!("{named}{guessed}")));
    assert_eq!(rig.lines(), []);
    assert_registers(&mut rig, 3);
    assert_answers(&mut rig, CYD);
    // What is forged in its name and on no nonce of ours changes nothing either.
    rig.wait(600_000);
    rig.forget();
    forge(&mut rig, HOME, 40);
    assert_eq!(rig.ua.banned(rig.now).count(), 0);
}

#[test]
fn fault_02_a_registered_telephone_is_heard_whatever_its_neighbors_do() {
    let mut rig = stranger(HOME);
    register_with_password(&mut rig, HOME);
    rig.path.remote = address(NEIGHBOR);
    for seq in 0..30 {
        rig.receive(&register(2 * seq + 7000, NEIGHBOR, ""));
        let (_, challenge) = rig.sent.pop().expect("not banned");
        let again = register(2 * seq + 7001, NEIGHBOR, "");
        let with = authorization(&challenge, &again, &guess());
        rig.receive(&register(2 * seq + 7001, NEIGHBOR, &with));
        assert_eq!(status(&rig.only()), "401");
    }
    assert_eq!(rig.ua.banned(rig.now).count(), 1);
    assert_registers(&mut rig, 3);
    assert_answers(&mut rig, CYD);
    // Its registration ends: from then on it is a login like all others.
    rig.wait(3_600_000);
    rig.forget();
    guess_until_banned(&mut rig, NEIGHBOR);
    assert_eq!(rig.ua.banned(rig.now).count(), 1);
}

#[test]
fn fault_02_a_ban_leaves_calls_and_requests_under_way_alone() {
    let mut rig = Rig::new();
    // Both calls are the trunk's; what is sent in them from a banned address is as good.
    let tag = answered(&mut rig);
    rig.events();
    let ringing = invite().replace("call-1", "call-2").replace("INVITE-1", "INVITE-9");
    rig.receive(&ringing);
    rig.forget();
    guess_until_banned(&mut rig, HOME);
    rig.events();
    let from_home = |text: &str| text.replace("198.51.100.7:5060", HOME);
    rig.receive(&from_home(&request("OPTIONS", 1, "", "", "").replace("call-1", "call-3")));
    assert_eq!(rig.lines(), [], "banned");
    let events = rig.events();
    let [UaEvent::Refused { why: Refusal::Banned { left }, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(*left, Duration::from_secs(600));
    rig.receive(&ringing);
    assert_eq!(status(&rig.only()), "100", "a repeated request is answered again");
    rig.receive(&from_home(&request("BYE", 2, &tag, "", "")));
    assert_eq!(status(&rig.only()), "200");
    let ended = UaEvent::Ended { leg: leg(1), cause: Cause::NORMAL_CLEARING };
    assert_eq!(rig.events(), [ended]);
}

#[test]
fn fault_02_trunks_are_never_banned() {
    let mut rig = stranger(TRUNK);
    for seq in 0..30 {
        rig.receive(&register(2 * seq + 1, TRUNK, ""));
        let (_, challenge) = rig.sent.pop().expect("not banned");
        let again = register(2 * seq + 2, TRUNK, "");
        let with = authorization(&challenge, &again, &guess());
        rig.receive(&register(2 * seq + 2, TRUNK, &with));
        assert_eq!(status(&rig.only()), "401");
    }
    assert_eq!(rig.ua.banned(rig.now).count(), 0);
}

#[test]
fn fault_02_a_telephone_at_a_configured_address_answers_whoever_guesses_from_there() {
    let place = "203.0.113.5:6100";
    let mut rig = stranger(place);
    guess_until_banned(&mut rig, place);
    assert_eq!(rig.ua.banned(rig.now).count(), 1);
    assert_answers(&mut rig, AgentId(0));
}

#[test]
fn fault_16_an_address_this_machine_gains_is_let_in() {
    let gained = "192.168.7.9:5060";
    let call = |seq| {
        request("INVITE", seq, "", "", "")
            .replace("198.51.100.7:5060", gained)
            .replace("call-1", &format!("call-{seq}"))
    };
    let mut setup = setup();
    setup.trunks[0].this_machine = true;
    let mut rig = Rig::with(setup);
    rig.path.remote = address(gained);
    assert!(rig.ua.wants_own_addresses(rig.path));
    rig.ua.set_own_addresses([address(US).ip()]);
    rig.receive(&call(1));
    assert_eq!(status(&rig.only()), "401");
    assert!(rig.ua.wants_own_addresses(rig.path), "it may be ours by now");
    rig.ua.set_own_addresses([address(US).ip(), address(gained).ip()]);
    rig.receive(&call(2));
    assert_eq!(status(&rig.only()), "100");
    assert!(!rig.ua.wants_own_addresses(rig.path) && rig.ua.is_known(rig.path));
    // It goes to another peer.
    rig.ua.set_own_addresses([address(US).ip()]);
    rig.receive(&call(3));
    assert_eq!(status(&rig.only()), "401");
    assert!(!Rig::new().ua.wants_own_addresses(rig.path), "where no trunk is this machine");
}

#[test]
fn fault_16_each_refusal_says_why() {
    let refusals = |rig: &mut Rig| -> Vec<Refusal> {
        let why = |event| match event {
            UaEvent::Refused { why, .. } => Some(why),
            _ => None,
        };
        rig.events().into_iter().filter_map(why).collect()
    };
    let user = || "cyd".to_owned();
    let mut rig = stranger(HOME);
    let answer = |rig: &mut Rig, seq: u32, login: &Login, change: &dyn Fn(String) -> String| {
        rig.receive(&register(seq, HOME, ""));
        let challenge = rig.only();
        let with = authorization(&challenge, &register(seq + 1, HOME, ""), login);
        rig.receive(&register(seq + 1, HOME, &change(with)));
        rig.sent.clear();
    };
    answer(&mut rig, 1, &guess(), &|with| with);
    assert_eq!(refusals(&mut rig), [Refusal::WrongPassword { user: user() }]);
    answer(&mut rig, 3, &guess(), &|with| with.replace("SHA-256", "MD5"));
    assert_eq!(refusals(&mut rig), [Refusal::Algorithm { user: user() }]);
    answer(&mut rig, 5, &guess(), &|with| with.replace("\"cyd\"", "\"eve\""));
    assert_eq!(refusals(&mut rig), [Refusal::UnknownUser { user: "eve".into() }]);
    answer(&mut rig, 7, &guess(), &|with| with.replace("qop=auth,", ""));
    assert_eq!(refusals(&mut rig), [Refusal::UnusableLogin { user: user() }]);
    let acme = Login { user: "acme".into(), password: "correct horse".into(), ..cyd() };
    answer(&mut rig, 9, &acme, &|with| with);
    assert_eq!(refusals(&mut rig), [Refusal::NotAPhone]);
    // A telephone that knows MD5 only does not answer at all.
    rig.receive(&register(11, HOME, ""));
    rig.wait(6000);
    assert_eq!(refusals(&mut rig), [], "it may be on its way");
    rig.receive(&register(12, HOME, ""));
    assert_eq!(refusals(&mut rig), [Refusal::NoAnswer { user: user() }]);
    let nobody = register(13, HOME, "").replace("sip:cyd@", "sip:eve@");
    rig.receive(&nobody);
    assert_eq!(refusals(&mut rig), [Refusal::UnknownUser { user: "eve".into() }]);
    rig.receive(&request("OPTIONS", 1, "", "", ""));
    assert_eq!(refusals(&mut rig), [Refusal::Stranger]);
    rig.receive(&invite().replace("198.51.100.7:5060", HOME));
    assert_eq!(refusals(&mut rig), [Refusal::UnknownCaller]);
}

#[test]
fn fault_16_a_trunk_whose_call_is_refused_can_read_why() {
    let (mut rig, mut calls) = (Rig::new(), 0);
    let mut refused = |rig: &mut Rig, text: &str| {
        // Each is a call of its own.
        calls += 1;
        rig.receive(&text.replace("INVITE-1", &format!("INVITE-{calls}")));
        rig.sent.clear();
        let events = rig.events();
        let why = events.iter().find_map(|event| match event {
            UaEvent::Refused { why, .. } => Some(why.clone()),
            _ => None,
        });
        why.unwrap_or_else(|| panic!("{events:?}"))
    };
    let other = request("INVITE", 1, "", "Content-Type: text/x\n", "x");
    assert_eq!(refused(&mut rig, &other), Refusal::Call { status: 415 });
    let demanding = invite().replace("Max-Forwards", "Require: x\nMax-Forwards");
    assert_eq!(refused(&mut rig, &demanding), Refusal::Call { status: 420 });
    rig.ua.set_full(true);
    assert_eq!(refused(&mut rig, &invite()), Refusal::Full);
    rig.ua.set_draining(true);
    assert_eq!(refused(&mut rig, &invite()), Refusal::Draining);
    let mut setup = setup();
    setup.trunks[0].channels_max = 0;
    let full = Refusal::TrunkFull { trunk: "carrier".into() };
    assert_eq!(refused(&mut Rig::with(setup), &invite()), full);
}
