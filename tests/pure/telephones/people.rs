//! The people at the telephones: who calls, answers, refuses, presses keys, holds and leaves, and
//! what agents and supervisors ask for over HTTP meanwhile.
//!
//! **Invariant:** a caller leaves at last; any other party may wait for the server to end the call.
//! Who still talks to another party long after that hangs up, and is in a call of the server's
//! then.

use std::time::Duration;

use attendant::id::{AgentId, CallId};
use attendant::words::{
    AgentRequest, ConsultTarget, Digit, Event, Principal, SupervisorMode, SupervisorRequest,
    Telephone,
};

use super::phone::{CallNo, News, PhoneState};
use super::world::{Deed, PhoneId, World};
use super::{OUTSIDE, RINGS};

/// Longer than any telephone rings: what is dialed rings for at most this, as flows and queues say.
const RINGS_MAX: Duration = Duration::from_secs(120);
/// All callers have left within this time.
const TALKS_MAX: Duration = Duration::from_secs(600);
/// A telephone without power comes back within this, or never.
const REBOOT_MS: (u64, u64) = (2_000, 60_000);

#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Rings,
    Answers,
    Refuses(&'static str),
    Holds(bool),
    Presses(Digit),
    Refers,
    HangsUp,
    /// The last who are left part.
    Leaves,
}

impl World {
    pub(super) fn dials(&mut self, phone: PhoneId, to: &'static str, offers: bool) {
        if self.phones[phone].is_dead {
            return;
        }
        let call = self.phones[phone].dial(self.now, to, offers);
        let least = if self.people.chance(0.2) { 1 } else { 3_000 };
        let stays = self.people.ms(least, 120_000);
        self.plan(stays, Deed::Person(phone, call, Act::HangsUp));
        let mut at = self.people.ms(500, 8_000);
        for _ in 0..self.people.below(6) {
            let key = *self.people.pick(&['1', '2', '3', '4', '0', '#', '*']).expect("some");
            let digit = Digit::new(key).expect("a key");
            self.plan(at, Deed::Person(phone, call, Act::Presses(digit)));
            at += self.people.ms(50, 9_000);
        }
        if self.people.chance(0.15) {
            self.plan_hold(phone, call);
        }
        if self.people.chance(0.04) {
            let after = self.people.ms(0, 60_000);
            self.plan(after, Deed::Dies(phone));
        }
    }

    pub(super) fn hears(&mut self, phone: PhoneId, news: News) {
        self.judge.log(self.now, "news", &(phone, news));
        match news {
            News::Rings(call) => self.rings(phone, call),
            News::Up(call) => self.is_up(phone, call),
            News::NotHeld(_) => self.judge.count("holds refused"),
            News::Over(_, Some(487)) => self.judge.count("withdrawn"),
            News::Over(_, Some(status)) => {
                let is_reason = [404, 480, 486, 503, 603].contains(&status);
                assert!(is_reason, "{}: a call is refused with {status}", self.phones[phone].user);
                self.judge.count("refusals");
            }
            News::Over(_, None) => {}
        }
    }

    fn rings(&mut self, phone: PhoneId, call: CallNo) {
        self.plan(RINGS_MAX, Deed::StillRings(phone, call));
        let plan = |world: &mut Self, after, act| {
            world.plan(after, Deed::Person(phone, call, act));
        };
        let soon = self.people.ms(10, 400);
        let draw = self.people.below(100);
        if draw < 90 {
            plan(self, soon, Act::Rings);
        }
        match draw {
            0..58 => {
                let after = soon + self.people.ms(0, 9_000);
                plan(self, after, Act::Answers);
            }
            58..66 => {
                let status = ["486 Busy Here", "603 Decline", "480 Temporarily Unavailable"];
                let status = *self.people.pick(&status).expect("some");
                let after = soon + self.people.ms(0, 3_000);
                plan(self, after, Act::Refuses(status));
            }
            66..74 => {} // it rings out
            74..84 => {
                // In the moment in which the server gives up.
                let after = RINGS + self.people.ms(0, 400) - Duration::from_millis(200);
                plan(self, after, Act::Answers);
            }
            84..90 => {
                plan(self, soon, Act::Answers);
                let after = soon + self.people.ms(0, 300);
                plan(self, after, Act::HangsUp);
            }
            90..95 => plan(self, soon, Act::Refuses("404 Not Found")),
            _ => self.loses_power(phone),
        }
    }

    fn loses_power(&mut self, phone: PhoneId) {
        let (after, reboot) = (self.people.ms(0, 20_000), self.people.ms(REBOOT_MS.0, REBOOT_MS.1));
        self.plan(after, Deed::Dies(phone));
        self.plan(after + reboot, Deed::Reboots(phone));
    }

    fn is_up(&mut self, phone: PhoneId, call: CallNo) {
        if self.callers.contains(&phone) {
            return; // what a caller does is planned from the beginning
        }
        if self.people.chance(0.5) {
            let after = self.people.ms(500, 60_000);
            self.plan(after, Deed::Person(phone, call, Act::HangsUp));
        }
        self.plan(TALKS_MAX, Deed::Person(phone, call, Act::Leaves));
        if self.people.chance(0.35) {
            self.plan_hold(phone, call);
        }
        for _ in 0..self.people.below(3) {
            let key = *self.people.pick(&['1', '9', '*', '#']).expect("some");
            let after = self.people.ms(200, 20_000);
            let digit = Digit::new(key).expect("a key");
            self.plan(after, Deed::Person(phone, call, Act::Presses(digit)));
        }
        if self.people.chance(0.1) {
            let after = self.people.ms(100, 20_000);
            self.plan(after, Deed::Person(phone, call, Act::Refers));
        }
        if self.people.chance(0.05) {
            self.loses_power(phone);
        }
        if phone < self.agents {
            self.plan_asks(AgentId(phone as u32));
        }
    }

