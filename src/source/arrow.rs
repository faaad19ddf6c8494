//! Arrow IPC: files, which are also Feather files of version 2, and streams.

use std::sync::Arc;

#[cfg(feature = "arrow")]
use super::TakeCells;
use super::{Asked, Columns, NoSettings, Reader, SourceError};

pub(super) struct Arrow;

impl Reader for Arrow {
    type Settings = NoSettings;

    fn endings(&self) -> &'static [&'static str] {
        &["arrow", "arrows", "feather", "ipc"]
    }

    fn needs(&self) -> Option<&'static str> {
        if cfg!(feature = "arrow") { None } else { Some("arrow") }
    }

    #[cfg(feature = "arrow")]
    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_>) -> Result<Columns, SourceError> {
        super::collected(asked.columns.len(), |take| messages::read(&bytes, asked, take))
    }

    #[cfg(feature = "arrow")]
    fn read_parts(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_>, take: &mut TakeCells<'_>) -> Result<(), SourceError> {
        messages::read(&bytes, asked, take)
    }

    #[cfg(not(feature = "arrow"))]
    fn read(&self, _: Arc<Vec<u8>>, _: &Asked<'_>) -> Result<Columns, SourceError> {
        Err(SourceError::NoReader { feature: "arrow" })
    }
}

/// The messages of a file: where they are, whether they are sound, and the cells in them.
///
/// Each message is checked before it is decoded: its place in the file, and the size of everything that it declares.
/// Only one message is decoded at a time, and of it only the requested columns.
#[cfg(feature = "arrow")]
mod messages {
    use std::sync::Arc;

    use arrow_buffer::Buffer;
    use arrow_ipc::convert::try_fb_to_schema;
    use arrow_ipc::reader::{FileDecoder, read_footer_length};
    use arrow_ipc::{Block, Message, MessageHeader, MetadataVersion, RecordBatch, root_as_footer, root_as_message};
    use arrow_schema::{DataType, Schema};

    use crate::source::arrow::columns::{View, names, resolved};
    use crate::source::{Asked, Cell, Limits, SourceError, TakeCells, first_line, guarded};

    /// The first and the last bytes of a file; a stream has none.
    const MAGIC: &[u8] = b"ARROW1";
    /// The first bytes of a file of another format with the same ending.
    const FEATHER_1: &[u8] = b"FEA1";
    /// The first bytes of a message, except in files of before 2019.
    const CONTINUED: &[u8] = &[0xff; 4];

    /// The error for a fault at a byte.
    fn fault(at: usize, what: impl std::fmt::Display) -> SourceError {
        SourceError::Unreadable(format!("byte {at}: {}", first_line(&what.to_string())))
    }

