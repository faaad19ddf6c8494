//! The loss over model size and data, with rows, budgets and best splits.

use std::f64::consts::LN_10;

use super::axis::{Axis, Scale};
use super::sheet::{Colour, Layer, Sheet};
use super::text::short;
use super::view::View;
use super::{Chart, Drawn};
use crate::fit::Span;
use crate::numeral;
use crate::numerics::{exp, ln};

/// The contour chart.
pub(super) struct Contours;

/// Number of grid points on each side.
const SIDE: usize = 48;
/// Approximate number of lines.
const LEVELS: usize = 9;
/// Number of budgets.
const BUDGETS: usize = 4;

impl Chart for Contours {
    fn kind(&self) -> &'static str {
        "contours"
    }

    fn of_fit(&self, view: &View<'_>) -> Vec<Drawn> {
        if view.splits() { draw(view).into_iter().collect() } else { Vec::new() }
    }
}

fn draw(view: &View<'_>) -> Option<Drawn> {
    let [size, data, _] = view.decided();
    let answers: Vec<_> = view
        .forecasts
        .iter()
        .filter_map(|forecast| Some(((*forecast.at.get(size)?, *forecast.at.get(data)?), forecast)))
        .collect();
    let axis = |name: &str, of: fn(&(f64, f64)) -> f64| {
        let values = view.column(name).iter().copied().chain(answers.iter().map(|(at, _)| of(at)));
        Some(Axis::around(&view.label(name), Scale::Log, values)?.counting(true))
    };
    let (x, y) = (axis(size, |at| at.0)?, axis(data, |at| at.1)?);
    let grid = Grid::of(view, &x, &y);
    let mut layers = budgets(view, &x, &y);
    let mut labels = Vec::new();
    let response = &view.about.law.response;
    for (index, level) in grid.levels().into_iter().enumerate() {
        let lines = grid.contour(level);
        // At the edge of the figure, a label covers few rows.
        let ends = lines.iter().flat_map(|line| line.first().into_iter().chain(line.last()));
        let Some(&end) = ends.max_by(|one, other| one.0.total_cmp(&other.0)) else { continue };
        let label = if index == 0 { format!("{response} of the law") } else { String::new() };
        let series = format!("{response} of the law = {}", numeral::rounded(level, 4));
        layers.push(Layer::line(label, Colour::Sky, joined(lines)).in_table(series));
        labels.push(Layer::text(Colour::Sky, end, short(level, false)));
    }
    layers.extend(view.points(view.column(size), view.column(data)));
    let path: Vec<(f64, f64)> =
        view.curve().iter().filter_map(|place| place.split.map(|split| (split.n, split.d))).collect();
    layers.push(Layer::line("best split", Colour::Orange, path));
    layers.extend(view.answers(&answers, false));
    layers.extend(labels);
    let mut sheet = Sheet::one(format!("{}: {response} over N and D", view.data.name), x, y, layers);
    sheet.aspect = 0.7;
    sheet.note = view.note();
    Some(Drawn::of(
        sheet,
        format!(
            "Lines of equal {response} according to the law, the rows, budgets, and the best split of each budget.{}",
            view.held_in_words()
        ),
    ))
}

/// Joins lines into one, with gaps between them.
fn joined(lines: Vec<Vec<(f64, f64)>>) -> Vec<(f64, f64)> {
    let gap = (f64::NAN, f64::NAN);
    lines.into_iter().flat_map(|line| line.into_iter().chain([gap])).collect()
}

/// Lines of equal budget.
fn budgets(view: &View<'_>, x: &Axis, y: &Axis) -> Vec<Layer> {
    // The cost of two sizes of a figure may exceed the largest double.
    let decades = |n: f64, d: f64| ln(view.cost(n, d).clamp(f64::MIN_POSITIVE, f64::MAX)) / LN_10;
    let (first, last) = (decades(x.low, y.low).ceil() as i32, decades(x.high, y.high).floor() as i32);
    let step = usize::try_from((last - first) / BUDGETS as i32).unwrap_or(0).max(1);
    let mut layers = Vec::new();
    for exponent in (first..=last).step_by(step) {
        let budget = libm::pow(10.0, f64::from(exponent));
        let size = |i: usize| exp(ln(x.low) + i as f64 / (PLACES - 1) as f64 * (ln(x.high) - ln(x.low)));
        let place = |n: f64| view.tokens(n, budget).map(|d| (n, d));
        let line: Vec<(f64, f64)> = (0..PLACES).filter_map(|i| place(size(i))).collect();
        // The picture clips the line at the axes; its label is near the point where it enters.
        let inside: Vec<(f64, f64)> = line.iter().copied().filter(|(_, d)| (y.low..=y.high).contains(d)).collect();
        let Some(&at) = inside.get(inside.len() / 12) else { continue };
        let label = if layers.is_empty() { format!("budget {}", view.price.words()) } else { String::new() };
        let series = format!("budget {}: {} FLOP", view.price.words(), numeral::rounded(budget, 3));
        layers.push(Layer::dashed(label, Colour::Grey, line).in_table(series));
        layers.push(Layer::text(Colour::Grey, at, format!("{} FLOP", short(budget, false))));
    }
    layers
}

