//! The formats of reports: one file per format, each of which turns a [`Page`] into files by name.

mod contents;
mod csv;
mod html;
mod latex;
mod markdown;
mod terminal;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use terminal::Terminal;

use super::{Page, ReportFormat, ReportOptions};

/// Writes one format.
pub trait Writer {
    /// The name of its file. Figures are in the folder `figures` next to it.
    fn file(&self) -> &'static str;

    /// The files by name.
    ///
    /// # Errors
    /// Where a template does not render.
    fn write(&self, page: &Page) -> Result<BTreeMap<String, Vec<u8>>, WriteError>;

    /// The names of all files that it may write.
    fn names(&self) -> &'static [&'static str];

    /// Whether it needs the rows of fits and the draws of their parameters.
    fn shows_rows(&self) -> bool {
        false
    }

    /// Whether it shows figures.
    fn has_figures(&self) -> bool {
        false
    }

    /// A file of this format with a line that says why it is stale; none where the file is not for reading.
    fn mark_stale(&self, _name: &str, _text: &str, _why: &str) -> Option<String> {
        None
    }
}

/// How the names of files of figures end.
pub const FIGURE: &str = ".svg";

/// Why a report could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WriteError(pub String);

impl ReportFormat {
    /// The writer; JSON has none, because the stage that gathers the results writes `results.json`.
    pub fn writer(self) -> Option<&'static dyn Writer> {
        match self {
            Self::Html => Some(&html::Html),
            Self::Markdown => Some(&markdown::Markdown),
            Self::Json => None,
            Self::Latex => Some(&latex::Latex),
            Self::Csv => Some(&csv::Csv),
        }
    }
}

/// A file of an earlier report with a line that says why it is stale; none where it is not for reading.
pub fn mark_stale(name: &str, text: &str, why: &str) -> Option<String> {
    ReportFormat::ALL.iter().find_map(|format| format.writer()?.mark_stale(name, text, why))
}

/// A text with a mark at a place in it, which replaces the one that may be there already.
fn with_mark(text: &str, at: usize, mark: &str, begins: &str) -> String {
    let (head, tail) = text.split_at(at);
    let tail = if tail.starts_with(begins) { tail.split_once('\n').map_or("", |(_, rest)| rest) } else { tail };
    format!("{head}{mark}\n{tail}")
}

/// The names of the files that options ask for; figures are not among them.
pub fn files_of(options: &ReportOptions) -> BTreeSet<&'static str> {
    options.formats.iter().filter_map(|format| format.writer()).map(Writer::file).collect()
}

/// The names of all files that options may give; figures are not among them.
pub fn names_of(options: &ReportOptions) -> BTreeSet<&'static str> {
    options.formats.iter().filter_map(|format| format.writer()).flat_map(Writer::names).copied().collect()
}

/// Whether any of the formats that options ask for shows figures.
pub fn has_figures(options: &ReportOptions) -> bool {
    options.formats.iter().filter_map(|format| format.writer()).any(Writer::has_figures)
}

/// Whether any of the formats that options ask for needs rows and draws.
pub fn shows_rows(options: &ReportOptions) -> bool {
    options.formats.iter().filter_map(|format| format.writer()).any(Writer::shows_rows)
}

/// Writes every format of a page.
///
/// # Errors
/// Where a template does not render.
pub fn write(page: &Page) -> Result<BTreeMap<String, Arc<Vec<u8>>>, WriteError> {
    let mut files = BTreeMap::new();
    for writer in page.options.formats.iter().filter_map(|format| format.writer()) {
        files.extend(writer.write(page)?.into_iter().map(|(name, bytes)| (name, Arc::new(bytes))));
    }
    for figure in &page.figures {
        let picture = figure.column.as_ref().unwrap_or(&figure.svg);
        files.insert(figure.file.clone(), Arc::new(picture.clone().into_bytes()));
        files.insert(figure.csv_file(), Arc::new(figure.csv.clone().into_bytes()));
    }
    Ok(files)
}
