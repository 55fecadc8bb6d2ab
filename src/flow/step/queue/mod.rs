//! `queue`: wait for an agent, with music, announcements and a way out.
//!
//! **Invariant:** an announcement is only sound; whoever is bridged while it plays is bridged at
//! once.
//!
//! **Deliberately absent:** agents. The step says what the call needs; `acd` finds who has it.

mod options;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use toml::de::DeValue;

use crate::flow::build::{Build, Scope};
use crate::flow::code;
use crate::flow::exit::{Exit, Next, StepId};
use crate::flow::option::Kind as _;
use crate::flow::port::{Effect, QueueOutcome, QueueRequest, Relax};
use crate::flow::read::{Item, Section};
use crate::flow::run::{Run, Turn};
use crate::flow::scan::{find_name, is_template};
use crate::flow::step::hangup;
use crate::flow::step::queue::options::{
    AFTER, AGENT, ANNOUNCE, ANNOUNCE_EVERY, ANNOUNCE_FIRST, EXIT, EXIT_KEY, FULL, INTENT, LEVEL,
    LOWER, MUSIC_AND_POSITION, NEXT, NO_AGENTS, PREFER, PREFER_TABLE, PREFER_WAIT, PRIORITY,
    PRIORITY_DEFAULT, PRIORITY_MAX, QUEUE, RELAX, RELAX_MAX, RELAX_TABLE, RING_TIMEOUT, SKILLS,
    SKILLS_MAX, TIMEOUT, WAIT, WAIT_MAX,
};
use crate::flow::text::{Part, Speech, Text};
use crate::flow::verb::{EntersQueue, Nature, Verb};
use crate::flow::wait_sound::WaitSound;
use crate::words::{Digit, Listen, Need, Overflow, Prompt};

pub(in crate::flow) use options::REFERENCE;

struct Queue {
    queue: Arc<str>,
    skills: Vec<(Text, u8)>,
    priority: Text,
    relax: Vec<Relax>,
    intent: Option<Text>,
    sound: WaitSound,
    announcements: Option<Announcements>,
    announcement: Speech,
    exit_key: Option<char>,
    wait_max: Duration,
    ring_timeout: Option<Duration>,
    prefer: Option<(Text, Duration)>,
    exits: Exits,
}

struct Announcements {
    first: Duration,
    every: Duration,
    /// Without a place in the queue there would be nothing true to say.
    needs_position: bool,
}

#[derive(Default)]
struct Exits {
    next: Option<StepId>,
    full: Option<StepId>,
    timeout: Option<StepId>,
    no_agents: Option<StepId>,
    exit: Option<StepId>,
}

pub(in crate::flow) fn read<'a>(
    build: &Build<'a>,
    name: &str,
    section: &Section<'a>,
) -> Option<Box<dyn Verb>> {
    Some(Box::new(Queue::new(build, name, section)))
}

