//! What a fact costs per listener of `/v1/events`: processor time of the interface's thread, with
//! as many listeners over loopback as may be, and with none.
//!
//! **Invariant:** every listener has got every fact before the time is read.
//!
//! **Deliberately absent:** the driver, which hands facts over once however many listen; and what
//! the listeners themselves do.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use attendant::api::{
    self, Api, Archive, ArchiveError, CallerErased, DriverHandle, Live, Settings, Teller, door,
};
use attendant::center::names::Names;
use attendant::id::{AgentId, CallId, QueueId, RecordingId};
use attendant::metrics::cut::{Asked, Cells, CutError};
use attendant::metrics::waterfall::{Waterfall, WaterfallReport};
use attendant::metrics::{Follower, Gathering, Target, Times};
use attendant::time::Timestamp;
use attendant::words::{
    AgentStands, AgentState, CallRecord, Fact, Numbered, RecordFilter, Roster, Seq,
};

const TOKEN: &str = "a-token-that-is-long-enough-for-it";
const FACTS: u64 = 20_000;
/// Facts of one turn of a busy server.
const BATCH: u64 = 50;
/// A listener reads at least this often, in turns of all of them.
const PIECE_LEN: usize = 64 * 1024;

/// The last byte of the letter that is once in each fact, and nowhere else.
const MARK: u8 = 0xA7;

struct NoArchive;

impl Archive for NoArchive {
    fn record(&self, _: CallId) -> Result<Option<CallRecord>, ArchiveError> {
        Ok(None)
    }

    fn records(&self, _: &RecordFilter) -> Result<Vec<CallRecord>, ArchiveError> {
        Ok(Vec::new())
    }

    fn gather(
        &self,
        _: Range<Timestamp>,
        _: &mut Names,
        _: &mut Gathering,
    ) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn agent_times(
        &self,
        _: Range<Timestamp>,
        _: &mut Names,
        _: &mut Times,
    ) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn erase(&self, _: &str) -> Result<CallerErased, ArchiveError> {
        Ok(CallerErased::default())
    }

    fn cut(
        &self,
        _: &Asked,
        _: Timestamp,
        _: &mut Names,
        _: &dyn Fn(QueueId) -> Target,
    ) -> Result<Result<Cells, CutError>, ArchiveError> {
        Ok(Ok(Cells::default()))
    }

    fn waterfall(
        &self,
        flow: Option<&str>,
        _: Range<Timestamp>,
    ) -> Result<Result<Vec<WaterfallReport>, CutError>, ArchiveError> {
        Ok(Ok(flow.map(|flow| Waterfall::of(flow).report()).into_iter().collect()))
    }

    fn recording(&self, _: RecordingId) -> Result<Option<fs::File>, ArchiveError> {
        Ok(None)
    }
}

fn main() {
    println!("| listeners | facts | ms of the interface's thread | ns per fact and listener |");
    println!("|---|---|---|---|");
    for listeners in [0, 1, 50, 500] {
        let used_ms = measure(listeners);
        let deliveries = FACTS * listeners.max(1) as u64;
        let each = used_ms * 1_000_000 / deliveries;
        println!("| {listeners} | {FACTS} | {used_ms} | {each} |");
    }
}

/// Milliseconds of the thread that folds, writes down and sends.
fn measure(listeners: usize) -> u64 {
    let (teller, live) =
        api::feed(1, Arc::new(Timestamp::default), Seq(0), Follower::new(&Roster::default()));
    let (address, thread) = serve(Arc::clone(&live));
    tell(&teller, 0, vec![Fact::Roster(Arc::new(Roster::default()))]);
    let mut streams: Vec<_> = (0..listeners).map(|_| listen(address)).collect();
    let before = thread_ms(&thread);
    let got = Arc::new(AtomicUsize::new(0));
    for first in (1..=FACTS).step_by(BATCH as usize) {
        tell(&teller, first, (0..BATCH).map(|n| moved(first + n)).collect());
        let due = listeners * usize::try_from(first + BATCH - 1).expect("few");
        while got.load(Ordering::Relaxed) < due {
            let read: usize = streams.iter_mut().map(read_facts).sum();
            got.fetch_add(read, Ordering::Relaxed);
        }
    }
    let used = thread_ms(&thread) - before;
    live.end();
    used
}

fn tell(teller: &Teller, first: u64, facts: Vec<Fact>) {
    let numbered = |(fact, seq)| Numbered { seq: Seq(seq), at: Timestamp(seq), fact };
    teller.tell(facts.into_iter().zip(first..).map(numbered).collect());
}

fn moved(seq: u64) -> Fact {
    Fact::AgentStands(Arc::new(AgentStands {
        agent: AgentId(0),
        name: "ali§e".into(),
        state: AgentState::Talking { call: CallId(seq) },
        since: Timestamp(seq),
        reachable: true,
        call: Some(CallId(seq)),
        own_call: None,
        queue: Some("billing".into()),
        handled: seq,
    }))
}

/// The interface on a thread of its own; its address, and where its times are.
fn serve(live: Arc<Live>) -> (SocketAddr, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("it is bound");
    let (say, tid) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let link = fs::read_link("/proc/thread-self").expect("Linux");
        say.send(format!("/proc/{}/stat", link.display())).expect("it waits");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async move {
            let settings = Settings {
                read_token: Some(TOKEN),
                operate_token: None,
                tokens: &[],
                metrics_open_on_loopback: false,
                requests_max: 64,
            };
            let (tx, _requests) = tokio::sync::mpsc::channel(1);
            let (driver, live_api) = (DriverHandle { tx }, Arc::clone(&live));
            let archive = Arc::new(NoArchive);
            let api = Api::new(&settings, driver, live_api, Arc::new(|| None), archive);
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
            let served =
                door::serve(listener, api.router(), Arc::new(|_| false), std::future::pending());
            tokio::select! {
                ended = served => panic!("{ended:?}"),
                () = live.keep_up() => {}
            }
        });
    });
    (address, tid.recv().expect("it has begun"))
}

fn listen(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head =
        format!("GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut text = Vec::new();
    let mut piece = [0; 1024];
    while !text.windows(9).any(|it| it == b"\"queues\":") {
        let len = stream.read(&mut piece).expect("it answers");
        text.extend_from_slice(&piece[..len]);
    }
    stream.set_nonblocking(true).expect("a socket");
    stream
}

/// How many facts have begun to come since.
fn read_facts(stream: &mut TcpStream) -> usize {
    let mut piece = [0; PIECE_LEN];
    match stream.read(&mut piece) {
        Ok(0) => panic!("it ended"),
        Ok(len) => piece[..len].iter().filter(|byte| **byte == MARK).count(),
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        Err(error) => panic!("{error}"),
    }
}

/// User and system time of a thread (proc(5)), in milliseconds.
fn thread_ms(path: &str) -> u64 {
    const TICK_MS: u64 = 10;
    let stat = fs::read_to_string(path).expect("the thread lives");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<u64>().expect("a number")).sum::<u64>() * TICK_MS
}
