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

/// It is saved as text after each step, so empty fields are left out.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) provider: String,
    /// The provider's name for the caller's leg.
    pub(super) reference: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
    /// The number of the next step.
    pub(super) next: u32,
    pub(super) program: Program,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bridging: Option<Bridging>,
    #[serde(rename = "on_air")]
    pub(super) executing: Executing,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) parties: BTreeMap<u16, Party>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) consult: Option<Consult>,
    /// What each leg hears, as the center said last.
    #[serde(default, skip_serializing_if = "Hearing::is_empty")]
    pub(super) hearing: Hearing,
    /// Messages, by the step that asked for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) recordings: BTreeMap<u32, MessageRecording>,
    /// What is known of the message that is being left, until the caller goes on or is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) made: Option<Recorded>,
    /// Counts pieces of music, so that the tune goes on from one to the next.
    pub(super) piece: u32,
    /// The call counts as lost at this time, unless the provider comes before.
    pub(super) lost_at: Timestamp,
    #[serde(rename = "is_over")]
    pub(super) caller: Whereabouts,
    #[serde(skip)]
    pub(super) answers: Answers,
    /// The step for which a REST command brings the provider, until it comes for that or a later
    /// one.
    #[serde(skip)]
    pub(super) moved: Option<u32>,
    #[serde(skip)]
    pub(super) follow: Option<Follow>,
}

/// What the center wants the caller to hear or do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Program {
    Silent,
    Play {
        play: PlayId,
        prompts: Vec<Prompt>,
        repeat: bool,
    },
    /// The caller leaves a message.
    Record(MessageRecording),
    HangUp {
        cause: Cause,
    },
    Reject {
        cause: Cause,
    },
}

impl Program {
    /// The call is over, and its provider must end it.
    pub(super) const fn is_end(&self) -> bool {
        matches!(self, Self::HangUp { .. } | Self::Reject { .. })
    }
}

/// The party that the caller is brought to. It takes precedence over the program, which goes on
/// when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Bridging {
    /// The provider dials a party.
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
    /// The party at the provider whom the caller hears.
    pub(super) const fn talks(self) -> Option<LegId> {
        match self {
            Self::Talking { leg } | Self::Conference { leg } => Some(leg),
            Self::Dial { .. } | Self::HandOff { .. } => None,
        }
    }
}

/// What the provider does by the last document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Executing {
    /// Not known, after a restart: the provider is on its way back to us.
    Nothing,
    /// The next document is being written: what changes now goes into it.
    #[serde(rename = "Nothing", skip_deserializing)]
    Writing,
    /// The same, after the caller came out of a conference.
    #[serde(rename = "Room", skip_deserializing)]
    WritingAnew,
    Sounds {
        play: Option<PlayId>,
        /// What was said after that play, in the same document.
        #[serde(rename = "ahead")]
        followed_by: VecDeque<Vec<Prompt>>,
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

impl Executing {
    /// Whether the next document is being written.
    pub(super) const fn is_being_written(&self) -> bool {
        matches!(self, Self::Writing | Self::WritingAnew)
    }
}

/// A message that the provider records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MessageRecording {
    pub(super) id: RecordingId,
    pub(super) length_max: Duration,
    pub(super) length_min: Duration,
    pub(super) silence: Duration,
    pub(super) finish: Option<Digit>,
    pub(super) beep: bool,
}

/// Prompts that the last document had as well, so that the caller has heard them.
#[derive(Debug)]
pub(super) struct Follow {
    pub(super) plays: VecDeque<Vec<Prompt>>,
    /// The caller pressed no key after them, though they could have.
    pub(super) in_vain: bool,
}

impl Session {
    /// A party at the provider.
    pub(super) fn party(&self, n: u16) -> Option<&ProviderLeg> {
        self.parties.get(&n).and_then(Party::provider)
    }

    pub(super) fn party_mut(&mut self, n: u16) -> Option<&mut ProviderLeg> {
        self.parties.get_mut(&n).and_then(Party::provider_mut)
    }

    /// The state of a party at the provider.
    pub(super) fn state_of(&self, n: u16) -> Option<PartyState> {
        self.party(n).map(|party| party.state)
    }

    /// A bridge ends what plays.
    pub(super) fn bridge(&mut self, to: Bridging) {
        self.bridging = Some(to);
        self.program = Program::Silent;
    }

    /// The caller no longer talks to this leg, and the provider no longer dials it.
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

    /// Whether the next step brings the caller to a party, or records a message.
    pub(super) fn is_awaited(&self) -> bool {
        self.bridging.is_some() || matches!(self.program, Program::Record { .. })
    }

    /// Whether the provider does something that the center no longer wants, so that a command
    /// should go out at once. A prompt is worth no command: it comes with the next request.
    pub(super) fn is_out_of_date(&self) -> bool {
        if self.caller.is_over() || self.executing.is_being_written() {
            return false;
        }
        if self.program.is_end() {
            let is_known = !matches!(self.executing, Executing::Nothing | Executing::End);
            return is_known && !self.caller.is_with_us();
        }
        match &self.executing {
            Executing::Nothing | Executing::Writing | Executing::WritingAnew => false,
            Executing::End | Executing::Record { .. } => false,
            // Nor is what a waiting caller hears: an announcement in the queue looks the same from
            // here, and a piece of music is short.
            Executing::Sounds { waits: true, .. } => self.is_awaited(),
            Executing::Sounds { waits: false, .. } => {
                matches!(
                    self.bridging,
                    Some(Bridging::HandOff { .. } | Bridging::Conference { .. })
                )
            }
            // With a command on top, it would begin the next step twice.
            Executing::Dial { leg } if self.state_of(leg.n).is_some_and(PartyState::comes_back) => {
                false
            }
            // If the caller moved before the party, the party would end.
            Executing::Dial { leg } if self.state_of(leg.n).is_some_and(PartyState::is_told) => {
                false
            }
            Executing::Dial { leg } => match self.bridging {
                Some(Bridging::Dial { leg: now } | Bridging::Talking { leg: now }) => now != *leg,
                Some(Bridging::HandOff { .. } | Bridging::Conference { .. }) | None => true,
            },
            // We end the SIP leg, and the provider comes by itself.
            Executing::HandOff { .. } => false,
            Executing::Conference => !matches!(self.bridging, Some(Bridging::Conference { .. })),
        }
    }
}
