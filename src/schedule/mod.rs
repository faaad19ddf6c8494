//! Learning-rate schedules: the features of a schedule that laws over whole schedules use.
//!
//! A law such as the multi-power law sums over every step at which the rate changed. To keep the sum short, changes
//! are merged into a few knots. A knot merges the changes of neighbouring steps into one change, with their mean rate
//! and mean area since then.

mod planned;

pub use planned::{Planned, Shape, default_momentum};

use crate::expr::{Expr, Function, Node, Operator};

/// Number of knots. The first is the rise from zero; the others divide the later changes.
///
/// With sixteen knots, the multi-power law published for 400M is accurate to 1e-3 nats on a cosine and an exponential
/// decay of 20,000 steps; a test checks this.
pub const KNOTS: usize = 16;

/// Maximum number of steps of a schedule.
pub const MOST_STEPS: usize = 20_000_000;

/// Variables with one value per row, and their meanings.
pub const SUMS: [(&str, &str); 3] = [
    ("S1", "sum of the learning rate over the steps after warm-up"),
    ("S2", "annealing area: falls of the learning rate, each with momentum, summed over the steps after them"),
    ("SW", "sum of the learning rate over warm-up, which rises evenly"),
];

/// Variables with one value per knot, and their meanings; `sum_over_knots` sums over them.
pub const PER_KNOT: [(&str, &str); 3] = [
    ("drop", "fall of the learning rate at a knot; a rise is negative"),
    ("area", "sum of the learning rate since the knot"),
    ("rate", "learning rate after the knot"),
];

/// The name of a variable at a knot, numbered from one.
pub fn at_knot(name: &str, knot: usize) -> String {
    format!("{name}[{knot}]")
}

/// The variable of a knot's name; `None` for another name. No column of a spec can have such a name.
pub fn of_knot(name: &str) -> Option<&'static str> {
    let (stem, knot) = name.strip_suffix(']')?.split_once('[')?;
    let known = PER_KNOT.iter().find(|(known, _)| *known == stem)?;
    let knot: usize = knot.parse().ok()?;
    (1..=KNOTS).contains(&knot).then_some(known.0)
}

/// The meaning of a variable of a knot, from the common part of its name.
pub fn meaning(name: &str) -> Option<&'static str> {
    PER_KNOT.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning)
}

/// Names of all variables of a schedule, in the order of [`Features::values`].
pub fn names() -> Vec<String> {
    let sums = SUMS.iter().map(|(name, _)| (*name).to_owned());
    sums.chain(PER_KNOT.iter().flat_map(|(name, _)| (1..=KNOTS).map(|knot| at_knot(name, knot)))).collect()
}

/// The formula with `sum_over_knots(...)` expanded into numbered variables.
#[must_use]
pub fn written_out(formula: &Expr) -> Expr {
    formula.replaced(&|expr| {
        let Node::Call(Function::SumOverKnots, arguments) = &expr.node else { return None };
        let term = arguments.first()?;
        let at = |knot: usize| {
            let is_known = |name: &str| PER_KNOT.iter().any(|(known, _)| *known == name);
            let rename = |name: &String| if is_known(name) { at_knot(name, knot) } else { name.clone() };
            let Ok(term) = term.resolve(&mut |name: &String, _| Ok::<_, std::convert::Infallible>(rename(name)));
            term
        };
        let add = |left: Expr, right: Expr| Expr {
            node: Node::Binary(Operator::Add, Box::new(left), Box::new(right)),
            span: expr.span.clone(),
        };
        (1..=KNOTS).map(at).reduce(add)
    })
}

/// A schedule: the learning rate at every step after warm-up.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    warmup: usize,
    rates: Vec<f64>,
    momentum: f64,
}

/// The features of a schedule at one step, in the order of [`names`].
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// One value per name.
    pub values: Vec<f64>,
}

