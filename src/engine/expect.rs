//! How long the stages of a plan will take: the recorded seconds of each, else the median of its kind, else a guess.

use std::collections::BTreeMap;

use super::Look;
use crate::numerics::median;
use crate::plan::{Fingerprint, Plan};
use crate::store::Store;

/// On what the seconds of stages rest: the number of stages for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// The recorded seconds of the stage.
    pub recorded: usize,
    /// The recorded seconds of other stages of its kind.
    pub alike: usize,
    /// A guess.
    pub guessed: usize,
}

/// The seconds of every stage that a run would compute, and what they rest on; none of stages that are cached or end a study.
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

/// Seconds of a stage besides its own work: finding it, reading its inputs, writing its outputs. The value is assumed.
const OVERHEAD: f64 = 0.001;

/// Assumed seconds of a stage of whose kind nothing was recorded.
fn guess(kind: &str) -> f64 {
    match kind {
        "fit" => 1.0,
        "ingest" | "extrapolate" => 0.1,
        _ => 0.01,
    }
}
