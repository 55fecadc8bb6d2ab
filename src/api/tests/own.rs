//! `/v1/events` for the token of an agent: what is theirs, and nothing of anybody else.

use super::events::Listener;
use super::roles::{ALICE, BOB, WITH_ROLES};
use super::*;
use crate::center::snapshot::CallState;
use crate::id::{LegId, OfferId};
use crate::words::{
    AgentStands, CallFact, CallStands, Closing, ConsultStands, Dialed, InputOutcome, OfferOutcome,
    Origin, Party, Stage, SupervisorMode, SupervisorStands,
};

const HERS: CallId = CallId(51);
const HIS: CallId = CallId(52);

fn began(call: CallId, from: &str) -> Fact {
    Fact::CallBegan(Arc::new(Origin {
        call,
        from: Some(from.to_owned()),
        from_name: None,
        to: "+14155550100".to_owned(),
        via: NamedVia::Trunk("acme".to_owned()),
        arrived_at: Timestamp(1_764_000_000_000),
        account: None,
        segment: None,
        outbound: None,
    }))
}

fn happened(call: CallId, happened: CallFact) -> Fact {
    Fact::Call { call, happened }
}

fn dialed(call: CallId, n: u16, id: AgentId, name: &str) -> Fact {
    happened(
        call,
        CallFact::Dialed(Arc::new(Dialed {
            leg: LegId { call, n },
            party: Party::Agent { id, name: name.to_owned() },
            queue: Some("billing".into()),
            consulted: false,
            role: None,
            by: None,
        })),
    )
}

/// How a call stands with this agent, while a supervisor hears it.
fn talks(call: CallId, agent: Option<&str>) -> Fact {
    let supervisor = SupervisorStands {
        agent: None,
        number: Some("+14155550999".to_owned()),
        by: "eve".into(),
        mode: SupervisorMode::Listen,
        instead_of: None,
        since: None,
    };
    let state = if agent.is_some() { CallState::Talking } else { CallState::InFlow };
    let agent = agent.map(Into::into);
    let stands = CallStands { state, waits: None, agent, ..waiting(Some(supervisor)) };
    Fact::CallStands { call, stands: Arc::new(stands) }
}

fn at(agent: AgentId, name: &str, call: Option<CallId>) -> Fact {
    let stands = AgentStands { agent, name: name.into(), call, ..stands(AgentState::Ready) };
    Fact::AgentStands(Arc::new(stands))
}

fn offered(call: CallId, agent: AgentId, name: &str) -> Fact {
    let (offer, name, outcome) = (OfferId(1), name.into(), OfferOutcome::Accepted);
    Fact::OfferEnded { call, offer, agent, name, outcome }
}

/// Each has a call of their own; then she gives hers to him. From number 10 on.
fn happenings() -> Vec<Fact> {
    let (alice, bob) = (AgentId(0), AgentId(1));
    let keys = Some("4711".into());
    let leg = |n| LegId { call: HERS, n };
    let mut facts = told::bob_talks().into_iter().take(1).collect::<Vec<_>>();
    facts.extend([
        began(HERS, "+14155550151"),
        began(HIS, "+14155550152"),
        dialed(HIS, 1, bob, "bob"),
        talks(HIS, Some("bob")),
        at(bob, "bob", Some(HIS)),
        // Until here nothing is hers.
        dialed(HERS, 1, alice, "alice"),
        talks(HERS, Some("alice")),
        at(alice, "alice", Some(HERS)),
        happened(HERS, CallFact::LegAnswered { leg: leg(1) }),
        offered(HERS, alice, "alice"),
        happened(HERS, CallFact::Input { outcome: InputOutcome::Matched, keys }),
        happened(HERS, CallFact::Held { leg: leg(1) }),
        // He is rung for her call, and has it from then on.
        dialed(HERS, 2, bob, "bob"),
        happened(HERS, CallFact::LegAnswered { leg: leg(2) }),
        talks(HERS, Some("bob")),
        happened(HERS, CallFact::Entered { step: "his-step".into(), after_hangup: false }),
        at(alice, "alice", None),
        happened(HERS, CallFact::Closed(Arc::new(Closing::default()))),
        Fact::Draining { is_draining: true },
    ]);
    facts
}

