//! Composition of specs: `extends` overlays one spec on another, `[matrix]` repeats an entry for every combination of
//! values.
//!
//! Both operate on untyped trees, so a composed spec is read and checked as if it had been written out.

use std::path::{Path, PathBuf};

use super::document;
use super::node::{self, Format, Node};
use crate::diagnostic::{Diagnostic, Place, SpecPath, Step};
use crate::file;

/// A spec that another one extends.
#[derive(Clone, Debug)]
pub struct Base {
    /// Path of the file.
    pub path: PathBuf,
    /// Content of the file.
    pub bytes: Vec<u8>,
    /// Its own tree, before any base is merged.
    pub(super) tree: Node,
}

/// Maximum length of a chain of `extends`.
const LONGEST_CHAIN: usize = 8;
/// Maximum number of entries that a matrix makes from one.
const MOST_MEMBERS: usize = 100_000;
/// Maximum number of values in a composed spec.
const MOST_NODES: usize = 4_000_000;

/// The tables whose entries a matrix repeats.
const REPEATED: [&str; 2] = ["fits", "queries"];

/// A tree merged over the specs it extends, which are read from files.
///
/// # Errors
/// If a base cannot be read or a chain of `extends` returns to itself.
pub(super) fn extended(tree: Node, path: &Path) -> Result<(Node, Vec<Base>), Vec<Diagnostic>> {
    let mut bases = Vec::new();
    let tree = over_bases(tree, path, &mut bases)?;
    Ok((tree, bases))
}

fn over_bases(mut tree: Node, path: &Path, bases: &mut Vec<Base>) -> Result<Node, Vec<Diagnostic>> {
    let own = SpecPath::of(&["extends"]);
    let error = |message: String| vec![Diagnostic::error("bad-base", Place::Value(own.clone()), message)];
    let name = match tree.get("extends") {
        None => return Ok(tree),
        Some(Node::Text(name)) => name.clone(),
        Some(other) => return Err(error(format!("`extends` must be the path of a spec, not {}", other.describe()))),
    };
    if bases.len() == LONGEST_CHAIN {
        return Err(error(format!("more than {LONGEST_CHAIN} specs extend each other, or one extends itself")));
    }
    let base_path = path.parent().unwrap_or(Path::new("")).join(&name);
    let bytes =
        file::read(&base_path, node::MAX_BYTES).map_err(|why| error(format!("`{name}` cannot be read: {why}")))?;
    let base = document::text_of(&bytes).and_then(|text| document::read(text, Format::of_path(&base_path)));
    let base = base.map_err(|problems| {
        let first = problems.first().map_or("it cannot be read", |problem| problem.message.as_str());
        error(format!("`{name}`: {first}"))
    })?;
    bases.push(Base { path: base_path.clone(), bytes: bytes.clone(), tree: base.clone() });
    let mut base = over_bases(base, &base_path, bases)?;
    rebase(&mut base, Path::new(&name).parent().unwrap_or(Path::new("")));
    tree.remove(&own.0);
    Ok(base.under(tree))
}

/// The keys whose values are file paths, by table.
const PATHS: [(&str, &str); 2] = [("sources", "path"), ("designs", "results")];

/// Makes the paths of a base relative to the folder of the extending spec.
fn rebase(base: &mut Node, folder: &Path) {
    for (table, key) in PATHS {
        let Some(Node::Table(entries)) = base.get_mut(table) else { continue };
        for (_, entry) in entries {
            if let Some(Node::Text(path)) = entry.get_mut(key) {
                *path = folder.join(&*path).to_string_lossy().into_owned();
            }
        }
    }
}

/// Repeats entries as the tree's matrix asks and removes the matrix.
pub(super) fn expanded(mut tree: Node) -> (Node, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let Some(matrix) = tree.get("matrix").cloned() else { return (tree, problems) };
    tree.remove(&[Step::Key("matrix".to_owned())]);
    let root = SpecPath::of(&["matrix"]);
    let Node::Table(tables) = matrix else {
        problems.push(wrong(&root, "`matrix` needs tables: `[matrix.fits.main]`"));
        return (tree, problems);
    };
    for (table, _) in tables.iter().filter(|(table, _)| !REPEATED.contains(&table.as_str())) {
        problems.push(
            Diagnostic::error(
                "bad-matrix",
                Place::Key(root.key(table)),
                format!("a matrix repeats fits or queries, not `{table}`"),
            )
            .hint("write `[matrix.fits.NAME]` or `[matrix.queries.NAME]`"),
        );
    }
    // Fits come first because their queries are repeated with them.
    for table in REPEATED {
        let Some((_, Node::Table(entries))) = tables.iter().find(|(name, _)| name == table) else { continue };
        for (name, axes) in entries {
            let path = root.key(table).key(name);
            match Axis::of(axes, &path) {
                Ok(axes) => problems.extend(repeat(&mut tree, table, name, &axes, &path)),
                Err(found) => problems.extend(found),
            }
        }
    }
    if tree.count() > MOST_NODES {
        problems.push(wrong(&root, "the matrix makes the spec too large"));
        return (Node::Table(Vec::new()), problems);
    }
    (tree, problems)
}

