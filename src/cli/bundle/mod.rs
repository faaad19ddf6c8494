//! `lawfit bundle`: writes a study to a folder for a paper, which another machine can verify and compute again.

mod metadata;
mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::screen::Screen;
use super::settle::{Settled, settle};
use super::walk::Computing;
use super::{Exit, compile_specs, lock_path, output};
use crate::changes::Changes;
use crate::lock::Lock;
use crate::plan::{Compiled, SpecFile};
use crate::stage::External;
use crate::store::Store;
use metadata::{METADATA, Role};

/// Write a study to a folder (an RO-Crate) with its data, lock file and report, or verify such a folder and compute
/// it again.
///
/// `lawfit bundle specs/x.toml --license CC-BY-4.0` writes the folder x-crate. `lawfit bundle --verify x-crate` needs
/// only that folder.
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "help is not Markdown")]
pub(super) struct Arguments {
    /// The spec; its lock file must be up to date.
    #[arg(value_name = "SPEC", required_unless_present = "verify", requires = "license")]
    spec: Option<PathBuf>,
    /// The folder to write; by default the name of the spec with -crate, in the working directory.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// The licence of the study: an SPDX identifier such as CC-BY-4.0, or a URL.
    #[arg(long, value_name = "NAME|URL")]
    license: Option<String>,
    /// Which data to include; the bundle has digests of all other data.
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = Data::Local)]
    data: Data,
    /// The date of publication, such as 2026-11-28; by default that of SOURCE_DATE_EPOCH, or today.
    #[arg(long, value_name = "DATE", value_parser = metadata::day)]
    date: Option<String>,
    /// Verify a folder: check the digest of every file, compute the study again and compare the bytes.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["spec", "to", "license", "date"])]
    verify: Option<PathBuf>,
    #[command(flatten)]
    computing: Computing,
}

/// Data to include in a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Data {
    /// Files on this machine; files on the web stay there, pinned by their digests
    Local,
    /// None
    None,
}

/// The folders of a bundle: one for spec, lock file and data, and one for the report.
const STUDY: &str = "study";
const REPORT: &str = "report";
/// Largest file in a bundle.
const MAX_BYTES: u64 = 16 << 30;

/// The files of a bundle by name, each with its purpose.
type Files = BTreeMap<String, (Role, Vec<u8>)>;

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let done = match (&arguments.verify, &arguments.spec) {
        (Some(folder), _) => verify::verify(folder, arguments, screen),
        (None, Some(spec)) => make(spec, arguments, screen),
        (None, None) => Err(Exit::BadSpec),
    };
    done.err().unwrap_or(Exit::Done)
}

/// Writes the bundle of a spec.
fn make(spec: &Path, arguments: &Arguments, screen: &Screen) -> Result<(), Exit> {
    let failed = |why: String| {
        screen.error(&why, &[]);
        Exit::Internal
    };
    let (files, compiled) = compile_specs(&[spec.to_owned()], &arguments.computing.allow, screen)?;
    let file = &files[0];
    let to = arguments.to.clone().unwrap_or_else(|| PathBuf::from(format!("{}-crate", file.stem())));
    if to.exists() {
        screen.error(&format!("{} is already there", to.display()), &["name another folder: --to DIR".to_owned()]);
        return Err(Exit::BadSpec);
    }
    if arguments.data == Data::Local {
        names_hold_elsewhere(&compiled, screen)?;
    }
    let store = Store::new(&arguments.computing.cache.cache);
    let settled = settle(file, &compiled, &store, &arguments.computing.walk.options(), screen)?;
    same_lock(file, &settled.lock, screen)?;
    let (contents, main) = contents(file, &compiled, &settled, arguments.data).map_err(failed)?;
    let metadata = metadata::text(&metadata::About {
        compiled: &compiled,
        files: &contents,
        main: &main,
        license: arguments.license.as_deref().unwrap_or_default(),
        date: &arguments.date.clone().unwrap_or_else(metadata::today),
    });
    write(&to, &contents, &metadata).map_err(|error| failed(format!("{}: {error}", to.display())))?;
    output::print_line(format_args!("{}: {} files; `lawfit bundle --verify {0}`", to.display(), contents.len() + 1));
    Ok(())
}

