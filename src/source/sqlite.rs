//! SQLite databases, read with a query or from their only table.

use std::sync::Arc;

use super::database::{Database, selected};
use super::{Asked, Columns, Reader, SourceError};

pub(super) struct Sqlite;

impl Reader for Sqlite {
    fn is_database(&self) -> bool {
        true
    }

    fn endings(&self) -> &'static [&'static str] {
        &["sqlite", "sqlite3", "db"]
    }

    fn takes(&self) -> &'static [&'static str] {
        &["query"]
    }

    fn needs(&self) -> Option<&'static str> {
        Database::needs()
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_>) -> Result<Columns, SourceError> {
        let Asked { columns, how, limits } = *asked;
        let database = Database::open(&bytes)?;
        let query = if let Some(query) = &how.query {
            query.clone()
        } else {
            let tables = database.tables()?;
            let [table] = tables.as_slice() else {
                let tables = super::listed(&tables);
                return Err(SourceError::Unreadable(format!(
                    "it has the tables {tables}; choose what to read with `query`"
                )));
            };
            format!("SELECT * FROM \"{}\"", table.replace('"', "\"\""))
        };
        selected(&database, &query, columns, limits)
    }
}
