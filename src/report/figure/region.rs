//! Joint regions of two parameters.

use super::axis::{Axis, Scale};
use super::sheet::{Colour, Layer, Mark, Point, Sheet};
use super::view::View;
use super::{Chart, Drawn};
use crate::fit;

/// The chart.
pub(super) struct Region;

impl Chart for Region {
    fn kind(&self) -> &'static str {
        "region"
    }

    fn of_fit(&self, view: &View<'_>) -> Vec<Drawn> {
        let regions = view.data.fit.regions.iter().enumerate();
        regions.filter_map(|(index, region)| draw(view, index, region)).collect()
    }
}

fn draw(view: &View<'_>, index: usize, region: &fit::Region) -> Option<Drawn> {
    let [one, other] = &region.parameters;
    let estimate = |name: &str| view.data.fit.parameters.get(name).and_then(|e| e.value);
    let centre = (estimate(one)?, estimate(other)?);
    let (xs, ys): (Vec<f64>, Vec<f64>) = region.points.iter().map(|[x, y]| (*x, *y)).unzip();
    let x = Axis::around(one, scale(&xs), xs.iter().copied())?;
    let y = Axis::around(other, scale(&ys), ys.iter().copied())?;
    let mut border: Vec<(f64, f64)> = xs.into_iter().zip(ys).collect();
    border.extend(border.first().copied());
    let label = format!("{:.0} % region", 100.0 * region.level);
    let border = if region.closed {
        Layer::line(label, Colour::Blue, border)
    } else {
        Layer::dashed(label, Colour::Blue, border)
    };
    let point = Layer::points("estimate", Colour::Orange, Mark::Diamond, vec![Point::new(centre.0, centre.1)]);
    let open = if region.closed {
        ""
    } else {
        " In some direction the rows set no limit; the border there is an \
         extrapolation."
    };
    Some(Drawn {
        suffix: (index + 1).to_string(),
        ..Drawn::of(
            Sheet::one(format!("{}: {one} and {other}", view.data.name), x, y, vec![border, point]),
            format!("The joint region of {one} and {other}, with all other parameters refitted.{open}"),
        )
    })
}

/// A logarithmic scale for values that span more than a decade.
pub(super) fn scale(values: &[f64]) -> Scale {
    let (low, high) = values.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(*v), h.max(*v)));
    if low > 0.0 && high > 10.0 * low { Scale::Log } else { Scale::Linear }
}
