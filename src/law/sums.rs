//! A tape over the rows of a data set: values, and sums with their derivatives.

use super::simd;
use super::symbolic::{Op, apply};
use super::tape::{Order, ROWS, Source, Tape};
use crate::numerics::{LANES, add, add_products, add_squares, triangle};

/// The part of a formula that depends on data alone, computed for every row.
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

    /// Rows with those that fill up the last lanes.
    const fn padded(&self) -> usize {
        self.rows.div_ceil(LANES) * LANES
    }
}

/// Memory that an evaluation writes to; one per thread, reused.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    nodes: Vec<f64>,
    scalars: Vec<f64>,
    registers: Vec<f64>,
    sums: Vec<[f64; LANES]>,
    weights: Weights,
    /// One block of first derivatives, parameter by parameter.
    slopes: Vec<f64>,
}

/// What the rows of one block contribute, set by the objective.
#[derive(Clone, Debug)]
pub struct Weights {
    /// Contribution to the objective.
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

/// Turns the law's values over a block into contributions to an objective.
pub trait Weigh {
    /// Fills `weights` for `values`, of which the first belongs to row `start` of the data.
    fn weigh(&self, start: usize, values: &[f64], weights: &mut Weights);
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

/// The sum of eight lanes, as a tree of fixed shape.
fn fold(l: &[f64; LANES]) -> f64 {
    ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

impl Tape {
    /// Computes the columns that depend on data alone; `variables[i]` holds the rows of variable `i`.
    pub fn bind(&self, variables: &[&[f64]], rows: usize) -> Columns {
        let padded = rows.div_ceil(LANES) * LANES;
        let needed = self.graph.needed(&self.columns);
        let mut columns = vec![vec![1.0; padded]; self.columns.len()];
        let mut values = vec![0.0; self.graph.ops().len()];
        for row in 0..padded {
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
                column[row] = values[id as usize];
            }
        }
        Columns { columns, rows }
    }

    /// Evaluates the formula over all rows and sums what `weigh` makes of it.
    ///
    /// Sums have a fixed order: each block by halves down to eight lanes, these block by block, and the lanes at the end.
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
        let Workspace { scalars, registers, sums: lanes, weights, slopes, .. } = workspace;
        registers.resize(self.registers * ROWS, 0.0);
        slopes.resize(p * ROWS, 0.0);
        let gradient = if order >= Order::Gradient { p } else { 0 };
        let hessian = if order >= Order::GaussNewton { p * (p + 1) / 2 } else { 0 };
        lanes.clear();
        lanes.resize(1 + gradient + hessian, [0.0; LANES]);
        let mut values = [0.0; ROWS];
        for block in blocks(scalars, columns) {
            simd::run(&self.value_code, &block, registers);
            simd::fetch(self.value_source, &block, registers, &mut values);
            weigh.weigh(block.start, &values[..block.rows], weights);
            add(&weights.cost[..block.rows], &mut lanes[0]);
            if order >= Order::Gradient {
                simd::run(&self.gradient_code, &block, registers);
                for (column, &source) in slopes.chunks_exact_mut(ROWS).zip(&self.gradient_sources) {
                    simd::fetch(source, &block, registers, column);
                }
                add_products(&weights.first[..block.rows], slopes, ROWS, &mut lanes[1..=p]);
            }
            if order >= Order::GaussNewton {
                let cells = &mut lanes[1 + p..];
                add_squares(&weights.second[..block.rows], slopes, ROWS, &mut values, p, cells);
            }
            if order == Order::Hessian {
                self.add_second(&block, registers, weights, &mut values, &mut lanes[1 + p..]);
            }
        }
        sums.cost = fold(&lanes[0]);
        sums.gradient.clear();
        sums.gradient.extend(lanes[1..=gradient].iter().map(fold));
        sums.hessian.clear();
        sums.hessian.extend(lanes[1 + gradient..].iter().map(fold));
    }

    /// Adds the law's own second derivatives.
    fn add_second(
        &self,
        block: &simd::Block<'_>,
        registers: &mut [f64],
        weights: &Weights,
        scratch: &mut [f64; ROWS],
        sums: &mut [[f64; LANES]],
    ) {
        let mut from = 0;
        for second in &self.second {
            simd::run(&self.hessian_code[from..second.until], block, registers);
            from = second.until;
            let cell = triangle(second.row, second.column);
            simd::fetch(second.source, block, registers, scratch);
            add_products(&weights.first[..block.rows], scratch, ROWS, &mut sums[cell..=cell]);
        }
    }

    /// The law's value at each row.
    pub fn values(&self, columns: &Columns, parameters: &[f64]) -> Vec<f64> {
        let mut workspace = Workspace::default();
        self.set_scalars(parameters, &mut workspace);
        let Workspace { scalars, registers, .. } = &mut workspace;
        registers.resize(self.registers * ROWS, 0.0);
        let mut all = Vec::with_capacity(columns.padded());
        let mut values = [0.0; ROWS];
        for block in blocks(scalars, columns) {
            simd::run(&self.value_code, &block, registers);
            simd::fetch(self.value_source, &block, registers, &mut values);
            all.extend_from_slice(&values[..block.rows]);
        }
        all.truncate(columns.rows);
        all
    }

    /// The value and the gradient at each row, the gradient by the free parameters.
    pub fn rows(&self, columns: &Columns, parameters: &[f64]) -> Vec<(f64, Vec<f64>)> {
        let mut workspace = Workspace::default();
        self.set_scalars(parameters, &mut workspace);
        let Workspace { scalars, registers, .. } = &mut workspace;
        registers.resize(self.registers * ROWS, 0.0);
        let mut all = Vec::with_capacity(columns.padded());
        for block in blocks(scalars, columns) {
            simd::run(&self.value_code, &block, registers);
            simd::run(&self.gradient_code, &block, registers);
            let at = |source: Source| {
                let mut out = [0.0; ROWS];
                simd::fetch(source, &block, registers, &mut out);
                out
            };
            let value = at(self.value_source);
            let gradient: Vec<_> = self.gradient_sources.iter().map(|&source| at(source)).collect();
            all.extend((0..block.rows).map(|row| (value[row], gradient.iter().map(|g| g[row]).collect())));
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
