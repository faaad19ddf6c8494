//! Whether the rows of a fit identify its law, and what further runs determine of a law that they do not identify.

use super::advice::Unidentified;
use super::beliefs::{Belief, Beliefs};
use super::candidates::Candidate;
use super::decision::Decision;
use super::open::FEWEST_DRAWS;
use super::state::{State, scored};
use crate::diagnostic::{list, numbered};
use crate::evidence::in_words;
use crate::fit::{Fit, Ray, Status};
use crate::law::{Law, Parameter, Scale};
use crate::numerics::{Points, exp, ln, mean};

/// Factors from the middle of the rows at which a law has to depend on a flat direction to be open.
const AWAY: [f64; 2] = [0.1, 10.0];
/// Share by which the ratio of a decision may be outside that of the rows.
const BESIDE: f64 = 0.1;

/// Why the rows do not identify a law with these draws, as a clause; `None` where they do.
pub fn left_open(law: &Law, fit: &Fit, draws: &Points, decisions: &[Decision]) -> Option<String> {
    if fit.free.is_empty() {
        return None;
    }
    let parameters = numbered(fit.free.len(), "parameter");
    if !fit.too_few_settings.is_empty() {
        let settings = numbered(fit.too_few_settings.len(), "different setting");
        return Some(format!("{settings} of the rows cannot determine {parameters}"));
    }
    if let Some(ray) = fit.rays.iter().find(|ray| !stay_on(ray, law, decisions)) {
        return Some(format!("all rows have about the same {}/{}", ray.second, ray.first));
    }
    let free = law.free();
    let is_unknown =
        |name: &str| fit.parameters.get(name).is_some_and(|estimate| estimate.status == Status::NotIdentified);
    let is_moved = |place: usize| fit.flat.iter().any(|flat| flat[place].abs() > MOVED);
    let is_open = if fit.flat.is_empty() {
        // Parameters of variables on a ray count as not identified, also where no decision leaves the ray.
        fit.rays.is_empty() && free.iter().any(|parameter| is_unknown(&parameter.name))
    } else {
        is_open_away(law, fit)
    };
    if draws.len() < FEWEST_DRAWS || is_open {
        let named = free.iter().enumerate().filter(|(place, p)| is_moved(*place) || is_unknown(&p.name));
        let names: Vec<&str> = named.map(|(_, parameter)| parameter.name.as_str()).collect();
        let rows = numbered(fit.rows, "row");
        return Some(if names.is_empty() {
            format!("{rows} give no distribution of {parameters}")
        } else {
            format!("{rows} leave {} open", list(&names))
        });
    }
    None
}

/// Part of a law's changes along a flat direction up to which they cancel, except for rounding.
const ROUNDING: f64 = 1e-4;
/// Smallest share of a flat direction at which a parameter counts as moved by it.
const MOVED: f64 = 0.05;

/// Whether all decisions are about settings with the ratio of the rows.
fn stay_on(ray: &Ray, law: &Law, decisions: &[Decision]) -> bool {
    decisions.iter().all(|decision| {
        let [first, second] = [&ray.first, &ray.second].map(|name| decision.inputs.get(name));
        let within =
            |ratio: f64| (1.0 - BESIDE) * ray.ratio.lowest <= ratio && ratio <= (1.0 + BESIDE) * ray.ratio.highest;
        !decision.question.member().splits(&law.roles)
            && first.zip(second).is_some_and(|(first, second)| within(second / first))
    })
}

/// Whether the law changes along a flat direction somewhere away from the rows. Otherwise its formula has more parameters
/// than it can tell apart, which no run changes and no answer needs.
fn is_open_away(law: &Law, fit: &Fit) -> bool {
    let middle: Vec<f64> = law
        .variables
        .iter()
        .map(|v| fit.spans.get(&v.name).map_or(1.0, |span| 0.5 * (span.lowest + span.highest)))
        .collect();
    let (tape, free) = (law.tape(), law.free());
    let scales: Vec<f64> =
        free.iter().zip(&fit.free).map(|(p, value)| if p.scale == Scale::Log { *value } else { 1.0 }).collect();
    let away = (0..middle.len()).flat_map(|variable| AWAY.map(|factor| (variable, factor)));
    away.into_iter().any(|(variable, factor)| {
        let mut at = middle.clone();
        at[variable] *= factor;
        let (_, gradient) = tape.gradient_at(&fit.free, &at);
        fit.flat.iter().any(|direction| {
            let changes =
                || direction.iter().zip(&scales).zip(&gradient).map(|((step, scale), slope)| step * scale * slope);
            changes().sum::<f64>().abs() > ROUNDING * changes().map(f64::abs).sum::<f64>()
        })
    })
}

/// A parameter counts as settled by the runs if at most this part of its spread remains.
const SETTLED: f64 = 0.25;

