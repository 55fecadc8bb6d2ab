//! What several legs of one call say, mixed for each that hears two or more of them.
//!
//! Every 20 ms a frame is taken from each source, as it is there; the sum of each set of sources is
//! computed once; and each ear gets the sum of its set, less its own voice. A sum beyond the range
//! is cut off there: one voice alone is then heard exactly as spoken, and nobody's level depends on
//! who spoke before, as with a soft or an adaptive limit. It takes two loud voices at once.
//!
//! After each input, call [`Mixer::handle_timeout`] at [`Mixer::poll_timeout`], and for every frame
//! it mixed [`Mixer::frame`] for each ear.
//!
//! **Invariant:** nobody hears itself, nor anybody it was not wired to; a source that is late or
//! silent delays nobody; what waits of a source is bounded; no packet and no frame allocates.
//!
//! **Deliberately absent:** codecs, sockets, and who may hear whom.

mod ring;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::id::LegId;
use crate::media::format::{FRAME, FRAME_SAMPLES, Frame, Heard};
use crate::time::Timestamp;

use ring::Ring;

pub use ring::WAITING_MAX;

pub struct Mixer {
    /// When the next frame is mixed.
    due: Timestamp,
    /// By slot.
    sources: [Option<Box<Source>>; SOURCES_MAX],
    ears: Vec<Ear>,
    sums: Vec<Sum>,
}

/// Where a source is among those of its mixer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(u8);

/// Somebody who hears a mix: a leg, or a side of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The leg whose own voice it does not hear.
    pub leg: Option<LegId>,
    pub from: Vec<LegId>,
}

struct Source {
    leg: LegId,
    ring: Ring,
    /// What was taken for the frame that was mixed last.
    frame: Frame,
    /// Frames without a sound up to that one.
    silent: u8,
}

struct Ear {
    from: Set,
    /// Whose voice is in the sum and not for this ear.
    own: Option<Slot>,
    /// Which of the sums.
    sum: usize,
}

struct Sum {
    of: Set,
    samples: [i32; FRAME_SAMPLES],
}

/// Slots, one bit each.
type Set = u32;

impl Mixer {
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { due: now + FRAME, sources: Default::default(), ears: Vec::new(), sums: Vec::new() }
    }

    /// From now on these ears hear, in this order. Sources that some ear heard before go on. How
    /// many sources are one too many, and heard by nobody.
    pub fn wire(&mut self, ears: &[Wire]) -> usize {
        let mut heard: Vec<LegId> = ears.iter().flat_map(|ear| ear.from.iter().copied()).collect();
        heard.sort_unstable();
        heard.dedup();
        let left_out = heard.split_off(heard.len().min(SOURCES_MAX)).len();
        for source in &mut self.sources {
            source.take_if(|source| heard.binary_search(&source.leg).is_err());
        }
        for leg in heard {
            if self.slot(leg).is_none()
                && let Some(free) = self.sources.iter_mut().find(|source| source.is_none())
            {
                *free = Some(Box::new(Source::new(leg)));
            }
        }
        self.sums.clear();
        self.ears = ears.iter().map(|ear| self.ear(ear)).collect();
        left_out
    }

    /// Where to [`push`](Self::push) what this leg says; `None` where no ear hears it.
    #[must_use]
    pub fn slot(&self, leg: LegId) -> Option<Slot> {
        let mut sources = self.sources.iter();
        let at = sources.position(|source| source.as_ref().is_some_and(|s| s.leg == leg))?;
        Some(Slot(at as u8))
    }

    /// Takes the sound of one packet.
    pub fn push(&mut self, slot: Slot, heard: Heard<'_>) {
        if let Some(Some(source)) = self.sources.get_mut(usize::from(slot.0)) {
            source.ring.push(heard);
        }
    }

    /// When to call [`Self::handle_timeout`] next.
    #[must_use]
    pub fn poll_timeout(&self) -> Timestamp {
        self.due
    }

    /// Mixes one frame that is due, and says when it was; `None` when none is.
    pub fn handle_timeout(&mut self, now: Timestamp) -> Option<Timestamp> {
        if now < self.due {
            return None;
        }
        if now.since(self.due) > CATCH_UP_MAX {
            // Not a burst of stale frames: what nobody heard in time is skipped.
            self.due = now;
        }
        for source in self.sources.iter_mut().flatten() {
            source.take();
        }
        for sum in &mut self.sums {
            sum.samples.fill(0);
            for slot in slots(sum.of) {
                if let Some(Some(source)) = self.sources.get(slot)
                    && source.silent == 0
                {
                    add(&mut sum.samples, &source.frame);
                }
            }
        }
        let due = self.due;
        self.due = due + FRAME;
        Some(due)
    }

    /// What an ear hears of the frame that was mixed last. `false`, and nothing written, where all
    /// it hears have said nothing for a while.
    #[must_use]
    pub fn frame(&self, ear: usize, frame: &mut Frame) -> bool {
        let Some(ear) = self.ears.get(ear) else { return false };
        let is_heard = |slot: usize| {
            self.sources[slot].as_ref().is_some_and(|source| source.silent < SILENT_MAX)
        };
        if !slots(ear.from).any(is_heard) {
            return false;
        }
        let sum = &self.sums[ear.sum].samples;
        match ear.own.and_then(|own| self.sources[usize::from(own.0)].as_ref()) {
            Some(own) if own.silent == 0 => {
                for ((to, &sum), &own) in frame.iter_mut().zip(sum).zip(&own.frame) {
                    *to = cut(sum - i32::from(own));
                }
            }
            Some(_) | None => {
                for (to, &sum) in frame.iter_mut().zip(sum) {
                    *to = cut(sum);
                }
            }
        }
        true
    }

    /// Who is heard, too, shares the sum of all who hear each other.
    fn ear(&mut self, wire: &Wire) -> Ear {
        let own = wire.leg.and_then(|leg| self.slot(leg));
        let others = wire.from.iter().filter(|leg| wire.leg != Some(**leg));
        let from = others.filter_map(|leg| self.slot(*leg)).fold(0, |set, slot| set | bit(slot));
        let of = from | own.map_or(0, bit);
        let sum = self.sums.iter().position(|sum| sum.of == of).unwrap_or_else(|| {
            self.sums.push(Sum { of, samples: [0; FRAME_SAMPLES] });
            self.sums.len() - 1
        });
        Ear { from, own, sum }
    }
}

impl Source {
    fn new(leg: LegId) -> Self {
        Self { leg, ring: Ring::new(), frame: [0; FRAME_SAMPLES], silent: SILENT_MAX }
    }

    fn take(&mut self) {
        let has_sound = self.ring.take(&mut self.frame);
        self.silent = if has_sound { 0 } else { self.silent.saturating_add(1) };
    }
}

fn bit(slot: Slot) -> Set {
    1 << slot.0
}

fn slots(mut set: Set) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let slot = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(slot)
    })
}

fn add(sum: &mut [i32; FRAME_SAMPLES], frame: &Frame) {
    for (sum, &sample) in sum.iter_mut().zip(frame) {
        *sum += i32::from(sample);
    }
}

fn cut(sample: i32) -> i16 {
    sample.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// Legs that can be heard in one call's mixes: the bits of a set.
pub const SOURCES_MAX: usize = Set::BITS as usize;
/// Frames overdue by no more than this are mixed at once, then on schedule.
const CATCH_UP_MAX: Duration = Duration::from_millis(100);
/// Frames after which a source has stopped sending, and is not only late: 200 ms.
const SILENT_MAX: u8 = 10;
