//! Q.850 causes and SIP status codes, both ways (RFC 3398 §7.2.4.1 and §8.2.6.1).
//!
//! **Invariant:** every cause becomes a final failure (4xx–6xx), and every final failure becomes a
//! cause, so a leg never ends without one.
//!
//! **Deliberately absent:** the text of a Reason header in, beyond its Q.850 cause.

use crate::words::Cause;

/// The cause a refused call ends with.
#[must_use]
pub const fn cause_of(status: u16) -> Cause {
    match status {
        401 | 402 | 403 | 407 | 603 | 607 | 608 => Cause::CALL_REJECTED,
        404 | 485 | 604 => Cause::UNALLOCATED_NUMBER,
        408 | 504 => Cause::TIMER_EXPIRED,
        410 => Cause(22),
        413 | 414 | 416 | 420 | 421 | 422 | 423 | 505 | 513 => Cause::INTERWORKING,
        480 => Cause::NO_USER_RESPONDING,
        482 | 483 => Cause(25),
        484 => Cause::INVALID_NUMBER,
        486 | 600 => Cause::USER_BUSY,
        487 => Cause::NORMAL_CLEARING,
        488 | 606 | 415 => Cause::INCOMPATIBLE,
        500 | 481 | 491 => Cause::TEMPORARY_FAILURE,
        502 => Cause::NETWORK_OUT_OF_ORDER,
        503 => Cause::CONGESTION,
        300..=399 => Cause::CALL_REJECTED,
        405 | 406 | 501 => Cause(79),
        _ => Cause::NORMAL_UNSPECIFIED,
    }
}

/// The final response that tells a caller why the call is refused.
#[must_use]
pub const fn status_of(cause: Cause) -> u16 {
    match cause {
        Cause(1..=3) => 404,
        Cause::NORMAL_CLEARING => 480,
        Cause::USER_BUSY => 486,
        Cause::NO_USER_RESPONDING | Cause::TIMER_EXPIRED => 408,
        Cause::NO_ANSWER | Cause::SUBSCRIBER_ABSENT | Cause::NORMAL_UNSPECIFIED => 480,
        Cause::CALL_REJECTED => 603,
        Cause(22) => 410,
        Cause(25) => 482,
        Cause::ANSWERED_ELSEWHERE => 487,
        Cause::DESTINATION_OUT_OF_ORDER => 502,
        Cause::INVALID_NUMBER => 484,
        Cause::FACILITY_REJECTED | Cause(79) => 501,
        Cause::NO_CIRCUIT | Cause::TEMPORARY_FAILURE | Cause::CONGESTION => 503,
        Cause::NETWORK_OUT_OF_ORDER | Cause(47) => 503,
        Cause::OUTGOING_BARRED | Cause(55 | 57 | 58 | 87) => 403,
        Cause(65 | 70) | Cause::INCOMPATIBLE => 488,
        Cause::PROTOCOL_ERROR | Cause::INTERWORKING => 500,
        Cause(_) => 480,
    }
}

/// The cause in a Reason header (RFC 3326): `Q.850;cause=17;text="busy"`.
#[must_use]
pub fn from_reason(value: &str) -> Option<Cause> {
    let (protocol, parameters) = value.split_once(';')?;
    if !protocol.trim().eq_ignore_ascii_case("q.850") {
        return None;
    }
    parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let number = value.trim().parse::<u8>().ok().filter(|cause| *cause < 128)?;
        name.trim().eq_ignore_ascii_case("cause").then_some(Cause(number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agents_phone_says_keeps_its_meaning() {
        for (status, cause) in [
            (486, Cause::USER_BUSY),
            (600, Cause::USER_BUSY),
            (603, Cause::CALL_REJECTED),
            (480, Cause::NO_USER_RESPONDING),
            (404, Cause::UNALLOCATED_NUMBER),
            (408, Cause::TIMER_EXPIRED),
            (302, Cause::CALL_REJECTED),
            (503, Cause::CONGESTION),
            (499, Cause::NORMAL_UNSPECIFIED),
        ] {
            assert_eq!(cause_of(status), cause, "{status}");
        }
    }

    #[test]
    fn every_cause_is_a_final_failure() {
        for cause in 0..=u8::MAX {
            let status = status_of(Cause(cause));
            assert!((400..700).contains(&status), "{cause} → {status}");
        }
    }

    #[test]
    fn a_reason_header_names_the_cause() {
        assert_eq!(from_reason("Q.850 ;cause=17;text=\"busy\""), Some(Cause::USER_BUSY));
        assert_eq!(from_reason("q.850;text=x;cause=16"), Some(Cause::NORMAL_CLEARING));
        assert_eq!(from_reason("SIP;cause=200;text=\"elsewhere\""), None);
        assert_eq!(from_reason("Q.850;cause=999"), None);
        assert_eq!(from_reason(""), None);
    }
}
