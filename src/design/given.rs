//! The input of a design, and its candidates and decisions as columns for the search.

use super::beliefs::{Belief, Beliefs};
use super::candidates::{Candidate, LeftOut};
use super::decision::{Decision, Judged};
use super::drift::Drift;
use super::ledger::Ledger;
use super::machine::Rate;
use super::outcome::Results;
use super::pool::Pool;
use super::rivals::USUAL;
use super::search::{Aim, Purpose};
use super::settings::{MOST_COPIES, Settings};
use super::state::{State, scored};
use super::terms::{Terms, rounds};
use crate::fit::Span;
use crate::numerics::{exp, ln, normal_quantile};

/// Number of robust standard deviations at which draws of a decision are limited, so that a few distant draws do not
/// determine the runs.
const FARTHEST: f64 = 4.0;

/// Factor between the data of the rows and of the candidates from which the candidates are refused.
const FAR_BELOW: f64 = 1e4;

/// Smallest scatter of a run. Rows that lie exactly on a law have no scatter, and a division by their noise would not
/// be finite.
const LEAST_SCATTER: f64 = 1e-12;

/// The input of a design.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// Settings of the spec.
    pub settings: &'a Settings,
    /// The forecast distribution of the response.
    pub beliefs: &'a Beliefs<'a>,
    /// The decisions, one for each row of each query.
    pub decisions: Vec<Decision>,
    /// Result of the test for drift.
    pub drift: Option<Drift>,
    /// Results of runs of this design.
    pub results: Option<Results>,
    /// The candidate runs, where a table lists them.
    pub pool: Option<Pool>,
    /// Coverage of intervals.
    pub level: f64,
}

/// The input of the search.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) candidates: Vec<Candidate>,
    /// The joint distribution with the noise that is used to choose runs. For small runs, this noise includes the
    /// possible error of the law.
    pub(super) state: State,
    /// The noise that a fit of the runs will have, which determines what they contribute.
    pub(super) plain: Vec<f64>,
    pub(super) aims: Vec<Aim>,
    pub(super) judged: Vec<Judged>,
    pub(super) terms: Terms,
    /// Compute of the largest run whose share of the budget is at most that of the largest runs of a usual grid.
    pub(super) top: f64,
    /// Whether waste is known, so that runs have a value.
    pub(super) is_priced: bool,
}

/// The weights of runs during the choice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    /// The scatter of one run.
    pub(super) scatter: f64,
    /// The scale, in the logarithm of compute, over which runs below the largest one lose weight; infinite if all runs
    /// have the same weight.
    pub(super) scale: f64,
    /// Compute of the largest run; by default, that of the candidates.
    pub(super) top: Option<f64>,
}

impl Table {
    /// The joint distribution with the noise that a fit of the runs will have.
    pub(super) fn told(&self) -> State {
        self.state.clone().with_noise(&self.plain)
    }

    /// The ledger of runs in their order.
    pub(super) fn ledger(&self, runs: &[(usize, Purpose)]) -> Ledger<'_> {
        let runs: Vec<usize> = runs.iter().map(|(run, _)| *run).collect();
        Ledger::of(&self.terms, &self.candidates, &runs)
    }
}

