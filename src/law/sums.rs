//! A tape over the rows of a data set: values, and sums with their derivatives.

use super::simd;
use super::symbolic::{Op, apply};
use super::tape::{Order, ROWS, Second, Tape, Wanted};
use crate::numerics::{ColumnsIn, LANES, Lanes, TOGETHER, add, add_products, add_squares, fold, triangle};

/// The parts of a formula that depend on data alone, computed for every row.
#[derive(Clone, Debug)]
pub struct Columns {
    columns: Vec<Vec<f64>>,
    rows: usize,
}

impl Columns {
    /// Number of rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The columns of the rows at `chosen`.
    #[must_use]
    pub fn of_rows(&self, chosen: &[usize]) -> Self {
        let (rows, padded) = (chosen.len(), chosen.len().div_ceil(LANES) * LANES);
        // The last lanes repeat the last row with a weight of zero.
        let pick = |column: &Vec<f64>| (0..padded).map(|row| column[chosen[row.min(rows - 1)]]).collect();
        Self { columns: self.columns.iter().map(pick).collect(), rows }
    }

    /// Number of rows including the padding of the last lanes.
    const fn padded(&self) -> usize {
        self.rows.div_ceil(LANES) * LANES
    }
}

/// Memory for an evaluation, for reuse by one thread.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    registers: Registers,
    sums: Vec<Lanes>,
    scratch: Vec<f64>,
    /// Boxed, because solvers that hold a workspace are moved.
    weights: Box<Weights>,
}

/// Memory for the code of a formula, apart from the columns.
#[derive(Clone, Debug, Default)]
struct Registers {
    /// Values of the nodes that lead to the scalars, by number.
    nodes: Vec<f64>,
    scalars: Vec<f64>,
    /// Rows of a block, register by register.
    rows: Vec<f64>,
}

/// Contributions of the rows of one block, set by the objective.
#[derive(Clone, Debug)]
pub struct Weights {
    /// Contribution to the objective; never negative.
    pub cost: [f64; ROWS],
    /// Factor of the law's gradient.
    pub first: [f64; ROWS],
    /// Factor of the product of two of the law's derivatives.
    pub second: [f64; ROWS],
}

impl Default for Weights {
    fn default() -> Self {
        Self { cost: [0.0; ROWS], first: [0.0; ROWS], second: [0.0; ROWS] }
    }
}

/// Converts the law's values over a block to contributions to an objective.
pub trait Weigh {
    /// Fills `weights` for `values`; the first value belongs to row `start` of the data.
    fn weigh(&self, start: usize, values: &[f64], weights: &mut Weights);
}

/// A sum over rows and its derivatives by the law's free parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// The objective.
    pub cost: f64,
    /// The gradient, where requested.
    pub gradient: Vec<f64>,
    /// The Hessian as a lower triangle by rows, where requested.
    pub hessian: Vec<f64>,
}

impl Tape {
    /// Computes the columns that depend on data alone; `variables[i]` holds the rows of variable `i`.
    pub fn bind(&self, variables: &[&[f64]], rows: usize) -> Columns {
        let padded = rows.div_ceil(LANES) * LANES;
        let needed = self.graph.needed(&self.columns);
        let mut columns = vec![vec![1.0; padded]; self.columns.len()];
        let mut values = vec![0.0; self.graph.ops().len()];
        for row in 0..padded {
            // The last lanes repeat the last row with a weight of zero.
            let row_of_data = row.min(rows.saturating_sub(1));
            for &id in &needed {
                values[id as usize] = match self.graph.op(id) {
                    Op::Number(bits) => f64::from_bits(bits),
                    Op::Variable(index) => self.graph.entering(index, variables[index as usize][row_of_data]),
                    op => apply(op, |operand| values[operand as usize]),
                };
            }
            for (column, &id) in columns.iter_mut().zip(&self.columns) {
                column[row] = values[id as usize];
            }
        }
        Columns { columns, rows }
    }

