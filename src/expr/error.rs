//! The error for a text that is not an expression.

use std::ops::Range;

/// The reason why a text is not an expression, with its position.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// Byte range in the text.
    pub span: Range<usize>,
    /// What is wrong and what was expected.
    pub message: String,
    /// A hint on what to do, if there is one.
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
