//! Candidate runs that the rows of a table describe.

use std::collections::{BTreeMap, BTreeSet};

use super::candidates::{Candidate, LeftOut, some_within};
use super::settings::Candidates;
use super::terms::Terms;
use crate::law::Roles;
use crate::query::RunCost;

/// The runs of a table, as columns of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pool {
    /// The variables of the laws that the table has; `NaN` where a cell is empty.
    pub variables: BTreeMap<String, Vec<f64>>,
    /// Training compute of each run; `None` if it follows from model size and data.
    pub flop: Option<Vec<f64>>,
    /// The names of the runs.
    pub names: Option<Vec<String>>,
}

impl Pool {
    /// The runs that the machine and the limits on a single run allow, and the number of excluded runs. `cost` is that
    /// of a run of a model size and data.
    ///
    /// # Errors
    /// No run is within the limits, or there are too many.
    pub fn list(
        &self,
        candidates: &Candidates,
        terms: &Terms,
        (cost, roles): (&RunCost, &Roles),
    ) -> Result<(Vec<Candidate>, LeftOut), String> {
        let (mut found, mut names, mut left_out) = (Vec::new(), BTreeSet::new(), LeftOut::new());
        for row in 0..self.rows() {
            match self.run(row, cost, roles).and_then(|run| candidates.allowed(run, terms)) {
                Ok(run) if names.insert(run.name(1)) => found.push(run),
                Ok(_) => *left_out.entry("with the name of another".to_owned()).or_default() += 1,
                Err(reason) => *left_out.entry(reason).or_default() += 1,
            }
        }
        some_within(found, left_out)
    }

    /// Number of rows.
    fn rows(&self) -> usize {
        self.variables.values().next().map_or(0, Vec::len)
    }

    fn run(&self, row: usize, cost: &RunCost, roles: &Roles) -> Result<Candidate, String> {
        let mut values: BTreeMap<String, f64> =
            self.variables.iter().map(|(name, column)| (name.clone(), column[row])).collect();
        if let Some((name, _)) = values.iter().find(|(_, value)| !value.is_finite()) {
            return Err(format!("without a value of `{name}`"));
        }
        let mut taken = |name: Option<&str>| name.and_then(|name| values.remove(name)).unwrap_or(f64::NAN);
        let (size, data) = (taken(roles.size.as_deref()), taken(roles.data.as_deref()));
        let flop = self.flop.as_ref().map_or_else(|| cost.flop(size, data), |column| column[row]);
        if !(flop > 0.0 && flop.is_finite()) {
            return Err("without a positive cost".to_owned());
        }
        let label = self.names.as_ref().map(|names| names[row].clone()).filter(|name| !name.is_empty());
        Ok(Candidate { size, data, others: values, label, flop, trunk: row, ..Candidate::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::terms::of_flop;

    fn terms(flop: f64) -> Terms {
        of_flop(flop, 1)
    }

    fn pool() -> Pool {
        let columns =
            [("N", [1e8, 1e8, 1e9, f64::NAN]), ("D", [2e9, 2e9, 2e10, 1e9]), ("lr", [1e-3, 2e-3, 1e-3, 1e-3])];
        let variables = columns.into_iter().map(|(name, column)| (name.to_owned(), column.to_vec())).collect();
        Pool { variables, flop: None, names: None }
    }

    #[test]
    fn a_row_is_a_run_with_the_cost_of_its_sizes_unless_its_cost_is_given() {
        let listed = |pool: &Pool, budget: f64| {
            let (cost, roles) = (RunCost::default(), Roles::default());
            pool.list(&Candidates::default(), &terms(budget), (&cost, &roles)).unwrap()
        };
        let (runs, left_out) = listed(&pool(), 1e20);
        assert_eq!(runs.iter().map(|run| run.flop).collect::<Vec<_>>(), [6.0 * 1e8 * 2e9; 2]);
        assert_eq!(runs[0].name(1), "n1.000e8-d2.000e9-lr1.000e-3");
        let reasons: Vec<(&str, usize)> = left_out.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
        assert_eq!(reasons, [("dearer than the whole budget", 1), ("without a value of `N`", 1)]);
        let priced = Pool { flop: Some(vec![1.0, 2.0, 3.0, 4.0]), ..pool() };
        assert_eq!(listed(&priced, 10.0).0.iter().map(|run| run.flop).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn a_law_without_sizes_has_runs_of_its_own_variables() {
        let variables = [("lr".to_owned(), vec![1e-3, 2e-3])].into_iter().collect();
        let names = Some(vec!["a-2".to_owned(), "a".to_owned()]);
        let pool = Pool { variables, flop: Some(vec![1e18; 2]), names };
        let roles = Roles { size: None, data: None, ..Roles::default() };
        let (runs, _) = pool.list(&Candidates::default(), &terms(1e20), (&RunCost::default(), &roles)).unwrap();
        assert_eq!(runs.iter().map(|run| run.name(1)).collect::<Vec<_>>(), ["a-2", "a"]);
        assert!(runs[0].size.is_nan() && runs[0].ratio().is_nan() && !runs[0].is_same(&runs[1]));
    }
}
