//! The lowest point of a function of shares that sum to 1, each within bounds of its own.
//!
//! Newton steps on the shares that are free to move, projected to the bounds, lead from a start to a local minimum. Where
//! such a step does not descend, the two shares with the most different slopes exchange a part, which always does.

use crate::numerics::{Matrix, Random, ln};

/// Shares closer than this to a bound lie on it.
const ON_BOUND: f64 = 1e-12;
/// Distance from a bound that is rounding of a projection.
const BESIDE: f64 = 1e-15;
/// Largest number of steps from one start.
const MOST_STEPS: usize = 200;
/// Largest number of halvings of a step.
const HALVINGS: usize = 40;
/// Fraction of the expected descent that a step must reach (Armijo's rule).
const ENOUGH: f64 = 1e-4;
/// Difference of slopes, relative to the largest slope, at which a point is a minimum.
const LEVEL: f64 = 1e-12;
/// Relative difference of two values that is rounding.
const ROUNDING: f64 = 1e-14;

/// A function of shares.
pub(super) trait Landscape {
    /// The value; not finite where there is none.
    fn value(&self, shares: &[f64]) -> f64;

    /// Value, slopes and second derivatives; `None` where one of them is not finite.
    fn local(&self, shares: &[f64]) -> Option<Local>;
}

/// Value, slopes and second derivatives at a point.
pub(super) struct Local {
    pub(super) value: f64,
    pub(super) slopes: Vec<f64>,
    pub(super) bends: Matrix,
}

/// A local minimum.
#[derive(Clone, Debug)]
pub(super) struct Valley {
    pub(super) shares: Vec<f64>,
    pub(super) value: f64,
}

