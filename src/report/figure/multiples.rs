//! Several fits of the same rows in groups: a small plot for each group with the law of each fit.

use std::collections::BTreeMap;

use super::axis::{Axis, Scale};
use super::groups::spread;
use super::sheet::{Colour, Layer, Mark, Plot, Shape, Sheet};
use super::view::{Abscissa, View};
use super::{Chart, Drawn, FitData, Study};
use crate::fit::HELD;
use crate::report::DescribedFit;

/// The chart of small multiples.
pub(super) struct Multiples;

/// Maximum numbers of groups, and of laws in each.
const MOST_GROUPS: usize = 9;
const MOST_LAWS: usize = 5;
/// Maximum number of rows of a group.
const MOST_ROWS: usize = 120;

impl Chart for Multiples {
    fn kind(&self) -> &'static str {
        "multiples"
    }

    fn of_study(&self, study: &Study<'_>) -> Vec<Drawn> {
        let mut sets: BTreeMap<[&str; 3], Vec<&DescribedFit>> = BTreeMap::new();
        for fit in &study.described.fits {
            if let (Some(by), Some(rows)) = (&fit.by, &fit.rows) {
                sets.entry([rows, by, &fit.law.response]).or_default().push(fit);
            }
        }
        sets.into_iter().filter_map(|([_, by, response], fits)| draw(study, by, response, &fits)).collect()
    }
}

fn draw(study: &Study<'_>, by: &str, response: &str, fits: &[&DescribedFit]) -> Option<Drawn> {
    if fits.len() < 2 {
        return None;
    }
    let first = study.fits.get(&fits[0].name)?;
    let groups: Vec<&str> =
        first.iter().filter(|data| data.rows.rows() > 0).filter_map(|data| data.group.as_deref()).collect();
    if groups.len() < 2 {
        return None;
    }
    let fits = &fits[..fits.len().min(MOST_LAWS)];
    let shown = spread(groups.len(), MOST_GROUPS);
    let plots = shown.iter().filter_map(|&at| plot(study, response, fits, groups[at])).collect::<Vec<_>>();
    if plots.len() < 2 {
        return None;
    }
    let part = if plots.len() < groups.len() {
        format!(" Shown are {} of {} groups, spread over their order.", plots.len(), groups.len())
    } else {
        String::new()
    };
    let is_dashed = |layer: &Layer| matches!(layer.shape, Shape::Line { dashed: true, .. });
    let leaves = plots.iter().flat_map(|plot| &plot.layers).any(is_dashed);
    let dashed = if leaves { ", dashed outside the fitted rows" } else { "" };
    let mut sheet = Sheet::of(format!("Laws by {by}"), plots);
    sheet.note = Some(format!("At most {MOST_ROWS} rows of a group are drawn"))
        .filter(|_| first.iter().any(|data| data.rows.rows() > MOST_ROWS));
    Some(Drawn {
        fit: fits[0].name.clone(),
        ..Drawn::of(sheet, format!("The rows of each {by} and the law of each fit{dashed}.{part}"))
    })
}

/// The plot of a group; `None` if its fits have no curves over a common axis.
fn plot(study: &Study<'_>, response: &str, fits: &[&DescribedFit], group: &str) -> Option<Plot> {
    let of_group = |about: &&DescribedFit| -> Option<View<'_>> {
        let members: &Vec<FitData> = study.fits.get(&about.name)?;
        let data = members.iter().find(|data| data.group.as_deref() == Some(group))?;
        let about = study.described.fit(&data.of)?;
        Some(View::new(study.described, about, data, &[], None, &[], MOST_ROWS))
    };
    let views: Vec<View<'_>> = fits.iter().filter_map(of_group).collect();
    let first = views.first()?;
    if views.iter().any(|view| view.abscissa != first.abscissa || view.abscissa == Abscissa::Prediction) {
        return None;
    }
    let (across, up, held) = (first.xs(), first.column(response), first.column(HELD));
    let mut layers = Vec::new();
    for (is_held, label, mark, colour) in
        [(false, "fitted", Mark::Dot, Colour::Grey), (true, "held out", Mark::Ring, Colour::Grey)]
    {
        let rows = first.shown().iter().copied().filter(|&row| (held[row] != 0.0) == is_held);
        let points: Vec<_> = rows.map(|row| super::sheet::Point::new(across[row], up[row])).collect();
        if !points.is_empty() {
            layers.push(Layer::points(label, colour, mark, points));
        }
    }
    for (index, view) in views.iter().enumerate() {
        let [inside, outside] = view.law_in_parts();
        layers.push(Layer::line(view.about.name.clone(), Colour::of(index), inside));
        if outside.len() > 1 {
            let series = format!("{}, extrapolated", view.about.name);
            layers.push(Layer::dashed(view.about.name.clone(), Colour::of(index), outside).in_table(series));
        }
    }
    let shown = first.shown();
    let axis = |label: &str, values: &[f64]| {
        let of_rows = || shown.iter().map(|&row| values[row]);
        Axis::around(label, Scale::of_sizes(of_rows()), of_rows())
    };
    let x = axis(&first.x_label(), &across)?.counting(first.x_counts());
    // The rows set the range, so a law far from them leaves the plot.
    let y = axis(&first.label(response), up)?.counting(first.counts(response));
    Some(Plot { title: group.to_owned(), x, y, layers })
}
