//! Telephones written by others: sipp and baresip.
//!
//! A test whose tool is not on PATH says so and does nothing; with `ATTENDANT_LIVE=1` it fails.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::calls::reach_queue;
use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE, CALLER_HZ, PASSWORD, TONES};
use crate::phone::Phone;
use crate::ports;
use crate::rig::{Plan, Process, Rig};
use crate::sound::{Codec, FRAME, purity, tone};
use crate::wav::read_wav;

const CALLER: &str = include_str!("sipp/caller.xml");
const KEY_BY_INFO: &str = include_str!("sipp/key_info.xml");
pub(crate) const AGENT: &str = include_str!("sipp/agent.xml");

/// Whether all of these are on PATH. Says which one is not, past the capture of test output.
pub(crate) fn have(tools: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let missing: Vec<&str> = tools
        .iter()
        .copied()
        .filter(|tool| !std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()))
        .collect();
    if !missing.is_empty() {
        is_left_out(&format!("{missing:?} is not on PATH"));
    }
    missing.is_empty()
}

/// This test is, for that reason; where all are wanted it fails.
#[track_caller]
pub(crate) fn is_left_out(reason: &str) {
    let required = std::env::var_os("ATTENDANT_LIVE").is_some_and(|value| value == "1");
    assert!(!required, "ATTENDANT_LIVE=1, and {reason}");
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "skipped {name}: {reason}");
}

/// A peer that ends by itself.
pub(crate) struct Peer(Process);

impl Peer {
    /// Waits until it has ended by itself, well.
    #[track_caller]
    pub(crate) fn done(&mut self, rig: &Rig) {
        let status =
            rig.eventually("the peer has ended", || self.0.0.try_wait().expect("our child"));
        assert!(status.success(), "sipp: {status}; the server said:\n{}", rig.said());
    }
}

// ---- baresip ----

pub(crate) struct Baresip {
    folder: TempDir,
    _process: Process,
}

fn baresip(rig: &Rig, agent: &str) -> Baresip {
    baresip_with(rig, agent, "")
}

/// A registered baresip that answers by itself, says a tone and writes down what it hears. Its
/// account has these parameters, too.
pub(crate) fn baresip_with(rig: &Rig, agent: &str, more: &str) -> Baresip {
    let account = format!("<sip:{agent}@{}>;auth_pass={PASSWORD};regint=60{more}", rig.sip);
    let baresip = start_baresip(0, &account);
    rig.expect_agent(agent, "ready");
    baresip
}

/// The same with this number at this port, registered nowhere: what a trunk leads to. The port
/// after it, where it wants TLS, must be free as well. What it is sent before it listens is sent
/// again.
pub(crate) fn baresip_at_number(number: &str, port: u16, more: &str) -> Baresip {
    start_baresip(port, &format!("<sip:{number}@127.0.0.1:{port}>;regint=0{more}"))
}

/// At this port, or at any where it is 0.
fn start_baresip(port: u16, account: &str) -> Baresip {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path();
    let modules = ["/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules"];
    let modules = modules.iter().find(|path| Path::new(path).is_dir()).unwrap_or(&modules[0]);
    let sound = ports::row(16);
    let config = format!(
        "poll_method epoll\nsip_listen 127.0.0.1:{port}\ncall_max_calls 4\n\
         audio_player aubridge,nothing\naudio_source ausine,{AGENT_HZ}\n\
         audio_alert aubridge,nothing\naudio_level no\nausrc_srate 48000\nausrc_channels 2\n\
         ausrc_format s16\nauplay_format s16\nauenc_format s16\naudec_format s16\n\
         rtp_ports {}-{}\nsnd_path {}\nmodule_path {modules}\n\
         module g711.so\nmodule ausine.so\nmodule aubridge.so\nmodule sndfile.so\n\
         module_tmp account.so\nmodule_app menu.so\n",
        sound.start(),
        sound.end(),
        path.display()
    );
    fs::write(path.join("config"), config).expect("our own folder");
    let account = format!("{account};answermode=auto\n");
    fs::write(path.join("accounts"), account).expect("our own folder");
    let process = Command::new("baresip")
        .arg("-f")
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("baresip starts");
    Baresip { folder, _process: Process(process) }
}

impl Baresip {
    /// Seconds of this tone, alone, in what it heard.
    pub(crate) fn heard_s(&self, hz: f64) -> f64 {
        self.heard_all_s(&[hz])
    }

