//! What is known of one call at a provider.
//!
//! **Invariant:** the number of a step is answered once; a second request for it gets the same
//! answer.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::center::{Cause, Listen, Prompt};
use crate::id::{LegId, PlayId};
use crate::time::Timestamp;
use crate::webhook::document::{Callee, Document};
use crate::webhook::link::Link;

/// Answers kept for a second delivery. A provider repeats the last request; a few more are kept for
/// those that ask twice at once.
const ANSWERS_MAX: usize = 4;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) provider: String,
    /// The provider's name for the caller's leg.
    pub(super) reference: String,
    pub(super) region: Option<String>,
    /// The number of the step that was not asked for yet.
    pub(super) next: u32,
    pub(super) program: Program,
    pub(super) on_air: OnAir,
    pub(super) parties: BTreeMap<u16, PartyLeg>,
    /// Counts pieces of music, so that the tune goes on from one to the next.
    pub(super) piece: u32,
    /// When the call counts as lost, unless the provider comes before.
    pub(super) lost_at: Timestamp,
    /// The caller is gone, or the call was never heard of here.
    pub(super) is_over: bool,
    #[serde(skip)]
    pub(super) answers: Answers,
    /// A request is being answered: what changes now goes into the answer.
    #[serde(skip)]
    pub(super) is_asked: bool,
    /// The step the provider was told by REST to come for.
    #[serde(skip)]
    pub(super) moved: Option<u32>,
    #[serde(skip)]
    pub(super) follow: Option<Follow>,
    /// The caller's sound is with us by SIP.
    #[serde(skip)]
    pub(super) has_arm: bool,
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
    /// The provider calls somebody.
    Dial {
        leg: LegId,
    },
    /// The caller's sound comes to us by SIP, where the agent's telephone is.
    HandOff {
        leg: LegId,
    },
    /// Bridged by the provider.
    Talking {
        leg: LegId,
    },
    HangUp {
        cause: Cause,
    },
    Reject {
        cause: Cause,
    },
}

/// What the last document makes the provider do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum OnAir {
    Nothing,
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
    HandOff {
        leg: LegId,
    },
    End,
}

/// Prompts that were on the last document, too, and so were heard already.
#[derive(Debug)]
pub(super) struct Follow {
    pub(super) plays: VecDeque<Vec<Prompt>>,
    /// Keys were waited for after them, in vain.
    pub(super) in_vain: bool,
}

/// A party the center dialed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PartyLeg {
    pub(super) carried: Carried,
    /// The number shown to it.
    pub(super) shown: Option<String>,
    /// It answered, and may have to press the accept key yet.
    pub(super) answered: bool,
    /// The center was told that it answered.
    pub(super) accepted: bool,
    /// The center was told that it is over.
    pub(super) ended: bool,
    #[serde(skip)]
    pub(super) answers: Answers,
}

/// Who carries a party's leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Carried {
    Provider(Callee),
    /// A telephone of ours.
    Sip,
}

/// Answers given, for a second delivery of their requests.
#[derive(Debug, Default)]
pub(super) struct Answers(VecDeque<(Link, Document)>);

impl Answers {
    pub(super) fn find(&self, link: &Link) -> Option<&Document> {
        self.0.iter().find(|(known, _)| known == link).map(|(_, document)| document)
    }

    pub(super) fn keep(&mut self, link: Link, document: Document) {
        if self.0.len() == ANSWERS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((link, document));
    }
}

impl Session {
    pub(super) fn party(&mut self, leg: LegId) -> Option<&mut PartyLeg> {
        self.parties.get_mut(&leg.n)
    }

    /// Whether what the provider does now is not what the center wants any more, so that it should
    /// be told at once. Words are worth no command: they come with the next request.
    pub(super) fn is_out_of_date(&self) -> bool {
        if self.is_over || self.is_asked {
            return false;
        }
        let ends = matches!(self.program, Program::HangUp { .. } | Program::Reject { .. });
        match &self.on_air {
            OnAir::Nothing | OnAir::End => false,
            OnAir::Sounds { waits: true, .. } => {
                !matches!(self.program, Program::Play { .. } | Program::Silent)
            }
            OnAir::Sounds { waits: false, .. } => {
                ends || matches!(self.program, Program::HandOff { .. })
            }
            OnAir::Dial { leg } => match &self.program {
                Program::Dial { leg: now } | Program::Talking { leg: now } => now != leg,
                _ => true,
            },
            // Our end of it is taken down, and the provider comes by itself.
            OnAir::HandOff { .. } => ends && !self.has_arm,
        }
    }
}