    /// Reads the columns of all batches.
    pub(super) fn read(bytes: &[u8], asked: &Asked<'_>, take: &mut TakeCells<'_>) -> Result<(), SourceError> {
        let Asked { columns, limits, .. } = *asked;
        let layout = if bytes.starts_with(MAGIC) { of_file(bytes)? } else { of_stream(bytes)? };
        let mut wanted = Vec::new();
        for name in columns {
            let Some(column) = resolved(&layout.schema, name) else {
                let known = names(&layout.schema);
                return Err(SourceError::no_column(name, known.iter().map(String::as_str)));
            };
            wanted.push(column);
        }
        let mut used: Vec<usize> = wanted.iter().map(|column| column.at).collect();
        used.sort_unstable();
        used.dedup();
        let mut decoder = FileDecoder::new(Arc::new(layout.schema), layout.version).with_projection(used.clone());
        let (mut batches, mut rows, mut in_dictionaries) = (0, 0_usize, 0);
        let mut in_texts = vec![0; columns.len()];
        for place in layout.places {
            let message = place.message(bytes)?;
            let body = place.body(bytes)?;
            let (block, data) = (place.block(), Buffer::from(&bytes[place.at..place.end()]));
            if let Some(dictionary) = message.header_as_dictionary_batch() {
                let batch = dictionary.data().ok_or_else(|| fault(place.at, "a dictionary has no values"))?;
                in_dictionaries += checked(&batch, body, limits).map_err(|error| place.fault(error))?;
                limits.allow_bytes(in_dictionaries, "has dictionaries of")?;
                let read =
                    guarded(&format!("the dictionary at byte {}", place.at), || decoder.read_dictionary(&block, &data));
                read?.map_err(|error| fault(place.at, format!("a dictionary: {error}")))?;
            } else if let Some(batch) = message.header_as_record_batch() {
                batches += 1;
                let what = format!("batch {batches} (byte {})", place.at);
                let wrong =
                    |error: &dyn std::fmt::Display| SourceError::Unreadable(first_line(&format!("{what}: {error}")));
                rows = rows.saturating_add(usize::try_from(batch.length()).map_err(|error| wrong(&error))?);
                limits.allow_values(rows, columns.len())?;
                checked(&batch, body, limits).map_err(|error| place.fault(error))?;
                let decoded = guarded(&what, || decoder.read_record_batch(&block, &data))?;
                let Some(decoded) = decoded.map_err(|error| wrong(&error))? else { continue };
                for (place, (name, column)) in columns.iter().zip(&wanted).enumerate() {
                    let at = used.binary_search(&column.at).unwrap_or_default();
                    let array = decoded.columns().get(at).ok_or_else(|| wrong(&"it lacks a column"))?;
                    let cells = guarded(&what, || View::new(array).follow(&column.steps).cells(name))??;
                    in_texts[place] += texts(&cells);
                    limits.allow_bytes(in_texts[place], &format!("has, in column `{name}`, texts of"))?;
                    take(place, cells);
                }
            } else if message.header_type() != MessageHeader::Schema {
                return Err(fault(place.at, "the message is neither a batch of rows nor a dictionary"));
            }
        }
        Ok(())
    }

    /// The bytes of the texts in cells.
    fn texts(cells: &[Cell]) -> u64 {
        let size = |cell: &Cell| if let Cell::Text(text) = cell { text.len() as u64 } else { 0 };
        cells.iter().map(size).sum()
    }

    /// What a file contains and where.
    struct Layout {
        schema: Schema,
        version: MetadataVersion,
        places: Vec<Place>,
    }

    /// The place of a message in a file.
    struct Place {
        at: usize,
        /// Bytes of the head, with the length before it.
        head: usize,
        /// Bytes of the body behind the head.
        body: usize,
    }

    impl Place {
        /// A place that a file declares.
        fn of(block: &Block) -> Option<Self> {
            let at = usize::try_from(block.offset()).ok()?;
            let head = usize::try_from(block.metaDataLength()).ok()?;
            let body = usize::try_from(block.bodyLength()).ok()?;
            at.checked_add(head)?.checked_add(body)?;
            Some(Self { at, head, body })
        }

        fn block(&self) -> Block {
            Block::new(self.at as i64, self.head as i32, self.body as i64)
        }

        fn end(&self) -> usize {
            self.at + self.head + self.body
        }

        fn fault(&self, error: SourceError) -> SourceError {
            match error {
                SourceError::Unreadable(what) => fault(self.at, what),
                other => other,
            }
        }

