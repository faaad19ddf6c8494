//! A lock file: what can be read is written the same, and can be compared.

use lawfit::changes::Changes;
use lawfit::lock::Lock;

pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(lock) = Lock::read(text) else { return };
    let again = Lock::read(&lock.text()).expect("what is written can be read");
    assert_eq!(again.text(), lock.text());
    let changes = Changes::between(&again, &lock);
    let _ = (changes.text(), changes.markdown());
}
