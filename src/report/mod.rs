//! Reports: results as JSON, HTML, Markdown, LaTeX and CSV, with figures.
//!
//! A format converts a [`Page`] to bytes; the stage that renders them decides where they go.

mod answers;
mod assemble;
mod belief;
mod checklist;
mod described;
mod error;
mod figure;
mod leaderboard;
mod named;
mod notes;
mod options;
mod picture;
mod recommend;
mod results;
mod said;
mod screen;
mod sensitivity;
mod typeset;
mod words;
mod writer;

use std::sync::Arc;

use crate::artifact::Digest;

pub use assemble::{Artifacts, answer_in_words, results};
pub use described::{
    AnsweredBy, Described, DescribedFilter, DescribedFit, DescribedQuery, DescribedSource, DescribedTable,
    DescribedVariable, DescribedVariation, VariedQuery,
};
pub use error::WriteError;
pub use figure::{FOLDER as FIGURES, Figure, Figures, FitData, FitRuns, Study, TABLE};
pub use named::NamedAnswer;
pub use options::{Digits, Millimetres, ReportOptions, Section, Theme};
pub use picture::PictureFormat;
pub use results::{
    AnswerRow, Belief, DroppedRows, FilterResult, FitResult, Note, NoteSeverity, Observed, PARTS, QueryResult, Reach,
    Recommended, Results, SensitivityResult, SourceResult, StepResult, StudyResult, TableResult, VariedAnswer,
    names_of_fit, names_of_query, results_schema,
};
pub use said::{Piece, pieces};
pub use screen::counted;
pub use typeset::plain as typeset_plain;
pub use writer::{
    FIGURE, ReportFormat, Terminal, Writer, files_of, has_figures, mark_stale, names_of, shows_rows, write,
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
    /// The inputs of the report: the name of each artifact and its BLAKE3 digest.
    pub digests: Vec<(String, Digest)>,
    /// Options.
    pub options: ReportOptions,
}

/// The file with the data of the figure of the fit that gives the recommended answer.
pub fn table_of_main_figure(results: &Results) -> Option<String> {
    let answer = results.recommended.as_ref()?;
    let query = results.queries.get(&answer.query)?;
    let group = query.rows.get(answer.row.checked_sub(1)?)?.group.as_deref();
    let groups = results.fits.get(&query.fit)?.groups.keys();
    let at = group.and_then(|group| groups.clone().position(|name| name.0 == group));
    Some(figure::table_of_fit(&query.fit, at))
}

impl Page {
    /// The figure of the recommended answer: the first figure of its fit. Without an answer, the figure that compares
    /// the laws, the figure of the law that forecasts best, or the first figure of the study.
    pub fn main_figure(&self) -> Option<&Figure> {
        let answer = self.results.recommended.as_ref();
        let fit = answer.and_then(|answer| {
            let result = self.results.queries.get(&answer.query)?;
            let group = result.rows.get(answer.row.checked_sub(1)?)?.group.as_deref();
            Some(group.map_or_else(|| result.fit.clone(), |group| results::of_group(&result.fit, group)))
        });
        match fit {
            Some(fit) => self.figures.iter().find(|figure| figure.fit == fit),
            None => self.figure_of_laws().or_else(|| self.figures.first()),
        }
    }

    /// The figure that shows which law forecasts best, if laws are compared.
    fn figure_of_laws(&self) -> Option<&Figure> {
        let board = leaderboard::Leaderboard::of(&self.described, &self.results)?;
        let best = &board.laws.first()?.fit;
        let compares = |figure: &&Figure| {
            figure.kind == "multiples" && board.laws.iter().any(|standing| standing.fit == figure.fit)
        };
        let of_best = |figure: &&Figure| figure.fit == *best;
        self.figures.iter().find(compares).or_else(|| self.figures.iter().find(of_best))
    }
}
