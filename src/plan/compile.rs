//! Specs to a plan, all errors gathered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check::{self, Variables};
use super::costs::Costs;
use super::graph::{Plan, PlanStage, StageId};
use super::limits::Allowed;
use super::sensitivity::Planned;
use super::used;
use crate::changes::Drift;
use crate::diagnostic::{Diagnostic, Place, Severity, SpecPath};
use crate::forecast::Forecast;
use crate::law::{Law, Roles};
use crate::query::Question;
use crate::report::{
    self, AnsweredBy, Described, DescribedFilter, DescribedFit, DescribedQuery, DescribedSource, DescribedTable,
};
use crate::source::Missing;
use crate::spec::{self, Format, Spec};
use crate::stage::{GatherResults, LAUNCHED, RESULTS, RenderReport, Stage, Through, launched_as};

/// A spec file and its bytes.
#[derive(Clone, Debug)]
pub struct SpecFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl SpecFile {
    /// The language it is written in, by its name: YAML for `.yaml` and `.yml`, else TOML.
    pub fn format(&self) -> Format {
        Format::of_path(&self.path)
    }

    /// Its name without folder and ending: that of its output folder.
    pub fn stem(&self) -> String {
        self.path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
    }

    pub(super) fn folder(&self) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() }
    }
}

/// What came of compiling specs.
#[derive(Clone, Default)]
pub struct Compiled {
    /// The plan; complete only where there are no errors.
    pub plan: Plan,
    /// What each spec came to.
    pub specs: Vec<CompiledSpec>,
    /// The specs that they extend.
    pub bases: Vec<SpecFile>,
    /// Errors and warnings, in order of the specs.
    pub diagnostics: Vec<Diagnostic>,
}

impl Compiled {
    /// Whether anything prevents running.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// What one spec came to.
#[derive(Clone)]
pub struct CompiledSpec {
    /// The stages of its report; none where the spec could not be read.
    pub report: Option<PlannedReport>,
    /// Where each of its sources is, as written.
    pub locations: BTreeMap<String, String>,
    /// What it expects of how numbers move.
    pub drifts: Vec<ExpectedDrift>,
}

/// The last two stages of a spec, and what they say.
#[derive(Clone)]
pub struct PlannedReport {
    /// The stage that gathers the results.
    pub results: usize,
    /// The stage that writes what people read.
    pub render: usize,
    /// Names and words.
    pub described: Arc<Described>,
}

/// An expectation on how far a number moves from one run to the next; a report knows nothing of earlier ones.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectedDrift {
    /// Its place among the expectations of the spec.
    pub index: usize,
    /// The condition.
    pub that: String,
    /// What it says.
    pub drift: Drift,
    /// Whether a failure ends the run with an error or only warns.
    pub severity: report::Severity,
    /// Why.
    pub because: Option<String>,
}

/// Compiles specs into one plan.
pub fn compile(files: &[SpecFile]) -> Compiled {
    compile_asking(files, None, Allowed::default())
}

