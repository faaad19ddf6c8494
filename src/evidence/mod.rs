//! Evidence about a fit from the rows and the optimum: bounds, flat directions, variables that vary together.

mod misfit;
mod runs;
mod settings;

use std::collections::BTreeMap;

use crate::dataset::{Column, Dataset};
use crate::diagnostic::numbered;
use crate::fit::{Candidate, Fit, Ray, Reference, Span, Status};
use crate::law::{Law, Order, Roles, Scale, Variable};
use crate::numeral::rounded;
use crate::numerics::{Matrix, eigen_symmetric, exp, ln};
use crate::objective::ResponseScale;
use crate::plausible::name_rows;
use crate::problem::{Evaluation, Problem};
use crate::search::{Search, resized};
use crate::solver::{Minimum, newton, smoothed};
pub use misfit::{lack_of_fit, no_trend, no_trend_in_groups, pattern, repeats, replicates};
pub use runs::Fitted;
pub use settings::too_few_settings;

/// Two variables lie on a ray if their ratio varies by less than this factor ...
const RAY_SPREAD: f64 = 1.5;
/// ... and each of them varies by more than this factor.
const RAY_LENGTH: f64 = 2.0;
/// A direction of the parameters is flat, to within rounding of the data, if the objective's curvature along it is
/// less than this share of the largest curvature, with each parameter in units of its own curvature.
const FLAT: f64 = 1e-10;
/// Factor by which a flat direction increases the variance of the parameters that it moves.
const MOVED: f64 = 1e6;
/// A term whose power changes by less than this in its logarithm over the rows is nearly a constant.
const NEARLY_CONSTANT: f64 = 0.1;
/// An exponent more than this many standard errors from zero is not zero.
const NOT_ZERO: f64 = 2.0;

/// The shape of the objective at the optimum.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Status of each free parameter.
    pub statuses: Vec<Status>,
    /// Directions of the coordinates along which the objective is flat; any combination of them fits as well.
    pub flat: Vec<Vec<f64>>,
    /// Coordinates apart from the optimum that fit as well.
    pub equals: Vec<Vec<f64>>,
    /// Norm of the gradient over the coordinates that no bound holds.
    pub gradient_norm: f64,
    /// Condition number of the scaled Hessian of reweighted least squares at the optimum.
    pub condition_number: Option<f64>,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// Describes the objective around an optimum; `labels` names the coordinates.
pub fn shape(problem: &Problem, law: &Law, labels: &[Label], point: &[f64]) -> Shape {
    let problem = &smoothed(problem, point);
    // A coordinate on a bound counts too, because a search that ended there on a flat ridge could have ended elsewhere.
    let coordinates = problem.coordinates().iter().enumerate();
    let movable: Vec<usize> = coordinates.filter(|(_, c)| c.lower < c.upper).map(|(j, _)| j).collect();
    let (curved, place) = curved(problem, law, point, &movable);
    let here = in_parabolas(&curved, &place);
    let mut shape = Shape { statuses: vec![Status::Estimated; point.len()], ..Shape::default() };
    let directions = Directions::of(&here.hessian_of(&movable));
    let not_told: Vec<usize> = directions.moved().into_iter().map(|i| movable[i]).collect();
    not_told.iter().for_each(|&j| shape.statuses[j] = Status::NotIdentified);
    shape.flat = directions.flat(&movable, point.len());
    if !shape.flat.is_empty() {
        shape.equals = equals(problem, law, point, &not_told);
    }
    on_bounds(problem, labels, point, &mut shape);
    let inside: Vec<usize> = (0..point.len()).filter(|&j| !is_on_bound(problem, point, j)).collect();
    shape.gradient_norm = inside.iter().map(|&j| here.sums.gradient[j] * here.sums.gradient[j]).sum::<f64>().sqrt();
    shape.condition_number = Directions::of(&here.hessian_of(&inside)).condition();
    if problem.rows() <= point.len() {
        shape.warnings.push(format!(
            "{} for {}: the law fits the points exactly, whether it is true or not.",
            numbered(problem.rows(), "row"),
            numbered(point.len(), "free parameter")
        ));
    }
    let names: Vec<&str> = not_told.iter().map(|&j| labels[j].text.as_str()).collect();
    match names.as_slice() {
        [] => {}
        [one] => shape.warnings.push(format!("The rows do not identify {one}: the objective is flat in it.")),
        _ => shape.warnings.push(format!(
            "{} trade off: the objective is flat along a combination of them, and their values are arbitrary.",
            in_words(&names)
        )),
    }
    let errors = standard_errors(&curved, &place, &inside);
    nearly_zero(problem, law, labels, point, &errors, &mut shape);
    shape
}

