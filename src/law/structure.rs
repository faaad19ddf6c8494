//! Structure read off a formula: a function of a sum of terms, each with a size that nothing else shares.
//!
//! Given the other parameters such sizes are found by linear least squares (variable projection,
//! Golub and Pereyra 1973, doi:10.1137/0710036), so a search need only run over the others. Where the
//! sum stands under a power, a logarithm or beside a floor, these are peeled off: the response is put
//! through the inverse of each, as far as that depends on parameters that are searched anyway.

use super::sums::Columns;
use super::symbolic::{Graph, Id, Op};
use super::tape::Tape;
use super::{Law, Space};

/// A law over coordinates as a function of a sum of terms.
#[derive(Clone, Debug)]
pub struct Terms {
    peels: Vec<Peel>,
    /// The coordinates that the peels depend on.
    outer: Vec<usize>,
    terms: Vec<Term>,
    offset: Option<Offset>,
    parameters: usize,
}

/// A term and the coordinate that sets its size.
#[derive(Clone, Debug)]
pub struct Term {
    /// The coordinate that sets the term's size, and nothing else.
    pub size: usize,
    /// The other coordinates the term depends on.
    pub shape: Vec<usize>,
    tape: Tape,
    sign: f64,
    /// The term is exp(gain x size + ...); none where it is size x ....
    gain: Option<Tape>,
}

/// What no size can change.
#[derive(Clone, Debug)]
pub struct Offset {
    /// The coordinates it depends on.
    pub shape: Vec<usize>,
    /// Its value at each row.
    pub tape: Tape,
}

/// An operation around the sum X, outermost first.
#[derive(Clone, Debug)]
enum Peel {
    /// e^X.
    Exp,
    /// ln X.
    Ln,
    /// The square root of X.
    Sqrt,
    /// -X.
    Negate,
    /// X + s.
    Plus(Tape),
    /// s - X.
    From(Tape),
    /// s X.
    Times(Tape),
    /// X / s.
    Over(Tape),
    /// s / X.
    Under(Tape),
}

/// The columns that the peels of a data set need.
#[derive(Clone, Debug)]
pub struct BoundPeels(Vec<Option<Columns>>);

impl Peel {
    const fn tape(&self) -> Option<&Tape> {
        match self {
            Self::Plus(tape) | Self::From(tape) | Self::Times(tape) | Self::Over(tape) | Self::Under(tape) => {
                Some(tape)
            }
            Self::Exp | Self::Ln | Self::Sqrt | Self::Negate => None,
        }
    }

    /// From a value of the operation and the slope of the response by it to those of X.
    fn undo(&self, (value, slope): (f64, f64), side: f64) -> (f64, f64) {
        match self {
            Self::Exp => (crate::numerics::ln(value), slope * value),
            Self::Ln => {
                let inner = crate::numerics::exp(value);
                (inner, slope / inner)
            }
            Self::Sqrt => (if value < 0.0 { f64::NAN } else { value * value }, slope / (2.0 * value)),
            Self::Negate => (-value, -slope),
            Self::Plus(_) => (value - side, slope),
            Self::From(_) => (side - value, -slope),
            Self::Times(_) => (value / side, slope * side),
            Self::Over(_) => (value * side, slope / side),
            Self::Under(_) => {
                let inner = side / value;
                (inner, -slope * side / (inner * inner))
            }
        }
    }
}

impl Terms {
    /// The terms with a size of their own.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The coordinates that no least squares can give: those to search over.
    pub fn searched(&self) -> Vec<usize> {
        (0..self.parameters).filter(|j| self.terms.iter().all(|t| t.size != *j)).collect()
    }

    /// What is left of the sum when every term with a size is taken away.
    pub const fn offset(&self) -> Option<&Offset> {
        self.offset.as_ref()
    }

    /// The coordinates that decide what the sum has to be at each row.
    pub fn outer(&self) -> &[usize] {
        &self.outer
    }

    /// Binds what stands around the sum to data.
    pub fn bind(&self, variables: &[&[f64]], rows: usize) -> BoundPeels {
        BoundPeels(self.peels.iter().map(|peel| peel.tape().map(|tape| tape.bind(variables, rows))).collect())
    }

    /// What the sum has to be at each row for the law to give `responses`, and the slope of the law by the
    /// sum there; not finite where no value will do.
    pub fn targets(&self, bound: &BoundPeels, point: &[f64], responses: &[f64]) -> Vec<(f64, f64)> {
        let mut targets: Vec<(f64, f64)> = responses.iter().map(|&y| (y, 1.0)).collect();
        for (peel, columns) in self.peels.iter().zip(&bound.0) {
            let sides = match (peel.tape(), columns) {
                (Some(tape), Some(columns)) => tape.values(columns, point),
                _ => vec![0.0; responses.len()],
            };
            targets.iter_mut().zip(sides).for_each(|(target, side)| *target = peel.undo(*target, side));
        }
        targets
    }
}

