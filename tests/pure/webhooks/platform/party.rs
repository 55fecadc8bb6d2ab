//! The legs a platform dials: agents outside, and those whom a transfer reaches.
//!
//! They answer at once to what they are asked: what is said to them takes no time, and the key that
//! takes the call is pressed as soon as one is waited for.

use attendant::front::{Front, Handoff};
use attendant::id::{CallId, LegId};
use attendant::sim::transcript::Notice;
use attendant::time::Timestamp;
use attendant::webhook::document::Callee;
use attendant::words::Cause;

use super::{Leg, Platform, SIP_HOST};
use crate::platform::{Line, Want, Who};

const ACCEPT: char = '1';
/// Sounds and keys of one document.
const MOMENTS_MAX: usize = 20;

/// Whether the caller's sound is to come to us.
pub(super) fn is_handed_off(to: &Callee) -> bool {
    matches!(to, Callee::Sip(uri) if uri.ends_with(&format!("@{SIP_HOST}")))
}

impl Platform {
    pub(super) fn ring(&mut self, now: Timestamp, call: CallId) {
        let to = self.lines[&call].dialing().map(|dialing| dialing.to.clone());
        let Some(Callee::Sip(uri)) = to.filter(is_handed_off) else { return };
        let user = uri.strip_prefix("sip:").and_then(|rest| rest.split_once('@'));
        let (user, _) = user.expect("a SIP address");
        let address = user.to_owned();
        let arrived = Handoff::Arrived { arrival: 0, address };
        let is_known = self.front.handle_handoff(now, &arrived);
        match is_known.then(|| self.front.poll_handoff()).flatten() {
            Some(Handoff::Expected { leg: caller, party, .. }) => {
                self.handed.insert(call);
                self.notices.push_back(Notice::Talks(caller, party));
                self.with_line(now, call, |line| line.is_bridged(now));
            }
            _ => self.with_line(now, call, |line| {
                line.dial_over(now, Some(Cause::UNALLOCATED_NUMBER));
            }),
        }
    }

    /// Lets whoever was dialed do something, and then what that line wants of the platform.
    pub(super) fn with_party(&mut self, now: Timestamp, leg: LegId, act: impl FnOnce(&mut Line)) {
        let party = self.parties.remove(&leg);
        // A party that no line dials any more is gone.
        let Some(new) = self.lines.get(&leg.call).and_then(Line::party) else { return };
        let mut party = party.unwrap_or(new);
        act(&mut party);
        party.run(now);
        for _ in 0..MOMENTS_MAX {
            let is_due = party.due().is_some_and(|due| due <= now);
            match party.listens() {
                true => party.press(now, ACCEPT),
                false if is_due => party.wake(now),
                false => break,
            }
            party.run(now);
        }
        let wants: Vec<Want> = party.wants.drain(..).collect();
        let who = party.who.clone();
        self.parties.insert(leg, party);
        for want in wants {
            self.party_wants(now, leg, &who, want);
        }
    }

    fn party_wants(&mut self, now: Timestamp, leg: LegId, who: &Who, want: Want) {
        match want {
            Want::Hear(_) => {}
            Want::Ask(url, event) => self.post(now, Leg::Party(leg), &url, who, &event),
            Want::Tell(who, url, event) => self.post(now, Leg::Nobody, &url, &who, &event),
            Want::Bridged => {
                self.notices.push_back(Notice::Talks(LegId::caller(leg.call), leg));
                self.with_line(now, leg.call, |line| line.is_bridged(now));
            }
            Want::Over(cause) => {
                self.with_line(now, leg.call, |line| line.dial_over(now, Some(cause)));
            }
            Want::Recording | Want::Ring => panic!("{want:?} is nothing for a party"),
        }
    }
}
