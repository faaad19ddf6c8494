//! The schema of specs against the program: it takes what the program takes.

use lawfit::numerics::Random;
use lawfit::plan::{SpecFile, compile};
use serde_json::{Value, json};

use super::{drawn, seeds};
use crate::world::repository;

/// Specs that are tried, most of them wrong in one place.
const COUNT: u64 = 1500;

/// A spec as a tree, whatever its language.
fn tree(name: &str, text: &str) -> Value {
    if name.ends_with("yaml") {
        serde_yaml::from_str(text).unwrap()
    } else {
        serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
    }
}

/// The paths of all values of a tree.
fn paths(tree: &Value, path: &str, all: &mut Vec<String>) {
    if !path.is_empty() {
        all.push(path.to_owned());
    }
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match tree {
        Value::Object(entries) => {
            entries.iter().for_each(|(key, value)| paths(value, &format!("{path}/{}", escaped(key)), all));
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, value)| paths(value, &format!("{path}/{at}"), all));
        }
        _ => (),
    }
}

/// What may stand where something else stood.
fn other(random: &mut Random) -> Value {
    let all = [
        json!(0),
        json!(-1),
        json!(1),
        json!(0.5),
        json!(95),
        json!(1.5),
        json!(1e30),
        json!("280B"),
        json!("x"),
        json!(""),
        json!("auto"),
        json!("huber"),
        json!(true),
        json!([]),
        json!({}),
        json!([1, 2]),
        json!(["N"]),
        json!({ "huber": {} }),
        json!({ "bootstrap": { "level": 95 } }),
        json!({ "odd": 1 }),
        json!([{ "keep": "N > 1" }]),
        Value::Null,
    ];
    all[random.below(all.len())].clone()
}

/// Changes one place of a spec; gives what was done.
fn change(spec: &mut Value, random: &mut Random) -> String {
    let mut all = Vec::new();
    paths(spec, "", &mut all);
    let path = all[random.below(all.len())].clone();
    let (parent, last) = path.rsplit_once('/').unwrap();
    match random.below(4) {
        0 => {
            if let Some(entries) = spec.pointer_mut(parent).and_then(Value::as_object_mut) {
                entries.remove(&last.replace("~1", "/").replace("~0", "~"));
            }
            format!("without {path}")
        }
        1 => {
            let value = other(random);
            let key = ["odd", "loss", "level", "path", "law", "of"][random.below(6)];
            if let Some(entries) = spec.pointer_mut(&path).and_then(Value::as_object_mut) {
                entries.insert(key.to_owned(), value.clone());
            }
            format!("{key} = {value} in {path}")
        }
        _ => {
            let value = other(random);
            *spec.pointer_mut(&path).unwrap() = value.clone();
            format!("{path} = {value}")
        }
    }
}

/// Specs, and what was done to each.
fn specs() -> Vec<(String, Value)> {
    let (shipped, _) = seeds::shipped();
    let studies = seeds::studies().into_iter().map(|(name, text)| (name.to_owned(), text));
    // What it extends is another file, of which a schema knows nothing.
    let all: Vec<(String, Value)> = studies
        .chain(shipped)
        .filter(|(name, _)| name != "over.toml")
        .map(|(name, text)| (name.clone(), tree(&name, &text)))
        .collect();
    let mut random = Random::new(7, "schema", 0);
    let mut made = all.clone();
    for _ in 0..COUNT {
        let (name, mut spec) = all[random.below(all.len())].clone();
        let done = change(&mut spec, &mut random);
        made.push((format!("{name}: {done}"), spec));
    }
    for case in drawn::cases(400) {
        let (_, text) = case.files.iter().find(|(name, _)| *name == case.spec).unwrap();
        made.push((format!("drawn {}", case.name), serde_json::from_slice(text).unwrap()));
    }
    made
}

#[test]
fn the_schema_takes_every_spec_that_the_program_takes() {
    let schema = std::fs::read_to_string(repository().join("schemas/spec.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let world = crate::world::World::new();
    for (name, bytes) in seeds::tables().into_iter().chain(seeds::shipped().1) {
        let path = world.path(&name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let (mut stricter, mut taken) = (Vec::new(), 0);
    let specs = specs();
    for (name, spec) in &specs {
        // JSON is YAML.
        let bytes = serde_json::to_vec(spec).unwrap();
        if compile(&[SpecFile { path: world.path("study.yaml"), bytes }]).has_errors() {
            continue;
        }
        taken += 1;
        if let Some(error) = schema.iter_errors(spec).next() {
            stricter.push(format!("{name}\n    {error} at {}", error.instance_path()));
        }
    }
    println!("{} specs, of which the program takes {taken}", specs.len());
    assert!(taken > specs.len() / 8 && taken < specs.len(), "{taken} of {}", specs.len());
    assert!(stricter.is_empty(), "taken by the program, refused by the schema:\n{}", stricter.join("\n"));
}
