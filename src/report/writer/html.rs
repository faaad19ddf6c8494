//! One self-contained HTML page that loads nothing and is complete without its script.

use std::collections::BTreeMap;

use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;
use serde_json::Value;

use super::{WriteError, Writer, contents};
use crate::fit::NoiseTrend;
use crate::numeral;
use crate::report::answers::AnswerTable;
use crate::report::checklist::{CHECKLIST, checklist};
use crate::report::leaderboard::{Leaderboard, STANDINGS};
use crate::report::screen::FirstScreen;
use crate::report::words::heading;
use crate::report::{DescribedFit, Figure, FitResult, FitRuns, Page, Section, typeset, words};

/// The file to read first.
const FILE: &str = "report.html";

pub(super) struct Html;

/// A table for the template: `{ name, other => value }`.
macro_rules! facts {
    ($($key:ident $(=> $value:expr)?),* $(,)?) => {
        Value::Object([$((stringify!($key).to_owned(), facts!(@ $key $($value)?))),*].into_iter().collect())
    };
    (@ $key:ident $value:expr) => { serde_json::json!($value) };
    (@ $key:ident) => { serde_json::json!($key) };
}

const TEMPLATE: &str = include_str!("report.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

impl Writer for Html {
    fn is_usual(&self) -> bool {
        true
    }

    fn write(&self, page: &Page) -> Result<BTreeMap<String, Vec<u8>>, WriteError> {
        let mut environment = Environment::new();
        let failed = |error: minijinja::Error| WriteError(format!("{error:#}"));
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(failed)?;
        environment.set_syntax(syntax);
        environment.add_filter("prose", |text: String| minijinja::Value::from_safe_string(typeset::words_html(&text)));
        environment.add_template("report.html", TEMPLATE).map_err(failed)?;
        let template = environment.get_template("report.html").map_err(failed)?;
        let text = template
            .render(minijinja::value::Serde(facts! {
                style => STYLE,
                script => SCRIPT,
                runs => in_script(&page.runs),
                figures => figures(page, ""),
                title => page.results.study.title,
                summary => page.described.summary,
                references => page.results.study.references,
                seed => page.results.study.seed,
                first => first_screen(page),
                conclusions => page.results.conclusions,
                has => Section::ALL.into_iter().filter(|section| page.options.has(*section)).collect::<Vec<_>>(),
                theme => page.options.theme,
                leaderboard => leaderboard(page),
                checklist => checklist(&page.described, &page.results),
                checklist_head => CHECKLIST,
                version => env!("CARGO_PKG_VERSION"),
                spec => page.described.spec,
                digests => page.digests.iter().map(|(of, digest)| facts! { of, digest => digest.as_str() }).collect::<Vec<_>>(),
                many => page.results.shown_fits(&page.described).len() > MOST_OPEN,
                expectations => expectations(page),
                queries => queries(page),
                designs => designs(page),
                sensitivity => sensitivity(page),
                fits => fits(page),
                undrawn => page.undrawn,
                sources => sources(page),
                tables => page.results.tables,
                filters => page.results.filters,
            }))
            .map_err(failed)?;
        Ok(BTreeMap::from([(FILE.to_owned(), contents::with_contents(&text).into_bytes())]))
    }

    fn names(&self) -> &'static [&'static str] {
        &[FILE]
    }

    fn has_figures(&self) -> bool {
        true
    }

    fn mark_stale(&self, name: &str, text: &str, why: &str) -> Option<String> {
        const MAIN: &str = "<main>\n";
        const BEGINS: &str = "<p class=\"warnings\" role=\"alert\">";
        let at = (name == "report.html").then(|| text.find(MAIN))?? + MAIN.len();
        let why = why.replace('&', "&amp;").replace('<', "&lt;").replace('\n', " ");
        Some(super::with_mark(text, at, &format!("{BEGINS}<strong>Stale.</strong> {why}</p>"), BEGINS))
    }
}

/// Maximum number of unfolded fits; if there are more, each is folded.
const MOST_OPEN: usize = 8;

