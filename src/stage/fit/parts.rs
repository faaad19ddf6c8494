//! Parts of a fit that stages of their own compute: its searches, and ranges of the refits of its resampling.
//!
//! A fit takes from its inputs what was found already and computes the rest, so its outputs have the same bytes with
//! and without parts.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::origins::Origins;
use super::rows::{Group, Rows, numbers};
use super::{FitLaw, FitMethod, Found, REV, WrittenFit};
use crate::artifact::Outputs;
use crate::evidence::Label;
use crate::law::Law;
use crate::problem::Problem;
use crate::stage::{Failure, Inputs, Laws, Stage, WrittenStage, json_bytes};
use crate::uncertainty::{Batch, Division, Recorder, Uncertainty};
use crate::watch::Watch;

/// The role of found optima, and the prefix of that role among the inputs of a fit.
pub const ESTIMATE: &str = "estimate";
/// The role of computed refits, and the prefix of that role among the inputs of a fit.
pub const REFITS: &str = "refits";

/// The place of a problem in a fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    /// Number of the origin of the backtest, from zero; `None` for the fit itself.
    pub(super) origin: Option<usize>,
    /// Number of the group; zero where groups are fitted together.
    pub(super) group: usize,
}

/// A problem with what its resampling needs.
pub(super) struct Posed {
    pub(super) place: Place,
    pub(super) problem: Problem,
    pub(super) labels: Vec<Label>,
    pub(super) clusters: Vec<usize>,
}

impl FitLaw {
    /// The problem of a group, or of some of its rows.
    pub(super) fn pose(&self, rows: &Rows, place: Place, group: &Group) -> Result<Posed, Failure> {
        let problem = rows.problem(self, group)?;
        Ok(Posed { place, problem, labels: Label::of(&self.law), clusters: rows.clusters(&[group]) })
    }

    /// The problem of all groups with their shared parameters, and the problem of each group alone.
    pub(super) fn pose_together(&self, rows: &Rows) -> Result<(Posed, Vec<Problem>), Failure> {
        let free = self.law.free();
        let shared: Vec<usize> = (0..free.len()).filter(|&j| self.roles.share.contains(&free[j].name)).collect();
        let alone = rows.groups.iter().map(|group| rows.problem(self, group)).collect::<Result<Vec<_>, _>>()?;
        let problem = Problem::joint(&alone, &shared);
        let mut labels = vec![Label { parameter: 0, text: String::new() }; problem.size()];
        for (group, places) in rows.groups.iter().zip(problem.places()) {
            for (j, &place) in places.iter().enumerate() {
                let name = &free[j].name;
                let text = if shared.contains(&j) { name.clone() } else { format!("{name}[{}]", group.name()) };
                labels[place] = Label { parameter: j, text };
            }
        }
        let clusters = rows.clusters(&rows.groups.iter().collect::<Vec<_>>());
        let place = Place { origin: None, group: 0 };
        Ok((Posed { place, problem, labels, clusters }, alone))
    }

    /// The problems of the fit itself or of an origin of its backtest, one after the other. A group has no problem at
    /// an origin that leaves too few rows.
    fn each_posed(
        &self,
        rows: &Rows,
        origin: Option<&Origin>,
        mut each: impl FnMut(Posed) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if !self.roles.share.is_empty() {
            return each(self.pose_together(rows)?.0);
        }
        for (index, group) in rows.groups.iter().enumerate() {
            let place = Place { origin: origin.map(|origin| origin.number), group: index };
            let before = match origin {
                None => None,
                Some(origin) => match self.before(origin, rows, group)? {
                    None => continue,
                    before => before,
                },
            };
            each(self.pose(rows, place, before.as_ref().unwrap_or(group))?)?;
        }
        Ok(())
    }

    /// A group with its rows up to an origin; `None` if the group has fewer origins.
    fn before(&self, origin: &Origin, rows: &Rows, group: &Group) -> Result<Option<Group>, Failure> {
        let along = numbers(&rows.data.select(&group.fitted), &origin.of.along)?;
        let cut = self.cuts(&origin.of, &along).get(origin.number).copied();
        let known = |up_to: f64| along.iter().zip(&group.fitted).filter(move |(at, _)| **at <= up_to);
        Ok(cut.map(|up_to| group.with_fitted(known(up_to).map(|(_, row)| *row).collect())))
    }

