//! Voices outside this process: a program that writes WAV, and an HTTP service.
//!
//! **Invariant:** both answer within their time-out or fail; a program that does not is ended. What
//! to say reaches a program as one argument, never through a shell.
//!
//! **Deliberately absent:** retries. A caller is waiting; the flow decides what happens next.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::media::format::RATE_HZ;
use crate::media::tts::{TEXT_LEN_MAX, Voice, VoiceError};
use crate::media::wav::{self, Pcm, WavError};

/// A program such as `espeak-ng`, run once a text; it writes a WAV file to its standard output.
pub struct CommandVoice {
    name: String,
    program: String,
    /// `{text}` in them is replaced.
    arguments: Vec<String>,
    timeout: Duration,
}

/// `POST {url}` as OpenAI's `/v1/audio/speech` takes it.
pub struct HttpVoice {
    name: String,
    url: String,
    voice: String,
    model: String,
    key: Option<String>,
    agent: ureq::Agent,
}

impl CommandVoice {
    /// `command` is the program and its arguments; `{text}` in an argument is what to say.
    #[must_use]
    pub fn new(command: &[String], timeout: Duration) -> Self {
        let name = command.join(" ");
        let mut parts = command.iter().cloned();
        let program = parts.next().unwrap_or_default();
        Self { name, program, arguments: parts.collect(), timeout }
    }

    fn failed(&self, why: String, fix: &str) -> VoiceError {
        VoiceError::Failed { voice: self.name.clone(), why, fix: fix.to_owned() }
    }

    /// Runs the program to its end; everything it wrote.
    fn run(&self, child: &mut Child) -> Result<Vec<u8>, VoiceError> {
        let Some(stdout) = child.stdout.take() else { return Ok(Vec::new()) };
        let (sender, answer) = channel();
        // Ends with the program: reading a pipe whose writer was killed returns.
        let reader = std::thread::Builder::new().name("voice".to_owned()).spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.take(ANSWER_LEN_MAX).read_to_end(&mut bytes);
            let _ = sender.send(read.map(|_| bytes));
        });
        if let Err(error) = reader {
            return Err(self.failed(error.to_string(), "the system has no thread to spare"));
        }
        match answer.recv_timeout(self.timeout) {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => Err(self.failed(error.to_string(), "its output cannot be read")),
            Err(_) => {
                let why = format!("no answer within {} s", self.timeout.as_secs());
                Err(self.failed(why, "run it by hand to see what it waits for"))
            }
        }
    }
}

impl Voice for CommandVoice {
    fn name(&self) -> &str {
        &self.name
    }

    fn render(&self, text: &str) -> Result<Pcm, VoiceError> {
        check_length(&self.name, text)?;
        // A text must not be taken for an option.
        let text = if text.starts_with('-') { format!(" {text}") } else { text.to_owned() };
        let arguments = self.arguments.iter().map(|argument| argument.replace("{text}", &text));
        let mut child = Command::new(&self.program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| {
                self.failed(format!("cannot be started: {error}"), "install it, or name its path")
            })?;
        let answer = self.run(&mut child);
        if answer.is_err() {
            let _ = child.kill();
        }
        let status = child.wait();
        let bytes = answer?;
        if let Ok(status) = status
            && !status.success()
        {
            return Err(self.failed(format!("ended with {status}"), "run it by hand to see why"));
        }
        let fix = "it must write a WAV file to its standard output";
        heard(&self.name, &text, &bytes).map_err(|error| self.failed(error.to_string(), fix))
    }
}

impl HttpVoice {
    #[must_use]
    pub fn new(url: &str, voice: &str, model: &str, key: Option<&str>, timeout: Duration) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .max_redirects(0)
            .build()
            .new_agent();
        Self {
            name: format!("{url} {model} {voice}"),
            url: url.to_owned(),
            voice: voice.to_owned(),
            model: model.to_owned(),
            key: key.map(str::to_owned),
            agent,
        }
    }

    fn failed(&self, why: String, fix: &str) -> VoiceError {
        VoiceError::Failed { voice: self.name.clone(), why, fix: fix.to_owned() }
    }
}

impl Voice for HttpVoice {
    fn name(&self) -> &str {
        &self.name
    }

    fn render(&self, text: &str) -> Result<Pcm, VoiceError> {
        check_length(&self.name, text)?;
        let body = serde_json::json!({
            "model": self.model,
            "voice": self.voice,
            "input": text,
            "response_format": "wav",
        });
        let mut request = self.agent.post(&self.url).header("content-type", "application/json");
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let mut response = request.send(body.to_string()).map_err(|error| {
            self.failed(error.to_string(), "check its url and key, and whether it is reachable")
        })?;
        let bytes = response.body_mut().with_config().limit(ANSWER_LEN_MAX).read_to_vec().map_err(
            |error| self.failed(error.to_string(), "the answer did not come to its end"),
        )?;
        let fix = "it must answer with a WAV file";
        heard(&self.name, text, &bytes).map_err(|error| self.failed(error.to_string(), fix))
    }
}

