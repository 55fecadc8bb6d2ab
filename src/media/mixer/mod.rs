//! What several legs of one call say, mixed for each that hears two or more of them.
//!
//! Every 20 ms a frame is taken from each source, as it is there; the sum of each set of sources is
//! computed once; and each ear gets the sum of its set, less its own voice. A sum beyond the range
//! is cut off there: one voice alone is then heard exactly as spoken, and no leg's level depends on
//! who spoke before, as with a soft or an adaptive limit. It takes two loud voices at once.
//!
//! After each input, call [`Mixer::handle_timeout`] at [`Mixer::poll_timeout`], and for every frame
//! it mixed [`Mixer::frame`] for each ear.
//!
//! An ear that is wired to a source that others hear already does not hear what came of it before:
//! that may be a secret, or a whisper. The ear is kept from the source until all of that is past.
//!
//! **Invariant:** no ear hears its own leg, nor a source it was not wired to when the sound came; a
//! source that is late or silent delays no ear; what waits of a source is bounded; no packet and no
//! frame allocates.
//!
//! **Deliberately absent:** codecs, sockets, and who may hear whom.

mod ring;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::id::LegId;
use crate::media::format::{FRAME, FRAME_SAMPLES, Frame, Heard};
use crate::time::Timestamp;

use ring::{Ring, Taken};

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

/// The ears of a mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// A leg, which does not hear its own voice.
    Leg(LegId),
    /// A channel of a recording.
    Channel(Channel),
}

/// The channels of a recording in stereo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Left,
    Right,
}

/// The sources that an ear hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    pub to: Listener,
    pub from: Vec<LegId>,
}

struct Source {
    leg: LegId,
    ring: Ring,
    /// What was taken for the frame that was mixed last.
    frame: Frame,
    /// Whether that is no silence, and so is in the sums.
    is_heard: bool,
    /// Frames without a sound that came, up to that one.
    silent: u8,
}

struct Ear {
    of: Listener,
    from: Set,
    /// Of those, whom it does not hear yet.
    kept_from: Vec<KeptFrom>,
    /// Whose voice is in the sum and not for this ear.
    own: Option<Slot>,
    /// Which of the sums.
    sum: usize,
}

