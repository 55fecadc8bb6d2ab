//! The user agent: every transaction, dialog and registration of the process, as one machine.
//!
//! # Contract
//!
//! One input, then drain: after each call that takes `now`, [`Ua::poll_transmit`] and
//! [`Ua::poll_event`] until both are empty; then wait for the next input or for
//! [`Ua::poll_timeout`]. Nothing here blocks and nothing fails: failures come back as events.
//!
//! The loop around it is in the head of [`sip`](crate::sip), where it is compiled and run.
//!
//! **Invariant:** a leg ends exactly once (`port`); soon after 64·T1 from the last message
//! nothing is left of it ([`Ua::counts`]).
//!
//! **Deliberately absent:** locks, tasks, host name look-up, and media beyond SDP.

mod admit;
mod auth;
mod connections;
mod dial;
mod failover;
mod in_dialog;
mod incoming;
mod invite;
mod known;
mod legs;
mod media;
mod port;
mod reconfigure;
mod refresh;
mod refusal;
mod reinvite;
mod remark;
mod reply;
mod session;
mod setup;
mod tag;
mod target;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::id::{AgentId, LegId};
use crate::sip::acl::{Bans, Trunks};
use crate::sip::digest::Verifier;
use crate::sip::message::{Message, Response};
use crate::sip::path::{Path, Received, Transmit};
use crate::sip::peer::{PeerId, PeerNames};
use crate::sip::registrar::{Binding, Registrar};
use crate::sip::rng::Rng;
use crate::sip::transaction::{
    Client, ClientKey, ClientStep, Kind, Secret, Server, ServerKey, ServerStep, Table,
};
use crate::sip::ua::connections::Connections;
use crate::sip::ua::failover::{Cooldown, Routes};
use crate::sip::ua::invite::{Invite, Stage};
use crate::sip::ua::known::Places;
use crate::sip::ua::refusal::Challenged;
use crate::sip::ua::remark::Remarks;
use crate::sip::ua::setup::Secrets;
use crate::sip::wire::{Framing, parse};
use crate::time::{Timers, Timestamp};
use crate::words::{Cause, Loss};

pub use port::{Bound, Counts, DialogId, UaEvent, Wake};
pub use refusal::Refusal;
pub use session::EXPIRES_S_MIN as SESSION_EXPIRES_S_MIN;
pub use setup::{Limits, Phone, PhoneAt, Trunk, UaSetup};

/// Live transactions of either kind; beyond it new requests get 503.
const TRANSACTIONS_MAX: usize = 1 << 20;
/// Live dialogs; beyond it a new INVITE gets 503.
const DIALOGS_MAX: usize = 100_000;
/// How long a refusal asks the caller to wait (RFC 3261 §20.33).
const RETRY_AFTER_S: u32 = 10;
/// A call that is neither answered nor refused here ends after this; a proxy would wait no longer
/// either (RFC 3261 §16.6, timer C).
const UNANSWERED_MAX: Duration = Duration::from_secs(180);
/// Methods we answer with something else than 405.
const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE";

pub struct Ua {
    setup: UaSetup,
    rng: Rng,
    secret: Secret,
    servers: Table<ServerKey, Server, Option<DialogId>>,
    clients: Table<ClientKey, Client, ClientUser>,
    invites: HashMap<DialogId, Invite>,
    dialog_last: u64,
    by_tag: HashMap<u64, DialogId>,
    by_origin: HashMap<u128, DialogId>,
    legs: HashMap<LegId, Leg>,
    /// Calls on their way over a stream, by where to: a connection that fails ends them at once.
    calling_stream: BTreeSet<(SocketAddr, DialogId)>,
    connections: Connections,
    dialog_timers: Timers<(DialogId, DialogTimer)>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<UaEvent>,
    draining: bool,
    full: bool,
    trunks: Trunks<usize>,
    /// Addresses of trunks that do not take calls now, by the trunk's position.
    cooldowns: BTreeMap<(usize, SocketAddr), Cooldown>,
    peer_names: PeerNames,
    /// Whom the URI of each trunk names, by position.
    peers: Vec<Option<PeerId>>,
    /// Calls that are up on each trunk, by position.
    channels: Vec<usize>,
    places: Places,
    bans: Bans,
    challenged: Challenged,
    verifier: Verifier,
    secrets: Secrets,
    registrar: Registrar,
    remarks: Remarks,
}

