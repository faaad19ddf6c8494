//! A stage as text that parses to the same stage, for a compiled plan that another machine runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::chain::WrittenThrough;
use super::{ByDefault, Extrapolate, Filter, FitLaw, FitMethod, Gather, Ingest, RowRoles, Stage, Tabulate};
use crate::law::Law;
use crate::query::Question;
use crate::source::Missing;

/// A stage in plain values: the list of stages that can run outside their study. Stages that end a study
/// ([`Stage::ends_study`]) are missing here, because the last job computes them from the specs.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrittenStage {
    /// Reads files into a table.
    Ingest(Box<Ingest>),
    /// Joins the tables of several files.
    Gather(Gather),
    /// Applies steps to a table.
    Table(Tabulate),
    /// Selects rows.
    Filter(Filter),
    /// Fits a law to rows.
    Fit(Box<WrittenFit>),
    /// Answers a query from a fit.
    Extrapolate(Box<WrittenQuery>),
}

/// A fit whose laws are indices in a list.
#[derive(Serialize, Deserialize)]
pub struct WrittenFit {
    law: usize,
    alternatives: Vec<usize>,
    method: FitMethod,
    roles: RowRoles,
    seed: u64,
    missing: Missing,
    has_rows: bool,
    files: Vec<String>,
}

/// A query whose laws are indices in a list.
#[derive(Serialize, Deserialize)]
pub struct WrittenQuery {
    law: usize,
    question: Question,
    through: Option<WrittenThrough>,
    other: Option<usize>,
    forecast: Option<ByDefault>,
    stack: Vec<usize>,
    groups: Vec<String>,
    seed: u64,
}

/// The laws of some stages, each once.
#[derive(Default)]
pub struct Laws {
    all: Vec<Arc<Law>>,
    places: BTreeMap<usize, usize>,
}

impl Laws {
    /// The index of a law in the list.
    pub(super) fn place(&mut self, law: &Arc<Law>) -> usize {
        // Stages of one study share their laws.
        let next = self.all.len();
        let place = *self.places.entry(Arc::as_ptr(law).addr()).or_insert(next);
        if place == next {
            self.all.push(Arc::clone(law));
        }
        place
    }

    pub(super) fn places<'a>(&mut self, laws: impl IntoIterator<Item = &'a Arc<Law>>) -> Vec<usize> {
        laws.into_iter().map(|law| self.place(law)).collect()
    }

    /// The laws in order.
    pub fn list(&self) -> impl Iterator<Item = &Law> {
        self.all.iter().map(AsRef::as_ref)
    }
}

impl WrittenStage {
    /// The stage; `None` where it names a law that is not in the list.
    pub fn read(self, laws: &[Arc<Law>]) -> Option<Arc<dyn Stage>> {
        Some(match self {
            Self::Ingest(stage) => Arc::new(*stage),
            Self::Gather(stage) => Arc::new(stage),
            Self::Table(stage) => Arc::new(stage),
            Self::Filter(stage) => Arc::new(stage),
            Self::Fit(written) => Arc::new(written.read(laws)?),
            Self::Extrapolate(written) => Arc::new(written.read(laws)?),
        })
    }
}

impl WrittenFit {
    pub(super) fn of(stage: &FitLaw, laws: &mut Laws) -> Self {
        let FitLaw { law, alternatives, method, roles, seed, missing, has_rows, files } = stage;
        Self {
            law: laws.place(law),
            alternatives: laws.places(alternatives),
            method: method.clone(),
            roles: roles.clone(),
            seed: *seed,
            missing: *missing,
            has_rows: *has_rows,
            files: files.clone(),
        }
    }

    fn read(self, laws: &[Arc<Law>]) -> Option<FitLaw> {
        let Self { law, alternatives, method, roles, seed, missing, has_rows, files } = self;
        let (law, alternatives) = (laws.get(law)?.clone(), listed(&alternatives, laws)?);
        Some(FitLaw { law, alternatives, method, roles, seed, missing, has_rows, files })
    }
}

impl WrittenQuery {
    pub(super) fn of(stage: &Extrapolate, laws: &mut Laws) -> Self {
        let Extrapolate { law, question, through, other, forecast, stack, groups, seed } = stage;
        Self {
            law: laws.place(law),
            question: question.clone(),
            through: through.as_ref().map(|through| through.written(laws)),
            other: other.as_ref().map(|law| laws.place(law)),
            forecast: forecast.clone(),
            stack: laws.places(stack),
            groups: groups.clone(),
            seed: *seed,
        }
    }

    fn read(self, laws: &[Arc<Law>]) -> Option<Extrapolate> {
        let Self { law, question, through, other, forecast, stack, groups, seed } = self;
        let through = match through {
            Some(written) => Some(written.read(laws)?),
            None => None,
        };
        let other = match other {
            Some(place) => Some(laws.get(place)?.clone()),
            None => None,
        };
        let (law, stack) = (laws.get(law)?.clone(), listed(&stack, laws)?);
        Some(Extrapolate { law, question, through, other, forecast, stack, groups, seed })
    }
}

fn listed(places: &[usize], laws: &[Arc<Law>]) -> Option<Vec<Arc<Law>>> {
    places.iter().map(|place| laws.get(*place).cloned()).collect()
}
