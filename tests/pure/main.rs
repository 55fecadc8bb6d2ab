//! The pure half: no socket, no second of real time.

mod sip;
mod tidy;
