//! Why a text is no expression.

use std::ops::Range;

/// Why a text is not an expression, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// Byte range in the text.
    pub span: Range<usize>,
    /// What was wrong and what was expected.
    pub message: String,
    /// What to do, where that is known.
    pub hint: Option<String>,
}

impl ParseError {
    pub(super) fn new(span: Range<usize>, message: String) -> Self {
        Self { span, message, hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
