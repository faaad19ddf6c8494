//! Extrapolate: a fit and a question to an answer.

use std::collections::BTreeMap;

use super::{Context, Failure, Inputs, Stage, fit::read_draws, json_bytes};
use crate::artifact::Outputs;
use crate::fit::Fit;
use crate::law::Law;
use crate::query::{Question, answer};

/// Puts a question to a fit.
#[derive(Clone, Debug)]
pub struct Extrapolate {
    /// The fit's law.
    pub law: Law,
    /// The question.
    pub question: Question,
    /// Seed of the study.
    pub seed: u64,
}

impl Stage for Extrapolate {
    fn kind(&self) -> &'static str {
        "extrapolate"
    }

    fn impl_rev(&self) -> u32 {
        1
    }

    fn settings(&self) -> serde_json::Value {
        serde_json::json!({
            "law": self.law.form_fingerprint(),
            "question": self.question,
            "seed": self.seed,
            "numerics": crate::numerics::NUMERICS_REV,
        })
    }

    fn run(&self, inputs: &Inputs, _: &Context<'_>) -> Result<Outputs, Failure> {
        let fit: Fit = inputs.json("fit")?;
        let draws = read_draws(inputs.bytes("draws")?, fit.free.len());
        let answer = answer(&self.question, &self.law, &fit, &draws, self.seed);
        Ok(BTreeMap::from([("answer".to_owned(), json_bytes(&answer)?)]))
    }
}
