//! `lawfit cache`: lists, verifies, shrinks and moves the cache.

use std::collections::BTreeSet;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::output;
use super::screen::Screen;
use super::{Allow, Cache, Exit, compile_specs};
use crate::artifact::Digest;
use crate::engine::{Look, look};
use crate::file::{in_units, replaceable};
use crate::store::{Keep, Store};

/// Inspect the cache, verify it, shrink it, or move it to another machine.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the content of the cache.
    Info {
        #[command(flatten)]
        cache: Cache,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Verify every file; set damaged files aside and end with 1 if there are any.
    Verify {
        #[command(flatten)]
        cache: Cache,
    },
    /// Remove results that have not been used for some time. Safe while other processes run.
    Gc {
        #[command(flatten)]
        cache: Cache,
        /// Keep results that were used within this time: 30d, 12h, 0s.
        #[arg(long, value_name = "TIME", default_value = "30d", value_parser = time)]
        keep: Duration,
        /// Keep at most this many bytes, most recently used results first: 10G, 500M.
        #[arg(long, value_name = "SIZE", value_parser = size)]
        max_size: Option<u64>,
        /// Only report what would be removed.
        #[arg(long)]
        dry_run: bool,
    },
    /// Write results to one file, for the cache of a CI system or another machine.
    Export {
        /// The file to write: a tar archive with zstd compression.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Export only the results that these specs use.
        #[arg(value_name = "SPEC")]
        specs: Vec<PathBuf>,
        #[command(flatten)]
        cache: Cache,
        #[command(flatten)]
        allow: Allow,
    },
    /// Import the results of an exported file into the cache.
    Import {
        /// The file to read.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        cache: Cache,
    },
}

/// A number with a unit: 30d, 12h, 5m, 0s.
fn time(text: &str) -> Result<Duration, String> {
    let units = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let seconds = units.iter().find_map(|(unit, seconds)| {
        text.strip_suffix(unit)
            .and_then(|count| count.parse::<u64>().ok())
            .and_then(|count| count.checked_mul(*seconds))
    });
    seconds.map(Duration::from_secs).ok_or_else(|| "expected a whole number with d, h, m or s: 30d".to_owned())
}

/// A number of bytes with a unit: 10G, 500M, 4K, 100.
fn size(text: &str) -> Result<u64, String> {
    let units = [("T", 40), ("G", 30), ("M", 20), ("K", 10), ("", 0)];
    let bytes = units.iter().find_map(|(unit, shift)| {
        let count = text.trim_end_matches(['B', 'i']).strip_suffix(unit)?;
        count.parse::<u64>().ok().and_then(|count| count.checked_mul(1 << shift))
    });
    bytes.ok_or_else(|| "expected a whole number with K, M, G or T: 10G".to_owned())
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let exit = match &arguments.command {
        Command::Info { cache, json } => info(cache, *json),
        Command::Verify { cache } => verify(cache, screen),
        Command::Gc { cache, keep, max_size, dry_run } => {
            gc(cache, &Keep { used_within: *keep, most_bytes: *max_size, dry_run: *dry_run })
        }
        Command::Export { file, specs, cache, allow } => export(file, specs, cache, allow, screen),
        Command::Import { file, cache } => import(file, cache, screen),
    };
    exit.unwrap_or_else(|error| {
        screen.error(&error, &[]);
        Exit::Internal
    })
}

fn info(cache: &Cache, json: bool) -> Result<Exit, String> {
    let contents = Store::new(&cache.cache).contents().map_err(|error| error.to_string())?;
    if json {
        output::print_line(format_args!("{:#}", serde_json::json!(contents)));
        return Ok(Exit::Done);
    }
    output::print_line(cache.cache.display());
    for (kind, count) in &contents.results {
        output::print_line(format_args!("{count:>8} {kind}"));
    }
    output::print_line(format_args!("{:>8} blobs", contents.blobs));
    if contents.set_aside > 0 {
        output::print_line(format_args!("{:>8} damaged and set aside", contents.set_aside));
    }
    output::print_line(format_args!("{:>8} in all", in_units(contents.bytes)));
    Ok(Exit::Done)
}

