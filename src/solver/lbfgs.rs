//! Limited-memory BFGS: argmin's implementation, with guards around its known faults.
//!
//! The first step of argmin's method is the raw gradient, so the objective is scaled until the gradient has norm one;
//! otherwise most starts jump onto a plateau. The line search may give up, panic or loop forever, so evaluations are
//! counted, panics are caught, and the best point so far is kept.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

use argmin::core::{CostFunction, Error, Executor, Gradient, State, TerminationReason, TerminationStatus};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

use super::{Minimise, Minimum, Status};
use crate::law::{Order, Workspace};
use crate::problem::{Evaluation, Problem};

/// Number of stored corrections, as in scipy.
const MEMORY: usize = 10;
/// Maximum number of steps, as in scipy's default, for one start of a published grid.
const MAX_STEPS: u64 = 1000;
/// Maximum number of evaluations; a run that needs more is taken to loop forever.
const MAX_EVALUATIONS: usize = 20_000;
/// A run has converged where every component of the scaled gradient is smaller.
const GRADIENT: f64 = 1e-7;

/// The objective as argmin calls it.
struct Fenced<'a> {
    problem: &'a Problem,
    scale: f64,
    workspace: RefCell<(Workspace, Evaluation)>,
    best: RefCell<(f64, Vec<f64>)>,
    left: Cell<usize>,
}

impl Fenced<'_> {
    /// The point limited to the bounds. Outside them the objective is extended as a constant.
    fn inside(&self, point: &[f64]) -> Vec<f64> {
        self.problem.coordinates().iter().zip(point).map(|(c, x)| x.clamp(c.lower, c.upper)).collect()
    }

    fn spend(&self) -> Result<(), Error> {
        let left = self.left.get().checked_sub(1).ok_or_else(|| Error::msg("too many evaluations"))?;
        self.left.set(left);
        Ok(())
    }
}

impl CostFunction for &Fenced<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, point: &Vec<f64>) -> Result<f64, Error> {
        self.spend()?;
        let point = self.inside(point);
        let (workspace, out) = &mut *self.workspace.borrow_mut();
        self.problem.evaluate(&point, Order::Value, workspace, out);
        let cost = out.cost();
        if !cost.is_finite() {
            return Err(Error::msg("the objective is not finite"));
        }
        if cost < self.best.borrow().0 {
            *self.best.borrow_mut() = (cost, point);
        }
        Ok(cost * self.scale)
    }
}

impl Gradient for &Fenced<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, point: &Vec<f64>) -> Result<Vec<f64>, Error> {
        self.spend()?;
        let inside = self.inside(point);
        let (workspace, out) = &mut *self.workspace.borrow_mut();
        self.problem.evaluate(&inside, Order::Gradient, workspace, out);
        // Outside a bound the objective is constant.
        let of = |((x, y), g): ((&f64, &f64), &f64)| if x == y { g * self.scale } else { 0.0 };
        Ok(point.iter().zip(&inside).zip(&out.sums.gradient).map(of).collect())
    }
}

/// The member of the list of solvers.
pub(super) struct Lbfgs;

impl Minimise for Lbfgs {
    fn minimise(&self, problem: &Problem, start: &[f64]) -> Minimum {
        lbfgs(problem, start)
    }
}

fn lbfgs(problem: &Problem, start: &[f64]) -> Minimum {
    let mut fenced = Fenced {
        problem,
        scale: 1.0,
        workspace: RefCell::default(),
        best: RefCell::new((f64::INFINITY, Vec::new())),
        left: Cell::new(MAX_EVALUATIONS),
    };
    let start = fenced.inside(start);
    let first = (&&fenced).gradient(&start).unwrap_or_default();
    let norm = first.iter().map(|g| g * g).sum::<f64>().sqrt();
    let at_start = problem.cost(&start);
    if !(norm.is_finite() && at_start.is_finite()) {
        return Minimum { point: start, cost: at_start, status: Status::NotFinite, iterations: 0, unmoved: true };
    }
    if norm == 0.0 {
        return Minimum { point: start, cost: at_start, status: Status::Converged, iterations: 0, unmoved: true };
    }
    fenced.scale = 1.0 / norm;
    *fenced.best.borrow_mut() = (at_start, start.clone());
    let run = catch_unwind(AssertUnwindSafe(|| {
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
            .with_tolerance_grad(GRADIENT)
            .and_then(|solver| solver.with_tolerance_cost(1e-15))?;
        Executor::new(&fenced, solver)
            .configure(|state| state.param(start.clone()).max_iters(MAX_STEPS))
            .timer(false)
            .run()
    }));
    let (status, iterations) = match run {
        Ok(Ok(result)) => {
            let state = result.state();
            let status = match state.get_termination_status() {
                TerminationStatus::Terminated(
                    TerminationReason::SolverConverged | TerminationReason::TargetCostReached,
                ) => Status::Converged,
                TerminationStatus::Terminated(TerminationReason::MaxItersReached) => Status::Stalled,
                _ => Status::Failed,
            };
            (status, state.get_iter())
        }
        Ok(Err(_)) | Err(_) => (Status::Failed, 0),
    };
    let (cost, point) = fenced.best.into_inner();
    Minimum { unmoved: point == start, point, cost, status, iterations }
}
