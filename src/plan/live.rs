//! Live sources, which `lawfit update` reads, and their snapshots, which runs read.

use std::path::{Path, PathBuf};

use super::files;
use super::limits::{file_limits, stays_inside};
use super::names::NamedPattern;
use super::scope::{Allowed, Scope};
use super::spec_file::SpecFile;
use crate::diagnostic::{Diagnostic, Place, SpecPath};
use crate::live::{Bucket, DatabaseFile, Files, Live, WebFile, is_bucket};
use crate::lock::{Lock, PinnedFile};
use crate::source::{Format, Limits, Options, RUN, SNAPSHOT, STEP};
use crate::spec;
use crate::stage::External;
use crate::web::secret_in;

/// A live source, prepared for `lawfit update`.
pub struct LiveSource {
    /// Its name.
    pub name: String,
    /// The reader.
    pub live: Box<dyn Live>,
    /// The columns that the spec uses, and those that identify rows or runs.
    pub columns: Vec<String>,
    /// The columns that identify rows or runs; empty if the whole row does.
    pub key: Vec<String>,
    /// Whether the key identifies runs of several rows.
    pub has_runs: bool,
    /// The format of its files, if the spec sets it; otherwise the names determine it.
    pub format: Option<Format>,
    /// The options for reading its files.
    pub options: Options,
    /// The folder of the spec; paths in the lock file are relative to it.
    pub folder: PathBuf,
    /// The path of its snapshot, relative to that folder and without extension.
    pub place: String,
    /// The limits of its size.
    pub limits: Limits,
}

/// Whether only `lawfit update` reads a source.
pub(super) fn is_live(source: &spec::Source) -> bool {
    let is_unpinned = |url: &String| source.sha256.is_none() || is_bucket(url);
    source.live || is_server(source) || source.url.as_ref().is_some_and(is_unpinned)
}

/// Whether a source is the server of a tracker.
pub(super) const fn is_server(source: &spec::Source) -> bool {
    !source.trackers.is_empty()
}

/// The format of a source's files, if the spec determines it.
pub(super) fn format_of(source: &spec::Source) -> Option<Format> {
    let by_name = || source.path.as_ref().or(source.url.as_ref()).and_then(|name| Format::of_name(name));
    if is_server(source) { Some(SNAPSHOT) } else { source.format.or_else(by_name) }
}

/// The reader of a live source; `found` are the files of its path.
fn live_of(source: &spec::Source, found: Vec<(PathBuf, String)>) -> Option<Box<dyn Live>> {
    if let Some(tracker) = source.trackers.first() {
        return Some(Box::new(tracker.clone()));
    } else if let Some(url) = &source.url {
        let url = url.clone();
        return Some(if is_bucket(&url) { Box::new(Bucket { url }) } else { Box::new(WebFile { url }) });
    }
    let pattern = source.path.clone()?;
    Some(match format_of(source) {
        Some(format) if format.member().is_database() => {
            let path = found.into_iter().next().map(|(path, _)| path).unwrap_or_default();
            Box::new(DatabaseFile { path, name: pattern, format, options: source.options.clone() })
        }
        _ => Box::new(Files { pattern, found }),
    })
}

/// Whether the snapshot of a live source is one table.
pub(super) fn is_table(source: &spec::Source) -> bool {
    live_of(source, Vec::new()).is_some_and(|live| live.is_table())
}

/// Whether a source consists of histories of runs.
fn knows_runs(source: &spec::Source) -> bool {
    is_server(source) || format_of(source).is_some_and(|format| format.member().is_history())
}

/// The columns that identify rows or runs of a source, and whether they identify runs.
fn key_of(source: &spec::Source) -> (Vec<String>, bool) {
    match (source.key.is_empty(), source.run.is_empty()) {
        (false, _) => (source.key.clone(), false),
        (true, false) => (source.run.clone(), true),
        (true, true) if knows_runs(source) => (vec![RUN.to_owned()], true),
        (true, true) => (Vec::new(), false),
    }
}

/// The columns that are read from the files of a source, without those that file names provide.
fn columns_of(source: &spec::Source) -> Vec<String> {
    let pattern = [&source.path, &source.url].into_iter().flatten().find_map(|pattern| NamedPattern::of(pattern));
    let regex = source.names.as_ref().and_then(|names| crate::source::pattern(names).ok());
    let told: Vec<String> = pattern
        .iter()
        .flat_map(NamedPattern::names)
        .chain(regex.iter().flat_map(|regex| regex.capture_names().flatten().map(str::to_owned)))
        .collect();
    let declared = source.columns.values().filter_map(|column| column.table().column);
    let of_steps = source.step.clone().or_else(|| knows_runs(source).then(|| STEP.to_owned()));
    let mut columns: Vec<String> = declared.chain(key_of(source).0).chain(source.run.clone()).chain(of_steps).collect();
    columns.retain(|column| !told.contains(column));
    columns.sort();
    columns.dedup();
    columns
}

