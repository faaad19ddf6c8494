//! The figures of a fit: against the data with its extrapolation, and its residuals.

use std::collections::{BTreeMap, BTreeSet};

use super::results::of_group;
use super::svg::{Axis, BLUE, GREEN, GREY, Layer, Mark, ORANGE, Plot};
use super::{Described, DescribedFit, Figure, words};
use crate::answer::{Answer, Verdict};
use crate::artifact::Digest;
use crate::dataset::Dataset;
use crate::fit::{Fit, HELD, PREDICTED, RESIDUAL, Region};
use crate::numerics::{exp, ln, median, quantile};
use crate::query::{FLOP_PER_PARAMETER_AND_TOKEN, Model, Moves, Ready, Refusal, Solved, Trail, best_response};

/// A fit, or one of its groups, with what is drawn of it.
#[derive(Clone, Debug)]
pub struct FitData {
    /// Its name in the report.
    pub name: String,
    /// Its name in the names of files.
    pub file: String,
    /// The group it is of.
    pub group: Option<String>,
    /// The fit.
    pub fit: Fit,
    /// Its rows, with predictions and residuals.
    pub rows: Dataset,
    /// Draws of its free parameters.
    pub draws: Vec<Vec<f64>>,
}

impl FitData {
    /// What is drawn of a fit: itself, or each of its groups with the rows that belong to it.
    pub fn of_members(name: &str, fit: &Fit, rows: &Dataset, draws: Vec<Vec<Vec<f64>>>) -> Vec<Self> {
        let members = fit.members().into_iter().zip(draws).enumerate();
        members
            .map(|(index, ((group, member), draws))| {
                let stem = file_stem(name);
                let (name, file, rows) = match (group, &fit.by) {
                    (Some(group), Some(by)) => {
                        let own: Vec<usize> = (0..rows.rows()).filter(|&row| rows.text(by, row) == group).collect();
                        // A group's value may be anything; its number is a name for a file.
                        (of_group(name, group), format!("{stem}-{}", index + 1), rows.select(&own))
                    }
                    _ => (name.to_owned(), stem, rows.clone()),
                };
                Self { name, file, group: group.map(str::to_owned), fit: member.clone(), rows, draws }
            })
            .collect()
    }
}

/// A fit's name as part of a file's: letters, digits and `-._`; where that loses something, with a digest.
fn file_stem(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if name.chars().all(plain) && name.len() <= LONGEST_STEM && !name.starts_with('.') {
        return name.to_owned();
    }
    let words: Vec<&str> = name.split(|letter| !plain(letter)).filter(|word| !word.is_empty()).collect();
    let words: String = words.join("-").chars().take(LONGEST_STEM).collect();
    format!("{words}-{:.6}", Digest::of(name.as_bytes()).as_str())
}

/// As many points as a picture can show; of more, some from all over, and none twice.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    if points.len() <= MOST_POINTS {
        return points;
    }
    // Multiples of the golden ratio fall evenly, and in step with no grid of runs.
    let place = |k: usize| ((k as f64 * GOLDEN).fract() * points.len() as f64) as usize;
    let chosen: BTreeSet<usize> = (0..MOST_POINTS).map(place).collect();
    chosen.into_iter().filter_map(|row| points.get(row).copied()).collect()
}

/// Most points of one kind that are drawn.
const MOST_POINTS: usize = 4000;
/// Longest name of a fit that is part of a file's as it is.
const LONGEST_STEM: usize = 80;
/// Most fits that are drawn: a page with a thousand figures is none.
const MOST_DRAWN: usize = 40;
/// Most forecasts of a backtest that are drawn with their intervals.
const MOST_INTERVALS: usize = 60;
/// Points on a curve.
const STEPS: usize = 60;
/// Draws that make a band.
const BAND_DRAWS: usize = 100;

