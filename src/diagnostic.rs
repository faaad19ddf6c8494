//! Errors and warnings about a spec, a file or a fit: code, place, expectation and remedy.
//!
//! Diagnostics are collected as values; `cli` prints them.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The study does not run.
    Error,
    /// The study runs, but something needs attention.
    Warning,
}

/// One step of a path in a spec.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// An entry of a table.
    Key(String),
    /// An entry of a list.
    Index(usize),
}

/// A path from the top of a spec to a value: `fits.main.objective`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpecPath(pub Vec<Step>);

impl SpecPath {
    /// The path of keys.
    pub fn of(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| Step::Key((*key).to_owned())).collect())
    }

    /// The path of an entry of the table or list at this path.
    #[must_use]
    pub fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The path of an entry of the table at this path.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }
}

impl fmt::Display for SpecPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// The place of a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The whole file.
    File,
    /// Bytes of the file.
    Bytes(Range<usize>),
    /// The key at the end of a path.
    Key(SpecPath),
    /// The value at the end of a path.
    Value(SpecPath),
    /// Bytes of the text at the end of a path.
    Inside(SpecPath, Range<usize>),
    /// A query on the command line.
    Question,
}

/// A diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Severity.
    pub severity: Severity,
    /// A stable name in kebab case: `unknown-key`.
    pub code: &'static str,
    /// What is wrong, in one line.
    pub message: String,
    /// The spec file of the error.
    pub file: Option<PathBuf>,
    /// The place in the file.
    pub place: Place,
    /// A label to show at the place.
    pub label: Option<String>,
    /// Remedies, one line each.
    pub hints: Vec<String>,
}

impl Diagnostic {
    /// An error at a place in the current spec.
    pub fn error(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            file: None,
            place,
            label: None,
            hints: Vec::new(),
        }
    }

    /// A warning at a place in the current spec.
    pub fn warning(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, place, message) }
    }

    /// Adds a label that is shown at the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds a remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a hint, if there is one.
    #[must_use]
    pub fn hint_if(self, hint: Option<impl Into<String>>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Adds "did you mean" with the nearest name, or the list of known names.
    #[must_use]
    pub fn suggest<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Self {
        if let Some(near) = nearest(name, known.clone()) {
            self.hint(format!("did you mean `{near}`?"))
        } else {
            let known: Vec<&str> = known.into_iter().collect();
            match known.len() {
                0 => self,
                1..=MOST_NAMED => self.hint(format!("there is {}", list(&known))),
                many => {
                    let more = many - MOST_NAMED;
                    let named: Vec<String> = known[..MOST_NAMED].iter().map(|name| format!("`{name}`")).collect();
                    self.hint(format!("there is {} and {more} more", named.join(", ")))
                }
            }
        }
    }
}

/// Maximum number of names in a hint.
const MOST_NAMED: usize = 30;

/// The known name nearest to a mistyped one, if one is close enough.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| {
            let same = name.eq_ignore_ascii_case(candidate);
            (if same { 1.0 } else { strsim::jaro_winkler(name, candidate) }, candidate)
        })
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// A number of things with their noun: `1 row`, `3 rows`. The plural of the noun adds an s.
pub fn numbered(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Names joined for a sentence: `a`, `b` and `c`.
pub fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [all @ .., last] => {
            let all: Vec<String> = all.iter().map(|n| format!("`{n}`")).collect();
            format!("{} and `{last}`", all.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_close_name_is_suggested() {
        let known = ["objective", "uncertainty", "holdout"];
        assert_eq!(nearest("objectve", known), Some("objective"));
        assert_eq!(nearest("OBJECTIVE", known), Some("objective"));
        assert_eq!(nearest("colour", known), None);
    }
}
