//! What the rows leave open: a sample of plausible parameters of a law that the rows do not identify.
//!
//! Few rows, or rows along one ray, agree with many curves of a law, and the fit has no distribution of its
//! parameters. A design needs one: it shows where these curves differ, which is where a run tells them apart. The sample
//! here follows a weak proper prior, which the search defines for every law: its starts are spread over the values that
//! the formula and the rows make plausible. Each draw minimises the misfit of the rows, displaced by their scatter, plus
//! the squared distance from a start of its own in units of the spread of all starts (Bardsley et al. 2014,
//! doi:10.1137/140964023). All draws meet the rows; what the rows leave open, they keep from the prior. Such a sample
//! chooses runs well, but its width is that of the prior. So no interval, waste or value is taken from it.

use rayon::prelude::*;

use crate::dataset::Dataset;
use crate::fit::{Fit, HELD};
use crate::law::Law;
use crate::numerics::{Points, Random, median, quantile};
use crate::objective::{Objective, ResponseScale};
use crate::problem::{Problem, Pull};
use crate::search::plausible;
use crate::solver::Solver;
use crate::uncertainty::chi_square_quantile;

/// A sample of plausible parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// Draws of the free parameters.
    pub draws: Points,
    /// The scatter of a run, on the scale of the residuals.
    pub scatter: f64,
    /// Why the rows do not identify the law, as a clause.
    pub reason: String,
}

/// Minimum number of draws for a distribution.
pub const FEWEST_DRAWS: usize = 20;
/// Number of starts, each of which gives a draw.
const STARTS: usize = 256;
/// The scatter that is expected before any row is seen, as a share of the spread of the responses, and the number of
/// rows that this expectation counts as.
const USUAL_SCATTER: f64 = 0.02;
const COUNTS_AS: f64 = 2.0;
/// The spread of the responses where all rows have the same.
const LEAST_SPREAD: f64 = 0.05;
/// Share of draws from a correct posterior whose misfit exceeds the accepted one.
const REFUSED: f64 = 1e-3;

impl Open {
    /// A sample of the parameters that agree with the rows of a fit.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn of(law: &Law, fit: &Fit, rows: &Dataset, reason: String, seed: u64) -> Result<Self, String> {
        let rows = Rows::of(law, fit, rows)?;
        let plain = rows.problem(law, fit.scale, &rows.response, 1.0);
        let best: Vec<f64> = plain.coordinates().iter().zip(&fit.free).map(|(c, value)| c.of(*value)).collect();
        let scatter = rows.scatter(fit.scale, plain.cost(&best), fit.free.len());
        let weight = 1.0 / (scatter * scatter);
        let mut starts = plausible(&plain, law, STARTS);
        starts.retain(|start| start.iter().all(|x| x.is_finite()));
        let widths: Vec<f64> = (0..best.len()).map(|j| width(&starts, j)).collect();
        let told = rows.problem(law, fit.scale, &rows.response, weight);
        let draw = |(number, start): (usize, &Vec<f64>)| {
            let mut random = Random::new(seed, "open", number as u64);
            let displaced = |y: &f64| fit.scale.value(fit.scale.place(*y) + scatter * random.normal());
            let responses: Vec<f64> = rows.response.iter().map(displaced).collect();
            let pulls: Vec<Pull> = start
                .iter()
                .zip(&widths)
                .map(|(centre, width)| Pull { centre: *centre, strength: 1.0 / (width * width) })
                .collect();
            let problem = rows.problem(law, fit.scale, &responses, weight).with_pulls(&pulls);
            let end = Solver::default().minimise(&problem, start);
            let misfit = if plain.is_resolved(&end.point) { told.cost(&end.point) } else { f64::INFINITY };
            (misfit, end.point)
        };
        let mut ends: Vec<(f64, Vec<f64>)> = starts.par_iter().enumerate().map(draw).collect();
        ends.retain(|(misfit, point)| misfit.is_finite() && point.iter().all(|x| x.is_finite()));
        if ends.len() < FEWEST_DRAWS {
            return Err(format!(
                "{reason}, and only {} of {STARTS} starts of the law `{}` lead to a curve through the rows",
                ends.len(),
                law.name
            ));
        }
        let draws = accepted(ends, fit.free.len()).iter().map(|point| plain.parameters(point)).collect::<Vec<_>>();
        let mut points = Points::with_capacity(fit.free.len(), draws.len());
        draws.iter().for_each(|draw| points.push(draw));
        Ok(Self { draws: points, scatter, reason })
    }
}

/// The points whose misfit exceeds the smallest one by no more than a posterior allows; at least the best few.
fn accepted(ends: Vec<(f64, Vec<f64>)>, parameters: usize) -> Vec<Vec<f64>> {
    let mut sorted: Vec<f64> = ends.iter().map(|(misfit, _)| *misfit).collect();
    sorted.sort_by(f64::total_cmp);
    let usual = sorted[0] + chi_square_quantile(1.0 - REFUSED, parameters as f64);
    let most = usual.max(sorted[FEWEST_DRAWS.min(sorted.len()) - 1]);
    ends.into_iter().filter(|(misfit, _)| *misfit <= most).map(|(_, point)| point).collect()
}

/// The spread of a coordinate over the starts: half the distance of their 16 % and 84 % quantiles.
fn width(starts: &[Vec<f64>], coordinate: usize) -> f64 {
    let mut sorted: Vec<f64> = starts.iter().map(|start| start[coordinate]).collect();
    sorted.sort_by(f64::total_cmp);
    let width = if sorted.is_empty() { 1.0 } else { 0.5 * (quantile(&sorted, 0.84) - quantile(&sorted, 0.16)) };
    if width > 0.0 && width.is_finite() { width } else { 1.0 }
}

