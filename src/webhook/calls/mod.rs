//! All calls at providers: requests in, events for the center out; its commands in, documents out.
//!
//! # Contract
//!
//! [`ProviderCalls::handle_request`] takes a request that was verified. Either the answer is known
//! at once, or the request became events: take them by [`ProviderCalls::poll_event`], give the
//! center's commands to [`ProviderCalls::command`], and when nothing is left ask for the answer by
//! [`ProviderCalls::write`]. After every turn [`ProviderCalls::poll_control`] gives the commands
//! that should reach a provider by REST at once; without REST everything happens with the
//! provider's next request, which a waiting caller makes every few seconds.
//!
//! **Invariant:** a step is answered once; a call ends once towards the center, whatever is
//! delivered late, twice or in another order; a party accepts or fails once.
//!
//! **Deliberately absent:** signatures, XML and JSON; the queue.

mod answers;
mod called;
mod commands;
mod conference;
mod consult;
mod end;
mod front;
mod handoff;
mod hearing;
mod party;
mod party_state;
mod record;
mod requests;
mod saved;
mod session;
#[cfg(test)]
mod tests;
mod whereabouts;
mod write;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::front::Handoff;
use crate::id::{AgentId, CallId, LegId};
use crate::time::{Timers, Timestamp};
use crate::webhook::document::{Callee, Document};
use crate::webhook::link::Link;
use crate::webhook::provider_info::SplitSupport;
use crate::webhook::rest::RestOutcome;
use crate::words::{Digit, Event, From, Via};

pub use commands::Taken;
pub use conference::CannotSplit;
pub use saved::Saving;
pub use write::Again;

use session::Session;

/// A command that failed is repeated after this time.
const TELL_AGAIN: Duration = Duration::from_secs(5);
/// How long a call that ended is remembered, for late reports.
const ENDED_KEPT: Duration = Duration::from_secs(600);
/// Names of ended calls kept for longer, so that a copy of an old request starts no call; the
/// oldest goes first.
const SEEN_MAX: usize = 200_000;
/// Names of refused calls that are kept; one that comes again after more than these leaves a second
/// record.
const REFUSED_MAX: usize = 1_000;

/// What [`ProviderCalls`] must know beforehand.
#[derive(Clone, Default)]
pub struct ProviderCallsSetup {
    pub providers: BTreeMap<String, ProviderSetup>,
    /// Agents whom a provider reaches by itself, for its own calls: which one, and where. All
    /// others are at telephones of ours.
    pub agents: BTreeMap<AgentId, (String, Callee)>,
    /// How long one piece of waiting music lasts. Without REST it is also how long an agent may
    /// wait for a caller.
    pub piece: Duration,
    /// How many pieces a tune has.
    pub pieces: u32,
    /// Texts are spoken by our voice, not by the provider's.
    pub is_ours: bool,
    /// Signs the addresses to which callers' sound is sent by SIP.
    pub key: [u8; 32],
}

/// The key is left out.
impl std::fmt::Debug for ProviderCallsSetup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderCallsSetup")
            .field("providers", &self.providers)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Default)]
pub struct ProviderSetup {
    /// There are credentials for the provider's REST interface.
    pub has_rest: bool,
    /// The key an agent outside must press to take a call; `None` takes it by answering.
    pub accept_key: Option<Digit>,
    /// What the agent hears then.
    pub whisper: String,
    pub whisper_language: String,
    /// Shown to those who are dialed; `None` shows them the caller's.
    pub caller_id: Option<String>,
    /// Only REST can end a party that is refused: its document cannot.
    pub ends_parties: bool,
    /// How a caller and a party who hear each other are split, so that both stay.
    pub split: SplitSupport,
    /// Only the legs of telephone numbers ask for a document.
    pub only_numbers_ask: bool,
    /// It waits for the accept key itself: in a dialing that succeeded the key was pressed.
    pub waits_for_key: bool,
    /// The SIP address (`host` or `host:port`) under which the provider reaches us.
    pub sip_host: Option<String>,
}

