//! Separated values with a header; the separator is a comma, a tab, a semicolon or another character.

use std::ops::Range;
use std::sync::Arc;

use polars::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::header::{Header, joined};
use super::{
    Asked, Cell, Columns, Decimal, Fault, Limits, Reader, Settings, SourceError, TakeCells, cell, collected,
    first_line, in_units, shared, text,
};

/// Comma-separated values.
pub(super) struct Csv;

/// The settings of separated values.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(super) struct Separated {
    /// The character between values: ";" or "\t".
    pub(super) separator: Option<char>,
    /// The prefix of comment lines: "#".
    pub(super) comment: Option<String>,
    /// The decimal separator, "." or ","; the other character then groups thousands.
    pub(super) decimal: Option<Decimal>,
    /// Encoding of a text file that is not UTF-8, for example "latin1".
    pub(super) encoding: Option<String>,
    /// Line or row of the header, counted from 1, or several of them: `[1, 2]` joins their texts as `web / loss`.
    pub(super) header: Option<Header>,
}

impl Settings for Separated {
    fn check(&self) -> Vec<Fault> {
        let is_no_separator = |sign: char| !sign.is_ascii() || sign == '"' || sign == '\n';
        let wrong = [
            (
                "separator",
                self.separator.is_some_and(is_no_separator),
                "a separator must be one ASCII character other than a quote",
            ),
            ("comment", self.comment.as_deref() == Some(""), "the comment prefix is empty"),
        ];
        let header = self.header.as_ref().and_then(Header::fault);
        let wrong = wrong.into_iter().filter(|(_, is_wrong, _)| *is_wrong);
        wrong
            .map(|(key, _, message)| Fault::error("bad-setting", message).of_value(key))
            .chain(header.map(|message| Fault::error("bad-setting", message).of_value("header")))
            .chain(text::check(self.encoding.as_deref()))
            .collect()
    }

    fn decimal(&self) -> Option<Decimal> {
        self.decimal
    }
}

impl Reader for Csv {
    type Settings = Separated;

    fn endings(&self) -> &'static [&'static str] {
        &["csv"]
    }

    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_, Separated>) -> Result<Columns, SourceError> {
        separated(&bytes, asked, ',')
    }

    fn read_parts(
        &self,
        bytes: Arc<Vec<u8>>,
        asked: &Asked<'_, Separated>,
        take: &mut TakeCells<'_>,
    ) -> Result<(), SourceError> {
        in_parts(&bytes, asked, ',', PART, take)
    }
}

/// Minimum size of the parts in which a file is read, in bytes.
pub(super) const PART: usize = 16 << 20;

/// Reads separated values. `usual` is the separator if the options declare none.
pub(super) fn separated(
    bytes: &Arc<Vec<u8>>,
    asked: &Asked<'_, Separated>,
    usual: char,
) -> Result<Columns, SourceError> {
    collected(asked.columns.len(), |take| in_parts(bytes, asked, usual, PART, take))
}

