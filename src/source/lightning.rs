//! `metrics.csv` of Lightning: training and validation metrics in separate rows, with blank cells for the other kind.

use std::sync::Arc;

use super::csv::{Separated, separated};
use super::history::RUN;
use super::{Asked, Cell, Columns, NO_TEXTS, NoSettings, Reader, SourceError};

pub(super) struct Lightning;

impl Reader for Lightning {
    type Settings = NoSettings;

    fn is_history(&self) -> bool {
        true
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_>) -> Result<Columns, SourceError> {
        let columns = asked.columns;
        let inside: Vec<String> = columns.iter().filter(|name| *name != RUN).cloned().collect();
        let (how, limits) = (&Separated::default(), asked.limits);
        let mut cells = separated(&bytes, &Asked { columns: &inside, texts: NO_TEXTS, how, limits }, ',')?.into_iter();
        let mut table: Vec<Vec<Cell>> = columns
            .iter()
            .map(|name| if name == RUN { Vec::new() } else { cells.next().unwrap_or_default() })
            .collect();
        let rows = table.iter().map(Vec::len).max().unwrap_or_default();
        for (name, column) in columns.iter().zip(&mut table) {
            if name == RUN {
                *column = vec![Cell::Text(String::new()); rows];
            }
        }
        Ok(table)
    }
}
