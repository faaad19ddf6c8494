//! A formula compiled for evaluation over blocks of rows: value, gradient and second derivatives.
//!
//! Parts that depend on parameters alone are computed once for each parameter vector, and parts that depend on data
//! alone once for each data set. Only the rest runs for each row, one instruction at a time over a block that fits in
//! the first-level cache.

use std::sync::Arc;

use super::symbolic::{Graph, Id, Op};
use crate::numerics::{Special, TOGETHER, triangle};

/// Number of rows in a block.
pub const ROWS: usize = 256;

/// The order of derivatives to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// The value alone.
    Value,
    /// The value and the gradient.
    Gradient,
    /// The value, the gradient and the Gauss-Newton approximation of second derivatives.
    GaussNewton,
    /// The value, the gradient and second derivatives.
    Hessian,
}

/// What an evaluation computes.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The order of derivatives to compute.
    pub order: Order,
    /// Derivatives may be left out where the objective exceeds this value.
    pub most: f64,
}

impl From<Order> for Wanted {
    fn from(order: Order) -> Self {
        Self { order, most: f64::INFINITY }
    }
}

impl Order {
    /// Derivatives of this order, needed only where the objective is at most `most`.
    pub const fn below(self, most: f64) -> Wanted {
        Wanted { order: self, most }
    }
}

/// Where a row instruction finds an operand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// A number that is the same for all rows.
    Scalar(usize),
    /// A column computed from the data alone.
    Column(usize),
    /// A register that holds one block.
    Register(usize),
}

/// What a row instruction computes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    /// A copy of the operand, for results that callers read from a register.
    Copy(Source),
    Add(Source, Source),
    Subtract(Source, Source),
    Multiply(Source, Source),
    Divide(Source, Source),
    Negate(Source),
    Exp(Source),
    Ln(Source),
    Softplus(Source),
    Sqrt(Source),
    Special(Special, Source),
    Less(Source, Source),
    Select(Source, Source, Source),
}

/// One instruction over the rows of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction {
    pub(super) action: Action,
    pub(super) target: usize,
}

/// Some of the nonzero second derivatives, and the end of the instructions that compute them.
#[derive(Clone, Debug)]
pub(super) struct Second {
    /// Their positions in the lower triangle.
    pub(super) cells: Vec<usize>,
    /// Start of the register of each.
    pub(super) starts: Vec<usize>,
    /// Number of instructions up to and including theirs.
    pub(super) until: usize,
}

/// Nodes for evaluation at a single row: a value and its derivatives.
#[derive(Clone, Debug)]
struct Point {
    nodes: Vec<Id>,
    roots: Vec<Id>,
}

impl Point {
    fn of(graph: &Graph, roots: &[Id]) -> Self {
        Self { nodes: graph.needed(roots), roots: roots.to_vec() }
    }

    fn evaluate(&self, graph: &Graph, parameters: &[f64], variables: &[f64]) -> (f64, Vec<f64>) {
        let values = graph.evaluate(&self.nodes, parameters, variables);
        let mut roots = self.roots.iter().map(|&root| values[root as usize]);
        (roots.next().unwrap_or(f64::NAN), roots.collect())
    }

    fn rounding(&self, graph: &Graph, parameters: &[f64], variables: &[f64]) -> (f64, f64) {
        let value = |nudge| {
            let values = graph.evaluate_nudged(&self.nodes, parameters, variables, nudge);
            self.roots.first().map_or(f64::NAN, |&root| values[root as usize])
        };
        let here = value(0.0);
        let changes = [f64::EPSILON, -f64::EPSILON].map(|nudge| (value(nudge) - here).abs());
        (here, changes[0].max(changes[1]))
    }
}

