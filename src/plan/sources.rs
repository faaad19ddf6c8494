//! Sources: resolves files, formats and variables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check::{self, Variables};
use super::costs::is_priced;
use super::files;
use super::graph::StageIndex;
use super::limits::{file_limits, stays_inside};
use super::live::{self, snapshot};
use super::names::{self, NamedPattern};
use super::scope::{PlannedQuery, Scope, SourceStage, query_of};
use super::used;
use crate::diagnostic::{Diagnostic, Place, SpecPath, Step};
use crate::expr::{Expr, Kind};
use crate::live::Tracker;
use crate::report::{DescribedSource, DescribedVariable};
use crate::schedule::{KNOTS, MOST_STEPS, PER_KNOT, SUMS};
use crate::source::{ColumnKind, Fault, Format, Missing, Options, Reading, SNAPSHOT, Take};
use crate::spec;
use crate::stage::{ANSWER, ColumnOrigin, External, Gather, Ingest, IngestColumn, IngestHistory, IngestSchedule};
use crate::unit::{Dimension, Unit};

pub(super) fn plan_source(scope: &mut Scope<'_>, name: &str, source: &spec::Source) -> Option<SourceStage> {
    let path = SpecPath::of(&["sources", name]);
    let places = [("path", source.path.is_some()), ("url", source.url.is_some()), ("from", source.from.is_some())];
    let given: Vec<(&str, bool)> = places.into_iter().chain(trackers_of(source)).collect();
    if let Some(error) = check::exactly_one(&format!("the source `{name}`"), &given, Place::Key(path.clone())) {
        scope.tell(error);
        return None;
    }
    let is_live = live::is_live(source);
    let files = match (&source.path, &source.url, &source.sha256) {
        _ if is_live => {
            let Some(files) = snapshot(scope, name, source, &path) else {
                // Errors in its columns are reported in the same run.
                columns_of(scope, source, &path);
                return None;
            };
            files
        }
        (Some(pattern), ..) => local_files(scope, pattern, &path)?,
        (None, Some(url), Some(sha256)) => vec![pinned(scope, url, sha256, &path)?],
        _ => return None,
    };
    if source.sha256.is_some() && source.path.is_some() {
        scope.error(
            "sha256-of-path",
            Place::Key(path.key("sha256")),
            "`sha256` is only for a `url`; a file on disk is always hashed",
        );
    }
    let declared = source.format.or_else(|| live::format_of(source).filter(|_| is_live));
    let formats: Option<Vec<Format>> =
        files.iter().map(|file| declared.or_else(|| Format::of_name(file.name()))).collect();
    let Some(mut formats) = formats else {
        let key = if source.path.is_some() { "path" } else { "url" };
        scope
            .error("unknown-format", Place::Value(path.key(key)), "the format does not follow from the file name")
            .hints
            .push(format!("write `format = ...`: {}", Format::ALL.map(|f| format!("\"{}\"", f.name())).join(", ")));
        return None;
    };
    let mut options = options_of(scope, source, &formats, &path)?;
    let named = told_by_names(scope, source, &files, &path)?;
    let (columns, mut variables) = columns_of(scope, source, &path)?;
    let schedule = match &source.schedule {
        Some(schedule) => Some(schedule_of(scope, schedule, &mut variables, &path.key("schedule"))?),
        None => None,
    };
    let has_schedule = schedule.is_some();
    let history = history_of(scope, source, &formats, &columns, &variables, &path)?;
    if is_live && live::is_table(source) {
        // The snapshot is a table, whatever the source is.
        formats.fill(SNAPSHOT);
        options = Options::default();
    }
    let names: Vec<String> = files.iter().map(|f| f.name().to_owned()).collect();
    let tables: BTreeMap<String, spec::ColumnTable> =
        source.columns.iter().map(|(n, c)| (n.clone(), c.table())).collect();
    let described = DescribedSource {
        name: name.to_owned(),
        location: source.location(),
        files: names.clone(),
        variables: described_variables(&tables, &columns)
            .into_iter()
            .chain(source.schedule.iter().flat_map(of_schedule))
            .collect(),
    };
    let stage = plan_ingest(
        scope,
        name,
        files,
        &formats,
        &Ingest {
            columns,
            schedule,
            missing: source.missing,
            options,
            named,
            history,
            limits: file_limits(scope),
            is_priced: is_priced(scope),
            ..Ingest::default()
        },
    );
    Some(SourceStage {
        stage,
        variables,
        has_schedule,
        described: Some(described),
        files: names,
        // A fit does not use rows in which the source keeps a missing value.
        missing: if source.missing == Missing::Drop { Missing::Drop } else { Missing::Error },
        columns: tables,
    })
}

