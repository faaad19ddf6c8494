//! Numbers and conclusions as text.

use std::collections::BTreeMap;

use super::options::DIGITS;
use super::results::{AnswerRow, FitResult, Observed, QueryResult, Results};
use super::{Described, DescribedQuery};
use crate::answer::{Interval, LawAnswer, StackedLaw, Verdict};
use crate::diagnostic::numbered;
use crate::fit::{Estimate, Evidence, Status};
use crate::numeral::{digits, rounded, size, trimmed};
use crate::query::Phrase;
use crate::unit::Dimension;

/// A text with a capital first letter.
pub(super) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A text at the start of a sentence: with a capital, unless it starts with a name. A name is a letter other than the
/// article, or has a value, as in `params = 2B`.
pub(super) fn opened(text: &str) -> String {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let is_name = (first.len() == 1 && first != "a") || rest.starts_with('=');
    if is_name { text.to_owned() } else { capital(text) }
}

/// A number with four significant digits; large and small numbers have an exponent.
pub(super) fn number(value: f64) -> String {
    digits(value, DIGITS)
}

/// A value in the usual notation of its dimension: 5.76e23 FLOP, 70B, 0.0003, and 2030.8 for a variable that counts
/// nothing.
pub(super) fn quantity(dimension: Option<Dimension>, value: f64) -> String {
    match dimension {
        Some(Dimension::Flop) => format!("{} FLOP", rounded(value, 3)),
        Some(Dimension::Nats | Dimension::Share) => trimmed(&number(value)),
        Some(Dimension::Parameters | Dimension::Tokens) => size(value),
        Some(Dimension::One) | None => plain(value),
    }
}

/// A value of a variable that may be a year, a count of steps or a logarithm: five digits below a million, since three
/// do not tell years apart.
fn plain(value: f64) -> String {
    let is_usual = value == 0.0 || (1.0..1e6).contains(&value.abs());
    if is_usual { rounded(value, 5) } else { size(value) }
}

/// The word after a number of parameters or tokens, with a leading space.
pub(super) const fn counted(dimension: Option<Dimension>) -> &'static str {
    match dimension {
        Some(Dimension::Parameters) => " parameters",
        Some(Dimension::Tokens) => " tokens",
        _ => "",
    }
}

/// The notation of an input or output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// A quantity with a dimension.
    Quantity(Option<Dimension>),
    /// A number with some significant digits: a response, a factor.
    Number(usize),
}

impl Written {
    /// The notation of an input.
    pub(super) fn of_input(described: &Described, query: &DescribedQuery, name: &str) -> Self {
        let response = described.fit(&query.fit).map(|about| about.law.response.as_str());
        if response == Some(name) {
            Self::Number(described.digits)
        } else {
            Self::Quantity(described.dimension(&query.fit, name))
        }
    }

    /// The notation of an output: a quantity if it has the values of a variable, else a plain number.
    pub(super) fn of_output(described: &Described, query: &DescribedQuery, output: &str) -> Self {
        let variable = query.variable_of(output);
        if variable == "loss" {
            let response = described.fit(&query.fit).map_or("loss", |about| about.law.response.as_str());
            return match described.dimension(&query.fit, response) {
                dimension @ Some(Dimension::Parameters | Dimension::Tokens | Dimension::Flop) => {
                    Self::Quantity(dimension)
                }
                _ => Self::Number(described.digits),
            };
        }
        match described.dimension(&query.fit, variable) {
            None if variable != output => Self::Quantity(None),
            None | Some(Dimension::Nats | Dimension::Share) => Self::Number(described.digits),
            dimension => Self::Quantity(dimension),
        }
    }

    /// A value as text.
    pub(super) fn value(self, value: f64) -> String {
        match self {
            Self::Quantity(dimension) => quantity(dimension, value),
            Self::Number(count) => digits(value, count),
        }
    }

    /// An end of an interval: a value without its unit.
    fn end(self, value: f64) -> String {
        match self {
            Self::Quantity(Some(Dimension::Flop)) => rounded(value, 3),
            Self::Quantity(dimension) => quantity(dimension, value),
            Self::Number(count) => digits(value, count),
        }
    }

