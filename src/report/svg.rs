//! A small plot as SVG text: two axes, points, lines, bands.
//!
//! Nothing is measured at run time: widths of labels are estimated, coordinates have two decimals,
//! so the same data give the same bytes.

use std::fmt::Write as _;

use crate::numerics::{exp, ln};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 58.0;
/// Smallest number above zero.
const SMALLEST: f64 = 5e-324;

/// An axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) label: String,
    pub(super) log: bool,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Axis {
    /// An axis that holds all values, with a margin.
    pub(super) fn around(label: &str, log: bool, values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            let place = if log { ln(value) } else { value };
            if place.is_finite() {
                low = low.min(place);
                high = high.max(place);
            }
        }
        if low > high {
            return None;
        }
        let margin = if high > low { 0.05 * (high - low) } else { 0.1 * low.abs().max(1e-3) };
        // Values may lie at the ends of what a number holds, where there is no room beyond.
        let place = |p: f64| if log { exp(p).clamp(SMALLEST, f64::MAX) } else { p };
        let axis = Self { label: label.to_owned(), log, low: place(low - margin), high: place(high + margin) };
        let length = axis.place(axis.high) - axis.place(axis.low);
        (length > 0.0 && length.is_finite()).then_some(axis)
    }

    /// The value, or the farthest one for which a logarithmic axis is made room: a range as long again beyond either end.
    pub(super) fn nearest_within_reach(&self, value: f64) -> f64 {
        let length = self.high / self.low;
        value.clamp(self.low / length, self.high * length)
    }

    /// Where a value lies: 0 at the low end, 1 at the high one.
    fn share(&self, value: f64) -> f64 {
        (self.place(value) - self.place(self.low)) / (self.place(self.high) - self.place(self.low))
    }

    fn place(&self, value: f64) -> f64 {
        if self.log { ln(value) } else { value }
    }

    /// Ticks: powers of ten where there are three or more, else round numbers.
    fn ticks(&self) -> Vec<(f64, String)> {
        if self.log {
            let first = (ln(self.low) / std::f64::consts::LN_10).ceil() as i32;
            let last = (ln(self.high) / std::f64::consts::LN_10).floor() as i32;
            if last - first >= 2 {
                let step = usize::try_from((last - first) / 8 + 1).unwrap_or(1);
                return (first..=last)
                    .step_by(step)
                    .map(|e| (libm::pow(10.0, f64::from(e)), power_of_ten(e)))
                    .collect();
            }
            if self.high / self.low > 5.0 {
                let leads = [1.0, 2.0, 5.0];
                let all =
                    (first - 1..=last).flat_map(|e| leads.map(|lead| (lead * libm::pow(10.0, f64::from(e)), lead, e)));
                return all
                    .filter(|(value, ..)| (self.low..=self.high).contains(value))
                    .map(|(value, lead, e)| {
                        (
                            value,
                            if (-3..5).contains(&e) {
                                super::words::trimmed(&plain(value, 3))
                            } else {
                                format!("{lead}·{}", power_of_ten(e))
                            },
                        )
                    })
                    .collect();
            }
        }
        let rough = (self.high - self.low) / 6.0;
        let magnitude = libm::pow(10.0, libm::floor(libm::log10(rough)));
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|m| m * magnitude)
            .find(|s| *s >= rough * 0.999)
            .unwrap_or(magnitude);
        if step <= 0.0 {
            return Vec::new();
        }
        let from = (self.low / step).ceil() as i64;
        let to = (self.high / step).floor() as i64;
        (from..=to).map(|i| i as f64 * step).map(|value| (value, label(value, step))).collect()
    }
}

fn label(value: f64, step: f64) -> String {
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    if value.abs() >= 1e5 { super::words::digits(value, 3) } else { plain(value, decimals(step)) }
}

/// Decimals that show a step exactly.
fn decimals(step: f64) -> usize {
    (0..9).find(|d| (step * libm::pow(10.0, f64::from(*d))).fract().abs() < 1e-6).unwrap_or(9) as usize
}

