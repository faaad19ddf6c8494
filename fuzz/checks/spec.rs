//! The bytes of a spec in either language: reading, composing and compiling them never panics.

use std::path::PathBuf;

use lawfit::plan::{SpecFile, compile};

pub(crate) fn check(bytes: &[u8]) {
    // The first byte selects the language. The folder `nowhere` has no files that a spec could name.
    let Some((&first, rest)) = bytes.split_first() else { return };
    let name = if first % 2 == 0 { "nowhere/spec.toml" } else { "nowhere/spec.yaml" };
    let file = SpecFile { path: PathBuf::from(name), bytes: rest.to_vec() };
    let compiled = compile(std::slice::from_ref(&file));
    let text = String::from_utf8_lossy(rest);
    let places = lawfit::spec::Places::of(text.strip_prefix('\u{feff}').unwrap_or(&text), file.format());
    for diagnostic in &compiled.diagnostics {
        if let Some(range) = places.bytes(&diagnostic.place) {
            assert!(range.start <= range.end);
        }
    }
}
