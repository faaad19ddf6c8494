//! The compiled plan that `export` writes and `exec` carries out: a line about the plan, then a line for each chunk.
//!
//! A job reads the first line and that of its chunk, so it costs the same in a plan of any size.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::artifact::Digest;
use crate::numerics::NUMERICS_REV;
use crate::plan::{Chunk, Compiled, Part, Plan, SpecFile};

/// Name of the file in the folder of an exported plan.
pub(super) const PLAN: &str = "plan.jsonl";
/// Name of the folder beside it with a folder for each plan, in which an empty file marks each chunk that is done.
pub(super) const DONE: &str = "done";
/// The mark of reports and lock files.
pub(super) const FINISHED: &str = "finish";
/// Longest line that is read.
const MAX_BYTES: u64 = 1 << 30;
/// Version of the file's shape.
const FORMAT: &str = "lawfit/plan/v1";

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CompiledPlan {
    format: String,
    /// The version of the program that made it; no other version carries it out.
    lawfit: String,
    numerics: u32,
    /// Its name: the first digits of the digest of this line without it.
    pub(super) id: String,
    /// The specs, from where the plan was made.
    pub(super) specs: Vec<PlannedSpec>,
    /// Specs that they extend.
    bases: Vec<PlannedSpec>,
    /// The chunks, wave by wave.
    pub(super) chunks: Vec<PlannedChunk>,
}

/// What a plan says of a spec.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlannedSpec {
    /// Where it is, from where the plan was made.
    pub(super) path: PathBuf,
    /// BLAKE3 of its bytes.
    pub(super) b3: Digest,
}

impl PlannedSpec {
    pub(super) fn of(file: &SpecFile) -> Self {
        Self { path: file.path.clone(), b3: Digest::of(&file.bytes) }
    }
}

/// What the first line says of a chunk.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PlannedChunk {
    pub(super) wave: usize,
    /// How long it is expected to take, in seconds.
    pub(super) seconds: f64,
    /// How long it may take, in minutes.
    pub(super) minutes: u64,
    /// How many stages it has.
    pub(super) stages: usize,
    /// The chunks that come before it.
    pub(super) needs: Vec<usize>,
    /// Where its line begins, in bytes after the first line, and how many bytes it has.
    at: u64,
    bytes: u64,
    b3: Digest,
}

/// Why a compiled plan is not carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlanError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("it is no compiled plan: {0}")]
    Other(String),
    #[error("it was made by another lawfit ({0}); this is {version}", version = program())]
    Version(String),
    #[error("it has no chunk {0}; its last is {1}")]
    NoChunk(usize, usize),
    #[error("the line of chunk {0} is damaged")]
    Damaged(usize),
}

/// The version that decides what is computed.
fn program() -> String {
    format!("{}, numerics {NUMERICS_REV}", env!("CARGO_PKG_VERSION"))
}

/// Least minutes that a chunk is given.
const LEAST_MINUTES: u64 = 10;
/// How many times its expected seconds a chunk is given.
const SLACK: f64 = 10.0;

/// The bytes of a compiled plan, and its first line.
///
/// # Errors
/// Where a chunk holds what cannot be carried out alone, which only a defect explains.
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
        // Looked at first: a plan of another program may have another shape.
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

    /// The first of the specs, and of those they extend, that was changed after the plan was made.
    pub(super) fn stale<'a>(&self, files: &'a [SpecFile], compiled: &'a Compiled) -> Option<&'a SpecFile> {
        let planned = self.specs.iter().chain(&self.bases);
        let own = files.iter().chain(&compiled.bases);
        own.zip(planned).find_map(|(file, planned)| (Digest::of(&file.bytes) != planned.b3).then_some(file))
    }

    /// The folder of marks beside a plan.
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
    /// The stages of a chunk, with all that they rest on, as a plan.
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

/// Marks a chunk, or the end, as done; an empty file, so that none is torn.
pub(super) fn mark(folder: &Path, what: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    File::create(folder.join(what)).map(drop)
}
