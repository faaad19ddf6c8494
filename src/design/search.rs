//! Searches for the runs that reduce the expected waste most: greedy selection, then exchanges until none helps.

use rayon::prelude::*;

use super::ledger::Ledger;
use super::rivals::USUAL;
use super::state::{State, TOGETHER};
use super::terms::Terms;

/// A decision in the form the search uses: its column and the cost of a unit of its variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aim {
    /// Its column.
    pub column: usize,
    /// The cost of a unit of its variance.
    pub worth: f64,
}

/// Why a run is in the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// It informs the decision most for its price.
    Informs,
    /// The largest run. Its forecast, made before it is trained, tests the law.
    HoldOut,
    /// A second run of a configuration, which measures the noise.
    Replicate,
}

impl Purpose {
    /// The purpose in one word; empty for a run that informs, as most do.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Informs => "",
            Self::HoldOut => "hold-out",
            Self::Replicate => "replicate",
        }
    }
}

/// Runs chosen for a set of aims, with the joint distribution after they are observed.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    /// The joint distribution after all chosen runs are observed.
    pub state: State,
    /// The chosen runs.
    pub ledger: Ledger<'a>,
    /// The purpose of each run.
    pub purposes: Vec<Purpose>,
    aims: &'a [Aim],
}

/// What a pair of runs of one configuration still needs.
#[derive(Clone, Copy, Debug)]
struct Pair {
    run: usize,
    /// Number of its runs that are not chosen yet.
    missing: usize,
    /// Their compute, in FLOP.
    flop: f64,
}

/// Number of pairs of runs of one configuration that measure the noise if nothing does yet.
pub(super) const PAIRS: usize = 2;
/// Maximum number of rounds of exchanges.
const EXCHANGES: usize = 6;
/// Smallest relative gain for which an exchange is made.
const LEAST_GAIN: f64 = 1e-6;

impl<'a> Search<'a> {
    /// A search without runs.
    pub const fn new(state: State, ledger: Ledger<'a>, aims: &'a [Aim]) -> Self {
        Self { state, ledger, purposes: Vec::new(), aims }
    }

    /// The expected remaining waste.
    pub fn waste(&self) -> f64 {
        self.aims.iter().map(|aim| aim.worth * self.state.variance(aim.column)).sum()
    }

    /// The expected reduction of the waste by a run.
    fn gain(&self, run: usize) -> f64 {
        self.aims.iter().map(|aim| aim.worth * self.state.gain(run, aim.column)).sum()
    }

    /// The price of a run as a share of the budget plus a share of the number of runs. Without the second share, a
    /// hundred cheap runs would always be chosen.
    fn price(&self, run: usize, terms: &Terms) -> f64 {
        terms.share(self.ledger.more(run)) + 1.0 / terms.most_runs() as f64
    }

    fn add(&mut self, run: usize, purpose: Purpose) {
        self.state.observe(run);
        self.ledger.add(run);
        self.purposes.push(purpose);
    }

    /// Chooses runs within all limits. `keeps_pairs` asks for runs that measure the noise: of two results, the one
    /// with more of the wanted pairs is chosen.
    #[must_use]
    pub fn choose(self, runs: usize, terms: &Terms, keeps_pairs: bool, grids: &[Vec<usize>]) -> Self {
        let wanted = if keeps_pairs { PAIRS } else { 0 };
        let mut best = self.clone().chosen_with(runs, terms, wanted, grids);
        // If the limits do not allow all pairs, reserving room for them gained nothing, so fewer pairs are tried.
        for fewer in (1..wanted).rev() {
            if best.replicates() > fewer {
                break;
            }
            let other = self.clone().chosen_with(runs, terms, fewer, grids);
            if other.is_better(&best, wanted) {
                best = other;
            }
        }
        best
    }

    /// Chooses runs with a number of pairs. The search starts from an empty set and from each grid of a common design,
    /// and the best result is returned. Without pairs, it is never worse than a grid within the limits.
    fn chosen_with(self, runs: usize, terms: &Terms, pairs: usize, grids: &[Vec<usize>]) -> Self {
        let mut found = vec![self.clone().filled(runs, terms, pairs, &[])];
        for grid in grids {
            found.push(self.clone().filled(runs, terms, pairs, grid));
            let mut grid = self.clone().taken(grid, terms);
            grid.pairs(terms, pairs);
            found.push(grid);
        }
        found.par_iter_mut().for_each(|set| set.exchange(runs, terms));
        found.into_iter().reduce(|best, set| if set.is_better(&best, pairs) { set } else { best }).unwrap_or(self)
    }

