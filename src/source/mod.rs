//! Readers of observations: one file per format.
//!
//! A reader receives bytes whose digest is known, never a path, so that the bytes read are the bytes hashed.

mod archive;
mod attempts;
mod database;
mod header;
mod headings;
mod history;
mod object;
mod packed;
mod path;
mod pattern;
mod reader;
mod reading;
mod reduce;
mod settings;
mod spreadsheet;
mod table;
mod text;
mod typed;
mod wire;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::{Arc, LazyLock};

use polars::prelude::ScanSources;
use polars_buffer::Buffer;
use schemars::JsonSchema;
use serde::de::MapAccess;
use serde::{Deserialize, Serialize};

pub use attempts::{Rewind, rewinds};
pub use database::consistent as database_bytes;
pub use headings::Headings;
pub use history::{History, RUN, STEP, flattened};
pub use ndjson::{SNAPSHOT, to_lines};
pub use object::with_quoted_nan;
pub use packed::Packed;
pub use pattern::pattern;
pub use reader::{AnyReader, Asked, NO_TEXTS, Reader, TakeCells};
pub use reading::Reading;
pub use reduce::{Merged, NOT_TAKEN, Roles, Take, by_run, last, merged, spread};
pub use settings::{Fault, NoSettings, Options, SettingKeys, Settings};
pub use table::{Published, from_bytes, into_bytes, publish, to_bytes};
pub use written::{Decimal, Tells, is_percent, number as written_number, number_tells, tells};

use crate::file::in_units;
use crate::registry::registry;

/// Implements reading a setting by its key, with the type that its format declares.
macro_rules! settings_of_formats {
    ($($(#[$doc:meta])* $module:ident, $Member:ident;)+) => {
        impl Format {
            /// Reads the value of a setting from the next value of a table; `false` if no format has such a key.
            ///
            /// # Errors
            /// The value does not have the type of its key.
            pub(crate) fn read_setting<'de, A: MapAccess<'de>>(
                key: &str,
                map: &mut A,
                options: &mut Options,
            ) -> Result<bool, A::Error> {
                $(if settings::keys::<<$module::$Member as Reader>::Settings>().contains(&key) {
                    options.add::<<$module::$Member as Reader>::Settings, A>(key, map)?;
                    return Ok(true);
                })+
                Ok(false)
            }
        }
    };
}

registry! {
    /// A file format of observations.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    pub enum Format to dyn AnyReader, each settings_of_formats! {
        /// Comma-separated values with a header; `separator` sets another separator.
        #[default]
        csv::Csv,
        /// Tab-separated values with a header.
        tsv::Tsv,
        /// Apache Parquet.
        parquet::Parquet,
        /// Arrow IPC: a file (Feather version 2) or a stream.
        arrow::Arrow,
        /// One JSON object per line.
        ndjson::Ndjson,
        /// One JSON document: a list of objects, an object of columns, one object, or objects by name.
        json::Json,
        /// An Excel workbook.
        xlsx::Xlsx,
        /// A LibreOffice workbook.
        ods::Ods,
        /// An SQLite database, read with a query.
        sqlite::Sqlite,
        /// A text log, read with a regular expression with named groups.
        log::Log,
        /// A W&B run stored on disk.
        wandb::Wandb,
        /// MLflow's SQLite store.
        mlflow::Mlflow,
        /// A TensorBoard event file.
        tensorboard::Tensorboard,
        /// Trackio's SQLite store.
        trackio::Trackio,
        /// `trainer_state.json` of Hugging Face's Trainer.
        hf_trainer::HfTrainer,
        /// `metrics.csv` of Lightning.
        lightning::Lightning,
        /// Results of lm-evaluation-harness.
        lm_eval::LmEval,
    }
}

/// Maximum size of a table that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of a file, both packed and unpacked.
    pub bytes: u64,
    /// Number of values: rows times the columns that are read.
    pub values: usize,
    /// Bytes of a line of separated values. Reading takes several times longer than its share of the file.
    pub line: usize,
    /// Columns of a file of separated values.
    pub columns: usize,
}

