//! The joint distribution of the responses of runs and of the decisions, as a sample with one value of each per draw.
//!
//! Observing a run is a rank-one update of every column, in the square-root form, after which the columns are a
//! sample of the updated distribution (Whitaker and Hamill 2002). The same step with the opposite sign removes a run.

use rayon::prelude::*;

use crate::numerics::{normal_quantile, quantile};

/// Columns of centred draws, each draw multiplied by the square root of its weight, so that a product of two columns
/// is a covariance.
#[derive(Clone, Debug)]
pub struct State {
    columns: Vec<Vec<f64>>,
    means: Vec<f64>,
    /// Variance of a measurement of each column; infinite for a column that cannot be measured.
    noise: Vec<f64>,
}

/// Remaining variance of a run, as a share of its noise variance, below which it is left out. Observing the remainder
/// would reduce other variances by at most this share.
const NEGLIGIBLE: f64 = 1e-6;
/// Share of a decision's initial variance below which the remainder is rounding error: the square of about 500 times
/// the spacing of numbers near 1.
const ROUNDING: f64 = 1e-20;

/// Minimum number of columns in a unit of parallel work.
pub(super) const TOGETHER: usize = 64;

impl State {
    /// A state from columns of values with one value per draw, the weights of the draws, and the noise variance of
    /// each column.
    pub fn new(values: Vec<Vec<f64>>, shares: &[f64], noise: Vec<f64>) -> Self {
        let means: Vec<f64> = values.iter().map(|column| dot(column, shares)).collect();
        let roots: Vec<f64> = shares.iter().map(|share| share.sqrt()).collect();
        let centre = |(column, mean): (Vec<f64>, &f64)| {
            column.iter().zip(&roots).map(|(value, root)| (value - mean) * root).collect()
        };
        Self { columns: values.into_iter().zip(&means).map(centre).collect(), means, noise }
    }

    /// The same state, with each column given by its components along a few directions instead of one entry per draw.
    /// The time of all later steps is proportional to the number of components.
    ///
    /// The directions are an orthogonal basis of the columns: first of all decisions, then of the run with the
    /// largest remainder in units of its `noise`, until that is negligible (Gram-Schmidt with pivoting). A law of a
    /// few parameters has hardly more directions than parameters.
    #[must_use]
    pub fn compressed(self, noise: &[f64]) -> Self {
        let Self { columns: mut left, means, noise: own } = self;
        let whole: Vec<f64> = left.iter().map(|column| dot(column, column)).collect();
        let rest = |(column, (noise, whole)): (&Vec<f64>, (&f64, &f64))| {
            let square = dot(column, column);
            if noise.is_finite() {
                square / noise
            } else if square > ROUNDING * whole {
                f64::INFINITY
            } else {
                0.0
            }
        };
        let mut columns: Vec<Vec<f64>> = vec![Vec::new(); left.len()];
        for _ in 0..left.first().map_or(0, Vec::len) {
            let rests: Vec<f64> = left.iter().zip(noise.iter().zip(&whole)).map(rest).collect();
            let most = (0..rests.len()).max_by(|&a, &b| rests[a].total_cmp(&rests[b]).then(b.cmp(&a)));
            let Some(most) = most.filter(|&most| rests[most] > NEGLIGIBLE) else { break };
            let length = dot(&left[most], &left[most]).sqrt();
            let along: Vec<f64> = left[most].iter().map(|x| x / length).collect();
            left.par_iter_mut().zip(&mut columns).with_min_len(TOGETHER).for_each(|(left, column)| {
                let part = dot(left, &along);
                left.iter_mut().zip(&along).for_each(|(x, a)| *x -= part * a);
                column.push(part);
            });
        }
        Self { columns, means, noise: own }
    }

