//! What becomes of a call: an example of each outcome, as `docs/figures.md` tells it.

use std::sync::Arc;

use crate::call::{Fact, Origin, fold};
use crate::id::{AgentId, CallId, LegId, RecordingId};
use crate::time::Timestamp;
use crate::words::{
    CallOutcome, Cause, Dialed, EndedBy, InputOutcome, LegOutcome, NamedVia, Overflow, Party,
    QueueExit, Recording, RecordingKind, RecordingState, SentTo,
};

const CALL: CallId = CallId(7);
const AGENT: LegId = LegId { call: CALL, n: 1 };
const OUTSIDE: LegId = LegId { call: CALL, n: 2 };

/// The facts of one call, a second after another.
#[derive(Default)]
struct Happened(Vec<Fact>);

impl Happened {
    /// A customer's call that the flow answered.
    fn answered() -> Self {
        Self(vec![Fact::Answered]).entered("greeting")
    }

    fn then(mut self, fact: Fact) -> Self {
        self.0.push(fact);
        self
    }

    fn entered(self, step: &str) -> Self {
        self.then(Fact::Entered { step: step.into(), after_hangup: false })
    }

    fn input(self, outcome: InputOutcome, keys: Option<&str>) -> Self {
        self.then(Fact::Input { outcome, keys: keys.map(Arc::from) })
    }

    fn waited(self, left: QueueExit) -> Self {
        let queued = Fact::Queued {
            queue: "help".into(),
            priority: 5,
            in_line_since: None,
            consulted: false,
        };
        self.then(queued).then(Fact::LeftQueue { left })
    }

    fn talked(self, leg: LegId, party: Party, consulted: bool) -> Self {
        let dialed = Dialed { leg, party, queue: None, consulted, role: None, by: None };
        self.then(Fact::Dialed(Arc::new(dialed)))
            .then(Fact::LegAnswered { leg })
            .then(Fact::Bridged { leg })
            .then(Fact::LegEnded { leg, outcome: LegOutcome::Accepted, cause: None })
    }

    fn with_agent(self) -> Self {
        self.talked(AGENT, Party::Agent { id: AgentId(1), name: "ann".to_owned() }, false)
    }

    fn with_outside(self, consulted: bool) -> Self {
        let (trunk, number) = ("acme".to_owned(), "+14155550123".to_owned());
        self.talked(OUTSIDE, Party::Outside { trunk, number }, consulted)
    }

    fn message(self, kind: RecordingKind, state: RecordingState) -> Self {
        let recording = Recording {
            name: RecordingId { call: CALL, n: 1 },
            kind,
            step: "message".to_owned(),
            queue: None,
            began_at: Timestamp(0),
            state,
            length_ms: 4_000,
            ended: None,
            url: None,
            pauses: Vec::new(),
        };
        self.then(Fact::RecordingBegan { recording: Box::new(recording) })
    }

    fn record(self, via: NamedVia, by: EndedBy) -> crate::words::CallRecord {
        let origin = Origin {
            call: CALL,
            from: None,
            from_name: None,
            to: "100".to_owned(),
            via,
            arrived_at: Timestamp(0),
            account: None,
            segment: None,
            outbound: None,
        };
        let ended = self.then(Fact::Ended { by, cause: Cause::NORMAL_CLEARING });
        let facts: Vec<_> = (1..).map(|s| Timestamp(s * 1_000)).zip(ended.0).collect();
        fold::record(&origin, &facts)
    }

    /// What becomes of it, where this party ends it.
    fn ended_by(self, by: EndedBy) -> CallOutcome {
        self.record(NamedVia::Trunk("main".to_owned()), by).outcome
    }
}

fn flow() -> Happened {
    Happened::answered()
}

fn check<const N: usize>(examples: [(&str, Happened, EndedBy, CallOutcome); N]) {
    for (caller, happened, by, outcome) in examples {
        assert_eq!(happened.ended_by(by), outcome, "the caller {caller}");
    }
}

