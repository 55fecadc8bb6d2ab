//! Questions of calls, on their way from the driver to those who ask services, and back.
//!
//! **Invariant:** a question leaves after what its turn noted was given to the operating system, so
//! the one that is asked again after a restart is the one that was asked. A reply is an input like
//! any other: in the journal first, without the values that its flow withholds.
//!
//! **Deliberately absent:** HTTP: `ask::io`. Time-outs and late replies: the center.

use std::io;

use tokio::sync::mpsc;

use crate::ask::io::{AskSetup, Asks};
use crate::config::Config;
use crate::front::Turn as _;
use crate::id::AskId;
use crate::server::clock::Clock;
use crate::server::driver::Driver;
use crate::server::setup;
use crate::words::{Event, Reply};

/// Replies on their way to the driver. While it stands still more are lost, and the time-out of the
/// call tells the center.
const REPLIES_MAX: usize = 1_024;

/// What a service said.
pub(super) struct Replied {
    id: AskId,
    reply: Reply,
}

/// Those who ask, and what they report. `key` tells our questions from those of other
/// installations.
pub(super) fn start(
    config: &Config,
    clock: Clock,
    key: [u8; 32],
) -> io::Result<(Asks, mpsc::Receiver<Replied>)> {
    let (sender, replies) = mpsc::channel(REPLIES_MAX);
    let report = move |id, reply| {
        if sender.try_send(Replied { id, reply }).is_err() {
            tracing::error!(ask = %id, "a reply was lost: the driver does not keep up");
        }
    };
    let rules = setup::ask_rules(config);
    let setup = AskSetup { rules, key, at_once_max: config.lookup.at_once_max };
    let asks = Asks::start(setup, Box::new(move || clock.now()), Box::new(report))?;
    Ok((asks, replies))
}

impl Driver {
    pub(super) fn take_reply(&mut self, Replied { id, reply }: Replied) {
        let now = self.clock.now();
        self.input(now, Some(Event::Replied { id, reply }));
    }

    /// What the run before had asked, and no service has answered: once more, under the same ids.
    pub(super) fn ask_again(&mut self) {
        let now = self.clock.now();
        for question in self.center.asks_again() {
            self.carry_out(now, question);
        }
    }
}
