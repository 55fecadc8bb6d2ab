//! Each role against each route.

use super::*;
use crate::api::rules::{RULES, Right};
use crate::words::PrincipalRole;

const EVE: &str = "eve-token-eve-token-eve-token-ev";
pub(super) const ALICE: &str = "alice-token-alice-token-alice-to";
pub(super) const BOB: &str = "bob-token-bob-token-bob-token-bo";
const WALL: &str = "wall-token-wall-token-wall-token";
const ADMIN: &str = "ann-token-ann-token-ann-token-an";

const fn named(
    name: &'static str,
    role: PrincipalRole,
    agent: Option<&'static str>,
    token: &'static str,
) -> NamedToken<'static> {
    NamedToken { name, role, agent, token }
}

const TOKENS: &[NamedToken<'static>] = &[
    named("ann", PrincipalRole::Admin, None, ADMIN),
    named("eve", PrincipalRole::Supervisor, None, EVE),
    named("alice's phone", PrincipalRole::Agent, Some("alice"), ALICE),
    named("bob", PrincipalRole::Agent, Some("bob"), BOB),
    named("wall", PrincipalRole::Monitor, None, WALL),
];

pub(super) const WITH_ROLES: Settings<'_> =
    Settings { tokens: TOKENS, requests_max: 64, ..SETTINGS };

/// The routes of the document, as they are registered.
fn documented() -> Vec<(String, String)> {
    let document = serde_json::to_value(document()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            routes.push((method.to_uppercase(), path.clone()));
        }
    }
    routes
}

#[test]
fn every_route_has_a_rule_and_every_rule_a_route() {
    let routes = documented();
    for (method, path) in routes.iter().filter(|(_, path)| path.starts_with("/v1/")) {
        assert!(Right::of(method, path).is_some(), "add {method} {path} to RULES");
    }
    for (method, path, _) in RULES {
        let is_there = routes.contains(&((*method).to_owned(), (*path).to_owned()));
        assert!(is_there, "{method} {path} is no route of the document");
    }
}

#[test]
fn the_document_says_what_each_route_needs() {
    let document = serde_json::to_value(document()).unwrap();
    for (method, path, right) in RULES {
        let operation = &document["paths"][path][method.to_lowercase()];
        let said = operation["description"].as_str().unwrap_or_default();
        assert!(said.ends_with(&format!("Needs {}.", right.needs())), "{method} {path}: {said}");
    }
}

/// Written out once more, so that a rule that is changed by mistake is seen: who gets in.
fn expected(right: Right) -> [bool; 6] {
    // operator, ann (admin), eve (supervisor), alice (the agent), bob (another), wall (monitor)
    match right {
        Right::Look => [true, true, true, false, false, true],
        Right::LookAtAgent => [true, true, true, true, false, true],
        // Alice has no call in the snapshot.
        Right::LookAtCall => [true, true, true, false, false, true],
        Right::Listen => [true; 6],
        Right::HearRecordings | Right::Supervise => [true, true, true, false, false, false],
        Right::ActAsAgent => [true, true, false, true, false, false],
        Right::Configure | Right::Erase => [true, true, false, false, false, false],
    }
}

#[test]
fn each_role_gets_in_where_the_table_says_and_nowhere_else() {
    let tokens = [OPERATE, ADMIN, EVE, ALICE, BOB, WALL];
    serve(WITH_ROLES, async |served| {
        for (method, path, right) in RULES {
            let at = path.replace("queues/{name}", "queues/billing");
            let at = at.replace("recordings/{name}", "recordings/call-7-1");
            let at = at.replace("records/{id}", "records/7");
            let at = at.replace("{name}", "alice").replace("{id}", "41");
            // A stream would not end; one that is asked for wrongly is refused behind the rule.
            let at = at.replace("/v1/events", "/v1/events?kind=none-such");
            let line = format!("{method} {at}");
            for (token, may) in tokens.iter().zip(expected(*right)) {
                let (status, body) = served.ask(&line, token, None).await;
                assert_eq!(status != 403, may, "{line} by {token}: {status} {body}");
                assert_ne!(status, 401, "{line} by {token}");
            }
        }
        let (status, body) = served.ask("POST /v1/agents/alice/hold", BOB, None).await;
        assert_eq!((status, &body["error"]), (403, &json!("forbidden")));
        let expected = "bob (agent) may not do this";
        assert_eq!(
            (&body["message"], &body["help"]),
            (&json!(expected), &json!("it needs the role admin, or the agent's own token"),)
        );
        assert_eq!(served.ask("GET /metrics", WALL, None).await.0, 200);
        assert_eq!(served.ask("GET /metrics", BOB, None).await.0, 403);
    });
}

#[test]
fn an_agent_sees_the_own_call_and_no_other() {
    serve(WITH_ROLES, async |served| {
        served.told.tell(told::bob_talks());
        // Bob talks on call 43 of which nothing else is known.
        assert_eq!(served.ask("GET /v1/calls/43", BOB, None).await.0, 404);
        for not_own in ["41", "7", "x", "call-44"] {
            let line = format!("GET /v1/calls/{not_own}");
            assert_eq!(served.ask(&line, BOB, None).await.0, 403, "{line}");
        }
    });
}

#[test]
fn the_driver_hears_who_asks() {
    serve(WITH_ROLES, async |served| {
        served.ask("POST /v1/agents/alice/ready", ALICE, None).await;
        served.ask("POST /v1/agents/alice/ready", OPERATE, None).await;
        served.ask("POST /v1/calls/41/supervise", EVE, Some(&json!({"mode": "listen"}))).await;
        let by = served.by.lock().unwrap().clone();
        assert_eq!(by, ["alice's phone (agent)", "operator (admin)", "eve (supervisor)"]);
    });
}
