//! Supervisors: a leg that hears a call, and is heard by whom its mode says.
//!
//! The supervisor's telephone is rung; from its answer on the keys of that telephone change the
//! mode as requests do: `1` listen, `2` whisper, `3` barge, `4` take over.
//!
//! **Invariant:** a call has one supervisor at most, and goes on whatever becomes of that leg. A
//! telephone that supervises is in use, and the queue knows.
//!
//! **Deliberately absent:** who may supervise: the HTTP interface knows its tokens. Whether the
//! fronts of the legs can do it.

use crate::acd;
use crate::call::{Call, Role, State};
use crate::center::outside::Way;
use crate::center::own::is_direct;
use crate::center::{ContactCenter, Refused};
use crate::id::{CallId, LegId};
use crate::number::normalize;
use crate::time::Timestamp;
use crate::words::{
    Cause, Command, Digit, From, LegOutcome, Party, QueueExit, SupervisorMode, SupervisorRequest,
    Target, Telephone,
};

impl ContactCenter {
    /// The mode of the supervisor who rings or is there.
    #[must_use]
    pub fn supervisor_mode(&self, call: CallId) -> Option<SupervisorMode> {
        match self.calls.get(&call)?.supervisor()?.1.role {
            Role::Supervisor { mode, .. } => Some(mode),
            Role::Caller
            | Role::Agent { .. }
            | Role::Called
            | Role::Consulted { .. }
            | Role::TookOver
            | Role::Recorder { .. } => None,
        }
    }

