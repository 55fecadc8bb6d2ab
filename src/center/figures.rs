//! What the center tells the figures: its happenings, in the words of `metrics`.
use std::time::Duration;

use crate::acd::{AgentState, OfferOutcome};
use crate::call::{Call, CallRecord, LeftQueue, WrapUp};
use crate::center::{ContactCenter, Setup};
use crate::id::{AgentId, CallId, QueueId};
use crate::time::Timestamp;

impl ContactCenter {
    pub(super) fn count_arrived(&mut self, _now: Timestamp, _id: CallId) {}
    pub(super) fn count_queued(&mut self, _now: Timestamp, _id: CallId, _queue: QueueId) {}
    pub(super) fn count_offered(&mut self, _now: Timestamp, _id: CallId, _agent: AgentId) {}
    pub(super) fn count_offer_ended(
        &mut self,
        _now: Timestamp,
        _id: CallId,
        _agent: AgentId,
        _o: OfferOutcome,
    ) {
    }
    pub(super) fn count_answered(
        &mut self,
        _now: Timestamp,
        _id: CallId,
        _q: QueueId,
        _agent: AgentId,
        _w: Duration,
    ) {
    }
    pub(super) fn count_left_queue(
        &mut self,
        _now: Timestamp,
        _call: &Call,
        _q: QueueId,
        _w: Duration,
        _l: LeftQueue,
    ) {
    }
    pub(super) fn count_ended(&mut self, _now: Timestamp, _call: &Call, _record: &CallRecord) {}
    pub(super) fn count_wrap_up(&mut self, _now: Timestamp, _agent: AgentId, _wrap_up: &WrapUp) {}
    pub(super) fn count_agent(&mut self, _now: Timestamp, _agent: AgentId, _state: &AgentState) {}
}
pub(super) fn _unused(_: &Setup) {}
