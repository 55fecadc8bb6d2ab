//! Between the center's words and the protocols': commands go to the leg's adapter, and what
//! adapters say comes back as events.
//!
//! **Invariant:** a leg has media ports from before it is heard of until it is hung up, and the
//! center hears of its end exactly once.
//!
//! **Deliberately absent:** decisions. Every choice was made by the center; here it is carried out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::center::ContactCenter;
use crate::id::{AgentId, CallId, LegId, RecordingId};
use crate::media::io::{Fact, MediaEngine};
use crate::media::recorder::Terms;
use crate::media::source::Origins;
use crate::media::speech::Speech;
use crate::server::begun::Begun;
use crate::server::convert::{local_media, remote_media};
use crate::server::local::LocalAddresses;
use crate::server::refusals::Refusals;
use crate::server::unanswered::Unanswered;
use crate::sip::sdp::LocalMedia;
use crate::sip::ua::{Bound, DialogId, Ua, UaEvent};
use crate::store::Store;
use crate::time::{Throttle, Timestamp};
use crate::webhook::desk::Taken;
use crate::webhook::front::ProviderFront;
use crate::words::{
    CallOutcome, Cause, Command, EndedBy, Event, From, Loss, RecordingKind, Target, Via,
};

/// What every call can meet is said once within this, and with how often it was met.
pub(super) const SAID_EVERY: Duration = Duration::from_secs(60);
/// Addresses of ours of which it is said within that time that they have no ports left.
pub(super) const PORTLESS_MAX: usize = 16;

pub(super) struct Router {
    pub(super) ua: Ua,
    pub(super) media: Arc<MediaEngine>,
    pub(super) speech: Speech,
    pub(super) local: LocalAddresses,
    /// Where the sound of each trunk may come from beside what its calls say, by position.
    pub(super) media_networks: Vec<Arc<[RangeInclusive<IpAddr>]>>,
    pub(super) refusals: Refusals,
    /// Legs that were recorded. The end of one is told when its media has closed, and with it has
    /// said what was recorded: so the flow knows the message of a caller who hung up.
    pub(super) recorded: BTreeMap<LegId, Option<Event>>,
    /// Recordings of both sides of calls that are being made.
    pub(super) calls_recorded: BTreeSet<RecordingId>,
    /// Legs we dialed that are up or ring.
    pub(super) dialed: BTreeSet<LegId>,
    pub(super) next_call: CallId,
    /// Calls that came in this turn.
    pub(super) begun: Begun,
    /// Agents who are behind a trunk: trunk and number.
    pub(super) outside: BTreeMap<AgentId, Target>,
    pub(super) unanswered: Unanswered,
    /// Of which addresses it was said that they have no media ports left.
    pub(super) portless: Throttle<IpAddr>,
    /// Whether the store takes records. A call refused while it does not leaves none: that is why
    /// it is refused.
    pub(super) is_recording: bool,
    /// Customers' calls since the start, by outcome.
    pub(super) calls_ended: [u64; CallOutcome::ALL.len()],
    /// And those from agents' own telephones.
    pub(super) agent_calls_ended: u64,
    /// Calls at providers.
    pub(super) desk: ProviderFront,
    /// For the center, in the order they happened.
    pub(super) events: VecDeque<Event>,
}

/// Whether there is room for a new call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// It would be one too many, or its record might find no room.
    pub(super) is_full: bool,
    pub(super) is_recording: bool,
}

/// A call on its way in.
struct Caller {
    from: From,
    to: String,
    via: Via,
}

impl Router {
    /// Turns what the user agent says into events, and tells it whether there is room.
    pub(super) fn pump(&mut self, now: Timestamp, center: &ContactCenter, room: Room) {
        self.set_room(room);
        while let Some((from, to, via)) = self.desk.poll_refused() {
            self.refused(now, Caller { from, to, via }, EndedBy::Server, Cause::CONGESTION);
        }
        while let Some(leg) = self.desk.poll_dropped() {
            self.close(leg);
            self.ua.give_up(now, leg, Cause::NETWORK_OUT_OF_ORDER, Loss::Broken);
        }
        while let Some(event) = self.ua.poll_event() {
            self.heard(now, center, event);
        }
    }

