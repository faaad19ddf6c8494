//! The results of a fitted group: estimates with intervals, ranges of the rows, and the noise of a new row.

use std::collections::BTreeMap;

use super::super::Failure;
use super::rows::{Group, Rows};
use super::{FitLaw, Member};
use crate::dataset::Dataset;
use crate::diagnostic::numbered;
use crate::evidence::{self, Shape};
use crate::fit::{Doubt, Estimate, Evidence, Fit, Noise, Span, Status};
use crate::law::{Law, Parameter, Scale, Treatment};
use crate::numerics::{Points, central, exp, ln, quantile, standard_deviation, without_open_ends};
use crate::objective::ResponseScale;
use crate::problem::Problem;
use crate::uncertainty::{Draws, noise};
use crate::warning::Warning;

impl FitLaw {
    /// The scatter of a new row around the law, for all groups together or for one group.
    pub(super) fn noise(
        &self,
        rows: &Rows,
        groups: &[&Group],
        problem: &Problem,
        point: &[f64],
    ) -> Result<Noise, Failure> {
        self.noise_of(rows, groups, problem, &problem.unscaled_residuals(point))
    }

    /// The scatter of a new row, from the residuals of the rows of given groups.
    pub(super) fn noise_of(
        &self,
        rows: &Rows,
        groups: &[&Group],
        problem: &Problem,
        residuals: &[f64],
    ) -> Result<Noise, Failure> {
        let fitted: Vec<usize> = groups.iter().flat_map(|group| group.fitted.iter().copied()).collect();
        let train = rows.data.select(&fitted);
        let columns = self.variables(&train)?;
        if self.method.objective.member().is_envelope() {
            return Ok(Noise { envelope: true, ..Noise::default() });
        }
        // A row without weight says nothing about the scatter.
        let counted: Vec<usize> =
            problem.weights().enumerate().filter(|(_, weight)| *weight > 0.0).map(|(row, _)| row).collect();
        let residuals: Vec<f64> = counted.iter().map(|&row| residuals[row]).collect();
        let sizes = self.sizes_by_name(&columns);
        let of_counted = |column: &[f64]| counted.iter().map(|&row| column[row]).collect::<Vec<f64>>();
        let sizes: BTreeMap<&str, Vec<f64>> = sizes.into_iter().map(|(name, all)| (name, of_counted(all))).collect();
        let sizes = sizes.iter().map(|(name, column)| (*name, column.as_slice())).collect();
        Ok(noise(&residuals, &sizes, problem.size()))
    }

    /// The range of the response, where it is limited.
    pub(super) fn range(&self, rows: &Dataset) -> Result<Option<[f64; 2]>, Failure> {
        let response = self.response(rows)?;
        let contains = |[least, most]: &[f64; 2]| response.iter().all(|value| (*least..=*most).contains(value));
        if self.roles.response_has_share_unit {
            // A word error rate may exceed one.
            let largest = response.iter().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
            let most = if largest > 1.0 { BEYOND_ONE * largest } else { 1.0 };
            return Ok(Some([0.0, most]).filter(contains));
        }
        Ok(self.roles.response_is_share.then(|| RANGES_OF_SHARE.into_iter().find(contains)).flatten())
    }

    /// The smallest and the largest response of the rows.
    fn seen(&self, rows: &Dataset) -> Result<Option<[f64; 2]>, Failure> {
        let known = self.response(rows)?.iter().filter(|value| value.is_finite());
        Ok(known.fold(None, |seen, &value| {
            let [least, most] = seen.unwrap_or([value, value]);
            Some([value.min(least), value.max(most)])
        }))
    }

