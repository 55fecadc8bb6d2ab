//! A start after a crash: how long until it is ready, and with how much memory, after a journal of
//! this many megabytes, with the checkpoint beside it and without.
//!
//! `MEGABYTES=256 CALLS=500 cargo bench --bench restart`. The journal is that of a center with as
//! many calls up at once, half of them at a provider; its checkpoints are made as beside a server.
//! Then the server itself starts on it, and is killed as soon as it is ready.
//!
//! **Deliberately absent:** the first start of all, which speaks the prompts.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use attendant::center::ContactCenter;
use attendant::center::journal::{Entry, Header, masked};
use attendant::config::{self, Loaded, Sources};
use attendant::id::{AgentId, CallId, LegId};
use attendant::server::{self, Checkpoints};
use attendant::store::{self, Head, KeptSetup, Opened, Rebuild, Rebuilt, StorePlace, Writing};
use attendant::time::Timestamp;
use attendant::words::{AgentRequest, Cause, Command, Digit, Event, From, Via};

const AGENTS: u32 = 200;
const PROVIDER: &str = "twilio";
const READY_WITHIN: Duration = Duration::from_secs(600);
const FLOW: &str = r#"
[flow]
numbers = ["*"]
start = "hello"
[menu.hello]
text = "For sales, press one."
keys = { 1 = "sales" }
give_up = "bye"
[queue.sales]
skills = { day = 1 }
timeout = "bye"
[hangup.bye]
"#;

fn main() {
    let (megabytes, calls) = (number("MEGABYTES", 256), number("CALLS", 500));
    let folder = tempfile::tempdir().expect("a folder");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let bench = Bench { folder: folder.path().to_path_buf(), port: port.port() };
    bench.configure("state");
    let (first, _) = bench.start("state");
    first.stop();
    bench.write(megabytes << 20, calls);
    bench.copy("state", "bare");
    for entry in fs::read_dir(bench.folder.join("bare")).expect("the copy").flatten() {
        if entry.file_name().to_string_lossy().starts_with("checkpoint-") {
            println!("a checkpoint has {} bytes", entry.metadata().map_or(0, |it| it.len()));
            fs::remove_file(entry.path()).expect("it can be deleted");
        }
    }
    for (name, state) in [("with a checkpoint", "state"), ("without", "bare")] {
        let (server, took) = bench.start(state);
        let (now, most) = server.memory();
        println!("{name}: ready after {took:.2?}; {now} kB resident, {most} kB at most");
        server.kill();
    }
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

struct Bench {
    folder: PathBuf,
    port: u16,
}

/// A server that runs.
struct Running(Child);

impl Running {
    fn stop(mut self) {
        let pid = self.0.id().to_string();
        Process::new("kill").arg(pid).status().expect("a system with signals");
        self.0.wait().expect("it ends");
    }

    fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ends");
    }

    /// Resident now, and the most so far, in kB.
    fn memory(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("Linux");
        let of = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
            line.split_whitespace().find_map(|word| word.parse().ok()).unwrap_or(0)
        };
        (of("VmRSS:"), of("VmHWM:"))
    }
}

impl Bench {
    fn file(&self, state: &str) -> PathBuf {
        self.folder.join(format!("{state}.toml"))
    }

    fn configure(&self, state: &str) {
        let port = self.port;
        let mut text = format!(
            "server.flows = \"flows\"\nserver.prompts = \"prompts\"\nserver.state = \"{state}\"\n\
             sip.listen = [\"127.0.0.1:0\"]\napi.listen = \"127.0.0.1:{port}\"\n\
             api.operate_token = \"9f86d081884c7d659a2feaa0c55ad015\"\n\
             webhooks.public_url = \"https://ivr.example.com\"\nwebhooks.listen = \"127.0.0.1:0\"\n\
             [providers.{PROVIDER}]\nsecrets = [\"a-secret-that-is-long-enough\"]\n"
        );
        for agent in 0..AGENTS {
            text += &format!(
                "[agents.a{agent}]\npassword = \"a-long-password-{agent}\"\n\
                 skills = {{ day = 5 }}\n"
            );
        }
        fs::create_dir_all(self.folder.join("flows")).expect("a folder");
        fs::create_dir_all(self.folder.join("prompts")).expect("a folder");
        fs::write(self.folder.join("flows/sales.toml"), FLOW).expect("a file");
        fs::write(self.file(state), text).expect("a file");
        let own = fs::Permissions::from_mode(0o600);
        fs::set_permissions(self.file(state), own).expect("it is ours");
    }

