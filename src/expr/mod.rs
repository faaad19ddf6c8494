//! The expression language of a spec: columns, filter rules, formulas and expectations.
//!
//! This folder knows nothing of files, tables or laws. The caller resolves names.

mod error;
mod eval;
mod foreign;
mod lexer;
mod parser;
mod written;

use std::fmt;
use std::ops::Range;

pub use error::ParseError;
pub use eval::{EvalError, Kind, KindError, Value};
pub use lexer::{indices, is_plain_name};
pub use parser::{parse, parse_constant, parse_equation, parse_printed};
pub use written::{number_in, number_of};

use crate::numerics::Special;

/// An expression over symbols of type `S`: names as written, or indices once they are resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr<S = String> {
    /// The form of the expression.
    pub node: Node<S>,
    /// Byte range in the text that was parsed.
    pub span: Range<usize>,
}

/// The forms of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Node<S = String> {
    /// A number with its suffix (`K M B T PFday`) applied.
    Number(f64),
    /// A quoted text.
    Text(String),
    /// A name.
    Symbol(S),
    /// Arithmetic negation.
    Negate(Box<Expr<S>>),
    /// Logical negation.
    Not(Box<Expr<S>>),
    /// A binary operation.
    Binary(Operator, Box<Expr<S>>, Box<Expr<S>>),
    /// A function call.
    Call(Function, Vec<Expr<S>>),
    /// `x in [low, high]`: a closed interval.
    Within(Box<Expr<S>>, Box<Expr<S>>, Box<Expr<S>>),
    /// `x in {a, b, ...}`: a set.
    OneOf(Box<Expr<S>>, Vec<Expr<S>>),
}

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named by what it does")]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

impl Operator {
    /// The operator as it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Power => "^",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::And => "and",
            Self::Or => "or",
        }
    }

    /// Precedence; a larger number binds tighter.
    const fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual | Self::Equal | Self::NotEqual => 4,
            Self::Add | Self::Subtract => 5,
            Self::Multiply | Self::Divide => 6,
            Self::Power => 8,
        }
    }
}

/// A function of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named by what it computes")]
pub enum Function {
    Exp,
    Ln,
    Log10,
    Log2,
    Sqrt,
    Special(Special),
    Abs,
    Min,
    Max,
    Number,
    ExcessRatio,
    SumOverKnots,
    SumOver,
}

impl Function {
    /// Every function with its name and number of arguments (`None`: two or more).
    pub const ALL: [(Self, &'static str, Option<usize>); 19] = [
        (Self::Exp, "exp", Some(1)),
        (Self::Ln, "ln", Some(1)),
        (Self::Log10, "log10", Some(1)),
        (Self::Log2, "log2", Some(1)),
        (Self::Sqrt, "sqrt", Some(1)),
        (Self::Special(Special::Sin), "sin", Some(1)),
        (Self::Special(Special::Cos), "cos", Some(1)),
        (Self::Special(Special::Tan), "tan", Some(1)),
        (Self::Special(Special::Atan), "atan", Some(1)),
        (Self::Special(Special::Tanh), "tanh", Some(1)),
        (Self::Special(Special::Erf), "erf", Some(1)),
        (Self::Special(Special::Gamma), "gamma", Some(1)),
        (Self::Abs, "abs", Some(1)),
        (Self::Min, "min", None),
        (Self::Max, "max", None),
        // The number in a text, such as 7e9 in 'pythia-7B'.
        (Self::Number, "number", Some(1)),
        // A root without a formula, which a law of the catalogue needs.
        (Self::ExcessRatio, "excess_ratio", Some(6)),
        // Expanded into a sum before evaluation: see `schedule`.
        (Self::SumOverKnots, "sum_over_knots", Some(1)),
        // Expanded into a sum before evaluation: see `law::mixture`.
        (Self::SumOver, "sum_over", Some(2)),
    ];

    /// The name of the function.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(function, ..)| *function == self).map_or("", |(_, name, _)| name)
    }
}

