//! The posterior: wherever the rows allow the parameters to be, in every valley of the objective.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dispersion::{of_clusters, of_rows};
use super::freedom::{clusters, flat, freedom, stretch, without_freedom};
use super::sandwich::{Movable, curvature};
use super::{Draws, Fitted, Method, default_level};
use crate::law::{Order, Workspace};
use crate::numerics::{Random, eigen_symmetric, ln, mean, standard_deviation};
use crate::problem::{Evaluation, Problem};
use crate::solver::{Cancelled, broadened};

/// Draws from the posterior under flat priors of what the search moves in, within the bounds: of least squares the
/// density RSS^(-n/2) that is left when the scatter is integrated out, of other objectives what their rise and its
/// dispersion say. Ensembles walk by differential evolution (ter Braak 2006, doi:10.1007/s11222-006-8769-1) from every
/// optimum that is nearly as good as the best, so that a fit with several valleys has the intervals of all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Posterior {
    /// Number of draws.
    #[serde(default = "super::default_draws")]
    pub draws: usize,
    /// Coverage of the intervals.
    #[serde(default = "default_level")]
    pub level: f64,
}

/// Ensembles that know nothing of each other: where they agree, each has been everywhere.
const ENSEMBLES: usize = 4;
/// Fewest walkers of an ensemble, and fewest for each parameter.
const WALKERS: (usize, usize) = (16, 3);
/// Steps of each walker; of the first half nothing is kept.
const STEPS: usize = 3000;
/// Share of steps that are drawn anew around the best optimum: where the objective is a parabola each is kept.
const ANEW: f64 = 0.3;
/// Share of the others that go all the way from one walker to another, from valley to valley.
const LEAPS: f64 = 0.1;
/// How far from its valley a walker starts where the objective is flat.
const WIDE: f64 = 2.0;
/// Ensembles differ by more than chance where the scatter of all is wider than that of each by this factor (Gelman and Rubin 1992).
const APART: f64 = 1.2;

impl Method for Posterior {
    fn name(&self) -> &'static str {
        "posterior"
    }

    fn count(&self) -> (&'static str, usize) {
        ("draws", self.draws)
    }

    fn level(&self) -> f64 {
        self.level
    }

    fn describe(&self) -> String {
        format!("posterior under flat priors, {} draws", self.draws)
    }

    fn draw(&self, fitted: &Fitted<'_>) -> Result<Draws, Cancelled> {
        let Some(freedom) = freedom(fitted) else { return Ok(without_freedom(fitted)) };
        let Some(density) = Density::of(fitted, freedom) else { return Ok(flat()) };
        let walks = (0..ENSEMBLES).into_par_iter().map(|ensemble| density.walk(ensemble, fitted));
        let walks = walks.collect::<Result<Vec<_>, _>>()?;
        let mut draws = Draws::default();
        if let Some(apart) = apart(&walks).filter(|apart| *apart > APART) {
            draws.warnings.push(format!(
                "The posterior is wide and its walks have not been everywhere: together they scatter {apart:.1} times as wide as each, and the intervals are rough."
            ));
        }
        let all: Vec<Vec<f64>> = walks.into_iter().flatten().collect();
        draws.points = (0..self.draws).map(|i| all[i * all.len() / self.draws].clone()).collect();
        Ok(draws)
    }
}

/// The posterior density of a fit.
struct Density<'a> {
    problem: &'a Problem,
    /// The objective at the optimum.
    cost: f64,
    /// The scale on which twice its rise is chi-square.
    dispersion: f64,
    freedom: usize,
    /// Number of independent rows.
    rows: f64,
    /// Where walkers start.
    valleys: Vec<Valley<'a>>,
}

/// A local optimum, and how far from it the rows hardly object.
struct Valley<'a> {
    optimum: &'a [f64],
    /// Steps of one standard error.
    steps: Vec<Vec<f64>>,
}

impl<'a> Density<'a> {
    fn of(fitted: &Fitted<'a>, freedom: usize) -> Option<Self> {
        let problem = fitted.problem;
        let bending = broadened(problem, fitted.optimum);
        let dispersion = if clusters(fitted) == problem.rows() {
            of_rows(fitted, &bending, freedom)?
        } else {
            mean(&of_clusters(&curvature(fitted, &bending, Movable::Inside)?))
        };
        let optima = std::iter::once(fitted.optimum).chain(fitted.rivals.iter().map(Vec::as_slice));
        let valleys = optima.map(|optimum| Valley::of(&bending, optimum, dispersion)).collect();
        let cost = problem.cost(fitted.optimum);
        let rows = clusters(fitted) as f64;
        Some(Self { problem, cost, dispersion, freedom, rows, valleys }).filter(|d| d.dispersion > 0.0)
    }

    /// The logarithm of the density at a point, but for a constant: that of a multivariate t where the objective is a
    /// parabola.
    fn log(&self, point: &[f64], workspace: &mut Workspace, out: &mut Evaluation) -> f64 {
        let inside = point.iter().zip(self.problem.coordinates()).all(|(x, c)| c.lower <= *x && *x <= c.upper);
        if !inside {
            return f64::NEG_INFINITY;
        }
        self.problem.evaluate(point, Order::Value, workspace, out);
        let rise = 2.0 * (out.cost() - self.cost) / (self.dispersion * self.freedom as f64);
        if rise.is_finite() { -0.5 * self.rows * ln((1.0 + rise).max(1e-12)) } else { f64::NEG_INFINITY }
    }

