//! The cost of a split between model size and data: 6 N D, or a formula of the study.

use std::sync::Arc;

use super::axis::Axis;
use super::budget::{Budget, FLOP_PER_PARAMETER_AND_TOKEN, FLOP_PER_SERVED_TOKEN};
use super::surface::{Local, Moves, Surface};
use crate::law::{Law, SERVED};
use crate::numerics::{exp, ln};
use crate::solver::root;

/// Largest distance, in logarithms, from the split that 6 N D would have.
const REACH: f64 = 90.0;
/// Number of steps in the search for a split that spends a budget.
const STEPS: i32 = 360;
/// Number of bisections. They end at neighbouring numbers.
const HALVINGS: usize = 64;
/// Largest difference of logarithms between a budget and the cost of a split that spends it.
const SPENT: f64 = 1e-9;

/// A cost over the logarithms of model size and data.
#[derive(Debug)]
pub(super) struct Price {
    /// The logarithm of the cost.
    surface: Surface,
    /// Index among the law's variables of each variable of the cost; `None` for tokens to serve.
    places: Vec<Option<usize>>,
}

impl Price {
    /// The price of a law's splits; `None` where it has no cost of its own or lacks one of the sizes.
    pub(super) fn of(law: &Law) -> Option<Arc<Self>> {
        let cost = law.cost.as_ref()?;
        let sizes = law.roles.sizes()?;
        let moves = Moves { ties_compute: false, ..Moves::sizes(sizes) };
        let place = |name: &str| if name == SERVED { Some(None) } else { law.variable(name).map(Some) };
        let places = cost.total.variables.iter().map(|v| place(&v.name)).collect::<Option<_>>()?;
        Some(Arc::new(Self { surface: Surface::new(&cost.total, &moves, |_| Axis::Logarithm)?, places }))
    }
}

/// The cost of runs with the other variables of a law held.
#[derive(Clone, Debug, Default)]
pub struct RunCost {
    /// The formula; `None` for 6 N D.
    price: Option<Arc<Price>>,
    held: Vec<f64>,
}

impl RunCost {
    /// The cost of a law's runs, with values of the law's variables. The values of the sizes are not used.
    pub fn of(law: &Law, held: &[f64]) -> Self {
        Self { price: Price::of(law), held: held.to_vec() }
    }

    fn curve(&self, served: f64) -> Curve {
        Curve::new(self.price.as_ref(), &self.held, served)
    }

    /// FLOP of training a model of a size on data.
    pub fn flop(&self, size: f64, data: f64) -> f64 {
        self.curve(0.0).flop([size, data], 0.0)
    }

    /// FLOP of training a model and of serving tokens with it.
    pub fn with_serving(&self, size: f64, data: f64, serve: f64) -> f64 {
        if self.price.is_none() {
            return size * (FLOP_PER_PARAMETER_AND_TOKEN * data + FLOP_PER_SERVED_TOKEN * serve);
        }
        let served = Budget::as_training(serve);
        self.curve(served).flop([size, data], served)
    }

    /// The data that compute pays for at a model size; `NaN` where it pays for none.
    pub fn data_for(&self, flop: f64, size: f64) -> f64 {
        self.curve(0.0).data_for(flop, size)
    }

    /// The model size and data of the run with the given compute and ratio of data to size.
    pub fn run_of(&self, flop: f64, ratio: f64) -> (f64, f64) {
        if self.price.is_none() {
            let size = (flop / (FLOP_PER_PARAMETER_AND_TOKEN * ratio)).sqrt();
            return (size, ratio * size);
        }
        let [size, data] = self.curve(0.0).at(&Budget::training(flop), -ln(ratio));
        (exp(size), exp(data))
    }
}

/// The root of an increasing function that is undefined below some place, because no run there has a positive cost.
fn root_above_undefined(over: impl Fn(f64) -> f64, low: f64, high: f64) -> f64 {
    let (mut below, mut above) = (low, high);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(below, above);
        *(if over(middle) >= 0.0 { &mut above } else { &mut below }) = middle;
    }
    above
}

