//! Joins the columns of another source or table, for example runs with their evaluations.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, Step, Transform, Variables, all_known, allow_values, known, listed, take};
use crate::dataset::Dataset;
use crate::diagnostic::numbered;

/// Adds the columns of another source or table to rows that match one of its rows. Rows without a match are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The other source or table.
    pub with: String,
    /// The variables by which rows match; both tables must have them.
    pub on: Vec<String>,
    /// Whether a row may match several rows of the other table. It is then repeated for each of them.
    #[serde(default)]
    pub many: bool,
}

impl Join {
    /// The values by which a row finds its partners.
    fn key(&self, data: &Dataset, row: usize) -> Vec<String> {
        self.on.iter().map(|name| data.text(name, row)).collect()
    }
}

impl Transform for Join {
    fn describe(&self) -> String {
        format!("joined with {} on {}", self.with, listed(&self.on))
    }

    fn other(&self) -> Option<&str> {
        Some(&self.with)
    }

    fn anonymous(&self) -> Option<Step> {
        Some(Step::Join(Self { with: String::new(), ..self.clone() }))
    }

    fn variables(&self, before: &Variables, other: &Variables) -> Result<Variables, Fault> {
        if self.on.is_empty() {
            return Err(Fault::new("on", "`on` must name at least one variable"));
        }
        all_known("on", &self.on, before)?;
        for name in &self.on {
            let (own, others) = (known("on", name, before)?, known("on", name, other)?);
            if !own.can_be(others) && !others.can_be(own) {
                return Err(Fault::new(
                    "on",
                    format!("`{name}` is {} here and {} in `{}`", own.describe(), others.describe(), self.with),
                ));
            }
        }
        let mut variables = before.clone();
        for (name, kind) in other.iter().filter(|(name, _)| !self.on.contains(name)) {
            if variables.insert(name.clone(), *kind).is_some() {
                return Err(Fault::new("with", format!("both have a variable `{name}`"))
                    .hint("give it another name in one of the sources, or join on it"));
            }
        }
        Ok(variables)
    }

    fn left_out(&self, data: &Dataset, other: Option<&Dataset>) -> Option<String> {
        let other = other?;
        let partners: BTreeSet<Vec<String>> = (0..other.rows()).map(|row| self.key(other, row)).collect();
        let lost = (0..data.rows()).filter(|&row| !partners.contains(&self.key(data, row))).count();
        (lost > 0).then(|| format!("{lost} of {} have no partner and are left out", numbered(data.rows(), "row")))
    }

    fn apply(&self, data: &Dataset, other: Option<&Dataset>, most: usize) -> Result<Dataset, Fault> {
        let missing = || Fault::new("with", "the other table is not there");
        let other = other.ok_or_else(missing)?;
        let key = |data: &Dataset, row: usize| self.key(data, row);
        let mut places: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
        (0..other.rows()).for_each(|row| places.entry(key(other, row)).or_default().push(row));
        let variables = data.columns().len() + other.columns().len() - self.on.len().min(other.columns().len());
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for row in 0..data.rows() {
            let own = key(data, row);
            let found = places.get(&own).map(Vec::as_slice).unwrap_or_default();
            if found.len() > 1 && !self.many {
                let message = format!("{} agrees with {} rows of `{}`", listed(&own), found.len(), self.with);
                return Err(Fault::new("on", message)
                    .hint("join on more variables, keep one of them with `best` or `dedupe`, or write `many = true`"));
            }
            pairs.extend(found.iter().map(|&other| (row, other)));
            allow_values(pairs.len(), variables, most)?;
        }
        if pairs.is_empty() && data.rows() > 0 && other.rows() > 0 {
            let shown = |data: &Dataset| listed(&key(data, 0));
            let message = format!("no row agrees with one of `{}` in {}", self.with, listed(&self.on));
            return Err(Fault::new("on", message).hint(format!(
                "the first row here has {}, the first one there {}",
                shown(data),
                shown(other)
            )));
        }
        let rows: Vec<usize> = pairs.iter().map(|pair| pair.0).collect();
        let mut table = data.select(&rows);
        for (name, column) in other.columns().iter().filter(|(name, _)| !self.on.contains(name)) {
            table.insert(name, take(column, pairs.iter().map(|pair| Some(pair.1))));
        }
        Ok(table)
    }
}
