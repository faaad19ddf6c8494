//! A law with estimated parameters, its evidence and its uncertainty.

mod finite;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::Prediction;
use crate::dataset::GroupName;
use crate::numerics::{Points, Random, exp, ln, normal_mixture_quantile};
use crate::objective::ResponseScale;
use crate::solver::Solver;

/// Column with the law's value. Variables cannot have the names of columns that a fit adds to its rows.
pub const PREDICTED: &str = "#predicted";
/// Column with the logarithm of prediction over observation.
pub const RESIDUAL: &str = "#residual";
/// Column with 1 for held-out rows and 0 for fitted rows.
pub const HELD: &str = "#held";

/// Status of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Estimated, inside its bounds.
    Estimated,
    /// On the lower bound; a smaller value would fit better.
    AtLowerBound,
    /// On the upper bound; a larger value would fit better.
    AtUpperBound,
    /// Not identified by the rows.
    NotIdentified,
    /// Fixed by the spec.
    Fixed,
    /// An expression of other parameters.
    Tied,
}

impl Status {
    /// Whether the value is meaningful.
    pub const fn is_sound(self) -> bool {
        matches!(self, Self::Estimated | Self::Fixed | Self::Tied)
    }

    /// Description of the status.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Estimated => "estimated",
            Self::AtLowerBound => "at its lower bound",
            Self::AtUpperBound => "at its upper bound",
            Self::NotIdentified => "not identified",
            Self::Fixed => "fixed",
            Self::Tied => "tied",
        }
    }
}

/// The value of a parameter and its uncertainty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The value; `None` where the rows do not identify it.
    pub value: Option<f64>,
    /// Standard error in the parameter's own unit. It is `None` without `uncertainty`, for a parameter on a bound or
    /// not identified, and where only a factor describes the uncertainty.
    pub se: Option<f64>,
    /// Standard error as a factor: the value is multiplied or divided by it. Given for a positive parameter that is
    /// searched on a logarithmic scale, or that is uncertain by more than a factor of two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// Lower end of the interval.
    pub lower: Option<f64>,
    /// Upper end of the interval.
    pub upper: Option<f64>,
    /// Status.
    pub status: Status,
}

/// The joint region of two parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Region {
    /// The parameters.
    pub parameters: [String; 2],
    /// Coverage of both together.
    pub level: f64,
    /// The border, in order around the region.
    pub points: Vec<[f64; 2]>,
    /// Whether the objective rises enough in every direction; an open side is drawn at the distance that the
    /// curvature gives.
    pub closed: bool,
}

/// Evidence about the optimum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Whether the solver converged at the best point.
    pub converged: bool,
    /// Euclidean norm of the gradient by the solver's coordinates, without coordinates on bounds.
    pub gradient_norm: Option<f64>,
    /// Number of starts.
    pub starts: usize,
    /// Number of grid points from which the starts were chosen; 0 without a grid.
    pub grid_points: usize,
    /// Number of starts that ended at the best point.
    pub starts_at_best: usize,
    /// The solver.
    pub solver: Solver,
    /// Number of starts from which the solver's line search failed.
    pub failed_starts: usize,
    /// Number of starts that ended where the law's values are rounding error; these are ignored.
    pub unresolved_starts: usize,
    /// The distinct optima, best first, at most ten.
    pub optima: Vec<LocalOptimum>,
    /// The global optimum, where a published procedure was used that may miss it.
    pub reference: Option<Reference>,
    /// Statistics of repeated runs, where the spec defines them.
    pub replicates: Option<Replicates>,
    /// Ratio of the largest to the smallest eigenvalue of the Hessian of reweighted least squares, scaled to a unit
    /// diagonal.
    pub condition_number: Option<f64>,
    /// Doubts about the law itself, independent of its parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// A doubt about a law, independent of its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The law explains the rows no better than their mean.
    NoTrend,
    /// The residuals have a pattern.
    LackOfFit,
}

impl Doubt {
    /// A sentence to show next to answers.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::NoTrend => "no trend in the rows",
            Self::LackOfFit => "lack of fit",
        }
    }
}

/// A local optimum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LocalOptimum {
    /// The minimised sum.
    pub objective: f64,
    /// Number of starts that ended there.
    pub starts: usize,
}

/// The global optimum of a fit, for comparison with the result of a published procedure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    /// The minimised sum, over all groups where they are fitted together.
    pub objective: f64,
    /// The parameters. Results contain only identified ones, and those of the first group where groups are fitted
    /// together.
    pub parameters: BTreeMap<String, f64>,
}

