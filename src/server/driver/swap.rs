//! The turn in which another configuration begins.
//!
//! **Invariant:** everything the driver has of it changes in one turn: no event comes between the
//! center's new setup and the fronts'. What may refuse it is asked first: then nothing has changed.
//!
//! **Deliberately absent:** reading it. It comes checked, with its sounds made, kept on the disk.

use crate::front::Turn;
use crate::media::prompt_store::FormerSounds;
use crate::server::driver::Driver;
use crate::server::reload::{Swap, SwapRefused, SwapRequest};
use crate::server::resume::NewSetup;
use crate::time::Timestamp;
use crate::words::Event;

impl Driver {
    pub(super) fn take_swap(&mut self, SwapRequest { swap, reply }: SwapRequest) {
        let swapped = self.swap(*swap);
        // The answer is dropped where the reload does not wait any more.
        let _ = reply.send(swapped);
    }

    fn swap(&mut self, swap: Swap) -> Result<FormerSounds, SwapRefused> {
        let now = self.clock.now();
        let Swap { new, prompts, sip, providers, asks, reachable, drain_timeout, calls_max } = swap;
        new.setup.names.goes_on_from(&self.center.setup().names)?;
        self.asks.set_rules(asks).map_err(SwapRefused::Asks)?;
        // Flows of before still speak: what is not ready is spoken when it is wanted.
        let former = prompts.now.succeed(prompts.next);
        // The fronts first: who is new can be dialed in the turn in which the center hears of it.
        self.exchange.fronts.sip.reconfigure(sip);
        self.sockets.set_peer_names(self.exchange.fronts.sip.ua.peer_names().clone());
        self.exchange.fronts.providers.reconfigure(providers.setup, providers.ways);
        match (&self.rest, providers.rest) {
            (None, new) => self.rest = new,
            (Some(rest), _) => rest.set_sites(providers.accounts, &providers.former),
        }
        self.drain_timeout = drain_timeout;
        self.calls_max = calls_max;
        self.reconfigure(now, new);
        for (agent, reachable) in reachable {
            self.feed_as_of(now, Event::PhoneReachable { agent, reachable });
        }
        Ok(former)
    }

    /// Gives the center another setup, which is kept beside the journal already.
    pub(super) fn reconfigure(&mut self, now: Timestamp, NewSetup { setup, digest }: NewSetup) {
        self.wake_center(now);
        if let Err(error) = setup.names.goes_on_from(&self.center.setup().names) {
            return tracing::error!(%error, "the setup is not that of this center: nothing changes");
        }
        self.store.note_setup(now, &digest);
        if let Err(error) = self.center.reconfigure(now, setup) {
            tracing::error!(%error, "the setup is not that of this center: nothing changes");
        }
        self.carry_out_all(self.clock.now());
    }
}
