//! The tangent plane of a law at its optimum, and refits of fitted values that are displaced along it.
//!
//! The law's values at the rows form a surface in the space of rows. Its tangent plane, and a displacement in it, do
//! not depend on how the law is written. A refit brings a displaced point back to the surface and follows curved
//! valleys. For a law that is linear in some coordinates, both steps are exact.

use std::sync::Arc;

use super::Fitted;
use super::dispersion::{self, Scale};
use super::freedom::{Refused, clusters};
use super::levels::{Levels, Residuals};
use crate::law::Order;
use crate::numerics::{Matrix, Random, eigen_symmetric, ln};
use crate::problem::Problem;
use crate::solver::{Minimum, Solver, Status, along_canyons, newton_within, through_infinity};

/// The tangent plane at the optimum, in units of the rows' scatter.
pub(super) struct Tangent<'a> {
    fitted: &'a Fitted<'a>,
    /// The point of contact: the optimum without bounds, where there is one.
    pub(super) centre: Vec<f64>,
    /// The objective and the residuals at the centre.
    cost: f64,
    residuals: Vec<f64>,
    /// Least squares over the rows, weighted by the curvature of each row's penalty, without bounds.
    squares: Problem,
    /// Factor of each residual: one over its scatter.
    metric: Vec<f64>,
    /// Orthonormal directions of the plane, each with an entry for every row.
    directions: Vec<Vec<f64>>,
    /// Each row's contribution to the gradient in units of its scatter; for least squares, the residual itself.
    pub(super) units: Vec<f64>,
    /// Independent rows minus parameters that can move.
    pub(super) freedom: usize,
    curvature: f64,
    /// The scale on which twice the increase of the objective is chi-square.
    dispersion: f64,
    /// The scatter of each row, where rows scatter differently.
    uneven: Option<Unequal>,
}

/// Rows that scatter differently.
struct Unequal {
    levels: Arc<Levels>,
    /// The Cholesky factor of the covariance of displacements in the directions of the plane.
    factor: Matrix,
}

impl<'a> Tangent<'a> {
    /// The plane of a fit at its optimum.
    ///
    /// # Errors
    /// There are at least as many parameters as rows, or some direction of the parameters leaves the values
    /// unchanged.
    pub(super) fn of(fitted: &'a Fitted<'a>) -> Result<Self, Refused> {
        let (free, centre) = centred(fitted);
        let movable = free.coordinates().iter().filter(|c| c.is_free()).count();
        let (independent, rows) = (clusters(fitted), fitted.clusters.len());
        let has_rows = if independent < rows { rows > movable } else { independent > movable };
        if !has_rows {
            return Err(Refused::without_freedom(fitted));
        }
        let freedom = independent.saturating_sub(movable).max(1);
        let scale = dispersion::of_rows(&free, &centre, freedom).ok_or(Refused::Flat)?;
        let tangent = Self::touching(fitted, &free, centre, freedom, &scale).ok_or(Refused::Flat)?;
        if independent == rows {
            return Ok(tangent);
        }
        let left = (independent as f64 - tangent.between()).round();
        if left < 1.0 { Err(Refused::without_freedom(fitted)) } else { Ok(Self { freedom: left as usize, ..tangent }) }
    }

    /// The number of parameters that only differences between clusters determine: the trace of the projection on the
    /// plane times the projection on what the rows of each cluster have in common. A parameter that the rows of every
    /// cluster determine on their own does not count.
    fn between(&self) -> f64 {
        let common = self.common();
        let of_cluster = |cluster: &Common| cluster.along.iter().map(|v| v * v).sum::<f64>() / cluster.rows;
        common.iter().map(of_cluster).sum()
    }