impl Term {
    /// The compiled term.
    pub const fn tape(&self) -> &Tape {
        &self.tape
    }

    /// The term at each row for size one, its sign included; `point` is changed and put back.
    pub fn column(&self, columns: &Columns, point: &mut [f64]) -> Vec<f64> {
        let before = point[self.size];
        point[self.size] = if self.gain.is_some() { 0.0 } else { 1.0 };
        let mut column = self.tape.values(columns, point);
        point[self.size] = before;
        column.iter_mut().for_each(|v| *v *= self.sign);
        column
    }

    /// The coordinate at which the term has a given size; none where there is none.
    pub fn coordinate(&self, size: f64, point: &[f64]) -> Option<f64> {
        match &self.gain {
            None => Some(size),
            Some(gain) => {
                let gain = gain.value_at(point, &[]);
                Some(crate::numerics::ln(size) / gain).filter(|x| x.is_finite())
            }
        }
    }

    /// Whether the size cannot be negative.
    pub const fn is_positive(&self) -> bool {
        self.gain.is_some()
    }
}

impl Law {
    /// The law as a function of a sum of terms, so peeled that the fewest parameters are left to search;
    /// none where no term has a size of its own.
    pub fn terms(&self) -> Option<Terms> {
        let (mut graph, symbols) = self.graph(Space::Coordinates);
        let mut root = self.enter(&mut graph, &self.body, &symbols);
        let free = self.free().len();
        let leaves: Vec<Id> = (0..free).map(|j| graph.parameter(j)).collect();
        let mut peels: Vec<(Peel, Vec<usize>)> = Vec::new();
        let mut best: Option<Terms> = None;
        loop {
            let outer: Vec<usize> = distinct(peels.iter().flat_map(|(_, uses)| uses.iter().copied()));
            let mut found = terms_of(&mut graph, root, &leaves, &outer);
            if let Some(found) = &mut found {
                found.peels = peels.iter().map(|(peel, _)| peel.clone()).collect();
            }
            let searched = |terms: &Terms| terms.searched().len();
            if let Some(found) = found.filter(|f| best.as_ref().is_none_or(|b| searched(f) < searched(b))) {
                best = Some(found);
            }
            let Some((peel, uses, inner)) = peel(&mut graph, root, &leaves) else { return best };
            peels.push((peel, uses));
            root = inner;
        }
    }
}

/// The coordinates a node depends on.
fn uses(graph: &Graph, node: Id, leaves: &[Id]) -> Vec<usize> {
    let nodes = graph.needed(&[node]);
    (0..leaves.len()).filter(|&j| nodes.contains(&leaves[j])).collect()
}

