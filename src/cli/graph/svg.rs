//! A flow as SVG: steps in rows, by how many exits lead to them, and arrows between them.
//!
//! An arrow to the next row goes straight down; one that skips rows or goes back bows out to the
//! side, so that it crosses no box. Its label stands near where it begins.
//!
//! **Invariant:** boxes do not cover each other, and all lie within the picture.
//!
//! **Deliberately absent:** the best of all layouts. Rows are ordered by where arrows come from,
//! which is readable at fifty steps.

use std::collections::VecDeque;
use std::fmt::Write as _;

use super::{Arrow, Picture};

/// All in pixels of the picture.
const CHAR_WIDTH: f64 = 7.5;
const BOX_WIDTH_MIN: f64 = 90.0;
const BOX_HEIGHT: f64 = 40.0;
const GAP_X: f64 = 36.0;
const GAP_Y: f64 = 76.0;
const MARGIN: f64 = 60.0;
/// How far an arrow bows out for each row that it passes.
const BOW: f64 = 14.0;
/// Sweeps that order the rows.
const SWEEPS: usize = 4;

const STYLE: &str = "\
    .step { fill: #f6f8fa; stroke: #57606a; }\n\
    .way { fill: none; stroke: #57606a; marker-end: url(#head); }\n\
    text { font: 12px monospace; text-anchor: middle; fill: #24292f; }\n\
    .verb { fill: #57606a; font-size: 10px; }\n\
    .exit { font-size: 10px; fill: #0550ae; stroke: #fff; stroke-width: 3; paint-order: stroke; }\n";

#[derive(Clone, Copy)]
struct Spot {
    /// Of the middle of the box.
    x: f64,
    y: f64,
    width: f64,
}

pub(super) fn drawn(picture: &Picture) -> String {
    let rows = rows(picture);
    let places = places(picture, &rows);
    let right = places.iter().map(|place| place.x + place.width / 2.0).fold(0.0, f64::max);
    let bow = rows.len() as f64 * BOW;
    let (width, height) = (right + MARGIN + bow, rows.len() as f64 * (BOX_HEIGHT + GAP_Y) + MARGIN);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n\
         <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" \
         markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#57606a\"/></marker>\
         </defs>\n",
        escaped(&picture.name)
    );
    for arrow in &picture.arrows {
        draw_arrow(&mut text, arrow, &places);
    }
    for (at, (step, place)) in picture.steps.iter().zip(&places).enumerate() {
        let Spot { x, y, width } = *place;
        let (left, top) = (x - width / 2.0, y - BOX_HEIGHT / 2.0);
        let first = if at == picture.start { " style=\"fill: #ddf4ff\"" } else { "" };
        writeln!(
            text,
            "<rect class=\"step\"{first} x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" \
             height=\"{BOX_HEIGHT}\" rx=\"6\"/>\n<text x=\"{x:.1}\" y=\"{:.1}\">{}</text>\n\
             <text class=\"verb\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
            y - 2.0,
            escaped(&step.name),
            y + 13.0,
            step.verb
        )
        .expect("a string takes all");
    }
    // Labels come last, so that no line runs through them.
    for arrow in &picture.arrows {
        let (x, y) = label_place(arrow, &places);
        let label = escaped(&arrow.label);
        writeln!(text, "<text class=\"exit\" x=\"{x:.1}\" y=\"{y:.1}\">{label}</text>")
            .expect("a string takes all");
    }
    text.push_str("</svg>\n");
    text
}

/// Steps by how many exits lead to them from the start; those that no call reaches come last.
fn rows(picture: &Picture) -> Vec<Vec<usize>> {
    let mut row_of: Vec<Option<usize>> = vec![None; picture.steps.len()];
    let mut open = VecDeque::from([(picture.start, 0)]);
    while let Some((at, row)) = open.pop_front() {
        let Some(known @ None) = row_of.get_mut(at) else { continue };
        *known = Some(row);
        let next = picture.arrows.iter().filter(|arrow| arrow.from == at);
        open.extend(next.map(|arrow| (arrow.to, row + 1)));
    }
    let last = row_of.iter().flatten().max().map_or(0, |row| row + 1);
    let mut rows = vec![Vec::new(); last + 1];
    for (at, row) in row_of.into_iter().enumerate() {
        rows[row.unwrap_or(last)].push(at);
    }
    rows.retain(|row| !row.is_empty());
    for sweep in 0..SWEEPS {
        order(picture, &mut rows, sweep % 2 == 0);
    }
    rows
}

