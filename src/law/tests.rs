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

/// Sums the values of a law, so that derivatives of the sum are sums of the law's derivatives.
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
            let (constants, inputs) = (&entry.constants[&check.constants], check.inputs());
            let parameters: Vec<f64> = law.parameters.iter().map(|p| constants.values[&p.name].0).collect();
            let variables: Vec<f64> = law.variables.iter().map(|v| inputs[&v.name]).collect();
            let found = law.tape().value_at(&parameters, &variables);
            let mantissa = check.gives.split('e').next().unwrap();
            let digits = mantissa.trim_start_matches(['0', '.']).chars().filter(char::is_ascii_digit).count();
            let shown = |value: f64| format!("{value:.*e}", digits - 1);
            assert_eq!(shown(found), shown(check.gives.parse().unwrap()), "{} at {:?}", entry.name, check.at);
        }
    }
}

#[test]
fn derivatives_of_every_law_agree_with_differences() {
    let mut random = Random::new(1, "derivatives", 0);
    for entry in catalogue() {
        let law = entry.law().unwrap();
        for _ in 0..20 {
            let theta: Vec<f64> =
                law.free().iter().map(|p| p.start[random.below(p.start.len())] * random.log_normal(0.1)).collect();
            let x: Vec<f64> = law.variables.iter().map(|v| entry.example(v) * random.log_normal(0.3)).collect();
            agree_with_differences(&law, &theta, &x);
        }
    }
}

#[test]
fn derivatives_of_every_function_agree_with_differences() {
    let mut random = Random::new(1, "functions", 0);
    for (function, name, arguments) in Function::ALL {
        // Functions of texts and sums have no derivative.
        let of_numbers = !matches!(function, Function::SumOverKnots | Function::Number);
        if arguments != Some(1) || !of_numbers {
            continue;
        }
        let law = law(&format!("y = a * {name}(b * x + c)"), &["x"]);
        for _ in 0..20 {
            let theta: Vec<f64> = (0..3).map(|_| 0.2 + random.uniform()).collect();
            agree_with_differences(&law, &theta, &[0.2 + random.uniform()]);
        }
    }
}

#[test]
fn whole_powers_of_either_sign_are_products() {
    for (power, x) in [(2, -3.0_f64), (4, -1.5), (5, -1.5), (-2, -4.0), (-3, -0.5), (7, 2.0)] {
        let value = law(&format!("y = (x - m)^{power}"), &["x"]).tape().value_at(&[0.25], &[x]);
        let product = (0..i32::abs(power)).fold(1.0, |product, _| product * (x - 0.25));
        let expected = if power < 0 { 1.0 / product } else { product };
        assert!((value / expected - 1.0).abs() < 1e-14, "{x}^{power}: {value}");
    }
}

/// Asserts that the gradient and the Hessian of a law at a point agree with finite differences.
fn agree_with_differences(law: &Law, theta: &[f64], x: &[f64]) {
    let tape = law.tape();
    let columns: Vec<&[f64]> = x.chunks(1).collect();
    let bound = tape.bind(&columns, 1);
    let mut sums = Sums::default();
    tape.sum(&bound, theta, Order::Hessian.into(), &Sum, &mut Workspace::default(), &mut sums);
    let (value, gradient) = tape.gradient_at(theta, x);
    // The eight lanes of the block repeat the row.
    assert!((sums.cost - 8.0 * value).abs() <= 1e-14 * sums.cost.abs());
    for j in 0..theta.len() {
        let near = |step: f64| {
            let mut moved = theta.to_vec();
            moved[j] += step;
            tape.gradient_at(&moved, x)
        };
        // A five-point formula with an error of fourth order.
        let size = |j: usize| if law.free()[j].scale == Scale::Log { theta[j] } else { theta[j].abs().max(0.1) };
        let h = 1e-4 * size(j);
        let slope = (near(-2.0 * h).0 - 8.0 * near(-h).0 + 8.0 * near(h).0 - near(2.0 * h).0) / (12.0 * h);
        let scale = (value.abs().max(0.01) / size(j)).abs().max(gradient[j].abs()) + 1e-30;
        assert!(
            (gradient[j] - slope).abs() <= 1e-8 * scale,
            "{} by {}: {} {slope}",
            law.formula,
            law.free()[j].name,
            gradient[j]
        );
        assert!((sums.gradient[j] - 8.0 * gradient[j]).abs() <= 1e-12 * scale * 8.0);
        for k in 0..=j {
            let curve =
                (near(-2.0 * h).1[k] - 8.0 * near(-h).1[k] + 8.0 * near(h).1[k] - near(2.0 * h).1[k]) / (12.0 * h);
            let found = sums.hessian[j * (j + 1) / 2 + k] / 8.0;
            let scale = found.abs().max((value.abs().max(0.01) / size(j) / size(k)).abs()) + 1e-30;
            assert!(
                (found - curve).abs() <= 1e-7 * scale,
                "{} by {} and {}: {found} {curve}",
                law.formula,
                law.free()[j].name,
                law.free()[k].name
            );
        }
    }
}

