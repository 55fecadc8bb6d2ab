//! `[[api.tokens]]`: who may ask what of the HTTP interface.
//!
//! **Invariant:** no two tokens have one name or one value, so that "who did that" has one answer;
//! an agent's token names an agent who exists.
//!
//! **Deliberately absent:** what each role may do, which the HTTP interface knows.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::layers::{Kind, Node};
use crate::config::model::{Agent, Api, ApiToken};
use crate::config::problem::{Problems, closest};
use crate::config::read::Section;
use crate::config::secret::{Secret, TOKEN_LEN_MIN, is_monotonous};
use crate::words::{Principal, PrincipalRole};

/// Tokens in all; each request is compared with every one.
const TOKENS_MAX: usize = 1_000;
/// Characters of a name.
const NAME_LEN_MAX: usize = 64;
const MAKE_ONE: &str = "make one with: head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \\n'";

/// Those of the list, as far as they can be read.
pub(super) fn tokens(
    s: &mut Section<'_, '_>,
    variables: &BTreeMap<String, String>,
    weak_allowed: bool,
) -> Vec<ApiToken> {
    let Some(node) = s.node("tokens") else { return Vec::new() };
    let Kind::List(nodes) = &node.kind else {
        let help = "[[api.tokens]] with name, role and token, once for each";
        s.problem("tokens", "must be a list of tables", help);
        return Vec::new();
    };
    if nodes.len() > TOKENS_MAX {
        s.problem("tokens", format!("more than {TOKENS_MAX} tokens"), "");
    }
    let read = |node: &Node| token(node, variables, weak_allowed, s.problems());
    nodes.iter().take(TOKENS_MAX).filter_map(read).collect()
}

fn token(
    node: &Node,
    variables: &BTreeMap<String, String>,
    weak_allowed: bool,
    problems: &mut Problems,
) -> Option<ApiToken> {
    let mut s = Section::new("api.tokens", node, problems);
    let name = s.some_text("name");
    let role = s.word("role", &PrincipalRole::ALL.map(|role| (role.name(), role)));
    let agent = s.some_text("agent");
    let token = s.secret("token", variables);
    for (key, is_missing) in [
        ("name", name.is_none()),
        ("role", role.is_none() && !s.has("role")),
        ("token", token.is_none() && !["token_file", "token_env"].iter().any(|key| s.has(key))),
    ] {
        if is_missing {
            s.problem(key, "is missing", "name, role and token are needed");
        }
    }
    if let Some(name) = &name {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.len() > NAME_LEN_MAX || !name.chars().all(plain) {
            let help = "use letters, digits, hyphens, underscores and dots, at most 64";
            s.problem("name", format!("\"{name}\" is not a usable name"), help);
        }
    }
    match (role, &agent) {
        (Some(PrincipalRole::Agent), None) => {
            s.problem("agent", "is missing: whose token is it?", "agent = \"alice\"");
        }
        (Some(role), Some(_)) if role != PrincipalRole::Agent => {
            let help = "take it away, or write role = \"agent\"";
            s.problem("agent", format!("is of no use to a token with the role {role}"), help);
        }
        (Some(_) | None, _) => {}
    }
    check_token(&mut s, "token", token.as_ref(), weak_allowed);
    let place = node.place.clone();
    s.finish();
    Some(ApiToken { name: name?, role: role?, agent, token: token?, place })
}

/// A short token, or one that a person made up, would be guessed.
pub(super) fn check_token(
    s: &mut Section<'_, '_>,
    key: &str,
    token: Option<&Secret>,
    weak_allowed: bool,
) {
    let Some(token) = token.filter(|_| !weak_allowed) else { return };
    if token.expose().len() < TOKEN_LEN_MIN {
        s.problem(key, format!("must have {TOKEN_LEN_MIN} characters or more"), MAKE_ONE);
    } else if is_monotonous(token) {
        let message = "is a repetition, a row of keys or a well-known word: it is guessed";
        s.problem(key, message, MAKE_ONE);
    }
}

/// What only shows beside other sections: names and values that are taken, agents that are not
/// there.
pub(super) fn check(api: &Api, agents: &[Agent], problems: &mut Problems) {
    let mut names = BTreeSet::from([Principal::OPERATOR, Principal::READER]);
    let two = [&api.operate_token, &api.read_token];
    let mut known: Vec<&Secret> = two.into_iter().flatten().collect();
    for ApiToken { name, agent, token, place, .. } in &api.tokens {
        if !names.insert(name) {
            let help =
                "operate_token is `operator` and read_token is `reader`; every other name once";
            let message = format!("`api.tokens.name`: \"{name}\" is taken");
            problems.add_with_help(place, message, help.to_owned());
        }
        if known.contains(&token) {
            let message = format!("`api.tokens.token`: that of \"{name}\" is another one's, too");
            problems.add_with_help(place, message, MAKE_ONE.to_owned());
        }
        known.push(token);
        let is_there = |login: &String| agents.iter().any(|agent| agent.name == *login);
        let Some(login) = agent.as_ref().filter(|login| !is_there(login)) else { continue };
        let help = match closest(login, agents.iter().map(|agent| agent.name.as_str())) {
            Some(word) => format!("did you mean \"{word}\"?"),
            None => format!("add them as [agents.{login}]"),
        };
        let message = format!("`api.tokens.agent`: there is no agent \"{login}\"");
        problems.add_with_help(place, message, help);
    }
}
