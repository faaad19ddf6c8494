//! A YAML text: the tree read from it, written as JSON (a subset of YAML), is read as the same tree.

use std::fmt::Write as _;

use lawfit::spec::{Format, Node, Places, read};

pub(crate) fn check(bytes: &[u8]) {
    let reading = read(bytes, Format::Yaml);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let places = Places::of(text, Format::Yaml);
        for problem in &reading.problems {
            if let Some(range) = places.bytes(&problem.place) {
                assert!(text.get(range.clone()).is_some(), "{range:?} cuts a letter");
            }
        }
    }
    // A text that cannot be read gives an empty table. Only a table is a spec; other values may be rejected as
    // another format.
    if !matches!(&reading.tree, Node::Table(entries) if !entries.is_empty()) {
        return;
    }
    let mut written = String::new();
    enter(&reading.tree, &mut written);
    if written.len() < lawfit::spec::MAX_BYTES as usize {
        let again = read(written.as_bytes(), Format::Yaml);
        assert_eq!(again.tree, reading.tree, "{written}");
    }
}

/// Writes a tree as JSON.
fn enter(node: &Node, into: &mut String) {
    let text = |text: &str| serde_json::to_string(text).expect("a text can be written");
    match node {
        Node::Null => into.push_str("null"),
        Node::Truth(truth) => into.push_str(&truth.to_string()),
        Node::Integer(number) => into.push_str(&number.to_string()),
        Node::Float(number) if number.is_nan() => into.push_str(".nan"),
        Node::Float(number) if number.is_infinite() => into.push_str(if *number > 0.0 { ".inf" } else { "-.inf" }),
        // With a point or an exponent, so that it is not read as an integer.
        Node::Float(number) => {
            let _ = write!(into, "{number:?}");
        }
        Node::Text(words) => into.push_str(&text(words)),
        Node::List(list) => {
            into.push('[');
            for (index, item) in list.iter().enumerate() {
                into.push_str(if index == 0 { "" } else { ", " });
                enter(item, into);
            }
            into.push(']');
        }
        Node::Table(table) => {
            into.push('{');
            for (index, (key, value)) in table.iter().enumerate() {
                into.push_str(if index == 0 { "" } else { ", " });
                into.push_str(&text(key));
                into.push_str(": ");
                enter(value, into);
            }
            into.push('}');
        }
    }
}
