//! Session timers (RFC 4028): what is asked, what is agreed on, and when what is due.
//!
//! **Invariant:** an interval that was agreed on is never below [`EXPIRES_S_MIN`], whatever a peer
//! writes, so no peer can make us refresh at its pace.
//!
//! **Deliberately absent:** sending anything; see `refresh`.

use std::time::Duration;

use crate::sip::message::{HeaderError, Headers, Refresher};
use crate::sip::write::MessageWriter;

/// Shorter is answered 422 (RFC 4028 §4).
pub const EXPIRES_S_MIN: u32 = 90;
/// What we offer where nothing else is configured (RFC 4028 §4 recommends it).
pub(super) const EXPIRES_S: u32 = 1800;
/// The option tag.
pub(super) const TIMER: &str = "timer";
/// The end that waits for a refresh gives up this long before the interval is over, or a third of
/// it before, whichever is less (RFC 4028 §10).
const EARLY_S_MAX: u32 = 32;
/// A refresh that was refused is tried again after a tenth of the interval, and not before this.
const AGAIN_S_MIN: u32 = 5;

/// What was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timer {
    pub(super) interval_s: u32,
    /// The least either side has named in this dialog.
    pub(super) min_s: u32,
    /// Whether keeping the session alive is up to us.
    pub(super) ours: bool,
    /// Whether the other side knows session timers, so that it can be held to them.
    pub(super) known: bool,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// 422, with [`EXPIRES_S_MIN`].
    TooBrief,
    /// 400.
    Unreadable,
}

impl From<HeaderError> for Refused {
    fn from(_: HeaderError) -> Self {
        Self::Unreadable
    }
}

/// What we agree to of a request that begins or refreshes a session (RFC 4028 §9). `ours_s` is the
/// interval we like, `current` what holds in this dialog already.
pub(super) fn asked(
    headers: &Headers,
    ours_s: u32,
    current: Option<Timer>,
) -> Result<Option<Timer>, Refused> {
    let known = headers.supported().chain(headers.require()).any(|tag| tag == TIMER);
    let named = headers.session_expires()?;
    let min_s = headers.min_se()?.unwrap_or(0).max(current.map_or(EXPIRES_S_MIN, |c| c.min_s));
    let too_brief = named.is_some_and(|named| named.interval_s < EXPIRES_S_MIN);
    let (interval_s, ours) = match named {
        Some(_) if too_brief && known => return Err(Refused::TooBrief),
        // A proxy asks for it, and its caller could not understand a 422.
        Some(_) if too_brief => return Ok(None),
        Some(named) => (named.interval_s, !known || named.refresher != Some(Refresher::Uac)),
        None if known => {
            let interval_s = current.map_or(ours_s, |current| current.interval_s);
            (interval_s.max(min_s), current.is_none_or(|current| current.ours))
        }
        None => return Ok(None),
    };
    Ok(Some(Timer { interval_s, min_s, ours, known }))
}

/// What a 2xx to a request of ours agrees to (RFC 4028 §7.2). Nothing said is nothing agreed on.
pub(super) fn agreed(headers: &Headers, current_min_s: u32) -> Option<Timer> {
    let named = headers.session_expires().ok().flatten()?;
    Some(Timer {
        interval_s: named.interval_s.max(EXPIRES_S_MIN),
        min_s: current_min_s.max(EXPIRES_S_MIN),
        ours: named.refresher != Some(Refresher::Uas),
        known: true,
    })
}

/// The interval to ask for after a 422 to `asked_s`; `None` where asking again gains nothing.
pub(super) fn raised(headers: &Headers, asked_s: u32) -> Option<u32> {
    headers.min_se().ok().flatten().filter(|min_s| *min_s > asked_s)
}

impl Timer {
    /// When we refresh, from the last refresh on; `None` where that is up to the other side.
    pub(super) fn refresh_after(self) -> Option<Duration> {
        self.ours.then(|| Duration::from_millis(u64::from(self.interval_s) * 500))
    }

    /// When the session is over without a refresh.
    pub(super) fn expires_after(self) -> Duration {
        let early_s = if self.ours { 0 } else { EARLY_S_MAX.min(self.interval_s / 3) };
        Duration::from_secs(u64::from(self.interval_s - early_s))
    }

