use super::*;

fn outputs() -> Outputs {
    BTreeMap::from([("a".to_owned(), Arc::new(b"alpha".to_vec())), ("b".to_owned(), Arc::new(b"beta".to_vec()))])
}

fn written() -> (tempfile::TempDir, Store, Digest) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let key = Digest::of(b"print");
    store.write(&key, "print", &outputs()).unwrap();
    (folder, store, key)
}

#[test]
fn what_was_written_is_found_and_read() {
    let (_folder, store, key) = written();
    let found = store.find(&key).unwrap();
    assert_eq!(found, manifest(&outputs()));
    assert_eq!(**store.read(&found["b"].digest, found["b"].size).unwrap(), *b"beta");
    assert!(store.take_notices().is_empty());
}

#[test]
fn every_kind_of_damage_to_a_blob_is_found_and_set_aside() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("truncated", |p| std::fs::write(p, b"alph").unwrap()),
        ("empty", |p| std::fs::write(p, b"").unwrap()),
        ("flipped", |p| std::fs::write(p, b"alphb").unwrap()),
        ("longer", |p| std::fs::write(p, b"alpha!").unwrap()),
    ];
    for (name, damage) in damages {
        let (_folder, store, key) = written();
        let path = store.blob_path(&Digest::of(b"alpha"));
        std::fs::remove_file(&path).unwrap();
        damage(&path);
        assert_eq!(store.find(&key), None, "{name}");
        assert_eq!(store.take_notices().len(), 1, "{name}");
        store.write(&key, "print", &outputs()).unwrap();
        assert!(store.find(&key).is_some(), "{name}");
    }
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let (_folder, store, key) = written();
    for path in [store.blob_path(&Digest::of(b"alpha")), store.record_path(&key)] {
        std::fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert_eq!(Store::new(path.parent().unwrap().parent().unwrap().parent().unwrap()).find(&key), None);
        std::fs::remove_file(&path).unwrap();
        store.write(&key, "print", &outputs()).unwrap();
    }
}

#[test]
fn a_missing_blob_is_a_miss_that_a_new_write_mends() {
    let (_folder, store, key) = written();
    std::fs::remove_file(store.blob_path(&Digest::of(b"beta"))).unwrap();
    assert_eq!(store.find(&key), None);
    store.write(&key, "print", &outputs()).unwrap();
    assert!(store.find(&key).is_some());
}

#[test]
fn a_damaged_or_foreign_record_is_not_believed() {
    let (_folder, store, key) = written();
    let path = store.record_path(&key);
    let text = std::fs::read_to_string(&path).unwrap();
    for bad in [
        text.replace(Digest::of(b"alpha").as_str(), "../../../etc/passwd"),
        text.replace("print", "other"),
        "{".to_owned(),
    ] {
        std::fs::write(&path, bad).unwrap();
        assert_eq!(store.find(&key), None);
        store.write(&key, "print", &outputs()).unwrap();
        assert!(store.find(&key).is_some());
    }
}

#[test]
fn different_bytes_under_one_key_are_reported() {
    let (_folder, store, key) = written();
    let mut other = outputs();
    other.insert("b".to_owned(), Arc::new(b"gamma".to_vec()));
    store.write(&key, "print", &other).unwrap();
    let notices = store.take_notices();
    assert!(notices[0].contains("different bytes twice (b)"), "{notices:?}");
}

#[test]
fn downloads_are_kept_by_their_sha256() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let bytes = Arc::new(b"table".to_vec());
    let sha = crate::artifact::sha256(&bytes);
    assert_eq!(store.downloaded(&sha), None);
    store.keep_download(&sha, &bytes).unwrap();
    assert_eq!(store.downloaded(&sha), Some(bytes));
}

#[test]
fn a_folder_of_another_spec_or_of_nobody_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("study");
    publish(&out, "../study.toml", &outputs()).unwrap();
    publish(&out, "../study.toml", &outputs()).unwrap();
    assert!(matches!(publish(&out, "../other.toml", &outputs()), Err(PublishError::OtherSpec { .. })));
    let foreign = folder.path().join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("thesis.tex"), "years of work").unwrap();
    assert!(matches!(publish(&foreign, "../study.toml", &outputs()), Err(PublishError::NotOurs { .. })));
}

#[test]
fn outputs_no_longer_made_are_removed_and_foreign_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), "s", &outputs()).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    let fewer = BTreeMap::from([("a".to_owned(), Arc::new(b"new".to_vec()))]);
    publish(folder.path(), "s", &fewer).unwrap();
    assert!(!folder.path().join("b").exists());
    assert!(folder.path().join("notes.txt").exists());
    assert_eq!(std::fs::read(folder.path().join("a")).unwrap(), b"new");
}

#[test]
fn an_output_cannot_be_named_out_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["../x", "a/b", ".hidden", ""] {
        let outputs = BTreeMap::from([(name.to_owned(), Arc::new(Vec::new()))]);
        assert!(matches!(publish(folder.path(), "s", &outputs), Err(PublishError::Name(_))), "{name}");
    }
}
