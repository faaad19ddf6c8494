//! What a fit minimises: a sum over rows of a function of the residual.
//!
//! One file per objective. The residual is `ln f - ln y` on the log scale, `f - y` on the raw one.

mod asymmetric_huber;
mod huber;
mod least_squares;
mod student_t;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use asymmetric_huber::AsymmetricHuber;
pub use huber::Huber;
pub use least_squares::LeastSquares;
pub use student_t::StudentT;

use crate::law::{ROWS, Weigh, Weights};
use crate::numerics::ln;

/// The scale on which residuals are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResponseScale {
    /// Residual `ln f - ln y`: relative errors.
    #[default]
    Log,
    /// Residual `f - y`: absolute errors.
    Raw,
}

/// What a fit minimises; the list of objectives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Quadratic for small residuals, linear for large ones.
    Huber(Huber),
    /// The sum of squared residuals.
    LeastSquares(LeastSquares),
    /// Huber's penalty with a dearer side.
    AsymmetricHuber(AsymmetricHuber),
    /// The log-likelihood of Student-t residuals.
    StudentT(StudentT),
}

impl Default for Objective {
    fn default() -> Self {
        Self::Huber(Huber::default())
    }
}

/// A function of the residual, summed over rows.
pub trait Penalty {
    /// The scale on which residuals are taken.
    fn scale(&self) -> ResponseScale;

    /// Its value, first and second derivative at a residual.
    fn at(&self, residual: f64) -> (f64, f64, f64);

    /// Its settings by key; all of them are above zero.
    fn settings(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// The penalty in words.
    fn describe(&self) -> String;
}

/// Calls a function with the member of the list.
macro_rules! with {
    ($objective:expr, $penalty:ident => $body:expr) => {
        match $objective {
            Objective::Huber($penalty) => $body,
            Objective::LeastSquares($penalty) => $body,
            Objective::AsymmetricHuber($penalty) => $body,
            Objective::StudentT($penalty) => $body,
        }
    };
}

impl Objective {
    /// The scale on which residuals are taken.
    pub fn scale(&self) -> ResponseScale {
        with!(self, penalty => penalty.scale())
    }

    /// The penalty of one residual.
    pub fn penalty(&self, residual: f64) -> f64 {
        with!(self, penalty => penalty.at(residual).0)
    }

    /// The penalty's first and second derivative at a residual.
    pub fn slopes(&self, residual: f64) -> (f64, f64) {
        with!(self, penalty => { let (_, first, second) = penalty.at(residual); (first, second) })
    }

    /// The objective in words, for reports.
    pub fn describe(&self) -> String {
        let on = match self.scale() {
            ResponseScale::Log => "log residuals",
            ResponseScale::Raw => "raw residuals",
        };
        format!("{} of {on}", with!(self, penalty => penalty.describe()))
    }

    /// The kind's name in a spec.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Huber(_) => "huber",
            Self::LeastSquares(_) => "least_squares",
            Self::AsymmetricHuber(_) => "asymmetric_huber",
            Self::StudentT(_) => "student_t",
        }
    }

    /// The settings that are not above zero and finite, by key.
    pub fn wrong_settings(&self) -> Vec<(&'static str, f64)> {
        let mut settings = with!(self, penalty => penalty.settings());
        settings.retain(|(_, value)| !(*value > 0.0 && value.is_finite()));
        settings
    }
}

/// What the law's values are that an objective is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The response, on the scale of the residual.
    Same,
    /// The response, of which residuals take the logarithm.
    Log,
}

/// An objective over given responses and weights.
#[derive(Clone, Debug)]
pub struct Weighted<'a> {
    /// The objective.
    pub objective: &'a Objective,
    /// What the law's values are.
    pub link: Link,
    /// The responses, on the scale of the residual.
    pub responses: &'a [f64],
    /// The rows' weights; zero for the rows that fill up the last lanes.
    pub weights: &'a [f64],
}

