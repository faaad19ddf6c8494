//! The data of a fit for its figures: axes, drawn rows, and the curve of the law.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::super::{Described, DescribedFit, DescribedSource, words};
use super::FitData;
use super::axis::{Axis, Scale};
use super::price::Price;
use super::sheet::{Colour, Layer, Mark, Point, Shape};
use crate::answer::{Answer, Row, Verdict};
use crate::fit::{HELD, PREDICTED, RESIDUAL, Span};
use crate::numerics::{exp, ln, quantile};
use crate::query::{Allocation, FLOP_PER_PARAMETER_AND_TOKEN, Model, Moves, Ready, Trail, best_allocation, can_split};
use crate::unit::{Dimension, Unit};

/// Number of points on a curve.
const STEPS: usize = 60;
/// Number of draws for a band.
const BAND_DRAWS: usize = 100;
/// Largest factor between the best splits and the sizes of the rows for which a curve is drawn.
const NEAR: f64 = 1e3;

/// The horizontal axis on which a law is drawn against its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Abscissa {
    /// The law's only variable.
    Variable(String),
    /// Compute, for a law of model size and data: along the ray of the rows, or at the best splits.
    Compute,
    /// The prediction, for any other law.
    Prediction,
}

/// Largest distance from the rows, as a factor, at which a place is drawn where a target is reached.
const FAR: f64 = 1e3;

/// An answer in a figure: a point with its interval.
#[derive(Clone, Debug)]
pub(super) struct Forecast {
    /// The query.
    pub(super) query: String,
    /// Inputs and outputs by variable.
    pub(super) at: BTreeMap<String, f64>,
    /// The response.
    pub(super) y: f64,
    pub(super) interval: Option<(f64, f64)>,
    /// The interval of its place on the horizontal axis, if the answer is a place.
    pub(super) across: Option<(f64, f64)>,
    /// Whether the answer is a place: where a target is reached, or a minimum.
    pub(super) is_place: bool,
    /// Whether it is the recommended answer.
    pub(super) is_quoted: bool,
}

/// The law at a point of a curve: at the estimate and at draws.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) value: Option<f64>,
    /// The best split, for a curve of best splits.
    pub(super) split: Option<Allocation>,
    /// The values at draws of the parameters.
    pub(super) drawn: Vec<(f64, Option<Allocation>)>,
    /// Number of evaluated draws.
    pub(super) asked: usize,
}

impl Place {
    /// The central interval of a value over the draws; `None` where fewer than half have one.
    pub(super) fn interval(
        &self,
        level: f64,
        of: impl Fn(&(f64, Option<Allocation>)) -> Option<f64>,
    ) -> Option<(f64, f64)> {
        let mut values: Vec<f64> = self.drawn.iter().filter_map(of).collect();
        values.sort_by(f64::total_cmp);
        (2 * values.len() > self.asked)
            .then(|| (quantile(&values, (1.0 - level) / 2.0), quantile(&values, f64::midpoint(1.0, level))))
    }
}

/// A fit, or one of its groups, with everything that its charts draw.
pub(super) struct View<'a> {
    pub(super) about: &'a DescribedFit,
    pub(super) described: &'a Described,
    pub(super) data: &'a FitData,
    ready: Ready<'a>,
    /// The training cost.
    pub(super) price: Price<'a>,
    /// Values of the variables that no axis shows: those that are constant over the fitted rows, and those of the cost.
    held: BTreeMap<String, f64>,
    /// The variables of the cost that vary over the rows and have one value in all answers.
    of_answers: Vec<String>,
    pub(super) abscissa: Abscissa,
    pub(super) forecasts: Vec<Forecast>,
    /// The drawn rows in order.
    shown: Vec<usize>,
    /// The run number of each row on the page.
    runs: &'a [u32],
    curve: OnceCell<Vec<Place>>,
}

