//! The server under test: the real binary, its own folder, its own ports.
//!
//! **Invariant:** only this process is signaled, and it is gone when the rig is dropped.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::clock::{SOON, left, now};
use crate::flows;
use crate::phone::Phone;
use crate::ports;

/// Sound ports of one server.
const PORTS_PER_RIG: u16 = 24;
/// The token of the HTTP interface in these tests.
pub(crate) const TOKEN: &str = "9f86d081884c7d659a2feaa0c55ad015";
/// Looked at again at least this often, where the server logs nothing.
const POLL: Duration = Duration::from_millis(25);

/// What the server printed, line by line.
#[derive(Default)]
struct Output {
    lines: Mutex<Vec<String>>,
    changed: Condvar,
}

pub(crate) struct Rig {
    folder: TempDir,
    pub sip: SocketAddr,
    pub api: SocketAddr,
    child: Option<Process>,
    output: Arc<Output>,
    http: ureq::Agent,
}

/// A process of ours, ended with the test.
pub(crate) struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A rig before its start.
pub(crate) struct Plan {
    agents_and_queues: String,
    flows: Vec<(String, String)>,
    /// Addresses whose calls are taken.
    trunk: String,
    settings: Vec<(String, String)>,
}

impl Plan {
    /// The flow these tests are about, and what a test adds to the configuration.
    pub(crate) fn new(agents_and_queues: &str) -> Self {
        Self {
            agents_and_queues: agents_and_queues.to_owned(),
            flows: vec![("support.toml".to_owned(), flows::SUPPORT.to_owned())],
            trunk: "127.0.0.1".to_owned(),
            settings: Vec::new(),
        }
    }

    pub(crate) fn flow(mut self, file: &str, text: &str) -> Self {
        self.flows.push((file.to_owned(), text.to_owned()));
        self
    }

    pub(crate) fn trunk(mut self, address: &str) -> Self {
        address.clone_into(&mut self.trunk);
        self
    }

    /// As `--set key=value`.
    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Starts the server and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(self) -> Rig {
        let mut rig = self.lay_out();
        rig.start();
        rig
    }

    /// Writes everything the server needs, and starts nothing.
    pub(crate) fn lay_out(self) -> Rig {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path();
        for sub in ["flows", "prompts", "state"] {
            fs::create_dir(path.join(sub)).expect("a folder can be made");
        }
        for (name, text) in &self.flows {
            fs::write(path.join("flows").join(name), text).expect("a flow can be written");
        }
        flows::write_prompts(&path.join("prompts"));
        let (sip, api) = (ports::one(), ports::one());
        let config = self.config(sip, api);
        fs::write(path.join("attendant.toml"), config).expect("a configuration can be written");
        private(&path.join("attendant.toml"));
        let http = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(SOON))
            .build()
            .into();
        Rig { folder, sip, api, child: None, output: Arc::default(), http }
    }

    fn config(&self, sip: SocketAddr, api: SocketAddr) -> String {
        let sound = ports::row(PORTS_PER_RIG);
        let mut text = format!(
            "server.flows = \"flows\"\nserver.prompts = \"prompts\"\nserver.state = \"state\"\n\
             server.log_level = \"info,attendant=debug\"\nserver.drain_timeout_s = 5\n\
             sip.listen = [\"{sip}\"]\n\
             media.port_min = {}\nmedia.port_max = {}\n\
             api.listen = \"{api}\"\napi.operate_token = \"{TOKEN}\"\n",
            sound.start(),
            sound.end()
        );
        for (key, value) in &self.settings {
            let line = format!("{key} = ");
            let old = text.lines().find(|old| old.starts_with(&line)).map(str::to_owned);
            match old {
                Some(old) => text = text.replace(&old, &format!("{key} = {value}")),
                None => text.push_str(&format!("{key} = {value}\n")),
            }
        }
        text + &format!("[trunks.rig]\naddresses = [\"{}\"]\n", self.trunk)
            + &self.agents_and_queues
    }
}

