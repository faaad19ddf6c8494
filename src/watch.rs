//! Cancellation and progress of work that takes long.

/// Cancellation and progress of a stage, a search or a resampling.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Whether the work is cancelled.
    pub cancelled: &'a (dyn Fn() -> bool + Sync),
    /// Receives progress: steps done, and steps in all.
    pub tick: &'a (dyn Fn(usize, usize) + Sync),
}

impl Watch<'static> {
    /// No cancellation and no progress.
    pub const NOBODY: Self = Self { cancelled: &|| false, tick: &|_, _| () };
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

/// The work was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Cancelled;
