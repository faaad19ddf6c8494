//! Differences between two states of a study: settings, data, numbers, stages.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use crate::diagnostic::numbered;
use crate::expectation::Measure;
use crate::lock::Lock;
use crate::numeral::rounded;

/// The differences.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Changes {
    /// Settings of the spec.
    pub settings: Vec<SettingChange>,
    /// Sources.
    pub sources: Vec<SourceChange>,
    /// Results.
    pub numbers: Vec<NumberChange>,
    /// Stages with other settings or inputs, and stages that were added or removed.
    pub stages: Vec<StageChange>,
}

/// A changed setting of the spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingChange {
    /// Its path: `fits.main.objective.huber.delta`.
    pub setting: String,
    /// Earlier value.
    pub then: Option<String>,
    /// Later value.
    pub now: Option<String>,
}

/// A changed source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceChange {
    /// Name.
    pub source: String,
    /// Earlier number of rows.
    pub rows_then: Option<usize>,
    /// Later number of rows. Equal numbers mean that the content changed.
    pub rows_now: Option<usize>,
}

/// A changed number of the results.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NumberChange {
    /// Name, as in expectations.
    pub number: String,
    /// Earlier value.
    pub then: Option<f64>,
    /// Later value.
    pub now: Option<f64>,
    /// Ends of the earlier interval, where there is one.
    pub interval_then: [Option<f64>; 2],
    /// Ends of the later interval.
    pub interval_now: [Option<f64>; 2],
    /// Whether the earlier rows did not identify it.
    pub unidentified_then: bool,
    /// Whether the later rows do not identify it.
    pub unidentified_now: bool,
    /// Earlier standard error in its own unit, from the interval where there is no other.
    pub se: Option<f64>,
    /// Earlier standard error as a factor.
    pub factor: Option<f64>,
    /// Change in standard errors, on the scale of the standard error that is given.
    pub moved: Option<f64>,
}

/// A changed stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageChange {
    /// Name.
    pub stage: String,
    /// Whether it was present before.
    pub then: bool,
    /// Whether it is present now.
    pub now: bool,
    /// Whether its outputs differ.
    pub outputs: bool,
}

impl Changes {
    /// Differences between two locks. A lock of an earlier version is converted first.
    pub fn between(then: &Lock, now: &Lock) -> Self {
        let (then, now) = (&then.clone().migrated(now), &now.clone().migrated(then));
        Self {
            settings: Vec::new(),
            sources: sources(then, now),
            numbers: numbers(then, now),
            stages: stages(then, now),
        }
    }

    /// Adds differences of settings, which are given by path.
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

