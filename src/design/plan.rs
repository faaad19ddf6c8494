//! Chooses runs, their order and the stop, also after some runs have results.

use super::advice::Outcomes;
use super::candidates::Candidate;
use super::given::{Given, Table};
use super::ledger::Ledger;
use super::outcome::{Results, Status, learn};
use super::rivals::{Grid, USUAL};
use super::search::{PAIRS, Purpose, Search, ordered};
use super::state::State;
use crate::numerics::ln;

/// Decades of size on either side of the middle, for the grids with which the search starts, and their numbers of
/// curves.
const GRIDS: [f64; 3] = [0.6, 0.9, 1.2];
const CURVES: [usize; 2] = [2, 4];
/// Minimum number of sizes on a curve.
const FEWEST_ON_CURVE: usize = 3;

/// The state after a run and all before it.
pub(super) struct Step {
    /// Distribution of the decisions.
    pub(super) decisions: State,
    /// Expected compute saved at the targets.
    pub(super) saved: f64,
    /// Compute of the runs.
    pub(super) spent: f64,
}

impl Step {
    /// Compute saved minus compute spent.
    pub(super) fn net(&self) -> f64 {
        self.saved - self.spent
    }
}

/// Factor by which the budget is reduced in search of the part that saves most, and the number of times.
const LESS: f64 = 0.4;
const REDUCTIONS: usize = 8;

impl Given<'_> {
    /// The chosen runs in order. If the decision has a price, plans for parts of the budget are compared, and the one that
    /// saves most after its cost is taken. A plan for the whole budget begins with runs that only a large budget pays for.
    pub(super) fn chosen(&self, table: &Table) -> Vec<(usize, Purpose)> {
        let runs = self.chosen_within(table);
        if !table.is_priced {
            return runs;
        }
        let best = |runs: &[(usize, Purpose)]| Self::path(table, runs).iter().map(Step::net).fold(0.0, f64::max);
        let budgets = std::iter::successors(Some(LESS * table.terms.most_flop()), |most| Some(LESS * most));
        let smaller = budgets.take(REDUCTIONS).map(|most| {
            let terms = table.terms.within(most);
            let runs = self.chosen_within(&Table { terms, ..table.clone() });
            (best(&runs), runs)
        });
        let whole = (best(&runs), runs);
        smaller.fold(whole, |best, other| if other.0 > best.0 { other } else { best }).1
    }

    /// The chosen runs within the terms of a table, in order.
    fn chosen_within(&self, table: &Table) -> Vec<(usize, Purpose)> {
        let count = table.candidates.len();
        let none = |state: State| Search::new(state, table.ledger(&[]), &table.aims);
        let keeps_pairs = table.terms.copies > 1 && !self.beliefs.knows_noise() && table.terms.most_runs() > 3 * PAIRS;
        let search = none(table.state.clone()).choose(count, &table.terms, keeps_pairs, &self.grids(table));
        let runs: Vec<(usize, Purpose)> = search.ledger.runs().into_iter().zip(search.purposes).collect();
        // Order the runs with the noise used in reports, because the stop is found along this order.
        let mut runs = ordered(none(table.told()), &table.terms, &runs);
        // Another order gives other rounds, which may take longer.
        while !table.ledger(&runs).is_within() {
            runs.pop();
        }
        runs
    }

    /// Common grids of several widths, as the candidates nearest to their runs, largest runs first. A grid with more
    /// runs than allowed gets fewer curves. A table of runs has no grids.
    pub(super) fn grids(&self, table: &Table) -> Vec<Vec<usize>> {
        if self.pool.is_some() {
            return Vec::new();
        }
        let flop = table.terms.most_flop();
        let ratio = self.ratio(table);
        let most = table.terms.most_runs();
        let mut grids: Vec<Vec<usize>> = Vec::new();
        for decades in GRIDS {
            for curves in CURVES {
                let on_curve = USUAL.on_curve.min((most / curves).saturating_sub(1));
                if on_curve < FEWEST_ON_CURVE {
                    continue;
                }
                let grid = Grid { curves, on_curve, decades, ..USUAL };
                grids.push(snapped(&table.candidates, &grid.runs(flop, ratio, &self.beliefs.cost())));
            }
        }
        grids.dedup();
        grids
    }

    /// The state after each run in order, starting before the first.
    pub(super) fn path(table: &Table, chosen: &[(usize, Purpose)]) -> Vec<Step> {
        let mut state = table.told();
        let mut ledger = table.ledger(&[]);
        // The weights of decisions are for the choice of runs. What is saved does not depend on them.
        let prices = table.judged.iter().map(|judged| Some(judged.per_variance? * judged.stake?));
        let prices: Vec<(usize, f64)> =
            prices.enumerate().filter_map(|(i, price)| Some((table.candidates.len() + i, price?))).collect();
        let waste = |state: &State| prices.iter().map(|(column, price)| price * state.variance(*column)).sum::<f64>();
        let before = waste(&state);
        let mut path = vec![Step { decisions: decisions_of(&state, table), saved: 0.0, spent: 0.0 }];
        for &(run, _) in chosen {
            state.observe(run);
            ledger.add(run);
            path.push(Step {
                decisions: decisions_of(&state, table),
                saved: before - waste(&state),
                spent: ledger.flop(),
            });
        }
        path
    }

    /// Tokens per parameter at the middle of a common grid's curves: the best ratio of the first decision.
    pub(super) fn ratio(&self, table: &Table) -> f64 {
        let best = table.judged.first().filter(|judged| judged.is_size).and_then(|judged| {
            let size = judged.plain(judged.mean(&self.beliefs.shares()));
            let flop = self.decisions.first()?.inputs.get(&self.beliefs.roles()?.compute)?;
            Some(self.beliefs.cost().data_for(*flop, size) / size)
        });
        best.filter(|ratio| ratio.is_finite()).map_or(20.0, |ratio| ratio.clamp(1.0, 400.0))
    }

    /// Uses the results of runs: updates the joint distribution, reduces the budget, and excludes configurations that
    /// cannot be trained.
    pub(super) fn learn(&self, table: &mut Table, results: &Results) -> Result<Outcomes, String> {
        let planned = self.chosen(table);
        let matched = results.matched(&table.candidates, &self.beliefs.cost())?;
        // A configuration that is planned twice may have only one line in the results.
        let copies = |of: &Candidate| planned.iter().filter(|(run, _)| table.candidates[*run].is_same(of)).count();
        let lines = |of: &Candidate| matched.runs.iter().filter(|(_, run, ..)| run.is_same(of)).count();
        let mut configurations: Vec<usize> = planned.iter().map(|(run, _)| *run).collect();
        configurations.sort_unstable();
        configurations.dedup();
        let missing = |run: usize| {
            let of = &table.candidates[run];
            copies(of).saturating_sub(lines(of))
        };
        let missing: usize = configurations.into_iter().map(missing).sum();
        let named: Vec<Candidate> = matched.runs.iter().map(|(_, run, ..)| run.clone()).collect();
        let ended: Vec<usize> = (0..named.len()).filter(|&run| matched.runs[run].2 != Status::Missing).collect();
        let spent = Ledger::of(&table.terms, &named, &ended);
        let terms = table.terms.less(spent.flop(), spent.hours(), ended.len());
        let all = [named, table.candidates.clone()].concat();
        let noise: Vec<f64> = (0..table.plain.len()).map(|column| table.state.noise(column)).collect();
        let joint = self.table(all, table.judged.clone(), table.terms.clone(), self.counted())?.told();
        let (state, outcomes) = learn(&matched, self.beliefs, joint, self.level, missing)?;
        let mut state = state.with_noise(&noise);
        for (_, run, status, _) in &matched.runs {
            let place = table.candidates.iter().position(|candidate| candidate.is_same(run));
            // A run of a table is not trained twice, and one that diverged is not tried again.
            let is_over = *status == Status::Diverged || (terms.copies == 1 && *status == Status::Done);
            if let Some(place) = place.filter(|_| is_over) {
                state.close(place);
            }
        }
        table.state = state;
        table.terms = terms;
        Ok(outcomes)
    }
}