/// The snapshot folder next to a spec: `paper.live` for `paper.toml`.
fn folder_of_snapshots(file: &SpecFile) -> String {
    format!("{}.live", file.stem())
}

/// The name of a source as part of a path.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect()
}

/// The live sources of a spec, and its errors.
pub fn live_sources(file: &SpecFile, allowed: Allowed) -> (Vec<LiveSource>, Vec<Diagnostic>) {
    let reading = spec::read_at(&file.bytes, &file.path);
    let mut diagnostics = reading.problems.clone();
    let mut all = Vec::new();
    for (name, source) in reading.spec.iter().flat_map(|spec| &spec.sources).filter(|(_, source)| is_live(source)) {
        match live_source(file, name, source, allowed) {
            Ok(live) => all.push(live),
            Err(diagnostic) => diagnostics.push(*diagnostic),
        }
    }
    let placed = diagnostics.into_iter().map(|diagnostic| {
        let mut diagnostic = reading.placed(diagnostic);
        diagnostic.file.get_or_insert_with(|| file.path.clone());
        diagnostic
    });
    (all, placed.collect())
}

fn live_source(
    file: &SpecFile,
    name: &str,
    source: &spec::Source,
    allowed: Allowed,
) -> Result<LiveSource, Box<Diagnostic>> {
    let path = SpecPath::of(&["sources", name]);
    if let Some(error) = wrong(source, &path) {
        return Err(Box::new(error));
    }
    let found = match &source.path {
        Some(pattern) => found_files(file, pattern, allowed)
            .map_err(|message| Box::new(Diagnostic::error("no-file", Place::Value(path.key("path")), message)))?,
        None => Vec::new(),
    };
    let no_place = || Box::new(Diagnostic::error("no-file", Place::Key(path.clone()), "the source has no location"));
    let live = live_of(source, found).ok_or_else(no_place)?;
    let (key, has_runs) = key_of(source);
    let limits = if allowed.large { Limits::LARGE } else { Limits::USUAL };
    Ok(LiveSource {
        name: name.to_owned(),
        columns: columns_of(source),
        key,
        has_runs,
        format: if live.is_table() { Some(SNAPSHOT) } else { source.format },
        options: if live.is_table() { Options::default() } else { source.options.clone() },
        live,
        folder: file.folder(),
        place: format!("{}/{}", folder_of_snapshots(file), plain(name)),
        limits,
    })
}

/// The files of a live path, each with its name relative to the spec.
fn found_files(file: &SpecFile, pattern: &str, allowed: Allowed) -> Result<Vec<(PathBuf, String)>, String> {
    let folder = file.folder();
    let glob = NamedPattern::of(pattern).map_or_else(|| pattern.to_owned(), |named| named.glob);
    let found = if folder.join(pattern).is_file() {
        vec![folder.join(pattern)]
    } else if files::is_wild(&glob) {
        if !allowed.outside && !stays_inside(&folder, &files::fixed_part(&folder, &glob)) {
            return Err(format!(
                "`{pattern}` searches outside the spec's folder and the working directory; `--allow outside` permits it"
            ));
        }
        files::matching(&folder, &glob).map_err(|error| error.to_string())?
    } else {
        Vec::new()
    };
    if found.is_empty() {
        return Err(format!("there is no file `{pattern}`; paths are relative to the spec"));
    }
    let named = |path: PathBuf| {
        let name = path.strip_prefix(&folder).unwrap_or(&path).to_string_lossy().into_owned();
        (path, name)
    };
    Ok(found.into_iter().map(named).collect())
}

