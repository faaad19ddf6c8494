//! Rows of a source without a value, with their reasons and the settings that would read their texts.

use std::collections::{BTreeMap, BTreeSet};

use crate::dataset::UNREAD;

/// Maximum number of distinct texts in the reasons of a variable.
const MOST_TEXTS: usize = 12;
/// Maximum number of distinct texts that may stand for numbers.
const FEW_TEXTS: usize = 4;
/// Maximum number of characters shown of a text.
const MOST_SHOWN: usize = 40;

/// The text after the digits at the start of a text.
fn after_digits(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
}

/// Whether a text is one number and words, as `12 layers`, so that its first digits are its value.
fn is_number_before_words(text: &str) -> bool {
    let words = after_digits(text);
    let is_apart = words.starts_with(|c: char| c.is_whitespace() || "([*†‡#".contains(c));
    let is_word = words.chars().take_while(|c| c.is_alphabetic()).count() > 1;
    words.len() < text.len() && (is_apart || is_word) && !words.contains(|c: char| c.is_ascii_digit())
}

/// Whether a text is a number with a small letter that could be a multiple, as `7b`.
fn is_multiple(text: &str) -> bool {
    matches!(after_digits(text).trim(), "m" | "b" | "g" | "t") && text.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a text begins with a date as 2024-03-01.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-').map(|part| part.chars().take_while(char::is_ascii_digit).count());
    (parts.next(), parts.next(), parts.next()) == (Some(4), Some(2), Some(2))
}

/// Rows with an invalid or missing value, each with its first reason.
#[derive(Default)]
pub(super) struct Faults {
    pub(super) rows: BTreeMap<usize, String>,
    texts: BTreeMap<String, BTreeSet<String>>,
}

impl Faults {
    /// Records the first reason why a row has no value; gives the number that stands for one.
    pub(super) fn add(&mut self, row: usize, reason: String) -> f64 {
        self.rows.entry(row).or_insert(reason);
        f64::NAN
    }

    /// Records a text that is not a number; gives the number that stands for it. The first few texts of a variable are
    /// listed separately.
    pub(super) fn add_text(&mut self, row: usize, variable: &str, text: &str) -> f64 {
        let mut shown: String = text.trim().chars().take(MOST_SHOWN).collect();
        if shown.len() < text.trim().len() {
            shown.push('…');
        }
        let known = self.texts.entry(variable.to_owned()).or_default();
        if known.contains(&shown) || known.len() < MOST_TEXTS {
            let reason = format!("{variable} is not a number: `{shown}`");
            known.insert(shown);
            self.add(row, reason);
            return UNREAD;
        }
        self.add(row, format!("{variable} is not a number: other texts"));
        UNREAD
    }

    /// The settings of a column that would read its texts: the number in each, or a number for each.
    pub(super) fn remedies(&self) -> Vec<String> {
        let of_variable = |(variable, texts): (&String, &BTreeSet<String>)| {
            let starts = |text: &String| text.starts_with(|c: char| c.is_ascii_digit());
            if texts.iter().all(|text| is_number_before_words(text)) {
                return Some(format!(
                    "`{variable} = {{ column = ..., extract = \"^[0-9.]+\" }}` takes the number of such a text"
                ));
            }
            if texts.iter().all(|text| is_multiple(text)) {
                return Some(format!(
                    "`{variable} = {{ column = ..., unit = \"parameters\" }}`, or another unit of counts, reads a small letter as a multiple"
                ));
            }
            if texts.iter().all(|text| is_date(text)) {
                return Some(format!(
                    "dates are numbers only as decimal years, such as 2024.17: write them so in the column of `{variable}`"
                ));
            }
            let words: Vec<String> = texts.iter().map(|text| format!("\"{text}\" = ...")).collect();
            (texts.len() <= FEW_TEXTS && !texts.iter().any(starts)).then(|| {
                format!(
                    "`{variable} = {{ column = ..., values = {{ {} }} }}` gives each text a number",
                    words.join(", ")
                )
            })
        };
        self.texts.iter().filter_map(of_variable).collect()
    }

    /// The rows of each reason.
    pub(super) fn by_reason(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut reasons: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (row, reason) in &self.rows {
            reasons.entry(reason).or_default().push(*row);
        }
        reasons
    }
}
