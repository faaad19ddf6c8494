//! A question to several laws: the laws of a fit and of its alternatives answer together, weighted by their errors when
//! the largest runs were hidden, with an error that grows beyond the rows.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fit::{cuts, numbers};
use super::written::{Laws, listed};
use super::{Failure, Inputs};
use crate::answer::{Answer, Extent, LawAnswer, Row, Stack, StackedLaw, Verdict};
use crate::dataset::Dataset;
use crate::evidence::in_words;
use crate::fit::{Candidate, Fit, HELD};
use crate::law::{Law, Tape};
use crate::numerics::{Matrix, Points, Random, exp, ln, mean};
use crate::query::{Limits, Other, Question, SeveralLaws, WeightedLaw, answer_by_several, answer_within};
use crate::warning::Warning;

/// The laws of one fit for a question that several laws answer together.
#[derive(Clone, Debug)]
pub struct Stacked {
    /// The laws as the question uses them: that of the fit, then its alternatives.
    pub laws: Vec<Arc<Law>>,
    /// The expression that orders the rows when the largest ones are hidden.
    pub along: String,
    /// The number of times that they are hidden.
    pub folds: usize,
    /// The column that defines the fit's groups.
    pub by: Option<String>,
}

/// The same with laws as indices in a list.
#[derive(Serialize, Deserialize)]
pub(super) struct WrittenStacked {
    laws: Vec<usize>,
    along: String,
    folds: usize,
    by: Option<String>,
}

impl Stacked {
    /// The settings that determine an answer.
    pub(super) fn settings(&self) -> serde_json::Value {
        serde_json::json!({
            "laws": self.laws.iter().map(|law| law.form_fingerprint()).collect::<Vec<_>>(),
            "along": self.along,
            "folds": self.folds,
            "by": self.by,
        })
    }

    pub(super) fn written(&self, laws: &mut Laws) -> WrittenStacked {
        let Self { laws: own, along, folds, by } = self;
        WrittenStacked { laws: laws.places(own), along: along.clone(), folds: *folds, by: by.clone() }
    }
}

impl WrittenStacked {
    pub(super) fn read(self, laws: &[Arc<Law>]) -> Option<Stacked> {
        let Self { laws: own, along, folds, by } = self;
        Some(Stacked { laws: listed(&own, laws)?, along, folds, by })
    }
}

/// The role of an artifact of an alternative of a fit: `fit.law1`, or `fit.other.law1` for the other fit of a comparison.
pub fn stacked_as(role: &str, of: &str, place: usize) -> String {
    format!("{role}{of}.law{place}")
}

/// Coverage of the intervals where the fit defines none.
const LEVEL: f64 = 0.9;
/// Number of draws where the fits have none.
const DRAWS: usize = 1000;

/// One law of a stack with its fit to one group.
struct Part {
    law: Arc<Law>,
    fit: Fit,
    draws: Points,
    /// Its comparison with the other laws.
    candidate: Candidate,
    /// Standard deviation of its error in ln y for each unit of logarithmic distance beyond the rows, along each size.
    error: f64,
}

/// The laws of a fit with their fits to one group.
pub(super) struct Parts {
    parts: Vec<Part>,
    /// The sizes along which errors grow, with their largest values in the rows.
    beyond: Vec<(String, f64)>,
    level: f64,
}

/// The fits of a stack in all groups.
pub(super) struct Read<'a> {
    stacked: &'a Stacked,
    /// The fits and draws of the laws, in order.
    fits: Vec<(Fit, Vec<Points>)>,
    rows: Dataset,
}

impl<'a> Read<'a> {
    /// Reads the fits of the alternatives. `own` is the fit of the first law; `of` is `.other` for the other fit of a
    /// comparison.
    pub(super) fn new(
        stacked: &'a Stacked,
        own: (Fit, Vec<Points>),
        of: &str,
        inputs: &Inputs,
    ) -> Result<Self, Failure> {
        let mut fits = vec![own];
        for place in 1..stacked.laws.len() {
            let mut fit: Fit = inputs.json(&stacked_as("fit", of, place))?;
            let draws = fit.read_draws(inputs.bytes(&stacked_as("draws", of, place))?);
            fits.push((fit, draws));
        }
        Ok(Self { stacked, fits, rows: inputs.table(&format!("rows{of}"))? })
    }

