//! Where the caller of a call at a provider is.
//!
//! ```text
//!  AtProvider ◄──────────────► WithUs          our end of the sound comes and goes
//!    │    ▲ comes                │
//!    ▼    │                      ▼
//!  Unknown ──► Over { with_us: false } ◄── Over { with_us: true }
//! ```
//!
//! **Invariant:** [`Whereabouts::leave`] returns `true` once.
//!
//! **Deliberately absent:** what the provider does with the caller there: see `Executing`.

use serde::{Deserialize, Serialize};

/// Saved as whether the call is over: after a restart our end of the sound is gone, and the
/// provider is asked anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
pub(super) enum Whereabouts {
    /// At the provider, which does what the last document says.
    AtProvider,
    /// The provider said that it knows no such call, and has made no request since.
    Unknown,
    /// The caller's sound is with us by SIP.
    WithUs,
    /// The caller is gone; `with_us`: our end of the sound is still up.
    Over { with_us: bool },
}

impl Whereabouts {
    pub(super) const fn is_over(self) -> bool {
        matches!(self, Self::Over { .. })
    }

    /// Whether the caller's sound is with us.
    pub(super) const fn is_with_us(self) -> bool {
        matches!(self, Self::WithUs | Self::Over { with_us: true })
    }

    /// The caller's sound comes to us. `false`: it is here already, or the call is over.
    pub(super) fn hand_over(&mut self) -> bool {
        let comes = matches!(self, Self::AtProvider | Self::Unknown);
        if comes {
            *self = Self::WithUs;
        }
        comes
    }

    /// The caller's sound is no longer with us. Whether a talk ends with it.
    pub(super) fn hand_back(&mut self) -> bool {
        match *self {
            Self::WithUs => {
                *self = Self::AtProvider;
                true
            }
            Self::Over { with_us: true } => {
                *self = Self::Over { with_us: false };
                false
            }
            Self::AtProvider | Self::Unknown | Self::Over { with_us: false } => false,
        }
    }

    /// The caller is gone. `false` where that was known.
    pub(super) fn leave(&mut self) -> bool {
        if self.is_over() {
            return false;
        }
        *self = Self::Over { with_us: self.is_with_us() };
        true
    }

    /// The provider knows no such call.
    pub(super) fn miss(&mut self) -> bool {
        let is_missed = matches!(self, Self::AtProvider | Self::Unknown);
        if is_missed {
            *self = Self::Unknown;
        }
        is_missed
    }

    /// The provider has come for the call.
    pub(super) fn come(&mut self) {
        if *self == Self::Unknown {
            *self = Self::AtProvider;
        }
    }
}

impl From<bool> for Whereabouts {
    fn from(is_over: bool) -> Self {
        if is_over { Self::Over { with_us: false } } else { Self::AtProvider }
    }
}

impl From<Whereabouts> for bool {
    fn from(caller: Whereabouts) -> Self {
        caller.is_over()
    }
}
