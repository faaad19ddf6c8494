//! Dense linear algebra for a few unknowns: Cholesky factors and symmetric eigenvalues.

/// A square matrix, stored by rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    size: usize,
    cells: Vec<f64>,
}

impl Matrix {
    /// A matrix of zeros.
    pub fn zeros(size: usize) -> Self {
        Self { size, cells: vec![0.0; size * size] }
    }

    /// Number of rows.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// The cells, by rows.
    pub fn cells(&self) -> &[f64] {
        &self.cells
    }

    /// Mutable access to the cells, by rows.
    pub fn cells_mut(&mut self) -> &mut [f64] {
        &mut self.cells
    }

    /// The submatrix of the rows and columns in `keep`, in that order.
    #[must_use]
    pub fn minor(&self, keep: &[usize]) -> Self {
        let mut minor = Self::zeros(keep.len());
        for (i, &row) in keep.iter().enumerate() {
            for (j, &column) in keep.iter().enumerate() {
                minor[(i, j)] = self[(row, column)];
            }
        }
        minor
    }

    /// Scales rows and columns of a Hessian so that each diagonal entry is 1 or -1.
    #[must_use]
    pub fn unit_diagonal(&self) -> Self {
        // The lower limit keeps the product of two scales above zero.
        let scale: Vec<f64> = (0..self.size).map(|i| self[(i, i)].abs().sqrt().max(1e-150)).collect();
        let mut scaled = self.clone();
        for i in 0..self.size {
            for j in 0..self.size {
                scaled[(i, j)] /= scale[i] * scale[j];
            }
        }
        scaled
    }

    /// The lower Cholesky factor, or `None` where the matrix is not positive definite.
    ///
    /// The factor overwrites the matrix. Entries above the diagonal keep their old values and are
    /// not part of the factor.
    pub fn cholesky(mut self) -> Option<Self> {
        let n = self.size;
        for i in 0..n {
            for j in 0..=i {
                let row = |i: usize| &self.cells[i * n..i * n + j];
                let rest = self[(i, j)] - dot(row(i), row(j));
                if i == j {
                    // Compare with the diagonal: a remainder of rounding size means that the matrix
                    // is singular.
                    if !(rest > self[(i, i)] * 1e-14 && rest.is_finite()) {
                        return None;
                    }
                    self[(i, i)] = rest.sqrt();
                } else {
                    self[(i, j)] = rest / self[(j, j)];
                }
            }
        }
        Some(self)
    }

    /// Solves `L x = b` where `self` is the lower factor L.
    pub fn solve_lower(&self, b: Vec<f64>) -> Vec<f64> {
        let mut x = b;
        for i in 0..self.size {
            let row = &self.cells[i * self.size..];
            x[i] = (x[i] - dot(&row[..i], &x[..i])) / row[i];
        }
        x
    }

    /// Solves `L Lᵀ x = b` where `self` is the lower factor L.
    pub fn solve_factored(&self, b: Vec<f64>) -> Vec<f64> {
        let n = self.size;
        let mut x = self.solve_lower(b);
        for i in (0..n).rev() {
            let dot: f64 = (i + 1..n).map(|k| self[(k, i)] * x[k]).sum();
            x[i] = (x[i] - dot) / self[(i, i)];
        }
        x
    }
}

/// Index of a cell of a symmetric matrix whose lower triangle is stored by rows.
#[inline(always)]
pub const fn triangle(row: usize, column: usize) -> usize {
    let (row, column) = if row < column { (column, row) } else { (row, column) };
    row * (row + 1) / 2 + column
}

impl std::ops::Index<(usize, usize)> for Matrix {
    type Output = f64;

    fn index(&self, (row, column): (usize, usize)) -> &f64 {
        &self.cells[row * self.size + column]
    }
}

impl std::ops::IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut f64 {
        &mut self.cells[row * self.size + column]
    }
}

