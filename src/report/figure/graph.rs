//! The graph of a study: sources, tables, filters, fits, queries and their dependencies.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::sheet::Colour;
use super::svg::Style;
use super::text::{escape, fitted};
use super::{Chart, Drawn, Picture, Study};
use crate::diagnostic::numbered;

/// The chart.
pub(super) struct Graph;

/// Maximum number of boxes in a column.
const MOST: usize = 14;

impl Chart for Graph {
    fn kind(&self) -> &'static str {
        "graph"
    }

    fn of_study(&self, study: &Study<'_>) -> Vec<Drawn> {
        let nodes = nodes(study);
        if nodes.list.len() < 2 {
            return Vec::new();
        }
        let left_out = nodes.left_out();
        let part = if left_out > 0 { format!(" {left_out} more are not drawn.") } else { String::new() };
        vec![Drawn::of(nodes, format!("Where each answer comes from.{part}"))]
    }
}

/// A part of a study.
struct Node {
    kind: &'static str,
    name: String,
    about: String,
    colour: Colour,
    depth: usize,
    from: Vec<usize>,
}

/// The parts of a study, each after its dependencies.
#[derive(Default)]
struct Nodes {
    list: Vec<Node>,
    places: BTreeMap<(&'static str, String), usize>,
}

impl Nodes {
    fn add(&mut self, kind: &'static str, name: &str, about: String, colour: Colour, from: &[(&'static str, &str)]) {
        let find = |(kind, name): &(&'static str, &str)| self.places.get(&(*kind, (*name).to_owned())).copied();
        let from: Vec<usize> = from.iter().filter_map(find).collect();
        let depth = from.iter().map(|&index| self.list[index].depth + 1).max().unwrap_or(0);
        self.places.insert((kind, name.to_owned()), self.list.len());
        self.list.push(Node { kind, name: name.to_owned(), about, colour, depth, from });
    }

    /// The columns of boxes, by depth.
    fn columns(&self) -> Vec<Vec<usize>> {
        let last = self.list.iter().map(|node| node.depth).max().unwrap_or(0);
        let of =
            |depth: usize| (0..self.list.len()).filter(|&index| self.list[index].depth == depth).take(MOST).collect();
        (0..=last).map(of).collect()
    }

    fn left_out(&self) -> usize {
        self.list.len() - self.columns().iter().map(Vec::len).sum::<usize>()
    }
}

/// A part of a study before it has a place in the graph.
struct Part<'a> {
    kind: &'static str,
    name: &'a str,
    about: String,
    colour: Colour,
    /// Kinds and names of which it depends on those that exist.
    from: Vec<(&'static str, &'a str)>,
}

/// The parts of a study in the order of their kinds.
fn parts<'a>(study: &Study<'a>) -> Vec<Part<'a>> {
    let (described, results) = (study.described, study.results);
    let rows = |count: Option<usize>| count.map_or(String::new(), |count| numbered(count, "row"));
    let mut parts = Vec::new();
    for source in &described.sources {
        let count = results.sources.get(&source.name).map(|source| source.rows);
        // The rows of a source can be the answers of a query.
        let from = source.location.strip_prefix("queries.").filter(|_| source.files.is_empty());
        let from = from.map(|query| ("query", query)).into_iter().collect();
        parts.push(Part { kind: "source", name: &source.name, about: rows(count), colour: Colour::Grey, from });
    }
    for table in &described.tables {
        let count = results.tables.get(&table.name).map(|table| table.rows);
        let from = ["source", "table"].map(|kind| (kind, table.from.as_str())).into();
        parts.push(Part { kind: "table", name: &table.name, about: rows(count), colour: Colour::Sky, from });
    }
    for filter in &described.filters {
        let count = results.filters.get(&filter.name).map(|filter| filter.kept);
        let from = ["source", "table"].map(|kind| (kind, filter.source.as_str())).into();
        parts.push(Part { kind: "filter", name: &filter.name, about: rows(count), colour: Colour::Amber, from });
    }
    for fit in &described.fits {
        let rows = fit.rows.as_deref().unwrap_or_default();
        let from = ["source", "table", "filter"].map(|kind| (kind, rows)).into();
        parts.push(Part { kind: "fit", name: &fit.name, about: fit.law.name.clone(), colour: Colour::Blue, from });
    }
    for query in &described.queries {
        let other = query.question.member().other().map_or("", |second| second.fit);
        let about = query.question.name().replace('_', " ");
        let from = vec![("fit", query.fit.as_str()), ("fit", other)];
        parts.push(Part { kind: "query", name: &query.name, about, colour: Colour::Green, from });
    }
    parts
}

