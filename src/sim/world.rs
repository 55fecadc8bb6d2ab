//! Everything outside the center, in virtual time: far ends of legs, the people at them, the wire.
//!
//! **Invariant:** what is on the agenda happens by time and then by the order in which it was put
//! there, and nothing here moves time: [`Sim`](crate::sim::Sim) does.
//!
//! **Deliberately absent:** whether the center behaves. [`Watch`](crate::sim::check::Watch) judges.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::center::{ContactCenter, Setup};
use crate::flow::Flow;
use crate::id::{AgentId, AskId, CallId, LegId, PlayId, RecordingId};
use crate::sim::agenda::Agenda;
use crate::sim::agent::{self, Person, Treatment};
use crate::sim::behaviour::Behaviour;
use crate::sim::caller::{self, Asks, Caller};
use crate::sim::random::Random;
use crate::sim::supervisor;
use crate::sim::swarm::Swarm;
use crate::sim::wire::{Lane, Wire};
use crate::time::Timestamp;
use crate::words::{
    AgentRequest, Cause, Command, Event, Hearing, Prompt, RecordingEnd, Reply, Target,
};

/// How fast the voices speak.
const CHARACTERS_PER_S: u64 = 14;
const PROMPT_MIN: Duration = Duration::from_millis(300);
/// How long every sound file is.
const FILE: Duration = Duration::from_secs(3);
const MUSIC: Duration = Duration::from_secs(30);

/// What is to happen.
#[derive(Clone, Debug)]
pub enum Stimulus {
    /// An event reaches the center; `copy` says that it came before.
    News {
        event: Event,
        copy: bool,
    },
    /// A command reaches the far end of its leg.
    Arrives(Command),
    NextCaller,
    /// The same person again, about the same matter.
    Again(Box<Caller>),
    Caller {
        call: CallId,
        act: caller::Act,
    },
    Agent {
        agent: AgentId,
        act: agent::Act,
    },
    PromptEnds {
        leg: LegId,
        play: PlayId,
    },
    TalkEnds {
        leg: LegId,
    },
    Supervisor {
        leg: LegId,
        act: supervisor::Act,
    },
    MessageEnds {
        leg: LegId,
        recording: RecordingId,
        ended: RecordingEnd,
    },
    /// The administrator makes the change of this number.
    Reconfigure(u64),
    Replies {
        leg: LegId,
        id: AskId,
        reply: Reply,
    },
    /// Faults and new callers end here.
    Calm,
}

/// A message that a caller is leaving.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) recording: RecordingId,
    pub(super) began_at: Timestamp,
    pub(super) length_min: Duration,
    pub(super) speech: Duration,
}

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    pub flows: Vec<Arc<Flow>>,
    /// Numbers callers dial.
    pub entrances: Vec<String>,
    /// Numbers of people in the directory.
    pub known: Vec<String>,
    pub agents: usize,
    pub behaviour: Behaviour,
    pub swarm: Swarm,
    /// Usual delay of a message, least and most.
    pub wire_ms: (u64, u64),
    pub start: Timestamp,
    /// No new callers, and no faults, from here on.
    pub calm: Timestamp,
    /// No more new callers than this, whatever the time.
    pub callers_max: u64,
}

/// The far end of a leg, as it is there, not as the center believes it to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Far {
    /// Not answered yet.
    Ringing,
    Up,
    Over,
}

#[derive(Clone, Debug)]
struct End {
    far: Far,
    agent: Option<AgentId>,
    playing: Option<PlayId>,
    /// A talk has begun here and its end is on the agenda.
    talks: bool,
}

#[derive(Debug)]
pub struct World {
    pub(super) plan: Plan,
    pub(super) calm: bool,
    quiet: Option<Timestamp>,
    pub(super) random: Random,
    /// Callers and when they call: a stream of its own, so that other agents meet the same callers.
    pub(super) arrivals: Random,
    wire: Wire,
    agenda: Agenda<Stimulus>,
    pub(super) calls: u64,
    pub(super) strangers: u64,
    /// By flow and step.
    pub(super) questions: BTreeMap<String, BTreeMap<String, Asks>>,
    pub(super) callers: BTreeMap<CallId, Caller>,
    pub(super) people: Vec<Person>,
    ends: BTreeMap<LegId, End>,
    hearing: Hearing,
    pub(super) messages: BTreeMap<LegId, Message>,
    /// What recorders keep, and since when.
    pub(super) recorded: BTreeMap<LegId, (RecordingId, Timestamp)>,
}

