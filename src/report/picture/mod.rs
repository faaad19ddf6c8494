//! Figures as files in formats other than SVG, one file per format.
//!
//! A figure is drawn once, as SVG, and then converted. Text is drawn as outlines of a font that the program contains, so
//! a file looks the same and has the same bytes on every machine.

#[cfg(feature = "figures")]
mod tree;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::WriteError;
use crate::registry::registry;

registry! {
    /// A format of figure files besides SVG.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
    pub enum PictureFormat to dyn Picture {
        /// Vector graphics, for papers.
        pdf::Pdf,
        /// Pixels, 300 to an inch.
        png::Png,
    }
}

/// Writes figures in one format.
pub trait Picture: Sync {
    /// The extension of its files.
    fn ending(&self) -> &'static str;

    /// The bytes of a file.
    ///
    /// # Errors
    /// The picture cannot be read as SVG or is too large, or the program was built without the format.
    fn draw(&self, svg: &str) -> Result<Vec<u8>, WriteError>;
}

impl PictureFormat {
    /// The cargo feature that these formats need, if this program was built without it.
    pub const fn missing_feature() -> Option<&'static str> {
        if cfg!(feature = "figures") { None } else { Some(FEATURE) }
    }
}

/// The cargo feature of all formats.
const FEATURE: &str = "figures";

#[cfg(not(feature = "figures"))]
fn no_feature(format: &str) -> WriteError {
    WriteError(format!("figures as {format} need the cargo feature `{FEATURE}`, and this lawfit was built without it"))
}

#[cfg(test)]
mod tests;
