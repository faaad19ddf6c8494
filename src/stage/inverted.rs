//! Questions about a forecast by several laws other than the response: the size that reaches one, and the best split of a
//! budget.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Failure;
use crate::answer::{Account, Answer, Interval, Row, Verdict};
use crate::dataset::Dataset;
use crate::fit::{Fit, HELD};
use crate::forecast::{
    Budgeted, Forecaster, Line, Measured, NoForecast, Reached, as_size, ends_of_split, middle_of, split_at,
};
use crate::law::{FLOP_PER_PARAMETER_AND_TOKEN, Law};
use crate::numeral;
use crate::numerics::{exp, ln};
use crate::query::{ByForecast, Question, can_split, extent};

/// Settings of the default forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ByDefault {
    /// The response at chance level, where known.
    pub ceiling: Option<f64>,
    /// The column that defines the fit's groups.
    pub by: Option<String>,
}

/// Largest distance of an answer from the rows, as a factor.
const FARTHEST: f64 = 1e6;
/// Distance of the budgets whose best splits are searched, in ln C; between them, ln(size / data) is interpolated.
const APART: f64 = 2.0;

/// A question to a forecast, with the rows from which it is made.
struct Inverted<'a> {
    law: &'a Law,
    forecaster: Forecaster,
    /// The rows, by variable.
    columns: BTreeMap<&'a str, Vec<f64>>,
    level: f64,
    seed: u64,
}

/// The outcome of one row: its outputs and the values of all variables, or why there is none, with an interval that may
/// have an end nevertheless.
type Outcome = Result<(BTreeMap<String, Interval>, BTreeMap<String, f64>), (Verdict, String, Option<Interval>)>;

/// The columns of the law's variables and of its response in the fitted rows; `of_group` selects one group by its column
/// and value.
pub(super) fn measured(
    law: &Law,
    rows: &Dataset,
    of_group: Option<(&str, &str)>,
) -> Result<(Vec<Vec<f64>>, Vec<f64>), Failure> {
    let no_column = || Failure::internal("the rows of a fit lack a column");
    let held = rows.numbers(HELD).ok_or_else(no_column)?;
    let is_of_group = |row: usize| of_group.is_none_or(|(by, group)| rows.text(by, row) == group);
    let fitted: Vec<usize> = (0..rows.rows()).filter(|&row| held[row] == 0.0 && is_of_group(row)).collect();
    let fitted = rows.select(&fitted);
    let column = |name: &str| fitted.numbers(name).map(<[f64]>::to_vec).ok_or_else(no_column);
    let columns = law.variables.iter().map(|v| column(&v.name)).collect::<Result<_, Failure>>()?;
    Ok((columns, column(&law.response)?))
}

/// The largest response of a fit, if the response is a share.
pub(super) fn whole(fit: &Fit) -> Option<f64> {
    fit.range.map(|[_, most]| most)
}

/// Replaces the answer of the fit's law by that of a forecast; `None` if there is no forecast, with the reason.
pub(super) fn by_inverse(
    question: &Question,
    law: &Law,
    by_default: &ByDefault,
    rows: &Dataset,
    (fit, group): (&Fit, Option<&str>),
    (level, seed): (f64, u64),
    answer: &mut Answer,
) -> Result<Result<Account, NoForecast>, Failure> {
    let of_group = by_default.by.as_deref().zip(group);
    let (sizes, responses) = measured(law, rows, of_group)?;
    let columns: Vec<Vec<f64>> = law
        .variables
        .iter()
        .zip(&sizes)
        .map(|(v, column)| column.iter().map(|x| as_size(v.name == law.roles.compute, *x)).collect())
        .collect();
    let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let known = Measured { sizes: &views, responses: &responses, ceiling: by_default.ceiling, whole: whole(fit) };
    let forecaster = match Forecaster::of(&known) {
        Ok(forecaster) => forecaster,
        Err(reason) => return Ok(Err(reason)),
    };
    let largest: Vec<f64> = views.iter().map(|column| column.iter().copied().fold(0.0, f64::max)).collect();
    let account = match forecaster.at(&[largest], level) {
        Ok((_, account)) => account,
        Err(reason) => return Ok(Err(reason)),
    };
    let names = law.variables.iter().map(|v| v.name.as_str());
    let inverted = Inverted { law, forecaster, columns: names.zip(sizes).collect(), level, seed };
    let splits = question.member().splits(&law.roles);
    for row in &mut answer.rows {
        let outcome = match question.member().by_forecast() {
            Some(ByForecast::Reaching(solve)) => inverted.reach(solve, &row.inputs),
            Some(ByForecast::Splitting) => inverted.split(&row.inputs),
            _ => continue,
        };
        fill(row, outcome, |at| extent(fit, at, splits, law));
    }
    let percent = 100.0 * level;
    answer.interval = Some(match question.member().by_forecast() {
        Some(ByForecast::Splitting) => format!(
            "{percent:.0} % interval of the split: the members and their windows, their parameters, and the slope of their common error; that of the response is a prediction interval of one run"
        ),
        _ => format!(
            "{percent:.0} % interval of the size at which one run reaches the response: where the lower and the upper end of the forecast by several laws reach it"
        ),
    });
    Ok(Ok(account))
}