/// The conclusions, their reliability, and what would change them.
fn first_screen(page: &Page) -> Value {
    let first = FirstScreen::of(&page.described, &page.results);
    let notes: Vec<Value> = first
        .notes
        .iter()
        .map(|note| {
            facts! {
                of => note.parts(), text => note.sentence(), severity => note.severity, affected => note.affected(),
            }
        })
        .collect();
    let facts: Vec<Value> = first.facts.iter().map(|(what, text)| facts! { what, text }).collect();
    let figure = page.main_figure().map(figure);
    facts! {
        word => first.word, conclusions => first.conclusions, facts, notes, counted => first.counted,
        expected => first.expected, figure,
    }
}

/// The comparison of laws, if there is one.
fn leaderboard(page: &Page) -> Option<Value> {
    let board = Leaderboard::of(&page.described, &page.results)?;
    let (head, groups) = board.errors();
    let groups = if board.groups.len() > 1 { groups } else { Vec::new() };
    Some(facts! { sentence => board.sentence(), columns => STANDINGS, rows => board.standings(), head, groups })
}

fn expectations(page: &Page) -> Vec<Value> {
    let all = page.results.expectations.iter().map(|e| {
        facts! { that => e.that, because => e.because, status => e.status, found => e.found(words::number, "-") }
    });
    all.collect()
}

fn queries(page: &Page) -> Vec<Value> {
    let all = page.described.queries.iter().filter_map(|query| {
        let result = page.results.queries.get(&query.name)?;
        let table = AnswerTable::of(&page.described, query, result)?;
        let group = table.has_groups.then(|| "group".to_owned());
        let inputs: Vec<String> =
            group.into_iter().chain(table.inputs.iter().map(|(name, _)| typeset::name_html(name))).collect();
        let outputs: Vec<String> = table
            .outputs
            .iter()
            .map(|(output, _)| heading(&page.described, query, output))
            .map(|name| if name.contains(' ') { typeset::words_html(&name) } else { typeset::name_html(&name) })
            .chain(table.has_observed.then(|| "observed".to_owned()))
            .collect();
        let rows: Vec<Value> = table
            .rows
            .iter()
            .map(|row| {
                let group = table.has_groups.then(|| row.group.to_owned());
                let open = || "-".to_owned();
                let values = table.inputs.iter().zip(&row.given);
                let values = values.map(|((_, written), value)| value.map_or_else(open, |value| written.value(value)));
                let given: Vec<String> = group.into_iter().chain(values).collect();
                let found = table.outputs.iter().zip(&row.found).map(|((_, written), cell)| match cell {
                    Some(cell) => facts! { value => written.cell(cell), interval => written.interval(cell) },
                    None => facts! { value => "-", interval => "" },
                });
                let observed = facts! { value => row.observed.clone().unwrap_or_else(open), interval => "" };
                let found: Vec<Value> = found.chain(table.has_observed.then_some(observed)).collect();
                facts! { given, found, reach => row.standing, verdict => row.verdict }
            })
            .collect();
        let apart = words::laws_apart(&page.described, query, result);
        let forecasts: Vec<String> = words::forecasts(result).into_iter().chain(apart).collect();
        Some(facts! {
            name => query.name, kind => result.kind, fit => result.fit, interval => result.interval,
            inputs, outputs, rows, forecasts,
        })
    });
    all.collect()
}

fn fits(page: &Page) -> Vec<Value> {
    let mut last = "";
    let all = page.results.shown_fits(&page.described).into_iter().map(|(name, entry, fit)| {
        // A figure of all groups of a fit is shown above the first group.
        let of_all = if name != entry && last != entry { figures(page, entry) } else { Vec::new() };
        last = entry;
        let about = page.described.fit(entry);
        let meaning = |parameter: &str| {
            about.and_then(|a| a.law.parameters.iter().find(|p| p.name == parameter)).and_then(|p| p.meaning.clone())
        };
        let parameters: Vec<Value> = fit
            .parameters
            .iter()
            .map(|(parameter, e)| {
                facts! {
                    name => typeset::name_html(parameter),
                    value => words::value(e),
                    se => words::error(e),
                    interval => words::ends(e),
                    status => e.status.describe(),
                    sound => e.status.is_sound(),
                    meaning => meaning(parameter),
                }
            })
            .collect();
        let evidence = &fit.evidence;
        facts! {
            name,
            law => fit.law,
            formula => about.map_or_else(|| fit.formula.clone(), |a| typeset::html(&a.law.response, &a.law.body)),
            caution => about.and_then(|a| a.law.caution.clone()),
            rows => fit.rows,
            objective => fit.objective.map(|o| format!("{o:e}")),
            objective_kind => fit.objective_kind,
            parameters,
            of_all,
            figures => figures(page, &name),
            uncertainty => fit.uncertainty,
            noise_trend => fit.noise_trend.as_ref().map(NoiseTrend::describe),
            level => fit.level.map(|l| format!("{:.0}", 100.0 * l)),
            holdout => fit.holdout.as_ref().map(|h| words::holdout(h, fit.level)),
            tables => tables(about, fit),
            starts => evidence.starts,
            grid_points => evidence.grid_points,
            starts_at_best => evidence.starts_at_best,
            converged => evidence.converged,
            gradient_norm => evidence.gradient_norm.map(|g| format!("{g:.1e}")),
            condition_number => evidence.condition_number.map(|c| numeral::digits(c, 3)),
            optima => evidence.optima.iter().map(|o| numeral::digits(o.objective, 6)).collect::<Vec<_>>(),
            procedure => words::procedure(evidence),
        }
    });
    all.collect()
}

