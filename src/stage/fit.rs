//! Fit: a table and a law to estimated parameters, evidence, and draws.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Context, Failure, Inputs, Stage, json_bytes, name_rows};
use crate::artifact::Outputs;
use crate::dataset::{Column, Dataset};
use crate::evidence;
use crate::fit::{Estimate, Evidence, Fit, HELD, Holdout, PREDICTED, RESIDUAL, Span, Status};
use crate::law::{Law, Tape, Treatment};
use crate::numerics::{LANES, Random, ln, mean, median, normal_quantile, quantile, standard_deviation};
use crate::objective::{Objective, ResponseScale};
use crate::problem::Problem;
use crate::query::FLOP_PER_PARAMETER_AND_TOKEN;
use crate::solver::search;
use crate::source::Missing;
use crate::uncertainty::{Draws, Fitted, Uncertainty};

/// Fits a law to rows.
#[derive(Clone, Debug)]
pub struct FitLaw {
    /// The law.
    pub law: Law,
    /// What is minimised.
    pub objective: Objective,
    /// Where intervals come from.
    pub uncertainty: Option<Uncertainty>,
    /// Rows for which this holds are scored, never fitted.
    pub holdout: Option<String>,
    /// Seed of the study.
    pub seed: u64,
    /// What to do with a row that the law cannot take.
    pub missing: Missing,
    /// Whether there are rows.
    pub has_rows: bool,
    /// Names of the source's files, for messages.
    pub files: Vec<String>,
}

impl Stage for FitLaw {
    fn kind(&self) -> &'static str {
        "fit"
    }

    fn impl_rev(&self) -> u32 {
        1
    }

    fn settings(&self) -> serde_json::Value {
        serde_json::json!({
            "law": self.law.fingerprint(),
            "objective": self.objective,
            "uncertainty": self.uncertainty,
            "holdout": self.holdout,
            // Without random numbers the seed decides nothing.
            "seed": self.uncertainty.as_ref().map(|_| self.seed),
            "missing": self.missing,
            "rows": self.has_rows,
            "numerics": crate::numerics::NUMERICS_REV,
        })
    }

    fn run(&self, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, Failure> {
        if !self.has_rows {
            let fit = self.without_rows();
            return outputs(&fit, &[], &Dataset::default());
        }
        let mut data = inputs.table("table")?;
        let mut warnings = Vec::new();
        self.settle_unusable(&mut data, &mut warnings)?;
        let held = self.held(&data)?;
        let fitted_rows: Vec<usize> = (0..data.rows()).filter(|&row| !held[row]).collect();
        let train = data.select(&fitted_rows);
        if train.rows() == 0 {
            return Err(
                Failure::new("no-rows", "no rows are left to fit").hint("look at the filter's rules and the holdout")
            );
        }
        let tape = self.law.tape();
        let columns = self.variables(&train)?;
        let response = self.response(&train)?;
        let problem = Problem::new(&self.law, &self.objective, &columns, response, None);
        let found = search(&problem, &self.law, context.cancelled, context.tick)?;
        warnings.extend(evidence::of_search(&found));
        let Some(best) = found.optima.first() else {
            return Err(Failure::new(
                "no-optimum",
                format!("the law `{}` is not finite at any start", self.law.formula),
            )
            .hint("give the parameters other starts or bounds"));
        };
        let by_name: BTreeMap<&str, &[f64]> =
            self.law.variables.iter().map(|v| v.name.as_str()).zip(columns.iter().copied()).collect();
        let rays = evidence::rays(&by_name);
        let shape = evidence::shape(&problem, &self.law, &best.point, &rays);
        warnings.extend(shape.warnings);
        let draws = self.draw(&problem, &best.point, context)?;
        warnings.extend(draws.warnings.iter().cloned());
        let points: Vec<Vec<f64>> = draws.points.iter().map(|point| problem.parameters(point)).collect();
        let free = problem.parameters(&best.point);
        let noise = noise(&problem.residuals(&best.point), free.len());
        let level = self.uncertainty.as_ref().map(|u| u.method().level());
        let test = data.select(&(0..data.rows()).filter(|&row| held[row]).collect::<Vec<_>>());
        let holdout = self.score(&tape, &test, &free, &points, &noise, level)?;
        warnings.extend(holdout.as_ref().and_then(|h| too_narrow(h, level)));
        let fit = Fit {
            law: self.law.name.clone(),
            formula: self.law.formula.clone(),
            rows: train.rows(),
            objective: Some(best.cost),
            objective_kind: self.objective.describe(),
            scale: self.objective.scale(),
            parameters: self.estimates(&free, &points, &shape.statuses, level),
            evidence: Evidence {
                converged: best.converged,
                gradient_norm: Some(shape.gradient_norm),
                starts: found.starts,
                grid_points: found.grid,
                starts_at_best: best.starts,
                optima: found.optima.iter().filter(|o| o.converged).take(10).map(|o| o.cost).collect(),
                condition_number: shape.condition_number,
                warnings,
            },
            holdout,
            uncertainty: self.uncertainty.as_ref().map(|u| u.method().describe()),
            level,
            spans: spans(&by_name, &train),
            rays,
            noise,
            free,
        };
        let rows = self.rows(&tape, data, &held, &fit)?;
        outputs(&fit, &points, &rows)
    }
}

