//! Designs: checks decisions and limits against fits and adds a stage for each design.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check;
use super::check::Variables;
use super::graph::StageIndex;
use super::scope::{PlannedFit, Rows, Scope, SourceStage};
use crate::design::{Candidates, Rate, Settings, held};
use crate::diagnostic::{Diagnostic, Place, SpecPath, Step};
use crate::expr::Kind;
use crate::law::Law;
use crate::quantity::Quantity;
use crate::query::{Question, can_split};
use crate::spec::{self, Spec};
use crate::stage::{DesignRuns, External, Judging, POOL};
use crate::unit::Counts;

/// The tables, filters and sources of a spec that can list candidates.
pub(super) struct Listed<'a> {
    pub(super) sources: &'a BTreeMap<&'a str, SourceStage>,
    pub(super) filters: &'a BTreeMap<&'a str, Rows<'a>>,
}

impl<'a> Listed<'a> {
    /// The stage and the columns of an entry.
    fn get(&self, name: &str) -> Option<(StageIndex, &'a Variables)> {
        let filter = self.filters.get(name);
        let source = self.sources.get(filter.map_or(name, |filter| filter.source))?;
        Some((filter.map_or(source.stage, |filter| filter.stage), &source.variables))
    }

    fn names(&self) -> Vec<&'a str> {
        self.filters.keys().chain(self.sources.keys()).copied().collect()
    }
}

/// Maximum size of a table of results, in bytes.
const MOST_BYTES: u64 = 64 << 20;

/// Plans every design and returns its stage by name.
pub(super) fn plan_designs<'a>(
    scope: &mut Scope<'_>,
    spec: &'a Spec,
    fits: &BTreeMap<&str, PlannedFit>,
    rows: &Listed<'_>,
) -> BTreeMap<&'a str, StageIndex> {
    let mut planned = BTreeMap::new();
    for (name, design) in &spec.designs {
        if !scope.has_enough_errors() {
            planned.extend(plan_design(scope, name, design, spec, fits, rows).map(|stage| (name.as_str(), stage)));
        }
    }
    planned
}

