//! Files of each format, with what must come of each line.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::words::{LegOutcome, Overflow, Party, QueueExit};

/// Noon of 2025-11-25, UTC.
const NOON: u64 = 1_764_072_000;

struct ReadFiles {
    calls: Vec<CallRecord>,
    skipped: Vec<String>,
    warnings: Vec<String>,
    beside: BTreeMap<String, u64>,
}

fn read_as(format: ImportFormat, zone: Option<&str>, files: &[&str]) -> ReadFiles {
    let time_zone = zone.map(|zone| TimeZone::get(zone).unwrap());
    let (name, region) = ("old".to_owned(), "US".to_owned());
    let mut reader = ImportReader::new(ImportSettings { name, format, region, time_zone });
    for (n, file) in files.iter().enumerate() {
        reader.begin_file(&format!("file{}", n + 1));
        reader.feed(file.as_bytes());
        reader.end_file();
    }
    reader.finish();
    let (mut calls, mut skipped, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(item) = reader.poll() {
        match item {
            ImportItem::Call(record) => calls.push(*record),
            ImportItem::Skipped(remark) => skipped.push(remark.to_string()),
            ImportItem::Warning(remark) => warnings.push(remark.to_string()),
        }
    }
    ReadFiles { calls, skipped, warnings, beside: reader.beside().clone() }
}

fn queue_log(text: &str) -> ReadFiles {
    read_as(ImportFormat::QueueLog, None, &[text])
}

fn csv(text: &str) -> ReadFiles {
    read_as(ImportFormat::Csv, None, &[text])
}

fn freeswitch(text: &str) -> ReadFiles {
    read_as(ImportFormat::Freeswitch, None, &[text])
}

impl ReadFiles {
    /// The only call, and nothing was skipped.
    #[track_caller]
    fn one(self) -> CallRecord {
        assert_eq!((self.skipped, self.calls.len()), (Vec::new(), 1));
        self.calls.into_iter().next().unwrap()
    }

    /// No call, and one remark that begins so and has this in it.
    #[track_caller]
    fn refuses(self, place: &str, said: &str) {
        assert_eq!(self.calls, [], "{said}");
        assert_eq!(self.skipped.len(), 1, "{said}: {:?}", self.skipped);
        let remark = &self.skipped[0];
        assert!(remark.starts_with(place) && remark.contains(said), "{said}: {remark}");
    }
}

/// Seconds after noon.
fn at(seconds: u64) -> Timestamp {
    Timestamp((NOON + seconds) * 1_000)
}

/// Lines of a queue_log whose times are seconds after noon, of one call in one queue.
fn lines(events: &[(u64, &str)]) -> String {
    let line = |(seconds, rest): &(u64, &str)| format!("{}|1.1|help|{rest}\n", NOON + seconds);
    events.iter().map(line).collect()
}

#[test]
fn a_call_of_a_queue_log_has_its_wait_its_offers_and_its_talk() {
    let call = queue_log(&lines(&[
        (0, "NONE|DID|+14155550100"),
        (0, "NONE|ENTERQUEUE||+1-415-555-0101|1"),
        (12, "SIP/201|RINGNOANSWER|8000"),
        (20, "SIP/202|CONNECT|20|1.2|5"),
        (60, "SIP/202|HOLD"),
        (75, "SIP/202|UNHOLD"),
        (140, "SIP/202|COMPLETECALLER|20|120|1"),
    ]))
    .one();
    assert_eq!(call.from.as_deref(), Some("+14155550101"));
    assert_eq!((&*call.to, call.via.to_string()), ("+14155550100", "import:old".to_owned()));
    assert_eq!(call.vars[CallRecord::IMPORTED_AS], format!("1.1@{NOON}"));
    assert_eq!((call.arrived_at, call.ended_at), (at(0), at(140)));
    assert_eq!((call.outcome, call.ended_by), (CallOutcome::Handled, EndedBy::Caller));
    let visit = &call.queued[0];
    assert_eq!((visit.entered_at, visit.left_at, visit.left), (at(0), at(20), QueueExit::Answered));
    let [rang, talked] = &call.legs[..] else { panic!("two offers: {:?}", call.legs) };
    assert_eq!(
        (rang.outcome, rang.dialed_at, rang.ended_at),
        (LegOutcome::NoAnswer, at(4), Some(at(12)))
    );
    assert_eq!((talked.dialed_at, talked.answered_at), (at(15), Some(at(20))));
    assert_eq!((talked.talk_ms, talked.hold_ms), (105_000, 15_000), "120 s, 15 of them on hold");
    assert_eq!(talked.wrap_up, None, "no line has after-call work");
    assert!(matches!(&talked.party, Party::Agent { name, .. } if name == "SIP/202"));
    assert!(!call.is_feature_code() && call.caller_agent().is_none());
}

#[test]
fn each_end_of_a_wait_has_its_outcome() {
    let enter = (0, "NONE|ENTERQUEUE||anonymous|1");
    for (last, left, outcome, by) in [
        ("NONE|ABANDON|1|1|30", QueueExit::Abandoned, CallOutcome::Abandoned, EndedBy::Caller),
        ("NONE|ABANDON", QueueExit::Abandoned, CallOutcome::Abandoned, EndedBy::Caller),
        (
            "NONE|EXITWITHTIMEOUT|1|1|30",
            QueueExit::Overflowed(Overflow::Timeout),
            CallOutcome::Overflowed,
            EndedBy::Flow,
        ),
        (
            "NONE|EXITEMPTY|1|1|30",
            QueueExit::Overflowed(Overflow::NoAgents),
            CallOutcome::Overflowed,
            EndedBy::Flow,
        ),
        ("NONE|EXITWITHKEY|9|1|1|30", QueueExit::ExitKey, CallOutcome::Exited, EndedBy::Flow),
        ("SIP/201|SYSCOMPAT", QueueExit::Ended, CallOutcome::Failed, EndedBy::Server),
    ] {
        let call = queue_log(&lines(&[enter, (30, last)])).one();
        assert_eq!(
            (call.queued[0].left, call.outcome, call.ended_by),
            (left, outcome, by),
            "{last}"
        );
        assert_eq!((call.from, call.ended_at), (None, at(30)), "{last}: withheld is nobody");
    }
}

#[test]
fn a_transfer_ends_the_talk_and_says_to_whom() {
    for (last, to) in [
        ("SIP/201|BLINDTRANSFER|300|internal|10|60|1", "300@internal"),
        ("SIP/201|TRANSFER|300|internal|10|60", "300@internal"),
        ("SIP/201|TRANSFER|300|internal", "300@internal"),
        ("SIP/201|ATTENDEDTRANSFER|BRIDGE|b-1|10|60|1", "BRIDGE b-1"),
        ("SIP/201|ATTENDEDTRANSFER|LINK|one|two|10|60|1", "LINK one two"),
    ] {
        let begin = [
            (0, "NONE|ENTERQUEUE||0000|1"),
            (10, "SIP/201|CONNECT|10|1.2"),
            (70, last),
            (90, "SIP/201|COMPLETEAGENT|10|80|1"),
        ];
        let call = queue_log(&lines(&begin)).one();
        assert_eq!(call.vars["import.transferred_to"], to, "{last}");
        assert_eq!((call.legs[0].talk_ms, call.ended_at), (60_000, at(70)), "{last}");
        assert_eq!((call.ended_by, call.from), (EndedBy::Agent, None), "{last}: zeros are nobody");
    }
}

#[test]
fn a_call_may_wait_in_several_queues_and_begin_in_another_file() {
    let first = format!(
        "{NOON}|1.1|sales|NONE|ENTERQUEUE||+14155550101|1\n\
         {}|1.1|sales|NONE|EXITWITHTIMEOUT|1|1|60\n\
         {}|1.1|help|NONE|ENTERQUEUE||+14155550101|1\n",
        NOON + 60,
        NOON + 62
    );
    let second = lines(&[(70, "SIP/202|CONNECT|8|1.2|5"), (100, "SIP/202|COMPLETEAGENT|8|30|1")]);
    let call = read_as(ImportFormat::QueueLog, None, &[&first, &second]).one();
    let waits: Vec<_> = call
        .queued
        .iter()
        .map(|it| (&*it.queue, it.left_at.since(it.entered_at).as_secs()))
        .collect();
    assert_eq!(waits, [("sales", 60), ("help", 8)]);
    assert_eq!((call.outcome, call.legs[0].talk_ms), (CallOutcome::Handled, 30_000));

    let alone = read_as(ImportFormat::QueueLog, None, &[&first]);
    alone.refuses("file1:1: ", "no line says how it ended");
    let late = read_as(ImportFormat::QueueLog, None, &[&second]);
    assert_eq!(late.beside["lines of calls that are left out"], 1);
    late.refuses("file1:1: ", "name the file before this one");
}

#[test]
fn rows_of_the_realtime_table_are_the_same() {
    let header = "id;time;callid;queuename;agent;event;data1;data2;data3;data4;data5\n";
    let rows = "1;2025-11-25 13:00:00.25;1.1;help;NONE;ENTERQUEUE;;\"+14155550101\";1;;\n\
        2;2025-11-25 13:00:10.25;1.1;help;SIP/201;CONNECT;10;1.2;3;;\n\
        3;2025-11-25 13:01:10.75;1.1;help;SIP/201;COMPLETEAGENT;10;60;1;;\n";
    let text = format!("{header}{rows}");
    let call = read_as(ImportFormat::QueueLog, Some("Europe/Berlin"), &[&text]).one();
    assert_eq!(call.arrived_at, Timestamp(NOON * 1_000 + 250));
    assert_eq!(call.legs[0].talk_ms, 60_500);
    assert_eq!(call.from.as_deref(), Some("+14155550101"));
    let unzoned = queue_log(&text);
    assert!(unzoned.calls.is_empty() && unzoned.skipped[0].contains("--time-zone"));
    let old = format!(
        "time,callid,queuename,agent,event,data\n{NOON},1.1,help,NONE,ENTERQUEUE,|+14155550101|1\n\
         {},1.1,help,NONE,ABANDON,1|1|30\n",
        NOON + 30
    );
    assert_eq!(queue_log(&old).one().outcome, CallOutcome::Abandoned);
    queue_log("time,callid,queue,agent,event\n1,2,3,4,5\n")
        .refuses("file1:1: ", "nothing of the file is read");
}

#[test]
fn what_is_no_call_is_counted_and_what_is_unknown_is_named_once() {
    let text = format!(
        "{NOON}|NONE|NONE|NONE|QUEUESTART|\n{NOON}|NONE|help|SIP/201|ADDMEMBER|\n\
         {NOON}|NONE|help|SIP/202|ADDMEMBER|PAUSED\n{NOON}|9.9|help|NONE|NOVELTY|1\n\
         {NOON}|9.9|help|NONE|NOVELTY|2\n\n"
    );
    let read = queue_log(&text);
    assert!(read.calls.is_empty() && read.skipped.is_empty());
    assert_eq!(read.warnings.len(), 1);
    assert!(read.warnings[0].starts_with("file1:4: the event NOVELTY is not known"));
    let counted = [("ADDMEMBER", 2), ("NOVELTY", 2), ("QUEUESTART", 1)];
    assert_eq!(read.beside, counted.map(|(kind, n)| (kind.to_owned(), n)).into());
}

#[test]
fn each_bad_line_of_a_queue_log_has_its_place_and_what_is_wrong() {
    let enter = "NONE|ENTERQUEUE||+14155550101|1";
    for (place, said, text) in [
        ("file1:1: ", "the line has 3 fields", format!("{NOON}|1.1|help\n")),
        ("file1:1: ", "no time in seconds", "noon|1.1|help|NONE|ABANDON|1\n".to_owned()),
        ("file1:1: ", "names no call", format!("{NOON}|NONE|help|NONE|ENTERQUEUE||1|1\n")),
        ("file1:1: ", "names no queue", format!("{NOON}|1.1|NONE|NONE|ENTERQUEUE||1|1\n")),
        ("file1:1: ", "is no event", format!("{NOON}|1.1|help|NONE|not an event|1\n")),
        ("file1:2: ", "waits in queue help, and no line", lines(&[(0, enter), (5, enter)])),
        ("file1:2: ", "no agent talks", lines(&[(0, enter), (5, "SIP/1|COMPLETEAGENT|5|1|1")])),
        ("file1:2: ", "names no agent", lines(&[(0, enter), (5, "NONE|CONNECT|5|1.2|1")])),
        ("file1:2: ", "it says 90 s of wait", lines(&[(0, enter), (5, "A|CONNECT|90|1.2|1")])),
        ("file1:2: ", "no duration", lines(&[(0, enter), (5, "A|CONNECT|soon|1.2|1")])),
        (
            "file1:3: ",
            "it says 600 s of talk",
            lines(&[(0, enter), (5, "A|CONNECT|5|1.2|1"), (9, "A|COMPLETEAGENT|5|600|1")]),
        ),
        (
            "file1:3: ",
            "B did not connect",
            lines(&[(0, enter), (5, "A|CONNECT|5|1.2|1"), (9, "B|COMPLETEAGENT|5|4|1")]),
        ),
        (
            "file1:2: ",
            "before that of the call's last line",
            lines(&[(5, enter), (0, "NONE|ABANDON")]),
        ),
        ("file1:1: ", "no line says how it ended", lines(&[(0, enter)])),
    ] {
        queue_log(&text).refuses(place, said);
    }
}

#[test]
fn a_call_that_went_on_elsewhere_is_over_after_its_last_line_and_memory_is_bounded() {
    let hours = |n: u64| NOON + n * 3_600;
    let text = format!(
        "{NOON}|1.1|help|NONE|ENTERQUEUE||1|1\n{}|1.1|help|NONE|ABANDON|1|1|10\n\
         {}|2.1|help|NONE|DID|100\n",
        NOON + 10,
        hours(3)
    );
    let mut reader = ImportReader::new(ImportSettings {
        name: "old".to_owned(),
        format: ImportFormat::QueueLog,
        region: "US".to_owned(),
        time_zone: None,
    });
    reader.begin_file("queue_log");
    reader.feed(text.as_bytes());
    assert!(matches!(reader.poll(), Some(ImportItem::Call(_))), "before the file has ended");
}

const COLUMNS: &str = "call,arrived_at,ended_at,outcome,from,queue,queue_entered_at,queue_left_at,\
    queue_exit,agent,agent_answered_at,agent_ended_at,agent_outcome,hold_s,acw_s,resolved\n";

/// A row whose times are minutes and seconds after noon.
fn row(values: &str) -> String {
    let value = |value: &str| match value.split_once(':') {
        Some(_) => format!("2025-11-25T12:{value}Z"),
        None => value.to_owned(),
    };
    values.split(',').map(value).collect::<Vec<_>>().join(",") + "\n"
}

#[test]
fn a_table_of_our_columns_has_calls_of_one_row_and_of_several() {
    let text = [
        COLUMNS.to_owned(),
        row("a,00:00,03:00,handled,+14155550101,help,00:10,00:40,answered,ann,00:40,02:40,,30,\
             20.5,yes"),
        row("b,01:00,06:00,handled,withheld,help,01:00,01:20,answered,,,,,,,"),
        row("b,01:00,06:00,handled,withheld,help,01:00,01:20,answered,bob,,,no_answer,,,"),
        row("b,01:00,06:00,handled,withheld,help,01:00,01:20,answered,ann,01:20,02:00,,,,"),
        row("b,01:00,06:00,handled,withheld,more,02:00,03:00,answered,cy,03:00,06:00,accepted,0,,"),
        row("c,02:00,02:30,contained,,,,,,,,,,,,"),
    ]
    .concat();
    let read = csv(&text);
    assert_eq!((read.skipped, read.warnings), (Vec::new(), Vec::new()));
    let [a, b, c] = &read.calls[..] else { panic!("three calls: {:?}", read.calls) };
    let leg = &a.legs[0];
    assert_eq!((leg.talk_ms, leg.hold_ms), (90_000, 30_000), "120 s, 30 of them on hold");
    let wrap_up = leg.wrap_up.as_ref().unwrap();
    assert_eq!((wrap_up.acw_ms, wrap_up.resolved, wrap_up.leg), (20_500, Some(true), leg.leg));
    assert_eq!(a.queued[0].left_at.since(a.queued[0].entered_at).as_secs(), 30);
    let queues: Vec<&str> = b.queued.iter().map(|visit| &*visit.queue).collect();
    assert_eq!((queues, b.from.as_ref()), (vec!["help", "more"], None));
    let legs: Vec<_> = b.legs.iter().map(|leg| (leg.leg.n, leg.outcome, leg.talk_ms)).collect();
    let (rang, spoke) = (LegOutcome::NoAnswer, LegOutcome::Accepted);
    assert_eq!(legs, [(1, rang, 0), (2, spoke, 40_000), (3, spoke, 180_000)]);
    assert!(b.legs.iter().all(|leg| leg.wrap_up.is_none()), "an empty acw_s is not 0");
    assert_eq!((c.outcome, c.queued.len()), (CallOutcome::Contained, 0));
    assert!(!c.is_feature_code());
}

#[test]
fn each_bad_row_has_its_place_and_what_is_wrong() {
    let good = "a,00:00,03:00,handled,,help,00:10,00:40,answered,ann,00:40,02:40,,,,";
    for (said, wrong) in [
        ("has 3 values", "a,00:00,03:00"),
        ("call: the value is missing", &good.replacen("a,", ",", 1)),
        ("arrived_at: the value is missing", &good.replacen("00:00", "", 1)),
        ("ended_at: it is before arrived_at", &good.replacen("00:00", "04:00", 1)),
        ("outcome: `lost` is none of handled", &good.replacen("handled", "lost", 1)),
        ("agents' own calls", &good.replacen("handled", "own_call", 1)),
        (
            "outcome: it is abandoned, and an agent answered",
            &good.replacen("handled", "abandoned", 1),
        ),
        ("queue_exit: `gone` is none of", &good.replacen("answered", "gone", 1)),
        ("queue_left_at: it is before queue_entered_at", &good.replacen("00:10", "00:50", 1)),
        ("queue_entered_at: it is given, and `queue`", &good.replacen("help", "", 1)),
        ("agent_answered_at: it is given, and `agent`", &good.replacen("ann", "", 1)),
        ("agent_ended_at: the value is missing", &good.replacen("02:40", "", 1)),
        ("agent_ended_at: it is before agent_answered_at", &good.replacen("02:40", "00:39", 1)),
        ("talk_s and hold_s: together", &good.replacen("02:40,,", "02:40,,500", 1)),
        ("hold_s: `long` is no duration", &good.replacen("02:40,,", "02:40,,long", 1)),
        ("agent_outcome: it is no_answer, and", &good.replacen("02:40,", "02:40,no_answer", 1)),
        ("acw_s: it is missing", &format!("{good}true")),
        (
            "resolved: `maybe` is neither",
            &format!("{good}maybe").replacen(",,,maybe", ",,1,maybe", 1),
        ),
        (
            "outcome: it is handled, and no agent answered",
            "a,00:00,03:00,handled,,help,00:10,00:40,answered,,,,,,,",
        ),
        ("a quote stands inside", &good.replacen("help", "he\"l\"p", 1)),
    ] {
        csv(&format!("{COLUMNS}{}", row(wrong))).refuses("file1:2: ", said);
    }
    let differs = format!("{COLUMNS}{}{}", row(good), row(&good.replacen("03:00", "04:00", 1)));
    csv(&differs).refuses("file1:3: ", "ended_at: it is not the same");
    csv(&format!("{COLUMNS}a,\"b\n")).refuses("file1:2: ", "never closed");
    let headless = csv("from,to\n1,2\n");
    assert_eq!(headless.beside["rows under a header that was refused"], 1);
    headless.refuses("file1:1: ", "no column `call`");
    let unknown = csv("call,arrived_at,ended_at,outcome,colour\n");
    assert!(unknown.warnings[0].contains("not read: colour. There are call, "));
}

/// The variables of an answered call, with changes.
fn variables(changes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let answered = [
        ("uuid", "u-1".to_owned()),
        ("cc_side", "member".to_owned()),
        ("cc_queue", "help@default".to_owned()),
        ("cc_agent", "1000@default".to_owned()),
        ("caller_id_number", "+14155550101".to_owned()),
        ("destination_number", "5000".to_owned()),
        ("start_epoch", NOON.to_string()),
        ("answer_epoch", NOON.to_string()),
        ("end_epoch", (NOON + 200).to_string()),
        ("cc_queue_joined_epoch", (NOON + 5).to_string()),
        ("cc_queue_answered_epoch", (NOON + 25).to_string()),
        ("cc_queue_terminated_epoch", (NOON + 190).to_string()),
        ("sip_hangup_disposition", "recv_bye".to_owned()),
        ("hangup_cause_q850", "16".to_owned()),
    ];
    let mut all: BTreeMap<String, String> =
        answered.map(|(name, value)| (name.to_owned(), value)).into();
    for (name, value) in changes {
        all.insert((*name).to_owned(), (*value).to_owned());
    }
    all.retain(|_, value| !value.is_empty());
    all
}

fn json(changes: &[(&str, &str)]) -> String {
    serde_json::json!({ "variables": variables(changes) }).to_string() + "\n"
}

#[test]
fn a_channel_of_a_caller_is_a_call_in_each_form() {
    let escaped = |value: &String| value.replace('@', "%40").replace('+', "%2B");
    let element = |(name, value)| format!("  <{name}>{}</{name}>\n", escaped(value));
    let elements: String = variables(&[]).iter().map(element).collect();
    let xml =
        format!("<?xml version=\"1.0\"?>\n<cdr>\n<variables>\n{elements}</variables>\n</cdr>\n");
    let all = variables(&[]);
    let value = |name: &&str| all.get(*name).map_or(String::new(), |it| format!("\"{it}\""));
    let template = super::freeswitch::TEMPLATE;
    let values = template.iter().map(value).collect::<Vec<_>>().join(",") + "\n";
    let with_header = format!("{}\n{values}", template.join(","));
    for (form, text) in
        [("json", json(&[])), ("xml", xml), ("template", values), ("header", with_header)]
    {
        let call = freeswitch(&text).one();
        assert_eq!(call.vars[CallRecord::IMPORTED_AS], "u-1", "{form}");
        assert_eq!((call.from.as_deref(), &*call.to), (Some("+14155550101"), "5000"), "{form}");
        assert_eq!((call.arrived_at, call.ended_at), (at(0), at(200)), "{form}");
        assert_eq!(
            (call.outcome, call.ended_by),
            (CallOutcome::Handled, EndedBy::Caller),
            "{form}"
        );
        let visit = &call.queued[0];
        assert_eq!(
            (&*visit.queue, visit.entered_at, visit.left_at),
            ("help@default", at(5), at(25))
        );
        assert_eq!((call.legs[0].talk_ms, &call.legs[0].wrap_up), (165_000, &None), "{form}");
    }
}

#[test]
fn callers_who_came_to_no_agent_left_for_a_reason() {
    let canceled_at = (NOON + 40).to_string();
    let canceled = |reason: &str, key: &str| {
        freeswitch(&json(&[
            ("cc_queue_answered_epoch", ""),
            ("cc_queue_terminated_epoch", "0"),
            ("cc_queue_canceled_epoch", &canceled_at),
            ("cc_cancel_reason", reason),
            ("cc_exit_key", key),
        ]))
    };
    for (reason, key, left, outcome) in [
        ("BREAK_OUT", "", QueueExit::Abandoned, CallOutcome::Abandoned),
        ("BREAK_OUT", "1", QueueExit::ExitKey, CallOutcome::Exited),
        ("EXIT_WITH_KEY", "1", QueueExit::ExitKey, CallOutcome::Exited),
        ("TIMEOUT", "", QueueExit::Overflowed(Overflow::Timeout), CallOutcome::Overflowed),
        (
            "NO_AGENT_TIMEOUT",
            "",
            QueueExit::Overflowed(Overflow::NoAgents),
            CallOutcome::Overflowed,
        ),
    ] {
        let call = canceled(reason, key).one();
        assert_eq!((call.queued[0].left, call.outcome), (left, outcome), "{reason}");
        assert_eq!((call.queued[0].left_at, call.legs.len()), (at(40), 0), "{reason}");
        assert!(!call.is_feature_code(), "{reason}");
    }
    canceled("WHIM", "").refuses("file1:1: ", "`WHIM` is not known");
}

#[test]
fn other_channels_are_counted_and_bad_ones_have_their_place() {
    let text = json(&[("cc_queue", "")]) + &json(&[("cc_side", "agent")]);
    let read = freeswitch(&text);
    assert!(read.calls.is_empty() && read.skipped.is_empty());
    let counted = [("calls that came to no queue", 1), ("channels of agents", 1)];
    assert_eq!(read.beside, counted.map(|(kind, n)| (kind.to_owned(), n)).into());
    for (said, text) in [
        ("uuid is missing", json(&[("uuid", "")])),
        ("cc_queue_joined_epoch is missing", json(&[("cc_queue_joined_epoch", "0")])),
        ("cc_agent is missing", json(&[("cc_agent", "")])),
        ("neither answered nor canceled", json(&[("cc_queue_answered_epoch", "")])),
        ("its times are in no order", json(&[("end_epoch", "1764072001")])),
        ("cc_queue_answered_epoch: `x` is no time", json(&[("cc_queue_answered_epoch", "x")])),
        ("has no `variables`", "{}\n".to_owned()),
        ("is no JSON", "{]}\n".to_owned()),
        ("has no end", "{\"variables\":{\n".to_owned()),
        ("is no XML", "<cdr><a></cdr>\n".to_owned()),
        ("no `uuid`", "cc_queue,cc_agent\n1,2\n".to_owned()),
        ("has 2 values", "a,b\n".to_owned()),
    ] {
        freeswitch(&text).refuses("file1:", said);
    }
}

/// What must hold of every record, whatever was read.
fn check(call: &CallRecord) {
    assert!(call.arrived_at <= call.ended_at && call.via.import() == Some("old"));
    assert!(call.vars.contains_key(CallRecord::IMPORTED_AS));
    assert!(call.queued.is_sorted_by_key(|visit| visit.entered_at) || call.queued.len() > 1);
    for visit in &call.queued {
        assert!(call.arrived_at <= visit.entered_at && visit.entered_at <= visit.left_at);
        assert!(visit.left_at <= call.ended_at);
    }
    let is_handled = call.legs.iter().any(|leg| leg.outcome == LegOutcome::Accepted);
    assert_eq!(call.outcome == CallOutcome::Handled, is_handled);
    for leg in &call.legs {
        let there = leg.answered_at.zip(leg.ended_at);
        let there_ms = there.map_or(0, |(from, to)| to.since(from).as_millis());
        assert!(u128::from(leg.talk_ms + leg.hold_ms) <= there_ms + 1_000);
    }
}

fn format_of(n: u8) -> ImportFormat {
    match n % 3 {
        0 => ImportFormat::QueueLog,
        1 => ImportFormat::Freeswitch,
        _ => ImportFormat::Csv,
    }
}

const EVENTS: &[&str] = &[
    "NONE|ENTERQUEUE||+14155550101|1",
    "A|CONNECT|1|x|1",
    "A|COMPLETEAGENT|1|2|1",
    "A|COMPLETECALLER",
    "A|BLINDTRANSFER|1|2|3|4",
    "A|ATTENDEDTRANSFER|BRIDGE|1|2",
    "NONE|ABANDON|1|1|1",
    "NONE|EXITWITHKEY|1|1|1|1",
    "NONE|EXITEMPTY",
    "A|RINGNOANSWER|1000",
    "A|HOLD",
    "A|UNHOLD",
    "A|SYSCOMPAT",
    "NONE|DID|100",
];

/// Events of a few calls in any order, most of them wrong.
fn any_queue_log() -> impl Strategy<Value = String> {
    let line = (0..5_u64, 0..3_u8, 0..2_u8, proptest::sample::select(EVENTS));
    proptest::collection::vec(line, 0..40).prop_map(|lines| {
        let mut now = NOON;
        let line = |(wait, call, queue, event): (u64, u8, u8, &str)| {
            now += wait;
            format!("{now}|{call}|q{queue}|{event}\n")
        };
        lines.into_iter().map(line).collect()
    })
}

proptest! {
    #[test]
    fn no_input_panics(format in 0..3_u8, bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        read_as(format_of(format), None, &[&text]).calls.iter().for_each(check);
    }

    #[test]
    fn whatever_a_queue_log_says_records_are_sound(text in any_queue_log()) {
        let read = queue_log(&text);
        read.calls.iter().for_each(check);
        let lines = text.lines().count();
        prop_assert!(read.calls.len() + read.skipped.len() <= lines);
    }
}
