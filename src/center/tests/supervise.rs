//! Supervisors: who hears whom in each mode, what is refused, and that the call goes on.

use std::collections::BTreeMap;

use super::talks::{ADA, AGENT};
use super::{FLOW, Floor, parsed};
use crate::center::Refused;
use crate::id::{AgentId, CallId, LegId};
use crate::words::{
    AgentRequest, AgentState, CallOutcome, CallRecord, Cause, Command, EndedBy, Event, LegOutcome,
    Loss, PartyRole, Principal, QueueExit, SupervisorMode, SupervisorRequest, Target, Telephone,
    Via,
};

pub(super) const CALL: CallId = CallId(1);
pub(super) const CALLER: LegId = LegId { call: CALL, n: 0 };
pub(super) const EVE: AgentId = AgentId(1);
/// The supervisor's leg, where an agent's was dialed before.
pub(super) const SECOND: LegId = LegId { call: CALL, n: 2 };

use SupervisorMode::{Barge, Listen, TakeOver, Whisper};

pub(super) fn eve() -> Telephone {
    Telephone::Agent { agent: "eve".to_owned() }
}

pub(super) fn number(number: &str) -> Telephone {
    Telephone::Number { number: number.to_owned(), trunk: None }
}

impl Floor {
    pub(super) fn supervisor(&mut self, ask: SupervisorRequest) {
        self.event(Event::SupervisorAsked { by: Principal::admin("boss"), call: CALL, ask });
    }

    pub(super) fn supervise(&mut self, mode: SupervisorMode) {
        self.supervisor(SupervisorRequest::Supervise { mode, from: eve() });
    }

    pub(super) fn mode(&mut self, mode: SupervisorMode) {
        self.supervisor(SupervisorRequest::Mode { mode });
    }

    /// The legs that each leg that is up hears, by their numbers; a leg that hears none is not
    /// there.
    fn ears(&self) -> BTreeMap<u16, Vec<u16>> {
        let call = self.center.calls.get(&CALL).unwrap();
        let legs = (0..9).map(|n| LegId { call: CALL, n }).filter(|leg| call.has_leg(*leg));
        let of = |leg: LegId| {
            let from = self.hearing.of(leg).into_iter().filter(|leg| call.has_leg(*leg));
            from.map(|leg| leg.n).collect::<Vec<_>>()
        };
        legs.map(|leg| (leg.n, of(leg))).filter(|(_, from)| !from.is_empty()).collect()
    }

    #[track_caller]
    pub(super) fn check_ears(&self, expected: &[(u16, &[u16])]) {
        let expected = expected.iter().map(|(leg, from)| (*leg, from.to_vec()));
        assert_eq!(self.ears(), expected.collect::<BTreeMap<_, _>>());
    }

    /// A caller who talks to Ada; Eve supervises on her own telephone.
    pub(super) fn supervised(mode: SupervisorMode) -> Self {
        let mut floor = Self::talking_to_ada();
        floor.supervise(mode);
        floor.check(&["ring call-1/2 agent-1"]);
        floor.event(Event::Answered { leg: SECOND });
        floor
    }

    pub(super) fn talking_to_ada() -> Self {
        let mut floor = Self::new(&["ada", "eve"]);
        let caller = floor.call(1);
        floor.press(caller, '1');
        floor.event(Event::Answered { leg: AGENT });
        floor.wait_s(10);
        floor.log.clear();
        floor
    }

    #[track_caller]
    pub(super) fn not_supervised(&mut self, ask: SupervisorRequest, expected: &str) -> Refused {
        let why = self.center.check_supervisor_request(CALL, &ask).expect_err("it is refused");
        assert_eq!(why.to_string(), expected);
        assert_eq!(self.center.supervisor_target(CALL, &ask), None);
        self.log.clear();
        self.supervisor(ask);
        self.check(&[]);
        why
    }

    pub(super) fn state_of_eve(&self) -> AgentState {
        self.center.agent_state(EVE).unwrap().clone()
    }

    pub(super) fn closed(&mut self) -> CallRecord {
        self.records.pop().expect("the call has ended")
    }
}