    /// Seconds of these tones, equally loud and no other, in what it heard.
    pub(crate) fn heard_all_s(&self, tones_hz: &[f64]) -> f64 {
        let share = 0.8 / tones_hz.len() as f64;
        let files = fs::read_dir(self.folder.path()).expect("our own folder");
        let heard = files
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| path.to_string_lossy().ends_with("-dec.wav"));
        let frames = |path: &Path| {
            let sound = read_wav(path);
            let are_there = |part: &[i16]| tones_hz.iter().all(|hz| purity(part, *hz) > share);
            sound.chunks(5 * FRAME).filter(|part| are_there(part)).count()
        };
        heard.map(|path| frames(&path)).sum::<usize>() as f64 / 10.0
    }
}

/// With MD5: baresip 1.0 knows nothing else, and gives up on a challenge it does not know.
pub(crate) fn alice_with_md5() -> String {
    ALICE.replace("auto_login", "md5 = true\nauto_login")
}

#[test]
fn baresip_registers_and_talks() {
    if !have(&["baresip"]) {
        return;
    }
    let rig = Plan::new(&alice_with_md5()).start();
    let agent = baresip(&rig, "alice");
    talk_with_baresip(&rig, &mut rig.caller(), &agent);
}

/// A caller reaches alice's baresip, each hears the other, and the caller hangs up.
#[track_caller]
pub(crate) fn talk_with_baresip(rig: &Rig, caller: &mut Phone, agent: &Baresip) {
    let mut dialog = reach_queue(caller);
    caller.media.say(Some(CALLER_HZ));
    caller.media.expect_tone(AGENT_HZ, SOON);
    rig.expect_agent("alice", "talking");
    caller.media.listen(Duration::from_millis(1500));
    caller.bye(&mut dialog);
    caller.media.assert_one_stream();
    rig.expect_agent("alice", "after_call_work");
    let heard_s = rig.eventually("baresip has written what it heard", || {
        let heard_s = agent.heard_s(CALLER_HZ);
        (heard_s >= 1.0).then_some(heard_s)
    });
    println!("baresip heard the caller for {heard_s:.1} s");
    assert_eq!(rig.record()["outcome"], "handled");
}

// ---- sipp ----

/// sipp with this scenario, once, playing a tone of `hz`.
pub(crate) fn sipp(scenario: &str, hz: f64, port: u16, target: &[&str]) -> (Peer, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path();
    fs::write(path.join("scenario.xml"), scenario).expect("our own folder");
    let sound: Vec<u8> =
        tone(hz, 0, 8000).into_iter().map(|sample| Codec::Ulaw.encode(sample)).collect();
    fs::write(path.join("tone.ulaw"), sound).expect("our own folder");
    let port = port.to_string();
    let process = Command::new("sipp")
        .current_dir(path)
        .args(["-sf", "scenario.xml", "-m", "1", "-nostdin", "-timeout", "30s", "-timeout_error"])
        .args(["-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", &port])
        .args(target)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sipp starts");
    (Peer(Process(process)), folder)
}

fn call_with(rig: &Rig, scenario: &str) -> (Peer, TempDir) {
    sipp(scenario, CALLER_HZ, ports::one().port(), &["-s", "1000", &rig.sip.to_string()])
}

#[track_caller]
fn assert_steps(record: &Value) {
    let path = record["path"].as_array().expect("a path");
    let steps: Vec<&str> = path.iter().filter_map(|entry| entry["step"].as_str()).collect();
    assert_eq!(steps, ["greeting", "main", "tech"], "{record:#}");
}

#[test]
fn sipp_calls_with_keys_by_info_and_baresip_answers() {
    if !have(&["sipp", "baresip"]) {
        return;
    }
    let rig = Plan::new(&alice_with_md5()).start();
    let agent = baresip(&rig, "alice");
    let key = |key, sequence| KEY_BY_INFO.replace("@KEY@", key).replace("@SEQUENCE@", sequence);
    let scenario = CALLER.replace("@WRONG@", &key("9", "2")).replace("@RIGHT@", &key("1", "3"));
    let (mut caller, _folder) = call_with(&rig, &scenario);
    rig.expect_agent("alice", "talking");
    caller.done(&rig);
    rig.expect_agent("alice", "after_call_work");
    let record = rig.record();
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("handled"), &json!("caller")));
    assert_eq!(record["from"], "+14155550122");
    assert_steps(&record);
    rig.eventually("baresip heard sipp's tone", || (agent.heard_s(CALLER_HZ) >= 1.0).then_some(()));
}

