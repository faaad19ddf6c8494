//! What is said of a fitted group: estimates with intervals, spans, the noise of a new row.

use std::collections::BTreeMap;

use super::super::Failure;
use super::rows::{Group, Rows};
use super::{FitLaw, Member};
use crate::dataset::Dataset;
use crate::evidence::{self, Shape};
use crate::fit::{Estimate, Evidence, Fit, Noise, Span, Status};
use crate::law::{Law, Treatment};
use crate::numerics::{central, standard_deviation};
use crate::problem::Problem;
use crate::query::FLOP_PER_PARAMETER_AND_TOKEN;
use crate::uncertainty::{Draws, noise};

impl FitLaw {
    /// The scatter of a new row around the law that groups have in common, or around that of one group.
    pub(super) fn noise(
        &self,
        rows: &Rows,
        groups: &[&Group],
        problem: &Problem,
        point: &[f64],
    ) -> Result<Noise, Failure> {
        let fitted: Vec<usize> = groups.iter().flat_map(|group| group.fitted.iter().copied()).collect();
        let train = rows.data.select(&fitted);
        let columns = self.variables(&train)?;
        if self.method.objective.is_envelope() {
            return Ok(Noise { envelope: true, ..Noise::default() });
        }
        Ok(noise(&problem.unscaled_residuals(point), &self.sizes_by_name(&columns), problem.size()))
    }

    /// The fit of one group at an optimum; `draws` are other points where the optimum could be.
    #[expect(clippy::too_many_arguments, reason = "what a search, a look around and a resampling found")]
    pub(super) fn member(
        &self,
        rows: &Rows,
        group: &Group,
        problem: &Problem,
        point: &[f64],
        cost: f64,
        mut shape: Shape,
        draws: &Draws,
        mut noise: Noise,
        mut evidence: Evidence,
    ) -> Result<Member, Failure> {
        noise.scatter.clone_from(&draws.scatter);
        let train = rows.data.select(&group.fitted);
        let columns = self.variables(&train)?;
        let by_name = self.sizes_by_name(&columns);
        let rays = evidence::rays(&by_name);
        let free = problem.parameters(point);
        let mut warnings = rows.warnings.clone();
        warnings.append(&mut evidence.warnings);
        evidence::on_rays(&self.law, &free, &rays, &mut shape.statuses, &mut warnings);
        let draws: Vec<Vec<f64>> = draws.points.iter().map(|draw| problem.parameters(draw)).collect();
        let residuals = problem.residuals(point);
        warnings.extend(beyond(&self.law, &by_name));
        if let Some(configurations) = rows.configurations_of(group) {
            let replicates = evidence::replicates(&residuals, &configurations);
            warnings.extend(evidence::lack_of_fit(&replicates));
            evidence.replicates = Some(replicates);
        }
        let level = self.method.uncertainty.as_ref().map(|u| u.method().level());
        let held = rows.data.select(&group.held);
        let holdout = self.score(&held, &free, &draws, &noise, level)?;
        warnings.extend(holdout.as_ref().and_then(|h| super::holdout::too_narrow(h, level)));
        evidence.warnings = warnings;
        let fit = Fit {
            law: self.law.name.clone(),
            formula: self.law.formula.clone(),
            rows: train.rows(),
            objective: Some(cost),
            objective_kind: self.method.objective.describe(),
            scale: self.method.objective.scale(),
            parameters: estimates(&self.law, &free, &draws, &shape.statuses, level),
            evidence,
            holdout,
            backtest: None,
            choice: None,
            regions: Vec::new(),
            uncertainty: self.method.uncertainty.as_ref().map(|u| u.method().describe()),
            level,
            spans: spans(&by_name, &train),
            rays,
            noise,
            free,
            draws: draws.len(),
            by: None,
            groups: BTreeMap::new(),
        };
        Ok(Member { fit, draws })
    }
}

/// Every parameter of the law, with the spread of its draws.
pub(super) fn estimates(
    law: &Law,
    free: &[f64],
    draws: &[Vec<f64>],
    statuses: &[Status],
    level: Option<f64>,
) -> BTreeMap<String, Estimate> {
    let values = law.complete(free);
    let samples: Vec<Vec<f64>> = draws.iter().map(|draw| law.complete(draw)).collect();
    let mut statuses = statuses.iter();
    let mut estimates = BTreeMap::new();
    for (j, (parameter, &value)) in law.parameters.iter().zip(&values).enumerate() {
        let status = match parameter.treatment {
            Treatment::Free => statuses.next().copied().unwrap_or(Status::Estimated),
            Treatment::Fixed(_) => Status::Fixed,
            Treatment::Tied(_) => Status::Tied,
        };
        let mut sample: Vec<f64> = samples.iter().map(|s| s[j]).collect();
        sample.sort_by(f64::total_cmp);
        // Draws that never leave a bound have no spread to speak of.
        let spread = level.filter(|_| sample.first() != sample.last() && status != Status::Fixed);
        let ends = spread.map(|level| central(&sample, value, level));
        estimates.insert(
            parameter.name.clone(),
            Estimate {
                value,
                se: spread.map(|_| standard_deviation(&sample)).filter(|se| se.is_finite()),
                lower: ends.map(|(lower, _)| lower).filter(|v| v.is_finite()),
                upper: ends.map(|(_, upper)| upper).filter(|v| v.is_finite()),
                status,
            },
        );
    }
    estimates
}

/// Where rows lie outside what the law was made for, in words.
fn beyond(law: &Law, columns: &BTreeMap<&str, &[f64]>) -> Vec<String> {
    let row = |i: usize| columns.iter().map(|(name, values)| ((*name).to_owned(), values[i])).collect();
    let count = columns.values().next().map_or(0, |values| values.len());
    let outside = (0..count).filter(|&i| !law.holds.outside(&row(i)).is_empty()).collect::<Vec<_>>();
    let Some(&first) = outside.first() else { return Vec::new() };
    let reasons = law.holds.outside(&row(first)).join("; ");
    vec![format!(
        "{} of {count} rows lie where the law was not made for: {reasons}, for the first of them.",
        outside.len()
    )]
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
