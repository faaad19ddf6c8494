//! Runs the stages of a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use super::{Event, FetchError, Fetcher, Look, NOT_CACHED, Options, Outcome, Status, memory, panic_in_words};
use crate::artifact::{Digest, Manifest, Outputs, manifest};
use crate::file;
use crate::plan::{Fingerprint, Plan, StageId, input_digest};
use crate::stage::{External, Failure, Inputs, NO_ROWS, Stage};
use crate::store::Store;
use crate::watch::Watch;

/// Stack size of the threads that compute stages; the longest expression needs only a part of it.
const STACK: usize = 16 << 20;

/// The digest of a file's content, and its bytes where it was read.
type FileInput = (String, Option<Arc<Vec<u8>>>);

/// Runs a plan.
pub struct Engine<'a> {
    plan: &'a Plan,
    store: &'a Store,
    options: &'a Options,
    observer: &'a (dyn Fn(&Event<'_>) + Sync),
    interrupted: &'a AtomicBool,
    /// The stages on which each stage depends.
    needs: Vec<Vec<usize>>,
    progress: Mutex<Progress>,
    /// Notified when a stage becomes ready, or when all are done.
    news: Condvar,
    /// The thread pool of the stages, created on first use.
    pool: OnceLock<Option<rayon::ThreadPool>>,
    failed: AtomicBool,
    unwritten: AtomicBool,
    computing: AtomicUsize,
    /// How each stage may be obtained.
    scope: Vec<Scope>,
}

/// How a stage may be obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Not wanted.
    Outside,
    /// Only from the store.
    Stored,
    /// From the store, or by computing it.
    Computed,
}

/// State of the run.
#[derive(Default)]
struct Progress {
    outcomes: BTreeMap<usize, Outcome>,
    /// Outputs in memory, which are kept until all stages that need them are done.
    memory: BTreeMap<usize, Outputs>,
    /// For each stage, the number of stages that it waits for.
    waiting: Vec<usize>,
    /// For each stage, the number of unfinished stages that need it.
    readers: Vec<usize>,
    /// Stages that can start. The last one is next, so that new outputs are used soon.
    ready: Vec<usize>,
    /// Number of unfinished stages.
    left: usize,
}