fn verify(cache: &Cache, screen: &Screen) -> Result<Exit, String> {
    let store = Store::new(&cache.cache);
    let verified = store.verify().map_err(|error| error.to_string())?;
    store.take_notices().iter().for_each(|notice| screen.notice(notice));
    output::print_line(format_args!(
        "{} results and {} blobs are intact; {} files were damaged, {} results incomplete",
        verified.results, verified.blobs, verified.damaged, verified.incomplete
    ));
    Ok(if verified.damaged + verified.incomplete == 0 { Exit::Done } else { Exit::Internal })
}

fn gc(cache: &Cache, keep: &Keep) -> Result<Exit, String> {
    let collected = Store::new(&cache.cache).collect(keep).map_err(|error| error.to_string())?;
    output::print_line(format_args!(
        "{} {} results, {} files, {}; {} left",
        if keep.dry_run { "would remove" } else { "removed" },
        collected.records,
        collected.files,
        in_units(collected.bytes),
        in_units(collected.left)
    ));
    Ok(Exit::Done)
}

fn export(file: &Path, specs: &[PathBuf], cache: &Cache, allow: &Allow, screen: &Screen) -> Result<Exit, String> {
    let store = Store::new(&cache.cache);
    let keys = if specs.is_empty() {
        None
    } else {
        let compiled = match compile_specs(specs, allow, screen) {
            Ok((_, compiled)) => compiled,
            Err(exit) => return Ok(exit),
        };
        let looks = look(&compiled.plan, &store);
        let mut keys: BTreeSet<Digest> =
            looks.iter().filter_map(|look| if let Look::Hit(key) = look { Some(key.clone()) } else { None }).collect();
        keys.extend(
            compiled.plan.stages().flat_map(|s| s.stage.externals()).filter_map(|e| store.download_of(e.pinned()?)),
        );
        if looks.len() > looks.iter().filter(|look| matches!(look, Look::Hit(_))).count() {
            screen.notice("not every stage is in the cache; `lawfit run` computes the others");
        }
        Some(keys)
    };
    let failed = |error: String| format!("{}: {error}", file.display());
    let file = &replaceable(file).map_err(|error| failed(error.to_string()))?;
    // Write the file atomically: a truncated bundle could be mistaken for a complete one.
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Use ordinary permissions, because the user who restores a CI cache may be another one.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let temporary = builder.tempfile_in(folder).map_err(|error| failed(error.to_string()))?;
    let carried =
        store.export(keys.as_ref(), BufWriter::new(temporary.as_file())).map_err(|error| failed(error.to_string()))?;
    temporary.persist(file).map_err(|error| failed(error.to_string()))?;
    store.take_notices().iter().for_each(|notice| screen.notice(notice));
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    output::print_line(format_args!(
        "{} results and {} blobs in {}, {}",
        carried.results,
        carried.blobs,
        file.display(),
        in_units(size)
    ));
    Ok(Exit::Done)
}

fn import(file: &Path, cache: &Cache, screen: &Screen) -> Result<Exit, String> {
    let store = Store::new(&cache.cache);
    let failed = |error: String| format!("{}: {error}", file.display());
    let (bundle, _) = crate::file::open(file).map_err(|error| failed(error.to_string()))?;
    let carried = store.import(BufReader::new(bundle)).map_err(|error| failed(error.to_string()))?;
    store.keep_usage();
    store.take_notices().iter().for_each(|notice| screen.notice(notice));
    output::print_line(format_args!("{} results and {} blobs from {}", carried.results, carried.blobs, file.display()));
    if carried.passed_over > 0 {
        screen.notice(&format!("{} entries were damaged or unknown and were skipped", carried.passed_over));
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read_with_their_units() {
        assert_eq!(time("2d"), Ok(Duration::from_hours(48)));
        assert_eq!(size("10G"), Ok(10 << 30));
        assert_eq!(size("500MiB"), Ok(500 << 20));
        assert_eq!(size("7"), Ok(7));
        for wrong in ["", "d", "-1d", "99999999999999999999d", "1y"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        assert!(size("99999999999T").is_err());
    }
}
