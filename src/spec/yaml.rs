//! Parses YAML event by event, so that nesting, aliases and size stay within the limits of a spec.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::indentation::{self, Cause};
use super::node::{MAX_DEPTH, MAX_NODES, Node, limit};
use crate::diagnostic::{Diagnostic, Place};

/// Parses a document.
///
/// # Errors
/// The first position at which the text is invalid YAML, repeats a key, or contains a construct that specs exclude:
/// tags, several documents, lists as keys, deep nesting.
pub(super) fn read(text: &str) -> Result<Node, Box<Diagnostic>> {
    // The parser's positions count characters.
    let bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let byte = |character: usize| bytes.get(character).copied().unwrap_or(text.len());
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            // The parser has its own limit, which is higher than that of a spec.
            if error.info() == "recursion limit exceeded" {
                return too_deep();
            }
            let at = byte(error.marker().index());
            match indentation::cause(text, at) {
                Some(Cause { place, message, hint }) => Box::new(wrong(place, message).hint(hint)),
                None if error.info().contains("simple key") => Box::new(
                    wrong(at..at, "this line has no colon after its key")
                        .hint("write `key: value`, with a space after the colon"),
                ),
                None => wrong(at..at, error.info()),
            }
        })?;
        reader.enter(event, byte(span.start.index())..byte(span.end.index()))?;
    }
    match reader.root {
        None | Some(Node::Null) => Ok(Node::Table(Vec::new())),
        Some(node) => Ok(node),
    }
}

/// A value with the quantities that are limited.
#[derive(Clone)]
struct Sized {
    node: Node,
    /// Number of values in it, itself included.
    count: usize,
    /// Its nesting depth.
    depth: usize,
}

/// A list or table that has not ended yet.
struct Open {
    anchor: usize,
    count: usize,
    depth: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Table { entries: Vec<(String, Node)>, keys: BTreeSet<String>, key: Option<String> },
}

#[derive(Default)]
struct Reader {
    root: Option<Node>,
    documents: usize,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Sized>,
    count: usize,
}

