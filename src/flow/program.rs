//! A flow that can run: steps in the order of the file, and their expressions, compiled.
//!
//! **Invariant:** every step an exit names exists, every input step has a way out, and no loop runs
//! without waiting. Only [`parse`](crate::flow::parse()) makes one.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::flow::code::Code;
use crate::flow::diagnostic::Diagnostic;
use crate::flow::exit::StepId;
use crate::flow::expr::{Engine, Template, View};
use crate::flow::port::{Context, Facts, QueueRequest};
use crate::flow::run::{Run, Turn};
use crate::flow::text::Part;
use crate::flow::values::Values;
use crate::flow::verb::{EntersQueue, FixedNumber, Verb};
use crate::words::{Need, Prompt};

/// Places in the queue that are announced from sounds made when the flow was loaded.
const POSITIONS_PREPARED: u32 = 10;

pub struct Flow {
    pub(in crate::flow) name: Arc<str>,
    /// As it was called when it was read, and all of it: for messages about it later.
    pub(in crate::flow) file: Arc<str>,
    pub(in crate::flow) source: Arc<str>,
    pub(in crate::flow) languages_span: Range<usize>,
    pub(in crate::flow) version: Arc<str>,
    pub(in crate::flow) numbers: Vec<Arc<str>>,
    pub(in crate::flow) languages: Vec<Arc<str>>,
    pub(in crate::flow) steps: Vec<Node>,
    pub(in crate::flow) start: StepId,
    pub(in crate::flow) on_error: StepId,
    pub(in crate::flow) on_hangup: Option<StepId>,
    /// The built-in apology; it cannot fail.
    pub(in crate::flow) sorry: StepId,
    pub(in crate::flow) engine: Engine,
    /// What is heard, and where it is written.
    pub(in crate::flow) places: Vec<(Range<usize>, Part)>,
    pub(in crate::flow) warnings: Vec<Diagnostic>,
}

/// A step with its name and place.
pub(in crate::flow) struct Node {
    pub(in crate::flow) name: Arc<str>,
    /// Counted from 1; 0 for a built-in step.
    pub(in crate::flow) line: u32,
    pub(in crate::flow) span: Range<usize>,
    pub(in crate::flow) verb: &'static str,
    pub(in crate::flow) step: Box<dyn Verb>,
    pub(in crate::flow) on_error: Option<StepId>,
    /// Keys pressed here may be part of a secret.
    pub(in crate::flow) secret: bool,
}

/// One step, for graphs and lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepInfo<'a> {
    pub name: &'a str,
    pub verb: &'static str,
    /// Counted from 1; 0 for a built-in step.
    pub line: u32,
    /// What an exit is called, and the step it leads to.
    pub exits: Vec<(String, &'a str)>,
}

/// What one step needs of the front that carries the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed<'a> {
    /// Empty for what the flow needs as a whole.
    pub step: &'a str,
    /// The step's; empty as well.
    pub verb: &'static str,
    pub need: Need,
    pub(in crate::flow) span: Range<usize>,
}

/// A number a flow dials, whoever calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialed<'a> {
    pub step: &'a str,
    pub to: &'a str,
    pub trunk: Option<&'a str>,
    pub place: Range<usize>,
}

/// A queue a flow enters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueUse<'a> {
    pub queue: &'a str,
    /// Where the intent is the same for every caller.
    pub intent: Option<&'a str>,
}

impl std::fmt::Debug for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flow")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("steps", &self.steps.len())
            .finish_non_exhaustive()
    }
}

/// The language of a tag, whatever the region.
fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or_default()
}

impl Flow {
    /// Which of its languages is meant: `es-MX` finds `es-MX`, then `es`, then any other `es-…`.
    pub(in crate::flow) fn find_language(&self, language: &str) -> Option<usize> {
        let known = |is: &dyn Fn(&str) -> bool| self.languages.iter().position(|tag| is(tag));
        let wanted = primary(language);
        known(&|tag| tag.eq_ignore_ascii_case(language))
            .or_else(|| known(&|tag| tag.eq_ignore_ascii_case(wanted)))
            .or_else(|| known(&|tag| primary(tag).eq_ignore_ascii_case(wanted)))
    }

    /// The stem of the file.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Twelve hexadecimal digits that change whenever the file does.
    #[must_use]
    pub fn version(&self) -> &Arc<str> {
        &self.version
    }

