//! Records from lines; see the head of `cases`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::at;
use crate::id::{AgentId, CallId, LegId};
use crate::time::Timestamp;
use crate::words::{
    CallOutcome, CallRecord, Cause, EndedBy, HandedOver, LegOutcome, NamedVia, Outbound, Overflow,
    Party, PartyLeg, PartyRole, QueueExit, QueueVisit, SentTo, WrapUp,
};

pub(crate) fn records(lines: &[&str]) -> Vec<CallRecord> {
    (1..).zip(lines).map(|(call, line)| record(CallId(call), line)).collect()
}

fn record(call: CallId, line: &str) -> CallRecord {
    let mut words = line.split_whitespace();
    let caller = words.next().expect("a caller");
    let mut now = at(words.next().expect("a time"));
    let mut record = empty(call, caller, now);
    for word in words {
        let (key, rest) = word.split_once(':').unwrap_or((word, ""));
        match key {
            "wait" => now = wait(&mut record, now, rest),
            "intent" => record.intent = Some(rest.to_owned()),
            "account" => record.account = Some(rest.to_owned()),
            "segment" => record.segment = Some(rest.to_owned()),
            "to" => record.to = rest.to_owned(),
            "flow" => record.flow = Some(rest.to_owned()),
            "var" => {
                let (name, value) = rest.split_once('=').expect("a value");
                record.vars.insert(name.to_owned(), value.to_owned());
            }
            "cut" => record.ended_by = EndedBy::Network,
            "own" => record.via = NamedVia::Agent(rest.to_owned()),
            "outbound" => {
                record.via = NamedVia::Outbound("acme".to_owned());
                record.outbound = Some(Outbound { by: rest.to_owned(), key: None });
            }
            "not_reached" => record.outcome = CallOutcome::NotReached,
            "contained" => record.outcome = CallOutcome::Contained,
            "refused" => record.outcome = CallOutcome::Refused,
            "transferred" => record.outcome = CallOutcome::Transferred,
            "consults" => consult(&mut record, now, rest),
            "gets" => now = hand_over(&mut record, now, rest),
            "supervisor" => now = supervise(&mut record, now, rest),
            agent => now = leg(&mut record, now, agent, rest),
        }
    }
    record.ended_at = now;
    record
}

fn empty(call: CallId, caller: &str, arrived_at: Timestamp) -> CallRecord {
    CallRecord {
        call,
        from: (caller != "withheld").then(|| caller.to_owned()),
        from_name: None,
        account: None,
        segment: None,
        to: "100".to_owned(),
        via: NamedVia::Trunk("acme".to_owned()),
        flow: Some("support@1".to_owned()),
        language: None,
        intent: None,
        arrived_at,
        answered_at: Some(arrived_at),
        caller_left_at: None,
        ended_at: arrived_at,
        outcome: CallOutcome::IvrAbandoned,
        ended_by: EndedBy::Caller,
        cause: Cause::NORMAL_CLEARING,
        path: Vec::new(),
        queued: Vec::new(),
        legs: Vec::new(),
        vars: BTreeMap::new(),
        recordings: Vec::new(),
        outbound: None,
    }
}

fn s(text: &str) -> Duration {
    Duration::from_secs(text.parse().unwrap_or_else(|_| panic!("{text} is no number")))
}

/// `billing/10`, `billing/10/abandoned`.
fn wait(record: &mut CallRecord, now: Timestamp, rest: &str) -> Timestamp {
    let parts: Vec<&str> = rest.split('/').collect();
    let left_at = now + s(parts[1]);
    let left = match parts.get(2).copied() {
        None => QueueExit::Answered,
        Some("abandoned") => {
            record.outcome = CallOutcome::Abandoned;
            QueueExit::Abandoned
        }
        Some("overflowed") => {
            record.outcome = CallOutcome::Overflowed;
            QueueExit::Overflowed(Overflow::Timeout)
        }
        Some(other) => panic!("{other}"),
    };
    record.queued.push(QueueVisit {
        queue: parts[0].to_owned(),
        entered_at: now,
        left_at,
        left,
        priority: 5,
        in_line_since: None,
        consulted: false,
    });
    left_at
}

