//! Compares several laws on the same rows by their errors on hidden rows, and recommends one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::Failure;
use super::FitLaw;
use super::holdout::summary;
use super::origins::{Origins, cuts};
use super::rows::{Group, Rows, numbers};
use crate::dataset::Dataset;
use crate::evidence::{self, Label};
use crate::fit::{Candidate, Choice, Noise, Status, stacked};
use crate::law::Law;
use crate::numerics::{Points, Random, ln};
use crate::problem::Problem;
use crate::solver::Solver;
use crate::watch::Watch;

/// Number of parts of the cross-validation.
const PARTS: usize = 5;
/// Number of origins if the fit has no backtest.
const ORIGINS: usize = 3;
/// Multiple of the largest sizes at which the laws' forecasts are compared.
const AHEAD: f64 = 10.0;
/// Added to each law's error before weighting, so that no law gets all the weight by luck.
const LEAST_ERROR: f64 = 0.002;

impl FitLaw {
    /// How the largest runs are hidden: as in the backtest, or by the product of the law's sizes.
    pub fn hidden(&self) -> Origins {
        let product = || self.law.sizes().map(|v| v.name.as_str()).collect::<Vec<_>>().join(" * ");
        self.method.backtest.clone().unwrap_or_else(|| Origins { along: product(), folds: ORIGINS })
    }

    /// Fits every law to the rows of a group; the fit's own law comes first.
    pub(super) fn choose(&self, rows: &Rows, group: &Group, watch: &Watch<'_>) -> Result<Choice, Failure> {
        let all = rows.data.select(&group.fitted);
        let Origins { along, .. } = self.hidden();
        let at = self.ahead(&all, &along)?;
        let laws: Vec<&Arc<Law>> = std::iter::once(&self.law).chain(&self.alternatives).collect();
        let mut candidates = Vec::new();
        for law in laws {
            let own = Self { law: law.clone(), alternatives: Vec::new(), ..self.clone() };
            candidates.push(own.candidate(rows, group, &all, &along, &at, watch)?);
        }
        let errors: Vec<f64> = candidates.iter().map(|c| c.rolling_origin.unwrap_or(1.0) + LEAST_ERROR).collect();
        let sum: f64 = errors.iter().map(|e| 1.0 / (e * e)).sum();
        candidates.iter_mut().zip(&errors).for_each(|(c, e)| c.share = 1.0 / (e * e * sum));
        // Forecasts are combined by their logarithms, which a response below zero does not have.
        let positive = |c: &Candidate| c.ahead.filter(|ahead| *ahead > 0.0);
        let is_weighted = |c: &&Candidate| c.rolling_origin.is_some();
        let known = candidates.iter().filter(is_weighted).filter_map(|c| Some((c.share, ln(positive(c)?))));
        let stack = stacked(&known.collect::<Vec<_>>());
        let (quote, reason) = evidence::quote(&candidates);
        let warnings = evidence::equally_good(&candidates).into_iter().collect();
        Ok(Choice { quote, reason, stack, ahead: at, laws: candidates, warnings })
    }

    /// Sizes at ten times the largest ones. Variables that are not sizes keep the values of the last row.
    fn ahead(&self, all: &Dataset, along: &str) -> Result<BTreeMap<String, f64>, Failure> {
        let order = numbers(all, along)?;
        let farthest = (0..order.len()).max_by(|&a, &b| order[a].total_cmp(&order[b])).unwrap_or(0);
        let names = std::iter::once(&self.law).chain(&self.alternatives).flat_map(|law| &law.variables);
        let single = self.law.variables.len() == 1;
        names
            .map(|variable| {
                let column = super::rows::column(all, &variable.name)?;
                let is_size = single || self.law.roles.decided().contains(&variable.name.as_str());
                let largest = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                Ok((variable.name.clone(), if is_size { AHEAD * largest } else { column[farthest] }))
            })
            .collect()
    }

