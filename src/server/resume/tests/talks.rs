//! Calls whose agent was consulting a party, or was supervised, when the server was killed.

use super::*;
use crate::call::Stage;
use crate::words::{ConsultTarget, PartyRole, SupervisorMode, SupervisorRequest, Telephone};

const CONSULTED: &str = "+14155550177";
/// A provider that may dial the consulted party, and an agent whom it reaches.
const PROVIDED: &str = r#"
[webhooks]
public_url = "https://calls.acme.example"
sip_host = "calls.acme.example"
[providers.twilio]
secrets = ["not-a-secret-0123456789abcdef012"]
prefixes = ["+1415555"]
[agents.gus]
outside = { trunk = "twilio", number = "+14155550150" }
skills = { day = 5 }
auto_login = true
auto_ready = true
[trunks.away]
uri = "sip:127.0.0.1:5998"
prefixes = ["+1415555"]
"#;

fn world() -> World {
    let world = World::new();
    world.configure(&(with_skills(CONFIG) + PROVIDED));
    world
}

/// `agent` talks to a consulted party while the caller waits.
fn consulting(world: &World, agent: &str, via: Via) -> (Server, CallId) {
    let mut server = world.start(MORNING);
    if agent == "alice" {
        server.ask("gus", AgentRequest::LogOut);
        server.ready(agent);
    }
    let call = server.calls(CALLER, via);
    server.presses(call, "1");
    server.answered();
    assert_eq!(server.agent(agent).call, Some(call));
    let number = Telephone::Number { number: CONSULTED.to_owned(), trunk: None };
    server.ask(agent, AgentRequest::Consult { target: ConsultTarget::Telephone(number) });
    server.answered();
    let consult = server.call(call).consult.expect("somebody is consulted");
    assert_eq!((consult.number.as_deref(), consult.stage), (Some(CONSULTED), Stage::Talking));
    (server, call)
}

#[test]
fn a_consultation_at_the_provider_goes_on() {
    let world = world();
    let (server, call) = consulting(&world, "gus", Via::Provider(PROVIDER.to_owned()));
    let (before, consulted) = (server.call(call), server.dialed.unwrap());
    let now = server.kill();
    let mut server = world.start(now);
    assert!(server.goes_on);
    assert_eq!(server.call(call), before);
    server.ask("gus", AgentRequest::Complete);
    let view = server.call(call);
    assert_eq!((view.state, view.consult, view.on_hold), (CallState::Talking, None, false));
    server.tell(Event::HungUp { leg: consulted, cause: Cause::NORMAL_CLEARING });
    assert_eq!(server.call(call).step.as_deref(), Some("survey"));
    server.hangs_up(call);
    server.stop();
    let record = world.record(call).unwrap();
    assert_eq!((record.outcome, record.ended_by), (CallOutcome::Handled, EndedBy::Caller));
    let [agent, consulted] = &record.legs[..] else { panic!("{record:?}") };
    assert!(!agent.consulted && consulted.consulted);
    assert!(agent.hold_ms > 0 && consulted.hold_ms == 0);
    for leg in [agent, consulted] {
        let up = leg.ended_at.unwrap().since(leg.answered_at.unwrap());
        assert_eq!(up.as_millis(), u128::from(leg.talk_ms + leg.hold_ms), "{leg:?}");
    }
}

#[test]
fn a_consulted_party_at_the_provider_goes_on_with_the_caller_of_a_phone_that_is_lost() {
    let world = world();
    let (server, call) = consulting(&world, "alice", Via::Provider(PROVIDER.to_owned()));
    let (lost_at, consulted) = (server.now, server.dialed.unwrap());
    let now = server.kill();
    let mut server = world.start(now);
    assert_eq!(server.call(call).state, CallState::Talking);
    assert!(matches!(server.agent("alice").state, AgentState::AfterCallWork { .. }));
    server.tell(Event::HungUp { leg: consulted, cause: Cause::NORMAL_CLEARING });
    assert_eq!(server.call(call).step.as_deref(), Some("survey"));
    server.stop();
    assert_eq!(world.record(call).unwrap().legs[0].ended_at, Some(lost_at));
}

#[test]
fn a_consultation_of_telephones_is_lost_with_the_server() {
    let world = world();
    let (server, call) = consulting(&world, "alice", trunk());
    let lost_at = server.now;
    let now = server.kill();
    world.start(now).kill();
    let record = world.record(call).unwrap();
    assert_eq!((record.outcome, record.ended_by), (CallOutcome::Handled, EndedBy::ServerLost));
    assert_eq!(record.legs.len(), 2);
    for leg in &record.legs {
        assert_eq!((leg.outcome.name(), leg.ended_at), ("accepted", Some(lost_at)));
    }
}

impl Server {
    /// Bob supervises this call at his own telephone.
    fn is_supervised(&mut self, call: CallId, mode: SupervisorMode) {
        self.register("bob");
        let from = Telephone::Agent { agent: "bob".to_owned() };
        let ask = SupervisorRequest::Supervise { mode, from };
        self.tell(Event::SupervisorAsked {
            by: crate::words::Principal::admin("operator"),
            call,
            ask,
        });
        self.answered();
        assert_eq!(self.call(call).supervisor.map(|it| it.mode), Some(mode));
        assert_eq!(self.agent("bob").own_call, Some(call));
    }
}

#[test]
fn a_supervisor_is_lost_with_the_server_and_the_call() {
    let world = World::new();
    let (mut server, call) = talking(&world, trunk());
    server.is_supervised(call, SupervisorMode::Listen);
    let lost_at = server.now;
    let now = server.kill();
    let server = world.start(now);
    assert_eq!(server.agent("bob").own_call, None);
    server.kill();
    let record = world.record(call).unwrap();
    assert_eq!((record.outcome, record.ended_by), (CallOutcome::Handled, EndedBy::ServerLost));
    let [_, supervisor] = &record.legs[..] else { panic!("{record:?}") };
    assert_eq!((supervisor.role, supervisor.modes.len()), (Some(PartyRole::Supervisor), 1));
    assert_eq!(supervisor.ended_at, Some(lost_at));
    assert!(supervisor.only_supervised());
}

#[test]
fn a_providers_call_goes_on_without_the_supervisor_who_was_lost() {
    let world = world();
    let via = Via::Provider(PROVIDER.to_owned());
    let mut server = world.start(MORNING);
    server.ask("gus", AgentRequest::LogOut);
    server.ready("alice");
    let call = server.calls(CALLER, via);
    server.presses(call, "1");
    server.answered();
    server.is_supervised(call, SupervisorMode::Whisper);
    let lost_at = server.now;
    let now = server.kill();
    let mut server = world.start(now);
    let view = server.call(call);
    assert_eq!((view.step.as_deref(), view.supervisor), (Some("survey"), None));
    assert_eq!(server.agent("bob").own_call, None);
    server.hangs_up(call);
    server.stop();
    let record = world.record(call).unwrap();
    let [agent, supervisor] = &record.legs[..] else { panic!("{record:?}") };
    assert_eq!((agent.ended_at, supervisor.ended_at), (Some(lost_at), Some(lost_at)));
    assert_eq!(supervisor.modes[0].mode, SupervisorMode::Whisper);
}
