//! The fixed sections: `[server]`, `[sip]`, `[media]`, `[api]`, `[voices]`, `[features]`.
//!
//! **Invariant:** each key read here is in `example.toml`, the layer of defaults, so an absent
//! value is one that was wrong and is noted already; what stands in for it is never used.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use crate::center::setup::Features;
use crate::config::cidr::Cidr;
use crate::config::database;
use crate::config::layers::Node;
use crate::config::log_level;
use crate::config::model::{Api, LogFormat, Media, NAME_SERVERS_MAX, Server, Sip, Voice};
use crate::config::problem::Problems;
use crate::config::read::Section;
use crate::config::tokens;
use crate::config::webhooks::has_credentials;
use crate::id::NodeId;
use crate::metrics;

const RECORDING_KEYS_MAX: usize = 6;
/// Ports of one leg: RTP, and RTCP beside it.
const PORTS_PER_LEG: u16 = 2;
const DAY_S: u32 = 86_400;
/// A hundred years.
const DAYS_KEPT_MAX: u32 = 36_500;
/// With less, a checkpoint would be longer than what it saves.
const SEGMENT_KIB_MIN: u64 = 16;
const SEGMENT_KIB_MAX: u64 = 1024 * 1024;

pub(super) fn server(
    node: &Node,
    variables: &BTreeMap<String, String>,
    problems: &mut Problems,
) -> Server {
    let mut s = Section::new("server", node, problems);
    let formats = [("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];
    let state = s.path("state").unwrap_or_default();
    let recordings = s.path("recordings").unwrap_or_else(|| state.join("recordings"));
    let mut server = Server {
        node: s
            .number("node", 0..=u16::from(NodeId::SERVERS_MAX))
            .and_then(NodeId::new)
            .unwrap_or_default(),
        flows: s.path("flows").unwrap_or_default(),
        prompts: s.path("prompts").unwrap_or_default(),
        recordings,
        recordings_keep: s.number("recordings_keep_days", 0..=DAYS_KEPT_MAX).and_then(days),
        records_keep: s.number("records_keep_days", 0..=DAYS_KEPT_MAX).and_then(days),
        agent_times_keep: s.number("agent_times_keep_days", 0..=DAYS_KEPT_MAX).and_then(days),
        journals_keep: s.number("journals_keep_days", 0..=DAYS_KEPT_MAX).and_then(days),
        journal_segment: s
            .number("journal_segment_kib", SEGMENT_KIB_MIN..=SEGMENT_KIB_MAX)
            .map_or(0, |kib: u64| kib * 1024),
        state,
        database: database::database(&mut s, variables),
        drain_timeout: s.seconds("drain_timeout_s", 0..=DAY_S).unwrap_or_default(),
        calls_max: s.number("calls_max", 1..=1_000_000_i64).map_or(0, as_usize),
        outbound_calls_max: s.number("outbound_calls_max", 0..=1_000_000_i64).map_or(0, as_usize),
        log: s.word("log", &formats).unwrap_or(LogFormat::Pretty),
        reload_on_change: s.bool("reload_on_change").unwrap_or(true),
        log_level: s.text("log_level").unwrap_or_default(),
    };
    if s.is_text("log_level") {
        match log_level::read(&server.log_level) {
            Ok(filter) => server.log_level = filter,
            Err((message, help)) => s.problem("log_level", message, &help),
        }
    }
    check_records_keep(&server, &mut s);
    // Read by `weak_passwords_allowed`, which needs the addresses as well.
    let _ = s.bool("allow_weak_passwords_on_loopback");
    for (key, path) in [("flows", &server.flows), ("state", &server.state)] {
        if path.as_os_str().is_empty() && s.is_text(key) {
            s.problem(key, "must name a folder", "");
        }
    }
    s.finish();
    server
}

/// Figures and flows look back at a caller's calls, and a recording without its record is
/// nobody's.
fn check_records_keep(server: &Server, s: &mut Section<'_, '_>) {
    let Some(records) = server.records_keep else { return };
    if records < metrics::WINDOW {
        let days = metrics::WINDOW.as_secs() / u64::from(DAY_S);
        let message = format!("must be 0 or {days} or more");
        let help = "repeats are judged by the calls of a caller within 30 days; to take out one \
                    caller sooner: attendant callers erase";
        s.problem("records_keep_days", message, help);
    } else if server.recordings_keep.is_none_or(|recordings| recordings > records) {
        let help = "a recording without its record is nobody's: set `server.recordings_keep_days` \
                    to as many days or fewer";
        s.problem("records_keep_days", "ends before recordings are deleted", help);
    }
}

/// 0: for ever.
fn days(days: u32) -> Option<Duration> {
    (days > 0).then(|| Duration::from_secs(u64::from(days) * u64::from(DAY_S)))
}

/// Whether short passwords pass. Asking for it with an open address is a problem.
pub(super) fn weak_passwords_allowed(
    node: &Node,
    listen: &[SocketAddr],
    problems: &mut Problems,
) -> bool {
    const KEY: &str = "allow_weak_passwords_on_loopback";
    let mut s = Section::new("server", node, problems);
    if !s.bool(KEY).unwrap_or(false) {
        return false;
    }
    let open = listen.iter().find(|address| !address.ip().is_loopback());
    if let Some(open) = open {
        let help = "listen on 127.0.0.1 and ::1 only, or use real passwords";
        s.problem(KEY, format!("this server listens on {open}, which others can reach"), help);
    }
    open.is_none()
}

pub(super) fn sip(node: &Node, problems: &mut Problems) -> Sip {
    let mut s = Section::new("sip", node, problems);
    let given = s.texts("transports");
    let none = given.as_ref().is_some_and(Vec::is_empty);
    let transports: Vec<String> = given.unwrap_or_default();
    for other in transports.iter().filter(|t| !["udp", "tcp"].contains(&t.as_str())) {
        s.problem("transports", format!("\"{other}\" is not known"), "\"udp\", \"tcp\" or both");
    }
    let has = |transport: &str| transports.iter().any(|t| t == transport);
    if none {
        s.problem("transports", "must name one at least", "");
    }
    let sip = Sip {
        listen: s.addresses("listen", "0.0.0.0:5060").unwrap_or_default(),
        udp: has("udp"),
        tcp: has("tcp"),
        name_servers: s.addresses("name_servers", "192.0.2.53:53").unwrap_or_default(),
        external_address: external_address(&mut s),
        realm: s.some_text("realm").unwrap_or_default(),
        registrations_max: s.number("registrations_max", 0..=1_000_000_i64).map_or(0, as_usize),
        contacts_max: s.number("contacts_max", 1..=100_i64).map_or(0, as_usize),
        expires_min: s.seconds("register_expires_min_s", 1..=DAY_S).unwrap_or_default(),
        expires_max: s.seconds("register_expires_max_s", 1..=DAY_S).unwrap_or_default(),
        session_expires: s.seconds("session_expires_s", 90..=DAY_S).unwrap_or_default(),
        ban_failures: s.number("ban_failures_max", 1..=1000).unwrap_or_default(),
        ban_window: s.seconds("ban_window_s", 1..=3600).unwrap_or_default(),
        ban: s.seconds("ban_s", 1..=DAY_S).unwrap_or_default(),
    };
    if s.is_empty_list("listen") {
        s.problem("listen", "must name an address at least, as in [\"0.0.0.0:5060\"]", "");
    }
    if sip.name_servers.len() > NAME_SERVERS_MAX {
        let message = format!("must name {NAME_SERVERS_MAX} at most: more would not be asked");
        s.problem("name_servers", message, "");
    }
    let twice: BTreeSet<_> = sip.listen.iter().collect();
    if twice.len() < sip.listen.len() {
        s.problem("listen", "names an address twice", "");
    }
    if sip.expires_min > sip.expires_max && !sip.expires_max.is_zero() {
        s.problem("register_expires_min_s", "is above register_expires_max_s", "");
    }
    if sip.realm.trim().is_empty() && s.is_text("realm") {
        s.problem("realm", "must be some word: phones show it", "realm = \"attendant\"");
    }
    if sip.realm.contains(['"', '\\']) || sip.realm.chars().any(char::is_control) {
        s.problem("realm", "must not hold quotes, backslashes or control characters", "");
    }
    s.finish();
    sip
}

fn external_address(s: &mut Section<'_, '_>) -> Option<std::net::IpAddr> {
    let text = s.some_text("external_address")?;
    let address: Option<std::net::IpAddr> = text.trim().parse().ok();
    let reached = address.filter(|ip| !ip.is_unspecified() && !ip.is_multicast());
    if reached.is_none() {
        let message = format!("\"{text}\" is not an address that others can reach");
        let help = "write one IP address, as in \"203.0.113.7\"; empty: that of the network card";
        s.problem("external_address", message, help);
    }
    reached
}

pub(super) fn media(node: &Node, problems: &mut Problems) -> Media {
    let mut s = Section::new("media", node, problems);
    let media = Media {
        port_min: s.number("port_min", 1024..=65_535).unwrap_or_default(),
        port_max: s.number("port_max", 1024..=65_535).unwrap_or_default(),
        threads: s.number("threads", 1..=64_i64).map_or(0, as_usize),
        media_timeout: s.seconds("media_timeout_s", 5..=DAY_S).unwrap_or_default(),
        hold_timeout: s.seconds("hold_timeout_s", 5..=DAY_S).unwrap_or_default(),
        transmit_silence: s.bool("transmit_silence").unwrap_or_default(),
    };
    let known = media.port_min > 0 && media.port_max > 0;
    if known && media.port_max.saturating_sub(media.port_min) < PORTS_PER_LEG * 2 {
        s.problem("port_max", "must leave room for the two legs of one call above port_min", "");
    }
    s.finish();
    media
}

pub(super) fn api(
    node: &Node,
    variables: &BTreeMap<String, String>,
    weak_allowed: bool,
    problems: &mut Problems,
) -> Api {
    let mut s = Section::new("api", node, problems);
    let address = s.address("listen", "127.0.0.1:8080");
    let api = Api {
        listen: address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
        read_token: s.secret("read_token", variables),
        operate_token: s.secret("operate_token", variables),
        tokens: tokens::tokens(&mut s, variables, weak_allowed),
        trusted_proxies: trusted_proxies(&mut s),
        metrics_open_on_loopback: s.bool("metrics_open_on_loopback").unwrap_or_default(),
        requests_max: s.number("requests_max", 1..=10_000_i64).map_or(0, as_usize),
    };
    for (key, token) in [("read_token", &api.read_token), ("operate_token", &api.operate_token)] {
        tokens::check_token(&mut s, key, token.as_ref(), weak_allowed);
    }
    if api.read_token.is_some() && api.read_token == api.operate_token {
        s.problem("read_token", "is the same as operate_token", "");
    }
    s.finish();
    api
}

/// Of either HTTP port: the proxies whose word on who asks is taken.
pub(super) fn trusted_proxies(s: &mut Section<'_, '_>) -> Vec<Cidr> {
    let blocks: Vec<Cidr> = s.parsed("trusted_proxies").unwrap_or_default();
    if let Some(open) = blocks.iter().find(|block| block.is_everything()) {
        let help = "name the address of your own proxy";
        s.problem("trusted_proxies", format!("{open} would believe everybody"), help);
    }
    blocks
}

pub(super) fn voices(
    node: &Node,
    variables: &BTreeMap<String, String>,
    problems: &mut Problems,
) -> BTreeMap<String, Voice> {
    let mut voices = BTreeMap::new();
    let mut all = Section::new("voices", node, problems);
    let crate::config::layers::Kind::Table(table) = &node.kind else {
        return voices;
    };
    for (language, node) in table {
        if !crate::flow::is_language(language) {
            let message = format!("`voices.{language}`: \"{language}\" is not a language");
            all.problems().add_with_help(&node.place, message, "write `en` or `pt-BR`");
        }
        let mut s = Section::new(format!("voices.{language}"), node, all.problems());
        let engines = [("flite", 0), ("command", 1), ("openai", 2)];
        let engine = s.word("engine", &engines);
        let voice = match engine {
            Some(0) => Some(flite(&mut s, language)),
            Some(1) => command(&mut s),
            Some(_) => open_ai(&mut s, variables),
            None => None,
        };
        match voice {
            Some(voice) => {
                voices.insert(language.clone(), voice);
            }
            None if engine.is_none() && s.is_text("engine") => continue,
            None if engine.is_none() => {
                let help = "\"flite\", \"command\" or \"openai\"";
                s.problem("engine", "names no engine", help);
                continue;
            }
            None => {}
        }
        s.finish();
    }
    voices
}

fn flite(s: &mut Section<'_, '_>, language: &str) -> Voice {
    if language != "en" && !language.starts_with("en-") {
        let help = "use engine = \"command\" or \"openai\" for other languages";
        s.problem("engine", "the embedded voice speaks English only", help);
    }
    Voice::Flite
}

fn command(s: &mut Section<'_, '_>) -> Option<Voice> {
    let command = s.texts("command").unwrap_or_default();
    if command.is_empty() || !command.iter().skip(1).any(|part| part.contains("{text}")) {
        let help = "command = [\"espeak-ng\", \"-v\", \"es\", \"--stdout\", \"{text}\"]";
        s.problem("command", "must name a program and hold {text} in an argument", help);
        return None;
    }
    Some(Voice::Command { command })
}

fn open_ai(s: &mut Section<'_, '_>, variables: &BTreeMap<String, String>) -> Option<Voice> {
    let url = s.some_text("url").unwrap_or_default();
    let voice = Voice::OpenAi {
        voice: s.some_text("voice").unwrap_or_else(|| "alloy".to_owned()),
        model: s.some_text("model").unwrap_or_else(|| "tts-1".to_owned()),
        key: s.secret("key", variables),
        url: url.clone(),
    };
    let https = url.starts_with("https://");
    if !https && !url.starts_with("http://") {
        s.problem("url", "must begin with http:// or https://", "");
        return None;
    }
    if has_credentials(&url) {
        let help = "key, key_file or key_env: it is sent as `Authorization: Bearer`";
        s.problem("url", "must hold no user and password", help);
        return None;
    }
    if https && cfg!(not(feature = "tls")) {
        s.problem("url", "https needs a build with the feature tls", "");
    }
    Some(voice)
}

pub(super) fn features(node: &Node, problems: &mut Problems) -> Features {
    let mut s = Section::new("features", node, problems);
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut code = |key: &'static str| {
        let Some(code) = s.text(key) else { return String::new() };
        let digits = code.strip_prefix('*').unwrap_or_default();
        let shape = !digits.is_empty() && digits.len() <= 6;
        if !shape || !digits.chars().all(|c| c.is_ascii_digit()) {
            s.problem(key, "must be a star and one to six digits, as in \"*40\"", "");
        } else if let Some(other) = seen.insert(code.clone(), key) {
            s.problem(key, format!("is the same code as {other}"), "");
        }
        code
    };
    let features = Features {
        log_in: code("log_in"),
        log_out: code("log_out"),
        ready: code("ready"),
        not_ready: code("not_ready"),
        end_wrap_up: code("end_wrap_up"),
        recording_key: recording_key(&mut s),
    };
    s.finish();
    features
}

/// Pressed in a talk, so it may be any keys; those of a code above are dialed, and no trouble.
fn recording_key(s: &mut Section<'_, '_>) -> String {
    let keys = s.text("recording_key").unwrap_or_default();
    let are_keys = keys.chars().all(|c| c.is_ascii_digit() || c == '*' || c == '#');
    if keys.len() > RECORDING_KEYS_MAX || !are_keys {
        let message = format!("must be up to {RECORDING_KEYS_MAX} keys of a telephone");
        s.problem("recording_key", message, "\"*9\"; empty: no key pauses a recording");
    }
    keys
}

/// A number that was checked to lie within a range that is never negative.
pub(super) fn as_usize(number: i64) -> usize {
    usize::try_from(number).unwrap_or_default()
}