    /// What the rows of each cluster have in common.
    fn common(&self) -> Vec<Common> {
        let size = (self.metric.iter().map(|m| m * m).sum::<f64>() / self.metric.len() as f64).sqrt();
        let none = Common { rows: 0.0, along: vec![0.0; self.size()], unit: 0.0 };
        let mut all = vec![none; clusters(self.fitted)];
        for (row, &cluster) in self.fitted.clusters.iter().enumerate() {
            let (common, metric) = (&mut all[cluster], self.metric[row] / size);
            common.rows += metric * metric;
            common.unit += metric * self.units[row];
            common.along.iter_mut().zip(&self.directions).for_each(|(sum, q)| *sum += metric * q[row]);
        }
        all
    }

    /// Displacements of even scatter for rows of clusters: independent columns, whose squares sum to the covariance.
    ///
    /// The scatter has a part of each row and a part that the rows of a cluster have in common, both estimated from the
    /// residuals by the analysis of variance. In each of its principal directions, the displacements by the clusters
    /// themselves count instead where they are wider, as for residuals that drift within a cluster.
    fn even(&self) -> Vec<Vec<f64>> {
        let common = self.common();
        let (count, rows) = (common.len() as f64, self.metric.len() as f64);
        let between = self.between();
        let squares: f64 = self.units.iter().map(|unit| unit * unit).sum();
        let explained: f64 = common.iter().map(|c| c.unit * c.unit / c.rows).sum();
        let within = (squares - explained) / (rows - count - (self.size() as f64 - between)).max(1.0);
        let shared = (explained / (count - between).max(1.0) - within).max(0.0) / (rows / count);
        let mut covariance = Matrix::zeros(self.size());
        for i in 0..self.size() {
            covariance[(i, i)] += within;
            for k in 0..self.size() {
                covariance[(i, k)] += shared * common.iter().map(|c| c.along[i] * c.along[k]).sum::<f64>();
            }
        }
        let (variances, vectors) = eigen_symmetric(&covariance);
        let displaced = self.by_cluster();
        let column = |(index, variance): (usize, &f64)| -> Vec<f64> {
            let vector: Vec<f64> = (0..self.size()).map(|k| vectors[(index, k)]).collect();
            let own: f64 = displaced.iter().map(|d| dot(d, &vector)).map(|along| along * along).sum();
            let length = variance.max(own).sqrt();
            vector.into_iter().map(|part| part * length).collect()
        };
        variances.iter().enumerate().map(column).collect()
    }

    /// The plane at another optimum, in units of the same scatter; `None` where some direction leaves the values
    /// unchanged.
    pub(super) fn at(&self, optimum: &[f64]) -> Option<Self> {
        let free = self.fitted.problem.unbounded();
        let scale = Scale { curvature: self.curvature, dispersion: self.dispersion };
        let there = Self::touching(self.fitted, &free, optimum.to_vec(), self.freedom, &scale)?;
        Some(there.with_levels(self.uneven.as_ref().map(|uneven| Arc::clone(&uneven.levels))))
    }

    /// How the scatter of independent rows differs between the blocks of the problem, and along the law's variables.
    fn levels(&self) -> Option<Levels> {
        let problem = self.fitted.problem;
        let groups = problem.block_rows().into_iter().enumerate();
        let groups: Vec<usize> = groups.flat_map(|(group, rows)| std::iter::repeat_n(group, rows)).collect();
        let named = self.fitted.law.variables.iter().zip(problem.columns());
        let columns: Vec<Vec<f64>> =
            named.filter(|(variable, _)| !variable.is_of_knot()).map(|(_, column)| column).collect();
        Levels::of(&Residuals { units: &self.units, directions: &self.directions, groups: &groups, columns: &columns })
    }

    /// The plane with the scatter of its rows, where independent rows scatter differently.
    pub(super) fn with_scatter(self) -> Self {
        if clusters(self.fitted) < self.metric.len() {
            return self;
        }
        let levels = self.levels().map(Arc::new);
        self.with_levels(levels)
    }

