//! A file on the web without a pinned digest.

use super::{Asked, Live, LiveError, Taken, variable};
use crate::web::{Credentials, Web};

/// A file on the web.
#[derive(Clone, Debug)]
pub struct WebFile {
    /// Its URL.
    pub url: String,
}

/// The only host that receives the token of Hugging Face.
const HUGGING_FACE: &str = "https://huggingface.co/";

impl Live for WebFile {
    fn location(&self) -> String {
        self.url.clone()
    }

    fn is_table(&self) -> bool {
        false
    }

    fn read(&self, asked: &Asked<'_>) -> Result<Vec<Taken>, LiveError> {
        let token = self.url.starts_with(HUGGING_FACE).then(|| variable("HF_TOKEN")).flatten();
        let credentials = token.map_or(Credentials::None, Credentials::Bearer);
        let bytes = Web::file(&self.url, credentials, asked.limits.bytes)?;
        Ok(vec![Taken { name: self.url.clone(), suffix: endings(&self.url), bytes }])
    }
}

/// All extensions of a file name: `.csv.gz`.
fn endings(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_plain = |ending: &str| !ending.is_empty() && ending.chars().all(|c| c.is_ascii_alphanumeric());
    let endings: Vec<&str> = name.rsplit('.').take(2).take_while(|ending| is_plain(ending)).collect();
    let packed = endings.first().is_some_and(|last| ["gz", "zst"].contains(last));
    match endings.as_slice() {
        _ if !name.contains('.') => String::new(),
        [last, inner] if packed && name.matches('.').count() > 1 => format!(".{inner}.{last}"),
        [last, ..] => format!(".{last}"),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_keeps_the_endings_that_tell_its_format() {
        for (url, ending) in [
            ("https://example.org/a/runs.csv", ".csv"),
            ("https://example.org/runs.v2.csv.gz?download=true", ".csv.gz"),
            ("https://example.org/runs.v2.parquet#top", ".parquet"),
            ("https://example.org/api/v2.0/runs", ""),
        ] {
            assert_eq!(endings(url), ending, "{url}");
        }
    }
}