    /// A server on this folder, and how long it was until it was ready.
    fn start(&self, state: &str) -> (Running, Duration) {
        self.configure(state);
        let began = Instant::now();
        let mut serve = Process::new(env!("CARGO_BIN_EXE_attendant"));
        serve.arg("serve").arg("--config").arg(self.file(state)).stdout(Stdio::null());
        let log = fs::File::create(self.folder.join(format!("{state}.log"))).expect("a file");
        let server = Running(serve.stderr(log).spawn().expect("it was built"));
        while !self.is_ready() {
            assert!(began.elapsed() < READY_WITHIN, "it is not ready");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        let took = began.elapsed();
        let log = fs::read_to_string(self.folder.join(format!("{state}.log"))).unwrap_or_default();
        let lines = log.lines().filter(|line| line.contains("journal") || line.contains("calls"));
        lines.for_each(|line| println!("  {line}"));
        (server, took)
    }

    fn is_ready(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let request = "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        let mut answer = String::new();
        let asked = stream.write_all(request.as_bytes());
        asked.and_then(|()| stream.read_to_string(&mut answer)).is_ok()
            && answer.starts_with("HTTP/1.1 200")
    }

    fn copy(&self, from: &str, to: &str) {
        let to = self.folder.join(to);
        fs::create_dir_all(&to).expect("a folder");
        for entry in fs::read_dir(self.folder.join(from)).expect("the folder").flatten() {
            if entry.path().is_file() {
                fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
            }
        }
    }

    /// A run of the journal that was lost.
    fn write(&self, bytes: u64, calls: u64) {
        let sources = Sources { file: Some(self.file("state")), ..Sources::default() };
        let loaded = config::load(&sources).unwrap_or_else(|problems| panic!("{problems}"));
        let Loaded { config, flows, directory, .. } = loaded;
        let state = self.folder.join("state");
        let setup = server::setup(&config, flows, directory);
        let setup = server::named(&StorePlace::from(&state), setup).expect("the names are ours");
        let found = store::look(&state, setup.node, &mut Nothing).expect("the folder is ours");
        let kept = KeptSetup::of(&setup);
        kept.keep(&state, found.run()).expect("it can be written");
        store::keep_names(&state, setup.node, &setup.names).expect("they can be written");
        let now = server::now();
        let head = Head { started_at: now, seed: 1, config: kept.digest };
        let writing = Writing { agent: &|_| None, number: &|raw| Some(raw.to_owned()) };
        let opened = found.begin(&head, &writing).expect("it can be written");
        let checkpoints =
            Checkpoints::start(StorePlace::from(&state), opened.store.checkpointing());
        let checkpoints = checkpoints.expect("a thread");
        let mut center = Center::new(ContactCenter::new(setup), opened, now);
        let began = Instant::now();
        while journal_len(&state) < bytes {
            for _ in 0..2_000 {
                center.next_call(calls);
            }
        }
        let (inputs, took) = (center.inputs, began.elapsed());
        println!("{inputs} inputs in {took:.1?}; {} calls are up", center.center.calls_live());
        // It makes the last one, as beside a server that goes on.
        std::thread::park_timeout(Duration::from_secs(5));
        drop(checkpoints);
        drop(center);
    }
}

fn journal_len(state: &Path) -> u64 {
    let segments = store::journal::segments(state).expect("the folder");
    segments.iter().filter_map(|path| Some(fs::metadata(path).ok()?.len())).sum()
}

/// Nothing was lost before.
struct Nothing;

impl Rebuild for Nothing {
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

/// A center with its journal, and people who do as they are asked.
struct Center {
    center: ContactCenter,
    store: store::Store,
    now: Timestamp,
    next: CallId,
    up: VecDeque<CallId>,
    inputs: u64,
}

impl Center {
    fn new(center: ContactCenter, opened: Opened, now: Timestamp) -> Self {
        let Opened { store, next_call: next, .. } = opened;
        let mut center = Self { center, store, now, next, up: VecDeque::new(), inputs: 0 };
        for agent in (0..AGENTS).map(AgentId) {
            center.feed(Event::PhoneReachable { agent, reachable: true });
            center.feed(Event::AgentAsked { agent, ask: AgentRequest::Ready, by: None });
        }
        center
    }

    /// A call comes and waits for an agent, who answers; past `calls` the oldest ends.
    fn next_call(&mut self, calls: u64) {
        self.now = self.now + Duration::from_millis(7);
        let call = self.next;
        self.next = call.next();
        let via = match call.n().is_multiple_of(2) {
            true => Via::Provider(PROVIDER.to_owned()),
            false => Via::Trunk("acme".to_owned()),
        };
        let from = From { number: Some(format!("+1415555{:04}", call.n() % 10_000)), name: None };
        let leg = LegId::caller(call);
        self.feed(Event::CallArrived { call, from, to: "+14155550100".to_owned(), via });
        self.feed(Event::Digit { leg, digit: Digit::new('1').expect("a key") });
        self.up.push_back(call);
        if self.up.len() as u64 > calls {
            let leg = LegId::caller(self.up.pop_front().expect("one is up"));
            self.feed(Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
        }
        if self.center.poll_timeout().is_some_and(|(at, _)| at <= self.now) {
            self.store.note(self.now, None);
            self.center.handle_timeout(self.now);
            self.carry_out();
        }
        self.store.settle(self.now);
        while self.store.health().waiting > 5_000 {
            self.store.flush();
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    fn feed(&mut self, event: Event) {
        self.store.note(self.now, Some(&masked(&self.center, &event)));
        self.center.handle(self.now, event);
        self.inputs += 1;
        self.carry_out();
    }

    fn carry_out(&mut self) {
        let mut answers = Vec::new();
        while let Some(command) = self.center.poll_command() {
            match command {
                Command::Dial { leg, .. } => {
                    answers.push(Event::Ringing { leg });
                    answers.push(Event::Answered { leg });
                }
                Command::CloseRecord { record } => drop(self.store.close(record)),
                Command::AmendRecord { call, wrap_up } => drop(self.store.amend(call, wrap_up)),
                _ => {}
            }
        }
        answers.into_iter().for_each(|event| self.feed(event));
    }
}