/// The dialogs of one leg: one, or one a phone while several ring.
#[derive(Debug, Default)]
struct Leg {
    dialogs: Vec<DialogId>,
    rang: bool,
    /// The most telling refusal so far.
    refused: Option<u16>,
    /// Where else the call may be tried, and whether it should be: the last trunk did not take it.
    routes: Option<Box<Routes>>,
    undelivered: bool,
}

#[derive(Clone, Copy, Debug)]
struct ClientUser {
    dialog: DialogId,
    role: Role,
}

/// What a request of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Invite,
    Reinvite,
    Update,
    Cancel,
    Bye,
    /// A BYE to an answer that is not wanted, of another fork.
    Stray,
}

/// What a dialog waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum DialogTimer {
    /// Another attempt at a re-INVITE.
    Reinvite,
    /// The session is due for a refresh.
    Refresh,
    /// The session was not refreshed.
    Expiry,
    /// Nothing has come back to our INVITE.
    Silence,
    /// The center has neither answered nor refused a call.
    Unanswered,
}

impl DialogTimer {
    const ALL: [Self; 5] =
        [Self::Reinvite, Self::Refresh, Self::Expiry, Self::Silence, Self::Unanswered];
}

impl Ua {
    #[must_use]
    pub fn new(setup: UaSetup, seed: [u8; 32]) -> Self {
        let mut rng = Rng::new(seed);
        let secret = Secret([rng.token(), rng.token()]);
        let verifier = Verifier::new(&setup.realm, rng.key(), setup.allows_md5());
        let (trunks, secrets) = (setup.networks(), setup.secrets());
        let (limits, channels) = (setup.limits, vec![0; setup.trunks.len()]);
        let places = Places::new(&setup);
        let mut peer_names = PeerNames::default();
        let peers = setup.trunks.iter().map(|trunk| trunk.peer(&mut peer_names)).collect();
        let mut ua = Self {
            setup,
            rng,
            secret,
            servers: Table::new(TRANSACTIONS_MAX),
            clients: Table::new(TRANSACTIONS_MAX),
            invites: HashMap::new(),
            dialog_last: 0,
            by_tag: HashMap::new(),
            by_origin: HashMap::new(),
            legs: HashMap::new(),
            calling_stream: BTreeSet::new(),
            connections: Connections::default(),
            dialog_timers: Timers::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            draining: false,
            full: false,
            trunks,
            cooldowns: BTreeMap::new(),
            peer_names,
            peers,
            places,
            bans: Bans::new(limits.bans),
            challenged: Challenged::default(),
            verifier,
            secrets,
            registrar: Registrar::new(limits.registrar),
            remarks: Remarks::default(),
            channels,
        };
        ua.tell_fixed_phones();
        ua
    }

    /// One message from the network.
    pub fn receive(&mut self, now: Timestamp, received: Received<'_>) {
        let path = received.path;
        let remote = path.remote.ip();
        let banned = self.bans.until(now, remote).filter(|_| !self.is_trunk(path));
        let framing = if path.transport.is_stream() { Framing::Stream } else { Framing::Datagram };
        match parse(received.bytes, framing) {
            Ok(Message::Request(mut request)) => {
                if let Some(until) = banned.filter(|_| !self.passes_ban(path, &request)) {
                    let why = Refusal::Banned { left: until.since(now) };
                    return self.emit(UaEvent::Refused { remote, why });
                }
                request.headers.stamp_via(path.remote);
                self.request(now, path, &request);
            }
            Ok(Message::Response(response)) => self.response(now, path, &response),
            Err(_) if banned.is_some() => {}
            Err(rejected) => self.unreadable(path, rejected),
        }
    }

