//! Challenges to requests of ours: answered once, by the trunk whose credentials they are.

use super::calls::answered;
use super::dialing::{ANSWER, dial, dial_ann, failed, respond};
use super::*;
use crate::words::Target;

fn challenge(invite: &str, nonce: &str) -> String {
    let header = format!(
        "Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"{nonce}\", qop=\"auth\", \
         algorithm=SHA-256\n"
    );
    respond(invite, "407 Proxy Authentication Required", "p", &header, "")
}

#[test]
fn a_trunks_challenge_is_answered_once() {
    let mut rig = Rig::new();
    let target =
        Target::Trunk { trunk: "carrier".into(), number: "+14155550177".into(), others: vec![] };
    let invite = dial(&mut rig, &target).remove(0);
    assert!(invite.starts_with("INVITE sip:+14155550177@198.51.100.7:5060 SIP/2.0"), "{invite}");
    rig.receive(&challenge(&invite, "n1"));
    let [(_, ack), (_, second)] = &rig.sent[..] else { panic!("{:?}", rig.sent) };
    assert!(ack.starts_with("ACK "));
    assert_eq!(header(second, "CSeq"), "2 INVITE");
    assert_eq!(header(second, "Call-ID"), header(&invite, "Call-ID"));
    assert!(header(second, "Proxy-Authorization").contains("nonce=\"n1\""));
    assert!(!second.contains("correct horse"));
    let second = second.clone();
    rig.sent.clear();
    rig.receive(&challenge(&second, "n2"));
    assert!(rig.only().starts_with("ACK "), "nothing but the ACK");
    assert_eq!(rig.events(), failed(Cause::CALL_REJECTED));
    rig.assert_quiet();
}

#[test]
fn a_phones_challenge_never_sees_a_trunks_password() {
    let mut rig = Rig::new();
    let invite = dial_ann(&mut rig);
    rig.receive(&challenge(&invite, "n1"));
    assert!(rig.only().starts_with("ACK "));
    assert_eq!(rig.events(), failed(Cause::CALL_REJECTED));
}

/// A call of ours through the trunk, answered by whoever is at `contact`.
fn through_the_trunk(rig: &mut Rig, contact: &str) {
    let target =
        Target::Trunk { trunk: "carrier".into(), number: "+14155550177".into(), others: vec![] };
    let invite = dial(rig, &target).remove(0);
    let timers = "Session-Expires: 90;refresher=uac\nContent-Type: application/sdp\n";
    let ok = respond(&invite, "200 OK", "a", timers, ANSWER);
    rig.receive(&ok.replace("sip:ann@203.0.113.5:6100", contact));
    rig.sent.clear();
    rig.events();
}

/// The challenge to what was just sent, and what is sent then.
fn again(rig: &mut Rig, method: &str) -> String {
    let first = rig.only();
    assert!(first.starts_with(method), "{first}");
    rig.receive(&challenge(&first, "n1"));
    let second = rig.sent.pop().unwrap().1;
    assert!(second.starts_with(method), "{second}");
    assert!(header(&second, "Proxy-Authorization").contains("nonce=\"n1\""), "{second}");
    assert_ne!(header(&second, "Via"), header(&first, "Via"));
    let number = |text: &str| header(text, "CSeq").split(' ').next().unwrap().parse::<u32>();
    assert_eq!(number(&second).unwrap(), number(&first).unwrap() + 1);
    rig.sent.clear();
    second
}

#[test]
fn a_challenged_bye_is_sent_again_with_credentials() {
    let mut rig = Rig::new();
    through_the_trunk(&mut rig, "sip:198.51.100.9:5060");
    rig.ua.hang_up(rig.now, leg(1), Cause::USER_BUSY);
    rig.drain();
    let second = again(&mut rig, "BYE ");
    assert!(header(&second, "Reason").starts_with("Q.850;cause=17"), "{second}");
    rig.receive(&challenge(&second, "n2"));
    assert_eq!(rig.lines(), [], "one attempt");
    assert_eq!(rig.events(), [UaEvent::Ended { leg: leg(1), cause: Cause::USER_BUSY }]);
    rig.assert_quiet();
    // A call that came through the trunk as well.
    let mut rig = Rig::new();
    answered(&mut rig);
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.drain();
    let second = again(&mut rig, "BYE ");
    rig.receive(&respond(&second, "200 OK", "", "", ""));
    rig.assert_quiet();
}

#[test]
fn a_challenged_reinvite_and_a_challenged_refresh_are_sent_again_with_credentials() {
    let mut rig = Rig::new();
    through_the_trunk(&mut rig, "sip:198.51.100.9:5060");
    rig.ua.hold(rig.now, leg(1), true);
    rig.drain();
    let second = again(&mut rig, "INVITE ");
    assert!(second.contains("a=sendonly"), "{second}");
    let more = "Allow: UPDATE\nSession-Expires: 90;refresher=uac\nContent-Type: application/sdp\n";
    rig.receive(&respond(&second, "200 OK", "", more, &format!("{ANSWER}a=recvonly\r\n")));
    rig.sent.clear();
    rig.events();
    rig.wait(45_000);
    let second = again(&mut rig, "UPDATE ");
    let ok = respond(&second, "200 OK", "", "Session-Expires: 90;refresher=uac\n", "");
    rig.receive(&ok);
    assert_eq!(rig.ua.counts().dialog_timers, 2, "refreshed");

    let mut rig = Rig::new();
    through_the_trunk(&mut rig, "sip:198.51.100.9:5060");
    rig.wait(45_000);
    let second = again(&mut rig, "INVITE ");
    assert!(second.contains("Session-Expires: 90;refresher=uac"), "{second}");
    rig.receive(&challenge(&second, "n2"));
    assert!(rig.only().starts_with("ACK "), "one attempt");
    rig.wait(9000);
    again(&mut rig, "INVITE ");
    assert_eq!(rig.events(), []);
}

#[test]
fn an_address_that_is_not_the_trunks_never_sees_its_credentials() {
    let mut rig = Rig::new();
    through_the_trunk(&mut rig, "sip:mallory@203.0.113.66:5060");
    rig.ua.hang_up(rig.now, leg(1), Cause::NORMAL_CLEARING);
    rig.drain();
    let bye = rig.only();
    rig.receive(&challenge(&bye, "n1"));
    assert_eq!(rig.lines(), []);
    rig.assert_quiet();
}