/// The part of each parameter's spread that remains where the plausible curves that are alike at the runs tell it: the error
/// of the mean over the others, weighted by the probability of their difference as noise, for one curve after the other.
///
/// A parameter need not be proportional to the responses. On a ray of tokens per parameter, the bend of a curve determines its
/// floor, and no response alone does.
fn left_by_alike(parameters: &[Vec<f64>], responses: &[Vec<f64>], noise: f64) -> Vec<f64> {
    let draws = parameters.first().map_or(0, Vec::len);
    let apart = |a: usize, b: usize| {
        let squares: f64 = responses.iter().map(|run| (run[a] - run[b]) * (run[a] - run[b])).sum();
        0.5 * squares / noise
    };
    let mut squares = vec![0.0; parameters.len()];
    for curve in 0..draws {
        let far: Vec<f64> =
            (0..draws).map(|other| if other == curve { f64::INFINITY } else { apart(curve, other) }).collect();
        let nearest = far.iter().copied().fold(f64::INFINITY, f64::min);
        let weights: Vec<f64> = far.iter().map(|far| exp(nearest - far)).collect();
        let sum: f64 = weights.iter().sum();
        for (square, values) in squares.iter_mut().zip(parameters) {
            let mean = weights.iter().zip(values).map(|(weight, value)| weight * value).sum::<f64>() / sum;
            *square += (values[curve] - mean) * (values[curve] - mean);
        }
    }
    let spread = |values: &Vec<f64>| {
        let middle = mean(values);
        values.iter().map(|value| (value - middle) * (value - middle)).sum::<f64>()
    };
    let left = squares.iter().zip(parameters).map(|(square, values)| (square / spread(values)).sqrt());
    left.map(|left| if left.is_finite() { left } else { f64::INFINITY }).collect()
}

impl Unidentified {
    /// What runs with a noise variance settle of a law; `None` where the rows identify the law.
    pub(super) fn of(belief: &Belief<'_>, beliefs: &Beliefs<'_>, runs: &[&Candidate], noise: f64) -> Option<Self> {
        let open = belief.open?;
        let free = belief.law.free();
        let coordinate = |j: usize, value: f64| {
            if free[j].scale == Scale::Log { ln(value) } else { value }
        };
        let of_draws = |j: usize| belief.draws.iter().map(|draw| coordinate(j, draw[j])).collect::<Vec<f64>>();
        let parameters: Vec<Vec<f64>> = (0..free.len()).map(|j| scored(of_draws(j))).collect();
        let responses = beliefs.responses_of(belief, runs);
        let by_alike = left_by_alike(&parameters, &responses, noise);
        let columns: Vec<Vec<f64>> = parameters.into_iter().chain(responses.into_iter().map(scored)).collect();
        let shares = vec![1.0 / belief.draws.len() as f64; belief.draws.len()];
        let noises = (0..columns.len()).map(|column| if column < free.len() { f64::INFINITY } else { noise });
        let mut state = State::new(columns, &shares, noises.collect());
        let before: Vec<f64> = (0..free.len()).map(|j| state.variance(j)).collect();
        (free.len()..free.len() + runs.len()).for_each(|run| state.observe(run));
        let left = |(j, parameter): (usize, &&Parameter)| {
            let part = if before[j] > 0.0 { (state.variance(j) / before[j]).max(0.0).sqrt() } else { 0.0 };
            (parameter.name.clone(), part.min(by_alike[j]))
        };
        Some(Self { reason: open.reason.clone(), left: free.iter().enumerate().map(left).collect() })
    }

    /// What the runs settle and what they leave open, as a sentence.
    pub(super) fn in_words(&self) -> String {
        let (settled, open): (Vec<_>, Vec<_>) = self.left.iter().partition(|(_, left)| **left <= SETTLED);
        let name = |(name, _): &(&String, &f64)| format!("`{name}`");
        let with_share = |(name, left): &(&String, &f64)| format!("`{name}` ({:.0} %)", 100.0 * **left);
        let settled = in_words(&settled.iter().map(name).collect::<Vec<_>>());
        let open = in_words(&open.iter().map(with_share).collect::<Vec<_>>());
        match (settled.is_empty(), open.is_empty()) {
            (true, _) => format!(
                "None of its parameters is determined by them alone; the part of the present spread that remains is {open}."
            ),
            (_, true) => format!("They determine {settled}: at most a quarter of the present spread remains."),
            _ => format!(
                "They determine {settled}: at most a quarter of the present spread remains. More remains of {open}."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::fit::Span;
    use crate::law::Variable;

    #[test]
    fn a_law_with_more_parameters_than_it_can_tell_apart_is_not_open() {
        let variable = Variable { name: "N".to_owned(), unit: None, meaning: None, counts: None };
        let law = Law::from_formula("twice", "L = a * b * N^-c", &[variable]).unwrap();
        let names: Vec<&str> = law.free().iter().map(|parameter| parameter.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        let spans = BTreeMap::from([("N".to_owned(), Span { lowest: 1e8, highest: 1e9 })]);
        let draws: Points = (0..50).map(|_| vec![2.0, 3.0, 0.3]).collect();
        let logs: Vec<bool> = law.free().iter().map(|p| p.scale == Scale::Log).collect();
        // Along this direction the product of both factors stays.
        let step = |value: f64, is_log: bool| if is_log { 1.0 } else { value };
        let along = vec![step(2.0, logs[0]), -step(3.0, logs[1]), 0.0];
        let fit = Fit { free: vec![2.0, 3.0, 0.3], rows: 9, flat: vec![along], spans, ..Fit::default() };
        assert_eq!(left_open(&law, &fit, &draws, &[]), None);
        let other = Fit { flat: vec![vec![1.0, 0.0, 0.1]], ..fit.clone() };
        assert_eq!(left_open(&law, &other, &draws, &[]).unwrap(), "9 rows leave `a` and `c` open");
        assert!(left_open(&law, &Fit { flat: Vec::new(), ..fit }, &Points::new(3), &[]).is_some(), "no draws");
    }
}
