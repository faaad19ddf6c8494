//! The discrepancy of a law: a member plus a smooth random process over the logarithm of scale.
//!
//! z = member(t; p) + g(t) + noise, with Cov g = tau^2 exp(-distance / 2), where the distance is the sum of the
//! differences of the logarithms of the sizes. This is an Ornstein-Uhlenbeck process; Kennedy and O'Hagan 2001
//! (doi:10.1111/1467-9868.00294) use a process for the error of a model. tau and the noise are averaged over a grid
//! with weights from Laplace's approximation of the marginal likelihood.

use rayon::prelude::*;

use super::history::History;
use super::members::Member;
use super::posterior::Posterior;
use crate::numerics::{Matrix, exp, ln};

/// Grid values of the standard deviation of the process and of the noise.
const TAUS: [f64; 4] = [0.003, 0.01, 0.03, 0.1];
const NOISES: [f64; 5] = [0.001, 0.0025, 0.006, 0.015, 0.04];
/// More values of the noise for runs that scatter by more than the last of those, as error rates close to zero.
const LARGE_NOISES: [f64; 2] = [0.1, 0.25];
/// Priors of both: the centre, and the standard deviation of the logarithm.
const LIKELY_TAU: (f64, f64) = (0.02, 1.0);
const LIKELY_NOISE: (f64, f64) = (0.006, 1.2);
/// Correlation length of the process, in the logarithm of scale.
const LENGTH: f64 = 2.0;
/// Maximum number of runs; longer histories are thinned evenly.
const MOST_RUNS: usize = 160;
/// Maximum number of steps in a cell of the grid.
const STEPS: usize = 12;
/// Relative weight below which a cell is left out.
const NEGLIGIBLE: f64 = 0.02;

/// Mean and variance of ln y at each target.
pub(super) struct Forecast {
    pub(super) means: Vec<f64>,
    pub(super) variances: Vec<f64>,
    /// The standard deviation of the process, averaged over the grid.
    pub(super) tau: f64,
}

/// The result of one cell of the grid.
struct Cell {
    log_weight: f64,
    tau: f64,
    means: Vec<f64>,
    variances: Vec<f64>,
}

/// A member with its process, fitted to a history.
pub(super) struct Process {
    history: History,
    cells: Vec<Fitted>,
}

/// The most probable parameters in one cell of the grid.
struct Fitted {
    log_weight: f64,
    tau: f64,
    noise: f64,
    /// Cholesky factor of the covariance of the residuals.
    factor: Matrix,
    point: Vec<f64>,
    here: Whitened,
    /// Cholesky factor of the precision of the parameters.
    spread: Matrix,
}

impl Process {
    /// Fits every cell of the grid; `None` where there is no run. `ceiling` is ln y at chance level, where known.
    pub(super) fn of(member: &Member, posterior: &Posterior, history: &History, ceiling: Option<f64>) -> Option<Self> {
        let history = thinned(history);
        history.last()?;
        let is_noisy = posterior.scatter > NOISES[NOISES.len() - 1];
        let around = Around {
            centres: member.centres(&history, ceiling),
            deviations: member.priors.iter().map(|prior| prior.deviation).collect(),
            runs: history.columns(history.runs.iter().map(|run| &run.logs)),
            z: history.runs.iter().map(|run| run.z).collect(),
            noises: history.runs.iter().map(|run| history.noise_at(run.z)).collect(),
            posterior,
            // The usual prior is that of losses. Where runs scatter far more, it would halve the interval.
            likely_noise: if is_noisy { (posterior.scatter, LIKELY_NOISE.1) } else { LIKELY_NOISE },
        };
        let correlations = correlation(&history, history.runs.iter().map(|run| &run.logs));
        let noises: Vec<f64> = NOISES.into_iter().chain(LARGE_NOISES.into_iter().filter(|_| is_noisy)).collect();
        let sizes: Vec<(f64, f64)> =
            TAUS.into_iter().flat_map(|tau| noises.iter().map(move |&noise| (tau, noise))).collect();
        let cells = sizes
            .into_par_iter()
            .filter_map(|(tau, noise)| around.fitted(&correlations, tau, noise))
            .filter(|cell| cell.log_weight.is_finite())
            .collect();
        Some(Self { history, cells })
    }

    /// Forecasts ln y at targets, which are given by the logarithms of their sizes; `None` where no cell gives a finite
    /// result. `posterior` is that of the member.
    pub(super) fn at(&self, posterior: &Posterior, targets: &[Vec<f64>]) -> Option<Forecast> {
        let columns = posterior.bind(&self.history.columns(targets.iter()));
        let correlations = correlation(&self.history, targets.iter());
        let cells: Vec<Cell> = self
            .cells
            .par_iter()
            .map(|fitted| fitted.at(posterior, &columns, &correlations, &self.history))
            .filter(|cell| cell.means.iter().all(|m| m.is_finite()))
            .collect();
        mixture(&cells, targets.len())
    }

