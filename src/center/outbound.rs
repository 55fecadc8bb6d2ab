//! Outbound calls: we dial a customer, and whoever answers is led into a flow.
//!
//! The customer is the caller of the call, though we dial: the leg is that of the caller, the flow
//! begins when it is answered, and from there on the call is one like others. Who does not answer,
//! declines or is busy ends it, and its record says `not_reached`.
//!
//! **Invariant:** a number is dialed only where a trunk may dial it, and is shown a number of ours
//! or none; it is in one such call at a time, and a key makes one call.
//!
//! **Bound:** `outbound_calls_max` calls at once, and the last [`KEYS_MAX`] keys.
//!
//! **Deliberately absent:** who may ask: the HTTP interface knows its tokens. Providers, whose
//! fronts answer calls and begin none.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::call::{Beginning, Call};
use crate::center::agent_requests::{check_vars, listed};
use crate::center::outside::{RING_TIMEOUT, Route};
use crate::center::{ContactCenter, Refused, Wake};
use crate::flow::Flow;
use crate::id::CallId;
use crate::number::{is_e164, normalize};
use crate::time::Timestamp;
use crate::words::{
    Command, From, NamedVia, Origin, Outbound, OutboundGoal, OutboundRequest, Party, Principal,
};

/// Keys that are remembered; the oldest is forgotten first.
pub(super) const KEYS_MAX: usize = 10_000;
/// How long the telephone of a customer may ring.
const RING_MAX: Duration = Duration::from_secs(120);

/// Which call was asked for under which key, by whom.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(String, String, CallId)>", into = "Vec<(String, String, CallId)>")]
pub(super) struct OutboundKeys {
    calls: BTreeMap<(String, String), CallId>,
    /// The oldest first.
    order: VecDeque<(String, String)>,
}

impl std::convert::From<Vec<(String, String, CallId)>> for OutboundKeys {
    fn from(kept: Vec<(String, String, CallId)>) -> Self {
        let mut keys = Self::default();
        for (by, key, call) in kept {
            keys.order.push_back((by.clone(), key.clone()));
            keys.calls.insert((by, key), call);
        }
        keys
    }
}

impl std::convert::From<OutboundKeys> for Vec<(String, String, CallId)> {
    fn from(keys: OutboundKeys) -> Self {
        let OutboundKeys { mut calls, order } = keys;
        let kept = |key| calls.remove(&key).map(|call| (key.0, key.1, call));
        order.into_iter().filter_map(kept).collect()
    }
}

impl OutboundKeys {
    fn learn(&mut self, outbound: &Outbound, call: CallId) {
        let Some(key) = &outbound.key else { return };
        let key = (outbound.by.clone(), key.clone());
        if self.calls.insert(key.clone(), call).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > KEYS_MAX {
            let oldest = self.order.pop_front();
            oldest.and_then(|oldest| self.calls.remove(&oldest));
        }
    }

    /// The call was not made, after all: its key is free.
    pub(super) fn forget(&mut self, call: CallId) {
        self.order.retain(|key| self.calls.get(key) != Some(&call));
        self.calls.retain(|_, of| *of != call);
    }
}

/// How an outbound call is made.
struct Plan {
    route: Route,
    /// The number that is shown.
    shown: Option<String>,
    flow: Arc<Flow>,
    beginning: Option<Beginning>,
    ring: Duration,
}

