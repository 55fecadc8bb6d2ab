//! Automatic call distribution: which waiting call goes to which agent.

pub mod port;
