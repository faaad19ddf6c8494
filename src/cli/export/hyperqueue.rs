//! `HyperQueue`: a job file with a task for each chunk, with its dependencies, and a task for the end.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::{Jobs, Target, quoted};

pub(super) struct Hyperqueue;

/// A job file (<https://it4innovations.github.io/hyperqueue/stable/jobs/jobfile/>).
#[derive(Serialize)]
struct JobFile {
    name: &'static str,
    task: Vec<Task>,
}

#[derive(Serialize)]
struct Task {
    id: usize,
    command: Vec<String>,
    cwd: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_limit: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deps: Vec<usize>,
    request: [Request; 1],
}

#[derive(Clone, Serialize)]
struct Request {
    resources: BTreeMap<&'static str, u32>,
}

impl Target for Hyperqueue {
    fn files(&self, jobs: &Jobs<'_>) -> io::Result<BTreeMap<&'static str, (String, bool)>> {
        Ok(BTreeMap::from([("jobs.toml", (job_file(jobs)?, false))]))
    }

    fn command(&self, jobs: &Jobs<'_>) -> String {
        format!("hq job submit-file {}", quoted(&format!("{}/jobs.toml", jobs.folder)))
    }
}

/// Arguments with further arguments appended.
fn with(mut words: Vec<String>, more: &[&str]) -> Vec<String> {
    words.extend(more.iter().map(|word| (*word).to_owned()));
    words
}

fn job_file(jobs: &Jobs<'_>) -> io::Result<String> {
    let (cpus, memory) = (jobs.common.cpus, jobs.common.memory);
    // `mem` is in MB; workers find out how much they have (<https://it4innovations.github.io/hyperqueue/stable/jobs/resources/>).
    let request = [Request { resources: BTreeMap::from([("cpus", u32::from(cpus)), ("mem", memory)]) }];
    let cwd = std::env::current_dir()?.to_string_lossy().into_owned();
    let chunks = &jobs.plan.chunks;
    let mut task: Vec<Task> = chunks
        .iter()
        .enumerate()
        .map(|(id, chunk)| Task {
            id,
            command: with(jobs.exec(), &["--chunk", &id.to_string(), "--jobs", &cpus.to_string()]),
            cwd: cwd.clone(),
            time_limit: Some(format!("{}m", chunk.minutes)),
            deps: chunk.needs.clone(),
            request: request.clone(),
        })
        .collect();
    let deps = (0..chunks.len()).collect();
    let command = with(jobs.finish(), &["--jobs", &cpus.to_string()]);
    task.push(Task { id: chunks.len(), command, cwd, time_limit: None, deps, request });
    let file = JobFile { name: "lawfit", task };
    let text = toml::to_string(&file).map_err(io::Error::other)?;
    Ok(format!("# {}\n{text}", jobs.head()))
}
