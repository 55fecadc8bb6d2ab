//! Kamailio as a proxy that stays in the path of every dialog (Record-Route), on both sides of us.
//!
//! Without it on PATH these tests say so and do nothing; with `ATTENDANT_LIVE=1` they fail.
//!
//! **Invariant:** no request of ours reaches a telephone but through the proxy.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::calls::{connect, reach_queue, talk};
use crate::clock::{SOON, left, now};
use crate::flows::{ALICE, PASSWORD, TONES};
use crate::peers::{alice_with_md5, baresip_with, have, talk_with_baresip};
use crate::phone::{Dialog, Phone};
use crate::ports;
use crate::rig::{Plan, Rig};
use crate::wire::Message;

const CONFIG: &str = include_str!("kamailio/proxy.cfg");

/// A running Kamailio.
struct Kamailio {
    child: Child,
    folder: TempDir,
    at: SocketAddr,
}

impl Kamailio {
    /// Between telephones, of which carol's is at that port, and the server.
    #[track_caller]
    fn start(at: SocketAddr, server: SocketAddr, transport: &str, carol: u16) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path();
        let config = CONFIG
            .replace("@PORT@", &at.port().to_string())
            .replace("@SERVER@", &server.port().to_string())
            .replace("@TRANSPORT@", transport)
            .replace("@CAROL@", &carol.to_string());
        fs::write(path.join("proxy.cfg"), config).expect("our own folder");
        let log = File::create(path.join("log")).expect("our own folder");
        let child = Command::new("kamailio")
            .args(["-DD", "-E", "-m", "32", "-M", "4", "-f"])
            .arg(path.join("proxy.cfg"))
            .arg("-Y")
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("kamailio starts");
        let kamailio = Self { child, folder, at };
        kamailio.expect_ready();
        kamailio
    }

    /// Asks until it answers.
    #[track_caller]
    fn expect_ready(&self) {
        let mut phone = Phone::new("nobody", self.at);
        let deadline = now() + SOON;
        while left(deadline).is_some() {
            phone.send_request("OPTIONS", "proxy");
            let is_answer = |message: &Message| message.status() == Some(200);
            if phone.receive(Duration::from_millis(100), is_answer).is_some() {
                return;
            }
        }
        panic!("kamailio does not answer; it said:\n{}", self.said());
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// By a signal that it passes on to its own processes.
impl Drop for Kamailio {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- kamailio said ----\n{}", self.said());
        }
        let _ = Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// Carol's telephone never registers: it is reached at the proxy.
fn carol_behind(proxy: SocketAddr) -> String {
    format!(
        "[agents.carol]\nskills = {{ tech = 5 }}\naddress = \"sip:carol@{proxy}\"\n\
         auto_login = true\nauto_ready = true\n[queues.tech]\nwrap_up = \"off\"\n"
    )
}

/// The request came by way of the proxy, and so does what answers it.
#[track_caller]
fn assert_proxied(message: &Message) {
    assert_eq!(message.values("Via").count(), 2, "{message}");
}

#[track_caller]
fn expect_proxied_bye(phone: &mut Phone) {
    let bye = phone.expect_request("BYE");
    assert_proxied(&bye);
    phone.reply(&bye, "200 OK");
}

/// This side puts the other on hold, which hears music, and comes back.
#[track_caller]
fn hold_and_resume(phone: &mut Phone, leg: &mut Dialog, other: &Phone) {
    other.media.forget();
    let held = phone.reinvite(leg, "sendonly");
    assert!(["recvonly", "inactive"].contains(&held.direction()), "{held}");
    other.media.expect_sound_but(TONES, SOON);
    let back = phone.reinvite(leg, "sendrecv");
    assert_eq!(back.direction(), "sendrecv");
    phone.media.forget();
    other.media.forget();
    talk_either_way(phone, other);
}

#[track_caller]
fn talk_either_way(one: &Phone, other: &Phone) {
    let (caller, agent) = if one.name.starts_with('+') { (one, other) } else { (other, one) };
    talk(caller, agent);
}

#[track_caller]
fn assert_two_handled(rig: &Rig, ended_by: [&str; 2]) {
    rig.expect_no_calls();
    let records = rig.records(2);
    assert_eq!(records.len(), 2, "{records:#?}");
    for (record, by) in records.iter().zip(ended_by) {
        assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("handled"), &json!(by)));
    }
}

/// A caller comes through the proxy, which speaks to us by this transport: hold, and a hang-up from
/// either side.
fn caller_behind_a_proxy(transport: &str) {
    let plan = Plan::new(&ALICE.replace("until_done", "off"));
    let rig = plan.start();
    let kamailio = Kamailio::start(ports::one(), rig.sip, transport, 9);
    let mut alice = rig.agent("alice");
    let mut caller = Phone::new("+14155550111", kamailio.at);

    let (mut a_leg, mut b_leg) = connect(&mut caller, &mut alice);
    assert!(!a_leg.routes.is_empty(), "Kamailio did not stay in the path");
    talk(&caller, &alice);
    hold_and_resume(&mut alice, &mut b_leg, &caller);
    let held = caller.reinvite(&mut a_leg, "sendonly");
    assert!(["recvonly", "inactive"].contains(&held.direction()), "{held}");
    caller.reinvite(&mut a_leg, "sendrecv");
    caller.media.forget();
    alice.media.forget();
    talk(&caller, &alice);
    caller.bye(&mut a_leg);
    alice.expect_bye();
    rig.expect_agent("alice", "ready");
    alice.forget();

    let (_, mut b_leg) = connect(&mut caller, &mut alice);
    talk(&caller, &alice);
    alice.bye(&mut b_leg);
    expect_proxied_bye(&mut caller);
    assert_two_handled(&rig, ["caller", "agent"]);
}

