//! `lawfit explain`: shows field by field why a stage would run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::output;
use super::screen::Screen;
use super::{Exit, ForReport, Study, compile_for_report, lock_path};
use crate::engine::{Look, look_closely};
use crate::lock::Lock;
use crate::plan::{Plan, SpecFile};
use crate::store::Store;

/// Show which fields of a stage's fingerprint changed since the lock file was written, and so why it would run.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The stage, as `lawfit plan` names it: fit.main.
    #[arg(value_name = "STAGE")]
    stage: String,
    #[command(flatten)]
    study: Study,
    #[command(flatten)]
    report: ForReport,
    /// Also show unchanged fields.
    #[arg(long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A stage's fingerprint in the lock file and now.
#[derive(Debug, Serialize)]
struct Explanation {
    stage: String,
    status: &'static str,
    /// Why there is nothing to compare.
    note: Option<String>,
    fields: Vec<Field>,
}

/// A field of a fingerprint.
#[derive(Debug, Serialize)]
struct Field {
    field: String,
    then: Option<String>,
    now: Option<String>,
    /// The stage or file that the value comes from.
    from: Option<String>,
}

pub(super) fn run(arguments: &Arguments, screen: &Screen) -> Exit {
    let (files, compiled) =
        match compile_for_report(&arguments.study.specs, &arguments.study.allow, &arguments.report, screen) {
            Ok(compiled) => compiled,
            Err(exit) => return exit,
        };
    let plan = &compiled.plan;
    let Some(asked) = plan.stages().position(|stage| stage.id.to_string() == arguments.stage) else {
        let names: Vec<String> = plan.stages().map(|stage| stage.id.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let hint = meant(&arguments.stage, &names);
        screen.error(&format!("there is no stage `{}`", arguments.stage), &[hint]);
        return Exit::BadSpec;
    };
    let store = Store::new(&arguments.study.cache.cache);
    let looks = look_closely(plan, &store);
    store.take_notices().iter().for_each(|notice| screen.notice(notice));
    let explained = Explained { plan, files: &files, looks: &looks, store: &store };
    // Where the inputs are unknown, an earlier stage is the reason.
    let mut stages = explained.undecided_by(asked);
    stages.insert(asked);
    let mut explanations: Vec<Explanation> = stages.into_iter().map(|index| explained.explain(index)).collect();
    if !arguments.all {
        explanations.iter_mut().for_each(|e| e.fields.retain(|field| field.then != field.now));
    }
    if arguments.json {
        output::print_line(format_args!("{:#}", serde_json::json!(explanations)));
    } else {
        explanations.iter().for_each(|explanation| output::print(&explanation.text()));
    }
    Exit::Done
}

/// Maximum number of stages in a hint.
const MOST_LISTED: usize = 20;

/// Suggestions for an unknown stage: a stage whose name without its kind is the same, one with a similar name, or
/// any.
fn meant(name: &str, names: &[&str]) -> String {
    let of_entry = |stage: &&&str| stage.rsplit_once('.').is_some_and(|(_, entry)| entry == name);
    let own: Vec<&str> = names.iter().filter(of_entry).copied().collect();
    if !own.is_empty() {
        return format!("did you mean {}?", crate::diagnostic::list(&own).replace(" and ", " or "));
    }
    let entries = || names.iter().filter_map(|stage| Some((stage.split_once('.')?.1, *stage)));
    let near = crate::diagnostic::nearest(name, names.iter().copied()).or_else(|| {
        let near = crate::diagnostic::nearest(name, entries().map(|(entry, _)| entry))?;
        entries().find(|(entry, _)| *entry == near).map(|(_, stage)| stage)
    });
    match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.len() <= MOST_LISTED => format!("there is {}", crate::diagnostic::list(names)),
        None => {
            format!("there is {} and more: `lawfit plan` lists them", crate::diagnostic::list(&names[..MOST_LISTED]))
        }
    }
}

/// A plan and the state of its stages in the store.
struct Explained<'a> {
    plan: &'a Plan,
    files: &'a [SpecFile],
    looks: &'a [(Look, Option<String>)],
    store: &'a Store,
}

