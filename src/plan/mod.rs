//! Compiles specs into a plan: a graph of stages with all names resolved and all settings decided.
//!
//! Only this folder uses petgraph.

mod check;
mod chunks;
mod columns;
mod compile;
mod converted;
mod costs;
mod designs;
mod expectations;
mod files;
mod filters;
mod fingerprint;
mod fits;
mod graph;
mod laws;
mod limits;
mod live;
mod located;
mod names;
mod part;
mod queries;
mod scope;
mod sensitivity;
mod shards;
mod sources;
mod spec_file;
mod tables;
mod used;

pub use chunks::{Chunk, chunks};
pub use compile::{Compiled, CompiledSpec, PlannedReport, compile, compile_asking};
pub use fingerprint::{Fingerprint, input_digest};
pub use graph::{Edge, Input, Plan, PlanStage, StageId, StageIndex};
pub use live::{LiveSource, live_sources, lock_path};
pub use part::{BrokenPart, Part};
pub use scope::Allowed;
pub use spec_file::SpecFile;
