//! The state of planning one spec: its content, its errors and warnings, and its stages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::check::{self, Variables};
use super::graph::{Input, Plan, PlanStage, StageId, StageIndex};
use super::spec_file::SpecFile;
use crate::diagnostic::{Diagnostic, Place, Severity, SpecPath};
use crate::expectation::ExpectedDrift;
use crate::law::{Cost, Law, Roles};
use crate::lock::{Pin, Pins};
use crate::query::Question;
use crate::report::DescribedSource;
use crate::source::Missing;
use crate::spec::{self, Node, Spec, UNKNOWN_KEY};
use crate::stage::{FitLaw, Stage, Through};

/// Permissions for operations that are refused by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Operations that take long or much memory.
    pub large: bool,
    /// File patterns outside the spec's folder and the working directory.
    pub outside: bool,
}

/// A source and its stage.
pub(super) struct SourceStage {
    pub(super) stage: StageIndex,
    pub(super) variables: Variables,
    pub(super) has_schedule: bool,
    /// The description of the source; `None` for a table.
    pub(super) described: Option<DescribedSource>,
    pub(super) files: Vec<String>,
    pub(super) missing: Missing,
    pub(super) columns: BTreeMap<String, spec::ColumnTable>,
}

/// Rows that a fit can use: those of a filter, table or source.
pub(super) struct Rows<'a> {
    pub(super) stage: StageIndex,
    pub(super) source: &'a str,
}

/// A fit that queries can use.
pub(super) struct PlannedFit {
    pub(super) stage: StageIndex,
    pub(super) law: Arc<Law>,
    pub(super) through: Option<Chain>,
    /// Whether the fit uses rows.
    pub(super) has_rows: bool,
    /// Number of draws of its parameters.
    pub(super) draws: usize,
    /// The column that groups the fit.
    pub(super) by: Option<String>,
    /// The alternative laws fitted to the same rows.
    pub(super) alternatives: Vec<Arc<Law>>,
    /// The fit's stage and its rows, from which the fits of its alternatives are planned; `None` without rows.
    pub(super) refit: Option<Refit>,
}

/// A planned fit as the pattern of the fits of its alternatives.
pub(super) struct Refit {
    /// The fit.
    pub(super) fit: FitLaw,
    /// Its rows.
    pub(super) rows: Input,
}

/// Another fit that provides a variable of a law.
pub(super) struct Chain {
    /// Index of the stage of the other fit.
    pub(super) stage: StageIndex,
    /// The composition of both laws.
    pub(super) law: Arc<Law>,
    /// The provider of the variable.
    pub(super) through: Through,
    /// Whether the other fit uses rows of its own.
    pub(super) has_rows: bool,
}

/// A query that a source can use.
pub(super) struct PlannedQuery {
    pub(super) stage: StageIndex,
    pub(super) question: Question,
    /// The roles of the variables in its answer.
    pub(super) roles: Roles,
    /// The column that groups its fit.
    pub(super) by: Option<String>,
}

/// The planned entries of a spec, by name: what sensitivity, expectations and conclusions refer to.
pub(super) struct Planned<'a> {
    pub(super) spec: &'a Spec,
    pub(super) sources: &'a BTreeMap<&'a str, SourceStage>,
    pub(super) filters: &'a BTreeMap<&'a str, Rows<'a>>,
    pub(super) laws: &'a BTreeMap<String, Arc<Law>>,
    pub(super) fits: &'a BTreeMap<&'a str, PlannedFit>,
    pub(super) queries: &'a BTreeMap<&'a str, PlannedQuery>,
}

/// The query that a source refers to: `queries.minima`.
pub(super) fn query_of(from: &str) -> &str {
    from.strip_prefix("queries.").unwrap_or(from)
}

/// Maximum number of errors and warnings per spec; checking stops there.
pub(super) const MOST_ERRORS: usize = 500;

/// The state of planning one spec.
pub(super) struct Scope<'a> {
    place: SpecPlace<'a>,
    tree: &'a Node,
    words: BTreeSet<String>,
    plan: &'a mut Plan,
    diagnostics: Vec<Diagnostic>,
    used: BTreeSet<SpecPath>,
    drifts: Vec<ExpectedDrift>,
    pins: Pins,
    catalogue: BTreeMap<String, Arc<Law>>,
    costs: BTreeMap<String, Arc<Cost>>,
    /// The stages of the alternatives of fits, by the name of the fit.
    alternatives: BTreeMap<String, Vec<StageIndex>>,
}

