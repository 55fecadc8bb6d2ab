//! Callers who are erased, and records that were kept long enough: what goes, and what stays.

use super::common::*;
use crate::center::names::Names;
use crate::metrics::cut::{Asked, Attribution, Dimension, Teams};
use crate::metrics::{Gathering, Report, Target, Times};
use crate::store::cuts::{cut, waterfall};
use crate::store::database::{Erasure, RolledUp};
use crate::store::erase::naming;
use crate::store::rollup::Span;
use crate::words::{InputOutcome, PathEntry, SentTo, StepInput};

const QUARTER: u64 = Span::Quarter.ms();
const DAY: u64 = Span::Day.ms();
/// Midnight.
const START: u64 = 20_000 * DAY;
const ANN: &str = "+14155550111";
const BOB: &str = "+14155550122";
const INSTEAD: &str = "erased-0011223344556677";

/// With all that says who the caller is.
fn of(call: u64, from: &str, ended_at: u64) -> CallRecord {
    let mut record = *record(call, ended_at);
    record.from = Some(from.to_owned());
    record.from_name = Some("Ann Example".to_owned());
    record.vars = BTreeMap::from([("account".to_owned(), "4711".to_owned())]);
    let at = record.arrived_at;
    let inputs = vec![StepInput { at, outcome: InputOutcome::Matched, keys: Some("4711".into()) }];
    let (step, failed, after_hangup) = ("account".to_owned(), false, false);
    record.path.push(PathEntry { at, step, inputs, failed, after_hangup });
    let note = Some("is moving".to_owned());
    let leg = record.legs[0].leg;
    record.legs[0].wrap_up = Some(WrapUp { leg, acw_ms: 5, resolved: None, intent: None, note });
    let name = RecordingId { call: CallId(call), n: 1 };
    let mut recording = Recording::begin((name, RecordingKind::Message), "voicemail".into(), at);
    recording.state = RecordingState::Kept;
    recording.url = Some("https://provider.example/4711".to_owned());
    record.recordings.push(recording);
    record
}

/// What a report says of a period, and until when it lacks calls.
fn report(database: &dyn Database, period: Range<u64>) -> Report {
    let period = Timestamp(period.start)..Timestamp(period.end);
    let (mut names, mut gathered) = (Names::default(), Gathering::new(Timestamp(START + 90 * DAY)));
    let reader = database.reader().unwrap();
    reader.gather(period.clone(), &mut names, &mut gathered).unwrap();
    Report::of_records(
        gathered,
        (period.start, period.end),
        |_| Target::default(),
        &Times::default(),
    )
}

/// Ann calls three times, the last time after a day; Bob once; an agent calls Ann.
fn with_callers(database: &dyn Database) -> Box<dyn RecordWriter> {
    let mut writer = writer(database);
    let mut called = of(5, "alice", START + 5 * QUARTER);
    called.via = NamedVia::Agent("alice".to_owned());
    called.to = ANN.to_owned();
    called.legs[0].sent_to = Some(SentTo::Number(ANN.to_owned()));
    let calls = [
        of(1, ANN, START + QUARTER),
        of(2, ANN, START + 2 * QUARTER),
        of(3, BOB, START + 2 * QUARTER),
        of(4, ANN, START + DAY + 7),
        called,
    ];
    writer.apply(&calls.map(close)).unwrap();
    writer
}

fn erase(writer: &mut dyn RecordWriter, database: &dyn Database, number: &str) -> [Vec<u64>; 2] {
    let others = naming(&*database.reader().unwrap(), number).unwrap();
    let others = others.iter().filter(|it| it.from.as_deref() != Some(number));
    let named_in: Vec<CallId> = others.map(|it| it.call).collect();
    let erasure = Erasure { number, instead: INSTEAD, named_in: &named_in, run: 3 };
    let erased = writer.erase(&erasure).unwrap();
    [erased.calls, erased.named_in].map(|calls| calls.iter().map(|call| call.0).collect())
}

