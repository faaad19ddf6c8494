//! Apache Parquet, read with the layer of polars that decodes columns in their stored form.
//!
//! The layers above support only the types that polars was built with and fail for decimals and half-precision
//! floats. The sizes declared in the file are checked before anything is unpacked.

use std::io::Cursor;
use std::sync::Arc;

use polars_arrow::array::{
    Array, BooleanArray, FixedSizeBinaryArray, FixedSizeListArray, ListArray, PrimitiveArray, StructArray,
    Utf8ViewArray,
};
use polars_arrow::datatypes::{ArrowDataType, Field, PhysicalType, PrimitiveType, TimeUnit};
use polars_arrow::types::{NativeType, i256};
use polars_buffer::Buffer;
use polars_parquet::read::{
    BasicDecompressor, ColumnChunkMetadata, PhysicalType as Stored, RowGroupMetadata, column_iter_to_arrays,
    get_page_iterator, infer_schema, read_metadata,
};
use polars_parquet_format::PageHeader;
use polars_parquet_format::thrift::protocol::TCompactInputProtocol;

use super::path::Element;
use super::typed::{Clock, decimal};
use super::{
    Asked, Cell, Columns, Limits, NoSettings, Reader, SourceError, TakeCells, cell, collected, first_line, guarded,
    shared,
};

pub(super) struct Parquet;

/// The error for a malformed file.
fn unreadable(error: impl std::fmt::Display) -> SourceError {
    SourceError::Unreadable(first_line(&error.to_string()))
}

impl Reader for Parquet {
    type Settings = NoSettings;

    fn endings(&self) -> &'static [&'static str] {
        &["parquet", "pq"]
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_>) -> Result<Columns, SourceError> {
        collected(asked.columns.len(), |take| self.read_parts(bytes, asked, take))
    }

    fn read_parts(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_>, take: &mut TakeCells<'_>) -> Result<(), SourceError> {
        let Asked { columns, limits, .. } = *asked;
        let bytes = shared(bytes);
        let file = read_metadata(&mut Cursor::new(bytes.as_slice())).map_err(unreadable)?;
        let schema = infer_schema(&file).map_err(unreadable)?;
        let rows = file.row_groups.iter().map(RowGroupMetadata::num_rows).fold(0, usize::saturating_add);
        limits.allow_values(rows, columns.len())?;
        let fields: Vec<&Field> = schema.iter_values().collect();
        let mut unpacked = 0;
        for (place, name) in columns.iter().enumerate() {
            let Some((at, part)) = named(fields.iter().copied(), name) else {
                let known: Vec<String> = fields.iter().copied().flat_map(names).collect();
                return Err(SourceError::no_column(name, known.iter().map(String::as_str)));
            };
            if is_nested(&part.leaf) {
                return Err(nested(name, &part.leaf));
            }
            let root = fields[at];
            for group in &file.row_groups {
                let chunks: Vec<&ColumnChunkMetadata> =
                    group.columns_under_root_iter(&root.name).into_iter().flatten().collect();
                let Some(chunk) = chunks.get(part.place).filter(|_| chunks.len() == leaves(&root.dtype)) else {
                    return Err(nested(name, &root.dtype));
                };
                let chunk = Chunk { name, root, part: &part, chunk, rows: group.num_rows(), bytes: &bytes };
                let what = format!("column `{name}`");
                unpacked += guarded(&what, || chunk.check(limits))??;
                limits.allow_bytes(unpacked, "unpacks to")?;
                take(place, guarded(&what, || chunk.cells(limits))??);
            }
        }
        Ok(())
    }
}

/// A column, a field inside one, or an element of a list: `loss`, `train.top1`, `losses.0`, `evals.-1.score`.
struct Part {
    /// The number of stored columns before it, of those of the same root.
    place: usize,
    /// The type of the column, reduced to the way to the part.
    reduced: ArrowDataType,
    /// The way from the column to the part.
    steps: Vec<Step>,
    /// The type of the part.
    leaf: ArrowDataType,
}

/// A step into a nested value.
#[derive(Clone, Copy)]
enum Step {
    /// Into the only field of a reduced object.
    Field,
    Element(Element),
}

impl Part {
    /// A value as a whole.
    fn whole(dtype: &ArrowDataType) -> Self {
        Self { place: 0, reduced: dtype.clone(), steps: Vec::new(), leaf: dtype.clone() }
    }

