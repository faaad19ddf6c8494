//! Macros of LaTeX for the numbers of a study, so that a text takes its numbers from the results.
//!
//! A macro keeps its meaning: its name depends only on the number that it stands for, and not on other numbers. Names that
//! would be equal without their signs, their case or their parts end in letters of their digest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::artifact::Digest;
use crate::numeral;
use crate::report::Page;
use crate::report::options::DIGITS;
use crate::report::results::{AnswerRow, group_in};

/// A macro for each identified number, and one for its interval: `\lawfitMainAlpha`, `\lawfitMainAlphaInterval`.
pub(super) fn of(page: &Page) -> String {
    let mut all = Macros::default();
    for (name, entry, fit) in page.results.shown_fits(&page.described) {
        for (parameter, estimate) in &fit.parameters {
            let Some(value) = estimate.value else { continue };
            let ends = [estimate.lower, estimate.upper];
            let count = digits_of(value, ends, estimate.se);
            let mut spelt = Spelt::of_entry(entry);
            group_in(&name, entry).into_iter().for_each(|group| spelt.name(group));
            spelt.name(parameter);
            all.add(format!("fits.{name}.{parameter}"), spelt, &rounded(value, count), interval(ends, value, count));
        }
    }
    for query in &page.described.queries {
        let Some(result) = page.results.queries.get(&query.name) else { continue };
        let is_one = result.rows.len() == 1;
        for row in &result.rows {
            for (output, cell) in &row.outputs {
                let Some(value) = cell.value else { continue };
                let ends = [cell.lower, cell.upper];
                let count = digits_of(value, ends, None);
                let mut spelt = Spelt::of_entry(&query.name);
                let key = if is_one { String::new() } else { format!("[{}]", row.key()) };
                if !is_one {
                    spelt.row(row);
                }
                spelt.name(output);
                let whole = format!("queries.{}{key}.{output}", query.name);
                all.add(whole, spelt, &rounded(value, count), interval(ends, value, count));
            }
        }
    }
    format!(
        "% Needs no package; \\input{{values.tex}} in the preamble. Numbers are rounded by their uncertainty.\n{}",
        all.text()
    )
}

/// A number with its macro.
struct Macro {
    /// The name of the number in the study.
    whole: String,
    spelt: Spelt,
    value: String,
    interval: Option<String>,
}

/// The macros in order.
#[derive(Default)]
struct Macros {
    all: Vec<Macro>,
    known: BTreeSet<String>,
}

impl Macros {
    /// Adds a number. Another row of a query with the same inputs has the same numbers, and is left out.
    fn add(&mut self, whole: String, spelt: Spelt, value: &str, interval: Option<String>) {
        if self.known.insert(whole.clone()) {
            self.all.push(Macro { whole, spelt, value: value.to_owned(), interval });
        }
    }

    /// The definitions.
    fn text(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for spelt in self.all.iter().map(|number| &number.spelt).filter(|spelt| spelt.is_plain) {
            *counts.entry(&spelt.letters).or_default() += 1;
        }
        let mut text = String::new();
        for Macro { whole, spelt, value, interval } in &self.all {
            // Two numbers of one name would take each other's place, so neither of them has it.
            let is_plain = spelt.is_plain && counts.get(spelt.letters.as_str()) == Some(&1);
            let mut name = format!("lawfit{}", spelt.letters);
            if !is_plain {
                name.push_str(&suffix(whole));
                let _ = writeln!(text, "% {}", whole.replace(char::is_control, " "));
            }
            let _ = writeln!(text, "\\newcommand{{\\{name}}}{{\\ensuremath{{{value}}}}}");
            if let Some(interval) = interval {
                let _ = writeln!(text, "\\newcommand{{\\{name}Interval}}{{\\ensuremath{{{interval}}}}}");
            }
        }
        text
    }
}

/// Letters from the digest of a name: `X` and six of `a` to `p`.
fn suffix(whole: &str) -> String {
    let digest = Digest::of(whole.as_bytes());
    let letter = |digit: char| digit.to_digit(16).map(|digit| char::from(b'a' + digit as u8));
    std::iter::once('X').chain(digest.as_str().chars().filter_map(letter).take(6)).collect()
}

/// The name of a number in letters, as the name of a macro must be.
struct Spelt {
    letters: String,
    /// Whether no other name is spelt in these letters, apart from the limits between its parts.
    is_plain: bool,
}