impl Queue {
    fn new<'a>(build: &Build<'a>, name: &str, section: &Section<'a>) -> Self {
        let (announcements, announcement) = read_announcements(build, section);
        let intent = section.string(&INTENT);
        let queue = Self {
            queue: read_queue(build, name, section),
            skills: read_skills(build, section),
            priority: read_priority(build, section),
            relax: read_relax(build, section),
            intent: intent.map(|(text, span)| build.text(section, INTENT.name, text, span)),
            sound: WaitSound::read(build, section, &WAIT),
            announcements,
            announcement,
            exit_key: section.key(&EXIT_KEY),
            wait_max: section.seconds(&WAIT_MAX),
            ring_timeout: section.may_seconds(&RING_TIMEOUT),
            prefer: read_prefer(build, section),
            exits: Exits {
                next: build.exit(section, &NEXT),
                full: build.exit(section, &FULL),
                timeout: build.exit(section, &TIMEOUT),
                no_agents: build.exit(section, &NO_AGENTS),
                exit: build.exit(section, &EXIT),
            },
        };
        match (queue.exit_key, queue.exits.exit) {
            (Some(_), None) => {
                section.missing(EXIT.name, Some("say where the `exit_key` leads".to_owned()));
            }
            (None, Some(_)) if section.get(&EXIT_KEY).is_none() => {
                section.missing(EXIT_KEY.name, Some("say which key leads to `exit`".to_owned()));
            }
            (_, Some(_)) | (None, None) => {}
        }
        check_relax(build, section, &queue);
        check_staff(build, section, &queue);
        queue
    }

    /// What every call must find, by skill.
    fn fixed_skills(&self) -> BTreeMap<&str, u8> {
        let fixed = self.skills.iter().filter_map(|(name, level)| match name {
            Text::Fixed(name) => Some((&**name, *level)),
            Text::Template(_) => None,
        });
        fixed.collect()
    }

    fn request(
        &self,
        run: &Run,
        turn: &Turn<'_>,
    ) -> Result<(Option<Arc<str>>, QueueRequest), String> {
        let intent = self.intent.as_ref().map(|intent| run.render(turn, intent)).transpose()?;
        let skills = self.skills.iter().map(|(name, level)| Ok((run.render(turn, name)?, *level)));
        let skills = demands(skills.collect::<Result<Vec<_>, String>>()?);
        let prefer_agent = match &self.prefer {
            Some((agent, wait)) => {
                let agent = run.render(turn, agent)?;
                (!agent.is_empty()).then_some((agent, *wait))
            }
            None => None,
        };
        let request = QueueRequest {
            queue: Arc::clone(&self.queue),
            skills,
            priority: priority(&run.render(turn, &self.priority)?),
            relax: self.relax.clone(),
            wait_max: self.wait_max,
            ring_timeout: self.ring_timeout,
            prefer_agent,
        };
        Ok((intent, request))
    }

    fn announce(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        let Some(announcements) = &self.announcements else { return Next::Wait };
        if announcements.needs_position && turn.context.position.is_none() {
            run.wait(turn, announcements.every);
            return Next::Wait;
        }
        match run.words(turn, &self.announcement) {
            Ok(prompts) if !prompts.is_empty() => {
                run.play(turn, prompts);
            }
            // A wait goes on without words rather than end because of them.
            Ok(_) | Err(_) => run.wait(turn, announcements.every),
        }
        Next::Wait
    }

    fn resume(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        run.play_on(turn, self.sound.prompt());
        if let Some(announcements) = &self.announcements {
            run.wait(turn, announcements.every);
        }
        Next::Wait
    }

    fn left(&self, turn: &mut Turn<'_>, outcome: QueueOutcome) -> Next {
        let (exit, why) = match outcome {
            QueueOutcome::Handled => return hangup::next_or_hang_up(self.exits.next, turn),
            QueueOutcome::Overflowed(Overflow::Timeout) => {
                (self.exits.timeout, "`wait_s_max` passed")
            }
            QueueOutcome::Overflowed(Overflow::Full) => (self.exits.full, "the queue is full"),
            QueueOutcome::Overflowed(Overflow::NoAgents) => {
                (self.exits.no_agents, "no agent is there to answer")
            }
        };
        match exit {
            Some(step) => Next::Goto(step),
            None => Next::Fail(format!("{why}, and there is no exit for it")),
        }
    }
}

impl Verb for Queue {
    fn enter(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        let (intent, request) = match self.request(run, turn) {
            Ok(request) => request,
            Err(why) => return Next::Fail(why),
        };
        if let Some(intent) = intent.filter(|intent| !intent.is_empty()) {
            run.intend(&intent);
            turn.out.push(Effect::Intent(intent));
        }
        run.clear_keys();
        // The music first: an agent may be there at once, and nothing may replace the bridge.
        run.play_on(turn, self.sound.prompt());
        turn.out.push(Effect::Enqueue(Box::new(request)));
        if let Some(announcements) = &self.announcements {
            run.wait(turn, announcements.first);
        }
        Next::Wait
    }

