//! Units of variables: what a column counts, and in which multiples.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Training compute is about 6 FLOP per parameter and token (Kaplan et al. 2020, arXiv:2001.08361, section 2.1, read
/// in a copy of the text).
pub const FLOP_PER_PARAMETER_AND_TOKEN: f64 = 6.0;

/// What a variable measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Parameters of a network.
    Parameters,
    /// Tokens or other training examples.
    Tokens,
    /// Floating-point operations.
    Flop,
    /// A loss.
    Nats,
    /// A share from 0 to 1, such as an accuracy or an error rate.
    Share,
    /// A pure number.
    One,
}

/// Base units: name, dimension, and size in the dimension's base unit.
const BASES: [(&str, Dimension, f64); 15] = [
    ("parameters", Dimension::Parameters, 1.0),
    ("tokens", Dimension::Tokens, 1.0),
    ("FLOP", Dimension::Flop, 1.0),
    ("EFLOP", Dimension::Flop, 1e18),
    ("ZFLOP", Dimension::Flop, 1e21),
    ("PFday", Dimension::Flop, 8.64e19),
    ("nats", Dimension::Nats, 1.0),
    ("bits", Dimension::Nats, std::f64::consts::LN_2),
    ("nats per byte", Dimension::Nats, 1.0),
    ("bits per byte", Dimension::Nats, std::f64::consts::LN_2),
    ("nats per character", Dimension::Nats, 1.0),
    ("bits per character", Dimension::Nats, std::f64::consts::LN_2),
    ("share", Dimension::Share, 1.0),
    ("%", Dimension::Share, 0.01),
    ("1", Dimension::One, 1.0),
];
/// Other spellings of units.
const SPELLINGS: [(&str, &str); 20] = [
    ("FLOPs", "FLOP"),
    ("EFLOPs", "EFLOP"),
    ("ZFLOPs", "ZFLOP"),
    ("PF-day", "PFday"),
    ("PF-days", "PFday"),
    ("PFdays", "PFday"),
    ("percent", "%"),
    ("per cent", "%"),
    ("PFLOP/s-day", "PFday"),
    ("PFLOP/s-days", "PFday"),
    ("petaflop/s-days", "PFday"),
    ("bits/byte", "bits per byte"),
    ("bpb", "bits per byte"),
    ("nats/byte", "nats per byte"),
    ("bits per char", "bits per character"),
    ("bits/char", "bits per character"),
    ("bpc", "bits per character"),
    ("bits per token", "bits"),
    ("nats per token", "nats"),
    ("nats/token", "nats"),
];
/// What to write for measures that are no units of a variable, by words in their names.
const INSTEAD: [(&[&str], &str); 4] = [
    (&["perplexity", "ppl"], "a perplexity is e to the loss: write `{ expr = \"ln(ppl)\", unit = \"nats\" }`"),
    (
        &["bits", "nats"],
        "a loss per byte or character has the unit of a loss, `bits` or `nats`; for a loss per token multiply by the bytes per \
         token: `{ expr = \"4.2 * bpb\", unit = \"bits\" }`",
    ),
    (
        &["byte", "char", "words"],
        "data are counted in tokens: write `{ expr = \"bytes / 4.2\", unit = \"tokens\" }` with the bytes per token",
    ),
    (
        &["hour", "gpu", "seconds"],
        "hours of audio, numbers of devices and the like have no unit here: leave `unit` out. Compute is counted in FLOP: write \
         `{ expr = \"hours * 3600 * 312e12 * 0.4\", unit = \"FLOP\" }` with the peak of the device \
         and its utilisation",
    ),
];
/// Letters before a unit, and their factors.
pub(crate) const MULTIPLES: [(&str, f64); 4] = [("K", 1e3), ("M", 1e6), ("B", 1e9), ("T", 1e12)];

/// The multiple of a unit.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Multiple {
    /// None.
    One,
    /// `K`, `M`, `B` or `T`.
    Letter(&'static str, f64),
    /// A number, as in table headers: `1e21 FLOP`.
    Number(f64),
}

impl Multiple {
    fn parse(text: &str) -> Option<Self> {
        if let Some((name, factor)) = MULTIPLES.iter().find(|(name, _)| *name == text) {
            return Some(Self::Letter(name, *factor));
        }
        let number: f64 = text.parse().ok()?;
        (text.starts_with(|c: char| c.is_ascii_digit()) && number.is_finite() && number > 0.0)
            .then_some(Self::Number(number))
    }

