//! Variables in a formula that look like coefficients, such as `B` in `L = E + A / N^alpha + B / D^beta`.

use crate::expr::{Expr, Function, Node, Operator};

/// Where a name occurs in a formula, if a coefficient could stand in each of its places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoefficientPlace {
    /// The only factor of a term among other terms, such as B in `E + B / D^beta`.
    Factor,
    /// The factor of a formula with a single term, such as k in `k / D^beta`.
    Whole,
    /// A constant term among terms with parameters, such as E in `E + B / D^beta`.
    Addend,
    /// An exponent of a variable, such as beta in `B / D^beta`.
    Exponent,
}

/// The first place of a variable, if the variable occurs only where a coefficient could stand.
///
/// Returns `None` for a name that is used as a variable: a parameter multiplies it, divides it or is its exponent, or
/// it is added under a power or a logarithm, as in `(x + d)^-a`. A formula without parameters gives `None` for all
/// its names.
pub fn coefficient_place(name: &str, body: &Expr, is_variable: &impl Fn(&str) -> bool) -> Option<CoefficientPlace> {
    let mut places = Places { name, is_variable, as_coefficient: None, as_variable: false };
    if !places.has_parameter(body) {
        return None;
    }
    places.sum(body, Around::Response);
    places.as_coefficient.filter(|_| !places.as_variable)
}

/// What a sum is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    /// The response itself.
    Response,
    /// An exponential.
    Exponential,
    /// The exponent of a variable.
    Exponent,
    /// Anything else.
    Other,
}

struct Places<'a, V> {
    name: &'a str,
    is_variable: &'a V,
    as_coefficient: Option<CoefficientPlace>,
    as_variable: bool,
}

impl<V: Fn(&str) -> bool> Places<'_, V> {
    fn sum(&mut self, expr: &Expr, around: Around) {
        let mut terms = Vec::new();
        terms_of(expr, &mut terms);
        for (index, term) in terms.iter().enumerate() {
            let mut factors = Vec::new();
            factors_of(term, true, &mut factors);
            let is_own = |(factor, is_above): &(&Expr, bool)| *is_above && self.is_name(factor);
            let own = factors.iter().filter(|factor| is_own(factor)).count();
            let others: Vec<&Expr> =
                factors.iter().filter(|factor| !is_own(factor)).map(|(factor, _)| *factor).collect();
            if own == 1 {
                let beside = terms.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, term)| *term);
                let place = self.of_factor(&others, &beside.collect::<Vec<_>>(), around);
                self.found(place);
            } else if own > 1 {
                self.found(None);
            }
            others.into_iter().for_each(|factor| self.factor(factor));
        }
    }

    /// The place of a factor of a term, given the other factors of the term and the other terms.
    fn of_factor(&self, others: &[&Expr], beside: &[&Expr], around: Around) -> Option<CoefficientPlace> {
        if others.iter().all(|factor| matches!(factor.node, Node::Number(_))) {
            let leads = beside.iter().any(|term| self.has_parameter(term) && self.has_variable(term));
            return match around {
                Around::Exponent => Some(CoefficientPlace::Exponent),
                Around::Response | Around::Exponential if leads => Some(CoefficientPlace::Addend),
                _ => None,
            };
        }
        let shaped = others.iter().any(|factor| {
            self.has_variable(factor) && (self.has_parameter(factor) || matches!(factor.node, Node::Call(..)))
        });
        let sized = others.iter().any(|factor| self.sets_size(factor));
        let place = if beside.is_empty() && around == Around::Response {
            CoefficientPlace::Whole
        } else {
            CoefficientPlace::Factor
        };
        (shaped && !sized).then_some(place)
    }

    fn factor(&mut self, factor: &Expr) {
        match &factor.node {
            Node::Number(_) | Node::Text(_) => {}
            Node::Symbol(_) => {
                if self.is_name(factor) {
                    self.found(None);
                }
            }
            Node::Binary(Operator::Power, base, exponent) => {
                self.sum(base, Around::Other);
                let around = if self.has_variable(base) { Around::Exponent } else { Around::Other };
                self.sum(exponent, around);
            }
            Node::Binary(Operator::Add | Operator::Subtract, ..) => self.sum(factor, Around::Other),
            Node::Call(Function::Exp, arguments) => {
                arguments.iter().for_each(|argument| self.sum(argument, Around::Exponential));
            }
            Node::Call(_, arguments) => arguments.iter().for_each(|argument| self.sum(argument, Around::Other)),
            _ => {
                let mut here = false;
                factor.visit_symbols(&mut |symbol, _| here |= symbol == self.name);
                if here {
                    self.found(None);
                }
            }
        }
    }

    fn found(&mut self, place: Option<CoefficientPlace>) {
        match place {
            Some(place) => {
                self.as_coefficient.get_or_insert(place);
            }
            None => self.as_variable = true,
        }
    }

    fn is_name(&self, expr: &Expr) -> bool {
        matches!(&expr.node, Node::Symbol(symbol) if symbol == self.name)
    }

    fn has_variable(&self, expr: &Expr) -> bool {
        let mut has = false;
        expr.visit_symbols(&mut |symbol, _| has |= symbol != self.name && (self.is_variable)(symbol));
        has
    }

    fn has_parameter(&self, expr: &Expr) -> bool {
        let mut has = false;
        expr.visit_symbols(&mut |symbol, _| has |= !(self.is_variable)(symbol));
        has
    }

    /// Whether a parameter can scale a factor by any amount.
    fn sets_size(&self, expr: &Expr) -> bool {
        match &expr.node {
            Node::Symbol(symbol) => symbol != self.name && !(self.is_variable)(symbol),
            Node::Negate(inner) => self.sets_size(inner),
            Node::Call(Function::Sqrt, arguments) => arguments.iter().any(|argument| self.sets_size(argument)),
            Node::Binary(Operator::Power, base, _) => self.sets_size(base),
            Node::Binary(Operator::Multiply | Operator::Divide, left, right) => {
                self.sets_size(left) || self.sets_size(right)
            }
            Node::Binary(Operator::Add | Operator::Subtract, left, right) => {
                self.sets_size(left) && self.sets_size(right)
            }
            // exp(a + q) is exp(a) times exp(q).
            Node::Call(Function::Exp, arguments) => arguments.iter().any(|argument| {
                let mut terms = Vec::new();
                terms_of(argument, &mut terms);
                terms.into_iter().any(|term| self.sets_size(term) && !self.has_variable(term))
            }),
            _ => false,
        }
    }
}

