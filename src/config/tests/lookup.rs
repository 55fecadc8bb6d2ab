//! Which services flows may ask, and what is wrong with a list of them.

use expect_test::expect;

use super::written;

#[test]
fn hosts_networks_and_secrets_are_read() {
    let config = written(
        "[lookup]\nallow_hosts = [\"CRM.example.com\", \"10.0.0.7:8080\", \"[::1]:81\"]\n\
         allow_networks = [\"10.0.0.0/8\"]\n[lookup.secrets]\nplain = \"one\"\ncrm_env = \"CRM\"\n",
    )
    .variable("CRM", "two\n")
    .config();
    let lookup = &config.lookup;
    let hosts: Vec<&str> = lookup.hosts.iter().map(String::as_str).collect();
    assert_eq!(hosts, ["10.0.0.7:8080", "[::1]:81", "crm.example.com"]);
    assert!(lookup.networks[0].contains("10.9.9.9".parse().unwrap()));
    let secrets = lookup.secrets.iter();
    let secrets: Vec<(&str, &str)> =
        secrets.map(|(name, secret)| (name.as_str(), secret.expose())).collect();
    assert_eq!(secrets, [("crm", "two"), ("plain", "one")]);
    assert!(!format!("{lookup:?}").contains("two"));
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
    .refused(&expect![[r#""#]]);
}