/// What became of a request. `T` is what one is answered by later.
#[derive(Debug, PartialEq, Eq)]
pub enum WebhookResult<T = Unwritten> {
    /// The answer is this, and nothing happened. A commanded leg that asked has it already.
    Known(Document),
    /// It became events; ask for the answer once the center has dealt with them.
    Pending(T),
    /// No call of ours is meant.
    Unknown,
}

/// A document that a request waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unwritten {
    call: CallId,
    link: Link,
}

impl Unwritten {
    #[must_use]
    pub const fn call(&self) -> CallId {
        self.call
    }
}

/// What a call wants of its provider at once: by REST, or of the legs that are commanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlCommand {
    pub provider: String,
    /// The leg that it is about.
    pub leg: LegId,
    /// The provider's name for the leg.
    pub reference: String,
    pub region: Option<String>,
    pub what: Control,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// The leg asks for this document at once.
    Move { to: Link },
    /// End the leg.
    End,
    /// Split this party from the caller, whose leg the provider calls `caller`: the party asks for
    /// `to`. Where one command moves both, the caller asks for `caller_to`. `conference` is that of
    /// their call.
    Split { caller: String, to: Link, caller_to: Link, conference: String },
    /// The leg has come as commanded: the command need not be repeated.
    Came,
    /// Report the state of the leg here, where its console has no address for that.
    Watch { to: Link },
}

#[derive(Debug)]
pub struct ProviderCalls {
    setup: ProviderCallsSetup,
    /// Providers that were taken out of the configuration: they carry on with the calls they have.
    former: BTreeSet<String>,
    sessions: BTreeMap<CallId, Session>,
    /// The provider and its name for the caller's leg, to the call.
    by_reference: BTreeMap<(String, String), CallId>,
    /// The same for parties, once their names are known.
    parties_by_reference: BTreeMap<(String, String), LegId>,
    /// Names of calls that ended, oldest first.
    seen: VecDeque<(String, String)>,
    seen_set: BTreeSet<(String, String)>,
    timers: Timers<Wake>,
    events: VecDeque<Event>,
    control: VecDeque<ControlCommand>,
    /// Telephones of ours to hang up.
    dropped: VecDeque<LegId>,
    /// Callers whose sound has come to a telephone of ours.
    expected: VecDeque<Handoff>,
    /// No new calls.
    is_full: bool,
    /// Calls that were refused because of it, for the center.
    refused: VecDeque<(From, String, Via)>,
    /// Their names, oldest first: a provider that asks again is refused or served again, and the
    /// center gets one refusal.
    refused_keys: VecDeque<(String, String)>,
    /// Calls to look at before the turn ends.
    touched: BTreeSet<CallId>,
    /// Calls to be saved, or forgotten.
    unsaved: BTreeSet<CallId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wake {
    /// The provider should have come by now.
    Lost(CallId),
    /// A command failed, and is repeated.
    Tell(CallId),
    /// A party should have come to its conference by now.
    Comes(LegId),
    /// Late reports have had their time.
    Forget(CallId),
}

impl ProviderCalls {
    /// From now on this is the setup, but for the key. A provider that is not in it any more goes
    /// on as before with the calls it has, and begins none.
    pub fn reconfigure(&mut self, setup: ProviderCallsSetup) {
        let before = std::mem::replace(&mut self.setup, setup);
        self.setup.key = before.key;
        self.former = before.providers.keys().cloned().collect();
        self.former.retain(|name| !self.setup.providers.contains_key(name));
        for (name, provider) in before.providers {
            self.setup.providers.entry(name).or_insert(provider);
        }
    }

