//! One media thread: its legs, its sockets, its slots of five milliseconds.
//!
//! **Invariant:** after everything that happens to a leg its next deadline is on the wheel, or an
//! entry before it.
//!
//! **Deliberately absent:** locks. What this thread owns, no other touches.

mod hearing;
mod recording;

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use crate::id::LegId;
use crate::media::fact::Fact;
use crate::media::io::calls::Calls;
use crate::media::io::clock::Clock;
use crate::media::io::ports::Sockets;
use crate::media::io::recording_writer::RecordingWriter;
use crate::media::io::slots::Slots;
use crate::media::io::sys::{self, Poller};
use crate::media::io::wheel::Wheel;
use crate::media::io::{Facts, Order};
use crate::media::mixer::Slot;
use crate::media::rtp::PACKET_LEN_MAX;
use crate::media::session::{Buffer, Limits, Output, Session};
use crate::time::Timestamp;
use crate::words::RecordingEnd;

use recording::end_file;

pub(super) struct MediaThread {
    inbox: Receiver<Order>,
    woken: Arc<AtomicBool>,
    poller: Poller,
    limits: Limits,
    clock: Clock,
    facts: Facts,
    /// Where recordings go, if anywhere.
    writer: Option<RecordingWriter>,
    legs: Vec<Option<Box<Leg>>>,
    free: Vec<u32>,
    by_id: BTreeMap<LegId, u32>,
    /// By leg: the legs that hear it alone, as it comes.
    heard_by: Vec<Vec<u32>>,
    calls: Calls,
    wheel: Wheel,
    /// The datagram that is being read, and the one that is being sent.
    inbound: Buffer,
    buffer: Buffer,
    due: Vec<(Timestamp, u32)>,
    ready: Vec<u64>,
    slots: Slots,
}

struct Leg {
    id: LegId,
    session: Session,
    sockets: Sockets,
    /// The leg that this one hears alone, as it comes.
    source: Option<u32>,
    /// Where this leg is mixed: the slot of its call, and its own in the mixer.
    mixed: Option<(u32, Slot)>,
    /// When the wheel wakes this leg next.
    armed: Timestamp,
    unsent: u64,
}

impl MediaThread {
    pub(super) fn new(
        inbox: Receiver<Order>,
        woken: Arc<AtomicBool>,
        poller: Poller,
        limits: Limits,
        clock: Clock,
        facts: Facts,
        writer: Option<RecordingWriter>,
    ) -> Self {
        let wheel = Wheel::new(clock.now());
        Self {
            inbox,
            woken,
            poller,
            limits,
            clock,
            facts,
            writer,
            legs: Vec::new(),
            free: Vec::new(),
            by_id: BTreeMap::new(),
            heard_by: Vec::new(),
            calls: Calls::default(),
            wheel,
            inbound: [0; PACKET_LEN_MAX],
            buffer: [0; PACKET_LEN_MAX],
            due: Vec::new(),
            ready: Vec::with_capacity(sys::EVENTS_MAX),
            slots: Slots::default(),
        }
    }

    pub(super) fn run(mut self) {
        sys::raise_priority();
        // Orders come before packets: what was ordered before a packet was sent, holds for it.
        while self.take_orders() {
            self.read_sockets();
            self.turn_wheel();
            self.wait();
        }
        for index in 0..self.legs.len() as u32 {
            self.close(self.clock.now(), index, true);
        }
    }

    /// `false` when the engine is gone.
    fn take_orders(&mut self) -> bool {
        self.woken.store(false, Ordering::Release);
        let now = self.clock.now();
        for _ in 0..ORDERS_PER_SLOT {
            match self.inbox.try_recv() {
                Ok(Order::Stop) | Err(TryRecvError::Disconnected) => return false,
                Ok(order) => self.carry_out(now, order),
                Err(TryRecvError::Empty) => return true,
            }
        }
        // More are waiting: do not sleep on them.
        self.woken.store(true, Ordering::Release);
        true
    }

    fn carry_out(&mut self, now: Timestamp, order: Order) {
        match order {
            Order::Open { leg, sockets, seed } => self.open(now, leg, sockets, seed),
            Order::Configure { leg, described } => {
                let (remote, origins) = *described;
                self.with(now, leg, |session| session.configure(now, remote, origins));
                self.route(now, leg.call);
            }
            Order::Play { leg, play, sounds, repeat } => {
                self.with(now, leg, |session| session.play(now, play, sounds, repeat));
            }
            Order::AwaitSound { leg, play, waiting, patience } => {
                self.with(now, leg, |session| session.await_sound(now, play, waiting, patience));
            }
            Order::PlayAwaited { leg, play, sounds, repeat } => {
                self.with(now, leg, |session| session.play_awaited(now, play, sounds, repeat));
            }
            Order::FailAwaited { leg, play } => {
                if self.with(now, leg, |session| session.fail_awaited(play)) == Some(true) {
                    (self.facts)(Fact::PromptFailed { leg, play });
                }
            }
            Order::StopPlay { leg } => {
                self.with(now, leg, Session::stop);
            }
            Order::Record { leg, spec, tone } => self.record(now, leg, spec, tone),
            Order::StopRecord { leg } => self.stop_record(now, leg),
            Order::RecordCall { leg, recording, left } => {
                self.record_call(now, leg, recording, left);
            }
            Order::Press { leg, digit } => {
                let digit = self.with(now, leg, |session| session.press(now, digit));
                if let Some(digit) = digit.flatten() {
                    (self.facts)(Fact::Digit { leg, digit });
                }
            }
            Order::Hear { leg, from } => self.hear(now, leg, from),
            Order::Close { leg, tell } => {
                if let Some(&index) = self.by_id.get(&leg) {
                    self.close(now, index, tell);
                }
            }
            Order::Stop => {}
        }
    }