/// The position of a spec in a plan, its file and its permissions.
pub(super) struct SpecPlace<'a> {
    /// Index of the spec.
    pub(super) index: usize,
    /// The prefix of its stage names, if the plan has several specs.
    pub(super) name: Option<&'a str>,
    /// Its file.
    pub(super) file: &'a SpecFile,
    /// Its permissions.
    pub(super) allowed: Allowed,
}

impl<'a> Scope<'a> {
    /// The scope of a spec, with the diagnostics from reading it. `words` are all words of the spec; every variable
    /// it uses is among them.
    pub(super) fn new(
        place: SpecPlace<'a>,
        (tree, words): (&'a Node, BTreeSet<String>),
        diagnostics: Vec<Diagnostic>,
        plan: &'a mut Plan,
    ) -> Self {
        Self {
            place,
            tree,
            words,
            plan,
            diagnostics,
            used: BTreeSet::new(),
            drifts: Vec::new(),
            pins: Pins::new(),
            catalogue: BTreeMap::new(),
            costs: BTreeMap::new(),
            alternatives: BTreeMap::new(),
        }
    }

    /// The errors and warnings, the expectations on changes between runs, and the snapshots of live sources.
    pub(super) fn finish(self) -> (Vec<Diagnostic>, Vec<ExpectedDrift>, Pins) {
        (self.diagnostics, self.drifts, self.pins)
    }

    /// The tree of the spec.
    pub(super) const fn tree(&self) -> &'a Node {
        self.tree
    }

    /// All words of the spec; every variable it uses is among them.
    pub(super) const fn words(&self) -> &BTreeSet<String> {
        &self.words
    }

    /// The folder of the spec.
    pub(super) fn folder(&self) -> PathBuf {
        self.place.file.folder()
    }

