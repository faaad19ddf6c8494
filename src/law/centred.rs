//! A law in coordinates that the rows tell apart: sizes are values of terms at a reference point of the variables.
//!
//! In E + A / N^alpha over N near 1e9, A and alpha are almost exchangeable, and A grows without bound where alpha goes
//! through zero. The value A / N0^alpha of the term at a reference size N0 does neither. Refits over such values do not
//! depend on the units of the variables or on whether the formula is written with N or with N / 1e9. The same holds for
//! sizes inside of other functions, as for the b of A / (1 + b exp(-k t)) over years t.
//!
//! In a + b t + c t^2 over years, the terms are nearly proportional. There a coordinate is the coefficient of the part of
//! its term that the other terms do not have (Gram and Schmidt).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Law;
use super::meeting::Chain;
use super::structure::{Carrier, Found, Peeled, Size};
use super::symbolic::{Graph, Id, Op};
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
    /// The values of each variable at rows.
    pub rows: Vec<Vec<f64>>,
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
        graph.set_merging(true);
        let mut moves = mixed(&mut graph, whole, &leaves, &carriers, reference);
        moves.retain(|moved| may_move(moved.coordinate, &moved.shape, false));
        let is_mixed = |j: usize, moves: &[Move]| moves.iter().any(|m| m.coordinate == j || m.shape.contains(&j));
        let inner = inner_terms(&mut graph, whole, &leaves, &carriers, &sum.terms);
        for term in sum.terms.iter().chain(&inner) {
            if is_mixed(term.size, &moves) {
                continue;
            }
            let moved = sized(&mut graph, term, leaves[term.size], &carriers[term.size], reference, optimum);
            moves.extend(
                moved.filter(|(moved, keeps_zero)| may_move(term.size, &moved.shape, *keeps_zero)).map(|m| m.0),
            );
        }
        let moves = outermost_first(moves)?;
        if moves.is_empty() {
            return None;
        }
        let value = moves
            .iter()
            .fold(whole, |value, moved| graph.replaced(value, &BTreeMap::from([(moved.node, moved.centred)])));
        graph.set_merging(false);
        let units = Arc::new(graph.clone());
        let sizes = moves.into_iter().map(|moved| {
            let by = Tape::of_value(&units, moved.by);
            let conversion = match moved.chain {
                Some(chain) => Conversion::Factor { chain, unit: by },
                None => Conversion::Shift(by),
            };
            CentredSize { coordinate: moved.coordinate, shape: moved.shape, conversion }
        });
        let sizes = sizes.collect();
        let (tape, as_exponent) = self.compiled(graph, value, log);
        Some(Centred { tape, as_exponent, sizes })
    }
}

/// A coordinate that becomes another one.
struct Move {
    coordinate: usize,
    /// The other coordinates on which the conversion depends, before any of them is moved.
    shape: Vec<usize>,
    /// The node through which the formula depends on the coordinate, and the same node over the new coordinate.
    node: Id,
    centred: Id,
    /// The factor of the scalar, or the shift of the coordinate where there is no chain.
    by: Id,
    chain: Option<Chain>,
}

/// The moves in an order in which none depends on a coordinate that is moved before; `None` where there is no such order.
fn outermost_first(mut moves: Vec<Move>) -> Option<Vec<Move>> {
    let mut ordered = Vec::with_capacity(moves.len());
    while !moves.is_empty() {
        let next = moves.iter().position(|m| moves.iter().all(|other| !other.shape.contains(&m.coordinate)))?;
        ordered.push(moves.remove(next));
    }
    Some(ordered)
}