fn wrong(path: &SpecPath, message: &str) -> Diagnostic {
    Diagnostic::error("bad-matrix", Place::Key(path.clone()), message)
}

/// A setting and the values it takes.
struct Axis {
    /// Path of the setting within its entry.
    path: Vec<String>,
    label: String,
    values: Vec<Node>,
}

impl Axis {
    /// The axes of a matrix: each list in it with its path.
    fn of(node: &Node, path: &SpecPath) -> Result<Vec<Self>, Vec<Diagnostic>> {
        let mut axes = Vec::new();
        Self::enter(node, &mut Vec::new(), path, &mut axes)?;
        if axes.is_empty() {
            return Err(vec![wrong(path, "a matrix needs lists of values: `law = [\"hoffmann\", \"kaplan_nd\"]`")]);
        }
        let count = axes.iter().map(|axis| axis.values.len()).fold(1_usize, usize::saturating_mul);
        if count > MOST_MEMBERS {
            let message = format!("the matrix has {count} combinations; at most {MOST_MEMBERS} are allowed");
            return Err(vec![wrong(path, &message)]);
        }
        // The last part of the path is enough unless two settings share it.
        let last = |axis: &Self| axis.path.last().cloned().unwrap_or_default();
        let labels: Vec<String> = axes.iter().map(last).collect();
        for axis in &mut axes {
            let own = last(axis);
            axis.label = if labels.iter().filter(|l| **l == own).count() > 1 { axis.path.join(".") } else { own };
        }
        Ok(axes)
    }

    fn enter(node: &Node, at: &mut Vec<String>, path: &SpecPath, axes: &mut Vec<Self>) -> Result<(), Vec<Diagnostic>> {
        let here = || at.iter().fold(path.clone(), |path, key| path.key(key));
        match node {
            Node::List(values) if !values.is_empty() && !at.is_empty() => {
                axes.push(Self { path: at.clone(), label: String::new(), values: values.clone() });
                Ok(())
            }
            Node::Table(entries) => {
                for (key, value) in entries {
                    at.push(key.clone());
                    Self::enter(value, at, path, axes)?;
                    at.pop();
                }
                Ok(())
            }
            other => {
                let message = format!("a matrix needs a list of values for a setting; this is {}", other.describe());
                Err(vec![wrong(&here(), &message)])
            }
        }
    }
}

/// Number of values in the entries that are repeated with a fit: its queries and its variations.
fn follow(tree: &Node, table: &str, name: &str) -> usize {
    if table != "fits" {
        return 0;
    }
    let variations = tree.get("sensitivity").and_then(|all| all.get(name)).map_or(0, Node::count);
    let queries = match tree.get("queries") {
        Some(Node::Table(entries)) => entries
            .iter()
            .filter(|(_, query)| matches!(query.get("fit"), Some(Node::Text(fit)) if fit == name))
            .map(|(_, query)| query.count())
            .sum(),
        _ => 0,
    };
    variations + queries
}

/// The settings of one member, and the label that distinguishes it.
type Combination<'a> = (Vec<(&'a [String], &'a Node)>, String);

/// The combinations of the axes, the last axis changing fastest.
fn combinations(axes: &[Axis]) -> Vec<Combination<'_>> {
    let mut all: Vec<Combination<'_>> = vec![(Vec::new(), String::new())];
    for axis in axes {
        let mut longer = Vec::with_capacity(all.len() * axis.values.len());
        for (set, label) in &all {
            for value in &axis.values {
                let separator = if label.is_empty() { "" } else { "," };
                let mut set = set.clone();
                set.push((axis.path.as_slice(), value));
                longer.push((set, format!("{label}{separator}{}={}", axis.label, label_of(value))));
            }
        }
        all = longer;
    }
    all
}

/// A value as part of a member's name, without its own outer brackets and commas.
fn label_of(value: &Node) -> String {
    match value {
        Node::Table(entries) => {
            let parts: Vec<String> = entries
                .iter()
                .map(|(key, value)| match value {
                    Node::Table(inner) if inner.is_empty() => key.clone(),
                    Node::Table(_) => format!("{key}({})", label_of(value)),
                    other => format!("{key}={}", label_of(other)),
                })
                .collect();
            parts.join(" ")
        }
        Node::List(list) => list.iter().map(label_of).collect::<Vec<_>>().join(" "),
        Node::Float(value) if (1e-6..1e6).contains(&value.abs()) => value.to_string(),
        other => other.to_string().replace(['[', ']'], "'"),
    }
}