/// The settings for reading the files of a source; each format checks its own.
fn options_of(scope: &mut Scope<'_>, source: &spec::Source, formats: &[Format], path: &SpecPath) -> Option<Options> {
    let before = scope.told();
    for key in source.options.keys() {
        let Some(format) = formats.iter().find(|format| !format.member().settings().contains(&key)) else { continue };
        let takers: Vec<&str> =
            Format::ALL.iter().filter(|f| f.member().settings().contains(&key)).map(|f| f.name()).collect();
        let message = format!("`{key}` does not apply to the format {}", format.name());
        let hint = format!("it applies to {}", takers.join(", "));
        scope.error("option-of-format", Place::Key(path.key(key)), message).hints.push(hint);
    }
    let mut faults: Vec<Fault> = Vec::new();
    for format in Format::ALL.into_iter().filter(|format| formats.contains(format)) {
        if let Some(feature) = format.member().needs() {
            let message = format!("this lawfit was built without the reader of {}", format.name());
            scope
                .error("no-reader", Place::Key(path.clone()), message)
                .hints
                .push(crate::source::ways_to_feature(feature));
            return None;
        }
        match format.member().check(&source.options) {
            Ok(found) => faults.extend(found),
            Err(error) => {
                scope.error("bad-setting", Place::Key(path.clone()), error.to_string());
            }
        }
    }
    for (at, fault) in faults.iter().enumerate() {
        // Formats can share a setting.
        if !faults[..at].contains(fault) {
            scope.tell(in_source(fault, path));
        }
    }
    (scope.told() == before).then(|| source.options.clone())
}

/// A fault of settings, at its place in the spec.
fn in_source(fault: &Fault, path: &SpecPath) -> Diagnostic {
    let place = match (fault.key, fault.index) {
        (Some(key), Some(index)) => Place::Value(path.key(key).then(Step::Index(index))),
        (Some(key), None) => Place::Value(path.key(key)),
        (None, _) => Place::Key(path.clone()),
    };
    Diagnostic::error(fault.code, place, &fault.message).hint_if(fault.hint.as_deref())
}

