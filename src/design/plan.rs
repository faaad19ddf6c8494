//! The whole of a design: candidates, decisions, search, stop, rivals and simulation put together.

use std::collections::BTreeMap;

use super::advice::{Advice, Believed, Change, Decided, Outcomes, Rival, Run, Simulated, Worth};
use super::beliefs::Beliefs;
use super::candidates::{Candidate, LeftOut};
use super::decision::{Decision, Judged};
use super::drift::Drift;
use super::ledger::{Ledger, Terms, rounds};
use super::machine::Rate;
use super::outcome::{Results, Status, learn};
use super::rivals::{Grid, USUAL, usual};
use super::search::{Aim, FOR_LARGEST, PAIRS, Purpose, Search, ordered};
use super::settings::Settings;
use super::state::State;
use crate::fit::Span;
use crate::numerics::{Random, exp, ln, normal_quantile};
use crate::query::FLOP_PER_PARAMETER_AND_TOKEN;

/// Decades of size to either side of the middles of grids that the search begins with, and their curves.
const GRIDS: [f64; 3] = [0.6, 0.9, 1.2];
const CURVES: [usize; 2] = [2, 4];
/// Fewest sizes of a curve.
const FEWEST_ON_CURVE: usize = 3;
/// By how much wider a range of data per parameter is looked at.
const WIDER: f64 = 4.0;
/// Truths that a simulation draws.
const TRIALS: usize = 200;
/// Robust standard deviations beyond which a draw of a decision is drawn in, so that a few far out do not decide which
/// runs are chosen.
const FARTHEST: f64 = 4.0;

/// What a design is made from.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// What the spec says.
    pub settings: &'a Settings,
    /// What is believed of the response.
    pub beliefs: &'a Beliefs<'a>,
    /// The decisions, one for each row of each question.
    pub decisions: Vec<Decision>,
    /// What leaving out the small models says.
    pub drift: Option<Drift>,
    /// What came out of runs of this design.
    pub results: Option<Results>,
    /// Coverage of intervals.
    pub level: f64,
}

/// Everything that the search works on.
struct Table {
    candidates: Vec<Candidate>,
    /// What is believed, with the noise by which runs are chosen: that of small runs holds what the law may be wrong by.
    state: State,
    /// The noise that a fit of the runs will have, by which is told what they give.
    plain: Vec<f64>,
    aims: Vec<Aim>,
    judged: Vec<Judged>,
    terms: Terms,
    /// Compute of the largest run that is not half of the budget.
    top: f64,
    /// Whether waste is known, so that runs have a value.
    is_priced: bool,
}

/// The noise with which runs are counted while they are chosen.
#[derive(Clone, Copy, Debug)]
struct Counted {
    /// The scatter of one run.
    scatter: f64,
    /// The scale over which runs count less below the largest, infinite where all count as much.
    scale: f64,
    /// Compute of the largest run; that of the candidates where it is not said.
    top: Option<f64>,
}

impl Table {
    /// What is believed, with the noise that a fit of the runs will have.
    fn told(&self) -> State {
        self.state.clone().with_noise(&self.plain)
    }
}

