//! What the rows and the optimum say about a fit: bounds, flat directions, variables that move together.

use std::collections::BTreeMap;

use crate::dataset::{Column, Dataset};
use crate::fit::{Candidate, Fit, Ray, Reference, Replicates, Span, Status};
use crate::law::{Law, Order, Scale};
use crate::numerics::{Matrix, eigen_symmetric, exp, fisher_tail, ln, mean, student_tail};
use crate::plausible::name_rows;
use crate::problem::Problem;
use crate::solver::{Search, smoothed};

/// Two variables lie on a ray where their ratio varies by less than this factor ...
const RAY_SPREAD: f64 = 1.5;
/// ... while each of them varies by more than this one.
const RAY_LENGTH: f64 = 2.0;
/// A direction of the parameters in which the objective bends less than this share of where it bends most, each parameter
/// taken in units of what the rows tell of it alone, is flat to within rounding of the data.
const FLAT: f64 = 1e-10;
/// The parameters that a flat direction moves: those whose variance it makes larger by this factor.
const MOVED: f64 = 1e6;
/// A term of which the power changes less than this over the rows, in its logarithm, is nearly a constant.
const NEARLY_CONSTANT: f64 = 0.1;
/// An exponent that is this many standard errors from zero is not zero.
const NOT_ZERO: f64 = 2.0;

/// The shape of the objective at the optimum.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Status of each free parameter.
    pub statuses: Vec<Status>,
    /// Directions of the coordinates in which the rows do not object: any combination of them fits as well.
    pub flat: Vec<Vec<f64>>,
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
    // A coordinate on a bound takes part: a search that ends there may as well have ended elsewhere on a flat ridge.
    let coordinates = problem.coordinates().iter().enumerate();
    let movable: Vec<usize> = coordinates.filter(|(_, c)| c.lower < c.upper).map(|(j, _)| j).collect();
    let directions = Directions::of(&here.hessian_of(&movable));
    let not_told: Vec<usize> = directions.moved().into_iter().map(|i| movable[i]).collect();
    not_told.iter().for_each(|&j| shape.statuses[j] = Status::NotIdentified);
    shape.flat = directions.flat(&movable, point.len());
    on_bounds(problem, labels, point, &mut shape);
    let inside: Vec<usize> = (0..point.len()).filter(|&j| !is_on_bound(problem, point, j)).collect();
    shape.gradient_norm = inside.iter().map(|&j| here.sums.gradient[j] * here.sums.gradient[j]).sum::<f64>().sqrt();
    shape.condition_number = Directions::of(&here.hessian_of(&inside)).condition();
    if problem.rows() <= point.len() {
        shape.warnings.push(format!(
            "{} rows for {} free parameters: the law goes through the points whatever the truth is.",
            problem.rows(),
            point.len()
        ));
    }
    let names: Vec<&str> = not_told.iter().map(|&j| labels[j].text.as_str()).collect();
    match names.as_slice() {
        [] => {}
        [one] => shape.warnings.push(format!("The rows do not tell {one}: the objective is flat in it.")),
        _ => shape.warnings.push(format!(
            "{} trade off: the objective is flat along a combination of them, and their values are arbitrary.",
            in_words(&names)
        )),
    }
    let errors = standard_errors(problem, point, &inside);
    nearly_zero(problem, law, labels, point, &errors, &mut shape);
    shape
}

/// Whether a coordinate of a point is at a bound.
fn is_on_bound(problem: &Problem, point: &[f64], j: usize) -> bool {
    let c = problem.coordinates()[j];
    point[j] <= c.lower || point[j] >= c.upper
}

/// Notes the parameters that a bound holds, where the rows tell them at all.
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
            "{} sits on its {side} bound {}: the rows want it further out, and its interval ends there.",
            labels[j].text,
            crate::expr::number_text(bound)
        ));
    }
}

