//! A data plane in virtual time: ports, plays that end, keys, recordings, and who hears whom.
//!
//! **Invariant:** it keeps to the contract of [`DataPlane`] and to no more: what it says comes
//! later than what it says it of, in the order in which it happened.
//!
//! **Deliberately absent:** sound. The tests of `media` have that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use attendant::id::{LegId, PlayId, RecordingId};
use attendant::media::fact::Fact;
use attendant::media::keys::{Presses, Way};
use attendant::media::recorder::{Finished, RecordingSpec};
use attendant::media::session::{RemoteMedia, Stats};
use attendant::media::source::Origins;
use attendant::sim::Random;
use attendant::sip_front::DataPlane;
use attendant::time::Timestamp;
use attendant::words::{Digit, Prompt, RecordingEnd, RecordingFault};

/// A far end that sends no sound for this long, and should, is dead.
const SILENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Plane {
    random: Random,
    pub(super) now: Timestamp,
    pub(super) legs: BTreeMap<LegId, Media>,
    /// Recorders of calls, which are legs without ports.
    recorders: BTreeMap<LegId, (RecordingId, Timestamp)>,
    /// What legs hear, also of one that is not open.
    pub(super) hears: BTreeMap<LegId, BTreeSet<LegId>>,
    /// Far ends that send sound now; of the others, since when not.
    sending: BTreeSet<SocketAddr>,
    stopped_at: BTreeMap<SocketAddr, Timestamp>,
    ports_max: usize,
    port_last: u16,
    /// On their way to the front.
    facts: VecDeque<(Timestamp, Fact)>,
    /// How many legs it had no ports for.
    pub(super) portless: usize,
}

/// The media of a leg.
#[derive(Debug, Default)]
pub(super) struct Media {
    port: u16,
    pub(super) remote: Option<RemoteMedia>,
    described_at: Timestamp,
    /// What plays, and until when; for ever where it is repeated.
    play: Option<(PlayId, Option<Timestamp>)>,
    recording: Option<(RecordingSpec, Timestamp, Timestamp)>,
    presses: Presses,
    is_silent: bool,
}

impl Plane {
    pub(super) fn new(mut random: Random, now: Timestamp) -> Self {
        let ports_max = if random.chance(0.2) { random.between(2, 6) as usize } else { 1_000 };
        Self {
            random,
            now,
            legs: BTreeMap::new(),
            recorders: BTreeMap::new(),
            hears: BTreeMap::new(),
            sending: BTreeSet::new(),
            stopped_at: BTreeMap::new(),
            ports_max,
            port_last: 10_000,
            facts: VecDeque::new(),
            portless: 0,
        }
    }

    /// From which addresses sound comes now.
    pub(super) fn set_sending(&mut self, sending: BTreeSet<SocketAddr>) {
        for stopped in self.sending.difference(&sending) {
            self.stopped_at.insert(*stopped, self.now);
        }
        self.sending = sending;
    }

    /// The leg that has this port.
    pub(super) fn leg_at(&self, port: u16) -> Option<LegId> {
        self.legs.iter().find(|(_, media)| media.port == port).map(|(leg, _)| *leg)
    }

    /// A key comes in the sound from `from`, to this port of ours.
    pub(super) fn key(&mut self, port: u16, from: SocketAddr, digit: Digit) {
        let mut legs = self.legs.iter_mut();
        let Some((&leg, media)) = legs.find(|(_, media)| media.port == port) else { return };
        if media.remote.is_some_and(|remote| remote.rtp == from)
            && let Some(digit) = media.presses.press(self.now, Way::Event, digit)
        {
            self.say(Fact::Digit { leg, digit });
        }
    }

    /// What it has to say by now.
    pub(super) fn poll_fact(&mut self) -> Option<Fact> {
        let (at, _) = self.facts.front()?;
        if *at > self.now {
            return None;
        }
        self.facts.pop_front().map(|(_, fact)| fact)
    }

