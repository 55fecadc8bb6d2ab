//! What a run begins with: a fresh center, or that of the run before, and its first inputs.
//!
//! **Invariant:** what happened while nothing ran comes before anything new, and is in the
//! journal like it.
//!
//! **Deliberately absent:** telephones that register. They are heard of when they do.

mod rebuild;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::center::{ContactCenter, SavedAgentState};
use crate::config::{Config, Phone};
use crate::id::{AgentId, CallId};
use crate::number::normalize;
use crate::server::history;
use crate::store::{self, Opened, RecordReader, Store, StoreError};
use crate::time::Timestamp;
use crate::webhook::front::ProviderFront;
use crate::words::{Event, Target};

pub(super) use rebuild::Restored;

use rebuild::Rebuilding;

/// The center of a run, and its first inputs.
pub(super) struct Beginning {
    pub(super) center: ContactCenter,
    pub(super) inputs: Vec<(Timestamp, Event)>,
}

/// What the run before left: read, and nothing of it changed.
pub(super) struct Left {
    found: store::Found,
    restored: Option<Restored>,
    head: store::Head,
    /// Inputs of the journal that a center took again, and how long that took.
    inputs: u64,
    took: Duration,
}

/// Looks at what the run before left.
///
/// # Errors
///
/// As [`store::look`].
pub(super) fn look(
    config: &Config,
    clock: &dyn Fn() -> Timestamp,
    fresh: &dyn Fn() -> ContactCenter,
) -> Result<Left, StoreError> {
    let now = clock();
    // It only names the run: the center takes no chances, and what tags and nonces are drawn from
    // must be in no file.
    let run = now.as_millis();
    let head = store::Head { started_at: now, seed: run, config: config.digest.clone() };
    let taught = |began| {
        let mut center = fresh();
        let taught = store::read_records(&config.server.state).and_then(|reader| {
            history::teach(&mut center, &*reader, began)?;
            history::restore_until(&mut center, &*reader, began)
        });
        if let Err(error) = taught {
            tracing::warn!(%error, "lost calls are rebuilt without what callers did before");
        }
        center
    };
    let mut rebuilding = Rebuilding::new(&config.digest, now, &taught);
    let found = store::look(&config.server.state, &mut rebuilding)?;
    let inputs = rebuilding.told();
    if inputs > 0 {
        // `tracing` remembers that nobody wanted the lines which the silent replay reached first:
        // it must ask again.
        tracing::callsite::rebuild_interest_cache();
    }
    let took = clock().since(now);
    Ok(Left { found, restored: rebuilding.restored(), head, inputs, took })
}

impl Left {
    /// Begins a run of the journal. Whoever does not leaves everything to the next start.
    ///
    /// # Errors
    ///
    /// As [`store::Found::begin`].
    pub(super) fn open(self, config: &Config) -> Result<(Opened, Option<Restored>), StoreError> {
        let name =
            |agent: AgentId| config.agents.get(agent.0 as usize).map(|agent| agent.name.clone());
        let number = |raw: &str| normalize(raw, &config.callers.region);
        let writing = store::Writing { agent: &name, number: &number };
        let opened = self.found.begin(&self.head, &writing)?;
        if self.inputs > 0 {
            let (inputs, took_ms) = (self.inputs, self.took.as_millis());
            tracing::info!(
                inputs,
                took_ms,
                "the journal of the run that was lost was read again: what happened in it is no \
                 news"
            );
        }
        if !opened.recovered.calls.is_empty() {
            let calls = opened.recovered.calls.len();
            tracing::warn!(
                calls,
                "calls were up when the server was lost: their records are closed"
            );
        }
        Ok((opened, self.restored))
    }
}