    /// What it was read from: the name of its file, and all of the file.
    #[must_use]
    pub fn source(&self) -> (&str, &str) {
        (&self.file, &self.source)
    }

    /// Dialed numbers that enter here, as written; `*` takes what no other flow does.
    #[must_use]
    pub fn numbers(&self) -> &[Arc<str>] {
        &self.numbers
    }

    /// At least one; the first is spoken to callers whose language is unknown or not spoken here.
    #[must_use]
    pub fn languages(&self) -> &[Arc<str>] {
        &self.languages
    }

    /// What is probably not as its author meant.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The name of the first step.
    #[must_use]
    pub fn start(&self) -> &str {
        &self.node(self.start).name
    }

    /// All steps in the order of the file, then the built-in ones.
    pub fn steps(&self) -> impl Iterator<Item = StepInfo<'_>> {
        self.steps.iter().map(|node| {
            let exits = node.step.exits().into_iter();
            let mut exits: Vec<(String, &str)> =
                exits.map(|exit| (exit.label, &*self.node(exit.to).name)).collect();
            exits.extend(node.on_error.map(|to| ("on_error".to_owned(), &*self.node(to).name)));
            StepInfo { name: &node.name, verb: node.verb, line: node.line, exits }
        })
    }

    /// What the flow and its steps need of a front, in the order of the file.
    #[must_use]
    pub fn needs(&self) -> Vec<Needed<'_>> {
        let languages = self.languages.iter().map(|language| Needed {
            step: "",
            verb: "",
            need: Need::Language(language.to_string()),
            span: self.languages_span.clone(),
        });
        // The built-in steps are in no line, and need what every call does.
        let written = self.steps.iter().filter(|node| node.line > 0);
        let steps = written.flat_map(|node| {
            let needs = node.step.needs().into_iter();
            needs.map(|need| {
                let (step, verb, span) = (&*node.name, node.verb, node.span.clone());
                Needed { step, verb, need, span }
            })
        });
        languages.chain(steps).collect()
    }

    /// Something to say about what a step needs, with its place in the file.
    #[must_use]
    pub fn remark(
        &self,
        code: &'static Code,
        needed: &Needed<'_>,
        message: String,
        help: Option<String>,
    ) -> Diagnostic {
        let place = (&*self.file, &*self.source, needed.span.clone());
        Diagnostic::about(place, code, message, help)
    }

    /// The same about a place of the file.
    #[must_use]
    pub fn remark_at(
        &self,
        code: &'static Code,
        place: Range<usize>,
        message: String,
        help: Option<String>,
    ) -> Diagnostic {
        Diagnostic::about((&*self.file, &*self.source, place), code, message, help)
    }

    /// The numbers outside that are dialed for every caller alike.
    #[must_use]
    pub fn dialed(&self) -> Vec<Dialed<'_>> {
        let fixed = self.steps.iter().filter_map(|node| {
            let FixedNumber { to, trunk, place } = node.step.dials()?;
            Some(Dialed { step: &node.name, to, trunk, place })
        });
        fixed.collect()
    }

    /// Where the flow says what comes to this sound; `None` where it never does.
    #[must_use]
    pub fn place_of(&self, prompt: &Prompt) -> Option<Range<usize>> {
        let written = self.places.iter().find(|(_, part)| match part {
            Part::Fixed(own) => own == prompt,
            Part::Words { language, template } => {
                let mut made = Vec::new();
                self.prepare(language, template, &mut made);
                made.contains(prompt)
            }
        });
        let step =
            || self.steps.iter().find(|node| node.step.wait_sound().as_ref() == Some(prompt));
        let built_in = || self.static_prompts().contains(prompt).then_some(0..0);
        written
            .map(|(place, _)| place.clone())
            .or_else(|| step().map(|node| node.span.clone()))
            .or_else(built_in)
    }

    /// The queues this flow enters, sorted, each pair once.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueUse<'_>> {
        let entered = self.enter_queues();
        let used = entered.map(|step| QueueUse { queue: step.queue(), intent: step.intent() });
        let mut queues: Vec<QueueUse<'_>> = used.collect();
        queues.sort();
        queues.dedup();
        queues
    }

    /// The first step that enters this queue.
    #[must_use]
    pub fn step_into(&self, queue: &str) -> Option<&str> {
        let enters = |node: &&Node| node.step.enters().is_some_and(|it| it.queue() == queue);
        self.steps.iter().find(enters).map(|node| &*node.name)
    }

    fn enter_queues(&self) -> impl Iterator<Item = &dyn EntersQueue> {
        self.steps.iter().filter_map(|node| node.step.enters())
    }

    /// What an agent who talks to the caller of `run` asks of a queue, as the first step here that
    /// enters it would for the caller; `None` where no step does. The call may be in another flow.
    #[must_use]
    pub fn consult_request(
        &self,
        run: &Run,
        context: &Context,
        queue: &str,
    ) -> Option<QueueRequest> {
        let turn = Turn { flow: self, context, out: &mut Vec::new() };
        let step = self.enter_queues().find(|step| step.queue() == queue);
        Some(step?.consult_request(run, &turn))
    }

    /// How many digits a `collect` step asks for, at least and at most, and the key that ends them;
    /// `None` for every other step.
    #[must_use]
    pub fn digits(&self, step: &str) -> Option<(usize, usize, Option<char>)> {
        let node = self.steps.iter().find(|node| *node.name == *step)?;
        node.step.digits()
    }

    /// Skills the queues of this flow ask for by name, sorted; a skill that a template names is not
    /// among them.
    #[must_use]
    pub fn skills(&self) -> BTreeSet<&str> {
        self.enter_queues().flat_map(|step| step.skills()).collect()
    }

    /// Whether a template names a skill, so that the flow may ask for any.
    #[must_use]
    pub fn asks_any_skill(&self) -> bool {
        self.enter_queues().any(|step| step.asks_any_skill())
    }

    /// What callers may say at each menu: the step, where the phrase leads, the phrases.
    pub fn phrases(&self) -> impl Iterator<Item = (&str, &str, &[String])> {
        self.steps.iter().flat_map(move |node| {
            let phrases = node.step.phrases();
            phrases
                .iter()
                .map(move |(to, said)| (&*node.name, &*self.node(*to).name, said.as_slice()))
        })
    }

    /// Every sound that can be made before the first call: what is the same for all callers, what a
    /// caller we do not know hears, and the first places in the queue. Sorted, each once.
    #[must_use]
    pub fn static_prompts(&self) -> Vec<Prompt> {
        let mut prompts = Vec::new();
        for node in &self.steps {
            for part in node.step.speeches().into_iter().flat_map(|speech| speech.parts()) {
                match part {
                    Part::Fixed(prompt) => prompts.push(prompt.clone()),
                    Part::Words { language, template } => {
                        self.prepare(language, template, &mut prompts);
                    }
                }
            }
            prompts.extend(node.step.wait_sound());
        }
        prompts.sort();
        prompts.dedup();
        prompts
    }

    /// The steps of the file by name, in its order.
    pub fn step_names(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter(|node| node.line > 0).map(|node| &*node.name)
    }

    /// A step of the file.
    pub(in crate::flow) fn find(&self, name: &str) -> Option<StepId> {
        let named = |node: &Node| node.line > 0 && *node.name == *name;
        self.steps.iter().position(named).map(StepId)
    }

    pub(in crate::flow) fn node(&self, step: StepId) -> &Node {
        self.steps.get(step.0).expect("exits were resolved against these steps")
    }

    /// Renders a template for callers we know nothing about, where that is enough to render it.
    fn prepare(&self, language: &Arc<str>, template: &Template, prompts: &mut Vec<Prompt>) {
        let names = self.engine.names_in_text(template);
        let root = |name: &String| name.split('.').next().unwrap_or_default().to_owned();
        let roots: Vec<String> = names.iter().map(root).collect();
        if !roots.iter().all(|root| ["caller", "language", "queue"].contains(&root.as_str())) {
            return;
        }
        let in_queue = roots.iter().any(|root| root == "queue");
        let by_position = in_queue && !names.iter().any(|name| name == "queue.waiting");
        let positions = match (in_queue, by_position) {
            (false, _) => vec![None],
            (true, true) => (1..=POSITIONS_PREPARED).map(Some).collect(),
            (true, false) => Vec::new(),
        };
        let stranger = Values::from_iter([("known", false.into())]);
        for position in positions {
            let view = View {
                knows: Arc::new(Facts { caller: stranger.clone(), ..Facts::default() }),
                language: Arc::clone(language),
                intent: None,
                vars: Arc::default(),
                context: Context { position, ..Context::default() },
            };
            let Ok(text) = self.engine.render(template, view) else { continue };
            if !text.is_empty() {
                let language = Arc::clone(language);
                prompts.push(Prompt::Text { language, text: text.into() });
            }
        }
    }
}
