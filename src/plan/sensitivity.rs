//! Sensitivity: refits with one choice changed, and their answers.

use std::sync::Arc;

use super::fits::{FitPlan, Grouping, OnEmpty, plan_fit};
use super::graph::Input;
use super::queries::limits_of;
use super::scope::{Planned, Scope};
use crate::diagnostic::{Place, Severity, SpecPath, Step};
use crate::query::Question;
use crate::report::{DescribedVariation, VariedQuery};
use crate::spec;
use crate::stage::Extrapolate;

/// A fit with one choice changed.
struct Variation {
    /// The choice in words.
    choice: String,
    /// The key of the choice and its index in the list.
    key: (&'static str, usize),
    fit: FitPlan,
}

/// Plans every variation; gives them in words, and the artifacts that the report takes.
pub(super) fn plan_sensitivity(scope: &mut Scope<'_>, planned: &Planned<'_>) -> (Vec<DescribedVariation>, Vec<Input>) {
    let (mut described, mut inputs) = (Vec::new(), Vec::new());
    for (name, sensitivity) in &planned.spec.sensitivity {
        let path = SpecPath::of(&["sensitivity", name]);
        let Some(fit) = planned.spec.fits.get(name) else {
            let known: Vec<&str> = planned.fits.keys().copied().collect();
            scope.unknown("fit", name, &["fits"], Place::Key(path), &known);
            continue;
        };
        let asked: Vec<(&str, &Question)> = planned
            .queries
            .iter()
            .filter(|(query, _)| {
                planned.spec.queries.get(**query).is_some_and(|q| q.fit == *name && q.forecast.is_none())
            })
            .map(|(query, planned)| (*query, &planned.question))
            .filter(|(_, question)| question.member().other().is_none())
            .collect();
        // The query or its fit has an error of its own.
        let is_of_fit = |query: &spec::Query| query.fit == *name;
        let is_planned = |(query, _): &(&String, &spec::Query)| planned.queries.contains_key(query.as_str());
        if planned.spec.queries.iter().filter(|(_, query)| is_of_fit(query)).any(|query| !is_planned(&query)) {
            continue;
        }
        if asked.is_empty() || fit.rows.is_none() || !fit.through.is_empty() || !fit.share.is_empty() {
            let message = format!("the fit `{name}` has no queries whose answers sensitivity could compare");
            scope.error("no-answers", Place::Key(path), message)
                .hints
                .push("sensitivity needs a fit with rows and queries; the fit must not take a variable from another fit and must not share parameters among groups".to_owned());
            continue;
        }
        if let Some(by) = fit.by.as_ref().filter(|_| !sensitivity.leave_out.is_empty()) {
            let message = format!("the fit `{name}` already has groups by `{by}`, so `leave_out` cannot make others");
            scope
                .error("bad-leave-out", Place::Key(path.key("leave_out")), message)
                .hints
                .push("leave rows out by a condition instead: without = [\"family == 'a'\"]".to_owned());
            continue;
        }
        for variation in variations(fit, sensitivity) {
            let place = path.key(variation.key.0).then(Step::Index(variation.key.1));
            let found = plan_variation(scope, name, &variation, &asked, planned, &place);
            let Some((variation, answers)) = found else { continue };
            inputs.extend(answers);
            described.push(variation);
        }
    }
    (described, inputs)
}

fn plan_variation(
    scope: &mut Scope<'_>,
    name: &str,
    variation: &Variation,
    asked: &[(&str, &Question)],
    planned: &Planned<'_>,
    place: &SpecPath,
) -> Option<(DescribedVariation, Vec<Input>)> {
    let Planned { spec, sources, filters, laws, .. } = planned;
    let (key, index) = variation.key;
    let own = format!("{name}[{key}={}]", index + 1);
    let before = scope.told();
    let fitted = plan_fit(scope, &own, &variation.fit, spec, sources, filters, laws);
    // Errors are reported at the choice; warnings were given with the fit itself.
    let mut new = scope.take_back(before);
    new.retain(|diagnostic| diagnostic.severity == Severity::Error);
    new.iter_mut().for_each(|diagnostic| diagnostic.place = Place::Value(place.clone()));
    scope.tell_all(new);
    let (fit, law, ..) = fitted?;
    let (mut queries, mut inputs) = (Vec::new(), Vec::new());
    for (query, question) in asked {
        // A law without the variables has no answer; the report says so.
        let law = question.law(&law);
        if question.member().check(&law).is_err() {
            continue;
        }
        let written = spec.queries.get(*query);
        let Ok(limits) = written.map_or(Ok(None), |written| limits_of(query, written, question, &law)) else {
            continue;
        };
        let role = format!("varied.{own}.{query}");
        let stage = Extrapolate {
            law: law.clone(),
            question: (*question).clone(),
            through: None,
            other: None,
            forecast: None,
            stacked: Vec::new(),
            limits,
            groups: written.map(spec::Query::groups).unwrap_or_default(),
            seed: spec.study.seed,
        };
        let needs = vec![fit.gives("fit"), fit.gives("draws")];
        let id = format!("{query}[{key}={}]", index + 1);
        let stage = scope.stage(("queries", &id), Arc::new(stage), needs);
        inputs.push(stage.gives_as("answer", role.clone()));
        queries.push(VariedQuery { query: (*query).to_owned(), role });
    }
    let choice = variation.choice.clone();
    let leave_out = variation.fit.leaves_out();
    Some((DescribedVariation { fit: name.to_owned(), choice, leave_out, queries }, inputs))
}

/// All variations, each with one choice changed. They have no intervals; the fit itself has them.
fn variations(fit: &spec::Fit, sensitivity: &spec::Sensitivity) -> Vec<Variation> {
    let plain = spec::Fit { uncertainty: None, shards: None, backtest: None, alternatives: Vec::new(), ..fit.clone() };
    let varied = |fit: spec::Fit| FitPlan { on_empty: OnEmpty::NoValues, ..FitPlan::of(&fit) };
    let mut all = Vec::new();
    for (index, objective) in sensitivity.objectives.iter().enumerate() {
        let fit = varied(spec::Fit { objective: objective.clone(), ..plain.clone() });
        all.push(Variation { choice: objective.describe(), key: ("objectives", index), fit });
    }
    for (index, law) in sensitivity.laws.iter().enumerate() {
        let fit = varied(spec::Fit { law: law.clone(), ..plain.clone() });
        all.push(Variation { choice: format!("law {law}"), key: ("laws", index), fit });
    }
    for (index, rows) in sensitivity.rows.iter().enumerate() {
        let fit = varied(spec::Fit { rows: Some(rows.clone()), ..plain.clone() });
        all.push(Variation { choice: format!("rows {rows}"), key: ("rows", index), fit });
    }
    for (index, condition) in sensitivity.without.iter().enumerate() {
        let held = fit.holdout.as_ref().map_or_else(|| condition.clone(), |own| format!("({own}) or ({condition})"));
        let fit = varied(spec::Fit { holdout: Some(held), ..plain.clone() });
        all.push(Variation { choice: format!("without {condition}"), key: ("without", index), fit });
    }
    for (index, column) in sensitivity.leave_out.iter().enumerate() {
        let fit = FitPlan { grouping: Grouping::LeaveOut(column.clone()), ..varied(plain.clone()) };
        all.push(Variation { choice: format!("without {column}"), key: ("leave_out", index), fit });
    }
    all
}
