//! The part of a spec about expectations and the report.

use schemars::JsonSchema;
use serde::Deserialize;

use super::text::OneOrMoreTexts;
use crate::report::{Digits, Millimetres, PictureFormat, ReportFormat, ReportOptions, Section, Severity, Theme};

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
    /// The answer shown first: "queries.budget.row2". Default: the last answered row of the first query.
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
