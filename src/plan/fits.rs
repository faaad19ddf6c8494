//! Laws and fits: resolves the law, its rows and the method of each fit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::check::{self, Variables};
use super::converted::check_converted;
use super::costs::{costed, define_costs};
use super::graph::StageIndex;
use super::laws;
use super::limits::{check_draws, most_groups};
use super::scope::{Chain, PlannedFit, Refit, Rows, Scope, SourceStage};
use super::shards::{check_shards, plan_parts};
use super::used::of_text;
use crate::diagnostic::{Diagnostic, Place, SpecPath, Step};
use crate::expr::Kind;
use crate::law::{Law, UNLISTED};
use crate::objective::ResponseScale;
use crate::report::DescribedFit;
use crate::search::Starts;
use crate::source::Missing;
use crate::spec::{self, Node, Spec};
use crate::stage::{FitLaw, FitMethod, Origins, RowRoles, Through};
use crate::unit::Dimension;

/// Words in names of responses and of columns that indicate a fraction.
const SHARES: [&str; 8] = ["acc", "accuracy", "accuracies", "err", "error", "share", "top1", "top5"];

/// Whether a response is a fraction, by its unit or, without a unit, by its name or that of its column.
fn is_share(response: &str, column: Option<&spec::ColumnTable>) -> bool {
    let is_called = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.split(|c: char| !c.is_alphanumeric()).any(|word| SHARES.contains(&word))
    };
    match column.and_then(|column| column.unit) {
        Some(unit) => unit.dimension == Dimension::Share,
        None => is_called(response) || column.and_then(|column| column.column.as_deref()).is_some_and(is_called),
    }
}

/// The variables of a source and their units.
fn units(source: &SourceStage) -> laws::Columns {
    let unit = |name: &String| source.columns.get(name).and_then(|column| column.unit);
    source.variables.keys().map(|name| (name.clone(), unit(name))).collect()
}

/// The variables of a fit's rows and their units; none for a fit without rows.
fn columns_of(
    fit: &spec::Fit,
    sources: &BTreeMap<&str, SourceStage>,
    filters: &BTreeMap<&str, Rows<'_>>,
) -> laws::Columns {
    let Some(rows) = fit.rows.as_deref() else { return laws::Columns::new() };
    let source = filters.get(rows).map_or(rows, |filter| filter.source);
    sources.get(source).map(units).unwrap_or_default()
}

/// Maximum number of points in a grid of listed starts.
const MOST_STARTS: usize = 1_000_000;

/// A planned fit: the settings of the spec, and those that only sensitivity varies.
pub(super) struct FitPlan {
    /// The fit as in a spec.
    pub(super) fit: spec::Fit,
    /// The rows that are fitted together.
    pub(super) grouping: Grouping,
    /// The treatment of a fit without rows.
    pub(super) on_empty: OnEmpty,
}

/// The rows that are fitted together.
pub(super) enum Grouping {
    /// All rows.
    Whole,
    /// The rows of each value of a column.
    By(String),
    /// All rows except those of one value of a column, for each value.
    LeaveOut(String),
}

/// The treatment of a fit without rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OnEmpty {
    /// Report an error.
    Fail,
    /// Report no values.
    NoValues,
}

impl FitPlan {
    /// The plan of a fit as a spec defines it.
    pub(super) fn of(fit: &spec::Fit) -> Self {
        let grouping = fit.by.clone().map_or(Grouping::Whole, Grouping::By);
        Self { fit: fit.clone(), grouping, on_empty: OnEmpty::Fail }
    }

    /// Whether the rows of each value of a column are left out in turn.
    pub(super) const fn leaves_out(&self) -> bool {
        matches!(self.grouping, Grouping::LeaveOut(_))
    }

    /// The column that defines the groups.
    const fn column(&self) -> Option<&String> {
        match &self.grouping {
            Grouping::Whole => None,
            Grouping::By(column) | Grouping::LeaveOut(column) => Some(column),
        }
    }
}

