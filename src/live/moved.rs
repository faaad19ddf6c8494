//! Differences between two snapshots: new, changed and removed rows or runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::artifact::Digest;
use crate::source::{Cell, Columns};

/// The numbers of new, changed and removed rows or runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Rows or runs only in the later snapshot.
    pub new: usize,
    /// Rows or runs with other values.
    pub changed: usize,
    /// Rows or runs only in the earlier snapshot.
    pub gone: usize,
    /// Number of rows or runs in the later snapshot.
    pub total: usize,
}

/// What identifies a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKey<'a> {
    /// The values of these columns. All rows with equal values belong to one run.
    Columns(&'a [usize]),
    /// The whole content of the row and, for changed rows, its position.
    Content,
}

/// The differences between two tables with the same columns.
pub fn moved(before: &Columns, after: &Columns, key: RowKey<'_>) -> Moved {
    match key {
        RowKey::Columns(places) => by_key(&grouped(before, places), &grouped(after, places)),
        RowKey::Content => by_content(&rows(before), &rows(after)),
    }
}

/// The text of a row. Different rows have different texts.
fn row(columns: &Columns, at: usize) -> String {
    columns.iter().fold(String::new(), |mut text, column| {
        match column.get(at) {
            Some(Cell::Number(number)) => drop(write!(text, "n{:016x}", number.to_bits())),
            Some(Cell::Text(cell)) => drop(write!(text, "t{}:{cell}", cell.len())),
            Some(Cell::Empty) | None => text.push('e'),
        }
        text
    })
}

fn rows(columns: &Columns) -> Vec<Digest> {
    (0..columns.first().map_or(0, Vec::len)).map(|at| Digest::of(row(columns, at).as_bytes())).collect()
}

/// The digest of each run, by its key.
fn grouped(columns: &Columns, key: &[usize]) -> BTreeMap<Vec<String>, Digest> {
    let mut texts: BTreeMap<Vec<String>, String> = BTreeMap::new();
    for at in 0..columns.first().map_or(0, Vec::len) {
        let name = key.iter().map(|&place| columns[place][at].text()).collect();
        let text = texts.entry(name).or_default();
        text.push_str(&row(columns, at));
        text.push('\n');
    }
    texts.into_iter().map(|(name, text)| (name, Digest::of(text.as_bytes()))).collect()
}

fn by_key(before: &BTreeMap<Vec<String>, Digest>, after: &BTreeMap<Vec<String>, Digest>) -> Moved {
    let mut moved = Moved { total: after.len(), ..Moved::default() };
    for (name, content) in after {
        match before.get(name) {
            None => moved.new += 1,
            Some(earlier) if earlier != content => moved.changed += 1,
            Some(_) => {}
        }
    }
    moved.gone = before.keys().filter(|name| !after.contains_key(*name)).count();
    moved
}

/// Differences of rows without a key. A row in both tables is unchanged, at any position. Two other rows at the same position
/// count as one changed row.
fn by_content(before: &[Digest], after: &[Digest]) -> Moved {
    let mut there: BTreeMap<&Digest, usize> = BTreeMap::new();
    before.iter().for_each(|row| *there.entry(row).or_default() += 1);
    let mut is_same = vec![false; after.len()];
    for (row, same) in after.iter().zip(&mut is_same) {
        if let Some(count) = there.get_mut(row).filter(|count| **count > 0) {
            (*count, *same) = (*count - 1, true);
        }
    }
    let lost: Vec<usize> = (0..before.len())
        .rev()
        .filter(|&at| {
            let count = there.entry(&before[at]).or_default();
            let is_lost = *count > 0;
            *count = count.saturating_sub(1);
            is_lost
        })
        .collect();
    let come = is_same.iter().filter(|same| !**same).count();
    let changed = lost.iter().filter(|&&at| is_same.get(at) == Some(&false)).count();
    Moved { new: come - changed, changed, gone: lost.len() - changed, total: after.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, f64)]) -> Columns {
        vec![
            rows.iter().map(|(name, _)| Cell::Text((*name).to_owned())).collect(),
            rows.iter().map(|(_, value)| Cell::Number(*value)).collect(),
        ]
    }

    fn counts(moved: Moved) -> [usize; 4] {
        [moved.new, moved.changed, moved.gone, moved.total]
    }

    #[test]
    fn runs_are_compared_by_their_names_with_all_their_steps() {
        let before = table(&[("a", 3.0), ("a", 2.0), ("b", 3.0), ("c", 1.0)]);
        let after = table(&[("b", 3.0), ("a", 3.0), ("a", 2.0), ("a", 1.5), ("d", 9.0)]);
        assert_eq!(counts(moved(&before, &after, RowKey::Columns(&[0]))), [1, 1, 1, 3]);
    }

    #[test]
    fn rows_without_a_key_are_compared_by_what_they_hold_and_then_by_their_place() {
        let before = table(&[("a", 1.0), ("b", 2.0), ("b", 2.0), ("c", 3.0)]);
        let content = |after: &[(&str, f64)]| counts(moved(&before, &table(after), RowKey::Content));
        assert_eq!(content(&[("a", 1.0), ("b", 2.0), ("b", 2.0), ("c", 3.0)]), [0, 0, 0, 4]);
        assert_eq!(content(&[("b", 2.0), ("c", 3.0), ("a", 1.0)]), [0, 0, 1, 3]);
        assert_eq!(content(&[("a", 1.5), ("b", 2.0), ("b", 2.0), ("c", 3.0), ("d", 4.0)]), [1, 1, 0, 5]);
    }
}
