//! Table: applies steps to rows, and counts the rows before and after each step.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Failure, Inputs, Laws, Stage, WrittenStage, json_bytes};
use crate::artifact::Outputs;
use crate::summary::TableCounts;
use crate::table::Step;
use crate::watch::Watch;

/// The stage that applies steps in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tabulate {
    /// The steps.
    pub steps: Vec<Step>,
    /// Maximum number of values after a step: rows times variables. It is in no key, because no result depends on it.
    pub most: usize,
}

impl Tabulate {
    /// The role of the other table of a step. It contains the step's index and not the table's name, because keys
    /// contain no names.
    pub fn role(step: usize) -> String {
        format!("table.{step}")
    }

    /// The steps without the names of other tables, because keys contain no names.
    fn anonymous(&self) -> Vec<Step> {
        self.steps.iter().map(|step| step.member().anonymous().unwrap_or_else(|| step.clone())).collect()
    }
}

impl Stage for Tabulate {
    fn kind(&self) -> &'static str {
        "table"
    }

    fn impl_rev(&self) -> u32 {
        2
    }

    fn settings(&self) -> serde_json::Value {
        serde_json::json!({ "steps": self.anonymous() })
    }

    fn written(&self, _: &mut Laws) -> Option<WrittenStage> {
        Some(WrittenStage::Table(self.clone()))
    }

    fn produces(&self, roles: &[&str]) -> bool {
        roles == ["counts", "table"]
    }

    fn run(&self, inputs: &Inputs, _: &Watch<'_>) -> Result<Outputs, Failure> {
        let mut data = inputs.table("table")?;
        let mut counts = TableCounts { rows: data.rows(), after: Vec::new(), left_out: Vec::new() };
        for (index, step) in self.steps.iter().enumerate() {
            let other = step.member().other().map(|_| inputs.table(&Self::role(index))).transpose()?;
            counts.left_out.push(step.member().left_out(&data, other.as_ref()));
            data = step.member().apply(&data, other.as_ref(), self.most).map_err(|fault| {
                let failure = Failure::new("bad-step", format!("step `{}`: {}", step.name(), fault.message));
                fault.hint.into_iter().fold(failure, Failure::hint)
            })?;
            counts.after.push(data.rows());
        }
        let table = crate::source::to_bytes(&data).map_err(|error| Failure::internal(error.to_string()))?;
        Ok(BTreeMap::from([("table".to_owned(), Arc::new(table)), ("counts".to_owned(), json_bytes(&counts)?)]))
    }
}
