//! What earlier runs learned, and the figures that go on from their records, for the server and for
//! the command line.
//!
//! **Invariant:** a center is taught before its first input, so that a flow never sees half of what
//! a caller did.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::api::FiguresAgain;
use crate::center::ContactCenter;
use crate::metrics::{self, Follower};
use crate::server::clock::Clock;
use crate::store::{RecordReader, StoreError};
use crate::time::Timestamp;
use crate::words::Roster;

/// Teaches the center who called when and why, as `caller.*` in flows, from the calls that ended
/// before `at`.
///
/// # Errors
///
/// When the records cannot be read.
pub fn teach(
    center: &mut ContactCenter,
    reader: &dyn RecordReader,
    at: Timestamp,
) -> Result<(), StoreError> {
    reader.each_past(at - metrics::WINDOW..at, &mut |past| {
        let (intent, agent) = (past.intent.as_deref(), past.agent.as_deref());
        center.learn(&past.number, past.ended_at, intent, agent);
    })?;
    Ok(())
}

/// The figures of the calls that ended in the last [`metrics::WINDOW`] before `since`, and of
/// everything after it, which go on with the facts that follow.
///
/// # Errors
///
/// When the records cannot be read.
pub fn figures(
    roster: &Roster,
    reader: &dyn RecordReader,
    since: Timestamp,
) -> Result<Follower, StoreError> {
    figures_of(roster, reader, since - metrics::WINDOW..Timestamp(u64::MAX))
}

/// As [`figures`], with nothing of calls that ended at `at` or later: their events come again.
pub(super) fn figures_until(
    roster: &Roster,
    reader: &dyn RecordReader,
    at: Timestamp,
) -> Result<Follower, StoreError> {
    figures_of(roster, reader, at - metrics::WINDOW..at)
}

fn figures_of(
    roster: &Roster,
    reader: &dyn RecordReader,
    period: Range<Timestamp>,
) -> Result<Follower, StoreError> {
    let mut figures = Follower::new(roster);
    reader.each_ended(period, &mut |record| figures.ended(&record))?;
    Ok(figures)
}

/// Makes the figures of the records once more, whenever that is wanted.
pub(super) fn figures_again(reader: Box<dyn RecordReader>, clock: Clock) -> FiguresAgain {
    let reader = Mutex::new(reader);
    Box::new(move |roster| {
        let reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
        match figures(roster, &**reader, clock.now()) {
            Ok(figures) => Some(figures),
            Err(error) => {
                tracing::error!(%error, "the figures cannot be made of the records again");
                None
            }
        }
    })
}
