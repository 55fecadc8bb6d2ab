//! The whole server over loopback, against real peers.