impl Spelt {
    /// The name of a fit or query, with its values of a matrix: `main[law=m1]`.
    fn of_entry(name: &str) -> Self {
        let mut spelt = Self { letters: String::new(), is_plain: true };
        let (stem, values) =
            name.split_once('[').and_then(|(stem, rest)| Some((stem, rest.strip_suffix(']')?))).unwrap_or((name, ""));
        spelt.name(stem);
        for value in values.split([',', '=']).filter(|_| !values.is_empty()) {
            spelt.name(value.trim_start());
        }
        spelt
    }

    /// Adds a name.
    fn name(&mut self, name: &str) {
        let mut ends_in_capital = false;
        let parts: Vec<&str> = name.split('_').collect();
        let is_number = |part: &str| part.chars().all(|letter| letter.is_ascii_digit());
        self.is_plain &= !name.is_empty() && (parts.len() == 1 || !parts.iter().any(|part| is_number(part)));
        for part in &parts {
            let digits = part.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
            let word = &part[..part.len() - digits.len()];
            let is_lower = word.chars().all(|letter| letter.is_ascii_lowercase());
            let is_capital = word.chars().all(|letter| letter.is_ascii_uppercase());
            // `A` and `B` next to each other would be `AB`.
            let is_joined = ends_in_capital && is_capital;
            let is_taken = TAKEN.contains(&word) || DIGIT_WORDS.iter().any(|digit| digit.eq_ignore_ascii_case(word));
            self.is_plain &= (is_lower || is_capital) && is_number(digits) && !is_joined && !is_taken;
            if is_lower && word.len() == 1 {
                self.letters.push_str("Lower");
            }
            self.letters_of(part);
            ends_in_capital = is_capital && digits.is_empty();
        }
    }

    /// Adds the group and the inputs of an answer, as in the lock file.
    fn row(&mut self, row: &AnswerRow) {
        row.group.iter().for_each(|group| self.name(group));
        for (input, value) in &row.inputs {
            self.name(input);
            self.number(*value);
        }
    }

    /// Adds a number with all of its digits: `1.4e-3` is `OnePointFourEMinusThree`.
    fn number(&mut self, value: f64) {
        for letter in numeral::exact(value).chars() {
            match letter {
                '.' => self.letters.push_str("Point"),
                '-' => self.letters.push_str("Minus"),
                letter => self.letters_of(&letter.to_string()),
            }
        }
    }

    /// Adds letters and digits: each word with a capital, digits as words, no signs.
    fn letters_of(&mut self, text: &str) {
        let mut begins = true;
        for letter in text.chars() {
            match letter {
                'a'..='z' if begins => self.letters.push(letter.to_ascii_uppercase()),
                'a'..='z' | 'A'..='Z' => self.letters.push(letter),
                '0'..='9' => {
                    self.letters.extend(letter.to_digit(10).map(|digit| DIGIT_WORDS[digit as usize]));
                }
                _ => {}
            }
            begins = !letter.is_ascii_alphabetic();
        }
    }
}

/// Digits as words.
const DIGIT_WORDS: [&str; 10] = ["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"];
/// Words with a meaning in names of macros, apart from digits.
const TAKEN: [&str; 4] = ["interval", "lower", "minus", "point"];

/// The number of significant digits of a number whose uncertainty has two.
fn digits_of(value: f64, [lower, upper]: [Option<f64>; 2], se: Option<f64>) -> usize {
    let half = lower.zip(upper).map(|(lower, upper)| 0.5 * (upper - lower)).or(se).filter(|half| *half > 0.0);
    let Some(half) = half.filter(|half| half.is_finite() && value != 0.0) else { return DIGITS };
    let places = numeral::magnitude(value) - numeral::magnitude(half) + 2;
    usize::try_from(places).unwrap_or(1).clamp(1, 15)
}

/// A number in LaTeX's mathematics mode with the given significant digits.
pub(super) fn rounded(value: f64, count: usize) -> String {
    match numeral::digits(value, count).split_once('e') {
        Some((mantissa, exponent)) => format!("{mantissa} \\times 10^{{{exponent}}}"),
        None => numeral::digits(value, count),
    }
}

