//! Specs to a plan, all errors gathered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check::{self, Variables};
use super::graph::{Plan, PlanStage, StageId};
use super::laws;
use crate::diagnostic::{Diagnostic, Place, Severity, SpecPath, Step};
use crate::expr::{Kind, number_text};
use crate::law::Law;
use crate::objective::Objective;
use crate::query::Question;
use crate::report::{
    Described, DescribedFilter, DescribedFit, DescribedQuery, DescribedSource, DescribedVariable, Expected,
};
use crate::source::{ColumnKind, Format as FileFormat, Missing};
use crate::spec::{self, Format, Spec};
use crate::stage::{
    ColumnOrigin, External, Extrapolate, Filter, FilterRule, FitLaw, Ingest, IngestColumn, RuleKind, Stage, WriteReport,
};
use crate::uncertainty::Uncertainty;

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
        match self.path.extension().and_then(|e| e.to_str()) {
            Some("yaml" | "yml") => Format::Yaml,
            _ => Format::Toml,
        }
    }

    /// Its name without folder and ending: that of its output folder.
    pub fn stem(&self) -> String {
        self.path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn folder(&self) -> PathBuf {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() }
    }
}

/// What came of compiling specs.
#[derive(Clone, Default)]
pub struct Compiled {
    /// The plan; complete only where there are no errors.
    pub plan: Plan,
    /// The report stage of each spec, where it has one.
    pub reports: Vec<Option<usize>>,
    /// Errors and warnings, in order of the specs.
    pub diagnostics: Vec<Diagnostic>,
}

impl Compiled {
    /// Whether anything prevents running.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

/// Compiles specs into one plan.
pub fn compile(files: &[SpecFile]) -> Compiled {
    let mut compiled = Compiled::default();
    for (index, file) in files.iter().enumerate() {
        let reading = spec::read(&file.bytes, file.format());
        let mut compiler = Compiler {
            file,
            index,
            prefix: if files.len() > 1 { format!("{}/", file.stem()) } else { String::new() },
            tree: &reading.tree,
            diagnostics: reading.problems,
            plan: &mut compiled.plan,
            used: BTreeSet::new(),
        };
        let report = reading.spec.as_ref().map(|spec| compiler.spec(spec));
        let mut diagnostics = compiler.diagnostics;
        for diagnostic in &mut diagnostics {
            diagnostic.file = Some(file.path.clone());
        }
        compiled.reports.push(report);
        compiled.diagnostics.extend(diagnostics);
    }
    compiled
}

/// A source with its stage.
struct SourceStage {
    stage: usize,
    variables: Variables,
    described: DescribedSource,
    files: Vec<String>,
    missing: Missing,
    columns: BTreeMap<String, spec::ColumnTable>,
}

/// Rows that a fit can take: a filter's, or a whole source's.
struct Rows<'a> {
    stage: usize,
    source: &'a str,
}

struct Compiler<'a> {
    file: &'a SpecFile,
    index: usize,
    prefix: String,
    tree: &'a spec::Node,
    diagnostics: Vec<Diagnostic>,
    plan: &'a mut Plan,
    used: BTreeSet<SpecPath>,
}

