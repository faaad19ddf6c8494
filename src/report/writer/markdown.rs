//! A report in Markdown, with its figures as files.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{WriteError, Writer};
use crate::diagnostic::numbered;
use crate::report::answers::AnswerTable;
use crate::report::checklist::{CHECKLIST, checklist};
use crate::report::leaderboard::{Leaderboard, STANDINGS};
use crate::report::screen::FirstScreen;
use crate::report::{Figure, Note, Page, Section, typeset, words};

/// The file to read first.
const FILE: &str = "report.md";

pub(super) struct Markdown;

impl Writer for Markdown {
    fn is_usual(&self) -> bool {
        true
    }

    fn write(&self, page: &Page) -> Result<BTreeMap<String, Vec<u8>>, WriteError> {
        Ok(BTreeMap::from([(FILE.to_owned(), text(page).into_bytes())]))
    }

    fn names(&self) -> &'static [&'static str] {
        &[FILE]
    }

    fn has_figures(&self) -> bool {
        true
    }

    fn mark_stale(&self, name: &str, text: &str, why: &str) -> Option<String> {
        const BEGINS: &str = "> **Stale.** ";
        let mark = format!("{BEGINS}{}\n", why.replace('\n', " "));
        // The empty line after the mark is removed too.
        let text = text.strip_prefix(BEGINS).and_then(|rest| rest.split_once("\n\n")).map_or(text, |(_, rest)| rest);
        (name == "report.md").then(|| super::with_mark(text, 0, &mark, BEGINS))
    }
}

/// Maximum number of warnings on the first screen; the others are folded.
const MOST_NOTES: usize = 5;

/// Writes a part of a page.
type WritePart = fn(&Page, &mut String);

fn text(page: &Page) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# {}\n", prose(&page.results.study.title));
    first_screen(page, &mut out);
    let parts: [(Section, &str, WritePart); 8] = [
        (Section::Expectations, "Expectations", expectations),
        (Section::Leaderboard, "Laws compared", leaderboard),
        (Section::Answers, "Answers", queries),
        (Section::Answers, "Runs to train next", designs),
        (Section::Sensitivity, "Sensitivity", sensitivity),
        (Section::Fits, "Fits", fits),
        (Section::Data, "Data", data),
        (Section::Reproduction, "Reproduction", reproduction),
    ];
    for (section, title, write) in parts.into_iter().filter(|(section, ..)| page.options.has(*section)) {
        let mut part = String::new();
        write(page, &mut part);
        if part.is_empty() {
            continue;
        }
        // Changed and failed entries are visible, and the rest is folded, so that the summary fits on one screen of a
        // pull request.
        let failed = page.results.expectations.iter().any(|expectation| !expectation.holds());
        let open = if section == Section::Expectations && failed { " open" } else { "" };
        let _ = writeln!(out, "<details{open}><summary>{title}</summary>\n\n{part}\n</details>\n");
    }
    out
}

/// The conclusions, their reliability, and what would change them.
fn first_screen(page: &Page, out: &mut String) {
    let first = FirstScreen::of(&page.described, &page.results);
    for conclusion in &first.conclusions {
        let _ = writeln!(out, "**{}**\n", prose(conclusion));
    }
    for (what, text) in &first.facts {
        let _ = writeln!(out, "- **{what}.** {}", prose(text));
    }
    out.push('\n');
    if let Some(figure) = page.main_figure() {
        picture(figure, out);
    }
    if let Some(expected) = &first.expected {
        let _ = writeln!(out, "{expected}\n");
    }
    let (shown, folded) = first.notes.split_at(first.notes.len().min(MOST_NOTES));
    if !shown.is_empty() {
        let _ = writeln!(out, "Before you quote this: {}.\n", first.counted);
        shown.iter().for_each(|note| self::note(note, out));
        out.push('\n');
    }
    if !folded.is_empty() {
        let _ = writeln!(out, "<details><summary>{}</summary>\n", numbered(folded.len(), "more warning"));
        folded.iter().for_each(|note| self::note(note, out));
        out.push_str("\n</details>\n\n");
    }
    if let Some(summary) = &page.described.summary {
        let _ = writeln!(out, "{}\n", without_tags(summary.trim()));
    }
}