    pub(super) fn poll_timeout(&self) -> Option<Timestamp> {
        let fact = self.facts.front().map(|(at, _)| *at);
        let legs = self.legs.values();
        let ends = legs.flat_map(|media| {
            let play = media.play.and_then(|(_, ends_at)| ends_at);
            let recording = media.recording.map(|(_, _, ends_at)| ends_at);
            [play, recording, self.silent_at(media)].into_iter().flatten()
        });
        ends.chain(fact).min()
    }

    pub(super) fn handle_timeout(&mut self) {
        let legs: Vec<LegId> = self.legs.keys().copied().collect();
        for leg in legs {
            let media = &self.legs[&leg];
            let is_silent = self.silent_at(media).is_some_and(|at| at <= self.now);
            let done = media.play.filter(|(_, at)| at.is_some_and(|at| at <= self.now));
            let recorded = media.recording.filter(|(.., at)| *at <= self.now);
            let media = self.legs.get_mut(&leg).expect("it is open");
            media.is_silent |= is_silent;
            if done.is_some() {
                media.play = None;
            }
            if let Some((play, _)) = done {
                let fails = self.random.chance(0.02);
                self.say(match fails {
                    true => Fact::PromptFailed { leg, play },
                    false => Fact::PromptDone { leg, play },
                });
            }
            if recorded.is_some() {
                self.end_recording(leg, RecordingEnd::Silence);
            }
            if is_silent {
                self.say(Fact::Inactive { leg });
            }
        }
    }

    /// When the far end of a leg counts as dead, as things stand.
    fn silent_at(&self, media: &Media) -> Option<Timestamp> {
        let remote = media.remote.filter(|it| it.direction.receives() && !media.is_silent)?;
        if self.sending.contains(&remote.rtp) {
            return None;
        }
        let heard_at = self.stopped_at.get(&remote.rtp).copied().unwrap_or_default();
        Some(heard_at.max(media.described_at) + SILENCE)
    }

    fn say(&mut self, fact: Fact) {
        let last = self.facts.back().map_or(self.now, |(at, _)| *at);
        let at = (self.now + self.random.ms(0, 20)).max(last);
        self.facts.push_back((at, fact));
    }

    fn end_recording(&mut self, leg: LegId, ended: RecordingEnd) {
        let media = self.legs.get_mut(&leg).expect("it is open");
        let Some((spec, began_at, _)) = media.recording.take() else { return };
        self.recorded(leg, spec.recording, began_at, ended);
    }

    fn recorded(
        &mut self,
        leg: LegId,
        recording: RecordingId,
        from: Timestamp,
        ended: RecordingEnd,
    ) {
        let samples = self.now.since(from).as_millis() as u64 * 8;
        self.say(Fact::Recorded { leg, finished: Finished { recording, samples, ended } });
    }

    fn end(&mut self, leg: LegId, is_told: bool) {
        if !self.legs.contains_key(&leg) {
            return;
        }
        self.end_recording(leg, RecordingEnd::HungUp);
        self.legs.remove(&leg);
        let is_last = !self.legs.keys().any(|other| other.call == leg.call);
        if is_last {
            let recorders = self.recorders.keys().copied().filter(|it| it.call == leg.call);
            for recorder in recorders.collect::<Vec<_>>() {
                self.end_call_recording(recorder, RecordingEnd::HungUp);
            }
            self.hears.retain(|other, _| other.call != leg.call);
        }
        if is_told {
            self.say(Fact::Closed { leg, stats: Stats::default() });
        }
    }

    fn end_call_recording(&mut self, recorder: LegId, ended: RecordingEnd) {
        let Some((recording, from)) = self.recorders.remove(&recorder) else { return };
        self.recorded(recorder, recording, from, ended);
    }

    /// Whether nothing is open, and all was said.
    pub(super) fn is_at_rest(&self) -> bool {
        self.legs.is_empty() && self.recorders.is_empty() && self.facts.is_empty()
    }
}

