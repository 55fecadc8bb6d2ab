//! What is printed at start: where we listen, and what to type into the console of each provider.
//!
//! **Invariant:** the addresses are those the door answers and the provider signs. Where nothing
//! can be printed, calls are answered all the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::{self, Config, Demo};
use crate::flow::Flow;
use crate::sip::io::Sockets;
use crate::webhook::{self, Console, Link, Links};

/// Says where we listen, what to dial, who may answer and where to look.
pub(super) fn print(
    config: &Config,
    flows: &[Arc<Flow>],
    demo: Option<&Demo>,
    sockets: &Sockets,
    http: SocketAddr,
    links: &BTreeMap<&'static str, Links>,
) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    // Calls are answered all the same.
    if let Err(error) = write(config, flows, demo, sockets, http, links) {
        tracing::warn!(%error, "standard output takes nothing: what is printed at start is lost");
    }
}

fn write(
    config: &Config,
    flows: &[Arc<Flow>],
    demo: Option<&Demo>,
    sockets: &Sockets,
    http: SocketAddr,
    links: &BTreeMap<&'static str, Links>,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (transport, address) in sockets.addresses() {
        let transport = transport.via_token().to_ascii_lowercase();
        writeln!(out, "listening: sip {transport} {address}")?;
    }
    writeln!(out, "listening: http {http}")?;
    if !links.is_empty() {
        writeln!(out, "listening: webhooks {}", config.webhooks.listen)?;
    }
    out.write_all(providers(config, flows.iter().map(|flow| &**flow), links).as_bytes())?;
    let Some(demo) = demo else { return out.flush() };
    let sip = sockets.addresses().map(|(_, address)| address).find(|a| a.ip().is_loopback());
    let sip = sip.map_or_else(|| "127.0.0.1:5060".to_owned(), |address| address.to_string());
    writeln!(out, "\nThis is the demonstration; nothing of it is in a file.")?;
    writeln!(out, "\nTo call, from a telephone on this machine:")?;
    for flow in flows {
        for number in flow.numbers() {
            let number = if &**number == "*" { "any-number-else" } else { number };
            writeln!(out, "  sip:{number}@{sip}    flow {}", flow.name())?;
        }
    }
    writeln!(out, "\nTo answer, register a telephone at sip:{sip} as one of these (digest MD5):")?;
    for (name, password) in &demo.agents {
        writeln!(out, "  user {name}  password {}", password.expose())?;
    }
    writeln!(out, "  A registered telephone is ready. It dials *43 for not ready, *42 for ready.")?;
    let token = demo.token.expose();
    writeln!(out, "\nTo see calls, queues and agents:")?;
    writeln!(out, "  curl -H 'Authorization: Bearer {token}' http://{http}/v1/queues")?;
    writeln!(
        out,
        "  the same for /v1/calls /v1/agents /v1/records /v1/metrics; all of it: /openapi.json\n"
    )?;
    out.flush()
}

/// What to type into a provider's console, for every number; empty without a provider.
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
