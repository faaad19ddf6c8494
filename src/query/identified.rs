//! Whether the rows identify an answer. An answer is identified if it does not change along directions that the rows
//! leave open.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::draws::{Asked, Trails};
use super::model::Trail;
use crate::diagnostic::numbered;
use crate::evidence::{in_words, stays};
use crate::fit::{Fit, Status};
use crate::law::{Law, Parameter, Scale};
use crate::numerics::exp;

/// The largest step, in logarithms or as a share of a parameter.
const STEP: f64 = 1e-4;

/// A component of a direction below this share of the largest is rounding.
const ROUNDING: f64 = 1e-9;

/// Smallest number of parameters that fit as well by which answers are judged.
const FEWEST: usize = 2;
/// Largest difference of answers that are the same, as a share of the answer.
const SAME: f64 = 1e-3;

/// Whether two values of a parameter differ by more than rounding.
fn is_apart(one: f64, other: f64) -> bool {
    (one - other).abs() > SAME * one.abs().max(other.abs())
}

/// One direction of the parameters that the rows leave open.
struct Open<'a> {
    law: &'a Law,
    fit: &'a Fit,
    direction: &'a [f64],
    /// Whether the direction belongs to the queried fit and not to the other one.
    is_own: bool,
}

impl Open<'_> {
    /// The direction without the components of identified parameters, which are rounding.
    fn direction(&self) -> Vec<f64> {
        let is_open = |p: &&Parameter| !is_identified(self.fit, &p.name);
        let open: Vec<bool> = self.law.free().iter().map(is_open).collect();
        // If no status names an open parameter, use all components.
        let any = open.contains(&true);
        self.direction.iter().zip(open).map(|(step, open)| if open || !any { *step } else { 0.0 }).collect()
    }

    /// The parameters after a step along the direction, or along one coordinate of it.
    fn stepped(&self, sign: f64, only: Option<usize>) -> Vec<f64> {
        let (free, direction) = (&self.fit.free, self.direction());
        let scales: Vec<Scale> = self.law.free().iter().map(|p| p.scale).collect();
        let largest = shares(self.law, free, &direction).fold(0.0, f64::max);
        let step = sign * STEP / largest;
        let moved = |(place, scale): (usize, &Scale)| {
            let change = step * direction[place];
            match scale {
                _ if only.is_some_and(|only| only != place) => free[place],
                Scale::Log => free[place] * exp(change),
                Scale::Linear => free[place] + change,
            }
        };
        scales.iter().enumerate().map(moved).collect()
    }

    /// The names of the parameters that the direction changes.
    fn names(&self) -> Vec<String> {
        let free = self.law.free();
        let moved =
            free.iter().zip(moved_by(self.law, &self.fit.free, self.direction)).filter(|(_, is_moved)| *is_moved);
        moved.map(|(parameter, _)| format!("`{}`", parameter.name)).collect()
    }
}

/// The steps of a direction as shares of the parameters, or in logarithms of those on that scale.
fn shares<'a>(law: &Law, free: &'a [f64], direction: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    let scales: Vec<Scale> = law.free().iter().map(|p| p.scale).collect();
    free.iter().zip(direction).zip(scales).map(|((value, step), scale)| {
        let size = if scale == Scale::Log || *value == 0.0 { 1.0 } else { value.abs() };
        step.abs() / size
    })
}

/// Whether a direction moves each parameter by more than rounding. One parameter can be a hundred powers of ten larger than
/// another, so steps are compared as shares.
fn moved_by(law: &Law, free: &[f64], direction: &[f64]) -> Vec<bool> {
    let all: Vec<f64> = shares(law, free, direction).collect();
    let largest = all.iter().copied().fold(0.0, f64::max);
    all.into_iter().map(|share| share > ROUNDING * largest).collect()
}

/// Whether the rows identify a parameter.
fn is_identified(fit: &Fit, parameter: &str) -> bool {
    fit.parameters.get(parameter).is_none_or(|estimate| estimate.status != Status::NotIdentified)
}

