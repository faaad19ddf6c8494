//! Maps paths of keys to byte ranges of the file. Computed only when a diagnostic is shown.

use std::collections::BTreeMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser};
use toml::de::{DeTable, DeValue};

use super::node::{Format, MAX_DEPTH};
use crate::diagnostic::{Place, SpecPath, Step};

/// Byte ranges of the key and the value at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spans {
    key: Option<Range<usize>>,
    value: Range<usize>,
}

/// The places of every value of a spec.
#[derive(Clone, Debug)]
pub struct Places {
    spans: BTreeMap<SpecPath, Spans>,
    text: String,
}

impl Places {
    /// Finds the positions. For a text with a syntax error, those before the first error.
    pub fn of(text: &str, format: Format) -> Self {
        let mut spans = BTreeMap::new();
        match format {
            Format::Toml => {
                let (table, _) = DeTable::parse_recoverable(text);
                enter_table(&mut spans, &SpecPath::default(), table.get_ref());
            }
            Format::Yaml => Yaml::walk(text, &mut spans),
        }
        Self { spans, text: text.to_owned() }
    }

    /// The byte range of a place. A path that the file does not contain has the range of the nearest enclosing table.
    pub fn bytes(&self, place: &Place) -> Option<Range<usize>> {
        let (path, wants_key) = match place {
            Place::File | Place::Question => return None,
            Place::Bytes(range) => return Some(self.within(range.clone())),
            Place::Key(path) => (path, true),
            Place::Value(path) => (path, false),
            Place::Inside(path, inner) => {
                let value = self.spans.get(path)?.value.clone();
                return Some(self.within(self.inside(&value, inner)));
            }
        };
        let mut path = path.clone();
        let mut exact = true;
        loop {
            if let Some(spans) = self.spans.get(&path) {
                let span = match &spans.key {
                    Some(key) if wants_key || !exact => key.clone(),
                    _ => spans.value.clone(),
                };
                return Some(self.within(span));
            }
            exact = false;
            path.0.pop()?;
        }
    }

    /// The range of a part within a quoted text, if the quotes contain the text literally; otherwise the range of the
    /// whole.
    fn inside(&self, value: &Range<usize>, inner: &Range<usize>) -> Range<usize> {
        let raw = self.text.get(value.clone()).unwrap_or("");
        let quote = raw.chars().next().filter(|c| matches!(c, '"' | '\''));
        let plain = quote.is_none_or(|q| {
            raw.len() >= 2 && !raw[1..raw.len() - 1].contains(['\\', '\n']) && !raw[1..raw.len() - 1].contains(q)
        });
        if !plain || raw.contains('\n') {
            return value.clone();
        }
        let start = value.start + usize::from(quote.is_some());
        start + inner.start..(start + inner.end).min(value.end)
    }

    /// The range limited to the text and aligned with character boundaries.
    fn within(&self, range: Range<usize>) -> Range<usize> {
        let border = |mut at: usize| {
            at = at.min(self.text.len());
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = border(range.start);
        start..border(range.end).max(start)
    }
}

fn enter_table(spans: &mut BTreeMap<SpecPath, Spans>, path: &SpecPath, table: &DeTable<'_>) {
    for (key, value) in table {
        let path = path.key(key.get_ref());
        spans.insert(path.clone(), Spans { key: Some(key.span()), value: value.span() });
        enter_value(spans, &path, value.get_ref());
    }
}

fn enter_value(spans: &mut BTreeMap<SpecPath, Spans>, path: &SpecPath, value: &DeValue<'_>) {
    match value {
        DeValue::Table(table) => enter_table(spans, path, table),
        DeValue::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                let path = path.then(Step::Index(index));
                spans.insert(path.clone(), Spans { key: None, value: value.span() });
                enter_value(spans, &path, value.get_ref());
            }
        }
        _ => {}
    }
}

/// The container that the walk is in.
enum Frame {
    /// A table, and the key of the next value.
    Table(Option<(String, Range<usize>)>),
    /// A list, and the index of the next value.
    List(usize),
}

