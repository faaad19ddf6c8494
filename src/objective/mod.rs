//! What a fit minimises: a sum over rows of a function of the residual.
//!
//! One file per objective. The residual is `ln f - ln y` on the log scale, `f - y` on the raw one.

mod huber;
mod least_squares;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use huber::Huber;
pub use least_squares::LeastSquares;

use crate::law::{BLOCK, Lanes, Weigh, Weights};
use crate::numerics::{LANES, ln_lanes};

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
}

/// Calls a function with the member of the list.
macro_rules! with {
    ($objective:expr, $penalty:ident => $body:expr) => {
        match $objective {
            Objective::Huber($penalty) => $body,
            Objective::LeastSquares($penalty) => $body,
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
        match self {
            Self::Huber(huber) => format!("sum of Huber({}) of {on}", crate::expr::number_text(huber.delta.0)),
            Self::LeastSquares(_) => format!("sum of squared {on}"),
        }
    }
}

/// An objective over given responses and weights, in lanes.
#[derive(Clone, Debug)]
pub struct Weighted<'a> {
    /// The objective.
    pub objective: &'a Objective,
    /// The responses, or their logarithms on the log scale.
    pub responses: &'a [Lanes],
    /// The rows' weights; zero for the lanes that fill up the last block.
    pub weights: &'a [Lanes],
}

impl Weigh for Weighted<'_> {
    fn weigh(&self, lane: usize, values: &[Lanes], out: &mut Weights) {
        let responses = &self.responses[lane..lane + values.len()];
        let weights = &self.weights[lane..lane + values.len()];
        match self.objective {
            Objective::Huber(huber) => weigh_huber(huber, responses, weights, values, out),
            Objective::LeastSquares(squares) => weigh_least_squares(squares, responses, weights, values, out),
        }
    }
}

crate::law::simd::dispatched! {
    fn weigh_huber(penalty: &Huber, responses: &[Lanes], weights: &[Lanes], values: &[Lanes], out: &mut Weights) = weigh_lanes
}
crate::law::simd::dispatched! {
    fn weigh_least_squares(penalty: &LeastSquares, responses: &[Lanes], weights: &[Lanes], values: &[Lanes], out: &mut Weights) = weigh_lanes
}

#[inline(always)]
fn weigh_lanes<P: Penalty>(penalty: &P, responses: &[Lanes], weights: &[Lanes], values: &[Lanes], out: &mut Weights) {
    let on_log = penalty.scale() == ResponseScale::Log;
    for (i, value) in values.iter().enumerate().take(BLOCK) {
        // With u = ln f: u' = f'/f and u'' = f''/f - (f'/f)^2.
        let transformed = if on_log { ln_lanes(*value) } else { *value };
        for l in 0..LANES {
            let (cost, first, second) = penalty.at(transformed[l] - responses[i][l]);
            let weight = weights[i][l];
            let inverse = if on_log { 1.0 / value[l] } else { 1.0 };
            let curvature = if on_log { second - first } else { second };
            // A lane without weight takes no part, whatever the law gives there.
            let used = weight != 0.0;
            out.cost[i][l] = if used { weight * cost } else { 0.0 };
            out.first[i][l] = if used { weight * first * inverse } else { 0.0 };
            out.second[i][l] = if used { weight * curvature * inverse * inverse } else { 0.0 };
        }
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
                [Objective::Huber(Huber { delta: Quantity(0.3), on }), Objective::LeastSquares(LeastSquares { on })]
            })
            .collect()
    }

    #[test]
    fn derivatives_of_each_penalty_agree_with_differences() {
        for objective in all() {
            for residual in [-2.0, -0.31, -0.29, 0.0, 0.1, 0.299, 0.5] {
                let h = 1e-6;
                let slope = (objective.penalty(residual + h) - objective.penalty(residual - h)) / (2.0 * h);
                let (first, second) = objective.slopes(residual);
                let curve = (objective.slopes(residual + h).0 - objective.slopes(residual - h).0) / (2.0 * h);
                assert!((first - slope).abs() < 1e-9, "{objective:?} at {residual}");
                assert!((second - curve).abs() < 1e-9, "{objective:?} at {residual}");
            }
        }
    }
}
