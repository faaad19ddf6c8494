//! Canonical forms of expressions: the same text for expressions that differ only in order and in signs that cancel.

use crate::expr::{Expr, Function, Node, Operator};
use crate::numerics::Special;

/// A sign and a text. Two expressions with equal forms have equal values wherever they have one.
///
/// The sign is taken out of sums, products, odd powers and odd functions, and disappears under even ones, so that
/// `(x - m)^2` and `(m - x)^2` have the same form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Form {
    is_negative: bool,
    text: String,
}

impl Form {
    /// The form of an expression in which each symbol of `flipped` has the opposite sign.
    pub(super) fn of(expr: &Expr, flipped: &[&str]) -> Self {
        let of = |part: &Expr| Self::of(part, flipped);
        match &expr.node {
            Node::Number(value) => Self { is_negative: *value < 0.0, text: value.abs().to_string() },
            Node::Symbol(name) => Self { is_negative: flipped.contains(&name.as_str()), text: name.clone() },
            Node::Negate(inner) => of(inner).negated(true),
            Node::Binary(Operator::Add | Operator::Subtract, ..) => Self::of_sum(expr, flipped),
            Node::Binary(Operator::Multiply | Operator::Divide, ..) => Self::of_product(expr, flipped),
            Node::Binary(Operator::Power, base, exponent) => {
                of(base).under(&Parity::of_power(exponent), |base| format!("({base}^{})", of(exponent)))
            }
            Node::Call(function, arguments) => {
                if let [argument] = arguments.as_slice() {
                    return of(argument)
                        .under(&Parity::of_function(*function), |x| format!("{}({x})", function.name()));
                }
                let arguments: Vec<String> = arguments.iter().map(|argument| of(argument).to_string()).collect();
                Self::positive(format!("{}({})", function.name(), arguments.join(",")))
            }
            Node::Text(_) | Node::Not(_) | Node::Binary(..) | Node::Within(..) | Node::OneOf(..) => {
                Self::positive(with_signs(expr, flipped).to_string())
            }
        }
    }

    fn of_sum(expr: &Expr, flipped: &[&str]) -> Self {
        let of = |(is_subtracted, term): (bool, &Expr)| Self::of(term, flipped).negated(is_subtracted);
        let mut terms: Vec<Self> = pieces(expr, SUM).into_iter().map(of).collect();
        terms.sort_by(|a, b| (&a.text, a.is_negative).cmp(&(&b.text, b.is_negative)));
        // The first term has a plus.
        let is_negative = terms.first().is_some_and(|term| term.is_negative);
        let terms: Vec<String> = terms.into_iter().map(|term| term.negated(is_negative).to_string()).collect();
        Self { is_negative, text: format!("({})", terms.concat()) }
    }

    fn of_product(expr: &Expr, flipped: &[&str]) -> Self {
        let mut is_negative = false;
        let mut factors: Vec<String> = Vec::new();
        for (is_divided, factor) in pieces(expr, PRODUCT) {
            let form = Self::of(factor, flipped);
            is_negative ^= form.is_negative;
            factors.push(format!("{}{}", if is_divided { '/' } else { '*' }, form.text));
        }
        factors.sort();
        Self { is_negative, text: format!("({})", factors.concat()) }
    }

    fn positive(text: String) -> Self {
        Self { is_negative: false, text }
    }

    fn negated(mut self, is_negated: bool) -> Self {
        self.is_negative ^= is_negated;
        self
    }

    /// The form of a function of this expression; `write` gives the text of the function from that of its argument.
    fn under(self, parity: &Parity, write: impl Fn(&str) -> String) -> Self {
        match parity {
            Parity::Even => Self::positive(write(&self.text)),
            Parity::Odd => Self { is_negative: self.is_negative, text: write(&self.text) },
            Parity::Neither => Self::positive(write(&self.to_string())),
        }
    }
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.is_negative { '-' } else { '+' }, self.text)
    }
}

/// What a function does with the sign of its argument.
enum Parity {
    /// It drops the sign.
    Even,
    /// It keeps the sign.
    Odd,
    /// Its values for the two signs are unrelated.
    Neither,
}

