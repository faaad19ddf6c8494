//! What a fit minimises: a sum over rows of a function of the residual.
//!
//! One file per objective. The residual is `ln f - ln y` on the log scale and `f - y` on the raw scale.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::law::{ROWS, Weigh, Weights};
use crate::numerics::{dispatched, exp, ln, ln_rows};
use crate::registry::registry;

/// The scale of the residuals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResponseScale {
    /// Residual `ln f - ln y`: relative errors.
    #[default]
    Log,
    /// Residual `f - y`: absolute errors.
    Raw,
}

impl ResponseScale {
    /// The value of a law on this scale. On the log scale a value of zero or less is -inf; `NaN` becomes +inf.
    pub fn place(self, value: f64) -> f64 {
        match self {
            _ if value.is_nan() => f64::INFINITY,
            Self::Log if value <= 0.0 => f64::NEG_INFINITY,
            Self::Log => ln(value),
            Self::Raw => value,
        }
    }

    /// The response at a value on this scale: the inverse of [`place`](Self::place).
    pub fn value(self, place: f64) -> f64 {
        match self {
            Self::Log if place == f64::NEG_INFINITY => 0.0,
            Self::Log => exp(place),
            Self::Raw => place,
        }
    }
}

/// Makes `weigh_member`: a loop over rows for each member, compiled for every width of vectors.
macro_rules! weigh_rows_of {
    ($($(#[$doc:meta])* $module:ident, $Member:ident;)+) => {
        fn weigh_member(objective: &Objective, block: &Block<'_>, values: &[f64], out: &mut Weights) {
            match objective {
                $(Objective::$Member(penalty) => {
                    dispatched! {
                        fn weigh(penalty: &$Member, block: &Block<'_>, values: &[f64], out: &mut Weights) = weigh_rows
                    }
                    weigh(penalty, block, values, out);
                })+
            }
        }
    };
}

registry! {
    /// What a fit minimises; the list of objectives.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub enum Objective of dyn Penalty, each weigh_rows_of! {
        /// Quadratic for small residuals, linear for large ones.
        huber::Huber,
        /// The sum of squared residuals.
        least_squares::LeastSquares,
        /// The sum of absolute residuals.
        least_absolute::LeastAbsolute,
        /// Huber's penalty, with one side weighted more.
        asymmetric_huber::AsymmetricHuber,
        /// The log-likelihood of Student-t residuals.
        student_t::StudentT,
    }
}

impl Default for Objective {
    fn default() -> Self {
        huber::usual()
    }
}

/// A penalty: a function of the residual that the objective sums over rows.
pub trait Penalty {
    /// Scale of the residuals.
    fn scale(&self) -> ResponseScale;

    /// The penalty and its first and second derivative at a residual.
    fn at(&self, residual: f64) -> (f64, f64, f64);

    /// Settings and their keys in a spec; each must be above zero.
    fn settings(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// Whether the slope jumps at zero. Solvers then minimise smooth approximations.
    fn is_kinked(&self) -> bool {
        false
    }

    /// Whether it is the sum of squares, so that normal scatter makes it a likelihood.
    fn is_square(&self) -> bool {
        false
    }

    /// Whether one side of the residuals costs more, so that the law is an envelope and not the middle of the rows.
    fn is_envelope(&self) -> bool {
        false
    }

    /// A smooth stand-in for a penalty that becomes linear within residuals of this size: a penalty that becomes
    /// linear at the size, and the factor that gives it the same slopes. `None` for a penalty that is curved over the
    /// size.
    fn broadened(&self, _size: f64) -> Option<(Objective, f64)> {
        None
    }

    /// The penalty in words.
    fn describe(&self) -> String;
}

impl Objective {
    /// Scale of the residuals.
    pub fn scale(&self) -> ResponseScale {
        self.member().scale()
    }

    /// The penalty of one residual.
    pub fn penalty(&self, residual: f64) -> f64 {
        self.member().at(residual).0
    }

    /// The first and second derivative of the penalty at a residual.
    pub fn slopes(&self, residual: f64) -> (f64, f64) {
        let (_, first, second) = self.member().at(residual);
        (first, second)
    }

    /// Smooth approximations to a penalty whose slope jumps, from coarse to fine, for residuals of the given size.
    ///
    /// Returns `None` for a smooth penalty. The finest approximation changes the objective by 1e-13 of the residuals.
    pub fn stand_ins(&self, size: f64) -> Option<Vec<Self>> {
        self.member().is_kinked().then(|| {
            let deltas = std::iter::successors(Some(size), |delta| Some(delta * 0.1)).take(14);
            deltas.map(|delta| Self::bent(delta, self.scale())).collect()
        })
    }

    /// The objective in words, for reports.
    pub fn describe(&self) -> String {
        let on = match self.scale() {
            ResponseScale::Log => "log residuals",
            ResponseScale::Raw => "raw residuals",
        };
        format!("{} of {on}", self.member().describe())
    }

    /// Settings that are not finite numbers above zero, with their keys.
    pub fn wrong_settings(&self) -> Vec<(&'static str, f64)> {
        let mut settings = self.member().settings();
        settings.retain(|(_, value)| !(*value > 0.0 && value.is_finite()));
        settings
    }
}

/// What the values of a law are, relative to the scale of the residual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The law gives the response on the scale of the residual.
    Same,
    /// The law gives the response, and residuals use its logarithm.
    Log,
}

/// The second derivative of a penalty that an evaluation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curvature {
    /// The true second derivative.
    Exact,
    /// The slope divided by the residual. This is the curvature of the parabola that touches the penalty from above,
    /// as in iteratively reweighted least squares (Holland and Welsch 1977, doi:10.1080/03610927708827533).
    Majorised,
}

/// An objective with responses and weights.
#[derive(Clone, Debug)]
pub struct Weighted<'a> {
    /// The objective.
    pub objective: &'a Objective,
    /// What the values of the law are.
    pub link: Link,
    /// Responses on the scale of the residual.
    pub responses: &'a [f64],
    /// Weights of the rows; zero for the rows that fill up the last lanes.
    pub weights: &'a [f64],
    /// Factors that residuals are multiplied by before the penalty; empty where all are one.
    pub precisions: &'a [f64],
    /// The second derivative to use.
    pub curvature: Curvature,
}

