//! What a key produced, as a file; believed only where everything in it fits together.

use serde::{Deserialize, Serialize};

use crate::artifact::{Digest, Manifest};

/// What a key produced; one JSON file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The digest of the fingerprint.
    pub key: Digest,
    /// Everything that decided the result, of which the key is the digest: a reader can see why.
    pub fingerprint: String,
    /// What was produced.
    pub outputs: Manifest,
}

/// Longest record that is read.
pub(super) const MAX_BYTES: u64 = 64 << 20;

impl Record {
    /// The record in a file's bytes, if it is one and is that of the key.
    pub(super) fn read(bytes: &[u8], key: &Digest) -> Option<Self> {
        let record: Self = serde_json::from_slice(bytes).ok()?;
        let whole = record.key == *key
            && Digest::of(record.fingerprint.as_bytes()) == *key
            && record.outputs.values().all(|blob| blob.digest.is_well_formed());
        whole.then_some(record)
    }

    /// The record as a file's bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// The kind of its stage, as its fingerprint has it.
    pub fn kind(&self) -> String {
        let fingerprint: Option<serde_json::Value> = serde_json::from_str(&self.fingerprint).ok();
        fingerprint.and_then(|f| f["kind"].as_str().map(str::to_owned)).unwrap_or_else(|| "unknown".to_owned())
    }
}
