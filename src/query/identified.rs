//! Whether the rows identify an answer. It must not change along directions in which they leave the parameters open.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::draws::{Asked, Trails};
use crate::evidence::{in_words, stays};
use crate::fit::Fit;
use crate::law::{Law, Scale};
use crate::numerics::exp;

/// The largest step, in logarithms or as a share of a parameter.
const STEP: f64 = 1e-4;

/// A step of a direction of length one that is rounding.
const ROUNDING: f64 = 1e-9;

/// One direction in which the rows leave the parameters of a fit open.
struct Open<'a> {
    law: &'a Law,
    fit: &'a Fit,
    direction: &'a [f64],
    /// Whether the fit is the one that is asked, not the other.
    is_own: bool,
}

impl Open<'_> {
    /// The parameters after a step along the direction, or along one coordinate of it.
    fn stepped(&self, sign: f64, only: Option<usize>) -> Vec<f64> {
        let free = &self.fit.free;
        let scales: Vec<Scale> = self.law.free().iter().map(|p| p.scale).collect();
        let share = |(place, scale): (usize, &Scale)| {
            let size = if *scale == Scale::Log || free[place] == 0.0 { 1.0 } else { free[place].abs() };
            self.direction[place].abs() / size
        };
        let largest = scales.iter().enumerate().map(share).fold(0.0, f64::max);
        let step = sign * STEP / largest;
        let moved = |(place, scale): (usize, &Scale)| {
            let change = step * self.direction[place];
            match scale {
                _ if only.is_some_and(|only| only != place) => free[place],
                Scale::Log => free[place] * exp(change),
                Scale::Linear => free[place] + change,
            }
        };
        scales.iter().enumerate().map(moved).collect()
    }

    /// The names of the parameters that the direction moves.
    fn names(&self) -> Vec<String> {
        let free = self.law.free();
        let moved = free.iter().zip(self.direction).filter(|(_, step)| step.abs() > ROUNDING);
        moved.map(|(parameter, _)| format!("`{}`", parameter.name)).collect()
    }
}

/// The outputs that the rows do not tell.
pub(super) struct Untold {
    /// Their names.
    pub(super) outputs: BTreeSet<&'static str>,
    /// Why, in words.
    pub(super) reason: String,
}

impl Asked<'_> {
    /// Which outputs change along a direction in which the rows leave the parameters open; none where all are told.
    pub(super) fn untold(&self, inputs: &BTreeMap<String, f64>, finding: &Finding, trails: &Trails) -> Option<Untold> {
        let own =
            self.fit.flat.iter().map(|direction| Open { law: self.ready.law, fit: self.fit, direction, is_own: true });
        let others = self.other.iter().flat_map(|(other, _)| {
            other.fit.flat.iter().map(|direction| Open { law: other.law, fit: other.fit, direction, is_own: false })
        });
        let mut outputs = BTreeSet::new();
        let mut names: Vec<String> = Vec::new();
        for open in own.chain(others) {
            let changing = self.changing(&open, inputs, finding, trails);
            if !changing.is_empty() {
                names.extend(open.names().into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
            }
            outputs.extend(changing);
        }
        let reason = || {
            format!(
                "the rows do not tell {} apart, and other values that fit them as well give another answer",
                in_words(&names)
            )
        };
        (!outputs.is_empty()).then(|| Untold { reason: reason(), outputs })
    }

    /// The outputs that change along one direction.
    fn changing(
        &self,
        open: &Open<'_>,
        inputs: &BTreeMap<String, f64>,
        finding: &Finding,
        trails: &Trails,
    ) -> Vec<&'static str> {
        let at = |sign: f64, only: Option<usize>| {
            let stepped = open.stepped(sign, only);
            let other = self.other.as_ref().map(|(other, _)| other.fit.free.as_slice());
            let parameters =
                if open.is_own { (stepped.as_slice(), other) } else { (&self.fit.free[..], Some(&stepped[..])) };
            self.followed(parameters, inputs, trails, finding).ok()
        };
        // The answers on both sides, of the whole direction and of each coordinate of it.
        let both_sides = |only: Option<usize>| Some([at(1.0, only)?, at(-1.0, only)?]);
        let whole = both_sides(None);
        let parts: Option<Vec<[Finding; 2]>> = (0..open.direction.len()).map(|place| both_sides(Some(place))).collect();
        let is_told = |name: &str| {
            let change =
                |[above, below]: &[Finding; 2]| Some((above.outputs.get(name)? - below.outputs.get(name)?).abs());
            let parts = parts.as_ref().and_then(|parts| parts.iter().map(change).sum::<Option<f64>>());
            matches!((whole.as_ref().and_then(change), parts), (Some(whole), Some(parts)) if stays(whole, parts))
        };
        finding.outputs.keys().copied().filter(|name| !is_told(name)).collect()
    }
}
