//! SQLite databases: rows by a query, read from bytes in memory and never written.

use super::{Cell, Limits, SourceError};

/// The first bytes of a database.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// A database in memory.
#[cfg(feature = "sqlite")]
pub(super) struct Database(rusqlite::Connection);

impl Database {
    /// The feature that this build lacks to read databases; `None` if it has it.
    pub(super) const fn needs() -> Option<&'static str> {
        if cfg!(feature = "sqlite") { None } else { Some("sqlite") }
    }
}

/// A consistent copy of a database that programs may be writing to, including the content of its write-ahead log.
///
/// # Errors
/// It cannot be opened, is not a database, or is too large.
#[cfg(feature = "sqlite")]
pub fn consistent(path: &std::path::Path, limits: &Limits) -> Result<Vec<u8>, SourceError> {
    let (_, metadata) = crate::file::open(path).map_err(|error| SourceError::Unreadable(error.to_string()))?;
    limits.allow_bytes(metadata.len(), "is larger: it has")?;
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = rusqlite::Connection::open_with_flags(path, flags).map_err(unreadable)?;
    connection.busy_timeout(PATIENCE).map_err(unreadable)?;
    let bytes = connection.serialize("main").map_err(unreadable)?.to_vec();
    if bytes.starts_with(MAGIC) {
        Ok(bytes)
    } else {
        Err(SourceError::Unreadable("it is not an SQLite database".to_owned()))
    }
}

/// Timeout for a program that holds the database.
#[cfg(feature = "sqlite")]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// The counterpart in builds without the reader.
///
/// # Errors
/// Always: this build cannot read databases.
#[cfg(not(feature = "sqlite"))]
pub fn consistent(_: &std::path::Path, _: &Limits) -> Result<Vec<u8>, SourceError> {
    Err(SourceError::NoReader { feature: "sqlite" })
}

/// Virtual-machine steps between checks of a query's duration, and the maximum number of checks.
#[cfg(feature = "sqlite")]
const STEPS: (i32, u32) = (1_000_000, 200);

#[cfg(feature = "sqlite")]
impl Database {
    /// Opens a database from its bytes.
    pub(super) fn open(bytes: &[u8]) -> Result<Self, SourceError> {
        if !bytes.starts_with(MAGIC) || bytes.len() < 100 {
            return Err(SourceError::Unreadable("it is not an SQLite database".to_owned()));
        }
        // A write-ahead log would be a separate file. Without it, the database has the state of its last checkpoint.
        let mut plain = bytes.to_vec();
        (plain[18], plain[19]) = (1, 1);
        let mut connection = rusqlite::Connection::open_in_memory().map_err(unreadable)?;
        // Forbids attached databases and limits the duration of queries.
        connection.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_ATTACHED, 0).map_err(unreadable)?;
        connection.deserialize_read_exact("main", plain.as_slice(), plain.len(), true).map_err(unreadable)?;
        let mut looks = 0;
        let enough = move || {
            looks += 1;
            looks > STEPS.1
        };
        connection.progress_handler(STEPS.0, Some(enough)).map_err(unreadable)?;
        Ok(Self(connection))
    }

    /// The names of the tables and views.
    pub(super) fn tables(&self) -> Result<Vec<String>, SourceError> {
        let query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name";
        let mut statement = self.0.prepare(query).map_err(unreadable)?;
        let names = statement.query_map([], |row| row.get(0)).map_err(unreadable)?;
        names.collect::<Result<_, _>>().map_err(unreadable)
    }

    /// Runs a query: calls `begin` with the column names, then `each` for every row.
    pub(super) fn query(
        &self,
        query: &str,
        mut begin: impl FnMut(&[String]) -> Result<(), SourceError>,
        mut each: impl FnMut(Vec<Cell>) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let mut statement = self.0.prepare(query).map_err(unreadable)?;
        if !statement.readonly() {
            return Err(SourceError::Unreadable("the query may only read".to_owned()));
        }
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        begin(&names)?;
        let mut rows = statement.query([]).map_err(unreadable)?;
        while let Some(row) = rows.next().map_err(unreadable)? {
            let cells = (0..names.len()).map(|at| row.get_ref(at).map(cell_of)).collect::<Result<Vec<_>, _>>();
            each(cells.map_err(unreadable)?)?;
        }
        Ok(())
    }
}

#[cfg(feature = "sqlite")]
fn cell_of(value: rusqlite::types::ValueRef<'_>) -> Cell {
    use rusqlite::types::ValueRef;
    match value {
        ValueRef::Null => Cell::Empty,
        ValueRef::Integer(integer) => Cell::Number(integer as f64),
        ValueRef::Real(number) => Cell::Number(number),
        ValueRef::Text(text) => super::cell_of_text(&String::from_utf8_lossy(text)),
        // Python stores a text that is encoded as bytes as a blob.
        ValueRef::Blob(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => Cell::Text(text.to_owned()),
            _ => Cell::Text(format!("{} bytes", bytes.len())),
        },
    }
}

#[cfg(feature = "sqlite")]
#[expect(clippy::needless_pass_by_value, reason = "the signature that `map_err` calls")]
fn unreadable(error: rusqlite::Error) -> SourceError {
    let message = match &error {
        rusqlite::Error::SqliteFailure(code, _) if code.code == rusqlite::ErrorCode::OperationInterrupted => {
            "the query takes too long".to_owned()
        }
        other => super::first_line(&other.to_string()),
    };
    SourceError::Unreadable(message)
}

/// Stands in for the reader in a build without it; opening a database fails with the missing feature.
#[cfg(not(feature = "sqlite"))]
pub(super) enum Database {}

#[cfg(not(feature = "sqlite"))]
impl Database {
    pub(super) fn open(bytes: &[u8]) -> Result<Self, SourceError> {
        if bytes.starts_with(MAGIC) {
            return Err(SourceError::NoReader { feature: "sqlite" });
        }
        Err(SourceError::Unreadable("it is not an SQLite database".to_owned()))
    }

    pub(super) fn tables(&self) -> Result<Vec<String>, SourceError> {
        match *self {}
    }

    pub(super) fn query(
        &self,
        _: &str,
        _: impl FnMut(&[String]) -> Result<(), SourceError>,
        _: impl FnMut(Vec<Cell>) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        match *self {}
    }
}

/// The requested columns of the rows returned by a query.
pub(super) fn selected(
    database: &Database,
    query: &str,
    columns: &[String],
    limits: &Limits,
) -> Result<Vec<Vec<Cell>>, SourceError> {
    let places = std::cell::RefCell::new(Vec::new());
    let mut table: Vec<Vec<Cell>> = vec![Vec::new(); columns.len()];
    let mut rows = 0;
    database.query(
        query,
        |names| {
            for column in columns {
                let place = names.iter().position(|name| name == column);
                let place = place.ok_or_else(|| SourceError::no_column(column, names.iter().map(String::as_str)))?;
                places.borrow_mut().push(place);
            }
            Ok(())
        },
        |mut cells| {
            rows += 1;
            limits.allow_values(rows, columns.len())?;
            for (column, place) in table.iter_mut().zip(places.borrow().iter()) {
                column.push(std::mem::replace(&mut cells[*place], Cell::Empty));
            }
            Ok(())
        },
    )?;
    Ok(table)
}
