//! The fingerprint of a stage: everything that determines its result. Its digest is the cache key.

use serde::Serialize;

use crate::artifact::{Digest, sha256};
use crate::stage::{External, Stage};

/// Everything that determines a stage's result. Threads, time, host and cache location are excluded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fingerprint {
    // Fields are in alphabetical order, so that the JSON text has sorted keys.
    /// Version of this structure.
    format: &'static str,
    /// Revision of the stage's implementation.
    impl_rev: u32,
    /// Digests of the inputs' content, by role.
    inputs: Vec<(String, String)>,
    /// The stage's kind.
    kind: &'static str,
    /// Its resolved settings.
    settings: serde_json::Value,
}

impl Fingerprint {
    /// The fingerprint of a stage whose inputs have these digests, by role.
    pub fn new(stage: &dyn Stage, inputs: Vec<(String, String)>) -> Self {
        Self {
            format: "lawfit/stage/v1",
            kind: stage.kind(),
            impl_rev: stage.impl_rev(),
            settings: stage.settings(),
            inputs,
        }
    }

    /// The digest of a stage's settings without its inputs.
    pub fn of_settings(stage: &dyn Stage) -> Digest {
        Self::key(&Self::new(stage, Vec::new()).text())
    }

    /// The fingerprint as text: JSON with sorted keys.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The cache key: the digest of the fingerprint's text.
    pub fn key(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }
}

/// The digest of an external file's content; a file with a pinned digest needs no bytes.
pub fn input_digest(external: &External, bytes: Option<&[u8]>) -> String {
    match (external, bytes) {
        (External::Pinned { sha256, .. } | External::Snapshot { sha256, .. }, _) => format!("sha256:{sha256}"),
        (External::File { .. }, Some(bytes)) => format!("sha256:{}", sha256(bytes)),
        (External::File { .. }, None) => String::new(),
    }
}