    fn with_levels(self, levels: Option<Arc<Levels>>) -> Self {
        let uneven = levels.and_then(|levels| {
            let mut covariance = Matrix::zeros(self.size());
            for (i, a) in self.directions.iter().enumerate() {
                for (j, b) in self.directions.iter().enumerate() {
                    let rows = a.iter().zip(b).zip(levels.middle());
                    covariance[(i, j)] = rows.map(|((a, b), scatter)| a * b * scatter * scatter).sum();
                }
            }
            Some(Unequal { factor: covariance.cholesky()?, levels })
        });
        Self { uneven, ..self }
    }

    fn touching(
        fitted: &'a Fitted<'a>,
        free: &Problem,
        centre: Vec<f64>,
        freedom: usize,
        scale: &Scale,
    ) -> Option<Self> {
        let Scale { curvature, dispersion } = *scale;
        let metric: Vec<f64> = free.weights().map(|w| (w * curvature / dispersion).sqrt()).collect();
        let movable: Vec<usize> = (0..free.size()).filter(|&j| free.coordinates()[j].is_free()).collect();
        let directions = orthonormal(whitened(&free.jacobian(&centre), &metric, &movable))?;
        let residuals = free.residuals(&centre);
        let per_unit = (curvature * dispersion).sqrt();
        let unit = |(r, w): (f64, f64)| w.sqrt() * free.objective().slopes(r).0 / per_unit;
        let units = residuals.iter().copied().zip(free.weights()).map(unit).collect();
        let cost = free.cost(&centre);
        let squares = free.squared(&free.weights().collect::<Vec<_>>());
        Some(Self {
            fitted,
            centre,
            cost,
            residuals,
            squares,
            metric,
            directions,
            units,
            freedom,
            curvature,
            dispersion,
            uneven: None,
        })
    }

    /// Number of directions of the plane.
    pub(super) fn size(&self) -> usize {
        self.directions.len()
    }

    /// How much worse a point is than the centre, on the scale of a chi-square. Least squares uses its own sum; other
    /// objectives use the squared distance between the law's values. Where rows scatter differently, the distance is
    /// that of the values' projections on the plane, in units of what the scatter of the rows does to them.
    pub(super) fn rise(&self, point: &[f64]) -> f64 {
        let problem = self.fitted.problem;
        if problem.objective().member().is_square() && self.uneven.is_none() {
            return 2.0 * (problem.cost(point) - self.cost) / self.dispersion;
        }
        let moved = problem.residuals(point).into_iter().zip(&self.residuals).zip(&self.metric);
        let moved: Vec<f64> = moved.map(|((r, at), m)| m * (r - at)).collect();
        if self.uneven.is_none() { dot(&moved, &moved) } else { self.length(&self.project(&moved)) }
    }

    /// The squared length of a displacement along the directions, on the scale of a chi-square.
    pub(super) fn length(&self, along: &[f64]) -> f64 {
        match &self.uneven {
            None => dot(along, along),
            Some(uneven) => uneven.factor.solve_lower(along.to_vec()).iter().map(|part| part * part).sum(),
        }
    }

    /// The displacement by residuals of all rows, each in units of the row's own scatter, in units of a common scatter.
    pub(super) fn displaced_by(&self, residuals: &[f64], random: &mut Random, common: f64) -> Vec<f64> {
        let Some(uneven) = &self.uneven else { return self.project(residuals) };
        let mut rows = uneven.levels.draw(random, common);
        rows.iter_mut().zip(residuals).for_each(|(scatter, residual)| *scatter *= residual);
        self.project(&rows)
    }

    /// A displacement by normal scatter of all rows, in units of a common scatter.
    pub(super) fn displaced_normally(&self, random: &mut Random, common: f64) -> Vec<f64> {
        if self.uneven.is_none() {
            return (0..self.size()).map(|_| random.normal()).collect();
        }
        let normal: Vec<f64> = self.units.iter().map(|_| random.normal()).collect();
        self.displaced_by(&normal, random, common)
    }

    /// The residual of each row in units of its own scatter. A residual is narrower than the scatter, because the law
    /// follows the row.
    pub(super) fn standardised(&self) -> Vec<f64> {
        if let Some(uneven) = &self.uneven {
            return uneven.levels.standardised().to_vec();
        }
        let levelled = |(unit, leverage): (&f64, f64)| unit / (1.0 - leverage).max(LEAST_LEFT).sqrt();
        self.units.iter().zip(self.leverages()).map(levelled).collect()
    }

