//! `exp` and `ln` by polynomials, written without branches so that a loop over lanes vectorises.
//!
//! Both are within one unit in the last place of the true value over their whole range. They use
//! only additions, multiplications, divisions and bit operations, each rounded by IEEE 754. Scalar,
//! SSE2, AVX2, AVX-512 and NEON code therefore give the same bits.

// The constants have their published digits.
#![expect(clippy::excessive_precision, reason = "coefficients keep the digits of their source")]

/// Number of values that one vector operation processes.
pub const LANES: usize = 8;

/// ln 2 as a sum of two parts. The upper part has 32 significant bits, so its product with an
/// integer below 2^21 is exact.
const LN2_HIGH: f64 = 6.931_471_803_691_238_164_90e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_700_02e-10;
const LOG2_E: f64 = std::f64::consts::LOG2_E;
/// 1.5 x 2^52. Adding and then subtracting it rounds to the nearest integer.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// 2^52 + 1023. Adding an integer puts that integer, with the exponent's bias, in the low bits.
const BIAS: f64 = 4_503_599_627_371_519.0;

/// Outside these limits `exp` gives zero or infinity; the scaling by powers of two produces both.
const EXP_MIN: f64 = -746.0;
const EXP_MAX: f64 = 710.0;
/// Between minus this and this value, `exp` gives a normal number.
const EXP_MODERATE: f64 = 708.0;

/// Coefficients of (e^r - 1 - r) / r^2 for |r| <= ln(2)/2, interpolated at Chebyshev points; the
/// error is 4e-19 of e^r.
const EXP_EVEN: [f64; 6] = [
    0.5,
    0.041_666_666_666_666_67,
    0.001_388_888_888_888_375_2,
    2.480_158_732_553_337_7e-5,
    2.755_727_366_133_04e-7,
    2.091_467_938_417_506e-9,
];
const EXP_ODD: [f64; 5] = [
    0.166_666_666_666_666_7,
    0.008_333_333_333_326_141,
    0.000_198_412_698_748_005_12,
    2.755_725_542_572_089_7e-6,
    2.510_520_638_458_724e-8,
];

/// e^x.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    exp_each([x])[0]
}

/// e^x of several numbers. Each step runs on all of them, so that the CPU works on one while it
/// waits for another.
#[inline(always)]
fn exp_each<const K: usize>(x: [f64; K]) -> [f64; K] {
    let (value, n) = exp_in_parts(x.map(|x| x.clamp(EXP_MIN, EXP_MAX)));
    let n = n.map(|n| n - ROUND);
    // 2^n is split into two factors, so that results below 2^-1022 underflow gradually and those
    // above 2^1024 become infinite.
    let half = n.map(|n| (n * 0.5 + ROUND) - ROUND);
    let scaled = zip(value, half, |value, half| value * power_of_two(half));
    zip(scaled, zip(n, half, |n, half| n - half), |value, rest| value * power_of_two(rest))
}

/// `exp_each` for numbers whose results are normal; it gives the same bits.
#[inline(always)]
fn exp_each_moderate<const K: usize>(x: [f64; K]) -> [f64; K] {
    let (value, n) = exp_in_parts(x);
    // The low bits of n + ROUND are those of n. They are added to the exponent.
    zip(value, n, |value, n| f64::from_bits(value.to_bits().wrapping_add(n.to_bits() << 52)))
}