pub(super) fn an_erased_caller_is_in_no_record_and_every_figure(database: &dyn Database) {
    let mut writer = with_callers(database);
    let all = START..START + 40 * DAY;
    let before = report(database, all.clone());
    assert_eq!(erase(&mut *writer, database, ANN), [vec![1, 2, 4], vec![5]]);
    assert_eq!(report(database, all.clone()), before);
    let reader = database.reader().unwrap();
    for call in [1, 2, 4, 5] {
        let record = reader.get(CallId(call)).unwrap().unwrap();
        let text = serde_json::to_string(&record).unwrap();
        assert!(!text.contains(ANN), "{text}");
        if call != 5 {
            let says_who = ["4711", "Ann Example", "is moving"];
            assert!(!says_who.iter().any(|who| text.contains(who)), "{text}");
            assert_eq!(record.recordings[0].state, RecordingState::Deleted);
            assert_eq!((record.from.as_deref(), record.path.len()), (Some(INSTEAD), 1));
        }
    }
    assert_eq!(reader.get(CallId(3)).unwrap().unwrap(), of(3, BOB, START + 2 * QUARTER));
    let by = |number: &str| {
        found(&*reader, RecordFilter { number: Some(number.to_owned()), ..Default::default() })
    };
    assert_eq!((by(ANN), by(INSTEAD)), (Vec::new(), vec![4, 2, 1]));
    // Again, and of nobody.
    assert_eq!(erase(&mut *writer, database, ANN).concat(), [0_u64; 0]);
    let erased = [1, 2, 4, 5].map(|call| (CallId(call), 3));
    assert_eq!(writer.erased().unwrap(), erased);
    writer.forget_erased(3).unwrap();
    assert_eq!(writer.erased().unwrap().len(), 4);
    writer.forget_erased(4).unwrap();
    assert!(writer.erased().unwrap().is_empty());
    // What is learned of an erased call later changes the sums by what it says, and no more.
    let leg = LegId { call: CallId(2), n: 1 };
    let wrap_up = WrapUp { leg, acw_ms: 9_000, resolved: Some(true), intent: None, note: None };
    writer.apply(&[Change::Keep(Kept::WrapUp { call: CallId(2), wrap_up })]).unwrap();
    let after = report(database, all);
    assert_eq!((after.calls, after.withheld), (before.calls, before.withheld));
    let repeats = |of: &Report| of.handling.fcr_repeat.clone();
    assert_eq!(repeats(&after), repeats(&before));
    assert_eq!(after.handling.handled_legs, before.handling.handled_legs);
    assert!(after.handling.fcr_agent_coverage_percent > before.handling.fcr_agent_coverage_percent);
}

pub(super) fn sums_outlive_records_that_were_kept_long_enough(database: &dyn Database) {
    let mut writer = with_callers(database);
    while writer.roll_up().unwrap() != RolledUp::All {}
    let day = START..START + DAY;
    let before = (report(database, day.clone()), report(database, START..START + 9 * DAY));
    // Nothing ended before the day of this moment.
    assert_eq!(writer.expire_records(Timestamp(START + DAY - 1)).unwrap(), 0);
    let late = Timestamp(START + DAY + QUARTER);
    assert_eq!(writer.expire_records(late).unwrap(), 4);
    assert_eq!(writer.expire_records(late).unwrap(), 0);
    let reader = database.reader().unwrap();
    assert_eq!(found(&*reader, RecordFilter::default()), [4]);
    for name in ["alice", "billing"] {
        let filter = |agent: bool| {
            let (agent, queue) = if agent { (Some(name), None) } else { (None, Some(name)) };
            let [agent, queue] = [agent, queue].map(|it| it.map(str::to_owned));
            RecordFilter { agent, queue, ..RecordFilter::default() }
        };
        assert!(found(&*reader, filter(name == "alice")) == [4], "indexes have no other");
    }
    assert_eq!((report(database, day), report(database, START..START + 9 * DAY)), before);
    // Part of a quarter has no sum of its own: the report says what it lacks.
    let part = report(database, START + 1..START + DAY);
    assert_eq!(part.kept.records_gone_until, Some(Timestamp(START + QUARTER)));
    let early = report(database, START..START + 2 * QUARTER + 5);
    assert_eq!(early.kept.records_gone_until, Some(Timestamp(START + 2 * QUARTER + 5)));
    assert_eq!(report(database, START + DAY..START + 2 * DAY).kept.records_gone_until, None);
    cuts_say_what_they_lack(&*reader);
    // What comes later is counted as ever, and a record is not written twice.
    writer.apply(&[close(of(6, BOB, START + 2 * DAY))]).unwrap();
    assert_eq!(report(database, START..START + 9 * DAY).calls, before.1.calls + 1);
    // A journal may still have the call of a record that is gone: it counts once.
    assert_eq!(writer.progress().unwrap().records_since, Timestamp(START + DAY));
    assert_eq!(apply(&mut *writer, close(of(9, BOB, START + DAY - 1))), Applied::Known);
    assert_eq!(report(database, START..START + 9 * DAY).calls, before.1.calls + 1);
}