/// Points on a line of equal budget.
const PLACES: usize = 49;

/// The law over a grid of logarithms.
struct Grid {
    xs: Vec<f64>,
    ys: Vec<f64>,
    /// Values by column and row.
    values: Vec<Vec<f64>>,
}

impl Grid {
    fn of(view: &View<'_>, x: &Axis, y: &Axis) -> Self {
        let places = |axis: &Axis| -> Vec<f64> {
            let place = |i: usize| ln(axis.low) + (i as f64 / (SIDE - 1) as f64) * (ln(axis.high) - ln(axis.low));
            (0..SIDE).map(|i| exp(place(i))).collect()
        };
        let (xs, ys) = (places(x), places(y));
        let value = |n: f64, d: f64| view.value(&view.data.fit.free, &view.at_sizes(n, d)).unwrap_or(f64::NAN);
        let values = xs.iter().map(|&n| ys.iter().map(|&d| value(n, d)).collect()).collect();
        Self { xs, ys, values }
    }

    /// Round values between the lowest and the highest, closer together where the law is flat.
    fn levels(&self) -> Vec<f64> {
        let known = self.values.iter().flatten().copied().filter(|value| value.is_finite());
        let mut sorted: Vec<f64> = known.collect();
        sorted.sort_by(f64::total_cmp);
        if Span::of(sorted.iter().copied()).is_none_or(|span| span.lowest == span.highest) {
            return Vec::new();
        }
        let share = |i: usize| sorted[(i as f64 / (LEVELS + 1) as f64 * (sorted.len() - 1) as f64) as usize];
        let mut levels: Vec<f64> = (1..=LEVELS).filter_map(|i| format!("{:.1e}", share(i)).parse().ok()).collect();
        levels.dedup();
        levels
    }

    /// The lines on which the law has a value, by marching squares with linear interpolation.
    fn contour(&self, level: f64) -> Vec<Vec<(f64, f64)>> {
        let mut pieces: Vec<[(f64, f64); 2]> = Vec::new();
        for i in 0..SIDE - 1 {
            for j in 0..SIDE - 1 {
                let corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)];
                let crossings: Vec<(f64, f64)> =
                    (0..4).filter_map(|side| self.crossing(corners[side], corners[(side + 1) % 4], level)).collect();
                pieces.extend(crossings.chunks_exact(2).map(|pair| [pair[0], pair[1]]));
            }
        }
        chained(pieces)
    }

    /// The point at which a side of a square meets a level.
    fn crossing(&self, (i, j): (usize, usize), (k, l): (usize, usize), level: f64) -> Option<(f64, f64)> {
        // Both squares that share the side use the same order, so that their ends agree to the bit.
        let ((i, j), (k, l)) = if (i, j) < (k, l) { ((i, j), (k, l)) } else { ((k, l), (i, j)) };
        let (one, other) = (self.values[i][j] - level, self.values[k][l] - level);
        if !(one.is_finite() && other.is_finite()) || (one < 0.0) == (other < 0.0) {
            return None;
        }
        let share = one / (one - other);
        let between = |a: f64, b: f64| exp(ln(a) + share * (ln(b) - ln(a)));
        Some((between(self.xs[i], self.xs[k]), between(self.ys[j], self.ys[l])))
    }
}

/// Joins pieces with common ends into lines.
fn chained(mut pieces: Vec<[(f64, f64); 2]>) -> Vec<Vec<(f64, f64)>> {
    let mut lines = Vec::new();
    while let Some([start, end]) = pieces.pop() {
        let mut line = std::collections::VecDeque::from([start, end]);
        while let (Some(&first), Some(&last)) = (line.front(), line.back()) {
            let next = pieces.iter().position(|[a, b]| [first, last].iter().any(|end| end == a || end == b));
            let Some(index) = next else { break };
            let [a, b] = pieces.swap_remove(index);
            match (a == last, b == last, a == first) {
                (true, ..) => line.push_back(b),
                (_, true, _) => line.push_back(a),
                (_, _, true) => line.push_front(b),
                _ => line.push_front(a),
            }
        }
        lines.push(line.into_iter().collect());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contour_is_the_line_on_which_the_law_has_the_value() {
        let places: Vec<f64> = (0..SIDE).map(|i| exp(i as f64 / 4.0)).collect();
        let values = places.iter().map(|x| places.iter().map(|y| ln(*x) + ln(*y)).collect()).collect();
        let grid = Grid { xs: places.clone(), ys: places, values };
        let lines = grid.contour(9.1);
        assert_eq!(lines.len(), 1, "one line from edge to edge");
        assert!(lines[0].len() > SIDE / 2);
        assert!(lines[0].iter().all(|(x, y)| (ln(*x) + ln(*y) - 9.1).abs() < 1e-9));
    }
}
