//! Calls of a run that was lost, rebuilt: the journal is told to a fresh center, and what is still
//! up at its end is closed there.
//!
//! **Invariant:** only a whole journal of this very configuration and these flows is replayed; for
//! any other the store writes what is certain.
//!
//! **Deliberately absent:** carrying out commands. What the run asked of the world, it asked then.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::call::CallRecord;
use crate::center::journal::{Entry, Input, Own};
use crate::center::{Command, ContactCenter, Event};
use crate::store::journal::Read;
use crate::time::Timestamp;

/// The records of the calls that were up when the run was lost. `fresh` makes a center that knows
/// of earlier calls what the run knew when it began, at the time it is given.
pub(super) fn rebuild(
    read: &Read,
    digest: &str,
    fresh: impl Fn(Timestamp) -> ContactCenter,
) -> Vec<CallRecord> {
    let same = read.header.as_ref().filter(|header| header.config == digest);
    let Some(header) = same.filter(|_| read.damaged == 0 && is_whole(&read.entries)) else {
        return Vec::new();
    };
    let began = header.started_at;
    // The run may have been lost because of the last of these inputs: it must not happen again.
    let replayed = catch_unwind(AssertUnwindSafe(|| replay(fresh(began), &read.entries)));
    replayed.unwrap_or_else(|_| {
        tracing::error!("the journal of the lost run ends the replay, too: please report it");
        Vec::new()
    })
}

/// What follows a missing input cannot be replayed: the center would be in another state.
fn is_whole(entries: &[Entry]) -> bool {
    (0..).zip(entries).all(|(seq, entry)| entry.seq == seq)
}