fn plan_design(
    scope: &mut Scope<'_>,
    name: &str,
    design: &spec::Design,
    spec: &Spec,
    fits: &BTreeMap<&str, PlannedFit>,
    rows: &Listed<'_>,
) -> Option<StageIndex> {
    let path = SpecPath::of(&["designs", name]);
    let mut laws = Vec::new();
    let mut inputs = Vec::new();
    let mut is_sound = true;
    for (index, fit) in design.fit.all().iter().enumerate() {
        let Some(planned) = fits.get(fit.as_str()) else {
            let known: Vec<&str> = fits.keys().copied().collect();
            scope.unknown("fit", fit, &["fits"], Place::Value(path.key("fit")), &known);
            is_sound = false;
            continue;
        };
        if let Some(fault) = unfit(fit, planned, design) {
            scope.error("bad-design", Place::Value(path.key("fit")), fault);
            is_sound = false;
            continue;
        }
        // The test whether small models follow the law needs the rows of the fit with the largest weight.
        let roles = ["fit", "draws", "rows"];
        inputs.extend(roles.map(|role| planned.stage.gives_as(role, format!("{role}.{index}"))));
        laws.push(planned.law.priced());
    }
    if !is_sound || laws.is_empty() {
        return None;
    }
    if let Some((one, other)) = laws.windows(2).map(|pair| (&pair[0], &pair[1])).find(|(a, b)| a.cost != b.cost) {
        let name = |law: &Law| law.cost.as_ref().map_or_else(|| "6 N D".to_owned(), |cost| format!("`{}`", cost.name));
        let message = format!(
            "the fits count compute in different ways, {} and {}: give them the same `cost`",
            name(one),
            name(other)
        );
        scope.error("bad-design", Place::Value(path.key("fit")), message);
        return None;
    }
    let judging = judging_of(scope, design, &laws, &path)?;
    let mut candidates = design.candidates.clone();
    let mut faults: Vec<(Vec<String>, String)> = Vec::new();
    for law in &laws {
        match design.candidates.named(&law.roles) {
            Ok(named) => candidates = named,
            Err(of_law) => {
                faults.extend(of_law.into_iter().map(|(key, message)| (keys(&["candidates", &key]), message)));
                break;
            }
        }
    }
    let pool = match &design.candidates.rows {
        Some(_) => Some(plan_pool(scope, &mut candidates, &laws, rows, &path.key("candidates"))?),
        None => None,
    };
    let settings = Settings {
        decide: design.decide.all().into_iter().cloned().collect(),
        budget: design.budget,
        machine: design.machine.clone(),
        candidates,
        limits: design.limits,
        rounds: design.rounds,
        discrepancy: design.discrepancy,
        seed: spec.study.seed,
    };
    faults.extend(limits_at_fault(&settings).into_iter().map(|(at, message)| (keys(&at), message)));
    let roles = &laws[0].roles;
    if settings.candidates.is_one_ray() && judging.iter().any(|judging| judging.question.member().splits(roles)) {
        let data = roles.data.as_deref().filter(|name| design.candidates.values.contains_key(*name));
        faults.push((
            keys(&["candidates", data.unwrap_or("data")]),
            "runs with a single ratio of data to parameters cannot show how to split compute: give a range, such as \"1 to 1000 per parameter\"".to_owned(),
        ));
    }
    faults.extend(held_at_fault(&settings.candidates.hold, &laws, pool.as_ref().map(|(_, columns)| *columns)));
    if let Some(size) = active_size(spec, &settings, &laws) {
        let message = format!("`{size}` counts active parameters, but the memory of the machine holds all of them");
        let warning = Diagnostic::warning("active-memory", Place::Key(path.clone()), message);
        scope.tell(warning.hint(
            "give all parameters over the active ones: `candidates = { total_per_active = 8 }`, or 1 to leave it so",
        ));
    }
    let is_sound = faults.is_empty();
    for (keys, message) in faults {
        let place = keys.iter().fold(path.clone(), |path, key| path.key(key));
        scope.tell(Diagnostic::error("bad-design", Place::Key(place), message));
    }
    if !is_sound {
        return None;
    }
    let results = design.results.iter().map(|written| External::File {
        path: scope.folder().join(written),
        name: written.clone(),
        most: MOST_BYTES,
    });
    let has_pool = pool.is_some();
    inputs.extend(pool.map(|(stage, _)| stage.gives_as("table", POOL.to_owned())));
    let stage = DesignRuns { laws, settings, judging, results: results.collect(), has_pool };
    Some(scope.stage(("designs", name), Arc::new(stage), inputs))
}

/// The model size, where it counts active parameters and nothing says how many there are in all.
fn active_size<'a>(spec: &Spec, settings: &Settings, laws: &'a [Arc<Law>]) -> Option<&'a str> {
    settings.machine.as_ref().filter(|_| settings.candidates.total_per_active.is_none())?;
    let size = laws.first()?.roles.size.as_deref()?;
    let mut columns = spec.sources.values().filter_map(|source| source.columns.get(size));
    let of_column = columns.any(|column| column.table().counts == Some(Counts::Active));
    let of_law = laws.iter().filter_map(|law| law.variables.iter().find(|v| v.name == size));
    (of_column || of_law.into_iter().any(|variable| variable.counts == Some(Counts::Active))).then_some(size)
}

/// The decisions as queries; `None` if one has an error.
fn judging_of(
    scope: &mut Scope<'_>,
    design: &spec::Design,
    laws: &[Arc<Law>],
    path: &SpecPath,
) -> Option<Vec<Judging>> {
    let path = path.key("decide");
    let several = matches!(design.decide, crate::design::Decisions::Many(_));
    let mut all = Vec::new();
    let mut is_sound = true;
    for (index, decide) in design.decide.all().into_iter().enumerate() {
        let path = if several { path.clone().then(Step::Index(index)) } else { path.clone() };
        let question = match check::one_question("a decision", &decide.questions, &Question::decisions(), &path) {
            Ok(question) => question.clone(),
            Err(error) => {
                scope.tell(*error);
                is_sound = false;
                continue;
            }
        };
        let weight = decide.weight.map_or(1.0, |weight| weight.0);
        if !(weight > 0.0 && weight.is_finite()) {
            scope.error("bad-design", Place::Value(path.key("weight")), "a weight must be positive");
            is_sound = false;
        }
        let path = path.key(question.name());
        for law in laws {
            for fault in question.member().check(law).err().into_iter().flatten() {
                let place = Place::Key(fault.key.map_or_else(|| path.clone(), |key| path.key(&key)));
                scope.tell(Diagnostic::error("bad-design", place, fault.message).hint_if(fault.hint));
                is_sound = false;
            }
        }
        all.push(Judging { question, weight });
    }
    (is_sound && !all.is_empty()).then_some(all)
}

