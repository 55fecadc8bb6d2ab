//! SIGTERM, SIGINT and SIGQUIT: the first drains, the second ends. SIGHUP has the configuration
//! read again. What else would end a process by
//! its default, and is sent to servers by habit, ends nothing here: it is named in the log.
//!
//! **Invariant:** no signal that a process can take, but those three, ends calls.
//!
//! **Deliberately absent:** SIGPIPE, which the standard library ignores before `main`; faults of
//! the program itself (SIGSEGV and its kind), after which nothing can be trusted.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::signal::unix::{Signal as Unix, SignalKind, signal};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Terminate,
    /// The configuration is wanted again.
    Reload,
    /// Its name, and what to say.
    Other(&'static str, &'static str),
}

pub(super) struct Signals {
    heard: Vec<(Unix, Signal)>,
    woken: Arc<Woken>,
}

/// Whether one of the signals may have come since they were asked. The driver waits for a signal
/// anew after each message, and to ask all of them costs more than many a message.
struct Woken {
    is_woken: AtomicBool,
    waiting: Mutex<Option<Waker>>,
}

impl Woken {
    /// Says whether there is something to ask for; if not, who waits is woken once there is.
    fn take(&self, cx: &Context<'_>) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *waiting {
            Some(waiting) => waiting.clone_from(cx.waker()),
            None => *waiting = Some(cx.waker().clone()),
        }
        self.is_woken.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        waiting.into_iter().for_each(Waker::wake);
    }
}

const NOTHING: &str = "it means nothing here: calls go on; SIGTERM ends the server";
const TOO_LARGE: &str = "a file has reached the size that the system allows this process (ulimit \
                         -f): what is written there fails as on a full disk";

impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        let heard = [
            (SignalKind::terminate(), Signal::Terminate),
            (SignalKind::interrupt(), Signal::Terminate),
            (SignalKind::quit(), Signal::Terminate),
            (SignalKind::hangup(), Signal::Reload),
            (SignalKind::user_defined1(), Signal::Other("SIGUSR1", NOTHING)),
            (SignalKind::user_defined2(), Signal::Other("SIGUSR2", NOTHING)),
            (SignalKind::alarm(), Signal::Other("SIGALRM", NOTHING)),
            (SignalKind::from_raw(libc::SIGXFSZ), Signal::Other("SIGXFSZ", TOO_LARGE)),
        ];
        let heard = heard.into_iter().map(|(kind, means)| Ok((signal(kind)?, means)));
        let woken = Woken { is_woken: AtomicBool::new(true), waiting: Mutex::new(None) };
        Ok(Self { heard: heard.collect::<std::io::Result<_>>()?, woken: Arc::new(woken) })
    }

    pub(super) async fn next(&mut self) -> Signal {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<Signal> {
        if !self.woken.take(cx) {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(&self.woken));
        for (signal, means) in &mut self.heard {
            if signal.poll_recv(&mut Context::from_waker(&waker)).is_ready() {
                // It, and those behind it, may have come as well.
                self.woken.is_woken.store(true, Ordering::Release);
                return Poll::Ready(*means);
            }
        }
        Poll::Pending
    }
}