pub(super) fn define_laws(
    scope: &mut Scope<'_>,
    spec: &Spec,
    sources: &BTreeMap<&str, SourceStage>,
) -> BTreeMap<String, Arc<Law>> {
    let mut columns = laws::Columns::new();
    for source in sources.values() {
        for variable in source.variables.keys() {
            let unit = source.columns.get(variable).and_then(|column| column.unit);
            let known = columns.entry(variable.clone()).or_default();
            *known = known.or(unit);
        }
    }
    // Columns of sources that wait for a query are included.
    for (variable, column) in spec.sources.values().flat_map(|source| &source.columns) {
        let known = columns.entry(variable.clone()).or_default();
        *known = known.or(column.table().unit);
    }
    let consumed = consumed(spec, sources);
    columns.retain(|name, _| !consumed.contains(name));
    define_costs(scope, spec, &columns);
    let mut laws = BTreeMap::new();
    for (name, text) in &spec.laws {
        let law = laws::define(name, text, &columns, &used_beside(name, text, spec));
        if let Some((law, doubts)) = scope.take(law) {
            laws.insert(name.clone(), Arc::new(law).in_units(&columns));
            scope.tell_all(doubts);
        }
    }
    laws
}

/// The columns that a step turns into rows and that no fitted rows contain: their names are free for parameters.
fn consumed(spec: &Spec, sources: &BTreeMap<&str, SourceStage>) -> BTreeSet<String> {
    let steps = spec.tables.values().flat_map(|table| &table.steps);
    let columns = steps.flat_map(|step| step.member().consumed());
    let fitted = spec.fits.values().filter_map(|fit| fit.rows.as_deref());
    let fitted = fitted.map(|rows| spec.filters.get(rows).map_or(rows, |filter| &filter.source));
    let fitted: Vec<&SourceStage> = fitted.filter_map(|rows| sources.get(rows)).collect();
    columns.filter(|column| fitted.iter().all(|rows| !rows.variables.contains_key(column))).collect()
}

/// The variables that fits of a law use outside it: those of their groups, weights and conditions, and those from which
/// its own variables are computed.
fn used_beside(law: &str, text: &spec::LawSpec, spec: &Spec) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let is_of_law = |fit: &&spec::Fit| fit.law == law || fit.alternatives.iter().any(|other| other == law);
    for fit in spec.fits.values().filter(is_of_law) {
        let along = fit.backtest.as_ref().map(|backtest| &backtest.along);
        let expressions = fit.weights.iter().chain(&fit.noise).chain(&fit.holdout).chain(along).chain(&fit.by);
        used.extend(expressions.flat_map(|text| of_text(text)));
        used.extend(fit.replicates.iter().chain(&fit.clusters).cloned());
    }
    let mut waiting: Vec<String> = text.formula.iter().flat_map(|formula| of_text(formula)).collect();
    let mut seen = BTreeSet::new();
    while let Some(variable) = waiting.pop() {
        if !seen.insert(variable.clone()) {
            continue;
        }
        let columns = spec.sources.values().filter_map(|source| source.columns.get(&variable));
        for expr in columns.filter_map(|column| column.table().expr) {
            used.extend(of_text(&expr));
            waiting.extend(of_text(&expr));
        }
    }
    used
}

