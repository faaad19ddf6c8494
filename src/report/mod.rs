//! What people read: results as JSON, HTML, Markdown and LaTeX, with figures.
//!
//! A format takes a [`Page`] and gives bytes; where they go is not its affair.

mod answers;
mod figures;
mod notes;
mod results;
mod sensitivity;
mod svg;
mod typeset;
mod words;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use figures::{FitData, draw};
pub use notes::Note;
pub use results::{
    DroppedRows, ExpectationResult, FilterResult, FitResult, PARTS, QueryResult, Results, SourceResult, StepResult,
    StudyResult, TableResult, names_of_fit, names_of_query, results_schema,
};
pub use sensitivity::{SensitivityResult, VariedAnswer};
pub use typeset::plain as typeset_plain;
pub use words::answer_in_words;
pub use writer::{FIGURE, ReportFormat, WriteError, Writer, mark_stale, write};

use crate::law::Law;
use crate::query::Question;
use crate::unit::{Counts, Unit};

/// What a spec says that results do not hold: names, words, where things come from.
#[derive(Clone, Debug)]
pub struct Described {
    /// Title of the study.
    pub title: String,
    /// A paragraph on it.
    pub summary: Option<String>,
    /// What it builds on.
    pub references: Vec<String>,
    /// Seed of everything random.
    pub seed: u64,
    /// The sources.
    pub sources: Vec<DescribedSource>,
    /// The tables.
    pub tables: Vec<DescribedTable>,
    /// The filters.
    pub filters: Vec<DescribedFilter>,
    /// The fits.
    pub fits: Vec<DescribedFit>,
    /// The queries.
    pub queries: Vec<DescribedQuery>,
    /// Fits made in other ways.
    pub sensitivity: Vec<DescribedVariation>,
    /// What must hold.
    pub expectations: Vec<Expected>,
    /// The formats to write.
    pub formats: BTreeSet<ReportFormat>,
}

/// A table in words.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedTable {
    /// Its name.
    pub name: String,
    /// The source or table whose rows it takes.
    pub from: String,
    /// Its steps: the kind of each, and what it does in words.
    pub steps: Vec<(String, String)>,
}

/// A source in words.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedSource {
    /// Its name.
    pub name: String,
    /// Its path or URL, as written.
    pub location: String,
    /// Its files.
    pub files: Vec<String>,
    /// Its variables.
    pub variables: Vec<DescribedVariable>,
}

/// A variable in words.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedVariable {
    /// Its name.
    pub name: String,
    /// Its column, or `= expression`.
    pub from: String,
    /// The unit its column is written in.
    pub unit: Option<Unit>,
    /// Which parameters it counts.
    pub counts: Option<Counts>,
}

/// A filter in words.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedFilter {
    /// Its name.
    pub name: String,
    /// Its source.
    pub source: String,
    /// Its rules and why.
    pub rules: Vec<(String, Option<String>)>,
}

/// A fit in words.
#[derive(Clone, Debug)]
pub struct DescribedFit {
    /// Its name.
    pub name: String,
    /// Its law.
    pub law: Arc<Law>,
    /// Its rows.
    pub rows: Option<String>,
    /// What is held out.
    pub holdout: Option<String>,
    /// The column by whose values rows are fitted in groups.
    pub by: Option<String>,
    /// The laws that are fitted beside its own.
    pub alternatives: Vec<Arc<Law>>,
    /// The units in which the columns of its rows are kept, by variable.
    pub units: BTreeMap<String, Unit>,
}

/// A query in words.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedQuery {
    /// Its name.
    pub name: String,
    /// Its fit.
    pub fit: String,
    /// The question.
    pub question: Question,
    /// The laws that answer it.
    pub by: AnsweredBy,
}

/// The laws that answer a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// That of its fit alone.
    Law,
    /// That of its fit, one of its variables given by the law of another.
    Chain,
    /// Those of two fits, beside each other.
    Two,
    /// So many laws that were fitted to the same rows, stacked.
    Stack(usize),
    /// Several of lawfit's own, weighted by how they forecast before.
    Several,
}

impl AnsweredBy {
    /// The laws in words.
    pub fn describe(&self) -> String {
        match self {
            Self::Law => "one law".to_owned(),
            Self::Chain => "a chain of two laws".to_owned(),
            Self::Two => "two laws compared".to_owned(),
            Self::Stack(count) => format!("{count} laws stacked"),
            Self::Several => "several laws".to_owned(),
        }
    }
}

/// A fit made in another way, in words.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedVariation {
    /// The fit.
    pub fit: String,
    /// What is different.
    pub choice: String,
    /// Whether it is one for each group of rows, which is left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub leave_out: bool,
    /// The queries that are asked again.
    pub queries: Vec<VariedQuery>,
}

/// A query that is asked again of a fit made in another way.
#[derive(Clone, Debug, Serialize)]
pub struct VariedQuery {
    /// The query.
    pub query: String,
    /// The role of its answer among the report's inputs.
    pub role: String,
}

/// What it is for an expectation to fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The run ends with 6.
    #[default]
    Error,
    /// The run says so.
    Warn,
}

/// An expectation, in canonical spelling.
#[derive(Clone, Debug, Serialize)]
pub struct Expected {
    /// The condition.
    pub that: String,
    /// What it is to fail.
    pub severity: Severity,
    /// Why.
    pub because: Option<String>,
}

/// A figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its file's name.
    pub file: String,
    /// The fit it shows.
    pub fit: String,
    /// What it shows, in a sentence or two.
    pub caption: String,
    /// The picture.
    pub svg: String,
}

/// Everything a format needs.
#[derive(Clone, Debug)]
pub struct Page {
    /// The results.
    pub results: Results,
    /// The figures.
    pub figures: Vec<Figure>,
    /// Number of fits that are not drawn, because they are too many.
    pub undrawn: usize,
    /// Names and words.
    pub described: Arc<Described>,
}

impl Described {
    /// What decides the report besides the artifacts.
    pub fn fingerprint(&self) -> serde_json::Value {
        let fits: Vec<serde_json::Value> = self
            .fits
            .iter()
            .map(|f| serde_json::json!({ "name": f.name, "law": f.law.form_fingerprint(), "law_name": f.law.name, "caution": f.law.caution, "meanings": f.law.parameters.iter().map(|p| &p.meaning).collect::<Vec<_>>(), "rows": f.rows, "holdout": f.holdout, "by": f.by, "units": f.units }))
            .collect();
        serde_json::json!({
            "title": self.title,
            "summary": self.summary,
            "references": self.references,
            "seed": self.seed,
            "sources": self.sources,
            "tables": self.tables,
            "filters": self.filters,
            "fits": fits,
            "queries": self.queries,
            "sensitivity": self.sensitivity,
            "expectations": self.expectations,
            "formats": self.formats,
        })
    }

    /// A fit in words.
    pub fn fit(&self, name: &str) -> Option<&DescribedFit> {
        self.fits.iter().find(|f| f.name == name)
    }
}
