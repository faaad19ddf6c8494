//! Tables for a paper, in LaTeX with booktabs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{WriteError, Writer};
use crate::answer::Interval;
use crate::fit::Estimate;
use crate::numeral;
use crate::report::answers::AnswerTable;
use crate::report::options::DIGITS;
use crate::report::words::heading;
use crate::report::{Page, typeset};

/// The file to read first.
const FILE: &str = "tables.tex";

pub(super) struct Latex;

impl Writer for Latex {
    fn write(&self, page: &Page) -> Result<BTreeMap<String, Vec<u8>>, WriteError> {
        let mut out = PACKAGES.to_owned();
        for (name, entry, fit) in page.results.shown_fits(&page.described) {
            let formula =
                page.described.fit(entry).map(|a| typeset::latex(&a.law.response, &a.law.body)).unwrap_or_default();
            let _ = writeln!(
                out,
                "\\begin{{table}}\n\\centering\n\\caption{{Fit \\texttt{{{}}}: ${formula}$, {} rows.}}\n{}\\begin{{tabular}}{{lrrrrl}}\n\\toprule\nparameter & value & s.e. & lower & upper & status \\\\\n\\midrule",
                escape(&name),
                fit.rows,
                FITS[0],
            );
            for (parameter, e) in &fit.parameters {
                let cell = |value: Option<f64>| value.map_or("--".to_owned(), |v| number(v, 4));
                let _ = writeln!(
                    out,
                    "${}$ & {} & {} & {} & {} & {} \\\\",
                    typeset::name_latex(parameter),
                    e.value.map_or("--".to_owned(), |value| number(value, 5)),
                    error(e),
                    cell(e.lower),
                    cell(e.upper),
                    e.status.describe()
                );
            }
            let _ = writeln!(out, "\\bottomrule\n\\end{{tabular}}{}\\end{{table}}\n", FITS[1]);
        }
        for query in &page.described.queries {
            if let Some(table) = table(page, query) {
                out.push_str(&table);
            }
        }
        if out.contains(|letter: char| letter.is_alphabetic() && letter > LATIN) {
            out.insert_str(PACKAGES.len(), LETTERS);
        }
        let values = values(page);
        Ok(BTreeMap::from([(FILE.to_owned(), out.into_bytes()), (VALUES.to_owned(), values.into_bytes())]))
    }

    fn names(&self) -> &'static [&'static str] {
        &[FILE, VALUES]
    }
}

/// The file of macros.
const VALUES: &str = "values.tex";
/// Requirements of the tables.
const PACKAGES: &str =
    "% Needs \\usepackage{booktabs} and \\usepackage{graphicx} in the preamble; then \\input{tables.tex}.\n";
/// A comment for tables with letters outside the Latin alphabets.
const LETTERS: &str =
    "% It has letters that pdflatex does not know: use xelatex or lualatex with a font that has them.\n";
/// The last letter of the extended Latin alphabets.
const LATIN: char = '\u{24f}';
/// Before and after a table: shrinks it to the width of the text.
const FITS: [&str; 2] = ["\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n", "}\n"];

/// A macro for each identified number, and one for its interval: `\lawfitMainAlpha`, `\lawfitMainAlphaInterval`.
fn values(page: &Page) -> String {
    let mut all = Macros::default();
    for (name, _, fit) in page.results.shown_fits(&page.described) {
        for (parameter, estimate) in &fit.parameters {
            let Some(value) = estimate.value else { continue };
            let ends = [estimate.lower, estimate.upper];
            let count = digits_of(value, ends, estimate.se);
            all.add(&[&name, parameter], &rounded(value, count), interval(ends, value, count));
        }
    }
    for query in &page.described.queries {
        let Some(result) = page.results.queries.get(&query.name) else { continue };
        for (index, row) in result.rows.iter().enumerate() {
            for (output, cell) in &row.outputs {
                let Some(value) = cell.value else { continue };
                let ends = [cell.lower, cell.upper];
                let count = digits_of(value, ends, None);
                let row = format!("Row {}", index + 1);
                let names: Vec<&str> =
                    if result.rows.len() == 1 { vec![&query.name, output] } else { vec![&query.name, &row, output] };
                all.add(&names, &rounded(value, count), interval(ends, value, count));
            }
        }
    }
    format!(
        "% Needs no package; \\input{{values.tex}} in the preamble. Numbers are rounded by their uncertainty.\n{}",
        all.text
    )
}

/// Macros with unique names.
#[derive(Default)]
struct Macros {
    text: String,
    known: BTreeSet<String>,
}

impl Macros {
    fn add(&mut self, names: &[&str], value: &str, interval: Option<String>) {
        let stem: String = names.iter().map(|name| letters(name)).collect();
        let mut name = format!("lawfit{stem}");
        while !self.known.insert(name.clone()) {
            name.push('X');
        }
        // A macro's name can have only Latin letters. Where that leaves out others, a comment names the number.
        let is_other = |letter: char| letter.is_alphabetic() && !letter.is_ascii();
        if names.iter().any(|name| name.contains(is_other)) || name.len() > "lawfit".len() + stem.len() {
            let whose: Vec<String> = names.iter().map(|name| name.replace(char::is_control, " ")).collect();
            let _ = writeln!(self.text, "% {}", whose.join(", "));
        }
        let _ = writeln!(self.text, "\\newcommand{{\\{name}}}{{\\ensuremath{{{value}}}}}");
        if let Some(interval) = interval {
            let _ = writeln!(self.text, "\\newcommand{{\\{name}Interval}}{{\\ensuremath{{{interval}}}}}");
        }
    }
}

