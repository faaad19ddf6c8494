//! The graph of stages.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::diagnostic::SpecPath;
use crate::stage::Stage;

/// The place of a stage in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StageIndex(pub usize);

impl StageIndex {
    /// What the stage gives under a role, as another takes it under the same.
    pub fn gives(self, role: &str) -> Input {
        self.gives_as(role, role)
    }

    /// What the stage gives under a role, as another takes it under a role of its own.
    pub fn gives_as(self, output: &str, input: impl Into<String>) -> Input {
        Input { from: self, edge: Edge { output: output.to_owned(), input: input.into() } }
    }
}

/// What a stage takes of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The other stage.
    pub from: StageIndex,
    /// The roles of the artifact there and here.
    pub edge: Edge,
}

/// A stage's name: `fit.main`, with the spec before it where a plan has several: `chinchilla/fit.main`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageId {
    /// The spec, where a plan has several.
    pub spec: Option<String>,
    /// The stage's kind.
    pub kind: &'static str,
    /// The entry of the spec, where the stage is of one.
    pub name: Option<String>,
    /// Which of several that the entry has: `law=hoffmann`.
    pub member: Option<String>,
}

impl StageId {
    /// The entry of the spec with what tells it from others: `main[law=hoffmann]`; nothing of a stage for the whole study.
    pub fn entry(&self) -> String {
        let member = self.member.as_ref().map(|member| format!("[{member}]"));
        self.name.iter().cloned().chain(member).collect()
    }

    /// The name within its spec: `fit.main`, also where a plan has several specs.
    pub fn within(&self) -> String {
        let entry = self.name.as_ref().map(|_| format!(".{}", self.entry()));
        [self.kind.to_owned()].into_iter().chain(entry).collect()
    }
}

impl fmt::Display for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(spec) = &self.spec {
            write!(f, "{spec}/")?;
        }
        f.write_str(&self.within())
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
    /// Adds a stage with the artifacts it takes.
    pub fn add(&mut self, stage: PlanStage, inputs: Vec<Input>) -> StageIndex {
        let node = self.graph.add_node(stage);
        for Input { from, edge } in inputs {
            self.graph.add_edge(NodeIndex::new(from.0), node, edge);
        }
        StageIndex(node.index())
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
        let labels = self.graph.map(|_, stage| stage.id.to_string(), |_, edge| edge.output.clone());
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