    /// Opening a leg twice is a bug of the caller; the second one is dropped, its ports with it.
    fn open(&mut self, now: Timestamp, id: LegId, sockets: Sockets, seed: u64) {
        if self.by_id.contains_key(&id) {
            tracing::error!(leg = %id, "opened twice");
            return;
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.legs.push(None);
            self.heard_by.push(Vec::new());
            (self.legs.len() - 1) as u32
        });
        let token = u64::from(index) << 1;
        let watched = self
            .poller
            .watch(&sockets.rtp, token)
            .and_then(|()| self.poller.watch(&sockets.rtcp, token | RTCP_BIT));
        if let Err(error) = watched {
            tracing::error!(leg = %id, %error, "nothing can be received");
        }
        let session = Session::new(seed, self.limits);
        let armed = Timestamp(u64::MAX);
        let leg = Leg { id, session, sockets, source: None, mixed: None, armed, unsent: 0 };
        self.legs[index as usize] = Some(Box::new(leg));
        self.by_id.insert(id, index);
        self.calls.opened(id.call);
        self.route(now, id.call);
    }

    fn with<T>(
        &mut self,
        now: Timestamp,
        leg: LegId,
        change: impl FnOnce(&mut Session) -> T,
    ) -> Option<T> {
        let index = *self.by_id.get(&leg)?;
        let leg = self.legs[index as usize].as_mut()?;
        let result = change(&mut leg.session);
        self.drive(now, index);
        Some(result)
    }

    fn close(&mut self, now: Timestamp, index: u32, tell: bool) {
        let Some(mut leg) = self.legs[index as usize].take() else { return };
        self.free.push(index);
        self.by_id.remove(&leg.id);
        self.heard_by[index as usize].clear();
        if self.is_call_open(leg.id.call) {
            self.route(now, leg.id.call);
        } else {
            self.end_call_recording(leg.id.call, RecordingEnd::HungUp);
            self.calls.forget(leg.id.call);
        }
        let finished = leg.session.stop_record(now, RecordingEnd::HungUp);
        self.recorded(leg.id, finished);
        if let Some((to, len)) = leg.session.close(now, &mut self.buffer) {
            leg.send_report(&self.buffer[..len], to);
        }
        let mut stats = leg.session.stats();
        stats.unsent = leg.unsent;
        let id = leg.id;
        // The ports are free again before anybody hears of it.
        drop(leg);
        let (received, lost, foreign) = (stats.received, stats.lost, stats.foreign);
        tracing::debug!(leg = %id, received, lost, foreign, sent = stats.sent, "media closed");
        if tell {
            (self.facts)(Fact::Closed { leg: id, stats });
        }
    }

    fn turn_wheel(&mut self) {
        let now = self.clock.now();
        let mut due = std::mem::take(&mut self.due);
        self.wheel.pop(now, &mut due);
        for (at, index) in due.drain(..) {
            if index & MIXER_BIT != 0 {
                self.wake_mixer(now, at, index & !MIXER_BIT);
                continue;
            }
            // Another entry may have been set for an earlier time meanwhile.
            if let Some(leg) = &mut self.legs[index as usize]
                && leg.armed == at
            {
                leg.armed = Timestamp(u64::MAX);
                self.drive(now, index);
            }
        }
        self.due = due;
    }

    /// Does what is due on a leg and puts its next deadline on the wheel.
    fn drive(&mut self, now: Timestamp, index: u32) {
        let Some(leg) = &mut self.legs[index as usize] else { return };
        // Bounded: each output moves a deadline on, and a late prompt catches up 100 ms at most.
        while let Some(output) = leg.session.handle_timeout(now, &mut self.buffer) {
            match output {
                Output::Rtp { to, len } => leg.send(&self.buffer[..len], to),
                Output::Rtcp { to, len } => leg.send_report(&self.buffer[..len], to),
                Output::PromptDone(play) => {
                    (self.facts)(Fact::PromptDone { leg: leg.id, play });
                }
                Output::Recorded { finished, rest } => {
                    end_file(self.writer.as_ref(), &self.facts, leg.id, &finished, rest);
                }
                Output::Inactive => (self.facts)(Fact::Inactive { leg: leg.id }),
                Output::NoInboundRtp { elsewhere } => {
                    (self.facts)(Fact::NoInboundRtp { leg: leg.id, elsewhere });
                }
            }
        }
        leg.arm(index, &mut self.wheel);
    }

    /// With many legs, everything that comes within a slot is read together.
    fn wait(&mut self) {
        if self.by_id.len() > LEGS_SERVED_AT_ONCE {
            let left = self.slots.left(self.clock.elapsed());
            // Orders that wait are not slept on.
            if let Some(left) = left.filter(|_| !self.woken.load(Ordering::Acquire)) {
                sys::pause(left);
            }
            self.slots.serve(self.clock.elapsed());
            self.poller.wait(Some(Duration::ZERO), &mut self.ready);
            return;
        }
        let timeout = if self.woken.load(Ordering::Acquire) {
            Some(Duration::ZERO)
        } else {
            self.wheel.next().and_then(|at| self.clock.until(at))
        };
        self.poller.wait(timeout, &mut self.ready);
    }

    /// One packet of each socket. To ask whether there are more costs as much as reading one, and
    /// they are reported again in the next slot.
    fn read_sockets(&mut self) {
        let now = self.clock.now();
        for _ in 0..READS_PER_SLOT {
            let ready = std::mem::take(&mut self.ready);
            for &token in &ready {
                self.read(now, token);
            }
            let full = ready.len() == sys::EVENTS_MAX;
            self.ready = ready;
            if !full {
                return self.ready.clear();
            }
            self.poller.wait(Some(Duration::ZERO), &mut self.ready);
        }
    }

    fn read(&mut self, now: Timestamp, token: u64) {
        let index = (token >> 1) as u32;
        let Some(leg) = self.legs.get_mut(index as usize).and_then(Option::as_mut) else { return };
        if token & RTCP_BIT != 0 {
            if let Some((bytes, from)) = receive(&leg.sockets.rtcp, &mut self.inbound) {
                leg.session.receive_rtcp(now, from, bytes);
            }
            return;
        }
        let Some((bytes, from)) = receive(&leg.sockets.rtp, &mut self.inbound) else { return };
        let received = leg.session.receive(now, from, bytes);
        if let Some(digit) = received.digit {
            (self.facts)(Fact::Digit { leg: leg.id, digit });
        }
        leg.hand_on_recorded(self.writer.as_ref(), &self.facts);
        leg.arm(index, &mut self.wheel);
        let Some(relayed) = received.relayed else { return };
        if let (Some((call, slot)), Some(heard)) = (leg.mixed, leg.session.heard()) {
            self.calls.push(call, slot, heard);
        }
        for &listener in &self.heard_by[index as usize] {
            if let Some(leg) = self.legs[listener as usize].as_mut()
                && let Some((to, len)) = leg.session.relay(now, &relayed, &mut self.buffer)
            {
                leg.send(&self.buffer[..len], to);
            }
        }
    }
}

