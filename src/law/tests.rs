use super::*;
use crate::numerics::Random;

fn law(formula: &str, variables: &[&str]) -> Law {
    let variables: Vec<Variable> = variables
        .iter()
        .map(|name| Variable { name: (*name).to_owned(), unit: None, meaning: None, counts: None })
        .collect();
    Law::from_formula("test", formula, &variables).unwrap()
}

struct Sum;

/// Sums the law's values, so that derivatives of the sum are sums of the law's derivatives.
impl Weigh for Sum {
    fn weigh(&self, _: usize, values: &[f64], weights: &mut Weights) {
        let n = values.len();
        weights.cost[..n].copy_from_slice(values);
        weights.first[..n].fill(1.0);
        weights.second[..n].fill(0.0);
    }
}

#[test]
fn every_law_of_the_catalogue_gives_its_check_values_to_all_printed_digits() {
    for entry in catalogue() {
        let law = entry.law().unwrap();
        for check in &entry.checks {
            let constants = &entry.constants[&check.constants];
            let parameters: Vec<f64> = law.parameters.iter().map(|p| constants.values[&p.name].0).collect();
            let variables: Vec<f64> = law.variables.iter().map(|v| check.at[&v.name].0).collect();
            let found = law.tape().value_at(&parameters, &variables);
            let digits = check.gives.split('.').nth(1).map_or(0, str::len);
            assert_eq!(format!("{found:.digits$}"), check.gives, "{} at {:?}", entry.name, check.at);
        }
    }
}

#[test]
fn derivatives_of_every_law_agree_with_differences() {
    let mut random = Random::new(1, "derivatives", 0);
    for entry in catalogue() {
        let law = entry.law().unwrap();
        let tape = law.tape();
        for _ in 0..20 {
            let theta: Vec<f64> =
                law.parameters.iter().map(|p| p.start[random.below(p.start.len())] * random.log_normal(0.1)).collect();
            let x: Vec<f64> = law.variables.iter().map(|_| 1e9 * random.log_normal(2.0)).collect();
            let columns: Vec<&[f64]> = x.chunks(1).collect();
            let bound = tape.bind(&columns, 1);
            let mut sums = Sums::default();
            tape.sum(&bound, &theta, Order::Hessian, &Sum, &mut Workspace::default(), &mut sums);
            let (value, gradient) = tape.gradient_at(&theta, &x);
            // The eight lanes of the block repeat the row.
            assert!((sums.cost - 8.0 * value).abs() <= 1e-14 * sums.cost.abs());
            for j in 0..theta.len() {
                let near = |step: f64| {
                    let mut moved = theta.clone();
                    moved[j] += step;
                    tape.gradient_at(&moved, &x)
                };
                // Five points: the error is of the fourth order.
                let h = 1e-4 * theta[j];
                let slope = (near(-2.0 * h).0 - 8.0 * near(-h).0 + 8.0 * near(h).0 - near(2.0 * h).0) / (12.0 * h);
                let scale = (value / theta[j]).abs().max(gradient[j].abs());
                assert!(
                    (gradient[j] - slope).abs() <= 1e-8 * scale,
                    "{} by {}: {} {slope}",
                    law.name,
                    law.parameters[j].name,
                    gradient[j]
                );
                assert!((sums.gradient[j] - 8.0 * gradient[j]).abs() <= 1e-12 * scale * 8.0);
                for k in 0..=j {
                    let curve = (near(-2.0 * h).1[k] - 8.0 * near(-h).1[k] + 8.0 * near(h).1[k] - near(2.0 * h).1[k])
                        / (12.0 * h);
                    let found = sums.hessian[j * (j + 1) / 2 + k] / 8.0;
                    let scale = found.abs().max((value / theta[j] / theta[k]).abs());
                    assert!(
                        (found - curve).abs() <= 1e-7 * scale,
                        "{} by {} and {}: {found} {curve}",
                        law.name,
                        law.parameters[j].name,
                        law.parameters[k].name
                    );
                }
            }
        }
    }
}

