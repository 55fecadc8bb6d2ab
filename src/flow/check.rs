//! What can only be seen with all steps on the table: loops, dead ends, steps no call reaches.
//!
//! **Invariant:** a flow that passes waits for a caller or an agent in every loop, and from every
//! input step a call can come to an end or to a person.

use crate::flow::code;
use crate::flow::diagnostic::Problems;
use crate::flow::exit::{Exit, StepId};
use crate::flow::menus;
use crate::flow::program::Node;

/// Where a call can enter the graph.
pub(in crate::flow) struct Roots {
    pub(in crate::flow) start: StepId,
    pub(in crate::flow) on_error: Option<StepId>,
    pub(in crate::flow) on_hangup: Option<StepId>,
}

/// The steps and their exits; a step that could not be read has none, an exit that leads nowhere is
/// left out (both were reported).
pub(in crate::flow) struct Graph<'a> {
    pub(in crate::flow) nodes: &'a [Option<Node>],
    pub(in crate::flow) exits: Vec<Vec<Exit>>,
}

/// Checks what holds between steps. Where steps or names are missing, only what the missing ones
/// could not mend is reported.
pub(in crate::flow) fn check(problems: &Problems, nodes: &[Option<Node>], roots: &Roots) {
    let exits_of = |node: &Option<Node>| {
        let exits = node.as_ref().map(|node| node.step.exits()).unwrap_or_default();
        exits.into_iter().filter(|exit| exit.to.0 < nodes.len()).collect()
    };
    let graph = Graph { nodes, exits: nodes.iter().map(exits_of).collect() };
    let complete = !problems.any_error();
    graph.check_loops(problems);
    graph.check_on_hangup(problems, roots);
    if complete {
        graph.check_reached(problems, roots);
        graph.check_ways_out(problems);
        menus::check(problems, &graph, roots);
    }
}

