//! Requests a second of a menu step and of a waiting round at a provider, with the signature
//! verified, on one core: ours, and the same written with Twilio's SDKs.
//! `cargo bench --bench webhooks`.
//!
//! The servers run on core 0 one after another, the load comes from core 1. `ATTENDANT_SDKS` names
//! a folder with `venv/` (pip install twilio flask gunicorn) and `node_modules/` (npm i twilio
//! express); without it ours is measured alone. `ATTENDANT_BIN` is another build of ours.

#![expect(clippy::print_stdout, reason = "the table is the product")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod load;

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use load::{BASE, Load, Step, TOKEN};

const CONNECTIONS: usize = 16;
const CALLS_PER_CONNECTION: usize = 16;
const WARM_UP: Duration = Duration::from_secs(1);
const TIME: Duration = Duration::from_secs(4);
/// Rounds per server and step, in turn; the round in the middle counts.
const ROUNDS: u32 = 3;
const START_MAX: Duration = Duration::from_secs(60);
/// Of `/proc/PID/stat`, by Linux's promise to programs.
const TICK: Duration = Duration::from_millis(10);

const FLOW: &str = r#"
[flow]
numbers = ["+14155550100"]
start   = "main"

[menu.main]
text      = "For billing press 1. For the other menu press 3."
keys      = { 1 = "billing", 3 = "other" }
no_match  = ["That is not an option."]
tries_max = 3
give_up   = "bye"

[menu.other]
text      = "For billing press 1. For the first menu press 3."
keys      = { 1 = "billing", 3 = "main" }
no_match  = ["That is not an option."]
tries_max = 3
give_up   = "bye"

[queue.billing]
skills     = { billing = 1 }
wait       = "music"
wait_s_max = 3600
timeout    = "bye"
no_agents  = "bye"
full       = "bye"

[hangup.bye]
"#;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Ours,
    Node,
    Python,
}

struct Running {
    child: Child,
    at: SocketAddr,
    _folder: Option<tempfile::TempDir>,
}

struct Row {
    per_second: f64,
    p50: Duration,
    p99: Duration,
    cpu: Duration,
}

fn main() {
    let pinned = Command::new("taskset")
        .args(["-cp", "1", &std::process::id().to_string()])
        .stdout(Stdio::null())
        .status();
    assert!(pinned.is_ok_and(|status| status.success()), "two cores and `taskset` are needed");
    let sdks = std::env::var_os("ATTENDANT_SDKS").map(PathBuf::from);
    let servers = match &sdks {
        Some(_) => vec![Server::Ours, Server::Node, Server::Python],
        None => vec![Server::Ours],
    };
    let wanted = std::env::var("ATTENDANT_STEP").unwrap_or_default();
    conditions();
    println!("{CONNECTIONS} connections, {CALLS_PER_CONNECTION} calls on each, {TIME:?} a round");
    println!("| step | server | requests/s | p50 | p99 | CPU a request |");
    println!("|---|---|---|---|---|---|");
    let mut run = 0;
    for step in [Step::Menu, Step::Wait] {
        if !format!("{step:?}").to_lowercase().contains(&wanted) {
            continue;
        }
        let mut rows: Vec<Vec<Row>> = servers.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for (server, rows) in servers.iter().zip(&mut rows) {
                run += 1;
                rows.push(round(*server, step, sdks.as_deref(), run));
            }
        }
        for (server, mut rows) in servers.iter().zip(rows) {
            rows.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
            let Row { per_second, p50, p99, cpu } = &rows[rows.len() / 2];
            let name = server.name();
            println!("| {step:?} | {name} | {per_second:.0} | {p50:.2?} | {p99:.2?} | {cpu:.1?} |");
        }
    }
}

fn conditions() {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name"));
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    println!(
        "{}; {cores} cores; load {}",
        model.unwrap_or_default().trim_start_matches([' ', '\t', ':']),
        read("/proc/loadavg").trim()
    );
}

