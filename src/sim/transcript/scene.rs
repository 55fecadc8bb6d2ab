//! One scene: a fresh contact center, and a world that does what the script says and nothing else.
//!
//! **Invariant:** at one moment deadlines come first, then what the world owes (the end of a
//! prompt, the end of a leg), then the script.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::center::ContactCenter;
use crate::center::setup::Trunk;
use crate::flow::Flow;
use crate::front::{Handoff, HandoffEnd, Turn};
use crate::id::{AgentId, AskId, CallId, LegId, PlayId};
use crate::sim::transcript::coverage::Coverage;
use crate::sim::transcript::front::Callers;
use crate::sim::transcript::message::Message;
use crate::sim::transcript::record::left;
use crate::sim::transcript::script::{Act, Cast, Deed, Who};
use crate::sim::transcript::{TranscriptError, stamped};
use crate::sim::world::length;
use crate::time::Timestamp;
use crate::words::{
    AgentState, Cause, Command, Event, From, Hearing, HttpQuestion, Prompt, RecordingEnd, Target,
    Via,
};

/// A scene whose calls do not end by themselves is cut here.
const SCENE_MAX: Duration = Duration::from_secs(2 * 60 * 60);
/// Inputs of one scene.
const INPUTS_MAX: u32 = 20_000;

pub(super) struct Scene {
    pub(super) center: ContactCenter,
    pub(super) start: Timestamp,
    language: String,
    callers: BTreeMap<String, Option<String>>,
    agents: Vec<String>,
    /// Phones that were reported as there.
    online: BTreeSet<u32>,
    names: BTreeMap<LegId, String>,
    /// Legs whose end was not reported yet.
    pub(super) live: BTreeSet<LegId>,
    answered: BTreeSet<LegId>,
    agenda: BTreeMap<(Timestamp, u64), Event>,
    playing: BTreeMap<LegId, PlayId>,
    messages: BTreeMap<LegId, Message>,
    hearing: Hearing,
    /// The question that was asked last.
    pub(super) asked: Option<(AskId, HttpQuestion)>,
    /// Steps already told, by call.
    told: BTreeMap<CallId, usize>,
    /// Agents as last told.
    states: Vec<AgentState>,
    calls: u64,
    sequence: u64,
    inputs: u32,
    pub(super) front: Option<Box<dyn Callers>>,
    /// What the center wants done.
    wanted: VecDeque<Command>,
    pub(super) out: String,
    pub(super) coverage: Coverage,
}

impl Scene {
    pub(super) fn new(
        flow: &Arc<Flow>,
        cast: &Cast,
        front: Option<Box<dyn Callers>>,
    ) -> Result<Self, String> {
        let language = flow.languages().first().map_or("en", |language| language).to_owned();
        let mut setup = cast.setup(flow);
        if let Some(front) = &front {
            // It may dial what the trunks may.
            let prefixes = setup.trunks.values().flat_map(|trunk| trunk.prefixes.clone());
            let trunk = Trunk { prefixes: prefixes.collect() };
            setup.providers.insert(front.provider().to_owned(), trunk);
        }
        Ok(Self {
            center: ContactCenter::new(setup),
            front,
            start: cast.start,
            language,
            callers: cast.callers.clone(),
            agents: cast.agents.iter().map(|agent| agent.name.clone()).collect(),
            online: BTreeSet::new(),
            names: BTreeMap::new(),
            live: BTreeSet::new(),
            answered: BTreeSet::new(),
            agenda: BTreeMap::new(),
            playing: BTreeMap::new(),
            messages: BTreeMap::new(),
            hearing: Hearing::default(),
            asked: None,
            told: BTreeMap::new(),
            states: vec![AgentState::LoggedOut; cast.agents.len()],
            calls: 0,
            sequence: 0,
            inputs: 0,
            wanted: VecDeque::new(),
            out: String::new(),
            coverage: Coverage::default(),
        })
    }

    pub(super) const fn start(&self) -> Timestamp {
        self.start
    }

    /// Lets everything happen that is due by then.
    pub(super) fn play_until(&mut self, at: Timestamp, line: usize) -> Result<(), TranscriptError> {
        while let Some(next) = self.next_at().filter(|next| *next <= at) {
            self.inputs += 1;
            if self.inputs > INPUTS_MAX {
                let problem = format!("more than {INPUTS_MAX} things happened in this scene");
                return Err(TranscriptError { line, problem });
            }
            self.step(next);
        }
        Ok(())
    }