    /// The value of a cell, or a dash.
    pub(super) fn cell(self, cell: &Interval) -> String {
        cell.value.map_or_else(|| "-".to_owned(), |value| self.value(value))
    }

    /// The interval of a cell in brackets, or an empty text.
    pub(super) fn interval(self, cell: &Interval) -> String {
        brackets(cell.lower, cell.upper, |end| self.end(end))
    }

    /// The value of a cell with its interval.
    pub(super) fn whole(self, cell: &Interval) -> String {
        format!("{} {}", self.cell(cell), self.interval(cell)).trim_end().to_owned()
    }
}

/// The ends of an interval in brackets, or an empty text.
fn brackets(lower: Option<f64>, upper: Option<f64>, show: impl Fn(f64) -> String) -> String {
    match (lower, upper) {
        (Some(lower), Some(upper)) => format!("[{}, {}]", show(lower), show(upper)),
        (Some(lower), None) => format!("[{}, no upper end]", show(lower)),
        (None, Some(upper)) => format!("[no lower end, {}]", show(upper)),
        (None, None) => String::new(),
    }
}

/// The verdict of a row, with its distance where it lies outside the data.
pub(super) fn verdict(row: &AnswerRow) -> String {
    let verdict = row.reach.verdict;
    let farthest = row.reach.widths.iter().max_by(|(_, a), (_, b)| a.total_cmp(b));
    let by_factor = row.reach.factor.filter(|factor| *factor > 1.0 || farthest.is_none());
    let distance = match (verdict, by_factor, farthest) {
        (Verdict::Near | Verdict::Far, factor, farthest) if factor.is_some() || farthest.is_some() => {
            let factor = factor.map(|factor| format!("by a factor of {}", rounded(factor, 2)));
            let widths = farthest.map(|(name, widths)| {
                let times = if *widths < f64::MAX { rounded(*widths, 2) } else { "many".to_owned() };
                format!("{times} times the range of `{name}` beyond it")
            });
            let both: Vec<String> = factor.into_iter().chain(widths).collect();
            format!("{}, {}", verdict.describe(), both.join(" and "))
        }
        _ => verdict.describe().to_owned(),
    };
    // A note replaces this text.
    let answered = row.reach.answered.filter(|_| row.note.is_none()).map(answered);
    answered.map_or_else(|| distance.clone(), |share| format!("{distance}; {share}"))
}

/// The share of draws with an answer as text.
fn answered(share: f64) -> String {
    let percent = if share > 0.99 { "more than 99".to_owned() } else { format!("{:.0}", 100.0 * share) };
    format!("an answer in {percent} % of the draws")
}

/// The state of an answer: why there is none, or its distance from the data, with caveats.
pub(super) fn standing(row: &AnswerRow) -> String {
    standing_with(row, row.note.clone().unwrap_or_else(|| verdict(row)))
}

fn standing_with(row: &AnswerRow, first: String) -> String {
    std::iter::once(first).chain(row.caveats.iter().cloned()).collect::<Vec<_>>().join("; ")
}

/// The observed value at the place of an answer.
pub(super) fn observed(observed: &Observed) -> String {
    let which = if observed.held_out { "held out" } else { "fitted" };
    let rows = if observed.rows == 1 { String::new() } else { format!(", mean of {}", observed.rows) };
    format!("{} ({which}{rows})", number(observed.response))
}

/// The procedure of a fit, if the spec names one.
pub(super) fn procedure(evidence: &Evidence) -> Option<String> {
    let reference = evidence.reference.as_ref()?;
    Some(format!(
        "Solver {} from {} starts; the best optimum has {:e}.",
        evidence.solver.name(),
        evidence.starts,
        reference.objective
    ))
}