/// Draws the figures of every fit that has rows.
pub fn draw(
    described: &Described,
    fits: &BTreeMap<String, Vec<FitData>>,
    answers: &BTreeMap<String, Answer>,
) -> (Vec<Figure>, usize) {
    let mut figures = Vec::new();
    let with_rows = fits.iter().flat_map(|(name, data)| data.iter().map(move |data| (name, data)));
    let with_rows: Vec<(&String, &FitData)> = with_rows.filter(|(_, data)| data.rows.rows() > 0).collect();
    for (name, data) in with_rows.iter().take(MOST_DRAWN) {
        let Some(about) = described.fit(name) else { continue };
        let of_fit: Vec<&Answer> =
            described.queries.iter().filter(|q| q.fit == **name).filter_map(|q| answers.get(&q.name)).collect();
        let view = View::new(about, data, &of_fit);
        figures.extend(view.against_data());
        figures.extend(view.residuals());
        figures.extend(view.backtest());
        figures.extend(view.regions());
    }
    (figures, with_rows.len().saturating_sub(MOST_DRAWN))
}

/// What lies on the horizontal axis of a law's figures.
enum Abscissa {
    /// The law's only variable.
    Variable(String),
    /// Compute, for a law of N and D.
    Compute,
    /// The prediction, for any other law.
    Prediction,
}

/// What a query adds to a figure: a point with its interval.
struct Forecast {
    x: f64,
    y: f64,
    interval: Option<(f64, f64)>,
}

struct View<'a> {
    about: &'a DescribedFit,
    data: &'a FitData,
    ready: Ready<'a>,
    /// The law's variables that the curve does not move, at their medians over the fitted rows.
    held: BTreeMap<String, f64>,
    abscissa: Abscissa,
    forecasts: Vec<Forecast>,
}

impl<'a> View<'a> {
    fn new(about: &'a DescribedFit, data: &'a FitData, answers: &[&Answer]) -> Self {
        let law = &about.law;
        let abscissa = match law.variables.as_slice() {
            [one] => Abscissa::Variable(one.name.clone()),
            _ if law.variable("N").is_some() && law.variable("D").is_some() => Abscissa::Compute,
            _ => Abscissa::Prediction,
        };
        let moves = matches!(abscissa, Abscissa::Compute).then(Moves::sizes);
        let ready = Ready::new(law, &data.fit.spans, moves.as_ref());
        let fitted: Vec<usize> = match data.rows.numbers(HELD) {
            Some(held) => (0..held.len()).filter(|&row| held[row] == 0.0).collect(),
            None => Vec::new(),
        };
        let held = match abscissa {
            Abscissa::Compute => {
                let others = law.variables.iter().filter(|v| !matches!(v.name.as_str(), "N" | "D" | "C"));
                let middle = |name: &str| {
                    let values = data.rows.numbers(name)?;
                    Some((name.to_owned(), median(&fitted.iter().map(|&row| values[row]).collect::<Vec<_>>())))
                };
                others.filter_map(|variable| middle(&variable.name)).collect()
            }
            _ => BTreeMap::new(),
        };
        let mut view = Self { about, data, ready, held, abscissa, forecasts: Vec::new() };
        view.forecasts = answers.iter().flat_map(|answer| view.forecasts_of(answer)).collect();
        view
    }

    /// The answers that are a response at a known place.
    fn forecasts_of(&self, answer: &Answer) -> Vec<Forecast> {
        let at = |row: &crate::answer::Row, name: &str| {
            row.inputs.get(name).copied().or_else(|| row.outputs.get(name).and_then(|cell| cell.value))
        };
        let mut all = Vec::new();
        for row in answer.rows.iter().filter(|row| row.group == self.data.group) {
            let Some(loss) = row.outputs.get("loss").filter(|_| row.reach.verdict != Verdict::NotIdentified) else {
                continue;
            };
            let x = match &self.abscissa {
                Abscissa::Variable(name) => at(row, name),
                Abscissa::Compute => {
                    at(row, "C").or_else(|| Some(FLOP_PER_PARAMETER_AND_TOKEN * at(row, "N")? * at(row, "D")?))
                }
                Abscissa::Prediction => None,
            };
            if let (Some(x), Some(y)) = (x, loss.value) {
                all.push(Forecast { x, y, interval: loss.lower.zip(loss.upper) });
            }
        }
        all
    }

