//! Servers that are killed and started again, over a real folder and a real configuration.

mod calls;
mod checkpoints;
mod edits;
mod runs;
mod talks;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::center::journal::masked;
use crate::center::names::Names;
use crate::center::snapshot::{AgentView, CallState, CallView};
use crate::config::{self, Sources};
use crate::id::{CallId, LegId};
use crate::metrics::{Gathering, Report, Times};
use crate::server::setup;
use crate::store::Store;
use crate::words::{
    AgentRequest, AgentState, CallOutcome, CallRecord, Cause, Command, Digit, Disposition, EndedBy,
    From, RecordFilter, Via,
};

const CALLER: &str = "+14155550123";
const CONFIG: &str = r#"
server.flows = "flows"
server.state = "state"
[agents.alice]
password = "alice-has-a-long-password"
[agents.bob]
password = "bobs-password-is-long-too"
auto_login = true
[agents.fay]
address = "sip:fay@127.0.0.1:5999"
auto_login = true
auto_ready = true
skills = { night = 1 }
[queues.sales]
wrap_up_s = 60
"#;
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
skills = { day = 1 }
next = "survey"
timeout = "bye"
wait_s_max = 3600
[menu.survey]
text = "Were we of help? Press one or two."
keys = { 1 = "bye", 2 = "bye" }
give_up = "bye"
[hangup.bye]
text = "Bye."
"#;
/// Monday morning.
const MORNING: Timestamp = Timestamp::from_millis(1_764_072_000_000);
const AWAY: Duration = Duration::from_secs(20);
const PROVIDER: &str = "twilio";

/// The folder of a server.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("flows")).unwrap();
        std::fs::write(folder.path().join("flows/lost.toml"), FLOW).unwrap();
        let world = Self { folder };
        world.configure(&with_skills(CONFIG));
        world
    }

    fn configure(&self, text: &str) {
        let file = self.path("attendant.toml");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// Nothing of earlier runs is kept but journals and records.
    fn lose_setups(&self) {
        for entry in std::fs::read_dir(self.state()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name == "names.json" || name.starts_with("setup-") {
                std::fs::remove_file(path).unwrap();
            }
        }
    }

    fn start(&self, now: Timestamp) -> Server {
        let sources = Sources { file: Some(self.path("attendant.toml")), ..Sources::default() };
        let loaded = config::load(&sources).unwrap_or_else(|problems| panic!("{problems}"));
        let config::Loaded { mut config, flows, directory, .. } = loaded;
        config.server.state = self.state();
        let setup = setup::center(&config, flows, directory);
        let begun = look(&config, &|| now).unwrap().open(&config, setup).unwrap();
        let restored = begun.restored.as_ref();
        let goes_on = restored.is_some();
        let now = restored.map_or(now, |restored| restored.lost_at.max(now));
        let reader = begun.opened.store.reader().unwrap();
        let (Beginning { mut center, figures, inputs }, opened) =
            begun.begin(now, &config, &*reader).unwrap();
        center.hear_facts(now);
        let store = opened.store;
        let (next_call, carried) = (opened.next_call, opened.recovered.carried.len());
        let mut server =
            Server { center, figures, store, now, next_call, goes_on, carried, dialed: None };
        for (at, first) in inputs {
            server.wake(at);
            match first {
                First::Event(event) => server.feed(at, event),
                First::Setup(new) => server.reconfigure(at, *new),
            }
        }
        server.keep_agent_moves();
        server.wake(now);
        server
    }

    fn records(&self) -> Vec<CallRecord> {
        let all = RecordFilter { limit: 100, ..RecordFilter::default() };
        let mut records = store::read_records(&self.state()).unwrap().list(&all).unwrap();
        records.reverse();
        records
    }

    /// What each agent spent their time on, as a report of records has it.
    fn times(&self, from: Timestamp, to: Timestamp) -> (Times, Names) {
        let (mut times, mut names) = (Times::default(), Names::default());
        let reader = store::read_records(&self.state()).unwrap();
        reader.agent_times(from..to, &mut names, &mut times).unwrap();
        (times, names)
    }

    /// The one record of this call, if it has one.
    #[track_caller]
    fn record(&self, call: CallId) -> Option<CallRecord> {
        let mut found: Vec<_> = self.records().into_iter().filter(|r| r.call == call).collect();
        assert!(found.len() <= 1);
        found.pop()
    }
}

/// Alice and Bob sell by day.
fn with_skills(config: &str) -> String {
    config.replace("password = ", "skills = { day = 3 }\npassword = ")
}

/// A running server, without sockets.
struct Server {
    center: ContactCenter,
    figures: Follower,
    store: Store,
    now: Timestamp,
    next_call: CallId,
    goes_on: bool,
    carried: usize,
    dialed: Option<LegId>,
}

impl Server {
    fn feed(&mut self, at: Timestamp, event: Event) {
        self.store.note(at, Some(&masked(&self.center, &event)));
        self.center.handle(at, event);
        self.carry_out(at);
    }

    fn reconfigure(&mut self, at: Timestamp, NewSetup { setup, digest }: NewSetup) {
        self.store.note_setup(at, &digest);
        self.center.reconfigure(at, setup).unwrap();
        self.carry_out(at);
    }

