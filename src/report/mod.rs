//! Reports: results as JSON, HTML, Markdown, LaTeX and CSV, with figures.
//!
//! A format converts a [`Page`] to bytes; the stage that renders them decides where they go.

mod answers;
mod assemble;
mod belief;
mod checklist;
mod described;
mod figure;
mod leaderboard;
mod named;
mod notes;
mod options;
mod recommend;
mod results;
mod said;
mod screen;
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
pub use named::NamedAnswer;
pub use options::{Digits, Millimetres, ReportOptions, Section, Theme};
pub use results::{
    AnswerRow, Belief, DroppedRows, ExpectationResult, FilterResult, FitResult, Note, NoteSeverity, Observed, PARTS,
    QueryResult, Reach, Recommended, Results, SensitivityResult, SourceResult, StepResult, StudyResult, TableResult,
    VariedAnswer, names_of_fit, names_of_query, results_schema,
};
pub use said::{Piece, pieces};
pub use screen::counted;
pub use typeset::plain as typeset_plain;
pub use writer::{
    FIGURE, ReportFormat, Terminal, WriteError, Writer, files_of, has_figures, mark_stale, names_of, shows_rows, write,
};

/// The content of a report.
#[derive(Clone, Debug)]
pub struct Page {
    /// The results.
    pub results: Results,
    /// The figures.
    pub figures: Vec<Figure>,
    /// Number of fits without figures because there are too many.
    pub undrawn: usize,
    /// The runs in the figures.
    pub runs: Vec<FitRuns>,
    /// Every fit or group with its rows and draws, if a format shows them.
    pub fits: Vec<FitData>,
    /// Names and descriptions.
    pub described: Arc<Described>,
    /// Options.
    pub options: ReportOptions,
}

impl Page {
    /// The figure of the recommended answer: the first figure of its fit, or of the study.
    pub fn main_figure(&self) -> Option<&Figure> {
        let answer = self.results.recommended.as_ref();
        let fit = answer.and_then(|answer| {
            let result = self.results.queries.get(&answer.query)?;
            let group = result.rows.get(answer.row.checked_sub(1)?)?.group.as_deref();
            Some(group.map_or_else(|| result.fit.clone(), |group| results::of_group(&result.fit, group)))
        });
        match fit {
            Some(fit) => self.figures.iter().find(|figure| figure.fit == fit),
            None => self.figures.first(),
        }
    }
}