    fn column(&self, name: &str) -> &[f64] {
        self.data.rows.numbers(name).unwrap_or_default()
    }

    fn xs(&self) -> Vec<f64> {
        match &self.abscissa {
            Abscissa::Variable(name) => self.column(name).to_vec(),
            Abscissa::Compute => self
                .column("N")
                .iter()
                .zip(self.column("D"))
                .map(|(n, d)| FLOP_PER_PARAMETER_AND_TOKEN * n * d)
                .collect(),
            Abscissa::Prediction => self.column(PREDICTED).to_vec(),
        }
    }

    fn x_label(&self) -> String {
        match &self.abscissa {
            Abscissa::Variable(name) => match name.as_str() {
                "N" => "N, parameters".to_owned(),
                "D" => "D, tokens".to_owned(),
                "C" => "C, training FLOP".to_owned(),
                other => other.to_owned(),
            },
            Abscissa::Compute => "C = 6 N D, training FLOP".to_owned(),
            Abscissa::Prediction => format!("{} predicted", self.about.law.response),
        }
    }

    /// Rows as points, fitted ones and held-out ones apart.
    fn points(&self, ys: &[f64]) -> Vec<Layer> {
        let held = self.column(HELD);
        let xs = self.xs();
        let pick = |wanted: bool| -> Vec<(f64, f64)> {
            (0..xs.len()).filter(|&i| (held[i] != 0.0) == wanted).map(|i| (xs[i], ys[i])).collect()
        };
        let mut layers = Vec::new();
        for (points, mark, colour, label) in
            [(pick(false), Mark::Dot, BLUE, "fitted"), (pick(true), Mark::Ring, ORANGE, "held out")]
        {
            if !points.is_empty() {
                let (count, points) = (points.len(), thinned(points));
                let shown =
                    if points.len() < count { format!("{} of {count}", points.len()) } else { count.to_string() };
                layers.push(Layer::Points {
                    mark,
                    colour,
                    label: format!("{label} ({shown})"),
                    points,
                    intervals: Vec::new(),
                });
            }
        }
        layers
    }

    /// Tokens per parameter, where all rows share one value of it.
    fn ray(&self) -> Option<f64> {
        let ray = self.data.fit.rays.iter().find(|ray| ray.first == "N" && ray.second == "D")?;
        Some((ray.ratio.lowest * ray.ratio.highest).sqrt())
    }

    /// The law's curve at parameters: its value, its value along the rows' ray, or its best value for a budget.
    fn curve(&self, parameters: &[f64], x: f64, trail: &Trail<'_>) -> Option<f64> {
        let model = Model { ready: &self.ready, parameters, other: None, trail };
        let at = |own: &[(&str, f64)]| -> Result<f64, Refusal> {
            let mut at = self.held.clone();
            at.extend(own.iter().map(|(name, value)| ((*name).to_owned(), *value)));
            model.response(&at)
        };
        match &self.abscissa {
            Abscissa::Variable(name) => at(&[(name, x)]).ok(),
            Abscissa::Compute => match self.ray() {
                Some(ratio) => {
                    let n = (x / (FLOP_PER_PARAMETER_AND_TOKEN * ratio)).sqrt();
                    at(&[("N", n), ("D", ratio * n), ("C", x)]).ok()
                }
                None => best_response(&model, x, &self.held),
            },
            Abscissa::Prediction => None,
        }
    }

