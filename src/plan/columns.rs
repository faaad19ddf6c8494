//! The columns of a source: variables from its files, and expressions of them.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{self, Variables};
use super::scope::Scope;
use super::used;
use crate::diagnostic::{Diagnostic, Place, SpecPath};
use crate::expr::{Expr, Kind};
use crate::report::DescribedVariable;
use crate::schedule::{KNOTS, PER_KNOT, SUMS};
use crate::source::{ColumnKind, Reading};
use crate::spec;
use crate::stage::{ColumnOrigin, IngestColumn};

/// The columns in an order in which each expression stands after what it uses.
pub(super) fn columns_of(
    scope: &mut Scope<'_>,
    source: &spec::Source,
    path: &SpecPath,
) -> Option<(Vec<IngestColumn>, Variables)> {
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
pub(super) fn described_variables(
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
pub(super) fn of_schedule(schedule: &spec::Schedule) -> impl Iterator<Item = DescribedVariable> {
    let from = format!("the schedule of {} by {}", schedule.rate, schedule.step);
    let described =
        move |name: &str, from: String| DescribedVariable { name: name.to_owned(), from, unit: None, counts: None };
    let at_knots = format!("{KNOTS} knots of {from}");
    let sums = SUMS.iter().map(move |(name, _)| described(name, from.clone()));
    sums.chain(PER_KNOT.iter().map(move |(name, _)| described(name, at_knots.clone())))
}
