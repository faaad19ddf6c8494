//! Derives new variables from existing ones.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::known_symbols;
use super::{Fault, Transform, Variables, allow_values};
use crate::dataset::Dataset;
use crate::expr::{Expr, Kind, parse};

/// New variables, each an expression of the variables before the step. A name that exists is replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Derive(pub BTreeMap<String, String>);

impl Derive {
    fn expressions(&self) -> impl Iterator<Item = Result<(&String, Expr), Fault>> {
        self.0.iter().map(|(name, text)| {
            let expr = parse(text).map_err(|error| Fault {
                key: None,
                message: format!("{name} = {text}: {}", error.message),
                hint: error.hint,
            })?;
            Ok((name, expr))
        })
    }
}

impl Transform for Derive {
    fn describe(&self) -> String {
        let all: Vec<String> = self.0.iter().map(|(name, text)| format!("{name} = {text}")).collect();
        all.join(", ")
    }

    fn redefined(&self) -> Vec<&String> {
        self.0.keys().collect()
    }

    fn variables(&self, before: &Variables, _: &Variables) -> Result<Variables, Fault> {
        let mut variables = before.clone();
        for found in self.expressions() {
            let (name, expr) = found?;
            let fault =
                |message: String| Fault { key: None, message: format!("{name} = {expr}: {message}"), hint: None };
            if !crate::expr::is_plain_name(name) || name.contains('.') {
                return Err(fault(format!("`{name}` cannot be the name of a variable")));
            }
            known_symbols(&format!("{name} = {expr}"), &expr, before)?;
            let kind = expr.kind(&|name: &String| before.get(name).copied().unwrap_or(Kind::Number));
            let kind = kind.map_err(|error| {
                fault(format!("expected {}, found {}", error.expected.describe(), error.found.describe()))
            })?;
            variables.insert(name.clone(), if kind == Kind::Truth { Kind::Number } else { kind });
        }
        Ok(variables)
    }

    fn apply(&self, data: &Dataset, _: Option<&Dataset>, most: usize) -> Result<Dataset, Fault> {
        let added = self.0.keys().filter(|name| !data.columns().contains_key(*name)).count();
        allow_values(data.rows(), data.columns().len() + added, most)?;
        let mut table = data.clone();
        for found in self.expressions() {
            let (name, expr) = found?;
            let column = data.evaluate(&expr).ok_or_else(|| Fault {
                key: None,
                message: format!("{name} = {expr} cannot be evaluated"),
                hint: None,
            })?;
            table.insert(name, column);
        }
        Ok(table)
    }
}
