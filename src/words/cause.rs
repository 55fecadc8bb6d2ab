//! Why a leg ended: a Q.850 cause value (ITU-T Q.850 §2.2.7).
//!
//! **Deliberately absent:** SIP status codes. `sip` alone maps both ways.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cause(pub u8);

impl Cause {
    pub const UNALLOCATED_NUMBER: Self = Self(1);
    pub const NORMAL_CLEARING: Self = Self(16);
    pub const USER_BUSY: Self = Self(17);
    pub const NO_USER_RESPONDING: Self = Self(18);
    pub const NO_ANSWER: Self = Self(19);
    pub const SUBSCRIBER_ABSENT: Self = Self(20);
    pub const CALL_REJECTED: Self = Self(21);
    pub const ANSWERED_ELSEWHERE: Self = Self(26);
    pub const DESTINATION_OUT_OF_ORDER: Self = Self(27);
    pub const INVALID_NUMBER: Self = Self(28);
    pub const FACILITY_REJECTED: Self = Self(29);
    pub const NORMAL_UNSPECIFIED: Self = Self(31);
    pub const NO_CIRCUIT: Self = Self(34);
    pub const NETWORK_OUT_OF_ORDER: Self = Self(38);
    pub const TEMPORARY_FAILURE: Self = Self(41);
    pub const CONGESTION: Self = Self(42);
    pub const OUTGOING_BARRED: Self = Self(52);
    pub const INCOMPATIBLE: Self = Self(88);
    pub const TIMER_EXPIRED: Self = Self(102);
    pub const PROTOCOL_ERROR: Self = Self(111);
    pub const INTERWORKING: Self = Self(127);

    /// The name used in logs, records and flow files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            1 => "unallocated_number",
            16 => "normal_clearing",
            17 => "user_busy",
            18 => "no_user_responding",
            19 => "no_answer",
            20 => "subscriber_absent",
            21 => "call_rejected",
            26 => "answered_elsewhere",
            27 => "destination_out_of_order",
            28 => "invalid_number",
            29 => "facility_rejected",
            31 => "normal_unspecified",
            34 => "no_circuit",
            38 => "network_out_of_order",
            41 => "temporary_failure",
            42 => "congestion",
            52 => "outgoing_barred",
            88 => "incompatible",
            102 => "timer_expired",
            111 => "protocol_error",
            127 => "interworking",
            _ => "other",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cause({}, {})", self.0, self.name())
    }
}
