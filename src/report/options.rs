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
}
