//! Parses the text of a spec into a tree, in either language and within limits of size.

use super::node::{Format, MAX_BYTES, MAX_DEPTH, MAX_NODES, Node, limit, read_toml};
use super::yaml;
use crate::diagnostic::{Diagnostic, Place};

/// Parses a text into a tree.
///
/// # Errors
/// All syntax errors that the parser can recover from, otherwise the first one; a duplicate key; a text that is too
/// large, too deep, or expands too much.
pub(super) fn read(text: &str, format: Format) -> Result<Node, Vec<Diagnostic>> {
    if text.len() as u64 > MAX_BYTES {
        return Err(vec![limit(format!("the spec has {} bytes; at most {MAX_BYTES} are allowed", text.len()))]);
    }
    let node = match format {
        Format::Toml => read_toml(text)?,
        Format::Yaml => yaml::read(text).map_err(|error| vec![*error])?,
    };
    let mut count = 0;
    check_size(&node, 0, &mut count).map_err(|message| vec![limit(message)])?;
    Ok(node)
}

fn check_size(node: &Node, depth: usize, count: &mut usize) -> Result<(), String> {
    *count += 1;
    if depth > MAX_DEPTH {
        return Err(format!("the spec has more than {MAX_DEPTH} levels of nesting"));
    }
    if *count > MAX_NODES {
        return Err(format!("the spec has more than {MAX_NODES} values"));
    }
    match node {
        Node::List(list) => list.iter().try_for_each(|v| check_size(v, depth + 1, count)),
        Node::Table(entries) => entries.iter().try_for_each(|(_, v)| check_size(v, depth + 1, count)),
        _ => Ok(()),
    }
}

/// The bytes of a spec as text.
pub(super) fn text_of(bytes: &[u8]) -> Result<&str, Vec<Diagnostic>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let at = error.valid_up_to();
            let message = format!("the spec is not UTF-8: byte {at} is 0x{:02x}", bytes[at]);
            Err(vec![Diagnostic::error("not-utf8", Place::File, message).hint("save the file as UTF-8")])
        }
    }
}
