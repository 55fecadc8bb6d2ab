//! What must hold of each verb in the table: with a wrong answer a caller would be left in silence,
//! or a secret be written down.
//!
//! A verb that is new has no sample here, and the first test says so.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::flow::step::VERBS;
use crate::flow::verb::Nature;
use crate::words::Need;

/// The smallest step of each verb, and one with all that guards callers.
pub(super) const SAMPLES: &[(&str, &str)] = &[
    ("say", "text = 'Hello.'\nnext = 'end'"),
    ("say", "text = 'Hello.'\nnext = 'end'\nbarge_in = false"),
    ("play", "file = 'a.wav'\nnext = 'end'"),
    ("silence", "for_s = 1.5\nnext = 'end'"),
    ("wait", "next = 'end'"),
    ("wait", "for_s = 30\nexit_key = '*'\nnext = 'end'\nexit = 'end'"),
    ("menu", "text = 'Press 1.'\nkeys = { 1 = 'end' }\ngive_up = 'end'"),
    ("menu", "text = 'Press 1.'\nkeys = { 1 = 'end', 12 = 'end' }\ngive_up = 'end'\nsecret = true"),
    ("confirm", "text = 'Press 1.'\nyes = 'end'\nno = 'end'\ngive_up = 'end'"),
    (
        "confirm",
        "text = 'Press *.'\nyes_key = '*'\nyes = 'end'\nno = 'end'\ngive_up = 'end'\nsecret = true",
    ),
    ("collect", "text = 'Number?'\ninto = 'a'\nnext = 'end'\ngive_up = 'end'"),
    ("collect", "text = 'PIN?'\ninto = 'a'\nnext = 'end'\ngive_up = 'end'\nsecret = true"),
    ("branch", "cases = [{ if = 'language is defined', next = 'end' }]\nelse = 'end'"),
    ("switch", "value = '{{ caller.name }}'\ncases = { Ada = 'end' }\nelse = 'end'"),
    ("split", "ways = [{ percent = 10, next = 'end' }]\nelse = 'end'"),
    ("loop", "again = 'end'\nnext = 'end'"),
    ("loop", "until = 'language is defined'\ninto = 'a'\nagain = 'end'\nnext = 'end'"),
    ("goto", "next = 'end'"),
    ("set", "vars = { a = 'b' }\nnext = 'end'"),
    ("unset", "vars = ['a']\nnext = 'sets'"),
    ("hours_check", "hours = 'office'\nopen = 'end'\nclosed = 'end'"),
    ("caller_in_list", "list = ['+1415*']\nlisted = 'end'\nnot_listed = 'end'"),
    ("table", "file = 'a.csv'\nkey = 'k'\nset = { a = 'b' }\nfound = 'end'\nnone = 'end'"),
    ("table", "file = 'a.csv'\nkey = 'k'\nfound = 'end'\nnone = 'end'"),
    ("queue", "queue = 'q'\nnext = 'end'"),
    ("queue", "queue = 'q'\nnext = 'end'\nexit_key = '9'\nexit = 'end'"),
    ("transfer", "to = '+14155550199'\nnext = 'end'"),
    ("record", "text = 'Speak.'\ninto = 'a'\nnext = 'end'\nempty = 'end'"),
    ("record", "into = 'a'\nnext = 'end'"),
    ("lookup", "url = 'https://a.example/'\nok = 'end'\nnone = 'end'\nfailed = 'end'"),
    (
        "lookup",
        "url = 'https://a.example/'\ntext = 'Wait.'\nset = { a = 'a' }\nok = 'end'\nnone = 'end'\n\
         failed = 'end'",
    ),
    ("milestone", "name = 'a'\nnext = 'end'"),
    ("outcome", "name = 'a'\ndone = false\nnext = 'end'"),
    ("note", "note = 'a'\nnext = 'end'"),
    ("hangup", "text = 'Goodbye.'"),
    ("hangup", ""),
];

/// Everything that can happen to a call which has begun.
const INPUTS: [&str; 20] = [
    "done",
    "timer",
    "silence",
    "key 1",
    "key #",
    "queue handled",
    "queue timeout",
    "queue full",
    "queue no_agents",
    "transfer completed",
    "transfer busy",
    "transfer failed",
    "recorded call-1-1",
    "recorded nothing",
    "record failed",
    "reply {}",
    "reply nothing",
    "reply failed",
    "reply timeout",
    "sent to end",
];

/// A flow whose first step is this one.
pub(super) fn sample(verb: &str, options: &str) -> String {
    format!(
        "[flow]\nnumbers = ['*']\nstart = 'it'\n[hours.office]\ntimezone = 'UTC'\n\
         open = ['Mon-Fri 09:00-17:00']\n[{verb}.it]\n{options}\n[hangup.end]\ntext = 'Bye.'\n{}",
        if options.contains("'sets'") {
            "[set.sets]\nvars = { a = 1 }\nnext = 'end'\n"
        } else {
            ""
        }
    )
}

fn each(mut look: impl FnMut(&str, &Flow, &str)) {
    for (verb, options) in SAMPLES {
        let source = sample(verb, options);
        look(verb, &flow(&source), options);
    }
}

pub(super) fn first(flow: &Flow) -> &crate::flow::program::Node {
    flow.node(flow.start)
}

#[test]
fn each_verb_has_a_sample_here_and_one_line_in_the_table() {
    let table: Vec<&str> = VERBS.iter().map(|verb| verb.name).collect();
    let named: BTreeSet<&str> = table.iter().copied().collect();
    assert_eq!(table.len(), named.len(), "a verb is in the table twice");
    let samples: BTreeSet<&str> = SAMPLES.iter().map(|(verb, _)| *verb).collect();
    assert_eq!(samples, named);
    each(|verb, flow, _| assert_eq!(first(flow).verb, verb));
}

