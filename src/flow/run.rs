//! One call's way through a flow.
//!
//! **Invariant:** one input leads through at most [`STEPS_PER_INPUT_MAX`] steps (and as many again
//! of `on_error`) and ends with the call waiting for something, or over.
//!
//! **Deliberately absent:** the call. A run says what should happen; `center` does it.

mod saved;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use minijinja::value::{Serde, Value};
use serde::{Deserialize, Serialize};

use crate::flow::exit::{Next, StepId};
use crate::flow::expr::{Expression, Variable, View};
use crate::flow::kept::Kept;
use crate::flow::late::Late;
use crate::flow::port::{Context, Effect, Input, Knows, RecordRequest};
use crate::flow::program::Flow;
use crate::flow::text::{Speaker, Speech, Text};
use crate::time::Timestamp;
use crate::words::{Digit, Listen, Prompt};

pub use saved::SavedRun;

/// Steps one input may lead through without waiting for anything. A flow is checked for loops when
/// it is loaded, and real ones stay below 20; what comes here goes to `on_error`.
pub const STEPS_PER_INPUT_MAX: u32 = 64;

/// Keys pressed ahead of the step they are for. Further ones are not heard.
pub const TYPE_AHEAD_MAX: usize = 32;

/// Failed steps of one call before the built-in apology ends it.
pub const FAILURES_MAX: u8 = 3;

/// Steps of one call: no line that stays open goes round a menu for ever.
pub const STEPS_PER_CALL_MAX: u32 = 5_000;

/// A prompt whose end was not reported by then counts as heard.
const PROMPT_MAX: Duration = Duration::from_secs(600);

/// A call in its flow. It keeps the flow it began with, whatever is reloaded meanwhile.
#[derive(Clone)]
pub struct Run {
    flow: Arc<Flow>,
    knows: Arc<dyn Knows>,
    vars: Arc<BTreeMap<Arc<str>, Variable>>,
    intent: Option<Arc<str>>,
    language: usize,
    at: Option<StepId>,
    /// What the verb of its step keeps.
    pub(in crate::flow) kept: Kept,
    phase: Phase,
    playing: Playing,
    /// A prompt is to stop, unless another one replaces it in the same turn.
    stop: bool,
    deadline: Option<Timestamp>,
    /// Typed ahead, each with the time it was pressed.
    keys: VecDeque<(char, Timestamp)>,
    /// When the key was pressed that came last, and the one that a step took last.
    pressed: Timestamp,
    taken: Timestamp,
    /// The key that ends an input, where it may still come for one that was decided without it.
    late_finish: Option<(Late, Timestamp)>,
    /// Such a key, typed ahead and out of habit: the step reached next may list it.
    spare: Option<(char, Timestamp)>,
    /// The last input was such a key.
    absorbed: bool,
    failures: u8,
    steps: u32,
    /// How often each step that counts has gone round, by its name.
    pub(in crate::flow) rounds: BTreeMap<Arc<str>, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Live,
    /// The caller left; `on_hangup` runs.
    CallerGone,
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Playing {
    Nothing,
    /// Its end will be reported.
    Once,
    UntilReplaced,
}

/// What one input brings along, and where its effects go.
pub(in crate::flow) struct Turn<'a> {
    pub(in crate::flow) flow: &'a Flow,
    pub(in crate::flow) context: &'a Context,
    pub(in crate::flow) out: &'a mut Vec<Effect>,
}