    /// Whether this set has more of the wanted pairs than another one, or as many and less waste.
    fn is_better(&self, other: &Self, pairs: usize) -> bool {
        let (own, others) = (self.replicates().min(pairs), other.replicates().min(pairs));
        own > others || (own == others && self.waste() < other.waste())
    }

    /// Adds a largest run, the runs of a grid that are within the limits, pairs, and then the most informative runs.
    fn filled(mut self, runs: usize, terms: &Terms, pairs: usize, grid: &[usize]) -> Self {
        self.largest(runs, terms);
        for &run in grid {
            let is_new = self.ledger.copies(run) == 0;
            if is_new && self.leaves_room(run, terms, pairs, &self.for_pairs(runs, pairs)) && self.ledger.allows(run) {
                self.add(run, Purpose::Informs);
            }
        }
        self.greedy(runs, terms, pairs);
        self.pairs(terms, pairs);
        self.greedy(runs, terms, 0);
        self
    }

    /// Number of second runs.
    fn replicates(&self) -> usize {
        self.purposes.iter().filter(|purpose| **purpose == Purpose::Replicate).count()
    }

    /// The cheapest ways to get a pair, ascending: a second run of a configuration, or two runs of a new one. The list
    /// has one more entry than there are missing pairs, because one entry may be of the run that is considered next.
    fn for_pairs(&self, runs: usize, pairs: usize) -> Vec<Pair> {
        let way = |run: usize| {
            let missing = 2_usize.checked_sub(self.ledger.copies(run)).filter(|missing| *missing > 0)?;
            Some(Pair { run, missing, flop: missing as f64 * self.ledger.alone(run) })
        };
        let mut ways: Vec<Pair> = (0..runs).filter_map(way).collect();
        ways.sort_by(|a, b| a.flop.total_cmp(&b.flop).then(a.run.cmp(&b.run)));
        ways.truncate(pairs.saturating_sub(self.replicates()) + 1);
        ways
    }

    /// Whether the budget and the number of runs allow the missing pairs after this run is added.
    fn leaves_room(&self, run: usize, terms: &Terms, pairs: usize, cheapest: &[Pair]) -> bool {
        let is_second = self.ledger.copies(run) > 0;
        let missing = pairs.saturating_sub(self.replicates() + usize::from(is_second));
        let own = (!is_second).then(|| Pair { run, missing: 1, flop: self.ledger.alone(run) });
        let mut ways: Vec<Pair> = cheapest.iter().filter(|way| way.run != run).copied().chain(own).collect();
        ways.sort_by(|a, b| a.flop.total_cmp(&b.flop));
        ways.truncate(missing);
        let (kept, more) = ways.iter().fold((0.0, 0), |(flop, runs), way| (flop + way.flop, runs + way.missing));
        self.purposes.len() + 1 + more <= terms.most_runs()
            && terms.share(self.ledger.flop() + self.ledger.more(run) + kept) <= 1.0
    }

    /// Adds the runs of a grid that are within the limits. The largest run is the hold-out.
    #[must_use]
    pub fn taken(mut self, grid: &[usize], terms: &Terms) -> Self {
        let largest = grid.iter().copied().max_by(|&a, &b| {
            let share = |run: usize| terms.share(self.ledger.more(run));
            share(a).total_cmp(&share(b)).then(b.cmp(&a))
        });
        for &run in grid {
            if self.ledger.copies(run) < terms.copies && self.ledger.allows(run) {
                let purpose = match self.ledger.copies(run) {
                    0 if Some(run) == largest => Purpose::HoldOut,
                    0 => Purpose::Informs,
                    _ => Purpose::Replicate,
                };
                self.add(run, purpose);
            }
        }
        self
    }

    /// Adds the cheapest runs that are within the limits and cost at most `flop` together.
    #[must_use]
    pub fn cheapest(mut self, flop: f64) -> Self {
        let mut runs: Vec<usize> = (0..self.ledger.candidates()).collect();
        runs.sort_by(|&a, &b| self.ledger.alone(a).total_cmp(&self.ledger.alone(b)).then(a.cmp(&b)));
        for run in runs {
            if self.ledger.flop() + self.ledger.more(run) > flop || !self.ledger.allows(run) {
                break;
            }
            self.add(run, Purpose::Informs);
        }
        self
    }

