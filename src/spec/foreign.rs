//! Detects files that are not specs: tables, images, specs in the other language.

use std::path::Path;

use super::node::Format;
use crate::diagnostic::{Diagnostic, Place};
use crate::file::what_is;

/// An error that names the kind of a file that is evidently not a spec; its syntax errors would not help.
pub(super) fn error(bytes: &[u8], path: &Path) -> Option<Diagnostic> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let error = |message: String| Diagnostic::error("not-a-spec", Place::File, message);
    let init = "`lawfit init` writes a spec to start from";
    let text = match (what_is(bytes), std::str::from_utf8(bytes)) {
        (Some(what), _) => return Some(error(format!("`{name}` is not a spec: the file is {what}")).hint(init)),
        (None, Err(_)) => return None,
        (None, Ok(text)) => text,
    };
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.trim_start().starts_with('#')).collect();
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).take(MOST_LINES).collect();
    if is_table(&lines) {
        let hint = format!("name it as a source in a spec: `[sources.runs]` with `path = \"{name}\"`; {init}");
        return Some(error(format!("`{name}` is a table, not a spec")).hint(hint));
    }
    let most = |is: fn(&str) -> bool| 2 * lines.iter().filter(|line| is(line)).count() > lines.len();
    let (language, ending) = match Format::of_path(path) {
        Format::Toml if text.trim_start().starts_with('{') => ("JSON", ".yaml"),
        Format::Toml if most(is_yaml) => ("YAML", ".yaml"),
        Format::Yaml if most(is_toml) => ("TOML", ".toml"),
        _ => return None,
    };
    let read_as = if ending == ".yaml" { "TOML" } else { "YAML" };
    let stem = name.split('.').next().unwrap_or_default();
    let error = error(format!("`{name}` is read as {read_as} but looks like {language}"));
    Some(error.hint(format!("the ending determines the language: rename it to `{stem}{ending}`")))
}

/// Maximum number of lines examined.
const MOST_LINES: usize = 200;

/// Whether all lines have the same number of cells and none assigns a key.
fn is_table(lines: &[&str]) -> bool {
    let cells = |line: &str, separator: char| line.matches(separator).count();
    let is_separated_by = |separator: char| {
        let first = lines.first().map_or(0, |line| cells(line, separator));
        first > 0 && lines.iter().take(5).all(|line| cells(line, separator) == first)
    };
    let sets_key = |line: &&str| is_toml(line) || is_yaml(line);
    lines.len() > 1 && [',', ';', '\t'].into_iter().any(is_separated_by) && !lines.iter().any(sets_key)
}

fn is_toml(line: &str) -> bool {
    let line = line.trim();
    let is_key = |key: &str| {
        !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\''))
    };
    (line.starts_with('[') && line.ends_with(']')) || line.split_once('=').is_some_and(|(key, _)| is_key(key.trim()))
}

fn is_yaml(line: &str) -> bool {
    let line = line.trim().trim_start_matches("- ");
    line.strip_suffix(':').or_else(|| line.split_once(": ").map(|(key, _)| key)).is_some_and(|key| {
        !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'' | ' '))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str, name: &str) -> Option<String> {
        error(text.as_bytes(), Path::new(name)).map(|error| error.message)
    }

    #[test]
    fn a_file_that_is_not_a_spec_is_named_by_its_kind() {
        assert_eq!(message("N,L\n1,2\n3,4\n", "runs.csv").unwrap(), "`runs.csv` is a table, not a spec");
        assert_eq!(message("N;L\n1;2,5\n3;4\n", "s.toml").unwrap(), "`s.toml` is a table, not a spec");
        assert!(message("\u{89}PNG", "s.toml").is_none(), "this is text");
        assert!(error(b"\x89PNG\r\n", Path::new("s.toml")).unwrap().message.contains("a PNG image"));
        let yaml = "spec: 1\nstudy:\n  title: x\n";
        assert!(message(yaml, "s.toml").unwrap().ends_with("is read as TOML but looks like YAML"));
        assert_eq!(message(yaml, "s.yaml"), None);
        let toml = "spec = 1\n[study]\ntitle = \"x\"\n";
        assert!(message(toml, "s.yml").unwrap().ends_with("is read as YAML but looks like TOML"));
        assert_eq!(message(toml, "s.toml"), None);
        assert_eq!(message("spec = 1\n[study\ntitle = \"a, b\"\nx = 1, 2", "s.toml"), None);
    }
}
