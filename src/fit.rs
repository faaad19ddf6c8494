//! A law with estimated parameters, its evidence and its uncertainty.

mod finite;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::Prediction;
use crate::dataset::GroupName;
use crate::numerics::{Random, exp, ln, normal_mixture_quantile};
use crate::objective::ResponseScale;
use crate::solver::Solver;

/// Columns that a fit adds to its rows; no variable can be named so. This one is the law's value.
pub const PREDICTED: &str = "#predicted";
/// The logarithm of prediction over observation.
pub const RESIDUAL: &str = "#residual";
/// 1 for rows that were held out, 0 for rows that were fitted.
pub const HELD: &str = "#held";

/// What became of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Estimated, inside its bounds.
    Estimated,
    /// The objective wants to go below its lower bound.
    AtLowerBound,
    /// The objective wants to go above its upper bound.
    AtUpperBound,
    /// The rows do not tell its value.
    NotIdentified,
    /// Held by the spec.
    Fixed,
    /// An expression of other parameters.
    Tied,
}

impl Status {
    /// Whether the value means something.
    pub const fn is_sound(self) -> bool {
        matches!(self, Self::Estimated | Self::Fixed | Self::Tied)
    }

    /// The status in words.
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

/// A parameter's value and how sure it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The value; none where the rows do not tell it.
    pub value: Option<f64>,
    /// Standard error in the parameter's own unit; none without `uncertainty`, on a bound, where the rows do not tell the
    /// value, and where only a factor says how sure it is.
    pub se: Option<f64>,
    /// Standard error as a factor, for a positive parameter that is searched on a logarithmic scale or is not known to
    /// within a factor of two: the value times or divided by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// Lower end of the interval.
    pub lower: Option<f64>,
    /// Upper end of the interval.
    pub upper: Option<f64>,
    /// What became of it.
    pub status: Status,
}

/// The region in which two parameters lie together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Region {
    /// The parameters.
    pub parameters: [String; 2],
    /// How often it holds both.
    pub level: f64,
    /// Its border, once around.
    pub points: Vec<[f64; 2]>,
    /// Whether the rows object on every side; an open side is drawn as far as the curvature says.
    pub closed: bool,
}

/// Why the optimum can be believed, or not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Whether the solver converged at the best point.
    pub converged: bool,
    /// Euclidean norm of the objective's gradient by the solver's coordinates, bounds left out.
    pub gradient_norm: Option<f64>,
    /// Number of starts.
    pub starts: usize,
    /// Points of the grid that the starts were chosen from; 0 where there was no grid.
    pub grid_points: usize,
    /// Number of starts that ended at the best point.
    pub starts_at_best: usize,
    /// The solver.
    pub solver: Solver,
    /// Starts from which the solver's line search failed.
    pub failed_starts: usize,
    /// Starts from which the solver ran to where the law's values are rounding, and which count for nothing.
    pub unresolved_starts: usize,
    /// The distinct optima, best first, ten at most.
    pub optima: Vec<LocalOptimum>,
    /// The best optimum there is, where a named procedure was followed that need not find it.
    pub reference: Option<Reference>,
    /// What repeated runs say of the noise, where the spec names what tells them.
    pub replicates: Option<Replicates>,
    /// Largest over smallest eigenvalue of the second derivatives of reweighted least squares, scaled to a unit diagonal.
    pub condition_number: Option<f64>,
    /// Why the law itself is in doubt, whatever its parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
    /// What a reader should know, in words.
    pub warnings: Vec<String>,
}

/// Why a law is in doubt, whatever its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// It explains the rows no better than their mean does.
    NoTrend,
    /// Its residuals are no scatter.
    LackOfFit,
}

impl Doubt {
    /// The doubt in words that stand next to an answer.
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
    /// The minimised sum there.
    pub objective: f64,
    /// Number of starts that ended there.
    pub starts: usize,
}