    /// Adds the largest run: among the runs that take at least the budget share of the largest runs of a usual grid,
    /// the one with the most information for its price.
    fn largest(&mut self, runs: usize, terms: &Terms) {
        let share = |run: usize| terms.share(self.ledger.more(run));
        // A run that has its result tells nothing more.
        let all = || (0..runs).filter(|&run| self.gain(run) > 0.0 && self.ledger.allows(run));
        let score = |run: usize| self.gain(run) / self.price(run, terms);
        let large = all().filter(|&run| share(run) >= USUAL.largest_share());
        let best = large.max_by(|&a, &b| score(a).total_cmp(&score(b)).then(b.cmp(&a)));
        let smaller = || all().max_by(|&a, &b| share(a).total_cmp(&share(b)).then(b.cmp(&a)));
        if let Some(run) = best.or_else(smaller) {
            self.add(run, Purpose::HoldOut);
        }
    }

    /// Repeatedly adds the run with the largest reduction of waste for its price, until no allowed run leaves room for
    /// the pairs.
    fn greedy(&mut self, runs: usize, terms: &Terms, pairs: usize) {
        while self.purposes.len() < terms.most_runs() {
            let cheapest = self.for_pairs(runs, pairs);
            let fits =
                |run: usize| self.ledger.copies(run) < terms.copies && self.leaves_room(run, terms, pairs, &cheapest);
            let mut scored: Vec<(f64, usize)> = (0..runs)
                .filter(|&run| fits(run))
                .map(|run| (self.gain(run) / self.price(run, terms), run))
                .filter(|(score, _)| *score > 0.0)
                .collect();
            scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            // The wall clock is checked last, since it needs a schedule of all jobs.
            let Some(&(_, run)) = scored.iter().find(|(_, run)| self.ledger.allows(*run)) else { return };
            let purpose = if self.ledger.copies(run) > 0 { Purpose::Replicate } else { Purpose::Informs };
            self.add(run, purpose);
        }
    }

    /// Adds second runs of the cheapest configurations until there are enough pairs.
    fn pairs(&mut self, terms: &Terms, pairs: usize) {
        let mut chosen = self.ledger.runs();
        chosen.sort_unstable();
        chosen.dedup();
        chosen.sort_by(|&a, &b| terms.share(self.ledger.more(a)).total_cmp(&terms.share(self.ledger.more(b))));
        for run in chosen {
            if self.replicates() < pairs && self.ledger.copies(run) == 1 && self.ledger.allows(run) {
                self.add(run, Purpose::Replicate);
            }
        }
    }

    /// Replaces each informing run by the best alternative and adds runs while there is room, until nothing changes.
    fn exchange(&mut self, runs: usize, terms: &Terms) {
        for _ in 0..EXCHANGES {
            let before = self.waste();
            for run in self.ledger.runs() {
                let is_fixed =
                    self.ledger.runs().iter().zip(&self.purposes).any(|(r, p)| *r == run && *p != Purpose::Informs);
                if !is_fixed {
                    self.exchanged(run, runs);
                }
            }
            self.greedy(runs, terms, 0);
            if self.waste() >= before * (1.0 - LEAST_GAIN) {
                return;
            }
        }
    }

    /// Replaces a run by another one if that is better.
    fn exchanged(&mut self, run: usize, runs: usize) {
        let gains = self.gains_without(run, runs);
        let least = gains[run] * (1.0 + LEAST_GAIN);
        let mut better: Vec<(f64, usize)> = (0..runs)
            .filter(|&other| gains[other] > least && self.ledger.copies(other) == 0)
            .map(|other| (gains[other], other))
            .collect();
        if better.is_empty() {
            return;
        }
        better.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut left = self.ledger.clone();
        left.remove(run);
        let Some(&(_, other)) = better.iter().find(|(_, other)| left.allows(*other)) else { return };
        let Some(place) = self.ledger.runs().iter().position(|chosen| *chosen == run) else { return };
        self.state.forget(run);
        self.ledger = left;
        self.purposes.remove(place);
        self.add(other, Purpose::Informs);
    }

