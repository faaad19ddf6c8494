//! The search for the lowest or highest response over one variable.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::axis::Axis;
use super::scan::{Domain, Stop, stops};
use super::{Fault, Finding, Limited, Model, Refusal, check_names, check_values, finish, named};
use crate::fit::Span;
use crate::law::Law;
use crate::numeral::rounded;
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
/// Share of that range by which points of the search next to equal extrema may differ.
const ALIKE: f64 = 0.01;
/// Share of that range by which equal extrema may differ.
const EQUAL: f64 = 1e-6;

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
        let Extremum { place, response, .. } = self.extremum(end, model, inputs)?;
        let mut at = inputs.clone();
        at.insert(self.over.clone(), place);
        Ok(Finding { outputs: named([("at", place), (end.output(), response)]), at })
    }

    /// The sentence about an extremum that is not the best response of the whole search, or lies at the end of it.
    pub(super) fn remarks(&self, end: End, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Vec<String> {
        self.extremum(end, model, inputs).ok().and_then(|found| found.remark).into_iter().collect()
    }

    /// The variable whose values can be limited.
    pub(super) fn limited(&self) -> Limited<'_> {
        Limited { variable: &self.over, takes_lists: true }
    }

    /// The extremum: the best response among the rows, if it lies between two of them; the first of equally good ones.
    /// Otherwise the best response of the search, if it lies inside or at an end that the variable cannot pass.
    fn extremum(&self, end: End, model: &Model<'_>, inputs: &BTreeMap<String, f64>) -> Result<Extremum, Refusal> {
        let (law, span) = (model.ready.law, model.span(&self.over));
        let axis = Axis::of(law, &self.over, span);
        let base = model.ordered(inputs, &[&self.over])?;
        let place = law.variable(&self.over);
        let response = |coordinate: f64| {
            let mut at = base.clone();
            place.into_iter().for_each(|place| at[place] = axis.value(coordinate));
            model.value(&at)
        };
        // Lower is better from here on.
        let value = |coordinate: f64| response(coordinate).map_or(f64::NAN, |y| end.sign() * y);
        let found = |coordinate: f64, remark: Option<String>| {
            Ok(Extremum { place: axis.value(coordinate), response: response(coordinate)?, remark })
        };
        let domain = Domain::of(model, &self.over);
        if !domain.one_of.is_empty() {
            let listed = domain.one_of.iter().map(|value| axis.coordinate(*value));
            let listed = listed.filter(|coordinate| value(*coordinate).is_finite());
            return match listed.min_by(|a, b| value(*a).total_cmp(&value(*b))) {
                Some(best) => found(best, None),
                None => Err(self.undefined()),
            };
        }
        let closed = domain.ends.map(|end| end.map(|value| axis.coordinate(value)).filter(|end| end.is_finite()));
        let [low, high] = range(axis, span);
        let (low, high) = (closed[0].unwrap_or(low), closed[1].unwrap_or(high));
        let mut coordinates: Vec<f64> =
            (0..POINTS).map(|index| low + (high - low) * index as f64 / (POINTS - 1) as f64).collect();
        coordinates.extend(axis.among_rows(law, &self.over, span));
        // The last point may miss the end by a rounding error.
        coordinates.push(high);
        coordinates.retain(|coordinate| (low..=high).contains(coordinate));
        coordinates.sort_by(f64::total_cmp);
        coordinates.dedup();
        let values: Vec<f64> = coordinates.iter().map(|&coordinate| value(coordinate)).collect();
        let stops = stops(&coordinates, &values, value);
        let best = (0..stops.len()).min_by(|&a, &b| stops[a].value.total_cmp(&stops[b].value));
        let best = best.ok_or_else(|| self.undefined())?;
        let last = stops.len() - 1;
        let is_closed = |index: usize| {
            (index == 0 && closed[0] == Some(stops[0].coordinate))
                || (index == last && closed[1] == Some(stops[last].coordinate))
        };
        let refined = |around: usize| {
            let here = |coordinate: f64| Some(value(coordinate)).filter(|y| y.is_finite()).unwrap_or(f64::INFINITY);
            minimise(here, stops[around - 1].coordinate, stops[around + 1].coordinate)
                .map_err(|_| Refusal::Undefined(format!("the law has no finite value around its {}", end.name())))
        };
        let why = self.leaves(end, axis, &stops, best, is_closed);
        // The rows show an extremum between them, whatever the formula does far away.
        if let Some((inner, range)) =
            inner(&stops, |stop| span.is_some_and(|span| holds(span, axis.value(stop.coordinate))))
        {
            let all: Vec<f64> = inner.into_iter().map(refined).collect::<Result<_, _>>()?;
            let least = all.iter().map(|coordinate| value(*coordinate)).fold(f64::INFINITY, f64::min);
            let size = EQUAL * range;
            // The first of several that are equally good.
            let first = all.into_iter().find(|coordinate| value(*coordinate) <= least + size);
            let is_better_outside = stops[best].value < least - size;
            let why = why.filter(|_| is_better_outside).or_else(|| {
                let at = rounded(axis.value(stops[best].coordinate), 5);
                is_better_outside.then(|| format!("the response is better at {} = {at}", self.over))
            });
            let remark = why.map(|why| format!("it is the {} among the rows: {why}", end.name()));
            return found(first.unwrap_or(stops[best].coordinate), remark);
        }
        if is_closed(best) {
            let at = rounded(axis.value(stops[best].coordinate), 5);
            let remark = format!("the response is {} at the end of the range, {} = {at}", end.output(), self.over);
            return found(stops[best].coordinate, Some(remark));
        }
        match why {
            None => found(refined(best)?, None),
            Some(why) => Err(Refusal::Undefined(format!("there is no {}: {why}", end.name()))),
        }
    }

    /// How the response gets better than at any extremum inside the search; `None` where it does not.
    fn leaves(
        &self,
        end: End,
        axis: Axis,
        stops: &[Stop],
        best: usize,
        is_closed: impl Fn(usize) -> bool,
    ) -> Option<String> {
        let last = stops.len() - 1;
        let (worst, least) = (worst_of(stops), stops[best].value);
        let is_as_good = |index: usize| stops[index].value <= least + FLAT * (worst - least);
        let (name, trend) = (&self.over, end.trend());
        let ends = [(0, "smaller"), (last, "larger")].into_iter().filter(|(index, _)| !is_closed(*index));
        if let Some((_, side)) = ends.into_iter().find(|(index, _)| is_as_good(*index)) {
            return Some(format!("the response keeps {trend} towards {side} {name}"));
        }
        let is_at_edge = best == 0 || best == last || !stops[best - 1].joined || !stops[best].joined;
        let at = rounded(axis.value(stops[best].coordinate), 5);
        is_at_edge.then(|| format!("the response keeps {trend} towards {name} = {at}, where the law ends"))
    }

    fn undefined(&self) -> Refusal {
        Refusal::Undefined(format!("the law has no finite value at any {}", self.over))
    }
}

