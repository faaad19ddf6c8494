//! Numbers and conclusions in words.

use serde_json::{Map, Value};

use super::{Described, DescribedQuery, ExpectationResult, FitResult, QueryResult, Results};
use crate::answer::{Answer, Verdict};
use crate::fit::{Estimate, Evidence, Status};
use crate::query::Question;
use crate::unit::Dimension;

/// A number with four significant digits; large and small ones with an exponent.
pub(super) fn number(value: f64) -> String {
    digits(value, 4)
}

/// A number with a given count of significant digits.
pub(super) fn digits(value: f64, count: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let exponent = magnitude(value);
    if (-4..6).contains(&exponent) {
        let decimals = usize::try_from(count as i32 - 1 - exponent).unwrap_or(0);
        return format!("{value:.decimals$}");
    }
    format!("{value:.*e}", count - 1)
}

/// The power of ten of the leading digit.
fn magnitude(value: f64) -> i32 {
    let text = format!("{:e}", value.abs());
    text.split('e').nth(1).and_then(|e| e.parse().ok()).unwrap_or(0)
}

/// A count with a suffix: 73.2B, 1.31T; above that, an exponent.
pub(super) fn size(value: f64) -> String {
    for (limit, scale, suffix) in
        [(1e3, 1.0, ""), (1e6, 1e3, "K"), (1e9, 1e6, "M"), (1e12, 1e9, "B"), (1e16, 1e12, "T")]
    {
        if value < limit && value >= 1.0 {
            return format!("{}{suffix}", trimmed(&digits(value / scale, 3)));
        }
    }
    digits(value, 3)
}

/// Without the zeros after the point that say nothing.
pub(super) fn trimmed(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').map_or((text, None), |(m, e)| (m, Some(e)));
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    exponent.map_or_else(|| mantissa.to_owned(), |e| format!("{mantissa}e{e}"))
}

/// A variable's value as people write it.
pub(super) fn variable(name: &str, value: f64) -> String {
    if name == "C" || name.ends_with("_C") { format!("{} FLOP", trimmed(&digits(value, 3))) } else { size(value) }
}

/// What was asked of a variable; a dash where it was left open.
pub(super) fn given(name: &str, value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| variable(name, value))
}

/// The unit that goes with a variable's name, where there is a usual one.
pub(super) const fn unit_of(name: &str) -> &'static str {
    match name.as_bytes() {
        b"N" => " parameters",
        b"D" => " tokens",
        _ => "",
    }
}

/// An interval in brackets, or nothing.
pub(super) fn interval(name: &str, cell: &Value) -> String {
    let show = |v: f64| match name {
        "C" | "solution" => trimmed(&digits(v, 3)),
        _ if name.ends_with("_C") => trimmed(&digits(v, 3)),
        _ if is_size(name) => size(v),
        _ => number(v),
    };
    match (cell["lower"].as_f64(), cell["upper"].as_f64()) {
        (Some(lower), Some(upper)) => format!("[{}, {}]", show(lower), show(upper)),
        (Some(lower), None) => format!("[{}, no upper end]", show(lower)),
        (None, Some(upper)) => format!("[no lower end, {}]", show(upper)),
        _ => String::new(),
    }
}

/// Whether an output is a size rather than a loss.
fn is_size(name: &str) -> bool {
    matches!(name.rsplit('_').next(), Some("N" | "D" | "C"))
}

/// An output's value as people write it.
pub(super) fn output(name: &str, cell: &Value) -> String {
    match cell["value"].as_f64() {
        Some(value) if is_size(name) => variable(name, value),
        Some(value) if name == "solution" => trimmed(&digits(value, 4)),
        Some(value) => number(value),
        None => "-".to_owned(),
    }
}

/// The verdict of a row, in words, with the factor where it leaves the data.
pub(super) fn verdict(row: &Map<String, Value>) -> String {
    let reach = &row["reach"];
    let Ok(verdict) = serde_json::from_value::<Verdict>(reach["verdict"].clone()) else { return String::new() };
    match (verdict, reach["factor"].as_f64()) {
        (Verdict::Near | Verdict::Far, Some(factor)) => {
            format!("{}, by a factor of {}", verdict.describe(), trimmed(&digits(factor, 2)))
        }
        _ => verdict.describe().to_owned(),
    }
}

/// How a row's answer stands: why there is none, or how far it reaches, and what is to be said next to it.
pub(super) fn standing(row: &Map<String, Value>) -> String {
    let first = row.get("note").and_then(Value::as_str).map_or_else(|| verdict(row), str::to_owned);
    let caveats = row.get(super::results::CAVEATS).and_then(Value::as_array).into_iter().flatten();
    let all: Vec<String> = std::iter::once(first).chain(caveats.filter_map(Value::as_str).map(str::to_owned)).collect();
    all.join("; ")
}