impl Limits {
    /// The default limits: more than usual tables of runs have, and small enough for a small machine.
    pub const USUAL: Self = Self { bytes: 256 << 20, values: 8_000_000, line: 8 << 20, columns: 100_000 };
    /// The limits with the permission for large files.
    pub const LARGE: Self = Self { bytes: 16 << 30, values: 1_000_000_000, line: 1 << 30, columns: 10_000_000 };

    /// Checks the number of rows and columns.
    fn allow_values(&self, rows: usize, columns: usize) -> Result<(), SourceError> {
        if rows.saturating_mul(columns) <= self.values {
            return Ok(());
        }
        let most = self.values;
        Err(SourceError::TooLarge(format!(
            "it has {rows} rows and {columns} columns to read; at most {most} values are allowed"
        )))
    }

    /// Checks a number of bytes; `what` names the quantity in the error.
    fn allow_bytes(&self, bytes: u64, what: &str) -> Result<(), SourceError> {
        if bytes <= self.bytes {
            return Ok(());
        }
        Err(SourceError::TooLarge(format!("it {what} more than {}", in_units(self.bytes))))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::USUAL
    }
}

/// The cells of a table: one list per column, all of the same length.
pub type Columns = Vec<Vec<Cell>>;

impl Format {
    /// The keys of the settings of all formats, in the order of the list.
    pub fn setting_keys() -> &'static [&'static str] {
        static KEYS: LazyLock<Vec<&str>> = LazyLock::new(|| {
            let mut keys: Vec<&str> = Vec::new();
            for key in Format::ALL.into_iter().flat_map(|format| format.member().settings()) {
                if !keys.contains(key) {
                    keys.push(key);
                }
            }
            keys
        });
        &KEYS
    }

    /// The format that a file name implies.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let is_web = name.starts_with("https://") || name.starts_with("http://");
        let name = if is_web { name.split(['?', '#']).next().unwrap_or_default() } else { &name };
        let file = name.rsplit(['/', '\\']).next().unwrap_or_default();
        if let Some(format) = Self::ALL.into_iter().find(|format| format.member().is_named(file)) {
            return Some(format);
        }
        let packed = [".gz", ".zst"].iter().find_map(|ending| name.strip_suffix(ending));
        let (_, ending) = packed.unwrap_or(name).rsplit_once('.')?;
        Self::ALL.into_iter().find(|format| format.member().endings().contains(&ending))
    }
}

/// How to get a build with a feature.
pub fn ways_to_feature(feature: &str) -> String {
    format!("released binaries have it; from source, `cargo install lawfit --features {feature}`")
}

/// Maximum number of columns listed in an error.
const MOST_LISTED: usize = 30;

/// Names as a list, cut where they are many.
fn listed(names: &[String]) -> String {
    let rest = if names.len() > MOST_LISTED { " and more" } else { "" };
    names[..names.len().min(MOST_LISTED)].join(", ") + rest
}

/// How to treat a row with a missing or invalid value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Stop with an error that lists the rows.
    #[default]
    Error,
    /// Drop the row; the report accounts for it.
    Drop,
    /// Keep the row without the value, for a table that fills it. A fit that uses such a row fails.
    Keep,
}

/// Whether a column holds numbers or text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Numbers.
    #[default]
    Number,
    /// Text, such as a model family.
    Text,
}

/// The content of a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Nothing.
    Empty,
}

