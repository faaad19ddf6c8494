//! The formats of reports: one file per format, which converts a [`Page`] to files by name.

mod contents;
mod plot;
mod tables;
mod terminal;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use terminal::Terminal;

use super::Page;
use super::error::WriteError;
use crate::registry::registry;

registry! {
    /// A format of reports.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
    pub enum ReportFormat to dyn Writer {
        /// One self-contained page.
        html::Html,
        /// Markdown, with its figures as files.
        markdown::Markdown,
        /// Only the results.
        json::Json,
        /// Tables for a paper, and a macro for each number.
        latex::Latex,
        /// Tables of answers, parameters, predictions with residuals, and draws.
        csv::Csv,
        /// The same tables as Apache Parquet.
        parquet::Parquet,
    }
}

impl ReportFormat {
    /// The default formats of a report.
    pub fn usual() -> Vec<Self> {
        Self::ALL.into_iter().filter(|format| format.member().is_usual()).collect()
    }
}

/// Writes one format.
pub trait Writer {
    /// Whether it is a default format of reports.
    fn is_usual(&self) -> bool {
        false
    }

    /// The files by name.
    ///
    /// # Errors
    /// A template could not be rendered.
    fn write(&self, page: &Page) -> Result<BTreeMap<String, Vec<u8>>, WriteError>;

    /// The names of all files that it may write, starting with the file to read first. Figures are in the folder
    /// `figures` next to them.
    fn names(&self) -> &'static [&'static str];

    /// Whether it needs the rows of fits and the draws of their parameters.
    fn shows_rows(&self) -> bool {
        false
    }

    /// Whether it shows figures.
    fn has_figures(&self) -> bool {
        false
    }

    /// A file of this format with a line that says why it is stale; `None` for a file that is not for readers.
    fn mark_stale(&self, _name: &str, _text: &str, _why: &str) -> Option<String> {
        None
    }
}

/// Extension of figure files.
pub const FIGURE: &str = ".svg";

/// A file of an earlier report with a line that says why it is stale; `None` for a file that is not for readers.
pub fn mark_stale(name: &str, text: &str, why: &str) -> Option<String> {
    ReportFormat::ALL.iter().find_map(|format| format.member().mark_stale(name, text, why))
}

/// A text with a mark at a position, which replaces an earlier mark.
fn with_mark(text: &str, at: usize, mark: &str, begins: &str) -> String {
    let (head, tail) = text.split_at(at);
    let tail = if tail.starts_with(begins) { tail.split_once('\n').map_or("", |(_, rest)| rest) } else { tail };
    format!("{head}{mark}\n{tail}")
}

/// The names of the files that the options request, without figures.
pub fn files_of(formats: &BTreeSet<ReportFormat>) -> BTreeSet<&'static str> {
    formats.iter().filter_map(|format| format.member().names().first()).copied().collect()
}

/// The names of all files that the options may request, without figures.
pub fn names_of(formats: &BTreeSet<ReportFormat>) -> BTreeSet<&'static str> {
    formats.iter().flat_map(|format| format.member().names()).copied().collect()
}

/// Whether any requested format shows figures.
pub fn has_figures(formats: &BTreeSet<ReportFormat>) -> bool {
    formats.iter().any(|format| format.member().has_figures())
}

/// Whether any requested format needs rows and draws.
pub fn shows_rows(formats: &BTreeSet<ReportFormat>) -> bool {
    formats.iter().any(|format| format.member().shows_rows())
}

/// Writes all formats of a page.
///
/// # Errors
/// A template could not be rendered, or a figure could not be drawn in a format.
pub fn write(page: &Page) -> Result<BTreeMap<String, Arc<Vec<u8>>>, WriteError> {
    let mut files = BTreeMap::new();
    for writer in page.options.formats.iter().map(|format| format.member()) {
        files.extend(writer.write(page)?.into_iter().map(|(name, bytes)| (name, Arc::new(bytes))));
    }
    for figure in &page.figures {
        files.insert(figure.file.clone(), Arc::new(figure.picture().as_bytes().to_vec()));
        files.insert(figure.csv_file(), Arc::new(figure.csv.clone().into_bytes()));
    }
    // Figures take most of the time, and none depends on another.
    let drawn = page.figures.par_iter().flat_map_iter(|figure| {
        page.options.figures.iter().map(|format| {
            let bytes = format.member().draw(figure.picture())?;
            Ok((figure.file_as(format.member().ending()), Arc::new(bytes)))
        })
    });
    files.extend(drawn.collect::<Result<Vec<_>, WriteError>>()?);
    Ok(files)
}
