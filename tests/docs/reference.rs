//! The reference pages generated from the program's types: keys, commands, results.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::{generated, read};
use crate::world::World;

/// A JSON Schema, and the definitions already on the page.
struct Page<'a> {
    definitions: &'a serde_json::Map<String, Value>,
    done: BTreeSet<String>,
    out: String,
}

/// The tables of a spec in reading order, which a schema does not keep; others follow by name.
const ORDER: [&str; 14] = [
    "study",
    "sources",
    "tables",
    "filters",
    "laws",
    "costs",
    "fits",
    "queries",
    "designs",
    "sensitivity",
    "expect",
    "report",
    "matrix",
    "extends",
];

/// The definition to which a schema refers, through lists and maps, with its shape.
fn referred(schema: &Value) -> Option<(&str, Shape)> {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        return Some((name.rsplit('/').next()?, Shape::One));
    }
    if let Some(first) = schema.pointer("/allOf/0") {
        return referred(first);
    }
    if let Some(items) = schema.get("items") {
        return referred(items).map(|(name, _)| (name, Shape::List));
    }
    let values = schema.get("additionalProperties").filter(|values| values.is_object())?;
    referred(values).map(|(name, _)| (name, Shape::Named))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    One,
    List,
    Named,
}

/// A type name as a heading: `ComputeOptimal` in words.
fn heading(name: &str) -> String {
    let mut words = String::new();
    for (at, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && at > 0 {
            words.push(' ');
        }
        words.push(if at == 0 { letter } else { letter.to_ascii_lowercase() });
    }
    words
}

fn anchor(name: &str) -> String {
    heading(name).to_lowercase().replace(' ', "-")
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn description(schema: &Value) -> String {
    cell(schema.get("description").and_then(Value::as_str).unwrap_or_default())
}

/// The allowed values of a schema, in words.
fn kind(schema: &Value) -> String {
    if let Some((name, shape)) = referred(schema) {
        let link = format!("[{}](#{})", heading(name).to_lowercase(), anchor(name));
        return match shape {
            Shape::One => link,
            Shape::List => format!("list of {link}"),
            Shape::Named => format!("table of names, each {link}"),
        };
    }
    for choices in ["anyOf", "oneOf"] {
        if let Some(choices) = schema.get(choices).and_then(Value::as_array) {
            return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let shown: Vec<String> = values.iter().take(6).map(|value| format!("`{value}`")).collect();
        let more = if values.len() > 6 { ", ..." } else { "" };
        return format!("one of {}{more}", shown.join(", "));
    }
    let names: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => return "any".to_owned(),
    };
    let of = |key: &str| schema.get(key).filter(|inner| inner.is_object()).map(kind);
    match names.as_slice() {
        ["array"] => of("items").map_or_else(|| "list".to_owned(), |items| format!("list of {items}")),
        ["object"] => of("additionalProperties").map_or_else(|| "table".to_owned(), |v| format!("table of {v}")),
        names if names.contains(&"number") && names.contains(&"string") => {
            let list = if names.contains(&"array") { ", or a list" } else { "" };
            format!("quantity{list}")
        }
        names => names.iter().map(|name| word(name)).collect::<Vec<_>>().join(" or "),
    }
}

fn word(name: &str) -> &str {
    match name {
        "string" => "text",
        "integer" => "whole number",
        "boolean" => "true or false",
        "null" => "nothing",
        "array" => "list",
        "object" => "table",
        other => other,
    }
}

impl Page<'_> {
    /// The table of a definition's keys, and the definitions to which they refer.
    fn keys(&mut self, schema: &Value) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        self.out += "\n| key | value | default | meaning |\n|---|---|---|---|\n";
        for (name, property) in properties {
            let default = match property.get("default") {
                _ if required.contains(&name.as_str()) => "required".to_owned(),
                Some(default)
                    if !matches!(default, Value::Null)
                        && default != &serde_json::json!([])
                        && default != &serde_json::json!({}) =>
                {
                    format!("`{}`", cell(&default.to_string()))
                }
                _ => String::new(),
            };
            let _ = writeln!(self.out, "| `{name}` | {} | {default} | {} |", kind(property), description(property));
        }
        let inner: Vec<String> = properties.values().flat_map(all_referred).collect();
        inner.iter().for_each(|name| self.definition(name));
    }

    /// A section about a definition, once.
    fn definition(&mut self, name: &str) {
        if !self.done.insert(name.to_owned()) {
            return;
        }
        let Some(schema) = self.definitions.get(name) else { return };
        let _ = write!(self.out, "\n### {}\n\n{}\n", heading(name), description(schema));
        self.body(schema);
    }

    fn body(&mut self, schema: &Value) {
        self.keys(schema);
        let choices = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(*key)?.as_array());
        let Some(choices) = choices.filter(|choices| {
            choices.iter().any(|choice| choice.get("required").is_none() || choice.get("type").is_some())
        }) else {
            if !schema.get("properties").is_some_and(Value::is_object) {
                let _ = writeln!(self.out, "\nIt is written as: {}.", kind(schema));
                all_referred(schema).iter().for_each(|name| self.definition(name));
            }
            return;
        };
        self.out += "\n| written as | meaning |\n|---|---|\n";
        for choice in choices {
            let written = match choice.get("properties").and_then(Value::as_object).and_then(|p| p.iter().next()) {
                Some((name, settings)) => format!("`{name} =` {}", kind(settings)),
                None => choice.get("const").map_or_else(|| kind(choice), |value| format!("`{value}`")),
            };
            let _ = writeln!(self.out, "| {written} | {} |", description(choice));
        }
        choices.iter().flat_map(all_referred).collect::<Vec<_>>().iter().for_each(|name| self.definition(name));
    }
}

