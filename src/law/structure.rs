//! Structure read off a formula: a sum of terms, each with a size that nothing else shares.
//!
//! Given the other parameters such sizes are found by linear least squares (variable projection,
//! Golub and Pereyra 1973, doi:10.1137/0710036), so a search need only run over the others.

use super::sums::Columns;
use super::symbolic::{Graph, Id, Op};
use super::tape::Tape;
use super::{Law, Space};

/// A law over coordinates as a sum of terms.
#[derive(Clone, Debug)]
pub struct Terms {
    terms: Vec<Term>,
    offset: Option<Tape>,
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

impl Terms {
    /// The terms with a size of their own.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The coordinates that no least squares can give: those to search over.
    pub fn searched(&self) -> Vec<usize> {
        (0..self.parameters).filter(|j| self.terms.iter().all(|t| t.size != *j)).collect()
    }

    /// Whether anything is left when every term with a size is taken away.
    pub const fn offset(&self) -> Option<&Tape> {
        self.offset.as_ref()
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
    /// The law as a sum of terms; none where no term has a size of its own.
    pub fn terms(&self) -> Option<Terms> {
        let (mut graph, symbols) = self.graph(Space::Coordinates);
        let root = self.enter(&mut graph, &self.body, &symbols);
        let free = self.free().len();
        let leaves: Vec<Id> = (0..free).map(|j| graph.parameter(j)).collect();
        let mut summands = Vec::new();
        flatten(&graph, root, 1.0, &mut summands);
        let uses: Vec<Vec<usize>> = summands
            .iter()
            .map(|&(term, _)| {
                let nodes = graph.needed(&[term]);
                (0..free).filter(|&j| nodes.contains(&leaves[j])).collect()
            })
            .collect();
        let mut terms = Vec::new();
        let mut rest = None;
        for (i, &(term, sign)) in summands.iter().enumerate() {
            let own =
                uses[i].iter().copied().filter(|j| uses.iter().enumerate().all(|(k, u)| k == i || !u.contains(j)));
            let size = own
                .filter_map(|j| Some((j, Self::size_of(&mut graph, term, leaves[j])?)))
                .min_by_key(|(_, kind)| kind.rank());
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
        let offset = rest.map(|rest| Tape::of_value(graph, rest));
        (!terms.is_empty()).then_some(Terms { terms, offset, parameters: free })
    }

    /// Whether a coordinate sets the size of a term, and how.
    fn size_of(graph: &mut Graph, term: Id, leaf: Id) -> Option<Size> {
        if let Op::Exp(exponent) = graph.op(term) {
            let gain = graph.gradient(exponent, &[leaf])[0];
            let steady = !graph.depends(gain).variables && !graph.needed(&[gain]).contains(&leaf);
            return (steady && graph.constant(gain) != Some(0.0)).then_some(Size::Exponent(gain));
        }
        let slope = graph.gradient(term, &[leaf])[0];
        (graph.multiply(leaf, slope) == term).then_some(Size::Factor)
    }
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
        // Its two powers stand under a common exponent: no size enters alone.
        assert!(searched("kaplan_nd").is_none());
    }
}