/// For each step, whether a key pressed there may be part of a secret: because the step is secret,
/// or because it hands keys typed ahead to one that is.
pub(in crate::flow) fn secret_ahead(nodes: &[Node]) -> Vec<bool> {
    let own = |node: &Node| node.step.nature().is_secret;
    let mut secret: Vec<bool> = nodes.iter().map(own).collect();
    // Each round finds at least one more step, so there are no more rounds than steps.
    for _ in 0..nodes.len() {
        let mut changed = false;
        for (at, node) in nodes.iter().enumerate() {
            if secret[at] || !node.step.nature().passes_keys_on {
                continue;
            }
            let exits = node.step.exits();
            if exits.iter().any(|exit| secret.get(exit.to.0) == Some(&true)) {
                secret[at] = true;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    secret
}

impl Graph<'_> {
    pub(in crate::flow) fn node(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)?.as_ref()
    }

    fn name(&self, at: usize) -> &str {
        self.node(at).map_or("?", |node| &node.name)
    }

    /// Everything reachable from `from`, itself included.
    pub(in crate::flow) fn reached(&self, from: impl IntoIterator<Item = StepId>) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        let mut next: Vec<usize> = from.into_iter().map(|step| step.0).collect();
        while let Some(at) = next.pop() {
            if at >= reached.len() || reached[at] {
                continue;
            }
            reached[at] = true;
            next.extend(self.exits[at].iter().map(|exit| exit.to.0));
            let on_error = self.node(at).and_then(|node| node.on_error);
            next.extend(on_error.map(|step| step.0));
        }
        reached
    }

    fn check_reached(&self, problems: &Problems, roots: &Roots) {
        let entries = [Some(roots.start), roots.on_error, roots.on_hangup];
        let reached = self.reached(entries.into_iter().flatten());
        for (at, _) in reached.iter().enumerate().filter(|(_, reached)| !**reached) {
            if let Some(node) = self.node(at) {
                let message = format!("no call can reach step `{}`", node.name);
                let help = "name it in another step, or take it out".to_owned();
                problems.report(&code::UNREACHABLE, node.span.clone(), message, help);
            }
        }
    }

    /// After the caller left there is no party to speak to or to wait for.
    fn check_on_hangup(&self, problems: &Problems, roots: &Roots) {
        let reached = self.reached(roots.on_hangup);
        for (at, _) in reached.iter().enumerate().filter(|(_, reached)| **reached) {
            let Some(node) = self.node(at) else { continue };
            if node.step.nature().needs_no_caller {
                continue;
            }
            let verb = node.verb;
            let message =
                format!("step `{}` runs after the caller left, where `{verb}` cannot", node.name);
            let help = "`on_hangup` leads through `set`, `branch`, `hours_check` and `hangup` only";
            problems.report(
                &code::RUNS_WITHOUT_CALLER,
                node.span.clone(),
                message,
                help.to_owned(),
            );
        }
    }

    /// Every step must be able to come to an end or to people.
    fn check_ways_out(&self, problems: &Problems) {
        let mut out: Vec<bool> =
            self.nodes.iter().flatten().map(|node| node.step.nature().is_way_out).collect();
        for _ in 0..out.len() {
            let mut changed = false;
            for at in 0..out.len() {
                if !out[at] && self.exits[at].iter().any(|exit| out[exit.to.0]) {
                    out[at] = true;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        for (at, _) in out.iter().enumerate().filter(|(_, out)| !**out) {
            let Some(node) = self.node(at) else { continue };
            if !node.step.is_input() {
                continue; // the menu it leads to is reported
            }
            let message = format!("step `{}` has no way out", node.name);
            let help = "let one of its exits lead to a queue, a transfer or a hangup".to_owned();
            problems.report(&code::NO_WAY_OUT, node.span.clone(), message, help);
        }
    }

    /// A loop that waits for no caller and no agent would turn for ever, silently or talking.
    fn check_loops(&self, problems: &Problems) {
        let mut state = vec![Visit::New; self.nodes.len()];
        for start in 0..self.nodes.len() {
            for cycle in self.cycles_from(start, &mut state) {
                let Some(node) = self.node(cycle[0]) else { continue };
                let mut way: Vec<&str> = cycle.iter().map(|at| self.name(*at)).collect();
                way.push(&node.name);
                let message = format!("this loop never waits for the caller: {}", way.join(" -> "));
                let help = "put a `menu`, a `collect` or a `queue` into it, or end it".to_owned();
                problems.report(&code::ENDLESS, node.span.clone(), message, help);
            }
        }
    }

    /// Depth first along the exits that do not wait, without recursion: a file may be deep.
    fn cycles_from(&self, start: usize, state: &mut [Visit]) -> Vec<Vec<usize>> {
        let mut cycles = Vec::new();
        let mut path: Vec<(usize, usize)> = Vec::new();
        if state[start] == Visit::New {
            state[start] = Visit::Open;
            path.push((start, 0));
        }
        while let Some((at, edge)) = path.last_mut() {
            let at = *at;
            let exit = self.exits[at].get(*edge);
            *edge += 1;
            let Some(exit) = exit else {
                state[at] = Visit::Done;
                path.pop();
                continue;
            };
            let to = exit.to.0;
            match state[to] {
                _ if exit.waited => {}
                Visit::Done => {}
                Visit::New => {
                    state[to] = Visit::Open;
                    path.push((to, 0));
                }
                Visit::Open => {
                    let from = path.iter().position(|(step, _)| *step == to).unwrap_or(0);
                    let mut cycle: Vec<usize> =
                        path[from..].iter().map(|(step, _)| *step).collect();
                    let first = cycle.iter().enumerate().min_by_key(|(_, step)| **step);
                    let first = first.map_or(0, |(at, _)| at);
                    cycle.rotate_left(first);
                    cycles.push(cycle);
                }
            }
        }
        cycles
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    Open,
    Done,
}
