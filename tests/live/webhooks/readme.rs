//! "Point a Twilio number at it", line by line as the README has it, against the emulator.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::clock::{SOON, left, now};
use crate::platform::{ProviderEvent, Who};
use crate::ports;
use crate::webhooks::carrier::{CALLER, NUMBER};
use crate::webhooks::http::Sent;
use crate::webhooks::kind::Kind;
use crate::webhooks::sign::unix_s;

const TOKEN: &str = "the-auth-token-of-the-account";

/// The commands under that heading; a comment behind one is left where it is.
fn lines() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).expect("it is there");
    let (_, section) = readme.split_once("## Point a Twilio number at it").expect("the section");
    let (_, block) = section.split_once("```sh\n").expect("a block");
    let (block, _) = block.split_once("```").expect("its end");
    block.lines().map(|line| line.replace('…', TOKEN)).collect()
}

/// The shell of whoever reads it: our binary is on its path, and it stands in the checkout.
fn shell(folder: &Path, line: &str) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_attendant"));
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", binary.parent().expect("a folder").display());
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(folder).env("PATH", path);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ATTENDANT_")) {
        command.env_remove(name);
    }
    command
}

#[track_caller]
fn run(folder: &Path, line: &str) -> String {
    let output = shell(folder, line).output().expect("a shell");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{line}\n{said}");
    said
}

/// Addresses that are free on this machine.
fn edit(folder: &Path, door: SocketAddr) {
    let file = folder.join("attendant.toml");
    let text = fs::read_to_string(&file).expect("written by \"Configure it\"");
    let edits = [
        ("\"127.0.0.1:8088\"", format!("\"{door}\"")),
        ("\"127.0.0.1:8080\"", format!("\"{}\"", ports::one())),
        ("[\"0.0.0.0:5060\"]", format!("[\"{}\"]", ports::one())),
    ];
    let edited = edits.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    fs::write(file, edited).expect("our own file");
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it and reads until it has said both.
#[track_caller]
fn start(folder: &Path, (before, line): (&str, &str), wanted: &[String]) -> Server {
    let line = format!("{before}; exec env {line}");
    let child = shell(folder, &line).stdout(Stdio::piped()).stdin(Stdio::null()).spawn();
    let mut server = Server(child.expect("a shell"));
    let mut said = String::new();
    for line in BufReader::new(server.0.stdout.take().expect("piped")).lines() {
        said += &(line.expect("text") + "\n");
        if wanted.iter().all(|wanted| said.contains(wanted)) {
            return server;
        }
    }
    panic!("it ended, and said:\n{said}");
}

#[test]
fn the_five_lines_of_the_readme_take_a_call() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    fs::create_dir(folder.join("flows")).expect("a folder");
    let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    for file in ["support.toml", "afterhours.toml"] {
        fs::copy(flows.join(file), folder.join("flows").join(file))
            .expect("a flow of the checkout");
    }
    let door = ports::one();
    let [provider, agent, public, serve, selftest] = &lines()[..] else { panic!("five lines") };
    run(folder, "attendant example-config > attendant.toml && chmod 600 attendant.toml");
    edit(folder, door);
    assert!(public.contains("=https://your.host"), "{public}");
    let public = public.replace("https://your.host", &format!("http://{door}"));
    let (public, _) = public.split_once("  #").expect("a comment");
    run(folder, provider);
    run(folder, agent);
    let addresses = ["voice", "events"].map(|what| format!("http://{door}/webhooks/twilio/{what}"));
    let server = start(folder, (public, serve), &addresses);
    let voice = &addresses[0];

    let deadline = now() + SOON;
    while std::net::TcpStream::connect(door).is_err() {
        assert!(left(deadline).is_some(), "nobody listens");
    }
    run(folder, &format!("{public}; {selftest}"));
    let (from, to) = (Some(CALLER.to_owned()), NUMBER.to_owned());
    let who = Who { reference: "CA0001".to_owned(), parent: None, from, to };
    let asked =
        Kind::Twilio.tongue().request(voice, &who, &ProviderEvent::Arrived, None).expect("a call");
    let mut request = Sent {
        method: "POST",
        path: "/webhooks/twilio/voice".to_owned(),
        headers: vec![("Content-Type".to_owned(), asked.content_type.to_owned())],
        body: asked.body.into_bytes(),
    };
    let signature = Kind::Twilio.sign(TOKEN, voice, &request, unix_s());
    request.headers.extend(signature);
    let answer = request.send(door);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.contains("<Gather") && answer.body.contains("<Say"), "{answer:?}");
    drop(server);
}
