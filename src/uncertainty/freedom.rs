//! How much independent rows tell beyond the parameters they were fitted by.

use super::{Draws, Fitted};
use crate::numerics::Random;

/// Number of independent rows.
pub(super) fn clusters(fitted: &Fitted<'_>) -> usize {
    fitted.clusters.iter().max().map_or(0, |last| last + 1)
}

/// Whether a coordinate of the optimum is free to move both ways.
pub(super) fn is_inside(fitted: &Fitted<'_>, coordinate: usize) -> bool {
    let c = fitted.problem.coordinates()[coordinate];
    fitted.optimum[coordinate] > c.lower && fitted.optimum[coordinate] < c.upper
}

/// How many more independent rows there are than coordinates that are free to move; none where there are no more.
pub(super) fn freedom(fitted: &Fitted<'_>) -> Option<usize> {
    let free = (0..fitted.problem.size()).filter(|&j| is_inside(fitted, j)).count();
    clusters(fitted).checked_sub(free).filter(|left| *left > 0)
}

/// What makes a normal vector one of Student's t: the root of the freedom over a chi-square.
pub(super) fn stretch(random: &mut Random, freedom: usize) -> f64 {
    let chi: f64 = (0..freedom).map(|_| random.normal()).map(|z| z * z).sum();
    (freedom as f64 / chi).sqrt()
}

/// No draws, because there are as many parameters as rows.
pub(super) fn without_freedom(fitted: &Fitted<'_>) -> Draws {
    let (n, p) = (clusters(fitted), fitted.problem.size());
    let warning =
        format!("{n} independent rows leave no degrees of freedom for {p} parameters: there are no intervals.");
    Draws { warnings: vec![warning], ..Draws::default() }
}

/// No draws, because the objective is flat in some direction.
pub(super) fn flat() -> Draws {
    let warning = "The objective is flat in some direction at the optimum: there are no intervals.".to_owned();
    Draws { warnings: vec![warning], ..Draws::default() }
}
