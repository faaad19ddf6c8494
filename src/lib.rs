//! lawfit: neural scaling-law studies from a spec file.

pub mod answer;
pub mod dataset;
pub mod diagnostic;
pub mod evidence;
pub mod expr;
pub mod fit;
pub mod law;
pub mod numerics;
pub mod objective;
pub mod problem;
pub mod query;
pub mod quantity;
pub mod report;
pub mod solver;
pub mod source;
pub mod spec;
pub mod uncertainty;
pub mod unit;
