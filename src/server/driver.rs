//! The one loop that owns the center, its fronts and their clock.
//!
//! **Invariant:** one input at a time, and after each everything is drained: events to the center,
//! its commands to the fronts, messages to the sockets. Nothing in between awaits, so no lock is
//! needed and no order is left to chance. Whatever a turn says to the outside leaves after the
//! operating system was given what the turn noted: `promises`.
//!
//! **Deliberately absent:** media packets, syncs, records and HTTP. They have threads of their own
//! and meet this loop at bounded channels.

mod drain;
mod promises;
mod swap;
#[cfg(test)]
mod tests;

pub use drain::End;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::api::{ReloadHandle, Request, Teller};
use crate::ask::io::Asks;
use crate::center::ContactCenter;
use crate::center::journal::masked;
use crate::front::Turn;
use crate::media::fact::Fact;
use crate::server::asks::Replied;
use crate::server::clock::Clock;
use crate::server::exchange::Exchange;
use crate::server::health::HealthWord;
use crate::server::outbox::{Outbox, Reply};
use crate::server::reload::{self, SwapRequest};
use crate::server::resolver::Resolved;
use crate::server::resume::First;
use crate::server::retention::Expired;
use crate::server::signals::{Signal, Signals};
use crate::server::timer::Timer;
use crate::server::traces::Traces;
use crate::sip::io::Sockets;
use crate::store::Store;
use crate::time::Timestamp;
use crate::webhook::io::WebhookBatch;
use crate::webhook::io::rest::Rest;
use crate::webhook::rest::RestResult;
use crate::words::{Command, Event};

/// While a call is up or an agent has after-call work, the journal has a line at least this often.
const HEARTBEAT: Duration = Duration::from_millis(900);
/// Media facts and requests taken in one turn; the rest wait for the next, behind the network.
const BATCH_MAX: usize = 256;
/// Rounds of "commands cause events, events cause commands" after one input. Real inputs need 3;
/// when all registrations expire at once it is one for each.
pub(super) const ROUNDS_MAX: usize = 10_000;

pub(super) struct Driver {
    pub(super) clock: Clock,
    pub(super) timer: Timer,
    pub(super) center: ContactCenter,
    pub(super) exchange: Exchange,
    pub(super) sockets: Sockets,
    pub(super) store: Store,
    /// What this turn promises, until it is written.
    pub(super) outbox: Outbox,
    /// How it is, for whoever asks.
    pub(super) health: Arc<HealthWord>,
    /// Who hears what happens.
    pub(super) teller: Teller,
    pub(super) facts: mpsc::Receiver<Fact>,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) resolved: mpsc::Receiver<Resolved>,
    /// Verified requests of providers.
    pub(super) webhooks: mpsc::Receiver<WebhookBatch>,
    /// What became of commands to them.
    pub(super) rest_results: mpsc::Receiver<RestResult>,
    /// Those who ask services, and what these say.
    pub(super) asks: Asks,
    pub(super) traces: Traces,
    pub(super) replies: mpsc::Receiver<Replied>,
    /// Recordings that were kept long enough.
    pub(super) expired: mpsc::Receiver<Expired>,
    /// A configuration that was read again.
    pub(super) swaps: mpsc::Receiver<SwapRequest>,
    /// Where a wish for one goes.
    pub(super) reloads: ReloadHandle,
    /// `None` without credentials for any provider.
    pub(super) rest: Option<Rest>,
    pub(super) drain_timeout: Duration,
    pub(super) calls_max: usize,
    /// Something was left after [`ROUNDS_MAX`]: the timer goes off at once.
    pub(super) unfinished: bool,
    /// The first inputs of the center, and as of when.
    pub(super) first: Vec<(Timestamp, First)>,
}

/// What woke the loop.
enum Wakeup {
    Network,
    Media(Fact),
    Request(Request),
    Resolved(Resolved),
    Webhooks(WebhookBatch),
    RestResult(RestResult),
    Replied(Replied),
    Expired(Expired),
    Swap(SwapRequest),
    Timer,
    Signal(Signal),
}

