//! SQLite databases, read with a query or from their only table.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::database::{Database, selected};
use super::{Asked, Columns, Reader, Settings, SourceError};

pub(super) struct Sqlite;

/// The settings of a database.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(super) struct Selection {
    /// A query to an SQLite database: "SELECT n, loss FROM runs".
    query: Option<String>,
}

impl Settings for Selection {
    fn question(&self) -> Option<&str> {
        self.query.as_deref()
    }
}

impl Reader for Sqlite {
    type Settings = Selection;

    fn is_database(&self) -> bool {
        true
    }

    fn endings(&self) -> &'static [&'static str] {
        &["sqlite", "sqlite3", "db"]
    }

    fn needs(&self) -> Option<&'static str> {
        Database::needs()
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_, Selection>) -> Result<Columns, SourceError> {
        let Asked { columns, how, limits, .. } = *asked;
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
