//! Figures: one file per kind of chart, drawn from the results and the rows of a study.
//!
//! A chart makes a `Sheet` of axes and layers; `svg` and `sheet` turn that into a picture and a table.

mod axis;
mod backtest;
mod choice;
mod contours;
mod correlations;
mod data;
mod frontier;
mod graph;
mod groups;
mod isoflop;
mod parameters;
mod region;
mod residuals;
mod runs;
mod sensitivity;
mod sheet;
mod svg;
mod text;
mod view;

use std::collections::BTreeMap;

use super::results::of_group;
use super::{Described, Millimetres, Results};
use crate::answer::Answer;
use crate::artifact::Digest;
use crate::dataset::Dataset;
use crate::fit::Fit;
pub use runs::FitRuns;
use svg::Style;
use view::View;

/// A figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The kind of chart.
    pub kind: &'static str,
    /// Its file's name, with its folder.
    pub file: String,
    /// The fit it shows, as the report names it; empty where it shows the study.
    pub fit: String,
    /// What it shows, in a few words.
    pub title: String,
    /// What it shows, in a sentence or two.
    pub caption: String,
    /// The picture, for a screen.
    pub svg: String,
    /// The picture for the column of a paper, where one was asked for.
    pub column: Option<String>,
    /// What is drawn, as a table of comma-separated values.
    pub csv: String,
}

impl Figure {
    /// Its file's name without its folder and its ending.
    pub fn stem(&self) -> &str {
        let name = self.file.rsplit('/').next().unwrap_or_default();
        name.trim_end_matches(super::FIGURE)
    }

    /// The name of the file of what is drawn.
    pub fn csv_file(&self) -> String {
        format!("{FOLDER}/{}{TABLE}", self.stem())
    }
}

/// The figures of a study.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// The figures, those of a fit one after another.
    pub figures: Vec<Figure>,
    /// Number of fits that are not drawn, because they are too many.
    pub undrawn: usize,
    /// The runs that are drawn, by fit.
    pub runs: Vec<FitRuns>,
}

/// A fit, or one of its groups, with what is drawn of it.
#[derive(Clone, Debug)]
pub struct FitData {
    /// Its name in the report.
    pub name: String,
    /// The spec's name of the fit.
    pub of: String,
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
    pub fn of_members(of: &str, fit: &Fit, rows: &Dataset, draws: Vec<Vec<Vec<f64>>>) -> Vec<Self> {
        let members = fit.members().into_iter().zip(draws).enumerate();
        members
            .map(|(index, ((group, member), draws))| {
                let stem = file_stem(of);
                let (name, file, rows) = match (group, &fit.by) {
                    (Some(group), Some(by)) => {
                        let own: Vec<usize> = (0..rows.rows()).filter(|&row| rows.text(by, row) == group).collect();
                        // A group's value may be anything; its number is a name for a file.
                        (of_group(of, group), format!("{stem}-{}", index + 1), rows.select(&own))
                    }
                    _ => (of.to_owned(), stem, rows.clone()),
                };
                Self {
                    name,
                    of: of.to_owned(),
                    file,
                    group: group.map(str::to_owned),
                    fit: member.clone(),
                    rows,
                    draws,
                }
            })
            .collect()
    }
}

/// A fit's name as part of a file's: letters, digits and `-._`; where that loses something, with a digest.
fn file_stem(name: &str) -> String {
    if name.is_empty() {
        return String::new();
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if name.chars().all(plain) && name.len() <= LONGEST_STEM && !name.starts_with('.') {
        return name.to_owned();
    }
    let words: Vec<&str> = name.split(|letter| !plain(letter)).filter(|word| !word.is_empty()).collect();
    // A leading dot hides a file, and two lead out of the folder.
    let words: String = words.join("-").trim_start_matches(['.', '-']).chars().take(LONGEST_STEM).collect();
    format!("{words}-{:.6}", Digest::of(name.as_bytes()).as_str())
}

/// Longest name of a fit that is part of a file's as it is.
const LONGEST_STEM: usize = 80;
/// Most fits that are drawn: nobody reads a page of a thousand figures.
const MOST_DRAWN: usize = 40;
/// Most marks of runs on a page, over all its figures.
const MOST_MARKS: usize = 12_000;
/// Fewest runs that a figure of many shows.
const FEWEST_RUNS: usize = 50;
/// Fits above which each is drawn with its law and its residuals alone.
const MANY_FITS: usize = 6;

/// A kind of chart.
trait Chart: Sync {
    /// Its name, with which the names of its files begin.
    fn kind(&self) -> &'static str;

    /// Whether it is drawn of each of many fits, too.
    fn is_of_many(&self) -> bool {
        false
    }

    /// The charts of a fit, or of one of its groups.
    fn of_fit(&self, _view: &View<'_>) -> Vec<Drawn> {
        Vec::new()
    }

    /// The charts of the study.
    fn of_study(&self, _study: &Study<'_>) -> Vec<Drawn> {
        Vec::new()
    }
}

/// The kinds, in the order in which a report shows them.
const CHARTS: [&dyn Chart; 13] = [
    &data::Data,
    &groups::Groups,
    &frontier::Frontier,
    &isoflop::Isoflop,
    &contours::Contours,
    &residuals::Residuals,
    &backtest::Backtest,
    &choice::Choice,
    &sensitivity::Sensitivity,
    &parameters::Parameters,
    &correlations::Correlations,
    &region::Region,
    &graph::Graph,
];

/// What a chart drew.
struct Drawn {
    /// What tells it from others of its kind and fit; nothing where there is one.
    suffix: String,
    /// The fit it is shown with, where the chart is of a study.
    fit: String,
    caption: String,
    picture: Box<dyn Picture>,
}

/// What can be written as a picture and as a table.
trait Picture {
    /// What it shows, in a few words.
    fn title(&self) -> String;

    /// The picture; `id` tells its parts from those of others on a page.
    fn svg(&self, style: Style, id: &str) -> String;

    /// What is drawn, as comma-separated values.
    fn csv(&self) -> String;
}

impl Drawn {
    fn of(picture: impl Picture + 'static, caption: impl Into<String>) -> Self {
        Self { suffix: String::new(), fit: String::new(), caption: caption.into(), picture: Box::new(picture) }
    }

    /// The figure of what was drawn: its pictures, and the names of its files.
    fn finish(self, kind: &'static str, fit: &str, file: &str, column: Option<Style>) -> Figure {
        let parts = [kind, file, &self.suffix].into_iter().filter(|part| !part.is_empty());
        let stem = parts.collect::<Vec<_>>().join("-");
        Figure {
            kind,
            fit: fit.to_owned(),
            caption: self.caption,
            title: self.picture.title(),
            svg: self.picture.svg(Style::SCREEN, &stem),
            column: column.map(|column| self.picture.svg(column, &stem)),
            csv: self.picture.csv(),
            file: format!("{FOLDER}/{stem}{}", super::FIGURE),
        }
    }
}

/// A study as its figures see it.
#[derive(Clone, Copy)]
pub struct Study<'a> {
    /// Names and words.
    pub described: &'a Described,
    /// The results.
    pub results: &'a Results,
    /// The fits with their rows, by name.
    pub fits: &'a BTreeMap<String, Vec<FitData>>,
    /// The answers by query.
    pub answers: &'a BTreeMap<String, Answer>,
    /// The column of a paper, where figures are made for one.
    pub column_width: Option<Millimetres>,
}

