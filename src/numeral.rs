//! Numbers as text: all digits for programs, a few for people.

/// The shortest text that parses to the same number, in exponent form where that is shorter.
pub fn exact(value: f64) -> String {
    let plain = format!("{value}");
    let exponent = format!("{value:e}");
    if exponent.len() < plain.len() { exponent } else { plain }
}

/// A number with at most `count` significant digits, without trailing zeros: 0.0034, 12, 3.4e21.
pub fn rounded(value: f64, count: usize) -> String {
    trimmed(&digits(value, count))
}

/// A number with the given number of significant digits.
pub fn digits(value: f64, count: usize) -> String {
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
pub fn magnitude(value: f64) -> i32 {
    let text = format!("{:e}", value.abs());
    text.split('e').nth(1).and_then(|e| e.parse().ok()).unwrap_or(0)
}

/// A count with a suffix: 73.2B, 1.31T; larger ones have an exponent.
pub fn size(value: f64) -> String {
    for (limit, scale, suffix) in
        [(1e3, 1.0, ""), (1e6, 1e3, "K"), (1e9, 1e6, "M"), (1e12, 1e9, "B"), (1e16, 1e12, "T")]
    {
        if value < limit && value >= 1.0 {
            return format!("{}{suffix}", trimmed(&digits(value / scale, 3)));
        }
    }
    digits(value, 3)
}

/// Removes trailing zeros after the decimal point.
pub fn trimmed(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').map_or((text, None), |(m, e)| (m, Some(e)));
    let mantissa = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    exponent.map_or_else(|| mantissa.to_owned(), |e| format!("{mantissa}e{e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rounded_number_keeps_its_leading_digits_and_no_zeros_after_them() {
        for (value, text) in [(0.0034, "0.0034"), (12.0, "12"), (3.4567e21, "3.46e21"), (1e-9, "1e-9"), (0.0, "0")] {
            assert_eq!(rounded(value, 3), text);
        }
    }

    #[test]
    fn an_exact_text_parses_to_the_same_number_in_its_shorter_form() {
        for (value, text) in [(0.1 + 0.2, "0.30000000000000004"), (1e21, "1e21"), (150.0, "150"), (-2.5e-7, "-2.5e-7")]
        {
            assert_eq!(exact(value), text);
            assert_eq!(text.parse::<f64>(), Ok(value));
        }
    }
}