/// A compiled formula with `p` free parameters.
#[derive(Clone, Debug)]
pub struct Tape {
    pub(super) graph: Arc<Graph>,
    value: Point,
    gradient: Point,
    slopes: Point,
    pub(super) scalars: Vec<Id>,
    pub(super) scalar_outputs: Vec<Id>,
    pub(super) columns: Vec<Id>,
    pub(super) value_code: Vec<Instruction>,
    pub(super) gradient_code: Vec<Instruction>,
    pub(super) hessian_code: Vec<Instruction>,
    /// Start of the register that holds the value.
    pub(super) value_start: usize,
    /// Start of the register of each first derivative.
    pub(super) gradient_starts: Vec<usize>,
    pub(super) second: Vec<Second>,
    pub(super) registers: usize,
}

impl Tape {
    /// Compiles the node `value` of a graph over `parameters` free parameters and `variables` variables.
    pub fn compile(mut graph: Graph, value: Id, parameters: usize, variables: usize) -> Self {
        graph.take_limits_at_zero(value, parameters, variables);
        let leaves: Vec<Id> = (0..parameters).map(|i| graph.parameter(i)).collect();
        let inputs: Vec<Id> = (0..variables).map(|i| graph.variable(i)).collect();
        let gradient = graph.gradient(value, &leaves);
        let by_variable = graph.gradient(value, &inputs);
        let mut hessian = Vec::new();
        for (row, &of) in gradient.iter().enumerate() {
            let derivatives = graph.gradient(of, &leaves[..=row]);
            hessian.extend(derivatives.into_iter().enumerate().map(|(column, id)| (row, column, id)));
        }
        hessian.retain(|(.., id)| graph.constant(*id) != Some(0.0));
        Self::of_nodes(Arc::new(graph), value, &gradient, &hessian, &by_variable)
    }

    /// Compiles a node without derivatives.
    pub fn of_value(graph: &Arc<Graph>, value: Id) -> Self {
        Self::of_nodes(Arc::clone(graph), value, &[], &[], &[])
    }

    /// Compiles a node and other nodes, without derivatives, for [`Tape::rows_into`].
    pub fn of_value_and(graph: &Arc<Graph>, value: Id, others: &[Id]) -> Self {
        Self::of_nodes(Arc::clone(graph), value, others, &[], &[])
    }

    /// Compiles a value and its derivatives; second derivatives have a row and a column.
    fn of_nodes(
        graph: Arc<Graph>,
        value: Id,
        gradient: &[Id],
        hessian: &[(usize, usize, Id)],
        by_variable: &[Id],
    ) -> Self {
        let mut compiler = Compiler::new(&graph);
        let value_start = compiler.register(value);
        let value_code = std::mem::take(&mut compiler.code);
        let gradient_starts = gradient.iter().map(|&id| compiler.register(id)).collect();
        let gradient_code = std::mem::take(&mut compiler.code);
        let second = hessian.chunks(TOGETHER).map(|some| Second {
            cells: some.iter().map(|&(row, column, _)| triangle(row, column)).collect(),
            starts: some.iter().map(|&(.., id)| compiler.register(id)).collect(),
            until: compiler.code.len(),
        });
        let second = second.collect();
        let hessian_code = std::mem::take(&mut compiler.code);
        let Compiler { scalars, columns, registers, .. } = compiler;
        let mut tape = Self {
            scalar_outputs: scalars.clone(),
            scalars: graph.needed(&scalars),
            columns,
            value: Point::of(&graph, &[value]),
            gradient: Point::of(&graph, &[&[value], gradient].concat()),
            slopes: Point::of(&graph, &[&[value], by_variable].concat()),
            value_code,
            gradient_code,
            hessian_code,
            value_start,
            gradient_starts,
            second,
            registers,
            graph,
        };
        tape.reuse_registers();
        tape
    }

    /// Number of free parameters.
    pub fn parameters(&self) -> usize {
        self.gradient_starts.len()
    }

    /// The value at one row.
    pub fn value_at(&self, parameters: &[f64], variables: &[f64]) -> f64 {
        self.value.evaluate(&self.graph, parameters, variables).0
    }

    /// Whether the formula has only a limit where a variable is zero, and is evaluated close to it.
    pub fn takes_limit_at_zero(&self, variable: usize) -> bool {
        self.graph.takes_limit_at_zero(variable)
    }