fn outputs(fit: &Fit, draws: &[Vec<f64>], rows: &Dataset) -> Result<Outputs, Failure> {
    let draws: Vec<u8> = draws.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
    let rows = crate::source::to_bytes(rows).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(BTreeMap::from([
        ("fit".to_owned(), json_bytes(fit)?),
        ("draws".to_owned(), Arc::new(draws)),
        ("rows".to_owned(), Arc::new(rows)),
    ]))
}

/// Draws of `size` free parameters from the bytes of the artifact.
pub(super) fn read_draws(bytes: &[u8], size: usize) -> Vec<Vec<f64>> {
    let values: Vec<f64> =
        bytes.chunks_exact(8).map(|chunk| f64::from_le_bytes(<[u8; 8]>::try_from(chunk).unwrap_or_default())).collect();
    if size == 0 { Vec::new() } else { values.chunks_exact(size).map(<[f64]>::to_vec).collect() }
}

impl FitLaw {
    /// A law whose constants are given.
    fn without_rows(&self) -> Fit {
        let free = Vec::new();
        Fit {
            law: self.law.name.clone(),
            formula: self.law.formula.clone(),
            rows: 0,
            objective: None,
            objective_kind: "nothing: every parameter is fixed".to_owned(),
            scale: self.objective.scale(),
            parameters: self.estimates(&free, &[], &[], None),
            evidence: Evidence { converged: true, ..Evidence::default() },
            holdout: None,
            uncertainty: None,
            level: None,
            spans: BTreeMap::new(),
            rays: Vec::new(),
            noise: Vec::new(),
            free,
        }
    }

