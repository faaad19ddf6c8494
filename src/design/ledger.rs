//! The total cost of a set of runs, and whether the set is within every limit.
//!
//! Runs of one size that share a trunk cost less together than apart, so costs belong to sets.

use std::collections::BTreeMap;

use super::candidates::Candidate;
use super::terms::Terms;

/// Runs that share a trunk: the longest run, and the sum over all runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Trunk {
    longest: f64,
    together: f64,
}

impl Trunk {
    /// Compute of the trunk with its branches; `cooldown` is the part of each run in which the learning rate decays.
    ///
    /// The trunk lasts as long as its longest run without its decay. Each branch adds its own decay.
    fn flop(self, cooldown: f64) -> f64 {
        (1.0 - cooldown) * self.longest + cooldown * self.together
    }

    fn with(self, flop: f64) -> Self {
        Self { longest: self.longest.max(flop), together: self.together + flop }
    }
}

/// A job: runs that share a trunk and therefore a slot, or a single run.
type Job = (usize, usize);

/// Chosen runs and their total cost.
#[derive(Clone, Debug)]
pub struct Ledger<'a> {
    terms: &'a Terms,
    candidates: &'a [Candidate],
    /// The runs, each with the number of its copy.
    chosen: Vec<(usize, usize)>,
    copies: BTreeMap<usize, usize>,
    jobs: BTreeMap<Job, Trunk>,
    flop: f64,
}

impl<'a> Ledger<'a> {
    /// An empty ledger.
    pub const fn new(terms: &'a Terms, candidates: &'a [Candidate]) -> Self {
        Self { terms, candidates, chosen: Vec::new(), copies: BTreeMap::new(), jobs: BTreeMap::new(), flop: 0.0 }
    }

    /// A ledger of runs in order.
    pub fn of(terms: &'a Terms, candidates: &'a [Candidate], runs: &[usize]) -> Self {
        let mut ledger = Self::new(terms, candidates);
        runs.iter().for_each(|&run| ledger.add(run));
        ledger
    }

    /// Number of candidates.
    pub const fn candidates(&self) -> usize {
        self.candidates.len()
    }

    /// The runs in the order of their addition.
    pub fn runs(&self) -> Vec<usize> {
        self.chosen.iter().map(|(run, _)| *run).collect()
    }

    /// The number of copies of a configuration.
    pub fn copies(&self, run: usize) -> usize {
        self.copies.get(&run).copied().unwrap_or(0)
    }

    /// Compute of all runs together.
    pub const fn flop(&self) -> f64 {
        self.flop
    }

    /// Compute of a run that is trained alone.
    pub fn alone(&self, run: usize) -> f64 {
        self.candidates[run].flop
    }

    /// Additional compute of one more run.
    pub fn more(&self, run: usize) -> f64 {
        let own = self.candidates[run].flop;
        let Some(cooldown) = self.terms.shared_trunk else { return own };
        let trunk = self.jobs.get(&self.job(run, self.copies(run))).copied().unwrap_or_default();
        trunk.with(own).flop(cooldown) - trunk.flop(cooldown)
    }

    /// The job of a copy of a run. The second copy of a run does not share the trunk of the first one; with a shared
    /// trunk, the pair would not measure the noise.
    fn job(&self, run: usize, copy: usize) -> Job {
        if self.terms.shared_trunk.is_some() { (self.candidates[run].trunk, copy) } else { (run, copy) }
    }

    /// The number of each run's trunk, from 1 in the order of first runs. Runs with one number share a trunk.
    pub fn trunks(&self) -> Vec<usize> {
        let mut jobs: Vec<Job> = Vec::new();
        let number = |&(run, copy): &(usize, usize)| {
            let job = self.job(run, copy);
            1 + jobs.iter().position(|known| *known == job).unwrap_or_else(|| {
                jobs.push(job);
                jobs.len() - 1
            })
        };
        self.chosen.iter().map(number).collect()
    }

