//! The named sections: `[trunks.NAME]`, `[agents.NAME]`, `[queues.NAME]`, and `[callers]`.
//!
//! **Invariant:** there is no default password, and a weak one is refused.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::acd::port::{Misses, QueueSetup, Strategy, WrapUp};
use crate::center::setup::WRAP_UP_LATE_MAX;
use crate::config::cidr::Cidr;
use crate::config::layers::Node;
use crate::config::model::{Agent, Callers, Phone, Queue, Trunk};
use crate::config::problem::{Problems, closest};
use crate::config::read::Section;
use crate::config::recording;
use crate::config::secret::{Secret, weakness};
use crate::config::sections::as_usize;
use crate::sip::path::Transport;

const AGENTS_MAX: usize = 20_000;
const QUEUES_MAX: usize = 2_000;
const TRUNKS_MAX: usize = 500;
const NAME_LEN_MAX: usize = 64;
/// Digits of a number in E.164 (ITU-T E.164 §6.1).
const NUMBER_LEN_MAX: usize = 15;
const DAY: Duration = Duration::from_secs(86_400);

/// What each named section needs to know beside its own keys.
pub(super) struct Around<'a> {
    pub variables: &'a BTreeMap<String, String>,
    pub weak_allowed: bool,
}

/// Ways to numbers outside, trunks and providers: by name, what the numbers may begin with.
pub(super) type Outside<'a> = BTreeMap<&'a str, &'a [String]>;

pub(super) fn trunks(
    entries: &[(&str, &Node)],
    around: &Around<'_>,
    warnings: &mut Vec<String>,
    problems: &mut Problems,
) -> BTreeMap<String, Trunk> {
    check_count("trunks", entries, TRUNKS_MAX, problems);
    let mut trunks = BTreeMap::new();
    for (name, node) in entries.iter().take(TRUNKS_MAX) {
        check_name("trunks", name, node, problems);
        let mut s = Section::new(format!("trunks.{name}"), node, problems);
        let trunk = trunk(name, &mut s, around);
        for block in trunk.addresses.iter().filter(|block| block.is_everything()) {
            let place = s.place_of("addresses");
            warnings.push(format!("{place}: {block} lets every address call in as {name}"));
        }
        warnings.extend(trunks.values().flat_map(|first| shadowed(&s, first, &trunk)));
        s.finish();
        trunks.insert((*name).to_owned(), trunk);
    }
    trunks
}

/// A call's trunk is known by address and login: of two trunks with the same one, the first has
/// them.
fn shadowed(s: &Section<'_, '_>, first: &Trunk, trunk: &Trunk) -> Vec<String> {
    let (winner, name) = (&first.name, &trunk.name);
    let warning = |key: &str, what: String| {
        let place = s.place_of(key);
        format!("{place}: {what} is of trunk `{winner}`, too: its calls are not those of `{name}`")
    };
    let blocks = trunk.addresses.iter().filter(|block| first.addresses.contains(block));
    let mut warnings: Vec<String> =
        blocks.map(|block| warning("addresses", block.to_string())).collect();
    if trunk.this_machine && first.this_machine {
        warnings.push(warning("this_machine", "this machine".to_owned()));
    }
    if let Some(username) = trunk.username.as_ref().filter(|_| trunk.username == first.username) {
        warnings.push(warning("username", format!("the username `{username}`")));
    }
    warnings
}