impl<'a> Engine<'a> {
    /// An engine for one run.
    pub fn new(
        plan: &'a Plan,
        store: &'a Store,
        options: &'a Options,
        observer: &'a (dyn Fn(&Event<'_>) + Sync),
        interrupted: &'a AtomicBool,
    ) -> Self {
        let may = if options.frozen { Scope::Stored } else { Scope::Computed };
        let needs: Vec<Vec<usize>> = (0..plan.len()).map(|i| distinct_inputs(plan, i)).collect();
        let waiting = needs.iter().map(Vec::len).collect();
        let readers = (0..plan.len()).map(|i| plan.dependents(i).len()).collect();
        let progress = Mutex::new(Progress { waiting, readers, ..Progress::default() });
        Self {
            plan,
            store,
            options,
            observer,
            interrupted,
            needs,
            progress,
            news: Condvar::new(),
            pool: OnceLock::new(),
            failed: AtomicBool::new(false),
            unwritten: AtomicBool::new(false),
            computing: AtomicUsize::new(0),
            scope: vec![may; plan.len()],
        }
    }

    /// Restricts the run to some stages and the stages they need, which are computed too or only taken from the
    /// store.
    #[must_use]
    pub fn towards(mut self, targets: &[usize], compute_inputs: bool) -> Self {
        let mut scope = vec![Scope::Outside; self.plan.len()];
        for &target in targets {
            scope[target] = Scope::Computed;
        }
        // Every stage comes after the stages that it needs.
        for index in (0..self.plan.len()).rev().filter(|&i| self.scope[i] != Scope::Outside) {
            if scope[index] == Scope::Outside {
                continue;
            }
            for &from in &self.needs[index] {
                if scope[from] == Scope::Outside {
                    scope[from] = if compute_inputs { Scope::Computed } else { Scope::Stored };
                }
            }
        }
        self.scope = scope;
        self
    }

    /// Restricts computation to some stages; all others are taken from the store or skipped.
    #[must_use]
    pub fn computing(mut self, targets: &[usize]) -> Self {
        self.scope.fill(Scope::Stored);
        for &target in targets {
            self.scope[target] = Scope::Computed;
        }
        self
    }

    /// Runs every stage and returns the outcomes in the order of the plan.
    pub fn run(&self) -> Vec<Outcome> {
        {
            let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
            let inside = (0..self.plan.len()).filter(|&i| self.scope[i] != Scope::Outside);
            progress.left = inside.clone().count();
            progress.ready = inside.filter(|&i| self.needs[i].is_empty()).rev().collect();
        }
        std::thread::scope(|scope| {
            for _ in 1..self.jobs() {
                // If a thread cannot be created, fewer threads do the work.
                let _ = std::thread::Builder::new().spawn_scoped(scope, || self.work());
            }
            self.work();
        });
        self.store.keep_usage();
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let outside = (0..self.plan.len()).filter(|i| self.scope[*i] == Scope::Outside);
        outside.for_each(|index| drop(progress.outcomes.insert(index, Outcome::skipped())));
        progress.outcomes.values().cloned().collect()
    }

    /// The outputs of a stage: from memory, from the store, or computed again where the store lost them.
    ///
    /// # Errors
    /// The outputs are lost and cannot be computed.
    pub fn outputs(&self, index: usize) -> Result<Outputs, Failure> {
        if let Some(outputs) = self.at_hand(index) {
            return Ok(outputs);
        }
        if self.scope[index] == Scope::Stored {
            return Err(Failure::new(NOT_CACHED, format!("the result of {} was lost", self.plan.stage(index).id)));
        }
        let files = digest_files(self.plan.stage(index).stage.externals())?;
        let outputs = self.compute(index, &files)?;
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.memory.insert(index, outputs.clone());
        Ok(outputs)
    }

    /// The outputs of a stage, from memory or from the store.
    fn at_hand(&self, index: usize) -> Option<Outputs> {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outputs) = progress.memory.get(&index) {
            return Some(outputs.clone());
        }
        let manifest = progress.outcomes.get(&index)?.outputs.clone();
        drop(progress);
        manifest.iter().map(|(role, blob)| Some((role.clone(), self.store.read(&blob.digest, blob.size)?))).collect()
    }

    /// Maximum number of stages that run at the same time.
    fn jobs(&self) -> usize {
        self.options.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// Runs ready stages until none is left.
    ///
    /// Stages are not tasks of the pool in which they compute. A pool thread that waits for a part of one stage would
    /// start another stage on the same stack, and so on until the stack is full.
    fn work(&self) {
        loop {
            let next = {
                let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
                while progress.ready.is_empty() && progress.left > 0 {
                    progress = self.news.wait(progress).unwrap_or_else(PoisonError::into_inner);
                }
                progress.ready.pop()
            };
            let Some(index) = next else { return };
            self.visit(index);
        }
    }

    fn visit(&self, index: usize) {
        let started = Instant::now();
        let stage = self.plan.stage(index);
        // A defect outside a stage's own work, for example in the store, must not end the run either.
        let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.deal_with(index)));
        let peak_memory =
            attempt.as_ref().ok().filter(|(status, ..)| *status == Status::Ran).and_then(|_| memory::peak());
        let (status, key, outputs) =
            attempt.unwrap_or_else(|panic| (Status::Failed(panicked(&stage.id, &*panic)), None, Manifest::new()));
        if matches!(status, Status::Failed(_)) {
            self.failed.store(true, Ordering::SeqCst);
        }
        let outcome = Outcome { status, key, outputs, elapsed: started.elapsed(), peak_memory };
        for notice in self.store.take_notices() {
            self.tell(&Event::Notice(notice));
        }
        self.tell(&Event::Finished(&stage.id, &outcome));
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.outcomes.insert(index, outcome);
        for &from in &self.needs[index] {
            progress.readers[from] -= 1;
            if progress.readers[from] == 0 {
                progress.memory.remove(&from);
            }
        }
        for dependent in self.plan.dependents(index) {
            progress.waiting[dependent] -= 1;
            if progress.waiting[dependent] == 0 && self.scope[dependent] != Scope::Outside {
                progress.ready.push(dependent);
            }
        }
        progress.left -= 1;
        self.news.notify_all();
    }

    /// Notifies the observer. If the observer panics, it misses the event and the run continues.
    fn tell(&self, event: &Event<'_>) {
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (self.observer)(event)));
    }

    fn deal_with(&self, index: usize) -> (Status, Option<Digest>, Manifest) {
        let stopped =
            self.interrupted.load(Ordering::SeqCst) || (self.options.fail_fast && self.failed.load(Ordering::SeqCst));
        let upstream = self.upstream(index);
        let (Some(upstream), false) = (upstream, stopped) else {
            return (Status::Skipped, None, Manifest::new());
        };
        let stage = &self.plan.stage(index).stage;
        let files = match digest_files(stage.externals()) {
            Ok(files) => files,
            Err(failure) => return (Status::Failed(failure), None, Manifest::new()),
        };
        let fingerprint = Fingerprint::new(stage.as_ref(), inputs_of(self.plan, index, &upstream, &files)).text();
        let key = Fingerprint::key(&fingerprint);
        if let Some(outputs) = self.store.find(&key, &|outputs| has_roles(stage.as_ref(), outputs)) {
            return (Status::Cached, Some(key), outputs);
        }
        if self.scope[index] == Scope::Stored {
            let failure = if self.options.frozen {
                Failure::new(NOT_CACHED, "its result is not in the cache, and --frozen computes nothing")
                    .hint("run once without --frozen, or import the cache of a machine that did")
            } else {
                Failure::new(NOT_CACHED, "its result is needed and is not in the cache").hint("execute it first")
            };
            return (Status::Failed(failure), Some(key), Manifest::new());
        }
        let began = Instant::now();
        match self.compute(index, &files) {
            Ok(outputs) => {
                self.store.note_took(Fingerprint::of_settings(stage.as_ref()), began.elapsed().as_secs_f64());
                let written = self.store.write(&key, &fingerprint, &outputs).unwrap_or_else(|error| {
                    // Report this once: a full disk refuses every stage.
                    if !self.unwritten.swap(true, Ordering::SeqCst) {
                        let reason = format!(
                            "the cache could not be written, so stages will run again next \
                         time: {error}"
                        );
                        self.tell(&Event::Notice(reason));
                    }
                    manifest(&outputs)
                });
                let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
                progress.memory.insert(index, outputs);
                (Status::Ran, Some(key), written)
            }
            Err(failure) => (Status::Failed(failure), Some(key), Manifest::new()),
        }
    }

    /// The outputs of the stages that this stage needs; `None` where one of them has no result.
    fn upstream(&self, index: usize) -> Option<BTreeMap<usize, Manifest>> {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        self.needs[index]
            .iter()
            .map(|&from| {
                let outcome = progress.outcomes.get(&from)?;
                matches!(outcome.status, Status::Ran | Status::Cached).then(|| (from, outcome.outputs.clone()))
            })
            .collect()
    }

    fn compute(&self, index: usize, files: &[FileInput]) -> Result<Outputs, Failure> {
        let plan_stage = self.plan.stage(index);
        let mut inputs = Inputs::default();
        for (from, edge) in self.plan.inputs(index) {
            let bytes = self.artifact(from, &edge.output)?;
            inputs.artifacts.insert(edge.input.clone(), bytes);
        }
        for (external, (_, bytes)) in plan_stage.stage.externals().iter().zip(files) {
            inputs.files.push(match (bytes, external) {
                (Some(bytes), _) => Arc::clone(bytes),
                (None, External::Pinned { url, sha256, most }) => self.fetch(url, sha256, *most)?,
                (None, External::Snapshot { path, name, sha256, most }) => self.snapshot(path, name, sha256, *most)?,
                (None, External::File { path, name, most }) => read_file(path, name, *most)?,
            });
        }
        self.tell(&Event::Started(&plan_stage.id));
        if self.computing.fetch_add(1, Ordering::SeqCst) == 0 {
            memory::forget_peak();
        }
        let cancelled = || self.interrupted.load(Ordering::Relaxed);
        let tick = |done: usize, total: usize| self.tell(&Event::Progress(&plan_stage.id, done, total));
        let watch = Watch { cancelled: &cancelled, tick: &tick };
        // A panic in one stage must not stop the others.
        let run = std::panic::AssertUnwindSafe(|| match self.pool() {
            Some(pool) => pool.install(|| plan_stage.stage.run(&inputs, &watch)),
            None => plan_stage.stage.run(&inputs, &watch),
        });
        let result = std::panic::catch_unwind(run).unwrap_or_else(|panic| Err(panicked(&plan_stage.id, &*panic)));
        self.computing.fetch_sub(1, Ordering::SeqCst);
        result.map_err(|failure| if failure.code == NO_ROWS { self.accounted(failure, index) } else { failure })
    }

    /// A failure of a stage without rows, with the number of rows that each stage before it dropped.
    fn accounted(&self, failure: Failure, index: usize) -> Failure {
        let mut before: Vec<usize> = self.plan.inputs(index).into_iter().map(|(from, _)| from).collect();
        let mut known: BTreeSet<usize> = before.iter().copied().collect();
        let mut told = Vec::new();
        while let Some(from) = before.pop() {
            let stage = &self.plan.stage(from).stage;
            let lines = self.at_hand(from).map(|outputs| stage.account(&outputs)).unwrap_or_default();
            told.push((from, lines));
            before.extend(self.plan.inputs(from).into_iter().map(|(from, _)| from).filter(|from| known.insert(*from)));
        }
        // In the order in which the rows were dropped.
        told.sort_by_key(|(from, _)| *from);
        told.into_iter().flat_map(|(_, lines)| lines).fold(failure, Failure::hint)
    }

    /// The thread pool of the stages; `None` where threads cannot be created.
    fn pool(&self) -> Option<&rayon::ThreadPool> {
        let build = || rayon::ThreadPoolBuilder::new().num_threads(self.jobs()).stack_size(STACK).build().ok();
        self.pool.get_or_init(build).as_ref()
    }

    /// The bytes of an artifact. An artifact that the store lost in the meantime is computed again.
    fn artifact(&self, from: usize, output: &str) -> Result<Arc<Vec<u8>>, Failure> {
        let lost = || Failure::internal(format!("stage {} has no output `{output}`", self.plan.stage(from).id));
        self.outputs(from)?.get(output).cloned().ok_or_else(lost)
    }

    fn fetch(&self, url: &str, sha256: &str, most: u64) -> Result<Arc<Vec<u8>>, Failure> {
        match Fetcher::new(self.store, self.options).get(url, sha256, most) {
            Ok((bytes, refused)) => {
                if let Some(refused) = refused {
                    self.tell(&Event::Notice(refused));
                }
                Ok(bytes)
            }
            Err(error) => {
                let failure = Failure::new("no-download", error.to_string());
                Err(match error {
                    FetchError::NoSnapshot { .. } => failure,
                    FetchError::Offline { .. } => failure.hint("run once without --offline, or name a folder that has the file: --mirror DIR"),
                    FetchError::Network { .. } => failure.hint("download the file yourself and name its folder: --mirror DIR"),
                    FetchError::Mismatch { .. } => failure.hint("the file on the web has changed since it was pinned; if you trust the new one, pin its SHA-256"),
                })
            }
        }
    }

    fn snapshot(&self, path: &Path, name: &str, sha256: &str, most: u64) -> Result<Arc<Vec<u8>>, Failure> {
        let found = Fetcher::new(self.store, self.options).snapshot(path, name, sha256, most);
        found.map_err(|error| {
            Failure::new("no-snapshot", error.to_string())
                .hint("restore the file from version control, or run `lawfit update` to take a new snapshot, which may differ")
        })
    }
}