impl<S> Expr<S> {
    /// Replaces every symbol, from left to right.
    ///
    /// # Errors
    /// The first error of `resolve`.
    pub fn resolve<T, E>(&self, resolve: &mut impl FnMut(&S, &Range<usize>) -> Result<T, E>) -> Result<Expr<T>, E> {
        let node = match &self.node {
            Node::Number(value) => Node::Number(*value),
            Node::Text(text) => Node::Text(text.clone()),
            Node::Symbol(symbol) => Node::Symbol(resolve(symbol, &self.span)?),
            Node::Negate(inner) => Node::Negate(Box::new(inner.resolve(resolve)?)),
            Node::Not(inner) => Node::Not(Box::new(inner.resolve(resolve)?)),
            Node::Binary(operator, left, right) => {
                Node::Binary(*operator, Box::new(left.resolve(resolve)?), Box::new(right.resolve(resolve)?))
            }
            Node::Call(function, arguments) => Node::Call(*function, resolve_all(arguments, resolve)?),
            Node::Within(value, low, high) => Node::Within(
                Box::new(value.resolve(resolve)?),
                Box::new(low.resolve(resolve)?),
                Box::new(high.resolve(resolve)?),
            ),
            Node::OneOf(value, members) => {
                Node::OneOf(Box::new(value.resolve(resolve)?), resolve_all(members, resolve)?)
            }
        };
        Ok(Expr { node, span: self.span.clone() })
    }

    /// The value of an integer constant, with or without a minus; `None` for any other expression.
    pub fn whole(&self) -> Option<f64> {
        match &self.node {
            Node::Number(value) => (value.fract() == 0.0).then_some(*value),
            Node::Negate(inner) => inner.whole().map(|value| -value),
            _ => None,
        }
    }

    /// The same expression with each part for which `replace` returns another replaced, outermost first.
    #[must_use]
    pub fn replaced(&self, replace: &impl Fn(&Self) -> Option<Self>) -> Self
    where
        S: Clone,
    {
        if let Some(other) = replace(self) {
            return other;
        }
        let inside = |part: &Self| part.replaced(replace);
        let boxed = |part: &Self| Box::new(inside(part));
        let node = match &self.node {
            Node::Number(_) | Node::Text(_) | Node::Symbol(_) => self.node.clone(),
            Node::Negate(inner) => Node::Negate(boxed(inner)),
            Node::Not(inner) => Node::Not(boxed(inner)),
            Node::Binary(operator, left, right) => Node::Binary(*operator, boxed(left), boxed(right)),
            Node::Call(function, arguments) => Node::Call(*function, arguments.iter().map(inside).collect()),
            Node::Within(value, low, high) => Node::Within(boxed(value), boxed(low), boxed(high)),
            Node::OneOf(value, members) => Node::OneOf(boxed(value), members.iter().map(inside).collect()),
        };
        Self { node, span: self.span.clone() }
    }

    /// The direct parts of this expression, from left to right.
    pub fn parts(&self) -> Vec<&Self> {
        match &self.node {
            Node::Number(_) | Node::Text(_) | Node::Symbol(_) => Vec::new(),
            Node::Negate(inner) | Node::Not(inner) => vec![&**inner],
            Node::Binary(_, left, right) => vec![&**left, &**right],
            Node::Call(_, arguments) => arguments.iter().collect(),
            Node::Within(value, low, high) => vec![&**value, &**low, &**high],
            Node::OneOf(value, members) => std::iter::once(&**value).chain(members).collect(),
        }
    }

    /// The first call of one of some functions, outermost and leftmost, and its place.
    pub fn first_call(&self, of: &[Function]) -> Option<(Function, &Range<usize>)> {
        match &self.node {
            Node::Call(function, _) if of.contains(function) => Some((*function, &self.span)),
            _ => self.parts().into_iter().find_map(|part| part.first_call(of)),
        }
    }

    /// Calls `visit` with every symbol and its place, from left to right.
    pub fn visit_symbols<'a>(&'a self, visit: &mut impl FnMut(&'a S, &Range<usize>)) {
        match &self.node {
            Node::Number(_) | Node::Text(_) => {}
            Node::Symbol(symbol) => visit(symbol, &self.span),
            Node::Negate(inner) | Node::Not(inner) => inner.visit_symbols(visit),
            Node::Binary(_, left, right) => {
                left.visit_symbols(visit);
                right.visit_symbols(visit);
            }
            Node::Call(_, arguments) => arguments.iter().for_each(|a| a.visit_symbols(visit)),
            Node::Within(value, low, high) => {
                value.visit_symbols(visit);
                low.visit_symbols(visit);
                high.visit_symbols(visit);
            }
            Node::OneOf(value, members) => {
                value.visit_symbols(visit);
                members.iter().for_each(|m| m.visit_symbols(visit));
            }
        }
    }
}

fn resolve_all<S, T, E>(
    all: &[Expr<S>],
    resolve: &mut impl FnMut(&S, &Range<usize>) -> Result<T, E>,
) -> Result<Vec<Expr<T>>, E> {
    all.iter().map(|one| one.resolve(resolve)).collect()
}

