//! Every limit of the setup is one that holds: each test sets another value than the usual one.

use std::time::Duration;

use super::calls::{answered, turned_away};
use super::dialing::{dial, failed, respond};
use super::phones::{CYD, authorization, cyd, register};
use super::*;
use crate::sip::acl::BanRule;
use crate::sip::registrar;
use crate::words::Target;

fn with(change: impl FnOnce(&mut UaSetup)) -> Rig {
    let mut setup = setup();
    change(&mut setup);
    Rig::with(setup)
}

/// Registers from `host` with the right password; the final answer.
fn registered(rig: &mut Rig, seq: u32, host: &str, more: &str) -> String {
    rig.path.remote = address(host);
    rig.receive(&register(seq, host, more));
    let challenge = rig.only();
    let login = authorization(&challenge, &register(seq + 1, host, more), &cyd());
    rig.receive(&register(seq + 1, host, &format!("{login}{more}")));
    rig.only()
}

fn registrar_with(change: impl FnOnce(&mut registrar::Limits)) -> Rig {
    with(|setup| change(&mut setup.limits.registrar))
}

#[test]
fn registrations_hold_as_long_as_the_setup_says() {
    let mut rig = registrar_with(|limits| {
        (limits.expires_s_min, limits.expires_s_max) = (120, 300);
    });
    let host = "203.0.113.20:5060";
    let brief = registered(&mut rig, 1, host, "Expires: 119\n");
    assert_eq!((status(&brief), header(&brief, "Min-Expires")), ("423", "120"));
    let long = registered(&mut rig, 3, host, "Expires: 3600\n");
    assert!(header(&long, "Contact").ends_with(";expires=300"), "{long}");
    let unnamed = registered(&mut rig, 5, host, "");
    assert!(header(&unnamed, "Contact").ends_with(";expires=300"), "{unnamed}");
}

#[test]
fn an_agent_has_as_many_phones_as_the_setup_says() {
    let mut rig = registrar_with(|limits| limits.contacts_max = 1);
    for host in ["203.0.113.20:5060", "203.0.113.21:5060"] {
        assert_eq!(status(&registered(&mut rig, 1, host, "")), "200");
    }
    let contacts: Vec<_> = rig.ua.bindings(CYD).map(|b| b.contact.to_string()).collect();
    assert_eq!(contacts, ["sip:cyd@203.0.113.21:5060"]);
    let two = registered(&mut rig, 3, "203.0.113.22:5060", "Contact: <sip:cyd@192.0.2.77>\n");
    assert_eq!(status(&two), "403");
}

#[test]
fn there_are_as_many_registrations_as_the_setup_says() {
    let mut rig = registrar_with(|limits| limits.bindings_max = 1);
    assert_eq!(status(&registered(&mut rig, 1, "203.0.113.20:5060", "")), "200");
    assert_eq!(status(&registered(&mut rig, 1, "203.0.113.21:5060", "")), "503");
}

#[test]
fn guessing_is_banned_by_the_rule_of_the_setup() {
    let length = Duration::from_secs(5);
    let rule = BanRule { failures_max: 2, window: Duration::from_secs(9), length };
    let mut rig = with(|setup| setup.limits.bans = rule);
    let host = "203.0.113.66:5060";
    rig.path.remote = address(host);
    let guess = |rig: &mut Rig, seq: u32| {
        rig.receive(&register(seq, host, ""));
        let Some((_, challenge)) = rig.sent.pop() else { return false };
        let wrong = Login { password: "guess".into(), ..cyd() };
        let login = authorization(&challenge, &register(seq + 1, host, ""), &wrong);
        rig.receive(&register(seq + 1, host, &login));
        rig.sent.pop().is_some()
    };
    assert!(guess(&mut rig, 1));
    rig.wait(9000);
    assert!(guess(&mut rig, 3), "the first one is forgotten");
    assert!(guess(&mut rig, 5), "the second within the window");
    assert!(!guess(&mut rig, 7), "banned");
    rig.wait(4999);
    assert!(!guess(&mut rig, 9));
    rig.wait(1);
    assert!(guess(&mut rig, 11), "the ban is over");
}

