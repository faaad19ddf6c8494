//! The laws of stages in serialisable form, each once.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::law::Law;

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

/// The laws at these indices; `None` if one is not in the list.
pub(super) fn listed(places: &[usize], laws: &[Arc<Law>]) -> Option<Vec<Arc<Law>>> {
    places.iter().map(|place| laws.get(*place).cloned()).collect()
}
