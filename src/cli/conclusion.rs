//! The conclusion of a run for one spec: failures, moved numbers and expectations, for the terminal and for CI.

use std::path::PathBuf;
use std::sync::Arc;

use crate::changes::Changes;
use crate::diagnostic::{Place, SpecPath, Step};
use crate::expectation::{Drift, ExpectedDrift, Judged, judged};
use crate::lock::Lock;
use crate::plan::SpecFile;
use crate::report::{Described, Results, table_of_main_figure};
use crate::spec::Places;
use crate::stage::Failure;

/// The conclusion of a run for one spec.
pub(super) struct Conclusion<'a> {
    pub(super) file: &'a SpecFile,
    /// The results, where the report was written.
    pub(super) results: Option<Results>,
    /// Names and descriptions, where the spec could be parsed.
    pub(super) described: Option<Arc<Described>>,
    /// Differences from the previous lock file.
    pub(super) changes: Changes,
    /// The outcome of each expectation.
    pub(super) expectations: Vec<Judged>,
    /// The stages that failed, by name.
    pub(super) failures: Vec<(String, &'a Failure)>,
    /// Files of the report.
    pub(super) written: Vec<PathBuf>,
}

impl Conclusion<'_> {
    /// The table of what the main figure shows, where it was written.
    pub(super) fn drawn(&self) -> Option<String> {
        let name = table_of_main_figure(self.results.as_ref()?)?;
        let path = self.written.iter().find(|path| path.file_name().is_some_and(|file| *file == *name))?;
        std::fs::read_to_string(path).ok()
    }

    /// Whether an expectation with severity `error` failed.
    pub(super) fn fails(&self) -> bool {
        self.expectations.iter().any(Judged::fails)
    }
}

/// Judges the expectations of a spec: on its results, and on their changes since the lock file.
pub(super) fn judge(
    file: &SpecFile,
    results: &Results,
    drifts: &[ExpectedDrift],
    earlier: Option<&Lock>,
    lock: &Lock,
) -> Vec<Judged> {
    let moved = |drift: &Drift| earlier.map(|earlier| earlier.moved(lock, &drift.number));
    judged(&results.expectations, drifts, moved, lines_of_expectations(file))
}

/// The lines of a spec's expectations, from 1. The spec is read once for all of them.
fn lines_of_expectations(file: &SpecFile) -> impl Fn(usize) -> usize {
    let text = String::from_utf8_lossy(&file.bytes);
    let places = Places::of(&text, file.format());
    let ends: Vec<usize> = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
    move |index| {
        let path = SpecPath(vec![Step::Key("expect".to_owned()), Step::Index(index)]).key("that");
        let at = places.bytes(&Place::Value(path)).map_or(0, |bytes| bytes.start);
        1 + ends.partition_point(|end| *end < at)
    }
}
