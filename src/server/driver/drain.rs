//! The end of a run: no new calls, then none at all, and the disk has everything.
//!
//! **Invariant:** the store is shut down once, after the last input of the center.
//!
//! **Deliberately absent:** signals, which say when.

use std::time::Duration;

use crate::front::Turn;
use crate::id::AgentId;
use crate::server::driver::Driver;
use crate::words::{AgentRequest, Event};

/// How long the end waits for what the media have to say of recordings.
const RECORDINGS_END_WITHIN: Duration = Duration::from_secs(2);

/// How the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every call ended by itself or at the drain's limit.
    Drained,
    /// A second signal cut these calls off.
    Cut { calls: usize },
}

impl Driver {
    pub(super) fn begin_drain(&mut self) {
        let now = self.clock.now();
        let until = now + self.drain_timeout;
        tracing::info!(
            calls = self.center.calls_live(),
            limit_s = self.drain_timeout.as_secs(),
            "draining: no new calls, live ones go on; a second signal ends them"
        );
        self.exchange.fronts.sip.ua.set_draining(true);
        self.input(now, Some(Event::Drain { until }));
    }

    /// Ends what is still up and lets the disk catch up.
    pub(super) async fn end(mut self, end: End) -> End {
        let now = self.clock.now();
        if let End::Cut { .. } = end {
            self.input(now, Some(Event::Drain { until: now }));
            self.input(now, None);
            self.turn();
            self.hear_of_recordings().await;
        }
        // No agent ends it while nothing runs, and until then its call's figures are not final.
        let working: Vec<AgentId> = self.center.in_after_call_work().collect();
        for agent in working {
            let ask = AgentRequest::end_wrap_up(None);
            self.input(self.clock.now(), Some(Event::AgentAsked { agent, ask, by: None }));
        }
        self.turn();
        if let Err(error) = self.store.shutdown() {
            tracing::error!(%error, "the last lines may not be on the disk");
        }
        end
    }

    /// What was recorded of calls that were cut off has ended with them; the media say so a moment
    /// later, and their records are to have it.
    async fn hear_of_recordings(&mut self) {
        let told = async {
            while self.exchange.fronts.sip.is_recording()
                && let Some(fact) = self.facts.recv().await
            {
                self.take_media(fact);
                self.turn();
            }
        };
        if tokio::time::timeout(RECORDINGS_END_WITHIN, told).await.is_err() {
            tracing::warn!("records do not say how the last recordings ended: the disk is slow");
        }
    }
}