#[test]
fn each_mode_says_by_whom_a_supervisor_is_heard() {
    let mut floor = Floor::supervised(Listen);
    floor.check_ears(&[(0, &[1]), (1, &[0]), (2, &[0, 1])]);
    floor.mode(Whisper);
    floor.check_ears(&[(0, &[1]), (1, &[0, 2]), (2, &[0, 1])]);
    floor.mode(Barge);
    floor.check_ears(&[(0, &[1, 2]), (1, &[0, 2]), (2, &[0, 1])]);
    floor.mode(Listen);
    floor.check_ears(&[(0, &[1]), (1, &[0]), (2, &[0, 1])]);
    floor.mode(Listen); // asked for twice
    floor.supervisor(SupervisorRequest::Leave);
    floor.check_ears(&[(0, &[1]), (1, &[0])]);
    let view = floor.center.call(CALL).unwrap();
    assert_eq!((view.supervisor, view.agent.as_deref()), (None, Some("ada")));
    floor.wait_s(5);
    floor.hang_up(CALLER);
    let record = floor.closed();
    let [agent, supervisor] = &record.legs[..] else { panic!("{record:?}") };
    assert_eq!((agent.talk_ms, agent.role), (15_000, None));
    assert_eq!((supervisor.talk_ms, supervisor.hold_ms), (0, 0), "no talk of the caller's");
    assert_eq!(supervisor.role, Some(PartyRole::Supervisor));
    assert_eq!(supervisor.outcome, LegOutcome::Accepted);
    let modes: Vec<_> = supervisor.modes.iter().map(|entry| entry.mode).collect();
    assert_eq!(modes, [Listen, Whisper, Barge, Listen]);
    let json = serde_json::to_value(supervisor).unwrap();
    assert_eq!(
        (&json["role"], &json["modes"][1]["mode"]),
        (&"supervisor".into(), &"whisper".into())
    );
    assert_eq!(serde_json::from_value::<crate::words::PartyLeg>(json).unwrap(), *supervisor);
    let agent = serde_json::to_value(agent).unwrap();
    assert!(agent.get("role").is_none() && agent.get("modes").is_none(), "as ever: {agent}");
    assert_eq!(floor.row(&record).unwrap().legs.len(), 1, "a supervisor handles nothing");
}

#[test]
fn the_keys_of_the_supervisors_telephone_do_the_same() {
    let mut floor = Floor::supervised(Listen);
    floor.press(SECOND, '2');
    floor.check_ears(&[(0, &[1]), (1, &[0, 2]), (2, &[0, 1])]);
    floor.press(SECOND, '3');
    floor.check_ears(&[(0, &[1, 2]), (1, &[0, 2]), (2, &[0, 1])]);
    floor.press(AGENT, '1'); // a key of another leg
    floor.press(SECOND, '#');
    floor.check_ears(&[(0, &[1, 2]), (1, &[0, 2]), (2, &[0, 1])]);
    floor.press(SECOND, '1');
    floor.check_ears(&[(0, &[1]), (1, &[0]), (2, &[0, 1])]);
    floor.log.clear();
    floor.press(SECOND, '4');
    floor.check(&["hang-up call-1/1 normal_clearing", "bridge call-1/0 call-1/2"]);
}

#[test]
fn a_telephone_that_supervises_is_in_use() {
    let mut floor = Floor::supervised(Listen);
    assert_eq!(floor.state_of_eve(), AgentState::OnOwnCall { call: CALL });
    let view = floor.center.call(CALL).unwrap().supervisor.unwrap();
    assert_eq!((view.agent.as_deref(), &*view.by, view.mode), (Some("eve"), "boss", Listen));
    assert_eq!(view.since, Some(floor.now));
    let waiting = floor.call(2);
    floor.press(waiting, '1'); // Ada talks, and Eve is offered nothing
    assert!(!floor.log.iter().any(|line| line.starts_with("ring call-2")), "{:?}", floor.log);
    floor.log.clear();
    floor.hang_up(SECOND);
    floor.check(&["ring call-2/1 agent-1"]);
}

