//! `attendant`: a smart IVR voice routing server.
//!
//! **The core** is pure and deterministic: [`id`], [`time`], [`words`], [`front`], [`number`],
//! [`flow`], [`acd`], [`call`], [`metrics`], [`center`], [`live`], and [`sim`], which stands in for
//! everything above it.
//!
//! **The protocols** are sans-IO machines, bytes in and [`words::Event`]s out: [`sip`], [`media`],
//! and [`sip_front`] over both; [`webhook`]; [`ask`], for services that flows ask; and [`import`],
//! for call records of other systems. Only their `io` touches the world.
//!
//! **The shell** (feature `server`) owns the clock, the sockets, the threads and the disk.

pub mod front;
pub mod id;
pub mod number;
pub mod time;
pub mod words;

pub mod acd;
pub mod call;
pub mod center;
pub mod flow;
pub mod live;
pub mod metrics;
pub mod sim;

pub mod ask;
pub mod import;
pub mod media;
pub mod sip;
pub mod sip_front;
pub mod webhook;

#[cfg(feature = "server")]
pub mod api;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod store;
