//! The graph of stages.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::diagnostic::SpecPath;
use crate::stage::Stage;

/// Index of a stage in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StageIndex(pub usize);

impl StageIndex {
    /// The stage's output as an input with the same role.
    pub fn gives(self, role: &str) -> Input {
        self.gives_as(role, role)
    }

    /// The stage's output as an input with another role.
    pub fn gives_as(self, output: &str, input: impl Into<String>) -> Input {
        Input { from: self, edge: Edge { output: output.to_owned(), input: input.into() } }
    }
}

/// An input of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The stage that produces it.
    pub from: StageIndex,
    /// Its roles as an output and as an input.
    pub edge: Edge,
}

/// Name of a stage: `fit.main`, prefixed with the spec if the plan has several: `chinchilla/fit.main`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageId {
    /// The name of the spec, if the plan has several.
    pub spec: Option<String>,
    /// The stage's kind.
    pub kind: &'static str,
    /// The name of the stage's entry in the spec; `None` for a stage of the whole study.
    pub name: Option<String>,
    /// The part of the entry, if it has several: `law=hoffmann`.
    pub member: Option<String>,
}

impl StageId {
    /// The name of the entry and its part: `main[law=hoffmann]`. Empty for a stage of the whole study.
    pub fn entry(&self) -> String {
        let member = self.member.as_ref().map(|member| format!("[{member}]"));
        self.name.iter().cloned().chain(member).collect()
    }

    /// The name without that of the spec: `fit.main`.
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

/// A stage of a plan.
#[derive(Clone)]
pub struct PlanStage {
    /// Its name.
    pub id: StageId,
    /// The stage.
    pub stage: Arc<dyn Stage>,
    /// Index of its spec.
    pub spec: usize,
    /// Path of its entry in the spec.
    pub path: SpecPath,
}

/// An artifact that one stage passes to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Its role as an output.
    pub output: String,
    /// Its role as an input.
    pub input: String,
}

/// A graph of stages. Stages are identified by their index; every stage comes after the stages it needs.
#[derive(Clone, Default)]
pub struct Plan {
    graph: DiGraph<PlanStage, Edge>,
}

impl Plan {
    /// Adds a stage with its inputs and returns its index.
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

    /// The stages, each after the stages it needs.
    pub fn stages(&self) -> impl Iterator<Item = &PlanStage> {
        self.graph.node_weights()
    }

    /// The stage at an index.
    pub fn stage(&self, index: usize) -> &PlanStage {
        &self.graph[NodeIndex::new(index)]
    }

    /// The inputs of a stage as (stage, edge), sorted by input role.
    pub fn inputs(&self, index: usize) -> Vec<(usize, &Edge)> {
        let edges = self.graph.edges_directed(NodeIndex::new(index), Direction::Incoming);
        let mut all: Vec<(usize, &Edge)> = edges.map(|e| (e.source().index(), e.weight())).collect();
        all.sort_by(|a, b| a.1.input.cmp(&b.1.input));
        all
    }

    /// The stages that use an output of a stage, ascending.
    pub fn dependents(&self, index: usize) -> Vec<usize> {
        let mut all: Vec<usize> =
            self.graph.neighbors_directed(NodeIndex::new(index), Direction::Outgoing).map(NodeIndex::index).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The given stages and all stages they need, directly or indirectly.
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

    /// The graph in the DOT language of Graphviz.
    pub fn dot(&self) -> String {
        let labels = self.graph.map(|_, stage| stage.id.to_string(), |_, edge| edge.output.clone());
        format!("{}", petgraph::dot::Dot::new(&labels))
    }

    /// The graph in the language of Mermaid.
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
