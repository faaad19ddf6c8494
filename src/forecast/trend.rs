//! Tests for a trend with scale. No law of a forecast describes a response that does not fall or that turns.

use super::history::{History, Run};
use crate::numerics::{Line, fisher_tail, ln, mean, median, quantile, student_quantile, student_tail};

/// The probability that runs without a trend pass each of the two tests of a fall.
const BY_CHANCE: f64 = 0.02;
/// Number of blocks into which runs along one size are averaged, so that correlated scatter of neighbours counts
/// once.
const BLOCKS: usize = 12;
/// The probability with which the fall named in a message would be detected.
const SEEN: f64 = 0.9;

/// A rise counts above this multiple of the scatter ...
const TIMES_SCATTER: f64 = 6.0;
/// ... and above this share of the total fall. The first value is for one size; the second is for two sizes, where
/// runs of one budget differ in more than scale.
const SHARE_OF_FALL: [f64; 2] = [0.03, 0.1];

/// Share of the runs that may lie above smaller ones. The first value is for one size; the second is for two sizes,
/// where badly tuned runs at one end of a budget lie above smaller ones without any turn.
const ALLOWED_SHARE: [f64; 2] = [0.05, 0.25];

/// The median of the size of a standard normal number.
const NORMAL_MEDIAN: f64 = 0.6745;

/// Minimum number of runs along one size that are tested for a rise at their end, and minimum number that rise.
const FEWEST_FOR_END: usize = 6;
const FEWEST_AT_END: usize = 3;
/// Number of rising runs from which scatter of the last one does not end the rise.
const LONG_AT_END: usize = 5;
/// A slope upward counts above this multiple of its standard error.
const TIMES_ERROR: f64 = 5.0;
/// The same without the last run.
const TIMES_ERROR_BEFORE: f64 = 1.0;
/// The same for a rise that counts only together with other evidence.
const TIMES_ERROR_SEEMING: f64 = 2.5;

/// Number of neighbours along one size that make a rise, so that a single run does not.
const NEIGHBOURS: usize = 3;

/// Why a history cannot be forecast; `None` where it can.
pub(super) fn turns(history: &History) -> Option<String> {
    let z: Vec<f64> = history.runs.iter().map(|run| run.z).collect();
    let scatter = scatter(&z);
    let mut sorted = z.clone();
    sorted.sort_by(f64::total_cmp);
    let range = quantile(&sorted, 0.95) - quantile(&sorted, 0.05);
    let (first, last) = (history.runs.first()?, history.last()?);
    let over_two = usize::from(last.logs.len() > 1);
    let allowed = (TIMES_SCATTER * scatter).max(SHARE_OF_FALL[over_two] * range);
    if smaller(first, last) && last.z - first.z > allowed {
        return Some(
            "the response rises with scale; a forecast needs a response that falls, such as a loss or \
         an error rate (use 1 - accuracy for an accuracy)"
                .to_owned(),
        );
    }
    if let Some(last) = rises_at_end(&history.runs, range, TIMES_ERROR) {
        return Some(format!(
            "the response does not fall throughout: it rises over the last {last} of {} runs by more than their scatter, \
             as in a second descent or over-fitting",
            history.runs.len()
        ));
    }
    let rises = rises(history, allowed);
    let turned = rises.iter().filter(|rises| **rises).count();
    // One run that did not converge is not a trend; several neighbours along one size are.
    let neighbours = rises.split(|rises| !rises).map(<[bool]>::len).max().unwrap_or(0);
    let goes_on = over_two == 0 && neighbours >= NEIGHBOURS;
    (goes_on || turned as f64 >= 2.0 + ALLOWED_SHARE[over_two] * history.runs.len() as f64).then(|| {
        format!(
            "the response does not fall throughout: {turned} of {} runs lie above smaller ones by more than \
         their scatter, as in a second descent or over-fitting",
            history.runs.len()
        )
    })
}

/// Whether the response of runs along one size seems to rise over the last of them. That alone may be scatter.
pub(super) fn seems_to_rise(history: &History) -> bool {
    rises_at_end(&history.runs, 0.0, TIMES_ERROR_SEEMING).is_some()
}

