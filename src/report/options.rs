//! Options of a report: formats, sections, theme, width, digits.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::picture::PictureFormat;
use super::writer::ReportFormat;

/// A section of a report, in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Expectations, and whether they hold.
    Expectations,
    /// Comparison of laws on held-out rows.
    Leaderboard,
    /// Every answer.
    Answers,
    /// Changes of answers under other choices.
    Sensitivity,
    /// Every fit with its figures.
    Fits,
    /// Sources, tables and filters.
    Data,
    /// Instructions for reproducing the numbers, and a checklist for papers.
    Reproduction,
}

impl Section {
    /// Every section.
    pub const ALL: [Self; 7] = [
        Self::Expectations,
        Self::Leaderboard,
        Self::Answers,
        Self::Sensitivity,
        Self::Fits,
        Self::Data,
        Self::Reproduction,
    ];
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// The reader's system setting.
    #[default]
    Auto,
    /// Dark text on white.
    Light,
    /// Light text on black.
    Dark,
}

/// Options for writing the results of a study; none of them changes a number.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportOptions {
    /// The formats to write.
    pub formats: BTreeSet<ReportFormat>,
    /// The column width of a paper for figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column_width: Option<Millimetres>,
    /// The formats of figure files besides SVG.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub figures: BTreeSet<PictureFormat>,
    /// The sections to write.
    pub sections: BTreeSet<Section>,
    /// Light or dark.
    pub theme: Theme,
    /// Significant digits of answers.
    pub precision: Digits,
}

impl ReportOptions {
    /// Whether the report contains a section.
    pub fn has(&self, section: Section) -> bool {
        self.sections.contains(&section)
    }
}

/// A width in millimetres: of a column of a paper, or of its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32")]
pub struct Millimetres(u32);

/// Allowed widths: enough for a plot with a font of seven points, and at most a page.
const WIDTHS: std::ops::RangeInclusive<u32> = 50..=400;

impl TryFrom<u32> for Millimetres {
    type Error = String;

    fn try_from(width: u32) -> Result<Self, String> {
        let (least, most) = (WIDTHS.start(), WIDTHS.end());
        let is_width = WIDTHS.contains(&width);
        is_width.then_some(Self(width)).ok_or_else(|| {
            format!(
                "a width must be {least} to {most} millimetres, \
         not {width}"
            )
        })
    }
}

impl Millimetres {
    /// The width in millimetres.
    pub fn count(self) -> f64 {
        f64::from(self.0)
    }
}

impl JsonSchema for Millimetres {
    fn schema_name() -> Cow<'static, str> {
        "Millimetres".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": WIDTHS.start(), "maximum": WIDTHS.end() })
    }
}

/// Default number of significant digits.
pub(super) const DIGITS: usize = 4;

/// A number of significant digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Digits(pub usize);

impl Digits {
    const LEAST: usize = 2;
    const MOST: usize = 15;
}

impl Default for Digits {
    fn default() -> Self {
        Self(DIGITS)
    }
}

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = usize::deserialize(deserializer)?;
        if (Self::LEAST..=Self::MOST).contains(&digits) {
            return Ok(Self(digits));
        }
        Err(de::Error::custom(format_args!(
            "the number of significant digits must be {} to {}, not {digits}",
            Self::LEAST,
            Self::MOST
        )))
    }
}

impl JsonSchema for Digits {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Digits".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": Self::LEAST, "maximum": Self::MOST })
    }
}
