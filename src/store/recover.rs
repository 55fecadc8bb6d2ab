//! After a start: calls that were up when the server was lost go on, or get their records.
//!
//! **Invariant:** each call that the journal saw arrive has exactly one record sooner or later,
//! however often recovery runs or is itself cut short: what becomes of each is written in one
//! transaction, a record that is there already stays, and a call without one is carried over, with
//! its arrival, to the next recovery.
//!
//! **Deliberately absent:** how a call is rebuilt from its journal. The server that opens the store
//! may know ([`Rebuild`]); a call that is not rebuilt gets what is certain: who called whom, when.
//! A journal in memory: it is read line by line, as often as needed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::id::{AgentId, CallId, NodeId};
use crate::store::StoreError;
use crate::store::database::{self, Applied, Change, Progress, RecordWriter};
use crate::store::journal::{self, Entry, Header, Input, Line, Lines};
use crate::time::Timestamp;
use crate::words::{CallOutcome, CallRecord, Cause, EndedBy, Event, From, NamedVia, Outbound, Via};

/// Numbers left out after a run that was lost: a call that began in its last instant may have left
/// no line, and its number must not be given again.
const CALL_IDS_SKIPPED: u64 = 1_000;

/// Runs with longer journals than this together, in bytes, are not rebuilt: it would hold up the
/// start.
const REBUILT_LEN_MAX: u64 = 256 * 1024 * 1024;

/// What recovery found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Calls that were up, and now have a record.
    pub calls: Vec<CallId>,
    /// Calls that were up and go on.
    pub carried: BTreeSet<CallId>,
    /// Lines of the journal that could not be read.
    pub damaged: usize,
}

/// Where to begin counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub run: u64,
    pub call: CallId,
    /// The run whose calls go on.
    pub continues: Option<u64>,
    /// The run before did not end in order: when its journal ends.
    pub lost_at: Option<Timestamp>,
}

/// Names and numbers as records write them.
#[derive(Clone, Copy)]
pub struct Writing<'a> {
    pub agent: &'a dyn Fn(AgentId) -> Option<String>,
    /// `None` where it is withheld.
    pub number: &'a dyn Fn(&str) -> Option<String>,
}

/// Gets the journal of a lost run, and of the runs that it continues, the oldest first.
pub trait Rebuild {
    /// Before anything else: the calls that have no record.
    fn begin(&mut self, missing: &BTreeSet<CallId>);
    /// A run's inputs follow. `false` to hear no more, for instance of another configuration.
    fn run(&mut self, header: &Header) -> bool;
    /// The next input. `false` to hear no more.
    fn input(&mut self, entry: Entry) -> bool;
    /// Nothing follows. `whole` says whether that was everything, without a gap.
    fn end(&mut self, whole: bool) -> Rebuilt;
}

/// What became of the calls without a record; one that is in neither gets what is certain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rebuilt {
    pub records: Vec<CallRecord>,
    /// Calls that go on in the run that begins now.
    pub live: BTreeSet<CallId>,
}

/// Knows nothing of calls.
pub(super) struct NoRebuild;

impl Rebuild for NoRebuild {
    fn begin(&mut self, _: &BTreeSet<CallId>) {}

    fn run(&mut self, _: &Header) -> bool {
        false
    }

    fn input(&mut self, _: Entry) -> bool {
        false
    }

    fn end(&mut self, _: bool) -> Rebuilt {
        Rebuilt::default()
    }
}

/// A run, as far as it is still there.
#[derive(Default)]
struct Run {
    segments: Vec<PathBuf>,
    /// Those with calls that may have no record.
    unfinished: Vec<PathBuf>,
}

/// What the unfinished segments say.
#[derive(Default)]
struct Scan {
    missing: BTreeMap<CallId, Entry>,
    /// A call that arrived before has no record because that was kept long enough.
    records_since: Timestamp,
    last: Option<CallId>,
    ended_at: Timestamp,
    entries: u64,
    damaged: usize,
}

/// A run to replay, with its head.
struct Link {
    header: Header,
    segments: Vec<PathBuf>,
}

