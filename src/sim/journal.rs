//! The journal of a simulated run, and the replay of any journal.
//!
//! **Invariant:** the lines are those the store writes, so a simulated run can be replayed like a
//! day in production, and the other way round.
//!
//! **Deliberately absent:** files. Lines come in and go out.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::center::journal::{Entry, Header, Input, LATE_MAX, Own, VERSION, overdue};
use crate::center::names::NamesError;
use crate::center::{ContactCenter, Setup};
use crate::front::Turn;
use crate::id::{CallId, NodeId};
use crate::time::Timestamp;
use crate::words::{CallRecord, Command, Event};

/// Lines a failed run shows.
pub const TAIL_LINES: usize = 40;

/// What a run has written so far.
#[derive(Clone, Debug)]
pub struct Journal {
    hash: u64,
    seq: u64,
    tail: VecDeque<String>,
    /// All lines, where they were asked for.
    kept: Option<Vec<String>>,
    /// Reused for each command.
    scratch: String,
}

/// A line that is not what a journal promises.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    #[error("line 1 is no head of a journal: {why}")]
    Header { why: String },
    #[error(
        "this journal has version {found} and this program knows {VERSION}: use the newer program"
    )]
    Version { found: u32 },
    #[error("line {line} is no input: {why}")]
    Line { line: usize, why: String },
    #[error("line {line} has number {found} after {last}: lines are missing or mixed up")]
    Sequence { line: usize, last: u64, found: u64 },
    #[error("line {line} goes back in time, to {at}")]
    Time { line: usize, at: Timestamp },
}

/// What a replay brought about.
#[derive(Debug)]
pub struct Replay {
    /// The center as it stands after the last input.
    pub center: ContactCenter,
    pub inputs: u64,
    /// Records in the order in which their calls ended, with what became known of them later.
    pub records: Vec<CallRecord>,
    /// When the last input came.
    pub ended_at: Timestamp,
    /// Of inputs and commands; equal to that of the simulated run that wrote the journal.
    pub hash: u64,
}

impl Journal {
    #[must_use]
    pub fn new(seed: u64, started_at: Timestamp, keep: bool) -> Self {
        let config = "simulated".to_owned();
        let header = Header {
            attendant_journal: VERSION,
            node: NodeId::default(),
            run: 0,
            segment: 0,
            started_at,
            seed,
            config,
            continues: None,
        };
        Self {
            hash: FNV_OFFSET,
            seq: 0,
            tail: VecDeque::new(),
            kept: keep.then(|| vec![line(&header)]),
            scratch: String::new(),
        }
    }

    /// Notes an input; no event is a wake-up. Call it before the center handles it.
    pub fn input(&mut self, center: &ContactCenter, now: Timestamp, event: Option<&Event>) {
        self.note(&Entry::new(center, self.seq, now, event));
    }

    /// Notes that the center is given this setup. Call it before the center takes it.
    pub fn setup(&mut self, now: Timestamp, digest: &str) {
        let input = Input::Own(Own::Reconfigured { setup: digest.to_owned() });
        self.note(&Entry { seq: self.seq, at: now, input });
    }

    fn note(&mut self, entry: &Entry) {
        let line = line(entry);
        self.seq += 1;
        self.hash = fnv(self.hash, line.as_bytes());
        if let Some(kept) = &mut self.kept {
            kept.push(line.clone());
        }
        self.show(line);
    }

    /// Adds a command to the hash and to what a failure shows.
    pub fn command(&mut self, command: &Command) {
        self.scratch.clear();
        write!(self.scratch, "        {command:?}").expect("writing to a string cannot fail");
        self.hash = fnv(self.hash, self.scratch.as_bytes());
        let line = self.scratch.clone();
        self.show(line);
    }

    /// Of every input and every command so far.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    #[must_use]
    pub const fn inputs(&self) -> u64 {
        self.seq
    }

    /// The last lines, commands included, oldest first.
    #[must_use]
    pub fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }

    /// All lines of inputs, if the journal keeps them.
    #[must_use]
    pub fn into_lines(self) -> Vec<String> {
        self.kept.unwrap_or_default()
    }

    fn show(&mut self, line: String) {
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }
}