/// Reads separated values in parts of at least `size` bytes, as [`separated`].
pub(super) fn in_parts(
    bytes: &Arc<Vec<u8>>,
    asked: &Asked<'_, Separated>,
    usual: char,
    size: usize,
    take: &mut TakeCells<'_>,
) -> Result<(), SourceError> {
    let Asked { columns, texts: as_written, how, limits } = *asked;
    let unreadable = |error: PolarsError| SourceError::Unreadable(first_line(&error.to_string()));
    let separator = how.separator.unwrap_or(usual);
    let bytes = from_header(text::text(bytes, how.encoding.as_deref(), limits)?, how, separator)?;
    let bytes = without_blank_lines(bytes, separator);
    // A row takes at least one line. Counting lines is fast; reading an oversized file is not.
    limits.allow_values(bytes.split(|byte| *byte == b'\n').count(), columns.len())?;
    let sign = u8::try_from(separator)
        .map_err(|_| SourceError::Unreadable(format!("`{separator}` cannot separate values")))?;
    check_lines(&bytes, sign, limits)?;
    // Every column is read as text, so that no cell is lost to a type inferred from the first rows.
    let reader = |part: Range<usize>| {
        let part = ScanSources::Buffers(Arc::from([shared(Arc::clone(&bytes)).sliced(part)]));
        LazyCsvReader::new_with_sources(part)
            .with_infer_schema_length(Some(0))
            .with_separator(sign)
            .with_comment_prefix(how.comment.as_deref().map(PlSmallStr::from))
    };
    let schema = reader(0..bytes.len()).finish().and_then(|mut frame| frame.collect_schema()).map_err(unreadable)?;
    let named = |column: &str| {
        schema.iter_names().find(|name| name.as_str() == column || name.trim() == column || unescaped(name) == column)
    };
    if let Some(column) = columns.iter().find(|column| named(column).is_none()) {
        let known: Vec<String> = schema.iter_names().map(|name| unescaped(name)).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        return Err(match written_otherwise(&known, separator) {
            Some(hint) => SourceError::Unreadable(hint),
            None => SourceError::no_column(column, known),
        });
    }
    let twice = columns.iter().find(|column| schema.iter_names().filter(|name| is_head(name, column)).count() > 1);
    if let Some(column) = twice {
        return Err(SourceError::Unreadable(format!(
            "two columns are named `{column}`; give one of them another name in its header"
        )));
    }
    let starts = parts(&bytes, sign, how.comment.as_deref(), size)?;
    let selected: Vec<Expr> =
        columns.iter().filter_map(|name| Some(col(named(name)?.clone()).alias(name.as_str()))).collect();
    let of_text = if how.decimal == Some(Decimal::Comma) { written } else { cell };
    for (at, start) in starts.iter().enumerate() {
        let part = reader(*start..starts.get(at + 1).copied().unwrap_or(bytes.len()));
        // Only the first part has the header; names could differ where a part ends after it.
        let part = if starts.len() == 1 { part } else { part.with_schema(Some(Arc::clone(&schema))) };
        let part = part.with_has_header(at == 0);
        let table = part.finish().and_then(|frame| frame.select(&selected).collect()).map_err(unreadable)?;
        for (place, name) in columns.iter().enumerate() {
            let texts = table.column(name).and_then(Column::str).map_err(unreadable)?;
            let of_text = if as_written.contains(name) { written } else { of_text };
            take(place, texts.iter().map(|text| text.map_or(Cell::Empty, of_text)).collect());
        }
    }
    Ok(())
}

/// A name of the header, in which the reader leaves quotes doubled.
fn unescaped(name: &str) -> String {
    name.replace("\"\"", "\"")
}

/// Whether a column has this name in the header. The reader numbers repeated names.
fn is_head(read: &str, column: &str) -> bool {
    let repeated = |name: &str| name.rsplit_once("_duplicated_").map(|(head, _)| head.trim() == column);
    read.trim() == column || repeated(read).unwrap_or(false)
}

/// A cell that stays text: of a column of texts, or of a file with decimal commas, since only its column knows the unit.
fn written(text: &str) -> Cell {
    if text.trim().is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }
}

/// The bytes from the header line on.
fn from_header(bytes: Arc<Vec<u8>>, how: &Separated, separator: char) -> Result<Arc<Vec<u8>>, SourceError> {
    let header = how.header.as_ref().filter(|header| header.lines() != [1]);
    let Some(header) = header else { return Ok(bytes) };
    // The start of a line; the line below the last one starts at the end.
    let start = |line: usize| {
        let Some(before) = line.checked_sub(2) else { return Ok(0) };
        let end = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(before);
        end.map(|(at, _)| at + 1).ok_or_else(|| {
            SourceError::Unreadable(format!("it has fewer than {line} lines, where the header is expected"))
        })
    };
    let lines = header.lines();
    if let [line] = lines {
        return Ok(Arc::new(bytes[start(*line)?..].to_vec()));
    }
    let fields = |line: &usize| {
        let text = bytes[start(*line)?..].split(|byte| *byte == b'\n').next().unwrap_or_default();
        Ok(fields(&String::from_utf8_lossy(text), separator))
    };
    let lines = lines.iter().map(fields).collect::<Result<Vec<_>, SourceError>>()?;
    let quoted = |heading: &String| format!("\"{}\"", heading.replace('"', "\"\""));
    let headings: Vec<String> = joined(&lines).iter().map(quoted).collect();
    let mut all = headings.join(&separator.to_string()).into_bytes();
    all.push(b'\n');
    all.extend_from_slice(&bytes[start(header.last() + 1)?..]);
    Ok(Arc::new(all))
}

