//! Sources: resolves files, formats and variables.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check::{self, Variables};
use super::columns::{columns_of, described_variables, of_schedule};
use super::costs::is_priced;
use super::graph::StageIndex;
use super::limits::file_limits;
use super::live::{self, snapshot};
use super::located::{local_files, pinned};
use super::names::{self, NamedPattern};
use super::scope::{PlannedQuery, Scope, SourceStage, query_of};
use crate::diagnostic::{Diagnostic, Place, SpecPath, Step};
use crate::expr::Kind;
use crate::live::Tracker;
use crate::report::DescribedSource;
use crate::schedule::{MOST_STEPS, SUMS};
use crate::source::{ColumnKind, Fault, Format, Headings, Missing, Options, SNAPSHOT, Take};
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
    if let Some(Err(message)) = source.headings.as_deref().map(Headings::parse) {
        scope.error("bad-pattern", Place::Value(path.key("headings")), message);
        return None;
    }
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
            headings: source.headings.clone(),
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
        for (key, given) in
            [("run", !source.run.is_empty()), ("step", source.step.is_some()), ("planned", source.planned.is_some())]
        {
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
    let of_format = || formats.iter().find_map(|format| format.member().planned_steps());
    let planned = source.planned.clone().or_else(|| of_format().map(str::to_owned));
    Some(Some(IngestHistory { run, step, take, averaged, planned, may_lack_plan: source.planned.is_none() }))
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
        Some(text) => match crate::source::pattern(text) {
            Ok(regex) => Some(regex),
            Err(message) => {
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
        ("headings", source.headings.is_some()),
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
        if scope.entries("queries").iter().any(|query| query == query_of(from)) {
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