    fn plan_hold(&mut self, phone: PhoneId, call: CallNo) {
        let mut at = self.people.ms(300, 30_000);
        for n in 0..self.people.between(1, 4) {
            self.plan(at, Deed::Person(phone, call, Act::Holds(n % 2 == 0)));
            at += self.people.ms(50, 6_000);
        }
    }

    fn plan_asks(&mut self, agent: AgentId) {
        let mut at = self.people.ms(100, 8_000);
        for _ in 0..self.people.below(6) {
            let ask = self.wish();
            self.plan(at, Deed::Agent(agent, ask));
            at += self.people.ms(100, 12_000);
        }
        if self.people.chance(0.3) {
            let (first, then) = (self.supervision(true), self.supervision(false));
            self.plan(at, Deed::Supervisor(first));
            at += self.people.ms(500, 15_000);
            self.plan(at, Deed::Supervisor(then));
        }
    }

    fn telephone(&mut self) -> Telephone {
        if self.people.chance(0.5) {
            return Telephone::Number { number: OUTSIDE.to_owned(), trunk: None };
        }
        let agent = self.people.below(self.agents as u64);
        Telephone::Agent { agent: format!("agent{agent}") }
    }

    fn wish(&mut self) -> AgentRequest {
        match self.people.below(10) {
            0..4 => {
                let target = match self.people.chance(0.4) {
                    true => ConsultTarget::Queue { queue: "help".to_owned() },
                    false => ConsultTarget::Telephone(self.telephone()),
                };
                AgentRequest::Consult { target }
            }
            4 => AgentRequest::Hold,
            5 => AgentRequest::Resume,
            6 => AgentRequest::Complete,
            7 => AgentRequest::Conference,
            8 => AgentRequest::Transfer { step: "main".to_owned(), vars: Default::default() },
            _ => AgentRequest::StartRecording,
        }
    }

    fn supervision(&mut self, is_first: bool) -> SupervisorRequest {
        let modes = [
            SupervisorMode::Listen,
            SupervisorMode::Whisper,
            SupervisorMode::Barge,
            SupervisorMode::TakeOver,
        ];
        let mode = *self.people.pick(&modes).expect("some");
        match (is_first, self.people.chance(0.2)) {
            (true, _) => SupervisorRequest::Supervise { mode, from: self.telephone() },
            (false, true) => SupervisorRequest::Leave,
            (false, false) => SupervisorRequest::Mode { mode },
        }
    }

    pub(super) fn acts(&mut self, phone: PhoneId, call: CallNo, act: Act) {
        let now = self.now;
        if self.phones[phone].is_dead {
            return;
        }
        self.judge.log(now, "person", &(phone, call, act));
        match act {
            Act::Rings => self.phones[phone].ring(call),
            Act::Answers => self.phones[phone].answer(now, call),
            Act::Refuses(status) => self.phones[phone].refuse(now, call, status),
            Act::Holds(on) => self.phones[phone].hold(now, call, on),
            Act::Refers => self.phones[phone].refer(now, call),
            Act::HangsUp => self.phones[phone].hang_up(now, call),
            Act::Leaves => {
                let it = self.phones[phone].calls.get(&call);
                let port = it.filter(|it| it.state == PhoneState::Up).and_then(|it| it.theirs);
                let is_known = port.is_none_or(|at| self.front.plane.leg_at(at.port()).is_some());
                assert!(
                    is_known,
                    "{} is in a call that the server forgot",
                    self.phones[phone].user
                );
                self.phones[phone].hang_up(now, call);
            }
            Act::Presses(digit) => self.presses(phone, call, digit),
        }
    }

    /// Half of the telephones send keys in the sound, half in the signaling.
    fn presses(&mut self, phone: PhoneId, call: CallNo, digit: Digit) {
        let Some(it) = self.phones[phone].calls.get(&call) else { return };
        if it.state != PhoneState::Up {
            return;
        }
        let Some(port) = it.theirs.map(|theirs| theirs.port()) else { return };
        let leg = self.front.plane.leg_at(port);
        if phone.is_multiple_of(2) {
            if !self.phones[phone].press_by_info(self.now, call, digit.as_char()) {
                return;
            }
        } else {
            let after = self.people.ms(1, 40);
            self.plan(after, Deed::Key { port, phone, call, digit });
        }
        if let Some(leg) = leg {
            self.judge.pressed(leg, digit);
        }
    }

    /// As the server does: what may not be had now is refused, and the center does not hear of it.
    pub(super) fn agent_asks(&mut self, agent: AgentId, ask: AgentRequest) {
        if self.center.check_request(self.now, agent, &ask).is_ok() {
            self.judge.count(ask.name());
            self.tell(Event::AgentAsked { agent, ask, by: None });
        }
    }

    /// About the first call that an agent talks in.
    pub(super) fn supervisor_asks(&mut self, ask: SupervisorRequest) {
        let agents = (0..self.agents).map(|n| AgentId(n as u32));
        let talks = agents.filter_map(|agent| self.center.talks_on(agent));
        let Some(call) = talks.map(|leg| leg.call).next() else { return };
        if self.center.check_supervisor_request(call, &ask).is_ok() {
            self.judge.count("supervised");
            let by = Principal::admin(Principal::OPERATOR);
            self.tell(Event::SupervisorAsked { by, call, ask });
        }
    }

    /// An administrator ends a call, now and then.
    pub(super) fn plan_ends(&mut self, calls: u64, within: Duration) {
        for call in 1..=calls {
            if self.people.chance(0.05) {
                let at = self.people.ms(0, within.as_millis() as u64);
                self.plan(at, Deed::EndCall(CallId(call)));
            }
        }
    }
}
