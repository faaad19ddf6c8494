//! The graph of a study: sources, tables, filters, fits, queries and their dependencies.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::sheet::Colour;
use super::svg::Style;
use super::text::{escape, fitted};
use super::{Chart, Drawn, Picture, Study};

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

fn nodes(study: &Study<'_>) -> Nodes {
    let (described, results) = (study.described, study.results);
    let mut nodes = Nodes::default();
    let rows = |count: Option<usize>| count.map_or(String::new(), |count| format!("{count} rows"));
    for source in &described.sources {
        let count = results.sources.get(&source.name).map(|source| source.rows);
        nodes.add("source", &source.name, rows(count), Colour::Grey, &[]);
    }
    for table in &described.tables {
        let count = results.tables.get(&table.name).map(|table| table.rows);
        let from = [("source", table.from.as_str()), ("table", table.from.as_str())];
        nodes.add("table", &table.name, rows(count), Colour::Sky, &from);
    }
    for filter in &described.filters {
        let count = results.filters.get(&filter.name).map(|filter| filter.kept);
        let from = [("source", filter.source.as_str()), ("table", filter.source.as_str())];
        nodes.add("filter", &filter.name, rows(count), Colour::Amber, &from);
    }
    for fit in &described.fits {
        let rows = fit.rows.as_deref().unwrap_or_default();
        nodes.add(
            "fit",
            &fit.name,
            fit.law.name.clone(),
            Colour::Blue,
            &["source", "table", "filter"].map(|kind| (kind, rows)),
        );
    }
    for query in &described.queries {
        let other = query.question.member().other().map_or("", |second| second.fit);
        let kind = query.question.name().replace('_', " ");
        nodes.add("query", &query.name, kind, Colour::Green, &[("fit", query.fit.as_str()), ("fit", other)]);
    }
    nodes
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
