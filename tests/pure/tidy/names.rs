//! A struct has a name of its own: one that is used in three rooms says nothing.
//!
//! **Invariant:** the exceptions are today's, with the number of rooms; one that shrank or is gone
//! must be written down so, and none may grow or be added.
//!
//! **Deliberately absent:** enums and traits, and what tests call theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{SourceFile, assert_clean, is_word, source_files};

/// In how many rooms a name may stand.
const ROOMS_MAX: usize = 2;

/// Names in more rooms, and in how many. This list only shrinks.
const IN_MORE_ROOMS: &[(&str, usize)] = &[
    ("Agent", 4),
    ("Calls", 4),
    ("Consult", 3),
    ("Entry", 4),
    ("Leg", 6),
    ("Node", 3),
    ("Open", 3),
    ("Place", 3),
    ("Places", 3),
    ("Queue", 5),
    ("Report", 4),
    ("Run", 3),
    ("Trunk", 3),
];

/// The structs of each name, by room.
fn rooms_of(files: &[SourceFile]) -> BTreeMap<String, BTreeSet<String>> {
    let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files.iter().filter(|file| !file.is_test()) {
        let Some(room) = &file.module else { continue };
        let code = file.code.split("#[cfg(test)]").next().unwrap_or_default();
        for (at, _) in code.match_indices("struct ") {
            if code[..at].chars().next_back().is_some_and(is_word) {
                continue;
            }
            let rest = &code[at + "struct ".len()..];
            let name = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
            rooms.entry(name.to_owned()).or_default().insert(room.clone());
        }
    }
    rooms
}

/// Names in more rooms than they may be, and exceptions that are not needed as they stand.
fn wrong(rooms: &BTreeMap<String, BTreeSet<String>>, exceptions: &[(&str, usize)]) -> String {
    let mut errors = String::new();
    for (name, rooms) in rooms {
        let exception = exceptions.iter().find(|(it, _)| it == name);
        let most = exception.map_or(ROOMS_MAX, |(_, most)| *most);
        if rooms.len() > most {
            let list: Vec<&str> = rooms.iter().map(String::as_str).collect();
            let list = list.join(", ");
            writeln!(errors, "struct `{name}` is in {list}: say which, in the name").unwrap();
        }
    }
    for (name, most) in exceptions {
        let now = rooms.get(*name).map_or(0, BTreeSet::len);
        if now < *most {
            let row = match now > ROOMS_MAX {
                true => format!("write {now} for {most}"),
                false => "take its row out".to_owned(),
            };
            writeln!(errors, "IN_MORE_ROOMS: `{name}` is in {now} rooms: {row}").unwrap();
        }
    }
    errors
}

#[test]
fn no_struct_has_the_name_of_two_others() {
    assert_clean(&wrong(&rooms_of(&source_files()), IN_MORE_ROOMS));
}

#[test]
fn the_rules_can_fire() {
    let file = |path: &str, text: &str| SourceFile::new(path.to_owned(), text.to_owned());
    let files = [
        file("src/acd/x.rs", "pub struct Leg;\n// struct Leg2\nstruct Legs<T> {}\n"),
        file("src/sip/ua/x.rs", "pub(super) struct Leg(u8);\n"),
        file("src/sip/y.rs", "struct Leg {}\nlet constructs = 1;\n"),
        file("src/media.rs", "struct Leg<'a> {}\n#[cfg(test)]\nmod tests { struct Legs; }\n"),
        file("src/flow/tests.rs", "struct Leg;\n"),
    ];
    let rooms = rooms_of(&files);
    assert_eq!(rooms.keys().collect::<Vec<_>>(), ["Leg", "Legs"]);
    let errors = wrong(&rooms, &[]);
    assert_eq!(errors, "struct `Leg` is in acd, media, sip: say which, in the name\n");
    assert_eq!(wrong(&rooms, &[("Leg", 3)]), "");
    assert!(wrong(&rooms, &[("Leg", 4)]).contains("write 3 for 4"));
    assert!(wrong(&rooms, &[("Leg", 3), ("Legs", 3)]).contains("take its row out"));
}
