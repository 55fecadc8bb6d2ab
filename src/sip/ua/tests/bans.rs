//! Penalties need a proof of address: what anybody can send in somebody's name shuts nobody out.

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
fn forge(desk: &mut Desk, from: &str, count: u32) {
    desk.path.remote = address(from);
    desk.receive(&register(9000, from, ""));
    let (_, challenge) = desk.sent.pop().expect("a stranger is asked for a password");
    for seq in 0..count {
        let again = register(9001 + seq, from, "");
        let with = authorization(&challenge, &again, &guess());
        let (before, rest) = with.split_once("nonce=\"").unwrap();
        let (nonce, after) = rest.split_once('"').unwrap();
        let forged = format!("{before}nonce=\"{}\"{after}", "0".repeat(nonce.len()));
        desk.receive(&register(9001 + seq, from, &forged));
        let (_, answer) = desk.sent.pop().expect("an answer");
        assert_eq!(status(&answer), "401");
        assert!(header(&answer, "WWW-Authenticate").ends_with(", stale=true"), "{answer}");
    }
}

/// Wrong passwords from somebody who is really there, until there is no answer.
fn guess_until_banned(desk: &mut Desk, from: &str) {
    desk.path.remote = address(from);
    for seq in 0..=10 {
        desk.receive(&register(2 * seq + 7000, from, ""));
        let Some((_, challenge)) = desk.sent.pop() else { return };
        let again = register(2 * seq + 7001, from, "");
        let with = authorization(&challenge, &again, &guess());
        desk.receive(&register(2 * seq + 7001, from, &with));
        assert_eq!(status(&desk.only()), "401");
    }
    panic!("not banned");
}

#[test]
fn fault_02_a_forged_source_gets_nobody_banned() {
    let mut desk = stranger(HOME);
    forge(&mut desk, HOME, 40);
    assert_eq!(desk.ua.banned(desk.now).count(), 0);
    let refused = |event: &UaEvent| matches!(event, UaEvent::Refused { .. });
    assert!(!desk.events().iter().any(refused), "nor is it held against anybody in the log");
    register_with_password(&mut desk, HOME);
    forge(&mut desk, NEIGHBOR, 40);
    desk.path.remote = address(HOME);
    assert_answers(&mut desk, CYD);
}

/// It answers a call of ours.
fn assert_answers(desk: &mut Desk, agent: AgentId) {
    desk.forget();
    desk.ua.dial(desk.now, leg(1), &Target::Agent(agent), &From::default(), &local_media(10_000));
    desk.drain();
    let invite = desk.only();
    desk.receive(&super::dialing::respond(&invite, "180 Ringing", "x", "", ""));
    assert_eq!(desk.events(), [UaEvent::Ringing { leg: leg(1) }]);
}

/// A registered telephone registers once more.
fn assert_registers(desk: &mut Desk, seq: u32) {
    desk.path.remote = address(HOME);
    desk.receive(&register(seq, HOME, ""));
    let challenge = desk.only();
    let with = authorization(&challenge, &register(seq + 1, HOME, ""), &cyd());
    desk.receive(&register(seq + 1, HOME, &with));
    assert_eq!(status(&desk.only()), "200");
}

#[test]
fn fault_02_guessing_from_a_registered_address_is_banned_and_who_is_registered_is_not() {
    let mut setup = setup();
    let at = PhoneAt::Registers { password: "horse".into(), md5: false };
    setup.phones.push(Phone { user: "dee".into(), at });
    let mut desk = Desk::with(setup);
    register_with_password(&mut desk, HOME);
    desk.path.remote = address(NEIGHBOR);
    let dee = |seq, more: &str| register(seq, NEIGHBOR, more).replace("sip:cyd@", "sip:dee@");
    let as_dee = Login { user: "dee".into(), ..guess() };
    let mut challenge = String::new();
    for seq in (7000..7020).step_by(2) {
        desk.receive(&dee(seq, ""));
        challenge = desk.only();
        let with = authorization(&challenge, &dee(seq + 1, ""), &as_dee);
        desk.receive(&dee(seq + 1, &with));
        assert_eq!(status(&desk.only()), "401");
    }
    assert_eq!(desk.ua.banned(desk.now).count(), 1);
    desk.receive(&dee(7100, ""));
    // Nor in the name of the telephone that is there, and behind its credentials.
    let guessed = authorization(&challenge, &dee(7101, ""), &as_dee);
    desk.receive(&register(7101, NEIGHBOR, &guessed));
    let named = authorization(&challenge, &dee(7102, ""), &guess());
    desk.receive(&register(7102, NEIGHBOR, &format!("{named}{guessed}")));
    assert_eq!(desk.lines(), []);
    assert_registers(&mut desk, 3);
    assert_answers(&mut desk, CYD);
    // What is forged in its name and on no nonce of ours changes nothing either.
    desk.wait(600_000);
    desk.forget();
    forge(&mut desk, HOME, 40);
    assert_eq!(desk.ua.banned(desk.now).count(), 0);
}

