//! The answers of a query as a table: the same columns in every format.

use serde_json::{Map, Value};

use super::{Described, DescribedQuery, QueryResult, words};

/// A query's answers.
pub(super) struct AnswerTable<'a> {
    /// Whether rows belong to groups.
    pub(super) has_groups: bool,
    /// The names of what was asked.
    pub(super) inputs: Vec<&'a str>,
    /// The names of what was found.
    pub(super) outputs: Vec<&'static str>,
    /// The rows.
    pub(super) rows: Vec<AnswerRow<'a>>,
}

/// One answer.
pub(super) struct AnswerRow<'a> {
    /// The group it is of; empty where there are none.
    pub(super) group: &'a str,
    /// What was asked, in the order of the inputs; none where this row leaves one open.
    pub(super) given: Vec<Option<f64>>,
    /// What was found, in the order of the outputs; none where there is no number.
    pub(super) found: Vec<Option<&'a Value>>,
    /// How it stands.
    pub(super) standing: String,
    /// The verdict, as results have it.
    pub(super) verdict: &'a str,
}

impl<'a> AnswerTable<'a> {
    /// The table; none of no rows.
    pub(super) fn of(query: &DescribedQuery, result: &'a QueryResult) -> Option<Self> {
        result.rows.first()?;
        // Rows of one query may be asked by different variables, as the points of a curve are.
        let mut inputs: Vec<&str> = Vec::new();
        for (name, _) in result.rows.iter().flat_map(words::inputs) {
            if !inputs.contains(&name.as_str()) {
                inputs.push(name);
            }
        }
        let outputs = query.question.kind().outputs().iter().copied();
        let outputs: Vec<&str> = outputs.filter(|name| result.rows.iter().any(|row| row.contains_key(*name))).collect();
        let row = |row: &'a Map<String, Value>| AnswerRow {
            group: words::group(row).unwrap_or_default(),
            given: inputs.iter().map(|name| row.get(*name).and_then(Value::as_f64)).collect(),
            found: outputs.iter().map(|name| row.get(*name).filter(|cell| !cell["value"].is_null())).collect(),
            standing: words::standing(row),
            verdict: row["reach"]["verdict"].as_str().unwrap_or_default(),
        };
        let has_groups = result.rows.iter().any(|row| words::group(row).is_some());
        let rows = result.rows.iter().map(row).collect();
        Some(Self { has_groups, inputs, outputs, rows })
    }
}

/// What an output is called: a response by its own name.
pub(super) fn heading(described: &Described, query: &DescribedQuery, output: &str) -> String {
    let response = described.fit(&query.fit).map_or("loss", |about| about.law.response.as_str());
    match output.strip_suffix("loss") {
        Some("") => response.to_owned(),
        Some(which) if which.ends_with('_') => format!("{} {response}", which.trim_end_matches('_').replace('_', " ")),
        _ => output.replace('_', " "),
    }
}
