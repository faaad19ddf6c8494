//! The best sizes of a law's terms at several points of a grid at once: least squares within bounds.

use crate::numerics::{LANES, Lanes, dispatched, triangle};

/// A little damping keeps the system solvable when columns nearly coincide.
const DAMPING: f64 = 1e-10;
/// A pivot below this share of its diagonal counts as rounding.
const PIVOT: f64 = 1e-14;

/// Minimises x'Nx/2 - r'x within bounds in every lane. It reuses its memory for the next problem.
#[derive(Clone, Debug)]
pub(super) struct BoundedLeastSquares {
    /// N, the lower triangle by rows.
    pub(super) normal: Vec<Lanes>,
    /// r.
    pub(super) right: Vec<Lanes>,
    /// x.
    pub(super) solution: Vec<Lanes>,
    bounds: Vec<(f64, f64)>,
    /// One for a free unknown, zero for an unknown held at a bound.
    free: Vec<Lanes>,
    /// The factor L of N = L D L', without its diagonal of ones.
    factor: Vec<Lanes>,
    /// L D.
    scaled: Vec<Lanes>,
    /// Reciprocals of the diagonal of D.
    inverse: Vec<Lanes>,
    solved: Vec<Lanes>,
}

dispatched! {
    /// Solves, holds the unknown that violates its bounds most, and repeats.
    fn solve_all(problem: &mut BoundedLeastSquares) = solve_lanes
}

impl BoundedLeastSquares {
    /// Allocates a problem with an unknown for each pair of bounds.
    pub(super) fn new(bounds: &[(f64, f64)]) -> Self {
        let (p, zero) = (bounds.len(), [0.0; LANES]);
        let (row, cells) = (vec![zero; p], vec![zero; triangle(p, 0)]);
        Self {
            normal: cells.clone(),
            right: row.clone(),
            solution: row.clone(),
            bounds: bounds.to_vec(),
            free: row.clone(),
            factor: cells.clone(),
            scaled: cells,
            inverse: row.clone(),
            solved: row,
        }
    }

    /// Computes x. Where N is singular, each free unknown is zero, or as near to zero as its bounds allow.
    pub(super) fn solve(&mut self) {
        solve_all(self);
    }

    /// The minimum of x'Nx - 2r'x.
    pub(super) fn value(&self) -> Lanes {
        let mut value = [0.0; LANES];
        for (i, x) in self.solution.iter().enumerate() {
            let mut row = [0.0; LANES];
            for (j, other) in self.solution.iter().enumerate() {
                let cell = &self.normal[triangle(i, j)];
                (0..LANES).for_each(|l| row[l] += cell[l] * other[l]);
            }
            (0..LANES).for_each(|l| value[l] += x[l] * (row[l] - 2.0 * self.right[i][l]));
        }
        value
    }

    /// Factors N without the held unknowns; returns ones in the lanes where that is impossible.
    #[inline(always)]
    fn factor(&mut self) -> Lanes {
        let mut failed = [0.0; LANES];
        for i in 0..self.right.len() {
            let at = triangle(i, 0);
            for j in 0..i {
                let mut rest = self.normal[at + j];
                for l in 0..LANES {
                    rest[l] = if self.free[i][l] * self.free[j][l] == 0.0 { 0.0 } else { rest[l] };
                }
                for k in 0..j {
                    for l in 0..LANES {
                        rest[l] -= self.scaled[at + k][l] * self.factor[triangle(j, 0) + k][l];
                    }
                }
                self.scaled[at + j] = rest;
                for l in 0..LANES {
                    self.factor[at + j][l] = rest[l] * self.inverse[j][l];
                }
            }
            let mut diagonal = self.normal[at + i];
            for l in 0..LANES {
                diagonal[l] = if self.free[i][l] == 0.0 { 1.0 } else { diagonal[l] * (1.0 + DAMPING) };
            }
            let mut rest = diagonal;
            for k in 0..i {
                for l in 0..LANES {
                    rest[l] -= self.scaled[at + k][l] * self.factor[at + k][l];
                }
            }
            for l in 0..LANES {
                failed[l] = if rest[l] > diagonal[l] * PIVOT && rest[l] < f64::INFINITY { failed[l] } else { 1.0 };
                self.inverse[i][l] = 1.0 / rest[l];
            }
        }
        failed
    }

    /// Solves for the free unknowns, with the held unknowns fixed.
    #[inline(always)]
    fn solve_factored(&mut self) {
        let p = self.right.len();
        for i in 0..p {
            let mut rest = self.right[i];
            for j in 0..p {
                for l in 0..LANES {
                    let held = if self.free[j][l] == 0.0 { self.solution[j][l] } else { 0.0 };
                    rest[l] -= self.normal[triangle(i, j)][l] * held;
                }
            }
            for l in 0..LANES {
                rest[l] = if self.free[i][l] == 0.0 { self.solution[i][l] } else { rest[l] };
            }
            for j in 0..i {
                for l in 0..LANES {
                    rest[l] -= self.factor[triangle(i, j)][l] * self.solved[j][l];
                }
            }
            self.solved[i] = rest;
        }
        for i in (0..p).rev() {
            for l in 0..LANES {
                self.solved[i][l] *= self.inverse[i][l];
            }
            for k in i + 1..p {
                for l in 0..LANES {
                    self.solved[i][l] -= self.factor[triangle(k, i)][l] * self.solved[k][l];
                }
            }
        }
    }
}