    fn key_pressed(&self, _run: &mut Run, turn: &mut Turn<'_>, digit: Digit) -> Next {
        match self.exits.exit {
            Some(exit) if self.exit_key == Some(digit.as_char()) => {
                turn.out.push(Effect::LeaveQueue);
                Next::Goto(exit)
            }
            Some(_) | None => Next::Wait,
        }
    }

    fn prompt_done(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        self.resume(run, turn)
    }

    fn time_passed(&self, run: &mut Run, turn: &mut Turn<'_>) -> Next {
        self.announce(run, turn)
    }

    fn left_queue(&self, _run: &mut Run, turn: &mut Turn<'_>, outcome: QueueOutcome) -> Next {
        self.left(turn, outcome)
    }

    fn exits(&self) -> Vec<Exit> {
        let Exits { next, full, timeout, no_agents, exit } = &self.exits;
        let waited = [("next", next), ("timeout", timeout), ("exit", exit)];
        let at_once = [("full", full), ("no_agents", no_agents)];
        let waited = waited.into_iter().filter_map(|(label, to)| Some(Exit::waited(label, (*to)?)));
        let at_once =
            at_once.into_iter().filter_map(|(label, to)| Some(Exit::at_once(label, (*to)?)));
        waited.chain(at_once).collect()
    }

    fn nature(&self) -> Nature {
        Nature {
            waits: true,
            is_way_out: true,
            needs_no_caller: false,
            barge_in: true,
            passes_keys_on: false,
            is_secret: false,
        }
    }

    fn needs(&self) -> Vec<Need> {
        let exit_key = self.exit_key.map(|_| Need::ExitKey);
        [Need::Queue].into_iter().chain(exit_key).collect()
    }

    fn speeches(&self) -> Vec<&Speech> {
        vec![&self.announcement]
    }

    /// The exit key, while the call waits.
    fn listens(&self, _run: &Run) -> Option<Listen> {
        self.exit_key.map(|_| Listen::SKIP)
    }

    fn wait_sound(&self) -> Option<Prompt> {
        Some(self.sound.prompt())
    }

    fn enters(&self) -> Option<&dyn EntersQueue> {
        Some(self)
    }
}

impl EntersQueue for Queue {
    fn queue(&self) -> &str {
        &self.queue
    }

    fn intent(&self) -> Option<&str> {
        match &self.intent {
            Some(Text::Fixed(intent)) => Some(intent),
            Some(Text::Template(_)) | None => None,
        }
    }

    fn skills(&self) -> Vec<&str> {
        let demanded = self.skills.iter().filter_map(|(name, _)| match name {
            Text::Fixed(name) => Some(&**name),
            Text::Template(_) => None,
        });
        let relaxed = self.relax.iter().flat_map(|step| &step.levels).map(|(name, _)| &**name);
        demanded.chain(relaxed).collect()
    }

    fn asks_any_skill(&self) -> bool {
        self.skills.iter().any(|(name, _)| matches!(name, Text::Template(_)))
    }

    fn consult_request(&self, run: &Run, turn: &Turn<'_>) -> QueueRequest {
        let skills = self.skills.iter();
        let skills =
            skills.filter_map(|(name, level)| Some((run.render(turn, name).ok()?, *level)));
        let priority = run.render(turn, &self.priority);
        QueueRequest {
            queue: Arc::clone(&self.queue),
            skills: demands(skills.collect()),
            priority: priority.map_or(PRIORITY_DEFAULT, |text| self::priority(&text)),
            relax: self.relax.clone(),
            wait_max: self.wait_max,
            ring_timeout: self.ring_timeout,
            prefer_agent: None,
        }
    }
}

fn read_queue<'a>(build: &Build<'a>, step: &str, section: &Section<'a>) -> Arc<str> {
    let Some((name, span)) = section.string(&QUEUE) else { return step.into() };
    let kind = "no queue is declared as";
    build.declared(section, kind, build.known.queues.as_ref(), name, span);
    name.into()
}