/// Puts an outcome into a row.
fn fill(row: &mut Row, outcome: Outcome, extent: impl Fn(&BTreeMap<String, f64>) -> crate::answer::Extent) {
    row.outputs.clear();
    row.answered = None;
    row.partly = false;
    match outcome {
        Ok((outputs, at)) => {
            row.outputs = outputs;
            row.note = None;
            row.reach = extent(&at);
        }
        Err((verdict, reason, open)) => {
            row.reach = crate::answer::Extent::without_distance(verdict);
            row.note = Some(reason);
            row.outputs.extend(open.map(|open| ("solution".to_owned(), open)));
        }
    }
}

fn no_forecast(NoForecast(reason): NoForecast) -> (Verdict, String, Option<Interval>) {
    (Verdict::NotForecast, format!("no forecast: {reason}"), None)
}

fn exact(value: f64) -> Interval {
    Interval { value: Some(value), lower: None, upper: None }
}

impl Inverted<'_> {
    /// The sizes of a forecast at values of the law's variables.
    fn sizes(&self, value: impl Fn(&str) -> f64) -> Vec<f64> {
        let size = |name: &str| as_size(name == self.law.roles.compute, value(name));
        self.law.variables.iter().map(|v| size(&v.name)).collect()
    }

    /// The names of model size and data, where a budget is split between them.
    fn pair(&self) -> Option<[&str; 2]> {
        self.law.roles.sizes().filter(|_| can_split(self.law))
    }

    /// The sizes of a forecast for a model size and data.
    fn at_split(&self, [size, data]: [&str; 2], [n, d]: [f64; 2]) -> Vec<f64> {
        self.sizes(|name| {
            if name == size {
                n
            } else if name == data {
                d
            } else {
                f64::NAN
            }
        })
    }

    /// ln(size / data) of the best split of a budget.
    fn best_split(&self, pair: [&str; 2], flop: f64) -> Result<f64, NoForecast> {
        let sizes = |place: f64| self.at_split(pair, split_at(flop, place));
        self.forecaster.best_split(&Budgeted { sizes: &sizes, middle: self.middle(pair) })
    }

    fn middle(&self, [size, data]: [&str; 2]) -> f64 {
        middle_of(&self.columns[size], &self.columns[data])
    }

    /// The compute of each row.
    fn flop(&self, [size, data]: [&str; 2]) -> Vec<f64> {
        let pairs = self.columns[size].iter().zip(&self.columns[data]);
        pairs.map(|(n, d)| FLOP_PER_PARAMETER_AND_TOKEN * n * d).collect()
    }

    fn reach(&self, solve: &str, inputs: &BTreeMap<String, f64>) -> Outcome {
        let target = inputs[&self.law.response];
        let budget = self.pair().filter(|_| solve == self.law.roles.compute);
        let rows = budget.map_or_else(|| self.columns[solve].clone(), |pair| self.flop(pair));
        let (low, high) = rows.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), x| (low.min(*x), high.max(*x)));
        let range = [ln(low), ln(FARTHEST * high)];
        let of_budget = match budget {
            Some(pair) if !inputs.contains_key(pair[0]) => Some(self.splits_between(pair, range).map_err(no_forecast)?),
            _ => None,
        };
        let sizes = |log: f64| -> Result<Vec<f64>, NoForecast> {
            Ok(match (budget, &of_budget) {
                (Some(pair), Some(known)) => self.at_split(pair, split_at(exp(log), between(known, log))),
                (Some(pair), None) => {
                    let n = inputs[pair[0]];
                    self.at_split(pair, [n, exp(log) / (FLOP_PER_PARAMETER_AND_TOKEN * n)])
                }
                (None, _) => self.sizes(|name| if name == solve { exp(log) } else { inputs[name] }),
            })
        };
        let line = Line { sizes: &sizes, range };
        let [value, lower, upper] = self.forecaster.reached(&line, target, self.level).map_err(no_forecast)?;
        let end = |reached: Reached| match reached {
            Reached::At(log) => Some(exp(log)),
            Reached::AtOnce | Reached::Never => None,
        };
        let response =
            |log: f64| -> Result<f64, NoForecast> { Ok(self.forecaster.prediction(&sizes(log)?, self.level)?.value) };
        match value {
            Reached::AtOnce => {
                let least = response(range[0]).map_err(no_forecast)?;
                Err((
                    Verdict::NotReachable,
                    format!(
                        "the forecast is below {} at every {solve} of the rows: it is {least:.4} at {solve} = {low:.3e}",
                        numeral::exact(target)
                    ),
                    None,
                ))
            }
            Reached::Never => {
                let last = response(range[1]).map_err(no_forecast)?;
                let reason = format!(
                    "not reachable: the forecast is still {last:.4} at {solve} = {:.3e}, a million times the largest of the rows",
                    FARTHEST * high
                );
                let open = end(lower).map(|lower| Interval { value: None, lower: Some(lower), upper: None });
                let also = open.and_then(|open| open.lower).map_or_else(String::new, |from| {
                    format!("; the lower end of the forecast reaches it from {solve} = {from:.3e} on")
                });
                Err((Verdict::NotReachable, format!("{reason}{also}"), open))
            }
            Reached::At(log) => {
                let found = exp(log);
                let solution = Interval { value: Some(found), lower: end(lower), upper: end(upper) };
                let mut outputs = BTreeMap::from([("solution".to_owned(), solution)]);
                let mut at = inputs.clone();
                at.remove(&self.law.response);
                at.insert(solve.to_owned(), found);
                if let Some(pair) = budget {
                    let [n, d] = match inputs.get(pair[0]) {
                        Some(n) => [*n, found / (FLOP_PER_PARAMETER_AND_TOKEN * n)],
                        None => split_at(found, self.best_split(pair, found).map_err(no_forecast)?),
                    };
                    at.extend(pair.map(str::to_owned).into_iter().zip([n, d]));
                    outputs.extend(pair.map(str::to_owned).into_iter().zip([n, d].map(exact)));
                }
                Ok((outputs, at))
            }
        }
    }

    /// Best splits of budgets over a range of ln C.
    fn splits_between(&self, pair: [&str; 2], [low, high]: [f64; 2]) -> Result<Vec<(f64, f64)>, NoForecast> {
        let steps = ((high - low) / APART).ceil().max(1.0);
        let log = |i: usize| low + (high - low) * (i as f64 / steps);
        let split = |log: f64| {
            let sizes = |place: f64| self.at_split(pair, split_at(exp(log), place));
            self.forecaster.near_split(&Budgeted { sizes: &sizes, middle: self.middle(pair) })
        };
        (0..=steps as usize).map(|i| Ok((log(i), split(log(i))?))).collect()
    }

    fn split(&self, inputs: &BTreeMap<String, f64>) -> Outcome {
        let compute = self.law.roles.compute.as_str();
        let nothing = || no_forecast(NoForecast("the law has not both a model size and data".to_owned()));
        let pair = self.pair().ok_or_else(nothing)?;
        let flop = inputs[compute];
        let place = self.best_split(pair, flop).map_err(no_forecast)?;
        let sizes = |place: f64| self.at_split(pair, split_at(flop, place));
        let draws = self.forecaster.splits(&Budgeted { sizes: &sizes, middle: self.middle(pair) }, self.seed);
        let ends = ends_of_split(place, &draws, self.level);
        let found = split_at(flop, place);
        let [smallest, largest] = [ends.map(|ends| split_at(flop, ends.0)), ends.map(|ends| split_at(flop, ends.1))];
        let response = self.forecaster.prediction(&sizes(place), self.level).map_err(no_forecast)?;
        let of =
            |value: f64, low: Option<f64>, high: Option<f64>| Interval { value: Some(value), lower: low, upper: high };
        let outputs = BTreeMap::from([
            (pair[0].to_owned(), of(found[0], smallest.map(|s| s[0]), largest.map(|s| s[0]))),
            (pair[1].to_owned(), of(found[1], largest.map(|s| s[1]), smallest.map(|s| s[1]))),
            ("loss".to_owned(), response.into()),
        ]);
        let mut at = inputs.clone();
        at.extend(pair.map(str::to_owned).into_iter().zip(found));
        Ok((outputs, at))
    }
}

/// A value between known ones, interpolated.
fn between(known: &[(f64, f64)], x: f64) -> f64 {
    let after = known.partition_point(|(at, _)| *at < x).clamp(1, known.len() - 1);
    let ((low, one), (high, other)) = (known[after - 1], known[after]);
    one + (other - one) * (x - low) / (high - low)
}
