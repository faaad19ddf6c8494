//! Turns a panic into a failure that is shown once, rather than a message of the thread in which it happened.

use std::any::Any;
use std::sync::{Mutex, PoisonError};

/// Where the last panic was. That it may be another thread's is no harm: it helps to find a defect.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Lets panics print nothing; the program shows them as it shows other failures.
pub fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = panic.location().map(ToString::to_string);
    }));
}

/// What a panic said, and where it was.
pub fn panic_in_words(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let message = message.unwrap_or("without a word");
    match PLACE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(place) => format!("{message} (at {place})"),
        None => message.to_owned(),
    }
}
