//! The scatter of each of several groups: between that of its own rows and that of all groups.

use crate::numerics::{exp, ln};

/// What the residuals of one group say about its scatter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupResiduals {
    /// Mean square of the residuals, corrected for the fitted parameters.
    pub variance: f64,
    /// Its degrees of freedom; zero or less where the group says nothing.
    pub freedom: f64,
}

/// The scatter of each group for each draw, relative to a scatter of one.
///
/// The logarithms of the groups' variances are normal around a common mean. Their standard deviation has a half-Cauchy
/// prior of scale two (Gelman 2006, doi:10.1214/06-BA117A). Each mean square is its variance times
/// chi-square over its degrees of freedom. The posterior of each variance is computed on a grid. Groups
/// that scatter equally therefore share their rows' information, a group with many rows keeps its own scatter, and
/// nothing jumps between the two, as it would after a test. Smyth (2004, doi:10.2202/1544-6115.1027) describes the
/// same idea with a conjugate prior.
///
/// `common` is the scatter of each draw if all groups were alike. Its order is kept: the draw with the largest common
/// scatter gets the largest scatter of each group.
pub fn scatter_of_groups(groups: &[GroupResiduals], common: &[f64]) -> Vec<Vec<f64>> {
    let Some(grid) = Grid::over(groups) else { return vec![common.to_vec(); groups.len()] };
    let places = places_in_order(common);
    let of_group = |posterior: Vec<f64>| {
        let quantiles = grid.quantiles(&posterior, common.len());
        places.iter().map(|&place| exp(0.5 * quantiles[place])).collect()
    };
    grid.posteriors(groups).into_iter().map(of_group).collect()
}

/// Scale of the prior of the spread between groups, in the logarithm of the variance: a spread of two is a factor of
/// 2.7 in the standard deviation.
const BETWEEN_GROUPS: f64 = 2.0;
/// Spreads between groups at which the posterior is computed.
const SPREADS: [f64; 13] = [0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2, 3.0, 4.0];
/// Distance of the grid's points in the logarithm of a variance.
const STEP: f64 = 0.1;
/// How far the grid reaches below the smallest and above the largest mean square: a group of few rows may scatter much
/// more than they do.
const REACH: (f64, f64) = (5.0, 8.0);
/// Smallest mean square of a group relative to that of all; rows that the law meets exactly have none.
const LEAST: f64 = 1e-6;

/// Logarithms of variances at equal distances.
struct Grid {
    points: Vec<f64>,
    floor: f64,
}

impl Grid {
    /// The grid for groups; `None` where no group has scatter.
    fn over(groups: &[GroupResiduals]) -> Option<Self> {
        let told = || groups.iter().filter(|group| group.freedom > 0.0);
        let freedom: f64 = told().map(|group| group.freedom).sum();
        let pooled = told().map(|group| group.freedom * group.variance).sum::<f64>() / freedom;
        if !(pooled > 0.0 && pooled.is_finite()) {
            return None;
        }
        let floor = LEAST * pooled;
        let (lowest, highest) = told()
            .map(|group| ln(group.variance.max(floor)))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let (start, end) = (lowest - REACH.0, highest + REACH.1);
        let count = ((end - start) / STEP).ceil() as usize + 1;
        Some(Self { points: (0..count).map(|i| start + STEP * i as f64).collect(), floor })
    }

    /// The likelihood of a group's mean square at each point, relative to its maximum.
    fn likelihood(&self, group: &GroupResiduals) -> Vec<f64> {
        if group.freedom <= 0.0 {
            return vec![1.0; self.points.len()];
        }
        let at = ln(group.variance.max(self.floor));
        let rise = |v: f64| exp(0.5 * group.freedom * (at - v + 1.0 - exp(at - v)));
        self.points.iter().map(|v| rise(*v)).collect()
    }