impl Given<'_> {
    /// Candidates and decisions, prepared for the search.
    pub(super) fn prepared(&self) -> Result<(Table, LeftOut), String> {
        let settings = self.settings;
        let rate = settings.machine.as_ref().map(Rate::of).transpose().map_err(|(_, message)| message)?;
        let terms = Terms {
            rate,
            budget: settings.budget,
            limits: settings.limits,
            shared_trunk: settings.candidates.shared_trunk(),
            copies: if self.pool.is_some() { 1 } else { MOST_COPIES },
            rounds: rounds(settings.rounds),
        };
        let cost = self.beliefs.cost();
        let (candidates, left_out) = match (&self.pool, self.beliefs.roles()) {
            (Some(pool), Some(roles)) => pool.list(&settings.candidates, &terms, (&cost, roles))?,
            _ => settings.candidates.list(&terms, &cost, self.span())?,
        };
        self.compare_with_rows(&candidates)?;
        let judged: Vec<Judged> = self.decisions.iter().map(|d| self.judged(d)).collect::<Result<_, _>>()?;
        let table = self.table(candidates, judged, terms, self.counted())?;
        Ok((table, left_out))
    }

    /// The distribution of a decision. Where the rows do not identify a law, it has no price, and a decision that most
    /// plausible curves do not answer has no value.
    fn judged(&self, decision: &Decision) -> Result<Judged, String> {
        if !self.beliefs.is_open() {
            return decision.judge(self.beliefs);
        }
        let unanswered = |_| Judged::unanswered(self.beliefs.shares().len());
        Ok(decision.judge(self.beliefs).map_or_else(unanswered, Judged::without_price))
    }

    /// Refuses candidates that all have far less data than any row, as ratios of data to size that are read as data.
    fn compare_with_rows(&self, candidates: &[Candidate]) -> Result<(), String> {
        let most = candidates.iter().map(|run| run.data).fold(0.0, f64::max);
        let Some(span) = self.beliefs.members.first().and_then(Belief::span_of_data) else { return Ok(()) };
        if most * FAR_BELOW >= span.lowest {
            return Ok(());
        }
        let data = self.beliefs.roles().and_then(|roles| roles.data.clone()).unwrap_or_default();
        Err(format!(
            "the candidates have at most {data} = {most:.3e}, and the rows have from {:.3e}: for a ratio of data to size, \
             write `{data} = \"5 to 200 per parameter\"`",
            span.lowest
        ))
    }

    /// The range of model size over the rows.
    pub(super) fn span(&self) -> Option<Span> {
        self.beliefs.members.first().and_then(Belief::span_of_size)
    }

    /// Half-width of an interval in standard deviations.
    pub(super) fn z(&self) -> f64 {
        normal_quantile(f64::midpoint(1.0, self.level))
    }

    /// The weights of runs during the choice, from the spec.
    pub(super) fn counted(&self) -> Counted {
        Counted { scatter: self.beliefs.scatter(), scale: self.settings.discrepancy.scale.0, top: None }
    }

    /// Candidates and decisions as columns.
    pub(super) fn table(
        &self,
        candidates: Vec<Candidate>,
        judged: Vec<Judged>,
        terms: Terms,
        counted: Counted,
    ) -> Result<Table, String> {
        let mut values = self.beliefs.responses(&candidates.iter().collect::<Vec<_>>());
        let is_usual = |run: &&Candidate| terms.share(run.flop) <= USUAL.largest_share();
        let largest = || candidates.iter().filter(is_usual).map(|run| run.flop).fold(0.0, f64::max);
        let Counted { scatter, scale, top } = counted;
        let scatter = scatter.max(LEAST_SCATTER);
        let top = top.unwrap_or_else(largest);
        let mut plain = vec![scatter * scatter; candidates.len()];
        let mut noise: Vec<f64> =
            candidates.iter().map(|run| scatter * scatter * exp(ln((top / run.flop).max(1.0)) / scale)).collect();
        let shares = self.beliefs.shares();
        let is_open = self.beliefs.is_open();
        if is_open {
            values = values.into_iter().map(scored).collect();
        }
        // Where no curve answers a decision, the runs should tell the curves apart at all candidates.
        let instead =
            if is_open && judged.iter().any(Judged::is_unanswered) { spread(&candidates) } else { Vec::new() };
        let instead: Vec<Vec<f64>> = instead.into_iter().map(|run| values[run].clone()).collect();
        let aimed = judged.len() + instead.len();
        values.extend(
            judged.iter().map(
                |judged| {
                    if is_open { scored(judged.values.clone()) } else { winsorised(judged, &shares) }
                },
            ),
        );
        values.extend(instead);
        noise.extend(vec![f64::INFINITY; aimed]);
        plain.extend(vec![f64::INFINITY; aimed]);
        let shares = usable(&mut values, &shares, if is_open { 0.0 } else { LEAST_USABLE })?;
        let state = State::new(values, &shares, noise).compressed(&plain);
        let is_priced = judged.iter().any(|judged| judged.per_variance.is_some());
        let of_instead = (judged.len()..aimed).map(|i| {
            let column = candidates.len() + i;
            Aim { column, worth: 1.0 / state.variance(column).max(f64::MIN_POSITIVE) }
        });
        let aims = judged
            .iter()
            .enumerate()
            .map(|(i, judged)| {
                let column = candidates.len() + i;
                let per_variance = judged.per_variance.zip(judged.stake).map(|(per, stake)| per * stake);
                // A decision without a price counts by the relative reduction of its variance.
                let surer = if is_priced { 0.0 } else { 1.0 / state.variance(column).max(f64::MIN_POSITIVE) };
                Aim { column, worth: self.decisions[i].weight * per_variance.unwrap_or(surer) }
            })
            .chain(of_instead)
            .collect();
        Ok(Table { candidates, state, plain, aims, judged, terms, top, is_priced })
    }
}

/// A decision's values, limited to a few robust standard deviations around the median.
pub(super) fn winsorised(judged: &Judged, shares: &[f64]) -> Vec<f64> {
    let [low, middle, high] = judged.quantiles([0.16, 0.5, 0.84], shares);
    if middle.is_nan() {
        return judged.values.clone();
    }
    let (below, above) = (middle - FARTHEST * (middle - low), middle + FARTHEST * (high - middle));
    judged.values.iter().map(|v| v.clamp(below, above)).collect()
}

/// Candidates at which an unidentified law is judged if no decision can be: some of them, spread over their costs.
fn spread(candidates: &[Candidate]) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..candidates.len()).collect();
    sorted.sort_by(|&a, &b| candidates[a].flop.total_cmp(&candidates[b].flop).then(a.cmp(&b)));
    let count = sorted.len().min(MOST_JUDGED);
    (0..count).map(|i| sorted[i * sorted.len() / count]).collect()
}

/// Smallest share of draws with a value in every column.
const LEAST_USABLE: f64 = 0.5;
/// Maximum number of candidates at which an unidentified law is judged.
const MOST_JUDGED: usize = 32;

/// Removes draws without a value in some column; returns the weights of the others, which are at least a share of all.
fn usable(values: &mut [Vec<f64>], shares: &[f64], least: f64) -> Result<Vec<f64>, String> {
    let keep: Vec<usize> = (0..shares.len()).filter(|&draw| values.iter().all(|c| c[draw].is_finite())).collect();
    if keep.len() < 2 || (keep.len() as f64) < least * shares.len() as f64 {
        return Err(format!(
            "only {} of {} draws of the fit have a response at every candidate and an answer to every decision",
            keep.len(),
            shares.len()
        ));
    }
    for column in values.iter_mut() {
        *column = keep.iter().map(|&draw| column[draw]).collect();
    }
    let kept: Vec<f64> = keep.iter().map(|&draw| shares[draw]).collect();
    let sum: f64 = kept.iter().sum();
    Ok(kept.into_iter().map(|share| share / sum).collect())
}