impl World {
    #[must_use]
    pub fn new(plan: Plan, mut random: Random) -> Self {
        let wire = Wire::new(random.fork(), plan.wire_ms);
        let flows = plan.flows.iter();
        let questions = flows.map(|flow| (flow.name().to_string(), caller::questions(flow)));
        let mut world = Self {
            calm: false,
            quiet: None,
            wire,
            agenda: Agenda::new(),
            calls: 0,
            strangers: 0,
            questions: questions.collect(),
            callers: BTreeMap::new(),
            people: vec![Person::default(); plan.agents],
            ends: BTreeMap::new(),
            hearing: Hearing::default(),
            messages: BTreeMap::new(),
            recorded: BTreeMap::new(),
            arrivals: random.fork(),
            random,
            plan,
        };
        let (start, calm) = (world.plan.start, world.plan.calm);
        for agent in (0..).map(AgentId).take(world.plan.agents) {
            world.put(start, Stimulus::Agent { agent, act: agent::Act::StartShift });
        }
        world.put(start, Stimulus::NextCaller);
        world.put(calm, Stimulus::Calm);
        world
    }

    #[must_use]
    pub fn next_at(&self) -> Option<Timestamp> {
        self.agenda.next_at()
    }

    pub fn pop(&mut self) -> Option<(Timestamp, Stimulus)> {
        self.agenda.pop()
    }

    pub fn put(&mut self, at: Timestamp, stimulus: Stimulus) {
        self.agenda.put(at, stimulus);
    }

    /// Carries out everything but [`Stimulus::News`], which is the center's to hear.
    pub fn happen(&mut self, now: Timestamp, stimulus: Stimulus, center: &ContactCenter) {
        match stimulus {
            Stimulus::News { event, copy } => self.put(now, Stimulus::News { event, copy }),
            Stimulus::Arrives(command) => self.arrives(now, command),
            Stimulus::NextCaller => self.next_caller(now),
            Stimulus::Again(caller) => self.calls(now, *caller),
            Stimulus::Caller { call, act } => self.caller_acts(now, call, act),
            Stimulus::Agent { agent, act } => self.agent_acts(now, agent, act, center),
            Stimulus::PromptEnds { leg, play } => self.prompt_ends(now, leg, play),
            Stimulus::TalkEnds { leg } => self.talk_ends(now, leg),
            Stimulus::Replies { leg, id, reply } => self.replies(now, leg, id, reply),
            Stimulus::Supervisor { leg, act } => self.supervisor_acts(now, leg, act),
            Stimulus::MessageEnds { leg, recording, ended } => {
                self.message_ends(now, leg, Some(recording), ended);
            }
            Stimulus::Reconfigure(number) => self.put(now, Stimulus::Reconfigure(number)),
            Stimulus::Calm => {
                self.calm = true;
                self.plan.swarm = Swarm::calm();
            }
        }
    }

    /// Carries out a command of the center: at once in the media, over the wire elsewhere.
    pub fn execute(&mut self, now: Timestamp, command: Command, center: &ContactCenter) {
        match command {
            // What whoever waits hears of it makes no difference.
            Command::Ring { .. } => {}
            Command::Answer { leg }
            | Command::Reject { leg, .. }
            | Command::Dial { leg, .. }
            | Command::HangUp { leg, .. } => {
                if let Command::Dial { target, .. } = &command {
                    self.may_be_supervisors(now, leg, center);
                    self.may_be_customers(leg, target);
                }
                let at = self.wire.send(now, Lane::Out(leg), &self.plan.swarm).at;
                self.put(at, Stimulus::Arrives(command));
            }
            Command::Play { leg, play, prompts, repeat } => {
                self.plays(now, leg, play, &prompts, repeat, center);
            }
            Command::StopPlay { leg } => self.stop(leg),
            Command::Record { .. } => self.records(now, &command),
            Command::StopRecord { leg } if leg.is_recorder() => {
                self.recorder_ends(now, leg, RecordingEnd::Stopped);
            }
            Command::StopRecord { leg } => {
                self.message_ends(now, leg, None, RecordingEnd::Stopped);
            }
            Command::RecordCall { leg, recording, .. } => self.records_call(now, leg, recording),
            // It is silent about what it hears.
            Command::Hear { leg, .. } if leg.is_recorder() => {}
            Command::Hear { leg, from } => self.hears(now, leg, &from),
            Command::Ask { id, what, until } => self.is_asked(now, id, &what, until),
            Command::CloseRecord { record } => self.call_ended(now, &record),
            Command::AmendRecord { .. } | Command::AmendRecording { .. } => {}
        }
    }