/// Why runs show no trend to continue, with the fall that would have been detected; `None` where they fall.
///
/// A fall passes one of two tests. The first tests the slope of ln y over ln scale by Student's t. The second depends
/// on the number of sizes. Along one size, it counts ordered pairs (Kendall 1938), which assumes no shape. Over two
/// sizes, it tests the fitted plane by Fisher's F.
pub(super) fn no_trend(history: &History) -> Option<String> {
    let runs = in_blocks(&history.runs);
    let scales: Vec<f64> = runs.iter().map(|run| run.logs.iter().sum()).collect();
    let z: Vec<f64> = runs.iter().map(|run| run.z).collect();
    let freedom = runs.len().checked_sub(2).filter(|freedom| *freedom > 0)?;
    let line = Line::through(&scales, &z);
    let falls_by_slope = line.slope < 0.0 && student_tail(-line.t(), freedom) <= BY_CHANCE;
    let falls = falls_by_slope
        || match history.last()?.logs.len() {
            1 => chance_of_order(&z) <= BY_CHANCE,
            _ => plane(&runs).is_some_and(|chance| chance <= BY_CHANCE),
        };
    if falls {
        return None;
    }
    let decade = ln(10.0);
    let percent = |change: f64| format!("{:.2} %", 100.0 * change * decade);
    if line.slope > 0.0 && student_tail(line.t(), freedom) <= BY_CHANCE {
        return Some(format!(
            "there is no fall to continue: the response rises, by {} +- {} per factor of ten in scale (for compute, in its square root)",
            percent(line.slope),
            percent(line.error)
        ));
    }
    let seen = line.error * (student_quantile(1.0 - BY_CHANCE, freedom) + student_quantile(SEEN, freedom));
    Some(format!(
        "there is no trend to continue: per factor of ten in scale (for compute, in its square root) the response changes by {} +- {}, which is \
         consistent with no trend; a fall of {} would have been detected in nine of ten such tables",
        percent(line.slope),
        percent(line.error),
        percent(seen)
    ))
}

/// The means of blocks of neighbours, where there are more runs along one size than blocks.
fn in_blocks(runs: &[Run]) -> Vec<Run> {
    let is_long = runs.len() > BLOCKS && runs.iter().all(|run| run.logs.len() == 1);
    if !is_long {
        return runs.to_vec();
    }
    let block = |i: usize| &runs[i * runs.len() / BLOCKS..(i + 1) * runs.len() / BLOCKS];
    let averaged = |runs: &[Run]| Run {
        logs: vec![mean(&runs.iter().map(|run| run.logs[0]).collect::<Vec<_>>())],
        z: mean(&runs.iter().map(|run| run.z).collect::<Vec<_>>()),
    };
    (0..BLOCKS).map(|i| averaged(block(i))).collect()
}

/// The probability that values in random order have as few pairs in which the later value is not lower.
fn chance_of_order(z: &[f64]) -> f64 {
    let pairs = (0..z.len()).flat_map(|j| (0..j).map(move |i| (i, j)));
    let rises = pairs.filter(|&(i, j)| z[j] >= z[i]).count();
    // Number of permutations of n values by their number of rises: each value in turn takes a place among those
    // before it.
    let mut orders = vec![1.0];
    for values in 2..=z.len() {
        let mut next = vec![0.0; orders.len() + values - 1];
        for (rises, count) in orders.iter().enumerate() {
            (0..values).for_each(|more| next[rises + more] += count / values as f64);
        }
        orders = next;
    }
    orders.iter().take(rises + 1).sum()
}