/// What there is to recover, and what becomes of it.
pub(super) struct Found {
    scan: Scan,
    unfinished: Vec<PathBuf>,
    rebuilt: Rebuilt,
    next: Next,
}

/// Reads the unfinished segments, and tells `rebuild` the run that was lost. Changes nothing.
pub(super) fn find(
    db: &dyn RecordWriter,
    folder: &Path,
    node: NodeId,
    rebuild: &mut dyn Rebuild,
) -> Result<Found, StoreError> {
    let failed = |error| StoreError::io(folder, error);
    let mut progress = db.progress()?;
    if let Some(theirs) = progress.node.filter(|theirs| *theirs != node) {
        return Err(StoreError::OtherNode { path: db.place(), theirs, ours: node });
    }
    let runs = runs(&progress, folder)?;
    let after = runs.last_key_value().map_or(0, |(run, _)| run + 1);
    let (call, continues) = (progress.next_call.max(CallId::first(node)), None);
    let mut next = Next { run: after, call, continues, lost_at: None };
    let missing = std::mem::take(&mut progress.carried);
    let mut scan = Scan { missing, records_since: progress.records_since, ..Scan::default() };
    let unfinished: Vec<PathBuf> =
        runs.values().flat_map(|run| run.unfinished.iter().cloned()).collect();
    for path in &unfinished {
        scan.read(db, path)?;
    }
    if !unfinished.is_empty() {
        next.lost_at = Some(scan.ended_at);
        let seen = scan.last.map_or(next.call, CallId::next);
        next.call = next.call.max(seen).after(CALL_IDS_SKIPPED);
    }
    let mut rebuilt = Rebuilt::default();
    if !scan.missing.is_empty()
        && let Some(chain) = chain_of_the_lost(&progress, &runs, &scan)?
    {
        rebuild.begin(&scan.missing.keys().copied().collect());
        let (whole, tip) = tell(&chain, rebuild).map_err(failed)?;
        rebuilt = rebuild.end(whole);
        rebuilt.live.retain(|call| scan.missing.contains_key(call));
        next.continues = (!rebuilt.live.is_empty()).then_some(tip);
    }
    Ok(Found { scan, unfinished, rebuilt, next })
}

impl Found {
    /// The number of the next run.
    pub(super) const fn run(&self) -> u64 {
        self.next.run
    }

    /// Gives every call of the unfinished segments, and every call that was carried over, its
    /// record, or carries it over; and marks the segments finished.
    pub(super) fn settle(
        self,
        db: &mut dyn RecordWriter,
        writing: Writing<'_>,
    ) -> Result<(Recovered, Next), StoreError> {
        let Self { scan, unfinished, rebuilt, next } = self;
        let (live, lost): (BTreeMap<_, _>, BTreeMap<_, _>) =
            scan.missing.into_iter().partition(|(call, _)| rebuilt.live.contains(call));
        let mut batch = records_of(lost, rebuilt.records, scan.ended_at, writing);
        batch.push(Change::Carry {
            run: next.continues.unwrap_or(0),
            calls: live.into_iter().collect(),
        });
        batch.extend(
            unfinished
                .iter()
                .map(|path| Change::Finish { segment: name(path).to_owned(), clean: false }),
        );
        batch.push(Change::NextCall(next.call));
        let applied = db.apply(&batch)?;
        database::complain(&batch, &applied);
        let calls = batch.iter().zip(applied).filter_map(|(change, applied)| match change {
            Change::Close(record) => (applied == Applied::Changed).then_some(record.call),
            Change::Import(_)
            | Change::Keep(_)
            | Change::KeptUntil(_)
            | Change::NextCall(_)
            | Change::Finish { .. }
            | Change::Carry { .. }
            | Change::CarryNothing
            | Change::AgentTimesSince(_)
            | Change::AgentsGone { .. } => None,
        });
        let calls = calls.collect();
        Ok((Recovered { calls, carried: rebuilt.live, damaged: scan.damaged }, next))
    }
}