    /// Whether the parts that depend on variables alone are finite at one row.
    pub fn has_columns_at(&self, variables: &[f64]) -> bool {
        let values = self.graph.evaluate(&self.graph.needed(&self.columns), &[], variables);
        self.columns.iter().all(|&column| values[column as usize].is_finite())
    }

    /// The value at one row, and the change of it when every operation is rounded differently.
    pub fn rounding_at(&self, parameters: &[f64], variables: &[f64]) -> (f64, f64) {
        self.value.rounding(&self.graph, parameters, variables)
    }

    /// The value at one row and its derivatives by each variable.
    pub fn slope_at(&self, parameters: &[f64], variables: &[f64]) -> (f64, Vec<f64>) {
        self.slopes.evaluate(&self.graph, parameters, variables)
    }

    /// The value at one row and its derivatives by each parameter.
    pub fn gradient_at(&self, parameters: &[f64], variables: &[f64]) -> (f64, Vec<f64>) {
        self.gradient.evaluate(&self.graph, parameters, variables)
    }

    /// Reuses the registers of values that are no longer needed.
    fn reuse_registers(&mut self) {
        let code: Vec<Instruction> = [&self.value_code[..], &self.gradient_code, &self.hessian_code].concat();
        let mut last = vec![0; self.registers];
        for (at, instruction) in code.iter().enumerate() {
            for source in instruction.sources() {
                if let Source::Register(register) = source {
                    last[register] = at;
                }
            }
        }
        // Until registers are assigned, the start of a register is its number.
        let mut keep = |register: &usize, until: usize| last[*register] = last[*register].max(until);
        keep(&self.value_start, code.len());
        self.gradient_starts.iter().for_each(|register| keep(register, code.len()));
        let start = self.value_code.len() + self.gradient_code.len();
        for second in &self.second {
            second.starts.iter().for_each(|register| keep(register, start + second.until));
        }
        let mut place = vec![usize::MAX; self.registers];
        let mut held: Vec<Option<usize>> = Vec::new();
        let mut renamed = Vec::with_capacity(code.len());
        for (at, instruction) in code.iter().enumerate() {
            let action = instruction.renamed(&place);
            for slot in &mut held {
                if slot.is_some_and(|register| last[register] < at) {
                    *slot = None;
                }
            }
            let slot = held.iter().position(Option::is_none).unwrap_or_else(|| {
                held.push(None);
                held.len() - 1
            });
            held[slot] = Some(instruction.target);
            place[instruction.target] = slot;
            renamed.push(Instruction { action, target: slot });
        }
        let begin = |register: &mut usize| *register = place[*register] * ROWS;
        begin(&mut self.value_start);
        self.gradient_starts.iter_mut().for_each(begin);
        self.second.iter_mut().flat_map(|second| &mut second.starts).for_each(begin);
        self.hessian_code = renamed.split_off(start);
        self.gradient_code = renamed.split_off(self.value_code.len());
        self.value_code = renamed;
        self.registers = held.len();
    }
}

impl Instruction {
    fn sources(&self) -> impl Iterator<Item = Source> {
        let sources = match self.action {
            Action::Copy(a)
            | Action::Negate(a)
            | Action::Exp(a)
            | Action::Ln(a)
            | Action::Softplus(a)
            | Action::Sqrt(a)
            | Action::Special(_, a) => [Some(a), None, None],
            Action::Add(a, b)
            | Action::Subtract(a, b)
            | Action::Multiply(a, b)
            | Action::Divide(a, b)
            | Action::Less(a, b) => [Some(a), Some(b), None],
            Action::Select(a, b, c) => [Some(a), Some(b), Some(c)],
        };
        sources.into_iter().flatten()
    }