fn read_skills<'a>(build: &Build<'a>, section: &Section<'a>) -> Vec<(Text, u8)> {
    let Some(item) = section.get(&SKILLS) else { return Vec::new() };
    let what = format!("{}, `{}`", section.what, SKILLS.name);
    let span = section.key_span(SKILLS.name);
    let Some(table) = Section::free(build.problems, what, span, item) else { return Vec::new() };
    let mut skills = Vec::new();
    for (name, span, item) in table.entries().take(SKILLS_MAX + 1) {
        if skills.len() == SKILLS_MAX {
            table.report(&code::LIMIT, span, format!("more than {SKILLS_MAX} skills"));
            break;
        }
        check_skill(build, &table, name, span.clone());
        let level = table.as_whole(name, item, LEVEL.range()).unwrap_or(1);
        let name = build.text(&table, name, name, span);
        skills.push((name, u8::try_from(level).unwrap_or(1)));
    }
    skills
}

fn check_skill<'a>(
    build: &Build<'a>,
    table: &Section<'a>,
    name: &str,
    span: std::ops::Range<usize>,
) {
    if !is_template(name) {
        let kind = "no agent has the skill";
        build.declared(table, kind, build.known.skills.as_ref(), name, span);
    }
}

fn read_priority<'a>(build: &Build<'a>, section: &Section<'a>) -> Text {
    let default = Text::Fixed(PRIORITY_DEFAULT.to_string().into());
    let Some(item) = section.get(&PRIORITY) else { return default };
    if let DeValue::Integer(_) = item.get_ref() {
        let number = section.as_whole(PRIORITY.name, item, PRIORITY.range());
        return number.map_or(default, |number| Text::Fixed(number.to_string().into()));
    }
    match section.as_string(PRIORITY.name, item) {
        Some((text, span)) if !is_template(text) => {
            section.error(span, "`priority` is a number from 1 to 10, or a template of one");
            default
        }
        Some((text, span)) => build.text(section, PRIORITY.name, text, span),
        None => default,
    }
}

/// Each skill once, at the highest level that is asked for.
fn demands(rendered: Vec<(Arc<str>, u8)>) -> Vec<(Arc<str>, u8)> {
    let mut skills: Vec<(Arc<str>, u8)> = Vec::with_capacity(rendered.len());
    for (name, level) in rendered {
        if name.is_empty() {
            continue; // `{{ caller.language }}` of an unknown caller
        }
        match skills.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = (*known).max(level),
            None => skills.push((name, level)),
        }
    }
    skills
}

/// A number out of range is moved into it; no number is the default.
fn priority(text: &str) -> u8 {
    let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    // In range it loses nothing.
    number.map_or(PRIORITY_DEFAULT, |number| number.clamp(1.0, PRIORITY_MAX.into()).round() as u8)
}

fn read_relax<'a>(build: &Build<'a>, section: &Section<'a>) -> Vec<Relax> {
    let Some(item) = section.get(&RELAX) else { return Vec::new() };
    let Some(items) = item.get_ref().as_array() else {
        section.wrong_type(RELAX.name, &RELAX.kind.is(), item);
        return Vec::new();
    };
    if items.len() > RELAX_MAX {
        let message = format!("`relax` has more than {RELAX_MAX} steps");
        section.report(&code::LIMIT, item.span(), message);
    }
    let mut steps = Vec::new();
    for (at, item) in items.iter().enumerate().take(RELAX_MAX) {
        let what = format!("{}, `relax` step {}", section.what, at + 1);
        let table = Section::new(build.problems, what, item.span(), item, &RELAX_TABLE);
        if let Some(table) = table {
            steps.push(read_relax_step(build, &table));
        }
    }
    if let Some(early) = steps.windows(2).position(|pair| pair[0].after > pair[1].after) {
        let at = items.get(early + 1).map_or(item.span(), toml::Spanned::span);
        section.error(at, "`relax` steps must come in the order of `after_s`");
    }
    steps
}

