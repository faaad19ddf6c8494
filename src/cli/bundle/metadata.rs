//! `ro-crate-metadata.json`: describes a bundle, its files, and how its results were computed (RO-Crate 1.2).

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Files;
use crate::artifact::sha256;
use crate::numerics::NUMERICS_REV;
use crate::plan::Compiled;
use crate::stage::External;

/// Name of the metadata file.
pub(super) const METADATA: &str = "ro-crate-metadata.json";
/// The entity of this program.
pub(super) const PROGRAM: &str = "#lawfit";

/// The purpose of a file in a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The spec, or a spec that it extends.
    Spec,
    /// The lock file.
    Lock,
    /// Data that the spec reads.
    Data,
    /// A report for readers.
    Report,
}

/// The subject of the metadata.
pub(super) struct About<'a> {
    pub(super) compiled: &'a Compiled,
    pub(super) files: &'a Files,
    /// Name of the spec.
    pub(super) main: &'a str,
    pub(super) license: &'a str,
    pub(super) date: &'a str,
}

/// The text of the metadata file.
pub(super) fn text(about: &About<'_>) -> String {
    let described = about.compiled.specs.first().and_then(|spec| spec.report.as_ref()).map(|report| &report.described);
    let title = described.map_or_else(String::new, |described| described.title.clone());
    let summary = described.and_then(|described| described.summary.clone()).unwrap_or_else(|| title.clone());
    let references: Vec<Value> = described.iter().flat_map(|d| &d.references).map(|text| json!(text)).collect();
    let remote = remote(about.compiled);
    let ids = |roles: &[Role]| -> Vec<Value> {
        about
            .files
            .iter()
            .filter(|(_, (role, _))| roles.contains(role))
            .map(|(name, _)| json!({ "@id": name }))
            .collect()
    };
    let remote_ids = || remote.iter().map(|entity| json!({ "@id": entity["@id"] }));
    let parts: Vec<Value> = about.files.keys().map(|name| json!({ "@id": name })).chain(remote_ids()).collect();
    let read: Vec<Value> = ids(&[Role::Spec, Role::Data]).into_iter().chain(remote_ids()).collect();
    let (license_id, license) = license(about.license);
    let mut root = json!({
        "@id": "./", "@type": "Dataset", "name": title, "description": summary, "datePublished": about.date,
        "license": { "@id": license_id }, "hasPart": parts, "mainEntity": { "@id": about.main },
    });
    if !references.is_empty() {
        root["citation"] = references.into();
    }
    let mut graph = vec![
        json!({
            "@id": METADATA, "@type": "CreativeWork", "about": { "@id": "./" },
            "conformsTo": { "@id": "https://w3id.org/ro/crate/1.2" },
        }),
        root,
        license,
        json!({
            "@id": PROGRAM, "@type": "SoftwareApplication", "name": "lawfit", "softwareVersion": env!("CARGO_PKG_VERSION"),
            "description": format!("Fits scaling laws; revision {NUMERICS_REV} of its numerics"),
        }),
        json!({
            "@id": "#run", "@type": "CreateAction", "name": format!("lawfit run {}", about.main),
            "instrument": { "@id": PROGRAM }, "object": read, "result": ids(&[Role::Lock, Role::Report]),
        }),
    ];
    graph.extend(about.files.iter().map(|(name, (role, bytes))| {
        json!({
            "@id": name, "@type": "File", "name": name, "description": in_words(*role), "encodingFormat": format_of(name),
            "contentSize": bytes.len().to_string(), "sha256": sha256(bytes),
        })
    }));
    graph.extend(remote);
    let mut text = format!("{:#}", json!({ "@context": "https://w3id.org/ro/crate/1.2/context", "@graph": graph }));
    text.push('\n');
    text
}

/// Data that stay on the web.
fn remote(compiled: &Compiled) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let externals = compiled.plan.stages().flat_map(|stage| stage.stage.externals());
    externals
        .filter_map(|external| match external {
            External::Pinned { url, sha256, .. } if seen.insert(url) => Some(json!({
                "@id": url, "@type": "File", "name": url, "description": in_words(Role::Data), "sha256": sha256,
            })),
            _ => None,
        })
        .collect()
}

const fn in_words(role: Role) -> &'static str {
    match role {
        Role::Spec => "The study: sources, laws, fits and queries",
        Role::Lock => "What was read, computed and found, by digest and number",
        Role::Data => "Data that the study reads",
        Role::Report => "What the study found",
    }
}

/// The identifier and the entity of a licence.
fn license(given: &str) -> (String, Value) {
    let id = if given.contains("://") { given.to_owned() } else { format!("https://spdx.org/licenses/{given}") };
    let entity = json!({ "@id": id, "@type": "CreativeWork", "name": given });
    (id, entity)
}

/// The media type of a file, by its extension.
fn format_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html",
        Some("md") => "text/markdown",
        Some("csv") => "text/csv",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("toml" | "lock") => "application/toml",
        Some("yaml" | "yml") => "application/yaml",
        Some("tex") => "application/x-tex",
        Some("parquet") => "application/vnd.apache.parquet",
        _ => "application/octet-stream",
    }
}

/// Parses a date such as `2026-11-28`.
pub(super) fn day(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('-').collect();
    let is_number = |part: &str, digits: usize| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
    match parts.as_slice() {
        [year, month, day]
            if is_number(year, 4)
                && is_number(month, 2)
                && is_number(day, 2)
                && ("01"..="12").contains(month)
                && ("01"..="31").contains(day) =>
        {
            Ok(text.to_owned())
        }
        _ => Err("it is a day such as 2026-11-28".to_owned()),
    }
}

/// The date of `SOURCE_DATE_EPOCH`, which makes builds reproducible, else today, in universal time.
pub(super) fn today() -> String {
    let told = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse::<u64>().ok());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    date_of(told.unwrap_or_else(now) / 86_400)
}

/// The date of a day since 1 January 1970 in the Gregorian calendar.
fn date_of(days: u64) -> String {
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut left) = (1970, days);
    while left >= 365 + u64::from(is_leap(year)) {
        left -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while left >= lengths[month] {
        left -= lengths[month];
        month += 1;
    }
    format!("{year:04}-{:02}-{:02}", month + 1, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates_of_the_calendar() {
        // `date -u -d @N +%F` of coreutils.
        for (seconds, date) in [
            (0_u64, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_709_164_800, "2024-02-29"),
            (1_735_603_200, "2024-12-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date_of(seconds / 86_400), date);
        }
        assert!(day("2026-11-28").is_ok());
        for wrong in ["2026-13-01", "26-11-28", "2026-11-28T00", "today"] {
            assert!(day(wrong).is_err(), "{wrong}");
        }
    }
}
