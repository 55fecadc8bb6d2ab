//! The calls of one media thread whose legs hear each other or are recorded together: what was
//! asked, and their mixers.
//!
//! **Invariant:** a call is kept from the first thing asked for it until its last leg closes; of
//! calls without an open leg at most [`EARLY_MAX`] are kept.
//!
//! **Deliberately absent:** legs, which are the thread's.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{CallId, LegId, RecordingId};
use crate::media::call_recorder::CallRecorder;
use crate::media::format::{FRAME_SAMPLES, Heard};
use crate::media::hearing::Hearing;
use crate::media::io::wheel::Wheel;
use crate::media::mixer::{Channel, Listener, Mixer, Slot, Wire};
use crate::time::Timestamp;

#[derive(Default)]
pub(super) struct Calls {
    slots: Vec<Option<Box<Call>>>,
    free: Vec<u32>,
    by_id: BTreeMap<CallId, u32>,
    /// Those of which no leg is open yet.
    early: BTreeSet<CallId>,
}

pub(super) struct Call {
    pub(super) hearing: Hearing,
    /// There while a leg hears two or more.
    pub(super) mixer: Option<Box<Mixer>>,
    /// Whose the mixer's ears are, in their order: legs by their index.
    pub(super) ears: Vec<u32>,
    /// When the wheel wakes the mixer next.
    pub(super) armed: Timestamp,
    pub(super) recording: Option<CallRecording>,
    /// The recording that is over, which never begins again.
    pub(super) recorded: Option<RecordingId>,
}

/// A recording of a call. Its ears are the mixer's last two.
pub(super) struct CallRecording {
    /// Whose hearing it is.
    pub(super) leg: LegId,
    pub(super) recorder: CallRecorder,
    pub(super) left: LegId,
}

impl Calls {
    pub(super) fn slot(&self, id: CallId) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Call> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    /// The call, kept from now on. `is_open`: a leg of it is.
    pub(super) fn keep(&mut self, id: CallId, is_open: bool) -> &mut Call {
        let slot = self.slot(id).unwrap_or_else(|| self.begin(id, is_open));
        self.slots[slot as usize].get_or_insert_with(|| Box::new(Call::new(id)))
    }

    /// A leg of the call is open now.
    pub(super) fn opened(&mut self, id: CallId) {
        self.early.remove(&id);
    }

    pub(super) fn forget(&mut self, id: CallId) {
        self.early.remove(&id);
        if let Some(slot) = self.by_id.remove(&id) {
            self.slots[slot as usize] = None;
            self.free.push(slot);
        }
    }

    /// Whether this leg makes a recording of its call.
    pub(super) fn is_recorder(&mut self, leg: LegId) -> bool {
        let call = self.slot(leg.call).and_then(|slot| self.get_mut(slot));
        let recording = call.and_then(|call| call.recording.as_ref());
        recording.is_some_and(|recording| recording.leg == leg)
    }

    /// The recording of a call, which is over, and whose leg hears no more.
    pub(super) fn take_recording(&mut self, id: CallId) -> Option<CallRecording> {
        let call = self.get_mut(self.slot(id)?)?;
        let recording = call.recording.take()?;
        call.recorded = Some(recording.recorder.recording());
        call.hearing.hear(recording.leg, Vec::new());
        Some(recording)
    }

    /// Takes what the leg in this slot of this call's mixer says.
    pub(super) fn push(&mut self, call: u32, slot: Slot, heard: Heard<'_>) {
        if let Some(mixer) = self.get_mut(call).and_then(|call| call.mixer.as_deref_mut()) {
            mixer.push(slot, heard);
        }
    }

    fn begin(&mut self, id: CallId, is_open: bool) -> u32 {
        if !is_open {
            self.make_room();
            self.early.insert(id);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.by_id.insert(id, slot);
        slot
    }

    fn make_room(&mut self) {
        if self.early.len() >= EARLY_MAX
            && let Some(oldest) = self.early.pop_first()
        {
            tracing::warn!(call = %oldest, "its legs should hear each other, and none was opened");
            self.forget(oldest);
        }
    }
}

impl Call {
    fn new(id: CallId) -> Self {
        let armed = Timestamp(u64::MAX);
        Self {
            hearing: Hearing::new(id),
            mixer: None,
            ears: Vec::new(),
            armed,
            recording: None,
            recorded: None,
        }
    }

    /// Whether nothing is asked for it that needs to be remembered.
    pub(super) fn is_idle(&self) -> bool {
        self.hearing.is_empty() && self.recording.is_none() && self.recorded.is_none()
    }

    /// These hear a mix from now on.
    pub(super) fn mix(&mut self, now: Timestamp, ears: Vec<u32>, wires: &[Wire]) {
        self.ears = ears;
        if wires.is_empty() {
            self.mixer = None;
            return;
        }
        let mixer = self.mixer.get_or_insert_with(|| Box::new(Mixer::new(now)));
        let left_out = mixer.wire(wires);
        if left_out > 0 {
            tracing::warn!(left_out, "more legs of one call should be heard than can be mixed");
        }
    }

    /// Puts the mixer's next frame on the wheel.
    pub(super) fn arm(&mut self, key: u32, wheel: &mut Wheel) {
        if let Some(mixer) = &self.mixer
            && mixer.poll_timeout() < self.armed
        {
            self.armed = wheel.set(key, mixer.poll_timeout());
        }
    }
}

impl CallRecording {
    /// What its two ears hear, of the legs that are open.
    pub(super) fn wires(&self, hearing: &Hearing, is_open: impl Fn(LegId) -> bool) -> [Wire; 2] {
        let heard = hearing.of(self.leg).iter().copied().filter(|leg| is_open(*leg));
        let (left, right) = heard.partition(|leg| *leg == self.left);
        let wire = |channel, from| Wire { to: Listener::Channel(channel), from };
        [wire(Channel::Left, left), wire(Channel::Right, right)]
    }

    /// Takes the frame that was mixed last; `ear` is the left one.
    pub(super) fn hear(&mut self, due: Timestamp, mixer: &Mixer, ear: usize) {
        let (mut left, mut right) = ([0; FRAME_SAMPLES], [0; FRAME_SAMPLES]);
        let left = mixer.frame(ear, &mut left).then_some(&left);
        let right = mixer.frame(ear + 1, &mut right).then_some(&right);
        self.recorder.hear(due, left, right);
    }
}

/// Calls for which something was asked before a leg of them was opened. The oldest is forgotten.
const EARLY_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_whose_legs_never_open_are_bounded_and_those_with_legs_are_not() {
        let mut calls = Calls::default();
        let legs = |n| LegId { call: CallId(1), n };
        calls.keep(CallId(1), false).hearing.hear(legs(0), vec![legs(1)]);
        calls.opened(CallId(1));
        for id in 2..=EARLY_MAX as u64 + 2 {
            calls.keep(CallId(id), false);
        }
        assert!(calls.slot(CallId(1)).is_some(), "it has legs");
        assert!(calls.slot(CallId(2)).is_none(), "the oldest without");
        assert_eq!((calls.by_id.len(), calls.early.len()), (EARLY_MAX + 1, EARLY_MAX));
        // What is forgotten gives its slot to the next.
        calls.forget(CallId(1));
        assert!(calls.keep(CallId(1), true).hearing.is_empty());
        assert_eq!((calls.by_id.len(), calls.slots.len()), (EARLY_MAX + 1, EARLY_MAX + 1));
    }
}
