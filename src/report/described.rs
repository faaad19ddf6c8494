//! Names, descriptions and origins from the spec, which the results do not contain.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::expectation::Expected;
use crate::law::{Law, Roles};
use crate::query::{Question, SubjectTo};
use crate::unit::{Counts, Dimension, Unit};

/// Names, descriptions and origins from the spec.
#[derive(Clone, Debug)]
pub struct Described {
    /// Title of the study.
    pub title: String,
    /// A paragraph about the study.
    pub summary: Option<String>,
    /// References.
    pub references: Vec<String>,
    /// Seed of all random numbers.
    pub seed: u64,
    /// The spec as canonical TOML, with its base and its matrix expanded.
    pub spec: String,
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
    /// Variations of fits.
    pub sensitivity: Vec<DescribedVariation>,
    /// Expectations.
    pub expectations: Vec<Expected>,
    /// Conclusions of the author, with names of numbers in braces.
    pub statements: Vec<String>,
    /// The answer that the author recommends: a query, and its row counted from 0.
    pub answer: Option<(String, usize)>,
    /// Significant digits of answers in sentences and tables.
    pub digits: usize,
}

/// Description of a table.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedTable {
    /// Its name.
    pub name: String,
    /// Its source or table.
    pub from: String,
    /// Its steps: kind and description.
    pub steps: Vec<(String, String)>,
}

/// Description of a source.
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

/// Description of a variable.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedVariable {
    /// Its name.
    pub name: String,
    /// Its column, or `= expression`.
    pub from: String,
    /// The unit of its column.
    pub unit: Option<Unit>,
    /// Which parameters it counts.
    pub counts: Option<Counts>,
}

/// Description of a filter.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedFilter {
    /// Its name.
    pub name: String,
    /// Its source.
    pub source: String,
    /// Its rules with their reasons.
    pub rules: Vec<(String, Option<String>)>,
}

/// Description of a fit.
#[derive(Clone, Debug)]
pub struct DescribedFit {
    /// Its name.
    pub name: String,
    /// Its law.
    pub law: Arc<Law>,
    /// Its law with the variables of the training cost added, for budgets.
    pub priced: Arc<Law>,
    /// Its rows.
    pub rows: Option<String>,
    /// The condition of held-out rows.
    pub holdout: Option<String>,
    /// The column that defines groups.
    pub by: Option<String>,
    /// Other laws that are fitted to the same rows.
    pub alternatives: Vec<Arc<Law>>,
    /// The units in which the columns of its rows are stored, by variable.
    pub units: BTreeMap<String, Unit>,
    /// Sentences about numbers of the spec that may mean something else than what was written.
    pub doubts: Vec<String>,
}

/// Description of a query.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedQuery {
    /// Its name.
    pub name: String,
    /// Its fit.
    pub fit: String,
    /// The query itself.
    pub question: Question,
    /// Roles of the variables that it names.
    #[serde(skip_serializing_if = "Roles::are_usual")]
    pub roles: Roles,
    /// What its answers must keep to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_to: Option<SubjectTo>,
    /// The laws that answer it.
    pub by: AnsweredBy,
}

impl DescribedQuery {
    /// Sorts the names of inputs: model size, data and compute, then other variables by name.
    pub(super) fn order<'a, T>(&self, inputs: impl IntoIterator<Item = (&'a String, T)>) -> Vec<(&'a String, T)> {
        let decided = self.roles.decided();
        let place = |name: &str| decided.iter().position(|known| *known == name).unwrap_or(decided.len());
        let mut all: Vec<(&String, T)> = inputs.into_iter().collect();
        all.sort_by_key(|(name, _)| place(name));
        all
    }
}

/// The laws that answer a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// The law of its fit.
    Law,
    /// The law of its fit, with one variable from the law of another fit.
    Chain,
    /// The laws of two fits that are compared.
    Two,
    /// A number of laws that were fitted to the same rows, stacked.
    Stack(usize),
    /// Several laws of lawfit, weighted by their past forecast errors.
    Several,
}