impl Weigh for Weighted<'_> {
    fn weigh(&self, start: usize, values: &[f64], out: &mut Weights) {
        let responses = &self.responses[start..start + values.len()];
        let weights = &self.weights[start..start + values.len()];
        match self.objective {
            Objective::Huber(huber) => weigh_huber(huber, self.link, responses, weights, values, out),
            Objective::LeastSquares(squares) => {
                weigh_least_squares(squares, self.link, responses, weights, values, out);
            }
            Objective::AsymmetricHuber(huber) => weigh_asymmetric(huber, self.link, responses, weights, values, out),
            Objective::StudentT(student) => weigh_student(student, self.link, responses, weights, values, out),
        }
    }
}

crate::law::simd::dispatched! {
    fn weigh_huber(penalty: &Huber, link: Link, responses: &[f64], weights: &[f64], values: &[f64], out: &mut Weights) = weigh_rows
}
crate::law::simd::dispatched! {
    fn weigh_least_squares(penalty: &LeastSquares, link: Link, responses: &[f64], weights: &[f64], values: &[f64], out: &mut Weights) = weigh_rows
}

crate::law::simd::dispatched! {
    fn weigh_asymmetric(penalty: &AsymmetricHuber, link: Link, responses: &[f64], weights: &[f64], values: &[f64], out: &mut Weights) = weigh_rows
}
crate::law::simd::dispatched! {
    fn weigh_student(penalty: &StudentT, link: Link, responses: &[f64], weights: &[f64], values: &[f64], out: &mut Weights) = weigh_rows
}

/// Two plain loops, each of which vectorises: residuals first, then what the penalty makes of them.
#[inline(always)]
fn weigh_rows<P: Penalty>(
    penalty: &P,
    link: Link,
    responses: &[f64],
    weights: &[f64],
    values: &[f64],
    out: &mut Weights,
) {
    let n = values.len();
    let mut residuals = [0.0; ROWS];
    let mut inverses = [1.0; ROWS];
    match link {
        Link::Same => {
            for ((residual, value), response) in residuals.iter_mut().zip(values).zip(responses) {
                *residual = value - response;
            }
        }
        Link::Log => {
            for ((residual, value), response) in residuals.iter_mut().zip(values).zip(responses) {
                *residual = ln(*value) - response;
            }
            for (inverse, value) in inverses.iter_mut().zip(values) {
                *inverse = 1.0 / value;
            }
        }
    }
    // With u = ln f: u' = f'/f and u'' = f''/f - (f'/f)^2.
    let bend = if link == Link::Log { 1.0 } else { 0.0 };
    let Weights { cost, first, second } = out;
    let outputs = cost[..n].iter_mut().zip(&mut first[..n]).zip(&mut second[..n]);
    let inputs = residuals[..n].iter().zip(&inverses[..n]).zip(&weights[..n]);
    for (((cost, first), second), ((residual, inverse), weight)) in outputs.zip(inputs) {
        let (value, slope, curve) = penalty.at(*residual);
        // A row without weight takes no part, whatever the law gives there.
        let used = *weight != 0.0;
        *cost = if used { weight * value } else { 0.0 };
        *first = if used { weight * slope * inverse } else { 0.0 };
        *second = if used { weight * (curve - bend * slope) * inverse * inverse } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Quantity;

    fn all() -> Vec<Objective> {
        [ResponseScale::Log, ResponseScale::Raw]
            .into_iter()
            .flat_map(|on| {
                let delta = Quantity(0.3);
                [
                    Objective::Huber(Huber { delta, on }),
                    Objective::LeastSquares(LeastSquares { on }),
                    Objective::AsymmetricHuber(AsymmetricHuber { delta, over: Quantity(10.0), on }),
                    Objective::StudentT(StudentT { nu: Quantity(3.0), scale: delta, on }),
                ]
            })
            .collect()
    }

    #[test]
    fn derivatives_of_each_penalty_agree_with_differences() {
        for objective in all() {
            for residual in [-2.0, -0.31, -0.29, 0.05, 0.1, 0.299, 0.5] {
                let h = 1e-6;
                let slope = (objective.penalty(residual + h) - objective.penalty(residual - h)) / (2.0 * h);
                let (first, second) = objective.slopes(residual);
                let curve = (objective.slopes(residual + h).0 - objective.slopes(residual - h).0) / (2.0 * h);
                assert!((first - slope).abs() < 1e-8, "{objective:?} at {residual}");
                assert!((second - curve).abs() < 1e-8, "{objective:?} at {residual}");
            }
        }
    }
}