    /// Whether there is no difference.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.sources.is_empty() && self.numbers.is_empty() && self.stages.is_empty()
    }

    /// Differences of data and of numbers, one line each.
    pub fn moved(&self) -> Vec<String> {
        let sources = self.sources.iter().map(|change| format!("sources.{}: {}", change.source, change.in_words()));
        let numbers = self.numbers.iter().map(|change| format!("{}: {}", change.number, change.in_words()));
        sources.chain(numbers).collect()
    }

    /// All differences as text for a terminal.
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

    /// All differences in Markdown, for a comment on a pull request; numbers are a table with intervals.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for (title, rows) in self.sections() {
            if title == NUMBERS {
                self.table_of_numbers(&mut text);
                continue;
            }
            let _ = writeln!(text, "#### {title}\n\n| | |\n|---|---|");
            for [name, change] in rows {
                let _ = writeln!(text, "| `{}` | {} |", name.replace('|', "\\|"), change.replace('|', "\\|"));
            }
            text.push('\n');
        }
        if text.is_empty() { "Nothing changed.\n".to_owned() } else { text }
    }

    /// All differences as an HTML page.
    pub fn html(&self) -> String {
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let mut body = String::new();
        for (title, rows) in self.sections() {
            let _ = writeln!(body, "<h2>{title}</h2>\n<table>");
            for [name, change] in rows {
                let _ =
                    writeln!(body, "<tr><td><code>{}</code></td><td>{}</td></tr>", escaped(&name), escaped(&change));
            }
            body.push_str("</table>\n");
        }
        if body.is_empty() {
            body.push_str("<p>Nothing changed.</p>\n");
        }
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>What changed</title>\n<style>\n:root {{ color-scheme: light dark; }}\nbody {{ font: 16px/1.5 system-ui, sans-serif; max-width: 900px; margin: 0 auto; padding: 2em 1.5em; }}\ntable {{ border-collapse: collapse; width: 100%; }}\ntd {{ border-bottom: 1px solid #8885; padding: .35em .7em .35em 0; vertical-align: top; overflow-wrap: anywhere; }}\n</style>\n</head>\n<body>\n<main>\n<h1>What changed</h1>\n{body}</main>\n</body>\n</html>\n"
        )
    }

    fn sections(&self) -> Vec<(&'static str, Vec<[String; 2]>)> {
        let settings = self.settings.iter().map(|c| [c.setting.clone(), c.in_words()]).collect();
        let sources = self.sources.iter().map(|c| [c.source.clone(), c.in_words()]).collect();
        let numbers = self.numbers.iter().map(|c| [c.number.clone(), c.in_words()]).collect();
        let stages = self.stages.iter().map(|c| [c.stage.clone(), c.in_words().to_owned()]).collect();
        let all: [(&str, Vec<[String; 2]>); 4] =
            [("settings", settings), ("data", sources), (NUMBERS, numbers), ("stages", stages)];
        all.into_iter().filter(|(_, rows)| !rows.is_empty()).collect()
    }

    /// Writes the changed numbers with both intervals and the size of each change, the largest change first. All but the
    /// first few are folded.
    fn table_of_numbers(&self, text: &mut String) {
        const HEAD: &str = "| number | then | now | moved |\n|---|---|---|---|";
        let mut all: Vec<&NumberChange> = self.numbers.iter().collect();
        all.sort_by(|one, other| other.size().total_cmp(&one.size()));
        let (shown, folded) = all.split_at(all.len().min(MOST_SHOWN));
        let rows = |changes: &[&NumberChange]| changes.iter().map(|change| self.row(change)).collect::<String>();
        let _ = writeln!(text, "#### {NUMBERS}\n\n{HEAD}\n{}", rows(shown));
        if !folded.is_empty() {
            let count = numbered(folded.len(), "smaller change");
            let _ = writeln!(text, "<details><summary>{count}</summary>\n\n{HEAD}\n{}\n</details>\n", rows(folded));
        }
    }

    /// A changed number as a row of a table.
    fn row(&self, change: &NumberChange) -> String {
        let [then, now] = change.states();
        let moved = match (change.then, change.now) {
            _ if self.is_of_other_objective(&change.number) => "another objective".to_owned(),
            (Some(before), Some(after)) if before == after => "the interval alone".to_owned(),
            (Some(before), Some(after)) => change.by(before, after),
            (None, Some(_)) if !change.unidentified_then => "new".to_owned(),
            (Some(_), None) if !change.unidentified_now => "no longer there".to_owned(),
            _ => String::new(),
        };
        format!("| `{}` | {then} | {now} | {moved} |\n", change.number.replace('|', "\\|"))
    }

    /// Whether a number is the value of an objective that the spec has changed, so that the two cannot be compared.
    fn is_of_other_objective(&self, number: &str) -> bool {
        let is_its =
            |setting: &str| setting.strip_prefix(number).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        number.ends_with(".objective") && self.settings.iter().any(|change| is_its(&change.setting))
    }
}

/// Number of changed numbers that are not folded in Markdown.
const MOST_SHOWN: usize = 15;

/// Heading of the numbers.
const NUMBERS: &str = "numbers";

