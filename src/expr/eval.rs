//! The value and the kind of an expression whose symbols are indices.

use std::ops::Range;

use super::{Expr, Function, Node, Operator, number_in};
use crate::numerics::{exp, ln};

/// What an expression evaluates to.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number; `NaN` where it is missing.
    Number(f64),
    /// A text.
    Text(String),
    /// True or false.
    Truth(bool),
}

impl Value {
    /// Whether two values are equal. A truth value equals the number 1 or 0.
    fn equals(&self, other: &Self) -> bool {
        let number = |value: &Self| match value {
            Self::Number(number) => Some(*number),
            Self::Truth(truth) => Some(f64::from(u8::from(*truth))),
            Self::Text(_) => None,
        };
        match (number(self), number(other)) {
            (Some(one), Some(other)) => one == other,
            _ => self == other,
        }
    }
}

/// The kind of a value, known before evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the three kinds of Value")]
pub enum Kind {
    Number,
    Text,
    Truth,
    /// Kind of a symbol whose definition has an error, so that one mistake is reported once.
    Any,
}

impl Kind {
    /// The kind's name in messages.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Truth => "true or false",
            Self::Any => "any value",
        }
    }

    /// Whether a value of this kind fits where `needed` is expected; a truth value counts as the number 1 or 0.
    pub fn can_be(self, needed: Self) -> bool {
        self == needed || self == Self::Any || needed == Self::Any || (self, needed) == (Self::Truth, Self::Number)
    }
}

/// A part of an expression whose kind does not fit its place.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("expected {}, found {}", expected.describe(), found.describe())]
pub struct KindError {
    /// Byte range of the part.
    pub span: Range<usize>,
    /// Kind that the place needs.
    pub expected: Kind,
    /// Kind of the part.
    pub found: Kind,
}

/// An evaluation that met a wrong kind because [`Expr::kind`] was not called first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an operand is not of the kind its operator needs")]
pub struct EvalError;

impl<S> Expr<S> {
    /// The kind of the expression, given the kinds of its symbols.
    ///
    /// # Errors
    /// The first part whose kind does not fit its place.
    pub fn kind(&self, of: &impl Fn(&S) -> Kind) -> Result<Kind, KindError> {
        let needs = |part: &Self, expected: Kind| {
            let found = part.kind(of)?;
            if found.can_be(expected) { Ok(()) } else { Err(KindError { span: part.span.clone(), expected, found }) }
        };
        match &self.node {
            Node::Number(_) => Ok(Kind::Number),
            Node::Text(_) => Ok(Kind::Text),
            Node::Symbol(symbol) => Ok(of(symbol)),
            Node::Negate(inner) => needs(inner, Kind::Number).map(|()| Kind::Number),
            Node::Not(inner) => needs(inner, Kind::Truth).map(|()| Kind::Truth),
            Node::Binary(operator, left, right) => {
                let (takes, gives) = match operator {
                    Operator::And | Operator::Or => (Kind::Truth, Kind::Truth),
                    Operator::Equal | Operator::NotEqual => (left.kind(of)?, Kind::Truth),
                    Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
                        (Kind::Number, Kind::Truth)
                    }
                    _ => (Kind::Number, Kind::Number),
                };
                needs(left, takes)?;
                needs(right, takes)?;
                Ok(gives)
            }
            Node::Call(function, arguments) => {
                let takes = if *function == Function::Number { Kind::Text } else { Kind::Number };
                arguments.iter().try_for_each(|a| needs(a, takes))?;
                Ok(Kind::Number)
            }
            Node::Within(value, low, high) => {
                [value, low, high].into_iter().try_for_each(|part| needs(part, Kind::Number))?;
                Ok(Kind::Truth)
            }
            Node::OneOf(value, members) => {
                let kind = value.kind(of)?;
                members.iter().try_for_each(|member| needs(member, kind))?;
                Ok(Kind::Truth)
            }
        }
    }
}

impl Expr<usize> {
    /// The value of the expression, where symbol `i` stands for `values[i]`.
    ///
    /// # Errors
    /// An operand has the wrong kind for its operator. [`Expr::kind`] finds this before evaluation.
    pub fn evaluate(&self, values: &[Value]) -> Result<Value, EvalError> {
        Ok(match &self.node {
            Node::Number(value) => Value::Number(*value),
            Node::Text(text) => Value::Text(text.clone()),
            Node::Symbol(index) => values.get(*index).ok_or(EvalError)?.clone(),
            Node::Negate(inner) => Value::Number(-inner.number(values)?),
            Node::Not(inner) => Value::Truth(!inner.truth(values)?),
            Node::Binary(Operator::And, left, right) => Value::Truth(left.truth(values)? && right.truth(values)?),
            Node::Binary(Operator::Or, left, right) => Value::Truth(left.truth(values)? || right.truth(values)?),
            Node::Binary(Operator::Equal, left, right) => {
                Value::Truth(left.evaluate(values)?.equals(&right.evaluate(values)?))
            }
            Node::Binary(Operator::NotEqual, left, right) => {
                Value::Truth(!left.evaluate(values)?.equals(&right.evaluate(values)?))
            }
            Node::Binary(operator, left, right) => arithmetic(*operator, left.number(values)?, right.number(values)?)?,
            Node::Call(Function::Number, arguments) => match arguments.first().map(|a| a.evaluate(values)) {
                Some(Ok(Value::Text(text))) => Value::Number(number_in(&text).unwrap_or(f64::NAN)),
                _ => return Err(EvalError),
            },
            Node::Call(function, arguments) => {
                let arguments = arguments.iter().map(|a| a.number(values)).collect::<Result<Vec<_>, _>>()?;
                Value::Number(call(*function, &arguments))
            }
            Node::Within(value, low, high) => {
                let value = value.number(values)?;
                Value::Truth(low.number(values)? <= value && value <= high.number(values)?)
            }
            Node::OneOf(value, members) => {
                let value = value.evaluate(values)?;
                let mut found = false;
                for member in members {
                    found |= member.evaluate(values)?.equals(&value);
                }
                Value::Truth(found)
            }
        })
    }

