//! Converts expressions to graphs.

use super::symbolic::{Graph, Id};
use crate::expr::{Expr, Function, Node, Operator};

/// Adds an expression, whose symbols are nodes of `graph`, to the graph.
///
/// Truth values become 1 and 0. A text, which no formula contains, becomes `NaN`.
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
        Function::Special(function) => graph.special(function, first),
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
        Function::ExcessRatio => match arguments {
            &[x, floor, ceiling, alpha, size, c] => excess_ratio(graph, x, [floor, ceiling, alpha, size, c]),
            _ => graph.number(f64::NAN),
        },
        // Sums are written out before this point, and a formula has no texts.
        Function::SumOverKnots | Function::SumOver | Function::Number => graph.number(f64::NAN),
    }
}

/// Newton steps whose derivatives are ignored; their result is a constant.
const HELD_STEPS: usize = 7;
/// Newton steps that are differentiated; each makes one more order of derivatives exact.
const FOLLOWED_STEPS: usize = 2;

/// [`crate::numerics::excess_ratio`] as nodes.
///
/// The derivatives of a solution are those of one Newton step from it; second derivatives need two steps.
fn excess_ratio(graph: &mut Graph, x: Id, [floor, ceiling, alpha, size, c]: [Id; 5]) -> Id {
    let one = graph.number(1.0);
    let b = graph.subtract(ceiling, floor);
    let bend = graph.subtract(alpha, one);
    let (ln_size, ln_x, ln_b) = (graph.ln(size), graph.ln(x), graph.ln(b));
    let (falling, turned) = (graph.multiply(c, ln_x), graph.multiply(bend, ln_b));
    let excess = graph.subtract(ln_size, falling);
    let right = graph.add(excess, turned);
    let zero = graph.number(0.0);
    let (below, steep) = (graph.less(right, zero), graph.divide(right, alpha));
    let mut t = graph.select(below, right, steep);
    for step in 0..HELD_STEPS + FOLLOWED_STEPS {
        if step <= HELD_STEPS {
            t = graph.hold(t);
        }
        let (softplus, logistic) = softplus(graph, t);
        let (bent, slope) = (graph.multiply(bend, softplus), graph.multiply(bend, logistic));
        let (left, slope) = (graph.add(t, bent), graph.add(one, slope));
        let miss = graph.subtract(left, right);
        let correction = graph.divide(miss, slope);
        t = graph.subtract(t, correction);
    }
    let (_, logistic) = softplus(graph, t);
    let above = graph.multiply(b, logistic);
    graph.add(floor, above)
}

/// ln(1 + e^t) and its derivative, the logistic function, without overflow.
fn softplus(graph: &mut Graph, t: Id) -> (Id, Id) {
    let softplus = graph.softplus(t);
    let minus = graph.subtract(t, softplus);
    (softplus, graph.exp(minus))
}

fn logarithm(graph: &mut Graph, of: Id, base: f64) -> Id {
    let natural = graph.ln(of);
    let base = graph.number(base);
    graph.divide(natural, base)
}
