//! Sums over rows of products of columns, lane by lane in a fixed order.
//!
//! The length of a column is a multiple of the number of lanes. Each call adds its subtotal to the
//! running sum once, at the end, which keeps rounding small for long columns that arrive in short
//! blocks.

use super::{LANES, dispatched, triangle};

/// One number for each lane.
pub(crate) type Lanes = [f64; LANES];

/// Columns of equal length in one array.
#[derive(Clone, Copy)]
pub(crate) struct ColumnsIn<'a> {
    /// The array.
    pub(crate) all: &'a [f64],
    /// Index of the first row of each column.
    pub(crate) starts: &'a [usize],
    /// Number of rows of each column.
    pub(crate) rows: usize,
}

impl<'a> ColumnsIn<'a> {
    fn column(&self, k: usize) -> &'a [f64] {
        &self.all[self.starts[k]..self.starts[k] + self.rows]
    }
}

/// Number of columns that one pass reads. It is large enough that no addition waits for the one
/// before, and small enough that the sums of all pairs of columns stay in registers.
pub(crate) const TOGETHER: usize = 4;

/// Adds the products of `factors` and of each column to the sum of that column.
pub(crate) fn add_products(factors: &[f64], columns: ColumnsIn<'_>, sums: &mut [Lanes]) {
    let column = |k: usize| columns.column(k);
    for (group, sums) in sums.chunks_mut(TOGETHER).enumerate() {
        let k = group * TOGETHER;
        match sums.len() {
            1 => add_group(factors, [column(k)], sums),
            2 => add_group(factors, [column(k), column(k + 1)], sums),
            3 => add_group(factors, [column(k), column(k + 1), column(k + 2)], sums),
            _ => add_group(factors, [column(k), column(k + 1), column(k + 2), column(k + 3)], sums),
        }
    }
}

/// Adds the products of `factors` and of every pair of columns to a triangle of sums. `scaled` is
/// scratch space of the same length as `factors`.
pub(crate) fn add_squares(factors: &[f64], columns: ColumnsIn<'_>, scaled: &mut [f64], sums: &mut [Lanes]) {
    let (column, count) = (|k: usize| columns.column(k), columns.starts.len());
    for k in (0..count).step_by(TOGETHER) {
        match count - k {
            1 => add_triangle(factors, [column(k)], k, sums),
            2 => add_triangle(factors, [column(k), column(k + 1)], k, sums),
            3 => add_triangle(factors, [column(k), column(k + 1), column(k + 2)], k, sums),
            _ => add_triangle(factors, [column(k), column(k + 1), column(k + 2), column(k + 3)], k, sums),
        }
        // Products with the columns of earlier groups, row by row.
        if k > 0 {
            for row in k..count.min(k + TOGETHER) {
                let scaled = &mut scaled[..factors.len()];
                multiply(factors, column(row), scaled);
                let first = triangle(row, 0);
                add_products(scaled, columns, &mut sums[first..first + k]);
            }
        }
    }
}

// Each function is compiled separately: inside a larger function the compiler does not keep the
// sums in vector registers.
dispatched! {
    /// Adds the numbers of a column to a sum.
    pub(crate) fn add(column: &[f64], sum: &mut Lanes) = add_rows
}
dispatched! {
    fn multiply(factors: &[f64], column: &[f64], out: &mut [f64]) = multiply_rows
}
dispatched! {
    fn add_group[K](factors: &[f64], columns: [&[f64]; K], sums: &mut [Lanes]) = add_group_rows
}
dispatched! {
    /// Adds the products of every pair of columns from number `first` on.
    fn add_triangle[K](factors: &[f64], columns: [&[f64]; K], first: usize, sums: &mut [Lanes]) = add_triangle_rows
}

/// The sum of eight lanes, added as a tree of fixed shape.
pub(crate) fn fold(l: &Lanes) -> f64 {
    ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

#[inline(always)]
fn add_rows(column: &[f64], sum: &mut Lanes) {
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
fn multiply_rows(factors: &[f64], column: &[f64], out: &mut [f64]) {
    out.iter_mut().zip(factors).zip(column).for_each(|((o, f), x)| *o = f * x);
}

#[inline(always)]
fn products<const K: usize>(factors: &[f64], columns: [&[f64]; K]) -> [Lanes; K] {
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
    totals
}

#[inline(always)]
fn add_group_rows<const K: usize>(factors: &[f64], columns: [&[f64]; K], sums: &mut [Lanes]) {
    for (sum, total) in sums.iter_mut().zip(products(factors, columns)) {
        for l in 0..LANES {
            sum[l] += total[l];
        }
    }
}

/// Half of the lanes.
const HALF: usize = LANES / 2;

#[inline(always)]
fn add_triangle_rows<const K: usize>(factors: &[f64], columns: [&[f64]; K], first: usize, sums: &mut [Lanes]) {
    let factors = factors.as_chunks::<LANES>().0;
    let columns = columns.map(|column| &column.as_chunks::<LANES>().0[..factors.len()]);
    // The sums of all pairs in all lanes do not fit in the registers, so each half of the lanes
    // takes its own pass.
    for from in [0, HALF] {
        let mut totals = [[[0.0; HALF]; K]; K];
        for (i, factor) in factors.iter().enumerate() {
            for r in 0..K {
                let mut scaled = [0.0; HALF];
                for l in 0..HALF {
                    scaled[l] = factor[from + l] * columns[r][i][from + l];
                }
                for c in 0..=r {
                    for l in 0..HALF {
                        totals[r][c][l] += scaled[l] * columns[c][i][from + l];
                    }
                }
            }
        }
        for (r, row) in totals.iter().enumerate() {
            for (c, total) in row.iter().enumerate().take(r + 1) {
                let sum = &mut sums[triangle(first + r, first + c)];
                for l in 0..HALF {
                    sum[from + l] += total[l];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_any_number_of_columns_and_rows_are_those_of_plain_loops() {
        // Small integers, whose sums are exact in any order.
        let number = |k: usize, row: usize| ((k * 7 + row * 5) % 11) as f64 - 5.0;
        for count in 1..=9 {
            for rows in [LANES, 5 * LANES, 32 * LANES] {
                let stride = rows + 3;
                let all: Vec<f64> = (0..count * stride).map(|i| number(i / stride, i % stride)).collect();
                // The columns are read in reverse order of storage.
                let starts: Vec<usize> = (0..count).rev().map(|k| k * stride).collect();
                let columns = ColumnsIn { all: &all, starts: &starts, rows };
                let factors: Vec<f64> = (0..rows).map(|row| number(3, row)).collect();
                let plain = |i: usize, j: usize| -> f64 {
                    (0..rows).map(|row| factors[row] * columns.column(i)[row] * columns.column(j)[row]).sum()
                };
                let mut sums = vec![[1.0; LANES]; count];
                add_products(&factors, columns, &mut sums);
                let mut squares = vec![[1.0; LANES]; triangle(count, 0)];
                add_squares(&factors, columns, &mut vec![0.0; rows], &mut squares);
                // The sums began at one in each lane.
                let added = |sum: &Lanes| fold(sum) - LANES as f64;
                for i in 0..count {
                    let once: f64 = factors.iter().zip(columns.column(i)).map(|(f, x)| f * x).sum();
                    assert_eq!(added(&sums[i]), once, "column {i} of {count}, {rows} rows");
                    for j in 0..=i {
                        assert_eq!(added(&squares[triangle(i, j)]), plain(i, j), "columns {i}, {j} of {count}");
                    }
                }
            }
        }
    }
}