    fn variables<'a>(&self, data: &'a Dataset) -> Result<Vec<&'a [f64]>, Failure> {
        self.law.variables.iter().map(|v| column(data, &v.name)).collect()
    }

    fn response<'a>(&self, data: &'a Dataset) -> Result<&'a [f64], Failure> {
        column(data, &self.law.response)
    }

    /// Drops rows the law cannot take, or stops: sizes are positive, and so is a response under a logarithm.
    fn settle_unusable(&self, data: &mut Dataset, warnings: &mut Vec<String>) -> Result<(), Failure> {
        let mut reasons: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut needs: Vec<(&str, bool)> = self.law.variables.iter().map(|v| (v.name.as_str(), true)).collect();
        needs.push((&self.law.response, self.objective.scale() == ResponseScale::Log));
        for (name, positive) in needs {
            for (row, &value) in column(data, name)?.iter().enumerate() {
                if positive && value <= 0.0 {
                    reasons
                        .entry(format!("{name} is not above zero and stands under a logarithm"))
                        .or_default()
                        .push(row);
                } else if !value.is_finite() {
                    reasons.entry(format!("{name} is missing")).or_default().push(row);
                }
            }
        }
        if reasons.is_empty() {
            return Ok(());
        }
        let mut rows: Vec<usize> = reasons.values().flatten().copied().collect();
        rows.sort_unstable();
        rows.dedup();
        if self.missing == Missing::Error {
            let mut failure = Failure::new("bad-value", format!("{} rows cannot be fitted", rows.len()));
            for (reason, rows) in reasons {
                let places: Vec<_> = rows.iter().map(|&row| data.origins()[row]).collect();
                failure = failure.hint(format!("{reason}: {}", name_rows(&places, &self.files)));
            }
            return Err(
                failure.hint("drop such rows by a rule of the filter, or write `missing = \"drop\"` in the source")
            );
        }
        for (reason, rows) in reasons {
            warnings.push(format!("{} rows were dropped: {reason}.", rows.len()));
        }
        let kept: Vec<usize> = (0..data.rows()).filter(|row| rows.binary_search(row).is_err()).collect();
        *data = data.select(&kept);
        Ok(())
    }

    fn held(&self, data: &Dataset) -> Result<Vec<bool>, Failure> {
        let Some(condition) = &self.holdout else { return Ok(vec![false; data.rows()]) };
        let expr = crate::expr::parse(condition).map_err(|error| Failure::internal(error.to_string()))?;
        match data.evaluate(&expr) {
            Some(Column::Numbers(truths)) => Ok(truths.into_iter().map(|t| t != 0.0).collect()),
            _ => Err(Failure::internal(format!("`{condition}` cannot be evaluated"))),
        }
    }

    fn draw(&self, problem: &Problem<'_>, optimum: &[f64], context: &Context<'_>) -> Result<Draws, Failure> {
        let Some(uncertainty) = self.uncertainty.as_ref().filter(|_| !optimum.is_empty()) else {
            return Ok(Draws::default());
        };
        let fitted = Fitted { problem, optimum, seed: self.seed, cancelled: context.cancelled, tick: context.tick };
        Ok(uncertainty.method().draw(&fitted)?)
    }

    /// Every parameter of the law, with the spread of its draws.
    fn estimates(
        &self,
        free: &[f64],
        draws: &[Vec<f64>],
        statuses: &[Status],
        level: Option<f64>,
    ) -> BTreeMap<String, Estimate> {
        let values = self.law.complete(free);
        let samples: Vec<Vec<f64>> = draws.iter().map(|draw| self.law.complete(draw)).collect();
        let mut statuses = statuses.iter();
        let mut estimates = BTreeMap::new();
        for (j, (parameter, &value)) in self.law.parameters.iter().zip(&values).enumerate() {
            let status = match parameter.treatment {
                Treatment::Free => statuses.next().copied().unwrap_or(Status::Estimated),
                Treatment::Fixed(_) => Status::Fixed,
                Treatment::Tied(_) => Status::Tied,
            };
            let mut sample: Vec<f64> = samples.iter().map(|s| s[j]).collect();
            sample.sort_by(f64::total_cmp);
            // Draws that never leave a bound have no spread to speak of.
            let spread = level.filter(|_| sample.first() != sample.last() && status != Status::Fixed);
            let tail = spread.map(|level| (1.0 - level) / 2.0);
            estimates.insert(
                parameter.name.clone(),
                Estimate {
                    value,
                    se: spread.map(|_| standard_deviation(&sample)).filter(|se| se.is_finite()),
                    lower: tail.map(|p| quantile(&sample, p)).filter(|v| v.is_finite()),
                    upper: tail.map(|p| quantile(&sample, 1.0 - p)).filter(|v| v.is_finite()),
                    status,
                },
            );
        }
        estimates
    }

    fn score(
        &self,
        tape: &Tape,
        test: &Dataset,
        free: &[f64],
        draws: &[Vec<f64>],
        noise: &[f64],
        level: Option<f64>,
    ) -> Result<Option<Holdout>, Failure> {
        if self.holdout.is_none() {
            return Ok(None);
        }
        if test.rows() == 0 {
            return Err(Failure::new("empty-holdout", "no row meets the condition of the holdout"));
        }
        let bound = tape.bind(&self.variables(test)?, test.rows());
        let observed = self.response(test)?;
        let predicted = tape.values(&bound, free);
        let logs: Vec<f64> = predicted.iter().zip(observed).map(|(p, o)| ln(p / o)).collect();
        let squares: Vec<f64> = logs.iter().map(|l| l * l).collect();
        let relative: Vec<f64> = predicted.iter().zip(observed).map(|(p, o)| (p / o - 1.0).abs()).collect();
        let coverage = level.filter(|_| !draws.is_empty()).map(|level| {
            let samples: Vec<Vec<f64>> = draws.iter().map(|draw| tape.values(&bound, draw)).collect();
            let inside = (0..test.rows()).filter(|&row| {
                let mut random = Random::new(self.seed, "holdout", row as u64);
                let mut sample: Vec<f64> = samples
                    .iter()
                    .map(|values| {
                        let residual = if noise.is_empty() { 0.0 } else { noise[random.below(noise.len())] };
                        self.transformed(values[row]) - residual
                    })
                    .collect();
                sample.sort_by(f64::total_cmp);
                let at = self.transformed(observed[row]);
                quantile(&sample, (1.0 - level) / 2.0) <= at && at <= quantile(&sample, f64::midpoint(1.0, level))
            });
            inside.count() as f64 / test.rows() as f64
        });
        Ok(Some(Holdout {
            rows: test.rows(),
            rmse_log: mean(&squares).sqrt(),
            mean_relative_error: mean(&relative),
            bias_log: mean(&logs),
            coverage,
        }))
    }

    fn transformed(&self, response: f64) -> f64 {
        match self.objective.scale() {
            ResponseScale::Log => ln(response),
            ResponseScale::Raw => response,
        }
    }

    /// The rows with what the law says of them, for the report.
    fn rows(&self, tape: &Tape, mut data: Dataset, held: &[bool], fit: &Fit) -> Result<Dataset, Failure> {
        let predicted = tape.values(&tape.bind(&self.variables(&data)?, data.rows()), &fit.free);
        let residual: Vec<f64> = predicted.iter().zip(self.response(&data)?).map(|(p, o)| ln(p / o)).collect();
        data.insert(PREDICTED, Column::Numbers(predicted));
        data.insert(RESIDUAL, Column::Numbers(residual));
        data.insert(HELD, Column::Numbers(held.iter().map(|&h| f64::from(u8::from(h))).collect()));
        Ok(data)
    }
}