        /// The head of the message.
        fn message<'a>(&self, bytes: &'a [u8]) -> Result<Message<'a>, SourceError> {
            let head = bytes.get(self.at..self.at + self.head).filter(|_| self.end() <= bytes.len());
            let head =
                head.ok_or_else(|| fault(self.at, "the message lies outside the file, which may be truncated"))?;
            let prefix = if head.starts_with(CONTINUED) { 8 } else { 4 };
            let head = head.get(prefix..).ok_or_else(|| fault(self.at, "the message has no head"))?;
            root_as_message(head).map_err(|error| fault(self.at, error))
        }

        fn body<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], SourceError> {
            let body = bytes.get(self.at + self.head..self.end());
            body.ok_or_else(|| fault(self.at, "the message lies outside the file, which may be truncated"))
        }
    }

    /// The schema of a head, if its numbers are in the order of this machine's bytes.
    fn schema(written: Option<arrow_ipc::Schema<'_>>, at: usize) -> Result<Schema, SourceError> {
        let written = written.ok_or_else(|| fault(at, "there is no schema"))?;
        if !written.endianness().equals_to_target_endianness() {
            return Err(fault(at, "the numbers are stored in another byte order"));
        }
        let schema = guarded("the schema", || try_fb_to_schema(written))?;
        schema.map_err(|error| fault(at, error))
    }

    /// The layout of a file, which its footer describes.
    fn of_file(bytes: &[u8]) -> Result<Layout, SourceError> {
        const TRAILER: usize = 10;
        let trailer = bytes.len().checked_sub(TRAILER).and_then(|start| bytes.get(start..)?.try_into().ok());
        let trailer: [u8; TRAILER] = trailer.ok_or_else(|| fault(bytes.len(), "the file is truncated"))?;
        if !trailer.ends_with(MAGIC) {
            return Err(fault(bytes.len(), "the file is truncated: it does not end with `ARROW1`"));
        }
        let end = bytes.len() - TRAILER;
        let length = read_footer_length(trailer).map_err(|error| fault(end, error))?;
        let start = end.checked_sub(length).ok_or_else(|| fault(end, "the footer is longer than the file"))?;
        let footer = root_as_footer(&bytes[start..end]).map_err(|error| fault(start, error))?;
        let blocks = footer.dictionaries().into_iter().flatten().chain(footer.recordBatches().into_iter().flatten());
        let places: Option<Vec<Place>> = blocks.map(Place::of).collect();
        Ok(Layout {
            schema: schema(footer.schema(), start)?,
            version: footer.version(),
            places: places.ok_or_else(|| fault(start, "the footer declares a message of a negative size"))?,
        })
    }

    /// The layout of a stream, which begins with its schema and whose end may be marked by an empty message.
    fn of_stream(bytes: &[u8]) -> Result<Layout, SourceError> {
        if bytes.starts_with(FEATHER_1) {
            let message = "it is a Feather file of version 1; write it again in version 2, which is Arrow IPC";
            return Err(SourceError::Unreadable(message.to_owned()));
        }
        let foreign = || fault(0, "it is not an Arrow file or stream");
        let mut layout: Option<Layout> = None;
        let mut at = 0;
        let number = |at: usize| bytes.get(at..at + 4).and_then(|four| Some(i32::from_le_bytes(four.try_into().ok()?)));
        while at < bytes.len() {
            let prefix = if bytes[at..].starts_with(CONTINUED) { 8 } else { 4 };
            let length = number(at + prefix - 4).ok_or_else(|| fault(at, "the stream is truncated"))?;
            if length == 0 {
                break;
            }
            let length = usize::try_from(length).map_err(|_| fault(at, "the message has a negative size"))?;
            let mut place = Place { at, head: prefix + length, body: 0 };
            let message = place.message(bytes).map_err(|error| if at == 0 { foreign() } else { error })?;
            let body = usize::try_from(message.bodyLength()).ok().filter(|body| *body <= bytes.len() - place.end());
            place.body = body.ok_or_else(|| fault(at, "the message is longer than the rest of the stream"))?;
            at = place.end();
            if let Some(layout) = &mut layout {
                layout.places.push(place);
            } else {
                let schema = schema(message.header_as_schema(), place.at)?;
                layout = Some(Layout { schema, version: message.version(), places: Vec::new() });
            }
        }
        layout.ok_or_else(foreign)
    }

    /// The unpacked size of a batch, whose buffers must lie inside its body.
    fn checked(batch: &RecordBatch<'_>, body: &[u8], limits: &Limits) -> Result<u64, SourceError> {
        let outside = || SourceError::Unreadable("a buffer lies outside its message".to_owned());
        let is_packed = batch.compression().is_some();
        let mut unpacked = 0_u64;
        for buffer in batch.buffers().iter().flatten() {
            let start = usize::try_from(buffer.offset()).map_err(|_| outside())?;
            let length = usize::try_from(buffer.length()).map_err(|_| outside())?;
            let end = start.checked_add(length).ok_or_else(outside)?;
            let part = body.get(start..end).ok_or_else(outside)?;
            let declared = part.get(..8).filter(|_| is_packed).and_then(|eight| eight.try_into().ok());
            unpacked = unpacked.saturating_add(match declared.map(i64::from_le_bytes) {
                // The buffer is stored as it is.
                None | Some(-1) => length as u64,
                Some(size) => u64::try_from(size)
                    .map_err(|_| SourceError::Unreadable("a buffer has a negative size".to_owned()))?,
            });
            limits.allow_bytes(unpacked, "unpacks to")?;
        }
        let is_sound = |node: &arrow_ipc::FieldNode| (0..=node.length()).contains(&node.null_count());
        if batch.nodes().iter().flatten().all(is_sound) {
            return Ok(unpacked);
        }
        Err(SourceError::Unreadable("a column has more missing values than rows".to_owned()))
    }

    /// The type of a column without its encoding.
    pub(super) fn plain(dtype: &DataType) -> &DataType {
        match dtype {
            DataType::Dictionary(_, values) => plain(values),
            DataType::RunEndEncoded(_, values) => plain(values.data_type()),
            other => other,
        }
    }
}

