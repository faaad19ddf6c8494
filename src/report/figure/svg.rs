//! Writes a sheet as SVG.
//!
//! Nothing is measured at run time: widths of texts are those of Helvetica, and coordinates have two decimals, so the
//! same data give the same bytes. The legend is above the plots, where there are no data. A page changes colours
//! through classes, and its script reads the range of each plot from `data-x` and `data-y`: scale, low end, high end,
//! and position.

use std::fmt::Write as _;

use super::Picture;
use super::axis::{Axis, Scale};
use super::sheet::{Layer, Mark, Plot, Point, Shape, Sheet};
use super::text::{escape, fitted, width};

/// The size of a figure and of its font, in pixels of 1/96 inch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Style {
    pub(super) width: f64,
    pub(super) font: f64,
}

impl Style {
    /// For a page on a screen.
    pub(super) const SCREEN: Self = Self { width: 760.0, font: 13.0 };

    /// For a column of a paper: a font of 7 points.
    pub(super) fn of_column(millimetres: f64) -> Self {
        Self { width: millimetres / 25.4 * 96.0, font: 7.0 / 72.0 * 96.0 }
    }
}

/// A rectangle in which a plot is drawn.
#[derive(Clone, Copy, Debug)]
struct Area {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// A plot with the area of its data.
struct Placed<'a> {
    plot: &'a Plot,
    area: Area,
    /// Left end of the plot with its labels.
    from: f64,
}

/// A layer's entry in the legend: its name, cut to the available room, and its position.
struct Entry<'a> {
    layer: &'a Layer,
    text: String,
    x: f64,
    y: f64,
}

impl Picture for Sheet {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn svg(&self, style: Style, id: &str) -> String {
        Drawing { sheet: self, style, id }.write()
    }

    fn csv(&self) -> String {
        self.table()
    }
}

struct Drawing<'a> {
    sheet: &'a Sheet,
    style: Style,
    id: &'a str,
}

