//! A formula compiled for evaluation over blocks of rows: value, gradient, second derivatives.
//!
//! What depends on parameters alone is computed once per parameter vector, what depends on data
//! alone once per data set; only the rest runs per row, one instruction at a time over a block
//! that stays in the first-level cache.

use super::simd;
use super::symbolic::{Graph, Id, Op, apply};
use crate::numerics::LANES;

/// Eight rows, the unit in which columns are stored.
pub type Lanes = [f64; LANES];
/// Lanes in a block: 128 rows.
pub const BLOCK: usize = 16;

/// How far derivatives are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// The value alone.
    Value,
    /// The value and the gradient.
    Gradient,
    /// The value, the gradient and second derivatives.
    Hessian,
}

/// Where an operand of a row instruction is found.
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
    Add(Source, Source),
    Subtract(Source, Source),
    Multiply(Source, Source),
    Divide(Source, Source),
    Negate(Source),
    Exp(Source),
    Ln(Source),
    Sqrt(Source),
    Less(Source, Source),
    Select(Source, Source, Source),
}

/// One instruction over the rows of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction {
    pub(super) action: Action,
    pub(super) target: usize,
}

/// A second derivative and the instructions that lead to it.
#[derive(Clone, Debug)]
struct Second {
    row: usize,
    column: usize,
    until: usize,
    source: Source,
}

/// Nodes evaluated at a single row: a value and derivatives of it.
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
}

/// A compiled formula with `p` free parameters.
#[derive(Clone, Debug)]
pub struct Tape {
    graph: Graph,
    value: Point,
    gradient: Point,
    slopes: Point,
    scalars: Vec<Id>,
    scalar_outputs: Vec<Id>,
    columns: Vec<Id>,
    value_code: Vec<Instruction>,
    gradient_code: Vec<Instruction>,
    hessian_code: Vec<Instruction>,
    value_source: Source,
    gradient_sources: Vec<Source>,
    second: Vec<Second>,
    registers: usize,
    nonlinear: Vec<bool>,
}

impl Tape {
    /// Compiles the node `value` of a graph over `parameters` free parameters and `variables` variables.
    pub fn compile(mut graph: Graph, value: Id, parameters: usize, variables: usize) -> Self {
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
        let mut nonlinear = vec![false; parameters];
        for &(row, column, _) in &hessian {
            if row == column {
                nonlinear[row] = true;
            }
        }
        let mut compiler = Compiler::new(&graph);
        let value_source = compiler.source(value);
        let value_code = std::mem::take(&mut compiler.code);
        let gradient_sources: Vec<Source> = gradient.iter().map(|&id| compiler.source(id)).collect();
        let gradient_code = std::mem::take(&mut compiler.code);
        let second = hessian
            .iter()
            .map(|&(row, column, id)| {
                let source = compiler.source(id);
                Second { row, column, until: compiler.code.len(), source }
            })
            .collect();
        let hessian_code = std::mem::take(&mut compiler.code);
        let Compiler { scalars, columns, registers, .. } = compiler;
        let mut tape = Self {
            scalar_outputs: scalars.clone(),
            scalars: graph.needed(&scalars),
            columns,
            value: Point::of(&graph, &[value]),
            gradient: Point::of(&graph, &[&[value], &gradient[..]].concat()),
            slopes: Point::of(&graph, &[&[value], &by_variable[..]].concat()),
            value_code,
            gradient_code,
            hessian_code,
            value_source,
            gradient_sources,
            second,
            registers,
            nonlinear,
            graph,
        };
        tape.reuse_registers();
        tape
    }

    /// Number of free parameters.
    pub fn parameters(&self) -> usize {
        self.gradient_sources.len()
    }

    /// Whether the formula is linear in the parameter, the others being held.
    pub fn is_linear_in(&self, parameter: usize) -> bool {
        !self.nonlinear[parameter]
    }

