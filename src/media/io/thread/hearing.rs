//! What the legs of a thread hear of each other: packets passed on, and frames mixed.
//!
//! **Invariant:** after whatever changes who is open, or who should hear whom, each leg's packets
//! go to those who hear it alone, and to the mixer where a leg hears it with others.
//!
//! **Deliberately absent:** legs of two calls that hear each other: they may be on two threads.

use crate::id::{CallId, LegId};
use crate::media::format::FRAME_SAMPLES;
use crate::media::hearing::Route;
use crate::media::io::thread::{Leg, MIXER_BIT, MediaThread};
use crate::media::mixer::{Listener, Wire};
use crate::media::session::Session;
use crate::time::Timestamp;

impl MediaThread {
    pub(super) fn hear(&mut self, now: Timestamp, leg: LegId, from: Vec<LegId>) {
        if !from.is_empty() {
            self.with(now, leg, Session::stop);
        }
        // Of a recorder whose recording is over there is nothing to be kept.
        if leg.is_recorder() && !self.calls.is_recorder(leg) {
            return;
        }
        let is_open = self.is_call_open(leg.call);
        let call = self.calls.keep(leg.call, is_open);
        call.hearing.hear(leg, from);
        self.route(now, leg.call);
    }

    pub(super) fn is_call_open(&self, call: CallId) -> bool {
        self.legs_of(call).next().is_some()
    }

    fn legs_of(&self, call: CallId) -> impl Iterator<Item = (LegId, u32)> {
        let legs = LegId { call, n: 0 }..=LegId { call, n: u16::MAX };
        self.by_id.range(legs).map(|(leg, index)| (*leg, *index))
    }

    /// The open legs of this call, or what they should hear, have changed.
    pub(super) fn route(&mut self, now: Timestamp, id: CallId) {
        let Some(slot) = self.calls.slot(id) else { return };
        let open: Vec<(LegId, u32)> = self.legs_of(id).collect();
        let index_of =
            |leg: LegId| Some(open[open.binary_search_by_key(&leg, |(id, _)| *id).ok()?].1);
        let is_open = |leg: LegId| index_of(leg).is_some();
        for &(_, index) in &open {
            self.heard_by[index as usize].clear();
        }
        let Some(call) = self.calls.get_mut(slot) else { return };
        let (mut ears, mut wires) = (Vec::new(), Vec::new());
        for &(leg, index) in &open {
            let passes = |source| passes(&self.legs, index_of(source), index);
            let route = call.hearing.route(leg, is_open, passes);
            let source = match route {
                Route::Nobody => None,
                Route::Passed(source) => index_of(source),
                Route::Mixed(from) => {
                    ears.push(index);
                    wires.push(Wire { to: Listener::Leg(leg), from });
                    None
                }
            };
            if let Some(source) = source {
                self.heard_by[source as usize].push(index);
            }
            let pressed = source.and_then(|source| self.legs[source as usize].as_ref());
            let pressed = pressed.map_or(0, |source| source.session.pressed());
            if let Some(leg) = &mut self.legs[index as usize]
                && leg.source != source
            {
                leg.source = source;
                leg.session.listen_to_another(pressed);
            }
        }
        let hearing = &call.hearing;
        wires.extend(call.recording.iter().flat_map(|it| it.wires(hearing, is_open)));
        call.mix(now, ears, &wires);
        for &(id, index) in &open {
            let mixed = call.mixer.as_ref().and_then(|mixer| mixer.slot(id));
            if let Some(leg) = &mut self.legs[index as usize] {
                leg.mixed = mixed.map(|at| (slot, at));
                leg.session.set_mixed(mixed.is_some());
            }
        }
        call.arm(slot | MIXER_BIT, &mut self.wheel);
        if call.is_idle() {
            self.calls.forget(id);
        }
    }

    /// The wheel woke the mixer of this call.
    pub(super) fn wake_mixer(&mut self, now: Timestamp, at: Timestamp, slot: u32) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        // Another entry may have been set for an earlier time, or this one by another call.
        if call.armed != at {
            return;
        }
        call.armed = Timestamp(u64::MAX);
        let Some(mixer) = &mut call.mixer else { return };
        mixer.keys_down(|leg| {
            let leg = self.by_id.get(&leg).and_then(|index| self.legs[*index as usize].as_ref());
            leg.is_some_and(|leg| leg.session.has_key_down(now))
        });
        let mut frame = [0; FRAME_SAMPLES];
        // Bounded: each frame moves the deadline on, and a late thread catches up 100 ms at most.
        while let Some(due) = mixer.handle_timeout(now) {
            for (ear, &index) in call.ears.iter().enumerate() {
                let Some(leg) = self.legs[index as usize].as_mut() else { continue };
                if !mixer.frame(ear, &mut frame) {
                    continue;
                }
                leg.session.hear_mix(&frame);
                while let Some((to, len)) = leg.session.mixed_packet(due, &mut self.buffer) {
                    leg.send(&self.buffer[..len], to);
                }
            }
            if let Some(recording) = &mut call.recording {
                recording.hear(due, mixer, call.ears.len());
            }
        }
        call.arm(slot | MIXER_BIT, &mut self.wheel);
        if call.recording.is_some() {
            self.hand_on_call(now, slot);
        }
    }
}

/// Whether a leg can be given the packets of another as they are.
fn passes(legs: &[Option<Box<Leg>>], source: Option<u32>, listener: u32) -> bool {
    let session = |index: u32| legs[index as usize].as_ref().map(|leg| &leg.session);
    let pair = source.and_then(session).zip(session(listener));
    pair.is_none_or(|(source, listener)| source.passes_to(listener))
}
