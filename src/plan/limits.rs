//! Limits on the size of a study and on the location of its files. Users can lift them with options.

use std::path::Path;

use super::scope::Scope;
use crate::diagnostic::{Diagnostic, Place, SpecPath};
use crate::file::{self, in_units};
use crate::law::Roles;
use crate::query::Question;
use crate::source::Limits;

/// Maximum number of draws or resamples of a fit: default, and with permission.
const MOST_DRAWS: [usize; 2] = [100_000, 10_000_000];
/// Maximum number of groups of a fit: default, and with permission.
const MOST_GROUPS: [usize; 2] = [1000, 1_000_000];
/// Maximum number of rows in an answer: default, and with permission.
const MOST_ROWS: [usize; 2] = [10_000, 1_000_000];
/// Maximum product of the rows of an answer and the draws of its fit: default, and with permission.
const MOST_SOLVED: [usize; 2] = [5_000_000, 100_000_000_000];

/// Checks the number of draws of a fit; `path` is that of its uncertainty method.
pub(super) fn check_draws(scope: &mut Scope<'_>, key: &str, count: usize, path: &SpecPath) {
    let why = format!(
        "`{key}` is {count}: each parameter needs {}, and the run takes {} times as long as with the usual 1000",
        in_units((count as u64).saturating_mul(size_of::<f64>() as u64)),
        count / 1000
    );
    is_allowed(scope, count, MOST_DRAWS, Place::Value(path.key(key)), why);
}

/// Checks the number of rows of a query, each of which is answered for every draw.
pub(super) fn check_rows(scope: &mut Scope<'_>, question: &Question, roles: &Roles, draws: usize, path: &SpecPath) {
    let rows = question.member().rows(roles).len();
    let place = || Place::Key(path.clone());
    if is_allowed(scope, rows, MOST_ROWS, place(), format!("the answer has {rows} rows")) {
        let effort = question.member().effort();
        let solved = rows.saturating_mul(draws.max(1)).saturating_mul(effort);
        let each = if effort == 1 { String::new() } else { format!(", each as much work as {effort},") };
        let why = format!("{rows} rows{each} for {draws} draws of the fit are {solved} answers");
        is_allowed(scope, solved, MOST_SOLVED, place(), why);
    }
}

/// The limits on the size of data files.
pub(super) fn file_limits(scope: &Scope<'_>) -> Limits {
    if scope.allowed().large { Limits::LARGE } else { Limits::USUAL }
}

/// Maximum number of groups of a fit.
pub(super) fn most_groups(scope: &Scope<'_>) -> usize {
    MOST_GROUPS[usize::from(scope.allowed().large)]
}

/// Whether a count is within its limit. Records an error if it is not, and a warning if only a permission allows it.
fn is_allowed(scope: &mut Scope<'_>, count: usize, [usual, most]: [usize; 2], place: Place, why: String) -> bool {
    let limit = if scope.allowed().large { most } else { usual };
    if count <= usual {
        return true;
    }
    if count <= limit {
        let hint = "`--allow large` permits it";
        scope.tell(Diagnostic::warning("large", place, why).hint(hint));
        return true;
    }
    let hint = if count <= most {
        format!("the limit is {usual}; `--allow large` raises it")
    } else {
        format!("with `--allow large` the limit is {most}")
    };
    scope.error("too-large", place, why).hints.push(hint);
    false
}

/// Whether a path, without resolving links, stays inside a folder or the working directory.
pub(super) fn stays_inside(folder: &Path, path: &Path) -> bool {
    let path = file::from_root(path);
    let here = std::env::current_dir().unwrap_or_default();
    [folder, &here].into_iter().any(|root| path.starts_with(file::from_root(root)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_the_folder_is_distinguished_from_one_that_returns() {
        let inside = |path: &str| stays_inside(Path::new("/studies/a"), Path::new(path));
        assert!(inside("/studies/a/runs"));
        assert!(inside("/studies/a/../a/runs"));
        assert!(!inside("/studies/a/../b"));
        assert!(!inside("/studies/ab"));
        assert!(!inside("/"));
    }
}