    /// How much wider displacements scatter than those of independent rows; 1 where rows are independent.
    pub(super) fn spread(&self) -> f64 {
        if clusters(self.fitted) == self.metric.len() {
            return 1.0;
        }
        // Two estimates: the displacements of clusters in the few directions of the plane, and their sums over all
        // directions. The wider one counts.
        let displaced: f64 = self.by_cluster().iter().flatten().map(|t| t * t).sum();
        let mut sums = vec![0.0; clusters(self.fitted)];
        self.fitted.clusters.iter().zip(&self.units).for_each(|(&cluster, unit)| sums[cluster] += unit);
        let summed = sums.iter().map(|s| s * s).sum::<f64>() / self.metric.len() as f64;
        let levelled = summed * sums.len() as f64 / self.freedom as f64;
        (displaced / self.size() as f64).max(levelled).sqrt()
    }

    /// The projection on the plane of a displacement of every row, in units of its scatter.
    pub(super) fn project(&self, rows: &[f64]) -> Vec<f64> {
        self.directions.iter().map(|q| dot(q, rows)).collect()
    }

    /// The leverage of each row: the diagonal of the projection.
    pub(super) fn leverages(&self) -> Vec<f64> {
        (0..self.metric.len()).map(|row| self.directions.iter().map(|q| q[row] * q[row]).sum()).collect()
    }

    /// The displacement by each cluster of rows alone, corrected for its leverage so that its square has the right
    /// mean (Bell and `McCaffrey` 2002): `(I - Q_c' Q_c)^(-1/2) Q_c' u_c`.
    pub(super) fn by_cluster(&self) -> Vec<Vec<f64>> {
        let (size, standardised) = (self.size(), self.standardised());
        let mut rows: Vec<Vec<usize>> = vec![Vec::new(); clusters(self.fitted)];
        self.fitted.clusters.iter().enumerate().for_each(|(row, &cluster)| rows[cluster].push(row));
        let of_cluster = |rows: Vec<usize>| -> Vec<f64> {
            if let [row] = rows[..] {
                let scatter = self.uneven.as_ref().map_or(1.0, |uneven| uneven.levels.middle()[row]);
                return self.directions.iter().map(|q| q[row] * (scatter * standardised[row])).collect();
            }
            let along = |q: &Vec<f64>| rows.iter().map(|&row| q[row] * self.units[row]).sum::<f64>();
            let score: Vec<f64> = self.directions.iter().map(along).collect();
            let mut left = Matrix::zeros(size);
            for (i, a) in self.directions.iter().enumerate() {
                for (j, b) in self.directions.iter().enumerate() {
                    let shared: f64 = rows.iter().map(|&row| a[row] * b[row]).sum();
                    left[(i, j)] = f64::from(u8::from(i == j)) - shared;
                }
            }
            levelled(&left, &score)
        };
        rows.into_iter().map(of_cluster).collect()
    }

    /// The refit of values displaced by `along` in each direction, from the centre and from other starts, and its
    /// problem. Neither has bounds.
    pub(super) fn refit(&self, along: &[f64], starts: &[Vec<f64>]) -> (Problem, Minimum) {
        let displacement = |row: usize| -> f64 { self.directions.iter().zip(along).map(|(q, t)| q[row] * t).sum() };
        let missed = |row: usize| if self.metric[row] > 0.0 { -displacement(row) / self.metric[row] } else { 0.0 };
        let missed: Vec<f64> = (0..self.metric.len()).map(missed).collect();
        let displaced = self.squares.missed_by(&self.centre, &missed);
        let mut minimum = self.refitted(&displaced, &self.centre);
        for start in starts {
            let end = self.refitted(&displaced, start);
            if end.cost < minimum.cost {
                minimum = end;
            }
        }
        (displaced, minimum)
    }