fn note(note: &Note, out: &mut String) {
    let affected = note.affected();
    let affected = if affected.is_empty() { String::new() } else { format!(" ({affected})") };
    let _ = writeln!(out, "- **{}{affected}.** {}", prose(&note.parts()), prose(&note.sentence()));
}

fn leaderboard(page: &Page, out: &mut String) {
    let Some(board) = Leaderboard::of(&page.described, &page.results) else { return };
    table(out, &board.sentence(), &STANDINGS, &board.standings());
    let (head, rows) = board.errors();
    if board.groups.len() > 1 {
        table(out, "Held-out error by group, and the rank of each law.", &head, &rows);
    }
}

fn reproduction(page: &Page, out: &mut String) {
    let _ = writeln!(
        out,
        "Seed {}. The numbers above follow from the spec and the data named by their SHA-256, to the bit.\n",
        page.results.study.seed
    );
    let rows = checklist(&page.described, &page.results);
    table(out, CHECKLIST, &["asked", "reported", ""], &rows);
    if !page.results.study.references.is_empty() {
        let _ = writeln!(out, "References: {}.", page.results.study.references.join(", "));
    }
}

fn expectations(page: &Page, out: &mut String) {
    if page.results.expectations.is_empty() {
        return;
    }
    out.push_str("| expected | found | result |\n|---|---|---|\n");
    for expectation in &page.results.expectations {
        let _ = writeln!(
            out,
            "| `{}` | {} | {} |",
            cell(&expectation.that),
            expectation.found(words::number, "-"),
            expectation.status
        );
    }
    out.push('\n');
}

fn queries(page: &Page, out: &mut String) {
    for conclusion in &page.results.conclusions {
        let _ = writeln!(out, "- {}", prose(conclusion));
    }
    out.push('\n');
    for query in &page.described.queries {
        let Some(result) = page.results.queries.get(&query.name) else { continue };
        let _ = writeln!(out, "### {} ({} of `{}`)\n", query.name, result.kind, result.fit);
        let Some(table) = AnswerTable::of(&page.described, query, result) else { continue };
        let head = table.head(&page.described, query);
        let _ = writeln!(out, "| {} |\n|{}", head.join(" | "), "---|".repeat(head.len()));
        for row in &table.rows {
            let _ = writeln!(out, "{}", line(&table.cells(row)));
        }
        if let Some(interval) = &result.interval {
            let _ = writeln!(out, "\nIn brackets: {interval}.");
        }
        for line in words::forecasts(result).into_iter().chain(words::laws_apart(&page.described, query, result)) {
            let _ = writeln!(out, "\n{line}");
        }
        out.push('\n');
    }
}