    /// The curve at the estimate, and what draws take over from it.
    fn estimate(&self, x: f64) -> (Option<f64>, Vec<Option<Solved>>) {
        let trail = Trail::default();
        let value = self.curve(&self.data.fit.free, x, &trail);
        (value, trail.laid())
    }

    /// The variables that the curve holds, in words.
    fn held(&self) -> String {
        let held = self
            .held
            .iter()
            .map(|(name, value)| format!("{name} = {}", words::quantity(self.about.dimension(name), *value)));
        let held: Vec<String> = held.collect();
        if held.is_empty() { String::new() } else { format!(" It holds {}, the median of the rows.", held.join(", ")) }
    }

    fn against_data(&self) -> Option<Figure> {
        let name = &self.data.name;
        let response = &self.about.law.response;
        let observed = self.column(response).to_vec();
        let xs = self.xs();
        let mut layers = Vec::new();
        if matches!(self.abscissa, Abscissa::Prediction) {
            let ends = Axis::around("", true, xs.iter().chain(&observed).copied())?;
            let points = vec![(ends.low, ends.low), (ends.high, ends.high)];
            layers.push(Layer::Line { colour: GREY, label: "equal".to_owned(), points, dashed: true });
        } else {
            self.add_curve(&xs, &mut layers);
        }
        layers.extend(self.points(&observed));
        if !self.forecasts.is_empty() {
            layers.push(Layer::Points {
                mark: Mark::Diamond,
                colour: GREEN,
                label: "answers".to_owned(),
                points: self.forecasts.iter().map(|f| (f.x, f.y)).collect(),
                intervals: self.forecasts.iter().map(|f| f.interval).collect(),
            });
        }
        let all_x = xs.iter().copied().chain(self.forecasts.iter().map(|f| f.x));
        let curve_y = layers.iter().flat_map(|layer| match layer {
            Layer::Line { points, .. } => points.iter().map(|p| p.1).collect(),
            _ => Vec::new(),
        });
        let all_y: Vec<f64> =
            observed.iter().copied().chain(self.forecasts.iter().map(|f| f.y)).chain(curve_y).collect();
        let ends = self.forecasts.iter().filter_map(|f| f.interval).flat_map(|(low, high)| [low, high]);
        let y_axis = Axis::around(response, true, all_y.iter().copied())?;
        let ends: Vec<f64> = ends.map(|end| y_axis.nearest_within_reach(end)).collect();
        let plot = Plot {
            title: format!("{name}: {response} against the data"),
            x: Axis::around(&self.x_label(), true, all_x)?,
            y: Axis::around(response, true, all_y.into_iter().chain(ends))?,
            layers,
        };
        let what = match self.abscissa {
            Abscissa::Variable(_) => "The law and its rows; dashed where it leaves them.",
            Abscissa::Compute if self.ray().is_some() => {
                "The law along the one ray of tokens per parameter on which all rows lie; dashed where it leaves them."
            }
            Abscissa::Compute => {
                "The rows, and what the law gives each budget with the best split; dashed where it leaves the rows. A row is worse than the line where its budget was split otherwise."
            }
            Abscissa::Prediction => "What the law predicts for each row, and what was observed.",
        };
        let band = self.data.fit.level.map_or(String::new(), |level| {
            format!(" The band holds {:.0} % of the draws of the parameters.", 100.0 * level)
        });
        Some(Figure {
            file: format!("fit-{}.svg", self.data.file),
            fit: name.clone(),
            caption: format!("{what}{}{band}", self.held()),
            svg: plot.svg(),
        })
    }

