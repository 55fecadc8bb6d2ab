//! After a start: calls that were up when the server was lost go on, or get their records.
//!
//! **Invariant:** each call that the journal saw arrive has exactly one record sooner or later,
//! however often recovery runs or is itself cut short: what becomes of each is written in one
//! transaction, a record that is there already stays, and a call without one is carried over, with
//! its arrival, to the next recovery.
//!
//! **Deliberately absent:** how a call is rebuilt from its journal. The server that opens the store
//! may know ([`Rebuild`]); a call that is not rebuilt gets what is certain: who called whom, when.
//! A journal in memory: it is read line by line, as often as needed. What a state is: whoever
//! rebuilds knows that, too.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::id::{AgentId, CallId, NodeId};
use crate::store::StoreError;
use crate::store::certain::certain;
use crate::store::checkpoints::{self, Checkpoint};
use crate::store::database::{self, Applied, Change, Progress, RecordWriter};
use crate::store::journal::{self, Entry, Header, Input, Line, Lines};
use crate::time::Timestamp;
use crate::words::{CallRecord, Event};

/// Numbers left out after a run that was lost: a call that began in its last instant may have left
/// no line, and its number must not be given again.
const CALL_IDS_SKIPPED: u64 = 1_000;

/// A journal that is longer than this, in bytes, is not replayed whole without a word.
const WHOLE_LEN_SAID: u64 = 16 * 1024 * 1024;
/// One that is longer than this, in bytes, is not replayed whole: it would hold up the start for
/// minutes. From a checkpoint on any is.
const WHOLE_LEN_MAX: u64 = 256 * 1024 * 1024;

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

/// Gets the journal of a lost run, and of the runs that it continues, the oldest first; or what
/// came after a checkpoint of one of them.
pub trait Rebuild {
    /// Before anything else: the calls that have no record. Again where what came after it could
    /// not be replayed: then all of it comes anew.
    fn begin(&mut self, missing: &BTreeSet<CallId>);
    /// A state in place of all that came before it. The inputs after it follow, which are of the
    /// same run. `false`: it cannot be made of that, and is as it was.
    fn resume(&mut self, _: &Checkpoint) -> bool {
        false
    }
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
    let progress = db.progress()?;
    if let Some(theirs) = progress.node.filter(|theirs| *theirs != node) {
        return Err(StoreError::OtherNode { path: db.place(), theirs, ours: node });
    }
    let runs = runs(&progress, folder)?;
    let after = runs.last_key_value().map_or(0, |(run, _)| run + 1);
    let (call, continues) = (progress.next_call.max(CallId::first(node)), None);
    let mut next = Next { run: after, call, continues, lost_at: None };
    let unfinished: Vec<PathBuf> =
        runs.values().flat_map(|run| run.unfinished.iter().cloned()).collect();
    let chain = chain_of_the_lost(&progress, &runs, &unfinished)?;
    let mut points = Points::of(folder, chain.as_deref().unwrap_or_default()).map_err(failed)?;
    let (scan, rebuilt) = loop {
        let point = points.next();
        let scan = Scan::of(db, &progress, &unfinished, point.as_ref())?;
        let Some(chain) = chain.as_ref().filter(|_| !scan.missing.is_empty()) else {
            break (scan, Rebuilt::default());
        };
        rebuild.begin(&scan.missing.keys().copied().collect());
        if point.as_ref().is_some_and(|point| !rebuild.resume(point)) {
            continue; // the one before it, or the whole journal
        }
        if point.is_none() && is_too_long(chain) {
            break (scan, Rebuilt::default());
        }
        let (told, tip) = tell(chain, point.as_ref(), None, rebuild).map_err(failed)?;
        if told == Told::Refused && point.is_some() {
            tracing::error!("what came after a checkpoint cannot be replayed: please report it");
            continue;
        }
        let mut rebuilt = rebuild.end(told == Told::All);
        rebuilt.live.retain(|call| scan.missing.contains_key(call));
        next.continues = (!rebuilt.live.is_empty()).then_some(tip);
        break (scan, rebuilt);
    };
    if !unfinished.is_empty() {
        next.lost_at = Some(scan.ended_at);
        let seen = scan.last.map_or(next.call, CallId::next);
        next.call = next.call.max(seen).after(CALL_IDS_SKIPPED);
    }
    Ok(Found { scan, unfinished, rebuilt, next })
}

