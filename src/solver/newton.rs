//! Newton's method with exact second derivatives, Marquardt damping and bounds, as an argmin solver.
//!
//! Damping is scaled by the diagonal (Marquardt 1963, doi:10.1137/0111030), so the iteration does not depend on the
//! units of a parameter. Coordinates at an active bound are left out of the step (Bertsekas 1982,
//! doi:10.1137/0320018).

use argmin::core::{
    Error, Executor, IterState, KV, Problem as Counted, Solver, State, TerminationReason, TerminationStatus,
};

use super::{Minimise, Minimum, Status};
use crate::law::{Order, Workspace};
use crate::numerics::Matrix;
use crate::problem::{Evaluation, Problem};

/// Maximum number of steps from one start; a start on a flat ridge needs a hundred.
pub(super) const MAX_STEPS: u64 = 500;
/// Initial damping. It is small because sizes and exponents trade off along ridges that larger damping would hide.
const DAMPING: f64 = 1e-6;
/// Damping below this value, after many steps that needed none, is set to zero.
const LEAST_DAMPING: f64 = 1e-9;
/// A predicted decrease below this share of the objective counts as rounding.
const TOLERANCE: f64 = 1e-14;

/// Newton's method as a solver.
pub(super) struct Newton;

impl Minimise for Newton {
    fn minimise(&self, problem: &Problem, start: &[f64]) -> Minimum {
        newton(problem, start)
    }
}

/// Minimises a problem with a smooth objective from a start.
pub fn newton(problem: &Problem, start: &[f64]) -> Minimum {
    damped(problem, start, Order::Hessian, MAX_STEPS, 0.0)
}

/// Takes at most `most` steps of [`newton`], and none that is expected to lower the objective by less than `enough`.
pub fn newton_within(problem: &Problem, start: &[f64], most: u64, enough: f64) -> Minimum {
    damped(problem, start, Order::Hessian, most, enough)
}

/// Minimises by damped steps. `order` selects exact second derivatives or those of Gauss-Newton.
pub(super) fn damped(problem: &Problem, start: &[f64], order: Order, most: u64, enough: f64) -> Minimum {
    let bounded: Vec<f64> = problem.coordinates().iter().zip(start).map(|(c, x)| x.clamp(c.lower, c.upper)).collect();
    let solver = Descent { enough, ..Descent::at(problem, bounded.clone(), order) };
    let status_at_start = solver.status;
    if status_at_start == Some(Status::NotFinite) || bounded.is_empty() {
        let status = status_at_start.unwrap_or(Status::Converged);
        return Minimum { point: bounded, cost: solver.here.cost(), status, iterations: 0, unmoved: true };
    }
    let run = Executor::new(problem, solver)
        .configure(|state: Iterate| state.param(bounded.clone()).max_iters(most))
        .timer(false)
        .run();
    match run {
        Ok(result) => {
            let solver = result.solver;
            Minimum {
                cost: solver.here.cost(),
                status: solver.status.unwrap_or(Status::Stalled),
                iterations: result.state.get_iter(),
                unmoved: solver.point == bounded,
                point: solver.point,
            }
        }
        // The iteration itself returns no errors; this arm covers argmin's internal ones.
        Err(_) => {
            Minimum { point: bounded, cost: f64::INFINITY, status: Status::Stalled, iterations: 0, unmoved: true }
        }
    }
}

type Iterate = IterState<Vec<f64>, (), (), (), (), f64>;

/// The iteration's state.
struct Descent {
    point: Vec<f64>,
    trial: Vec<f64>,
    here: Evaluation,
    there: Evaluation,
    workspace: Workspace,
    damping: f64,
    order: Order,
    /// Smallest decrease that is worth a step.
    enough: f64,
    status: Option<Status>,
}

impl Descent {
    fn at(problem: &Problem, point: Vec<f64>, order: Order) -> Self {
        let mut workspace = Workspace::default();
        let mut here = Evaluation::default();
        problem.evaluate(&point, order, &mut workspace, &mut here);
        let status = if here.is_finite() { None } else { Some(Status::NotFinite) };
        let trial = Vec::new();
        Self {
            point,
            trial,
            here,
            there: Evaluation::default(),
            workspace,
            damping: DAMPING,
            order,
            enough: 0.0,
            status,
        }
    }

    /// The coordinates that can move: those inside the bounds, and those at a bound whose descent leads inside.
    fn movable(&self, problem: &Problem) -> Vec<usize> {
        let coordinates = problem.coordinates();
        (0..self.point.len())
            .filter(|&j| {
                let (x, g) = (self.point[j], self.here.sums.gradient[j]);
                !((x <= coordinates[j].lower && g >= 0.0) || (x >= coordinates[j].upper && g <= 0.0))
            })
            .collect()
    }

