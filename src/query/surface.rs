//! A law over the coordinates of the variables that a query changes: values, slopes and second derivatives. The
//! coordinate of a variable is its logarithm, or its value where it may be zero or negative.

use std::cell::RefCell;
use std::sync::Arc;

use super::axis::Axis;
use super::budget::FLOP_PER_PARAMETER_AND_TOKEN;
use crate::law::symbolic::{Graph, Id};
use crate::law::{Columns, Law, Tape, Workspace};

/// The variables that a query changes: one or two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moves {
    /// Names.
    pub names: Vec<String>,
    /// Whether compute, where the law has it too, follows from the cost of training.
    pub ties_compute: bool,
}

impl Moves {
    /// Model size and data, and compute with them.
    pub fn sizes(names: [&str; 2]) -> Self {
        Self { names: names.map(str::to_owned).to_vec(), ties_compute: true }
    }

    /// One variable, with all others held.
    pub fn one(name: &str) -> Self {
        Self { names: vec![name.to_owned()], ties_compute: false }
    }
}

/// A law's value at a point, and its derivatives by the logarithms of the changed variables; derivatives by a missing
/// second variable are 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Local {
    pub(super) value: f64,
    pub(super) slope: [f64; 2],
    /// Second derivatives: by the first variable twice, by both, by the second twice.
    pub(super) bend: [f64; 3],
}

/// A law over the logarithms of the changed variables.
#[derive(Clone, Debug)]
pub(super) struct Surface {
    /// Indices of the changed variables among the law's.
    moved: Vec<usize>,
    graph: Arc<Graph>,
    /// Nodes for the value, the slopes and the second derivatives, in order.
    nodes: Vec<Id>,
    /// The value, two slopes and three second derivatives.
    roots: [Id; 6],
    /// The value and two slopes over many points.
    tape: Tape,
    /// The value, two slopes and three second derivatives over many points.
    bent: Tape,
}

/// Memory for evaluations over many points.
#[derive(Default)]
struct Scratch {
    workspace: Workspace,
    /// Values, two slopes and three second derivatives.
    out: [Vec<f64>; 6],
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Surface {
    /// A law over the coordinates of `moves` on their axes; `None` where the law lacks one of them.
    pub(super) fn new(law: &Law, moves: &Moves, axis: impl Fn(&str) -> Axis) -> Option<Self> {
        let moved: Vec<usize> = moves.names.iter().map(|name| law.variable(name)).collect::<Option<_>>()?;
        let sizes = law.roles.sizes().map(|names| names.map(|name| law.variable(name)));
        let place = |graph: &mut Graph, index: usize| {
            let by_logarithm = moved.contains(&index) && axis(&law.variables[index].name) == Axis::Logarithm;
            if by_logarithm { graph.variable_by_logarithm(index) } else { graph.variable(index) }
        };
        let (mut graph, value) = law.graph_with(|graph, index| match sizes {
            Some([Some(n), Some(d)]) if moves.ties_compute && law.variables[index].name == law.roles.compute => {
                let (n, d) = (place(graph, n), place(graph, d));
                let product = graph.multiply(n, d);
                let flop = graph.number(FLOP_PER_PARAMETER_AND_TOKEN);
                graph.multiply(flop, product)
            }
            _ => place(graph, index),
        });
        let leaves: Vec<Id> = moved.iter().map(|&index| graph.variable(index)).collect();
        let zero = graph.number(0.0);
        let pair = |ids: &[Id]| [0, 1].map(|i| ids.get(i).copied().unwrap_or(zero));
        let slopes = pair(&graph.gradient(value, &leaves));
        let [first, mixed] = pair(&graph.gradient(slopes[0], &leaves));
        let [_, second] = pair(&graph.gradient(slopes[1], &leaves));
        let roots = [value, slopes[0], slopes[1], first, mixed, second];
        let graph = Arc::new(graph);
        Some(Self {
            moved,
            nodes: graph.needed(&roots),
            tape: Tape::of_value_and(&graph, value, &slopes),
            bent: Tape::of_value_and(&graph, value, &roots[1..]),
            roots,
            graph,
        })
    }

    /// Value, slopes and second derivatives at a point; `base` holds the other variables.
    pub(super) fn at(&self, parameters: &[f64], base: &[f64], logs: [f64; 2]) -> Local {
        let mut variables = base.to_vec();
        self.moved.iter().zip(logs).for_each(|(&index, log)| variables[index] = log);
        let values = self.graph.evaluate(&self.nodes, parameters, &variables);
        let [value, one, other, first, mixed, second] = self.roots.map(|root| values[root as usize]);
        Local { value, slope: [one, other], bend: [first, mixed, second] }
    }

    /// Prepares points for [`Surface::over`].
    pub(super) fn bind(&self, base: &[f64], points: &[[f64; 2]]) -> Columns {
        self.bound(&self.tape, base, points)
    }

    /// Prepares points for [`Surface::over_with_bends`].
    pub(super) fn bind_with_bends(&self, base: &[f64], points: &[[f64; 2]]) -> Columns {
        self.bound(&self.bent, base, points)
    }

    fn bound(&self, tape: &Tape, base: &[f64], points: &[[f64; 2]]) -> Columns {
        let column = |index: usize| -> Vec<f64> {
            match self.moved.iter().position(|&moved| moved == index) {
                Some(axis) => points.iter().map(|point| point[axis]).collect(),
                None => vec![base[index]; points.len()],
            }
        };
        let columns: Vec<Vec<f64>> = (0..base.len()).map(column).collect();
        tape.bind(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>(), points.len())
    }

    /// Calls `read` with the values and the two slopes at all points.
    pub(super) fn over<T>(
        &self,
        parameters: &[f64],
        points: &Columns,
        read: impl FnOnce(&[f64], [&[f64]; 2]) -> T,
    ) -> T {
        SCRATCH.with_borrow_mut(|Scratch { workspace, out }| {
            self.tape.rows_into(points, parameters, workspace, &mut out[..3]);
            let [values, one, other, ..] = &*out;
            read(values, [one, other])
        })
    }

    /// Value, slopes and second derivatives at points prepared by [`Surface::bind_with_bends`].
    pub(super) fn over_with_bends(&self, parameters: &[f64], points: &Columns) -> Vec<Local> {
        SCRATCH.with_borrow_mut(|Scratch { workspace, out }| {
            self.bent.rows_into(points, parameters, workspace, out);
            let at = |i: usize| {
                let [value, one, other, first, mixed, second] = [0, 1, 2, 3, 4, 5].map(|list| out[list][i]);
                Local { value, slope: [one, other], bend: [first, mixed, second] }
            };
            (0..points.rows()).map(at).collect()
        })
    }
}
