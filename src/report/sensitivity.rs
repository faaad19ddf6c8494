//! Changes of answers under other choices, compared with their intervals.

use std::collections::{BTreeMap, BTreeSet};

use super::options::DIGITS;
use super::results::{SensitivityResult, VariedAnswer};
use super::words::{Written, heading};
use super::{Described, DescribedVariation};
use crate::answer::{Answer, Row, Verdict};
use crate::dataset::GroupName;
use crate::diagnostic::numbered;
use crate::numeral;
use crate::numerics::ln;

/// The sensitivity of every varied fit; `varied` contains the answers by role.
pub(super) fn results(
    described: &Described,
    answers: &BTreeMap<String, Answer>,
    varied: &BTreeMap<String, Answer>,
) -> BTreeMap<String, SensitivityResult> {
    let choices: Vec<Choice<'_>> = described.sensitivity.iter().flat_map(|v| Choice::of(v, varied)).collect();
    let mut all: BTreeMap<String, SensitivityResult> = BTreeMap::new();
    for choice in &choices {
        let result = all.entry(choice.variation.fit.clone()).or_default();
        result.choices.push(choice.words());
        result.unanswered.extend(choice.why_unanswered(varied).map(|why| format!("{}: {why}", choice.words())));
    }
    for (fit, result) in &mut all {
        let choices: Vec<&Choice<'_>> = choices.iter().filter(|choice| choice.variation.fit == *fit).collect();
        for query in described.queries.iter().filter(|query| query.fit == *fit) {
            let Some(own) = answers.get(&query.name).filter(|own| own.forecasts.is_empty()) else { continue };
            if choices.iter().all(|choice| choice.answer(&query.name, varied).is_none()) {
                continue;
            }
            for (index, row) in own.rows.iter().enumerate() {
                // An unidentified answer has no value and therefore no change.
                if row.reach.verdict == Verdict::NotIdentified {
                    continue;
                }
                let beside: Vec<Option<&Row>> =
                    choices.iter().map(|choice| choice.row(index, row, choice.answer(&query.name, varied)?)).collect();
                result.answers.extend(row.outputs.iter().filter_map(|(output, interval)| {
                    let value = interval.value?;
                    let values: Vec<Option<f64>> =
                        beside.iter().map(|row| row.and_then(|r| r.outputs.get(output)?.value)).collect();
                    let ends = interval.lower.zip(interval.upper);
                    let half_width = ends.map(|(low, high)| 0.5 * (high - low));
                    let moved = ends.and_then(|ends| moved(value, ends, &values));
                    Some(VariedAnswer {
                        query: query.name.clone(),
                        inputs: row.inputs.clone(),
                        group: row.group.clone(),
                        output: output.clone(),
                        value,
                        half_width,
                        moved,
                        values,
                    })
                }));
            }
        }
    }
    all
}

/// The largest distance between some values and a value, in half-widths of its interval.
fn moved(value: f64, (lower, upper): (f64, f64), others: &[Option<f64>]) -> Option<f64> {
    let others: Vec<f64> = others.iter().flatten().copied().collect();
    let positive = [value, lower, upper].iter().chain(&others).all(|number| *number > 0.0);
    let place = |number: f64| if positive { ln(number) } else { number };
    let half_width = 0.5 * (place(upper) - place(lower));
    let far = others.iter().map(|other| (place(*other) - place(value)).abs()).fold(0.0, f64::max);
    (half_width > 0.0).then(|| far / half_width)
}

/// One variation of a fit: a changed choice, or one group left out.
struct Choice<'a> {
    variation: &'a DescribedVariation,
    left_out: Option<String>,
}

impl<'a> Choice<'a> {
    /// The choices of a variation; its answers contain the groups.
    fn of(variation: &'a DescribedVariation, varied: &BTreeMap<String, Answer>) -> Vec<Self> {
        if !variation.leave_out {
            return vec![Self { variation, left_out: None }];
        }
        let answered = variation.queries.iter().filter_map(|query| varied.get(&query.role));
        let groups: BTreeSet<GroupName> =
            answered.flat_map(|answer| answer.rows.iter().filter_map(|row| row.group.clone().map(GroupName))).collect();
        if groups.is_empty() {
            return vec![Self { variation, left_out: None }];
        }
        groups.into_iter().map(|group| Self { variation, left_out: Some(group.0) }).collect()
    }