impl Drawing<'_> {
    /// A length in units of the font size.
    fn em(&self, share: f64) -> f64 {
        share * self.style.font
    }

    fn write(&self) -> String {
        let (entries, top) = self.key();
        let (placed, height) = self.places(top);
        let Style { width, font } = self.style;
        let mut out = String::new();
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.2} {height:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" \
             font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\" font-size=\"{font:.2}\" role=\"img\" aria-label=\"{title}\">\n\
             <title>{title}</title>\n<rect class=\"paper\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"#ffffff\"/>\n",
            title = escape(&self.sheet.title),
        );
        entries.iter().for_each(|entry| self.entry(&mut out, entry));
        placed.iter().enumerate().for_each(|(index, placed)| self.plot(&mut out, index, placed));
        if let Some(note) = &self.sheet.note {
            let _ = writeln!(
                out,
                "<text x=\"{:.2}\" y=\"{:.2}\" text-anchor=\"end\" fill=\"#5b626c\" class=\"note\" font-size=\"{:.2}\">{}</text>",
                width - self.em(0.6),
                height - self.em(0.5),
                self.em(0.85),
                escape(&fitted(note, self.em(0.85), width - self.em(1.2))),
            );
        }
        out.push_str("</svg>\n");
        out
    }

    /// The legend above the plots, on as many lines as needed, and the top of the plots.
    fn key(&self) -> (Vec<Entry<'_>>, f64) {
        let (line, left) = (self.em(1.5), self.em(1.0));
        let right = self.style.width - self.em(1.0);
        let (mut x, mut y) = (left, self.em(1.2));
        let mut entries = Vec::new();
        for layer in self.sheet.key() {
            let text = fitted(&layer.label, self.style.font, right - left - self.em(2.6));
            let length = self.em(2.6) + width(&text, self.style.font);
            if x > left && x + length > right {
                (x, y) = (left, y + line);
            }
            entries.push(Entry { layer, text, x, y });
            x += length + self.em(1.2);
        }
        let top = if entries.is_empty() { self.em(0.8) } else { y + self.em(1.0) };
        (entries, top)
    }

    fn entry(&self, out: &mut String, entry: &Entry<'_>) {
        let Entry { layer, text, x, y } = entry;
        let _ = write!(
            out,
            "<g class=\"key {}\" color=\"{}\" data-s=\"{}\">",
            layer.colour.class(),
            layer.colour.hex(),
            escape(&layer.label)
        );
        let (middle, long) = (x + self.em(0.95), self.em(1.9));
        match &layer.shape {
            Shape::Points { mark, .. } => {
                out.push_str(looks(*mark));
                self.mark(out, *mark, middle, *y, None, 1.0);
                out.push_str("</g>");
            }
            Shape::Band(_) | Shape::Range(..) | Shape::Cells(_) => {
                let opacity = if matches!(layer.shape, Shape::Band(_)) { 0.2 } else { 0.1 };
                let _ = write!(
                    out,
                    "<rect x=\"{x:.2}\" y=\"{:.2}\" width=\"{long:.2}\" height=\"{:.2}\" fill=\"currentColor\" fill-opacity=\"{opacity}\"/>",
                    y - self.em(0.45),
                    self.em(0.9),
                );
            }
            Shape::Line { dashed, .. } => {
                let dash = if *dashed { " stroke-dasharray=\"6 5\"" } else { "" };
                let _ = write!(
                    out,
                    "<path d=\"M{x:.2} {y:.2}h{long:.2}\" stroke=\"currentColor\" stroke-width=\"2\"{dash}/>"
                );
            }
            Shape::Text { .. } => (),
        }
        let _ = writeln!(
            out,
            "<text x=\"{:.2}\" y=\"{:.2}\" fill=\"#16181c\">{}</text></g>",
            x + self.em(2.4),
            y + self.em(0.35),
            escape(text),
        );
    }

    /// The position of each plot, and the height of the figure.
    fn places(&self, top: f64) -> (Vec<Placed<'_>>, f64) {
        // A plot is at least as wide as a few words of its labels.
        let columns = self.sheet.columns.min((self.style.width / self.em(16.0)) as usize).max(1);
        let gap = self.em(1.2);
        let each = (self.style.width - gap * (columns as f64 + 1.0)) / columns as f64;
        let mut placed = Vec::new();
        let mut y = top;
        for row in self.sheet.plots.chunks(columns) {
            let titled = row.iter().any(|plot| !plot.title.is_empty());
            let head = if titled { self.em(1.5) } else { self.em(0.2) };
            let height = row.iter().map(|plot| self.height(plot, each)).fold(0.0, f64::max);
            for (column, plot) in row.iter().enumerate() {
                let from = gap + column as f64 * (each + gap);
                let area = Area {
                    left: from + self.margin(plot, each),
                    right: from + each,
                    top: y + head,
                    bottom: y + head + height,
                };
                placed.push(Placed { plot, area, from });
            }
            y += head + height + self.foot(row);
        }
        (placed, y + if self.sheet.note.is_some() { self.em(1.4) } else { self.em(0.4) })
    }

    /// The height of a plot's area.
    fn height(&self, plot: &Plot, each: f64) -> f64 {
        match &plot.y.scale {
            // One line of text for each name.
            Scale::Names(names) if names.is_empty() => each * self.sheet.aspect,
            Scale::Names(names) if !matches!(plot.x.scale, Scale::Names(_)) => {
                self.em(1.7) * (names.len() as f64).max(2.0)
            }
            Scale::Names(names) => {
                let square = (each - self.margin(plot, each)) / names.len().max(1) as f64;
                square.min(self.em(4.0)) * names.len() as f64
            }
            _ => each * self.sheet.aspect,
        }
    }

    /// Room below a row of plots for ticks and labels.
    fn foot(&self, row: &[Plot]) -> f64 {
        let labelled = row.iter().any(|plot| !plot.x.label.is_empty());
        self.em(if labelled { 3.4 } else { 2.0 })
    }

    /// Room to the left of a plot for ticks and label, at most half of its width.
    fn margin(&self, plot: &Plot, each: f64) -> f64 {
        let ticks = self.ticks_up(plot, each * self.sheet.aspect);
        let longest = ticks.iter().map(|(_, text)| width(text, self.style.font)).fold(0.0, f64::max);
        let name = if plot.y.label.is_empty() { 0.0 } else { self.em(1.5) };
        (longest + self.em(0.8) + name).min(0.45 * each)
    }

    fn ticks_up(&self, plot: &Plot, height: f64) -> Vec<(f64, String)> {
        plot.y.ticks((height / self.em(2.6)) as usize)
    }

    fn plot(&self, out: &mut String, index: usize, placed: &Placed<'_>) {
        let Placed { plot, area, .. } = placed;
        let Area { left, right, top, bottom } = *area;
        let range = |axis: &Axis, from: f64, to: f64| {
            let scale = match axis.scale {
                Scale::Linear => "linear",
                Scale::Log => "log",
                Scale::Names(_) => "names",
            };
            format!("{scale} {:?} {:?} {from:.2} {to:.2} {}", axis.low, axis.high, u8::from(axis.counts))
        };
        let _ = writeln!(
            out,
            "<g class=\"plot\" data-x=\"{}\" data-y=\"{}\">",
            range(&plot.x, left, right),
            // Names are listed from top to bottom.
            if matches!(plot.y.scale, Scale::Names(_)) {
                range(&plot.y, top, bottom)
            } else {
                range(&plot.y, bottom, top)
            }
        );
        let clip = format!("{}-{index}", self.id);
        let _ = writeln!(
            out,
            "<clipPath id=\"{clip}\"><rect x=\"{left:.2}\" y=\"{top:.2}\" width=\"{:.2}\" height=\"{:.2}\"/></clipPath>",
            right - left,
            bottom - top,
        );
        self.axes(out, placed);
        // The script reads values from coordinates, so data are drawn after the axes in a separate group.
        let _ = writeln!(out, "<g class=\"data\" clip-path=\"url(#{clip})\">");
        plot.layers.iter().for_each(|layer| self.layer(out, plot, *area, layer));
        out.push_str("</g>\n</g>\n");
    }

    fn axes(&self, out: &mut String, placed: &Placed<'_>) {
        let Placed { plot, area, from } = placed;
        let Area { left, right, top, bottom } = *area;
        if !plot.title.is_empty() {
            let _ = writeln!(
                out,
                "<text x=\"{left:.2}\" y=\"{:.2}\" fill=\"#16181c\" font-weight=\"bold\">{}</text>",
                top - self.em(0.45),
                escape(&fitted(&plot.title, self.style.font, right - left)),
            );
        }
        out.push_str("<g class=\"ticks x\" fill=\"#3c4148\" stroke=\"#e3e6ea\">\n");
        self.ticks_across(out, plot, *area);
        out.push_str("</g>\n<g class=\"ticks y\" fill=\"#3c4148\" stroke=\"#e3e6ea\">\n");
        let names = matches!(plot.y.scale, Scale::Names(_));
        for (value, text) in self.ticks_up(plot, bottom - top) {
            let y = up(plot, *area, value);
            let text = if names { fitted(&text, self.style.font, left - from - self.em(0.6)) } else { text };
            let _ = writeln!(
                out,
                "<path d=\"M{left:.2} {y:.2}L{right:.2} {y:.2}\"/><text x=\"{:.2}\" y=\"{:.2}\" text-anchor=\"end\" stroke=\"none\">{}</text>",
                left - self.em(0.5),
                y + self.em(0.35),
                escape(&text),
            );
        }
        let _ = writeln!(
            out,
            "</g>\n<path class=\"axis\" d=\"M{left:.2} {top:.2}V{bottom:.2}H{right:.2}\" fill=\"none\" stroke=\"#3c4148\"/>"
        );
        let _ = writeln!(
            out,
            "<text x=\"{:.2}\" y=\"{:.2}\" text-anchor=\"middle\" fill=\"#16181c\">{}</text>",
            f64::midpoint(left, right),
            bottom + self.em(2.7),
            escape(&fitted(&plot.x.label, self.style.font, right - from)),
        );
        if !plot.y.label.is_empty() {
            let _ = writeln!(
                out,
                "<text transform=\"matrix(0 -1 1 0 {:.2} {:.2})\" text-anchor=\"middle\" fill=\"#16181c\">{}</text>",
                from + self.em(0.85),
                f64::midpoint(top, bottom),
                escape(&fitted(&plot.y.label, self.style.font, bottom - top + self.em(2.0))),
            );
        }
    }

    /// The ticks of the horizontal axis. A tick whose text would overlap another has none; on a logarithmic axis,
    /// powers of ten come first.
    fn ticks_across(&self, out: &mut String, plot: &Plot, area: Area) {
        let Area { left, right, top, bottom } = area;
        let ticks = plot.x.ticks(((right - left) / self.em(4.5)) as usize);
        let span = |place: usize| {
            let (value, text) = &ticks[place];
            let (x, half) = (across(plot, area, *value), 0.5 * width(text, self.style.font));
            (x - half, x + half)
        };
        let is_power = |value: f64| {
            let exponent = libm::log10(value);
            (exponent - exponent.round()).abs() < 1e-9
        };
        let mut order: Vec<usize> = (0..ticks.len()).collect();
        order.sort_by_key(|&place| plot.x.is_log() && !is_power(ticks[place].0));
        let mut shown: Vec<usize> = Vec::new();
        for place in order {
            let (from, to) = span(place);
            let gap = self.em(0.4);
            let is_free = |&other: &usize| to + gap < span(other).0 || span(other).1 + gap < from;
            if to < self.style.width && shown.iter().all(is_free) {
                shown.push(place);
            }
        }
        for (place, (value, text)) in ticks.iter().enumerate() {
            let x = across(plot, area, *value);
            let text = if shown.contains(&place) { escape(text) } else { String::new() };
            let _ = writeln!(
                out,
                "<path d=\"M{x:.2} {top:.2}L{x:.2} {bottom:.2}\"/><text x=\"{x:.2}\" y=\"{:.2}\" text-anchor=\"middle\" stroke=\"none\">{text}</text>",
                bottom + self.em(1.3),
            );
        }
    }

    fn layer(&self, out: &mut String, plot: &Plot, area: Area, layer: &Layer) {
        let _ = write!(out, "<g class=\"{}\" color=\"{}\"", layer.colour.class(), layer.colour.hex());
        if !layer.label.is_empty() {
            let _ = write!(out, " data-s=\"{}\"", escape(&layer.label));
        }
        out.push_str(">\n");
        match &layer.shape {
            Shape::Points { mark, points, sideways } => {
                self.intervals(out, plot, area, points, *sideways);
                out.push_str(looks(*mark));
                for point in points {
                    let (x, y) = (across(plot, area, point.x), up(plot, area, point.y));
                    if x.is_finite() && y.is_finite() {
                        self.mark(out, *mark, x, y, point.run, if points.len() > MANY { 0.7 } else { 1.0 });
                        out.push('\n');
                    }
                }
                out.push_str("</g>\n");
            }
            Shape::Line { points, dashed } => {
                let dash = if *dashed { " stroke-dasharray=\"6 5\"" } else { "" };
                let _ = writeln!(
                    out,
                    "<path d=\"{}\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\"{dash}/>",
                    path(plot, area, points)
                );
            }
            Shape::Band(points) => {
                let is_seen = |(x, low, high): &&(f64, f64, f64)| {
                    [across(plot, area, *x), up(plot, area, *low), up(plot, area, *high)]
                        .into_iter()
                        .all(f64::is_finite)
                };
                let seen: Vec<&(f64, f64, f64)> = points.iter().filter(is_seen).collect();
                if !seen.is_empty() {
                    let mut outline: Vec<(f64, f64)> = seen.iter().map(|&&(x, low, _)| (x, low)).collect();
                    outline.extend(seen.iter().rev().map(|&&(x, _, high)| (x, high)));
                    let _ = writeln!(
                        out,
                        "<path d=\"{}Z\" fill=\"currentColor\" fill-opacity=\"0.2\"/>",
                        path(plot, area, &outline)
                    );
                }
            }
            Shape::Range(low, high) => {
                let ends = [(*low, plot.y.low), (*high, plot.y.low), (*high, plot.y.high), (*low, plot.y.high)];
                let _ = writeln!(
                    out,
                    "<path d=\"{}Z\" fill=\"currentColor\" fill-opacity=\"0.1\"/>",
                    path(plot, area, &ends)
                );
            }
            Shape::Text { x, y, text } => self.text(out, plot, area, (*x, *y), text),
            Shape::Cells(cells) => cells.iter().for_each(|cell| self.cell(out, plot, area, *cell)),
        }
        out.push_str("</g>\n");
    }

    /// A text to the right of a point, or to its left where the area ends before the text.
    fn text(&self, out: &mut String, plot: &Plot, area: Area, at: (f64, f64), text: &str) {
        let (x, y) = (across(plot, area, at.0), up(plot, area, at.1));
        if !(x.is_finite() && y.is_finite()) {
            return;
        }
        let length = width(text, self.style.font);
        let before = x + self.em(0.4) + length > area.right;
        let x = if before { x - self.em(0.4) } else { x + self.em(0.4) };
        let y = (y - self.em(0.3)).max(area.top + self.em(0.9));
        // A white outline keeps the text readable.
        let _ = writeln!(
            out,
            "<text x=\"{x:.2}\" y=\"{y:.2}\" text-anchor=\"{}\" fill=\"currentColor\" class=\"label\" stroke=\"#ffffff\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\">{}</text>",
            if before { "end" } else { "start" },
            escape(text),
        );
    }

    fn cell(&self, out: &mut String, plot: &Plot, area: Area, (column, row, value): (usize, usize, f64)) {
        let ends = |at: usize| (at as f64 - 0.5, at as f64 + 0.5);
        let (x, y) = (ends(column), ends(row));
        let (left, right) = (across(plot, area, x.0), across(plot, area, x.1));
        let (one, other) = (up(plot, area, y.0), up(plot, area, y.1));
        let (top, bottom) = (one.min(other), one.max(other));
        let colour = if value < 0.0 { super::sheet::Colour::Orange } else { super::sheet::Colour::Blue };
        let _ = writeln!(
            out,
            "<g class=\"{}\" color=\"{}\"><rect x=\"{left:.2}\" y=\"{top:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"currentColor\" fill-opacity=\"{:.2}\"/>\
             <text x=\"{:.2}\" y=\"{:.2}\" text-anchor=\"middle\" fill=\"#16181c\">{}</text></g>",
            colour.class(),
            colour.hex(),
            right - left,
            bottom - top,
            0.6 * value.abs().min(1.0),
            f64::midpoint(left, right),
            f64::midpoint(top, bottom) + self.em(0.35),
            super::text::plain(value, 2),
        );
    }

    /// The intervals of points, as one path. An arrow head marks an end outside of the area.
    fn intervals(&self, out: &mut String, plot: &Plot, area: Area, points: &[Point], sideways: bool) {
        let mut bars = String::new();
        for point in points {
            let Some((low, high)) = point.interval else { continue };
            let ends = if sideways { [(low, point.y), (high, point.y)] } else { [(point.x, low), (point.x, high)] };
            let [one, other] = ends.map(|(x, y)| (across(plot, area, x), up(plot, area, y)));
            if ![one.0, one.1, other.0, other.1].into_iter().all(f64::is_finite) {
                continue;
            }
            let _ = write!(bars, "M{:.2} {:.2}L{:.2} {:.2}", one.0, one.1, other.0, other.1);
            [one, other].into_iter().for_each(|end| self.arrow_head(&mut bars, area, end));
        }
        if !bars.is_empty() {
            let _ = writeln!(
                out,
                "<path class=\"bars\" d=\"{bars}\" stroke=\"currentColor\" stroke-width=\"1.6\" fill=\"none\"/>"
            );
        }
    }

    /// The arrow head at the edge behind which an interval goes on; nothing for an end inside of the area.
    fn arrow_head(&self, bars: &mut String, area: Area, (x, y): (f64, f64)) {
        let (long, half) = (self.em(0.45), self.em(0.3));
        let (is_left, is_right) = (x < area.left - EDGE, x > area.right + EDGE);
        let _ = if is_left || is_right {
            let (tip, back) = if is_left { (area.left, long) } else { (area.right, -long) };
            write!(bars, "M{:.2} {:.2}L{tip:.2} {y:.2}L{:.2} {:.2}", tip + back, y - half, tip + back, y + half)
        } else if y < area.top - EDGE || y > area.bottom + EDGE {
            let (tip, back) = if y < area.top { (area.top, long) } else { (area.bottom, -long) };
            write!(bars, "M{:.2} {:.2}L{x:.2} {tip:.2}L{:.2} {:.2}", x - half, tip + back, x + half, tip + back)
        } else {
            Ok(())
        };
    }

    fn mark(&self, out: &mut String, mark: Mark, x: f64, y: f64, run: Option<u32>, share: f64) {
        let run = run.map_or(String::new(), |run| format!(" data-r=\"{run}\""));
        let size = self.em(0.27) * share;
        let _ = match mark {
            Mark::Dot | Mark::Ring => write!(out, "<circle cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"{size:.2}\"{run}/>"),
            Mark::Diamond | Mark::Quoted => {
                let reach = self.em(if mark == Mark::Quoted { 0.75 } else { 0.46 });
                write!(
                    out,
                    "<path transform=\"translate({x:.2} {y:.2})\" d=\"M0 -{reach:.2}L{reach:.2} 0L0 {reach:.2}L-{reach:.2} 0Z\"{run}/>"
                )
            }
        };
    }
}

