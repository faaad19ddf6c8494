//! How each parameter of a formula relates to the rows, which determines the range of values in which a search looks
//! for it.
//!
//! A formula depends on a parameter through a *scalar*, such as 1 / tau in exp(-x / tau). The scalar is added to a
//! value that varies over the rows, compared with it, or multiplied by it. The use of the result bounds the scalar.
//! Under an exponential, only differences over the rows matter. In a sum with one, the result is of size one. As the
//! response, it is of the size of the response. The range therefore does not depend on how the formula is written:
//! with tau, with a rate, or with the logarithm of either.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::symbolic::{Graph, Id, Op, flatten};
use super::tape::Tape;
use super::{Law, Space};
use crate::numerics::{Special, exp, ln};

/// A place in a formula where a scalar of one coordinate is combined with values of the rows.
#[derive(Clone, Debug)]
pub struct Meeting {
    /// The coordinate.
    pub coordinate: usize,
    /// Conversion from the coordinate to the scalar.
    pub chain: Chain,
    /// The values that the scalar is combined with, at each row. They may depend on other coordinates.
    pub with: Tape,
    /// Whether those values depend on other coordinates.
    pub is_mixed: bool,
    /// How the combined value is used.
    pub role: Role,
}

/// How the combination of a scalar and a row's value is used.
#[derive(Clone, Debug)]
pub enum Role {
    /// They are compared, so the scalar is a place among the values.
    Place(Side),
    /// Their product is the argument of an exponential or a similar function.
    Rate,
    /// Their product is the argument of a periodic function.
    Frequency,
    /// The scalar is added to the argument of a periodic function.
    Phase,
    /// The scalar is added to the argument of an exponential or a similar function, which is zero where the scalar
    /// equals the negative value.
    Shift,
    /// Their product has a known size at each row.
    Factor(Box<Tape>),
    /// Nothing is known.
    Open,
}

/// The side of all values on which a place must lie, where a logarithm or a root takes the difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Either side.
    Either,
    /// Above all values.
    Above,
    /// Below all values.
    Below,
}

/// The conversion from a coordinate to a scalar, step by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain(Vec<Link>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Link {
    Negate,
    Plus(f64),
    From(f64),
    Times(f64),
    Over(f64),
    Under(f64),
    Exp,
    Ln,
    Square,
    Root,
}

impl Link {
    fn apply(self, x: f64) -> f64 {
        match self {
            Self::Negate => -x,
            Self::Plus(c) => x + c,
            Self::From(c) => c - x,
            Self::Times(c) => x * c,
            Self::Over(c) => x / c,
            Self::Under(c) => c / x,
            Self::Exp => exp(x),
            Self::Ln => ln(x),
            Self::Square => x * x,
            Self::Root => x.sqrt(),
        }
    }

    fn undo(self, y: f64) -> f64 {
        match self {
            Self::Negate => -y,
            Self::Plus(c) => y - c,
            Self::From(c) => c - y,
            Self::Times(c) => y / c,
            Self::Over(c) => y * c,
            Self::Under(c) => c / y,
            Self::Exp => ln(y),
            Self::Ln => exp(y),
            Self::Square => y.sqrt(),
            Self::Root => y * y,
        }
    }
}

impl Chain {
    /// Whether the scalar equals the coordinate.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scalar at a coordinate.
    pub fn scalar(&self, coordinate: f64) -> f64 {
        self.0.iter().fold(coordinate, |x, link| link.apply(x))
    }

    /// The coordinate of a scalar: the positive one where there are two, and not finite where there is none.
    pub fn coordinate(&self, scalar: f64) -> f64 {
        self.0.iter().rev().fold(scalar, |y, link| link.undo(y))
    }

    /// The chain to the reciprocal of the scalar.
    #[must_use]
    pub fn reciprocal(mut self) -> Self {
        self.0.push(Link::Under(1.0));
        self
    }

    /// Whether the scalar can have every positive value, and either every negative value or none.
    pub fn is_onto(&self) -> bool {
        let has = |scalar: f64| self.coordinate(scalar).is_finite();
        [1e-3, 1.0, 1e3].into_iter().all(has) && (self.is_positive() || [-1e-3, -1e3].into_iter().all(has))
    }

