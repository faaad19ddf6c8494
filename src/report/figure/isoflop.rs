//! The loss at given budgets by model size, with the minima and the path of the best split.

use super::axis::{Axis, Scale};
use super::sheet::{Colour, Layer, Mark, Point, Sheet};
use super::text::short;
use super::view::View;
use super::{Chart, Drawn};
use crate::fit::Span;
use crate::numerics::{exp, ln};
use crate::query::{Allocation, Trail};

/// The chart of isoFLOP curves.
pub(super) struct Isoflop;

/// Number of budgets with curves.
const BUDGETS: usize = 5;
/// Number of points on a curve.
const STEPS: usize = 40;
/// Smallest factor by which a curve extends below and above the best model size.
const LEAST_WIDTH: f64 = 8.0;
/// Largest such factor, where the rows extend farther.
const MOST_WIDTH: f64 = 40.0;
/// A row belongs to a budget within this factor.
const CLOSE: f64 = 1.15;

impl Chart for Isoflop {
    fn kind(&self) -> &'static str {
        "isoflop"
    }

    fn of_fit(&self, view: &View<'_>) -> Vec<Drawn> {
        if view.splits() { draw(view).into_iter().collect() } else { Vec::new() }
    }
}

/// A budget with its best split and its curve.
struct Curve {
    budget: f64,
    best: Allocation,
    points: Vec<(f64, f64)>,
}

fn draw(view: &View<'_>) -> Option<Drawn> {
    let budgets = budgets(view)?;
    let sizes = Span::of(view.column(view.decided()[0]).iter().copied())?;
    let curves: Vec<Curve> = budgets.into_iter().filter_map(|budget| curve(view, budget, sizes)).collect();
    if curves.len() < 2 {
        return None;
    }
    let (compute_of, losses) = (view.compute(), view.column(&view.about.law.response));
    let mut layers = Vec::new();
    let mut all: Vec<(f64, f64)> = Vec::new();
    let mut has_rows = false;
    for (index, curve) in curves.iter().enumerate() {
        let colour = Colour::of(index);
        let close = |row: &usize| {
            let ratio = compute_of[*row] / curve.budget;
            (1.0 / CLOSE..=CLOSE).contains(&ratio)
        };
        let rows = view.shown().iter().copied().filter(close);
        let points: Vec<Point> =
            rows.map(|row| view.point(row, view.column(view.decided()[0])[row], losses[row])).collect();
        has_rows |= !points.is_empty();
        all.extend(points.iter().map(|point| (point.x, point.y)));
        all.extend(&curve.points);
        let name = format!("{} FLOP", short(curve.budget, false));
        let line = curve.points.clone();
        let end = line.last().copied();
        layers.push(Layer::line(&name, colour, line));
        layers.extend(end.map(|end| Layer::text(colour, end, name.clone())));
        layers.push(Layer::points("", colour, Mark::Dot, points).in_table(format!("rows near {name}")));
    }
    let minima: Vec<(f64, f64)> = curves.iter().map(|curve| (curve.best.n, curve.best.response)).collect();
    let diamonds = minima.iter().map(|&(n, loss)| Point::new(n, loss)).collect();
    layers.push(Layer::dashed("path of the best split", Colour::Ink, minima));
    layers.push(Layer::points("minimum", Colour::Ink, Mark::Diamond, diamonds));
    let x = Axis::around(&view.label(view.decided()[0]), Scale::Log, all.iter().map(|point| point.0))?.counting(true);
    let response = &view.about.law.response;
    let y = Axis::around(&view.label(response), Scale::Log, all.iter().map(|point| point.1))?;
    let mut sheet = Sheet::one(format!("{}: isoFLOP curves", view.data.name), x, y, layers);
    sheet.note = view.note();
    let rows = if has_rows {
        format!(" Dots are rows whose {} is within {:.0} % of the budget.", view.price.words(), 100.0 * (CLOSE - 1.0))
    } else {
        String::new()
    };
    Some(Drawn::of(
        sheet,
        format!(
            "The law at each budget by model size, with the rest of the budget spent on data; the minima are \
             the best splits.{}{rows}",
            view.held_in_words()
        ),
    ))
}

/// The budgets near which most rows lie, or some over the range of the rows.
fn budgets(view: &View<'_>) -> Option<Vec<f64>> {
    let of_rows = view.compute();
    let mut fitted: Vec<f64> = view.fitted().map(|row| of_rows[row]).filter(|c| *c > 0.0 && c.is_finite()).collect();
    fitted.sort_by(f64::total_cmp);
    let span = Span::of(fitted.iter().copied())?;
    let grouped = clusters(&fitted);
    if grouped.len() >= 3 && grouped.len() <= 12 {
        let step = (grouped.len() - 1) as f64 / (BUDGETS.min(grouped.len()) - 1) as f64;
        let picked = (0..BUDGETS.min(grouped.len())).map(|i| grouped[(i as f64 * step).round() as usize]);
        return Some(picked.collect());
    }
    let place = |share: f64| exp(ln(span.lowest) + share * (ln(span.highest) - ln(span.lowest)));
    let even = (0..BUDGETS).map(|i| place(i as f64 / (BUDGETS - 1) as f64));
    // One significant digit is enough for budgets.
    let mut rounded: Vec<f64> = even.filter_map(|budget| format!("{budget:.0e}").parse().ok()).collect();
    rounded.dedup();
    Some(rounded)
}

/// The middle of each group of equal budgets, if the rows are isoFLOP profiles.
fn clusters(sorted: &[f64]) -> Vec<f64> {
    let mut groups: Vec<Vec<f64>> = Vec::new();
    for &budget in sorted {
        match groups.last_mut().filter(|group| group.last().is_some_and(|last| budget < last * CLOSE)) {
            Some(group) => group.push(budget),
            None => groups.push(vec![budget]),
        }
    }
    let tight = |group: &&Vec<f64>| group.len() >= 3 && group[group.len() - 1] < group[0] * CLOSE * CLOSE;
    let kept: Vec<&Vec<f64>> = groups.iter().filter(tight).collect();
    let inside: usize = kept.iter().map(|group| group.len()).sum();
    if 2 * inside < sorted.len() {
        return Vec::new();
    }
    kept.into_iter().map(|group| group[group.len() / 2]).collect()
}

fn curve(view: &View<'_>, budget: f64, sizes: Span) -> Option<Curve> {
    let free = &view.data.fit.free;
    let best = view.split(free, budget, &Trail::default())?;
    let width = |factor: f64| factor.clamp(LEAST_WIDTH, MOST_WIDTH);
    let (low, high) = (best.n / width(best.n / sizes.lowest), best.n * width(sizes.highest / best.n));
    let size = |i: usize| exp(ln(low) + (i as f64 / STEPS as f64) * (ln(high) - ln(low)));
    let point = |n: f64| {
        let d = view.tokens(n, budget)?;
        Some((n, view.value(free, &view.at_sizes(n, d))?))
    };
    Some(Curve { budget, best, points: (0..=STEPS).filter_map(|i| point(size(i))).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_of_a_few_budgets_are_isoflop_profiles() {
        let profiles: Vec<f64> =
            [1e18, 1e19, 1e20].into_iter().flat_map(|c| [0.98 * c, c, 1.03 * c, 1.05 * c]).collect();
        assert_eq!(clusters(&profiles), [1.03e18, 1.03e19, 1.03e20]);
        let scattered: Vec<f64> = (0..60).map(|i| 1e18 * exp(0.1 * f64::from(i))).collect();
        assert!(clusters(&scattered).is_empty());
    }
}
