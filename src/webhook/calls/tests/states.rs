//! Whatever happens to a party, in any order, and saved in between.

use proptest::prelude::*;

use super::*;
use crate::webhook::calls::answers::Answers;
use crate::webhook::calls::party::{Party, ProviderLeg};
use crate::webhook::calls::party_state::{EndReport, PartyState, Teardown};

/// What can happen to a party, by the names of the methods.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Answer,
    Accept,
    Over(Cause, EndReport),
    Refuse,
    GiveUp,
    ReturnUndecided,
    Split,
    Tell,
    Told,
    NotTold { is_consulted: bool },
    Ask,
    Answered,
    MayHaveLeft,
    TellEnd { carries: bool },
    NotEnded,
    Restart,
}

fn happens() -> impl Strategy<Value = Happens> {
    let over = (prop::sample::select(&CAUSES[..]), prop::sample::select(&OVER[..]));
    prop_oneof![
        Just(Happens::Answer),
        Just(Happens::Accept),
        over.prop_map(|(cause, how)| Happens::Over(cause, how)),
        Just(Happens::Refuse),
        Just(Happens::GiveUp),
        Just(Happens::ReturnUndecided),
        Just(Happens::Split),
        Just(Happens::Tell),
        Just(Happens::Told),
        any::<bool>().prop_map(|is_consulted| Happens::NotTold { is_consulted }),
        Just(Happens::Ask),
        Just(Happens::Answered),
        Just(Happens::MayHaveLeft),
        any::<bool>().prop_map(|carries| Happens::TellEnd { carries }),
        Just(Happens::NotEnded),
        Just(Happens::Restart),
    ]
}

const CAUSES: [Cause; 3] = [Cause::NORMAL_CLEARING, Cause::NO_ANSWER, Cause::USER_BUSY];
const OVER: [EndReport; 3] = [EndReport::Reported, EndReport::Returning, EndReport::Lost];

fn happen(state: &mut PartyState, what: Happens) -> Option<Event> {
    match what {
        Happens::Answer => drop(state.answer()),
        Happens::Accept => return state.accept(PARTY),
        Happens::Over(cause, how) => return state.over(PARTY, cause, how),
        Happens::Refuse if *state == PartyState::Accepting => return Some(state.refuse(PARTY)),
        Happens::Refuse => {}
        Happens::GiveUp => return state.give_up(PARTY, Cause::NORMAL_CLEARING),
        Happens::ReturnUndecided => drop(state.return_undecided()),
        Happens::Split => state.split(),
        Happens::Tell => state.tell(),
        Happens::Told => drop(state.told()),
        Happens::NotTold { is_consulted } => drop(state.not_told(is_consulted)),
        Happens::Ask => state.ask(),
        Happens::Answered => state.answered(),
        Happens::MayHaveLeft => drop(state.may_have_left(Timestamp(7))),
        Happens::TellEnd { carries } => drop(state.tell_end(carries)),
        Happens::NotEnded => drop(state.not_ended()),
        Happens::Restart => state.take_up(),
    }
    None
}

fn saved(state: PartyState) -> Party {
    let has_left = !state.is_dialed() && !matches!(state, PartyState::Leaving { .. });
    Party::Provider(ProviderLeg {
        to: Callee::Number("+14155550177".to_owned()),
        reference: Some("CA2".to_owned()),
        shown: None,
        until: Timestamp(30_000),
        state,
        next: if has_left { 101 } else { 0 },
        dials: None,
        answers: Answers::default(),
    })
}

/// What is left of a saved state: after a restart nothing says how the request under way was
/// answered, nor whether a leg that is over was commanded to end or is gone.
fn on_paper(state: PartyState) -> PartyState {
    match state {
        PartyState::Asking => PartyState::InConference { tries: 0 },
        PartyState::Ended { comes, teardown: Teardown::Done } => {
            PartyState::Ended { comes, teardown: Teardown::UnderWay { tries: 0 } }
        }
        other => other,
    }
}

proptest! {
    #[test]
    fn a_party_accepts_or_fails_once_and_is_over_once(
        all in prop::collection::vec(happens(), 0..40),
    ) {
        let mut state = PartyState::Ringing;
        let (mut answered, mut over) = (0, 0);
        for what in all {
            let was_accepted = state.is_accepted();
            match happen(&mut state, what) {
                Some(Event::Answered { leg: PARTY }) => answered += 1,
                Some(Event::DialFailed { leg: PARTY, .. }) => {
                    prop_assert!(!was_accepted);
                    over += 1;
                }
                Some(Event::HungUp { leg: PARTY, .. }) => over += 1,
                Some(other) => prop_assert!(false, "{other:?}"),
                None => {}
            }
            prop_assert!(answered <= 1 && over <= 1);
            prop_assert_eq!(state.is_up(), over == 0);
            prop_assert!(!state.is_accepted() || answered == 1);
            prop_assert!(state.is_up() || answered + over > 0);
        }
    }

    #[test]
    fn every_state_is_read_as_it_was_written(all in prop::collection::vec(happens(), 0..40)) {
        let mut state = PartyState::Ringing;
        for what in all {
            happen(&mut state, what);
            let text = serde_json::to_string(&saved(state)).unwrap();
            let read: Party = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read.provider().unwrap().state, on_paper(state));
        }
    }

    #[test]
    fn a_leg_that_is_gone_is_not_ended_and_one_that_may_be_up_is(
        all in prop::collection::vec(happens(), 0..40),
    ) {
        let mut state = PartyState::Ringing;
        for what in all.into_iter().filter(|what| !matches!(what, Happens::Restart)) {
            happen(&mut state, what);
        }
        let was = state;
        match (was, state.tell_end(false)) {
            (PartyState::Ended { teardown: Teardown::Due { .. }, .. }, told) => prop_assert!(told),
            (_, told) => prop_assert!(!told, "{was:?}"),
        }
        prop_assert!(!state.tell_end(false), "once");
    }
}
