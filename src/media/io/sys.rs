//! The four things the media threads ask of Linux that the standard library does not offer.
//!
//! **Invariant:** every descriptor is owned by one value here and closed with it; no pointer
//! outlives the call it is passed to.
//!
//! **Deliberately absent:** other systems, and io_uring, which many containers forbid.

#![expect(unsafe_code, reason = "epoll, eventfd and precise sleep are not in std")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

/// Waits until one of many sockets can be read, or until it is woken.
pub(super) struct Poller {
    epoll: OwnedFd,
    wake: Arc<OwnedFd>,
    events: Vec<libc::epoll_event>,
}

/// Wakes a [`Poller`] from another thread.
#[derive(Clone)]
pub(super) struct Waker(Arc<OwnedFd>);

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointer; the result is checked before it is owned.
        let epoll = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: as above.
        let wake = owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        let events = vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS_MAX];
        let poller = Self { epoll, wake: Arc::new(wake), events };
        poller.watch(&poller.wake, WAKE_TOKEN)?;
        Ok(poller)
    }

    pub(super) fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.wake))
    }

    /// Reports `socket` under `token` while it can be read. Closing the socket ends this.
    pub(super) fn watch(&self, socket: &impl AsFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        let socket = socket.as_fd().as_raw_fd();
        // SAFETY: both descriptors are open for the length of the call, `event` lives on the stack
        // and the kernel copies it.
        let result = unsafe {
            libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, socket, &raw mut event)
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Puts the tokens of readable sockets in `ready` (cleared first), at most [`EVENTS_MAX`].
    /// `None` waits for as long as it takes.
    pub(super) fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<u64>) {
        ready.clear();
        let timeout_ms = match timeout {
            None => -1,
            // Rounded up, or a short wait would spin.
            Some(timeout) => i32::try_from(timeout.as_micros().div_ceil(1_000)).unwrap_or(i32::MAX),
        };
        // SAFETY: `events` has room for EVENTS_MAX values and outlives the call.
        let count = unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                EVENTS_MAX as i32,
                timeout_ms,
            )
        };
        // Negative when a signal came in between: nothing is ready, and the caller comes back.
        let count = usize::try_from(count).unwrap_or(0);
        for event in &self.events[..count] {
            match event.u64 {
                WAKE_TOKEN => self.clear_wake(),
                token => ready.push(token),
            }
        }
    }

    fn clear_wake(&self) {
        let mut count = 0_u64;
        // SAFETY: the descriptor is open and `count` is the eight bytes eventfd writes.
        let _ = unsafe { libc::eventfd_read(self.wake.as_raw_fd(), &raw mut count) };
    }
}

impl Waker {
    pub(super) fn wake(&self) {
        // SAFETY: the descriptor is open; the call takes no pointer.
        let _ = unsafe { libc::eventfd_write(self.0.as_raw_fd(), 1) };
    }
}

/// Sleeps with a precision of tens of microseconds; a signal may end it early.
pub(super) fn pause(time: Duration) {
    let request = libc::timespec {
        tv_sec: time.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(time.subsec_nanos() as i32),
    };
    // SAFETY: `request` is read during the call; the remainder is not asked for.
    unsafe { libc::nanosleep(&raw const request, std::ptr::null_mut()) };
}

/// Raises the limit of open files as far as it may be raised without privilege: a leg takes two.
pub(super) fn raise_open_files_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer, then a valid request.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// Asks for this thread to be run before others, as speech cannot wait. Refused without privilege,
/// and then nothing changes.
pub(super) fn raise_priority() {
    // SAFETY: takes no pointer; 0 names the calling thread.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
}

fn owned(descriptor: i32) -> io::Result<OwnedFd> {
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the caller just opened it, and nothing else holds it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Sockets reported at once; more are reported next time.
pub(super) const EVENTS_MAX: usize = 512;
const WAKE_TOKEN: u64 = u64::MAX;
const NICE: i32 = -10;
