//! Apache Parquet, read with the layer of polars that decodes columns in their stored form.
//!
//! The layers above support only the types that polars was built with and fail for decimals and half-precision
//! floats. The sizes declared in the file are checked before anything is unpacked.

use std::io::Cursor;
use std::sync::Arc;

use polars::prelude::PlSmallStr;
use polars_arrow::array::{Array, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, StructArray, Utf8ViewArray};
use polars_arrow::datatypes::{ArrowDataType, Field, PhysicalType, PrimitiveType, TimeUnit};
use polars_arrow::types::{NativeType, i256};
use polars_buffer::Buffer;
use polars_parquet::read::{
    BasicDecompressor, ColumnChunkMetadata, PhysicalType as Stored, RowGroupMetadata, column_iter_to_arrays,
    get_page_iterator, infer_schema, read_metadata,
};
use polars_parquet_format::PageHeader;
use polars_parquet_format::thrift::protocol::TCompactInputProtocol;

use super::typed::{Clock, decimal};
use super::{Asked, Cell, Columns, Limits, Reader, SourceError, cell, first_line, guarded, shared};

pub(super) struct Parquet;

/// The error for a malformed file.
fn unreadable(error: impl std::fmt::Display) -> SourceError {
    SourceError::Unreadable(first_line(&error.to_string()))
}

impl Reader for Parquet {
    fn endings(&self) -> &'static [&'static str] {
        &["parquet", "pq"]
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_>) -> Result<Columns, SourceError> {
        let Asked { columns, limits, .. } = *asked;
        let bytes = shared(bytes);
        let file = read_metadata(&mut Cursor::new(bytes.as_slice())).map_err(unreadable)?;
        let schema = infer_schema(&file).map_err(unreadable)?;
        let rows = file.row_groups.iter().map(RowGroupMetadata::num_rows).fold(0, usize::saturating_add);
        limits.allow_values(rows, columns.len())?;
        let fields: Vec<&Field> = schema.iter_values().collect();
        let mut unpacked = 0;
        let mut table = Vec::new();
        for name in columns {
            let Some(Leaf { path, field, dtype }) = leaf(fields.iter().copied(), name) else {
                let known: Vec<String> = fields.iter().copied().flat_map(names).collect();
                return Err(SourceError::no_column(name, known.iter().map(String::as_str)));
            };
            let mut cells = Vec::new();
            for group in &file.row_groups {
                let chunks = group.columns_under_root_iter(&path[0]).into_iter().flatten();
                let is_leaf = |chunk: &&ColumnChunkMetadata| chunk.descriptor().path_in_schema == path;
                let chunks: Vec<&ColumnChunkMetadata> = chunks.filter(is_leaf).collect();
                let [chunk] = chunks.as_slice() else { return Err(nested(name, &dtype)) };
                if chunk.descriptor().descriptor.max_rep_level > 0 {
                    return Err(nested(name, &ArrowDataType::List(Box::new(field.clone()))));
                }
                let depth = path.len() - 1;
                let chunk =
                    Chunk { name, field: &field, dtype: &dtype, depth, chunk, rows: group.num_rows(), bytes: &bytes };
                let what = format!("column `{name}`");
                unpacked += guarded(&what, || chunk.check(limits))??;
                limits.allow_bytes(unpacked, "unpacks to")?;
                cells.extend(guarded(&what, || chunk.cells(limits))??);
            }
            table.push(cells);
        }
        Ok(table)
    }
}

/// A column of a file, or a field inside one: `train.top1`.
struct Leaf {
    /// The names from the column to the field.
    path: Vec<PlSmallStr>,
    /// The column, reduced to the path to the field.
    field: Field,
    /// The type of the field.
    dtype: ArrowDataType,
}

/// The column with a name, or the field at a path inside a column.
fn leaf<'a>(fields: impl IntoIterator<Item = &'a Field> + Clone, name: &str) -> Option<Leaf> {
    if let Some(field) = fields.clone().into_iter().find(|field| field.name.as_str() == name) {
        return Some(Leaf { path: vec![field.name.clone()], field: field.clone(), dtype: field.dtype.clone() });
    }
    fields.into_iter().find_map(|field| {
        let ArrowDataType::Struct(inner) = field.dtype.to_storage() else { return None };
        let Leaf { mut path, field: found, dtype } =
            leaf(inner.iter(), name.strip_prefix(field.name.as_str())?.strip_prefix('.')?)?;
        path.insert(0, field.name.clone());
        let way = ArrowDataType::Struct(vec![found]);
        Some(Leaf { path, field: Field::new(field.name.clone(), way, field.is_nullable), dtype })
    })
}

