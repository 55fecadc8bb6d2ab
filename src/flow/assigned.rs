//! Which variables are set when a call comes to a step, and which may not be.
//!
//! **Invariant:** a text or condition that would fail because a variable is not set yet does not
//! load. One that would only be empty is an error where no way sets the variable, and a warning
//! where some do not.
//!
//! **Deliberately absent:** calls that an operator sends to a step by hand, who can set what it
//! needs.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::flow::check::Roots;
use crate::flow::code;
use crate::flow::diagnostic::Problems;
use crate::flow::exit::StepId;
use crate::flow::program::Node;

/// A name in a text of a step.
pub(in crate::flow) struct Use {
    pub(in crate::flow) at: usize,
    pub(in crate::flow) name: String,
    /// A step sets it; everything else is known of some callers and not of others.
    pub(in crate::flow) is_variable: bool,
    /// Without it the text cannot be made.
    pub(in crate::flow) fails: bool,
    /// The text looks itself whether it is there.
    pub(in crate::flow) guarded: bool,
    pub(in crate::flow) is_condition: bool,
    pub(in crate::flow) span: Range<usize>,
    pub(in crate::flow) what: String,
}

/// What may and what must be set on arrival at a step; nothing where no call comes.
#[derive(Clone, Default, PartialEq, Eq)]
struct Arrival<'a> {
    may: BTreeSet<&'a str>,
    must: BTreeSet<&'a str>,
}

pub(in crate::flow) fn check(
    problems: &Problems,
    nodes: &[Option<Node>],
    roots: &Roots,
    uses: &[Use],
) {
    let arrivals = arrivals(nodes, roots);
    for used in uses {
        let Some(arrival) = arrivals.get(used.at).and_then(Option::as_ref) else { continue };
        let name = used.name.as_str();
        if arrival.must.contains(name) || is_own(nodes.get(used.at), used) {
            continue;
        }
        tell(problems, used, arrival.may.contains(name));
    }
}

fn tell(problems: &Problems, used: &Use, may: bool) {
    let Use { name, what, span, .. } = used;
    let default = format!("write `{name}|default(0)`");
    if used.fails {
        let message = format!("{what}: `{name}` may not be set yet, and then this fails");
        let help = match used.is_variable {
            true => format!("`vars = {{ {name} = 0 }}` in a `set` step before it; or {default}"),
            false => format!("not every caller has it: {default}"),
        };
        return problems.report(&code::MAY_FAIL, span.clone(), message, help);
    }
    if !used.is_variable || used.guarded {
        return;
    }
    if !may {
        let message = format!("{what}: no step before this one sets `{name}`");
        let help = format!("set it before, or look with `{name} is defined`");
        problems.report(&code::SET_NOWHERE_BEFORE, span.clone(), message, help);
    } else if !used.is_condition {
        let message = format!("{what}: `{name}` is not set on every way to here");
        let help = format!("it is empty then; set it before, or write `{name}|default(\"…\")`");
        problems.report(&code::MAY_BE_EMPTY, span.clone(), message, help);
    }
}

/// What is typed at a step is there when the step looks at it.
fn is_own(node: Option<&Option<Node>>, used: &Use) -> bool {
    let own = node.and_then(Option::as_ref).and_then(|node| node.step.sets_before_condition());
    used.is_condition && own == Some(used.name.as_str())
}

/// Follows every way from the start until nothing more is learned. What may be set only grows and
/// what must be set only shrinks, so it ends.
fn arrivals<'a>(nodes: &'a [Option<Node>], roots: &Roots) -> Vec<Option<Arrival<'a>>> {
    let mut arrivals: Vec<Option<Arrival<'a>>> = vec![None; nodes.len()];
    let mut open = Vec::new();
    reach(&mut arrivals, &mut open, roots.start, Arrival::default());
    while let Some(at) = open.pop() {
        let Some(node) = nodes.get(at).and_then(Option::as_ref) else { continue };
        let Some(here) = arrivals[at].clone() else { continue };
        for exit in node.step.exits() {
            let mut there = here.clone();
            for name in node.step.sets(&exit.label) {
                there.may.insert(name);
                there.must.insert(name);
            }
            reach(&mut arrivals, &mut open, exit.to, there);
        }
        // A step may fail, and the caller may leave, before it has set anything.
        if let Some(to) = node.on_error.or(roots.on_error) {
            reach(&mut arrivals, &mut open, to, here.clone());
        }
        if let Some(to) = roots.on_hangup {
            let mut there = here;
            there.may.extend(node.step.sets_at_hangup());
            reach(&mut arrivals, &mut open, to, there);
        }
    }
    arrivals
}

fn reach<'a>(
    arrivals: &mut [Option<Arrival<'a>>],
    open: &mut Vec<usize>,
    to: StepId,
    with: Arrival<'a>,
) {
    let Some(known) = arrivals.get_mut(to.0) else { return };
    let merged = match &*known {
        None => with,
        Some(known) => Arrival {
            may: known.may.union(&with.may).copied().collect(),
            must: known.must.intersection(&with.must).copied().collect(),
        },
    };
    if known.as_ref() != Some(&merged) {
        *known = Some(merged);
        open.push(to.0);
    }
}