pub(super) fn plan_fit(
    scope: &mut Scope<'_>,
    name: &str,
    plan: &FitPlan,
    spec: &Spec,
    sources: &BTreeMap<&str, SourceStage>,
    filters: &BTreeMap<&str, Rows<'_>>,
    laws: &BTreeMap<String, Arc<Law>>,
) -> Option<(StageIndex, Arc<Law>, DescribedFit, Option<Refit>)> {
    let fit = &plan.fit;
    let path = SpecPath::of(&["fits", name]);
    scope.uses("laws", &fit.law);
    if let Some(rows) = &fit.rows {
        scope.uses("filters", rows);
        scope.uses("sources", rows);
        scope.uses("tables", rows);
    }
    check_methods(scope, fit, &path);
    let columns = columns_of(fit, sources, filters);
    let law = fitted(law_named(scope, &fit.law, spec, laws, &columns, path.key("law"))?, fit);
    let Some(rows_name) = &fit.rows else {
        let law = costed(scope, &law, fit, &path);
        return plan_fit_without_rows(scope, name, fit, &law, spec, &path);
    };
    let filter = filters.get(rows_name.as_str());
    let source = filter.map_or(rows_name.as_str(), |f| f.source);
    let Some(source) = sources.get(source) else {
        let known: Vec<&str> = filters.keys().chain(sources.keys()).copied().collect();
        scope.unknown(
            "filter, table or source",
            rows_name,
            &["filters", "tables", "sources"],
            Place::Value(path.key("rows")),
            &known,
        );
        return None;
    };
    let units = units(source);
    let law = costed(scope, &law.in_units(&units), fit, &path);
    let stage = filter.map_or(source.stage, |f| f.stage);
    let before = scope.told();
    law_takes(scope, &law, source, &fit.law, &path.key("law"));
    let doubts = check_converted(scope, (name, fit), &law, source, spec);
    let alternatives = alternatives_of(scope, fit, spec, laws, source, &law, &path);
    let roles = row_roles(scope, plan, &law, source, &path);
    let backtest = origins_of(scope, fit, &source.variables, &path);
    check_starts(scope, fit, &law, &path);
    check_pairs(scope, fit, &law, &path);
    if scope.has_error_since(before) {
        return None;
    }
    let described = DescribedFit {
        name: name.to_owned(),
        law: law.clone(),
        priced: law.priced(),
        rows: Some(rows_name.clone()),
        holdout: roles.holdout.clone(),
        by: roles.by.clone(),
        alternatives: alternatives.clone(),
        units: source.columns.iter().filter_map(|(name, column)| Some((name.clone(), column.unit?.stored()))).collect(),
        doubts,
    };
    let fit_law = FitLaw {
        law: law.clone(),
        alternatives,
        method: FitMethod {
            objective: fit.objective.clone(),
            solver: fit.solver,
            starts: fit.starts,
            uncertainty: fit.uncertainty.clone(),
            backtest,
        },
        roles,
        seed: spec.study.seed,
        missing: source.missing,
        has_rows: true,
        files: source.files.clone(),
        most_groups: most_groups(scope),
    };
    let rows = stage.gives("table");
    let refit = Refit { fit: fit_law.clone(), rows: rows.clone() };
    let inputs = plan_parts(scope, name, fit, &fit_law, &rows);
    let stage = scope.stage(("fits", name), Arc::new(fit_law), inputs);
    Some((stage, law, described, Some(refit)))
}

