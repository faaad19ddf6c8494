//! A question in one line, the syntax of `lawfit query`: `compute_optimal C=1e24 fit=main`.

use super::Node;
use crate::diagnostic::{list, nearest};
use crate::query::Question;

/// Name of the question among the queries of the spec.
pub const ASKED: &str = "asked";

/// Kinds whose setting `group` is about another fit than the one that is asked.
const WITH_OWN_GROUP: [&str; 1] = ["compare"];

/// Parses a question in one line into part of a spec: the kind, followed by settings such as `C=1e24` or
/// `reference.web=0.5`. `fits` are the
/// names of the spec's fits.
///
/// # Errors
/// A message if the text is not a question, or names no fit although there are several.
pub fn question(text: &str, fits: &[String]) -> Result<Node, String> {
    // Spaces around `=` have no meaning.
    let text = text.split('=').map(str::trim).collect::<Vec<_>>().join("=");
    let mut words = text.split_whitespace();
    let kinds = Question::NAMES;
    let kind = words.next().unwrap_or_default();
    if !kinds.contains(&kind) {
        let kinds_in_words = list(&kinds).replace(" and ", " or ");
        let near = nearest(kind, kinds).filter(|_| !kind.contains('='));
        return Err(match near {
            Some(near) => format!("there is no kind of question `{kind}`; did you mean `{near}`?"),
            None => format!("a question begins with its kind: {kinds_in_words}"),
        });
    }
    let mut query = Vec::new();
    let mut settings = Vec::new();
    for word in words {
        let (key, value) = word.split_once('=').ok_or_else(|| {
            format!(
                "`{word}` is not a setting such as C=1e24; a value has no spaces: write `3.3bits` and not `3.3 bits`"
            )
        })?;
        let values: Vec<Node> = value.split(',').map(value_of).collect();
        let value = match values.as_slice() {
            [one] => one.clone(),
            _ => Node::List(values),
        };
        // These are keys of the query itself; all others are settings of its kind.
        let of_query = match key.split('.').next() {
            Some("fit" | "forecast" | "ceiling" | "subject_to" | "machine") => true,
            Some("group") => !WITH_OWN_GROUP.contains(&kind),
            _ => false,
        };
        let table = if of_query { &mut query } else { &mut settings };
        if table.iter().any(|(known, _)| known == key) {
            return Err(format!("`{key}` is given twice; a list has commas: `{key}=1e9,1e10`"));
        }
        put(table, key, value);
    }
    if query.iter().all(|(key, _)| key != "fit") {
        let [fit] = fits else {
            return Err(format!("name the fit: fit={}", fits.join(" or fit=")));
        };
        query.push(("fit".to_owned(), Node::Text(fit.clone())));
    }
    query.push((kind.to_owned(), Node::Table(settings)));
    let table = |key: &str, value: Node| Node::Table(vec![(key.to_owned(), value)]);
    Ok(table("queries", table(ASKED, Node::Table(query))))
}

/// Adds a setting to a table. A key such as `reference.web` is that of a table within it.
fn put(table: &mut Vec<(String, Node)>, key: &str, value: Node) {
    let Some((outer, inner)) = key.split_once('.') else {
        table.push((key.to_owned(), value));
        return;
    };
    if let Some((_, Node::Table(within))) = table.iter_mut().find(|(key, _)| key == outer) {
        put(within, inner, value);
    } else {
        let mut within = Vec::new();
        put(&mut within, inner, value);
        table.push((outer.to_owned(), Node::Table(within)));
    }
}

/// A number if the text is one, otherwise the text itself; quantities such as 280B are texts in specs too.
pub(super) fn value_of(text: &str) -> Node {
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(whole), _) => Node::Integer(whole),
        (_, Ok(number)) if number.is_finite() => Node::Float(number),
        _ => Node::Text(text.to_owned()),
    }
}
