//! The content of a figure, independent of its format: plots side by side, each with two axes and layers.

use std::fmt::Write as _;

use super::axis::Axis;
use crate::separated::{cell, number};

/// Colours that remain distinct for most kinds of colour blindness and in grey (after Okabe and Ito 2008).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Colour {
    Blue,
    Orange,
    Green,
    Purple,
    Sky,
    Amber,
    Grey,
    Ink,
}

impl Colour {
    /// Colours in the order of series; grey and ink are for other parts.
    pub(super) const SERIES: [Self; 6] = [Self::Blue, Self::Orange, Self::Green, Self::Purple, Self::Sky, Self::Amber];

    /// The colour on white.
    pub(super) const fn hex(self) -> &'static str {
        match self {
            Self::Blue => "#0072b2",
            Self::Orange => "#d55e00",
            Self::Green => "#009e73",
            Self::Purple => "#aa4499",
            Self::Sky => "#3b9dd4",
            Self::Amber => "#b38600",
            Self::Grey => "#757b84",
            Self::Ink => "#16181c",
        }
    }

    /// The class by which a page changes its shade.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Orange => "orange",
            Self::Green => "green",
            Self::Purple => "purple",
            Self::Sky => "sky",
            Self::Amber => "amber",
            Self::Grey => "grey",
            Self::Ink => "ink",
        }
    }

    /// The colour of a series by its number.
    pub(super) fn of(series: usize) -> Self {
        Self::SERIES[series % Self::SERIES.len()]
    }
}

/// The shape of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Dot,
    Ring,
    Diamond,
    /// A large diamond with an outline: the answer to quote.
    Quoted,
}

/// A point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    /// The ends of its interval in the direction of the layer.
    pub(super) interval: Option<(f64, f64)>,
    /// The number of its run on the page.
    pub(super) run: Option<u32>,
}

impl Point {
    pub(super) const fn new(x: f64, y: f64) -> Self {
        Self { x, y, interval: None, run: None }
    }
}

/// A layer of a plot.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// Its name in the legend; an empty name is left out.
    pub(super) label: String,
    /// Its name in the table of the figure, if it is another than in the legend.
    pub(super) series: String,
    pub(super) colour: Colour,
    pub(super) shape: Shape,
}

/// The content of a layer.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Points; their intervals are horizontal if `sideways`.
    Points { mark: Mark, points: Vec<Point>, sideways: bool },
    /// A line; dashed outside the data.
    Line { points: Vec<(f64, f64)>, dashed: bool },
    /// The area between two curves: (x, low, high).
    Band(Vec<(f64, f64, f64)>),
    /// The area over a part of the horizontal axis, from bottom to top.
    Range(f64, f64),
    /// A text at a point.
    Text { x: f64, y: f64, text: String },
    /// Cells of a table, by column and row, with values from -1 to 1.
    Cells(Vec<(usize, usize, f64)>),
}

impl Layer {
    pub(super) fn of(label: impl Into<String>, colour: Colour, shape: Shape) -> Self {
        Self { label: label.into(), series: String::new(), colour, shape }
    }

    /// The layer with a name in the table of the figure.
    #[must_use]
    pub(super) fn in_table(self, series: impl Into<String>) -> Self {
        Self { series: series.into(), ..self }
    }

    pub(super) fn line(label: impl Into<String>, colour: Colour, points: Vec<(f64, f64)>) -> Self {
        Self::of(label, colour, Shape::Line { points, dashed: false })
    }

    pub(super) fn dashed(label: impl Into<String>, colour: Colour, points: Vec<(f64, f64)>) -> Self {
        Self::of(label, colour, Shape::Line { points, dashed: true })
    }

    pub(super) fn points(label: impl Into<String>, colour: Colour, mark: Mark, points: Vec<Point>) -> Self {
        Self::of(label, colour, Shape::Points { mark, points, sideways: false })
    }

    pub(super) fn dots_sideways(label: impl Into<String>, colour: Colour, mark: Mark, points: Vec<Point>) -> Self {
        Self::of(label, colour, Shape::Points { mark, points, sideways: true })
    }

