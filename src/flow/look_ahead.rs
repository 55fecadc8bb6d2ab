//! What a caller will hear who presses nothing, for fronts that write whole documents.
//!
//! **Invariant:** the run itself stays where it is; a copy of it walks ahead.

use crate::flow::port::{Context, Effect, Input};
use crate::flow::run::Run;
use crate::words::{LookAhead, Prompt};

/// Prompts that are looked ahead to, one after another.
const LOOK_AHEAD_MAX: usize = 4;

impl Run {
    /// What follows if the caller presses nothing, up to where keys are waited for or something
    /// happens that is more than words.
    #[must_use]
    pub fn look_ahead(&self, context: &Context) -> LookAhead {
        let mut ahead = LookAhead {
            no_barge_in: self.no_barge_in(),
            plays: Vec::new(),
            is_brief: self.awaits_reply(),
            listen: self.listens(),
        };
        let mut run = self.clone();
        while ahead.listen.is_none() && run.is_speaking() && ahead.plays.len() < LOOK_AHEAD_MAX {
            let mut effects = Vec::new();
            run.handle(context, Input::PromptDone, &mut effects);
            let Some(prompts) = only_said(effects) else { break };
            ahead.plays.push(prompts);
            ahead.listen = run.listens();
        }
        ahead
    }
}

/// The prompts, if nothing but walking and speaking was done.
fn only_said(effects: Vec<Effect>) -> Option<Vec<Prompt>> {
    let mut said = None;
    for effect in effects {
        match effect {
            Effect::Entered { .. }
            | Effect::Intent(_)
            | Effect::Milestone(_)
            | Effect::SelfService(_)
            | Effect::Note(_)
            | Effect::StopPlay => {}
            Effect::Play { prompts, repeat: false } => said = Some(prompts),
            Effect::Play { repeat: true, .. }
            | Effect::InputResult { .. }
            | Effect::Enqueue(_)
            | Effect::LeaveQueue
            | Effect::Transfer(_)
            | Effect::Record(_)
            | Effect::StopRecord
            | Effect::Ask(_)
            | Effect::HangUp { .. }
            | Effect::Failed { .. } => return None,
        }
    }
    said
}
