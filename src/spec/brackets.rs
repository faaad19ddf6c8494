//! Unclosed brackets in a TOML text. A parser that continues after one reports an error on every following line.

use std::ops::Range;

/// A bracket without a partner.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unpaired {
    /// Byte range of the bracket.
    pub(super) span: Range<usize>,
    pub(super) bracket: char,
    /// The missing partner; `None` if the bracket itself is superfluous.
    pub(super) missing: Option<char>,
}

/// The first bracket without a partner; quoted text is skipped where the quotes are recognisable.
pub(super) fn unpaired(text: &str) -> Option<Unpaired> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut at = 0;
    let mut line_begins = true;
    let missing = |(at, bracket): (usize, char)| Unpaired { span: at..at + 1, bracket, missing: Some(other(bracket)) };
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        if line_begins && begins_entry(rest) {
            // A new entry or header begins here, so an enclosing list was not closed.
            if let Some(&last) = open.last()
                && (last.1 == '[' || rest.trim_start().starts_with('['))
                && !(rest.trim_start().starts_with('[') && last.1 == '[' && !begins_header(rest))
            {
                return Some(missing(last));
            }
        }
        line_begins = letter == '\n';
        at += match letter {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => quoted(rest, letter)?,
            '[' | '{' => {
                open.push((at, letter));
                1
            }
            ']' | '}' => {
                match open.pop() {
                    Some((_, opened)) if other(opened) == letter => {}
                    Some(last) => return Some(missing(last)),
                    None => return Some(Unpaired { span: at..at + 1, bracket: letter, missing: None }),
                }
                1
            }
            _ => letter.len_utf8(),
        };
    }
    open.last().copied().map(missing)
}

fn other(bracket: char) -> char {
    if bracket == '[' { ']' } else { '}' }
}

/// Length of a quoted text; `None` if the line ends before the closing quote.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let triple = quote.to_string().repeat(3);
    if let Some(inner) = rest.strip_prefix(&triple) {
        return inner.find(&triple).map(|end| end + 6);
    }
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            '\n' => return None,
            '\\' if quote == '"' && !escaped => escaped = true,
            _ if letter == quote && !escaped => return Some(at + 1),
            _ => escaped = false,
        }
    }
    None
}

/// Whether a line is an entry, `key = ...`, or starts like a header.
fn begins_entry(rest: &str) -> bool {
    let line = rest.lines().next().unwrap_or_default().trim();
    let is_key =
        |key: &str| !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    line.starts_with('[') || line.split_once('=').is_some_and(|(key, _)| is_key(key.trim()))
}

/// Whether a line is a header, `[fits.main]`.
fn begins_header(rest: &str) -> bool {
    let line = rest.lines().next().unwrap_or_default();
    let line = line.split('#').next().unwrap_or_default().trim();
    let inner = line.trim_start_matches('[').trim_end_matches(']');
    line.starts_with('[')
        && line.ends_with(']')
        && inner.starts_with(|c: char| c.is_alphabetic())
        && inner.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'' | ' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<(usize, char)> {
        unpaired(text).map(|found| (found.span.start, found.bracket))
    }

    #[test]
    fn the_bracket_that_nothing_closes_is_found() {
        assert_eq!(found("a = [1, 2\nb = 3\n"), Some((4, '[')));
        assert_eq!(found("a = { b = [1, 2 }\n[c]\n"), Some((10, '[')));
        assert_eq!(found("a = { b = 1\nc = 2\n[d]\ne = 3\n"), Some((4, '{')));
        assert_eq!(found("[a\nb = 1\n"), Some((0, '[')));
        assert_eq!(found("a = 1]\n"), Some((5, ']')));
        assert_eq!(found("a = [\n  [1, 2],\n  [3\n]\n[b]\n"), Some((4, '[')));
    }

    #[test]
    fn brackets_that_are_closed_and_those_in_texts_are_not() {
        for text in [
            "a = [1, [2, 3]] # [\n[b.c]\n[[d]]\ne = { f = \"[{\" }\n",
            "a = [\n  { b = 1 },\n  { c = 2 },\n]\nd = '''[\n{'''\n",
            "a = [\n  [1, 2],\n  [\"x\", \"y\"],\n]\n",
            "a = \"\\\"[\"\n",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
        assert_eq!(found("a = [\"b, \"c\"]\n"), None, "a quote is at fault");
    }
}
