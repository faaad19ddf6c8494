//! Converts a panic to a failure, which is shown once like other failures.

use std::any::Any;
use std::sync::{Mutex, PoisonError};

/// The place of the last panic. It may belong to another thread, which still helps to find a defect.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Stops panics from printing; the program reports them like other failures.
pub fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = panic.location().map(ToString::to_string);
    }));
}

/// The message of a panic and its place.
pub fn panic_in_words(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let message = message.unwrap_or("without a word");
    match PLACE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(place) => format!("{message} (at {place})"),
        None => message.to_owned(),
    }
}
