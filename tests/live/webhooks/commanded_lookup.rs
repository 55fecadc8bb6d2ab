//! A caller at a provider that is commanded, who waits for the answer of a service.

use crate::flows::ALICE;
use crate::lookup::FLOW;
use crate::ports;
use crate::rig::Plan;
use crate::service::{SLOW, Service};
use crate::webhooks::carrier::{NUMBER, PUBLIC_URL};
use crate::webhooks::commanded::Site;
use crate::webhooks::control::{CALL, Control, Manner};

/// A server whose callers are looked up under this path, with what they hear first.
#[track_caller]
fn site(service: &Service, path: &str, manner: Manner, timeout_s: u32) -> Site {
    let address = service.address.to_string();
    let flow = FLOW
        .replace("http://SERVICE/line/{{ call.to }}", &format!("http://{address}/{path}"))
        .replace("TIMEOUT", &timeout_s.to_string())
        .replace("\"3001\", ", &format!("\"{NUMBER}\", "));
    let door = ports::one();
    let control = Control::start(door, manner);
    let rig = Plan::new(&format!("{}{ALICE}", control.section()))
        .set("webhooks.public_url", &format!("\"{PUBLIC_URL}\""))
        .set("webhooks.listen", &format!("\"{door}\""))
        .set("webhooks.sip_host", "\"sip.example.com\"")
        .set("webhooks.music_piece_s", "2")
        .set("lookup.allow_hosts", &format!("[\"{address}\"]"))
        .set("lookup.secrets.crm", "\"a-token\"")
        .flow("lookup.toml", &flow)
        .start();
    Site { rig, control }
}

#[test]
fn a_caller_hears_the_words_and_then_nothing_until_the_answer_is_there_and_goes_on() {
    for manner in Manner::ALL {
        let service = Service::start();
        let site = site(&service, SLOW, manner, 30);
        site.control.call(CALL);
        service.asked(1);
        site.control.hear(CALL, "menu.wav");
        service.release();
        site.control.hear(CALL, "greeting.wav");
        assert_eq!(site.control.commands("playback_start").len(), 2, "no music");
        site.control.end_sound(CALL);
        site.control.expect_over(CALL);
        let record = site.rig.record();
        assert_eq!(record["vars"]["name"], "Ada", "{record:#}");
        assert_eq!(service.asked(1).len(), 1);
        site.rig.expect_no_calls();
    }
}

#[test]
fn a_caller_goes_where_each_answer_leads_and_hangs_up_while_it_is_waited_for() {
    for (path, heard) in [("3001", "greeting.wav"), ("3004", "closed.wav"), ("3005", "wrong.wav")] {
        let service = Service::start();
        let site = site(&service, path, Manner::ALL[0], 30);
        site.control.call(CALL);
        service.asked(1);
        // The answer comes while the words before it are said, which end first.
        site.control.hear(CALL, heard);
    }
    let service = Service::start();
    let site = site(&service, SLOW, Manner::ALL[0], 30);
    site.control.call(CALL);
    service.asked(1);
    site.control.hang_up(CALL);
    let record = site.rig.record();
    assert_eq!(record["ended_by"], "caller", "{record:#}");
    service.release();
    site.rig.expect_no_calls();
}

#[test]
fn a_service_that_takes_too_long_is_not_waited_for() {
    let service = Service::start();
    let site = site(&service, SLOW, Manner::ALL[0], 1);
    site.control.call(CALL);
    service.asked(1);
    site.control.hear(CALL, "wrong.wav");
    service.release();
}
