//! Expected run time of the stages of a plan: the recorded time of each stage, else the median of its kind, else a
//! guess.

use std::collections::BTreeMap;

use super::Look;
use crate::numerics::median;
use crate::plan::{Fingerprint, Plan};
use crate::store::Store;

/// The sources of expected times: the number of stages for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// Stages with a recorded time.
    pub recorded: usize,
    /// Stages whose time comes from other stages of the same kind.
    pub alike: usize,
    /// Stages with a guess.
    pub guessed: usize,
}

/// The expected seconds of every stage that a run would compute, and their sources. Cached stages and stages that end
/// a study have none.
pub fn expected_seconds(plan: &Plan, looks: &[Look], store: &Store) -> (Vec<Option<f64>>, Basis) {
    let took = store.took();
    let recorded: Vec<Option<f64>> =
        plan.stages().map(|stage| took.get(Fingerprint::of_settings(stage.stage.as_ref()).as_str()).copied()).collect();
    let mut by_kind: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (stage, seconds) in plan.stages().zip(&recorded).filter_map(|(stage, seconds)| Some((stage, (*seconds)?))) {
        by_kind.entry(stage.stage.kind()).or_default().push(seconds);
    }
    let usual: BTreeMap<&str, f64> = by_kind.into_iter().map(|(kind, all)| (kind, median(&all))).collect();
    let mut basis = Basis::default();
    let seconds = plan.stages().zip(looks).zip(recorded).map(|((stage, look), recorded)| {
        let kind = stage.stage.kind();
        if matches!(look, Look::Hit(_)) || stage.stage.ends_study() {
            return None;
        }
        let (seconds, count) = match (recorded, usual.get(kind)) {
            (Some(seconds), _) => (seconds, &mut basis.recorded),
            (None, Some(&seconds)) => (seconds, &mut basis.alike),
            (None, None) => (guess(kind), &mut basis.guessed),
        };
        *count += 1;
        Some(seconds + OVERHEAD)
    });
    (seconds.collect(), basis)
}

/// Assumed seconds per stage apart from its own work: finding it, reading its inputs and writing its outputs.
const OVERHEAD: f64 = 0.001;

/// Assumed seconds of a stage, where no stage of its kind was recorded.
fn guess(kind: &str) -> f64 {
    match kind {
        // A shard is made to be worth a job.
        "refits" => 60.0,
        "fit" => 1.0,
        "ingest" | "extrapolate" => 0.1,
        _ => 0.01,
    }
}
