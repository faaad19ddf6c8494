//! Compiles specs into a plan and collects all errors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::check::NO_KIND;
use super::designs::{Listed, plan_designs};
use super::expectations::UNKNOWN_RESULT;
use super::expectations::{check_figures, plan_expectations, plan_statements};
use super::filters::plan_filter;
use super::fits::{FitPlan, define_laws, fits_before, join_chain, plan_fit};
use super::graph::{Input, Plan};
use super::queries::plan_query;
use super::scope::{
    Allowed, MOST_ERRORS, Planned, PlannedFit, PlannedQuery, Rows, Scope, SourceStage, SpecPlace, query_of,
};
use super::sensitivity::plan_sensitivity;
use super::sources::{plan_source, plan_source_of_query};
use super::spec_file::SpecFile;
use super::tables::{plan_tables, tables_left};
use super::used;
use crate::diagnostic::{Diagnostic, Place, Severity, SpecPath, Step};
use crate::expectation::ExpectedDrift;
use crate::forecast::Forecast;
use crate::law::Law;
use crate::lock::Pins;
use crate::query::Question;
use crate::report::{
    AnsweredBy, Described, DescribedFilter, DescribedFit, DescribedQuery, DescribedSource, DescribedTable,
};
use crate::spec::{self, Spec};
use crate::stage::{GatherResults, LAUNCHED, RESULTS, RenderReport, launched_as};

/// The result of compiling specs.
#[derive(Clone, Default)]
pub struct Compiled {
    /// The plan; complete only if there are no errors.
    pub plan: Plan,
    /// The result for each spec.
    pub specs: Vec<CompiledSpec>,
    /// The specs that they extend.
    pub bases: Vec<SpecFile>,
    /// Errors and warnings, in the order of the specs.
    pub diagnostics: Vec<Diagnostic>,
}

