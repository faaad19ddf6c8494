//! A spec as an untyped tree of values. The tree does not depend on whether the text was TOML or YAML.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::brackets::{self, Unpaired};
use crate::diagnostic::{Diagnostic, Place, SpecPath, Step};

/// Maximum size of a spec in bytes.
pub const MAX_BYTES: u64 = 1 << 20;
/// Maximum nesting depth; a spec needs five levels.
pub(super) const MAX_DEPTH: usize = 32;
/// Maximum number of values after expansion of aliases.
pub(super) const MAX_NODES: usize = 200_000;
/// Maximum number of dots in one TOML key; each dot may open a nested table.
pub(super) const MAX_DOTS: usize = 1000;
/// Maximum number of errors reported for one text; the others mostly follow from them.
const MOST_ERRORS: usize = 100;

/// The language a spec is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML 1.0.
    Toml,
    /// YAML 1.2.
    Yaml,
}

impl Format {
    /// The language of a file: YAML for the endings `.yaml` and `.yml`, TOML for all others.
    pub fn of_path(path: &Path) -> Self {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("yaml" | "yml") => Self::Yaml,
            _ => Self::Toml,
        }
    }
}

/// A value of a spec.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Nothing: YAML's `null`.
    Null,
    /// True or false.
    Truth(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A table, in the order of the file.
    Table(Vec<(String, Node)>),
}

