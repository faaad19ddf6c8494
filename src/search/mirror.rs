//! Mirror images of an optimum: other parameters with the same values of the law, as of a sigmoid that rises from `lo` to
//! `hi` with the slope h, or from `hi` to `lo` with the slope -h.

use crate::problem::{Coordinate, Problem};

/// Largest difference of two residuals that is rounding error, as a share of the largest residual or response.
const EQUAL: f64 = 1e-9;
/// Number of points around an optimum at which a mirror image must have equal values too.
const TRIALS: usize = 3;
/// Distance of these points, as a share of each coordinate, and golden ratio, whose multiples spread them.
const AROUND: f64 = 0.05;
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// A change of three coordinates that leaves the law's values unchanged.
#[derive(Clone, Copy, Debug)]
struct Mirror {
    /// The coordinate whose sign changes.
    slope: usize,
    /// Two coordinates that change with it.
    pair: [usize; 2],
    how: How,
}

/// The change of two coordinates, a and b.
#[derive(Clone, Copy, Debug)]
enum How {
    /// They take each other's value, as in `a + (b - a) * s`.
    Exchanged,
    /// a becomes a + b and b becomes -b, as in `a + b * s`.
    Turned,
}

impl Mirror {
    fn image(self, point: &[f64]) -> Vec<f64> {
        let (mut image, [a, b]) = (point.to_vec(), self.pair);
        image[self.slope] = -point[self.slope];
        [image[a], image[b]] = match self.how {
            How::Exchanged => [point[b], point[a]],
            How::Turned => [point[a] + point[b], -point[b]],
        };
        image
    }
}

/// The mirror image of an optimum in which one negative coordinate is positive; `None` if there is no such image.
///
/// Rows cannot tell an optimum from its image, and a positive slope is what a formula's author has in mind.
pub(super) fn upright(problem: &Problem, optimum: &[f64]) -> Option<Vec<f64>> {
    let coordinates = problem.coordinates();
    let is_open = |c: &Coordinate| !c.log && c.lower == -c.upper && c.is_free();
    let open: Vec<usize> = (0..optimum.len()).filter(|&j| is_open(&coordinates[j])).collect();
    let scale = problem.responses().chain(problem.residuals(optimum)).map(f64::abs).fold(0.0, f64::max);
    let is_same = |mirror: Mirror, point: &[f64]| {
        let (own, image) = (problem.residuals(point), problem.residuals(&mirror.image(point)));
        let is_finite = own.iter().any(|r| r.is_finite());
        // A residual without a value says nothing.
        let equal = |(a, b): (&f64, &f64)| !a.is_finite() || (a - b).abs() <= EQUAL * scale;
        is_finite && own.iter().zip(&image).all(equal)
    };
    let around = |trial: usize| -> Vec<f64> {
        let shift = |j: usize| AROUND * (((trial * 31 + j * 17 + 1) as f64 * GOLDEN).fract() - 0.5);
        optimum
            .iter()
            .enumerate()
            .map(|(j, x)| if coordinates[j].log { x + shift(j) } else { x * (1.0 + shift(j)) })
            .collect()
    };
    let mut mirrors = open.iter().filter(|&&slope| optimum[slope] < 0.0).flat_map(|&slope| {
        let others: Vec<usize> = (0..optimum.len()).filter(|&j| j != slope && coordinates[j].is_free()).collect();
        let pairs: Vec<[usize; 2]> = others.iter().flat_map(|&a| others.iter().map(move |&b| [a, b])).collect();
        let open = &open;
        pairs.into_iter().filter(|[a, b]| a != b).flat_map(move |pair| {
            let [a, b] = pair;
            let is_alike = a < b && coordinates[a] == coordinates[b];
            let exchanged = is_alike.then_some(Mirror { slope, pair, how: How::Exchanged });
            let is_open = open.contains(&a) && open.contains(&b);
            exchanged.into_iter().chain(is_open.then_some(Mirror { slope, pair, how: How::Turned }))
        })
    });
    let found = mirrors.find(|mirror| is_same(*mirror, optimum) && (0..TRIALS).all(|t| is_same(*mirror, &around(t))));
    found.map(|mirror| mirror.image(optimum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::{Law, Variable};
    use crate::objective::{LeastSquares, Objective, ResponseScale};

    fn upright_of(formula: &str, point: &[f64]) -> Option<Vec<f64>> {
        let x = Variable { name: "x".to_owned(), unit: None, meaning: None, counts: None };
        let law = Law::from_formula("test", formula, &[x]).unwrap();
        let sizes: Vec<f64> = (1..=9).map(|i| 1e8 * libm::pow(10.0, f64::from(i))).collect();
        let tape = law.tape();
        let response: Vec<f64> = sizes.iter().map(|x| tape.value_at(point, &[*x]) * 1.01).collect();
        let objective = Objective::LeastSquares(LeastSquares { on: ResponseScale::Raw });
        upright(&Problem::new(&law, &objective, &[&sizes], &response, None), point)
    }

    #[test]
    fn a_sigmoid_with_exchanged_ends_is_turned_so_that_its_slope_is_positive() {
        let sigmoid = "y = lo + (hi - lo) / (1 + exp(-s * (ln(x / 1e13) - m)))";
        assert_eq!(upright_of(sigmoid, &[0.9, 0.2, -1.5, 0.3]), Some(vec![0.2, 0.9, 1.5, 0.3]));
        assert_eq!(upright_of(sigmoid, &[0.2, 0.9, 1.5, 0.3]), None);
        let turned = upright_of("y = c + g / (1 + exp(-s * (ln(x / 1e13) - m)))", &[0.9, -0.7, -1.5, 0.3]).unwrap();
        assert!((turned[0] - 0.2).abs() < 1e-12 && turned[1..] == [0.7, 1.5, 0.3], "{turned:?}");
    }

    #[test]
    fn parameters_that_rows_tell_apart_are_left() {
        assert_eq!(upright_of("y = a + b * (x / 1e12)^-c", &[1.0, 2.0, -0.3]), None);
        assert_eq!(upright_of("y = lo + (hi - lo) / (1 + exp(-s * ln(x / 1e13)))^2", &[0.9, 0.2, -1.5]), None);
    }
}
