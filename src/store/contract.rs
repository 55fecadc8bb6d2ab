//! What every kind of database promises, as tests: a kind runs [`holds`] over itself.
//!
//! **Deliberately absent:** files, processes and errors, which are each kind's own.

mod agents;
mod common;
mod erase;
pub(super) mod figures;
mod imports;

use common::*;

/// Shown of an empty database.
type Promise = fn(&dyn Database);

/// What a kind of database is asked to show: each with an empty database of its own.
const PROMISES: &[(&str, Promise)] = &[
    ("the first record stays", the_first_record_stays),
    ("after-call work", after_call_work_is_added_where_it_belongs),
    ("recordings", recordings_are_amended_once_and_where_they_belong),
    ("progress", progress_goes_up_and_is_found),
    ("carried calls", a_carried_call_goes_on_until_it_has_its_record),
    ("what is kept", what_is_kept_is_replaced_and_forgotten),
    ("a batch again", a_batch_may_be_given_again),
    ("each filter", every_filter_finds_what_it_says),
    ("filters together", every_filter_holds_beside_every_other),
    ("pages", pages_follow_one_another),
    ("ended", calls_are_handed_over_as_they_ended),
    ("past", only_customers_with_numbers_are_past),
    ("imports", imports::imported_calls_stand_beside_our_own_and_leave_without_a_trace),
    ("long ago", figures::a_day_long_ago_has_its_calls),
    ("agents' times", agents::times_are_what_the_changes_say),
    ("agents' times again", agents::a_change_may_be_given_again),
    ("nothing runs", agents::nobody_works_where_nothing_runs),
    ("agents' times unknown", agents::what_is_not_known_is_said),
    ("erased", erase::an_erased_caller_is_in_no_record_and_every_figure),
    ("kept long enough", erase::sums_outlive_records_that_were_kept_long_enough),
    ("agents' days", erase::agents_days_outlive_their_changes),
];

/// Runs every promise over databases that `fresh` makes; each is opened for writing once.
pub(super) fn holds<D: Database>(mut fresh: impl FnMut() -> D) {
    for (name, promise) in PROMISES {
        println!("{name}");
        promise(&fresh());
    }
}

fn the_first_record_stays(database: &dyn Database) {
    let mut writer = writer(database);
    let first = *record(1, 1_200);
    assert!(!writer.has(CallId(1)).unwrap());
    assert_eq!(apply(&mut *writer, close(first.clone())), Applied::Changed);
    assert_eq!(apply(&mut *writer, close(*record(1, 9_999))), Applied::Known);
    assert!(writer.has(CallId(1)).unwrap());
    let reader = database.reader().unwrap();
    assert_eq!(reader.get(CallId(1)).unwrap(), Some(first));
    assert_eq!(reader.get(CallId(2)).unwrap(), None);
}

fn after_call_work_is_added_where_it_belongs(database: &dyn Database) {
    let mut writer = writer(database);
    let of = |call, n| WrapUp {
        leg: LegId { call: CallId(call), n },
        acw_ms: 40,
        resolved: Some(true),
        intent: Some("refund".to_owned()),
        note: None,
    };
    let keep = |wrap_up: WrapUp| Change::Keep(Kept::WrapUp { call: wrap_up.leg.call, wrap_up });
    assert_eq!(apply(&mut *writer, keep(of(1, 1))), Applied::Unknown);
    apply(&mut *writer, close(*record(1, 1_200)));
    assert_eq!(apply(&mut *writer, keep(of(1, 1))), Applied::Changed);
    assert_eq!(apply(&mut *writer, keep(of(1, 7))), Applied::Unknown);
    let changed = database.reader().unwrap().get(CallId(1)).unwrap().unwrap();
    assert_eq!(changed.legs[0].wrap_up, Some(of(1, 1)));
    assert_eq!(changed.intent.as_deref(), Some("refund"));
    // A note alone: what was said before stays.
    let note = Some("by Friday".to_owned());
    let noted = WrapUp { resolved: None, intent: None, note: note.clone(), ..of(1, 1) };
    assert_eq!(apply(&mut *writer, keep(noted)), Applied::Changed);
    let changed = database.reader().unwrap().get(CallId(1)).unwrap().unwrap();
    assert_eq!(changed.legs[0].wrap_up, Some(WrapUp { note, ..of(1, 1) }));
    assert_eq!(changed.intent.as_deref(), Some("refund"));
}