impl<S: AsRef<str>> fmt::Display for Expr<S> {
    /// Writes the canonical text, which is the same for all spellings of one expression.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_expr(f, self, 0)
    }
}

fn write_expr<S: AsRef<str>>(f: &mut fmt::Formatter<'_>, expr: &Expr<S>, outer: u8) -> fmt::Result {
    let own = match &expr.node {
        Node::Binary(operator, ..) => operator.precedence(),
        Node::Within(..) | Node::OneOf(..) => 4,
        Node::Not(_) => 3,
        Node::Negate(_) => 7,
        Node::Number(value) if *value < 0.0 => 7,
        _ => u8::MAX,
    };
    if own < outer {
        f.write_str("(")?;
    }
    match &expr.node {
        Node::Number(value) => write!(f, "{}", crate::numeral::exact(*value))?,
        Node::Text(text) => write!(f, "'{text}'")?,
        Node::Symbol(name) => write_name(f, name.as_ref())?,
        Node::Negate(inner) => {
            f.write_str("-")?;
            write_expr(f, inner, 8)?;
        }
        Node::Not(inner) => {
            f.write_str("not ")?;
            write_expr(f, inner, 3)?;
        }
        Node::Binary(Operator::Power, base, exponent) => {
            write_expr(f, base, 9)?;
            f.write_str("^")?;
            // An exponent may be a bare sign or number, but not a bare quotient.
            write_expr(f, exponent, 7)?;
        }
        Node::Binary(operator, left, right) => {
            write_expr(f, left, own)?;
            write!(f, " {} ", operator.symbol())?;
            write_expr(f, right, own + 1)?;
        }
        Node::Call(function, arguments) => {
            write!(f, "{}(", function.name())?;
            write_list(f, arguments)?;
            f.write_str(")")?;
        }
        Node::Within(value, low, high) => {
            write_expr(f, value, 5)?;
            f.write_str(" in [")?;
            write_expr(f, low, 0)?;
            f.write_str(", ")?;
            write_expr(f, high, 0)?;
            f.write_str("]")?;
        }
        Node::OneOf(value, members) => {
            write_expr(f, value, 5)?;
            f.write_str(" in {")?;
            write_list(f, members)?;
            f.write_str("}")?;
        }
    }
    if own < outer { f.write_str(")") } else { Ok(()) }
}

fn write_list<S: AsRef<str>>(f: &mut fmt::Formatter<'_>, all: &[Expr<S>]) -> fmt::Result {
    for (index, one) in all.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write_expr(f, one, 0)?;
    }
    Ok(())
}

fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    if lexer::is_bare_name(name) { f.write_str(name) } else { write!(f, "`{name}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_expression_can_be_read_back_after_printing() {
        for text in
            [format!("{}x", "-".repeat(60)), format!("{}x", "not ".repeat(60)), format!("x{}", "+x".repeat(1900))]
        {
            let printed = parse(&text).unwrap().to_string();
            assert_eq!(parse_printed(&printed).unwrap().to_string(), printed);
        }
    }

    #[test]
    fn a_member_of_a_matrix_keeps_its_name_when_printed() {
        for text in ["fits.main[law=a,delta=0.001].alpha in [0, 1]", "`odd name[x]` > 1", "a in [0, 1]"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    fn canonical(text: &str) -> String {
        parse(text).unwrap().to_string()
    }

    #[test]
    fn spelling_does_not_change_the_canonical_text() {
        assert_eq!(canonical("E+A/N^alpha"), "E + A / N^alpha");
        assert_eq!(canonical("(E + (A/(N^(alpha))))"), "E + A / N^alpha");
        assert_eq!(canonical("a - (b - c)"), "a - (b - c)");
        assert_eq!(canonical("-x^2"), "-x^2");
        assert_eq!(canonical("(-x)^2"), "(-x)^2");
        assert_eq!(canonical("x^-a"), "x^-a");
        assert_eq!(canonical("x^(a/b)"), "x^(a / b)");
        assert_eq!(canonical("2^3^4"), "2^3^4");
        assert_eq!(canonical("(2^3)^4"), "(2^3)^4");
        assert_eq!(canonical("not a < 1 and b in [1, 2]"), "not a < 1 and b in [1, 2]");
        assert_eq!(canonical("`Model Size` > 40M"), "`Model Size` > 4e7");
    }

    #[test]
    fn canonical_text_reads_back_as_itself() {
        for text in ["-(a + b) * c", "a / (b * c)", "a^-(b + c)", "exp(min(a, b, 1e-3))", "x in {'a', 'b'}"] {
            let once = canonical(text);
            assert_eq!(canonical(&once), once, "{text}");
        }
    }
}