/// The shares that sum to 1 and lie within bounds.
#[derive(Clone, Debug)]
pub(super) struct Simplex {
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Simplex {
    /// The shares between `lower` and `upper`; `None` where no shares within them sum to 1.
    pub(super) fn new(lower: Vec<f64>, upper: Vec<f64>) -> Option<Self> {
        let (least, most) = (lower.iter().sum::<f64>(), upper.iter().sum::<f64>());
        let is_ordered = lower.iter().zip(&upper).all(|(low, high)| low <= high);
        (is_ordered && least <= 1.0 + ON_BOUND && most >= 1.0 - ON_BOUND).then_some(Self { lower, upper })
    }

    /// Number of shares.
    pub(super) const fn size(&self) -> usize {
        self.lower.len()
    }

    /// The nearest shares to a point: all coordinates are shifted by one number and cut at the bounds.
    pub(super) fn nearest(&self, point: &[f64]) -> Vec<f64> {
        let at = |shift: f64| -> Vec<f64> {
            let bounds = self.lower.iter().zip(&self.upper);
            point.iter().zip(bounds).map(|(x, (low, high))| (x - shift).clamp(*low, *high)).collect()
        };
        // At these shifts, all coordinates are on their lower or upper bounds.
        let ends = |bounds: &[f64]| point.iter().zip(bounds).map(|(x, bound)| x - bound).collect::<Vec<_>>();
        let mut most = ends(&self.lower).into_iter().fold(f64::NEG_INFINITY, f64::max);
        let mut least = ends(&self.upper).into_iter().fold(f64::INFINITY, f64::min);
        for _ in 0..200 {
            let middle = f64::midpoint(least, most);
            if middle <= least || middle >= most {
                break;
            }
            if at(middle).iter().sum::<f64>() > 1.0 { least = middle } else { most = middle }
        }
        let mut shares = at(most);
        // Bisection ends beside a bound and not on it.
        for (share, (low, high)) in shares.iter_mut().zip(self.lower.iter().zip(&self.upper)) {
            for bound in [*low, *high] {
                if (*share - bound).abs() <= BESIDE {
                    *share = bound;
                }
            }
        }
        // What bisection leaves of the sum goes to the share with the most room.
        let left = 1.0 - shares.iter().sum::<f64>();
        let room = |i: usize| if left > 0.0 { self.upper[i] - shares[i] } else { shares[i] - self.lower[i] };
        if let Some(place) = (0..shares.len()).max_by(|&a, &b| room(a).total_cmp(&room(b))) {
            shares[place] = (shares[place] + left).clamp(self.lower[place], self.upper[place]);
        }
        shares
    }

    /// Points that fill the simplex: the middle, the corners, the middles of edges, and points at random.
    pub(super) fn scattered(&self) -> Vec<Vec<f64>> {
        let n = self.size();
        let unit = |hot: &[usize]| -> Vec<f64> {
            (0..n).map(|i| if hot.contains(&i) { 1.0 / hot.len() as f64 } else { 0.0 }).collect()
        };
        let mut points = vec![unit(&(0..n).collect::<Vec<_>>())];
        points.extend((0..n).map(|i| unit(&[i])));
        if n <= MOST_EDGES {
            points.extend((0..n).flat_map(|i| (0..i).map(move |j| [i, j])).map(|pair| unit(&pair)));
        }
        let mut random = Random::new(0, "mixture", 0);
        for _ in 0..(SCATTERED * n).min(MOST_SCATTERED) {
            // Exponential variables divided by their sum are uniform on the simplex.
            let drawn: Vec<f64> = (0..n).map(|_| -ln(1.0 - random.uniform())).collect();
            let sum: f64 = drawn.iter().sum();
            points.push(drawn.iter().map(|x| x / sum).collect());
        }
        points.iter().map(|point| self.nearest(point)).collect()
    }

    /// The minimum to which a start leads; `None` where the function has no value or slope.
    pub(super) fn descend(&self, start: &[f64], landscape: &impl Landscape) -> Option<Valley> {
        let mut shares = self.nearest(start);
        let mut here = landscape.local(&shares)?;
        for _ in 0..MOST_STEPS {
            let Some(pair) = self.steepest(&shares, &here) else { break };
            let newton = self.newton(&shares, &here, pair);
            let next = newton
                .and_then(|step| self.along(&shares, &here, &step, landscape))
                .or_else(|| self.along(&shares, &here, &self.exchange(&shares, &here, pair), landscape));
            let Some(next) = next else { break };
            (shares, here) = next;
        }
        Some(Valley { value: here.value, shares })
    }

    /// The share that should grow and the one that should shrink; `None` at a minimum.
    fn steepest(&self, shares: &[f64], here: &Local) -> Option<[usize; 2]> {
        let slope = |i: &usize| here.slopes[*i];
        let may_grow = (0..self.size()).filter(|&i| shares[i] < self.upper[i] - ON_BOUND);
        let may_shrink = (0..self.size()).filter(|&i| shares[i] > self.lower[i] + ON_BOUND);
        let up = may_grow.min_by(|a, b| slope(a).total_cmp(&slope(b)))?;
        let down = may_shrink.max_by(|a, b| slope(a).total_cmp(&slope(b)))?;
        let largest = here.slopes.iter().fold(0.0_f64, |largest, slope| largest.max(slope.abs()));
        (slope(&down) - slope(&up) > LEVEL * largest).then_some([up, down])
    }

    /// Newton's step of the shares between their bounds and of the steepest pair, which leaves the sum as it is.
    fn newton(&self, shares: &[f64], here: &Local, pair: [usize; 2]) -> Option<Vec<f64>> {
        let is_inside = |i: usize| shares[i] > self.lower[i] + ON_BOUND && shares[i] < self.upper[i] - ON_BOUND;
        let free: Vec<usize> = (0..self.size()).filter(|&i| is_inside(i) || pair.contains(&i)).collect();
        // The largest share takes what the others leave.
        let last = *free.iter().max_by(|a, b| shares[**a].total_cmp(&shares[**b]))?;
        let others: Vec<usize> = free.into_iter().filter(|&i| i != last).collect();
        let bend = |i: usize, j: usize| here.bends[(i, j)];
        let mut reduced = Matrix::zeros(others.len());
        for (a, &i) in others.iter().enumerate() {
            for (b, &j) in others.iter().enumerate() {
                reduced[(a, b)] = bend(i, j) - bend(i, last) - bend(last, j) + bend(last, last);
            }
        }
        let fall: Vec<f64> = others.iter().map(|&i| here.slopes[last] - here.slopes[i]).collect();
        let size = (0..others.len()).map(|a| reduced[(a, a)].abs()).fold(0.0_f64, f64::max);
        let mut ridge = 0.0;
        let factor = loop {
            let mut raised = reduced.clone();
            (0..others.len()).for_each(|a| raised[(a, a)] += ridge);
            if let Some(factor) = raised.cholesky() {
                break factor;
            }
            ridge = if ridge == 0.0 { 1e-8 * size.max(f64::MIN_POSITIVE) } else { 100.0 * ridge };
            if ridge > 1e8 * size {
                return None;
            }
        };
        let moved = factor.solve_factored(fall);
        let mut step = vec![0.0; self.size()];
        for (&i, moved) in others.iter().zip(moved) {
            step[i] = moved;
            step[last] -= moved;
        }
        Some(step).filter(|step| step.iter().all(|x| x.is_finite()))
    }

    /// The exchange between two shares that Newton's method suggests, or as much as the bounds permit.
    fn exchange(&self, shares: &[f64], here: &Local, [up, down]: [usize; 2]) -> Vec<f64> {
        let most = (self.upper[up] - shares[up]).min(shares[down] - self.lower[down]);
        let bend = here.bends[(up, up)] + here.bends[(down, down)] - 2.0 * here.bends[(up, down)];
        let newton = (here.slopes[down] - here.slopes[up]) / bend;
        let part = if bend > 0.0 && newton < most { newton } else { most };
        let mut step = vec![0.0; self.size()];
        (step[up], step[down]) = (part, -part);
        step
    }

    /// The point after a step, or after the largest part of it that descends enough; `None` if no part does.
    fn along(
        &self,
        shares: &[f64],
        here: &Local,
        step: &[f64],
        landscape: &impl Landscape,
    ) -> Option<(Vec<f64>, Local)> {
        let mut part = 1.0;
        for _ in 0..HALVINGS {
            let moved: Vec<f64> = shares.iter().zip(step).map(|(share, step)| share + part * step).collect();
            let next = self.nearest(&moved);
            let slope: f64 =
                here.slopes.iter().zip(next.iter().zip(shares)).map(|(s, (to, from))| s * (to - from)).sum();
            let value = landscape.value(&next);
            if slope < 0.0 && value <= here.value + ENOUGH * slope && value < here.value {
                return Some((next.clone(), landscape.local(&next)?));
            }
            // Near a minimum, the slopes still tell what rounding hides in the values.
            if slope < 0.0 && value <= here.value + ROUNDING * here.value.abs() {
                let there = landscape.local(&next)?;
                return (self.unevenness(&next, &there) < 0.5 * self.unevenness(shares, here)).then_some((next, there));
            }
            part *= 0.5;
        }
        None
    }

    /// The difference between the slopes of the steepest pair; zero at a minimum.
    fn unevenness(&self, shares: &[f64], here: &Local) -> f64 {
        self.steepest(shares, here).map_or(0.0, |[up, down]| here.slopes[down] - here.slopes[up])
    }
}

/// Number of points at random for each share, and the largest number in all.
const SCATTERED: usize = 32;
const MOST_SCATTERED: usize = 512;
/// Largest number of shares for which the middles of all edges are starts.
const MOST_EDGES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// Half the squared distance from a point, with weights.
    struct Bowl {
        middle: Vec<f64>,
        weights: Vec<f64>,
    }