fn trunk(name: &str, s: &mut Section<'_, '_>, around: &Around<'_>) -> Trunk {
    let trunk = Trunk {
        name: name.to_owned(),
        addresses: s.parsed::<Cidr>("addresses").unwrap_or_default(),
        this_machine: s.bool("this_machine").unwrap_or(false),
        username: s.some_text("username"),
        password: s.secret("password", around.variables),
        md5: s.bool("md5").unwrap_or(false),
        trusted: s.bool("trusted").unwrap_or(false),
        media_addresses: s.parsed::<Cidr>("media_addresses").unwrap_or_default(),
        uri: s.some_text("uri"),
        prefixes: s.texts("prefixes").unwrap_or_default(),
        caller_id: s.some_text("caller_id"),
        channels_max: s.number("channels_max", 1..=100_000_i64).map_or(100, as_usize),
    };
    if let Some(open) = trunk.media_addresses.iter().find(|block| block.is_everything()) {
        let help = "name the networks of its media servers, as its documentation lists them";
        s.problem("media_addresses", format!("{open} would give the sound to whoever sends"), help);
    }
    let any_address = s.node("addresses").is_some() || trunk.this_machine;
    if !any_address && trunk.username.is_none() && trunk.uri.is_none() {
        let help = "give addresses for calls in, or a uri for calls out";
        s.problem("", "no call can come or go through this trunk", help);
    }
    match (&trunk.username, &trunk.password) {
        (Some(username), Some(password)) => {
            check_password(s, "password", username, password, around);
        }
        (Some(_), None) => s.problem("username", "needs a password beside it", PASSWORD_HELP),
        (None, Some(_)) => s.problem("password", "needs a username beside it", ""),
        (None, None) => {}
    }
    if let Some(uri) = &trunk.uri {
        check_sip_uri(s, "uri", uri);
    }
    if !trunk.prefixes.is_empty() && trunk.uri.is_none() {
        s.problem("prefixes", "nothing can be called without a uri", "uri = \"sip:host:5060\"");
    }
    for prefix in &trunk.prefixes {
        if !is_e164(prefix) {
            s.problem("prefixes", format!("\"{prefix}\" must be a plus and digits: \"+44\""), "");
        }
    }
    if let Some(number) = trunk.caller_id.as_ref().filter(|number| !is_e164(number)) {
        s.problem("caller_id", format!("\"{number}\" must be a plus and digits"), "");
    }
    trunk
}

pub(super) fn agents(
    entries: &[(&str, &Node)],
    outside: &Outside<'_>,
    around: &Around<'_>,
    problems: &mut Problems,
) -> Vec<Agent> {
    check_count("agents", entries, AGENTS_MAX, problems);
    let mut agents = Vec::new();
    for (name, node) in entries.iter().take(AGENTS_MAX) {
        check_name("agents", name, node, problems);
        let mut s = Section::new(format!("agents.{name}"), node, problems);
        let display_name = s.some_text("name");
        let team = s.some_text("team");
        let skills = skills(name, &mut s);
        let phone = phone(name, &mut s, outside, around);
        let auto_login = s.bool("auto_login").unwrap_or(false);
        let auto_ready = s.bool("auto_ready").unwrap_or(false);
        if auto_ready && !auto_login {
            s.problem("auto_ready", "needs auto_login = true beside it", "");
        }
        s.finish();
        if let Some(phone) = phone {
            let name = (*name).to_owned();
            agents.push(Agent { name, display_name, team, skills, phone, auto_login, auto_ready });
        }
    }
    agents
}

fn skills(agent: &str, s: &mut Section<'_, '_>) -> BTreeMap<String, u8> {
    let mut skills = BTreeMap::new();
    let Some(node) = s.node("skills") else {
        return skills;
    };
    let mut table = Section::new(format!("agents.{agent}.skills"), node, s.problems());
    let crate::config::layers::Kind::Table(entries) = &node.kind else {
        return skills;
    };
    for skill in entries.keys() {
        if let Some(level) = table.number(skill, 1..=10_u8) {
            skills.insert(skill.clone(), level);
        }
    }
    skills
}

