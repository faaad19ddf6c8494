//! The compiled plan that `export` writes and `exec` runs: a line about the plan, then a line for each chunk.
//!
//! A job reads the first line and the line of its chunk, so its cost does not depend on the size of the plan.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::artifact::Digest;
use crate::numerics::NUMERICS_REV;
use crate::plan::{Chunk, Compiled, Part, Plan, SpecFile};

/// Name of the file in the folder of an exported plan.
pub(super) const PLAN: &str = "plan.jsonl";
/// Name of the folder of marks next to the plan file. It has a subfolder for each plan, where an empty file marks
/// each completed chunk.
pub(super) const DONE: &str = "done";
/// The mark of completed reports and lock files.
pub(super) const FINISHED: &str = "finish";
/// Maximum length of a line.
const MAX_BYTES: u64 = 1 << 30;
/// Version of the file format.
const FORMAT: &str = "lawfit/plan/v1";

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CompiledPlan {
    format: String,
    /// The version of the program that wrote the plan; no other version runs it.
    lawfit: String,
    numerics: u32,
    /// Name of the plan: the first digits of the digest of this line without the name.
    pub(super) id: String,
    /// The specs, relative to the folder in which the plan was written.
    pub(super) specs: Vec<PlannedSpec>,
    /// Specs that these extend.
    bases: Vec<PlannedSpec>,
    /// The chunks in the order of their waves.
    pub(super) chunks: Vec<PlannedChunk>,
}

/// A spec of a plan.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlannedSpec {
    /// Path relative to the folder in which the plan was written.
    pub(super) path: PathBuf,
    /// BLAKE3 of the content.
    pub(super) b3: Digest,
}

impl PlannedSpec {
    pub(super) fn of(file: &SpecFile) -> Self {
        Self { path: file.path.clone(), b3: Digest::of(&file.bytes) }
    }
}

/// A chunk in the first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlannedChunk {
    pub(super) wave: usize,
    /// Expected seconds.
    pub(super) seconds: f64,
    /// Time limit in minutes.
    pub(super) minutes: u64,
    /// Number of stages.
    pub(super) stages: usize,
    /// Chunks that must be complete before it.
    pub(super) needs: Vec<usize>,
    /// Start of its line, in bytes after the first line, and length of its line.
    at: u64,
    bytes: u64,
    b3: Digest,
}

/// Why a compiled plan cannot run.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlanError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("it is not a compiled plan: {0}")]
    Other(String),
    #[error("it was made by another lawfit ({0}); this is {version}", version = program())]
    Version(String),
    #[error("it has no chunk {0}; its last is {1}")]
    NoChunk(usize, usize),
    #[error("the line of chunk {0} is damaged")]
    Damaged(usize),
}

/// The version that determines the computation.
fn program() -> String {
    format!("{}, numerics {NUMERICS_REV}", env!("CARGO_PKG_VERSION"))
}

/// Smallest time limit of a chunk, in minutes.
const LEAST_MINUTES: u64 = 10;
/// Ratio of a chunk's time limit to its expected time.
const SLACK: f64 = 10.0;