impl Compiled {
    /// Whether there are errors, so that the plan cannot run.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// The result of compiling one spec.
#[derive(Clone)]
pub struct CompiledSpec {
    /// The stages of its report; `None` if the spec could not be read.
    pub report: Option<PlannedReport>,
    /// The location of each of its sources, as written in the spec.
    pub locations: BTreeMap<String, String>,
    /// The snapshots of its live sources.
    pub pins: Pins,
    /// Its expectations on changes between runs.
    pub drifts: Vec<ExpectedDrift>,
}

/// The last two stages of a spec and the descriptions they use.
#[derive(Clone)]
pub struct PlannedReport {
    /// Index of the stage that collects the results.
    pub results: usize,
    /// Index of the stage that writes the report.
    pub render: usize,
    /// The names and descriptions of the spec.
    pub described: Arc<Described>,
}

/// Compiles specs into one plan.
pub fn compile(files: &[SpecFile]) -> Compiled {
    compile_asking(files, None, Allowed::default())
}

/// Compiles specs into one plan, with a tree such as a question laid over each spec and with the given permissions.
pub fn compile_asking(files: &[SpecFile], more: Option<&spec::Node>, allowed: Allowed) -> Compiled {
    let mut compiled = Compiled::default();
    for (index, file) in files.iter().enumerate() {
        let mut reading = spec::read_over(&file.bytes, &file.path, more);
        let name = file.stem();
        let place = SpecPlace { index, name: (files.len() > 1).then_some(name.as_str()), file, allowed };
        let words = reading.spec.as_ref().map(|spec| used::words(&reading.tree, spec)).unwrap_or_default();
        let problems = std::mem::take(&mut reading.problems);
        let mut scope = Scope::new(place, (&reading.tree, words), problems, &mut compiled.plan);
        let report = reading.spec.as_ref().map(|spec| plan_spec(&mut scope, spec));
        let (mut found, drifts, pins) = scope.finish();
        drop_follow_ons(&mut found);
        let sources = reading.spec.iter().flat_map(|spec| &spec.sources);
        let location = |source: &spec::Source| source.location();
        let locations = sources.map(|(name, source)| (name.clone(), location(source))).collect();
        let mut diagnostics: Vec<Diagnostic> = Vec::new();
        let (mut known, left_out) = (BTreeSet::new(), found.len().saturating_sub(MOST_ERRORS));
        for diagnostic in found.into_iter().take(MOST_ERRORS) {
            let mut diagnostic = reading.placed(diagnostic);
            if diagnostic.place != Place::Question {
                diagnostic.file.get_or_insert_with(|| file.path.clone());
            }
            // An error in an entry occurs in each of its matrix members; it is reported once.
            if known.insert(format!("{diagnostic:?}")) {
                diagnostics.push(diagnostic);
            }
        }
        if left_out > 0 {
            let mut more = Diagnostic::error("too-many-errors", Place::File, format!("{left_out} more are not shown"));
            more.file = Some(file.path.clone());
            diagnostics.push(more.hint("mend these first"));
        }
        compiled.bases.extend(reading.bases.into_iter().map(|b| SpecFile { path: b.path, bytes: b.bytes }));
        compiled.specs.push(CompiledSpec { report, locations, pins, drifts });
        compiled.diagnostics.extend(diagnostics);
    }
    compiled
}

/// Drops errors that follow from other errors. A missing kind follows from a wrong key or value in its table, and an
/// unknown result from an error in a query or fit.
fn drop_follow_ons(found: &mut Vec<Diagnostic>) {
    let path_of = |diagnostic: &Diagnostic| match &diagnostic.place {
        Place::Key(path) | Place::Value(path) => Some(path.clone()),
        _ => None,
    };
    let causes_of = |follow_on: &str| -> Vec<SpecPath> {
        let others = found.iter().filter(|other| other.severity == Severity::Error && other.code != follow_on);
        others.filter_map(path_of).collect()
    };
    let (of_kinds, of_results) = (causes_of(NO_KIND), causes_of(UNKNOWN_RESULT));
    let is_told =
        |table: &SpecPath| of_kinds.iter().any(|path| path.0.len() > table.0.len() && path.0.starts_with(&table.0));
    let is_cause =
        |path: &SpecPath| matches!(path.0.first(), Some(Step::Key(table)) if table == "fits" || table == "queries");
    let has_cause = of_results.iter().any(is_cause);
    found.retain(|diagnostic| match diagnostic.code {
        UNKNOWN_RESULT => !has_cause,
        NO_KIND => path_of(diagnostic).is_none_or(|table| !is_told(&table)),
        _ => true,
    });
}

/// The laws that answer a query.
fn answered_by(query: &spec::Query, question: &Question, fits: &BTreeMap<&str, PlannedFit>) -> AnsweredBy {
    let fit = fits.get(query.fit.as_str());
    match query.forecast {
        Some(Forecast::Default) => AnsweredBy::Several,
        Some(Forecast::Stack) => AnsweredBy::Stack(1 + fit.map_or(0, |fit| fit.alternatives.len())),
        _ if question.member().other().is_some() => AnsweredBy::Two,
        _ if fit.is_some_and(|fit| fit.through.is_some()) => AnsweredBy::Chain,
        _ => AnsweredBy::Law,
    }
}

/// The part of a spec that has been planned.
#[derive(Default)]
struct Grown<'a> {
    sources: BTreeMap<&'a str, SourceStage>,
    filters: BTreeMap<&'a str, Rows<'a>>,
    laws: Option<BTreeMap<String, Arc<Law>>>,
    fits: BTreeMap<&'a str, PlannedFit>,
    queries: BTreeMap<&'a str, PlannedQuery>,
    described_tables: Vec<DescribedTable>,
    described_filters: Vec<DescribedFilter>,
    described_fits: Vec<DescribedFit>,
    described_queries: Vec<DescribedQuery>,
    /// The entries that were processed, by table and name; entries with errors are included.
    done: BTreeSet<(&'static str, &'a str)>,
}

impl<'a> Grown<'a> {
    fn done_of(&self, table: &str) -> BTreeSet<&'a str> {
        self.done.iter().filter(|(of, _)| *of == table).map(|(_, name)| *name).collect()
    }
}

static NO_LAWS: BTreeMap<String, Arc<Law>> = BTreeMap::new();

