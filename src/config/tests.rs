//! What a configuration says, and what is said of a wrong one.

mod lookup;
mod recording;
mod secrets;
mod tokens;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use expect_test::{Expect, expect};

use super::*;
use crate::acd::port::{QueueSetup, Strategy, WrapUp};

/// A configuration file of mode 0600 in a folder of its own.
struct Written {
    folder: tempfile::TempDir,
    sources: Sources,
}

fn written(source: &str) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("attendant.toml");
    std::fs::write(&file, source).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    Written { folder, sources: Sources { file: Some(file), ..Sources::default() } }
}

impl Written {
    fn variable(mut self, name: &str, value: &str) -> Self {
        self.sources.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn argument(mut self, key: &str, value: &str) -> Self {
        self.sources.overrides.push(Override {
            argument: "--set".to_owned(),
            key: key.to_owned(),
            value: value.to_owned(),
        });
        self
    }

    #[track_caller]
    fn config(&self) -> Config {
        check(&self.sources).unwrap_or_else(|problems| panic!("{problems}")).config
    }

    fn refused(&self, expected: &Expect) {
        let problems = check(&self.sources).unwrap_err().to_string();
        expected.assert_eq(&problems.replace(&format!("{}/", self.folder.path().display()), ""));
    }
}

#[test]
fn defaults_are_those_of_the_example() {
    let config = written("").config();
    assert_eq!(config.server.flows, PathBuf::from("flows"));
    assert_eq!(config.server.drain_timeout, Duration::from_secs(300));
    assert_eq!(config.sip.listen, ["0.0.0.0:5060".parse().unwrap()]);
    assert!(config.sip.udp && config.sip.tcp && config.sip.external_address.is_none());
    assert!(config.api.listen.ip().is_loopback() && config.api.operate_token.is_none());
    assert_eq!(config.voices["en"], Voice::Flite);
    assert_eq!(config.features.end_wrap_up, "*44");
    assert!(config.agents.is_empty() && config.trunks.is_empty() && config.queues.is_empty());
}

/// The lines that begin with `#:` are configuration as well: each must be accepted, and where they
/// show a default, it must be the default.
#[test]
fn every_example_of_the_example_works() {
    let source = EXAMPLE.replace("#:", "");
    let case = written(&source)
        .variable("ATTENDANT_READ_TOKEN", "5f2b7c1e9d84a03b6e1f7a2c8d950b4e")
        .variable("ACME_PASSWORD", "a long trunk password")
        .variable("TWILIO_AUTH_TOKEN", "token of twilio")
        .variable("CRM_TOKEN", "token of the CRM")
        .argument("webhooks.public_url", "https://ivr.example.com")
        .variable("SPEECH_KEY", "key of the speech service");
    for (name, secret) in [
        ("operate.token", "b81c03f6a5e2497d8c0e6b1f3a7d5294".to_owned()),
        ("alice.password", "h7Kp2mQzx4".to_owned()),
        ("eve.token", "7d1f90e3b2c84a5689e0d1f2c3b4a5f6".to_owned()),
        ("alice.token", "0a9b8c7d6e5f41322314f5e6d7c8b9a0".to_owned()),
        ("vonage.secret", "one\ntwo\n".to_owned()),
    ] {
        let file = case.folder.path().join(name);
        std::fs::write(&file, secret).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let config = case.config();
    let queue = &config.queues[0];
    assert_eq!(queue.setup, QueueSetup::default());
    let bare = written("[queues.bare]").config().queues.remove(0);
    assert_eq!(
        (bare.service_level, bare.short_abandon, bare.keep_place, &bare.setup),
        (queue.service_level, queue.short_abandon, queue.keep_place, &queue.setup)
    );
    assert_eq!(config.trunks["acme"].channels_max, 100);
    assert!(!config.trunks["acme"].trusted && !config.trunks["acme"].md5);
    assert!(matches!(config.agents[0].phone, Phone::Registers { md5: false, .. }));
    assert_eq!(config.agents.iter().position(|agent| agent.name == "dave"), Some(2));
    assert_eq!(config.skills(), ["billing", "es", "tech"]);
    assert_eq!(config.server.flows, case.folder.path().join("flows"));
    let twilio = &config.providers["twilio"];
    assert_eq!((twilio.whisper.as_str(), twilio.accept_key), ("A call for you.", Some('1')));
    assert_eq!(twilio.window, config.providers["vonage"].window);
    assert_eq!(config.providers["vonage"].secrets.len(), 2);
}

#[test]
fn later_layers_win_key_by_key() {
    let case = written("[sip]\nrealm = \"file\"\ncontacts_max = 2\n[queues.sales]\nlen_max = 9")
        .variable("ATTENDANT__SIP__REALM", "variable")
        .variable("ATTENDANT__SIP__LISTEN", "127.0.0.1:5060, [::1]:5060")
        .variable("ATTENDANT__QUEUES__SALES__STRATEGY", "round_robin")
        .variable("ATTENDANT__QUEUES__SALES__WRAP_UP", "off")
        .argument("sip.realm", "argument")
        .argument("sip.transports", "[\"tcp\"]");
    let config = case.config();
    assert_eq!(config.sip.realm, "argument");
    assert_eq!(config.sip.contacts_max, 2);
    assert_eq!(config.sip.listen.len(), 2);
    assert!(config.sip.tcp && !config.sip.udp);
    let queue = &config.queues[0].setup;
    assert_eq!((queue.strategy, queue.len_max), (Strategy::RoundRobin, 9));
    assert_eq!(queue.wrap_up, WrapUp::Off);
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    written(
        r#"
[sip]
lisen = ["127.0.0.1:5060"]
transports = ["udp", "sctp"]
register_expires_min_s = 0

[media]
port_max = "many"

[voices]
es = { engine = "flite" }

[trunks.acme]
addresses = ["192.0.2.0/33", "192.0.2.1/24"]
prefixes = ["0"]

[agents.alice]
skills = { billing = 11 }
password = "alice123"

[agents.bob]

[agents.carol]
outside = { trunk = "amce", number = "+14155550123" }

[queues.billing]
strategy = "longest_idel"
misses = { no_anwser = 2 }

[colors]
"#,
    )
    .refused(&expect![[r#"
        attendant.toml:3: no key `lisen` is known in [sip]
          help: did you mean `listen`?
        attendant.toml:4: `sip.transports`: "sctp" is not known
          help: "udp", "tcp" or both
        attendant.toml:5: `sip.register_expires_min_s`: must be a whole number from 1 to 86400
        attendant.toml:8: `media.port_max`: must be a whole number from 1024 to 65535
        attendant.toml:11: `voices.es.engine`: the embedded voice speaks English only
          help: use engine = "command" or "openai" for other languages
        attendant.toml:14: `trunks.acme.addresses`: `192.0.2.0/33` is longer than the address: at most 32 bits
        attendant.toml:14: `trunks.acme.addresses`: `192.0.2.1/24` has bits set below its prefix: write 192.0.2.0/24
        attendant.toml:15: `trunks.acme.prefixes`: nothing can be called without a uri
          help: uri = "sip:host:5060"
        attendant.toml:15: `trunks.acme.prefixes`: "0" must be a plus and digits: "+44"
        attendant.toml:18: `agents.alice.skills.billing`: must be a whole number from 1 to 10
        attendant.toml:19: `agents.alice.password`: this password would be guessed: it is little more than the name, a well-known word, a row of keys, or a repetition, which are tried first
          help: make one with: head -c 12 /dev/urandom | base64
        attendant.toml:21: `agents.bob`: this agent cannot be reached
          help: password = "…", password_file = "path" or password_env = "VARIABLE"
        attendant.toml:24: `agents.carol.outside.trunk`: there is no trunk "amce"
          help: did you mean "acme"?
        attendant.toml:27: `queues.billing.strategy`: "longest_idel" is not known here
          help: did you mean "longest_idle"? It may be one of longest_idle, most_skilled, least_skilled, least_occupied, round_robin, fewest_calls
        attendant.toml:28: no key `no_anwser` is known in [queues.billing.misses]
          help: did you mean `no_answer`?
        attendant.toml:30: no key `colors` is known
          help: known are server, sip, media, api, voices, callers, features, trunks, agents, queues, lookup, traces, webhooks, providers
    "#]]);
}

#[test]
fn a_variable_and_an_argument_are_named_in_their_problems() {
    written("")
        .variable("ATTENDANT__MEDIA__THREADS", "none")
        .variable("ATTENDANT__SPI__REALM", "x")
        .argument("server.calls_max", "-1")
        .argument("api.listn", "127.0.0.1:1")
        .refused(&expect![[r#"
            argument --set: no key `listn` is known in [api]
              help: did you mean `listen`?
            argument --set: `server.calls_max`: must be a whole number from 1 to 1000000
            environment variable ATTENDANT__MEDIA__THREADS: `media.threads`: must be a whole number from 1 to 64
            environment variable ATTENDANT__SPI__REALM: no key `spi` is known
              help: did you mean `api`?
        "#]]);
}

#[test]
fn a_secret_that_is_not_there_is_told_once() {
    written("[agents.alice]\npassword_env = \"NO_SUCH\"\n").refused(&expect![[r#"
        attendant.toml:2: `agents.alice.password_env`: no variable NO_SUCH is set
    "#]]);
}

#[test]
fn broken_toml_names_its_lines() {
    written("[sip]\nrealm = \n\n[media\nthreads = 1").refused(&expect![[r#"
        attendant.toml:2: not valid TOML: string values must be quoted, expected literal string
        attendant.toml:4: not valid TOML: unclosed table, expected `]`
    "#]]);
}

#[test]
fn passwords_must_be_good_unless_this_is_a_rig_on_loopback() {
    let source = "[agents.alice]\npassword = \"1234\"\n[sip]\nlisten = [\"127.0.0.1:5060\"]\n";
    written(source).refused(&expect![[r#"
        attendant.toml:2: `agents.alice.password`: this password would be guessed: it is one of the first that are tried
          help: make one with: head -c 12 /dev/urandom | base64
    "#]]);
    let allow = "server.allow_weak_passwords_on_loopback";
    written(source).argument(allow, "true").config();
    written(source)
        .argument(allow, "true")
        .argument("sip.listen", "0.0.0.0:5060")
        .refused(&expect![[r#"
            attendant.toml:2: `agents.alice.password`: this password would be guessed: it is one of the first that are tried
              help: make one with: head -c 12 /dev/urandom | base64
            argument --set: `server.allow_weak_passwords_on_loopback`: this server listens on 0.0.0.0:5060, which others can reach
              help: listen on 127.0.0.1 and ::1 only, or use real passwords
        "#]]);
}

#[test]
fn a_file_with_passwords_is_for_its_owner_alone() {
    let case = written("[agents.alice]\npassword = \"correct horse battery\"\n");
    let open = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(case.sources.file.as_ref().unwrap(), mode).unwrap();
    };
    open(0o644);
    case.refused(&expect![[r#"
        attendant.toml:1: holds passwords and can be read by everyone on this machine
          help: chmod 600 attendant.toml
    "#]]);
    open(0o640);
    case.config();
}

#[test]
fn secrets_are_never_shown() {
    let case = written("[agents.alice]\npassword = \"correct horse battery\"\n")
        .variable("ATTENDANT__API__OPERATE_TOKEN", "9f86d081884c7d659a2feaa0c55ad015");
    let shown = format!("{:?}", case.config());
    assert!(shown.contains("***"));
    assert!(!shown.contains("correct horse") && !shown.contains("9f86d081884c7d65"));
    let weak = case.variable("ATTENDANT__AGENTS__ALICE__PASSWORD", "hunter2");
    assert!(!check(&weak.sources).unwrap_err().to_string().contains("hunter2"));
}

#[test]
fn the_demonstration_has_new_passwords_each_time() {
    let (one, layer) = demo::make(|bytes| bytes.fill(3));
    assert!(layer.source.contains("\nthis_machine = true\n"), "{}", layer.source);
    assert_eq!(one.token.expose().len(), secret::TOKEN_LEN_MIN);
    let mut problems = Problems::default();
    let files = [
        FileLayer { name: "defaults".to_owned(), source: EXAMPLE.to_owned(), folder: None },
        layer,
    ];
    let root = layers::merge(&files, &BTreeMap::new(), &[], &mut problems);
    read(&root, &BTreeMap::new(), &mut problems);
    assert!(problems.to_string().contains("or a repetition"), "{problems}");
    let mut counter = 0_u8;
    let (two, _) = demo::make(|bytes| {
        bytes.fill_with(|| {
            counter = counter.wrapping_add(1);
            counter
        });
    });
    assert_ne!(two.agents[0].1, two.agents[1].1);
    assert_ne!(one.token, two.token);
}

#[test]
fn a_variable_with_one_underscore_too_few_is_pointed_out() {
    let config = written("").variable("ATTENDANT_SIP__REALM", "acme").config();
    let said = "environment variable ATTENDANT_SIP__REALM is not read: did you mean \
                ATTENDANT__SIP__REALM?";
    assert!(config.warnings.iter().any(|warning| warning == said), "{:?}", config.warnings);
}

#[test]
fn a_provider_that_could_only_refuse_is_refused() {
    written(
        r#"
[webhooks]
public_url = "http://ivr.example.com"
deadline_ms = 9000
trusted_proxies = ["0.0.0.0/0"]
listen = "127.0.0.1:8080"

[providers.twilo]

[providers.twilio]
account = "AC00"
prefixes = ["0"]
accept_key = "11"

[providers.vonage]
secrets_env = "NO_SUCH"

[providers.bandwidth]
secrets = ["nobody"]

[providers.plivo]
secrets = []
"#,
    )
    .refused(&expect![[r#"
        attendant.toml:3: `webhooks.public_url`: must begin with https:// (http:// on this machine only)
          help: public_url = "https://ivr.example.com"
        attendant.toml:4: `webhooks.deadline_ms`: must be a whole number from 100 to 4000
        attendant.toml:5: `webhooks.trusted_proxies`: 0.0.0.0/0 would believe everybody
          help: name the address of your own proxy
        attendant.toml:6: `webhooks.listen`: is the address of [api], which others must not reach
        attendant.toml:8: no provider `twilo` is known
          help: did you mean [providers.twilio]?
        attendant.toml:10: `providers.twilio.secrets`: without one, a forged request passes for a real one
          help: secrets = ["…"], secrets_file = "path" or secrets_env = "VARIABLE": the auth token
        attendant.toml:11: `providers.twilio.account`: needs a token beside it: both, or neither
          help: token = "…", token_file = "path" or token_env = "VARIABLE"
        attendant.toml:12: `providers.twilio.prefixes`: "0" must be a plus and digits
        attendant.toml:13: `providers.twilio.accept_key`: must be one key, as in "1"; empty: none is asked for
        attendant.toml:15: `providers.vonage.application`: is needed: a request must name it
          help: the id of the Voice application the numbers are linked to
        attendant.toml:16: `providers.vonage.secrets_env`: no variable NO_SUCH is set
        attendant.toml:19: `providers.bandwidth.secrets`: must have a colon between user and password
        attendant.toml:22: `providers.plivo.secrets`: without one, a forged request passes for a real one
          help: secrets = ["…"], secrets_file = "path" or secrets_env = "VARIABLE": the auth token
    "#]]);
}

#[test]
fn a_provider_whose_commands_could_only_fail_is_refused() {
    let vonage = "[webhooks]\npublic_url = \"https://ivr.example.com\"\n[providers.vonage]\n\
                  secrets = [\"one\"]\napplication = \"a-1\"\n";
    assert_eq!(written(vonage).config().providers["vonage"].accept_key, None);
    written(&format!("{vonage}accept_key = \"1\"\n")).refused(&expect![[r#"
        attendant.toml:6: `providers.vonage.accept_key`: needs account and token: vonage refuses by REST only
          help: add them, or write accept_key = "": who answers has the call then
    "#]]);
    written(&vonage.replace("vonage", "telnyx")).refused(&expect![[r#"
        attendant.toml:3: `providers.telnyx.account`: and token are needed: it executes REST commands only
          help: account = "connection id" and token_env = "VARIABLE" with an API key; [providers.texml] does without
    "#]]);
    let public = "[webhooks]\npublic_url = \"https://ivr.example.com\"\n";
    written(&format!(
        "{public}[providers.jambonz]\nsecrets = [\"one\"]\naccount = \"a\"\ntoken = \"t\"\n\
         [providers.plivo]\nsecrets = [\"one\"]\nrest_url = \"http://plivo.example.com\"\n\
         [providers.vonage]\nsecrets = [\"one\"]\napplication = \"a-1\"\naccount = \"a-1\"\n\
         token = \"hush\"\n"
    ))
    .refused(&expect![[r#"
        attendant.toml:5: `providers.jambonz.account`: needs rest_url beside it: where are commands to go?
          help: the address of your own jambonz, as in "https://jambonz.example.com"
        attendant.toml:9: `providers.plivo.rest_url`: must begin with https:// (http:// on this machine only): it gets the token
        attendant.toml:14: `providers.vonage.token`: must be the application's private key, in PEM
          help: token_file = "private.key": it begins with -----BEGIN PRIVATE KEY-----
    "#]]);
    written("[providers.jambonz]\nsecrets = [\"one\"]\n").refused(&expect![[r#"
        attendant.toml:1: [providers.jambonz] needs `webhooks.public_url`, the address that it calls
          help: public_url = "https://ivr.example.com" in [webhooks]
    "#]]);
}

#[test]
fn a_vonage_token_is_a_key_and_a_test_may_be_on_this_machine() {
    let pem = "-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n";
    let source = format!(
        "[webhooks]\npublic_url = \"https://ivr.example.com\"\n[providers.vonage]\n\
         secrets = [\"one\"]\napplication = \"a-1\"\naccount = \"a-1\"\ntoken = '''{pem}'''\n\
         [providers.signalwire]\nsecrets = [\"one\"]\naccount = \"a\"\ntoken = \"t\"\n\
         rest_url = \"http://127.0.0.1:8099\"\n"
    );
    let config = written(&source).config();
    assert_eq!(config.providers["vonage"].accept_key, Some('1'));
    let url = config.providers["signalwire"].rest_url.as_deref();
    assert_eq!(url, Some("http://127.0.0.1:8099"));
}

#[test]
fn agents_whom_no_callers_of_a_provider_reach_are_told_of() {
    let provider = "[providers.plivo]\nsecrets = [\"one\"]\n[agents.carol]\n\
                    address = \"sip:carol@192.0.2.20:5060\"\n";
    let webhooks = "[webhooks]\npublic_url = \"https://ivr.example.com\"\n";
    let warned = |source: String| {
        let warnings = written(&source).config().warnings;
        warnings
            .iter()
            .any(|warning| warning.contains("webhooks.sip_host") && warning.contains("carol"))
    };
    assert!(warned(format!("{webhooks}{provider}")));
    assert!(!warned(format!("{webhooks}sip_host = \"sip.example.com\"\n{provider}")));
    let outside = "outside = { trunk = \"plivo\", number = \"+14155550123\" }";
    let outside = provider.replace("address = \"sip:carol@192.0.2.20:5060\"", outside);
    let outside = outside.replace("[agents", "prefixes = [\"+1415\"]\n[agents");
    assert!(!warned(format!("{webhooks}{outside}")));
}

#[test]
fn an_agent_outside_may_be_behind_a_provider() {
    let source = "[webhooks]\npublic_url = \"https://ivr.example.com/calls/\"\n\
                  [providers.jambonz]\nsecrets = [\"old\", \"new\"]\nprefixes = [\"+1415\"]\n\
                  [agents.dave]\noutside = { trunk = \"jambonz\", number = \"+14155550123\" }\n";
    let config = written(source).config();
    assert_eq!(config.webhooks.public_url.as_deref(), Some("https://ivr.example.com/calls"));
    assert!(matches!(&config.agents[0].phone, Phone::Outside { trunk, .. } if trunk == "jambonz"));
    let shown = format!("{:?}", config.providers);
    assert!(!shown.contains("old") && !shown.contains("new"), "{shown}");
    let other = source.replace("+14155550123", "+442075550123");
    let said = check(&written(&other).sources).unwrap_err().to_string();
    assert!(said.contains("trunk \"jambonz\" may not call +442075550123"), "{said}");
}

#[test]
fn fault_03_a_trunk_names_where_its_sound_comes_from() {
    let trunk = |blocks: &str| {
        written(&format!(
            "[trunks.acme]\naddresses = [\"192.0.2.1\"]\nmedia_addresses = [{blocks}]\n"
        ))
    };
    let config = trunk("\"203.0.113.0/24\", \"2001:db8::7\"").config();
    let named: Vec<String> =
        config.trunks["acme"].media_addresses.iter().map(ToString::to_string).collect();
    assert_eq!(named, ["203.0.113.0/24", "2001:db8::7/128"]);
    trunk("\"0.0.0.0/0\", \"203.0.113.7/24\"").refused(&expect![[r#"
        attendant.toml:3: `trunks.acme.media_addresses`: `203.0.113.7/24` has bits set below its prefix: write 203.0.113.0/24
        attendant.toml:3: `trunks.acme.media_addresses`: 0.0.0.0/0 would give the sound to whoever sends
          help: name the networks of its media servers, as its documentation lists them
    "#]]);
}

#[test]
fn fault_36_values_that_are_not_understood_are_refused() {
    written(
        r#"
[server]
log_level = "verbose"
[sip]
realm = ""
external_address = "0.0.0.0"
transports = []
[voices]
english = { engine = "flite" }
"#,
    )
    .argument("webhooks.trusted_proxies", "[\"192.0.2.1\", 7]")
    .refused(&expect![[r#"
        attendant.toml:3: `server.log_level`: "verbose" is no level of the log
          help: one of off, error, warn, info, debug, trace; or a filter such as info,attendant::sip=debug
        attendant.toml:5: `sip.realm`: must be some word: phones show it
          help: realm = "attendant"
        attendant.toml:6: `sip.external_address`: "0.0.0.0" is not an address that others can reach
          help: write one IP address, as in "203.0.113.7"; empty: that of the network card
        attendant.toml:7: `sip.transports`: must name one at least
        attendant.toml:9: `voices.english`: "english" is not a language
          help: write `en` or `pt-BR`
        attendant.toml:9: `voices.english.engine`: the embedded voice speaks English only
          help: use engine = "command" or "openai" for other languages
        argument --set: `webhooks.trusted_proxies`: must be a list of texts, as in ["one", "two"]
    "#]]);
}

#[test]
fn fault_41_addresses_are_told_with_what_was_written() {
    written("[sip]\nlisten = [\"0.0.0.0\", \"pbx.example.com:5060\"]\n[api]\nlisten = \"8080\"\n")
        .refused(&expect![[r#"
            attendant.toml:2: `sip.listen`: "0.0.0.0" is not an address and port
              help: write "0.0.0.0:5060": an IP address, no name, and a port
            attendant.toml:2: `sip.listen`: "pbx.example.com:5060" is not an address and port
              help: write "0.0.0.0:5060": an IP address, no name, and a port
            attendant.toml:4: `api.listen`: "8080" is not an address and port
              help: write "127.0.0.1:8080": an IP address, no name, and a port
        "#]]);
}

#[test]
fn fault_41_two_doors_at_one_address_are_a_mistake_of_the_configuration() {
    written(
        "[sip]\nlisten = [\"0.0.0.0:5060\", \"127.0.0.1:5060\"]\n\
         [api]\nlisten = \"127.0.0.1:5060\"\n",
    )
    .refused(&expect![[r#"
        attendant.toml:2: `sip.listen`: 0.0.0.0:5060 and 127.0.0.1:5060 are one port of one address
          help: name one of them only
        attendant.toml:4: `api.listen`: 127.0.0.1:5060 is taken by sip.listen, 0.0.0.0:5060, for TCP
          help: give each a port of its own
    "#]]);
    // Without TCP the HTTP interface has the port for itself.
    written("[sip]\ntransports = [\"udp\"]\n[api]\nlisten = \"127.0.0.1:5060\"\n").config();
}

#[test]
fn fault_41_one_broken_line_is_one_message() {
    written("[sip]\nlisten = [\"127.0.0.1:5060\"\nrealm = \"x\"\ncontacts_max = 2\n").refused(
        &expect![[r#"
            attendant.toml:3: not valid TOML: missing comma between array elements, expected `,`
        "#]],
    );
}

#[test]
fn a_server_that_runs_never_reads_the_demonstration_for_a_file_that_is_gone() {
    let found = Sources::default().of_run(false);
    assert_eq!(found.file.as_deref(), Some(Path::new(DEFAULT_FILE)));
    let case = written("[queues.billing]\n");
    let again = case.sources.clone().of_run(false);
    assert_eq!(check(&again).unwrap().config.queues.len(), 1);
    let file = again.file.clone().unwrap();
    for (hidden, said) in [(false, "is empty: it is not taken"), (true, "cannot be read")] {
        std::fs::write(&file, " \n").unwrap();
        if hidden {
            std::fs::remove_file(&file).unwrap();
        }
        let problems = check(&again).unwrap_err().to_string();
        assert!(problems.contains(said), "{problems}");
    }
    std::fs::write(&file, "").unwrap();
    assert!(check(&case.sources).is_ok(), "a start may be with the defaults alone");
}

#[test]
fn what_tells_calls_apart_is_of_one_trunk() {
    let trunk = |name: &str| {
        format!(
            "[trunks.{name}]\naddresses = [\"192.0.2.7\", \"203.0.113.0/24\"]\n\
             username = \"acme\"\npassword = \"h7Kp2mQzx4-{name}\"\n"
        )
    };
    let warnings =
        |first: &str, second: &str| written(&format!("{first}{second}")).config().warnings;
    let same = warnings(&trunk("a"), &trunk("b"));
    let same: Vec<&String> = same.iter().filter(|warning| warning.contains("`b`")).collect();
    assert_eq!(same.len(), 3, "{same:?}");
    let said =
        "attendant.toml:6: 192.0.2.7/32 is of trunk `a`, too: its calls are not those of `b`";
    assert!(same[0].ends_with(said), "{same:?}");
    let other = trunk("b").replace("acme", "other").replace(".7\"", ".8\"");
    // The longer prefix wins, whichever comes first.
    let other = other.replace("203.0.113.0/24", "203.0.113.9");
    let apart = warnings(&trunk("a"), &other);
    assert!(!apart.iter().any(|warning| warning.contains("of trunk")), "{apart:?}");
}