/// Whether a journal that has to be replayed from its beginning would hold up the start; says that
/// it takes a while, or why it is left.
fn is_too_long(chain: &[Link]) -> bool {
    let bytes = chain.iter().flat_map(|link| &link.segments).map(|path| len(path)).sum::<u64>();
    if bytes > WHOLE_LEN_MAX {
        tracing::error!(
            bytes,
            limit = WHOLE_LEN_MAX,
            "no checkpoint of the run that was lost can be taken, and its journal is too long to \
             be replayed whole: of calls that were up their records say what is certain"
        );
        return true;
    }
    if bytes > WHOLE_LEN_SAID {
        tracing::warn!(
            bytes,
            "no checkpoint of the run that was lost can be taken: its whole journal is replayed, \
             some seconds for each 10 MB"
        );
    }
    false
}

/// Tells a run that goes on, and those that it continues, to the head of this segment of it: from
/// this checkpoint, or else the last that can be taken, or from the beginning. Says whether that
/// was all, without a gap.
pub(super) fn lead(
    folder: &Path,
    from: Option<&Checkpoint>,
    until: (u64, u32),
    rebuild: &mut dyn Rebuild,
) -> Result<bool, StoreError> {
    let failed = |error| StoreError::io(folder, error);
    let runs = segments_by_run(folder)?;
    let Some(chain) = chain(&runs, until.0)? else { return Ok(false) };
    let mut tell = |point: Option<&Checkpoint>| -> Result<Option<bool>, StoreError> {
        if point.is_some_and(|point| !rebuild.resume(point)) {
            return Ok(None);
        }
        let (told, _) = tell(&chain, point, Some(until), rebuild).map_err(failed)?;
        Ok(Some(told == Told::All))
    };
    if from.is_some() {
        return Ok(tell(from)?.unwrap_or(false));
    }
    let mut points = Points::of(folder, &chain).map_err(failed)?;
    loop {
        if let Some(whole) = tell(points.next().as_ref())? {
            return Ok(whole);
        }
    }
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

/// Every run of which there is a segment, and which of these are finished.
fn runs(progress: &Progress, folder: &Path) -> Result<BTreeMap<u64, Run>, StoreError> {
    let mut runs = segments_by_run(folder)?;
    for run in runs.values_mut() {
        let is_open = |path: &&PathBuf| !progress.finished.contains(name(path));
        run.unfinished = run.segments.iter().filter(is_open).cloned().collect();
    }
    Ok(runs)
}

fn segments_by_run(folder: &Path) -> Result<BTreeMap<u64, Run>, StoreError> {
    let mut runs: BTreeMap<u64, Run> = BTreeMap::new();
    for path in journal::segments(folder).map_err(|error| StoreError::io(folder, error))? {
        if let Some((run, _)) = journal::parse_name(name(&path)) {
            runs.entry(run).or_default().segments.push(path);
        }
    }
    Ok(runs)
}

/// The checkpoints of a chain that can be read, the last first.
struct Points(Vec<checkpoints::Found>);

impl Points {
    fn of(folder: &Path, chain: &[Link]) -> io::Result<Self> {
        let is_of = |found: &checkpoints::Found| chain.iter().any(|it| it.header.run == found.run);
        Ok(Self(checkpoints::found(folder)?.into_iter().filter(is_of).collect()))
    }

    fn next(&mut self) -> Option<Checkpoint> {
        while let Some(found) = self.0.pop() {
            match found.read() {
                Ok(checkpoint) => return Some(checkpoint),
                Err(error) => {
                    let file = found.path().display();
                    tracing::warn!(%error, %file, "a checkpoint is passed over");
                }
            }
        }
        None
    }
}

impl Scan {
    /// What the unfinished segments say: where there is a checkpoint, those after it.
    fn of(
        db: &dyn RecordWriter,
        progress: &Progress,
        unfinished: &[PathBuf],
        point: Option<&Checkpoint>,
    ) -> Result<Self, StoreError> {
        let (missing, records_since) = (progress.carried.clone(), progress.records_since);
        let mut scan = Self { missing, records_since, ..Self::default() };
        if let Some(Checkpoint { place, .. }) = point {
            (scan.last, scan.ended_at, scan.entries) = (place.last, place.at, place.seq);
            for entry in &place.live {
                scan.arrived(db, entry.clone())?;
            }
        }
        for path in unfinished.iter().filter(|path| is_after(path, point)) {
            scan.read(db, path)?;
        }
        Ok(scan)
    }

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
            self.arrived(db, entry)?;
        }
        Ok(())
    }

    /// A call that arrives and has no record is missing.
    fn arrived(&mut self, db: &dyn RecordWriter, entry: Entry) -> Result<(), StoreError> {
        if let Input::Event(event) = &entry.input
            && let Some(call) = journal::arrival(event)
        {
            self.last = self.last.max(Some(call));
            if entry.at >= self.records_since && !db.has(call)? {
                self.misses(call, entry);
            }
        }
        Ok(())
    }

    /// A call has no record yet. Of one that we began and took back it is certain that we began it;
    /// its key is free.
    fn misses(&mut self, call: CallId, entry: Entry) {
        match self.missing.get_mut(&call).map(|known| &mut known.input) {
            Some(Input::Event(Event::OutboundAsked { ask, .. })) => ask.key = None,
            Some(_) | None => drop(self.missing.insert(call, entry)),
        }
    }
}