/// e^x as a number near one and a power of two. The second array holds the exponents n, as n +
/// `ROUND`.
#[inline(always)]
fn exp_in_parts<const K: usize>(x: [f64; K]) -> ([f64; K], [f64; K]) {
    let rounded = x.map(|x| x * LOG2_E + ROUND);
    let n = rounded.map(|rounded| rounded - ROUND);
    let high = zip(x, n, |x, n| x - n * LN2_HIGH);
    let low = n.map(|n| n * LN2_LOW);
    let r = zip(high, low, |high, low| high - low);
    let z = r.map(|r| r * r);
    let y = z.map(|z| z * z);
    // Even and odd powers are separate, and each is a short chain, because the length of a chain of
    // dependent operations sets the speed.
    let [e0, e1, e2, e3, e4, e5] = EXP_EVEN;
    let [o0, o1, o2, o3, o4] = EXP_ODD;
    let even = zip(z, y, |z, y| (e0 + e1 * z) + y * ((e2 + e3 * z) + y * (e4 + e5 * z)));
    let odd = zip(z, y, |z, y| (o0 + o1 * z) + y * ((o2 + o3 * z) + y * o4));
    let p = zip(even, zip(r, odd, |r, odd| r * odd), |even, odd| even + odd);
    // r was rounded and `high` was not, so the rounding error of r is added with the small terms.
    let small = zip(zip(z, p, |z, p| z * p), low, |product, low| product - low);
    (zip(high, small, |high, small| 1.0 + (high + small)), rounded)
}

/// e^x of a column.
#[inline(always)]
pub(crate) fn exp_rows(column: &[f64], out: &mut [f64]) {
    // The check collects integers, whose sum does not depend on the order, so this loop vectorises
    // too.
    let is_moderate = |x: f64| (-EXP_MODERATE..=EXP_MODERATE).contains(&x);
    let beyond = column.iter().fold(0, |beyond, x| beyond | u64::from(!is_moderate(*x)));
    if beyond == 0 { two_at_a_time(column, out, exp_each_moderate) } else { two_at_a_time(column, out, exp_each) }
}

/// Natural logarithms of a column.
#[inline(always)]
pub(crate) fn ln_rows(column: &[f64], out: &mut [f64]) {
    let is_normal = |x: f64| (f64::MIN_POSITIVE..f64::INFINITY).contains(&x);
    let beyond = column.iter().fold(0, |beyond, x| beyond | u64::from(!is_normal(*x)));
    if beyond == 0 { two_at_a_time(column, out, ln_each_normal) } else { two_at_a_time(column, out, ln_each) }
}

/// ln(1 + e^x), computed as max(x, 0) + ln(1 + e^-|x|), which does not overflow for large x.
#[inline(always)]
pub(crate) fn softplus(x: f64) -> f64 {
    add_to_positive_part(x, ln(1.0 + exp(-x.abs())))
}

/// ln(1 + e^x) of a column.
#[inline(always)]
pub(crate) fn softplus_rows(column: &[f64], out: &mut [f64]) {
    const TOGETHER: usize = 64;
    let (mut before, mut after) = ([0.0; TOGETHER], [0.0; TOGETHER]);
    for (column, out) in column.chunks(TOGETHER).zip(out.chunks_mut(TOGETHER)) {
        let (before, after) = (&mut before[..column.len()], &mut after[..column.len()]);
        before.iter_mut().zip(column).for_each(|(b, x)| *b = -x.abs());
        exp_rows(before, after);
        before.iter_mut().zip(&*after).for_each(|(b, small)| *b = 1.0 + small);
        ln_rows(before, after);
        out.iter_mut().zip(column).zip(&*after).for_each(|((o, &x), &rest)| *o = add_to_positive_part(x, rest));
    }
}

#[inline(always)]
fn add_to_positive_part(x: f64, rest: f64) -> f64 {
    // Not the maximum of x and zero: the maximum of NaN and a number is the number.
    if x < 0.0 { rest } else { x + rest }
}

/// Applies a costly function to a column whose length is even, to one number from each half at a
/// time.
#[inline(always)]
fn two_at_a_time(column: &[f64], out: &mut [f64], f: impl Fn([f64; 2]) -> [f64; 2]) {
    let (low, high) = out.split_at_mut(column.len() / 2);
    let (column_low, column_high) = column.split_at(column.len() / 2);
    for (((l, h), &x), &y) in low.iter_mut().zip(high).zip(column_low).zip(column_high) {
        [*l, *h] = f([x, y]);
    }
}