/// The values of one line; a separator in quotes is part of a value.
fn fields(line: &str, separator: char) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut is_quoted = false;
    for sign in line.trim_end_matches('\r').chars() {
        match sign {
            '"' => is_quoted = !is_quoted,
            _ if sign == separator && !is_quoted => all.push(String::new()),
            _ => {
                if let Some(last) = all.last_mut() {
                    last.push(sign);
                }
            }
        }
    }
    all
}

/// The bytes without lines that have neither a value nor a separator, as they stand between blocks of rows. In a table of
/// one column such a line is a missing value, and in quotes it is part of a text.
fn without_blank_lines(bytes: Arc<Vec<u8>>, separator: char) -> Arc<Vec<u8>> {
    let is_separator = |byte: &u8| char::from(*byte) == separator;
    let is_blank = |line: &[u8]| !line.iter().any(is_separator) && line.trim_ascii().is_empty();
    let lines = || bytes.split_inclusive(|byte| *byte == b'\n');
    let has_columns = lines().find(|line| !is_blank(line)).is_some_and(|line| line.iter().any(is_separator));
    if !has_columns || !lines().any(is_blank) {
        return bytes;
    }
    let (mut kept, mut is_quoted) = (Vec::with_capacity(bytes.len()), false);
    for line in lines() {
        if is_quoted || !is_blank(line) {
            kept.extend_from_slice(line);
        }
        line.iter().for_each(|byte| is_quoted ^= *byte == b'"');
    }
    Arc::new(kept)
}

/// A hint if the header has none of the columns because of another separator or a comment line.
fn written_otherwise(header: &[&str], separator: char) -> Option<String> {
    let first = header.first()?;
    if first.starts_with('#') || first.starts_with('%') {
        let sign = &first[..1];
        return Some(format!("its first line begins with `{sign}`; if it is a comment, write `comment = \"{sign}\"`"));
    }
    let [only] = header else { return None };
    let others = [(';', ";"), ('\t', "\\t"), (',', ","), ('|', "|")];
    let (_, sign) = others.into_iter().find(|(sign, _)| *sign != separator && only.contains(*sign))?;
    Some(format!(
        "its header is one column, `{only:.60}`; if `{sign}` separates columns, write `separator = \"{sign}\"`"
    ))
}

/// Checks the length of lines and the number of columns, before a reader takes long over them.
fn check_lines(bytes: &[u8], separator: u8, limits: &Limits) -> Result<(), SourceError> {
    let mut lines = bytes.split(|byte| *byte == b'\n').enumerate();
    if let Some((line, _)) = lines.find(|(_, line)| line.len() > limits.line) {
        let most = in_units(limits.line as u64);
        return Err(SourceError::TooLarge(format!("line {} is longer than {most}", line + 1)));
    }
    let header = bytes.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let columns = header.split(|byte| *byte == separator).count();
    if columns > limits.columns {
        let most = limits.columns;
        return Err(SourceError::TooLarge(format!("it has {columns} columns; at most {most} are allowed")));
    }
    Ok(())
}

/// The starts of parts of at least `size` bytes that begin with a row. Checks that no row has more fields than the
/// header; the reader would drop the extra fields silently.
fn parts(bytes: &[u8], separator: u8, comment: Option<&str>, size: usize) -> Result<Vec<usize>, SourceError> {
    let mut starts = vec![0];
    let (mut next, mut row_start) = (0, 0);
    let comment = comment.map(str::as_bytes);
    let (mut header, mut row) = (None, 0);
    let (mut quoted, mut fields) = (false, 0);
    for line in bytes.split(|byte| *byte == b'\n') {
        let start = next;
        next += line.len() + 1;
        if !quoted && (line.trim_ascii().is_empty() || comment.is_some_and(|comment| line.starts_with(comment))) {
            continue;
        }
        if !quoted {
            row_start = start;
        }
        if quoted || line.contains(&b'"') {
            for byte in line {
                quoted ^= *byte == b'"';
                fields += usize::from(!quoted && *byte == separator);
            }
            if quoted {
                continue;
            }
        } else {
            fields += line.iter().map(|byte| usize::from(*byte == separator)).sum::<usize>();
        }
        match header {
            None => header = Some(fields),
            Some(most) if fields > most => {
                let [found, wanted] = [fields, most].map(|separators| separators + 1);
                let message = format!("row {} has {found} fields and the header {wanted}", row + 1);
                return Err(SourceError::Unreadable(message));
            }
            Some(most) => {
                // A part has a row before it, and begins with a complete row: the reader counts the fields of its first line.
                if fields == most && row > 0 && row_start - starts[starts.len() - 1] >= size {
                    starts.push(row_start);
                }
                row += 1;
            }
        }
        fields = 0;
    }
    if quoted { Err(SourceError::Unreadable("an opening quote is never closed".to_owned())) } else { Ok(starts) }
}

