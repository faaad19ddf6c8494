//! Text in figures: width, escaping, and the notation of numbers on axes.

use crate::numeral;

/// Widths of the printable ASCII characters in Helvetica, in thousandths of the font's size (Adobe font metrics).
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
];
/// Width of any other character: at least that of most letters and raised digits.
const OTHER: u16 = 600;
/// Margin for fonts that are wider than Helvetica.
const SPARE: f64 = 1.06;

/// Upper limit of the width of a text at a font size.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let of = |letter: char| match u32::from(letter) {
        code @ 32..=126 => WIDTHS[code as usize - 32],
        _ => OTHER,
    };
    text.chars().map(|letter| f64::from(of(letter))).sum::<f64>() * size * SPARE / 1000.0
}

/// A text cut to the available room; three dots mark a cut.
pub(super) fn fitted(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let room = room - width("…", size);
    let mut used = 0.0;
    // Each letter is measured once, because a name can be very long.
    let is_kept = |letter: &char| {
        used += width(letter.encode_utf8(&mut [0; 4]), size);
        used <= room
    };
    let kept: String = text.chars().take_while(is_kept).collect();
    format!("{}…", kept.trim_end())
}

/// A text escaped for XML, without control characters, which XML does not allow.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\u{fffe}' | '\u{ffff}' => (),
            letter if letter.is_control() => (),
            letter => out.push(letter),
        }
    }
    out
}

/// A power of ten with a superscript exponent.
pub(super) fn power_of_ten(exponent: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digits = exponent.unsigned_abs().to_string();
    let sign = if exponent < 0 { "⁻" } else { "" };
    let raised: String = digits.bytes().map(|b| DIGITS[usize::from(b - b'0')]).collect();
    format!("10{sign}{raised}")
}

/// A number with the given decimals and a proper minus sign.
pub(super) fn plain(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$}").replace('-', "−")
}

/// A number with three digits as figures show it: 1.93, 70B for counts, 5.76·10²³ for large values.
pub(super) fn short(value: f64, counts: bool) -> String {
    if counts && (1.0..1e16).contains(&value.abs()) {
        let sign = if value < 0.0 { "−" } else { "" };
        return format!("{sign}{}", numeral::size(value.abs()).replace('e', "·10^"));
    }
    let text = numeral::rounded(value, 3);
    match text.split_once('e') {
        Some(("1", exponent)) => exponent.parse().map_or_else(|_| text.clone(), power_of_ten),
        Some((mantissa, exponent)) => {
            exponent.parse().map_or_else(|_| text.clone(), |e| format!("{mantissa}·{}", power_of_ten(e)))
        }
        None => text.replace('-', "−"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_to_its_room_with_a_mark() {
        assert_eq!(fitted("short", 12.0, 100.0), "short");
        let cut = fitted("a name that is far too long", 12.0, 60.0);
        assert!(cut.ends_with('…') && width(&cut, 12.0) <= 60.0, "{cut}");
    }

    #[test]
    fn hostile_text_is_text() {
        assert_eq!(escape("<script>\"&\u{0}\u{8}'"), "&lt;script&gt;&quot;&amp;'");
    }

    #[test]
    fn numbers_have_a_readable_notation() {
        assert_eq!(short(7e10, true), "70B");
        assert_eq!(short(1.4e12, true), "1.4T");
        assert_eq!(short(-2e9, true), "−2B");
        assert_eq!(short(5.76e23, false), "5.76·10²³");
        assert_eq!(short(1e21, false), "10²¹");
        assert_eq!(short(-0.25, false), "−0.25");
    }
}