/// The bytes of a compiled plan, and its first line.
///
/// # Errors
/// A chunk contains a stage that cannot run on its own, which indicates a defect.
pub(super) fn write(
    compiled: &Compiled,
    files: &[SpecFile],
    chunks: Vec<Chunk>,
) -> Result<(CompiledPlan, Vec<u8>), String> {
    let mut lines: Vec<u8> = Vec::new();
    let mut planned = Vec::new();
    for Chunk { wave, stages, seconds, needs } in chunks {
        let part = compiled.plan.part(&stages).ok_or("a chunk holds a stage that ends a study")?;
        let at = lines.len() as u64;
        serde_json::to_writer(&mut lines, &part).map_err(|error| error.to_string())?;
        lines.push(b'\n');
        let b3 = Digest::of(&lines[at as usize..]);
        let minutes = LEAST_MINUTES.max((seconds * SLACK / 60.0).ceil() as u64);
        let bytes = lines.len() as u64 - at;
        planned.push(PlannedChunk { wave, seconds, minutes, stages: stages.len(), needs, at, bytes, b3 });
    }
    let mut plan = CompiledPlan {
        format: FORMAT.to_owned(),
        lawfit: env!("CARGO_PKG_VERSION").to_owned(),
        numerics: NUMERICS_REV,
        id: String::new(),
        specs: files.iter().map(PlannedSpec::of).collect(),
        bases: compiled.bases.iter().map(PlannedSpec::of).collect(),
        chunks: planned,
    };
    let text = |plan: &CompiledPlan| serde_json::to_vec(plan).map_err(|error| error.to_string());
    plan.id = format!("{:.16}", Digest::of(&text(&plan)?).as_str());
    let mut bytes = text(&plan)?;
    bytes.push(b'\n');
    bytes.extend_from_slice(&lines);
    Ok((plan, bytes))
}

impl CompiledPlan {
    /// Reads the first line of a compiled plan.
    pub(super) fn open(path: &Path) -> Result<(Self, Lines), PlanError> {
        let (file, _) = crate::file::open(path)?;
        let mut reader = BufReader::new(file);
        let mut first = Vec::new();
        reader.by_ref().take(MAX_BYTES).read_until(b'\n', &mut first)?;
        // Check the version first, because the plan of another version may have another format.
        let other = |error: serde_json::Error| PlanError::Other(error.to_string());
        let value: serde_json::Value = serde_json::from_slice(&first).map_err(other)?;
        if value["format"] != FORMAT {
            return Err(PlanError::Other("`lawfit export` writes one".to_owned()));
        }
        let made_by = format!("{}, numerics {}", value["lawfit"].as_str().unwrap_or_default(), value["numerics"]);
        if made_by != program() {
            return Err(PlanError::Version(made_by));
        }
        let plan: Self = serde_json::from_value(value).map_err(other)?;
        Ok((plan, Lines { reader, behind: first.len() as u64 }))
    }

    /// The first spec, or extended spec, that was changed after the plan was written.
    pub(super) fn stale<'a>(&self, files: &'a [SpecFile], compiled: &'a Compiled) -> Option<&'a SpecFile> {
        let planned = self.specs.iter().chain(&self.bases);
        let own = files.iter().chain(&compiled.bases);
        own.zip(planned).find_map(|(file, planned)| (Digest::of(&file.bytes) != planned.b3).then_some(file))
    }

    /// The folder of marks for a plan.
    pub(super) fn marks(&self, plan: &Path) -> PathBuf {
        plan.parent().unwrap_or(Path::new("")).join(DONE).join(&self.id)
    }
}

/// The lines after the first.
pub(super) struct Lines {
    reader: BufReader<File>,
    behind: u64,
}

impl Lines {
    /// The stages of a chunk and everything that they depend on, as a plan.
    pub(super) fn chunk(&mut self, plan: &CompiledPlan, chunk: usize) -> Result<(Plan, Vec<usize>), PlanError> {
        let last = plan.chunks.len().saturating_sub(1);
        let planned = plan.chunks.get(chunk).ok_or(PlanError::NoChunk(chunk, last))?;
        self.reader.seek(SeekFrom::Start(self.behind + planned.at))?;
        let mut line = Vec::new();
        self.reader.by_ref().take(planned.bytes.min(MAX_BYTES)).read_to_end(&mut line)?;
        if Digest::of(&line) != planned.b3 {
            return Err(PlanError::Damaged(chunk));
        }
        let part: Part = serde_json::from_slice(&line).map_err(|error| PlanError::Other(error.to_string()))?;
        part.read().map_err(|error| PlanError::Other(error.to_string()))
    }
}

/// Marks a chunk, or the end, as complete. The file is empty, so it cannot be incomplete.
pub(super) fn mark(folder: &Path, what: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    File::create(folder.join(what)).map(drop)
}