/// Whether lines of this segment may have come after the checkpoint.
fn is_after(path: &Path, point: Option<&Checkpoint>) -> bool {
    let before = point.zip(journal::parse_name(name(path)));
    !before.is_some_and(|(point, (run, segment))| {
        run == point.place.run && segment < point.place.segment
    })
}

/// The runs to replay: the last one that was lost, or else the one whose calls were carried over
/// into a run that never began; and those that it continues. `None` where one of them is missing.
fn chain_of_the_lost(
    progress: &Progress,
    runs: &BTreeMap<u64, Run>,
    unfinished: &[PathBuf],
) -> Result<Option<Vec<Link>>, StoreError> {
    let mut lost = runs.iter().rev().filter(|(_, run)| !run.unfinished.is_empty());
    let told = lost.next().map(|(number, _)| *number);
    if let Some(chain) = told.map(|last| chain(runs, last)).transpose()?.flatten() {
        return Ok(Some(chain));
    }
    for path in unfinished {
        if says_anything(path).map_err(|error| StoreError::io(path, error))? {
            return Ok(None);
        }
    }
    Ok(progress.continues.map(|last| chain(runs, last)).transpose()?.flatten())
}

/// Whether a segment has more than a head.
fn says_anything(path: &Path) -> io::Result<bool> {
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next()? {
        match line {
            Line::Header(Some(_)) => {}
            Line::Entry(_) | Line::Header(None) | Line::Damaged => return Ok(true),
        }
    }
    Ok(false)
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

/// Tells the inputs in order, each `seq` of a run once: from a checkpoint on where there is one, to
/// the head of a segment of the last run where one is named. Says how far, and the last run that
/// had any.
fn tell(
    chain: &[Link],
    from: Option<&Checkpoint>,
    until: Option<(u64, u32)>,
    rebuild: &mut dyn Rebuild,
) -> io::Result<(Told, u64)> {
    let first = from.map_or(0, |from| from.place.run);
    let mut tip = chain.first().map_or(0, |link| link.header.run).max(first);
    for link in chain.iter().filter(|link| link.header.run >= first) {
        let run = link.header.run;
        let resumed = from.filter(|from| from.place.run == run);
        let mut told = resumed.map_or(0, |from| from.place.seq);
        let is_wanted = |path: &&Path| {
            let segment = journal::parse_name(name(path)).map(|(_, segment)| segment);
            until.is_none_or(|(last, until)| run < last || segment.is_some_and(|it| it < until))
        };
        let of_run = match resumed.is_some() || rebuild.run(&link.header) {
            true => tell_run(link.after(from).filter(is_wanted), &mut told, rebuild)?,
            false => Told::Refused,
        };
        if told > 0 {
            tip = run;
        }
        if of_run != Told::All {
            return Ok((of_run, tip));
        }
    }
    Ok((Told::All, tip))
}

impl Link {
    /// Its segments, without those before the checkpoint.
    fn after<'a>(&'a self, point: Option<&'a Checkpoint>) -> impl Iterator<Item = &'a Path> {
        self.segments.iter().map(PathBuf::as_path).filter(move |path| is_after(path, point))
    }
}

/// How far a replay came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    All,
    /// An input is missing: what follows it cannot be replayed, for the state would be another.
    Gap,
    /// Who rebuilds could not take one.
    Refused,
}

/// Tells one run, counting the inputs.
fn tell_run<'a>(
    segments: impl Iterator<Item = &'a Path>,
    told: &mut u64,
    rebuild: &mut dyn Rebuild,
) -> io::Result<Told> {
    for path in segments {
        let mut lines = Lines::open(path)?;
        while let Some(line) = lines.next()? {
            match line {
                Line::Header(Some(_)) => {}
                // After a segment that failed, the next one says some of it again.
                Line::Entry(entry) if entry.seq < *told => {}
                Line::Entry(entry) if entry.seq == *told => {
                    *told += 1;
                    if !rebuild.input(entry) {
                        return Ok(Told::Refused);
                    }
                }
                Line::Entry(_) | Line::Header(None) | Line::Damaged => return Ok(Told::Gap),
            }
        }
    }
    Ok(Told::All)
}

fn len(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |data| data.len())
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
