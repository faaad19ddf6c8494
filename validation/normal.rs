//! The normal distribution, for the chance that a simulated run lies in an interval.

use lawfit::numerics::exp;

/// The standard normal distribution function (Abramowitz and Stegun 26.2.17, to 7.5e-8).
pub(crate) fn below(z: f64) -> f64 {
    if z == f64::NEG_INFINITY {
        return 0.0;
    }
    if z < 0.0 {
        return 1.0 - below(-z);
    }
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let poly =
        t * (0.319_381_530 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    1.0 - exp(-0.5 * z * z) / (2.0 * std::f64::consts::PI).sqrt() * poly
}
