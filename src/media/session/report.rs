//! A leg's RTCP: reports about every five seconds, what the other side reports, a farewell.
//!
//! **Invariant:** a compound counts only from the address the leg's media comes from, or from the
//! one described for it while the media comes from where it was described; a report never changes
//! where RTP goes.
//!
//! **Deliberately absent:** acting on BYE. A call ends by signaling; a BYE that is forged or early
//! must not end it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::media::rtcp::{
    self, Block, Blocks, CNAME_LEN, REPORT_LEN_MAX, Report, Rtcp, ntp_middle,
};
use crate::media::session::{Buffer, Output, Remote, RemoteMedia, Session};
use crate::media::source::is_same_host;
use crate::time::Timestamp;

#[derive(Debug)]
pub(super) struct Reports {
    cname: [u8; CNAME_LEN],
    due: Timestamp,
    /// The other side's last sender report: the middle of its NTP time, and when it came.
    last_sender: Option<(u32, Timestamp)>,
    remote_lost: Option<i32>,
    heard_at: Timestamp,
    /// Where RTCP came from, when that is not where it was said to go (NAT).
    learned: Option<SocketAddr>,
}

impl Reports {
    pub(super) fn new(seed: u64) -> Self {
        let mixed = mix(seed);
        let cname = std::array::from_fn(|i| b"0123456789abcdef"[(mixed >> (4 * i) & 0xF) as usize]);
        Self {
            cname,
            due: Timestamp(0),
            last_sender: None,
            remote_lost: None,
            heard_at: Timestamp(0),
            learned: None,
        }
    }

    /// The first report comes after half the interval or more, so that legs set up together do not
    /// report together.
    pub(super) fn begin(&mut self, now: Timestamp) {
        let spread_ms = u64::from(self.cname[0]) * 37 % (INTERVAL.as_millis() as u64 / 2);
        self.due = now + INTERVAL / 2 + Duration::from_millis(spread_ms);
    }

    pub(super) fn heard_at(&self) -> Timestamp {
        self.heard_at
    }

    pub(super) fn remote_lost(&self) -> Option<i32> {
        self.remote_lost
    }

    fn read(&mut self, now: Timestamp, packet: &Rtcp<'_>, ours: u32) {
        let about = |blocks: &Blocks<'_>| blocks.about(ours).map(|block| block.quality.lost);
        match packet {
            Rtcp::SenderReport { sender, blocks, .. } => {
                self.last_sender = Some((ntp_middle(sender.ntp), now));
                self.remote_lost = about(blocks).or(self.remote_lost);
            }
            Rtcp::ReceiverReport { blocks, .. } => {
                self.remote_lost = about(blocks).or(self.remote_lost);
            }
            Rtcp::SourceDescription { .. } | Rtcp::Bye { .. } | Rtcp::Other { .. } => {}
        }
    }
}

impl Session {
    /// Takes one datagram from the RTCP socket, or RTCP from a shared one.
    pub fn receive_rtcp(&mut self, now: Timestamp, from: SocketAddr, bytes: &[u8]) {
        let Some(remote) = &self.remote else {
            self.foreign += 1;
            return;
        };
        let source = remote.source.destination();
        let is_source = is_same_host(from.ip(), source.ip());
        let is_described = source == remote.source.announced()
            && remote.media.rtcp.is_some_and(|rtcp| is_same_host(from.ip(), rtcp.ip()));
        if !is_source && !is_described {
            self.foreign += 1;
            return;
        }
        let Ok(packets) = rtcp::compound(bytes) else {
            self.refused += 1;
            return;
        };
        let reports = &mut self.reports;
        reports.heard_at = now;
        if from != said(&remote.media) && is_source {
            reports.learned = Some(from);
        }
        for packet in &packets {
            reports.read(now, packet, self.outgoing.ssrc());
        }
    }

    /// The last words of a leg that ends.
    pub fn close(&mut self, now: Timestamp, buffer: &mut Buffer) -> Option<(SocketAddr, usize)> {
        self.compound(now, buffer, true)
    }

    /// The report that is due, if one is.
    pub(super) fn report(&mut self, now: Timestamp, buffer: &mut Buffer) -> Option<Output> {
        if now < self.reports.due {
            return None;
        }
        self.reports.due = now + INTERVAL;
        if self.inactive {
            return None;
        }
        let (to, len) = self.compound(now, buffer, false)?;
        Some(Output::Rtcp { to, len })
    }

    fn compound(
        &mut self,
        now: Timestamp,
        buffer: &mut Buffer,
        bye: bool,
    ) -> Option<(SocketAddr, usize)> {
        let to = self.reports.destination(self.remote.as_ref()?)?;
        let (last_report, delay) = self.reports.last_sender.map_or((0, 0), |(middle, at)| {
            (middle, (now.since(at).as_millis() as u64 * 65_536 / 1_000) as u32)
        });
        let block = self.reception.report().map(|quality| Block { quality, last_report, delay });
        let report = Report {
            ssrc: self.outgoing.ssrc(),
            sender: self.outgoing.report(now),
            block,
            cname: self.reports.cname,
            bye,
        };
        let out = buffer.first_chunk_mut::<REPORT_LEN_MAX>()?;
        Some((to, report.write(out)))
    }
}

impl Reports {
    /// `None` where no port is left above the RTP port.
    fn destination(&self, remote: &Remote) -> Option<SocketAddr> {
        let rtp = remote.source.destination();
        if remote.media.rtcp_mux {
            return Some(rtp);
        }
        if let Some(learned) = self.learned.filter(|learned| is_same_host(learned.ip(), rtp.ip())) {
            return Some(learned);
        }
        if rtp == remote.source.announced() {
            return Some(said(&remote.media));
        }
        Some(SocketAddr::new(rtp.ip(), rtp.port().checked_add(1)?))
    }
}

/// Where the other side said its RTCP goes.
fn said(media: &RemoteMedia) -> SocketAddr {
    let above = SocketAddr::new(media.rtp.ip(), media.rtp.port().saturating_add(1));
    media.rtcp.unwrap_or(above)
}

/// One step of the SplitMix64 generator.
fn mix(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}

/// RFC 3550 §6.2 asks for 5 s or more on average.
const INTERVAL: Duration = Duration::from_secs(5);