    pub(super) fn band(label: impl Into<String>, colour: Colour, points: Vec<(f64, f64, f64)>) -> Self {
        Self::of(label, colour, Shape::Band(points))
    }

    pub(super) fn text(colour: Colour, (x, y): (f64, f64), text: impl Into<String>) -> Self {
        Self::of("", colour, Shape::Text { x, y, text: text.into() })
    }
}

/// A plot.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    /// Title; empty for a single plot.
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) layers: Vec<Layer>,
}

/// Plots side by side with one legend.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    /// Title.
    pub(super) title: String,
    pub(super) plots: Vec<Plot>,
    /// Maximum number of plots in a row.
    pub(super) columns: usize,
    /// Ratio of a plot's height to its width.
    pub(super) aspect: f64,
    /// A note on the figure itself, for example that it shows a part of the rows.
    pub(super) note: Option<String>,
}

impl Sheet {
    /// A sheet of one plot.
    pub(super) fn one(title: impl Into<String>, x: Axis, y: Axis, layers: Vec<Layer>) -> Self {
        Self::of(title, vec![Plot { title: String::new(), x, y, layers }])
    }

    /// A sheet of several plots.
    pub(super) fn of(title: impl Into<String>, plots: Vec<Plot>) -> Self {
        let columns = match plots.len() {
            0 | 1 => 1,
            2 | 4 => 2,
            _ => 3,
        };
        let aspect = if columns == 1 { 0.56 } else { 0.8 };
        Self { title: title.into(), plots, columns, aspect, note: None }
    }

    /// A sentence about the intervals that go on beyond the axes, with a leading space; empty if none does.
    pub(super) fn cut_in_words(&self) -> &'static str {
        let is_cut = |plot: &Plot| plot.layers.iter().any(|layer| layer.shape.is_cut(plot));
        if self.plots.iter().any(is_cut) { " An interval with an arrow head goes on beyond the figure." } else { "" }
    }

    /// The distinct names of the legend, each with the layer that shows its style.
    pub(super) fn key(&self) -> Vec<&Layer> {
        let mut entries: Vec<&Layer> = Vec::new();
        for layer in self.plots.iter().flat_map(|plot| &plot.layers).filter(|layer| !layer.label.is_empty()) {
            if !entries.iter().any(|entry| entry.label == layer.label) {
                entries.push(layer);
            }
        }
        entries
    }

    /// The data as separated values with one line per point.
    pub(super) fn table(&self) -> String {
        let mut out = String::from("plot,series,x_name,y_name,x,y,lower,upper,run\n");
        for plot in &self.plots {
            for layer in &plot.layers {
                layer.rows(plot, &mut out);
            }
        }
        out
    }
}

impl Layer {
    fn rows(&self, plot: &Plot, out: &mut String) {
        let series = if self.series.is_empty() { &self.label } else { &self.series };
        match &self.shape {
            // A gap separates the lines of a series.
            Shape::Line { points, .. } => {
                let is_gap = |(x, y): &(f64, f64)| x.is_nan() || y.is_nan();
                let lines = points.split(is_gap).filter(|line| !line.is_empty()).enumerate();
                for (at, line) in lines {
                    let name = if at == 0 { series.clone() } else { format!("{series}, line {}", at + 1) };
                    let mut row = written(plot, &name, out);
                    line.iter().for_each(|&(x, y)| row(number(x), named(&plot.y, y), None, None));
                }
            }
            shape => shape.rows(plot, &mut written(plot, series, out)),
        }
    }
}

/// Writes rows of a series.
fn written<'a>(
    plot: &Plot,
    series: &str,
    out: &'a mut String,
) -> impl FnMut(String, String, Option<(f64, f64)>, Option<u32>) + use<'a> {
    let head = [&plot.title, series, &plot.x.label, &plot.y.label].map(cell).join(",");
    move |x, y, interval, run| {
        let (lower, upper) = interval.map_or((String::new(), String::new()), |(l, u)| (number(l), number(u)));
        let run = run.map_or(String::new(), |run| run.to_string());
        let _ = writeln!(out, "{head},{x},{y},{lower},{upper},{run}");
    }
}