    /// The cells that are not negligible, with their weights.
    pub(super) fn weighted(&self) -> Vec<(f64, Likely<'_>)> {
        let best = self.cells.iter().map(|cell| cell.log_weight).fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = self.cells.iter().map(|cell| exp(cell.log_weight - best)).collect();
        let all: f64 = weights.iter().sum();
        let kept = weights.into_iter().zip(&self.cells).filter(|(weight, _)| *weight >= NEGLIGIBLE * all);
        kept.map(|(weight, Fitted { tau, point, spread, .. })| (weight, Likely { tau: *tau, point, spread })).collect()
    }
}

/// A member's parameters in one cell of the grid.
pub(super) struct Likely<'a> {
    /// Standard deviation of the process.
    pub(super) tau: f64,
    /// The most probable parameters.
    pub(super) point: &'a [f64],
    /// Cholesky factor of their precision.
    pub(super) spread: &'a Matrix,
}

impl Likely<'_> {
    /// Standard deviation of the slope of the process over its correlation length l, in ln y per ln of scale:
    /// tau sqrt(2 (1 - 1 / e)) / l, because values at that distance have the correlation 1 / e.
    pub(super) fn slope(&self) -> f64 {
        self.tau * (2.0 * (1.0 - exp(-1.0))).sqrt() / LENGTH
    }
}

impl Fitted {
    /// Means and variances of ln y at targets, given by bound columns and their correlations with the runs.
    fn at(
        &self,
        posterior: &Posterior,
        targets: &crate::law::Columns,
        correlations: &[Vec<f64>],
        history: &History,
    ) -> Cell {
        let Self { log_weight, tau, noise, factor, point, here, spread } = self;
        // K^-1 r and K^-1 J from their whitened forms.
        let targets = posterior.slopes_at(targets, point);
        let (means, variances) = targets
            .into_iter()
            .zip(correlations)
            .map(|((value, slopes), row)| {
                let k: Vec<f64> = row.iter().map(|c| tau * tau * c).collect();
                let whitened = factor.solve_lower(k);
                let dot = |other: &[f64]| whitened.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
                let mean = value + dot(&here.residuals);
                let along: Vec<f64> = slopes.iter().zip(&here.slopes).map(|(own, runs)| own - dot(runs)).collect();
                let by_parameters: f64 = spread.solve_lower(along).iter().map(|v| v * v).sum();
                let noise = noise * history.noise_at(mean);
                let variance = (tau * tau - dot(&whitened)).max(0.0) + by_parameters + noise * noise;
                (mean, variance)
            })
            .unzip();
        Cell { log_weight: *log_weight, tau: *tau, means, variances }
    }
}

/// Means and variances of the mixture of the cells.
fn mixture(cells: &[Cell], targets: usize) -> Option<Forecast> {
    let best = cells.iter().map(|cell| cell.log_weight).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = cells.iter().map(|cell| exp(cell.log_weight - best)).collect();
    let all: f64 = weights.iter().sum();
    let kept: Vec<(f64, &Cell)> = weights.into_iter().zip(cells).filter(|(w, _)| *w >= NEGLIGIBLE * all).collect();
    let sum: f64 = kept.iter().map(|(w, _)| w).sum();
    let mean_of = |of: &dyn Fn(&Cell) -> f64| kept.iter().map(|(w, cell)| w * of(cell)).sum::<f64>() / sum;
    if kept.is_empty() {
        return None;
    }
    let means: Vec<f64> = (0..targets).map(|i| mean_of(&|cell| cell.means[i])).collect();
    let variances = (0..targets)
        .map(|i| mean_of(&|cell| cell.variances[i] + (cell.means[i] - means[i]) * (cell.means[i] - means[i])))
        .collect();
    Some(Forecast { means, variances, tau: mean_of(&|cell| cell.tau) })
}

fn thinned(history: &History) -> History {
    let n = history.runs.len();
    if n <= MOST_RUNS {
        return history.clone();
    }
    // The largest run is always included.
    let chosen = (0..MOST_RUNS).map(|i| history.runs[i * (n - 1) / (MOST_RUNS - 1)].clone());
    History { runs: chosen.collect(), scatter: history.scatter }
}

/// The correlation of the process between some places (rows) and the runs (columns).
fn correlation<'a>(history: &History, places: impl Iterator<Item = &'a Vec<f64>>) -> Vec<Vec<f64>> {
    let between = |a: &[f64], b: &[f64]| {
        let distance: f64 = a.iter().zip(b).map(|(x, y)| (x - y).abs()).sum();
        exp(-distance / LENGTH)
    };
    places.map(|place| history.runs.iter().map(|run| between(place, &run.logs)).collect()).collect()
}