/// Statistics of repeated runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Replicates {
    /// Number of distinct configurations.
    pub configurations: usize,
    /// Pooled standard deviation of residuals within configurations, which no law can explain.
    pub pure_error: Option<f64>,
    /// Root mean square over configurations of the mean residual.
    pub misfit: f64,
}

/// Errors of a fit on rows that were not fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Holdout {
    /// Number of rows.
    pub rows: usize,
    /// Root mean square of ln(prediction / observation).
    pub rmse_log: f64,
    /// Mean of |prediction / observation - 1|.
    pub mean_relative_error: f64,
    /// Mean of ln(prediction / observation): negative where the law predicts too little.
    pub bias_log: f64,
    /// Share of rows inside their prediction interval; `None` without `uncertainty`.
    pub coverage: Option<f64>,
}

impl Holdout {
    /// A warning where prediction intervals of a given level miss too many held-out rows.
    pub fn too_narrow(&self, level: Option<f64>) -> Option<String> {
        let (coverage, level) = (self.coverage?, level?);
        // Two standard errors of a share, which excludes chance.
        let slack = 2.0 * (level * (1.0 - level) / self.rows as f64).sqrt();
        (coverage < level - slack).then(|| {
            format!(
                "Its {:.0} % prediction intervals cover only {:.0} % of the {} held-out rows: they do not \
                 include the error of the law itself, so forecasts are less certain than they look.",
                100.0 * level,
                100.0 * coverage,
                self.rows
            )
        })
    }
}

/// A comparison of several laws on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// The laws; the fit's own law comes first.
    pub laws: Vec<Candidate>,
    /// The law to quote.
    pub quote: String,
    /// The reason for the choice.
    pub reason: String,
    /// Sizes at which the laws' forecasts are compared: ten times the largest ones.
    pub ahead: BTreeMap<String, f64>,
    /// The laws' forecast there, weighted by their shares.
    pub stack: Option<Prediction>,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// One law of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// Name.
    pub law: String,
    /// Free parameters; results contain only identified ones.
    pub parameters: BTreeMap<String, f64>,
    /// Names of parameters that the rows do not identify.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unidentified: Vec<String>,
    /// The minimised sum.
    pub objective: f64,
    /// Akaike's criterion for normal residuals, corrected for few rows (Hurvich and Tsai 1989).
    pub aicc: Option<f64>,
    /// Bayesian information criterion for normal residuals (Schwarz 1978).
    pub bic: f64,
    /// Root mean square of ln(prediction / observation) over rows left out in five parts.
    pub k_fold: Option<f64>,
    /// Root mean square of ln(prediction / observation) over later rows, where only smaller runs are known.
    pub rolling_origin: Option<f64>,
    /// Share of the stacked forecast.
    pub share: f64,
    /// Forecast at ten times the largest sizes, where the rows identify it.
    pub ahead: Option<f64>,
}

/// Smallest error of ln y that is attributed to a law.
const LEAST_ERROR: f64 = 1e-9;

/// Combines forecasts of ln y, each with a share and a past error. The interval is that of their mixture, which
/// includes their disagreement and their errors. Returns `None` for an empty list.
pub fn stacked(known: &[(f64, f64, f64)], level: f64) -> Option<Prediction> {
    let sum: f64 = known.iter().map(|(share, ..)| share).sum();
    if known.is_empty() {
        return None;
    }
    let centre: f64 = known.iter().map(|(share, z, _)| share * z / sum).sum();
    let parts: Vec<(f64, f64, f64)> =
        known.iter().map(|(share, z, error)| (share / sum, *z, error.max(LEAST_ERROR))).collect();
    let end = |p: f64| exp(normal_mixture_quantile(&parts, p));
    let (lower, upper) = (end((1.0 - level) / 2.0), end(f64::midpoint(1.0, level)));
    // A distant law with a small share changes the mean but not the interval.
    Some(Prediction { value: exp(centre).clamp(lower, upper), lower, upper })
}

/// Errors of forecasts of later rows, where only smaller runs were known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Backtest {
    /// The expression that orders the rows.
    pub along: String,
    /// The origins, with the errors on all later rows.
    pub folds: Vec<Fold>,
    /// Errors of the law over all origins, and by distance.
    pub law: Past,
    /// Errors of the forecast of several laws, where there is one for these sizes.
    pub several_laws: Option<Past>,
}

