//! Results: collects the numbers and conclusions of a study in `results.json`.

use std::sync::Arc;

use super::{Failure, Inputs, Laws, Stage, WrittenStage};
use crate::artifact::Outputs;
use crate::report::{Artifacts, Described, results};
use crate::watch::Watch;

/// The role of the output, and the name of its file.
pub const RESULTS: &str = "results.json";

/// The stage that collects the results.
#[derive(Clone, Debug)]
pub struct GatherResults {
    /// Names and descriptions from the spec.
    pub described: Arc<Described>,
}

impl Stage for GatherResults {
    fn kind(&self) -> &'static str {
        "results"
    }

    fn impl_rev(&self) -> u32 {
        10
    }

    fn settings(&self) -> serde_json::Value {
        self.described.fingerprint_of_results()
    }

    fn ends_study(&self) -> bool {
        true
    }

    fn written(&self, _: &mut Laws) -> Option<WrittenStage> {
        None
    }

    fn produces(&self, roles: &[&str]) -> bool {
        roles == [RESULTS]
    }

    fn run(&self, inputs: &Inputs, _: &Watch<'_>) -> Result<Outputs, Failure> {
        let varied = inputs.named("varied.")?;
        let with_rows = inputs.artifacts.keys().filter_map(|role| role.strip_prefix("rows."));
        let rows = with_rows.map(|fit| Ok((fit.to_owned(), inputs.table(&format!("rows.{fit}"))?)));
        let artifacts = Artifacts {
            rows: rows.collect::<Result<_, Failure>>()?,
            summaries: inputs.named("source.")?,
            tables: inputs.named("table.")?,
            counts: inputs.named("filter.")?,
            fits: inputs.named("fit.")?,
            answers: inputs.named("answer.")?,
            designs: inputs.named("design.")?,
            varied: varied.into_iter().map(|(name, answer)| (format!("varied.{name}"), answer)).collect(),
        };
        let results = results(&self.described, &artifacts);
        let mut bytes = serde_json::to_vec_pretty(&results).map_err(|error| Failure::internal(error.to_string()))?;
        bytes.push(b'\n');
        Ok(Outputs::from([(RESULTS.to_owned(), Arc::new(bytes))]))
    }
}
