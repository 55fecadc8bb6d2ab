//! `[webhooks]` and `[providers.NAME]`: telephony providers that ask over HTTP what to do.
//!
//! **Invariant:** a provider that is configured can check whose a request is: one without secrets
//! is refused here, and does not answer 403 to every call later.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::config::layers::{Kind, Node};
use crate::config::model::{Agent, Phone, Provider, Speech, Trunk, Webhooks};
use crate::config::people::{Around, is_e164};
use crate::config::problem::{Problems, closest};
use crate::config::read::Section;
use crate::config::secret::Secret;
use crate::config::sections::{as_usize, trusted_proxies};
use crate::webhook::{self, ProviderInfo};

/// The strictest providers give up after 5 s, network included.
const DEADLINE_MS_MAX: u64 = 4_000;
/// No provider sends a tenth of this.
const BODY_LEN_MAX: i64 = 1024 * 1024;
/// Keys of one provider: the old and the new one, and some that were forgotten.
const SECRETS_MAX: usize = 16;
const NUMBERS_MAX: usize = 10_000;
/// What a person hears before a call is taken: as long as they wait for it.
const WHISPER_LEN_MAX: usize = 500;

pub(super) fn webhooks(node: &Node, api: SocketAddr, problems: &mut Problems) -> Webhooks {
    let mut s = Section::new("webhooks", node, problems);
    let speech = [("provider", Speech::Provider), ("ours", Speech::Ours)];
    let address = s.address("listen", "127.0.0.1:8088");
    let address = address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
    let webhooks = Webhooks {
        public_url: public_url(&mut s),
        listen: address,
        deadline: Duration::from_millis(
            s.number("deadline_ms", 100..=DEADLINE_MS_MAX).unwrap_or_default(),
        ),
        trusted_proxies: trusted_proxies(&mut s),
        body_len_max: s.number("body_len_max", 1024..=BODY_LEN_MAX).map_or(0, as_usize),
        requests_max: s.number("requests_max", 1..=100_000_i64).map_or(0, as_usize),
        speech: s.word("speech", &speech).unwrap_or(Speech::Provider),
        sip_host: s.some_text("sip_host"),
        music_piece: s.seconds("music_piece_s", 2..=60).unwrap_or_default(),
    };
    if webhooks.listen == api && api.port() != 0 {
        s.problem("listen", "is the address of [api], which others must not reach", "");
    }
    s.finish();
    webhooks
}

/// Agents whose telephones speak SIP are reached by a provider's callers over SIP, too.
pub(super) fn unreached(
    agents: &[Agent],
    providers: &BTreeMap<String, Provider>,
    webhooks: &Webhooks,
) -> Option<String> {
    let provider = providers.keys().next().filter(|_| webhooks.sip_host.is_none())?;
    let on_sip = |agent: &&Agent| match &agent.phone {
        Phone::Registers { .. } | Phone::Fixed { .. } => true,
        Phone::Outside { trunk, .. } => !providers.contains_key(trunk),
        Phone::Client { .. } => false,
    };
    let name = &agents.iter().find(on_sip)?.name;
    Some(format!(
        "webhooks.sip_host: without it, callers of [providers.{provider}] never reach {name} and \
         others whose telephones speak SIP; set it, and add a trunk with the provider's addresses"
    ))
}

/// Scheme, host and path prefix; without a slash at the end, a query or a fragment. A wrong one is
/// given back as well: it is no missing one.
fn public_url(s: &mut Section<'_, '_>) -> Option<String> {
    const HELP: &str = "public_url = \"https://ivr.example.com\"";
    let url = s.some_text("public_url")?;
    let Some(rest) = after_scheme(&url) else {
        s.problem("public_url", "must begin with https:// (http:// on this machine only)", HELP);
        return Some(url);
    };
    let plain = |c: char| c.is_ascii_graphic() && !"?#\"<>\\@".contains(c);
    if rest.is_empty() || rest.starts_with('/') || !rest.chars().all(plain) {
        s.problem("public_url", "must be a host, and a path at most", HELP);
    }
    Some(url.trim_end_matches('/').to_owned())
}

