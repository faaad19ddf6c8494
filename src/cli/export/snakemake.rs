//! Snakemake: a rule for chunks and a rule for the end. The Snakefile reads the dependencies of chunks from the plan.

use std::collections::BTreeMap;
use std::io;

use super::{Jobs, Target, command_line, quoted};
use crate::cli::compiled::{DONE, FINISHED, PLAN};

pub(super) struct Snakemake;

impl Target for Snakemake {
    fn files(&self, jobs: &Jobs<'_>) -> io::Result<BTreeMap<&'static str, (String, bool)>> {
        Ok(BTreeMap::from([("Snakefile", (snakefile(jobs), false))]))
    }

    fn command(&self, jobs: &Jobs<'_>) -> String {
        let file = quoted(&format!("{}/Snakefile", jobs.folder));
        // Jobs may run twice, so no lock is needed, and the same command continues after Snakemake was killed.
        format!("snakemake --snakefile {file} --cores all --nolock --rerun-incomplete")
    }
}

/// The command of a rule as a Python string: `words`, in which Snakemake replaces nothing, then `filled`, in which it
/// replaces `{names}`.
fn shell(root: &str, words: &[String], filled: &str) -> String {
    let fixed = format!("cd {} && {}", quoted(root), command_line(words)).replace('{', "{{").replace('}', "}}");
    // A JSON string is also a Python string.
    serde_json::Value::from(format!("{fixed} {filled}")).to_string()
}

fn snakefile(jobs: &Jobs<'_>) -> String {
    let (cpus, memory) = (jobs.common.cpus, jobs.common.memory);
    let chunk = shell(&jobs.root, &jobs.exec(), "--chunk {wildcards.chunk} --jobs {threads}");
    let finish = shell(&jobs.root, &jobs.finish(), "--jobs {threads}");
    format!(
        r#"# {head}
# For another executor, give its options in place of --cores all, such as --executor slurm --jobs 100. Jobs may run twice, so --nolock is
# safe; with it and --rerun-incomplete, Snakemake goes on after it was killed.
import json
import os

# Snakemake keeps its own files in this folder too.
workdir: workflow.basedir

with open(os.path.join(workflow.basedir, "{PLAN}")) as plan:
    PLANNED = json.loads(plan.readline())
CHUNKS = PLANNED["chunks"]
MARKS = "{DONE}/" + PLANNED["id"]

wildcard_constraints:
    chunk=r"\d+",

localrules: all

rule all:
    input: MARKS + "/{FINISHED}"

rule chunk:
    input: lambda wildcards: [f"{{MARKS}}/{{chunk}}" for chunk in CHUNKS[int(wildcards.chunk)]["needs"]]
    output: MARKS + "/{{chunk}}"
    threads: {cpus}
    resources:
        mem_mb={memory},
        runtime=lambda wildcards: CHUNKS[int(wildcards.chunk)]["minutes"],
    shell: {chunk}

# Reports and lock files.
rule finish:
    input: [f"{{MARKS}}/{{chunk}}" for chunk in range(len(CHUNKS))]
    output: MARKS + "/{FINISHED}"
    threads: {cpus}
    resources:
        mem_mb={memory},
    shell: {finish}
"#,
        head = jobs.head(),
    )
}