fn phone(
    agent: &str,
    s: &mut Section<'_, '_>,
    ways: &Outside<'_>,
    around: &Around<'_>,
) -> Option<Phone> {
    let password = s.secret("password", around.variables);
    let md5 = s.bool("md5").unwrap_or(false);
    let address = s.some_text("address");
    let outside = s.node("outside");
    match (password, address, outside) {
        (Some(password), None, None) => {
            check_password(s, "password", agent, &password, around);
            Some(Phone::Registers { password, md5 })
        }
        (None, Some(address), None) => {
            check_sip_uri(s, "address", &address);
            Some(Phone::Fixed { address })
        }
        (None, None, Some(node)) => {
            let mut o = Section::new(format!("agents.{agent}.outside"), node, s.problems());
            let trunk = o.some_text("trunk").unwrap_or_default();
            let phone = match o.some_text("client") {
                Some(client) => {
                    check_way(&mut o, &trunk, ways);
                    Phone::Client { provider: trunk, client }
                }
                None => {
                    let number = o.some_text("number").unwrap_or_default();
                    check_outside(&mut o, &trunk, &number, ways);
                    Phone::Outside { trunk, number }
                }
            };
            o.finish();
            Some(phone)
        }
        (None, None, None) => {
            // A password that was given but could not be read is a problem of its own.
            if !["password_file", "password_env"].iter().any(|key| s.has(key)) {
                s.problem("", "this agent cannot be reached", PASSWORD_HELP);
            }
            None
        }
        (Some(_), Some(_), _) | (Some(_), None, Some(_)) | (None, Some(_), Some(_)) => {
            s.problem("", "give one of password, address and outside, not two", "");
            None
        }
    }
}

const PASSWORD_HELP: &str =
    "password = \"…\", password_file = \"path\" or password_env = \"VARIABLE\"";

/// The trunk or provider of that name, as what the numbers may begin with.
fn check_way<'a>(
    o: &mut Section<'_, '_>,
    trunk: &str,
    outside: &Outside<'a>,
) -> Option<&'a [String]> {
    let known = outside.get(trunk).copied();
    if known.is_none() {
        let help = match closest(trunk, outside.keys().copied()) {
            Some(word) => format!("did you mean \"{word}\"?"),
            None => "add it as [trunks.NAME]".to_owned(),
        };
        o.problem("trunk", format!("there is no trunk \"{trunk}\""), &help);
    }
    known
}

fn check_outside(o: &mut Section<'_, '_>, trunk: &str, number: &str, outside: &Outside<'_>) {
    let Some(prefixes) = check_way(o, trunk, outside) else { return };
    if !is_e164(number) {
        o.problem("number", "must be a plus and digits, as in \"+14155550123\"", "");
    } else if !prefixes.iter().any(|prefix| number.starts_with(prefix.as_str())) {
        let help = "add the beginning of the number to its prefixes";
        o.problem("number", format!("trunk \"{trunk}\" may not call {number}"), help);
    }
}

pub(super) fn queues(entries: &[(&str, &Node)], problems: &mut Problems) -> Vec<Queue> {
    check_count("queues", entries, QUEUES_MAX, problems);
    let mut queues = Vec::new();
    for (name, node) in entries.iter().take(QUEUES_MAX) {
        check_name("queues", name, node, problems);
        let mut s = Section::new(format!("queues.{name}"), node, problems);
        queues.push(queue(name, &mut s));
        s.finish();
    }
    queues
}

fn queue(name: &str, s: &mut Section<'_, '_>) -> Queue {
    let strategies = Strategy::ALL.map(|strategy| (strategy.name(), strategy));
    let default = QueueSetup::default();
    let wrap_up_time = s.seconds("wrap_up_s", 1..=3600).unwrap_or(Duration::from_secs(10));
    let wrap_ups = [
        ("off", WrapUp::Off),
        ("timed", WrapUp::Timed(wrap_up_time)),
        ("until_done", WrapUp::UntilDone),
    ];
    let setup = QueueSetup {
        strategy: s.word("strategy", &strategies).unwrap_or(default.strategy),
        ring_timeout: s.seconds("ring_timeout_s", 3..=300).unwrap_or(default.ring_timeout),
        wrap_up: s.word("wrap_up", &wrap_ups).unwrap_or(WrapUp::Timed(wrap_up_time)),
        len_max: s.number("len_max", 1..=100_000_i64).map_or(default.len_max, as_usize),
        misses: misses(name, s).unwrap_or_default(),
        exclude: s.seconds("exclude_s", 0..=3600).unwrap_or(default.exclude),
        ageing_per_min: s.number("ageing_per_min", 0..=10).unwrap_or(default.ageing_per_min),
    };
    let keep_place = s.seconds("keep_place_s", 0..=3600);
    let service_level = s.seconds("service_level_s", 1..=3600);
    let short_abandon = s.seconds("short_abandon_s", 0..=600);
    let wrap_up_late_max = s.seconds("wrap_up_late_s_max", 0..=7 * 86_400);
    Queue {
        name: name.to_owned(),
        setup,
        keep_place: keep_place.unwrap_or(Duration::from_secs(60)),
        service_level: service_level.unwrap_or(Duration::from_secs(20)),
        wrap_up_late_max: wrap_up_late_max.unwrap_or(WRAP_UP_LATE_MAX),
        short_abandon: short_abandon.unwrap_or(Duration::from_secs(5)),
        recording: recording::recording(name, s),
    }
}

