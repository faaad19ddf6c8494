//! Tables for a paper, in LaTeX with booktabs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::values::{self, rounded};
use super::{WriteError, Writer};
use crate::answer::Interval;
use crate::diagnostic::numbered;
use crate::fit::Estimate;
use crate::numeral;
use crate::report::answers::{AnswerTable, TableRow};
use crate::report::words::heading;
use crate::report::{Described, DescribedQuery, FitResult, Page, typeset};
use crate::unit::{Dimension, Unit};

/// The file to read first.
const FILE: &str = "tables.tex";

pub(super) struct Latex;

impl Writer for Latex {
    fn write(&self, page: &Page) -> Result<BTreeMap<String, Vec<u8>>, WriteError> {
        let mut out = format!("{PACKAGES}{CAPTION}\n");
        for (name, entry, fit) in page.results.shown_fits(&page.described) {
            fit_table(page, &name, entry, fit).write(&mut out);
        }
        for query in &page.described.queries {
            if let Some(table) = query_table(page, query) {
                table.write(&mut out);
            }
        }
        if out.contains(|letter: char| letter.is_alphabetic() && letter > LATIN) {
            out.insert_str(PACKAGES.len(), LETTERS);
        }
        let values = values::of(page);
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

/// The caption of a table that is no float, because LaTeX keeps only a few floats at a time.
const CAPTION: &str =
    "\\makeatletter\\providecommand{\\lawfitcaption}[1]{\\def\\@captype{table}\\caption{#1}}\\makeatother\n";

/// A table, which continues in further blocks where it has more rows than a page.
struct Tabular {
    caption: String,
    /// The letters of its columns.
    columns: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Maximum number of rows in a block.
    most: usize,
    /// Sentences below it, which its cells name by their numbers from 1.
    notes: Vec<String>,
}

impl Tabular {
    fn write(&self, out: &mut String) {
        for (at, rows) in self.rows.chunks(self.most).enumerate() {
            let caption = if at == 0 {
                format!("\\lawfitcaption{{{}}}", self.caption)
            } else {
                "\\textit{continued}\\par\\smallskip".to_owned()
            };
            let _ = writeln!(
                out,
                "\\begin{{center}}\\begin{{minipage}}{{\\linewidth}}\\centering\n{caption}\n{}\\begin{{tabular}}{{{}}}\n\\toprule\n{}\n\\midrule",
                FITS[0],
                self.columns,
                line(&self.head)
            );
            rows.iter().for_each(|row| {
                let _ = writeln!(out, "{}", line(row));
            });
            let _ =
                writeln!(out, "\\bottomrule\n\\end{{tabular}}{}\\end{{minipage}}\\end{{center}}\n", FITS[1].trim_end());
        }
        if !self.notes.is_empty() {
            let numbered = self.notes.iter().enumerate().map(|(at, note)| format!("{} {note}", mark(at)));
            let notes: Vec<String> = numbered.collect();
            let _ = writeln!(out, "{{\\footnotesize\\noindent {}\\par}}\n", notes.join("\\par\\noindent\n"));
        }
    }
}

/// A row of a table. LaTeX reads a bracket or a star after `\\` or a rule as an argument, so an empty group stands before
/// a cell that begins with one.
fn line(cells: &[String]) -> String {
    let guard = if cells.first().is_some_and(|cell| cell.starts_with(['[', '*'])) { "{}" } else { "" };
    format!("{guard}{} \\\\", cells.join(" & "))
}

/// The mark of a note by its place from 0.
fn mark(at: usize) -> String {
    format!("\\textsuperscript{{{}}}", at + 1)
}

/// Maximum number of rows on a page, of one line each and of two.
const MOST_LINES: usize = 36;
const MOST_PAIRS: usize = 18;
/// Maximum length of the state of an answer in a cell; a longer one is a note below the table.
const LONGEST_STATE: usize = 45;

/// The parameters of a fit.
fn fit_table(page: &Page, name: &str, entry: &str, fit: &FitResult) -> Tabular {
    let law = page.described.fit(entry).map(|about| &about.law);
    let formula = law.map(|law| typeset::latex(&law.response, &law.body)).unwrap_or_default();
    let rows = fit.parameters.iter().map(|(parameter, e)| {
        let cell = |value: Option<f64>, count| value.map_or("--".to_owned(), |v| number(v, count));
        vec![
            format!("${}$", typeset::name_latex(parameter)),
            cell(e.value, 5),
            error(e),
            cell(e.lower, 4),
            cell(e.upper, 4),
            e.status.describe().to_owned(),
        ]
    });
    Tabular {
        caption: format!("Fit \\texttt{{{}}}: ${formula}$, {}.", escape(name), numbered(fit.rows, "row")),
        columns: "lrrrrl".to_owned(),
        head: ["parameter", "value", "s.e.", "lower", "upper", "status"].map(str::to_owned).into(),
        rows: rows.collect(),
        most: MOST_LINES,
        notes: Vec::new(),
    }
}

/// The answers of a query.
fn query_table(page: &Page, query: &DescribedQuery) -> Option<Tabular> {
    let result = page.results.queries.get(&query.name)?;
    let table = AnswerTable::of(&page.described, query, result)?;
    let mathematics = |name: &str| format!("${}$", typeset::name_latex(name));
    let with_unit = |title: String, name: &str| match unit_of(&page.described, query, name) {
        Some(unit) => format!("{title} ({})", escape(&unit.to_string())),
        None => title,
    };
    let mut head: Vec<String> = table.has_groups.then(|| "group".to_owned()).into_iter().collect();
    head.extend(table.inputs.iter().map(|(name, _)| with_unit(mathematics(name), name)));
    head.extend(table.outputs.iter().map(|(output, _)| {
        let name = heading(&page.described, query, output);
        with_unit(if name.contains(' ') { escape(&name) } else { mathematics(&name) }, output)
    }));
    let columns = format!("{}l", "r".repeat(head.len()));
    head.push("reach".to_owned());
    let mut notes: Vec<String> = Vec::new();
    let mut state = |row: &TableRow<'_>| {
        if row.standing.chars().count() <= LONGEST_STATE {
            return escape(&row.standing);
        }
        let note = escape(&format!("{}.", row.standing.trim_end_matches('.')));
        let at = notes.iter().position(|known| *known == note).unwrap_or_else(|| {
            notes.push(note);
            notes.len() - 1
        });
        format!("{}{}", escape(row.verdict.describe()), mark(at))
    };
    let rows: Vec<Vec<String>> = table
        .rows
        .iter()
        .map(|row| {
            let mut cells: Vec<String> = table.has_groups.then(|| escape(row.group)).into_iter().collect();
            cells.extend(row.given.iter().map(|value| value.map_or("--".to_owned(), |v| number(v, 4))));
            cells.extend(row.found.iter().map(|cell| cell.map_or("--".to_owned(), found)));
            cells.push(state(row));
            cells
        })
        .collect();
    let has_intervals = table.rows.iter().flat_map(|row| row.found.iter().flatten()).any(|cell| !is_bare(cell));
    let interval = result.interval.as_ref().map(|interval| format!("; in brackets: {}", escape(interval)));
    Some(Tabular {
        caption: format!(
            "Query \\texttt{{{}}} of fit \\texttt{{{}}}{}.",
            escape(&query.name),
            escape(&result.fit),
            interval.unwrap_or_default()
        ),
        columns,
        head,
        rows,
        most: if has_intervals { MOST_PAIRS } else { MOST_LINES },
        notes,
    })
}

/// The unit in which a table has the values of an input or output; `None` for a number without one.
fn unit_of(described: &Described, query: &DescribedQuery, name: &str) -> Option<Unit> {
    let variable = query.variable_of(name);
    let response = described.fit(&query.fit).map(|about| about.law.response.as_str());
    let variable = if query.question.member().is_response(name) { response.unwrap_or(variable) } else { variable };
    let dimension = described.dimension(&query.fit, variable).filter(|dimension| *dimension != Dimension::One)?;
    let of_rows = described.fit(&query.fit).and_then(|about| about.units.get(variable)).copied();
    of_rows.filter(|unit| unit.dimension == dimension).or_else(|| Unit::base(dimension))
}

/// Whether an answer has no interval.
const fn is_bare(cell: &Interval) -> bool {
    cell.lower.is_none() && cell.upper.is_none()
}

/// An answer's value and the ends of its interval.
fn found(cell: &Interval) -> String {
    let value = cell.value.map_or("--".to_owned(), |v| number(v, 4));
    let end = |end: Option<f64>, open: &str| end.map_or(open.to_owned(), |v| number(v, 4));
    if is_bare(cell) {
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
    fn a_row_that_begins_with_a_bracket_or_a_star_is_no_argument_of_the_row_before() {
        assert_eq!(line(&["[a]".to_owned(), "1".to_owned()]), "{}[a] & 1 \\\\");
        assert_eq!(line(&["*".to_owned()]), "{}* \\\\");
        assert_eq!(line(&["a*".to_owned()]), "a* \\\\");
    }

    #[test]
    fn a_long_table_continues_in_further_blocks_under_one_caption() {
        let rows: Vec<Vec<String>> = (0..5).map(|row| vec![row.to_string()]).collect();
        let notes = vec!["Why.".to_owned()];
        let table = Tabular {
            caption: "C.".to_owned(),
            columns: "l".to_owned(),
            head: vec!["h".to_owned()],
            rows,
            most: 2,
            notes,
        };
        let mut out = String::new();
        table.write(&mut out);
        let count = |what: &str| out.matches(what).count();
        assert_eq!((count("\\lawfitcaption{C.}"), count("continued"), count("\\toprule\nh")), (1, 2, 3), "{out}");
        assert!(!out.contains("{table}") && out.ends_with("\\textsuperscript{1} Why.\\par}\n\n"), "{out}");
    }
}
