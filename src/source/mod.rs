//! Where observations come from: one file per format, all read by polars, lazily.
//!
//! A reader is given bytes whose digest is known, never a path: what is read is what was hashed.

mod csv;
mod ndjson;
mod parquet;
mod table;

use std::io::Read;
use std::sync::Arc;

use polars::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use table::{from_bytes, to_bytes};

/// A format of files of observations; the list of formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated values with a header.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// One JSON object per line.
    Ndjson,
}

/// Reads one format.
pub trait Reader: Sync {
    /// Endings of names of files in this format, without the dot.
    fn endings(&self) -> &'static [&'static str];

    /// A lazy table over the bytes of one file.
    ///
    /// # Errors
    /// Where the bytes are not of this format.
    fn scan(&self, bytes: Vec<u8>) -> PolarsResult<LazyFrame>;
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Parquet, Self::Ndjson];

    /// The reader.
    pub fn reader(self) -> &'static dyn Reader {
        match self {
            Self::Csv => &csv::Csv,
            Self::Parquet => &parquet::Parquet,
            Self::Ndjson => &ndjson::Ndjson,
        }
    }

    /// The format that a file's name tells.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let (_, ending) = name.strip_suffix(".gz").unwrap_or(&name).rsplit_once('.')?;
        Self::ALL.into_iter().find(|format| format.reader().endings().contains(&ending))
    }
}

/// What to do with a row whose value is missing or cannot be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Stop, and say which rows.
    #[default]
    Error,
    /// Drop the row, and account for it.
    Drop,
}

/// Whether a column holds numbers or texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Numbers.
    #[default]
    Number,
    /// Texts, such as a model family.
    Text,
}

/// What a cell holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Nothing.
    Empty,
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The bytes are not of the format, or polars gave up on them.
    #[error("{0}")]
    Unreadable(String),
    /// A column is not there; these are.
    #[error("there is no column `{column}`")]
    NoColumn {
        /// The column asked for.
        column: String,
        /// The columns of the file.
        known: Vec<String>,
    },
    /// A column holds neither numbers nor texts.
    #[error("column `{column}` holds {found}, neither numbers nor texts")]
    Nested {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
}

/// Reads columns of one file: one list of cells per name, in the order of `columns`.
///
/// # Errors
/// Where the file is not of the format or has no such column.
pub fn read(bytes: Vec<u8>, format: Format, columns: &[String]) -> Result<Vec<Vec<Cell>>, SourceError> {
    let unreadable = |error: PolarsError| SourceError::Unreadable(first_line(&error.to_string()));
    let mut frame = format.reader().scan(unpacked(bytes)?).map_err(unreadable)?;
    let schema = frame.collect_schema().map_err(unreadable)?;
    for column in columns {
        if !schema.contains(column) {
            let known = schema.iter_names().map(ToString::to_string).collect();
            return Err(SourceError::NoColumn { column: column.clone(), known });
        }
    }
    let mut distinct = columns.to_vec();
    distinct.sort();
    distinct.dedup();
    let selected: Vec<Expr> = distinct.iter().map(|name| col(name.as_str())).collect();
    let table = frame.select(selected).collect().map_err(unreadable)?;
    columns.iter().map(|name| cells(table.column(name).map_err(unreadable)?)).collect()
}

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Most bytes of a file, and most that a packed one may unpack to: no table of runs is larger, and a bomb is.
pub const MOST_BYTES: u64 = 4 << 30;

/// The bytes of a file, unpacked where gzip packed them.
fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>, SourceError> {
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    let read = flate2::read::MultiGzDecoder::new(bytes.as_slice()).take(MOST_BYTES + 1).read_to_end(&mut plain);
    match read {
        Ok(size) if size as u64 <= MOST_BYTES => Ok(plain),
        Ok(_) => Err(SourceError::Unreadable("the packed file unpacks to more than 4 GiB".to_owned())),
        Err(error) => {
            Err(SourceError::Unreadable(format!("the file is packed by gzip and cannot be unpacked: {error}")))
        }
    }
}

