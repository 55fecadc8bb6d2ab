//! What is another in a configuration that was read again, in words.
//!
//! **Invariant:** what cannot change while the server runs is named, and the old value holds: see
//! [`effective`].
//!
//! **Deliberately absent:** values. A key may be a secret.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::call::Directory;
use crate::config::{Api, ApiToken, Config, Sip};
use crate::flow::Flow;
use crate::server::reload::sounds::SoundFiles;
use crate::server::reload::{Up, people};

/// A configuration with what it led to, as far as the answer names changes of it.
pub(super) struct Known<'a> {
    pub(super) config: &'a Config,
    pub(super) flows: &'a [Arc<Flow>],
    pub(super) directory: &'a Directory,
    pub(super) sounds: &'a SoundFiles,
}

/// One thing that is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// For administrators.
    pub(super) text: String,
    /// For a log and for every role, where that is less.
    pub(super) masked: Option<String>,
}

impl Change {
    /// What all may know.
    pub(super) const fn open(text: String) -> Self {
        Self { text, masked: None }
    }

    /// Without telephone numbers and names of callers.
    pub(super) fn masked(&self) -> &str {
        self.masked.as_ref().unwrap_or(&self.text)
    }
}

/// The new configuration, as far as it can begin now: what is bound stays.
/// With the door for providers `is_open`, it stays where it is.
pub(super) fn effective(old: &Config, new: &Config, is_open: bool) -> Config {
    let mut config = new.clone();
    config.sip = Sip { name_servers: new.sip.name_servers.clone(), ..old.sip.clone() };
    config.media = old.media.clone();
    if is_open {
        config.webhooks = old.webhooks.clone();
    }
    config.server.node = old.server.node;
    config.server.state = old.server.state.clone();
    config.server.database = old.server.database.clone();
    config.server.recordings = old.server.recordings.clone();
    config.server.recordings_keep = old.server.recordings_keep;
    config.server.records_keep = old.server.records_keep;
    config.server.agent_times_keep = old.server.agent_times_keep;
    config.server.journals_keep = old.server.journals_keep;
    config.server.journal_segment = old.server.journal_segment;
    config.server.reload_on_change = old.server.reload_on_change;
    (config.server.log, config.server.log_level) = (old.server.log, old.server.log_level.clone());
    config.lookup.at_once_max = old.lookup.at_once_max;
    config.traces = old.traces.clone();
    let tokens = (new.api.read_token.clone(), new.api.operate_token.clone());
    config.api = Api { tokens: new.api.tokens.clone(), ..old.api.clone() };
    // Without a token in the files the one that was made at the start stays.
    let operate = tokens.1.or_else(|| old.api.operate_token.clone());
    (config.api.read_token, config.api.operate_token) = (tokens.0, operate);
    config
}

macro_rules! differing {
    ($keys:ident, $old:expr, $new:expr, [$($field:ident as $key:literal),* $(,)?]) => {
        $(if $old.$field != $new.$field { $keys.push($key.to_owned()); })*
    };
}

/// Keys whose new value begins with the next start.
pub(super) fn needs_restart(old: &Config, new: &Config, is_open: bool) -> Vec<String> {
    let mut keys = Vec::new();
    differing!(keys, old.server, new.server, [
        node as "server.node",
        state as "server.state",
        database as "server.database",
        recordings as "server.recordings",
        recordings_keep as "server.recordings_keep_days",
        records_keep as "server.records_keep_days",
        agent_times_keep as "server.agent_times_keep_days",
        journals_keep as "server.journals_keep_days",
        journal_segment as "server.journal_segment_kib",
        reload_on_change as "server.reload_on_change",
        log as "server.log",
        log_level as "server.log_level",
    ]);
    differing!(keys, old.sip, new.sip, [
        listen as "sip.listen",
        udp as "sip.transports",
        tcp as "sip.transports",
        external_address as "sip.external_address",
        realm as "sip.realm",
        registrations_max as "sip.registrations_max",
        contacts_max as "sip.contacts_max",
        expires_min as "sip.register_expires_min_s",
        expires_max as "sip.register_expires_max_s",
        session_expires as "sip.session_expires_s",
        ban_failures as "sip.ban_failures_max",
        ban_window as "sip.ban_window_s",
        ban as "sip.ban_s",
    ]);
    differing!(keys, old.media, new.media, [
        port_min as "media.port_min",
        port_max as "media.port_max",
        threads as "media.threads",
        media_timeout as "media.media_timeout_s",
        hold_timeout as "media.hold_timeout_s",
        transmit_silence as "media.transmit_silence",
    ]);
    differing!(keys, old.api, new.api, [
        listen as "api.listen",
        trusted_proxies as "api.trusted_proxies",
        metrics_open_on_loopback as "api.metrics_open_on_loopback",
        requests_max as "api.requests_max",
    ]);
    differing!(keys, old.lookup, new.lookup, [at_once_max as "lookup.at_once_max"]);
    differing!(keys, old, new, [traces as "traces"]);
    if is_open {
        differing!(keys, old, new, [webhooks as "webhooks"]);
    }
    keys.dedup();
    keys
}

