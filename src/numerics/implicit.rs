//! Equations without a closed-form solution, solved by iterations that always converge.

use super::{exp, ln};

/// Newton steps from the nearer asymptote. Each step about doubles the number of right digits; the
/// starting value is off by less than two.
const STEPS: usize = 12;

/// Solves (y - floor) / (ceiling - y)^alpha = size x^-c for y between `floor` and `ceiling`.
///
/// The bent power law M4 of Alabdulmohsin et al. 2022, arXiv:2209.06640. Substitute y = floor + b
/// s(t), where b is `ceiling - floor` and s the logistic function. The logarithm of the equation is
/// then t + (alpha - 1) ln(1 + e^t) = ln(size x^-c) + (alpha - 1) ln b. The left side rises with
/// slopes from 1 to alpha and bends in one direction only, so Newton's method from the asymptote
/// converges monotonically.
pub fn excess_ratio(x: f64, floor: f64, ceiling: f64, alpha: f64, size: f64, c: f64) -> f64 {
    let b = ceiling - floor;
    let right = ln(size) - c * ln(x) + (alpha - 1.0) * ln(b);
    let mut t = if right < 0.0 { right } else { right / alpha };
    for _ in 0..STEPS {
        let (softplus, logistic) = softplus(t);
        let slope = 1.0 + (alpha - 1.0) * logistic;
        t -= (t + (alpha - 1.0) * softplus - right) / slope;
    }
    floor + b * softplus(t).1
}

/// ln(1 + e^t) and its derivative, the logistic function.
fn softplus(t: f64) -> (f64, f64) {
    let small = exp(-t.abs());
    (t.max(0.0) + ln(1.0 + small), if t < 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_equation_holds_at_its_solution_over_decades() {
        for alpha in [0.01, 0.3, 1.0, 2.5, 5.0] {
            for c in [0.05, 0.3, 1.0] {
                for x in [1.0, 1e3, 1e6, 1e9, 1e12] {
                    let y = excess_ratio(x, 0.1, 0.9, alpha, 30.0, c);
                    let left = (y - 0.1) / libm::pow(0.9 - y, alpha);
                    let right = 30.0 * libm::pow(x, -c);
                    // Near an end of the interval, the digits of y limit the accuracy.
                    let clear = (y - 0.1).min(0.9 - y) > 1e-9;
                    assert!(!clear || (left / right - 1.0).abs() < 1e-6, "{alpha} {c} {x}: {left} {right}");
                    assert!((0.1..=0.9).contains(&y));
                }
            }
        }
        // With alpha near zero the law is a power above a floor.
        assert!((excess_ratio(1e4, 0.1, 1.0, 1e-12, 2.0, 0.5) - 0.12).abs() < 1e-9);
    }
}