#[test]
fn the_caller_in_the_flow_and_in_the_queue_is_heard_and_hears_nobody() {
    let mut floor = Floor::new(&["ada", "eve"]);
    floor.event(Event::AgentAsked { agent: ADA, ask: AgentRequest::LogOut, by: None });
    let caller = floor.call(1);
    floor.supervise(Barge);
    floor.event(Event::Answered { leg: AGENT });
    floor.check_ears(&[(1, &[0])]);
    floor.press(caller, '1'); // to the queue: no agent is left to take it but Eve, who supervises
    floor.check_ears(&[(1, &[0])]);
    floor.event(Event::AgentAsked { agent: ADA, ask: AgentRequest::Ready, by: None });
    floor.event(Event::Answered { leg: SECOND });
    floor.check_ears(&[(0, &[1, 2]), (1, &[0, 2]), (2, &[0, 1])]);
    // The agent leaves; the flow ends the call, and with it the supervisor's leg.
    floor.log.clear();
    floor.hang_up(SECOND);
    floor.check(&[
        "unbridge call-1/0 call-1/1",
        "stop call-1/0",
        "hang-up call-1/1 normal_clearing",
        "hang-up call-1/0 normal_clearing",
        "record call-1 Handled by Agent talk 0 hold 0",
    ]);
    assert_eq!(floor.state_of_eve(), AgentState::Ready);
}

#[test]
fn a_supervisor_goes_on_listening_when_the_agent_leaves_the_caller_to_the_flow() {
    let mut floor = Floor::supervised(Whisper);
    let (step, vars) = ("help".to_owned(), BTreeMap::new());
    floor.event(Event::AgentAsked {
        agent: ADA,
        ask: AgentRequest::Transfer { step, vars },
        by: None,
    });
    floor.check_ears(&[(2, &[0])]);
    assert!(floor.center.supervisor_leg(CALL).is_some());
}

#[test]
fn an_agent_who_holds_or_rings_somebody_hears_who_whispers() {
    let mut floor = Floor::supervised(Whisper);
    floor.log.clear();
    floor.ask(AgentRequest::Hold);
    floor.check_ears(&[(1, &[2]), (2, &[0, 1])]);
    assert!(floor.log.contains(&"loop call-1/0".to_owned()), "{:?}", floor.log);
    floor.mode(Barge); // who is on hold stays it
    floor.check_ears(&[(1, &[2]), (2, &[0, 1])]);
    floor.ask(AgentRequest::Resume);
    floor.mode(Whisper);
    floor.log.clear();
    floor.consult();
    floor.check_ears(&[(1, &[2]), (2, &[0, 1])]); // and no ringing
    assert!(!floor.log.contains(&"loop call-1/1".to_owned()), "{:?}", floor.log);
    let consulted = LegId { n: 3, ..AGENT };
    floor.event(Event::Answered { leg: consulted });
    floor.check_ears(&[(1, &[2, 3]), (2, &[0, 1, 3]), (3, &[1])]);
    floor.mode(Listen);
    floor.ask(AgentRequest::Conference);
    floor.check_ears(&[(0, &[1, 3]), (1, &[0, 3]), (2, &[0, 1, 3]), (3, &[0, 1])]);
    floor.mode(Barge);
    floor.check_ears(&[(0, &[1, 2, 3]), (1, &[0, 2, 3]), (2, &[0, 1, 3]), (3, &[0, 1, 2])]);
}

#[test]
fn nobody_whispers_to_somebody_outside() {
    let mut floor = Floor::new(&["ada", "eve"]);
    let caller = floor.call(1);
    floor.press(caller, '2');
    floor.event(Event::Answered { leg: AGENT }); // an outside party
    floor.supervise(Whisper);
    floor.event(Event::Answered { leg: SECOND });
    floor.check_ears(&[(0, &[1]), (1, &[0]), (2, &[0, 1])]);
}