#[test]
fn a_variable_outside_logarithms_and_denominators_may_have_any_value() {
    let annealing = find("lr_annealing").unwrap().law().unwrap();
    let takes = |law: &Law, name: &str| {
        let Takes { zero, negative } = law.takes(law.variable(name).unwrap());
        (zero, negative)
    };
    assert_eq!((takes(&annealing, "S1"), takes(&annealing, "S2")), ((false, false), (true, true)));
    for (formula, expected) in [
        ("y = a + b * exp(-x * k / 1.6e-16)", (true, true)),
        ("y = a * x^b", (true, false)),
        ("y = a * x * (1 - b * ln(x))", (true, false)),
        ("y = a * exp(-(x / tau)^b)", (true, false)),
        ("y = a + b * ln(x)", (false, false)),
        ("y = a * x^-b", (false, false)),
        ("y = a + b * sqrt(x)", (true, false)),
        ("y = a / x^2", (false, true)),
        ("y = a + b * x^4 + c * (x - m)^2", (true, true)),
    ] {
        assert_eq!(takes(&law(formula, &["x"]), "x"), expected, "{formula}");
    }
}

#[test]
fn a_users_formula_may_sum_over_knots() {
    let law = law("L = E - B * sum_over_knots(drop * area^g)", &[]);
    assert_eq!(law.formula, "L = E - B * sum_over_knots(drop * area^g)");
    assert_eq!(law.parameters.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["E", "B", "g"]);
    let x: Vec<f64> = law.variables.iter().map(|v| if v.name.starts_with("drop") { 2.0 } else { 4.0 }).collect();
    assert_eq!(x.len(), 2 * schedule::KNOTS);
    let value = law.tape().value_at(&[1.0, 0.5, 0.5], &x);
    assert!((value - (1.0 - 0.5 * schedule::KNOTS as f64 * 2.0 * 2.0)).abs() < 1e-12, "{value}");
}

