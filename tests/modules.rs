//! The source tree as modules: the code of each without comments, texts and tests, and the paths that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex::{Captures, Regex};

use crate::world::repository;

/// A path of modules, optionally with an item, from the root of the crate.
pub(crate) type Names = Vec<String>;

/// A module of the crate that has a file.
pub(crate) struct Module {
    /// Path of the file.
    pub(crate) file: PathBuf,
    /// Its code: no comments, no texts, no tests.
    pub(crate) code: String,
    /// The paths that it names, and whether each is re-exported.
    pub(crate) named: Vec<(Names, bool)>,
}

/// All modules by path. The crate root and the binary are left out.
pub(crate) fn modules() -> BTreeMap<Names, Module> {
    let root = repository().join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let mut all = BTreeMap::new();
    for file in files {
        let inside = file.strip_prefix(&root).unwrap().with_extension("");
        let mut path: Names = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if path.last().is_some_and(|last| last == "mod") {
            path.pop();
        }
        if path == ["lib"] || path == ["main"] || path.iter().any(|part| part == "tests") {
            continue;
        }
        let code = code_of(&std::fs::read_to_string(&file).unwrap());
        all.insert(path, Module { file, code, named: Vec::new() });
    }
    let known: BTreeSet<Names> = all.keys().cloned().collect();
    for (path, module) in &mut all {
        let named = written(&module.code).into_iter();
        module.named =
            named.filter_map(|(text, is_public)| Some((absolute(path, &text, &known)?, is_public))).collect();
    }
    all
}

fn collect(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            all.push(path);
        }
    }
}

/// The code without comments, contents of quotes, and tests.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let quoted = r##"(?s://[^\n]*|r#".*?"#|'(?:[^'\\]|\\.)'|"(?:[^"\\]|\\.)*")"##;
    let blank = |found: &Captures<'_>| if found[0].starts_with("//") { "" } else { "\"\"" }.to_owned();
    Regex::new(quoted).unwrap().replace_all(text, blank).into_owned()
}

/// The paths in a code as written, one for each item of a `use`, and whether each is re-exported.
fn written(code: &str) -> Vec<(String, bool)> {
    let uses = Regex::new(r"(pub(?:\([^)]*\))? )?use ([^;]+);").unwrap();
    let mut all: Vec<(String, bool)> = uses
        .captures_iter(code)
        .flat_map(|found| flattened(&found[2]).into_iter().map(move |path| (path, found.get(1).is_some())))
        .collect();
    let rest = uses.replace_all(code, "");
    let inline = Regex::new(r"\b(?:crate|super)(?:::\w+)+").unwrap();
    all.extend(inline.find_iter(&rest).map(|found| (found.as_str().to_owned(), false)));
    all.extend(members(code).into_iter().map(|(module, member)| (format!("{module}::{member}"), true)));
    all
}

/// Expands `a::{b, c::{d}}` to `a::b` and `a::c::d`.
fn flattened(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().trim().to_owned()];
    };
    let (before, inside) = (&tree[..open], &tree[open + 1..tree.rfind('}').unwrap()]);
    let (mut depth, mut branches) = (0, vec![String::new()]);
    for letter in inside.chars() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        if letter == ',' && depth == 0 {
            branches.push(String::new());
        } else {
            branches.last_mut().unwrap().push(letter);
        }
    }
    branches.retain(|branch| !branch.trim().is_empty());
    branches.iter().flat_map(|branch| flattened(branch)).map(|path| format!("{before}{path}")).collect()
}

/// The path from the root of the crate; `None` for another crate.
fn absolute(from: &[String], text: &str, known: &BTreeSet<Names>) -> Option<Names> {
    let mut parts: Names = text.split("::").map(str::to_owned).collect();
    let up = parts.iter().take_while(|part| *part == "super").count();
    let base: &[String] = match parts[0].as_str() {
        "crate" => &[],
        "self" => from,
        "super" => &from[..from.len().checked_sub(up)?],
        first => {
            let child = [from, &[first.to_owned()]].concat();
            return known.contains(&child).then(|| [from, parts.as_slice()].concat());
        }
    };
    let own = parts.split_off(up.max(1));
    Some([base, own.as_slice()].concat())
}

/// The module that defines the item of a path; re-exports are followed.
pub(crate) fn home(path: &[String], all: &BTreeMap<Names, Module>) -> Names {
    let mut path = path.to_vec();
    // Chains of re-exports are short.
    for _ in 0..9 {
        let depth = (0..=path.len()).rev().find(|&depth| depth == 0 || all.contains_key(&path[..depth])).unwrap_or(0);
        let (module, rest) = path.split_at(depth);
        let handed_on = rest.first().zip(all.get(module)).and_then(|(item, module)| {
            module.named.iter().find(|(named, is_public)| *is_public && named.last() == Some(item))
        });
        match handed_on {
            Some((from, _)) if from[..] != path[..=depth] => path = [from.as_slice(), &rest[1..]].concat(),
            _ => return module.to_vec(),
        }
    }
    path
}

/// The members in the registries of a code: module and type.
pub(crate) fn members(code: &str) -> Vec<(String, String)> {
    let registries = Regex::new(r"(?s)\nregistry! \{\n(.*?)\n\}").unwrap();
    let line = Regex::new(r"(?m)^\s+(\w+)::(\w+),$").unwrap();
    registries
        .captures_iter(code)
        .flat_map(|found| line.captures_iter(found.get(1).unwrap().as_str()).collect::<Vec<_>>())
        .map(|found| (found[1].to_owned(), found[2].to_owned()))
        .collect()
}
