//! Parameters of a fit with their uncertainty.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// The profile of a parameter: how much the objective rises if the parameter is held at other values and all others
/// are fitted again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileCurve {
    /// The parameter.
    pub parameter: String,
    /// Coverage of the interval.
    pub level: f64,
    /// The rise at which the interval ends: the quantile of F(1, n - p).
    pub threshold: f64,
    /// Whether the curve ends above the threshold on the lower and on the upper side; where it does not, the rows set no
    /// limit.
    pub closed: [bool; 2],
    /// Points in ascending order, the estimate among them: the parameter's value, and the rise of the objective above
    /// its minimum in units of half its dispersion. For least squares the rise is that of the sum of squares over the
    /// variance of the residuals, the square of the profile t of Bates and Watts (1988).
    pub points: Vec<[f64; 2]>,
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