impl Driver {
    /// Runs until drained, or until the second signal.
    pub(super) async fn run(mut self, mut signals: Signals) -> End {
        self.begin();
        self.ask_again();
        self.turn();
        self.wake_fronts(self.clock.now());
        self.turn();
        loop {
            let wakeup = self.select(&mut signals).await;
            self.health.begin_turn(self.clock);
            let batch = self.exchange.fronts.sip.plane.media.batch_orders();
            match wakeup {
                Wakeup::Network => {
                    let now = self.clock.now();
                    self.exchange.fronts.sip.take_network(now, &mut self.sockets);
                }
                Wakeup::Media(fact) => self.take_media(fact),
                Wakeup::Request(request) => self.take_request(request),
                Wakeup::Resolved(resolved) => {
                    let Resolved { trunk, servers } = &resolved;
                    self.exchange.fronts.sip.ua.set_trunk_servers(trunk, servers);
                    resolved.log();
                }
                Wakeup::Webhooks(batch) => self.take_webhooks(batch),
                Wakeup::RestResult(result) => self.take_rest_result(&result),
                Wakeup::Replied(replied) => self.take_reply(replied),
                Wakeup::Expired(expired) => self.take_expired(expired),
                Wakeup::Swap(request) => self.take_swap(request),
                Wakeup::Timer => self.take_timeouts(),
                Wakeup::Signal(Signal::Terminate) if self.center.is_draining() => {
                    let calls = self.center.calls_live();
                    drop(batch); // the farewells of legs do not wait for the disk
                    return self.end(End::Cut { calls }).await;
                }
                Wakeup::Signal(Signal::Terminate) => self.begin_drain(),
                Wakeup::Signal(Signal::Reload) => reload::wish(&self.reloads),
                Wakeup::Signal(Signal::Other(name, means)) => tracing::warn!("{name}: {means}"),
            }
            self.turn();
            drop(batch);
            if self.center.is_draining()
                && self.center.calls_live() == 0
                && self.exchange.is_quiet()
            {
                return self.end(End::Drained).await;
            }
        }
    }

    /// The first inputs of the center.
    pub(super) fn begin(&mut self) {
        for (at, first) in std::mem::take(&mut self.first) {
            match first {
                First::Event(event) => self.feed_as_of(at, event),
                First::Setup(new) => self.reconfigure(at, *new),
            }
        }
        // A center that goes on stands somewhere, also where it needed no event.
        self.keep_agent_moves();
    }

    fn keep_agent_moves(&mut self) {
        while let Some((at, agent, state)) = self.center.poll_agent_move() {
            let state = state.clone();
            self.store.keep_agent_move(at, self.center.agent_name(agent), &state);
        }
    }

