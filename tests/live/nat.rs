//! Telephones and trunks behind a NAT or a media relay, and strangers who send sound to their
//! calls.
//!
//! Every address of 127.0.0.0/8 is this machine, and each stands for a host of its own.
//!
//! **Invariant:** in each set-up the strangers begin before the true party, send twice as often and
//! under its SSRC, and no packet reaches them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::calls::talk;
use crate::clock::SOON;
use crate::flows::{AGENT_HZ, ALICE, CALLER_HZ, MENU_HZ};
use crate::line::Line;
use crate::media::Media;
use crate::phone::{Dialog, Phone};
use crate::ports;
use crate::rig::{Plan, Rig};
use crate::sound::Codec;

/// The end of an address 127.0.0.N.
type Host = u8;

/// Whose signaling comes from elsewhere than from 127.0.0.1, and goes there.
const CALLER: Host = 2;
/// What the description of a telephone behind a NAT names: no telephone is there.
const PRIVATE: Host = 9;
const RELAY: Host = 77;
const STRANGERS: [Host; 2] = [66, 67];
/// How long the strangers are alone: more than ten times what it takes to learn a source.
const ALONE: Duration = Duration::from_millis(600);

fn at(host: Host) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, host).into()
}

fn free(host: Host) -> SocketAddr {
    (at(host), *ports::row(2).start()).into()
}

/// A telephone that signals from one host, sends and wants its sound at another, and describes a
/// third.
fn phone(rig: &Rig, name: &str, sound: Host, described: Option<SocketAddr>) -> Phone {
    let mut phone = Phone::on(Line::udp_at(at(CALLER)), name, rig.sip);
    phone.media = Media::on(free(sound));
    phone.described = Some(described.unwrap_or((at(sound), phone.media.port).into()));
    phone
}

/// They send to where the sound of this call is, before anybody else does.
fn strangers(target: SocketAddr) -> Vec<Media> {
    let strangers: Vec<Media> = STRANGERS.iter().map(|host| Media::on(free(*host))).collect();
    for stranger in &strangers {
        stranger.aim(target, Codec::Ulaw);
        stranger.say(Some(3_000.0));
    }
    strangers[0].listen(ALONE);
    strangers
}

#[track_caller]
fn assert_deaf(strangers: &[Media]) {
    for stranger in strangers {
        assert_eq!(stranger.heard().len(), 0, "packets reached a stranger");
    }
}

/// A caller of this kind reaches alice, each hears the other, and the strangers hear nothing.
#[track_caller]
fn talks_unheard(trunk: &str, sound: Host, described: Option<SocketAddr>) {
    let call = Call::up(trunk, sound, described);
    call.end();
}

/// A call that is up, with its strangers.
struct Call {
    rig: Rig,
    caller: Phone,
    alice: Phone,
    leg: Dialog,
    target: SocketAddr,
    strangers: Vec<Media>,
}

impl Call {
    #[track_caller]
    fn up(trunk: &str, sound: Host, described: Option<SocketAddr>) -> Self {
        let rig = Plan::new(&format!("{trunk}\n{ALICE}")).trunk("127.0.0.0/8").start();
        let mut alice = rig.agent("alice");
        let mut caller = phone(&rig, "+14155550111", sound, described);
        let mut leg = caller.invite("1000");
        let (target, _) = caller.answered(&mut leg).sdp();
        caller.ack(&leg);
        let strangers = strangers(target);
        assert_deaf(&strangers);
        caller.media.say(Some(CALLER_HZ));
        caller.media.expect_tone(MENU_HZ, SOON);
        caller.media.press('1');
        let invite = alice.ring();
        alice.answer(&invite);
        talk(&caller, &alice);
        Self { rig, caller, alice, leg, target, strangers }
    }

    #[track_caller]
    fn end(mut self) {
        assert_deaf(&self.strangers);
        self.caller.bye(&mut self.leg);
        self.alice.expect_bye();
        assert_deaf(&self.strangers);
        self.rig.expect_no_calls();
    }
}

#[test]
fn fault_03_a_private_address_and_sound_from_where_the_signaling_comes_from() {
    talks_unheard("", CALLER, Some(free(PRIVATE)));
}

#[test]
fn fault_03_a_true_address_and_signaling_from_elsewhere() {
    talks_unheard("", RELAY, None);
}

#[test]
fn fault_03_a_true_address_and_another_port() {
    talks_unheard("", CALLER, Some(free(CALLER)));
}

#[test]
fn fault_03_a_relay_that_the_trunk_names() {
    let trunk = format!("media_addresses = [\"127.0.0.{RELAY}\"]");
    talks_unheard(&trunk, RELAY, Some(free(PRIVATE)));
}

#[test]
fn fault_03_a_nat_that_changes_the_port_within_the_call() {
    let mut call = Call::up("", CALLER, Some(free(PRIVATE)));
    let moved = Media::on(free(CALLER));
    moved.aim(call.target, Codec::Ulaw);
    call.caller.media = moved;
    call.caller.media.say(Some(CALLER_HZ));
    call.caller.media.expect_tone(AGENT_HZ, SOON);
    call.alice.media.forget();
    call.alice.media.expect_tone(CALLER_HZ, SOON);
    call.end();
}

#[test]
fn fault_03_a_registered_phone_behind_a_nat() {
    let rig = Plan::new(ALICE).trunk("127.0.0.0/8").start();
    let mut alice = phone(&rig, "alice", CALLER, Some(free(PRIVATE)));
    assert_eq!(alice.register(crate::flows::PASSWORD), 200, "{}", rig.said());
    rig.expect_agent("alice", "ready");
    let mut caller = rig.caller();
    let mut leg = crate::calls::reach_queue(&mut caller);
    let invite = alice.ring();
    let (target, _) = invite.sdp();
    alice.answer(&invite);
    let strangers = strangers(target);
    talk(&caller, &alice);
    assert_deaf(&strangers);
    caller.bye(&mut leg);
    alice.expect_bye();
    assert_deaf(&strangers);
}

/// Without the setting of its trunk a relay is a stranger, and the log says what to do.
#[test]
fn fault_03_a_relay_that_nothing_names_is_said_in_the_log() {
    let rig = Plan::new(ALICE).trunk("127.0.0.0/8").start();
    let mut caller = phone(&rig, "+14155550111", RELAY, Some(free(PRIVATE)));
    let mut leg = caller.invite("1000");
    caller.answered(&mut leg);
    caller.ack(&leg);
    caller.media.say(Some(CALLER_HZ));
    rig.eventually("the log names the relay", || {
        let said = rig.said();
        let line = said.lines().find(|line| line.contains("media_addresses"))?;
        line.contains(&at(RELAY).to_string()).then_some(())
    });
    assert_deaf(&[std::mem::replace(&mut caller.media, Media::at(0))]);
    caller.bye(&mut leg);
}