/// Reads a whole journal strictly: in a file that is to explain an incident, a gap is an answer.
///
/// # Errors
///
/// The first line that is not as promised, by its number.
pub fn parse(text: &str) -> Result<(Header, Vec<Entry>), JournalError> {
    let mut lines = text.lines();
    let header: Header = serde_json::from_str(lines.next().unwrap_or_default())
        .map_err(|error| JournalError::Header { why: error.to_string() })?;
    if header.attendant_journal > VERSION {
        return Err(JournalError::Version { found: header.attendant_journal });
    }
    let mut entries: Vec<Entry> = Vec::new();
    for (text, line) in lines.zip(2..) {
        let entry: Entry = serde_json::from_str(text)
            .map_err(|error| JournalError::Line { line, why: error.to_string() })?;
        if let Some(last) = entries.last() {
            if entry.seq != last.seq + 1 {
                let (last, found) = (last.seq, entry.seq);
                return Err(JournalError::Sequence { line, last, found });
            }
            if entry.at < last.at {
                return Err(JournalError::Time { line, at: entry.at });
            }
        }
        entries.push(entry);
    }
    Ok((header, entries))
}

/// Feeds the inputs of a journal to a fresh center. The setup has to be the one the journal was
/// written with; with another one it shows what that one would have done with the same inputs.
///
/// Calls [`ContactCenter::check`] after each input where `check` is set.
///
/// # Panics
///
/// If an invariant of the center is broken: the journal has found a bug.
#[must_use]
pub fn replay(setup: Setup, entries: &[Entry], check: bool) -> Replay {
    replay_with(ContactCenter::new(setup), entries, check)
}

/// As [`replay`], with a center that knows of earlier calls
/// ([`learn`](ContactCenter::learn)) but has had no input yet.
///
/// # Panics
///
/// As [`replay`].
#[must_use]
pub fn replay_with(center: ContactCenter, entries: &[Entry], check: bool) -> Replay {
    let replay = try_replay_with(center, entries, check);
    replay.unwrap_or_else(|broken| panic!("{broken}"))
}

/// An input that this program cannot take: an error of the program, or a journal that no run of it
/// has written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("input {seq}, at {at}, cannot be replayed: {why}")]
pub struct Broken {
    pub seq: u64,
    pub at: Timestamp,
    pub why: String,
}

/// As [`replay_with`], for a journal of unknown origin.
///
/// # Errors
///
/// At the first input after which an invariant of the center is broken.
pub fn try_replay_with(
    center: ContactCenter,
    entries: &[Entry],
    check: bool,
) -> Result<Replay, Broken> {
    try_replay_under(center, entries, check, &|_| None)
}

/// As [`try_replay_with`], of a run that was given other setups: `setups` has them, by what the
/// journal calls them.
///
/// # Errors
///
/// As [`try_replay_with`], and at an input that names a setup which is not there.
pub fn try_replay_under(
    center: ContactCenter,
    entries: &[Entry],
    check: bool,
    setups: &dyn Fn(&str) -> Option<Setup>,
) -> Result<Replay, Broken> {
    let mut telling = Telling {
        center,
        journal: Journal::new(0, Timestamp::default(), false),
        records: Vec::new(),
        ended_at: Timestamp::default(),
        check,
    };
    for entry in entries {
        let broken = |why| Broken { seq: entry.seq, at: entry.at, why };
        let setup = match &entry.input {
            Input::Own(Own::Reconfigured { setup }) => {
                let given = setups(setup).ok_or_else(|| format!("setup {setup} is not there"));
                Some((setup.as_str(), given.map_err(broken)?))
            }
            Input::Event(_) | Input::Own(Own::Wake) => None,
        };
        catch_unwind(AssertUnwindSafe(|| telling.tell(entry, setup)))
            .map_err(|panic| broken(said(panic.as_ref())))?
            .map_err(|error| broken(error.to_string()))?;
    }
    let Telling { center, journal, records, ended_at, check: _ } = telling;
    Ok(Replay { inputs: entries.len() as u64, hash: journal.hash(), center, records, ended_at })
}

/// A center that replays a journal.
struct Telling {
    center: ContactCenter,
    journal: Journal,
    records: Vec<CallRecord>,
    ended_at: Timestamp,
    check: bool,
}

impl Telling {
    fn tell(&mut self, entry: &Entry, setup: Option<(&str, Setup)>) -> Result<(), NamesError> {
        self.ended_at = self.ended_at.max(entry.at);
        while let Some(due) = overdue(&self.center, self.ended_at) {
            self.input(due, None);
        }
        match &entry.input {
            Input::Event(event) => self.input(self.ended_at, Some(event.clone())),
            Input::Own(Own::Wake) => self.input(self.ended_at, None),
            Input::Own(Own::Reconfigured { .. }) => {}
        }
        if let Some((digest, setup)) = setup {
            self.journal.setup(self.ended_at, digest);
            self.center.reconfigure(self.ended_at, setup)?;
            self.carry_out_all(self.ended_at);
        }
        if self.check {
            // The shell of the run may have been so late with a timer.
            self.center.check(self.ended_at - LATE_MAX);
        }
        Ok(())
    }