/// Replaces an entry by its members. The queries and variations of a fit are repeated for each member.
fn repeat(tree: &mut Node, table: &str, name: &str, axes: &[Axis], path: &SpecPath) -> Vec<Diagnostic> {
    // The queries of a fit may already have been repeated for its members.
    let bases: Vec<&Node> = match tree.get(table) {
        Some(Node::Table(entries)) => {
            entries.iter().filter(|(key, _)| plain_name(key) == name).map(|(_, node)| node).collect()
        }
        _ => Vec::new(),
    };
    if bases.is_empty() {
        return vec![wrong(path, &format!("there is no entry `{name}` in `{table}` to repeat"))];
    }
    // Checked before anything is copied, so that a short text cannot fill the memory.
    let copied: usize = bases.iter().map(|node| node.count()).sum::<usize>() + follow(tree, table, name);
    let members: usize = axes.iter().map(|axis| axis.values.len()).product();
    if members.saturating_mul(copied) > MOST_NODES {
        return vec![wrong(path, &format!("{members} combinations of this entry make the spec too large"))];
    }
    let combinations = combinations(axes);
    let mut labels: Vec<&String> = combinations.iter().map(|(_, label)| label).collect();
    labels.sort();
    if let Some(twice) = labels.windows(2).find_map(|pair| (pair[0] == pair[1]).then_some(pair[0])) {
        return vec![wrong(path, &format!("the matrix has `{twice}` twice"))];
    }
    replace_entries(tree, table, &|key, node| {
        let member = |(set, label): &Combination<'_>| {
            let mut node = node.clone();
            set.iter().for_each(|(at, value)| node.set(at, (*value).clone()));
            (member_name(key, label), node)
        };
        (plain_name(key) == name).then(|| combinations.iter().map(member).collect())
    });
    if table == "fits" {
        let names: Vec<(String, &String)> =
            combinations.iter().map(|(_, label)| (member_name(name, label), label)).collect();
        replace_entries(tree, "sensitivity", &|key, node| {
            (key == name).then(|| names.iter().map(|(member, _)| (member.clone(), node.clone())).collect())
        });
        replace_entries(tree, "queries", &|key, node| {
            let of_fit = matches!(node.get("fit"), Some(Node::Text(fit)) if fit == name);
            of_fit.then(|| {
                let member = |(fit, label): &(String, &String)| {
                    let mut node = node.clone();
                    node.set(&["fit".to_owned()], Node::Text(fit.clone()));
                    (member_name(key, label), node)
                };
                names.iter().map(member).collect()
            })
        });
    }
    Vec::new()
}

/// Entries of a table by name.
type Entries = Vec<(String, Node)>;

/// Replaces each entry of a table for which `others` returns entries.
fn replace_entries(tree: &mut Node, table: &str, others: &dyn Fn(&str, &Node) -> Option<Entries>) {
    let Some(Node::Table(entries)) = tree.get_mut(table) else { return };
    let mut all: Entries = Vec::with_capacity(entries.len());
    for (key, node) in std::mem::take(entries) {
        match others(&key, &node) {
            Some(others) => all.extend(others),
            None => all.push((key, node)),
        }
    }
    *entries = all;
}

/// Name of a member: `main[law=hoffmann,delta=0.001]`.
fn member_name(name: &str, label: &str) -> String {
    match name.strip_suffix(']') {
        Some(open) => format!("{open},{label}]"),
        None => format!("{name}[{label}]"),
    }
}

/// The name under which an entry is written in the spec: a member's name without its label.
pub fn plain_name(name: &str) -> &str {
    if name.ends_with(']') { name.split_once('[').map_or(name, |(plain, _)| plain) } else { name }
}

/// Where a value of the composed tree is written: its path and, if a base writes it, that base.
pub(super) fn written<'a>(path: &SpecPath, own: &Node, bases: &'a [Base]) -> (SpecPath, Option<&'a Base>) {
    let mut plain = path.clone();
    if let [Step::Key(table), Step::Key(name), ..] = plain.0.as_mut_slice()
        && matches!(table.as_str(), "fits" | "queries" | "sensitivity")
    {
        *name = plain_name(name).to_owned();
    }
    let in_matrix = SpecPath([vec![Step::Key("matrix".to_owned())], plain.0.clone()].concat());
    // The longest prefix that exists of either path; values set by a matrix exist only in the matrix.
    let depth = |tree: &Node, path: &SpecPath| (0..=path.0.len()).rev().find(|end| tree.at(&path.0[..*end]).is_some());
    let trees = [(own, None)].into_iter().chain(bases.iter().map(|base| (&base.tree, Some(base))));
    let mut best = (0, plain.clone(), None);
    for (tree, base) in trees {
        for (path, extra) in [(&plain, 0), (&in_matrix, 1)] {
            let reached = depth(tree, path).unwrap_or(0).saturating_sub(extra);
            // A setting listed in a matrix overrides the one in the entry.
            if reached > best.0 || (extra == 1 && reached == best.0 && reached > 2) {
                best = (reached, path.clone(), base);
            }
        }
    }
    (best.1, best.2)
}