    /// The largest set of parameters, earliest first, in which the formula is jointly linear.
    pub fn linear_set(&self) -> Vec<usize> {
        let mut set: Vec<usize> = Vec::new();
        for candidate in 0..self.parameters() {
            let coupled = self.second.iter().any(|second| {
                (second.row == candidate && (second.column == candidate || set.contains(&second.column)))
                    || (second.column == candidate && set.contains(&second.row))
            });
            if !coupled {
                set.push(candidate);
            }
        }
        set
    }

    /// The value at one row.
    pub fn value_at(&self, parameters: &[f64], variables: &[f64]) -> f64 {
        self.value.evaluate(&self.graph, parameters, variables).0
    }

    /// The value at one row and its derivatives by each variable.
    pub fn slope_at(&self, parameters: &[f64], variables: &[f64]) -> (f64, Vec<f64>) {
        self.slopes.evaluate(&self.graph, parameters, variables)
    }

    /// The value at one row and its derivatives by each parameter.
    pub fn gradient_at(&self, parameters: &[f64], variables: &[f64]) -> (f64, Vec<f64>) {
        self.gradient.evaluate(&self.graph, parameters, variables)
    }

    /// Computes the columns that depend on data alone; `variables[i]` holds the rows of variable `i`.
    pub fn bind(&self, variables: &[&[f64]], rows: usize) -> Columns {
        let lanes = rows.div_ceil(LANES);
        let needed = self.graph.needed(&self.columns);
        let mut columns = vec![vec![[1.0; LANES]; lanes]; self.columns.len()];
        let mut values = vec![0.0; self.graph.ops().len()];
        for row in 0..lanes * LANES {
            // The last lanes repeat the last row; their weights are zero.
            let row_of_data = row.min(rows.saturating_sub(1));
            for &id in &needed {
                values[id as usize] = match self.graph.op(id) {
                    Op::Number(bits) => f64::from_bits(bits),
                    Op::Variable(index) => variables[index as usize][row_of_data],
                    op => apply(op, |operand| values[operand as usize]),
                };
            }
            for (column, &id) in columns.iter_mut().zip(&self.columns) {
                column[row / LANES][row % LANES] = values[id as usize];
            }
        }
        Columns { columns, rows }
    }

    /// Registers that hold a value no longer needed are given to the next instruction.
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
        let mut keep = |source: Source, until: usize| {
            if let Source::Register(register) = source {
                last[register] = last[register].max(until);
            }
        };
        keep(self.value_source, code.len());
        self.gradient_sources.iter().for_each(|&source| keep(source, code.len()));
        let start = self.value_code.len() + self.gradient_code.len();
        self.second.iter().for_each(|second| keep(second.source, start + second.until));
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
        let rename = |source: Source| match source {
            Source::Register(register) => Source::Register(place[register]),
            other => other,
        };
        self.value_source = rename(self.value_source);
        self.gradient_sources.iter_mut().for_each(|source| *source = rename(*source));
        self.second.iter_mut().for_each(|second| second.source = rename(second.source));
        self.hessian_code = renamed.split_off(start);
        self.gradient_code = renamed.split_off(self.value_code.len());
        self.value_code = renamed;
        self.registers = held.len();
    }
}

/// The sum of eight lanes, as a tree of fixed shape.
fn fold(l: &Lanes) -> f64 {
    ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

impl Instruction {
    fn sources(&self) -> impl Iterator<Item = Source> {
        let sources = match self.action {
            Action::Negate(a) | Action::Exp(a) | Action::Ln(a) | Action::Sqrt(a) => [Some(a), None, None],
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
            Action::Negate(a) => Action::Negate(rename(a)),
            Action::Exp(a) => Action::Exp(rename(a)),
            Action::Ln(a) => Action::Ln(rename(a)),
            Action::Sqrt(a) => Action::Sqrt(rename(a)),
            Action::Less(a, b) => Action::Less(rename(a), rename(b)),
            Action::Select(a, b, c) => Action::Select(rename(a), rename(b), rename(c)),
        }
    }
}

/// Assigns each node its place: a scalar, a column, or a register filled by an instruction.
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

    /// Where the node is found once the code so far has run.
    fn source(&mut self, id: Id) -> Source {
        if let Some(place) = self.places[id as usize] {
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
            self.code.push(Instruction { action, target: self.registers });
            self.registers += 1;
            Source::Register(self.registers - 1)
        };
        self.places[id as usize] = Some(place);
        place
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
            Op::Sqrt(a) => Action::Sqrt(self.source(a)),
            Op::Less(a, b) => Action::Less(self.source(a), self.source(b)),
            Op::Select(a, b, c) => Action::Select(self.source(a), self.source(b), self.source(c)),
            // Leaves depend on parameters or on data, never on both.
            Op::Number(_) | Op::Variable(_) | Op::Parameter(_) => Action::Negate(Source::Scalar(0)),
        }
    }
}