impl Parity {
    fn of_power(exponent: &Expr) -> Self {
        match exponent.whole() {
            Some(power) if power % 2.0 == 0.0 => Self::Even,
            Some(_) => Self::Odd,
            None => Self::Neither,
        }
    }

    fn of_function(function: Function) -> Self {
        match function {
            Function::Abs | Function::Special(Special::Cos) => Self::Even,
            Function::Special(Special::Sin | Special::Tan | Special::Atan | Special::Tanh | Special::Erf) => Self::Odd,
            _ => Self::Neither,
        }
    }
}

/// The operators that join the pieces of a sum, and those of a product; the second of each inverts its right side.
pub(super) const SUM: [Operator; 2] = [Operator::Add, Operator::Subtract];
pub(super) const PRODUCT: [Operator; 2] = [Operator::Multiply, Operator::Divide];

/// The terms of a sum or the factors of a product, each with whether it is subtracted or divided. An expression that
/// is neither is its only piece.
pub(super) fn pieces(expr: &Expr, [with, without]: [Operator; 2]) -> Vec<(bool, &Expr)> {
    fn collect<'e>(expr: &'e Expr, [with, without]: [Operator; 2], inverse: bool, pieces: &mut Vec<(bool, &'e Expr)>) {
        match &expr.node {
            Node::Binary(operator, left, right) if *operator == with || *operator == without => {
                collect(left, [with, without], inverse, pieces);
                collect(right, [with, without], inverse != (*operator == without), pieces);
            }
            _ => pieces.push((inverse, expr)),
        }
    }
    let mut pieces = Vec::new();
    collect(expr, [with, without], false, &mut pieces);
    pieces
}

/// The expression with the signs of some symbols changed.
fn with_signs(expr: &Expr, flipped: &[&str]) -> Expr {
    expr.replaced(&|part| {
        let is_flipped = matches!(&part.node, Node::Symbol(name) if flipped.contains(&name.as_str()));
        is_flipped.then(|| Expr { node: Node::Negate(Box::new(part.clone())), span: part.span.clone() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::parse;

    fn form(text: &str, flipped: &[&str]) -> Form {
        Form::of(&parse(text).unwrap(), flipped)
    }

    #[test]
    fn order_and_signs_that_cancel_do_not_change_the_form() {
        for (one, other) in [
            ("a + b - c", "b - c + a"),
            ("a * b / c", "b / c * a"),
            ("(x - m)^2", "(m - x)^2"),
            ("-(x - m)^3", "(m - x)^3"),
            ("(-a) * (-b)", "b * a"),
            ("a - tanh(b - x)", "a + tanh(x - b)"),
            ("cos(x - p)", "cos(p - x)"),
        ] {
            assert_eq!(form(one, &[]), form(other, &[]), "{one} and {other}");
        }
        for (one, other) in [("a - b", "b - a"), ("a / b", "b / a"), ("(x - m)^k", "(m - x)^k"), ("exp(-x)", "exp(x)")]
        {
            assert_ne!(form(one, &[]), form(other, &[]), "{one} and {other}");
        }
    }

    #[test]
    fn signs_of_symbols_show_wherever_they_matter() {
        for (text, flipped) in [
            ("c * (ln(x) - ln(m^2))^2", ["m"].as_slice()),
            ("exp(k * x) + exp(-k * x)", &["k"]),
            ("a * tanh(k * x)", &["a", "k"]),
            ("(a - b * x)^2", &["a", "b"]),
            ("max(abs(a), x)", &["a"]),
        ] {
            assert_eq!(form(text, flipped), form(text, &[]), "{text}");
        }
        for (text, flipped) in [
            ("c * (ln(x) - m)^2 * (N / 1e50)^a", ["m"].as_slice()),
            ("1e-200 * a + b", &["a"]),
            ("a * tanh(k * x)", &["k"]),
            ("(a - b * x)^2", &["a"]),
            ("max(a, x)", &["a"]),
            ("(a > x) * b", &["a"]),
            ("sqrt(a)^2", &["a"]),
        ] {
            assert_ne!(form(text, flipped), form(text, &[]), "{text}");
        }
    }
}