    /// The file of the spec.
    pub(super) const fn file(&self) -> &'a SpecFile {
        self.place.file
    }

    /// Adds the snapshot that a live source uses.
    pub(super) fn add_pin(&mut self, name: &str, pin: Pin) {
        self.pins.insert(name.to_owned(), pin);
    }

    /// Permissions for operations that are refused by default.
    pub(super) const fn allowed(&self) -> Allowed {
        self.place.allowed
    }

    /// The training costs by name.
    pub(super) const fn costs(&self) -> &BTreeMap<String, Arc<Cost>> {
        &self.costs
    }

    /// Adds a cost.
    pub(super) fn add_cost(&mut self, name: &str, cost: Cost) {
        self.costs.insert(name.to_owned(), Arc::new(cost));
    }

    /// Adds an expectation on the change of a number between runs.
    pub(super) fn add_drift(&mut self, drift: ExpectedDrift) {
        self.drifts.push(drift);
    }

    /// A law of the catalogue; each is read once.
    pub(super) fn of_catalogue(&mut self, name: &str, read: impl FnOnce(&str) -> Option<Law>) -> Option<Arc<Law>> {
        if let Some(law) = self.catalogue.get(name) {
            return Some(Arc::clone(law));
        }
        let law = Arc::new(read(name)?);
        self.catalogue.insert(name.to_owned(), Arc::clone(&law));
        Some(law)
    }

    /// Adds a stage for an entry of a table of the spec and returns its index. `name` is that of the entry, followed
    /// by the part in brackets if the entry has several stages.
    pub(super) fn stage(
        &mut self,
        (table, name): (&str, &str),
        stage: Arc<dyn Stage>,
        inputs: Vec<Input>,
    ) -> StageIndex {
        let plain = spec::plain_name(name);
        let member = (plain.len() < name.len()).then(|| name[plain.len() + 1..name.len() - 1].to_owned());
        let id = StageId { name: Some(plain.to_owned()), member, ..self.id_of(&*stage) };
        self.plan.add(PlanStage { id, stage, spec: self.place.index, path: SpecPath::of(&[table, plain]) }, inputs)
    }

    /// The stages of the alternatives of a fit, planned for the first query that needs them.
    pub(super) fn alternatives_of(
        &mut self,
        fit: &str,
        plan: impl FnOnce(&mut Self) -> Vec<StageIndex>,
    ) -> Vec<StageIndex> {
        if let Some(known) = self.alternatives.get(fit) {
            return known.clone();
        }
        let planned = plan(self);
        self.alternatives.insert(fit.to_owned(), planned.clone());
        planned
    }

    /// Adds a stage for the whole study.
    pub(super) fn last_stage(&mut self, stage: Arc<dyn Stage>, inputs: Vec<Input>) -> StageIndex {
        let id = self.id_of(&*stage);
        self.plan.add(PlanStage { id, stage, spec: self.place.index, path: SpecPath::of(&["study"]) }, inputs)
    }

    fn id_of(&self, stage: &dyn Stage) -> StageId {
        StageId { spec: self.place.name.map(str::to_owned), kind: stage.kind(), name: None, member: None }
    }

    /// Whether the maximum number of errors has been reached.
    pub(super) fn has_enough_errors(&self) -> bool {
        self.diagnostics.len() > MOST_ERRORS
    }

    /// Records an error and returns it so that hints can be added.
    pub(super) fn error(&mut self, code: &'static str, place: Place, message: impl Into<String>) -> &mut Diagnostic {
        self.diagnostics.push(Diagnostic::error(code, place, message));
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    /// Records an error or a warning.
    pub(super) fn tell(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Records errors and warnings.
    pub(super) fn tell_all(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        self.diagnostics.extend(diagnostics);
    }

    /// Number of errors and warnings so far.
    pub(super) const fn told(&self) -> usize {
        self.diagnostics.len()
    }

    /// Whether there are errors after the first `before` errors and warnings.
    pub(super) fn has_error_since(&self, before: usize) -> bool {
        self.diagnostics[before..].iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Removes and returns all errors and warnings after the first `before`.
    pub(super) fn take_back(&mut self, before: usize) -> Vec<Diagnostic> {
        self.diagnostics.split_off(before)
    }

    /// Whether an error or a warning refers to a place.
    pub(super) fn is_told_of(&self, place: &Place) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.place == *place)
    }

    /// Whether an entry contains a value that could not be read.
    pub(super) fn is_misread(&self, entry: &SpecPath) -> bool {
        self.diagnostics.iter().any(|diagnostic| match &diagnostic.place {
            Place::Value(path) => diagnostic.code == "wrong-value" && path.0.starts_with(&entry.0),
            _ => false,
        })
    }

    /// The value of a result; its errors are recorded.
    pub(super) fn take<T>(&mut self, result: Result<T, Vec<Diagnostic>>) -> Option<T> {
        result.map_err(|errors| self.diagnostics.extend(errors)).ok()
    }

    /// The names of the entries in a table of the tree, including entries with errors.
    pub(super) fn written(&self, table: &SpecPath) -> Vec<String> {
        self.tree.at(&table.0).map(|node| node.keys().into_iter().map(str::to_owned).collect()).unwrap_or_default()
    }

    /// The names of the entries in a section of the spec, including entries with errors and those of unknown sections:
    /// a misspelt section may be this one.
    pub(super) fn entries(&self, section: &str) -> Vec<String> {
        let sections = std::iter::once(SpecPath::of(&[section])).chain(self.unknown_sections().cloned());
        sections.flat_map(|section| self.written(&section)).collect()
    }

    /// The sections of the spec whose names are unknown; each has an error.
    fn unknown_sections(&self) -> impl Iterator<Item = &SpecPath> {
        self.diagnostics.iter().filter_map(|diagnostic| match &diagnostic.place {
            Place::Key(path) if diagnostic.code == UNKNOWN_KEY && path.0.len() == 1 => Some(path),
            _ => None,
        })
    }

    /// Records that an entry is used.
    pub(super) fn uses(&mut self, table: &str, name: &str) {
        self.used.insert(SpecPath::of(&[table, name]));
    }

    /// Whether a planned entry uses this entry.
    pub(super) fn is_used(&self, entry: &SpecPath) -> bool {
        self.used.contains(entry)
    }

    /// Records an error for a name that none of the tables defines.
    pub(super) fn unknown(&mut self, what: &str, name: &str, tables: &[&str], place: Place, known: &[&str]) {
        let written: Vec<String> = tables.iter().flat_map(|table| self.entries(table)).collect();
        let left_out: Vec<&str> = written.iter().map(String::as_str).collect();
        self.diagnostics.extend(check::unknown_name(what, name, place, known.iter().copied(), &left_out));
    }
}