/// The columns of a batch, and the fields and elements inside them, as cells.
#[cfg(feature = "arrow")]
mod columns {
    use arrow_array::cast::AsArray;
    #[allow(clippy::wildcard_imports, reason = "one type for each kind of number")]
    use arrow_array::types::*;
    use arrow_array::{Array, ArrayRef, Int32Array, Int64Array, PrimitiveArray, RunArray};
    use arrow_buffer::ArrowNativeType;
    use arrow_schema::{DataType, Field, FieldRef, Schema, TimeUnit};

    use crate::source::arrow::messages::plain;
    use crate::source::path::Element;
    use crate::source::typed::{Clock, decimal};
    use crate::source::{Cell, SourceError, cell_of_text};

    /// A column of a file, or a part of one: `train.top1`, `losses.0`.
    pub(super) struct Column {
        /// Its index in the file.
        pub(super) at: usize,
        /// The way from the column to the part.
        pub(super) steps: Vec<Step>,
    }

    /// A step into a nested value.
    pub(super) enum Step {
        Field(usize),
        Element(Element),
    }

    /// The column with a name, or the part of one at a path.
    pub(super) fn resolved(schema: &Schema, name: &str) -> Option<Column> {
        let (at, steps) = field(schema.fields(), name)?;
        Some(Column { at, steps })
    }

    fn field(fields: &[FieldRef], name: &str) -> Option<(usize, Vec<Step>)> {
        if let Some(at) = fields.iter().position(|field| field.name() == name) {
            return Some((at, Vec::new()));
        }
        fields.iter().enumerate().find_map(|(at, field)| {
            let rest = name.strip_prefix(field.name().as_str())?.strip_prefix('.')?;
            Some((at, inside(field.data_type(), rest)?))
        })
    }

    /// The steps of a path inside a value.
    fn inside(dtype: &DataType, path: &str) -> Option<Vec<Step>> {
        if let DataType::Struct(fields) = plain(dtype) {
            let (at, rest) = field(fields, path)?;
            return Some([Step::Field(at)].into_iter().chain(rest).collect());
        }
        let item = item(plain(dtype))?;
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let rest = rest.map_or(Some(Vec::new()), |rest| inside(item.data_type(), rest))?;
        Some([Step::Element(Element::of(first)?)].into_iter().chain(rest).collect())
    }

    /// The elements of a list.
    fn item(dtype: &DataType) -> Option<&Field> {
        match dtype {
            DataType::List(item)
            | DataType::LargeList(item)
            | DataType::ListView(item)
            | DataType::LargeListView(item)
            | DataType::FixedSizeList(item, _) => Some(item),
            _ => None,
        }
    }

    /// The names of everything readable in a file.
    pub(super) fn names(schema: &Schema) -> Vec<String> {
        fn of(field: &FieldRef) -> Vec<String> {
            match plain(field.data_type()) {
                DataType::Struct(inner) => {
                    inner.iter().flat_map(of).map(|name| format!("{}.{name}", field.name())).collect()
                }
                _ => vec![field.name().clone()],
            }
        }
        schema.fields().iter().flat_map(of).collect()
    }

    /// The value of each row: an index into an array, or nothing.
    pub(super) struct View {
        array: ArrayRef,
        rows: Vec<Option<usize>>,
    }

    impl View {
        /// All rows of an array.
        pub(super) fn new(array: &ArrayRef) -> Self {
            Self { array: ArrayRef::clone(array), rows: (0..array.len()).map(Some).collect() }.plain()
        }

