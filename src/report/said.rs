//! Conclusions of authors, with numbers of the results in braces: `13B reaches {queries.forecast.row2}`.

use crate::numeral;
use std::collections::BTreeMap;

use super::named::NamedAnswer;
use super::results::Results;
use super::words::{self, Written};
use super::{Described, DescribedQuery};

/// What stands for a number that does not exist.
const NO_NUMBER: &str = "(no number)";

/// A part of an author's conclusion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text.
    Text(&'a str),
    /// The name of a number, and its place in the text.
    Name(&'a str, std::ops::Range<usize>),
}

/// The parts of an author's conclusion. A name is enclosed in braces, and a doubled brace is a literal brace.
///
/// # Errors
/// The byte offset of a brace that is not closed or not opened.
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, usize> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find(['{', '}']) {
        let brace = at + found;
        if text[brace..].starts_with("{{") || text[brace..].starts_with("}}") {
            all.push(Piece::Text(&text[at..=brace]));
            at = brace + 2;
            continue;
        }
        if text[brace..].starts_with('}') {
            return Err(brace);
        }
        let end = text[brace..].find('}').map(|end| brace + end).ok_or(brace)?;
        all.push(Piece::Text(&text[at..brace]));
        all.push(Piece::Name(text[brace + 1..end].trim(), brace + 1..end));
        at = end + 1;
    }
    all.push(Piece::Text(&text[at..]));
    Ok(all)
}

/// An author's conclusion with the numbers of the results; `numbers` contains all of them by name.
pub(super) fn filled(
    described: &Described,
    results: &Results,
    numbers: &BTreeMap<String, Option<f64>>,
    text: &str,
) -> String {
    let pieces = pieces(text).unwrap_or_else(|_| vec![Piece::Text(text)]);
    let words = pieces.into_iter().map(|piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Name(name, _) => {
            let answer = described.queries.iter().find_map(|query| of_query(described, results, query, name));
            answer.or_else(|| of_fit(results, name)).unwrap_or_else(|| of_number(numbers, name))
        }
    });
    words.collect()
}

/// An answer by its name: `queries.budget`, `queries.budget.row2`, `queries.budget.row2.N`, and ends of its interval.
fn of_query(described: &Described, results: &Results, query: &DescribedQuery, name: &str) -> Option<String> {
    let named = NamedAnswer::of(name, &query.name)?;
    let Some(row) = results.queries.get(&query.name)?.rows.get(named.row.unwrap_or(0)) else {
        return Some(NO_NUMBER.to_owned());
    };
    let first = query.quoted();
    let mut parts = named.output.split('.').filter(|part| !part.is_empty());
    let (output, part) = (parts.next().unwrap_or(&first), parts.next());
    let written = Written::of_output(described, query, output);
    let cell = row.outputs.get(output);
    let told = match (part, cell) {
        (Some("lower"), Some(cell)) => cell.lower.map(|end| written.value(end)),
        (Some("upper"), Some(cell)) => cell.upper.map(|end| written.value(end)),
        (_, Some(cell)) => cell.value.map(|_| written.whole(cell)),
        (_, None) => None,
    };
    // A row may have an answer and yet not this number of it.
    let is_answered = row.outputs.values().any(|cell| cell.value.is_some());
    Some(told.unwrap_or_else(|| if is_answered { NO_NUMBER.to_owned() } else { format!("({})", words::verdict(row)) }))
}

/// A parameter of a fit with its interval.
fn of_fit(results: &Results, name: &str) -> Option<String> {
    let (fit, parameter) = name.strip_prefix("fits.")?.rsplit_once('.')?;
    let result = match fit.split_once(".groups.") {
        Some((fit, group)) => results.fits.get(fit)?.groups.iter().find(|(name, _)| name.0 == group)?.1,
        None => results.fits.get(fit)?,
    };
    let estimate = result.parameters.get(parameter)?;
    match estimate.value {
        Some(value) => {
            Some(format!("{} {}", numeral::trimmed(&words::number(value)), words::ends(estimate)).trim().to_owned())
        }
        None => Some(format!("({})", estimate.status.describe())),
    }
}

fn of_number(numbers: &BTreeMap<String, Option<f64>>, name: &str) -> String {
    let number = numbers.get(name).copied().flatten();
    number.map_or_else(|| NO_NUMBER.to_owned(), |number| numeral::trimmed(&words::number(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_braces_and_doubled_braces_are_literal() {
        assert_eq!(
            pieces("13B reaches {queries.f.row2}, {{so}}"),
            Ok(vec![
                Piece::Text("13B reaches "),
                Piece::Name("queries.f.row2", 13..27),
                Piece::Text(", {"),
                Piece::Text("so}"),
                Piece::Text("")
            ])
        );
        assert_eq!(pieces("a {b"), Err(2));
        assert_eq!(pieces("a } b"), Err(2));
    }
}
