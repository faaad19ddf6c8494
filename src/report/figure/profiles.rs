//! Profiles of the parameters: how much the objective rises if one is held and all others are fitted again.

use std::fmt::Write as _;

use super::axis::{Axis, Scale};
use super::sheet::{Colour, Layer, Mark, Plot, Point, Sheet};
use super::view::View;
use super::{Chart, Drawn, region};
use crate::evidence::in_words;
use crate::fit::{Estimate, ProfileCurve, Status};
use crate::law;
use crate::numeral;

/// The chart.
pub(super) struct Profiles;

/// Maximum number of parameters.
const MOST_PLOTS: usize = 9;
/// Height of a plot in rises at which the intervals end: a little more than the curves have beyond them.
const HEIGHT: f64 = 1.65;
/// Room below a rise of zero, so that the estimate is drawn whole.
const FOOT: f64 = 0.1;

impl Chart for Profiles {
    fn kind(&self) -> &'static str {
        "profiles"
    }

    fn of_fit(&self, view: &View<'_>) -> Vec<Drawn> {
        draw(view).into_iter().collect()
    }
}

/// A profile with its estimate.
struct Profiled<'a> {
    curve: &'a ProfileCurve,
    estimate: &'a Estimate,
    scale: Scale,
}

fn draw(view: &View<'_>) -> Option<Drawn> {
    let fit = &view.data.fit;
    let free = view.about.law.free();
    let profiled = |curve| Profiled::of(curve, fit.parameters.get(&curve.parameter)?, &free);
    let all: Vec<Profiled<'_>> = fit.profiles.iter().filter_map(profiled).collect();
    let shown = &all[..all.len().min(MOST_PLOTS)];
    let plots: Vec<Plot> = shown.iter().filter_map(Profiled::plot).collect();
    if plots.is_empty() {
        return None;
    }
    let mut sheet = Sheet::of(format!("{}: profiles of parameters", view.data.name), plots);
    sheet.aspect = if shown.len() == 1 { 0.5 } else { 0.75 };
    let caption = caption(shown, all.len(), free.len());
    Some(Drawn::of(sheet, caption))
}