    /// Of a call that has ended: what becomes known of one is mostly known soon.
    fn record(&mut self, call: CallId) -> Option<&mut CallRecord> {
        self.records.iter_mut().rfind(|record| record.call == call)
    }
}

impl Turn for Telling {
    fn tell_center(&mut self, at: Timestamp, event: Option<Event>) {
        self.journal.input(&self.center, at, event.as_ref());
        match event {
            Some(event) => self.center.handle(at, event),
            None => self.center.handle_timeout(at),
        }
    }

    fn poll_command(&mut self) -> Option<Command> {
        self.center.poll_command()
    }

    /// What the run has done is done.
    fn carry_out(&mut self, _at: Timestamp, command: Command) {
        self.journal.command(&command);
        match command {
            Command::CloseRecord { record } => self.records.push(*record),
            Command::AmendRecord { call, wrap_up } => {
                let legs = self.record(call).into_iter().flat_map(|record| &mut record.legs);
                for leg in legs.filter(|leg| leg.leg == wrap_up.leg) {
                    leg.wrap_up = Some(wrap_up.clone());
                }
            }
            Command::AmendRecording { update } => {
                if let Some(record) = self.record(update.name.call) {
                    record.learn(&update);
                }
            }
            Command::Ask { .. }
            | Command::Answer { .. }
            | Command::Ring { .. }
            | Command::Reject { .. }
            | Command::Play { .. }
            | Command::StopPlay { .. }
            | Command::Record { .. }
            | Command::StopRecord { .. }
            | Command::RecordCall { .. }
            | Command::Dial { .. }
            | Command::Hear { .. }
            | Command::HangUp { .. } => {}
        }
    }