    #[must_use]
    pub fn new(setup: ProviderCallsSetup) -> Self {
        Self {
            setup,
            former: BTreeSet::new(),
            sessions: BTreeMap::new(),
            by_reference: BTreeMap::new(),
            parties_by_reference: BTreeMap::new(),
            seen: VecDeque::new(),
            seen_set: BTreeSet::new(),
            timers: Timers::default(),
            events: VecDeque::new(),
            control: VecDeque::new(),
            dropped: VecDeque::new(),
            expected: VecDeque::new(),
            is_full: false,
            refused: VecDeque::new(),
            refused_keys: VecDeque::new(),
            touched: BTreeSet::new(),
            unsaved: BTreeSet::new(),
        }
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// A call that was refused while there was no room for it, once.
    pub fn poll_refused(&mut self) -> Option<(From, String, Via)> {
        self.refused.pop_front()
    }

    /// The next command, once the center has dealt with all events.
    pub fn poll_control(&mut self) -> Option<ControlCommand> {
        while let Some(call) = self.touched.pop_first() {
            self.tell(call);
        }
        self.control.pop_front()
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.timers.next().map(|(at, _)| at)
    }

    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(wake) = self.timers.pop_due(now) {
            match wake {
                Wake::Lost(call) => self.lost(now, call),
                Wake::Tell(call) => self.touch(call),
                Wake::Comes(leg) => self.party_lost(now, leg),
                Wake::Forget(call) => self.forget(call),
            }
        }
    }

    /// Whether this call is at a provider.
    #[must_use]
    pub fn has(&self, call: CallId) -> bool {
        self.sessions.contains_key(&call)
    }

    /// Calls that are up, without those that only wait for the command that ends them.
    #[must_use]
    pub fn calls_live(&self) -> usize {
        let is_live = |session: &&Session| {
            let ends = session::Program::is_end(&session.program);
            !session.caller.is_over() && !ends
        };
        self.sessions.values().filter(is_live).count()
    }

    /// `is_full`: there is no room for another call, or for its record.
    pub fn set_full(&mut self, is_full: bool) {
        self.is_full = is_full;
    }

    fn touch(&mut self, call: CallId) {
        self.touched.insert(call);
        self.unsaved.insert(call);
    }

    /// Commands by REST what cannot wait for the provider's next request.
    fn tell(&mut self, call: CallId) {
        self.tell_parties(call);
        let Some(session) = self.sessions.get_mut(&call) else { return };
        let has_rest =
            self.setup.providers.get(&session.provider).is_some_and(|provider| provider.has_rest);
        if !has_rest || !session.is_out_of_date() || session.moved.is_some() {
            return;
        }
        // The loop's own request may be under way, and has the number before this one. So the two
        // differ, and nothing begins that the command would interrupt.
        let to = session.next + 1;
        session.moved = Some(to);
        let what = match session.program {
            session::Program::HangUp { .. } => Control::End,
            session::Program::Silent
            | session::Program::Play { .. }
            | session::Program::Record(_)
            | session::Program::Reject { .. } => Control::Move { to: Link::Step { call, n: to } },
        };
        self.order(call, what);
    }

    fn order(&mut self, call: CallId, what: Control) {
        let Some(session) = self.sessions.get(&call) else { return };
        self.control.push_back(ControlCommand {
            provider: session.provider.clone(),
            leg: caller(call),
            reference: session.reference.clone(),
            region: session.region.clone(),
            what,
        });
    }

    /// Takes the outcome of what [`Self::poll_control`] gave.
    pub fn handle_rest_outcome(&mut self, now: Timestamp, leg: LegId, outcome: &RestOutcome) {
        if !leg.is_caller() {
            return self.handle_party_outcome(now, leg, outcome);
        }
        let call = leg.call;
        match outcome {
            RestOutcome::Done => {}
            RestOutcome::Gone => self.said_gone(now, call),
            RestOutcome::Busy(_) | RestOutcome::Refused(_) => {
                let Some(session) = self.sessions.get_mut(&call) else { return };
                session.moved = None;
                // Waiting callers come by themselves; callers in a talk do not.
                if matches!(
                    session.executing,
                    session::Executing::Dial { .. } | session::Executing::Conference
                ) {
                    self.timers.set(Wake::Tell(call), now + TELL_AGAIN);
                }
            }
        }
    }
}

/// The leg that a session began with, and whose documents it gives. Whoever is dialed is a party
/// here, also a caller who is dialed again.
const fn caller(call: CallId) -> LegId {
    LegId::caller(call)
}