/// The failure of a stage that panicked, which indicates a defect.
fn panicked(stage: &StageId, panic: &(dyn std::any::Any + Send)) -> Failure {
    Failure::internal(format!("stage {stage} panicked: {}", panic_in_words(panic)))
}

/// The digests of a stage's files, with the bytes of files on disk.
fn digest_files(externals: &[External]) -> Result<Vec<FileInput>, Failure> {
    externals
        .iter()
        .map(|external| match external {
            External::File { path, name, most } => {
                let bytes = read_file(path, name, *most)?;
                Ok((input_digest(external, Some(&bytes)), Some(bytes)))
            }
            // A pinned file is identified by its digest; its bytes are fetched when they are needed.
            External::Pinned { .. } | External::Snapshot { .. } => Ok((input_digest(external, None), None)),
        })
        .collect()
}

/// The state of every stage in the store, as far as it can be known without running.
pub fn look(plan: &Plan, store: &Store) -> Vec<Look> {
    look_closely(plan, store).into_iter().map(|(look, _)| look).collect()
}

/// As [`look`], with the fingerprint of each stage whose inputs are known.
pub fn look_closely(plan: &Plan, store: &Store) -> Vec<(Look, Option<String>)> {
    let mut looks: Vec<(Look, Option<String>)> = Vec::new();
    let mut known: BTreeMap<usize, Manifest> = BTreeMap::new();
    for index in 0..plan.len() {
        let stage = &plan.stage(index).stage;
        let upstream: Option<BTreeMap<usize, Manifest>> =
            distinct_inputs(plan, index).into_iter().map(|from| Some((from, known.get(&from)?.clone()))).collect();
        looks.push(match (upstream, digest_files(stage.externals())) {
            (_, Err(failure)) => (Look::Unreadable(failure.message), None),
            (None, Ok(_)) => (Look::Unknown, None),
            (Some(upstream), Ok(files)) => {
                let fingerprint = Fingerprint::new(stage.as_ref(), inputs_of(plan, index, &upstream, &files)).text();
                let key = Fingerprint::key(&fingerprint);
                let look = match store.find(&key, &|outputs| has_roles(stage.as_ref(), outputs)) {
                    Some(outputs) => {
                        known.insert(index, outputs);
                        Look::Hit(key)
                    }
                    None => Look::Miss(key),
                };
                (look, Some(fingerprint))
            }
        });
    }
    looks
}