/// A source that an ear will hear, once all is past that came before.
struct KeptFrom {
    slot: Slot,
    /// Frames until then.
    frames: usize,
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
    /// many sources are one too many, and not heard.
    pub fn wire(&mut self, ears: &[Wire]) -> usize {
        let mut heard: Vec<LegId> = ears.iter().flat_map(|ear| ear.from.iter().copied()).collect();
        heard.sort_unstable();
        heard.dedup();
        let left_out = heard.split_off(heard.len().min(SOURCES_MAX)).len();
        let mut before = std::mem::take(&mut self.ears);
        for (slot, source) in (0..).map(Slot).zip(&mut self.sources) {
            if source.take_if(|source| heard.binary_search(&source.leg).is_err()).is_some() {
                before.iter_mut().for_each(|ear| ear.forget(slot));
            }
        }
        for leg in heard {
            if self.slot(leg).is_none()
                && let Some(free) = self.sources.iter_mut().find(|source| source.is_none())
            {
                *free = Some(Box::new(Source::new(leg)));
            }
        }
        self.sums.clear();
        for wire in ears {
            let ear = self.ear(wire, before.iter_mut().find(|ear| ear.of == wire.to));
            self.ears.push(ear);
        }
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

    /// Says who has a key down now. Whoever was wired to the leg while it was down does not hear
    /// the leg before it is up.
    pub fn keys_down(&mut self, is_key_down: impl Fn(LegId) -> bool) {
        for kept in self.ears.iter_mut().flat_map(|ear| &mut ear.kept_from) {
            let source = self.sources[usize::from(kept.slot.0)].as_ref();
            if source.is_some_and(|source| is_key_down(source.leg)) {
                kept.frames = kept.frames.max(KEPT_FRAMES);
            }
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
            // Not a burst of stale frames: what no ear heard in time is skipped.
            self.due = now;
        }
        for source in self.sources.iter_mut().flatten() {
            source.take();
        }
        for ear in &mut self.ears {
            ear.kept_from.retain_mut(KeptFrom::is_kept);
        }
        for sum in &mut self.sums {
            sum.samples.fill(0);
            for slot in slots(sum.of) {
                if let Some(Some(source)) = self.sources.get(slot)
                    && source.is_heard
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
        let source = |slot: usize| self.sources[slot].as_deref();
        let kept_from = ear.kept_from.iter().fold(0, |set, kept| set | bit(kept.slot));
        let speaks = |slot| source(slot).is_some_and(|source| source.silent < SILENT_MAX);
        if !slots(ear.from & !kept_from).any(speaks) {
            return false;
        }
        let sum = &self.sums[ear.sum].samples;
        let left_out = kept_from | ear.own.map_or(0, bit);
        let mut left_out = slots(left_out).filter_map(source).filter(|source| source.is_heard);
        match (left_out.next(), left_out.next()) {
            (None, _) => write(frame, sum),
            (Some(own), None) => {
                for ((to, &sum), &own) in frame.iter_mut().zip(sum).zip(&own.frame) {
                    *to = cut(sum - i32::from(own));
                }
            }
            (Some(one), Some(other)) => {
                let mut rest = *sum;
                for source in [one, other].into_iter().chain(left_out) {
                    subtract(&mut rest, &source.frame);
                }
                write(frame, &rest);
            }
        }
        true
    }

    /// An ear whose leg is heard, too, shares the sum of all that hear each other.
    fn ear(&mut self, wire: &Wire, before: Option<&mut Ear>) -> Ear {
        let own = match wire.to {
            Listener::Leg(leg) => self.slot(leg),
            Listener::Channel(_) => None,
        };
        let others = wire.from.iter().filter(|leg| wire.to != Listener::Leg(**leg));
        let from = others.filter_map(|leg| self.slot(*leg)).fold(0, |set, slot| set | bit(slot));
        let (heard, mut kept_from) = match before {
            Some(ear) => (ear.from, std::mem::take(&mut ear.kept_from)),
            None => (0, Vec::new()),
        };
        kept_from.retain(|kept| from & bit(kept.slot) != 0);
        kept_from.extend(slots(from & !heard).filter_map(|slot| self.keep_from(wire.to, slot)));
        let of = from | own.map_or(0, bit);
        let sum = self.sums.iter().position(|sum| sum.of == of).unwrap_or_else(|| {
            self.sums.push(Sum { of, samples: [0; FRAME_SAMPLES] });
            self.sums.len() - 1
        });
        Ear { of: wire.to, from, kept_from, own, sum }
    }

    /// How long this source is kept from an ear that hears it only now.
    fn keep_from(&self, ear: Listener, slot: usize) -> Option<KeptFrom> {
        let lasts = self.sources[slot].as_ref()?.ring.lasts();
        let frames = match ear {
            Listener::Leg(_) => lasts,
            Listener::Channel(_) => lasts.max(KEPT_FRAMES),
        };
        Some(KeptFrom { slot: Slot(slot as u8), frames })
    }
}

impl Ear {
    /// The ear that was in this slot is gone.
    fn forget(&mut self, slot: Slot) {
        self.from &= !bit(slot);
        self.kept_from.retain(|kept| kept.slot != slot);
    }
}

impl KeptFrom {
    /// Another frame is mixed. Whether the source is kept from the ear in this one, too.
    fn is_kept(&mut self) -> bool {
        let is_kept = self.frames > 0;
        self.frames = self.frames.saturating_sub(1);
        is_kept
    }
}

impl Source {
    fn new(leg: LegId) -> Self {
        let (ring, frame) = (Ring::new(), [0; FRAME_SAMPLES]);
        Self { leg, ring, frame, is_heard: false, silent: SILENT_MAX }
    }

    fn take(&mut self) {
        let taken = self.ring.take(&mut self.frame);
        self.is_heard = taken != Taken::Silence;
        self.silent = if taken == Taken::Sound { 0 } else { self.silent.saturating_add(1) };
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

fn subtract(sum: &mut [i32; FRAME_SAMPLES], frame: &Frame) {
    for (sum, &sample) in sum.iter_mut().zip(frame) {
        *sum -= i32::from(sample);
    }
}

fn write(frame: &mut Frame, sum: &[i32; FRAME_SAMPLES]) {
    for (to, &sum) in frame.iter_mut().zip(sum) {
        *to = cut(sum);
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
/// Frames that a source is kept from a recording at first, and from any ear after a key: 140 ms. A
/// packet may hold 60 ms of what was said before it came, and be as late as what waits of others.
const KEPT_FRAMES: usize = 7;