    /// Some of the columns, in the given order.
    #[must_use]
    pub fn only(&self, columns: &[usize]) -> Self {
        Self {
            columns: columns.iter().map(|&column| self.columns[column].clone()).collect(),
            means: columns.iter().map(|&column| self.means[column]).collect(),
            noise: columns.iter().map(|&column| self.noise[column]).collect(),
        }
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// The same state with other noise variances.
    #[must_use]
    pub fn with_noise(mut self, noise: &[f64]) -> Self {
        self.noise = noise.to_vec();
        self
    }

    /// Excludes a column from observation.
    pub fn close(&mut self, column: usize) {
        self.noise[column] = f64::INFINITY;
    }

    /// The variance of a column.
    pub fn variance(&self, column: usize) -> f64 {
        dot(&self.columns[column], &self.columns[column])
    }

    /// The covariance of two columns.
    pub fn covariance(&self, one: usize, other: usize) -> f64 {
        dot(&self.columns[one], &self.columns[other])
    }

    /// The mean of a column.
    pub fn mean(&self, column: usize) -> f64 {
        self.means[column]
    }

    /// The noise variance of a column.
    pub fn noise(&self, column: usize) -> f64 {
        self.noise[column]
    }

    /// The reduction of a column's variance by an observation of another column.
    pub fn gain(&self, column: usize, other: usize) -> f64 {
        let shared = self.covariance(column, other);
        shared * shared / (self.variance(column) + self.noise[column])
    }

    /// Updates the variances for an observation of a column, whatever its result.
    pub fn observe(&mut self, column: usize) {
        let variance = self.variance(column);
        let left = self.noise[column] / (variance + self.noise[column]);
        self.turn(column, variance, left);
    }

    /// Undoes an observation of a column.
    pub fn forget(&mut self, column: usize) {
        let variance = self.variance(column);
        let before = self.noise[column] / (self.noise[column] - variance).max(f64::MIN_POSITIVE);
        self.turn(column, variance, before);
    }

    /// The change that observing a column made to every other column, which [`Self::forget`] would undo.
    pub fn without(&self, column: usize) -> Without {
        let shared = |other: usize| self.covariance(column, other);
        let shared = (0..self.columns()).into_par_iter().with_min_len(TOGETHER).map(shared).collect();
        let left = (self.noise[column] - self.variance(column)).max(f64::MIN_POSITIVE);
        Without { shared, left }
    }

    /// Updates the distribution for an observation with a known value.
    pub fn learn(&mut self, column: usize, value: f64) {
        let miss = value - self.means[column];
        let per = miss / (self.variance(column) + self.noise[column]);
        let moves: Vec<f64> = (0..self.means.len()).map(|other| per * self.covariance(column, other)).collect();
        self.means.iter_mut().zip(moves).for_each(|(mean, step)| *mean += step);
        self.observe(column);
    }

    /// Adds to every column a multiple of one column, so that the variance of that column is multiplied by `left`.
    fn turn(&mut self, column: usize, variance: f64, left: f64) {
        if variance <= 0.0 {
            return;
        }
        let along = self.columns[column].clone();
        let step = (left.sqrt() - 1.0) / variance;
        self.columns.par_iter_mut().with_min_len(TOGETHER).for_each(|own| {
            let by = step * dot(own, &along);
            own.iter_mut().zip(&along).for_each(|(x, a)| *x += by * a);
        });
    }
}

/// The state before an observation of a column, relative to the present state.
#[derive(Clone, Debug)]
pub struct Without {
    shared: Vec<f64>,
    left: f64,
}

impl Without {
    /// The variance of a column before the observation.
    pub fn variance(&self, state: &State, column: usize) -> f64 {
        state.variance(column) + self.shared[column] * self.shared[column] / self.left
    }

