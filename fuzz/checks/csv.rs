//! A table of runs: the reader returns columns of numbers or an error.

use lawfit::source::{Format, Limits, Options, read};

pub(crate) fn check(bytes: &[u8]) {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let format = Format::ALL[usize::from(first) % Format::ALL.len()];
    if let Ok(columns) =
        read(rest.to_vec(), format, &["N".to_owned(), "L".to_owned()], &Options::default(), &Limits::USUAL)
    {
        assert_eq!(columns.len(), 2);
        assert_eq!(columns[0].len(), columns[1].len());
    }
}