fn misses(queue: &str, s: &mut Section<'_, '_>) -> Option<Misses> {
    let node = s.node("misses")?;
    let mut m = Section::new(format!("queues.{queue}.misses"), node, s.problems());
    let default = Misses::default();
    let misses = Misses {
        no_answer: m.number("no_answer", 0..=100).unwrap_or(default.no_answer),
        rejected: m.number("rejected", 0..=100).unwrap_or(default.rejected),
        busy: m.number("busy", 0..=100).unwrap_or(default.busy),
        device_error: m.number("device_error", 0..=100).unwrap_or(default.device_error),
    };
    m.finish();
    Some(misses)
}

pub(super) fn callers(node: &Node, problems: &mut Problems) -> Callers {
    let mut s = Section::new("callers", node, problems);
    let days = |days: Option<u32>| DAY * days.unwrap_or_default();
    let callers = Callers {
        file: s.path("file"),
        region: s.some_text("region").unwrap_or_default().to_ascii_uppercase(),
        recent: days(s.number("recent_days", 1..=365)),
        repeat_window: days(s.number("repeat_window_days", 1..=35)),
    };
    let known = callers.region.parse::<phonenumber::country::Id>().is_ok();
    if !known {
        s.problem("region", "must be the two letters of a country, as in \"US\"", "");
    }
    s.finish();
    callers
}

fn check_password(
    s: &mut Section<'_, '_>,
    key: &str,
    user: &str,
    password: &Secret,
    around: &Around<'_>,
) {
    let empty = password.is_empty();
    let Some(why) = weakness(user, password).filter(|_| empty || !around.weak_allowed) else {
        return;
    };
    let help = "make one with: head -c 12 /dev/urandom | base64";
    s.problem(key, format!("this password would be guessed: {why}"), help);
}

fn check_count(what: &str, entries: &[(&str, &Node)], most: usize, problems: &mut Problems) {
    if let Some((_, node)) = entries.get(most) {
        problems.add(&node.place, format!("more than {most} {what}"));
    }
}

/// Names stand in SIP addresses, URLs and flow files: letters, digits, `-`, `_` and `.`.
fn check_name(what: &str, name: &str, node: &Node, problems: &mut Problems) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > NAME_LEN_MAX || !name.chars().all(plain) {
        let help = "use letters, digits, hyphens, underscores and dots, at most 64";
        problems.add_with_help(&node.place, format!("[{what}.{name}] is not a usable name"), help);
    }
}

fn check_sip_uri(s: &mut Section<'_, '_>, key: &str, uri: &str) {
    let rest = uri.strip_prefix("sip:").unwrap_or_default();
    let (user, host) = rest.rsplit_once('@').unwrap_or(("", rest));
    if user.contains(':') {
        // It stands in requests and logs as it is.
        return s.problem(key, "must hold no password", "sip:name@192.0.2.20:5060");
    }
    let usable = |c: char| c.is_ascii_graphic() && !"<>\"".contains(c);
    let transport = rest.split(';').find_map(|param| param.strip_prefix("transport="));
    if let Some(other) = transport.filter(|named| Transport::named(named).is_none()) {
        let message = format!("transport \"{other}\" is not known here");
        return s.problem(key, message, "leave it away for UDP, or write ;transport=tcp");
    }
    if host.is_empty() || !uri.chars().all(usable) {
        s.problem(key, format!("\"{uri}\" is not a SIP address"), "sip:name@192.0.2.20:5060");
    }
}

pub(super) fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (1..=NUMBER_LEN_MAX).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit())
}
