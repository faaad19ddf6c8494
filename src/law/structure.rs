//! The structure of a formula: a function of a sum of terms, each with its own size.
//!
//! Given the other parameters, such sizes follow from linear least squares (variable projection, Golub and Pereyra
//! 1973, doi:10.1137/0710036), so a search only covers the others. Where the sum is inside a power or a logarithm, or
//! next to a floor, these operations are peeled off: their inverses are applied to the response, as far as they
//! depend only on parameters that are searched anyway. A part without a size of its own may still be linear in
//! several parameters at once, such as the two plateaus of a sigmoid.

use std::sync::Arc;

use super::meeting::Chain;
use super::sums::Columns;
use super::symbolic::{Graph, Id, Op, flatten};
use super::tape::Tape;
use super::{Law, Parameter, Space};

/// A law over coordinates as a function of a sum of terms.
#[derive(Clone, Debug)]
pub struct Terms {
    peels: Vec<Peel>,
    /// The coordinates that the peels depend on.
    outer: Vec<usize>,
    terms: Vec<Term>,
    offset: Option<Offset>,
    scales: Vec<ScaleOf>,
    parameters: usize,
}

/// A coordinate that sets a scale: the d of x / d, of x + d or of 1 / x + d, which is compared with values of the
/// rows.
///
/// The size of a term is not a scale, in any spelling.
#[derive(Clone, Debug)]
pub struct ScaleOf {
    /// The coordinate.
    pub coordinate: usize,
    /// The value of the coordinate at which the scale equals the value of a row.
    pub sizes: Tape,
}

/// A term and the coordinate that sets its size.
#[derive(Clone, Debug)]
pub struct Term {
    /// The coordinate that sets only the term's size.
    pub size: usize,
    /// The other coordinates on which the term depends.
    pub shape: Vec<usize>,
    tape: Tape,
    sign: f64,
    kind: Size<Tape>,
}

/// How a coordinate sets a term's size.
#[derive(Clone, Debug)]
pub(super) enum Size<Gain> {
    /// The term is a function of the coordinate alone times an expression without it.
    Factor(Chain),
    /// The term is the exponential of this gain times the coordinate, plus an expression without it.
    Exponent(Gain),
}

/// The part of the sum that does not depend on any size.
#[derive(Clone, Debug)]
pub struct Offset {
    /// The coordinates on which it depends.
    pub shape: Vec<usize>,
    /// Its value at each row.
    pub tape: Tape,
}

/// An operation around the sum X, outermost first, and its other operand s.
#[derive(Clone, Debug)]
struct Peel {
    step: Step,
    side: Option<Tape>,
}

/// An operation on the sum X.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// e^X.
    Exp,
    /// ln X.
    Ln,
    /// ln(1 + X).
    LnOfOnePlus,
    /// The square root of X.
    Sqrt,
    /// -X.
    Negate,
    /// X + s.
    Plus,
    /// s - X.
    From,
    /// s X.
    Times,
    /// X / s.
    Over,
    /// s / X.
    Under,
}

/// The data columns that the peels need.
#[derive(Clone, Debug)]
pub struct BoundPeels(Vec<Option<Columns>>);