    /// The center is about to be given this setup, complete: agents who are new begin to work, and
    /// agents ask for steps that are new. Who was removed goes on as before.
    pub(super) fn reconfigured(&mut self, now: Timestamp, setup: &Setup) {
        for flow in &setup.flows {
            let of_flow = self.questions.entry(flow.name().to_string()).or_default();
            of_flow.extend(caller::questions(flow));
        }
        self.plan.flows.clone_from(&setup.flows);
        self.plan.agents = setup.agents.len();
        let known = self.people.len();
        for agent in (0..).map(AgentId).take(setup.agents.len()).skip(known) {
            self.people.push(Person::default());
            self.put(now, Stimulus::Agent { agent, act: agent::Act::StartShift });
        }
    }

    /// Since when no caller has called, once none will.
    pub(super) fn quiet_since(&mut self, now: Timestamp) -> Option<Timestamp> {
        if self.calm && self.callers.is_empty() {
            self.quiet.get_or_insert(now);
        }
        self.quiet
    }

    /// The far end hangs up.
    pub(super) fn hang_up(&mut self, now: Timestamp, leg: LegId) {
        if self.is(leg, Far::Over) {
            return;
        }
        self.over(now, leg);
        self.tell(now, Lane::In(leg), Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
    }

    pub(super) fn reject(&mut self, now: Timestamp, leg: LegId) {
        if self.still_rings(leg) {
            self.over(now, leg);
            let cause = Cause::CALL_REJECTED;
            self.tell(now, Lane::In(leg), Event::DialFailed { leg, cause });
        }
    }

    /// Whether the leg rings, on a phone that is still there.
    fn still_rings(&self, leg: LegId) -> bool {
        let Some(end) = self.ends.get(&leg).filter(|end| end.far == Far::Ringing) else {
            return false;
        };
        let Some(agent) = end.agent else { return true };
        self.people.get(agent.0 as usize).is_some_and(|person| person.leg == Some(leg))
    }

    fn arrives(&mut self, now: Timestamp, command: Command) {
        match command {
            Command::Answer { leg } => {
                self.set(leg, Far::Ringing, Far::Up);
                if caller::is_opening(leg.call) && self.is_up(leg) {
                    self.tell(now, Lane::In(leg), Event::Answered { leg });
                }
            }
            Command::Dial { leg, target, .. } => self.dialed(now, leg, &target),
            Command::Reject { leg, cause } | Command::HangUp { leg, cause } => {
                if self.is(leg, Far::Over) {
                    return; // it crossed its end
                }
                self.over(now, leg);
                self.tell(now, Lane::In(leg), Event::HungUp { leg, cause });
            }
            Command::Play { .. }
            | Command::StopPlay { .. }
            | Command::Ring { .. }
            | Command::Hear { .. }
            | Command::Ask { .. }
            | Command::CloseRecord { .. }
            | Command::Record { .. }
            | Command::StopRecord { .. }
            | Command::RecordCall { .. }
            | Command::AmendRecording { .. }
            | Command::AmendRecord { .. } => unreachable!("carried out without a wire"),
        }
    }

    fn dialed(&mut self, now: Timestamp, leg: LegId, target: &Target) {
        let agent = match target {
            Target::Agent(agent) => Some(*agent),
            Target::Trunk { .. } => None,
        };
        self.begin(leg, agent);
        let Plan { behaviour, swarm, .. } = &self.plan;
        let treatment = match agent.and_then(|agent| self.people.get(agent.0 as usize)) {
            Some(person) => person.treats(behaviour, swarm, &mut self.random),
            // An outside party: a phone that is never busy with us.
            None => Person { online: true, ..Person::default() }.treats(
                behaviour,
                swarm,
                &mut self.random,
            ),
        };
        match treatment {
            Treatment::Fail(cause) => {
                self.over(now, leg);
                self.tell(now, Lane::In(leg), Event::DialFailed { leg, cause });
                if self.random.chance(self.plan.swarm.failed_twice) {
                    self.tell(now, Lane::In(leg), Event::HungUp { leg, cause });
                }
            }
            Treatment::Ring(what) => {
                self.rings(now, leg, agent);
                let Some((after, accepts)) = what else { return };
                let act = if accepts { agent::Act::PickUp(leg) } else { agent::Act::Reject(leg) };
                let agent = agent.unwrap_or(AgentId(u32::MAX));
                self.put(now + after, Stimulus::Agent { agent, act });
            }
            Treatment::Lose(after) => {
                self.rings(now, leg, agent);
                let Some(agent) = agent else { return };
                self.put(now + after, Stimulus::Agent { agent, act: agent::Act::PhoneLost });
            }
        }
    }

    fn rings(&mut self, now: Timestamp, leg: LegId, agent: Option<AgentId>) {
        if let Some(person) = agent.and_then(|agent| self.people.get_mut(agent.0 as usize)) {
            person.leg = Some(leg);
        }
        self.tell(now, Lane::In(leg), Event::Ringing { leg });
    }

    /// The phone is picked up, if it still rings.
    pub(super) fn pick_up(&mut self, now: Timestamp, leg: LegId) {
        if !self.still_rings(leg) {
            return;
        }
        self.set(leg, Far::Ringing, Far::Up);
        let at = self.tell(now, Lane::In(leg), Event::Answered { leg });
        if self.random.chance(self.plan.swarm.glare) {
            let caller = LegId::caller(leg.call);
            if !self.is(caller, Far::Over) {
                self.over(now, caller);
                let event = Event::HungUp { leg: caller, cause: Cause::NORMAL_CLEARING };
                self.put(at, Stimulus::News { event, copy: false });
            }
        }
    }

    fn plays(
        &mut self,
        now: Timestamp,
        leg: LegId,
        play: PlayId,
        prompts: &[Prompt],
        repeat: bool,
        center: &ContactCenter,
    ) {
        let length = prompts.iter().map(length).sum();
        if let Some(end) = self.ends.get_mut(&leg) {
            end.playing = Some(play);
        }
        if !repeat {
            self.put(now + length, Stimulus::PromptEnds { leg, play });
        }
        if leg.is_caller() {
            self.caller_hears(now, leg.call, length, center);
        }
    }

    fn prompt_ends(&mut self, now: Timestamp, leg: LegId, play: PlayId) {
        let Some(end) = self.ends.get_mut(&leg) else { return };
        // The end of a prompt that was just stopped may already be on its way. What plays now in
        // its place ends by itself.
        if end.playing == Some(play) {
            end.playing = None;
        } else if !self.random.chance(self.plan.swarm.reordered) {
            return;
        }
        let failed = self.random.chance(self.plan.swarm.prompt_failed);
        let event = match failed {
            true => Event::PromptFailed { leg, play },
            false => Event::PromptDone { leg, play },
        };
        self.tell(now, Lane::Media(leg), event);
    }

    pub(super) fn stop(&mut self, leg: LegId) {
        if let Some(end) = self.ends.get_mut(&leg) {
            end.playing = None;
        }
    }

    fn hears(&mut self, now: Timestamp, leg: LegId, from: &BTreeSet<LegId>) {
        self.hearing.hear(leg, from);
        if from.is_empty() {
            return self.parted(now, leg);
        }
        self.stop(leg);
        for &other in from {
            if self.hearing.hears(other, leg) {
                self.talks(now, leg.max(other));
            }
        }
    }

    /// The party on this leg is talked to.
    fn talks(&mut self, now: Timestamp, b: LegId) {
        if let Some(caller) = self.callers.get_mut(&b.call) {
            caller.waits = false;
        }
        let Some(end) = self.ends.get_mut(&b).filter(|end| !end.talks) else { return };
        end.talks = true;
        let agent = end.agent;
        let talk = self.random.draw(self.plan.behaviour.talk);
        self.put(now + talk, Stimulus::TalkEnds { leg: b });
        let Some(agent) = agent else { return };
        if self.random.chance(self.plan.behaviour.holds) {
            let (from, hold) = (talk.mul_f64(0.3), self.random.draw(self.plan.behaviour.hold));
            let (hold_it, resume) = (agent::Act::Hold(b), agent::Act::Resume(b));
            self.put(now + from, Stimulus::Agent { agent, act: hold_it });
            self.put(now + from + hold, Stimulus::Agent { agent, act: resume });
        }
        if self.random.chance(self.plan.behaviour.meddles) {
            let at = now + talk.mul_f64(self.random.unit());
            self.meddles(at, agent);
            self.fumbles(at, b);
        }
        self.may_be_supervised(now, b.call);
        if self.random.chance(self.plan.swarm.phone_lost) {
            let at = now + talk.mul_f64(self.random.unit());
            self.put(at, Stimulus::Agent { agent, act: agent::Act::PhoneLost });
        }
    }

    fn parted(&mut self, now: Timestamp, leg: LegId) {
        if !leg.is_caller() && self.random.chance(self.plan.swarm.hold_failed) {
            self.tell(now, Lane::In(leg), Event::HoldFailed { leg });
        }
    }

    fn talk_ends(&mut self, now: Timestamp, leg: LegId) {
        if !self.is(leg, Far::Up) {
            return;
        }
        let caller = LegId::caller(leg.call);
        let by_caller =
            self.random.chance(self.plan.behaviour.caller_ends_talk) && self.is_up(caller);
        self.hang_up(now, if by_caller { caller } else { leg });
    }

    /// A leg ends at its far end; an agent's phone is free again.
    pub(super) fn over(&mut self, now: Timestamp, leg: LegId) {
        self.message_ends(now, leg, None, RecordingEnd::HungUp);
        self.hearing.forget(leg);
        let Some(end) = self.ends.get_mut(&leg) else { return };
        end.far = Far::Over;
        let (talked, agent) = (end.talks, end.agent);
        let call = leg.call;
        let legs = self.ends.range(LegId::caller(call)..).take_while(|(leg, _)| leg.call == call);
        if legs.into_iter().all(|(_, end)| end.far == Far::Over) {
            self.recorders_end(now, call);
        }
        let Some(id) = agent else { return };
        let Some(person) = self.people.get_mut(id.0 as usize) else { return };
        if person.leg == Some(leg) {
            person.leg = None;
        }
        if talked {
            let after = self.random.draw(self.plan.behaviour.wrap_up);
            let resolved = self.random.chance(self.plan.behaviour.resolves);
            let act = agent::Act::WriteUp { resolved };
            self.put(now + after, Stimulus::Agent { agent: id, act });
        }
    }

    /// Sends an event to the center; returns when it arrives.
    pub(super) fn tell(&mut self, now: Timestamp, lane: Lane, event: Event) -> Timestamp {
        let delivery = self.wire.send(now, lane, &self.plan.swarm);
        let copied = matches!(
            event,
            Event::Ringing { .. }
                | Event::Rerouted { .. }
                | Event::Answered { .. }
                | Event::DialFailed { .. }
                | Event::PromptDone { .. }
                | Event::Recorded { .. }
                | Event::Replied { .. }
                | Event::HungUp { .. }
        );
        let again = delivery.again.filter(|_| copied).map(|at| (at, event.clone()));
        self.put(delivery.at, Stimulus::News { event, copy: false });
        if let Some((at, event)) = again {
            self.put(at, Stimulus::News { event, copy: true });
        }
        delivery.at
    }

    pub(super) fn ask(&mut self, now: Timestamp, agent: AgentId, ask: AgentRequest) {
        self.tell(now, Lane::Agent(agent), Event::AgentAsked { agent, ask, by: None });
    }

    pub(super) fn is_up(&self, leg: LegId) -> bool {
        self.is(leg, Far::Up)
    }

    pub(super) fn begin(&mut self, leg: LegId, agent: Option<AgentId>) {
        self.ends.insert(leg, End::new(agent));
    }

    fn is(&self, leg: LegId, far: Far) -> bool {
        self.ends.get(&leg).is_some_and(|end| end.far == far)
    }

    fn set(&mut self, leg: LegId, from: Far, to: Far) {
        if let Some(end) = self.ends.get_mut(&leg).filter(|end| end.far == from) {
            end.far = to;
        }
    }
}

impl End {
    const fn new(agent: Option<AgentId>) -> Self {
        Self { far: Far::Ringing, agent, playing: None, talks: false }
    }
}

/// How long a prompt is.
#[must_use]
pub fn length(prompt: &Prompt) -> Duration {
    match prompt {
        Prompt::Text { text, .. } => {
            let characters = text.chars().count() as u64;
            Duration::from_millis(characters * 1_000 / CHARACTERS_PER_S).max(PROMPT_MIN)
        }
        Prompt::File { .. } => FILE,
        Prompt::Music { .. } => MUSIC,
        Prompt::Silence { ms } => Duration::from_millis(u64::from(*ms)),
    }
}
