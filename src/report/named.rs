//! Parses names of numbers in results, such as `queries.budget.row2.N`.

/// The parts of a name within the answers of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedAnswer<'a> {
    /// The row, counted from 0, if the name has one.
    pub row: Option<usize>,
    /// The rest: an output, optionally with an end of its interval. Empty for an answer as a whole.
    pub output: &'a str,
}

impl<'a> NamedAnswer<'a> {
    /// Parses a name; `None` if it does not belong to the query.
    pub fn of(name: &'a str, query: &str) -> Option<Self> {
        let rest = name.strip_prefix("queries.")?.strip_prefix(query)?;
        if rest.is_empty() {
            return Some(Self { row: None, output: "" });
        }
        let rest = rest.strip_prefix('.')?;
        let (first, others) = rest.split_once('.').unwrap_or((rest, ""));
        let row = first.strip_prefix("row").and_then(|row| row.parse::<usize>().ok()?.checked_sub(1));
        Some(if row.is_some() { Self { row, output: others } } else { Self { row, output: rest } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_a_query_its_row_and_its_output() {
        let of = |name| NamedAnswer::of(name, "budget");
        assert_eq!(of("queries.budget"), Some(NamedAnswer { row: None, output: "" }));
        assert_eq!(of("queries.budget.row2"), Some(NamedAnswer { row: Some(1), output: "" }));
        assert_eq!(of("queries.budget.row2.N.lower"), Some(NamedAnswer { row: Some(1), output: "N.lower" }));
        assert_eq!(of("queries.budget.N"), Some(NamedAnswer { row: None, output: "N" }));
        assert_eq!(of("queries.budget.row0.N"), Some(NamedAnswer { row: None, output: "row0.N" }));
        assert_eq!([of("queries.budgets.N"), of("fits.budget.N")], [None, None]);
    }
}
