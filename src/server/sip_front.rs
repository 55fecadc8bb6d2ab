//! The front of telephones and trunks: SIP by the user agent, sound by the media engine.
//!
//! **Invariant:** a leg has media ports from before it is heard of until it is hung up, and the
//! center hears of its end exactly once.
//!
//! **Deliberately absent:** decisions. Every choice was made by the center; here it is carried out.
//! Threads: the driver has the sockets, and the media engine has the threads.

mod call_recordings;
mod handed;
mod incoming;
mod network;
mod start;

pub(super) use start::start;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::front::{Front, FrontCannot, Handoff};
use crate::id::{AgentId, LegId};
use crate::media::io::MediaEngine;
use crate::media::recorder::RecordingSpec;
use crate::media::speech::Speech;
use crate::server::local::LocalAddresses;
use crate::server::refusals::Refusals;
use crate::server::setup::local_media;
use crate::server::sip_front::call_recordings::CallRecordings;
use crate::server::sip_front::handed::Handed;
use crate::sip::sdp::LocalMedia;
use crate::sip::ua::{Phone, Trunk, Ua};
use crate::time::{Throttle, Timestamp};
use crate::words::{AgentRequest, Cause, Command, Event, From, Target};

/// What every call can meet is said once within this, and with how often it was met.
const SAID_EVERY: Duration = Duration::from_secs(60);
/// Addresses of ours of which it is said within that time that they have no ports left.
const PORTLESS_MAX: usize = 16;

pub(super) struct SipFront {
    pub(super) ua: Ua,
    pub(super) media: Arc<MediaEngine>,
    pub(super) speech: Speech,
    pub(super) local: LocalAddresses,
    /// Where the sound of each trunk may come from beside what its calls say, by position.
    media_networks: Vec<Arc<[RangeInclusive<IpAddr>]>>,
    /// Agents who are behind a trunk: trunk and number.
    outside: BTreeMap<AgentId, Target>,
    refusals: Refusals,
    /// Legs that were recorded. Each reports its end when its media has closed, and with it has
    /// said what was recorded: so the flow knows the message of a caller who hung up.
    recorded: BTreeMap<LegId, Option<Event>>,
    calls_recorded: CallRecordings,
    /// Legs we dialed that are up or ring.
    dialed: BTreeSet<LegId>,
    handed: Handed,
    /// Of which addresses it was said that they have no media ports left.
    portless: Throttle<IpAddr>,
    /// For the center, in the order they happened.
    pub(super) events: VecDeque<Event>,
}

/// What a [`SipFront`] is made of.
pub(super) struct SipSetup {
    pub(super) ua: Ua,
    pub(super) media: Arc<MediaEngine>,
    pub(super) speech: Speech,
    /// From the configuration: what to announce whatever the route says.
    pub(super) external_address: Option<IpAddr>,
    pub(super) media_networks: Vec<Arc<[RangeInclusive<IpAddr>]>>,
    pub(super) outside: BTreeMap<AgentId, Target>,
    /// Whether other fronts hand legs to this one.
    pub(super) has_handoffs: bool,
}

/// What changes for the front while calls are up.
pub(super) struct SipChange {
    pub(super) trunks: Vec<Trunk>,
    pub(super) phones: Vec<Phone>,
    /// By trunk.
    pub(super) media_networks: BTreeMap<String, Arc<[RangeInclusive<IpAddr>]>>,
    pub(super) outside: BTreeMap<AgentId, Target>,
    pub(super) has_handoffs: bool,
}

impl SipFront {
    pub(super) fn new(setup: SipSetup) -> Self {
        let SipSetup { ua, media, speech, media_networks, outside, .. } = setup;
        Self {
            ua,
            media,
            speech,
            local: LocalAddresses::new(setup.external_address),
            media_networks,
            outside,
            refusals: Refusals::default(),
            recorded: BTreeMap::new(),
            calls_recorded: CallRecordings::default(),
            dialed: BTreeSet::new(),
            handed: Handed::new(setup.has_handoffs),
            portless: Throttle::new(SAID_EVERY, PORTLESS_MAX),
            events: VecDeque::new(),
        }
    }

    /// Other trunks and telephones from now on, by name and by id.
    pub(super) fn reconfigure(&mut self, new: SipChange) {
        self.ua.reconfigure(new.trunks, new.phones);
        let networks = |name: &str| new.media_networks.get(name).cloned().unwrap_or_default();
        self.media_networks = self.ua.trunk_names().map(networks).collect();
        self.outside = new.outside;
        self.handed.begin(new.has_handoffs);
    }