/// A function of two arrays, element by element.
#[inline(always)]
fn zip<const K: usize>(a: [f64; K], b: [f64; K], f: impl Fn(f64, f64) -> f64) -> [f64; K] {
    std::array::from_fn(|k| f(a[k], b[k]))
}

/// 2^n for a whole number n in [-1022, 1023].
#[inline(always)]
fn power_of_two(n: f64) -> f64 {
    f64::from_bits((n + BIAS).to_bits() << 52)
}

/// Bits of the square root of 1/2: mantissas are reduced to [sqrt(1/2), sqrt(2)).
const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
const ONE: u64 = 0x3ff0_0000_0000_0000;
const MANTISSA: u64 = 0x000f_ffff_ffff_ffff;
/// Bits of 2^52. An OR with a small integer gives 2^52 plus that integer.
const TWO_52: u64 = 0x4330_0000_0000_0000;

/// Natural logarithm; `-inf` at zero, `NaN` below.
///
/// The reduction ln(1+f) = 2 atanh(f/(2+f)) and its polynomial are those of FDLIBM (Sun Microsystems 1993).
#[inline(always)]
pub fn ln(x: f64) -> f64 {
    ln_each([x])[0]
}

/// The natural logarithm of several numbers; each step runs on all of them.
#[inline(always)]
fn ln_each<const K: usize>(x: [f64; K]) -> [f64; K] {
    let is_tiny = |x: f64| x < f64::MIN_POSITIVE;
    let scaled = x.map(|x| if is_tiny(x) { x * 18_014_398_509_481_984.0 } else { x });
    let value = ln_of_scaled(scaled, x.map(|x| if is_tiny(x) { 54.0 } else { 0.0 }));
    zip(x, value, |x, value| {
        let value = if x < f64::INFINITY { value } else { x };
        let outside = if x == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
        if x > 0.0 { value } else { outside }
    })
}

/// `ln_each` for normal numbers above zero; it gives the same bits.
#[inline(always)]
fn ln_each_normal<const K: usize>(x: [f64; K]) -> [f64; K] {
    ln_of_scaled(x, [0.0; K])
}

