//! Figures: one file per kind of chart, drawn from the results and the rows of a study.
//!
//! A chart returns a `Sheet` of axes and layers; `svg` and `sheet` convert it to a picture and a table.

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
mod multiples;
mod parameters;
mod price;
mod profiles;
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
use crate::numerics::Points;
pub use runs::FitRuns;
use svg::Style;
use view::View;

/// A figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The kind of chart.
    pub kind: &'static str,
    /// File name with folder.
    pub file: String,
    /// The fit that it shows, as named in the report; empty for a figure of the study.
    pub fit: String,
    /// Title.
    pub title: String,
    /// Caption.
    pub caption: String,
    /// The SVG for a screen.
    pub svg: String,
    /// The SVG for the column of a paper, where requested.
    pub column: Option<String>,
    /// The data as comma-separated values.
    pub csv: String,
}

impl Figure {
    /// File name without folder and extension.
    pub fn stem(&self) -> &str {
        let name = self.file.rsplit('/').next().unwrap_or_default();
        name.trim_end_matches(super::FIGURE)
    }

    /// The SVG of files: for the column width of a paper, if there is one.
    pub fn picture(&self) -> &str {
        self.column.as_ref().unwrap_or(&self.svg)
    }

    /// File name of the data.
    pub fn csv_file(&self) -> String {
        self.file_as(TABLE)
    }

    /// File name with another extension.
    pub fn file_as(&self, ending: &str) -> String {
        format!("{FOLDER}/{}{ending}", self.stem())
    }
}

/// The figures of a study.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// The figures; those of one fit are consecutive.
    pub figures: Vec<Figure>,
    /// Number of fits without figures because there are too many.
    pub undrawn: usize,
    /// The drawn runs, by fit.
    pub runs: Vec<FitRuns>,
}

/// A fit, or one of its groups, with the data for its figures.
#[derive(Clone, Debug)]
pub struct FitData {
    /// Its name in the report.
    pub name: String,
    /// The spec's name of the fit.
    pub of: String,
    /// Its name in file names.
    pub file: String,
    /// Its group.
    pub group: Option<String>,
    /// The fit.
    pub fit: Fit,
    /// Its rows, with predictions and residuals.
    pub rows: Dataset,
    /// Draws of its free parameters.
    pub draws: Points,
}

