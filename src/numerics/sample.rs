//! Summary statistics and distribution functions, each with a fixed order of summation.

use super::{exp, ln};

/// Arithmetic mean; `NaN` for an empty sample.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard deviation with the divisor n - 1; `NaN` for fewer than two values.
pub fn standard_deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let mean = mean(values);
    let sum: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    (sum / (values.len() - 1) as f64).sqrt()
}

/// The `p`-quantile of values in ascending order, by linear interpolation (Hyndman and Fan 1996,
/// type 7). Between infinite values it is the nearer one; for an empty sample it is `NaN`.
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = p.clamp(0.0, 1.0) * last as f64;
    let low = position.floor() as usize;
    let high = (low + 1).min(last);
    let (below, above, share) = (sorted[low], sorted[high], position - low as f64);
    if below.is_infinite() || above.is_infinite() {
        return if share < 0.5 { below } else { above };
    }
    below + (above - below) * share
}

/// The ends of the interval that holds at least a share `level` of a sorted sample, given the
/// estimate.
///
/// The interval is central, with equal shares outside each end. Where most of the sample lies above
/// the estimate, the estimate itself tends to be too high (a law that bends is an example). The
/// lower end then reaches as far as that of the bias-corrected interval (Efron 1987,
/// doi:10.1080/01621459.1987.10478410). The same holds for the upper end where most of the sample
/// lies below. Where less than a tail lies on one side of the estimate, the interval ends at the
/// estimate on that side and reaches further on the other.
///
/// `on_bound` says that a parameter lies on a bound. The bound cuts the sample there, which is no
/// sign of a bias, so nothing is corrected.
pub fn central(sorted: &[f64], estimate: f64, level: f64, on_bound: bool) -> (f64, f64) {
    let tail = (1.0 - level) / 2.0;
    let bias = if on_bound { 0.0 } else { bias_of(sorted, estimate) };
    let corrected = |p: f64| if bias == 0.0 { p } else { normal_below(normal_quantile(p) + 2.0 * bias) };
    let (lower, upper) = (corrected(tail).min(tail), corrected(1.0 - tail).max(1.0 - tail));
    let (lower, upper) = (quantile(sorted, lower), quantile(sorted, upper));
    let share = |count: usize| count as f64 / sorted.len().max(1) as f64;
    if estimate < lower {
        let below = share(sorted.partition_point(|x| *x < estimate));
        (estimate, quantile(sorted, (below + level).min(1.0)).max(estimate))
    } else if estimate > upper {
        let above = share(sorted.len() - sorted.partition_point(|x| *x <= estimate));
        (quantile(sorted, (1.0 - above - level).max(0.0)).min(estimate), estimate)
    } else {
        (lower, upper)
    }
}

/// The ends of an interval, without those beyond which far points lie by more than the width of the interval. Ends that are
/// nearer are moved to the far points.
pub fn without_open_ends([lower, upper]: [Option<f64>; 2], far: impl IntoIterator<Item = f64>) -> [Option<f64>; 2] {
    let (Some(low), Some(high)) = (lower, upper) else { return [lower, upper] };
    let width = high - low;
    far.into_iter().fold([lower, upper], |[lower, upper], value| {
        [
            lower.filter(|_| value >= low - width).map(|end| end.min(value)),
            upper.filter(|_| value <= high + width).map(|end| end.max(value)),
        ]
    })
}

/// An estimate within this many standard errors of the sample's middle counts as unbiased.
const BY_CHANCE: f64 = 2.0;
/// Upper limit of the bias in standard deviations. A larger bias would put the ends of an interval
/// at single draws.
const MOST_BIAS: f64 = 0.5;

/// The bias of an estimate: its distance above the middle of a sorted sample in standard deviations
/// of a normal sample, less what chance explains.
fn bias_of(sorted: &[f64], estimate: f64) -> f64 {
    let place = |count: usize| count as f64 / sorted.len().max(1) as f64;
    let below = place(sorted.partition_point(|x| *x < estimate));
    let upto = place(sorted.partition_point(|x| *x <= estimate));
    let bias = normal_quantile(f64::midpoint(below, upto));
    // The standard error of the share below the middle, 0.5 / sqrt(n), over the normal density there, 1 / sqrt(2 pi).
    let chance = BY_CHANCE * 0.5 * (2.0 * std::f64::consts::PI / sorted.len().max(1) as f64).sqrt();
    let beyond = (bias.abs() - chance).clamp(0.0, MOST_BIAS);
    if estimate.is_finite() { beyond.copysign(bias) } else { 0.0 }
}

