//! An archive with three calls on it, which notes what it is asked.

use std::ops::Range;

use super::{Questions, ended};
use crate::api::{Archive, ArchiveError, CallerErased};
use crate::center::names::Names;
use crate::id::{AgentId, CallId, QueueId, RecordingId};
use crate::metrics::cut::{self, Asked, Cells, CutError, Cutter};
use crate::metrics::waterfall::{Waterfall, WaterfallReport};
use crate::metrics::{CallRow, Gathering, Naming, Near, Tallies, Target, Times};
use crate::time::Timestamp;
use crate::words::{CallRecord, RecordFilter};

pub(super) struct Shelf {
    pub(super) asked: Questions,
}

impl Archive for Shelf {
    fn record(&self, call: CallId) -> Result<Option<CallRecord>, ArchiveError> {
        Ok((call == CallId(7)).then(|| ended(7)))
    }

    fn records(&self, filter: &RecordFilter) -> Result<Vec<CallRecord>, ArchiveError> {
        self.asked.lock().unwrap().push(format!("{filter:?}"));
        if filter.queue.as_deref() == Some("slow") {
            return Err(ArchiveError::Busy);
        }
        if filter.queue.as_deref() == Some("biling")
            || filter.number.as_deref() == Some("+14155550199")
        {
            return Ok(Vec::new());
        }
        Ok(vec![ended(7), ended(6)])
    }

    fn gather(
        &self,
        period: Range<Timestamp>,
        _: &mut Names,
        into: &mut Gathering,
    ) -> Result<(), ArchiveError> {
        self.asked.lock().unwrap().push(format!("{period:?}"));
        let mut tallies = Tallies::default();
        for call in 1..=3 {
            let row = CallRow::of(&ended(call), &mut Nobody).unwrap();
            tallies.add(&row, Near::default);
        }
        into.add(tallies);
        Ok(())
    }

    fn cut(
        &self,
        asked: &Asked,
        now: Timestamp,
        _: &mut Names,
        target: &dyn Fn(QueueId) -> Target,
    ) -> Result<Result<Cells, CutError>, ArchiveError> {
        let mut cutter = Cutter::new(asked, now);
        for call in 1..=3 {
            let _ = cutter.take(&ended(call), Near::default(), &mut Nobody);
        }
        let names = cut::Names { queue: &|_| None, agent: &|_| None };
        Ok(cutter.cells(target, &names))
    }

    fn waterfall(
        &self,
        flow: Option<&str>,
        _: Range<Timestamp>,
    ) -> Result<Result<Vec<WaterfallReport>, CutError>, ArchiveError> {
        let Some(flow) = flow.filter(|flow| *flow == "support") else { return Ok(Ok(Vec::new())) };
        let mut waterfall = Waterfall::of(flow);
        waterfall.take(&CallRecord { flow: Some(flow.to_owned()), ..ended(1) });
        Ok(Ok(vec![waterfall.report()]))
    }

    fn agent_times(
        &self,
        _: Range<Timestamp>,
        _: &mut Names,
        _: &mut Times,
    ) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn erase(&self, number: &str) -> Result<CallerErased, ArchiveError> {
        self.asked.lock().unwrap().push(format!("erase {number}"));
        let at_providers = vec!["https://provider.example/7".to_owned()];
        let erased = CallerErased { calls: 2, named_in: 1, recordings: 3, ..Default::default() };
        Ok(CallerErased { at_providers, journals: 1, ..erased })
    }

    fn recording(&self, name: RecordingId) -> Result<Option<std::fs::File>, ArchiveError> {
        if name.call != CallId(7) {
            return Ok(None);
        }
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, b"0123456789").unwrap();
        Ok(Some(file))
    }
}

/// No name has an id.
struct Nobody;

impl Naming for Nobody {
    fn queue(&mut self, _: &str) -> Option<QueueId> {
        None
    }

    fn agent(&mut self, _: &str) -> Option<AgentId> {
        None
    }
}