    /// The value of a numeric expression. A truth value gives 1 or 0, or `NaN` where a number in the expression is
    /// missing.
    ///
    /// # Errors
    /// As [`Expr::evaluate`], and where the value is a text.
    pub fn number(&self, values: &[Value]) -> Result<f64, EvalError> {
        match self.evaluate(values)? {
            Value::Number(value) => Ok(value),
            Value::Truth(_) if self.lacks_a_number(values) => Ok(f64::NAN),
            Value::Truth(truth) => Ok(f64::from(u8::from(truth))),
            Value::Text(_) => Err(EvalError),
        }
    }

    /// Whether a number that the expression uses is missing.
    fn lacks_a_number(&self, values: &[Value]) -> bool {
        let mut lacks = false;
        self.visit_symbols(&mut |&index, _| {
            lacks |= matches!(values.get(index), Some(Value::Number(number)) if number.is_nan());
        });
        lacks
    }

    /// The value of a logical expression.
    ///
    /// # Errors
    /// As [`Expr::evaluate`], and where the value is not a truth value.
    pub fn truth(&self, values: &[Value]) -> Result<bool, EvalError> {
        match self.evaluate(values)? {
            Value::Truth(value) => Ok(value),
            _ => Err(EvalError),
        }
    }
}

fn arithmetic(operator: Operator, left: f64, right: f64) -> Result<Value, EvalError> {
    Ok(match operator {
        Operator::Add => Value::Number(left + right),
        Operator::Subtract => Value::Number(left - right),
        Operator::Multiply => Value::Number(left * right),
        Operator::Divide => Value::Number(left / right),
        Operator::Power => Value::Number(libm::pow(left, right)),
        Operator::Less => Value::Truth(left < right),
        Operator::LessEqual => Value::Truth(left <= right),
        Operator::Greater => Value::Truth(left > right),
        Operator::GreaterEqual => Value::Truth(left >= right),
        _ => return Err(EvalError),
    })
}

fn call(function: Function, arguments: &[f64]) -> f64 {
    let first = arguments.first().copied().unwrap_or(f64::NAN);
    match function {
        Function::Exp => exp(first),
        Function::Ln => ln(first),
        Function::Log10 => libm::log10(first),
        Function::Log2 => libm::log2(first),
        Function::Sqrt => first.sqrt(),
        Function::Abs => first.abs(),
        Function::Special(function) => function.at(first),
        Function::Min => arguments.iter().copied().fold(f64::INFINITY, f64::min),
        Function::Max => arguments.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Function::ExcessRatio => match arguments {
            [x, floor, ceiling, alpha, size, c] => {
                crate::numerics::excess_ratio(*x, *floor, *ceiling, *alpha, *size, *c)
            }
            _ => f64::NAN,
        },
        // All are replaced before a number is needed: sums are written out, and `number` takes a text.
        Function::SumOverKnots | Function::SumOver | Function::Number => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn value(text: &str) -> Value {
        let names = ["x", "family"];
        let expr = parse(text)
            .unwrap()
            .resolve(&mut |name: &String, _: &_| names.iter().position(|n| n == name).ok_or(()))
            .unwrap();
        expr.evaluate(&[Value::Number(3.0), Value::Text("gpt".to_owned())]).unwrap()
    }

    #[test]
    fn operators_have_their_usual_values() {
        assert_eq!(value("2 + x * 4 - 6 / 3"), Value::Number(12.0));
        assert_eq!(value("2 ^ x ^ 2"), Value::Number(512.0));
        assert_eq!(value("x in [3, 4] and not x > 3"), Value::Truth(true));
        assert_eq!(value("family in {'opt', 'gpt'}"), Value::Truth(true));
        assert_eq!(value("family == 'opt' or min(x, 1) == 1"), Value::Truth(true));
    }

    #[test]
    fn a_comparison_is_a_number_where_one_is_needed() {
        assert_eq!(value("(x > 2) * 5 + (x > 4) * 7"), Value::Number(5.0));
        assert_eq!(value("1 - (family == 'gpt')"), Value::Number(0.0));
        assert_eq!(value("1 == (x > 2)"), Value::Truth(true));
        let missing = parse("(x > 2) * 5").unwrap().resolve(&mut |_: &String, _: &_| Ok::<_, ()>(0)).unwrap();
        assert!(
            missing.number(&[Value::Number(f64::NAN)]).unwrap().is_nan(),
            "what is missing is neither above nor below"
        );
    }

    #[test]
    fn kinds_are_checked_before_anything_runs() {
        let kind = |text: &str| {
            parse(text).unwrap().kind(&|name: &String| if name == "x" { Kind::Number } else { Kind::Text })
        };
        assert_eq!(kind("x + 1").unwrap(), Kind::Number);
        assert_eq!(kind("family == 'a'").unwrap(), Kind::Truth);
        let error = kind("x + family").unwrap_err();
        assert_eq!((error.span, error.expected, error.found), (4..10, Kind::Number, Kind::Text));
        assert!(kind("x and x").is_err() && kind("number(x)").is_err());
        assert_eq!((kind("(x > 1) * x").unwrap(), kind("number(family)").unwrap()), (Kind::Number, Kind::Number));
    }
}
