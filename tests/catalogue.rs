//! Every law of the catalogue in the fit engine: its parameters are recovered from noiseless rows.

use lawfit::evidence::{Label, shape};
use lawfit::fit::Status;
use lawfit::law::{Entry, Law, catalogue};
use lawfit::numerics::Random;
use lawfit::objective::{LeastSquares, Objective, ResponseScale};
use lawfit::problem::Problem;
use lawfit::search::search;
use lawfit::solver::Solver;
use lawfit::watch::Watch;

/// Rows of a data set.
const ROWS: usize = 64;

/// Runs on a design that spreads every variable over decades, or over the usual span of bits and losses.
fn design(entry: &Entry, law: &Law, rows: usize) -> Vec<Vec<f64>> {
    let mut random = Random::new(11, &law.name, 0);
    let spread = |usual: f64, u: f64| {
        if usual >= 1e4 { usual * libm::pow(10.0, 3.0 * u - 1.5) } else { usual * libm::pow(4.0, 2.0 * u - 1.0) }
    };
    law.variables.iter().map(|v| (0..rows).map(|_| spread(entry.example(v), random.uniform())).collect()).collect()
}

#[test]
fn parameters_of_every_law_are_recovered_from_noiseless_rows() {
    let mut missed = Vec::new();
    for entry in catalogue() {
        let law = entry.law().unwrap();
        let theta = entry.simulated(&law);
        let columns = design(entry, &law, ROWS);
        let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let tape = law.tape();
        let response = tape.values(&tape.bind(&views, ROWS), &theta);
        // A response that may be negative has no logarithm.
        let on = if response.iter().all(|y| *y > 0.0) { ResponseScale::Log } else { ResponseScale::Raw };
        let objective = Objective::LeastSquares(LeastSquares { on });
        let problem = Problem::new(&law, &objective, &views, &response, None);
        let found = search(&problem, &law, Solver::Newton, &Watch::NOBODY).unwrap();
        let best = &found.optima[0];
        let around = shape(&problem, &law, &Label::of(&law), &best.point);
        let scale = response.iter().map(|y| y * y).sum::<f64>();
        let size = if on == ResponseScale::Log { ROWS as f64 } else { scale };
        if best.cost > 1e-15 * size {
            missed.push(format!("{}: {:e} left", law.name, best.cost));
            continue;
        }
        let values = problem.parameters(&best.point);
        for (j, p) in law.free().into_iter().enumerate() {
            let off = (values[j] - theta[j]).abs() / theta[j].abs().max(0.1);
            let sure = around.statuses[j] == Status::Estimated && around.condition_number.is_some_and(|c| c < 1e8);
            if sure && off > 1e-6 {
                missed.push(format!("{}: {} is {} and not {}", law.name, p.name, values[j], theta[j]));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn the_gradient_of_every_objective_sum_agrees_with_differences_of_the_sum() {
    use lawfit::law::{Order, Workspace};
    use lawfit::problem::Evaluation;
    for entry in catalogue() {
        let law = entry.law().unwrap();
        let theta = entry.simulated(&law);
        let columns = design(entry, &law, 300);
        let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let tape = law.tape();
        let response: Vec<f64> =
            tape.values(&tape.bind(&views, 300), &theta).iter().map(|y| 1.01 * y.abs() + 1e-3).collect();
        let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Raw });
        let problem = Problem::new(&law, &objective, &views, &response, None);
        let point: Vec<f64> = problem.coordinates().iter().zip(&theta).map(|(c, &x)| c.of(x)).collect();
        let mut out = Evaluation::default();
        problem.evaluate(&point, Order::Gradient, &mut Workspace::default(), &mut out);
        for j in 0..point.len() {
            let h = 1e-4 * point[j].abs().max(0.1);
            let at = |step: f64| {
                let mut moved = point.clone();
                moved[j] += step;
                problem.cost(&moved)
            };
            let slope = (at(-2.0 * h) - 8.0 * at(-h) + 8.0 * at(h) - at(2.0 * h)) / (12.0 * h);
            let scale = slope.abs().max(out.cost() / point[j].abs().max(0.1));
            let name = &law.free()[j].name;
            let found = out.sums.gradient[j];
            assert!((found - slope).abs() <= 1e-5 * scale, "{} by {name}: {found} {slope}", law.name);
        }
    }
}