    /// When a refused refresh is tried again.
    pub(super) fn again_after(self) -> Duration {
        Duration::from_secs(u64::from((self.interval_s / 10).max(AGAIN_S_MIN)))
    }

    /// The lines of a 2xx of ours.
    pub(super) fn write_answer(self, writer: &mut MessageWriter) {
        let who = if self.ours { "uas" } else { "uac" };
        writer.header("Session-Expires", format_args!("{};refresher={who}", self.interval_s));
        if self.known {
            writer.header("Require", TIMER);
        }
    }

    /// The lines of a refresh of ours.
    pub(super) fn write_refresh(self, writer: &mut MessageWriter) {
        let who = if self.ours { "uac" } else { "uas" };
        writer.header("Session-Expires", format_args!("{};refresher={who}", self.interval_s));
        writer.header("Min-SE", self.min_s);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::Name;

    fn headers(lines: &[(Name, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in lines {
            headers.push(*name, *value);
        }
        headers
    }

    #[test]
    fn the_table_of_rfc_4028_section_9() {
        use Name::{SessionExpires as Se, Supported};
        for (lines, want) in [
            (vec![], Ok(None)),
            (vec![(Supported, "timer")], Ok(Some((1800, true, true)))),
            (vec![(Supported, "100rel, timer"), (Se, "600")], Ok(Some((600, true, true)))),
            (vec![(Name::Require, "timer"), (Se, "90;refresher=uas")], Ok(Some((90, true, true)))),
            (vec![(Supported, "timer"), (Se, "90 ;Refresher=UAC")], Ok(Some((90, false, true)))),
            (vec![(Se, "600;refresher=uac")], Ok(Some((600, true, false)))),
            (vec![(Supported, "timer"), (Se, "89")], Err(Refused::TooBrief)),
            (vec![(Se, "1")], Ok(None)),
            (vec![(Supported, "timer"), (Name::MinSe, "3600")], Ok(Some((3600, true, true)))),
            (vec![(Supported, "timer"), (Se, "soon")], Err(Refused::Unreadable)),
            (vec![(Supported, "timer"), (Name::MinSe, "-1")], Err(Refused::Unreadable)),
        ] {
            let said = asked(&headers(&lines), 1800, None);
            let said = said.map(|timer| timer.map(|t| (t.interval_s, t.ours, t.known)));
            assert_eq!(said, want, "{lines:?}");
        }
    }

    #[test]
    fn a_refresh_that_names_nothing_keeps_interval_and_roles() {
        let current = Timer { interval_s: 120, min_s: 100, ours: false, known: true };
        let said = asked(&headers(&[(Name::Supported, "timer")]), 1800, Some(current));
        assert_eq!(said, Ok(Some(current)));
    }

    #[test]
    fn deadlines_leave_the_other_end_time() {
        let timer = |interval_s, ours| Timer { interval_s, min_s: 90, ours, known: true };
        let s = Duration::from_secs;
        assert_eq!(timer(90, true).refresh_after(), Some(s(45)));
        assert_eq!(timer(90, true).expires_after(), s(90));
        assert_eq!(timer(90, false).refresh_after(), None);
        assert_eq!(timer(90, false).expires_after(), s(60));
        assert_eq!(timer(1800, false).expires_after(), s(1768));
        assert_eq!(
            (timer(90, true).again_after(), timer(1800, true).again_after()),
            (s(9), s(180))
        );
        let longest = timer(u32::MAX, true).refresh_after();
        assert_eq!(longest, Some(Duration::from_millis(u64::from(u32::MAX) * 500)));
    }

    #[test]
    fn what_a_2xx_agrees_to() {
        let said = |value| agreed(&headers(&[(Name::SessionExpires, value)]), 90);
        assert_eq!(agreed(&headers(&[]), 90), None);
        assert_eq!(said("nonsense"), None);
        assert_eq!(said("600;refresher=uas").map(|t| (t.interval_s, t.ours)), Some((600, false)));
        assert_eq!(said("30").map(|t| (t.interval_s, t.ours)), Some((90, true)), "never below");
        let too_small = headers(&[(Name::MinSe, "3600")]);
        assert_eq!((raised(&too_small, 1800), raised(&too_small, 3600)), (Some(3600), None));
    }
}
