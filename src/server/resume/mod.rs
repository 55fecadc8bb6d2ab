//! What a run begins with: a fresh center, or that of the run before, and its first inputs.
//!
//! **Invariant:** what happened while nothing ran comes before anything new, and is in the
//! journal like it.
//!
//! **Deliberately absent:** telephones that register. They are heard of when they do.

mod ahead;
mod rebuild;
mod retold;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::call::Learned;
use crate::center::names::Names;
use crate::center::{ContactCenter, SavedAgentState, Setup};
use crate::config::{Config, Phone};
use crate::id::{AgentId, CallId};
use crate::metrics::Follower;
use crate::number::normalize;
use crate::server::{history, setup};
use crate::store::{self, KeptSetup, Opened, RecordReader, Store, StoreError, StorePlace};
use crate::time::Timestamp;
use crate::webhook::front::ProviderFront;
use crate::words::{CallRecord, Event, Target};

pub(super) use ahead::{Ahead, Reached};
pub(super) use rebuild::Restored;

use rebuild::Rebuilding;

/// The center of a run, and its first inputs.
pub(super) struct Beginning {
    pub(super) center: ContactCenter,
    /// Of the calls before the first input.
    pub(super) figures: Follower,
    pub(super) inputs: Vec<(Timestamp, First)>,
}

/// An input with which a run begins.
pub(super) enum First {
    Event(Event),
    /// The configuration was changed since the run before, with whose setup the center goes on.
    Setup(Box<NewSetup>),
}

/// A setup that is kept for this run, and what the journal calls it.
pub(super) struct NewSetup {
    pub(super) setup: Setup,
    pub(super) digest: String,
}

/// What the run before left: read, and nothing of it changed.
pub(super) struct EarlierRuns {
    found: store::Found,
    restored: Option<Restored>,
    started_at: Timestamp,
    /// Inputs of the journal that a center took again, and how long that took.
    inputs: u64,
    /// When the checkpoint was made that they came after.
    since: Option<Timestamp>,
    took: Duration,
}

/// A run of the journal that has begun.
pub(super) struct Begun {
    pub(super) opened: Opened,
    pub(super) restored: Option<Restored>,
    /// What the configuration says, with the ids of all names.
    pub(super) new: NewSetup,
    /// The center that goes on has another setup.
    is_other: bool,
}

/// The folder of the run before, or of the one that goes on.
pub(super) struct Folder {
    place: StorePlace,
    /// Opened for the first caller.
    reader: OnceCell<Option<Box<dyn RecordReader>>>,
}

impl Folder {
    pub(super) fn new(place: StorePlace) -> Self {
        Self { place, reader: OnceCell::new() }
    }

    fn reader(&self) -> Option<&dyn RecordReader> {
        self.reader.get_or_init(|| store::read_records(self.place.clone()).ok()).as_deref()
    }
}

impl retold::Kept for Folder {
    fn setup(&self, run: u64, digest: &str) -> Option<Setup> {
        match store::setup_of(&self.place.folder, run, digest) {
            Ok(setup) => {
                if setup.is_none() {
                    tracing::warn!(
                        run,
                        "the setup of the run that was lost is not beside its journal: of its \
                         calls only what is certain is written"
                    );
                }
                setup
            }
            Err(error) => {
                tracing::error!(%error, "of the calls of the run that was lost only what is \
                                certain is written");
                None
            }
        }
    }

    fn ended_at(&self, call: CallId) -> Option<Timestamp> {
        let record = self.reader()?.get(call).ok()??;
        Some(record.ended_at)
    }

    fn past(&self, number: &str, before: Timestamp) -> Vec<CallRecord> {
        let Some(reader) = self.reader() else { return Vec::new() };
        history::calls_of(reader, number, before).unwrap_or_else(|error| {
            tracing::warn!(%error, "lost calls are rebuilt without what callers did before");
            Vec::new()
        })
    }
}

/// Looks at what the run before left.
///
/// # Errors
///
/// As [`store::look`].
pub(super) fn look(
    config: &Config,
    clock: &dyn Fn() -> Timestamp,
) -> Result<EarlierRuns, StoreError> {
    let now = clock();
    let folder = Folder::new(setup::place(&config.server));
    let mut rebuilding = Rebuilding::new(now, &folder);
    let found = store::look(setup::place(&config.server), config.server.node, &mut rebuilding)?;
    let (inputs, since) = rebuilding.told();
    if inputs > 0 {
        // `tracing` remembers which lines had no subscriber when the silent replay reached them: it
        // must ask again.
        tracing::callsite::rebuild_interest_cache();
    }
    let took = clock().since(now);
    let restored = rebuilding.restored();
    Ok(EarlierRuns { found, restored, started_at: now, inputs, since, took })
}