    /// The logarithm of the density from which steps are drawn anew, but for a constant.
    fn foretold(&self, point: &[f64]) -> f64 {
        let freedom = self.freedom as f64;
        -0.5 * (freedom + point.len() as f64) * ln(1.0 + self.valleys[0].distance(point) / freedom)
    }

    /// What one ensemble visits after the first half of its way, in the order of its steps.
    fn walk(&self, ensemble: usize, fitted: &Fitted<'_>) -> Result<Vec<Vec<f64>>, Cancelled> {
        let mut random = Random::new(fitted.seed, "posterior", ensemble as u64);
        let (mut workspace, mut out) = (Workspace::default(), Evaluation::default());
        let size = self.problem.size();
        let count = WALKERS.0.max(WALKERS.1 * size);
        let start = |i: usize| {
            let mut point = vec![0.0; size];
            self.valleys[i % self.valleys.len()].around(1.0, &mut random, &mut point);
            point.iter_mut().zip(self.problem.coordinates()).for_each(|(x, c)| *x = x.clamp(c.lower, c.upper));
            point
        };
        let mut walkers: Vec<Vec<f64>> = (0..count).map(start).collect();
        let mut logs: Vec<f64> = walkers.iter().map(|point| self.log(point, &mut workspace, &mut out)).collect();
        let usual = 2.38 / (2.0 * size as f64).sqrt();
        let mut visited = Vec::with_capacity(count * STEPS / 2);
        let mut tried = vec![0.0; size];
        for step in 0..STEPS {
            if (fitted.watch.cancelled)() {
                return Err(Cancelled);
            }
            for own in 0..count {
                let mut favour = 0.0;
                if random.uniform() < ANEW {
                    let stretch = stretch(&mut random, self.freedom);
                    self.valleys[0].around(stretch, &mut random, &mut tried);
                    favour = self.foretold(&walkers[own]) - self.foretold(&tried);
                } else {
                    let [from, to] = two_others(own, count, &mut random);
                    let reach = if random.uniform() < LEAPS { 1.0 } else { usual * random.log_normal(0.3) };
                    for (j, tried) in tried.iter_mut().enumerate() {
                        *tried = walkers[own][j] + reach * (walkers[to][j] - walkers[from][j]) + 1e-9 * random.normal();
                    }
                }
                let log = self.log(&tried, &mut workspace, &mut out);
                if ln(random.uniform()) < log - logs[own] + favour {
                    walkers[own].copy_from_slice(&tried);
                    logs[own] = log;
                }
            }
            if step >= STEPS / 2 {
                visited.extend(walkers.iter().cloned());
            }
            if ensemble == 0 {
                (fitted.watch.tick)(step + 1, STEPS);
            }
        }
        Ok(visited)
    }
}

impl<'a> Valley<'a> {
    fn of(bending: &Problem, optimum: &'a [f64], dispersion: f64) -> Self {
        let (values, vectors) = eigen_symmetric(&bending.evaluation(optimum, Order::GaussNewton).hessian_matrix());
        let size = optimum.len();
        let step = |i: usize| {
            let length = (dispersion / values[i].max(0.0)).sqrt().min(WIDE);
            (0..size).map(|j| length * vectors[(i, j)]).collect()
        };
        Self { optimum, steps: (0..size).map(step).collect() }
    }

    /// A normal step from the optimum, times a factor.
    fn around(&self, stretch: f64, random: &mut Random, point: &mut [f64]) {
        point.copy_from_slice(self.optimum);
        for step in &self.steps {
            let by = stretch * random.normal();
            point.iter_mut().zip(step).for_each(|(x, s)| *x += by * s);
        }
    }

    /// The squared distance of a point from the optimum, in standard errors.
    fn distance(&self, point: &[f64]) -> f64 {
        let along = |step: &Vec<f64>| {
            let square: f64 = step.iter().map(|s| s * s).sum();
            let by = step.iter().zip(point).zip(self.optimum).map(|((s, x), at)| s * (x - at)).sum::<f64>() / square;
            by * by
        };
        self.steps.iter().map(along).sum()
    }
}

/// Two walkers that are not one's own nor each other.
fn two_others(own: usize, count: usize, random: &mut Random) -> [usize; 2] {
    let first = (own + 1 + random.below(count - 1)) % count;
    loop {
        let second = (own + 1 + random.below(count - 1)) % count;
        if second != first {
            return [first, second];
        }
    }
}

/// How much wider all walks scatter together than each alone, along the coordinate where they differ most.
fn apart(walks: &[Vec<Vec<f64>>]) -> Option<f64> {
    let size = walks.first()?.first()?.len();
    let along = |j: usize| {
        let own = |walk: &Vec<Vec<f64>>| walk.iter().map(|point| point[j]).collect::<Vec<f64>>();
        let each: Vec<Vec<f64>> = walks.iter().map(own).collect();
        let squares: Vec<f64> = each.iter().map(|values| standard_deviation(values)).map(|s| s * s).collect();
        let between = standard_deviation(&each.iter().map(|values| mean(values)).collect::<Vec<f64>>());
        (1.0 + between * between / mean(&squares)).sqrt()
    };
    (0..size).map(along).filter(|apart| apart.is_finite()).max_by(f64::total_cmp)
}