    pub(super) fn comment(&mut self, comments: &mut Vec<String>) {
        for comment in comments.drain(..) {
            self.out.push_str(&comment);
            self.out.push('\n');
        }
    }

    pub(super) fn act(&mut self, at: Timestamp, deed: &Deed) -> Result<(), String> {
        self.out += &stamped(self.start, at, '>', &deed.text);
        let done = match &deed.who {
            Who::Caller(name) => self.caller_acts(at, name, &deed.act),
            Who::Agent(id) => self.agent_acts(at, *id, &deed.act),
            Who::Service => self.service_acts(at, &deed.act),
            Who::Outside => {
                let leg = self.leg("outside")?;
                self.party_acts(at, leg, &deed.act)
            }
        };
        self.settle(at);
        done
    }

    /// Plays to the end of the last call; the lines, and what of the flow its calls have seen.
    pub(super) fn finish(mut self) -> (String, Coverage) {
        let latest = self.next_at().map_or(self.start, |next| next + SCENE_MAX);
        while let Some(next) = self.next_at().filter(|next| *next <= latest) {
            let over = self.center.calls_live() == 0 && self.all_rest();
            if over || self.inputs > INPUTS_MAX {
                break;
            }
            self.inputs += 1;
            self.step(next);
        }
        for call in self.center.snapshot(latest).calls {
            let name = self.name(LegId::caller(call.call));
            self.out += &format!("          < {name} is still there\n");
        }
        (self.out, self.coverage)
    }

    fn all_rest(&self) -> bool {
        self.states.iter().all(|state| match state {
            AgentState::LoggedOut | AgentState::NotReady { .. } | AgentState::Ready => true,
            AgentState::AfterCallWork { until, .. } => until.is_none(),
            AgentState::OnOwnCall { .. }
            | AgentState::Reserved { .. }
            | AgentState::Talking { .. } => false,
        })
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        let wake = self.center.poll_timeout().map(|(at, _)| at);
        let owed = self.agenda.first_key_value().map(|((at, _), _)| *at);
        let front = self.front.as_ref().and_then(|front| front.poll_timeout());
        wake.into_iter().chain(owed).chain(front).min()
    }

    fn step(&mut self, at: Timestamp) {
        self.take_step(at);
        if let Some(front) = &mut self.front {
            front.handle_timeout(at);
            self.settle(at);
        }
    }

    fn take_step(&mut self, at: Timestamp) {
        if self.center.poll_timeout().is_some_and(|(wake, _)| wake <= at) {
            return self.input(at, None);
        }
        if self.agenda.first_key_value().is_none_or(|((due, _), _)| *due > at) {
            return; // it is the front's turn
        }
        let Some((_, event)) = self.agenda.pop_first() else { return };
        if let Event::PromptDone { leg, play } = event {
            if self.playing.get(&leg) != Some(&play) {
                return; // something else plays now
            }
            self.playing.remove(&leg);
        }
        if let Event::Recorded { recording, .. } = event {
            let leg = LegId::caller(recording.call);
            if self.messages.get(&leg).is_none_or(|message| message.end() != (at, event.clone())) {
                return; // the caller went on speaking
            }
            self.messages.remove(&leg);
        }
        self.tell(at, event);
    }

    /// The caller of a leg, if recorded now, does something about it.
    fn with_message(&mut self, leg: LegId, change: impl FnOnce(&mut Message)) -> bool {
        let Some(message) = self.messages.get_mut(&leg) else { return false };
        change(message);
        let (at, event) = message.end();
        self.owe(at, event);
        true
    }

    pub(super) fn tell(&mut self, at: Timestamp, event: Event) {
        self.input(at, Some(event));
    }

    fn owe(&mut self, at: Timestamp, event: Event) {
        self.sequence += 1;
        self.agenda.insert((at, self.sequence), event);
    }

    /// The next call, and whose it is.
    pub(super) fn new_call(&mut self, name: &str) -> (CallId, From) {
        self.calls += 1;
        let call = CallId(self.calls);
        self.named(LegId::caller(call), name.to_owned());
        (call, From { number: self.callers.get(name).cloned().flatten(), name: None })
    }

    /// How long it takes to say this.
    pub(super) fn spoken(&self, words: &str) -> Duration {
        length(&Prompt::Text { language: self.language.as_str().into(), text: words.into() })
    }