#[test]
fn nobody_hears_a_secret() {
    let flow = FLOW.replace("9 = \"forbidden\"", "9 = \"pin\"")
        + "[collect.pin]\ntext = \"Your PIN?\"\ninto = \"pin\"\ndigits_min = 4\ndigits_max = 4\n\
           secret = true\nnext = \"main\"\ngive_up = \"bye\"\n";
    let mut floor = Floor::with(parsed(&flow), &["ada", "eve"]);
    let caller = floor.call(1);
    floor.supervise(Listen);
    floor.event(Event::Answered { leg: AGENT });
    floor.check_ears(&[(1, &[0])]);
    floor.press(caller, '9');
    floor.check_ears(&[]);
    for key in ['1', '2', '3', '4'] {
        floor.check_ears(&[]);
        floor.press(caller, key);
    }
    floor.check_ears(&[(1, &[0])]);
}

#[test]
fn a_supervisor_takes_over_from_the_agent() {
    let mut floor = Floor::supervised(Listen);
    floor.consult(); // the consulted party is not asked any more
    floor.log.clear();
    floor.mode(TakeOver);
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "hang-up call-1/3 normal_clearing",
        "bridge call-1/0 call-1/2",
    ]);
    assert!(matches!(floor.state(), AgentState::AfterCallWork { .. }));
    assert_eq!(floor.center.call(CALL).unwrap().agent.as_deref(), Some("eve"));
    let taken = SupervisorRequest::Mode { mode: Listen };
    floor.not_supervised(taken, "call-1 has no supervisor");
    floor.press(SECOND, '1'); // the party's keys are keys
    floor.check(&[]);
    floor.wait_s(7);
    floor.hang_up(SECOND);
    floor.check(&[
        "stop call-1/0",
        "hang-up call-1/0 normal_clearing",
        "record call-1 Handled by Agent talk 17000 hold 0",
    ]);
    let record = floor.closed();
    let [agent, supervisor, consulted] = &record.legs[..] else { panic!("{record:?}") };
    assert_eq!((agent.talk_ms, supervisor.talk_ms), (10_000, 7_000));
    assert_eq!(consulted.outcome, LegOutcome::Withdrawn);
    assert!(supervisor.served() && !supervisor.only_supervised());
    assert_eq!(floor.state_of_eve(), AgentState::Ready);
    assert_eq!(floor.center.calls_live(), 0);
}

#[test]
fn a_caller_who_waits_can_be_taken_over() {
    let mut floor = Floor::new(&["ada", "eve"]);
    let caller = floor.call(1);
    floor.press(caller, '1');
    floor.wait_s(4);
    floor.log.clear();
    floor.supervisor(SupervisorRequest::Supervise { mode: TakeOver, from: number("+14155550166") });
    floor.check(&["dial call-1/2 main spare"]);
    floor.event(Event::Answered { leg: SECOND });
    floor.check(&["bridge call-1/0 call-1/2", "hang-up call-1/1 normal_clearing"]);
    floor.wait_s(6);
    floor.hang_up(caller);
    let record = floor.closed();
    assert_eq!(
        (record.outcome, record.queued[0].left),
        (CallOutcome::Handled, QueueExit::TakenOver)
    );
    assert_eq!(record.legs[0].outcome, LegOutcome::Withdrawn);
    assert_eq!((record.legs[1].talk_ms, record.ended_by), (6_000, EndedBy::Caller));
}

#[test]
fn nothing_is_taken_over_from_the_flow() {
    let mut floor = Floor::new(&["ada", "eve"]);
    floor.call(1);
    let nobody = "nobody talks to the caller of call-1, who does not wait for an agent either";
    let ask = SupervisorRequest::Supervise { mode: TakeOver, from: eve() };
    floor.not_supervised(ask, nobody);
    floor.supervise(Listen);
    floor.event(Event::Answered { leg: AGENT });
    floor.not_supervised(SupervisorRequest::Mode { mode: TakeOver }, nobody);
    floor.press(AGENT, '4');
    floor.check(&[]);
    // The agent it should be taken over from may have left before the supervisor answers.
    let mut floor = Floor::talking_to_ada();
    floor.supervise(TakeOver);
    let (step, vars) = ("outside".to_owned(), BTreeMap::new());
    floor.event(Event::AgentAsked {
        agent: ADA,
        ask: AgentRequest::Transfer { step, vars },
        by: None,
    });
    floor.event(Event::Answered { leg: SECOND });
    floor.check_ears(&[(2, &[0])]);
    assert_eq!(floor.center.call(CALL).unwrap().supervisor.unwrap().mode, Listen);
}