/// Variables and keys are left out: they may be secret.
impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("flow", &self.flow.name)
            .field("at", &self.at())
            .field("kept", &self.kept)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl Run {
    #[must_use]
    pub fn new(flow: Arc<Flow>, knows: impl Knows + 'static) -> Self {
        let language = knows.language().and_then(|language| flow.find_language(language));
        let language = language.unwrap_or(0);
        Self {
            flow,
            knows: Arc::new(knows),
            vars: Arc::default(),
            intent: None,
            language,
            at: None,
            kept: Kept::default(),
            phase: Phase::Live,
            playing: Playing::Nothing,
            stop: false,
            deadline: None,
            keys: VecDeque::new(),
            pressed: Timestamp::default(),
            taken: Timestamp::default(),
            late_finish: None,
            spare: None,
            absorbed: false,
            failures: 0,
            steps: 0,
            rounds: BTreeMap::new(),
        }
    }

    /// Takes one input and appends what should happen because of it. An input that does not fit
    /// (late, or after the end) does nothing.
    pub fn handle(&mut self, context: &Context, input: Input, out: &mut Vec<Effect>) {
        let flow = Arc::clone(&self.flow);
        let turn = &mut Turn { flow: &flow, context, out };
        let Some(next) = self.take(turn, input) else { return };
        self.walk(turn, next);
        if std::mem::take(&mut self.stop) && self.phase == Phase::Live {
            turn.out.push(Effect::StopPlay);
        }
    }

    /// When to hand in [`Input::Timer`]. Not while the caller talks to a party: then nothing the
    /// run could say would be heard.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    /// Whether a key pressed now may be part of a secret, and must not be written down.
    #[must_use]
    pub fn secret(&self) -> bool {
        self.at.is_some_and(|at| self.flow.node(at).secret) && self.phase == Phase::Live
    }

    /// What is heard while the call waits in a queue, or for a party to answer.
    #[must_use]
    pub fn waits_with(&self) -> Option<Prompt> {
        self.flow.node(self.at?).step.wait_sound()
    }

    /// Whether it waits for the reply to a question.
    #[must_use]
    pub fn awaits_reply(&self) -> bool {
        let awaits = |at| self.flow.node(at).step.awaits_reply();
        self.phase == Phase::Live && self.at.is_some_and(awaits)
    }

    /// The keys it waits for, or will when it has said what it says.
    #[must_use]
    pub fn listens(&self) -> Option<Listen> {
        let at = self.at.filter(|_| self.phase == Phase::Live)?;
        let listen = self.flow.node(at).step.listens(self)?;
        Some(Listen { secret: self.flow.node(at).secret, ..listen })
    }

    pub(in crate::flow) fn no_barge_in(&self) -> bool {
        let barge_in = |at| self.flow.node(at).step.nature().barge_in;
        self.is_speaking() && !self.at.is_none_or(barge_in)
    }

    /// The language spoken now, one of the flow's.
    #[must_use]
    pub fn language(&self) -> &Arc<str> {
        &self.flow.languages[self.language]
    }

    /// What steps have set, as text, without secrets.
    #[must_use]
    pub fn vars(&self) -> BTreeMap<String, String> {
        let open = self.vars.iter().filter(|(_, variable)| !variable.secret);
        open.map(|(name, variable)| (name.to_string(), variable.value.to_string())).collect()
    }

    #[must_use]
    pub fn intent(&self) -> Option<&Arc<str>> {
        self.intent.as_ref()
    }

    /// The step the call is at; none before [`Input::Start`].
    #[must_use]
    pub fn at(&self) -> Option<&Arc<str>> {
        self.at.map(|at| &self.flow.node(at).name)
    }

    #[must_use]
    pub fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// The flow has nothing more to do for this call.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Ended
    }

    fn take(&mut self, turn: &mut Turn<'_>, input: Input) -> Option<Next> {
        let absorbed = std::mem::take(&mut self.absorbed);
        self.spare = None;
        let Some(at) = self.at.filter(|_| self.phase == Phase::Live) else {
            return self.begin(turn, &input);
        };
        let step = &*turn.flow.node(at).step;
        Some(match input {
            Input::Start => return None,
            Input::HungUp => self.hung_up(turn),
            Input::Sent { step, vars } => return self.sent(turn, &step, &vars),
            Input::Timer => {
                if self.deadline.is_none_or(|deadline| turn.context.now < deadline) {
                    return None;
                }
                self.deadline = None;
                if self.playing == Playing::Once {
                    self.playing = Playing::Nothing;
                    step.prompt_done(self, turn)
                } else {
                    step.time_passed(self, turn)
                }
            }
            Input::PromptDone => {
                if self.playing != Playing::Once {
                    return None;
                }
                self.playing = Playing::Nothing;
                self.deadline = None;
                step.prompt_done(self, turn)
            }
            Input::Silence => {
                // A late key ended what the front collected; no caller waited in vain.
                if absorbed || self.is_speaking() || !step.is_input() {
                    return None;
                }
                self.deadline = None;
                step.time_passed(self, turn)
            }
            Input::Digit(digit) if self.is_late(turn, at, digit) => {
                self.absorbed = true;
                return None;
            }
            Input::Digit(digit) => {
                self.pressed = turn.context.now;
                step.key_pressed(self, turn, digit)
            }
            Input::Queue(outcome) => step.left_queue(self, turn, outcome),
            Input::Transfer(outcome) => step.transferred(self, turn, outcome),
            Input::Recorded(outcome) => step.recorded(self, turn, outcome),
            Input::Replied(reply) => step.replied(self, turn, reply),
        })
    }

    /// The first input leads to the first step, or to the one that it names.
    fn begin(&mut self, turn: &Turn<'_>, input: &Input) -> Option<Next> {
        if self.phase != Phase::Live {
            return None;
        }
        if let Input::Sent { step, vars } = input {
            return self.sent(turn, step, vars);
        }
        (*input == Input::Start).then_some(Next::Goto(turn.flow.start))
    }

    fn sent(
        &mut self,
        turn: &Turn<'_>,
        step: &str,
        vars: &BTreeMap<String, serde_json::Value>,
    ) -> Option<Next> {
        let step = turn.flow.find(step)?;
        for (name, value) in vars {
            let variable = Variable { value: Value::from(Serde(value)), secret: false };
            self.set_var(&name.as_str().into(), Some(variable));
        }
        self.clear_keys();
        self.late_finish = None;
        Some(Next::Goto(step))
    }

    fn hung_up(&mut self, turn: &Turn<'_>) -> Next {
        self.phase = Phase::CallerGone;
        self.kept.clear();
        self.deadline = None;
        self.keys.clear();
        turn.flow.on_hangup.map_or(Next::End, Next::Goto)
    }

    fn walk(&mut self, turn: &mut Turn<'_>, mut next: Next) {
        let mut left = STEPS_PER_INPUT_MAX;
        let mut stuck = false;
        loop {
            next = match next {
                Next::Wait if self.phase == Phase::Live => return,
                Next::Wait | Next::End => return self.end(),
                Next::Goto(_) if left == 0 && stuck => {
                    self.failures = FAILURES_MAX;
                    left = 1; // the apology; it waits or ends
                    self.fail(turn, "on_error takes too many steps".to_owned())
                }
                Next::Goto(_) if left == 0 => {
                    stuck = true;
                    left = STEPS_PER_INPUT_MAX;
                    self.fail(turn, format!("{STEPS_PER_INPUT_MAX} steps without waiting"))
                }
                Next::Goto(_) if self.steps >= STEPS_PER_CALL_MAX => {
                    self.steps = 0;
                    self.failures = FAILURES_MAX;
                    self.fail(turn, format!("{STEPS_PER_CALL_MAX} steps in one call"))
                }
                Next::Goto(step) => {
                    left -= 1;
                    self.steps += 1;
                    self.enter(turn, step)
                }
                Next::Fail(why) => self.fail(turn, why),
            };
        }
    }

    fn enter(&mut self, turn: &mut Turn<'_>, step: StepId) -> Next {
        let node = turn.flow.node(step);
        self.at = Some(step);
        self.kept.clear();
        self.deadline = None;
        turn.out.push(Effect::Entered { step: Arc::clone(&node.name) });
        if self.spare.is_some()
            && node.step.nature().waits
            && let Some((key, pressed)) = self.spare.take()
            && node.step.lists(key)
        {
            self.keys.push_front((key, pressed));
        }
        node.step.enter(self, turn)
    }

    /// Goes to `on_error`: the step's, or the flow's; to the built-in apology when that fails too.
    fn fail(&mut self, turn: &mut Turn<'_>, why: String) -> Next {
        let at = self.at.unwrap_or(turn.flow.start);
        let node = turn.flow.node(at);
        turn.out.push(Effect::Failed { step: Arc::clone(&node.name), why });
        if self.phase != Phase::Live {
            return Next::End;
        }
        assert!(at != turn.flow.sorry, "the built-in apology is fixed text, which cannot fail");
        self.failures = self.failures.saturating_add(1);
        let target = node.on_error.unwrap_or(turn.flow.on_error);
        if self.failures > FAILURES_MAX || target == at {
            return Next::Goto(turn.flow.sorry);
        }
        Next::Goto(target)
    }

    /// What `on_error` is for, at a step with an exit of its own for it.
    pub(in crate::flow) fn fail_to(
        &self,
        turn: &mut Turn<'_>,
        exit: Option<StepId>,
        why: impl Into<String>,
    ) -> Next {
        let Some(exit) = exit else { return Next::Fail(why.into()) };
        turn.out.push(Effect::Failed { step: self.step_name(), why: why.into() });
        Next::Goto(exit)
    }

    fn end(&mut self) {
        self.phase = Phase::Ended;
        self.kept.clear();
        self.deadline = None;
        self.keys.clear();
    }

    /// Whether this key ends an input that was decided without it. It does so only if it is the
    /// next one, whatever steps the call has gone through since; a key of habit gives way to a
    /// step that lists it.
    fn is_late(&mut self, turn: &Turn<'_>, at: StepId, digit: Digit) -> bool {
        let Some((late, until)) = self.late_finish.take() else { return false };
        let is_listed = late.is_habit && turn.flow.node(at).step.lists(late.key);
        late.key == digit.as_char() && turn.context.now <= until && !is_listed
    }
}