/// Each row by the mean place of what leads to its steps, or in the other direction of what they
/// lead to.
fn order(picture: &Picture, rows: &mut [Vec<usize>], downwards: bool) {
    let mut place = vec![0.0; picture.steps.len()];
    let note = |place: &mut Vec<f64>, row: &[usize]| {
        for (n, at) in row.iter().enumerate() {
            place[*at] = (n as f64 + 0.5) / row.len() as f64;
        }
    };
    rows.iter().for_each(|row| note(&mut place, row));
    let indexes: Vec<usize> =
        if downwards { (0..rows.len()).collect() } else { (0..rows.len()).rev().collect() };
    for index in indexes {
        let mean = |at: usize| {
            let near = picture.arrows.iter().filter_map(|arrow| match downwards {
                true => (arrow.to == at).then_some(arrow.from),
                false => (arrow.from == at).then_some(arrow.to),
            });
            let near: Vec<f64> = near.filter(|other| *other != at).map(|it| place[it]).collect();
            if near.is_empty() { place[at] } else { near.iter().sum::<f64>() / near.len() as f64 }
        };
        let mut row: Vec<(f64, usize)> = rows[index].iter().map(|at| (mean(*at), *at)).collect();
        row.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        rows[index] = row.into_iter().map(|(_, at)| at).collect();
        note(&mut place, &rows[index]);
    }
}

fn places(picture: &Picture, rows: &[Vec<usize>]) -> Vec<Spot> {
    let width_of = |at: usize| {
        let chars = picture.steps[at].name.chars().count() as f64;
        (chars * CHAR_WIDTH + 20.0).max(BOX_WIDTH_MIN)
    };
    let row_width = |row: &Vec<usize>| row.iter().map(|at| width_of(*at) + GAP_X).sum::<f64>();
    let widest = rows.iter().map(row_width).fold(0.0, f64::max);
    let mut places = vec![Spot { x: 0.0, y: 0.0, width: 0.0 }; picture.steps.len()];
    for (n, row) in rows.iter().enumerate() {
        let mut x = MARGIN + (widest - row_width(row)) / 2.0;
        let y = MARGIN + n as f64 * (BOX_HEIGHT + GAP_Y);
        for at in row {
            let width = width_of(*at);
            places[*at] = Spot { x: x + width / 2.0, y, width };
            x += width + GAP_X;
        }
    }
    places
}

fn draw_arrow(text: &mut String, arrow: &Arrow, places: &[Spot]) {
    let (from, to) = (places[arrow.from], places[arrow.to]);
    let half = BOX_HEIGHT / 2.0;
    let path = if to.y > from.y && to.y - from.y < 1.5 * (BOX_HEIGHT + GAP_Y) {
        let (top, end) = (from.y + half, to.y - half);
        let middle = f64::midpoint(top, end);
        format!(
            "M{:.1} {top:.1}C{:.1} {middle:.1} {:.1} {middle:.1} {:.1} {end:.1}",
            from.x, from.x, to.x, to.x
        )
    } else {
        // Out of the right side and back into it, past whatever lies between.
        let rows = ((to.y - from.y).abs() / (BOX_HEIGHT + GAP_Y)).max(1.0);
        let (begin, end) = (from.x + from.width / 2.0, to.x + to.width / 2.0);
        let out = begin.max(end) + GAP_X / 2.0 + rows * BOW;
        let shift = if arrow.from == arrow.to { half / 2.0 } else { 0.0 };
        let (y, to_y) = (from.y - shift, to.y + shift);
        format!("M{begin:.1} {y:.1}C{out:.1} {y:.1} {out:.1} {to_y:.1} {end:.1} {to_y:.1}")
    };
    writeln!(text, "<path class=\"way\" d=\"{path}\"/>").expect("a string takes all");
}

/// Beside the arrow, near the step that it leaves.
fn label_place(arrow: &Arrow, places: &[Spot]) -> (f64, f64) {
    let (from, to) = (places[arrow.from], places[arrow.to]);
    if to.y > from.y {
        let part = 0.3;
        return (from.x + (to.x - from.x) * part, from.y + BOX_HEIGHT / 2.0 + GAP_Y * part);
    }
    let half = arrow.label.chars().count() as f64 * CHAR_WIDTH / 2.0;
    (from.x + from.width / 2.0 + half.min(GAP_X) + 4.0, from.y - 6.0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