impl Node {
    /// The value as a phrase for messages.
    pub fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Truth(value) => format!("`{value}`"),
            Self::Integer(value) => format!("the number {value}"),
            Self::Float(value) => format!("the number {value}"),
            Self::Text(text) => format!("the text \"{}\"", shortened(text)),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
        }
    }

    /// The entry of a table.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Table(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The entry of a table, mutable.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match self {
            Self::Table(entries) => entries.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The value at a path.
    pub fn at(&self, path: &[Step]) -> Option<&Self> {
        path.iter().try_fold(self, |node, step| match (step, node) {
            (Step::Key(key), _) => node.get(key),
            (Step::Index(index), Self::List(list)) => list.get(*index),
            (Step::Index(_), _) => None,
        })
    }

    /// Number of values, tables and lists included.
    pub(super) fn count(&self) -> usize {
        1 + match self {
            Self::List(list) => list.iter().map(Self::count).sum(),
            Self::Table(entries) => entries.iter().map(|(_, value)| value.count()).sum(),
            _ => 0,
        }
    }

    /// Sets the value at a path of keys and creates missing tables on the way.
    pub(super) fn set(&mut self, path: &[String], value: Self) {
        let [first, rest @ ..] = path else {
            *self = value;
            return;
        };
        if !matches!(self, Self::Table(_)) {
            *self = Self::Table(Vec::new());
        }
        let Self::Table(entries) = self else { return };
        let at = entries.iter().position(|(key, _)| key == first).unwrap_or_else(|| {
            entries.push((first.clone(), Self::Null));
            entries.len() - 1
        });
        entries[at].1.set(rest, value);
    }

    /// This tree with another one laid over it: tables are merged, any other value is replaced by that of `over`.
    pub(super) fn under(self, over: Self) -> Self {
        match (self, over) {
            (Self::Table(mut entries), Self::Table(over)) => {
                let places: BTreeMap<String, usize> =
                    entries.iter().enumerate().map(|(place, (key, _))| (key.clone(), place)).collect();
                for (key, value) in over {
                    match places.get(&key).map(|&place| &mut entries[place].1) {
                        Some(under) => *under = std::mem::replace(under, Self::Null).under(value),
                        None => entries.push((key, value)),
                    }
                }
                Self::Table(entries)
            }
            (_, over) => over,
        }
    }

    /// The keys of a table, in file order.
    pub fn keys(&self) -> Vec<&str> {
        match self {
            Self::Table(entries) => entries.iter().map(|(k, _)| k.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// Every value that is not a table or a list, by its path: `fits.main.objective.huber.delta`.
    pub fn leaves(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        self.enter_leaves("", &mut all);
        all
    }

    fn enter_leaves(&self, path: &str, all: &mut BTreeMap<String, String>) {
        match self {
            Self::Table(entries) => {
                for (key, value) in entries {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    value.enter_leaves(&path, all);
                }
            }
            Self::List(list) if list.iter().any(|v| matches!(v, Self::Table(_) | Self::List(_))) => {
                list.iter().enumerate().for_each(|(i, value)| value.enter_leaves(&format!("{path}[{i}]"), all));
            }
            other => drop(all.insert(path.to_owned(), other.to_string())),
        }
    }

    /// Adds an entry to the table at a path unless the key exists; returns whether it was added.
    pub(super) fn insert(&mut self, path: &[Step], key: &str, value: Self) -> bool {
        match (path, self) {
            ([], Self::Table(entries)) if entries.iter().all(|(k, _)| k != key) => {
                entries.push((key.to_owned(), value));
                true
            }
            ([Step::Key(first), rest @ ..], Self::Table(entries)) => {
                entries.iter_mut().find(|(k, _)| k == first).is_some_and(|(_, v)| v.insert(rest, key, value))
            }
            _ => false,
        }
    }

    /// Removes the value at a path; returns whether it existed.
    pub(super) fn remove(&mut self, path: &[Step]) -> bool {
        match (path, self) {
            ([Step::Key(key)], Self::Table(entries)) => {
                let before = entries.len();
                entries.retain(|(k, _)| k != key);
                entries.len() < before
            }
            ([Step::Index(index)], Self::List(list)) if *index < list.len() => {
                // Null keeps the indices of the following items.
                let there = list[*index] != Self::Null;
                list[*index] = Self::Null;
                there
            }
            ([Step::Key(key), rest @ ..], Self::Table(entries)) => {
                entries.iter_mut().find(|(k, _)| k == key).is_some_and(|(_, v)| v.remove(rest))
            }
            ([Step::Index(index), rest @ ..], Self::List(list)) => list.get_mut(*index).is_some_and(|v| v.remove(rest)),
            _ => false,
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Truth(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => f.write_str(&crate::numeral::exact(*value)),
            Self::Text(text) => f.write_str(text),
            Self::List(list) => {
                let parts: Vec<String> = list.iter().map(Self::to_string).collect();
                write!(f, "[{}]", parts.join(", "))
            }
            Self::Table(entries) => {
                let parts: Vec<String> = entries.iter().map(|(key, value)| format!("{key} = {value}")).collect();
                write!(f, "{{{}}}", parts.join(", "))
            }
        }
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 40 {
        text.to_owned()
    } else {
        format!("{}...", text.chars().take(37).collect::<String>())
    }
}

pub(super) fn limit(message: String) -> Diagnostic {
    Diagnostic::error("spec-too-large", Place::File, message)
}

pub(super) fn read_toml(text: &str) -> Result<Node, Vec<Diagnostic>> {
    // Between two of these characters there is at most one key.
    let parts = text.split(['\n', ',', '=', '[', ']', '{', '}']);
    if parts.into_iter().any(|part| part.bytes().filter(|b| *b == b'.').count() > MAX_DOTS) {
        return Err(vec![limit(format!("a key or a text has more than {MAX_DOTS} dots"))]);
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(from_table(table.get_ref()));
    }
    let unpaired = brackets::unpaired(text);
    let start = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut line = None;
    let mut errors: Vec<&toml::de::Error> = errors.iter().collect();
    errors.sort_by_key(|error| start(error));
    for error in errors.into_iter().take(MOST_ERRORS) {
        let own = text[..start(error).min(text.len())].matches('\n').count();
        if let Some(unpaired) = unpaired.as_ref().filter(|unpaired| unpaired.span.start <= start(error)) {
            found.push(of_bracket(unpaired));
            break;
        }
        // Further errors on the same line follow from the first.
        if line.replace(own) == Some(own) {
            continue;
        }
        let duplicate = error.message().contains("duplicate key");
        let code = if duplicate { "duplicate-key" } else { "toml-syntax" };
        let place = error.span().map_or(Place::File, Place::Bytes);
        let help = toml_help(text, start(error), error.message());
        found.push(Diagnostic::error(code, place, error.message().to_owned()).hint_if(help));
    }
    Err(found)
}

/// What to do about a syntax error of TOML, by the line on which it stands.
fn toml_help(text: &str, at: usize, message: &str) -> Option<String> {
    let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let begin = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = text[begin..].lines().next().unwrap_or_default();
    let is_key = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
    let (before_colon, after_colon) = line.split_once(':').unwrap_or_default();
    let (before_equals, after_equals) = line.split_once('=').unwrap_or_default();
    let key = shortened(before_equals.trim());
    let says = |part: &str| message.contains(part);
    let is_comparison = after_equals.starts_with('=') && is_key(&key);
    let help = if is_comparison {
        format!("a key is followed by one `=`: `{key} = {}`", shortened(after_equals.trim_start_matches('=').trim()))
    } else if is_key(before_colon.trim()) && before_equals.is_empty() {
        format!("TOML writes `{} = {}`", before_colon.trim(), shortened(after_colon.trim()))
    } else if says("duplicate key") {
        "keep one of them, or give each table a name of its own".to_owned()
    } else if says("escape") {
        "in single quotes a backslash is a letter: `'\\d+'`".to_owned()
    } else if says("string, expected `") {
        "close the text with the quotation mark with which it begins".to_owned()
    } else if says("missing comma") {
        "put a comma between the entries".to_owned()
    } else if says("string values must be quoted") && !after_equals.trim().is_empty() {
        format!("put the text in quotes: `{key} = \"{}\"`", shortened(after_equals.trim()))
    } else if says("expected value") || line.trim_end().ends_with('=') {
        "write a value after `=`".to_owned()
    } else if !key.is_empty() && !is_key(&key) && !key.starts_with('"') && at < begin + before_equals.len() + 1 {
        format!("put a name with other characters in quotes: `\"{key}\" = {}`", shortened(after_equals.trim()))
    } else if says("expected `=`") {
        format!("write `{} = ...`", shortened(line.trim()))
    } else {
        return None;
    };
    Some(help)
}

/// The error for a bracket without a partner.
fn of_bracket(unpaired: &Unpaired) -> Diagnostic {
    let Unpaired { span, bracket, missing } = unpaired;
    let place = Place::Bytes(span.clone());
    match missing {
        Some(missing) => Diagnostic::error("toml-syntax", place, format!("this `{bracket}` is not closed"))
            .hint(format!("add the `{missing}`")),
        None => Diagnostic::error("toml-syntax", place, format!("this `{bracket}` closes nothing")).hint("remove it"),
    }
}

fn from_table(table: &DeTable<'_>) -> Node {
    Node::Table(table.iter().map(|(key, value)| (key.get_ref().to_string(), from_value(value.get_ref()))).collect())
}

fn from_value(value: &DeValue<'_>) -> Node {
    match value {
        DeValue::String(text) => Node::Text(text.to_string()),
        DeValue::Integer(integer) => {
            let digits = integer.as_str().replace('_', "");
            match i64::from_str_radix(&digits, integer.radix()) {
                Ok(value) => Node::Integer(value),
                // An integer wider than 64 bits, which a number of FLOP may be.
                Err(_) => digits.parse().map_or_else(|_| Node::Text(digits), Node::Float),
            }
        }
        DeValue::Float(float) => {
            let digits = float.as_str().replace('_', "");
            digits.parse().map_or_else(|_| Node::Text(digits), Node::Float)
        }
        DeValue::Boolean(value) => Node::Truth(*value),
        DeValue::Datetime(date) => Node::Text(date.to_string()),
        DeValue::Array(list) => Node::List(list.iter().map(|v| from_value(v.get_ref())).collect()),
        DeValue::Table(table) => from_table(table),
    }
}

/// The path of the root.
pub(super) fn root() -> SpecPath {
    SpecPath::default()
}