#[test]
fn a_caller_behind_a_proxy_is_held_and_hung_up_through_it() {
    if have(&["kamailio"]) {
        caller_behind_a_proxy("udp");
    }
}

/// Kamailio writes two Record-Routes then, one for each transport.
#[test]
fn a_proxy_may_speak_tcp_to_us_and_udp_to_the_caller() {
    if have(&["kamailio"]) {
        caller_behind_a_proxy("tcp");
    }
}

#[test]
fn a_caller_behind_a_proxy_gives_up_before_anybody_answers() {
    if !have(&["kamailio"]) {
        return;
    }
    let rig = Plan::new(ALICE).start();
    let kamailio = Kamailio::start(ports::one(), rig.sip, "udp", 9);
    let mut caller = Phone::new("+14155550111", kamailio.at);
    let mut alice = rig.agent("alice");
    let mut a_leg = reach_queue(&mut caller);
    let invite = alice.ring();
    caller.bye(&mut a_leg);
    let cancel = alice.expect_request("CANCEL");
    alice.reply(&cancel, "200 OK");
    alice.reply(&invite, "487 Request Terminated");
    alice.expect_request("ACK");
    // A number no telephone has: the refusal and its ACK go hop by hop.
    let dialog = caller.invite("7777");
    let answer = caller.final_of("INVITE", &dialog);
    assert_eq!(answer.status(), Some(404), "{answer}");
    caller.ack_failure(&dialog, &answer);
    rig.expect_no_calls();
    assert_eq!(rig.records(1)[0]["outcome"], "abandoned");
}

/// Two calls to an agent behind the proxy: hold, and a hang-up from either side.
fn agent_behind_a_proxy(rig: &Rig, agent: &mut Phone) {
    let mut caller = rig.caller();
    let mut a_leg = reach_queue(&mut caller);
    let invite = agent.ring();
    assert_proxied(&invite);
    let mut b_leg = agent.answer_without_ack(&invite);
    assert!(!b_leg.routes.is_empty(), "Kamailio did not stay in the path");
    assert_proxied(&agent.expect_request("ACK"));
    talk(&caller, agent);
    hold_and_resume(agent, &mut b_leg, &caller);
    let held = caller.reinvite(&mut a_leg, "sendonly");
    assert!(["recvonly", "inactive"].contains(&held.direction()), "{held}");
    caller.reinvite(&mut a_leg, "sendrecv");
    agent.bye(&mut b_leg);
    caller.expect_bye();
    rig.expect_agent(&agent.name, "ready");
    agent.forget();

    let (mut a_leg, _) = connect(&mut caller, agent);
    talk(&caller, agent);
    caller.bye(&mut a_leg);
    expect_proxied_bye(agent);
    rig.expect_agent(&agent.name, "ready");
    assert_two_handled(rig, ["agent", "caller"]);
    agent.forget();

    // And one that is not answered: our CANCEL follows its INVITE.
    let mut a_leg = reach_queue(&mut caller);
    let invite = agent.ring();
    caller.bye(&mut a_leg);
    let cancel = agent.expect_request("CANCEL");
    assert_eq!(cancel.header("Call-ID"), invite.header("Call-ID"));
    agent.reply(&cancel, "200 OK");
    agent.reply(&invite, "487 Request Terminated");
    agent.expect_request("ACK");
    rig.expect_no_calls();
    assert_eq!(rig.records(3)[2]["outcome"], "abandoned");
}

#[test]
fn an_agent_behind_a_proxy_is_called_held_and_hung_up_through_it() {
    if !have(&["kamailio"]) {
        return;
    }
    let at = ports::one();
    let rig = Plan::new(&carol_behind(at)).start();
    let mut carol = Phone::new("carol", at);
    let _kamailio = Kamailio::start(at, rig.sip, "udp", carol.line.local().port());
    rig.expect_agent("carol", "ready");
    agent_behind_a_proxy(&rig, &mut carol);
}

#[test]
fn an_agent_registers_through_a_proxy_and_is_called_through_it() {
    if !have(&["kamailio"]) {
        return;
    }
    let rig = Plan::new(&ALICE.replace("until_done", "off")).start();
    let kamailio = Kamailio::start(ports::one(), rig.sip, "udp", 9);
    let mut alice = Phone::new("alice", kamailio.at);
    assert_eq!(alice.register(PASSWORD), 200, "{}\n{}", alice.wire(), rig.said());
    rig.expect_agent("alice", "ready");
    agent_behind_a_proxy(&rig, &mut alice);
}

#[test]
fn baresip_registers_through_a_proxy_and_talks() {
    if !have(&["kamailio", "baresip"]) {
        return;
    }
    let rig = Plan::new(&alice_with_md5()).start();
    let kamailio = Kamailio::start(ports::one(), rig.sip, "udp", 9);
    let alice = baresip_with(&rig, "alice", &format!(";outbound=\"sip:{}\"", kamailio.at));
    talk_with_baresip(&rig, &mut Phone::new("+14155550111", kamailio.at), &alice);
}
