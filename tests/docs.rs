//! Generated documents and statements in documents agree with the program.

mod book;
mod reference;

use crate::world::{World, repository};

fn read(name: &str) -> String {
    std::fs::read_to_string(repository().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Compares a generated file with the committed one; `LAWFIT_UPDATE=1` writes it instead.
fn generated(name: &str, text: &str) {
    if std::env::var_os("LAWFIT_UPDATE").is_some() {
        std::fs::write(repository().join(name), text).unwrap();
    }
    assert!(read(name) == text, "{name} is stale: run `just generate`");
}

#[test]
fn the_schemas_agree_with_the_types() {
    let world = World::new();
    generated("schemas/spec.schema.json", &world.lawfit(&["schema"]).stdout);
    generated("schemas/results.schema.json", &world.lawfit(&["schema", "--results"]).stdout);
}

#[test]
fn the_page_of_the_laws_agrees_with_the_catalogue() {
    generated("docs/book/src/reference/laws.md", &World::new().lawfit(&["laws", "--markdown"]).stdout);
}

#[test]
fn the_page_of_costs_agrees_with_the_conventions() {
    generated("docs/book/src/reference/costs.md", &World::new().lawfit(&["laws", "--costs", "--markdown"]).stdout);
}

#[test]
fn shipped_specs_and_results_meet_their_schemas() {
    let spec: serde_json::Value = serde_json::from_str(&read("schemas/spec.schema.json")).unwrap();
    let spec = jsonschema::validator_for(&spec).unwrap();
    let toml = |name: &str| serde_json::to_value(toml::from_str::<toml::Value>(&read(name)).unwrap()).unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(repository().join("specs")).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("specs/{}", path.file_name().unwrap().to_string_lossy());
        let value = match path.extension().and_then(|e| e.to_str()) {
            Some("toml") => toml(&name),
            Some("yaml") => serde_yaml::from_str(&read(&name)).unwrap(),
            _ => continue,
        };
        let errors: Vec<String> = spec.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        seen += 1;
        // Editors find the schema by the first line.
        let first = read(&name).lines().next().unwrap().to_owned();
        assert!(first.contains("../schemas/spec.schema.json"), "{name}");
    }
    assert!(seen >= 3);
    let mut broken = toml("specs/cerebras-gpt.toml");
    broken["fits"]["compute"]["lwa"] = "typo".into();
    assert!(!spec.is_valid(&broken), "the schema is strict");

    // A spec that extends another one has only what differs.
    let extension = serde_json::json!({
        "extends": "base.toml", "sources": { "runs": { "missing": "drop" } }, "queries": { "ahead": { "loss": { "N": 1e9 } } },
    });
    assert!(spec.is_valid(&extension), "{:?}", spec.iter_errors(&extension).map(|e| e.to_string()).collect::<Vec<_>>());
    let mut whole = extension.clone();
    whole.as_object_mut().unwrap().remove("extends");
    assert!(!spec.is_valid(&whole), "it lacks a title");
    for (table, entry) in [
        ("sources", serde_json::json!({ "path": "a.csv", "url": "https://example.org/a.csv", "columns": {} })),
        ("laws", serde_json::json!({ "use": "hoffmann", "formula": "L = E" })),
        ("fits", serde_json::json!({ "law": "hoffmann", "uncertainty": { "sandwich": { "draws": 19 } } })),
        ("designs", serde_json::json!({ "decide": { "loss": { "N": "1B" }, "marginal": { "N": "1B" } } })),
        ("queries", serde_json::json!({ "fit": "main", "loss": { "N": "7 B" } })),
    ] {
        let mut broken = extension.clone();
        broken[table] = serde_json::json!({ "main": entry });
        assert!(!spec.is_valid(&broken), "{broken}");
    }

    let world = World::new();
    world.write("specs/gpt3.yaml", &read("specs/gpt3.yaml"));
    let object = world.run("specs/gpt3.yaml");
    let results: serde_json::Value = serde_json::from_str(&read("schemas/results.schema.json")).unwrap();
    let results = jsonschema::validator_for(&results).unwrap();
    let errors: Vec<String> =
        results.iter_errors(&object["results"]).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn every_key_of_the_schema_has_hover_text() {
    fn walk(value: &serde_json::Value, path: &str, bare: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(|p| p.as_object()) {
            for (name, property) in properties {
                // A variant of an enum that has one key has its description beside that key.
                let variant = path.rsplit('/').nth(1).is_some_and(|list| list == "oneOf" || list == "anyOf");
                let described =
                    property.get("description").is_some() || (variant && value.get("description").is_some());
                if !described {
                    bare.push(format!("{path}/{name}"));
                }
            }
        }
        match value {
            serde_json::Value::Object(object) => object.iter().for_each(|(k, v)| walk(v, &format!("{path}/{k}"), bare)),
            serde_json::Value::Array(list) => {
                list.iter().enumerate().for_each(|(i, v)| walk(v, &format!("{path}/{i}"), bare));
            }
            _ => {}
        }
    }
    let schema: serde_json::Value = serde_json::from_str(&read("schemas/spec.schema.json")).unwrap();
    let mut bare = Vec::new();
    walk(&schema, "", &mut bare);
    assert!(bare.is_empty(), "{bare:?}");
}

#[test]
fn the_commands_of_the_readme_and_of_ci_are_one() {
    let test = "cargo test --features full";
    assert!(read("README.md").lines().any(|line| line.trim() == test));
    assert!(read(".ci/run").contains(test));
    let just = read("justfile");
    for line in read(".ci/run").lines().filter(|l| l.trim_start().starts_with("cargo ")) {
        assert!(just.contains(line.trim()), "the justfile lacks `{}`", line.trim());
    }
}

#[test]
fn no_file_names_the_machine_that_wrote_it() {
    let output = std::process::Command::new("git").args(["ls-files"]).current_dir(repository()).output();
    let Ok(output) = output else { return println!("names: skipped, there is no git") };
    for name in String::from_utf8_lossy(&output.stdout).lines().filter(|n| *n != "Cargo.lock" && *n != "tests/docs.rs")
    {
        let Ok(text) = std::fs::read_to_string(repository().join(name)) else { continue };
        for word in ["/root/", "/home/", "/work/"] {
            assert!(!text.contains(word), "{name} has {word}");
        }
    }
}

#[test]
fn the_readme_shows_what_the_quick_start_prints() {
    let world = World::new();
    for name in ["specs/cerebras-gpt.toml", "specs/data/cerebras-gpt.csv"] {
        world.write(name, &read(name));
    }
    let printed = world.lawfit(&["run", "specs/cerebras-gpt.toml"]).stdout;
    let readme = read("README.md");
    let shown = readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(printed, shown);
    generated("docs/cerebras-gpt.svg", &world.read("outputs/cerebras-gpt/figures/fit-compute.svg"));
}
