//! The distribution of each parameter over the draws, with its estimate and its interval.

use super::axis::{Axis, Scale};
use super::sheet::{Colour, Layer, Mark, Plot, Point, Sheet};
use super::view::View;
use super::{Chart, Drawn, region};
use crate::fit::{Estimate, Status};
use crate::numerics::{exp, ln};

/// The chart.
pub(super) struct Parameters;

/// Maximum number of parameters.
const MOST_PLOTS: usize = 9;
/// Minimum number of draws for a distribution.
const ENOUGH: usize = 50;

impl Chart for Parameters {
    fn kind(&self) -> &'static str {
        "parameters"
    }

    fn of_fit(&self, view: &View<'_>) -> Vec<Drawn> {
        draw(view).into_iter().collect()
    }
}

/// An identified parameter with its draws.
pub(super) struct DrawnParameter<'a> {
    pub(super) name: &'a str,
    pub(super) estimate: &'a Estimate,
    pub(super) draws: Vec<f64>,
}

/// The identified parameters with enough draws.
pub(super) fn drawn_parameters<'a>(view: &View<'a>) -> Vec<DrawnParameter<'a>> {
    if view.data.draws.len() < ENOUGH {
        return Vec::new();
    }
    let free = view.about.law.free().into_iter().enumerate();
    let drawn = |(index, parameter): (usize, &'a crate::law::Parameter)| {
        let estimate = view.data.fit.parameters.get(&parameter.name)?;
        let is_told = estimate.status == Status::Estimated && estimate.value.is_some();
        let draws: Vec<f64> = view.data.draws.iter().filter_map(|draw| draw.get(index).copied()).collect();
        (is_told && draws.iter().all(|value| value.is_finite()) && draws.iter().any(|value| *value != draws[0]))
            .then_some(DrawnParameter { name: &parameter.name, estimate, draws })
    };
    free.filter_map(drawn).collect()
}

fn draw(view: &View<'_>) -> Option<Drawn> {
    let all = drawn_parameters(view);
    let plots: Vec<Plot> = all.iter().take(MOST_PLOTS).filter_map(plot).collect();
    if plots.is_empty() {
        return None;
    }
    let level =
        view.data.fit.level.map_or(String::new(), |level| format!(" and their {:.0} % intervals", 100.0 * level));
    let left_out = if all.len() > MOST_PLOTS {
        format!(" The first {MOST_PLOTS} of {} parameters.", all.len())
    } else {
        String::new()
    };
    let mut sheet = Sheet::of(format!("{}: parameters", view.data.name), plots);
    sheet.aspect = 0.5;
    Some(Drawn::of(
        sheet,
        format!(
            "The distribution of {} draws of the parameters, with the estimates{level}.{left_out}",
            view.data.draws.len()
        ),
    ))
}

fn plot(parameter: &DrawnParameter<'_>) -> Option<Plot> {
    let Estimate { value, lower, upper, .. } = parameter.estimate;
    let scale = region::scale(&parameter.draws);
    let log = scale == Scale::Log;
    let place = |value: f64| if log { ln(value) } else { value };
    let back = |place: f64| if log { exp(place) } else { place };
    let mut places: Vec<f64> = parameter.draws.iter().map(|draw| place(*draw)).collect();
    places.sort_by(f64::total_cmp);
    // One percent of the draws at either end may lie outside the plot.
    let cut = places.len() / 100;
    let (low, high) = (places[cut], places[places.len() - 1 - cut]);
    let bins = ((places.len() as f64).sqrt() as usize).clamp(10, 40);
    let width = (high - low) / bins as f64;
    if !(width > 0.0 && width.is_finite()) {
        return None;
    }
    let mut counts = vec![0_usize; bins];
    for value in &places {
        let bin = ((value - low) / width) as isize;
        if (0..=bins as isize).contains(&bin) {
            counts[(bin as usize).min(bins - 1)] += 1;
        }
    }
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let mut steps = Vec::new();
    for (bin, count) in counts.iter().enumerate() {
        let height = *count as f64 / most;
        let end = |i: usize| back(low + i as f64 * width);
        steps.extend([(end(bin), 0.0, height), (end(bin + 1), 0.0, height)]);
    }
    let estimate = Point { interval: lower.zip(*upper), ..Point::new((*value)?, 1.12) };
    let ends = [*lower, *upper, *value].into_iter().flatten();
    let x = Axis::around(parameter.name, scale, [back(low), back(high)].into_iter().chain(ends))?;
    let y = Axis { label: String::new(), scale: Scale::Names(Vec::new()), counts: false, low: 1.25, high: 0.0 };
    let layers = vec![
        Layer::band("draws", Colour::Blue, steps),
        Layer::dots_sideways("estimate and interval", Colour::Orange, Mark::Diamond, vec![estimate]),
    ];
    Some(Plot { title: String::new(), x, y, layers })
}