/// The curve of splits with equal cost.
#[derive(Clone, Debug)]
pub(super) enum Curve {
    /// T = 6 N D + 2 N S.
    SixNd,
    /// A formula, with the values of all its variables apart from the sizes.
    Priced(Arc<Price>, Vec<f64>),
}

impl Curve {
    /// The curve for a law's variables and tokens to serve, which are counted as in [`Budget::as_training`].
    pub(super) fn new(price: Option<&Arc<Price>>, base: &[f64], served: f64) -> Self {
        let Some(price) = price else { return Self::SixNd };
        let tokens = served * FLOP_PER_PARAMETER_AND_TOKEN / FLOP_PER_SERVED_TOKEN;
        let values = price.places.iter().map(|place| place.map_or(tokens, |place| base[place]));
        Self::Priced(Arc::clone(price), values.collect())
    }

    /// The logarithm of the cost with its first and second derivatives.
    fn local(price: &Price, base: &[f64], logs: [f64; 2]) -> Local {
        price.surface.at(&[], base, logs)
    }

    /// The point on a line of splits at which a budget is spent; `NaN` where there is none.
    fn spent(
        budget: &Budget,
        price: &Price,
        base: &[f64],
        line: impl Fn(f64) -> ([f64; 2], [f64; 2]),
        near: f64,
    ) -> f64 {
        let wanted = budget.log + ln(FLOP_PER_PARAMETER_AND_TOKEN);
        let over = |x: f64| {
            let (logs, direction) = line(x);
            let here = Self::local(price, base, logs);
            (here.value - wanted, here.slope[0] * direction[0] + here.slope[1] * direction[1])
        };
        let (low, high) = (near - REACH, near + REACH);
        let (first, last) = (over(low).0, over(high).0);
        if first.is_nan() && last >= 0.0 {
            return root_above_undefined(|x| over(x).0, low, high);
        }
        let brackets = first <= 0.0 && last >= 0.0;
        if brackets { root(over, low, high, near).unwrap_or(f64::NAN) } else { f64::NAN }
    }

    /// Whether a split at r exists and its cost is the budget.
    fn is_spent(&self, budget: &Budget, r: f64) -> bool {
        let logs = self.at(budget, r);
        let off = self.budget(logs, budget.served).log - budget.log;
        logs.iter().all(|log| log.is_finite()) && off.abs() < SPENT
    }

