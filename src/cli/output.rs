//! Output of the program: results on standard output, everything else on standard error. Neither can block the work.
//!
//! A reader may close standard output at any time, as `head` does. Nothing more is then written there, and the exit
//! code stays that of the work. Any other failure to write results is reported, with exit code 1. A separate thread
//! writes messages, so a blocked terminal or pipe does not delay any stage, and a standard error that is full or
//! closed changes nothing.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::report::Terminal;

/// Writes results unchanged.
pub(super) fn print(text: &str) {
    // Earlier messages come first, also where both streams go to one terminal.
    flush_messages();
    let mut failure = locked(&FAILURE);
    if failure.is_none() {
        let mut stdout = io::stdout().lock();
        *failure = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).err();
    }
}

/// Lines in which control characters of a text of the data are shown as pictures of themselves. Colours stay.
fn shown(lines: &str) -> String {
    let mut shown = String::with_capacity(lines.len());
    let mut rest = lines;
    while let Some(c) = rest.chars().next() {
        let colour = rest
            .strip_prefix("\u{1b}[")
            .map(|code| code.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';'))
            .and_then(|code| code.strip_prefix('m'));
        if let Some(after) = colour {
            shown.push_str(&rest[..rest.len() - after.len()]);
            rest = after;
            continue;
        }
        let is_shown = !c.is_control() || matches!(c, '\n' | '\t');
        let picture = char::from_u32(0x2400 + u32::from(c)).filter(|_| u32::from(c) < 0x20).unwrap_or('\u{fffd}');
        shown.push(if is_shown { c } else { picture });
        rest = &rest[c.len_utf8()..];
    }
    shown
}

/// Writes lines of results.
pub(super) fn print_line(line: impl Display) {
    print(&format!("{}\n", shown(&line.to_string())));
}

/// Width and colours of standard output. The width is COLUMNS, that of the terminal, or a default; colours are used
/// on a terminal only.
pub(super) fn terminal() -> Terminal {
    const USUAL: usize = 100;
    const LEAST: usize = 40;
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
    let width = asked.or_else(|| {
        let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
        Some(usize::from(width.0))
    });
    Terminal { width: width.unwrap_or(USUAL).max(LEAST), colour: takes_colour(io::stdout().is_terminal()) }
}

/// Whether a stream uses colours: a terminal does, unless `NO_COLOR` is set or `TERM` is `dumb`.
pub(super) fn takes_colour(is_terminal: bool) -> bool {
    is_terminal
        && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Why results could not be written; `None` if the reader closed the pipe.
pub(super) fn failure() -> Option<String> {
    let failure = locked(&FAILURE);
    failure.as_ref().filter(|error| error.kind() != ErrorKind::BrokenPipe).map(ToString::to_string)
}

/// Queues a line for standard error and returns at once.
pub(super) fn tell(line: &str) {
    let Some(messages) = messages() else {
        let _ = writeln!(io::stderr(), "{line}");
        return;
    };
    let mut queue = locked(&messages.queue);
    if queue.closed || queue.waiting.len() + line.len() > MOST_WAITING {
        return;
    }
    queue.waiting.push_str(line);
    queue.waiting.push('\n');
    drop(queue);
    messages.news.notify_all();
}

/// Waits until messages are written, or until standard error is found to be blocked.
pub(super) fn flush_messages() {
    let Some(messages) = messages() else { return };
    let mut queue = locked(&messages.queue);
    while !queue.closed && (queue.writing || !queue.waiting.is_empty()) {
        let before = queue.written;
        let (next, waited) = messages.news.wait_timeout(queue, PATIENCE).unwrap_or_else(PoisonError::into_inner);
        queue = next;
        if waited.timed_out() && queue.written == before {
            // Nobody reads: later messages are dropped without waiting.
            queue.closed = true;
        }
    }
}

/// Why results could not be written.
static FAILURE: Mutex<Option<io::Error>> = Mutex::new(None);

/// Time for which a blocked standard error is awaited.
const PATIENCE: Duration = Duration::from_secs(2);
/// Maximum number of queued bytes. No run produces more; the limit bounds memory if nobody reads.
const MOST_WAITING: usize = 4 << 20;
/// Number of bytes per write, so that a slow reader differs from a blocked one.
const PIECE: usize = 4096;

/// The queue of messages.
#[derive(Default)]
struct Messages {
    queue: Mutex<Queue>,
    /// Notified when there is something to write, and after each write.
    news: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: String,
    /// Whether a write is in progress.
    writing: bool,
    /// Number of written bytes.
    written: usize,
    /// Whether standard error is closed or blocked.
    closed: bool,
}

/// The queue with its thread; `None` where no thread can be created.
fn messages() -> Option<&'static Messages> {
    static MESSAGES: OnceLock<Option<&'static Messages>> = OnceLock::new();
    *MESSAGES.get_or_init(|| {
        let messages: &'static Messages = Box::leak(Box::default());
        let writer = std::thread::Builder::new().name("messages".to_owned()).spawn(|| write(messages));
        writer.is_ok().then_some(messages)
    })
}

/// Writes messages as they arrive.
fn write(messages: &Messages) {
    let mut queue = locked(&messages.queue);
    loop {
        if queue.waiting.is_empty() {
            queue = messages.news.wait(queue).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let text = std::mem::take(&mut queue.waiting);
        queue.writing = true;
        drop(queue);
        let mut failed = false;
        for piece in text.as_bytes().chunks(PIECE) {
            failed = io::stderr().write_all(piece).is_err();
            let mut queue = locked(&messages.queue);
            queue.written += piece.len();
            if failed {
                break;
            }
        }
        queue = locked(&messages.queue);
        queue.writing = false;
        queue.closed |= failed;
        messages.news.notify_all();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_colours_stay() {
        assert_eq!(shown("a\u{1b}]0;title\u{7}b\r\n"), "a\u{241b}]0;title\u{2407}b\u{240d}\n");
        assert_eq!(shown("\u{1b}[1;31mred\u{1b}[0m\tand\u{1b}[2J"), "\u{1b}[1;31mred\u{1b}[0m\tand\u{241b}[2J");
    }
}
