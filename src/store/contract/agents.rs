//! What agents spent their time on, out of every kind of database: as it keeps them, and as their
//! changes have it, one by one.

use super::common::*;
use crate::center::names::Names;
use crate::metrics::Times;
use crate::store::rollup::Span;
use crate::words::Activity;

const HOUR: u64 = 60 * 60 * 1000;
const DAY: u64 = Span::Day.ms();
/// Midnight.
const START: u64 = 20_000 * DAY;

fn moved(agent: &str, at: u64, activity: Activity) -> Change {
    let (agent, at, reason) = (agent.to_owned(), Timestamp(at), None);
    Change::Keep(Kept::AgentMoved { agent, at, activity, reason })
}

/// Logged in and occupied, by name; and until when times are not known.
fn times(
    database: &dyn Database,
    period: Range<u64>,
) -> (BTreeMap<String, (u64, u64)>, Option<Timestamp>) {
    let (mut names, mut times) = (Names::default(), Times::default());
    let period = Timestamp(period.start)..Timestamp(period.end);
    database.reader().unwrap().agent_times(period, &mut names, &mut times).unwrap();
    let of = |(id, name): (u32, &str)| {
        let spent = times.logged_in_and_occupied(AgentId(id));
        (spent.0 > 0).then(|| (name.to_owned(), spent))
    };
    let spent = (0..).zip(names.agents.iter()).filter_map(of).collect();
    (spent, times.take_lack())
}

/// What the changes of one agent come to, a millisecond of each at its time.
fn expected(changes: &[(u64, Activity)], period: &Range<u64>) -> (u64, u64) {
    let ends = changes.iter().skip(1).map(|(at, _)| *at).chain([u64::MAX]);
    let within = changes.iter().zip(ends).map(|((at, activity), end)| {
        let ms = end.min(period.end).saturating_sub((*at).max(period.start));
        match activity {
            Activity::LoggedOut => (0, 0),
            Activity::Talking | Activity::AfterCallWork => (ms, ms),
            Activity::NotReady | Activity::Ready | Activity::Reserved | Activity::OnOwnCall => {
                (ms, 0)
            }
        }
    });
    within.fold((0, 0), |(logged_in, occupied), of| (logged_in + of.0, occupied + of.1))
}

/// Alice's shifts go over midnight, bob's last three days without a change.
fn shifts() -> [(&'static str, Vec<(u64, Activity)>); 2] {
    let activity = |n: u64| Activity::ALL[(n * 5 % 7) as usize];
    let alice = (0..200).map(|n| (START + n * HOUR / 2 + n * n * 997, activity(n))).collect();
    let bob = vec![
        (START + 22 * HOUR, Activity::Ready),
        (START + 4 * DAY - HOUR, Activity::Talking),
        (START + 4 * DAY + HOUR, Activity::LoggedOut),
    ];
    [("alice", alice), ("bob", bob)]
}

fn with_shifts(database: &dyn Database) -> Box<dyn RecordWriter> {
    let mut writer = writer(database);
    writer.apply(&[Change::AgentTimesSince(Timestamp(START))]).unwrap();
    for (agent, changes) in shifts() {
        let batch: Vec<Change> =
            changes.iter().map(|(at, activity)| moved(agent, *at, *activity)).collect();
        writer.apply(&batch).unwrap();
    }
    writer
}

pub(super) fn times_are_what_the_changes_say(database: &dyn Database) {
    let _writer = with_shifts(database);
    for from in (0..120).step_by(7).map(|n| START - DAY + n * HOUR + n * 61_001) {
        for length in [1, HOUR, 5 * HOUR, DAY, DAY + 1, 3 * DAY, 9 * DAY] {
            let period = from..from + length;
            let expected: BTreeMap<String, (u64, u64)> = shifts()
                .map(|(agent, changes)| (agent.to_owned(), expected(&changes, &period)))
                .into_iter()
                .filter(|(_, spent)| spent.0 > 0)
                .collect();
            assert_eq!(times(database, period.clone()), (expected, None), "{period:?}");
        }
    }
    // Whole days, from midnight to midnight.
    let (whole, _) = times(database, START + DAY..START + 4 * DAY);
    assert_eq!(whole["bob"], (3 * DAY, HOUR));
}

pub(super) fn a_change_may_be_given_again(database: &dyn Database) {
    let mut writer = with_shifts(database);
    let ever = 0..START + 40 * DAY;
    let before = times(database, ever.clone());
    for (agent, changes) in shifts() {
        let batch: Vec<Change> =
            changes.iter().rev().map(|(at, activity)| moved(agent, *at, *activity)).collect();
        // The last first: what was known before it is known.
        writer.apply(&batch).unwrap();
    }
    assert_eq!(times(database, ever), before);
    // A clock that was put back: what comes then comes with the last.
    let (last, ..) = shifts()[1].1[2];
    writer.apply(&[moved("bob", last - DAY, Activity::Talking)]).unwrap();
    let (spent, _) = times(database, last..last + HOUR);
    assert_eq!(spent["bob"], (HOUR, HOUR));
    // Two changes in one moment: the first took no time.
    let then = last + HOUR;
    writer.apply(&[moved("bob", then, Activity::Ready)]).unwrap();
    writer.apply(&[moved("bob", then, Activity::LoggedOut)]).unwrap();
    let (spent, _) = times(database, last..last + DAY);
    assert_eq!(spent["bob"], (HOUR, HOUR));
}

pub(super) fn nobody_works_where_nothing_runs(database: &dyn Database) {
    let mut writer = writer(database);
    writer.apply(&[Change::AgentTimesSince(Timestamp(START))]).unwrap();
    writer.apply(&[moved("alice", START, Activity::Ready)]).unwrap();
    writer.apply(&[moved("bob", START, Activity::LoggedOut)]).unwrap();
    let gone = |at| Change::AgentsGone { at: Timestamp(at), reason: "server_lost" };
    writer.apply(&[gone(START + HOUR), gone(START + 2 * HOUR)]).unwrap();
    writer.apply(&[moved("alice", START + 3 * HOUR, Activity::Talking)]).unwrap();
    let (spent, _) = times(database, START..START + 4 * HOUR);
    assert_eq!(spent, BTreeMap::from([("alice".to_owned(), (2 * HOUR, HOUR))]));
}

/// A database of an earlier attendant has calls whose agents' times nobody kept.
pub(super) fn what_is_not_known_is_said(database: &dyn Database) {
    let mut writer = writer(database);
    writer.apply(&[close(*record(1, START))]).unwrap();
    let since = |at| Change::AgentTimesSince(Timestamp(at));
    writer.apply(&[since(START + HOUR), since(START + 2 * HOUR)]).unwrap();
    let lacks = |period| times(database, period).1;
    assert_eq!(lacks(START..START + DAY), Some(Timestamp(START + HOUR)));
    assert_eq!(lacks(START..START + 1), Some(Timestamp(START + 1)));
    assert_eq!(lacks(START + HOUR..START + DAY), None);
}
