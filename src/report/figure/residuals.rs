//! Residuals of a law against the prediction and against every variable.

use super::axis::{Axis, Scale};
use super::sheet::{Colour, Layer, Plot, Sheet};
use super::view::View;
use super::{Chart, Drawn};
use crate::fit::{PREDICTED, RESIDUAL};
use crate::numerics::{exp, median};

/// The chart.
pub(super) struct Residuals;

/// Maximum number of plots per fit.
const MOST_PLOTS: usize = 6;
/// Minimum number of rows for a line of medians.
const ENOUGH: usize = 32;
/// Maximum number of parts of the rows with a median, and minimum number of rows in a part.
const PARTS: usize = 8;
const FEWEST_IN_PART: usize = 8;

/// The range that a plot has at least, so that rounding errors look like zero.
const ROUNDING: [f64; 2] = [-1e-6, 1e-6];

impl Chart for Residuals {
    fn kind(&self) -> &'static str {
        "residuals"
    }

    fn is_of_many(&self) -> bool {
        true
    }

    fn of_fit(&self, view: &View<'_>) -> Vec<Drawn> {
        draw(view).into_iter().collect()
    }
}

fn draw(view: &View<'_>) -> Option<Drawn> {
    let (predicted, observed) = (view.column(PREDICTED), view.column(&view.about.law.response));
    // A value that is not above zero has no relative error.
    let is_relative = predicted.iter().chain(observed).all(|value| *value > 0.0 || !value.is_finite());
    let residuals: Vec<f64> = if is_relative {
        view.column(RESIDUAL).iter().map(|r| 100.0 * (exp(*r) - 1.0)).collect()
    } else {
        predicted.iter().zip(observed).map(|(predicted, observed)| predicted - observed).collect()
    };
    let label = if is_relative {
        "residual (%)".to_owned()
    } else {
        view.label(&view.about.law.response).replacen(&view.about.law.response, "residual", 1)
    };
    let y = Axis::around(&label, Scale::Linear, residuals.iter().copied().filter(|r| r.is_finite()).chain(ROUNDING))?;
    let mut has_medians = false;
    let plots: Vec<Plot> = axes(view)
        .into_iter()
        .map(|(x, xs)| {
            let zero = Layer::line("", Colour::Grey, vec![(x.low, 0.0), (x.high, 0.0)]).in_table("zero");
            let mut layers = vec![zero];
            layers.extend(view.points(&xs, &residuals));
            if let Some(line) = medians(&xs, &residuals, view) {
                has_medians = true;
                layers.push(Layer::line("medians of neighbouring rows", Colour::Orange, line));
            }
            Plot { title: String::new(), x, y: y.clone(), layers }
        })
        .collect();
    if plots.is_empty() {
        return None;
    }
    let mut sheet = Sheet::of(format!("{}: residuals", view.data.name), plots);
    sheet.note = view.note();
    let what = if is_relative { "prediction over observation − 1" } else { "prediction − observation" };
    let medians = if has_medians { " The line joins medians." } else { "" };
    Some(Drawn::of(
        sheet,
        format!(
            "Residuals by row: {what}, so values above zero are predictions that are too high. A trend or a bend \
             indicates an error of the law.{medians}"
        ),
    ))
}

/// The horizontal axes with the values of the rows: the prediction, the varying variables, and compute.
fn axes(view: &View<'_>) -> Vec<(Axis, Vec<f64>)> {
    let predicted = view.column(PREDICTED).to_vec();
    let scale = if predicted.iter().all(|p| *p > 0.0) { Scale::Log } else { Scale::Linear };
    let mut all: Vec<(Axis, Vec<f64>)> = Axis::around(&view.predicted_label(), scale, predicted.iter().copied())
        .map(|axis| (axis.counting(view.counts(&view.about.law.response)), predicted))
        .into_iter()
        .collect();
    for variable in &view.about.law.variables {
        let column = view.column(&variable.name).to_vec();
        let varies = column.iter().any(|value| *value != column[0]);
        if varies && !variable.is_of_knot() {
            all.extend(view.axis(&variable.name, column.iter().copied()).map(|axis| (axis, column)));
        }
    }
    if view.derives_compute() {
        let compute = view.compute();
        all.extend(Axis::around(&view.price.label(), Scale::Log, compute.iter().copied()).map(|axis| (axis, compute)));
    }
    all.truncate(MOST_PLOTS);
    all
}

/// Medians of groups of the fitted rows along an axis, of about equal size. Rows at one place are in one group.
fn medians(xs: &[f64], ys: &[f64], view: &View<'_>) -> Option<Vec<(f64, f64)>> {
    let mut rows: Vec<(f64, f64)> = view.fitted().map(|row| (xs[row], ys[row])).collect();
    rows.retain(|(x, y)| x.is_finite() && y.is_finite());
    rows.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)));
    if rows.len() < ENOUGH {
        return None;
    }
    let middle = |part: &[(f64, f64)]| {
        let of = |pick: fn(&(f64, f64)) -> f64| median(&part.iter().map(pick).collect::<Vec<_>>());
        (of(|row| row.0), of(|row| row.1))
    };
    let size = rows.len().div_ceil(PARTS).max(FEWEST_IN_PART);
    let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
    for place in rows.chunk_by(|one, other| one.0 == other.0) {
        match parts.last_mut().filter(|part| part.len() < size && place.len() < size) {
            Some(part) => part.extend(place),
            None => parts.push(place.to_vec()),
        }
    }
    let line: Vec<(f64, f64)> = parts.iter().map(|part| middle(part)).collect();
    (line.len() > 2).then_some(line)
}
