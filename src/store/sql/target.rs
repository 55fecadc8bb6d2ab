//! A database as a spool sees it: what it has, and who delivers to it.
//!
//! **Invariant:** the number up to which it has everything changes in the transaction of what it
//! counts.

use crate::id::{CallId, NodeId};
use crate::store::database::{Applied, Change, RecordWriter};
use crate::store::sql::writer::{SPOOLED_UNTIL, SqlWriter};
use crate::store::sql::{Done, Link, state, unsigned, values};

/// In `meta`: the name of the spool that is delivered here.
const SPOOL: &str = "spool";

/// A database that changes are brought to from a spool.
pub(in crate::store) trait Target: RecordWriter {
    /// Applies all of the batch, or nothing of it, and notes that what was spooled up to this
    /// number is here.
    fn apply_spooled(&mut self, batch: &[Change], until: u64) -> Done<Vec<Applied>>;

    /// What it has; `None`: nothing was ever written to it. A node's calls are looked for.
    fn known(&self, node: NodeId) -> Done<Option<TargetHas>>;

    /// From now on the spool of this name is delivered here.
    fn claim(&mut self, spool: u64) -> Done<()>;
}

/// What a database has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct TargetHas {
    /// The name of the spool that was delivered there.
    pub(in crate::store) spool: Option<u64>,
    /// Up to which number.
    pub(in crate::store) spooled_until: u64,
    /// The number after the last call of the node; `None`: it has none of its calls.
    pub(in crate::store) next_call: Option<CallId>,
}

impl<L: Link> Target for SqlWriter<L> {
    fn apply_spooled(&mut self, batch: &[Change], until: u64) -> Done<Vec<Applied>> {
        self.apply_until(batch, Some(until))
    }

    fn known(&self, node: NodeId) -> Done<Option<TargetHas>> {
        if self.link.is_new()? {
            return Ok(None);
        }
        let db = self.link.sql();
        let last = "SELECT max(call) FROM calls WHERE call BETWEEN ?1 AND ?2";
        let numbers = values![CallId::first(node), CallId::new(node, CallId::N_MAX)];
        let last = db.number(last, numbers)?.map(|last| CallId(unsigned(last)));
        Ok(Some(TargetHas {
            spool: state::meta(db, SPOOL)?,
            spooled_until: state::meta(db, SPOOLED_UNTIL)?.unwrap_or(0),
            next_call: last.map(CallId::next),
        }))
    }

    fn claim(&mut self, spool: u64) -> Done<()> {
        self.link.within(|db| {
            state::set_meta(db, SPOOL, spool)?;
            state::set_meta(db, SPOOLED_UNTIL, 0)
        })
    }
}