impl<'a> View<'a> {
    /// A fit with the answers about it, drawn with at most `most` rows; `quoted` is the query of the recommended answer
    /// and its row, from 0.
    pub(super) fn new(
        described: &'a Described,
        about: &'a DescribedFit,
        data: &'a FitData,
        answers: &[(&str, &Answer)],
        quoted: Option<(&str, usize)>,
        runs: &'a [u32],
        most: usize,
    ) -> Self {
        let of_cost = cost_variables(about, data, answers);
        let law = if of_cost.is_some() { &about.priced } else { &about.law };
        let moves = law.roles.sizes().filter(|_| can_split(law)).map(Moves::sizes);
        let (held, of_answers) = of_cost.unwrap_or_default();
        let ready = Ready::new(law, &data.fit.spans, moves.as_ref());
        let mut view = Self {
            about,
            described,
            data,
            ready,
            price: Price::of(law),
            held,
            of_answers,
            abscissa: Abscissa::Prediction,
            forecasts: Vec::new(),
            shown: Vec::new(),
            runs,
            curve: OnceCell::new(),
        };
        view.abscissa = view.find_abscissa();
        let row_of = |name: &str| quoted.filter(|(query, _)| *query == name).map(|(_, row)| row);
        view.forecasts =
            answers.iter().flat_map(|(name, answer)| view.forecasts_of(name, answer, row_of(name))).collect();
        view.shown = view.find_shown(most);
        view
    }

    /// Selects the horizontal axis. A law of several variables has a curve only over compute, and only if no variable
    /// apart from N, D and C varies over the rows.
    fn find_abscissa(&mut self) -> Abscissa {
        let law = &self.about.law;
        if let [one] = law.variables.as_slice() {
            return Abscissa::Variable(one.name.clone());
        }
        if !can_split(law) {
            return Abscissa::Prediction;
        }
        let decided = law.roles.decided();
        let mut held = BTreeMap::new();
        for other in law.variables.iter().filter(|v| !decided.contains(&v.name.as_str())) {
            match self.data.fit.spans.get(&other.name) {
                Some(span) if span.lowest == span.highest => held.insert(other.name.clone(), span.lowest),
                _ => return Abscissa::Prediction,
            };
        }
        self.held.extend(held);
        if self.ray().is_some() || self.has_inner_splits() { Abscissa::Compute } else { Abscissa::Prediction }
    }

    /// Whether the best splits of budgets like those of the rows lie near the sizes of the rows.
    fn has_inner_splits(&self) -> bool {
        let [size, data, _] = self.decided();
        let sizes = [size, data].map(|name| self.data.fit.spans.get(name).copied());
        let ([Some(n), Some(d)], Some(budgets)) = (sizes, Span::of(self.budgets_of_rows())) else { return false };
        let near = |span: Span, value: f64| span.factor(value) <= NEAR;
        [budgets.lowest, (budgets.lowest * budgets.highest).sqrt(), budgets.highest].into_iter().all(|budget| {
            let best = self.split(&self.data.fit.free, budget, &Trail::default());
            best.is_some_and(|best| near(n, best.n) && near(d, best.d))
        })
    }

    /// Whether budgets have best splits that the rows identify.
    pub(super) fn splits(&self) -> bool {
        self.abscissa == Abscissa::Compute && self.ray().is_none()
    }

    /// The training costs of the fitted rows.
    fn budgets_of_rows(&self) -> Vec<f64> {
        let all = self.compute();
        self.fitted().filter_map(|row| all.get(row).copied()).collect()
    }

