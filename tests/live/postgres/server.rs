//! A server of PostgreSQL's for a test: Debian's package, in a folder of its own, on a port of its
//! own of the loopback address, ended with the test.
//!
//! **Invariant:** without the package a test is passed over with a word about it, and fails where
//! `ATTENDANT_LIVE=1` asks for it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The user that tests log in as, who may make databases.
pub(crate) const USER: &str = "attendant";
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct TestServer {
    folder: tempfile::TempDir,
    bin: PathBuf,
    port: u16,
}

/// While it is there, no process of the server does anything.
pub(crate) struct Hanging(Vec<u32>);

/// Says that a test was passed over.
pub(crate) fn no_server() {
    println!("passed over: no PostgreSQL here (Debian: apt-get install postgresql)");
}

/// Where the package has its programs: the newest version's.
fn bin() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let bins = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    bins.filter(|bin| bin.join("initdb").exists()).max()
}

/// The server refuses to be root's: then it is `postgres`'s, whom the package made.
fn as_user(program: &Path) -> Command {
    let is_root =
        fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0);
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

impl TestServer {
    pub(crate) fn start() -> Option<Self> {
        let Some(bin) = bin() else {
            let wanted = std::env::var_os("ATTENDANT_LIVE").is_some_and(|it| it == "1");
            assert!(!wanted, "PostgreSQL is not here: apt-get install postgresql");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("attendant-pg").tempdir().unwrap();
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(folder.path(), permissions).unwrap();
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder, bin, port };
        let data = server.data();
        let (pwfile, data) = (password.to_str().unwrap(), data.to_str().unwrap());
        server.run(
            "initdb",
            &[
                "-D",
                data,
                "-U",
                USER,
                "-A",
                "scram-sha-256",
                "--pwfile",
                pwfile,
                "--no-sync",
                "--locale=C.UTF-8",
                "--no-instructions",
            ],
        );
        server.go_on();
        Some(server)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, program: &str, args: &[&str]) -> Output {
        let mut command = as_user(&self.bin.join(program));
        // A folder that its user may enter.
        command.args(args).env("PGPASSWORD", PASSWORD).current_dir("/").stdin(Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{program} {args:?}: {output:?}");
        output
    }

    /// Starts it again after [`Self::stop`].
    pub(crate) fn go_on(&self) {
        let socket = self.folder.path().display();
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={socket} -c fsync=off \
             -c shared_buffers=16MB -c max_connections=40",
            self.port
        );
        let log = self.folder.path().join("log");
        let data = self.data();
        let (data, log) = (data.to_str().unwrap(), log.to_str().unwrap());
        self.run("pg_ctl", &["-D", data, "-l", log, "-o", &options, "-w", "start"]);
    }

    /// As a server that fails: no connection is ended in order.
    pub(crate) fn stop(&self) {
        let data = self.data();
        self.run("pg_ctl", &["-D", data.to_str().unwrap(), "-m", "immediate", "-w", "stop"]);
    }

    /// Stops every process of it, until what is returned goes.
    pub(crate) fn hang(&self) -> Hanging {
        let pid = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        let postmaster: u32 = pid.lines().next().unwrap().trim().parse().unwrap();
        let children = format!("/proc/{postmaster}/task/{postmaster}/children");
        let children = fs::read_to_string(children).unwrap();
        let children = children.split_whitespace().map(|pid| pid.parse().unwrap());
        let pids: Vec<u32> = std::iter::once(postmaster).chain(children).collect();
        signal("-STOP", &pids);
        Hanging(pids)
    }

    /// Where it listens, on the loopback address.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Makes an empty database of this name.
    pub(crate) fn make(&self, name: &str) {
        self.sql("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
    }

    /// What a statement answers, a line for each row.
    pub(crate) fn sql(&self, database: &str, statement: &str) -> String {
        let port = self.port.to_string();
        let output = self.run(
            "psql",
            &[
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-U",
                USER,
                "-d",
                database,
                "-c",
                statement,
            ],
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

fn signal(signal: &str, pids: &[u32]) {
    let pids = pids.iter().map(u32::to_string);
    let status = Command::new("kill").arg(signal).args(pids).stderr(Stdio::null()).status();
    assert!(status.is_ok());
}

impl Drop for Hanging {
    fn drop(&mut self) {
        signal("-CONT", &self.0);
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let data = self.data();
        let mut stop = as_user(&self.bin.join("pg_ctl"));
        stop.arg("-D").arg(data).args(["-m", "immediate", "stop"]).current_dir("/");
        // Nothing can be done about one that does not stop.
        let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
        // Its files are another user's.
        let _ =
            as_user(Path::new("/bin/rm")).arg("-rf").arg(self.folder.path().join("data")).status();
    }
}