fn plain(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$}").replace('-', "−")
}

fn power_of_ten(exponent: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digits = exponent.unsigned_abs().to_string();
    let sign = if exponent < 0 { "⁻" } else { "" };
    let raised: String = digits.bytes().map(|b| DIGITS[usize::from(b - b'0')]).collect();
    format!("10{sign}{raised}")
}

/// The shape of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Dot,
    Ring,
    Diamond,
}

/// Something drawn.
#[derive(Clone, Debug)]
pub(super) enum Layer {
    /// Points, each perhaps with an interval.
    Points {
        mark: Mark,
        colour: &'static str,
        label: String,
        points: Vec<(f64, f64)>,
        intervals: Vec<Option<(f64, f64)>>,
    },
    /// A line; dashed where it leaves the data.
    Line { colour: &'static str, label: String, points: Vec<(f64, f64)>, dashed: bool },
    /// The area between two curves: (x, low, high).
    Band { colour: &'static str, label: String, points: Vec<(f64, f64, f64)> },
}

/// Colours that stay apart for most kinds of colour blindness and in grey (after Okabe and Ito 2008).
pub(super) const BLUE: &str = "#0072b2";
pub(super) const ORANGE: &str = "#d55e00";
pub(super) const GREEN: &str = "#009e73";
pub(super) const GREY: &str = "#8a8f98";

/// A plot.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) layers: Vec<Layer>,
}

impl Plot {
    fn x(&self, value: f64) -> f64 {
        LEFT + self.x.share(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.share(value).clamp(-0.2, 1.2) * (HEIGHT - TOP - BOTTOM)
    }

    /// The picture.
    pub(super) fn svg(&self) -> String {
        let mut out = String::new();
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\" font-size=\"13\" role=\"img\">\n<title>{}</title>\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
             <clipPath id=\"area\"><rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/></clipPath>\n",
            escape(&self.title),
            WIDTH - LEFT - RIGHT,
            HEIGHT - TOP - BOTTOM,
        );
        self.axes(&mut out);
        out.push_str("<g clip-path=\"url(#area)\">\n");
        self.layers.iter().for_each(|layer| self.layer(&mut out, layer));
        out.push_str("</g>\n");
        self.legend(&mut out);
        out.push_str("</svg>\n");
        out
    }

    fn axes(&self, out: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (value, text) in self.x.ticks() {
            let x = self.x(value);
            let _ = writeln!(
                out,
                "<line x1=\"{x:.2}\" y1=\"{TOP}\" x2=\"{x:.2}\" y2=\"{bottom}\" stroke=\"#e6e8eb\"/>\
                 <text x=\"{x:.2}\" y=\"{:.2}\" text-anchor=\"middle\" fill=\"#3c4148\">{text}</text>",
                bottom + 19.0,
            );
        }
        for (value, text) in self.y.ticks() {
            let y = self.y(value);
            let _ = writeln!(
                out,
                "<line x1=\"{LEFT}\" y1=\"{y:.2}\" x2=\"{right}\" y2=\"{y:.2}\" stroke=\"#e6e8eb\"/>\
                 <text x=\"{:.2}\" y=\"{:.2}\" text-anchor=\"end\" fill=\"#3c4148\">{text}</text>",
                LEFT - 8.0,
                y + 4.5,
            );
        }
        let _ = write!(
            out,
            "<path d=\"M{LEFT} {TOP}V{bottom}H{right}\" fill=\"none\" stroke=\"#3c4148\"/>\n\
             <text x=\"{:.2}\" y=\"{:.2}\" text-anchor=\"middle\" fill=\"#16181c\">{}</text>\n\
             <text transform=\"translate(18 {:.2}) rotate(-90)\" text-anchor=\"middle\" fill=\"#16181c\">{}</text>\n",
            f64::midpoint(LEFT, right),
            HEIGHT - 14.0,
            escape(&self.x.label),
            f64::midpoint(TOP, bottom),
            escape(&self.y.label),
        );
    }

