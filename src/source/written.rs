//! Numbers as people write them in tables: `64B`, `1,241,505,403`, `45.95%`, `~0.40`, `1e21 FLOP`.
//!
//! A text with two possible readings is not a number until the spec decides which one applies.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::unit::{Dimension, Unit};

/// The decimal separator of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Decimal {
    /// `1.5`; a comma groups thousands.
    #[serde(rename = ".")]
    Point,
    /// `1,5`; a point groups thousands.
    #[serde(rename = ",")]
    Comma,
}

/// What a number's text reveals about the decimal separator of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// Nothing: the text has no separator or is not a number.
    Nothing,
    /// A point: `1.5`, `1,241,505`.
    Point,
    /// A comma: `1,5`, `1.241.505`.
    Comma,
    /// Ambiguous: `20,000` is twenty thousand or twenty.
    Either,
}

/// Multiples by their letter, as powers of ten.
const LETTERS: [(char, i32); 5] = [('K', 3), ('M', 6), ('B', 9), ('G', 9), ('T', 12)];
/// Multiples by their word, as powers of ten.
const WORDS: [(&str, i32); 5] = [("thousand", 3), ("million", 6), ("billion", 9), ("bn", 9), ("trillion", 12)];
/// Multiples that occur only before FLOP.
const BEFORE_FLOP: [(char, i32); 3] = [('P', 15), ('E', 18), ('Z', 21)];
/// Unit names used in cells, in addition to those of specs.
const NAMES: [(&str, &str); 16] = [
    ("params", "parameters"),
    ("param", "parameters"),
    ("parameter", "parameters"),
    ("token", "tokens"),
    ("tok", "tokens"),
    ("toks", "tokens"),
    ("flop", "FLOP"),
    ("flops", "FLOP"),
    ("pf-day", "PFday"),
    ("pf-days", "PFday"),
    ("pfdays", "PFday"),
    ("pfday", "PFday"),
    ("nat", "nats"),
    ("bit", "bits"),
    ("percent", "%"),
    ("x", "1"),
];

/// A text with the minus sign, the multiplication dot and the raised digits of Unicode as `-`, `·` and `^21`.
fn plain_signs(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut is_raised = false;
    for c in text.chars() {
        let raised = RAISED.chars().position(|raised| raised == c);
        match (c, raised.and_then(|digit| "0123456789-+".chars().nth(digit))) {
            (_, Some(digit)) => {
                if !is_raised {
                    out.push('^');
                }
                out.push(digit);
            }
            ('−', _) => out.push('-'),
            ('⋅' | '∙', _) => out.push('·'),
            _ => out.push(c),
        }
        is_raised = raised.is_some();
    }
    Cow::Owned(out)
}

/// Raised digits and signs.
const RAISED: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺";

/// A parsed text: digits with their separators, a power of ten, and the rest.
struct Parts<'a> {
    /// Sign, digits and separators.
    digits: String,
    /// An explicit power of ten.
    power: Option<i32>,
    /// The text after the number.
    rest: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let text = text.trim().trim_start_matches(['~', '≈', '≃']).trim_start();
        let end = text
            .char_indices()
            .find(|&(at, c)| !(c.is_ascii_digit() || ".,_'’".contains(c) || is_sign(at, c) || groups_here(text, at, c)))
            .map_or(text.len(), |(at, _)| at);
        let (digits, rest) = text.split_at(end);
        let digits: String = digits.chars().map(|c| if c == '−' { '-' } else { c }).collect();
        if !digits.contains(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (power, rest) = power_of_ten(&digits, rest)?;
        // `10^21`: the base is not a factor.
        let digits = if rest.1 { "1".to_owned() } else { digits };
        Some(Self { digits, power, rest: rest.0.trim() })
    }

    /// The digits times a power of ten, for a given decimal separator.
    fn number(&self, decimal: Decimal, power: i32) -> Option<f64> {
        let plain = self.plain(decimal)?;
        let number: f64 = format!("{plain}e{}", self.power.unwrap_or(0) + power).parse().ok()?;
        number.is_finite().then_some(number)
    }

    /// The digits without group separators and with a decimal point; `None` if the groups do not have three digits.
    fn plain(&self, decimal: Decimal) -> Option<String> {
        let (mark, group) = if decimal == Decimal::Point { ('.', ',') } else { (',', '.') };
        let (sign, digits) = match self.digits.strip_prefix(['-', '+']) {
            Some(digits) => (&self.digits[..1], digits),
            None => ("", self.digits.as_str()),
        };
        let (whole, decimals) = digits.split_once(mark).map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
        let grouping = whole.chars().find(|c| !c.is_ascii_digit());
        let whole = match grouping {
            None => whole.to_owned(),
            Some(c) if self.power.is_none() && (c == group || !".,".contains(c)) => ungrouped(whole, c)?,
            Some(_) => return None,
        };
        let decimals = decimals.unwrap_or_default();
        let is_number = whole.len() + decimals.len() > 0 && decimals.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| format!("{sign}{}.{}", if whole.is_empty() { "0" } else { &whole }, decimals))
    }
}