/// What a voice answered. Of a text without a letter or a digit there may be nothing to hear.
fn heard(voice: &str, text: &str, bytes: &[u8]) -> Result<Pcm, WavError> {
    let recording = match wav::open(bytes) {
        Err(WavError::Empty) if !text.contains(char::is_alphanumeric) => {
            return Ok(Pcm { rate_hz: RATE_HZ, samples: Vec::new() });
        }
        opened => opened?,
    };
    if recording.lacks() > 0 {
        tracing::warn!(%voice, lacks_bytes = recording.lacks(), "what a voice says is cut off");
    }
    wav::read(bytes)
}

fn check_length(voice: &str, text: &str) -> Result<(), VoiceError> {
    if text.len() > TEXT_LEN_MAX {
        return Err(VoiceError::TooLong { voice: voice.to_owned(), len: text.len() });
    }
    Ok(())
}

/// Bytes of an answer: four minutes at 48 kHz, 16 bit, mono, and some.
const ANSWER_LEN_MAX: u64 = 32 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn wav_file(samples: u8) -> Vec<u8> {
        let mut bytes =
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0"
                .to_vec();
        bytes.extend(b"data\xff\xff\xff\x7f");
        bytes.extend(std::iter::repeat_n([1, 0], usize::from(samples)).flatten());
        bytes
    }

    fn command(parts: &[&str], timeout: Duration) -> CommandVoice {
        let command: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        CommandVoice::new(&command, timeout)
    }

    #[test]
    fn a_program_speaks_and_its_text_is_one_argument() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("say $(reboot); it.wav");
        std::fs::write(&file, wav_file(50)).unwrap();
        let text = file.to_str().unwrap();
        let pcm = command(&["cat", "{text}"], TIMEOUT).render(text).unwrap();
        assert_eq!((pcm.rate_hz, pcm.samples.len()), (8_000, 50));
    }

    #[test]
    fn fault_23_a_program_that_left_the_length_open_speaks_and_silence_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hello.wav");
        let text = file.to_str().unwrap();
        let mut bytes = wav_file(50);
        bytes[40..44].fill(0);
        std::fs::write(&file, &bytes).unwrap();
        let cat = |argument: &str, text: &str| command(&["cat", argument], TIMEOUT).render(text);
        assert_eq!(cat("{text}", text).unwrap().samples, [1; 50]);
        std::fs::write(&file, &bytes[..44]).unwrap();
        let error = cat("{text}", text).err().unwrap().to_string();
        assert!(error.contains("no sound"), "{error}");
        assert!(cat(text, " … ").unwrap().samples.is_empty(), "there was nothing to say");
    }

    #[test]
    fn a_program_that_is_missing_fails_hangs_or_babbles_is_named() {
        let says = |parts: &[&str], timeout| {
            command(parts, timeout).render("hello").err().unwrap().to_string()
        };
        assert!(says(&["no-such-voice", "{text}"], TIMEOUT).contains("install it"));
        assert!(says(&["false", "{text}"], TIMEOUT).contains("ended with"));
        assert!(says(&["echo", "{text}"], TIMEOUT).contains("not a WAV file"));
        let hung = says(&["sleep", "60"], Duration::ZERO);
        assert!(hung.contains("no answer within"), "{hung}");
    }

    #[test]
    fn a_service_is_asked_in_openai_s_words() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/audio/speech", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                let mut bytes = [0; 1_024];
                let len = stream.read(&mut bytes).unwrap();
                request.extend_from_slice(&bytes[..len]);
            }
            let body = wav_file(30);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
            String::from_utf8(request).unwrap()
        });
        let voice = HttpVoice::new(&url, "anna", "tts-1", Some("sesame"), TIMEOUT);
        assert_eq!(voice.render("Guten Tag").unwrap().samples.len(), 30);
        let request = server.join().unwrap();
        for part in [
            "POST /v1/audio/speech ",
            "authorization: Bearer sesame",
            r#""input":"Guten Tag""#,
            r#""voice":"anna""#,
            r#""response_format":"wav""#,
        ] {
            assert!(request.contains(part), "{part} is not in {request}");
        }
        let error = voice.render("again").err().unwrap().to_string();
        assert!(error.contains("check its url"), "{error}");
    }
}