    /// The minimum of a displaced problem near a start.
    fn refitted(&self, displaced: &Problem, start: &[f64]) -> Minimum {
        let enough = NEGLIGIBLE * self.dispersion / self.curvature;
        let near = |start: &[f64]| {
            let near = newton_within(displaced, start, FEW_STEPS, enough);
            if near.status == Status::Converged {
                return near;
            }
            lower(near, along_canyons(displaced, start, MANY_STEPS, enough))
        };
        let mut end = near(start);
        if end.status == Status::Converged {
            return end;
        }
        if let Some(turned) = through_infinity(displaced, start, &end.point) {
            end = lower(end, near(&turned));
            if end.status == Status::Converged {
                return end;
            }
        }
        let on = along_canyons(displaced, &end.point, MOST_STEPS, enough);
        lower(end, on)
    }

    /// ln sqrt|J'J| + ln|J'Q| - ln|H| at a refit: the volume element of the surface, and the density of displacements
    /// that end there. H is half the Hessian of the refit's sum of squares.
    pub(super) fn log_room(&self, displaced: &Problem, point: &[f64]) -> f64 {
        let movable: Vec<usize> = (0..displaced.size()).filter(|&j| displaced.coordinates()[j].is_free()).collect();
        let columns = whitened(&displaced.jacobian(point), &self.metric, &movable);
        let size = columns.len();
        // All columns have unit length; the lengths cancel.
        let lengths: Vec<f64> = columns.iter().map(|c| dot(c, c).sqrt()).collect();
        let ratio = self.metric.iter().zip(displaced.weights()).find(|(m, w)| **m > 0.0 && *w > 0.0);
        let Some(per_unit) = ratio.map(|(m, w)| m * m / w) else { return f64::NEG_INFINITY };
        let mut gram = Matrix::zeros(size);
        let mut across = vec![vec![0.0; size]; size];
        let mut bend = displaced.evaluation(point, Order::Hessian).hessian_of(&movable);
        for i in 0..size {
            for j in 0..size {
                gram[(i, j)] = dot(&columns[i], &columns[j]) / (lengths[i] * lengths[j]);
                across[i][j] = dot(&columns[i], &self.directions[j]) / lengths[i];
                bend[(i, j)] *= 0.5 * per_unit / (lengths[i] * lengths[j]);
            }
        }
        let log_determinant = |m: Matrix| m.cholesky().map(|l| (0..size).map(|i| 2.0 * ln(l[(i, i)])).sum::<f64>());
        match (log_determinant(gram), log_determinant(bend)) {
            (Some(gram), Some(bend)) => 0.5 * gram + ln(determinant(across).abs()) - bend,
            _ => f64::NEG_INFINITY,
        }
    }
}

/// What the rows of a cluster have in common.
#[derive(Clone, Debug)]
struct Common {
    /// The sum of the squares of their relative metrics: their number, where all are equal.
    rows: f64,
    /// The sum of their entries in each direction.
    along: Vec<f64>,
    /// The sum of their contributions to the gradient.
    unit: f64,
}

/// Displacements by each cluster of rows alone, mixed with those of even scatter.
///
/// Few rows give a poor estimate of their own scatter. The weight of the clusters' own displacements grows with the
/// degrees of freedom, as if [`EVEN_ROWS`] more rows had scattered evenly.
pub(super) struct Uneven<'a> {
    tangent: &'a Tangent<'a>,
    by_cluster: Vec<Vec<f64>>,
    /// Square root of the weight of the rows' own displacements, and of the rest.
    own: f64,
    rest: f64,
    /// Columns of displacements of even scatter for clusters of several rows; `None` for independent rows.
    even: Option<Vec<Vec<f64>>>,
}

/// Number of additional rows that are assumed to scatter evenly.
const EVEN_ROWS: f64 = 10.0;

