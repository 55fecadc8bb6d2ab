//! Files of one room that need each other in a circle: at most four of them.
//!
//! A file needs another where its code names an item of it by path, by an import or in place. A
//! re-export is looked through to the file that has the item, so that a room's `mod.rs` may offer
//! what its files have without needing them.
//!
//! **Invariant:** the exceptions are today's and their sizes; one that shrank or is gone must be
//! written down so, and none may grow or be added.
//!
//! **Deliberately absent:** methods. A struct whose `impl` is spread over files is one thing here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{SourceFile, assert_clean, is_word, source_files};

/// More files than these in one circle cannot be read one by one.
const CIRCLE_MAX: usize = 4;

/// Rooms with a larger circle, and how large. This list only shrinks.
const LARGER: &[(&str, usize)] = &[];

/// A file's place in the tree of modules: `flow::step::ask` is three names.
type Place = Vec<String>;

/// A path as written, without `as`.
type Written = Vec<String>;

/// One item that a file imports.
struct Import {
    /// Under which name it is used here.
    name: String,
    path: Written,
    /// `pub use`, in any form: offered to others.
    is_offered: bool,
}

/// Files by place, with what they import and the paths in their code.
struct Tree {
    imports: BTreeMap<Place, Vec<Import>>,
    paths: BTreeMap<Place, Vec<Written>>,
}

impl Tree {
    fn new(files: &[SourceFile]) -> Self {
        let mut tree = Self { imports: BTreeMap::new(), paths: BTreeMap::new() };
        for file in files.iter().filter(|file| file.module.is_some() && !file.is_test()) {
            let Some(place) = place(&file.path) else { continue };
            let code = file.code.split("#[cfg(test)]").next().unwrap_or_default();
            let (imports, rest) = imports(code);
            tree.imports.insert(place.clone(), imports);
            tree.paths.insert(place, paths(&rest));
        }
        tree
    }

    fn is_file(&self, place: &[String]) -> bool {
        self.imports.contains_key(place)
    }

    /// Where a path begins that is written in the file at `from`, and what follows of it. `None`
    /// for one that leads out of this package.
    fn begin<'a>(&self, from: &Place, path: &'a [String]) -> Option<(Place, &'a [String])> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some((Place::new(), rest)),
            "self" => Some((from.clone(), rest)),
            "super" => {
                let ups = path.iter().take_while(|name| *name == "super").count();
                let kept = from.len().checked_sub(ups)?;
                Some((from[..kept].to_vec(), &path[ups..]))
            }
            _ => {
                let child = [from.as_slice(), std::slice::from_ref(first)].concat();
                if self.is_file(&child) {
                    return Some((child, rest));
                }
                // A module that was imported, as in `use super::legs;` and `legs::Role`.
                let import = self.imports[from].iter().find(|import| import.name == *first)?;
                if import.path.first() == Some(first) {
                    return None; // a crate of this name
                }
                let (place, tail) = self.begin(from, &import.path)?;
                let place = [place.as_slice(), tail].concat();
                self.is_file(&place).then_some((place, rest))
            }
        }
    }

    /// The file that has the item this path leads to, by whichever re-exports.
    fn owner(&self, from: &Place, path: &[String], depth: usize) -> Option<Place> {
        let (mut place, mut rest) = self.begin(from, path)?;
        while let Some((name, after)) = rest.split_first() {
            let child = [place.as_slice(), std::slice::from_ref(name)].concat();
            if !self.is_file(&child) {
                break;
            }
            (place, rest) = (child, after);
        }
        let offered = rest.first().and_then(|name| {
            let imports = self.imports.get(&place)?;
            imports.iter().find(|import| import.is_offered && import.name == *name)
        });
        match offered {
            Some(import) if depth < 8 => {
                self.owner(&place, &import.path, depth + 1).or(Some(place))
            }
            _ => self.is_file(&place).then_some(place),
        }
    }

    /// The files of the same room that this one needs.
    fn needs(&self, from: &Place) -> BTreeSet<Place> {
        let imports = self.imports[from].iter().filter(|import| !import.is_offered);
        // A module alone is needed where it is used.
        let items = imports.filter(|import| {
            self.begin(from, &import.path)
                .is_some_and(|(place, rest)| !self.is_file(&[place.as_slice(), rest].concat()))
        });
        let written = items.map(|import| &import.path).chain(&self.paths[from]);
        let owners = written.filter_map(|path| self.owner(from, path, 0));
        owners.filter(|owner| owner != from && owner.first() == from.first()).collect()
    }

    /// The largest set of files of each room of which each needs each other, directly or not, where
    /// it is more than one file.
    fn circles(&self) -> BTreeMap<String, Vec<String>> {
        let needs: BTreeMap<&Place, BTreeSet<Place>> =
            self.imports.keys().map(|place| (place, self.needs(place))).collect();
        let reach = |from: &Place| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(place) = next.pop() {
                let new = needs[&place].iter().filter(|place| seen.insert((*place).clone()));
                next.extend(new.cloned().collect::<Vec<_>>());
            }
            seen
        };
        let reached: BTreeMap<&Place, BTreeSet<Place>> =
            self.imports.keys().map(|place| (place, reach(place))).collect();
        let mut largest: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (from, reaches) in reached.iter().filter(|(from, reaches)| reaches.contains(**from)) {
            let circle = reaches.iter().filter(|place| reached[place].contains(*from));
            let circle: Vec<String> = circle.map(|place| place.join("::")).collect();
            let held = largest.entry(from[0].clone()).or_default();
            if circle.len() > held.len() {
                *held = circle;
            }
        }
        largest
    }
}