    /// The laws in one group; `None` where no law has an error by which it could be weighted.
    pub(super) fn of_group(&self, group: Option<&str>) -> Result<Option<Parts>, Failure> {
        let member = |(fit, draws): &(Fit, Vec<Points>)| {
            let mut all = fit.members().into_iter().zip(draws);
            all.find(|((name, _), _)| *name == group).map(|((_, fit), draws)| (fit.clone(), draws.clone()))
        };
        let fits: Vec<Option<(Fit, Points)>> = self.fits.iter().map(member).collect();
        let Some(Some((own, _))) = fits.first() else { return Ok(None) };
        let candidates = own.choice.iter().flat_map(|choice| choice.laws.clone());
        let level = own.level.unwrap_or(LEVEL);
        let history = History::of(self.stacked, &self.rows, group)?;
        let mut parts = Vec::new();
        for ((law, fit), candidate) in self.stacked.laws.iter().zip(fits.clone()).zip(candidates) {
            let Some((fit, draws)) = fit.filter(|(fit, _)| fit.free.len() == law.free().len()) else { continue };
            let Some(rolling) = candidate.rolling_origin else { continue };
            let error = history.error_of(law, &fit, rolling)?;
            parts.push(Part { law: Arc::clone(law), fit, draws, candidate, error });
        }
        Ok((!parts.is_empty()).then_some(Parts { parts, beyond: history.beyond, level }))
    }
}

/// The fitted rows of one group, in the order in which the largest ones were hidden.
struct History {
    rows: Dataset,
    order: Vec<f64>,
    folds: usize,
    /// The sizes along which errors grow, with their largest values.
    beyond: Vec<(String, f64)>,
}

impl History {
    fn of(stacked: &Stacked, rows: &Dataset, group: Option<&str>) -> Result<Self, Failure> {
        let held = rows.numbers(HELD).ok_or_else(|| Failure::internal("the rows of a fit lack a column"))?;
        let of_group = stacked.by.as_deref().zip(group);
        let is_of_group = |row: usize| of_group.is_none_or(|(by, group)| rows.text(by, row) == group);
        let fitted: Vec<usize> = (0..rows.rows()).filter(|&row| held[row] == 0.0 && is_of_group(row)).collect();
        let rows = rows.select(&fitted);
        let order = numbers(&rows, &stacked.along)?;
        let beyond = sizes_of(&stacked.laws, &rows);
        Ok(Self { rows, order, folds: stacked.folds, beyond })
    }

    /// The error of a law for each unit of logarithmic distance.
    ///
    /// When the largest runs are hidden, the mean square of the law's misses in ln y at a hidden row is the sum of three
    /// parts: the variance s^2 of the scatter; that of parameters fitted to the rows that remain, s^2 g' (J' J)^-1 g with
    /// the slopes g of the law at the hidden row and J at the remaining rows; and that of the law, error^2 sum h^2 with
    /// the distances h = ln(1 + x / largest remaining x) along the sizes.
    fn error_of(&self, law: &Law, fit: &Fit, rolling: f64) -> Result<f64, Failure> {
        let (misses, slopes) = self.around(law, fit)?;
        let parameters = fit.free.len();
        let freedom = misses.len().saturating_sub(parameters).max(1) as f64;
        let scatter = misses.iter().map(|miss| miss * miss).sum::<f64>() / freedom;
        let (mut by_chance, mut distances) = (Vec::new(), Vec::new());
        for up_to in cuts(&self.order, self.folds, law.free().len() + 2) {
            let (known, later): (Vec<usize>, Vec<usize>) =
                (0..self.order.len()).partition(|&row| self.order[row] <= up_to);
            let factor = normal_factor(known.iter().map(|&row| &slopes[row]), parameters);
            let columns = self.beyond.iter().filter_map(|(name, _)| self.rows.numbers(name));
            let columns: Vec<(&[f64], f64)> =
                columns.map(|column| (column, known.iter().map(|&row| column[row]).fold(0.0, f64::max))).collect();
            for row in later {
                // Where the remaining rows do not identify the law, a miss says nothing about its error.
                let of_parameters = factor.as_ref().map_or(f64::INFINITY, |factor| {
                    factor.solve_lower(slopes[row].clone()).iter().map(|part| part * part).sum()
                });
                by_chance.push(scatter * (1.0 + of_parameters));
                distances.push(columns.iter().map(|(column, most)| distance(column[row], *most)).map(|h| h * h).sum());
            }
        }
        let of_law = (rolling * rolling - mean(&by_chance)).max(0.0);
        let error = (of_law / mean(&distances)).sqrt();
        Ok(if error.is_finite() { error } else { 0.0 })
    }

