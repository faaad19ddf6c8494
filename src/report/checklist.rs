//! A reproducibility checklist: the information in a spec about each item, and missing information.
//!
//! Based on "(Mis)Fitting: a survey of scaling laws" (Li, Kudugunta and Zettlemoyer 2025, arXiv:2502.18969). The
//! items follow the columns of the sheet with which its authors compared papers (`sheet.csv` in their repository
//! `hadasah/scaling_laws`): the hypothesis, the training setup, the extraction of data, and the fitting. The wording
//! is lawfit's; the variables, the principle behind the form and the seed are additions.

use super::words::{Written, quantity};
use super::{Described, Results};
use crate::diagnostic::numbered;
use crate::unit::{Counts, Dimension, Unit};

/// The sentence before the table.
pub(super) const CHECKLIST: &str = "A reproducibility checklist, adapted from the survey arXiv:2502.18969. The spec has no information on items marked as a gap: report them in the paper.";
/// Marks an item on which the spec has no information.
pub(super) const GAP: &str = "gap";

/// The items as rows of a table: the item, the information in the spec and the results, and [`GAP`] where there is
/// none.
pub(super) fn checklist(described: &Described, results: &Results) -> Vec<[String; 3]> {
    let answered = |question: &str, answer: String| {
        let (answer, mark) = if answer.is_empty() { ("not in the spec".to_owned(), GAP) } else { (answer, "") };
        [question.to_owned(), answer, mark.to_owned()]
    };
    vec![
        answered("Form of the law", listed(described.fits.iter().map(|fit| fit.law.formula.clone()))),
        answered("Variables", listed(described.fits.iter().flat_map(|fit| &fit.law.variables).map(|v| v.name.clone()))),
        answered(
            "Parameters that are fitted",
            listed(described.fits.iter().flat_map(|fit| fit.law.free()).map(|p| p.name.clone())),
        ),
        answered(
            "Principle behind the form, and its assumptions",
            listed(described.fits.iter().filter_map(|fit| fit.law.caution.clone())),
        ),
        answered(
            "Number of runs",
            listed(results.shown_fits(described).into_iter().map(|(name, _, fit)| format!("{name}: {}", fit.rows))),
        ),
        answered("Sizes and data of the runs", spans(described, results)),
        answered("How sizes, data and compute are counted", counts(described)),
        answered("Training data, and whether any is repeated", String::new()),
        answered("Architecture, optimiser, learning rate and batch size, and how they scale", String::new()),
        answered(
            "Where the runs are available",
            listed(described.sources.iter().map(|source| source.location.clone())),
        ),
        answered("What is measured, in which unit", measured(described)),
        answered("Final values or checkpoints of one run", String::new()),
        answered("Rows that are left out, and why", left_out(described, results)),
        answered(
            "Objective",
            listed(results.shown_fits(described).into_iter().map(|(.., fit)| fit.objective_kind.clone())),
        ),
        answered(
            "Algorithm and its starts",
            listed(results.shown_fits(described).into_iter().filter(|(.., fit)| fit.objective.is_some()).map(
                |(.., fit)| {
                    format!(
                        "{} from {} starts over {} grid points",
                        fit.evidence.solver.name(),
                        fit.evidence.starts,
                        fit.evidence.grid_points
                    )
                },
            )),
        ),
        answered(
            "Uncertainty",
            listed(results.shown_fits(described).into_iter().filter_map(|(.., fit)| fit.uncertainty.clone())),
        ),
        answered("How the law is tested", tested(described, results)),
        answered("Code and seed", format!("lawfit {}, seed {}", env!("CARGO_PKG_VERSION"), results.study.seed)),
    ]
}

/// Maximum number of listed texts.
const MOST: usize = 6;

/// The distinct texts in order, at most [`MOST`] of them.
fn listed(texts: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = Vec::new();
    for text in texts.filter(|text| !text.is_empty()) {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    all.join("; ") + &more
}

fn spans(described: &Described, results: &Results) -> String {
    let of_fit = |(_, entry, fit): (String, &str, &super::FitResult)| {
        let spans = fit.spans.iter().map(|(name, span)| {
            let written = Written::Quantity(described.dimension(entry, name));
            format!("{name} {} to {}", written.value(span.lowest), written.value(span.highest))
        });
        spans.collect::<Vec<_>>().join(", ")
    };
    listed(results.shown_fits(described).into_iter().map(of_fit))
}

fn counts(described: &Described) -> String {
    let variables = described.sources.iter().flat_map(|source| &source.variables);
    listed(variables.filter_map(|variable| {
        let counts = variable.counts.map(Counts::describe);
        let is_computed = variable.from.starts_with('=');
        match (counts, is_computed) {
            (Some(counts), _) => Some(format!("{} counts {counts}", variable.name)),
            (None, true) => Some(format!("{} {}", variable.name, variable.from)),
            (None, false) => None,
        }
    }))
}

fn measured(described: &Described) -> String {
    listed(described.fits.iter().map(|fit| {
        let unit = fit.units.get(&fit.law.response).copied();
        let unit = unit.filter(|unit| unit.dimension != Dimension::One).map(Unit::describe);
        unit.map_or_else(|| fit.law.response.clone(), |unit| format!("{} in {unit}", fit.law.response))
    }))
}

fn left_out(described: &Described, results: &Results) -> String {
    let dropped = results.filters.values().flat_map(|filter| &filter.dropped).filter(|dropped| dropped.rows > 0);
    let filters = dropped.map(|dropped| {
        let because = dropped.because.as_ref().map_or_else(String::new, |because| format!(" ({because})"));
        format!("{} by {}{because}", dropped.rows, dropped.rule)
    });
    let text = listed(filters);
    if text.is_empty() && !described.sources.is_empty() { "none".to_owned() } else { text }
}

fn tested(described: &Described, results: &Results) -> String {
    listed(results.shown_fits(described).into_iter().flat_map(|(name, entry, fit)| {
        let along =
            |name: &str, value: f64| format!("{name} up to {}", quantity(described.dimension(entry, name), value));
        let held = fit.holdout.as_ref().map(|held| format!("{name}: {} held out", numbered(held.rows, "row")));
        let past = fit.backtest.as_ref().map(|past| {
            let last =
                past.folds.last().map_or_else(String::new, |fold| format!(", {}", along(&past.along, fold.up_to)));
            format!("{name}: backtest at {}{last}", numbered(past.folds.len(), "origin"))
        });
        held.into_iter().chain(past).collect::<Vec<_>>()
    }))
}
