//! Which services flows may ask, and what is wrong with a list of them.

use expect_test::expect;

use super::written;

#[test]
fn hosts_networks_and_secrets_are_read() {
    let config = written(
        "[lookup]\nallow_hosts = [\"CRM.example.com\", \"10.0.0.7:8080\", \"[::1]:81\"]\n\
         allow_networks = [\"10.0.0.0/8\"]\n[lookup.secrets]\nplain = \"s3cret\"\ncrm_env = \"CRM\"\n",
    )
    .variable("CRM", "hush\n")
    .config();
    let lookup = &config.lookup;
    let hosts: Vec<&str> = lookup.hosts.iter().map(String::as_str).collect();
    assert_eq!(hosts, ["10.0.0.7:8080", "[::1]:81", "crm.example.com"]);
    assert!(lookup.networks[0].contains("10.9.9.9".parse().unwrap()));
    let secrets = lookup.secrets.iter();
    let secrets: Vec<(&str, &str)> =
        secrets.map(|(name, secret)| (name.as_str(), secret.expose())).collect();
    assert_eq!(secrets, [("crm", "hush"), ("plain", "s3cret")]);
    assert!(!format!("{lookup:?}").contains("hush"));
}

/// The flow that is shipped names a host; that it loads is no reason to ask anybody.
#[test]
fn nobody_may_be_asked_by_default_and_the_shipped_flow_loads() {
    let config = written("").config();
    assert!(config.lookup.hosts.is_empty(), "{:?}", config.lookup.hosts);
    let named = crate::config::lookup::may_be_named(&config.lookup);
    assert_eq!(named, ["crm.example.com".to_owned()].into());
}

#[test]
fn a_wrong_list_of_services_is_refused_whole() {
    written(
        "[lookup]\n\
         allow_hosts = [\"https://crm.example.com\", \"crm.example.com/path\", \"a b\", \"\"]\n\
         allow_networks = [\"0.0.0.0/0\", \"10.0.0.1/8\"]\n\
         at_once_max = 4\n\
         per_service_max = 8\n\
         allow_host = []\n\
         [lookup.secrets]\n\
         crm_env = \"NOT_SET\"\n\
         two = \"a\\nb\"\n",
    )
    .refused(&expect![[r#"
        attendant.toml:2: `lookup.allow_hosts`: "https://crm.example.com" is no host
          help: write "crm.example.com", or with a port "10.0.0.7:8080"
        attendant.toml:2: `lookup.allow_hosts`: "crm.example.com/path" is no host
          help: write "crm.example.com", or with a port "10.0.0.7:8080"
        attendant.toml:2: `lookup.allow_hosts`: "a b" is no host
          help: write "crm.example.com", or with a port "10.0.0.7:8080"
        attendant.toml:2: `lookup.allow_hosts`: "" is no host
          help: write "crm.example.com", or with a port "10.0.0.7:8080"
        attendant.toml:3: `lookup.allow_networks`: `10.0.0.1/8` has bits set below its prefix: write 10.0.0.0/8
        attendant.toml:3: `lookup.allow_networks`: 0.0.0.0/0 is everything
          help: name your own networks: with this a flow could ask whatever this machine can
        attendant.toml:5: `lookup.per_service_max`: is above at_once_max
          help: one slow service could hold up all others: leave room for them
        attendant.toml:6: no key `allow_host` is known in [lookup]
          help: did you mean `allow_hosts`?
        attendant.toml:8: `lookup.secrets.crm_env`: no variable NOT_SET is set
        attendant.toml:9: `lookup.secrets.two`: must be one line, without control characters
    "#]]);
}
