//! Which server of which trunk carries a call of ours, and the next one when it does not (RFC 3263
//! §4.3, RFC 3261 §21.5.4).
//!
//! A server that answers 503, cannot be reached or says nothing at all is left out for a while. The
//! call goes to the trunk's next one, and after its last to the next trunk that the center allowed
//! for the number.
//!
//! **Invariant:** a call is tried at each address of its trunks once at most; while a server asked
//! to be left alone (`Retry-After`), no call goes there.
//!
//! **Deliberately absent:** the choice of trunks, which is the center's; and busy, declined or
//! unknown numbers, which are so through every trunk.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::id::LegId;
use crate::sip::locate::{self, Destination};
use crate::sip::sdp::LocalMedia;
use crate::sip::ua::invite::{Cancel, Stage};
use crate::sip::ua::target::Callee;
use crate::sip::ua::{DialogId, DialogTimer, Leg, Ua, UaEvent};
use crate::time::Timestamp;
use crate::words::{Cause, From};

/// How long a server is left out that failed without saying for how long.
const COOLDOWN_DEFAULT: Duration = Duration::from_secs(30);
/// A longer `Retry-After` is cut to this, so that one response cannot silence a server for a day.
const COOLDOWN_MAX: Duration = Duration::from_secs(900);
/// A server that says nothing for this long, not even 100, is given up on where there is another
/// one: four datagrams went out by then.
const SILENCE_MAX: Duration = Duration::from_secs(6);
/// The same of an agent's telephone: 100 is due within 200 ms (RFC 3261 §17.2.1), and four
/// datagrams went out. It is a fault of the device then, not of the person.
const PHONE_SILENCE_MAX: Duration = Duration::from_secs(4);
/// A telephone that has said nothing gets this much more when another of the same agent has refused
/// the call: two datagrams went out.
const SILENCE_BESIDE_MAX: Duration = Duration::from_secs(1);
/// Trunks tried for one call.
const TRUNKS_PER_CALL_MAX: usize = 8;
/// Addresses of one trunk tried for one call; further ones are not.
const DESTINATIONS_PER_TRUNK_MAX: usize = 8;

/// A server that does not take calls now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cooldown {
    until: Timestamp,
    /// It asked for it itself.
    asked: bool,
}

/// One try of a call.
#[derive(Clone, Copy, Debug)]
struct Route {
    /// By position.
    trunk: usize,
    to: Destination,
}

impl Route {
    /// What a [`Cooldown`] is of.
    fn place(self) -> (usize, SocketAddr) {
        (self.trunk, self.to.address)
    }
}

/// What it takes to try a call elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Routes {
    /// The next one first.
    left: VecDeque<Route>,
    /// The trunk that the center knows of.
    told: Option<usize>,
    number: String,
    from: From,
    media: LocalMedia,
}

