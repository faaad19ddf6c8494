//! A question in one line: it becomes part of a spec or gives an error message, and a spec with it compiles or gives
//! errors.

use std::path::PathBuf;

use lawfit::plan::{Allowed, SpecFile, compile_asking};
use lawfit::spec::{ASKED, question};

/// A study without data, so that no file is read.
const STUDY: &str = "spec = 1\nstudy.title = \"Constants\"\n[laws.k]\nuse = \"hoffmann\"\nconstants = \"besiroglu2024\"\n\
                     [fits.main]\nlaw = \"k\"\n[queries.q]\nfit = \"main\"\nloss = { N = 1e9, D = 1e10 }\n";

pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match question(text, &["main".to_owned()]) {
        Err(words) => assert!(!words.is_empty()),
        Ok(node) => {
            assert!(node.get("queries").and_then(|queries| queries.get(ASKED)).is_some());
            let file = SpecFile { path: PathBuf::from("nowhere/spec.toml"), bytes: STUDY.as_bytes().to_vec() };
            let compiled = compile_asking(&[file], Some(&node), Allowed::default());
            let asked = format!("extrapolate.{ASKED}");
            let is_there = compiled.plan.stages().any(|stage| stage.id.to_string() == asked);
            assert!(is_there || compiled.has_errors(), "{text}: neither asked nor refused");
        }
    }
}