    /// The posterior of each group's variance, as a mass at each point.
    fn posteriors(&self, groups: &[GroupResiduals]) -> Vec<Vec<f64>> {
        let likelihoods: Vec<Vec<f64>> = groups.iter().map(|group| self.likelihood(group)).collect();
        let given: Vec<Given> = SPREADS.iter().map(|spread| Given::of(&self.kernel(*spread), &likelihoods)).collect();
        let highest = given.iter().map(|given| given.evidence).fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> =
            given.iter().enumerate().map(|(i, given)| prior_mass(i) * exp(given.evidence - highest)).collect();
        let mixed = |group: usize| {
            let mut mass = vec![0.0; self.points.len()];
            for (given, weight) in given.iter().zip(&weights) {
                let of_group = &given.posteriors[group];
                mass.iter_mut().zip(of_group).for_each(|(mass, own)| *mass += weight * own);
            }
            mass
        };
        (0..groups.len()).map(mixed).collect()
    }

    /// The density of a group's variance at a distance of each number of steps from the mean, for a spread.
    fn kernel(&self, spread: f64) -> Vec<f64> {
        let reach = ((5.0 * spread / STEP).ceil() as usize).min(self.points.len());
        let z = |steps: usize| steps as f64 * STEP / spread.max(f64::MIN_POSITIVE);
        let density: Vec<f64> = (0..=reach).map(|steps| exp(-0.5 * z(steps) * z(steps))).collect();
        let sum = 2.0 * density.iter().sum::<f64>() - density[0];
        density.into_iter().map(|d| d / sum).collect()
    }

    /// `count` equally likely values of a distribution over the points, in ascending order.
    fn quantiles(&self, mass: &[f64], count: usize) -> Vec<f64> {
        let total: f64 = mass.iter().sum();
        let (mut place, mut below) = (0, 0.0);
        let value = |i: usize| {
            let target = total * (i as f64 + 0.5) / count as f64;
            while place + 1 < mass.len() && below + mass[place] < target {
                below += mass[place];
                place += 1;
            }
            let within = if mass[place] > 0.0 { ((target - below) / mass[place]).clamp(0.0, 1.0) } else { 0.5 };
            self.points[place] + STEP * (within - 0.5)
        };
        (0..count).map(value).collect()
    }
}

/// The posteriors of all groups for one spread between them.
struct Given {
    /// The logarithm of the likelihood of all groups.
    evidence: f64,
    /// The posterior of each group's variance, with a sum of one.
    posteriors: Vec<Vec<f64>>,
}

impl Given {
    fn of(kernel: &[f64], likelihoods: &[Vec<f64>]) -> Self {
        let means: Vec<Vec<f64>> = likelihoods.iter().map(|own| smoothed(own, kernel)).collect();
        let count = means.first().map_or(0, Vec::len);
        let logs: Vec<f64> = (0..count).map(|i| means.iter().map(|m| ln(m[i].max(f64::MIN_POSITIVE))).sum()).collect();
        let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let of_mean: Vec<f64> = logs.iter().map(|log| exp(log - highest)).collect();
        let total: f64 = of_mean.iter().sum();
        let of_group = |(own, mean): (&Vec<f64>, &Vec<f64>)| {
            let others: Vec<f64> =
                of_mean.iter().zip(mean).map(|(all, own)| all / own.max(f64::MIN_POSITIVE)).collect();
            let mass: Vec<f64> =
                smoothed(&others, kernel).into_iter().zip(own).map(|(around, likely)| around * likely).collect();
            let sum: f64 = mass.iter().sum();
            mass.into_iter().map(|m| m / sum).collect()
        };
        Self { evidence: highest + ln(total), posteriors: likelihoods.iter().zip(&means).map(of_group).collect() }
    }
}

/// Values at the points of a grid, each replaced by the mean around it with the weights of a symmetric kernel.
fn smoothed(values: &[f64], kernel: &[f64]) -> Vec<f64> {
    let at = |i: usize| {
        let around = kernel.iter().enumerate().skip(1).map(|(steps, weight)| {
            let left = i.checked_sub(steps).map_or(0.0, |j| values[j]);
            weight * (left + values.get(i + steps).copied().unwrap_or(0.0))
        });
        kernel[0] * values[i] + around.sum::<f64>()
    };
    (0..values.len()).map(at).collect()
}

/// The prior mass of a spread, by the trapezoidal rule.
fn prior_mass(i: usize) -> f64 {
    let (left, right) = (SPREADS[i.saturating_sub(1)], SPREADS[(i + 1).min(SPREADS.len() - 1)]);
    let z = SPREADS[i] / BETWEEN_GROUPS;
    0.5 * (right - left) / (1.0 + z * z)
}

