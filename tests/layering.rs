//! Imports go one way: values know nothing of stages, laws nothing of files, and only `cli` prints.

use std::path::{Path, PathBuf};

use crate::world::repository;

/// The modules from the bottom up; a module may name those of an earlier line, and itself.
const LAYERS: [&[&str]; 18] = [
    &["diagnostic", "numerics", "artifact", "account", "answer", "file"],
    &["expr", "store"],
    &["quantity", "unit", "dataset"],
    &["schedule", "plausible"],
    &["law", "source", "table"],
    &["objective"],
    &["problem"],
    &["solver"],
    &["fit"],
    &["evidence", "uncertainty", "forecast"],
    &["query"],
    &["design"],
    &["report"],
    &["spec", "stage", "lock"],
    &["changes"],
    &["plan"],
    &["engine"],
    &["cli"],
];

/// Crates that only one folder may name.
const KEPT_IN: [(&str, &[&str]); 11] = [
    ("argmin", &["solver"]),
    ("petgraph", &["plan"]),
    ("polars", &["source"]),
    ("polars_parquet", &["source"]),
    ("clap", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("terminal_size", &["cli"]),
    ("indicatif", &["cli"]),
    ("object_store", &["store"]),
    ("tar", &["store"]),
    ("notify_debouncer_mini", &["cli"]),
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
fn a_module_names_only_modules_below_it() {
    let mut seen = 0;
    for (module, path, code) in sources() {
        if ["lib", "main"].contains(&module.as_str()) || path.ends_with("tests.rs") {
            continue;
        }
        let own = layer(&module).unwrap_or_else(|| panic!("{module} has no layer; add it to the list"));
        for mention in code.split("crate::").skip(1) {
            let named: String = mention.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let Some(other) = layer(&named) else { continue };
            seen += 1;
            assert!(named == module || other < own, "{} names `{named}`, which is not below it", path.display());
        }
    }
    assert!(seen > 100, "the test sees the imports: {seen}");
}

#[test]
fn a_crate_stays_in_its_folder() {
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
        let name = path.file_name().unwrap().to_string_lossy();
        if module == "cli" || module == "main" || name == "tests.rs" {
            continue;
        }
        for banned in ["println!(", "eprintln!(", ".unwrap()", ".expect(", "panic!(", "todo!(", "unimplemented!("] {
            assert!(!code.contains(banned), "{} has {banned}", path.display());
        }
    }
}

#[test]
fn one_file_alone_writes_to_standard_output_and_error() {
    for (_, path, code) in sources() {
        if path.ends_with("cli/output.rs") {
            continue;
        }
        // Whether there is a terminal may be asked anywhere.
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