/// The move of a term's size to the term's value at the reference, and whether it keeps zero.
fn sized(
    graph: &mut Graph,
    term: &Found,
    leaf: Id,
    carrier: &Carrier,
    reference: &Reference,
    optimum: &[f64],
) -> Option<(Move, bool)> {
    let (node, size) = match term.kind {
        Size::Factor(_) => (carrier.node, graph.number(1.0)),
        Size::Exponent(_) => (leaf, graph.number(0.0)),
    };
    let of_size_one = graph.replaced(term.node, &BTreeMap::from([(node, size)]));
    let (unit, is_positive) = unit_of(graph, of_size_one, term, reference, optimum)?;
    let (coordinate, shape) = (term.size, term.shape.clone());
    let (keeps_zero, by, centred, chain) = match &term.kind {
        Size::Factor(chain) => {
            let keeps_zero = is_positive && matches!(chain.scalar(0.0).abs(), 0.0 | f64::INFINITY);
            let is_same = *chain == carrier.chain;
            let centred = if is_same { graph.divide(node, unit) } else { graph.multiply(node, unit) };
            (keeps_zero, unit, centred, Some(chain.clone()))
        }
        Size::Exponent(gain) => {
            graph.constant(*gain)?;
            let logarithm = graph.ln(unit);
            let shift = graph.divide(logarithm, *gain);
            (false, shift, graph.subtract(node, shift), None)
        }
    };
    Some((Move { coordinate, shape, node, centred, by, chain }, keeps_zero))
}

/// A factor of a product inside of a formula.
struct Factor {
    /// The largest product with the factor.
    product: Id,
    /// Whether the factor divides the product.
    is_below: bool,
}

/// The largest product in which a node is a factor; `None` where the formula has the node in several places.
fn factor(graph: &Graph, nodes: &[Id], node: Id) -> Option<Factor> {
    let mut found = Factor { product: node, is_below: false };
    loop {
        let [user] = users(graph, nodes, found.product)[..] else {
            return (found.product == nodes.last().copied()?).then_some(found);
        };
        match graph.op(user) {
            Op::Negate(_) | Op::Multiply(..) => {}
            Op::Divide(_, below) => found.is_below ^= below == found.product,
            _ => return Some(found),
        }
        found.product = user;
    }
}

/// The nodes that have a node as an operand.
fn users(graph: &Graph, nodes: &[Id], node: Id) -> Vec<Id> {
    nodes.iter().copied().filter(|id| graph.op(*id).operands().any(|operand| operand == node)).collect()
}

/// The terms inside of other functions, each with the coordinate that sets its size, without those of `known`.
fn inner_terms(graph: &mut Graph, whole: Id, leaves: &[Id], carriers: &[Carrier], known: &[Found]) -> Vec<Found> {
    let nodes = graph.needed(&[whole]);
    let mut found: Vec<Found> = Vec::new();
    for (size, carrier) in carriers.iter().enumerate() {
        if known.iter().any(|term| term.size == size) {
            continue;
        }
        let Some(factor) = factor(graph, &nodes, carrier.node) else { continue };
        let inside = graph.needed(&[factor.product]);
        let shape: Vec<usize> = (0..leaves.len()).filter(|&j| j != size && inside.contains(&leaves[j])).collect();
        // Of two factors of one product, one sets its size.
        let is_taken = known.iter().chain(&found).any(|t| t.shape.contains(&size) && shape.contains(&t.size));
        if is_taken || shape.is_empty() || !graph.depends(factor.product).variables {
            continue;
        }
        let chain = carrier.chain.clone();
        let kind = Size::Factor(if factor.is_below { chain.reciprocal() } else { chain });
        found.push(Found::inside(factor.product, size, shape, kind));
    }
    found
}

/// A term of a sum whose column does not depend on other coordinates.
struct Fixed {
    coordinate: usize,
    carrier: Id,
    is_plain: bool,
    /// The term for size one at each row.
    column: Vec<f64>,
}

/// Largest share of a column's square that the other columns leave, where the columns are nearly proportional.
const NEARLY_PROPORTIONAL: f64 = 1e-4;