        /// The part of each value at the end of the steps.
        pub(super) fn follow(self, steps: &[Step]) -> Self {
            steps.iter().fold(self, |view, step| match step {
                Step::Field(at) => view.field(*at),
                Step::Element(element) => view.element(*element),
            })
        }

        /// Values of another array: `place` gives the index for the index of a value that is not missing.
        fn into(self, array: ArrayRef, place: impl Fn(usize) -> Option<usize>) -> Self {
            let of = |row: Option<usize>| place(row.filter(|row| self.array.is_valid(*row))?);
            let rows = self.rows.iter().map(|row| of(*row)).collect();
            Self { array, rows }
        }

        /// The values without dictionaries and runs.
        fn plain(self) -> Self {
            let array = ArrayRef::clone(&self.array);
            let plain = match array.data_type() {
                DataType::Dictionary(..) => {
                    let encoded = array.as_any_dictionary();
                    let values = ArrayRef::clone(encoded.values());
                    let keys = if values.is_empty() { Vec::new() } else { encoded.normalized_keys() };
                    self.into(values, |row| keys.get(row).copied())
                }
                DataType::RunEndEncoded(ends, _) => match ends.data_type() {
                    DataType::Int16 => self.of_runs::<Int16Type>(array.as_run()),
                    DataType::Int32 => self.of_runs::<Int32Type>(array.as_run()),
                    _ => self.of_runs::<Int64Type>(array.as_run()),
                },
                _ => return self,
            };
            plain.plain()
        }

        fn of_runs<R: RunEndIndexType>(self, runs: &RunArray<R>) -> Self {
            self.into(ArrayRef::clone(runs.values()), |row| Some(runs.get_physical_index(row)))
        }

        fn field(self, at: usize) -> Self {
            let inner = ArrayRef::clone(self.array.as_struct().column(at));
            self.into(inner, Some).plain()
        }

        fn element(self, element: Element) -> Self {
            let array = ArrayRef::clone(&self.array);
            let within = |start: usize, length: usize| Some(start + element.index(length)?);
            let elements = match array.data_type() {
                DataType::List(_) => {
                    let lists = array.as_list::<i32>();
                    let ends = lists.value_offsets();
                    let place = |row: usize| within(ends[row].as_usize(), lists.value_length(row).as_usize());
                    self.into(ArrayRef::clone(lists.values()), place)
                }
                DataType::LargeList(_) => {
                    let lists = array.as_list::<i64>();
                    let ends = lists.value_offsets();
                    let place = |row: usize| within(ends[row].as_usize(), lists.value_length(row).as_usize());
                    self.into(ArrayRef::clone(lists.values()), place)
                }
                DataType::ListView(_) => {
                    let lists = array.as_list_view::<i32>();
                    let place =
                        |row: usize| within(lists.value_offset(row).as_usize(), lists.value_size(row).as_usize());
                    self.into(ArrayRef::clone(lists.values()), place)
                }
                DataType::LargeListView(_) => {
                    let lists = array.as_list_view::<i64>();
                    let place =
                        |row: usize| within(lists.value_offset(row).as_usize(), lists.value_size(row).as_usize());
                    self.into(ArrayRef::clone(lists.values()), place)
                }
                _ => {
                    let lists = array.as_fixed_size_list();
                    let length = lists.value_length().as_usize();
                    self.into(ArrayRef::clone(lists.values()), |row| within(row * length, length))
                }
            };
            elements.plain()
        }