impl Rig {
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.path().join("attendant.toml")
    }

    /// Starts it, again if need be: whoever looks whether a port is free has it for that moment.
    #[track_caller]
    pub(crate) fn start(&mut self) {
        let deadline = now() + SOON;
        loop {
            self.spawn();
            if self.becomes_ready() {
                return;
            }
            let said = self.said();
            let is_taken = said.contains("Address already in use");
            assert!(is_taken && left(deadline).is_some(), "it does not start:\n{said}");
        }
    }

    /// `false`: it has ended.
    #[track_caller]
    fn becomes_ready(&mut self) -> bool {
        let mut process = self.child.take().expect("the server runs");
        let is_ready = self.eventually("the server is ready", || {
            let is_over = process.0.try_wait().expect("our child").is_some();
            let is_ready = !is_over && self.get("/readyz").is_some_and(|(status, _)| status == 200);
            (is_over || is_ready).then_some(is_ready)
        });
        self.child = Some(process);
        is_ready
    }

    /// Starts it with the other end of what it prints closed.
    #[track_caller]
    pub(crate) fn start_unheard(&mut self) {
        self.kill();
        self.spawn_with(|_, pipes| drop(pipes));
        assert!(self.becomes_ready(), "it ended");
    }

    /// Starts it again without `--config`: it finds the file in its folder by its default name.
    #[track_caller]
    pub(crate) fn restart_unnamed(&mut self) {
        self.kill();
        let command = self.command(&["serve"]);
        self.spawn_as(command, Self::follow_both);
        assert!(self.becomes_ready(), "it ended:\n{}", self.said());
    }

    fn spawn(&mut self) {
        self.spawn_with(Self::follow_both);
    }

    fn follow_both(&self, (stdout, stderr): (ChildStdout, ChildStderr)) {
        self.follow(stdout);
        self.follow(stderr);
    }

    fn spawn_with(&mut self, take: impl FnOnce(&Self, (ChildStdout, ChildStderr))) {
        let mut command = self.command(&["serve", "--config"]);
        command.arg(self.config_file());
        self.spawn_as(command, take);
    }

    fn spawn_as(
        &mut self,
        mut command: Command,
        take: impl FnOnce(&Self, (ChildStdout, ChildStderr)),
    ) {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        self.output = Arc::default();
        take(self, (child.stdout.take().expect("piped"), child.stderr.take().expect("piped")));
        self.child = Some(Process(child));
    }

    /// The binary with these arguments, in the rig's folder, with nothing of ours in its
    /// environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_attendant"));
        command.args(arguments).current_dir(self.path());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ATTENDANT_")) {
            command.env_remove(name);
        }
        command
    }

    fn follow(&self, stream: impl Read + Send + 'static) {
        let output = Arc::clone(&self.output);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                output.lines.lock().expect("no reader panics").push(line);
                output.changed.notify_all();
            }
        });
    }

    /// Waits until `ready` gives something, looking again whenever the server says something.
    #[track_caller]
    pub(crate) fn eventually<T>(&self, what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
        let deadline = now() + SOON;
        loop {
            if let Some(found) = ready() {
                return found;
            }
            let Some(left) = left(deadline) else {
                panic!("never: {what}; the server said:\n{}", self.said());
            };
            let lines = self.output.lines.lock().expect("no reader panics");
            let _ = self.output.changed.wait_timeout(lines, left.min(POLL)).expect("no panics");
        }
    }

    /// Everything the server printed so far.
    pub(crate) fn said(&self) -> String {
        self.output.lines.lock().expect("no reader panics").join("\n")
    }

    // ---- people ----

    pub(crate) fn caller(&self) -> Phone {
        Phone::new("+14155550111", self.sip)
    }

    /// A phone that has registered as this agent.
    #[track_caller]
    pub(crate) fn agent(&self, name: &str) -> Phone {
        let mut phone = Phone::new(name, self.sip);
        assert_eq!(phone.register(flows::PASSWORD), 200, "{}\n{}", phone.wire(), self.said());
        self.expect_agent(name, "ready");
        phone
    }

    #[track_caller]
    pub(crate) fn expect_agent(&self, name: &str, state: &str) -> Value {
        self.eventually(&format!("{name} is {state}"), || {
            let agent = self.agent_view(name)?;
            (agent["state"] == state).then_some(agent)
        })
    }

    pub(crate) fn agent_view(&self, name: &str) -> Option<Value> {
        let agents = self.list("/v1/agents")?;
        let found = items(&agents).iter().find(|agent| agent["name"] == name);
        found.cloned()
    }

    // ---- the HTTP interface ----

    /// An answer; `None` when nobody listens (yet), or is too busy to answer.
    #[track_caller]
    fn list(&self, path: &str) -> Option<Value> {
        let (status, answer) = self.get(path)?;
        if status == 503 {
            return None;
        }
        assert_eq!(status, 200, "{answer}");
        Some(answer)
    }

    /// `None` when nobody listens (yet).
    pub(crate) fn get(&self, path: &str) -> Option<(u16, Value)> {
        let url = format!("http://{}{path}", self.api);
        let request = self.http.get(url).header("Authorization", format!("Bearer {TOKEN}"));
        let mut response = request.call().ok()?;
        let text = response.body_mut().read_to_string().ok()?;
        Some((response.status().as_u16(), json(&text)))
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.post_with_key(path, body, "")
    }

    /// With this `Idempotency-Key`, where it is not empty.
    #[track_caller]
    pub(crate) fn post_with_key(&self, path: &str, body: &Value, key: &str) -> (u16, Value) {
        let url = format!("http://{}{path}", self.api);
        let request = self.http.post(url).header("Authorization", format!("Bearer {TOKEN}"));
        let mut request = request.header("Content-Type", "application/json");
        if !key.is_empty() {
            request = request.header("Idempotency-Key", key);
        }
        let mut response = request.send(body.to_string()).expect("the server listens");
        let text = response.body_mut().read_to_string().expect("a body");
        (response.status().as_u16(), json(&text))
    }

    #[track_caller]
    pub(crate) fn delete(&self, path: &str) -> (u16, Value) {
        let url = format!("http://{}{path}", self.api);
        let request = self.http.delete(url).header("Authorization", format!("Bearer {TOKEN}"));
        let mut response = request.call().expect("the server listens");
        let text = response.body_mut().read_to_string().expect("a body");
        (response.status().as_u16(), json(&text))
    }

    /// Waits until there are this many records, newest last.
    #[track_caller]
    pub(crate) fn records(&self, count: usize) -> Vec<Value> {
        self.eventually(&format!("{count} records"), || {
            let records = self.list("/v1/records")?;
            let mut records = items(&records).to_vec();
            records.sort_by_key(|record| record["id"].as_u64());
            (records.len() >= count).then_some(records)
        })
    }

    /// The one record there is, once this holds for it: what an agent says comes after the call.
    #[track_caller]
    pub(crate) fn record_when(&self, holds: impl Fn(&Value) -> bool) -> Value {
        self.eventually("the record is complete", || Some(self.record()).filter(&holds))
    }

    /// The one record there is.
    #[track_caller]
    pub(crate) fn record(&self) -> Value {
        let mut records = self.records(1);
        assert_eq!(records.len(), 1, "{records:#?}");
        records.remove(0)
    }

    /// All records there are now, newest last; nothing is waited for.
    #[track_caller]
    pub(crate) fn records_now(&self) -> Vec<Value> {
        let found = self.eventually("the records", || self.list("/v1/records?limit=500"));
        let mut records = items(&found).to_vec();
        records.sort_by_key(|record| record["id"].as_u64());
        records
    }

    /// No call is up any more.
    #[track_caller]
    pub(crate) fn expect_no_calls(&self) {
        self.eventually("no call is up", || {
            let calls = self.list("/v1/calls")?;
            items(&calls).is_empty().then_some(())
        });
    }

    // ---- the process ----

    pub(crate) fn signal(&self, name: &str) {
        let child = self.child.as_ref().expect("the server runs");
        let status = Command::new("kill").args(["-s", name, &child.0.id().to_string()]).status();
        assert!(status.expect("kill is there").success(), "kill -s {name}");
    }

    /// The greatest size of the files it writes, in bytes: a disk that is full for all of them.
    #[track_caller]
    pub(crate) fn limit_files(&self, bytes: &str) {
        self.limit(&format!("--fsize={bytes}:"));
    }

    /// Lets it open this many files and sockets more than it has, and then none.
    #[track_caller]
    pub(crate) fn limit_open_files(&self, more: usize) {
        let child = self.child.as_ref().expect("the server runs");
        let open = fs::read_dir(format!("/proc/{}/fd", child.0.id())).expect("our child");
        // Numbers are given from the lowest that is free: the limit is of numbers.
        let numbers = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let taken: std::collections::BTreeSet<usize> = numbers.collect();
        let limit = (0..).filter(|number| !taken.contains(number)).nth(more).unwrap_or_default();
        self.limit(&format!("--nofile={limit}:"));
    }

    #[track_caller]
    fn limit(&self, limit: &str) {
        let child = self.child.as_ref().expect("the server runs");
        let mut prlimit = Command::new("prlimit");
        let prlimit = prlimit.args(["--pid", &child.0.id().to_string(), limit]);
        assert!(prlimit.status().expect("prlimit is there").success(), "prlimit {limit}");
    }

    /// Waits until the process has ended by itself.
    #[track_caller]
    pub(crate) fn exit(&mut self) -> ExitStatus {
        let mut process = self.child.take().expect("the server runs");
        self.eventually("the server ends", || process.0.try_wait().expect("our child"))
    }

    /// Waits until the store has written a word: beside the journal where it is a promise, and in
    /// the database, which may have only what came after it in the same tenth of a second.
    #[track_caller]
    pub(crate) fn expect_kept(&self, word: &str) {
        self.eventually(&format!("{word} is kept"), || {
            let files = fs::read_dir(self.path().join("state")).ok()?.filter_map(Result::ok);
            let is_there = |entry: fs::DirEntry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                let text = match name.as_str() {
                    "records.sqlite-wal" => fs::read(entry.path()),
                    kept if kept.starts_with("kept-") => fs::read(entry.path()),
                    _ => return false,
                };
                let has = |text: Vec<u8>| text.windows(word.len()).any(|it| it == word.as_bytes());
                text.is_ok_and(has)
            };
            files.into_iter().any(is_there).then_some(())
        });
    }

    pub(crate) fn kill(&mut self) {
        self.child = None;
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("---- the server said ----\n{}", self.said());
        }
    }
}

/// The list in an answer: bare, or the only list in an object.
pub(crate) fn items(answer: &Value) -> &[Value] {
    let list = match answer {
        Value::Object(fields) => fields.values().find_map(Value::as_array),
        _ => answer.as_array(),
    };
    list.map_or(&[], Vec::as_slice)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// Only the owner may read a file with passwords.
fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(path, mode).expect("our own file");
}