#[cfg(test)]
mod tests {
    use super::super::NO_TEXTS;
    use super::super::{Format, read};
    use super::*;
    use crate::source::Options;

    fn cells(bytes: &[u8], format: Format, columns: &[&str], how: &Separated) -> Result<Vec<Vec<Cell>>, SourceError> {
        let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
        read(bytes.to_vec(), format, &columns, &Options::of(how).unwrap(), &Limits::USUAL)
    }

    #[test]
    fn a_table_is_the_same_with_any_separator() {
        let plain = cells(b"N,L\n1,2.5\n", Format::Csv, &["N", "L"], &Separated::default()).unwrap();
        let tabs = cells(b"N\tL\n1\t2.5\n", Format::Tsv, &["N", "L"], &Separated::default()).unwrap();
        assert_eq!(plain, tabs);
        let bars = Separated { separator: Some('|'), ..Separated::default() };
        assert_eq!(cells(b"N | L\n1|2.5\n", Format::Csv, &["N", "L"], &bars).unwrap(), plain);
        let commented = Separated { comment: Some("#".to_owned()), ..Separated::default() };
        let text = b"# exported\n# by hand\nN,L\n1,2.5\n# end\n";
        assert_eq!(cells(text, Format::Csv, &["N", "L"], &commented).unwrap(), plain);
        let below = Separated { header: Some(Header::One(3)), ..Separated::default() };
        assert_eq!(cells(b"a report\n\nN,L\n1,2.5\n", Format::Csv, &["N", "L"], &below).unwrap(), plain);
    }

    #[test]
    fn a_quote_in_a_header_is_written_twice_as_in_a_cell() {
        let text = b"\"si\"\"ze\",\"a,b\"\n\"x\"\"y\",2.5\n";
        let found = cells(text, Format::Csv, &["si\"ze", "a,b"], &Separated::default()).unwrap();
        assert_eq!(found, [vec![Cell::Text("x\"y".to_owned())], vec![Cell::Number(2.5)]]);
    }

    #[test]
    fn blank_lines_are_no_rows_unless_the_table_has_one_column() {
        let read = |text: &str| cells(text.as_bytes(), Format::Csv, &["N"], &Separated::default()).unwrap().remove(0);
        let wanted = [Cell::Number(1.0), Cell::Number(2.0)];
        for text in [
            "N,L\n1,2.5\n\n2,2.4\n",
            "N,L\r\n1,2.5\r\n\r\n2,2.4\r\n\r\n",
            "N,L\n1,2.5\n2,2.4\n  \n",
            "\nN,L\n1,2.5\n2,2.4\n",
        ] {
            assert_eq!(read(text), wanted, "{text:?}");
        }
        assert_eq!(read("N\n1\n\n2\n")[1], Cell::Empty);
        // A line of separators is a row without values, and a blank line in quotes belongs to its cell.
        assert_eq!(read("N,L\n1,2.5\n,\n")[1], Cell::Empty);
        let quoted = cells(b"t,N\n\"a\n\nb\",1\n", Format::Csv, &["t"], &Separated::default()).unwrap();
        assert_eq!(quoted[0], [Cell::Text("a\n\nb".to_owned())]);
    }