impl Explained<'_> {
    /// The nearest earlier stages that would run and so determine the inputs of a stage.
    fn undecided_by(&self, index: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        if self.looks[index].0 != Look::Unknown {
            return found;
        }
        for (from, _) in self.plan.inputs(index) {
            match self.looks[from].0 {
                Look::Unknown => found.extend(self.undecided_by(from)),
                Look::Hit(_) => {}
                Look::Miss(_) | Look::Unreadable(_) => {
                    found.insert(from);
                }
            }
        }
        found
    }

    fn explain(&self, index: usize) -> Explanation {
        let stage = self.plan.stage(index);
        let (look, fingerprint) = &self.looks[index];
        let lock = Lock::text_of(&lock_path(&self.files[stage.spec].path)).ok().flatten();
        let locked = lock
            .as_deref()
            .and_then(Lock::read)
            .and_then(|lock| lock.stages.get(&stage.id.within()).map(|locked| locked.key.clone()));
        let then = locked.as_ref().and_then(|key| self.store.record(key)).map(|record| record.fingerprint);
        let note = match (look, fingerprint, &locked, &then) {
            (Look::Unreadable(why), ..) => Some(why.clone()),
            (_, None, ..) => Some("its inputs are unknown until the stages above have run".to_owned()),
            (_, _, None, _) => Some("it is not in the lock file, so there is nothing to compare with".to_owned()),
            (_, _, Some(locked), None) if look.key() != Some(locked) => {
                Some("its key changed, and the earlier fingerprint is no longer in the cache".to_owned())
            }
            _ => None,
        };
        let now = fingerprint.as_deref().map(fields).unwrap_or_default();
        // An unchanged key has the current fingerprint.
        let unchanged = locked.is_some() && look.key() == locked.as_ref();
        let then = if unchanged { now.clone() } else { then.as_deref().map(fields).unwrap_or_default() };
        let names: BTreeSet<&String> =
            if note.is_some() { BTreeSet::new() } else { then.keys().chain(now.keys()).collect() };
        let fields = names
            .into_iter()
            .map(|name| Field {
                field: name.clone(),
                then: then.get(name).cloned(),
                now: now.get(name).cloned(),
                from: self.giver(index, name),
            })
            .collect();
        Explanation { stage: stage.id.to_string(), status: look.name(), note, fields }
    }

    /// The stage or the file that an input comes from.
    fn giver(&self, index: usize, field: &str) -> Option<String> {
        let role = field.strip_prefix("inputs.")?;
        if let Some(file) = role.strip_prefix("file.") {
            let externals = self.plan.stage(index).stage.externals();
            return externals.get(file.parse::<usize>().ok()?).map(|external| external.name().to_owned());
        }
        let inputs = self.plan.inputs(index);
        inputs.iter().find(|(_, edge)| edge.input == role).map(|(from, _)| self.plan.stage(*from).id.to_string())
    }
}

impl Explanation {
    fn text(&self) -> String {
        let changed = self.fields.iter().filter(|field| field.then != field.now).count();
        let verdict = match (self.status, &self.note, changed) {
            (_, Some(note), _) => format!("{}: {note}", self.status),
            ("cached", None, 0) => "in the cache, and agrees with the lock file".to_owned(),
            ("cached", None, _) => "in the cache; since the lock file changed".to_owned(),
            (_, None, 0) => "would run: agrees with the lock file, but is not in the cache".to_owned(),
            _ => "would run, because these changed".to_owned(),
        };
        let mut text = format!("{}: {verdict}\n", self.stage);
        let width = self.fields.iter().map(|field| field.field.chars().count()).max().unwrap_or(0);
        for Field { field, then, now, from } in &self.fields {
            let change = match (then, now) {
                (Some(then), Some(now)) if then == now => shown(now),
                (Some(then), Some(now)) => format!("{} -> {}", shown(then), shown(now)),
                (None, Some(now)) => format!("new, {}", shown(now)),
                (Some(then), None) => format!("removed; it was {}", shown(then)),
                (None, None) => String::new(),
            };
            let from = from.as_ref().map_or(String::new(), |from| format!("  ({from})"));
            let _ = writeln!(text, "  {field:<width$}  {change}{from}");
        }
        text
    }
}

/// A value with shortened digests.
fn shown(value: &str) -> String {
    let short = |prefix: &str| value.strip_prefix(prefix).map(|digest| format!("{prefix}{digest:.12}"));
    short("b3:").or_else(|| short("sha256:")).unwrap_or_else(|| value.to_owned())
}

/// The fields of a fingerprint by their paths.
fn fields(fingerprint: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let Ok(Value::Object(mut parts)) = serde_json::from_str::<Value>(fingerprint) else { return all };
    for input in parts.remove("inputs").and_then(|inputs| inputs.as_array().cloned()).unwrap_or_default() {
        if let (Some(role), Some(digest)) = (input[0].as_str(), input[1].as_str()) {
            all.insert(format!("inputs.{role}"), digest.to_owned());
        }
    }
    parts.iter().for_each(|(name, value)| flatten(name, value, &mut all));
    all
}

fn flatten(path: &str, value: &Value, all: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            entries.iter().for_each(|(name, value)| flatten(&format!("{path}.{name}"), value, all));
        }
        Value::Array(list) if list.iter().any(|v| v.is_object() || v.is_array()) => {
            list.iter().enumerate().for_each(|(index, value)| flatten(&format!("{path}[{index}]"), value, all));
        }
        Value::String(text) => drop(all.insert(path.to_owned(), text.clone())),
        other => drop(all.insert(path.to_owned(), other.to_string())),
    }
}