/// The keys of a path.
fn keys(of: &[&str]) -> Vec<String> {
    of.iter().map(|key| (*key).to_owned()).collect()
}

/// Errors in `hold`: variables of a law without a value, and values that no law uses. `columns` are those of a table
/// of candidates.
fn held_at_fault(
    hold: &BTreeMap<String, Quantity>,
    laws: &[Arc<Law>],
    columns: Option<&Variables>,
) -> Vec<(Vec<String>, String)> {
    let is_known = |name: &str| hold.contains_key(name) || columns.is_some_and(|columns| columns.contains_key(name));
    let missing = laws.iter().flat_map(|law| {
        let names = held(law).into_iter().filter(|name| !is_known(name));
        names.map(|name| {
            let message =
                format!("`{name}` of the law `{}` has no value: write `hold = {{ {name} = ... }}`", law.formula);
            (keys(&["candidates"]), message)
        })
    });
    let unknown = hold.keys().filter(|name| !laws.iter().any(|law| held(law).contains(&name.as_str())));
    let unknown = unknown.map(|name| {
        (keys(&["candidates", "hold", name]), format!("no law of this design has a variable `{name}` to hold"))
    });
    missing.chain(unknown).collect()
}

/// Plans the table of candidates: its stage and its columns. The cost in `candidates` is written in canonical form.
fn plan_pool<'a>(
    scope: &mut Scope<'_>,
    candidates: &mut Candidates,
    laws: &[Arc<Law>],
    rows: &Listed<'a>,
    path: &SpecPath,
) -> Option<(StageIndex, &'a Variables)> {
    let name = candidates.rows.clone()?;
    ["filters", "sources", "tables"].iter().for_each(|table| scope.uses(table, &name));
    let Some((stage, columns)) = rows.get(&name) else {
        let known = rows.names();
        let tables = ["filters", "tables", "sources"];
        scope.unknown("filter, table or source", &name, &tables, Place::Value(path.key("rows")), &known);
        return None;
    };
    let before = scope.told();
    let decided: Vec<&str> = laws.iter().flat_map(|law| law.roles.decided()).collect();
    for (place, variable) in laws.iter().flat_map(|law| law.variables.iter().map(move |variable| (law, variable))) {
        let name = variable.name.as_str();
        let is_compute = *name == place.roles.compute;
        match columns.get(name) {
            None if decided.contains(&name) && !is_compute => {
                let message =
                    format!("the candidates have no column `{name}`, which the law `{}` needs", place.formula);
                let known: Vec<&str> = columns.keys().map(String::as_str).collect();
                scope.tell(
                    Diagnostic::error("bad-design", Place::Value(path.key("rows")), message).suggest(name, known),
                );
            }
            Some(Kind::Number) | None => (),
            Some(kind) => {
                let message =
                    format!("`{name}` of the candidates holds {}, and the law needs numbers", kind.describe());
                scope.error("bad-design", Place::Value(path.key("rows")), message);
            }
        }
    }
    match &candidates.cost {
        Some(cost) => {
            let parsed = check::expression(cost, &path.key("cost"), columns, Kind::Number);
            candidates.cost = scope.take(parsed).map(|cost| cost.to_string());
        }
        None if !laws.iter().all(|law| has_sizes(law)) => {
            let message = "the cost of the runs is unknown, because the law has not both model size and data: write \
                           `cost = \"6 * N * D\"` with an expression of the table's columns";
            scope.error("bad-design", Place::Key(path.clone()), message);
        }
        None => (),
    }
    if let Some(name) = candidates.name.as_ref().filter(|name| !columns.contains_key(*name)) {
        let message = format!("the candidates have no column `{name}`");
        let known: Vec<&str> = columns.keys().map(String::as_str).collect();
        scope.tell(Diagnostic::error("bad-design", Place::Value(path.key("name")), message).suggest(name, known));
    }
    (!scope.has_error_since(before)).then_some((stage, columns))
}

