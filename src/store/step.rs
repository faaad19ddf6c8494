//! Steps at which tests kill the program or make the disk refuse; without effect in builds without tests.

use std::io;

/// Marks a step of writing or reading by name.
///
/// Tests set the action in `FAILPOINTS`: `blob.written=return(kill)` kills the program, `return(stop)` suspends it,
/// `return(term)` asks it to end, `return(full)` makes the disk refuse, and `panic` panics.
///
/// # Errors
/// Only where a test requests one.
#[allow(clippy::unnecessary_wraps, reason = "only builds with tests have such places")]
pub(super) fn step(name: &str) -> io::Result<()> {
    fail::fail_point!(name, |action: Option<String>| {
        let signal = match action.as_deref() {
            Some("kill") => "-KILL",
            Some("term") => "-TERM",
            Some("stop") => "-STOP",
            _ => return Err(io::Error::from(io::ErrorKind::StorageFull)),
        };
        // The shell's own `kill`, because not every machine has a program of that name.
        let command = format!("kill {signal} {}", std::process::id());
        std::process::Command::new("sh").args(["-c", &command]).status().map(drop)
    });
    let _ = name;
    Ok(())
}