/// The outputs' names of a row, in the order of the kind.
pub(super) fn outputs<'a>(query: &DescribedQuery, row: &'a Map<String, Value>) -> Vec<(&'static str, &'a Value)> {
    query.question.kind().outputs().iter().filter_map(|name| Some((*name, row.get(*name)?))).collect()
}

/// The inputs of a row, in order of name.
pub(super) fn inputs(row: &Map<String, Value>) -> Vec<(&String, f64)> {
    row.iter().filter_map(|(name, value)| Some((name, value.as_f64()?))).collect()
}

/// The group whose fit a row's answer comes from, where there are groups.
pub(super) fn group(row: &Map<String, Value>) -> Option<&str> {
    row.get(super::results::GROUP).and_then(Value::as_str)
}

/// What an expectation found: the numbers it names, or why there are none.
pub(super) fn found(expectation: &ExpectationResult) -> String {
    let number = |(name, value): (&String, &Option<f64>)| format!("{name} = {}", value.map_or("-".to_owned(), number));
    let numbers = expectation.actual.iter().map(number).collect::<Vec<_>>().join(", ");
    expectation.reason.clone().unwrap_or(numbers)
}

/// How a fit was found, where a spec names a procedure of its own.
pub(super) fn procedure(evidence: &Evidence) -> Option<String> {
    let reference = evidence.reference.as_ref()?;
    Some(format!(
        "Solver {} from {} starts; the best optimum there is has {:e}.",
        evidence.solver.name(),
        evidence.starts,
        reference.objective
    ))
}

/// What went into a query's forecasts, a sentence each.
pub(super) fn forecasts(result: &QueryResult) -> Vec<String> {
    let sentence = |(group, account): (&String, &crate::answer::Account)| {
        let members: Vec<String> = account
            .members
            .iter()
            .filter(|member| member.share >= 0.05)
            .map(|member| {
                format!("{} ({:.0} %, window {})", member.law, 100.0 * member.share, digits(member.window, 2))
            })
            .collect();
        let of = if group == crate::answer::ALL { String::new() } else { format!(" of {group}") };
        format!(
            "Forecast{of}: {} members by their errors when the last runs were hidden {} times, mostly {}; the laws' common error is about {:.1} % over {} configurations.",
            account.members.len(),
            account.origins,
            members.join(", "),
            100.0 * account.discrepancy,
            account.configurations
        )
    };
    result.forecasts.iter().map(sentence).collect()
}

/// One sentence per answer: what the study concludes.
pub(super) fn conclusions(results: &Results, described: &Described) -> Vec<String> {
    let mut all = Vec::new();
    for query in &described.queries {
        let Some(result) = results.queries.get(&query.name) else { continue };
        all.extend(
            result.rows.iter().map(|row| (is_unidentified(row), conclusion(described, query, Some(&query.name), row))),
        );
    }
    // What was found out comes before what cannot be.
    all.sort_by_key(|(unidentified, _)| *unidentified);
    let mut all: Vec<String> = all.into_iter().map(|(_, text)| text).collect();
    if all.is_empty() {
        all.extend(results.shown_fits().into_iter().map(|(name, _, fit)| fit_in_words(&name, fit)));
    }
    all
}

/// What a query was answered, and a sentence per answer.
pub fn answer_in_words(described: &Described, query: &str, answer: &Answer) -> Option<(QueryResult, Vec<String>)> {
    let query = described.queries.iter().find(|q| q.name == query)?;
    let result = QueryResult::new(&query.fit, answer);
    let sentences = result.rows.iter().map(|row| conclusion(described, query, None, row)).collect();
    Some((result, sentences))
}

/// Whether the rows of the fit cannot carry the answer, so that its numbers are arithmetic alone.
pub(super) fn is_unidentified(row: &Map<String, Value>) -> bool {
    row["reach"]["verdict"] == "not_identified"
}