impl Ua {
    /// Calls `number` through the first of these trunks that takes calls now.
    pub(super) fn dial_outside(
        &mut self,
        now: Timestamp,
        leg: LegId,
        (first, others): (&str, &[String]),
        number: &str,
        from: &From,
        media: &LocalMedia,
    ) {
        let position = |name: &str| self.setup.trunks.iter().position(|trunk| trunk.name == name);
        let names = std::iter::once(first).chain(others.iter().map(String::as_str));
        let known: Vec<_> = names.filter_map(position).take(TRUNKS_PER_CALL_MAX).collect();
        let told = position(first);
        let mut all = Vec::new();
        for trunk in known {
            let to = self.destinations(trunk, media.address);
            all.extend(to.into_iter().map(|to| Route { trunk, to }));
        }
        // One that only seemed to fail is still better than none.
        let (ready, cooling): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|route| !self.cools_down(now, *route));
        let left = ready.into_iter().chain(cooling).collect();
        let (from, media) = (from.clone(), media.clone());
        let mut routes = Routes { left, told, number: number.to_owned(), from, media };
        match self.next_route(now, &mut routes) {
            Err(cause) => self.emit(UaEvent::Failed { leg, cause }),
            Ok(callee) => {
                self.tell_route(leg, callee.trunk, &mut routes);
                self.call(now, leg, vec![callee], &routes.from, &routes.media);
                self.go_on_with(now, leg, routes);
            }
        }
    }

    /// Where calls through this trunk may go, in an order drawn for this one. First those of the IP
    /// version of its sound, which its description names.
    fn destinations(&mut self, trunk: usize, sound: IpAddr) -> Vec<Destination> {
        let mut to = locate::in_order(&self.servers_of(trunk), &mut self.rng);
        to.sort_by_key(|to| to.address.is_ipv4() != sound.is_ipv4());
        to.truncate(DESTINATIONS_PER_TRUNK_MAX);
        to
    }

    /// The center hears of another trunk, not of another server of the same one.
    fn tell_route(&mut self, leg: LegId, trunk: Option<usize>, routes: &mut Routes) {
        let Some(index) = trunk.filter(|trunk| routes.told != Some(*trunk)) else { return };
        routes.told = trunk;
        self.emit(UaEvent::Rerouted { leg, trunk: self.setup.trunks[index].name.clone() });
    }

    /// Keeps what another attempt takes, and waits for a sign of life of this one.
    fn go_on_with(&mut self, now: Timestamp, leg: LegId, routes: Routes) {
        let Some(entry) = self.legs.get_mut(&leg) else { return };
        let more = !routes.left.is_empty();
        entry.routes = Some(Box::new(routes));
        if let (true, Some(id)) = (more, entry.dialogs.first()) {
            self.dialog_timers.set((*id, DialogTimer::Silence), now + SILENCE_MAX);
        }
    }

    /// An INVITE goes out to a telephone: it says something soon, 100 at least.
    pub(super) fn await_a_sign(&mut self, now: Timestamp, id: DialogId) {
        if self.invites.get(&id).is_some_and(|invite| invite.trunk.is_none()) {
            self.dialog_timers.set((id, DialogTimer::Silence), now + PHONE_SILENCE_MAX);
        }
    }

    /// One telephone has refused the call for this leg: those that have said nothing yet are not
    /// waited for much longer.
    pub(super) fn hurry_the_silent(&mut self, now: Timestamp, leg: LegId) {
        let Some(entry) = self.legs.get(&leg) else { return };
        let soon = now + SILENCE_BESIDE_MAX;
        for id in &entry.dialogs {
            let timer = (*id, DialogTimer::Silence);
            if self.dialog_timers.get(&timer).is_some_and(|at| at > soon) {
                self.dialog_timers.set(timer, soon);
            }
        }
    }

    /// The next server that takes calls now, or why there is none.
    fn next_route(&self, now: Timestamp, routes: &mut Routes) -> Result<Callee, Cause> {
        let mut why = Cause::SUBSCRIBER_ABSENT;
        while let Some(route) = routes.left.pop_front() {
            let cooldown = self.cooldowns.get(&route.place());
            if cooldown.is_some_and(|cooldown| cooldown.asked && now < cooldown.until) {
                why = Cause::CONGESTION;
            } else if self.is_occupied(route.trunk) {
                why = Cause::NO_CIRCUIT;
            } else if let Some(callee) = self.through(route.trunk, route.to, &routes.number) {
                return Ok(callee);
            }
        }
        Err(why)
    }

    fn cools_down(&self, now: Timestamp, route: Route) -> bool {
        self.cooldowns.get(&route.place()).is_some_and(|cooldown| now < cooldown.until)
    }

    /// The server this call goes to did not take it: leave it out for a while.
    pub(super) fn trunk_failed(
        &mut self,
        now: Timestamp,
        id: DialogId,
        retry_after_s: Option<u32>,
    ) {
        let Some(invite) = self.invites.get(&id) else { return };
        let Some(trunk) = invite.trunk.filter(|_| matches!(invite.stage, Stage::Calling(_))) else {
            return;
        };
        let (leg, place) = (invite.leg, (trunk, invite.dialog.path.remote));
        let asked =
            retry_after_s.map(|seconds| Duration::from_secs(seconds.into()).min(COOLDOWN_MAX));
        let cooldown =
            Cooldown { until: now + asked.unwrap_or(COOLDOWN_DEFAULT), asked: asked.is_some() };
        self.remark_failed(now, place, cooldown.until.since(now));
        // A host's addresses come and go.
        self.cooldowns.retain(|_, cooldown| now < cooldown.until);
        self.cooldowns.insert(place, cooldown);
        if let Some(entry) = leg.and_then(|leg| self.legs.get_mut(&leg)) {
            entry.undelivered = true;
        }
    }

    /// Nothing has come back to an INVITE in time.
    pub(super) fn is_silent(&mut self, now: Timestamp, id: DialogId) {
        let Some(Stage::Calling(calling)) = self.stage(id) else { return };
        if calling.progress || calling.cancel != Cancel::No {
            return;
        }
        // No CANCEL before a response (RFC 3261 §9.1); should one come yet, it gets one.
        calling.cancel = Cancel::Wanted(Cause::TIMER_EXPIRED);
        self.trunk_failed(now, id, None);
        if let Some(invite) = self.invites.get(&id).filter(|invite| invite.trunk.is_none()) {
            self.remark_silent(now, invite.dialog.path.remote);
        }
        // Given up on, it keeps no channel from the same trunk's next server.
        self.vacate(id);
        self.lost(now, id, 408);
    }

    /// Tries the next server, if this call may go on at one. False: it has failed.
    pub(super) fn reroute(&mut self, now: Timestamp, leg: LegId) -> bool {
        let Some(entry) = self.legs.get_mut(&leg) else { return false };
        if !std::mem::take(&mut entry.undelivered) {
            return false;
        }
        let rang = entry.rang;
        let Some(mut routes) = entry.routes.take() else { return false };
        let Ok(callee) = self.next_route(now, &mut routes) else { return false };
        let id = self.prepare(leg, &callee, &routes.from, &routes.media);
        self.legs.insert(leg, Leg { dialogs: vec![id], rang, ..Leg::default() });
        self.tell_route(leg, callee.trunk, &mut routes);
        self.invite_out(now, id, None);
        self.go_on_with(now, leg, *routes);
        true
    }
}
