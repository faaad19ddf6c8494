//! Objects in buckets: a single one, or all that match a pattern.

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::files::suffix;
use super::{Asked, Live, LiveError, Taken};
use crate::web::without_secrets;

/// Objects of a bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Their URL: `s3://bucket/runs/*.parquet`. A wildcard does not match `/`.
    pub url: String,
}

/// The schemes of buckets.
const SCHEMES: [&str; 7] = ["s3", "s3a", "gs", "az", "azure", "abfs", "abfss"];
/// Prefixes of the environment variables with credentials and endpoints.
const VARIABLES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];
/// Parts of the names of variables whose values no message may contain.
const SECRET_NAMES: [&str; 5] = ["key", "secret", "token", "password", "credential"];
/// Maximum number of objects of one source.
const MOST_OBJECTS: usize = 100_000;

/// Whether a URL has the scheme of a bucket.
pub fn is_bucket(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| SCHEMES.contains(&scheme))
}

impl Live for Bucket {
    fn location(&self) -> String {
        self.url.clone()
    }

    fn is_table(&self) -> bool {
        false
    }

    fn read(&self, asked: &Asked<'_>) -> Result<Vec<Taken>, LiveError> {
        let (fixed, pattern) = split(&self.url)?;
        let url = reqwest::Url::parse(&fixed).map_err(|error| LiveError::new(format!("it is not a URL: {error}")))?;
        let (store, path) = object_store::parse_url_opts(&url, settings()).map_err(|error| refused(&error))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| LiveError::new(error.to_string()))?;
        runtime.block_on(async {
            let paths = match &pattern {
                Some(pattern) => matching(store.as_ref(), &path, pattern).await?,
                None => vec![path.clone()],
            };
            let mut left = asked.limits.bytes;
            let mut all = Vec::new();
            for found in paths {
                let below = found
                    .prefix_match(&path)
                    .map(|parts| parts.map(|part| part.as_ref().to_owned()).collect::<Vec<String>>().join("/"));
                let name = match (&pattern, below) {
                    (Some(_), Some(below)) => format!("{}/{below}", fixed.trim_end_matches('/')),
                    _ => fixed.clone(),
                };
                let bytes = object(store.as_ref(), &found, left).await?;
                left -= bytes.len() as u64;
                all.push(Taken { suffix: suffix(&name), name, bytes });
            }
            Ok(all)
        })
    }
}

/// The part of a URL before its first wildcard, and the pattern after it.
fn split(url: &str) -> Result<(String, Option<glob::Pattern>), LiveError> {
    let is_wild = |part: &str| part.contains(['*', '?', '[']);
    let parts: Vec<&str> = url.split('/').collect();
    let Some(first) = parts.iter().position(|part| is_wild(part)) else { return Ok((url.to_owned(), None)) };
    let pattern = parts[first..].join("/");
    let pattern = glob::Pattern::new(&pattern)
        .map_err(|error| LiveError::new(format!("`{pattern}` is not a pattern: {}", error.msg)))?;
    Ok((parts[..first].join("/"), Some(pattern)))
}

/// Credentials and endpoints from the environment.
fn settings() -> Vec<(String, String)> {
    let is_known = |name: &str| VARIABLES.iter().any(|prefix| name.starts_with(prefix));
    let known = std::env::vars().filter(|(name, _)| is_known(name));
    known.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()
}

/// The sorted objects below a path that match a pattern.
async fn matching(store: &dyn ObjectStore, below: &Path, pattern: &glob::Pattern) -> Result<Vec<Path>, LiveError> {
    let how = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
    let mut found = Vec::new();
    let mut folders = vec![below.clone()];
    while let Some(folder) = folders.pop() {
        let listed = store.list_with_delimiter(Some(&folder)).await.map_err(|error| refused(&error))?;
        for object in listed.objects {
            let name: Option<Vec<String>> =
                object.location.prefix_match(below).map(|parts| parts.map(|part| part.as_ref().to_owned()).collect());
            if name.is_some_and(|name| pattern.matches_with(&name.join("/"), how)) {
                found.push(object.location);
            }
        }
        folders.extend(listed.common_prefixes);
        if found.len() + folders.len() > MOST_OBJECTS {
            return Err(LiveError::new(format!("there are more than {MOST_OBJECTS} objects")));
        }
    }
    if found.is_empty() {
        return Err(LiveError::new(format!("no object matches `{pattern}`")));
    }
    found.sort();
    Ok(found)
}

/// The bytes of an object, at most `most`.
async fn object(store: &dyn ObjectStore, path: &Path, most: u64) -> Result<Vec<u8>, LiveError> {
    let found = store.get(path).await.map_err(|error| refused(&error))?;
    if found.meta.size > most {
        let most = crate::file::in_units(most);
        return Err(LiveError::new(format!("{path} is larger than the {most} that are left of the limit"))
            .hint("if it is meant to be so large: `--allow large`"));
    }
    Ok(found.bytes().await.map_err(|error| refused(&error))?.to_vec())
}

/// Why a bucket did not answer, in one line.
fn refused(error: &object_store::Error) -> LiveError {
    let secrets = settings().into_iter().filter(|(name, _)| SECRET_NAMES.iter().any(|part| name.contains(part)));
    let message = without_queries(&first_line(&error.to_string()));
    LiveError::new(without_secrets(message, secrets.map(|(_, value)| value)))
}

/// A message without the queries of its URLs, which contain signatures.
fn without_queries(message: &str) -> String {
    let word = |word: &str| match word.split_once('?') {
        Some((before, _)) if before.contains("://") => format!("{before}?..."),
        _ => word.to_owned(),
    };
    message.split(' ').map(word).collect::<Vec<String>>().join(" ")
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_do_not_contain_signatures() {
        let message = "error sending request for url (https://a.example/c/x.csv?sv=1&sig=abc%3D) what?";
        assert_eq!(without_queries(message), "error sending request for url (https://a.example/c/x.csv?... what?");
    }

    #[test]
    fn a_pattern_begins_at_its_first_wildcard() {
        let (fixed, pattern) = split("s3://bucket/runs/*/loss-?.csv").unwrap();
        assert_eq!(fixed, "s3://bucket/runs");
        assert!(pattern.unwrap().matches("a/loss-1.csv"));
        assert_eq!(split("gs://bucket/a.csv").unwrap().1, None);
    }
}
