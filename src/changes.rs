//! What is otherwise between two states of a study: settings, data, numbers, stages.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use crate::lock::Lock;

/// What is otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Changes {
    /// Settings of the spec.
    pub settings: Vec<SettingChange>,
    /// What was read.
    pub sources: Vec<SourceChange>,
    /// What was found.
    pub numbers: Vec<NumberChange>,
    /// Stages whose settings or inputs are other ones, and those that came or went.
    pub stages: Vec<StageChange>,
}

/// A setting of the spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingChange {
    /// Its path: `fits.main.objective.huber.delta`.
    pub setting: String,
    /// What it was.
    pub then: Option<String>,
    /// What it is.
    pub now: Option<String>,
}

/// A source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceChange {
    /// Its name.
    pub source: String,
    /// Rows it had.
    pub rows_then: Option<usize>,
    /// Rows it has; where as many, their content is another.
    pub rows_now: Option<usize>,
}

/// A number of the results.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NumberChange {
    /// Its name, as expectations have it.
    pub number: String,
    /// What it was.
    pub then: Option<f64>,
    /// What it is.
    pub now: Option<f64>,
    /// Its standard error then; half its interval over 1.645 where it has none.
    pub se: Option<f64>,
    /// How far it moved, in standard errors.
    pub moved: Option<f64>,
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageChange {
    /// Its name.
    pub stage: String,
    /// Whether it was there then.
    pub then: bool,
    /// Whether it is there now.
    pub now: bool,
    /// Whether what it produced is otherwise.
    pub outputs: bool,
}

impl Changes {
    /// What is otherwise in a lock than in an earlier one.
    pub fn between(then: &Lock, now: &Lock) -> Self {
        Self {
            settings: Vec::new(),
            sources: sources(then, now),
            numbers: numbers(then, now),
            stages: stages(then, now),
        }
    }

    /// The changes with those of settings, each given by its path.
    #[must_use]
    pub fn with_settings(mut self, then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Self {
        let paths: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        let changed = paths.into_iter().filter(|path| then.get(*path) != now.get(*path));
        self.settings = changed
            .map(|path| SettingChange {
                setting: path.clone(),
                then: then.get(path).cloned(),
                now: now.get(path).cloned(),
            })
            .collect();
        self
    }

    /// Whether nothing is otherwise.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.sources.is_empty() && self.numbers.is_empty() && self.stages.is_empty()
    }

    /// What moved, a line each: data first, then numbers.
    pub fn moved(&self) -> Vec<String> {
        let sources = self.sources.iter().map(|change| format!("sources.{}: {}", change.source, change.in_words()));
        let numbers = self.numbers.iter().map(|change| format!("{}: {}", change.number, change.in_words()));
        sources.chain(numbers).collect()
    }

    /// Everything that is otherwise, for a terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (title, rows) in self.sections() {
            let _ = writeln!(text, "{title}");
            let width = rows.iter().map(|row| row[0].chars().count()).max().unwrap_or(0);
            for [name, change] in rows {
                let _ = writeln!(text, "  {name:<width$}  {change}");
            }
        }
        if text.is_empty() { "nothing changed\n".to_owned() } else { text }
    }

    /// Everything that is otherwise, for a comment beside a change.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for (title, rows) in self.sections() {
            let _ = writeln!(text, "#### {title}\n\n| | |\n|---|---|");
            for [name, change] in rows {
                let _ = writeln!(text, "| `{}` | {} |", name.replace('|', "\\|"), change.replace('|', "\\|"));
            }
            text.push('\n');
        }
        if text.is_empty() { "Nothing changed.\n".to_owned() } else { text }
    }

    fn sections(&self) -> Vec<(&'static str, Vec<[String; 2]>)> {
        let settings = self.settings.iter().map(|c| [c.setting.clone(), c.in_words()]).collect();
        let sources = self.sources.iter().map(|c| [c.source.clone(), c.in_words()]).collect();
        let numbers = self.numbers.iter().map(|c| [c.number.clone(), c.in_words()]).collect();
        let stages = self.stages.iter().map(|c| [c.stage.clone(), c.in_words().to_owned()]).collect();
        let all: [(&str, Vec<[String; 2]>); 4] =
            [("settings", settings), ("data", sources), ("numbers", numbers), ("stages", stages)];
        all.into_iter().filter(|(_, rows)| !rows.is_empty()).collect()
    }
}