/// The data for the script, escaped so that no mark-up can begin or end in it.
fn in_script(runs: &[FitRuns]) -> String {
    serde_json::to_string(runs).unwrap_or_default().replace('<', "\\u003c")
}

/// The figures of a fit, or of the study.
fn figures(page: &Page, fit: &str) -> Vec<Value> {
    let main = page.main_figure().map(|drawn| &drawn.file);
    // The figure of the first screen is not repeated.
    let is_shown = |drawn: &&Figure| drawn.fit == fit && drawn.kind != "sensitivity" && Some(&drawn.file) != main;
    page.figures.iter().filter(is_shown).map(figure).collect()
}

/// A figure for the template.
fn figure(figure: &Figure) -> Value {
    facts! {
        kind => figure.kind, fit => figure.fit, title => figure.title, svg => figure.svg, caption => figure.caption,
        stem => figure.stem(),
    }
}

/// Which runs to train next: the advice and the runs.
fn designs(page: &Page) -> Vec<Value> {
    let all = page.results.designs.iter().map(|(name, advice)| {
        let (columns, rows) = advice.table();
        facts! { name, head => advice.advice, columns, rows, warnings => advice.warnings }
    });
    all.collect()
}

/// Changes of answers under other choices: a sentence and a table per fit.
fn sensitivity(page: &Page) -> Vec<Value> {
    let all = page.results.sensitivity.iter().map(|(fit, result)| {
        let (head, columns, rows) = crate::report::sensitivity::table(&page.described, fit, result);
        let figures = page.figures.iter().filter(|drawn| drawn.kind == "sensitivity" && drawn.fit == *fit);
        facts! { name => fit, head, columns, rows, figures => figures.map(figure).collect::<Vec<_>>() }
    });
    all.collect()
}

/// The comparison with other laws, and the backtest: a sentence and a table each.
fn tables(about: Option<&DescribedFit>, fit: &FitResult) -> Vec<Value> {
    let dimension = |name: &str| about.and_then(|about| about.dimension(name));
    let choice = fit.choice.as_ref().map(|c| {
        facts! { head => words::chosen(c, dimension), columns => words::CHOICE, rows => words::choice(c) }
    });
    let backtest = fit.backtest.as_ref().map(|b| {
        let (head, rows) = words::backtest(b, fit.level, dimension(&b.along));
        facts! { head, columns => words::BACKTEST, rows }
    });
    choice.into_iter().chain(backtest).collect()
}

fn sources(page: &Page) -> Vec<Value> {
    let all = page.described.sources.iter().filter_map(|described| {
        let source = page.results.sources.get(&described.name)?;
        let variables: Vec<Value> = described
            .variables
            .iter()
            .map(|v| {
                facts! {
                    name => typeset::name_html(&v.name),
                    from => v.from,
                    unit => v.unit.map(crate::unit::Unit::describe),
                    counts => v.counts.map(crate::unit::Counts::describe),
                }
            })
            .collect();
        Some(facts! {
            name => described.name, location => described.location, files => described.files,
            rows => source.rows, sha256 => source.sha256, dropped => source.dropped, variables,
        })
    });
    all.collect()
}