    /// The fit of one group at an optimum; `draws` are draws of its parameters.
    #[expect(clippy::too_many_arguments, reason = "what a search, a look around and a resampling found")]
    pub(super) fn member(
        &self,
        rows: &Rows,
        group: &Group,
        problem: &Problem,
        point: &[f64],
        cost: f64,
        mut shape: Shape,
        draws: Draws,
        noise: Noise,
        mut evidence: Evidence,
    ) -> Result<Member, Failure> {
        let train = rows.data.select(&group.fitted);
        let columns = self.variables(&train)?;
        let by_name = self.sizes_by_name(&columns);
        let rays = evidence::rays(&by_name, &self.law.roles);
        let free = problem.parameters(point);
        let mut warnings: Vec<Warning> = rows.warnings.iter().cloned().map(Warning::from).collect();
        warnings.append(&mut evidence.warnings);
        let on_rays = evidence::on_rays(&self.law, &free, &rays, &mut shape.statuses);
        warnings.extend(on_rays.into_iter().map(Warning::from));
        let far: Vec<Vec<f64>> = draws.far.iter().map(|point| problem.parameters(point)).collect();
        let draws = draws.points.moved(|draw| problem.parameters(draw));
        let residuals = problem.residuals(point);
        warnings.extend(beyond(&self.law, &by_name).into_iter().map(Warning::from));
        warnings.extend(other_cost(&train, &self.law).map(Warning::from));
        let named = by_name.keys().copied().chain([self.law.response.as_str()]).collect::<Vec<_>>();
        warnings.extend(evidence::duplicates(&train, rows.together(group).as_deref(), &named).map(Warning::from));
        let mut doubts = Vec::new();
        if let Some(configurations) = rows.configurations_of(group) {
            let replicates = evidence::replicates(&residuals, &configurations);
            doubts.extend(evidence::lack_of_fit(&replicates).map(|warning| (Doubt::LackOfFit, warning)));
            evidence.replicates = Some(replicates);
        }
        // An envelope lies on one side of the rows by design.
        if !self.method.objective.member().is_envelope() {
            let responses: Vec<f64> = problem.responses().collect();
            let unscaled = problem.unscaled_residuals(point);
            let fitted = evidence::Fitted {
                rows: &train,
                columns: &by_name,
                roles: &self.law.roles,
                response: &self.law.response,
                responses: &responses,
                residuals: &unscaled,
                is_log: self.method.objective.scale() == ResponseScale::Log,
                parameters: free.len(),
            };
            for (doubt, warning) in fitted.warnings(rows.together(group).is_some()) {
                evidence.doubts.extend(doubt);
                warnings.push(warning);
            }
            // The trend of groups that share parameters is that of all groups.
            if self.roles.share.is_empty() {
                let no_trend = evidence::no_trend(&unscaled, &responses, &by_name, free.len());
                doubts.extend(no_trend.map(|warning| (Doubt::NoTrend, warning)));
            }
            if rows.together(group).is_none() {
                let repeats = evidence::repeats(&residuals, &by_name, free.len());
                doubts.extend(repeats.map(|warning| (Doubt::LackOfFit, warning)));
            }
            if doubts.is_empty() {
                let pattern = evidence::pattern(&residuals, &by_name, free.len());
                doubts.extend(pattern.map(|warning| (Doubt::LackOfFit, warning)));
            }
        }
        for (doubt, warning) in doubts {
            evidence.doubts.push(doubt);
            warnings.push(warning.into());
        }
        let level = self.method.uncertainty.as_ref().map(|u| u.member().level());
        // Groups that share parameters have the settings of all groups.
        let is_alone = self.roles.share.is_empty();
        let too_few = if is_alone { evidence::too_few_settings(&self.law, &by_name, &free) } else { Vec::new() };
        warnings.extend(few_settings(too_few.len(), free.len()));
        let (parameters, not_told) = estimates(&self.law, &free, &draws, &far, &shape.statuses, level);
        warnings.extend(not_told.map(Warning::from));
        let held = rows.data.select(&group.held);
        let holdout = self.score(&held, &free, &draws, &noise, level)?;
        warnings.extend(holdout.as_ref().and_then(|h| h.too_narrow(level)).map(Warning::serious));
        evidence.warnings = warnings;
        let fit = Fit {
            law: self.law.name.clone(),
            formula: self.law.formula.clone(),
            rows: train.rows(),
            objective: Some(cost),
            objective_kind: self.method.objective.describe(),
            scale: self.method.objective.scale(),
            parameters,
            evidence,
            holdout,
            backtest: None,
            choice: None,
            profiles: Vec::new(),
            regions: Vec::new(),
            uncertainty: self.method.uncertainty.as_ref().map(|u| u.member().describe()),
            level,
            spans: spans(&by_name, &train, &self.law),
            rays,
            flat: shape.flat,
            equals: shape.equals.iter().map(|point| problem.parameters(point)).collect(),
            far,
            too_few_settings: too_few,
            range: self.range(&train)?,
            seen: self.seen(&train)?,
            noise,
            free,
            draws: draws.len(),
            by: None,
            groups: BTreeMap::new(),
        };
        Ok(Member { fit, draws })
    }
}

/// Limit of a share whose rows exceed one, as a multiple of the largest row.
const BEYOND_ONE: f64 = 2.0;

/// The ranges of shares: plain ones, and those in per cent in a column without a unit.
const RANGES_OF_SHARE: [[f64; 2]; 2] = [[0.0, 1.0], [0.0, 100.0]];
/// A positive parameter known to within this factor has a standard error in its own unit, unless it is searched on a
/// log scale.
const WIDE: f64 = 2.0;
/// Up to this factor, the standard error in the parameter's own unit is given in addition to the factor.
const SMALL: f64 = std::f64::consts::E;
/// A parameter whose standard error is this factor or more is not identified. A term's size with such a factor is as
/// uncertain as an exponent that may equally well be zero.
const NOT_TOLD: f64 = 1e3;