    fn caller_acts(&mut self, at: Timestamp, name: &str, act: &Act) -> Result<(), String> {
        if let Some(done) = self.fronted(at, name, act) {
            return done;
        }
        if let Act::Call(to) = act {
            let (call, from) = self.new_call(name);
            let via = Via::Trunk("test".to_owned());
            self.tell(at, Event::CallArrived { call, from, to: to.clone(), via });
            return Ok(());
        }
        let leg = self.leg(name)?;
        match act {
            Act::Press(keys) => {
                for &digit in keys {
                    self.tell(at, Event::Digit { leg, digit });
                }
            }
            Act::Say(words) => {
                let length = self.spoken(words);
                if !self.with_message(leg, |message| message.says(at, length)) {
                    return Err(format!("nothing records `{name}` then"));
                }
            }
            Act::HangUp => {
                if let Some(mut message) = self.messages.remove(&leg) {
                    message.cut(at, RecordingEnd::HungUp);
                    self.tell(at, message.end().1);
                }
                self.tell(at, Event::HungUp { leg, cause: Cause::NORMAL_CLEARING });
            }
            Act::Call(_)
            | Act::Answer
            | Act::Fail(_)
            | Act::Hold
            | Act::Resume
            | Act::Ask(_)
            | Act::Reply(_)
            | Act::LosePhone => return Err(format!("`{name}` is a caller")),
        }
        Ok(())
    }

    fn agent_acts(&mut self, at: Timestamp, id: u32, act: &Act) -> Result<(), String> {
        let agent = AgentId(id);
        if self.online.insert(id) {
            self.tell(at, Event::PhoneReachable { agent, reachable: true });
        }
        let ask = match act {
            Act::Ask(ask) => ask.clone(),
            Act::LosePhone => {
                self.online.remove(&id);
                self.tell(at, Event::PhoneReachable { agent, reachable: false });
                return Ok(());
            }
            Act::HangUp | Act::Answer | Act::Fail(_) | Act::Hold | Act::Resume => {
                let name = self.agents[id as usize].clone();
                let leg = self.leg(&name)?;
                return self.party_acts(at, leg, act);
            }
            Act::Call(_) | Act::Press(_) | Act::Say(_) | Act::Reply(_) => {
                return Err("an agent's phone is not a caller".into());
            }
        };
        self.center.check_request(at, agent, &ask).map_err(|why| why.to_string())?;
        self.tell(at, Event::AgentAsked { agent, ask, by: None });
        Ok(())
    }

    fn party_acts(&mut self, at: Timestamp, leg: LegId, act: &Act) -> Result<(), String> {
        if self.party_of_front(at, leg, act) {
            return Ok(());
        }
        let answered = self.answered.contains(&leg);
        let event = match act {
            Act::Answer if !answered => {
                self.answered.insert(leg);
                Event::Answered { leg }
            }
            Act::Fail(cause) if !answered => Event::DialFailed { leg, cause: *cause },
            Act::Answer | Act::Fail(_) => return Err("that phone was answered before".into()),
            Act::HangUp => Event::HungUp { leg, cause: Cause::NORMAL_CLEARING },
            Act::Hold => Event::Held { leg },
            Act::Resume => Event::Resumed { leg },
            Act::Call(_)
            | Act::Press(_)
            | Act::Say(_)
            | Act::Ask(_)
            | Act::Reply(_)
            | Act::LosePhone => {
                return Err("somebody outside cannot do that".into());
            }
        };
        self.tell(at, event);
        Ok(())
    }

    pub(super) fn leg(&self, name: &str) -> Result<LegId, String> {
        let leg = self.live.iter().rev().find(|leg| self.names.get(leg).is_some_and(|n| n == name));
        leg.copied().ok_or_else(|| format!("`{name}` has no call then"))
    }

    /// The steps calls went through in this input, those of calls that ended in it too.
    fn tell_steps(&mut self, at: Timestamp) {
        let mut paths: BTreeMap<CallId, Vec<String>> = BTreeMap::new();
        for call in self.center.snapshot(at).calls {
            paths.insert(call.call, call.path.into_iter().map(|(_, step)| step).collect());
        }
        for command in &self.wanted {
            if let Command::CloseRecord { record } = command {
                let steps = record.path.iter().map(|entry| entry.step.clone());
                paths.insert(record.call, steps.collect());
            }
        }
        for (call, path) in paths {
            let told = self.told.insert(call, path.len()).unwrap_or_default();
            if let Some(steps) = path.get(told..).filter(|steps| !steps.is_empty()) {
                let what = format!("{} at {}", self.name(LegId::caller(call)), steps.join(", "));
                self.out += &stamped(self.start, at, '<', &what);
            }
        }
    }