/// Writes a row: its position, its interval, and its run.
type WriteRow<'a> = dyn FnMut(String, String, Option<(f64, f64)>, Option<u32>) + 'a;

impl Shape {
    /// Whether an interval of a point ends outside of its axis.
    fn is_cut(&self, plot: &Plot) -> bool {
        let Self::Points { points, sideways, .. } = self else { return false };
        let axis = if *sideways { &plot.x } else { &plot.y };
        points.iter().filter_map(|point| point.interval).any(|(low, high)| low < axis.low || high > axis.high)
    }

    fn rows(&self, plot: &Plot, row: &mut WriteRow<'_>) {
        match self {
            Self::Points { points, .. } => {
                for point in points {
                    row(named(&plot.x, point.x), named(&plot.y, point.y), point.interval, point.run);
                }
            }
            Self::Band(points) => {
                points.iter().for_each(|&(x, low, high)| row(number(x), String::new(), Some((low, high)), None));
            }
            Self::Cells(cells) => {
                for &(column, line, value) in cells {
                    row(named(&plot.x, column as f64), named(&plot.y, line as f64), Some((value, value)), None);
                }
            }
            Self::Range(low, high) => {
                [low, high].into_iter().for_each(|end| row(number(*end), String::new(), None, None));
            }
            Self::Line { .. } | Self::Text { .. } => (),
        }
    }
}

/// A value on an axis, or its name.
fn named(axis: &Axis, value: f64) -> String {
    match &axis.scale {
        super::axis::Scale::Names(names) if value >= 0.0 => {
            names.get(value.round() as usize).map_or_else(|| number(value), |name| cell(name))
        }
        _ => number(value),
    }
}

#[cfg(test)]
mod tests {
    use super::super::axis::Scale;
    use super::*;

    #[test]
    fn the_data_of_a_figure_are_rows_with_their_names() {
        let axis = |label: &str| Axis::around(label, Scale::Log, [1.0, 10.0]).unwrap();
        let points = vec![Point { interval: Some((1.5, 2.5)), run: Some(7), ..Point::new(1.0, 2.0) }];
        let layers = vec![
            Layer::points("=runs, all", Colour::Blue, Mark::Dot, points),
            Layer::line("law", Colour::Blue, vec![(1.0, 2.0)]),
        ];
        let csv = Sheet::one("t", axis("N (parameters)"), axis("L"), layers).table();
        assert_eq!(
            csv,
            "plot,series,x_name,y_name,x,y,lower,upper,run\n\
             ,\"'=runs, all\",N (parameters),L,1,2,1.5,2.5,7\n\
             ,law,N (parameters),L,1,2,,,\n"
        );
    }

    #[test]
    fn separate_lines_and_series_without_a_legend_have_names_in_the_table() {
        let axis = |label: &str| Axis::around(label, Scale::Linear, [0.0, 9.0]).unwrap();
        let gap = (f64::NAN, f64::NAN);
        let line = Layer::line("", Colour::Blue, vec![(1.0, 1.0), (2.0, 1.0), gap, (5.0, 3.0), gap]);
        let csv = Sheet::one("t", axis("N"), axis("D"), vec![line.in_table("L = 2")]).table();
        let rows: Vec<&str> = csv.lines().skip(1).collect();
        assert_eq!(rows, [",L = 2,N,D,1,1,,,", ",L = 2,N,D,2,1,,,", ",\"L = 2, line 2\",N,D,5,3,,,"]);
    }

    #[test]
    fn a_name_is_in_the_legend_once() {
        let axis = || Axis::around("", Scale::Linear, [0.0, 1.0]).unwrap();
        let layers = vec![Layer::line("law", Colour::Blue, Vec::new()), Layer::line("", Colour::Grey, Vec::new())];
        let plot = Plot { title: String::new(), x: axis(), y: axis(), layers };
        assert_eq!(Sheet::of("t", vec![plot.clone(), plot]).key().len(), 1);
    }
}
