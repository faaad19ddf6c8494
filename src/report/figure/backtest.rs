//! Errors of forecasts of later rows, by distance.

use super::axis::{Axis, Scale};
use super::sheet::{Colour, Layer, Mark, Point, Shape, Sheet};
use super::view::View;
use super::{Chart, Drawn};
use crate::numerics::exp;

/// The chart of a backtest.
pub(super) struct Backtest;

/// Maximum number of forecasts drawn with intervals; more intervals would hide the points.
const MOST_INTERVALS: usize = 60;

impl Chart for Backtest {
    fn kind(&self) -> &'static str {
        "backtest"
    }

    fn of_fit(&self, view: &View<'_>) -> Vec<Drawn> {
        draw(view).into_iter().collect()
    }
}

fn draw(view: &View<'_>) -> Option<Drawn> {
    let backtest = view.data.fit.backtest.as_ref()?;
    let distances = backtest.law.points.iter().map(|(distance, ..)| *distance);
    let x = Axis::around(
        &format!("{} over the largest known (times)", backtest.along),
        Scale::Log,
        distances.chain([1.0]),
    )?;
    let pasts = [(&backtest.law, Colour::Blue, Mark::Dot, "the law")]
        .into_iter()
        .chain(backtest.several_laws.as_ref().map(|past| (past, Colour::Orange, Mark::Ring, "several laws")));
    let mut layers = vec![Layer::line("", Colour::Grey, vec![(x.low, 0.0), (x.high, 0.0)]).in_table("zero")];
    let mut values = vec![0.0];
    let mut intervals = 0;
    for (past, colour, mark, label) in pasts {
        let percent = |log: f64| 100.0 * (exp(log) - 1.0);
        let are_shown = past.points.len() <= MOST_INTERVALS;
        let point = |(distance, log, half): &(f64, f64, Option<f64>)| {
            let interval = half.filter(|_| are_shown).map(|half| (percent(log - half), percent(log + half)));
            Point { interval, ..Point::new(*distance, percent(*log)) }
        };
        let points: Vec<Point> = past.points.iter().map(point).collect();
        values.extend(points.iter().map(|point| point.y));
        intervals += points.iter().filter(|point| point.interval.is_some()).count();
        layers.push(Layer::points(label, colour, mark, points));
    }
    // The axis has room for intervals up to twice as far as the points; longer ones end in arrow heads.
    let reach = values.iter().copied().map(f64::abs).fold(0.0, f64::max);
    let ends = layers.iter().flat_map(|layer| match &layer.shape {
        Shape::Points { points, .. } => points.iter().filter_map(|point| point.interval).collect(),
        _ => Vec::new(),
    });
    let ends: Vec<f64> = ends.flat_map(|(low, high)| [low.max(-2.0 * reach), high.min(2.0 * reach)]).collect();
    let y = Axis::around("forecast over observation − 1 (%)", Scale::Linear, values.into_iter().chain(ends))?;
    let shown = if intervals > 0 { " An interval that excludes zero missed its row." } else { "" };
    let sheet = Sheet::one(format!("{}: forecasts of later runs", view.data.name), x, y, layers);
    let cut = sheet.cut_in_words();
    let caption = format!(
        "Errors of forecasts by distance: at each origin along {}, only smaller runs were fitted, and all \
         larger ones were forecast.{shown}{cut}",
        backtest.along
    );
    Some(Drawn::of(sheet, caption))
}
