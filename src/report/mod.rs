//! What people read: results as JSON, HTML, Markdown and LaTeX, with figures.
//!
//! A format takes a [`Page`] and gives bytes; where they go is not its affair.

mod answers;
mod assemble;
mod described;
mod figure;
mod notes;
mod options;
mod results;
mod sensitivity;
mod typeset;
mod words;
mod writer;

use std::sync::Arc;

pub use assemble::{Artifacts, answer_in_words, results};
pub use described::{
    AnsweredBy, Described, DescribedFilter, DescribedFit, DescribedQuery, DescribedSource, DescribedTable,
    DescribedVariable, DescribedVariation, Expected, Severity, VariedQuery,
};
pub use figure::{FOLDER as FIGURES, Figure, Figures, FitData, FitRuns, Study, TABLE};
pub use options::{Millimetres, ReportFormat, ReportOptions};
pub use results::{
    AnswerRow, DroppedRows, ExpectationResult, FilterResult, FitResult, Note, PARTS, QueryResult, Reach, Results,
    SensitivityResult, SourceResult, StepResult, StudyResult, TableResult, VariedAnswer, names_of_fit, names_of_query,
    results_schema,
};
pub use typeset::plain as typeset_plain;
pub use writer::{FIGURE, WriteError, Writer, files_of, has_figures, mark_stale, write};

/// Everything a format needs.
#[derive(Clone, Debug)]
pub struct Page {
    /// The results.
    pub results: Results,
    /// The figures.
    pub figures: Vec<Figure>,
    /// Number of fits that are not drawn, because they are too many.
    pub undrawn: usize,
    /// The runs that the figures show.
    pub runs: Vec<FitRuns>,
    /// Names and words.
    pub described: Arc<Described>,
    /// How it is written.
    pub options: ReportOptions,
}
