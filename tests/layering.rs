//! Import rules: values do not know stages, laws do not know files, and only `cli` prints.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::modules::{Names, home, modules};
use crate::world::repository;

/// The modules from the bottom up; a module may import those of earlier lines, and itself.
const LAYERS: [&[&str]; 22] = [
    &["diagnostic", "numeral", "numerics", "artifact", "file", "order", "registry", "warning", "watch"],
    &["answer", "separated", "summary", "web"],
    &["expr", "store"],
    &["unit", "dataset"],
    &["quantity", "texts"],
    &["schedule", "plausible"],
    &["law", "source", "table"],
    &["live", "objective"],
    &["problem"],
    &["solver"],
    &["search"],
    &["fit"],
    &["evidence", "uncertainty", "forecast"],
    &["query"],
    &["design"],
    &["expectation"],
    &["report"],
    &["spec", "stage", "lock"],
    &["changes"],
    &["plan"],
    &["engine"],
    &["cli"],
];

/// Crates that only one folder may use.
const KEPT_IN: [(&str, &[&str]); 16] = [
    ("arrow_array", &["source"]),
    ("arrow_ipc", &["source"]),
    ("reqwest", &["live", "store", "web"]),
    ("argmin", &["solver"]),
    ("petgraph", &["plan"]),
    ("polars", &["source"]),
    ("polars_parquet", &["source"]),
    ("clap", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("terminal_size", &["cli"]),
    ("indicatif", &["cli"]),
    ("object_store", &["live", "store"]),
    ("tar", &["store"]),
    ("notify_debouncer_mini", &["cli"]),
    ("pdf_writer", &["report"]),
    ("resvg", &["report"]),
];

fn sources() -> Vec<(String, PathBuf, String)> {
    let mut all = Vec::new();
    collect(&repository().join("src"), &mut all);
    all
}

fn collect(folder: &Path, all: &mut Vec<(String, PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let inside = path.strip_prefix(repository().join("src")).unwrap();
            let module = inside.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let code: Vec<&str> = text
                .split("#[cfg(test)]")
                .next()
                .unwrap()
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            all.push((module, path.clone(), code.join("\n")));
        }
    }
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn a_module_imports_only_modules_below_it() {
    let mut seen = 0;
    for (path, module) in modules() {
        let own = layer(&path[0]).unwrap_or_else(|| panic!("{} has no layer; add it to the list", path[0]));
        for (named, _) in &module.named {
            let Some(root) = named.first() else { continue };
            let other = layer(root).unwrap_or_else(|| panic!("{} names `{root}`, which has no layer", path.join("::")));
            seen += 1;
            assert!(*root == path[0] || other < own, "{} names `{root}`, which is not below it", path.join("::"));
        }
    }
    assert!(seen > 1000, "the test sees the imports: {seen}");
}

/// The modules that each module depends on, by every path that it names. A folder and its own members may depend on
/// each other.
fn rests_on() -> BTreeMap<Names, BTreeSet<Names>> {
    let all = modules();
    let of = |path: &Names| {
        let homes = all[path].named.iter().map(|(named, _)| home(named, &all));
        homes.filter(|other| !path.starts_with(other) && !other.starts_with(path)).collect()
    };
    all.keys().map(|path| (path.clone(), of(path))).collect()
}

#[test]
fn no_module_rests_on_itself_by_way_of_others() {
    let mut left = rests_on();
    let imports: usize = left.values().map(BTreeSet::len).sum();
    assert!(imports > 500, "the test sees the imports: {imports}");
    // Removes modules without remaining dependencies until only cycles are left.
    loop {
        let free: Vec<Names> = left
            .iter()
            .filter(|(_, on)| !on.iter().any(|other| left.contains_key(other)))
            .map(|(path, _)| path.clone())
            .collect();
        if free.is_empty() {
            break;
        }
        free.iter().for_each(|path| drop(left.remove(path)));
    }
    let words = |path: &Names| path.join("::");
    let on = |on: &BTreeSet<Names>| on.iter().filter(|other| left.contains_key(*other)).map(words).collect::<Vec<_>>();
    let circles: Vec<String> =
        left.iter().map(|(path, others)| format!("{} -> {}", words(path), on(others).join(", "))).collect();
    assert!(circles.is_empty(), "these rest on each other:\n{}", circles.join("\n"));
}

#[test]
fn a_module_of_no_layer_is_told() {
    let all = modules();
    let roots: BTreeSet<&str> = all.keys().filter_map(|path| path.first()).map(String::as_str).collect();
    let listed: BTreeSet<&str> = LAYERS.iter().copied().flatten().copied().collect();
    assert_eq!(roots, listed, "every folder of src/ has a layer, and every layer is one of its folders");
}

#[test]
fn a_crate_is_used_only_in_its_folder() {
    for (module, path, code) in sources() {
        for (name, folders) in KEPT_IN {
            let named = code.contains(&format!("{name}::")) || code.contains(&format!("use {name}"));
            assert!(!named || folders.contains(&module.as_str()), "{} names {name}", path.display());
        }
    }
}

#[test]
fn the_library_does_not_print_or_give_up() {
    for (module, path, code) in sources() {
        let inside = path.strip_prefix(repository().join("src")).unwrap().with_extension("");
        if module == "cli" || module == "main" || inside.iter().any(|part| part == "tests") {
            continue;
        }
        for banned in ["println!(", "eprintln!(", ".unwrap()", ".expect(", "panic!(", "todo!(", "unimplemented!("] {
            assert!(!code.contains(banned), "{} has {banned}", path.display());
        }
    }
}

#[test]
fn only_one_file_writes_to_standard_output_and_error() {
    for (_, path, code) in sources() {
        if path.ends_with("cli/output.rs") {
            continue;
        }
        // Any module may ask whether there is a terminal.
        let code = code.replace("stdout().is_terminal()", "").replace("stderr().is_terminal()", "");
        for banned in ["print!(", "println!(", "stdout()", "stderr()"] {
            let used = code.match_indices(banned).any(|(at, _)| {
                let before = code[..at].chars().next_back();
                before.is_none_or(|c| !c.is_alphanumeric() && c != '_') && !code[..at].ends_with("ProgressDrawTarget::")
            });
            assert!(!used, "{} has {banned}", path.display());
        }
    }
}