impl Reader {
    fn enter(&mut self, event: Event<'_>, span: Range<usize>) -> Result<(), Box<Diagnostic>> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(wrong(span, "a spec must be one document; a second one begins here"));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = scalar(&text, style, tag.as_deref()).map_err(|message| wrong(span.clone(), message))?;
                self.place(anchor, Sized { node, count: 1, depth: 0 }, span)?;
            }
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).map(|known| (known.count, known.depth));
                let (count, depth) =
                    known.ok_or_else(|| wrong(span.clone(), "this alias refers to a value that contains it"))?;
                // Checked before the alias is copied, so that a short text cannot fill the memory.
                self.check(count, depth)?;
                if let Some(known) = self.anchors.get(&anchor).cloned() {
                    self.place(0, known, span)?;
                }
            }
            Event::SequenceStart(anchor, tag) => self.begin(anchor, tag.as_deref(), Content::List(Vec::new()), span)?,
            Event::MappingStart(anchor, tag) => {
                let table = Content::Table { entries: Vec::new(), keys: BTreeSet::new(), key: None };
                self.begin(anchor, tag.as_deref(), table, span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let node = match open.content {
                    Content::List(list) => Node::List(list),
                    Content::Table { entries, .. } => Node::Table(entries),
                };
                // Its content was counted when it was read.
                self.count -= open.count;
                self.place(open.anchor, Sized { node, count: open.count + 1, depth: open.depth + 1 }, span)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Begins a list or a table.
    fn begin(
        &mut self,
        anchor: usize,
        tag: Option<&Tag>,
        content: Content,
        span: Range<usize>,
    ) -> Result<(), Box<Diagnostic>> {
        if let Some(Open { content: Content::Table { key: None, .. }, .. }) = self.open.last() {
            return Err(wrong(span, "a list or a table cannot be a key"));
        }
        if let Some(tag) =
            tag.filter(|tag| !(tag.is_yaml_core_schema() && ["seq", "map"].contains(&tag.suffix.as_str())))
        {
            return Err(wrong(span, no_meaning(tag)));
        }
        self.check(0, 0)?;
        self.open.push(Open { anchor, count: 0, depth: 0, content });
        Ok(())
    }

    /// Puts a value into its container.
    fn place(&mut self, anchor: usize, value: Sized, span: Range<usize>) -> Result<(), Box<Diagnostic>> {
        self.check(value.count, value.depth)?;
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        self.count += value.count;
        let Some(open) = self.open.last_mut() else {
            self.root = Some(value.node);
            return Ok(());
        };
        open.count += value.count;
        open.depth = open.depth.max(value.depth);
        match &mut open.content {
            Content::List(list) => list.push(value.node),
            Content::Table { entries, keys, key } => {
                if let Some(key) = key.take() {
                    entries.push((key, value.node));
                    return Ok(());
                }
                let name = name(value.node).map_err(|message| wrong(span.clone(), message))?;
                if !keys.insert(name.clone()) {
                    let error =
                        Diagnostic::error("duplicate-key", Place::Bytes(span), format!("duplicate key `{name}`"));
                    return Err(Box::new(error.hint("a key may occur only once; remove or rename one")));
                }
                *key = Some(name);
            }
        }
        Ok(())
    }

    /// Whether this many more values, at this greater depth, stay within the limits.
    fn check(&self, count: usize, depth: usize) -> Result<(), Box<Diagnostic>> {
        if self.open.len() + depth > MAX_DEPTH {
            return Err(too_deep());
        }
        if self.count + count > MAX_NODES {
            return Err(Box::new(limit(format!("the spec has more than {MAX_NODES} values"))));
        }
        Ok(())
    }
}

fn wrong(span: Range<usize>, message: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::error("yaml-syntax", Place::Bytes(span), message))
}

fn too_deep() -> Box<Diagnostic> {
    Box::new(limit(format!("the spec has more than {MAX_DEPTH} levels of nesting")))
}

fn no_meaning(tag: &Tag) -> String {
    format!("the tag `{tag}` has no meaning in a spec")
}

/// A value as a key.
fn name(node: Node) -> Result<String, String> {
    match node {
        Node::Text(text) => Ok(text),
        Node::Integer(value) => Ok(value.to_string()),
        Node::Float(value) => Ok(value.to_string()),
        Node::Truth(value) => Ok(value.to_string()),
        other => Err(format!("{} cannot be a key", other.describe())),
    }
}

/// The value of a scalar: plain scalars follow the core schema of YAML 1.2, quoted ones are text.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Node, String> {
    let plain = resolved(text);
    let of_tag = match tag {
        None if style == ScalarStyle::Plain => return Ok(plain),
        None => return Ok(Node::Text(text.to_owned())),
        Some(tag) if tag.is_yaml_core_schema() => tag.suffix.as_str(),
        // The tag "!" marks a text.
        Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => "str",
        Some(tag) => return Err(no_meaning(tag)),
    };
    let fits = match (of_tag, &plain) {
        ("str", _) => return Ok(Node::Text(text.to_owned())),
        ("float", Node::Integer(value)) => return Ok(Node::Float(*value as f64)),
        (of_tag, Node::Null) => of_tag == "null",
        (of_tag, Node::Truth(_)) => of_tag == "bool",
        (of_tag, Node::Integer(_)) => of_tag == "int",
        (of_tag, Node::Float(_)) => of_tag == "float",
        _ => false,
    };
    if fits { Ok(plain) } else { Err(format!("`{text}` does not match its tag `!!{of_tag}`")) }
}

