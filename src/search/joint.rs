//! The search of a problem with several blocks that share parameters.
//!
//! Each block is searched alone. The shared parameters of one block's optimum are then held while the other blocks
//! are fitted, and the joint problem is polished from there.

use super::centred::walk_centred;
use super::{Search, distinct, polish, search};
use crate::law::Law;
use crate::problem::Problem;
use crate::solver::{Minimum, Solver};
use crate::watch::{Cancelled, Watch};

/// Number of optima of each block that give a start of the joint problem.
const LEADS: usize = 3;

pub(super) fn search_blocks(
    problem: &Problem,
    law: &Law,
    solver: Solver,
    watch: &Watch<'_>,
) -> Result<Search, Cancelled> {
    let blocks: Vec<Problem> = (0..problem.places().len()).map(|index| problem.block(index)).collect();
    let alone = blocks.iter().map(|block| search(block, law, solver, watch)).collect::<Result<Vec<_>, _>>()?;
    let mut starts = Vec::new();
    for (lead, found) in alone.iter().enumerate() {
        for optimum in found.optima.iter().take(LEADS) {
            if (watch.cancelled)() {
                return Err(Cancelled);
            }
            starts.push(led_by(problem, &blocks, &alone, lead, &optimum.point, solver));
        }
    }
    let mut ends: Vec<Minimum> = polish(problem, &starts, solver, watch)?;
    walk_centred(problem, law, solver, &mut ends, watch)?;
    Ok(Search::of(distinct(&ends), &ends, alone.iter().map(|found| found.grid).sum()))
}

/// A start of the joint problem: the shared parameters come from one block, and each block's own parameters are
/// fitted to them.
fn led_by(
    problem: &Problem,
    blocks: &[Problem],
    alone: &[Search],
    lead: usize,
    point: &[f64],
    solver: Solver,
) -> Vec<f64> {
    let places = problem.places();
    let mut start = vec![0.0; problem.size()];
    for (index, block) in blocks.iter().enumerate() {
        let own = if index == lead {
            point.to_vec()
        } else {
            let held: Vec<(usize, f64)> =
                (0..block.size()).filter(|&j| places[index][j] == places[lead][j]).map(|j| (j, point[j])).collect();
            let from = alone[index].optima.first().map_or(point, |best| &best.point);
            solver.minimise(&block.holding(&held), from).point
        };
        places[index].iter().zip(own).for_each(|(&place, x)| start[place] = x);
    }
    start
}