impl FitData {
    /// The data for the figures of a fit: the fit itself, or each group with its rows.
    pub fn of_members(of: &str, fit: &Fit, rows: &Dataset, draws: Vec<Points>) -> Vec<Self> {
        let members = fit.members().into_iter().zip(draws).enumerate();
        members
            .map(|(index, ((group, member), draws))| {
                let stem = file_stem(of);
                let (name, file, rows) = match (group, &fit.by) {
                    (Some(group), Some(by)) => {
                        let own: Vec<usize> = (0..rows.rows()).filter(|&row| rows.text(by, row) == group).collect();
                        // The value of a group can be any text, so file names use its number.
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

/// The file with the data of the figure of a fit's law, or of the law of one of its groups, numbered from 0.
pub(super) fn table_of_fit(fit: &str, group: Option<usize>) -> String {
    let number = group.map_or_else(String::new, |group| format!("-{}", group + 1));
    format!("{}-{}{number}{TABLE}", data::KIND, file_stem(fit))
}

/// The name of a fit in file names: letters, digits and `-._`, with a digest where that loses information.
fn file_stem(name: &str) -> String {
    if name.is_empty() {
        return String::new();
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if name.chars().all(plain) && name.len() <= LONGEST_STEM && !name.starts_with('.') {
        return name.to_owned();
    }
    let words: Vec<&str> = name.split(|letter| !plain(letter)).filter(|word| !word.is_empty()).collect();
    // A leading dot would hide a file, and two would lead out of the folder.
    let words: String = words.join("-").trim_start_matches(['.', '-']).chars().take(LONGEST_STEM).collect();
    format!("{words}-{:.6}", Digest::of(name.as_bytes()).as_str())
}

/// Longest name of a fit that is used unchanged.
const LONGEST_STEM: usize = 80;
/// Maximum number of fits with figures.
const MOST_DRAWN: usize = 40;
/// Maximum number of marks of runs on a page, over all figures.
const MOST_MARKS: usize = 12_000;
/// Minimum number of runs in a figure with a limit.
const FEWEST_RUNS: usize = 50;
/// Number of fits above which each has only the figures of its law and its residuals.
const MANY_FITS: usize = 6;

/// A kind of chart.
trait Chart: Sync {
    /// The kind, with which file names start.
    fn kind(&self) -> &'static str;

    /// Whether it is also drawn for each of many fits.
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

/// The kinds of charts in the order of a report.
const CHARTS: [&dyn Chart; 15] = [
    &data::Data,
    &groups::Groups,
    &multiples::Multiples,
    &frontier::Frontier,
    &isoflop::Isoflop,
    &contours::Contours,
    &residuals::Residuals,
    &backtest::Backtest,
    &choice::Choice,
    &sensitivity::Sensitivity,
    &parameters::Parameters,
    &correlations::Correlations,
    &profiles::Profiles,
    &region::Region,
    &graph::Graph,
];

/// The output of a chart.
struct Drawn {
    /// Distinguishes it from others of its kind and fit; empty where there is only one.
    suffix: String,
    /// The fit with which it is shown, for a chart of a study.
    fit: String,
    caption: String,
    picture: Box<dyn Picture>,
}

/// A picture that can also be written as a table.
trait Picture {
    /// Title.
    fn title(&self) -> String;

    /// The SVG; `id` makes the names of its parts unique on a page.
    fn svg(&self, style: Style, id: &str) -> String;

    /// The data as comma-separated values.
    fn csv(&self) -> String;
}

impl Drawn {
    fn of(picture: impl Picture + 'static, caption: impl Into<String>) -> Self {
        Self { suffix: String::new(), fit: String::new(), caption: caption.into(), picture: Box::new(picture) }
    }

    /// Writes the figure: its pictures, and the names of its files.
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

/// The data of a study for its figures.
#[derive(Clone, Copy)]
pub struct Study<'a> {
    /// Names and descriptions.
    pub described: &'a Described,
    /// The results.
    pub results: &'a Results,
    /// The fits with their rows, by name.
    pub fits: &'a BTreeMap<String, Vec<FitData>>,
    /// The answers by query.
    pub answers: &'a BTreeMap<String, Answer>,
    /// The column width of a paper, where requested.
    pub column_width: Option<Millimetres>,
}

impl<'a> Study<'a> {
    /// The fits with rows: those with queries first, each kind in the order of the spec.
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

    /// The query of the recommended answer and its row, from 0.
    fn quoted(&self) -> Option<(&'a str, usize)> {
        let answer = self.results.recommended.as_ref().filter(|answer| answer.value.is_some())?;
        Some((&answer.query, answer.row.checked_sub(1)?))
    }

    /// Whether a fit, or a group of it, gives the recommended answer.
    fn gives_the_quoted(&self, data: &FitData) -> bool {
        let row = self.results.recommended.as_ref().and_then(|answer| {
            let query = self.results.queries.get(&answer.query)?;
            Some((query, query.rows.get(answer.row.checked_sub(1)?)?))
        });
        row.is_some_and(|(query, row)| query.fit == data.of && (row.group.is_none() || row.group == data.group))
    }

    /// The fits to draw, in order: of too many, the one that gives the recommended answer, and the first others.
    fn drawn(&self, all: &[&'a FitData]) -> Vec<&'a FitData> {
        let mut places: Vec<usize> = (0..all.len()).collect();
        places.sort_by_key(|place| !self.gives_the_quoted(all[*place]));
        places.truncate(MOST_DRAWN);
        places.sort_unstable();
        places.into_iter().map(|place| all[place]).collect()
    }

    /// Draws every figure.
    pub fn draw(&self) -> Figures {
        let all = self.with_rows();
        let drawn = &self.drawn(&all);
        let numbers = runs::numbered(self.described, drawn);
        let many = drawn.len() > MANY_FITS;
        let most = most_runs(&drawn.iter().map(|data| data.rows.rows()).collect::<Vec<_>>(), if many { 3 } else { 7 });
        let column = self.column_width.map(|width| Style::of_column(width.count()));
        let mut figures = Figures { undrawn: all.len() - drawn.len(), ..Figures::default() };
        for (data, numbers) in drawn.iter().zip(&numbers) {
            let Some(about) = self.described.fit(&data.of) else { continue };
            let view = View::new(self.described, about, data, &self.answers_of(&data.of), self.quoted(), numbers, most);
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

/// Extension of the data files.
pub const TABLE: &str = ".csv";

/// The folder of figures.
pub const FOLDER: &str = "figures";

/// The number of drawn rows for each fit, so that the page stays within the limit of marks. Each row is drawn in
/// `charts` figures.
fn most_runs(rows: &[usize], charts: usize) -> usize {
    let fits = |most: usize| charts * rows.iter().map(|rows| (*rows).min(most)).sum::<usize>() <= MOST_MARKS;
    let largest = rows.iter().copied().max().unwrap_or(0);
    // Bisection: fits with few rows leave their share to others.
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
    fn the_number_of_marks_on_a_page_is_limited() {
        assert_eq!(most_runs(&[1000], 7), 1000);
        assert_eq!(most_runs(&[100_000], 7), MOST_MARKS / 7);
        assert!(most_runs(&[10, 100_000], 7) > MOST_MARKS / 7 - 11);
        assert_eq!(most_runs(&[100_000; 400], 7), FEWEST_RUNS);
        assert_eq!(most_runs(&[], 7), FEWEST_RUNS);
    }

    #[test]
    fn every_name_of_a_fit_gives_a_valid_file_name() {
        assert_eq!(file_stem("main"), "main");
        for name in ["../x", "a b", "main[law=hoffmann]", ".hidden", "a/b"] {
            let stem = file_stem(name);
            assert!(!stem.contains(['/', ' ', '[']) && !stem.starts_with('.'), "{stem}");
            assert_ne!(stem, file_stem(&format!("{name} ")));
        }
    }
}
