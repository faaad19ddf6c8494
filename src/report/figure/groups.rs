//! The groups of a fit in one plot: their rows and their laws.

use std::collections::BTreeSet;

use super::axis::{Axis, Scale};
use super::sheet::{Colour, Layer, Mark, Point, Sheet};
use super::view::{Abscissa, View};
use super::{Chart, Drawn, FitData, Study};

/// The chart.
pub(super) struct Groups;

/// Maximum number of groups in one plot.
const MOST: usize = 6;
/// Maximum number of rows per group.
const MOST_ROWS: usize = 300;

impl Chart for Groups {
    fn kind(&self) -> &'static str {
        "groups"
    }

    fn of_study(&self, study: &Study<'_>) -> Vec<Drawn> {
        let grouped = study.described.fits.iter().filter(|fit| fit.by.is_some());
        grouped.filter_map(|fit| draw(study, study.fits.get(&fit.name)?)).collect()
    }
}

fn draw(study: &Study<'_>, members: &[FitData]) -> Option<Drawn> {
    let of = &members.first()?.of;
    let about = study.described.fit(of)?;
    let with_rows: Vec<&FitData> = members.iter().filter(|data| data.rows.rows() > 0).collect();
    if with_rows.len() < 2 {
        return None;
    }
    let shown = spread(with_rows.len(), MOST);
    let answers = study.answers_of(of);
    let views =
        shown.iter().map(|&index| View::new(study.described, about, with_rows[index], &answers, None, &[], MOST_ROWS));
    let views: Vec<View<'_>> = views.collect();
    if views.iter().any(|view| view.abscissa != views[0].abscissa || view.abscissa == Abscissa::Prediction) {
        return None;
    }
    let response = &about.law.response;
    let (mut layers, mut xs, mut ys, mut leaves, mut finds) = (Vec::new(), Vec::new(), Vec::new(), false, false);
    for (index, view) in views.iter().enumerate() {
        let colour = Colour::of(index);
        let (across, up) = (view.xs(), view.column(response));
        let points: Vec<Point> = view.shown().iter().map(|&row| Point::new(across[row], up[row])).collect();
        let [inside, outside] = view.law_in_parts();
        xs.extend(points.iter().map(|point| point.x));
        ys.extend(points.iter().map(|point| point.y));
        let name = view.data.group.clone().unwrap_or_default();
        let series = |what: &str| format!("{name}: {what}");
        layers.push(Layer::points(name.clone(), colour, Mark::Dot, points).in_table(series("rows")));
        layers.push(Layer::line(name.clone(), colour, inside).in_table(series("law")));
        if outside.len() > 1 {
            leaves = true;
            layers.push(Layer::dashed(name.clone(), colour, outside).in_table(series("law, extrapolated")));
        }
        let places = view.placed_forecasts().into_iter().filter(|(_, forecast)| forecast.is_place);
        let places: Vec<Point> = places.map(|(x, forecast)| Point::new(x, forecast.y)).collect();
        if !places.is_empty() {
            finds = true;
            xs.extend(places.iter().map(|place| place.x));
            ys.extend(places.iter().map(|place| place.y));
            layers.push(Layer::points(name.clone(), colour, Mark::Diamond, places).in_table(series("answers")));
        }
    }
    let by = about.by.clone().unwrap_or_default();
    let axis = |label: &str, values: Vec<f64>| Axis::around(label, Scale::of_sizes(values.iter().copied()), values);
    let x = axis(&views[0].x_label(), xs)?.counting(views[0].x_counts());
    let y = axis(&views[0].label(response), ys)?.counting(views[0].counts(response));
    let dashed = if leaves { ", dashed outside the fitted rows" } else { "" };
    let found = if finds { " Diamonds are answers." } else { "" };
    let part = if views.len() < with_rows.len() {
        format!(" Shown are {} of {} groups, spread over their order.", views.len(), with_rows.len())
    } else {
        String::new()
    };
    Some(Drawn {
        fit: of.clone(),
        ..Drawn::of(
            Sheet::one(format!("{of}: groups by {by}"), x, y, layers),
            format!("The rows of each {by} and its law{dashed}.{found}{part}"),
        )
    })
}

/// The indices of the drawn groups: at most `most`, spread evenly from the first to the last.
pub(super) fn spread(count: usize, most: usize) -> Vec<usize> {
    let most = count.min(most);
    let places = (0..most).map(|i| i * (count - 1) / (most - 1).max(1));
    places.collect::<BTreeSet<usize>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_taken_from_the_first_to_the_last() {
        assert_eq!(spread(3, MOST), [0, 1, 2]);
        let spread = spread(50, MOST);
        assert_eq!((spread.len(), spread[0], spread[5]), (MOST, 0, 49));
    }
}
