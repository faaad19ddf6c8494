//! Lock files: what the program writes of a lock equals what a TOML reader finds in the file, and locks can be
//! compared.

use lawfit::changes::Changes;
use lawfit::lock::Lock;
use toml::{Table, Value};

pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(lock) = Lock::read(text) else { return };
    let [mut read, mut written] = [text, &lock.text()].map(|text| text.parse::<Table>().expect("a lock is TOML"));
    plain(&mut read);
    plain(&mut written);
    assert_eq!(written, read);
    let again = Lock::read(&lock.text()).expect("what is written can be read");
    let changes = Changes::between(&again, &lock);
    let _ = (changes.text(), changes.markdown());
}

/// Normalises differences between equal locks: a set is sorted and without repetitions, empty parts are left out, and
/// an integer stands for a float.
fn plain(lock: &mut Table) {
    if let Some(Value::Array(names)) = lock.get_mut("unidentified") {
        names.sort_by_key(ToString::to_string);
        names.dedup();
    }
    for part in ["numbers", "levels"] {
        for (_, number) in lock.get_mut(part).and_then(Value::as_table_mut).into_iter().flatten() {
            let as_float = number.as_integer().map(|whole| whole as f64).or_else(|| number.as_float());
            // As text, since NaN does not equal itself.
            as_float.into_iter().for_each(|float| *number = Value::String(format!("{float:?}")));
        }
    }
    for part in ["unidentified", "rows", "levels"] {
        let is_empty = match lock.get(part) {
            Some(Value::Array(all)) => all.is_empty(),
            Some(Value::Table(all)) => all.is_empty(),
            _ => false,
        };
        if is_empty {
            lock.remove(part);
        }
    }
}
