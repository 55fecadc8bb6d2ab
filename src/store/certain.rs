//! What is certain of a call that was lost, where its journal cannot be replayed: who called whom,
//! and when.

use std::collections::BTreeMap;

use crate::center::journal::{Entry, Input};
use crate::id::CallId;
use crate::store::recover::Writing;
use crate::time::Timestamp;
use crate::words::{CallOutcome, CallRecord, Cause, EndedBy, Event, From, NamedVia, Outbound, Via};

/// The record of a call of which only its arrival is known. Of one that was refused that is all.
pub(super) fn certain(arrived: &Entry, ended_at: Timestamp, writing: Writing<'_>) -> CallRecord {
    let lost = |call, from: &From, to: &str, via: &Via| CallRecord {
        from: from.number.as_deref().and_then(writing.number),
        from_name: from.name.clone(),
        to: to.to_owned(),
        ..bare(call, via.named(|id| (writing.agent)(id).unwrap_or_else(|| id.to_string())))
    };
    let (arrived_at, ended_at) = (arrived.at, ended_at.max(arrived.at));
    match &arrived.input {
        Input::Event(
            Event::CallArrived { call, from, to, via } | Event::CallOpening { call, from, to, via },
        ) => CallRecord { arrived_at, ended_at, ..lost(*call, from, to, via) },
        Input::Event(Event::CallRefused { call, from, to, via, by, cause }) => CallRecord {
            arrived_at,
            ended_at: arrived_at,
            outcome: CallOutcome::Refused,
            ended_by: *by,
            cause: *cause,
            ..lost(*call, from, to, via)
        },
        Input::Event(Event::OutboundAsked { by, call, ask }) => CallRecord {
            arrived_at,
            ended_at,
            from: (writing.number)(&ask.to),
            to: ask.from.clone().unwrap_or_default(),
            outcome: CallOutcome::NotReached,
            outbound: Some(Outbound { by: by.name.clone(), key: ask.key.clone() }),
            ..bare(*call, NamedVia::Outbound(ask.trunk.clone().unwrap_or_default()))
        },
        Input::Event(_) | Input::Own(_) => unreachable!("only arrivals are looked up"),
    }
}

/// A call that was lost, and of which nothing is known.
const fn bare(call: CallId, via: NamedVia) -> CallRecord {
    CallRecord {
        call,
        from: None,
        from_name: None,
        account: None,
        segment: None,
        to: String::new(),
        via,
        flow: None,
        language: None,
        intent: None,
        arrived_at: Timestamp(0),
        answered_at: None,
        self_service: None,
        milestones: Vec::new(),
        notes: Vec::new(),
        caller_left_at: None,
        ended_at: Timestamp(0),
        outcome: CallOutcome::Failed,
        ended_by: EndedBy::ServerLost,
        cause: Cause::TEMPORARY_FAILURE,
        path: Vec::new(),
        queued: Vec::new(),
        legs: Vec::new(),
        vars: BTreeMap::new(),
        recordings: Vec::new(),
        outbound: None,
    }
}