#[test]
fn an_option_that_no_verb_has_is_reported_at_each() {
    for (verb, options) in SAMPLES {
        let source = sample(verb, &format!("{options}\nno_such_option = 1"));
        let said = told(&source, &Known::anything());
        assert!(said.contains("step `it` has no option `no_such_option`"), "{verb}: {said}");
    }
}

#[test]
fn what_a_step_sets_is_what_it_was_said_to_name() {
    for (verb, options) in SAMPLES {
        let source = sample(verb, options);
        let (table, _) = toml::de::DeTable::parse_recoverable(&source);
        let steps = table.get_ref().get(*verb).unwrap().get_ref().as_table().unwrap();
        let entry = VERBS.iter().find(|entry| entry.name == *verb).unwrap();
        let names: BTreeMap<&str, bool> =
            (entry.names)(steps.get("it").unwrap()).into_iter().collect();
        let flow = flow(&source);
        let step = &first(&flow).step;
        let exits = step.exits();
        let mut set: BTreeSet<&str> =
            exits.iter().flat_map(|exit| step.sets(&exit.label)).collect();
        set.extend(step.sets_at_hangup());
        set.extend(step.sets_before_condition());
        set.remove("language"); // what the sample's condition implies
        assert!(set.iter().all(|name| names.contains_key(name)), "{verb}: {set:?} of {names:?}");
        let is_secret = step.nature().is_secret;
        assert!(names.values().all(|secret| *secret == is_secret), "{verb} {options}");
    }
}

#[test]
fn each_verb_says_what_guards_callers() {
    each(|verb, flow, options| {
        let step = &first(flow).step;
        let nature = step.nature();
        let case = format!("{verb} {options}: {nature:?}");
        let exits = step.exits();
        assert!(nature.is_way_out || !exits.is_empty(), "no way out of {case}");
        assert!(exits.iter().all(|exit| exit.to.0 < flow.steps.len()), "{case}");
        assert!(nature.waits || exits.iter().all(|exit| !exit.waited), "{case}");
        assert!(nature.waits || nature == Nature::PASSED_THROUGH, "{case}");
        assert_eq!(nature.is_secret, step.needs().contains(&Need::Secret), "{case}");
        assert!(nature.waits || step.needs().is_empty(), "passed through, and needs: {case}");
        assert!(step.is_input() || !nature.is_secret, "{case}");
        let says = !step.speeches().iter().all(|speech| speech.parts().count() == 0);
        assert!(says || step.speeches().is_empty() || verb == "queue", "{case}");
    });
}

#[test]
fn the_steps_that_need_no_caller_are_those_the_diagnostic_names() {
    let mut may: BTreeSet<String> = BTreeSet::new();
    each(|verb, flow, _| {
        may.extend(first(flow).step.nature().needs_no_caller.then(|| verb.to_owned()));
    });
    let source = sample("say", "text = 'Hello.'\nnext = 'end'");
    let source = source.replace("start = 'it'", "start = 'it'\non_hangup = 'it'");
    let said = told(&source, &Known::anything());
    let help = said.lines().find(|line| line.contains("leads through")).unwrap();
    let named: BTreeSet<String> =
        help.split('`').skip(1).step_by(2).skip(1).map(str::to_owned).collect();
    assert_eq!(named, may, "{help}");
}

/// A call that is at any step is heard of again, whatever happens and does not happen there: the
/// run has a deadline, or a queue or a party has the call, or it is over.
#[test]
fn no_verb_leaves_a_caller_standing() {
    for (verb, options) in SAMPLES {
        for (first_input, second_input) in
            INPUTS.iter().flat_map(|first| INPUTS.map(|second| (*first, second)))
        {
            let flow = Arc::new(flow(&sample(verb, options)));
            let mut run = Run::new(Arc::clone(&flow), Facts::default());
            let mut now = instant(TUESDAY);
            let mut handed_on = false;
            for act in ["start", first_input, second_input] {
                let mut out = Vec::new();
                // Secret keys are asked for before they are handled, as the journal does.
                let is_secret = run.at().is_some_and(|at| &**at == "it")
                    && first(&flow).step.nature().is_secret;
                assert!(!is_secret || run.secret(), "{verb} {options}: {act}");
                run.handle(&Context { now, ..Context::default() }, input(act), &mut out);
                handed_on |= out.iter().any(is_handed_on);
                let waits = run.deadline().is_some() || handed_on;
                assert!(run.is_over() || waits, "{verb} {options}: stands still after {act}");
                now = run.deadline().unwrap_or(now + Duration::from_secs(1));
            }
        }
    }
}

/// The center says next what happens.
fn is_handed_on(effect: &Effect) -> bool {
    matches!(effect, Effect::Enqueue(_) | Effect::Transfer(_) | Effect::Ask(_))
}

/// A copy of a run goes its own way: what a document says beforehand must not change the call.
#[test]
fn what_a_verb_keeps_is_copied_with_its_run() {
    for (verb, options) in SAMPLES {
        let mut run = Run::new(Arc::new(flow(&sample(verb, options))), Facts::default());
        let context = Context { now: instant(TUESDAY), ..Context::default() };
        run.handle(&context, Input::Start, &mut Vec::new());
        let (at, listens) = (run.at().cloned(), run.listens());
        let mut copy = run.clone();
        for act in INPUTS {
            copy.handle(&context, input(act), &mut Vec::new());
        }
        assert_eq!((run.at().cloned(), run.listens()), (at, listens), "{verb} {options}");
    }
}