impl<'a> Uneven<'a> {
    /// The displacements of a fit.
    pub(super) fn of(tangent: &'a Tangent<'a>) -> Self {
        let own = tangent.freedom as f64 / (tangent.freedom as f64 + EVEN_ROWS);
        let has_clusters = clusters(tangent.fitted) < tangent.metric.len();
        let even = has_clusters.then(|| tangent.even());
        Self { tangent, by_cluster: tangent.by_cluster(), own: own.sqrt(), rest: (1.0 - own).sqrt(), even }
    }

    /// The displacement for one random factor per cluster, in units of a common scatter.
    pub(super) fn draw(&self, random: &mut Random, common: f64, factor: impl Fn(&mut Random) -> f64) -> Vec<f64> {
        let mut sum: Vec<f64> = match &self.even {
            None => {
                self.tangent.displaced_normally(random, common).into_iter().map(|along| self.rest * along).collect()
            }
            Some(columns) => {
                let normals: Vec<f64> = (0..self.tangent.size()).map(|_| self.rest * random.normal()).collect();
                let along = |k: usize| columns.iter().zip(&normals).map(|(column, z)| column[k] * z).sum();
                (0..self.tangent.size()).map(along).collect()
            }
        };
        for displacement in &self.by_cluster {
            let factor = self.own * factor(random);
            sum.iter_mut().zip(displacement).for_each(|(s, d)| *s += factor * d);
        }
        sum
    }
}

/// How far a refit may end above its minimum, on the scale of a chi-square.
const NEGLIGIBLE: f64 = 1e-8;
/// Number of Newton steps after which a refit counts as slow in a curved valley.
const FEW_STEPS: u64 = 15;
/// Number of steps in such a valley after which parameters count as divergent.
const MANY_STEPS: u64 = 40;
/// Maximum number of further steps.
const MOST_STEPS: u64 = 100;
/// Smallest share of a cluster that remains after correction for its own leverage.
pub(super) const LEAST_LEFT: f64 = 1e-3;

/// The end with the lower objective; the converged one if the objectives are equal.
fn lower(one: Minimum, other: Minimum) -> Minimum {
    let is_lower = one.cost < other.cost || (one.cost == other.cost && one.status == Status::Converged);
    if is_lower { one } else { other }
}

/// The problem without bounds, and its optimum.
///
/// A parameter on its bound is fitted without the bound, so that the rows determine how far from the bound it may be.
/// Where the law has no optimum there, the parameter is held. A parameter that changes the law's values only in ways
/// that the other parameters can is held too; the answers to queries do not depend on it.
pub(super) fn centred(fitted: &Fitted<'_>) -> (Problem, Vec<f64>) {
    let (free, optimum) = unbounded(fitted);
    let redundant: Vec<(usize, f64)> = redundant(&free, &optimum).into_iter().map(|j| (j, optimum[j])).collect();
    (free.holding(&redundant), optimum)
}

fn unbounded(fitted: &Fitted<'_>) -> (Problem, Vec<f64>) {
    let (problem, optimum) = (fitted.problem, fitted.optimum);
    let free = problem.unbounded();
    let on_bound: Vec<(usize, f64)> = (0..problem.size())
        .filter(|&j| problem.coordinates()[j].is_free() && !super::freedom::is_inside(fitted, j))
        .map(|j| (j, optimum[j]))
        .collect();
    if on_bound.is_empty() {
        return (free, optimum.to_vec());
    }
    let beyond = Solver::default().minimise(&free, optimum);
    if beyond.status == Status::Converged && free.is_resolved(&beyond.point) {
        return (free, beyond.point);
    }
    (free.holding(&on_bound), optimum.to_vec())
}

/// Free coordinates whose column of the Jacobian is a combination of the columns before it.
fn redundant(problem: &Problem, point: &[f64]) -> Vec<usize> {
    let metric: Vec<f64> = problem.weights().map(f64::sqrt).collect();
    let movable: Vec<usize> = (0..problem.size()).filter(|&j| problem.coordinates()[j].is_free()).collect();
    let columns = whitened(&problem.jacobian(point), &metric, &movable);
    let mut spanned: Vec<Vec<f64>> = Vec::new();
    let mut redundant = Vec::new();
    for (j, column) in movable.into_iter().zip(columns) {
        match beyond(&spanned, column) {
            Some(direction) => spanned.push(direction),
            None => redundant.push(j),
        }
    }
    redundant
}

