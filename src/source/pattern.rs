//! Regular expressions of specs: for lines of logs, headings, names of files and parts of cells.

use regex::{Regex, RegexBuilder};

/// Maximum size of a compiled expression in bytes.
const MOST_COMPILED: usize = 4 << 20;

/// Compiles a regular expression.
///
/// # Errors
/// What is wrong with it, in the words of the regex engine.
pub fn pattern(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text).size_limit(MOST_COMPILED).build().map_err(|error| {
        let message = error.to_string();
        message.lines().last().unwrap_or_default().trim_start_matches("error: ").trim().to_owned()
    })
}