    /// Whether the scalar cannot be negative.
    pub fn is_positive(&self) -> bool {
        !self.coordinate(-1.0).is_finite()
    }

    /// The chain from a leaf to a node, if the node depends on that leaf alone and every step can be inverted.
    pub(super) fn of(graph: &Graph, node: Id, leaf: Id) -> Option<Self> {
        let mut links = Vec::new();
        let mut at = node;
        while at != leaf {
            let number = |id: Id| graph.constant(id);
            let (link, inner) = match graph.op(at) {
                Op::Negate(a) => (Link::Negate, a),
                Op::Exp(a) => (Link::Exp, a),
                Op::Ln(a) => (Link::Ln, a),
                Op::Sqrt(a) => (Link::Root, a),
                Op::Multiply(a, b) if a == b => (Link::Square, a),
                Op::Add(a, b) | Op::Multiply(a, b) => {
                    let (constant, inner) = number(a).map(|c| (c, b)).or_else(|| number(b).map(|c| (c, a)))?;
                    let is_sum = matches!(graph.op(at), Op::Add(..));
                    (if is_sum { Link::Plus(constant) } else { Link::Times(constant) }, inner)
                }
                Op::Subtract(a, b) => match (number(a), number(b)) {
                    (Some(c), _) => (Link::From(c), b),
                    (_, Some(c)) => (Link::Plus(-c), a),
                    _ => return None,
                },
                Op::Divide(a, b) => match (number(a), number(b)) {
                    (Some(c), _) => (Link::Under(c), b),
                    (_, Some(c)) => (Link::Over(c), a),
                    _ => return None,
                },
                _ => return None,
            };
            links.push(link);
            at = inner;
        }
        links.reverse();
        Some(Self(links))
    }
}

/// What the formula says about the value of a node before any parameter is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Expected {
    /// It has the size of a node that depends on the rows alone.
    Size(Id),
    /// Its differences over the rows have a known size, as for the argument of an exponential.
    Spread,
    /// The same for the argument of a periodic function.
    Cycles,
    /// It is positive.
    Positive,
    /// Nothing is known.
    Open,
}

/// What the formula says about the product of a node and a factor of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wish {
    expected: Expected,
    times: Id,
}

impl Law {
    /// The places where each coordinate is combined with the rows. The response counts as the variable after the
    /// law's own variables.
    pub fn meetings(&self) -> Vec<Meeting> {
        let (mut graph, symbols) = self.graph(Space::Coordinates);
        let root = self.enter(&mut graph, &self.body, &symbols);
        let leaves: Vec<Id> = (0..self.free().len()).map(|j| graph.parameter(j)).collect();
        let response = graph.variable(self.variables.len());
        let mut walk = Walk { graph, leaves, wishes: BTreeMap::new(), found: Vec::new() };
        let one = walk.graph.number(1.0);
        walk.wish(root, Wish { expected: Expected::Size(response), times: one });
        walk.run();
        let Walk { graph, found, .. } = walk;
        let graph = Arc::new(graph);
        let meeting = |found: Found| Meeting {
            coordinate: found.coordinate,
            chain: found.chain,
            with: Tape::of_value(&graph, found.with),
            is_mixed: graph.depends(found.with).parameters,
            role: match found.role {
                Sketch::Place(side) => Role::Place(side),
                Sketch::Rate => Role::Rate,
                Sketch::Frequency => Role::Frequency,
                Sketch::Phase => Role::Phase,
                Sketch::Shift => Role::Shift,
                Sketch::Factor(size) => Role::Factor(Box::new(Tape::of_value(&graph, size))),
                Sketch::Open => Role::Open,
            },
        };
        found.into_iter().map(meeting).collect()
    }
}

/// A meeting as nodes.
struct Found {
    coordinate: usize,
    chain: Chain,
    with: Id,
    role: Sketch,
}

#[derive(Clone, Copy)]
enum Sketch {
    Place(Side),
    Rate,
    Frequency,
    Phase,
    Shift,
    Factor(Id),
    Open,
}

/// Walks through a formula from its value down to the scalars.
struct Walk {
    graph: Graph,
    leaves: Vec<Id>,
    /// Wishes by the number of their node; operands have lower numbers than results.
    wishes: BTreeMap<Id, Vec<Wish>>,
    found: Vec<Found>,
}