fn distinct(all: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut all: Vec<usize> = all.collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The outermost operation of a node, the coordinates of its other operand, and the node inside.
fn peel(graph: &mut Graph, root: Id, leaves: &[Id]) -> Option<(Peel, Vec<usize>, Id)> {
    let weight = |graph: &Graph, node: Id| (uses(graph, node, leaves).len(), graph.depends(node).variables);
    let of = |graph: &Graph, side: Id, kind: fn(Tape) -> Peel, inner: Id| {
        Some((kind(Tape::of_value(graph.clone(), side)), uses(graph, side, leaves), inner))
    };
    match graph.op(root) {
        Op::Exp(inner) => Some((Peel::Exp, Vec::new(), inner)),
        Op::Ln(inner) => Some((Peel::Ln, Vec::new(), inner)),
        Op::Sqrt(inner) => Some((Peel::Sqrt, Vec::new(), inner)),
        Op::Negate(inner) => Some((Peel::Negate, Vec::new(), inner)),
        Op::Add(..) | Op::Subtract(..) => {
            // The summand with the most parameters is kept, the others are taken to the other side.
            let mut summands = Vec::new();
            flatten(graph, root, 1.0, &mut summands);
            let kept = (0..summands.len()).max_by_key(|&i| (weight(graph, summands[i].0), std::cmp::Reverse(i)))?;
            let (inner, sign) = summands.remove(kept);
            let mut side = graph.number(0.0);
            for (summand, sign) in summands {
                side = if sign < 0.0 { graph.subtract(side, summand) } else { graph.add(side, summand) };
            }
            of(graph, side, if sign < 0.0 { Peel::From } else { Peel::Plus }, inner)
        }
        Op::Multiply(a, b) => {
            let (inner, side) = if weight(graph, a) >= weight(graph, b) { (a, b) } else { (b, a) };
            of(graph, side, Peel::Times, inner)
        }
        Op::Divide(a, b) if weight(graph, a) >= weight(graph, b) => of(graph, b, Peel::Over, a),
        Op::Divide(a, b) => of(graph, a, Peel::Under, b),
        Op::Number(_) | Op::Variable(_) | Op::Parameter(_) | Op::Less(..) | Op::Select(..) | Op::Hold(_) => None,
    }
}

/// The terms of a sum; sizes are not among the coordinates `outer` of what stands around it.
fn terms_of(graph: &mut Graph, root: Id, leaves: &[Id], outer: &[usize]) -> Option<Terms> {
    let mut summands = Vec::new();
    flatten(graph, root, 1.0, &mut summands);
    let uses: Vec<Vec<usize>> = summands.iter().map(|&(term, _)| uses(graph, term, leaves)).collect();
    let mut terms = Vec::new();
    let mut rest = None;
    for (i, &(term, sign)) in summands.iter().enumerate() {
        let own = uses[i]
            .iter()
            .copied()
            .filter(|j| !outer.contains(j) && uses.iter().enumerate().all(|(k, others)| k == i || !others.contains(j)));
        let size = own.filter_map(|j| Some((j, size_of(graph, term, leaves[j])?))).min_by_key(|(_, kind)| kind.rank());
        let Some((j, kind)) = size else {
            let signed = if sign < 0.0 { graph.negate(term) } else { term };
            rest = Some(rest.map_or(signed, |sofar| graph.add(sofar, signed)));
            continue;
        };
        let gain = match kind {
            Size::Factor => None,
            Size::Exponent(gain) => Some(Tape::of_value(graph.clone(), gain)),
        };
        let shape = uses[i].iter().copied().filter(|k| *k != j).collect();
        terms.push(Term { size: j, shape, tape: Tape::of_value(graph.clone(), term), sign, gain });
    }
    let offset =
        rest.map(|rest| Offset { shape: self::uses(graph, rest, leaves), tape: Tape::of_value(graph.clone(), rest) });
    (!terms.is_empty()).then(|| Terms {
        peels: Vec::new(),
        outer: outer.to_vec(),
        terms,
        offset,
        parameters: leaves.len(),
    })
}

/// Whether a coordinate sets the size of a term, and how.
fn size_of(graph: &mut Graph, term: Id, leaf: Id) -> Option<Size> {
    // A positive term, exponential or not, has a logarithm in which its size may be a summand.
    let exponent = graph.ln(term);
    if !matches!(graph.op(exponent), Op::Ln(_)) {
        let gain = graph.gradient(exponent, &[leaf])[0];
        let steady = !graph.depends(gain).variables && !graph.needed(&[gain]).contains(&leaf);
        if steady && graph.constant(gain) != Some(0.0) {
            return Some(Size::Exponent(gain));
        }
    }
    let slope = graph.gradient(term, &[leaf])[0];
    (graph.multiply(leaf, slope) == term).then_some(Size::Factor)
}

/// How a coordinate sets a term's size.
#[derive(Clone, Copy, Debug)]
enum Size {
    /// The term is the coordinate times something.
    Factor,
    /// The term is the exponential of this node times the coordinate, plus something.
    Exponent(Id),
}

impl Size {
    const fn rank(self) -> u8 {
        match self {
            Self::Factor => 0,
            Self::Exponent(_) => 1,
        }
    }
}

/// The summands of a node with their signs, in order.
fn flatten(graph: &Graph, node: Id, sign: f64, summands: &mut Vec<(Id, f64)>) {
    match graph.op(node) {
        Op::Add(a, b) => {
            flatten(graph, a, sign, summands);
            flatten(graph, b, sign, summands);
        }
        Op::Subtract(a, b) => {
            flatten(graph, a, sign, summands);
            flatten(graph, b, -sign, summands);
        }
        Op::Negate(a) => flatten(graph, a, -sign, summands),
        _ => summands.push((node, sign)),
    }
}

#[cfg(test)]
mod tests {
    use crate::law::find;

    fn searched(name: &str) -> Option<Vec<String>> {
        let law = find(name)?.law().ok()?;
        let free: Vec<String> = law.free().iter().map(|p| p.name.clone()).collect();
        Some(law.terms()?.searched().into_iter().map(|j| free[j].clone()).collect())
    }

    #[test]
    fn sizes_are_told_from_shapes_however_a_law_is_written() {
        assert_eq!(searched("hoffmann").unwrap(), ["alpha", "beta"]);
        assert_eq!(searched("additive_nd").unwrap(), ["alpha_N", "alpha_D"]);
        assert_eq!(searched("additive_ndc").unwrap(), ["alpha_N", "alpha_D", "alpha_C"]);
        assert_eq!(searched("power_floor").unwrap(), ["alpha"]);
        assert_eq!(searched("kaplan_c").unwrap(), ["alpha_C"]);
        // Its two powers stand under a common exponent, which is peeled off.
        assert_eq!(searched("kaplan_nd").unwrap(), ["alpha_N", "alpha_D"]);
    }
}