impl DataPlane for Plane {
    fn open(&mut self, now: Timestamp, leg: LegId, remote: IpAddr) -> Option<SocketAddr> {
        assert!(!self.legs.contains_key(&leg), "{leg} is opened twice");
        assert!(remote.is_ipv4() && now == self.now, "{leg}: {remote} at {now}");
        if self.legs.len() >= self.ports_max {
            self.portless += 1;
            return None;
        }
        self.port_last += 2;
        self.legs.insert(leg, Media { port: self.port_last, ..Media::default() });
        Some((super::SERVER.ip(), self.port_last).into())
    }

    fn configure(&mut self, leg: LegId, remote: RemoteMedia, origins: Origins) {
        let Some(media) = self.legs.get_mut(&leg) else { return };
        assert_eq!(origins.signaling, Some(remote.rtp.ip()), "telephones have one address each");
        media.remote = Some(remote);
        media.described_at = self.now;
        media.is_silent = false;
    }

    fn play(&mut self, leg: LegId, play: PlayId, prompts: Vec<Prompt>, repeat: bool) {
        let lasts = self.random.ms(200, 4_000) * prompts.len().max(1) as u32;
        let Some(media) = self.legs.get_mut(&leg) else { return };
        media.play = Some((play, (!repeat).then_some(self.now + lasts)));
    }

    fn stop_play(&mut self, leg: LegId) {
        if let Some(media) = self.legs.get_mut(&leg) {
            media.play = None;
        }
    }

    fn record(&mut self, leg: LegId, spec: RecordingSpec, _beep: bool) {
        let speaks = self.random.ms(0, 15_000).min(spec.length_max);
        if !self.legs.contains_key(&leg) || self.random.chance(0.05) {
            let why = RecordingFault::Disk;
            return self.say(Fact::RecordFailed { recording: spec.recording, why });
        }
        self.end_recording(leg, RecordingEnd::Stopped);
        let media = self.legs.get_mut(&leg).expect("it is open");
        media.play = None;
        media.recording = Some((spec, self.now, self.now + speaks + spec.silence));
    }

    fn stop_record(&mut self, leg: LegId) {
        if self.legs.contains_key(&leg) {
            self.end_recording(leg, RecordingEnd::Stopped);
        }
        self.end_call_recording(leg, RecordingEnd::Stopped);
    }

    fn record_call(&mut self, leg: LegId, recording: RecordingId, left: LegId) {
        assert!(leg.is_recorder() && left.call == leg.call, "{leg} records {left}");
        let is_there = self.legs.keys().any(|open| open.call == leg.call);
        if !is_there || self.random.chance(0.05) {
            let why = RecordingFault::Disk;
            return self.say(Fact::RecordFailed { recording, why });
        }
        let others = self.recorders.keys().copied().filter(|it| it.call == leg.call);
        for other in others.collect::<Vec<_>>() {
            self.end_call_recording(other, RecordingEnd::Stopped);
        }
        self.recorders.insert(leg, (recording, self.now));
    }

    fn press(&mut self, leg: LegId, digit: Digit) {
        let Some(media) = self.legs.get_mut(&leg) else { return };
        if let Some(digit) = media.presses.press(self.now, Way::Info, digit) {
            self.say(Fact::Digit { leg, digit });
        }
    }

    fn hear(&mut self, leg: LegId, from: Vec<LegId>) {
        assert!(!from.contains(&leg), "{leg} would hear itself");
        assert!(from.iter().all(|other| other.call == leg.call), "{leg} would hear another call");
        if let Some(media) = self.legs.get_mut(&leg)
            && !from.is_empty()
        {
            media.play = None;
        }
        self.hears.insert(leg, from.into_iter().collect());
    }

    fn close(&mut self, leg: LegId) {
        self.end(leg, false);
    }

    fn close_and_tell(&mut self, leg: LegId) {
        self.end(leg, true);
    }
}