/// A coordinate whose own value changes the law by less than this share of what another one changes has no effect.
const ROUNDING: f64 = 1e-9;
/// Maximum number of parameters that are moved in search of equals.
const MOST_MOVED: usize = 4;
/// Factors by which a parameter is moved. Far along a ridge, the ratio of two parameters hardly changes, so zero and the
/// other sign are among them.
const MOVED_BY: [f64; 6] = [-1.0, 0.0, 0.5, 0.8, 1.25, 2.0];
/// Steps by which it is moved too. An exponent that has run to zero on a flat ridge stays there under every factor.
const MOVED_TO: [f64; 4] = [-1.0, -0.3, 0.3, 1.0];
/// Parts of the smallest response, and multiples of the largest, to which a parameter is moved. The floor of `max(a / N^b,
/// c)` is free below the smallest response, wherever the search left it.
const LEVELS: ([f64; 6], [f64; 3]) = ([-1.0, 0.25, 0.5, 0.75, 0.9, 1.0], [1.0, 1.1, 2.0]);
/// Largest rise of the objective of an equal, as a share per degree of freedom: a thousandth of a standard error.
const EQUAL: f64 = 1e-6;

/// Points at which a parameter that the rows do not identify has another value and the law fits as well.
///
/// A flat direction is only the tangent of the curve of such points. An answer can be steady along the tangent and not along
/// the curve, for instance between two settings that are the only ones.
fn equals(problem: &Problem, law: &Law, point: &[f64], not_told: &[usize]) -> Vec<Vec<f64>> {
    let freedom = problem.rows().saturating_sub(point.len()).max(1);
    let most = problem.cost(point) * (1.0 + EQUAL / freedom as f64);
    let is_equal = |end: &Minimum| end.cost <= most || problem.is_exact(&end.point);
    let is_log = problem.objective().scale() == ResponseScale::Log;
    let responses: Vec<f64> = problem.responses().map(|y| if is_log { exp(y) } else { y }).collect();
    let smallest = responses.iter().copied().fold(f64::INFINITY, f64::min);
    let largest = responses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let levels = LEVELS.0.map(|part| part * smallest).into_iter().chain(LEVELS.1.map(|multiple| multiple * largest));
    let levels: Vec<f64> = levels.collect();
    let places = |j: usize| {
        let coordinate = problem.coordinates()[j];
        let own = coordinate.parameter(point[j]);
        let all = MOVED_BY.map(|factor| factor * own).into_iter().chain(MOVED_TO.map(|step| own + step));
        let all = all.chain(levels.clone());
        let values = all.map(move |parameter| (j, coordinate.of(parameter)));
        values.filter(|(j, value)| value.is_finite() && *value != point[*j])
    };
    let held: Vec<(usize, f64)> = not_told.iter().take(MOST_MOVED).flat_map(|&j| places(j)).collect();
    let start = |mut start: Vec<f64>, (j, value): (usize, f64)| {
        start[j] = value;
        start
    };
    let plain: Vec<Vec<f64>> = held.iter().map(|&held| start(point.to_vec(), held)).collect();
    // Far along the curve, the law at the sizes of the optimum may have no value at the rows.
    let resized = resized(problem, law, &plain).into_iter().zip(&held).map(|(point, &held)| start(point, held));
    let both = plain.iter().cloned().zip(resized).zip(&held);
    let moved = both.filter_map(|((plain, resized), &held)| {
        let problem = problem.holding(&[held]);
        [plain, resized].iter().map(|start| newton(&problem, start)).find(is_equal).map(|end| end.point)
    });
    moved.collect()
}