    /// A watch for one of the problems of the fit. The steps of one of several groups do not show the progress of all.
    pub(super) fn watch_of_one<'a>(&self, rows: &Rows, watch: &Watch<'a>) -> Watch<'a> {
        let is_one = rows.groups.len() == 1 || !self.roles.share.is_empty();
        if is_one { *watch } else { Watch { tick: &|_, _| (), ..*watch } }
    }

    /// The stage that finds the optima of the fit, or of an origin of its backtest.
    pub fn estimate(&self, origin: Option<usize>) -> Estimate {
        let fit = self.without(FitMethod { uncertainty: None, backtest: None, ..self.method.clone() });
        Estimate { fit, origin: self.origin(origin) }
    }

    /// The stage that computes a range of the refits of the fit, or of an origin of its backtest.
    pub fn refits(&self, origin: Option<usize>, numbers: Range<usize>) -> Refits {
        let fit = self.without(FitMethod { backtest: None, ..self.method.clone() });
        Refits { fit, origin: self.origin(origin), numbers }
    }

    /// The fit with another method and without alternatives.
    fn without(&self, method: FitMethod) -> Self {
        Self { method, alternatives: Vec::new(), ..self.clone() }
    }

    fn origin(&self, number: Option<usize>) -> Option<Origin> {
        Some(Origin { of: self.method.backtest.clone()?, number: number? })
    }
}

/// One of the origins of a backtest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Origin {
    of: Origins,
    number: usize,
}

/// The stage that finds the optima of a fit whose refits are divided, or of an origin of its backtest.
#[derive(Clone, Debug)]
pub struct Estimate {
    fit: FitLaw,
    origin: Option<Origin>,
}

/// The optima of one problem.
#[derive(Serialize, Deserialize)]
struct Estimated {
    place: Place,
    found: Found,
}

impl Stage for Estimate {
    fn kind(&self) -> &'static str {
        ESTIMATE
    }

    fn impl_rev(&self) -> u32 {
        REV
    }

    fn settings(&self) -> serde_json::Value {
        serde_json::json!({ "fit": self.fit.settings(), "origin": self.origin })
    }

    fn written(&self, laws: &mut Laws) -> Option<WrittenStage> {
        let Self { fit, origin } = self;
        Some(WrittenStage::Estimate(Box::new(WrittenEstimate {
            fit: WrittenFit::of(fit, laws),
            origin: origin.clone(),
        })))
    }

    fn produces(&self, roles: &[&str]) -> bool {
        roles == [ESTIMATE]
    }

    fn run(&self, inputs: &Inputs, watch: &Watch<'_>) -> Result<Outputs, Failure> {
        let rows = Rows::read(&self.fit, inputs.table("table")?)?;
        let watch = self.fit.watch_of_one(&rows, watch);
        let mut all: Vec<Estimated> = Vec::new();
        self.fit.each_posed(&rows, self.origin.as_ref(), |posed| {
            let found = self.fit.search(&posed.problem, &watch)?;
            all.push(Estimated { place: posed.place, found });
            Ok(())
        })?;
        Ok(BTreeMap::from([(ESTIMATE.to_owned(), json_bytes(&all)?)]))
    }
}

/// The stage that computes a range of the refits of a fit, or of an origin of its backtest: a shard.
#[derive(Clone, Debug)]
pub struct Refits {
    fit: FitLaw,
    origin: Option<Origin>,
    /// The numbers of the refits.
    numbers: Range<usize>,
}

impl Stage for Refits {
    fn kind(&self) -> &'static str {
        REFITS
    }

    fn impl_rev(&self) -> u32 {
        REV
    }

    /// Neither the number of all refits nor the level of intervals is among the settings, so that a shard is computed
    /// once if more refits are added.
    fn settings(&self) -> serde_json::Value {
        let mut fit = self.fit.settings();
        fit["uncertainty"] = self.fit.method.uncertainty.as_ref().map(Uncertainty::settings_of_refit).into();
        serde_json::json!({ "fit": fit, "origin": self.origin, "refits": [self.numbers.start, self.numbers.end] })
    }

    fn written(&self, laws: &mut Laws) -> Option<WrittenStage> {
        let Self { fit, origin, numbers } = self;
        let (fit, origin) = (WrittenFit::of(fit, laws), origin.clone());
        Some(WrittenStage::Refits(Box::new(WrittenRefits { fit, origin, numbers: numbers.clone() })))
    }

    fn produces(&self, roles: &[&str]) -> bool {
        roles == [REFITS]
    }

    fn run(&self, inputs: &Inputs, watch: &Watch<'_>) -> Result<Outputs, Failure> {
        let rows = Rows::read(&self.fit, inputs.table("table")?)?;
        let parts = Parts::read(inputs)?;
        let work = Work { parts: &parts, watch: self.fit.watch_of_one(&rows, watch) };
        let mut all: Vec<(Place, Batch)> = Vec::new();
        self.fit.each_posed(&rows, self.origin.as_ref(), |posed| {
            let found = self.fit.found(&posed, work)?;
            // The fit reports a law without an optimum.
            let Ok(best) = found.best(&self.fit) else { return Ok(()) };
            let recorder = Recorder::new(self.numbers.clone());
            let division = Division::Range(&recorder);
            self.fit.resample(&posed, &found, best, division, work.watch, |method, fitted| method.refit(fitted))?;
            all.extend(recorder.batches().into_iter().map(|batch| (posed.place, batch)));
            Ok(())
        })?;
        Ok(BTreeMap::from([(REFITS.to_owned(), Arc::new(refits_to_bytes(&all)?))]))
    }
}

