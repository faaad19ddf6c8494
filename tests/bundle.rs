//! Bundles: a folder with a study that another machine can verify and compute again.

use std::process::Command;

use serde_json::Value;

use crate::crash::spec;
use crate::world::{World, simulated_runs};
use lawfit::artifact::sha256;

const NAME: &str = "study-crate";

/// A study that was run, with its table in a folder next to the spec, and its bundle.
fn bundled(more: &[&str]) -> World {
    let world = World::new();
    world.write("data/runs.csv", &simulated_runs(0.01));
    world.write("specs/base.toml", &spec().replace("runs.csv", "../data/runs.csv"));
    world.write("specs/study.toml", "spec = 1\nextends = \"base.toml\"\n[study]\nreferences = [\"arXiv:1234.5678\"]\n");
    world.run("specs/study.toml");
    let make = ["bundle", "specs/study.toml", "--license", "CC-BY-4.0", "--date", "2026-11-28"];
    let outcome = world.lawfit(&[&make, more].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    world
}

/// Another machine that has the bundle and nothing else.
fn elsewhere(world: &World) -> World {
    let other = World::new();
    let status = Command::new("cp").arg("-a").arg(world.path(NAME)).arg(other.path(NAME)).status();
    assert!(status.unwrap().success());
    other
}

fn metadata(world: &World) -> Value {
    serde_json::from_str(&world.read(&format!("{NAME}/ro-crate-metadata.json"))).unwrap()
}

fn entity<'a>(metadata: &'a Value, id: &str) -> &'a Value {
    metadata["@graph"].as_array().unwrap().iter().find(|entity| entity["@id"] == id).unwrap_or_else(|| panic!("{id}"))
}

#[test]
fn the_metadata_of_a_bundle_describe_its_files() {
    let world = bundled(&[]);
    let metadata = metadata(&world);
    let descriptor = entity(&metadata, "ro-crate-metadata.json");
    assert_eq!(descriptor["about"]["@id"], "./");
    assert_eq!(descriptor["conformsTo"]["@id"], "https://w3id.org/ro/crate/1.2");
    let root = entity(&metadata, "./");
    assert_eq!((root["name"].as_str(), root["datePublished"].as_str()), (Some("Simulated"), Some("2026-11-28")));
    assert_eq!(root["license"]["@id"], "https://spdx.org/licenses/CC-BY-4.0");
    assert_eq!(root["citation"][0], "arXiv:1234.5678");
    assert_eq!(root["mainEntity"]["@id"], "study/specs/study.toml");
    assert_eq!(entity(&metadata, "#lawfit")["softwareVersion"], env!("CARGO_PKG_VERSION"));
    let parts: Vec<&str> = root["hasPart"].as_array().unwrap().iter().filter_map(|part| part["@id"].as_str()).collect();
    for part in [
        "study/specs/base.toml",
        "study/specs/study.lock",
        "study/data/runs.csv",
        "report/results.json",
        "report/report.html",
    ] {
        assert!(parts.contains(&part), "{part} in {parts:?}");
    }
    for part in parts {
        let bytes = std::fs::read(world.path(NAME).join(part)).unwrap();
        let of = entity(&metadata, part);
        assert_eq!((&of["sha256"], &of["contentSize"]), (&sha256(&bytes).into(), &bytes.len().to_string().into()));
    }
    let again = ["bundle", "specs/study.toml", "--license", "CC-BY-4.0", "--to", "again"];
    let outcome = world.lawfit_with(&again, &[("SOURCE_DATE_EPOCH", "1795860000")]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(world.read("again/ro-crate-metadata.json"), world.read(&format!("{NAME}/ro-crate-metadata.json")));
}

#[test]
fn a_bundle_alone_can_be_verified_and_computed_again() {
    let world = elsewhere(&bundled(&[]));
    let outcome = world.lawfit(&["bundle", "--verify", NAME]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains("computed again") && outcome.stdout.contains("same bytes"), "{}", outcome.stdout);
    assert!(!world.path(".lawfit").exists(), "no cache is believed");
    world.write(&format!("{NAME}/more.txt"), "more");
    let outcome = world.lawfit(&["bundle", "--verify", NAME]);
    assert!(outcome.code == 0 && outcome.stderr.contains("more.txt is not part"), "{}", outcome.stderr);
}

#[test]
fn changes_in_a_bundle_are_found_by_digests_or_numbers() {
    let world = elsewhere(&bundled(&[]));
    let table = format!("{NAME}/study/data/runs.csv");
    let (before, described) = (world.read(&table), world.read(&format!("{NAME}/ro-crate-metadata.json")));
    let after = before.replacen("even", "odd", 1);
    world.write(&table, &after);
    let found = world.lawfit(&["bundle", "--verify", NAME]);
    assert!(found.code == 1 && found.stderr.contains("runs.csv was changed"), "{}", found.stderr);
    let digests = described.replace(&sha256(before.as_bytes()), &sha256(after.as_bytes()));
    world.write(&format!("{NAME}/ro-crate-metadata.json"), &digests);
    let found = world.lawfit(&["bundle", "--verify", NAME]);
    assert!(found.code == 3 && found.stderr.contains("study.lock does not match"), "{} {}", found.code, found.stderr);
    world.write(
        &format!("{NAME}/ro-crate-metadata.json"),
        &described.replace("study/specs/study.toml", "../study.toml"),
    );
    assert_eq!(world.lawfit(&["bundle", "--verify", NAME]).code, 2, "a name that leads out of it");
}

#[test]
fn a_bundle_needs_an_up_to_date_study_and_a_new_folder() {
    let world = bundled(&["--data", "none"]);
    assert!(!world.path(NAME).join("study/data").exists(), "data may have another licence");
    let make = |more: &[&str]| world.lawfit(&[&["bundle", "specs/study.toml"], more].concat());
    assert_eq!(make(&[]).code, 2, "without a licence nobody may use it");
    let there = make(&["--license", "CC-BY-4.0"]);
    assert!(there.code == 2 && there.stderr.contains("already there"), "{}", there.stderr);
    let base = world.read("specs/base.toml");
    let absolute = world.path("data/runs.csv");
    world.write("specs/base.toml", &base.replace("../data/runs.csv", &absolute.to_string_lossy()));
    let elsewhere = make(&["--license", "CC-BY-4.0", "--to", "new"]);
    assert!(elsewhere.code == 2 && elsewhere.stderr.contains("by an absolute path"), "{}", elsewhere.stderr);
    world.write("specs/base.toml", &base);
    world.write("data/runs.csv", &simulated_runs(0.02));
    let stale = make(&["--license", "CC-BY-4.0", "--to", "new"]);
    assert!(stale.code == 3 && stale.stderr.contains("lawfit run"), "{}", stale.stderr);
    assert!(!world.path("new").exists());
}