/// All definitions to which a schema refers directly.
fn all_referred(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(object) => object
            .iter()
            .flat_map(|(key, value)| match value.as_str() {
                Some(name) if key == "$ref" => vec![name.rsplit('/').next().unwrap_or_default().to_owned()],
                _ => all_referred(value),
            })
            .collect(),
        Value::Array(list) => list.iter().flat_map(all_referred).collect(),
        _ => Vec::new(),
    }
}

/// A page about all keys of a schema, table by table.
fn page_of(schema: &Value, title: &str, introduction: &str) -> String {
    let empty = serde_json::Map::new();
    let definitions = schema.get("definitions").or(schema.get("$defs")).and_then(Value::as_object).unwrap_or(&empty);
    let mut page = Page { definitions, done: BTreeSet::new(), out: format!("# {title}\n\n{introduction}\n") };
    let properties: BTreeMap<&String, &Value> = schema["properties"].as_object().unwrap().iter().collect();
    let mut names: Vec<&String> = properties.keys().copied().collect();
    names.sort_by_key(|name| (ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len()), *name));
    // These tables have their own sections, so no other section includes them.
    let own: Vec<&str> = properties.values().filter_map(|property| Some(referred(property)?.0)).collect();
    page.done.extend(own.iter().map(|name| (*name).to_owned()));
    let (tables, plain): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| referred(properties[*name]).is_some());
    if !plain.is_empty() {
        page.out += "\n## At the top\n\n| key | value | meaning |\n|---|---|---|\n";
        for name in &plain {
            let _ =
                writeln!(page.out, "| `{name}` | {} | {} |", kind(properties[*name]), description(properties[*name]));
        }
        plain.iter().flat_map(|name| all_referred(properties[*name])).for_each(|of| page.definition(&of));
    }
    for name in tables {
        let property = properties[name];
        let Some((of, shape)) = referred(property) else { continue };
        let written = match shape {
            Shape::One => format!("`[{name}]`"),
            Shape::List => format!("`[[{name}]]`"),
            Shape::Named => format!("`[{name}.NAME]`"),
        };
        let _ = write!(page.out, "\n## {written}\n\n<a id=\"{}\"></a>\n{}\n", anchor(of), description(property));
        if let Some(definition) = definitions.get(of) {
            page.body(definition);
        }
    }
    page.out
}

const GENERATED: &str = "This page is written by `just generate`";

#[test]
fn the_reference_of_keys_agrees_with_the_schema() {
    let schema = lawfit::spec::schema_of_whole_specs();
    let introduction = format!(
        "{GENERATED} from the JSON Schema of a spec (`lawfit schema`), which is made from the program's types. A *quantity* is a \
         number or a text such as `\"40M\"`, `\"1.4T\"` or `\"3640 PFday\"`. Keys that begin with `x-` are ignored: YAML anchors \
         may live there."
    );
    generated("docs/book/src/reference/spec.md", &page_of(&schema, "Keys of a spec", &introduction));
}

#[test]
fn the_reference_of_results_agrees_with_the_schema() {
    let schema: Value = serde_json::from_str(&World::new().lawfit(&["schema", "--results"]).stdout).unwrap();
    let introduction = format!(
        "Every run writes `outputs/<spec>/results.json`, which `lawfit run --json` prints too. {GENERATED} from its JSON Schema \
         (`lawfit schema --results`). Numbers have full double precision. `format` is raised when a key changes its meaning or \
         goes; new keys may come without that."
    );
    let page = page_of(&schema, "results.json", &introduction);
    let page = page.replace("| default |", "| always there |").replace("| required |", "| yes |");
    generated("docs/book/src/reference/results.md", &page);
}

/// The help of a command and of its subcommands.
fn help(world: &World, command: &[&str], out: &mut String) {
    let text = world.lawfit(&[command, &["--help"]].concat()).stdout;
    let _ = write!(
        out,
        "\n{} lawfit {}\n\n```text\n{}\n```\n",
        "#".repeat(command.len() + 1),
        command.join(" "),
        text.trim()
    );
    for below in commands(&text) {
        help(world, &[command, &[below.as_str()]].concat(), out);
    }
}

/// The commands that a help lists.
fn commands(help: &str) -> Vec<String> {
    let list = help.split("Commands:\n").nth(1).unwrap_or_default();
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    let names = lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn the_reference_of_commands_agrees_with_their_help() {
    let world = World::new();
    let mut out =
        format!("# Commands\n\n{GENERATED} from the help of each command.\n\n{}", read("tests/docs/commands.md"));
    let all = world.lawfit(&["--help"]).stdout;
    let _ = write!(out, "\n```text\n{}\n```\n", all.trim());
    for name in commands(&all) {
        help(&world, &[&name], &mut out);
    }
    generated("docs/book/src/reference/commands.md", &out);
}
