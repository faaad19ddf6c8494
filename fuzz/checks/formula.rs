//! A formula: printing and parsing it again gives the same formula, which is then compiled and evaluated with its
//! derivatives.

use lawfit::expr::{parse, parse_equation, parse_printed};
use lawfit::law::{Law, Variable};

pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(expr) = parse(text) {
        let printed = expr.to_string();
        let again = parse_printed(&printed).expect("what is printed can be read");
        assert_eq!(again.to_string(), printed);
    }
    if parse_equation(text).is_err() {
        return;
    }
    let variable = |name: &str| Variable { name: name.to_owned(), unit: None, meaning: None, counts: None };
    let Ok(law) = Law::from_formula("fuzzed", text, &[variable("N"), variable("D")]) else { return };
    if law.free().len() > 64 {
        return;
    }
    let tape = law.tape();
    let (parameters, variables) = (vec![0.5; tape.parameters()], vec![1e9; law.variables.len()]);
    let _ = tape.value_at(&parameters, &variables);
    let _ = tape.gradient_at(&parameters, &variables);
}
