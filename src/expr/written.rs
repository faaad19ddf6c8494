//! Numbers in texts: 7e9 from `pythia-7B`, from `llama-2-7b` and from `7B`.

use std::ops::Range;

/// The factor of a letter after a number: K, M, B, T, in either case, for 10^3 to 10^12.
pub(super) fn multiple(letter: char) -> Option<f64> {
    match letter.to_ascii_uppercase() {
        'K' => Some(1e3),
        'M' => Some(1e6),
        'B' => Some(1e9),
        'T' => Some(1e12),
        _ => None,
    }
}

/// The value of a text that consists of one number, with or without a letter for its size: `7`, `1.4b`, `160M`,
/// `3e9`.
pub fn number_of(text: &str) -> Option<f64> {
    let text = text.trim();
    match numbers(text).as_slice() {
        [found] if found.place == (0..text.len()) => Some(found.value),
        _ => None,
    }
}

/// The only number in a text. Where a text has several, the only one with a letter for its size.
///
/// Returns `None` where no single number remains, as in `run-3-of-8`, and for products such as `8x7B`.
pub fn number_in(text: &str) -> Option<f64> {
    let all = numbers(text);
    let sized: Vec<&Found> = all.iter().filter(|found| found.is_sized).collect();
    match (sized.as_slice(), all.as_slice()) {
        ([found], _) if !is_product(text, found) => Some(found.value),
        ([], [found]) => Some(found.value),
        _ => None,
    }
}

/// A number found in a text.
struct Found {
    place: Range<usize>,
    value: f64,
    is_sized: bool,
}

/// Whether another number and a multiplication sign stand before this number.
fn is_product(text: &str, found: &Found) -> bool {
    let before = text[..found.place.start].trim_end();
    let factor = before.strip_suffix(['x', 'X', '*', '\u{d7}']);
    factor.is_some_and(|factor| factor.trim_end().ends_with(|c: char| c.is_ascii_digit()))
}

fn numbers(text: &str) -> Vec<Found> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match number_at(text, at) {
            Some(found) => {
                at = found.place.end;
                all.push(found);
            }
            None => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    all
}

/// The number that starts at byte `start`.
fn number_at(text: &str, start: usize) -> Option<Found> {
    let rest = &text.as_bytes()[start..];
    let digits = |from: usize| rest.get(from..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count();
    // A sign counts at the beginning of the text only; elsewhere it joins words.
    let sign = usize::from(start == 0 && matches!(rest.first(), Some(b'-' | b'+')));
    let mut end = sign + digits(sign);
    let has_whole = end > sign;
    if rest.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    } else if !has_whole {
        return None;
    }
    if matches!(rest.get(end), Some(b'e' | b'E')) {
        let exponent_sign = usize::from(matches!(rest.get(end + 1), Some(b'-' | b'+')));
        let exponent = digits(end + 1 + exponent_sign);
        let after = end + 1 + exponent_sign + exponent;
        if exponent > 0 && !rest.get(after).is_some_and(u8::is_ascii_alphabetic) {
            end = after;
        }
    }
    let value: f64 = text[start..start + end].parse().ok()?;
    let mut letters = text[start + end..].chars();
    let size = letters.next().and_then(multiple).filter(|_| !letters.next().is_some_and(char::is_alphanumeric));
    let length = end + usize::from(size.is_some());
    let value = value * size.unwrap_or(1.0);
    value.is_finite().then(|| Found { place: start..start + length, value, is_sized: size.is_some() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_model_is_read_from_its_name() {
        for (name, size) in [
            ("7B", 7e9),
            ("1.4b", 1.4e9),
            ("pythia-160m-deduped", 1.6e8),
            ("llama-2-7b-chat", 7e9),
            ("Qwen1.5-0.5B", 5e8),
            ("opt_.35M", 3.5e5),
            ("step_1000", 1000.0),
            ("lr=3e-4", 3e-4),
            ("gpt2", 2.0),
            ("模型-7B", 7e9),
        ] {
            assert_eq!(number_in(name), Some(size), "{name}");
        }
        for name in ["", "gpt", "run-3-of-8", "Mixtral-8x7B", "1B-300B", "."] {
            assert_eq!(number_in(name), None, "{name}");
        }
    }

    #[test]
    fn a_number_with_other_words_is_not_a_number_alone() {
        assert_eq!([number_of("7b"), number_of(" -3.5e2 "), number_of("0.5T")], [Some(7e9), Some(-350.0), Some(5e11)]);
        assert_eq!([number_of("7b-chat"), number_of("v7"), number_of("1,5"), number_of("")], [None; 4]);
    }
}