/// The dot product. Long vectors use eight partial sums, which a CPU adds in parallel.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let whole = a.len() / 8 * 8;
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for l in 0..8 {
            lanes[l] += a[l] * b[l];
        }
    }
    let rest: f64 = a[whole..].iter().zip(&b[whole..]).map(|(a, b)| a * b).sum();
    if whole == 0 { rest } else { lanes.iter().sum::<f64>() + rest }
}

/// Eigenvalues in ascending order, and their unit eigenvectors as the rows of a matrix (cyclic
/// Jacobi rotations).
pub fn eigen_symmetric(matrix: &Matrix) -> (Vec<f64>, Matrix) {
    let n = matrix.size();
    let mut a = matrix.clone();
    let mut vectors = Matrix::zeros(n);
    for i in 0..n {
        vectors[(i, i)] = 1.0;
    }
    for _sweep in 0..64 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|ij| a[ij] * a[ij]).sum();
        let diagonal: f64 = (0..n).map(|i| a[(i, i)] * a[(i, i)]).sum();
        if off <= diagonal * 1e-32 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[(i, i)].total_cmp(&a[(j, j)]));
    let mut sorted = Matrix::zeros(n);
    for (row, &i) in order.iter().enumerate() {
        for k in 0..n {
            sorted[(row, k)] = vectors[(i, k)];
        }
    }
    (order.iter().map(|&i| a[(i, i)]).collect(), sorted)
}

/// One Jacobi rotation that brings `a[p][q]` to zero.
fn rotate(a: &mut Matrix, vectors: &mut Matrix, p: usize, q: usize) {
    if a[(p, q)] == 0.0 {
        return;
    }
    let theta = (a[(q, q)] - a[(p, p)]) / (2.0 * a[(p, q)]);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let t = if theta == 0.0 { 1.0 } else { t };
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for k in 0..a.size() {
        let (x, y) = (a[(k, p)], a[(k, q)]);
        a[(k, p)] = c * x - s * y;
        a[(k, q)] = s * x + c * y;
    }
    for k in 0..a.size() {
        let (x, y) = (a[(p, k)], a[(q, k)]);
        a[(p, k)] = c * x - s * y;
        a[(q, k)] = s * x + c * y;
        let (x, y) = (vectors[(p, k)], vectors[(q, k)]);
        vectors[(p, k)] = c * x - s * y;
        vectors[(q, k)] = s * x + c * y;
    }
    // Rounding leaves a small remainder, which would cost further sweeps.
    (a[(p, q)], a[(q, p)]) = (0.0, 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Matrix {
        let mut m = Matrix::zeros(3);
        m.cells_mut().copy_from_slice(&[4.0, 2.0, 0.6, 2.0, 3.0, 0.4, 0.6, 0.4, 1.0]);
        m
    }

    #[test]
    fn a_factored_matrix_solves_its_system() {
        let m = example();
        let x = m.clone().cholesky().unwrap().solve_factored(vec![1.0, 2.0, 3.0]);
        for (row, wanted) in [1.0, 2.0, 3.0].into_iter().enumerate() {
            let found: f64 = (0..3).map(|k| m[(row, k)] * x[k]).sum();
            assert!((found - wanted).abs() < 1e-12);
        }
    }

    #[test]
    fn an_indefinite_matrix_has_no_factor() {
        let mut m = example();
        m[(0, 0)] = -1.0;
        assert!(m.cholesky().is_none());
    }

    #[test]
    fn eigenvectors_reproduce_the_matrix() {
        let m = example();
        let (values, vectors) = eigen_symmetric(&m);
        assert!(values.is_sorted());
        for i in 0..3 {
            for j in 0..3 {
                let found: f64 = (0..3).map(|k| values[k] * vectors[(k, i)] * vectors[(k, j)]).sum();
                assert!((found - m[(i, j)]).abs() < 1e-12);
            }
        }
    }
}