/// How histories of runs are turned into rows; `None` if the source has an error.
#[expect(clippy::option_option, reason = "at fault, or no history, or one")]
fn history_of(
    scope: &mut Scope<'_>,
    source: &spec::Source,
    formats: &[Format],
    columns: &[IngestColumn],
    variables: &Variables,
    path: &SpecPath,
) -> Option<Option<IngestHistory>> {
    let is_server = live::is_server(source);
    let knows_runs = is_server || formats.iter().any(|format| format.member().is_history());
    let Some(take) = &source.take else {
        for (key, given) in [("run", !source.run.is_empty()), ("step", source.step.is_some())] {
            if given {
                scope.error("bad-setting", Place::Key(path.key(key)), format!("`{key}` needs `take`"));
                return None;
            }
        }
        if knows_runs {
            let format = formats.first().map(|format| format.name()).unwrap_or_default();
            let what = if is_server { "runs of a tracker".to_owned() } else { format!("files in the format {format}") };
            let message = format!("{what} are histories: choose the steps that become rows with `take`");
            scope.error("no-take", Place::Key(path.clone()), message).hints.push(
                "`take = \"last\"`, `\"min\"` (the lowest loss), `{ mean = 100 }` (of the last 100), \
                 `{ at = \"step == 20000\" }` or `\"all\"`"
                    .to_owned(),
            );
            return None;
        }
        return Some(None);
    };
    let Some(step) = source.step.clone().or_else(|| knows_runs.then(|| crate::source::STEP.to_owned())) else {
        scope
            .error("no-step", Place::Key(path.key("take")), "`take` needs the column that counts steps")
            .hints
            .push("write `step = \"...\"`, and `run = [\"...\"]` if a file has several runs".to_owned());
        return None;
    };
    let of_dimensions = |dimensions: &[Dimension]| -> Vec<&IngestColumn> {
        let is = |unit: Unit| dimensions.contains(&unit.dimension);
        columns.iter().filter(|c| c.unit.is_some_and(is) && matches!(c.from, ColumnOrigin::Column(_))).collect()
    };
    let place = || Place::Value(path.key("take"));
    let (mut take, mut averaged) = (take.clone(), Vec::new());
    match &take {
        Take::Min => {
            let losses = of_dimensions(&[Dimension::Nats]);
            let [loss] = losses.as_slice() else {
                let message = "`min` needs exactly one variable in nats or bits";
                scope.error("bad-take", place(), message).hints.push("name it: `take = { lowest = \"L\" }`".to_owned());
                return None;
            };
            take = Take::Lowest(loss.variable.clone());
        }
        Take::Lowest(name) => {
            let is_column = columns.iter().any(|c| {
                c.variable == *name && matches!(c.from, ColumnOrigin::Column(_)) && c.kind == ColumnKind::Number
            });
            if !is_column {
                scope.error("bad-take", place(), format!("`{name}` is not a variable read from a column of numbers"));
                return None;
            }
        }
        Take::Mean(count) => {
            averaged = of_dimensions(&[Dimension::Nats, Dimension::Share])
                .into_iter()
                .filter_map(|c| if let ColumnOrigin::Column(name) = &c.from { Some(name.clone()) } else { None })
                .collect();
            if *count == 0 || averaged.is_empty() {
                scope
                    .error(
                        "bad-take",
                        place(),
                        "`mean` needs a positive number and a variable in nats, bits, shares or %",
                    )
                    .hints
                    .push("give the loss a unit: `L = { column = ..., unit = \"nats\" }`".to_owned());
                return None;
            }
        }
        Take::At(condition) => {
            let mut known = variables.clone();
            known.insert(crate::source::STEP.to_owned(), Kind::Number);
            let checked = check::expression(condition, &path.key("take").key("at"), &known, Kind::Truth);
            take = Take::At(scope.take(checked)?.to_string());
        }
        Take::Last | Take::All => {}
    }
    let run = match (source.run.is_empty(), knows_runs) {
        (true, true) => vec![crate::source::RUN.to_owned()],
        _ => source.run.clone(),
    };
    Some(Some(IngestHistory { run, step, take, averaged }))
}

/// The values in the name of each file.
fn told_by_names(
    scope: &mut Scope<'_>,
    source: &spec::Source,
    files: &[External],
    path: &SpecPath,
) -> Option<Vec<BTreeMap<String, String>>> {
    let pattern = source.path.as_deref().and_then(NamedPattern::of);
    let regex = match &source.names {
        Some(text) => match regex::RegexBuilder::new(text).size_limit(1 << 20).build() {
            Ok(regex) => Some(regex),
            Err(error) => {
                let message = error.to_string();
                let message = message.lines().last().unwrap_or_default().to_owned();
                scope.error("bad-pattern", Place::Value(path.key("names")), message);
                return None;
            }
        },
        None => None,
    };
    let mut all = Vec::new();
    for file in files {
        let mut told = BTreeMap::new();
        if let Some(pattern) =
            pattern.as_ref().filter(|_| !scope.folder().join(source.path.as_deref().unwrap_or_default()).exists())
        {
            match pattern.told(file.name()) {
                Ok(found) => told.extend(found),
                Err(message) => {
                    scope
                        .error("bad-pattern", Place::Value(path.key("path")), message)
                        .hints
                        .push("use `names = \"(?<name>...)\"`, a regular expression, instead".to_owned());
                    return None;
                }
            }
        }
        if let Some(regex) = &regex {
            let Some(found) = names::groups(regex, file.name()) else {
                let message = format!("`{}` does not match it", file.name());
                scope.error("bad-pattern", Place::Value(path.key("names")), message);
                return None;
            };
            told.extend(found);
        }
        all.push(told);
    }
    Some(all)
}

