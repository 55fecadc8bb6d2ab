//! The legs a platform dials: agents outside, and those whom a transfer reaches.

use std::time::Duration;

use attendant::center::Cause;
use attendant::id::{CallId, LegId};
use attendant::sim::transcript::Told;
use attendant::time::Timestamp;
use attendant::webhook::document::Callee;

use super::{Dialing, Instruction, Leg, News, Platform, SIP_HOST};

/// Whether the caller's sound is to come to us.
pub(super) fn is_handed_off(to: &Callee) -> bool {
    matches!(to, Callee::Sip(uri) if uri.ends_with(&format!("@{SIP_HOST}")))
}

impl Platform {
    pub(super) fn ring(&mut self, now: Timestamp, call: CallId, dialing: &Dialing) {
        let Callee::Sip(uri) = &dialing.to else { return self.rings(now, call, dialing) };
        if !is_handed_off(&dialing.to) {
            return self.rings(now, call, dialing);
        }
        let user = uri.strip_prefix("sip:").and_then(|rest| rest.split_once('@'));
        let (user, _) = user.expect("a SIP address");
        match self.desk.arm(user) {
            Some((caller, party)) => {
                self.told.push_back(Told::Talks(caller, party));
                self.with_line(now, call, |line| line.is_bridged(now));
            }
            None => self.with_line(now, call, |line| {
                line.dial_over(now, Some(Cause::UNALLOCATED_NUMBER));
            }),
        }
    }

    fn rings(&mut self, now: Timestamp, call: CallId, dialing: &Dialing) {
        self.tell_of_party(now, call, dialing, &News::PartyRings);
    }

    fn tell_of_party(&mut self, now: Timestamp, call: CallId, dialing: &Dialing, news: &News) {
        let Some(told) = &dialing.told else { return };
        let who = self.lines[&call].party_of(dialing);
        self.post(now, Leg::Nobody, told, &who, news);
    }

    pub(super) fn party_answers(&mut self, now: Timestamp, leg: LegId) {
        let Some(dialing) = self.lines[&leg.call].dialing().cloned() else { return };
        self.tell_of_party(now, leg.call, &dialing, &News::PartyAnswered);
        let who = self.lines[&leg.call].party_of(&dialing);
        match &dialing.answered {
            Some(url) => self.post(now, Leg::Party(leg), url, &who, &News::PartyAsks),
            None => self.party_answered(now, leg, &[]),
        }
    }

    /// A party's document: it hears what is said, presses the key where one is waited for, hangs up
    /// where the document does, and is bridged at the document's end.
    pub(super) fn party_answered(
        &mut self,
        now: Timestamp,
        leg: LegId,
        instructions: &[Instruction],
    ) {
        let is_sound = |one: &&Instruction| {
            matches!(
                one,
                Instruction::Say { .. } | Instruction::Play { .. } | Instruction::Pause { .. }
            )
        };
        let Some(dialing) = self.lines[&leg.call].dialing().cloned() else { return };
        match instructions.iter().find(|one| !is_sound(one)) {
            None => {
                assert!(dialing.confirm.is_none_or(|key| key == '1'), "it presses 1");
                self.tell_of_party(now, leg.call, &dialing, &News::PartyConnected);
                self.told.push_back(Told::Talks(LegId::caller(leg.call), leg));
                self.with_line(now, leg.call, |line| line.is_bridged(now));
            }
            Some(Instruction::Gather(gather)) => {
                let who = self.lines[&leg.call].party_of(&dialing);
                let news = News::Keys("1".to_owned(), None);
                self.post(now, Leg::Party(leg), &gather.url.clone(), &who, &news);
            }
            Some(Instruction::HangUp) => self.party_fails(now, leg, Cause::NORMAL_CLEARING),
            Some(other) => panic!("{other:?} is nothing for a party"),
        }
    }

    pub(super) fn party_fails(&mut self, now: Timestamp, leg: LegId, cause: Cause) {
        let Some(dialing) = self.lines[&leg.call].dialing().cloned() else { return };
        let news = News::PartyEnded(cause, Duration::ZERO);
        self.tell_of_party(now, leg.call, &dialing, &news);
        self.with_line(now, leg.call, |line| line.dial_over(now, Some(cause)));
    }

    pub(super) fn party_hangs_up(&mut self, now: Timestamp, leg: LegId) {
        let line = &self.lines[&leg.call];
        let Some(dialing) = line.dialing().cloned() else { return };
        let news = News::PartyEnded(Cause::NORMAL_CLEARING, line.talked(now));
        self.tell_of_party(now, leg.call, &dialing, &news);
        self.with_line(now, leg.call, |line| line.dial_over(now, None));
    }

    /// It was given up, or rang for too long.
    pub(super) fn party_ended(
        &mut self,
        now: Timestamp,
        call: CallId,
        dialing: &Dialing,
        cause: Cause,
    ) {
        if !is_handed_off(&dialing.to) {
            self.tell_of_party(now, call, dialing, &News::PartyEnded(cause, Duration::ZERO));
        }
    }
}