impl Given<'_> {
    /// Plans the runs.
    ///
    /// # Errors
    /// Why there is no design, in words.
    pub fn advise(&self) -> Result<Advice, String> {
        let (mut table, left_out) = self.prepared()?;
        let outcomes = match &self.results {
            Some(results) => Some(self.learn(&mut table, results)?),
            None => None,
        };
        let chosen = self.chosen(&table);
        self.tell(&table, &chosen, left_out, outcomes)
    }

    /// Candidates and decisions, ready for the search.
    fn prepared(&self) -> Result<(Table, LeftOut), String> {
        let settings = self.settings;
        let rate = settings.machine.as_ref().map(Rate::of).transpose().map_err(|(_, message)| message)?;
        let terms = Terms {
            rate,
            budget: settings.budget,
            limits: settings.limits,
            shared_trunk: settings.candidates.shared_trunk(),
            rounds: rounds(settings.rounds),
        };
        let (candidates, left_out) = settings.candidates.list(&terms, self.span())?;
        let judged: Vec<Judged> = self.decisions.iter().map(|d| d.judge(self.beliefs)).collect::<Result<_, _>>()?;
        let table = self.table(candidates, judged, terms, self.counted())?;
        Ok((table, left_out))
    }

    /// The span of model size over the rows.
    fn span(&self) -> Option<Span> {
        self.beliefs.members.first().and_then(super::beliefs::Belief::span_of_size)
    }

    /// How runs are counted while they are chosen, as the spec says.
    fn counted(&self) -> Counted {
        Counted { scatter: self.beliefs.scatter(), scale: self.settings.discrepancy.scale.0, top: None }
    }

    /// Candidates and decisions as columns.
    fn table(
        &self,
        candidates: Vec<Candidate>,
        judged: Vec<Judged>,
        terms: Terms,
        counted: Counted,
    ) -> Result<Table, String> {
        let runs: Vec<(f64, f64)> = candidates.iter().map(|run| (run.size, run.data)).collect();
        let mut values = self.beliefs.responses(&runs);
        let is_usual = |run: &&Candidate| terms.share(run.flop) <= FOR_LARGEST[1];
        let largest = || candidates.iter().filter(is_usual).map(|run| run.flop).fold(0.0, f64::max);
        let Counted { scatter, scale, top } = counted;
        let top = top.unwrap_or_else(largest);
        let mut plain = vec![scatter * scatter; candidates.len()];
        let mut noise: Vec<f64> =
            candidates.iter().map(|run| scatter * scatter * exp(ln((top / run.flop).max(1.0)) / scale)).collect();
        values.extend(judged.iter().map(|judged| winsorised(&judged.values)));
        noise.extend(judged.iter().map(|_| f64::INFINITY));
        plain.extend(judged.iter().map(|_| f64::INFINITY));
        let shares = usable(&mut values, &self.beliefs.shares())?;
        let state = State::new(values, &shares, noise);
        let is_priced = judged.iter().any(|judged| judged.per_variance.is_some());
        let aims = judged
            .iter()
            .enumerate()
            .map(|(i, judged)| {
                let column = candidates.len() + i;
                let per_variance = judged.per_variance.zip(judged.stake).map(|(per, stake)| per * stake);
                // What is only forecast counts by how much surer it gets.
                let surer = if is_priced { 0.0 } else { 1.0 / state.variance(column).max(f64::MIN_POSITIVE) };
                Aim { column, worth: self.decisions[i].weight * per_variance.unwrap_or(surer) }
            })
            .collect();
        Ok(Table { candidates, state, plain, aims, judged, terms, top, is_priced })
    }

    /// The chosen runs in their order.
    fn chosen(&self, table: &Table) -> Vec<(usize, Purpose)> {
        let count = table.candidates.len();
        let ledger = || Ledger::new(&table.terms, &table.candidates);
        let keeps_pairs = !self.beliefs.knows_noise() && table.terms.most_runs() > 3 * PAIRS;
        let search = Search::new(table.state.clone(), ledger(), &table.aims);
        let search = search.choose(count, &table.terms, keeps_pairs, &self.grids(table));
        let runs: Vec<(usize, Purpose)> = search.ledger.runs().into_iter().zip(search.purposes).collect();
        // In the order of what is told of them: the stop is found along it.
        let mut runs = ordered(table.told(), ledger(), &table.aims, &table.terms, &runs);
        // Another order makes other rounds, and these may take longer.
        while !Ledger::of(&table.terms, &table.candidates, &runs.iter().map(|(run, _)| *run).collect::<Vec<_>>())
            .is_within()
        {
            runs.pop();
        }
        runs
    }

    /// Usual grids of several widths as the candidates that are nearest to their runs, the largest runs first. A grid that
    /// asks for more runs than may be trained has fewer curves.
    fn grids(&self, table: &Table) -> Vec<Vec<usize>> {
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
                grids.push(snapped(&table.candidates, &grid.runs(flop, ratio)));
            }
        }
        grids.dedup();
        grids
    }

    /// Compute that is saved and spent after each run, in order, from no run on.
    fn path(table: &Table, chosen: &[(usize, Purpose)]) -> Vec<(State, f64, f64)> {
        let mut state = table.told();
        let mut ledger = Ledger::new(&table.terms, &table.candidates);
        let waste = |state: &State| table.aims.iter().map(|aim| aim.worth * state.variance(aim.column)).sum::<f64>();
        let before = waste(&state);
        let mut path = vec![(decisions_of(&state, table), 0.0, 0.0)];
        for &(run, _) in chosen {
            state.observe(run);
            ledger.add(run);
            path.push((decisions_of(&state, table), before - waste(&state), ledger.flop()));
        }
        path
    }

    /// Puts everything into words and numbers.
    fn tell(
        &self,
        table: &Table,
        chosen: &[(usize, Purpose)],
        left_out: LeftOut,
        outcomes: Option<Outcomes>,
    ) -> Result<Advice, String> {
        let path = Self::path(table, chosen);
        let stop = stop(&path, table.is_priced);
        let ledger =
            Ledger::of(&table.terms, &table.candidates, &chosen.iter().map(|(run, _)| *run).collect::<Vec<_>>());
        let runs = self.runs(table, chosen, &path, stop, &ledger);
        let total = table.terms.cost(ledger.flop());
        let z = normal_quantile(f64::midpoint(1.0, self.level));
        let decisions = self.decisions.iter().zip(&table.judged).enumerate().map(|(i, (decision, judged))| {
            let [now, after] = [&path[0].0, &path[path.len() - 1].0].map(|state| believed(judged, state, i, z));
            // Of what is known now, the draws themselves tell the interval.
            let now = if self.results.is_none() {
                let [lower, upper] = judged.interval(self.level);
                Believed { lower, upper, ..now }
            } else {
                now
            };
            Decided {
                asks: decision.describe(),
                output: judged.output.clone(),
                weight: decision.weight,
                stake: judged.stake,
                now,
                after,
            }
        });
        let decisions: Vec<Decided> = decisions.collect();
        let value = stop.map(|stop| {
            let (_, saved, spent) = path[stop];
            let (_, first_saved, first_spent) = path[stop.max(1).min(path.len() - 1)];
            let stake: f64 = table.judged.iter().filter_map(|j| j.stake).sum();
            Worth {
                saved: table.terms.cost(saved),
                spent: table.terms.cost(spent),
                net: saved - spent,
                stop_after: stop,
                break_even: (first_saved > 0.0).then(|| stake * first_spent / first_saved),
            }
        });
        let rivals = self.rivals(table, chosen, ledger.flop())?;
        let changes = self.changes(table, chosen)?;
        let simulated = self.simulated(table, chosen, z);
        let mut warnings: Vec<String> = self.drift.iter().filter_map(Drift::warning).collect();
        warnings.extend(self.cautions(table, chosen));
        let mut laws: BTreeMap<String, f64> = BTreeMap::new();
        for member in &self.beliefs.members {
            *laws.entry(member.law.name.clone()).or_default() += member.share;
        }
        let [size, data, _] = self.beliefs.roles().map(|roles| roles.decided().map(str::to_owned)).unwrap_or_default();
        Ok(Advice {
            size,
            data,
            advice: advice_in_words(&decisions, value.as_ref(), chosen.len(), &total),
            machine: table.terms.rate.as_ref().map(|rate| rate.described.clone()),
            candidates: table.candidates.len(),
            left_out,
            laws,
            scatter: self.beliefs.scatter(),
            level: self.level,
            decisions,
            runs,
            total,
            hours: ledger.hours(),
            value,
            rivals,
            changes,
            simulated,
            drift: self.drift.clone(),
            outcomes,
            warnings,
        })
    }

    /// The runs with everything that a launcher and a reader need.
    fn runs(
        &self,
        table: &Table,
        chosen: &[(usize, Purpose)],
        path: &[(State, f64, f64)],
        stop: Option<usize>,
        ledger: &Ledger<'_>,
    ) -> Vec<Run> {
        let z = normal_quantile(f64::midpoint(1.0, self.level));
        let starts = ledger.starts();
        let rounds = ledger.rounds();
        let mut copies: BTreeMap<usize, usize> = BTreeMap::new();
        let run = |(place, &(index, purpose)): (usize, &(usize, Purpose))| {
            let candidate = &table.candidates[index];
            let copy = copies.entry(index).or_default();
            *copy += 1;
            let (before, after) = (path[place].2, path[place + 1].2);
            let judged = table.judged.first();
            let spread = z * (table.state.variance(index) + table.plain[index]).sqrt();
            let middle = table.state.mean(index);
            let scale = self.beliefs.scale;
            Run {
                name: name_of(candidate, *copy),
                order: place + 1,
                round: rounds[place],
                purpose,
                is_worth_it: stop.is_none_or(|stop| place < stop),
                size: candidate.size,
                data: candidate.data,
                layers: candidate.shape.map(|(layers, _)| layers),
                width: candidate.shape.map(|(_, width)| width),
                batch: candidate.batch,
                steps: candidate.steps,
                trunk: table.terms.shared_trunk.map(|_| candidate.trunk),
                cost: table.terms.cost(after - before),
                hours: table.terms.hours(candidate.flop),
                slot: starts.as_ref().map(|starts| starts[place].0),
                start: starts.as_ref().map(|starts| starts[place].1),
                forecast: Believed {
                    value: scale.value(middle),
                    lower: scale.value(middle - spread),
                    upper: scale.value(middle + spread),
                    waste: None,
                },
                after: judged
                    .map_or(Believed { value: f64::NAN, lower: f64::NAN, upper: f64::NAN, waste: None }, |judged| {
                        believed(judged, &path[place + 1].0, 0, z)
                    }),
                net: stop.map(|_| path[place + 1].1 - path[place + 1].2),
            }
        };
        chosen.iter().enumerate().map(run).collect()
    }

    /// What the usual designs give for the same compute, the grid also within the limits.
    fn rivals(&self, table: &Table, chosen: &[(usize, Purpose)], flop: f64) -> Result<Vec<Rival>, String> {
        if chosen.is_empty() || self.results.is_some() || table.judged.is_empty() {
            return Ok(Vec::new());
        }
        let runs: Vec<usize> = chosen.iter().map(|(run, _)| *run).collect();
        let own = left_after(&table.state, table.candidates.len(), &runs);
        let mut rivals = Vec::new();
        for grid in self.grids(table) {
            let search = Search::new(table.state.clone(), Ledger::new(&table.terms, &table.candidates), &table.aims);
            let taken = search.taken(&grid, &table.terms);
            rivals.push(rival(table, table, "isoFLOP grid within the limits", &taken.ledger, own));
        }
        // Of the grids that the limits allow the best, and the usual designs as if there were none.
        rivals.sort_by(|a, b| a.wider.total_cmp(&b.wider));
        rivals.truncate(1);
        for design in usual(flop, self.ratio(table)) {
            let run = |&(size, data): &(f64, f64)| Candidate {
                size,
                data,
                flop: FLOP_PER_PARAMETER_AND_TOKEN * size * data,
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

    /// Tokens per parameter around which the curves of a usual grid lie: the best ones of the first decision.
    fn ratio(&self, table: &Table) -> f64 {
        let best = table.judged.first().filter(|judged| judged.is_size).and_then(|judged| {
            let size = judged.plain(judged.mean(&self.beliefs.shares()));
            let flop = self.decisions.first()?.inputs.get(&self.beliefs.roles()?.compute)?;
            Some(flop / (FLOP_PER_PARAMETER_AND_TOKEN * size * size))
        });
        best.filter(|ratio| ratio.is_finite()).map_or(20.0, |ratio| ratio.clamp(1.0, 400.0))
    }

    /// What would change the advice: more noise, a law that small runs follow as well as large ones, and a wider range of
    /// data per parameter.
    fn changes(&self, table: &Table, chosen: &[(usize, Purpose)]) -> Result<Vec<Change>, String> {
        if self.results.is_some() {
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
            let (candidates, _) = wider.list(&table.terms, self.span())?;
            let other = self.table(candidates, table.judged.clone(), table.terms.clone(), counted)?;
            cases.push(("the range of data per parameter went four times further at both ends", other));
        }
        let same = |table: &Table, run: usize, other: &Candidate| {
            (table.candidates[run].size, table.candidates[run].data) == (other.size, other.data)
        };
        let mut changes = Vec::new();
        for (if_so, other) in cases {
            let runs = self.chosen(&other);
            let path = Self::path(&other, &runs);
            let per = table.judged.first().and_then(|judged| judged.per_variance);
            let is_kept = |(run, _): &&(usize, Purpose)| {
                runs.iter().any(|(another, _)| same(&other, *another, &table.candidates[*run]))
            };
            changes.push(Change {
                if_so: if_so.to_owned(),
                stop_after: stop(&path, other.is_priced),
                waste: per.map(|per| per * path[path.len() - 1].0.variance(0)),
                kept: chosen.iter().filter(is_kept).count(),
            });
        }
        Ok(changes)
    }

    /// Draws of the fit taken for the truth, one after another: the design's runs are drawn, and what is then believed of
    /// the first decision is held against it.
    fn simulated(&self, table: &Table, chosen: &[(usize, Purpose)], z: f64) -> Option<Simulated> {
        let judged = table.judged.first().filter(|_| self.results.is_none())?;
        let runs: Vec<(f64, f64)> =
            chosen.iter().map(|(run, _)| (table.candidates[*run].size, table.candidates[*run].data)).collect();
        let truths = self.beliefs.responses(&runs);
        let (mut squares, mut predicted, mut held, mut trials) = (0.0, 0.0, 0, 0);
        let target = table.candidates.len();
        let told = table.told();
        let draws = judged.values.len();
        let values = winsorised(&judged.values);
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
            squares += miss * miss;
            predicted += variance;
            held += usize::from(miss.abs() <= z * variance.sqrt());
            trials += 1;
        }
        (trials > 0 && squares > 0.0).then(|| Simulated {
            trials,
            ratio: predicted / squares,
            coverage: held as f64 / trials as f64,
        })
    }

    /// What a reader should know of the design itself.
    fn cautions(&self, table: &Table, chosen: &[(usize, Purpose)]) -> Vec<String> {
        let mut cautions = Vec::new();
        let ratios = || chosen.iter().map(|(run, _)| ln(table.candidates[*run].data / table.candidates[*run].size));
        let spread = ratios().fold(f64::NEG_INFINITY, f64::max) - ratios().fold(f64::INFINITY, f64::min);
        if self.decisions.iter().any(|d| self.beliefs.roles().is_some_and(|roles| d.question.kind().splits(roles)))
            && !chosen.is_empty()
            && spread < LEAST_SPREAD
        {
            cautions.push("The limits leave runs of about one ratio of data to parameters, which tell little of how compute is split.".to_owned());
        }
        for law in &self.beliefs.rejected {
            cautions.push(format!("The law `{law}` is left out: by Schwarz's criterion its share is below 1 %."));
        }
        if self.beliefs.members.len() == 1 && self.beliefs.rejected.is_empty() {
            cautions.push("One law is believed; that another may be right is in no interval. Name several fits to count their disagreement.".to_owned());
        }
        if chosen.is_empty() {
            cautions.push("No run is within the budget and the limits.".to_owned());
        }
        cautions
    }

    /// Takes in what came out of runs: what is believed, what is left of the budget, and what cannot be trained so.
    fn learn(&self, table: &mut Table, results: &Results) -> Result<Outcomes, String> {
        let planned = self.chosen(table);
        let matched = results.matched(&table.candidates)?;
        let sizes = |c: &Candidate| (c.size, c.data);
        // Of a configuration that is planned twice one line may be there and the other missing.
        let copies = |of: (f64, f64)| planned.iter().filter(|(run, _)| sizes(&table.candidates[*run]) == of).count();
        let lines = |of: (f64, f64)| matched.runs.iter().filter(|(_, run, ..)| sizes(run) == of).count();
        let mut configurations: Vec<usize> = planned.iter().map(|(run, _)| *run).collect();
        configurations.sort_unstable();
        configurations.dedup();
        let missing = |run: usize| {
            let of = sizes(&table.candidates[run]);
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
        let (state, outcomes) = learn(&matched, self.beliefs, joint, self.level, missing);
        let mut state = state.with_noise(&noise);
        for (_, run, status, _) in &matched.runs {
            let place = table.candidates.iter().position(|c| (c.size, c.data) == (run.size, run.data));
            if let Some(place) = place.filter(|_| *status == Status::Diverged) {
                state.close(place);
            }
        }
        table.state = state;
        table.terms = terms;
        Ok(outcomes)
    }
}

/// Least spread of the logarithm of data per parameter that tells how compute is split.
const LEAST_SPREAD: f64 = 0.7;

/// Values with those far out drawn in to a few robust standard deviations.
fn winsorised(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    if sorted.is_empty() {
        return values.to_vec();
    }
    let [low, middle, high] = [0.16, 0.5, 0.84].map(|p| crate::numerics::quantile(&sorted, p));
    let (below, above) = (middle - FARTHEST * (middle - low), middle + FARTHEST * (high - middle));
    values.iter().map(|v| v.clamp(below, above)).collect()
}

/// The candidates nearest to runs in the logarithms of size and data, the largest first.
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

/// Drops draws that have no value in some column; the shares of the others.
fn usable(values: &mut [Vec<f64>], shares: &[f64]) -> Result<Vec<f64>, String> {
    let keep: Vec<usize> = (0..shares.len()).filter(|&draw| values.iter().all(|c| c[draw].is_finite())).collect();
    if keep.len() < 2 || 2 * keep.len() < shares.len() {
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

/// The variance of a decision once runs are observed.
fn left_after(state: &State, target: usize, runs: &[usize]) -> f64 {
    let mut state = state.clone();
    runs.iter().for_each(|&run| state.observe(run));
    state.variance(target)
}

/// Another design beside one that leaves a variance of the first decision.
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

/// The columns of the decisions alone.
fn decisions_of(state: &State, table: &Table) -> State {
    state.only(&(0..table.judged.len()).map(|i| table.candidates.len() + i).collect::<Vec<_>>())
}

/// The columns of the chosen runs and of one decision.
fn only(state: &State, chosen: &[(usize, Purpose)], target: usize) -> State {
    state.only(&chosen.iter().map(|(run, _)| *run).chain([target]).collect::<Vec<_>>())
}

/// What is believed of a decision.
fn believed(judged: &Judged, state: &State, column: usize, z: f64) -> Believed {
    let (mean, variance) = (state.mean(column), state.variance(column));
    let half = z * variance.sqrt();
    Believed {
        value: judged.plain(mean),
        lower: judged.plain(mean - half),
        upper: judged.plain(mean + half),
        waste: judged.per_variance.map(|per| per * variance),
    }
}

/// The number of runs with the most saved less spent; none where a wrong decision has no price.
fn stop(path: &[(State, f64, f64)], is_priced: bool) -> Option<usize> {
    let net = |place: usize| path[place].1 - path[place].2;
    is_priced.then(|| (0..path.len()).max_by(|&a, &b| net(a).total_cmp(&net(b)).then(b.cmp(&a))).unwrap_or(0))
}

/// The name of a run: its sizes, and which of several it is.
pub(super) fn name_of(run: &Candidate, copy: usize) -> String {
    let name = format!("n{:.3e}-d{:.3e}", run.size, run.data);
    if copy > 1 { format!("{name}-{copy}") } else { name }
}

/// The advice in a sentence.
fn advice_in_words(decisions: &[Decided], value: Option<&Worth>, count: usize, total: &super::ledger::Cost) -> String {
    let money = |cost: &super::ledger::Cost| match cost.usd {
        Some(usd) => format!("${usd:.0}"),
        None => format!("{:.3e} FLOP", cost.flop),
    };
    let Some(first) = decisions.first() else { return "There is nothing to decide.".to_owned() };
    let percent = |waste: Option<f64>| waste.map_or_else(String::new, |waste| format!("{:.2} %", 100.0 * waste));
    match value {
        Some(value) if value.stop_after == 0 => format!(
            "Train no more pilot runs: a wrong choice wastes {} of the compute in expectation, and every run costs more than it saves.",
            percent(first.now.waste)
        ),
        Some(value) => format!(
            "Train {} run{} for {}: they save {} in expectation.{}",
            value.stop_after,
            if value.stop_after == 1 { "" } else { "s" },
            money(&value.spent),
            money(&value.saved),
            if value.stop_after < count { " The runs after them cost more than they save." } else { "" }
        ),
        None => format!(
            "Train {count} run{} for {}: the interval of {} goes from [{:.4e}, {:.4e}] to [{:.4e}, {:.4e}].",
            if count == 1 { "" } else { "s" },
            money(total),
            first.output,
            first.now.lower,
            first.now.upper,
            first.after.lower,
            first.after.upper
        ),
    }
}
