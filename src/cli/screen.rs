//! Output for users other than results: diagnostics, progress and notices. All of it goes to standard error.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output;
use crate::diagnostic::{Diagnostic, Severity};
use crate::engine::{Event, Status};
use crate::plan::SpecFile;
use crate::spec::Places;

/// The terminal or its replacement.
pub(super) struct Screen {
    quiet: bool,
    colour: bool,
    live: bool,
}

impl Screen {
    pub(super) fn new(quiet: bool) -> Self {
        let live = std::io::stderr().is_terminal();
        Self { quiet, colour: output::takes_colour(live), live: live && !quiet }
    }

    fn renderer(&self) -> Renderer {
        let width = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).unwrap_or(100);
        if self.colour { Renderer::styled().term_width(width) } else { Renderer::plain().term_width(width) }
    }

    /// Prints an error without a place in a spec.
    pub(super) fn error(&self, message: &str, hints: &[String]) {
        self.draw(Level::ERROR.primary_title(message).elements(hints.iter().map(|h| Level::HELP.message(h.as_str()))));
    }

    /// Prints a notice.
    pub(super) fn notice(&self, message: &str) {
        if !self.quiet {
            self.draw(Group::with_title(Level::NOTE.primary_title(message)));
        }
    }

    /// Prints one line about completed work.
    pub(super) fn say(&self, line: &str) {
        if !self.quiet {
            output::tell(line);
        }
    }

    fn draw(&self, group: Group<'_>) {
        output::tell(&format!("{}\n", self.renderer().render(&[group])));
    }

    /// Prints diagnostics with their places, errors first.
    pub(super) fn diagnostics(&self, all: &[Diagnostic], files: &[SpecFile]) {
        let texts: Vec<(&Path, String, Places)> = files
            .iter()
            .map(|file| {
                let text = String::from_utf8_lossy(&file.bytes).into_owned();
                let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
                let places = Places::of(if all.is_empty() { "" } else { &text }, file.format());
                (file.path.as_path(), text, places)
            })
            .collect();
        let place = |d: &Diagnostic| {
            let file = texts.iter().position(|(path, ..)| d.file.as_deref() == Some(*path));
            let start = file.and_then(|f| texts[f].2.bytes(&d.place)).map_or(0, |range| range.start);
            (d.severity, file, start)
        };
        // A warning may explain an error.
        let has_error = all.iter().any(|d| d.severity == Severity::Error);
        let mut sorted: Vec<&Diagnostic> = all.iter().filter(|_| has_error || !self.quiet).collect();
        sorted.sort_by_cached_key(|d| place(d));
        for diagnostic in sorted.iter().take(MOST_SHOWN) {
            let file = texts.iter().find(|(path, ..)| diagnostic.file.as_deref() == Some(*path));
            self.diagnostic(diagnostic, file);
        }
        let errors = all.iter().filter(|d| d.severity == Severity::Error).count();
        if sorted.len() > MOST_SHOWN {
            output::tell(&format!("{errors} errors and more, of which {MOST_SHOWN} are shown: correct these first"));
        } else if errors > 1 {
            output::tell(&format!("{errors} errors"));
        }
    }

    fn diagnostic(&self, diagnostic: &Diagnostic, file: Option<&(&Path, String, Places)>) {
        let level = if diagnostic.severity == Severity::Error { Level::ERROR } else { Level::WARNING };
        let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()).id(diagnostic.code));
        if let Some((path, text, places)) = file {
            let path = path.display().to_string();
            group = match places.bytes(&diagnostic.place) {
                Some(range) => {
                    let label = diagnostic.label.clone();
                    let annotation = AnnotationKind::Primary.span(range).label(label.as_deref().map(str::to_owned));
                    group.element(Snippet::source(text.as_str()).path(path).annotation(annotation))
                }
                None => group.element(annotate_snippets::Origin::path(path)),
            };
        }
        let group = group.elements(diagnostic.hints.iter().map(|h| Level::HELP.message(h.as_str())));
        self.draw(group);
    }

    /// A display of running stages.
    pub(super) fn progress(&self, stages: usize) -> Progress<'_> {
        let target = if self.live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        let style = ProgressStyle::with_template("{prefix:>12.bold} {bar:24} {pos}/{len} {eta:>4} {wide_msg}");
        let total = bars.add(ProgressBar::new(stages as u64));
        if let Ok(style) = style {
            total.set_style(style);
        }
        total.set_prefix("stages");
        Progress { screen: self, bars, total, running: Mutex::new(BTreeMap::new()) }
    }
}

/// Maximum number of errors and warnings that are shown.
const MOST_SHOWN: usize = 50;

/// Run time after which a stage gets its own progress bar.
const PATIENCE: Duration = Duration::from_millis(200);
/// Run time after which a long stage is reported, where there are no bars.
const LONG: Duration = Duration::from_secs(10);

/// A running stage: its start, its bar, and whether its long run time was reported.
type Running = (Instant, Option<ProgressBar>, bool);

/// A display of running stages: bars on a terminal, plain lines elsewhere.
pub(super) struct Progress<'a> {
    screen: &'a Screen,
    bars: MultiProgress,
    total: ProgressBar,
    running: Mutex<BTreeMap<String, Running>>,
}

impl Progress<'_> {
    /// Displays an event.
    pub(super) fn show(&self, event: &Event<'_>) {
        match event {
            Event::Started(id) => {
                if let Ok(mut running) = self.running.lock() {
                    running.insert(id.to_string(), (Instant::now(), None, false));
                }
            }
            Event::Progress(id, done, total) => self.advance(&id.to_string(), *done, *total),
            Event::Finished(id, outcome) => {
                if let Ok(mut running) = self.running.lock()
                    && let Some((_, Some(bar), _)) = running.remove(&id.to_string())
                {
                    bar.finish_and_clear();
                }
                self.total.inc(1);
                // Skipped stages are counted at the end, because there may be thousands.
                if matches!(outcome.status, Status::Ran | Status::Failed(_)) && !self.screen.quiet {
                    let line = format!("{:>12} {id} ({:.2} s)", outcome.status.name(), outcome.elapsed.as_secs_f64());
                    if self.screen.live {
                        let _ = self.bars.println(line);
                    } else {
                        output::tell(&line);
                    }
                }
            }
            Event::Notice(text) => self.bars.suspend(|| {
                self.screen.notice(text);
                // The line must appear above the bars, which are redrawn at once.
                output::flush_messages();
            }),
        }
    }

    fn advance(&self, id: &str, done: usize, total: usize) {
        let Ok(mut running) = self.running.lock() else { return };
        let Some((since, bar, told)) = running.get_mut(id) else { return };
        if !self.screen.live {
            if !*told && done > 0 && since.elapsed() > LONG {
                *told = true;
                let left = since.elapsed().as_secs_f64() * (total.saturating_sub(done)) as f64 / done as f64;
                self.screen.say(&format!("{:>12} {id}: {done} of {total}, about {left:.0} s more", "running"));
            }
            return;
        }
        if bar.is_none() && since.elapsed() > PATIENCE {
            let new = self.bars.add(ProgressBar::new(total as u64));
            new.set_style(self.total.style());
            new.set_prefix("running");
            new.set_message(id.to_owned());
            *bar = Some(new);
        }
        if let Some(bar) = bar {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
    }

    /// Removes the bars.
    pub(super) fn clear(&self) {
        self.total.finish_and_clear();
        let _ = self.bars.clear();
    }
}