impl Weigh for Weighted<'_> {
    fn weigh(&self, start: usize, values: &[f64], out: &mut Weights) {
        let rows = start..start + values.len();
        let block = Block {
            link: self.link,
            responses: &self.responses[rows.clone()],
            weights: &self.weights[rows.clone()],
            precisions: if self.precisions.is_empty() { &ONES[..values.len()] } else { &self.precisions[rows] },
            curvature: self.curvature,
        };
        weigh_member(self.objective, &block, values, out);
    }
}

/// Precisions of rows whose noise is unknown.
static ONES: [f64; ROWS] = [1.0; ROWS];

/// The rows of one block during an evaluation.
struct Block<'a> {
    link: Link,
    responses: &'a [f64],
    weights: &'a [f64],
    precisions: &'a [f64],
    curvature: Curvature,
}

/// Weights of all rows from their residuals, for the link and the type of second derivatives.
#[inline(always)]
fn weigh_rows<P: Penalty>(penalty: &P, block: &Block<'_>, values: &[f64], out: &mut Weights) {
    // The loop below needs the fitted values on the scale of the residual. They are stored in the array of costs,
    // which that loop overwrites.
    let scaled = &mut out.cost[..values.len()];
    match block.link {
        Link::Same => scaled.copy_from_slice(values),
        Link::Log => ln_rows(values, scaled),
    }
    match (block.link, block.curvature) {
        (Link::Same, Curvature::Exact) => weigh_scaled::<P, false, true>(penalty, block, values, out),
        (Link::Same, Curvature::Majorised) => weigh_scaled::<P, false, false>(penalty, block, values, out),
        (Link::Log, Curvature::Exact) => weigh_scaled::<P, true, true>(penalty, block, values, out),
        (Link::Log, Curvature::Majorised) => weigh_scaled::<P, true, false>(penalty, block, values, out),
    }
}

/// Computes residuals, their penalty and the chain rule in one plain loop that vectorises.
///
/// The loop has no branch and no index check, either of which would make the compiler process rows one by one.
#[inline(always)]
fn weigh_scaled<P: Penalty, const LOG: bool, const EXACT: bool>(
    penalty: &P,
    block: &Block<'_>,
    values: &[f64],
    out: &mut Weights,
) {
    let n = values.len().min(ROWS);
    let (values, responses, weights) = (&values[..n], &block.responses[..n], &block.weights[..n]);
    let precisions = &block.precisions[..n];
    let (costs, firsts, seconds) = (&mut out.cost[..n], &mut out.first[..n], &mut out.second[..n]);
    for i in 0..n {
        let (weight, precision) = (weights[i], precisions[i]);
        let residual = (costs[i] - responses[i]) * precision;
        let (cost, first, second) = penalty.at(residual);
        // At a residual of zero the touching parabola has the curvature of the penalty itself.
        let second = if EXACT || residual == 0.0 { second } else { first / residual };
        let (mut first, mut second) = (first * precision, second * (precision * precision));
        if LOG {
            // The logarithm has a curvature of its own; the touching parabola uses its tangent.
            let (inverse, bend) = (1.0 / values[i], if EXACT { first } else { 0.0 });
            second = (second - bend) * inverse * inverse;
            first *= inverse;
        }
        // A row without weight adds nothing, whatever the law gives there. A mask is faster than a branch, because
        // random weights make the CPU mispredict every third branch.
        let used = u64::from(weight != 0.0).wrapping_neg();
        costs[i] = f64::from_bits((weight * cost).to_bits() & used);
        firsts[i] = f64::from_bits((weight * first).to_bits() & used);
        seconds[i] = f64::from_bits((weight * second).to_bits() & used);
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
                    Objective::LeastAbsolute(LeastAbsolute { on }),
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
