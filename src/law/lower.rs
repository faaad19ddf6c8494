//! Expressions to graphs.

use super::symbolic::{Graph, Id};
use crate::expr::{Expr, Function, Node, Operator};

/// Enters an expression whose symbols are nodes of `graph`.
///
/// Truths become 1 and 0; a text, which no formula has, becomes `NaN`.
pub(super) fn lower(graph: &mut Graph, expr: &Expr<Id>) -> Id {
    match &expr.node {
        Node::Number(value) => graph.number(*value),
        Node::Text(_) => graph.number(f64::NAN),
        Node::Symbol(id) => *id,
        Node::Negate(inner) => {
            let inner = lower(graph, inner);
            graph.negate(inner)
        }
        Node::Not(inner) => {
            let inner = lower(graph, inner);
            not(graph, inner)
        }
        Node::Binary(operator, left, right) => {
            let (left, right) = (lower(graph, left), lower(graph, right));
            binary(graph, *operator, left, right)
        }
        Node::Call(function, arguments) => {
            let arguments: Vec<Id> = arguments.iter().map(|a| lower(graph, a)).collect();
            call(graph, *function, &arguments)
        }
        Node::Within(value, low, high) => {
            let (value, low, high) = (lower(graph, value), lower(graph, low), lower(graph, high));
            let below = graph.less(value, low);
            let above = graph.less(high, value);
            let outside = graph.add(below, above);
            not(graph, outside)
        }
        Node::OneOf(value, members) => {
            let value = lower(graph, value);
            let mut found = graph.number(0.0);
            for member in members {
                let member = lower(graph, member);
                let equal = binary(graph, Operator::Equal, value, member);
                found = binary(graph, Operator::Or, found, equal);
            }
            found
        }
    }
}

fn not(graph: &mut Graph, truth: Id) -> Id {
    let (zero, one) = (graph.number(0.0), graph.number(1.0));
    graph.select(truth, zero, one)
}

fn binary(graph: &mut Graph, operator: Operator, left: Id, right: Id) -> Id {
    match operator {
        Operator::Add => graph.add(left, right),
        Operator::Subtract => graph.subtract(left, right),
        Operator::Multiply | Operator::And => graph.multiply(left, right),
        Operator::Divide => graph.divide(left, right),
        Operator::Power => graph.power(left, right),
        Operator::Less => graph.less(left, right),
        Operator::Greater => graph.less(right, left),
        Operator::LessEqual => {
            let greater = graph.less(right, left);
            not(graph, greater)
        }
        Operator::GreaterEqual => {
            let less = graph.less(left, right);
            not(graph, less)
        }
        Operator::NotEqual => {
            let (less, greater) = (graph.less(left, right), graph.less(right, left));
            graph.add(less, greater)
        }
        Operator::Equal => {
            let different = binary(graph, Operator::NotEqual, left, right);
            not(graph, different)
        }
        Operator::Or => {
            let one = graph.number(1.0);
            graph.select(left, one, right)
        }
    }
}

fn call(graph: &mut Graph, function: Function, arguments: &[Id]) -> Id {
    let Some((&first, rest)) = arguments.split_first() else {
        return graph.number(f64::NAN);
    };
    match function {
        Function::Exp => graph.exp(first),
        Function::Ln => graph.ln(first),
        Function::Log10 => logarithm(graph, first, std::f64::consts::LN_10),
        Function::Log2 => logarithm(graph, first, std::f64::consts::LN_2),
        Function::Sqrt => graph.sqrt(first),
        Function::Abs => {
            let zero = graph.number(0.0);
            let negative = graph.less(first, zero);
            let minus = graph.negate(first);
            graph.select(negative, minus, first)
        }
        Function::Min => rest.iter().fold(first, |least, &next| {
            let less = graph.less(next, least);
            graph.select(less, next, least)
        }),
        Function::Max => rest.iter().fold(first, |most, &next| {
            let less = graph.less(most, next);
            graph.select(less, next, most)
        }),
    }
}

fn logarithm(graph: &mut Graph, of: Id, base: f64) -> Id {
    let natural = graph.ln(of);
    let base = graph.number(base);
    graph.divide(natural, base)
}
