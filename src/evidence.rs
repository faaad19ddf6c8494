//! What the rows and the optimum say about a fit: bounds, flat directions, variables that move together.

use std::collections::BTreeMap;

use crate::fit::{Ray, Span, Status};
use crate::law::{Law, Order, Workspace};
use crate::numerics::{Matrix, eigen_symmetric};
use crate::problem::{Evaluation, Problem};
use crate::solver::Search;

/// Two variables lie on a ray where their ratio varies by less than this factor ...
const RAY_SPREAD: f64 = 1.5;
/// ... while each of them varies by more than this one.
const RAY_LENGTH: f64 = 2.0;
/// Above this condition number a direction of the parameters is flat to within rounding of the data.
const FLAT: f64 = 1e10;
/// Below this exponent a term is nearly a constant.
const NEARLY_ZERO: f64 = 0.02;

/// The shape of the objective at the optimum.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Status of each free parameter.
    pub statuses: Vec<Status>,
    /// Norm of the gradient over the coordinates no bound holds.
    pub gradient_norm: f64,
    /// Condition number of the scaled second derivatives.
    pub condition_number: Option<f64>,
    /// What a reader should know.
    pub warnings: Vec<String>,
}

/// Describes the objective around the optimum.
pub fn shape(problem: &Problem<'_>, law: &Law, point: &[f64], rays: &[Ray]) -> Shape {
    let free = law.free();
    let mut here = Evaluation::default();
    problem.evaluate(point, Order::Hessian, &mut Workspace::default(), &mut here);
    let mut shape = Shape { statuses: vec![Status::Estimated; point.len()], ..Shape::default() };
    for (j, c) in problem.coordinates().iter().enumerate() {
        if point[j] <= c.lower {
            shape.statuses[j] = Status::AtLowerBound;
        } else if point[j] >= c.upper {
            shape.statuses[j] = Status::AtUpperBound;
        }
        if shape.statuses[j] != Status::Estimated {
            let parameter = free[j];
            let (side, bound) = if shape.statuses[j] == Status::AtLowerBound {
                ("lower", parameter.lower)
            } else {
                ("upper", parameter.upper)
            };
            shape.warnings.push(format!(
                "{} sits on its {side} bound {}: the rows want it further out, and its interval means nothing.",
                parameter.name,
                crate::expr::number_text(bound)
            ));
        }
    }
    let inside: Vec<usize> = (0..point.len()).filter(|&j| shape.statuses[j] == Status::Estimated).collect();
    shape.gradient_norm = inside.iter().map(|&j| here.sums.gradient[j] * here.sums.gradient[j]).sum::<f64>().sqrt();
    if problem.rows() <= point.len() {
        shape.warnings.push(format!(
            "{} rows for {} free parameters: the law goes through the points whatever the truth is.",
            problem.rows(),
            point.len()
        ));
    }
    flat_directions(&here.hessian_matrix().minor(&inside), &inside, law, &mut shape);
    on_rays(problem, law, point, rays, &mut shape);
    for (j, parameter) in free.iter().enumerate() {
        let value = problem.coordinates()[j].parameter(point[j]);
        let exponent = crate::law::is_exponent(&parameter.name, &law.body);
        if exponent && shape.statuses[j] == Status::Estimated && value.abs() < NEARLY_ZERO {
            shape.warnings.push(format!(
                "The exponent {} is nearly zero ({value:.4}): its term hardly varies and stands in for a floor.",
                parameter.name
            ));
        }
    }
    shape
}

/// Directions in which the objective does not change, from the scaled second derivatives.
fn flat_directions(hessian: &Matrix, inside: &[usize], law: &Law, shape: &mut Shape) {
    let n = hessian.size();
    if n == 0 {
        return;
    }
    let (values, vectors) = eigen_symmetric(&hessian.unit_diagonal());
    let largest = values[n - 1];
    let smallest = values[0];
    let condition = largest / smallest;
    if smallest > 0.0 && condition.is_finite() {
        shape.condition_number = Some(condition);
    }
    if smallest > 0.0 && condition < FLAT {
        return;
    }
    let free = law.free();
    let mut involved: Vec<usize> = (0..n).filter(|&i| vectors[(0, i)].abs() > 0.2).collect();
    involved.sort_by(|&a, &b| vectors[(0, b)].abs().total_cmp(&vectors[(0, a)].abs()));
    let names: Vec<&str> = involved.iter().map(|&i| free[inside[i]].name.as_str()).collect();
    for &i in &involved {
        shape.statuses[inside[i]] = Status::NotIdentified;
    }
    shape.warnings.push(match names.as_slice() {
        [one] => format!("The rows do not tell {one}: the objective is flat in it."),
        _ => format!(
            "{} trade off: the objective is flat along a combination of them, and their values are arbitrary.",
            in_words(&names)
        ),
    });
}

