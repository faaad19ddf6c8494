//! What the rows and the optimum say about a fit: bounds, flat directions, variables that move together.

use std::collections::BTreeMap;

use crate::fit::{Candidate, Ray, Reference, Replicates, Span, Status};
use crate::law::{Law, Order};
use crate::numerics::{Matrix, eigen_symmetric, mean};
use crate::problem::Problem;
use crate::solver::{Search, smoothed};

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
    /// Condition number of the scaled second derivatives, of reweighted least squares at the optimum.
    pub condition_number: Option<f64>,
    /// What a reader should know.
    pub warnings: Vec<String>,
}

/// Describes the objective around an optimum; `labels` names the coordinates.
pub fn shape(problem: &Problem, law: &Law, labels: &[Label], point: &[f64]) -> Shape {
    let problem = &smoothed(problem, point);
    // The parabolas that touch the penalties from above: where every residual is on the straight part of its
    // penalty the exact second derivatives say nothing of what the rows tell.
    let here = problem.evaluation(point, Order::GaussNewton);
    let mut shape = Shape { statuses: vec![Status::Estimated; point.len()], ..Shape::default() };
    for (j, c) in problem.coordinates().iter().enumerate() {
        let (side, bound) = if point[j] <= c.lower {
            shape.statuses[j] = Status::AtLowerBound;
            ("lower", c.bounds.0)
        } else if point[j] >= c.upper {
            shape.statuses[j] = Status::AtUpperBound;
            ("upper", c.bounds.1)
        } else {
            continue;
        };
        shape.warnings.push(format!(
            "{} sits on its {side} bound {}: the rows want it further out, and its interval means nothing.",
            labels[j].text,
            crate::expr::number_text(bound)
        ));
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
    flat_directions(&here.hessian_of(&inside), &inside, labels, &mut shape);
    let free = law.free();
    for (j, label) in labels.iter().enumerate() {
        let value = problem.coordinates()[j].parameter(point[j]);
        let exponent = crate::law::is_exponent(&free[label.parameter].name, &law.body);
        if exponent && shape.statuses[j] == Status::Estimated && value.abs() < NEARLY_ZERO {
            shape.warnings.push(format!(
                "The exponent {} is nearly zero ({value:.4}): its term hardly varies and stands in for a floor.",
                label.text
            ));
        }
    }
    shape
}

/// What a coordinate is called, and which free parameter of the law it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Index among the law's free parameters.
    pub parameter: usize,
    /// Its name, with the group where several groups have one each.
    pub text: String,
}

impl Label {
    /// The labels of a law's free parameters.
    pub fn of(law: &Law) -> Vec<Self> {
        let free = law.free().into_iter().enumerate();
        free.map(|(parameter, p)| Self { parameter, text: p.name.clone() }).collect()
    }
}