/// Each thing that is another from now on. With the door for providers `is_open`, it stays where
/// it is.
pub(super) fn changed(old: &Known<'_>, new: &Known<'_>, up: &Up, is_open: bool) -> Vec<Change> {
    let mut lines = Vec::new();
    let of_flows = |flows: &[Arc<Flow>]| -> BTreeMap<String, String> {
        flows.iter().map(|flow| (flow.name().to_string(), flow.version().to_string())).collect()
    };
    let goes_on = |name: &str, _: Fate| match up.flows.get(name).copied().unwrap_or_default() {
        0 => String::new(),
        1 => ": 1 call goes on in it as it was".to_owned(),
        calls => format!(": {calls} calls go on in it as it was"),
    };
    compare(&mut lines, "flow", &of_flows(old.flows), &of_flows(new.flows), goes_on);
    let by_name = |config: &Config| -> BTreeMap<String, _> {
        config.agents.iter().map(|agent| (agent.name.clone(), agent.clone())).collect()
    };
    let on_a_call = |name: &str, fate: Fate| match (up.agents.contains(name), fate) {
        (true, Fate::Removed) => ": finishes the call".to_owned(),
        (true, Fate::Changed) => "; it takes effect after the current call".to_owned(),
        (false, Fate::Removed | Fate::Changed) => String::new(),
    };
    compare(&mut lines, "agent", &by_name(old.config), &by_name(new.config), on_a_call);
    let queues = |config: &Config| -> BTreeMap<String, _> {
        let rules = |queue: &crate::config::Queue| {
            let mut queue = queue.clone();
            // Where it is written is no rule.
            queue.recording.place = String::new();
            queue.recording.prompt_place = String::new();
            queue
        };
        config.queues.iter().map(|queue| (queue.name.clone(), rules(queue))).collect()
    };
    let waits = |name: &str, _: Fate| match up.queues.get(name).copied().unwrap_or_default() {
        0 => String::new(),
        1 => ": 1 call waits in it".to_owned(),
        calls => format!(": {calls} calls wait in it"),
    };
    compare(&mut lines, "queue", &queues(old.config), &queues(new.config), waits);
    let quiet = |_: &str, _: Fate| String::new();
    compare(&mut lines, "trunk", &old.config.trunks, &new.config.trunks, quiet);
    compare(&mut lines, "voice", &old.config.voices, &new.config.voices, quiet);
    compare(&mut lines, "provider", &old.config.providers, &new.config.providers, quiet);
    lines.extend(others(old.config, new.config, is_open));
    let mut changes: Vec<Change> = lines.into_iter().map(Change::open).collect();
    changes.extend(people::changed(old.directory, new.directory));
    changes.extend(old.sounds.changed(new.sounds));
    changes
}

/// Keys that are another, where there is no more to say of them.
fn others(old: &Config, new: &Config, is_open: bool) -> impl Iterator<Item = String> {
    let others = [
        (!is_open && old.webhooks != new.webhooks, "webhooks"),
        (old.features != new.features, "features"),
        (old.callers != new.callers, "callers"),
        (old.api.read_token != new.api.read_token, "api.read_token"),
        (old.api.operate_token != new.api.operate_token, "api.operate_token"),
        (tokens(old) != tokens(new), "api.tokens"),
        (old.lookup.hosts != new.lookup.hosts, "lookup.allow_hosts"),
        (old.lookup.networks != new.lookup.networks, "lookup.allow_networks"),
        (old.lookup.secrets != new.lookup.secrets, "lookup.secrets"),
        (old.lookup.per_service_max != new.lookup.per_service_max, "lookup.per_service_max"),
        (old.sip.name_servers != new.sip.name_servers, "sip.name_servers"),
        (old.server.flows != new.server.flows, "server.flows"),
        (old.server.prompts != new.server.prompts, "server.prompts"),
        (old.server.calls_max != new.server.calls_max, "server.calls_max"),
        (
            old.server.outbound_calls_max != new.server.outbound_calls_max,
            "server.outbound_calls_max",
        ),
        (old.server.drain_timeout != new.server.drain_timeout, "server.drain_timeout_s"),
    ];
    others.into_iter().filter(|(is_other, _)| *is_other).map(|(_, key)| key.to_owned())
}

/// Without where they are written, which gives no right.
fn tokens(config: &Config) -> Vec<ApiToken> {
    let tokens = config.api.tokens.iter();
    tokens.map(|token| ApiToken { place: String::new(), ..token.clone() }).collect()
}

/// What becomes of something that was there before.
#[derive(Clone, Copy)]
enum Fate {
    Changed,
    Removed,
}

fn compare<T: PartialEq>(
    lines: &mut Vec<String>,
    kind: &str,
    old: &BTreeMap<String, T>,
    new: &BTreeMap<String, T>,
    beside: impl Fn(&str, Fate) -> String,
) {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        match (old.get(name), new.get(name)) {
            (None, Some(_)) => lines.push(format!("{kind} `{name}` is new")),
            (Some(_), None) => {
                lines.push(format!("{kind} `{name}` is removed{}", beside(name, Fate::Removed)));
            }
            (Some(old), Some(new)) if old != new => {
                lines.push(format!("{kind} `{name}` changed{}", beside(name, Fate::Changed)));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}
