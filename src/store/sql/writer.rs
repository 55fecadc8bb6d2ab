//! The writing side of the seam, over a connection of any kind.
//!
//! **Invariant:** a batch is one transaction, with the rollups that it changes.

use std::path::PathBuf;

use crate::id::CallId;
use crate::store::database::{
    Applied, Change, DatabaseError, Erased, Erasure, Progress, RecordWriter, RolledUp, Saved,
    TakenOut,
};
use crate::store::kept::Kept;
use crate::store::sql::reader::Unreadable;
use crate::store::sql::rollups::{self, Rollups};
use crate::store::sql::{Done, Link, Sql, agents, calls, erase, expire, imports, state};
use crate::time::Timestamp;

/// In `meta`: what was spooled under this number and lower ones is here.
pub(super) const SPOOLED_UNTIL: &str = "spooled_until";

#[derive(Debug)]
pub(in crate::store) struct SqlWriter<L> {
    pub(super) link: L,
    place: PathBuf,
    unreadable: Unreadable,
}

impl<L: Link> SqlWriter<L> {
    /// `place` is where it is, in words for people.
    pub(in crate::store) const fn new(link: L, place: PathBuf, unreadable: Unreadable) -> Self {
        Self { link, place, unreadable }
    }

    pub(super) fn apply_until(&self, batch: &[Change], spooled: Option<u64>) -> Done<Vec<Applied>> {
        self.link.within(|db| {
            let mut rollups = Rollups::of(db)?;
            let applied = batch.iter().map(|change| one(db, &mut rollups, change));
            let applied = applied.collect::<Done<Vec<_>>>()?;
            rollups.write()?;
            if let Some(until) = spooled {
                state::raise_meta(db, SPOOLED_UNTIL, until)?;
            }
            Ok(applied)
        })
    }
}

impl<L: Link> RecordWriter for SqlWriter<L> {
    fn place(&self) -> PathBuf {
        self.place.clone()
    }

    fn migrate(&mut self) -> Result<(), DatabaseError> {
        self.link.migrate()?;
        self.link.within(rollups::begin)
    }

    fn apply(&mut self, batch: &[Change]) -> Result<Vec<Applied>, DatabaseError> {
        self.apply_until(batch, None)
    }

    fn roll_up(&mut self) -> Result<RolledUp, DatabaseError> {
        let is_unreadable = self.unreadable.take();
        self.link.within(|db| {
            if is_unreadable {
                rollups::begin_anew(db)?;
            }
            rollups::roll_up(db)
        })
    }

    fn take_out(
        &mut self,
        import: &str,
        from: CallId,
        most: usize,
    ) -> Result<TakenOut, DatabaseError> {
        self.link.within(|db| {
            let mut rollups = Rollups::of(db)?;
            let taken = imports::take_out(db, &mut rollups, (import, from, most))?;
            rollups.write()?;
            Ok(taken)
        })
    }

    fn sync(&mut self) -> Result<(), DatabaseError> {
        self.link.sync()
    }

    fn erase(&mut self, erasure: &Erasure<'_>) -> Result<Erased, DatabaseError> {
        let erased = self.link.within(|db| {
            let mut rollups = Rollups::of(db)?;
            let erased = erase::erase(db, &mut rollups, erasure)?;
            rollups.write()?;
            Ok(erased)
        })?;
        self.link.has_erased()?;
        Ok(erased)
    }

    fn erased(&self) -> Result<Vec<(CallId, u64)>, DatabaseError> {
        erase::erased(self.link.sql())
    }

    fn forget_erased(&mut self, before: u64) -> Result<(), DatabaseError> {
        erase::forget_before(self.link.sql(), before)
    }

    fn expire_records(&mut self, before: Timestamp) -> Result<usize, DatabaseError> {
        self.link.within(|db| expire::records(db, before))
    }

    fn expire_agent_moves(&mut self, before: Timestamp) -> Result<usize, DatabaseError> {
        self.link.within(|db| expire::agent_moves(db, before))
    }

    fn has(&self, call: CallId) -> Result<bool, DatabaseError> {
        calls::has(self.link.sql(), call)
    }

    fn progress(&self) -> Result<Progress, DatabaseError> {
        state::progress(self.link.sql())
    }

    fn saved(&self) -> Result<Saved, DatabaseError> {
        state::saved(self.link.sql())
    }
}

fn one(db: &dyn Sql, rollups: &mut Rollups<'_>, change: &Change) -> Done<Applied> {
    match change {
        Change::Close(record) => return calls::insert(db, rollups, record),
        Change::Import(record) => return imports::insert(db, rollups, record),
        Change::Keep(Kept::WrapUp { call, wrap_up }) => {
            return calls::amend(db, rollups, *call, wrap_up);
        }
        Change::Keep(Kept::Recording { update }) => return calls::amend_recording(db, update),
        Change::Keep(Kept::AgentMoved { agent, at, activity, reason }) => {
            agents::moved(db, (agent, *at), (*activity, reason.as_deref()))?;
        }
        Change::AgentTimesSince(at) => agents::begin(db, *at)?,
        Change::AgentsGone { at, reason } => agents::gone(db, *at, reason)?,
        Change::Keep(
            Kept::Session { .. }
            | Kept::ForgetSession { .. }
            | Kept::Leg { .. }
            | Kept::ForgetLeg { .. }
            | Kept::AgentState { .. },
        )
        | Change::KeptUntil(_)
        | Change::NextCall(_)
        | Change::Finish { .. }
        | Change::Carry { .. }
        | Change::CarryNothing => keep_state(db, change)?,
    }
    Ok(Applied::Changed)
}

/// Keeps what a run leaves for the next beside records; nothing of a change that is about those.
pub(in crate::store) fn keep_state(db: &dyn Sql, change: &Change) -> Done<()> {
    match change {
        Change::Keep(Kept::Session { call, json }) => state::keep_session(db, *call, json),
        Change::Keep(Kept::ForgetSession { call }) => state::forget_session(db, *call),
        Change::Keep(Kept::Leg { name, json }) => state::keep_leg(db, name, json),
        Change::Keep(Kept::ForgetLeg { name }) => state::forget_leg(db, name),
        Change::Keep(Kept::AgentState { agent, state }) => {
            state::keep_agent_state(db, agent, state)
        }
        Change::KeptUntil(until) => state::set_kept_until(db, *until),
        Change::NextCall(call) => state::set_next_call(db, *call),
        Change::Finish { segment, clean } => state::finish(db, segment, *clean),
        Change::Carry { run, calls } => state::carry(db, *run, calls),
        Change::CarryNothing => state::carry_nothing(db),
        Change::Close(_)
        | Change::Import(_)
        | Change::Keep(Kept::WrapUp { .. } | Kept::Recording { .. } | Kept::AgentMoved { .. })
        | Change::AgentTimesSince(_)
        | Change::AgentsGone { .. } => Ok(()),
    }
}
