//! Two texts, line by line: what was written and what was played.
//!
//! **Invariant:** taking the lines with `-` out of the whole and those with `+` in makes the one
//! text of the other.

use std::fmt::Write as _;

/// Lines that are the same, shown around those that are not.
const AROUND: usize = 2;
/// Lines shown of one difference; the rest is counted.
const SHOWN_MAX: usize = 60;
/// Pairs of lines that are compared; past it, what differs is shown as one piece.
const PAIRS_MAX: usize = 4_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

/// The first line that is not the same, counted from 1.
pub(super) fn first(written: &str, played: &str) -> usize {
    let same = written.lines().zip(played.lines()).take_while(|(old, new)| old == new);
    same.count() + 1
}

/// The difference, with the numbers of the lines as written.
pub(super) fn lines(written: &str, played: &str) -> String {
    let changes = changes(written, played);
    let is_near = |at: usize| {
        let near = at.saturating_sub(AROUND)..(at + AROUND + 1).min(changes.len());
        changes[near].iter().any(|change| !matches!(change, Change::Same(_)))
    };
    let (mut text, mut line, mut shown, mut skipped) = (String::new(), 0_usize, 0_usize, false);
    for (at, change) in changes.iter().enumerate() {
        line += usize::from(!matches!(change, Change::New(_)));
        if !is_near(at) {
            skipped = shown > 0;
            continue;
        }
        shown += 1;
        if shown > SHOWN_MAX {
            continue;
        }
        if std::mem::take(&mut skipped) {
            text.push_str("        …\n");
        }
        match change {
            Change::Same(same) => writeln!(text, "{line:>6}   {same}"),
            Change::Gone(gone) => writeln!(text, "{line:>6} - {gone}"),
            Change::New(new) => writeln!(text, "       + {new}"),
        }
        .expect("a string takes all");
    }
    if let Some(more) = shown.checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        writeln!(text, "        … and {more} more lines").expect("a string takes all");
    }
    text
}

fn changes<'a>(written: &'a str, played: &'a str) -> Vec<Change<'a>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (written.lines().collect(), played.lines().collect());
    let before = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = (old.len() - before).min(new.len() - before);
    let ends = old.iter().rev().zip(new.iter().rev());
    let after = ends.take(rest).take_while(|(old, new)| old == new).count();
    let same = |lines: &[&'a str]| lines.iter().map(|line| Change::Same(line)).collect::<Vec<_>>();
    let mut changes = same(&old[..before]);
    changes.extend(middle(&old[before..old.len() - after], &new[before..new.len() - after]));
    changes.extend(same(&old[old.len() - after..]));
    changes
}

/// By the longest sequence of lines that both have.
fn middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Change<'a>> {
    if old.len().saturating_mul(new.len()) > PAIRS_MAX {
        let gone = old.iter().map(|line| Change::Gone(line));
        return gone.chain(new.iter().map(|line| Change::New(line))).collect();
    }
    // How many lines the rests have in common, from each pair of lines on.
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut changes) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            changes.push(Change::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common[i + 1][j] >= common[i][j + 1] {
            changes.push(Change::Gone(old[i]));
            i += 1;
        } else {
            changes.push(Change::New(new[j]));
            j += 1;
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_stands_at_its_line_with_what_is_around() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let new = "a\nb\nc\nD\ne\nf\ng\nh\ni\n";
        assert_eq!(first(old, new), 4);
        assert_eq!(
            lines(old, new),
            "     2   b\n     3   c\n     4 - d\n       + D\n     5   e\n     6   f\n     7   g\n     \
             8   h\n       + i\n"
        );
        assert_eq!(lines("same\n", "same\n"), "");
        assert_eq!(lines("", "x\n"), "       + x\n");
    }

    #[test]
    fn far_lines_are_left_out_and_many_counted() {
        let old: String = (0..40).map(|n| format!("{n}\n")).collect();
        let new = old.replace("\n5\n", "\nfive\n").replace("\n30\n", "\nthirty\n");
        let shown = lines(&old, &new);
        assert_eq!(shown.lines().filter(|line| line.contains('…')).count(), 1, "{shown}");
        let long: String = (0..200).map(|n| format!("x{n}\n")).collect();
        assert!(lines("", &long).ends_with("… and 140 more lines\n"));
    }
}
