//! Simulated curves of shapes that are no power law, with the runs that their forecasts should cover.

use lawfit::numerics::{Random, exp, ln};

use super::Series;

/// A curve: the response at a size.
type Curve = Box<dyn Fn(f64) -> f64>;

/// A kind of curve.
struct Shape {
    name: &'static str,
    /// Draws a curve over sizes from 1 to a largest size.
    draw: fn(&mut Random, f64) -> Curve,
}

/// Curves of each shape.
const CURVES: u64 = 200;
/// Numbers of runs of a curve.
const RUNS: [usize; 2] = [5, 30];
/// Decades between the smallest and the largest size.
const DECADES: [f64; 2] = [1.5, 3.5];
/// Standard deviations of the scatter of ln y.
const SCATTERS: [f64; 2] = [0.0025, 0.03];
/// Sizes of the forecasts, as multiples of the largest size.
const AHEAD: [f64; 4] = [2.0, 5.0, 10.0, 30.0];

fn pow(base: f64, exponent: f64) -> f64 {
    exp(exponent * ln(base))
}

fn between(random: &mut Random, [low, high]: [f64; 2]) -> f64 {
    low + (high - low) * random.uniform()
}

const SHAPES: [Shape; 6] = [
    Shape {
        name: "power law with a floor",
        draw: |random, _| {
            let (floor, exponent) = (between(random, [0.3, 0.8]), between(random, [0.2, 0.7]));
            Box::new(move |x| floor + (1.0 - floor) * pow(x, -exponent))
        },
    },
    Shape {
        name: "fall that becomes steeper within the rows",
        draw: |random, largest| {
            let at = exp(ln(largest) * between(random, [0.3, 0.7]));
            let (before, after) = (between(random, [0.03, 0.15]), between(random, [0.25, 0.6]));
            let sharpness = between(random, [2.0, 6.0]);
            Box::new(move |x| pow(x, -before) * pow(1.0 + pow(x / at, sharpness), (before - after) / sharpness))
        },
    },
    Shape {
        name: "sum of two powers",
        draw: |random, _| {
            let share = between(random, [0.3, 0.7]);
            let (slow, fast) = (between(random, [0.03, 0.15]), between(random, [0.3, 0.7]));
            Box::new(move |x| share * pow(x, -slow) + (1.0 - share) * pow(x, -fast))
        },
    },
    Shape {
        name: "stretched exponential",
        draw: |random, largest| {
            let (scale, power) = (largest * exp(between(random, [-1.0, 1.5])), between(random, [0.1, 0.4]));
            Box::new(move |x| exp(-pow(x / scale, power)))
        },
    },
    Shape {
        name: "linear in ln x",
        draw: |random, largest| {
            // Positive up to the farthest forecast.
            let left = between(random, [0.15, 0.7]);
            let slope = (1.0 - left) / ln(AHEAD[AHEAD.len() - 1] * largest);
            Box::new(move |x| 1.0 - slope * ln(x))
        },
    },
    Shape {
        name: "rise at the end",
        draw: |random, largest| {
            let (exponent, from) = (between(random, [0.1, 0.4]), between(random, [0.6, 0.85]));
            let (turn, rate) = (exp(from * ln(largest)), between(random, [0.1, 0.4]));
            Box::new(move |x| if x < turn { pow(x, -exponent) } else { pow(turn, -exponent) * pow(x / turn, rate) })
        },
    },
];

/// All curves, with one domain for each shape.
pub(super) fn shapes() -> Vec<Series> {
    SHAPES.iter().flat_map(|shape| (0..CURVES).map(|curve| simulated(shape, curve))).collect()
}

fn simulated(shape: &Shape, curve: u64) -> Series {
    let mut random = Random::new(23, shape.name, curve);
    let runs = RUNS[0] + random.below(RUNS[1] - RUNS[0] + 1);
    let largest = pow(10.0, between(&mut random, DECADES));
    let scatter = exp(between(&mut random, SCATTERS.map(ln)));
    let value = (shape.draw)(&mut random, largest);
    let mut run = |x: f64| value(x) * random.log_normal(scatter);
    let sizes: Vec<f64> = (0..runs).map(|i| exp(ln(largest) * i as f64 / (runs - 1) as f64)).collect();
    let ahead = AHEAD.map(|times| times * largest);
    Series {
        domain: shape.name.to_owned(),
        name: curve.to_string(),
        responses: sizes.iter().map(|x| run(*x)).collect(),
        observed: ahead.iter().map(|x| run(*x)).collect(),
        targets: ahead.iter().map(|x| vec![*x]).collect(),
        sizes: vec![sizes],
        ..Series::default()
    }
}
