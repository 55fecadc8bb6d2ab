//! Dialing an outside party: by a `transfer` of the flow, or because an agent consults them.
//!
//! **Invariant:** a number is dialed only where a trunk, or the call's own provider, may dial it.

use std::fmt;
use std::time::Duration;

use crate::call::Role;
use crate::center::{ContactCenter, Wake};
use crate::flow::{Input, RING_TIMEOUT_S, TransferOutcome, TransferRequest};
use crate::id::{AgentId, CallId, LegId};
use crate::number::{is_e164, normalize};
use crate::time::Timestamp;
use crate::words::{Command, From, Party, Target};

/// How long the telephone rings of whom no step of a flow dials: as for a `transfer` that does not
/// say.
pub(super) const RING_TIMEOUT: Duration = Duration::from_secs(RING_TIMEOUT_S);

/// A number that may be dialed, and by which way.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) number: String,
    pub(super) trunk: String,
    /// Trunks that allow the number as well.
    others: Vec<String>,
}

impl Route {
    pub(super) fn target(self) -> Target {
        let Self { number, trunk, others } = self;
        Target::Trunk { trunk, number, others }
    }
}

/// By which way a party is rung beside the queue.
pub(super) enum Way {
    Agent(AgentId),
    Outside(Route),
}

impl Way {
    pub(super) fn target(self) -> Target {
        match self {
            Self::Agent(agent) => Target::Agent(agent),
            Self::Outside(route) => route.target(),
        }
    }
}

/// Why a number is not dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRoute {
    NotANumber,
    NotAllowed,
}

impl fmt::Display for NoRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "`to` is not a telephone number",
            Self::NotAllowed => "no trunk may dial this number: see `prefixes`",
        })
    }
}

impl ContactCenter {
    pub(super) fn transfer(
        &mut self,
        now: Timestamp,
        id: CallId,
        request: TransferRequest,
    ) -> Option<Input> {
        let route = match self.route(id, &request.to, request.trunk.as_deref()) {
            Ok(route) => route,
            Err(why) => {
                tracing::info!(call = %id, %why, "transfer refused");
                return Some(Input::Transfer(TransferOutcome::Refused));
            }
        };
        let dialed = self.dial_outside(now, id, route, request.ring_timeout, Role::Called);
        let Some((leg, dial)) = dialed else {
            return Some(Input::Transfer(TransferOutcome::Failed));
        };
        self.calls.get_mut(&id)?.begin_dialing(leg);
        self.commands.push_back(dial);
        None
    }

    /// By which way this number can be dialed for this call.
    pub(super) fn route(
        &self,
        id: CallId,
        number: &str,
        trunk: Option<&str>,
    ) -> Result<Route, NoRoute> {
        let number = normalize(number, &self.setup.region).filter(|number| is_e164(number));
        let number = number.ok_or(NoRoute::NotANumber)?;
        let own = self.provider_for(id, &number, trunk).map(|name| (name, Vec::new()));
        let (trunk, others) =
            own.or_else(|| self.trunks_for(&number, trunk)).ok_or(NoRoute::NotAllowed)?;
        Ok(Route { number: number.into_owned(), trunk, others })
    }

    /// The leg and the command that dials it; `None` past [`LEGS_MAX`](crate::call::LEGS_MAX).
    pub(super) fn dial_outside(
        &mut self,
        now: Timestamp,
        id: CallId,
        route: Route,
        ring_timeout: Duration,
        role: Role,
    ) -> Option<(LegId, Command)> {
        let call = self.calls.get_mut(&id)?;
        let party = Party::Outside { trunk: route.trunk.clone(), number: route.number.clone() };
        let leg = call.dial(now, role, party)?;
        let from = From { number: call.origin().from.clone(), name: None };
        let (target, until) = (route.target(), now + ring_timeout);
        self.timers.set(Wake::RingOut(leg), until);
        Some((leg, Command::Dial { leg, target, from, until }))
    }

    /// Rings a party who joins a talk, or hears it: an agent's telephone shows the caller. The leg
    /// and the command that dials it, as [`Self::dial_outside`].
    pub(super) fn dial_beside(
        &mut self,
        now: Timestamp,
        id: CallId,
        way: Way,
        role: Role,
    ) -> Option<(LegId, Command)> {
        match way {
            Way::Agent(agent) => {
                let shown = self.shown_of(id);
                self.dial_telephone(now, id, role, agent, shown)
            }
            Way::Outside(route) => self.dial_outside(now, id, route, RING_TIMEOUT, role),
        }
    }

    /// The provider a call came through, if it may dial the number.
    fn provider_for(&self, id: CallId, number: &str, named: Option<&str>) -> Option<String> {
        let name = self.calls.get(&id)?.origin().via.provider()?;
        let may_dial = self.setup.providers.get(name)?.allows(number);
        (may_dial && named.is_none_or(|named| named == name)).then(|| name.to_owned())
    }

    /// By which trunk this number can be dialed, in E.164.
    pub(super) fn route_by_trunk(&self, number: &str, named: Option<&str>) -> Option<Route> {
        let (trunk, others) = self.trunks_for(number, named)?;
        Some(Route { number: number.to_owned(), trunk, others })
    }

    /// The trunk a number goes through first, and those after it that allow the number as well. A
    /// trunk that is named is first, and must allow it.
    fn trunks_for(&self, number: &str, named: Option<&str>) -> Option<(String, Vec<String>)> {
        let allowing = self.setup.trunks.iter().filter(|(_, trunk)| trunk.allows(number));
        let mut names: Vec<String> = allowing.map(|(name, _)| name.clone()).collect();
        let first = match named {
            Some(named) => names.iter().position(|name| name == named)?,
            None if names.is_empty() => return None,
            None => 0,
        };
        Some((names.remove(first), names))
    }
}