    /// Ports for a leg whose other end is at `remote`.
    fn open(&mut self, now: Timestamp, leg: LegId, remote: IpAddr) -> Option<LocalMedia> {
        let (ours, announced) = self.local.towards(remote);
        let opened = self.media.open(leg, ours).map(|media| (announced, media)).or_else(|error| {
            // The machine may have moved to another network.
            self.local.forget(remote);
            let (now_ours, announced) = self.local.towards(remote);
            if now_ours == ours {
                return Err(error);
            }
            self.media.open(leg, now_ours).map(|media| (announced, media))
        });
        match opened {
            Ok((announced, media)) => Some(local_media((announced, media.rtp.port()).into())),
            Err(error) => {
                if let Some(more) = self.portless.say(now, ours) {
                    let more = more.same + more.others;
                    tracing::error!(%leg, %ours, %error, more, "no media ports for this call");
                }
                None
            }
        }
    }

    /// Whether something is recorded whose end was not reported yet.
    pub(super) fn is_recording(&self) -> bool {
        !self.recorded.is_empty() || !self.calls_recorded.is_empty()
    }

    /// A leg that was recorded reports its end when the recording is kept.
    fn close(&self, leg: LegId) {
        if self.recorded.contains_key(&leg) {
            self.media.close_and_tell(leg);
        } else {
            self.media.close(leg);
        }
    }

    fn dial(&mut self, now: Timestamp, leg: LegId, target: &Target, from: &From) {
        // Nobody to call: any address will do, the user agent says so itself.
        let remote = self.ua.remote_of(target).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        match self.open(now, leg, remote) {
            Some(media) => {
                self.dialed.insert(leg);
                self.ua.dial(now, leg, target, from, &media);
            }
            None => {
                self.events.push_back(Event::DialFailed { leg, cause: Cause::NO_CIRCUIT });
            }
        }
    }
}

impl Front for SipFront {
    /// All legs that no other front keeps are telephones': gives back what is about a record.
    fn carry_out(&mut self, now: Timestamp, command: Command) -> Option<Command> {
        match command {
            Command::Answer { leg } => self.ua.answer(now, leg),
            Command::Ring { leg } => self.ua.ring(now, leg),
            Command::Reject { leg, cause } | Command::HangUp { leg, cause } => {
                self.close(leg);
                self.ua.hang_up(now, leg, cause);
                // Before what plays next: that is the provider's again.
                if self.dialed.remove(&leg) {
                    self.give_back(now, leg.call);
                }
            }
            Command::Play { leg, play, prompts, repeat } => {
                self.speech.play(leg, play, prompts, repeat);
            }
            Command::StopPlay { leg } => self.media.stop_play(leg),
            // Keys come as events, so the finish key is not the media's to hear.
            Command::Record {
                leg,
                recording,
                length_max,
                length_min,
                silence,
                finish_key: _,
                beep,
            } => {
                // One that has ended already is closed: no event of it will come again.
                if self.ua.has_leg(leg) {
                    self.recorded.entry(leg).or_default();
                }
                let spec = RecordingSpec { recording, length_max, length_min, silence };
                self.media.record(leg, spec, beep);
            }
            Command::StopRecord { leg } => self.media.stop_record(leg),
            Command::RecordCall { leg, recording, left } => {
                if !self.calls_recorded.begin(recording) {
                    tracing::error!(%recording, "asked for twice");
                    return None;
                }
                self.media.record_call(leg, recording, left);
            }
            Command::Dial { leg, target, from, until: _ } => {
                let outside = match &target {
                    Target::Agent(agent) => self.outside.get(agent).cloned(),
                    Target::Trunk { .. } => None,
                };
                self.dial(now, leg, &outside.unwrap_or(target), &from);
            }
            Command::Hear { leg, from } => self.media.hear(leg, from.into_iter().collect()),
            Command::CloseRecord { ref record } => {
                self.calls_recorded.call_ended(record.call);
                return Some(command);
            }
            Command::Ask { .. } | Command::AmendRecord { .. } | Command::AmendRecording { .. } => {
                return Some(command);
            }
        }
        None
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Everything: telephones hold, and we mix their sound.
    fn can(&self, _leg: LegId, _request: &AgentRequest) -> Result<(), FrontCannot> {
        Ok(())
    }

    fn can_supervise(&self, _leg: LegId, _whom: Option<&Target>) -> Result<(), FrontCannot> {
        Ok(())
    }

    fn can_consult(&self, _leg: LegId, _whom: Option<&Target>) -> Result<(), FrontCannot> {
        Ok(())
    }

    fn handle_handoff(&mut self, now: Timestamp, handoff: &Handoff) -> bool {
        self.take_handoff(now, handoff)
    }

    fn poll_handoff(&mut self) -> Option<Handoff> {
        self.handed.poll()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.ua.poll_timeout().map(|(at, _)| at)
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.ua.handle_timeout(now);
    }

    fn set_full(&mut self, is_full: bool) {
        self.ua.set_full(is_full);
    }

    fn is_quiet(&self) -> bool {
        self.events.is_empty() && !self.is_recording() && self.ua.counts().legs == 0
    }
}
