//! `[lookup]`: which services flows may ask, and what is sent to them that no flow holds.
//!
//! **Invariant:** without a word of the configuration no service is asked. A name leads to an
//! address inside only where the configuration says so, by the network or as the very address.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::layers::{Kind, Node};
use crate::config::model::Lookup;
use crate::config::problem::Problems;
use crate::config::read::Section;
use crate::config::secret::Secret;
use crate::config::sections::as_usize;
use crate::words::Service;

const HOSTS_MAX: usize = 1_000;
/// The host of the flow that is shipped as an example: of a name that no host can have (RFC 2606).
const PLACEHOLDER: &str = "crm.example.com";

pub(super) fn lookup(
    node: &Node,
    variables: &BTreeMap<String, String>,
    problems: &mut Problems,
) -> Lookup {
    let mut s = Section::new("lookup", node, problems);
    let lookup = Lookup {
        hosts: hosts(&mut s),
        networks: s.parsed("allow_networks").unwrap_or_default(),
        at_once_max: s.number("at_once_max", 1..=256_i64).map_or(1, as_usize),
        per_service_max: s.number("per_service_max", 1..=256_i64).map_or(1, as_usize),
        secrets: secrets(&mut s, variables),
    };
    if let Some(open) = lookup.networks.iter().find(|network| network.is_everything()) {
        let help = "name your own networks: with this a flow could ask whatever this machine can";
        s.problem("allow_networks", format!("{open} is everything"), help);
    }
    if lookup.per_service_max > lookup.at_once_max {
        let help = "one slow service could hold up all others: leave room for them";
        s.problem("per_service_max", "is above at_once_max", help);
    }
    s.finish();
    lookup
}

/// Hosts that a flow may name: those that may be asked, and the placeholder. Who did not write that
/// one into `allow_hosts` asks no service there: such a look-up has failed.
pub(super) fn may_be_named(lookup: &Lookup) -> BTreeSet<String> {
    let allowed = lookup.hosts.iter().cloned();
    allowed.chain(std::iter::once(PLACEHOLDER.to_owned())).collect()
}

/// In lower case, each with its port where that is not the usual one.
fn hosts(s: &mut Section<'_, '_>) -> BTreeSet<String> {
    let written = s.texts("allow_hosts").unwrap_or_default();
    if written.len() > HOSTS_MAX {
        s.problem("allow_hosts", format!("are more than {HOSTS_MAX}"), "");
    }
    let mut hosts = BTreeSet::new();
    for host in &written {
        let url = format!("https://{host}/");
        let is_whole = host.bytes().all(|byte| !b"/?#".contains(&byte));
        match Service::of(&url).filter(|_| is_whole) {
            Some(_) => drop(hosts.insert(host.to_ascii_lowercase())),
            None => {
                let message = format!("\"{host}\" is no host");
                let help = "write \"crm.example.com\", or with a port \"10.0.0.7:8080\"";
                s.problem("allow_hosts", message, help);
            }
        }
    }
    hosts
}

fn secrets(
    s: &mut Section<'_, '_>,
    variables: &BTreeMap<String, String>,
) -> BTreeMap<String, Secret> {
    let Some(node) = s.node("secrets") else { return BTreeMap::new() };
    let mut table = Section::new("lookup.secrets", node, s.problems());
    let Kind::Table(entries) = &node.kind else { return BTreeMap::new() };
    let name = |key: &String| {
        let plain = key.strip_suffix("_file").or_else(|| key.strip_suffix("_env"));
        plain.unwrap_or(key).to_owned()
    };
    let names: BTreeSet<String> = entries.keys().map(name).collect();
    let secrets = names.into_iter().filter_map(|name| {
        let secret = table.secret(&name, variables)?;
        // What would end the header it stands in.
        if secret.expose().chars().any(char::is_control) {
            table.problem(&name, "must be one line, without control characters", "");
        }
        Some((name, secret))
    });
    let secrets = secrets.collect();
    table.finish();
    secrets
}