/// The composition of a query's forecasts, one sentence each.
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
        let weighted = match account.origins {
            0 => "weighted without past errors, because there are too few runs for a test on hidden runs".to_owned(),
            1 => "weighted by their errors when the last runs were hidden".to_owned(),
            origins => format!("weighted by their errors when the last runs were hidden, {origins} times"),
        };
        format!(
            "Forecast{of}: {} members, {weighted}. The largest weights: {}. The laws' common error is about {:.1} % over {} configurations.",
            account.members.len(),
            members.join(", "),
            100.0 * account.discrepancy,
            account.configurations
        )
    };
    let mut all: Vec<_> = result.forecasts.iter().collect();
    // Groups that are numbers are in numerical order.
    all.sort_by(|(one, _), (other, _)| crate::order::of_names(one, other));
    all.into_iter().map(sentence).collect()
}

/// The answers of each law by itself where several answered together, one sentence for each row.
pub(super) fn laws_apart(described: &Described, query: &DescribedQuery, result: &QueryResult) -> Vec<String> {
    let output = query.quoted();
    let written = Written::of_output(described, query, &output);
    let called = if output == "solution" { query.variable_of(&output) } else { output.as_str() };
    let called = if called == "loss" { heading(described, query, called) } else { called.replace('_', " ") };
    let of_law = |law: &StackedLaw, answer: &LawAnswer| {
        let missed =
            law.error.map_or_else(String::new, |error| format!(", missed hidden runs by {:.2} %", 100.0 * error));
        let cell = answer.outputs.get(&output).filter(|cell| cell.value.is_some());
        let found = match (cell, &answer.note) {
            (Some(cell), _) => format!("{called} = {}", written.whole(cell)),
            (None, Some(note)) => note.clone(),
            (None, None) => "no answer".to_owned(),
        };
        format!("`{}` ({:.0} %{missed}): {found}", law.law, 100.0 * law.share)
    };
    let mut sentences = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &result.rows {
        let group = row.group.as_deref().unwrap_or(crate::answer::ALL);
        let Some(stack) = result.stacks.get(group) else { continue };
        let place = seen.entry(group).or_default();
        let answers: Vec<(&StackedLaw, &LawAnswer)> =
            stack.laws.iter().filter_map(|law| Some((law, law.answers.get(*place)?))).collect();
        *place += 1;
        let with = |answer: &LawAnswer| answer.outputs.get(&output).is_some_and(|cell| cell.value.is_some());
        let count = answers.iter().filter(|(_, answer)| with(answer)).count();
        let each: Vec<String> = answers.iter().map(|(law, answer)| of_law(law, answer)).collect();
        let given = given(described, query, row);
        let at = if given.is_empty() { String::new() } else { format!(" at {given}") };
        let verb = if count == 1 { "has" } else { "have" };
        sentences.push(format!(
            "Each law by itself{at}, with its share: {}. {count} of {} {verb} an answer.",
            each.join("; "),
            numbered(answers.len(), "law")
        ));
    }
    sentences
}

/// The conclusions of the study: one sentence per answer.
pub(super) fn conclusions(results: &Results, described: &Described) -> Vec<String> {
    let mut all = Vec::new();
    for query in &described.queries {
        let Some(result) = results.queries.get(&query.name) else { continue };
        let sentence = |row: &AnswerRow| (row.is_unidentified(), conclusion(described, query, Some(&query.name), row));
        all.extend(result.rows.iter().map(sentence));
    }
    // Answers come before refusals.
    all.sort_by_key(|(unidentified, _)| *unidentified);
    let mut all: Vec<String> = all.into_iter().map(|(_, text)| text).collect();
    if all.is_empty() {
        all.extend(results.shown_fits(described).into_iter().map(|(name, _, fit)| fit_in_words(&name, fit)));
    }
    all
}

/// A sentence about one answer with its origin and state; `name` is the query's name, where readers know it.
pub(super) fn conclusion(described: &Described, query: &DescribedQuery, name: Option<&str>, row: &AnswerRow) -> String {
    let asked = name.map(|name| format!("query {name}, ")).unwrap_or_default();
    let stands = standing_with(row, verdict(row));
    format!("{} ({asked}fit {}, {}; {stands}).", found_in_words(described, query, row), query.fit, query.by.describe())
}