/// A sentence on one answer; `name` is the query's, where it has one that a reader knows.
fn conclusion(described: &Described, query: &DescribedQuery, name: Option<&str>, row: &Map<String, Value>) -> String {
    let about = described.fit(&query.fit);
    let response = about.map_or("loss", |about| about.law.response.as_str());
    let unit = about.and_then(|about| about.units.get(response)).filter(|unit| unit.dimension == Dimension::Nats);
    let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    let given: Vec<String> = inputs(row)
        .into_iter()
        .map(|(name, value)| {
            if *name == response {
                format!("{name} = {}", trimmed(&number(value)))
            } else {
                format!("{name} = {}", variable(name, value))
            }
        })
        .collect();
    let given = group(row).map(str::to_owned).into_iter().chain(given).collect::<Vec<_>>().join(", ");
    let with_interval = |name: &str, cell: &Value| {
        let interval = interval(name, cell);
        if interval.is_empty() { output(name, cell) } else { format!("{} {interval}", output(name, cell)) }
    };
    let asked = name.map(|name| format!("query {name}, ")).unwrap_or_default();
    let stands = Map::from_iter(row.clone().into_iter().filter(|(key, _)| key != "note"));
    let closing = format!("({asked}fit {}, {}; {})", query.fit, query.by.describe(), standing(&stands));
    if let Some(note) = row.get("note").and_then(Value::as_str) {
        return format!("{given}: {note} {closing}.");
    }
    if is_unidentified(row) {
        return format!("{given}: no answer, because the rows of the fit cannot tell apart what it weighs {closing}.");
    }
    match &query.question {
        Question::Loss(_) => {
            format!("At {given}: {response} = {}{unit} {closing}.", with_interval("loss", &row["loss"]))
        }
        Question::ComputeOptimal(_) => format!(
            "With {given} the best split is {}{} and {}{}, for {response} = {}{unit} {closing}.",
            with_interval("N", &row["N"]),
            unit_of("N"),
            with_interval("D", &row["D"]),
            unit_of("D"),
            output("loss", &row["loss"]),
        ),
        Question::Reach(reach) | Question::Threshold(crate::query::Threshold(reach)) => {
            let name = reach.solve.as_str();
            let split = match (row.get("N").filter(|n| n.is_object()), row.get("D").filter(|d| d.is_object())) {
                (Some(n), Some(d)) => format!(" (N = {}, D = {})", output("N", n), output("D", d)),
                _ => String::new(),
            };
            let cell = &row["solution"];
            let value = cell["value"].as_f64().map_or("-".to_owned(), |v| variable(name, v));
            let interval = interval(if is_size(name) { name } else { "solution" }, cell);
            let space = if interval.is_empty() { "" } else { " " };
            format!("{given} takes {name} = {value}{space}{interval}{split} {closing}.")
        }
        _ => {
            let found: Vec<String> = outputs(query, row)
                .into_iter()
                .map(|(name, cell)| {
                    format!("{} = {}", super::answers::heading(described, query, name), with_interval(name, cell))
                })
                .collect();
            format!("With {given}: {} {closing}.", found.join(", "))
        }
    }
}

/// How a fit did on held-out rows, in a sentence or two.
pub(super) fn holdout(holdout: &crate::fit::Holdout, level: Option<f64>) -> String {
    let lean = if holdout.bias_log > 0.0 { "too high" } else { "too low" };
    let coverage = match (holdout.coverage, level) {
        (Some(coverage), Some(level)) => format!(
            " Its {:.0} % prediction intervals hold {:.0} % of them; parameters and scatter are in them, the error of the law itself is not.",
            100.0 * level,
            100.0 * coverage
        ),
        _ => String::new(),
    };
    format!(
        "Held out: {} rows, missed by {:.2} % on average ({:.2} % {lean}).{coverage}",
        holdout.rows,
        100.0 * holdout.mean_relative_error,
        100.0 * (crate::numerics::exp(holdout.bias_log.abs()) - 1.0),
    )
}

/// A backtest as a table: its head, then a row per distance and forecaster.
pub(super) fn backtest(backtest: &crate::fit::Backtest, level: Option<f64>) -> (String, Vec<[String; 7]>) {
    let head = format!(
        "Backtest along {}: at {} origins (known up to {}) only smaller runs were fitted, and all larger ones forecast.",
        backtest.along,
        backtest.folds.len(),
        backtest.folds.iter().map(|f| variable(&backtest.along, f.up_to)).collect::<Vec<_>>().join(", "),
    );
    let percent = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |s| format!("{:.0} %", 100.0 * s));
    let pasts = [("the law", Some(&backtest.law)), ("several laws", backtest.several_laws.as_ref())];
    let rows = pasts.into_iter().flat_map(|(name, past)| {
        past.into_iter().flat_map(move |past| {
            past.by_distance.iter().map(move |d| {
                let to = d.to.map_or_else(|| "or more".to_owned(), |to| format!("to {to}"));
                [
                    name.to_owned(),
                    format!("{} {to} times", d.from),
                    d.scored.rows.to_string(),
                    format!("{:.2} %", 100.0 * d.scored.rmse_log),
                    format!("{:+.2} %", 100.0 * d.scored.bias_log),
                    percent(d.scored.coverage),
                    d.half_width.map_or_else(|| "-".to_owned(), |w| format!("{:.2} %", 100.0 * w)),
                ]
            })
        })
    });
    let level = level.map_or_else(String::new, |level| format!(" Intervals are of {:.0} %.", 100.0 * level));
    (head + &level, rows.collect())
}

