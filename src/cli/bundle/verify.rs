//! Verifies a bundle: checks the digest of every file, then computes the study again and compares the bytes.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::super::screen::Screen;
use super::super::settle::settle;
use super::super::{Exit, compile_specs, output};
use super::metadata::{METADATA, PROGRAM};
use super::{Arguments, MAX_BYTES, REPORT, same_lock};
use crate::artifact::sha256;
use crate::store::Store;

/// The part of the metadata that is read.
#[derive(Deserialize)]
struct Crate {
    #[serde(rename = "@graph")]
    graph: Vec<Entity>,
}

#[derive(Deserialize)]
struct Entity {
    #[serde(rename = "@id")]
    id: String,
    sha256: Option<String>,
    #[serde(rename = "mainEntity")]
    main: Option<Reference>,
    #[serde(rename = "softwareVersion")]
    version: Option<String>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "@id")]
    id: String,
}

/// Verifies a bundle and computes it again; reports differences.
pub(super) fn verify(folder: &Path, arguments: &Arguments, screen: &Screen) -> Result<(), Exit> {
    let bad = |why: &str| {
        screen.error(&format!("{}: {why}", folder.display()), &["`lawfit bundle SPEC` writes one".to_owned()]);
        Exit::BadSpec
    };
    let bytes =
        crate::file::read(&folder.join(METADATA), MAX_BYTES).map_err(|error| bad(&format!("{METADATA}: {error}")))?;
    let described: Crate = serde_json::from_slice(&bytes).map_err(|error| bad(&format!("{METADATA}: {error}")))?;
    let entity = |id: &str| described.graph.iter().find(|entity| entity.id == id);
    let main = entity("./").and_then(|root| root.main.as_ref()).map(|main| main.id.clone());
    let main = main.filter(|name| is_inside(name)).ok_or_else(|| bad("it names no spec"))?;
    let known: Vec<(&str, &str)> = described
        .graph
        .iter()
        .filter(|entity| is_inside(&entity.id))
        .filter_map(|entity| Some((entity.id.as_str(), entity.sha256.as_deref()?)))
        .collect();
    if !known.iter().any(|(name, _)| *name == main) {
        return Err(bad("it has no digest of its spec"));
    }
    same_files(folder, &known, screen)?;
    output::print_line(format_args!("the digests of {} files are correct", known.len()));
    let version = entity(PROGRAM).and_then(|program| program.version.as_deref()).unwrap_or("another version");
    if version != env!("CARGO_PKG_VERSION") {
        screen.notice(&format!(
            "it was made with lawfit {version}, and this is {}: results may differ because of that",
            env!("CARGO_PKG_VERSION")
        ));
    }
    compute(folder, &main, arguments, screen)
}

/// Whether a name is that of a file inside the folder.
fn is_inside(name: &str) -> bool {
    !name.is_empty()
        && !name.contains(':')
        && !name.starts_with('#')
        && !name.ends_with('/')
        && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

/// Checks the digests of the files in a folder.
fn same_files(folder: &Path, known: &[(&str, &str)], screen: &Screen) -> Result<(), Exit> {
    let mut wrong = Vec::new();
    for (name, digest) in known {
        match crate::file::read(&folder.join(name), MAX_BYTES) {
            Ok(bytes) if sha256(&bytes) == *digest => {}
            Ok(_) => wrong.push(format!("the content of {name} was changed")),
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    let named: BTreeSet<PathBuf> = known.iter().map(|(name, _)| folder.join(name)).collect();
    let mut there = Vec::new();
    list(folder, &mut there);
    for path in there.iter().filter(|path| !named.contains(*path) && **path != folder.join(METADATA)) {
        screen.notice(&format!("{} is not part of the bundle", path.display()));
    }
    for why in &wrong {
        screen.error(why, &[]);
    }
    if wrong.is_empty() { Ok(()) } else { Err(Exit::Internal) }
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() && !path.is_symlink() { list(&path, files) } else { files.push(path) }
    }
}

/// Computes the study with an empty cache, and compares lock file and report.
fn compute(folder: &Path, main: &str, arguments: &Arguments, screen: &Screen) -> Result<(), Exit> {
    let failed = |why: String| {
        screen.error(&why, &[]);
        Exit::Internal
    };
    let (files, compiled) = compile_specs(&[folder.join(main)], &arguments.computing.allow, screen)?;
    // An empty cache, so that every result is computed here.
    let empty = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
    let settled = settle(&files[0], &compiled, &Store::new(empty.path()), &arguments.computing.walk.options(), screen)?;
    same_lock(&files[0], &settled.lock, screen)?;
    let differs = |(name, bytes): &(&String, &std::sync::Arc<Vec<u8>>)| {
        let kept = crate::file::read(&folder.join(REPORT).join(name), MAX_BYTES);
        !kept.is_ok_and(|kept| kept == ***bytes)
    };
    let differing: Vec<&str> = settled.outputs.iter().filter(differs).map(|(name, _)| name.as_str()).collect();
    if !differing.is_empty() {
        screen.error(&format!("computed again: {} of the report differ", differing.join(", ")), &[]);
        return Err(Exit::Stale);
    }
    output::print_line(format_args!(
        "computed again: {} stages, {} numbers and {} files of the report have the same bytes",
        settled.lock.stages.len(),
        settled.lock.numbers.len(),
        settled.outputs.len()
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_out_of_a_bundle_is_refused() {
        for inside in ["study/x.toml", "report/figures/a.svg"] {
            assert!(is_inside(inside), "{inside}");
        }
        for outside in ["../x", "/etc/passwd", "study/../../x", "./", "", "#lawfit", "https://example.org/x.csv"] {
            assert!(!is_inside(outside), "{outside}");
        }
    }
}