/// The directions of a matrix of second derivatives, each coordinate in units of its own bend.
struct Directions {
    /// The bend along each direction, from the flattest.
    bends: Vec<f64>,
    /// The directions: `(coordinate's place, direction)`, as rows.
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

    /// The directions that are flat, by number.
    fn flattest(&self) -> impl Iterator<Item = usize> + '_ {
        let most = self.bends.last().copied().unwrap_or_default();
        // What is not a number is told by nothing.
        (0..self.bends.len()).filter(move |&i| !(self.bends[i] >= FLAT * most && most > 0.0))
    }

    /// The places of the coordinates that flat directions move, the most moved first.
    fn moved(&self) -> Vec<usize> {
        let most = self.bends.last().copied().unwrap_or_default();
        let variance = |place: usize| -> f64 {
            let square = |i: usize| self.vectors[(i, place)] * self.vectors[(i, place)];
            let along = |i: usize| square(i) / (self.bends[i] / most).max(f64::EPSILON);
            self.flattest().map(along).sum()
        };
        let variances: Vec<f64> = (0..self.bends.len()).map(variance).collect();
        // Where nothing bends, or nothing is a number, nothing is told.
        let is_moved = |place: &usize| variances[*place].is_nan() || variances[*place] > MOVED;
        let mut moved: Vec<usize> = (0..self.bends.len()).filter(is_moved).collect();
        moved.sort_by(|&a, &b| variances[b].total_cmp(&variances[a]));
        moved
    }

    /// The flat directions in coordinates, of which `places` take part in them; the largest step of each is 1.
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

/// The standard error of each coordinate by curvature and scores (Huber 1967), the others being free; none where it is
/// on a bound or the rows do not tell it.
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

/// Notes powers that hardly change over the rows and whose exponent may as well be zero.
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
                "The exponent {} is nearly zero ({value:.4}): over the rows its term changes by {:.1} % and stands in for a floor.",
                label.text,
                100.0 * (exp(change) - 1.0)
            ));
        }
    }
}

/// What an open direction may change of an answer, as a share of what its parameters change each: less is rounding.
const TOLD: f64 = 1e-2;

/// Whether an answer stays where it is along a direction that changes it by `whole`, while its parameters alone change it by
/// `parts` in sum.
pub fn stays(whole: f64, parts: f64) -> bool {
    whole <= TOLD * parts
}

