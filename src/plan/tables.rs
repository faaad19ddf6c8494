//! Tables: processing steps between a source and its uses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::limits::file_limits;
use super::scope::{Scope, SourceStage};
use crate::diagnostic::{Diagnostic, Place, SpecPath, Step as PathStep};
use crate::report::DescribedTable;
use crate::spec::{self, Spec};
use crate::stage::Tabulate;
use crate::table::Variables;

/// Plans the tables whose rows are available. Each planned table is then available as a source.
pub(super) fn plan_tables<'a>(
    scope: &mut Scope<'_>,
    spec: &'a Spec,
    sources: &mut BTreeMap<&'a str, SourceStage>,
    done: &mut BTreeSet<&'a str>,
) -> Vec<DescribedTable> {
    let mut described = Vec::new();
    loop {
        let ready = spec.tables.iter().find(|(name, table)| {
            let name = name.as_str();
            !done.contains(name) && needs(table).all(|needed| sources.contains_key(needed))
        });
        let Some((name, table)) = ready else { return described };
        done.insert(name);
        if spec.sources.contains_key(name) {
            let message = format!("there is already a source `{name}`");
            scope
                .error("taken-name", Place::Key(SpecPath::of(&["tables", name])), message)
                .hints
                .push("give the table another name".to_owned());
            continue;
        }
        if let Some((stage, table)) = plan_table(scope, name, table, sources) {
            sources.insert(name, stage);
            described.push(table);
        }
    }
}

/// Records errors for tables whose rows never became available.
pub(super) fn tables_left<'a>(
    scope: &mut Scope<'_>,
    spec: &'a Spec,
    sources: &BTreeMap<&'a str, SourceStage>,
    done: &BTreeSet<&'a str>,
) {
    let known: Vec<&str> = sources.keys().copied().collect();
    for (name, table) in spec.tables.iter().filter(|(name, _)| !done.contains(name.as_str())) {
        let path = SpecPath::of(&["tables", name]);
        let mut circle = Vec::new();
        for needed in needs(table).filter(|needed| !sources.contains_key(needed)) {
            let place = Place::Key(path.clone());
            scope.uses("sources", needed);
            if spec.tables.contains_key(needed) {
                circle.push(needed);
            } else if spec.filters.contains_key(needed) {
                let message = format!("`{needed}` is a filter, and a table reads sources and tables");
                scope.error("unknown-name", place, message).hints.push(
                    "put the conditions into steps of the table: `{ keep = \"...\" }`, `{ drop = \"...\" }`".to_owned(),
                );
            } else {
                scope.unknown("source or table", needed, &["sources", "tables"], place, &known);
            }
        }
        if let [first, ..] = circle.as_slice()
            && !done.contains(first)
        {
            let message =
                format!("the table `{name}` needs `{first}`, which is missing or depends on the table itself");
            scope.error("circular-tables", Place::Key(path), message);
        }
    }
}

fn plan_table(
    scope: &mut Scope<'_>,
    name: &str,
    table: &spec::Table,
    sources: &BTreeMap<&str, SourceStage>,
) -> Option<(SourceStage, DescribedTable)> {
    let path = SpecPath::of(&["tables", name]);
    let from = sources.get(table.from.as_str())?;
    needs(table).for_each(|needed| {
        scope.uses("sources", needed);
        scope.uses("tables", needed);
    });
    let mut variables: Variables = from.variables.clone();
    let mut columns = from.columns.clone();
    let mut inputs = vec![from.stage.gives("table")];
    for (index, step) in table.steps.iter().enumerate() {
        let place = path.key("steps").then(PathStep::Index(index)).key(step.name());
        let other = step.member().other().and_then(|other| sources.get(other));
        let nothing = Variables::new();
        match step.member().variables(&variables, other.map_or(&nothing, |other| &other.variables)) {
            Ok(after) => variables = after,
            Err(fault) => {
                let place = fault.key.map_or_else(|| place.clone(), |key| place.key(key));
                scope.tell(Diagnostic::error("bad-step", Place::Value(place), fault.message).hint_if(fault.hint));
                return None;
            }
        }
        if let Some(other) = other {
            columns.extend(other.columns.iter().map(|(name, column)| (name.clone(), column.clone())));
            inputs.push(other.stage.gives_as("table", Tabulate::role(index)));
        }
        step.member().redefined().into_iter().for_each(|name| drop(columns.remove(name)));
    }
    columns.retain(|name, _| variables.contains_key(name));
    set_units(scope, table, &variables, &mut columns, &path.key("units"));
    let described = DescribedTable {
        name: name.to_owned(),
        from: table.from.clone(),
        steps: table.steps.iter().map(|step| (step.name().to_owned(), step.member().describe())).collect(),
    };
    let (files, has_schedule) = (from.files.clone(), from.has_schedule);
    let missing = from.missing;
    let stage = Arc::new(Tabulate { steps: table.steps.clone(), most: file_limits(scope).values });
    let stage = scope.stage(("tables", name), stage, inputs);
    Some((SourceStage { stage, variables, has_schedule, described: None, files, missing, columns }, described))
}

/// Records the units of a table's variables. Values are in base units, so a declared unit must be one.
fn set_units(
    scope: &mut Scope<'_>,
    table: &spec::Table,
    variables: &Variables,
    columns: &mut BTreeMap<String, spec::ColumnTable>,
    path: &SpecPath,
) {
    for (name, unit) in &table.units {
        if !variables.contains_key(name) {
            let error = Diagnostic::error(
                "unknown-variable",
                Place::Key(path.key(name)),
                format!("the table has no variable `{name}`"),
            );
            scope.tell(error.suggest(name, variables.keys().map(String::as_str).collect::<Vec<_>>()));
        } else if unit.size != 1.0 {
            scope
                .error(
                    "bad-unit",
                    Place::Value(path.key(name)),
                    format!("values of tables must be in {}", unit.stored()),
                )
                .hints
                .push("convert them in the source or in a `derive` step".to_owned());
        } else {
            columns.entry(name.clone()).or_default().unit = Some(*unit);
        }
    }
}

/// The sources and tables that a table uses.
fn needs(table: &spec::Table) -> impl Iterator<Item = &str> {
    let others = table.steps.iter().filter_map(|step| step.member().other());
    std::iter::once(table.from.as_str()).chain(others)
}
