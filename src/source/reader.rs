//! What a format is to the others: the trait of readers, and the same trait with the settings of all formats in one type.

use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::settings::{Fault, NoSettings, Options, Settings, keys};
use super::{Cell, Columns, Decimal, Limits, SourceError};

/// A function that receives the place of a column and the next of its cells.
pub type TakeCells<'a> = dyn FnMut(usize, Vec<Cell>) + 'a;

/// For a request in which no column has to stay as it is written.
pub const NO_TEXTS: &BTreeSet<String> = &BTreeSet::new();

/// A request to a reader.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a, S = NoSettings> {
    /// The names of the requested columns.
    pub columns: &'a [String],
    /// Those of them whose cells stay as they are written, in a format that does not tell texts from numbers.
    pub texts: &'a BTreeSet<String>,
    /// The settings in the spec.
    pub how: &'a S,
    /// The maximum size of the table.
    pub limits: &'a Limits,
}

/// A reader of one format; [`Format`](super::Format) lists all of them.
pub trait Reader: Sync {
    /// The settings that a source of this format can have; [`NoSettings`] if there are none.
    type Settings: Settings;

    /// File name endings of this format, without the dot.
    fn endings(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a file name in lower case belongs to this format, for formats without an ending of their own.
    fn is_named(&self, _file: &str) -> bool {
        false
    }

    /// Whether a file is a database, to which programs may be writing.
    fn is_database(&self) -> bool {
        false
    }

    /// The feature that this build lacks to read it; `None` if it is available.
    fn needs(&self) -> Option<&'static str> {
        None
    }

    /// Whether it provides histories of runs, with the columns `run` and `step`.
    fn is_history(&self) -> bool {
        false
    }

    /// The column with the planned last step of a run, where the format has one.
    fn planned_steps(&self) -> Option<&'static str> {
        None
    }

    /// Whether its files are themselves zip archives.
    fn is_archive(&self) -> bool {
        false
    }

    /// Reads columns of one file: one list of cells per name, in the order of the names.
    ///
    /// # Errors
    /// If the bytes are not of this format, lack a column, or exceed the limits.
    fn read(&self, bytes: Arc<Vec<u8>>, asked: &Asked<'_, Self::Settings>) -> Result<Columns, SourceError>;

    /// Reads columns part by part, so that not all cells are in memory at once. `take` receives the place of a column
    /// among the requested ones and the next of its cells.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn read_parts(
        &self,
        bytes: Arc<Vec<u8>>,
        asked: &Asked<'_, Self::Settings>,
        take: &mut TakeCells<'_>,
    ) -> Result<(), SourceError> {
        self.read(bytes, asked)?.into_iter().enumerate().for_each(|(place, cells)| take(place, cells));
        Ok(())
    }
}

/// A [`Reader`] whose settings are [`Options`], so that readers with different settings are of one type.
pub trait AnyReader: Sync {
    /// As [`Reader::endings`].
    fn endings(&self) -> &'static [&'static str];

    /// As [`Reader::is_named`].
    fn is_named(&self, file: &str) -> bool;

    /// As [`Reader::is_database`].
    fn is_database(&self) -> bool;

    /// As [`Reader::needs`].
    fn needs(&self) -> Option<&'static str>;

    /// As [`Reader::is_history`].
    fn is_history(&self) -> bool;

    /// As [`Reader::planned_steps`].
    fn planned_steps(&self) -> Option<&'static str>;

    /// As [`Reader::is_archive`].
    fn is_archive(&self) -> bool;

    /// The keys of its settings.
    fn settings(&self) -> &'static [&'static str];

    /// The schema of its settings.
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema;

    /// As [`Settings::check`].
    ///
    /// # Errors
    /// A setting does not have the type of its key.
    fn check(&self, options: &Options) -> Result<Vec<Fault>, SourceError>;

    /// As [`Settings::decimal`]; `None` also if a setting does not have the type of its key.
    fn decimal(&self, options: &Options) -> Option<Decimal>;

    /// As [`Settings::question`]; `None` also if a setting does not have the type of its key.
    fn question(&self, options: &Options) -> Option<String>;

    /// As [`Reader::read_parts`].
    ///
    /// # Errors
    /// As [`Reader::read_parts`], or a setting does not have the type of its key.
    fn read_parts(
        &self,
        bytes: Arc<Vec<u8>>,
        asked: &Asked<'_, Options>,
        take: &mut TakeCells<'_>,
    ) -> Result<(), SourceError>;
}

impl<R: Reader> AnyReader for R {
    fn endings(&self) -> &'static [&'static str] {
        Reader::endings(self)
    }

    fn is_named(&self, file: &str) -> bool {
        Reader::is_named(self, file)
    }

    fn is_database(&self) -> bool {
        Reader::is_database(self)
    }

    fn needs(&self) -> Option<&'static str> {
        Reader::needs(self)
    }

    fn is_history(&self) -> bool {
        Reader::is_history(self)
    }

    fn planned_steps(&self) -> Option<&'static str> {
        Reader::planned_steps(self)
    }

    fn is_archive(&self) -> bool {
        Reader::is_archive(self)
    }

    fn settings(&self) -> &'static [&'static str] {
        keys::<R::Settings>()
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        R::Settings::json_schema(generator)
    }

    fn check(&self, options: &Options) -> Result<Vec<Fault>, SourceError> {
        Ok(options.read::<R::Settings>()?.check())
    }

    fn decimal(&self, options: &Options) -> Option<Decimal> {
        options.read::<R::Settings>().ok()?.decimal()
    }

    fn question(&self, options: &Options) -> Option<String> {
        options.read::<R::Settings>().ok()?.question().map(str::to_owned)
    }

    fn read_parts(
        &self,
        bytes: Arc<Vec<u8>>,
        asked: &Asked<'_, Options>,
        take: &mut TakeCells<'_>,
    ) -> Result<(), SourceError> {
        let how: R::Settings = asked.how.read()?;
        let Asked { columns, texts, limits, .. } = *asked;
        Reader::read_parts(self, bytes, &Asked { columns, texts, how: &how, limits }, take)
    }
}
