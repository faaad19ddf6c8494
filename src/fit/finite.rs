//! Removes values that are not finite from a fit, because no artifact can store them, and adds a warning that names
//! them.

use std::collections::BTreeMap;

use super::{Backtest, Candidate, Choice, Distance, Estimate, Fit, Fold, Holdout, Past, Reference, Span, Status};
use crate::answer::Prediction;
use crate::warning::Warning;

impl Fit {
    /// The fit without values that are not finite.
    #[must_use]
    pub fn finite(mut self) -> Self {
        let mut lost: Vec<String> = Vec::new();
        for (name, estimate) in &mut self.parameters {
            if !estimate.make_finite() {
                lost.push(format!("the value of {name}"));
            }
        }
        self.free.iter_mut().for_each(|value| *value = held(*value));
        keep(&mut self.objective, "the objective", &mut lost);
        let evidence = &mut self.evidence;
        keep(&mut evidence.gradient_norm, "the gradient's norm", &mut lost);
        evidence.condition_number = evidence.condition_number.filter(Finite::is_finite);
        evidence.optima.retain(|optimum| optimum.objective.is_finite());
        keep(&mut evidence.reference, "the best optimum", &mut lost);
        keep(&mut evidence.replicates, "the statistics of repeated runs", &mut lost);
        keep(&mut self.holdout, "the errors on held-out rows", &mut lost);
        keep(&mut self.backtest, "the backtest", &mut lost);
        keep(&mut self.choice, "the comparison of laws", &mut lost);
        self.profiles.iter_mut().for_each(|profile| profile.points.retain(|point| point.iter().all(Finite::is_finite)));
        self.profiles.retain(|profile| profile.threshold.is_finite());
        let regions = self.regions.len();
        self.regions.retain(|region| region.points.iter().flatten().all(Finite::is_finite));
        if self.regions.len() < regions {
            lost.push("a region of two parameters".to_owned());
        }
        self.spans.retain(|_, span| span.is_finite());
        self.rays.retain(|ray| ray.ratio.is_finite());
        let trend_is_finite = self.noise.trend.as_ref().is_none_or(|trend| {
            let seen = trend.seen.iter().all(|seen| seen.span.is_finite());
            seen && trend.span.is_finite() && trend.exponent.is_finite() && trend.even_at.is_finite()
        });
        if !trend_is_finite || self.noise.residuals.iter().any(|residual| !residual.is_finite()) {
            self.noise = super::Noise::default();
            lost.push("the scatter of a new row".to_owned());
        }
        if !lost.is_empty() {
            self.evidence.warnings.push(Warning::from(format!(
                "Some numbers exceed the range of floating-point numbers (about 1e-308 to 1e308), and these \
                 results are not finite: {}. Use other units for the columns, or narrow the bounds.",
                lost.join(", ")
            )));
        }
        self.groups = self.groups.into_iter().map(|(name, group)| (name, group.finite())).collect();
        self
    }
}

/// A type whose numbers are all finite, or not.
trait Finite {
    fn is_finite(&self) -> bool;
}

/// Removes a value that is not finite and notes its name.
fn keep<T: Finite>(value: &mut Option<T>, name: &str, lost: &mut Vec<String>) {
    if value.as_ref().is_some_and(|value| !value.is_finite()) {
        *value = None;
        lost.push(name.to_owned());
    }
}

/// A number limited to the range of doubles.
fn held(value: f64) -> f64 {
    if value.is_nan() { f64::MAX } else { value.clamp(-f64::MAX, f64::MAX) }
}

impl Estimate {
    /// Removes uncertainties that are not finite; returns whether the value itself is finite.
    fn make_finite(&mut self) -> bool {
        let finite = self.value.is_none_or(f64::is_finite);
        for part in [&mut self.value, &mut self.se, &mut self.factor, &mut self.lower, &mut self.upper] {
            *part = part.filter(Finite::is_finite);
        }
        if !finite {
            self.status = Status::NotIdentified;
        }
        finite
    }
}

impl Finite for f64 {
    fn is_finite(&self) -> bool {
        f64::is_finite(*self)
    }
}

impl<T: Finite> Finite for Option<T> {
    fn is_finite(&self) -> bool {
        self.as_ref().is_none_or(Finite::is_finite)
    }
}

impl<T: Finite> Finite for Vec<T> {
    fn is_finite(&self) -> bool {
        self.iter().all(Finite::is_finite)
    }
}

impl<T: Finite> Finite for BTreeMap<String, T> {
    fn is_finite(&self) -> bool {
        self.values().all(Finite::is_finite)
    }
}

/// Implements `Finite` for structures from their fields.
macro_rules! finite {
    ($($name:ty { $($field:ident),+ })+) => {$(
        impl Finite for $name {
            fn is_finite(&self) -> bool {
                $(self.$field.is_finite())&&+
            }
        }
    )+};
}

finite! {
    Span { lowest, highest }
    Reference { objective, parameters }
    super::Replicates { pure_error, misfit }
    Holdout { rmse_log, mean_relative_error, bias_log, coverage }
    Prediction { value, lower, upper }
    Candidate { parameters, objective, aicc, bic, k_fold, rolling_origin, share, ahead }
    Choice { laws, ahead, stack }
    Distance { from, to, scored, half_width }
    Fold { up_to, scored }
    Backtest { folds, law, several_laws }
}

impl Finite for Past {
    fn is_finite(&self) -> bool {
        let points =
            self.points.iter().all(|(x, y, half)| Finite::is_finite(x) && Finite::is_finite(y) && half.is_finite());
        points && self.overall.is_finite() && self.by_distance.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(value: f64) -> Estimate {
        Estimate {
            value: Some(value),
            factor: None,
            se: Some(f64::INFINITY),
            lower: Some(1.0),
            upper: None,
            status: Status::Estimated,
        }
    }

    fn holdout(rmse_log: f64) -> Holdout {
        Holdout { rows: 1, rmse_log, mean_relative_error: 0.1, bias_log: 0.0, coverage: None }
    }

    #[test]
    fn values_that_are_not_finite_are_removed_with_a_warning() {
        let fit = Fit {
            objective: Some(f64::NAN),
            free: vec![f64::INFINITY, 2.0],
            parameters: BTreeMap::from([("A".to_owned(), estimate(f64::INFINITY)), ("E".to_owned(), estimate(2.0))]),
            holdout: Some(holdout(f64::INFINITY)),
            ..Fit::default()
        };
        let finite = fit.finite();
        assert_eq!(finite.parameters["A"].status, Status::NotIdentified);
        assert_eq!(finite.parameters["E"], Estimate { se: None, ..estimate(2.0) });
        assert_eq!((finite.objective, finite.holdout.as_ref()), (None, None));
        assert_eq!(finite.evidence.warnings.len(), 1);
        assert!(
            finite.evidence.warnings[0].text.contains("the value of A, the objective, the errors on held-out rows")
        );
        let text = serde_json::to_string(&finite).unwrap();
        assert_eq!(serde_json::from_str::<Fit>(&text).unwrap(), finite);
    }

    #[test]
    fn a_fit_of_finite_numbers_is_unchanged() {
        let fit = Fit { holdout: Some(holdout(0.1)), objective: Some(1.0), free: vec![1.0], ..Fit::default() };
        assert_eq!(fit.clone().finite(), fit);
    }
}
