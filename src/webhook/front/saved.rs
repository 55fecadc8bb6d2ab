//! Calls and their legs as they are saved, so that a restart does not lose them.
//!
//! **Invariant:** legs are saved under the provider's name and theirs (`telnyx/v3:…`), so that
//! those of two providers are never taken for each other. A leg that an earlier version saved under
//! its own name alone goes to the first provider that can read its text; it is saved under its new
//! name before the old one is forgotten.
//!
//! **Deliberately absent:** the disk.

use std::collections::BTreeMap;

use crate::id::CallId;
use crate::time::Timestamp;
use crate::webhook::calls;
use crate::webhook::commanded::LegSaving;
use crate::webhook::front::ProviderFront;
use crate::webhook::provider;

/// Between a provider's name and its name for a leg. The former has none.
const BETWEEN: char = '/';

/// What became of a call, or of a leg by its saved name, since it was last saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saving {
    KeepCall(CallId, String),
    ForgetCall(CallId),
    KeepLeg(String, String),
    ForgetLeg(String),
}

/// A provider's name for a leg, and the text.
type Saved = BTreeMap<String, String>;

impl ProviderFront {
    /// The next call or leg to save, or to forget.
    pub fn poll_saving(&mut self) -> Option<Saving> {
        let call = self.calls.poll_saving().map(|saving| match saving {
            calls::Saving::Keep(call, text) => Saving::KeepCall(call, text),
            calls::Saving::Forget(call) => Saving::ForgetCall(call),
        });
        let leg = |front: &mut Self| {
            let mut all = front.commanded();
            let (of, saving) = all.find_map(|(of, legs)| Some((of, legs.poll_saving()?)))?;
            Some(match saving {
                LegSaving::Keep(reference, text) => Saving::KeepLeg(name(of, &reference), text),
                LegSaving::Forget(reference) => Saving::ForgetLeg(name(of, &reference)),
            })
        };
        call.or_else(|| leg(self)).or_else(|| self.old_names.pop_front().map(Saving::ForgetLeg))
    }

    /// Takes up a call where it was; `is_up` is whether the center goes on with it. One that is
    /// over is kept for late reports. `false` when the text is not a saved call.
    pub fn restore_call(&mut self, now: Timestamp, call: CallId, text: &str, is_up: bool) -> bool {
        self.calls.restore(now, call, text, is_up)
    }

    /// Takes up all saved legs, by their saved names; those of calls that do not go on are hung up.
    /// Returns the names of those that no provider can read. Legs of a provider that is not
    /// configured now are left as they are.
    pub fn restore_legs(
        &mut self,
        now: Timestamp,
        saved: &[(String, String)],
        goes_on: &dyn Fn(CallId) -> bool,
    ) -> Vec<String> {
        let (mut named, mut unnamed) = (BTreeMap::<&str, Saved>::new(), Saved::new());
        for (name, text) in saved {
            let (of, reference) = self.split(name);
            let all = of.map_or(&mut unnamed, |of| named.entry(of).or_default());
            all.insert(reference.to_owned(), text.clone());
        }
        let (mut old_names, mut unreadable, mut is_anyone) = (Vec::new(), Vec::new(), false);
        for (of, legs) in self.commanded() {
            is_anyone = true;
            let own = named.remove(of).unwrap_or_default();
            // One that is there under both names was saved anew, and we were lost before its old
            // name was forgotten.
            let mut all = unnamed.clone();
            all.extend(own.clone());
            let unread = legs.restore(now, &all, goes_on);
            unreadable
                .extend(unread.iter().filter(|it| own.contains_key(*it)).map(|it| name(of, it)));
            unnamed.retain(|reference, _| {
                let is_unread = unread.contains(reference);
                old_names.extend((!is_unread).then(|| reference.clone()));
                is_unread
            });
        }
        self.old_names.extend(old_names);
        unreadable.extend(unnamed.into_keys().filter(|_| is_anyone));
        unreadable
    }

    /// A saved name: the provider's, and the provider's for the leg. An earlier version saved no
    /// provider.
    fn split<'a>(&self, name: &'a str) -> (Option<&'a str>, &'a str) {
        match name.split_once(BETWEEN) {
            Some((of, reference)) if self.ways.contains_key(of) || provider(of).is_some() => {
                (Some(of), reference)
            }
            Some(_) | None => (None, name),
        }
    }
}

/// The saved name.
fn name(provider: &str, reference: &str) -> String {
    format!("{provider}{BETWEEN}{reference}")
}
