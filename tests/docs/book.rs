//! The book: its specs and commands run, the shown outputs are those printed, and its links resolve.
//!
//! The words after the language of a fenced block determine what the test does with it:
//!
//! | block | what happens |
//! |---|---|
//! | `toml,spec` or `yaml,spec` | a whole spec; written to the file that its first line names (`# study.toml`), checked and run |
//! | `toml,fragment` | laid over `examples/base.toml` by `extends`, and run |
//! | `toml,check` | laid over `examples/base.toml` and checked, except for unavailable data and readers |
//! | `sh` | commands that succeed |
//! | `console` | commands after `$`, each followed by what it prints; a line `...` stands for any lines |
//! | `..,exit-2` | the last command, or the run of the spec, ends with this code |
//! | `..,elsewhere` | not run: it needs a network, another program or another machine |
//! | `<!-- figure: FILE = DRAWN -->` | a comment: the book's file must be the figure drawn so far |
//! | `text`, `csv`, `json`, `latex`, `yaml`, `python` | shown, not run |
//!
//! A page runs from its first block to its last in a folder of its own, which holds a copy of `examples/`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::world::{World, repository};

/// A fenced block of a page.
struct Block {
    /// The number of its first line within the page, from 0.
    line: usize,
    /// The words after the three backticks.
    info: String,
    body: String,
}

impl Block {
    fn language(&self) -> &str {
        self.info.split(',').next().unwrap_or_default()
    }

    fn has(&self, word: &str) -> bool {
        self.info.split(',').skip(1).any(|each| each == word)
    }

    /// The exit code that is expected.
    fn exit(&self) -> i32 {
        self.info.split(',').find_map(|word| word.strip_prefix("exit-")?.parse().ok()).unwrap_or(0)
    }
}

/// The fenced blocks of a page.
fn blocks(text: &str) -> Vec<Block> {
    let mut all = Vec::new();
    let mut open: Option<Block> = None;
    for (line, content) in text.lines().enumerate() {
        match (content.strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => all.push(block),
            (Some(info), None) => {
                open = Some(Block { line: line + 1, info: info.trim().to_owned(), body: String::new() });
            }
            (None, Some(mut block)) => {
                block.body += content;
                block.body.push('\n');
                open = Some(block);
            }
            (None, None) => {
                let figure = content.strip_prefix("<!-- figure: ").and_then(|rest| rest.strip_suffix(" -->"));
                all.extend(figure.map(|body| Block {
                    line: line + 1,
                    info: "figure".to_owned(),
                    body: body.to_owned(),
                }));
            }
        }
    }
    assert!(open.is_none(), "a fenced block is not closed");
    all
}

fn source_folder() -> PathBuf {
    repository().join("docs/book/src")
}

/// The pages, as paths relative to the folder of the book's source.
fn pages() -> Vec<String> {
    fn walk(folder: &Path, root: &Path, out: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, out);
            } else if path.extension().is_some_and(|e| e == "md") {
                out.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut all = Vec::new();
    walk(&source_folder(), &source_folder(), &mut all);
    all.sort();
    all
}