impl SettingChange {
    fn in_words(&self) -> String {
        match (&self.then, &self.now) {
            (Some(then), Some(now)) => format!("{then} -> {now}"),
            (None, Some(now)) => format!("new, {now}"),
            (Some(then), None) => format!("no longer there; it was {then}"),
            (None, None) => String::new(),
        }
    }
}

impl SourceChange {
    fn in_words(&self) -> String {
        match (self.rows_then, self.rows_now) {
            (Some(then), Some(now)) if now > then => format!("{} new rows, {now} in all", now - then),
            (Some(then), Some(now)) if now < then => format!("{} fewer rows, {now} in all", then - now),
            (Some(_), Some(now)) => format!("other content, {now} rows as before"),
            (None, Some(now)) => format!("new, {now} rows"),
            _ => "no longer there".to_owned(),
        }
    }
}

impl NumberChange {
    fn in_words(&self) -> String {
        match (self.then, self.now) {
            (Some(then), Some(now)) => {
                let by = self
                    .moved
                    .map_or_else(|| format!("{:+.2} %", 100.0 * (now / then - 1.0)), |moved| format!("{moved:+.2} se"));
                format!("{} -> {} ({by})", short(then), short(now))
            }
            (None, Some(now)) => format!("new, {}", short(now)),
            _ => "no longer there".to_owned(),
        }
    }
}

impl StageChange {
    const fn in_words(&self) -> &'static str {
        match (self.then, self.now, self.outputs) {
            (true, true, true) => "other settings or inputs, and another result",
            (true, true, false) => "other settings or inputs, the same result",
            (false, _, _) => "new",
            (_, false, _) => "no longer there",
        }
    }
}

/// How far a number may move since the lock.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// The number's name.
    pub number: String,
    /// How far, in the unit.
    pub most: f64,
    /// What that is counted in.
    pub unit: DriftUnit,
}

/// What a drift is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriftUnit {
    /// The number's standard error in the lock.
    StandardErrors,
    /// Hundredths of the number.
    Percent,
}

/// The words between a number and how far it may move.
const MOVED: &str = " moved less than ";

impl Drift {
    /// The drift that a condition is about, where it is about one: `fits.main.alpha moved less than 2 se`.
    ///
    /// # Errors
    /// Where it says so and then something else; in words.
    pub fn parse(text: &str) -> Option<Result<Self, String>> {
        let (number, rest) = text.split_once(MOVED)?;
        let (amount, unit) = rest.trim().rsplit_once(' ').unwrap_or((rest, ""));
        let unit = match unit {
            "se" => DriftUnit::StandardErrors,
            "%" => DriftUnit::Percent,
            _ => return Some(Err("it ends in a number and `se` or `%`: `moved less than 2 se`".to_owned())),
        };
        let most = amount.trim().parse::<f64>().ok().filter(|most| *most > 0.0 && most.is_finite());
        Some(match most {
            Some(most) => Ok(Self { number: number.trim().to_owned(), most, unit }),
            None => Err(format!("`{amount}` is no number above zero")),
        })
    }

    /// Whether a number moved less than that, and how far it did, in words; without an earlier lock it has not moved.
    pub fn judge(&self, then: Option<&Lock>, now: &Lock) -> (bool, String) {
        let Some(then) = then else { return (true, "no lock file to compare with".to_owned()) };
        let (before, after) = (then.numbers.get(&self.number), now.numbers.get(&self.number));
        let (before, after) = match (before, after) {
            (Some(before), Some(after)) => (*before, *after),
            (None, _) => return (true, "no such number in the lock file".to_owned()),
            (Some(before), None) => return (false, format!("{} -> nothing", short(*before))),
        };
        let unit = match self.unit {
            DriftUnit::StandardErrors => then.standard_error(&self.number),
            DriftUnit::Percent => Some(before.abs() / 100.0).filter(|unit| *unit > 0.0),
        };
        let name = if self.unit == DriftUnit::Percent { "%" } else { "se" };
        let values = format!("{} -> {}", short(before), short(after));
        match unit {
            Some(unit) => {
                let moved = (after - before) / unit;
                (moved.abs() < self.most, format!("{values} ({moved:+.2} {name})"))
            }
            // Without a unit only standing still is less than anything.
            None => (before == after, format!("{values}, which has no standard error")),
        }
    }
}