fn is_sign(at: usize, c: char) -> bool {
    at == 0 && "+-−".contains(c)
}

/// Whether a space at this position separates groups of digits.
fn groups_here(text: &str, at: usize, c: char) -> bool {
    let is_space = c == ' ' || matches!(c, '\u{a0}' | '\u{202f}' | '\u{2009}');
    let after = text[at + c.len_utf8()..].bytes();
    is_space && text[..at].ends_with(|c: char| c.is_ascii_digit()) && after.take_while(u8::is_ascii_digit).count() == 3
}

/// The digits with group separators removed; every group after the first must have three digits.
fn ungrouped(digits: &str, group: char) -> Option<String> {
    let mut groups = digits.split(group);
    let first = groups.next()?;
    let is_first = (1..=3).contains(&first.len()) && !(first.starts_with('0'));
    let rest: Vec<&str> = groups.collect();
    let are_digits = std::iter::once(&first).chain(&rest).all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let are_groups = is_first && are_digits && rest.iter().all(|part| part.len() == 3);
    are_groups.then(|| format!("{first}{}", rest.concat()))
}

/// A power of ten after the digits, the rest, and whether the digits were its base: `e21`, `x10^21`, `^21` after 10.
fn power_of_ten<'a>(digits: &str, rest: &'a str) -> Option<(Option<i32>, (&'a str, bool))> {
    let (behind, is_base) = match rest.strip_prefix(['e', 'E']) {
        Some(behind) if behind.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_digit()) => {
            (behind, false)
        }
        _ if digits == "10" && rest.starts_with('^') => (&rest[1..], true),
        _ => {
            let written = rest.trim_start();
            let Some(times) = written.strip_prefix(['x', 'X', '×', '*', '·']) else {
                return Some((None, (rest, false)));
            };
            let Some(behind) = times.trim_start().strip_prefix("10^") else { return Some((None, (rest, false))) };
            (behind, false)
        }
    };
    let sign = usize::from(behind.starts_with(['+', '-']));
    let end = behind[sign..].find(|c: char| !c.is_ascii_digit()).map_or(behind.len(), |at| sign + at);
    Some((Some(behind[..end].parse().ok()?), (&behind[end..], is_base)))
}

/// The text after the digits: a multiple as a power of ten, and a unit.
struct Behind {
    power: Option<i32>,
    unit: Option<Unit>,
}

/// Parses the text after the digits, for a column with a unit.
fn behind(rest: &str, declared: Option<Unit>) -> Option<Behind> {
    if rest.is_empty() {
        return Some(Behind { power: None, unit: None });
    }
    if let Some(unit) = unit_named(rest) {
        return Some(Behind { power: None, unit: Some(unit) });
    }
    let lower = rest.to_ascii_lowercase();
    let word = WORDS.iter().find(|(word, _)| {
        lower.strip_prefix(word).is_some_and(|after| !after.starts_with(|c: char| c.is_alphabetic()))
    });
    let (power, after) = if let Some((word, power)) = word {
        (*power, &rest[word.len()..])
    } else {
        let letter = rest.chars().next()?;
        let after = &rest[letter.len_utf8()..];
        let is_flop = unit_named(after).is_some_and(|unit| unit.dimension == Dimension::Flop && unit.size == 1.0);
        let known = LETTERS.iter().chain(BEFORE_FLOP.iter().filter(|_| is_flop));
        let (_, power) = known.into_iter().find(|(of, _)| *of == letter.to_ascii_uppercase())?;
        // A lower-case m or b is ambiguous unless the values are counts.
        let counted = unit_named(after).or(declared).is_some_and(|unit| counts(unit.dimension));
        if letter.is_ascii_lowercase() && letter != 'k' && !counted {
            return None;
        }
        (*power, after)
    };
    let after = after.trim();
    let unit = if after.is_empty() { None } else { Some(unit_named(after)?) };
    Some(Behind { power: Some(power), unit })
}