/// The place of a file below `src`; none for `lib.rs` and `main.rs`, which declare modules.
fn place(path: &str) -> Option<Place> {
    let names = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let names = names.strip_suffix("/mod").unwrap_or(names);
    (names != "lib" && names != "main").then(|| names.split('/').map(str::to_owned).collect())
}

/// The imports of this code, and the code without them.
fn imports(code: &str) -> (Vec<Import>, String) {
    let (mut found, mut rest) = (Vec::new(), String::new());
    for statement in code.split_inclusive(';') {
        let begins = statement
            .rfind("use ")
            .filter(|at| !statement[..*at].chars().next_back().is_some_and(is_word));
        let Some(at) = begins else {
            rest.push_str(statement);
            continue;
        };
        let (before, tree) = statement.split_at(at);
        let line = before.rsplit(['\n', '}', '{', ']']).next().unwrap_or_default();
        let tree = tree.trim_start_matches("use ").trim_end_matches(';');
        expand(tree, &Written::new(), line.contains("pub"), &mut found);
        rest.push_str(before);
    }
    (found, rest)
}

/// Writes the leaves of a tree of imports out.
fn expand(tree: &str, prefix: &Written, is_offered: bool, found: &mut Vec<Import>) {
    let tree = tree.trim();
    let names = |text: &str| -> Vec<String> {
        let names = text.split("::").map(str::trim).filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    };
    let Some((head, inside)) = tree.split_once('{') else {
        let (path, alias) = match tree.split_once(" as ") {
            Some((path, alias)) => (path, Some(alias.trim().to_owned())),
            None => (tree, None),
        };
        let mut path = [prefix.as_slice(), &names(path)].concat();
        if path.last().is_some_and(|name| name == "self") && path.len() > 1 {
            path.pop();
        }
        let Some(last) = path.last().cloned() else { return };
        found.push(Import { name: alias.unwrap_or(last), path, is_offered });
        return;
    };
    let prefix = [prefix.as_slice(), &names(head)].concat();
    let (mut depth, mut begins) = (0_u32, 0);
    let inside = inside.rsplit_once('}').map_or(inside, |(inside, _)| inside);
    for (at, c) in inside.char_indices().chain([(inside.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                expand(&inside[begins..at], &prefix, is_offered, found);
                begins = (at + 1).min(inside.len());
            }
            _ => {}
        }
    }
}

