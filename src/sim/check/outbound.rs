//! Calls that we begin: few at a time, one for each number, and none that rings for ever.
//!
//! **Invariant:** a caller is dialed because an operator asked for that in this input, and once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::center::Setup;
use crate::id::{CallId, LegId};
use crate::sim::check::Leg;
use crate::time::Timestamp;
use crate::words::{CallOutcome, CallRecord, Event, From, OutboundRequest, Target};

/// No customer's telephone rings longer, in the scenario.
const RING_MAX: Duration = Duration::from_secs(61);

#[derive(Debug)]
pub(super) struct OutboundWatch {
    calls_max: usize,
    /// What this input asks for.
    asked: Option<(CallId, Box<OutboundRequest>)>,
    /// Live calls, and the number of each.
    live: BTreeMap<CallId, String>,
    /// The call that was made under each key.
    keys: BTreeMap<String, CallId>,
}

impl OutboundWatch {
    pub(super) fn new(setup: &Setup) -> Self {
        let (live, keys) = (BTreeMap::new(), BTreeMap::new());
        Self { calls_max: setup.outbound_calls_max, asked: None, live, keys }
    }

    pub(super) fn told(&mut self, event: Option<&Event>) {
        self.asked = match event {
            Some(Event::OutboundAsked { call, ask, .. }) => Some((*call, ask.clone())),
            Some(_) | None => None,
        };
    }

    /// The center dials the caller of this call.
    pub(super) fn dialed(&mut self, call: CallId, target: &Target, from: &From) {
        let (asked, ask) = self.asked.take().expect("nobody asked for a call");
        assert_eq!(call, asked, "another call was asked for");
        let Target::Trunk { number, .. } = target else { panic!("{call}: {target:?} is no trunk") };
        let beside = self.live.iter().find(|(_, of)| *of == number);
        assert!(beside.is_none(), "{call} dials a number that is in {beside:?}");
        assert!(self.live.len() < self.calls_max, "{call} is one too many: {:?}", self.live);
        assert_eq!(ask.from, None, "{call} shows {from:?}, which is not ours");
        if let Some(key) = ask.key {
            let before = self.keys.insert(key, call);
            assert!(before.is_none(), "{call} was made before: {before:?}");
        }
        self.live.insert(call, number.clone());
    }

    pub(super) fn has(&self, call: CallId) -> bool {
        self.live.contains_key(&call)
    }

    pub(super) fn closed(&mut self, record: &CallRecord) {
        let call = record.call;
        let number = self.live.remove(&call);
        assert_eq!(number.is_some(), record.is_outbound(), "{call}: {}", record.via);
        if number.is_some() {
            assert_eq!(number, record.from, "{call} is another number's");
        }
        let is_unanswered = record.answered_at.is_none() && record.is_outbound();
        let is_not_reached = record.outcome == CallOutcome::NotReached;
        assert_eq!(is_unanswered, is_not_reached, "{call} is {}", record.outcome);
    }

    pub(super) fn settled(&self, now: Timestamp, legs: &BTreeMap<CallId, BTreeMap<LegId, Leg>>) {
        for call in self.live.keys() {
            let caller = legs.get(call).and_then(|legs| legs.get(&LegId::caller(*call)));
            let rings = caller.filter(|caller| !caller.answered);
            let in_time = rings.is_none_or(|caller| now < caller.since + RING_MAX);
            assert!(in_time, "{call} rings since {rings:?}, too long");
        }
    }
}
