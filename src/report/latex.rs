//! Tables for a paper, with booktabs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Page, WriteError, Writer, typeset, words};

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
                "\\begin{{table}}\n\\centering\n\\caption{{Fit \\texttt{{{}}}: ${formula}$, {} rows.}}\n\\begin{{tabular}}{{lrrrr}}\n\\toprule\nparameter & value & s.e. & lower & upper \\\\\n\\midrule",
                escape(&name),
                fit.rows
            );
            for (parameter, e) in &fit.parameters {
                let cell = |value: Option<f64>| value.map_or("--".to_owned(), |v| number(v, 4));
                let _ = writeln!(
                    out,
                    "${}$ & {} & {} & {} & {} \\\\",
                    typeset::name_latex(parameter),
                    number(e.value, 5),
                    e.se.map_or("--".to_owned(), |se| number(se, 2)),
                    cell(e.lower),
                    cell(e.upper)
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

fn table(page: &Page, query: &super::DescribedQuery) -> Option<String> {
    let result = page.results.queries.get(&query.name)?;
    let first = result.rows.first()?;
    let group = words::group(first).map(|_| "group".to_owned());
    let names = words::inputs(first).into_iter().map(|(name, _)| name.clone());
    let inputs: Vec<String> = group.into_iter().chain(names).collect();
    let outputs = query.question.kind().outputs();
    let mut out = format!(
        "\\begin{{table}}\n\\centering\n\\caption{{Query \\texttt{{{}}} of fit \\texttt{{{}}}.}}\n\\begin{{tabular}}{{{}}}\n\\toprule\n{} \\\\\n\\midrule\n",
        escape(&query.name),
        escape(&result.fit),
        "r".repeat(inputs.len() + outputs.len()),
        inputs
            .iter()
            .map(String::as_str)
            .chain(outputs.iter().copied())
            .map(|n| format!("${}$", typeset::name_latex(n)))
            .collect::<Vec<_>>()
            .join(" & "),
    );
    for row in &result.rows {
        let mut cells: Vec<String> = words::group(row).map(escape).into_iter().collect();
        cells.extend(words::inputs(row).into_iter().map(|(_, v)| number(v, 4)));
        cells.extend(outputs.iter().map(|o| {
            row.get(*o)
                .filter(|_| !words::is_unidentified(row))
                .and_then(|c| c["value"].as_f64())
                .map_or("--".to_owned(), |v| number(v, 4))
        }));
        let _ = writeln!(out, "{} \\\\", cells.join(" & "));
    }
    out.push_str("\\bottomrule\n\\end{tabular}\n\\end{table}\n\n");
    Some(out)
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