/// Moves of coefficients of nearly proportional columns to the coefficients of what each column has of its own.
fn mixed(graph: &mut Graph, whole: Id, leaves: &[Id], carriers: &[Carrier], reference: &Reference) -> Vec<Move> {
    let mut moves = Vec::new();
    for mut terms in fixed_terms(graph, whole, leaves, carriers, reference) {
        // A plain coefficient is shifted by those after it. One that is not plain cannot be shifted, so it comes last.
        terms.sort_by_key(|term| !term.is_plain);
        let shares = shares(&terms);
        for (i, term) in terms.iter().enumerate() {
            let others = || (i + 1..terms.len()).filter(|&k| shares[k][i] != 0.0);
            if !term.is_plain || others().next().is_none() {
                continue;
            }
            let mut by = graph.number(0.0);
            for k in others() {
                let share = graph.number(shares[k][i]);
                let part = graph.multiply(share, terms[k].carrier);
                by = graph.add(by, part);
            }
            let shape = others().map(|k| terms[k].coordinate).collect();
            let centred = graph.subtract(term.carrier, by);
            moves.push(Move { coordinate: term.coordinate, shape, node: term.carrier, centred, by, chain: None });
        }
    }
    moves
}

/// The terms of each sum in the formula that have a fixed column.
fn fixed_terms(
    graph: &mut Graph,
    whole: Id,
    leaves: &[Id],
    carriers: &[Carrier],
    reference: &Reference,
) -> Vec<Vec<Fixed>> {
    let nodes = graph.needed(&[whole]);
    let one = graph.number(1.0);
    let mut sums: BTreeMap<Id, Vec<Fixed>> = BTreeMap::new();
    for (coordinate, carrier) in carriers.iter().enumerate() {
        let Some(factor) = factor(graph, &nodes, carrier.node) else { continue };
        let of_size_one = graph.replaced(factor.product, &BTreeMap::from([(carrier.node, one)]));
        if factor.is_below || graph.depends(of_size_one).parameters {
            continue;
        }
        let needed = graph.needed(&[of_size_one]);
        let rows = reference.rows.first().map_or(0, Vec::len);
        let value = |row: usize| {
            let variables: Vec<f64> = reference.rows.iter().map(|values| values[row]).collect();
            graph.evaluate(&needed, &[], &variables)[of_size_one as usize]
        };
        let column = (0..rows).map(value).collect();
        let is_plain = carrier.node == leaves[coordinate];
        let sum = sum_with(graph, &nodes, factor.product);
        sums.entry(sum).or_default().push(Fixed { coordinate, carrier: carrier.node, is_plain, column });
    }
    sums.into_values().collect()
}

/// The largest sum with a node as a summand.
fn sum_with(graph: &Graph, nodes: &[Id], mut node: Id) -> Id {
    while let [user] = users(graph, nodes, node)[..]
        && matches!(graph.op(user), Op::Add(..) | Op::Subtract(..) | Op::Negate(_))
    {
        node = user;
    }
    node
}

/// For each column, its multiples of the columns before it, if these make up nearly all of it; else zeros.
fn shares(terms: &[Fixed]) -> Vec<Vec<f64>> {
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut own: Vec<Vec<f64>> = Vec::with_capacity(terms.len());
    let mut shares = Vec::with_capacity(terms.len());
    for term in terms {
        let mut rest = term.column.clone();
        let mut of_term = vec![0.0; own.len()];
        // The second pass removes what rounding left by the first.
        for _pass in 0..2 {
            for (share, other) in of_term.iter_mut().zip(&own) {
                let part = product(&rest, other) / product(other, other);
                *share += part;
                rest.iter_mut().zip(other).for_each(|(x, y)| *x -= part * y);
            }
        }
        let left = product(&rest, &rest) / product(&term.column, &term.column);
        if left > 0.0 && left < NEARLY_PROPORTIONAL && of_term.iter().all(|share| share.is_finite()) {
            own.push(rest);
        } else {
            of_term.fill(0.0);
            own.push(term.column.clone());
        }
        shares.push(of_term);
    }
    shares
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