/// The fitted rows as columns.
struct Rows {
    variables: Vec<Vec<f64>>,
    response: Vec<f64>,
}

impl Rows {
    fn of(law: &Law, fit: &Fit, table: &Dataset) -> Result<Self, String> {
        let column = |name: &str| {
            table.numbers(name).ok_or_else(|| format!("the rows of the law `{}` have no column `{name}`", law.name))
        };
        let columns: Vec<&[f64]> = law.variables.iter().map(|v| column(&v.name)).collect::<Result<_, _>>()?;
        let (response, held) = (column(&law.response)?, table.numbers(HELD));
        let is_used = |row: usize| {
            held.is_none_or(|held| held[row] == 0.0)
                && fit.scale.place(response[row]).is_finite()
                && columns.iter().all(|column| column[row].is_finite())
        };
        let used: Vec<usize> = (0..table.rows()).filter(|&row| is_used(row)).collect();
        let of = |column: &[f64]| used.iter().map(|&row| column[row]).collect::<Vec<f64>>();
        Ok(Self { variables: columns.into_iter().map(of).collect(), response: of(response) })
    }

    /// Least squares on a scale, with one weight for all rows.
    fn problem(&self, law: &Law, scale: ResponseScale, response: &[f64], weight: f64) -> Problem {
        let variables: Vec<&[f64]> = self.variables.iter().map(Vec::as_slice).collect();
        let weights = vec![weight; response.len()];
        Problem::new(law, &Objective::least_squares(scale), &variables, response, Some(&weights))
    }

    /// The scatter of a run: that of the residuals, and what is usual, which counts as a few rows.
    fn scatter(&self, scale: ResponseScale, squares: f64, parameters: usize) -> f64 {
        let placed: Vec<f64> = self.response.iter().map(|y| scale.place(*y)).collect();
        let middle = median(&placed);
        let mean_square = placed.iter().map(|y| (y - middle) * (y - middle)).sum::<f64>() / placed.len().max(1) as f64;
        let spread = mean_square.sqrt();
        let usual = USUAL_SCATTER * if spread > 0.0 && spread.is_finite() { spread } else { LEAST_SPREAD };
        let freedom = placed.len().saturating_sub(parameters) as f64;
        let squares = if squares.is_finite() { squares } else { 0.0 };
        ((squares + COUNTS_AS * usual * usual) / (freedom + COUNTS_AS)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Column;
    use crate::law::find;

    /// Rows of the law of Hoffmann et al. without scatter.
    fn rows(settings: &[(f64, f64)]) -> Dataset {
        let loss = |&(n, d): &(f64, f64)| 1.8 + 480.0 * libm::pow(n, -0.35) + 2085.0 * libm::pow(d, -0.37);
        let mut table = Dataset::default();
        table.insert("N", Column::Numbers(settings.iter().map(|(n, _)| *n).collect()));
        table.insert("D", Column::Numbers(settings.iter().map(|(_, d)| *d).collect()));
        table.insert("L", Column::Numbers(settings.iter().map(loss).collect()));
        table
    }

    fn fit_of(law: &Law) -> Fit {
        Fit { law: law.name.clone(), free: vec![1.8, 480.0, 0.35, 2085.0, 0.37], rows: 3, ..Fit::default() }
    }

    fn in_order(law: &Law) -> Vec<&str> {
        law.free().iter().map(|parameter| parameter.name.as_str()).collect()
    }

    #[test]
    fn every_draw_meets_the_rows_and_they_differ_elsewhere() {
        let law = find("hoffmann").unwrap().law().unwrap();
        assert_eq!(in_order(&law), ["E", "A", "alpha", "B", "beta"], "the order of `fit_of`");
        let settings = [(1e8, 2e9), (2e8, 8e9), (4e8, 3e9)];
        let table = rows(&settings);
        let open = Open::of(&law, &fit_of(&law), &table, "three rows".to_owned(), 1).unwrap();
        assert!(open.draws.len() > 100, "{}", open.draws.len());
        let tape = law.tape();
        let losses = table.numbers("L").unwrap();
        for draw in &open.draws {
            for ((n, d), loss) in settings.iter().zip(losses) {
                let off = libm::log(tape.value_at(draw, &[*n, *d]) / loss);
                assert!(off.abs() < 7.0 * open.scatter, "{off} of {}", open.scatter);
            }
        }
        let mut far: Vec<f64> = open.draws.iter().map(|draw| libm::log(tape.value_at(draw, &[1e10, 1e11]))).collect();
        far.sort_by(f64::total_cmp);
        let spread = quantile(&far, 0.84) - quantile(&far, 0.16);
        assert!(spread > 20.0 * open.scatter, "{spread} of {}", open.scatter);
    }

    #[test]
    fn a_draw_is_the_same_however_many_rows_are_held_out() {
        let law = find("hoffmann").unwrap().law().unwrap();
        let fit = fit_of(&law);
        let open = |table: &Dataset| Open::of(&law, &fit, table, String::new(), 1).unwrap();
        let fitted = rows(&[(1e8, 2e9), (2e8, 8e9), (4e8, 3e9)]);
        let mut with_held = rows(&[(1e8, 2e9), (2e8, 8e9), (4e8, 3e9), (1e9, 2e10)]);
        with_held.insert(HELD, Column::Numbers(vec![0.0, 0.0, 0.0, 1.0]));
        assert_eq!(open(&fitted), open(&with_held));
    }
}