/// Each of these calls gets its record.
fn records_of(
    lost: BTreeMap<CallId, Entry>,
    rebuilt: Vec<CallRecord>,
    ended_at: Timestamp,
    writing: Writing<'_>,
) -> Vec<Change> {
    let mut rebuilt: BTreeMap<CallId, CallRecord> =
        rebuilt.into_iter().map(|record| (record.call, record)).collect();
    let record = |(call, arrived): (CallId, Entry)| {
        rebuilt.remove(&call).unwrap_or_else(|| certain(&arrived, ended_at, writing))
    };
    lost.into_iter().map(record).map(|record| Change::Close(Box::new(record))).collect()
}

/// Every run of which there is a segment.
fn runs(progress: &Progress, folder: &Path) -> Result<BTreeMap<u64, Run>, StoreError> {
    let mut runs: BTreeMap<u64, Run> = BTreeMap::new();
    for path in journal::segments(folder).map_err(|error| StoreError::io(folder, error))? {
        let Some((run, _)) = journal::parse_name(name(&path)) else {
            continue;
        };
        let run = runs.entry(run).or_default();
        if !progress.finished.contains(name(&path)) {
            run.unfinished.push(path.clone());
        }
        run.segments.push(path);
    }
    Ok(runs)
}

impl Scan {
    fn read(&mut self, db: &dyn RecordWriter, path: &Path) -> Result<(), StoreError> {
        let failed = |error| StoreError::io(path, error);
        let mut lines = Lines::open(path).map_err(failed)?;
        while let Some(line) = lines.next().map_err(failed)? {
            let entry = match line {
                Line::Entry(entry) => entry,
                Line::Header(Some(_)) => continue,
                Line::Header(None) | Line::Damaged => {
                    self.damaged += 1;
                    continue;
                }
            };
            self.entries += 1;
            self.ended_at = self.ended_at.max(entry.at);
            let begins =
                if let Input::Event(event) = &entry.input { journal::arrival(event) } else { None };
            if let Some(call) = begins {
                self.last = self.last.max(Some(call));
                if entry.at >= self.records_since && !db.has(call)? {
                    self.misses(call, entry);
                }
            }
        }
        Ok(())
    }
}

impl Scan {
    /// A call has no record yet. Of one that we began and took back it is certain that we began it;
    /// its key is free.
    fn misses(&mut self, call: CallId, entry: Entry) {
        match self.missing.get_mut(&call).map(|known| &mut known.input) {
            Some(Input::Event(Event::OutboundAsked { ask, .. })) => ask.key = None,
            Some(_) | None => drop(self.missing.insert(call, entry)),
        }
    }
}

/// The runs to replay: the last one that was lost, or else the one whose calls were carried over
/// into a run that never began; and those that it continues. `None` where one of them is missing,
/// or they are too long.
fn chain_of_the_lost(
    progress: &Progress,
    runs: &BTreeMap<u64, Run>,
    scan: &Scan,
) -> Result<Option<Vec<Link>>, StoreError> {
    let mut lost = runs.iter().rev().filter(|(_, run)| !run.unfinished.is_empty());
    let told = lost.next().map(|(number, _)| *number);
    let chain = match told.map(|last| chain(runs, last)).transpose()?.flatten() {
        Some(chain) => Some(chain),
        None if scan.entries == 0 && scan.damaged == 0 => {
            progress.continues.map(|last| chain(runs, last)).transpose()?.flatten()
        }
        None => None,
    };
    let len = |link: &Link| link.segments.iter().map(|path| len(path)).sum::<u64>();
    let short = |chain: &Vec<Link>| chain.iter().map(len).sum::<u64>() <= REBUILT_LEN_MAX;
    Ok(chain.filter(short))
}

/// A run and those that it continues, the oldest first.
fn chain(runs: &BTreeMap<u64, Run>, last: u64) -> Result<Option<Vec<Link>>, StoreError> {
    let mut chain = Vec::new();
    let mut wanted = Some(last);
    while let Some(number) = wanted {
        let Some(run) = runs.get(&number) else { return Ok(None) };
        let first = run.segments.first().map_or(Path::new("journal"), PathBuf::as_path);
        let head = journal::head(&run.segments).map_err(|error| StoreError::io(first, error))?;
        // Only an older run can be continued: a head that says otherwise is not ours.
        let Some(header) = head.filter(|head| head.continues.is_none_or(|older| older < number))
        else {
            return Ok(None);
        };
        wanted = header.continues;
        chain.push(Link { header, segments: run.segments.clone() });
    }
    chain.reverse();
    Ok(Some(chain))
}

