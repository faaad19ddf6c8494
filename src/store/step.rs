//! Steps at which tests let the program die or the disk refuse; nothing in a build without tests.

use std::io;

/// A step of writing or reading, by name.
///
/// Tests say in `FAILPOINTS` what happens there: `blob.written=return(kill)` kills the program, `return(stop)` stops it
/// until it is told to go on, `return(term)` asks it to end, `return(full)` lets the disk refuse, `panic` panics.
///
/// # Errors
/// Only where a test asks for one.
#[allow(clippy::unnecessary_wraps, reason = "only builds with tests have such places")]
pub(super) fn step(name: &str) -> io::Result<()> {
    fail::fail_point!(name, |action: Option<String>| {
        let signal = match action.as_deref() {
            Some("kill") => "-KILL",
            Some("term") => "-TERM",
            Some("stop") => "-STOP",
            _ => return Err(io::Error::from(io::ErrorKind::StorageFull)),
        };
        // The shell's own `kill`: the program of that name is not on every machine.
        let command = format!("kill {signal} {}", std::process::id());
        std::process::Command::new("sh").args(["-c", &command]).status().map(drop)
    });
    let _ = name;
    Ok(())
}