/// The description of the curves, and of those whose interval has no end.
fn caption(shown: &[Profiled<'_>], all: usize, free: usize) -> String {
    let mut caption = "The rise of the objective above its minimum if a parameter is held and all others are fitted \
         again, in units of half the objective's dispersion."
        .to_owned();
    if let Some(first) = shown.first() {
        let _ = write!(
            caption,
            " The {} interval of a parameter is where its curve is below the dashed line, the quantile of F. A law that \
             is linear in its parameters has parabolas (Bates and Watts 1988).",
            percent(first.curve.level)
        );
    }
    for (words, has) in ASIDES {
        let names: Vec<&str> = shown.iter().filter(|one| has(one)).map(|one| one.curve.parameter.as_str()).collect();
        if !names.is_empty() {
            caption.push_str(&words(&in_words(&names)));
        }
    }
    if all > shown.len() {
        let _ = write!(caption, " The first {} of {all} curves.", shown.len());
    }
    if all < free {
        let _ = write!(caption, " {all} of {free} free parameters have a curve.");
    }
    caption
}

fn percent(level: f64) -> String {
    format!("{:.0} %", 100.0 * level)
}

/// A remark on the named parameters, and whether it applies to one.
type Aside = (fn(&str) -> String, fn(&Profiled<'_>) -> bool);

/// The remarks of a caption, in order.
const ASIDES: [Aside; 6] = [
    (|names| format!(" The rows do not identify {names}: no estimate is marked."), |one| !one.is_identified()),
    (|names| format!(" The estimate of {names} is on a bound, where the curve begins."), |one| one.is_on_bound()),
    (
        |names| {
            format!(" The rows set no lower limit for {names}: to the left, the curve does not end above the line.")
        },
        |one| one.is_open(0),
    ),
    (
        |names| {
            format!(" The rows set no upper limit for {names}: to the right, the curve does not end above the line.")
        },
        |one| one.is_open(1),
    ),
    (
        |names| format!(" No interval of {names} is marked: the objective is flat in some direction."),
        |one| one.is_without_interval(),
    ),
    (
        |names| format!(" The curve of {names} crosses the line again: values outside the interval fit as well."),
        |one| one.returns(),
    ),
];

impl<'a> Profiled<'a> {
    fn of(curve: &'a ProfileCurve, estimate: &'a Estimate, free: &[&law::Parameter]) -> Option<Self> {
        let parameter = free.iter().find(|parameter| parameter.name == curve.parameter)?;
        let values: Vec<f64> = curve.points.iter().map(|[value, _]| *value).collect();
        let is_positive = values.iter().all(|value| *value > 0.0);
        let scale = if parameter.scale == law::Scale::Log && is_positive { Scale::Log } else { region::scale(&values) };
        (curve.points.len() > 1).then_some(Self { curve, estimate, scale })
    }

    fn is_identified(&self) -> bool {
        self.estimate.status != Status::NotIdentified
    }

    fn is_on_bound(&self) -> bool {
        matches!(self.estimate.status, Status::AtLowerBound | Status::AtUpperBound)
    }

    /// Whether a side has no end although the estimate is not on the bound of that side.
    fn is_open(&self, side: usize) -> bool {
        let at_bound = [Status::AtLowerBound, Status::AtUpperBound][side];
        let end = [self.estimate.lower, self.estimate.upper][side];
        !self.curve.closed[side] && end.is_none() && self.estimate.status != at_bound
    }

    /// Whether the curve has an end that the fit does not give as one of an interval.
    fn is_without_interval(&self) -> bool {
        let Estimate { lower, upper, .. } = self.estimate;
        self.is_identified() && self.curve.closed.contains(&true) && lower.is_none() && upper.is_none()
    }

    /// Whether the curve is above the line somewhere on a side without an end.
    fn returns(&self) -> bool {
        let Some(lowest) = self.curve.points.iter().position(|[_, rise]| *rise == 0.0) else { return false };
        let sides = [&self.curve.points[..lowest], &self.curve.points[lowest..]];
        let is_above = |side: &[[f64; 2]]| side.iter().any(|[_, rise]| *rise > self.curve.threshold);
        sides.into_iter().zip(self.curve.closed).any(|(side, closed)| !closed && is_above(side))
    }

    /// What the title of the plot says; empty for a parameter with both ends.
    fn title(&self) -> String {
        let name = &self.curve.parameter;
        match [self.is_open(0), self.is_open(1)] {
            _ if !self.is_identified() || self.is_on_bound() => format!("{name}: {}", self.estimate.status.describe()),
            [true, true] => format!("{name}: no limits"),
            [true, false] => format!("{name}: no lower limit"),
            [false, true] => format!("{name}: no upper limit"),
            [false, false] => String::new(),
        }
    }

    fn plot(&self) -> Option<Plot> {
        let Self { curve, estimate, .. } = self;
        let threshold = curve.threshold;
        let line: Vec<(f64, f64)> = curve.points.iter().map(|[value, rise]| (*value, *rise)).collect();
        let x = Axis::around(&curve.parameter, self.scale.clone(), line.iter().map(|(value, _)| *value))?;
        let y = Axis {
            label: "rise (F)".to_owned(),
            scale: Scale::Linear,
            counts: false,
            low: -FOOT * threshold,
            high: HEIGHT * threshold,
        };
        let level = format!("{} interval: F = {}", percent(curve.level), numeral::digits(threshold, 3));
        let mut layers = vec![
            Layer::dashed(level, Colour::Grey, vec![(x.low, threshold), (x.high, threshold)]),
            Layer::line("profile", Colour::Blue, line),
        ];
        let ends: Vec<Point> =
            [estimate.lower, estimate.upper].into_iter().flatten().map(|end| Point::new(end, threshold)).collect();
        if !ends.is_empty() {
            layers.push(Layer::points("end of the interval", Colour::Orange, Mark::Ring, ends));
        }
        if let Some(value) = estimate.value {
            layers.push(Layer::points("estimate", Colour::Orange, Mark::Diamond, vec![Point::new(value, 0.0)]));
        }
        Some(Plot { title: self.title(), x, y, layers })
    }
}
