//! Snakemake: a rule for chunks and one for the end; which chunk needs which, the Snakefile reads in the plan.

use std::collections::BTreeMap;

use super::{Jobs, Target, command_line, quoted};
use crate::cli::compiled::{DONE, FINISHED, PLAN};

pub(super) struct Snakemake;

impl Target for Snakemake {
    fn files(&self, jobs: &Jobs<'_>) -> BTreeMap<&'static str, (String, bool)> {
        BTreeMap::from([("Snakefile", (snakefile(jobs), false))])
    }

    fn command(&self, jobs: &Jobs<'_>) -> String {
        let file = quoted(&format!("{}/Snakefile", jobs.folder));
        // Jobs may run twice, so nothing need be locked, and a Snakemake that was killed needs no other command to go on.
        format!("snakemake --snakefile {file} --cores all --nolock --rerun-incomplete")
    }
}

/// A text between quotes of Python that Snakemake takes as it stands.
fn literal(text: &str) -> String {
    format!("{:?}", text.replace('{', "{{").replace('}', "}}"))
}

fn snakefile(jobs: &Jobs<'_>) -> String {
    let (cpus, memory) = (jobs.common.cpus, jobs.common.memory);
    let root = quoted(&jobs.root);
    // What Snakemake fills in must not be quoted by then.
    let chunk = command_line(&jobs.exec(&["--chunk", "CHUNK", "--jobs", "THREADS"]));
    let chunk =
        literal(&format!("cd {root} && {chunk}")).replace("CHUNK", "{wildcards.chunk}").replace("THREADS", "{threads}");
    let finish = literal(&format!("cd {root} && {}", command_line(&jobs.finish())));
    format!(
        r#"# {head}
# In place of --cores all, the options of an executor: --executor slurm --jobs 100, say. Jobs may run twice: --nolock is safe, and with it
# and --rerun-incomplete a Snakemake that was killed goes on.
import json
import os

# Files of Snakemake are kept here too.
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
    resources:
        mem_mb={memory},
    shell: {finish}
"#,
        head = jobs.head(),
    )
}