#[test]
fn a_supervisor_who_does_not_come_or_leaves_harms_nobody() {
    for (cause, outcome) in [
        (Cause::USER_BUSY, LegOutcome::Busy),
        (Cause::CALL_REJECTED, LegOutcome::Rejected),
        (Cause::TEMPORARY_FAILURE, LegOutcome::Failed),
    ] {
        let mut floor = Floor::talking_to_ada();
        floor.supervise(Listen);
        floor.event(Event::DialFailed { leg: SECOND, cause });
        assert_eq!(floor.state_of_eve(), AgentState::Ready);
        floor.check_ears(&[(0, &[1]), (1, &[0])]);
        floor.hang_up(CALLER);
        let record = floor.closed();
        assert_eq!((record.outcome, record.legs.len()), (CallOutcome::Handled, 2));
        assert_eq!(record.legs[1].outcome, outcome);
        assert!(record.legs[1].modes.is_empty());
    }
    let mut floor = Floor::talking_to_ada();
    floor.supervise(Listen);
    floor.log.clear();
    floor.wait_s(30);
    floor.check(&["hang-up call-1/2 no_answer"]);
    floor.event(Event::Answered { leg: SECOND }); // too late
    floor.check_ears(&[(0, &[1]), (1, &[0])]);
    floor.supervise(Barge);
    let third = LegId { n: 3, ..AGENT };
    floor.event(Event::Answered { leg: third });
    let (cause, how) = (Cause::TIMER_EXPIRED, Loss::Silent);
    floor.event(Event::LegLost { leg: third, cause, how });
    floor.check_ears(&[(0, &[1]), (1, &[0])]);
    assert_eq!(floor.state_of_eve(), AgentState::Ready);
}

#[test]
fn a_supervisors_number_is_the_same_telephone_however_it_is_written() {
    let mut floor = Floor::talking_to_ada();
    let from = number("+14155550166");
    assert!(!floor.center.is_supervised_from(CALL, &from), "nobody is there");
    floor.supervisor(SupervisorRequest::Supervise { mode: Listen, from });
    for _ in ["it rings", "it is answered"] {
        for same in [
            "+14155550166",
            "(415) 555-0166",
            "1 415 555 0166",
            "tel:+1-415-555-0166",
            "sip:+14155550166@example.com;user=phone",
            "sip:4155550166@198.51.100.7:5060",
        ] {
            assert!(floor.center.is_supervised_from(CALL, &number(same)), "{same}");
        }
        let through =
            Telephone::Number { number: "4155550166".to_owned(), trunk: Some("spare".to_owned()) };
        assert!(floor.center.is_supervised_from(CALL, &through));
        for other in [number("+14155550167"), number("166"), number("eve"), eve()] {
            assert!(!floor.center.is_supervised_from(CALL, &other), "{other:?}");
        }
        floor.event(Event::Answered { leg: SECOND });
    }
    let floor = Floor::supervised(Listen);
    assert!(floor.center.is_supervised_from(CALL, &eve()));
    assert!(!floor.center.is_supervised_from(CALL, &Telephone::Agent { agent: "ada".to_owned() }));
}

#[test]
fn a_supervisor_who_holds_hears_and_is_heard_by_nobody() {
    let mut floor = Floor::supervised(Barge);
    floor.event(Event::Held { leg: SECOND });
    floor.check_ears(&[(0, &[1]), (1, &[0])]);
    floor.event(Event::Resumed { leg: SECOND });
    floor.check_ears(&[(0, &[1, 2]), (1, &[0, 2]), (2, &[0, 1])]);
}