fn page(name: &str) -> String {
    std::fs::read_to_string(source_folder().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// A page being run: its folder and the errors found.
struct Running<'a> {
    world: World,
    /// The cache shared by all fragments, most of which have stages in common.
    cache: &'a Path,
    /// Specs that no command of the page has run yet, each with its expected exit code.
    unrun: Vec<(String, i32)>,
    fragments: Vec<String>,
    problems: Vec<String>,
}

impl Running<'_> {
    /// Runs a shell line in the page's folder: exit code, standard output, standard error.
    fn shell(&self, line: &str) -> (i32, String, String) {
        let program = Path::new(env!("CARGO_BIN_EXE_lawfit")).parent().unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(program.to_owned()).chain(std::env::split_paths(&path)));
        let mut command = self.world.prepared(Command::new("sh"));
        for variable in ["LAWFIT_ALLOW", "LAWFIT_REMOTE_CACHE", "LAWFIT_CACHE_SECRET"] {
            command.env_remove(variable);
        }
        let output = command.args(["-e", "-c", line]).env("PATH", path.unwrap()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }

    fn expect(&mut self, what: &str, wanted: i32, (code, _, side): &(i32, String, String)) {
        if *code != wanted {
            self.problems.push(format!("{what} ended with {code}, not {wanted}:\n{side}"));
        }
    }

    /// Writes the spec of a block to its file.
    fn spec(&mut self, block: &Block, place: &str) {
        let first = block.body.lines().next().unwrap_or_default();
        let extension = |name: &&str| Path::new(name).extension().is_some_and(|e| e == "toml" || e == "yaml");
        let named = first.strip_prefix("# ").filter(extension);
        let name = named.map_or_else(|| format!("spec-{}.{}", block.line, block.language()), str::to_owned);
        if std::fs::read_to_string(source_folder().join("examples").join(&name)).is_ok_and(|file| file != block.body) {
            self.problems.push(format!("{place}: examples/{name} is another spec"));
        }
        self.world.write(&name, &block.body);
        let wanted = if block.exit() == 2 { 2 } else { 0 };
        let outcome = self.shell(&format!("lawfit check {name}"));
        self.expect(&format!("{place}: `lawfit check {name}`"), wanted, &outcome);
        self.unrun.retain(|(other, _)| *other != name);
        if wanted == 0 {
            self.unrun.push((name, block.exit()));
        }
    }

    /// Lays a fragment over the study of the guides.
    fn fragment(&mut self, block: &Block, place: &str) {
        let name = format!("fragment-{}.toml", block.line);
        self.world.write(&name, &format!("extends = \"base.toml\"\n{}", block.body));
        if block.has("check") {
            let (code, _, side) = self.shell(&format!("lawfit check {name}"));
            let mut codes = side.split("error[").skip(1).filter_map(|part| part.split(']').next());
            if ![0, 2].contains(&code) || codes.any(|code| code != "no-file" && code != "no-reader") {
                self.problems.push(format!("{place}: `lawfit check` of a fragment:\n{side}"));
            }
        } else if block.exit() != 0 {
            let outcome = self.shell(&format!("lawfit run --quiet {name}"));
            self.expect(&format!("{place}: the run of a fragment"), block.exit(), &outcome);
        } else {
            self.fragments.push(name);
        }
    }

    /// Runs the commands of a block and returns the block with their output.
    fn console(&mut self, block: &Block, place: &str) -> String {
        let mut shown = String::new();
        let mut rest = block.body.lines().peekable();
        while let Some(line) = rest.next() {
            let Some(command) = line.strip_prefix("$ ") else {
                self.problems.push(format!("{place}: `{line}` follows no command"));
                break;
            };
            let mut expected = String::new();
            while let Some(output) = rest.next_if(|line| !line.starts_with("$ ")) {
                expected += output;
                expected.push('\n');
            }
            let outcome = self.command(command);
            let wanted = if rest.peek().is_none() { block.exit() } else { 0 };
            self.expect(&format!("{place}: `{command}`"), wanted, &outcome);
            let printed = if outcome.0 == 0 { outcome.1 } else { outcome.1 + &outcome.2 };
            let _ = writeln!(shown, "{line}");
            shown += if matches(&expected, &printed) { &expected } else { &printed };
        }
        shown
    }

    /// Runs a command line and records the specs that it runs.
    fn command(&mut self, line: &str) -> (i32, String, String) {
        if line.contains("lawfit run") {
            self.unrun.retain(|(name, _)| !line.contains(name.as_str()));
        }
        self.shell(line)
    }

    /// Runs the specs that no command of the page has run.
    fn finish(&mut self, place: &str) {
        for (name, wanted) in std::mem::take(&mut self.unrun) {
            let outcome = self.shell(&format!("lawfit run --quiet {name}"));
            self.expect(&format!("{place}: `lawfit run {name}`"), wanted, &outcome);
        }
        if !self.fragments.is_empty() {
            let all = std::mem::take(&mut self.fragments).join(" ");
            let cache = self.cache.display();
            let outcome = self.shell(&format!("lawfit run --quiet --cache '{cache}' {all}"));
            self.expect(&format!("{place}: the run of fragments"), 0, &outcome);
        }
    }
}