    /// The covariance of two columns before the observation.
    pub fn covariance(&self, state: &State, one: usize, other: usize) -> f64 {
        state.covariance(one, other) + self.shared[one] * self.shared[other] / self.left
    }
}

/// Values of a sample by their normal scores, around the median and in units of the robust standard deviation. A few
/// distant values then count no more than others, and columns that rise and fall together are proportional.
pub(super) fn scored(values: Vec<f64>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).filter(|&draw| !values[draw].is_nan()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let sorted: Vec<f64> = order.iter().map(|&draw| values[draw]).collect();
    if sorted.is_empty() {
        return values;
    }
    let [low, middle, high] = [0.16, 0.5, 0.84].map(|p| quantile(&sorted, p));
    let (width, count) = (0.5 * (high - low), sorted.len() as f64);
    if !(middle.is_finite() && width.is_finite()) {
        return values;
    }
    let mut scores = vec![f64::NAN; values.len()];
    let mut from = 0;
    for same in sorted.chunk_by(|a, b| a == b) {
        let to = from + same.len();
        let score = normal_quantile(0.5 * (from + to) as f64 / count);
        order[from..to].iter().for_each(|&draw| scores[draw] = middle + width * score);
        from = to;
    }
    scores
}

/// The dot product of two columns, in a fixed order with four partial sums.
fn dot(one: &[f64], other: &[f64]) -> f64 {
    let mut parts = [0.0; 4];
    let (ones, others) = (one.chunks_exact(4), other.chunks_exact(4));
    let rest: f64 = ones.remainder().iter().zip(others.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in ones.zip(others) {
        for lane in 0..4 {
            parts[lane] += a[lane] * b[lane];
        }
    }
    (parts[0] + parts[1]) + (parts[2] + parts[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::Random;

    /// Two columns with a common part, and a third that is twice the common part.
    fn state(noise: f64) -> State {
        let mut random = Random::new(1, "state", 0);
        let common: Vec<f64> = (0..1000).map(|_| random.normal()).collect();
        let own: Vec<f64> = common.iter().map(|c| c + random.normal()).collect();
        let twice = common.iter().map(|c| 2.0 * c).collect();
        State::new(vec![common, own, twice], &[1e-3; 1000], vec![noise, noise, f64::INFINITY])
    }

    #[test]
    fn observing_reduces_a_variance_as_regression_does() {
        let mut state = state(0.5);
        let [one, two, both] = [state.variance(0), state.variance(2), state.covariance(0, 2)];
        let gain = state.gain(0, 2);
        state.observe(0);
        assert!((state.variance(2) - (two - both * both / (one + 0.5))).abs() < 1e-12);
        assert!((two - gain - state.variance(2)).abs() < 1e-12);
    }

    #[test]
    fn forgetting_undoes_observing() {
        let before = state(0.3);
        let mut after = before.clone();
        after.observe(1);
        after.forget(1);
        for column in 0..3 {
            assert!((after.variance(column) - before.variance(column)).abs() < 1e-10);
        }
    }

    #[test]
    fn a_state_of_few_directions_is_that_of_all_draws() {
        // Twenty runs that follow three parameters with a small nonlinear part, and a decision with a nonlinear part
        // of its own.
        let mut random = Random::new(2, "directions", 0);
        let draws: Vec<[f64; 3]> = (0..300).map(|_| [random.normal(), random.normal(), random.normal()]).collect();
        let run = |place: usize| -> Vec<f64> {
            let x = place as f64 / 20.0;
            draws.iter().map(|[a, b, c]| a + b * x + c * x * x + 1e-5 * (a * b * x)).collect()
        };
        let decision = draws.iter().map(|[a, b, c]| a - 2.0 * b + c + 0.3 * a * c).collect();
        let values: Vec<Vec<f64>> = (0..20).map(run).chain([decision]).collect();
        let noise: Vec<f64> = (0..20).map(|_| 0.1).chain([f64::INFINITY]).collect();
        let mut whole = State::new(values, &[1.0 / 300.0; 300], noise.clone());
        let mut few = whole.clone().compressed(&noise);
        assert!(few.columns[0].len() < 8, "{}", few.columns[0].len());
        for observed in [3, 19, 0, 11] {
            assert!((few.gain(observed, 20) / whole.gain(observed, 20) - 1.0).abs() < 1e-3);
            whole.observe(observed);
            few.observe(observed);
            assert!((few.variance(20) / whole.variance(20) - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn order_of_observations_does_not_matter() {
        let (mut one, mut other) = (state(0.2), state(0.2));
        one.learn(0, 1.0);
        one.learn(1, -0.5);
        other.learn(1, -0.5);
        other.learn(0, 1.0);
        assert!((one.mean(2) - other.mean(2)).abs() < 1e-10);
        assert!((one.variance(2) - other.variance(2)).abs() < 1e-10);
    }

    #[test]
    fn scores_of_a_sample_do_not_depend_on_how_far_its_tail_is() {
        let near = scored((0..99).map(f64::from).collect());
        let far = scored((0..99).map(|i| if i == 98 { 1e9 } else { f64::from(i) }).collect());
        assert_eq!(near, far);
        let same = scored(vec![1.0, 1.0, 2.0, 2.0, 3.0]);
        assert!(same[0] == same[1] && same[2] == same[3] && same[1] < same[2] && same[3] < same[4], "{same:?}");
    }
}
