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
/// Search range where no rows give one: of model size, data and compute, and of any other variable.
const SIZES: [f64; 2] = [1e3, 1e30];
const OTHERS: [f64; 2] = [1e-15, 1e15];
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

    /// The extremum, and the response there.
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
        let domain = Domain::of(model, &self.over);
        let usual = if law.roles.decided().contains(&self.over.as_str()) { SIZES } else { OTHERS };
        let course = Course { over: &self.over, end, axis, span, usual, value: &value };
        let (coordinate, remark) = if domain.one_of.is_empty() {
            course.scanned(domain.ends, axis.among_rows(law, &self.over, span))?
        } else {
            (course.best_of(&domain.one_of)?, None)
        };
        Ok(Extremum { place: axis.value(coordinate), response: response(coordinate)?, remark })
    }
}

/// The response over one variable, with lower values better.
struct Course<'a> {
    over: &'a str,
    end: End,
    axis: Axis,
    /// The range of the rows.
    span: Option<Span>,
    /// The search range where no rows give one.
    usual: [f64; 2],
    /// The value at a coordinate; `NaN` where there is none.
    value: &'a dyn Fn(f64) -> f64,
}

impl Course<'_> {
    /// The best of some values of the variable, as a coordinate.
    fn best_of(&self, values: &[f64]) -> Result<f64, Refusal> {
        let listed = values.iter().map(|value| self.axis.coordinate(*value));
        let listed = listed.filter(|coordinate| (self.value)(*coordinate).is_finite());
        listed.min_by(|a, b| (self.value)(*a).total_cmp(&(self.value)(*b))).ok_or_else(|| self.undefined())
    }

    /// The extremum over all values between two ends, as a coordinate, with a remark: the best response among the rows, if
    /// it lies between two of them; the first of equally good ones. Otherwise the best response of the search, if it lies
    /// inside or at an end that the variable cannot pass. `among_rows` are coordinates at which to look too.
    fn scanned(&self, ends: [Option<f64>; 2], among_rows: Vec<f64>) -> Result<(f64, Option<String>), Refusal> {
        let closed = ends.map(|end| end.map(|value| self.axis.coordinate(value)).filter(|end| end.is_finite()));
        let coordinates = self.coordinates(closed, among_rows);
        let values: Vec<f64> = coordinates.iter().map(|&coordinate| (self.value)(coordinate)).collect();
        let stops = stops(&coordinates, &values, self.value);
        let best = (0..stops.len()).min_by(|&a, &b| stops[a].value.total_cmp(&stops[b].value));
        let best = best.ok_or_else(|| self.undefined())?;
        let (last, at) = (stops.len() - 1, |index: usize| Some(stops[index].coordinate));
        let is_closed = |index: usize| (index == 0 && closed[0] == at(0)) || (index == last && closed[1] == at(last));
        let why = self.leaves(&stops, best, is_closed);
        // The rows show an extremum between them, whatever the formula does far away.
        if let Some(found) = self.among_rows(&stops, best, why.as_deref())? {
            return Ok(found);
        }
        match why {
            _ if is_closed(best) => {
                let (end, at) = (self.end.output(), self.name_of(stops[best].coordinate));
                let remark = format!("the response is {end} at the end of the range, {} = {at}", self.over);
                Ok((stops[best].coordinate, Some(remark)))
            }
            None => Ok((self.refined(&stops, best)?, None)),
            Some(why) => Err(Refusal::Undefined(format!("there is no {}: {why}", self.end.name()))),
        }
    }

    /// The coordinates of the search in ascending order, up to ends that the variable cannot pass.
    fn coordinates(&self, closed: [Option<f64>; 2], among_rows: Vec<f64>) -> Vec<f64> {
        let [low, high] = range(self.axis, self.span, self.usual);
        let (low, high) = (closed[0].unwrap_or(low), closed[1].unwrap_or(high));
        let mut coordinates: Vec<f64> =
            (0..POINTS).map(|index| low + (high - low) * index as f64 / (POINTS - 1) as f64).collect();
        coordinates.extend(among_rows);
        // The last point may miss the end by a rounding error.
        coordinates.push(high);
        coordinates.retain(|coordinate| (low..=high).contains(coordinate));
        coordinates.sort_by(f64::total_cmp);
        coordinates.dedup();
        coordinates
    }

    /// The extremum between the neighbours of a stop.
    fn refined(&self, stops: &[Stop], around: usize) -> Result<f64, Refusal> {
        let here = |coordinate: f64| Some((self.value)(coordinate)).filter(|y| y.is_finite()).unwrap_or(f64::INFINITY);
        minimise(here, stops[around - 1].coordinate, stops[around + 1].coordinate)
            .map_err(|_| Refusal::Undefined(format!("the law has no finite value around its {}", self.end.name())))
    }

    /// The first of the best extrema among the rows, if the best response among the rows is one, with a remark where the
    /// response is better outside; `why` says how it leaves the search there.
    fn among_rows(
        &self,
        stops: &[Stop],
        best: usize,
        why: Option<&str>,
    ) -> Result<Option<(f64, Option<String>)>, Refusal> {
        let is_among_rows = |stop: &Stop| self.span.is_some_and(|span| holds(span, self.axis.value(stop.coordinate)));
        let Some((inner, range)) = inner(stops, is_among_rows) else { return Ok(None) };
        let all: Vec<f64> = inner.into_iter().map(|index| self.refined(stops, index)).collect::<Result<_, _>>()?;
        let least = all.iter().map(|coordinate| (self.value)(*coordinate)).fold(f64::INFINITY, f64::min);
        let size = EQUAL * range;
        let first = all.into_iter().find(|coordinate| (self.value)(*coordinate) <= least + size);
        let is_better_outside = stops[best].value < least - size;
        let remark = is_better_outside.then(|| {
            let at = || format!("the response is better at {} = {}", self.over, self.name_of(stops[best].coordinate));
            format!("it is the {} among the rows: {}", self.end.name(), why.map_or_else(at, str::to_owned))
        });
        Ok(first.map(|coordinate| (coordinate, remark)))
    }

    /// How the response gets better than at any extremum inside the search; `None` where it does not.
    fn leaves(&self, stops: &[Stop], best: usize, is_closed: impl Fn(usize) -> bool) -> Option<String> {
        let last = stops.len() - 1;
        let (worst, least) = (stops.iter().map(|stop| stop.value).fold(f64::NEG_INFINITY, f64::max), stops[best].value);
        let is_as_good = |index: usize| stops[index].value <= least + FLAT * (worst - least);
        let (name, trend) = (self.over, self.end.trend());
        let ends = [(0, "smaller"), (last, "larger")].into_iter().filter(|(index, _)| !is_closed(*index));
        if let Some((_, side)) = ends.into_iter().find(|(index, _)| is_as_good(*index)) {
            return Some(format!("the response keeps {trend} towards {side} {name}"));
        }
        let is_at_edge = best == 0 || best == last || !stops[best - 1].joined || !stops[best].joined;
        let at = self.name_of(stops[best].coordinate);
        is_at_edge.then(|| format!("the response keeps {trend} towards {name} = {at}, where the law ends"))
    }

    /// The value of the variable at a coordinate, as text.
    fn name_of(&self, coordinate: f64) -> String {
        rounded(self.axis.value(coordinate), 5)
    }

    fn undefined(&self) -> Refusal {
        Refusal::Undefined(format!("the law has no finite value at any {}", self.over))
    }
}

/// The coordinates between which an extremum is sought.
fn range(axis: Axis, span: Option<Span>, usual: [f64; 2]) -> [f64; 2] {
    match axis {
        Axis::Logarithm => {
            let span = span.filter(|span| span.lowest > 0.0 && span.highest.is_finite());
            let [low, high] = span.map_or(usual, |span| [span.lowest, span.highest]);
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