/// The best optimum of a fit, for comparison with the answer of a named procedure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    /// The minimised sum there, over all groups where they are fitted at once.
    pub objective: f64,
    /// The parameters there, in results those alone that the rows tell; of the first group, where groups are fitted at
    /// once.
    pub parameters: BTreeMap<String, f64>,
}

/// What repeated runs say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Replicates {
    /// Number of distinct configurations.
    pub configurations: usize,
    /// Pooled standard deviation of residuals within configurations: what the law cannot explain.
    pub pure_error: Option<f64>,
    /// Root mean square over configurations of their mean residual.
    pub misfit: f64,
}

/// How the fit does on rows it was not shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Holdout {
    /// Number of rows.
    pub rows: usize,
    /// Root mean square of ln(prediction / observation).
    pub rmse_log: f64,
    /// Mean of |prediction / observation - 1|.
    pub mean_relative_error: f64,
    /// Mean of ln(prediction / observation): negative where the law is optimistic.
    pub bias_log: f64,
    /// Share of rows inside their prediction interval; none without `uncertainty`.
    pub coverage: Option<f64>,
}

impl Holdout {
    /// What a reader should know where prediction intervals of a level miss too many of the held-out rows.
    pub fn too_narrow(&self, level: Option<f64>) -> Option<String> {
        let (coverage, level) = (self.coverage?, level?);
        // By more than chance would: two standard errors of a share.
        let slack = 2.0 * (level * (1.0 - level) / self.rows as f64).sqrt();
        (coverage < level - slack).then(|| {
            format!(
                "Its {:.0} % prediction intervals hold only {:.0} % of the {} held-out rows: they leave out the error of the law itself, so forecasts are less sure than they look.",
                100.0 * level,
                100.0 * coverage,
                self.rows
            )
        })
    }
}

/// Several laws for the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// The laws, the fit's own first.
    pub laws: Vec<Candidate>,
    /// The law to quote.
    pub quote: String,
    /// Why, in words.
    pub reason: String,
    /// Sizes, ten times the largest, at which the laws' forecasts are compared.
    pub ahead: BTreeMap<String, f64>,
    /// The laws' forecast there, weighted by their shares.
    pub stack: Option<Prediction>,
    /// What a reader should know.
    pub warnings: Vec<String>,
}

/// One law of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// Its name.
    pub law: String,
    /// Its free parameters; in results those alone that the rows tell.
    pub parameters: BTreeMap<String, f64>,
    /// The parameters that the rows do not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unidentified: Vec<String>,
    /// The minimised sum.
    pub objective: f64,
    /// Akaike's criterion, corrected for few rows, of residuals taken as normal (Hurvich and Tsai 1989).
    pub aicc: Option<f64>,
    /// The Bayesian information criterion of the same (Schwarz 1978).
    pub bic: f64,
    /// Root mean square of ln(prediction / observation) over rows left out in five parts.
    pub k_fold: Option<f64>,
    /// The same over what came later, each time only smaller runs were known.
    pub rolling_origin: Option<f64>,
    /// Its share of the stacked forecast.
    pub share: f64,
    /// Its forecast at ten times the largest sizes, where the rows tell it.
    pub ahead: Option<f64>,
}

/// Error of ln y below which no law is believed to forecast.
const LEAST_ERROR: f64 = 1e-9;

/// Forecasts of ln y, each with its share and its past error, as one: the interval is that of the mixture, which holds
/// their disagreement and their errors. None of nothing.
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
    // A law with a small share that is far off draws the mean, not the interval.
    Some(Prediction { value: exp(centre).clamp(lower, upper), lower, upper })
}

/// How a fit would have done on what came later, each time only smaller runs were known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Backtest {
    /// What the rows are ordered by.
    pub along: String,
    /// The origins: what was known at each, and how the law did on all that came later.
    pub folds: Vec<Fold>,
    /// How the law did over all origins, and by distance.
    pub law: Past,
    /// The same for the forecast of several laws, where there is one for these sizes.
    pub several_laws: Option<Past>,
}