    fn tell_agents(&mut self, at: Timestamp) {
        for (id, name) in (0..).map(AgentId).zip(self.agents.clone()) {
            let Some(state) = self.center.agent_state(id).cloned() else { continue };
            let old = std::mem::replace(&mut self.states[id.0 as usize], state.clone());
            if old == state {
                continue;
            }
            let what = match &state {
                AgentState::LoggedOut => "is logged out".to_owned(),
                AgentState::NotReady { reason } => format!("is not ready ({reason})"),
                AgentState::Ready => "is ready".to_owned(),
                AgentState::AfterCallWork { .. } => "works after the call".to_owned(),
                AgentState::OnOwnCall { .. } => "is on a call of their own".to_owned(),
                // The offer and the talk say it.
                AgentState::Reserved { .. } | AgentState::Talking { .. } => continue,
            };
            self.out += &stamped(self.start, at, '<', &format!("{name} {what}"));
        }
    }

    /// Does what the world owes for a command; returns the line for it.
    fn done(&mut self, at: Timestamp, mut command: Command) -> Option<String> {
        if let Some(front) = &mut self.front {
            match front.carry_out(at, command.clone()) {
                Some(back) => command = back,
                None => return self.told_of(command),
            }
        }
        match command {
            Command::Answer { leg } => Some(format!("{} is answered", self.name(leg))),
            Command::Ring { leg } => Some(format!("{} hears it ring", self.name(leg))),
            Command::Reject { leg, cause } => {
                let name = self.name(leg);
                self.owe(at, Event::HungUp { leg, cause });
                Some(format!("{name} is refused ({})", cause.name()))
            }
            Command::Play { leg, play, prompts, repeat } => {
                self.playing.insert(leg, play);
                if !repeat {
                    let length: Duration = prompts.iter().map(length).sum();
                    self.owe(at + length, Event::PromptDone { leg, play });
                }
                let heard: Vec<String> = prompts.iter().map(|prompt| self.heard(prompt)).collect();
                Some(format!("{} hears {}", self.name(leg), heard.join(" ")))
            }
            Command::StopPlay { leg } => {
                self.playing.remove(&leg);
                Some(format!("{} hears nothing more", self.name(leg)))
            }
            Command::Record { leg, beep, .. } => {
                self.playing.remove(&leg);
                self.messages.extend(Message::begin(at, &command).map(|message| (leg, message)));
                self.with_message(leg, |_| {});
                let tone = if beep { "hears a tone and " } else { "" };
                Some(format!("{} {tone}is recorded", self.name(leg)))
            }
            Command::StopRecord { leg } => {
                self.with_message(leg, |message| message.cut(at, RecordingEnd::Stopped));
                None
            }
            // No queue of a scene has its calls recorded.
            Command::RecordCall { .. } => None,
            Command::Dial { leg, target, from, until: _ } => Some(self.dialed(leg, target, &from)),
            Command::Hear { leg, from } => {
                if !from.is_empty() {
                    self.playing.remove(&leg);
                }
                self.hears(leg, &from)
            }
            Command::HangUp { leg, cause } => {
                let name = self.name(leg);
                self.with_message(leg, |message| message.cut(at, RecordingEnd::HungUp));
                self.owe(at, Event::HungUp { leg, cause });
                Some(format!("{name} is hung up ({})", cause.name()))
            }
            Command::Ask { id, what, until: _ } => Some(self.asks(id, *what)),
            Command::CloseRecord { record } => Some(self.closed(&record)),
            Command::AmendRecord { call, wrap_up } => Some(self.amended(call, &wrap_up)),
            Command::AmendRecording { update } => {
                let caller = self.name(LegId::caller(update.name.call));
                let told = left(update.name, update.state, update.length_ms);
                Some(format!("{caller}'s record: {told}"))
            }
        }
    }

