//! From the checked configuration to what the center, the user agent and the media engine want.
//!
//! **Invariant:** who is meant by an id is what the names of the setup say, never a position in the
//! configuration.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::api::{self, NamedToken};
use crate::ask::io::AskRules;
use crate::call::Directory;
use crate::center::names::Names;
use crate::center::{Setup, setup};
use crate::config::{self, Cidr, Config};
use crate::flow::Flow;
use crate::id::AgentId;
use crate::media::io::MediaConfig;
use crate::media::session::Limits;
use crate::server::tasks::one_of;
use crate::sip::acl::{BanRule, Network};
use crate::sip::digest::Login;
use crate::sip::path::Transport;
use crate::sip::registrar;
use crate::sip::ua::{self, Phone, PhoneAt, Trunk, UaSetup};
use crate::store::{Password, PostgresServer, StorePlace};
use crate::words::Target;

/// Where a server keeps what outlives it.
pub(super) fn place(server: &config::Server) -> StorePlace {
    let postgres = server.database.as_ref().map(|database| PostgresServer {
        host: database.host.clone(),
        port: database.port,
        user: database.user.clone(),
        password: database.password.as_ref().map(|it| Password::new(it.expose())),
        name: database.name.clone(),
        node: server.node,
    });
    StorePlace { folder: server.state.clone(), postgres }
}

/// Whom the interface believes, beside the two tokens without a name.
pub(super) fn tokens(config: &Config) -> Vec<NamedToken<'_>> {
    config.api.tokens.iter().map(named_token).collect()
}

fn named_token(token: &config::ApiToken) -> NamedToken<'_> {
    let agent = token.agent.as_deref();
    NamedToken { name: &token.name, role: token.role, agent, token: token.token.expose() }
}

pub(super) fn api<'a>(config: &'a Config, tokens: &'a [NamedToken<'a>]) -> api::Settings<'a> {
    let api = &config.api;
    api::Settings {
        read_token: api.read_token.as_ref().map(|token| token.expose()),
        operate_token: api.operate_token.as_ref().map(|token| token.expose()),
        tokens,
        metrics_open_on_loopback: api.metrics_open_on_loopback,
        requests_max: api.requests_max,
    }
}

pub(super) fn center(config: &Config, flows: Vec<Arc<Flow>>, directory: Arc<Directory>) -> Setup {
    let queue = |queue: &config::Queue| setup::Queue {
        name: queue.name.clone(),
        acd: queue.setup.clone(),
        keep_place: queue.keep_place,
        service_level: queue.service_level,
        short_abandon: queue.short_abandon,
        wrap_up_late_max: queue.wrap_up_late_max,
        recording: queue.recording.rule,
        recording_prompt: queue.recording.prompt.clone(),
    };
    let provider = |known: &config::Provider| {
        (known.name.to_owned(), setup::Trunk { prefixes: known.prefixes.clone() })
    };
    let trunk = |trunk: &config::Trunk| {
        (trunk.name.clone(), setup::Trunk { prefixes: trunk.prefixes.clone() })
    };
    Setup {
        node: config.server.node,
        flows,
        agents: config.agents.iter().map(agent).collect(),
        queues: config.queues.iter().map(queue).collect(),
        trunks: config.trunks.values().map(trunk).collect(),
        providers: config.providers.values().map(provider).collect(),
        reachability: reachability(config),
        directory,
        region: config.callers.region.clone(),
        recent: config.callers.recent,
        features: config.features.clone(),
        calls_max: config.server.calls_max,
        outbound_calls_max: config.server.outbound_calls_max,
        ..Setup::default()
    }
}

/// Whose calls can be brought to an agent. A provider's caller comes to a telephone of ours by SIP,
/// which needs an address; ours cannot come to those whom a provider dials.
fn reachability(config: &Config) -> BTreeMap<String, setup::Reachability> {
    let has_sip = config.providers.is_empty() || config.webhooks.sip_host.is_some();
    let of = |phone: &config::Phone| match phone {
        config::Phone::Outside { trunk: provider, .. } | config::Phone::Client { provider, .. }
            if config.providers.contains_key(provider) =>
        {
            Some(setup::Reachability::Provider(provider.clone()))
        }
        config::Phone::Registers { .. }
        | config::Phone::Fixed { .. }
        | config::Phone::Outside { .. }
        | config::Phone::Client { .. } => (!has_sip).then_some(setup::Reachability::Sip),
    };
    let agents = config.agents.iter();
    agents.filter_map(|agent| Some((agent.name.clone(), of(&agent.phone)?))).collect()
}