/// Compiles one spec and returns the stages of its report.
fn plan_spec(scope: &mut Scope<'_>, spec: &Spec) -> PlannedReport {
    let mut grown = Grown::default();
    // A query's answer may be the source of another fit, so entries are planned as their inputs become ready.
    while grow(scope, spec, &mut grown, false) {}
    grow(scope, spec, &mut grown, true);
    tables_left(scope, spec, &grown.sources, &grown.done_of("tables"));
    let Grown {
        sources,
        filters,
        laws,
        fits,
        queries,
        mut described_tables,
        mut described_filters,
        mut described_fits,
        mut described_queries,
        ..
    } = grown;
    // A report has the order of the spec.
    let tree = scope.tree();
    let order = |table: &str| {
        let keys = tree.at(&SpecPath::of(&[table]).0).map(spec::Node::keys).unwrap_or_default();
        let places: BTreeMap<String, usize> = keys.into_iter().map(str::to_owned).zip(0..).collect();
        move |name: &str| places.get(name).copied()
    };
    let (of_table, of_filter) = (order("tables"), order("filters"));
    let (of_fit, of_query) = (order("fits"), order("queries"));
    described_tables.sort_by_key(|table| of_table(&table.name));
    described_filters.sort_by_key(|filter| of_filter(&filter.name));
    described_fits.sort_by_key(|fit| of_fit(&fit.name));
    described_queries.sort_by_key(|query| of_query(&query.name));
    let laws = laws.unwrap_or_default();
    let planned = Planned { spec, sources: &sources, filters: &filters, laws: &laws, fits: &fits, queries: &queries };
    let (sensitivity, varied) = plan_sensitivity(scope, &planned);
    let designs = plan_designs(scope, spec, &fits, &Listed { sources: &sources, filters: &filters });
    let expectations = plan_expectations(scope, &planned);
    let (statements, answer) = plan_statements(scope, &planned);
    warn_of_unused(scope, spec);
    if spec.fits.is_empty() && scope.entries("fits").is_empty() {
        scope
            .error("no-fits", Place::File, "the spec defines no fit")
            .hints
            .push("add a `[fits.main]` with `law = \"hoffmann\"`; `lawfit init` writes a starter spec".to_owned());
    }
    let mut inputs: Vec<Input> = Vec::new();
    for (name, source) in &sources {
        let (output, table) = if source.described.is_some() { ("summary", "source") } else { ("counts", "table") };
        inputs.push(source.stage.gives_as(output, format!("{table}.{name}")));
    }
    for (name, rows) in &filters {
        inputs.push(rows.stage.gives_as("counts", format!("filter.{name}")));
    }
    // Inputs of both report stages: the numbers, and the data of the figures.
    let of_fit = |role| fits.iter().map(move |(name, fit)| fit.stage.gives_as(role, format!("{role}.{name}")));
    let mut found: Vec<Input> = of_fit("fit").collect();
    found.extend(queries.iter().map(|(name, query)| query.stage.gives_as("answer", format!("answer.{name}"))));
    let drawn: Vec<Input> = ["rows", "draws"].into_iter().flat_map(of_fit).collect();
    inputs.extend(found.iter().cloned());
    // A response that a query asks for may have been observed.
    let asked: BTreeSet<&str> = described_queries
        .iter()
        .filter(|query| query.question.member().is_measured())
        .map(|query| query.fit.as_str())
        .collect();
    let with_rows = asked.iter().filter_map(|fit| Some(fits.get(fit)?.stage.gives_as("rows", format!("rows.{fit}"))));
    inputs.extend(with_rows);
    inputs.extend(designs.iter().map(|(name, stage)| stage.gives_as("advice", format!("design.{name}"))));
    inputs.extend(varied);
    let of_source = order("sources");
    let mut described_sources: Vec<DescribedSource> = sources.into_values().filter_map(|s| s.described).collect();
    described_sources.sort_by_key(|source| of_source(&source.name));
    let described = Arc::new(Described {
        spec: tree.to_toml(),
        title: spec.study.title.clone(),
        summary: spec.study.summary.clone(),
        references: spec.study.references.clone(),
        seed: spec.study.seed,
        sources: described_sources,
        tables: described_tables,
        filters: described_filters,
        fits: described_fits,
        queries: described_queries,
        sensitivity,
        expectations,
        statements,
        answer,
        digits: spec.report.options().precision.0,
    });
    check_figures(scope, spec);
    let stage = Arc::new(GatherResults { described: Arc::clone(&described) });
    let results = scope.last_stage(stage, inputs);
    let launched = designs
        .iter()
        .flat_map(|(name, stage)| LAUNCHED.into_iter().map(move |role| stage.gives_as(role, launched_as(name, role))));
    let shown = [results.gives(RESULTS)].into_iter().chain(found).chain(drawn).chain(launched);
    let stage = Arc::new(RenderReport {
        described: Arc::clone(&described),
        options: spec.report.options(),
        designs: designs.keys().map(|name| (*name).to_owned()).collect(),
    });
    let render = scope.last_stage(stage, shown.collect());
    PlannedReport { results: results.0, render: render.0, described }
}