    const fn factor(self) -> f64 {
        match self {
            Self::One => 1.0,
            Self::Letter(_, factor) | Self::Number(factor) => factor,
        }
    }
}

/// A unit: `tokens`, `B tokens`, `FLOP`, `1e21 FLOP`, `PFday`, `nats`. Values are stored in the base unit of their
/// dimension, so that columns in different units of one dimension can be compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// Dimension.
    pub dimension: Dimension,
    /// Size in the base unit: 1e9 for `B tokens`.
    pub size: f64,
    multiple: Multiple,
    base: &'static str,
}

impl Unit {
    /// Parses a unit.
    pub fn parse(text: &str) -> Option<Self> {
        let is_base = |text: &str| BASES.iter().any(|(name, ..)| *name == text);
        let is_spelling = |text: &str| is_base(text) || SPELLINGS.iter().any(|(other, _)| *other == text);
        let (multiple, base) = match text.split_once(' ') {
            Some((multiple, base)) if !is_spelling(text) => (Multiple::parse(multiple)?, base),
            _ => (Multiple::One, text),
        };
        let base = SPELLINGS.iter().find(|(other, _)| *other == base).map_or(base, |(_, base)| *base);
        let (base, dimension, size) = BASES.into_iter().find(|(name, ..)| *name == base)?;
        Some(Self { dimension, size: size * multiple.factor(), multiple, base })
    }

    /// What a loss is counted over, if not over tokens: `byte` or `character`.
    pub fn per(self) -> Option<&'static str> {
        counted_over(self.base)
    }

    /// Whether the multiple is a letter or part of the base, and no number.
    pub fn is_letter(self) -> bool {
        !matches!(self.multiple, Multiple::Number(_))
    }

    /// Whether the unit has no multiple.
    pub fn is_plain(self) -> bool {
        self.multiple == Multiple::One
    }

    /// All names of units of some dimensions, other spellings included.
    pub(crate) fn names_of(dimensions: &[Dimension]) -> Vec<&'static str> {
        let is_of = |base: &str| BASES.iter().any(|(name, d, _)| *name == base && dimensions.contains(d));
        let spelled = SPELLINGS.iter().filter(|(_, base)| is_of(base)).map(|(other, _)| *other);
        BASES.iter().map(|(name, ..)| *name).filter(|name| is_of(name)).chain(spelled).collect()
    }

    /// The size of the unit without its multiple: 8.64e19 for `M PFday`.
    pub fn base_size(self) -> f64 {
        BASES.iter().find(|(name, ..)| *name == self.base).map_or(1.0, |(.., size)| *size)
    }
}

impl Unit {
    /// The unit in which values of a dimension are stored.
    pub fn base(dimension: Dimension) -> Option<Self> {
        let (base, dimension, size) = BASES.into_iter().find(|(_, d, size)| *d == dimension && *size == 1.0)?;
        Some(Self { dimension, size, multiple: Multiple::One, base })
    }

    /// The unit in which its values are stored: `nats per byte` for bits per byte.
    #[must_use]
    pub fn stored(self) -> Self {
        let is_stored = |(base, dimension, size): &(&str, Dimension, f64)| {
            *dimension == self.dimension && *size == 1.0 && counted_over(base) == self.per()
        };
        let stored = BASES.into_iter().find(is_stored);
        stored.map_or(self, |(base, dimension, size)| Self { dimension, size, multiple: Multiple::One, base })
    }

    /// The unit and the conversion of its values, where there is one: `bits, kept in nats (times 0.693147)`.
    pub fn describe(self) -> String {
        if self.size == 1.0 {
            return self.to_string();
        }
        let six_digits: f64 = format!("{:.5e}", self.size).parse().unwrap_or(self.size);
        format!("{self}, kept in {} (times {})", self.stored(), crate::numeral::exact(six_digits))
    }
}

/// What a unit of losses is counted over, if not over tokens.
fn counted_over(base: &str) -> Option<&str> {
    base.split_once(" per ").map(|(_, per)| per)
}

