//! Why the server does not start, and what to do about it.
//!
//! **Invariant:** each names the address, the folder or the section that it is about.
//!
//! **Deliberately absent:** what is wrong with a configuration: [`Problems`] says.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::config::Problems;
use crate::server::providers::DoorError;
use crate::store;

#[derive(Debug, Error)]
pub enum StartError {
    #[error("the system: {0}")]
    Io(#[from] io::Error),
    #[error("cannot listen: {0}: is another server running? `sip.listen` names the addresses")]
    Listen(io::Error),
    #[error("cannot listen on {0}: {1}: `api.listen` names the address")]
    ListenHttp(SocketAddr, io::Error),
    #[error("{0}")]
    Refused(Problems),
    #[error("{0}")]
    Door(#[from] DoorError),
    #[error("{0}")]
    Store(#[from] store::StoreError),
    #[error("{0}: {1}: `server.recordings` names the folder of recordings")]
    Recordings(PathBuf, io::Error),
}