/// Directions in which the objective does not change, from the scaled second derivatives.
fn flat_directions(hessian: &Matrix, inside: &[usize], labels: &[Label], shape: &mut Shape) {
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
    let mut involved: Vec<usize> = (0..n).filter(|&i| vectors[(0, i)].abs() > 0.2).collect();
    if involved.is_empty() {
        // Without a direction to go by, nothing is told apart.
        involved = (0..n).collect();
    }
    involved.sort_by(|&a, &b| vectors[(0, b)].abs().total_cmp(&vectors[(0, a)].abs()));
    let names: Vec<&str> = involved.iter().map(|&i| labels[inside[i]].text.as_str()).collect();
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

/// Notes which parameters belong to variables that move together.
pub fn on_rays(law: &Law, parameters: &[f64], rays: &[Ray], statuses: &mut [Status], warnings: &mut Vec<String>) {
    let free = law.free();
    let tape = law.tape();
    for ray in rays {
        let pair = [&ray.first, &ray.second].map(|name| law.variable(name));
        let [Some(first), Some(second)] = pair else { continue };
        let middle = vec![1e9; law.variables.len()];
        let here = tape.gradient_at(parameters, &middle).1;
        let depends = |variable: usize, j: usize| {
            let mut moved = middle.clone();
            moved[variable] *= 2.0;
            tape.gradient_at(parameters, &moved).1[j] != here[j]
        };
        let mut names = Vec::new();
        for (j, parameter) in free.iter().enumerate() {
            if statuses[j] == Status::Estimated && (depends(first, j) || depends(second, j)) {
                statuses[j] = Status::NotIdentified;
                names.push(parameter.name.as_str());
            }
        }
        let what = if ray.first == "N" && ray.second == "D" {
            "one tokens-per-parameter ray".to_owned()
        } else {
            format!("one ray of {}/{}", ray.second, ray.first)
        };
        warnings.push(format!(
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
        return vec![if search.unresolved > 0 {
            format!("{} No start led elsewhere.", of_unresolved(search))
        } else {
            "The law is not finite at any start; give other starts or bounds.".to_owned()
        }];
    };
    if best.unmoved && !best.converged {
        warnings.push("The solver returned its start: these values are what the spec put in, not a fit.".to_owned());
    } else if !best.converged {
        warnings
            .push("The solver stopped before it converged: the values are the best it saw, not an optimum.".to_owned());
    }
    if search.failed > 0 {
        warnings.push(format!(
            "From {} of {} starts the solver's line search failed; the best point seen was kept.",
            search.failed, search.starts
        ));
    }
    if search.unresolved > 0 {
        warnings.push(of_unresolved(search));
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

/// What the starts say that led to where the law cannot be computed.
fn of_unresolved(search: &Search) -> String {
    format!(
        "From {} of {} starts the solver ran to where the law cannot be computed to eight digits, since large numbers \
         cancel: what is found there is rounding and was left out. Narrower bounds keep it away.",
        search.unresolved, search.starts
    )
}

/// A named procedure's answer beside the best optimum there is.
pub fn beside_optimum(law: &Law, found: &[f64], objective: f64, reference: &Reference) -> Option<String> {
    let excess = objective / reference.objective - 1.0;
    if excess <= 1e-8 {
        return None;
    }
    let free = law.free();
    let moved = free.iter().zip(found).filter_map(|(p, &value)| {
        let best = *reference.parameters.get(&p.name)?;
        ((value - best).abs() > 1e-3 * best.abs()).then(|| format!("{} {} for {}", p.name, short(value), short(best)))
    });
    let moved: Vec<String> = moved.collect();
    let moved = if moved.is_empty() { String::new() } else { format!(" ({})", moved.join(", ")) };
    Some(format!(
        "The named procedure ends {:.3} % above the best optimum{moved}: its values are not the best fit of this law to these rows.",
        100.0 * excess
    ))
}

/// Where two methods of uncertainty give intervals of different widths: coordinates with the ratio.
pub fn disagreement(labels: &[Label], apart: &[(usize, f64)]) -> Option<String> {
    let named: Vec<String> = apart
        .iter()
        .map(|&(j, ratio)| {
            let (factor, side) = if ratio > 1.0 { (ratio, "narrower") } else { (1.0 / ratio, "wider") };
            format!("{} ({side} by a factor of {})", labels[j].text, short(factor))
        })
        .collect();
    let names: Vec<&str> = named.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| {
        format!(
            "Two ways to get intervals disagree by more than a third: the sandwich makes that of {}; trust the wider ones.",
            in_words(&names)
        )
    })
}

/// Errors that differ by less than this share are the same.
const SAME_ERROR: f64 = 0.05;

/// Which law to quote, and why: the one that forecast best what came later, or a simpler one that did as well.
pub fn quote(candidates: &[Candidate]) -> (String, String) {
    let by = |of: fn(&Candidate) -> Option<f64>| {
        let known: Option<Vec<f64>> = candidates.iter().map(of).collect();
        let errors = known?;
        let best = errors.iter().copied().fold(f64::INFINITY, f64::min);
        let as_good = candidates.iter().zip(&errors).filter(|(_, e)| **e <= best * (1.0 + SAME_ERROR));
        as_good.min_by_key(|(c, _)| c.parameters.len()).map(|(c, error)| (c, *error))
    };
    let words = |(chosen, error): (&Candidate, f64), how: &str| {
        let others = candidates.iter().filter(|c| c.law != chosen.law).map(|c| c.law.as_str()).collect::<Vec<_>>();
        let reason = format!(
            "Quote `{}`: {how} it missed by {:.2} %, no worse than {}{}.",
            chosen.law,
            100.0 * error,
            in_words(&others),
            if candidates.iter().all(|c| c.parameters.len() >= chosen.parameters.len()) {
                ", and none has fewer parameters"
            } else {
                ""
            }
        );
        (chosen.law.clone(), reason)
    };
    if let Some(found) = by(|c| c.rolling_origin) {
        return words(found, "when the largest runs were hidden");
    }
    if let Some(found) = by(|c| c.k_fold) {
        return words(found, "on rows that were left out");
    }
    let lowest = candidates.iter().min_by(|a, b| a.bic.total_cmp(&b.bic));
    let name = lowest.map_or_else(String::new, |c| c.law.clone());
    let reason = format!("Quote `{name}` for its lowest BIC: there are too few rows to hide some and see.");
    (name, reason)
}

/// Difference of the corrected criterion of Akaike within which laws describe the rows equally well (Burnham and Anderson 2002, section 2.6).
const EQUALLY_GOOD: f64 = 2.0;
/// Difference of forecasts, in ln y, below which nobody minds.
const NEAR: f64 = 0.01;

/// The warning that laws which describe the rows equally well forecast differently.
pub fn equally_good(candidates: &[Candidate]) -> Option<String> {
    let best = candidates.iter().filter_map(|c| c.aicc).fold(f64::INFINITY, f64::min);
    let good = candidates.iter().filter(|c| c.aicc.is_some_and(|a| a <= best + EQUALLY_GOOD));
    let known: Vec<(&str, f64)> = good.filter_map(|c| Some((c.law.as_str(), c.ahead?))).collect();
    let lowest = known.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let highest = known.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (crate::numerics::ln(highest.1 / lowest.1) > NEAR).then(|| {
        format!(
            "Laws that describe the rows equally well forecast differently: at ten times the largest sizes `{}` says {} and `{}` says {}. The rows do not choose between them.",
            lowest.0,
            short(lowest.1),
            highest.0,
            short(highest.1)
        )
    })
}

/// What repeated runs say: `configurations[row]` numbers the configuration of a row.
pub fn replicates(residuals: &[f64], configurations: &[usize]) -> Replicates {
    let count = configurations.iter().max().map_or(0, |last| last + 1);
    let mut groups: Vec<Vec<f64>> = vec![Vec::new(); count];
    residuals.iter().zip(configurations).for_each(|(&r, &c)| groups[c].push(r));
    let means: Vec<f64> = groups.iter().map(|g| mean(g)).collect();
    let within: f64 = groups.iter().zip(&means).flat_map(|(g, m)| g.iter().map(move |r| (r - m) * (r - m))).sum();
    let freedom = residuals.len() - count;
    let squares: Vec<f64> = means.iter().map(|m| m * m).collect();
    Replicates {
        configurations: count,
        pure_error: (freedom > 0).then(|| (within / freedom as f64).sqrt()),
        misfit: mean(&squares).sqrt(),
    }
}

/// Misfit above which runs of one configuration agree far better with each other than with the law.
const LACK_OF_FIT: f64 = 2.0;

/// The warning that repeated runs give reason for.
pub fn lack_of_fit(replicates: &Replicates) -> Option<String> {
    let pure = replicates.pure_error.filter(|pure| replicates.misfit > LACK_OF_FIT * pure)?;
    Some(format!(
        "Repeated runs differ by {} among themselves and the law misses their means by {}: what is left is the law's error, not noise.",
        short(pure),
        short(replicates.misfit)
    ))
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
