//! Divides a plan into chunks of about equal duration, for engines that distribute stages over machines.
//!
//! A stage joins the unit of the stage it needs if that unit has room for all stages that need the same one directly. A
//! short study is therefore one chunk, and a query stays with its fit. A stage without room begins a unit of a new wave.
//! Units of one wave are independent. They are packed into chunks, longest first, each into the chunk with the
//! shortest duration.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap};

use super::graph::Plan;

/// Stages that one job runs one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// The wave of the chunk; it needs only chunks of earlier waves.
    pub wave: usize,
    /// Its stages in an order in which each follows the stages it needs.
    pub stages: Vec<usize>,
    /// Total duration of the stages in seconds.
    pub seconds: f64,
    /// Indices of the chunks it needs, ascending.
    pub needs: Vec<usize>,
}

/// Stages that stay in one chunk.
struct Unit {
    wave: usize,
    stages: Vec<usize>,
    seconds: f64,
    /// Its seconds plus those of the stages for which room is reserved.
    promised: f64,
}

/// Divides the stages with a duration into chunks. No chunk of several units takes more than about `most` seconds.
///
/// Stages without a duration are in no chunk. A stage that takes longer than `most` is alone in its chunk or the last
/// one.
pub fn chunks(plan: &Plan, seconds: &[Option<f64>], most: f64) -> Vec<Chunk> {
    let (units, unit_of) = units(plan, seconds, most);
    let waves = units.iter().map(|unit| unit.wave + 1).max().unwrap_or(0);
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut chunk_of = vec![0; units.len()];
    for wave in 0..waves {
        let members: Vec<usize> = (0..units.len()).filter(|&unit| units[unit].wave == wave).collect();
        for packed in packed(&members, &units, most) {
            let mut stages = Vec::new();
            for &unit in &packed {
                chunk_of[unit] = chunks.len();
                stages.extend_from_slice(&units[unit].stages);
            }
            stages.sort_unstable();
            let needed: BTreeSet<usize> = stages
                .iter()
                .flat_map(|&stage| plan.inputs(stage))
                .filter_map(|(from, _)| unit_of[from])
                .filter(|&unit| units[unit].wave < wave)
                .map(|unit| chunk_of[unit])
                .collect();
            let seconds = packed.iter().map(|&unit| units[unit].seconds).sum();
            chunks.push(Chunk { wave, stages, seconds, needs: needed.into_iter().collect() });
        }
    }
    chunks
}

/// The units, and the unit of each stage.
fn units(plan: &Plan, seconds: &[Option<f64>], most: f64) -> (Vec<Unit>, Vec<Option<usize>>) {
    let mut units: Vec<Unit> = Vec::new();
    let mut unit_of: Vec<Option<usize>> = vec![None; plan.len()];
    // Whether the unit of a stage has reserved room for all stages that need it.
    let mut has_room: Vec<Option<bool>> = vec![None; plan.len()];
    for index in 0..plan.len() {
        let Some(own) = seconds[index] else { continue };
        let parents: BTreeSet<usize> =
            plan.inputs(index).into_iter().map(|(from, _)| from).filter(|from| unit_of[*from].is_some()).collect();
        let wave_of = |stage: usize| unit_of[stage].map(|unit| units[unit].wave);
        let latest = parents.iter().filter_map(|&stage| wave_of(stage)).max();
        let last: Vec<usize> = parents.into_iter().filter(|&stage| wave_of(stage) == latest).collect();
        let homes: BTreeSet<usize> = last.iter().filter_map(|&stage| unit_of[stage]).collect();
        let home = homes.first().copied().filter(|_| homes.len() == 1);
        let joined = home.filter(|&home| {
            last.iter().all(|&parent| {
                *has_room[parent].get_or_insert_with(|| {
                    let more = seconds_of_direct_dependents(plan, seconds, parent);
                    let fits = units[home].promised + more <= most;
                    if fits {
                        units[home].promised += more;
                    }
                    fits
                })
            })
        });
        let unit = joined.unwrap_or_else(|| {
            let wave = latest.map_or(0, |wave| wave + 1);
            units.push(Unit { wave, stages: Vec::new(), seconds: 0.0, promised: own });
            units.len() - 1
        });
        units[unit].stages.push(index);
        units[unit].seconds += own;
        unit_of[index] = Some(unit);
    }
    (units, unit_of)
}

/// Total duration of the stages that need a stage and no other stage that needs it. Shards of a fit need its table, and
/// its estimate, which needs the table too.
fn seconds_of_direct_dependents(plan: &Plan, seconds: &[Option<f64>], stage: usize) -> f64 {
    // Stages that end a study have no duration, and too many inputs to look through for every stage.
    let all: BTreeSet<usize> = plan.dependents(stage).into_iter().filter(|&one| seconds[one].is_some()).collect();
    let is_direct = |one: usize| all.len() == 1 || !plan.inputs(one).iter().any(|(from, _)| all.contains(from));
    all.iter().filter(|&&one| is_direct(one)).filter_map(|&one| seconds[one]).sum()
}

/// A chunk being filled, ordered by duration, then index; the shortest comes first.
#[derive(PartialEq)]
struct Load(f64, usize);

impl Eq for Load {}