        /// The cell of each row.
        pub(super) fn cells(&self, name: &str) -> Result<Vec<Cell>, SourceError> {
            if let Some(clock) = clock(self.array.data_type()) {
                return self.times(name, clock);
            }
            let array = self.array.as_ref();
            Ok(match array.data_type() {
                DataType::Null => vec![Cell::Empty; self.rows.len()],
                DataType::Boolean => {
                    let truths = array.as_boolean();
                    self.each(|row| Cell::Text(truths.value(row).to_string()))
                }
                DataType::Int8 => self.numbers::<Int8Type>(f64::from),
                DataType::Int16 => self.numbers::<Int16Type>(f64::from),
                DataType::Int32 => self.numbers::<Int32Type>(f64::from),
                DataType::Int64 => self.numbers::<Int64Type>(|number| number as f64),
                DataType::UInt8 => self.numbers::<UInt8Type>(f64::from),
                DataType::UInt16 => self.numbers::<UInt16Type>(f64::from),
                DataType::UInt32 => self.numbers::<UInt32Type>(f64::from),
                DataType::UInt64 => self.numbers::<UInt64Type>(|number| number as f64),
                DataType::Float16 => self.numbers::<Float16Type>(f64::from),
                DataType::Float32 => self.numbers::<Float32Type>(f64::from),
                DataType::Float64 => self.numbers::<Float64Type>(|number| number),
                DataType::Decimal32(_, scale) => self.decimals::<Decimal32Type>(*scale),
                DataType::Decimal64(_, scale) => self.decimals::<Decimal64Type>(*scale),
                DataType::Decimal128(_, scale) => self.decimals::<Decimal128Type>(*scale),
                DataType::Decimal256(_, scale) => self.decimals::<Decimal256Type>(*scale),
                DataType::Utf8 => {
                    let texts = array.as_string::<i32>();
                    self.each(|row| cell_of_text(texts.value(row)))
                }
                DataType::LargeUtf8 => {
                    let texts = array.as_string::<i64>();
                    self.each(|row| cell_of_text(texts.value(row)))
                }
                DataType::Utf8View => {
                    let texts = array.as_string_view();
                    self.each(|row| cell_of_text(texts.value(row)))
                }
                other => return Err(nested(name, other)),
            })
        }

        fn each(&self, cell: impl Fn(usize) -> Cell) -> Vec<Cell> {
            let there = |row: &Option<usize>| row.filter(|row| self.array.is_valid(*row));
            self.rows.iter().map(|row| there(row).map_or(Cell::Empty, &cell)).collect()
        }

        fn numbers<T: ArrowPrimitiveType>(&self, number: impl Fn(T::Native) -> f64) -> Vec<Cell> {
            let numbers: &PrimitiveArray<T> = self.array.as_primitive();
            self.each(|row| Cell::Number(number(numbers.value(row))))
        }

        fn decimals<T: DecimalType>(&self, scale: i8) -> Vec<Cell>
        where
            T::Native: std::fmt::Display,
        {
            self.numbers::<T>(|units| decimal(&units.to_string(), i32::from(scale)))
        }

        /// Dates, times and durations, which are stored as integers of 32 or 64 bits.
        fn times(&self, name: &str, clock: Clock) -> Result<Vec<Cell>, SourceError> {
            let narrow = matches!(self.array.data_type(), DataType::Date32 | DataType::Time32(_));
            let stored = if narrow { DataType::Int32 } else { DataType::Int64 };
            let counts = self.array.to_data().into_builder().data_type(stored).build();
            let counts = counts.map_err(|_| nested(name, self.array.data_type()))?;
            if narrow {
                let counts = Int32Array::from(counts);
                return Ok(self.each(|row| clock.cell(i64::from(counts.value(row)))));
            }
            let counts = Int64Array::from(counts);
            Ok(self.each(|row| clock.cell(counts.value(row))))
        }
    }

    /// The meaning of the integers of a type, if they are dates, times or durations.
    fn clock(dtype: &DataType) -> Option<Clock> {
        let parts = |unit: &TimeUnit| match unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        };
        Some(match dtype {
            DataType::Date32 => Clock::Days,
            DataType::Date64 => Clock::Instant(1_000, false),
            DataType::Timestamp(unit, zone) => Clock::Instant(parts(unit), zone.is_some()),
            DataType::Time32(unit) | DataType::Time64(unit) => Clock::Midnight(parts(unit)),
            DataType::Duration(unit) => Clock::Length(parts(unit)),
            _ => return None,
        })
    }

    /// The error for a column that holds neither numbers nor text.
    fn nested(name: &str, found: &DataType) -> SourceError {
        let found = match found {
            DataType::Interval(_) => "intervals of months and days",
            DataType::Struct(_) | DataType::Map(..) => "objects",
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "bytes",
            other if item(other).is_some() => "lists",
            _ => "something else",
        };
        SourceError::Nested { column: name.to_owned(), found: found.to_owned() }
    }
}
