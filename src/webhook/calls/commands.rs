//! Commands: what the center wants of a call at a provider.
//!
//! **Invariant:** a command changes what the next document will be, and nothing else.

use crate::id::{CallId, LegId};
use crate::time::Timestamp;
use crate::webhook::calls::answers::Answers;
use crate::webhook::calls::consult::{Consult, Stage};
use crate::webhook::calls::party::{Party, ProviderLeg};
use crate::webhook::calls::party_state::PartyState;
use crate::webhook::calls::session::{Bridging, MessageRecording, Program};
use crate::webhook::calls::{ProviderCalls, caller};
use crate::webhook::document::Callee;
use crate::words::{Command, Event, From, Target};

/// Which front carries a command out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// [`ProviderCalls`] has.
    Here,
    /// It is about a telephone or sound of ours.
    BySip,
}

impl ProviderCalls {
    /// Takes what is for a leg at a provider.
    pub fn command(&mut self, command: &Command) -> Taken {
        match command {
            Command::Answer { leg } | Command::Ring { leg } => self.for_caller(*leg, |_| {}),
            Command::Play { leg, play, prompts, repeat } => {
                let program =
                    Program::Play { play: *play, prompts: prompts.clone(), repeat: *repeat };
                let taken = self.for_caller(*leg, |now| *now = program);
                if taken == Taken::Here && !repeat {
                    self.heard_already(leg.call, *play, prompts);
                }
                taken
            }
            Command::StopPlay { leg } => self.stop_play(*leg),
            Command::Dial { leg, target, from, until } => self.dial(*leg, target, from, *until),
            Command::Hear { leg, from } => self.hear_others(*leg, from),
            Command::HangUp { leg, cause } if leg.is_caller() => {
                let cause = *cause;
                self.end_program(*leg, Program::HangUp { cause })
            }
            Command::HangUp { leg, cause } => self.hang_up_party(*leg, *cause),
            Command::Reject { leg, cause } => {
                self.end_program(*leg, Program::Reject { cause: *cause })
            }
            Command::Record {
                leg,
                recording,
                length_max,
                length_min,
                silence,
                finish_key,
                beep,
            } => {
                let program = Program::Record(MessageRecording {
                    id: *recording,
                    length_max: *length_max,
                    length_min: *length_min,
                    silence: *silence,
                    finish: *finish_key,
                    beep: *beep,
                });
                self.for_caller(*leg, |now| *now = program)
            }
            // The provider ends it by itself, and says so.
            Command::StopRecord { leg } => self.for_caller(*leg, |_| {}),
            // The center asks for none of a call at a provider.
            Command::RecordCall { .. }
            | Command::Ask { .. }
            | Command::CloseRecord { .. }
            | Command::AmendRecord { .. }
            | Command::AmendRecording { .. } => Taken::BySip,
        }
    }

    fn for_caller(&mut self, leg: LegId, change: impl FnOnce(&mut Program)) -> Taken {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return Taken::BySip };
        if !leg.is_caller() {
            // What a party of the provider's hears besides people is the provider's.
            return if session.party(leg.n).is_some() { Taken::Here } else { Taken::BySip };
        }
        if session.caller.is_with_us() {
            return Taken::BySip; // hold music, while an agent of ours talks to the caller
        }
        change(&mut session.program);
        self.touch(leg.call);
        Taken::Here
    }

    /// What is heard ends, and so does a talk: an agent may be gone before the caller was brought
    /// there. A party that is still being dialed is not talked to yet.
    fn stop_play(&mut self, leg: LegId) -> Taken {
        let taken = self.for_caller(leg, |program| {
            if matches!(program, Program::Play { .. }) {
                *program = Program::Silent;
            }
        });
        if taken == Taken::Here
            && let Some(session) = self.sessions.get_mut(&leg.call)
        {
            session.bridging = session.bridging.filter(|now| matches!(now, Bridging::Dial { .. }));
        }
        taken
    }

    /// The call is over for the center, also where the caller's sound is with us.
    fn end_program(&mut self, leg: LegId, program: Program) -> Taken {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return Taken::BySip };
        session.program = program;
        session.bridging = None;
        let taken = if session.caller.is_with_us() { Taken::BySip } else { Taken::Here };
        self.touch(leg.call);
        taken
    }

    /// What the last document said beyond its first play was heard with it.
    fn heard_already(
        &mut self,
        call: CallId,
        play: crate::id::PlayId,
        prompts: &[crate::words::Prompt],
    ) {
        let Some(session) = self.sessions.get_mut(&call) else { return };
        let Some(mut follow) = session.follow.take() else { return };
        if follow.plays.pop_front().as_deref() != Some(prompts) {
            return; // the hours have changed, for instance: it is still to be said
        }
        let leg = caller(call);
        self.events.push_back(Event::PromptDone { leg, play });
        if !follow.plays.is_empty() {
            session.follow = Some(follow);
        } else if follow.in_vain {
            self.events.push_back(Event::Keys { leg, keys: Vec::new() });
        }
    }

    fn dial(&mut self, leg: LegId, target: &Target, from: &From, until: Timestamp) -> Taken {
        let Some(session) = self.sessions.get_mut(&leg.call) else { return Taken::BySip };
        let own = |provider: &str| provider == session.provider;
        let callee = match target {
            Target::Agent(agent) => {
                let agent = self.setup.agents.get(agent).filter(|(provider, _)| own(provider));
                agent.map(|(_, callee)| callee.clone())
            }
            Target::Trunk { trunk, number, .. } => {
                own(trunk).then(|| Callee::Number(number.clone()))
            }
        };
        let (party, taken) = match callee {
            None => (Party::Telephone, Taken::BySip),
            Some(to) => {
                match session.talker() {
                    Some(agent) => {
                        let stage = Stage::Dialing;
                        session.consult = Some(Consult { agent, consulted: leg.n, stage });
                    }
                    None => session.bridging = Some(Bridging::Dial { leg }),
                }
                let party = ProviderLeg {
                    to,
                    reference: None,
                    shown: from.number.clone(),
                    until,
                    state: PartyState::Ringing,
                    next: 0,
                    dials: None,
                    answers: Answers::default(),
                };
                (Party::Provider(party), Taken::Here)
            }
        };
        session.parties.insert(leg.n, party);
        self.touch(leg.call);
        taken
    }
}
