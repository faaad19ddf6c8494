//! The outcome of each expectation of a spec, for the terminal and for CI.

use super::{Drift, ExpectationResult, ExpectedDrift, Moved, Severity};

/// The outcome of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The condition.
    pub that: String,
    /// The reason given by the author.
    pub because: Option<String>,
    /// Whether a failed expectation ends the run with an error or only warns.
    pub severity: Severity,
    /// Whether the condition holds.
    pub holds: bool,
    /// Whether the condition is about the change of a number.
    pub is_drift: bool,
    /// The numbers that it uses.
    pub found: String,
    /// The line of the expectation in the spec, from 1.
    pub line: usize,
}

impl Judged {
    /// Whether the run fails because of it.
    pub fn fails(&self) -> bool {
        !self.holds && self.severity == Severity::Error
    }

    /// The outcome in a word or two.
    pub const fn verdict(&self) -> &'static str {
        match (self.holds, self.severity) {
            (true, _) => "holds",
            (false, Severity::Error) => "fails",
            (false, Severity::Warn) => "does not hold",
        }
    }

    /// A sentence about an expectation that does not hold.
    pub fn in_words(&self) -> String {
        let because = self.because.as_ref().map_or(String::new(), |because| format!(" ({because})"));
        format!("expected {}, found {}{because}", self.that, self.found)
    }
}

/// The outcomes of a spec's expectations, in its order. `moved` gives the number of a drift in the earlier and the later
/// run, if there was an earlier one, and `line` the line of an expectation by its index.
pub fn judged(
    results: &[ExpectationResult],
    drifts: &[ExpectedDrift],
    moved: impl Fn(&Drift) -> Option<Moved>,
    line: impl Fn(usize) -> usize,
) -> Vec<Judged> {
    let count = results.len() + drifts.len();
    let mut results = results.iter();
    let one = |index: usize| match drifts.iter().find(|expected| expected.index == index) {
        Some(expected) => Some(of_drift(expected, moved(&expected.drift).as_ref(), line(index))),
        None => results.next().map(|result| of_result(result, line(index))),
    };
    (0..count).filter_map(one).collect()
}

fn of_result(result: &ExpectationResult, line: usize) -> Judged {
    Judged {
        that: result.that.clone(),
        because: result.because.clone(),
        severity: result.severity,
        holds: result.holds(),
        is_drift: false,
        found: result.found(|number| number.to_string(), "nothing"),
        line,
    }
}

fn of_drift(expected: &ExpectedDrift, moved: Option<&Moved>, line: usize) -> Judged {
    let (holds, found) = expected.drift.judge(moved);
    Judged {
        that: expected.that.clone(),
        because: expected.because.clone(),
        severity: expected.severity,
        holds,
        is_drift: true,
        found,
        line,
    }
}