impl Walk {
    fn wish(&mut self, node: Id, wish: Wish) {
        let depends = self.graph.depends(node);
        if depends.parameters && depends.variables {
            let all = self.wishes.entry(node).or_default();
            if !all.contains(&wish) {
                all.push(wish);
            }
        }
    }

    fn run(&mut self) {
        while let Some((node, wishes)) = self.wishes.pop_last() {
            for wish in wishes {
                self.step(node, wish);
            }
        }
    }

    fn is_scalar(&self, node: Id) -> bool {
        let depends = self.graph.depends(node);
        depends.parameters && !depends.variables
    }

    fn is_of_rows(&self, node: Id) -> bool {
        !self.graph.depends(node).parameters
    }

    fn step(&mut self, node: Id, wish: Wish) {
        let Wish { expected, times } = wish;
        let one = self.graph.number(1.0);
        let fresh = |expected: Expected| Wish { expected, times: one };
        match self.graph.op(node) {
            Op::Add(..) | Op::Subtract(..) => self.sum(node, wish),
            Op::Less(a, b) => {
                let difference = self.graph.subtract(a, b);
                self.sum(difference, fresh(Expected::Open));
            }
            Op::Multiply(a, b) => {
                self.factor(a, b, wish);
                if a != b {
                    self.factor(b, a, wish);
                }
            }
            Op::Divide(a, b) if self.is_of_rows(b) => {
                let times = self.graph.divide(times, b);
                self.wish(a, Wish { expected, times });
            }
            Op::Divide(a, b) if self.is_of_rows(a) => {
                let inner = match expected {
                    Expected::Size(size) => {
                        let top = self.graph.multiply(times, a);
                        Expected::Size(self.graph.divide(top, size))
                    }
                    Expected::Spread | Expected::Cycles => Expected::Open,
                    other => other,
                };
                self.wish(b, fresh(inner));
            }
            Op::Divide(a, b) => {
                let times = match self.known(b) {
                    Some(size) => self.graph.divide(times, size),
                    None => times,
                };
                self.wish(a, Wish { expected, times });
                self.wish(b, fresh(Expected::Open));
            }
            Op::Negate(a) | Op::Hold(a) => self.wish(a, wish),
            Op::Special(Special::Sin | Special::Cos | Special::Tan, a) => self.wish(a, fresh(Expected::Cycles)),
            Op::Exp(a) | Op::Softplus(a) | Op::Special(_, a) => self.wish(a, fresh(Expected::Spread)),
            Op::Ln(a) => self.wish(a, fresh(Expected::Positive)),
            Op::Sqrt(a) => {
                let inner = match expected {
                    Expected::Size(size) => {
                        let size = self.graph.divide(size, times);
                        Expected::Size(self.graph.multiply(size, size))
                    }
                    _ => Expected::Positive,
                };
                self.wish(a, fresh(inner));
            }
            Op::Select(condition, yes, no) => {
                self.wish(condition, fresh(Expected::Open));
                self.wish(yes, wish);
                self.wish(no, wish);
            }
            Op::Number(_) | Op::Variable(_) | Op::Parameter(_) => {}
        }
    }