/// The group element of marks of a kind, with the attributes that all of them share.
const fn looks(mark: Mark) -> &'static str {
    match mark {
        Mark::Dot => "<g fill=\"currentColor\" fill-opacity=\"0.65\">",
        Mark::Ring => "<g fill=\"#ffffff\" class=\"ring\" stroke=\"currentColor\" stroke-width=\"1.6\">",
        Mark::Diamond => "<g fill=\"currentColor\" stroke=\"#ffffff\" class=\"diamond\">",
        Mark::Quoted => "<g fill=\"currentColor\" stroke=\"#16181c\" stroke-width=\"1.6\" class=\"quoted\">",
    }
}

/// Distance from the area up to which an end lies on its edge.
const EDGE: f64 = 0.5;
/// Number of points above which points are drawn smaller.
const MANY: usize = 400;

/// The horizontal position of a value, limited so that no renderer meets huge numbers.
fn across(plot: &Plot, area: Area, value: f64) -> f64 {
    area.left + plot.x.share(value).clamp(-0.5, 1.5) * (area.right - area.left)
}

/// The vertical position of a value; names are listed from top to bottom.
fn up(plot: &Plot, area: Area, value: f64) -> f64 {
    let share = plot.y.share(value).clamp(-0.5, 1.5);
    match plot.y.scale {
        Scale::Names(_) => area.top + share * (area.bottom - area.top),
        _ => area.bottom - share * (area.bottom - area.top),
    }
}