/// The head of a backtest's table.
pub(super) const BACKTEST: [&str; 7] =
    ["forecast by", "at the largest known", "rows", "missed by", "bias", "covered", "half-width"];

/// The laws of a choice as a table, a row per law.
pub(super) fn choice(choice: &crate::fit::Choice) -> Vec<[String; 8]> {
    let best = choice.laws.iter().filter_map(|c| c.aicc).fold(f64::INFINITY, f64::min);
    let least = choice.laws.iter().map(|c| c.bic).fold(f64::INFINITY, f64::min);
    let percent = |error: Option<f64>| error.map_or_else(|| "-".to_owned(), |e| format!("{:.2} %", 100.0 * e));
    let rows = choice.laws.iter().map(|c| {
        [
            c.law.clone(),
            (c.parameters.len() + c.unidentified.len()).to_string(),
            c.aicc.map_or_else(|| "-".to_owned(), |a| format!("{:+.1}", a - best)),
            format!("{:+.1}", c.bic - least),
            percent(c.k_fold),
            percent(c.rolling_origin),
            format!("{:.0} %", 100.0 * c.share),
            c.ahead.map_or_else(|| "-".to_owned(), number),
        ]
    });
    rows.collect()
}

/// The head of that table.
pub(super) const CHOICE: [&str; 8] = ["law", "parameters", "AICc", "BIC", "left out", "hidden last", "share", "ahead"];

/// What to quote, and the stacked forecast.
pub(super) fn chosen(choice: &crate::fit::Choice) -> String {
    let at: Vec<String> =
        choice.ahead.iter().map(|(name, value)| format!("{name} = {}", variable(name, *value))).collect();
    let stack = choice.stack.map_or_else(String::new, |s| {
        format!(
            " Stacked by how they did when the largest runs were hidden, the laws say {} [{}, {}] at {}.",
            number(s.value),
            number(s.lower),
            number(s.upper),
            at.join(", ")
        )
    });
    format!("{}{stack}", choice.reason)
}

/// A parameter's value; a dash where the rows do not tell it.
pub(super) fn value(estimate: &Estimate) -> String {
    estimate.value.map_or_else(|| "-".to_owned(), |value| trimmed(&digits(value, 6)))
}

/// A parameter's standard error: a factor where it has one.
pub(super) fn error(estimate: &Estimate) -> String {
    match (estimate.factor, estimate.se) {
        (Some(factor), _) => format!("×/÷ {}", digits(factor, 3)),
        (None, Some(se)) => digits(se, 2),
        (None, None) => String::new(),
    }
}

/// The ends of a parameter's interval in brackets, or nothing.
pub(super) fn ends(estimate: &Estimate) -> String {
    match (estimate.lower, estimate.upper) {
        (Some(lower), Some(upper)) => format!("[{}, {}]", number(lower), number(upper)),
        (Some(lower), None) => format!("[{}, no upper end]", number(lower)),
        (None, Some(upper)) => format!("[no lower end, {}]", number(upper)),
        (None, None) => String::new(),
    }
}

/// A fit in a sentence.
pub(super) fn fit_in_words(name: &str, fit: &FitResult) -> String {
    let parameters: Vec<String> =
        fit.parameters.iter().map(|(parameter, e)| parameter_in_words(parameter, e)).collect();
    format!("{name}: {} with {} ({} rows).", fit.formula, parameters.join(", "), fit.rows)
}

fn parameter_in_words(name: &str, estimate: &Estimate) -> String {
    let Some(value) = estimate.value else { return format!("{name} not identified") };
    let sure = match (estimate.factor, estimate.se) {
        (Some(factor), _) => format!(" (times or divided by {})", digits(factor, 3)),
        (None, Some(se)) => format!(" +- {}", digits(se, 2)),
        (None, None) => String::new(),
    };
    let bound = match estimate.status {
        Status::AtLowerBound | Status::AtUpperBound => format!(" ({})", estimate.status.describe()),
        _ => String::new(),
    };
    format!("{name} = {}{sure}{bound}", number(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_sizes_have_suffixes() {
        assert_eq!(
            [number(0.347_310_5), number(2143.417), number(5.76e23), number(1.9739)],
            ["0.3473", "2143", "5.760e23", "1.974"]
        );
        assert_eq!([size(7.319e10), size(1.3116e12), size(4e7), size(512.0)], ["73.2B", "1.31T", "40M", "512"]);
        assert_eq!([variable("C", 5.76e23), variable("C", 1e21)], ["5.76e23 FLOP", "1e21 FLOP"]);
    }
}