/// What steps may do.
impl Run {
    /// Plays once; the end will be reported.
    pub(in crate::flow) fn play(&mut self, turn: &mut Turn<'_>, prompts: Vec<Prompt>) {
        self.playing = Playing::Once;
        self.stop = false;
        self.wait(turn, PROMPT_MAX);
        turn.out.push(Effect::Play { prompts, repeat: false });
    }

    /// Plays until something else does.
    pub(in crate::flow) fn play_on(&mut self, turn: &mut Turn<'_>, prompt: Prompt) {
        self.playing = Playing::UntilReplaced;
        self.stop = false;
        turn.out.push(Effect::Play { prompts: vec![prompt], repeat: true });
    }

    /// Records the caller in place of what plays.
    pub(in crate::flow) fn record(&mut self, turn: &mut Turn<'_>, request: RecordRequest) {
        self.playing = Playing::Nothing;
        self.stop = false;
        turn.out.push(Effect::Record(Box::new(request)));
    }

    /// Stops what is being said.
    pub(in crate::flow) fn stop_prompt(&mut self) {
        if self.playing == Playing::Once {
            self.stop_sound();
        }
    }

    /// Stops whatever plays, also what would until replaced.
    pub(in crate::flow) fn stop_sound(&mut self) {
        if self.playing != Playing::Nothing {
            self.playing = Playing::Nothing;
            self.deadline = None;
            self.stop = true;
        }
    }