    /// The law from the first row to the farthest answer, with its band.
    fn add_curve(&self, xs: &[f64], layers: &mut Vec<Layer>) {
        let low = xs.iter().copied().fold(f64::INFINITY, f64::min);
        let data_end =
            xs.iter().zip(self.column(HELD)).filter(|(_, held)| **held == 0.0).map(|(x, _)| *x).fold(low, f64::max);
        let far = self.forecasts.iter().map(|f| f.x).chain(xs.iter().copied()).fold(data_end, f64::max);
        let low = self.forecasts.iter().map(|f| f.x).fold(low, f64::min);
        let place = |share: f64| exp(ln(low) + share * (ln(far) - ln(low)));
        let grid: Vec<f64> = (0..=STEPS).map(|i| place(i as f64 / STEPS as f64)).collect();
        let estimates: Vec<(Option<f64>, Vec<Option<Solved>>)> = grid.iter().map(|&x| self.estimate(x)).collect();
        if let Some(level) = self.data.fit.level {
            let step = self.data.draws.len().div_ceil(BAND_DRAWS).max(1);
            let draws: Vec<&Vec<f64>> = self.data.draws.iter().step_by(step).collect();
            let band: Vec<(f64, f64, f64)> = grid
                .iter()
                .zip(&estimates)
                .filter_map(|(&x, (_, solved))| {
                    let at = |draw: &&Vec<f64>| self.curve(draw, x, &Trail::following(solved));
                    let mut values: Vec<f64> = draws.iter().filter_map(at).collect();
                    values.sort_by(f64::total_cmp);
                    (2 * values.len() > draws.len()).then(|| {
                        (x, quantile(&values, (1.0 - level) / 2.0), quantile(&values, f64::midpoint(1.0, level)))
                    })
                })
                .collect();
            if band.len() > 1 {
                layers.push(Layer::Band {
                    colour: BLUE,
                    label: format!("{:.0} % of draws", 100.0 * level),
                    points: band,
                });
            }
        }
        let curve = |keep: &dyn Fn(f64) -> bool| -> Vec<(f64, f64)> {
            let known = grid.iter().zip(&estimates).filter(|(x, _)| keep(**x));
            known.filter_map(|(&x, (value, _))| Some((x, (*value)?))).collect()
        };
        let inside = curve(&|x| x <= data_end * 1.000_001);
        let mut outside = curve(&|x| x > data_end);
        if let (Some(&last), false) = (inside.last(), outside.is_empty()) {
            outside.insert(0, last);
        }
        let label = match self.abscissa {
            Abscissa::Compute if self.ray().is_some() => "law, along the ray",
            Abscissa::Compute => "law, best split",
            _ => "law",
        };
        if inside.len() > 1 {
            layers.push(Layer::Line { colour: BLUE, label: label.to_owned(), points: inside, dashed: false });
        }
        if outside.len() > 1 {
            layers.push(Layer::Line {
                colour: BLUE,
                label: format!("{label}, extrapolated"),
                points: outside,
                dashed: true,
            });
        }
    }

    fn residuals(&self) -> Option<Figure> {
        let name = &self.data.name;
        let percent: Vec<f64> = self.column(RESIDUAL).iter().map(|r| 100.0 * (exp(*r) - 1.0)).collect();
        let xs = self.xs();
        let x = Axis::around(&self.x_label(), true, xs.iter().copied())?;
        let zero = vec![(x.low, 0.0), (x.high, 0.0)];
        let mut layers = vec![Layer::Line { colour: GREY, label: String::new(), points: zero, dashed: false }];
        layers.extend(self.points(&percent));
        let y = Axis::around("prediction over observation − 1, %", false, percent.iter().copied().chain([0.0]))?;
        let plot = Plot { title: format!("{name}: residuals"), x, y, layers };
        Some(Figure {
            file: format!("residuals-{}.svg", self.data.file),
            fit: name.clone(),
            caption: "What the law misses, row by row: above zero it predicts too much. A trend or a bend says that the law is wrong there.".to_owned(),
            svg: plot.svg(),
        })
    }

    /// The region of each pair of parameters that the spec names.
    fn regions(&self) -> Vec<Figure> {
        self.data.fit.regions.iter().enumerate().filter_map(|(index, region)| self.region(index, region)).collect()
    }