    /// Whether there is room, for whatever comes next.
    pub(super) fn set_room(&mut self, room: Room) {
        self.ua.set_full(room.is_full);
        self.desk.set_full(room.is_full);
        self.is_recording = room.is_recording;
    }

    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front().or_else(|| self.desk.poll_event())
    }

    /// Whether signaling has come to rest: nothing is waiting for an answer any more.
    pub(super) fn is_quiet(&self) -> bool {
        self.events.is_empty()
            && !self.is_taping()
            && self.ua.counts().legs == 0
            && self.desk.calls_live() == 0
    }

    /// Whether something is recorded whose end was not told yet.
    pub(super) fn is_taping(&self) -> bool {
        !self.recorded.is_empty() || !self.calls_recorded.is_empty()
    }

    fn heard(&mut self, now: Timestamp, center: &ContactCenter, event: UaEvent) {
        match event {
            UaEvent::Incoming { dialog, to, remote, .. } if self.desk.is_arm(&to) => {
                self.arm_arrived(now, dialog, &to, remote.ip());
            }
            UaEvent::Incoming { dialog, from, to, via, remote } => {
                let is_known = center.knows_number(&to, &via);
                self.arrived(now, dialog, remote, Caller { from, to, via }, is_known);
            }
            UaEvent::TurnedAway { to, .. } if self.desk.is_arm(&to) => {}
            UaEvent::TurnedAway { from, to, via, cause } => {
                self.refused(now, Caller { from, to, via }, EndedBy::Server, cause);
            }
            UaEvent::Media { leg, media, signaling, trunk } => {
                let networks = trunk.and_then(|trunk| self.media_networks.get(trunk));
                let networks = networks.cloned().unwrap_or_default();
                let origins = Origins { signaling: Some(signaling), networks };
                self.media.configure(leg, remote_media(&media), origins);
            }
            UaEvent::Ringing { leg } => self.events.push_back(Event::Ringing { leg }),
            UaEvent::Rerouted { leg, trunk } => {
                self.events.push_back(Event::Rerouted { leg, trunk });
            }
            // The desk brought this caller, and has answered long ago.
            UaEvent::Answered { leg } if leg.is_caller() && self.desk.has(leg.call) => {}
            UaEvent::Answered { leg } => self.events.push_back(Event::Answered { leg }),
            UaEvent::Failed { leg, cause } => {
                self.close(leg);
                self.dialed.remove(&leg);
                self.take_arm_down(now, leg.call);
                self.events.push_back(Event::DialFailed { leg, cause });
            }
            UaEvent::Held { leg } => self.events.push_back(Event::Held { leg }),
            UaEvent::Resumed { leg } => self.events.push_back(Event::Resumed { leg }),
            // It may come in the sound as well, and one press is one digit.
            UaEvent::Dtmf { leg, digit } => self.media.press(leg, digit),
            UaEvent::Ended { leg, cause } => {
                self.leg_over(now, leg, cause, Event::HungUp { leg, cause });
            }
            UaEvent::Lost { leg, cause, how } => {
                self.leg_over(now, leg, cause, Event::LegLost { leg, cause, how });
            }
            UaEvent::Reachable { agent, reachable } => {
                self.events.push_back(Event::PhoneReachable { agent, reachable });
            }
            UaEvent::Refused { remote, why } => self.refusals.tell(now, remote, &why),
        }
    }

    /// A call comes in. The center hears of it when it is known that there will be sound; until
    /// then it can only be refused.
    fn arrived(
        &mut self,
        now: Timestamp,
        dialog: DialogId,
        remote: SocketAddr,
        caller: Caller,
        is_known: bool,
    ) {
        let unknown = Cause::UNALLOCATED_NUMBER;
        if !is_known && !self.unanswered.keep(now, &caller.via, unknown) {
            self.count_refused();
            return self.ua.refuse(now, dialog, unknown);
        }
        let call = self.next_call;
        let leg = LegId::caller(call);
        let Some(media) = self.open(now, leg, remote.ip()) else {
            self.ua.refuse(now, dialog, Cause::NO_CIRCUIT);
            return self.refused(now, caller, EndedBy::Server, Cause::NO_CIRCUIT);
        };
        // Also where it is refused now: what is said of this leg is never about the next one.
        self.next_call = CallId(call.0 + 1);
        let bound = self.ua.bind(now, dialog, leg, media);
        let (by, cause) = match bound {
            Bound::Fits | Bound::Offers => {
                let Caller { from, to, via } = caller;
                self.events.push_back(match bound {
                    Bound::Offers => Event::CallOpening { call, from, to, via },
                    _ => Event::CallArrived { call, from, to, via },
                });
                return;
            }
            Bound::Unfit(_) => (EndedBy::Server, Cause::INCOMPATIBLE),
            Bound::Gone => (EndedBy::Caller, Cause::NORMAL_CLEARING),
        };
        self.media.close(leg);
        self.refused(now, caller, by, cause);
    }

    /// All there is of this call is its refusal, and a record of that, unless there are too many
    /// or nothing can be recorded.
    fn refused(&mut self, now: Timestamp, caller: Caller, by: EndedBy, cause: Cause) {
        if !self.is_recording || !self.unanswered.keep(now, &caller.via, cause) {
            return self.count_refused();
        }
        let call = self.next_call;
        self.next_call = CallId(call.0 + 1);
        let Caller { from, to, via } = caller;
        self.events.push_back(Event::CallRefused { call, from, to, via, by, cause });
    }

    /// Without a record, but not unseen.
    fn count_refused(&mut self) {
        self.count_ended(CallOutcome::Refused);
    }

    fn count_ended(&mut self, outcome: CallOutcome) {
        let at = CallOutcome::ALL.iter().position(|known| *known == outcome);
        self.calls_ended[at.expect("all outcomes are listed")] += 1;
    }

    /// A leg is over, and `news` says how. The center hears of a recorded leg when its media has
    /// closed.
    fn leg_over(&mut self, now: Timestamp, leg: LegId, cause: Cause, news: Event) {
        self.close(leg);
        if leg.is_caller() && self.desk.has(leg.call) {
            return match news {
                Event::LegLost { how, .. } => self.desk.arm_lost(now, leg.call, cause, how),
                _ => self.desk.arm_ended(now, leg.call, false, cause),
            };
        }
        self.dialed.remove(&leg);
        self.take_arm_down(now, leg.call);
        match self.recorded.get_mut(&leg) {
            Some(ended) => *ended = Some(news),
            None => self.events.push_back(news),
        }
    }

    /// The sound of a provider's caller comes, for the agent who has answered.
    fn arm_arrived(&mut self, now: Timestamp, dialog: DialogId, to: &str, remote: IpAddr) {
        let Some((caller, party)) = self.desk.arm(to) else {
            return self.ua.refuse(now, dialog, Cause::UNALLOCATED_NUMBER);
        };
        let Some(media) = self.open(now, caller, remote) else {
            self.desk.arm_ended(now, caller.call, true, Cause::NO_CIRCUIT);
            return self.ua.refuse(now, dialog, Cause::NO_CIRCUIT);
        };
        match self.ua.bind(now, dialog, caller, media) {
            Bound::Fits | Bound::Offers => {
                self.ua.answer(now, caller);
                self.media.hear(caller, vec![party]);
                self.media.hear(party, vec![caller]);
            }
            Bound::Unfit(_) | Bound::Gone => {
                self.close(caller);
                self.desk.arm_ended(now, caller.call, true, Cause::INCOMPATIBLE);
            }
        }
    }

    /// The agent's telephone is done: the caller goes back to the provider, and on in the flow. Not
    /// where somebody else is there whom the agent has consulted.
    fn take_arm_down(&mut self, now: Timestamp, call: CallId) {
        let mut others = self.dialed.range(LegId::caller(call)..);
        let is_alone = others.next().is_none_or(|leg| leg.call != call);
        if is_alone && self.desk.has_arm(call) {
            let leg = LegId::caller(call);
            self.desk.arm_ended(now, call, true, Cause::NORMAL_CLEARING);
            self.close(leg);
            self.ua.hang_up(now, leg, Cause::NORMAL_CLEARING);
        }
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

    /// Of a leg that was recorded it is told when what was said is kept.
    fn close(&self, leg: LegId) {
        if self.recorded.contains_key(&leg) {
            self.media.close_and_tell(leg);
        } else {
            self.media.close(leg);
        }
    }

    pub(super) fn media_fact(&mut self, now: Timestamp, fact: Fact) {
        match fact {
            Fact::Digit { leg, digit } => self.events.push_back(Event::Digit { leg, digit }),
            Fact::PromptDone { leg, play } => {
                self.events.push_back(Event::PromptDone { leg, play });
            }
            Fact::PromptFailed { leg, play } => {
                self.events.push_back(Event::PromptFailed { leg, play });
            }
            // No sound and no refresh: the far end is gone without a word.
            Fact::Inactive { leg } if self.ua.probe(now, leg) => {
                tracing::info!(%leg, "no sound arrives from this leg: its session is refreshed");
            }
            Fact::Inactive { leg } => {
                self.ua.give_up(now, leg, Cause::TIMER_EXPIRED, Loss::Silent);
            }
            Fact::NoInboundRtp { leg, elsewhere: None } => {
                tracing::warn!(%leg, "no sound arrives from this leg");
            }
            Fact::NoInboundRtp { leg, elsewhere: Some(from) } => tracing::warn!(
                %leg, %from,
                "sound for this leg comes from an address that neither its SDP names nor its \
                 signaling comes from: `media_addresses` of its trunk can allow it"
            ),
            Fact::Recorded { leg: _, over } => {
                let is_call = self.calls_recorded.remove(&over.recording);
                let kind = if is_call { RecordingKind::Call } else { RecordingKind::Message };
                self.events.push_back(Event::Recorded {
                    recording: over.recording,
                    kind,
                    length_ms: over.length_ms(),
                    ended: over.ended,
                    url: None,
                });
            }
            Fact::RecordFailed { recording, why } => {
                self.calls_recorded.remove(&recording);
                self.events.push_back(Event::RecordFailed { recording, why });
            }
            Fact::Closed { leg, .. } => {
                self.events.extend(self.recorded.remove(&leg).flatten());
            }
        }
    }

    /// Carries out a command, or keeps it until the arrival of its call is written.
    pub(super) fn carry_out(&mut self, now: Timestamp, command: Command, store: &mut Store) {
        if self.desk.command(&command) == Taken::Here {
            return;
        }
        if let Some(command) = self.begun.keep(command) {
            self.carry_out_now(now, command, store);
        }
    }

    pub(super) fn carry_out_now(&mut self, now: Timestamp, command: Command, store: &mut Store) {
        match command {
            Command::Answer { leg } => self.ua.answer(now, leg),
            Command::Ring { leg } => self.ua.ring(now, leg),
            Command::Reject { leg, cause } | Command::HangUp { leg, cause } => {
                self.close(leg);
                self.ua.hang_up(now, leg, cause);
                // Before what is to be played next: that is the provider's again.
                if self.dialed.remove(&leg) {
                    self.take_arm_down(now, leg.call);
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
                // One that has ended already is closed: nobody will tell of it again.
                if self.ua.has_leg(leg) {
                    self.recorded.entry(leg).or_default();
                }
                let terms = Terms { recording, length_max, length_min, silence };
                self.media.record(leg, terms, beep);
            }
            Command::StopRecord { leg } => self.media.stop_record(leg),
            Command::RecordCall { recording, left, right } => {
                self.calls_recorded.insert(recording);
                self.media.record_call(recording, left, right.into_iter().collect());
            }
            Command::StopRecordCall { recording } => self.media.stop_record_call(recording),
            Command::Dial { leg, target, from, until: _ } => {
                let outside = match &target {
                    Target::Agent(agent) => self.outside.get(agent).cloned(),
                    Target::Trunk { .. } => None,
                };
                self.dial(now, leg, &outside.unwrap_or(target), &from);
            }
            Command::Hear { leg, from } => self.media.hear(leg, from.into_iter().collect()),
            Command::CloseRecord { record } => {
                if record.caller_agent().is_none() {
                    self.count_ended(record.outcome);
                } else if !record.is_feature_code() {
                    self.agent_calls_ended += 1;
                }
                store.close(record);
            }
            Command::AmendRecord { call, wrap_up } => {
                store.amend(call, wrap_up);
            }
            Command::AmendRecording { news } => {
                store.amend_recording(news);
            }
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
