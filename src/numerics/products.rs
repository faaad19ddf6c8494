//! Sums over rows of products of columns, lane by lane in a fixed order.
//!
//! Columns are whole lanes long and lie one after the other. What the rows of one call add up to is added to a sum at
//! the end, so that long columns which come in short blocks round little.

use super::{LANES, dispatched, triangle};

dispatched! {
    /// Adds the numbers of a column to a sum.
    pub(crate) fn add(column: &[f64], sum: &mut [f64; LANES]) = add_rows
}
dispatched! {
    /// Adds the products of `factors` and of each column to its sum; columns begin `stride` apart.
    pub(crate) fn add_products(factors: &[f64], columns: &[f64], stride: usize, sums: &mut [[f64; LANES]]) = all_products
}
dispatched! {
    /// Adds the products of `factors` and of every two columns to a triangle of sums; `scaled` is scratch as long as they are.
    pub(crate) fn add_squares(factors: &[f64], columns: &[f64], stride: usize, scaled: &mut [f64], count: usize, sums: &mut [[f64; LANES]]) = all_squares
}

/// Columns that are gone through at once: enough that no addition waits for the one before.
const TOGETHER: usize = 4;

#[inline(always)]
fn add_rows(column: &[f64], sum: &mut [f64; LANES]) {
    let mut total = [0.0; LANES];
    for lanes in column.as_chunks::<LANES>().0 {
        for l in 0..LANES {
            total[l] += lanes[l];
        }
    }
    for l in 0..LANES {
        sum[l] += total[l];
    }
}

#[inline(always)]
fn all_products(factors: &[f64], columns: &[f64], stride: usize, sums: &mut [[f64; LANES]]) {
    let column = |k: usize| &columns[k * stride..k * stride + factors.len()];
    for (block, sums) in sums.chunks_mut(TOGETHER).enumerate() {
        let k = block * TOGETHER;
        match sums.len() {
            1 => products_of(factors, [column(k)], sums),
            2 => products_of(factors, [column(k), column(k + 1)], sums),
            3 => products_of(factors, [column(k), column(k + 1), column(k + 2)], sums),
            _ => products_of(factors, [column(k), column(k + 1), column(k + 2), column(k + 3)], sums),
        }
    }
}

#[inline(always)]
fn products_of<const K: usize>(factors: &[f64], columns: [&[f64]; K], sums: &mut [[f64; LANES]]) {
    let factors = factors.as_chunks::<LANES>().0;
    let columns = columns.map(|column| &column.as_chunks::<LANES>().0[..factors.len()]);
    let mut totals = [[0.0; LANES]; K];
    for (i, factor) in factors.iter().enumerate() {
        for k in 0..K {
            for l in 0..LANES {
                totals[k][l] += factor[l] * columns[k][i][l];
            }
        }
    }
    for (sum, total) in sums.iter_mut().zip(totals) {
        for l in 0..LANES {
            sum[l] += total[l];
        }
    }
}

#[inline(always)]
fn all_squares(
    factors: &[f64],
    columns: &[f64],
    stride: usize,
    scaled: &mut [f64],
    count: usize,
    sums: &mut [[f64; LANES]],
) {
    let scaled = &mut scaled[..factors.len()];
    for row in 0..count {
        let column = &columns[row * stride..row * stride + factors.len()];
        scaled.iter_mut().zip(factors).zip(column).for_each(|((s, f), x)| *s = f * x);
        let first = triangle(row, 0);
        all_products(scaled, columns, stride, &mut sums[first..=first + row]);
    }
}