/// A leg of an agent for this long, from this moment on.
fn agent_leg(record: &CallRecord, now: Timestamp, agent: &str, length: Duration) -> PartyLeg {
    let n = u16::try_from(record.legs.len() + 1).expect("few legs");
    PartyLeg {
        leg: LegId { call: record.call, n },
        party: Party::Agent { id: AgentId(0), name: agent.to_owned() },
        queue: record.queued.last().map(|visit| visit.queue.clone()),
        dialed_at: now,
        answered_at: Some(now),
        ended_at: Some(now + length),
        outcome: LegOutcome::Accepted,
        cause: None,
        talk_ms: 0,
        hold_ms: 0,
        wrap_up: None,
        sent_to: None,
        consulted: false,
        handed_over: None,
        role: None,
        by: None,
        modes: Vec::new(),
    }
}

fn ms(of: Duration) -> u64 {
    u64::try_from(of.as_millis()).expect("short")
}

/// `60/10/20+yes>flow`: talk, hold, after-call work.
fn leg(record: &mut CallRecord, now: Timestamp, agent: &str, rest: &str) -> Timestamp {
    let (rest, sent) = rest.split_once('>').map_or((rest, None), |(a, b)| (a, Some(b)));
    let (times, said) = rest.split_once('+').map_or((rest, None), |(a, b)| (a, Some(b)));
    let times: Vec<&str> = times.split('/').collect();
    let (talk, hold) = (s(times[0]), s(times[1]));
    let mut leg = agent_leg(record, now, agent, talk + hold);
    (leg.talk_ms, leg.hold_ms) = (ms(talk), ms(hold));
    leg.sent_to = sent.map(|to| match to {
        "flow" => SentTo::Step("again".to_owned()),
        "agent" => SentTo::Agent("another".to_owned()),
        _ => SentTo::Number("+14155550199".to_owned()),
    });
    let acw = Some(times[2]).filter(|acw| *acw != "?");
    leg.wrap_up = acw.map(|acw| WrapUp {
        leg: leg.leg,
        acw_ms: ms(s(acw)),
        resolved: said.map(|said| said == "yes"),
        intent: None,
        note: None,
    });
    record.legs.push(leg);
    record.outcome = CallOutcome::Handled;
    now + talk + hold
}

/// `bob/30`: on the telephone with the agent alone, or in a conference, and gone again.
fn consult(record: &mut CallRecord, now: Timestamp, rest: &str) {
    let (agent, length) = rest.split_once('/').expect("how long");
    let mut leg = agent_leg(record, now, agent, s(length));
    (leg.talk_ms, leg.consulted) = (ms(s(length)), true);
    record.legs.push(leg);
}

/// `bob:30:100/0/20`: consulted for 30 s, then the caller was left to them.
fn hand_over(record: &mut CallRecord, now: Timestamp, rest: &str) -> Timestamp {
    let [agent, before, times] = rest.splitn(3, ':').collect::<Vec<_>>()[..] else {
        panic!("{rest}")
    };
    let end = leg(record, now, agent, times);
    let leg = record.legs.last_mut().expect("it was made");
    leg.talk_ms += ms(s(before));
    leg.consulted = true;
    leg.handed_over = Some(HandedOver { at: now, talk_ms: ms(s(before)), hold_ms: 0 });
    end
}

/// `60`: a supervisor took the call over and talked.
fn supervise(record: &mut CallRecord, now: Timestamp, rest: &str) -> Timestamp {
    let mut leg = agent_leg(record, now, "sue", s(rest));
    (leg.talk_ms, leg.role) = (ms(s(rest)), Some(PartyRole::Supervisor));
    record.legs.push(leg);
    record.outcome = CallOutcome::Handled;
    now + s(rest)
}
