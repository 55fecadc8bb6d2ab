//! Callers at providers who wait for an answer of a service: in documents, until it is there.

use crate::checkpoints;
use crate::flows::ALICE;
use crate::lookup::FLOW;
use crate::ports;
use crate::rig::Plan;
use crate::service::{Came, SLOW, Service};
use crate::webhooks::carrier::{Carrier, NUMBER, PUBLIC_URL};
use crate::webhooks::http::RestMock;
use crate::webhooks::kind::Kind;
use crate::webhooks::{Site, at_each_provider};

at_each_provider! {
    a_caller_waits_in_documents_until_the_answer_is_there,
    fault_01_a_question_is_asked_again_as_the_same_after_a_kill,
}

/// A provider whose callers are looked up under this path.
fn site(kind: Kind, service: &Service, path: &str, has_rest: bool) -> Site {
    let address = service.address.to_string();
    let flow = FLOW
        .replace("http://SERVICE/line/{{ call.to }}", &format!("http://{address}/{path}"))
        .replace("TIMEOUT", "30")
        .replace("text      = \"menu.wav\"\n", "")
        .replace("\"3001\", ", &format!("\"{NUMBER}\", "));
    let (rest, door) = (RestMock::start(), ports::one());
    let section = kind.section(has_rest.then_some(rest.address));
    let rig = Plan::new(&format!("{section}{ALICE}"))
        .set("webhooks.public_url", &format!("\"{PUBLIC_URL}\""))
        .set("webhooks.listen", &format!("\"{door}\""))
        .set("webhooks.sip_host", "\"sip.example.com\"")
        .set("webhooks.music_piece_s", "2")
        .set("lookup.allow_hosts", &format!("[\"{address}\"]"))
        .set("lookup.secrets.crm", "\"a-token\"")
        .set("server.journal_segment_kib", checkpoints::SMALL)
        .flow("lookup.toml", &flow)
        .start();
    Site { rig, carrier: Carrier { kind, door }, rest }
}

fn a_caller_waits_in_documents_until_the_answer_is_there(kind: Kind) {
    for has_rest in [true, false] {
        let service = Service::start();
        let site = site(kind, &service, SLOW, has_rest);
        let mut leg = site.carrier.call("CA01");
        service.asked(1);
        service.release();
        leg.hear("greeting.wav");
        leg.until_hangup();
        assert_eq!(site.rig.record()["vars"]["name"], "Ada");
        assert_eq!(service.asked(1).len(), 1);
        let music = leg.heard.iter().filter(|sound| sound.contains("music/")).count();
        assert_eq!(music, 0, "a piece of music would outlast the answer: {:?}", leg.heard);
    }
}

fn fault_01_a_question_is_asked_again_as_the_same_after_a_kill(kind: Kind) {
    asked_again(kind, |_| {});
}

#[test]
fn fault_01_a_question_of_before_a_checkpoint_is_asked_again_as_the_same() {
    asked_again(Kind::Twilio, |site| {
        checkpoints::fill(&site.rig, "alice", 2);
        checkpoints::fill(&site.rig, "alice", 1);
    });
}

fn asked_again(kind: Kind, meanwhile: impl FnOnce(&Site)) {
    let service = Service::start();
    let mut site = site(kind, &service, SLOW, false);
    let mut leg = site.carrier.call("CA01");
    service.asked(1);
    meanwhile(&site);
    site.rig.kill();
    site.rig.start();
    let asked: Vec<Came> = service.asked(2);
    let keys: Vec<Option<&str>> = asked.iter().map(|it| it.header("idempotency-key")).collect();
    assert!(keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
    service.release();
    leg.hear("greeting.wav");
    leg.until_hangup();
    assert_eq!(site.rig.records(1)[0]["vars"]["name"], "Ada");
}