/// Compiles specs into one plan, with more laid over each: questions that are not written there; and with more allowed.
pub fn compile_asking(files: &[SpecFile], more: Option<&spec::Node>, allowed: Allowed) -> Compiled {
    let mut compiled = Compiled::default();
    for (index, file) in files.iter().enumerate() {
        let mut reading = spec::read_over(&file.bytes, &file.path, more);
        let mut compiler = Compiler {
            file,
            allowed,
            index,
            prefix: if files.len() > 1 { format!("{}/", file.stem()) } else { String::new() },
            tree: &reading.tree,
            diagnostics: std::mem::take(&mut reading.problems),
            plan: &mut compiled.plan,
            used: BTreeSet::new(),
            drifts: Vec::new(),
            catalogue: BTreeMap::new(),
            costs: Costs::new(),
            words: reading.spec.as_ref().map(|spec| used::words(&reading.tree, spec)).unwrap_or_default(),
        };
        let report = reading.spec.as_ref().map(|spec| compiler.spec(spec));
        let sources = reading.spec.iter().flat_map(|spec| &spec.sources);
        let location = |source: &spec::Source| source.location();
        let locations = sources.map(|(name, source)| (name.clone(), location(source))).collect();
        let (found, drifts) = (compiler.diagnostics, compiler.drifts);
        let mut diagnostics: Vec<Diagnostic> = Vec::new();
        let (mut known, left_out) = (BTreeSet::new(), found.len().saturating_sub(MOST_ERRORS));
        for diagnostic in found.into_iter().take(MOST_ERRORS) {
            let mut diagnostic = reading.placed(diagnostic);
            if diagnostic.place != Place::Question {
                diagnostic.file.get_or_insert_with(|| file.path.clone());
            }
            // What is wrong in an entry is wrong in each of its members.
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
        compiled.specs.push(CompiledSpec { report, locations, drifts });
        compiled.diagnostics.extend(diagnostics);
    }
    compiled
}

/// Most errors and warnings of a spec that are told; the search for more ends there.
const MOST_ERRORS: usize = 500;

/// A source with its stage.
pub(super) struct SourceStage {
    pub(super) stage: usize,
    pub(super) variables: Variables,
    pub(super) has_schedule: bool,
    /// The source in words; none of a table.
    pub(super) described: Option<DescribedSource>,
    pub(super) files: Vec<String>,
    pub(super) missing: Missing,
    pub(super) columns: BTreeMap<String, spec::ColumnTable>,
}

/// Rows that a fit can take: a filter's, or a whole source's.
pub(super) struct Rows<'a> {
    pub(super) stage: usize,
    pub(super) source: &'a str,
}

/// A fit that queries can be put to.
pub(super) struct PlannedFit {
    pub(super) stage: usize,
    pub(super) law: Arc<Law>,
    pub(super) through: Option<Chain>,
    /// Whether it is fitted to rows.
    pub(super) has_rows: bool,
    /// How many draws of its parameters it has.
    pub(super) draws: usize,
    /// The column by whose values rows are fitted in groups.
    pub(super) by: Option<String>,
    /// The laws that are fitted beside its own.
    pub(super) alternatives: Vec<Arc<Law>>,
}

/// The laws that answer a query.
fn answered_by(query: &spec::Query, question: &Question, fits: &BTreeMap<&str, PlannedFit>) -> AnsweredBy {
    let fit = fits.get(query.fit.as_str());
    match query.forecast {
        Some(Forecast::Default) => AnsweredBy::Several,
        Some(Forecast::Stack) => AnsweredBy::Stack(1 + fit.map_or(0, |fit| fit.alternatives.len())),
        _ if question.kind().other().is_some() => AnsweredBy::Two,
        _ if fit.is_some_and(|fit| fit.through.is_some()) => AnsweredBy::Chain,
        _ => AnsweredBy::Law,
    }
}

/// Another fit that gives a variable of a law.
pub(super) struct Chain {
    /// The stage of the other fit.
    pub(super) stage: usize,
    /// Both laws in one.
    pub(super) law: Arc<Law>,
    /// What gives the variable.
    pub(super) through: Through,
    /// Whether the other fit has rows of its own.
    pub(super) has_rows: bool,
}

/// A query that another source can take.
pub(super) struct PlannedQuery {
    pub(super) stage: usize,
    pub(super) question: Question,
    /// The roles of the variables that it names.
    pub(super) roles: Roles,
    /// The column by whose values its fit is in groups.
    pub(super) by: Option<String>,
}

/// What of a spec is planned already.
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
    /// Entries that were taken up, by table and name; some of them for their errors alone.
    done: BTreeSet<(&'static str, &'a str)>,
}

impl<'a> Grown<'a> {
    fn done_of(&self, table: &str) -> BTreeSet<&'a str> {
        self.done.iter().filter(|(of, _)| *of == table).map(|(_, name)| *name).collect()
    }
}