    impl Landscape for Bowl {
        fn value(&self, shares: &[f64]) -> f64 {
            let all = shares.iter().zip(&self.middle).zip(&self.weights);
            all.map(|((x, m), w)| 0.5 * w * (x - m) * (x - m)).sum()
        }

        fn local(&self, shares: &[f64]) -> Option<Local> {
            let mut bends = Matrix::zeros(shares.len());
            self.weights.iter().enumerate().for_each(|(i, w)| bends[(i, i)] = *w);
            let all = shares.iter().zip(&self.middle).zip(&self.weights);
            Some(Local { value: self.value(shares), slopes: all.map(|((x, m), w)| w * (x - m)).collect(), bends })
        }
    }

    fn unbounded(size: usize) -> Simplex {
        Simplex::new(vec![0.0; size], vec![1.0; size]).unwrap()
    }

    #[test]
    fn the_nearest_shares_sum_to_one_and_keep_their_bounds() {
        let simplex = Simplex::new(vec![0.0, 0.2, 0.0, 0.05], vec![0.3, 1.0, 0.4, 1.0]).unwrap();
        let mut random = Random::new(5, "nearest", 0);
        for _ in 0..200 {
            let point: Vec<f64> = (0..4).map(|_| 3.0 * random.normal()).collect();
            let shares = simplex.nearest(&point);
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{shares:?}");
            assert!(shares.iter().zip(&simplex.lower).all(|(x, low)| x >= low));
            assert!(shares.iter().zip(&simplex.upper).all(|(x, high)| x <= high));
            let again = simplex.nearest(&shares);
            assert!(shares.iter().zip(&again).all(|(a, b)| (a - b).abs() < 1e-12));
        }
        assert_eq!(unbounded(3).nearest(&[2.0, 0.0, 0.0]), [1.0, 0.0, 0.0]);
        assert!(Simplex::new(vec![0.6, 0.6], vec![1.0, 1.0]).is_none());
        assert!(Simplex::new(vec![0.0, 0.0], vec![0.4, 0.4]).is_none());
    }

    #[test]
    fn every_start_leads_to_the_minimum_of_a_bowl_inside_and_on_the_border() {
        // By Lagrange's conditions, weights (1, 2, 4) and a middle with the sum 1.35 give equal slopes -0.2.
        let inside = Bowl { middle: vec![0.5, 0.45, 0.4], weights: vec![1.0, 2.0, 4.0] };
        let expected = [0.3, 0.35, 0.35];
        let corner = Bowl { middle: vec![2.0, -1.0, -1.0], weights: vec![1.0, 1.0, 1.0] };
        for start in unbounded(3).scattered() {
            let found = unbounded(3).descend(&start, &inside).unwrap().shares;
            assert!(found.iter().zip(expected).all(|(x, e)| (x - e).abs() < 1e-10), "{found:?} from {start:?}");
            assert_eq!(unbounded(3).descend(&start, &corner).unwrap().shares, [1.0, 0.0, 0.0]);
        }
    }
}