/// A knot up to some step.
#[derive(Clone, Copy, Debug, Default)]
struct Knot {
    drop: f64,
    /// Sum of the sizes of changes.
    size: f64,
    /// Sum of the sizes of changes times the cumulative rate before each.
    before: f64,
    /// Sum of the sizes of changes times the rate after each.
    rate: f64,
}

impl Schedule {
    /// A schedule with the given rates after warm-up, one per step. Warm-up rises linearly to the first rate.
    ///
    /// `momentum` is that of the annealing area (Tissue et al. 2024, arXiv:2408.11029, use 0.999).
    pub const fn new(warmup: usize, rates: Vec<f64>, momentum: f64) -> Self {
        Self { warmup, rates, momentum }
    }

    /// A schedule through rates at known steps in ascending order: linear between them, and constant before the
    /// first.
    pub fn through(warmup: usize, known: &[(usize, f64)], momentum: f64) -> Self {
        let last = known.last().map_or(warmup, |(step, _)| *step);
        let mut next = 0;
        let rate = |step: usize| {
            while next < known.len() && known[next].0 < step {
                next += 1;
            }
            match (next.checked_sub(1).map(|before| known[before]), known.get(next)) {
                (Some((from, low)), Some(&(to, high))) => {
                    low + (high - low) * ((step - from) as f64 / (to - from) as f64)
                }
                (None, Some(&(_, rate))) | (Some((_, rate)), None) => rate,
                (None, None) => f64::NAN,
            }
        };
        Self { warmup, rates: (warmup..=last).map(rate).collect(), momentum }
    }