    fn region(&self, index: usize, region: &Region) -> Option<Figure> {
        let [one, other] = &region.parameters;
        let estimate = |name: &str| self.data.fit.parameters.get(name).and_then(|e| e.value);
        let centre = (estimate(one)?, estimate(other)?);
        let (xs, ys): (Vec<f64>, Vec<f64>) = region.points.iter().map(|[x, y]| (*x, *y)).unzip();
        // A region over more than a decade is seen on a logarithmic axis.
        let wide = |values: &[f64]| {
            let (low, high) = values.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(*v), h.max(*v)));
            low > 0.0 && high > 10.0 * low
        };
        let x = Axis::around(one, wide(&xs), xs.iter().copied())?;
        let y = Axis::around(other, wide(&ys), ys.iter().copied())?;
        let mut border: Vec<(f64, f64)> = xs.into_iter().zip(ys).collect();
        border.extend(border.first().copied());
        let percent = 100.0 * region.level;
        let layers = vec![
            Layer::Line {
                colour: BLUE,
                label: format!("{percent:.0} % region"),
                points: border,
                dashed: !region.closed,
            },
            Layer::Points {
                mark: Mark::Dot,
                colour: ORANGE,
                label: "estimate".to_owned(),
                points: vec![centre],
                intervals: vec![None],
            },
        ];
        let name = &self.data.name;
        let open =
            if region.closed { "" } else { " On some side the rows do not object: the border is a guess there." };
        Some(Figure {
            file: format!("region-{}-{}.svg", self.data.file, index + 1),
            fit: name.clone(),
            caption: format!("Where {one} and {other} lie together, all other parameters following.{open}"),
            svg: Plot { title: format!("{name}: {one} and {other}"), x, y, layers }.svg(),
        })
    }

    fn backtest(&self) -> Option<Figure> {
        let name = &self.data.name;
        let backtest = self.data.fit.backtest.as_ref()?;
        let x = {
            let distances = backtest.law.points.iter().map(|(distance, ..)| *distance);
            Axis::around(&format!("{} over the largest known", backtest.along), true, distances.chain([1.0]))?
        };
        let pasts = [(&backtest.law, BLUE, Mark::Dot, "the law")]
            .into_iter()
            .chain(backtest.several_laws.as_ref().map(|past| (past, ORANGE, Mark::Ring, "several laws")));
        let mut layers = vec![Layer::Line {
            colour: GREY,
            label: String::new(),
            points: vec![(x.low, 0.0), (x.high, 0.0)],
            dashed: false,
        }];
        let mut values = vec![0.0];
        for (past, colour, mark, label) in pasts {
            let percent = |log: f64| 100.0 * (exp(log) - 1.0);
            let points: Vec<(f64, f64)> = past.points.iter().map(|(d, log, _)| (*d, percent(*log))).collect();
            values.extend(points.iter().map(|(_, miss)| *miss));
            // Of many rows the intervals would hide the points.
            let shown = |half: Option<f64>| half.filter(|_| past.points.len() <= MOST_INTERVALS);
            let interval = |(_, log, half): &(f64, f64, Option<f64>)| {
                shown(*half).map(|half| (percent(log - half), percent(log + half)))
            };
            let intervals = past.points.iter().map(interval).collect();
            layers.push(Layer::Points { mark, colour, label: label.to_owned(), points, intervals });
        }
        // Room for the legend above the points.
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        values.push(highest + 0.25 * (highest - lowest));
        let y = Axis::around("forecast over observation − 1, %", false, values)?;
        let plot = Plot { title: format!("{name}: forecasts of what came later"), x, y, layers };
        Some(Figure {
            file: format!("backtest-{}.svg", self.data.file),
            fit: name.clone(),
            caption: format!(
                "Each time only smaller runs were known along {}: how far the forecasts of all larger ones are off, by distance. An interval that does not reach zero missed.",
                backtest.along
            ),
            svg: plot.svg(),
        })
    }
}