    pub(in crate::flow) fn is_speaking(&self) -> bool {
        self.playing == Playing::Once
    }

    /// Asks to be woken after `time`.
    pub(in crate::flow) fn wait(&mut self, turn: &Turn<'_>, time: Duration) {
        self.deadline = Some(turn.context.now + time);
    }

    pub(in crate::flow) fn has_caller(&self) -> bool {
        self.phase == Phase::Live
    }

    pub(in crate::flow) fn step_name(&self) -> Arc<str> {
        self.at().map_or_else(|| Arc::from(""), Arc::clone)
    }

    pub(in crate::flow) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    pub(in crate::flow) fn keep_key(&mut self, digit: Digit) {
        if self.keys.len() < TYPE_AHEAD_MAX {
            self.keys.push_back((digit.as_char(), self.pressed));
        }
    }

    pub(in crate::flow) fn next_key(&mut self) -> Option<char> {
        let (key, pressed) = self.keys.pop_front()?;
        self.taken = pressed;
        Some(key)
    }

    pub(in crate::flow) fn return_key(&mut self, key: char) {
        self.keys.push_front((key, self.taken));
    }

    /// Forgets what was typed ahead. A key that may still end an earlier input is not ahead.
    pub(in crate::flow) fn clear_keys(&mut self) {
        self.keys.clear();
        self.spare = None;
    }