/// Plans every entry whose inputs are planned. With `force`, plans all remaining entries to find their errors.
/// Returns whether any was planned.
fn grow<'a>(scope: &mut Scope<'_>, spec: &'a Spec, grown: &mut Grown<'a>, force: bool) -> bool {
    let before = grown.done.len();
    for (name, source) in &spec.sources {
        let ready = source.from.as_ref().is_none_or(|from| grown.queries.contains_key(query_of(from)));
        if !begin(scope, "sources", name, ready || force, grown) {
            continue;
        }
        let stage = match &source.from {
            Some(from) => plan_source_of_query(scope, name, source, from, &grown.queries),
            None => plan_source(scope, name, source),
        };
        grown.sources.extend(stage.map(|stage| (name.as_str(), stage)));
    }
    let mut tables = grown.done_of("tables");
    grown.described_tables.extend(plan_tables(scope, spec, &mut grown.sources, &mut tables));
    grown.done.extend(tables.into_iter().map(|name| ("tables", name)));
    for (name, filter) in &spec.filters {
        let ready = grown.sources.contains_key(filter.source.as_str());
        if begin(scope, "filters", name, ready || force, grown)
            && let Some((rows, described)) = plan_filter(scope, name, filter, &grown.sources)
        {
            grown.filters.insert(name.as_str(), rows);
            grown.described_filters.push(described);
        }
    }
    if grown.laws.is_none() {
        grown.laws = Some(define_laws(scope, spec, &grown.sources));
    }
    for (name, fit) in &spec.fits {
        let is_there =
            |rows: &String| grown.filters.contains_key(rows.as_str()) || grown.sources.contains_key(rows.as_str());
        let is_done = |other: &str| grown.done.contains(&("fits", other));
        let ready = fit.rows.as_ref().is_none_or(is_there) && fits_before(spec, name).all(is_done);
        if !begin(scope, "fits", name, ready || force, grown) {
            continue;
        }
        let laws = grown.laws.as_ref().unwrap_or(&NO_LAWS);
        let found = plan_fit(scope, name, &FitPlan::of(fit), spec, &grown.sources, &grown.filters, laws);
        if let Some((stage, law, described, refit)) = found {
            let (has_rows, by) = (described.rows.is_some(), described.by.clone());
            let alternatives = described.alternatives.clone();
            let draws = fit.uncertainty.as_ref().map_or(0, |uncertainty| uncertainty.member().count().1);
            let planned = PlannedFit { stage, law, through: None, has_rows, draws, by, alternatives, refit };
            grown.fits.insert(name, planned);
            grown.described_fits.push(described);
            join_chain(scope, spec, name, &mut grown.fits);
        }
    }
    for (name, query) in &spec.queries {
        let ready = grown.fits.contains_key(query.fit.as_str())
            && query
                .questions
                .iter()
                .filter_map(|question| question.member().other())
                .all(|other| grown.fits.contains_key(other.fit));
        // Inputs that are missing because they could not be read have been reported already.
        if begin(scope, "queries", name, ready || force, grown)
            && !scope.is_misread(&SpecPath::of(&["queries", name]))
            && let Some(planned) = plan_query(scope, name, query, spec.study.seed, &grown.fits)
        {
            grown.described_queries.push(DescribedQuery {
                name: name.clone(),
                fit: query.fit.clone(),
                question: planned.question.clone(),
                roles: planned.roles.clone(),
                subject_to: query.subject_to.clone(),
                by: answered_by(query, &planned.question, &grown.fits),
            });
            grown.queries.insert(name, planned);
        }
    }
    grown.done.len() > before
}

/// Whether an entry must be planned now; if so, it is recorded as done.
fn begin<'a>(scope: &Scope<'_>, table: &'static str, name: &'a str, ready: bool, grown: &mut Grown<'a>) -> bool {
    ready && !scope.has_enough_errors() && grown.done.insert((table, name))
}

/// Warns of unused entries.
fn warn_of_unused(scope: &mut Scope<'_>, spec: &Spec) {
    // An entry with an error may use them.
    if scope.has_error_since(0) {
        return;
    }
    let tables: [(&str, Vec<&String>); 5] = [
        ("sources", spec.sources.keys().collect()),
        ("tables", spec.tables.keys().collect()),
        ("filters", spec.filters.keys().collect()),
        ("laws", spec.laws.keys().collect()),
        ("costs", spec.costs.keys().collect()),
    ];
    for (table, names) in tables {
        for name in names {
            let path = SpecPath::of(&[table, name]);
            if !scope.is_used(&path) {
                let what = table.trim_end_matches('s');
                scope.tell(Diagnostic::warning("unused", Place::Key(path), format!("the {what} `{name}` is not used")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_kind_follows_from_an_error_in_its_table_and_not_from_a_warning() {
        let table = SpecPath::of(&["queries", "main"]);
        let missing = Diagnostic::error(NO_KIND, Place::Key(table.clone()), "no kind");
        let left = |other: Diagnostic| {
            let mut found = vec![missing.clone(), other];
            drop_follow_ons(&mut found);
            found.len()
        };
        let below = || Place::Key(table.key("whre"));
        assert_eq!(left(Diagnostic::error("unknown-key", below(), "unknown")), 1);
        assert_eq!(left(Diagnostic::warning("large", below(), "large")), 2);
        assert_eq!(left(Diagnostic::error("unknown-fit", Place::Key(table.clone()), "beside")), 2);
    }
}
