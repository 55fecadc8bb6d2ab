//! The pure half: no socket, no second of real time.

mod tidy;