    /// The part inside a value at a path.
    fn inside(dtype: &ArrowDataType, path: &str) -> Option<Self> {
        let storage = dtype.to_storage();
        if let ArrowDataType::Struct(fields) = storage {
            let (at, part) = named(fields.iter(), path)?;
            let before: usize = fields[..at].iter().map(|field| leaves(&field.dtype)).sum();
            let way = Field::new(fields[at].name.clone(), part.reduced.clone(), fields[at].is_nullable);
            return Some(part.below(Step::Field, before, ArrowDataType::Struct(vec![way])));
        }
        let item = item(storage)?;
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let step = Step::Element(Element::of(first)?);
        let part = rest.map_or_else(|| Some(Self::whole(&item.dtype)), |rest| Self::inside(&item.dtype, rest))?;
        let way = with_items(storage, &part.reduced);
        Some(part.below(step, 0, way))
    }

    /// The part as one of an outer value.
    fn below(self, step: Step, before: usize, reduced: ArrowDataType) -> Self {
        let steps = [step].into_iter().chain(self.steps).collect();
        Self { place: before + self.place, reduced, steps, leaf: self.leaf }
    }
}

/// The index of the field with a name, or of the one that contains the path.
fn named<'a>(fields: impl Iterator<Item = &'a Field> + Clone, path: &str) -> Option<(usize, Part)> {
    if let Some((at, field)) = fields.clone().enumerate().find(|(_, field)| field.name.as_str() == path) {
        return Some((at, Part::whole(&field.dtype)));
    }
    fields.enumerate().find_map(|(at, field)| {
        let rest = path.strip_prefix(field.name.as_str())?.strip_prefix('.')?;
        Some((at, Part::inside(&field.dtype, rest)?))
    })
}

/// The place of each row's value among the values of lists; `None` where a list has no such element.
type Places = Vec<Option<usize>>;

/// The elements of a list.
fn item(dtype: &ArrowDataType) -> Option<&Field> {
    match dtype {
        ArrowDataType::List(item) | ArrowDataType::LargeList(item) | ArrowDataType::FixedSizeList(item, _) => {
            Some(item)
        }
        _ => None,
    }
}

/// A list with elements of another type; any other type as it is.
fn with_items(dtype: &ArrowDataType, of: &ArrowDataType) -> ArrowDataType {
    let other = |item: &Field| Box::new(Field::new(item.name.clone(), of.clone(), item.is_nullable));
    match dtype {
        ArrowDataType::List(item) => ArrowDataType::List(other(item)),
        ArrowDataType::LargeList(item) => ArrowDataType::LargeList(other(item)),
        ArrowDataType::FixedSizeList(item, size) => ArrowDataType::FixedSizeList(other(item), *size),
        same => same.clone(),
    }
}

/// Number of stored columns of a type.
fn leaves(dtype: &ArrowDataType) -> usize {
    match dtype.to_storage() {
        ArrowDataType::Struct(fields) => fields.iter().map(|field| leaves(&field.dtype)).sum(),
        ArrowDataType::Map(entries, _) => leaves(&entries.dtype),
        other => item(other).map_or(1, |item| leaves(&item.dtype)),
    }
}

