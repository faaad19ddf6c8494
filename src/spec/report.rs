//! What a spec may say of expectations and of the report.

use schemars::JsonSchema;
use serde::Deserialize;

use super::text::OneOrMoreTexts;
use crate::report::{Digits, Millimetres, ReportFormat, ReportOptions, Section, Severity, Theme};

/// A condition that the results must meet.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// A condition on numbers of the results: "fits.main.alpha in [0.31, 0.38]".
    pub that: String,
    /// Why, for the report.
    #[serde(default)]
    pub because: Option<String>,
    /// Whether a run fails if it does not hold, or only warns.
    #[serde(default)]
    pub severity: Severity,
}

/// How results are written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Formats of the report; `results.json` is always written.
    #[serde(default = "ReportFormat::usual")]
    pub formats: Vec<ReportFormat>,
    /// Width of a paper's column in millimetres: files of figures are drawn for it, with text of seven points.
    #[serde(default)]
    pub column_width: Option<Millimetres>,
    /// What the study concludes, with numbers of the results in braces: "13B reaches {queries.forecast.row2}"; one text or
    /// a list.
    #[serde(default)]
    pub conclusion: Option<OneOrMoreTexts>,
    /// The answer to quote: "queries.budget.row2". The default is the last answered row of the first query.
    #[serde(default)]
    pub answer: Option<String>,
    /// The sections to write; all by default. The first screen is always written.
    #[serde(default)]
    pub sections: Option<Vec<Section>>,
    /// Light, dark, or as the reader's system.
    #[serde(default)]
    pub theme: Theme,
    /// Significant digits of answers. `results.json` has full precision.
    #[serde(default)]
    pub precision: Digits,
}

impl Report {
    /// How results are written.
    pub fn options(&self) -> ReportOptions {
        let sections = self.sections.as_ref().map_or_else(|| Section::ALL.into(), |all| all.iter().copied().collect());
        ReportOptions {
            formats: self.formats.iter().copied().collect(),
            column_width: self.column_width,
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
            conclusion: None,
            answer: None,
            sections: None,
            theme: Theme::default(),
            precision: Digits::default(),
        }
    }
}