/// One origin of a backtest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fold {
    /// The largest known value.
    pub up_to: f64,
    /// Number of known rows.
    pub fitted: usize,
    /// Errors on the other rows.
    pub scored: Holdout,
}

/// Forecast errors over all origins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Past {
    /// Over all forecast rows.
    pub overall: Holdout,
    /// By the distance of the row, as a multiple of the largest known value.
    pub by_distance: Vec<Distance>,
    /// Each forecast, for a figure: distance, ln(prediction / observation), half-width of the interval in ln y.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<(f64, f64, Option<f64>)>,
}

impl Backtest {
    /// The summaries without the points.
    #[must_use]
    pub fn without_points(mut self) -> Self {
        self.law.points.clear();
        self.several_laws.iter_mut().for_each(|past| past.points.clear());
        self
    }
}

/// Forecast errors at one distance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Distance {
    /// Start of the distance class, as a multiple of the largest known value.
    pub from: f64,
    /// End of the class; `None` for the last one.
    pub to: Option<f64>,
    /// Errors.
    pub scored: Holdout,
    /// Median half-width of the intervals in ln y; `None` without intervals.
    pub half_width: Option<f64>,
}

/// The range of a variable over the fitted rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// Smallest value.
    pub lowest: f64,
    /// Largest value.
    pub highest: f64,
}

impl Span {
    /// The range of values; `None` for no values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        values.into_iter().fold(None, |span, v| {
            Some(match span {
                None => Self { lowest: v, highest: v },
                Some(Self { lowest, highest }) => Self { lowest: lowest.min(v), highest: highest.max(v) },
            })
        })
    }

    /// The factor by which a value lies outside the range: 1 inside, and always finite.
    ///
    /// Ranges and values that are not positive have no factor. There, the result is 1 plus the distance from the
    /// range in units of its width.
    pub fn factor(&self, value: f64) -> f64 {
        let factor = if self.lowest > 0.0 && value > 0.0 {
            (value / self.highest).max(self.lowest / value)
        } else {
            let outside = (value - self.highest).max(self.lowest - value).max(0.0);
            if outside == 0.0 { 1.0 } else { 1.0 + outside / (self.highest - self.lowest) }
        };
        factor.clamp(1.0, f64::MAX)
    }
}

/// The scatter of a new row around a fitted law.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// Equally likely residuals on the objective's scale, where the scatter is that of all rows together.
    pub residuals: Vec<f64>,
    /// The change of the scatter along a variable, where the rows show one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trend: Option<NoiseTrend>,
    /// Whether the law is an envelope of the rows, so that runs do not scatter evenly around it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub envelope: bool,
    /// Factor of the residuals for each draw of the parameters; stored with the draws.
    #[serde(skip)]
    pub scatter: Vec<f64>,
}

impl Noise {
    /// One of the residuals, scaled by the factor of a draw; zero where there are none.
    pub fn draw(&self, draw: usize, random: &mut Random) -> f64 {
        if self.residuals.is_empty() {
            return 0.0;
        }
        self.scatter.get(draw).copied().unwrap_or(1.0) * self.residuals[random.below(self.residuals.len())]
    }
}

/// The change of the scatter around a law along one of its variables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoiseTrend {
    /// The variable.
    pub variable: String,
    /// Exponent of the scatter as a power of the variable.
    pub exponent: f64,
    /// Value of the variable at which the scatter is that of all rows together.
    pub even_at: f64,
    /// The range of the variable over the fitted rows.
    pub span: Span,
    /// The ranges of every variable and of every product of two over the fitted rows.
    pub seen: Vec<Seen>,
}

/// The range of the rows in a variable, or in a product of two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Seen {
    /// The variable, or the two factors.
    pub product_of: Vec<String>,
    /// The range.
    pub span: Span,
}

impl NoiseTrend {
    /// The scatter at given variables, relative to that of all rows together.
    ///
    /// The scatter outside the rows was not observed. A scatter above the average at the end of the rows is kept. A
    /// scatter below the average returns to the average within a factor of ten. This applies to any variable outside
    /// the rows, and to any product of two, such as compute.
    pub fn factor(&self, at: impl Fn(&str) -> Option<f64>) -> f64 {
        let Some(value) = at(&self.variable) else { return 1.0 };
        let seen = self.exponent * ln(value.clamp(self.span.lowest, self.span.highest) / self.even_at);
        let product = |names: &[String]| names.iter().map(|name| at(name)).product::<Option<f64>>();
        let beyond = self.seen.iter().filter_map(|seen| Some(seen.span.factor(product(&seen.product_of)?)));
        let beyond = beyond.fold(1.0, f64::max);
        exp(if seen < 0.0 { seen * (1.0 - ln(beyond) / ln(10.0)).max(0.0) } else { seen })
    }

