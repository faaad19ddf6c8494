//! The part of a spec about expectations and the report.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Node;
use super::question::value_of;
use crate::diagnostic::{list, nearest};
use crate::expectation::Severity;
use crate::report::{Digits, Millimetres, PictureFormat, ReportFormat, ReportOptions, Section, Theme};
use crate::texts::OneOrMoreTexts;

/// A condition that the results must meet.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// A condition on numbers of the results: "fits.main.alpha in [0.31, 0.38]".
    pub that: String,
    /// The reason, shown in the report.
    #[serde(default)]
    pub because: Option<String>,
    /// Whether a failed condition makes the run fail or only warns.
    #[serde(default)]
    pub severity: Severity,
}

/// The report options.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Formats of the report; `results.json` is always written.
    #[serde(default = "ReportFormat::usual")]
    pub formats: Vec<ReportFormat>,
    /// Column width of a paper in millimetres. Figure files are drawn for this width, with seven-point text.
    #[serde(default)]
    pub column_width: Option<Millimetres>,
    /// Formats of figure files besides SVG, which is always written.
    #[serde(default)]
    pub figures: Vec<PictureFormat>,
    /// The conclusions of the study, one text or a list, with numbers of the results in braces: "13B reaches
    /// {queries.forecast.row2}".
    #[serde(default)]
    pub conclusion: Option<OneOrMoreTexts>,
    /// The answer shown first: "queries.budget.row2". Default: the first answer that `conclusion` quotes, or else the last
    /// answered row of the first query that has an interval.
    #[serde(default)]
    pub answer: Option<String>,
    /// The sections to write. Default: all. The first screen is always written.
    #[serde(default)]
    pub sections: Option<Vec<Section>>,
    /// Light, dark, or the reader's system setting.
    #[serde(default)]
    pub theme: Theme,
    /// Significant digits of answers. `results.json` always has full precision.
    #[serde(default)]
    pub precision: Digits,
}

/// Keys of `[report]` that change results, so that only a spec can set them.
const OF_RESULTS: [&str; 2] = ["conclusion", "answer"];

/// Reads options of `[report]` for one run, each `KEY=VALUE`, as part of a spec: `theme=dark`, `formats=html,latex`.
///
/// # Errors
/// A message if a text has no `=`, or its key is not an option of how a report is written. Values are checked with the
/// spec.
pub fn report_options(texts: &[String]) -> Result<Node, String> {
    let schema = serde_json::json!(schemars::schema_for!(Report));
    let properties = schema["properties"].as_object();
    let known = properties.into_iter().flatten().filter(|(key, _)| !OF_RESULTS.contains(&key.as_str()));
    let known: Vec<(&str, bool)> = known.map(|(key, value)| (key.as_str(), takes_list(value))).collect();
    let keys: Vec<&str> = known.iter().map(|(key, _)| *key).collect();
    let mut options: Vec<(String, Node)> = Vec::new();
    for text in texts {
        let (key, value) = text
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
            .ok_or_else(|| format!("`{text}` is not KEY=VALUE, such as theme=dark"))?;
        let Some((_, is_list)) = known.iter().find(|(name, _)| *name == key) else {
            let of_results =
                OF_RESULTS.contains(&key).then(|| "; it changes results, so only the spec sets it".to_owned());
            let near = || nearest(key, keys.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
            let more = of_results.or_else(near).unwrap_or_default();
            return Err(format!("`{key}` is not one of {}{more}", list(&keys)));
        };
        let value = if *is_list {
            Node::List(value.split(',').map(str::trim).filter(|one| !one.is_empty()).map(value_of).collect())
        } else {
            value_of(value)
        };
        options.retain(|(name, _)| name != key);
        options.push((key.to_owned(), value));
    }
    Ok(Node::Table(vec![("report".to_owned(), Node::Table(options))]))
}

/// Whether the schema of a key takes a list.
fn takes_list(schema: &serde_json::Value) -> bool {
    let kind = &schema["type"];
    kind == "array" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "array"))
}

impl Report {
    /// The report options.
    pub fn options(&self) -> ReportOptions {
        let sections = self.sections.as_ref().map_or_else(|| Section::ALL.into(), |all| all.iter().copied().collect());
        ReportOptions {
            formats: self.formats.iter().copied().collect(),
            column_width: self.column_width,
            figures: self.figures.iter().copied().collect(),
            sections,
            theme: self.theme,
            precision: self.precision,
        }
    }
}

impl Default for Report {
    fn default() -> Self {
        Self {
            formats: ReportFormat::usual(),
            column_width: None,
            figures: Vec::new(),
            conclusion: None,
            answer: None,
            sections: None,
            theme: Theme::default(),
            precision: Digits::default(),
        }
    }
}