    /// ln(prediction / observation) of each row, and the slopes of ln y by the parameters there.
    fn around(&self, law: &Law, fit: &Fit) -> Result<(Vec<f64>, Vec<Vec<f64>>), Failure> {
        let missing = || Failure::internal("the rows of a fit lack a column");
        let columns: Vec<&[f64]> =
            law.variables.iter().map(|v| self.rows.numbers(&v.name)).collect::<Option<_>>().ok_or_else(missing)?;
        let observed = self.rows.numbers(&law.response).ok_or_else(missing)?;
        let tape: Tape = law.tape();
        let rows = tape.rows(&tape.bind(&columns, observed.len()), &fit.free);
        let of_row = |((value, slopes), y): ((f64, Vec<f64>), &f64)| {
            (ln(value / y), slopes.into_iter().map(|slope| slope / value).collect())
        };
        Ok(rows.into_iter().zip(observed).map(of_row).unzip())
    }
}

/// The Cholesky factor of J' J for rows of slopes; `None` where the rows do not identify the parameters.
fn normal_factor<'a>(rows: impl Iterator<Item = &'a Vec<f64>>, parameters: usize) -> Option<Matrix> {
    let mut normal = Matrix::zeros(parameters);
    for slopes in rows {
        for i in 0..parameters {
            for k in 0..parameters {
                normal[(i, k)] += slopes[i] * slopes[k];
            }
        }
    }
    normal.cholesky()
}

/// The logarithmic distance of a size beyond the largest known one; it vanishes far below that.
fn distance(size: f64, largest: f64) -> f64 {
    ln(1.0 + size / largest)
}

/// The sizes along which the errors of laws grow, with their largest values: model size, data and compute, or all
/// variables that are not shares where a law has none of these.
fn sizes_of(laws: &[Arc<Law>], rows: &Dataset) -> Vec<(String, f64)> {
    let Some(first) = laws.first() else { return Vec::new() };
    let decided = first.roles.decided();
    let names: Vec<&str> = first.sizes().map(|variable| variable.name.as_str()).collect();
    let of_role: Vec<&str> = names.iter().copied().filter(|name| decided.contains(name)).collect();
    let names = if of_role.is_empty() { names } else { of_role };
    let largest = |name: &&str| {
        let column = rows.numbers(name)?;
        let most = column.iter().copied().fold(0.0, f64::max);
        let is_size = first.mixture_of(name).is_none() && column.iter().all(|value| *value > 0.0);
        is_size.then(|| ((*name).to_owned(), most))
    };
    names.iter().filter_map(largest).collect()
}