/// The median; `NaN` for an empty sample.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}

/// The probability that a standard normal variable is below `z`.
fn normal_below(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// The `p`-quantile of the standard normal distribution, by bisection of its distribution function.
pub fn normal_quantile(p: f64) -> f64 {
    normal_mixture_quantile(&[(1.0, 0.0, 1.0)], p)
}

/// The `p`-quantile of a mixture of normal distributions, by bisection of its distribution
/// function.
///
/// Each part is a share, a mean and a standard deviation. The shares sum to 1.
pub fn normal_mixture_quantile(parts: &[(f64, f64, f64)], p: f64) -> f64 {
    let below = |z: f64| -> f64 {
        let part = |(share, mean, deviation): &(f64, f64, f64)| share * normal_below((z - mean) / deviation);
        parts.iter().map(part).sum()
    };
    let end = |sign: f64| parts.iter().map(move |(_, mean, deviation)| mean + sign * 40.0 * deviation);
    let (mut low, mut high) = (end(-1.0).fold(f64::INFINITY, f64::min), end(1.0).fold(f64::NEG_INFINITY, f64::max));
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle == low || middle == high {
            break;
        }
        if below(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The `p`-quantile of Student's t with an integer number of degrees of freedom, by bisection of
/// its distribution function (a finite sum: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).
pub fn student_quantile(p: f64, freedom: usize) -> f64 {
    if p < 0.5 {
        return -student_quantile(1.0 - p, freedom);
    }
    let (mut low, mut high) = (0.0_f64, 1e12_f64);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if f64::midpoint(1.0, student_central(middle, freedom)) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The probability that |t| is below a number.
fn student_central(t: f64, freedom: usize) -> f64 {
    if t.is_infinite() {
        return 1.0;
    }
    let square = t * t + freedom as f64;
    let (sine, cosine) = (t / square.sqrt(), (freedom as f64 / square).sqrt());
    let odd = freedom % 2 == 1;
    // cos + 2/3 cos^3 + ... for odd degrees of freedom, 1 + 1/2 cos^2 + ... for even ones, up to
    // cos^(freedom - 2).
    let first = usize::from(odd);
    let (mut term, mut sum) = (if odd { cosine } else { 1.0 }, 0.0);
    let mut power = first;
    while power + 2 <= freedom {
        sum += term;
        term *= (power + 1) as f64 / (power + 2) as f64 * cosine * cosine;
        power += 2;
    }
    if odd { (libm::atan2(sine, cosine) + sine * sum) * std::f64::consts::FRAC_2_PI } else { sine * sum }
}

/// The probability that Student's t with an integer number of degrees of freedom exceeds `t`.
pub fn student_tail(t: f64, freedom: usize) -> f64 {
    let outside = 1.0 - student_central(t.abs(), freedom);
    if t < 0.0 { 1.0 - 0.5 * outside } else { 0.5 * outside }
}

/// The probability that Fisher's F exceeds `f`, for integer degrees of freedom of the numerator and
/// the denominator.
///
/// Finite sums: Abramowitz and Stegun 1964, 26.6.4 and 26.6.8.
pub fn fisher_tail(f: f64, numerator: usize, denominator: usize) -> f64 {
    let (k, n) = (numerator as f64, denominator as f64);
    if f.is_nan() || f <= 0.0 || numerator == 0 || denominator == 0 {
        return 1.0;
    }
    let x = n / (n + k * f);
    if numerator.is_multiple_of(2) {
        let (mut term, mut sum) = (1.0, 1.0);
        for j in 1..numerator / 2 {
            term *= (n + 2.0 * j as f64 - 2.0) / (2.0 * j as f64) * (1.0 - x);
            sum += term;
        }
        return (exp(0.5 * n * ln(x)) * sum).min(1.0);
    }
    let mut tail = 1.0 - student_central((k * f).sqrt(), denominator);
    if numerator > 1 {
        let (mut term, mut sum) = (1.0, 1.0);
        for j in 1..=(numerator - 3) / 2 {
            term *= (n + 2.0 * j as f64 - 1.0) / (2.0 * j as f64 + 1.0) * (1.0 - x);
            sum += term;
        }
        let factorials = exp(libm::lgamma(0.5 * (n + 1.0)) - libm::lgamma(0.5 * n));
        let sine = (1.0 - x).sqrt();
        tail += std::f64::consts::FRAC_2_SQRT_PI * factorials * sine * exp(0.5 * n * ln(x)) * sum;
    }
    tail.clamp(0.0, 1.0)
}

/// A straight line through points, by least squares.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Change of y for a change of one in x.
    pub slope: f64,
    /// The standard error of the slope.
    pub error: f64,
}

impl Line {
    /// Fits a line to points. The error is `NaN` or infinite for two points or fewer, or where all
    /// x are equal.
    pub fn through(x: &[f64], y: &[f64]) -> Self {
        let (middle, level) = (mean(x), mean(y));
        let spread: f64 = x.iter().map(|x| (x - middle) * (x - middle)).sum();
        let slope = x.iter().zip(y).map(|(x, y)| (x - middle) * (y - level)).sum::<f64>() / spread;
        let residual = |(x, y): (&f64, &f64)| y - level - slope * (x - middle);
        let squares: f64 = x.iter().zip(y).map(|pair| residual(pair) * residual(pair)).sum();
        Self { slope, error: (squares / (x.len() as f64 - 2.0) / spread).sqrt() }
    }

    /// The slope in units of its standard error.
    pub fn t(&self) -> f64 {
        self.slope / self.error
    }
}

/// The index of the share in which a position from 0 to 1 lies, where shares follow one another; `None` if all shares
/// are 0.
pub fn chosen(shares: impl Iterator<Item = f64> + Clone, position: f64) -> Option<usize> {
    let sum: f64 = shares.clone().sum();
    let mut before = 0.0;
    let mut last = None;
    for (index, share) in shares.enumerate().filter(|(_, share)| *share > 0.0) {
        before += share;
        last = Some(index);
        if position * sum < before {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_no_end_where_what_fits_too_is_far_beyond_it() {
        let of = |far: &[f64]| without_open_ends([Some(1.0), Some(3.0)], far.iter().copied());
        assert_eq!(of(&[]), [Some(1.0), Some(3.0)]);
        assert_eq!(of(&[2.0, 1.5]), [Some(1.0), Some(3.0)]);
        assert_eq!(of(&[4.0, 0.5]), [Some(0.5), Some(4.0)]);
        assert_eq!(of(&[4.0, 50.0]), [Some(1.0), None]);
        assert_eq!(of(&[-50.0]), [None, Some(3.0)]);
    }

    #[test]
    fn known_samples_have_known_summaries() {
        let sample = [1.0, 2.0, 3.0, 4.0];
        assert_eq!((mean(&sample), median(&sample)), (2.5, 2.5));
        assert!((standard_deviation(&sample) - 1.290_994_448_735_805_6).abs() < 1e-15);
        assert_eq!((quantile(&sample, 0.0), quantile(&sample, 0.9), quantile(&sample, 1.0)), (1.0, 3.7, 4.0));
        assert!(quantile(&[], 0.5).is_nan());
        let open = [f64::NEG_INFINITY, 1.0, f64::INFINITY, f64::INFINITY];
        let ends = [0.1, 0.5, 0.9].map(|p| quantile(&open, p));
        assert_eq!(ends, [f64::NEG_INFINITY, f64::INFINITY, f64::INFINITY]);
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
        // For two normal distributions far apart, the lower tenth of the mixture is the lower fifth
        // of the first.
        let apart = [(0.5, 0.0, 1.0), (0.5, 1000.0, 1.0)];
        assert!((normal_mixture_quantile(&apart, 0.1) - normal_quantile(0.2)).abs() < 1e-12);
    }

    #[test]
    fn an_interval_reaches_further_on_the_side_away_from_the_bias() {
        let sample: Vec<f64> = (0..10_000).map(|i| normal_quantile((f64::from(i) + 0.5) / 10_000.0)).collect();
        let at = |estimate: f64| central(&sample, estimate, 0.9, false);
        let z = normal_quantile(0.95);
        let is_close = |(low, high): (f64, f64), lower: f64, upper: f64| {
            (low - lower).abs() < 0.005 && (high - upper).abs() < 0.005
        };
        // Nothing is corrected within the chance of 10,000 draws, 2 x 0.01253.
        assert!(is_close(at(0.02), -z, z));
        // The bias-corrected end is at z + 2 (bias - chance); the other end stays.
        assert!(is_close(at(-0.3), -z - 2.0 * (0.3 - 0.02507), z), "{:?}", at(-0.3));
        assert!(is_close(at(0.3), -z, z + 2.0 * (0.3 - 0.02507)), "{:?}", at(0.3));
        let (lower, upper) = central(&sample, -0.3, 0.9, true);
        assert!(is_close((lower, upper), -z, z), "an estimate on a bound is not corrected: {lower} {upper}");
        // The bias is limited to half a standard deviation.
        assert!(is_close(at(-1.5), -z - 1.0, z), "{:?}", at(-1.5));
    }

    #[test]
    fn student_quantiles_agree_with_published_tables() {
        // The columns for two-sided 90 %, 95 % and 99 % of any table.
        for (freedom, known) in [
            (1, [6.314, 12.706, 63.657]),
            (2, [2.920, 4.303, 9.925]),
            (3, [2.353, 3.182, 5.841]),
            (6, [1.943, 2.447, 3.707]),
            (9, [1.833, 2.262, 3.250]),
            (30, [1.697, 2.042, 2.750]),
            (61, [1.670, 2.000, 2.659]),
        ] {
            for (p, known) in [0.95, 0.975, 0.995].into_iter().zip(known) {
                let found = student_quantile(p, freedom);
                assert!((found - known).abs() < 5.1e-4, "{freedom} {p}: {found}");
                assert_eq!(student_quantile(1.0 - p, freedom), -student_quantile(1.0 - (1.0 - p), freedom));
            }
        }
    }

    /// Percentage points of Abramowitz and Stegun 1964, tables 26.9 and 26.10; the last two by scipy 1.15.
    #[test]
    fn tails_of_t_and_f_agree_with_published_tables() {
        for (t, freedom, tail) in [(6.314, 1, 0.05), (2.228, 10, 0.025), (2.750, 30, 0.005), (-2.228, 10, 0.975)] {
            assert!((student_tail(t, freedom) - tail).abs() < 2e-5, "{t} {freedom}");
        }
        for (f, numerator, denominator, tail) in [
            (161.4, 1, 1, 0.05),
            (4.10, 2, 10, 0.05),
            (3.71, 3, 10, 0.05),
            (2.53, 5, 30, 0.05),
            (5.64, 5, 10, 0.01),
            (3.17, 6, 40, 0.01223),
            (2.0, 7, 9, 0.16427),
        ] {
            assert!((fisher_tail(f, numerator, denominator) - tail).abs() < 3e-4, "{f} {numerator} {denominator}");
        }
        assert_eq!((student_tail(f64::INFINITY, 3), fisher_tail(f64::INFINITY, 3, 4)), (0.0, 0.0));
        // F with one degree of freedom is the square of t.
        assert!((fisher_tail(2.228 * 2.228, 1, 10) - 2.0 * student_tail(2.228, 10)).abs() < 1e-12);
    }

    #[test]
    fn a_line_has_the_published_slope_and_error() {
        // Anscombe 1973, the first of his tables: slope 0.500, standard error 0.118.
        let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
        let line = Line::through(&x, &y);
        assert!((line.slope - 0.500).abs() < 5e-4 && (line.error - 0.118).abs() < 5e-4, "{line:?}");
        assert!((line.t() - 4.24).abs() < 0.01);
    }
}
