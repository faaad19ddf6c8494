//! Laws and fits: a law, the rows it takes, how it is fitted.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check;
use super::compile::{Compiler, Rows, SourceStage};
use super::laws;
use crate::diagnostic::{Diagnostic, Place, Severity, SpecPath};
use crate::expr::Kind;
use crate::law::Law;
use crate::report::DescribedFit;
use crate::source::Missing;
use crate::spec::{self, Spec};
use crate::stage::FitLaw;
use crate::uncertainty::Uncertainty;

impl Compiler<'_> {
    pub(super) fn laws(&mut self, spec: &Spec, sources: &BTreeMap<&str, SourceStage>) -> BTreeMap<String, Law> {
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

    pub(super) fn fit(
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

    pub(super) fn fit_without_rows(
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
    pub(super) fn law_takes(&mut self, law: &Law, source: &SourceStage, law_name: &str, path: &SpecPath) {
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

    pub(super) fn check_methods(&mut self, fit: &spec::Fit, path: &SpecPath) {
        for (key, value) in fit.objective.wrong_settings() {
            let place = Place::Value(path.key("objective").key(fit.objective.kind()).key(key));
            self.error("bad-setting", place, format!("`{key}` is {value}; it is above zero and finite"));
        }
        if let Some(method) = fit.uncertainty.as_ref().map(Uncertainty::method) {
            let path = path.key("uncertainty").key(method.name());
            let level = method.level();
            let (count_key, count) = method.count();
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
}