    /// A change of hearing is one line, once it is the same for all of them.
    fn hears(&mut self, leg: LegId, from: &BTreeSet<LegId>) -> Option<String> {
        let before = self.hearing.circle(leg);
        self.hearing.hear(leg, from);
        let names = |legs: &BTreeSet<LegId>| -> Vec<String> {
            legs.intersection(&self.live).map(|leg| self.name(*leg)).collect()
        };
        let circle = names(&self.hearing.circle(leg)?);
        match &circle[..] {
            [_] => {
                let before = names(&before?).join(" and ");
                Some(format!("{before} no longer hear each other"))
            }
            [a, b] => Some(format!("{a} talks to {b}")),
            [..] => Some(format!("{} hear each other", circle.join(", "))),
        }
    }

    /// What a transcript can say of a command that the front carries out; the rest the front says.
    fn told_of(&mut self, command: Command) -> Option<String> {
        match command {
            Command::Dial { leg, target, from, until: _ } => Some(self.dialed(leg, target, &from)),
            Command::HangUp { leg, cause } if !leg.is_caller() => {
                Some(format!("{} is hung up ({})", self.name(leg), cause.name()))
            }
            Command::HangUp { .. }
            | Command::Answer { .. }
            | Command::Ring { .. }
            | Command::Reject { .. }
            | Command::Play { .. }
            | Command::StopPlay { .. }
            | Command::Record { .. }
            | Command::StopRecord { .. }
            | Command::RecordCall { .. }
            | Command::Hear { .. }
            | Command::Ask { .. }
            | Command::CloseRecord { .. }
            | Command::AmendRecord { .. }
            | Command::AmendRecording { .. } => None,
        }
    }

    fn dialed(&mut self, leg: LegId, target: Target, from: &From) -> String {
        let caller = self.name(LegId::caller(leg.call));
        let shown: Vec<&str> =
            [&from.name, &from.number].into_iter().flatten().map(|s| &**s).collect();
        let shown = if shown.is_empty() { "unknown".to_owned() } else { shown.join(" ") };
        match target {
            Target::Agent(agent) => {
                let name = self.agents[agent.0 as usize].clone();
                self.named(leg, name.clone());
                format!("{name} is offered {caller}, shown as {shown}")
            }
            Target::Trunk { trunk, number, others: _ } => {
                self.named(leg, "outside".to_owned());
                format!(
                    "outside is dialed for {caller}: {number} through {trunk}, shown as {shown}"
                )
            }
        }
    }

    pub(super) fn heard(&self, prompt: &Prompt) -> String {
        match prompt {
            Prompt::Text { language, text } if **language == *self.language => format!("{text:?}"),
            Prompt::Text { language, text } => format!("[{language}] {text:?}"),
            Prompt::File { path } => format!("the file {path}"),
            Prompt::Music { name } => format!("the music {name}"),
            Prompt::Silence { ms } => format!("silence for {ms} ms"),
        }
    }

    fn named(&mut self, leg: LegId, name: String) {
        self.live.insert(leg);
        self.names.insert(leg, name);
    }

    pub(super) fn name(&self, leg: LegId) -> String {
        self.names.get(&leg).cloned().unwrap_or_else(|| leg.to_string())
    }
}

impl Turn for Scene {
    fn tell_center(&mut self, at: Timestamp, event: Option<Event>) {
        if let Some(Event::HungUp { leg, .. } | Event::DialFailed { leg, .. }) = event {
            self.live.remove(&leg);
        }
        // The telephones are the scene's own: with the agent's goes the caller whom it had.
        if let (Some(Event::HungUp { leg, .. }), Some(front)) = (&event, &mut self.front)
            && !leg.is_caller()
        {
            let end = HandoffEnd::Returned(Cause::NORMAL_CLEARING);
            front.handle_handoff(at, &Handoff::Over { leg: LegId::caller(leg.call), end });
        }
        match event {
            Some(event) => self.center.handle(at, event),
            None => self.center.handle_timeout(at),
        }
        self.wanted.extend(std::iter::from_fn(|| self.center.poll_command()));
        self.tell_steps(at);
    }

    fn poll_command(&mut self) -> Option<Command> {
        self.wanted.pop_front()
    }

    /// Writes down what happened.
    fn carry_out(&mut self, at: Timestamp, command: Command) {
        if let Some(what) = self.done(at, command) {
            self.out += &stamped(self.start, at, '<', &what);
        }
    }

    fn poll_event(&mut self, at: Timestamp) -> Option<Event> {
        self.front_says(at)
    }

    fn input_over(&mut self, at: Timestamp) {
        self.center.check(at);
        self.tell_agents(at);
    }
}