/// The terms of a sum, without signs.
fn terms_of<'e>(expr: &'e Expr, terms: &mut Vec<&'e Expr>) {
    match &expr.node {
        Node::Binary(Operator::Add | Operator::Subtract, left, right) => {
            terms_of(left, terms);
            terms_of(right, terms);
        }
        Node::Negate(inner) => terms_of(inner, terms),
        _ => terms.push(expr),
    }
}

/// The factors of a term, each with whether it is in the numerator.
fn factors_of<'e>(expr: &'e Expr, is_above: bool, factors: &mut Vec<(&'e Expr, bool)>) {
    match &expr.node {
        Node::Binary(Operator::Multiply, left, right) => {
            factors_of(left, is_above, factors);
            factors_of(right, is_above, factors);
        }
        Node::Binary(Operator::Divide, left, right) => {
            factors_of(left, is_above, factors);
            factors_of(right, !is_above, factors);
        }
        Node::Negate(inner) => factors_of(inner, is_above, factors),
        _ => factors.push((expr, is_above)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::parse;

    fn place(name: &str, variables: &[&str], formula: &str) -> Option<CoefficientPlace> {
        coefficient_place(name, &parse(formula).unwrap(), &|symbol| variables.contains(&symbol))
    }

    #[test]
    fn a_variable_in_the_place_of_a_coefficient_is_found() {
        let hoffmann = "E + A / N^alpha + B / D^beta";
        for (name, formula, wanted) in [
            ("B", hoffmann, CoefficientPlace::Factor),
            ("E", hoffmann, CoefficientPlace::Addend),
            ("alpha", hoffmann, CoefficientPlace::Exponent),
            ("beta", "E + A * N^-alpha + B * D^-beta", CoefficientPlace::Exponent),
            ("k", "k / N^alpha", CoefficientPlace::Whole),
            ("gain", "base + gain * (1 - exp(-D / tau))", CoefficientPlace::Factor),
            ("b", "1 / (1 + exp(-(b + slope * ln(D))))", CoefficientPlace::Addend),
            ("b", "a + b * ln(N)", CoefficientPlace::Factor),
            ("B", "E + (A / N^alpha + B / D^beta)^k", CoefficientPlace::Factor),
        ] {
            assert_eq!(place(name, &["N", "D", name], formula), Some(wanted), "{name} in {formula}");
        }
    }

    #[test]
    fn a_variable_that_is_used_as_one_is_not_a_coefficient() {
        for (name, formula) in [
            ("N", "E + A / N^alpha + B / D^beta"),
            ("x", "a + b * x"),
            ("x", "a + x / b"),
            ("x", "E + A / (x + d)^alpha"),
            ("x", "E + (s * x + A) / N^alpha"),
            ("x", "a * x * N^-b"),
            ("x", "x^a * N^b"),
            ("x", "a^x + c / N^b"),
            ("x", "E + A / (x + k * N)^alpha"),
            ("x", "a + b * (x - m)^2"),
            ("x", "base + gain * (1 - exp(-x / tau))"),
            ("x", "x / (k + x) * v + x / m"),
            ("x", "L_0 + A * N^(-alpha + gamma * ln(x))"),
            ("x", "x + (1 + (x / (N * d))^(1 / f))^(-c * f) / x^b"),
            ("x", "6 * N * x"),
            ("x", "x / (6 * N)"),
            ("N", "k * N^a * D^b"),
        ] {
            assert_eq!(place(name, &["N", "D", name], formula), None, "{name} in {formula}");
        }
    }
}