/// The caller pressed 2 at the greeting.
fn chose() -> Happened {
    flow().input(InputOutcome::Matched, Some("2")).entered("hours")
}

#[test]
fn a_caller_who_talked_or_never_got_through() {
    use CallOutcome as O;
    use EndedBy as By;
    use QueueExit::Answered;
    check([
        (
            "waits, talks, the agent hangs up",
            flow().waited(Answered).with_agent(),
            By::Agent,
            O::Handled,
        ),
        (
            "talks, then the process is killed",
            flow().waited(Answered).with_agent(),
            By::ServerLost,
            O::Handled,
        ),
        ("is never answered", Happened::default(), By::Server, O::Refused),
        ("gives up before the answer", Happened::default(), By::Caller, O::Refused),
        ("hears a menu when the process is killed", chose(), By::ServerLost, O::Failed),
        ("is dialed through to a mobile", flow().with_outside(false), By::Party, O::Transferred),
    ]);
}

#[test]
fn a_caller_who_waited_or_left_a_message() {
    use CallOutcome as O;
    use EndedBy as By;
    use QueueExit::{Abandoned, Ended, ExitKey, Overflowed};
    let message = RecordingKind::Message;
    let timeout = Overflowed(Overflow::Timeout);
    check([
        ("waits and hangs up", flow().waited(Abandoned), By::Caller, O::Abandoned),
        ("waits when the line is lost", flow().waited(Ended), By::Network, O::Failed),
        (
            "speaks after the tone",
            flow().message(message, RecordingState::Kept),
            By::Caller,
            O::Voicemail,
        ),
        (
            "says nothing after the tone",
            chose().message(message, RecordingState::Empty),
            By::Flow,
            O::Contained,
        ),
        (
            "was recorded, which is no message",
            flow().message(RecordingKind::Call, RecordingState::Kept),
            By::Caller,
            O::IvrAbandoned,
        ),
        (
            "waited too long and left a message",
            flow().waited(timeout).message(message, RecordingState::Begun),
            By::Caller,
            O::Voicemail,
        ),
        (
            "left a message, then waits and hangs up",
            flow().message(message, RecordingState::Kept).waited(Abandoned),
            By::Caller,
            O::Abandoned,
        ),
        ("is sent away", flow().waited(timeout).entered("bye"), By::Flow, O::Overflowed),
        ("leaves by the exit key", flow().waited(ExitKey).entered("hours"), By::Caller, O::Exited),
        (
            "leaves by the key, waits again, is sent away",
            flow().waited(ExitKey).waited(timeout),
            By::Flow,
            O::Overflowed,
        ),
    ]);
}

#[test]
fn a_caller_whom_the_flow_alone_served_or_lost() {
    use CallOutcome as O;
    use EndedBy as By;
    use InputOutcome::{NoInput, NoMatch};
    check([
        (
            "hears the apology of on_error",
            chose().then(Fact::StepFailed).entered("sorry"),
            By::Flow,
            O::Failed,
        ),
        (
            "hears the apology and hangs up",
            flow().then(Fact::StepFailed).entered("sorry"),
            By::Caller,
            O::Failed,
        ),
        ("is still in the flow when a drain ends", chose(), By::Operator, O::Failed),
        ("is in the flow when the line is lost", chose(), By::Network, O::Failed),
        ("chooses, hears and hangs up", chose(), By::Caller, O::Contained),
        (
            "chooses, and is then silent",
            chose().input(NoInput, None).entered("bye"),
            By::Flow,
            O::Contained,
        ),
        ("is asked nothing", flow(), By::Flow, O::Contained),
        ("hangs up in the greeting", flow(), By::Caller, O::IvrAbandoned),
        (
            "presses nothing until the flow gives up",
            flow().input(NoInput, None).entered("bye"),
            By::Flow,
            O::IvrAbandoned,
        ),
        (
            "presses only what means nothing",
            flow().input(NoMatch, Some("9")),
            By::Caller,
            O::IvrAbandoned,
        ),
    ]);
}

