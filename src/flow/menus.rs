//! Menus that callers get lost in: too many choices, too many of them in a row, and nobody behind.
//!
//! **Invariant:** these are warnings; a flow without people, or with a long menu, may be meant.
//!
//! **Deliberately absent:** what keys mean. A menu says that of its own, where it is read.

use std::collections::VecDeque;

use crate::flow::check::{Graph, Roots};
use crate::flow::code;
use crate::flow::diagnostic::Problems;
use crate::flow::exit::StepId;
use crate::flow::program::Node;
use crate::words::Need;

/// Choices that callers keep in mind.
const CHOICES_MAX: usize = 5;
/// Menus in a row before callers give up.
const DEEP_MAX: usize = 3;

pub(in crate::flow) fn check(problems: &Problems, graph: &Graph<'_>, roots: &Roots) {
    let depths = depths(graph, roots.start);
    let has_people = comes_to_people(graph, roots.start);
    for (at, depth) in depths.into_iter().enumerate() {
        let Some(node) = graph.node(at).filter(|node| is_menu(node)) else { continue };
        let (name, span) = (&node.name, node.span.clone());
        let choices = node.step.choices().len();
        if choices > CHOICES_MAX {
            let message = format!("step `{name}` has {choices} choices");
            let help = format!("callers keep {CHOICES_MAX} in mind; put some into another menu");
            problems.report(&code::MANY_CHOICES, span.clone(), message, help);
        }
        if let Some(depth) = depth.filter(|depth| *depth >= DEEP_MAX) {
            let message = format!("step `{name}` is a menu behind {depth} others");
            let help = "ask less on the way to it".to_owned();
            problems.report(&code::DEEP_MENU, span.clone(), message, help);
        }
        // Behind another menu callers chose to come there.
        if has_people && depth == Some(0) && !comes_to_people(graph, StepId(at)) {
            let message = format!("from step `{name}` no caller comes to people");
            let help = "lead a key, or `give_up`, to a `queue`, a `transfer` or a `record`";
            problems.report(&code::NO_PEOPLE, span, message, help.to_owned());
        }
    }
}

/// Whether a caller who is at this step may come to an agent, an outside party or a recorder.
fn comes_to_people(graph: &Graph<'_>, from: StepId) -> bool {
    let reached = graph.reached([from]);
    let mut nodes = graph.nodes.iter().zip(reached).filter(|(_, reached)| *reached);
    nodes.any(|(node, _)| {
        let needs = node.as_ref().map(|node| node.step.needs()).unwrap_or_default();
        needs.iter().any(|need| matches!(need, Need::Queue | Need::Dial | Need::Record))
    })
}

fn is_menu(node: &Node) -> bool {
    !node.step.choices().is_empty()
}

/// For each step, how many menus a call comes through before it, at least; `None` where no call
/// comes.
fn depths(graph: &Graph<'_>, start: StepId) -> Vec<Option<usize>> {
    let mut depths = vec![None; graph.nodes.len()];
    let mut open = VecDeque::from([(start.0, 0)]);
    // What costs nothing comes first, so that a step is met with its least depth first.
    while let Some((at, depth)) = open.pop_front() {
        let Some(known @ None) = depths.get_mut(at) else { continue };
        *known = Some(depth);
        let is_menu = graph.node(at).is_some_and(is_menu);
        for exit in &graph.exits[at] {
            if is_menu {
                open.push_back((exit.to.0, depth + 1));
            } else {
                open.push_front((exit.to.0, depth));
            }
        }
    }
    depths
}