/// Whether a text agrees with the expected one, in which a line `...` matches any lines.
fn matches(expected: &str, text: &str) -> bool {
    let mut parts = expected.split("...\n");
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// Runs a page and returns its errors. `LAWFIT_UPDATE=1` writes the output and figures into the book.
fn run_page(name: &str, cache: &Path) -> Vec<String> {
    let text = page(name);
    let world = World::new();
    for entry in std::fs::read_dir(source_folder().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, world.path(&path.file_name().unwrap().to_string_lossy())).unwrap();
    }
    let mut running = Running { world, cache, unrun: Vec::new(), fragments: Vec::new(), problems: Vec::new() };
    let mut written = Vec::new();
    for block in blocks(&text) {
        let place = format!("{name}:{}", block.line);
        match block.language() {
            _ if block.has("elsewhere") => {}
            "toml" | "yaml" if block.has("spec") => running.spec(&block, &place),
            "toml" if block.has("fragment") || block.has("check") => running.fragment(&block, &place),
            "sh" => {
                let outcome = running.command(&block.body);
                running.expect(&place, block.exit(), &outcome);
            }
            "console" => {
                let shown = running.console(&block, &place);
                if shown != block.body {
                    written.push((block.line..block.line + block.body.lines().count(), shown));
                }
            }
            "figure" => {
                let (shown, made) = block.body.split_once(" = ").unwrap();
                let made = running.world.read(made.trim());
                if updating() {
                    std::fs::write(source_folder().join(shown), &made).unwrap();
                }
                if std::fs::read_to_string(source_folder().join(shown)).ok().as_ref() != Some(&made) {
                    running.problems.push(format!("{place}: {shown} is not the figure that was drawn"));
                }
            }
            "text" | "csv" | "json" | "latex" | "yaml" | "python" => {}
            _ => running.problems.push(format!("{place}: the test does not know what a block `{}` is", block.info)),
        }
    }
    running.finish(name);
    if updating() {
        let mut lines: Vec<&str> = text.lines().collect();
        for (range, shown) in written.iter().rev() {
            lines.splice(range.clone(), shown.lines());
        }
        std::fs::write(source_folder().join(name), lines.join("\n") + "\n").unwrap();
    } else {
        let stale = written.iter().map(|(range, shown)| format!("{name}:{}: this is printed:\n{shown}", range.start));
        running.problems.extend(stale);
    }
    running.problems
}

/// Whether outputs and figures are written into the book.
fn updating() -> bool {
    std::env::var_os("LAWFIT_UPDATE").is_some()
}

#[test]
fn every_spec_and_command_of_the_book_gives_the_shown_output() {
    let cache = tempfile::tempdir().unwrap();
    let pages = pages();
    let next = AtomicUsize::new(0);
    let problems = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(name) = pages.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = run_page(name, cache.path());
                    problems.lock().unwrap().extend(found);
                }
            });
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "`LAWFIT_UPDATE=1` writes outputs anew\n{}", problems.join("\n"));
}

#[test]
fn a_line_of_dots_stands_for_any_lines_of_an_output() {
    assert!(matches("a\nb\n", "a\nb\n") && !matches("a\n", "a\nb\n"));
    assert!(matches("a\n...\n", "a\nb\nc\n") && matches("...\nc\n", "a\nc\n"));
    assert!(matches("a\n...\nc\n...\n", "a\nb\nc\nd\n") && !matches("a\n...\nx\n...\n", "a\nb\nc\n"));
}

