//! One unknown: roots by bracketed Newton steps, and minima by Brent's method, run by argmin.

use argmin::core::{CostFunction, Error, Executor, State};
use argmin::solver::brent::BrentOpt;

/// Why no root or minimum was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScalarError {
    /// The iteration failed; the function is not finite somewhere.
    #[error("the function is not finite between the ends")]
    NotFinite,
}

struct Function<F>(F);

impl<F: Fn(f64) -> f64> CostFunction for Function<F> {
    type Param = f64;
    type Output = f64;

    fn cost(&self, x: &f64) -> Result<f64, Error> {
        Ok((self.0)(*x))
    }
}

/// Number of bisections that shrinks a bracket of any two doubles to nothing.
const MAX_STEPS: u64 = 200;

/// A Newton step shorter than this, absolutely or relative to the new point, is the last one: its error is the square
/// of this.
const LAST_STEP: f64 = 1e-9;

/// The root, to the last digits, of a function that is negative at `low` and positive at `high`.
///
/// `f` returns the value and the slope. Newton's method starts from `start`. A bisection replaces a step that leaves
/// the bracket or shrinks it too slowly.
///
/// # Errors
/// The function is not finite at some point of the iteration.
pub fn root(mut f: impl FnMut(f64) -> (f64, f64), mut low: f64, mut high: f64, start: f64) -> Result<f64, ScalarError> {
    let (mut x, mut before) = (start, high - low);
    for _ in 0..MAX_STEPS {
        let (value, slope) = f(x);
        if !value.is_finite() {
            return Err(ScalarError::NotFinite);
        }
        if value == 0.0 {
            return Ok(x);
        }
        if value < 0.0 {
            low = x;
        } else {
            high = x;
        }
        let step = -value / slope;
        let next = x + step;
        let is_newton = low <= next && next <= high && step.abs() <= 0.75 * before;
        let next = if is_newton { next } else { f64::midpoint(low, high) };
        let moved = (next - x).abs();
        let last = LAST_STEP * x.abs().max(1.0);
        if (is_newton && moved <= last) || next == low || next == high {
            return Ok(next);
        }
        before = moved;
        x = next;
    }
    Ok(x)
}

/// The minimum of a unimodal function between two points, to about half of the digits.
///
/// # Errors
/// The function is not finite at some point of the iteration.
pub fn minimise(f: impl Fn(f64) -> f64, low: f64, high: f64) -> Result<f64, ScalarError> {
    let solver = BrentOpt::new(low, high);
    let run = Executor::new(Function(f), solver)
        .configure(|state| state.max_iters(MAX_STEPS))
        .timer(false)
        .run()
        .map_err(|_| ScalarError::NotFinite)?;
    run.state.get_best_param().copied().filter(|x| x.is_finite()).ok_or(ScalarError::NotFinite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_minimum_is_found() {
        let found = minimise(|x| (x - 0.3) * (x - 0.3), -1.0, 2.0).unwrap();
        assert!((found - 0.3).abs() < 1e-7, "{found}");
    }

    #[test]
    fn newton_steps_stay_in_the_bracket() {
        let cube = |x: f64| (x * x * x - 2.0, 3.0 * x * x);
        for start in [0.0, 1e-3, 1.0, 2.0] {
            let found = root(cube, 0.0, 2.0, start).unwrap();
            assert!((found - libm::cbrt(2.0)).abs() < 4e-16, "{found}");
        }
        // A step with plateaus on both sides, where the slope is nearly zero.
        let step = |x: f64| {
            let e = libm::exp(-200.0 * (x - 0.37));
            (1.0 / (1.0 + e) - 0.5, 200.0 * e / (1.0 + e) / (1.0 + e))
        };
        let found = root(step, -10.0, 10.0, -9.0).unwrap();
        assert!((found - 0.37).abs() < 1e-14, "{found}");
        // A jump has no root; the result is the place of the jump.
        let found = root(|x| (if x < 0.25 { -1.0 } else { 1.0 }, 0.0), 0.0, 1.0, 0.9).unwrap();
        assert!((found - 0.25).abs() < 1e-15, "{found}");
        assert_eq!(root(|_| (f64::NAN, 1.0), 0.0, 1.0, 0.5), Err(ScalarError::NotFinite));
    }
}
