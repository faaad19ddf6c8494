//! Continues ends of a search over centred coordinates, where the rows hardly tell the law's own coordinates apart.

use super::{SAME, best_of, distinct, is_flat};
use crate::law::Law;
use crate::problem::Problem;
use crate::solver::{Minimum, Solver, Status};
use crate::watch::{Cancelled, Watch};

/// Maximum number of ends that are continued over centred coordinates.
const CENTRED: usize = 8;
/// Largest excess of an end that has the same optimum: the objective is flat on the way to it, and rounding moves it.
const ON_THE_WAY: f64 = 1e-3;
/// Largest change of the law by rounding at such an end, as a share of its value. The parameters of a cubic over years lose
/// more digits than those of other laws.
const RESOLVED_CENTRED: f64 = 1e-6;

/// Continues the best ends over centred coordinates where the rows hardly tell the coordinates of the best one apart, as
/// those of a e^(k t) over years t. The solver then gives up far from the optimum.
pub(super) fn walk_centred(
    problem: &Problem,
    law: &Law,
    solver: Solver,
    ends: &mut Vec<Minimum>,
    watch: &Watch<'_>,
) -> Result<(), Cancelled> {
    let Some(best) = best_of(ends) else { return Ok(()) };
    if best.status == Status::Converged && !is_flat(problem, &best.point) {
        return Ok(());
    }
    let Some(centred) = problem.centred(law, &best.point) else { return Ok(()) };
    let before = best.cost;
    let mut starts: Vec<Vec<f64>> = distinct(ends).iter().take(CENTRED).map(|o| centred.enter(&o.point)).collect();
    starts.retain(|start| start.iter().all(|x| x.is_finite()));
    let mut found = Vec::with_capacity(starts.len());
    for start in &starts {
        if (watch.cancelled)() {
            return Err(Cancelled);
        }
        let end = solver.minimise(&centred.problem, start);
        let point = centred.leave(&end.point);
        let cost = if problem.is_resolved_to(&point, RESOLVED_CENTRED) { problem.cost(&point) } else { f64::INFINITY };
        found.push(Minimum { point, cost, ..end });
    }
    let is_better = |end: &&Minimum| end.status == Status::Converged && end.cost <= before * (1.0 + SAME);
    if let Some(better) = best_of(&found).filter(is_better) {
        let (end, cost) = (better.clone(), better.cost);
        let agreeing = found.iter().filter(|end| end.cost <= cost * (1.0 + ON_THE_WAY)).count();
        // The other ends on the way to this optimum are no optima of their own.
        ends.extend(found);
        ends.retain(|end| end.cost > cost * (1.0 + ON_THE_WAY));
        ends.extend(std::iter::repeat_n(end, agreeing));
    }
    Ok(())
}
