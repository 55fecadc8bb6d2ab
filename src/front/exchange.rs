//! Several fronts as one: who carries out a command, who speaks next, who is asked about a leg.
//!
//! **Invariant:** the order of the fronts is fixed. A command goes to the first that keeps it, so
//! the last one may keep whatever is about a leg; what they say is taken from the last one first.
//!
//! **Deliberately absent:** a list of legs. Each front knows its own.

use crate::front::{Front, FrontCannot, Handoff};
use crate::id::LegId;
use crate::time::Timestamp;
use crate::words::{AgentRequest, Command, Event, Target};

/// Has the front carry the command out whose leg it is about. Gives it back where none does: it
/// is about a record.
pub fn carry_out<'f>(
    fronts: impl IntoIterator<Item = &'f mut (dyn Front + 'f)>,
    now: Timestamp,
    command: Command,
) -> Option<Command> {
    fronts.into_iter().try_fold(command, |command, front| front.carry_out(now, command))
}

pub fn poll_event(fronts: &mut [&mut dyn Front]) -> Option<Event> {
    fronts.iter_mut().rev().find_map(|front| front.poll_event())
}

/// Whether the agent on this leg can have what was asked for.
///
/// # Errors
///
/// Why not, as the first front says that cannot.
pub fn can(fronts: &[&dyn Front], leg: LegId, request: &AgentRequest) -> Result<(), FrontCannot> {
    fronts.iter().try_for_each(|front| front.can(leg, request))
}

/// When the first of them wants to be woken.
#[must_use]
pub fn poll_timeout(fronts: &[&dyn Front]) -> Option<Timestamp> {
    fronts.iter().filter_map(|front| front.poll_timeout()).min()
}

/// Whether none of them carries a leg, or waits for anything.
#[must_use]
pub fn is_quiet(fronts: &[&dyn Front]) -> bool {
    fronts.iter().all(|front| front.is_quiet())
}

/// Whether the agent on this leg can consult the party that this dials; see [`Front::can_consult`].
///
/// # Errors
///
/// As [`can`].
pub fn can_consult(
    fronts: &[&dyn Front],
    leg: LegId,
    whom: Option<&Target>,
) -> Result<(), FrontCannot> {
    fronts.iter().try_for_each(|front| front.can_consult(leg, whom))
}

/// Whether a supervisor can hear this call; see [`Front::can_supervise`].
///
/// # Errors
///
/// As [`can`].
pub fn can_supervise(
    fronts: &[&dyn Front],
    leg: LegId,
    whom: Option<&Target>,
) -> Result<(), FrontCannot> {
    fronts.iter().try_for_each(|front| front.can_supervise(leg, whom))
}

/// Carries what fronts say of legs that go from one to another, until they have no more to say.
/// That is soon: an arrival is answered once, the answer at most by an end, and an end by nothing.
pub fn hand_over(fronts: &mut [&mut dyn Front], now: Timestamp) {
    while let Some((from, handoff)) =
        fronts.iter_mut().enumerate().find_map(|(at, front)| Some((at, front.poll_handoff()?)))
    {
        let mut others = fronts.iter_mut().enumerate().filter(|(at, _)| *at != from);
        let is_known = others.any(|(_, front)| front.handle_handoff(now, &handoff));
        if let (false, Handoff::Arrived { arrival, .. }) = (is_known, handoff) {
            fronts[from].handle_handoff(now, &Handoff::Unexpected { arrival });
        }
    }
}
