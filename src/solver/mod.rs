//! What minimises an objective, all hosted by argmin; the only folder that names it.

mod newton;
mod projection;
mod scalar;
mod search;

pub use newton::{Minimum, Status, newton};
pub use scalar::{ScalarError, minimise, root};
pub use search::{Cancelled, Optimum, Search, search};