/// Of the records of the second day alone, and of sums of the first.
fn cuts_say_what_they_lack(reader: &dyn RecordReader) {
    let cut_by = |by: Option<Dimension>, period: Range<u64>| {
        let period = Timestamp(period.start)..Timestamp(period.end);
        let buckets = vec![period.clone()];
        let (only, interval, attribution) = (None, None, Attribution::Ended);
        let asked =
            Asked { period, by, only, teams: Teams::default(), interval, attribution, buckets };
        let (now, mut names) = (Timestamp(START + 90 * DAY), Names::default());
        cut(reader, &asked, now, &mut names, &|_| Target::default()).unwrap().unwrap()
    };
    let gone = Some(Timestamp(START + DAY));
    let intents = || Some(Dimension::Intent);
    assert_eq!(cut_by(intents(), START..START + 2 * DAY).records_gone_until, gone);
    assert!(cut_by(intents(), START..START + QUARTER).cells.is_empty());
    assert_eq!(cut_by(intents(), START + DAY..START + 2 * DAY).records_gone_until, None);
    assert_eq!(cut_by(None, START..START + 2 * DAY).records_gone_until, None, "there are sums");
    let part = cut_by(None, START + 1..START + DAY);
    assert_eq!(part.records_gone_until, Some(Timestamp(START + QUARTER)));
    let agents = cut_by(Some(Dimension::Agent), START + 1..START + DAY);
    assert_eq!(agents.records_gone_until, Some(Timestamp(START + QUARTER)));
    let menus = |from| waterfall(reader, None, Timestamp(from)..Timestamp(START + 2 * DAY));
    let until = |from| menus(from).unwrap().unwrap()[0].records_gone_until;
    assert_eq!((until(START), until(START + DAY)), (gone, None));
}

pub(super) fn agents_days_outlive_their_changes(database: &dyn Database) {
    use crate::words::Activity;
    let mut writer = writer(database);
    writer.apply(&[Change::AgentTimesSince(Timestamp(START))]).unwrap();
    let hour = DAY / 24;
    let moved = |at, activity| {
        let (agent, at) = ("alice".to_owned(), Timestamp(at));
        Change::Keep(Kept::AgentMoved { agent, at, activity, reason: None })
    };
    let changes = [
        moved(START + hour, Activity::Ready),
        moved(START + 2 * hour, Activity::Talking),
        moved(START + DAY + hour, Activity::LoggedOut),
        moved(START + DAY + 2 * hour, Activity::Ready),
    ];
    writer.apply(&changes).unwrap();
    let times = |period: Range<u64>| {
        let (mut names, mut times) = (Names::default(), Times::default());
        let period = Timestamp(period.start)..Timestamp(period.end);
        database.reader().unwrap().agent_times(period, &mut names, &mut times).unwrap();
        let spent = times.logged_in_and_occupied(AgentId(0));
        (spent, times.take_lack().map(|at| at.0))
    };
    let whole = times(START..START + 2 * DAY);
    assert_eq!(whole, ((46 * hour, 23 * hour), None));
    let late = Timestamp(START + DAY + hour);
    assert_eq!(writer.expire_agent_moves(late).unwrap(), 1, "the talk goes over midnight");
    assert_eq!(writer.expire_agent_moves(late).unwrap(), 0);
    assert_eq!(times(START..START + 2 * DAY), whole);
    assert_eq!(times(START + DAY..START + DAY + hour), ((hour, hour), None));
    let (_, lacks) = times(START + hour..START + DAY);
    assert_eq!(lacks, Some(START + DAY));
}