fn fits(page: &Page, out: &mut String) {
    if page.undrawn > 0 {
        let (more, are) = (numbered(page.undrawn, "more fit"), if page.undrawn == 1 { "is" } else { "are" });
        let _ = writeln!(out, "{more} {are} not drawn: there are too many for one page.\n");
    }
    for (name, entry, fit) in page.results.shown_fits(&page.described) {
        let about = page.described.fit(entry);
        let formula = about.map_or_else(|| fit.formula.clone(), |a| typeset::plain(&a.law.response, &a.law.body));
        let _ = writeln!(out, "### Fit `{}`: {formula}\n", code(&name));
        match fit.objective {
            Some(objective) => {
                let evidence = &fit.evidence;
                let grid = match evidence.grid_points {
                    0 => String::new(),
                    points => format!(" (chosen from a grid of {points} points)"),
                };
                let _ = writeln!(
                    out,
                    "{}, {}: {objective:e}. {} of {} starts reached it{grid}.\n",
                    numbered(fit.rows, "row"),
                    fit.objective_kind,
                    evidence.starts_at_best,
                    evidence.starts
                );
            }
            None => out.push_str("No rows: every parameter is fixed.\n\n"),
        }
        if let Some(procedure) = words::procedure(&fit.evidence) {
            let _ = writeln!(out, "{procedure}\n");
        }
        out.push_str("| parameter | value | standard error | interval | status |\n|---|---|---|---|---|\n");
        for (parameter, estimate) in &fit.parameters {
            let _ = writeln!(
                out,
                "| {parameter} | {} | {} | {} | {} |",
                words::value(estimate),
                words::error(estimate),
                words::ends(estimate),
                estimate.status.describe()
            );
        }
        out.push('\n');
        if let (Some(level), Some(method)) = (fit.level, &fit.uncertainty) {
            let _ = writeln!(out, "Intervals: {:.0} %, {method}.\n", 100.0 * level);
        }
        if let Some(trend) = &fit.noise_trend {
            let _ = writeln!(out, "{}\n", trend.describe());
        }
        if let Some(holdout) = &fit.holdout {
            let _ = writeln!(out, "{}\n", words::holdout(holdout, fit.level));
        }
        let dimension = |name: &str| about.and_then(|about| about.dimension(name));
        if let Some(choice) = &fit.choice {
            table(out, &words::chosen(choice, dimension), &words::CHOICE, &words::choice(choice));
        }
        if let Some(backtest) = &fit.backtest {
            let (head, rows) = words::backtest(backtest, fit.level, dimension(&backtest.along));
            table(out, &head, &words::BACKTEST, &rows);
        }
        if let Some(caution) = about.and_then(|a| a.law.caution.as_ref()) {
            let _ = writeln!(out, "Where the law holds: {caution}\n");
        }
        for figure in page.figures.iter().filter(|f| f.fit == name) {
            picture(figure, out);
        }
    }
}

fn picture(figure: &Figure, out: &mut String) {
    let title = prose(&figure.title).replace(['[', ']'], " ");
    let _ = writeln!(out, "![{title}]({})\n\n{}\n", figure.file, prose(&figure.caption));
}

/// Which runs to train next: the advice and the runs.
fn designs(page: &Page, out: &mut String) {
    for (name, advice) in &page.results.designs {
        let (head, rows) = advice.table();
        table(out, &format!("## Design `{name}`\n\n{}", advice.advice), &head, &rows);
        for warning in &advice.warnings {
            let _ = writeln!(out, "- {warning}");
        }
        out.push('\n');
    }
}

fn sensitivity(page: &Page, out: &mut String) {
    for (fit, result) in &page.results.sensitivity {
        let (sentence, head, rows) = crate::report::sensitivity::table(&page.described, fit, result);
        let _ = writeln!(out, "### Sensitivity of `{fit}`\n");
        table(out, &sentence, &head, &rows);
    }
}

/// A text of the study or of its data as one line of prose: its tags, links and control characters are shown and have no
/// effect. Text between backticks is code and stays as it is.
fn prose(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let harmless = |(index, part): (usize, &str)| {
        if index % 2 == 1 {
            return part.to_owned();
        }
        let mut shown = String::with_capacity(part.len());
        let mut before = ' ';
        for (at, c) in part.char_indices() {
            let rest = &part[at + c.len_utf8()..];
            let next = rest.chars().next().unwrap_or(' ');
            match c {
                '<' if opens_tag(next) => shown.push_str("&lt;"),
                ']' if matches!(next, '(' | '[') => shown.push_str("\\]"),
                // Emphasis stands next to a word, and an underscore inside of a name is none.
                '*' if !(before.is_whitespace() && next.is_whitespace()) => shown.push_str("\\*"),
                '_' if !(before.is_alphanumeric() && next.is_alphanumeric()) => shown.push_str("\\_"),
                '~' if next == '~' || before == '~' => shown.push_str("\\~"),
                '$' => shown.push_str("\\$"),
                '&' if is_entity(rest) => shown.push_str("&amp;"),
                _ => shown.push(c),
            }
            before = c;
        }
        shown
    };
    line.split('`').enumerate().map(harmless).collect::<Vec<_>>().join("`")
}

/// A name as code on one line.
fn code(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_control() {
                ' '
            } else if c == '`' {
                '\''
            } else {
                c
            }
        })
        .collect()
}

/// Whether a letter after `<` makes it the beginning of a tag.
const fn opens_tag(next: char) -> bool {
    next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?')
}

