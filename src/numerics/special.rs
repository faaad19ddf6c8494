//! Functions that a formula may call, apart from `exp` and `ln`, and those that their derivatives
//! need.
//!
//! All but the polygamma functions come from the `libm` crate, which does not call the platform's
//! library.

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is named by what it computes")]
pub enum Special {
    Sin,
    Cos,
    Tan,
    Atan,
    Tanh,
    Erf,
    Gamma,
    /// The polygamma function: the derivative of the given order of the digamma function, which is
    /// the derivative of ln gamma.
    Polygamma(u8),
}

impl Special {
    /// The value at `x`; `NaN` outside the domain.
    pub fn at(self, x: f64) -> f64 {
        match self {
            Self::Sin => libm::sin(x),
            Self::Cos => libm::cos(x),
            Self::Tan => libm::tan(x),
            Self::Atan => libm::atan(x),
            Self::Tanh => libm::tanh(x),
            Self::Erf => libm::erf(x),
            Self::Gamma => libm::tgamma(x),
            Self::Polygamma(order) => polygamma(order, x),
        }
    }
}

/// From here on, the asymptotic series is exact to the last digits for orders up to four.
const FAR: f64 = 24.0;
/// Below this argument gamma is zero to all digits.
const FARTHEST_BELOW: f64 = -200.0;
/// Bernoulli numbers of even index, from the second on.
const BERNOULLI: [f64; 10] = [
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43_867.0 / 798.0,
    -174_611.0 / 330.0,
];

/// The polygamma function of a given order (Abramowitz and Stegun 1964, 6.3.5, 6.3.18, 6.4.6 and
/// 6.4.11).
fn polygamma(order: u8, x: f64) -> f64 {
    if !x.is_finite() || x < FARTHEST_BELOW || (x <= 0.0 && x.fract() == 0.0) {
        return f64::NAN;
    }
    let (n, sign) = (i32::from(order), if order.is_multiple_of(2) { -1.0 } else { 1.0 });
    let factorial = |n: i32| (1..=n).fold(1.0, |product, k| product * f64::from(k));
    // Each step of the recurrence adds one to x and collects one term of the series of poles.
    let (mut x, mut poles) = (x, 0.0);
    while x < FAR {
        poles += libm::pow(x, -f64::from(n + 1));
        x += 1.0;
    }
    let mut series = if n == 0 { -libm::log(x) } else { factorial(n - 1) * libm::pow(x, -f64::from(n)) };
    series += 0.5 * factorial(n) * libm::pow(x, -f64::from(n + 1));
    for (k, bernoulli) in (1..).zip(BERNOULLI) {
        // (2k + n - 1)! / (2k)!
        let ratio = (2 * k + 1..2 * k + n).fold(1.0, |product, j| product * f64::from(j));
        let ratio = if n == 0 { 1.0 / f64::from(2 * k) } else { ratio };
        series += bernoulli * ratio * libm::pow(x, -f64::from(2 * k + n));
    }
    sign * (series + factorial(n) * poles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polygamma_gives_published_values() {
        // Abramowitz and Stegun 1964, tables 6.1 and 6.4, and the constants of Euler, Catalan and
        // Apery.
        for (order, x, value) in [
            (0, 1.0, -0.577_215_664_901_532_9),
            (0, 0.5, -1.963_510_026_021_423_4),
            (0, 10.0, 2.251_752_589_066_721),
            (0, -0.5, 0.036_489_973_978_576_52),
            (1, 1.0, 1.644_934_066_848_226_4),
            (1, 0.25, 17.197_329_154_507_11),
            (2, 1.0, -2.404_113_806_319_188_5),
            (1, 50.0, 0.020_201_333_226_697_128),
        ] {
            let found = Special::Polygamma(order).at(x);
            assert!((found - value).abs() < 2e-14 * value.abs().max(1.0), "{order} at {x}: {found} for {value}");
        }
        assert!([0.0, -3.0, f64::NAN].iter().all(|x| Special::Polygamma(0).at(*x).is_nan()));
    }

    #[test]
    fn gamma_rises_by_its_argument() {
        for x in [0.3, 1.7, 5.2, -0.4] {
            let (here, next) = (Special::Gamma.at(x), Special::Gamma.at(x + 1.0));
            assert!((next / (x * here) - 1.0).abs() < 1e-14, "{x}");
        }
    }
}
