//! Cells of comma-separated values.

/// A text as a cell for spreadsheet programs. Text that such a program would execute as a formula gets an apostrophe, which
/// it does not show; a signed number is not a formula.
pub fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && text.parse::<f64>().is_err();
    if is_formula { quoted(&format!("'{text}")) } else { quoted(text) }
}

/// A text as a cell that is read back unchanged: one with a comma, a quote or a line break is in quotes (RFC 4180).
pub fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// A number as a cell, with all its digits; empty if it is not finite.
pub fn number(value: f64) -> String {
    if value.is_finite() { crate::numeral::exact(value) } else { String::new() }
}

/// Cells as a line.
pub fn line(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().collect();
    format!("{}\n", cells.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_program_executes_no_cell_and_numbers_stay_numbers() {
        for formula in ["=1+1", "+1+1", "-2+3", "@SUM(A1)", "\tx", "\r=1", "-", "=cmd|'/c calc'!A1", "+inf x"] {
            let written = cell(formula);
            assert!(written.trim_start_matches('"').starts_with('\''), "{written}");
        }
        for plain in ["-1.5e-3", "+2", "-7", "a=b", "", "1e21", "x, y"] {
            assert!(!cell(plain).contains('\''), "{plain}");
        }
        assert_eq!(cell("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!((number(-2.5e-7), number(f64::NAN)), ("-2.5e-7".to_owned(), String::new()));
    }
}
