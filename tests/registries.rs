//! Registries: a member is a file and a line in the list of its folder, and no other code names it.

use std::collections::BTreeMap;

use regex::Regex;

use crate::modules::{Module, Names, members, modules};

/// Members that another file may name: the file, the member, and why.
const NAMED_ELSEWHERE: [(&str, &[&str], &str); 2] = [
    (
        "src/uncertainty/method/auto.rs",
        &["Bootstrap", "Posterior", "Residual", "Sandwich", "Wild"],
        "it is the method that picks one of the others and compares it with a second",
    ),
    ("src/query/threshold.rs", &["Reach"], "a threshold is a reach with a caution of its own"),
];

/// How often a module names a member of a folder: as `List::Member`, by a path through the folder, or by an import.
fn mentions(module: &Module, list: &str, folder: &[String], member: &str) -> usize {
    let qualified = Regex::new(&format!(r"\b{list}::{member}\b")).unwrap();
    let is_it = |path: &[String]| path.starts_with(folder) && path.last().is_some_and(|last| last == member);
    qualified.find_iter(&module.code).count() + module.named.iter().filter(|(path, _)| is_it(path)).count()
}

#[test]
fn nothing_names_a_member_but_its_own_file_and_one_line_of_its_registry() {
    let all = modules();
    let enums = Regex::new(r"enum (\w+) (?:of|to) dyn").unwrap();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (folder, registry) in all.iter().filter(|(_, module)| module.code.contains("\nregistry! {\n")) {
        let list = enums.captures(&registry.code).unwrap()[1].to_owned();
        for (own, member) in members(&registry.code) {
            *seen.entry(list.clone()).or_default() += 1;
            let own: Names = [folder.as_slice(), &[own]].concat();
            assert!(all.contains_key(&own), "{list}: {member} has no file");
            let once = mentions(registry, &list, folder, &member);
            if once != 1 {
                wrong.push(format!("{} names {member} {once} times", registry.file.display()));
            }
            for (path, module) in all.iter().filter(|(path, _)| **path != own && *path != folder) {
                let is_excused = NAMED_ELSEWHERE.iter().any(|(file, members, _)| {
                    module.file.ends_with(file.trim_start_matches("src/")) && members.contains(&member.as_str())
                });
                if !is_excused && mentions(module, &list, folder, &member) > 0 {
                    wrong.push(format!("{} names {list}::{member}", path.join("::")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for list in ["Objective", "Uncertainty", "Question", "Solver", "Format", "ReportFormat", "Step"] {
        assert!(seen.get(list).is_some_and(|count| *count >= 4), "{list}: {seen:?}");
    }
}
