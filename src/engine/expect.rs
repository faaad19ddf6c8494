//! How long the stages of a plan are going to take: as they did before, else as others of their kind did, else a guess.

use std::collections::BTreeMap;

use super::Look;
use crate::numerics::median;
use crate::plan::{Fingerprint, Plan};
use crate::store::Store;

/// What the seconds of stages rest on, by how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// They were recorded.
    pub recorded: usize,
    /// Others of the kind were.
    pub alike: usize,
    /// Nothing was.
    pub guessed: usize,
}

/// The seconds of every stage that a run would compute, and what they rest on. Stages that end a study are not among them.
pub fn expected_seconds(plan: &Plan, looks: &[Look], store: &Store) -> (Vec<Option<f64>>, Basis) {
    let took = store.took();
    let recorded: Vec<Option<f64>> =
        plan.stages().map(|stage| took.get(Fingerprint::of_settings(stage.stage.as_ref()).as_str()).copied()).collect();
    let mut by_kind: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (stage, seconds) in plan.stages().zip(&recorded) {
        by_kind.entry(stage.stage.kind()).or_default().extend(seconds);
    }
    let usual: BTreeMap<&str, Option<f64>> =
        by_kind.into_iter().map(|(kind, all)| (kind, (!all.is_empty()).then(|| median(&all)))).collect();
    let mut basis = Basis::default();
    let seconds = plan.stages().zip(looks).zip(recorded).map(|((stage, look), recorded)| {
        let kind = stage.stage.kind();
        if matches!(look, Look::Hit(_)) || stage.stage.ends_study() {
            return None;
        }
        let (seconds, count) = match (recorded, usual.get(kind).copied().flatten()) {
            (Some(seconds), _) => (seconds, &mut basis.recorded),
            (None, Some(seconds)) => (seconds, &mut basis.alike),
            (None, None) => (guess(kind), &mut basis.guessed),
        };
        *count += 1;
        Some(seconds + OVERHEAD)
    });
    (seconds.collect(), basis)
}

/// What a stage costs besides its own work: to look for it, to read what it takes, to write what it gives.
const OVERHEAD: f64 = 0.001;

/// Seconds of a stage of which nothing is known.
const fn guess(kind: &str) -> f64 {
    match kind.as_bytes() {
        b"fit" => 1.0,
        b"ingest" | b"extrapolate" => 0.1,
        _ => 0.01,
    }
}