/// Paths of two names or more in code.
fn paths(code: &str) -> Vec<Written> {
    let mut found = Vec::new();
    for word in code.split(|c: char| !is_word(c) && c != ':') {
        let names: Vec<String> = word.split("::").map(str::to_owned).collect();
        let is_path = names.len() > 1 && names.iter().all(|name| name.chars().all(is_word));
        if is_path && !names[0].is_empty() {
            found.push(names);
        }
    }
    found
}

/// Circles that are larger than they may be, and exceptions that are not needed as they stand.
fn wrong(circles: &BTreeMap<String, Vec<String>>, larger: &[(&str, usize)]) -> String {
    let mut errors = String::new();
    for (room, files) in circles {
        let exception = larger.iter().find(|(name, _)| name == room);
        let most = exception.map_or(CIRCLE_MAX, |(_, most)| *most);
        if files.len() > most {
            writeln!(
                errors,
                "src/{room}: {} files in a circle, at most {most}: {}. Move what two of them need \
                 to a file of its own",
                files.len(),
                files.join(", ")
            )
            .unwrap();
        }
    }
    for (room, most) in larger {
        let files = circles.get(*room).map_or(0, Vec::len);
        if files < *most {
            let now = match files > CIRCLE_MAX {
                true => format!("write {files} for {most}"),
                false => "take its row out".to_owned(),
            };
            writeln!(errors, "LARGER: the circle of `{room}` has {files} files: {now}").unwrap();
        }
    }
    errors
}

#[test]
fn no_room_has_a_circle_of_many_files() {
    let tree = Tree::new(&source_files());
    assert!(tree.imports.len() > 300, "{} files were read", tree.imports.len());
    assert_clean(&wrong(&tree.circles(), LARGER));
}

#[test]
fn the_rules_can_fire() {
    let file = |path: &str, text: &str| SourceFile::new(path.to_owned(), text.to_owned());
    let files = [
        file("src/flow/mod.rs", "mod a;\nmod b;\npub use a::{A, B as C};\nuse self::b::D;\n"),
        // By a re-export, with an alias, in a group.
        file("src/flow/b.rs", "use super::{C, e::{self, E}};\n// crate::flow::d::D\n"),
        file("src/flow/a.rs", "pub(crate) use crate::acd::X;\nfn a() { super::e::run() }\n"),
        file("src/flow/e.rs", "#[x]\nuse super::d;\nfn e() -> d::D { \"super::b::B\" }\n"),
        file("src/flow/d.rs", "use crate::flow::{mod_like, b::D};\n"),
        file("src/flow/alone.rs", "use super::a::A;\n#[cfg(test)]\nuse super::d::D;\n"),
        file("src/acd/mod.rs", "use crate::flow::A;\n"),
        file("src/flow/tests.rs", "use super::alone::A;\n"),
    ];
    let tree = Tree::new(&files);
    let needs = |path: &str| {
        let needs = tree.needs(&place(path).unwrap());
        needs.iter().map(|place| place.join("::")).collect::<Vec<_>>()
    };
    assert_eq!(needs("src/flow/mod.rs"), ["flow::b"]);
    assert_eq!(needs("src/flow/b.rs"), ["flow::a", "flow::e"]);
    assert_eq!(needs("src/flow/a.rs"), ["flow::e"]);
    assert_eq!(needs("src/flow/e.rs"), ["flow::d"]);
    assert_eq!(needs("src/flow/d.rs"), ["flow", "flow::b"]);
    assert_eq!(needs("src/flow/alone.rs"), ["flow::a"]);
    let circles = tree.circles();
    assert_eq!(circles["flow"], ["flow", "flow::a", "flow::b", "flow::d", "flow::e"]);
    assert_eq!(circles.len(), 1);
    assert!(wrong(&circles, &[]).starts_with("src/flow: 5 files in a circle, at most 4: flow, "));
    assert_eq!(wrong(&circles, &[("flow", 5)]), "");
    assert!(wrong(&circles, &[("flow", 6)]).contains("write 5 for 6"));
    assert!(wrong(&circles, &[("flow", 5), ("acd", 5)]).contains("take its row out"));
}