impl AnsweredBy {
    /// Description of the laws.
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

/// Description of a variation of a fit.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedVariation {
    /// The fit.
    pub fit: String,
    /// The changed choice.
    pub choice: String,
    /// Whether there is one variation for each group of rows that is left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub leave_out: bool,
    /// Queries that are answered again.
    pub queries: Vec<VariedQuery>,
}

/// A query that is answered again by a varied fit.
#[derive(Clone, Debug, Serialize)]
pub struct VariedQuery {
    /// The query.
    pub query: String,
    /// The role of its answer among the report's inputs.
    pub role: String,
}

impl Described {
    /// The names of rows and of what they are made from: a filter, its table, that table's source.
    pub(super) fn above<'a>(&'a self, rows: &'a str) -> Vec<&'a str> {
        let mut all = vec![rows];
        let from = |name: &str| {
            let filter = self.filters.iter().find(|filter| filter.name == name).map(|filter| filter.source.as_str());
            filter.or_else(|| self.tables.iter().find(|table| table.name == name).map(|table| table.from.as_str()))
        };
        // A filter can have the name of its source.
        while let Some(next) = all.last().and_then(|last| from(last)).filter(|next| !all.contains(next)) {
            all.push(next);
        }
        all
    }

    /// Everything apart from artifacts that determines the results.
    pub fn fingerprint_of_results(&self) -> serde_json::Value {
        let fits = self.fits.iter().map(|fit| {
            let mut settings = serde_json::json!({
                "name": fit.name, "law": fit.law.form_fingerprint(), "law_name": fit.law.name, "by": fit.by,
                "units": fit.units, "rows": fit.rows,
            });
            if !fit.doubts.is_empty() {
                settings["doubts"] = fit.doubts.clone().into();
            }
            settings
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

    /// Everything apart from results, artifacts and options that determines the rendered report.
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
            "spec": self.spec,
            "sources": self.sources,
            "tables": self.tables,
            "filters": self.filters,
            "fits": fits.collect::<Vec<_>>(),
            "queries": self.queries,
        })
    }

    /// The description of a fit.
    pub fn fit(&self, name: &str) -> Option<&DescribedFit> {
        self.fits.iter().find(|f| f.name == name)
    }

    /// The name of the source or table that has the rows of a fit: that of their filter, or the same name.
    pub fn source_of<'a>(&'a self, rows: &'a str) -> &'a str {
        self.filters.iter().find(|filter| filter.name == rows).map_or(rows, |filter| filter.source.as_str())
    }

    /// The description of a query.
    pub fn query(&self, name: &str) -> Option<&DescribedQuery> {
        self.queries.iter().find(|query| query.name == name)
    }

    /// The dimension of a variable, or of an output named after one, for a fit; `None` where it is unknown.
    pub fn dimension(&self, fit: &str, name: &str) -> Option<Dimension> {
        self.fit(fit).and_then(|fit| fit.dimension(name).or_else(|| fit.law.roles.dimension(name)))
    }
}

impl DescribedFit {
    /// The dimension of a variable, from the law or from its column.
    pub fn dimension(&self, name: &str) -> Option<Dimension> {
        let of_law = self.law.variable(name).and_then(|index| self.law.variables[index].unit);
        of_law.or_else(|| self.units.get(name).copied()).map(|unit| unit.dimension)
    }
}

impl DescribedQuery {
    /// The names of its outputs in the study, in display order.
    pub fn outputs(&self) -> Vec<String> {
        self.question.member().outputs().iter().map(|name| self.roles.named(name)).collect()
    }

    /// The output by which an answer is quoted: the first one.
    pub fn quoted(&self) -> String {
        self.question.member().outputs().first().map_or_else(String::new, |name| self.roles.named(name))
    }

    /// The variable whose values an output has: the one that is solved for or varied, else the output itself.
    pub fn variable_of<'a>(&'a self, output: &'a str) -> &'a str {
        self.question.member().variable_of(output).unwrap_or(output)
    }
}
