//! A part of a plan in serialised form: some stages and all stages they need. It runs without the specs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::graph::{Edge, Plan, PlanStage, StageId, StageIndex};
use crate::diagnostic::SpecPath;
use crate::law::Law;
use crate::stage::{Laws, WrittenStage};

/// Some stages and all stages they need.
#[derive(Serialize, Deserialize)]
pub struct Part {
    laws: Vec<Law>,
    /// The stages, each after the stages it needs.
    stages: Vec<PartStage>,
}

#[derive(Serialize, Deserialize)]
struct PartStage {
    /// The name of the spec, the name of the entry, and the part of the entry.
    of: Option<String>,
    name: Option<String>,
    member: Option<String>,
    spec: usize,
    /// Whether the stage was requested, rather than needed by one that was.
    own: bool,
    stage: WrittenStage,
    /// Its inputs: index of the stage in this part, output role, input role.
    inputs: Vec<(usize, String, String)>,
}

/// The error for a part that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stage refers to a stage or law that is missing")]
pub struct BrokenPart;

impl Plan {
    /// These stages and all stages they need; `None` if one of them is a report stage.
    pub fn part(&self, own: &[usize]) -> Option<Part> {
        let mut laws = Laws::default();
        let mut places: BTreeMap<usize, usize> = BTreeMap::new();
        let mut stages = Vec::new();
        let own: BTreeSet<usize> = own.iter().copied().collect();
        // Every stage follows the stages it needs, so the order of the plan is valid for the part.
        for index in self.with_needs(own.iter().copied()) {
            let PlanStage { id, stage, spec, .. } = self.stage(index);
            let place =
                |(from, edge): (usize, &Edge)| Some((*places.get(&from)?, edge.output.clone(), edge.input.clone()));
            let inputs = self.inputs(index).into_iter().map(place).collect::<Option<_>>()?;
            places.insert(index, stages.len());
            stages.push(PartStage {
                of: id.spec.clone(),
                name: id.name.clone(),
                member: id.member.clone(),
                spec: *spec,
                own: own.contains(&index),
                stage: stage.written(&mut laws)?,
                inputs,
            });
        }
        Some(Part { laws: laws.list().cloned().collect(), stages })
    }
}

impl Part {
    /// The stages as a plan, and the indices of the requested ones.
    ///
    /// # Errors
    /// If the part was not written by [`Plan::part`].
    pub fn read(self) -> Result<(Plan, Vec<usize>), BrokenPart> {
        let laws: Vec<Arc<Law>> = self.laws.into_iter().map(Arc::new).collect();
        let (mut plan, mut own) = (Plan::default(), Vec::new());
        for (place, part) in self.stages.into_iter().enumerate() {
            if part.inputs.iter().any(|(from, ..)| *from >= place) {
                return Err(BrokenPart);
            }
            let stage = part.stage.read(&laws).ok_or(BrokenPart)?;
            let inputs = part.inputs.into_iter();
            let inputs = inputs.map(|(from, output, input)| StageIndex(from).gives_as(&output, input)).collect();
            let id = StageId { spec: part.of, kind: stage.kind(), name: part.name, member: part.member };
            let index = plan.add(PlanStage { id, stage, spec: part.spec, path: SpecPath::default() }, inputs);
            if part.own {
                own.push(index.0);
            }
        }
        Ok((plan, own))
    }
}