/// Whether outputs have the roles that a stage produces.
fn has_roles(stage: &dyn Stage, outputs: &Manifest) -> bool {
    stage.produces(&outputs.keys().map(String::as_str).collect::<Vec<_>>())
}

/// The stages on which a stage depends.
fn distinct_inputs(plan: &Plan, index: usize) -> Vec<usize> {
    let mut all: Vec<usize> = plan.inputs(index).into_iter().map(|(from, _)| from).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The digests of a stage's inputs, by role.
fn inputs_of(
    plan: &Plan,
    index: usize,
    upstream: &BTreeMap<usize, Manifest>,
    files: &[FileInput],
) -> Vec<(String, String)> {
    let mut inputs: Vec<(String, String)> =
        files.iter().enumerate().map(|(i, (digest, _))| (format!("file.{i}"), digest.clone())).collect();
    for (from, edge) in plan.inputs(index) {
        let digest = upstream
            .get(&from)
            .and_then(|m| m.get(&edge.output))
            .map_or(String::new(), |blob| format!("b3:{}", blob.digest));
        inputs.push((edge.input.clone(), digest));
    }
    inputs
}

fn read_file(path: &Path, name: &str, most: u64) -> Result<Arc<Vec<u8>>, Failure> {
    file::read(path, most).map(Arc::new).map_err(|error| {
        let failure = Failure::new("unreadable-file", format!("{name}: {error}"));
        let is_large = error.kind() == std::io::ErrorKind::FileTooLarge;
        if is_large { failure.hint("if this size is intended, allow it: `--allow large`") } else { failure }
    })
}