fn sources(then: &Lock, now: &Lock) -> Vec<SourceChange> {
    let names: BTreeSet<&String> = then.sources.keys().chain(now.sources.keys()).collect();
    let changed = names.into_iter().filter(|name| {
        let content = |lock: &Lock| lock.sources.get(*name).map(|s| (s.rows, s.sha256.clone()));
        content(then) != content(now)
    });
    changed
        .map(|name| SourceChange {
            source: name.clone(),
            rows_then: then.sources.get(name).map(|s| s.rows),
            rows_now: now.sources.get(name).map(|s| s.rows),
        })
        .collect()
}

fn numbers(then: &Lock, now: &Lock) -> Vec<NumberChange> {
    let names: BTreeSet<&String> = then.numbers.keys().chain(now.numbers.keys()).collect();
    let changed = names.into_iter().filter(|name| !is_part(name) && then.numbers.get(*name) != now.numbers.get(*name));
    changed
        .map(|name| {
            let (before, after) = (then.numbers.get(name).copied(), now.numbers.get(name).copied());
            let se = then.standard_error(name);
            let moved = before.zip(after).zip(se).map(|((before, after), se)| (after - before) / se);
            NumberChange { number: name.clone(), then: before, now: after, se, moved }
        })
        .collect()
}

fn stages(then: &Lock, now: &Lock) -> Vec<StageChange> {
    // Results alone say nothing of stages.
    if then.stages.is_empty() || now.stages.is_empty() {
        return Vec::new();
    }
    let names: BTreeSet<&String> = then.stages.keys().chain(now.stages.keys()).collect();
    let changed = names.into_iter().filter(|name| then.stages.get(*name) != now.stages.get(*name));
    changed
        .map(|name| {
            let (before, after) = (then.stages.get(name), now.stages.get(name));
            StageChange {
                stage: name.clone(),
                then: before.is_some(),
                now: after.is_some(),
                outputs: before.map(|s| &s.outputs) != after.map(|s| &s.outputs),
            }
        })
        .collect()
}

/// Whether a name is of a number's standard error or interval.
fn is_part(name: &str) -> bool {
    [".se", ".lower", ".upper"].iter().any(|part| name.ends_with(part))
}

fn short(value: f64) -> String {
    if (1e-3..1e6).contains(&value.abs()) { format!("{value:.5}") } else { format!("{value:.4e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(numbers: &[(&str, f64)]) -> Lock {
        let numbers = numbers.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Lock { lock: 1, sources: BTreeMap::new(), numbers, stages: BTreeMap::new() }
    }

    #[test]
    fn a_number_moves_in_units_of_its_standard_error() {
        let then = lock(&[("fits.main.alpha", 0.348), ("fits.main.alpha.se", 0.015), ("fits.main.E", 1.7)]);
        let now = lock(&[("fits.main.alpha", 0.351), ("fits.main.alpha.se", 0.010), ("fits.main.E", 1.7)]);
        let changes = Changes::between(&then, &now);
        assert_eq!(changes.moved(), ["fits.main.alpha: 0.34800 -> 0.35100 (+0.20 se)"]);
        assert!(changes.markdown().contains("| `fits.main.alpha` | 0.34800 -> 0.35100 (+0.20 se) |"));
        assert!(Changes::between(&then, &then).is_empty());
    }

    #[test]
    fn a_drift_is_judged_against_the_lock() {
        let then = lock(&[("fits.main.alpha", 0.348), ("fits.main.alpha.se", 0.015), ("fits.main.E", 2.0)]);
        let now = lock(&[("fits.main.alpha", 0.372), ("fits.main.E", 2.1)]);
        let holds = |text: &str| Drift::parse(text).unwrap().unwrap().judge(Some(&then), &now).0;
        assert!(holds("fits.main.alpha moved less than 2 se"));
        assert!(!holds("fits.main.alpha moved less than 1.5 se"));
        assert!(holds("fits.main.E moved less than 6 %"));
        assert!(!holds("fits.main.E moved less than 4 %"));
        assert!(!holds("fits.main.E moved less than 4 se"), "it has no standard error and moved");
        assert!(Drift::parse("fits.main.E > 4").is_none());
        for wrong in ["x moved less than 2", "x moved less than two se", "x moved less than -1 se"] {
            assert!(Drift::parse(wrong).unwrap().is_err(), "{wrong}");
        }
    }
}