/// The number of runs with the largest saving minus cost; `None` where a wrong decision has no price.
pub(super) fn stop(path: &[Step], is_priced: bool) -> Option<usize> {
    let net = |place: usize| path[place].net();
    is_priced.then(|| (0..path.len()).max_by(|&a, &b| net(a).total_cmp(&net(b)).then(b.cmp(&a))).unwrap_or(0))
}

/// The candidates nearest to runs in the logarithms of size and data, largest first.
fn snapped(candidates: &[Candidate], runs: &[(f64, f64)]) -> Vec<usize> {
    let nearest = |&(size, data): &(f64, f64)| {
        let far = |run: &Candidate| {
            let (off_size, off_data) = (ln(run.size / size), ln(run.data / data));
            off_size * off_size + off_data * off_data
        };
        (0..candidates.len()).min_by(|&a, &b| far(&candidates[a]).total_cmp(&far(&candidates[b])))
    };
    let mut near: Vec<usize> = runs.iter().filter_map(nearest).collect();
    near.sort_by(|&a, &b| candidates[b].flop.total_cmp(&candidates[a].flop).then(a.cmp(&b)));
    near
}

/// The columns of the decisions alone.
fn decisions_of(state: &State, table: &Table) -> State {
    state.only(&(0..table.judged.len()).map(|i| table.candidates.len() + i).collect::<Vec<_>>())
}
