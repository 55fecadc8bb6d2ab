//! Other trunks and telephones, while calls are up.
//!
//! **Invariant:** a trunk keeps its position, by which calls know theirs, for as long as the
//! process lives; one that is gone takes and makes no call, and those that are up on it go on.
//! An event says whether an agent's telephone can be reached, whenever that changes.
//!
//! **Deliberately absent:** sockets and realm: those are bound, and told to telephones, once.

use std::collections::BTreeMap;

use crate::id::AgentId;
use crate::sip::ua::Ua;
use crate::sip::ua::known::Places;
use crate::sip::ua::port::UaEvent;
use crate::sip::ua::setup::{Phone, PhoneAt, Trunk};

impl Ua {
    /// From now on these are the trunks, and these the telephones by [`AgentId`]. A telephone whose
    /// password is another than before has to register again; one that registers no more is gone.
    pub fn reconfigure(&mut self, trunks: Vec<Trunk>, phones: Vec<Phone>) {
        self.change_trunks(trunks);
        self.change_phones(phones);
        self.trunks = self.setup.networks();
        self.secrets = self.setup.secrets();
        self.verifier.set_md5(self.setup.allows_md5());
        self.places = Places::new(&self.setup).of_machine(&self.places);
    }

    /// Their names, by position.
    pub fn trunk_names(&self) -> impl Iterator<Item = &str> {
        self.setup.trunks.iter().map(|trunk| trunk.name.as_str())
    }

    fn change_trunks(&mut self, trunks: Vec<Trunk>) {
        let mut new: BTreeMap<String, Trunk> =
            trunks.into_iter().map(|trunk| (trunk.name.clone(), trunk)).collect();
        for known in &mut self.setup.trunks {
            let next = new.remove(&known.name).unwrap_or_else(|| known.closed());
            // Where its host was found to be holds until it is looked up again.
            let is_there = known.uri == next.uri;
            let servers = if is_there { std::mem::take(&mut known.servers) } else { Vec::new() };
            *known = Trunk { servers, ..next };
        }
        self.setup.trunks.extend(new.into_values());
        self.channels.resize(self.setup.trunks.len(), 0);
        let names = &mut self.peer_names;
        self.peers = self.setup.trunks.iter().map(|trunk| trunk.peer(names)).collect();
    }

    fn change_phones(&mut self, phones: Vec<Phone>) {
        let before = std::mem::replace(&mut self.setup.phones, phones);
        let nowhere = Phone { user: String::new(), at: PhoneAt::Elsewhere };
        let changes: Vec<(AgentId, bool, bool)> = self
            .setup
            .agents()
            .map(|(agent, now)| {
                let before = before.get(agent.0 as usize).unwrap_or(&nowhere);
                let was_fixed = matches!(before.at, PhoneAt::Fixed { .. });
                let is_fixed = matches!(now.at, PhoneAt::Fixed { .. });
                let logs_in_as_before = match (&before.at, &now.at) {
                    (
                        PhoneAt::Registers { password, md5 },
                        PhoneAt::Registers { password: new, md5: new_md5 },
                    ) => password == new && md5 == new_md5,
                    (PhoneAt::Registers { .. }, PhoneAt::Fixed { .. } | PhoneAt::Elsewhere) => {
                        false
                    }
                    (PhoneAt::Fixed { .. } | PhoneAt::Elsewhere, _) => true,
                };
                if was_fixed != is_fixed {
                    return (agent, !logs_in_as_before, true);
                }
                (agent, !logs_in_as_before, false)
            })
            .collect();
        for (agent, drops, moves) in changes {
            if drops {
                self.registrar.forget(agent);
            }
            self.tell_changes();
            if moves {
                let phone = self.setup.phones.get(agent.0 as usize);
                let reachable = phone.is_some_and(|it| matches!(it.at, PhoneAt::Fixed { .. }));
                self.emit(UaEvent::Reachable { agent, reachable });
            }
        }
    }
}