/// The problem and the point, over centred coordinates where the objective is flat over its own and not over those.
///
/// The a and k of a e^(k t) over years t trade off along a ridge that is flat to within rounding, and yet the rows tell
/// both.
fn curved(problem: &Problem, law: &Law, point: &[f64], movable: &[usize]) -> (Problem, Vec<f64>) {
    let is_flat = |problem: &Problem, point: &[f64]| {
        let hessian = in_parabolas(problem, point).hessian_of(movable);
        let effect = |place: usize| hessian[(place, place)].abs().sqrt() * point[movable[place]].abs();
        let effects: Vec<f64> = (0..movable.len()).map(effect).collect();
        let most = effects.iter().copied().fold(0.0, f64::max);
        // A coordinate that the centred law no longer depends on has the curvature of rounding errors.
        effects.iter().any(|effect| *effect < ROUNDING * most) || Directions::of(&hessian).flattest().next().is_some()
    };
    if is_flat(problem, point)
        && let Some(centred) = problem.centred(law, point)
    {
        let entered = centred.enter(point);
        if entered.iter().all(|x| x.is_finite()) && !is_flat(&centred.problem, &entered) {
            return (centred.problem, entered);
        }
    }
    (problem.clone(), point.to_vec())
}

/// The objective at a point with the parabolas that touch the penalties from above. Where every residual is on the linear
/// part of its penalty, the exact Hessian contains no information about the rows.
fn in_parabolas(problem: &Problem, point: &[f64]) -> Evaluation {
    problem.evaluation(point, Order::GaussNewton)
}

/// Whether a coordinate of a point is at a bound.
fn is_on_bound(problem: &Problem, point: &[f64], j: usize) -> bool {
    let c = problem.coordinates()[j];
    point[j] <= c.lower || point[j] >= c.upper
}

/// Sets the status of parameters on a bound, and adds warnings.
fn on_bounds(problem: &Problem, labels: &[Label], point: &[f64], shape: &mut Shape) {
    for (j, c) in problem.coordinates().iter().enumerate() {
        if !is_on_bound(problem, point, j) || shape.statuses[j] == Status::NotIdentified {
            continue;
        }
        let (side, bound) = if point[j] <= c.lower {
            shape.statuses[j] = Status::AtLowerBound;
            ("lower", c.bounds.0)
        } else {
            shape.statuses[j] = Status::AtUpperBound;
            ("upper", c.bounds.1)
        };
        shape.warnings.push(format!(
            "{} is on its {side} bound {}: a value outside would fit better, and its interval ends there.",
            labels[j].text,
            crate::numeral::exact(bound)
        ));
    }
}

/// The directions of a Hessian, with each coordinate in units of its own curvature.
struct Directions {
    /// Curvature along each direction, from the flattest.
    bends: Vec<f64>,
    /// The directions, as rows of `(coordinate, direction)`.
    vectors: Matrix,
    /// The unit of each coordinate.
    units: Vec<f64>,
}

impl Directions {
    fn of(hessian: &Matrix) -> Self {
        let units = (0..hessian.size()).map(|i| 1.0 / hessian[(i, i)].abs().sqrt().max(1e-150)).collect();
        let (bends, vectors) = eigen_symmetric(&hessian.unit_diagonal());
        Self { bends, vectors, units }
    }

    fn condition(&self) -> Option<f64> {
        let condition = self.bends.last()? / self.bends.first()?;
        Some(condition).filter(|c| *c > 0.0 && c.is_finite())
    }