/// The value of a plain scalar.
fn resolved(text: &str) -> Node {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Node::Null,
        "true" | "True" | "TRUE" => return Node::Truth(true),
        "false" | "False" | "FALSE" => return Node::Truth(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Node::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Node::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Node::Float(f64::NAN),
        _ => {}
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { "-" } else { "" };
    let based = [("0x", 16), ("0o", 8), ("0b", 2)].into_iter().find_map(|(prefix, radix)| {
        let rest = digits.strip_prefix(prefix).filter(|rest| !rest.starts_with(['+', '-']))?;
        i64::from_str_radix(&format!("{sign}{rest}"), radix).ok()
    });
    if let Some(value) = based {
        return Node::Integer(value);
    }
    // "007" is text, and so are words that Rust parses as numbers, such as "inf".
    let padded = digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    if padded || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Node::Text(text.to_owned());
    }
    if let Ok(value) = text.parse::<i64>() {
        return Node::Integer(value);
    }
    // An integer wider than 64 bits, which a number of FLOP may be.
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Node::Float(value),
        _ => Node::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Node {
        read(&format!("a: {text}")).unwrap().get("a").unwrap().clone()
    }

    fn message(text: &str) -> String {
        read(text).unwrap_err().message
    }

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (text, expected) in [
            ("1", Node::Integer(1)),
            ("-7", Node::Integer(-7)),
            ("+7", Node::Integer(7)),
            ("0x1F", Node::Integer(31)),
            ("-0o17", Node::Integer(-15)),
            ("1e21", Node::Float(1e21)),
            ("5.76e23", Node::Float(5.76e23)),
            (".5", Node::Float(0.5)),
            ("123456789012345678901234567890", Node::Float(123_456_789_012_345_678_901_234_567_890.0)),
            (".inf", Node::Float(f64::INFINITY)),
            ("~", Node::Null),
            ("", Node::Null),
            ("true", Node::Truth(true)),
            ("yes", Node::Text("yes".to_owned())),
            ("inf", Node::Text("inf".to_owned())),
            ("nan", Node::Text("nan".to_owned())),
            ("007", Node::Text("007".to_owned())),
            ("40M", Node::Text("40M".to_owned())),
            ("\"1\"", Node::Text("1".to_owned())),
            ("'true'", Node::Text("true".to_owned())),
            ("!!str 1", Node::Text("1".to_owned())),
            ("!!float 1", Node::Float(1.0)),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn an_alias_is_replaced_by_its_anchor() {
        let node = read("a: &x {b: [1, 2]}\nc: *x\n").unwrap();
        assert_eq!(node.get("a"), node.get("c"));
    }

    #[test]
    fn constructs_outside_specs_are_refused_with_their_position() {
        assert!(message("a: 1\na: 2\n").contains("duplicate key `a`"));
        assert!(message("a: !include x\n").contains("no meaning"));
        assert!(message("? [a]\n: 1\n").contains("cannot be a key"));
        assert!(message("a: 1\n---\nb: 2\n").contains("a second"));
        assert!(message("a: &x [*x]\n").contains("a value that contains it"));
        assert!(message("a: !!int b\n").contains("!!int"));
        let error = read("b: 1\nb: 2\n").unwrap_err();
        assert_eq!(error.place, Place::Bytes(5..6));
    }

    #[test]
    fn alias_bombs_are_refused_before_they_expand() {
        assert!(message(&"- ".repeat(200_000)).contains("levels of nesting"));
        assert!(message(&"[".repeat(200_000)).contains("levels of nesting"));
        assert!(message(&"{a: ".repeat(200_000)).contains("levels of nesting"));
        let laugh = |i: usize| format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(", "));
        let laughs = format!("a0: &a0 [x]\n{}", (1..20).map(laugh).collect::<String>());
        assert!(message(&laughs).contains("values"));
        let nest = |i: usize| format!("a{i}: &a{i} [*a{}]\n", i - 1);
        let deep = format!("a0: &a0 [x]\n{}", (1..100).map(nest).collect::<String>());
        assert!(message(&deep).contains("levels of nesting"));
    }
}