    /// Adds a run without checking limits.
    pub fn add(&mut self, run: usize) {
        let copy = self.copies(run);
        let job = self.job(run, copy);
        let trunk = self.jobs.entry(job).or_default();
        *trunk = trunk.with(self.candidates[run].flop);
        self.copies.insert(run, copy + 1);
        self.chosen.push((run, copy));
        self.sum();
    }

    /// Removes the last copy of a run.
    pub fn remove(&mut self, run: usize) {
        let Some(place) = self.chosen.iter().rposition(|(chosen, _)| *chosen == run) else { return };
        let left: Vec<usize> = self.chosen.iter().enumerate().filter(|(i, _)| *i != place).map(|(_, c)| c.0).collect();
        *self = Self::of(self.terms, self.candidates, &left);
    }

    /// Sums compute over jobs in a fixed order.
    fn sum(&mut self) {
        let cooldown = self.terms.shared_trunk.unwrap_or(1.0);
        self.flop = self.jobs.values().map(|trunk| trunk.flop(cooldown)).sum();
    }

    /// Whether one more run stays within the budget, the number of runs and the wall clock.
    pub fn allows(&self, run: usize) -> bool {
        if self.chosen.len() >= self.terms.most_runs() || self.terms.share(self.flop + self.more(run)) > 1.0 {
            return false;
        }
        let Some(limit) = self.terms.limits.hours else { return true };
        let mut then = self.clone();
        then.add(run);
        then.is_within() && then.hours().is_some_and(|hours| hours <= limit.0)
    }

    /// Whether all limits hold.
    pub fn is_within(&self) -> bool {
        let in_time = self.terms.limits.hours.is_none_or(|most| self.hours().is_some_and(|hours| hours <= most.0));
        self.chosen.len() <= self.terms.most_runs() && self.terms.share(self.flop) <= 1.0 && in_time
    }

    /// Hours until the last run ends, where the machine is known.
    pub fn hours(&self) -> Option<f64> {
        let slots = self.slots()?;
        slots.iter().map(|(.., end)| *end).max_by(f64::total_cmp).or(Some(0.0))
    }

    /// The slot, start and end (in hours) of each job. Within a round, the longest jobs come first, each in the slot
    /// that is free earliest (Graham 1969).
    fn slots(&self) -> Option<Vec<(Job, u32, f64, f64)>> {
        let rate = self.terms.rate.as_ref()?;
        let cooldown = self.terms.shared_trunk.unwrap_or(1.0);
        let of_round = self.rounds_of_jobs();
        let mut jobs: Vec<(usize, Job, f64)> = self
            .jobs
            .iter()
            .map(|(job, trunk)| Some((of_round[job], *job, self.terms.hours(trunk.flop(cooldown))?)))
            .collect::<Option<_>>()?;
        jobs.sort_by(|a, b| a.0.cmp(&b.0).then(b.2.total_cmp(&a.2)));
        let mut free = vec![0.0_f64; rate.slots as usize];
        let mut round_of_slots = 0;
        let place = |(round, job, hours): (usize, Job, f64)| {
            if round > round_of_slots {
                let ended = free.iter().copied().fold(0.0, f64::max);
                free.iter_mut().for_each(|slot| *slot = ended);
                round_of_slots = round;
            }
            let (slot, start) = free.iter().copied().enumerate().min_by(|a, b| a.1.total_cmp(&b.1))?;
            free[slot] = start + hours;
            Some((job, slot as u32, start, start + hours))
        };
        jobs.into_iter().map(place).collect()
    }

    /// The round of each job: the round of its first run. Runs are assigned in order until the compute of the round is
    /// spent.
    fn rounds_of_jobs(&self) -> BTreeMap<Job, usize> {
        let whole: f64 = self.chosen.iter().map(|(run, _)| self.candidates[*run].flop).sum();
        let (mut begun, mut rounds) = (0.0, BTreeMap::new());
        for &(run, copy) in &self.chosen {
            let round = self.terms.rounds.iter().filter(|end| **end <= begun + 1e-12).count();
            rounds.entry(self.job(run, copy)).or_insert(round.min(self.terms.rounds.len().saturating_sub(1)));
            begun += self.candidates[run].flop / whole;
        }
        rounds
    }

