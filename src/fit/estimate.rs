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
