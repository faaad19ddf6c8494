//! The lines or rows of a header: one, or several whose texts are joined.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The line or row of the header, or several of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Header {
    /// One line, counted from 1.
    One(usize),
    /// Lines one below the other, counted from 1.
    Several(Vec<usize>),
}

impl Header {
    /// Its lines, counted from 1.
    pub(super) fn lines(&self) -> &[usize] {
        match self {
            Self::One(line) => std::slice::from_ref(line),
            Self::Several(lines) => lines,
        }
    }

    /// What is wrong with the lines.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let lines = self.lines();
        if lines.contains(&0) {
            return Some("lines are counted from 1");
        }
        let is_rising = lines.windows(2).all(|pair| pair[0] < pair[1]);
        (lines.is_empty() || !is_rising).then_some("a header of several lines lists them from the first to the last")
    }

    /// The last of its lines, counted from 1.
    pub(super) fn last(&self) -> usize {
        self.lines().last().copied().unwrap_or(1)
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lines;
        impl<'de> Visitor<'de> for Lines {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a line, counted from 1, or a list of lines")
            }

            fn visit_u64<E: Error>(self, line: u64) -> Result<Header, E> {
                usize::try_from(line).map(Header::One).map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, line: i64) -> Result<Header, E> {
                usize::try_from(line).map(Header::One).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Header, A::Error> {
                let mut lines = Vec::new();
                while let Some(line) = list.next_element()? {
                    lines.push(line);
                }
                Ok(Header::Several(lines))
            }
        }
        deserializer.deserialize_any(Lines)
    }
}

/// The headings of columns from the texts of the header's lines: `web / loss`.
///
/// A text above several columns stands in the first of them, as merged cells do, and holds up to the next text of its
/// line. Only the last line has a text of its own in each column.
pub(super) fn joined(lines: &[Vec<String>]) -> Vec<String> {
    let width = lines.iter().map(Vec::len).max().unwrap_or_default();
    let last = lines.len().saturating_sub(1);
    let filled = |(number, line): (usize, &Vec<String>)| {
        let mut above = String::new();
        let at = |column: usize| {
            let text = line.get(column).map_or("", |text| text.trim());
            if number == last || !text.is_empty() {
                text.clone_into(&mut above);
            }
            above.clone()
        };
        (0..width).map(at).collect::<Vec<String>>()
    };
    let lines: Vec<Vec<String>> = lines.iter().enumerate().map(filled).collect();
    let heading = |column: usize| {
        let mut parts: Vec<&str> =
            lines.iter().map(|line| line[column].as_str()).filter(|part| !part.is_empty()).collect();
        parts.dedup();
        parts.join(" / ")
    };
    (0..width).map(heading).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_above_several_columns_are_joined_with_those_below() {
        let line = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
        let lines = [line(&["", "web", "", "books", ""]), line(&["N", "loss", "acc", "loss", "acc"])];
        assert_eq!(joined(&lines), ["N", "web / loss", "web / acc", "books / loss", "books / acc"]);
        // A text that stands alone above its column, and a merged cell over both lines.
        assert_eq!(joined(&[line(&["model", "loss"]), line(&["", "nats"])]), ["model", "loss / nats"]);
    }

    #[test]
    fn lines_are_counted_from_one_and_rise() {
        assert_eq!([Header::One(1).fault(), Header::Several(vec![2, 3]).fault()], [None, None]);
        assert!(
            [Header::One(0), Header::Several(vec![]), Header::Several(vec![3, 2])].iter().all(|h| h.fault().is_some())
        );
    }
}