/// What follows the scheme of an address that others cannot read: https, or on this machine.
fn after_scheme(url: &str) -> Option<&str> {
    const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
    url.strip_prefix("https://").or_else(|| {
        let rest = url.strip_prefix("http://")?;
        let host = rest.split('/').next().unwrap_or(rest);
        let name = host.rsplit_once(':').map_or(host, |(name, port)| {
            if port.chars().all(|c| c.is_ascii_digit()) { name } else { host }
        });
        LOCAL.contains(&name).then_some(rest)
    })
}

pub(super) fn providers(
    entries: &[(&str, &Node)],
    webhooks: &Webhooks,
    trunks: &BTreeMap<String, Trunk>,
    around: &Around<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, Provider> {
    let mut providers = BTreeMap::new();
    for (name, node) in entries {
        let Some(rules) = webhook::provider(name) else {
            let mut known: Vec<&str> = webhook::providers().iter().map(|p| p.name()).collect();
            known.sort_unstable();
            let help = match closest(name, known.iter().copied()) {
                Some(word) => format!("did you mean [providers.{word}]?"),
                None => format!("known are {}", known.join(", ")),
            };
            problems.add_with_help(&node.place, format!("no provider `{name}` is known"), help);
            continue;
        };
        let name = rules.name();
        let mut s = Section::new(format!("providers.{name}"), node, problems);
        if trunks.contains_key(name) {
            s.problem("", format!("a trunk is called {name}, too"), "give the trunk another name");
        }
        let provider = provider(rules, &mut s, around);
        s.finish();
        providers.insert(name.to_owned(), provider);
    }
    if let Some((name, node)) = entries.first().filter(|_| webhooks.public_url.is_none()) {
        let message =
            format!("[providers.{name}] needs `webhooks.public_url`, the address that it calls");
        let help = "public_url = \"https://ivr.example.com\" in [webhooks]";
        problems.add_with_help(&node.place, message, help);
    }
    providers
}

fn provider(
    rules: &dyn webhook::Provider,
    s: &mut Section<'_, '_>,
    around: &Around<'_>,
) -> Provider {
    let ProviderInfo { name, secrets_are, .. } = *rules.info();
    let written = ["secrets", "secrets_file", "secrets_env"].iter().any(|key| s.has(key));
    let secrets = s.secrets("secrets", around.variables);
    if secrets.is_empty() && (!written || s.has("secrets")) {
        let ways = "secrets = [\"…\"], secrets_file = \"path\" or secrets_env = \"VARIABLE\"";
        let help = format!("{ways}: {secrets_are}");
        s.problem("secrets", "without one, a forged request passes for a real one", &help);
    }
    if secrets.len() > SECRETS_MAX || secrets.iter().any(Secret::is_empty) {
        s.problem("secrets", format!("must be 1 to {SECRETS_MAX}, none of them empty"), "");
    }
    if rules.info().comes_with_access && secrets.iter().any(|secret| !secret.expose().contains(':'))
    {
        s.problem("secrets", "must have a colon between user and password", "");
    }
    let provider = Provider {
        name,
        secrets,
        application: s.some_text("application"),
        window: s.seconds("window_s", 10..=3600).unwrap_or(Duration::from_secs(300)),
        account: s.some_text("account"),
        token: s.secret("token", around.variables),
        user: s.some_text("user"),
        rest_url: rest_url(s),
        prefixes: s.texts("prefixes").unwrap_or_default(),
        caller_id: s.some_text("caller_id"),
        voices: texts_by_language(name, s),
        accept_key: accept_key(rules, s),
        whisper: s.text("whisper").unwrap_or_else(|| "A call for you.".to_owned()),
        whisper_language: s.some_text("whisper_language").unwrap_or_else(|| "en".to_owned()),
        numbers: s.texts("numbers").unwrap_or_default(),
    };
    check(&provider, rules, s);
    provider
}

fn check(provider: &Provider, rules: &dyn webhook::Provider, s: &mut Section<'_, '_>) {
    if let Some(help) = rules.info().application_is.filter(|_| provider.application.is_none()) {
        s.problem("application", "is needed: a request must name it", help);
    }
    check_account(provider, rules.info(), s);
    for (key, list) in [("prefixes", &provider.prefixes), ("numbers", &provider.numbers)] {
        for number in list.iter().filter(|number| !is_e164(number)) {
            s.problem(key, format!("\"{number}\" must be a plus and digits"), "");
        }
    }
    if let Some(number) = provider.caller_id.as_ref().filter(|number| !is_e164(number)) {
        s.problem("caller_id", format!("\"{number}\" must be a plus and digits"), "");
    }
    if provider.numbers.len() > NUMBERS_MAX {
        s.problem("numbers", format!("are more than {NUMBERS_MAX}"), "");
    }
    if provider.whisper.len() > WHISPER_LEN_MAX {
        s.problem("whisper", format!("is longer than {WHISPER_LEN_MAX} letters"), "");
    }
}

/// Commands that could only fail are refused here, and not at the first caller who waits.
fn check_account(provider: &Provider, info: &ProviderInfo, s: &mut Section<'_, '_>) {
    let token = ["token", "token_file", "token_env"].iter().any(|key| s.has(key));
    match (&provider.account, &provider.token) {
        (Some(_), None) if !token => {
            let help = "token = \"…\", token_file = \"path\" or token_env = \"VARIABLE\"";
            s.problem("account", "needs a token beside it: both, or neither", help);
        }
        (None, Some(_)) => s.problem("token", "needs an account beside it: both, or neither", ""),
        (Some(_), None | Some(_)) | (None, None) => {}
    }
    let is_whole = provider.account.is_some() && provider.token.is_some();
    if let Some(help) = info.account_is.filter(|_| !is_whole) {
        s.problem("account", "and token are needed: it executes REST commands only", help);
    }
    let is_pem = |token: &Secret| {
        let text = token.expose().trim();
        text.starts_with("-----BEGIN ") && text.ends_with("PRIVATE KEY-----")
    };
    if info.token_is_pem && provider.token.as_ref().is_some_and(|token| !is_pem(token)) {
        let key = ["token", "token_file", "token_env"].into_iter().find(|key| s.has(key));
        let help = "token_file = \"private.key\": it begins with -----BEGIN PRIVATE KEY-----";
        s.problem(key.unwrap_or("token"), "must be the application's private key, in PEM", help);
    }
    let lacks_url = provider.account.is_some() && !s.has("rest_url");
    if let Some(help) = info.rest_url_is.filter(|_| lacks_url) {
        s.problem("account", "needs rest_url beside it: where are commands to go?", help);
    }
}

fn rest_url(s: &mut Section<'_, '_>) -> Option<String> {
    let url = s.some_text("rest_url")?;
    if after_scheme(&url).is_none() {
        let message = "must begin with https:// (http:// on this machine only): it gets the token";
        s.problem("rest_url", message, "");
        return None;
    }
    if has_credentials(&url) {
        s.problem("rest_url", "must hold no user and password", "they are `account` and `token`");
        return None;
    }
    Some(url.trim_end_matches('/').to_owned())
}

/// Whether an address names a user: where it is logged, a password would be with it.
pub(super) fn has_credentials(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

fn accept_key(rules: &dyn webhook::Provider, s: &mut Section<'_, '_>) -> Option<char> {
    // A party that does not press it must be refused.
    let can_refuse = rules.info().refuses_parties || s.has("account");
    let Some(text) = s.text("accept_key") else { return can_refuse.then_some('1') };
    if text.is_empty() {
        return None;
    }
    let mut keys = text.chars().filter(|key| key.is_ascii_digit() || "*#".contains(*key));
    let key = keys.next().filter(|_| text.len() == 1);
    if key.is_none() {
        s.problem("accept_key", "must be one key, as in \"1\"; empty: none is asked for", "");
    } else if !can_refuse {
        let help = "add them, or write accept_key = \"\": who answers has the call then";
        let name = rules.name();
        let message = format!("needs account and token: {name} refuses by REST only");
        s.problem("accept_key", message, help);
        return None;
    }
    key
}

fn texts_by_language(provider: &str, s: &mut Section<'_, '_>) -> BTreeMap<String, String> {
    let Some(node) = s.node("voices") else { return BTreeMap::new() };
    let mut table = Section::new(format!("providers.{provider}.voices"), node, s.problems());
    let Kind::Table(entries) = &node.kind else { return BTreeMap::new() };
    let voice = |language: &String| Some((language.clone(), table.some_text(language)?));
    entries.keys().filter_map(voice).collect()
}