/// ln (x / 2^shift) of normal numbers above zero.
#[inline(always)]
fn ln_of_scaled<const K: usize>(x: [f64; K], shift: [f64; K]) -> [f64; K] {
    let bits = x.map(|x| x.to_bits().wrapping_add(ONE - SQRT_HALF));
    let exponent = bits.map(|bits| f64::from_bits((bits >> 52) | TWO_52) - BIAS);
    let k = zip(exponent, shift, |exponent, shift| exponent - shift);
    let f = bits.map(|bits| f64::from_bits((bits & MANTISSA) + SQRT_HALF) - 1.0);
    let s = f.map(|f| f / (2.0 + f));
    let z = s.map(|s| s * s);
    let w = z.map(|z| z * z);
    let even = w.map(|w| {
        w * (3.999_999_999_940_941_908e-1 + w * (2.222_219_843_214_978_396e-1 + w * 1.531_383_769_920_937_332e-1))
    });
    let odd = zip(z, w, |z, w| {
        z * (6.666_666_666_666_735_130e-1
            + w * (2.857_142_874_366_239_149e-1
                + w * (1.818_357_216_161_805_012e-1 + w * 1.479_819_860_511_658_591e-1)))
    });
    let half_square = f.map(|f| 0.5 * f * f);
    let sum = zip(half_square, zip(even, odd, |even, odd| even + odd), |half_square, sum| half_square + sum);
    let small = zip(zip(s, sum, |s, sum| s * sum), k, |product, k| product + k * LN2_LOW);
    let rest = zip(zip(half_square, small, |half_square, small| half_square - small), f, |rest, f| rest - f);
    zip(k, rest, |k, rest| k * LN2_HIGH - rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distance from the reference in units of its last place.
    fn ulps(found: f64, reference: f64) -> f64 {
        if found == reference {
            return 0.0;
        }
        let ulp = f64::from_bits(reference.abs().to_bits() + 1) - reference.abs();
        (found - reference).abs() / ulp
    }

    /// A fixed sequence over the range that never repeats a mantissa.
    fn walk(low: f64, high: f64) -> impl Iterator<Item = f64> {
        (0..200_000).map(move |i| low + (high - low) * ((f64::from(i) * 0.618_033_988_749_894_9) % 1.0))
    }

    #[test]
    fn softplus_is_right_where_its_exponential_overflows() {
        for x in walk(-40.0, 40.0) {
            let expected = libm::log1p(libm::exp(-x.abs())) + x.max(0.0);
            assert!((softplus(x) - expected).abs() <= 4e-16 * expected.max(1.0), "{x}");
        }
        assert_eq!(
            [-1e300, -800.0, 800.0, 1e300, f64::INFINITY].map(softplus),
            [0.0, 0.0, 800.0, 1e300, f64::INFINITY]
        );
        assert!(softplus(f64::NAN).is_nan());
        let (xs, mut out) = ([-3.0, f64::NAN, 0.0, 900.0], [0.0; 4]);
        softplus_rows(&xs, &mut out);
        assert_eq!(out.map(f64::to_bits), xs.map(|x| softplus(x).to_bits()));
    }

    #[test]
    fn exp_and_ln_agree_with_libm_to_an_ulp() {
        // libm's own error is below one ulp, so a function with an error of one ulp differs from it
        // by at most two.
        let worst_exp = walk(-745.0, 709.7).map(|x| ulps(exp(x), libm::exp(x))).fold(0.0, f64::max);
        let worst_ln = walk(-700.0, 700.0).map(|x| ulps(ln(libm::exp(x)), libm::log(libm::exp(x)))).fold(0.0, f64::max);
        let worst_near_one = walk(0.5, 2.0).map(|x| ulps(ln(x), libm::log(x))).fold(0.0, f64::max);
        assert!(worst_exp <= 1.0, "exp is off by {worst_exp} ulp");
        assert!(worst_ln <= 1.0 && worst_near_one <= 1.0, "ln is off by {worst_ln}, {worst_near_one} ulp");
    }

    #[test]
    fn columns_have_the_bits_of_single_numbers_whether_or_not_all_are_moderate() {
        let moderate: Vec<f64> = walk(-708.0, 708.0).collect();
        let powers: Vec<f64> = moderate.iter().map(|&x| exp(x)).collect();
        let ends = [f64::NAN, f64::INFINITY, 0.0, -1.0, 5e-324, 709.7, -745.0, f64::NEG_INFINITY];
        for (xs, ys) in
            [(moderate.clone(), powers.clone()), ([&ends, &moderate[..]].concat(), [&ends, &powers[..]].concat())]
        {
            let mut out = vec![0.0; xs.len()];
            exp_rows(&xs, &mut out);
            assert!(out.iter().zip(&xs).all(|(y, x)| y.to_bits() == exp(*x).to_bits()));
            ln_rows(&ys, &mut out);
            assert!(out.iter().zip(&ys).all(|(y, x)| y.to_bits() == ln(*x).to_bits()));
        }
    }

    #[test]
    fn the_ends_of_the_range_are_right() {
        assert_eq!((exp(0.0), ln(1.0)), (1.0, 0.0));
        assert_eq!((exp(f64::INFINITY), exp(f64::NEG_INFINITY)), (f64::INFINITY, 0.0));
        assert_eq!((exp(710.0), exp(-746.0)), (f64::INFINITY, 0.0));
        assert!(exp(-745.1) > 0.0 && exp(709.78).is_finite());
        assert_eq!((ln(0.0), ln(f64::INFINITY)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(ln(-1.0).is_nan() && ln(f64::NAN).is_nan() && exp(f64::NAN).is_nan());
        assert!(ulps(ln(5e-324), libm::log(5e-324)) <= 1.0);
    }
}
