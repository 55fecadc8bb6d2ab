//! What is known of one call at a provider.
//!
//! **Invariant:** the number of a step is answered once; a second request for it gets the same
//! answer.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{LegId, PlayId, RecordingId};
use crate::time::Timestamp;
use crate::webhook::calls::answers::Answers;
use crate::webhook::calls::consult::Consult;
use crate::webhook::calls::party::{Party, ProviderLeg};
use crate::webhook::calls::party_state::PartyState;
use crate::webhook::calls::whereabouts::Whereabouts;
use crate::webhook::fields::Recorded;
use crate::words::{Cause, Digit, Hearing, Listen, Prompt};

/// As text it is written after each step, so what is not there is not written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) provider: String,
    /// The provider's name for the caller's leg.
    pub(super) reference: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
    /// The number of the step that was not asked for yet.
    pub(super) next: u32,
    pub(super) program: Program,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bridging: Option<Bridging>,
    pub(super) on_air: OnAir,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) parties: BTreeMap<u16, Party>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) consult: Option<Consult>,
    /// What the center said last of who hears whom.
    #[serde(default, skip_serializing_if = "Hearing::is_empty")]
    pub(super) hearing: Hearing,
    /// Messages, by the step that asked for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) recordings: BTreeMap<u32, Recording>,
    /// What was told of the message that is being left, until the caller goes on or is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) made: Option<Recorded>,
    /// Counts pieces of music, so that the tune goes on from one to the next.
    pub(super) piece: u32,
    /// When the call counts as lost, unless the provider comes before.
    pub(super) lost_at: Timestamp,
    #[serde(rename = "is_over")]
    pub(super) caller: Whereabouts,
    #[serde(skip)]
    pub(super) answers: Answers,
    /// The step the provider was told by REST to come for, until it comes for that or a later one.
    #[serde(skip)]
    pub(super) moved: Option<u32>,
    #[serde(skip)]
    pub(super) follow: Option<Follow>,
}

/// What the center wants the caller to hear or to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Program {
    Silent,
    Play {
        play: PlayId,
        prompts: Vec<Prompt>,
        repeat: bool,
    },
    /// The caller leaves a message.
    Record(Recording),
    HangUp {
        cause: Cause,
    },
    Reject {
        cause: Cause,
    },
}

impl Program {
    /// The call is over, and the provider is to be told.
    pub(super) const fn is_end(&self) -> bool {
        matches!(self, Self::HangUp { .. } | Self::Reject { .. })
    }
}

/// Whom the caller is brought to. It goes before what would be heard else, which goes on when it
/// comes to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Bridging {
    /// The provider calls somebody.
    Dial { leg: LegId },
    /// The caller's sound comes to us by SIP, where the agent's telephone is.
    HandOff { leg: LegId },
    /// Bridged by the provider.
    Talking { leg: LegId },
    /// In the conference where that party is.
    #[serde(rename = "Room")]
    Conference { leg: LegId },
}

impl Bridging {
    /// The party of the provider's that the caller hears.
    pub(super) const fn talks(self) -> Option<LegId> {
        match self {
            Self::Talking { leg } | Self::Conference { leg } => Some(leg),
            Self::Dial { .. } | Self::HandOff { .. } => None,
        }
    }
}

/// What the last document makes the provider do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum OnAir {
    /// It is not known, after a restart: the provider is on its way back to us.
    Nothing,
    /// A request is being answered: what changes now goes into the answer.
    #[serde(rename = "Nothing", skip_deserializing)]
    Asked,
    /// The same, after the caller came out of a conference.
    #[serde(rename = "Room", skip_deserializing)]
    AskedAnew,
    Sounds {
        play: Option<PlayId>,
        /// What was said after that play, in the same document.
        ahead: VecDeque<Vec<Prompt>>,
        listen: Option<Listen>,
        /// A piece of what is heard while waiting, which may be cut off.
        waits: bool,
    },
    Dial {
        leg: LegId,
    },
    Record {
        recording: RecordingId,
    },
    HandOff {
        leg: LegId,
    },
    #[serde(rename = "Room")]
    Conference,
    End,
}

