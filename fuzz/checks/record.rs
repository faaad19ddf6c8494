//! Records and bundles of a cache: whatever their content, only complete results are accepted.

use lawfit::artifact::Digest;
use lawfit::store::Store;

pub(crate) fn check(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::new(&folder.path().join("cache"));
    let key = Digest::of(b"{}");
    let records = folder.path().join("cache/v1/ac");
    std::fs::create_dir_all(&records).expect("a folder");
    std::fs::write(records.join(format!("{key}.json")), bytes).expect("a file");
    if let Some(outputs) = store.find(&key, &|_| true) {
        for blob in outputs.values() {
            assert!(store.read(&blob.digest, blob.size).is_some());
        }
    }
    let _ = store.import(bytes);
    let beside: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(beside.len(), 1, "nothing is written outside");
}