/// The error in the declaration of a live source, if there is one.
fn wrong(source: &spec::Source, path: &SpecPath) -> Option<Diagnostic> {
    let error = |key: &str, message: String| Diagnostic::error("bad-setting", Place::Key(path.key(key)), message);
    if source.live && source.path.is_none() {
        let message = "`live` applies only to a `path`; all other locations without `sha256` are live";
        return Some(error("live", message.to_owned()));
    }
    let trackers = source.trackers.iter().map(|tracker| (tracker.name(), tracker.member().url()));
    for (key, url) in source.url.iter().map(|url| ("url", url.as_str())).chain(trackers) {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        let is_web = matches!(scheme, Some("http" | "https"));
        if !(is_web || key == "url" && is_bucket(url)) {
            let known = if key == "url" { "https://, http://, s3://, gs:// or az://" } else { "https:// or http://" };
            let message = format!("a URL must begin with {known}");
            return Some(Diagnostic::error("bad-url", Place::Value(path.key(key)), message));
        }
        if let Some(error) = secret_in_url(url, key, path) {
            return Some(error);
        }
        if key == "url" && is_bucket(url) && source.sha256.is_some() {
            return Some(error(
                "sha256",
                "`sha256` does not apply to a bucket: `lawfit update` pins its objects".to_owned(),
            ));
        }
    }
    let given = source.options.keys().chain(
        [("format", source.format.is_some()), ("names", source.names.is_some()), ("sha256", source.sha256.is_some())]
            .into_iter()
            .filter(|(_, given)| *given)
            .map(|(key, _)| key),
    );
    let mut given = given.filter(|_| is_server(source));
    if let Some(key) = given.next() {
        return Some(error(key, format!("`{key}` applies to files, but this source is the server of a tracker")));
    }
    (source.headings.is_some() && is_table(source)).then(|| {
        let message = "`headings` applies to files, but the snapshot of this source is a table of its columns";
        error("headings", message.to_owned()).hint("a transform `unpivot` of a table makes rows of columns")
    })
}

/// The error for a URL that contains a credential. It shows no line of the spec, since that line contains it too.
pub(super) fn secret_in_url(url: &str, key: &str, path: &SpecPath) -> Option<Diagnostic> {
    let is_file = key == "url" && !is_bucket(url);
    let found = secret_in(url, is_file)?;
    let message = format!("the URL of `{path}` contains {found}; a spec and its lock file must contain none");
    let hint = if is_file {
        "name an environment variable in its place, `?token=$NAME` or `https://$USER:$PASSWORD@...`: only requests \
         contain its value"
    } else {
        "set it in the environment; the guide to live sources lists the variables"
    };
    Some(Diagnostic::error("secret-in-url", Place::File, message).hint(hint))
}

/// The files of the snapshot of a live source.
pub(super) fn snapshot(
    scope: &mut Scope<'_>,
    name: &str,
    source: &spec::Source,
    path: &SpecPath,
) -> Option<Vec<External>> {
    if let Some(error) = wrong(source, path) {
        scope.tell(error);
        return None;
    }
    let live = live_of(source, Vec::new())?;
    let spec = &scope.file().path;
    let update = format!("run `lawfit update {} {name}` to take one", spec.display());
    let Some(pin) = pins_beside(spec).remove(name) else {
        let error = scope.error(
            "no-snapshot",
            Place::Key(path.clone()),
            format!("the source `{name}` is live, but the lock file has no snapshot of it"),
        );
        error.hints.push(update);
        if source.url.as_ref().is_some_and(|url| !is_bucket(url)) {
            error.hints.push("or pin the content of the file with `sha256`".to_owned());
        }
        return None;
    };
    let stale = if pin.location != live.location() {
        Some(format!("the snapshot of `{name}` is of {}, not of {}", pin.location, live.location()))
    } else if live.is_table() {
        let missing = columns_of(source).into_iter().find(|column| !pin.columns.contains(column));
        missing.map(|column| format!("the snapshot of `{name}` was taken without the column `{column}`"))
    } else {
        None
    };
    if let Some(message) = stale {
        scope.error("stale-snapshot", Place::Key(path.clone()), message).hints.push(update);
        return None;
    }
    scope.add_pin(name, pin.clone());
    let (most, folder) = (file_limits(scope).bytes, scope.folder());
    let file = |file: PinnedFile| External::Snapshot {
        path: folder.join(&file.path),
        name: file.name,
        sha256: file.sha256,
        most,
    };
    Some(pin.files.into_iter().map(file).collect())
}

/// The lock file next to a spec: `specs/chinchilla.lock` for `specs/chinchilla.toml`.
pub fn lock_path(spec: &Path) -> PathBuf {
    spec.with_extension("lock")
}

/// The snapshots in the lock file next to a spec.
fn pins_beside(spec: &Path) -> crate::lock::Pins {
    let text = Lock::text_of(&lock_path(spec)).ok().flatten();
    text.and_then(|text| Lock::read(&text)).map(|lock| lock.pins).unwrap_or_default()
}
