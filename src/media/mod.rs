//! The sound of a call: RTP in, prompts and what others say out.
//!
//! Sans-IO machines in layers, each a file: packets ([`rtp`], [`rtcp`]), what is in them
//! ([`mod@format`], [`g711`]), one stream in ([`source`], [`reception`], [`dtmf`], [`goertzel`],
//! [`recorder`]) and one out ([`outgoing`], [`prompt`]), both together a leg ([`session`]); of
//! several legs who hears whom ([`hearing`]), what several say ([`mixer`]), and both sides of a
//! call in one recording ([`call_recorder`]). Sound comes from files ([`wav`]), voices ([`tts`])
//! and [`music`]. The threads, sockets and disk around them are in `io`, `speech`, `prompt_store`
//! and `voice_io`.
//!
//! **Invariant:** without the feature `server` nothing here reads a clock, opens a socket or a
//! file, or starts a thread.
//!
//! **Deliberately absent:** signaling, and deciding anything: commands come in, facts go out.

#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

pub mod call_recorder;
pub mod dtmf;
pub mod fact;
pub mod format;
pub mod g711;
pub mod goertzel;
pub mod hearing;
#[cfg(feature = "server")]
pub mod io;
pub mod keys;
pub mod mixer;
pub mod music;
pub mod outgoing;
pub mod prompt;
#[cfg(feature = "server")]
pub mod prompt_store;
pub mod reception;
pub mod recorder;
pub mod rtcp;
pub mod rtp;
pub mod session;
pub mod source;
#[cfg(feature = "server")]
pub mod speech;
pub mod tts;
#[cfg(feature = "server")]
pub mod voice_io;
pub mod wav;

#[cfg(test)]
mod tone;
#[cfg(test)]
mod torture;