fn recordings_are_amended_once_and_where_they_belong(database: &dyn Database) {
    let mut writer = writer(database);
    let message = |call| (RecordingId { call: CallId(call), n: 1 }, RecordingKind::Message);
    let mut left = *record(1, 1_200);
    left.recordings.push(Recording::begin(message(1), "voicemail".to_owned(), Timestamp(1_150)));
    let lost = CallRecord { ended_by: EndedBy::ServerLost, ..*record(2, 1_300) };
    writer.apply(&[close(left), close(lost), close(*record(3, 1_400))]).unwrap();
    let ended = |call| {
        let update = RecordingUpdate::ended(message(call), 4_000, RecordingEnd::HungUp, None);
        Change::Keep(Kept::Recording { update })
    };
    assert_eq!(apply(&mut *writer, ended(1)), Applied::Changed);
    assert_eq!(apply(&mut *writer, ended(1)), Applied::Known);
    assert_eq!(apply(&mut *writer, ended(2)), Applied::Changed, "a lost call may have begun one");
    assert_eq!(apply(&mut *writer, ended(3)), Applied::Unknown);
    assert_eq!(apply(&mut *writer, ended(4)), Applied::Unknown);
    let reader = database.reader().unwrap();
    for call in [1, 2] {
        let recordings = reader.get(CallId(call)).unwrap().unwrap().recordings;
        assert_eq!((recordings.len(), recordings[0].state), (1, RecordingState::Kept));
    }
}