    /// The rows that were fitted.
    pub(super) fn fitted(&self) -> impl Iterator<Item = usize> + '_ {
        let held = self.column(HELD);
        (0..held.len()).filter(|&row| held[row] == 0.0)
    }

    /// The drawn rows. If there are too many, a subset spread evenly over the rows, and the rows at the ends of every
    /// axis.
    fn find_shown(&self, most: usize) -> Vec<usize> {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let rows = self.data.rows.rows();
        if rows <= most {
            return (0..rows).collect();
        }
        // Multiples of the golden ratio are spread evenly and do not coincide with a grid of runs.
        let place = |k: usize| ((k as f64 * GOLDEN).fract() * rows as f64) as usize;
        let mut chosen: BTreeSet<usize> = (0..most).map(place).filter(|row| *row < rows).collect();
        let axes = self.about.law.variables.iter().map(|v| v.name.as_str());
        for name in axes.chain([self.about.law.response.as_str(), RESIDUAL, PREDICTED]) {
            let column = self.column(name);
            let by = |one: &usize, other: &usize| column[*one].total_cmp(&column[*other]);
            chosen.extend((0..column.len()).min_by(by));
            chosen.extend((0..column.len()).max_by(by));
        }
        chosen.into_iter().collect()
    }

    /// The rows that are drawn.
    pub(super) fn shown(&self) -> &[usize] {
        &self.shown
    }

    /// A note about rows that are not drawn.
    pub(super) fn note(&self) -> Option<String> {
        let (shown, rows) = (self.shown.len(), self.data.rows.rows());
        (shown < rows).then(|| {
            format!(
                "{shown} of {rows} runs are drawn: spread evenly over the rows (golden-ratio sampling), and those at the ends of every axis"
            )
        })
    }

    /// The answers that are responses at known points, or places on the horizontal axis: where the response reaches a
    /// target, or its minimum.
    fn forecasts_of(&self, query: &str, answer: &Answer, quoted: Option<usize>) -> Vec<Forecast> {
        let rows = answer.rows.iter().enumerate().filter(|(_, row)| row.group == self.data.group);
        let told = rows.filter(|(_, row)| row.reach.verdict != Verdict::NotIdentified);
        let forecast = |row: &Row| {
            if let Some(place) = self.place_found(query, row) {
                return Some(place);
            }
            let loss = row.outputs.get("loss")?;
            let mut at = row.inputs.clone();
            at.extend(row.outputs.iter().filter_map(|(name, cell)| Some((name.clone(), cell.value?))));
            Some(Forecast {
                query: query.to_owned(),
                at,
                y: loss.value?,
                interval: loss.lower.zip(loss.upper),
                across: None,
                is_place: false,
                is_quoted: false,
            })
        };
        told.filter_map(|(at, row)| Some(Forecast { is_quoted: quoted == Some(at), ..forecast(row)? })).collect()
    }

    /// The point on the horizontal axis that an answer finds, if it is not far from the rows: where the response reaches
    /// a target, or its minimum.
    fn place_found(&self, query: &str, row: &Row) -> Option<Forecast> {
        let Abscissa::Variable(axis) = &self.abscissa else { return None };
        let question = self.described.query(query)?.question.member();
        let found =
            row.outputs.iter().find(|(output, _)| question.variable_of(output) == Some(axis)).map(|(_, cell)| cell)?;
        let response = row.outputs.iter().find(|(output, _)| question.is_response(output));
        let response = response.map(|(_, cell)| cell.value).unwrap_or_default();
        let (x, y) = (found.value?, response.or_else(|| row.inputs.get(&self.about.law.response).copied())?);
        let span = self.data.fit.spans.get(axis)?;
        let is_near = |x: f64| span.factor(x) <= FAR;
        let across = found.lower.zip(found.upper);
        let at = BTreeMap::from([(axis.clone(), x)]);
        let query = query.to_owned();
        is_near(x).then_some(Forecast { query, at, y, interval: None, across, is_place: true, is_quoted: false })
    }

    /// The forecasts on this fit's horizontal axis, with their positions.
    pub(super) fn placed_forecasts(&self) -> Vec<(f64, &Forecast)> {
        let place = |forecast: &Forecast| match &self.abscissa {
            Abscissa::Variable(name) => forecast.at.get(name).copied(),
            Abscissa::Compute => {
                let [n, d, c] = self.decided().map(|name| forecast.at.get(name).copied());
                // Within limits, a budget is not always spent.
                n.zip(d).map(|(n, d)| self.cost(n, d)).or(c)
            }
            Abscissa::Prediction => None,
        };
        self.forecasts.iter().filter_map(|forecast| Some((place(forecast)?, forecast))).collect()
    }

    /// A column of the rows; empty where it is missing.
    pub(super) fn column(&self, name: &str) -> &[f64] {
        self.data.rows.numbers(name).unwrap_or_default()
    }

    /// The rows on the horizontal axis.
    pub(super) fn xs(&self) -> Vec<f64> {
        match &self.abscissa {
            Abscissa::Variable(name) => self.column(name).to_vec(),
            Abscissa::Compute => self.compute(),
            Abscissa::Prediction => self.column(PREDICTED).to_vec(),
        }
    }

    /// The training cost of every row.
    pub(super) fn compute(&self) -> Vec<f64> {
        let value = |row: usize| move |name: &str| self.column(name).get(row).copied();
        (0..self.data.rows.rows()).map(|row| self.price.at(value(row))).collect()
    }

    /// The cost of a run with a model size and a number of tokens, other variables as in the rows.
    pub(super) fn cost(&self, n: f64, d: f64) -> f64 {
        let [size, data, _] = self.decided();
        self.price.at(|name| match name {
            name if name == size => Some(n),
            name if name == data => Some(d),
            name => self.held.get(name).copied(),
        })
    }

    /// The number of tokens for a model size and a budget.
    pub(super) fn tokens(&self, n: f64, budget: f64) -> Option<f64> {
        self.price.tokens(n, budget, |d| self.cost(n, d))
    }

    /// Model size, data and compute by their names in the study.
    pub(super) fn decided(&self) -> [&'a str; 3] {
        self.about.law.roles.decided()
    }

    /// Whether compute follows from the law's variables without being one of them.
    pub(super) fn derives_compute(&self) -> bool {
        let law = &self.about.law;
        can_split(law) && law.variable(&law.roles.compute).is_none()
    }

    /// Model size, data and their compute as values of variables.
    pub(super) fn at_sizes(&self, n: f64, d: f64) -> [(&'a str, f64); 3] {
        let [size, data, flop] = self.decided();
        [(size, n), (data, d), (flop, self.cost(n, d))]
    }

    /// The label of the horizontal axis.
    pub(super) fn x_label(&self) -> String {
        match &self.abscissa {
            Abscissa::Variable(name) => self.label(name),
            Abscissa::Compute => self.price.label(),
            Abscissa::Prediction => self.predicted_label(),
        }
    }

    /// Whether the horizontal axis counts parameters or tokens.
    pub(super) fn x_counts(&self) -> bool {
        match &self.abscissa {
            Abscissa::Variable(name) => self.counts(name),
            Abscissa::Prediction => self.counts(&self.about.law.response),
            Abscissa::Compute => false,
        }
    }

    /// The scale of the horizontal axis.
    pub(super) fn x_scale(&self) -> Scale {
        let answers = self.placed_forecasts().into_iter().map(|(x, _)| x);
        Scale::of_sizes(self.xs().into_iter().chain(answers))
    }

    pub(super) fn predicted_label(&self) -> String {
        let response = &self.about.law.response;
        self.label(response).replacen(response.as_str(), &format!("{response} predicted"), 1)
    }

    /// The label of a variable: its name with its unit or, without a unit, its column's name or its meaning in the
    /// law.
    pub(super) fn label(&self, name: &str) -> String {
        let unit = unit_of(self.about, name).filter(|unit| unit.dimension != Dimension::One);
        if let Some(unit) = unit {
            return format!("{name} ({})", unit.stored());
        }
        let own = self.about.rows.as_deref().map(|rows| self.described.source_of(rows));
        let is_own = |source: &&DescribedSource| own == Some(source.name.as_str());
        let sources = &self.described.sources;
        let read: Vec<&DescribedSource> = match sources.iter().find(is_own) {
            Some(source) => vec![source],
            None => sources.iter().collect(),
        };
        let columns = read.into_iter().flat_map(|source| &source.variables).filter(|v| v.name == name);
        let column = columns.map(|v| v.from.as_str()).find(|from| !from.starts_with('=') && *from != name);
        let meaning = self.about.law.variables.iter().find(|v| v.name == name).and_then(|v| v.meaning.as_deref());
        match column.or(meaning) {
            Some(words) => format!("{name}: {words}"),
            None => name.to_owned(),
        }
    }

    /// Whether a variable is a count, which is written as 70B.
    pub(super) fn counts(&self, name: &str) -> bool {
        let dimension = unit_of(self.about, name).map(|unit| unit.dimension);
        let dimension = dimension.or_else(|| self.about.law.roles.dimension(name));
        matches!(dimension, Some(Dimension::Parameters | Dimension::Tokens))
    }

    /// An axis of one of the law's variables, logarithmic where it spans more than a factor of five.
    pub(super) fn axis(&self, name: &str, values: impl Iterator<Item = f64> + Clone) -> Option<Axis> {
        let span = Span::of(values.clone())?;
        let scale = if span.lowest > 0.0 && span.highest > 5.0 * span.lowest { Scale::Log } else { Scale::Linear };
        Some(Axis::around(&self.label(name), scale, values)?.counting(self.counts(name)))
    }

    /// A row as a point.
    pub(super) fn point(&self, row: usize, x: f64, y: f64) -> Point {
        Point { run: self.runs.get(row).copied(), ..Point::new(x, y) }
    }

    /// The drawn rows as points, with fitted and held-out rows in separate layers.
    pub(super) fn points(&self, xs: &[f64], ys: &[f64]) -> Vec<Layer> {
        let held = self.column(HELD);
        let is = |row: usize, wanted: bool| (held[row] != 0.0) == wanted;
        let mut layers = Vec::new();
        for (wanted, mark, colour, label) in
            [(false, Mark::Dot, Colour::Blue, "fitted"), (true, Mark::Ring, Colour::Orange, "held out")]
        {
            let count = (0..held.len()).filter(|&row| is(row, wanted)).count();
            let shown = self.shown.iter().copied().filter(|&row| is(row, wanted));
            let points: Vec<Point> = shown.map(|row| self.point(row, xs[row], ys[row])).collect();
            if points.is_empty() {
                continue;
            }
            let shown = if points.len() < count { format!("{} of {count}", points.len()) } else { count.to_string() };
            layers.push(Layer::points(format!("{label} ({shown})"), colour, mark, points));
        }
        layers
    }

    /// Forecasts as points, with one layer per query, and the recommended answer above them.
    pub(super) fn answers(&self, places: &[((f64, f64), &Forecast)], intervals: bool) -> Vec<Layer> {
        // In the order of the spec. With too many queries, the legend would be larger than the plot.
        let has_answers = |name: &&str| places.iter().any(|(_, forecast)| forecast.query == **name);
        let names = self.described.queries.iter().map(|query| query.name.as_str()).filter(has_answers);
        let names: Vec<&str> = names.collect();
        let are_many = names.len() > MOST_QUERIES;
        let colours = [Colour::Green, Colour::Purple, Colour::Amber, Colour::Sky];
        let layer = |name: &str, index: usize, is_quoted: bool| {
            let own = places.iter().filter(|(_, forecast)| forecast.query == name && forecast.is_quoted == is_quoted);
            let own: Vec<_> = own.collect();
            let shape = Shape::Points {
                mark: if is_quoted { Mark::Quoted } else { Mark::Diamond },
                sideways: own.iter().any(|(_, forecast)| forecast.across.is_some()),
                points: own
                    .iter()
                    .map(|((x, y), forecast)| {
                        let interval = forecast.interval.or(forecast.across).filter(|_| intervals);
                        Point { interval, ..Point::new(*x, *y) }
                    })
                    .collect(),
            };
            let colour = if are_many { Colour::Green } else { colours[index % 4] };
            let (label, series) = match (is_quoted, are_many) {
                (true, _) => (format!("quoted answer: {name}"), format!("answer: {name}, quoted")),
                (false, true) => ("answers".to_owned(), format!("answer: {name}")),
                (false, false) => (format!("answer: {name}"), format!("answer: {name}")),
            };
            (!own.is_empty()).then(|| Layer::of(label, colour, shape).in_table(series))
        };
        let layers =
            |is_quoted: bool| names.iter().enumerate().filter_map(move |(at, name)| layer(name, at, is_quoted));
        layers(false).chain(layers(true)).collect()
    }

    /// Tokens per parameter, if all rows have the same ratio.
    pub(super) fn ray(&self) -> Option<f64> {
        let sizes = self.about.law.roles.sizes()?;
        let ray = self.data.fit.rays.iter().find(|ray| [&ray.first, &ray.second] == sizes)?;
        Some((ray.ratio.lowest * ray.ratio.highest).sqrt())
    }

    /// The law's value at parameters and variables.
    pub(super) fn value(&self, parameters: &[f64], own: &[(&str, f64)]) -> Option<f64> {
        let trail = Trail::default();
        let model = Model { ready: &self.ready, parameters, other: None, trail: &trail };
        let mut at = self.held.clone();
        at.extend(own.iter().map(|(name, value)| ((*name).to_owned(), *value)));
        model.response(&at).ok()
    }

    /// The best split of a budget at parameters.
    pub(super) fn split(&self, parameters: &[f64], budget: f64, trail: &Trail<'_>) -> Option<Allocation> {
        let model = Model { ready: &self.ready, parameters, other: None, trail };
        best_allocation(&model, budget, &self.held)
    }

    /// The curve of the law at a parameter vector: its value, its value along the rows' ray, or its best value for a
    /// budget.
    fn at(&self, parameters: &[f64], x: f64, trail: &Trail<'_>) -> Option<(f64, Option<Allocation>)> {
        match &self.abscissa {
            Abscissa::Variable(name) => Some((self.value(parameters, &[(name, x)])?, None)),
            Abscissa::Compute => match self.ray() {
                Some(ratio) => {
                    let six = 0.5 * ln(x / (FLOP_PER_PARAMETER_AND_TOKEN * ratio));
                    let n = self.price.spent(x, six, |n| self.cost(n, ratio * n))?;
                    Some((self.value(parameters, &self.at_sizes(n, ratio * n))?, None))
                }
                None => self.split(parameters, x, trail).map(|split| (split.response, Some(split))),
            },
            Abscissa::Prediction => None,
        }
    }

    /// The range of the fitted rows on the horizontal axis.
    pub(super) fn fitted_range(&self) -> Option<Span> {
        let xs = self.xs();
        Span::of(self.fitted().map(|row| xs[row]))
    }

    /// The law's curve up to the last fitted row, and the rest of it, which begins where the first part ends.
    pub(super) fn law_in_parts(&self) -> [Vec<(f64, f64)>; 2] {
        let Some(fitted) = self.fitted_range() else { return [Vec::new(), Vec::new()] };
        let drawn: Vec<(f64, f64)> = self.curve().iter().filter_map(|place| Some((place.x, place.value?))).collect();
        let (inside, mut outside): (Vec<_>, Vec<_>) =
            drawn.into_iter().partition(|(x, _)| *x <= fitted.highest * 1.000_001);
        if let (Some(&last), false) = (inside.last(), outside.is_empty()) {
            outside.insert(0, last);
        }
        [inside, outside]
    }

    /// The law from the first row to the farthest answer; empty if there is no curve.
    pub(super) fn curve(&self) -> &[Place] {
        self.curve.get_or_init(|| self.walk())
    }

    fn walk(&self) -> Vec<Place> {
        if self.abscissa == Abscissa::Prediction {
            return Vec::new();
        }
        let forecasts = self.placed_forecasts();
        let all = self.xs().into_iter().chain(forecasts.iter().map(|(x, _)| *x));
        let Some(span) = Span::of(all.filter(|x| x.is_finite())) else { return Vec::new() };
        let is_log = self.x_scale() == Scale::Log;
        let place = |share: f64| {
            if is_log {
                exp(ln(span.lowest) + share * (ln(span.highest) - ln(span.lowest)))
            } else {
                span.lowest + share * (span.highest - span.lowest)
            }
        };
        let step = self.data.draws.len().div_ceil(BAND_DRAWS).max(1);
        let draws: Vec<&[f64]> = match self.data.fit.level {
            Some(_) => self.data.draws.iter().step_by(step).collect(),
            None => Vec::new(),
        };
        let at = |x: f64| {
            let trail = Trail::default();
            let found = self.at(&self.data.fit.free, x, &trail);
            let solved = trail.laid();
            let drawn = draws.iter().filter_map(|draw| self.at(draw, x, &Trail::following(&solved))).collect();
            let (value, split) = found.map_or((None, None), |(value, split)| (Some(value), split));
            Place { x, value, split, drawn, asked: draws.len() }
        };
        (0..=STEPS).map(|i| at(place(i as f64 / STEPS as f64))).collect()
    }

    /// A description of the variables that are constant along a curve.
    pub(super) fn held_in_words(&self) -> String {
        let words = |of_answers: bool, origin: &str| {
            let held = self.held.iter().filter(|(name, _)| self.of_answers.contains(name) == of_answers);
            let held =
                held.map(|(name, value)| format!("{name} = {}", words::quantity(self.about.dimension(name), *value)));
            let held: Vec<String> = held.collect();
            if held.is_empty() { String::new() } else { format!(" {}, as in all {origin}.", held.join(", ")) }
        };
        words(false, "rows") + &words(true, "answers")
    }
}