    fn candidate(
        &self,
        rows: &Rows,
        group: &Group,
        all: &Dataset,
        along: &str,
        at: &BTreeMap<String, f64>,
        watch: &Watch<'_>,
    ) -> Result<Candidate, Failure> {
        let problem = rows.problem(self, group)?;
        let found = self.search(&problem, watch)?;
        let best = found.best(self)?;
        let residuals = problem.residuals(&best.point);
        let (n, k) = (residuals.len() as f64, best.point.len() as f64 + 1.0);
        // Gaussian residuals, with their scatter as one more parameter.
        let deviance = n * ln(residuals.iter().map(|r| r * r).sum::<f64>() / n);
        let correction = n - k - 1.0;
        let free = problem.parameters(&best.point);
        let order = self.law.variables.iter().map(|v| at.get(&v.name).copied().unwrap_or(f64::NAN));
        let (ahead, gradient) = self.law.tape().gradient_at(&free, &order.collect::<Vec<_>>());
        let shape = evidence::shape(&problem, &self.law, &Label::of(&self.law), &best.point);
        let is_told = ahead.is_finite() && evidence::is_told(&self.law, &shape.flat, &free, &gradient);
        let names = self.law.free().into_iter().map(|p| p.name.clone());
        let unidentified = names.clone().zip(&shape.statuses).filter(|(_, s)| **s == Status::NotIdentified);
        Ok(Candidate {
            law: self.law.name.clone(),
            unidentified: unidentified.map(|(name, _)| name).collect(),
            parameters: names.zip(free).collect(),
            objective: best.cost,
            aicc: (correction > 0.0).then(|| deviance + 2.0 * k + 2.0 * k * (k + 1.0) / correction),
            bic: deviance + k * ln(n),
            k_fold: self.k_fold_error(&problem, &best.point, &rows.clusters(&[group]), all)?,
            rolling_origin: self.rolling_error(rows, group, all, along, watch)?,
            share: 0.0,
            ahead: Some(ahead).filter(|_| is_told),
        })
    }

    /// Root mean square of ln(prediction / observation) over rows that are left out in parts. All rows of a run are
    /// left out together.
    fn k_fold_error(
        &self,
        problem: &Problem,
        optimum: &[f64],
        clusters: &[usize],
        all: &Dataset,
    ) -> Result<Option<f64>, Failure> {
        let count = clusters.iter().max().map_or(0, |last| last + 1);
        if count < PARTS || count - count / PARTS <= problem.size() {
            return Ok(None);
        }
        let mut order: Vec<(u64, usize)> =
            (0..count).map(|cluster| (Random::new(self.seed, "k-fold", cluster as u64).bits(), cluster)).collect();
        order.sort_unstable();
        let mut part = vec![0; count];
        order.iter().enumerate().for_each(|(place, (_, cluster))| part[*cluster] = place % PARTS);
        let base: Vec<f64> = problem.weights().collect();
        let mut misses = Vec::new();
        for left_out in 0..PARTS {
            let is_out = |row: usize| part[clusters[row]] == left_out;
            let weights: Vec<f64> = (0..base.len()).map(|row| if is_out(row) { 0.0 } else { base[row] }).collect();
            let refit = Solver::default().minimise(&problem.reweighted(&weights), optimum);
            let test = all.select(&(0..base.len()).filter(|&row| is_out(row)).collect::<Vec<_>>());
            misses.extend(self.misses(
                &test,
                &problem.parameters(&refit.point),
                &Points::default(),
                &Noise::default(),
                None,
            )?);
        }
        Ok(Some(summary(&misses).rmse_log).filter(|e| e.is_finite()))
    }

    /// Root mean square of ln(prediction / observation) over later rows, where only smaller runs are known.
    fn rolling_error(
        &self,
        rows: &Rows,
        group: &Group,
        all: &Dataset,
        along: &str,
        watch: &Watch<'_>,
    ) -> Result<Option<f64>, Failure> {
        let order = numbers(all, along)?;
        let folds = self.hidden().folds;
        let mut misses = Vec::new();
        for up_to in cuts(&order, folds, self.law.free().len() + 2) {
            let (known, later): (Vec<usize>, Vec<usize>) = (0..order.len()).partition(|&row| order[row] <= up_to);
            let before = group.with_fitted(known.into_iter().map(|row| group.fitted[row]).collect());
            let problem = rows.problem(self, &before)?;
            let found = self.search(&problem, watch)?;
            let free = problem.parameters(&found.best(self)?.point);
            misses.extend(self.misses(&all.select(&later), &free, &Points::default(), &Noise::default(), None)?);
        }
        Ok((!misses.is_empty()).then(|| summary(&misses).rmse_log).filter(|e| e.is_finite()))
    }
}
