//! Report: every artifact of a study to the files that people read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Context, Failure, Inputs, Stage};
use crate::account::{FilterCounts, IngestSummary, TableCounts};
use crate::answer::Answer;
use crate::artifact::Outputs;
use crate::fit::Fit;
use crate::report::{Described, FIGURE, Figure, FitData, Page, ReportFormat, Results, draw, write};

/// Writes the report.
#[derive(Clone, Debug)]
pub struct WriteReport {
    /// Names and words of the spec.
    pub described: Arc<Described>,
}

impl Stage for WriteReport {
    fn kind(&self) -> &'static str {
        "report"
    }

    fn impl_rev(&self) -> u32 {
        8
    }

    fn settings(&self) -> serde_json::Value {
        self.described.fingerprint()
    }

    fn produces(&self, roles: &[&str]) -> bool {
        let formats = self.described.formats.iter().copied().chain([ReportFormat::Json]);
        let files: BTreeSet<&str> = formats.map(|format| format.writer().file()).collect();
        // Of figures there are as many as the fits give.
        files.iter().all(|file| roles.contains(file))
            && roles.iter().all(|role| files.contains(role) || role.ends_with(FIGURE))
    }

    fn run(&self, inputs: &Inputs, _: &Context<'_>) -> Result<Outputs, Failure> {
        let summaries: BTreeMap<String, IngestSummary> = named(inputs, "source.")?;
        let counts: BTreeMap<String, FilterCounts> = named(inputs, "filter.")?;
        let fits: BTreeMap<String, Fit> = named(inputs, "fit.")?;
        let answers: BTreeMap<String, Answer> = named(inputs, "answer.")?;
        let varied: BTreeMap<String, Answer> = named(inputs, "varied.")?;
        let varied = varied.into_iter().map(|(name, answer)| (format!("varied.{name}"), answer)).collect();
        let tables: BTreeMap<String, TableCounts> = named(inputs, "table.")?;
        let results = Results::new(&self.described, &summaries, &tables, &counts, &fits, &answers, &varied);
        let (figures, undrawn) = if self.described.formats.iter().any(|format| format.writer().has_figures()) {
            self.figures(inputs, fits, &answers)?
        } else {
            (Vec::new(), 0)
        };
        let page = Page { results, figures, undrawn, described: Arc::clone(&self.described) };
        write(&page).map_err(|error| Failure::internal(error.to_string()))
    }
}

impl WriteReport {
    /// The figures, and how many fits are not drawn.
    fn figures(
        &self,
        inputs: &Inputs,
        fits: BTreeMap<String, Fit>,
        answers: &BTreeMap<String, Answer>,
    ) -> Result<(Vec<Figure>, usize), Failure> {
        let mut drawn = BTreeMap::new();
        for (name, mut fit) in fits {
            let rows = inputs.table(&format!("rows.{name}"))?;
            let draws = fit.read_draws(inputs.bytes(&format!("draws.{name}"))?);
            drawn.insert(name.clone(), FitData::of_members(&name, &fit, &rows, draws));
        }
        Ok(draw(&self.described, &drawn, answers))
    }
}

/// The artifacts whose role has a prefix, by the rest of it.
fn named<T: serde::de::DeserializeOwned>(inputs: &Inputs, prefix: &str) -> Result<BTreeMap<String, T>, Failure> {
    inputs
        .artifacts
        .keys()
        .filter_map(|role| role.strip_prefix(prefix))
        .map(|name| Ok((name.to_owned(), inputs.json(&format!("{prefix}{name}"))?)))
        .collect()
}
