//! The outputs for a key, as a file with a checksum.

use serde::{Deserialize, Serialize};

use crate::artifact::{Digest, Manifest};

/// The outputs for a key; one JSON file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The digest of the fingerprint.
    pub key: Digest,
    /// Everything that determines the result. The key is its digest, and people can read it.
    pub fingerprint: String,
    /// The outputs.
    pub outputs: Manifest,
}

/// A record as stored in its file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    key: Digest,
    fingerprint: String,
    outputs: Manifest,
    /// The digest of all other fields. Older versions of lawfit wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<Digest>,
}

/// Why a file is not accepted as the record for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The content was changed, or belongs to another key.
    Damaged,
    /// There is no checksum, so the content cannot be verified.
    Unsealed,
}

/// Maximum size of a record.
pub(super) const MAX_BYTES: u64 = 64 << 20;

impl Record {
    /// Parses a record and verifies its key and checksum.
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
            // Compare all bytes, so that no other spelling of the same content is accepted.
            Some(checksum) if checksum == record.checksum() && bytes == record.bytes() => Ok(record),
            Some(_) => Err(Flaw::Damaged),
        }
    }

    /// The record as the bytes of its file.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let Self { key, fingerprint, outputs } = self.clone();
        let written = Written { key, fingerprint, outputs, checksum: Some(self.checksum()) };
        serde_json::to_vec_pretty(&written).unwrap_or_default()
    }

    fn checksum(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// The kind of its stage, from the fingerprint.
    pub fn kind(&self) -> String {
        let fingerprint: Option<serde_json::Value> = serde_json::from_str(&self.fingerprint).ok();
        fingerprint.and_then(|f| f["kind"].as_str().map(str::to_owned)).unwrap_or_else(|| "unknown".to_owned())
    }
}
