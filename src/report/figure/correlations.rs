//! Correlations of the parameters over the draws.

use super::axis::{Axis, Scale};
use super::sheet::{Colour, Layer, Shape, Sheet};
use super::view::View;
use super::{Chart, Drawn, parameters, region};
use crate::numerics::{ln, mean};

/// The chart.
pub(super) struct Correlations;

/// Maximum number of parameters in a readable table.
const MOST: usize = 14;

impl Chart for Correlations {
    fn kind(&self) -> &'static str {
        "correlations"
    }

    fn of_fit(&self, view: &View<'_>) -> Vec<Drawn> {
        draw(view).into_iter().collect()
    }
}

fn draw(view: &View<'_>) -> Option<Drawn> {
    let mut all = parameters::drawn_parameters(view);
    if all.len() < 2 {
        return None;
    }
    all.truncate(MOST);
    // A parameter whose uncertainty is a factor varies evenly in its logarithm.
    let columns: Vec<Vec<f64>> = all
        .iter()
        .map(|parameter| match region::scale(&parameter.draws) {
            Scale::Log => parameter.draws.iter().map(|draw| ln(*draw)).collect(),
            _ => parameter.draws.clone(),
        })
        .collect();
    let mut cells = Vec::new();
    for (row, one) in columns.iter().enumerate() {
        for (column, other) in columns.iter().enumerate().take(row + 1) {
            cells.push((column, row, correlation(one, other)?));
        }
    }
    let names: Vec<String> = all.iter().map(|parameter| parameter.name.to_owned()).collect();
    let (x, y) = (Axis::of_names("", names.clone()), Axis::of_names("", names));
    let layers = vec![Layer::of("", Colour::Blue, Shape::Cells(cells)).in_table("correlation")];
    Some(Drawn::of(
        Sheet::one(format!("{}: correlations of parameters", view.data.name), x, y, layers),
        "Correlations of the parameters over the draws, of logarithms where draws span more than a decade. Near \
         1 or −1, the rows determine a combination of two parameters better than each of them.",
    ))
}

/// Pearson's correlation; `None` where one of the two does not vary.
fn correlation(one: &[f64], other: &[f64]) -> Option<f64> {
    let (a, b) = (mean(one), mean(other));
    let sum = |f: &dyn Fn(f64, f64) -> f64| one.iter().zip(other).map(|(x, y)| f(x - a, y - b)).sum::<f64>();
    let (across, along, both) = (sum(&|x, _| x * x), sum(&|_, y| y * y), sum(&|x, y| x * y));
    let value = both / (across * along).sqrt();
    value.is_finite().then(|| value.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_are_those_of_pearson() {
        let one = [1.0, 2.0, 3.0, 4.0];
        assert!((correlation(&one, &[2.0, 4.0, 6.0, 8.0]).unwrap() - 1.0).abs() < 1e-12);
        assert!((correlation(&one, &[4.0, 3.0, 2.0, 1.0]).unwrap() + 1.0).abs() < 1e-12);
        // (1, 2, 3, 4) against (1, 3, 2, 4) by hand: 4 / 5.
        assert!((correlation(&one, &[1.0, 3.0, 2.0, 4.0]).unwrap() - 0.8).abs() < 1e-12);
        assert!(correlation(&one, &[1.0; 4]).is_none());
    }
}
