//! The peers that the two HTTP ports believe, and where no secret may stand or be shown.

use expect_test::expect;

use super::written;

#[test]
fn fault_07_each_port_names_its_proxies_and_neither_trusts_everybody() {
    let blocks = "trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\n";
    let config = written(&format!("[api]\n{blocks}[webhooks]\n{blocks}")).config();
    let named = [&config.api.trusted_proxies, &config.webhooks.trusted_proxies];
    assert_eq!(named.map(Vec::len), [2, 2]);
    let everybody = "trusted_proxies = [\"0.0.0.0/0\"]\n";
    written(&format!("[api]\n{everybody}[webhooks]\n{everybody}")).refused(&expect![[r#"
        attendant.toml:2: `api.trusted_proxies`: 0.0.0.0/0 would believe everybody
          help: name the address of your own proxy
        attendant.toml:4: `webhooks.trusted_proxies`: 0.0.0.0/0 would believe everybody
          help: name the address of your own proxy
    "#]]);
}

#[test]
fn fault_09_no_address_holds_a_password() {
    written(
        "[webhooks]\npublic_url = \"https://ivr.example.com\"\n\
         [providers.jambonz]\nsecrets = [\"whsec\"]\naccount = \"a\"\ntoken = \"t\"\n\
         rest_url = \"https://ann:hush@h.example\"\n\
         [trunks.acme]\nuri = \"sip:acme:hush@h.example\"\n\
         [agents.carol]\naddress = \"sip:carol:hush@h.example\"\n\
         [voices.de]\nengine = \"openai\"\nurl = \"http://ann:hush@h.example\"\n",
    )
    .refused(&expect![[r#"
        attendant.toml:7: `providers.jambonz.rest_url`: must hold no user and password
          help: they are `account` and `token`
        attendant.toml:9: `trunks.acme.uri`: must hold no password
          help: sip:name@192.0.2.20:5060
        attendant.toml:11: `agents.carol.address`: must hold no password
          help: sip:name@192.0.2.20:5060
        attendant.toml:14: `voices.de.url`: must hold no user and password
          help: key, key_file or key_env: it is sent as `Authorization: Bearer`
    "#]]);
}

#[test]
fn fault_09_where_a_configuration_comes_from_shows_no_secret() {
    let case = written("").variable("X", "hush").argument("api.read_token", "hush");
    let shown = format!("{:?}", case.sources);
    assert!(shown.contains("api.read_token") && !shown.contains("hush"), "{shown}");
}
