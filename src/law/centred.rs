//! A law in which the size of each term is its value at a reference point of the variables.
//!
//! In E + A / N^alpha over N near 1e9, A and alpha are almost exchangeable, and A grows without bound where alpha goes
//! through zero. The value A / N0^alpha of the term at a reference size N0 does neither. Refits over such values do not
//! depend on the units of the variables or on whether the formula is written with N or with N / 1e9.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Law;
use super::meeting::Chain;
use super::structure::{Found, Peeled, Size};
use super::symbolic::{Graph, Id};
use super::tape::Tape;

/// A law over centred coordinates.
#[derive(Clone, Debug)]
pub struct Centred {
    /// The compiled formula.
    pub tape: Tape,
    /// Whether the tape gives the logarithm of the formula.
    pub as_exponent: bool,
    /// The coordinates that differ from those of the law.
    pub sizes: Vec<CentredSize>,
}

/// A coordinate that sets a term's size, and its conversion to the value of the term at the reference.
#[derive(Clone, Debug)]
pub struct CentredSize {
    /// The coordinate.
    pub coordinate: usize,
    /// The other coordinates on which the conversion depends.
    pub shape: Vec<usize>,
    conversion: Conversion,
}

#[derive(Clone, Debug)]
enum Conversion {
    /// A function of the coordinate is multiplied by the term for size one.
    Factor { chain: Chain, unit: Tape },
    /// The coordinate is shifted.
    Shift(Tape),
}

impl CentredSize {
    /// The centred coordinate at a point of the law's coordinates.
    pub fn enter(&self, point: &[f64]) -> f64 {
        let own = point[self.coordinate];
        match &self.conversion {
            Conversion::Factor { chain, unit } => with_sign(chain, own, unit.value_at(point, &[])),
            Conversion::Shift(by) => own + by.value_at(point, &[]),
        }
    }

    /// The law's coordinate at a point of centred coordinates.
    pub fn leave(&self, point: &[f64]) -> f64 {
        let own = point[self.coordinate];
        match &self.conversion {
            Conversion::Factor { chain, unit } => with_sign(chain, own, 1.0 / unit.value_at(point, &[])),
            Conversion::Shift(by) => own - by.value_at(point, &[]),
        }
    }
}

/// The coordinate whose scalar is that of `own` times a factor. Of the two coordinates with the same square it is the one on
/// the side of `own`.
fn with_sign(chain: &Chain, own: f64, factor: f64) -> f64 {
    let moved = chain.coordinate(chain.scalar(own) * factor);
    let other = chain.coordinate(chain.scalar(own));
    // The chain inverts a square to its positive root.
    if (other - own).abs() > 0.5 * own.abs() { -moved } else { moved }
}

/// The values of the variables over the rows that a law is centred on.
#[derive(Clone, Debug)]
pub struct Reference {
    /// A middle of each variable.
    pub middle: Vec<f64>,
    /// The lowest value of each variable, and the highest one.
    pub ends: [Vec<f64>; 2],
}

/// Factors by which the coordinates of a term are multiplied to see whether its sign changes.
const LOOKED_AT: [f64; 10] = [-10.0, -3.0, -1.0, -0.3, -0.1, 0.1, 0.3, 1.0, 3.0, 10.0];