    /// Evaluates the formula over all rows and sums the contributions from `weigh`.
    ///
    /// Derivatives stop at the block at which the cost exceeds `wanted.most`; the cost cannot fall again, because no
    /// row's cost is negative.
    ///
    /// Sums have a fixed order: row after row and block by block in each of eight lanes, then across the lanes.
    pub fn sum(
        &self,
        columns: &Columns,
        parameters: &[f64],
        Wanted { mut order, most }: Wanted,
        weigh: &impl Weigh,
        workspace: &mut Workspace,
        sums: &mut Sums,
    ) {
        let p = self.parameters();
        let Workspace { registers, sums: lanes, scratch, weights } = workspace;
        self.prepare(parameters, registers);
        let Registers { scalars, rows: registers, .. } = registers;
        scratch.resize(ROWS, 0.0);
        let gradient = if order >= Order::Gradient { p } else { 0 };
        let hessian = if order >= Order::GaussNewton { triangle(p, 0) } else { 0 };
        lanes.clear();
        lanes.resize(1 + gradient + hessian, [0.0; LANES]);
        for block in blocks(scalars, columns) {
            let rows = block.rows;
            simd::run(&self.value_code, &block, registers);
            weigh.weigh(block.start, &registers[self.value_start..][..rows], weights);
            add(&weights.cost[..rows], &mut lanes[0]);
            if order > Order::Value && fold(&lanes[0]) > most {
                order = Order::Value;
                lanes.truncate(1);
            }
            if order >= Order::Gradient {
                simd::run(&self.gradient_code, &block, registers);
                let slopes = ColumnsIn { all: registers, starts: &self.gradient_starts, rows };
                add_products(&weights.first[..rows], slopes, &mut lanes[1..=p]);
                if order >= Order::GaussNewton {
                    add_squares(&weights.second[..rows], slopes, scratch, &mut lanes[1 + p..]);
                }
            }
            if order == Order::Hessian {
                self.add_second(&block, registers, weights, &mut lanes[1 + p..]);
            }
        }
        sums.cost = fold(&lanes[0]);
        sums.gradient.clear();
        sums.hessian.clear();
        let (first, second) = lanes[1..].split_at(if order == Order::Value { 0 } else { p });
        sums.gradient.extend(first.iter().map(fold));
        sums.hessian.extend(second.iter().map(fold));
    }

    /// Adds the second derivatives of the law itself.
    fn add_second(&self, block: &simd::Block<'_>, registers: &mut [f64], weights: &Weights, sums: &mut [Lanes]) {
        let mut from = 0;
        for Second { cells, starts, until } in &self.second {
            simd::run(&self.hessian_code[from..*until], block, registers);
            from = *until;
            let mut own = [[0.0; LANES]; TOGETHER];
            let own = &mut own[..cells.len()];
            add_products(&weights.first[..block.rows], ColumnsIn { all: registers, starts, rows: block.rows }, own);
            for (&cell, own) in cells.iter().zip(own) {
                sums[cell].iter_mut().zip(own).for_each(|(sum, x)| *sum += *x);
            }
        }
    }

    /// The law's value at each row.
    pub fn values(&self, columns: &Columns, parameters: &[f64]) -> Vec<f64> {
        let mut registers = Registers::default();
        self.prepare(parameters, &mut registers);
        let Registers { scalars, rows: registers, .. } = &mut registers;
        let mut all = Vec::with_capacity(columns.padded());
        for block in blocks(scalars, columns) {
            simd::run(&self.value_code, &block, registers);
            all.extend_from_slice(&registers[self.value_start..][..block.rows]);
        }
        all.truncate(columns.rows);
        all
    }

    /// The value and the gradient by the free parameters at each row.
    pub fn rows(&self, columns: &Columns, parameters: &[f64]) -> Vec<(f64, Vec<f64>)> {
        let mut registers = Registers::default();
        self.prepare(parameters, &mut registers);
        let Registers { scalars, rows: registers, .. } = &mut registers;
        let mut all = Vec::with_capacity(columns.padded());
        for block in blocks(scalars, columns) {
            simd::run(&self.value_code, &block, registers);
            simd::run(&self.gradient_code, &block, registers);
            all.extend((0..block.rows).map(|row| {
                let gradient = self.gradient_starts.iter().map(|start| registers[start + row]);
                (registers[self.value_start + row], gradient.collect())
            }));
        }
        all.truncate(columns.rows);
        all
    }

    /// The value at each row and every other node compiled with it, one list each; reuses the workspace.
    pub fn rows_into(&self, columns: &Columns, parameters: &[f64], workspace: &mut Workspace, out: &mut [Vec<f64>]) {
        let registers = &mut workspace.registers;
        self.prepare(parameters, registers);
        let Registers { scalars, rows: registers, .. } = registers;
        out.iter_mut().for_each(Vec::clear);
        for block in blocks(scalars, columns) {
            simd::run(&self.value_code, &block, registers);
            simd::run(&self.gradient_code, &block, registers);
            for (list, start) in out.iter_mut().zip(std::iter::once(&self.value_start).chain(&self.gradient_starts)) {
                list.extend_from_slice(&registers[*start..][..block.rows]);
            }
        }
        out.iter_mut().for_each(|list| list.truncate(columns.rows));
    }

    /// Computes the values that depend on parameters alone, and allocates the registers.
    fn prepare(&self, parameters: &[f64], registers: &mut Registers) {
        let Registers { nodes, scalars, rows } = registers;
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
        rows.resize(self.registers * ROWS, 0.0);
    }
}

/// The blocks of a data set, in order.
fn blocks<'a>(scalars: &'a [f64], columns: &'a Columns) -> impl Iterator<Item = simd::Block<'a>> {
    let total = columns.padded();
    (0..total).step_by(ROWS).map(move |start| simd::Block {
        scalars,
        columns: &columns.columns,
        start,
        rows: ROWS.min(total - start),
    })
}