impl OnAir {
    /// Whether a request is being answered.
    pub(super) const fn is_asked(&self) -> bool {
        matches!(self, Self::Asked | Self::AskedAnew)
    }
}

/// A message that is to be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recording {
    pub(super) id: RecordingId,
    pub(super) length_max: Duration,
    pub(super) length_min: Duration,
    pub(super) silence: Duration,
    pub(super) finish: Option<Digit>,
    pub(super) beep: bool,
}

/// Prompts that were on the last document, too, and so were heard already.
#[derive(Debug)]
pub(super) struct Follow {
    pub(super) plays: VecDeque<Vec<Prompt>>,
    /// Keys were waited for after them, in vain.
    pub(super) in_vain: bool,
}

impl Session {
    /// A party of the provider's.
    pub(super) fn party(&self, n: u16) -> Option<&ProviderLeg> {
        self.parties.get(&n).and_then(Party::provider)
    }

    pub(super) fn party_mut(&mut self, n: u16) -> Option<&mut ProviderLeg> {
        self.parties.get_mut(&n).and_then(Party::provider_mut)
    }

    /// Where a party of the provider's is.
    pub(super) fn state_of(&self, n: u16) -> Option<PartyState> {
        self.party(n).map(|party| party.state)
    }

    /// What played ends with the bridge.
    pub(super) fn bridge(&mut self, to: Bridging) {
        self.bridging = Some(to);
        self.program = Program::Silent;
    }

    /// Nobody is dialed or talked to on this leg any more.
    pub(super) fn done_with(&mut self, leg: LegId) {
        self.hearing.forget(leg);
        if let Some(
            Bridging::Dial { leg: now }
            | Bridging::Talking { leg: now }
            | Bridging::Conference { leg: now },
        ) = self.bridging
            && now == leg
        {
            self.bridging = None;
        }
    }

    /// Whether the caller is to be brought to somebody, or to leave a message.
    pub(super) fn is_awaited(&self) -> bool {
        self.bridging.is_some() || matches!(self.program, Program::Record { .. })
    }

    /// Whether what the provider does now is not what the center wants any more, so that it should
    /// be told at once. Words are worth no command: they come with the next request.
    pub(super) fn is_out_of_date(&self) -> bool {
        if self.caller.is_over() || self.on_air.is_asked() {
            return false;
        }
        if self.program.is_end() {
            let is_known = !matches!(self.on_air, OnAir::Nothing | OnAir::End);
            return is_known && !self.caller.is_with_us();
        }
        match &self.on_air {
            OnAir::Nothing | OnAir::Asked | OnAir::AskedAnew => false,
            OnAir::End | OnAir::Record { .. } => false,
            // Nor what is said to a caller for whom nobody came: an announcement in the queue looks
            // the same from here, and a piece of music is short.
            OnAir::Sounds { waits: true, .. } => self.is_awaited(),
            OnAir::Sounds { waits: false, .. } => {
                matches!(
                    self.bridging,
                    Some(Bridging::HandOff { .. } | Bridging::Conference { .. })
                )
            }
            // Told to come as well, it would begin what is next twice.
            OnAir::Dial { leg } if self.state_of(leg.n).is_some_and(PartyState::comes_back) => {
                false
            }
            // Moved before the party, the caller would take it down.
            OnAir::Dial { leg } if self.state_of(leg.n).is_some_and(PartyState::is_told) => false,
            OnAir::Dial { leg } => match self.bridging {
                Some(Bridging::Dial { leg: now } | Bridging::Talking { leg: now }) => now != *leg,
                Some(Bridging::HandOff { .. } | Bridging::Conference { .. }) | None => true,
            },
            // Our end of it is taken down, and the provider comes by itself.
            OnAir::HandOff { .. } => false,
            OnAir::Conference => !matches!(self.bridging, Some(Bridging::Conference { .. })),
        }
    }
}
