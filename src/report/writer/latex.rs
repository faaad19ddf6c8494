//! Tables for a paper, with booktabs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{WriteError, Writer};
use crate::answer::Interval;
use crate::fit::Estimate;
use crate::report::answers::{AnswerTable, heading};
use crate::report::{Page, typeset, words};

pub(super) struct Latex;

impl Writer for Latex {
    fn file(&self) -> &'static str {
        "tables.tex"
    }

    fn write(&self, page: &Page) -> Result<BTreeMap<String, Vec<u8>>, WriteError> {
        let mut out = "% \\usepackage{booktabs}\n".to_owned();
        for (name, entry, fit) in page.results.shown_fits() {
            let formula =
                page.described.fit(entry).map(|a| typeset::latex(&a.law.response, &a.law.body)).unwrap_or_default();
            let _ = writeln!(
                out,
                "\\begin{{table}}\n\\centering\n\\caption{{Fit \\texttt{{{}}}: ${formula}$, {} rows.}}\n\\begin{{tabular}}{{lrrrrl}}\n\\toprule\nparameter & value & s.e. & lower & upper & status \\\\\n\\midrule",
                escape(&name),
                fit.rows
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
            out.push_str("\\bottomrule\n\\end{tabular}\n\\end{table}\n\n");
        }
        for query in &page.described.queries {
            if let Some(table) = table(page, query) {
                out.push_str(&table);
            }
        }
        Ok(BTreeMap::from([(self.file().to_owned(), out.into_bytes())]))
    }
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
        "\\begin{{table}}\n\\centering\n\\caption{{Query \\texttt{{{}}} of fit \\texttt{{{}}}{}.}}\n\\begin{{tabular}}{{{}l}}\n\\toprule\n{} & reach \\\\\n\\midrule\n",
        escape(&query.name),
        escape(&result.fit),
        result.interval.as_ref().map(|interval| format!("; in brackets: {}", escape(interval))).unwrap_or_default(),
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
    out.push_str("\\bottomrule\n\\end{tabular}\n\\end{table}\n\n");
    Some(out)
}

/// An answer's value and the ends of its interval.
fn found(cell: &Interval) -> String {
    let value = cell.value.map_or("--".to_owned(), |v| number(v, 4));
    let end = |end: Option<f64>, open: &str| end.map_or(open.to_owned(), |v| number(v, 4));
    if cell.lower.is_none() && cell.upper.is_none() {
        return value;
    }
    format!("{value} [{}, {}]", end(cell.lower, "$-\\infty$"), end(cell.upper, "$\\infty$"))
}

/// A standard error, as a factor where it is one.
fn error(estimate: &Estimate) -> String {
    match (estimate.factor, estimate.se) {
        (Some(factor), _) => format!("${{\\times}}/{{\\div}}\\,{}$", words::digits(factor, 3)),
        (None, Some(se)) => number(se, 2),
        (None, None) => "--".to_owned(),
    }
}

fn number(value: f64, count: usize) -> String {
    match words::digits(value, count).split_once('e') {
        Some((mantissa, exponent)) => format!("${mantissa} \\times 10^{{{exponent}}}$"),
        None => format!("${}$", words::digits(value, count)),
    }
}

fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        if matches!(c, '_' | '%' | '&' | '#' | '$' | '{' | '}') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}