impl Cell {
    /// The content as text; a name may look like a number.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => crate::numeral::exact(*number),
            Self::Empty => String::new(),
        }
    }
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The bytes are not of the format, or polars could not read them.
    #[error("{0}")]
    Unreadable(String),
    /// A column does not exist.
    #[error("there is no column `{column}`")]
    NoColumn {
        /// The requested column.
        column: String,
        /// The columns of the file.
        known: Vec<String>,
    },
    /// The file is not text; the value names its kind.
    #[error("the file is {0}")]
    NoText(&'static str),
    /// This build lacks the reader.
    #[error("this lawfit was built without the reader of such files: the feature `{feature}` is off")]
    NoReader {
        /// The feature that provides it.
        feature: &'static str,
    },
    /// The file exceeds the limits.
    #[error("{0}")]
    TooLarge(String),
    /// A column holds neither numbers nor text.
    #[error("column `{column}` holds {found}, neither numbers nor texts{}", elements_of(column, found))]
    Nested {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
}

/// How to read an element, for a column of lists.
fn elements_of(column: &str, found: &str) -> String {
    if found != "lists" {
        return String::new();
    }
    format!("; `{column}.0` is the first element of each list, `{column}.-1` the last")
}

impl SourceError {
    /// The error for a missing column, with the existing columns.
    pub fn no_column<'a>(column: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self::NoColumn { column: column.to_owned(), known: known.into_iter().map(str::to_owned).collect() }
    }

    /// What to do about a missing column, from the columns that a file has.
    pub fn meant(column: &str, known: &[String]) -> String {
        if let Some(near) = crate::diagnostic::nearest(column, known.iter().map(String::as_str)) {
            return format!("did you mean `{near}`?");
        }
        // Similar names, since a file may have any number of columns.
        let mut similar = known.to_vec();
        similar.sort_by_cached_key(|name| std::cmp::Reverse((1e6 * strsim::jaro_winkler(column, name)) as u64));
        let rest = if similar.len() > MOST_LISTED { " and more" } else { "" };
        similar.truncate(MOST_LISTED);
        similar.sort();
        format!("its columns are {}{rest}", similar.join(", "))
    }
}

/// Reads columns of one file: one list of cells per name, in the order of `columns`.
///
/// # Errors
/// If the file is not of the format, lacks a column, or exceeds the limits.
pub fn read(
    bytes: impl Into<Arc<Vec<u8>>>,
    format: Format,
    columns: &[String],
    how: &Options,
    limits: &Limits,
) -> Result<Columns, SourceError> {
    let mut distinct = columns.to_vec();
    distinct.sort();
    distinct.dedup();
    let mut table: Columns = vec![Vec::new(); distinct.len()];
    let asked = Asked { columns: &distinct, texts: NO_TEXTS, how, limits };
    read_parts(&bytes.into(), format, &asked, &mut |place, cells| append(&mut table[place], cells))?;
    if distinct == columns {
        return Ok(table);
    }
    let place = |name: &String| distinct.binary_search(name).unwrap_or_default();
    let last = |index: usize| columns[index + 1..].iter().all(|name| *name != columns[index]);
    let take = |(index, name): (usize, &String)| {
        let cells = &mut table[place(name)];
        if last(index) { std::mem::take(cells) } else { cells.clone() }
    };
    Ok(columns.iter().enumerate().map(take).collect())
}

/// Reads columns of one file in little memory, each with its name. Cells of the columns `texts` stay as they are written.
///
/// # Errors
/// As [`read`].
pub fn read_packed(
    bytes: &Arc<Vec<u8>>,
    format: Format,
    columns: &BTreeSet<String>,
    texts: &BTreeSet<String>,
    how: &Options,
    limits: &Limits,
) -> Result<BTreeMap<String, Packed>, SourceError> {
    let names: Vec<String> = columns.iter().cloned().collect();
    let mut table: Vec<Packed> = names.iter().map(|_| Packed::default()).collect();
    let asked = Asked { columns: &names, texts, how, limits };
    read_parts(bytes, format, &asked, &mut |place, cells| table[place].extend(cells))?;
    Ok(names.into_iter().zip(table).collect())
}

/// Reads distinct columns part by part.
fn read_parts(
    bytes: &Arc<Vec<u8>>,
    format: Format,
    asked: &Asked<'_, Options>,
    take: &mut TakeCells<'_>,
) -> Result<(), SourceError> {
    let reader = format.member();
    let bytes = unpacked(bytes, reader.is_archive(), asked.limits)?;
    guarded("the file", || reader.read_parts(bytes, asked, take))?
}