/// What is known of a batch before its numbers.
#[derive(Serialize, Deserialize)]
struct BatchHead {
    place: Place,
    purpose: String,
    from: usize,
    /// Number of coordinates of a refit.
    coordinates: usize,
    /// Number of 64-bit numbers of all refits.
    numbers: usize,
}

/// Batches as bytes: a line of JSON that describes them, then their numbers in little-endian order.
fn refits_to_bytes(all: &[(Place, Batch)]) -> Result<Vec<u8>, Failure> {
    let head = |(place, batch): &(Place, Batch)| BatchHead {
        place: *place,
        purpose: batch.purpose().to_owned(),
        from: batch.from(),
        coordinates: batch.size(),
        numbers: batch.values().count(),
    };
    let heads: Vec<BatchHead> = all.iter().map(head).collect();
    let mut bytes = serde_json::to_vec(&heads).map_err(|error| Failure::internal(error.to_string()))?;
    bytes.push(b'\n');
    bytes.reserve(size_of::<f64>() * heads.iter().map(|head| head.numbers).sum::<usize>());
    bytes.extend(all.iter().flat_map(|(_, batch)| batch.values()).flat_map(f64::to_le_bytes));
    Ok(bytes)
}

/// Batches from their bytes; `None` where the bytes have another format.
fn refits_from_bytes(bytes: &[u8]) -> Option<Vec<(Place, Batch)>> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let heads: Vec<BatchHead> = serde_json::from_slice(&bytes[..end]).ok()?;
    let mut rest = &bytes[end + 1..];
    let mut all = Vec::new();
    for BatchHead { place, purpose, from, coordinates, numbers } in heads {
        let own;
        (own, rest) = rest.split_at_checked(numbers.checked_mul(size_of::<f64>())?)?;
        let (eights, _) = own.as_chunks();
        let values: Vec<f64> = eights.iter().copied().map(f64::from_le_bytes).collect();
        all.push((place, Batch::of_values(purpose, from, coordinates, &values)?));
    }
    Some(all)
}

/// Results of a fit that other stages have computed.
#[derive(Default)]
pub(super) struct Parts {
    found: BTreeMap<Place, Found>,
    refits: BTreeMap<Place, Vec<Batch>>,
}

impl Parts {
    /// The parts among the inputs of a stage.
    pub(super) fn read(inputs: &Inputs) -> Result<Self, Failure> {
        let estimates = inputs.named::<Vec<Estimated>>(ESTIMATE)?.into_values().flatten();
        let found = estimates.map(|estimated| (estimated.place, estimated.found)).collect();
        let mut refits: BTreeMap<Place, Vec<Batch>> = BTreeMap::new();
        for (role, bytes) in inputs.artifacts.iter().filter(|(role, _)| role.starts_with(REFITS)) {
            let read = refits_from_bytes(bytes);
            let read = read.ok_or_else(|| Failure::internal(format!("artifact `{role}` has another format")))?;
            read.into_iter().for_each(|(place, batch)| refits.entry(place).or_default().push(batch));
        }
        Ok(Self { found, refits })
    }

    /// The optima of a problem, if they are known.
    pub(super) fn found(&self, place: Place) -> Option<&Found> {
        self.found.get(&place)
    }

    /// The refits of a problem to compute: all that are not known.
    pub(super) fn division(&self, place: Place) -> Division<'_> {
        self.refits.get(&place).map_or(Division::Whole, |batches| Division::Known(batches))
    }
}

/// What the computation of a fit is given besides its rows.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    /// The parts that are computed already.
    pub(super) parts: &'a Parts,
    /// Cancellation and progress.
    pub(super) watch: Watch<'a>,
}

/// An estimate stage whose laws are indices in a list.
#[derive(Serialize, Deserialize)]
pub struct WrittenEstimate {
    fit: WrittenFit,
    origin: Option<Origin>,
}

impl WrittenEstimate {
    pub(in crate::stage) fn read(self, laws: &[Arc<Law>]) -> Option<Estimate> {
        Some(Estimate { fit: self.fit.read(laws)?, origin: self.origin })
    }
}

/// A stage of refits whose laws are indices in a list.
#[derive(Serialize, Deserialize)]
pub struct WrittenRefits {
    fit: WrittenFit,
    origin: Option<Origin>,
    numbers: Range<usize>,
}

impl WrittenRefits {
    pub(in crate::stage) fn read(self, laws: &[Arc<Law>]) -> Option<Refits> {
        Some(Refits { fit: self.fit.read(laws)?, origin: self.origin, numbers: self.numbers })
    }
}
