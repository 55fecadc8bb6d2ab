//! Events a second through the whole center: calls that arrive, press a key, wait, are answered by
//! one of fifty agents, talk and end; with the flow, the queue, the figures and a record each.
//!
//! **Invariant:** every call begun is handled and ended; the work per call does not change as they
//! add up.
//!
//! **Deliberately absent:** the journal, sockets and sound.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use attendant::center::setup::{Agent, Queue};
use attendant::center::{ContactCenter, Setup};
use attendant::flow::{self, Known};
use attendant::id::{AgentId, CallId, LegId};
use attendant::time::Timestamp;
use attendant::words::{Cause, Command, Digit, Event, From, Target, Via};

const AGENTS: u32 = 50;
/// Calls in one measurement; fewer where a number is given, as for a count of instructions
/// (`.ci/ratchet`).
const CALLS: u64 = 200_000;
const FLOW: &str = r#"
[flow]
numbers = ["*"]
start = "main"

[menu.main]
text = "For help, press 1."
keys = { 1 = "help" }
give_up = "bye"

[queue.help]
skills = { tech = 1 }
intent = "help"
wait_s_max = 600
timeout = "bye"
full = "bye"
no_agents = "bye"

[hangup.bye]
"#;

struct Bench {
    center: ContactCenter,
    now: Timestamp,
    events: u64,
    rung: Vec<LegId>,
}

impl Bench {
    fn feed(&mut self, event: Event) {
        self.events += 1;
        self.center.handle(self.now, event);
        while let Some(command) = self.center.poll_command() {
            if let Command::Dial { leg, target: Target::Agent(_), .. } = command {
                self.rung.push(leg);
            }
        }
    }
}

fn main() {
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    let calls: u64 = given.unwrap_or(CALLS);
    let flow = flow::parse("bench.toml", FLOW, &Known::anything()).expect("the flow is right");
    let agent = |n: u32| Agent {
        name: format!("agent{n:02}"),
        display_name: None,
        team: None,
        skills: vec![("tech".to_owned(), 5)],
        auto_login: true,
        auto_ready: true,
    };
    let mut queue = Queue::named("help");
    queue.acd.wrap_up = attendant::acd::WrapUp::Off;
    let setup = Setup {
        flows: vec![Arc::new(flow)],
        agents: (0..AGENTS).map(agent).collect(),
        queues: vec![queue],
        ..Setup::default()
    };
    let mut bench = Bench {
        center: ContactCenter::new(setup),
        now: Timestamp(1_000_000),
        events: 0,
        rung: Vec::new(),
    };
    for n in 0..AGENTS {
        bench.feed(Event::PhoneReachable { agent: AgentId(n), reachable: true });
    }
    let key = Digit::new('1').expect("a key");
    let begun = Instant::now();
    for n in 0..calls {
        bench.now = bench.now + Duration::from_millis(20);
        let call = CallId(n);
        let leg = LegId::caller(call);
        let from = From { number: Some(format!("+1415555{:04}", n % 10_000)), name: None };
        let via = Via::Trunk("main".to_owned());
        bench.feed(Event::CallArrived { call, from, to: "100".to_owned(), via });
        bench.feed(Event::Digit { leg, digit: key });
        for leg in std::mem::take(&mut bench.rung) {
            bench.feed(Event::Ringing { leg });
            bench.feed(Event::Answered { leg });
        }
        bench.feed(Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
    }
    let took = begun.elapsed();
    let per_event = took.as_nanos() / u128::from(bench.events);
    println!("| events | ns an event | events a second | µs a call |");
    println!("|---|---|---|---|");
    println!(
        "| {} | {per_event} | {} | {:.2} |",
        bench.events,
        1_000_000_000 / per_event.max(1),
        took.as_secs_f64() * 1e6 / calls as f64,
    );
}
