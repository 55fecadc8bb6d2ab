//! Boards and rings by themselves; simulations compare a board with the center it is of.

use std::sync::Arc;

use super::*;
use crate::center::setup::{Agent, Queue};
use crate::center::{ContactCenter, Setup};
use crate::id::{AgentId, CallId};
use crate::time::Timestamp;
use crate::words::{
    AgentState, CallFact, CallRecord, CallStands, CallState, Cause, Closing, EndedBy, Event, Fact,
    NamedVia, Numbered, Origin, Roster, Seq, Waits,
};

const CALL: CallId = CallId(41);

fn numbered(seq: u64, fact: Fact) -> Numbered {
    Numbered { seq: Seq(seq), at: Timestamp(1_000 + seq), fact }
}

fn happened(happened: CallFact) -> Fact {
    Fact::Call { call: CALL, happened }
}

fn began(call: CallId) -> Fact {
    let via = NamedVia::Trunk("main".to_owned());
    let (to, arrived_at) = ("100".to_owned(), Timestamp(1_000));
    Fact::CallBegan(Arc::new(Origin {
        call,
        from: None,
        from_name: None,
        to,
        via,
        arrived_at,
        account: None,
        segment: None,
        outbound: None,
    }))
}

fn waits(call: CallId, queue: &str, order: i64) -> Fact {
    let since = Timestamp(1_000);
    let stands = CallStands {
        state: CallState::Waiting,
        since: Some(since),
        waits: Some(Waits {
            queue: queue.into(),
            since,
            in_line_since: since,
            order,
            search: Box::default(),
        }),
        agent: None,
        on_hold: false,
        language: None,
        recording: None,
        consult: None,
        supervisor: None,
    };
    Fact::CallStands { call, stands: Arc::new(stands) }
}

fn roster() -> Fact {
    Fact::Roster(Arc::new(Roster {
        agents: Vec::new(),
        queues: vec!["help".into()],
        ..Roster::default()
    }))
}

/// Folds these from the first number on; what came of the last.
fn fold(board: &mut Board, facts: Vec<Fact>) -> Folded {
    let mut last = Folded::default();
    for fact in facts {
        last = board.fold(&numbered(board.next().0, fact));
    }
    last
}

#[test]
fn calls_of_a_line_are_in_its_order_and_leave_it() {
    let mut board = Board::default();
    let (first, second) = (CallId(2), CallId(1));
    fold(&mut board, vec![roster(), began(first), began(second)]);
    fold(&mut board, vec![waits(second, "help", 20), waits(first, "help", 10)]);
    let line = |board: &Board| board.line("help").map(|call| call.call).collect::<Vec<_>>();
    assert_eq!(line(&board), [first, second]);
    let position = |call| board.call(call).and_then(|call| call.position);
    assert_eq!((position(first), position(second)), (Some(1), Some(2)));
    let queue = &board.queues(Timestamp(4_000))[0];
    assert_eq!((queue.waiting, queue.longest_wait_ms), (2, 3_000));
    fold(&mut board, vec![waits(first, "other", 10)]);
    assert_eq!(line(&board), [second]);
}

#[test]
fn the_last_fact_of_a_call_gives_its_record_and_takes_it_off() {
    let mut board = Board::default();
    fold(&mut board, vec![roster(), began(CALL), waits(CALL, "help", 0)]);
    let entered =
        |step: &str| happened(CallFact::Entered { step: step.into(), after_hangup: false });
    fold(&mut board, vec![entered("main"), entered("help")]);
    let (by, cause) = (EndedBy::Caller, Cause::NORMAL_CLEARING);
    fold(&mut board, vec![happened(CallFact::Ended { by, cause })]);
    let closing = Closing { language: Some("en".to_owned()), ..Closing::default() };
    let folded = fold(&mut board, vec![happened(CallFact::Closed(Arc::new(closing)))]);
    let record: CallRecord = *folded.record.expect("it is over");
    assert_eq!((record.path.len(), record.language.as_deref()), (2, Some("en")));
    assert_eq!((board.calls().count(), board.queues(Timestamp(0))[0].waiting), (0, 0));
}