/// The names of everything readable in a column.
fn names(field: &Field) -> Vec<String> {
    match field.dtype.to_storage() {
        ArrowDataType::Struct(inner) => {
            inner.iter().flat_map(names).map(|name| format!("{}.{name}", field.name)).collect()
        }
        _ => vec![field.name.to_string()],
    }
}

fn nested(name: &str, found: &ArrowDataType) -> SourceError {
    SourceError::Nested { column: name.to_owned(), found: in_words(found).to_owned() }
}

/// The part of a column in one row group.
struct Chunk<'a> {
    name: &'a str,
    /// The column, reduced to the path to the field.
    field: &'a Field,
    /// The type of the field.
    dtype: &'a ArrowDataType,
    /// Number of objects that contain the field.
    depth: usize,
    chunk: &'a ColumnChunkMetadata,
    rows: usize,
    bytes: &'a Buffer<u8>,
}

impl Chunk<'_> {
    fn fault(&self, what: impl std::fmt::Display) -> SourceError {
        SourceError::Unreadable(format!("column `{}`: {}", self.name, first_line(&what.to_string())))
    }

    /// The byte range of the column's pages.
    fn range(&self) -> Result<std::ops::Range<usize>, SourceError> {
        let range = self.chunk.byte_range();
        let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
        match (start, end) {
            (Ok(start), Ok(end)) if start <= end && end <= self.bytes.len() => Ok(start..end),
            _ => Err(self.fault("it lies outside the file")),
        }
    }

    /// Checks the page headers: the unpacked size, and whether the number of values equals the number of rows.
    fn check(&self, limits: &Limits) -> Result<u64, SourceError> {
        let range = self.range()?;
        let mut at = Cursor::new(&self.bytes[range]);
        let (mut unpacked, mut values) = (0, 0);
        while values < self.rows {
            let most = at.get_ref().len();
            let mut protocol = TCompactInputProtocol::new(&mut at, most);
            let head = PageHeader::read_from_in_protocol(&mut protocol).map_err(|error| self.fault(error))?;
            let of_data = [
                head.data_page_header.as_ref().map(|head| head.num_values),
                head.data_page_header_v2.as_ref().map(|head| head.num_values),
            ];
            let of_dictionary = head.dictionary_page_header.as_ref().map(|head| head.num_values);
            let counts = of_data.into_iter().chain([of_dictionary]).flatten();
            let sizes = [head.uncompressed_page_size, head.compressed_page_size];
            if counts.chain(sizes).any(i32::is_negative) {
                return Err(self.fault("a page has a negative size"));
            }
            let count = |of: Option<i32>| usize::try_from(of.unwrap_or_default()).unwrap_or_default();
            values += of_data.into_iter().map(count).sum::<usize>();
            if values > self.rows || count(of_dictionary) > limits.values {
                return Err(self.fault("it has more values than rows"));
            }
            let [plain, packed] = sizes.map(|size| count(Some(size)) as u64);
            unpacked += plain;
            limits.allow_bytes(unpacked, "unpacks to")?;
            at.set_position(at.position() + packed);
            if at.position() > most as u64 {
                return Err(self.fault("it is truncated"));
            }
        }
        Ok(unpacked)
    }

    fn cells(&self, limits: &Limits) -> Result<Vec<Cell>, SourceError> {
        let stored = &self.chunk.descriptor().descriptor.primitive_type;
        let dtype = match (self.dtype.to_storage(), &stored.physical_type) {
            // The in-memory type needs features that polars was built without; its bytes do not.
            (ArrowDataType::Float16, Stored::FixedLenByteArray(2)) => ArrowDataType::FixedSizeBinary(2),
            (ArrowDataType::Decimal(precision, scale), Stored::FixedLenByteArray(17..)) => {
                ArrowDataType::Decimal256(*precision, *scale)
            }
            // Dictionary-encoded text is text.
            (ArrowDataType::Dictionary(_, values, _), _) => (**values).clone(),
            (other, _) => other.clone(),
        };
        if matches!(
            dtype.to_physical_type(),
            PhysicalType::List
                | PhysicalType::LargeList
                | PhysicalType::Struct
                | PhysicalType::Map
                | PhysicalType::FixedSizeList
        ) {
            return Err(nested(self.name, &dtype));
        }
        let field = with_type(self.field, self.depth, dtype);
        let most = usize::try_from(limits.bytes).unwrap_or(usize::MAX);
        let pages = get_page_iterator(self.chunk, Cursor::new(self.bytes.clone()), Vec::new(), most);
        let pages = BasicDecompressor::new(pages.map_err(|error| self.fault(error))?, Vec::new());
        let (arrays, _) =
            column_iter_to_arrays(vec![pages], vec![stored], field, None).map_err(|error| self.fault(error))?;
        let mut cells = Vec::with_capacity(self.rows);
        for array in &arrays {
            let mut array = array.as_ref();
            for _ in 0..self.depth {
                let inner = of::<StructArray>(array).and_then(|object| object.values().first());
                array = inner.ok_or_else(|| self.fault("it is not an object"))?.as_ref();
            }
            let read = self.cells_of(array, limits)?;
            cells.extend(read);
        }
        if cells.len() == self.rows { Ok(cells) } else { Err(self.fault("it has fewer values than rows")) }
    }

    fn cells_of(&self, array: &dyn Array, limits: &Limits) -> Result<Vec<Cell>, SourceError> {
        use PrimitiveType as P;
        let scale = match array.dtype() {
            ArrowDataType::Decimal(_, scale) | ArrowDataType::Decimal256(_, scale) => Some(*scale),
            ArrowDataType::Interval(_) => return Err(nested(self.name, array.dtype())),
            other => {
                if let Some(clock) = clock(other) {
                    let cells = match array.dtype().to_physical_type() {
                        PhysicalType::Primitive(P::Int32) => times::<i32>(array, i64::from, clock),
                        _ => times::<i64>(array, |count| count, clock),
                    };
                    return cells.ok_or_else(|| nested(self.name, array.dtype()));
                }
                None
            }
        };
        let cells = match (array.dtype().to_physical_type(), scale) {
            (PhysicalType::Null, _) => Some(vec![Cell::Empty; array.len()]),
            (PhysicalType::Boolean, _) => of::<BooleanArray>(array).map(|array| {
                array.iter().map(|truth| truth.map_or(Cell::Empty, |truth| Cell::Text(truth.to_string()))).collect()
            }),
            (PhysicalType::Primitive(P::Int128), Some(scale)) => {
                numbers::<i128>(array, |n| decimal(&n.to_string(), scale as i32))
            }
            (PhysicalType::Primitive(P::Int256), Some(scale)) => {
                numbers::<i256>(array, |n| decimal(&n.0.to_string(), scale as i32))
            }
            (PhysicalType::Primitive(P::Int8), _) => numbers::<i8>(array, f64::from),
            (PhysicalType::Primitive(P::Int16), _) => numbers::<i16>(array, f64::from),
            (PhysicalType::Primitive(P::Int32), _) => numbers::<i32>(array, f64::from),
            (PhysicalType::Primitive(P::Int64), _) => numbers::<i64>(array, |n| n as f64),
            (PhysicalType::Primitive(P::UInt8), _) => numbers::<u8>(array, f64::from),
            (PhysicalType::Primitive(P::UInt16), _) => numbers::<u16>(array, f64::from),
            (PhysicalType::Primitive(P::UInt32), _) => numbers::<u32>(array, f64::from),
            (PhysicalType::Primitive(P::UInt64), _) => numbers::<u64>(array, |n| n as f64),
            (PhysicalType::Primitive(P::Float32), _) => numbers::<f32>(array, f64::from),
            (PhysicalType::Primitive(P::Float64), _) => numbers::<f64>(array, |n| n),
            (PhysicalType::FixedSizeBinary, _) => of::<FixedSizeBinaryArray>(array).and_then(halves),
            (PhysicalType::Utf8View, _) => match of::<Utf8ViewArray>(array) {
                Some(texts) => {
                    // A dictionary stores a repeated text once; here each cell has its own copy.
                    let bytes: usize = texts.iter().flatten().map(str::len).sum();
                    limits.allow_bytes(bytes as u64, &format!("has, in column `{}`, texts of", self.name))?;
                    Some(texts.iter().map(|text| text.map_or(Cell::Empty, cell)).collect())
                }
                None => None,
            },
            _ => None,
        };
        cells.ok_or_else(|| nested(self.name, array.dtype()))
    }
}