/// One origin of a backtest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fold {
    /// The largest value that was known.
    pub up_to: f64,
    /// Number of rows that were known.
    pub fitted: usize,
    /// How the law did on the others.
    pub scored: Holdout,
}

/// How forecasts did over all origins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Past {
    /// Over all rows that were forecast.
    pub overall: Holdout,
    /// By how many times the largest known value they lay at.
    pub by_distance: Vec<Distance>,
    /// Each forecast, for a figure: distance, ln(prediction / observation), half-width of the interval in ln y.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<(f64, f64, Option<f64>)>,
}

impl Backtest {
    /// The summaries alone.
    #[must_use]
    pub fn without_points(mut self) -> Self {
        self.law.points.clear();
        self.several_laws.iter_mut().for_each(|past| past.points.clear());
        self
    }
}

/// How forecasts did at one distance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Distance {
    /// Lowest and highest multiple of the largest known value; the last has no end.
    pub from: f64,
    /// The end, if there is one.
    pub to: Option<f64>,
    /// How they did.
    pub scored: Holdout,
    /// Median half-width of the intervals, in ln y; none without intervals.
    pub half_width: Option<f64>,
}

/// The span of a variable over the rows that were fitted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// Smallest value.
    pub lowest: f64,
    /// Largest value.
    pub highest: f64,
}

impl Span {
    /// The span of values; none of nothing.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        values.into_iter().fold(None, |span, v| {
            Some(match span {
                None => Self { lowest: v, highest: v },
                Some(Self { lowest, highest }) => Self { lowest: lowest.min(v), highest: highest.max(v) },
            })
        })
    }

    /// The factor by which a value lies outside: 1 inside, and never infinite.
    ///
    /// Where the span or the value is not above zero there are no factors: what it leaves the span by, in widths of the
    /// span, is added to 1.
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
    /// Equally likely residuals, on the objective's scale, where the scatter is that of all rows together.
    pub residuals: Vec<f64>,
    /// How they change along a variable, where the rows say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trend: Option<NoiseTrend>,
    /// Whether the law is an envelope of the rows, around which no run scatters evenly.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub envelope: bool,
    /// What each draw of the parameters multiplies the residuals by; kept with the draws.
    #[serde(skip)]
    pub scatter: Vec<f64>,
}

impl Noise {
    /// One of the residuals, with the scatter of a draw of the parameters; nothing where there are none.
    pub fn draw(&self, draw: usize, random: &mut Random) -> f64 {
        if self.residuals.is_empty() {
            return 0.0;
        }
        self.scatter.get(draw).copied().unwrap_or(1.0) * self.residuals[random.below(self.residuals.len())]
    }
}

/// How the scatter of rows around a law changes along one of its variables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoiseTrend {
    /// The variable.
    pub variable: String,
    /// The scatter goes as this power of it.
    pub exponent: f64,
    /// Where the scatter is that of all rows together.
    pub even_at: f64,
    /// The variable over the fitted rows.
    pub span: Span,
    /// Every variable and every product of two over the fitted rows.
    pub seen: Vec<Seen>,
}

/// How far rows go in a variable, or in two together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Seen {
    /// The variable, or the two that are multiplied.
    pub product_of: Vec<String>,
    /// Its span.
    pub span: Span,
}

impl NoiseTrend {
    /// The scatter where the variables have these values, in units of that of all rows together.
    ///
    /// Beyond the rows nobody has seen it: what was more than usual at their end stays so, and what was less returns
    /// to the usual within a factor of ten, whichever variable, or product of two such as compute, leaves the rows.
    pub fn factor(&self, at: impl Fn(&str) -> Option<f64>) -> f64 {
        let Some(value) = at(&self.variable) else { return 1.0 };
        let seen = self.exponent * ln(value.clamp(self.span.lowest, self.span.highest) / self.even_at);
        let product = |names: &[String]| names.iter().map(|name| at(name)).product::<Option<f64>>();
        let beyond = self.seen.iter().filter_map(|seen| Some(seen.span.factor(product(&seen.product_of)?)));
        let beyond = beyond.fold(1.0, f64::max);
        exp(if seen < 0.0 { seen * (1.0 - ln(beyond) / ln(10.0)).max(0.0) } else { seen })
    }