/// A member near its most probable parameters, at the runs.
struct Around<'a> {
    centres: Vec<f64>,
    deviations: Vec<f64>,
    runs: Vec<Vec<f64>>,
    z: Vec<f64>,
    /// The scatter of each run, relative to that of the largest.
    noises: Vec<f64>,
    posterior: &'a Posterior,
    /// The prior of the noise.
    likely_noise: (f64, f64),
}

/// Whitened residuals and slopes of a member, and half the sum of their squares with that of the priors.
struct Whitened {
    residuals: Vec<f64>,
    /// Slopes by parameter.
    slopes: Vec<Vec<f64>>,
    cost: f64,
}

impl Around<'_> {
    fn fitted(&self, correlations: &[Vec<f64>], tau: f64, noise: f64) -> Option<Fitted> {
        let n = self.z.len();
        let mut covariance = Matrix::zeros(n);
        for (i, row) in correlations.iter().enumerate() {
            for (k, c) in row.iter().enumerate() {
                covariance[(i, k)] =
                    tau * tau * c + if i == k { noise * noise * self.noises[i] * self.noises[i] } else { 0.0 };
            }
        }
        let factor = covariance.cholesky()?;
        let (point, here) = self.likeliest(&factor)?;
        let curvature = self.curvature(&here);
        let spread = curvature.cholesky()?;
        let log_determinant = |factor: &Matrix| (0..factor.size()).map(|i| ln(factor[(i, i)])).sum::<f64>();
        let unlikely = |value: f64, (centre, deviation): (f64, f64)| {
            let off = ln(value / centre) / deviation;
            0.5 * off * off
        };
        let log_weight = -here.cost
            - log_determinant(&factor)
            - log_determinant(&spread)
            - unlikely(tau, LIKELY_TAU)
            - unlikely(noise, self.likely_noise);
        Some(Fitted { log_weight, tau, noise, factor, point, here, spread })
    }

    /// The most probable parameters for a covariance of the residuals (damped Gauss-Newton steps).
    fn likeliest(&self, factor: &Matrix) -> Option<(Vec<f64>, Whitened)> {
        let columns = self.posterior.bind(&self.runs);
        let mut point = self.posterior.point.clone();
        let mut here = self.whitened(factor, &columns, &point)?;
        let mut damping = 1e-3;
        for _ in 0..STEPS {
            let mut matrix = self.curvature(&here);
            (0..point.len()).for_each(|j| matrix[(j, j)] *= 1.0 + damping);
            let gradient: Vec<f64> = (0..point.len())
                .map(|j| {
                    let runs: f64 = here.slopes[j].iter().zip(&here.residuals).map(|(s, r)| s * r).sum();
                    let deviation = self.deviations[j];
                    runs - (point[j] - self.centres[j]) / (deviation * deviation)
                })
                .collect();
            let step = matrix.cholesky()?.solve_factored(gradient);
            let trial: Vec<f64> = point.iter().zip(&step).map(|(x, s)| x + s).collect();
            match self.whitened(factor, &columns, &trial).filter(|there| there.cost < here.cost) {
                Some(there) => {
                    let small = here.cost - there.cost < 1e-10 * here.cost;
                    (point, here) = (trial, there);
                    damping *= 0.1;
                    if small {
                        break;
                    }
                }
                None => damping *= 8.0,
            }
        }
        Some((point, here))
    }

    /// The member's whitened residuals at the runs; `None` where they are not finite.
    fn whitened(&self, factor: &Matrix, columns: &crate::law::Columns, point: &[f64]) -> Option<Whitened> {
        let rows = self.posterior.slopes_at(columns, point);
        let left: Vec<f64> = self.z.iter().zip(&rows).map(|(z, (value, _))| z - value).collect();
        let residuals = factor.solve_lower(left);
        let slopes =
            (0..point.len()).map(|j| factor.solve_lower(rows.iter().map(|(_, slopes)| slopes[j]).collect())).collect();
        let off = point.iter().zip(&self.centres).zip(&self.deviations).map(|((x, centre), d)| (x - centre) / d);
        let cost = 0.5 * (residuals.iter().map(|r| r * r).sum::<f64>() + off.map(|o| o * o).sum::<f64>());
        cost.is_finite().then_some(Whitened { residuals, slopes, cost })
    }

    /// J' K^-1 J plus the precision of the priors.
    fn curvature(&self, here: &Whitened) -> Matrix {
        let p = self.deviations.len();
        let mut matrix = Matrix::zeros(p);
        for i in 0..p {
            for k in 0..=i {
                let product: f64 = here.slopes[i].iter().zip(&here.slopes[k]).map(|(a, b)| a * b).sum();
                (matrix[(i, k)], matrix[(k, i)]) = (product, product);
            }
            matrix[(i, i)] += 1.0 / (self.deviations[i] * self.deviations[i]);
        }
        matrix
    }
}
