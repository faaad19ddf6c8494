//! lawfit: neural scaling-law studies from a spec file.
//!
//! A spec declares data sources, filters, laws, fits, queries and expectations. It is parsed into plain types
//! ([`spec`]) and compiled to a graph of stages ([`plan`]). The engine ([`engine`]) takes each stage from a
//! content-addressed store ([`store`]) or runs it ([`stage`]). Laws ([`law`]) are data: a formula that is compiled to
//! a tape with exact derivatives. Only [`cli`] prints.

pub mod answer;
pub mod artifact;
pub mod changes;
pub mod cli;
pub mod dataset;
pub mod design;
pub mod diagnostic;
pub mod engine;
pub mod evidence;
pub mod expectation;
pub mod expr;
pub mod file;
pub mod fit;
pub mod forecast;
pub mod law;
pub mod live;
pub mod lock;
pub mod numeral;
pub mod numerics;
pub mod objective;
pub mod order;
pub mod plan;
pub mod plausible;
pub mod problem;
pub mod quantity;
pub mod query;
mod registry;
pub mod report;
pub mod schedule;
pub mod search;
pub mod separated;
pub mod solver;
pub mod source;
pub mod spec;
pub mod stage;
pub mod store;
pub mod summary;
pub mod table;
pub mod texts;
pub mod uncertainty;
pub mod unit;
pub mod warning;
pub mod watch;
pub mod web;
