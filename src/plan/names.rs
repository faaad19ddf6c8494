//! Values in file names: `runs/{model}-{N}.csv`, or a regular expression with named groups.

use std::collections::BTreeMap;

use regex::Regex;

/// A path pattern with names in braces.
pub(super) struct NamedPattern {
    /// The pattern with a wildcard for each name.
    pub(super) glob: String,
    greedy: Regex,
    lazy: Regex,
}

impl NamedPattern {
    /// Parses a pattern; `None` if it has no names in braces.
    pub(super) fn of(pattern: &str) -> Option<Self> {
        let (mut glob, mut greedy, mut lazy) = (String::new(), String::from("^"), String::from("^"));
        let mut rest = pattern;
        let mut any = false;
        while let Some(first) = rest.chars().next() {
            if let Some((name, after)) = rest.strip_prefix('{').and_then(|inside| inside.split_once('}'))
                && crate::expr::is_plain_name(name)
            {
                glob.push('*');
                for (pattern, how) in [(&mut greedy, "+"), (&mut lazy, "+?")] {
                    pattern.extend(["(?P<", name, ">[^/]", how, ")"]);
                }
                (rest, any) = (after, true);
                continue;
            }
            let (part, length) = match first {
                '*' if rest.starts_with("**/") => ("(?:.*/)?".to_owned(), 3),
                '*' => ("[^/]*".to_owned(), 1),
                '?' => ("[^/]".to_owned(), 1),
                _ => (regex::escape(&first.to_string()), first.len_utf8()),
            };
            glob.push_str(&rest[..length]);
            greedy += &part;
            lazy += &part;
            rest = &rest[length..];
        }
        let whole = |text: String| Regex::new(&(text + "$")).ok();
        if any { Some(Self { glob, greedy: whole(greedy)?, lazy: whole(lazy)? }) } else { None }
    }

    /// The names in the pattern.
    pub(super) fn names(&self) -> Vec<String> {
        self.greedy.capture_names().flatten().map(str::to_owned).collect()
    }

    /// The values of the names in a path.
    ///
    /// # Errors
    /// If the path does not match, or matches in more than one way.
    pub(super) fn told(&self, path: &str) -> Result<BTreeMap<String, String>, String> {
        let told = groups(&self.greedy, path).ok_or_else(|| format!("`{path}` does not match the pattern"))?;
        match groups(&self.lazy, path) {
            Some(other) if other != told => {
                let mut pairs = told.iter().filter_map(|(name, text)| Some((name, text, other.get(name)?)));
                let ways = pairs.find(|(_, text, other)| text != other);
                let ways = ways.map(|(name, text, other)| format!(": `{name}` is `{other}` or `{text}`"));
                Err(format!("`{path}` matches in two ways{}", ways.unwrap_or_default()))
            }
            _ => Ok(told),
        }
    }
}

/// The text of each named group of a regular expression; `None` if it does not match.
pub(super) fn groups(pattern: &Regex, text: &str) -> Option<BTreeMap<String, String>> {
    let found = pattern.captures(text)?;
    let names = pattern.capture_names().flatten();
    Some(names.filter_map(|name| Some((name.to_owned(), found.name(name)?.as_str().to_owned()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_are_read_off_paths() {
        let pattern = NamedPattern::of("runs/*/{model}-{N}.csv").unwrap();
        assert_eq!(pattern.glob, "runs/*/*-*.csv");
        let told = pattern.told("runs/a/llama-7B.csv").unwrap();
        assert_eq!(told, BTreeMap::from([("model".to_owned(), "llama".to_owned()), ("N".to_owned(), "7B".to_owned())]));
        let error = pattern.told("runs/a/llama-2-7B.csv").unwrap_err();
        assert!(error.contains("two ways: `N` is `2-7B` or `7B`"), "{error}");
        assert!(NamedPattern::of("runs/*.csv").is_none());
        assert!(NamedPattern::of("runs/{a b}.csv").is_none());
    }
}