/// The outputs that the rows do not identify.
pub(super) struct Unidentified {
    /// Their names.
    pub(super) outputs: BTreeSet<Cow<'static, str>>,
    /// The reason, for reports.
    pub(super) reason: String,
}

impl Asked<'_> {
    /// The outputs that change along a direction that the rows leave open; `None` where all are identified.
    pub(super) fn unidentified(
        &self,
        inputs: &BTreeMap<String, f64>,
        finding: &Finding,
        trails: &Trails,
    ) -> Option<Unidentified> {
        let own =
            self.fit.flat.iter().map(|direction| Open { law: self.ready.law, fit: self.fit, direction, is_own: true });
        let others = self.other.iter().flat_map(|(other, _)| {
            other.fit.flat.iter().map(|direction| Open { law: other.law, fit: other.fit, direction, is_own: false })
        });
        let mut outputs = BTreeSet::new();
        let mut names: Vec<String> = Vec::new();
        let (differing, is_enough) = self.differing(inputs, finding, trails);
        if !differing.is_empty() {
            let of_fit = self.fit.equals.iter().map(|equal| (self.ready.law, &self.fit.free, equal));
            let of_other = self
                .other
                .iter()
                .flat_map(|(other, _)| other.fit.equals.iter().map(|equal| (other.law, &other.fit.free, equal)));
            for (law, free, equal) in of_fit.chain(of_other) {
                let moved =
                    law.free().into_iter().zip(free).zip(equal).filter(|((_, own), other)| is_apart(**own, **other));
                let moved = moved.map(|((parameter, _), _)| format!("`{}`", parameter.name));
                names.extend(moved.filter(|name| !names.contains(name)).collect::<Vec<_>>());
            }
            outputs.extend(differing);
        }
        for open in own.chain(others).filter(|_| !is_enough) {
            let changing = self.changing(&open, inputs, finding, trails);
            if !changing.is_empty() {
                names.extend(open.names().into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
            }
            outputs.extend(changing);
        }
        for output in finding.outputs.keys() {
            let arbitrary = self.arbitrary(output);
            if !arbitrary.is_empty() {
                outputs.insert(output.clone());
                names.extend(arbitrary.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
            }
        }
        if let Some((law, settings)) = self.undetermined(finding) {
            let free = law.free();
            let names: Vec<String> = free.iter().map(|parameter| format!("`{}`", parameter.name)).collect();
            let reason = format!(
                "the rows have {}, which cannot determine {}; other curves that fit equally well give another answer",
                numbered(settings, "different setting"),
                in_words(&names)
            );
            return Some(Unidentified { reason, outputs: finding.outputs.keys().cloned().collect() });
        }
        let separately = if names.len() > 1 { " separately" } else { "" };
        let reason = || {
            format!(
                "the rows do not identify {}{separately}; other values that fit equally well give another answer",
                in_words(&names)
            )
        };
        (!outputs.is_empty()).then(|| Unidentified { reason: reason(), outputs })
    }

    /// The names of the parameters that other values which fit the rows equally well change, if the question has an answer
    /// with them.
    pub(super) fn reached_by_equals(&self, inputs: &BTreeMap<String, f64>) -> Option<Vec<String>> {
        let other = self.other.as_ref().map(|(other, _)| other.fit.free.as_slice());
        let trails = [Trail::default(), Trail::default()];
        let has_answer = |equal: &&Vec<f64>| {
            self.solve((equal.as_slice(), other), inputs, &trails).is_ok_and(|finding| self.finite(finding).is_ok())
        };
        let equal = self.fit.equals.iter().find(has_answer)?;
        let moved = self.ready.law.free().into_iter().zip(self.fit.free.iter().zip(equal));
        let moved = moved.filter(|(_, (own, other))| is_apart(**own, **other));
        Some(moved.map(|(parameter, _)| format!("`{}`", parameter.name)).collect())
    }

    /// A law whose rows have too few settings, and their number, if the answer lies at none of them.
    fn undetermined(&self, finding: &Finding) -> Option<(&Law, usize)> {
        let own = std::iter::once((self.ready.law, self.fit));
        let others = self.other.iter().map(|(other, _)| (other.law, other.fit));
        own.chain(others).find_map(|(law, fit)| {
            let is_there = |setting: &Vec<f64>| {
                law.variables.iter().zip(setting).all(|(variable, value)| finding.at.get(&variable.name) == Some(value))
            };
            let settings = &fit.too_few_settings;
            (!settings.is_empty() && !settings.iter().any(is_there)).then_some((law, settings.len()))
        })
    }

    /// The unidentified parameters of an expression that have another reason than an open direction, such as two
    /// variables that vary together.
    fn arbitrary(&self, output: &str) -> Vec<String> {
        let free = self.ready.law.free();
        let is_moved = |name: &str| {
            let place = free.iter().position(|p| p.name == name);
            let is_by = |direction: &Vec<f64>, place: usize| moved_by(self.ready.law, &self.fit.free, direction)[place];
            place.is_some_and(|place| self.fit.flat.iter().any(|direction| is_by(direction, place)))
        };
        let names = self.kind.parameters_of(output, self.ready.law).into_iter();
        names.filter(|name| !is_identified(self.fit, name) && !is_moved(name)).map(|name| format!("`{name}`")).collect()
    }

    /// The outputs that differ between parameters that fit the rows as well, and whether enough such parameters are known to
    /// judge by them alone.
    fn differing(
        &self,
        inputs: &BTreeMap<String, f64>,
        finding: &Finding,
        trails: &Trails,
    ) -> (Vec<Cow<'static, str>>, bool) {
        let other = self.other.as_ref().map(|(other, _)| other.fit);
        let own = self.fit.equals.iter().map(|equal| (equal.as_slice(), other.map(|fit| fit.free.as_slice())));
        let of_other = other.into_iter().flat_map(|fit| &fit.equals);
        let equals = own.chain(of_other.map(|equal| (self.fit.free.as_slice(), Some(equal.as_slice()))));
        let findings: Vec<Option<Finding>> =
            equals.map(|parameters| self.followed(parameters, inputs, trails, finding).ok()).collect();
        let differs = |name: &str, value: f64| {
            let values = findings.iter().map(|found| found.as_ref()?.outputs.get(name).copied());
            // An answer that is not finite differs.
            let is_same = |other: f64| (other - value).abs() <= SAME * value.abs();
            values.into_iter().any(|other| !other.is_some_and(is_same))
        };
        let outputs =
            finding.outputs.iter().filter(|(name, value)| differs(name, **value)).map(|(name, _)| name.clone());
        (outputs.collect(), findings.len() >= FEWEST)
    }

    /// The outputs that change along one direction.
    fn changing(
        &self,
        open: &Open<'_>,
        inputs: &BTreeMap<String, f64>,
        finding: &Finding,
        trails: &Trails,
    ) -> Vec<Cow<'static, str>> {
        let at = |sign: f64, only: Option<usize>| {
            let stepped = open.stepped(sign, only);
            let other = self.other.as_ref().map(|(other, _)| other.fit.free.as_slice());
            let parameters =
                if open.is_own { (stepped.as_slice(), other) } else { (&self.fit.free[..], Some(&stepped[..])) };
            self.followed(parameters, inputs, trails, finding).ok()
        };
        // The answers on both sides, for the whole direction and for each coordinate of it.
        let both_sides = |only: Option<usize>| Some([at(1.0, only)?, at(-1.0, only)?]);
        let whole = both_sides(None);
        let parts: Option<Vec<[Finding; 2]>> = (0..open.direction.len()).map(|place| both_sides(Some(place))).collect();
        let stays_put = |name: &str| {
            let change =
                |[above, below]: &[Finding; 2]| Some((above.outputs.get(name)? - below.outputs.get(name)?).abs());
            let parts = parts.as_ref().and_then(|parts| parts.iter().map(change).sum::<Option<f64>>());
            matches!((whole.as_ref().and_then(change), parts), (Some(whole), Some(parts)) if stays(whole, parts))
        };
        finding.outputs.keys().filter(|name| !stays_put(name)).cloned().collect()
    }
}