impl Ord for Load {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

impl PartialOrd for Load {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Packs units into as many lists as their total duration requires.
fn packed(members: &[usize], units: &[Unit], most: f64) -> Vec<Vec<usize>> {
    let mut longest_first = members.to_vec();
    longest_first.sort_by(|a, b| units[*b].seconds.total_cmp(&units[*a].seconds).then(a.cmp(b)));
    let total: f64 = members.iter().map(|&unit| units[unit].seconds).sum();
    let count = ((total / most).ceil() as usize).clamp(1, members.len().max(1));
    let mut loads: BinaryHeap<Reverse<Load>> = (0..count).map(|list| Reverse(Load(0.0, list))).collect();
    let mut lists = vec![Vec::new(); count];
    for unit in longest_first {
        let Some(Reverse(Load(seconds, list))) = loads.pop() else { continue };
        lists[list].push(unit);
        loads.push(Reverse(Load(seconds + units[unit].seconds, list)));
    }
    lists
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::SpecPath;
    use crate::plan::graph::{PlanStage, StageId, StageIndex};
    use crate::stage::Filter;

    /// A plan given by the needs of each stage.
    fn plan(needs: &[&[usize]]) -> Plan {
        let mut plan = Plan::default();
        for (index, needs) in needs.iter().enumerate() {
            let stage = PlanStage {
                id: StageId { spec: None, kind: "filter", name: Some(index.to_string()), member: None },
                stage: Arc::new(Filter { rules: Vec::new() }),
                spec: 0,
                path: SpecPath::default(),
            };
            plan.add(stage, needs.iter().map(|from| StageIndex(*from).gives_as("out", from.to_string())).collect());
        }
        plan
    }

    /// A preparation stage, fits of the given durations, a query for each fit, and a final stage without a duration.
    fn study(fits: &[f64]) -> (Plan, Vec<Option<f64>>) {
        let mut needs: Vec<Vec<usize>> = vec![vec![], vec![0]];
        let mut seconds = vec![Some(0.5), Some(0.1)];
        for (index, fit) in fits.iter().enumerate() {
            needs.extend([vec![1], vec![2 + 2 * index]]);
            seconds.extend([Some(*fit), Some(0.1)]);
        }
        needs.push((1..needs.len()).collect());
        seconds.push(None);
        (plan(&needs.iter().map(Vec::as_slice).collect::<Vec<_>>()), seconds)
    }

    #[test]
    fn a_short_study_is_one_chunk() {
        let (plan, seconds) = study(&[1.0, 2.0]);
        let chunks = chunks(&plan, &seconds, 60.0);
        assert_eq!(chunks.len(), 1);
        assert_eq!(chunks[0].stages, [0, 1, 2, 3, 4, 5]);
        assert!(chunks[0].needs.is_empty() && (chunks[0].seconds - 3.8).abs() < 1e-9);
    }

    #[test]
    fn a_long_study_is_divided_into_chunks_of_similar_duration() {
        let fits: Vec<f64> = (0..40).map(|i| 1.0 + f64::from(i % 7)).collect();
        let (plan, seconds) = study(&fits);
        let chunks = chunks(&plan, &seconds, 20.0);
        assert_eq!((chunks[0].wave, chunks[0].stages.as_slice()), (0, [0, 1].as_slice()));
        let total: f64 = chunks[1..].iter().map(|chunk| chunk.seconds).sum();
        assert_eq!(chunks.len() - 1, (total / 20.0).ceil() as usize);
        for chunk in &chunks[1..] {
            assert!((chunk.wave == 1) && chunk.needs == [0] && chunk.seconds <= 20.0 * 1.1, "{chunk:?}");
            let with_query = |stage: &usize| stage % 2 == 1 || chunk.stages.contains(&(stage + 1));
            assert!(chunk.stages.iter().all(with_query), "{chunk:?}");
        }
        let mut dealt: Vec<usize> = chunks.into_iter().flat_map(|chunk| chunk.stages).collect();
        dealt.sort_unstable();
        assert_eq!(dealt, (0..82).collect::<Vec<_>>(), "every stage once, the end not");
    }

    #[test]
    fn shards_are_chunks_of_their_own_after_the_estimate_that_they_share() {
        let plan = plan(&[&[], &[0], &[0, 1], &[0, 1], &[0, 1], &[0, 1, 2, 3, 4], &[5]]);
        let seconds = [0.1, 0.5, 60.0, 60.0, 60.0, 2.0, 0.1].map(Some);
        let chunks = chunks(&plan, &seconds, 60.0);
        let stages: Vec<(usize, &[usize])> = chunks.iter().map(|chunk| (chunk.wave, chunk.stages.as_slice())).collect();
        assert_eq!(stages, [(0, &[0, 1][..]), (1, &[2]), (1, &[3]), (1, &[4]), (2, &[5, 6])]);
        let short = [0.1, 0.5, 6.0, 6.0, 6.0, 2.0, 0.1].map(Some);
        assert_eq!(super::chunks(&plan, &short, 60.0).len(), 1);
    }

    #[test]
    fn every_stage_follows_its_needs_in_any_graph() {
        let mut random = crate::numerics::Random::new(5, "chunks", 0);
        for _ in 0..200 {
            let count = 2 + (random.uniform() * 40.0) as usize;
            let needs: Vec<Vec<usize>> = (0..count)
                .map(|index| (0..index).filter(|_| random.uniform() < 2.0 / count as f64).collect())
                .collect();
            let seconds: Vec<Option<f64>> =
                (0..count).map(|_| (random.uniform() < 0.9).then(|| random.uniform() * 30.0)).collect();
            let plan = plan(&needs.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let chunks = chunks(&plan, &seconds, 40.0);
            let of = |stage: usize| chunks.iter().position(|chunk| chunk.stages.contains(&stage));
            for (at, chunk) in chunks.iter().enumerate() {
                assert!(chunk.needs.iter().all(|&before| chunks[before].wave < chunk.wave), "{chunks:?}");
                for from in chunk.stages.iter().flat_map(|&stage| &needs[stage]).filter_map(|&from| of(from)) {
                    assert!(from == at || chunk.needs.contains(&from), "{chunks:?}");
                }
            }
            assert_eq!((0..count).filter(|&s| of(s).is_some()).count(), seconds.iter().flatten().count());
        }
    }
}
