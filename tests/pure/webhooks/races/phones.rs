//! Telephones of ours as a front: they ring, are talked on, and have the sound of callers whom the
//! provider hands over.
//!
//! **Deliberately absent:** what the people there do, and when; that is the world's.

use std::collections::{BTreeMap, VecDeque};

use attendant::front::{Front, FrontCannot, Handoff, HandoffEnd};
use attendant::id::{AgentId, LegId};
use attendant::time::Timestamp;
use attendant::words::{AgentRequest, Cause, Command, Event, Target};

/// A telephone of ours, that rings or is talked on.
#[derive(Debug)]
pub(super) struct Phone {
    pub(super) agent: Option<AgentId>,
    pub(super) answered_at: Option<Timestamp>,
}

/// An order to a telephone.
#[derive(Debug)]
pub(super) enum Order {
    Ring(LegId),
    /// Also of a caller whose sound is here.
    End(LegId, Cause),
    /// The caller could not be brought here.
    Drop(LegId),
}

#[derive(Debug, Default)]
pub(super) struct Phones {
    pub(super) up: BTreeMap<LegId, Phone>,
    /// Callers whose sound is here.
    handed: Vec<LegId>,
    /// Whose sound came, and to whom, by the number of its arrival.
    expected: BTreeMap<u64, (LegId, LegId)>,
    arrivals: u64,
    orders: VecDeque<Order>,
    handoffs: VecDeque<Handoff>,
    events: VecDeque<Event>,
}

impl Phones {
    /// Sound comes at this address; returns the number of its arrival.
    pub(super) fn arrive(&mut self, address: String) -> u64 {
        self.arrivals += 1;
        let arrival = self.arrivals;
        self.handoffs.push_back(Handoff::Arrived { arrival, address });
        arrival
    }

    /// Whose sound that was, and the party for them to talk to.
    pub(super) fn take_expected(&mut self, arrival: u64) -> Option<(LegId, LegId)> {
        self.expected.remove(&arrival)
    }

    /// A caller's sound is no longer here. `false`: it was not.
    pub(super) fn end_handoff(&mut self, leg: LegId, end: HandoffEnd) -> bool {
        let Some(at) = self.handed.iter().position(|it| *it == leg) else { return false };
        self.handed.remove(at);
        self.handoffs.push_back(Handoff::Over { leg, end });
        true
    }

    pub(super) fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }
}

impl Front for Phones {
    fn carry_out(&mut self, _now: Timestamp, command: Command) -> Option<Command> {
        match command {
            Command::Dial { leg, target, .. } => {
                let agent = match target {
                    Target::Agent(agent) => Some(agent),
                    Target::Trunk { .. } => None,
                };
                self.up.insert(leg, Phone { agent, answered_at: None });
                self.orders.push_back(Order::Ring(leg));
                None
            }
            Command::HangUp { leg, cause } | Command::Reject { leg, cause } => {
                self.orders.push_back(Order::End(leg, cause));
                None
            }
            Command::CloseRecord { .. }
            | Command::AmendRecord { .. }
            | Command::Ask { .. }
            | Command::AmendRecording { .. } => Some(command),
            Command::Answer { .. }
            | Command::Ring { .. }
            | Command::Play { .. }
            | Command::StopPlay { .. }
            | Command::Hear { .. }
            | Command::Record { .. }
            | Command::StopRecord { .. }
            | Command::RecordCall { .. } => None,
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn can(&self, _leg: LegId, _request: &AgentRequest) -> Result<(), FrontCannot> {
        Ok(())
    }

    fn can_supervise(&self, _leg: LegId, _whom: Option<&Target>) -> Result<(), FrontCannot> {
        Ok(())
    }

    fn can_consult(&self, _leg: LegId, _whom: Option<&Target>) -> Result<(), FrontCannot> {
        Ok(())
    }

    fn handle_handoff(&mut self, _now: Timestamp, handoff: &Handoff) -> bool {
        match *handoff {
            Handoff::Expected { arrival, leg, party } => {
                self.handed.push(leg);
                self.expected.insert(arrival, (leg, party));
            }
            Handoff::Unexpected { .. } => {}
            Handoff::Dropped { party } => self.orders.push_back(Order::Drop(party)),
            Handoff::Arrived { .. } | Handoff::Over { .. } => return false,
        }
        true
    }

    fn poll_handoff(&mut self) -> Option<Handoff> {
        self.handoffs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        None
    }

    fn handle_timeout(&mut self, _now: Timestamp) {}

    fn set_full(&mut self, _is_full: bool) {}

    fn is_quiet(&self) -> bool {
        self.up.is_empty()
    }
}
