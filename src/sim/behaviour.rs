//! What people do and how often: the callers' side and the agents' side.
//!
//! **Invariant:** behaviour is people's, not faults of machines: those are in
//! [`Swarm`](crate::sim::Swarm), and a run without any still has people who press wrong keys.

use serde::Serialize;

use crate::sim::random::{Random, Spread};

/// Shares are probabilities between 0 and 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Behaviour {
    /// New callers; those who call again come on top.
    pub calls_per_hour: f64,
    /// How long people wait in a queue before they hang up.
    pub patience: Spread,
    /// From the end of a prompt to the first key.
    pub reaction: Spread,
    /// Press a key while the prompt still speaks.
    pub barges_in: f64,
    pub presses_wrong: f64,
    pub presses_nothing: f64,
    /// Press a key more than was asked for, for the next prompt.
    pub types_ahead: f64,
    /// Hang up while a prompt plays.
    pub leaves_in_flow: f64,
    /// Press some key when a queue says something.
    pub presses_in_queue: f64,
    /// Withhold their number.
    pub withholds: f64,
    /// Are in the directory, where there is one.
    pub is_known: f64,
    /// Call again after a talk that solved nothing, or after hanging up in the queue.
    pub calls_again: f64,
    pub calls_again_after: Spread,

    /// From the first ring to the answer.
    pub picks_up_after: Spread,
    pub talk: Spread,
    /// End the talk, instead of the agent.
    pub caller_ends_talk: f64,
    /// Put the caller on hold once.
    pub holds: f64,
    pub hold: Spread,
    /// Transfer the caller or consult another party, sensibly or not.
    pub meddles: f64,
    /// Are supervised, from their beginning or from a talk on.
    pub supervises: f64,
    /// After-call work, where no timer ends it earlier.
    pub wrap_up: Spread,
    /// Solve what the caller called for.
    pub resolves: f64,
    /// Make an own call, on looking at the screen.
    pub own_calls: f64,
    /// Have a customer dialed, each time one calls.
    pub dials_out: f64,
    /// How often an agent looks at the screen, and comes back from a break or from a missed call.
    pub looks_after: Spread,
}

impl Behaviour {
    /// An ordinary contact center. Who asks [`simulate`](crate::sim::day::simulate) may change how
    /// many call, how long they talk and how long they wait.
    #[must_use]
    pub fn ordinary() -> Self {
        Self {
            calls_per_hour: 60.0,
            patience: Spread::Exponential { mean_s: 180.0 },
            reaction: Spread::LogNormal { mean_s: 1.5, cv: 0.6 },
            barges_in: 0.3,
            presses_wrong: 0.03,
            presses_nothing: 0.05,
            types_ahead: 0.0,
            leaves_in_flow: 0.01,
            presses_in_queue: 0.0,
            withholds: 0.05,
            is_known: 0.3,
            calls_again: 0.6,
            calls_again_after: Spread::Exponential { mean_s: 5_400.0 },
            picks_up_after: Spread::LogNormal { mean_s: 3.0, cv: 0.5 },
            talk: Spread::LogNormal { mean_s: 240.0, cv: 0.9 },
            caller_ends_talk: 0.7,
            holds: 0.15,
            hold: Spread::LogNormal { mean_s: 40.0, cv: 0.7 },
            meddles: 0.0,
            supervises: 0.0,
            wrap_up: Spread::LogNormal { mean_s: 30.0, cv: 0.7 },
            resolves: 0.8,
            own_calls: 0.0,
            dials_out: 0.0,
            looks_after: Spread::Exponential { mean_s: 60.0 },
        }
    }

    /// A short, crowded, impatient stretch in which everything happens: for finding bugs.
    #[must_use]
    pub fn crowded(random: &mut Random) -> Self {
        let mut some = |most: f64| random.unit() * most;
        Self {
            calls_per_hour: 120.0 + some(400.0),
            patience: Spread::Exponential { mean_s: 20.0 + some(100.0) },
            reaction: Spread::Exponential { mean_s: 2.0 },
            barges_in: some(0.8),
            presses_wrong: some(0.3),
            presses_nothing: some(0.2),
            types_ahead: some(0.3),
            leaves_in_flow: some(0.1),
            presses_in_queue: some(0.2),
            withholds: some(0.2),
            is_known: some(0.6),
            calls_again: some(0.5),
            calls_again_after: Spread::Exponential { mean_s: 120.0 },
            picks_up_after: Spread::Exponential { mean_s: 4.0 },
            talk: Spread::Exponential { mean_s: 10.0 + some(60.0) },
            caller_ends_talk: some(1.0),
            holds: some(0.4),
            hold: Spread::Exponential { mean_s: 10.0 },
            meddles: some(0.6),
            supervises: some(0.4),
            wrap_up: Spread::Exponential { mean_s: 8.0 },
            resolves: some(1.0),
            own_calls: some(0.5),
            dials_out: some(0.5),
            looks_after: Spread::Exponential { mean_s: 20.0 },
        }
    }

    /// What Erlang supposed: every caller presses what they should, no agent rings, holds or writes
    /// notes, and talk and patience have no memory.
    #[must_use]
    pub fn memoryless(calls_per_hour: f64, talk_mean_s: f64, patience: Spread) -> Self {
        let never = Spread::Never;
        let at_once = Spread::Fixed { s: 0.0 };
        Self {
            calls_per_hour,
            patience,
            reaction: at_once,
            barges_in: 0.0,
            presses_wrong: 0.0,
            presses_nothing: 0.0,
            types_ahead: 0.0,
            leaves_in_flow: 0.0,
            presses_in_queue: 0.0,
            withholds: 0.0,
            is_known: 0.0,
            calls_again: 0.0,
            calls_again_after: never,
            picks_up_after: at_once,
            talk: Spread::Exponential { mean_s: talk_mean_s },
            caller_ends_talk: 1.0,
            holds: 0.0,
            hold: at_once,
            meddles: 0.0,
            supervises: 0.0,
            wrap_up: at_once,
            resolves: 1.0,
            own_calls: 0.0,
            dials_out: 0.0,
            looks_after: never,
        }
    }
}