    /// The round of each run, in order, from 1.
    pub fn rounds(&self) -> Vec<usize> {
        let of_jobs = self.rounds_of_jobs();
        self.chosen.iter().map(|&(run, copy)| 1 + of_jobs[&self.job(run, copy)]).collect()
    }

    /// The slot and the start of each run, in order; runs of one trunk start together.
    pub fn starts(&self) -> Option<Vec<(u32, f64)>> {
        let slots = self.slots()?;
        let start = |&(run, copy): &(usize, usize)| {
            let job = self.job(run, copy);
            slots.iter().find(|(of, ..)| *of == job).map(|(_, slot, start, _)| (*slot, *start))
        };
        self.chosen.iter().map(start).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::machine::Rate;
    use crate::design::settings::{Budget, COOLDOWN, Limits, MOST_COPIES};
    use crate::design::terms::rounds;
    use crate::quantity::Quantity;

    fn run(size: f64, data: f64, trunk: usize) -> Candidate {
        Candidate { size, data, flop: 6.0 * size * data, trunk, ..Candidate::default() }
    }

    fn terms(shared: bool) -> Terms {
        Terms {
            rate: None,
            budget: Budget { flop: Some(Quantity(1e20)), ..Budget::default() },
            limits: Limits::default(),
            shared_trunk: shared.then_some(COOLDOWN),
            copies: MOST_COPIES,
            rounds: vec![1.0],
        }
    }

    #[test]
    fn a_shared_trunk_costs_its_longest_run_plus_every_decay() {
        let candidates = [run(1e8, 1e9, 0), run(1e8, 2e9, 0), run(1e8, 4e9, 0)];
        let apart = Ledger::of(&terms(false), &candidates, &[0, 1, 2]).flop();
        let shared = Ledger::of(&terms(true), &candidates, &[0, 1, 2]).flop();
        assert!((apart / 6e8 - 7e9).abs() < 1.0);
        assert!((shared / 6e8 - (0.8 * 4e9 + 0.2 * 7e9)).abs() < 1.0);
    }

    #[test]
    fn a_second_run_of_a_configuration_shares_no_trunk() {
        let candidates = [run(1e8, 1e9, 0)];
        let terms = terms(true);
        let ledger = Ledger::of(&terms, &candidates, &[0]);
        assert!((ledger.more(0) / candidates[0].flop - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_round_begins_when_the_one_before_has_ended() {
        let candidates = [run(1e8, 1e9, 0), run(1e8, 2e9, 1), run(1e8, 3e9, 2)];
        let rate =
            Rate { flop_per_second: 1e14, per_run: 1, slots: 3, price: None, memory: None, described: String::new() };
        let together = Terms { rate: Some(rate), ..terms(false) };
        let apart = Terms { rounds: rounds(2), ..together.clone() };
        let hours = |terms: &Terms| Ledger::of(terms, &candidates, &[0, 1, 2]).hours().unwrap();
        let hour = 6e17 / 1e14 / 3600.0;
        assert!((hours(&together) / hour - 3.0).abs() < 1e-9);
        // Half of the compute is spent by the first two, so the third waits for both.
        assert_eq!(Ledger::of(&apart, &candidates, &[0, 1, 2]).rounds(), [1, 1, 2]);
        assert!((hours(&apart) / hour - 5.0).abs() < 1e-9);
    }

    #[test]
    fn removing_a_run_undoes_adding_it() {
        let candidates = [run(1e8, 1e9, 0), run(1e8, 2e9, 0), run(2e8, 4e9, 1)];
        let terms = terms(true);
        let before = Ledger::of(&terms, &candidates, &[0, 2]);
        let mut ledger = before.clone();
        ledger.add(1);
        ledger.remove(1);
        assert_eq!((ledger.flop(), ledger.runs()), (before.flop(), before.runs()));
    }
}
