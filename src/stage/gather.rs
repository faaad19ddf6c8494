//! Gather: joins the files of a source into one table. Each file is read by its own stage, so a new file does not
//! cause others to be read again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ingest::{checked, digest_of};
use super::{Failure, IngestColumn, Inputs, Laws, Stage, WrittenStage, json_bytes};
use crate::artifact::Outputs;
use crate::dataset::Dataset;
use crate::plausible;
use crate::summary::IngestSummary;
use crate::watch::Watch;

/// The stage that concatenates the tables of a source's files.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Gather {
    /// Number of files.
    pub files: usize,
    /// The variables.
    pub columns: Vec<IngestColumn>,
    /// Whether the study declares a cost of training, so that compute need not be 6 N D.
    pub is_priced: bool,
}

impl Gather {
    /// The roles of a file's table and summary among the inputs.
    pub fn roles(file: usize) -> [String; 2] {
        [format!("table.{file}"), format!("summary.{file}")]
    }
}

impl Stage for Gather {
    fn kind(&self) -> &'static str {
        "ingest"
    }

    fn impl_rev(&self) -> u32 {
        9
    }

    fn settings(&self) -> serde_json::Value {
        let mut settings = serde_json::json!({ "gather": self.files, "columns": self.columns });
        if self.is_priced {
            settings["is_priced"] = true.into();
        }
        settings
    }

    fn written(&self, _: &mut Laws) -> Option<WrittenStage> {
        Some(WrittenStage::Gather(self.clone()))
    }

    fn produces(&self, roles: &[&str]) -> bool {
        roles == ["summary", "table"]
    }

    fn account(&self, outputs: &Outputs) -> Vec<String> {
        super::ingest::accounted(outputs)
    }

    fn run(&self, inputs: &Inputs, _: &Watch<'_>) -> Result<Outputs, Failure> {
        let mut tables = Vec::new();
        let mut summary = IngestSummary::default();
        for file in 0..self.files {
            let [table, counts] = Self::roles(file);
            tables.push(inputs.table(&table)?);
            let counts: IngestSummary = inputs.json(&counts)?;
            summary.rows += counts.rows;
            summary.files.extend(counts.files);
            for (reason, rows) in counts.dropped {
                *summary.dropped.entry(reason).or_default() += rows;
            }
        }
        let data = Dataset::stacked(&tables).ok_or_else(|| Failure::internal("files of a source differ in columns"))?;
        summary.sha256 = digest_of(&summary.files);
        let (declared, complete) = checked(&self.columns, &data);
        summary.flop_ratio = plausible::flop_ratio(&complete, &declared);
        summary.warnings = plausible::doubts(&complete, &declared, self.is_priced);
        let table = crate::source::to_bytes(&data).map_err(|error| Failure::internal(error.to_string()))?;
        Ok(BTreeMap::from([("table".to_owned(), Arc::new(table)), ("summary".to_owned(), json_bytes(&summary)?)]))
    }
}
