//! Records: how many a second are written with their rollups, how large they are together, what the
//! store's thread spends on each, and how long the report of a day, of a month and of all takes,
//! cold and warm.
//!
//! The cost of one is that of a customer's call to an agent by one of many callers and by one of a
//! few, of a call that no agent had, and of a feature code, which is in no figure: the floor.
//!
//! `RECORDS=10000000 cargo bench --bench records` for a large center's year; a day has 27,000.
//!
//! **Invariant:** every report has the calls of its period, all of them.
//!
//! **Deliberately absent:** the server that goes on meanwhile.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use attendant::center::names::Names;
use attendant::id::{AgentId, CallId, LegId};
use attendant::metrics::{Gathering, Report, Target, Times};
use attendant::store::{self, Head, Noted, Opened, Writing};
use attendant::time::Timestamp;
use attendant::words::{
    CallOutcome, CallRecord, Cause, EndedBy, LegOutcome, NamedVia, Party, PartyLeg, PathEntry,
    QueueExit, QueueVisit, WrapUp,
};

const DAY_MS: u64 = 86_400_000;
const PER_DAY: u64 = 27_000;
const BEGIN: Timestamp = Timestamp::from_millis(20_400 * DAY_MS);
const AGENTS: u64 = 200;
const QUEUES: u64 = 20;

/// What the calls are whose cost this prints.
#[derive(Clone, Copy, Debug)]
enum Calls {
    /// By 2,000,000 callers.
    Handled,
    /// By 100 callers.
    OfFew,
    /// In which no agent was; by 100 callers.
    Unhandled,
    /// In no figure.
    FeatureCodes,
}

fn main() {
    costs();
    let count = std::env::var("RECORDS").ok().and_then(|text| text.parse().ok());
    let count: u64 = count.unwrap_or(50_000);
    let folder = tempfile::tempdir().expect("a folder for records");
    let (took, _) = write(folder.path(), count, Calls::Handled);
    println!(
        "{count} records in {took:.1?}: {:.0} a second, {} bytes each with their rollups",
        count as f64 / took.as_secs_f64(),
        size(folder.path()) / count
    );
    let days = count.div_ceil(PER_DAY);
    for (name, from, to) in [
        ("a day", days.saturating_sub(2), days.saturating_sub(1)),
        ("a month", days.saturating_sub(31), days.saturating_sub(1)),
        ("all", 0, days + 1),
    ] {
        let period = [from, to].map(|day| BEGIN + Duration::from_millis(day * DAY_MS));
        report(folder.path(), name, period, count);
        // From and to in the middle of a quarter hour: the edges come from records.
        let odd = period.map(|at| at + Duration::from_secs(400));
        report(folder.path(), &format!("{name}, odd edges"), odd, count);
    }
}

/// What the store's thread spends on a record, of calls of each kind.
fn costs() {
    let count = std::env::var("COSTS").ok().and_then(|text| text.parse().ok());
    let count: u64 = count.unwrap_or(10_000);
    for calls in [Calls::Handled, Calls::OfFew, Calls::Unhandled, Calls::FeatureCodes] {
        let folder = tempfile::tempdir().expect("a folder for records");
        let (_, cpu) = write(folder.path(), count, calls);
        let each = cpu.as_secs_f64() * 1e6 / count as f64;
        println!("{calls:?}: {each:.1} µs of the store's thread for a record");
    }
}

/// How long it took, and the CPU time of all threads but this one.
fn write(folder: &Path, count: u64, calls: Calls) -> (Duration, Duration) {
    let head = Head { started_at: BEGIN, seed: 1, config: String::new() };
    let writing = Writing { agent: &|_| None, number: &|raw| Some(raw.to_owned()) };
    let Opened { mut store, .. } = store::open(folder, &head, &writing).expect("a new folder");
    let (began, spent) = (Instant::now(), others_cpu());
    for call in 1..=count {
        // As the driver does that waits for room.
        let noted = store.close(record(call, calls));
        while noted == Noted::Lagging && store.health().waiting > 1_000 {
            store.flush();
            std::thread::yield_now();
        }
    }
    store.shutdown().expect("all is written");
    (began.elapsed(), others_cpu().saturating_sub(spent))
}

/// From the kernel's accounting, in ticks of 10 ms: of the process less this thread.
fn others_cpu() -> Duration {
    let ticks = |path: &str| -> u32 {
        let stat = std::fs::read_to_string(path).expect("a system with /proc");
        let (_, after) = stat.rsplit_once(')').expect("a name in brackets");
        after.split_whitespace().skip(11).take(2).map(|it| it.parse::<u32>().expect("ticks")).sum()
    };
    Duration::from_millis(10)
        * ticks("/proc/self/stat").saturating_sub(ticks("/proc/thread-self/stat"))
}

