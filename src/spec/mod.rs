//! The types of a spec and the positions of its values in the file.
//!
//! The types carry no positions. Errors carry a path, and [`Places`] finds the bytes of the path when an error is
//! shown.

mod brackets;
mod compose;
mod decode;
mod design;
mod document;
mod fit;
mod foreign;
mod indentation;
mod law;
mod node;
mod place;
mod query;
mod question;
mod reading;
mod report;
mod rows;
mod schema;
mod source;
mod text;
mod written;
mod yaml;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub use compose::{Base, plain_name};
pub(crate) use decode::UNKNOWN_KEY;
pub use design::Design;
pub use fit::{Backtest, Fit, Sensitivity};
pub use law::{CostSpec, LawDomains, LawSpec, LawVariables};
pub use node::{Format, MAX_BYTES, Node};
pub use place::Places;
pub use query::Query;
pub use question::{ASKED, question};
pub use reading::{Reading, read, read_at, read_over};
pub use report::{Expectation, Report, report_options};
pub use rows::{Filter, Rule, Table};
pub use schema::{schema, schema_of_whole_specs};
pub use source::{Column, ColumnTable, Schedule, Source};
pub use text::GroupsAsked;

/// The version of the spec language that this version of lawfit reads.
pub const SPEC_VERSION: u64 = 1;

/// A scaling-law study: data sources, filters, laws, fits, queries, expectations and the report.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Version of the spec language: 1.
    pub spec: u64,
    /// Another spec that this one extends; the path is relative to this file. Tables are merged; any other value in
    /// this file replaces that of the base.
    #[serde(default)]
    pub extends: Option<String>,
    /// Fits and queries that are repeated for every combination of listed values.
    #[serde(default)]
    pub matrix: Matrix,
    /// Title, references and seed of the study.
    pub study: Study,
    /// Where observations come from, by name.
    #[serde(default)]
    pub sources: BTreeMap<String, Source>,
    /// Rows of a source after processing steps, by name.
    #[serde(default)]
    pub tables: BTreeMap<String, Table>,
    /// Which rows of a source or table are used, by name.
    #[serde(default)]
    pub filters: BTreeMap<String, Filter>,
    /// Laws of the catalogue with changes, or your own formulas, by name.
    #[serde(default)]
    pub laws: BTreeMap<String, LawSpec>,
    /// Training costs, by name. A single cost applies to all fits. Without any, training costs 6 FLOP per parameter
    /// and token.
    #[serde(default)]
    pub costs: BTreeMap<String, CostSpec>,
    /// Laws fitted to rows, by name.
    #[serde(default)]
    pub fits: BTreeMap<String, Fit>,
    /// Questions answered by fits, by name.
    #[serde(default)]
    pub queries: BTreeMap<String, Query>,
    /// Which runs to train next, by name.
    #[serde(default)]
    pub designs: BTreeMap<String, Design>,
    /// Variations of a fit, by the name of the fit. They show how much other choices change its answers.
    #[serde(default)]
    pub sensitivity: BTreeMap<String, Sensitivity>,
    /// Conditions that the results must meet.
    #[serde(default)]
    pub expect: Vec<Expectation>,
    /// The report options.
    #[serde(default)]
    pub report: Report,
}

/// Entries that are repeated for every combination of listed values, before types are read.
///
/// `[matrix.fits.main]` with `law = ["hoffmann", "kaplan_nd"]` and `objective.huber.delta = [1e-3, 1e-2]` makes four
/// fits, the first named `main[law=hoffmann,delta=0.001]`, and four copies of each query of `main`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// Lists of values for settings, by the name of a fit.
    #[serde(default)]
    pub fits: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    /// Lists of values for settings, by the name of a query.
    #[serde(default)]
    pub queries: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
}

/// Title, references and seed of a study.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Title of the report.
    pub title: String,
    /// Works that the study builds on: "arXiv:2203.15556", a URL, a citation.
    #[serde(default)]
    pub references: Vec<String>,
    /// A paragraph at the top of the report.
    #[serde(default)]
    pub summary: Option<String>,
    /// Seed of all random numbers.
    #[serde(default)]
    pub seed: u64,
}

#[cfg(test)]
mod tests;
