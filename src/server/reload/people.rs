//! Which callers of the directory a reload knows in another way.
//!
//! **Invariant:** each number that is new, gone or of another entry is in one line, or counted in
//! the last. Above DEBUG a number has only its last digits, and a caller no name.
//!
//! **Deliberately absent:** what the fields say. They are named.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::call::{Directory, Entry};
use crate::server::reload::changes::Change;

/// Changed entries that are named; of more than these the number is said.
const NAMED_MAX: usize = 50;
/// Numbers of one entry that are named.
const NUMBERS_NAMED_MAX: usize = 5;
/// Last digits of a number that a log may show.
const DIGITS_SHOWN: usize = 2;

/// The entry before and the one after. Numbers that share both are said in one line.
type Step<'a> = (Option<&'a Arc<Entry>>, Option<&'a Arc<Entry>>);

/// One change per entry that is another, in the order of their first numbers.
pub(super) fn changed(old: &Directory, new: &Directory) -> Vec<Change> {
    let mut steps: Vec<(Step<'_>, Vec<&str>)> = Vec::new();
    let mut known: BTreeMap<_, usize> = BTreeMap::new();
    for number in numbers(old, new) {
        let step = (old.find(number), new.find(number));
        if step.0 == step.1 {
            continue;
        }
        // An entry is known by where it is: two callers may have the same fields.
        let id = (step.0.map(Arc::as_ptr), step.1.map(Arc::as_ptr));
        match known.entry(id) {
            Slot::Occupied(at) => steps[*at.get()].1.push(number),
            Slot::Vacant(at) => {
                at.insert(steps.len());
                steps.push((step, vec![number]));
            }
        }
    }
    let mut changes: Vec<Change> =
        steps.iter().take(NAMED_MAX).map(|(step, numbers)| change(*step, numbers)).collect();
    if let more @ 1.. = steps.len().saturating_sub(NAMED_MAX) {
        changes.push(Change::open(format!("and {more} more entries of callers")));
    }
    changes
}

/// All numbers of both, in order, each once.
fn numbers<'a>(old: &'a Directory, new: &'a Directory) -> impl Iterator<Item = &'a str> {
    let (mut old, mut new) = (old.numbers().peekable(), new.numbers().peekable());
    std::iter::from_fn(move || match (old.peek().copied(), new.peek().copied()) {
        (Some(a), Some(b)) if a == b => {
            new.next();
            old.next()
        }
        (Some(a), Some(b)) if a < b => old.next(),
        (Some(_), None) => old.next(),
        (_, Some(_)) => new.next(),
        (None, None) => None,
    })
}

fn change((old, new): Step<'_>, numbers: &[&str]) -> Change {
    let what = match (old, new) {
        (None, _) => "is new".to_owned(),
        (Some(_), None) => "is removed".to_owned(),
        (Some(old), Some(new)) => format!("changed: {}", fields(old, new).join(", ")),
    };
    let name = new.or(old).and_then(|entry| entry.name.as_deref());
    let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
    let list = |shown: &dyn Fn(&str) -> String| {
        let named = numbers.iter().take(NUMBERS_NAMED_MAX);
        let mut list = named.map(|number| shown(number)).collect::<Vec<_>>().join(", ");
        if let more @ 1.. = numbers.len().saturating_sub(NUMBERS_NAMED_MAX) {
            let _ = write!(list, " and {more} more");
        }
        list
    };
    let masked = |number: &str| {
        let hidden = number.chars().count().saturating_sub(DIGITS_SHOWN);
        format!("…{}", number.chars().skip(hidden).collect::<String>())
    };
    Change {
        text: format!("caller {}{name} {what}", list(&str::to_owned)),
        masked: Some(format!("caller {} {what}", list(&masked))),
    }
}

/// Names of the fields in which they differ, as the file has them.
fn fields<'a>(old: &'a Entry, new: &'a Entry) -> Vec<&'a str> {
    let Entry { name, language, vip, segment, account, preferred_agent, fields } = old;
    let ours = [
        (*name != new.name, "name"),
        (*language != new.language, "language"),
        (*vip != new.vip, "vip"),
        (*segment != new.segment, "segment"),
        (*account != new.account, "account"),
        (*preferred_agent != new.preferred_agent, "preferred_agent"),
    ];
    let ours = ours.into_iter().filter(|(is_other, _)| *is_other).map(|(_, name)| name);
    let mut free: Vec<&str> = fields.keys().chain(new.fields.keys()).map(String::as_str).collect();
    free.sort_unstable();
    free.dedup();
    free.retain(|name| fields.get(*name) != new.fields.get(*name));
    ours.chain(free).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(entries: &[(&[&str], Entry)]) -> Directory {
        let mut directory = Directory::default();
        for (numbers, entry) in entries {
            let entry = Arc::new(entry.clone());
            for number in *numbers {
                directory.insert((*number).to_owned(), Arc::clone(&entry));
            }
        }
        directory
    }

    fn named(name: &str) -> Entry {
        Entry { name: Some(name.to_owned()), ..Entry::default() }
    }

    fn texts(changes: &[Change]) -> Vec<&str> {
        changes.iter().map(|change| change.text.as_str()).collect()
    }

    #[test]
    fn each_entry_that_is_another_is_named_with_its_fields() {
        let ada = (&["+14155550123", "1001"][..], named("Ada"));
        let dan = (&["+14155550127"][..], named("Dan"));
        let old = directory(&[ada.clone(), dan, (&["+14155550129"], named("Fay"))]);
        let ada = Entry {
            vip: true,
            fields: [("contract".to_owned(), serde_json::json!("gold"))].into(),
            ..ada.1
        };
        let new = directory(&[
            (&["+14155550123", "1001", "1002"], ada),
            (&["+14155550129"], named("Fay")),
            (&["+14155550130"], Entry::default()),
        ]);
        let changes = changed(&old, &new);
        let expected = [
            "caller +14155550123, 1001 (Ada) changed: vip, contract",
            "caller +14155550127 (Dan) is removed",
            "caller +14155550130 is new",
            "caller 1002 (Ada) is new",
        ];
        assert_eq!(texts(&changes), expected);
        let masked: Vec<&str> = changes.iter().map(Change::masked).collect();
        let expected = [
            "caller …23, …01 changed: vip, contract",
            "caller …27 is removed",
            "caller …30 is new",
            "caller …02 is new",
        ];
        assert_eq!(masked, expected, "the log has neither name nor number");
        assert_eq!(changed(&new, &new.clone()), []);
    }

    #[test]
    fn of_a_file_that_is_another_as_a_whole_the_first_are_named_and_the_others_counted() {
        let numbers: Vec<String> = (1000..1060).map(|number| number.to_string()).collect();
        let mut new = Directory::default();
        for number in &numbers {
            new.insert(number.clone(), Arc::new(Entry::default()));
        }
        let changes = changed(&Directory::default(), &new);
        assert_eq!(changes.len(), NAMED_MAX + 1);
        assert_eq!(changes.last().unwrap().text, "and 10 more entries of callers");
        let many: Vec<&str> = numbers.iter().map(String::as_str).take(7).collect();
        let one = changed(&directory(&[(&many, named("Ada"))]), &Directory::default());
        let expected = "caller 1000, 1001, 1002, 1003, 1004 and 2 more (Ada) is removed";
        assert_eq!(texts(&one), [expected]);
    }
}
