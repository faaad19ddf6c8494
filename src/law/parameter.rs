//! The parameters of a law: their bounds, scales and starts, and how a fit treats them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::expr::{Expr, Node, Operator};
use crate::quantity::{OneOrMany, Quantity};

/// The scale on which a parameter is searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// The parameter itself: exponents, floors, coefficients that enter linearly.
    #[default]
    Linear,
    /// Its logarithm: positive constants that range over many decades.
    Log,
}

/// What a spec or a catalogue file may say of a parameter; what it leaves out is read off the formula.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParameterText {
    /// What the parameter means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// Lowest and highest value, both allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<[Quantity; 2]>,
    /// Scale on which it is searched.
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
    /// Held at a value.
    Fixed(f64),
    /// Equal to an expression of other parameters.
    Tied(Expr),
}

/// A parameter of a law.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name in the formula.
    pub name: String,
    /// What it means, where somebody said so.
    pub meaning: Option<String>,
    /// Lowest value allowed.
    pub lower: f64,
    /// Highest value allowed.
    pub upper: f64,
    /// Scale on which it is searched.
    pub scale: Scale,
    /// Values from which the search starts; none where it is solved for.
    pub start: Vec<f64>,
    /// How a fit treats it.
    pub treatment: Treatment,
}

impl Parameter {
    /// The parameter as its place in the formula suggests it.
    ///
    /// The base of a power, or what stands under a logarithm, is a positive constant searched on a
    /// log scale. An exponent lies in [0, 5] where a minus sign or a division precedes it, else in
    /// [-5, 5]. Anything else is a coefficient or a floor, which is not negative.
    pub fn from_formula(name: &str, body: &Expr) -> Self {
        let mut role = Role::default();
        role.find(name, body, Place { exponent: false, base: false, falling: false });
        let (lower, upper, scale, start) = if role.base {
            (1e-300, 1e300, Scale::Log, decades())
        } else if role.exponent {
            let lower = if role.rising { -5.0 } else { 0.0 };
            let mut start = vec![0.05, 0.15, 0.35, 0.7, 1.5];
            if role.rising {
                start.extend([-0.05, -0.15, -0.35, -0.7, -1.5]);
            }
            (lower, 5.0, Scale::Linear, start)
        } else {
            (0.0, f64::INFINITY, Scale::Linear, vec![0.1, 1.0, 10.0])
        };
        Self { name: name.to_owned(), meaning: None, lower, upper, scale, start, treatment: Treatment::Free }
    }
}

/// Starts for a constant of unknown size: a law's constants are loss units or counts up to 1e16.
fn decades() -> Vec<f64> {
    vec![1e-2, 1e2, 1e6, 1e10, 1e14]
}

/// Where a name was found in a formula.
#[derive(Clone, Copy, Debug, Default)]
struct Role {
    exponent: bool,
    rising: bool,
    base: bool,
}

#[derive(Clone, Copy)]
struct Place {
    exponent: bool,
    base: bool,
    falling: bool,
}

impl Role {
    fn find(&mut self, name: &str, expr: &Expr, place: Place) {
        match &expr.node {
            Node::Number(_) | Node::Text(_) => {}
            Node::Symbol(symbol) => {
                if symbol == name {
                    self.exponent |= place.exponent;
                    self.rising |= place.exponent && !place.falling;
                    self.base |= place.base && !place.exponent;
                }
            }
            Node::Negate(inner) => self.find(name, inner, Place { falling: !place.falling, ..place }),
            Node::Not(inner) => self.find(name, inner, place),
            Node::Binary(Operator::Power, base, exponent) => {
                self.find(name, base, Place { base: true, ..place });
                self.find(name, exponent, Place { exponent: true, base: false, ..place });
            }
            Node::Binary(Operator::Divide, left, right) => {
                self.find(name, left, place);
                // Only a power in a denominator falls; a denominator in an exponent does not turn its sign.
                let falling = if place.exponent { place.falling } else { !place.falling };
                self.find(name, right, Place { falling, ..place });
            }
            Node::Binary(Operator::Subtract, left, right) => {
                self.find(name, left, place);
                let falling = if place.exponent { !place.falling } else { place.falling };
                self.find(name, right, Place { falling, ..place });
            }
            Node::Binary(_, left, right) => {
                self.find(name, left, place);
                self.find(name, right, place);
            }
            Node::Call(function, arguments) => {
                use crate::expr::Function;
                let inside = match function {
                    Function::Exp => Place { exponent: true, ..place },
                    Function::Ln | Function::Log10 | Function::Log2 | Function::Sqrt => Place { base: true, ..place },
                    _ => place,
                };
                arguments.iter().for_each(|a| self.find(name, a, inside));
            }
            Node::Within(a, b, c) => [a, b, c].into_iter().for_each(|part| self.find(name, part, place)),
            Node::OneOf(value, members) => {
                self.find(name, value, place);
                members.iter().for_each(|member| self.find(name, member, place));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::parse;

    fn suggested(name: &str, formula: &str) -> Parameter {
        Parameter::from_formula(name, &parse(formula).unwrap())
    }

    #[test]
    fn bounds_and_scales_are_read_off_the_formula() {
        let hoffmann = "E + A / N^alpha + B / D^beta";
        assert_eq!((suggested("E", hoffmann).lower, suggested("E", hoffmann).scale), (0.0, Scale::Linear));
        assert_eq!((suggested("alpha", hoffmann).lower, suggested("alpha", hoffmann).upper), (0.0, 5.0));
        assert_eq!(suggested("b", "a * N^b").lower, -5.0);
        assert_eq!(suggested("b", "a * N^-b").lower, 0.0);
        assert_eq!(suggested("N_c", "(N_c / N)^alpha").scale, Scale::Log);
        assert_eq!(suggested("alpha", "(N_c / N)^alpha").lower, -5.0);
    }
}