/// A sentence about one answer without its origin.
pub(super) fn answer(described: &Described, query: &DescribedQuery, row: &AnswerRow) -> String {
    let found = found_in_words(described, query, row);
    if found.ends_with('.') { found } else { format!("{found}.") }
}

/// The inputs of an answer: `N = 20B, D = 1T`.
pub(super) fn given(described: &Described, query: &DescribedQuery, row: &AnswerRow) -> String {
    let input = |(name, value): (&String, &f64)| {
        let value = match Written::of_input(described, query, name) {
            Written::Number(_) => trimmed(&number(*value)),
            written @ Written::Quantity(_) => written.value(*value),
        };
        format!("{name} = {value}")
    };
    let group = row.group.as_ref().map(|group| group_in_words(described, query, group));
    let given: Vec<String> = group.into_iter().chain(query.order(&row.inputs).into_iter().map(input)).collect();
    given.join(", ")
}

/// A group in a sentence: its name, or a number with the variable that groups the fit.
fn group_in_words(described: &Described, query: &DescribedQuery, group: &str) -> String {
    let by = described.fit(&query.fit).and_then(|about| about.by.as_deref());
    match (by, group.parse::<f64>()) {
        (Some(by), Ok(value)) => format!("{by} = {}", quantity(described.dimension(&query.fit, by), value)),
        _ => group.to_owned(),
    }
}

fn found_in_words(described: &Described, query: &DescribedQuery, row: &AnswerRow) -> String {
    let about = described.fit(&query.fit);
    let response = about.map_or("loss", |about| about.law.response.as_str());
    let unit = about.and_then(|about| about.units.get(response)).filter(|unit| unit.dimension == Dimension::Nats);
    let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    let given = match (given(described, query, row), &query.subject_to) {
        (given, Some(limits)) if given.is_empty() => format!("the limits {limits}"),
        (given, Some(limits)) => format!("{given} within {limits}"),
        (given, None) => given,
    };
    let with_interval = |name: &str, cell: &Interval| Written::of_output(described, query, name).whole(cell);
    if let Some(note) = &row.note {
        return if given.is_empty() { note.clone() } else { format!("{given}: {note}") };
    }
    if row.is_unidentified() {
        return format!("{given}: no answer, because the rows of the fit cannot separate the effects of its variables");
    }
    let of = |name: &str| row.outputs.get(name);
    let [size, data, _] = query.roles.decided();
    match (query.question.member().phrase(), of("loss"), of("solution"), of(size).zip(of(data))) {
        (Phrase::Response, Some(loss), ..) => {
            format!("At {given}: {response} = {}{unit}", with_interval("loss", loss))
        }
        (Phrase::Split, Some(loss), _, Some((n, d))) => format!(
            "With {given} the best split is {}{} and {}{}, for {response} = {}{unit}",
            with_interval(size, n),
            counted(described.dimension(&query.fit, size)),
            with_interval(data, d),
            counted(described.dimension(&query.fit, data)),
            Written::of_output(described, query, "loss").cell(loss),
        ),
        (Phrase::Comparison, Some(loss), ..) if of("other_loss").is_some() => {
            let own = in_group(&query.fit, row.group.as_deref());
            let other = query.question.member().other();
            let other = other.map_or_else(String::new, |other| {
                let is_grouped = described.fit(other.fit).is_some_and(|fit| fit.by.is_some());
                let same = row.group.as_deref().filter(|_| is_grouped);
                in_group(other.fit, other.group.or(same))
            });
            let theirs = of("other_loss").map(|cell| with_interval("other_loss", cell)).unwrap_or_default();
            let more = of("multiplier").map_or_else(String::new, |multiplier| {
                let times = with_interval("multiplier", multiplier);
                format!("; for the {response} of `{own}`, `{other}` needs {times} times the compute")
            });
            let loss = with_interval("loss", loss);
            format!("With {given}: {response} = {loss}{unit} by `{own}` and {theirs}{unit} by `{other}`{more}")
        }
        (Phrase::Solution, _, Some(solution), split) => {
            let split = split.map_or_else(String::new, |(n, d)| {
                let cell = |name: &str, cell: &Interval| Written::of_output(described, query, name).cell(cell);
                format!(" ({size} = {}, {data} = {})", cell(size, n), cell(data, d))
            });
            let found = with_interval("solution", solution);
            format!("{given} takes {} = {found}{split}", query.variable_of("solution"))
        }
        _ => {
            let names = query.outputs();
            let outputs = names.iter().filter_map(|name| Some((name, row.outputs.get(name)?)));
            let found: Vec<String> = outputs
                .map(|(name, cell)| {
                    let unit = if query.question.member().is_response(name) { unit.as_str() } else { "" };
                    format!("{} = {}{unit}", title(described, query, name), with_interval(name, cell))
                })
                .collect();
            if given.is_empty() { found.join(", ") } else { format!("With {given}: {}", found.join(", ")) }
        }
    }
}

