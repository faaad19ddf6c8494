//! The order of names that contain numbers: `160M` before `1.4B`, and `task 2` before `task 10`.

use std::cmp::Ordering;

/// Compares texts as people sort names: the numbers in them by size, and numbers before words. `1.4B` and `70m` are
/// numbers too.
pub fn of_names(a: &str, b: &str) -> Ordering {
    let (mut one, mut other) = (a, b);
    loop {
        let order = match (Part::first(one, one.len() == a.len()), Part::first(other, other.len() == b.len())) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some((x, rest)), Some((y, other_rest))) => {
                (one, other) = (rest, other_rest);
                x.cmp(&y)
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// A part of a name.
enum Part<'a> {
    /// A number, with its letter.
    Number(f64),
    /// What stands before the next digit.
    Word(&'a str),
}

/// Letters after a number that multiply it.
const LETTERS: [(char, f64); 5] = [('k', 1e3), ('m', 1e6), ('b', 1e9), ('g', 1e9), ('t', 1e12)];

impl<'a> Part<'a> {
    /// The first part of a text and the rest; `None` for an empty text.
    fn first(text: &'a str, is_start: bool) -> Option<(Self, &'a str)> {
        let Some(end) = end_of_number(text, is_start) else {
            let end = text.char_indices().skip(1).find(|(_, c)| c.is_ascii_digit()).map_or(text.len(), |(at, _)| at);
            return (!text.is_empty()).then(|| (Self::Word(&text[..end]), &text[end..]));
        };
        let number: f64 = text[..end].parse().ok()?;
        let mut after = text[end..].chars();
        let letter = after.next().and_then(|c| LETTERS.iter().find(|(letter, _)| c.eq_ignore_ascii_case(letter)));
        match letter.filter(|_| !after.next().is_some_and(char::is_alphanumeric)) {
            Some((_, factor)) => Some((Self::Number(number * factor), &text[end + 1..])),
            None => Some((Self::Number(number), &text[end..])),
        }
    }

    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Number(_), Self::Word(_)) => Ordering::Less,
            (Self::Word(_), Self::Number(_)) => Ordering::Greater,
            (Self::Word(a), Self::Word(b)) => a.cmp(b),
        }
    }
}

/// The end of the number with which a text begins: digits, decimals and a power of ten. Only at the start of a name does a
/// hyphen count as its sign.
fn end_of_number(text: &str, is_start: bool) -> Option<usize> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let sign = usize::from(is_start && text.starts_with('-'));
    let whole = digits(&text[sign..]);
    if whole == 0 {
        return None;
    }
    let mut end = sign + whole;
    if text[end..].starts_with('.') && digits(&text[end + 1..]) > 0 {
        end += 1 + digits(&text[end + 1..]);
    }
    if let Some(power) = text[end..].strip_prefix(['e', 'E']) {
        let unsigned = power.strip_prefix(['-', '+']).unwrap_or(power);
        if digits(unsigned) > 0 {
            end += 1 + (power.len() - unsigned.len()) + digits(unsigned);
        }
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_ordered_by_size() {
        for sorted in [
            ["70M", "160m", "1.4B", "2.8B", "12B"],
            ["task 1", "task 2", "task 10", "task 10a", "tasks"],
            ["pythia-70m-deduped", "pythia-410m", "pythia-1b", "pythia-6.9b", "pythia-12b"],
            ["-2", "-1.5", "0", "1e-3", "7"],
            ["2024-01-02", "2024-01-10", "2024-11-01", "a", "é1"],
        ] {
            let mut names = sorted;
            names.reverse();
            names.sort_by(|a, b| of_names(a, b));
            assert_eq!(names, sorted);
        }
    }
}