impl Leg {
    /// Puts the next deadline on the wheel, unless an entry comes up before it anyway.
    fn arm(&mut self, index: u32, wheel: &mut Wheel) {
        if let Some(deadline) = self.session.poll_timeout()
            && deadline < self.armed
        {
            self.armed = wheel.set(index, deadline);
        }
    }

    fn send(&mut self, bytes: &[u8], to: SocketAddr) {
        // A full buffer or an unreachable network loses the packet, as any network does.
        if self.sockets.rtp.send_to(bytes, to).is_err() {
            self.unsent += 1;
        }
    }

    fn send_report(&self, bytes: &[u8], to: SocketAddr) {
        let shared = self.session.shares_port();
        let socket = if shared { &self.sockets.rtp } else { &self.sockets.rtcp };
        // A lost report is made up for by the next one.
        let _ = socket.send_to(bytes, to);
    }
}

/// One datagram; `None` when there is none, or one too long to be speech.
fn receive<'a>(socket: &UdpSocket, buffer: &'a mut Buffer) -> Option<(&'a [u8], SocketAddr)> {
    let (len, from) = socket.recv_from(buffer).ok()?;
    (len < PACKET_LEN_MAX).then(|| (&buffer[..len], from))
}

/// In a key of the wheel: a call's mixer, not a leg.
const MIXER_BIT: u32 = 1 << 31;
/// The lowest bit of a token: which of a leg's sockets.
const RTCP_BIT: u64 = 1;
/// Up to this number of legs a thread reacts to each packet; above, it works in slots.
const LEGS_SERVED_AT_ONCE: usize = 16;
/// Orders carried out before packets get their turn.
const ORDERS_PER_SLOT: usize = 256;
/// Times that the poller is asked in one slot, where it reports as many sockets as it can.
const READS_PER_SLOT: usize = 16;