    /// The numbers of the flat directions.
    fn flattest(&self) -> impl Iterator<Item = usize> + '_ {
        let most = self.bends.last().copied().unwrap_or_default();
        // A curvature that is `NaN` counts as flat.
        (0..self.bends.len()).filter(move |&i| !(self.bends[i] >= FLAT * most && most > 0.0))
    }

    /// Indices of the coordinates that flat directions move, in descending order of their variance.
    fn moved(&self) -> Vec<usize> {
        let most = self.bends.last().copied().unwrap_or_default();
        let variance = |place: usize| -> f64 {
            let square = |i: usize| self.vectors[(i, place)] * self.vectors[(i, place)];
            let along = |i: usize| square(i) / (self.bends[i] / most).max(f64::EPSILON);
            self.flattest().map(along).sum()
        };
        let variances: Vec<f64> = (0..self.bends.len()).map(variance).collect();
        // Where no direction has curvature, or a value is `NaN`, no coordinate is identified.
        let is_moved = |place: &usize| variances[*place].is_nan() || variances[*place] > MOVED;
        let mut moved: Vec<usize> = (0..self.bends.len()).filter(is_moved).collect();
        moved.sort_by(|&a, &b| variances[b].total_cmp(&variances[a]));
        moved
    }

    /// The flat directions in coordinates, restricted to `places`; the largest step of each is 1.
    fn flat(&self, places: &[usize], size: usize) -> Vec<Vec<f64>> {
        let direction = |i: usize| {
            let mut direction = vec![0.0; size];
            let steps = (0..places.len()).map(|k| self.vectors[(i, k)] * self.units[k]);
            steps.zip(places).for_each(|(step, &j)| direction[j] = step);
            let longest = direction.iter().fold(0.0_f64, |most, step| most.max(step.abs()));
            direction.iter_mut().for_each(|step| *step /= longest);
            direction
        };
        self.flattest().map(direction).filter(|d| d.iter().all(|step| step.is_finite())).collect()
    }
}

/// The standard error of each coordinate from curvature and scores (Huber 1967), with the others free; `None` for a
/// coordinate on a bound or not identified.
fn standard_errors(problem: &Problem, point: &[f64], inside: &[usize]) -> Vec<Option<f64>> {
    let mut errors = vec![None; point.len()];
    let (rows, size) = (problem.rows(), inside.len());
    let Some(factor) = problem.evaluation(point, Order::GaussNewton).hessian_of(inside).cholesky() else {
        return errors;
    };
    if rows <= size {
        return errors;
    }
    let mut squares = vec![0.0; size];
    for score in problem.scores(point) {
        let step = factor.solve_factored(inside.iter().map(|&j| score[j]).collect());
        squares.iter_mut().zip(step).for_each(|(sum, by)| *sum += by * by);
    }
    let widening = rows as f64 / (rows - size) as f64;
    for (&j, square) in inside.iter().zip(squares) {
        errors[j] = Some((square * widening).sqrt()).filter(|error: &f64| error.is_finite());
    }
    errors
}

/// Adds warnings about powers that hardly change over the rows and whose exponent is consistent with zero.
fn nearly_zero(
    problem: &Problem,
    law: &Law,
    labels: &[Label],
    point: &[f64],
    errors: &[Option<f64>],
    shape: &mut Shape,
) {
    let free = law.free();
    let own = problem.block(0).parameters(&problem.point_of_block(0, point));
    let powers = law.powers();
    for (j, label) in labels.iter().enumerate() {
        let value = problem.coordinates()[j].parameter(point[j]);
        let may_be_zero = errors[j].is_none_or(|error| value.abs() < NOT_ZERO * error);
        if shape.statuses[j] != Status::Estimated || !may_be_zero {
            continue;
        }
        let own_powers = powers.iter().filter(|power| power.exponent == free[label.parameter].name);
        let changes = own_powers.filter_map(|power| {
            let values = law.values_of(&power.base, &own, &problem.variables())?;
            let span = Span::of(values)?;
            Some(value.abs() * ln(span.highest / span.lowest))
        });
        let most = changes.filter(|change| change.is_finite()).max_by(f64::total_cmp);
        if let Some(change) = most.filter(|change| *change < NEARLY_CONSTANT) {
            shape.warnings.push(format!(
                "The term of the exponent {} ({value:.4}) hardly varies: it changes by {:.1} % over the rows and acts as a \
                 floor.",
                label.text,
                100.0 * (exp(change) - 1.0)
            ));
        }
    }
}

