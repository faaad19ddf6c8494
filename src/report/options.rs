//! What a spec says of how its results are written: formats, sections, theme, width, digits.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A format of reports; the list of formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportFormat {
    /// One self-contained page.
    Html,
    /// Markdown, with the figures beside it.
    Markdown,
    /// The results alone.
    Json,
    /// Tables for a paper.
    Latex,
}

impl ReportFormat {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Html, Self::Markdown, Self::Json, Self::Latex];
}

/// How the results of a study are written; none of it changes a number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReportOptions {
    /// The formats to write.
    pub formats: BTreeSet<ReportFormat>,
    /// The column of a paper for which figures are drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column_width: Option<Millimetres>,
}

/// A width in millimetres: of the column of a paper, or of its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32")]
pub struct Millimetres(u32);

/// Widths between which letters of seven points still leave room for a plot, and which a page has.
const WIDTHS: std::ops::RangeInclusive<u32> = 50..=400;

impl TryFrom<u32> for Millimetres {
    type Error = String;

    fn try_from(width: u32) -> Result<Self, String> {
        let (least, most) = (WIDTHS.start(), WIDTHS.end());
        let is_width = WIDTHS.contains(&width);
        is_width.then_some(Self(width)).ok_or_else(|| format!("a width is {least} to {most} millimetres, not {width}"))
    }
}

impl Millimetres {
    /// The number.
    pub fn count(self) -> f64 {
        f64::from(self.0)
    }
}

impl JsonSchema for Millimetres {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Millimetres".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": WIDTHS.start(), "maximum": WIDTHS.end() })
    }
}