/// The probability that runs without a trend lie as near to a plane over two sizes. `None` where the sizes vary
/// together or the plane rises with both.
fn plane(runs: &[Run]) -> Option<f64> {
    let column = |j: usize| -> Vec<f64> {
        let values: Vec<f64> = runs.iter().map(|run| run.logs[j]).collect();
        let middle = mean(&values);
        values.into_iter().map(|x| x - middle).collect()
    };
    let (u, v) = (column(0), column(1));
    let level = mean(&runs.iter().map(|run| run.z).collect::<Vec<_>>());
    let z: Vec<f64> = runs.iter().map(|run| run.z - level).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (uu, uv, vv, uz, vz) = (dot(&u, &u), dot(&u, &v), dot(&v, &v), dot(&u, &z), dot(&v, &z));
    let determinant = uu * vv - uv * uv;
    let freedom = runs.len().checked_sub(3).filter(|freedom| *freedom > 0)?;
    if determinant < 1e-9 * uu * vv {
        return None;
    }
    let (by_u, by_v) = ((vv * uz - uv * vz) / determinant, (uu * vz - uv * uz) / determinant);
    let (total, explained) = (dot(&z, &z), by_u * uz + by_v * vz);
    let f = 0.5 * explained / ((total - explained) / freedom as f64);
    (by_u + by_v < 0.0).then(|| fisher_tail(f, 2, freedom))
}

fn smaller(one: &Run, other: &Run) -> bool {
    one.logs.iter().zip(&other.logs).all(|(x, y)| x <= y)
}

/// For each run, whether it lies above a run that is smaller in every size, by more than `allowed`.
fn rises(history: &History, allowed: f64) -> Vec<bool> {
    let runs = &history.runs;
    let rises = |j: usize| runs[..j].iter().any(|before| smaller(before, &runs[j]) && runs[j].z - before.z > allowed);
    (0..runs.len()).map(rises).collect()
}

/// The number of last runs along one size, at most half of all, over which the response rises; `None` where it does not.
///
/// The runs rise if the slope of their least-squares line exceeds `times_error` standard errors and the line rises by
/// [`SHARE_OF_FALL`] of a range.
fn rises_at_end(runs: &[Run], range: f64, times_error: f64) -> Option<usize> {
    let n = runs.len();
    if n < FEWEST_FOR_END || runs.iter().any(|run| run.logs.len() != 1) {
        return None;
    }
    let x: Vec<f64> = runs.iter().map(|run| run.logs[0]).collect();
    let z: Vec<f64> = runs.iter().map(|run| run.z).collect();
    let scatter = scatter(&z).min(scatter_of_bends(&z));
    // The slope of a part, and its value in standard errors.
    let slope = |part: std::ops::Range<usize>| {
        let (x, z) = (&x[part.clone()], &z[part]);
        let (slope, middle) = (Line::through(x, z).slope, mean(x));
        let along: f64 = x.iter().map(|x| (x - middle) * (x - middle)).sum();
        (slope, slope * along.sqrt() / scatter)
    };
    (FEWEST_AT_END..=n / 2).find(|last| {
        let (by_slope, errors) = slope(n - last..n);
        // One run that is unlike the others does not make a rise.
        let (_, errors_before) = slope(n - last..n - 1);
        let rise = by_slope * (x[n - 1] - x[n - last]);
        // In a longer rise, the last run may scatter below the one before it.
        let last_two = f64::midpoint(z[n - 1], z[n - 2]);
        let goes_on = z[n - 1] > z[n - 2] || *last >= LONG_AT_END && last_two > mean(&z[n - last..]);
        let still_rises = goes_on && errors_before > TIMES_ERROR_BEFORE;
        still_rises && errors > times_error && rise > SHARE_OF_FALL[0] * range
    })
}

/// The scatter of neighbours around the trend, from second differences, which are small on a smooth curve. Independent
/// scatter s has second differences of s sqrt(6).
fn scatter(z: &[f64]) -> f64 {
    typical(z.windows(3).map(|w| (w[2] - 2.0 * w[1] + w[0]) / 6.0_f64.sqrt()))
}

/// The same from third differences, which are small also where the curve bends between neighbours. Independent scatter s
/// has third differences of s sqrt(20).
fn scatter_of_bends(z: &[f64]) -> f64 {
    typical(z.windows(4).map(|w| (w[3] - 3.0 * (w[2] - w[1]) - w[0]) / 20.0_f64.sqrt()))
}

/// The standard deviation of differences, from the median of their sizes; zero without any.
fn typical(differences: impl Iterator<Item = f64>) -> f64 {
    let sizes: Vec<f64> = differences.map(f64::abs).collect();
    if sizes.is_empty() { 0.0 } else { median(&sizes) / NORMAL_MEDIAN }
}
