//! The media engine: sessions on threads and sockets of their own.
//!
//! Every call lives on one thread, so that no leg hears another across threads. A thread with more
//! than a few legs works in slots of five milliseconds: read everything, send everything that is
//! due, sleep. That is one `recvfrom` and one `sendto` per packet and few wake-ups besides.
//!
//! **Invariant:** opening binds sockets before it returns, or says why not; a leg that is closed
//! sends one RTCP farewell and, where that was asked or the engine ends, reports [`Fact::Closed`]
//! once, whatever else happens.
//!
//! **Deliberately absent:** tokio. A thousand timers of 20 ms on a shared runtime would delay both
//! signaling and speech.

mod calls;
mod clock;
mod ports;
mod recording_writer;
mod slots;
mod sys;
#[cfg(test)]
mod tests;
mod thread;
mod wheel;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::id::{LegId, PlayId, RecordingId};
use crate::media::fact::Fact;
use crate::media::music;
use crate::media::prompt::Sound;
use crate::media::recorder::RecordingSpec;
use crate::media::session::{Limits, RemoteMedia};
use crate::media::source::Origins;
use crate::time::Timestamp;
use crate::words::Digit;

pub use ports::OpenError;
pub use recording_writer::{Repaired, file_of, repair};

use clock::Clock;
use ports::{PortPool, Sockets};
use recording_writer::RecordingWriter;
use sys::{Poller, Waker};
use thread::MediaThread;

#[derive(Clone, Debug)]
pub struct MediaConfig {
    /// Threads that carry sound; at least one.
    pub threads: usize,
    /// UDP ports, two a leg; `0..=0` for any.
    pub ports: RangeInclusive<u16>,
    pub limits: Limits,
    /// Where recordings are kept; made where it is missing. Without one there are none.
    pub recordings: Option<PathBuf>,
}

/// Called on the media threads: it must not block.
pub type Facts = Arc<dyn Fn(Fact) + Send + Sync>;

/// Where a leg's sockets listen. The address is the one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalMedia {
    pub rtp: SocketAddr,
    pub rtcp: SocketAddr,
}

/// The door to the media threads. Orders are carried out in the order they are given, a leg at a
/// time; an order for a leg that is not open is ignored.
pub struct MediaEngine {
    ports: Arc<PortPool>,
    threads: Vec<Handle>,
    /// There is an [`OrderBatch`].
    is_batching: AtomicBool,
    beep: Arc<Sound>,
    recordings: Option<JoinHandle<()>>,
    recordings_failing: Option<Arc<AtomicBool>>,
}

/// While there is one, no order wakes a thread that keeps up; all of them do, once, when it is
/// dropped. Until then the ports of legs that were closed may not be free. Where there are two, the
/// first that is dropped ends both.
#[must_use]
pub struct OrderBatch(Arc<MediaEngine>);

struct Handle {
    orders: SyncSender<Order>,
    waker: Waker,
    /// Set when there are orders for which the thread was not woken.
    due: AtomicBool,
    /// Set when the thread was woken and has not looked at its orders yet.
    woken: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

enum Order {
    Open { leg: LegId, sockets: Sockets, seed: u64 },
    Configure { leg: LegId, described: Box<(RemoteMedia, Origins)> },
    Play { leg: LegId, play: PlayId, sounds: Vec<Arc<Sound>>, repeat: bool },
    AwaitSound { leg: LegId, play: PlayId, waiting: Arc<Sound>, patience: Duration },
    PlayAwaited { leg: LegId, play: PlayId, sounds: Vec<Arc<Sound>>, repeat: bool },
    FailAwaited { leg: LegId, play: PlayId },
    StopPlay { leg: LegId },
    Record { leg: LegId, spec: RecordingSpec, tone: Option<Arc<Sound>> },
    StopRecord { leg: LegId },
    RecordCall { leg: LegId, recording: RecordingId, left: LegId },
    Press { leg: LegId, digit: Digit },
    Hear { leg: LegId, from: Vec<LegId> },
    Close { leg: LegId, tell: bool },
    Stop,
}

impl MediaEngine {
    /// Starts the threads. `now` is the shell's clock at this moment; the engine's runs on from it.
    ///
    /// # Errors
    ///
    /// When the system gives no thread, no epoll descriptor, no random seed or no folder for the
    /// recordings.
    pub fn start(config: &MediaConfig, now: Timestamp, facts: &Facts) -> io::Result<Self> {
        Self::start_by(config, &Clock::start(now), facts)
    }