impl ContactCenter {
    /// Whether such a call can be made now. A request that is refused here changes nothing where
    /// it comes as an event all the same.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn check_outbound(&self, ask: &OutboundRequest) -> Result<(), Refused> {
        self.plan(ask).map(drop)
    }

    /// The call that was made when `by` asked under this key.
    #[must_use]
    pub fn outbound_under(&self, by: &str, key: &str) -> Option<CallId> {
        self.outbound_keys.calls.get(&(by.to_owned(), key.to_owned())).copied()
    }

    /// What the store remembers of an earlier outbound call, so that its key makes no second one.
    pub fn learn_outbound(&mut self, outbound: &Outbound, call: CallId) {
        self.outbound_keys.learn(outbound, call);
    }

    pub(super) fn outbound_asked(
        &mut self,
        now: Timestamp,
        id: CallId,
        by: Principal,
        ask: OutboundRequest,
    ) {
        if self.calls.contains(&id) {
            return; // told twice
        }
        let made = ask.key.as_deref().and_then(|key| self.outbound_under(&by.name, key));
        if let Some(made) = made {
            return tracing::debug!(call = %made, "this call was made already");
        }
        match self.plan(&ask) {
            Ok(plan) => self.dial_customer(now, id, plan, Outbound { by: by.name, key: ask.key }),
            Err(why) => tracing::debug!(%why, "refused"),
        }
    }

    fn dial_customer(&mut self, now: Timestamp, id: CallId, plan: Plan, outbound: Outbound) {
        let Plan { route, shown, flow, beginning, ring } = plan;
        self.outbound_keys.learn(&outbound, id);
        let origin = self.recognized(Origin {
            call: id,
            from: Some(route.number.clone()),
            from_name: None,
            to: shown.clone().unwrap_or_default(),
            via: NamedVia::Outbound(route.trunk.clone()),
            arrived_at: now,
            account: None,
            segment: None,
            outbound: Some(outbound),
        });
        let mut call = Call::new(origin);
        let party = Party::Outside { trunk: route.trunk.clone(), number: route.number.clone() };
        let leg = call.dial_caller(party).expect("a call that begins has no caller yet");
        if let Some(beginning) = beginning {
            call.will_begin_at(beginning);
        }
        self.calls.insert(call);
        self.start(now, id, flow);
        let (target, until) = (route.target(), now + ring);
        self.timers.set(Wake::RingOut(leg), until);
        let from = From { number: shown, name: None };
        self.commands.push_back(Command::Dial { leg, target, from, until });
    }

    fn plan(&self, ask: &OutboundRequest) -> Result<Plan, Refused> {
        if self.draining {
            return Err(Refused::Draining);
        }
        let (flow, step) = self.outbound_flow(&ask.goal)?;
        check_vars(&ask.vars)?;
        let route = self.route_to_customer(&ask.to, ask.trunk.as_deref())?;
        let shown = self.shown_to_customer(ask.from.as_deref(), &flow)?;
        self.has_room_for(&route.number)?;
        let is_start = step.is_none() && ask.vars.is_empty();
        let step = step.unwrap_or_else(|| flow.start().into());
        let beginning = (!is_start).then(|| Beginning { step, vars: ask.vars.clone() });
        let ring = ask.ring_s.map_or(RING_TIMEOUT, Duration::from_secs).min(RING_MAX);
        Ok(Plan { route, shown, flow, beginning, ring })
    }

    fn has_room_for(&self, number: &str) -> Result<(), Refused> {
        let is_outbound = |call: &&Call| call.origin().via.is_outbound();
        let live = || self.calls.iter().filter(is_outbound);
        if let Some(call) = live().find(|call| call.origin().from.as_deref() == Some(number)) {
            return Err(Refused::NumberIsUp { number: number.to_owned(), call: call.id() });
        }
        let max = self.setup.outbound_calls_max;
        if live().count() >= max {
            return Err(Refused::OutboundFull { max });
        }
        let max = self.setup.calls_max;
        let has_room = self.calls.len() < max;
        has_room.then_some(()).ok_or(Refused::CallsFull { max })
    }

    /// The flow, and the step at which it begins if that is not its first.
    fn outbound_flow(&self, goal: &OutboundGoal) -> Result<(Arc<Flow>, Option<Arc<str>>), Refused> {
        let flows = || self.setup.flows.iter();
        let is_named =
            |flow: &&Arc<Flow>| goal.flow.as_deref().is_none_or(|it| it == &**flow.name());
        let named: Vec<&Arc<Flow>> = flows().filter(is_named).collect();
        let Some(queue) = &goal.queue else {
            return match (&goal.flow, named.first()) {
                (None, _) => Err(Refused::NoGoal),
                (Some(_), Some(flow)) => Ok((Arc::clone(flow), None)),
                (Some(flow), None) => Err(self.no_such_flow(flow)),
            };
        };
        if let (Some(flow), true) = (&goal.flow, named.is_empty()) {
            return Err(self.no_such_flow(flow));
        }
        let into = |flow: &&Arc<Flow>| Some((Arc::clone(flow), flow.step_into(queue)?.into()));
        let found: Vec<(Arc<Flow>, Arc<str>)> = named.iter().filter_map(into).collect();
        match &found[..] {
            [] => {
                let mut entered: Vec<&str> =
                    named.iter().flat_map(|flow| flow.queues()).map(|used| used.queue).collect();
                entered.sort_unstable();
                entered.dedup();
                let (queue, names) = (queue.clone(), listed(entered.into_iter()));
                Err(Refused::NoSuchQueue { queue, names })
            }
            [(flow, step)] => Ok((Arc::clone(flow), Some(Arc::clone(step)))),
            [..] => {
                let flows = listed(found.iter().map(|(flow, _)| &**flow.name()));
                Err(Refused::QueueOfSeveralFlows { queue: queue.clone(), flows })
            }
        }
    }

    fn no_such_flow(&self, flow: &str) -> Refused {
        let names = listed(self.setup.flows.iter().map(|flow| &**flow.name()));
        Refused::NoSuchFlow { flow: flow.to_owned(), names }
    }

    /// By which trunk the number is dialed.
    fn route_to_customer(&self, to: &str, trunk: Option<&str>) -> Result<Route, Refused> {
        let number = normalize(to, &self.setup.region).filter(|number| is_e164(number));
        let Some(number) = number else {
            return Err(Refused::NotANumber { number: to.to_owned() });
        };
        let number = number.into_owned();
        if self.flow_by_number.contains_key(&number) {
            return Err(Refused::NumberIsOurs { number });
        }
        let is_named = |name: &String| trunk.is_none_or(|trunk| trunk == name);
        if let Some(route) = self.route_by_trunk(&number, trunk) {
            return Ok(route);
        }
        let mut providers = self.setup.providers.iter().filter(|(name, _)| is_named(name));
        if let Some((name, _)) = providers.find(|(_, provider)| provider.allows(&number)) {
            return Err(Refused::ProviderBeginsNoCall { provider: name.clone() });
        }
        Err(match trunk {
            None => Refused::NotAllowed { number },
            Some(trunk) => Refused::NotAllowedThere { number, trunk: trunk.to_owned() },
        })
    }

    /// The number that a customer is shown: one at which a flow answers, so that no other's is, and
    /// whoever calls back comes to us.
    fn shown_to_customer(
        &self,
        from: Option<&str>,
        flow: &Flow,
    ) -> Result<Option<String>, Refused> {
        let e164 = |number: &str| {
            let number = normalize(number, &self.setup.region).filter(|number| is_e164(number));
            number.map(std::borrow::Cow::into_owned)
        };
        let Some(from) = from else {
            return Ok(flow.numbers().iter().find_map(|number| e164(number)));
        };
        let ours = e164(from).filter(|number| self.flow_by_number.contains_key(number));
        ours.map(Some).ok_or_else(|| Refused::NotOurNumber { number: from.to_owned() })
    }
}
