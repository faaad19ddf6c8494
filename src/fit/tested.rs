//! Errors of a fit on rows that it was not fitted to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

impl Backtest {
    /// The summaries without the points.
    #[must_use]
    pub fn without_points(mut self) -> Self {
        self.law.points.clear();
        self.several_laws.iter_mut().for_each(|past| past.points.clear());
        self
    }
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