fn unit_named(text: &str) -> Option<Unit> {
    let text = text.trim();
    let lower = text.to_lowercase().replace('×', "x");
    let known = NAMES.iter().find(|(name, _)| *name == lower).map(|(_, unit)| *unit);
    Unit::parse(known.unwrap_or(text)).filter(|unit| unit.is_plain() && (text != "1"))
}

/// Whether values of a dimension are commonly given in thousands and millions.
const fn counts(dimension: Dimension) -> bool {
    matches!(dimension, Dimension::Parameters | Dimension::Tokens | Dimension::Flop)
}

/// The number in a text, in the base unit of its dimension; `None` if it is not a number in the column's unit.
///
/// A multiple or unit in the cell takes precedence over the column's unit.
pub fn number(text: &str, decimal: Decimal, declared: Option<Unit>) -> Option<f64> {
    let text = plain_signs(text);
    let parts = Parts::of(&text)?;
    let Behind { power, unit } = behind(parts.rest, declared)?;
    let plain = || parts.number(decimal, power.unwrap_or(0));
    match (unit, declared) {
        (None, None) => plain(),
        (None, Some(_)) if power.is_none() => plain().map(|number| number * declared.map_or(1.0, |unit| unit.size)),
        (None, Some(declared)) => match declared.dimension {
            Dimension::Nats | Dimension::Share => None,
            // In a column of billions, `350M` is 350 million; in a column of petaflop/s-days it is that many days.
            _ => plain().map(|number| number * declared.base_size()),
        },
        (Some(own), Some(declared)) if own.dimension == declared.dimension => plain().map(|number| number * own.size),
        (Some(own), Some(declared)) if declared.dimension == Dimension::One && own.dimension == Dimension::Share => {
            plain().map(|number| number * own.size)
        }
        (Some(_), Some(_)) => None,
        // Nats or bits: only the spec determines the unit of a loss.
        (Some(own), None) if own.dimension == Dimension::Nats => None,
        (Some(own), None) => plain().map(|number| number * own.size),
    }
}

/// Whether a text is a percentage.
pub fn is_percent(text: &str) -> bool {
    Parts::of(&plain_signs(text))
        .is_some_and(|parts| unit_named(parts.rest).is_some_and(|unit| unit.dimension == Dimension::Share))
}

/// What a text reveals about the decimal separator.
pub fn tells(text: &str) -> Tells {
    let text = plain_signs(text);
    let Some(parts) = Parts::of(&text).filter(|parts| behind(parts.rest, None).is_some()) else {
        return Tells::Nothing;
    };
    let (point, comma) = (parts.plain(Decimal::Point).is_some(), parts.plain(Decimal::Comma).is_some());
    let has = |sign: char| parts.digits.contains(sign);
    match (point, comma) {
        (true, true) if has(',') => Tells::Either,
        (true, false) if has(',') || has('.') => Tells::Point,
        (false, true) => Tells::Comma,
        _ => Tells::Nothing,
    }
}