/// Checks that the lock file of a spec agrees with the computed results; shows the differences otherwise.
fn same_lock(file: &SpecFile, found: &Lock, screen: &Screen) -> Result<(), Exit> {
    let path = lock_path(&file.path);
    let text = Lock::text_of(&path).map_err(|error| {
        screen.error(&format!("{}: {error}", path.display()), &[]);
        Exit::Internal
    })?;
    if text.as_ref() == Some(&found.text()) {
        return Ok(());
    }
    let moved = text.as_deref().and_then(Lock::read).map(|known| Changes::between(&known, found).moved());
    for line in moved.unwrap_or_default().iter().take(MOST_TOLD) {
        screen.say(&format!("{:>12} {line}", "moved"));
    }
    let hint = "`lawfit run` updates it; check what changed".to_owned();
    screen.error(&format!("{} does not match the spec and its data", path.display()), &[hint]);
    Err(Exit::Stale)
}

/// Maximum number of moved numbers that are listed.
const MOST_TOLD: usize = 12;

/// The local files that a study reads: path, and name in the spec.
fn local_files(compiled: &Compiled) -> impl Iterator<Item = (&Path, &str)> {
    let externals = compiled.plan.stages().flat_map(|stage| stage.stage.externals());
    externals.filter_map(|external| match external {
        External::File { path, name, .. } => Some((path.as_path(), name.as_str())),
        // A snapshot is next to the spec, wherever its source is.
        External::Snapshot { path, .. } => Some((path.as_path(), "")),
        External::Pinned { .. } => None,
    })
}

/// Checks that the spec names every file relative to its own folder, so that the paths work inside the bundle.
fn names_hold_elsewhere(compiled: &Compiled, screen: &Screen) -> Result<(), Exit> {
    let Some((_, name)) = local_files(compiled).find(|(_, name)| Path::new(name).is_absolute()) else {
        return Ok(());
    };
    let hint = "name it relative to the folder of the spec, such as `../data/runs.csv`, or leave out data: --data none"
        .to_owned();
    screen.error(&format!("the spec names `{name}` by an absolute path, which is not in the bundle"), &[hint]);
    Err(Exit::BadSpec)
}

/// The files of a bundle, and the name of the spec among them.
fn contents(file: &SpecFile, compiled: &Compiled, settled: &Settled, data: Data) -> Result<(Files, String), String> {
    let mut read: Vec<(Role, PathBuf, Vec<u8>)> = vec![
        (Role::Spec, file.path.clone(), file.bytes.clone()),
        (Role::Lock, lock_path(&file.path), settled.lock.text().into_bytes()),
    ];
    read.extend(compiled.bases.iter().map(|base| (Role::Spec, base.path.clone(), base.bytes.clone())));
    for (path, name) in local_files(compiled).filter(|_| data == Data::Local) {
        let bytes = crate::file::read(path, MAX_BYTES).map_err(|error| format!("{name}: {error}"))?;
        read.push((Role::Data, path.to_owned(), bytes));
    }
    // Files keep their relative places, so that the paths in the spec work.
    let places: Vec<PathBuf> = read.iter().map(|(_, path, _)| crate::file::from_root(path)).collect();
    let common = places.iter().filter_map(|path| path.parent()).map(Path::to_owned).reduce(|a, b| shared(&a, &b));
    let common = common.unwrap_or_default();
    let name = |path: &Path| format!("{STUDY}/{}", slashes(path.strip_prefix(&common).unwrap_or(path)));
    let mut files = Files::new();
    for ((role, _, bytes), place) in read.into_iter().zip(&places) {
        files.entry(name(place)).or_insert((role, bytes));
    }
    for (output, bytes) in &settled.outputs {
        files.insert(format!("{REPORT}/{output}"), (Role::Report, bytes.to_vec()));
    }
    Ok((files, name(&places[0])))
}

/// The common parent of two folders.
fn shared(one: &Path, other: &Path) -> PathBuf {
    one.components().zip(other.components()).take_while(|(a, b)| a == b).map(|(part, _)| part).collect()
}

/// A relative path with slashes, as in a bundle.
fn slashes(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Writes a bundle under a temporary name and renames it last, so that it is complete or missing.
fn write(to: &Path, files: &Files, metadata: &str) -> std::io::Result<()> {
    let around = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(around)?;
    let temporary = tempfile::Builder::new().prefix(".lawfit-").tempdir_in(around)?;
    let inner = temporary.path().join("crate");
    let one = |name: &str, bytes: &[u8]| {
        let path = inner.join(name);
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::write(path, bytes)
    };
    files.iter().try_for_each(|(name, (_, bytes))| one(name, bytes))?;
    one(METADATA, metadata.as_bytes())?;
    std::fs::rename(inner, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_their_common_folder() {
        assert_eq!(crate::file::from_root(Path::new("/a/b/../c/./d")), Path::new("/a/c/d"));
        assert_eq!(shared(Path::new("/a/specs"), Path::new("/a/data/x")), Path::new("/a"));
        assert_eq!(slashes(Path::new("specs/x.toml")), "specs/x.toml");
    }
}