/// The cells of a polars column.
fn cells(column: &Column) -> Result<Vec<Cell>, SourceError> {
    let unreadable = |error: PolarsError| SourceError::Unreadable(first_line(&error.to_string()));
    let kind = column.dtype().clone();
    if kind.is_primitive_numeric() {
        let numbers = column.cast(&DataType::Float64).map_err(unreadable)?;
        let numbers = numbers.f64().map_err(unreadable)?;
        return Ok(numbers.iter().map(|n| n.map_or(Cell::Empty, Cell::Number)).collect());
    }
    if kind == DataType::Null {
        return Ok(vec![Cell::Empty; column.len()]);
    }
    if kind == DataType::Boolean {
        let truths = column.bool().map_err(unreadable)?;
        return Ok(truths.iter().map(|t| t.map_or(Cell::Empty, |t| Cell::Text(t.to_string()))).collect());
    }
    let Ok(texts) = column.str() else {
        return Err(SourceError::Nested { column: column.name().to_string(), found: kind.to_string() });
    };
    Ok(texts.iter().map(|text| text.map_or(Cell::Empty, cell)).collect())
}

/// A written cell: a number where it reads as one.
fn cell(text: &str) -> Cell {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Cell::Empty;
    }
    match trimmed.parse::<f64>() {
        // Rust would read "nan" and "infinity" as numbers; in a table they are what is missing or broken.
        Ok(number) if trimmed.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) => {
            Cell::Number(number)
        }
        _ => Cell::Text(text.to_owned()),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Bytes as a source that polars scans.
fn in_memory(bytes: Vec<u8>) -> ScanSources {
    ScanSources::Buffers(Arc::from([bytes.into()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str, columns: &[&str]) -> Result<Vec<Vec<Cell>>, SourceError> {
        let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
        read(text.as_bytes().to_vec(), Format::Csv, &columns)
    }

    #[test]
    fn cells_are_told_apart_without_guessing_a_column_type() {
        let cells = csv("a,b\n1,x\n,2e3\nNaN,\" 7 \"\n", &["a", "b"]).unwrap();
        assert_eq!(cells[0], [Cell::Number(1.0), Cell::Empty, Cell::Text("NaN".to_owned())]);
        assert_eq!(cells[1], [Cell::Text("x".to_owned()), Cell::Number(2e3), Cell::Number(7.0)]);
    }

    #[test]
    fn a_packed_table_is_read_like_a_plain_one_and_a_torn_one_is_refused() {
        use std::io::Write;
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(b"a,b\n1,x\n").unwrap();
        let packed = packer.finish().unwrap();
        let columns = ["a".to_owned()];
        assert_eq!(read(packed.clone(), Format::Csv, &columns).unwrap(), [[Cell::Number(1.0)]]);
        let torn = read(packed[..packed.len() - 6].to_vec(), Format::Csv, &columns).unwrap_err();
        assert!(torn.to_string().contains("cannot be unpacked"), "{torn}");
    }

    #[test]
    fn a_missing_column_is_named_beside_those_there_are() {
        let error = csv("N,L\n1,2\n", &["D"]).unwrap_err();
        assert_eq!(
            error,
            SourceError::NoColumn { column: "D".to_owned(), known: vec!["N".to_owned(), "L".to_owned()] }
        );
    }

    #[test]
    fn lines_of_json_are_read_by_name() {
        let text = b"{\"N\": 1, \"L\": 2.5}\n{\"N\": \"4B\", \"L\": null}\n".to_vec();
        let cells = read(text, Format::Ndjson, &["L".to_owned(), "N".to_owned()]).unwrap();
        assert_eq!(cells[0], [Cell::Number(2.5), Cell::Empty]);
        assert_eq!(cells[1], [Cell::Number(1.0), Cell::Text("4B".to_owned())]);
    }

    #[test]
    fn formats_are_told_by_the_ending() {
        assert_eq!(Format::of_name("runs/a.CSV"), Some(Format::Csv));
        assert_eq!(Format::of_name("https://example.org/x.jsonl"), Some(Format::Ndjson));
        assert_eq!(Format::of_name("runs/a.csv.gz"), Some(Format::Csv));
        assert_eq!(Format::of_name("runs"), None);
    }

    #[test]
    fn broken_bytes_are_an_error_in_every_format() {
        for format in Format::ALL {
            assert!(read(vec![0xff, 0x00, 0x13], format, &["N".to_owned()]).is_err());
            assert!(read(Vec::new(), format, &["N".to_owned()]).is_err());
        }
    }
}