/// The keys of trackers, each with whether the source has it.
fn trackers_of(source: &spec::Source) -> impl Iterator<Item = (&'static str, bool)> {
    let is_given = |name: &str| source.trackers.iter().any(|tracker| tracker.name() == name);
    Tracker::NAMES.into_iter().map(move |name| (name, is_given(name)))
}

/// A source whose rows are the answer of a query.
pub(super) fn plan_source_of_query(
    scope: &mut Scope<'_>,
    name: &str,
    source: &spec::Source,
    from: &str,
    queries: &BTreeMap<&str, PlannedQuery>,
) -> Option<SourceStage> {
    let path = SpecPath::of(&["sources", name]);
    let others = [("path", source.path.is_some()), ("url", source.url.is_some())];
    if let Some((other, _)) = others.into_iter().chain(trackers_of(source)).find(|(_, given)| *given) {
        let message = format!("the source `{name}` has `from` and `{other}` at once");
        scope.error("two-kinds", Place::Key(path), message).hints.push("keep one of them".to_owned());
        return None;
    }
    let of_files = source.options.keys().map(|key| (key, true));
    let of_files = of_files.chain([
        ("sha256", source.sha256.is_some()),
        ("format", source.format.is_some()),
        ("names", source.names.is_some()),
        ("live", source.live),
        ("take", source.take.is_some()),
        ("schedule", source.schedule.is_some()),
    ]);
    if let Some((key, _)) = of_files.into_iter().find(|(_, given)| *given) {
        let message = format!("`{key}` applies to files, but the source is the answer of a query");
        scope.error("bad-setting", Place::Key(path.key(key)), message);
        return None;
    }
    let Some(query) = queries.get(query_of(from)) else {
        let known: Vec<&str> = queries.keys().copied().collect();
        let place = Place::Value(path.key("from"));
        if scope.written(&SpecPath::of(&["queries"])).iter().any(|query| query == query_of(from)) {
            let message = format!("`{from}` depends on this source, or has an error of its own");
            scope.error("circular-sources", place, message);
        } else {
            scope.unknown("query", query_of(from), &["queries"], place, &known);
        }
        return None;
    };
    let (columns, variables) = columns_of(scope, source, &path)?;
    let tables: BTreeMap<String, spec::ColumnTable> =
        source.columns.iter().map(|(n, c)| (n.clone(), c.table())).collect();
    let described = DescribedSource {
        name: name.to_owned(),
        location: from.to_owned(),
        files: Vec::new(),
        variables: described_variables(&tables, &columns),
    };
    let ingest = Ingest { columns, missing: source.missing, answer: Some(query.by.clone()), ..Ingest::default() };
    let stage = scope.stage(("sources", name), Arc::new(ingest), vec![query.stage.gives_as("answer", ANSWER)]);
    Some(SourceStage {
        stage,
        variables,
        has_schedule: false,
        described: Some(described),
        files: vec![from.to_owned()],
        missing: if source.missing == Missing::Drop { Missing::Drop } else { Missing::Error },
        columns: tables,
    })
}

