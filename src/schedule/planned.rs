//! Schedules for queries, which are not in the data.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MOST_STEPS, Schedule};
use crate::numerics::{exp, ln};
use crate::quantity::Quantity;

/// A planned schedule: warm-up to a peak, then a shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// Shape of the rate after warm-up.
    pub shape: Shape,
    /// The highest rate, at the end of warm-up.
    pub peak: Quantity,
    /// The rate at the last step, for every shape that falls.
    #[serde(default)]
    pub end: Option<Quantity>,
    /// The last step of warm-up.
    #[serde(default)]
    pub warmup: Option<Quantity>,
    /// The last step.
    pub steps: Quantity,
    /// The step at which the rate starts to fall, after a constant phase; by default the end of warm-up.
    #[serde(default)]
    pub level_until: Option<Quantity>,
    /// Momentum of the annealing area S2.
    #[serde(default = "default_momentum")]
    pub momentum: f64,
}

/// The shape of the rate after the peak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Constant.
    Constant,
    /// Half a cosine.
    Cosine,
    /// A line.
    Linear,
    /// Linear in the logarithm.
    Exponential,
}

/// Default momentum of the annealing area: that of Tissue et al. 2024.
pub const fn default_momentum() -> f64 {
    0.999
}

impl Planned {
    /// The key at fault and what is expected, if anything is wrong.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let [warmup, steps, from] = self.steps();
        let whole = |value: f64| value >= 0.0 && value.fract() == 0.0 && value <= MOST_STEPS as f64;
        let end = self.end();
        let falls = self.shape != Shape::Constant;
        if falls != self.end.is_some() {
            Some((
                "end",
                if falls { "a falling rate needs an `end`" } else { "a constant rate has no `end`" }.to_owned(),
            ))
        } else if !(self.peak.0 > 0.0 && self.peak.0.is_finite()) {
            Some(("peak", "a learning rate must be above zero".to_owned()))
        } else if !(end >= 0.0 && end <= self.peak.0) {
            Some(("end", format!("the last rate must lie between 0 and the peak, {:e}", self.peak.0)))
        } else if self.shape == Shape::Exponential && end == 0.0 {
            Some(("end", "an exponential fall cannot end at 0".to_owned()))
        } else if !whole(steps) {
            Some(("steps", format!("the number of steps must be a whole number up to {MOST_STEPS}")))
        } else if !(whole(warmup) && warmup < steps) {
            Some(("warmup", format!("warm-up must end at a whole number of steps before the last, {steps}")))
        } else if !(whole(from) && warmup <= from && from < steps) {
            Some(("level_until", format!("the rate can stay level until a step from {warmup} on and before {steps}")))
        } else if !(0.0..1.0).contains(&self.momentum) {
            Some(("momentum", "momentum must be at least 0 and below 1".to_owned()))
        } else {
            None
        }
    }

    fn end(&self) -> f64 {
        self.end.map_or(self.peak.0, |end| end.0)
    }

    fn steps(&self) -> [f64; 3] {
        let warmup = self.warmup.map_or(0.0, |step| step.0);
        [warmup, self.steps.0, self.level_until.map_or(warmup, |step| step.0)]
    }

    /// The features of the schedule at its last step, by name. The schedule must have no fault.
    pub fn inputs(&self) -> BTreeMap<String, f64> {
        super::names().into_iter().zip(self.at_end()).collect()
    }

    /// The features at the last step, in the order of [`super::names`].
    fn at_end(&self) -> Vec<f64> {
        let [warmup, steps, from] = self.steps().map(|step| step as usize);
        let (peak, end) = (self.peak.0, self.end());
        let rate = |step: usize| {
            let share = step.saturating_sub(from) as f64 / (steps - from) as f64;
            match self.shape {
                Shape::Constant => peak,
                Shape::Cosine => end + (peak - end) * 0.5 * (1.0 + libm::cos(std::f64::consts::PI * share)),
                Shape::Linear => peak + (end - peak) * share,
                Shape::Exponential => peak * exp(share * ln(end / peak)),
            }
        };
        let schedule = Schedule::new(warmup, (warmup..=steps).map(rate).collect(), self.momentum);
        schedule.features(&[steps]).pop().map(|features| features.values).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(shape: Shape) -> Planned {
        let quantity = |value: f64| Some(Quantity(value));
        Planned {
            shape,
            peak: Quantity(3e-4),
            end: quantity(3e-5),
            warmup: quantity(2000.0),
            steps: Quantity(24_000.0),
            level_until: quantity(20_000.0),
            momentum: 0.999,
        }
    }

    #[test]
    fn every_shape_falls_from_the_peak_to_the_end() {
        for (shape, mean) in [(Shape::Cosine, 1.65e-4), (Shape::Linear, 1.65e-4), (Shape::Exponential, 1.1726e-4)] {
            let s1 = planned(shape).at_end()[0];
            let level = 3e-4 * 18_000.0;
            assert!((s1 - level - mean * 4000.0).abs() < 2e-4, "{shape:?} {s1}");
        }
    }

    #[test]
    fn an_impossible_schedule_is_refused_with_its_key() {
        assert_eq!(planned(Shape::Cosine).fault(), None);
        assert_eq!(planned(Shape::Constant).fault().unwrap().0, "end");
        assert_eq!(Planned { end: None, ..planned(Shape::Constant) }.fault(), None);
        let none = Some(Quantity(0.0));
        assert_eq!(Planned { end: none, ..planned(Shape::Exponential) }.fault().unwrap().0, "end");
        assert_eq!(Planned { level_until: none, ..planned(Shape::Linear) }.fault().unwrap().0, "level_until");
        assert_eq!(Planned { steps: Quantity(10.5), ..planned(Shape::Linear) }.fault().unwrap().0, "steps");
    }
}
