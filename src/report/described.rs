//! Names, words and origins that a report takes from the spec, because the results do not have them.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::law::{Law, Roles};
use crate::query::Question;
use crate::unit::{Counts, Dimension, Unit};

/// Names, words and origins that a report takes from the spec.
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
    /// What the author concludes, with names of numbers in braces.
    pub statements: Vec<String>,
    /// The answer that the author recommends: a query, and its row from 0.
    pub answer: Option<(String, usize)>,
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
    /// The other laws that are fitted to the same rows.
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
    /// The roles of the variables that it names.
    #[serde(skip_serializing_if = "Roles::are_usual")]
    pub roles: Roles,
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
    /// Those of two fits that are compared.
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

/// What happens where an expectation fails.
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
    /// Whether a failure ends the run with an error or only warns.
    pub severity: Severity,
    /// Why.
    pub because: Option<String>,
}

impl Described {
    /// What decides the results besides the artifacts.
    pub fn fingerprint_of_results(&self) -> serde_json::Value {
        let fits = self.fits.iter().map(|fit| {
            serde_json::json!({
                "name": fit.name, "law": fit.law.form_fingerprint(), "law_name": fit.law.name, "by": fit.by,
                "units": fit.units,
            })
        });
        serde_json::json!({
            "title": self.title,
            "references": self.references,
            "seed": self.seed,
            "tables": self.tables,
            "filters": self.filters,
            "fits": fits.collect::<Vec<_>>(),
            "queries": self.queries,
            "sensitivity": self.sensitivity,
            "expectations": self.expectations,
            "statements": self.statements,
            "answer": self.answer,
        })
    }

    /// What decides what is rendered besides results, artifacts and options.
    pub fn fingerprint_of_render(&self) -> serde_json::Value {
        let fits = self.fits.iter().map(|fit| {
            serde_json::json!({
                "name": fit.name, "law": fit.law.form_fingerprint(), "law_name": fit.law.name,
                "caution": fit.law.caution,
                "meanings": fit.law.parameters.iter().map(|p| &p.meaning).collect::<Vec<_>>(),
                "variables": fit.law.variables.iter().map(|v| (&v.name, v.unit, &v.meaning)).collect::<Vec<_>>(),
                "rows": fit.rows, "holdout": fit.holdout, "by": fit.by, "units": fit.units,
            })
        });
        serde_json::json!({
            "summary": self.summary,
            "sources": self.sources,
            "tables": self.tables,
            "filters": self.filters,
            "fits": fits.collect::<Vec<_>>(),
            "queries": self.queries,
        })
    }

    /// A fit in words.
    pub fn fit(&self, name: &str) -> Option<&DescribedFit> {
        self.fits.iter().find(|f| f.name == name)
    }

    /// A query in words.
    pub fn query(&self, name: &str) -> Option<&DescribedQuery> {
        self.queries.iter().find(|query| query.name == name)
    }

    /// What a variable, or an output of a question that is named after one, measures to a fit; none where nothing says.
    pub fn dimension(&self, fit: &str, name: &str) -> Option<Dimension> {
        self.fit(fit).and_then(|fit| fit.dimension(name).or_else(|| fit.law.roles.dimension(name)))
    }
}

impl DescribedFit {
    /// What a variable measures, by the law or by the column that gives it.
    pub fn dimension(&self, name: &str) -> Option<Dimension> {
        let of_law = self.law.variable(name).and_then(|index| self.law.variables[index].unit);
        of_law.or_else(|| self.units.get(name).copied()).map(|unit| unit.dimension)
    }
}

impl DescribedQuery {
    /// The names of its outputs in the study, in the order in which they are shown.
    pub fn outputs(&self) -> Vec<String> {
        self.question.kind().outputs().iter().map(|name| self.roles.named(name)).collect()
    }

    /// The output that an answer is quoted by: its first.
    pub fn quoted(&self) -> String {
        self.question.kind().outputs().first().map_or_else(String::new, |name| self.roles.named(name))
    }

    /// The variable whose values an output has: the one that is solved for or varied, else the output's own name.
    pub fn variable_of<'a>(&'a self, output: &'a str) -> &'a str {
        match (&self.question, output) {
            (Question::Reach(reach) | Question::Threshold(crate::query::Threshold(reach)), "solution") => &reach.solve,
            (Question::Minimum(minimum), "at") => &minimum.over,
            _ => output,
        }
    }
}
