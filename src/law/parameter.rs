//! The parameters of a law: their bounds, scales and starts, and how a fit treats them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::expr::{Expr, Function, Node, Operator};
use crate::quantity::{OneOrMany, Quantity};

/// The scale on which a parameter is searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// The parameter itself: exponents, floors, and coefficients that enter linearly.
    #[default]
    Linear,
    /// Its logarithm: positive constants that range over many decades.
    Log,
}

/// Settings of a parameter in a spec or a catalogue file. Settings that are left out follow from the formula.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParameterText {
    /// What the parameter means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// Lowest and highest value; both are allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<[Quantity; 2]>,
    /// Scale on which the parameter is searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// Values from which the search starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<OneOrMany<Quantity>>,
    /// Hold the parameter at this value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Quantity>,
    /// Tie the parameter to an expression of the others, such as `alpha`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tied: Option<String>,
}

/// How a fit treats a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Treatment {
    /// Estimated.
    Free,
    /// Held at this value.
    Fixed(f64),
    /// Equal to an expression of other parameters.
    Tied(Expr),
}

/// A parameter of a law.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Name in the formula.
    pub name: String,
    /// Meaning, where given.
    pub meaning: Option<String>,
    /// Lowest value allowed.
    pub lower: f64,
    /// Highest value allowed.
    pub upper: f64,
    /// Scale on which the parameter is searched.
    pub scale: Scale,
    /// Values from which the search starts; empty where the parameter is solved for.
    pub start: Vec<f64>,
    /// How a fit treats it.
    pub treatment: Treatment,
}

/// Number of values that replace the starts of a parameter without listed starts.
pub const UNLISTED: usize = 4;

impl Parameter {
    /// A parameter without settings. Its only bounds are those that the formula needs to have a value.
    ///
    /// A factor under a logarithm or a root, or in the base of a power with a non-integer exponent, must be positive,
    /// and is searched on a log scale. Any other parameter can have either sign and has no bounds. The rows determine
    /// the search range.
    pub fn from_formula(name: &str, body: &Expr) -> Self {
        let is_positive = has_to_be_positive(name, body, false);
        let mut parameter = Self::unbounded(name, Treatment::Free);
        if is_positive {
            parameter.be_positive();
        }
        parameter
    }

    /// A parameter of any value, without a meaning or starts.
    pub(super) fn unbounded(name: &str, treatment: Treatment) -> Self {
        Self {
            name: name.to_owned(),
            meaning: None,
            lower: f64::NEG_INFINITY,
            upper: f64::INFINITY,
            scale: Scale::Linear,
            start: Vec::new(),
            treatment,
        }
    }

    /// Bounds the parameter to positive values and searches it on a log scale.
    pub(super) fn be_positive(&mut self) {
        (self.lower, self.upper, self.scale) = (LEAST_POSITIVE, 1.0 / LEAST_POSITIVE, Scale::Log);
    }
}

/// Lower bound of a parameter that must be positive.
pub(super) const LEAST_POSITIVE: f64 = 1e-300;

/// Whether a name is a factor of an expression that must be positive. `positive` says whether the whole expression
/// must be.
fn has_to_be_positive(name: &str, expr: &Expr, positive: bool) -> bool {
    let inside = |part: &Expr, positive: bool| has_to_be_positive(name, part, positive);
    match &expr.node {
        Node::Number(_) | Node::Text(_) => false,
        Node::Symbol(symbol) => symbol == name && positive,
        Node::Binary(Operator::Multiply | Operator::Divide, left, right) => {
            inside(left, positive) || inside(right, positive)
        }
        Node::Binary(Operator::Power, base, exponent) => {
            // An even power has no sign, an odd power has the sign of its base, and any other power needs a positive
            // base.
            let of_base = exponent.whole().is_none_or(|power| positive && power % 2.0 != 0.0);
            inside(base, of_base) || inside(exponent, false)
        }
        // A term of a sum may have either sign.
        Node::Negate(inner) | Node::Not(inner) => inside(inner, false),
        Node::Binary(_, left, right) => inside(left, false) || inside(right, false),
        Node::Call(function, arguments) => {
            let of_argument = matches!(function, Function::Ln | Function::Log10 | Function::Log2 | Function::Sqrt);
            arguments.iter().any(|argument| inside(argument, of_argument))
        }
        Node::Within(a, b, c) => [a, b, c].into_iter().any(|part| inside(part, false)),
        Node::OneOf(value, members) => inside(value, false) || members.iter().any(|member| inside(member, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::parse;

    fn scale(name: &str, formula: &str) -> Scale {
        let parameter = Parameter::from_formula(name, &parse(formula).unwrap());
        match parameter.scale {
            Scale::Linear => assert_eq!((parameter.lower, parameter.upper), (f64::NEG_INFINITY, f64::INFINITY)),
            Scale::Log => assert!(parameter.lower > 0.0),
        }
        parameter.scale
    }

    #[test]
    fn only_parameters_that_must_be_positive_are_bounded() {
        let hoffmann = "E + A / N^alpha + B / D^beta";
        for name in ["E", "A", "alpha", "B", "beta"] {
            assert_eq!(scale(name, hoffmann), Scale::Linear, "{name}");
        }
        for (name, formula) in [
            ("N_c", "(N_c / N)^alpha"),
            ("d", "a * (1 + (x / d)^(1 / f))^(-c * f)"),
            ("k", "ln(k * x)"),
            ("k", "a + sqrt(k * x)"),
            ("k", "(2 * k * x)^1.5"),
        ] {
            assert_eq!(scale(name, formula), Scale::Log, "{name} in {formula}");
        }
        for (name, formula) in [
            ("alpha", "(N_c / N)^alpha"),
            ("m", "a + b * (x - m)^2"),
            ("m", "a + b * (x - m)^1.5"),
            ("k", "a / (1 + k * x)^0.5"),
            ("k", "(k * x)^-2"),
            ("tau", "a * exp(-x / tau)"),
            ("d", "ln(x + d)"),
        ] {
            assert_eq!(scale(name, formula), Scale::Linear, "{name} in {formula}");
        }
    }

    #[test]
    fn an_exponent_is_distinguished_from_a_base() {}
}