/// The estimate of every parameter of the law with its spread over the draws, and warnings about parameters without a
/// value.
pub(super) fn estimates(
    law: &Law,
    free: &[f64],
    draws: &Points,
    far: &[Vec<f64>],
    statuses: &[Status],
    level: Option<f64>,
) -> (BTreeMap<String, Estimate>, Option<String>) {
    let values = law.complete(free);
    let on_bound = law.is_on_bound(free);
    let mut statuses = statuses.iter();
    let mut estimates = BTreeMap::new();
    let mut open = Vec::new();
    for (j, (parameter, &value)) in law.parameters.iter().zip(&values).enumerate() {
        let status = match parameter.treatment {
            Treatment::Free => statuses.next().copied().unwrap_or(Status::Estimated),
            Treatment::Fixed(_) => Status::Fixed,
            Treatment::Tied(_) => Status::Tied,
        };
        let mut estimate = Estimate { value: Some(value), se: None, factor: None, lower: None, upper: None, status };
        // One parameter at a time: there may be millions of draws.
        let mut sample: Vec<f64> = draws.iter().map(|draw| law.complete(draw)[j]).collect();
        sample.sort_by(f64::total_cmp);
        // Draws that never leave a bound have no spread.
        let spread = level.filter(|_| sample.first() != sample.last() && status != Status::Fixed);
        if let Some(level) = spread {
            let (lower, upper) = central(&sample, value, level, on_bound);
            let ends = [lower, upper].map(|end| Some(end).filter(|end| end.is_finite()));
            let ends = without_open_ends(ends, far.iter().map(|point| law.complete(point)[j]));
            let spread = Spread::of(parameter, value, &sample, [lower, upper]);
            match if ends == [None, None] { Spread::Open } else { spread } {
                Spread::Open => {
                    estimate.status = Status::NotIdentified;
                    // Parameters that the structure of the law leaves open have a warning already.
                    if status != Status::NotIdentified {
                        open.push(parameter.name.as_str());
                    }
                }
                Spread::Known { se, factor } => {
                    // For a parameter on its bound, the draws off the bound are not a scatter around the estimate.
                    (estimate.se, estimate.factor) = if status.is_sound() { (se, factor) } else { (None, None) };
                    [estimate.lower, estimate.upper] = ends;
                }
            }
        }
        estimates.insert(parameter.name.clone(), estimate);
    }
    without_values(law, &mut estimates);
    let warning = (!open.is_empty()).then(|| {
        format!(
            "The rows do not identify {}: any value within the bounds fits, or one a thousand times as large. \
             No value is given.",
            evidence::in_words(&open)
        )
    });
    (estimates, warning)
}

/// The uncertainty of a parameter from its draws.
enum Spread {
    /// The rows do not identify it.
    Open,
    /// The standard error: in the parameter's own unit, as a factor, or both.
    Known { se: Option<f64>, factor: Option<f64> },
}

impl Spread {
    /// The spread of sorted draws, given the ends of their interval.
    fn of(parameter: &Parameter, value: f64, sorted: &[f64], [lower, upper]: [f64; 2]) -> Self {
        // The probability that a normal variable lies within one standard deviation of its mean.
        const WITHIN: f64 = 0.682_689_492_137_086;
        if lower <= parameter.lower && upper >= parameter.upper {
            return Self::Open;
        }
        let one = [quantile(sorted, (1.0 - WITHIN) / 2.0), quantile(sorted, f64::midpoint(1.0, WITHIN))];
        let positive = parameter.lower >= 0.0 && value > 0.0 && one[0] > 0.0;
        let on_log = parameter.scale == Scale::Log || one[1] > WIDE * WIDE * one[0];
        let factor = (positive && on_log).then(|| {
            let logs: Vec<f64> = sorted.iter().map(|x| ln(x.max(f64::MIN_POSITIVE))).collect();
            exp(scatter(&logs, one.map(ln)))
        });
        if factor.is_some_and(|factor| factor.is_nan() || factor > NOT_TOLD) {
            return Self::Open;
        }
        let se = Some(scatter(sorted, one)).filter(|se| se.is_finite() && factor.is_none_or(|factor| factor < SMALL));
        Self::Known { se, factor }
    }
}

/// The standard deviation of the draws, or half the width of their central 68 % where a few distant draws would
/// inflate it.
fn scatter(draws: &[f64], [low, high]: [f64; 2]) -> f64 {
    let (deviation, half) = (standard_deviation(draws), 0.5 * (high - low));
    if deviation <= 2.0 * half { deviation } else { half }
}