impl Step {
    /// Inverts the operation: converts its value, and the slope of the response by it, to those of X.
    fn undo(self, (value, slope): (f64, f64), side: f64) -> (f64, f64) {
        match self {
            Self::Exp => (crate::numerics::ln(value), slope * value),
            Self::Ln => {
                let inner = crate::numerics::exp(value);
                (inner, slope / inner)
            }
            Self::LnOfOnePlus => {
                let sum = crate::numerics::exp(value);
                (sum - 1.0, slope / sum)
            }
            Self::Sqrt => (if value < 0.0 { f64::NAN } else { value * value }, slope / (2.0 * value)),
            Self::Negate => (-value, -slope),
            Self::Plus => (value - side, slope),
            Self::From => (side - value, -slope),
            Self::Times => (value / side, slope * side),
            Self::Over => (value * side, slope / side),
            Self::Under => {
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

    /// The coordinates to search: those that least squares does not determine.
    pub fn searched(&self) -> Vec<usize> {
        (0..self.parameters).filter(|j| self.terms.iter().all(|t| t.size != *j)).collect()
    }

    /// The remainder of the sum without the terms that have a size.
    pub const fn offset(&self) -> Option<&Offset> {
        self.offset.as_ref()
    }

    /// The coordinates that determine the target of the sum at each row.
    pub fn outer(&self) -> &[usize] {
        &self.outer
    }

    /// The searched coordinates that set a scale, with one entry for each place in the formula.
    pub fn scales(&self) -> &[ScaleOf] {
        &self.scales
    }

    /// Computes the columns of the peels for a data set.
    pub fn bind(&self, variables: &[&[f64]], rows: usize) -> BoundPeels {
        BoundPeels(self.peels.iter().map(|peel| peel.side.as_ref().map(|tape| tape.bind(variables, rows))).collect())
    }

    /// The value of the sum at each row for which the law gives `responses`, and the slope of the law by the sum
    /// there. Both are not finite where no value gives the response.
    pub fn targets(&self, bound: &BoundPeels, point: &[f64], responses: &[f64]) -> Vec<(f64, f64)> {
        let mut targets: Vec<(f64, f64)> = responses.iter().map(|&y| (y, 1.0)).collect();
        for (peel, columns) in self.peels.iter().zip(&bound.0) {
            let sides = match (&peel.side, columns) {
                (Some(tape), Some(columns)) => tape.values(columns, point),
                _ => vec![0.0; responses.len()],
            };
            targets.iter_mut().zip(sides).for_each(|(target, side)| *target = peel.step.undo(*target, side));
        }
        targets
    }
}

impl Term {
    /// The compiled term.
    pub const fn tape(&self) -> &Tape {
        &self.tape
    }

    /// The term at each row for size one, with its sign. `point` is restored on return.
    pub fn column(&self, columns: &Columns, point: &mut [f64]) -> Vec<f64> {
        let before = point[self.size];
        point[self.size] = match &self.kind {
            Size::Factor(chain) => chain.coordinate(1.0),
            Size::Exponent(_) => 0.0,
        };
        let mut column = self.tape.values(columns, point);
        point[self.size] = before;
        column.iter_mut().for_each(|v| *v *= self.sign);
        column
    }

    /// The coordinate at which the term has a given size; `None` where there is none.
    pub fn coordinate(&self, size: f64, point: &[f64]) -> Option<f64> {
        let coordinate = match &self.kind {
            Size::Factor(chain) => chain.coordinate(size),
            Size::Exponent(gain) => crate::numerics::ln(size) / gain.value_at(point, &[]),
        };
        Some(coordinate).filter(|x| x.is_finite())
    }

    /// Whether the size cannot be negative.
    pub fn is_positive(&self) -> bool {
        match &self.kind {
            Size::Factor(chain) => chain.is_positive(),
            Size::Exponent(_) => true,
        }
    }

    /// The range of sizes for a coordinate within bounds. Ends may be infinite.
    pub fn sizes_within(&self, lower: f64, upper: f64) -> (f64, f64) {
        match &self.kind {
            Size::Factor(chain) if chain.is_empty() => (lower, upper),
            // A function that is monotone on each side of zero.
            Size::Factor(chain) if !chain.is_positive() && (lower >= 0.0 || upper <= 0.0) => {
                let (a, b) = (chain.scalar(lower), chain.scalar(upper));
                let towards = |end: f64, other: f64| if end.is_nan() { other } else { end };
                (towards(a.min(b), f64::NEG_INFINITY), towards(a.max(b), f64::INFINITY))
            }
            Size::Factor(chain) if !chain.is_positive() => (f64::NEG_INFINITY, f64::INFINITY),
            Size::Factor(_) | Size::Exponent(_) => (0.0, f64::INFINITY),
        }
    }
}

impl Law {
    /// The law as a function of a sum of terms, peeled so that as many sizes as possible are solved for and as few
    /// parameters as possible remain to search; `None` where no term has its own size.
    pub fn terms(&self) -> Option<Terms> {
        let Peeled { mut graph, whole, leaves, peels, outer, sum, .. } = self.peeled()?;
        let free = leaves.len();
        let mut scales = scales(&mut graph, whole, &leaves);
        scales.retain(|(coordinate, _)| sum.terms.iter().all(|term| term.size != *coordinate));
        let graph = Arc::new(graph);
        let tape = |node: Id| Tape::of_value(&graph, node);
        let peels = peels.iter().map(|&(step, side)| Peel { step, side: side.map(tape) }).collect();
        let terms = sum.terms.into_iter().map(|found| Term {
            size: found.size,
            shape: found.shape,
            tape: tape(found.node),
            sign: found.sign,
            kind: match found.kind {
                Size::Factor(chain) => Size::Factor(chain),
                Size::Exponent(gain) => Size::Exponent(tape(gain)),
            },
        });
        let offset = sum.rest.map(|rest| Offset { shape: uses(&graph, rest, &leaves), tape: tape(rest) });
        let scales = scales.into_iter().map(|(coordinate, sizes)| ScaleOf { coordinate, sizes: tape(sizes) });
        Some(Terms { peels, outer, terms: terms.collect(), offset, scales: scales.collect(), parameters: free })
    }

    /// The formula over coordinates with the terms of its sum, as nodes of a graph.
    pub(super) fn peeled(&self) -> Option<Peeled> {
        let (mut graph, symbols) = self.graph(Space::Coordinates);
        let whole = self.enter(&mut graph, &self.body, &symbols);
        let leaves: Vec<Id> = (0..self.free().len()).map(|j| graph.parameter(j)).collect();
        let carriers: Vec<Carrier> = leaves.iter().map(|&leaf| carrier(&graph, whole, leaf)).collect();
        let (mut root, mut peels, mut outer) = (whole, Vec::new(), Vec::new());
        let mut best: Option<(Sum, usize, Vec<usize>)> = None;
        loop {
            let sum = sum_of(&mut graph, root, &leaves, &carriers, &outer);
            if sum.terms.len() > best.as_ref().map_or(0, |(best, ..)| best.terms.len()) {
                best = Some((sum, peels.len(), outer.clone()));
            }
            let Some((step, side, inner)) = peel(&mut graph, root, &leaves) else { break };
            outer.extend(side.into_iter().flat_map(|side| uses(&graph, side, &leaves)));
            outer.sort_unstable();
            outer.dedup();
            peels.push((step, side));
            root = inner;
        }
        let (sum, depth, outer) = best?;
        peels.truncate(depth);
        Some(Peeled { graph, whole, leaves, carriers, peels, outer, sum })
    }
}

/// A formula over coordinates with the terms of its sum, as nodes of a graph.
pub(super) struct Peeled {
    pub(super) graph: Graph,
    /// The whole formula.
    pub(super) whole: Id,
    /// The coordinates.
    pub(super) leaves: Vec<Id>,
    pub(super) carriers: Vec<Carrier>,
    /// The operations around the sum, outermost first, with their other operands.
    peels: Vec<(Step, Option<Id>)>,
    /// The coordinates that those depend on.
    outer: Vec<usize>,
    pub(super) sum: Sum,
}

impl Law {
    /// The law for a response whose logarithm is taken. A factor of the whole formula whose cofactor is positive must
    /// be positive, and is searched on a log scale. Parameters with bounds of their own are unchanged.
    #[must_use]
    pub fn above_zero(&self) -> Self {
        let mut law = self.clone();
        let (mut graph, symbols) = self.graph(Space::Parameters);
        let root = self.enter(&mut graph, &self.body, &symbols);
        let free: Vec<String> = self.free().iter().map(|p| p.name.clone()).collect();
        for (j, name) in free.iter().enumerate() {
            let leaf = graph.parameter(j);
            let rest = graph.gradient(root, &[leaf])[0];
            let is_factor = graph.multiply(leaf, rest) == root && graph.is_positive(rest);
            let unbounded = |p: &Parameter| p.lower == f64::NEG_INFINITY && p.upper == f64::INFINITY;
            if let Some(parameter) = law.parameters.iter_mut().find(|p| is_factor && p.name == *name && unbounded(p)) {
                parameter.be_positive();
            }
        }
        law
    }
}

/// The coordinates that are compared with values of the rows, and the value at which each equals that of a row.
fn scales(graph: &mut Graph, root: Id, leaves: &[Id]) -> Vec<(usize, Id)> {
    let mut found = Vec::new();
    for node in graph.needed(&[root]) {
        let op = graph.op(node);
        let (Op::Add(a, b) | Op::Subtract(a, b) | Op::Multiply(a, b) | Op::Divide(a, b) | Op::Less(a, b)) = op else {
            continue;
        };
        for (scale, size) in [(a, b), (b, a)] {
            let depends = graph.depends(size);
            if depends.variables && !depends.parameters {
                found.extend(scale_of(graph, op, scale, size, leaves));
            }
        }
    }
    found
}

/// The coordinate of one operand, and the value at which it equals the other operand in the comparison.
fn scale_of(graph: &mut Graph, op: Op, scale: Id, size: Id, leaves: &[Id]) -> Option<(usize, Id)> {
    let coordinate = |leaf: Id| leaves.iter().position(|other| *other == leaf);
    match (graph.op(scale), op) {
        // d x turns at d x = 1.
        (Op::Exp(leaf), Op::Multiply(..)) => {
            let logarithm = graph.ln(size);
            Some((coordinate(leaf)?, graph.negate(logarithm)))
        }
        (Op::Exp(leaf), _) => Some((coordinate(leaf)?, graph.ln(size))),
        // The logarithm of a quotient, or a place from which a size is counted.
        (Op::Parameter(_), Op::Subtract(..) | Op::Less(..)) => Some((coordinate(scale)?, size)),
        (Op::Parameter(_), Op::Add(..)) => Some((coordinate(scale)?, graph.negate(size))),
        _ => None,
    }
}

/// The terms of a sum as nodes.
pub(super) struct Sum {
    pub(super) terms: Vec<Found>,
    /// The part without a size.
    rest: Option<Id>,
}

/// A term and the coordinate that sets its size.
pub(super) struct Found {
    pub(super) node: Id,
    sign: f64,
    pub(super) size: usize,
    pub(super) shape: Vec<usize>,
    pub(super) kind: Size<Id>,
}

impl Found {
    /// A term inside of another function, which is a function of a coordinate times an expression without it.
    pub(super) const fn inside(node: Id, size: usize, shape: Vec<usize>, kind: Size<Id>) -> Self {
        Self { node, sign: 1.0, size, shape, kind }
    }
}

/// The node through which a coordinate enters a formula, with the chain from the coordinate to it.
pub(super) struct Carrier {
    pub(super) node: Id,
    pub(super) chain: Chain,
}

/// The largest function of one coordinate through which `root` depends on it: the 1 / k of `(1 / k) x^-a`. The coordinate
/// itself if that function has no inverse.
fn carrier(graph: &Graph, root: Id, leaf: Id) -> Carrier {
    let nodes = graph.needed(&[root]);
    let consumers = |node: Id| -> Vec<Id> {
        nodes.iter().copied().filter(|id| graph.op(*id).operands().any(|operand| operand == node)).collect()
    };
    let mut found = Carrier { node: leaf, chain: Chain::default() };
    while let [node] = consumers(found.node)[..]
        && let Some(chain) = Chain::of(graph, node, leaf)
    {
        found = Carrier { node, chain };
    }
    if found.chain.is_onto() { found } else { Carrier { node: leaf, chain: Chain::default() } }
}

/// The coordinates on which a node depends.
fn uses(graph: &Graph, node: Id, leaves: &[Id]) -> Vec<usize> {
    let nodes = graph.needed(&[node]);
    (0..leaves.len()).filter(|&j| nodes.contains(&leaves[j])).collect()
}

/// The outermost operation of a node, its other operand, and the inner node.
fn peel(graph: &mut Graph, root: Id, leaves: &[Id]) -> Option<(Step, Option<Id>, Id)> {
    let weight = |graph: &Graph, node: Id| (uses(graph, node, leaves).len(), graph.depends(node).variables);
    match graph.op(root) {
        Op::Exp(inner) => Some((Step::Exp, None, inner)),
        Op::Ln(inner) => Some((Step::Ln, None, inner)),
        Op::Softplus(inner) => Some((Step::LnOfOnePlus, None, graph.exp(inner))),
        Op::Sqrt(inner) => Some((Step::Sqrt, None, inner)),
        Op::Negate(inner) => Some((Step::Negate, None, inner)),
        Op::Add(..) | Op::Subtract(..) => {
            // Keep the summand with the most parameters and move the others to the other side.
            let mut summands = Vec::new();
            flatten(graph, root, 1.0, &mut summands);
            let kept = (0..summands.len()).max_by_key(|&i| (weight(graph, summands[i].0), std::cmp::Reverse(i)))?;
            let (inner, sign) = summands.remove(kept);
            let mut side = graph.number(0.0);
            for (summand, sign) in summands {
                side = if sign < 0.0 { graph.subtract(side, summand) } else { graph.add(side, summand) };
            }
            Some((if sign < 0.0 { Step::From } else { Step::Plus }, Some(side), inner))
        }
        Op::Multiply(a, b) => {
            let (inner, side) = if weight(graph, a) >= weight(graph, b) { (a, b) } else { (b, a) };
            Some((Step::Times, Some(side), inner))
        }
        Op::Divide(a, b) if weight(graph, a) >= weight(graph, b) => Some((Step::Over, Some(b), a)),
        Op::Divide(a, b) => Some((Step::Under, Some(a), b)),
        Op::Number(_)
        | Op::Variable(_)
        | Op::Parameter(_)
        | Op::Less(..)
        | Op::Select(..)
        | Op::Hold(_)
        | Op::Special(..) => None,
    }
}

/// The terms of a sum. The coordinates `outer` of the operations around it cannot be sizes.
fn sum_of(graph: &mut Graph, root: Id, leaves: &[Id], carriers: &[Carrier], outer: &[usize]) -> Sum {
    let mut summands = Vec::new();
    flatten(graph, root, 1.0, &mut summands);
    let uses: Vec<Vec<usize>> = summands.iter().map(|&(term, _)| uses(graph, term, leaves)).collect();
    let mut sum = Sum { terms: Vec::new(), rest: None };
    for (i, &(node, sign)) in summands.iter().enumerate() {
        let own = uses[i]
            .iter()
            .copied()
            .filter(|j| !outer.contains(j) && uses.iter().enumerate().all(|(k, others)| k == i || !others.contains(j)));
        let sizes = own.filter_map(|j| Some((j, size_of(graph, node, leaves[j], &carriers[j])?)));
        let size = sizes.min_by_key(|(_, kind)| kind.rank());
        if let Some((size, kind)) = size {
            let shape = uses[i].iter().copied().filter(|k| *k != size).collect();
            sum.terms.push(Found { node, sign, size, shape, kind });
        } else {
            let signed = if sign < 0.0 { graph.negate(node) } else { node };
            sum.rest = Some(sum.rest.map_or(signed, |sofar| graph.add(sofar, signed)));
        }
    }
    if let Some(rest) = sum.rest {
        let taken: Vec<usize> = sum.terms.iter().flat_map(|term| term.shape.iter().copied()).collect();
        let linear = linear_terms(graph, rest, leaves, carriers, &[outer, &taken].concat());
        // What is left has the value for sizes of zero.
        let zero = graph.number(0.0);
        let sizes = linear.iter().map(|term| (carriers[term.size].node, zero)).collect();
        sum.rest = Some(graph.replaced(rest, &sizes)).filter(|&rest| graph.constant(rest) != Some(0.0));
        sum.terms.extend(linear);
    }
    sum
}

/// The parts of a node that are a function of one coordinate times an expression without any of these coordinates, in
/// any spelling. Coordinates in `taken` are excluded.
fn linear_terms(graph: &mut Graph, node: Id, leaves: &[Id], carriers: &[Carrier], taken: &[usize]) -> Vec<Found> {
    let nodes: Vec<Id> = carriers.iter().map(|carrier| carrier.node).collect();
    let slopes = graph.gradient(node, &nodes);
    let mut terms: Vec<Found> = Vec::new();
    for (size, (carrier, &slope)) in carriers.iter().zip(&slopes).enumerate() {
        let shape = uses(graph, slope, leaves);
        let jointly = terms.iter().all(|other| !other.shape.contains(&size) && !shape.contains(&other.size));
        let varies = graph.constant(slope) != Some(0.0);
        if varies && jointly && !shape.contains(&size) && !taken.contains(&size) {
            let kind = Size::Factor(carrier.chain.clone());
            terms.push(Found { node: graph.multiply(carrier.node, slope), sign: 1.0, size, shape, kind });
        }
    }
    terms
}

/// The size of a term whose logarithm has the coordinate, times a gain, as a summand.
fn size_by_gain(graph: &mut Graph, term: Id, leaf: Id) -> Option<Size<Id>> {
    // The logarithm of a positive term is a sum, in which its size may be a summand.
    let exponent = graph.ln(term);
    if matches!(graph.op(exponent), Op::Ln(_)) {
        return None;
    }
    let gain = graph.gradient(exponent, &[leaf])[0];
    let steady = !graph.depends(gain).variables && !graph.needed(&[gain]).contains(&leaf);
    (steady && graph.constant(gain) != Some(0.0)).then_some(Size::Exponent(gain))
}

/// Whether a coordinate sets the size of a term, and how.
fn size_of(graph: &mut Graph, term: Id, leaf: Id, carrier: &Carrier) -> Option<Size<Id>> {
    if let Some(size) = size_by_gain(graph, term, leaf) {
        return Some(size);
    }
    match power_of(graph, term, carrier.node, leaf)? {
        1 => Some(Size::Factor(carrier.chain.clone())),
        _ => Some(Size::Factor(carrier.chain.clone().reciprocal())),
    }
}

/// The power, 1 or -1, of `node` as a factor of a term that depends on the coordinate only through it.
fn power_of(graph: &Graph, term: Id, node: Id, leaf: Id) -> Option<i8> {
    let has = |id: Id| graph.needed(&[id]).contains(&leaf);
    let power = |id: Id| power_of(graph, id, node, leaf);
    match graph.op(term) {
        _ if term == node => Some(1),
        Op::Negate(a) => power(a),
        Op::Multiply(a, b) | Op::Divide(a, b) if has(a) && !has(b) => power(a),
        Op::Multiply(a, b) if !has(a) && has(b) => power(b),
        Op::Divide(a, b) if !has(a) && has(b) => power(b).map(|power| -power),
        _ => None,
    }
}

impl<Gain> Size<Gain> {
    /// Sizes on a linear scale first: least squares give them exactly.
    const fn rank(&self) -> u8 {
        match self {
            Self::Factor(_) => 0,
            Self::Exponent(_) => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::law::{Law, ParameterText, Scale, Variable, find};
    use crate::numerics::ln;

    fn searched(name: &str) -> Option<Vec<String>> {
        let law = find(name)?.law().ok()?;
        let free: Vec<String> = law.free().iter().map(|p| p.name.clone()).collect();
        Some(law.terms()?.searched().into_iter().map(|j| free[j].clone()).collect())
    }

    #[test]
    fn sizes_are_distinguished_from_shapes_in_every_spelling() {
        assert_eq!(searched("hoffmann").unwrap(), ["alpha", "beta"]);
        assert_eq!(searched("additive_nd").unwrap(), ["alpha_N", "alpha_D"]);
        assert_eq!(searched("additive_ndc").unwrap(), ["alpha_N", "alpha_D", "alpha_C"]);
        assert_eq!(searched("power_floor").unwrap(), ["alpha"]);
        assert_eq!(searched("kaplan_c").unwrap(), ["alpha_C"]);
        // Its two powers have a common exponent, which is peeled off.
        assert_eq!(searched("kaplan_nd").unwrap(), ["alpha_N", "alpha_D"]);
        // R_0 + (A - R_0) s is R_0 (1 - s) + A s.
        assert_eq!(searched("scale_rl").unwrap(), ["C_mid", "B"]);
    }

    #[test]
    fn sizes_are_found_however_a_coefficient_is_written() {
        let is = |formula: &str, wanted: &[&str]| {
            let x = Variable { name: "x".to_owned(), unit: None, meaning: None, counts: None };
            let law = Law::from_formula("test", formula, &[x]).unwrap();
            let free: Vec<&str> = law.free().iter().map(|p| p.name.as_str()).collect();
            let searched: Vec<&str> = law.terms().unwrap().searched().into_iter().map(|j| free[j]).collect();
            assert_eq!(searched, wanted, "{formula}");
        };
        for coefficient in ["k *", "(1 / k) *", "k^-1 *", "k^2 *", "1 / k^2 *", "exp(k) *", "(3 - k) *", "-2 / k *"] {
            is(&format!("y = e + {coefficient} x^-a"), &["a"]);
            // In both places at once, as in a sigmoid.
            is(&format!("y = e + {coefficient} (1 - x^-a)"), &["a"]);
        }
        is("y = e + 1 / (k * x^a)", &["a"]);
        // A product of a number and a quotient, as in the exponent of 2^(x / k).
        is("y = e + 0.7 * (x / k)", &[]);
        is("y = e - 0.7 * ((x - 3) / k)", &[]);
        is("y = e - 3 * x^-b / (2 * k)", &["b"]);
        // No size: these coefficients do not take every positive value, or the shape depends on the parameter too.
        is("y = e + (1 + k^2) * x^-a", &["k", "a"]);
        is("y = e + (1 / k) * x^-k", &["k"]);
    }

    #[test]
    fn the_size_of_a_term_is_that_of_the_coordinate_it_gives() {
        for (formula, size) in
            [("y = e + (1 / k) * x^-a", -4.0), ("y = e + k^2 * x^-a", 9.0), ("y = e + 1 / (k * x^a)", 0.2)]
        {
            let x = Variable { name: "x".to_owned(), unit: None, meaning: None, counts: None };
            let law = Law::from_formula("test", formula, &[x]).unwrap();
            let (terms, n) = (law.terms().unwrap(), [2.0, 3.0]);
            let term = terms.terms().iter().find(|t| law.free()[t.size].name == "k").unwrap();
            let columns = term.tape().bind(&[&n], n.len());
            let mut point: Vec<f64> = law.free().iter().map(|p| if p.name == "a" { 0.5 } else { 0.3 }).collect();
            let one = term.column(&columns, &mut point);
            point[term.size] = term.coordinate(size, &point).unwrap();
            let values = term.tape().values(&columns, &point);
            for (value, one) in values.iter().zip(&one) {
                assert!((value - size * one).abs() < 1e-12 * value.abs(), "{formula}: {value} {one}");
            }
            assert_eq!(term.is_positive(), formula.contains("k^2"), "{formula}");
        }
    }

    #[test]
    fn a_factor_of_the_whole_is_positive_where_the_whole_has_to_be() {
        let is_log = |formula: &str, name: &str| {
            let x = Variable { name: "x".to_owned(), unit: None, meaning: None, counts: None };
            let law = Law::from_formula("test", formula, &[x]).unwrap();
            let scale = |law: &Law| law.parameters.iter().find(|p| p.name == name).unwrap().scale;
            assert_eq!(scale(&law), Scale::Linear);
            scale(&law.above_zero()) == Scale::Log
        };
        assert!(is_log("y = k / x^a", "k") && is_log("y = a * exp(-k * x)", "a"));
        for (formula, name) in [("y = k / x^a", "a"), ("y = e + a / x^b", "a"), ("y = a * (b - x)", "a")] {
            assert!(!is_log(formula, name), "{name} in {formula}");
        }
    }

    #[test]
    fn a_power_of_one_plus_a_term_is_peeled_off() {
        let size = Variable { name: "N".to_owned(), unit: None, meaning: None, counts: None };
        let positive = ParameterText { scale: Some(Scale::Log), ..ParameterText::default() };
        let law = Law::from_formula("test", "L = (1 + A / N^alpha)^p", &[size]).unwrap();
        let law = law.with_parameters(&[("A".to_owned(), positive)].into()).unwrap();
        let (terms, n) = (law.terms().unwrap(), [1e3, 1e6, 1e9]);
        let free: Vec<&str> = law.free().iter().map(|p| p.name.as_str()).collect();
        let searched: Vec<&str> = terms.searched().into_iter().map(|j| free[j]).collect();
        // Peeled to the logarithm of the power, in which alpha is a size too.
        assert_eq!(searched, ["p"]);
        let value = |name: &str| [("A", 30.0), ("alpha", 0.4), ("p", 0.7)].iter().find(|v| v.0 == name).unwrap().1;
        let point: Vec<f64> = free.iter().map(|name| if *name == "A" { ln(value("A")) } else { value(name) }).collect();
        let sums: Vec<f64> = n.iter().map(|n| 30.0 * libm::pow(*n, -0.4)).collect();
        let responses: Vec<f64> = sums.iter().map(|sum| libm::pow(1.0 + sum, 0.7)).collect();
        let targets = terms.targets(&terms.bind(&[&n], n.len()), &point, &responses);
        for ((wanted, slope), sum) in targets.into_iter().zip(sums) {
            assert!((wanted - ln(sum)).abs() < 1e-9, "{wanted} {sum}");
            assert!((slope / (0.7 * sum * libm::pow(1.0 + sum, -0.3)) - 1.0).abs() < 1e-9, "{slope} {sum}");
        }
    }

    /// The scales of a law, and the value of each that equals a row whose variables are all `size`.
    fn scales_at(name: &str, size: f64) -> Vec<(String, f64)> {
        let law = find(name).unwrap().law().unwrap();
        let (terms, free, column) = (law.terms().unwrap(), law.free(), [size]);
        let columns = vec![column.as_slice(); law.variables.len()];
        let place = |scale: &super::ScaleOf| scale.sizes.values(&scale.sizes.bind(&columns, 1), &[])[0];
        terms.scales().iter().map(|scale| (free[scale.coordinate].name.clone(), place(scale))).collect()
    }

    #[test]
    fn a_scale_equals_a_row_where_the_law_turns() {
        let size: f64 = 1e6;
        let is = |name: &str, parameter: &str, place: f64| {
            let found = scales_at(name, size);
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert_eq!(found[0].0, parameter, "{name}");
            assert!((found[0].1 - place).abs() < 1e-9, "{name}: {} for {place}", found[0].1);
        };
        // (x / d1)^(1 / f1), (C_mid / C)^B and x + d: a logarithm.
        is("bnsl", "d1", ln(size));
        is("scale_rl", "C_mid", ln(size));
        is("zhai", "d", ln(size));
        // 1 / x + g.
        is("m3", "g", -ln(size));
        // k (L - L_0): the loss itself.
        is("olmo_sigmoid", "L_0", size);
        // The N_c of (N_c / N)^alpha_N sets the size of a term.
        assert_eq!(scales_at("hoffmann", size), []);
        assert_eq!(scales_at("additive_nd", size), []);
    }
}
