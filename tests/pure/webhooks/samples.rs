//! Documents of every kind, the same for all providers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use attendant::id::{CallId, LegId};
use attendant::webhook::document::{Callee, Dial};
use attendant::webhook::{Action, Document, Link, Provider, RenderContext, Sound};
use attendant::words::{Cause, Digit, Listen};

const CALL: CallId = CallId(41);

/// One voice of each provider for English, none for the rest.
pub(crate) fn context(provider: &dyn Provider) -> RenderContext {
    let voice = match provider.name() {
        "jambonz" => "google:en-US-Wavenet-C",
        "bandwidth" => "susan",
        "plivo" => "Polly.Amy",
        "vonage" => "11 premium",
        _ => "voice",
    };
    let voices = BTreeMap::from([("en".to_owned(), voice.to_owned())]);
    RenderContext { links: super::links(provider), voices }
}

const fn next() -> Link {
    Link::Step { call: CALL, n: 8 }
}

fn say(language: &str, text: &str) -> Sound {
    Sound::Say { language: Arc::from(language), text: Arc::from(text) }
}

fn play(name: &str) -> Sound {
    Sound::Play { link: Link::Audio { name: name.to_owned() } }
}

const LISTEN: Listen = Listen {
    keys_max: 1,
    finish: None,
    timeout: Duration::from_secs(5),
    inter_digit: Duration::from_secs(3),
    barge_in: true,
    secret: false,
};

fn gather(sounds: Vec<Sound>, listen: Listen) -> Action {
    Action::Gather { sounds, listen, next: next() }
}

fn gathers() -> Vec<(&'static str, Action)> {
    let menu = vec![say("en-US", "Sales, 1 & wait <here>."), say("en-US", "Support, press \"2\".")];
    let spoken = vec![say("en-US", "Your number?"), play("tone.wav"), say("de-DE", "Bitte.")];
    let many = Listen {
        keys_max: 12,
        finish: Digit::new('#'),
        timeout: Duration::from_millis(7_500),
        secret: true,
        ..LISTEN
    };
    let no_barge_in = Listen { barge_in: false, ..LISTEN };
    let paused = vec![say("en-US", "One."), Sound::Pause { ms: 500 }, say("en-US", "Two.")];
    let files = vec![play("a.wav"), play("b.wav"), Sound::Pause { ms: 2_000 }];
    vec![
        ("menu", gather(menu, LISTEN)),
        ("collect", gather(spoken, many)),
        ("no-barge-in", gather(paused, no_barge_in)),
        ("gather-files", gather(files, LISTEN)),
        ("gather-silent", gather(vec![], LISTEN)),
    ]
}

fn dial(to: Callee) -> Dial {
    let leg = LegId { call: CALL, n: 1 };
    Dial {
        to,
        caller_id: Some("+14155550100".to_owned()),
        ring_timeout: Duration::from_secs(20),
        time_limit: Duration::from_secs(7_200),
        answered: Some(Link::Leg { leg, n: 1 }),
        accept_key: Digit::new('1'),
        told: Some(Link::LegStatus { leg }),
        next: next(),
    }
}

fn dials() -> Vec<(&'static str, Action)> {
    let number = || Callee::Number("+14155550123".to_owned());
    let plain = Dial { caller_id: None, answered: None, told: None, ..dial(number()) };
    let all = [
        ("dial-number", dial(number())),
        ("dial-sip", dial(Callee::Sip("sip:ann@pbx.example".to_owned()))),
        ("dial-client", dial(Callee::Client("ann".to_owned()))),
        ("dial-plain", plain),
    ];
    all.into_iter().map(|(name, dial)| (name, Action::Dial(Box::new(dial)))).collect()
}

fn conference(is_host: bool) -> Action {
    Action::Conference { name: "room-1-00ff".to_owned(), is_host, next: next() }
}

/// By name.
pub(crate) fn all() -> Vec<(&'static str, Document)> {
    let record = Action::Record {
        length_max: Duration::from_secs(120),
        silence: Duration::from_secs(4),
        finish: Digit::new('#'),
        beep: true,
        next: next(),
        told: Link::Recording { call: CALL, n: 7 },
    };
    let alone = [
        ("record", record),
        ("goto", Action::Goto(next())),
        ("conference", conference(false)),
        ("conference-host", conference(true)),
        ("hang-up", Action::HangUp { cause: Cause::NORMAL_CLEARING }),
        ("reject", Action::Reject { cause: Cause::CALL_REJECTED }),
        ("reject-busy", Action::Reject { cause: Cause::USER_BUSY }),
    ];
    let wait = vec![
        Action::Sound(say("en-US", "You are next.")),
        Action::Sound(Sound::Pause { ms: 1_500 }),
        Action::Sound(play("music/piece 1.wav")),
        Action::Goto(next()),
    ];
    let one = |(name, action)| (name, Document { actions: vec![action] });
    let mut all: Vec<_> = gathers().into_iter().chain(dials()).chain(alone).map(one).collect();
    all.push(("empty", Document::default()));
    all.push(("wait", Document { actions: wait }));
    all
}
