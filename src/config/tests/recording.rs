//! Queues that have their calls recorded.

use expect_test::expect;

use super::*;
use crate::center::recording_rule::{RecordingPrompt, RecordingRule, Words};

#[test]
fn a_queue_says_what_is_recorded_and_what_is_said_before() {
    let config = written(
        "[queues.billing]\nrecording = \"always\"\n\
         recording_prompt = [\"chime.wav\", \"Calls are recorded.\"]\n\
         [queues.tech]\nrecording = \"on_demand\"\n\
         recording_prompt = { en = \"Recorded.\", es = [\"graba.wav\"] }\n[queues.sales]\n\
         [server]\nrecordings_keep_days = 30\n[features]\nrecording_key = \"#1\"\n",
    )
    .config();
    let recording = |name: &str| {
        let queue = config.queues.iter().find(|queue| queue.name == name).expect("a queue");
        let recording = &queue.recording;
        (recording.rule, recording.prompt.clone())
    };
    let (text, file) = (|it: &str| Words::Text(it.into()), |it: &str| Words::File(it.into()));
    let plain = vec![file("chime.wav"), text("Calls are recorded.")];
    let plain = RecordingPrompt { plain, ..RecordingPrompt::default() };
    assert_eq!(recording("billing"), (RecordingRule::Always, plain));
    let by_language = [("en", vec![text("Recorded.")]), ("es", vec![file("graba.wav")])];
    let by_language = by_language.map(|(language, words)| (language.to_owned(), words)).into();
    let by_language = RecordingPrompt { by_language, ..RecordingPrompt::default() };
    assert_eq!(recording("tech"), (RecordingRule::OnDemand, by_language));
    assert_eq!(recording("sales"), (RecordingRule::Off, RecordingPrompt::default()));
    assert_eq!(config.server.recordings_keep, Some(Duration::from_secs(30 * 86_400)));
    assert_eq!(config.features.recording_key, "#1");
    let bare = written("").config();
    assert_eq!((bare.server.recordings_keep, &*bare.features.recording_key), (None, "*9"));
}

#[test]
fn a_wrong_recording_is_named_with_its_line() {
    written(
        "[queues.a]\nrecording = \"allways\"\n\
         [queues.b]\nrecording_prompt = \"Recorded.\"\n\
         [queues.c]\nrecording = \"always\"\nrecording_prompt = { english = \"\", en = [\" \"] }\n\
         [server]\nrecordings_keep_days = -1\n[features]\nrecording_key = \"*ABC\"\n",
    )
    .refused(&expect![[r#"
        attendant.toml:2: `queues.a.recording`: "allways" is not known here
          help: did you mean "always"? It may be one of off, always, on_demand
        attendant.toml:4: `queues.b.recording_prompt`: is never said where nothing is recorded
          help: recording = "always" or "on_demand"
        attendant.toml:7: `queues.c.recording_prompt.en`: has an empty text
        attendant.toml:7: `queues.c.recording_prompt.english`: "english" is not a language
          help: write `en` or `pt-BR`
        attendant.toml:9: `server.recordings_keep_days`: must be a whole number from 0 to 36500
        attendant.toml:11: `features.recording_key`: must be up to 6 keys of a telephone
          help: "*9"; empty: no key pauses a recording
    "#]]);
}

const PROVIDER: &str = "[webhooks]\npublic_url = \"https://ivr.example.com\"\n\
    [providers.twilio]\nsecrets = [\"a long secret of twilio\"]\nprefixes = [\"+1\"]\n\
    [queues.billing]\nrecording = \"always\"\n";
const ERIN: &str = "[agents.erin]\noutside = { trunk = \"twilio\", client = \"erin\" }\n";
const CAROL: &str = "[agents.carol]\naddress = \"sip:carol@192.0.2.20:5060\"\n";
const TRUNK: &str = "[trunks.acme]\naddresses = [\"192.0.2.1\"]\n";

#[test]
fn where_every_sound_is_at_a_provider_nothing_can_be_recorded() {
    written(&format!("{PROVIDER}{CAROL}")).refused(&expect![[r#"
        attendant.toml:7: `queues.billing.recording`: nothing can be recorded: every caller is at a provider, and so is the sound
          help: recording = "off"; the provider's console may record calls
    "#]]);
    written(&format!("{PROVIDER}{ERIN}{TRUNK}")).refused(&expect![[r#"
        attendant.toml:7: `queues.billing.recording`: nothing can be recorded: every agent is at a provider, and so is the sound
          help: recording = "off"; the provider's console may record calls
    "#]]);
    let warnings = written(&format!("{PROVIDER}{ERIN}{CAROL}{TRUNK}")).config().warnings;
    let said = "calls that come through twilio are not recorded: their sound is there";
    assert!(warnings.iter().any(|warning| warning.contains(said)), "{warnings:?}");
    let off = PROVIDER.replace("always", "off");
    let warnings = written(&format!("{off}{ERIN}{CAROL}{TRUNK}")).config().warnings;
    assert!(!warnings.iter().any(|warning| warning.contains("recorded")), "{warnings:?}");
}

#[test]
fn what_is_kept_for_how_long_fits_together() {
    let config = written(
        "[server]\nrecords_keep_days = 400\nrecordings_keep_days = 30\n\
         agent_times_keep_days = 90\njournals_keep_days = 14\n",
    )
    .config();
    let days = |days: u64| Some(Duration::from_secs(days * 86_400));
    let server = &config.server;
    let kept = [server.records_keep, server.agent_times_keep, server.journals_keep];
    assert_eq!(kept, [days(400), days(90), days(14)]);
    let bare = written("").config().server;
    let kept = [bare.records_keep, bare.agent_times_keep, bare.journals_keep];
    assert_eq!(kept, [None; 3]);
    assert_eq!(bare.journal_segment, 2 * 1024 * 1024);
    let small = written("[server]\njournal_segment_kib = 64\n").config().server;
    assert_eq!(small.journal_segment, 64 * 1024);
    written("[server]\nrecords_keep_days = 34\nrecordings_keep_days = 30\n").refused(&expect![[r#"
        attendant.toml:2: `server.records_keep_days`: must be 0 or 35 or more
          help: repeats are judged by the calls of a caller within 30 days; to take out one caller sooner: attendant callers erase
    "#]]);
    for recordings in ["", "recordings_keep_days = 36\n"] {
        written(&format!("[server]\nrecords_keep_days = 35\n{recordings}")).refused(&expect![[r#"
            attendant.toml:2: `server.records_keep_days`: ends before recordings are deleted
              help: a recording without its record is nobody's: set `server.recordings_keep_days` to as many days or fewer
        "#]]);
    }
}

#[test]
fn a_misspelt_rule_is_one_mistake() {
    let source = "[queues.b]\nrecording = \"allways\"\nrecording_prompt = \"Recorded.\"\n";
    let problems = check(&written(source).sources).unwrap_err();
    assert_eq!(problems.list.len(), 1, "{problems}");
    assert!(problems.to_string().contains("did you mean \"always\"?"), "{problems}");
}