    /// An input was decided without the key that ends one. Where that key is the next, it belongs
    /// to this input and acts on no later step; typed ahead, too, it must soon follow the last key.
    pub(in crate::flow) fn absorb(&mut self, turn: &Turn<'_>, late: Late) {
        match self.keys.front().copied() {
            Some((key, pressed)) if key == late.key && pressed <= self.taken + late.within => {
                self.keys.pop_front();
                self.spare = Some((key, pressed)).filter(|_| late.is_habit);
            }
            Some(_) => {}
            None => self.late_finish = Some((late, turn.context.now + late.within)),
        }
    }

    /// Sets or removes a variable; returns what it was.
    pub(in crate::flow) fn set_var(
        &mut self,
        name: &Arc<str>,
        variable: Option<Variable>,
    ) -> Option<Variable> {
        let vars = Arc::make_mut(&mut self.vars);
        match variable {
            Some(variable) => vars.insert(Arc::clone(name), variable),
            None => vars.remove(name),
        }
    }

    /// What the network says of the caller, empty where the number is withheld.
    pub(in crate::flow) fn caller_number(&self) -> Arc<str> {
        self.knows.caller().text("number")
    }

    pub(in crate::flow) fn call_id(&self) -> Arc<str> {
        self.knows.call().text("id")
    }

    pub(in crate::flow) fn intend(&mut self, intent: &Arc<str>) {
        self.intent = Some(Arc::clone(intent));
    }

    /// Speaks `language` from now on, if the flow does.
    pub(in crate::flow) fn speak(&mut self, flow: &Flow, language: &str) {
        if let Some(language) = flow.find_language(language) {
            self.language = language;
        }
    }

    /// The prompts of a speech, in the caller's language.
    pub(in crate::flow) fn words(
        &self,
        turn: &Turn<'_>,
        speech: &Speech,
    ) -> Result<Vec<Prompt>, String> {
        let view = || self.view(turn.context);
        let speaker = Speaker { engine: &turn.flow.engine, language: self.language, view: &view };
        speech.all(&speaker)
    }

    /// The prompt of a speech for the n-th time, counted from 0.
    pub(in crate::flow) fn nth_words(
        &self,
        turn: &Turn<'_>,
        speech: &Speech,
        n: usize,
    ) -> Result<Option<Prompt>, String> {
        let view = || self.view(turn.context);
        let speaker = Speaker { engine: &turn.flow.engine, language: self.language, view: &view };
        speech.nth(&speaker, n)
    }

    pub(in crate::flow) fn render(&self, turn: &Turn<'_>, text: &Text) -> Result<Arc<str>, String> {
        text.render(&turn.flow.engine, &|| self.view(turn.context))
    }

    pub(in crate::flow) fn holds(
        &self,
        turn: &Turn<'_>,
        condition: &Expression,
    ) -> Result<bool, String> {
        turn.flow.engine.holds(condition, self.view(turn.context))
    }

    pub(in crate::flow) fn value(
        &self,
        turn: &Turn<'_>,
        expression: &Expression,
    ) -> Result<Value, String> {
        turn.flow.engine.value(expression, self.view(turn.context))
    }

    fn view(&self, context: &Context) -> View {
        View {
            knows: Arc::clone(&self.knows),
            language: Arc::clone(self.language()),
            voice: None,
            intent: self.intent.clone(),
            vars: Arc::clone(&self.vars),
            context: *context,
        }
    }
}