#[test]
fn an_agents_own_call_that_came_to_nobody_is_not_contained() {
    let own =
        |happened: Happened, by| happened.record(NamedVia::Agent("ann".to_owned()), by).outcome;
    assert_eq!(own(flow(), EndedBy::Caller), CallOutcome::OwnCall);
    assert_eq!(own(flow(), EndedBy::Flow), CallOutcome::OwnCall);
    assert_eq!(own(Happened::default(), EndedBy::Server), CallOutcome::Refused);
    assert_eq!(own(flow().with_outside(false), EndedBy::Party), CallOutcome::Transferred);
}

#[test]
fn a_transfer_outside_is_one_also_after_an_agent() {
    let outside = |happened: Happened| {
        happened
            .record(NamedVia::Trunk("main".to_owned()), EndedBy::Caller)
            .was_transferred_outside()
    };
    assert!(outside(flow().with_outside(false)), "from the flow");
    assert!(outside(flow().with_agent().with_outside(false)), "from the flow, after an agent");
    assert!(!outside(flow().with_agent().with_outside(true)), "consulted only");
    let dialed = Dialed {
        leg: AGENT,
        party: Party::Agent { id: AgentId(1), name: "ann".to_owned() },
        queue: None,
        consulted: false,
        role: None,
        by: None,
    };
    let sent = flow()
        .then(Fact::Dialed(Arc::new(dialed)))
        .then(Fact::LegAnswered { leg: AGENT })
        .with_outside(true)
        .then(Fact::Transferred { leg: AGENT, to: SentTo::Number("+14155550123".to_owned()) });
    assert!(outside(sent), "the agent consulted and left the caller there");
}

#[test]
fn another_trunk_changes_where_no_inbound_call_came_from() {
    let leg = LegId::caller(CallId(7));
    let rerouted = || flow().then(Fact::Rerouted { leg, trunk: "spare".to_owned().into() });
    let via = |via: NamedVia| rerouted().record(via, EndedBy::Flow).via.to_string();
    assert_eq!(via(NamedVia::Trunk("main".to_owned())), "trunk:main");
    assert_eq!(via(NamedVia::Outbound("main".to_owned())), "outbound:spare");
}

#[test]
fn the_path_says_what_was_pressed_where() {
    let happened =
        flow().input(InputOutcome::NoInput, None).input(InputOutcome::Matched, Some("2"));
    let record = happened
        .entered("hours")
        .then(Fact::StepFailed)
        .record(NamedVia::Trunk("main".to_owned()), EndedBy::Flow);
    let path = serde_json::to_value(&record.path).expect("a path is JSON");
    let tries = serde_json::json!([
        { "at": 3_000, "outcome": "no_input" },
        { "at": 4_000, "outcome": "matched", "keys": "2" },
    ]);
    assert_eq!(path[0]["inputs"], tries);
    assert_eq!((&path[1]["step"], &path[1]["failed"]), (&"hours".into(), &true.into()));
    assert_eq!(path[0].get("failed"), None, "what did not happen is not written");
}

#[test]
fn the_document_has_every_outcome_and_no_other() {
    let document = include_str!("../../docs/figures.md");
    let (_, outcomes) = document.split_once("## Outcomes\n").expect("the section");
    let (outcomes, _) = outcomes.split_once("\n## ").expect("the next section");
    let rows = outcomes.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: Vec<_> = rows.filter_map(|row| row.split_once("` |").map(|(word, _)| word)).collect();
    for outcome in CallOutcome::ALL {
        assert!(rows.contains(&outcome.to_string().as_str()), "{outcome} has no row");
    }
    for row in rows {
        assert!(
            CallOutcome::ALL.iter().any(|known| known.to_string() == row),
            "{row} is no outcome"
        );
    }
}