fn column<'a>(data: &'a Dataset, name: &str) -> Result<&'a [f64], Failure> {
    data.numbers(name).ok_or_else(|| Failure::internal(format!("no column of numbers `{name}`")))
}

/// What a reader should know where prediction intervals miss too many of the held-out rows.
fn too_narrow(holdout: &Holdout, level: Option<f64>) -> Option<String> {
    let (coverage, level) = (holdout.coverage?, level?);
    // By more than chance would: two standard errors of a share.
    let slack = 2.0 * (level * (1.0 - level) / holdout.rows as f64).sqrt();
    (coverage < level - slack).then(|| {
        format!(
            "Its {:.0} % prediction intervals hold only {:.0} % of the {} held-out rows: they leave out the error of the law itself, so forecasts are less sure than they look.",
            100.0 * level,
            100.0 * coverage,
            holdout.rows
        )
    })
}

/// The span of each variable, and of compute, over rows.
fn spans(columns: &BTreeMap<&str, &[f64]>, data: &Dataset) -> BTreeMap<String, Span> {
    let mut spans: BTreeMap<String, Span> = columns
        .iter()
        .filter_map(|(name, values)| Some(((*name).to_owned(), Span::of(values.iter().copied())?)))
        .collect();
    if let (Some(n), Some(d)) = (columns.get("N"), columns.get("D")) {
        let given = data.numbers("C").map(<[f64]>::to_vec);
        let compute =
            given.unwrap_or_else(|| n.iter().zip(*d).map(|(n, d)| FLOP_PER_PARAMETER_AND_TOKEN * n * d).collect());
        if let Some(span) = Span::of(compute) {
            spans.entry("C".to_owned()).or_insert(span);
        }
    }
    spans
}

/// Fewest rows whose own residuals stand for those of a new row.
const ENOUGH: usize = 20;
/// Most residuals that are kept.
const KEPT: usize = 200;

/// Equally likely residuals of a new row.
///
/// The rows' own residuals, widened for the parameters that were fitted to them; of fewer than twenty
/// rows, normal ones with their standard deviation.
fn noise(residuals: &[f64], parameters: usize) -> Vec<f64> {
    let n = residuals.len();
    if n <= parameters {
        return Vec::new();
    }
    let widening = (n as f64 / (n - parameters) as f64).sqrt();
    let count = n.clamp(LANES, KEPT);
    let place = |i: usize| (i as f64 + 0.5) / count as f64;
    if n < ENOUGH {
        let squares: Vec<f64> = residuals.iter().map(|r| r * r).collect();
        let deviation = mean(&squares).sqrt() * widening;
        return (0..KEPT).map(|i| deviation * normal_quantile((i as f64 + 0.5) / KEPT as f64)).collect();
    }
    let centre = median(residuals);
    let mut sorted: Vec<f64> = residuals.iter().map(|r| centre + (r - centre) * widening).collect();
    sorted.sort_by(f64::total_cmp);
    (0..count).map(|i| quantile(&sorted, place(i))).collect()
}