/// The part of a formula that depends on data alone, computed for every row.
#[derive(Clone, Debug)]
pub struct Columns {
    columns: Vec<Vec<Lanes>>,
    rows: usize,
}

impl Columns {
    /// Number of rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }
}

/// Memory that an evaluation writes to; one per thread, reused.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    nodes: Vec<f64>,
    scalars: Vec<f64>,
    registers: Vec<Lanes>,
    sums: Vec<Lanes>,
    weights: Weights,
}

/// What the rows of one block contribute, set by the objective.
#[derive(Clone, Debug)]
pub struct Weights {
    /// Contribution to the objective.
    pub cost: [Lanes; BLOCK],
    /// Factor of the law's gradient.
    pub first: [Lanes; BLOCK],
    /// Factor of the product of two of the law's derivatives.
    pub second: [Lanes; BLOCK],
}

impl Default for Weights {
    fn default() -> Self {
        let zero = [[0.0; LANES]; BLOCK];
        Self { cost: zero, first: zero, second: zero }
    }
}

/// Turns the law's values over a block into contributions to an objective.
pub trait Weigh {
    /// Fills `weights` for the lanes of `values`, of which the first is lane `lane` of the data.
    fn weigh(&self, lane: usize, values: &[Lanes], weights: &mut Weights);
}

/// A sum over rows with its derivatives by the law's free parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// The objective.
    pub cost: f64,
    /// Its gradient, where asked for.
    pub gradient: Vec<f64>,
    /// Its second derivatives, lower triangle by rows, where asked for.
    pub hessian: Vec<f64>,
}

impl Tape {
    /// Evaluates the formula over all rows and sums what `weigh` makes of it.
    ///
    /// Sums have a fixed order: by block, within eight lanes, and the lanes at the end.
    pub fn sum(
        &self,
        columns: &Columns,
        parameters: &[f64],
        order: Order,
        weigh: &impl Weigh,
        workspace: &mut Workspace,
        sums: &mut Sums,
    ) {
        let p = self.parameters();
        self.set_scalars(parameters, workspace);
        let Workspace { scalars, registers, sums: lanes, weights, .. } = workspace;
        registers.resize(self.registers * BLOCK, [0.0; LANES]);
        lanes.clear();
        let cells = 1
            + if order >= Order::Gradient { p } else { 0 }
            + if order == Order::Hessian { p * (p + 1) / 2 } else { 0 };
        lanes.resize(cells, [0.0; LANES]);
        let total = columns.rows.div_ceil(LANES);
        for start in (0..total).step_by(BLOCK) {
            let block = simd::Block { scalars, columns: &columns.columns, start, lanes: BLOCK.min(total - start) };
            simd::run(&self.value_code, &block, registers);
            let mut values = [[0.0; LANES]; BLOCK];
            simd::fetch(self.value_source, &block, registers, &mut values);
            weigh.weigh(start, &values[..block.lanes], weights);
            simd::add(&weights.cost, block.lanes, &mut lanes[0]);
            if order >= Order::Gradient {
                simd::run(&self.gradient_code, &block, registers);
                for (j, &source) in self.gradient_sources.iter().enumerate() {
                    simd::add_product(&weights.first, source, &block, registers, &mut lanes[1 + j]);
                }
            }
            if order == Order::Hessian {
                self.add_second(&block, registers, weights, &mut lanes[1 + p..]);
            }
        }
        sums.cost = fold(&lanes[0]);
        sums.gradient.clear();
        sums.hessian.clear();
        if order >= Order::Gradient {
            sums.gradient.extend(lanes[1..=p].iter().map(fold));
        }
        if order == Order::Hessian {
            sums.hessian.extend(lanes[1 + p..].iter().map(fold));
        }
    }

