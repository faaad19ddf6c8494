//! Groups that share parameters: one fit of all of them, and a member per group.

use std::collections::{BTreeMap, BTreeSet};

use super::parts::{Posed, Work};
use super::rows::{Group, Rows};
use super::{FitLaw, FittedGroups, Whole};
use crate::evidence::{self, Shape};
use crate::fit::{Doubt, Evidence, Noise};
use crate::numerics::median;
use crate::problem::Problem;
use crate::stage::Failure;
use crate::uncertainty::{Draws, GroupResiduals, scatter_equally, scatter_of_groups};

/// A warning about groups with different scatter.
const UNEVEN_GROUPS: &str = "The groups have different scatter (Bartlett's test at 1 %). In intervals, the scatter of a \
 group lies between that of its own rows and that of all rows, closer to its own the more rows the group has.";

impl FitLaw {
    /// Fits all groups at once, with shared parameters.
    pub(super) fn fit_together(&self, rows: &Rows, work: Work<'_>) -> Result<FittedGroups, Failure> {
        let (posed, alone) = self.pose_together(rows)?;
        let found = self.found(&posed, work)?;
        let best = found.best(self)?.point.clone();
        let draws = self.draw(&posed, &found, work)?;
        let Posed { problem, labels, clusters, .. } = posed;
        let mut shape = evidence::shape(&problem, &self.law, &labels, &best);
        shape.warnings.extend(evidence::disagreement(&labels, &draws.disagreements));
        let mut evidence = self.evidence(&problem, &found, &mut shape, &draws);
        let groups: Vec<&Group> = rows.groups.iter().collect();
        let by_group: Vec<Vec<f64>> = (0..groups.len())
            .map(|index| alone[index].unscaled_residuals(&problem.point_of_block(index, &best)))
            .collect();
        if !scatter_equally(&by_group, problem.size()) {
            evidence.warnings.push(UNEVEN_GROUPS.into());
        }
        let noises = self.noises(rows, &clusters, &problem, &by_group, &draws.scatter)?;
        let responses: Vec<Vec<f64>> = alone.iter().map(|own| own.responses().collect()).collect();
        let groups_of_rows: Vec<(&[f64], &[f64])> =
            by_group.iter().zip(&responses).map(|(r, y)| (r.as_slice(), y.as_slice())).collect();
        if !self.method.objective.member().is_envelope()
            && let Some(warning) = evidence::no_trend_in_groups(&groups_of_rows, problem.size())
        {
            evidence.doubts.push(Doubt::NoTrend);
            evidence.warnings.push(warning.into());
        }
        let members = rows.groups.iter().zip(noises).enumerate().map(|(index, (group, noise))| {
            let places = &problem.places()[index];
            let own = problem.point_of_block(index, &best);
            let own_draws = Draws {
                points: draws.points.iter().map(|point| problem.point_of_block(index, point)).collect(),
                far: draws.far.iter().map(|point| problem.point_of_block(index, point)).collect(),
                ..Draws::default()
            };
            let own_shape = Shape {
                statuses: places.iter().map(|&place| shape.statuses[place]).collect(),
                flat: shape.flat.iter().map(|flat| places.iter().map(|&place| flat[place]).collect()).collect(),
                equals: shape.equals.iter().map(|point| problem.point_of_block(index, point)).collect(),
                gradient_norm: shape.gradient_norm,
                condition_number: shape.condition_number,
                warnings: Vec::new(),
            };
            let cost = alone[index].cost(&own);
            let evidence = Evidence { warnings: Vec::new(), ..evidence.clone() };
            let member = self.member(rows, group, &alone[index], &own, cost, own_shape, own_draws, noise, evidence)?;
            Ok(member.by(&self.law, &problem, &draws, places))
        });
        let members = members.collect::<Result<Vec<_>, Failure>>()?;
        Ok(FittedGroups { members, whole: Some(Whole { objective: found.best(self)?.cost, evidence }) })
    }

    /// The scatter of a new row of each group, from the residuals of all groups; `common` is the scatter of each draw
    /// if the groups were alike.
    fn noises(
        &self,
        rows: &Rows,
        clusters: &[usize],
        problem: &Problem,
        residuals: &[Vec<f64>],
        common: &[f64],
    ) -> Result<Vec<Noise>, Failure> {
        let groups: Vec<&Group> = rows.groups.iter().collect();
        let told = informative(clusters, problem, residuals);
        let scatter = scatter_of_groups(&told, if common.is_empty() { &[1.0] } else { common });
        let middles: Vec<f64> = scatter.iter().map(|own| median(own)).collect();
        let levelled: Vec<Vec<f64>> = residuals
            .iter()
            .zip(&middles)
            .map(|(own, middle)| own.iter().map(|residual| residual / middle).collect())
            .collect();
        let pooled = informative(clusters, problem, &levelled);
        let freedom: f64 = pooled.iter().map(|group| group.freedom).sum();
        let unit = (pooled.iter().map(|group| group.freedom * group.variance).sum::<f64>() / freedom).sqrt();
        if !(unit > 0.0 && unit.is_finite()) {
            let alike = self.noise_of(rows, &groups, problem, &residuals.concat())?;
            return Ok(vec![Noise { scatter: common.to_vec(), ..alike }; groups.len()]);
        }
        let levelled: Vec<f64> = levelled.concat().into_iter().map(|residual| residual / unit).collect();
        let alike = self.noise_of(rows, &groups, problem, &levelled)?;
        let of_group = |(own, middle): (Vec<f64>, f64)| Noise {
            residuals: alike.residuals.iter().map(|residual| residual * middle).collect(),
            scatter: own.iter().take(common.len()).map(|scatter| scatter / middle).collect(),
            ..alike.clone()
        };
        Ok(scatter.into_iter().zip(middles).map(of_group).collect())
    }
}

/// What the residuals of each group say about its scatter.
///
/// A parameter costs one degree of freedom: a group's own parameters those of the group, and shared parameters those of
/// all groups in proportion to their independent rows. Rows without weight say nothing.
fn informative(clusters: &[usize], problem: &Problem, residuals: &[Vec<f64>]) -> Vec<GroupResiduals> {
    let weights: Vec<f64> = problem.weights().collect();
    let mut users: BTreeMap<usize, usize> = BTreeMap::new();
    problem.places().iter().flatten().for_each(|place| *users.entry(*place).or_default() += 1);
    let shared = users.values().filter(|groups| **groups > 1).count() as f64;
    let mut first = 0;
    let counted: Vec<(f64, f64, f64)> = residuals
        .iter()
        .map(|own| {
            let rows: Vec<usize> = (0..own.len()).filter(|row| weights[first + row] > 0.0).collect();
            let squares: f64 = rows.iter().map(|&row| own[row] * own[row]).sum();
            let independent: BTreeSet<usize> = rows.iter().map(|row| clusters[first + row]).collect();
            first += own.len();
            (rows.len() as f64, independent.len() as f64, squares)
        })
        .collect();
    let all: f64 = counted.iter().map(|(_, independent, _)| independent).sum();
    let of_group = |(places, (rows, independent, squares)): (&Vec<usize>, (f64, f64, f64))| {
        let own = places.iter().filter(|place| users[*place] == 1).count() as f64;
        let freedom = independent - own - shared * independent / all;
        // The mean square of dependent rows has the freedom of the independent ones.
        let variance = if freedom > 0.0 { squares / rows * independent / freedom } else { 0.0 };
        GroupResiduals { variance, freedom }
    };
    problem.places().iter().zip(counted).map(of_group).collect()
}