fn size(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).expect("the folder");
    files.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).sum()
}

fn report(folder: &Path, name: &str, [from, to]: [Timestamp; 2], count: u64) {
    let reader = store::read_records(folder).expect("records");
    let mut times = Vec::new();
    let mut calls = 0;
    for _ in 0..10 {
        let began = Instant::now();
        let mut names = Names::default();
        let mut gathered = Gathering::new(to);
        reader.gather(from..to, &mut names, &mut gathered).expect("they can be read");
        calls = Report::of_records(gathered, (from, to), |_| Target::default(), &Times::default())
            .calls;
        times.push(began.elapsed());
    }
    let expected = (1..=count).filter(|call| (from..to).contains(&ended_at(*call))).count();
    assert_eq!(calls, expected as u64, "{name}");
    let first = times[0];
    times.sort_unstable();
    println!(
        "{name}: {calls} calls, first {first:.1?}, median {:.1?}, worst {:.1?}",
        times[5], times[9]
    );
}

fn ended_at(call: u64) -> Timestamp {
    BEGIN + Duration::from_millis(call * DAY_MS / PER_DAY)
}

/// One of a center of 200 agents; each third caller calls again.
fn record(call: u64, calls: Calls) -> Box<CallRecord> {
    let mut record = handled(call);
    let few = || Some(format!("+1415555{:04}", call % 100));
    match calls {
        Calls::Handled => {}
        Calls::OfFew => record.from = few(),
        Calls::Unhandled => {
            record.from = few();
            (record.outcome, record.intent) = (CallOutcome::Contained, None);
            (record.queued, record.legs) = (Vec::new(), Vec::new());
        }
        Calls::FeatureCodes => {
            (record.from, record.flow, record.intent) = (None, None, None);
            (record.queued, record.legs) = (Vec::new(), Vec::new());
        }
    }
    record
}

fn handled(call: u64) -> Box<CallRecord> {
    let mixed = call.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let (talk_ms, wait_ms) = (60_000 + mixed % 300_000, mixed % 40_000);
    let ended_at = ended_at(call);
    let answered_at = ended_at - Duration::from_millis(talk_ms);
    let arrived_at = answered_at - Duration::from_millis(wait_ms);
    let (leg, acw_ms) = (LegId { call: CallId(call), n: 1 }, 5_000 + mixed % 20_000);
    let resolved = Some(!mixed.is_multiple_of(4));
    let wrap_up = WrapUp { leg, acw_ms, resolved, intent: None, note: None };
    let queue = format!("queue-{}", mixed % QUEUES);
    let party = PartyLeg {
        leg,
        party: Party::Agent { id: AgentId(0), name: format!("agent-{}", mixed % AGENTS) },
        queue: Some(queue.clone()),
        dialed_at: arrived_at,
        answered_at: Some(answered_at),
        ended_at: Some(ended_at),
        outcome: LegOutcome::Accepted,
        cause: None,
        talk_ms,
        hold_ms: 0,
        wrap_up: Some(wrap_up),
        sent_to: None,
        consulted: false,
        handed_over: None,
        role: None,
        by: None,
        modes: Vec::new(),
    };
    let step = |step: &str| {
        let (at, step, inputs) = (arrived_at, step.to_owned(), Vec::new());
        PathEntry { at, step, inputs, failed: false, after_hangup: false }
    };
    Box::new(CallRecord {
        call: CallId(call),
        from: Some(format!("+1415{:07}", mixed % 2_000_000)),
        from_name: None,
        account: None,
        segment: None,
        to: "+14155550100".to_owned(),
        via: NamedVia::Trunk("acme".to_owned()),
        flow: Some("support@1".to_owned()),
        language: Some("en".to_owned()),
        intent: Some(format!("intent-{}", mixed % 8)),
        arrived_at,
        answered_at: Some(arrived_at),
        self_service: None,
        milestones: Vec::new(),
        notes: Vec::new(),
        caller_left_at: None,
        ended_at,
        outcome: CallOutcome::Handled,
        ended_by: EndedBy::Caller,
        cause: Cause::NORMAL_CLEARING,
        path: vec![step("main"), step("billing"), step("wait")],
        queued: vec![QueueVisit {
            queue,
            entered_at: arrived_at,
            left_at: answered_at,
            left: QueueExit::Answered,
            priority: 5,
            in_line_since: None,
            consulted: false,
        }],
        legs: vec![party],
        vars: BTreeMap::new(),
        recordings: Vec::new(),
        outbound: None,
    })
}