impl SettingChange {
    fn in_words(&self) -> String {
        match (&self.then, &self.now) {
            (Some(then), Some(now)) => format!("{then} -> {now}"),
            (None, Some(now)) => format!("new, {now}"),
            (Some(then), None) => format!("removed; it was {then}"),
            (None, None) => String::new(),
        }
    }
}

impl SourceChange {
    fn in_words(&self) -> String {
        match (self.rows_then, self.rows_now) {
            (Some(then), Some(now)) if now > then => format!("{} new rows, {now} in total", now - then),
            (Some(then), Some(now)) if now < then => format!("{} fewer rows, {now} in total", then - now),
            (Some(_), Some(now)) => format!("content changed, {now} rows as before"),
            (None, Some(now)) => format!("new, {now} rows"),
            _ => "no longer there".to_owned(),
        }
    }
}

impl NumberChange {
    fn of(name: &str, then: &Lock, now: &Lock) -> Self {
        let ends = |lock: &Lock| ["lower", "upper"].map(|part| lock.part(name, part));
        let (before, after) = (then.numbers.get(name).copied(), now.numbers.get(name).copied());
        let measure = then.measure(name).ok();
        let moved = before.zip(after).zip(measure).map(|((before, after), measure)| measure.moved(before, after));
        Self {
            number: name.to_owned(),
            then: before,
            now: after,
            interval_then: ends(then),
            interval_now: ends(now),
            unidentified_then: then.unidentified.contains(name),
            unidentified_now: now.unidentified.contains(name),
            se: measure.and_then(|measure| if let Measure::Plain(se) = measure { Some(se) } else { None }),
            factor: measure.and_then(|measure| if let Measure::Factor(factor) = measure { Some(factor) } else { None }),
            moved: moved.filter(|moved| moved.is_finite()),
        }
    }

    /// The size of the change for sorting: infinite where one side has no value, in standard errors, or in percent where
    /// there are none.
    fn size(&self) -> f64 {
        match (self.then, self.now, self.moved) {
            (Some(_), Some(_), Some(moved)) => moved.abs(),
            (Some(then), Some(now), None) => (100.0 * (now / then - 1.0)).abs(),
            _ => f64::INFINITY,
        }
    }

    /// Whether a value, its interval or its identification differs.
    fn is_change(&self) -> bool {
        (self.then, self.interval_then, self.unidentified_then) != (self.now, self.interval_now, self.unidentified_now)
    }

    /// The earlier and the later number with their intervals.
    fn states(&self) -> [String; 2] {
        let state = |value: Option<f64>, ends, unidentified| match value {
            Some(value) => format!("{}{}", rounded(value, 6), interval(ends)),
            None if unidentified => "not identified".to_owned(),
            None => "nothing".to_owned(),
        };
        [
            state(self.then, self.interval_then, self.unidentified_then),
            state(self.now, self.interval_now, self.unidentified_now),
        ]
    }

    fn in_words(&self) -> String {
        let [then, now] = self.states();
        match (self.then, self.now) {
            (Some(before), Some(after)) if before == after => format!("{then} -> {now} (only the interval)"),
            (Some(before), Some(after)) => format!("{then} -> {now} ({})", self.by(before, after)),
            (Some(_) | None, None) if !self.unidentified_now => "no longer there".to_owned(),
            (None, _) if !self.unidentified_then => format!("new, {now}"),
            _ => format!("{then} -> {now}"),
        }
    }

    /// The size of the change.
    fn by(&self, then: f64, now: f64) -> String {
        match (self.moved, self.factor) {
            (Some(moved), Some(factor)) => format!("{moved:+.2} se, each a factor of {factor:.3}"),
            (Some(moved), None) => format!("{moved:+.2} se"),
            (None, _) => format!("{:+.2} %", 100.0 * (now / then - 1.0)),
        }
    }
}

