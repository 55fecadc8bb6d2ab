//! The names of those whom we connect to: [`PeerNames`].
//!
//! A connector needs the name to tell the far end whom it asks for (SNI) and to compare it with the
//! certificate it gets: the domain of the URI, whichever host SRV records led to (RFC 5922 §7.1).
//!
//! **Invariant:** a name has one [`PeerId`] while the process lives, so an id that a path carries
//! never comes to mean another peer.
//!
//! **Deliberately absent:** names that messages bring. The configuration's hosts are in here, and
//! nothing that a stranger sends makes the table grow.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A name of [`PeerNames`], as small as a path needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(u32);

/// Host names, without regard to case.
#[derive(Clone, Debug, Default)]
pub struct PeerNames {
    names: Vec<Arc<str>>,
    ids: BTreeMap<Arc<str>, PeerId>,
}

impl PeerNames {
    /// The id of this name, which it keeps.
    pub fn id_of(&mut self, name: &str) -> PeerId {
        let name = name.to_ascii_lowercase();
        if let Some(id) = self.ids.get(name.as_str()) {
            return *id;
        }
        let id = PeerId(u32::try_from(self.names.len()).expect("fewer hosts than trunks"));
        let name = Arc::<str>::from(name);
        self.names.push(Arc::clone(&name));
        self.ids.insert(name, id);
        id
    }

    /// `None` for an id of another table.
    #[must_use]
    pub fn name(&self, id: PeerId) -> Option<&Arc<str>> {
        self.names.get(usize::try_from(id.0).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_id_and_an_id_its_name() {
        let mut names = PeerNames::default();
        let (acme, other) = (names.id_of("sip.acme.example"), names.id_of("sip.other.example"));
        assert_ne!(acme, other);
        assert_eq!(names.id_of("SIP.Acme.Example"), acme, "hosts have no case");
        assert_eq!(names.name(other).map(|name| &**name), Some("sip.other.example"));
        assert_eq!(PeerNames::default().name(acme), None);
    }
}