    /// Whether a supervisor may ask for this now. A request that is refused here changes nothing
    /// where it comes as an event all the same.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn check_supervisor_request(
        &self,
        call: CallId,
        ask: &SupervisorRequest,
    ) -> Result<(), Refused> {
        match ask {
            SupervisorRequest::Supervise { mode, from } => {
                self.way_to_supervisor(call, *mode, from).map(drop)
            }
            SupervisorRequest::Mode { mode } => self.may_change_mode(call, *mode).map(drop),
            SupervisorRequest::Leave => self.supervised(call).map(drop),
        }
    }

    /// The target that this request would dial; `None` where it is refused, or dials none.
    #[must_use]
    pub fn supervisor_target(&self, call: CallId, ask: &SupervisorRequest) -> Option<Target> {
        let SupervisorRequest::Supervise { mode, from } = ask else { return None };
        self.way_to_supervisor(call, *mode, from).ok().map(Way::target)
    }

    /// The leg of this call's supervisor, who rings or is there.
    #[must_use]
    pub fn supervisor_leg(&self, call: CallId) -> Option<LegId> {
        self.supervised(call).ok().map(|(_, leg)| leg)
    }

    /// Whether the supervisor of this call, who rings or is there, is at this telephone, however
    /// its number is written.
    #[must_use]
    pub fn is_supervised_from(&self, call: CallId, from: &Telephone) -> bool {
        let supervisor = self.calls.get(&call).and_then(Call::supervisor);
        let Some(dialed) = supervisor.and_then(|(_, leg)| leg.dialed.as_ref()) else {
            return false;
        };
        match (dialed, from) {
            (Party::Agent { name, .. }, Telephone::Agent { agent }) => name == agent,
            (Party::Outside { number: dialed, .. }, Telephone::Number { number, .. }) => {
                normalize(number, &self.setup.region).as_deref() == Some(dialed)
            }
            (Party::Agent { .. }, Telephone::Number { .. })
            | (Party::Outside { .. }, Telephone::Agent { .. }) => false,
        }
    }

    /// A call, and the leg of its supervisor.
    fn supervised(&self, id: CallId) -> Result<(&Call, LegId), Refused> {
        let call = self.calls.get(&id).ok_or(Refused::NoSuchCall { call: id })?;
        let supervisor = call.supervisor().ok_or(Refused::NoSupervisor { call: id })?;
        Ok((call, supervisor.0))
    }

    fn may_change_mode(&self, id: CallId, mode: SupervisorMode) -> Result<LegId, Refused> {
        let (call, leg) = self.supervised(id)?;
        if call.party(leg).is_none_or(|leg| !leg.is_up()) {
            return Err(Refused::SupervisorRings { call: id });
        }
        may_take_over(call, mode)?;
        Ok(leg)
    }

    fn way_to_supervisor(
        &self,
        id: CallId,
        mode: SupervisorMode,
        from: &Telephone,
    ) -> Result<Way, Refused> {
        let call = self.calls.get(&id).ok_or(Refused::NoSuchCall { call: id })?;
        if is_direct(call) || call.state() == State::Confirming {
            return Err(Refused::CannotSupervise { call: id });
        }
        if call.supervisor().is_some() {
            return Err(Refused::HasSupervisor { call: id });
        }
        may_take_over(call, mode)?;
        if !call.may_ring_supervisor() {
            return Err(Refused::SupervisedTooOften { call: id });
        }
        if call.is_conference_full() {
            return Err(Refused::ConferenceFull { call: id });
        }
        match from {
            Telephone::Agent { agent } => self.may_ring(agent).map(Way::Agent),
            Telephone::Number { number, trunk } => {
                self.route_beside(id, number, trunk.as_deref()).map(Way::Outside)
            }
        }
    }

    pub(super) fn supervisor_asked(
        &mut self,
        now: Timestamp,
        by: &str,
        id: CallId,
        ask: &SupervisorRequest,
    ) {
        if let Err(why) = self.check_supervisor_request(id, ask) {
            return tracing::debug!(ask = ask.name(), %why, "refused");
        }
        match ask {
            SupervisorRequest::Supervise { mode, from } => {
                let role = Role::Supervisor { by: by.into(), mode: *mode, instead_of: None };
                self.ring_supervisor(now, id, role, *mode, from);
            }
            SupervisorRequest::Mode { mode } => self.change_mode(now, id, *mode),
            SupervisorRequest::Leave => self.supervisor_leaves(now, id),
        }
    }

    fn ring_supervisor(
        &mut self,
        now: Timestamp,
        id: CallId,
        role: Role,
        mode: SupervisorMode,
        from: &Telephone,
    ) {
        let Ok(way) = self.way_to_supervisor(id, mode, from) else { return };
        let Some((leg, dial)) = self.dial_beside(now, id, way, role) else { return };
        tracing::info!(%leg, %mode, "a supervisor is rung");
        self.commands.push_back(dial);
    }

    /// The supervisor's telephone was answered.
    pub(super) fn supervisor_answered(
        &mut self,
        now: Timestamp,
        leg: LegId,
        mode: SupervisorMode,
        instead_of: Option<SupervisorMode>,
    ) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        tracing::info!(%leg, %mode, "a supervisor is there");
        match mode {
            SupervisorMode::TakeOver if call.may_be_taken_over() => self.take_over(now, leg),
            // The agent it should be taken over from has left meanwhile.
            SupervisorMode::TakeOver => call.set_mode(now, leg, SupervisorMode::Listen, Some(mode)),
            SupervisorMode::Listen | SupervisorMode::Whisper | SupervisorMode::Barge => {
                call.set_mode(now, leg, mode, instead_of);
            }
        }
    }

    /// A key that a supervisor pressed; `false` where this leg is no supervisor's.
    pub(super) fn supervisor_key(&mut self, now: Timestamp, leg: LegId, digit: Digit) -> bool {
        if self.supervisor_leg(leg.call) != Some(leg) {
            return false;
        }
        let mode = match digit.as_char() {
            '1' => SupervisorMode::Listen,
            '2' => SupervisorMode::Whisper,
            '3' => SupervisorMode::Barge,
            '4' => SupervisorMode::TakeOver,
            _ => return true,
        };
        self.change_mode(now, leg.call, mode);
        true
    }

    fn change_mode(&mut self, now: Timestamp, id: CallId, mode: SupervisorMode) {
        let leg = match self.may_change_mode(id, mode) {
            Ok(leg) => leg,
            Err(why) => return tracing::debug!(%mode, %why, "refused"),
        };
        let Some(call) = self.calls.get_mut(&id) else { return };
        let is_in =
            |role: &Role| matches!(role, Role::Supervisor { mode: now, .. } if *now == mode);
        if call.party(leg).is_some_and(|leg| is_in(&leg.role)) {
            return; // asked for twice
        }
        match mode {
            SupervisorMode::TakeOver => self.take_over(now, leg),
            SupervisorMode::Listen | SupervisorMode::Whisper | SupervisorMode::Barge => {
                call.set_mode(now, leg, mode, None);
            }
        }
    }

    /// The agent leaves, or the line does; the caller talks to the supervisor.
    fn take_over(&mut self, now: Timestamp, supervisor: LegId) {
        let id = supervisor.call;
        let Some(talk) = self.calls.get(&id).map(Call::talk) else { return };
        match talk {
            None => self.take_out_of_queue(now, id),
            Some(talk) => {
                let (leg, cause) = (talk.leg, Cause::NORMAL_CLEARING);
                self.commands.push_back(Command::HangUp { leg, cause });
                self.dismiss_consulted_parties(now, id);
                self.party_leaves(now, leg, cause);
            }
        }
        if let Some(call) = self.calls.get_mut(&id) {
            call.take_over(now, supervisor);
        }
        self.timers.cancel(&crate::center::Wake::Flow(id));
        self.arrange(now, id);
    }

    /// A supervisor takes a caller over who waits: as when an agent answers, the rule of the queue
    /// says whether the talk is recorded, and what is being said of that is said to its end.
    fn take_out_of_queue(&mut self, now: Timestamp, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let left = QueueExit::TakenOver;
        let Some((queue, _)) = call.leave_queue(now, left) else { return };
        self.queue_inputs.push_back(acd::Input::Leave { call: id });
        self.record_talk(now, id, queue);
    }

    /// A party leaves a talk that goes on with the supervisor.
    fn party_leaves(&mut self, now: Timestamp, leg: LegId, cause: Cause) {
        let Some(call) = self.calls.get_mut(&leg.call) else { return };
        let queue = call.leg_queue(leg);
        let ended = call.leg_ended(now, leg, LegOutcome::Accepted, Some(cause));
        let Some(ended) = ended else { return };
        self.free_telephone(leg.call, &ended);
        self.stopped_talking(now, leg, &ended, queue);
    }

    pub(super) fn supervisor_leaves(&mut self, now: Timestamp, id: CallId) {
        if let Some(leg) = self.supervisor_leg(id) {
            self.dismiss(now, leg);
        }
    }

    /// The caller, as the telephone of an agent shows it.
    pub(super) fn shown_of(&self, id: CallId) -> From {
        let Some(call) = self.calls.get(&id) else { return From::default() };
        let number = call.origin().from.clone();
        let entry = number.as_deref().and_then(|number| self.setup.directory.find(number));
        let name = entry.and_then(|entry| entry.name.clone());
        From { number, name: name.or_else(|| call.origin().from_name.clone()) }
    }
}

/// Whether this mode can be had now: only a caller who talks or waits can be taken over.
fn may_take_over(call: &Call, mode: SupervisorMode) -> Result<(), Refused> {
    let may = mode != SupervisorMode::TakeOver || call.may_be_taken_over();
    may.then_some(()).ok_or(Refused::NothingToTakeOver { call: call.id() })
}