    /// What a reader should know of it.
    pub fn describe(&self) -> String {
        let seen = |value: f64| exp(self.exponent * ln(value / self.even_at));
        let Span { lowest, highest } = self.span;
        format!(
            "The scatter of rows goes as {}^{:.2}: {:.2} times the usual at {lowest:.3e}, {:.2} times at {highest:.3e}. Intervals of a new run take it so; beyond the rows it is taken to be no less than usual from ten times on.",
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
    /// The law's name.
    pub law: String,
    /// Its formula.
    pub formula: String,
    /// Number of rows fitted.
    pub rows: usize,
    /// The minimised sum; none where there are no rows.
    pub objective: Option<f64>,
    /// What was minimised, in words.
    pub objective_kind: String,
    /// Scale on which residuals were taken.
    pub scale: ResponseScale,
    /// Values of the free parameters, in the order of the law.
    pub free: Vec<f64>,
    /// The parameters by name.
    pub parameters: BTreeMap<String, Estimate>,
    /// Why the optimum can be believed, or not.
    pub evidence: Evidence,
    /// How it does on rows it was not shown.
    pub holdout: Option<Holdout>,
    /// How it would have done in the past.
    pub backtest: Option<Backtest>,
    /// The other laws that are fitted to the same rows.
    pub choice: Option<Choice>,
    /// Regions in which two parameters lie together, where some were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<Region>,
    /// Where intervals come from, in words.
    pub uncertainty: Option<String>,
    /// Coverage of the intervals.
    pub level: Option<f64>,
    /// The span of each variable over the fitted rows, by name.
    pub spans: BTreeMap<String, Span>,
    /// Pairs of variables whose ratio hardly varies over the rows.
    pub rays: Vec<Ray>,
    /// Directions of the free parameters in which the rows do not object, by coordinates: logarithms of parameters whose
    /// scale is `log`. What an answer gains along one of them, the rows do not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flat: Vec<Vec<f64>>,
    /// The scatter of a new row.
    pub noise: Noise,
    /// The ends of what the response can be, where it is a share of a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// The least and the largest response of the fitted rows; none where none are fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<[f64; 2]>,
    /// Number of draws of the free parameters.
    pub draws: usize,
    /// The column by whose values rows were fitted in groups.
    pub by: Option<String>,
    /// The fit of each group, by the column's value.
    pub groups: BTreeMap<GroupName, Fit>,
}

impl Fit {
    /// The fits that have parameters of their own: the groups with their names, or the fit itself.
    pub fn members(&self) -> Vec<(Option<&str>, &Self)> {
        if self.groups.is_empty() {
            vec![(None, self)]
        } else {
            self.groups.iter().map(|(group, fit)| (Some(group.0.as_str()), fit)).collect()
        }
    }

    /// The draws of each member, from the bytes of the artifact; each member keeps the scatter that goes with its own.
    pub fn read_draws(&mut self, bytes: &[u8]) -> Vec<Vec<Vec<f64>>> {
        let mut values =
            bytes.chunks_exact(8).map(|chunk| f64::from_le_bytes(<[u8; 8]>::try_from(chunk).unwrap_or_default()));
        let members: Vec<&mut Self> =
            if self.groups.is_empty() { vec![self] } else { self.groups.values_mut().collect() };
        let read = |fit: &mut Self| {
            let size = if fit.free.is_empty() { 0 } else { fit.draws };
            let draw = |_| {
                let free = values.by_ref().take(fit.free.len()).collect();
                fit.noise.scatter.extend(values.next());
                free
            };
            (0..size).map(draw).collect()
        };
        members.into_iter().map(read).collect()
    }
}

/// Two variables that move together, so that the rows cannot tell one from the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ray {
    /// The first variable.
    pub first: String,
    /// The second.
    pub second: String,
    /// The span of second / first.
    pub ratio: Span,
}