    /// Features at some steps in ascending order, each between the end of warm-up and the end of the schedule.
    pub fn features(&self, steps: &[usize]) -> Vec<Features> {
        let change = |i: usize| if i == 0 { -self.rates[0] } else { self.rates[i - 1] - self.rates[i] };
        let total: f64 = (1..self.rates.len()).map(|i| change(i).abs()).sum();
        let peak = self.rates.iter().copied().fold(0.0, f64::max);
        let warm = 0.5 * self.warmup as f64 * self.rates.first().copied().unwrap_or(0.0);
        let mut knots = [Knot::default(); KNOTS];
        let (mut s1, mut s2, mut momentum, mut gone) = (0.0, 0.0, 0.0, 0.0);
        let mut wanted = steps.iter().peekable();
        let mut all = Vec::with_capacity(steps.len());
        for (i, &rate) in self.rates.iter().enumerate() {
            let drop = change(i);
            // The middle of a change selects its knot, so that a sudden change has a knot of its own.
            let place = (gone + 0.5 * drop.abs()) / total * (KNOTS - 1) as f64;
            if i > 0 {
                momentum = self.momentum * momentum + drop;
                s2 += momentum;
                gone += drop.abs();
            }
            if drop != 0.0 {
                let knot = if i == 0 { 0 } else { 1 + (place as usize).min(KNOTS - 2) };
                let Knot { drop: sum, size, before, rate: mean } = &mut knots[knot];
                *sum += drop;
                *size += drop.abs();
                *before += drop.abs() * s1;
                // The lower limit keeps the logarithm finite after a decay to zero.
                *mean += drop.abs() * rate.max(1e-9 * peak);
            }
            s1 += rate;
            while wanted.next_if(|step| **step == self.warmup + i).is_some() {
                let mut values = vec![s1, s2, warm];
                values.extend(knots.iter().map(|knot| knot.drop));
                values
                    .extend(knots.iter().map(|knot| if knot.size > 0.0 { s1 - knot.before / knot.size } else { 0.0 }));
                values.extend(knots.iter().map(|knot| if knot.size > 0.0 { knot.rate / knot.size } else { peak }));
                all.push(Features { values });
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::{exp, ln};

    fn value(features: &Features, name: &str) -> f64 {
        features.values[names().iter().position(|known| known == name).unwrap()]
    }

    #[test]
    fn a_constant_schedule_is_one_rise_without_a_fall() {
        let level = Schedule::new(100, vec![3e-4; 51], 0.999);
        let [end] = &level.features(&[150])[..] else { panic!("one step was asked for") };
        assert!((value(end, "S1") - 51.0 * 3e-4).abs() < 1e-15);
        assert_eq!(value(end, "S2"), 0.0);
        assert!((value(end, "SW") - 100.0 * 1.5e-4).abs() < 1e-15);
        assert_eq!(value(end, "drop[1]"), -3e-4);
        assert_eq!(value(end, "area[1]"), value(end, "S1"));
        assert!((2..=KNOTS).all(|knot| value(end, &at_knot("drop", knot)) == 0.0));
    }

    #[test]
    fn a_sudden_fall_is_one_knot_whose_area_starts_there() {
        let mut rates = vec![3e-4; 10];
        rates.extend(vec![1e-4; 10]);
        let features = Schedule::new(0, rates, 0.5).features(&[9, 10, 19]);
        let fallen = |at: usize| (2..=KNOTS).find(|knot| value(&features[at], &at_knot("drop", *knot)) != 0.0);
        assert_eq!(fallen(0), None);
        let knot = fallen(1).unwrap();
        assert!((value(&features[2], &at_knot("drop", knot)) - 2e-4).abs() < 1e-18);
        assert!((value(&features[1], &at_knot("area", knot)) - 1e-4).abs() < 1e-15);
        assert!((value(&features[2], &at_knot("area", knot)) - 1e-3).abs() < 1e-15);
        assert!((value(&features[2], &at_knot("rate", knot)) - 1e-4).abs() < 1e-15);
        // 2e-4 x (1 + 1/2 + 1/4 + ...) over ten steps.
        let area = 2e-4 * 2.0 * (1.0 - libm::pow(0.5, 10.0));
        assert!((value(&features[2], "S2") - area).abs() < 1e-15);
    }

    #[test]
    fn rates_between_known_steps_lie_on_lines() {
        let through = Schedule::through(10, &[(12, 4.0), (16, 2.0)], 0.9);
        assert_eq!(through, Schedule::new(10, vec![4.0, 4.0, 4.0, 3.5, 3.0, 2.5, 2.0], 0.9));
    }

    #[test]
    fn knots_give_the_sum_over_all_steps_to_a_thousandth_of_a_nat() {
        // Parameters published for 400M: Luo et al. 2025, arXiv:2503.12811.
        let [b, c, beta, gamma] = [523.425, 2.025, 0.594, 0.635];
        let g = |area: f64, rate: f64| 1.0 - exp(-beta * ln(1.0 + c * area * exp(-gamma * ln(rate))));
        let cosine = |i: usize| 1.65e-4 + 1.35e-4 * libm::cos(std::f64::consts::PI * i as f64 / 20_000.0);
        let decay = |i: usize| 3e-4 * exp(-(i as f64 - 16_000.0).max(0.0) * ln(10.0) / 4000.0);
        for rates in [(0..=20_000).map(cosine).collect::<Vec<f64>>(), (0..=20_000).map(decay).collect()] {
            let schedule = Schedule::new(2000, rates.clone(), 0.999);
            for step in [0, 5000, 12_345, 16_500, 18_000, 20_000] {
                let mut area = 0.0;
                let exact: f64 = (0..=step)
                    .rev()
                    .map(|k| {
                        area += rates[k];
                        let drop = if k == 0 { -rates[0] } else { rates[k - 1] - rates[k] };
                        b * drop * g(area, rates[k])
                    })
                    .sum();
                let found = &schedule.features(&[2000 + step])[0];
                let knots: f64 = (1..=KNOTS)
                    .map(|k| {
                        let at = |name: &str| value(found, &at_knot(name, k));
                        b * at("drop") * g(at("area"), at("rate"))
                    })
                    .sum();
                assert!((knots - exact).abs() < 1e-3, "step {step}: {knots} {exact}");
            }
        }
    }
}