/// The agents of the configuration, with their ids.
pub(super) fn agents<'a>(
    config: &'a Config,
    names: &'a Names,
) -> impl Iterator<Item = (AgentId, &'a config::Agent)> {
    config.agents.iter().filter_map(|agent| Some((names.agent(&agent.name)?, agent)))
}

/// The agent of this id, if the configuration has them.
pub(super) fn agent_of<'a>(
    config: &'a Config,
    names: &Names,
    agent: AgentId,
) -> Option<&'a config::Agent> {
    let name = names.agent_name(agent)?;
    config.agent(name)
}

fn agent(agent: &config::Agent) -> setup::Agent {
    setup::Agent {
        name: agent.name.clone(),
        display_name: agent.display_name.clone(),
        team: agent.team.clone(),
        skills: agent.skills.iter().map(|(skill, level)| (skill.clone(), *level)).collect(),
        auto_login: agent.auto_login,
        auto_ready: agent.auto_ready,
    }
}

pub(super) fn user_agent(
    config: &Config,
    names: &Names,
    listen: Vec<(Transport, SocketAddr)>,
) -> UaSetup {
    UaSetup {
        listen,
        external_address: config.sip.external_address,
        realm: config.sip.realm.clone(),
        trunks: config.trunks.values().map(trunk).collect(),
        phones: phones(config, names),
        limits: limits(&config.sip),
    }
}

fn limits(sip: &config::Sip) -> ua::Limits {
    let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    ua::Limits {
        session_expires_s: seconds(sip.session_expires),
        registrar: registrar::Limits {
            expires_s_min: seconds(sip.expires_min),
            expires_s_max: seconds(sip.expires_max),
            contacts_max: sip.contacts_max,
            bindings_max: sip.registrations_max,
        },
        bans: BanRule { failures_max: sip.ban_failures, window: sip.ban_window, length: sip.ban },
    }
}

pub(super) fn trunk(trunk: &config::Trunk) -> Trunk {
    let login = trunk.username.as_ref().zip(trunk.password.as_ref());
    Trunk {
        name: trunk.name.clone(),
        networks: trunk
            .addresses
            .iter()
            .map(|cidr| {
                let network = cidr.to_string().parse::<Network>();
                network.expect("the configuration took this network by the same rules")
            })
            .collect(),
        this_machine: trunk.this_machine,
        trusted: trunk.trusted,
        uri: trunk.uri.clone(),
        servers: Vec::new(),
        login: login.map(|(user, password)| Login {
            user: user.clone(),
            realm: None,
            password: password.expose().to_owned(),
            md5: trunk.md5,
        }),
        caller_id: trunk.caller_id.clone(),
        channels_max: trunk.channels_max,
    }
}

/// By id. Who is in the configuration no more has no telephone.
pub(super) fn phones(config: &Config, names: &Names) -> Vec<Phone> {
    let nowhere = |user: &str| Phone { user: user.to_owned(), at: PhoneAt::Elsewhere };
    let mut phones: Vec<Phone> = names.agents.iter().map(nowhere).collect();
    for (id, agent) in agents(config, names) {
        phones[id.0 as usize] = phone(agent);
    }
    phones
}

fn phone(agent: &config::Agent) -> Phone {
    let at = match &agent.phone {
        config::Phone::Registers { password, md5 } => {
            PhoneAt::Registers { password: password.expose().to_owned(), md5: *md5 }
        }
        config::Phone::Fixed { address } => PhoneAt::Fixed { uri: address.clone() },
        config::Phone::Outside { .. } | config::Phone::Client { .. } => PhoneAt::Elsewhere,
    };
    Phone { user: agent.name.clone(), at }
}

pub(super) fn media(config: &config::Media, recordings: &Path) -> MediaConfig {
    MediaConfig {
        threads: config.threads,
        ports: config.port_min..=config.port_max,
        limits: Limits {
            silence: Some(config.media_timeout),
            silence_on_hold: Some(config.hold_timeout),
            transmit_silence: config.transmit_silence,
        },
        recordings: Some(recordings.to_path_buf()),
    }
}