/// The columns of a reader that reads part by part.
fn collected(
    columns: usize,
    read: impl FnOnce(&mut TakeCells<'_>) -> Result<(), SourceError>,
) -> Result<Columns, SourceError> {
    let mut table: Columns = vec![Vec::new(); columns];
    read(&mut |place, cells| append(&mut table[place], cells))?;
    Ok(table)
}

/// Adds cells at the end of a column; the only part of a column is not copied.
fn append(column: &mut Vec<Cell>, cells: Vec<Cell>) {
    if column.is_empty() { *column = cells } else { column.extend(cells) }
}

/// Runs a reader and turns a panic into an error. A file can be malformed in ways that a reader's library did not
/// foresee; that is an error of the file.
fn guarded<T>(what: &str, read: impl FnOnce() -> T) -> Result<T, SourceError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).map_err(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let message = first_line(message.unwrap_or("it cannot be read"));
        SourceError::Unreadable(format!("the reader failed on {what}: {message}"))
    })
}

/// The magic bytes of gzip files.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// The magic bytes of zstd files.
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// The magic bytes of unsupported compression formats.
const PACKED: [(&[u8], &str); 3] = [(&[0xfd, b'7', b'z', b'X', b'Z'], "xz"), (b"BZh", "bzip2"), (b"PK\x03\x04", "zip")];

/// The bytes of a file, decompressed if it is a gzip or zstd file.
fn unpacked(bytes: &Arc<Vec<u8>>, is_archive: bool, limits: &Limits) -> Result<Arc<Vec<u8>>, SourceError> {
    limits.allow_bytes(bytes.len() as u64, "is larger: it has")?;
    if is_archive && bytes.starts_with(b"PK") {
        return Ok(Arc::clone(bytes));
    }
    if let Some((_, packer)) = PACKED.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        let message = format!("the file is compressed with {packer}; decompress it, or use gzip or zstd");
        return Err(SourceError::Unreadable(message));
    }
    let mut plain = Vec::new();
    let most = limits.bytes + 1;
    let (packer, read) = if bytes.starts_with(GZIP) {
        ("gzip", flate2::read::MultiGzDecoder::new(bytes.as_slice()).take(most).read_to_end(&mut plain))
    } else if bytes.starts_with(ZSTD) {
        let unpacker = zstd::Decoder::with_buffer(bytes.as_slice());
        ("zstd", unpacker.and_then(|unpacker| unpacker.take(most).read_to_end(&mut plain)))
    } else {
        return Ok(Arc::clone(bytes));
    };
    match read {
        Ok(size) => limits.allow_bytes(size as u64, "unpacks to")?,
        Err(error) => {
            let message = format!("the file is compressed with {packer} and cannot be decompressed: {error}");
            return Err(SourceError::Unreadable(message));
        }
    }
    if plain.starts_with(GZIP) || plain.starts_with(ZSTD) {
        return Err(SourceError::Unreadable("the file is compressed twice; decompress it once".to_owned()));
    }
    plain.shrink_to_fit();
    Ok(Arc::new(plain))
}

/// A cell from text: a number if the text is one.
pub fn cell(text: &str) -> Cell {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Cell::Empty;
    }
    match trimmed.parse::<f64>() {
        // Rust parses "nan" and "infinity" as numbers; in a table they mark missing or broken values.
        Ok(number) if trimmed.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) => {
            Cell::Number(number)
        }
        _ => Cell::Text(text.to_owned()),
    }
}

