//! The server: built from a checked configuration, run until a signal stops it, drained.
//!
//! Two phases: everything that can be wrong was found by `config`; here things are bound, printed
//! and run. Signaling and the center share one thread and one loop (`driver`); media, disk,
//! speech and HTTP have threads of their own.
//!
//! **Invariant:** whatever is started here is ended here: when [`run`] returns, the journal is on
//! the disk and every thread that could write has ended.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

mod archive;
mod asks;
mod banner;
mod begun;
mod calls;
mod checkpoints;
mod clock;
mod driver;
mod exchange;
mod fronts;
mod health;
mod history;
mod keeping;
mod listen;
mod local;
mod malloc;
mod outbox;
mod providers;
mod reload;
mod requests;
mod resolver;
mod resume;
mod retention;
mod seed;
mod setup;
mod signals;
mod start;
mod start_error;
mod supervision;
mod tasks;
mod telephones;
mod timer;
mod traces;
mod webhooks;

use std::process::ExitCode;
use std::sync::Arc;

use crate::call::Directory;
use crate::center::Setup;
use crate::config::{Config, Soundless, Sources};
use crate::flow::Flow;
use crate::store::StorePlace;
use crate::time::Timestamp;

pub use checkpoints::Checkpoints;
pub use driver::End;
pub use history::teach;
pub use resume::named;
pub use start_error::StartError;

/// Serves until drained or told twice to stop; `sources` are read again when a reload is wanted.
///
/// # Errors
///
/// When something cannot be bound, opened or said: what, and what to do.
pub fn run(soundless: Soundless, sources: Sources) -> Result<ExitCode, StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let end = runtime.block_on(start::serve(soundless, sources))?;
    match end {
        End::Drained => tracing::info!("drained: every call ended"),
        End::Cut { calls } => tracing::warn!(calls, "ended by the second signal"),
    }
    Ok(ExitCode::SUCCESS)
}

/// What a contact center needs of a configuration, its flows and its callers.
#[must_use]
pub fn setup(config: &Config, flows: Vec<Arc<Flow>>, directory: Arc<Directory>) -> Setup {
    setup::center(config, flows, directory)
}

/// Where a server of this configuration keeps what outlives it.
#[must_use]
pub fn place(server: &crate::config::Server) -> StorePlace {
    setup::place(server)
}

/// The wall clock, for a command that asks about a time before now.
#[must_use]
pub fn now() -> Timestamp {
    clock::Clock::start().now()
}
