//! What fronts do otherwise than a telephone of our own.

use crate::words::Need;

/// What carries calls, and what it does otherwise than a telephone of our own.
pub struct Front<'a> {
    pub name: &'a str,
    /// What is different, or `None`.
    pub differs: &'a dyn Fn(&Need) -> Option<String>,
}

/// What is different, with those who do it: alike ones together, in the order of the fronts.
pub(super) fn otherwise(verb: &str, needs: &[Need], fronts: &[Front<'_>]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for need in needs {
        let mut alike: Vec<(String, Vec<&str>)> = Vec::new();
        for front in fronts {
            let Some(how) = (front.differs)(need) else { continue };
            match alike.iter_mut().find(|(known, _)| *known == how) {
                Some((_, who)) => who.push(front.name),
                None => alike.push((how, vec![front.name])),
            }
        }
        let said = alike.into_iter().map(|(how, who)| format!("{}: {how}.", who.join(", ")));
        let said: Vec<String> = said.collect();
        if !said.is_empty() {
            found.push((need.words(verb).replace('`', ""), said.join(" ")));
        }
    }
    found
}