/// The text of a page without its fenced blocks.
fn prose(text: &str) -> String {
    let mut inside = false;
    let lines = text.lines().filter(|line| {
        let fence = line.starts_with("```");
        inside ^= fence;
        !inside && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The targets of a text's links and pictures.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let parts = prose.split("](").skip(1);
    parts.filter_map(|part| part.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// The anchors of a page's headings, as mdbook generates them.
fn anchors(text: &str) -> BTreeSet<String> {
    let prose = prose(text);
    let headings = prose.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    };
    let headings = headings.map(|heading| heading.chars().filter_map(kept).collect());
    let named = prose.split("<a id=\"").skip(1).filter_map(|part| Some(part.split_once('"')?.0.to_owned()));
    headings.chain(named).collect()
}

/// Errors in the relative links of a document.
fn broken_links(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut broken = Vec::new();
    for link in links(&text) {
        if link.contains("://") || link.starts_with("mailto:") {
            continue;
        }
        let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
        let target = if file.is_empty() { path.to_owned() } else { path.parent().unwrap().join(file) };
        let found = match std::fs::read_to_string(&target) {
            Ok(text) => anchor.is_empty() || anchors(&text).contains(anchor),
            Err(_) => target.exists(),
        };
        if !found {
            broken.push(format!("{}: {link}", path.display()));
        }
    }
    broken
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let mut documents: Vec<PathBuf> = pages().iter().map(|name| source_folder().join(name)).collect();
    for name in [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/ARCHITECTURE.md",
        "docs/development/build.md",
        "docs/development/intervals.md",
        "docs/development/report-page.md",
        "docs/development/search.md",
    ] {
        documents.push(repository().join(name));
    }
    let broken: Vec<String> = documents.iter().flat_map(|path| broken_links(path)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    // A page of the book is published separately, so its links stay within the book.
    for name in pages() {
        let folder = source_folder().join(&name).parent().unwrap().to_owned();
        for link in links(&page(&name)).iter().filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let target = folder.join(link.split('#').next().unwrap()).canonicalize().unwrap();
            assert!(target.starts_with(source_folder().canonicalize().unwrap()), "{name}: {link}");
        }
    }
}

#[test]
fn the_summary_lists_every_page_once() {
    let listed: Vec<String> = links(&page("SUMMARY.md"));
    let pages: Vec<String> = pages().into_iter().filter(|name| name != "SUMMARY.md").collect();
    let mut sorted = listed.clone();
    sorted.sort();
    assert_eq!(sorted, pages);
    for name in listed {
        let text = page(&name);
        let included = text.starts_with("{{#include ");
        assert!(included || text.starts_with("# "), "{name} begins with its title");
        if let Some(file) = text.strip_prefix("{{#include ").and_then(|rest| rest.split("}}").next()) {
            let file = source_folder().join(&name).parent().unwrap().join(file);
            assert!(file.is_file(), "{name} includes {}", file.display());
        }
    }
}

/// The codes of diagnostics and failures in the program's source.
fn codes() -> BTreeSet<String> {
    fn walk(folder: &Path, out: &mut BTreeSet<String>) {
        let code = regex_of_codes();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap_or_default();
                out.extend(
                    code.captures_iter(text)
                        .filter_map(|found| Some(found.get(1).or(found.get(2)).or(found.get(3))?.as_str().to_owned())),
                );
            }
        }
    }
    let mut all = BTreeSet::new();
    walk(&repository().join("src"), &mut all);
    all
}

/// Matches a code in the source: the first argument of a diagnostic's constructor, the first part of a pair, or a constant
/// that is described as a code.
fn regex_of_codes() -> regex::Regex {
    let makers = r"(?:Diagnostic::(?:error|warning)|(?:Failure|Self)::new|\.error)\(|=> \(";
    let word = "[a-z][a-z0-9]*";
    // A closure named `error` may have a key as its first argument instead of a code; keys have no hyphen.
    let constant = format!(r#"/// The code of [^\n]+\n[^\n]+ = "({word}(?:-[a-z0-9]+)*)";"#);
    let pattern =
        format!(r#"(?:(?:{makers})\s*"({word}(?:-[a-z0-9]+)*)"|\berror\(\s*"({word}(?:-[a-z0-9]+)+)")\s*,|{constant}"#);
    regex::Regex::new(&pattern).unwrap()
}

#[test]
fn every_code_of_a_diagnostic_is_explained_and_no_other() {
    let text = page("reference/diagnostics.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let explained: BTreeSet<String> = rows.filter_map(|row| row.split('`').next()).map(str::to_owned).collect();
    let codes = codes();
    let missing: Vec<&String> = codes.difference(&explained).collect();
    let gone: Vec<&String> = explained.difference(&codes).collect();
    assert!(missing.is_empty(), "docs/book/src/reference/diagnostics.md has no row for {missing:?}");
    assert!(gone.is_empty(), "docs/book/src/reference/diagnostics.md explains {gone:?}, which the program never says");
}