/// The multiple that a word or a letter probably means.
pub(crate) fn multiple_meant(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().trim_end_matches('s') {
        "k" | "thousand" => Some("K"),
        "m" | "mn" | "million" => Some("M"),
        "b" | "bn" | "g" | "billion" => Some("B"),
        "t" | "tn" | "trillion" => Some("T"),
        _ => None,
    }
}

/// What to write instead of a measure that is no unit.
fn instead(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    INSTEAD.iter().find(|(words, _)| words.iter().any(|word| text.contains(word))).map(|(_, instead)| *instead)
}

/// The unit that an invalid text probably means.
fn meant(text: &str) -> Option<String> {
    let names = BASES.map(|(name, ..)| name);
    // A multiple that is written in another way: `Mtokens`, `b tokens`, `G tokens`, `billion tokens`, `tokens (B)`.
    let joined = names.into_iter().find_map(|base| {
        let (before, after) = text.split_once(base)?;
        let multiple = |text: &str| multiple_meant(text.trim().trim_start_matches('(').trim_end_matches(')'));
        Some(format!("{} {base}", multiple(before).or_else(|| multiple(after))?))
    });
    joined
        .or_else(|| multiple_meant(text).map(|multiple| format!("{multiple} parameters` or `{multiple} tokens")))
        .or_else(|| crate::diagnostic::nearest(text, names).map(str::to_owned))
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.multiple {
            Multiple::One => f.write_str(self.base),
            Multiple::Letter(name, _) => write!(f, "{name} {}", self.base),
            Multiple::Number(number) => write!(f, "{} {}", crate::numeral::exact(number), self.base),
        }
    }
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let names: Vec<&str> = BASES.iter().map(|(name, ..)| *name).collect();
            if let Some(instead) = instead(&text) {
                return serde::de::Error::custom(format_args!("there is no unit `{text}`; {instead}"));
            }
            let near = meant(&text).map(|n| format!(" did you mean `{n}`?")).unwrap_or_default();
            serde::de::Error::custom(format_args!(
                "there is no unit `{text}`;{near} the units are {}, each with K, M, B, T or a number before it: `B tokens`, `1e21 FLOP`",
                names.join(", ")
            ))
        })
    }
}

impl JsonSchema for Unit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Unit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = BASES.iter().map(|(name, ..)| *name).chain(SPELLINGS.iter().map(|(other, _)| *other));
        let names = names.collect::<Vec<_>>().join("|");
        json_schema!({
            "description": "A unit, with K, M, B, T or a number before it: \"B tokens\", \"1e21 FLOP\". Values are kept in parameters, tokens, FLOP, nats, shares or plain numbers: 1 PFday is 8.64e19 FLOP, 1 bit is ln 2 nats, 1 % is a share of 0.01. Nats and bits are of losses; the width of a number in bits has the unit 1.",
            "type": "string",
            "pattern": format!("^([KMBT] |[0-9][0-9.e+]* )?({names})$"),
            "examples": ["parameters", "tokens", "FLOP", "PFday", "B tokens"]
        })
    }
}

/// Which parameters a model size counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// All of them.
    Total,
    /// Without embeddings, as in Kaplan et al. 2020.
    NonEmbedding,
    /// Those that process a token in a mixture of experts.
    Active,
}

impl Counts {
    /// Description of the convention.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Total => "all parameters",
            Self::NonEmbedding => "parameters without embeddings",
            Self::Active => "active parameters",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_survive_writing_and_reading() {
        for text in ["tokens", "B tokens", "PFday", "M parameters", "bits", "%", "1e21 FLOP", "2048 tokens"] {
            assert_eq!(Unit::parse(text).unwrap().to_string(), text);
        }
        assert!(Unit::parse("G tokens").is_none() && Unit::parse("token").is_none());
    }

