//! The search for the lowest or highest response over one variable.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::axis::Axis;
use super::{Fault, Finding, Model, Refusal, check_names, check_values, finish, named};
use crate::law::Law;
use crate::numerics::ln;
use crate::quantity::{OneOrMany, Quantity};
use crate::solver::minimise;

/// A variable over which the response has an extremum, with the values of the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Over {
    /// The variable.
    pub over: String,
    /// Values of the law's other variables. Lists of equal length are combined element by element.
    #[serde(default)]
    pub hold: BTreeMap<String, OneOrMany<Quantity>>,
}

/// The end of a response that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Lowest,
    Highest,
}

impl End {
    /// The sign with which the response is lowest.
    const fn sign(self) -> f64 {
        match self {
            Self::Lowest => 1.0,
            Self::Highest => -1.0,
        }
    }

    /// The name of the extremum.
    const fn name(self) -> &'static str {
        match self {
            Self::Lowest => "minimum",
            Self::Highest => "maximum",
        }
    }

    /// The name of the response there, as an output.
    pub(super) const fn output(self) -> &'static str {
        match self {
            Self::Lowest => "lowest",
            Self::Highest => "highest",
        }
    }

    /// What a response without the extremum keeps doing.
    const fn trend(self) -> &'static str {
        match self {
            Self::Lowest => "falling",
            Self::Highest => "rising",
        }
    }
}

/// Largest distance of the search outside the rows: a factor of a positive variable, and widths of the range of any
/// other.
const BEYOND: f64 = 1e3;
const BEYOND_IN_WIDTHS: f64 = 10.0;
/// Search range where no rows give one.
const USUAL: [f64; 2] = [1e3, 1e15];
/// Number of points at which the response is evaluated before the extremum is refined.
const POINTS: usize = 257;
/// Share of the range of the response by which an extremum must be better than both ends of the search. An exponential
/// far from its peak is zero at many points, which is not an extremum.
const FLAT: f64 = 1e-9;

impl Over {
    /// Faults: a variable that the law does not have, and variables without a value.
    pub(super) fn check(&self, law: &Law) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        if law.variable(&self.over).is_none() {
            let known: Vec<&str> = law.variables.iter().map(|variable| variable.name.as_str()).collect();
            let fault = Fault::at("over", format!("the law `{}` has no variable `{}`", law.formula, self.over));
            faults.push(fault.hint(format!("its variables are {}", crate::diagnostic::list(&known))));
        }
        let names = law.variables.iter().map(|variable| variable.name.as_str());
        let others: Vec<&str> = names.filter(|name| *name != self.over).collect();
        let mut held = Vec::new();
        check_names(self.hold.keys(), &others, law, &mut held);
        check_values(&self.hold, law, &mut held);
        faults.extend(held.into_iter().map(|fault| fault.under("hold")));
        for name in others.into_iter().filter(|name| !self.hold.contains_key(*name)) {
            faults.push(
                Fault::whole(format!("`{name}` has no value")).hint(format!("write `hold = {{ {name} = ... }}`")),
            );
        }
        finish(faults)
    }

    /// The answer to the question about one end.
    pub(super) fn found(
        &self,
        end: End,
        model: &Model<'_>,
        inputs: &BTreeMap<String, f64>,
    ) -> Result<Finding, Refusal> {
        let (place, response) = self.extremum(end, model, inputs)?;
        let mut at = inputs.clone();
        at.insert(self.over.clone(), place);
        Ok(Finding { outputs: named([("at", place), (end.output(), response)]), at })
    }

    /// The value of the variable at the extremum, and the response there.
    fn extremum(&self, end: End, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<(f64, f64), Refusal> {
        let (law, span) = (model.ready.law, model.span(&self.over));
        let axis = Axis::of(law, &self.over, span);
        let [low, high] = match axis {
            Axis::Logarithm => {
                let span = span.filter(|span| span.lowest > 0.0 && span.highest.is_finite());
                let [low, high] = span.map_or(USUAL, |span| [span.lowest, span.highest]);
                [ln(low) - ln(BEYOND), ln(high) + ln(BEYOND)]
            }
            Axis::Value(span) => {
                let beyond = BEYOND_IN_WIDTHS * (span.highest - span.lowest);
                [span.lowest - beyond, span.highest + beyond]
            }
        };
        let base = model.ordered(inputs, &[&self.over])?;
        let place = law.variable(&self.over);
        let response = |coordinate: f64| {
            let mut at = base.clone();
            place.into_iter().for_each(|place| at[place] = axis.value(coordinate));
            model.value(&at)
        };
        // Lower is better from here on; a place where the law has no value is the worst.
        let value = |coordinate: f64| response(coordinate).map_or(f64::INFINITY, |y| end.sign() * y);
        let point = |index: usize| low + (high - low) * index as f64 / (POINTS - 1) as f64;
        let values: Vec<f64> = (0..POINTS).map(|index| value(point(index))).collect();
        let finite: Vec<usize> = (0..POINTS).filter(|&index| values[index].is_finite()).collect();
        let best = finite.iter().copied().min_by(|&a, &b| values[a].total_cmp(&values[b]));
        let (Some(best), Some(&first), Some(&last)) = (best, finite.first(), finite.last()) else {
            return Err(Refusal::Undefined(format!("the law has no finite value at any {}", self.over)));
        };
        let worst = finite.iter().map(|&index| values[index]).fold(f64::NEG_INFINITY, f64::max);
        let is_as_good = |index: usize| values[index] <= values[best] + FLAT * (worst - values[best]);
        let (name, trend) = (end.name(), end.trend());
        if let Some(side) = [(first, "smaller"), (last, "larger")].into_iter().find(|(index, _)| is_as_good(*index)) {
            let reason = format!("there is no {name}: the response keeps {trend} towards {} {}", side.1, self.over);
            return Err(Refusal::Undefined(reason));
        }
        let found = minimise(value, point(best - 1), point(best + 1))
            .map_err(|_| Refusal::Undefined(format!("the law has no finite value around its {name}")))?;
        Ok((axis.value(found), response(found)?))
    }
}

/// Makes a wrapper of [`Over`] the question about one end. Its outputs are `at`, in the unit of the variable, and the
/// response there.
macro_rules! of_end {
    ($question:ident, $end:expr) => {
        impl $crate::query::Kind for $question {
            fn outputs(&self) -> Vec<&str> {
                vec!["at", $end.output()]
            }

            fn decides() -> bool {
                true
            }

            fn is_response(&self, output: &str) -> bool {
                output == $end.output()
            }

            fn variable_of(&self, output: &str) -> Option<&str> {
                (output == "at").then_some(self.0.over.as_str())
            }

            fn check(&self, law: &$crate::law::Law) -> Result<(), Vec<$crate::query::Fault>> {
                self.0.check(law)
            }

            fn rows(&self, _: &$crate::law::Roles) -> Vec<std::collections::BTreeMap<String, f64>> {
                $crate::query::rows_of(&self.0.hold)
            }

            fn moves(&self, _: &$crate::law::Law) -> Option<$crate::query::Moves> {
                None
            }

            fn takes_limits(&self, _: &$crate::law::Law) -> Result<(), &'static str> {
                Err("it varies one variable and holds the others; ask `compute_optimal`, which takes limits")
            }

            fn solve(
                &self,
                model: &$crate::query::Model<'_>,
                inputs: &std::collections::BTreeMap<String, f64>,
            ) -> Result<$crate::query::Finding, $crate::query::Refusal> {
                self.0.found($end, model, inputs)
            }
        }
    };
}
pub(super) use of_end;
