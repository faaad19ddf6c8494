//! Parquet files written byte by byte, with any type and any false size.
//!
//! The format is that of <https://github.com/apache/parquet-format>; headers use Thrift's compact protocol.

/// A Thrift value.
pub(super) enum Thrift<'a> {
    I32(i64),
    I64(i64),
    Bytes(&'a [u8]),
    Struct(Vec<(i16, Thrift<'a>)>),
    List(Vec<Thrift<'a>>),
}
use Thrift::{Bytes, I32, I64, List, Struct};

impl Thrift<'_> {
    fn kind(&self) -> u8 {
        match self {
            I32(_) => 5,
            I64(_) => 6,
            Bytes(_) => 8,
            List(_) => 9,
            Struct(_) => 12,
        }
    }

    fn write(&self, into: &mut Vec<u8>) {
        match self {
            I32(number) | I64(number) => varint(((number << 1) ^ (number >> 63)) as u64, into),
            Bytes(bytes) => {
                varint(bytes.len() as u64, into);
                into.extend(*bytes);
            }
            List(items) => {
                let kind = items.first().map_or(12, Thrift::kind);
                if items.len() < 15 {
                    into.push((items.len() as u8) << 4 | kind);
                } else {
                    into.push(0xf0 | kind);
                    varint(items.len() as u64, into);
                }
                items.iter().for_each(|item| item.write(into));
            }
            Struct(fields) => {
                let mut last = 0;
                for (id, value) in fields {
                    into.push(((id - last) as u8) << 4 | value.kind());
                    value.write(into);
                    last = *id;
                }
                into.push(0);
            }
        }
    }
}

fn varint(mut number: u64, into: &mut Vec<u8>) {
    while number >= 0x80 {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

/// The numbers of Parquet's physical types.
pub(super) const INT64: i64 = 2;
pub(super) const INT96: i64 = 3;
pub(super) const DOUBLE: i64 = 5;
pub(super) const TEXTS: i64 = 6;
pub(super) const FIXED: i64 = 7;

/// A column without missing values.
pub(super) struct Column {
    pub(super) name: String,
    /// The physical type, and the length of byte arrays of fixed length.
    pub(super) physical: i64,
    pub(super) length: Option<i64>,
    /// The logical type: the field of the union of logical types, and its content; `None` for plain numbers.
    pub(super) logical: Option<(i16, Vec<(i16, i64)>)>,
    /// Number of values that the page declares.
    pub(super) values: i64,
    /// The values, in plain encoding.
    pub(super) plain: Vec<u8>,
    /// The values of a dictionary and their number. If there is one, `plain` holds indices.
    pub(super) dictionary: Option<(Vec<u8>, i64)>,
}

impl Column {
    /// A column of numbers.
    pub(super) fn doubles(name: &str, values: &[f64]) -> Self {
        let plain = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { plain, ..Self::of(name, DOUBLE, values.len()) }
    }

    /// A column of a type, without values.
    pub(super) fn of(name: &str, physical: i64, values: usize) -> Self {
        let (name, values) = (name.to_owned(), values as i64);
        Self { name, physical, length: None, logical: None, values, plain: Vec::new(), dictionary: None }
    }

    /// A column that repeats one value. It takes a few bytes for any number of rows.
    pub(super) fn repeated(name: &str, physical: i64, value: &[u8], often: usize) -> Self {
        let mut plain = vec![1];
        varint((often as u64) << 1, &mut plain);
        plain.push(0);
        Self { plain, dictionary: Some((value.to_vec(), 1)), ..Self::of(name, physical, often) }
    }
}

/// A file of columns; its footer declares `rows` rows.
pub(super) fn file(columns: &[Column], rows: i64) -> Vec<u8> {
    let mut bytes = b"PAR1".to_vec();
    let mut chunks = Vec::new();
    let mut schema = vec![Struct(vec![(4, Bytes(b"schema")), (5, I32(columns.len() as i64))])];
    for column in columns {
        let start = bytes.len();
        let dictionary = column.dictionary.as_ref().map(|(values, count)| {
            page(2, (7, vec![(1, I32(*count)), (2, I32(0))]), values, &mut bytes);
            start
        });
        let data = bytes.len();
        let encoding = if dictionary.is_some() { 8 } else { 0 };
        let head = vec![(1, I32(column.values)), (2, I32(encoding)), (3, I32(3)), (4, I32(3))];
        page(0, (5, head), &column.plain, &mut bytes);
        let size = (bytes.len() - start) as i64;
        let mut about = vec![
            (1, I32(column.physical)),
            (2, List(vec![I32(0), I32(3), I32(8)])),
            (3, List(vec![Bytes(column.name.as_bytes())])),
            (4, I32(0)),
            (5, I64(column.values)),
            (6, I64(size)),
            (7, I64(size)),
            (9, I64(data as i64)),
        ];
        about.extend(dictionary.map(|at| (11, I64(at as i64))));
        chunks.push(Struct(vec![(2, I64(start as i64)), (3, Struct(about))]));
        let mut field = vec![(1, I32(column.physical))];
        field.extend(column.length.map(|length| (2, I32(length))));
        field.extend([(3, I32(0)), (4, Bytes(column.name.as_bytes()))]);
        if let Some((kind, inside)) = &column.logical {
            let inside = inside.iter().map(|(id, value)| (*id, I32(*value))).collect();
            field.push((10, Struct(vec![(*kind, Struct(inside))])));
        }
        schema.push(Struct(field));
    }
    let total = bytes.len() as i64;
    let group = Struct(vec![(1, List(chunks)), (2, I64(total)), (3, I64(rows))]);
    let about = Struct(vec![(1, I32(1)), (2, List(schema)), (3, I64(rows)), (4, List(vec![group]))]);
    let start = bytes.len();
    about.write(&mut bytes);
    let length = (bytes.len() - start) as u32;
    bytes.extend(length.to_le_bytes());
    bytes.extend(b"PAR1");
    bytes
}

/// Writes a page: its kind, the header of that kind, and its bytes.
fn page(kind: i64, (field, head): (i16, Vec<(i16, Thrift<'_>)>), data: &[u8], into: &mut Vec<u8>) {
    let size = data.len() as i64;
    Struct(vec![(1, I32(kind)), (2, I32(size)), (3, I32(size)), (field, Struct(head))]).write(into);
    into.extend(data);
}
