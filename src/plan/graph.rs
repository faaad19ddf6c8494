//! The graph of stages.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::diagnostic::SpecPath;
use crate::stage::Stage;

/// A stage's name: `fit.main`, with the spec before it where a plan has several: `chinchilla/fit.main`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StageId(pub String);

impl StageId {
    /// The name within its spec: `fit.main`, also where a plan has several specs.
    pub fn within(&self, several: bool) -> &str {
        if several { self.0.split_once('/').map_or(&self.0, |(_, name)| name) } else { &self.0 }
    }
}

impl fmt::Display for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A stage in its place.
#[derive(Clone)]
pub struct PlanStage {
    /// Its name.
    pub id: StageId,
    /// What it does.
    pub stage: Arc<dyn Stage>,
    /// Index of its spec.
    pub spec: usize,
    /// Where the spec says so.
    pub path: SpecPath,
}

/// An artifact on its way from one stage to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Its role where it was produced.
    pub output: String,
    /// Its role where it is used.
    pub input: String,
}

/// A graph of stages; a stage is known by its index, every stage after those it needs.
#[derive(Clone, Default)]
pub struct Plan {
    graph: DiGraph<PlanStage, Edge>,
}

impl Plan {
    /// Adds a stage with the artifacts it takes: (stage, role there, role here).
    pub fn add(&mut self, stage: PlanStage, inputs: &[(usize, &str, String)]) -> usize {
        let node = self.graph.add_node(stage);
        for (from, output, input) in inputs {
            let edge = Edge { output: (*output).to_owned(), input: input.clone() };
            self.graph.add_edge(NodeIndex::new(*from), node, edge);
        }
        node.index()
    }

    /// Number of stages.
    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// Whether there are no stages.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The stages, each after those it needs.
    pub fn stages(&self) -> impl Iterator<Item = &PlanStage> {
        self.graph.node_weights()
    }

    /// A stage.
    pub fn stage(&self, index: usize) -> &PlanStage {
        &self.graph[NodeIndex::new(index)]
    }

    /// What a stage takes: (stage, edge), in order of the role here.
    pub fn inputs(&self, index: usize) -> Vec<(usize, &Edge)> {
        let edges = self.graph.edges_directed(NodeIndex::new(index), Direction::Incoming);
        let mut all: Vec<(usize, &Edge)> = edges.map(|e| (e.source().index(), e.weight())).collect();
        all.sort_by(|a, b| a.1.input.cmp(&b.1.input));
        all
    }

    /// The stages that take something from a stage, in order.
    pub fn dependents(&self, index: usize) -> Vec<usize> {
        let mut all: Vec<usize> =
            self.graph.neighbors_directed(NodeIndex::new(index), Direction::Outgoing).map(NodeIndex::index).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Stages with all that they rest on.
    pub fn with_needs(&self, of: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let mut found: BTreeSet<usize> = BTreeSet::new();
        let mut next: Vec<usize> = of.into_iter().collect();
        while let Some(index) = next.pop() {
            if found.insert(index) {
                next.extend(
                    self.graph.neighbors_directed(NodeIndex::new(index), Direction::Incoming).map(NodeIndex::index),
                );
            }
        }
        found
    }

    /// The graph in Graphviz's language.
    pub fn dot(&self) -> String {
        let labels = self.graph.map(|_, stage| stage.id.clone(), |_, edge| edge.output.clone());
        format!("{}", petgraph::dot::Dot::new(&labels))
    }

    /// The graph in Mermaid's language.
    pub fn mermaid(&self) -> String {
        use fmt::Write as _;
        let mut text = "flowchart LR\n".to_owned();
        for (index, stage) in self.stages().enumerate() {
            let _ = writeln!(text, "  s{index}[\"{}\"]", stage.id);
        }
        for index in 0..self.len() {
            for dependent in self.dependents(index) {
                let _ = writeln!(text, "  s{index} --> s{dependent}");
            }
        }
        text
    }
}