    /// Passes what is expected of a sum to its terms. A term that depends only on the rows gives the size of the other
    /// terms and the place of a scalar.
    fn sum(&mut self, node: Id, wish: Wish) {
        let mut summands = Vec::new();
        flatten(&self.graph, node, 1.0, &mut summands);
        let zero = self.graph.number(0.0);
        let (mut of_rows, mut mixed) = (zero, zero);
        for &(summand, sign) in &summands {
            let sum = match (self.is_of_rows(summand), self.is_scalar(summand)) {
                (true, _) => &mut of_rows,
                (_, false) => &mut mixed,
                _ => continue,
            };
            *sum = if sign < 0.0 { self.graph.subtract(*sum, summand) } else { self.graph.add(*sum, summand) };
        }
        // Beside K, the x (1 + x / I) of K + x (1 + x / I) counts like an x.
        if self.graph.constant(of_rows) == Some(0.0) {
            let mixed = summands.iter().filter(|(summand, _)| !self.is_scalar(*summand)).copied().collect::<Vec<_>>();
            of_rows = self.known_sum(&mixed);
        }
        let (varies, is_known) = (self.graph.depends(of_rows).variables, self.graph.constant(of_rows) != Some(0.0));
        let one = self.graph.number(1.0);
        for &(summand, sign) in &summands {
            if self.is_scalar(summand) {
                let (place, role) = match wish.expected {
                    Expected::Positive if varies => {
                        (of_rows, Sketch::Place(if sign < 0.0 { Side::Below } else { Side::Above }))
                    }
                    _ if varies => (of_rows, Sketch::Place(Side::Either)),
                    Expected::Cycles => (one, Sketch::Phase),
                    Expected::Spread => (self.graph.add(of_rows, mixed), Sketch::Shift),
                    Expected::Size(size) => (one, Sketch::Factor(self.graph.divide(size, wish.times))),
                    Expected::Positive | Expected::Open => (mixed, Sketch::Open),
                };
                let is_place = matches!(role, Sketch::Place(_) | Sketch::Shift);
                let place = if is_place && sign > 0.0 { self.graph.negate(place) } else { place };
                self.meet(summand, place, role);
            } else if !self.is_of_rows(summand) {
                if is_known {
                    self.wish(summand, Wish { expected: Expected::Size(of_rows), times: one });
                }
                if !is_known || matches!(wish.expected, Expected::Spread | Expected::Cycles) {
                    self.wish(summand, wish);
                }
            }
        }
    }

    /// The value of a node where the parts of its sums that depend on parameters are small; `None` where it has no such
    /// part.
    fn known(&mut self, node: Id) -> Option<Id> {
        if self.is_of_rows(node) {
            return Some(node);
        }
        match self.graph.op(node) {
            Op::Add(..) | Op::Subtract(..) => {
                let mut summands = Vec::new();
                flatten(&self.graph, node, 1.0, &mut summands);
                let sum = self.known_sum(&summands);
                (self.graph.constant(sum) != Some(0.0)).then_some(sum)
            }
            Op::Multiply(a, b) => {
                let (a, b) = (self.known(a)?, self.known(b)?);
                Some(self.graph.multiply(a, b))
            }
            Op::Divide(a, b) => {
                let (a, b) = (self.known(a)?, self.known(b)?);
                Some(self.graph.divide(a, b))
            }
            Op::Negate(a) => {
                let a = self.known(a)?;
                Some(self.graph.negate(a))
            }
            _ => None,
        }
    }

    /// The sum of the known parts of summands with signs.
    fn known_sum(&mut self, summands: &[(Id, f64)]) -> Id {
        let mut sum = self.graph.number(0.0);
        for &(summand, sign) in summands {
            if let Some(size) = self.known(summand) {
                sum = if sign < 0.0 { self.graph.subtract(sum, size) } else { self.graph.add(sum, size) };
            }
        }
        sum
    }

    /// Passes what is expected of a product to one factor.
    fn factor(&mut self, a: Id, b: Id, Wish { expected, times }: Wish) {
        if self.is_scalar(a) {
            let role = match expected {
                Expected::Size(size) => Sketch::Factor(size),
                Expected::Spread => Sketch::Rate,
                Expected::Cycles => Sketch::Frequency,
                Expected::Positive | Expected::Open => Sketch::Open,
            };
            let with = self.graph.multiply(b, times);
            self.meet(a, with, role);
        } else if self.is_of_rows(b) {
            let times = self.graph.multiply(times, b);
            self.wish(a, Wish { expected, times });
        } else if self.is_scalar(b) {
            // The scalar can take any size that the product needs.
            let inner = if let Expected::Size(_) = expected { Expected::Open } else { expected };
            self.wish(a, Wish { expected: inner, times });
        } else {
            self.wish(a, Wish { expected, times });
        }
    }

    fn meet(&mut self, scalar: Id, with: Id, role: Sketch) {
        for (coordinate, &leaf) in self.leaves.iter().enumerate() {
            if let Some(chain) = Chain::of(&self.graph, scalar, leaf) {
                self.found.push(Found { coordinate, chain, with, role });
            }
        }
    }
}
