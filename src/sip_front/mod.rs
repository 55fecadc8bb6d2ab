//! The front of telephones and trunks: SIP by the user agent, sound by a data plane.
//!
//! ```text
//!   datagrams ──► Ua ──► SipFront ──► Events of the center
//!   datagrams ◄── Ua ◄── SipFront ◄── Commands of the center
//!                          │  ▲
//!                  orders  ▼  │ Facts
//!                        DataPlane
//! ```
//!
//! # Contract
//!
//! Give what comes from the network to [`SipFront::ua`], and what the data plane says to
//! [`SipFront::media_fact`]. Then call [`SipFront::hear_user_agent`] until it has no more to say,
//! take the events as of any [`Front`], and send what the user agent wants to transmit.
//!
//! **Invariant:** a leg has media ports from before the center hears of it until it is hung up, and
//! the center hears of its end exactly once.
//!
//! **Deliberately absent:** decisions. Every choice was made by the center; here it is carried out.
//! Sockets and threads: the driver has the sockets, and the data plane has the threads.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod call_recordings;
mod data_plane;
mod described;
mod handed;
mod incoming;
mod refusals;

pub use data_plane::DataPlane;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::front::{Front, FrontCannot, Handoff};
use crate::id::{AgentId, LegId};
use crate::media::recorder::RecordingSpec;
use crate::sip::sdp::LocalMedia;
use crate::sip::ua::{Phone, Trunk, Ua};
use crate::sip_front::call_recordings::CallRecordings;
use crate::sip_front::described::local_media;
use crate::sip_front::handed::Handed;
use crate::sip_front::refusals::Refusals;
use crate::time::Timestamp;
use crate::words::{AgentRequest, Cause, Command, Event, From, Target};

/// Carries the legs of telephones and trunks.
pub struct SipFront<P> {
    /// The signaling of all legs; whoever has the sockets feeds it.
    pub ua: Ua,
    /// Their sound.
    pub plane: P,
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
    /// For the center, in the order they happened.
    pub(crate) events: VecDeque<Event>,
}

/// What a [`SipFront`] is made of.
pub struct SipSetup<P> {
    pub ua: Ua,
    pub plane: P,
    /// By trunk, as the user agent counts them: where its sound may come from beside what its calls
    /// say.
    pub media_networks: Vec<Arc<[RangeInclusive<IpAddr>]>>,
    /// Agents who are behind a trunk: trunk and number.
    pub outside: BTreeMap<AgentId, Target>,
    /// Whether other fronts hand legs to this one.
    pub has_handoffs: bool,
}

/// What changes for the front while calls are up.
pub struct SipChange {
    pub trunks: Vec<Trunk>,
    pub phones: Vec<Phone>,
    /// By trunk.
    pub media_networks: BTreeMap<String, Arc<[RangeInclusive<IpAddr>]>>,
    pub outside: BTreeMap<AgentId, Target>,
    pub has_handoffs: bool,
}

impl<P: DataPlane> SipFront<P> {
    #[must_use]
    pub fn new(setup: SipSetup<P>) -> Self {
        let SipSetup { ua, plane, media_networks, outside, has_handoffs } = setup;
        Self {
            ua,
            plane,
            media_networks,
            outside,
            refusals: Refusals::default(),
            recorded: BTreeMap::new(),
            calls_recorded: CallRecordings::default(),
            dialed: BTreeSet::new(),
            handed: Handed::new(has_handoffs),
            events: VecDeque::new(),
        }
    }

    /// Other trunks and telephones from now on, by name and by id.
    pub fn reconfigure(&mut self, new: SipChange) {
        self.ua.reconfigure(new.trunks, new.phones);
        let networks = |name: &str| new.media_networks.get(name).cloned().unwrap_or_default();
        self.media_networks = self.ua.trunk_names().map(networks).collect();
        self.outside = new.outside;
        self.handed.begin(new.has_handoffs);
    }

    /// Ports for a leg whose other end is at `remote`.
    fn open(&mut self, now: Timestamp, leg: LegId, remote: IpAddr) -> Option<LocalMedia> {
        self.plane.open(now, leg, remote).map(local_media)
    }

    /// Whether something is recorded whose end was not reported yet.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        !self.recorded.is_empty() || !self.calls_recorded.is_empty()
    }

    /// A leg that was recorded reports its end when the recording is kept.
    fn close(&mut self, leg: LegId) {
        if self.recorded.contains_key(&leg) {
            self.plane.close_and_tell(leg);
        } else {
            self.plane.close(leg);
        }
    }

    fn dial(&mut self, now: Timestamp, leg: LegId, target: &Target, from: &From) {
        // No telephone to call: any address will do, the user agent says so itself.
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

impl<P: DataPlane> Front for SipFront<P> {
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
                self.plane.play(leg, play, prompts, repeat);
            }
            Command::StopPlay { leg } => self.plane.stop_play(leg),
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
                self.plane.record(leg, spec, beep);
            }
            Command::StopRecord { leg } => self.plane.stop_record(leg),
            Command::RecordCall { leg, recording, left } => {
                if !self.calls_recorded.begin(recording) {
                    tracing::error!(%recording, "asked for twice");
                    return None;
                }
                self.plane.record_call(leg, recording, left);
            }
            Command::Dial { leg, target, from, until: _ } => {
                let outside = match &target {
                    Target::Agent(agent) => self.outside.get(agent).cloned(),
                    Target::Trunk { .. } => None,
                };
                self.dial(now, leg, &outside.unwrap_or(target), &from);
            }
            Command::Hear { leg, from } => self.plane.hear(leg, from.into_iter().collect()),
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
