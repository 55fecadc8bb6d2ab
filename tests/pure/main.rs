//! The pure half: no socket, no second of real time.

mod flows;
mod sim;
mod sip;
mod theory;
mod tidy;