#[test]
fn a_trunk_has_as_many_channels_as_the_setup_says() {
    let mut rig = with(|setup| setup.trunks[0].channels_max = 1);
    let tag = answered(&mut rig);
    rig.events();
    let other = |n: u32| {
        let call = invite().replace("call-1", &format!("call-{n}"));
        call.replace("INVITE-1", &format!("INVITE-{n}"))
    };
    rig.receive(&other(2));
    let refused = rig.only();
    assert_eq!((status(&refused), header(&refused, "Retry-After")), ("503", "10"));
    let (remote, why) = (rig.path.remote.ip(), Refusal::TrunkFull { trunk: "carrier".into() });
    let events = rig.events();
    assert_eq!(events[0], UaEvent::Refused { remote, why });
    assert_eq!(turned_away(&events), [Cause::NO_CIRCUIT]);
    let out =
        Target::Trunk { trunk: "carrier".into(), number: "+14155550177".into(), others: vec![] };
    assert_eq!(dial(&mut rig, &out), [""; 0]);
    assert_eq!(rig.events(), failed(Cause::NO_CIRCUIT));
    assert_eq!(rig.ua.counts().channels, 1);
    rig.receive(&request("BYE", 2, &tag, "", ""));
    rig.sent.clear();
    rig.events();
    // Room again, and a call out takes it.
    let invite = dial(&mut rig, &out).remove(0);
    rig.receive(&other(3));
    assert_eq!(status(&rig.only()), "503");
    rig.receive(&respond(&invite, "486 Busy Here", "x", "", ""));
    rig.sent.clear();
    rig.receive(&other(4));
    assert_eq!(status(&rig.only()), "100");
    let [.., UaEvent::Incoming { dialog, .. }] = rig.events()[..] else { panic!("no call") };
    rig.ua.refuse(rig.now, dialog, Cause::USER_BUSY);
    assert_eq!(rig.ua.counts().channels, 0);
    rig.assert_quiet();
}

#[test]
fn a_full_trunk_is_passed_over() {
    let mut rig = with(|setup| {
        let spare = Trunk {
            name: "spare".into(),
            networks: vec![],
            uri: Some("sip:198.51.100.8".into()),
            ..setup.trunks[0].clone()
        };
        setup.trunks[0].channels_max = 1;
        setup.trunks.push(spare);
    });
    answered(&mut rig);
    let others = vec!["spare".to_owned()];
    let out = Target::Trunk { trunk: "carrier".into(), number: "+14155550177".into(), others };
    let leg = leg(2);
    rig.ua.dial(rig.now, leg, &out, &crate::words::From::default(), &local_media(10_002));
    rig.drain();
    let invite = rig.only();
    assert!(invite.starts_with("INVITE sip:+14155550177@198.51.100.8 "), "{invite}");
    let trunk = "spare".to_owned();
    assert_eq!(rig.events().pop(), Some(UaEvent::Rerouted { leg, trunk }), "for the record");
}

#[test]
fn a_trunk_shows_the_number_the_setup_says() {
    let mut rig = with(|setup| setup.trunks[0].caller_id = Some("+14155550100".into()));
    let out =
        Target::Trunk { trunk: "carrier".into(), number: "+14155550177".into(), others: vec![] };
    let invite = dial(&mut rig, &out).remove(0);
    assert!(header(&invite, "From").starts_with("<sip:+14155550100@192.0.2.1:5060>"), "{invite}");
    let mut rig = Rig::new();
    let invite = dial(&mut rig, &out).remove(0);
    assert!(header(&invite, "From").starts_with("<sip:c000123@"), "{invite}");
}