impl Compiler<'_> {
    fn spec(&mut self, spec: &Spec) -> usize {
        let mut sources = BTreeMap::new();
        for (name, source) in &spec.sources {
            if let Some(stage) = self.source(name, source) {
                sources.insert(name.as_str(), stage);
            }
        }
        let mut filters = BTreeMap::new();
        let mut described_filters = Vec::new();
        for (name, filter) in &spec.filters {
            if let Some((rows, described)) = self.filter(name, filter, &sources) {
                filters.insert(name.as_str(), rows);
                described_filters.push(described);
            }
        }
        let laws = self.laws(spec, &sources);
        let mut fits: BTreeMap<&str, (usize, Law)> = BTreeMap::new();
        let mut described_fits = Vec::new();
        for (name, fit) in &spec.fits {
            if let Some((stage, law, described)) = self.fit(name, fit, spec, &sources, &filters, &laws) {
                fits.insert(name, (stage, law));
                described_fits.push(described);
            }
        }
        let mut queries: BTreeMap<&str, (usize, Question)> = BTreeMap::new();
        let mut described_queries = Vec::new();
        for (name, query) in &spec.queries {
            if let Some((stage, question)) = self.query(name, query, spec.study.seed, &fits) {
                described_queries.push(DescribedQuery {
                    name: name.clone(),
                    fit: query.fit.clone(),
                    question: question.clone(),
                });
                queries.insert(name, (stage, question));
            }
        }
        let expectations = self.expectations(spec, &sources, &filters, &fits, &queries);
        self.unused(spec);
        if spec.fits.is_empty() && !self.tree.keys().contains(&"fits") {
            self.error("no-fits", Place::File, "the spec defines no fit")
                .hints
                .push("add a `[fits.main]` with `law = \"hoffmann\"`; `lawfit init` writes a starter spec".to_owned());
        }
        let mut inputs: Vec<(usize, &str, String)> = Vec::new();
        for (name, source) in &sources {
            inputs.push((source.stage, "summary", format!("source.{name}")));
        }
        for (name, rows) in &filters {
            inputs.push((rows.stage, "counts", format!("filter.{name}")));
        }
        for (name, (stage, _)) in &fits {
            for role in ["fit", "rows", "draws"] {
                inputs.push((*stage, role, format!("{role}.{name}")));
            }
        }
        for (name, (stage, _)) in &queries {
            inputs.push((*stage, "answer", format!("answer.{name}")));
        }
        let described = Described {
            title: spec.study.title.clone(),
            summary: spec.study.summary.clone(),
            references: spec.study.references.clone(),
            seed: spec.study.seed,
            sources: sources.into_values().map(|s| s.described).collect(),
            filters: described_filters,
            fits: described_fits,
            queries: described_queries,
            expectations,
            formats: spec.report.formats.iter().copied().collect(),
        };
        self.stage("report", None, Arc::new(WriteReport { described }), &inputs)
    }

    fn stage(
        &mut self,
        kind: &str,
        path: Option<(&str, &str)>,
        stage: Arc<dyn Stage>,
        inputs: &[(usize, &str, String)],
    ) -> usize {
        let id = match path {
            Some((_, name)) => format!("{}{kind}.{name}", self.prefix),
            None => format!("{}{kind}", self.prefix),
        };
        let path = path.map_or_else(|| SpecPath::of(&["study"]), |(table, name)| SpecPath::of(&[table, name]));
        self.plan.add(PlanStage { id: StageId(id), stage, spec: self.index, path }, inputs)
    }

    fn error(&mut self, code: &'static str, place: Place, message: impl Into<String>) -> &mut Diagnostic {
        self.diagnostics.push(Diagnostic::error(code, place, message));
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    /// Keeps what went well and notes what did not.
    fn take<T>(&mut self, result: Result<T, Vec<Diagnostic>>) -> Option<T> {
        result.map_err(|errors| self.diagnostics.extend(errors)).ok()
    }

    /// The names that a table of the tree defines, with or without errors.
    fn written(&self, table: &str) -> Vec<String> {
        self.tree.get(table).map(|node| node.keys().into_iter().map(str::to_owned).collect()).unwrap_or_default()
    }

    fn uses(&mut self, table: &str, name: &str) {
        self.used.insert(SpecPath::of(&[table, name]));
    }

    fn unknown(&mut self, what: &str, name: &str, tables: &[&str], place: Place, known: &[&str]) {
        let written: Vec<String> = tables.iter().flat_map(|table| self.written(table)).collect();
        let left_out: Vec<&str> = written.iter().map(String::as_str).collect();
        self.diagnostics.extend(check::unknown_name(what, name, place, known.iter().copied(), &left_out));
    }

    fn source(&mut self, name: &str, source: &spec::Source) -> Option<SourceStage> {
        let path = SpecPath::of(&["sources", name]);
        let given = [("path", source.path.is_some()), ("url", source.url.is_some())];
        if let Some(error) = check::exactly_one(&format!("the source `{name}`"), &given, Place::Key(path.clone())) {
            self.diagnostics.push(error);
            return None;
        }
        let files = match (&source.path, &source.url) {
            (Some(pattern), _) => self.local_files(pattern, &path)?,
            (None, Some(url)) => vec![self.pinned(url, source.sha256.as_deref(), &path)?],
            (None, None) => return None,
        };
        if source.sha256.is_some() && source.path.is_some() {
            self.error(
                "sha256-of-path",
                Place::Key(path.key("sha256")),
                "`sha256` pins a `url`; a file on disk is hashed anyway",
            );
        }
        let formats: Option<Vec<FileFormat>> =
            files.iter().map(|file| source.format.or_else(|| FileFormat::of_name(file.name()))).collect();
        let Some(formats) = formats else {
            let key = if source.path.is_some() { "path" } else { "url" };
            self.error("unknown-format", Place::Value(path.key(key)), "the name does not tell the format")
                .hints
                .push("write `format = \"csv\"`, `\"parquet\"` or `\"ndjson\"`".to_owned());
            return None;
        };
        let (columns, variables) = self.columns(source, &path)?;
        let names: Vec<String> = files.iter().map(|f| f.name().to_owned()).collect();
        let tables: BTreeMap<String, spec::ColumnTable> =
            source.columns.iter().map(|(n, c)| (n.clone(), c.table())).collect();
        let described = DescribedSource {
            name: name.to_owned(),
            location: source.path.clone().or_else(|| source.url.clone()).unwrap_or_default(),
            files: names.clone(),
            variables: tables
                .iter()
                .map(|(variable, table)| DescribedVariable {
                    name: variable.clone(),
                    from: columns
                        .iter()
                        .find(|c| c.variable == *variable)
                        .map(|c| c.from.describe())
                        .unwrap_or_default(),
                    unit: table.unit,
                    counts: table.counts,
                })
                .collect(),
        };
        let stage = Arc::new(Ingest { files, formats, columns, missing: source.missing });
        let stage = self.stage("ingest", Some(("sources", name)), stage, &[]);
        Some(SourceStage { stage, variables, described, files: names, missing: source.missing, columns: tables })
    }

    fn local_files(&mut self, pattern: &str, path: &SpecPath) -> Option<Vec<External>> {
        let folder = self.file.folder();
        let place = Place::Value(path.key("path"));
        let literal = folder.join(pattern);
        let has_wildcard = pattern.contains(['*', '?', '[']);
        let mut found: Vec<PathBuf> = if has_wildcard && !literal.exists() {
            let escaped = glob::Pattern::escape(&folder.to_string_lossy());
            match glob::glob(&format!("{escaped}/{pattern}")) {
                Ok(paths) => paths.filter_map(Result::ok).filter(|p| p.is_file()).collect(),
                Err(error) => {
                    self.error("bad-glob", place, format!("`{pattern}` is not a pattern: {}", error.msg));
                    return None;
                }
            }
        } else if literal.is_file() {
            vec![literal]
        } else {
            Vec::new()
        };
        found.sort();
        if found.is_empty() {
            let near = nearest_file(&folder.join(pattern));
            let error = self.error(
                "no-file",
                place,
                if has_wildcard {
                    format!("no file matches `{pattern}`")
                } else {
                    format!("there is no file `{pattern}`")
                },
            );
            error.hints.push(near.map_or("paths are relative to the spec".to_owned(), |near| {
                format!("did you mean `{near}`? Paths are relative to the spec")
            }));
            return None;
        }
        Some(
            found
                .into_iter()
                .map(|path| {
                    let name = path.strip_prefix(&folder).unwrap_or(&path).to_string_lossy().into_owned();
                    External::File { path, name }
                })
                .collect(),
        )
    }

    fn pinned(&mut self, url: &str, sha256: Option<&str>, path: &SpecPath) -> Option<External> {
        if !(url.starts_with("https://") || url.starts_with("http://")) {
            self.error("bad-url", Place::Value(path.key("url")), "a URL begins with https:// or http://");
            return None;
        }
        let Some(sha256) = sha256 else {
            self.error(
                "unpinned-url",
                Place::Key(path.key("url")),
                "a URL needs the `sha256` of its bytes, so that the study means the same next year",
            )
            .hints
            .push("download it once and run `sha256sum`".to_owned());
            return None;
        };
        let digest = sha256.to_ascii_lowercase();
        if digest.len() != 64 || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
            self.error("bad-sha256", Place::Value(path.key("sha256")), "a SHA-256 has 64 hexadecimal digits");
            return None;
        }
        Some(External::Pinned { url: url.to_owned(), sha256: digest })
    }

    /// The columns in an order in which each expression stands after what it uses.
    fn columns(&mut self, source: &spec::Source, path: &SpecPath) -> Option<(Vec<IngestColumn>, Variables)> {
        let tables: BTreeMap<&str, spec::ColumnTable> =
            source.columns.iter().map(|(n, c)| (n.as_str(), c.table())).collect();
        let kinds: Variables = tables
            .iter()
            .map(|(name, table)| {
                ((*name).to_owned(), if table.kind == ColumnKind::Text { Kind::Text } else { Kind::Number })
            })
            .collect();
        let mut ready: Vec<IngestColumn> = Vec::new();
        let mut waiting: Vec<(&str, crate::expr::Expr, f64)> = Vec::new();
        let before = self.diagnostics.len();
        for (&name, table) in &tables {
            let place = path.key("columns").key(name);
            if !crate::expr::is_plain_name(name) || name.contains('.') {
                self.error("bad-name", Place::Key(place.clone()), format!("`{name}` cannot be the name of a variable"))
                    .hints
                    .push("use letters, digits and `_`; the column's own name goes on the right".to_owned());
                continue;
            }
            let given = [("column", table.column.is_some()), ("expr", table.expr.is_some())];
            if let Some(error) =
                check::exactly_one(&format!("the variable `{name}`"), &given, Place::Key(place.clone()))
            {
                self.diagnostics.push(error);
                continue;
            }
            let factor = table.unit.map_or(1.0, |u| u.size);
            if let Some(column) = &table.column {
                ready.push(IngestColumn {
                    variable: name.to_owned(),
                    from: ColumnOrigin::Column(column.clone()),
                    factor,
                    kind: table.kind,
                });
            } else if let Some(text) = &table.expr {
                let checked = check::expression(text, &place.key("expr"), &kinds, Kind::Number);
                if let Some(expr) = self.take(checked) {
                    waiting.push((name, expr, factor));
                }
            }
        }
        if self.diagnostics.len() > before {
            return None;
        }
        while !waiting.is_empty() {
            let next = waiting.iter().position(|(_, expr, _)| {
                let mut known = true;
                expr.visit_symbols(&mut |symbol, _| known &= ready.iter().any(|c| c.variable == *symbol));
                known
            });
            let Some(next) = next else {
                let names: Vec<&str> = waiting.iter().map(|(name, ..)| *name).collect();
                let place = Place::Key(path.key("columns").key(names[0]));
                self.error(
                    "circular-columns",
                    place,
                    format!("{} are defined by each other", crate::diagnostic::list(&names)),
                );
                return None;
            };
            let (name, expr, factor) = waiting.remove(next);
            ready.push(IngestColumn {
                variable: name.to_owned(),
                from: ColumnOrigin::Expr(expr.to_string()),
                factor,
                kind: ColumnKind::Number,
            });
        }
        Some((ready, kinds))
    }

    fn filter<'a>(
        &mut self,
        name: &str,
        filter: &'a spec::Filter,
        sources: &BTreeMap<&str, SourceStage>,
    ) -> Option<(Rows<'a>, DescribedFilter)> {
        let path = SpecPath::of(&["filters", name]);
        self.uses("sources", &filter.source);
        let Some(source) = sources.get(filter.source.as_str()) else {
            let known: Vec<&str> = sources.keys().copied().collect();
            self.unknown("source", &filter.source, &["sources"], Place::Value(path.key("source")), &known);
            return None;
        };
        let mut rules = Vec::new();
        for (index, rule) in filter.rules.iter().enumerate() {
            let place = path.key("rules").then(Step::Index(index));
            if let Some(kind) = self.rule(rule, &place, &source.variables) {
                rules.push(FilterRule { kind, because: rule.because.clone() });
            }
        }
        let described = DescribedFilter {
            name: name.to_owned(),
            source: filter.source.clone(),
            rules: rules.iter().map(|r| (r.kind.describe(), r.because.clone())).collect(),
        };
        let inputs = [(source.stage, "table", "table".to_owned())];
        let stage = self.stage("filter", Some(("filters", name)), Arc::new(Filter { rules }), &inputs);
        Some((Rows { stage, source: &filter.source }, described))
    }

    fn rule(&mut self, rule: &spec::Rule, path: &SpecPath, variables: &Variables) -> Option<RuleKind> {
        let given = [
            ("range", rule.range.is_some()),
            ("keep", rule.keep.is_some()),
            ("drop", rule.drop.is_some()),
            ("drop_highest", rule.drop_highest.is_some()),
            ("drop_lowest", rule.drop_lowest.is_some()),
        ];
        if let Some(error) = check::exactly_one("a rule", &given, Place::Value(path.clone())) {
            self.diagnostics.push(error);
            return None;
        }
        let extreme = rule.drop_highest.is_some() || rule.drop_lowest.is_some();
        if extreme != rule.count.is_some() {
            let message = if extreme {
                "`count` is missing: how many rows go"
            } else {
                "`count` goes with `drop_highest` or `drop_lowest`"
            };
            self.error("rule-count", Place::Value(path.clone()), message);
            return None;
        }
        if let Some(ranges) = &rule.range {
            let before = self.diagnostics.len();
            for (name, [low, high]) in ranges {
                let place = path.key("range").key(name);
                self.number_variable(name, Place::Key(place.clone()), variables);
                if low.0 > high.0 {
                    self.error(
                        "empty-range",
                        Place::Value(place),
                        format!(
                            "the range of {name} ends at {} before it begins at {}",
                            number_text(high.0),
                            number_text(low.0)
                        ),
                    );
                }
            }
            let ranges = ranges.iter().map(|(name, [low, high])| (name.clone(), [low.0, high.0])).collect();
            return (self.diagnostics.len() == before).then_some(RuleKind::Range(ranges));
        }
        for (key, text) in [("keep", &rule.keep), ("drop", &rule.drop)] {
            if let Some(text) = text {
                let expr = self.take(check::expression(text, &path.key(key), variables, Kind::Truth))?.to_string();
                return Some(if key == "keep" { RuleKind::Keep(expr) } else { RuleKind::Drop(expr) });
            }
        }
        for (key, name) in [("drop_highest", &rule.drop_highest), ("drop_lowest", &rule.drop_lowest)] {
            if let (Some(name), Some(count)) = (name, rule.count) {
                let known = self.number_variable(name, Place::Value(path.key(key)), variables);
                let kind = if key == "drop_highest" { RuleKind::DropHighest } else { RuleKind::DropLowest };
                return known.then(|| kind(name.clone(), count));
            }
        }
        None
    }

    fn number_variable(&mut self, name: &str, place: Place, variables: &Variables) -> bool {
        match variables.get(name) {
            Some(Kind::Number) => true,
            Some(_) => {
                self.error("wrong-kind", place, format!("`{name}` holds texts, not numbers"));
                false
            }
            None => {
                let error = Diagnostic::error("unknown-variable", place, format!("there is no variable `{name}` here"));
                self.diagnostics.push(error.suggest(name, variables.keys().map(String::as_str).collect::<Vec<_>>()));
                false
            }
        }
    }

    fn laws(&mut self, spec: &Spec, sources: &BTreeMap<&str, SourceStage>) -> BTreeMap<String, Law> {
        let mut columns: Vec<String> = sources.values().flat_map(|s| s.variables.keys().cloned()).collect();
        columns.sort();
        columns.dedup();
        let mut laws = BTreeMap::new();
        for (name, text) in &spec.laws {
            let law = laws::define(name, text, &columns);
            if let Some(law) = self.take(law) {
                laws.insert(name.clone(), law);
            }
        }
        laws
    }

    fn fit(
        &mut self,
        name: &str,
        fit: &spec::Fit,
        spec: &Spec,
        sources: &BTreeMap<&str, SourceStage>,
        filters: &BTreeMap<&str, Rows<'_>>,
        laws: &BTreeMap<String, Law>,
    ) -> Option<(usize, Law, DescribedFit)> {
        let path = SpecPath::of(&["fits", name]);
        self.uses("laws", &fit.law);
        if let Some(rows) = &fit.rows {
            self.uses("filters", rows);
            self.uses("sources", rows);
        }
        self.check_methods(fit, &path);
        let law = laws
            .get(&fit.law)
            .cloned()
            .or_else(|| laws::from_name(&fit.law).filter(|_| !spec.laws.contains_key(&fit.law)));
        let Some(law) = law else {
            let mut known: Vec<&str> = laws.keys().map(String::as_str).collect();
            known.extend(crate::law::names().map(|name| -> &str { name }));
            self.unknown("law", &fit.law, &["laws"], Place::Value(path.key("law")), &known);
            return None;
        };
        let Some(rows_name) = &fit.rows else { return self.fit_without_rows(name, fit, &law, spec, &path) };
        let filter = filters.get(rows_name.as_str());
        let source = filter.map_or(rows_name.as_str(), |f| f.source);
        let Some(source) = sources.get(source) else {
            let known: Vec<&str> = filters.keys().chain(sources.keys()).copied().collect();
            self.unknown(
                "filter or source",
                rows_name,
                &["filters", "sources"],
                Place::Value(path.key("rows")),
                &known,
            );
            return None;
        };
        let stage = filter.map_or(source.stage, |f| f.stage);
        let before = self.diagnostics.len();
        self.law_takes(&law, source, &fit.law, &path);
        let holdout = fit.holdout.as_ref().and_then(|text| {
            self.take(check::expression(text, &path.key("holdout"), &source.variables, Kind::Truth))
                .map(|e| e.to_string())
        });
        if self.diagnostics[before..].iter().any(|d| d.severity == Severity::Error) {
            return None;
        }
        let described = DescribedFit {
            name: name.to_owned(),
            law: law.clone(),
            rows: Some(rows_name.clone()),
            holdout: holdout.clone(),
        };
        let fit_law = FitLaw {
            law: law.clone(),
            objective: fit.objective.clone(),
            uncertainty: fit.uncertainty.clone(),
            holdout,
            seed: spec.study.seed,
            missing: source.missing,
            has_rows: true,
            files: source.files.clone(),
        };
        let inputs = [(stage, "table", "table".to_owned())];
        let stage = self.stage("fit", Some(("fits", name)), Arc::new(fit_law), &inputs);
        Some((stage, law, described))
    }

    fn fit_without_rows(
        &mut self,
        name: &str,
        fit: &spec::Fit,
        law: &Law,
        spec: &Spec,
        path: &SpecPath,
    ) -> Option<(usize, Law, DescribedFit)> {
        let free: Vec<&str> = law.free().iter().map(|p| p.name.as_str()).collect();
        if !free.is_empty() {
            let verb = if free.len() == 1 { "is" } else { "are" };
            self.error("no-rows", Place::Key(path.clone()), format!("the fit has no `rows`, and {} {verb} free", crate::diagnostic::list(&free)))
                .hints
                .push("name a filter or a source in `rows`, or hold every parameter: `constants = \"...\"` in the law, or `fixed`".to_owned());
            return None;
        }
        for (key, given) in [("holdout", fit.holdout.is_some()), ("uncertainty", fit.uncertainty.is_some())] {
            if given {
                self.error("needs-rows", Place::Key(path.key(key)), format!("`{key}` needs `rows`"));
            }
        }
        let described = DescribedFit { name: name.to_owned(), law: law.clone(), rows: None, holdout: None };
        let fit_law = FitLaw {
            law: law.clone(),
            objective: fit.objective.clone(),
            uncertainty: None,
            holdout: None,
            seed: spec.study.seed,
            missing: Missing::Error,
            has_rows: false,
            files: Vec::new(),
        };
        let stage = self.stage("fit", Some(("fits", name)), Arc::new(fit_law), &[]);
        Some((stage, law.clone(), described))
    }

    /// Whether the source gives what the law takes, in its units.
    fn law_takes(&mut self, law: &Law, source: &SourceStage, law_name: &str, path: &SpecPath) {
        let place = || Place::Value(path.key("law"));
        let known: Vec<&str> = source.variables.keys().map(String::as_str).collect();
        if law.variables.is_empty() {
            self.error("no-variables", place(), format!("the law `{}` uses no variable of the source", law.formula))
                .hints
                .push(format!("the source gives {}", crate::diagnostic::list(&known)));
        }
        for name in law.variables.iter().map(|v| &v.name).chain([&law.response]) {
            match source.variables.get(name) {
                Some(Kind::Number) => {}
                Some(_) => {
                    self.error("wrong-kind", place(), format!("`{name}` holds texts, not numbers"));
                }
                None => {
                    let error = Diagnostic::error(
                        "missing-variable",
                        place(),
                        format!("the law `{}` needs `{name}`, which the source does not give", law.formula),
                    );
                    let error = error.suggest(name, known.clone());
                    self.diagnostics.push(error.hint(format!("add it to the source's columns, or rename a variable: `[laws.{law_name}] variables = {{ {name} = \"...\" }}`")));
                }
            }
        }
        for variable in &law.variables {
            let column = source.columns.get(&variable.name);
            if let (Some(wanted), Some(found)) = (variable.unit, column.and_then(|c| c.unit))
                && wanted.dimension != found.dimension
            {
                self.error(
                    "wrong-unit",
                    place(),
                    format!("`{}` is in {found}, and the law takes {wanted}", variable.name),
                );
            }
            if let (Some(wanted), Some(found)) = (variable.counts, column.and_then(|c| c.counts))
                && wanted != found
            {
                let message = format!(
                    "`{}` counts {} here, and the law was published for {}",
                    variable.name,
                    found.describe(),
                    wanted.describe()
                );
                self.diagnostics.push(
                    Diagnostic::warning("other-convention", place(), message)
                        .hint("exponents of laws in different conventions are not comparable"),
                );
            }
        }
    }

    fn check_methods(&mut self, fit: &spec::Fit, path: &SpecPath) {
        if let Objective::Huber(huber) = &fit.objective
            && !(huber.delta.0 > 0.0 && huber.delta.0.is_finite())
        {
            self.error(
                "bad-delta",
                Place::Value(path.key("objective").key("huber").key("delta")),
                "`delta` is above zero",
            );
        }
        if let Some(uncertainty) = &fit.uncertainty {
            let (key, count_key, count) = match uncertainty {
                Uncertainty::Bootstrap(b) => ("bootstrap", "resamples", b.resamples),
                Uncertainty::Sandwich(s) => ("sandwich", "draws", s.draws),
            };
            let path = path.key("uncertainty").key(key);
            let level = uncertainty.method().level();
            if !(level > 0.0 && level < 1.0) {
                self.error(
                    "bad-level",
                    Place::Value(path.key("level")),
                    "`level` lies between 0 and 1: 0.9 for intervals of 90 %",
                );
            }
            if !(20..=10_000_000).contains(&count) {
                self.error(
                    "bad-count",
                    Place::Value(path.key(count_key)),
                    format!("`{count_key}` is at least 20 and at most 10 million"),
                );
            }
        }
    }

    fn query(
        &mut self,
        name: &str,
        query: &spec::Query,
        seed: u64,
        fits: &BTreeMap<&str, (usize, Law)>,
    ) -> Option<(usize, Question)> {
        let path = SpecPath::of(&["queries", name]);
        let given = [
            ("loss", query.loss.is_some()),
            ("reach", query.reach.is_some()),
            ("compute_optimal", query.compute_optimal.is_some()),
        ];
        if let Some(error) = check::exactly_one(&format!("the query `{name}`"), &given, Place::Key(path.clone())) {
            self.diagnostics.push(error);
            return None;
        }
        let question = query
            .loss
            .clone()
            .map(Question::Loss)
            .or_else(|| query.reach.clone().map(Question::Reach))
            .or_else(|| query.compute_optimal.clone().map(Question::ComputeOptimal))?;
        let Some((fit, law)) = fits.get(query.fit.as_str()) else {
            let known: Vec<&str> = fits.keys().copied().collect();
            self.unknown("fit", &query.fit, &["fits"], Place::Value(path.key("fit")), &known);
            return None;
        };
        let path = path.key(question.kind().name());
        if let Err(faults) = question.kind().check(law) {
            for fault in faults {
                let place = Place::Key(fault.key.map_or_else(|| path.clone(), |key| path.key(&key)));
                self.diagnostics.push(Diagnostic::error("bad-query", place, fault.message).hint_if(fault.hint));
            }
            return None;
        }
        let inputs = [(*fit, "fit", "fit".to_owned()), (*fit, "draws", "draws".to_owned())];
        let stage = Arc::new(Extrapolate { law: law.clone(), question: question.clone(), seed });
        Some((self.stage("extrapolate", Some(("queries", name)), stage, &inputs), question))
    }

    fn expectations(
        &mut self,
        spec: &Spec,
        sources: &BTreeMap<&str, SourceStage>,
        filters: &BTreeMap<&str, Rows<'_>>,
        fits: &BTreeMap<&str, (usize, Law)>,
        queries: &BTreeMap<&str, (usize, Question)>,
    ) -> Vec<Expected> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        names.extend(sources.keys().map(|s| format!("sources.{s}.rows")));
        names.extend(filters.keys().flat_map(|f| [format!("filters.{f}.kept"), format!("filters.{f}.dropped")]));
        for (fit, (_, law)) in fits {
            let parameters = law.parameters.iter().map(|p| p.name.as_str());
            names.extend(crate::report::names_of_fit(fit, parameters));
        }
        for (query, (_, question)) in queries {
            names.extend(crate::report::names_of_query(query, question.kind()));
        }
        let left_out: Vec<String> = ["sources", "filters", "fits", "queries"]
            .iter()
            .flat_map(|table| self.written(table).into_iter().map(move |name| format!("{table}.{name}.")))
            .filter(|prefix| !names.iter().any(|n| n.starts_with(prefix)))
            .collect();
        let mut all = Vec::new();
        for (index, expectation) in spec.expect.iter().enumerate() {
            let path = SpecPath(vec![Step::Key("expect".to_owned()), Step::Index(index)]).key("that");
            let Some(expr) = self.take(check::syntax(&expectation.that, &path)) else { continue };
            let mut errors = Vec::new();
            expr.visit_symbols(&mut |name, span| {
                if !names.contains(name) && !left_out.iter().any(|prefix| name.starts_with(prefix)) {
                    let error = Diagnostic::error(
                        "unknown-result",
                        Place::Inside(path.clone(), span.clone()),
                        format!("the results have no number `{name}`"),
                    );
                    errors.push(error.suggest(name, near_prefix(name, &names)));
                }
            });
            if errors.is_empty()
                && let Err(more) = check::of_kind(&expr, &path, Kind::Truth, &|_| Kind::Number)
            {
                errors.extend(more);
            }
            if errors.is_empty() {
                all.push(Expected { that: expr.to_string(), because: expectation.because.clone() });
            }
            self.diagnostics.extend(errors);
        }
        all
    }

    fn unused(&mut self, spec: &Spec) {
        let tables: [(&str, Vec<&String>); 3] = [
            ("sources", spec.sources.keys().collect()),
            ("filters", spec.filters.keys().collect()),
            ("laws", spec.laws.keys().collect()),
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

/// Names worth suggesting: those in the same table, or all.
fn near_prefix<'a>(name: &str, names: &'a BTreeSet<String>) -> Vec<&'a str> {
    let prefix: String = name.splitn(3, '.').take(2).collect::<Vec<_>>().join(".") + ".";
    let near: Vec<&str> = names.iter().map(String::as_str).filter(|n| n.starts_with(&prefix)).collect();
    if near.is_empty() { names.iter().map(String::as_str).collect() } else { near }
}

/// A file beside a missing one whose name is like it.
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
