//! Which faults exist at all in one run, and how often each strikes.
//!
//! A run with every fault at once hides bugs behind one another (a call that always dies early is
//! never transferred), so each run draws its own few.
//!
//! **Invariant:** a fault that was not drawn has probability 0 and never strikes; [`Swarm::calm`]
//! has none.

use serde::Serialize;

use crate::sim::random::Random;

/// Probabilities, each by the occasion named.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Swarm {
    /// A message is late, by up to 4 s.
    pub late: f64,
    /// A message is so late (up to 40 s) that everybody has given up on it.
    pub lost: f64,
    /// Events of the same leg overtake older ones.
    pub reordered: f64,
    /// News arrives a second time.
    pub doubled: f64,
    /// The agent's phone answers 486 though the agent is free.
    pub busy: f64,
    /// The agent presses "reject".
    pub rejected: f64,
    /// The telephone is not answered.
    pub unanswered: f64,
    /// The phone, or the way to it, fails at once.
    pub device_error: f64,
    /// The dial fails and its leg ends: both are reported.
    pub failed_twice: f64,
    /// The phone falls off the network while it rings or talks.
    pub phone_lost: f64,
    /// The caller hangs up in the very millisecond the agent picks up.
    pub glare: f64,
    /// The caller hangs up before anything was said.
    pub gone_at_once: f64,
    /// A prompt cannot be played.
    pub prompt_failed: f64,
    /// A service that is asked cannot say.
    pub service_failed: f64,
    /// It takes longer than its caller waits.
    pub service_stalls: f64,
    /// What it says of a caller is a secret.
    pub service_secret: f64,
    /// Two legs that should split cannot.
    pub hold_failed: f64,
    /// The agent logs out, or takes a break, in the middle of work.
    pub restless: f64,
    /// A supervisor ends the call.
    pub ended_by_operator: f64,
    /// The administrator gives the center another setup, each time it could be.
    pub reloaded: f64,
}

/// How many kinds of fault there are.
pub const FAULTS: u64 = 20;

impl Swarm {
    /// No faults: the physical world at its best.
    #[must_use]
    pub fn calm() -> Self {
        Self::default()
    }

    /// Up to six kinds of fault, from rare to frequent; in half of the runs reloads beside them,
    /// which every other fault can meet.
    #[must_use]
    pub fn pick(random: &mut Random) -> Self {
        let mut swarm = Self::default();
        let strength = |random: &mut Random| [0.02, 0.1, 0.3][random.below(3) as usize];
        let kinds = random.below(7);
        for _ in 0..kinds {
            let strength = strength(random);
            *swarm.fault(random.below(FAULTS)) = strength;
        }
        if random.chance(0.5) {
            swarm.reloaded = strength(random);
        }
        swarm
    }

    /// The same without one kind of fault.
    #[must_use]
    pub fn without(&self, fault: u64) -> Self {
        let mut swarm = self.clone();
        *swarm.fault(fault) = 0.0;
        swarm
    }

    /// The faults of this run, by name; for the report of a failure.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let value = serde_json::to_value(self).unwrap_or_default();
        let faults = value.as_object().into_iter().flatten();
        faults
            .filter(|(_, often)| often.as_f64() != Some(0.0))
            .map(|(name, often)| format!("{name} {often}"))
            .collect()
    }

    fn fault(&mut self, n: u64) -> &mut f64 {
        match n {
            0 => &mut self.late,
            1 => &mut self.lost,
            2 => &mut self.reordered,
            3 => &mut self.doubled,
            4 => &mut self.busy,
            5 => &mut self.rejected,
            6 => &mut self.unanswered,
            7 => &mut self.device_error,
            8 => &mut self.failed_twice,
            9 => &mut self.phone_lost,
            10 => &mut self.glare,
            11 => &mut self.gone_at_once,
            12 => &mut self.prompt_failed,
            13 => &mut self.restless,
            14 => &mut self.hold_failed,
            15 => &mut self.service_failed,
            16 => &mut self.service_stalls,
            17 => &mut self.service_secret,
            18 => &mut self.ended_by_operator,
            _ => &mut self.reloaded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_differ_in_their_faults_and_some_have_none() {
        let picks: Vec<Swarm> = (0..200).map(|seed| Swarm::pick(&mut Random::new(seed))).collect();
        assert!(picks.contains(&Swarm::calm()));
        for n in 0..FAULTS {
            let drawn = picks.iter().filter(|swarm| *(*swarm).clone().fault(n) > 0.0).count();
            assert!(drawn > 10, "fault {n} is in only {drawn} of 200 runs");
        }
        assert!(Swarm::calm().names().is_empty());
    }
}
