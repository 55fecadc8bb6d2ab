//! Named tokens of the HTTP interface.

use super::*;
use crate::words::PrincipalRole;

const ANN: &str = "4f0c1d9e8b7a6352413029f8e7d6c5b4";
const EVE: &str = "a5b4c3d2e1f00f1e2d3c4b5a69788796";

fn entry(name: &str, role: &str, more: &str, token: &str) -> String {
    let head = format!("[[api.tokens]]\nname = \"{name}\"\nrole = \"{role}\"\n");
    format!("{head}{more}token = \"{token}\"\n")
}

#[test]
fn each_token_has_a_name_and_a_role() {
    let case = written(&format!(
        "[agents.alice]\naddress = \"sip:alice@192.0.2.20\"\n\
         [[api.tokens]]\nname = \"ann\"\nrole = \"admin\"\ntoken = \"{ANN}\"\n\
         [[api.tokens]]\nname = \"alice\"\nrole = \"agent\"\nagent = \"alice\"\n\
         token_env = \"ALICE_TOKEN\"\n"
    ))
    .variable("ALICE_TOKEN", EVE);
    let tokens = case.config().api.tokens;
    let shown: Vec<_> =
        tokens.iter().map(|it| (it.name.as_str(), it.role, it.agent.as_deref())).collect();
    assert_eq!(
        shown,
        [("ann", PrincipalRole::Admin, None), ("alice", PrincipalRole::Agent, Some("alice"))]
    );
    assert_eq!(tokens[1].token.expose(), EVE);
}

/// The configuration of `docker/compose.yml`, with Prometheus as a monitor.
#[test]
fn the_composition_in_docker_is_accepted() {
    let config = written(include_str!("../../../docker/attendant.toml"))
        .variable("OPERATE_TOKEN", EVE)
        .variable("METRICS_TOKEN", ANN)
        .variable("ALICE_PASSWORD", "h7Kp2mQzx4")
        .variable("BOB_PASSWORD", "m3Tz8wLqy6")
        .config();
    let tokens: Vec<_> = config.api.tokens.iter().map(|it| (it.name.as_str(), it.role)).collect();
    assert_eq!(tokens, [("prometheus", PrincipalRole::Monitor)]);
}

#[test]
fn what_is_wrong_with_tokens_is_said_with_its_place() {
    let agents = "[agents.alice]\naddress = \"sip:alice@192.0.2.20\"\n[api]\n";
    for (rest, expected) in [
        (
            format!("operate_token = \"{ANN}\"\n{}", entry("a", "admin", "", ANN)),
            "`api.tokens.token`: that of \"a\" is another one's, too",
        ),
        (
            entry("a", "admin", "", ANN) + &entry("a", "monitor", "", EVE),
            "`api.tokens.name`: \"a\" is taken",
        ),
        (entry("operator", "admin", "", ANN), "`api.tokens.name`: \"operator\" is taken"),
        (entry("a", "boss", "", ANN), "`api.tokens.role`: \"boss\" is not known here"),
        (
            entry("a", "agent", "agent = \"alise\"\n", ANN),
            "`api.tokens.agent`: there is no agent \"alise\"",
        ),
        (entry("a", "agent", "", ANN), "`api.tokens.agent`: is missing"),
        (
            entry("a", "monitor", "agent = \"alice\"\n", ANN),
            "`api.tokens.agent`: is of no use to a token with the role monitor",
        ),
        (entry("a", "admin", "", "short"), "`api.tokens.token`: must have 32 characters or more"),
        (entry("a b", "admin", "", ANN), "`api.tokens.name`: \"a b\" is not a usable name"),
        ("[[api.tokens]]\nrole = \"admin\"\n".to_owned(), "`api.tokens.name`: is missing"),
        ("tokens = \"x\"\n".to_owned(), "`api.tokens`: must be a list of tables"),
    ] {
        let said = check(&written(&format!("{agents}{rest}")).sources).unwrap_err().to_string();
        assert!(said.contains(expected), "{rest}\n{said}");
        assert!(said.contains("attendant.toml:"), "{said}");
        for token in [ANN, EVE, "\"short\""] {
            assert!(!said.contains(token), "a token is shown: {said}");
        }
    }
}