impl Law {
    /// The law over coordinates in which sizes are values of terms at a reference, around the coordinates `optimum`.
    ///
    /// A term whose sign is known counts at the middle of the variables. A term that has one sign over all rows, as
    /// 1 - e^(-x / tau) has for each tau, counts by its sum over the middle and both ends, which vanishes only where the
    /// term does. Coordinates that `may_move` refuses stay as they are; it receives a coordinate, the others on which its
    /// conversion depends, and whether the conversion keeps zero where it is. With `log`, a formula that is an exponential
    /// is compiled as its exponent. `None` where no coordinate is centred.
    pub fn centred(
        &self,
        reference: &Reference,
        optimum: &[f64],
        log: bool,
        may_move: impl Fn(usize, &[usize], bool) -> bool,
    ) -> Option<Centred> {
        let Peeled { mut graph, whole, leaves, carriers, sum, .. } = self.peeled()?;
        let mut others: BTreeMap<Id, Id> = BTreeMap::new();
        let mut found: Vec<(&Found, Id)> = Vec::new();
        for term in &sum.terms {
            let (leaf, carrier) = (leaves[term.size], &carriers[term.size]);
            let (node, size) = match term.kind {
                Size::Factor(_) => (carrier.node, graph.number(1.0)),
                Size::Exponent(_) => (leaf, graph.number(0.0)),
            };
            let of_size_one = graph.replaced(term.node, &BTreeMap::from([(node, size)]));
            let Some((unit, is_positive)) = unit_of(&mut graph, of_size_one, term, reference, optimum) else {
                continue;
            };
            let keeps_zero = match &term.kind {
                Size::Factor(chain) => is_positive && matches!(chain.scalar(0.0).abs(), 0.0 | f64::INFINITY),
                Size::Exponent(_) => false,
            };
            if !may_move(term.size, &term.shape, keeps_zero) {
                continue;
            }
            let (by, centred) = match &term.kind {
                Size::Factor(chain) if *chain == carrier.chain => (unit, graph.divide(node, unit)),
                Size::Factor(_) => (unit, graph.multiply(node, unit)),
                Size::Exponent(gain) if graph.constant(*gain).is_some() => {
                    let logarithm = graph.ln(unit);
                    let shift = graph.divide(logarithm, *gain);
                    (shift, graph.subtract(node, shift))
                }
                Size::Exponent(_) => continue,
            };
            found.push((term, by));
            others.insert(node, centred);
        }
        if found.is_empty() {
            return None;
        }
        let value = graph.replaced(whole, &others);
        let units = Arc::new(graph.clone());
        let sizes = found.into_iter().map(|(term, by)| {
            let by = Tape::of_value(&units, by);
            let conversion = match &term.kind {
                Size::Factor(chain) => Conversion::Factor { chain: chain.clone(), unit: by },
                Size::Exponent(_) => Conversion::Shift(by),
            };
            CentredSize { coordinate: term.size, shape: term.shape.clone(), conversion }
        });
        let sizes = sizes.collect();
        let (tape, as_exponent) = self.compiled(graph, value, log);
        Some(Centred { tape, as_exponent, sizes })
    }
}

/// The value of a term of size one by which its size is measured, and whether it is positive. `None` where the term is
/// constant, or its sign changes.
fn unit_of(
    graph: &mut Graph,
    of_size_one: Id,
    term: &Found,
    reference: &Reference,
    optimum: &[f64],
) -> Option<(Id, bool)> {
    let middle = at_reference(graph, of_size_one, &reference.middle);
    if graph.constant(middle).is_some() {
        return None;
    }
    if graph.is_positive(middle) {
        return Some((middle, true));
    }
    let takes_any_sign = matches!(&term.kind, Size::Factor(chain) if !chain.is_positive());
    if !takes_any_sign || !has_one_sign(graph, of_size_one, term, reference, optimum) {
        return None;
    }
    let [low, high] = [&reference.ends[0], &reference.ends[1]].map(|end| at_reference(graph, of_size_one, end));
    let both = graph.add(low, high);
    Some((graph.add(middle, both), false))
}

/// Whether a term has the same sign at the reference's middle and ends, for coordinates around the optimum.
fn has_one_sign(graph: &Graph, of_size_one: Id, term: &Found, reference: &Reference, optimum: &[f64]) -> bool {
    let nodes = graph.needed(&[of_size_one]);
    let places = [&reference.middle, &reference.ends[0], &reference.ends[1]];
    let looks = term.shape.iter().flat_map(|&j| LOOKED_AT.map(|factor| (j, factor)));
    let mut is_seen = false;
    for (j, factor) in looks {
        let mut point = optimum.to_vec();
        point[j] *= factor;
        let values = places.map(|at| graph.evaluate(&nodes, &point, at)[of_size_one as usize]);
        if values.iter().all(|value| value.is_finite()) {
            let has = |sign: f64| values.iter().any(|value| sign * value > 0.0);
            if has(1.0) && has(-1.0) {
                return false;
            }
            is_seen |= has(1.0) || has(-1.0);
        }
    }
    is_seen
}

/// A node in which every variable has its reference value.
fn at_reference(graph: &mut Graph, node: Id, at: &[f64]) -> Id {
    let values = at.iter().enumerate().map(|(index, &value)| (graph.variable(index), value)).collect::<Vec<_>>();
    let numbers = values.into_iter().map(|(variable, value)| (variable, graph.number(value))).collect();
    graph.replaced(node, &numbers)
}
