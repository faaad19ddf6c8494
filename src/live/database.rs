//! SQLite databases to which programs write: the result of a query, or the content of a tracker's store.

use std::path::PathBuf;

use super::{Asked, Live, LiveError, Taken};
use crate::source::{Format, Options, database_bytes, read};

/// A database on a disk.
#[derive(Clone, Debug)]
pub struct DatabaseFile {
    /// Path of the database.
    pub path: PathBuf,
    /// Its name for messages.
    pub name: String,
    /// Its format: `sqlite`, or that of a tracker's store.
    pub format: Format,
    /// The options for reading it, such as the query.
    pub options: Options,
}

impl Live for DatabaseFile {
    fn location(&self) -> String {
        match self.format.member().question(&self.options) {
            Some(question) => format!("{}: {question}", self.name),
            None => self.name.clone(),
        }
    }

    fn is_table(&self) -> bool {
        true
    }

    fn read(&self, asked: &Asked<'_>) -> Result<Vec<Taken>, LiveError> {
        let bytes = database_bytes(&self.path, asked.limits)?;
        let columns = read(bytes, self.format, asked.columns, &self.options, asked.limits)?;
        Ok(vec![Taken::table(self.name.clone(), asked.columns, &columns)])
    }
}