    /// Why no row of any answer has a value, if none has.
    fn why_unanswered<'b>(&self, varied: &'b BTreeMap<String, Answer>) -> Option<&'b str> {
        let answers = self.variation.queries.iter().filter_map(|query| varied.get(&query.role));
        let rows: Vec<&Row> = answers.flat_map(|answer| &answer.rows).collect();
        let note = rows.first()?.note.as_deref();
        note.filter(|_| rows.iter().all(|row| row.outputs.is_empty()))
    }

    fn words(&self) -> String {
        match &self.left_out {
            Some(group) => format!("{} {group}", self.variation.choice),
            None => self.variation.choice.clone(),
        }
    }

    fn answer<'b>(&self, query: &str, varied: &'b BTreeMap<String, Answer>) -> Option<&'b Answer> {
        self.variation.queries.iter().find(|q| q.query == query).and_then(|q| varied.get(&q.role))
    }

    /// The row of an answer with the same inputs and the same group as a row of the fit's own answer.
    fn row<'b>(&self, index: usize, own: &Row, answer: &'b Answer) -> Option<&'b Row> {
        let row = match &self.left_out {
            Some(_) => answer.rows.iter().filter(|row| row.group == self.left_out).nth(index),
            None => answer.rows.get(index).filter(|row| row.group == own.group),
        };
        row.filter(|row| row.reach.verdict != Verdict::NotIdentified)
    }
}

/// The sensitivity of a fit as a sentence, a head and rows.
pub(super) fn table(
    described: &Described,
    fit: &str,
    result: &SensitivityResult,
) -> (String, Vec<String>, Vec<Vec<String>>) {
    let mut head: Vec<String> = ["answer", "as it is"].map(str::to_owned).into();
    head.extend(result.choices.iter().cloned());
    head.push("moved, in half-widths".to_owned());
    let name = |answer: &VariedAnswer| {
        let query = described.query(&answer.query);
        let input = |(name, value): (&String, &f64)| {
            let written = query.map(|query| Written::of_input(described, query, name));
            format!("{name} = {}", written.unwrap_or(Written::Number(DIGITS)).value(*value))
        };
        let inputs = query.map_or_else(|| answer.inputs.iter().collect(), |query| query.order(&answer.inputs));
        let given: Vec<String> = inputs.into_iter().map(input).collect();
        let given = answer.group.clone().into_iter().chain(given).collect::<Vec<_>>().join(", ");
        let output = described.query(&answer.query).map(|query| heading(described, query, &answer.output));
        format!("{} at {given} ({})", output.unwrap_or_else(|| answer.output.clone()), answer.query)
    };
    let show = |answer: &VariedAnswer, value: f64| {
        let written = described.query(&answer.query).map(|query| Written::of_output(described, query, &answer.output));
        written.unwrap_or(Written::Number(DIGITS)).value(value)
    };
    let moved = |answer: &VariedAnswer| match answer.moved {
        Some(moved) => numeral::rounded(moved, 2),
        None => "-".to_owned(),
    };
    let rows = result.answers.iter().map(|answer| {
        let values = answer.values.iter().map(|v| v.map_or_else(|| "no answer".to_owned(), |v| show(answer, v)));
        let first = [name(answer), show(answer, answer.value)];
        first.into_iter().chain(values).chain([moved(answer)]).collect()
    });
    let beyond = result.answers.iter().filter(|a| a.moved.is_some_and(|m| m > 1.0)).count();
    let farthest = result
        .answers
        .iter()
        .filter(|a| a.moved.is_some())
        .max_by(|a, b| a.moved.unwrap_or(0.0).total_cmp(&b.moved.unwrap_or(0.0)));
    let farthest = farthest.map_or_else(String::new, |a| {
        format!(" The largest change is that of {}: {} half-widths of its interval.", name(a), moved(a))
    });
    let unanswered: Vec<String> = result.unanswered.iter().map(|why| format!(" No answer {why}.")).collect();
    let unanswered = unanswered.concat();
    let moves = match (beyond, result.answers.len()) {
        (0, _) => "no answer moves outside its interval".to_owned(),
        (1, 1) => "the answer moves outside its interval".to_owned(),
        (1, all) => format!("1 of {all} answers moves outside its interval"),
        (beyond, all) => format!("{beyond} of {all} answers move outside their intervals"),
    };
    let sentence = format!(
        "With {} for the fit `{fit}`, {moves}.{farthest}{unanswered}",
        numbered(result.choices.len(), "other choice")
    );
    (sentence, head, rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_factors_up_and_down_are_equal_changes() {
        let interval = (1e22 / 2.0, 1e22 * 2.0);
        let [up, down] = [1e26, 1e18].map(|other| moved(1e22, interval, &[Some(other), None]).unwrap());
        assert!((up - 4.0 * std::f64::consts::LOG2_10).abs() < 1e-9 && (up - down).abs() < 1e-9, "{up} {down}");
        assert_eq!(moved(0.5, (-1.0, 1.0), &[Some(-1.0), Some(0.0)]), Some(1.5));
        assert_eq!(moved(2.0, (2.0, 2.0), &[Some(3.0)]), None);
    }
}
