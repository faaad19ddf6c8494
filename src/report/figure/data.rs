//! A law with its rows, its interval band, its extrapolation and the answers.

use super::axis::{Axis, Scale};
use super::sheet::{Colour, Layer, Shape, Sheet};
use super::view::{Abscissa, Place, View};
use super::{Chart, Drawn};

/// The chart.
pub(super) struct Data;

/// Its kind.
pub(super) const KIND: &str = "fit";

impl Chart for Data {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn is_of_many(&self) -> bool {
        true
    }

    fn of_fit(&self, view: &View<'_>) -> Vec<Drawn> {
        draw(view).into_iter().collect()
    }
}

fn draw(view: &View<'_>) -> Option<Drawn> {
    let name = &view.data.name;
    let response = &view.about.law.response;
    let observed = view.column(response).to_vec();
    let xs = view.xs();
    let forecasts = view.placed_forecasts();
    let mut layers = Vec::new();
    if view.abscissa == Abscissa::Prediction {
        let all = || xs.iter().chain(&observed).copied();
        let ends = Axis::around("", Scale::of_sizes(all()), all())?;
        layers.push(Layer::line("equal", Colour::Grey, vec![(ends.low, ends.low), (ends.high, ends.high)]));
    } else {
        layers.extend(range(view));
        layers.extend(curve(view));
    }
    let curve_ends: Vec<f64> = view.curve().iter().filter_map(|place| place.value).collect();
    layers.extend(view.points(&xs, &observed));
    let places: Vec<_> = forecasts.iter().map(|(x, forecast)| ((*x, forecast.y), *forecast)).collect();
    layers.extend(view.answers(&places, true));
    let across = forecasts.iter().filter_map(|(_, forecast)| forecast.across).flat_map(|(low, high)| [low, high]);
    let all_x: Vec<f64> = xs.iter().copied().chain(forecasts.iter().map(|(x, _)| *x)).collect();
    let x_axis = Axis::around("", view.x_scale(), all_x.iter().copied())?;
    let across: Vec<f64> = across.map(|end| x_axis.nearest_within_reach(end)).collect();
    let all_y: Vec<f64> =
        observed.iter().copied().chain(forecasts.iter().map(|(_, f)| f.y)).chain(curve_ends).collect();
    let ends = forecasts.iter().filter_map(|(_, f)| f.interval).flat_map(|(low, high)| [low, high]);
    let scale = Scale::of_sizes(observed.iter().copied().chain(forecasts.iter().map(|(_, forecast)| forecast.y)));
    let y_axis = Axis::around("", scale.clone(), all_y.iter().copied())?;
    let ends: Vec<f64> = ends.map(|end| y_axis.nearest_within_reach(end)).collect();
    let x = Axis::around(&view.x_label(), view.x_scale(), all_x.into_iter().chain(across))?.counting(view.x_counts());
    let y = Axis::around(&view.label(response), scale, all_y.into_iter().chain(ends))?.counting(view.counts(response));
    let mut sheet = Sheet::one(format!("{name}: {response} and the law"), x, y, layers);
    sheet.note = view.note();
    let cut = sheet.cut_in_words();
    Some(Drawn::of(sheet, format!("{}{cut}", caption(view))))
}

/// The range of the fitted rows, where the figure goes beyond it.
fn range(view: &View<'_>) -> Option<Layer> {
    let fitted = view.fitted_range()?;
    let beyond = view.curve().last().is_some_and(|place| place.x > fitted.highest * 1.05);
    let shape = Shape::Range(fitted.lowest, fitted.highest);
    beyond.then(|| Layer::of("range of fitted rows", Colour::Grey, shape))
}

/// The law with its band, dashed outside the rows.
fn curve(view: &View<'_>) -> Vec<Layer> {
    if view.fitted_range().is_none() {
        return Vec::new();
    }
    let places = view.curve();
    let mut layers = Vec::new();
    if let Some(level) = view.data.fit.level {
        let at = |place: &Place| {
            let (low, high) = place.interval(level, |(value, _)| Some(*value))?;
            Some((place.x, low, high))
        };
        let band: Vec<(f64, f64, f64)> = places.iter().filter_map(at).collect();
        if band.len() > 1 {
            layers.push(Layer::band(format!("{:.0} % of draws", 100.0 * level), Colour::Blue, band));
        }
    }
    let [inside, outside] = view.law_in_parts();
    let label = match view.abscissa {
        Abscissa::Compute if view.ray().is_some() => "law, along the ray",
        Abscissa::Compute => "law, best split",
        _ => "law",
    };
    if inside.len() > 1 {
        layers.push(Layer::line(label, Colour::Blue, inside));
    }
    if outside.len() > 1 {
        layers.push(Layer::dashed(format!("{label}, extrapolated"), Colour::Blue, outside));
    }
    layers
}

/// A description of what is drawn.
fn caption(view: &View<'_>) -> String {
    let leaves =
        view.fitted_range().zip(view.curve().last()).is_some_and(|(fitted, last)| last.x > fitted.highest * 1.05);
    let dashed = if leaves { "; dashed outside them" } else { "" };
    let what = match view.abscissa {
        Abscissa::Variable(_) => format!("The law and its rows{dashed}."),
        Abscissa::Compute if view.ray().is_some() => {
            format!("The law along the one ray of tokens per parameter on which all rows lie{dashed}.")
        }
        Abscissa::Compute => format!(
            "The rows, and the law at the best split of each budget{dashed}. A row lies above the line if its \
             budget was split differently.{}",
            view.held_in_words()
        ),
        Abscissa::Prediction => "Predicted and observed value of each row.".to_owned(),
    };
    let level = view.data.fit.level.filter(|level| {
        view.curve().iter().filter(|place| place.interval(*level, |(value, _)| Some(*value)).is_some()).count() > 1
    });
    let band = level.map_or(String::new(), |level| {
        format!(" The band contains {:.0} % of the draws of the parameters.", 100.0 * level)
    });
    let placed = view.placed_forecasts();
    let with_intervals = placed.iter().any(|(_, forecast)| forecast.interval.or(forecast.across).is_some());
    let answers = match (placed.is_empty(), with_intervals) {
        (true, _) => "",
        (false, true) => " Diamonds are answers with their intervals.",
        (false, false) => " Diamonds are answers.",
    };
    format!("{what}{band}{answers}")
}