#[test]
fn a_law_of_schedules_may_be_part_of_a_chain() {
    let (inner, outer) = (find("multi_power").unwrap(), find("olmo_sigmoid").unwrap().law().unwrap());
    let (loss, check) = (inner.law().unwrap(), &inner.checks[0]);
    let chain = outer.through("L", &loss, "mpl");
    assert!(chain.takes_schedule());
    let constants = &inner.constants[&check.constants].values;
    let own = |law: &Law| -> Vec<f64> { law.parameters.iter().map(|p| constants[&p.name].0).collect() };
    let rest: Vec<f64> = outer.free().iter().map(|p| p.start[0]).collect();
    let inputs = check.inputs();
    let x: Vec<f64> = chain.variables.iter().map(|v| inputs[&v.name]).collect();
    let found = chain.tape().value_at(&[own(&loss), rest.clone(), vec![0.0]].concat(), &x);
    let known = outer.tape().value_at(&rest, &[check.gives.parse().unwrap()]);
    assert!((found / known - 1.0).abs() < 1e-9, "{found} {known}");
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
fn fixed_and_tied_parameters_are_not_free() {
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
fn circular_ties_and_unknown_parameters_are_refused() {
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
fn a_parameter_may_differ_from_a_variable_only_in_case() {
    let law = law("L = a * C^-b + c", &["C"]);
    let names: Vec<&str> = law.free().iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
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

/// Descriptions and conditions that every law must have.
#[test]
fn every_law_says_what_it_is_and_where_it_holds() {
    for entry in catalogue() {
        let law = entry.law().unwrap();
        let domains = Domains { every: entry.domains.clone(), ..Domains::default() };
        let entry = &entry.over(&domains).unwrap();
        let name = &entry.name;
        assert!(!entry.references.is_empty() && entry.caution.len() > 40 && entry.title.len() > 10, "{name}");
        assert!(entry.holds.monotone.is_some(), "{name} does not say whether it is monotone");
        for parameter in &law.parameters {
            assert!(parameter.meaning.is_some(), "{name}: {} has no meaning", parameter.name);
            assert!(law.variable(&parameter.name).is_none(), "{name}: {} is both", parameter.name);
            assert!(entry.parameters.contains_key(&parameter.name), "{name}: {} is not described", parameter.name);
        }
        assert_eq!(law.sizes().count(), entry.variables.len(), "{name} describes a variable it does not use");
        assert_eq!(law.parameters.len(), entry.parameters.len(), "{name} describes a parameter it does not have");
        for variable in entry.holds.range.keys() {
            assert!(law.variable(variable).is_some(), "{name}: no variable {variable}");
        }
        for (source, constants) in &entry.constants {
            let given: Vec<&String> = constants.values.keys().collect();
            let mut needed: Vec<&String> = law.parameters.iter().map(|p| &p.name).collect();
            needed.sort();
            assert_eq!(given, needed, "{name}, {source}");
            assert!(entry.checks.iter().any(|c| c.constants == *source), "{name}: {source} has no check value");
        }
    }
}

#[test]
fn every_law_is_finite_at_its_starts_over_six_decades() {
    let mut random = Random::new(2, "finite", 0);
    for entry in catalogue() {
        let law = entry.law().unwrap();
        let tape = law.tape();
        for _ in 0..200 {
            let theta: Vec<f64> = law.free().iter().map(|p| p.start[random.below(p.start.len())]).collect();
            let decade = 6.0 * random.uniform() - 3.0;
            let scale = |v: &Variable| {
                // Sizes range over decades; bits, losses and numbers of experts do not.
                let usual = entry.example(v);
                if usual >= 1e4 { usual * libm::pow(10.0, decade) } else { usual * random.log_normal(0.3) }
            };
            let x: Vec<f64> = law.variables.iter().map(scale).collect();
            let value = tape.value_at(&theta, &x);
            assert!(value.is_finite(), "{} at {theta:?} {x:?}: {value}", entry.name);
        }
    }
}

#[test]
fn monotone_laws_have_no_extremum() {
    let mut random = Random::new(4, "monotone", 0);
    for entry in catalogue().iter().filter(|e| e.holds.monotone == Some(true)) {
        let law = entry.law().unwrap();
        let tape = law.tape();
        for constants in entry.constants.values() {
            let theta: Vec<f64> = law.parameters.iter().map(|p| constants.values[&p.name].0).collect();
            let usual: Vec<f64> = law.variables.iter().map(|v| entry.example(v)).collect();
            for j in 0..usual.len() {
                let mut signs = Vec::new();
                for _ in 0..40 {
                    let mut x = usual.clone();
                    x[j] *= random.log_normal(1.0);
                    let slope = tape.slope_at(&theta, &x).1[j];
                    if slope != 0.0 {
                        signs.push(slope > 0.0);
                    }
                }
                assert!(signs.windows(2).all(|w| w[0] == w[1]), "{} turns along {}", entry.name, law.variables[j].name);
            }
        }
    }
}

#[test]
fn holding_parameters_leaves_the_values_of_a_law_unchanged() {
    let mut random = Random::new(8, "held", 0);
    for entry in catalogue() {
        let law = entry.law().unwrap();
        let theta: Vec<f64> =
            law.free().iter().map(|p| p.start[random.below(p.start.len())] * random.log_normal(0.1)).collect();
        let hold =
            |value: f64| ParameterText { fixed: Some(crate::quantity::Quantity(value)), ..ParameterText::default() };
        let held = law.free().into_iter().zip(&theta).map(|(p, &value)| (p.name.clone(), hold(value))).collect();
        let fixed = law.clone().with_parameters(&held).unwrap();
        for _ in 0..20 {
            let x: Vec<f64> = law.variables.iter().map(|v| entry.example(v) * random.log_normal(1.0)).collect();
            let (free, held) = (law.tape().value_at(&theta, &x), fixed.tape().value_at(&[], &x));
            assert!(
                (free - held).abs() <= 1e-9 * held.abs().max(1e-9),
                "{} at {theta:?} {x:?}: {free} {held}",
                law.name
            );
        }
    }
}

#[test]
fn a_sharp_break_far_away_does_not_overflow() {
    let law = find("bnsl").unwrap().law().unwrap();
    // d1 = 10 is a hundred thousand times below x = 1e6: with f1 = 0.01 the ratio to the hundredth power is 1e500.
    let point = [0.1, 1.0, 0.1, 10.0, 0.01, 0.3];
    let names: Vec<&str> = law.free().iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c0", "d1", "f1", "c1"]);
    let value = law.tape().value_at(&point, &[1e6]);
    let expected = 0.1 + libm::pow(1e6, -0.1) * libm::pow(1e5, -0.3);
    assert!((value / expected - 1.0).abs() < 1e-12, "{value} {expected}");
}