/// The stage that reads a source. Each of several files is read by a stage of its own.
fn plan_ingest(
    scope: &mut Scope<'_>,
    name: &str,
    files: Vec<External>,
    formats: &[Format],
    how: &Ingest,
) -> StageIndex {
    // A run may continue in another file.
    if files.len() == 1 || how.history.is_some() {
        let stage = Ingest { files, formats: formats.to_vec(), is_whole: true, ..how.clone() };
        return scope.stage(("sources", name), Arc::new(stage), Vec::new());
    }
    let gather = Arc::new(Gather { files: files.len(), columns: how.columns.clone(), is_priced: how.is_priced });
    let mut inputs = Vec::new();
    for (index, (file, format)) in files.into_iter().zip(formats).enumerate() {
        let member = format!("{name}[{}]", file.name());
        let named = how.named.get(index).cloned().into_iter().collect();
        let stage = Ingest { files: vec![file], formats: vec![*format], named, ..how.clone() };
        let stage = scope.stage(("sources", &member), Arc::new(stage), Vec::new());
        let [table, summary] = Gather::roles(index);
        inputs.extend([stage.gives_as("table", table), stage.gives_as("summary", summary)]);
    }
    scope.stage(("sources", name), gather, inputs)
}

/// The schedule of a source's rows. Its variables are added to those of the source.
fn schedule_of(
    scope: &mut Scope<'_>,
    schedule: &spec::Schedule,
    variables: &mut Variables,
    path: &SpecPath,
) -> Option<IngestSchedule> {
    let before = scope.told();
    for (key, name) in [("step", &schedule.step), ("rate", &schedule.rate)] {
        let place = Place::Value(path.key(key));
        match variables.get(name) {
            Some(kind) if kind.can_be(Kind::Number) => {}
            Some(_) => {
                scope.error("wrong-kind", place, format!("`{name}` holds texts, not numbers"));
            }
            None => no_variable(scope, name, variables, place),
        }
    }
    for (index, name) in schedule.run.iter().enumerate().filter(|(_, name)| !variables.contains_key(*name)) {
        no_variable(scope, name, variables, Place::Value(path.key("run").then(Step::Index(index))));
    }
    for (name, meaning) in SUMS {
        if variables.contains_key(name) {
            let message = format!("`{name}` is already a column, but the schedule defines it: the {meaning}");
            scope
                .error("taken-name", Place::Key(path.clone()), message)
                .hints
                .push("give the column another name".to_owned());
        }
    }
    let warmup = schedule.warmup.map_or(0.0, |step| step.0);
    if !(warmup >= 0.0 && warmup.fract() == 0.0 && warmup <= MOST_STEPS as f64) {
        scope.error("bad-setting", Place::Value(path.key("warmup")), "`warmup` must be a whole number of steps");
    }
    if !(0.0..1.0).contains(&schedule.momentum) {
        scope.error("bad-setting", Place::Value(path.key("momentum")), "`momentum` must be at least 0 and below 1");
    }
    if scope.told() > before {
        return None;
    }
    variables.extend(SUMS.iter().map(|(name, _)| ((*name).to_owned(), Kind::Number)));
    Some(IngestSchedule {
        step: schedule.step.clone(),
        rate: schedule.rate.clone(),
        run: schedule.run.clone(),
        warmup: warmup as usize,
        momentum: schedule.momentum,
    })
}

fn no_variable(scope: &mut Scope<'_>, name: &str, variables: &Variables, place: Place) {
    let known: Vec<&str> = variables.keys().map(String::as_str).collect();
    let error = Diagnostic::error("unknown-variable", place, format!("the source has no variable `{name}`"));
    scope.tell(error.suggest(name, known));
}

