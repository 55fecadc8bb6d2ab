//! What each step needs of the front that carries the call.
//!
//! **Invariant:** every step needs its verb at least.

use crate::flow::step::Step;
use crate::flow::step::ask::{self, Collecting, InputStep};
use crate::words::{Need, Verb};

impl Step {
    pub(in crate::flow) fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        let verb = match self {
            Step::Say(_) => Verb::Say,
            Step::Play(_) => Verb::Play,
            Step::Menu(step) => {
                asks(&**step, &mut needs);
                Verb::Menu
            }
            Step::Collect(step) => {
                asks(&**step, &mut needs);
                Verb::Collect
            }
            Step::Branch(_) => Verb::Branch,
            Step::Set(_) => Verb::Set,
            Step::HoursCheck(_) => Verb::HoursCheck,
            Step::Queue(step) => {
                needs.extend(step.listens().map(|_| Need::ExitKey));
                Verb::Queue
            }
            Step::Transfer(_) => Verb::Transfer,
            Step::Record(step) => {
                needs.extend(step.finish_key().map(Need::FinishKey));
                Verb::Record
            }
            Step::Hangup(_) => Verb::Hangup,
        };
        needs.insert(0, Need::Verb(verb));
        needs
    }
}

fn asks(step: &impl InputStep, needs: &mut Vec<Need>) {
    let listen = ask::listens(step, &Collecting::default());
    if listen.keys_max > 1 {
        needs.push(Need::KeysMax(listen.keys_max));
        needs.extend(listen.finish.map(Need::FinishKey));
        if listen.timeout != listen.inter_digit {
            needs.push(Need::TwoTimeouts);
        }
    }
    if !listen.barge_in {
        needs.push(Need::NoBargeIn);
    }
    if listen.secret {
        needs.push(Need::Secret);
    }
}
