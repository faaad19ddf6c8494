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
fn written_outputs_are_found_and_read() {
    let (_folder, store, key) = written();
    let found = store.find(&key, &|_| true).unwrap();
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
        assert_eq!(store.find(&key, &|_| true), None, "{name}");
        assert_eq!(store.take_notices().len(), 1, "{name}");
        store.write(&key, "print", &outputs()).unwrap();
        assert!(store.find(&key, &|_| true).is_some(), "{name}");
    }
}

/// Replaces a file by another kind of entry.
type Put = fn(&Path);

/// Kinds of entries that can replace a file.
const OTHERS: [(&str, Put); 5] = [
    ("a folder", |p| std::fs::create_dir_all(p.join("full")).unwrap()),
    ("a pipe", |p| assert!(std::process::Command::new("mkfifo").arg(p).status().unwrap().success())),
    ("a link to nothing", |p| std::os::unix::fs::symlink("nowhere", p).unwrap()),
    ("a link to itself", |p| std::os::unix::fs::symlink(p, p).unwrap()),
    ("a link to a device", |p| std::os::unix::fs::symlink("/dev/zero", p).unwrap()),
];

#[test]
fn an_entry_in_the_place_of_a_file_is_set_aside_and_rewritten() {
    for (name, put) in OTHERS {
        // Twice, because the first entry set aside must not block the second.
        let (_folder, store, key) = written();
        for _ in 0..2 {
            for path in [store.blob_path(&Digest::of(b"alpha")), store.record_path(&key)] {
                std::fs::remove_file(&path).unwrap();
                put(&path);
                assert_eq!(store.find(&key, &|_| true), None, "{name}");
                assert_eq!(store.take_notices().len(), 1, "{name}");
                store.write(&key, "print", &outputs()).unwrap();
                assert!(store.find(&key, &|_| true).is_some(), "{name}");
            }
        }
    }
}

#[test]
fn verifying_finds_entries_in_the_place_of_files() {
    for (name, put) in OTHERS {
        let (_folder, store, key) = written();
        for path in [store.blob_path(&Digest::of(b"alpha")), store.record_path(&key)] {
            std::fs::remove_file(&path).unwrap();
            put(&path);
        }
        let verified = store.verify().unwrap();
        assert_eq!((verified.results, verified.damaged), (0, 2), "{name}");
        assert_eq!(store.verify().unwrap().damaged, 0, "{name}");
        let all = Keep { used_within: std::time::Duration::ZERO, most_bytes: None, dry_run: false };
        store.collect(&all).unwrap();
        assert_eq!(store.contents().unwrap().set_aside, 0, "{name}: what was set aside is collected");
    }
}

#[test]
fn invalid_lists_of_last_use_are_ignored() {
    for (_, put) in OTHERS {
        let (_folder, store, _) = written();
        std::fs::create_dir_all(store.usage_folder()).unwrap();
        put(&store.usage_folder().join("99999-0123456789abcdef"));
        let keep = Keep { used_within: std::time::Duration::from_hours(24), most_bytes: None, dry_run: false };
        assert_eq!(store.collect(&keep).unwrap().records, 0);
    }
}

#[test]
fn a_missing_blob_is_a_miss_and_is_rewritten() {
    let (_folder, store, key) = written();
    std::fs::remove_file(store.blob_path(&Digest::of(b"beta"))).unwrap();
    assert_eq!(store.find(&key, &|_| true), None);
    store.write(&key, "print", &outputs()).unwrap();
    assert!(store.find(&key, &|_| true).is_some());
}

#[test]
fn a_record_with_any_changed_byte_is_set_aside_and_rewritten() {
    let (_folder, store, key) = written();
    let path = store.record_path(&key);
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        for bit in [0x01, 0x20, 0x80] {
            let mut flipped = whole.clone();
            flipped[at] ^= bit;
            std::fs::write(&path, &flipped).unwrap();
            assert_eq!(store.find(&key, &|_| true), None, "byte {at} with bit {bit:#x}");
            assert!(!path.exists(), "byte {at} with bit {bit:#x}");
            store.take_notices();
        }
        // All entries set aside have the same name.
        std::fs::remove_dir_all(store.damaged_folder()).unwrap();
    }
    std::fs::write(&path, whole).unwrap();
    assert!(store.find(&key, &|_| true).is_some());
}

#[test]
fn a_damaged_or_foreign_record_is_not_accepted() {
    let (_folder, store, key) = written();
    let path = store.record_path(&key);
    let whole = std::fs::read_to_string(&path).unwrap();
    let other = Digest::of(b"other");
    store.write(&other, "other", &outputs()).unwrap();
    for bad in [
        whole.replace(Digest::of(b"alpha").as_str(), "../../../etc/passwd"),
        whole.replace(Digest::of(b"alpha").as_str(), Digest::of(b"beta").as_str()),
        whole.replace("\"a\":", "\"c\":"),
        whole.replace("print", "other"),
        format!("{whole} "),
        std::fs::read_to_string(store.record_path(&other)).unwrap(),
        "{".to_owned(),
    ] {
        assert_ne!(bad, whole);
        std::fs::write(&path, &bad).unwrap();
        assert_eq!(store.verify().unwrap().damaged, 1, "{bad}");
        std::fs::write(&path, &bad).unwrap();
        assert_eq!(store.find(&key, &|_| true), None, "{bad}");
        store.write(&key, "print", &outputs()).unwrap();
        assert!(store.find(&key, &|_| true).is_some());
    }
}

#[test]
fn a_record_of_other_roles_than_its_stage_produces_is_damaged() {
    let (_folder, store, key) = written();
    assert!(store.find(&key, &|outputs| outputs.keys().eq(["a", "b"])).is_some());
    assert_eq!(store.find(&key, &|outputs| outputs.keys().eq(["a", "c"])), None);
    assert!(store.take_notices()[0].contains("damaged"));
}

#[test]
fn a_result_without_a_checksum_is_computed_again_without_a_notice() {
    let (_folder, store, key) = written();
    let path = store.record_path(&key);
    let mut record: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    record.as_object_mut().unwrap().remove("checksum").unwrap();
    let text = serde_json::to_vec_pretty(&record).unwrap();
    std::fs::write(&path, &text).unwrap();
    assert_eq!(store.verify().unwrap().incomplete, 1);
    std::fs::write(&path, &text).unwrap();
    assert_eq!(store.find(&key, &|_| true), None);
    assert!(store.take_notices().is_empty());
    store.write(&key, "print", &outputs()).unwrap();
    assert!(store.find(&key, &|_| true).is_some());
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
fn a_folder_of_another_spec_or_without_an_owner_is_refused() {
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
fn outputs_no_longer_produced_are_removed_and_foreign_files_stay() {
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
fn the_name_of_an_output_cannot_leave_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["../x", "a/../x", "a/b/c", "a/.b", "/a", "a/", ".hidden", ""] {
        let outputs = BTreeMap::from([(name.to_owned(), Arc::new(Vec::new()))]);
        assert!(matches!(publish(folder.path(), "s", &outputs), Err(PublishError::Name(_))), "{name}");
    }
}
