//! What the user agent and the media say of telephones' legs, as events.
//!
//! **Invariant:** the center hears of a call when it is known that there will be sound; until then
//! it can only be refused.

use std::net::IpAddr;

use crate::front::{Arrivals, Caller, HandoffEnd};
use crate::id::LegId;
use crate::media::fact::Fact;
use crate::media::source::Origins;
use crate::sip::ua::{Bound, DialogId, Refusal, UaEvent};
use crate::sip_front::described::remote_media;
use crate::sip_front::{DataPlane, SipFront};
use crate::time::Timestamp;
use crate::words::{Cause, EndedBy, Event, Loss, RecordingKind, Via};

/// The INVITE of a call.
struct Incoming {
    dialog: DialogId,
    remote: IpAddr,
    /// Whether a flow answers for the number.
    is_known: bool,
}

/// Whether a flow answers for a number that is dialed from there.
pub(super) type Knows<'a> = &'a dyn Fn(&str, &Via) -> bool;

impl<P: DataPlane> SipFront<P> {
    /// Deals with the next thing the user agent says. `false`: there is none.
    pub fn hear_user_agent(
        &mut self,
        now: Timestamp,
        knows: Knows<'_>,
        arrivals: &mut Arrivals,
    ) -> bool {
        let Some(event) = self.ua.poll_event() else { return false };
        self.heard(now, knows, arrivals, event);
        true
    }

    fn heard(&mut self, now: Timestamp, knows: Knows<'_>, calls: &mut Arrivals, event: UaEvent) {
        match event {
            UaEvent::Incoming { dialog, to, remote, .. } if self.handed.is_for(&to) => {
                self.handed.arrived(dialog, to, remote.ip());
            }
            UaEvent::Incoming { dialog, from, to, via, remote } => {
                let is_known = knows(&to, &via);
                let caller = Caller { from, to, via };
                self.arrived(
                    now,
                    Incoming { dialog, remote: remote.ip(), is_known },
                    caller,
                    calls,
                );
            }
            UaEvent::TurnedAway { to, .. } if self.handed.is_for(&to) => {}
            UaEvent::TurnedAway { from, to, via, cause } => {
                let caller = Caller { from, to, via };
                self.events.extend(calls.refused(now, caller, EndedBy::Server, cause));
            }
            UaEvent::Media { leg, media, signaling, trunk } => {
                let networks = trunk.and_then(|trunk| self.media_networks.get(trunk));
                let networks = networks.cloned().unwrap_or_default();
                let origins = Origins { signaling: Some(signaling), networks };
                self.plane.configure(leg, remote_media(&media), origins);
            }
            UaEvent::Ringing { leg } => self.events.push_back(Event::Ringing { leg }),
            UaEvent::Rerouted { leg, trunk } => {
                self.events.push_back(Event::Rerouted { leg, trunk });
            }
            // Another front has handed it to us, and has answered long ago.
            UaEvent::Answered { leg } if self.handed.has(leg) => {}
            UaEvent::Answered { leg } => self.events.push_back(Event::Answered { leg }),
            UaEvent::Failed { leg, cause } => {
                self.close(leg);
                self.dialed.remove(&leg);
                self.give_back(now, leg.call);
                self.events.push_back(Event::DialFailed { leg, cause });
            }
            UaEvent::Held { leg } => self.events.push_back(Event::Held { leg }),
            UaEvent::Resumed { leg } => self.events.push_back(Event::Resumed { leg }),
            // It may come in the sound as well, and one press is one digit.
            UaEvent::Dtmf { leg, digit } => self.plane.press(leg, digit),
            UaEvent::Ended { leg, cause } => {
                self.leg_over(now, leg, cause, Event::HungUp { leg, cause });
            }
            UaEvent::Lost { leg, cause, how } => {
                self.leg_over(now, leg, cause, Event::LegLost { leg, cause, how });
            }
            UaEvent::Reachable { agent, reachable } => {
                self.events.push_back(Event::PhoneReachable { agent, reachable });
            }
            UaEvent::Refused { remote, why: Refusal::Full } if !calls.is_recording => {
                self.refusals.tell(now, remote, &Refusal::Disk);
            }
            UaEvent::Refused { remote, why } => self.refusals.tell(now, remote, &why),
        }
    }

    /// A call comes in. The center hears of it when it is known that there will be sound; until
    /// then it can only be refused.
    fn arrived(
        &mut self,
        now: Timestamp,
        incoming: Incoming,
        caller: Caller,
        calls: &mut Arrivals,
    ) {
        let Incoming { dialog, remote, is_known } = incoming;
        let unknown = Cause::UNALLOCATED_NUMBER;
        if !is_known && !calls.keeps(now, &caller.via, unknown) {
            return self.ua.refuse(now, dialog, unknown);
        }
        let call = calls.next;
        let leg = LegId::caller(call);
        let Some(media) = self.open(now, leg, remote) else {
            self.ua.refuse(now, dialog, Cause::NO_CIRCUIT);
            let refused = calls.refused(now, caller, EndedBy::Server, Cause::NO_CIRCUIT);
            return self.events.extend(refused);
        };
        // Also where it is refused now: what is said of this leg is never about the next one.
        calls.next = call.next();
        let bound = self.ua.bind(now, dialog, leg, media);
        let (by, cause) = match bound {
            Bound::Fits => {
                let Caller { from, to, via } = caller;
                return self.events.push_back(Event::CallArrived { call, from, to, via });
            }
            Bound::Offers => {
                let Caller { from, to, via } = caller;
                return self.events.push_back(Event::CallOpening { call, from, to, via });
            }
            Bound::Unfit(_) => (EndedBy::Server, Cause::INCOMPATIBLE),
            Bound::Gone => (EndedBy::Caller, Cause::NORMAL_CLEARING),
        };
        self.plane.close(leg);
        self.events.extend(calls.refused(now, caller, by, cause));
    }

    /// A leg is over, and `event` says how. The center hears of a recorded leg when its media has
    /// closed.
    fn leg_over(&mut self, now: Timestamp, leg: LegId, cause: Cause, event: Event) {
        self.close(leg);
        let lost = if let Event::LegLost { how, .. } = event { Some(how) } else { None };
        let end = lost.map_or(HandoffEnd::HungUp(cause), |how| HandoffEnd::Lost(cause, how));
        if self.handed.ended(leg, end) {
            return;
        }
        self.dialed.remove(&leg);
        self.give_back(now, leg.call);
        match self.recorded.get_mut(&leg) {
            Some(ended) => *ended = Some(event),
            None => self.events.push_back(event),
        }
    }

    /// The data plane says something.
    pub fn media_fact(&mut self, now: Timestamp, fact: Fact) {
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
            Fact::Recorded { leg, finished } => {
                let is_made = self.calls_recorded.reported(finished.recording);
                let kind = match (leg.is_recorder(), is_made) {
                    (true, true) => RecordingKind::Call,
                    (true, false) => return, // it had failed
                    (false, _) => RecordingKind::Message,
                };
                self.events.push_back(Event::Recorded {
                    recording: finished.recording,
                    kind,
                    length_ms: finished.length_ms(),
                    ended: finished.ended,
                    url: None,
                });
            }
            Fact::RecordFailed { recording, why } => {
                self.calls_recorded.reported(recording);
                self.events.push_back(Event::RecordFailed { recording, why });
            }
            Fact::Closed { leg, .. } => {
                self.events.extend(self.recorded.remove(&leg).flatten());
            }
        }
    }
}
