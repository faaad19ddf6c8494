//! Row instructions, compiled for the widest vectors of the CPU.

use super::tape::{Action, Instruction, ROWS, Source};
use crate::numerics::{dispatched, exp, exp_rows, ln, ln_rows, softplus, softplus_rows};

/// Operands of a block that instructions do not change.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) scalars: &'a [f64],
    pub(super) columns: &'a [Vec<f64>],
    /// First row of the block.
    pub(super) start: usize,
    /// Number of rows in the block, a multiple of the number of lanes.
    pub(super) rows: usize,
}

dispatched! {
    /// Runs instructions over the rows of a block.
    pub(super) fn run(code: &[Instruction], block: &Block<'_>, registers: &mut [f64]) = run_rows
}

/// The value of a source over the rows of a block.
#[derive(Clone, Copy)]
enum View<'a> {
    Splat(f64),
    Rows(&'a [f64]),
}

/// The view of a source. Registers before the target are in `head`; those after it are in `tail`.
#[inline(always)]
fn view<'a>(source: Source, block: &Block<'a>, head: &'a [f64], tail: &'a [f64], target: usize) -> View<'a> {
    match source {
        Source::Scalar(index) => View::Splat(block.scalars[index]),
        Source::Column(index) => View::Rows(&block.columns[index][block.start..block.start + block.rows]),
        Source::Register(index) if index < target => View::Rows(&head[index * ROWS..index * ROWS + block.rows]),
        Source::Register(index) => {
            let at = (index - target - 1) * ROWS;
            View::Rows(&tail[at..at + block.rows])
        }
    }
}

#[inline(always)]
fn run_rows(code: &[Instruction], block: &Block<'_>, registers: &mut [f64]) {
    for instruction in code {
        let target = instruction.target;
        let (head, rest) = registers.split_at_mut(target * ROWS);
        let (out, tail) = rest.split_at_mut(ROWS);
        let out = &mut out[..block.rows];
        let see = |source: Source| view(source, block, head, tail, target);
        match instruction.action {
            Action::Add(a, b) => binary(see(a), see(b), out, |x, y| x + y),
            Action::Subtract(a, b) => binary(see(a), see(b), out, |x, y| x - y),
            Action::Multiply(a, b) => binary(see(a), see(b), out, |x, y| x * y),
            Action::Divide(a, b) => binary(see(a), see(b), out, |x, y| x / y),
            Action::Less(a, b) => binary(see(a), see(b), out, |x, y| if x < y { 1.0 } else { 0.0 }),
            Action::Copy(a) => unary(see(a), out, |x| x),
            Action::Negate(a) => unary(see(a), out, |x| -x),
            Action::Exp(a) => match see(a) {
                View::Splat(x) => out.fill(exp(x)),
                View::Rows(rows) => exp_rows(rows, out),
            },
            Action::Ln(a) => match see(a) {
                View::Splat(x) => out.fill(ln(x)),
                View::Rows(rows) => ln_rows(rows, out),
            },
            Action::Softplus(a) => match see(a) {
                View::Splat(x) => out.fill(softplus(x)),
                View::Rows(rows) => softplus_rows(rows, out),
            },
            Action::Sqrt(a) => unary(see(a), out, f64::sqrt),
            Action::Special(function, a) => unary(see(a), out, |x| function.at(x)),
            Action::Select(c, a, b) => select(see(c), see(a), see(b), out),
        }
    }
}

#[inline(always)]
fn unary(a: View<'_>, out: &mut [f64], f: impl Fn(f64) -> f64) {
    match a {
        View::Splat(x) => out.fill(f(x)),
        View::Rows(rows) => out.iter_mut().zip(rows).for_each(|(o, &x)| *o = f(x)),
    }
}

#[inline(always)]
fn binary(a: View<'_>, b: View<'_>, out: &mut [f64], f: impl Fn(f64, f64) -> f64) {
    match (a, b) {
        (View::Splat(x), View::Splat(y)) => out.fill(f(x, y)),
        (View::Splat(x), View::Rows(b)) => out.iter_mut().zip(b).for_each(|(o, &y)| *o = f(x, y)),
        (View::Rows(a), View::Splat(y)) => out.iter_mut().zip(a).for_each(|(o, &x)| *o = f(x, y)),
        (View::Rows(a), View::Rows(b)) => out.iter_mut().zip(a).zip(b).for_each(|((o, &x), &y)| *o = f(x, y)),
    }
}

#[inline(always)]
fn select(condition: View<'_>, yes: View<'_>, no: View<'_>, out: &mut [f64]) {
    let at = |view: View<'_>, row: usize| match view {
        View::Splat(x) => x,
        View::Rows(rows) => rows[row],
    };
    for (row, o) in out.iter_mut().enumerate() {
        *o = if at(condition, row) == 0.0 { at(no, row) } else { at(yes, row) };
    }
}