#[test]
fn supervision_ends_with_the_call() {
    let mut floor = Floor::supervised(Listen);
    floor.log.clear();
    floor.hang_up(CALLER);
    floor.check(&[
        "hang-up call-1/1 normal_clearing",
        "hang-up call-1/2 normal_clearing",
        "record call-1 Handled by Caller talk 10000 hold 0",
    ]);
    let leave = SupervisorRequest::Leave;
    floor.not_supervised(leave, "call-1 is not up: it has ended, or there never was such a call");
}

#[test]
fn a_supervisor_hears_an_agent_and_a_consulted_party_whom_the_caller_left() {
    let mut floor = Floor::supervised(Listen);
    floor.consult();
    let consulted = LegId { n: 3, ..AGENT };
    floor.event(Event::Answered { leg: consulted });
    floor.hang_up(CALLER);
    floor.check_ears(&[(1, &[3]), (2, &[1, 3]), (3, &[1])]);
    let nobody = "nobody talks to the caller of call-1, who does not wait for an agent either";
    floor.not_supervised(SupervisorRequest::Mode { mode: TakeOver }, nobody);
    floor.hang_up(consulted);
    assert_eq!(floor.closed().ended_by, EndedBy::Party);
}

#[test]
fn what_cannot_be_supervised_is_refused_by_name() {
    let mut floor = Floor::talking_to_ada();
    let ask = |from: Telephone| SupervisorRequest::Supervise { mode: Listen, from };
    let agent = |agent: &str| Telephone::Agent { agent: agent.to_owned() };
    floor.not_supervised(ask(agent("ada")), "the telephone of ada is in use");
    floor.not_supervised(ask(agent("bob")), "there is no agent `bob`");
    floor.not_supervised(ask(number("boss")), "`boss` is not a telephone number");
    floor.not_supervised(ask(number("+882139900000")), "no trunk may dial +882139900000");
    let own = floor
        .not_supervised(ask(number("+14155550123")), "+14155550123 is the caller's own number");
    assert_eq!(own, Refused::ConsultedIsCaller { number: "+14155550123".to_owned() });
    floor.not_supervised(SupervisorRequest::Mode { mode: Barge }, "call-1 has no supervisor");
    floor.event(Event::PhoneReachable { agent: EVE, reachable: false });
    floor.not_supervised(ask(eve()), "the telephone of eve is not registered");
    floor.event(Event::PhoneReachable { agent: EVE, reachable: true });
    floor.supervise(Listen);
    let rings = "the supervisor of call-1 has not answered yet";
    floor.not_supervised(SupervisorRequest::Mode { mode: Barge }, rings);
    floor.not_supervised(ask(number("+14155550166")), "call-1 has a supervisor already");
    let target = floor.center.supervisor_target(CALL, &ask(eve()));
    assert_eq!(target, None);
}

#[test]
fn an_agents_own_call_is_nobodys_to_supervise() {
    let mut floor = Floor::new(&["ada", "eve"]);
    let via = Via::Agent(ADA);
    let (call, to) = (CALL, "+14155550199".to_owned());
    floor.event(Event::CallArrived { call, from: crate::words::From::default(), to, via });
    let ask = SupervisorRequest::Supervise { mode: Listen, from: eve() };
    floor.not_supervised(ask, "call-1 is an agent's own call, which nobody supervises");
}

#[test]
fn the_telephone_shows_who_calls() {
    let mut floor = Floor::talking_to_ada();
    let ask = SupervisorRequest::Supervise { mode: Listen, from: eve() };
    assert_eq!(floor.center.supervisor_target(CALL, &ask), Some(Target::Agent(EVE)));
    let asked = Event::SupervisorAsked { by: Principal::admin("boss"), call: CALL, ask };
    floor.center.handle(floor.now, asked);
    let dial = std::iter::from_fn(|| floor.center.poll_command()).last();
    let Some(Command::Dial { from, until, .. }) = dial else { panic!("{dial:?}") };
    assert_eq!(from.number.as_deref(), Some("+14155550123"));
    assert_eq!(until.since(floor.now).as_secs(), 30);
}
