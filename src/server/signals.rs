//! SIGTERM, SIGINT and SIGQUIT: the first drains, the second ends. What else would end a process by
//! its default, and is sent to servers by habit, ends nothing here: it is named in the log.
//!
//! **Invariant:** no signal that a process can take, but those three, ends calls.
//!
//! **Deliberately absent:** SIGPIPE, which the standard library ignores before `main`; faults of
//! the program itself (SIGSEGV and its kind), after which nothing can be trusted.

use std::future::poll_fn;
use std::task::{Context, Poll};

use tokio::signal::unix::{Signal as Unix, SignalKind, signal};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Terminate,
    /// Its name, and what to say.
    Other(&'static str, &'static str),
}

pub(super) struct Signals(Vec<(Unix, Signal)>);

const RELOAD: &str = "the configuration is not read again while the server runs: calls go on with \
                      what it began with; restart it to change something";
const NOTHING: &str = "it means nothing here: calls go on; SIGTERM ends the server";
const TOO_LARGE: &str = "a file has reached the size that the system allows this process (ulimit \
                         -f): what is written there fails as on a full disk";

impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        let heard = [
            (SignalKind::terminate(), Signal::Terminate),
            (SignalKind::interrupt(), Signal::Terminate),
            (SignalKind::quit(), Signal::Terminate),
            (SignalKind::hangup(), Signal::Other("SIGHUP", RELOAD)),
            (SignalKind::user_defined1(), Signal::Other("SIGUSR1", NOTHING)),
            (SignalKind::user_defined2(), Signal::Other("SIGUSR2", NOTHING)),
            (SignalKind::alarm(), Signal::Other("SIGALRM", NOTHING)),
            (SignalKind::from_raw(libc::SIGXFSZ), Signal::Other("SIGXFSZ", TOO_LARGE)),
        ];
        let heard = heard.into_iter().map(|(kind, means)| Ok((signal(kind)?, means)));
        Ok(Self(heard.collect::<std::io::Result<_>>()?))
    }

    pub(super) async fn next(&mut self) -> Signal {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Signal> {
        for (signal, means) in &mut self.0 {
            if signal.poll_recv(cx).is_ready() {
                return Poll::Ready(*means);
            }
        }
        Poll::Pending
    }
}