/// A column with another type for the field inside it.
fn with_type(field: &Field, depth: usize, dtype: ArrowDataType) -> Field {
    let inner = match (depth, field.dtype.to_storage()) {
        (0, _) => dtype,
        (_, ArrowDataType::Struct(inner)) => {
            ArrowDataType::Struct(inner.iter().map(|inner| with_type(inner, depth - 1, dtype.clone())).collect())
        }
        (_, other) => other.clone(),
    };
    Field::new(field.name.clone(), inner, field.is_nullable)
}

/// The meaning of the integers of a type, if they are dates, times or durations.
fn clock(dtype: &ArrowDataType) -> Option<Clock> {
    let parts = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    Some(match dtype {
        ArrowDataType::Date32 => Clock::Days,
        ArrowDataType::Date64 => Clock::Instant(1_000, false),
        ArrowDataType::Timestamp(unit, zone) => Clock::Instant(parts(unit), zone.is_some()),
        ArrowDataType::Time32(unit) | ArrowDataType::Time64(unit) => Clock::Midnight(parts(unit)),
        ArrowDataType::Duration(unit) => Clock::Length(parts(unit)),
        _ => return None,
    })
}

/// The cells of an array of dates, times or durations.
fn times<T: NativeType>(array: &dyn Array, count: impl Fn(T) -> i64, clock: Clock) -> Option<Vec<Cell>> {
    let array = of::<PrimitiveArray<T>>(array)?;
    Some(array.iter().map(|value| value.map_or(Cell::Empty, |value| clock.cell(count(*value)))).collect())
}