fn is_nested(dtype: &ArrowDataType) -> bool {
    let dtype = dtype.to_storage();
    matches!(dtype, ArrowDataType::Struct(_) | ArrowDataType::Map(..)) || item(dtype).is_some()
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
    /// The column.
    root: &'a Field,
    /// The part of it that is read.
    part: &'a Part,
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

    /// The number of values: one for each row, or those of all lists and one for each empty list.
    fn count(&self, limits: &Limits) -> Result<usize, SourceError> {
        if self.chunk.descriptor().descriptor.max_rep_level == 0 {
            return Ok(self.rows);
        }
        let count = usize::try_from(self.chunk.num_values()).map_err(|_| self.fault("it has a negative size"))?;
        limits.allow_values(count, 1)?;
        Ok(count)
    }

    /// Checks the page headers: the unpacked size, and the number of values.
    fn check(&self, limits: &Limits) -> Result<u64, SourceError> {
        let count_of_values = self.count(limits)?;
        let range = self.range()?;
        let mut at = Cursor::new(&self.bytes[range]);
        let (mut unpacked, mut values) = (0, 0);
        while values < count_of_values {
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
            if values > count_of_values || count(of_dictionary) > limits.values {
                return Err(self.fault("it has more values than it declares"));
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
        // The decoder reserves the declared length for every row, whatever the pages contain.
        if let Stored::FixedLenByteArray(length) = stored.physical_type {
            limits.allow_bytes((length as u64).saturating_mul(self.rows as u64), "unpacks to")?;
        }
        let leaf = match (self.part.leaf.to_storage(), &stored.physical_type) {
            // The in-memory type needs features that polars was built without; its bytes do not.
            (ArrowDataType::Float16, Stored::FixedLenByteArray(2)) => ArrowDataType::FixedSizeBinary(2),
            (ArrowDataType::Decimal(precision, scale), Stored::FixedLenByteArray(17..)) => {
                ArrowDataType::Decimal256(*precision, *scale)
            }
            // Dictionary-encoded text is text.
            (ArrowDataType::Dictionary(_, values, _), _) => (**values).clone(),
            (other, _) => other.clone(),
        };
        let reduced = with_leaf(&self.part.reduced, &self.part.steps, leaf);
        let field = Field::new(self.root.name.clone(), reduced, self.root.is_nullable);
        let most = usize::try_from(limits.bytes).unwrap_or(usize::MAX);
        let pages = get_page_iterator(self.chunk, Cursor::new(self.bytes.clone()), Vec::new(), most);
        let pages = BasicDecompressor::new(pages.map_err(|error| self.fault(error))?, Vec::new());
        let (arrays, _) =
            column_iter_to_arrays(vec![pages], vec![stored], field, None).map_err(|error| self.fault(error))?;
        let mut cells = Vec::with_capacity(self.rows);
        for array in &arrays {
            let (array, rows) = self.follow(array.as_ref())?;
            let values = self.cells_of(array, limits)?;
            match rows {
                None => cells.extend(values),
                Some(rows) => {
                    let value =
                        |row: Option<usize>| row.and_then(|row| values.get(row).cloned()).unwrap_or(Cell::Empty);
                    cells.extend(rows.into_iter().map(value));
                }
            }
        }
        if cells.len() == self.rows { Ok(cells) } else { Err(self.fault("it has fewer values than rows")) }
    }

    /// The array of the part's values, and the index of each row's value if they are elements of lists.
    fn follow<'a>(&self, whole: &'a dyn Array) -> Result<(&'a dyn Array, Option<Places>), SourceError> {
        let (mut array, mut rows): (_, Option<Places>) = (whole, None);
        for step in &self.part.steps {
            let Step::Element(element) = step else {
                let inner = of::<StructArray>(array).and_then(|object| object.values().first());
                array = inner.ok_or_else(|| self.fault("it is not an object"))?.as_ref();
                continue;
            };
            let lists = Lists::of(array).ok_or_else(|| self.fault("it is not a list"))?;
            let place = |row: usize| {
                let (start, length) = lists.span(row).filter(|_| array.is_valid(row))?;
                Some(start + element.index(length)?)
            };
            rows = Some(match rows {
                None => (0..array.len()).map(place).collect(),
                Some(rows) => rows.into_iter().map(|row| place(row?)).collect(),
            });
            array = lists.values();
        }
        Ok((array, rows))
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

/// An array of lists.
enum Lists<'a> {
    Short(&'a ListArray<i32>),
    Long(&'a ListArray<i64>),
    Fixed(&'a FixedSizeListArray),
}

impl<'a> Lists<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        let short = || of(array).map(Self::Short);
        let long = || of(array).map(Self::Long);
        short().or_else(long).or_else(|| of(array).map(Self::Fixed))
    }

    /// The elements of all lists.
    fn values(&self) -> &'a dyn Array {
        match self {
            Self::Short(lists) => lists.values().as_ref(),
            Self::Long(lists) => lists.values().as_ref(),
            Self::Fixed(lists) => lists.values().as_ref(),
        }
    }

    /// The index of the first element of a list, and their number.
    fn span(&self, row: usize) -> Option<(usize, usize)> {
        let between = |start: i64, end: i64| {
            let start = usize::try_from(start).ok()?;
            Some((start, usize::try_from(end).ok()?.checked_sub(start)?))
        };
        match self {
            Self::Short(lists) => {
                let ends = lists.offsets().as_slice();
                between(i64::from(*ends.get(row)?), i64::from(*ends.get(row + 1)?))
            }
            Self::Long(lists) => {
                let ends = lists.offsets().as_slice();
                between(*ends.get(row)?, *ends.get(row + 1)?)
            }
            Self::Fixed(lists) => Some((row * lists.size(), lists.size())),
        }
    }
}

/// A reduced type with another type for the part at the end of its way.
fn with_leaf(reduced: &ArrowDataType, steps: &[Step], leaf: ArrowDataType) -> ArrowDataType {
    let Some((step, rest)) = steps.split_first() else { return leaf };
    match (step, reduced.to_storage()) {
        (Step::Field, ArrowDataType::Struct(way)) => {
            let inner = way.iter().map(|field| {
                Field::new(field.name.clone(), with_leaf(&field.dtype, rest, leaf.clone()), field.is_nullable)
            });
            ArrowDataType::Struct(inner.collect())
        }
        (_, list) => match item(list) {
            Some(item) => with_items(list, &with_leaf(&item.dtype, rest, leaf)),
            None => leaf,
        },
    }
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