fn progress_goes_up_and_is_found(database: &dyn Database) {
    let mut writer = writer(database);
    let nothing = Progress {
        node: None,
        next_call: CallId(1),
        kept_until: 0,
        continues: None,
        carried: BTreeMap::new(),
        finished: BTreeSet::new(),
        records_since: Timestamp(0),
    };
    assert_eq!(writer.progress().unwrap(), nothing);
    let finish = |segment: &str| Change::Finish { segment: segment.to_owned(), clean: true };
    let batch = [
        Change::NextCall(CallId(7)),
        Change::NextCall(CallId(5)),
        Change::KeptUntil(3),
        finish("a"),
        finish("a"),
        finish("b"),
    ];
    assert_eq!(writer.apply(&batch).unwrap().len(), batch.len());
    let progress = writer.progress().unwrap();
    assert_eq!((progress.next_call, progress.kept_until), (CallId(7), 3));
    assert_eq!(progress.finished, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    writer.apply(&[close(*record(9, 1_200))]).unwrap();
    writer.sync().unwrap();
    assert_eq!(writer.progress().unwrap().next_call, CallId(10), "a record has its number");
}

fn a_carried_call_goes_on_until_it_has_its_record(database: &dyn Database) {
    let mut writer = writer(database);
    let entry = |call| Entry { seq: call, at: Timestamp(call), input: Input::Event(arrived(call)) };
    let carry = |run, calls: &[u64]| Change::Carry {
        run,
        calls: calls.iter().map(|call| (CallId(*call), entry(*call))).collect(),
    };
    writer.apply(&[carry(2, &[1, 2]), carry(3, &[2, 4])]).unwrap();
    let progress = writer.progress().unwrap();
    assert_eq!(progress.continues, Some(3));
    assert_eq!(progress.carried, BTreeMap::from([2, 4].map(|call| (CallId(call), entry(call)))));
    writer.apply(&[close(*record(2, 1_200))]).unwrap();
    let carried: Vec<CallId> = writer.progress().unwrap().carried.into_keys().collect();
    assert_eq!(carried, [CallId(4)]);
    writer.apply(&[Change::CarryNothing]).unwrap();
    let progress = writer.progress().unwrap();
    assert_eq!(progress.continues, None);
    assert_eq!(progress.carried.len(), 1, "a call without a record is not forgotten");
    writer.apply(&[carry(5, &[])]).unwrap();
    let progress = writer.progress().unwrap();
    assert!(progress.continues.is_none() && progress.carried.is_empty());
}

fn what_is_kept_is_replaced_and_forgotten(database: &dyn Database) {
    let mut writer = writer(database);
    assert_eq!(writer.saved().unwrap(), Saved::default());
    let session = |call, json: &str| Kept::Session { call: CallId(call), json: json.to_owned() };
    let leg = |name: &str, json: &str| Kept::Leg { name: name.to_owned(), json: json.to_owned() };
    let state = |state| Kept::AgentState { agent: "alice".to_owned(), state };
    let lunch = SavedAgentState::NotReady { reason: "lunch".to_owned() };
    let kept = [
        session(8, "old"),
        session(8, "new"),
        session(3, "{}"),
        session(5, "{}"),
        Kept::ForgetSession { call: CallId(5) },
        leg("b", "1"),
        leg("a", "1"),
        leg("b", "2"),
        leg("c", "1"),
        Kept::ForgetLeg { name: "c".to_owned() },
        state(SavedAgentState::Ready),
        state(lunch.clone()),
    ];
    writer.apply(&kept.map(Change::Keep)).unwrap();
    let text = |text: &str| text.to_owned();
    let expected = Saved {
        sessions: vec![(CallId(3), text("{}")), (CallId(8), text("new"))],
        legs: vec![(text("a"), text("1")), (text("b"), text("2"))],
        agent_states: BTreeMap::from([(text("alice"), lunch)]),
    };
    assert_eq!(writer.saved().unwrap(), expected);
}

/// As after a connection that broke before its answer came.
fn a_batch_may_be_given_again(database: &dyn Database) {
    let mut writer = writer(database);
    let (leg, intent, note) = (LegId { call: CallId(1), n: 1 }, None, None);
    let wrap_up = WrapUp { leg, acw_ms: 7, resolved: Some(false), intent, note };
    let batch = [
        close(*record(1, 1_200)),
        Change::Keep(Kept::WrapUp { call: CallId(1), wrap_up: wrap_up.clone() }),
        Change::Keep(Kept::Session { call: CallId(2), json: "{}".to_owned() }),
        Change::KeptUntil(2),
        Change::NextCall(CallId(2)),
        Change::Finish { segment: "a".to_owned(), clean: true },
    ];
    writer.apply(&batch).unwrap();
    let after = (writer.progress().unwrap(), writer.saved().unwrap());
    assert_eq!(writer.apply(&batch).unwrap()[0], Applied::Known);
    assert_eq!((writer.progress().unwrap(), writer.saved().unwrap()), after);
    let reader = database.reader().unwrap();
    assert_eq!(found(&*reader, RecordFilter::default()), [1]);
    assert_eq!(reader.get(CallId(1)).unwrap().unwrap().legs[0].wrap_up, Some(wrap_up));
}

/// Records that differ in everything that a filter asks for: five in a circle, so that each two
/// terms have some in common and some not.
fn various(call: u64) -> CallRecord {
    let mut various = *record(call, call * 1_000);
    let queues = ["billing", "sales", "help"];
    let agents = ["alice", "bob"];
    various.from = Some(format!("+1415555010{}", call % 4));
    various.outcome =
        if call.is_multiple_of(3) { CallOutcome::Abandoned } else { CallOutcome::Handled };
    let visit = various.queued[0].clone();
    let queue = |n: u64| QueueVisit { queue: queues[n as usize % 3].to_owned(), ..visit.clone() };
    various.queued = vec![queue(call), queue(call + 1), queue(call)];
    let Party::Agent { name, id } = &mut various.legs[0].party else { panic!("an agent's leg") };
    (*id, *name) = (AgentId(0), agents[call as usize % 2].to_owned());
    let again = various.legs[0].clone();
    various.legs.push(again);
    various
}

const VARIOUS: std::ops::RangeInclusive<u64> = 1..=24;

fn with_various(database: &dyn Database) -> Box<dyn RecordReader> {
    let mut writer = writer(database);
    let batch: Vec<Change> = VARIOUS.map(various).map(close).collect();
    writer.apply(&batch).unwrap();
    database.reader().unwrap()
}

/// Whether a record is one that a filter asks for.
type IsWanted = fn(&CallRecord) -> bool;

/// One filter each.
fn terms() -> Vec<(RecordFilter, IsWanted)> {
    let name = |name: &str| Some(name.to_owned());
    let none = RecordFilter::default;
    vec![
        (RecordFilter { since: Some(Timestamp(4_900)), ..none() }, |it| it.arrived_at.0 >= 4_900),
        (RecordFilter { until: Some(Timestamp(20_900)), ..none() }, |it| it.arrived_at.0 < 20_900),
        (RecordFilter { queue: name("sales"), ..none() }, |it| {
            it.queued.iter().any(|visit| visit.queue == "sales")
        }),
        (
            RecordFilter { agent: name("bob"), ..none() },
            |it| matches!(&it.legs[0].party, Party::Agent { name, .. } if name == "bob"),
        ),
        (RecordFilter { outcome: Some(CallOutcome::Abandoned), ..none() }, |it| {
            it.outcome == CallOutcome::Abandoned
        }),
        (RecordFilter { number: name("+14155550101"), ..none() }, |it| {
            it.from.as_deref() == Some("+14155550101")
        }),
        (RecordFilter { before: Some(CallId(17)), ..none() }, |it| it.call.0 < 17),
    ]
}

fn both(one: &RecordFilter, other: &RecordFilter) -> RecordFilter {
    RecordFilter {
        since: one.since.or(other.since),
        until: one.until.or(other.until),
        queue: one.queue.clone().or_else(|| other.queue.clone()),
        agent: one.agent.clone().or_else(|| other.agent.clone()),
        outcome: one.outcome.or(other.outcome),
        import: None,
        number: one.number.clone().or_else(|| other.number.clone()),
        before: one.before.or(other.before),
        limit: 0,
    }
}

fn expected(wanted: impl Fn(&CallRecord) -> bool) -> Vec<u64> {
    VARIOUS.rev().filter(|call| wanted(&various(*call))).collect()
}

fn every_filter_finds_what_it_says(database: &dyn Database) {
    let reader = with_various(database);
    assert_eq!(found(&*reader, RecordFilter::default()), expected(|_| true));
    for (filter, wanted) in terms() {
        let calls = expected(wanted);
        assert!(!calls.is_empty() && calls.len() < 24, "{filter:?} tells none apart");
        assert_eq!(found(&*reader, filter.clone()), calls, "{filter:?}");
    }
    let nobody = Some("nobody".to_owned());
    for filter in [
        RecordFilter { queue: nobody.clone(), ..RecordFilter::default() },
        RecordFilter { agent: nobody.clone(), ..RecordFilter::default() },
        RecordFilter { number: nobody.clone(), ..RecordFilter::default() },
        RecordFilter { outcome: Some(CallOutcome::Refused), ..RecordFilter::default() },
    ] {
        assert!(found(&*reader, filter.clone()).is_empty(), "{filter:?}");
    }
}

fn every_filter_holds_beside_every_other(database: &dyn Database) {
    let reader = with_various(database);
    for (one, is_one) in terms() {
        for (other, is_other) in terms() {
            let calls = expected(|record| is_one(record) && is_other(record));
            let filter = both(&one, &other);
            assert_eq!(found(&*reader, filter.clone()), calls, "{filter:?}");
            for (third, is_third) in terms() {
                let filter = both(&filter, &third);
                let calls = calls.iter().copied().filter(|call| is_third(&various(*call)));
                assert_eq!(
                    found(&*reader, filter.clone()),
                    calls.collect::<Vec<_>>(),
                    "{filter:?}"
                );
            }
        }
    }
}

fn pages_follow_one_another(database: &dyn Database) {
    let reader = with_various(database);
    for (filter, wanted) in terms().into_iter().filter(|(filter, _)| filter.before.is_none()) {
        let mut pages: Vec<u64> = Vec::new();
        let mut before = None;
        loop {
            let page = found(&*reader, RecordFilter { before, limit: 2, ..filter.clone() });
            before = page.last().map(|call| CallId(*call));
            pages.extend(&page);
            if page.len() < 2 {
                break;
            }
        }
        assert_eq!(pages, expected(wanted), "{filter:?}");
    }
}

fn calls_are_handed_over_as_they_ended(database: &dyn Database) {
    let mut writer = writer(database);
    let ends = [(1, 5_000), (2, 3_000), (3, 4_000), (4, 3_000)];
    writer.apply(&ends.map(|(call, ended_at)| close(*record(call, ended_at)))).unwrap();
    let reader = database.reader().unwrap();
    let ended = |period| {
        let mut calls = Vec::new();
        reader.each_ended(period, &mut |record| calls.push(record.call.0)).unwrap();
        calls
    };
    assert_eq!(ended(ALL_TIME), [2, 4, 3, 1]);
    assert_eq!(ended(Timestamp(3_001)..Timestamp(5_000)), [3]);
    assert_eq!(ended(Timestamp(3_000)..Timestamp(4_000)), [2, 4]);
    assert!(ended(Timestamp(5_001)..Timestamp(9_000)).is_empty());
}

fn only_customers_with_numbers_are_past(database: &dyn Database) {
    let mut writer = writer(database);
    let of = |call, change: fn(&mut CallRecord)| {
        let mut record = *record(call, call * 1_000);
        change(&mut record);
        close(record)
    };
    let batch = [
        of(1, |_| {}),
        of(2, |it| it.from = None),
        of(3, |it| it.via = NamedVia::Agent("alice".to_owned())),
        of(4, |it| it.legs.clear()),
        of(5, |it| it.via = NamedVia::Outbound("acme".to_owned())),
    ];
    writer.apply(&batch).unwrap();
    let reader = database.reader().unwrap();
    let mut past = Vec::new();
    reader.each_past(ALL_TIME, &mut |call| past.push((call.ended_at.0, call.agent))).unwrap();
    assert_eq!(past, [(1_000, Some("alice".to_owned())), (4_000, None)]);
    past.clear();
    let period = Timestamp(1_001)..Timestamp(4_000);
    reader.each_past(period, &mut |call| past.push((call.ended_at.0, call.agent))).unwrap();
    assert!(past.is_empty());
    let outbound = |period| {
        let mut calls = Vec::new();
        reader.each_outbound(period, &mut |record| calls.push(record.call.0)).unwrap();
        calls
    };
    assert_eq!(outbound(ALL_TIME), [5]);
    assert!(outbound(Timestamp(1_000)..Timestamp(5_000)).is_empty());
}