fn plan_fit_without_rows(
    scope: &mut Scope<'_>,
    name: &str,
    fit: &spec::Fit,
    law: &Arc<Law>,
    spec: &Spec,
    path: &SpecPath,
) -> Option<(StageIndex, Arc<Law>, DescribedFit, Option<Refit>)> {
    let free: Vec<&str> = law.free().iter().map(|p| p.name.as_str()).collect();
    if !free.is_empty() {
        let verb = if free.len() == 1 { "is" } else { "are" };
        let message = format!("the fit has no `rows`, and {} {verb} free", crate::diagnostic::list(&free));
        let error = scope.error("no-rows", Place::Key(path.clone()), message);
        error.hints.push(
            "name a filter or a source in `rows`, or fix every parameter: `constants = \"...\"` in the law, or `fixed`"
                .to_owned(),
        );
        error.hints.extend(variables_hint(&fit.law, &free, spec));
        return None;
    }
    let needing = [
        ("holdout", fit.holdout.is_some()),
        ("uncertainty", fit.uncertainty.is_some()),
        ("shards", fit.shards.is_some()),
        ("backtest", fit.backtest.is_some()),
        ("alternatives", !fit.alternatives.is_empty()),
        ("weights", fit.weights.is_some()),
        ("noise", fit.noise.is_some()),
        ("replicates", !fit.replicates.is_empty()),
        ("clusters", !fit.clusters.is_empty()),
        ("by", fit.by.is_some()),
        ("share", !fit.share.is_empty()),
    ];
    for (key, given) in needing {
        if given {
            scope.error("needs-rows", Place::Key(path.key(key)), format!("`{key}` needs `rows`"));
        }
    }
    let described = DescribedFit {
        name: name.to_owned(),
        law: law.clone(),
        priced: law.priced(),
        rows: None,
        holdout: None,
        by: None,
        alternatives: Vec::new(),
        units: BTreeMap::new(),
        doubts: Vec::new(),
    };
    let fit_law = FitLaw {
        law: law.clone(),
        alternatives: Vec::new(),
        method: FitMethod { objective: fit.objective.clone(), ..FitMethod::default() },
        roles: RowRoles::default(),
        seed: spec.study.seed,
        missing: Missing::Error,
        has_rows: false,
        files: Vec::new(),
        most_groups: most_groups(scope),
    };
    let stage = scope.stage(("fits", name), Arc::new(fit_law), Vec::new());
    Some((stage, law.clone(), described, None))
}

/// The stages that fit the alternatives of a fit to its rows with its method, each by itself.
pub(super) fn plan_alternatives(scope: &mut Scope<'_>, name: &str, refit: &Refit) -> Vec<StageIndex> {
    let Refit { fit, rows } = refit;
    scope.alternatives_of(name, |scope| {
        let plan = |law: &Arc<Law>| {
            let method = FitMethod { backtest: None, ..fit.method.clone() };
            let own = FitLaw { law: Arc::clone(law), alternatives: Vec::new(), method, ..fit.clone() };
            let part = match name.strip_suffix(']') {
                Some(member) => format!("{member},alternative={}]", law.name),
                None => format!("{name}[alternative={}]", law.name),
            };
            scope.stage(("fits", &part), Arc::new(own), vec![rows.clone()])
        };
        fit.alternatives.iter().map(plan).collect()
    })
}

/// The fits that must be planned before a fit: those that forecast variables of its law.
pub(super) fn fits_before<'a>(spec: &'a Spec, name: &str) -> impl Iterator<Item = &'a str> {
    let through = spec.fits.get(name).into_iter().flat_map(|fit| fit.through.values());
    through.filter(|other| spec.fits.get(*other).is_some_and(|fit| fit.through.is_empty())).map(String::as_str)
}

/// Composes the law of a fit with the laws of the fits that forecast its variables.
pub(super) fn join_chain(scope: &mut Scope<'_>, spec: &Spec, name: &str, fits: &mut BTreeMap<&str, PlannedFit>) {
    let Some(fit) = spec.fits.get(name) else { return };
    let path = SpecPath::of(&["fits", name, "through"]);
    for (variable, other) in &fit.through {
        let place = || Place::Value(path.key(variable));
        let Some(own) = fits.get(name) else { return };
        let early = if other == name {
            Some("a fit cannot go through itself".to_owned())
        } else if spec.fits.get(other).is_some_and(|fit| !fit.through.is_empty()) {
            Some(format!("the fit `{other}` itself takes a variable from another fit"))
        } else if own.law.variable(variable).is_none() {
            Some(format!("the law `{}` has no variable `{variable}`", own.law.formula))
        } else if fit.through.len() > 1 {
            Some("only one variable can be forecast by another fit".to_owned())
        } else {
            None
        };
        // A fit whose chain is at fault is not planned: every query of it would report that its law lacks variables.
        if let Some(fault) = early {
            scope.error("bad-chain", place(), fault);
            fits.remove(name);
            return;
        }
        let Some(inner) = fits.get(other.as_str()) else {
            let known: Vec<&str> = spec.fits.keys().map(String::as_str).filter(|other| *other != name).collect();
            scope.unknown("fit", other, &["fits"], place(), &known);
            fits.remove(name);
            return;
        };
        let fault = if inner.law.response == *variable {
            fit.by
                .as_ref()
                .zip(inner.by.as_ref())
                .filter(|(one, by)| one != by)
                .map(|(one, by)| format!("the fits are in groups of different columns, `{one}` and `{by}`"))
        } else {
            Some(format!("the fit `{other}` forecasts `{}`, not `{variable}`", inner.law.response))
        };
        if let Some(fault) = fault {
            scope.error("bad-chain", place(), fault);
            fits.remove(name);
            return;
        }
        let law = Arc::new(own.law.through(variable, &inner.law, other));
        let (inner_law, outer) = (Arc::clone(&inner.law), Arc::clone(&own.law));
        let through = Through { variable: variable.clone(), inner: inner_law, outer, by: inner.by.clone() };
        let chain = Chain { stage: inner.stage, law, through, has_rows: inner.has_rows };
        let by = inner.by.clone();
        if let Some(own) = fits.get_mut(name) {
            own.through = Some(chain);
            own.by = own.by.take().or(by);
        }
    }
}