    /// The last r, from `known` towards `end`, at which a split spends the budget. `known` is such an r, and `end` is not.
    fn outermost(&self, budget: &Budget, known: f64, end: f64) -> f64 {
        let (mut inside, mut outside) = (known, end);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(inside, outside);
            *(if self.is_spent(budget, middle) { &mut inside } else { &mut outside }) = middle;
        }
        inside
    }

    /// ln N and ln D of the split with ln(N / D) = r.
    pub(super) fn at(&self, budget: &Budget, r: f64) -> [f64; 2] {
        let six = budget.at(r);
        match self {
            Self::SixNd => six,
            Self::Priced(price, base) => {
                let d = Self::spent(budget, price, base, |d| ([d + r, d], [1.0, 1.0]), six[1]);
                [d + r, d]
            }
        }
    }

    /// r for a model of one parameter and for one token, or for the smallest ones that have a cost; `None` where the
    /// budget is too small for one of each.
    pub(super) fn ends(&self, budget: &Budget) -> Option<[f64; 2]> {
        match self {
            Self::SixNd => budget.ends(),
            Self::Priced(price, base) => {
                let one = Self::spent(budget, price, base, |d| ([0.0, d], [0.0, 1.0]), budget.log);
                let other = Self::spent(budget, price, base, |n| ([n, 0.0], [1.0, 0.0]), budget.log);
                // A cost such as 6 (N - 1e8) D has no value for one parameter.
                let middle = || (0..=STEPS).map(|i| REACH * (2.0 * f64::from(i) / f64::from(STEPS) - 1.0));
                let spent = || middle().find(|r| self.is_spent(budget, *r));
                let low = if one.is_nan() { self.outermost(budget, spent()?, -REACH) } else { -one };
                let high = if other.is_nan() { self.outermost(budget, spent()?, REACH) } else { other };
                let pays = (one.is_nan() || one > 0.0) && (other.is_nan() || other > 0.0);
                (pays && low < high).then_some([low, high])
            }
        }
    }

    /// The slope of the cost by ln D divided by the slope by ln N, with the derivatives of this ratio by ln N and ln
    /// D.
    pub(super) fn exchange(&self, served: f64, logs: [f64; 2]) -> [f64; 3] {
        match self {
            Self::SixNd => {
                let v = if served == 0.0 { 1.0 } else { 1.0 / (1.0 + served * exp(-logs[1])) };
                [v, 0.0, v * (1.0 - v)]
            }
            Self::Priced(price, base) => {
                let Local { slope: [n, d], bend: [nn, nd, dd], .. } = Self::local(price, base, logs);
                [d / n, (nd * n - d * nn) / (n * n), (dd * n - d * nd) / (n * n)]
            }
        }
    }

    /// The slope of the logarithm of the cost by ln N.
    pub(super) fn by_size(&self, logs: [f64; 2]) -> f64 {
        match self {
            Self::SixNd => 1.0,
            Self::Priced(price, base) => Self::local(price, base, logs).slope[0],
        }
    }

    /// The budget for a model size and data, given by their logarithms.
    pub(super) fn budget(&self, logs: [f64; 2], served: f64) -> Budget {
        match self {
            Self::SixNd => Budget::of(logs, served),
            Self::Priced(price, base) => {
                Budget { log: Self::local(price, base, logs).value - ln(FLOP_PER_PARAMETER_AND_TOKEN), served }
            }
        }
    }

    /// The FLOP for a model size and data.
    pub(super) fn flop(&self, [n, d]: [f64; 2], served: f64) -> f64 {
        match self {
            Self::SixNd => FLOP_PER_PARAMETER_AND_TOKEN * n * (d + served),
            Self::Priced(price, base) => exp(Self::local(price, base, [ln(n), ln(d)]).value),
        }
    }

    /// The data that a budget of training pays for at a given model size.
    pub(super) fn data_for(&self, c: f64, n: f64) -> f64 {
        let six = c / (FLOP_PER_PARAMETER_AND_TOKEN * n);
        match self {
            Self::SixNd => six,
            Self::Priced(price, base) => {
                exp(Self::spent(&Budget::training(c), price, base, |d| ([ln(n), d], [0.0, 1.0]), ln(six)))
            }
        }
    }

    /// The data for a model of `ratio` times the size of a split at the same training budget, and its logarithm
    /// relative to the data of the split.
    pub(super) fn data_at_ratio(&self, c: f64, [n, d]: [f64; 2], ratio: f64) -> (f64, f64) {
        match self {
            // Use the ratio itself, which avoids the rounding of a budget.
            Self::SixNd => (d / ratio, -ln(ratio)),
            Self::Priced(..) => {
                let data = self.data_for(c, n * ratio);
                (data, ln(data / d))
            }
        }
    }

    /// The model size that a budget of training pays for with the given data.
    pub(super) fn size_for(&self, c: f64, d: f64) -> f64 {
        let six = c / (FLOP_PER_PARAMETER_AND_TOKEN * d);
        match self {
            Self::SixNd => six,
            Self::Priced(price, base) => {
                exp(Self::spent(&Budget::training(c), price, base, |n| ([n, ln(d)], [1.0, 0.0]), ln(six)))
            }
        }
    }
}
