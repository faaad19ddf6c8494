//! Changes of answers under other choices, compared with their intervals.

use super::super::words;
use super::axis::{Axis, Scale};
use super::sheet::{Colour, Layer, Mark, Plot, Point, Shape, Sheet};
use super::{Chart, Drawn, Study};
use crate::report::{Results, VariedAnswer};
use crate::unit::Dimension;

/// The chart.
pub(super) struct Sensitivity;

/// Maximum number of answers; those with the largest changes are drawn.
const MOST_PLOTS: usize = 6;

impl Chart for Sensitivity {
    fn kind(&self) -> &'static str {
        "sensitivity"
    }

    fn of_study(&self, study: &Study<'_>) -> Vec<Drawn> {
        let all = study.results.sensitivity.iter();
        all.filter_map(|(fit, result)| {
            let mut answers: Vec<&VariedAnswer> = result.answers.iter().collect();
            answers.sort_by(|one, other| {
                let moved = |answer: &VariedAnswer| answer.moved.unwrap_or(-1.0);
                moved(other).total_cmp(&moved(one))
            });
            let plots: Vec<Plot> = answers
                .iter()
                .take(MOST_PLOTS)
                .filter_map(|answer| plot(study, fit, answer, &result.choices))
                .collect();
            if plots.is_empty() {
                return None;
            }
            let part = if answers.len() > plots.len() {
                format!(" Shown are the {} of {} answers with the largest changes.", plots.len(), answers.len())
            } else {
                String::new()
            };
            let mut sheet = Sheet::of(format!("{fit}: answers with one choice of the fit changed"), plots);
            sheet.columns = 1;
            let caption = format!(
                "Answers of the fit under other choices. The shaded range is the interval of the original \
                 answer: a dot outside it means that the choice matters more than the interval shows.{part}"
            );
            Some(Drawn { fit: fit.clone(), ..Drawn::of(sheet, caption) })
        })
        .collect()
    }
}

/// The interval of an answer, as far as it has ends.
fn interval(results: &Results, answer: &VariedAnswer) -> Option<[f64; 2]> {
    let rows = &results.queries.get(&answer.query)?.rows;
    let cell = rows
        .iter()
        .find(|row| row.inputs == answer.inputs && row.group == answer.group)?
        .outputs
        .get(&answer.output)?;
    Some([cell.lower?, cell.upper?])
}

fn plot(study: &Study<'_>, fit: &str, answer: &VariedAnswer, choices: &[String]) -> Option<Plot> {
    let (described, results) = (study.described, study.results);
    let all = answer.values.iter().flatten().copied().chain([answer.value]);
    let ends = interval(results, answer).unwrap_or([answer.value; 2]);
    let positive = all.clone().all(|value| value > 0.0);
    let span = crate::fit::Span::of(all.clone())?;
    let scale = if positive && span.highest > 3.0 * span.lowest { Scale::Log } else { Scale::Linear };
    let quantity = |name: &str, value: f64| words::quantity(described.dimension(fit, name), value);
    let inputs: Vec<String> =
        answer.inputs.iter().map(|(name, value)| format!("{name} = {}", quantity(name, *value))).collect();
    let group = answer.group.as_ref().map(|group| format!("{group}, "));
    let asked = described.queries.iter().find(|query| query.name == answer.query);
    let output = asked.map_or_else(|| answer.output.clone(), |query| words::heading(described, query, &answer.output));
    let title = format!("{output} of {}: {}{}", answer.query, group.unwrap_or_default(), inputs.join(", "));
    let counts = matches!(described.dimension(fit, &answer.output), Some(Dimension::Parameters | Dimension::Tokens));
    let x = Axis::around(&output, scale, all.chain(ends))?.counting(counts);
    // The interval of a size may extend below a logarithmic axis.
    let ends = if x.is_log() { ends.map(|end| end.max(x.low)) } else { ends };
    let points = answer.values.iter().enumerate();
    let points = points.filter_map(|(row, value)| Some(Point::new((*value)?, row as f64 + 1.0))).collect();
    let names = std::iter::once("as it is".to_owned()).chain(choices.iter().cloned()).collect();
    let mut layers = Vec::new();
    if ends[0] < ends[1] {
        layers.push(Layer::of("interval of the answer", Colour::Blue, Shape::Range(ends[0], ends[1])));
    }
    layers.push(Layer::dots_sideways("as it is", Colour::Blue, Mark::Diamond, vec![Point::new(answer.value, 0.0)]));
    layers.push(Layer::dots_sideways("another choice", Colour::Orange, Mark::Dot, points));
    Some(Plot { title, x, y: Axis::of_names("", names), layers })
}
