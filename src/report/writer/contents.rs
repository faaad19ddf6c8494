//! The table of contents of a page: every heading gets an anchor, and a list of headings is inserted.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The place for the list of headings.
pub(super) const PLACE: &str = "<!-- contents -->";
/// Minimum number of headings for a list.
const FEWEST: usize = 4;

/// Adds anchors to headings, each on a line of its own, and inserts the list of headings.
pub(super) fn with_contents(page: &str) -> String {
    let mut known = BTreeSet::new();
    let mut list: Vec<(bool, String, String)> = Vec::new();
    let mut out = String::with_capacity(page.len() + 4096);
    for line in page.lines() {
        let Some((level, inner)) = heading(line) else {
            let _ = writeln!(out, "{line}");
            continue;
        };
        // A note in a `span` after a heading is not part of its name.
        let name = inner.split("<span").next().unwrap_or(inner).trim();
        let id = address(name, &mut known);
        let _ = writeln!(
            out,
            "<h{level} id=\"{id}\">{inner}<a class=\"anchor\" href=\"#{id}\" aria-label=\"Link to this section\">#</a></h{level}>"
        );
        list.push((level == '3', id, name.to_owned()));
    }
    let contents = if list.len() < FEWEST { String::new() } else { written(&list) };
    out.replacen(PLACE, &contents, 1)
}

/// The level and the content of a line that is a heading of the second or third level.
fn heading(line: &str) -> Option<(char, &str)> {
    ['2', '3'].into_iter().find_map(|level| {
        let inner = line.strip_prefix(&format!("<h{level}>"))?.strip_suffix(&format!("</h{level}>"))?;
        Some((level, inner))
    })
}

/// A unique anchor of letters, digits and dashes.
fn address(name: &str, known: &mut BTreeSet<String>) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let stem = if words.is_empty() { "section".to_owned() } else { words.join("-") };
    // A counter distinguishes headings of the same name.
    let mut id = stem.clone();
    let mut count = 1;
    while !known.insert(id.clone()) {
        count += 1;
        id = format!("{stem}-{count}");
    }
    id
}

fn written(list: &[(bool, String, String)]) -> String {
    let mut out = String::from(
        "<nav class=\"contents\" aria-label=\"Contents\">\n<details>\n<summary>Contents</summary>\n<ul>\n",
    );
    for (inner, id, name) in list {
        let class = if *inner { " class=\"inner\"" } else { "" };
        let _ = writeln!(out, "<li{class}><a href=\"#{id}\">{name}</a></li>");
    }
    out.push_str("</ul>\n</details>\n</nav>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_heading_has_a_unique_anchor_and_is_listed() {
        let page = "<!-- contents -->\n<h2>Answers</h2>\n<h3>a &lt;b&gt; <span class=\"soft\">(loss)</span></h3>\n<h3>a b</h3>\n<h2>Ω</h2>\n<p>text</p>";
        let found = with_contents(page);
        for id in ["answers", "a-lt-b-gt", "a-b", "section"] {
            assert_eq!(found.matches(&format!("id=\"{id}\"")).count(), 1, "{found}");
            assert!(
                found.contains(&format!("<li><a href=\"#{id}\">"))
                    || found.contains(&format!("<li class=\"inner\"><a href=\"#{id}\">"))
            );
        }
        assert!(found.contains(">a &lt;b&gt;</a>") && found.contains("<p>text</p>"));
    }

    #[test]
    fn a_short_page_has_no_list() {
        assert!(!with_contents("<!-- contents -->\n<h2>Answers</h2>").contains("<nav"));
    }
}