/// # Errors
///
/// When the records cannot be read.
pub(super) fn begin(
    now: Timestamp,
    config: &Config,
    opened: &Opened,
    reader: &dyn RecordReader,
    restored: Option<Restored>,
    fresh: impl FnOnce() -> ContactCenter,
) -> Result<Beginning, StoreError> {
    let goes_on = restored.is_some();
    let (center, mut inputs) = match restored {
        Some(restored) => {
            let calls = opened.recovered.carried.len();
            tracing::warn!(calls, "calls were up when the server was lost: providers' go on");
            let Restored { mut center, lost_at } = restored;
            center.begin_run();
            let carried = &opened.recovered.carried;
            let losses = center.losses(&|call| carried.contains(&call), &|provider, target| {
                is_dialed_by(config, provider, target)
            });
            let asks = center.asks_lost().into_iter();
            let losses = losses.into_iter().chain(asks).map(|event| (lost_at, event));
            let losses = losses.collect::<Vec<_>>();
            (center, losses)
        }
        None => {
            let mut center = fresh();
            history::teach(&mut center, reader, now)?;
            history::restore(&mut center, reader, now)?;
            (center, Vec::new())
        }
    };
    let agents = first_of_agents(config, &opened.agent_states, goes_on);
    inputs.extend(agents.into_iter().map(|event| (now, event)));
    Ok(Beginning { center, inputs })
}

/// What fronts kept of calls and legs, and which calls go on.
pub(super) struct Kept<'a> {
    pub(super) carried: &'a BTreeSet<CallId>,
    pub(super) sessions: &'a [(CallId, String)],
    pub(super) legs: &'a [(String, String)],
}

/// Gives `front` the calls that go on, where they were at their provider, and the legs of them that
/// are commanded; what was kept of others is forgotten.
pub(super) fn take_up(
    now: Timestamp,
    store: &mut Store,
    front: &mut ProviderFront,
    kept: &Kept<'_>,
) {
    let goes_on = |call| kept.carried.contains(&call);
    for (call, text) in kept.sessions {
        if !front.restore_call(now, *call, text, goes_on(*call)) {
            tracing::error!(%call, "what was kept of a call at its provider cannot be read");
            store.forget_session(*call);
        }
    }
    for name in front.restore_legs(now, kept.legs, &goes_on) {
        tracing::error!("what was kept of a leg at its provider cannot be read");
        store.forget_leg(name);
    }
}

/// Telephones that never register can be reached from the beginning; and everybody stands where
/// they stood. A center that goes on knows where; but a telephone that comes may have logged its
/// agent in.
fn first_of_agents(
    config: &Config,
    agent_states: &BTreeMap<String, SavedAgentState>,
    goes_on: bool,
) -> Vec<Event> {
    let registers = |phone: &Phone| matches!(phone, Phone::Registers { .. });
    let agents = || (0..).map(AgentId).zip(&config.agents);
    let always = agents().filter(|(_, setup)| !registers(&setup.phone));
    let reachable = always.map(|(agent, _)| Event::PhoneReachable { agent, reachable: true });
    let stood = agents().filter_map(|(agent, setup)| {
        let state = agent_states.get(&setup.name)?;
        let told = match state {
            SavedAgentState::LoggedOut => !registers(&setup.phone),
            SavedAgentState::NotReady { .. } | SavedAgentState::Ready => !goes_on,
        };
        told.then(|| Event::AgentAsked { agent, ask: state.clone().ask(), by: None })
    });
    reachable.chain(stood).collect()
}

/// Whether a leg to this was dialed by the provider of the call, which carries it on while we are
/// away.
fn is_dialed_by(config: &Config, provider: &str, target: &Target) -> bool {
    match target {
        Target::Trunk { trunk, .. } => trunk == provider,
        Target::Agent(agent) => match config.agents.get(agent.0 as usize).map(|a| &a.phone) {
            Some(Phone::Outside { trunk, .. } | Phone::Client { provider: trunk, .. }) => {
                trunk == provider
            }
            Some(Phone::Registers { .. } | Phone::Fixed { .. }) | None => false,
        },
    }
}