impl<'a> Study<'a> {
    /// The fits that have rows: those that queries are about first, each kind in the order of the spec.
    fn with_rows(&self) -> Vec<&'a FitData> {
        let asked = |name: &str| self.described.queries.iter().any(|query| query.fit == name);
        let mut order: Vec<&str> = self.described.fits.iter().map(|fit| fit.name.as_str()).collect();
        order.sort_by_key(|name| !asked(name));
        let members = order.into_iter().filter_map(|name| self.fits.get(name)).flatten();
        members.filter(|data| data.rows.rows() > 0).collect()
    }

    /// The answers of a fit's queries, by query, in the order of the spec.
    fn answers_of(&self, fit: &str) -> Vec<(&'a str, &'a Answer)> {
        let queries = self.described.queries.iter().filter(|query| query.fit == fit);
        queries.filter_map(|query| Some((query.name.as_str(), self.answers.get(&query.name)?))).collect()
    }

    /// Draws every figure.
    pub fn draw(&self) -> Figures {
        let all = self.with_rows();
        let drawn = &all[..all.len().min(MOST_DRAWN)];
        let numbers = runs::numbered(self.described, drawn);
        let many = drawn.len() > MANY_FITS;
        let most = most_runs(&drawn.iter().map(|data| data.rows.rows()).collect::<Vec<_>>(), if many { 3 } else { 7 });
        let column = self.column_width.map(|width| Style::of_column(width.count()));
        let mut figures = Figures { undrawn: all.len() - drawn.len(), ..Figures::default() };
        for (data, numbers) in drawn.iter().zip(&numbers) {
            let Some(about) = self.described.fit(&data.of) else { continue };
            let view = View::new(self.described, about, data, &self.answers_of(&data.of), numbers, most);
            for chart in CHARTS.iter().filter(|chart| !many || chart.is_of_many()) {
                for drawn in chart.of_fit(&view) {
                    figures.figures.push(drawn.finish(chart.kind(), &data.name, &data.file, column));
                }
            }
            figures.runs.push(FitRuns::of(&view, numbers));
        }
        for chart in CHARTS {
            for drawn in chart.of_study(self) {
                let (fit, file) = (drawn.fit.clone(), file_stem(&drawn.fit));
                figures.figures.push(drawn.finish(chart.kind(), &fit, &file, column));
            }
        }
        figures
    }
}

/// How the names of files of what is drawn end.
pub const TABLE: &str = ".csv";

/// The folder of figures.
pub const FOLDER: &str = "figures";

/// How many rows of each fit are drawn, so that a page holds no more marks than it can, where each is in some charts.
fn most_runs(rows: &[usize], charts: usize) -> usize {
    let fits = |most: usize| charts * rows.iter().map(|rows| (*rows).min(most)).sum::<usize>() <= MOST_MARKS;
    let largest = rows.iter().copied().max().unwrap_or(0);
    // Bisection: a fit of few rows leaves its share to others.
    let (mut low, mut high) = (0, largest);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if fits(middle) { low = middle } else { high = middle - 1 }
    }
    low.max(FEWEST_RUNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_so_many_marks_however_rows_are_spread_over_fits() {
        assert_eq!(most_runs(&[1000], 7), 1000);
        assert_eq!(most_runs(&[100_000], 7), MOST_MARKS / 7);
        assert!(most_runs(&[10, 100_000], 7) > MOST_MARKS / 7 - 11);
        assert_eq!(most_runs(&[100_000; 400], 7), FEWEST_RUNS);
        assert_eq!(most_runs(&[], 7), FEWEST_RUNS);
    }

    #[test]
    fn the_name_of_a_fit_that_is_no_name_of_a_file_becomes_one() {
        assert_eq!(file_stem("main"), "main");
        for name in ["../x", "a b", "main[law=hoffmann]", ".hidden", "a/b"] {
            let stem = file_stem(name);
            assert!(!stem.contains(['/', ' ', '[']) && !stem.starts_with('.'), "{stem}");
            assert_ne!(stem, file_stem(&format!("{name} ")));
        }
    }
}
