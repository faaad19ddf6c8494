//! Methods that draw parameters, one per file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Draws, Fitted};
use crate::registry::registry;
use crate::watch::Cancelled;

registry! {
    /// The method of uncertainty, from which intervals come.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub enum Uncertainty of dyn Method {
        /// Refits of resampled rows.
        bootstrap::Bootstrap,
        /// The curvature of the objective and the spread of the residuals.
        sandwich::Sandwich,
        /// Refits of the same design with resampled residuals.
        residual::Residual,
        /// Refits with the residuals of each run multiplied by random signs and factors.
        wild::Wild,
        /// A sample of all parameters that are consistent with the rows, from every valley.
        posterior::Posterior,
        /// The distance over which each parameter can move before the objective rises too much.
        profile::Profile,
        /// A method selected by the number of rows, and compared with a second method.
        auto::Auto,
    }
}

/// A method that draws parameters.
pub trait Method {
    /// Number of draws, with the name of its key.
    fn count(&self) -> (&'static str, usize);

    /// Coverage of the intervals.
    fn level(&self) -> f64;

    /// Pairs of parameters whose joint region is drawn.
    fn pairs(&self) -> &[[String; 2]] {
        &[]
    }

    /// The method in words, for reports.
    fn describe(&self) -> String;

    /// Draws parameters.
    ///
    /// # Errors
    /// The run was cancelled.
    fn draw(&self, fitted: &Fitted<'_>) -> Result<Draws, Cancelled>;

    /// Computes the refits of [`Fitted::division`] alone; a recorder keeps them. A method that also computes other
    /// things leaves them out here.
    ///
    /// # Errors
    /// The run was cancelled.
    fn refit(&self, fitted: &Fitted<'_>) -> Result<(), Cancelled> {
        self.draw(fitted).map(drop)
    }

    /// Revision of what the method computes in addition to its refits. It is added to that of fits.
    fn rev(&self) -> u32 {
        0
    }
}

impl Uncertainty {
    /// The settings that determine a single refit: all except the number of refits and the level of intervals.
    pub fn settings_of_refit(&self) -> serde_json::Value {
        let mut settings = serde_json::to_value(self).unwrap_or_default();
        if let Some(own) = settings.get_mut(self.name()).and_then(serde_json::Value::as_object_mut) {
            own.remove(self.member().count().0);
            own.remove("level");
        }
        settings
    }
}

/// Default coverage of intervals.
pub(crate) const fn default_level() -> f64 {
    0.9
}

/// Default number of draws.
pub(crate) const fn default_draws() -> usize {
    2000
}

/// Default number of resamples.
pub(crate) const fn default_resamples() -> usize {
    1000
}