/// Largest change of an identified answer along a flat direction, as a share of the changes by its parameters alone;
/// smaller changes are rounding.
const TOLD: f64 = 1e-2;

/// Whether an answer is unchanged along a direction, where `whole` is its change and `parts` the sum of the changes
/// by each parameter alone.
pub fn stays(whole: f64, parts: f64) -> bool {
    whole <= TOLD * parts
}

/// Whether the rows identify an answer with this gradient, which must not change along flat directions.
pub fn is_told(law: &Law, flat: &[Vec<f64>], free: &[f64], gradient: &[f64]) -> bool {
    let scales: Vec<f64> =
        law.free().iter().zip(free).map(|(p, value)| if p.scale == Scale::Log { *value } else { 1.0 }).collect();
    flat.iter().all(|direction| {
        let changes = || direction.iter().zip(&scales).zip(gradient).map(|((step, scale), slope)| step * scale * slope);
        let (whole, parts) = (changes().sum::<f64>().abs(), changes().map(f64::abs).sum::<f64>());
        stays(whole, parts)
    })
}

/// The name of a coordinate, and its parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Index among the law's free parameters.
    pub parameter: usize,
    /// Name, with the group where each group has its own.
    pub text: String,
}

impl Label {
    /// The labels of a law's free parameters.
    pub fn of(law: &Law) -> Vec<Self> {
        let free = law.free().into_iter().enumerate();
        free.map(|(parameter, p)| Self { parameter, text: p.name.clone() }).collect()
    }
}

/// A warning about other parameters that fit the rows as well, such as two rates that are exchanged.
pub fn other_solutions(problem: &Problem, labels: &[Label], twins: &[Vec<f64>]) -> Option<String> {
    let first = problem.parameters(twins.first()?);
    let values = labels.iter().zip(first).map(|(label, value)| format!("{} = {}", label.text, rounded(value, 4)));
    let more = match twins.len() {
        1 => String::new(),
        count => format!(" (and {})", numbered(count - 1, "more solution")),
    };
    Some(format!(
        "Other parameters fit the rows equally well: {}{more}. The table has the parameters of one solution, and answers that differ between the solutions are not given.",
        values.collect::<Vec<_>>().join(", ")
    ))
}

/// Sets the status of parameters that belong to variables that vary together; returns warnings.
pub fn on_rays(law: &Law, parameters: &[f64], rays: &[Ray], statuses: &mut [Status]) -> Vec<String> {
    let mut warnings = Vec::new();
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
        let what = if law.roles.sizes() == Some([&ray.first, &ray.second]) {
            "one tokens-per-parameter ray".to_owned()
        } else {
            format!("one ray of {}/{}", ray.second, ray.first)
        };
        warnings.push(format!(
            "All rows lie on {what}: {}/{} is {} to {} throughout, so they cannot separate the effects of {} \
             and {}. {}A forecast along the ray can be reliable; a forecast off the ray, or a best split of \
             compute, cannot.",
            ray.second,
            ray.first,
            rounded(ray.ratio.lowest, 3),
            rounded(ray.ratio.highest, 3),
            ray.first,
            ray.second,
            if names.is_empty() {
                String::new()
            } else {
                format!("The values of {} are arbitrary. ", in_words(&names))
            },
        ));
    }
    warnings
}