/// The place of each value in ascending order; equal values keep their order.
fn places_in_order(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut places = vec![0; values.len()];
    order.into_iter().enumerate().for_each(|(place, index)| places[index] = place);
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::Random;

    /// Mean squares of groups with known standard deviations, with the same degrees of freedom each.
    fn groups(known: &[f64], freedom: usize, random: &mut Random) -> Vec<GroupResiduals> {
        let mean_square =
            |random: &mut Random| (0..freedom).map(|_| random.normal()).map(|z| z * z).sum::<f64>() / freedom as f64;
        known
            .iter()
            .map(|s| GroupResiduals { variance: s * s * mean_square(random), freedom: freedom as f64 })
            .collect()
    }

    /// Share of new rows of each group inside the 90 % interval of the scatter of groups.
    fn covered(known: &[f64], freedom: usize) -> Vec<f64> {
        const SETS: usize = 300;
        let draws: Vec<f64> = (0..400).map(|i| 1.0 + f64::from(i)).collect();
        let mut random = Random::new(3, "groups", 0);
        let mut inside = vec![0.0; known.len()];
        for _ in 0..SETS {
            let scatter = scatter_of_groups(&groups(known, freedom, &mut random), &draws);
            for ((inside, own), known) in inside.iter_mut().zip(&scatter).zip(known) {
                let mut rows: Vec<f64> = own.iter().map(|s| (s * random.normal()).abs()).collect();
                rows.sort_by(f64::total_cmp);
                let hits = (0..20).filter(|_| (known * random.normal()).abs() <= rows[359]).count();
                *inside += hits as f64 / 20.0 / SETS as f64;
            }
        }
        inside
    }

    #[test]
    fn groups_that_scatter_equally_cover_as_stated() {
        for share in covered(&[1.0, 1.0, 1.0], 6) {
            assert!((0.87..0.93).contains(&share), "{share}");
        }
    }

    #[test]
    fn the_noisiest_of_few_groups_of_few_rows_is_nearly_covered() {
        let shares = covered(&[1.0, 2.0, 4.0], 6);
        // With the scatter of all groups the last would be covered by .62, with its own after a test by .71 to .79.
        assert!(shares[2] > 0.82, "{shares:?}");
        assert!((0.88..0.93).contains(&(shares.iter().sum::<f64>() / 3.0)), "{shares:?}");
    }

    #[test]
    fn many_rows_keep_the_scatter_of_their_group() {
        let groups = [0.01, 0.04].map(|s| GroupResiduals { variance: s * s, freedom: 2000.0 });
        for (scatter, known) in scatter_of_groups(&groups, &[1.0, 1.1, 0.9]).iter().zip([0.01, 0.04]) {
            assert!(scatter.iter().all(|s| (s / known - 1.0).abs() < 0.06), "{scatter:?}");
        }
    }

    #[test]
    fn a_group_without_information_scatters_like_the_others() {
        let told = GroupResiduals { variance: 1e-4, freedom: 30.0 };
        let silent = GroupResiduals { variance: 0.0, freedom: 0.0 };
        let draws = vec![1.0; 101];
        let scatter = scatter_of_groups(&[told, told, told, told, silent], &draws);
        let middle = scatter[4][50];
        assert!((0.008..0.0125).contains(&middle), "{middle}");
        assert!(scatter[4][96] / scatter[4][4] > scatter[0][96] / scatter[0][4]);
    }

    #[test]
    fn draws_keep_their_order() {
        let group = GroupResiduals { variance: 1.0, freedom: 5.0 };
        let scatter = scatter_of_groups(&[group, group], &[0.7, 1.6, 1.0]);
        assert!(scatter[0][0] < scatter[0][2] && scatter[0][2] < scatter[0][1], "{scatter:?}");
    }

    #[test]
    fn groups_without_scatter_keep_that_of_the_draws() {
        let exact = GroupResiduals { variance: 0.0, freedom: 5.0 };
        assert_eq!(scatter_of_groups(&[exact, exact], &[1.0, 2.0]), vec![vec![1.0, 2.0]; 2]);
    }
}
