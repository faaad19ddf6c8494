//! Sensitivity: a fit made in other ways, and its answers again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compile::{Compiler, PlannedFit, PlannedQuery, Rows, SourceStage};
use crate::diagnostic::{Place, Severity, SpecPath, Step};
use crate::law::Law;
use crate::query::Question;
use crate::report::{DescribedVariation, VariedQuery};
use crate::spec::{self, Spec};
use crate::stage::Extrapolate;

/// A fit with one choice made differently.
struct Variation {
    /// The choice in words.
    choice: String,
    /// The key of the choice, and its place in the list.
    key: (&'static str, usize),
    fit: spec::Fit,
}

/// An artifact that the report takes: its stage, its role there, its role in the report.
type Taken = (usize, &'static str, String);

/// What a plan has before fits are varied.
pub(super) struct Planned<'a> {
    pub(super) spec: &'a Spec,
    pub(super) sources: &'a BTreeMap<&'a str, SourceStage>,
    pub(super) filters: &'a BTreeMap<&'a str, Rows<'a>>,
    pub(super) laws: &'a BTreeMap<String, Arc<Law>>,
    pub(super) fits: &'a BTreeMap<&'a str, PlannedFit>,
    pub(super) queries: &'a BTreeMap<&'a str, PlannedQuery>,
}

impl Compiler<'_> {
    /// Plans every variation; gives them in words, and the artifacts that the report takes.
    pub(super) fn sensitivity(&mut self, planned: &Planned<'_>) -> (Vec<DescribedVariation>, Vec<Taken>) {
        let (mut described, mut inputs) = (Vec::new(), Vec::new());
        for (name, sensitivity) in &planned.spec.sensitivity {
            let path = SpecPath::of(&["sensitivity", name]);
            let Some(fit) = planned.spec.fits.get(name) else {
                let known: Vec<&str> = planned.fits.keys().copied().collect();
                self.unknown("fit", name, &["fits"], Place::Key(path), &known);
                continue;
            };
            let asked: Vec<(&str, &Question)> = planned
                .queries
                .iter()
                .filter(|(query, _)| {
                    planned.spec.queries.get(**query).is_some_and(|q| q.fit == *name && q.forecast.is_none())
                })
                .map(|(query, planned)| (*query, &planned.question))
                .filter(|(_, question)| question.kind().other().is_none())
                .collect();
            if asked.is_empty() || fit.rows.is_none() || !fit.through.is_empty() || !fit.share.is_empty() {
                let message = format!("the fit `{name}` has no answers that could move");
                self.error("no-answers", Place::Key(path), message)
                    .hints
                    .push("sensitivity is of the queries put to a fit that has rows, goes through no other one and shares nothing among groups".to_owned());
                continue;
            }
            if let Some(by) = fit.by.as_ref().filter(|_| !sensitivity.leave_out.is_empty()) {
                let message = format!("the fit `{name}` has groups by `{by}`, from which no others are left out");
                self.error("bad-leave-out", Place::Key(path.key("leave_out")), message)
                    .hints
                    .push("name what is left out by conditions: without = [\"family == 'a'\"]".to_owned());
                continue;
            }
            for variation in variations(fit, sensitivity) {
                let place = path.key(variation.key.0).then(Step::Index(variation.key.1));
                let found = self.vary(name, &variation, &asked, planned, &place);
                let Some((variation, answers)) = found else { continue };
                inputs.extend(answers);
                described.push(variation);
            }
        }
        (described, inputs)
    }

    fn vary(
        &mut self,
        name: &str,
        variation: &Variation,
        asked: &[(&str, &Question)],
        planned: &Planned<'_>,
        place: &SpecPath,
    ) -> Option<(DescribedVariation, Vec<Taken>)> {
        let Planned { spec, sources, filters, laws, .. } = planned;
        let (key, index) = variation.key;
        let own = format!("{name}[{key}={}]", index + 1);
        let before = self.diagnostics.len();
        let fitted = self.fit(&own, &variation.fit, spec, sources, filters, laws);
        // What was wrong stands where the choice does; warnings were given with the fit itself.
        let mut new = self.diagnostics.split_off(before);
        new.retain(|diagnostic| diagnostic.severity == Severity::Error);
        new.iter_mut().for_each(|diagnostic| diagnostic.place = Place::Value(place.clone()));
        self.diagnostics.extend(new);
        let (fit, law, _) = fitted?;
        let (mut queries, mut inputs) = (Vec::new(), Vec::new());
        for (query, question) in asked {
            // A law without the variables has no answer, which the report shows as such.
            let law = question.law(&law);
            if question.kind().check(&law).is_err() {
                continue;
            }
            let role = format!("varied.{own}.{query}");
            let stage = Extrapolate {
                law: law.clone(),
                question: (*question).clone(),
                through: None,
                other: None,
                forecast: None,
                stack: Vec::new(),
                groups: spec.queries.get(*query).map(spec::Query::groups).unwrap_or_default(),
                seed: spec.study.seed,
            };
            let needs = [(fit, "fit", "fit".to_owned()), (fit, "draws", "draws".to_owned())];
            let id = format!("{query}[{key}={}]", index + 1);
            let stage = self.stage("extrapolate", Some(("queries", &id)), Arc::new(stage), &needs);
            inputs.push((stage, "answer", role.clone()));
            queries.push(VariedQuery { query: (*query).to_owned(), role });
        }
        let choice = variation.choice.clone();
        let leave_out = variation.fit.leave_out;
        Some((DescribedVariation { fit: name.to_owned(), choice, leave_out, queries }, inputs))
    }
}

/// Every choice made differently, one at a time; without intervals, which the fit itself has.
fn variations(fit: &spec::Fit, sensitivity: &spec::Sensitivity) -> Vec<Variation> {
    let plain = spec::Fit { varied: true, uncertainty: None, backtest: None, alternatives: Vec::new(), ..fit.clone() };
    let mut all = Vec::new();
    for (index, objective) in sensitivity.objectives.iter().enumerate() {
        let fit = spec::Fit { objective: objective.clone(), ..plain.clone() };
        all.push(Variation { choice: objective.describe(), key: ("objectives", index), fit });
    }
    for (index, law) in sensitivity.laws.iter().enumerate() {
        let fit = spec::Fit { law: law.clone(), ..plain.clone() };
        all.push(Variation { choice: format!("law {law}"), key: ("laws", index), fit });
    }
    for (index, rows) in sensitivity.rows.iter().enumerate() {
        let fit = spec::Fit { rows: Some(rows.clone()), ..plain.clone() };
        all.push(Variation { choice: format!("rows {rows}"), key: ("rows", index), fit });
    }
    for (index, condition) in sensitivity.without.iter().enumerate() {
        let held = fit.holdout.as_ref().map_or_else(|| condition.clone(), |own| format!("({own}) or ({condition})"));
        let fit = spec::Fit { holdout: Some(held), ..plain.clone() };
        all.push(Variation { choice: format!("without {condition}"), key: ("without", index), fit });
    }
    for (index, column) in sensitivity.leave_out.iter().enumerate() {
        let fit = spec::Fit { by: Some(column.clone()), leave_out: true, ..plain.clone() };
        all.push(Variation { choice: format!("without {column}"), key: ("leave_out", index), fit });
    }
    all
}