    fn poll_event(&mut self, _at: Timestamp) -> Option<Event> {
        None
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it ended without a word").to_owned()
}

fn line(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain fields always make JSON")
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// FNV-1a: equal on every machine and cheap; it guards against accidents, not against people.
fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::LegId;
    use crate::words::{Digit, From, Via};

    fn text() -> String {
        let call = CallId(7);
        let header = Header {
            attendant_journal: VERSION,
            node: NodeId::default(),
            run: 1,
            segment: 0,
            started_at: Timestamp(5),
            seed: 9,
            config: "abc".to_owned(),
            continues: None,
        };
        let arrived = Event::CallArrived {
            call,
            from: From { number: Some("+14155550123".to_owned()), name: None },
            to: "100".to_owned(),
            via: Via::Trunk("t".to_owned()),
        };
        let digit = Event::Digit { leg: LegId::caller(call), digit: Digit::new('5').unwrap() };
        let inputs = [Input::Event(arrived), Input::Own(Own::Wake), Input::Event(digit)];
        let mut text = line(&header);
        for (input, seq) in inputs.into_iter().zip(0..) {
            text += "\n";
            text += &line(&Entry { seq, at: Timestamp(10 * seq), input });
        }
        text
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let (header, entries) = parse(&text()).unwrap();
        let lines = std::iter::once(line(&header)).chain(entries.iter().map(line));
        assert_eq!(lines.collect::<Vec<_>>().join("\n"), text());
        assert_eq!(entries[1].input, Input::Own(Own::Wake));
    }

    /// A secret entry that only one number passes, and a step that waits longer.
    const PIN: &str = r#"
[flow]
numbers = ["*"]
start = "pin"
[collect.pin]
text = "Your pin."
into = "pin"
digits_min = 4
digits_max = 4
secret = true
valid = "pin == '4711'"
tries_max = 5
inter_digit_s = 3
next = "account"
give_up = "bye"
[collect.account]
text = "Your account."
into = "account"
digits_min = 2
digits_max = 8
inter_digit_s = 30
next = "bye"
give_up = "bye"
[hangup.bye]
"#;

    fn pin() -> Setup {
        let flow = crate::flow::parse("pin.toml", PIN, &crate::flow::Known::anything());
        let flow = flow.unwrap_or_else(|wrong| panic!("{}", crate::flow::explain(&wrong)));
        Setup { flows: vec![std::sync::Arc::new(flow)], ..Setup::default() }
    }

    fn arrived(call: CallId) -> Event {
        Event::CallArrived {
            call,
            from: From { number: Some("+14155550123".to_owned()), name: None },
            to: "100".to_owned(),
            via: Via::Trunk("t".to_owned()),
        }
    }

    /// A run in which each of these happens some seconds after the one before, as it is written.
    fn journal_of(events: Vec<(u64, Event)>) -> Vec<Entry> {
        let mut center = ContactCenter::new(pin());
        let mut at = Timestamp(100_000);
        let mut entries = Vec::new();
        for ((after_s, event), seq) in events.into_iter().zip(0..) {
            at = Timestamp(at.0 + 1_000 * after_s);
            entries.push(Entry::new(&center, seq, at, Some(&event)));
            center.handle(at, event);
            while center.poll_command().is_some() {}
            center.check(at);
        }
        entries
    }

    /// The replay is still at the secret step when the run was at the next, and waits for a shorter
    /// time there: no line of the journal wakes it.
    #[test]
    fn fault_14_a_journal_with_a_secret_entry_is_replayed() {
        let key = |key| {
            let (leg, digit) = (LegId::caller(CallId(1)), Digit::new(key).unwrap());
            Event::Digit { leg, digit }
        };
        let mut events = vec![(0, arrived(CallId(1)))];
        events.extend("4711".chars().map(|digit| (1, key(digit))));
        events.extend([(1, key('8')), (20, arrived(CallId(2)))]);
        let entries = journal_of(events);
        let masked = entries.iter().filter(|entry| line(entry).contains('•')).count();
        assert_eq!(masked, 4);
        let replay = try_replay_with(ContactCenter::new(pin()), &entries, true).unwrap();
        assert_eq!((replay.inputs, replay.center.calls_live()), (7, 2));
    }

    /// A provider may report a key that was pressed some time ago.
    #[test]
    fn keys_of_a_secret_step_are_masked_also_where_they_come_late() {
        let (call, at) = (CallId(1), Timestamp(100_500));
        let leg = LegId::caller(call);
        let key = Event::Digit { leg, digit: Digit::new('4').unwrap() };
        let keys = Event::Keys { leg, keys: vec![Digit::new('7').unwrap(); 2] };
        let mut center = ContactCenter::new(pin());
        center.handle(Timestamp(100_000), arrived(call));
        while center.poll_command().is_some() {}
        for event in [key, keys] {
            let late = Event::Late { at, event: Box::new(event.clone()) };
            for event in [event, late] {
                let text = line(&Entry::new(&center, 0, Timestamp(101_000), Some(&event)));
                let is_hidden = !text.contains("\"4\"") && !text.contains("\"7\"");
                assert!(text.contains('•') && is_hidden, "{text}");
            }
        }
    }

    #[test]
    fn fault_14_a_line_that_no_run_wrote_is_taken_or_ends_the_replay_with_its_place() {
        let (agent, leg) = (crate::id::AgentId(77), LegId { call: CallId(9), n: 3 });
        let events = [
            Event::PhoneReachable { agent, reachable: true },
            Event::AgentAsked { agent, ask: crate::words::AgentRequest::Ready, by: None },
            Event::Answered { leg },
            Event::Lost { call: CallId(9) },
            Event::HungUp { leg, cause: crate::words::Cause::NORMAL_CLEARING },
        ];
        for event in events {
            let entry = Entry { seq: 0, at: Timestamp(5), input: Input::Event(event) };
            let told = try_replay_with(ContactCenter::new(pin()), &[entry], true);
            let said = told.map_or_else(|broken| broken.to_string(), |_| String::new());
            let place = "input 0, at 0.005, cannot be replayed: ";
            assert!(said.is_empty() || said.starts_with(place), "{said}");
        }
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        assert_eq!(parse(text).unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_broken_journal_says_where() {
        let whole = text();
        let lines: Vec<&str> = whole.lines().collect();
        let gap = [lines[0], lines[1], lines[3]].join("\n");
        check_error(&gap, "line 3 has number 2 after 0: lines are missing or mixed up");
        let back = whole.replace("\"at\":20", "\"at\":9");
        check_error(&back, "line 4 goes back in time, to 1970-01-01T00:00:00.009Z");
        let newer = whole.replace("journal\":4", "journal\":5");
        assert_eq!(parse(&newer).unwrap_err(), JournalError::Version { found: 5 });
        assert!(matches!(parse(""), Err(JournalError::Header { .. })));
        let cut = &whole[..whole.len() - 5];
        assert!(matches!(parse(cut), Err(JournalError::Line { line: 4, .. })));
    }
}