impl Parts {
    /// The answer of the laws together, with that of each law. `other` are the laws of the other fit of a comparison.
    pub(super) fn answer(
        &self,
        question: &Question,
        limits: Option<&Limits>,
        other: Option<&Self>,
        seed: u64,
    ) -> (Answer, Stack) {
        let alone: Vec<Answer> = self.parts.iter().map(|part| part.alone(question, limits, other, seed)).collect();
        // Rows with the same laws are answered at once.
        let mut by_laws: BTreeMap<Vec<bool>, Answer> = BTreeMap::new();
        let mut answer = Answer { rows: Vec::new(), warnings: Vec::new(), ..alone[0].clone() };
        for row in 0..alone[0].rows.len() {
            // A law takes no part where the rows do not identify its answer, or where it cannot be asked.
            let parts: Vec<bool> = alone.iter().map(|alone| is_told(&alone.rows[row])).collect();
            let together = match by_laws.entry(parts) {
                Entry::Occupied(found) => found.into_mut(),
                Entry::Vacant(place) => {
                    let found = self.of_some(place.key(), question, limits, other, seed);
                    let found = found.unwrap_or_else(|| alone[0].clone());
                    let new = found.warnings.iter().filter(|warning| !answer.warnings.contains(warning));
                    let new: Vec<Warning> = new.cloned().collect();
                    answer.warnings.extend(new);
                    place.insert(found)
                }
            };
            answer.rows.push(together.rows[row].clone());
        }
        answer.interval = Some(self.described(question.member().is_measured()));
        answer.warnings.extend(self.left_out(&alone));
        let sum: f64 = self.parts.iter().map(|part| part.candidate.share).sum();
        let law = |(part, alone): (&Part, &Answer)| StackedLaw {
            law: part.law.name.clone(),
            share: part.candidate.share / sum,
            error: part.candidate.rolling_origin,
            beyond: part.error,
            answers: alone.rows.iter().map(LawAnswer::from).collect(),
        };
        let laws = self.parts.iter().zip(&alone).map(law).collect();
        (answer, Stack { beyond: self.beyond.iter().cloned().collect(), laws })
    }

    /// The answer of some of the laws; `None` if there are none.
    fn of_some(
        &self,
        parts: &[bool],
        question: &Question,
        limits: Option<&Limits>,
        other: Option<&Self>,
        seed: u64,
    ) -> Option<Answer> {
        let own = self.together(parts, seed)?;
        let other = other.and_then(|other| other.together(&vec![true; other.parts.len()], seed.wrapping_add(1)));
        Some(answer_by_several(question, limits, &own, other.as_ref(), seed))
    }

    /// The laws that take part as one distribution. The estimate is that of their weighted geometric mean, and each draw
    /// is a draw of one law with an error beyond the rows.
    fn together(&self, parts: &[bool], seed: u64) -> Option<SeveralLaws> {
        let parts: Vec<&Part> =
            self.parts.iter().zip(parts).filter(|(_, takes)| **takes).map(|(part, _)| part).collect();
        let sum: f64 = parts.iter().map(|part| part.candidate.share).sum();
        let weighted: Vec<(&Law, f64)> = parts
            .iter()
            .map(|part| (&*part.law, part.candidate.share / sum))
            .filter(|(_, share)| *share > 0.0)
            .collect();
        let counted: Vec<&&Part> = parts.iter().filter(|part| part.candidate.share > 0.0).collect();
        let first = counted.first()?;
        let count = parts.iter().map(|part| part.draws.len()).max().filter(|count| *count > 0).unwrap_or(DRAWS);
        let mut random = Random::new(seed, "error of laws", 0);
        let errors: Vec<Vec<f64>> = (0..count).map(|_| self.beyond.iter().map(|_| random.normal()).collect()).collect();
        let law = |part: &&Part| {
            let draw = |(i, errors): (usize, &Vec<f64>)| {
                let own = if part.draws.is_empty() { &part.fit.free[..] } else { &part.draws[i % part.draws.len()] };
                own.iter().copied().chain(errors.iter().map(|normal| part.error * normal)).collect::<Vec<f64>>()
            };
            WeightedLaw {
                law: part.law.with_error(&self.beyond),
                free: part.fit.free.iter().copied().chain(self.beyond.iter().map(|_| 0.0)).collect(),
                draws: errors.iter().enumerate().map(draw).collect(),
                share: part.candidate.share / sum,
            }
        };
        let mut fit = Fit {
            free: counted.iter().flat_map(|part| part.fit.free.iter().copied()).collect(),
            flat: Vec::new(),
            equals: Vec::new(),
            far: Vec::new(),
            too_few_settings: Vec::new(),
            level: Some(self.level),
            ..first.fit.clone()
        };
        fit.evidence.converged = counted.iter().all(|part| part.fit.evidence.converged);
        Some(SeveralLaws { law: Law::pooled(&weighted)?, fit, laws: parts.iter().map(law).collect(), count })
    }

