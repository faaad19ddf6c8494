//! The conclusion of a run for one spec: failures, moved numbers and expectations, for the terminal and for CI.

use std::path::PathBuf;
use std::sync::Arc;

use crate::changes::Changes;
use crate::diagnostic::{Place, SpecPath, Step};
use crate::lock::Lock;
use crate::plan::{ExpectedDrift, SpecFile};
use crate::report::{Described, Results, Severity, table_of_main_figure};
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

/// The outcome of an expectation.
pub(super) struct Judged {
    /// The condition.
    pub(super) that: String,
    pub(super) because: Option<String>,
    pub(super) severity: Severity,
    pub(super) holds: bool,
    /// Whether the condition is about the change of a number.
    pub(super) is_drift: bool,
    /// The numbers that it uses.
    pub(super) found: String,
    /// The line of the expectation in the spec, from 1.
    pub(super) line: usize,
}

impl Judged {
    /// Whether the run fails because of it.
    pub(super) fn fails(&self) -> bool {
        !self.holds && self.severity == Severity::Error
    }
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

/// Evaluates the expectations of a spec: on its results, and on their changes since the lock file.
pub(super) fn judge(
    file: &SpecFile,
    results: &Results,
    drifts: &[ExpectedDrift],
    earlier: Option<&Lock>,
    lock: &Lock,
) -> Vec<Judged> {
    let line = lines_of_expectations(file);
    let total = results.expectations.len() + drifts.len();
    let of_results = (0..total).filter(|index| drifts.iter().all(|d| d.index != *index));
    let mut judged: Vec<(usize, Judged)> = of_results
        .zip(&results.expectations)
        .map(|(index, e)| {
            let found: Vec<String> = e
                .actual
                .iter()
                .map(|(name, value)| format!("{name} = {}", value.map_or("nothing".to_owned(), |v| v.to_string())))
                .collect();
            let judged = Judged {
                that: e.that.clone(),
                because: e.because.clone(),
                severity: e.severity,
                holds: e.status != "failed",
                is_drift: false,
                found: e.reason.clone().unwrap_or_else(|| found.join(", ")),
                line: line(index),
            };
            (index, judged)
        })
        .collect();
    judged.extend(drifts.iter().map(|d| {
        let (holds, found) = d.drift.judge(earlier, lock);
        let judged = Judged {
            that: d.that.clone(),
            because: d.because.clone(),
            severity: d.severity,
            holds,
            is_drift: true,
            found,
            line: line(d.index),
        };
        (d.index, judged)
    }));
    judged.sort_by_key(|(index, _)| *index);
    judged.into_iter().map(|(_, judged)| judged).collect()
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
