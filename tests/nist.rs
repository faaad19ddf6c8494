//! The nonlinear regression problems of the NIST Statistical Reference Datasets, with solutions certified to eleven
//! digits.

use std::collections::BTreeMap;

use lawfit::law::{Law, ParameterText, Variable};
use lawfit::objective::{LeastSquares, Objective, ResponseScale};
use lawfit::problem::Problem;
use lawfit::search::{Search, from_listed, search};
use lawfit::solver::Solver;
use lawfit::watch::Watch;
use rayon::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    formula: String,
    #[serde(default = "raw")]
    on: ResponseScale,
    squares: f64,
    certified: BTreeMap<String, f64>,
    first: BTreeMap<String, f64>,
    second: BTreeMap<String, f64>,
    #[serde(flatten)]
    columns: BTreeMap<String, Vec<f64>>,
}

fn raw() -> ResponseScale {
    ResponseScale::Raw
}

fn references() -> BTreeMap<String, Reference> {
    toml::from_str(include_str!("nist.toml")).unwrap()
}

impl Reference {
    /// The law as a user would write it: only its formula.
    fn law(&self) -> Law {
        let plain = |name: &String| Variable { name: name.clone(), unit: None, meaning: None, counts: None };
        let variables: Vec<Variable> = self.columns.keys().filter(|name| *name != "y").map(plain).collect();
        Law::from_formula("reference", &self.formula, &variables).unwrap()
    }

    fn problem(&self, law: &Law) -> Problem {
        let objective = Objective::LeastSquares(LeastSquares { on: self.on });
        let columns: Vec<&[f64]> = law.variables.iter().map(|v| self.columns[&v.name].as_slice()).collect();
        Problem::new(law, &objective, &columns, &self.columns["y"], None)
    }

    /// What differs between the best optimum and the certified one beyond six digits; empty if nothing.
    fn mistakes(&self, law: &Law, problem: &Problem, found: &Search) -> Vec<String> {
        let Some(best) = found.optima.first() else { return vec!["no optimum".to_owned()] };
        let values = problem.parameters(&best.point);
        let pairs = law.free().into_iter().zip(values).map(|(p, value)| (&p.name, value, self.certified[&p.name]));
        let wrong = pairs.filter(|(_, value, certified)| (value / certified - 1.0).abs() > 1e-6);
        let mut mistakes: Vec<String> =
            wrong.map(|(name, value, known)| format!("{name} {value} for {known}")).collect();
        let squares: f64 = problem.residuals(&best.point).iter().map(|residual| residual * residual).sum();
        // The certified residual of Lanczos1 is only the rounding of its observations.
        if (squares / self.squares - 1.0).abs() > 1e-6 && squares > 1e-20 {
            mistakes.push(format!("the squares sum up to {squares:e} for {:e}", self.squares));
        }
        mistakes
    }
}

fn none_is_wrong(mistakes: impl Fn(&Reference) -> Vec<String> + Sync) {
    let references = references();
    assert_eq!(references.len(), 27);
    let wrong: Vec<String> = references
        .par_iter()
        .flat_map_iter(|(name, reference)| mistakes(reference).into_iter().map(move |text| format!("{name}: {text}")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_certified_values_are_found_from_the_formula_alone() {
    none_is_wrong(|reference| {
        let law = reference.law();
        let problem = reference.problem(&law);
        let found = search(&problem, &law, Solver::default(), &Watch::NOBODY).unwrap();
        reference.mistakes(&law, &problem, &found)
    });
}

#[test]
fn all_certified_values_are_found_from_either_official_start_alone() {
    none_is_wrong(|reference| {
        let of_start = |start: &BTreeMap<String, f64>| {
            let text = |value: &f64| {
                let start = serde_json::from_value(serde_json::json!(value)).unwrap();
                ParameterText { start: Some(start), ..ParameterText::default() }
            };
            let texts = start.iter().map(|(name, value)| (name.clone(), text(value))).collect();
            let law = reference.law().with_parameters(&texts).unwrap();
            let problem = reference.problem(&law);
            let found = from_listed(&problem, &law, Solver::default(), &Watch::NOBODY).unwrap();
            reference.mistakes(&law, &problem, &found)
        };
        [&reference.first, &reference.second].into_iter().flat_map(of_start).collect()
    });
}