/// An array as its concrete type.
fn of<A: 'static>(array: &dyn Array) -> Option<&A> {
    array.as_any().downcast_ref()
}

/// The cells of an array of numbers.
fn numbers<T: NativeType>(array: &dyn Array, number: impl Fn(T) -> f64) -> Option<Vec<Cell>> {
    let array = of::<PrimitiveArray<T>>(array)?;
    Some(array.iter().map(|value| value.map_or(Cell::Empty, |value| Cell::Number(number(*value)))).collect())
}

/// The cells of an array of two-byte values, which are half-precision floats.
fn halves(array: &FixedSizeBinaryArray) -> Option<Vec<Cell>> {
    let halves = array.iter().map(|bytes| {
        let Some(bytes) = bytes else { return Some(Cell::Empty) };
        <[u8; 2]>::try_from(bytes).ok().map(|bytes| Cell::Number(half(u16::from_le_bytes(bytes))))
    });
    halves.collect()
}

/// The value of a half-precision float: one sign bit, five exponent bits, ten fraction bits (IEEE 754 binary16).
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff) / 1024.0);
    let power = |exponent: i32| f64::from_bits(((1023 + exponent) as u64) << 52);
    let size = match exponent {
        0 => fraction * power(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * power(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// The type of a column that holds neither numbers nor text, in words.
fn in_words(dtype: &ArrowDataType) -> &'static str {
    match dtype {
        ArrowDataType::Interval(_) => "intervals of months and days",
        ArrowDataType::Struct(_) | ArrowDataType::Map(..) => "objects",
        ArrowDataType::List(_) | ArrowDataType::LargeList(_) | ArrowDataType::FixedSizeList(..) => "lists",
        ArrowDataType::Binary
        | ArrowDataType::LargeBinary
        | ArrowDataType::BinaryView
        | ArrowDataType::FixedSizeBinary(_) => "bytes",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_floats_have_their_values() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_953_125),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x7bff, 65504.0),
            (0x7c00, f64::INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:#x}");
        }
        assert!(half(0x7e00).is_nan());
    }
}