/// An interval whose ends have as many decimals as the value.
fn interval([lower, upper]: [Option<f64>; 2], value: f64, count: usize) -> Option<String> {
    let end = |end: Option<f64>, open: &str| {
        end.map_or(open.to_owned(), |end| {
            let more = if end == 0.0 { 0 } else { numeral::magnitude(end) - numeral::magnitude(value) };
            let count = i32::try_from(count).unwrap_or(4) + more;
            rounded(end, usize::try_from(count).unwrap_or(1).clamp(1, 15))
        })
    };
    (lower.is_some() || upper.is_some()).then(|| format!("[{}, {}]", end(lower, "-\\infty"), end(upper, "\\infty")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt(names: &[&str]) -> (String, bool) {
        let mut spelt = Spelt::of_entry(names[0]);
        names[1..].iter().for_each(|name| spelt.name(name));
        (spelt.letters, spelt.is_plain)
    }

    #[test]
    fn names_are_spelt_in_letters() {
        for (names, letters, is_plain) in [
            (&["main", "A"][..], "MainA", true),
            (&["main", "a"], "MainLowerA", true),
            (&["main", "alpha_N"], "MainAlphaN", true),
            (&["main", "alphaN"], "MainAlphaN", false),
            (&["main", "Alpha"], "MainAlpha", false),
            (&["main", "alpha"], "MainAlpha", true),
            (&["main[law=hoffmann]", "alpha"], "MainLawHoffmannAlpha", true),
            (&["sig", "row1", "half"], "SigRowOneHalf", true),
            (&["sig", "row_1", "half"], "SigRowOneHalf", false),
            (&["sig", "row 1", "half"], "SigRowOneHalf", false),
            (&["sig", "row_one", "half"], "SigRowOneHalf", false),
            (&["main", "alpha_interval"], "MainAlphaInterval", false),
            (&["main", "A_B"], "MainAB", false),
            (&["main", "AB"], "MainAB", true),
            (&["main", "Ωmega"], "MainMega", false),
        ] {
            assert_eq!(spelt(names), (letters.to_owned(), is_plain), "{names:?}");
        }
    }

    #[test]
    fn a_row_is_named_by_its_inputs_with_all_of_their_digits() {
        let mut spelt = Spelt::of_entry("ahead");
        for value in [7e10, 1.4e12, -0.5] {
            spelt.number(value);
        }
        assert_eq!(spelt.letters, "AheadSevenEOneZeroOnePointFourEOneTwoMinusZeroPointFive");
    }

    #[test]
    fn another_number_never_takes_the_name_of_a_number() {
        let text = |numbers: &[(&str, &[&str])]| {
            let mut all = Macros::default();
            for (whole, names) in numbers {
                let mut spelt = Spelt::of_entry(names[0]);
                names[1..].iter().for_each(|name| spelt.name(name));
                all.add((*whole).to_owned(), spelt, whole, None);
            }
            all.text()
        };
        let line = |text: &str, value: &str| {
            text.lines().find(|line| line.contains(&format!("{{{value}}}"))).map(str::to_owned)
        };
        let one = ("fits.sig[row_1].half", &["sig", "row_1", "half"][..]);
        let other = ("fits.sig[row1].half", &["sig", "row1", "half"][..]);
        assert_eq!(line(&text(&[one]), one.0), line(&text(&[other, one]), one.0));
        assert_eq!(line(&text(&[other]), other.0), line(&text(&[one, other]), other.0));
        // Where only the limits between parts differ, the short name stands for neither.
        let whole = ("fits.main.alpha_N", &["main", "alpha_N"][..]);
        let apart = ("fits.main_alpha.N", &["main_alpha", "N"][..]);
        let both = text(&[whole, apart]);
        assert!(text(&[whole]).contains("\\lawfitMainAlphaN}") && !both.contains("\\lawfitMainAlphaN}"), "{both}");
        assert_eq!(both.matches("\\lawfitMainAlphaNX").count(), 2, "{both}");
    }

    #[test]
    fn a_number_is_rounded_by_its_uncertainty_and_its_interval_like_it() {
        let count = digits_of(0.347_310_5, [Some(0.315_9), Some(0.372_95)], None);
        assert_eq!(rounded(0.347_310_5, count), "0.347");
        assert_eq!(interval([Some(0.315_9), Some(0.372_95)], 0.347_310_5, count).unwrap(), "[0.316, 0.373]");
        let count = digits_of(477.8, [Some(281.8), Some(737.9)], None);
        assert_eq!(rounded(477.8, count), "478");
    }
}