/// A walk through the events of a YAML document.
struct Yaml<'a> {
    spans: &'a mut BTreeMap<SpecPath, Spans>,
    frames: Vec<Frame>,
    path: SpecPath,
}

impl<'a> Yaml<'a> {
    fn walk(text: &str, spans: &'a mut BTreeMap<SpecPath, Spans>) {
        // The parser's positions count characters.
        let bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let byte = |character: usize| bytes.get(character).copied().unwrap_or(text.len());
        let mut walk = Self { spans, frames: Vec::new(), path: SpecPath::default() };
        for event in Parser::new_from_str(text) {
            let Ok((event, span)) = event else { break };
            let range = byte(span.start.index())..byte(span.end.index());
            let range = if matches!(event, Event::Scalar(..)) { scalar(text, range) } else { range };
            walk.enter(&event, range);
            // Deeper values are not read, and their paths would take too much memory.
            if walk.frames.len() > MAX_DEPTH {
                break;
            }
        }
    }

    fn enter(&mut self, event: &Event<'_>, span: Range<usize>) {
        match event {
            Event::Scalar(text, ..) => {
                if let Some(Frame::Table(next @ None)) = self.frames.last_mut() {
                    *next = Some((text.to_string(), span));
                } else {
                    self.open(span);
                    self.close();
                }
            }
            Event::Alias(_) => {
                self.open(span);
                self.close();
            }
            Event::MappingStart(..) => {
                self.open(span);
                self.frames.push(Frame::Table(None));
            }
            Event::SequenceStart(..) => {
                self.open(span);
                self.frames.push(Frame::List(0));
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.frames.pop();
                self.close();
            }
            _ => {}
        }
    }

    /// Begins the next value.
    fn open(&mut self, value: Range<usize>) {
        let (step, key) = match self.frames.last() {
            Some(Frame::Table(Some((key, span)))) => (Step::Key(key.clone()), Some(span.clone())),
            Some(Frame::List(index)) => (Step::Index(*index), None),
            _ => return,
        };
        self.path = self.path.then(step);
        self.spans.insert(self.path.clone(), Spans { key, value });
    }

    /// Ends a value and moves to the next.
    fn close(&mut self) {
        self.path.0.pop();
        match self.frames.last_mut() {
            Some(Frame::Table(next)) => *next = None,
            Some(Frame::List(index)) => *index += 1,
            None => {}
        }
    }
}

/// The range of a scalar without the trailing blanks and comment that the parser includes.
fn scalar(text: &str, range: Range<usize>) -> Range<usize> {
    let raw = text.get(range.clone()).unwrap_or("");
    let length = match raw.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let mut escaped = false;
            let close = raw[1..].find(|c| {
                let closes = c == quote && !escaped;
                escaped = c == '\\' && quote == '"' && !escaped;
                closes
            });
            close.map_or(raw.len(), |at| at + 2)
        }
        _ => raw.trim_end().len(),
    };
    range.start..range.start + length
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = "spec = 1\n[fits.main]\nlaw = \"mine\" # é\nstarts = [1, 2]\n";
    const YAML: &str = "spec: 1\nfits:\n  main:\n    law: \"mine\" # é\n    starts: [1, 2]\n";

    #[test]
    fn the_same_path_is_found_in_toml_and_in_yaml() {
        for (text, format) in [(TOML, Format::Toml), (YAML, Format::Yaml)] {
            let places = Places::of(text, format);
            let law = SpecPath::of(&["fits", "main", "law"]);
            let at = |place: Place| &text[places.bytes(&place).unwrap()];
            assert_eq!(at(Place::Key(law.clone())), "law");
            assert_eq!(at(Place::Value(law.clone())), "\"mine\"");
            assert_eq!(at(Place::Inside(law, 1..3)), "in");
            let second = SpecPath::of(&["fits", "main", "starts"]).then(Step::Index(1));
            assert_eq!(at(Place::Value(second)), "2");
            assert_eq!(at(Place::Key(SpecPath::of(&["fits", "main", "rows"]))), "main");
        }
    }
}