/// A law by name, from the spec or the catalogue.
fn law_named(
    scope: &mut Scope<'_>,
    name: &str,
    spec: &Spec,
    laws: &BTreeMap<String, Arc<Law>>,
    columns: &laws::Columns,
    place: SpecPath,
) -> Option<Arc<Law>> {
    let law = match laws.get(name) {
        Some(law) => Some(Arc::clone(law)),
        None if spec.laws.contains_key(name) => None,
        None => match laws::of_mixture(name, columns) {
            None => scope.of_catalogue(name, laws::from_name),
            Some(Ok(law)) => Some(Arc::new(law)),
            Some(Err(errors)) => {
                for error in errors {
                    let hint = format!(
                        "{}; write them in `[laws.mine]` with `use = \"{name}\"`",
                        error.hint.unwrap_or_default()
                    );
                    scope.error("bad-law", Place::Value(place.clone()), error.message).hints.push(hint);
                }
                return None;
            }
        },
    };
    if law.is_none() && name.contains(['=', '*', '/', '^', '(']) {
        let error =
            scope.error("formula-as-name", Place::Value(place), "a formula stands where the name of a law is expected");
        let written = if name.contains('=') { name.to_owned() } else { format!("L = {name}") };
        error
            .hints
            .push(format!("name it: write `[laws.mine]` with `formula = \"{written}\"`, and `law = \"mine\"` here"));
        return None;
    }
    if law.is_none() {
        let mut known: Vec<&str> = laws.keys().map(String::as_str).collect();
        known.extend(crate::law::names().map(|name| -> &str { name }));
        scope.unknown("law", name, &["laws"], Place::Value(place), &known);
    }
    law
}

/// The alternative laws of a fit.
fn alternatives_of(
    scope: &mut Scope<'_>,
    fit: &spec::Fit,
    spec: &Spec,
    laws: &BTreeMap<String, Arc<Law>>,
    source: &SourceStage,
    own: &Law,
    path: &SpecPath,
) -> Vec<Arc<Law>> {
    let mut all: Vec<Arc<Law>> = Vec::new();
    for (index, name) in fit.alternatives.iter().enumerate() {
        let place = path.key("alternatives").then(Step::Index(index));
        scope.uses("laws", name);
        let Some(law) = law_named(scope, name, spec, laws, &units(source), place.clone()) else { continue };
        if law.response != own.response {
            let message = format!(
                "the law `{name}` has the response `{}`, but the law of the fit has `{}`",
                law.response, own.response
            );
            scope.error("bad-alternative", Place::Value(place), message);
        } else if law.name == own.name || all.iter().any(|other| other.name == law.name) {
            scope.error("bad-alternative", Place::Value(place), format!("the law `{name}` is listed twice"));
        } else {
            law_takes(scope, &law, source, name, &place);
            let law = costed(scope, &law.in_units(&units(source)), fit, path);
            all.push(fitted(law, fit));
        }
    }
    if !all.is_empty() && !fit.share.is_empty() {
        let message = "groups that share parameters cannot have alternative laws";
        scope.error("bad-alternative", Place::Key(path.key("alternatives")), message);
    }
    all
}

