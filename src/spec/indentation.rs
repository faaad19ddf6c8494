//! Explains YAML syntax errors in terms of what was typed: indentation, tabs, colons.

use std::ops::Range;

/// Why a parser stopped.
pub(super) struct Cause {
    /// Byte range of the offending line.
    pub(super) place: Range<usize>,
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) hint: String,
}

/// What is wrong where a YAML parser stopped, and what to do; `None` if no known cause applies.
pub(super) fn cause(text: &str, at: usize) -> Option<Cause> {
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.len().checked_sub(1)?;
    let at = text[..at.min(text.len())].matches('\n').count().min(last);
    let before = (0..at).rev().find(|&line| is_content(lines[line]));
    let around = before.unwrap_or(at)..=(at + 1).min(last);
    let found = |line: usize, message: String, hint: String| {
        let own: &str = lines[line];
        let start = own.as_ptr() as usize - text.as_ptr() as usize;
        Some(Cause { place: start + indent(own).len()..start + own.trim_end().len(), message, hint })
    };
    if let Some(tabbed) = around.clone().find(|&line| indent(lines[line]).contains('\t')) {
        return found(
            tabbed,
            "this line is indented with a tab".to_owned(),
            "YAML allows only spaces for indentation".to_owned(),
        );
    }
    if let Some((line, (key, value))) = around.filter(|&l| l <= at).find_map(|l| Some((l, glued(lines[l])?))) {
        return found(line, format!("`{key}:{value}` has no space after the colon"), format!("write `{key}: {value}`"));
    }
    let open = |line: usize| Some((line, unclosed(lines[line])?));
    if let Some((line, open)) = before.and_then(|before| (0..=before).rev().take(2).find_map(open)) {
        let close = if open == '{' { '}' } else { ']' };
        return found(line, format!("the `{open}` in this line is not closed"), format!("add the `{close}`"));
    }
    let reserved = |line: usize| entry(lines[line]).filter(|(_, value)| value.starts_with(['%', '@', '`']));
    if let Some((line, (key, value))) = before.into_iter().chain([at]).find_map(|line| Some((line, reserved(line)?))) {
        let hint = format!("put it in quotes: `{key}: \"{value}\"`");
        return found(line, format!("the text of `{key}` begins with a letter that YAML reserves"), hint);
    }
    let (key, value) = entry(lines[at])?;
    if value.contains(": ") && !value.starts_with(['"', '\'', '{', '[']) {
        let hint = format!("put it in quotes: `{key}: \"{value}\"`");
        return found(at, format!("the text of `{key}` contains a colon"), hint);
    }
    let before = before?;
    let (own, above) = (indent(lines[at]).len(), indent(lines[before]).len());
    let (key_above, value_above) = entry(lines[before].trim_start().trim_start_matches("- "))?;
    if own > above && !value_above.is_empty() {
        return found(
            at,
            format!("`{key}` is indented deeper than `{key_above}` above it, which already has a value"),
            format!(
                "if both belong to one table, give them the same indentation; otherwise check the lines above \
                 `{key_above}`"
            ),
        );
    }
    let open: Vec<usize> = indentations(&lines[..at]);
    if open.contains(&own) {
        return None;
    }
    let open: Vec<String> = open.iter().map(usize::to_string).collect();
    found(
        at,
        format!("`{key}` is indented by {own} spaces, which matches no enclosing table"),
        format!("the enclosing tables are indented by {}", open.join(", ")),
    )
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

fn is_content(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

/// Key and value of an entry line.
fn entry(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if let Some(key) = line.strip_suffix(':') {
        return Some((key, ""));
    }
    line.split_once(": ").map(|(key, value)| (key, value.trim()))
}

/// Key and value of an entry without a space after the colon.
fn glued(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let (key, value) = line.split_once(':')?;
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    (is_name(key) && is_name(value)).then_some((key, value))
}

/// The bracket that a line opens and does not close.
fn unclosed(line: &str) -> Option<char> {
    let line = line.split(" #").next().unwrap_or_default();
    [('{', '}'), ('[', ']')]
        .into_iter()
        .find(|(open, close)| line.matches(*open).count() > line.matches(*close).count())
        .map(|(open, _)| open)
}

/// The indentation of each table that is open after the given lines.
fn indentations(lines: &[&str]) -> Vec<usize> {
    let mut open: Vec<usize> = Vec::new();
    for line in lines.iter().filter(|line| is_content(line)) {
        let own = indent(line).len();
        open.retain(|other| *other < own);
        open.push(own);
    }
    open
}

#[cfg(test)]
mod tests {
    use crate::spec::Format;

    fn said(text: &str) -> String {
        let problems = crate::spec::document::read(text, Format::Yaml).unwrap_err();
        format!("{}: {}", problems[0].message, problems[0].hints.join(", "))
    }

    #[test]
    fn the_typing_error_is_named() {
        for (text, wanted) in [
            ("a:\n  b: 1\n   c: 2\n", "`c` is indented deeper than `b` above it"),
            ("a:\n    b: 1\n  c: 2\n", "`c` is indented by 2 spaces"),
            ("a:\n  b: 1\n\tc: 2\n", "this line is indented with a tab"),
            ("a:\n  d: 3\n  b:1\nc: 2\n", "write `b: 1`"),
            ("a: { b: 1\nc: 2\n", "the `{` in this line is not closed"),
            ("title: one: two\n", "put it in quotes: `title: \"one: two\"`"),
        ] {
            assert!(said(text).contains(wanted), "{text}: {}", said(text));
        }
    }
}