/// The name of an output in a sentence: the variable whose values it has, or its heading. A response has its name.
fn title(described: &Described, query: &DescribedQuery, output: &str) -> String {
    let heading = heading(described, query, output);
    let member = query.question.member();
    match member.variable_of(output) {
        Some(variable) => variable.to_owned(),
        None if member.is_response(output) && !output.ends_with("loss") => {
            let response = described.fit(&query.fit).map_or("loss", |about| about.law.response.as_str());
            format!("{heading} {response}")
        }
        None => heading,
    }
}

/// The name of a fit, with a group of it.
fn in_group(fit: &str, group: Option<&str>) -> String {
    group.map_or_else(|| fit.to_owned(), |group| format!("{fit}[{group}]"))
}

/// One or two sentences about the errors on held-out rows.
pub(super) fn holdout(holdout: &crate::fit::Holdout, level: Option<f64>) -> String {
    let lean = if holdout.bias_log > 0.0 { "too high" } else { "too low" };
    let coverage = match (holdout.coverage, level) {
        (Some(coverage), Some(level)) => format!(
            " Its {:.0} % prediction intervals cover {:.0} % of them; they include parameters and scatter, but \
             not the error of the law itself.",
            100.0 * level,
            100.0 * coverage
        ),
        _ => String::new(),
    };
    format!(
        "Held out: {}, missed by {:.2} % on average ({:.2} % {lean}).{coverage}",
        numbered(holdout.rows, "row"),
        100.0 * holdout.mean_relative_error,
        100.0 * (crate::numerics::exp(holdout.bias_log.abs()) - 1.0),
    )
}

/// A backtest as a table: its head, then a row for each distance and forecaster.
pub(super) fn backtest(
    backtest: &crate::fit::Backtest,
    level: Option<f64>,
    dimension: Option<Dimension>,
) -> (String, Vec<[String; 7]>) {
    let head = format!(
        "Backtest along {}: at {} (up to {}), the runs up to the origin were fitted and all larger ones forecast.",
        backtest.along,
        numbered(backtest.folds.len(), "origin"),
        backtest.folds.iter().map(|f| quantity(dimension, f.up_to)).collect::<Vec<_>>().join(", "),
    );
    let percent = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |s| format!("{:.0} %", 100.0 * s));
    let of_logarithm = |change: f64| 100.0 * (crate::numerics::exp(change) - 1.0);
    let pasts = [("the law", Some(&backtest.law)), ("several laws", backtest.several_laws.as_ref())];
    let rows = pasts.into_iter().flat_map(|(name, past)| {
        past.into_iter().flat_map(move |past| {
            past.by_distance.iter().map(move |d| {
                let to = d.to.map_or_else(|| "or more".to_owned(), |to| format!("to {to}"));
                [
                    name.to_owned(),
                    format!("{} {to} times", d.from),
                    d.scored.rows.to_string(),
                    format!("{:.2} %", 100.0 * d.scored.mean_relative_error),
                    format!("{:+.2} %", of_logarithm(d.scored.bias_log)),
                    percent(d.scored.coverage),
                    d.half_width.map_or_else(|| "-".to_owned(), |w| format!("{:.2} %", of_logarithm(w))),
                ]
            })
        })
    });
    let level = level.map_or_else(String::new, |level| format!(" Intervals are {:.0} % intervals.", 100.0 * level));
    (head + &level, rows.collect())
}