    /// What the intervals include; those of a measured response include the scatter of the rows.
    fn described(&self, is_measured: bool) -> String {
        let errors: Vec<String> = self
            .parts
            .iter()
            .map(|part| format!("{:.2} % for {}", 100.0 * (exp(part.error) - 1.0), part.law.name))
            .collect();
        let sizes: Vec<&str> = self.beyond.iter().map(|(name, _)| name.as_str()).collect();
        let parameters = match (self.parts.iter().all(|part| part.draws.is_empty()), is_measured) {
            (true, _) => "",
            (false, true) => "their parameters, the scatter of the rows, ",
            (false, false) => "their parameters, ",
        };
        format!(
            "{:.0} % interval of {} laws stacked: {parameters}their disagreement, and their error beyond the rows, which grows by {} for each factor of e in {}, as when the largest runs were hidden",
            100.0 * self.level,
            self.parts.len(),
            in_words(&errors),
            in_words(&sizes)
        )
    }

    /// Warnings about laws that take no part in an answer.
    fn left_out(&self, alone: &[Answer]) -> Vec<Warning> {
        let reason = |(part, alone): (&Part, &Answer)| {
            let row = alone.rows.iter().find(|row| !is_told(row))?;
            let why = row.note.clone().unwrap_or_else(|| "the rows do not identify its answer".to_owned());
            Some(format!("The law `{}` takes no part: {why}.", part.law.name).into())
        };
        self.parts.iter().zip(alone).filter_map(reason).collect()
    }
}

impl Part {
    /// The answer of the law by itself; in a comparison, to the law of the same name, or to the other fit's own law.
    fn alone(&self, question: &Question, limits: Option<&Limits>, other: Option<&Parts>, seed: u64) -> Answer {
        let beside = other.and_then(|other| {
            let same = other.parts.iter().find(|other| other.law.name == self.law.name);
            let Self { law, fit, draws, .. } = same.or_else(|| other.parts.first())?;
            Some(Other { law, fit, draws })
        });
        let Err(faults) = question.member().check(&self.law) else {
            return answer_within(question, limits, &self.law, &self.fit, &self.draws, beside, seed);
        };
        let why: Vec<String> = faults.into_iter().map(|fault| fault.message).collect();
        let reach = Extent::without_distance(Verdict::NotFitted);
        let row = |inputs| Row {
            group: None,
            inputs,
            outputs: BTreeMap::new(),
            reach: reach.clone(),
            note: Some(why.join("; ")),
            partly: false,
            answered: None,
        };
        Answer {
            kind: question.name().to_owned(),
            interval: None,
            rows: question.member().rows(&self.law.roles).into_iter().map(row).collect(),
            forecasts: BTreeMap::new(),
            stacks: BTreeMap::new(),
            caveats: BTreeMap::new(),
            warnings: Vec::new(),
        }
    }
}