    /// A sentence for the reader.
    pub fn describe(&self) -> String {
        let seen = |value: f64| exp(self.exponent * ln(value / self.even_at));
        let Span { lowest, highest } = self.span;
        format!(
            "The scatter of the rows is proportional to {}^{:.2}: {:.2} times the average at {lowest:.3e}, \
             {:.2} times at {highest:.3e}. Intervals of a new run use this scatter, and at least the average \
             from ten times outside the rows on.",
            self.variable,
            self.exponent,
            seen(lowest),
            seen(highest)
        )
    }
}

/// A fitted law.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Name of the law.
    pub law: String,
    /// Formula.
    pub formula: String,
    /// Number of fitted rows.
    pub rows: usize,
    /// The minimised sum; `None` without rows.
    pub objective: Option<f64>,
    /// Description of the objective.
    pub objective_kind: String,
    /// Scale of the residuals.
    pub scale: ResponseScale,
    /// Values of the free parameters in the order of the law.
    pub free: Vec<f64>,
    /// The parameters by name.
    pub parameters: BTreeMap<String, Estimate>,
    /// Evidence about the optimum.
    pub evidence: Evidence,
    /// Errors on held-out rows.
    pub holdout: Option<Holdout>,
    /// Errors of past forecasts.
    pub backtest: Option<Backtest>,
    /// Comparison with other laws on the same rows.
    pub choice: Option<Choice>,
    /// Joint regions of two parameters, where requested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<Region>,
    /// Description of the method of the intervals.
    pub uncertainty: Option<String>,
    /// Coverage of the intervals.
    pub level: Option<f64>,
    /// The range of each variable over the fitted rows, by name.
    pub spans: BTreeMap<String, Span>,
    /// Pairs of variables whose ratio hardly varies over the rows.
    pub rays: Vec<Ray>,
    /// Directions of the free parameters along which the objective is flat, in coordinates (logarithms of parameters
    /// whose scale is `log`). An answer that changes along one of them is not identified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flat: Vec<Vec<f64>>,
    /// The scatter of a new row.
    pub noise: Noise,
    /// The range of the response, where it is a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// The smallest and the largest fitted response; `None` without rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<[f64; 2]>,
    /// Number of draws of the free parameters.
    pub draws: usize,
    /// The column that defines the groups.
    pub by: Option<String>,
    /// The fit of each group, by the column's value.
    pub groups: BTreeMap<GroupName, Fit>,
}

impl Fit {
    /// The fits with parameters of their own: the groups with their names, or the fit itself.
    pub fn members(&self) -> Vec<(Option<&str>, &Self)> {
        if self.groups.is_empty() {
            vec![(None, self)]
        } else {
            self.groups.iter().map(|(group, fit)| (Some(group.0.as_str()), fit)).collect()
        }
    }

    /// Reads the draws of each member from the bytes of the artifact, with the scatter of each draw.
    pub fn read_draws(&mut self, bytes: &[u8]) -> Vec<Points> {
        let most = bytes.len() / 8;
        let mut values =
            bytes.chunks_exact(8).map(|chunk| f64::from_le_bytes(<[u8; 8]>::try_from(chunk).unwrap_or_default()));
        let members: Vec<&mut Self> =
            if self.groups.is_empty() { vec![self] } else { self.groups.values_mut().collect() };
        let read = |fit: &mut Self| {
            let count = if fit.free.is_empty() { 0 } else { fit.draws };
            let mut draws = Points::with_capacity(fit.free.len(), count.min(most));
            let mut draw = vec![0.0; fit.free.len()];
            for _ in 0..count {
                draw.iter_mut().zip(values.by_ref()).for_each(|(value, read)| *value = read);
                draws.push(&draw);
                fit.noise.scatter.extend(values.next());
            }
            draws
        };
        members.into_iter().map(read).collect()
    }
}

/// Two variables that vary together, so that the rows cannot separate their effects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ray {
    /// The first variable.
    pub first: String,
    /// The second.
    pub second: String,
    /// The range of second / first.
    pub ratio: Span,
}
