//! Several laws for the same rows: their errors and their forecasts.

use super::axis::{Axis, Scale};
use super::sheet::{Colour, Layer, Mark, Plot, Point, Sheet};
use super::view::View;
use super::{Chart, Drawn};
use crate::fit::Candidate;
use crate::numerics::exp;

/// The chart of a comparison of laws.
pub(super) struct Choice;

impl Chart for Choice {
    fn kind(&self) -> &'static str {
        "laws"
    }

    fn of_fit(&self, view: &View<'_>) -> Vec<Drawn> {
        draw(view).into_iter().collect()
    }
}

fn draw(view: &View<'_>) -> Option<Drawn> {
    let choice = view.data.fit.choice.as_ref()?;
    let names = || choice.laws.iter().map(|law| law.law.clone()).collect::<Vec<_>>();
    let places = |of: &dyn Fn(&Candidate) -> Option<f64>| -> Vec<Point> {
        let known = choice.laws.iter().enumerate();
        known.filter_map(|(row, law)| Some(Point::new(of(law)?, row as f64))).collect()
    };
    let percent = |log: f64| 100.0 * (exp(log) - 1.0);
    let left_out = places(&|law| law.k_fold.map(percent));
    let later = places(&|law| law.rolling_origin.map(percent));
    let ahead = places(&|law| law.ahead);
    let mut plots = Vec::new();
    let errors: Vec<f64> = left_out.iter().chain(&later).map(|point| point.x).collect();
    if let Some(x) = Axis::around("typical error (%)", Scale::Linear, errors.into_iter().chain([0.0])) {
        let layers = vec![
            Layer::dots_sideways("rows left out", Colour::Blue, Mark::Dot, left_out),
            Layer::dots_sideways("larger runs, forecast", Colour::Orange, Mark::Diamond, later),
        ];
        plots.push(Plot { title: String::new(), x, y: Axis::of_names("", names()), layers });
    }
    let response = view.label(&view.about.law.response);
    let values: Vec<f64> = ahead.iter().map(|point| point.x).chain(choice.stack).collect();
    if let Some(x) = Axis::around(&format!("{response} at ten times the largest sizes"), Scale::Linear, values) {
        let mut layers = vec![Layer::dots_sideways("forecast of the law", Colour::Green, Mark::Dot, ahead)];
        let mut rows = names();
        if let Some(value) = choice.stack {
            let point = Point::new(value, rows.len() as f64);
            rows.push("stacked".to_owned());
            layers.push(Layer::dots_sideways("laws stacked", Colour::Ink, Mark::Diamond, vec![point]));
        }
        plots.push(Plot { title: String::new(), x, y: Axis::of_names("", rows), layers });
    }
    if plots.is_empty() {
        return None;
    }
    let mut sheet = Sheet::of(format!("{}: comparison of laws", view.data.name), plots);
    sheet.columns = 1;
    Some(Drawn::of(
        sheet,
        format!("Errors of each law on hidden rows, and its forecast at larger sizes. {}", choice.reason),
    ))
}