/// What an unformatted number reveals about the decimal separator.
pub fn number_tells(number: f64) -> Tells {
    let decimals = number.to_string().split_once('.').map_or(0, |(_, decimals)| decimals.len());
    // Three decimals may have been a group of thousands.
    if decimals == 0 || decimals == 3 { Tells::Nothing } else { Tells::Point }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, unit: &str) -> Option<f64> {
        number(text, Decimal::Point, Unit::parse(unit))
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, value) in [
            ("64B", 64e9),
            ("4.2B", 4.2e9),
            ("12M", 12e6),
            ("32.0K", 32e3),
            ("1.5k", 1500.0),
            ("1,241,505,403", 1_241_505_403.0),
            ("1 241 505", 1_241_505.0),
            ("1_000_000", 1e6),
            ("1'000'000", 1e6),
            ("1,234.5", 1234.5),
            ("45.95%", 0.4595),
            ("30x", 30.0),
            ("30×", 30.0),
            ("~0.40", 0.4),
            ("1e21 FLOP", 1e21),
            ("1e21 FLOPs", 1e21),
            ("2.5 ZFLOP", 2.5e21),
            ("3 x 10^21", 3e21),
            ("10^21", 1e21),
            ("6 × 10²³", 6e23),
            ("1.5⋅10^21", 1.5e21),
            ("3e−4", 3e-4),
            ("2·10⁻³", 2e-3),
            ("1.3E+00", 1.3),
            ("−1.5", -1.5),
            ("300 billion", 300e9),
            ("7 billion tokens", 7e9),
            ("20 PF-days", 20.0 * 8.64e19),
            (" +.5 ", 0.5),
        ] {
            let read = number(text, Decimal::Point, None).unwrap_or(f64::NAN);
            assert!((read / value - 1.0).abs() < 1e-15, "{text}: {read}");
        }
    }

    #[test]
    fn other_text_is_not_read_as_a_number() {
        for text in [
            "",
            "base",
            "NaN",
            "inf",
            "1.0858 (std 0.0005)",
            "1,5",
            "1.2.3",
            "12,34,567",
            "0,123",
            "828.7ms",
            "1-2",
            "2024-01-05",
            "<3",
            "7 8",
            "1e",
            "B",
            "3.5 bits",
            "12m",
            "1,23,4",
            "1e999",
            "5 V",
        ] {
            assert_eq!(number(text, Decimal::Point, None), None, "{text}");
        }
    }

    #[test]
    fn a_decimal_comma_is_read_where_it_is_declared() {
        let read = |text| number(text, Decimal::Comma, None);
        assert_eq!(read("1,712074752e+18"), Some(1.712_074_752e18));
        assert_eq!(read("1.234,5"), Some(1234.5));
        assert_eq!(read("20.000"), Some(20_000.0));
        assert_eq!(read("1,5B"), Some(1.5e9));
        assert_eq!(read("1.5"), None);
    }

    #[test]
    fn a_unit_in_a_cell_takes_precedence_over_the_columns_unit() {
        assert_eq!(of("7", "B parameters"), Some(7e9));
        assert_eq!(of("7B", "B parameters"), Some(7e9));
        assert_eq!(of("350M", "B parameters"), Some(350e6));
        assert_eq!(of("350m", "parameters"), Some(350e6));
        assert_eq!(of("1e21 FLOP", "PFday"), Some(1e21));
        assert_eq!(of("45.95%", "%"), Some(0.4595));
        assert_eq!(of("45.95", "%"), Some(45.95 * 0.01));
        assert_eq!(of("2 bits", "nats"), Some(2.0 * std::f64::consts::LN_2));
        assert_eq!(of("3 tokens", "parameters"), None);
        assert_eq!(of("3B", "nats"), None);
        assert_eq!(of("3%", "tokens"), None);
    }

    #[test]
    fn a_text_reveals_its_decimal_separator_if_it_has_one() {
        for (text, told) in [
            ("20,000", Tells::Either),
            ("20,000 tokens", Tells::Either),
            ("1,5", Tells::Comma),
            ("0,123", Tells::Comma),
            ("1,712e18", Tells::Comma),
            ("1.241.505", Tells::Comma),
            ("1,241,505", Tells::Point),
            ("1,234.5", Tells::Point),
            ("1.5", Tells::Point),
            ("45.95%", Tells::Point),
            ("20.000", Tells::Nothing),
            ("20000", Tells::Nothing),
            ("base", Tells::Nothing),
        ] {
            assert_eq!(tells(text), told, "{text}");
        }
        assert_eq!(
            [number_tells(1.0957), number_tells(20.0), number_tells(1.234)].map(|t| t == Tells::Point),
            [true, false, false]
        );
    }
}