    /// No branch goes before the others: a flood on one must not starve timers or a signal.
    async fn select(&mut self, signals: &mut Signals) -> Wakeup {
        let deadline = self.deadline();
        tokio::select! {
            () = self.sockets.ready() => Wakeup::Network,
            Some(fact) = self.facts.recv() => Wakeup::Media(fact),
            () = self.timer.until(deadline) => Wakeup::Timer,
            Some(request) = self.requests.recv() => Wakeup::Request(request),
            Some(resolved) = self.resolved.recv() => Wakeup::Resolved(resolved),
            Some(batch) = self.webhooks.recv() => Wakeup::Webhooks(batch),
            Some(result) = self.rest_results.recv() => Wakeup::RestResult(result),
            Some(replied) = self.replies.recv() => Wakeup::Replied(replied),
            Some(expired) = self.expired.recv() => Wakeup::Expired(expired),
            Some(request) = self.swaps.recv() => Wakeup::Swap(request),
            signal = signals.next() => Wakeup::Signal(signal),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        if self.unfinished {
            return Some(Instant::from_std(self.clock.instant(self.clock.now())));
        }
        let center = self.center.poll_timeout().map(|(at, _)| at);
        let fronts = self.exchange.poll_timeout();
        let store = self.store.poll_timeout();
        let beat = self.heartbeat_at();
        let at = center.into_iter().chain(fronts).chain(store).chain(beat).min()?;
        Some(Instant::from_std(self.clock.instant(at)))
    }

    /// Whether the timer goes off now.
    #[cfg(test)]
    pub(super) fn is_due(&self) -> bool {
        let now = Instant::from_std(self.clock.instant(self.clock.now()));
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    fn take_media(&mut self, first: Fact) {
        let now = self.clock.now();
        self.exchange.fronts.sip.media_fact(now, first);
        for _ in 1..BATCH_MAX {
            let Ok(fact) = self.facts.try_recv() else { return };
            self.exchange.fronts.sip.media_fact(now, fact);
        }
    }

    fn take_expired(&mut self, Expired { recordings, noted }: Expired) {
        let now = self.clock.now();
        for recording in recordings {
            self.input(now, Some(Event::RecordingExpired { recording }));
        }
        self.outbox.reply(Reply::Noted(noted));
    }

    pub(super) fn take_timeouts(&mut self) {
        self.unfinished = false;
        let now = self.clock.now();
        self.wake_fronts(now);
        self.wake_center(now);
        self.beat(now);
    }

    fn beat(&mut self, now: Timestamp) {
        if self.heartbeat_at().is_some_and(|at| at <= now) {
            self.tell_center(now, None);
            self.carry_out_all(self.clock.now());
        }
    }

    /// When the journal gets a line at the latest, so that what is lost with the process is dated
    /// within a second of when it happened.
    fn heartbeat_at(&self) -> Option<Timestamp> {
        self.center.is_at_work().then(|| self.store.noted_at() + HEARTBEAT)
    }

    fn wake_center(&mut self, now: Timestamp) {
        if self.center.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.tell_center(now, None);
            self.carry_out_all(self.clock.now());
        }
    }

    /// Drains everything the last input caused.
    pub(super) fn turn(&mut self) {
        let now = self.clock.now();
        self.deal(now);
        self.tell_providers();
        self.release();
    }

    /// Deals with everything that is left, or until others must have their turn.
    pub(super) fn deal(&mut self, now: Timestamp) {
        if !self.rounds(now, ROUNDS_MAX) {
            self.unfinished = true;
        }
    }

    /// What happened before this run, after what was due before it; what follows from it is done
    /// now.
    fn feed_as_of(&mut self, at: Timestamp, event: Event) {
        self.wake_center(at);
        self.tell_center(at, Some(event));
        self.carry_out_all(self.clock.now());
    }
}

impl Turn for Driver {
    /// What the center hears is in the journal first.
    fn tell_center(&mut self, now: Timestamp, event: Option<Event>) {
        let Some(event) = event else {
            self.store.note(now, None);
            return self.center.handle_timeout(now);
        };
        self.exchange.begun.told(&event);
        self.store.note(now, Some(&masked(&self.center, &event)));
        self.center.handle(now, event);
    }

    fn poll_command(&mut self) -> Option<Command> {
        self.center.poll_command()
    }

    fn carry_out(&mut self, now: Timestamp, command: Command) {
        let Some(left) = self.exchange.carry_out(now, command) else { return };
        match left {
            Command::Ask { id, what, until } => self.outbox.ask(id, *what, until),
            Command::CloseRecord { record } => {
                self.exchange.calls.ended(&record);
                let target = |queue: &str| self.center.target(queue);
                self.exchange.calls.queues.ended(&record, target);
                self.traces.ended(&record);
                self.store.close(record);
            }
            Command::AmendRecord { call, wrap_up } => {
                self.exchange.calls.queues.worked(&wrap_up);
                self.traces.wrapped_up(call, &wrap_up);
                let _ = self.store.amend(call, wrap_up);
            }
            Command::AmendRecording { update } => drop(self.store.amend_recording(update)),
            // The telephones keep whatever is about a leg.
            Command::Answer { .. }
            | Command::Ring { .. }
            | Command::Reject { .. }
            | Command::Play { .. }
            | Command::StopPlay { .. }
            | Command::Record { .. }
            | Command::StopRecord { .. }
            | Command::RecordCall { .. }
            | Command::Dial { .. }
            | Command::Hear { .. }
            | Command::HangUp { .. } => {}
        }
    }

    fn poll_event(&mut self, now: Timestamp) -> Option<Event> {
        let room = self.room();
        self.exchange.set_room(room);
        self.exchange.poll_event(now, &self.center)
    }

    fn input_over(&mut self, _now: Timestamp) {
        while let Some((agent, state)) = self.center.poll_saved_state() {
            self.store.keep_agent_state(self.center.agent_name(agent), state);
        }
        self.keep_agent_moves();
    }
}