    fn layer(&self, out: &mut String, layer: &Layer) {
        match layer {
            Layer::Points { mark, colour, points, intervals, .. } => {
                for (index, &(x, y)) in points.iter().enumerate() {
                    let (x, y) = (self.x(x), self.y(y));
                    if !(x.is_finite() && y.is_finite()) {
                        continue;
                    }
                    if let Some((low, high)) = intervals.get(index).copied().flatten() {
                        let (low, high) = (self.y(low), self.y(high));
                        if !(low.is_finite() && high.is_finite()) {
                            continue;
                        }
                        let _ = writeln!(
                            out,
                            "<path d=\"M{x:.2} {low:.2}V{high:.2}M{:.2} {low:.2}h8M{:.2} {high:.2}h8\" stroke=\"{colour}\" stroke-width=\"1.5\" fill=\"none\"/>",
                            x - 4.0,
                            x - 4.0,
                        );
                    }
                    mark_at(out, *mark, colour, x, y);
                }
            }
            Layer::Line { colour, points, dashed, .. } => {
                let dash = if *dashed { " stroke-dasharray=\"6 5\"" } else { "" };
                let _ = writeln!(
                    out,
                    "<path d=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>",
                    self.path(points)
                );
            }
            Layer::Band { colour, points, .. } => {
                let is_seen = |(x, low, high): &&(f64, f64, f64)| {
                    [self.x(*x), self.y(*low), self.y(*high)].into_iter().all(f64::is_finite)
                };
                let seen: Vec<&(f64, f64, f64)> = points.iter().filter(is_seen).collect();
                if seen.is_empty() {
                    return;
                }
                let mut outline: Vec<(f64, f64)> = seen.iter().map(|&&(x, low, _)| (x, low)).collect();
                outline.extend(seen.iter().rev().map(|&&(x, _, high)| (x, high)));
                let _ = writeln!(out, "<path d=\"{}Z\" fill=\"{colour}\" fill-opacity=\"0.16\"/>", self.path(&outline));
            }
        }
    }

    fn path(&self, points: &[(f64, f64)]) -> String {
        let mut path = String::new();
        let mut begins = true;
        for (x, y) in points.iter().map(|&(x, y)| (self.x(x), self.y(y))) {
            // Where there is no point the line begins again after it.
            let is_seen = x.is_finite() && y.is_finite();
            if is_seen {
                let _ = write!(path, "{}{x:.2} {y:.2}", if begins { 'M' } else { 'L' });
            }
            begins = !is_seen;
        }
        path
    }

    /// A key in the upper right corner, where falling losses leave room.
    fn legend(&self, out: &mut String) {
        let entries: Vec<(&Layer, &str)> = self
            .layers
            .iter()
            .filter_map(|layer| {
                let label = match layer {
                    Layer::Points { label, .. } | Layer::Line { label, .. } | Layer::Band { label, .. } => {
                        label.as_str()
                    }
                };
                (!label.is_empty()).then_some((layer, label))
            })
            .collect();
        let longest = entries.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0);
        let width = 44.0 + 6.7 * longest as f64;
        let height = 12.0 + 20.0 * entries.len() as f64;
        let (left, top) = (WIDTH - RIGHT - width - 8.0, TOP + 8.0);
        let _ = writeln!(
            out,
            "<rect x=\"{left:.2}\" y=\"{top:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" rx=\"4\" fill=\"#ffffff\" fill-opacity=\"0.9\" stroke=\"#d5d8dc\"/>",
        );
        for (index, (layer, label)) in entries.into_iter().enumerate() {
            let y = top + 16.0 + 20.0 * index as f64;
            let x = left + 20.0;
            match layer {
                Layer::Points { mark, colour, .. } => mark_at(out, *mark, colour, x, y),
                Layer::Line { colour, dashed, .. } => {
                    let dash = if *dashed { " stroke-dasharray=\"6 5\"" } else { "" };
                    let _ = writeln!(
                        out,
                        "<path d=\"M{:.2} {y:.2}h24\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>",
                        x - 12.0
                    );
                }
                Layer::Band { colour, .. } => {
                    let _ = writeln!(
                        out,
                        "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"24\" height=\"12\" fill=\"{colour}\" fill-opacity=\"0.16\"/>",
                        x - 12.0,
                        y - 6.0
                    );
                }
            }
            let _ = writeln!(
                out,
                "<text x=\"{:.2}\" y=\"{:.2}\" fill=\"#16181c\">{}</text>",
                left + 38.0,
                y + 4.5,
                escape(label)
            );
        }
    }
}