fn replay(mut center: ContactCenter, entries: &[Entry]) -> Vec<CallRecord> {
    let Some(last) = entries.last() else { return Vec::new() };
    for entry in entries {
        match &entry.input {
            Input::Event(event) => center.handle(entry.at, event.clone()),
            Input::Own(Own::Wake) => center.handle_timeout(entry.at),
        }
        while center.poll_command().is_some() {}
    }
    let mut records = Vec::new();
    for call in center.snapshot(last.at).calls {
        center.handle(last.at, Event::EndCall { call: call.call });
        while let Some(command) = center.poll_command() {
            if let Command::CloseRecord { record } = command {
                records.push(*record);
            }
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::call::{EndedBy, LeftQueue, Outcome};
    use crate::center::journal::{Header, VERSION};
    use crate::center::{AgentAsk, Digit, From, Setup, Via, setup};
    use crate::flow::{self, Known};
    use crate::id::{AgentId, CallId, LegId};
    use crate::server::past;
    use crate::store;

    const CALLER: &str = "+14155550123";
    const FLOW: &str = r#"
[flow]
numbers = ["*"]
start = "often"
[branch.often]
cases = [{ if = "caller.calls_recent > 0", next = "sales" }]
else = "hello"
[menu.hello]
text = "For sales, press one."
keys = { 1 = "sales" }
give_up = "bye"
[queue.sales]
timeout = "bye"
[hangup.bye]
text = "Bye."
"#;

    fn center() -> ContactCenter {
        let flow = flow::parse("lost.toml", FLOW, &Known::anything());
        let flow = Arc::new(flow.unwrap_or_else(|problems| panic!("{problems:#?}")));
        let alice = setup::Agent {
            name: "alice".to_owned(),
            display_name: None,
            skills: Vec::new(),
            auto_login: false,
            auto_ready: false,
        };
        ContactCenter::new(Setup { flows: vec![flow], agents: vec![alice], ..Setup::default() })
    }

    /// A run as it is until it is lost: a center, and the journal of what it was told.
    struct Run {
        center: ContactCenter,
        now: Timestamp,
        entries: Vec<Entry>,
        records: Vec<CallRecord>,
        dialed: Option<LegId>,
    }

    impl Run {
        fn new(center: ContactCenter, now: Timestamp) -> Self {
            Self { center, now, entries: Vec::new(), records: Vec::new(), dialed: None }
        }

        fn tell(&mut self, event: Event) {
            self.now = self.now + Duration::from_secs(1);
            let seq = self.entries.len() as u64;
            self.entries.push(Entry::new(&self.center, seq, self.now, Some(&event)));
            self.center.handle(self.now, event);
            while let Some(command) = self.center.poll_command() {
                match command {
                    Command::Dial { leg, .. } => self.dialed = Some(leg),
                    Command::CloseRecord { record } => self.records.push(*record),
                    _ => {}
                }
            }
        }

        fn alice_is_ready(&mut self) {
            let agent = AgentId(0);
            self.tell(Event::PhoneReachable { agent, reachable: true });
            for ask in [AgentAsk::LogIn, AgentAsk::Ready] {
                self.tell(Event::AgentAsked { agent, ask });
            }
        }

        fn caller_calls(&mut self, call: u64) {
            let from = From { number: Some(CALLER.to_owned()), name: None };
            let via = Via::Trunk("acme".to_owned());
            let call = CallId(call);
            self.tell(Event::CallArrived { call, from, to: "100".to_owned(), via });
        }

        /// Writes the journal as a server that was killed leaves it.
        fn lost(&self, folder: &Path, run: u64, started_at: Timestamp) {
            let config = "same".to_owned();
            let header =
                Header { attendant_journal: VERSION, run, segment: 0, started_at, seed: 1, config };
            let mut lines = serde_json::to_string(&header).unwrap() + "\n";
            for entry in &self.entries {
                lines += &(serde_json::to_string(entry).unwrap() + "\n");
            }
            std::fs::write(folder.join(format!("journal-{run:08}-000000.jsonl")), lines).unwrap();
        }
    }

    /// Starts a server's store on the folder and says what became of each call.
    fn records_after_start(folder: &Path, digest: &str) -> Vec<CallRecord> {
        let fresh = |began| {
            let mut center = center();
            past::teach(&mut center, &store::read_records(folder).unwrap(), began).unwrap();
            center
        };
        let head = store::Head { started_at: Timestamp(9), seed: 1, config: digest.to_owned() };
        let writing = store::Writing { agent: &|_| None, number: &|_| None };
        let again = |read: &Read| rebuild(read, digest, fresh);
        let opened = store::open_rebuilding(folder, &head, &writing, &again).unwrap();
        opened.store.shutdown().unwrap();
        let all = store::Filter { limit: 10, ..store::Filter::default() };
        store::read_records(folder).unwrap().list(&all).unwrap()
    }

    const MORNING: Timestamp = Timestamp::from_millis(1_764_072_000_000);

    fn talking() -> Run {
        let mut run = Run::new(center(), MORNING);
        run.alice_is_ready();
        run.caller_calls(1);
        run.tell(Event::Digit { leg: LegId::caller(CallId(1)), digit: Digit::new('1').unwrap() });
        let leg = run.dialed.expect("alice's phone rings");
        run.tell(Event::Ringing { leg });
        run.tell(Event::Answered { leg });
        run
    }

    fn steps(record: &CallRecord) -> Vec<&str> {
        record.path.iter().map(|entry| entry.step.as_str()).collect()
    }

    #[test]
    fn a_lost_call_has_its_path_its_queue_and_its_agent() {
        let folder = tempfile::tempdir().unwrap();
        let run = talking();
        run.lost(folder.path(), 0, MORNING);
        let records = records_after_start(folder.path(), "same");
        let [record] = &records[..] else { panic!("{records:#?}") };
        assert_eq!(record.ended_by, EndedBy::ServerLost);
        assert_eq!((record.outcome, record.ended_at), (Outcome::Handled, run.now));
        assert_eq!(steps(record), ["often", "hello", "sales"]);
        assert_eq!(record.queued[0].left, LeftQueue::Answered);
        assert_eq!(record.legs[0].outcome, "accepted");
        assert_eq!(records_after_start(folder.path(), "same"), records, "and once only");
    }

    #[test]
    fn another_configuration_or_a_gap_leaves_what_is_certain() {
        let mut gap = talking();
        gap.entries.remove(2);
        for (run, digest) in [(talking(), "other"), (gap, "same")] {
            let folder = tempfile::tempdir().unwrap();
            run.lost(folder.path(), 0, MORNING);
            let records = records_after_start(folder.path(), digest);
            assert_eq!(steps(&records[0]), [""; 0]);
            assert_eq!(records[0].from.as_deref(), Some(CALLER));
            assert_eq!(records[0].ended_by, EndedBy::ServerLost);
        }
    }

    #[test]
    fn the_replay_knows_the_callers_that_the_run_knew_and_no_later_ones() {
        let folder = tempfile::tempdir().unwrap();
        talking().lost(folder.path(), 0, MORNING);
        let first = records_after_start(folder.path(), "same");
        assert_eq!(steps(&first[0]), ["often", "hello", "sales"]);
        // The second run began knowing of that call, so its flow went another way.
        let began = MORNING + Duration::from_secs(60);
        let mut taught = center();
        past::teach(&mut taught, &store::read_records(folder.path()).unwrap(), began).unwrap();
        let mut run = Run::new(taught, began);
        run.alice_is_ready();
        run.caller_calls(2);
        run.lost(folder.path(), 100, began);
        let records = records_after_start(folder.path(), "same");
        let paths: BTreeSet<_> = records.iter().map(|r| (r.call.0, steps(r))).collect();
        let expected = [(1, vec!["often", "hello", "sales"]), (2, vec!["often", "sales"])];
        assert_eq!(paths, BTreeSet::from(expected));
    }
}
