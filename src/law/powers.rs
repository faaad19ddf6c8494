//! Powers in a law whose exponent is a single parameter.

use super::Law;
use crate::expr::{Expr, Node, Operator, Value};

/// A power whose base varies over the rows and whose exponent is a parameter or its negative.
#[derive(Clone, Debug, PartialEq)]
pub struct Power {
    /// Name of the parameter.
    pub exponent: String,
    /// The base.
    pub base: Expr,
}

impl Law {
    /// The powers of the formula whose exponent is a single parameter and whose base contains a variable: `N^-alpha`,
    /// but neither `exp(-k * x)` nor `N^(c * ln(D))`.
    pub fn powers(&self) -> Vec<Power> {
        let mut powers = Vec::new();
        self.find_powers(&self.body, &mut powers);
        powers
    }

    fn find_powers(&self, expr: &Expr, powers: &mut Vec<Power>) {
        let mut inside = |part: &Expr| self.find_powers(part, powers);
        match &expr.node {
            Node::Number(_) | Node::Text(_) | Node::Symbol(_) => {}
            Node::Negate(part) | Node::Not(part) => inside(part),
            Node::Binary(_, left, right) => [left, right].into_iter().for_each(|part| inside(part)),
            Node::Call(_, parts) => parts.iter().for_each(inside),
            Node::Within(a, b, c) => [a, b, c].into_iter().for_each(|part| inside(part)),
            Node::OneOf(value, parts) => {
                inside(value);
                parts.iter().for_each(inside);
            }
        }
        let Node::Binary(Operator::Power, base, exponent) = &expr.node else { return };
        let exponent = if let Node::Negate(inner) = &exponent.node { inner } else { exponent };
        let Node::Symbol(name) = &exponent.node else { return };
        let mut varies = false;
        base.visit_symbols(&mut |symbol, _| varies |= self.variable(symbol).is_some());
        if varies && self.parameters.iter().any(|p| p.name == *name) {
            powers.push(Power { exponent: name.clone(), base: (**base).clone() });
        }
    }

    /// The value of a part of the formula at every row, where `variables[i]` holds variable `i`; `None` where it has
    /// no value.
    pub fn values_of(&self, part: &Expr, free: &[f64], variables: &[&[f64]]) -> Option<Vec<f64>> {
        let parameters = self.complete(free);
        let of_parameter = |name: &String| self.parameters.iter().position(|p| p.name == *name);
        // Parameters come before variables in the list of values.
        let place =
            |name: &String| of_parameter(name).or_else(|| Some(parameters.len() + self.variable(name)?)).ok_or(());
        let resolved = part.resolve(&mut |name: &String, _| place(name)).ok()?;
        let rows = variables.first().map_or(0, |column| column.len());
        let at = |row: usize| {
            let all = parameters.iter().copied().chain(variables.iter().map(|column| column[row]));
            resolved.number(&all.map(Value::Number).collect::<Vec<_>>()).ok()
        };
        (0..rows).map(at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::Variable;

    #[test]
    fn only_powers_with_a_parameter_as_exponent_are_found() {
        let variables = ["N", "D"].map(|n| Variable { name: n.to_owned(), unit: None, meaning: None, counts: None });
        let formula = "L = (A / N)^a + B * D^-b + k^c + exp(-r * N) + N^(m * ln(D)) + (1 + N^g)^2";
        let law = Law::from_formula("test", formula, &variables).unwrap();
        let found: Vec<(String, String)> = law.powers().into_iter().map(|p| (p.exponent, p.base.to_string())).collect();
        let wanted = [("a", "A / N"), ("b", "D"), ("g", "N")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_part_of_a_formula_has_a_value_at_every_row() {
        let size = Variable { name: "N".to_owned(), unit: None, meaning: None, counts: None };
        let law = Law::from_formula("test", "L = (A / N)^a", &[size]).unwrap();
        let free: Vec<f64> = law.free().iter().map(|p| if p.name == "A" { 8.0 } else { 0.5 }).collect();
        let base = &law.powers()[0].base;
        assert_eq!(law.values_of(base, &free, &[&[1.0, 4.0]]), Some(vec![8.0, 2.0]));
    }
}