/// Removes the values of parameters that the rows do not identify, and of parameters tied to them.
fn without_values(law: &Law, estimates: &mut BTreeMap<String, Estimate>) {
    let is_not_identified = |estimates: &BTreeMap<String, Estimate>, name: &str| {
        estimates.get(name).is_some_and(|estimate| estimate.status == Status::NotIdentified)
    };
    // Ties can lead to further ties.
    for _ in 0..law.parameters.len() {
        for parameter in &law.parameters {
            let Treatment::Tied(tie) = &parameter.treatment else { continue };
            let mut depends = false;
            tie.visit_symbols(&mut |name, _| depends |= is_not_identified(estimates, name));
            if let Some(estimate) = estimates.get_mut(&parameter.name).filter(|_| depends) {
                estimate.status = Status::NotIdentified;
            }
        }
    }
    for estimate in estimates.values_mut().filter(|estimate| estimate.status == Status::NotIdentified) {
        *estimate = Estimate { value: None, se: None, factor: None, lower: None, upper: None, ..estimate.clone() };
    }
}

/// Replaces the interval from the draws by the interval that a method gives directly. A parameter that is open on
/// both sides is not identified.
pub(super) fn set_interval(estimate: &mut Estimate, [lower, upper]: [Option<f64>; 2]) {
    let Some(value) = estimate.value else { return };
    if lower.is_none() && upper.is_none() {
        let status = Status::NotIdentified;
        *estimate = Estimate { value: None, se: None, factor: None, lower, upper, status };
    } else if lower.is_none_or(|lower| lower <= value) && upper.is_none_or(|upper| value <= upper) {
        (estimate.lower, estimate.upper) = (lower, upper);
    } else {
        (estimate.lower, estimate.upper) = (None, None);
    }
}

/// A warning about rows with fewer different settings than the law has parameters.
fn few_settings(settings: usize, parameters: usize) -> Option<Warning> {
    (settings > 0).then(|| {
        Warning::serious(format!(
            "The rows have {}, which cannot determine {}: many curves meet them equally well, and no answer at another setting is given.",
            numbered(settings, "different setting"),
            numbered(parameters, "parameter")
        ))
    })
}

/// A warning about rows outside the range for which the law was published.
fn beyond(law: &Law, columns: &BTreeMap<&str, &[f64]>) -> Vec<String> {
    let row = |i: usize| columns.iter().map(|(name, values)| ((*name).to_owned(), values[i])).collect();
    let count = columns.values().next().map_or(0, |values| values.len());
    let outside = (0..count).filter(|&i| !law.holds.outside(&row(i), &law.roles).is_empty()).collect::<Vec<_>>();
    let Some(&first) = outside.first() else { return Vec::new() };
    let reasons = law.holds.outside(&row(first), &law.roles).join("; ");
    vec![format!(
        "{} of {count} rows lie outside the conditions of the law. The first of them: {reasons}.",
        outside.len()
    )]
}

/// The range of each variable, and of compute, over the rows.
fn spans(columns: &BTreeMap<&str, &[f64]>, data: &Dataset, law: &Law) -> BTreeMap<String, Span> {
    let mut spans: BTreeMap<String, Span> = columns
        .iter()
        .filter_map(|(name, values)| Some(((*name).to_owned(), Span::of(values.iter().copied())?)))
        .collect();
    if crate::query::can_split(law) {
        let given = data.numbers(&law.roles.compute).map(<[f64]>::to_vec);
        let compute = given.or_else(|| costs(data, law));
        if let Some(span) = compute.and_then(Span::of) {
            spans.entry(law.roles.compute.clone()).or_insert(span);
        }
    }
    spans
}

/// The cost of each row by the law's formula; `None` where the rows lack one of its variables.
fn costs(data: &Dataset, law: &Law) -> Option<Vec<f64>> {
    let value = |row: usize| law.flop_by(|name| data.numbers(name).map(|values| values[row]));
    (0..data.rows()).map(value).collect()
}

/// Relative difference between given compute and a declared cost above which a warning is given.
const OFF: f64 = 0.1;

/// A warning where the compute of the rows differs from the declared cost.
fn other_cost(data: &Dataset, law: &Law) -> Option<String> {
    let cost = law.cost.as_ref()?;
    let given = data.numbers(&law.roles.compute)?;
    let ratios: Vec<f64> = given.iter().zip(costs(data, law)?).map(|(given, cost)| given / cost).collect();
    let off = ratios.iter().filter(|ratio| (*ratio - 1.0).abs() > OFF).count();
    (off > 0).then(|| {
        format!(
            "`{}` is {:.3} times the cost `{}` ({}) in the median, and differs by more than {:.0} % in {off} of {} rows.",
            law.roles.compute,
            crate::numerics::median(&ratios),
            cost.name,
            cost.formula(),
            100.0 * OFF,
            ratios.len()
        )
    })
}