/// Where the sound of each of these trunks may come from beside what its calls say.
pub(super) fn media_networks<'a>(
    config: &Config,
    trunks: impl Iterator<Item = &'a str>,
) -> Vec<Arc<[RangeInclusive<IpAddr>]>> {
    let networks = |name: &str| {
        let trunk = config.trunks.get(name);
        trunk.into_iter().flat_map(|it| &it.media_addresses).map(Cidr::range).collect()
    };
    trunks.map(networks).collect()
}

/// Agents who are behind a trunk or a provider: which, and what to dial.
pub(super) fn outside(config: &Config, names: &Names) -> BTreeMap<AgentId, Target> {
    agents(config, names)
        .filter_map(|(id, agent)| match &agent.phone {
            config::Phone::Outside { trunk, number } => {
                let others = config.trunks.values().filter(|other| {
                    other.name != *trunk && other.prefixes.iter().any(|p| number.starts_with(p))
                });
                let others = others.map(|other| other.name.clone()).collect();
                let (trunk, number) = (trunk.clone(), number.clone());
                Some((id, Target::Trunk { trunk, number, others }))
            }
            config::Phone::Client { provider, client } => {
                let (trunk, number) = (provider.clone(), client.clone());
                Some((id, Target::Trunk { trunk, number, others: Vec::new() }))
            }
            config::Phone::Registers { .. } | config::Phone::Fixed { .. } => None,
        })
        .collect()
}

/// Whom flows may ask.
pub(super) fn ask_rules(config: &Config) -> AskRules {
    let lookup = &config.lookup;
    let values = lookup.secrets.iter();
    let is_ours = one_of(lookup.networks.clone());
    AskRules {
        hosts: lookup.hosts.clone(),
        may_reach: Box::new(move |address| is_ours(address)),
        values: values.map(|(name, secret)| (name.clone(), secret.expose().to_owned())).collect(),
        per_service_max: lookup.per_service_max,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Override, Sources};

    #[test]
    fn fault_24_silence_is_sent_unless_the_configuration_says_no() {
        let sends = |overrides: Vec<Override>| {
            let sources = Sources { overrides, ..Sources::default() };
            let checked = config::check(&sources).unwrap_or_else(|problems| panic!("{problems}"));
            media(&checked.config.media, Path::new("recordings")).limits.transmit_silence
        };
        let [argument, key, value] =
            ["--set", "media.transmit_silence", "false"].map(str::to_owned);
        assert!(sends(vec![]));
        assert!(!sends(vec![Override { argument, key, value }]));
    }

    /// A configured limit that no code reads would be a lie in the documentation.
    #[test]
    fn the_limits_of_the_configuration_reach_the_user_agent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("attendant.toml");
        let text = "[trunks.acme]\naddresses = [\"203.0.113.1\"]\nuri = \"sip:203.0.113.1\"\n\
                    channels_max = 7\ncaller_id = \"+14155550100\"\n";
        std::fs::write(&file, text).unwrap();
        let values = [
            ("session_expires_s", "91"),
            ("registrations_max", "92"),
            ("contacts_max", "93"),
            ("register_expires_min_s", "94"),
            ("register_expires_max_s", "95"),
            ("ban_failures_max", "96"),
            ("ban_window_s", "97"),
            ("ban_s", "98"),
        ];
        let overrides = values.iter().map(|(key, value)| Override {
            argument: "--set".to_owned(),
            key: format!("sip.{key}"),
            value: (*value).to_owned(),
        });
        let sources =
            Sources { file: Some(file), overrides: overrides.collect(), ..Sources::default() };
        let config = config::check(&sources).unwrap_or_else(|problems| panic!("{problems}")).config;
        let setup = user_agent(&config, &Names::default(), Vec::new());
        let limits = setup.limits;
        assert_eq!(limits.session_expires_s, 91);
        let registrar = registrar::Limits {
            bindings_max: 92,
            contacts_max: 93,
            expires_s_min: 94,
            expires_s_max: 95,
        };
        assert_eq!(limits.registrar, registrar);
        let (window, length) = (Duration::from_secs(97), Duration::from_secs(98));
        assert_eq!(limits.bans, BanRule { failures_max: 96, window, length });
        assert_eq!(setup.trunks[0].channels_max, 7);
        assert_eq!(setup.trunks[0].caller_id.as_deref(), Some("+14155550100"));
    }
}
