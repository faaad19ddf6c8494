//! The minimum of a response over one variable.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::extremum::{End, Over, of_end};

/// The value of a variable at which the response is lowest, and the response there: `{ over = "D" }`.
///
/// For parabolas in ln D, one for each budget, this is the minimum that the isoFLOP method uses (Hoffmann et al.
/// 2022, Approach 2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Minimum(pub Over);

of_end!(Minimum, End::Lowest);