    fn start_by(config: &MediaConfig, clock: &Clock, facts: &Facts) -> io::Result<Self> {
        sys::raise_open_files_limit();
        let ports = Arc::new(PortPool::new(config.ports.clone(), random()?));
        let writer = config
            .recordings
            .clone()
            .map(|folder| RecordingWriter::start(folder, Arc::clone(facts)));
        let (writer, recordings) = writer.transpose()?.unzip();
        let recordings_failing = writer.as_ref().map(RecordingWriter::is_failing);
        let threads = (0..config.threads.max(1))
            .map(|n| {
                Handle::start(n, config.limits, clock.clone(), Arc::clone(facts), writer.clone())
            })
            .collect::<io::Result<_>>()?;
        let is_batching = AtomicBool::new(false);
        let beep = Arc::new(music::beep());
        Ok(Self { ports, threads, is_batching, beep, recordings, recordings_failing })
    }

    /// Whether the disk takes no recordings at the moment.
    #[must_use]
    pub fn is_recording_failing(&self) -> bool {
        self.recordings_failing.as_ref().is_some_and(|failing| failing.load(Ordering::Relaxed))
    }

    /// Gathers the orders that follow, so that the threads wake up once for all of them.
    pub fn batch_orders(self: &Arc<Self>) -> OrderBatch {
        self.is_batching.store(true, Ordering::SeqCst);
        OrderBatch(Arc::clone(self))
    }

    /// Binds a leg's sockets on `local`.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when no pair of ports is free or the address is not ours.
    pub fn open(&self, leg: LegId, local: IpAddr) -> Result<LocalMedia, OpenError> {
        let failed = |source| OpenError::Socket { address: local, source };
        let sockets = self.ports.bind(local)?;
        let rtp = sockets.rtp.local_addr().map_err(failed)?;
        let rtcp = sockets.rtcp.local_addr().map_err(failed)?;
        let seed = random().map_err(failed)?;
        self.order(leg, Order::Open { leg, sockets, seed });
        Ok(LocalMedia { rtp, rtcp })
    }

    /// What the other side said about its media, at first and whenever it changes, and where the
    /// media may come from beside that.
    pub fn configure(&self, leg: LegId, remote: RemoteMedia, origins: Origins) {
        self.order(leg, Order::Configure { leg, described: Box::new((remote, origins)) });
    }

    /// Plays these one after another in place of what plays, and of what the leg hears of others.
    /// With `repeat` until replaced or stopped; otherwise [`Fact::PromptDone`] follows.
    pub fn play(&self, leg: LegId, play: PlayId, sounds: Vec<Arc<Sound>>, repeat: bool) {
        self.order(leg, Order::Play { leg, play, sounds, repeat });
    }

    pub fn stop_play(&self, leg: LegId) {
        self.order(leg, Order::StopPlay { leg });
    }

    /// Records what the leg says, after a tone with `beep`, in place of what plays:
    /// [`Fact::Recorded`] or [`Fact::RecordFailed`] follows, also when the leg is not open. A
    /// recording of the leg that is being made already ends.
    pub fn record(&self, leg: LegId, spec: RecordingSpec, beep: bool) {
        let tone = beep.then(|| Arc::clone(&self.beep));
        self.order(leg, Order::Record { leg, spec, tone });
    }

    /// Ends the recording of this leg, or the one that it makes.
    pub fn stop_record(&self, leg: LegId) {
        self.order(leg, Order::StopRecord { leg });
    }

    /// Records in stereo what `leg` hears: `left` on the left, the sum of the others on the right.
    /// [`Self::hear`] says from now on whom it hears; whoever it does not hear is silent there, and
    /// so it pauses where it hears no leg. It has no ports, and is there until its recording ends.
    /// A leg that is not open is heard from when it opens; whoever comes to a channel is silent
    /// there for 140 ms, and while a key is down.
    ///
    /// It ends when it is stopped, when another recording of the call begins, when the call's last
    /// leg closes, or after twelve hours: [`Fact::Recorded`] follows once, before that leg's
    /// [`Fact::Closed`]; or [`Fact::RecordFailed`] does, also when no leg of the call is open.
    /// One that is over never begins again.
    pub fn record_call(&self, leg: LegId, recording: RecordingId, left: LegId) {
        self.order(leg, Order::RecordCall { leg, recording, left });
    }

    /// A key came by SIP INFO: [`Fact::Digit`] follows, unless the same press came in the sound.
    pub fn press(&self, leg: LegId, digit: Digit) {
        self.order(leg, Order::Press { leg, digit });
    }

