//! Compares a design with common designs, with itself under other assumptions, and with its own simulation.

use super::advice::{Change, Rival, Simulated};
use super::candidates::Candidate;
use super::given::{Counted, Given, Table, winsorised};
use super::ledger::Ledger;
use super::plan::stop;
use super::rivals::usual;
use super::search::{Purpose, Search};
use super::state::State;
use crate::numerics::Random;

/// Factor by which a wider range of data per parameter exceeds the given one.
const WIDER: f64 = 4.0;
/// Number of simulated truths.
const TRIALS: usize = 200;

impl Given<'_> {
    /// The results of common designs for the same compute. Grids also respect the limits.
    pub(super) fn rivals(&self, table: &Table, chosen: &[(usize, Purpose)], flop: f64) -> Result<Vec<Rival>, String> {
        if chosen.is_empty() || self.results.is_some() || table.judged.is_empty() || self.beliefs.is_open() {
            return Ok(Vec::new());
        }
        let runs: Vec<usize> = chosen.iter().map(|(run, _)| *run).collect();
        let own = left_after(&table.state, table.candidates.len(), &runs);
        let mut rivals = Vec::new();
        let as_much = Table { terms: table.terms.within(flop), ..table.clone() };
        for grid in self.grids(&as_much) {
            let search = Search::new(table.state.clone(), as_much.ledger(&[]), &table.aims);
            let taken = search.taken(&grid, &as_much.terms);
            rivals.push(rival(table, table, "isoFLOP grid within the limits", &taken.ledger, own));
        }
        // Compare with the best grid within the limits, and with the common designs without limits.
        rivals.sort_by(|a, b| a.wider.total_cmp(&b.wider));
        rivals.truncate(1);
        if self.pool.is_some() {
            let cheapest = Search::new(table.state.clone(), table.ledger(&[]), &table.aims).cheapest(flop);
            rivals.push(rival(table, table, "the cheapest runs", &cheapest.ledger, own));
            return Ok(rivals);
        }
        let cost = self.beliefs.cost();
        for design in usual(flop, self.ratio(table), &cost) {
            let run = |&(size, data): &(f64, f64)| Candidate {
                size,
                data,
                flop: cost.flop(size, data),
                ..Candidate::default()
            };
            let counted = Counted { top: Some(table.top), ..self.counted() };
            let candidates: Vec<Candidate> = design.runs.iter().map(run).collect();
            let other = self.table(candidates, table.judged.clone(), table.terms.clone(), counted)?;
            let all: Vec<usize> = (0..other.candidates.len()).collect();
            let ledger = Ledger::of(&other.terms, &other.candidates, &all);
            rivals.push(rival(table, &other, &format!("{} free of the limits", design.name), &ledger, own));
        }
        Ok(rivals)
    }

    /// Assumptions that would change the advice: more noise, small runs that follow the law as well as large ones,
    /// and a wider range of data per parameter.
    pub(super) fn changes(&self, table: &Table, chosen: &[(usize, Purpose)]) -> Result<Vec<Change>, String> {
        if self.results.is_some() || self.beliefs.is_open() {
            return Ok(Vec::new());
        }
        let counted = self.counted();
        let of_usual =
            |counted: Counted| self.table(table.candidates.clone(), table.judged.clone(), table.terms.clone(), counted);
        let mut cases = vec![
            ("runs scattered twice as much", of_usual(Counted { scatter: 2.0 * counted.scatter, ..counted })?),
            (
                "small runs followed the law as well as large ones",
                of_usual(Counted { scale: f64::INFINITY, ..counted })?,
            ),
        ];
        if let Some(wider) = self.settings.candidates.wider(WIDER) {
            let (candidates, _) = wider.list(&table.terms, &self.beliefs.cost(), self.span())?;
            let other = self.table(candidates, table.judged.clone(), table.terms.clone(), counted)?;
            cases.push(("the range of data per parameter went four times further at both ends", other));
        }
        let mut changes = Vec::new();
        for (if_so, other) in cases {
            let runs = self.chosen(&other);
            let path = Self::path(&other, &runs);
            let per = table.judged.first().and_then(|judged| judged.per_variance);
            let is_kept = |(run, _): &&(usize, Purpose)| {
                runs.iter().any(|(another, _)| other.candidates[*another].is_same(&table.candidates[*run]))
            };
            changes.push(Change {
                if_so: if_so.to_owned(),
                stop_after: stop(&path, other.is_priced),
                waste: per.map(|per| per * path[path.len() - 1].decisions.variance(0)),
                kept: chosen.iter().filter(is_kept).count(),
            });
        }
        Ok(changes)
    }

    /// Simulates the design. Draws of the fits serve as truths in turn, each with its weight. The runs are drawn from
    /// each truth, and the resulting knowledge of the first decision is compared with it.
    pub(super) fn simulated(&self, table: &Table, chosen: &[(usize, Purpose)]) -> Option<Simulated> {
        let z = self.z();
        let judged = table.judged.first().filter(|_| self.results.is_none() && !self.beliefs.is_open())?;
        let runs: Vec<&Candidate> = chosen.iter().map(|(run, _)| &table.candidates[*run]).collect();
        let truths = self.beliefs.responses(&runs);
        let (mut squares, mut predicted, mut held, mut counted, mut trials) = (0.0, 0.0, 0.0, 0.0, 0);
        let target = table.candidates.len();
        let told = table.told();
        let draws = judged.values.len();
        let shares = self.beliefs.shares();
        let values = winsorised(judged, &shares);
        for trial in 0..TRIALS.min(draws) {
            let draw = trial * draws / TRIALS.min(draws);
            if !values[draw].is_finite() || truths.iter().any(|run| !run[draw].is_finite()) {
                continue;
            }
            let mut random = Random::new(self.settings.seed, "design", trial as u64);
            let mut small = only(&told, chosen, target);
            for (place, truth) in truths.iter().enumerate() {
                let sd = small.noise(place).sqrt();
                small.learn(place, truth[draw] + sd * random.normal());
            }
            let (mean, variance) = (small.mean(chosen.len()), small.variance(chosen.len()));
            let miss = mean - values[draw];
            squares += shares[draw] * miss * miss;
            predicted += shares[draw] * variance;
            held += if miss.abs() <= z * variance.sqrt() { shares[draw] } else { 0.0 };
            counted += shares[draw];
            trials += 1;
        }
        (trials > 0 && squares > 0.0).then(|| Simulated {
            trials,
            ratio: predicted / squares,
            coverage: held / counted,
        })
    }
}

/// The variance of a decision after runs are observed.
fn left_after(state: &State, target: usize, runs: &[usize]) -> f64 {
    let mut state = state.clone();
    runs.iter().for_each(|&run| state.observe(run));
    state.variance(target)
}

/// Another design, compared with one that leaves the variance `own` of the first decision.
fn rival(table: &Table, of: &Table, design: &str, ledger: &Ledger<'_>, own: f64) -> Rival {
    let (runs, target) = (ledger.runs(), of.candidates.len());
    let told = left_after(&of.told(), target, &runs);
    Rival {
        design: design.to_owned(),
        runs: runs.len(),
        flop: ledger.flop(),
        waste: table.judged[0].per_variance.map(|per| per * told),
        wider: (left_after(&of.state, target, &runs) / own).sqrt(),
    }
}

/// The columns of the chosen runs and of one decision.
fn only(state: &State, chosen: &[(usize, Purpose)], target: usize) -> State {
    state.only(&chosen.iter().map(|(run, _)| *run).chain([target]).collect::<Vec<_>>())
}
