//! The cells of a column in little memory: eight bytes for each number.

use super::Cell;

/// The cells of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Packed {
    /// Numbers, and the few cells that are not numbers, with their rows in ascending order.
    Numbers(Vec<f64>, Vec<(usize, Cell)>),
    /// Cells of any kind.
    Cells(Vec<Cell>),
}

/// A column is kept as cells if it has more than one other cell for this many numbers.
const FEW: usize = 4;
/// Number of other cells with which a column is still kept as numbers.
const ALWAYS: usize = 64;

impl Default for Packed {
    fn default() -> Self {
        Self::Numbers(Vec::new(), Vec::new())
    }
}

impl From<Vec<Cell>> for Packed {
    fn from(cells: Vec<Cell>) -> Self {
        let mut packed = Self::default();
        packed.extend(cells);
        packed
    }
}

impl Packed {
    /// Number of cells.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers, _) => numbers.len(),
            Self::Cells(cells) => cells.len(),
        }
    }

    /// Whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds cells at the end.
    pub fn extend(&mut self, more: Vec<Cell>) {
        match self {
            Self::Cells(cells) => cells.extend(more),
            Self::Numbers(numbers, others) => {
                for cell in more {
                    numbers.push(match cell {
                        Cell::Number(number) => number,
                        other => {
                            others.push((numbers.len(), other));
                            f64::NAN
                        }
                    });
                }
                if others.len() > ALWAYS.max(numbers.len() / FEW) {
                    *self = Self::Cells(std::mem::take(self).into_cells());
                }
            }
        }
    }

    /// Adds the cells of another column at the end.
    pub fn append(&mut self, more: Self) {
        if self.is_empty() {
            *self = more;
            return;
        }
        match (&mut *self, more) {
            (Self::Numbers(numbers, others), Self::Numbers(more, more_others)) => {
                let before = numbers.len();
                numbers.extend(more);
                others.extend(more_others.into_iter().map(|(row, cell)| (before + row, cell)));
            }
            (_, more) => self.extend(more.into_cells()),
        }
    }

    /// Calls a function with each row and its cell.
    pub fn each(&self, mut visit: impl FnMut(usize, &Cell)) {
        match self {
            Self::Cells(cells) => cells.iter().enumerate().for_each(|(row, cell)| visit(row, cell)),
            Self::Numbers(numbers, others) => {
                let mut others = others.iter().peekable();
                for (row, number) in numbers.iter().enumerate() {
                    match others.next_if(|(other, _)| *other == row) {
                        Some((_, cell)) => visit(row, cell),
                        None => visit(row, &Cell::Number(*number)),
                    }
                }
            }
        }
    }

    /// A number for each cell.
    pub fn into_numbers(self, mut number: impl FnMut(usize, &Cell) -> f64) -> Vec<f64> {
        match self {
            Self::Cells(cells) => cells.iter().enumerate().map(|(row, cell)| number(row, cell)).collect(),
            Self::Numbers(mut numbers, others) => {
                let mut others = others.iter().peekable();
                for (row, value) in numbers.iter_mut().enumerate() {
                    *value = match others.next_if(|(other, _)| *other == row) {
                        Some((_, cell)) => number(row, cell),
                        None => number(row, &Cell::Number(*value)),
                    };
                }
                numbers
            }
        }
    }

    /// All cells.
    pub fn into_cells(self) -> Vec<Cell> {
        match self {
            Self::Cells(cells) => cells,
            Self::Numbers(numbers, others) => {
                let mut cells: Vec<Cell> = numbers.into_iter().map(Cell::Number).collect();
                others.into_iter().for_each(|(row, cell)| cells[row] = cell);
                cells
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_cells_are_the_cells_that_were_added() {
        let mostly: Vec<Cell> = (0..1000)
            .map(|row| if row % 100 == 7 { Cell::Text(format!("t{row}")) } else { Cell::Number(f64::from(row)) })
            .collect();
        let words: Vec<Cell> =
            (0..1000).map(|row| if row % 2 == 0 { Cell::Empty } else { Cell::Number(0.5) }).collect();
        for (cells, is_dense) in [(mostly, true), (words, false)] {
            let mut packed = Packed::default();
            cells.chunks(300).for_each(|part| packed.extend(part.to_vec()));
            assert_eq!(matches!(packed, Packed::Numbers(..)), is_dense);
            let mut seen = Vec::new();
            packed.each(|row, cell| {
                assert_eq!(row, seen.len());
                seen.push(cell.clone());
            });
            assert_eq!(seen, cells);
            let code = |_: usize, cell: &Cell| if let Cell::Number(number) = cell { *number } else { -1.0 };
            let numbers: Vec<f64> = cells.iter().map(|cell| code(0, cell)).collect();
            assert_eq!(packed.clone().into_numbers(code), numbers);
            let mut twice = packed.clone();
            twice.append(packed);
            assert_eq!(twice.into_cells(), [cells.clone(), cells].concat());
        }
    }
}