    /// From now on `leg` hears exactly these legs of its call, and what played on it stops; with an
    /// empty list it hears no leg, and nothing stops. One leg is passed on as it comes, keys with
    /// it; two or more are mixed, and their keys are not heard. Of a leg that it did not hear
    /// before it hears nothing that has come already, nor a key that is down.
    ///
    /// This holds until the next such order for `leg` or until the last leg of the call closes,
    /// whether or not these legs are open now: a leg is heard from when it opens until it closes,
    /// and again when it opens again.
    pub fn hear(&self, leg: LegId, from: Vec<LegId>) {
        self.order(leg, Order::Hear { leg, from });
    }

    pub fn close(&self, leg: LegId) {
        self.order(leg, Order::Close { leg, tell: false });
    }

    /// As [`Self::close`]; where the leg was open [`Fact::Closed`] follows. No thread is woken for
    /// the others.
    pub fn close_and_tell(&self, leg: LegId) {
        self.order(leg, Order::Close { leg, tell: true });
    }

    /// A play begins whose sounds are still being made: see `Session::await_sound`.
    pub fn await_sound(&self, leg: LegId, play: PlayId, waiting: Arc<Sound>, patience: Duration) {
        self.order(leg, Order::AwaitSound { leg, play, waiting, patience });
    }

    /// Plays the sounds of an awaited play, if that is still wanted.
    pub fn play_awaited(&self, leg: LegId, play: PlayId, sounds: Vec<Arc<Sound>>, repeat: bool) {
        self.order(leg, Order::PlayAwaited { leg, play, sounds, repeat });
    }

    /// Gives an awaited play up: [`Fact::PromptFailed`] follows, if it is still wanted.
    pub fn fail_awaited(&self, leg: LegId, play: PlayId) {
        self.order(leg, Order::FailAwaited { leg, play });
    }

    fn order(&self, leg: LegId, order: Order) {
        // All legs of a call are on one thread.
        let n = leg.call.0 % self.threads.len() as u64;
        self.threads[n as usize].order(order, &self.is_batching);
    }
}

impl Drop for OrderBatch {
    fn drop(&mut self) {
        self.0.is_batching.store(false, Ordering::SeqCst);
        for handle in &self.0.threads {
            handle.wake_if_due();
        }
    }
}

impl Handle {
    fn start(
        n: usize,
        limits: Limits,
        clock: Clock,
        facts: Facts,
        writer: Option<RecordingWriter>,
    ) -> io::Result<Self> {
        let (orders, inbox) = sync_channel(ORDERS_MAX);
        let poller = Poller::new()?;
        let waker = poller.waker();
        let woken = Arc::new(AtomicBool::new(false));
        let media =
            MediaThread::new(inbox, Arc::clone(&woken), poller, limits, clock, facts, writer);
        let thread =
            std::thread::Builder::new().name(format!("media-{n}")).spawn(move || media.run())?;
        let due = AtomicBool::new(false);
        Ok(Self { orders, waker, due, woken, thread: Some(thread) })
    }

    /// Waits when the thread is [`ORDERS_MAX`] behind; a thread that ended takes no orders.
    fn order(&self, order: Order, is_batching: &AtomicBool) {
        if let Err(TrySendError::Full(order)) = self.orders.try_send(order) {
            self.wake();
            let _ = self.orders.send(order); // fails only where the thread has ended
        }
        // In this order: a batch that ends after we saw it finds that something is due.
        self.due.store(true, Ordering::SeqCst);
        if !is_batching.load(Ordering::SeqCst) {
            self.wake_if_due();
        }
    }

    fn wake_if_due(&self) {
        if self.due.swap(false, Ordering::SeqCst) {
            self.wake();
        }
    }

    fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }
}

impl Drop for MediaEngine {
    fn drop(&mut self) {
        for handle in &self.threads {
            handle.order(Order::Stop, &self.is_batching);
        }
        for handle in &mut self.threads {
            if let Some(thread) = handle.thread.take() {
                // A panic there was printed there.
                let _ = thread.join();
            }
        }
        if let Some(thread) = self.recordings.take() {
            let _ = thread.join(); // it ends with the last of the threads that write to it
        }
    }
}

fn random() -> io::Result<u64> {
    getrandom::u64().map_err(io::Error::other)
}

/// Orders on their way to one thread, which looks once a slot at least: more means that it is
/// stuck. The channel takes 96 bytes for each from the start.
const ORDERS_MAX: usize = 4_096;
