//! The best model size and the best amount of data, by budget.

use super::axis::{Axis, Scale};
use super::sheet::{Colour, Layer, Plot, Shape, Sheet};
use super::view::{Forecast, Place, View};
use super::{Chart, Drawn};
use crate::query::Allocation;

/// The chart.
pub(super) struct Frontier;

impl Chart for Frontier {
    fn kind(&self) -> &'static str {
        "frontier"
    }

    fn of_fit(&self, view: &View<'_>) -> Vec<Drawn> {
        if view.splits() { draw(view).into_iter().collect() } else { Vec::new() }
    }
}

fn draw(view: &View<'_>) -> Option<Drawn> {
    let [size, data, _] = view.decided();
    let sizes: [(&str, &str, Part); 2] = [(size, "parameters", |split| split.n), (data, "tokens", |split| split.d)];
    let plot = |(name, unit, of)| plot(view, name, &format!("best {name} ({unit})"), of);
    let plots: Vec<Plot> = sizes.into_iter().filter_map(plot).collect();
    if plots.len() < 2 {
        return None;
    }
    let level = view
        .data
        .fit
        .level
        .filter(|_| plots.iter().flat_map(|plot| &plot.layers).any(|layer| matches!(layer.shape, Shape::Band(_))));
    let band = level.map_or(String::new(), |level| {
        format!(" The band contains {:.0} % of the draws of the parameters.", 100.0 * level)
    });
    let mut sheet = Sheet::of(format!("{}: best split of a budget", view.data.name), plots);
    sheet.note = view.note();
    Some(Drawn::of(
        sheet,
        format!(
            "The best model size and data for each budget according to the law, and the rows.{}{band}",
            view.held_in_words()
        ),
    ))
}

/// One side of a split.
type Part = fn(&Allocation) -> f64;

fn plot(view: &View<'_>, name: &str, label: &str, of: Part) -> Option<Plot> {
    let places = view.curve();
    let fitted = view.fitted_range()?;
    let path = |keep: &dyn Fn(&Place) -> bool| -> Vec<(f64, f64)> {
        places
            .iter()
            .filter(|place| keep(place))
            .filter_map(|place| Some((place.x, of(place.split.as_ref()?))))
            .collect()
    };
    let end = fitted.highest * 1.000_001;
    let inside = path(&|place| place.x <= end);
    let mut outside = path(&|place| place.x > end);
    if let (Some(&last), false) = (inside.last(), outside.is_empty()) {
        outside.insert(0, last);
    }
    let mut layers = Vec::new();
    if let Some(level) = view.data.fit.level {
        let at = |place: &Place| {
            let (low, high) = place.interval(level, |(_, split)| split.as_ref().map(of))?;
            Some((place.x, low, high))
        };
        let band: Vec<(f64, f64, f64)> = places.iter().filter_map(at).collect();
        if band.len() > 1 {
            layers.push(Layer::band(format!("{:.0} % of draws", 100.0 * level), Colour::Orange, band));
        }
    }
    let budgets = view.compute();
    layers.extend(view.points(&budgets, view.column(name)));
    if inside.len() > 1 {
        layers.push(Layer::line("best split", Colour::Orange, inside.clone()));
    }
    if outside.len() > 1 {
        layers.push(Layer::dashed("best split, extrapolated", Colour::Orange, outside.clone()));
    }
    // An answer with its best split has both a size and a budget.
    let forecasts = view.placed_forecasts();
    let answers: Vec<((f64, f64), &Forecast)> =
        forecasts.iter().filter_map(|(c, forecast)| Some(((*c, *forecast.at.get(name)?), *forecast))).collect();
    layers.extend(view.answers(&answers, false));
    let xs = budgets.iter().copied().chain(places.iter().map(|place| place.x));
    let x = Axis::around(&view.price.label(), Scale::Log, xs)?;
    let ys = view.column(name).iter().copied().chain(inside.iter().chain(&outside).map(|point| point.1));
    let ys = ys.chain(answers.iter().map(|((_, y), _)| *y));
    let y = Axis::around(label, Scale::Log, ys)?.counting(true);
    Some(Plot { title: String::new(), x, y, layers })
}