#[test]
fn an_agents_token_hears_of_what_is_theirs_and_of_nobody_else() {
    serve(WITH_ROLES, async |served| {
        let first = facts().len();
        let mut hers = Listener::open_as(ALICE, &served, "/v1/events", "").await;
        let snapshot = hers.until("event: snapshot\n").await + &hers.until("\n\n").await;
        for said in ["\"calls\":[]", "\"queues\":[]", "\"name\":\"alice\""] {
            assert!(snapshot.contains(said), "{said}: {snapshot}");
        }
        served.told.tell(happenings());
        let heard = hers.until("event: draining\n").await;
        let numbers = |text: &str| -> Vec<usize> {
            let ids = text.lines().filter_map(|line| line.strip_prefix("id: 7-"));
            ids.map(|id| id.parse::<usize>().unwrap() - first).collect()
        };
        // The roster; her leg, call, herself, answer, offer, hold; herself; the end.
        assert_eq!(numbers(&heard), [0, 6, 7, 8, 9, 10, 12, 17, 19], "{heard}");
        let strangers = [
            "bob",
            "+14155550999",
            "+14155550123",
            "+14155550151",
            "+14155550152",
            "4711",
            "his-step",
            "\"eve\"",
            "\"call\":52",
            "billing\"]",
        ];
        for stranger in strangers {
            assert!(!(snapshot.clone() + &heard).contains(stranger), "{stranger}: {heard}");
        }

        // The same, and what he has when it is over, from the ring and for him.
        let after = format!("Last-Event-ID: 7-{}\r\n", first - 1);
        let mut his = Listener::open_as(BOB, &served, "/v1/events", &after).await;
        let heard = his.until("event: draining\n").await;
        assert_eq!(numbers(&heard), [0, 3, 4, 5, 13, 14, 15, 16, 18, 19], "{heard}");
        assert!(!heard.contains("alice") && !heard.contains("\"record\""), "{heard}");
    });
}

#[test]
fn the_snapshot_of_an_agent_has_the_call_they_have_and_not_who_supervises() {
    serve(WITH_ROLES, async |served| {
        served.told.tell(happenings().into_iter().take(9).collect());
        let mut hers = Listener::open_as(ALICE, &served, "/v1/events", "").await;
        let snapshot = hers.until("event: snapshot\n").await + &hers.until("\n\n").await;
        assert!(snapshot.contains("\"id\":51") && snapshot.contains("+14155550151"), "{snapshot}");
        for stranger in ["bob", "+14155550999", "+14155550152", "\"id\":52", "\"id\":41"] {
            assert!(!snapshot.contains(stranger), "{stranger}: {snapshot}");
        }
        // A filter names no other agent: and no refusal lists who there is.
        let ask =
            async |query: &str| served.ask(&format!("GET /v1/events?{query}"), ALICE, None).await;
        for query in ["agent=bob", "agent=bop", "queue=billing"] {
            let (status, body) = ask(query).await;
            assert_eq!((status, &body["error"]), (400, &json!("bad_request")), "{body}");
            assert!(!body["message"].to_string().contains("did you mean"), "{body}");
        }
    });
}

/// She called the queue from her own telephone: the call is hers, and who has it is not.
#[test]
fn an_agent_who_called_hears_neither_who_answered_nor_whom_that_agent_consults() {
    let Fact::CallBegan(origin) = began(HERS, "1001") else { panic!("it begins") };
    let origin = Origin { via: NamedVia::Agent("alice".to_owned()), ..Origin::clone(&origin) };
    let consult = ConsultStands {
        number: Some("+14155550999".to_owned()),
        trunk: Some("acme".to_owned()),
        agent: None,
        queue: None,
        stage: Stage::Talking,
        since: origin.arrived_at,
    };
    let stands = CallStands {
        state: CallState::Talking,
        waits: None,
        agent: Some("bob".into()),
        consult: Some(Box::new(consult)),
        ..waiting(None)
    };
    let mut facts = told::bob_talks().into_iter().take(1).collect::<Vec<_>>();
    facts.push(Fact::CallBegan(Arc::new(origin)));
    facts.push(Fact::CallStands { call: HERS, stands: Arc::new(stands) });
    let later = vec![facts[2].clone(), Fact::Draining { is_draining: true }];
    serve(WITH_ROLES, async |served| {
        served.told.tell(facts);
        let mut hers = Listener::open_as(ALICE, &served, "/v1/events", "").await;
        let snapshot = hers.until("event: snapshot\n").await + &hers.until("\n\n").await;
        served.told.tell(later);
        let heard = snapshot + &hers.until("event: draining\n").await;
        assert!(heard.contains("\"id\":51") && heard.contains("event: call_stands"), "{heard}");
        for stranger in ["bob", "+14155550999"] {
            assert!(!heard.contains(stranger), "{stranger}: {heard}");
        }
    });
}