/// The head of a backtest's table.
pub(super) const BACKTEST: [&str; 7] =
    ["forecast by", "over the largest fitted", "rows", "missed by", "bias", "covered", "half-width"];

/// A comparison of laws as a table, with a row per law.
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
pub(super) const CHOICE: [&str; 8] =
    ["law", "parameters", "AICc", "BIC", "error on left-out rows", "error on the largest", "share", "forecast"];

/// The recommended law and the stacked forecast.
pub(super) fn chosen(choice: &crate::fit::Choice, dimension: impl Fn(&str) -> Option<Dimension>) -> String {
    let at = choice.ahead.iter().map(|(name, value)| format!("{name} = {}", quantity(dimension(name), *value)));
    let at: Vec<String> = at.collect();
    let stack = choice.stack.map_or_else(String::new, |s| {
        format!(
            " Weighted by their errors when the largest runs were hidden, the laws forecast {} at {}; a query with `forecast = \"stack\"` gives the interval.",
            number(s),
            at.join(", ")
        )
    });
    format!("{}{stack}", choice.reason)
}

/// The value of a parameter, or a dash where the rows do not identify it.
pub(super) fn value(estimate: &Estimate) -> String {
    estimate.value.map_or_else(|| "-".to_owned(), |value| rounded(value, 6))
}

/// The standard error of a parameter, as a factor where it has one.
pub(super) fn error(estimate: &Estimate) -> String {
    match (estimate.factor, estimate.se) {
        (Some(factor), _) => format!("×/÷ {}", digits(factor, 3)),
        (None, Some(se)) => digits(se, 2),
        (None, None) => String::new(),
    }
}

/// The interval of a parameter in brackets, or an empty text.
pub(super) fn ends(estimate: &Estimate) -> String {
    brackets(estimate.lower, estimate.upper, number)
}

/// A sentence about a fit.
pub(super) fn fit_in_words(name: &str, fit: &FitResult) -> String {
    let parameters: Vec<String> =
        fit.parameters.iter().map(|(parameter, e)| parameter_in_words(parameter, e)).collect();
    format!("{name}: {} with {} ({}).", fit.formula, parameters.join(", "), numbered(fit.rows, "row"))
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

/// The heading of an output; a response has its own name.
pub(super) fn heading(described: &Described, query: &DescribedQuery, output: &str) -> String {
    let response = described.fit(&query.fit).map_or("loss", |about| about.law.response.as_str());
    // Names of the study are unchanged; underscores around them become spaces.
    let of_roles = query.question.member().outputs().into_iter().find(|name| query.roles.named(name) == output);
    if let Some(name) = of_roles.filter(|name| name.contains('{')) {
        return query.roles.named(&name.replace('_', " "));
    }
    // A variable of the law, as the share of a domain.
    if query.question.member().variable_of(output) == Some(output) {
        return output.to_owned();
    }
    match output.strip_suffix("loss") {
        Some("") => response.to_owned(),
        Some(which) if which.ends_with('_') => format!("{} {response}", which.trim_end_matches('_').replace('_', " ")),
        _ => output.replace('_', " "),
    }
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
        let flop = |value| quantity(Some(Dimension::Flop), value);
        assert_eq!([flop(5.76e23), flop(1e21)], ["5.76e23 FLOP", "1e21 FLOP"]);
    }

    #[test]
    fn a_sentence_begins_with_a_capital_unless_with_a_name() {
        for (text, sentence) in [
            ("at N = 1B: far", "At N = 1B: far"),
            ("params = 2B: far", "params = 2B: far"),
            ("c is free", "c is free"),
            ("a run is far", "A run is far"),
            ("the share is zero", "The share is zero"),
        ] {
            assert_eq!(opened(text), sentence);
        }
    }
}