/// A valid name of a macro: only letters, each word with a capital, digits as words.
fn letters(name: &str) -> String {
    const DIGITS: [&str; 10] = ["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"];
    let mut text = String::new();
    let mut begins = true;
    for letter in name.chars() {
        match letter {
            'a'..='z' if begins => text.push(letter.to_ascii_uppercase()),
            'a'..='z' | 'A'..='Z' => text.push(letter),
            '0'..='9' => text.extend(letter.to_digit(10).map(|digit| DIGITS[digit as usize])),
            _ => {}
        }
        begins = !letter.is_ascii_alphabetic();
    }
    text
}

/// The number of significant digits of a number whose uncertainty has two.
fn digits_of(value: f64, [lower, upper]: [Option<f64>; 2], se: Option<f64>) -> usize {
    let half = lower.zip(upper).map(|(lower, upper)| 0.5 * (upper - lower)).or(se).filter(|half| *half > 0.0);
    let Some(half) = half.filter(|half| half.is_finite() && value != 0.0) else { return DIGITS };
    let places = numeral::magnitude(value) - numeral::magnitude(half) + 2;
    usize::try_from(places).unwrap_or(1).clamp(1, 15)
}

/// A number in LaTeX's mathematics mode with the given significant digits.
fn rounded(value: f64, count: usize) -> String {
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

fn table(page: &Page, query: &crate::report::DescribedQuery) -> Option<String> {
    let result = page.results.queries.get(&query.name)?;
    let table = AnswerTable::of(&page.described, query, result)?;
    let mathematics = |name: &str| format!("${}$", typeset::name_latex(name));
    let mut head: Vec<String> = table.has_groups.then(|| "group".to_owned()).into_iter().collect();
    head.extend(table.inputs.iter().map(|(name, _)| mathematics(name)));
    head.extend(table.outputs.iter().map(|(output, _)| {
        let name = heading(&page.described, query, output);
        if name.contains(' ') { escape(&name) } else { mathematics(&name) }
    }));
    let mut out = format!(
        "\\begin{{table}}\n\\centering\n\\caption{{Query \\texttt{{{}}} of fit \\texttt{{{}}}{}.}}\n{}\\begin{{tabular}}{{{}l}}\n\\toprule\n{} & reach \\\\\n\\midrule\n",
        escape(&query.name),
        escape(&result.fit),
        result.interval.as_ref().map(|interval| format!("; in brackets: {}", escape(interval))).unwrap_or_default(),
        FITS[0],
        "r".repeat(head.len()),
        head.join(" & "),
    );
    for row in &table.rows {
        let mut cells: Vec<String> = table.has_groups.then(|| escape(row.group)).into_iter().collect();
        cells.extend(row.given.iter().map(|value| value.map_or("--".to_owned(), |v| number(v, 4))));
        cells.extend(row.found.iter().map(|cell| cell.map_or("--".to_owned(), found)));
        cells.push(escape(&row.standing));
        let _ = writeln!(out, "{} \\\\", cells.join(" & "));
    }
    let _ = writeln!(out, "\\bottomrule\n\\end{{tabular}}{}\\end{{table}}\n", FITS[1]);
    Some(out)
}

/// An answer's value and the ends of its interval.
fn found(cell: &Interval) -> String {
    let value = cell.value.map_or("--".to_owned(), |v| number(v, 4));
    let end = |end: Option<f64>, open: &str| end.map_or(open.to_owned(), |v| number(v, 4));
    if cell.lower.is_none() && cell.upper.is_none() {
        return value;
    }
    let interval = format!("[{}, {}]", end(cell.lower, "$-\\infty$"), end(cell.upper, "$\\infty$"));
    // Two lines, so that many columns have room. A bracket after `\\` would be read as its argument.
    format!("\\begin{{tabular}}[t]{{@{{}}r@{{}}}}{value} \\\\ {{}}{interval}\\end{{tabular}}")
}

/// A standard error, written as a factor if it is one.
fn error(estimate: &Estimate) -> String {
    match (estimate.factor, estimate.se) {
        (Some(factor), _) => format!("${{\\times}}/{{\\div}}\\,{}$", numeral::digits(factor, 3)),
        (None, Some(se)) => number(se, 2),
        (None, None) => "--".to_owned(),
    }
}

/// A number in LaTeX text.
fn number(value: f64, count: usize) -> String {
    format!("${}$", rounded(value, count))
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '_' | '%' | '&' | '#' | '$' | '{' | '}' => {
                out.push('\\');
                out.push(letter);
            }
            '\\' => out.push_str("\\textbackslash{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '|' => out.push_str("\\textbar{}"),
            // A straight quote is a closing one in the default encoding.
            '"' => out.push_str("{\\ttfamily\\char34}"),
            '<' => out.push_str("\\textless{}"),
            '>' => out.push_str("\\textgreater{}"),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_have_unique_names_of_letters() {
        assert_eq!(letters("main[law=m1]"), "MainLawMOne");
        assert_eq!(letters("alpha_N"), "AlphaN");
        let mut all = Macros::default();
        all.add(&["main", "A"], "1", None);
        all.add(&["main", "a"], "2", Some("[1, 3]".to_owned()));
        assert_eq!(
            all.text,
            "\\newcommand{\\lawfitMainA}{\\ensuremath{1}}\n% main, a\n\\newcommand{\\lawfitMainAX}{\\ensuremath{2}}\n\\newcommand{\\lawfitMainAXInterval}{\\ensuremath{[1, 3]}}\n"
        );
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