/// Whether the rows identify an answer, or its absence.
fn is_told(row: &Row) -> bool {
    !matches!(row.reach.verdict, Verdict::NotIdentified | Verdict::NotFitted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Interval;
    use crate::fit::Span;
    use crate::law::Variable;

    /// The largest x of the rows.
    const LARGEST: f64 = 1e6;

    /// The law y = a / x^b with draws of its parameters.
    fn part(name: &str, free: [f64; 2], draws: &[[f64; 2]], share: f64, error: f64) -> Part {
        let law = Law::from_formula(name, "y = a / x^b", &[Variable::plain("x")]).unwrap();
        let spans = BTreeMap::from([("x".to_owned(), Span { lowest: 1e3, highest: LARGEST })]);
        let fit = Fit { free: free.to_vec(), rows: 10, level: Some(0.9), spans, draws: draws.len(), ..Fit::default() };
        let candidate = serde_json::json!({
            "law": name, "parameters": {}, "objective": 0.0, "aicc": null, "bic": 0.0, "k_fold": null,
            "rolling_origin": 0.01, "share": share, "ahead": null,
        });
        let candidate = serde_json::from_value(candidate).unwrap();
        Part { law: Arc::new(law), fit, draws: draws.iter().map(|draw| draw.to_vec()).collect(), candidate, error }
    }

    fn parts(parts: Vec<Part>) -> Parts {
        Parts { parts, beyond: vec![("x".to_owned(), LARGEST)], level: 0.9 }
    }

    /// The x at which the laws reach a response, with its interval.
    fn reached(parts: &Parts, y: f64) -> Interval {
        let question: Question =
            serde_json::from_value(serde_json::json!({ "reach": { "y": y, "solve": "x" } })).unwrap();
        let (answer, _) = parts.answer(&question, None, None, 1);
        answer.rows[0].outputs["solution"]
    }

    /// Draws of the exponent around 0.1.
    fn draws(count: usize) -> Vec<[f64; 2]> {
        let place = |i: usize| (i as f64 + 0.5) / count as f64;
        (0..count).map(|i| [4.0, 0.1 + 0.002 * crate::numerics::normal_quantile(place(i))]).collect()
    }

    #[test]
    fn two_laws_that_are_one_give_its_answer_and_a_law_without_a_share_changes_nothing() {
        let free = [4.0, 0.1];
        let alone = reached(&parts(vec![part("one", free, &draws(200), 1.0, 0.0)]), 0.5);
        let twin = [part("one", free, &draws(200), 0.3, 0.0), part("twin", free, &draws(200), 0.7, 0.0)];
        let twins = reached(&parts(twin.into_iter().collect()), 0.5);
        // (4 / 0.5)^10 and the same at the 5 % and 95 % quantiles of the exponent.
        let at = |b: f64| libm::pow(8.0, 1.0 / b);
        assert!((alone.value.unwrap() / at(0.1) - 1.0).abs() < 1e-9);
        assert!((alone.lower.unwrap() / at(0.1 + 0.002 * 1.645) - 1.0).abs() < 0.03, "{alone:?}");
        for (one, other) in [(alone.value, twins.value), (alone.lower, twins.lower), (alone.upper, twins.upper)] {
            assert!((one.unwrap() / other.unwrap() - 1.0).abs() < 1e-9, "{alone:?} {twins:?}");
        }
        let other = part("other", [9.0, 0.3], &[[9.0, 0.3]], 0.0, 0.5);
        let without = vec![part("one", free, &draws(200), 1.0, 0.0), other];
        assert_eq!(reached(&parts(without), 0.5), alone);
    }

    #[test]
    fn the_value_is_where_the_weighted_mean_of_the_logarithms_is_the_target_and_lies_in_the_interval() {
        let (one, other) = ([4.0, 0.1], [3.0, 0.07]);
        let both =
            parts(vec![part("one", one, &draws(200), 0.8, 0.01), part("other", other, &[[3.0, 0.07]; 200], 0.2, 0.02)]);
        let Interval { value, lower, upper } = reached(&both, 0.6);
        let x = value.unwrap();
        let ln_y = 0.8 * libm::log(4.0 / libm::pow(x, 0.1)) + 0.2 * libm::log(3.0 / libm::pow(x, 0.07));
        assert!((ln_y - libm::log(0.6)).abs() < 1e-9, "{ln_y}");
        assert!(lower.unwrap() < x && x < upper.unwrap());
        // A fifth of the draws are of the other law, which reaches the target at (3 / 0.6)^(1 / 0.07) = 1e10.
        assert!(upper.unwrap() > 5e9, "{upper:?}");
    }

    #[test]
    fn an_error_of_a_law_moves_an_end_to_where_the_law_with_that_error_reaches_the_target() {
        let error = 0.01;
        let known = parts(vec![part("one", [4.0, 0.1], &[[4.0, 0.1]; 4000], 1.0, error)]);
        let Interval { value, lower, upper } = reached(&known, 0.5);
        let miss =
            |x: f64, u: f64| libm::log(4.0 / libm::pow(x, 0.1)) + u * libm::log(1.0 + x / LARGEST) - libm::log(0.5);
        for (end, u) in [(value, 0.0), (lower, -1.645 * error), (upper, 1.645 * error)] {
            let at = libm::log(end.unwrap());
            // The end as ln x, by Newton's step from it.
            let slope = (miss(libm::exp(at + 1e-6), u) - miss(libm::exp(at - 1e-6), u)) / 2e-6;
            assert!((miss(end.unwrap(), u) / slope).abs() < 0.06, "{end:?} {u}");
        }
        // Far inside the rows, the error vanishes.
        let inside = reached(&known, 1.9);
        assert!((inside.upper.unwrap() / inside.lower.unwrap() - 1.0).abs() < 0.01, "{inside:?}");
    }
}