    #[test]
    fn other_encodings_are_read_if_declared_and_refused_if_not() {
        let latin = b"mod\xe8le,N\n\xe9t\xe9,1\n";
        let error = cells(latin, Format::Csv, &["N"], &Separated::default()).unwrap_err().to_string();
        assert!(error.contains("byte 3") && error.contains("encoding = \"latin1\""), "{error}");
        let how = Separated { encoding: Some("latin1".to_owned()), ..Separated::default() };
        assert_eq!(cells(latin, Format::Csv, &["modèle"], &how).unwrap()[0], [Cell::Text("été".to_owned())]);
        let wide: Vec<u8> = "\u{feff}N,L\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(cells(&wide, Format::Csv, &["N"], &Separated::default()).unwrap()[0], [Cell::Number(1.0)]);
        let marked = "\u{feff}N,L\n1,2\n".as_bytes();
        assert_eq!(cells(marked, Format::Csv, &["N"], &Separated::default()).unwrap()[0], [Cell::Number(1.0)]);
    }

    #[test]
    fn a_header_with_another_separator_gets_a_hint_with_the_setting() {
        for (text, line) in [
            ("N;L\n1;2\n", "`separator = \";\"`"),
            ("N\tL\n1\t2\n", "`separator = \"\\t\"`"),
            ("# by hand\nN,L\n1,2\n", "`comment = \"#\"`"),
        ] {
            let error = cells(text.as_bytes(), Format::Csv, &["N"], &Separated::default()).unwrap_err().to_string();
            assert!(error.contains(line), "{text}: {error}");
        }
    }

    #[test]
    fn long_lines_and_many_columns_are_refused_before_they_are_read() {
        let how = Separated::default();
        let long = "N,L\n1,".to_owned() + &"9".repeat(Limits::USUAL.line);
        let error = cells(long.as_bytes(), Format::Csv, &["N"], &how).unwrap_err().to_string();
        assert_eq!(error, "line 2 is longer than 8 MiB");
        let wide = "N".to_owned() + &",L".repeat(Limits::USUAL.columns);
        let error = cells(wide.as_bytes(), Format::Csv, &["N"], &how).unwrap_err().to_string();
        assert_eq!(error, "it has 100001 columns; at most 100000 are allowed");
    }

    #[test]
    fn a_table_is_the_same_in_parts_of_any_size() {
        let columns = ["N", "note"].map(str::to_owned);
        let only = ["N".to_owned()];
        let how = Separated { comment: Some("#".to_owned()), ..Separated::default() };
        for (text, columns) in [
            ("N,note\n1,a\n2,\"b\n\n,c\"\n\n# d,e\n3B,f\n,\n5,\"g\"\"h\"\n6\n7,i", &columns[..]),
            ("#x\nN,note\r\n1,a\r\n2,b\r\n3,c\r\n4,\"d\r\n\"\r\n", &columns),
            ("N\n1\n2\n3\nfour\n5\n", &only),
        ] {
            let bytes = Arc::new(text.as_bytes().to_vec());
            let asked = Asked { columns, texts: NO_TEXTS, how: &how, limits: &Limits::USUAL };
            let read = |size| collected(columns.len(), |take| in_parts(&bytes, &asked, ',', size, take)).unwrap();
            let whole = read(PART);
            assert!(whole[0].len() >= 4, "{whole:?}");
            for size in [1, 3, 5, 8, 13] {
                assert!(parts(text.as_bytes(), b',', Some("#"), size).unwrap().len() > 1);
                assert_eq!(read(size), whole, "{text:?} in parts of {size} bytes");
            }
        }
    }

    #[test]
    fn a_name_that_two_columns_have_is_refused_only_where_it_is_read() {
        let table = b"N,L,L\n1,2.5,2.0\n";
        let error = cells(table, Format::Csv, &["L"], &Separated::default()).unwrap_err().to_string();
        assert!(error.starts_with("two columns are named `L`"), "{error}");
        assert_eq!(cells(table, Format::Csv, &["N"], &Separated::default()).unwrap()[0], [Cell::Number(1.0)]);
    }

    #[test]
    fn a_row_that_is_too_long_is_named() {
        let long = b"N,L\n1,\"2,\n3\"\n\n110,678,115\n";
        let error = cells(long, Format::Csv, &["N"], &Separated::default()).unwrap_err().to_string();
        assert_eq!(error, "row 2 has 3 fields and the header 2");
        let torn = cells(b"N,L\n1,\"2\n1,3\n", Format::Csv, &["N"], &Separated::default()).unwrap_err().to_string();
        assert!(torn.contains("never closed"), "{torn}");
    }
}