static NO_LAWS: BTreeMap<String, Arc<Law>> = BTreeMap::new();

/// The query that a source names: `queries.minima`.
pub(super) fn query_of(from: &str) -> &str {
    from.strip_prefix("queries.").unwrap_or(from)
}

/// One spec on its way into the plan.
pub(super) struct Compiler<'a> {
    pub(super) file: &'a SpecFile,
    pub(super) allowed: Allowed,
    pub(super) index: usize,
    pub(super) prefix: String,
    pub(super) tree: &'a spec::Node,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) plan: &'a mut Plan,
    pub(super) used: BTreeSet<SpecPath>,
    pub(super) drifts: Vec<ExpectedDrift>,
    /// Laws of the catalogue that were read.
    pub(super) catalogue: BTreeMap<String, Arc<Law>>,
    /// What training costs, by name.
    pub(super) costs: Costs,
    /// The words of the spec among which are the variables that it uses.
    pub(super) words: BTreeSet<String>,
}

impl Compiler<'_> {
    /// Compiles one spec; gives the stages of its report.
    fn spec(&mut self, spec: &Spec) -> PlannedReport {
        let mut grown = Grown::default();
        // What a query finds may be a source of another fit: what is ready is planned, until nothing more is.
        while self.grow(spec, &mut grown, false) {}
        self.grow(spec, &mut grown, true);
        self.tables_left(spec, &grown.sources, &grown.done_of("tables"));
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
        // A report follows the order of the spec.
        let tree = self.tree;
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
        let planned =
            Planned { spec, sources: &sources, filters: &filters, laws: &laws, fits: &fits, queries: &queries };
        let (sensitivity, varied) = self.sensitivity(&planned);
        let designs = self.designs(spec, &fits);
        let expectations = self.expectations(spec, &sources, &filters, &fits, &queries);
        let (statements, answer) = self.statements(spec, &sources, &filters, &fits, &queries);
        self.unused(spec);
        if spec.fits.is_empty() && !self.tree.keys().contains(&"fits") {
            self.error("no-fits", Place::File, "the spec defines no fit")
                .hints
                .push("add a `[fits.main]` with `law = \"hoffmann\"`; `lawfit init` writes a starter spec".to_owned());
        }
        let mut inputs: Vec<(usize, &str, String)> = Vec::new();
        for (name, source) in &sources {
            let (output, table) = if source.described.is_some() { ("summary", "source") } else { ("counts", "table") };
            inputs.push((source.stage, output, format!("{table}.{name}")));
        }
        for (name, rows) in &filters {
            inputs.push((rows.stage, "counts", format!("filter.{name}")));
        }
        // What both stages take: the numbers, and what is drawn of them.
        let of_fit = |role| fits.iter().map(move |(name, fit)| (fit.stage, role, format!("{role}.{name}")));
        let mut found: Vec<(usize, &str, String)> = of_fit("fit").collect();
        found.extend(queries.iter().map(|(name, query)| (query.stage, "answer", format!("answer.{name}"))));
        let drawn: Vec<(usize, &str, String)> = ["rows", "draws"].into_iter().flat_map(of_fit).collect();
        inputs.extend(found.iter().cloned());
        // Where a response is asked for, it may have been observed.
        let asked: BTreeSet<&str> = described_queries
            .iter()
            .filter(|query| matches!(query.question, Question::Loss(_)))
            .map(|query| query.fit.as_str())
            .collect();
        let with_rows = asked.iter().filter_map(|fit| Some((fits.get(fit)?.stage, "rows", format!("rows.{fit}"))));
        inputs.extend(with_rows);
        inputs.extend(designs.iter().map(|(name, stage)| (*stage, "advice", format!("design.{name}"))));
        inputs.extend(varied);
        let of_source = order("sources");
        let mut described_sources: Vec<DescribedSource> = sources.into_values().filter_map(|s| s.described).collect();
        described_sources.sort_by_key(|source| of_source(&source.name));
        let described = Arc::new(Described {
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
        });
        let stage = Arc::new(GatherResults { described: Arc::clone(&described) });
        let results = self.stage("results", None, stage, &inputs);
        let launched = designs
            .iter()
            .flat_map(|(name, stage)| LAUNCHED.into_iter().map(move |role| (*stage, role, launched_as(name, role))));
        let shown = [(results, RESULTS, RESULTS.to_owned())].into_iter().chain(found).chain(drawn).chain(launched);
        let stage = Arc::new(RenderReport {
            described: Arc::clone(&described),
            options: spec.report.options(),
            designs: designs.keys().map(|name| (*name).to_owned()).collect(),
        });
        let render = self.stage("render", None, stage, &shown.collect::<Vec<_>>());
        PlannedReport { results, render, described }
    }

    /// Plans every entry that is not planned yet and whose inputs are; the rest too, for its errors, where that is forced.
    /// Gives whether there was any.
    fn grow<'a>(&mut self, spec: &'a Spec, grown: &mut Grown<'a>, force: bool) -> bool {
        let before = grown.done.len();
        for (name, source) in &spec.sources {
            let ready = source.from.as_ref().is_none_or(|from| grown.queries.contains_key(query_of(from)));
            if !self.begin("sources", name, ready || force, grown) {
                continue;
            }
            let stage = match &source.from {
                Some(from) => self.source_of_query(name, source, from, &grown.queries),
                None => self.source(name, source),
            };
            grown.sources.extend(stage.map(|stage| (name.as_str(), stage)));
        }
        let mut tables = grown.done_of("tables");
        grown.described_tables.extend(self.tables(spec, &mut grown.sources, &mut tables));
        grown.done.extend(tables.into_iter().map(|name| ("tables", name)));
        for (name, filter) in &spec.filters {
            let ready = grown.sources.contains_key(filter.source.as_str());
            if self.begin("filters", name, ready || force, grown)
                && let Some((rows, described)) = self.filter(name, filter, &grown.sources)
            {
                grown.filters.insert(name.as_str(), rows);
                grown.described_filters.push(described);
            }
        }
        if grown.laws.is_none() {
            grown.laws = Some(self.laws(spec, &grown.sources));
        }
        let is_first = grown.fits.is_empty();
        for (name, fit) in &spec.fits {
            let is_there =
                |rows: &String| grown.filters.contains_key(rows.as_str()) || grown.sources.contains_key(rows.as_str());
            let ready = fit.rows.as_ref().is_none_or(is_there);
            if !self.begin("fits", name, ready || force, grown) {
                continue;
            }
            let laws = grown.laws.as_ref().unwrap_or(&NO_LAWS);
            let found = self.fit(name, fit, spec, &grown.sources, &grown.filters, laws);
            if let Some((stage, law, described)) = found {
                let (has_rows, by) = (described.rows.is_some(), described.by.clone());
                let alternatives = described.alternatives.clone();
                let draws = fit.uncertainty.as_ref().map_or(0, |uncertainty| uncertainty.method().count().1);
                grown.fits.insert(name, PlannedFit { stage, law, through: None, has_rows, draws, by, alternatives });
                grown.described_fits.push(described);
            }
        }
        if is_first && !grown.fits.is_empty() {
            self.chains(spec, &mut grown.fits);
        }
        for (name, query) in &spec.queries {
            let ready = grown.fits.contains_key(query.fit.as_str())
                && query.compare.as_ref().is_none_or(|compare| grown.fits.contains_key(compare.with.as_str()));
            // What is missing from a query because it could not be read is told already.
            if self.begin("queries", name, ready || force, grown)
                && !self.is_misread(&SpecPath::of(&["queries", name]))
                && let Some(planned) = self.query(name, query, spec.study.seed, &grown.fits)
            {
                grown.described_queries.push(DescribedQuery {
                    name: name.clone(),
                    fit: query.fit.clone(),
                    question: planned.question.clone(),
                    roles: planned.roles.clone(),
                    by: answered_by(query, &planned.question, &grown.fits),
                });
                grown.queries.insert(name, planned);
            }
        }
        grown.done.len() > before
    }

    /// Whether an entry is to be planned now; it is noted as done then.
    fn begin<'a>(&self, table: &'static str, name: &'a str, ready: bool, grown: &mut Grown<'a>) -> bool {
        ready && !self.has_enough_errors() && grown.done.insert((table, name))
    }

    /// Adds a stage, named after its entry in the spec.
    pub(super) fn stage(
        &mut self,
        kind: &str,
        path: Option<(&str, &str)>,
        stage: Arc<dyn Stage>,
        inputs: &[(usize, &str, String)],
    ) -> usize {
        match path {
            Some((table, name)) => self.stage_of(&format!("{kind}.{name}"), (table, name), stage, inputs),
            None => self.place_stage(kind, SpecPath::of(&["study"]), stage, inputs),
        }
    }

    /// Adds a stage of a name, which an entry of the spec asks for.
    pub(super) fn stage_of(
        &mut self,
        id: &str,
        (table, name): (&str, &str),
        stage: Arc<dyn Stage>,
        inputs: &[(usize, &str, String)],
    ) -> usize {
        self.place_stage(id, SpecPath::of(&[table, spec::plain_name(name)]), stage, inputs)
    }

    fn place_stage(
        &mut self,
        id: &str,
        path: SpecPath,
        stage: Arc<dyn Stage>,
        inputs: &[(usize, &str, String)],
    ) -> usize {
        let id = StageId(format!("{}{id}", self.prefix));
        self.plan.add(PlanStage { id, stage, spec: self.index, path }, inputs)
    }

    /// Whether there is more to mend already than anybody reads.
    pub(super) fn has_enough_errors(&self) -> bool {
        self.diagnostics.len() > MOST_ERRORS
    }

    /// Notes an error, to which hints may be added.
    pub(super) fn error(&mut self, code: &'static str, place: Place, message: impl Into<String>) -> &mut Diagnostic {
        self.diagnostics.push(Diagnostic::error(code, place, message));
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    /// Whether a value in an entry could not be read.
    fn is_misread(&self, entry: &SpecPath) -> bool {
        self.diagnostics.iter().any(|diagnostic| match &diagnostic.place {
            Place::Value(path) => diagnostic.code == "wrong-value" && path.0.starts_with(&entry.0),
            _ => false,
        })
    }

    /// Keeps what went well and notes what did not.
    pub(super) fn take<T>(&mut self, result: Result<T, Vec<Diagnostic>>) -> Option<T> {
        result.map_err(|errors| self.diagnostics.extend(errors)).ok()
    }

    /// The names that a table of the tree defines, with or without errors.
    pub(super) fn written(&self, table: &SpecPath) -> Vec<String> {
        self.tree.at(&table.0).map(|node| node.keys().into_iter().map(str::to_owned).collect()).unwrap_or_default()
    }

    /// Notes that an entry is used.
    pub(super) fn uses(&mut self, table: &str, name: &str) {
        self.used.insert(SpecPath::of(&[table, name]));
    }

    /// Notes that a name is not defined in any of the tables.
    pub(super) fn unknown(&mut self, what: &str, name: &str, tables: &[&str], place: Place, known: &[&str]) {
        let written: Vec<String> = tables.iter().flat_map(|table| self.written(&SpecPath::of(&[table]))).collect();
        let left_out: Vec<&str> = written.iter().map(String::as_str).collect();
        self.diagnostics.extend(check::unknown_name(what, name, place, known.iter().copied(), &left_out));
    }

    /// Warns of entries that nothing uses.
    pub(super) fn unused(&mut self, spec: &Spec) {
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
                if !self.used.contains(&path) {
                    let what = table.trim_end_matches('s');
                    self.diagnostics.push(Diagnostic::warning(
                        "unused",
                        Place::Key(path),
                        format!("the {what} `{name}` is not used"),
                    ));
                }
            }
        }
    }
}