    /// Adapts the damping to the ratio of actual to predicted decrease.
    fn trust(&mut self, gain: f64) {
        self.damping = match gain {
            g if g > 0.5 && self.damping < LEAST_DAMPING => 0.0,
            g if g > 0.5 => self.damping / 100.0,
            g if g < 0.25 => (self.damping * 3.0).max(DAMPING),
            _ => self.damping,
        };
    }

    /// Takes one step that lowers the objective, or ends the iteration.
    fn advance(&mut self, problem: &Problem) {
        let movable = self.movable(problem);
        if movable.is_empty() {
            self.status = Some(Status::Converged);
            return;
        }
        let hessian = self.here.hessian_of(&movable);
        let gradient: Vec<f64> = movable.iter().map(|&j| self.here.sums.gradient[j]).collect();
        let mut indefinite = false;
        for _attempt in 0..80 {
            let Some(step) = damped_step(&hessian, &gradient, self.here.cost(), self.damping) else {
                indefinite = true;
                self.damping = (self.damping * 8.0).max(1e-12);
                continue;
            };
            let slope: f64 = gradient.iter().zip(&step).map(|(g, s)| g * s).sum();
            let predicted = -slope - 0.5 * quadratic(&hessian, &step);
            let small = predicted.abs() <= TOLERANCE * self.here.cost().abs() + self.enough + f64::MIN_POSITIVE;
            if small && self.damping <= 1e-3 {
                // Damping can make a step along a flat ridge too short to matter, so try again without damping.
                if indefinite || self.damping <= 1e-13 {
                    self.status = Some(Status::Converged);
                    return;
                }
                self.damping *= 1e-3;
                continue;
            }
            let mut share = 1.0;
            for _shorter in 0..=SHORTER {
                let trial = &mut self.trial;
                trial.clone_from(&self.point);
                for (&j, s) in movable.iter().zip(&step) {
                    let c = problem.coordinates()[j];
                    trial[j] = (trial[j] + share * s).clamp(c.lower, c.upper);
                }
                let wanted = self.order.below(self.here.cost());
                problem.evaluate(trial, wanted, &mut self.workspace, &mut self.there);
                if self.there.cost() < self.here.cost() && self.there.is_finite() {
                    if share == 1.0 {
                        self.trust((self.here.cost() - self.there.cost()) / predicted);
                    }
                    std::mem::swap(&mut self.point, &mut self.trial);
                    std::mem::swap(&mut self.here, &mut self.there);
                    return;
                }
                if small {
                    break;
                }
                // The minimum of the parabola through the slope here and the objective at the tried point.
                let excess = self.there.cost() - self.here.cost() - share * slope;
                share *= if excess.is_finite() { (-0.5 * share * slope / excess).clamp(0.2, 0.5) } else { 0.2 };
            }
            if small {
                self.status = Some(Status::Converged);
                return;
            }
            self.damping = (self.damping * 30.0).max(DAMPING);
        }
        self.status = Some(Status::Stalled);
    }
}

/// Maximum number of times that a step is shortened before the damping turns it.
const SHORTER: usize = 4;

/// Solves (H + damping D) s = -g; `None` where that matrix is not positive definite.
///
/// D is `|H_jj| + g_j^2 / cost`. Where every residual is on the linear part of its penalty, H may have zeros on its
/// diagonal, and damping by a multiple of `|H_jj|` alone would not make it definite.
fn damped_step(hessian: &Matrix, gradient: &[f64], cost: f64, damping: f64) -> Option<Vec<f64>> {
    let mut damped = hessian.clone();
    for (j, g) in gradient.iter().enumerate() {
        let scale = hessian[(j, j)].abs() + g * g / cost.abs().max(f64::MIN_POSITIVE);
        damped[(j, j)] += damping * scale.max(f64::MIN_POSITIVE);
    }
    let minus: Vec<f64> = gradient.iter().map(|g| -g).collect();
    Some(damped.cholesky()?.solve_factored(minus))
}

fn quadratic(matrix: &Matrix, vector: &[f64]) -> f64 {
    let n = vector.len();
    (0..n).map(|i| vector[i] * (0..n).map(|j| matrix[(i, j)] * vector[j]).sum::<f64>()).sum()
}

impl Solver<&Problem, Iterate> for Descent {
    fn name(&self) -> &'static str {
        "newton"
    }

    fn next_iter(&mut self, problem: &mut Counted<&Problem>, state: Iterate) -> Result<(Iterate, Option<KV>), Error> {
        if let Some(problem) = problem.problem {
            self.advance(problem);
        }
        Ok((state.cost(self.here.cost()), None))
    }

    fn terminate(&mut self, _: &Iterate) -> TerminationStatus {
        match self.status {
            None => TerminationStatus::NotTerminated,
            Some(Status::Converged) => TerminationStatus::Terminated(TerminationReason::SolverConverged),
            Some(_) => {
                TerminationStatus::Terminated(TerminationReason::SolverExit("no step lowers the objective".to_owned()))
            }
        }
    }
}