#[test]
fn fault_02_a_registered_telephone_is_heard_whatever_its_neighbors_do() {
    let mut desk = stranger(HOME);
    register_with_password(&mut desk, HOME);
    desk.path.remote = address(NEIGHBOR);
    for seq in 0..30 {
        desk.receive(&register(2 * seq + 7000, NEIGHBOR, ""));
        let (_, challenge) = desk.sent.pop().expect("not banned");
        let again = register(2 * seq + 7001, NEIGHBOR, "");
        let with = authorization(&challenge, &again, &guess());
        desk.receive(&register(2 * seq + 7001, NEIGHBOR, &with));
        assert_eq!(status(&desk.only()), "401");
    }
    assert_eq!(desk.ua.banned(desk.now).count(), 1);
    assert_registers(&mut desk, 3);
    assert_answers(&mut desk, CYD);
    // Its registration ends: from then on it is a login like all others.
    desk.wait(3_600_000);
    desk.forget();
    guess_until_banned(&mut desk, NEIGHBOR);
    assert_eq!(desk.ua.banned(desk.now).count(), 1);
}

#[test]
fn fault_02_a_ban_leaves_calls_and_requests_under_way_alone() {
    let mut desk = Desk::new();
    // Both calls are the trunk's; what is sent in them from a banned address is as good.
    let tag = answered(&mut desk);
    desk.events();
    let ringing = invite().replace("call-1", "call-2").replace("INVITE-1", "INVITE-9");
    desk.receive(&ringing);
    desk.forget();
    guess_until_banned(&mut desk, HOME);
    desk.events();
    let from_home = |text: &str| text.replace("198.51.100.7:5060", HOME);
    desk.receive(&from_home(&request("OPTIONS", 1, "", "", "").replace("call-1", "call-3")));
    assert_eq!(desk.lines(), [], "banned");
    let events = desk.events();
    let [UaEvent::Refused { why: Refusal::Banned { left }, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(*left, Duration::from_secs(600));
    desk.receive(&ringing);
    assert_eq!(status(&desk.only()), "100", "a repeated request is answered again");
    desk.receive(&from_home(&request("BYE", 2, &tag, "", "")));
    assert_eq!(status(&desk.only()), "200");
    let ended = UaEvent::Ended { leg: leg(1), cause: Cause::NORMAL_CLEARING };
    assert_eq!(desk.events(), [ended]);
}

#[test]
fn fault_02_trunks_are_never_banned() {
    let mut desk = stranger(TRUNK);
    for seq in 0..30 {
        desk.receive(&register(2 * seq + 1, TRUNK, ""));
        let (_, challenge) = desk.sent.pop().expect("not banned");
        let again = register(2 * seq + 2, TRUNK, "");
        let with = authorization(&challenge, &again, &guess());
        desk.receive(&register(2 * seq + 2, TRUNK, &with));
        assert_eq!(status(&desk.only()), "401");
    }
    assert_eq!(desk.ua.banned(desk.now).count(), 0);
}

#[test]
fn fault_02_a_telephone_at_a_configured_address_answers_whoever_guesses_from_there() {
    let place = "203.0.113.5:6100";
    let mut desk = stranger(place);
    guess_until_banned(&mut desk, place);
    assert_eq!(desk.ua.banned(desk.now).count(), 1);
    assert_answers(&mut desk, AgentId(0));
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
    let mut desk = Desk::with(setup);
    desk.path.remote = address(gained);
    assert!(desk.ua.wants_own_addresses(desk.path));
    desk.ua.set_own_addresses([address(US).ip()]);
    desk.receive(&call(1));
    assert_eq!(status(&desk.only()), "401");
    assert!(desk.ua.wants_own_addresses(desk.path), "it may be ours by now");
    desk.ua.set_own_addresses([address(US).ip(), address(gained).ip()]);
    desk.receive(&call(2));
    assert_eq!(status(&desk.only()), "100");
    assert!(!desk.ua.wants_own_addresses(desk.path) && desk.ua.is_known(desk.path));
    // It goes to somebody else.
    desk.ua.set_own_addresses([address(US).ip()]);
    desk.receive(&call(3));
    assert_eq!(status(&desk.only()), "401");
    assert!(!Desk::new().ua.wants_own_addresses(desk.path), "where no trunk is this machine");
}

#[test]
fn fault_16_each_refusal_says_why() {
    let refusals = |desk: &mut Desk| -> Vec<Refusal> {
        let why = |event| match event {
            UaEvent::Refused { why, .. } => Some(why),
            _ => None,
        };
        desk.events().into_iter().filter_map(why).collect()
    };
    let user = || "cyd".to_owned();
    let mut desk = stranger(HOME);
    let answer = |desk: &mut Desk, seq: u32, login: &Login, change: &dyn Fn(String) -> String| {
        desk.receive(&register(seq, HOME, ""));
        let challenge = desk.only();
        let with = authorization(&challenge, &register(seq + 1, HOME, ""), login);
        desk.receive(&register(seq + 1, HOME, &change(with)));
        desk.sent.clear();
    };
    answer(&mut desk, 1, &guess(), &|with| with);
    assert_eq!(refusals(&mut desk), [Refusal::WrongPassword { user: user() }]);
    answer(&mut desk, 3, &guess(), &|with| with.replace("SHA-256", "MD5"));
    assert_eq!(refusals(&mut desk), [Refusal::Algorithm { user: user() }]);
    answer(&mut desk, 5, &guess(), &|with| with.replace("\"cyd\"", "\"eve\""));
    assert_eq!(refusals(&mut desk), [Refusal::UnknownUser { user: "eve".into() }]);
    answer(&mut desk, 7, &guess(), &|with| with.replace("qop=auth,", ""));
    assert_eq!(refusals(&mut desk), [Refusal::UnusableLogin { user: user() }]);
    let acme = Login { user: "acme".into(), password: "correct horse".into(), ..cyd() };
    answer(&mut desk, 9, &acme, &|with| with);
    assert_eq!(refusals(&mut desk), [Refusal::NotAPhone]);
    // A telephone that knows MD5 only does not answer at all.
    desk.receive(&register(11, HOME, ""));
    desk.wait(6000);
    assert_eq!(refusals(&mut desk), [], "it may be on its way");
    desk.receive(&register(12, HOME, ""));
    assert_eq!(refusals(&mut desk), [Refusal::NoAnswer { user: user() }]);
    let nobody = register(13, HOME, "").replace("sip:cyd@", "sip:eve@");
    desk.receive(&nobody);
    assert_eq!(refusals(&mut desk), [Refusal::UnknownUser { user: "eve".into() }]);
    desk.receive(&request("OPTIONS", 1, "", "", ""));
    assert_eq!(refusals(&mut desk), [Refusal::Stranger]);
    desk.receive(&invite().replace("198.51.100.7:5060", HOME));
    assert_eq!(refusals(&mut desk), [Refusal::UnknownCaller]);
}

#[test]
fn fault_16_a_trunk_whose_call_is_refused_can_read_why() {
    let (mut desk, mut calls) = (Desk::new(), 0);
    let mut refused = |desk: &mut Desk, text: &str| {
        // Each is a call of its own.
        calls += 1;
        desk.receive(&text.replace("INVITE-1", &format!("INVITE-{calls}")));
        desk.sent.clear();
        let events = desk.events();
        let why = events.iter().find_map(|event| match event {
            UaEvent::Refused { why, .. } => Some(why.clone()),
            _ => None,
        });
        why.unwrap_or_else(|| panic!("{events:?}"))
    };
    let other = request("INVITE", 1, "", "Content-Type: text/x\n", "x");
    assert_eq!(refused(&mut desk, &other), Refusal::Call { status: 415 });
    let demanding = invite().replace("Max-Forwards", "Require: x\nMax-Forwards");
    assert_eq!(refused(&mut desk, &demanding), Refusal::Call { status: 420 });
    desk.ua.set_full(true);
    assert_eq!(refused(&mut desk, &invite()), Refusal::Full);
    let mut setup = setup();
    setup.trunks[0].channels_max = 0;
    let full = Refusal::TrunkFull { trunk: "carrier".into() };
    assert_eq!(refused(&mut Desk::with(setup), &invite()), full);
}