/// The origins of a backtest, if the fit has one.
fn origins_of(scope: &mut Scope<'_>, fit: &spec::Fit, variables: &Variables, path: &SpecPath) -> Option<Origins> {
    let backtest = fit.backtest.as_ref()?;
    let path = path.key("backtest");
    if !fit.share.is_empty() {
        scope.error("bad-backtest", Place::Key(path.clone()), "groups that share parameters cannot have a backtest");
    }
    if !(1..=100).contains(&backtest.folds) {
        scope.error("bad-backtest", Place::Value(path.key("folds")), "`folds` must be from 1 to 100");
    }
    let along = check::expression(&backtest.along, &path.key("along"), variables, Kind::Number);
    Some(Origins { along: scope.take(along)?.to_string(), folds: backtest.folds })
}

/// The columns that the keys of a fit name, in canonical spelling.
fn row_roles(scope: &mut Scope<'_>, plan: &FitPlan, law: &Law, source: &SourceStage, path: &SpecPath) -> RowRoles {
    let fit = &plan.fit;
    let variables = &source.variables;
    let mut expression = |text: &Option<String>, key: &str, kind: Kind| {
        let checked = check::expression(text.as_ref()?, &path.key(key), variables, kind);
        scope.take(checked).map(|expr| expr.to_string())
    };
    let response = source.columns.get(&law.response);
    let roles = RowRoles {
        holdout: expression(&fit.holdout, "holdout", Kind::Truth),
        weights: expression(&fit.weights, "weights", Kind::Number),
        noise: expression(&fit.noise, "noise", Kind::Number),
        replicates: fit.replicates.clone(),
        clusters: fit.clusters.clone(),
        by: plan.column().cloned(),
        leave_out: plan.leaves_out(),
        varied: plan.on_empty == OnEmpty::NoValues,
        share: fit.share.clone(),
        response_is_share: is_share(&law.response, response),
        response_has_share_unit: response
            .and_then(|column| column.unit)
            .is_some_and(|unit| unit.dimension == Dimension::Share),
    };
    let columns =
        [("replicates", &fit.replicates), ("clusters", &fit.clusters)].into_iter().flat_map(|(key, names)| {
            names.iter().enumerate().map(move |(i, name)| (path.key(key).then(Step::Index(i)), name))
        });
    for (place, name) in columns.chain(plan.column().map(|name| (path.key("by"), name))) {
        if !variables.contains_key(name) {
            let known: Vec<&str> = variables.keys().map(String::as_str).collect();
            let message = format!("there is no variable `{name}` here");
            scope.tell(Diagnostic::error("unknown-variable", Place::Value(place), message).suggest(name, known));
        }
    }
    if !fit.share.is_empty() && plan.column().is_none() {
        scope
            .error(
                "share-without-by",
                Place::Key(path.key("share")),
                "`share` needs `by`: parameters are shared among groups",
            )
            .hints
            .push("name the variable that defines the groups: by = \"optimizer\"".to_owned());
    }
    let free: Vec<&str> = law.free().iter().map(|p| p.name.as_str()).collect();
    for (index, name) in fit.share.iter().enumerate() {
        if !free.contains(&name.as_str()) {
            let place = Place::Value(path.key("share").then(Step::Index(index)));
            let message = format!("`{name}` is not a free parameter of the law `{}`", law.formula);
            scope.tell(Diagnostic::error("unknown-parameter", place, message).suggest(name, free.clone()));
        }
    }
    roles
}

