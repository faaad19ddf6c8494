//! Extrapolate: a fit and a question to an answer.

use std::collections::BTreeMap;

use super::{Context, Failure, Inputs, Stage, json_bytes};
use crate::answer::Answer;
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
        2
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
        let draws = fit.read_draws(inputs.bytes("draws")?);
        let mut whole: Option<Answer> = None;
        // A fit in groups is asked group by group.
        for ((group, member), draws) in fit.members().into_iter().zip(&draws) {
            let mut answer = answer(&self.question, &self.law, member, draws, self.seed);
            answer.rows.iter_mut().for_each(|row| row.group = group.map(str::to_owned));
            if let Some(group) = group {
                answer.warnings.iter_mut().for_each(|warning| *warning = format!("{group}: {warning}"));
            }
            match &mut whole {
                None => whole = Some(answer),
                Some(whole) => {
                    whole.rows.extend(answer.rows);
                    whole.warnings.extend(answer.warnings);
                }
            }
        }
        let whole = whole.ok_or_else(|| Failure::internal("a fit without members"))?;
        Ok(BTreeMap::from([("answer".to_owned(), json_bytes(&whole)?)]))
    }
}