    /// The reduction of waste by each run if one of the chosen runs were absent; the state itself is unchanged.
    fn gains_without(&self, run: usize, runs: usize) -> Vec<f64> {
        let without = self.state.without(run);
        let gain = |other: usize| {
            let variance = without.variance(&self.state, other) + self.state.noise(other);
            let of_aim = |aim: &Aim| {
                let shared = without.covariance(&self.state, other, aim.column);
                aim.worth * shared * shared / variance
            };
            self.aims.iter().map(of_aim).sum()
        };
        (0..runs).into_par_iter().with_min_len(TOGETHER).map(gain).collect()
    }
}

/// The runs ordered by information for their price; `search` contains none of them yet.
pub(super) fn ordered(mut search: Search<'_>, terms: &Terms, runs: &[(usize, Purpose)]) -> Vec<(usize, Purpose)> {
    let mut left = runs.to_vec();
    let mut order = Vec::new();
    while !left.is_empty() {
        let score = |&(run, _): &(usize, Purpose)| search.gain(run) / search.price(run, terms);
        // The second copy of a run comes after the first.
        let ready =
            |(run, purpose): &(usize, Purpose)| *purpose != Purpose::Replicate || search.ledger.copies(*run) > 0;
        let best = (0..left.len())
            .filter(|&i| ready(&left[i]))
            .max_by(|&a, &b| score(&left[a]).total_cmp(&score(&left[b])).then(b.cmp(&a)));
        let (run, purpose) = left.remove(best.unwrap_or(0));
        search.add(run, purpose);
        order.push((run, purpose));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::candidates::Candidate;
    use crate::design::machine::Rate;
    use crate::design::settings::{Budget, Limits, MOST_COPIES};
    use crate::design::terms::rounds;
    use crate::numerics::{Random, exp};
    use crate::quantity::Quantity;

    const RUNS: usize = 40;

    /// A random set of runs, limits and beliefs.
    fn case(seed: u64) -> (Vec<Candidate>, Terms, State) {
        let mut random = Random::new(seed, "search", 0);
        let run = |place: usize, random: &mut Random| {
            let (size, data) = (1e8 * exp(random.normal()), 1e10 * exp(random.normal()));
            Candidate { size, data, flop: 6.0 * size * data, trunk: place % 7, ..Candidate::default() }
        };
        let candidates: Vec<Candidate> = (0..RUNS).map(|place| run(place, &mut random)).collect();
        let given = |random: &mut Random, scale: f64| {
            (random.uniform() < 0.6).then(|| Quantity(scale * exp(1.5 * random.normal())))
        };
        let rate = Rate {
            flop_per_second: 4e14,
            per_run: 8,
            slots: 1 + random.below(5) as u32,
            price: Some(2.0),
            memory: None,
            described: String::new(),
        };
        let terms = Terms {
            rate: Some(rate),
            budget: Budget {
                flop: given(&mut random, 6e19),
                gpu_hours: given(&mut random, 40.0),
                usd: Some(Quantity(100.0 * exp(random.normal()))),
            },
            limits: Limits { runs: Some(1 + random.below(15)), hours: given(&mut random, 3.0), ..Limits::default() },
            shared_trunk: (random.uniform() < 0.5).then_some(0.2),
            copies: MOST_COPIES,
            rounds: rounds(1 + random.below(3)),
        };
        let values = (0..=RUNS).map(|_| (0..30).map(|_| random.normal()).collect()).collect();
        let noise = (0..=RUNS).map(|_| exp(random.normal())).collect();
        (candidates, terms, State::new(values, &[1.0 / 30.0; 30], noise))
    }

    #[test]
    fn limits_hold_and_every_run_reduces_the_waste() {
        let mut chosen = 0;
        for seed in 0..300 {
            let (candidates, terms, state) = case(seed);
            let aims = [Aim { column: RUNS, worth: 1.0 }];
            let before = state.variance(RUNS);
            let search = Search::new(state, Ledger::new(&terms, &candidates), &aims).choose(
                RUNS,
                &terms,
                seed % 2 == 0,
                &[(0..8).collect()],
            );
            assert!(search.ledger.is_within(), "{seed}");
            // The ledger is summed again, because the checks above would not show an error in its running sums.
            let runs = search.ledger.runs();
            let again = Ledger::of(&terms, &candidates, &runs);
            assert!((again.flop() - search.ledger.flop()).abs() <= 1e-9 * again.flop(), "{seed}");
            assert!(runs.iter().all(|run| runs.iter().filter(|other| *other == run).count() <= MOST_COPIES), "{seed}");
            assert!(runs.is_empty() || search.waste() < before, "{seed}");
            chosen += runs.len();
        }
        assert!(chosen > 600, "the limits leave runs to choose: {chosen}");
    }

    #[test]
    fn as_many_pairs_are_chosen_as_the_limits_allow() {
        // The largest run costs 10 and is the most informative, the next costs 3, and the others cost 1.
        let costs = [10.0, 3.0, 1.0, 1.0, 1.0, 1.0];
        let candidates =
            costs.map(|flop| Candidate { size: 1e8, data: 1e10, flop: flop * 1e18, ..Candidate::default() });
        let mut random = Random::new(7, "pairs", 0);
        let gains = [9.0, 6.0, 1.0, 0.9, 0.8, 0.7, 20.0];
        let aim: Vec<f64> = (0..30).map(|_| random.normal()).collect();
        let column = |gain: &f64| aim.iter().map(|x| gain * x + random.normal()).collect();
        let values: Vec<Vec<f64>> = gains.iter().map(column).collect();
        let state = State::new(values, &[1.0 / 30.0; 30], vec![1.0; 7]);
        for (budget, most, pairs) in [(30.0, 30, 2), (17.0, 30, 2), (14.0, 30, 2), (13.0, 30, 1), (30.0, 4, 1)] {
            let terms = Terms {
                rate: None,
                budget: Budget { flop: Some(Quantity(budget * 1e18)), ..Budget::default() },
                limits: Limits { runs: Some(most), ..Limits::default() },
                shared_trunk: None,
                copies: MOST_COPIES,
                rounds: rounds(1),
            };
            let aims = [Aim { column: 6, worth: 1.0 }];
            let empty = Search::new(state.clone(), Ledger::new(&terms, &candidates), &aims);
            for grid in [vec![], vec![0, 1, 2, 3], vec![2, 3, 4, 5]] {
                let set = empty.clone().choose(6, &terms, true, &[grid]);
                assert!(set.ledger.is_within());
                assert!(set.replicates() >= pairs, "{budget}, {most}: {:?} {:?}", set.ledger.runs(), set.purposes);
            }
        }
    }

    #[test]
    fn an_exchange_never_increases_the_waste() {
        for seed in 0..40 {
            let (candidates, terms, state) = case(seed);
            let aims = [Aim { column: RUNS, worth: 1.0 }];
            let mut search = Search::new(state, Ledger::new(&terms, &candidates), &aims);
            search.greedy(RUNS, &terms, 0);
            let before = search.waste();
            search.exchange(RUNS, &terms);
            assert!(search.waste() <= before * (1.0 + 1e-9), "{seed}");
            assert!(search.ledger.is_within(), "{seed}");
        }
    }

    #[test]
    fn the_runs_are_at_least_as_good_as_any_grid_within_the_limits() {
        let mut worse = 0;
        for seed in 0..100 {
            let (candidates, terms, state) = case(seed);
            let aims = [Aim { column: RUNS, worth: 1.0 }];
            let grid: Vec<usize> = (0..RUNS).step_by(1 + seed as usize % 5).collect();
            let empty = Search::new(state, Ledger::new(&terms, &candidates), &aims);
            let as_it_is = empty.clone().taken(&grid, &terms).waste();
            let alone = empty.clone().choose(RUNS, &terms, false, &[]).waste();
            let chosen = empty.choose(RUNS, &terms, false, &[grid]).waste();
            assert!(chosen <= as_it_is * (1.0 + 1e-9), "{seed}: {chosen} {as_it_is}");
            worse += usize::from(alone > as_it_is);
        }
        assert!(worse > 0, "without the grid some are worse");
    }

    #[test]
    fn gains_without_a_run_agree_with_a_search_that_never_had_it() {
        let (candidates, terms, state) = case(3);
        let aims = [Aim { column: RUNS, worth: 2.0 }];
        let mut with = Search::new(state.clone(), Ledger::new(&terms, &candidates), &aims);
        let mut never = with.clone();
        [4, 9, 17].into_iter().for_each(|run| with.add(run, Purpose::Informs));
        [4, 17].into_iter().for_each(|run| never.add(run, Purpose::Informs));
        for (run, gain) in with.gains_without(9, RUNS).into_iter().enumerate() {
            assert!((gain / never.gain(run) - 1.0).abs() < 1e-9, "{run}");
        }
    }
}
