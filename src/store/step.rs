//! Steps at which tests let the program die or the disk refuse; nothing in a build without tests.

use std::io;

/// A step of writing or reading, by name.
///
/// Tests say in `FAILPOINTS` what happens there: `blob.written=return(kill)` kills the program,
/// `return(term)` asks it to end, `return(full)` lets the disk refuse, `panic` panics.
///
/// # Errors
/// Only where a test asks for one.
#[allow(clippy::unnecessary_wraps, reason = "only builds with tests have such places")]
pub(super) fn step(name: &str) -> io::Result<()> {
    fail::fail_point!(name, |action: Option<String>| {
        let signal = match action.as_deref() {
            Some("kill") => "-KILL",
            Some("term") => "-TERM",
            _ => return Err(io::Error::from(io::ErrorKind::StorageFull)),
        };
        let own = std::process::id().to_string();
        std::process::Command::new("kill").args([signal, &own]).status().map(drop)
    });
    let _ = name;
    Ok(())
}
