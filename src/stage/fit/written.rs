//! A fit stage in serialisable form.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{FitLaw, FitMethod, RowRoles};
use crate::law::Law;
use crate::source::Missing;
use crate::stage::written::{Laws, listed};

/// A fit stage whose laws are indices in a list.
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
    most_groups: usize,
}

impl WrittenFit {
    pub(super) fn of(stage: &FitLaw, laws: &mut Laws) -> Self {
        let FitLaw { law, alternatives, method, roles, seed, missing, has_rows, files, most_groups } = stage;
        Self {
            law: laws.place(law),
            alternatives: laws.places(alternatives),
            method: method.clone(),
            roles: roles.clone(),
            seed: *seed,
            missing: *missing,
            has_rows: *has_rows,
            files: files.clone(),
            most_groups: *most_groups,
        }
    }

    pub(in crate::stage) fn read(self, laws: &[Arc<Law>]) -> Option<FitLaw> {
        let Self { law, alternatives, method, roles, seed, missing, has_rows, files, most_groups } = self;
        let (law, alternatives) = (laws.get(law)?.clone(), listed(&alternatives, laws)?);
        Some(FitLaw { law, alternatives, method, roles, seed, missing, has_rows, files, most_groups })
    }
}