impl EarlierRuns {
    /// Begins a run of the journal, whose center is to have this setup. Whoever does not leaves
    /// everything to the next start.
    ///
    /// # Errors
    ///
    /// As [`store::Found::begin`], and when the ids of names cannot be kept.
    pub(super) fn open(self, config: &Config, setup: Setup) -> Result<Begun, StoreError> {
        let folder = &config.server.state;
        let setup = named(&setup::place(&config.server), setup)?;
        if let Some(restored) = &self.restored {
            let known = &restored.center.setup().names;
            setup.names.goes_on_from(known).map_err(|error| store::names_error(folder, &error))?;
        }
        let run = self.found.run();
        let wanted = KeptSetup::of(&setup);
        let begins = self.restored.as_ref().map(|it| KeptSetup::of(it.center.setup()));
        let begins = begins.unwrap_or_else(|| wanted.clone());
        store::keep_names(folder, setup.node, &setup.names)?;
        begins.keep(folder, run)?;
        wanted.keep(folder, run)?;
        let name = |agent: AgentId| setup.names.agent_name(agent).map(str::to_owned);
        let number =
            |raw: &str| normalize(raw, &config.callers.region).map(std::borrow::Cow::into_owned);
        let writing = store::Writing { agent: &name, number: &number };
        // The seed only names the run: the center takes no chances, and what tags and nonces are
        // drawn from must be in no file.
        let (started_at, seed) = (self.started_at, self.started_at.as_millis());
        let head = store::Head { started_at, seed, config: begins.digest.clone() };
        let opened = self.found.begin(&head, &writing)?;
        if self.inputs > 0 || self.since.is_some() {
            let (inputs, took_ms) = (self.inputs, self.took.as_millis());
            let checkpoint = self.since.map(tracing::field::display);
            tracing::info!(
                inputs,
                took_ms,
                checkpoint,
                "recovered the journal of the run that crashed"
            );
        }
        if !opened.recovered.calls.is_empty() {
            let calls = opened.recovered.calls.len();
            tracing::warn!(
                calls,
                "calls were up when the server was lost: their records are closed"
            );
        }
        let is_other = begins != wanted;
        let new = NewSetup { setup, digest: wanted.digest };
        Ok(Begun { opened, restored: self.restored, new, is_other })
    }
}

/// The setup with the ids that its names have in this folder, and new ones for the others.
///
/// # Errors
///
/// When the folder cannot be read, or its names are those of a later attendant.
pub fn named(place: &StorePlace, mut setup: Setup) -> Result<Setup, StoreError> {
    let folder = &*place.folder;
    let known = store::names(folder)?;
    let is_first = known.is_none();
    setup.names = known.unwrap_or_default();
    setup.complete();
    if is_first {
        let recorded = store::read_records(place.clone())
            .and_then(|records| store::add_recorded(&mut setup.names, &*records));
        or_without("the names of records are not known", recorded)?;
        setup.complete();
    }
    setup.names.check().map_err(|error| store::names_error(folder, &error))?;
    Ok(setup)
}

/// What was read of records; nothing, and that is said, where they are in a database that cannot
/// be reached: no start waits for that.
fn or_without<T: Default>(what: &str, read: Result<T, StoreError>) -> Result<T, StoreError> {
    match read {
        Err(error) if error.is_away() => {
            tracing::info!(%error, "{what}: the server starts without it");
            Ok(T::default())
        }
        read => read,
    }
}

impl Begun {
    /// The center, and its first inputs.
    ///
    /// # Errors
    ///
    /// When the records cannot be read.
    pub(super) fn begin(
        self,
        now: Timestamp,
        config: &Config,
        reader: &dyn RecordReader,
    ) -> Result<(Beginning, Opened), StoreError> {
        let Self { mut opened, restored, new, is_other } = self;
        let goes_on = restored.is_some();
        let agents = first_of_agents(config, &new.setup.names, &opened.agent_states, goes_on);
        let (center, figures, mut inputs) = match restored {
            Some(restored) => {
                let calls = opened.recovered.carried.len();
                tracing::warn!(calls, "calls were up when the server was lost: providers' go on");
                let Restored { mut center, figures, lost_at } = restored;
                // It learned of those alone who called since the run or its checkpoint began.
                center.set_learned(Learned::default());
                drop(history::teach(&mut center, reader, now, None)?);
                history::teach_keys(&mut center, reader, None, now);
                center.begin_run();
                let carried = &opened.recovered.carried;
                let names = &center.setup().names;
                let is_carried =
                    |provider: &str, target: &Target| is_dialed_by(config, names, provider, target);
                let losses = center.losses(&|call| carried.contains(&call), &is_carried);
                let asks = center.asks_lost().into_iter();
                let losses = losses.into_iter().chain(asks);
                let losses = losses.map(|event| (lost_at, First::Event(event)));
                let mut inputs: Vec<_> = losses.collect();
                if is_other {
                    inputs.push((now, First::Setup(Box::new(new))));
                }
                (center, figures, inputs)
            }
            None => {
                let mut center = ContactCenter::new(new.setup);
                history::teach_keys(&mut center, reader, None, now);
                let taught = history::teach(&mut center, reader, now, opened.lost_at);
                for wrap_up in or_without("what callers did before is not known", taught)? {
                    opened.store.amend(wrap_up.leg.call, wrap_up);
                }
                let figures = Follower::since(&center.roster(), now);
                (center, figures, Vec::new())
            }
        };
        inputs.extend(agents.into_iter().map(|event| (now, First::Event(event))));
        Ok((Beginning { center, figures, inputs }, opened))
    }
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
    names: &Names,
    agent_states: &BTreeMap<String, SavedAgentState>,
    goes_on: bool,
) -> Vec<Event> {
    let registers = |phone: &Phone| matches!(phone, Phone::Registers { .. });
    let agents = || setup::agents(config, names);
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
fn is_dialed_by(config: &Config, names: &Names, provider: &str, target: &Target) -> bool {
    match target {
        Target::Trunk { trunk, .. } => trunk == provider,
        Target::Agent(agent) => match setup::agent_of(config, names, *agent).map(|it| &it.phone) {
            Some(Phone::Outside { trunk, .. } | Phone::Client { provider: trunk, .. }) => {
                trunk == provider
            }
            Some(Phone::Registers { .. } | Phone::Fixed { .. }) | None => false,
        },
    }
}