    fn renamed(&self, place: &[usize]) -> Action {
        let rename = |source: Source| match source {
            Source::Register(register) => Source::Register(place[register]),
            other => other,
        };
        match self.action {
            Action::Add(a, b) => Action::Add(rename(a), rename(b)),
            Action::Subtract(a, b) => Action::Subtract(rename(a), rename(b)),
            Action::Multiply(a, b) => Action::Multiply(rename(a), rename(b)),
            Action::Divide(a, b) => Action::Divide(rename(a), rename(b)),
            Action::Copy(a) => Action::Copy(rename(a)),
            Action::Negate(a) => Action::Negate(rename(a)),
            Action::Exp(a) => Action::Exp(rename(a)),
            Action::Ln(a) => Action::Ln(rename(a)),
            Action::Softplus(a) => Action::Softplus(rename(a)),
            Action::Sqrt(a) => Action::Sqrt(rename(a)),
            Action::Special(function, a) => Action::Special(function, rename(a)),
            Action::Less(a, b) => Action::Less(rename(a), rename(b)),
            Action::Select(a, b, c) => Action::Select(rename(a), rename(b), rename(c)),
        }
    }
}

/// Assigns a place to each node: a scalar, a column, or a register filled by an instruction.
struct Compiler<'a> {
    graph: &'a Graph,
    places: Vec<Option<Source>>,
    scalars: Vec<Id>,
    columns: Vec<Id>,
    code: Vec<Instruction>,
    registers: usize,
}

impl<'a> Compiler<'a> {
    fn new(graph: &'a Graph) -> Self {
        Self {
            graph,
            places: vec![None; graph.ops().len()],
            scalars: Vec::new(),
            columns: Vec::new(),
            code: Vec::new(),
            registers: 0,
        }
    }

    /// Where a node's value is, after the code so far; adds code where needed.
    fn source(&mut self, id: Id) -> Source {
        if let Some(place) = self.places[id as usize] {
            return place;
        }
        if let Op::Hold(inner) = self.graph.op(id) {
            let place = self.source(inner);
            self.places[id as usize] = Some(place);
            return place;
        }
        let depends = self.graph.depends(id);
        let place = if !depends.variables {
            self.scalars.push(id);
            Source::Scalar(self.scalars.len() - 1)
        } else if !depends.parameters {
            self.columns.push(id);
            Source::Column(self.columns.len() - 1)
        } else {
            let action = self.action(id);
            Source::Register(self.push(action))
        };
        self.places[id as usize] = Some(place);
        place
    }

    /// The register that holds a node's value, after the code so far; adds code where needed.
    fn register(&mut self, id: Id) -> usize {
        match self.source(id) {
            Source::Register(register) => register,
            elsewhere => self.push(Action::Copy(elsewhere)),
        }
    }

    /// Adds an instruction and returns the register that it fills.
    fn push(&mut self, action: Action) -> usize {
        self.code.push(Instruction { action, target: self.registers });
        self.registers += 1;
        self.registers - 1
    }

    fn action(&mut self, id: Id) -> Action {
        match self.graph.op(id) {
            Op::Add(a, b) => Action::Add(self.source(a), self.source(b)),
            Op::Subtract(a, b) => Action::Subtract(self.source(a), self.source(b)),
            Op::Multiply(a, b) => Action::Multiply(self.source(a), self.source(b)),
            Op::Divide(a, b) => Action::Divide(self.source(a), self.source(b)),
            Op::Negate(a) => Action::Negate(self.source(a)),
            Op::Exp(a) => Action::Exp(self.source(a)),
            Op::Ln(a) => Action::Ln(self.source(a)),
            Op::Softplus(a) => Action::Softplus(self.source(a)),
            Op::Sqrt(a) => Action::Sqrt(self.source(a)),
            Op::Special(function, a) => Action::Special(function, self.source(a)),
            Op::Less(a, b) => Action::Less(self.source(a), self.source(b)),
            Op::Select(a, b, c) => Action::Select(self.source(a), self.source(b), self.source(c)),
            // Unreachable: a leaf depends on parameters or on data alone, and a held node has the place of its operand.
            Op::Number(_) | Op::Variable(_) | Op::Parameter(_) | Op::Hold(_) => Action::Negate(Source::Scalar(0)),
        }
    }
}
