//! `attendant graph`: a picture of a flow.
//!
//! **Invariant:** every step of the file is in it once, and every exit that leads to one; exits of
//! one step that lead to the same step are one arrow with several labels.
//!
//! **Deliberately absent:** the apology that every flow has and no file says.

mod mermaid;
mod svg;

use std::path::PathBuf;
use std::process::ExitCode;

use attendant::config::{self, Problems};
use attendant::flow::{Flow, Known};

use crate::cli::{complain, print, told};

/// Draw a flow: its steps, and the exits between them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  attendant graph flows/support.toml > support.mmd        Mermaid, which GitHub and GitLab draw
  attendant graph --format svg flows/support.toml > support.svg")]
pub(crate) struct Graph {
    /// The flow file
    #[arg(value_name = "FLOW")]
    path: PathBuf,
    /// mermaid or svg
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[default]
    Mermaid,
    Svg,
}

pub(crate) fn run(wanted: &Graph) -> ExitCode {
    let (mut warnings, mut problems) = (Vec::new(), Problems::default());
    let paths = std::slice::from_ref(&wanted.path);
    let flows = config::read_flows(paths, &Known::anything(), &mut warnings, &mut problems);
    if !problems.is_empty() {
        return told(&problems);
    }
    complain(&warnings.iter().map(|warning| format!("warning: {warning}\n")).collect::<String>());
    let pictures = flows.iter().map(|flow| {
        let picture = Picture::of(flow);
        match wanted.format {
            Format::Mermaid => mermaid::drawn(&picture),
            Format::Svg => svg::drawn(&picture),
        }
    });
    print(&pictures.collect::<String>())
}

/// Steps in the order of the file, and the ways between them.
struct Picture {
    name: String,
    steps: Vec<DrawnStep>,
    arrows: Vec<Arrow>,
    start: usize,
}

struct DrawnStep {
    name: String,
    verb: &'static str,
}

struct Arrow {
    from: usize,
    to: usize,
    /// What its exits are called.
    label: String,
}

impl Picture {
    fn of(flow: &Flow) -> Self {
        let written: Vec<_> = flow.steps().filter(|step| step.line > 0).collect();
        let place = |name: &str| written.iter().position(|step| step.name == name);
        let mut arrows: Vec<Arrow> = Vec::new();
        for (from, step) in written.iter().enumerate() {
            for (label, to) in &step.exits {
                let Some(to) = place(to) else { continue };
                match arrows.iter_mut().find(|arrow| (arrow.from, arrow.to) == (from, to)) {
                    Some(arrow) => arrow.label.push_str(&format!(", {label}")),
                    None => arrows.push(Arrow { from, to, label: label.clone() }),
                }
            }
        }
        let steps =
            written.iter().map(|step| DrawnStep { name: step.name.to_owned(), verb: step.verb });
        let start = place(flow.start()).unwrap_or_default();
        Self { name: flow.name().to_string(), steps: steps.collect(), arrows, start }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use attendant::flow::parse;
    use expect_test::expect;

    use super::*;

    fn picture(source: &str) -> Picture {
        Picture::of(&parse("small.toml", source, &Known::anything()).unwrap())
    }

    const SMALL: &str = "[flow]\nnumbers = [\"600\"]\nstart = \"hello\"\n[menu.hello]\n\
                         text = \"Press 1.\"\nkeys = { 1 = \"end\", 2 = \"end\", 3 = \"hello\" }\n\
                         give_up = \"help\"\n[queue.help]\ntimeout = \"hello\"\n[hangup.end]\n";

    #[test]
    fn mermaid_has_each_step_and_each_way_once() {
        expect![[r#"
            flowchart TD
                %% small
                start(( )) --> s0
                s0["<b>hello</b><br/>menu"]
                s1["<b>help</b><br/>queue"]
                s2["<b>end</b><br/>hangup"]
                s0 -- "1, 2" --> s2
                s0 -- "3" --> s0
                s0 -- "give_up" --> s1
                s1 -- "timeout" --> s0
        "#]]
        .assert_eq(&mermaid::drawn(&picture(SMALL)));
    }

    /// A long flow: fifty steps, each with two exits.
    fn long() -> String {
        let mut source = "[flow]\nnumbers = [\"600\"]\nstart = \"s0\"\n".to_owned();
        for n in 0..50 {
            let (next, help) = (n + 1, n * 7 % 50);
            writeln!(
                source,
                "[menu.s{n}]\ntext = \"x\"\nkeys = {{ 1 = \"s{next}\", 2 = \"s{help}\" }}\n\
                 give_up = \"end\""
            )
            .unwrap();
        }
        source + "[hangup.s50]\n[hangup.end]\n"
    }

    #[test]
    fn svg_is_xml_and_no_two_steps_cover_each_other() {
        for source in [SMALL.to_owned(), long()] {
            let picture = picture(&source);
            let drawn = svg::drawn(&picture);
            let document = roxmltree::Document::parse(&drawn).unwrap();
            let number = |node: roxmltree::Node<'_, '_>, name: &str| -> f64 {
                node.attribute(name).unwrap().parse().unwrap()
            };
            let boxes: Vec<_> = document
                .descendants()
                .filter(|node| node.has_tag_name("rect") && node.attribute("class") == Some("step"))
                .map(|node| {
                    let (x, y) = (number(node, "x"), number(node, "y"));
                    (x, y, x + number(node, "width"), y + number(node, "height"))
                })
                .collect();
            assert_eq!(boxes.len(), picture.steps.len());
            for (at, a) in boxes.iter().enumerate() {
                for b in &boxes[at + 1..] {
                    let apart = a.2 < b.0 || b.2 < a.0 || a.3 < b.1 || b.3 < a.1;
                    assert!(apart, "{a:?} {b:?}");
                }
            }
            let root = document.root_element();
            let (width, height) = (number(root, "width"), number(root, "height"));
            assert!(boxes.iter().all(|it| it.0 >= 0.0 && it.2 <= width && it.3 <= height));
            let arrows = document.descendants().filter(|node| node.has_tag_name("path"));
            let arrows = arrows.filter(|node| node.attribute("class") == Some("way")).count();
            assert_eq!(arrows, picture.arrows.len());
        }
    }
}