/// Whether a law has both a model size and data.
fn has_sizes(law: &Law) -> bool {
    let has = |name: &Option<String>| name.as_deref().is_some_and(|name| law.variable(name).is_some());
    has(&law.roles.size) && has(&law.roles.data)
}

/// Why a fit cannot be used in a design; `None` if it can.
fn unfit(name: &str, fit: &PlannedFit, design: &spec::Design) -> Option<String> {
    if fit.by.is_some() {
        Some(format!("the fit `{name}` has groups; a design needs a single fit: filter the rows of one group"))
    } else if fit.through.is_some() {
        Some(format!("the fit `{name}` takes a variable from another fit; write the design for that fit"))
    } else if fit.law.takes_schedule() {
        Some(format!(
            "the law `{}` depends on a learning-rate schedule, but designs choose runs by size and data only",
            fit.law.name
        ))
    } else if let Some(cost) =
        fit.law.cost.as_ref().filter(|_| design.candidates.cost.is_none() && !can_split(&fit.law.priced()))
    {
        Some(format!(
            "the cost `{}` (`{}`) of the fit `{name}` needs a model size and data, and the law `{}` has not both",
            cost.name,
            cost.formula(),
            fit.law.formula
        ))
    } else if fit.draws == 0 {
        Some(format!("the fit `{name}` has no `uncertainty`, which a design needs to predict what new runs would add"))
    } else {
        None
    }
}

/// Errors in budget, machine and limits, with their paths.
fn limits_at_fault(settings: &Settings) -> Vec<(Vec<&'static str>, String)> {
    let mut faults: Vec<(Vec<&'static str>, String)> = Vec::new();
    let (budget, limits) = (&settings.budget, &settings.limits);
    let given = [("FLOP", budget.flop), ("gpu_hours", budget.gpu_hours), ("usd", budget.usd)];
    if given.iter().all(|(_, value)| value.is_none()) {
        faults.push((vec!["budget"], "a budget needs `usd`, `gpu_hours` or `FLOP`".to_owned()));
    }
    let above_zero = |value: Quantity| value.0 > 0.0 && value.0.is_finite();
    for (key, _) in given.iter().filter(|(_, value)| value.is_some_and(|value| !above_zero(value))) {
        faults.push((vec!["budget", key], format!("`{key}` must be positive and finite")));
    }
    for (key, value) in [("hours", limits.hours), ("run_hours", limits.run_hours), ("run_FLOP", limits.run_flop)] {
        if value.is_some_and(|value| !above_zero(value)) {
            faults.push((vec!["limits", key], format!("`{key}` must be positive and finite")));
        }
    }
    let needs_hours =
        budget.gpu_hours.is_some() || budget.usd.is_some() || limits.hours.is_some() || limits.run_hours.is_some();
    match settings.machine.as_ref().map(Rate::of) {
        None if needs_hours => faults.push((
            vec!["machine"],
            "a budget in hours or money needs the machine: write `machine = { device = \"H100\", count = 64, \
             slots = 8 }`"
                .to_owned(),
        )),
        Some(Err((key, message))) => faults.push((vec!["machine", key], message)),
        Some(Ok(rate)) if budget.usd.is_some() && rate.price.is_none() => {
            faults.push((
                vec!["machine"],
                "a budget in dollars needs the `price` of one accelerator per hour".to_owned(),
            ));
        }
        _ => (),
    }
    if settings.rounds == 0 || settings.rounds > 100 {
        faults.push((vec!["rounds"], "`rounds` must be from 1 to 100".to_owned()));
    }
    if settings.discrepancy.scale.0 <= 0.0 {
        faults.push((
            vec!["discrepancy", "scale"],
            "`scale` must be positive, or `inf` if small runs count as much as large ones".to_owned(),
        ));
    }
    faults
}
