//! Where the bytes of a source are: files of a pattern, or a pinned download.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::files;
use super::limits::{file_limits, stays_inside};
use super::live;
use super::names::NamedPattern;
use super::scope::Scope;
use crate::diagnostic::{Place, SpecPath};
use crate::source::Format;
use crate::stage::External;

pub(super) fn local_files(scope: &mut Scope<'_>, pattern: &str, path: &SpecPath) -> Option<Vec<External>> {
    let folder = scope.folder();
    let place = Place::Value(path.key("path"));
    let literal = folder.join(pattern);
    let named = NamedPattern::of(pattern).filter(|_| !literal.exists());
    let pattern = named.as_ref().map_or(pattern, |named| named.glob.as_str());
    let has_wildcard = files::is_wild(pattern);
    let found: Vec<PathBuf> = if has_wildcard && !literal.exists() {
        if !scope.allowed().outside && !stays_inside(&folder, &files::fixed_part(&folder, pattern)) {
            let message = format!("`{pattern}` searches outside the spec's folder and the working directory");
            scope
                .error("outside", place, message)
                .hints
                .push("name the files, or allow it: `--allow outside`".to_owned());
            return None;
        }
        match files::matching(&folder, pattern) {
            Ok(found) => found,
            Err(error) => {
                scope.error("bad-glob", place, error.to_string());
                return None;
            }
        }
    } else if literal.is_file() {
        vec![literal]
    } else if let Ok(metadata) = std::fs::metadata(&literal) {
        let what = crate::file::describe(metadata.file_type());
        let inside = files_inside(&folder, pattern);
        scope.error("no-file", place, format!("`{pattern}` is {what}, not a regular file")).hints.extend(inside);
        return None;
    } else {
        Vec::new()
    };
    if found.is_empty() {
        let near = nearest_file(&folder.join(pattern));
        let error = scope.error(
            "no-file",
            place,
            if has_wildcard { format!("no file matches `{pattern}`") } else { format!("there is no file `{pattern}`") },
        );
        let inside = if has_wildcard { files_inside(&folder, pattern) } else { None };
        error.hints.push(inside.unwrap_or_else(|| {
            near.map_or("paths are relative to the spec".to_owned(), |near| {
                format!("did you mean `{near}`? Paths are relative to the spec")
            })
        }));
        return None;
    }
    let most = file_limits(scope).bytes;
    Some(
        found
            .into_iter()
            .map(|path| {
                let name = path.strip_prefix(&folder).unwrap_or(&path).to_string_lossy().into_owned();
                External::File { path, name, most }
            })
            .collect(),
    )
}

/// The pattern of the files inside of folders that a pattern matches; of several endings, the most frequent one.
fn files_inside(folder: &Path, pattern: &str) -> Option<String> {
    let inside = format!("{}/*", pattern.trim_end_matches('/'));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for path in files::matching(folder, &inside).ok()? {
        let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
        *counts.entry(ending).or_default() += 1;
    }
    let is_read = |ending: &str| Format::of_name(&format!("x{ending}")).is_some();
    let (ending, _) = counts.into_iter().max_by_key(|(ending, count)| (is_read(ending), *count))?;
    Some(format!("name the files in it: `path = \"{inside}{ending}\"`"))
}

pub(super) fn pinned(scope: &mut Scope<'_>, url: &str, sha256: &str, path: &SpecPath) -> Option<External> {
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        scope.error("bad-url", Place::Value(path.key("url")), "a URL must begin with https:// or http://");
        return None;
    }
    if let Some(error) = live::secret_in_url(url, "url", path) {
        scope.tell(error);
        return None;
    }
    let digest = sha256.to_ascii_lowercase();
    if digest.len() != 64 || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
        scope.error("bad-sha256", Place::Value(path.key("sha256")), "a SHA-256 has 64 hexadecimal digits");
        return None;
    }
    Some(External::Pinned { url: url.to_owned(), sha256: digest, most: file_limits(scope).bytes })
}

/// An existing file in the same folder with a name similar to that of a missing one.
fn nearest_file(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_string_lossy().into_owned();
    let mut names: Vec<String> = std::fs::read_dir(path.parent()?)
        .ok()?
        .filter_map(Result::ok)
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    crate::diagnostic::nearest(&wanted, names.iter().map(String::as_str)).map(str::to_owned)
}
