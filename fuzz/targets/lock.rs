//! A lock file: what can be read is written the same, and compared with itself has not changed.
#![no_main]

use lawfit::changes::Changes;
use lawfit::lock::Lock;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Some(lock) = Lock::read(text) else { return };
    let again = Lock::read(&lock.text()).expect("what is written can be read");
    assert_eq!(again.text(), lock.text());
    let changes = Changes::between(&again, &lock);
    let _ = (changes.text(), changes.markdown());
});
