//! From specs to a plan: every decision made, every name resolved, a graph of stages.
//!
//! The only folder that names petgraph.

mod check;
mod compile;
mod fingerprint;
mod graph;
mod laws;

pub use compile::{Compiled, SpecFile, compile};
pub use fingerprint::{Fingerprint, input_digest};
pub use graph::{Edge, Plan, PlanStage, StageId};