fn read_relax_step<'a>(build: &Build<'a>, table: &Section<'a>) -> Relax {
    let after =
        table.required(&AFTER).and_then(|item| table.as_seconds(AFTER.name, item, AFTER.range()));
    let mut levels = Vec::new();
    for (name, span, item) in table.entries().filter(|(name, ..)| *name != AFTER.name) {
        check_skill(build, table, name, span.clone());
        if is_template(name) {
            table.error(span, "a skill in `relax` cannot be a template");
            continue;
        }
        let level = table.as_whole(name, item, LOWER.range()).unwrap_or(0);
        levels.push((name.into(), u8::try_from(level).unwrap_or(0)));
    }
    if levels.is_empty() {
        table.error(table.span.clone(), "names no skill; level 0 drops one");
    }
    Relax { after: after.unwrap_or_default(), levels }
}

/// Relaxing lowers or drops a demand, or makes another one, as of everybody in place of the few. A
/// demand that is raised, or dropped where none was made, would be read as another queue than its
/// author meant.
fn check_relax(build: &Build<'_>, section: &Section<'_>, queue: &Queue) {
    let mut demanded = queue.fixed_skills();
    let any_template = queue.skills.iter().any(|(name, _)| matches!(name, Text::Template(_)));
    let steps = section.get(&RELAX).and_then(|item| item.get_ref().as_array());
    let span_of = |at| steps.and_then(|it| it.get(at)).map_or(0..0, toml::Spanned::span);
    let known = |name: &str| build.known.skills.as_ref().is_none_or(|all| all.contains(name));
    for (at, step) in queue.relax.iter().enumerate() {
        let what = format!("{}, `relax` step {}", section.what, at + 1);
        for (name, level) in &step.levels {
            let before = demanded.get(&**name).copied();
            let message = match before {
                Some(before) if *level > before => {
                    format!("{what} raises `{name}` from {before} to {level}")
                }
                None if *level == 0 && !any_template && known(name) => {
                    format!("{what} drops `{name}`, which nothing asks for")
                }
                Some(_) | None => {
                    demanded.insert(name, *level);
                    continue;
                }
            };
            let help = "a step of `relax` lowers a demand or adds a skill; 0 drops the skill";
            section.problems.error_help(span_of(at), message, help.to_owned());
        }
        if step.after >= queue.wait_max {
            let wait_s = queue.wait_max.as_secs();
            let message = format!("{what} never comes: callers wait {wait_s} s at most");
            let help = "raise `wait_s_max`, or take the step out".to_owned();
            section.problems.report(&code::NEVER_APPLIES, span_of(at), message, help);
        }
    }
}

/// A call that no agent could take at any step of `relax` would wait in vain.
fn check_staff(build: &Build<'_>, section: &Section<'_>, queue: &Queue) {
    let Some(staff) = build.known.staff.as_ref().filter(|staff| !staff.is_empty()) else { return };
    let has = |skill: &str| staff.iter().any(|agent| agent.contains_key(skill));
    let mut demanded = queue.fixed_skills();
    if !demanded.keys().all(|skill| has(skill)) {
        return; // told where the skill is named
    }
    let able = |demanded: &BTreeMap<&str, u8>| {
        let meets = |agent: &BTreeMap<String, u8>, (skill, level): (&&str, &u8)| {
            *level == 0 || agent.get(*skill).is_some_and(|has| has >= level)
        };
        staff.iter().any(|agent| demanded.iter().all(|demand| meets(agent, demand)))
    };
    let mut any = able(&demanded);
    for step in &queue.relax {
        demanded.extend(step.levels.iter().map(|(name, level)| (&**name, *level)));
        any |= able(&demanded);
    }
    if any {
        return;
    }
    let best = |skill: &str| staff.iter().filter_map(|agent| agent.get(skill)).max().copied();
    let short = demanded.iter().find(|(skill, level)| best(skill).is_some_and(|has| has < **level));
    let why = match short {
        Some((skill, level)) => {
            let best = best(skill).unwrap_or_default();
            format!("no agent has `{skill}` at {level}, the best has {best}")
        }
        None => "no agent has all of these skills at once".to_owned(),
    };
    let message = format!("{}: no agent can ever answer these calls: {why}", section.what);
    let help = "ask for a lower level, let `relax` come to one, or change [agents]".to_owned();
    section.problems.report(&code::NOBODY_ABLE, section.key_span(SKILLS.name), message, help);
}