fn mark_at(out: &mut String, mark: Mark, colour: &str, x: f64, y: f64) {
    let _ = match mark {
        Mark::Dot => {
            writeln!(out, "<circle cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"3.2\" fill=\"{colour}\" fill-opacity=\"0.65\"/>")
        }
        Mark::Ring => writeln!(
            out,
            "<circle cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"3.6\" fill=\"#ffffff\" stroke=\"{colour}\" stroke-width=\"1.6\"/>"
        ),
        Mark::Diamond => {
            writeln!(out, "<path d=\"M{x:.2} {:.2}l6 6-6 6-6-6Z\" fill=\"{colour}\" stroke=\"#ffffff\"/>", y - 6.0)
        }
    };
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(log: bool, low: f64, high: f64) -> Vec<String> {
        Axis { label: String::new(), log, low, high }.ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_suit_the_span() {
        assert_eq!(axis(true, 5e18, 3e23), ["10¹⁹", "10²⁰", "10²¹", "10²²", "10²³"]);
        assert_eq!(axis(true, 1.9, 3.1), ["2.0", "2.2", "2.4", "2.6", "2.8", "3.0"].map(str::to_owned));
        assert_eq!(axis(true, 0.8, 12.0), ["1", "2", "5", "10"]);
        assert_eq!(axis(false, -0.021, 0.034), ["−0.02", "−0.01", "0.00", "0.01", "0.02", "0.03"]);
    }

    #[test]
    fn an_axis_of_one_value_has_room_around_it() {
        let axis = Axis::around("x", true, [2.0]).unwrap();
        assert!(axis.low < 2.0 && axis.high > 2.0);
        assert!(Axis::around("x", true, [f64::NAN]).is_none());
    }

    #[test]
    fn values_at_the_ends_of_what_a_number_holds_give_an_axis_or_none_and_never_hang() {
        let values = [5e-324, 1e-310, 1e-300, 1e-30, 1.0, 1e30, 1e300, f64::MAX];
        for log in [true, false] {
            for low in values {
                for high in values.into_iter().filter(|high| *high >= low) {
                    for sign in if log { vec![1.0] } else { vec![1.0, -1.0] } {
                        if let Some(axis) = Axis::around("x", log, [sign * low, high]) {
                            assert!(axis.ticks().len() < 100, "{low} {high}");
                            assert!(axis.share(high).is_finite(), "{low} {high}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_has_no_place_is_not_drawn() {
        let axis = || Axis { label: String::new(), log: true, low: 1.0, high: 10.0 };
        let points = vec![(2.0, 2.0), (-1.0, 2.0), (3.0, f64::NAN), (4.0, 4.0)];
        let band = points.iter().map(|&(x, y)| (x, y, y)).collect();
        let layers = vec![
            Layer::Line { colour: BLUE, label: String::new(), points: points.clone(), dashed: false },
            Layer::Band { colour: BLUE, label: String::new(), points: band },
            Layer::Points {
                mark: Mark::Dot,
                colour: BLUE,
                label: String::new(),
                points,
                intervals: vec![Some((1.0, f64::NAN)); 4],
            },
        ];
        let svg = Plot { title: String::new(), x: axis(), y: axis(), layers }.svg();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn room_is_made_for_intervals_but_not_so_much_that_the_rows_are_squeezed() {
        let axis = Axis { label: String::new(), log: true, low: 2.0, high: 4.0 };
        assert_eq!(axis.nearest_within_reach(1.5), 1.5);
        assert_eq!(axis.nearest_within_reach(1e9), 8.0);
        assert_eq!(axis.nearest_within_reach(0.0), 1.0);
    }
}