/// The ends of an interval, as a suffix to a number.
fn interval(ends: [Option<f64>; 2]) -> String {
    match ends {
        [None, None] => String::new(),
        [Some(lower), Some(upper)] => format!(" [{}, {}]", rounded(lower, 6), rounded(upper, 6)),
        [Some(lower), None] => format!(" [{}, no upper end]", rounded(lower, 6)),
        [None, Some(upper)] => format!(" [no lower end, {}]", rounded(upper, 6)),
    }
}

impl StageChange {
    const fn in_words(&self) -> &'static str {
        match (self.then, self.now, self.outputs) {
            (true, true, true) => "settings or inputs changed, and the result changed",
            (true, true, false) => "settings or inputs changed, the result did not",
            (false, _, _) => "new",
            (_, false, _) => "no longer there",
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
    let locks = [then, now];
    let names = locks.iter().flat_map(|lock| lock.numbers.keys().filter(|name| lock.whole(name) == *name));
    let names: BTreeSet<&String> = names.chain(locks.iter().flat_map(|lock| &lock.unidentified)).collect();
    names.into_iter().map(|name| NumberChange::of(name, then, now)).filter(NumberChange::is_change).collect()
}

fn stages(then: &Lock, now: &Lock) -> Vec<StageChange> {
    // Results without a lock contain no stages.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expectation::Drift;

    fn lock(numbers: &[(&str, f64)], unidentified: &[&str]) -> Lock {
        Lock {
            numbers: numbers.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
            unidentified: unidentified.iter().map(|name| (*name).to_owned()).collect(),
            levels: BTreeMap::from([("queries.q".to_owned(), 0.5)]),
            ..Lock::of_pins(BTreeMap::new())
        }
    }

    #[test]
    fn a_number_moves_in_units_of_its_standard_error() {
        let then = lock(&[("fits.main.alpha", 0.348), ("fits.main.alpha.se", 0.015), ("fits.main.E", 1.7)], &[]);
        let now = lock(&[("fits.main.alpha", 0.351), ("fits.main.alpha.se", 0.010), ("fits.main.E", 1.7)], &[]);
        let changes = Changes::between(&then, &now);
        assert_eq!(changes.moved(), ["fits.main.alpha: 0.348 -> 0.351 (+0.20 se)"]);
        assert!(changes.markdown().contains("| `fits.main.alpha` | 0.348 | 0.351 | +0.20 se |"));
        assert!(changes.html().contains("<td><code>fits.main.alpha</code></td><td>0.348 -&gt; 0.351 (+0.20 se)</td>"));
        assert!(Changes::between(&then, &then).is_empty());
    }

    #[test]
    fn the_largest_changes_come_first_and_small_ones_are_folded() {
        let name = |i: usize| format!("queries.q.row{i}.loss");
        let names: Vec<String> = (0..20).flat_map(|i| [name(i), format!("{}.se", name(i))]).collect();
        let with = |step: f64| -> Vec<(&str, f64)> {
            let value = |(at, name)| (String::as_str(name), if at % 2 == 0 { 2.0 + step * at as f64 } else { 0.1 });
            names.iter().enumerate().map(value).collect()
        };
        let setting = |text: &str| BTreeMap::from([("fits.main.objective.huber.delta".to_owned(), text.to_owned())]);
        let [mut then, mut now] = [lock(&with(0.0), &[]), lock(&with(0.01), &[])];
        then.numbers.insert("fits.main.objective".to_owned(), 1.0);
        now.numbers.insert("fits.main.objective".to_owned(), 9.0);
        let markdown = Changes::between(&then, &now).with_settings(&setting("1e-3"), &setting("1e-2")).markdown();
        let place = |text: &str| markdown.find(text).unwrap_or_else(|| panic!("{text}: {markdown}"));
        assert!(place("`fits.main.objective` | 1 | 9 | another objective") < place(&name(19)), "{markdown}");
        assert!(place(&name(19)) < place(&name(10)) && place(&name(10)) < place("<details>"), "{markdown}");
        assert!(place("5 smaller changes") < place(&format!("`{}`", name(1))), "{markdown}");
    }

    #[test]
    fn a_number_whose_standard_error_is_a_factor_moves_in_factors() {
        let then = lock(&[("fits.main.A", 100.0), ("fits.main.A.factor", 2.0), ("fits.main.A.se", 75.0)], &[]);
        let now = lock(&[("fits.main.A", 800.0), ("fits.main.A.factor", 1.5)], &[]);
        assert_eq!(
            Changes::between(&then, &now).moved(),
            ["fits.main.A: 100 -> 800 (+3.00 se, each a factor of 2.000)"]
        );
    }

    #[test]
    fn moved_numbers_have_their_interval_ends_and_moved_ends_count() {
        let then = lock(
            &[("queries.q.row1.loss", 2.0), ("queries.q.row1.loss.lower", 1.0), ("queries.q.row1.loss.upper", 4.0)],
            &[],
        );
        let mut now = then.clone();
        now.numbers.insert("queries.q.row1.loss.upper".to_owned(), 5.0);
        assert_eq!(
            Changes::between(&then, &now).moved(),
            ["queries.q.row1.loss: 2 [1, 4] -> 2 [1, 5] (only the interval)"]
        );
        now.numbers.insert("queries.q.row1.loss".to_owned(), 4.0);
        now.numbers.remove("queries.q.row1.loss.upper");
        // Half of the draws lie within a factor of two, so a normal distribution of the logarithm has a deviation of
        // ln 2 / 0.674.
        assert_eq!(
            Changes::between(&then, &now).moved(),
            ["queries.q.row1.loss: 2 [1, 4] -> 4 [1, no upper end] (+0.67 se, each a factor of 2.795)"]
        );
    }

    #[test]
    fn a_number_that_is_no_longer_identified_has_changed() {
        let then = lock(&[("fits.main.A", 376.0)], &[]);
        let now = lock(&[], &["fits.main.A"]);
        assert_eq!(Changes::between(&then, &now).moved(), ["fits.main.A: 376 -> not identified"]);
        assert_eq!(Changes::between(&now, &then).moved(), ["fits.main.A: not identified -> 376"]);
        assert!(Changes::between(&now, &now).is_empty());
    }

    #[test]
    fn a_drift_is_judged_against_the_lock() {
        let then = lock(&[("fits.main.alpha", 0.348), ("fits.main.alpha.se", 0.015), ("fits.main.E", 2.0)], &[]);
        let now = lock(&[("fits.main.alpha", 0.372), ("fits.main.E", 2.1)], &[]);
        let holds = |text: &str| {
            let drift = Drift::parse(text).unwrap().unwrap();
            drift.judge(Some(&then.moved(&now, &drift.number))).0
        };
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

    #[test]
    fn a_drift_of_an_unidentified_number_fails_with_the_reason() {
        let drift = Drift::parse("fits.main.A moved less than 2 se").unwrap().unwrap();
        let told = lock(&[("fits.main.A", 376.0), ("fits.main.A.factor", 2.0)], &[]);
        let not_told = lock(&[], &["fits.main.A"]);
        let unsure = lock(&[("fits.main.A", 376.0), ("fits.main.A.se", f64::INFINITY)], &[]);
        let far = lock(&[("fits.main.A", 1.3e11), ("fits.main.A.factor", 2.0)], &[]);
        let judged = |then: &Lock, now: &Lock| drift.judge(Some(&then.moved(now, &drift.number)));
        assert!(judged(&told, &told).0);
        for (then, now, reason) in [
            (&told, &not_told, "it is not identified"),
            (&not_told, &not_told, "it is not identified"),
            (&not_told, &told, "it was not identified"),
            (&unsure, &told, "its standard error is not finite"),
            (&told, &far, "+28.37 se, each a factor of 2.000"),
        ] {
            let (holds, found) = judged(then, now);
            assert!(found.contains(reason), "{found}");
            assert_eq!(holds, then == &unsure && now == &told, "{found}");
        }
    }
}