    /// The moment of [`Ua::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(due) = self.servers.pop_due(now) {
            match due.step {
                ServerStep::Wait | ServerStep::Gone => {}
                ServerStep::Send(bytes) => self.transmit(due.path, bytes),
                ServerStep::NotAcknowledged => self.not_acknowledged(now, due.user),
            }
        }
        while let Some(due) = self.clients.pop_due(now) {
            match due.step {
                ClientStep::Wait | ClientStep::Pass | ClientStep::PassAndAcknowledge => {}
                ClientStep::Send(bytes) => self.transmit(due.path, bytes),
                ClientStep::TimedOut => {
                    self.connections.done(due.key, due.path);
                    self.never_answered(now, due.user, due.key.branch);
                    self.request_failed(now, due.user, due.key.branch, 408);
                    self.release(due.user);
                }
                ClientStep::Gone => {
                    self.connections.done(due.key, due.path);
                    self.release(due.user);
                }
            }
        }
        while let Some((id, timer)) = self.dialog_timers.pop_due(now) {
            match timer {
                DialogTimer::Reinvite => self.repeat_reinvite(now, id),
                DialogTimer::Refresh => self.refresh(now, id),
                DialogTimer::Expiry => self.not_refreshed(now, id),
                DialogTimer::Unanswered => self.unanswered(now, id),
                DialogTimer::Silence => self.is_silent(now, id),
            }
        }
        self.registrar.handle_timeout(now);
        self.tell_changes();
    }

    /// When to call [`Ua::handle_timeout`] next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Timestamp, Wake)> {
        let timer = self.dialog_timers.next().map(|(at, _)| (at, Wake::Dialog));
        let server = self.servers.deadline().map(|at| (at, Wake::Server));
        let client = self.clients.deadline().map(|at| (at, Wake::Client));
        let registrar = self.registrar.poll_timeout().map(|at| (at, Wake::Registrar));
        [server, client, timer, registrar].into_iter().flatten().min()
    }

    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    pub fn poll_event(&mut self) -> Option<UaEvent> {
        self.events.pop_front()
    }

    /// While draining, new calls and OPTIONS get 503; live calls go on.
    pub fn set_draining(&mut self, draining: bool) {
        self.draining = draining;
    }

    /// While full, new calls and OPTIONS get 503.
    pub fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// Whether the end of this leg has yet to be reported.
    #[must_use]
    pub fn has_leg(&self, leg: LegId) -> bool {
        self.legs.contains_key(&leg)
    }

    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            server_transactions: self.servers.len(),
            client_transactions: self.clients.len(),
            dialogs: self.invites.len(),
            legs: self.legs.len(),
            dialog_timers: self.dialog_timers.len(),
            channels: self.channels.iter().sum(),
            connections: self.connections.len(),
            bindings: self.registrar.len(),
        }
    }

    /// Banned addresses, and until when. An IPv6 address stands for its /64.
    pub fn banned(&self, now: Timestamp) -> impl Iterator<Item = (IpAddr, Timestamp)> {
        self.bans.banned(now)
    }

    /// Lifts a ban. False when there was none.
    pub fn pardon(&mut self, ip: IpAddr) -> bool {
        self.bans.pardon(ip)
    }

    /// The phones an agent has registered, preferred first.
    pub fn bindings(&self, agent: AgentId) -> impl Iterator<Item = &Binding> {
        self.registrar.bindings(agent)
    }

    /// The names of those whom paths name.
    #[must_use]
    pub fn peer_names(&self) -> &PeerNames {
        &self.peer_names
    }

    fn transmit(&mut self, path: Path, bytes: Arc<[u8]>) {
        if path.may_be_sent_to() {
            self.transmits.push_back(Transmit { path, bytes });
        }
    }

    fn emit(&mut self, event: UaEvent) {
        self.events.push_back(event);
    }

    /// Sends a response and keeps it for retransmissions of its request.
    fn respond(&mut self, now: Timestamp, key: ServerKey, status: u16, bytes: Arc<[u8]>) {
        let sent = self.servers.with(now, key, |server| {
            let trying = server.trying();
            server.respond(now, status, &bytes).then(|| (server.path(), trying))
        });
        if let Some((Some((path, trying)), _)) = sent {
            self.forget_trying(trying);
            self.transmit(path, bytes);
        }
    }

    /// A 100 that has not left when its INVITE is answered need not leave (RFC 3261 §17.2.1).
    fn forget_trying(&mut self, trying: Option<Arc<[u8]>>) {
        if let Some(trying) = trying {
            self.transmits.retain(|transmit| !Arc::ptr_eq(&transmit.bytes, &trying));
        }
    }

    /// A request other than INVITE, answered at once; the answer is kept for retransmissions.
    fn respond_once(
        &mut self,
        now: Timestamp,
        key: ServerKey,
        path: Path,
        status: u16,
        bytes: Arc<[u8]>,
    ) {
        if self.servers.is_full() {
            self.transmit(path, bytes);
            return;
        }
        self.servers.insert(now, key, Server::new(Kind::Other, path), None);
        self.respond(now, key, status, bytes);
    }

    /// Sends a request of ours and keeps it until it is answered.
    fn request_out(
        &mut self,
        now: Timestamp,
        branch: u64,
        user: ClientUser,
        path: Path,
        bytes: Arc<[u8]>,
    ) {
        let kind = match user.role {
            Role::Invite | Role::Reinvite => Kind::Invite,
            Role::Update | Role::Cancel | Role::Bye | Role::Stray => Kind::Other,
        };
        let key = ClientKey { branch, cancel: user.role == Role::Cancel };
        self.connections.sent(key, user.role, path);
        let (path, bytes) = self.way_by_length(now, key, user, path, bytes);
        self.clients.insert(now, key, Client::new(now, kind, path, Arc::clone(&bytes)), user);
        if let Some(invite) = self.invites.get_mut(&user.dialog) {
            invite.holds += 1;
            invite.last = Some(key);
        }
        self.transmit(path, bytes);
    }

    /// A client transaction of this dialog is gone.
    fn release(&mut self, user: ClientUser) {
        if let Some(invite) = self.invites.get_mut(&user.dialog) {
            invite.holds -= 1;
            self.forget_if_done(user.dialog);
        }
    }

    fn forget_if_done(&mut self, id: DialogId) {
        let Some(invite) = self.invites.get(&id).filter(|i| i.is_over() && i.holds == 0) else {
            return;
        };
        assert!(invite.leg.is_none(), "a leg's end is reported before its dialog is forgotten");
        self.by_tag.remove(&invite.dialog.local_tag);
        if let Some(origin) = invite.origin
            && self.by_origin.get(&origin) == Some(&id)
        {
            self.by_origin.remove(&origin);
        }
        self.connections.over(id, invite.dialog.path);
        for timer in DialogTimer::ALL {
            self.dialog_timers.cancel(&(id, timer));
        }
        self.invites.remove(&id);
    }

    fn add(&mut self, invite: Invite) -> DialogId {
        self.dialog_last += 1;
        let id = DialogId(self.dialog_last);
        self.by_tag.insert(invite.dialog.local_tag, id);
        self.connections.begun(id, invite.dialog.path);
        self.invites.insert(id, invite);
        id
    }

    /// Counts a call of this dialog on its trunk.
    fn occupy(&mut self, id: DialogId) {
        let Some(invite) = self.invites.get_mut(&id) else { return };
        invite.channel = invite.trunk;
        if let Some(trunk) = invite.channel {
            self.channels[trunk] += 1;
        }
    }

    /// Whether the trunk has no room for another call.
    fn is_occupied(&self, trunk: usize) -> bool {
        self.channels[trunk] >= self.setup.trunks[trunk].channels_max
    }

    /// Nothing more is to come of this dialog.
    fn over(&mut self, id: DialogId) {
        let Some(invite) = self.invites.get_mut(&id) else { return };
        invite.stage = Stage::Over;
        self.vacate(id);
    }

    /// Counts the call of this dialog on its trunk no more.
    fn vacate(&mut self, id: DialogId) {
        let Some(invite) = self.invites.get_mut(&id) else { return };
        if let Some(trunk) = invite.channel.take() {
            self.channels[trunk] -= 1;
        }
    }

    /// Reports how the leg of this dialog ended, if it has one whose end was not reported yet.
    fn end_leg(&mut self, id: DialogId, cause: Cause) {
        if let Some(leg) = self.invites.get_mut(&id).and_then(|invite| invite.leg.take()) {
            self.legs.remove(&leg);
            self.emit(UaEvent::Ended { leg, cause });
        }
    }

    /// As [`Self::end_leg`], where no party hung up.
    fn lose_leg(&mut self, id: DialogId, cause: Cause, how: Loss) {
        if let Some(leg) = self.invites.get_mut(&id).and_then(|invite| invite.leg.take()) {
            self.legs.remove(&leg);
            self.emit(UaEvent::Lost { leg, cause, how });
        }
    }

    fn response(&mut self, now: Timestamp, from: Path, response: &Response) {
        let Some(key) = ClientKey::of(response) else { return };
        let status = response.code();
        let Some((step, user)) = self.clients.with(now, key, |client| client.response(now, status))
        else {
            return;
        };
        let is_whole = matches!(step, ClientStep::Pass) && (200..300).contains(&status);
        let is_first = matches!(self.stage(user.dialog), Some(Stage::Calling(_)));
        match user.role {
            Role::Invite if is_whole && is_first => self.signaled(user.dialog, from),
            Role::Reinvite | Role::Update if is_whole => self.signaled(user.dialog, from),
            // Another fork, or a request that describes nothing.
            Role::Invite | Role::Reinvite | Role::Update => {}
            Role::Cancel | Role::Bye | Role::Stray => {}
        }
        let path = self.clients.get(key).map(|(client, _)| client.path());
        match (step, path) {
            (ClientStep::Send(bytes), Some(path)) => self.transmit(path, bytes),
            (ClientStep::Pass, _) => self.answered(now, user, key.branch, response),
            (ClientStep::PassAndAcknowledge, Some(path)) => {
                if let Some(ack) = self.failure_ack(user.dialog, key.branch, path, response) {
                    self.clients.with(now, key, |client| client.acknowledge(Arc::clone(&ack)));
                    self.transmit(path, ack);
                }
                self.answered(now, user, key.branch, response);
            }
            (_, _) => {}
        }
    }

    /// Our address as peers see it.
    fn announced(&self, local: SocketAddr) -> SocketAddr {
        self.setup.announced(local)
    }

    fn via(&self, path: Path, branch: u64) -> String {
        let branch = ClientKey::branch_text(branch);
        format!("SIP/2.0/{} {};branch={branch};rport", path.transport, self.announced(path.local))
    }

    fn contact(&self, path: Path) -> String {
        let address = self.announced(path.local);
        match path.transport.uri_param() {
            None => format!("<sip:{address}>"),
            Some(transport) => format!("<sip:{address};transport={transport}>"),
        }
    }

    /// The other end of this dialog has begun or changed it from here.
    fn signaled(&mut self, id: DialogId, from: Path) {
        if let Some(invite) = self.invites.get_mut(&id) {
            invite.signaling = from.remote.ip();
        }
    }

    fn stage(&mut self, id: DialogId) -> Option<&mut Stage> {
        self.invites.get_mut(&id).map(|invite| &mut invite.stage)
    }
}