fn nodes(study: &Study<'_>) -> Nodes {
    let mut nodes = Nodes::default();
    let mut waiting = parts(study);
    // Each part is added after those that it depends on.
    loop {
        let is_waiting = |of: &(&str, &str)| waiting.iter().any(|part| (part.kind, part.name) == *of);
        // A table can have the name of its source.
        let is_ready = |part: &Part<'_>| !part.from.iter().any(|of| *of != (part.kind, part.name) && is_waiting(of));
        let ready: Vec<bool> = waiting.iter().map(is_ready).collect();
        if !ready.contains(&true) {
            return nodes;
        }
        let mut ready = ready.into_iter();
        let (next, rest) = waiting.into_iter().partition(|_| ready.next() == Some(true));
        waiting = rest;
        for Part { kind, name, about, colour, from } in next {
            nodes.add(kind, name, about, colour, &from);
        }
    }
}

impl Picture for Nodes {
    fn title(&self) -> String {
        "Where answers come from".to_owned()
    }

    fn svg(&self, style: Style, _id: &str) -> String {
        let em = |share: f64| share * style.font;
        let columns = self.columns();
        let tallest = columns.iter().map(Vec::len).max().unwrap_or(1) as f64;
        let (line, gap) = (em(3.6), em(1.8));
        let each = (style.width - em(1.2) - gap * (columns.len() as f64 - 1.0)) / columns.len() as f64;
        let height = em(1.2) + line * tallest;
        let mut places: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        for (column, list) in columns.iter().enumerate() {
            let spare = 0.5 * (height - line * list.len() as f64);
            for (row, &index) in list.iter().enumerate() {
                places.insert(index, (em(0.6) + column as f64 * (each + gap), spare + line * (row as f64 + 0.5)));
            }
        }
        let mut out = String::new();
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w:.2} {height:.2}\" width=\"{w:.2}\" height=\"{height:.2}\" \
             font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\" font-size=\"{font:.2}\" role=\"img\" aria-label=\"{title}\">\n\
             <title>{title}</title>\n<rect class=\"paper\" width=\"{w:.2}\" height=\"{height:.2}\" fill=\"#ffffff\"/>\n\
             <g class=\"grey\" color=\"{grey}\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.3\">\n",
            w = style.width,
            font = style.font,
            title = self.title(),
            grey = Colour::Grey.hex(),
        );
        for (index, &(x, y)) in &places {
            for (left, up) in self.list[*index].from.iter().filter_map(|from| places.get(from)) {
                let (from, middle) = (left + each, f64::midpoint(left + each, x));
                let _ = writeln!(
                    out,
                    "<path d=\"M{from:.2} {up:.2}C{middle:.2} {up:.2} {middle:.2} {y:.2} {x:.2} {y:.2}\"/>"
                );
            }
        }
        out.push_str("</g>\n");
        for (index, &(x, y)) in &places {
            let node = &self.list[*index];
            let room = each - em(1.2);
            let about =
                if node.about.is_empty() { node.kind.to_owned() } else { format!("{}, {}", node.kind, node.about) };
            let _ = writeln!(
                out,
                "<g class=\"{}\" color=\"{}\"><rect class=\"box\" x=\"{x:.2}\" y=\"{:.2}\" width=\"{each:.2}\" height=\"{:.2}\" rx=\"4\" fill=\"#ffffff\" stroke=\"currentColor\" stroke-width=\"1.4\"/>\
                 <text x=\"{:.2}\" y=\"{:.2}\" fill=\"#16181c\">{}</text><text x=\"{:.2}\" y=\"{:.2}\" fill=\"#5b626c\" class=\"note\" font-size=\"{:.2}\">{}</text></g>",
                node.colour.class(),
                node.colour.hex(),
                y - em(1.5),
                em(3.0),
                x + em(0.6),
                y - em(0.2),
                escape(&fitted(&node.name, style.font, room)),
                x + em(0.6),
                y + em(1.05),
                em(0.85),
                escape(&fitted(&about, em(0.85), room)),
            );
        }
        out.push_str("</svg>\n");
        out
    }

    fn csv(&self) -> String {
        let mut out = String::from("from,to\n");
        for node in &self.list {
            for from in node.from.iter().map(|&index| &self.list[index]) {
                let of = |node: &Node| crate::separated::cell(&format!("{} {}", node.kind, node.name));
                let _ = writeln!(out, "{},{}", of(from), of(node));
            }
        }
        out
    }
}
