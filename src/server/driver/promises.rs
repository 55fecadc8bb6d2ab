//! What a turn says to the outside leaves once what the turn noted is written.
//!
//! A promise is what would be a lie after a SIGKILL: that a call is taken, of which there would be
//! no record; that a change which the interface was asked for is made. Where the store cannot be
//! written, none is made, from the turn on whose write is the first to fail: the calls that came in
//! it are refused (503, or the document with which a provider is refused), and the interface
//! answers 503 and says that the change is made and not written. Live calls go on: they have their
//! record, of which a process that is killed then has lost the last part, and whoever hears that a
//! call ends (a BYE, its 200, a last document) hears what is so with or without us.
//!
//! **Invariant:** the operating system is given what a turn noted before anything that the turn
//! promises leaves, so a promise outlives the process.
//!
//! **Deliberately absent:** what is kept back until then: `begun` and `outbox`.

use crate::front::Turn;
use crate::id::LegId;
use crate::server::driver::Driver;
use crate::server::exchange::Room;
use crate::store::Settled;
use crate::time::Timestamp;
use crate::words::{Cause, Command, EndedBy, Event, From, Via};

impl Driver {
    /// Lets go of what the turn says to the outside. The operating system is given what the turn
    /// noted first, for all of it together; from there a killed process does not lose it.
    pub(in crate::server) fn release(&mut self) {
        let is_written = self.settle();
        // A write that failed is known before the next call comes.
        let room = self.room();
        self.exchange.set_room(room);
        self.exchange.fronts.sip.send_all(&mut self.sockets);
        // Whoever is answered looks at what came of it.
        self.tell_facts();
        // What is answered then shows in what is asked next.
        self.health.end_turn(self);
        self.outbox.release(self.rest.as_ref(), &self.asks, is_written);
    }

    /// Tells what happened in the turn; or how everything stands, to an interface that has caught
    /// up after it missed some.
    fn tell_facts(&mut self) {
        let wants_anew = self.teller.wants_anew();
        let first = wants_anew.then(|| self.center.hear_facts(self.clock.now()));
        let facts = std::iter::from_fn(|| self.center.poll_fact()).collect();
        match first {
            Some(first) => self.teller.tell_anew(first, facts),
            None => self.teller.tell(facts),
        }
    }

    /// Writes what was noted, and then does with the calls that came in this turn what the center
    /// wants, or refuses them. Says whether all is written.
    fn settle(&mut self) -> bool {
        loop {
            let is_written = self.write();
            let Some(due) = self.exchange.begun.take() else { return is_written };
            let now = self.clock.now();
            if is_written {
                for command in due.commands {
                    self.exchange.carry_out_due(now, command);
                }
            } else {
                due.arrivals.into_iter().for_each(|arrival| self.refuse_unwritten(now, arrival));
            }
            // What follows from that is noted as well; in most turns it is nothing.
            self.deal(now);
            self.tell_providers();
        }
    }

    /// Refuses a call whose arrival could not be written.
    fn refuse_unwritten(&mut self, now: Timestamp, arrival: Event) {
        let (call, from, to, via) = if let Event::CallArrived { call, from, to, via }
        | Event::CallOpening { call, from, to, via } = arrival
        {
            (call, from, to, via)
        } else if let Event::OutboundAsked { call, ask, .. } = arrival {
            self.outbox.take_back(call);
            let from = From { number: Some(ask.to), name: None };
            (call, from, String::new(), Via::Trunk(ask.trunk.unwrap_or_default()))
        } else {
            return;
        };
        let (by, cause) = (EndedBy::Server, Cause::CONGESTION);
        if self.center.is_live(call) {
            self.input(now, Some(Event::CallRefused { call, from, to, via, by, cause }));
        } else {
            // It is over by itself; the commands for it before that have not left.
            let refusal = Command::Reject { leg: LegId::caller(call), cause };
            self.carry_out(now, refusal);
        }
        self.answer_again(now, call);
    }

    /// Gives the operating system what it does not have; says whether it has everything.
    fn write(&mut self) -> bool {
        let began = self.clock.now();
        let settled = self.store.settle(began);
        if settled == Settled::Already {
            return true;
        }
        let ended = self.clock.now();
        let took = ended.since(began);
        if let Some(count) = self.outbox.slow_writes.count(ended, took) {
            tracing::warn!(
                took_ms = took.as_millis(),
                count,
                "the disk held up a write of the journal: meanwhile no message was answered; put \
                 `server.state` on a disk that is less busy"
            );
        }
        settled == Settled::Written
    }

    pub(in crate::server) fn room(&self) -> Room {
        let is_recording = self.store.is_accepting();
        let is_full = self.center.calls_live() >= self.calls_max || !is_recording;
        Room { is_full, is_recording }
    }
}
