//! lawfit: neural scaling-law studies from a spec file.

pub mod answer;
pub mod artifact;
pub mod cli;
pub mod dataset;
pub mod diagnostic;
pub mod engine;
pub mod evidence;
pub mod expr;
pub mod fit;
pub mod law;
pub mod numerics;
pub mod objective;
pub mod plan;
pub mod problem;
pub mod quantity;
pub mod query;
pub mod report;
pub mod solver;
pub mod source;
pub mod spec;
pub mod stage;
pub mod store;
pub mod uncertainty;
pub mod unit;