/// The coordinates between which an extremum is sought.
fn range(axis: Axis, span: Option<Span>) -> [f64; 2] {
    match axis {
        Axis::Logarithm => {
            let span = span.filter(|span| span.lowest > 0.0 && span.highest.is_finite());
            let [low, high] = span.map_or(USUAL, |span| [span.lowest, span.highest]);
            [ln(low) - ln(BEYOND), ln(high) + ln(BEYOND)]
        }
        Axis::Value(span) => {
            let beyond = BEYOND_IN_WIDTHS * (span.highest - span.lowest);
            [span.lowest - beyond, span.highest + beyond]
        }
    }
}

/// Whether a value lies in the range of the rows.
fn holds(span: Span, value: f64) -> bool {
    (span.lowest..=span.highest).contains(&value)
}

/// The highest value of a scan.
fn worst_of(stops: &[Stop]) -> f64 {
    stops.iter().map(|stop| stop.value).fold(f64::NEG_INFINITY, f64::max)
}

/// The minima among the rows, if the best of their stops is one of them, and the range of the response there. A minimum
/// is lower than both neighbours, as far as digits tell. The best comes with others that are as good.
fn inner(stops: &[Stop], is_among_rows: impl Fn(&Stop) -> bool) -> Option<(Vec<usize>, f64)> {
    let seen: Vec<usize> = (0..stops.len()).filter(|&index| is_among_rows(&stops[index])).collect();
    let best = seen.iter().copied().min_by(|&a, &b| stops[a].value.total_cmp(&stops[b].value))?;
    let highest = seen.iter().map(|&index| stops[index].value).fold(f64::NEG_INFINITY, f64::max);
    let range = highest - stops[best].value;
    let is_lower = |a: &Stop, b: &Stop| a.value + FLAT * range < b.value;
    let is_minimum = |index: usize| {
        let neighbours = index.checked_sub(1).and_then(|before| stops.get(before).zip(stops.get(index + 1)));
        neighbours.is_some_and(|(before, after)| {
            let here = &stops[index];
            before.joined && here.joined && is_lower(here, before) && is_lower(here, after)
        })
    };
    let is_as_good = |index: usize| stops[index].value <= stops[best].value + ALIKE * range;
    let all = || seen.iter().copied().filter(|&index| is_minimum(index) && is_as_good(index)).collect();
    is_minimum(best).then(|| (all(), range))
}

/// An extremum of the response over one variable.
struct Extremum {
    /// The value of the variable.
    place: f64,
    /// The response.
    response: f64,
    /// Where another value of the variable is better, or none further out is possible.
    remark: Option<String>,
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
                Ok(())
            }

            fn limited(&self, _: &$crate::law::Law) -> Option<$crate::query::Limited<'_>> {
                Some(self.0.limited())
            }

            fn remarks_at_estimate(
                &self,
                model: &$crate::query::Model<'_>,
                inputs: &std::collections::BTreeMap<String, f64>,
            ) -> Vec<String> {
                self.0.remarks($end, model, inputs)
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