/// Warnings from the starts of a search.
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
        warnings.push(
            "The solver returned its start: these values are the starting values of the spec, not a fit.".to_owned(),
        );
    } else if !best.converged {
        warnings
            .push("The solver stopped before it converged: the values are the best so far, not an optimum.".to_owned());
    }
    if search.failed > 0 {
        warnings.push(format!(
            "From {} of {} starts the solver's line search failed; the best point was kept.",
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

/// Factor between a variable's distance from zero and the width of its range above which the variable is far from zero.
const FAR: f64 = 20.0;

/// A warning about variables whose values are close to each other and far from zero, as years are, for a fit that failed.
/// `columns` holds the rows of each variable.
pub fn far_from_zero(law: &Law, columns: &[&[f64]]) -> Option<String> {
    let of_variable = |(variable, column): (&Variable, &&[f64])| {
        let (low, high) = column.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
        let middle = f64::midpoint(low, high);
        (high > low && middle.abs() > FAR * (high - low)).then(|| {
            let name = &variable.name;
            let from = rounded(middle, 4);
            format!(
                "`{name}` lies between {} and {}, far from zero: terms such as e^(k {name}) are then beyond any number, and {name} and {name}^2 nearly proportional. Write `({name} - {from})` for `{name}` in the formula; its parameters then count from {from}.",
                rounded(low, 6), rounded(high, 6)
            )
        })
    };
    let found: Vec<String> = law.variables.iter().zip(columns).filter_map(of_variable).collect();
    (!found.is_empty()).then(|| found.join(" "))
}

/// A warning about starts that led to points where the law cannot be computed.
fn of_unresolved(search: &Search) -> String {
    format!(
        "From {} of {} starts the solver reached points where the law cannot be computed to eight digits, \
         because large numbers cancel. These points are rounding errors and were left out. Narrower bounds \
         exclude them.",
        search.unresolved, search.starts
    )
}

/// A warning that compares the result of a published procedure with the global optimum. Values are given only for
/// identified parameters.
pub fn compared_with_optimum(
    law: &Law,
    found: &[f64],
    statuses: &[Status],
    objective: f64,
    reference: &Reference,
) -> Option<String> {
    let excess = objective / reference.objective - 1.0;
    if excess <= 1e-8 {
        return None;
    }
    let free = law.free();
    let told = free.iter().zip(found).zip(statuses).filter(|(_, status)| **status != Status::NotIdentified);
    let moved = told.filter_map(|((p, &value), _)| {
        let best = *reference.parameters.get(&p.name)?;
        ((value - best).abs() > 1e-3 * best.abs())
            .then(|| format!("{} {} for {}", p.name, rounded(value, 3), rounded(best, 3)))
    });
    let moved: Vec<String> = moved.collect();
    let moved = if moved.is_empty() { String::new() } else { format!(" ({})", moved.join(", ")) };
    Some(format!(
        "The named procedure ends {:.3} % above the best optimum{moved}: its values are not the best fit of this law to these rows.",
        100.0 * excess
    ))
}

/// A warning about coordinates whose intervals differ between two methods of uncertainty, with the ratio of the
/// widths.
pub fn disagreement(labels: &[Label], apart: &[(usize, f64)]) -> Option<String> {
    let named: Vec<String> = apart
        .iter()
        .map(|&(j, ratio)| {
            let (factor, side) = if ratio > 1.0 { (ratio, "narrower") } else { (1.0 / ratio, "wider") };
            format!("{} ({side} by a factor of {})", labels[j].text, rounded(factor, 3))
        })
        .collect();
    let names: Vec<&str> = named.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| {
        format!(
            "Two methods give intervals whose widths differ by more than a third: the sandwich, which allows \
             the scatter to differ between rows, makes that of {}.",
            in_words(&names)
        )
    })
}

/// Errors that differ by less than this share are equal.
const SAME_ERROR: f64 = 0.05;

/// The law to quote, and why: the one with the smallest error on later rows, or a simpler one that is as good.
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
    let reason = format!("Quote `{name}`, which has the lowest BIC: there are too few rows for a test on hidden rows.");
    (name, reason)
}

/// Largest difference of the corrected Akaike criterion between laws that describe the rows equally well (Burnham and
/// Anderson 2002, section 2.6).
const EQUALLY_GOOD: f64 = 2.0;
/// Difference of forecasts, in ln y, that is too small to report.
const NEAR: f64 = 0.01;

/// A warning where laws that describe the rows equally well give different forecasts.
pub fn equally_good(candidates: &[Candidate]) -> Option<String> {
    let best = candidates.iter().filter_map(|c| c.aicc).fold(f64::INFINITY, f64::min);
    let good = candidates.iter().filter(|c| c.aicc.is_some_and(|a| a <= best + EQUALLY_GOOD));
    let known: Vec<(&str, f64)> = good.filter_map(|c| Some((c.law.as_str(), c.ahead?))).collect();
    let lowest = known.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let highest = known.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (ln(highest.1 / lowest.1) > NEAR).then(|| {
        format!(
            "Laws that describe the rows equally well forecast differently: at ten times the largest sizes `{}` \
             gives {} and `{}` gives {}. The rows do not decide between them.",
            lowest.0,
            rounded(lowest.1, 3),
            highest.0,
            rounded(highest.1, 3)
        )
    })
}

/// A warning about rows that occur more than once, each of which counts as a separate run. `together` numbers rows
/// that are known to belong together; `columns` are the columns that could say so.
pub fn duplicates(rows: &Dataset, together: Option<&[usize]>, columns: &[&str]) -> Option<String> {
    let mut seen: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    let mut repeated = Vec::new();
    for row in 0..rows.rows() {
        let content = rows.columns().values().map(|column| match column {
            // Compare bits, because different numbers can look equal when printed.
            Column::Numbers(numbers) => numbers[row].to_bits().to_string(),
            Column::Texts(texts) => texts[row].clone(),
        });
        let first = *seen.entry(content.collect()).or_insert(row);
        if first != row && together.is_none_or(|together| together[first] != together[row]) {
            repeated.push((first, row));
        }
    }
    let name = |&(first, row): &(usize, usize)| name_rows(&[rows.origins()[first], rows.origins()[row]]);
    let shown = repeated.iter().take(3).map(name).collect::<Vec<_>>().join("; ");
    let more = if repeated.len() > 3 { format!("; and {} more", repeated.len() - 3) } else { String::new() };
    let columns: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
    (!repeated.is_empty()).then(|| {
        format!(
            "{} of {} rows repeat another one in every column that is read ({shown}{more}): each counts as a run of its own and makes intervals narrower. To count each once write `replicates = [{}]` in the fit.",
            repeated.len(),
            rows.rows(),
            columns.join(", ")
        )
    })
}

/// Pairs of variables that vary, but whose ratio hardly varies.
pub fn rays(columns: &BTreeMap<&str, &[f64]>, roles: &Roles) -> Vec<Ray> {
    // In this order the ratio of data to size is tokens per parameter, the usual ratio.
    let [size, data, compute] = roles.decided();
    let place = |name: &str| [compute, size, data].iter().position(|role| *role == name);
    let mut names: Vec<&str> = columns.keys().copied().collect();
    names.sort_by_key(|name| place(name).map_or((1, 0), |place| (0, place)));
    let mut found = Vec::new();
    for (i, &first) in names.iter().enumerate() {
        for &second in &names[i + 1..] {
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

/// Cautions for every answer of a fit: parameters on bounds, parameters that are not identified, and a search that
/// did not converge.
pub fn caveats(fit: &Fit) -> Vec<String> {
    let mut caveats = Vec::new();
    for (name, estimate) in &fit.parameters {
        if let (Status::AtLowerBound | Status::AtUpperBound, Some(value)) = (estimate.status, estimate.value) {
            caveats.push(format!("{name} {} {}", estimate.status.describe(), rounded(value, 3)));
        }
    }
    let not_told = fit.parameters.iter().filter(|(_, estimate)| estimate.status == Status::NotIdentified);
    let not_told: Vec<&str> = not_told.map(|(name, _)| name.as_str()).collect();
    if !not_told.is_empty() {
        caveats.push(format!("{} not identified", in_words(&not_told)));
    }
    if fit.objective.is_some() && !fit.evidence.converged {
        caveats.push("the fit did not converge".to_owned());
    }
    caveats.extend(fit.evidence.doubts.iter().map(|doubt| doubt.describe().to_owned()));
    caveats
}

/// Names joined for a sentence: `A, B and C`.
pub fn in_words<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<&str> = names.iter().map(S::as_ref).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}