/// Columns of a Jacobian for some coordinates, with each row multiplied by its metric.
fn whitened(rows: &[Vec<f64>], metric: &[f64], movable: &[usize]) -> Vec<Vec<f64>> {
    movable.iter().map(|&j| rows.iter().zip(metric).map(|(row, m)| row[j] * m).collect()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Remainder of a column after projection, as a share of its length, below which the column counts as dependent.
const DEPENDENT: f64 = 1e-9;

/// Orthonormal columns that span the same plane; `None` where the columns are dependent.
fn orthonormal(columns: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let mut spanned = Vec::new();
    for column in columns {
        spanned.push(beyond(&spanned, column)?);
    }
    Some(spanned)
}

/// The unit vector of a column's component orthogonal to the given ones (Gram-Schmidt, twice); `None` where it is
/// dependent.
fn beyond(spanned: &[Vec<f64>], mut column: Vec<f64>) -> Option<Vec<f64>> {
    let length = dot(&column, &column).sqrt();
    if !(length.is_finite() && length > 0.0) {
        return None;
    }
    column.iter_mut().for_each(|x| *x /= length);
    for _ in 0..2 {
        for q in spanned {
            let along = dot(q, &column);
            column.iter_mut().zip(q).for_each(|(x, q)| *x -= along * q);
        }
    }
    let left = dot(&column, &column).sqrt();
    if left < DEPENDENT {
        return None;
    }
    column.iter_mut().for_each(|x| *x /= left);
    Some(column)
}

/// The determinant of a square matrix, by elimination with pivots.
fn determinant(mut rows: Vec<Vec<f64>>) -> f64 {
    let size = rows.len();
    let mut product = 1.0;
    for k in 0..size {
        let Some(pivot) = (k..size).max_by(|&a, &b| rows[a][k].abs().total_cmp(&rows[b][k].abs())) else { return 0.0 };
        if rows[pivot][k] == 0.0 {
            return 0.0;
        }
        if pivot != k {
            rows.swap(pivot, k);
            product = -product;
        }
        product *= rows[k][k];
        let (above, below) = rows.split_at_mut(k + 1);
        for row in below {
            let factor = row[k] / above[k][k];
            row.iter_mut().zip(&above[k]).skip(k).for_each(|(x, a)| *x -= factor * a);
        }
    }
    product
}

/// The inverse square root of a symmetric matrix times a vector. Eigenvalues are raised to at least [`LEAST_LEFT`].
fn levelled(matrix: &Matrix, vector: &[f64]) -> Vec<f64> {
    let (values, vectors) = eigen_symmetric(matrix);
    let mut levelled = vec![0.0; vector.len()];
    for (k, value) in values.iter().enumerate() {
        let along: f64 = vector.iter().enumerate().map(|(j, x)| vectors[(k, j)] * x).sum();
        let along = along / value.max(LEAST_LEFT).sqrt();
        levelled.iter_mut().enumerate().for_each(|(j, x)| *x += along * vectors[(k, j)]);
    }
    levelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applying_the_inverse_square_root_twice_solves_the_system() {
        let mut left = Matrix::zeros(3);
        for (i, row) in [[0.9, -0.2, 0.1], [-0.2, 0.5, 0.15], [0.1, 0.15, 0.7]].into_iter().enumerate() {
            row.into_iter().enumerate().for_each(|(j, cell)| left[(i, j)] = cell);
        }
        let score = [0.3, -1.2, 2.0];
        let solved = levelled(&left, &levelled(&left, &score));
        for (i, known) in score.into_iter().enumerate() {
            let product: f64 = (0..3).map(|j| left[(i, j)] * solved[j]).sum();
            assert!((product - known).abs() < 1e-12, "{product} {known}");
        }
    }
}