    #[test]
    fn other_spellings_are_the_unit_and_other_measures_are_explained() {
        for (text, unit) in [("PF-days", "PFday"), ("M FLOPs", "M FLOP"), ("percent", "%"), ("bpb", "bits per byte")] {
            assert_eq!(Unit::parse(text).unwrap().to_string(), unit);
        }
        for (text, said) in [
            ("perplexity", "ln(ppl)"),
            ("GB of bytes", "bytes / 4.2"),
            ("GPU-hours", "3600"),
            ("bits of text", "4.2 * bpb"),
        ] {
            let error = serde_json::from_value::<Unit>(serde_json::json!(text)).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    /// Definition of each unit: its size in the base unit.
    const DEFINITIONS: [(&str, &str, f64); 35] = [
        ("parameters", "parameters", 1.0),
        ("tokens", "tokens", 1.0),
        ("FLOP", "FLOP", 1.0),
        ("EFLOP", "FLOP", 1e6 * 1e12),
        ("ZFLOP", "FLOP", 1e9 * 1e12),
        // 1e15 operations per second for a day.
        ("PFday", "FLOP", 1e15 * 60.0 * 60.0 * 24.0),
        ("nats", "nats", 1.0),
        // One of two equally likely outcomes: -ln(1/2).
        ("bits", "nats", std::f64::consts::LN_2),
        ("nats per byte", "nats", 1.0),
        ("bits per byte", "nats", std::f64::consts::LN_2),
        ("nats per character", "nats", 1.0),
        ("bits per character", "nats", std::f64::consts::LN_2),
        ("share", "share", 1.0),
        ("%", "share", 1.0 / 100.0),
        ("1", "1", 1.0),
        ("FLOPs", "FLOP", 1.0),
        ("EFLOPs", "FLOP", 1e18),
        ("ZFLOPs", "FLOP", 1e21),
        ("PF-day", "FLOP", 8.64e19),
        ("PF-days", "FLOP", 8.64e19),
        ("PFdays", "FLOP", 8.64e19),
        ("percent", "share", 0.01),
        ("per cent", "share", 0.01),
        ("PFLOP/s-day", "FLOP", 8.64e19),
        ("PFLOP/s-days", "FLOP", 8.64e19),
        ("petaflop/s-days", "FLOP", 8.64e19),
        ("bits/byte", "nats", std::f64::consts::LN_2),
        ("bpb", "nats", std::f64::consts::LN_2),
        ("nats/byte", "nats", 1.0),
        ("bits per char", "nats", std::f64::consts::LN_2),
        ("bits/char", "nats", std::f64::consts::LN_2),
        ("bpc", "nats", std::f64::consts::LN_2),
        ("bits per token", "nats", std::f64::consts::LN_2),
        ("nats per token", "nats", 1.0),
        ("nats/token", "nats", 1.0),
    ];

    #[test]
    fn a_multiple_written_in_another_way_is_understood() {
        for text in ["b tokens", "G tokens", "billion tokens", "tokens (B)", "Btokens", "Bn tokens"] {
            assert_eq!(meant(text).as_deref(), Some("B tokens"), "{text}");
        }
        assert_eq!(meant("token").as_deref(), Some("tokens"));
    }

    #[test]
    fn every_unit_of_the_schema_has_its_defined_size() {
        let schema = Unit::json_schema(&mut SchemaGenerator::default()).to_value();
        let pattern = schema["pattern"].as_str().unwrap();
        let names = pattern.rsplit_once('(').unwrap().1.trim_end_matches(")$");
        let known: Vec<&str> = DEFINITIONS.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names.split('|').collect::<Vec<_>>(), known, "a unit without a definition, or the other way round");
        for (name, kept_in, size) in DEFINITIONS {
            for (multiple, factor) in [("", 1.0), ("K ", 1e3), ("M ", 1e6), ("B ", 1e9), ("T ", 1e12)] {
                let unit = Unit::parse(&format!("{multiple}{name}")).unwrap();
                assert_eq!(unit.size, size * factor, "{multiple}{name}");
                assert_eq!(Unit::base(unit.dimension).unwrap().to_string(), kept_in, "{multiple}{name}");
            }
        }
    }

    #[test]
    fn a_conversion_is_described_where_there_is_one() {
        let said = |text: &str| Unit::parse(text).unwrap().describe();
        assert_eq!(said("bits"), "bits, kept in nats (times 0.693147)");
        assert_eq!(said("B tokens"), "B tokens, kept in tokens (times 1e9)");
        assert_eq!(said("%"), "%, kept in share (times 0.01)");
        assert_eq!(said("bpb"), "bits per byte, kept in nats per byte (times 0.693147)");
        assert_eq!(said("nats"), "nats");
        let stored = |text: &str| Unit::parse(text).unwrap().stored().to_string();
        assert_eq!(["bits", "bpc", "1e21 FLOP"].map(stored), ["nats", "nats per character", "FLOP"]);
    }
}