/// Whether the rows tell an answer with these derivatives by the free parameters: whether it stays where it is along the
/// directions in which they do not object.
pub fn is_told(law: &Law, flat: &[Vec<f64>], free: &[f64], gradient: &[f64]) -> bool {
    let scales: Vec<f64> =
        law.free().iter().zip(free).map(|(p, value)| if p.scale == Scale::Log { *value } else { 1.0 }).collect();
    flat.iter().all(|direction| {
        let changes = || direction.iter().zip(&scales).zip(gradient).map(|((step, scale), slope)| step * scale * slope);
        let (whole, parts) = (changes().sum::<f64>().abs(), changes().map(f64::abs).sum::<f64>());
        stays(whole, parts)
    })
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
///
/// Values of parameters are given where their status says that the rows tell them.
pub fn beside_optimum(
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
            "Two ways to get intervals disagree by more than a third: the sandwich, which lets the scatter differ from row to row, makes that of {}.",
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
    (ln(highest.1 / lowest.1) > NEAR).then(|| {
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

/// The warning that rows are in a table more than once: each counts as a run of its own. `together` numbers rows that are
/// known to belong together; `columns` are those by which equal rows could be.
pub fn duplicates(rows: &Dataset, together: Option<&[usize]>, columns: &[&str]) -> Option<String> {
    let mut seen: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    let mut repeated = Vec::new();
    for row in 0..rows.rows() {
        let content = rows.columns().values().map(|column| match column {
            // Bits, since what is printed alike may differ.
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

/// Misfit above which runs of one configuration agree far better with each other than with the law.
const LACK_OF_FIT: f64 = 2.0;

/// The warning that repeated runs give reason for.
pub fn lack_of_fit(replicates: &Replicates) -> Option<String> {
    let pure = replicates.pure_error.filter(|pure| *pure > 0.0 && replicates.misfit > LACK_OF_FIT * pure)?;
    Some(format!(
        "Lack of fit: repeated runs differ by {} among themselves and the law misses their means by {}: what is left is the law's error, not noise, and no interval holds it.",
        short(pure),
        short(replicates.misfit)
    ))
}

/// The chance at which residuals that only scatter are said to have a pattern, for all variables together.
const PATTERN_BY_CHANCE: f64 = 1e-3;
/// Fewest different sizes along which a bend of the residuals, and runs of one sign, are looked for.
const SIZES_OF_PATTERN: [usize; 2] = [5, 12];

/// The warning that residuals bend along a variable, or keep their sign over neighbours: the law misses the rows in a way
/// that a better one would not. Residuals of `parameters` fitted parameters are on the scale of the objective.
///
/// The bend is the coefficient of (ln x)^2 in a parabola through the residuals, by Student's t; stretches of one sign are
/// counted as by Wald and Wolfowitz 1940.
pub fn pattern(residuals: &[f64], columns: &BTreeMap<&str, &[f64]>, parameters: usize) -> Option<String> {
    let chance = PATTERN_BY_CHANCE / (2 * columns.len().max(1)) as f64;
    let freedom = residuals.len().checked_sub(parameters + 1).filter(|freedom| *freedom >= 3)?;
    let size = (residuals.iter().map(|r| r * r).sum::<f64>() / residuals.len() as f64).sqrt();
    let mut found: Option<(f64, String)> = None;
    for (name, column) in columns {
        let Some(along) = Along::of(residuals, column) else { continue };
        let bend = (along.sizes.len() >= SIZES_OF_PATTERN[0])
            .then(|| along.bend(freedom))
            .flatten()
            .map(|(t, chance)| (chance, format!("they bend along {name}, by {t:.1} standard errors")));
        let signs = (along.sizes.len() >= SIZES_OF_PATTERN[1]).then(|| along.stretches()).flatten().map(
            |(counted, expected, chance)| {
                let sizes = along.sizes.len();
                (chance, format!("over {sizes} sizes {name} they change sign {counted} times, where scatter would {expected:.0} times"))
            },
        );
        for (by_chance, words) in [bend, signs].into_iter().flatten() {
            if by_chance < chance && found.as_ref().is_none_or(|(least, _)| by_chance < *least) {
                found = Some((by_chance, words));
            }
        }
    }
    found.map(|(_, words)| {
        format!(
            "Lack of fit: the residuals are no scatter: {words}. The law misses the rows by {} on average in a way that goes on beyond them, and no interval holds that.",
            short(size)
        )
    })
}

/// Residuals along a variable: the mean of those at each size, in order.
struct Along {
    sizes: Vec<f64>,
    means: Vec<f64>,
    counts: Vec<f64>,
}

impl Along {
    /// None where the variable has values that no logarithm has.
    fn of(residuals: &[f64], column: &[f64]) -> Option<Self> {
        if column.iter().any(|x| x.is_nan() || *x <= 0.0) {
            return None;
        }
        let mut order: Vec<usize> = (0..column.len()).collect();
        order.sort_by(|&a, &b| column[a].total_cmp(&column[b]));
        let mut along = Self { sizes: Vec::new(), means: Vec::new(), counts: Vec::new() };
        for row in order {
            let size = ln(column[row]);
            if along.sizes.last() == Some(&size) {
                let last = along.sizes.len() - 1;
                along.counts[last] += 1.0;
                along.means[last] += (residuals[row] - along.means[last]) / along.counts[last];
            } else {
                along.sizes.push(size);
                along.means.push(residuals[row]);
                along.counts.push(1.0);
            }
        }
        Some(along)
    }

    /// How many standard errors the means bend by, and the chance of it; none where they are too few.
    fn bend(&self, freedom: usize) -> Option<(f64, f64)> {
        let weighted = |values: &[f64]| -> f64 {
            values.iter().zip(&self.counts).map(|(v, c)| v * c).sum::<f64>() / self.counts.iter().sum::<f64>()
        };
        let product =
            |a: &[f64], b: &[f64]| a.iter().zip(b).zip(&self.counts).map(|((a, b), c)| a * b * c).sum::<f64>();
        let without = |values: &[f64], part: &[f64]| -> Vec<f64> {
            let share = product(values, part) / product(part, part);
            values.iter().zip(part).map(|(v, p)| v - share * p).collect()
        };
        let centred = |values: &[f64]| -> Vec<f64> {
            let middle = weighted(values);
            values.iter().map(|v| v - middle).collect()
        };
        let line = centred(&self.sizes);
        let square = without(&centred(&line.iter().map(|x| x * x).collect::<Vec<_>>()), &line);
        let rest = without(&centred(&self.means), &line);
        let left = without(&rest, &square);
        let spread = product(&square, &square);
        let error = (product(&left, &left) / freedom.min(self.sizes.len() - 3).max(1) as f64 / spread).sqrt();
        let t = (product(&rest, &square) / spread / error).abs();
        (self.sizes.len() > 3 && t.is_finite()).then(|| (t, 2.0 * student_tail(t, freedom.min(self.sizes.len() - 3))))
    }

    /// How often the means change sign, how often scatter would, and the chance of so few; none where one sign is rare.
    fn stretches(&self) -> Option<(usize, f64, f64)> {
        let above = self.means.iter().filter(|mean| **mean > 0.0).count() as f64;
        let (all, below) = (self.means.len() as f64, self.means.len() as f64 - above);
        if above.min(below) < 4.0 {
            return None;
        }
        let changes = self.means.windows(2).filter(|pair| (pair[0] > 0.0) != (pair[1] > 0.0)).count();
        let expected = 2.0 * above * below / all;
        let variance = expected * (expected - 1.0) / (all - 1.0);
        let z = (changes as f64 + 0.5 - expected) / variance.sqrt();
        Some((changes, expected, 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)))
    }
}

/// The chance that rows without any trend are explained as well, above which a law has none to continue.
const NO_TREND: f64 = 0.05;

/// The warning that a law explains its rows no better than their mean does, by Fisher's F, where the response does not go
/// along with any variable alone either. Residuals and responses are on the scale of the objective.
pub fn no_trend(
    residuals: &[f64],
    responses: &[f64],
    columns: &BTreeMap<&str, &[f64]>,
    parameters: usize,
) -> Option<String> {
    let goes_along = |column: &&[f64]| {
        chance_of_slope(column, responses).is_some_and(|chance| chance * columns.len() as f64 <= NO_TREND)
    };
    if columns.values().any(goes_along) {
        return None;
    }
    let middle = mean(responses);
    let total: f64 = responses.iter().map(|y| (y - middle) * (y - middle)).sum();
    let left: f64 = residuals.iter().map(|r| r * r).sum();
    let (numerator, freedom) = (parameters.checked_sub(1)?, residuals.len().checked_sub(parameters)?);
    if numerator == 0 || freedom == 0 {
        return None;
    }
    let f = ((total - left) / numerator as f64) / (left / freedom as f64);
    let chance = fisher_tail(f, numerator, freedom);
    (chance > NO_TREND).then(|| {
        format!(
            "No trend: the law explains the rows no better than their mean does (F = {f:.2} with {numerator} and {freedom} degrees of freedom; rows without any trend reach that in {:.0} % of cases). There is nothing to extrapolate.",
            100.0 * chance
        )
    })
}

/// The chance that a response without any trend has as steep a slope over the logarithm of a variable, by Student's t.
fn chance_of_slope(column: &[f64], responses: &[f64]) -> Option<f64> {
    let freedom = column.len().checked_sub(2).filter(|freedom| *freedom > 0)?;
    if column.len() != responses.len() || column.iter().any(|x| x.is_nan() || *x <= 0.0) {
        return None;
    }
    let logs: Vec<f64> = column.iter().map(|x| ln(*x)).collect();
    let (middle, level) = (mean(&logs), mean(responses));
    let along: f64 = logs.iter().zip(responses).map(|(u, y)| (u - middle) * (y - level)).sum();
    let spread: f64 = logs.iter().map(|u| (u - middle) * (u - middle)).sum();
    let total: f64 = responses.iter().map(|y| (y - level) * (y - level)).sum();
    let left = total - along * along / spread;
    let t = along.abs() / (spread * left / freedom as f64).sqrt();
    (!t.is_nan()).then(|| 2.0 * student_tail(t, freedom))
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
    if value == 0.0 {
        return "0".to_owned();
    }
    if (0.01..1e5).contains(&value) {
        format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{value:.2e}")
    }
}

/// What is to be said next to every answer of a fit: parameters on bounds, parameters that the rows do not tell, and that
/// the search did not converge.
pub fn caveats(fit: &Fit) -> Vec<String> {
    let mut caveats = Vec::new();
    for (name, estimate) in &fit.parameters {
        if let (Status::AtLowerBound | Status::AtUpperBound, Some(value)) = (estimate.status, estimate.value) {
            caveats.push(format!("{name} {} {}", estimate.status.describe(), short(value)));
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

/// Names as people list them: `A, B and C`.
pub fn in_words<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<&str> = names.iter().map(S::as_ref).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::Random;

    const SIZES: usize = 30;

    fn sizes() -> Vec<f64> {
        (0..SIZES).map(|i| exp(f64::from(i as u32) * 0.2)).collect()
    }

    /// The share of 1,000 tables of scatter, with something beside it, of which something is said.
    fn share(beside: impl Fn(f64) -> f64, said: impl Fn(&[f64], &[f64]) -> bool) -> f64 {
        let x = sizes();
        let table = |seed: u64| {
            let mut random = Random::new(seed, "evidence", 0);
            let values: Vec<f64> = x.iter().map(|x| 0.01 * random.normal() + beside(ln(*x) - 2.9)).collect();
            said(&x, &values)
        };
        (0..1000).filter(|seed| table(*seed)).count() as f64 / 1000.0
    }

    #[test]
    fn scatter_has_a_pattern_as_seldom_as_is_said_and_a_bend_has_one() {
        let said = |x: &[f64], residuals: &[f64]| pattern(residuals, &[("N", x)].into(), 2).is_some();
        assert!(share(|_| 0.0, said) < 0.005);
        assert!(share(|u| 0.01 * (u * u - 3.0), said) > 0.99);
        // Waves have no bend, but keep their sign over neighbours.
        assert!(share(|u| 0.03 * libm::sin(2.0 * u), said) > 0.9);
    }

    #[test]
    fn a_line_through_rows_without_a_trend_is_said_to_explain_nothing() {
        let said = |x: &[f64], values: &[f64]| {
            let logs: Vec<f64> = x.iter().map(|x| ln(*x)).collect();
            let (middle, level) = (mean(&logs), mean(values));
            let spread: f64 = logs.iter().map(|u| (u - middle) * (u - middle)).sum();
            let slope = logs.iter().zip(values).map(|(u, z)| (u - middle) * (z - level)).sum::<f64>() / spread;
            let residuals: Vec<f64> = logs.iter().zip(values).map(|(u, z)| z - level - slope * (u - middle)).collect();
            no_trend(&residuals, values, &[("N", x)].into(), 2).is_some()
        };
        let none = share(|_| 0.0, said);
        assert!((0.93..0.97).contains(&none), "{none}");
        // Five standard errors of the slope.
        assert!(share(|u| -0.0053 * u, said) < 0.02);
    }
}