fn local_files(scope: &mut Scope<'_>, pattern: &str, path: &SpecPath) -> Option<Vec<External>> {
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

fn pinned(scope: &mut Scope<'_>, url: &str, sha256: &str, path: &SpecPath) -> Option<External> {
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

/// The columns in an order in which each expression stands after what it uses.
fn columns_of(scope: &mut Scope<'_>, source: &spec::Source, path: &SpecPath) -> Option<(Vec<IngestColumn>, Variables)> {
    let tables: BTreeMap<&str, spec::ColumnTable> =
        source.columns.iter().map(|(n, c)| (n.as_str(), c.table())).collect();
    let mut kinds: Variables = tables
        .iter()
        .map(|(&name, table)| {
            let written = Place::Value(path.key("columns").key(name).key("type"));
            let kind = match table.kind {
                _ if scope.is_told_of(&written) => Kind::Any,
                ColumnKind::Text => Kind::Text,
                ColumnKind::Number => Kind::Number,
            };
            (name.to_owned(), kind)
        })
        .collect();
    // Columns that could not be read have errors already; expressions that use them must not add more.
    let mut unread = scope.written(&path.key("columns"));
    unread.retain(|name| !tables.contains_key(name.as_str()));
    kinds.extend(unread.iter().map(|name| (name.clone(), Kind::Any)));
    let column = |name: String| IngestColumn {
        from: ColumnOrigin::Column(name.clone()),
        variable: name,
        reading: None,
        factor: 1.0,
        unit: None,
        kind: ColumnKind::Number,
        unused: false,
    };
    let mut ready: Vec<IngestColumn> = unread.into_iter().map(column).collect();
    let mut waiting: Vec<(&str, Expr, f64)> = Vec::new();
    let before = scope.told();
    for (&name, table) in &tables {
        let place = path.key("columns").key(name);
        if !crate::expr::is_plain_name(name) || name.contains('.') {
            scope
                .error("bad-name", Place::Key(place.clone()), format!("`{name}` cannot be the name of a variable"))
                .hints
                .push(
                    "use letters, digits and `_` on the left; the column's name in the file goes on the right"
                        .to_owned(),
                );
            continue;
        }
        let given = [("column", table.column.is_some()), ("expr", table.expr.is_some())];
        if let Some(error) = check::exactly_one(&format!("the variable `{name}`"), &given, Place::Key(place.clone())) {
            scope.tell(error);
            continue;
        }
        if let Some(error) = wrong_reading(table, &place) {
            scope.tell(error);
            continue;
        }
        let factor = table.unit.map_or(1.0, |u| u.size);
        if let Some(column) = &table.column {
            ready.push(IngestColumn {
                variable: name.to_owned(),
                from: ColumnOrigin::Column(column.clone()),
                reading: reading(table),
                factor,
                unit: table.unit,
                kind: table.kind,
                unused: false,
            });
        } else if let Some(text) = &table.expr {
            let checked = check::expression(text, &place.key("expr"), &kinds, Kind::Number);
            if let Some(expr) = scope.take(checked) {
                waiting.push((name, expr, factor));
            }
        }
    }
    if scope.told() > before {
        return None;
    }
    let order = match in_order(&waiting) {
        Ok(order) => order,
        Err(circle) => {
            let names: Vec<&str> = circle.into_iter().map(|index| waiting[index].0).collect();
            let place = Place::Key(path.key("columns").key(names[0]));
            scope.error(
                "circular-columns",
                place,
                format!("{} are defined by each other", crate::diagnostic::list(&names)),
            );
            return None;
        }
    };
    for (name, expr, factor) in order.into_iter().map(|index| &waiting[index]) {
        ready.push(IngestColumn {
            variable: (*name).to_owned(),
            from: ColumnOrigin::Expr(expr.to_string()),
            reading: None,
            factor: *factor,
            unit: tables.get(name).and_then(|table| table.unit),
            kind: ColumnKind::Number,
            unused: false,
        });
    }
    mark_unused(scope, source, &mut ready);
    Some((ready, kinds))
}

/// How the cells of a column are read, if its table says so.
fn reading(table: &spec::ColumnTable) -> Option<Reading> {
    let values =
        table.values.as_ref().map(|values| values.iter().map(|(text, value)| (text.clone(), value.0)).collect());
    let reading = Reading { extract: table.extract.clone(), values };
    (reading != Reading::default()).then_some(reading)
}

/// The error in `extract` or `values` of a column, if there is one.
fn wrong_reading(table: &spec::ColumnTable, place: &SpecPath) -> Option<Diagnostic> {
    let error = |key: &str, message: String| Diagnostic::error("bad-reading", Place::Value(place.key(key)), message);
    for (key, is_there) in [("extract", table.extract.is_some()), ("values", table.values.is_some())] {
        if is_there && table.expr.is_some() {
            return Some(error(key, format!("`{key}` applies to the cells of a `column`, but this is an expression")));
        }
    }
    if let Some(Err(message)) = table.extract.as_deref().map(Reading::check) {
        return Some(error("extract", message));
    }
    let values = table.values.as_ref()?;
    if table.kind == ColumnKind::Text {
        return Some(error("values", "`values` maps texts to numbers, but the column is declared as text".to_owned()));
    }
    let odd = values.iter().find(|(_, value)| !value.0.is_finite());
    odd.map(|(text, value)| error("values", format!("the number for \"{text}\" is {}", value.0)))
}

/// Marks the variables that the study does not use, directly or through another variable.
fn mark_unused(scope: &Scope<'_>, source: &spec::Source, columns: &mut [IngestColumn]) {
    let mut used: BTreeSet<String> = scope.words().clone();
    if let Some(schedule) = &source.schedule {
        used.extend(schedule.run.iter().chain([&schedule.step, &schedule.rate]).cloned());
    }
    // Expressions follow the columns they use, so the reverse order is needed here.
    for column in columns.iter_mut().rev() {
        column.unused = !used.contains(&column.variable);
        if let (false, ColumnOrigin::Expr(text)) = (column.unused, &column.from) {
            used.extend(used::of_text(text));
        }
    }
}

/// The descriptions of a source's variables.
fn described_variables(
    tables: &BTreeMap<String, spec::ColumnTable>,
    columns: &[IngestColumn],
) -> Vec<DescribedVariable> {
    let from = |variable: &str| columns.iter().find(|column| column.variable == variable);
    let described = |(variable, table): (&String, &spec::ColumnTable)| DescribedVariable {
        name: variable.clone(),
        from: from(variable).map(|column| column.from.describe()).unwrap_or_default(),
        unit: table.unit,
        counts: table.counts,
    };
    tables.iter().map(described).collect()
}

/// An order in which each expression follows the expressions it uses; ties keep the given order.
///
/// # Errors
/// The indices that remain when none can be next: a cycle.
fn in_order(waiting: &[(&str, Expr, f64)]) -> Result<Vec<usize>, Vec<usize>> {
    let places: BTreeMap<&str, usize> = waiting.iter().enumerate().map(|(index, (name, ..))| (*name, index)).collect();
    let mut needs: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); waiting.len()];
    let mut used_by: Vec<Vec<usize>> = vec![Vec::new(); waiting.len()];
    for (index, (_, expr, _)) in waiting.iter().enumerate() {
        expr.visit_symbols(&mut |symbol, _| needs[index].extend(places.get(symbol.as_str())));
        needs[index].iter().for_each(|&other| used_by[other].push(index));
    }
    let mut ready: BTreeSet<usize> = (0..waiting.len()).filter(|&index| needs[index].is_empty()).collect();
    let mut order = Vec::new();
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for &index in &used_by[next] {
            needs[index].remove(&next);
            if needs[index].is_empty() {
                ready.insert(index);
            }
        }
    }
    let left: Vec<usize> = (0..waiting.len()).filter(|&index| !needs[index].is_empty()).collect();
    if left.is_empty() { Ok(order) } else { Err(left) }
}

/// The variables that a schedule defines, for the report.
fn of_schedule(schedule: &spec::Schedule) -> impl Iterator<Item = DescribedVariable> {
    let from = format!("the schedule of {} by {}", schedule.rate, schedule.step);
    let described =
        move |name: &str, from: String| DescribedVariable { name: name.to_owned(), from, unit: None, counts: None };
    let at_knots = format!("{KNOTS} knots of {from}");
    let sums = SUMS.iter().map(move |(name, _)| described(name, from.clone()));
    sums.chain(PER_KNOT.iter().map(move |(name, _)| described(name, at_knots.clone())))
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