    fn carry_out(&mut self, at: Timestamp) {
        let mut ended = Vec::new();
        while let Some(command) = self.center.poll_command() {
            match command {
                Command::Dial { leg, .. } => self.dialed = Some(leg),
                Command::CloseRecord { record } => {
                    ended.push(record.clone());
                    self.store.close(record);
                }
                Command::AmendRecord { call, wrap_up } => drop(self.store.amend(call, wrap_up)),
                _ => {}
            }
        }
        while let Some(told) = self.center.poll_fact() {
            let mut ended = ended.iter().map(|record| &**record);
            let of_fact = ended.find(|record| Some(record.call) == told.fact.call());
            self.figures.fold(&told, of_fact);
        }
        while let Some((agent, state)) = self.center.poll_saved_state() {
            self.store.keep_agent_state(self.center.agent_name(agent), state);
        }
        self.keep_agent_moves();
        self.center.check(at);
    }

    fn keep_agent_moves(&mut self) {
        while let Some((at, agent, state)) = self.center.poll_agent_move() {
            let state = state.clone();
            self.store.keep_agent_move(at, self.center.agent_name(agent), &state);
        }
    }

    /// Lets time pass, as the driver does.
    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.wake(self.now);
    }

    fn wake(&mut self, now: Timestamp) {
        if self.center.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.store.note(now, None);
            self.center.handle_timeout(now);
            self.carry_out(now);
        }
    }

    fn tell(&mut self, event: Event) {
        self.pass(Duration::from_secs(1));
        self.feed(self.now, event);
    }

    /// The process is lost before what follows from this is carried out.
    fn tell_unwritten(&mut self, event: Event) {
        self.pass(Duration::from_secs(1));
        self.store.note(self.now, Some(&masked(&self.center, &event)));
        self.center.handle(self.now, event);
        while self.center.poll_command().is_some() {}
    }

    fn ask(&mut self, agent: &str, ask: AgentRequest) {
        let agent = self.center.agent_id(agent).unwrap();
        self.tell(Event::AgentAsked { agent, ask, by: None });
    }

    fn register(&mut self, agent: &str) {
        let agent = self.center.agent_id(agent).unwrap();
        self.tell(Event::PhoneReachable { agent, reachable: true });
    }

    fn ready(&mut self, agent: &str) {
        self.register(agent);
        self.ask(agent, AgentRequest::Ready);
    }

    fn calls(&mut self, number: &str, via: Via) -> CallId {
        let from = From { number: Some(number.to_owned()), name: None };
        let call = self.next_call;
        self.next_call = call.next();
        self.tell(Event::CallArrived { call, from, to: "100".to_owned(), via });
        call
    }

    /// A call comes through the provider.
    fn provided(&mut self, number: &str) -> CallId {
        self.calls(number, Via::Provider(PROVIDER.to_owned()))
    }

    fn presses(&mut self, call: CallId, keys: &str) {
        let keys = keys.chars().map(|key| Digit::new(key).unwrap()).collect();
        self.tell(Event::Keys { leg: LegId::caller(call), keys });
    }

    fn answered(&mut self) -> LegId {
        let leg = self.dialed.expect("somebody was dialed");
        self.tell(Event::Ringing { leg });
        self.tell(Event::Answered { leg });
        leg
    }

    fn hangs_up(&mut self, call: CallId) {
        let leg = LegId::caller(call);
        self.tell(Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
    }

    #[track_caller]
    fn call(&self, call: CallId) -> CallView {
        self.center.call(call).unwrap_or_else(|| panic!("{call} is up"))
    }

    fn agent(&self, name: &str) -> AgentView {
        self.center.agent_view(self.center.agent_id(name).unwrap())
    }

    fn kill(mut self) -> Timestamp {
        self.store.settle(self.now);
        self.store.kill();
        self.now + AWAY
    }

    /// As the driver after the second SIGTERM.
    fn stop(mut self) -> Timestamp {
        self.pass(Duration::from_secs(1));
        self.store.note(self.now, Some(&Event::Drain { until: self.now }));
        self.center.handle(self.now, Event::Drain { until: self.now });
        self.pass(Duration::ZERO);
        assert_eq!(self.center.calls_live(), 0);
        let working: Vec<AgentId> = self.center.in_after_call_work().collect();
        for agent in working {
            let ask = AgentRequest::end_wrap_up(None);
            self.feed(self.now, Event::AgentAsked { agent, ask, by: None });
        }
        self.store.shutdown().unwrap();
        self.now + AWAY
    }
}

fn trunk() -> Via {
    Via::Trunk("acme".to_owned())
}

fn path(record: &CallRecord) -> Vec<&str> {
    record.path.iter().map(|entry| entry.step.as_str()).collect()
}

/// A server with a call of this door that Alice talks to.
fn talking(world: &World, via: Via) -> (Server, CallId) {
    let mut server = world.start(MORNING);
    server.ready("alice");
    let call = server.calls(CALLER, via);
    server.presses(call, "1");
    server.answered();
    assert_eq!(server.call(call).state, CallState::Talking);
    (server, call)
}
