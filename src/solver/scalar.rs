//! One unknown: roots and minima by Brent's methods, hosted by argmin.

use argmin::core::{CostFunction, Error, Executor, State};
use argmin::solver::brent::{BrentOpt, BrentRoot};

/// Why there is no root or minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScalarError {
    /// The function has the same sign at both ends.
    #[error("the function does not change its sign between the ends")]
    NoSignChange,
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

/// Steps after which a bracket of any two doubles has been halved to nothing.
const MAX_STEPS: u64 = 200;

/// The root of a continuous function between two points where its signs differ, to the last digits.
///
/// # Errors
/// Where the signs do not differ, or the function is not finite.
pub fn root(f: impl Fn(f64) -> f64, low: f64, high: f64) -> Result<f64, ScalarError> {
    let (at_low, at_high) = (f(low), f(high));
    if at_low == 0.0 {
        return Ok(low);
    }
    if at_high == 0.0 {
        return Ok(high);
    }
    if at_low.is_nan() || at_high.is_nan() {
        return Err(ScalarError::NotFinite);
    }
    if at_low.signum() == at_high.signum() {
        return Err(ScalarError::NoSignChange);
    }
    let solver = BrentRoot::new(low, high, 1e-15);
    let run = Executor::new(Function(f), solver)
        .configure(|state| state.param(low).max_iters(MAX_STEPS))
        .timer(false)
        .run()
        .map_err(|_| ScalarError::NotFinite)?;
    run.state.get_best_param().copied().filter(|x| x.is_finite()).ok_or(ScalarError::NotFinite)
}

/// The minimum of a function with one valley between two points, to about half of the digits.
///
/// # Errors
/// Where the function is not finite.
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
    fn a_known_root_and_a_known_minimum_are_found() {
        let found = root(|x| x * x * x - 2.0, 0.0, 2.0).unwrap();
        assert!((found - libm::cbrt(2.0)).abs() < 1e-14, "{found}");
        let found = minimise(|x| (x - 0.3) * (x - 0.3), -1.0, 2.0).unwrap();
        assert!((found - 0.3).abs() < 1e-7, "{found}");
    }

    #[test]
    fn a_function_without_a_sign_change_has_no_root() {
        assert_eq!(root(|x| x * x + 1.0, -1.0, 1.0), Err(ScalarError::NoSignChange));
    }
}