#[inline(always)]
fn solve_lanes(problem: &mut BoundedLeastSquares) {
    let p = problem.right.len();
    for (i, &(lower, upper)) in problem.bounds.iter().enumerate() {
        problem.free[i] = [1.0; LANES];
        problem.solution[i] = [0.0_f64.clamp(lower, upper); LANES];
    }
    // 1 for a lane that is done.
    let mut done = [0.0; LANES];
    for _held in 0..=p {
        let failed = problem.factor();
        problem.solve_factored();
        // The largest violation of a bound, and the number of its unknown.
        let (mut furthest, mut which) = ([0.0; LANES], [-1.0; LANES]);
        for (i, &(lower, upper)) in problem.bounds.iter().enumerate() {
            for l in 0..LANES {
                let x = problem.solved[i][l];
                let (below, above) = (lower - x, x - upper);
                let outside = if below > above { below } else { above };
                let weight = problem.normal[triangle(i, i)][l] * problem.free[i][l];
                // The square of the violation has the same order as the violation.
                let excess = if outside > 0.0 { outside * outside * weight } else { 0.0 };
                let further = excess > furthest[l];
                furthest[l] = if further { excess } else { furthest[l] };
                which[l] = if further { i as f64 } else { which[l] };
            }
        }
        for l in 0..LANES {
            done[l] = if failed[l] == 1.0 { 1.0 } else { done[l] };
        }
        for (i, &(lower, upper)) in problem.bounds.iter().enumerate() {
            for l in 0..LANES {
                let x = problem.solved[i][l];
                let bounded = if x < lower {
                    lower
                } else if x > upper {
                    upper
                } else {
                    x
                };
                let (open, found) = (done[l] == 0.0, which[l] < 0.0);
                let holds = open && which[l] == i as f64;
                let takes = open && found && problem.free[i][l] == 1.0;
                let before = problem.solution[i][l];
                problem.solution[i][l] = if holds || takes { bounded } else { before };
                problem.free[i][l] = if holds { 0.0 } else { problem.free[i][l] };
            }
        }
        for l in 0..LANES {
            done[l] = if which[l] < 0.0 { 1.0 } else { done[l] };
        }
        if done.iter().all(|done| *done == 1.0) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

    fn problem(bounds: &[(f64, f64)]) -> BoundedLeastSquares {
        let mut problem = BoundedLeastSquares::new(bounds);
        // Each lane is a problem of its own: the third has no solution, and the fourth another right-hand side.
        problem.normal = [2.0, 0.5, 1.0].map(|x| [x, x, 0.0, x, x, x, x, x]).to_vec();
        problem.right = [4.0, -3.0].map(|x| [x, x, x, -x, x, x, x, x]).to_vec();
        problem.solve();
        problem
    }

    #[test]
    fn sizes_are_solved_within_their_bounds() {
        // 2x + y/2 = 4 and x/2 + y = -3.
        let inside = problem(&[FREE, FREE]).solution;
        assert!((inside[0][0] - 22.0 / 7.0).abs() < 1e-6 && (inside[1][0] + 32.0 / 7.0).abs() < 1e-6, "{inside:?}");
        assert!((inside[0][3] + 22.0 / 7.0).abs() < 1e-6 && (inside[1][3] - 32.0 / 7.0).abs() < 1e-6, "{inside:?}");
        // With y held at zero, x is half of four.
        let held = problem(&[FREE, (0.0, 1.0)]).solution;
        assert!((held[0][0] - 2.0).abs() < 1e-6 && held[1][0] == 0.0, "{held:?}");
        // With the other right-hand side y is held at one: 2x = -4 - 1/2.
        assert!((held[0][3] + 2.25).abs() < 1e-6 && held[1][3] == 1.0, "{held:?}");
    }

    #[test]
    fn a_singular_lane_leaves_the_others_alone() {
        let found = problem(&[(0.0, 9.0), (-9.0, 0.0)]).solution;
        assert_eq!((found[0][2], found[1][2]), (0.0, 0.0));
        assert!((found[0][1] - 22.0 / 7.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn the_value_is_that_of_the_quadratic() {
        let mut problem = BoundedLeastSquares::new(&[FREE]);
        problem.normal[0] = [2.0; LANES];
        problem.right[0] = [4.0; LANES];
        problem.solve();
        assert!((problem.value()[0] + 8.0).abs() < 1e-8);
    }
}
