//! A spec as canonical TOML, independent of its language, order and formatting.

use std::fmt::Write as _;

use super::Node;

/// The tables of a spec in their usual order; others follow by name.
const ORDER: [&str; 12] = [
    "study",
    "sources",
    "tables",
    "filters",
    "costs",
    "laws",
    "fits",
    "sensitivity",
    "queries",
    "designs",
    "expect",
    "report",
];
/// Maximum length of a list on one line.
const WIDEST: usize = 100;

impl Node {
    /// The tree as TOML, with entries sorted by name, without comments.
    pub fn to_toml(&self) -> String {
        let Self::Table(entries) = self else { return String::new() };
        let mut entries: Vec<&(String, Self)> = entries.iter().collect();
        let place = |key: &str| ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len());
        entries.sort_by(|(one, _), (other, _)| place(one).cmp(&place(other)).then_with(|| one.cmp(other)));
        let (tables, values): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(_, value)| matches!(value, Self::Table(_)));
        let mut out = String::new();
        values.iter().for_each(|(key, value)| value.entry(key, &mut out));
        for (name, table) in tables {
            table.section(&key(name), 1, &mut out);
        }
        out.trim_start().to_owned()
    }

    /// A table under its header. Tables of named entries have a section for each entry.
    fn section(&self, name: &str, depth: usize, out: &mut String) {
        let entries = self.sorted();
        let holds_things =
            depth == 1 && !entries.is_empty() && entries.iter().all(|(_, v)| matches!(v, Self::Table(_)));
        if holds_things {
            entries.iter().for_each(|(own, table)| table.section(&format!("{name}.{}", key(own)), 2, out));
            return;
        }
        let _ = writeln!(out, "\n[{name}]");
        entries.iter().for_each(|(key, value)| value.entry(key, out));
    }

    fn sorted(&self) -> Vec<(&str, &Self)> {
        let Self::Table(entries) = self else { return Vec::new() };
        let mut entries: Vec<(&str, &Self)> = entries.iter().map(|(key, value)| (key.as_str(), value)).collect();
        entries.retain(|(_, value)| **value != Self::Null);
        entries.sort_by_key(|(key, _)| *key);
        entries
    }

    /// An entry on one line; a long list has a line for each value.
    fn entry(&self, name: &str, out: &mut String) {
        if *self == Self::Null {
            return;
        }
        let inline = self.inline();
        match self {
            Self::List(list) if inline.len() > WIDEST => {
                let _ = writeln!(out, "{} = [", key(name));
                for value in list {
                    let _ = writeln!(out, "  {},", value.inline());
                }
                out.push_str("]\n");
            }
            _ => {
                let _ = writeln!(out, "{} = {inline}", key(name));
            }
        }
    }

    fn inline(&self) -> String {
        match self {
            // A value that is missing after an edit.
            Self::Null => "\"\"".to_owned(),
            Self::Truth(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => number(*value),
            Self::Text(text) => quoted(text),
            Self::List(list) => format!("[{}]", list.iter().map(Self::inline).collect::<Vec<_>>().join(", ")),
            Self::Table(_) => {
                let entries = self.sorted();
                if entries.is_empty() {
                    return "{}".to_owned();
                }
                let parts: Vec<String> =
                    entries.iter().map(|(name, value)| format!("{} = {}", key(name), value.inline())).collect();
                format!("{{ {} }}", parts.join(", "))
            }
        }
    }
}

/// A number. Integers are written as such, because TOML and YAML read `1e3` differently.
fn number(value: f64) -> String {
    const EXACT: f64 = 1e15;
    match value {
        _ if value.is_nan() => "nan".to_owned(),
        _ if value.is_infinite() => if value > 0.0 { "inf" } else { "-inf" }.to_owned(),
        _ if value.fract() == 0.0 && value.abs() < EXACT => format!("{}", value as i64),
        _ => crate::numeral::exact(value),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_bare { name.to_owned() } else { quoted(name) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::node::Format;
    use super::*;

    const TOML: &str = "# a comment\nspec = 1\n[fits.main]\nlaw = \"hoffmann\"\nobjective = { huber = { on = \"log\", delta = 1e-3 } }\n\
        [study]\ntitle = \"a: \\\"title\\\"\"\nseed = 42\n[sources.\"the runs\"]\npath = \"runs.csv\"\n[sources.\"the runs\".columns]\nN = \"params\"\n\
        [[expect]]\nthat = \"1 < 2\"\n";
    const YAML: &str = "sources:\n  the runs: { columns: { N: params }, path: runs.csv }\nexpect:\n  - that: 1 < 2\nspec: 1\n\
        study: { seed: 42, title: 'a: \"title\"' }\nfits: { main: { objective: { huber: { delta: 0.001, on: log } }, law: hoffmann } }\n";

    fn read(text: &str, format: Format) -> Node {
        super::super::document::read(text, format).unwrap()
    }

    #[test]
    fn a_spec_is_one_text_in_either_language_and_reads_as_itself() {
        let written = read(TOML, Format::Toml).to_toml();
        assert_eq!(written, read(YAML, Format::Yaml).to_toml());
        assert!(written.starts_with("expect = [{ that = \"1 < 2\" }]") || written.starts_with("spec = 1"), "{written}");
        assert!(
            written.contains(
                "\n[fits.main]\nlaw = \"hoffmann\"\nobjective = { huber = { delta = 1e-3, on = \"log\" } }\n"
            )
        );
        assert!(!written.contains("comment"));
        assert_eq!(read(&written, Format::Toml).to_toml(), written);
    }

    #[test]
    fn every_shipped_spec_is_written_as_a_spec_of_the_same_values() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "toml") {
                let tree = read(&std::fs::read_to_string(&path).unwrap(), Format::Toml);
                // A float with the value of an integer is written as an integer, so texts are compared.
                let again = read(&tree.to_toml(), Format::Toml);
                assert_eq!(again.to_toml(), tree.to_toml(), "{}", path.display());
                assert_eq!(again.leaves().len(), tree.leaves().len(), "{}", path.display());
            }
        }
    }
}