/// Whether the text after `&` makes it the beginning of an entity, such as `&amp;`.
fn is_entity(rest: &str) -> bool {
    let name = rest.split_once(';').map_or("", |(name, _)| name);
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '#')
}

/// An author's Markdown without tags of HTML, which could leave a part of the page folded.
fn without_tags(text: &str) -> String {
    let mut parts = text.split('<');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shown, part| {
        let is_tag = part.chars().next().is_some_and(opens_tag);
        shown + if is_tag { "&lt;" } else { "<" } + part
    })
}

/// A text of the study or of its data as one cell of a table.
fn cell(text: &str) -> String {
    prose(text).replace('|', "\\|")
}

/// A sentence and its table; vertical bars in cells are escaped.
fn table(out: &mut String, head: &str, columns: &[impl AsRef<str>], rows: &[impl AsRef<[String]>]) {
    let _ = writeln!(out, "{head}\n\n{}\n|{}", line(columns), "---|".repeat(columns.len()));
    for row in rows {
        let _ = writeln!(out, "{}", line(row.as_ref()));
    }
    out.push('\n');
}

/// The cells of a table's row as a line.
fn line(cells: &[impl AsRef<str>]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text.as_ref())).collect();
    format!("| {} |", cells.join(" | "))
}

fn data(page: &Page, out: &mut String) {
    if page.results.sources.is_empty() {
        return;
    }
    for described in &page.described.sources {
        let Some(source) = page.results.sources.get(&described.name) else { continue };
        let _ = writeln!(
            out,
            "Source `{}`: {}, {}, SHA-256 `{}`.\n",
            described.name,
            described.location,
            numbered(source.rows, "row"),
            source.sha256
        );
        out.push_str("| variable | column | unit | counts |\n|---|---|---|---|\n");
        for v in &described.variables {
            let unit = v.unit.map(crate::unit::Unit::describe).unwrap_or_default();
            let counts = v.counts.map(crate::unit::Counts::describe).unwrap_or_default();
            let _ = writeln!(out, "| {} | {} | {unit} | {counts} |", cell(&v.name), cell(&v.from));
        }
        out.push('\n');
        for dropped in &source.dropped {
            let _ = writeln!(out, "- {} dropped: {}", numbered(dropped.rows, "row"), dropped.rule);
        }
    }
    for (name, table) in &page.results.tables {
        let _ = writeln!(
            out,
            "Table `{name}` from `{}`: {}.\n\n| step | rows before | rows after |\n|---|---|---|",
            table.from,
            numbered(table.rows, "row")
        );
        for step in &table.steps {
            let does = cell(&step.does);
            let _ = writeln!(out, "| {}: {does} | {} | {} |", step.step, step.rows_in, step.rows_out);
        }
        out.push('\n');
    }
    for (name, filter) in &page.results.filters {
        let _ = writeln!(
            out,
            "Filter `{name}` of `{}`: {} kept.\n\n| rule | rows dropped | because |\n|---|---|---|",
            filter.source,
            numbered(filter.kept, "row")
        );
        for d in &filter.dropped {
            let _ = writeln!(
                out,
                "| {} | {} | {} |",
                cell(&d.rule),
                d.rows,
                cell(d.because.as_deref().unwrap_or_default())
            );
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_links_and_line_breaks_of_a_study_are_shown_and_do_nothing() {
        for (text, shown) in [
            ("a | b\nc", "a \\| b c"),
            ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
            ("![x](http://example.org)", "![x\\](http://example.org)"),
            ("[x](javascript:a)", "[x\\](javascript:a)"),
            ("1.8 [1.7, 1.9] where N < 1e9", "1.8 [1.7, 1.9] where N < 1e9"),
            ("keep `a <b>` and <b>", "keep `a <b>` and &lt;b>"),
            ("\u{1b}[31mred", " [31mred"),
            ("**bold** _so_ alpha_N 2 * 3", "\\*\\*bold\\*\\* \\_so\\_ alpha_N 2 * 3"),
            ("$5 &amp; ~~no~~ R&D", "\\$5 &amp;amp; \\~\\~no\\~\\~ R&D"),
        ] {
            assert_eq!(cell(text), shown);
        }
    }
}