#[test]
fn slopes_by_variables_agree_with_differences() {
    let law = find("kaplan_nd").unwrap().law().unwrap();
    let (tape, theta) = (law.tape(), [1e10, 0.1, 0.12, 1e9]);
    let x = [1e9, 1e10];
    let (_, slopes) = tape.slope_at(&theta, &x);
    for j in 0..2 {
        let at = |factor: f64| {
            let mut moved = x;
            moved[j] *= factor;
            tape.value_at(&theta, &moved)
        };
        let slope = (at(1.0 + 1e-5) - at(1.0 - 1e-5)) / (2e-5 * x[j]);
        assert!((slopes[j] / slope - 1.0).abs() < 1e-6, "{} {slope}", slopes[j]);
    }
}

#[test]
fn fixed_and_tied_parameters_leave_the_free_ones() {
    let mut texts = BTreeMap::new();
    texts.insert("beta".to_owned(), ParameterText { tied: Some("2 * alpha".to_owned()), ..ParameterText::default() });
    texts.insert(
        "E".to_owned(),
        ParameterText { fixed: Some(crate::quantity::Quantity(1.5)), ..ParameterText::default() },
    );
    let law = law("L = E + A / N^alpha + B / D^beta", &["N", "D"]).with_parameters(&texts).unwrap();
    assert_eq!(law.free().iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["A", "alpha", "B"]);
    assert_eq!(law.complete(&[2.0, 0.5, 3.0]), [1.5, 2.0, 0.5, 3.0, 1.0]);
    let value = law.tape().value_at(&[2.0, 0.5, 3.0], &[16.0, 4.0]);
    assert!((value - (1.5 + 2.0 / 4.0 + 3.0 / 4.0)).abs() < 1e-14, "{value}");
}

#[test]
fn a_circle_of_ties_and_an_unknown_parameter_are_refused() {
    let tie = |to: &str| ParameterText { tied: Some(to.to_owned()), ..ParameterText::default() };
    let formula = "L = A / N^alpha + B / D^beta";
    let circle = BTreeMap::from([("alpha".to_owned(), tie("beta")), ("beta".to_owned(), tie("alpha"))]);
    let errors = law(formula, &["N", "D"]).with_parameters(&circle).unwrap_err();
    assert!(errors[0].message.contains("tied to itself"));
    let unknown = BTreeMap::from([("alpa".to_owned(), tie("beta"))]);
    let errors = law(formula, &["N", "D"]).with_parameters(&unknown).unwrap_err();
    assert_eq!(errors[0].hint.as_deref(), Some("did you mean `alpha`?"));
}

#[test]
fn a_symbol_like_a_variable_is_not_taken_for_a_parameter() {
    let variable = Variable { name: "N".to_owned(), unit: None, meaning: None, counts: None };
    let error = Law::from_formula("test", "L = E + A / n^alpha", &[variable]).unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("did you mean the variable `N`?"));
}

#[test]
fn blocks_of_any_length_sum_to_the_same_as_single_rows() {
    let law = find("hoffmann").unwrap().law().unwrap();
    let tape = law.tape();
    let theta = [1.7, 400.0, 0.34, 410.0, 0.28];
    let mut random = Random::new(3, "rows", 0);
    let n: Vec<f64> = (0..300).map(|_| 1e9 * random.log_normal(2.0)).collect();
    let d: Vec<f64> = (0..300).map(|_| 1e10 * random.log_normal(2.0)).collect();
    for rows in [1, 7, 8, 9, 127, 128, 129, 300] {
        let bound = tape.bind(&[&n[..rows], &d[..rows]], rows);
        let values = tape.values(&bound, &theta);
        assert_eq!(values.len(), rows);
        for row in 0..rows {
            assert_eq!(values[row].to_bits(), tape.value_at(&theta, &[n[row], d[row]]).to_bits());
        }
    }
}
