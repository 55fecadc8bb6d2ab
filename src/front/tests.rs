//! Two fronts that do nothing but keep legs, behind one exchange.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::*;
use crate::id::{AgentId, CallId};
use crate::words::Cause;

const NOW: Timestamp = Timestamp(1_000);

/// Carries the legs it knows, and notes its commands.
#[derive(Default)]
struct Toy {
    legs: BTreeSet<LegId>,
    /// The leg whose sound has an address, and whom it is to talk to.
    offers: Option<(LegId, LegId)>,
    events: VecDeque<Event>,
    handoffs: VecDeque<Handoff>,
    wakes_at: Option<Timestamp>,
    log: Vec<String>,
}

impl Front for Toy {
    fn carry_out(&mut self, _now: Timestamp, command: Command) -> Option<Command> {
        match command {
            Command::Ring { leg } if self.legs.contains(&leg) => {
                self.log.push(format!("rings {leg}"));
                None
            }
            other => Some(other),
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn can(&self, leg: LegId, _request: &AgentRequest) -> Result<(), FrontCannot> {
        match self.legs.contains(&leg) {
            true => Err(FrontCannot("a toy".to_owned())),
            false => Ok(()),
        }
    }

    fn can_supervise(&self, leg: LegId, whom: Option<&Target>) -> Result<(), FrontCannot> {
        match whom {
            Some(Target::Agent(_)) | None => Ok(()),
            Some(Target::Trunk { .. }) => self.can(leg, &AgentRequest::Hold),
        }
    }

    fn can_consult(&self, leg: LegId, _whom: Option<&Target>) -> Result<(), FrontCannot> {
        self.can(leg, &AgentRequest::Hold)
    }

    fn handle_handoff(&mut self, _now: Timestamp, handoff: &Handoff) -> bool {
        self.log.push(format!("{handoff:?}"));
        let Handoff::Arrived { arrival, .. } = *handoff else { return true };
        let Some((leg, party)) = self.offers.take() else { return false };
        self.handoffs.push_back(Handoff::Expected { arrival, leg, party });
        true
    }

    fn poll_handoff(&mut self) -> Option<Handoff> {
        self.handoffs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.wakes_at
    }

    fn handle_timeout(&mut self, _now: Timestamp) {}

    fn set_full(&mut self, _is_full: bool) {}

    fn is_quiet(&self) -> bool {
        self.legs.is_empty()
    }
}

fn leg(n: u16) -> LegId {
    LegId { call: CallId(1), n }
}

fn of(n: u16) -> Toy {
    Toy { legs: [leg(n)].into(), ..Toy::default() }
}

#[test]
fn a_command_goes_to_the_front_that_has_the_leg() {
    let (mut a, mut b) = (of(1), of(2));
    let mut carry_out = |command| {
        let fronts: [&mut dyn Front; 2] = [&mut a, &mut b];
        exchange::carry_out(fronts, NOW, command)
    };
    assert_eq!(carry_out(Command::Ring { leg: leg(2) }), None);
    let nobodys = Command::Ring { leg: leg(3) };
    assert_eq!(carry_out(nobodys.clone()), Some(nobodys));
    assert_eq!((a.log.len(), b.log), (0, vec![format!("rings {}", leg(2))]));
}

#[test]
fn the_front_that_has_the_leg_says_what_cannot_be() {
    let (a, b) = (of(1), of(2));
    let can = |n| exchange::can(&[&a, &b], leg(n), &AgentRequest::Hold);
    assert_eq!(can(2), Err(FrontCannot("a toy".to_owned())));
    assert_eq!(can(3), Ok(()));
}

#[test]
fn each_front_is_asked_whether_a_supervisor_can_hear_a_call() {
    let (a, b) = (of(1), of(2));
    let trunk = "main".to_owned();
    let at_trunk = Target::Trunk { trunk, number: "+1".to_owned(), others: Vec::new() };
    let can = |n, whom: &Target| exchange::can_supervise(&[&a, &b], leg(n), Some(whom));
    assert_eq!(can(2, &at_trunk), Err(FrontCannot("a toy".to_owned())));
    assert_eq!(can(3, &at_trunk), Ok(()));
    assert_eq!(can(2, &Target::Agent(AgentId(1))), Ok(()));
}

#[test]
fn the_last_front_speaks_first() {
    let (mut a, mut b) = (of(1), of(2));
    a.events.push_back(Event::Ringing { leg: leg(1) });
    b.events.push_back(Event::Ringing { leg: leg(2) });
    let fronts: &mut [&mut dyn Front] = &mut [&mut a, &mut b];
    assert_eq!(exchange::poll_event(fronts), Some(Event::Ringing { leg: leg(2) }));
    assert_eq!(exchange::poll_event(fronts), Some(Event::Ringing { leg: leg(1) }));
    assert_eq!(exchange::poll_event(fronts), None);
}

#[test]
fn an_arrival_is_answered_by_the_front_whose_leg_it_is() {
    let (mut owner, mut other) = (of(0), of(1));
    owner.offers = Some((leg(0), leg(1)));
    let arrived = |arrival| Handoff::Arrived { arrival, address: format!("{ADDRESS_PREFIX}x") };
    other.handoffs.extend([arrived(7), arrived(8)]);
    let fronts: &mut [&mut dyn Front] = &mut [&mut owner, &mut other];
    exchange::hand_over(fronts, NOW);
    let expected = Handoff::Expected { arrival: 7, leg: leg(0), party: leg(1) };
    let unexpected = Handoff::Unexpected { arrival: 8 };
    assert_eq!(other.log, [expected, unexpected].map(|handoff| format!("{handoff:?}")));
}

#[test]
fn the_end_of_a_handed_leg_reaches_its_own_front() {
    let (mut owner, mut other) = (of(0), of(1));
    let end = HandoffEnd::Returned(Cause::NORMAL_CLEARING);
    let over = Handoff::Over { leg: leg(0), end };
    other.handoffs.push_back(over.clone());
    exchange::hand_over(&mut [&mut owner, &mut other], NOW);
    assert_eq!((owner.log, other.log.len()), (vec![format!("{over:?}")], 0));
}

#[test]
fn any_front_wakes_them_all_and_keeps_them_from_being_quiet() {
    let (mut a, b) = (of(1), Toy::default());
    assert_eq!(exchange::poll_timeout(&[&a, &b]), None);
    assert!(!exchange::is_quiet(&[&a, &b]) && !exchange::is_quiet(&[&b, &a]));
    a.legs.clear();
    assert!(exchange::is_quiet(&[&a, &b]));
    let early = Toy { wakes_at: Some(NOW), ..Toy::default() };
    a.wakes_at = Some(NOW + Duration::from_secs(1));
    assert_eq!(exchange::poll_timeout(&[&a, &early, &b]), Some(NOW));
}