    /// Calls `visit` with the law's values, lanes at a time.
    pub fn values(&self, columns: &Columns, parameters: &[f64]) -> Vec<f64> {
        let mut workspace = Workspace::default();
        self.set_scalars(parameters, &mut workspace);
        let Workspace { scalars, registers, .. } = &mut workspace;
        registers.resize(self.registers * BLOCK, [0.0; LANES]);
        let total = columns.rows.div_ceil(LANES);
        let mut all = Vec::with_capacity(total * LANES);
        for start in (0..total).step_by(BLOCK) {
            let block = simd::Block { scalars, columns: &columns.columns, start, lanes: BLOCK.min(total - start) };
            simd::run(&self.value_code, &block, registers);
            let mut values = [[0.0; LANES]; BLOCK];
            simd::fetch(self.value_source, &block, registers, &mut values);
            all.extend(values[..block.lanes].iter().flatten());
        }
        all.truncate(columns.rows);
        all
    }

    /// The value and the gradient at each row, the gradient by the free parameters.
    pub fn rows(&self, columns: &Columns, parameters: &[f64]) -> Vec<(f64, Vec<f64>)> {
        let mut workspace = Workspace::default();
        self.set_scalars(parameters, &mut workspace);
        let Workspace { scalars, registers, .. } = &mut workspace;
        registers.resize(self.registers * BLOCK, [0.0; LANES]);
        let mut all = Vec::with_capacity(columns.rows);
        for start in (0..columns.rows.div_ceil(LANES)).step_by(BLOCK) {
            let lanes = BLOCK.min(columns.rows.div_ceil(LANES) - start);
            let block = simd::Block { scalars, columns: &columns.columns, start, lanes };
            simd::run(&self.value_code, &block, registers);
            simd::run(&self.gradient_code, &block, registers);
            let at = |source: Source| {
                let mut out = [[0.0; LANES]; BLOCK];
                simd::fetch(source, &block, registers, &mut out);
                out
            };
            let value = at(self.value_source);
            let gradient: Vec<_> = self.gradient_sources.iter().map(|&source| at(source)).collect();
            for row in 0..lanes * LANES {
                let (lane, l) = (row / LANES, row % LANES);
                all.push((value[lane][l], gradient.iter().map(|g| g[lane][l]).collect()));
            }
        }
        all.truncate(columns.rows);
        all
    }

    fn set_scalars(&self, parameters: &[f64], workspace: &mut Workspace) {
        let Workspace { nodes, scalars, .. } = workspace;
        nodes.resize(self.graph.ops().len(), 0.0);
        for &id in &self.scalars {
            nodes[id as usize] = match self.graph.op(id) {
                Op::Number(bits) => f64::from_bits(bits),
                Op::Parameter(index) => parameters[index as usize],
                op => apply(op, |operand| nodes[operand as usize]),
            };
        }
        scalars.clear();
        scalars.extend(self.scalar_outputs.iter().map(|&id| nodes[id as usize]));
    }

    fn add_second(&self, block: &simd::Block<'_>, registers: &mut [Lanes], weights: &Weights, sums: &mut [Lanes]) {
        let mut scaled = [[0.0; LANES]; BLOCK];
        for (row, &source) in self.gradient_sources.iter().enumerate() {
            simd::scale(&weights.second, source, block, registers, &mut scaled);
            for (column, &other) in self.gradient_sources[..=row].iter().enumerate() {
                simd::add_product(&scaled, other, block, registers, &mut sums[row * (row + 1) / 2 + column]);
            }
        }
        let mut from = 0;
        for second in &self.second {
            simd::run(&self.hessian_code[from..second.until], block, registers);
            from = second.until;
            let cell = second.row * (second.row + 1) / 2 + second.column;
            simd::add_product(&weights.first, second.source, block, registers, &mut sums[cell]);
        }
    }
}
