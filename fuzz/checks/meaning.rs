//! A record with changed outputs and a valid checksum: the store returns only roles that the stage produces, and only
//! complete blobs.

use std::collections::BTreeMap;

use lawfit::artifact::{Blob, Digest};
use lawfit::store::{Record, Store};

/// The roles that the stage produces.
const ROLES: [&str; 2] = ["fit", "rows"];

pub(crate) fn check(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("cache");
    let store = Store::new(&root);
    let fingerprint = "{\"kind\": \"fit\"}";
    let key = Digest::of(fingerprint.as_bytes());
    let outputs: BTreeMap<_, _> =
        ROLES.iter().map(|role| ((*role).to_owned(), std::sync::Arc::new(role.as_bytes().to_vec()))).collect();
    let written = store.write(&key, fingerprint, &outputs).expect("a result can be written");
    let mut record = store.record(&key).expect("what was written is there");
    bytes.chunks_exact(3).for_each(|change| alter(&mut record, change));
    std::fs::write(root.join(format!("v1/ac/{key}.json")), sealed(&record)).expect("a file");
    let is_produced = |outputs: &BTreeMap<String, Blob>| outputs.keys().eq(ROLES);
    match store.find(&key, &is_produced) {
        Some(found) => {
            assert!(is_produced(&found));
            assert_eq!(found, record.outputs);
            for blob in found.values() {
                if let Some(bytes) = store.read(&blob.digest, blob.size) {
                    assert_eq!((Digest::of(&bytes), bytes.len() as u64), (blob.digest.clone(), blob.size));
                }
            }
        }
        // The key is the digest of the fingerprint, so a record with another fingerprint belongs to another key.
        None => assert!(record.outputs != written || record.fingerprint != fingerprint, "what is whole is found"),
    }
}

/// Applies to a record the change that three bytes encode.
fn alter(record: &mut Record, change: &[u8]) {
    let roles: Vec<String> = record.outputs.keys().cloned().collect();
    let role = |byte: u8| roles.get(usize::from(byte) % roles.len().max(1)).cloned().unwrap_or_default();
    let (one, other) = (role(change[1]), role(change[2]));
    let Some(blob) = record.outputs.get(&one).cloned() else { return };
    match change[0] % 7 {
        0 => drop(record.outputs.remove(&one)),
        1 => drop(record.outputs.insert(format!("{one}{}", char::from(change[2])), blob)),
        2 => {
            record.outputs.remove(&one);
            record.outputs.insert(format!("../{one}"), blob);
        }
        3 => drop(record.outputs.insert(other, blob)),
        4 => drop(record.outputs.insert(one, Blob { size: u64::from(change[2]) << 56 | blob.size, ..blob })),
        5 => drop(record.outputs.insert(one, Blob { digest: Digest::of(&change[2..]), ..blob })),
        _ => record.fingerprint.push(char::from(change[2])),
    }
}

/// The file of a record, with a checksum of its content.
fn sealed(record: &Record) -> Vec<u8> {
    let checksum = Digest::of(&serde_json::to_vec(record).expect("a record can be written"));
    let plain = serde_json::to_string_pretty(record).expect("a record can be written");
    let body = plain.trim_end().trim_end_matches('}').trim_end();
    format!("{body},\n  \"checksum\": \"{checksum}\"\n}}").into_bytes()
}
