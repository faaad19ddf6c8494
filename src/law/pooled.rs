//! Several laws of one response as one law, and a law with an error that grows beyond its rows.

use std::convert::Infallible;

use super::{Law, Parameter, Treatment};
use crate::expr::{Expr, Function, Node, Operator};
use crate::schedule;

/// Prefix of the parameters of an error. No name of a spec has it.
const BEYOND: &str = "#beyond ";

fn number(value: f64) -> Expr {
    Expr { node: Node::Number(value), span: 0..0 }
}

fn symbol(name: &str) -> Expr {
    Expr { node: Node::Symbol(name.to_owned()), span: 0..0 }
}

fn call(function: Function, argument: Expr) -> Expr {
    Expr { node: Node::Call(function, vec![argument]), span: 0..0 }
}

fn binary(operator: Operator, left: Expr, right: Expr) -> Expr {
    Expr { node: Node::Binary(operator, Box::new(left), Box::new(right)), span: 0..0 }
}

impl Law {
    /// The weighted geometric mean of laws of one response: ln y = sum of share times ln y of each law. Shares sum
    /// to 1.
    ///
    /// Its variables are those of all laws, the first law's first. Its parameters are those of the laws one after the
    /// other, with the law's name and a dot before theirs. A single law stays as it is. `None` without laws.
    #[must_use]
    pub fn pooled(laws: &[(&Self, f64)]) -> Option<Self> {
        let (first, _) = laws.first()?;
        if laws.len() == 1 {
            return Some((*first).clone());
        }
        let mut law = Self::clone(first);
        law.parameters.clear();
        let mut terms = Vec::new();
        for (one, share) in laws {
            let own = |name: &String| {
                if one.variable(name).is_some() { name.clone() } else { format!("{}.{name}", one.name) }
            };
            let renamed = |expr: &Expr| {
                let Ok(expr) = expr.resolve(&mut |name: &String, _| Ok::<_, Infallible>(own(name)));
                expr
            };
            let body = renamed(&schedule::written_out(&one.body));
            terms.push(binary(Operator::Multiply, number(*share), call(Function::Ln, body)));
            law.parameters.extend(one.parameters.iter().map(|p| {
                let treatment = match &p.treatment {
                    Treatment::Tied(expr) => Treatment::Tied(renamed(expr)),
                    other => other.clone(),
                };
                Parameter { name: own(&p.name), treatment, ..p.clone() }
            }));
            for variable in &one.variables {
                if law.variable(&variable.name).is_none() {
                    law.variables.push(variable.clone());
                }
            }
            law.mixtures
                .extend(one.mixtures.iter().filter(|own| !law.mixtures.contains(own)).cloned().collect::<Vec<_>>());
        }
        let sum = terms.into_iter().reduce(|sum, term| binary(Operator::Add, sum, term))?;
        law.body = call(Function::Exp, sum);
        let names: Vec<&str> = laws.iter().map(|(law, _)| law.name.as_str()).collect();
        law.formula = format!("{} = the weighted mean of {}", law.response, crate::diagnostic::list(&names));
        Some(law)
    }

    /// The law times exp(sum of u ln(1 + x / x0)) over some variables x with their scales x0: an error of ln y that
    /// vanishes far below x0 and grows like ln x above. Each u is a free parameter after those of the law, in the
    /// order of `beyond`.
    #[must_use]
    pub fn with_error(&self, beyond: &[(String, f64)]) -> Self {
        let term = |(variable, scale): &(String, f64)| {
            let relative = binary(Operator::Divide, symbol(variable), number(*scale));
            let distance = call(Function::Ln, binary(Operator::Add, number(1.0), relative));
            binary(Operator::Multiply, symbol(&format!("{BEYOND}{variable}")), distance)
        };
        let Some(sum) = beyond.iter().map(term).reduce(|sum, term| binary(Operator::Add, sum, term)) else {
            return self.clone();
        };
        let mut law = self.clone();
        law.body = binary(Operator::Multiply, schedule::written_out(&self.body), call(Function::Exp, sum));
        let own = |(variable, _): &(String, f64)| Parameter::unbounded(&format!("{BEYOND}{variable}"), Treatment::Free);
        law.parameters.extend(beyond.iter().map(own));
        law
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::find;

    #[test]
    fn a_pool_of_one_law_twice_is_that_law() {
        let law = find("hoffmann").unwrap().law().unwrap();
        let twin = Law { name: "twin".to_owned(), ..law.clone() };
        let pool = Law::pooled(&[(&law, 0.3), (&twin, 0.7)]).unwrap();
        let free = [1.8, 480.0, 0.35, 2100.0, 0.37];
        let (one, both) = (law.tape().value_at(&free, &[1e9, 2e10]), [free, free].concat());
        assert!((pool.tape().value_at(&both, &[1e9, 2e10]) / one - 1.0).abs() < 1e-14);
        assert_eq!(Law::pooled(&[(&law, 1.0)]), Some(law));
        assert_eq!(Law::pooled(&[]), None);
    }

    #[test]
    fn the_logarithm_of_a_pool_is_the_weighted_mean_of_those_of_its_laws() {
        let variables = [crate::law::Variable::plain("x")];
        let [one, other] =
            ["y = a / x", "y = a + b * x"].map(|formula| Law::from_formula(formula, formula, &variables).unwrap());
        let pool = Law::pooled(&[(&one, 0.25), (&other, 0.75)]).unwrap();
        // a / x = 2 and a + b x = 10 at x = 3.
        let found = pool.tape().value_at(&[6.0, 4.0, 2.0], &[3.0]);
        assert!((found - libm::pow(2.0, 0.25) * libm::pow(10.0, 0.75)).abs() < 1e-13, "{found}");
    }

    #[test]
    fn an_error_doubles_with_its_logarithmic_distance_and_a_zero_error_changes_no_bit() {
        let law = find("hoffmann").unwrap().law().unwrap();
        let beyond = law.with_error(&[("N".to_owned(), 1e9), ("D".to_owned(), 1e10)]);
        let (free, at) = ([1.8, 480.0, 0.35, 2100.0, 0.37], [3e9, 7e10]);
        let value = |of_n: f64, of_d: f64| beyond.tape().value_at(&[&free[..], &[of_n, of_d]].concat(), &at);
        assert_eq!(value(0.0, 0.0).to_bits(), law.tape().value_at(&free, &at).to_bits());
        // ln(1 + 3) and ln(1 + 7).
        let shift = value(0.01, -0.02) / value(0.0, 0.0);
        assert!((shift - libm::exp(0.01 * libm::log(4.0) - 0.02 * libm::log(8.0))).abs() < 1e-14, "{shift}");
        let inside = beyond.tape().value_at(&[&free[..], &[0.1, 0.1]].concat(), &[1e6, 1e7]);
        assert!((inside / law.tape().value_at(&free, &[1e6, 1e7]) - 1.0).abs() < 3e-4);
    }
}