fn path(plot: &Plot, area: Area, points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    let mut begins = true;
    for (x, y) in points.iter().map(|&(x, y)| (across(plot, area, x), up(plot, area, y))) {
        // A missing point interrupts the line.
        let is_seen = x.is_finite() && y.is_finite();
        if is_seen {
            let _ = write!(path, "{}{x:.2} {y:.2}", if begins { 'M' } else { 'L' });
        }
        begins = !is_seen;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::super::sheet::Colour;
    use super::*;

    fn axis() -> Axis {
        Axis { label: "x".to_owned(), scale: Scale::Log, counts: false, low: 1.0, high: 10.0 }
    }

    fn sheet(layers: Vec<Layer>) -> Sheet {
        Sheet::one("title", axis(), axis(), layers)
    }

    #[test]
    fn values_without_a_position_are_not_drawn() {
        let points = vec![(2.0, 2.0), (-1.0, 2.0), (3.0, f64::NAN), (4.0, 4.0)];
        let dots = points.iter().map(|&(x, y)| Point { interval: Some((1.0, f64::NAN)), ..Point::new(x, y) }).collect();
        let layers = vec![
            Layer::line("law", Colour::Blue, points.clone()),
            Layer::band("band", Colour::Blue, points.iter().map(|&(x, y)| (x, y, y)).collect()),
            Layer::points("runs", Colour::Blue, Mark::Dot, dots),
        ];
        let svg = sheet(layers).svg(Style::SCREEN, "f");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn an_interval_that_goes_on_beyond_the_axes_ends_in_an_arrow_head() {
        let with = |interval, sideways| {
            let points = vec![Point { interval: Some(interval), ..Point::new(3.0, 3.0) }];
            let shape = Shape::Points { mark: Mark::Dot, points, sideways };
            let sheet = sheet(vec![Layer::of("runs", Colour::Blue, shape)]);
            let svg = sheet.svg(Style::SCREEN, "f");
            let bars = svg.split("class=\"bars\" d=\"").nth(1).unwrap().split('"').next().unwrap();
            (bars.matches('M').count() - 1, sheet.cut_in_words().len() > 1)
        };
        for sideways in [false, true] {
            let cases = [((2.0, 4.0), 0), ((0.5, 4.0), 1), ((2.0, 40.0), 1), ((1e-9, 1e9), 2), ((1.0, 10.0), 0)];
            for (interval, heads) in cases {
                assert_eq!(with(interval, sideways), (heads, heads > 0), "{interval:?}");
            }
        }
    }

    #[test]
    fn a_legend_of_any_length_is_above_the_data() {
        let layers =
            (0..30).map(|i| Layer::line(format!("a long name of a series {i}"), Colour::Blue, vec![(2.0, 2.0)]));
        let sheet = sheet(layers.collect());
        for style in [Style::SCREEN, Style::of_column(84.0)] {
            let drawing = Drawing { sheet: &sheet, style, id: "f" };
            let (entries, top) = drawing.key();
            let (placed, height) = drawing.places(top);
            assert!(entries.iter().all(|entry| entry.y < placed[0].area.top && entry.x > 0.0));
            assert!(entries.iter().all(|entry| entry.x + width(&entry.text, style.font) < style.width));
            assert!(placed[0].area.bottom < height);
        }
    }

    #[test]
    fn hostile_names_stay_text() {
        let evil = "</title><script>alert(1)</script>\"'&\u{0}";
        let mut sheet = sheet(vec![Layer::line(evil, Colour::Blue, vec![(2.0, 2.0)])]);
        sheet.title = evil.to_owned();
        sheet.plots[0].title = evil.to_owned();
        sheet.plots[0].x.label = evil.to_owned();
        sheet.note = Some(evil.to_owned());
        let svg = sheet.svg(Style::SCREEN, "f");
        assert!(!svg.contains("<script") && !svg.contains('\u{0}'), "{svg}");
    }
}