fn read_prefer<'a>(build: &Build<'a>, section: &Section<'a>) -> Option<(Text, Duration)> {
    let item = section.get(&PREFER)?;
    let what = format!("{}, `{}`", section.what, PREFER.name);
    let span = section.key_span(PREFER.name);
    let table = Section::new(build.problems, what, span, item, &PREFER_TABLE)?;
    let agent = table.required(&AGENT).and_then(|item| table.as_string(AGENT.name, item));
    let wait = table.seconds(&PREFER_WAIT);
    table.finish();
    let (agent, span) = agent?;
    if !is_template(agent) {
        let agents = build.known.agents.as_ref();
        build.declared(&table, "there is no agent", agents, agent, span.clone());
    }
    Some((build.text(&table, AGENT.name, agent, span), wait))
}

fn read_announcements<'a>(
    build: &Build<'a>,
    section: &Section<'a>,
) -> (Option<Announcements>, Speech) {
    let every = section.seconds(&ANNOUNCE_EVERY);
    let first = section.seconds(&ANNOUNCE_FIRST);
    let wait = section.get(&WAIT).and_then(|item| item.get_ref().as_str());
    let (speech, needs_position) = match section.get(&ANNOUNCE) {
        Some(item) => {
            let speech = build.speech(section, ANNOUNCE.name, item, Scope::InQueue);
            (speech, names_queue(item))
        }
        None if wait == Some(MUSIC_AND_POSITION) => (default_announcement(build), true),
        None => {
            let given = [&ANNOUNCE_EVERY, &ANNOUNCE_FIRST].map(|option| section.get(option));
            if given.iter().any(Option::is_some) {
                let help = "say what to tell those who wait, or `wait = \"music_and_position\"`";
                section.missing(ANNOUNCE.name, Some(help.to_owned()));
            }
            return (None, Speech::default());
        }
    };
    (Some(Announcements { first, every, needs_position }), speech)
}

fn names_queue(item: Item<'_>) -> bool {
    match item.get_ref() {
        DeValue::String(text) => is_template(text) && find_name(text, "queue").is_some(),
        DeValue::Array(items) => items.iter().any(names_queue),
        DeValue::Table(table) => table.iter().any(|(_, item)| names_queue(item)),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            false
        }
    }
}

/// "You are number 3 in line.", in the language of the caller where it is known here.
fn default_announcement(build: &Build<'_>) -> Speech {
    let part = |language: &Arc<str>| {
        let (language, text) = match language.split('-').next() {
            Some("en") => (&**language, IN_LINE),
            Some("es") => (&**language, "Usted es el número {{ queue.position }} en la fila."),
            Some("fr") => (&**language, "Vous êtes le numéro {{ queue.position }} dans la file."),
            Some("de") => {
                (&**language, "Sie sind Nummer {{ queue.position }} in der Warteschlange.")
            }
            Some(_) | None => ("en", IN_LINE),
        };
        let template = build.engine.borrow_mut().add_text(text).ok()?;
        Some(Part::Words { language: language.into(), template: Arc::new(template) })
    };
    let languages = build.languages.iter();
    Speech::new(languages.map(|language| part(language).into_iter().collect()).collect())
}

const IN_LINE: &str = "You are number {{ queue.position }} in line.";
