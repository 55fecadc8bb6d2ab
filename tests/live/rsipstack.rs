//! A telephone on rsipstack, the SIP stack beneath rustpbx: as an agent and as a caller.
//!
//! It is a package of its own, `tests/peers/rsipstack`; where its binary is, `ATTENDANT_RSIPSTACK`
//! says. Without that these tests say so and do nothing; with `ATTENDANT_LIVE=1` they fail.
//!
//! **Invariant:** what is waited for is a line it prints, or what the server says of it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};

use serde_json::{Value, json};

use crate::calls::reach_queue;
use crate::clock::{SOON, left, now};
use crate::flows::{
    AGENT_HZ, ALICE, ALICE_AND_BOB, CALLER_HZ, MENU_HZ, PASSWORD, TONES, WRONG_KEY_HZ,
};
use crate::peers::{alice_with_md5, is_left_out};
use crate::phone::{Dialog, Phone};
use crate::rig::{Plan, Process, Rig};

const BINARY: &str = "ATTENDANT_RSIPSTACK";
/// No telephone that registers: these tests' trunk brings its calls.
const CALLER: &str = "+14155550122";

/// Where the telephone is. Says so where it is not.
pub(crate) fn binary() -> Option<PathBuf> {
    let path = std::env::var_os(BINARY).map(PathBuf::from);
    let found = path.filter(|path| path.is_file());
    if found.is_none() {
        is_left_out(&format!("{BINARY} names no telephone on rsipstack"));
    }
    found
}

/// The telephone, ended with the test.
pub(crate) struct Softphone {
    name: String,
    by_tcp: bool,
    _process: Process,
    input: ChildStdin,
    lines: Receiver<String>,
    /// Printed but not yet asked for.
    unread: VecDeque<String>,
    /// All its orders and what it printed, for the message of a failing test.
    log: Vec<String>,
}

impl Softphone {
    #[track_caller]
    fn start(binary: &PathBuf, rig: &Rig, name: &str, more: &[&str]) -> Self {
        let mut child = Command::new(binary)
            .args([&rig.sip.to_string(), name, PASSWORD])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the telephone starts");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let (unread, log) = (VecDeque::new(), Vec::new());
        let (name, by_tcp) = (name.to_owned(), more.contains(&"tcp"));
        let _process = Process(child);
        let mut phone = Self { name, by_tcp, _process, input, lines, unread, log };
        phone.expect("ready");
        phone
    }

    /// One that has registered as this agent, and has registered again.
    #[track_caller]
    pub(crate) fn agent(binary: &PathBuf, rig: &Rig, name: &str, more: &[&str]) -> Self {
        let mut phone = Self::start(binary, rig, name, more);
        phone.tell("register 300");
        phone.expect("registered");
        phone.expect("kept");
        rig.expect_agent(name, "ready");
        phone
    }

    pub(crate) fn tell(&mut self, line: &str) {
        self.log.push(format!("> {line}"));
        writeln!(self.input, "{line}").expect("the telephone lives");
    }