#[test]
fn a_fact_concerns_the_queues_and_agents_of_its_call_also_after_its_end() {
    let mut board = Board::default();
    let queued = |queue: &str| CallFact::Queued {
        queue: queue.into(),
        priority: 5,
        in_line_since: None,
        consulted: false,
    };
    fold(&mut board, vec![roster(), began(CALL)]);
    let first = fold(&mut board, vec![happened(queued("help"))]).concern;
    assert_eq!(first.queues, ["help".into()]);
    let both = fold(&mut board, vec![happened(queued("other"))]).concern;
    assert_eq!(both.queues.len(), 2);
    assert_eq!(first.queues.len(), 1, "what was told stays as it was");
    fold(&mut board, vec![happened(CallFact::Closed(Arc::default()))]);
    let ended = Fact::OfferEnded {
        call: CALL,
        offer: crate::id::OfferId(1),
        agent: AgentId(0),
        name: "ada".into(),
        outcome: crate::words::OfferOutcome::Accepted,
    };
    assert_eq!(fold(&mut board, vec![ended]).concern, both);
}

#[test]
#[should_panic(expected = "a fact is missing")]
fn a_gap_is_no_board() {
    let mut board = Board::default();
    board.fold(&numbered(0, roster()));
    board.fold(&numbered(2, roster()));
}

#[test]
fn a_ring_keeps_the_last_and_says_what_is_lost() {
    let mut ring = Ring::with_room(3);
    assert_eq!(ring.since(Seq(1)).err(), Some(Lost::NotYet(Seq(0))));
    for seq in 0..5 {
        ring.push(numbered(seq, roster()), Folded::default());
    }
    let of = |ring: &Ring, first| {
        ring.since(Seq(first)).map(|facts| facts.map(|it| it.numbered.seq.0).collect::<Vec<_>>())
    };
    assert_eq!(of(&ring, 2), Ok(vec![2, 3, 4]));
    assert_eq!(of(&ring, 4), Ok(vec![4]));
    assert_eq!(of(&ring, 5), Ok(vec![]));
    assert_eq!(of(&ring, 1), Err(Lost::TooOld(Seq(2))));
    assert_eq!(of(&ring, 6), Err(Lost::NotYet(Seq(5))));
}

#[test]
fn a_fact_is_read_as_it_is_written_and_its_kind_is_a_known_one() {
    let moved = Fact::AgentMoved {
        agent: AgentId(3),
        name: "ada".into(),
        state: AgentState::NotReady { reason: "lunch".to_owned() },
    };
    let facts = [
        roster(),
        Fact::Draining { is_draining: true },
        began(CALL),
        happened(CallFact::Answered),
        waits(CALL, "help", -5),
        moved,
    ];
    for (seq, fact) in facts.into_iter().enumerate() {
        assert!(Fact::KINDS.contains(&fact.kind()), "{}", fact.kind());
        let told = numbered(seq as u64, fact);
        let text = serde_json::to_string(&told).unwrap();
        assert_eq!(serde_json::from_str::<Numbered>(&text).unwrap(), told, "{text}");
    }
    let entered = CallFact::Entered { step: "main".into(), after_hangup: false };
    let told = numbered(1, happened(entered));
    let expected =
        r#"{"seq":1,"at":1001,"fact":"call","call":41,"happened":"entered","step":"main"}"#;
    assert_eq!(serde_json::to_string(&told).unwrap(), expected);
}

#[test]
fn a_board_shows_who_came_and_who_went_with_another_setup() {
    let setup = |agents: &[&str], queues: &[&str]| Setup {
        agents: agents
            .iter()
            .map(|name| Agent {
                name: (*name).to_owned(),
                display_name: None,
                team: None,
                skills: Vec::new(),
                auto_login: true,
                auto_ready: true,
            })
            .collect(),
        queues: queues.iter().map(|name| Queue::named(name)).collect(),
        ..Setup::default()
    };
    let (now, mut board) = (Timestamp(1_000), Board::default());
    let mut center = ContactCenter::new(setup(&["ann", "ben"], &["help", "sales"]));
    center.hear_facts(now);
    center.handle(now, Event::PhoneReachable { agent: AgentId(0), reachable: true });
    let mut shown = |center: &mut ContactCenter| {
        while let Some(told) = center.poll_fact() {
            board.fold(&told);
        }
        assert_eq!(board.snapshot(now), center.snapshot(now));
        let agents: Vec<_> = board.agents().map(|agent| agent.name).collect();
        let queues: Vec<_> = board.queues(now).into_iter().map(|queue| queue.name).collect();
        assert_eq!(board.agent("ann").is_some(), agents.iter().any(|name| name == "ann"));
        [agents.join(" "), queues.join(" ")]
    };
    assert_eq!(shown(&mut center), ["ann ben", "help sales"]);
    center.reconfigure(now, setup(&["ben", "cat"], &["help", "more"])).unwrap();
    assert_eq!(shown(&mut center), ["ben cat", "help more"]);
    center.reconfigure(now, setup(&["ann", "cat"], &["sales"])).unwrap();
    assert_eq!(shown(&mut center), ["ann cat", "sales"], "in the order of their ids");
}