/// The values of the cost's own variables, and the names of those that come from the answers; `None` if one of them has
/// no single value.
fn cost_variables(
    about: &DescribedFit,
    data: &FitData,
    answers: &[(&str, &Answer)],
) -> Option<(BTreeMap<String, f64>, Vec<String>)> {
    let (mut values, mut of_answers) = (BTreeMap::new(), Vec::new());
    let own = about.priced.variables.iter().filter(|v| about.law.variable(&v.name).is_none());
    for variable in own.filter(|_| can_split(&about.law)) {
        let name = &variable.name;
        let only = |mut all: Box<dyn Iterator<Item = f64> + '_>| {
            let first = all.next()?;
            all.all(|value| value == first).then_some(first)
        };
        let of_rows = only(Box::new(data.rows.numbers(name).unwrap_or_default().iter().copied()));
        let rows = answers.iter().flat_map(|(_, answer)| &answer.rows);
        let of_answer = || only(Box::new(rows.filter_map(|row| row.inputs.get(name).copied())));
        if of_rows.is_none() {
            of_answers.push(name.clone());
        }
        values.insert(name.clone(), of_rows.or_else(of_answer)?);
    }
    Some((values, of_answers))
}

/// Maximum number of queries that the legend names one by one.
const MOST_QUERIES: usize = 4;

fn unit_of(about: &DescribedFit, name: &str) -> Option<Unit> {
    let of_law = || about.law.variables.iter().find(|v| v.name == name).and_then(|v| v.unit);
    about.units.get(name).copied().or_else(of_law)
}