    /// Waits for this line, or one that goes on after it and a space; others are kept for later.
    #[track_caller]
    pub(crate) fn expect(&mut self, wanted: &str) -> String {
        let fits = |line: &str| {
            line.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        if let Some(at) = self.unread.iter().position(|line| fits(line)) {
            return self.unread.remove(at).expect("found there");
        }
        let deadline = now() + SOON;
        while let Some(line) = left(deadline).and_then(|left| self.lines.recv_timeout(left).ok()) {
            self.log.push(format!("< {line}"));
            if fits(&line) {
                return line;
            }
            assert!(!line.starts_with("failed"), "{}:\n{}", self.name, self.log.join("\n"));
            self.unread.push_back(line);
        }
        panic!("{}: no {wanted}:\n{}", self.name, self.log.join("\n"));
    }

    /// Says this tone and hears that one.
    #[track_caller]
    pub(crate) fn say_and_hear(&mut self, said_hz: f64, heard_hz: f64) {
        self.tell(&format!("say {said_hz}"));
        self.hear(heard_hz);
    }

    #[track_caller]
    pub(crate) fn hear(&mut self, hz: f64) {
        self.hear_all(&[hz]);
    }

    /// All of these at once, and nothing else.
    #[track_caller]
    pub(crate) fn hear_all(&mut self, tones_hz: &[f64]) {
        let tones: Vec<String> = tones_hz.iter().map(f64::to_string).collect();
        let tones = tones.join(" ");
        self.tell(&format!("hear {tones}"));
        self.expect(&format!("heard {tones}"));
    }

    /// Rings, and answers.
    #[track_caller]
    pub(crate) fn answer(&mut self) {
        self.expect("ringing");
        self.tell("answer");
        self.expect("talking");
    }

    /// Goes through the menu to the queue, with a wrong key by INFO and the right one in RTP.
    #[track_caller]
    fn reach_queue(&mut self) {
        self.tell("call 1000");
        self.expect("talking");
        self.hear(MENU_HZ);
        self.tell("info 9");
        self.expect("info 200");
        self.hear(WRONG_KEY_HZ);
        self.hear(MENU_HZ);
        self.tell("press 1");
        self.expect("pressed 1");
    }
}

#[track_caller]
fn assert_record(record: &Value, outcome: &str, ended_by: &str) {
    let said = (&record["outcome"], &record["ended_by"]);
    assert_eq!(said, (&json!(outcome), &json!(ended_by)), "{record:#}");
}

fn legs(record: &Value) -> Vec<(&str, &str)> {
    let legs = record["legs"].as_array().expect("legs");
    legs.iter().filter_map(|leg| Some((leg["agent"].as_str()?, leg["outcome"].as_str()?))).collect()
}

#[track_caller]
fn expect_unreachable(rig: &Rig, agent: &str) {
    rig.eventually(&format!("{agent} is registered nowhere"), || {
        rig.agent_view(agent).filter(|view| view["reachable"] == false)
    });
}

// ---- as an agent ----

/// A scripted caller reaches alice, and each hears the other.
#[track_caller]
fn talk_with(rig: &Rig, caller: &mut Phone, alice: &mut Softphone) -> Dialog {
    let dialog = reach_queue(caller);
    let transport = if alice.by_tcp { "TCP" } else { "UDP" };
    assert_eq!(alice.expect("ringing"), format!("ringing {} {transport}", caller.name));
    caller.media.expect_sound_but(TONES, SOON);
    rig.expect_agent("alice", "reserved");
    alice.tell("answer");
    alice.expect("talking");
    rig.expect_agent("alice", "talking");
    caller.media.say(Some(CALLER_HZ));
    alice.say_and_hear(AGENT_HZ, CALLER_HZ);
    caller.media.expect_tone(AGENT_HZ, SOON);
    dialog
}

/// The caller hangs up on the one call, the agent on the other.
#[track_caller]
fn two_calls(rig: &Rig, alice: &mut Softphone) {
    let mut caller = rig.caller();
    let mut dialog = talk_with(rig, &mut caller, alice);
    caller.bye(&mut dialog);
    alice.expect("ended UacBye");
    caller.media.assert_one_stream();
    rig.expect_agent("alice", "ready");

    let mut caller = rig.caller();
    talk_with(rig, &mut caller, alice);
    alice.tell("hangup");
    caller.expect_bye();
    alice.expect("ended UasBye");
    caller.media.assert_one_stream();
    rig.expect_agent("alice", "ready");

    let records = rig.records(2);
    assert_record(&records[0], "handled", "caller");
    assert_record(&records[1], "handled", "agent");
    for record in &records {
        assert_eq!(legs(record), [("alice", "accepted")], "{record:#}");
    }
}

fn without_wrap_up(agents: &str) -> String {
    agents.replace("until_done", "off")
}

#[test]
fn rsipstack_registers_with_sha_256_and_talks() {
    let Some(binary) = binary() else { return };
    let rig = Plan::new(&without_wrap_up(ALICE)).start();
    two_calls(&rig, &mut Softphone::agent(&binary, &rig, "alice", &["udp"]));
}

#[test]
fn rsipstack_registers_with_md5_and_talks() {
    let Some(binary) = binary() else { return };
    let rig = Plan::new(&without_wrap_up(&alice_with_md5())).start();
    two_calls(&rig, &mut Softphone::agent(&binary, &rig, "alice", &["udp", "as-it-is"]));
}

#[test]
fn rsipstack_registers_over_tcp_and_talks() {
    let Some(binary) = binary() else { return };
    let rig = Plan::new(&without_wrap_up(ALICE)).start();
    two_calls(&rig, &mut Softphone::agent(&binary, &rig, "alice", &["tcp"]));
}

/// Why the telephone mends the spelling: when this fails, `tests/peers/rsipstack/src/spelling.rs`
/// has become needless. Until then an agent whose telephone stands on rsipstack needs `md5 = true`.
#[test]
fn rsipstack_as_it_is_does_not_read_sha_256() {
    let Some(binary) = binary() else { return };
    let rig = Plan::new(ALICE).start();
    let mut alice = Softphone::start(&binary, &rig, "alice", &["udp", "as-it-is"]);
    alice.tell("register 300");
    let failed = alice.expect("failed");
    assert!(failed.contains("SHA-256"), "{failed}");
}

#[test]
fn rsipstack_keeps_its_registration_until_it_dies() {
    let Some(binary) = binary() else { return };
    let rig = Plan::new(&without_wrap_up(ALICE)).set("sip.register_expires_min_s", "1").start();
    let mut alice = Softphone::start(&binary, &rig, "alice", &["udp"]);
    alice.tell("register 2");
    alice.expect("registered");
    // A second apart, so the first registration is over with the last of these.
    for _ in 0..4 {
        alice.expect("kept");
    }
    let mut caller = rig.caller();
    let mut dialog = talk_with(&rig, &mut caller, &mut alice);
    caller.bye(&mut dialog);
    alice.expect("ended UacBye");
    assert_eq!(rig.expect_agent("alice", "ready")["reachable"], true);
    drop(alice);
    expect_unreachable(&rig, "alice");
}

#[test]
fn rsipstack_is_canceled_when_the_caller_leaves() {
    let Some(binary) = binary() else { return };
    let rig = Plan::new(ALICE).start();
    let mut alice = Softphone::agent(&binary, &rig, "alice", &["udp"]);
    let mut caller = rig.caller();
    let mut dialog = reach_queue(&mut caller);
    alice.expect("ringing");
    caller.bye(&mut dialog);
    alice.expect("ended UacCancel");
    rig.expect_agent("alice", "ready");
    let record = rig.record();
    assert_record(&record, "abandoned", "caller");
    assert_eq!(legs(&record), [("alice", "withdrawn")], "{record:#}");

    // And the next one is taken.
    let mut caller = rig.caller();
    let mut dialog = talk_with(&rig, &mut caller, &mut alice);
    caller.bye(&mut dialog);
    alice.expect("ended UacBye");
    assert_record(&rig.records(2)[1], "handled", "caller");
}

/// Alice is asked first and says this; bob, over TCP, takes the call.
#[track_caller]
fn bob_instead(status: u16, outcome: &str) {
    let Some(binary) = binary() else { return };
    let rig = Plan::new(ALICE_AND_BOB).start();
    let mut alice = Softphone::agent(&binary, &rig, "alice", &["udp"]);
    let mut bob = Softphone::agent(&binary, &rig, "bob", &["tcp"]);
    let mut caller = rig.caller();
    let mut dialog = reach_queue(&mut caller);
    alice.expect("ringing");
    alice.tell(&format!("reject {status}"));
    alice.expect("ended");
    bob.answer();
    caller.media.say(Some(CALLER_HZ));
    bob.say_and_hear(AGENT_HZ, CALLER_HZ);
    caller.media.expect_tone(AGENT_HZ, SOON);
    caller.bye(&mut dialog);
    bob.expect("ended UacBye");
    rig.expect_agent("alice", "ready");
    let record = rig.record();
    assert_record(&record, "handled", "caller");
    assert_eq!(legs(&record), [("alice", outcome), ("bob", "accepted")], "{record:#}");
}

#[test]
fn rsipstack_declines_and_the_next_agent_is_asked() {
    bob_instead(603, "rejected");
}

#[test]
fn rsipstack_is_busy_and_the_next_agent_is_asked() {
    bob_instead(486, "busy");
}

#[test]
fn rsipstack_unregisters_and_is_not_rung() {
    let Some(binary) = binary() else { return };
    let rig = Plan::new(ALICE_AND_BOB).start();
    let mut alice = Softphone::agent(&binary, &rig, "alice", &["udp"]);
    let mut bob = rig.agent("bob");
    alice.tell("unregister");
    alice.expect("unregistered");
    expect_unreachable(&rig, "alice");
    let mut caller = rig.caller();
    let mut dialog = reach_queue(&mut caller);
    let invite = bob.ring();
    bob.answer(&invite);
    caller.bye(&mut dialog);
    bob.expect_bye();
    let record = rig.record();
    assert_eq!(legs(&record), [("bob", "accepted")], "{record:#}");
    assert!(!alice.log.iter().any(|line| line.contains("ringing")), "{:?}", alice.log);
}

#[test]
fn rsipstack_holds_the_caller_who_hears_music() {
    let Some(binary) = binary() else { return };
    let rig = Plan::new(ALICE).start();
    let mut alice = Softphone::agent(&binary, &rig, "alice", &["udp"]);
    let mut caller = rig.caller();
    let mut dialog = talk_with(&rig, &mut caller, &mut alice);
    alice.tell("offer sendonly");
    alice.expect("answered 200 recvonly");
    caller.media.expect_sound_but(TONES, SOON);
    alice.tell("offer sendrecv");
    alice.expect("answered 200 sendrecv");
    caller.media.expect_tone(AGENT_HZ, SOON);
    alice.hear(CALLER_HZ);
    caller.bye(&mut dialog);
    alice.expect("ended UacBye");
    let record = rig.record();
    assert_record(&record, "handled", "caller");
    assert!(record["legs"][0]["hold_ms"].as_u64().is_some_and(|ms| ms > 0), "{record:#}");
}

#[test]
fn rsipstack_calls_feature_codes_with_its_password() {
    let Some(binary) = binary() else { return };
    let rig = Plan::new(ALICE).start();
    let mut alice = Softphone::agent(&binary, &rig, "alice", &["udp"]);
    for (code, state) in [("*43", "not_ready"), ("*42", "ready"), ("*41", "logged_out")] {
        alice.tell(&format!("call {code}"));
        alice.expect("talking");
        alice.expect("ended UasBye");
        rig.expect_agent("alice", state);
    }
}

// ---- as a caller ----

#[track_caller]
fn assert_steps(record: &Value) {
    let path = record["path"].as_array().expect("a path");
    let steps: Vec<&str> = path.iter().filter_map(|entry| entry["step"].as_str()).collect();
    assert_eq!(steps, ["greeting", "main", "tech"], "{record:#}");
    assert_eq!(record["from"], CALLER);
}

#[test]
fn rsipstack_calls_through_the_menu_and_hangs_up() {
    let Some(binary) = binary() else { return };
    let rig = Plan::new(ALICE).start();
    let mut alice = rig.agent("alice");
    let mut caller = Softphone::start(&binary, &rig, CALLER, &["udp"]);
    caller.reach_queue();
    let invite = alice.ring();
    alice.answer(&invite);
    alice.media.say(Some(AGENT_HZ));
    caller.say_and_hear(CALLER_HZ, AGENT_HZ);
    alice.media.expect_tone(CALLER_HZ, SOON);
    caller.tell("hangup");
    caller.expect("ended UacBye");
    alice.expect_bye();
    let record = rig.record();
    assert_record(&record, "handled", "caller");
    assert_steps(&record);
}

#[test]
fn rsipstack_calls_over_tcp_and_rsipstack_answers_over_udp() {
    let Some(binary) = binary() else { return };
    let rig = Plan::new(ALICE).start();
    let mut alice = Softphone::agent(&binary, &rig, "alice", &["udp"]);
    let mut caller = Softphone::start(&binary, &rig, CALLER, &["tcp"]);
    caller.reach_queue();
    alice.answer();
    caller.tell(&format!("say {CALLER_HZ}"));
    alice.say_and_hear(AGENT_HZ, CALLER_HZ);
    caller.hear(AGENT_HZ);
    alice.tell("hangup");
    alice.expect("ended UasBye");
    caller.expect("ended UasBye");
    let record = rig.record();
    assert_record(&record, "handled", "agent");
    assert_steps(&record);
}