fn round(server: Server, step: Step, sdks: Option<&Path>, run: u32) -> Row {
    let running = server.start(sdks);
    let from = match (server, step) {
        (Server::Ours, _) => "/webhooks/twilio/voice",
        (Server::Node | Server::Python, Step::Menu) => "/menu",
        (Server::Node | Server::Python, Step::Wait) => "/wait",
    };
    let load = Load {
        to: running.at,
        from,
        step,
        has_queue: server == Server::Ours,
        connections: CONNECTIONS,
        calls_per_connection: CALLS_PER_CONNECTION,
        warm_up: WARM_UP,
        time: TIME,
        run,
    };
    let (mut cpu_before, mut begin) = (Duration::ZERO, Instant::now());
    let mut times = load.run(|| (cpu_before, begin) = (running.cpu(), Instant::now()));
    let (cpu, took) = (running.cpu().saturating_sub(cpu_before), begin.elapsed());
    times.sort_unstable();
    let at = |share: usize| {
        let nth = (times.len() * share / 100).min(times.len() - 1);
        Duration::from_nanos(times[nth].into())
    };
    Row {
        per_second: times.len() as f64 / took.as_secs_f64(),
        p50: at(50),
        p99: at(99),
        cpu: cpu / u32::try_from(times.len()).expect("fewer than 2^32"),
    }
}

impl Server {
    const fn name(self) -> &'static str {
        match self {
            Self::Ours => "attendant",
            Self::Node => "Node SDK, Express",
            Self::Python => "Python SDK, Flask, gunicorn",
        }
    }

    fn start(self, sdks: Option<&Path>) -> Running {
        let port = free_port();
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/measure/webhooks");
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).env("TOKEN", TOKEN).env("PORT", port.to_string());
        let sdks = || sdks.expect("the others are measured with their SDKs only");
        let mut folder = None;
        match self {
            Self::Ours => {
                let ours = tempfile::tempdir().expect("a temporary folder");
                lay_out(ours.path(), at);
                let built = || env!("CARGO_BIN_EXE_attendant").into();
                command.arg(std::env::var_os("ATTENDANT_BIN").unwrap_or_else(built));
                command.args(["serve", "--config"]);
                command.arg(ours.path().join("attendant.toml"));
                folder = Some(ours);
            }
            Self::Node => {
                command.arg("node").arg(scripts.join("menu.cjs"));
                command.env("NODE_PATH", sdks().join("node_modules")).env("NODE_ENV", "production");
            }
            Self::Python => {
                command.arg(sdks().join("venv/bin/gunicorn")).args(["--workers", "1", "--bind"]);
                command.arg(at.to_string()).arg("menu:app").current_dir(scripts);
                command.env("PYTHONDONTWRITEBYTECODE", "1");
            }
        }
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let running = Running { child: child.expect("the server starts"), at, _folder: folder };
        let begin = Instant::now();
        while TcpStream::connect(at).is_err() {
            assert!(begin.elapsed() < START_MAX, "{} does not start", self.name());
            std::thread::yield_now();
        }
        running
    }
}

impl Running {
    /// CPU time of the server and its workers so far.
    fn cpu(&self) -> Duration {
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        let children = fs::read_to_string(children).unwrap_or_default();
        let ids = children.split_whitespace().map(str::to_owned);
        let ids = ids.chain([self.child.id().to_string()]);
        let ticks = ids.filter_map(|id| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            let (_, after) = stat.rsplit_once(')')?;
            let mut times = after.split_whitespace().skip(11);
            Some(times.next()?.parse::<u32>().ok()? + times.next()?.parse::<u32>().ok()?)
        });
        TICK * ticks.sum()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // gunicorn ends its worker when it is asked to, not when it is killed.
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", &id]).status();
        let _ = self.child.wait();
    }
}

fn lay_out(folder: &Path, webhooks: SocketAddr) {
    for sub in ["flows", "prompts", "state"] {
        fs::create_dir(folder.join(sub)).expect("a folder can be made");
    }
    fs::write(folder.join("flows/menu.toml"), FLOW).expect("a flow can be written");
    let (sip, api) = (free_port(), free_port());
    let config = format!(
        "server.flows = \"flows\"\nserver.prompts = \"prompts\"\nserver.state = \"state\"\n\
         server.drain_timeout_s = 1\nserver.log_level = \"warn\"\n\
         sip.listen = [\"127.0.0.1:{sip}\"]\napi.listen = \"127.0.0.1:{api}\"\n\
         api.operate_token = \"0123456789abcdef0123456789abcdef\"\n\
         webhooks.public_url = \"{BASE}\"\nwebhooks.listen = \"{webhooks}\"\n\
         webhooks.sip_host = \"sip.example.com\"\n\
         [providers.twilio]\nsecrets = [\"{TOKEN}\"]\n\
         [agents.alice]\nskills = {{ billing = 5 }}\naddress = \"sip:alice@127.0.0.1:9\"\n\
         auto_login = true\n[queues.billing]\nlen_max = 2000\n"
    );
    let file = folder.join("attendant.toml");
    fs::write(&file, config).expect("a configuration can be written");
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("our own file");
}

fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("bound").port()
}
