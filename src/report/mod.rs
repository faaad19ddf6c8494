//! stub
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
/// A format of reports; the list of formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportFormat {
    /// One self-contained page.
    Html,
    /// Markdown, with figures beside it.
    Markdown,
    /// The results alone.
    Json,
    /// Tables for a paper.
    Latex,
}
