//! What to type into a provider's console, for every number: printed at start.
//!
//! **Invariant:** the addresses are those the door answers and the provider signs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::config::{self, Config};
use crate::flow::Flow;
use crate::webhook::{self, Console, Link, Links};

/// Empty without a provider.
pub(super) fn providers<'a>(
    config: &Config,
    flows: impl Iterator<Item = &'a Flow> + Clone,
    links: &BTreeMap<&'static str, Links>,
) -> String {
    let mut out = String::new();
    for (name, links) in links {
        let Some(provider) = config.providers.get(*name) else { continue };
        let Some(known) = webhook::provider(name) else { continue };
        let Console { place, voice, events } = known.info().console;
        let _ = writeln!(out, "\n{name}: set in {place}");
        let _ = writeln!(out, "  {voice:<36} {}", links.url(&Link::Voice));
        if let Some(events) = events {
            let _ = writeln!(out, "  {events:<36} {}", links.url(&Link::Events));
        }
        for (number, flow) in numbers(provider, flows.clone()) {
            let _ = writeln!(out, "  for {number:<32} {flow}");
        }
        let moved = match &provider.token {
            Some(_) => "waiting callers are moved at once, by REST",
            None => "no account and token: a waiting caller is moved when the music's piece ends",
        };
        let _ = writeln!(out, "  {moved}");
    }
    if !out.is_empty() {
        out += "\nTo try the way in: attendant webhook selftest\n\n";
    }
    out
}

/// Each number that should point here, and the flow it enters.
fn numbers<'a>(
    provider: &config::Provider,
    flows: impl Iterator<Item = &'a Flow> + Clone,
) -> Vec<(String, String)> {
    let entered = |number: &str| {
        let by = |wanted: &str| {
            flows.clone().find(|flow| flow.numbers().iter().any(|known| **known == *wanted))
        };
        by(number)
            .or_else(|| by("*"))
            .map_or_else(|| "no flow answers it".to_owned(), |flow| format!("flow {}", flow.name()))
    };
    if !provider.numbers.is_empty() {
        return provider.numbers.iter().map(|n| (n.clone(), entered(n))).collect();
    }
    let all = flows.clone().flat_map(|flow| flow.numbers().iter().map(move |n| (n, flow)));
    all.map(|(number, flow)| {
        let number = if &**number == "*" { "any other number" } else { number };
        (number.to_owned(), format!("flow {}", flow.name()))
    })
    .collect()
}
