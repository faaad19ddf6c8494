//! Filters: ordered rules over the variables of a source.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check::{self, Variables};
use super::scope::{Rows, Scope, SourceStage};
use crate::diagnostic::{Diagnostic, Place, SpecPath, Step};
use crate::expr::Kind;
use crate::numeral::exact;
use crate::report::DescribedFilter;
use crate::spec;
use crate::stage::{Extreme, Filter, FilterRule, RuleKind};

pub(super) fn plan_filter<'a>(
    scope: &mut Scope<'_>,
    name: &str,
    filter: &'a spec::Filter,
    sources: &BTreeMap<&str, SourceStage>,
) -> Option<(Rows<'a>, DescribedFilter)> {
    let path = SpecPath::of(&["filters", name]);
    scope.uses("sources", &filter.source);
    scope.uses("tables", &filter.source);
    let Some(source) = sources.get(filter.source.as_str()) else {
        let known: Vec<&str> = sources.keys().copied().collect();
        let place = Place::Value(path.key("source"));
        scope.unknown("source or table", &filter.source, &["sources", "tables"], place, &known);
        return None;
    };
    let mut rules = Vec::new();
    for (index, rule) in filter.rules.iter().enumerate() {
        let place = path.key("rules").then(Step::Index(index));
        if let Some(kind) = rule_of(scope, rule, &place, &source.variables) {
            rules.push(FilterRule { kind, because: rule.because.clone() });
        }
    }
    let described = DescribedFilter {
        name: name.to_owned(),
        source: filter.source.clone(),
        rules: rules.iter().map(|r| (r.kind.describe(), r.because.clone())).collect(),
    };
    let stage = scope.stage(("filters", name), Arc::new(Filter { rules }), vec![source.stage.gives("table")]);
    Some((Rows { stage, source: &filter.source }, described))
}

fn rule_of(scope: &mut Scope<'_>, rule: &spec::Rule, path: &SpecPath, variables: &Variables) -> Option<RuleKind> {
    let given = [
        ("range", rule.range.is_some()),
        ("keep", rule.keep.is_some()),
        ("drop", rule.drop.is_some()),
        ("drop_highest", rule.drop_highest.is_some()),
        ("drop_lowest", rule.drop_lowest.is_some()),
        ("keep_highest", rule.keep_highest.is_some()),
        ("keep_lowest", rule.keep_lowest.is_some()),
    ];
    if let Some(error) = check::exactly_one("a rule", &given, Place::Value(path.clone())) {
        scope.tell(error);
        return None;
    }
    let drops = rule.drop_highest.is_some() || rule.drop_lowest.is_some();
    let keeps = rule.keep_highest.is_some() || rule.keep_lowest.is_some();
    if drops && rule.count.is_none() {
        scope.error("rule-count", Place::Value(path.clone()), "`count` is missing: the number of rows to drop");
        return None;
    }
    for (key, given) in [("count", rule.count.is_some()), ("by", !rule.by.is_empty())] {
        if given && !drops && !keeps {
            let message = format!("`{key}` applies only to rules that keep or drop the highest or lowest rows");
            scope.error("rule-count", Place::Key(path.key(key)), message);
            return None;
        }
    }
    for (index, name) in rule.by.iter().enumerate() {
        if !variables.contains_key(name) {
            let place = Place::Value(path.key("by").then(Step::Index(index)));
            let error = Diagnostic::error("unknown-variable", place, format!("there is no variable `{name}` here"));
            scope.tell(error.suggest(name, variables.keys().map(String::as_str).collect::<Vec<_>>()));
            return None;
        }
    }
    if let Some(ranges) = &rule.range {
        let before = scope.told();
        for (name, [low, high]) in ranges {
            let place = path.key("range").key(name);
            number_variable(scope, name, Place::Key(place.clone()), variables);
            if low.0 > high.0 {
                scope.error(
                    "empty-range",
                    Place::Value(place),
                    format!("the range of {name} ends at {}, below its start at {}", exact(high.0), exact(low.0)),
                );
            }
        }
        let ranges = ranges.iter().map(|(name, [low, high])| (name.clone(), [low.0, high.0])).collect();
        return (scope.told() == before).then_some(RuleKind::Range(ranges));
    }
    for (key, text) in [("keep", &rule.keep), ("drop", &rule.drop)] {
        if let Some(text) = text {
            let expr = scope.take(check::expression(text, &path.key(key), variables, Kind::Truth))?.to_string();
            return Some(if key == "keep" { RuleKind::Keep(expr) } else { RuleKind::Drop(expr) });
        }
    }
    let extremes = [
        ("drop_highest", &rule.drop_highest, RuleKind::DropHighest as fn(Extreme) -> RuleKind),
        ("drop_lowest", &rule.drop_lowest, RuleKind::DropLowest),
        ("keep_highest", &rule.keep_highest, RuleKind::KeepHighest),
        ("keep_lowest", &rule.keep_lowest, RuleKind::KeepLowest),
    ];
    let (key, name, kind) = extremes.into_iter().find_map(|(key, name, kind)| Some((key, name.clone()?, kind)))?;
    let known = number_variable(scope, &name, Place::Value(path.key(key)), variables);
    known.then(|| kind(Extreme { of: name, count: rule.count.unwrap_or(1), by: rule.by.clone() }))
}

fn number_variable(scope: &mut Scope<'_>, name: &str, place: Place, variables: &Variables) -> bool {
    match variables.get(name) {
        Some(kind) if kind.can_be(Kind::Number) => true,
        Some(_) => {
            scope.error("wrong-kind", place, format!("`{name}` holds texts, not numbers"));
            false
        }
        None => {
            let error = Diagnostic::error("unknown-variable", place, format!("there is no variable `{name}` here"));
            scope.tell(error.suggest(name, variables.keys().map(String::as_str).collect::<Vec<_>>()));
            false
        }
    }
}
