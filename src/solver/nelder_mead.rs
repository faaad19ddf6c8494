//! The Nelder-Mead simplex: argmin's implementation.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Executor, State};
use argmin::solver::neldermead::NelderMead as Simplex;

use super::{Minimise, Minimum, Status};
use crate::law::{Order, Workspace};
use crate::problem::{Evaluation, Problem};

/// Maximum number of steps for each coordinate.
const STEPS: u64 = 400;
/// The simplex has converged when its vertices differ by less, relative to the objective at the start.
const TOLERANCE: f64 = 1e-14;

struct Inside<'a> {
    problem: &'a Problem,
    workspace: RefCell<(Workspace, Evaluation)>,
}

impl Inside<'_> {
    fn clamped(&self, point: &[f64]) -> Vec<f64> {
        self.problem.coordinates().iter().zip(point).map(|(c, x)| x.clamp(c.lower, c.upper)).collect()
    }
}

impl CostFunction for &Inside<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, point: &Vec<f64>) -> Result<f64, Error> {
        let (workspace, out) = &mut *self.workspace.borrow_mut();
        self.problem.evaluate(&self.clamped(point), Order::Value, workspace, out);
        // A large finite value makes the simplex move away.
        Ok(if out.cost().is_finite() { out.cost() } else { f64::MAX })
    }
}

/// The Nelder-Mead solver.
pub(super) struct NelderMead;

impl Minimise for NelderMead {
    fn minimise(&self, problem: &Problem, start: &[f64]) -> Minimum {
        nelder_mead(problem, start)
    }

    fn needs_no_slopes(&self) -> bool {
        true
    }
}

/// Reflections of a simplex (Nelder and Mead 1965, doi:10.1093/comjnl/7.4.308) whose first corners lie a
/// twentieth of each coordinate from the start, as in scipy.
fn nelder_mead(problem: &Problem, start: &[f64]) -> Minimum {
    let inside = Inside { problem, workspace: RefCell::default() };
    let start = inside.clamped(start);
    let at_start = problem.cost(&start);
    if !at_start.is_finite() || start.is_empty() {
        let status = if at_start.is_finite() { Status::Converged } else { Status::NotFinite };
        return Minimum { point: start, cost: at_start, status, iterations: 0, unmoved: true };
    }
    let mut corners = vec![start.clone()];
    for (j, c) in problem.coordinates().iter().enumerate() {
        let mut corner = start.clone();
        let step = if corner[j] == 0.0 { 2.5e-4 } else { 0.05 * corner[j] };
        corner[j] = if corner[j] + step > c.upper { corner[j] - step } else { corner[j] + step };
        corners.push(corner);
    }
    let steps = STEPS * start.len() as u64;
    let run = Simplex::new(corners)
        .with_sd_tolerance(TOLERANCE * at_start.abs())
        .and_then(|solver| Executor::new(&inside, solver).configure(|state| state.max_iters(steps)).timer(false).run());
    let Ok(result) = run else {
        return Minimum { point: start, cost: at_start, status: Status::Failed, iterations: 0, unmoved: true };
    };
    let state = result.state();
    let point = state.get_best_param().map_or_else(|| start.clone(), |best| inside.clamped(best));
    let status = if state.get_iter() < steps { Status::Converged } else { Status::Stalled };
    let (cost, iterations) = (problem.cost(&point), state.get_iter());
    Minimum { unmoved: point == start, point, cost, status, iterations }
}
