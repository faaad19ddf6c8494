//! Datasets as Parquet bytes, the form in which stages pass them on.

use std::sync::Arc;

use polars::io::HiveOptions;
use polars::prelude::*;

use super::{SourceError, guarded, in_memory};
use crate::dataset::{self, Dataset, Origin};

/// Columns for the position of each row in its file; no variable can have such a name.
const FILE: &str = "#file";
const ROW: &str = "#row";
/// The capacity for the description of a table, in bytes.
const SMALLEST: usize = 4096;
/// The size of a table from which it is read column by column, in bytes.
const LARGE: usize = 32 << 20;

/// Serialises a dataset. Equal datasets give equal bytes.
///
/// # Errors
/// None that polars documents for writing to memory.
pub fn to_bytes(data: &Dataset) -> Result<Vec<u8>, SourceError> {
    into_bytes(data.clone())
}

/// Serialises a dataset as [`to_bytes`], without a copy of its columns.
///
/// # Errors
/// None that polars documents for writing to memory.
pub fn into_bytes(data: Dataset) -> Result<Vec<u8>, SourceError> {
    let (named, origins) = data.into_parts();
    let rows = origins.len();
    let mut columns = vec![
        UInt32Chunked::from_vec(FILE.into(), origins.iter().map(|o| o.file).collect()).into_column(),
        UInt32Chunked::from_vec(ROW.into(), origins.iter().map(|o| o.row).collect()).into_column(),
    ];
    drop(origins);
    for (name, column) in named {
        columns.push(match column {
            dataset::Column::Numbers(numbers) => Float64Chunked::from_vec(name.as_str().into(), numbers).into_column(),
            dataset::Column::Texts(texts) => Column::new(name.as_str().into(), texts),
        });
    }
    written(rows, columns)
}

fn written(rows: usize, columns: Vec<Column>) -> Result<Vec<u8>, SourceError> {
    let unwritable = |error: PolarsError| SourceError::Unreadable(error.to_string());
    let mut frame = DataFrame::new(rows, columns).map_err(unwritable)?;
    let mut bytes = Vec::with_capacity(SMALLEST + 8 * rows * frame.width());
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Uncompressed)
        .with_row_group_size(Some(1 << 20))
        .set_parallel(false)
        .finish(&mut frame)
        .map_err(unwritable)?;
    Ok(bytes)
}

/// A column of a table for other programs.
#[derive(Clone, Debug, PartialEq)]
pub enum Published {
    /// Numbers; `NaN` if missing.
    Numbers(Vec<f64>),
    /// Non-negative integers.
    Counts(Vec<u64>),
    /// Texts; empty if missing.
    Texts(Vec<String>),
    /// Truth values.
    Truths(Vec<bool>),
}

impl Published {
    /// Number of rows.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Counts(counts) => counts.len(),
            Self::Texts(texts) => texts.len(),
            Self::Truths(truths) => truths.len(),
        }
    }
}

/// Writes columns of equal length as Parquet for other programs. Equal columns give equal bytes.
///
/// # Errors
/// The columns differ in length.
pub fn publish(columns: &[(String, Published)]) -> Result<Vec<u8>, SourceError> {
    let rows = columns.first().map_or(0, |(_, column)| column.len());
    let column = |(name, column): &(String, Published)| {
        let name = name.as_str().into();
        match column {
            Published::Numbers(numbers) => {
                Column::new(name, numbers.iter().map(|n| n.is_finite().then_some(*n)).collect::<Vec<_>>())
            }
            Published::Counts(counts) => Column::new(name, counts),
            Published::Texts(texts) => {
                Column::new(name, texts.iter().map(|t| (!t.is_empty()).then_some(t.as_str())).collect::<Vec<_>>())
            }
            Published::Truths(truths) => Column::new(name, truths),
        }
    };
    written(rows, columns.iter().map(column).collect())
}

/// Reads the bytes written by [`to_bytes`].
///
/// # Errors
/// If the bytes have another form.
pub fn from_bytes(bytes: &Arc<Vec<u8>>) -> Result<Dataset, SourceError> {
    guarded("the table", || dataset_of(bytes))?
}

fn dataset_of(bytes: &Arc<Vec<u8>>) -> Result<Dataset, SourceError> {
    dataset_in_parts(bytes, bytes.len() >= LARGE)
}

/// Reads a table. Column by column, the values are not in memory twice.
fn dataset_in_parts(bytes: &Arc<Vec<u8>>, by_column: bool) -> Result<Dataset, SourceError> {
    let unreadable = |error: PolarsError| SourceError::Unreadable(error.to_string());
    // Rows must not get values from a file path; the bytes have none.
    let scan = || {
        let how = ScanArgsParquet { hive_options: HiveOptions::new_disabled(), ..ScanArgsParquet::default() };
        LazyFrame::scan_parquet_sources(in_memory(Arc::clone(bytes)), how)
    };
    let schema = scan().and_then(|mut frame| frame.collect_schema()).map_err(unreadable)?;
    let names: Vec<&PlSmallStr> = schema.iter_names().filter(|name| ![FILE, ROW].contains(&name.as_str())).collect();
    let of = |names: &[&PlSmallStr]| {
        let columns: Vec<Expr> = names.iter().map(|name| col((*name).clone())).collect();
        scan().and_then(|frame| frame.select(columns).collect()).map_err(unreadable)
    };
    let places = of(&[&FILE.into(), &ROW.into()])?;
    let place = |name: &str| places.column(name).and_then(Column::u32).map_err(unreadable);
    let (files, rows) = (place(FILE)?.iter(), place(ROW)?.iter());
    let origin = |(file, row): (Option<u32>, Option<u32>)| Origin {
        file: file.unwrap_or_default(),
        row: row.unwrap_or_default(),
    };
    let mut data = Dataset::new(files.zip(rows).map(origin).collect());
    drop(places);
    for names in names.chunks(if by_column { 1 } else { names.len().max(1) }) {
        for column in of(names)?.columns() {
            let name = column.name().as_str();
            if let Ok(numbers) = column.f64() {
                data.insert(name, dataset::Column::Numbers(numbers.iter().map(|n| n.unwrap_or(f64::NAN)).collect()));
            } else if let Ok(texts) = column.str() {
                let texts = texts.iter().map(|t| t.unwrap_or_default().to_owned()).collect();
                data.insert(name, dataset::Column::Texts(texts));
            }
        }
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_is_unchanged_by_the_round_trip() {
        let mut data = Dataset::new((1..=3).map(|row| Origin { file: 1, row }).collect());
        data.insert("N", dataset::Column::Numbers(vec![1.0 / 3.0, 5e-324, 1e300]));
        data.insert("family", dataset::Column::Texts(vec!["a".to_owned(), String::new(), "é".to_owned()]));
        let bytes = to_bytes(&data).unwrap();
        assert_eq!(to_bytes(&data).unwrap(), bytes);
        assert_eq!(from_bytes(&Arc::new(bytes)).unwrap(), data);
    }
}
