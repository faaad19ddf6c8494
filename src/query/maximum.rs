//! The maximum of a response over one variable.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::extremum::{End, Over, of_end};

/// The value of a variable at which the response is highest, and the response there: `{ over = "lr" }`, as for an
/// accuracy or a reward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Maximum(pub Over);

of_end!(Maximum, End::Highest);