/// A cell from a text of a format that tells texts from numbers: a number if it is written as lawfit writes it. In `007` or
/// `1.10` the digits that a number would lose may be those of a name.
pub fn cell_of_text(text: &str) -> Cell {
    match cell(text) {
        Cell::Number(number) if number.is_finite() && crate::numeral::exact(number) != text.trim() => {
            Cell::Text(text.to_owned())
        }
        cell => cell,
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Bytes as a shared buffer of polars.
fn shared(bytes: Arc<Vec<u8>>) -> Buffer<u8> {
    struct Owner(Arc<Vec<u8>>);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Buffer::from_owner(Owner(bytes))
}

/// Bytes as a source that polars scans.
fn in_memory(bytes: Arc<Vec<u8>>) -> ScanSources {
    ScanSources::Buffers(Arc::from([shared(bytes)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str, columns: &[&str]) -> Result<Columns, SourceError> {
        let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
        read(text.as_bytes().to_vec(), Format::Csv, &columns, &Options::default(), &Limits::USUAL)
    }

    #[test]
    fn the_type_of_a_cell_needs_no_guess_of_a_column_type() {
        let cells = csv("a,b\n1,x\n,2e3\nNaN,\" 7 \"\n", &["a", "b"]).unwrap();
        assert_eq!(cells[0], [Cell::Number(1.0), Cell::Empty, Cell::Text("NaN".to_owned())]);
        assert_eq!(cells[1], [Cell::Text("x".to_owned()), Cell::Number(2e3), Cell::Number(7.0)]);
    }

    #[test]
    fn a_packed_table_is_read_like_a_plain_one_and_a_torn_one_is_refused() {
        use std::io::Write;
        let plain = format!("a,b\n1,x\n{}", "#".repeat(100_000));
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(plain.as_bytes()).unwrap();
        let packed = [packer.finish().unwrap(), zstd::encode_all(plain.as_bytes(), 3).unwrap()];
        let columns = ["a".to_owned()];
        let how = Options::of(&csv::Separated { comment: Some("#".to_owned()), ..csv::Separated::default() }).unwrap();
        let read = |bytes: &[u8], limits: &Limits| read(bytes.to_vec(), Format::Csv, &columns, &how, limits);
        for packed in packed {
            assert_eq!(read(&packed, &Limits::USUAL).unwrap(), [[Cell::Number(1.0)]]);
            let torn = read(&packed[..packed.len() - 6], &Limits::USUAL).unwrap_err();
            assert!(torn.to_string().contains("cannot be decompressed"), "{torn}");
            let large = read(&packed, &Limits { bytes: 7, ..Limits::USUAL }).unwrap_err();
            assert_eq!(large, SourceError::TooLarge("it is larger: it has more than 7 B".to_owned()));
            let bomb = read(&packed, &Limits { bytes: 1000, ..Limits::USUAL }).unwrap_err();
            assert_eq!(bomb, SourceError::TooLarge("it unpacks to more than 1000 B".to_owned()));
        }
    }

    #[test]
    fn a_missing_column_is_named_with_the_existing_columns() {
        let error = csv("N,L\n1,2\n", &["D"]).unwrap_err();
        assert_eq!(
            error,
            SourceError::NoColumn { column: "D".to_owned(), known: vec!["N".to_owned(), "L".to_owned()] }
        );
    }

    #[test]
    fn lines_of_json_are_read_by_name() {
        let text = b"{\"N\": 1, \"L\": 2.5}\n{\"N\": \"4B\", \"L\": null}\n".to_vec();
        let columns = ["L".to_owned(), "N".to_owned()];
        let cells = read(text, Format::Ndjson, &columns, &Options::default(), &Limits::USUAL).unwrap();
        assert_eq!(cells[0], [Cell::Number(2.5), Cell::Empty]);
        assert_eq!(cells[1], [Cell::Number(1.0), Cell::Text("4B".to_owned())]);
    }

    #[test]
    fn the_ending_determines_the_format() {
        assert_eq!(Format::of_name("runs/a.CSV"), Some(Format::Csv));
        assert_eq!(Format::of_name("https://example.org/x.jsonl"), Some(Format::Ndjson));
        assert_eq!(Format::of_name("https://example.org/v1.2/x.csv?page=1.5#top"), Some(Format::Csv));
        assert_eq!(Format::of_name("runs/a.csv.gz"), Some(Format::Csv));
        assert_eq!(Format::of_name("out/checkpoint-6000/trainer_state.json"), Some(Format::HfTrainer));
        assert_eq!(Format::of_name("runs/a.tsv.zst"), Some(Format::Tsv));
        assert_eq!(Format::of_name("runs"), None);
    }

    #[test]
    fn broken_bytes_are_an_error_in_every_format() {
        for format in Format::ALL {
            for bytes in [vec![0xff, 0x00, 0x13], Vec::new(), b":W&B\xe1\xbe\0".to_vec(), b"PK\x03\x04".to_vec()] {
                assert!(read(bytes, format, &["N".to_owned()], &Options::default(), &Limits::USUAL).is_err());
            }
        }
    }
}