/// Checks that the grid of listed starts is not too large.
fn check_starts(scope: &mut Scope<'_>, fit: &spec::Fit, law: &Law, path: &SpecPath) {
    let count = law.free().into_iter().map(|p| if p.start.is_empty() { UNLISTED } else { p.start.len() });
    let count = count.fold(1_usize, usize::saturating_mul);
    if fit.starts == Starts::Grid && count > MOST_STARTS {
        scope
            .error(
                "too-many-starts",
                Place::Value(path.key("starts")),
                format!("the grid of listed starts has {count} points"),
            )
            .hints
            .push(format!("list fewer starts for some parameters; at most {MOST_STARTS} points are allowed"));
    }
}

/// Checks that the source provides the law's variables in the right units.
fn law_takes(scope: &mut Scope<'_>, law: &Law, source: &SourceStage, law_name: &str, path: &SpecPath) {
    let place = || Place::Value(path.clone());
    let known: Vec<&str> = source.variables.keys().map(String::as_str).collect();
    if law.variables.is_empty() {
        scope
            .error("no-variables", place(), format!("the law `{}` uses no variable of the source", law.formula))
            .hints
            .push(format!("the source provides {}", crate::diagnostic::list(&known)));
    }
    if law.takes_schedule() && !source.has_schedule {
        scope
            .error(
                "missing-schedule",
                place(),
                format!("the law `{}` needs a learning-rate schedule, but the source has none", law.name),
            )
            .hints
            .push("describe it: `[sources.NAME.schedule] step = \"step\", rate = \"lr\", run = [\"run\"]`".to_owned());
        return;
    }
    for name in law.sizes().map(|v| &v.name).chain([&law.response]) {
        match source.variables.get(name) {
            Some(kind) if kind.can_be(Kind::Number) => {}
            Some(_) => {
                scope.error("wrong-kind", place(), format!("`{name}` holds texts, not numbers")).hints.push(format!(
                    "take the number of each text: `{name} = {{ expr = \"number(...)\" }}` in the source, or `derive = {{ size = \"number({name})\" }}` in a table"
                ));
            }
            None => {
                let error = Diagnostic::error(
                    "missing-variable",
                    place(),
                    format!("the law `{}` needs `{name}`, which the source does not provide", law.formula),
                );
                let error = error.suggest(name, known.clone());
                let hints = ways_to_give(scope, name, *name == law.response, law_name);
                scope.tell(hints.into_iter().fold(error, Diagnostic::hint));
            }
        }
    }
    for variable in &law.variables {
        let column = source.columns.get(&variable.name);
        if let (Some(wanted), Some(found)) = (variable.unit, column.and_then(|c| c.unit))
            && wanted.dimension != found.dimension
        {
            scope.error(
                "wrong-unit",
                place(),
                format!("`{}` is in {found}, but the law needs {wanted}", variable.name),
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
            scope.tell(
                Diagnostic::warning("other-convention", place(), message)
                    .hint("exponents of laws in different conventions are not comparable"),
            );
        }
    }
}

/// Hints on how to map a source column to a variable of the law, or how to define it.
fn ways_to_give(scope: &Scope<'_>, name: &str, is_response: bool, law_name: &str) -> Vec<String> {
    let Some(written) = scope.tree().at(&SpecPath::of(&["laws", spec::plain_name(law_name)]).0) else {
        return vec![format!(
            "add it to the source's columns, or rename it: write `[laws.mine]` with `use = \"{law_name}\"` and \
             `variables = {{ {name} = \"...\" }}`, and `law = \"mine\"` here"
        )];
    };
    // Variables that are already renamed are listed under the law's own names.
    let renamed = written.get("variables");
    let own = renamed.and_then(|names| {
        let is_it = |key: &&str| matches!(names.get(key), Some(Node::Text(new)) if new == name);
        names.keys().into_iter().find(is_it).map(str::to_owned)
    });
    let own = own.as_deref().unwrap_or(name);
    let mut ways = vec![format!(
        "add it to the source's columns, or rename it: `[laws.{law_name}]` with `variables = {{ {own} = \"...\" }}`"
    )];
    if written.get("formula").is_some() && !is_response {
        ways.push(format!("if it is a parameter, declare it: `[laws.{law_name}]` with `parameters.{own} = {{}}`"));
    }
    ways
}

/// Checks that the pairs of a profile are free parameters.
fn check_pairs(scope: &mut Scope<'_>, fit: &spec::Fit, law: &Law, path: &SpecPath) {
    let Some(method) = &fit.uncertainty else { return };
    let path = path.key("uncertainty").key(method.name()).key("pairs");
    let pairs = method.member().pairs();
    if !pairs.is_empty() && !fit.share.is_empty() {
        let message = "regions of two parameters are not available for fits whose groups share parameters";
        scope.error("bad-pair", Place::Key(path.clone()), message);
    }
    let free: Vec<&str> = law.free().iter().map(|p| p.name.as_str()).collect();
    for (index, pair) in pairs.iter().enumerate() {
        let path = path.then(Step::Index(index));
        for (side, name) in pair.iter().enumerate().filter(|(_, name)| !free.contains(&name.as_str())) {
            let place = Place::Value(path.then(Step::Index(side)));
            let error = Diagnostic::error("bad-pair", place, format!("the law has no free parameter `{name}`"));
            scope.tell(error.suggest(name, free.clone()));
        }
        if pair[0] == pair[1] {
            scope.error("bad-pair", Place::Value(path), "a pair needs two different parameters");
        }
    }
}

/// Checks the settings of the objective and of the uncertainty method.
fn check_methods(scope: &mut Scope<'_>, fit: &spec::Fit, path: &SpecPath) {
    for (key, value) in fit.objective.wrong_settings() {
        let place = Place::Value(path.key("objective").key(fit.objective.name()).key(key));
        scope.error("bad-setting", place, format!("`{key}` is {value}; it must be positive and finite"));
    }
    if let Some(uncertainty) = &fit.uncertainty {
        let path = path.key("uncertainty").key(uncertainty.name());
        let method = uncertainty.member();
        let level = method.level();
        let (count_key, count) = method.count();
        if !(level > 0.0 && level < 1.0) {
            scope.error(
                "bad-level",
                Place::Value(path.key("level")),
                "`level` must be between 0 and 1, for example 0.9 for 90 % intervals",
            );
        }
        if count < crate::uncertainty::FEWEST_DRAWS {
            let message = format!("`{count_key}` must be at least {}", crate::uncertainty::FEWEST_DRAWS);
            scope.error("bad-count", Place::Value(path.key(count_key)), message);
        }
        check_draws(scope, count_key, count, &path);
    }
    check_shards(scope, fit, path);
}

/// A hint for names in a formula that are not declared as variables.
fn variables_hint(law: &str, free: &[&str], spec: &Spec) -> Option<String> {
    let text = spec.laws.get(law).filter(|text| text.formula.is_some())?;
    let undeclared: Vec<&str> = free.iter().filter(|name| !text.parameters.contains_key(**name)).copied().collect();
    let verb = if undeclared.len() == 1 { "is a variable" } else { "are variables" };
    let quoted: Vec<String> = undeclared.iter().map(|name| format!("\"{name}\"")).collect();
    (!undeclared.is_empty()).then(|| {
        let names = crate::diagnostic::list(&undeclared);
        format!("if {names} {verb}, declare it: `[laws.{law}]` with `variables = [{}]`", quoted.join(", "))
    })
}

/// The law of a fit, restricted to positive values if its logarithm is fitted.
fn fitted(law: Arc<Law>, fit: &spec::Fit) -> Arc<Law> {
    if fit.objective.scale() == ResponseScale::Log { Arc::new(law.above_zero()) } else { law }
}