#[test]
fn sipp_calls_with_keys_in_rtp() {
    if !have(&["sipp"]) {
        return;
    }
    if !can_send_raw() {
        let _ = writeln!(std::io::stderr(), "skipped sipp's keys in RTP: its pcap play needs root");
        return;
    }
    let rig = Plan::new(ALICE).start();
    let mut alice = rig.agent("alice");
    let play = "  <nop><action><exec play_pcap_audio=\"@KEY@.pcap\"/></action></nop>";
    let scenario = CALLER
        .replace("@WRONG@", &play.replace("@KEY@", "9"))
        .replace("@RIGHT@", &play.replace("@KEY@", "1"))
        .replace("[rtpstream_audio_port]", "[media_port]");
    let without_stream = |line: &&str| !line.contains("rtp_stream");
    let scenario: Vec<&str> = scenario.lines().filter(without_stream).collect();
    let (mut caller, folder) = {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for key in [1, 9] {
            let file = folder.path().join(format!("{key}.pcap"));
            fs::write(file, key_pcap(key)).expect("our own folder");
        }
        let scenario = scenario.join("\n").replace(
            "exec play_pcap_audio=\"",
            &format!("exec play_pcap_audio=\"{}/", folder.path().display()),
        );
        let media_port = ports::row(4).start().to_string(); // sound, pictures, and RTCP of both
        let target = rig.sip.to_string();
        let (peer, sipp_folder) = sipp(
            &scenario,
            CALLER_HZ,
            ports::one().port(),
            &["-mp", &media_port, "-s", "1000", &target],
        );
        (peer, [folder, sipp_folder])
    };
    let invite = alice.ring();
    alice.answer(&invite);
    alice.expect_bye();
    caller.done(&rig);
    assert_steps(&rig.record());
    drop(folder);
}

#[test]
fn sipp_answers_at_a_fixed_address_and_hangs_up() {
    if !have(&["sipp"]) {
        return;
    }
    let port = ports::one().port();
    let carol = format!(
        "[agents.carol]\nskills = {{ tech = 5 }}\naddress = \"sip:carol@127.0.0.1:{port}\"\n\
         auto_login = true\nauto_ready = true\n[queues.tech]\nwrap_up = \"off\"\n"
    );
    let rig = Plan::new(&carol).start();
    let (mut agent, _folder) = sipp(AGENT, AGENT_HZ, port, &[]);
    rig.expect_agent("carol", "ready");
    let mut caller = rig.caller();
    reach_queue(&mut caller);
    caller.media.expect_sound_but(TONES, SOON);
    caller.media.expect_tone(AGENT_HZ, SOON);
    caller.expect_bye();
    agent.done(&rig);
    let record = rig.record();
    assert_eq!((&record["outcome"], &record["ended_by"]), (&json!("handled"), &json!("agent")));
}

/// Whether sipp may open the raw socket its pcap play needs.
fn can_send_raw() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
}

/// A capture of one key press, 100 ms, as sipp plays it.
fn key_pcap(key: u8) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2, 0, 4, 0]);
    file.extend([0; 8]);
    file.extend(65_535_u32.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    for n in 0..8_u16 {
        let ended = n > 4;
        let duration = (n.min(4) + 1) * 160;
        let mut rtp = vec![0x80, if n == 0 { 0x80 | 101 } else { 101 }];
        rtp.extend((u16::from(key) * 100 + n).to_be_bytes());
        rtp.extend((u32::from(key) * 16_000).to_be_bytes());
        rtp.extend(0x5150_u32.to_be_bytes());
        rtp.extend([key, if ended { 0x8a } else { 0x0a }]);
        rtp.extend(duration.to_be_bytes());
        let frame = udp_frame(&rtp);
        file.extend(0_u32.to_le_bytes());
        file.extend((u32::from(n) * 20_000).to_le_bytes());
        let length = u32::try_from(frame.len()).expect("a small frame").to_le_bytes();
        file.extend(length);
        file.extend(length);
        file.extend(frame);
    }
    file
}

/// Ethernet, IPv4 and UDP around a payload; sipp looks at the lengths only.
fn udp_frame(payload: &[u8]) -> Vec<u8> {
    let length = |head: usize| u16::try_from(payload.len() + head).expect("small").to_be_bytes();
    let loopback: SocketAddr = ([127, 0, 0, 1], 6000).into();
    let port = loopback.port().to_be_bytes();
    let mut frame = vec![0; 12];
    frame.extend([0x08, 0x00, 0x45, 0x00]);
    frame.extend(length(28));
    frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
    frame.extend([port, port, length(8), [0, 0]].concat());
    frame.extend(payload);
    frame
}