/// Parameters whose terms belong to variables that move together.
fn on_rays(problem: &Problem<'_>, law: &Law, point: &[f64], rays: &[Ray], shape: &mut Shape) {
    let free = law.free();
    let parameters = problem.parameters(point);
    for ray in rays {
        let pair = [&ray.first, &ray.second].map(|name| law.variable(name));
        let [Some(first), Some(second)] = pair else { continue };
        let middle = vec![1e9; law.variables.len()];
        let here = problem.plain_tape().gradient_at(&parameters, &middle).1;
        let depends = |variable: usize, j: usize| {
            let mut moved = middle.clone();
            moved[variable] *= 2.0;
            problem.plain_tape().gradient_at(&parameters, &moved).1[j] != here[j]
        };
        let mut names = Vec::new();
        for (j, parameter) in free.iter().enumerate() {
            if shape.statuses[j] == Status::Estimated && (depends(first, j) || depends(second, j)) {
                shape.statuses[j] = Status::NotIdentified;
                names.push(parameter.name.as_str());
            }
        }
        let what = if ray.first == "N" && ray.second == "D" {
            "one tokens-per-parameter ray".to_owned()
        } else {
            format!("one ray of {}/{}", ray.second, ray.first)
        };
        shape.warnings.push(format!(
            "All rows lie on {what}: {}/{} is {} to {} throughout, so they cannot tell {} from {}. {}A forecast along the ray can be sound; one off it, or a best split of compute, cannot.",
            ray.second,
            ray.first,
            short(ray.ratio.lowest),
            short(ray.ratio.highest),
            ray.first,
            ray.second,
            if names.is_empty() { String::new() } else { format!("The values of {} are arbitrary. ", in_words(&names)) },
        ));
    }
}

/// What the set of starts says.
pub fn of_search(search: &Search) -> Vec<String> {
    let mut warnings = Vec::new();
    let Some(best) = search.optima.first() else {
        return vec!["The law is not finite at any start; give other starts or bounds.".to_owned()];
    };
    if !best.converged {
        warnings
            .push("The solver stopped before it converged: the values are the best it saw, not an optimum.".to_owned());
    }
    if let Some(second) = search.optima[1..].iter().find(|o| o.converged)
        && second.cost < best.cost * 1.1
    {
        warnings.push(format!(
            "A second optimum is only {:.2} % worse: other data could prefer it, and forecasts from it differ.",
            100.0 * (second.cost / best.cost - 1.0)
        ));
    }
    let share = best.starts as f64 / search.starts.max(1) as f64;
    if search.starts >= 10 && share < 0.05 {
        warnings.push(format!(
            "Only {} of {} starts reached the best point; a better one may exist.",
            best.starts, search.starts
        ));
    }
    warnings
}

/// Pairs of variables whose ratio hardly varies although they do.
pub fn rays(columns: &BTreeMap<&str, &[f64]>) -> Vec<Ray> {
    let names: Vec<&str> = columns.keys().copied().collect();
    let mut found = Vec::new();
    for (i, &one) in names.iter().enumerate() {
        for &other in &names[i + 1..] {
            // Model size first: tokens per parameter is the ratio people know.
            let (first, second) = if (one, other) == ("D", "N") { (other, one) } else { (one, other) };
            let ratio = Span::of(columns[first].iter().zip(columns[second]).map(|(a, b)| b / a));
            let length = |name: &str| Span::of(columns[name].iter().copied()).map_or(1.0, |s| s.highest / s.lowest);
            let Some(ratio) = ratio else { continue };
            let long = length(first) > RAY_LENGTH && length(second) > RAY_LENGTH;
            if long && ratio.lowest > 0.0 && ratio.highest / ratio.lowest < RAY_SPREAD {
                found.push(Ray { first: first.to_owned(), second: second.to_owned(), ratio });
            }
        }
    }
    found
}

fn short(value: f64) -> String {
    if (0.01..1e5).contains(&value) {
        format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{value:.2e}")
    }
}

fn in_words(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}
