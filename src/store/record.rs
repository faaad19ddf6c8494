//! What a key produced, as a file; believed only where everything in it fits together.

use serde::{Deserialize, Serialize};

use crate::artifact::{Digest, Manifest};

/// What a key produced; one JSON file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The digest of the fingerprint.
    pub key: Digest,
    /// Everything that decided the result, of which the key is the digest: a reader can see why.
    pub fingerprint: String,
    /// What was produced.
    pub outputs: Manifest,
}

/// A record as its file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    key: Digest,
    fingerprint: String,
    outputs: Manifest,
    /// The digest of all the rest. A lawfit before this one wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<Digest>,
}

/// Why a file is not believed to be the record of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is not as it was written, or was written for another key.
    Damaged,
    /// It has no checksum, so nobody knows.
    Unsealed,
}

/// Longest record that is read.
pub(super) const MAX_BYTES: u64 = 64 << 20;

impl Record {
    /// The record in a file's bytes, if it is one, is that of the key and is as it was written.
    pub(super) fn read(bytes: &[u8], key: &Digest) -> Result<Self, Flaw> {
        let Written { key: own, fingerprint, outputs, checksum } =
            serde_json::from_slice(bytes).map_err(|_| Flaw::Damaged)?;
        let record = Self { key: own, fingerprint, outputs };
        let fits = record.key == *key
            && Digest::of(record.fingerprint.as_bytes()) == *key
            && record.outputs.values().all(|blob| blob.digest.is_well_formed());
        match checksum {
            _ if !fits => Err(Flaw::Damaged),
            None => Err(Flaw::Unsealed),
            // Letter by letter, so that no other spelling of the same is taken for whole.
            Some(checksum) if checksum == record.checksum() && bytes == record.bytes() => Ok(record),
            Some(_) => Err(Flaw::Damaged),
        }
    }

    /// The record as a file's bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let Self { key, fingerprint, outputs } = self.clone();
        let written = Written { key, fingerprint, outputs, checksum: Some(self.checksum()) };
        serde_json::to_vec_pretty(&written).unwrap_or_default()
    }

    fn checksum(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// The kind of its stage, as its fingerprint has it.
    pub fn kind(&self) -> String {
        let fingerprint: Option<serde_json::Value> = serde_json::from_str(&self.fingerprint).ok();
        fingerprint.and_then(|f| f["kind"].as_str().map(str::to_owned)).unwrap_or_else(|| "unknown".to_owned())
    }
}