/// Tells the inputs in order, each `seq` of a run once; says whether that was all, and the last run
/// that had any.
fn tell(chain: &[Link], rebuild: &mut dyn Rebuild) -> io::Result<(bool, u64)> {
    let mut tip = chain.first().map_or(0, |link| link.header.run);
    for Link { header, segments } in chain {
        let mut told = 0;
        let whole = rebuild.run(header) && tell_run(segments, &mut told, rebuild)?;
        if told > 0 {
            tip = header.run;
        }
        if !whole {
            return Ok((false, tip));
        }
    }
    Ok((true, tip))
}

/// Tells one run, counting the inputs; says whether that was all of it.
fn tell_run(segments: &[PathBuf], told: &mut u64, rebuild: &mut dyn Rebuild) -> io::Result<bool> {
    for path in segments {
        let mut lines = Lines::open(path)?;
        while let Some(line) = lines.next()? {
            let whole = match line {
                Line::Header(Some(_)) => true,
                // After a segment that failed, the next one says some of it again.
                Line::Entry(entry) if entry.seq < *told => true,
                Line::Entry(entry) if entry.seq == *told => {
                    *told += 1;
                    rebuild.input(entry)
                }
                // What follows a missing input cannot be replayed: the state would be another.
                Line::Entry(_) | Line::Header(None) | Line::Damaged => false,
            };
            if !whole {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The record of a call of which only its arrival is known. Of one that was refused that is all.
fn certain(arrived: &Entry, ended_at: Timestamp, writing: Writing<'_>) -> CallRecord {
    let lost = |call, from: &From, to: &str, via: &Via| CallRecord {
        from: from.number.as_deref().and_then(writing.number),
        from_name: from.name.clone(),
        to: to.to_owned(),
        ..bare(call, via.named(|id| (writing.agent)(id).unwrap_or_else(|| id.to_string())))
    };
    let (arrived_at, ended_at) = (arrived.at, ended_at.max(arrived.at));
    match &arrived.input {
        Input::Event(
            Event::CallArrived { call, from, to, via } | Event::CallOpening { call, from, to, via },
        ) => CallRecord { arrived_at, ended_at, ..lost(*call, from, to, via) },
        Input::Event(Event::CallRefused { call, from, to, via, by, cause }) => CallRecord {
            arrived_at,
            ended_at: arrived_at,
            outcome: CallOutcome::Refused,
            ended_by: *by,
            cause: *cause,
            ..lost(*call, from, to, via)
        },
        Input::Event(Event::OutboundAsked { by, call, ask }) => CallRecord {
            arrived_at,
            ended_at,
            from: (writing.number)(&ask.to),
            to: ask.from.clone().unwrap_or_default(),
            outcome: CallOutcome::NotReached,
            outbound: Some(Outbound { by: by.name.clone(), key: ask.key.clone() }),
            ..bare(*call, NamedVia::Outbound(ask.trunk.clone().unwrap_or_default()))
        },
        Input::Event(_) | Input::Own(_) => unreachable!("only arrivals are looked up"),
    }
}

/// A call that was lost, and of which nothing is known.
const fn bare(call: CallId, via: NamedVia) -> CallRecord {
    CallRecord {
        call,
        from: None,
        from_name: None,
        account: None,
        segment: None,
        to: String::new(),
        via,
        flow: None,
        language: None,
        intent: None,
        arrived_at: Timestamp(0),
        answered_at: None,
        caller_left_at: None,
        ended_at: Timestamp(0),
        outcome: CallOutcome::Failed,
        ended_by: EndedBy::ServerLost,
        cause: Cause::TEMPORARY_FAILURE,
        path: Vec::new(),
        queued: Vec::new(),
        legs: Vec::new(),
        vars: BTreeMap::new(),
        recordings: Vec::new(),
        outbound: None,
    }
}

fn len(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |data| data.len())
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
